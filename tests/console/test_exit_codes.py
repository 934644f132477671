"""What does a command's exit code say, and does it say the same wherever the answers came from?"""

from __future__ import annotations

import re
from pathlib import Path

from .conftest import Plurijudge

RECORDED = [
    {"item": "q1", "judge": "g", "presentation": ["a", "b"], "status": "ok", "preferred": "a", "raw": "[[A]]"},
    {"item": "q1", "judge": "g", "presentation": ["b", "a"], "status": "ok", "preferred": "a", "raw": "[[B]]"},
    {"item": "q2", "judge": "g", "presentation": ["a", "b"], "status": "ok", "preferred": "a", "raw": "[[A]]"},
]
REPLAY = ("--model", "replay/v.jsonl?judge=g", "--limit", "2")


def test_judging_ends_with_0_also_when_all_came_from_the_cache(judged: Plurijudge) -> None:
    assert "3 read, 3 judged, 6 calls, 0 from the cache" in (judged.folder / "first.err").read_text()
    again = judged("judge", "items.jsonl")
    assert again.code == 0
    assert "3 read, 3 judged, 0 calls, 6 from the cache" in again.err


def test_a_flip_is_no_failure(plurijudge: Plurijudge) -> None:
    done = plurijudge("judge", "items.jsonl", "--judge", "own:first", "--json")
    assert done.code == 0
    assert {row["outcome"] for row in done.json()["decisions"]} == {"flipped"}
    assert "3 flipped" in done.err


def test_some_failed_decisions_end_with_1_and_can_be_asked_again(plurijudge: Plurijudge) -> None:
    plurijudge.write("v.jsonl", RECORDED)
    done = plurijudge("judge", "items.jsonl", *REPLAY, "--json")
    assert done.code == 1
    assert {row["item"]: row["outcome"] for row in done.json()["decisions"]} == {"q1": "ok", "q2": "failed"}
    assert "2 read, 1 judged, 1 failed (verdicts: 1 error: miss)" in done.err
    again = plurijudge("judge", "--run", "last", "--retry-failed", "--json")
    assert again.code == 1
    assert again.json()["parent"] == done.json()["run"]
    assert [row["item"] for row in again.json()["decisions"]] == ["q2"]
    closed = plurijudge("judge", "--run", done.json()["run"], "-q")
    assert (closed.code, closed.out) == (1, "")


def test_a_run_that_reaches_its_limit_ends_with_3_and_says_how_to_go_on(plurijudge: Plurijudge) -> None:
    done = plurijudge("judge", "items.jsonl", "--judge", "own:longer", "--max-calls", "3", "-c", "1", "-q")
    assert done.code == 3
    said = re.search(r"stopped: the limit of 3 calls is reached; go on with: plurijudge (judge --run \S+)", done.err)
    assert said is not None
    again = plurijudge(*said[1].split(), "-q")
    assert again.code == 0
    assert "3 judged" in again.err
    unpriced = plurijudge("judge", "items.jsonl", "--model", "openai/nameless", "--budget", "1", "-q")
    assert unpriced.code == 2
    assert "--max-calls" in unpriced.err


def test_the_real_command_ends_with_the_same_codes(plurijudge: Plurijudge) -> None:
    assert plurijudge.cold("judge", "items.jsonl", "--judge", "own:longer", "-q").code == 0
    assert plurijudge.cold("judge", "items.jsonl", "--judge", "own:fails", "-q").code == 1
    missing = plurijudge.cold("judge", "nope.jsonl")
    assert missing.code == 2
    assert missing.err == "error: There is no file nope.jsonl.\n  try: items.jsonl\n"


def test_a_fault_of_ours_ends_with_70_and_leaves_a_trace_without_keys(plurijudge: Plurijudge) -> None:
    site = plurijudge.folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import os\n"
        "import plurijudge.store.queries as queries\n"
        "def broken(*_, **__):\n"
        "    raise ZeroDivisionError('divided with ' + os.environ['OPENAI_API_KEY'])\n"
        "queries.runs_of = broken\n"
    )
    plurijudge.write("plurijudge.db", b"")
    assert plurijudge("judge", "items.jsonl", "--judge", "own:longer", "-q").code == 0
    key = "sk-proj-aVeryLongAndVerySecretKey0123456789"
    failed = plurijudge.cold("runs", PYTHONPATH=str(site), OPENAI_API_KEY=key)
    assert failed.code == 70
    assert not failed.out
    assert "a fault in plurijudge itself (ZeroDivisionError)" in failed.err
    [path] = re.findall(r"report it with (\S+)", failed.err)
    trace = Path(path).read_text()
    assert "ZeroDivisionError: divided with [secret]" in trace
    assert key not in trace + failed.err


def test_debugging_shows_the_trace_at_once(plurijudge: Plurijudge) -> None:
    ended = plurijudge.cold("runs", PLURIJUDGE_DEBUG="1", debug=True)
    assert ended.code == 2
    assert "NoStore: There is no store at plurijudge.db." in ended.err

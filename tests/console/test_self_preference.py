"""Does the command ask what it said, go on where it was killed, and say who favours their own?"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from ..court import rows
from ..loopback import Loopback
from .conftest import COMMAND, Plurijudge

CANDIDATES, GOLD = "openai/gpt-x,openai/llama-y,openai/qwen-z", "openai/claude-1,openai/gemini-2,openai/mistral-3"
WRITES = [["You answer requests", "I am {model}, and of this I say {hash}."]]
QUICK = ("--resamples", "200", "-q")


@pytest.fixture(scope="module")
def writer() -> Iterator[Loopback]:
    """A server whose models answer prompts and judge."""
    with Loopback(replies=WRITES) as server:
        yield server


def prompts(n: int) -> list[dict[str, Any]]:
    return [{"id": f"q{i}", "prompt": f"What is {i}?"} for i in range(n)]


def command(server: Loopback, *more: str) -> tuple[str, ...]:
    who = ("--candidates", CANDIDATES, "--gold", GOLD, "--base-url", server.base_url)
    return ("self-preference", "prompts.jsonl", *who, *QUICK, *more)


def recorded(folder: Plurijudge, *, items: int = 8) -> None:
    """Verdicts of m1 and m2, who each prefer their own, and of two gold judges, who prefer m1's on every other item."""
    models = {"a": "m1", "b": "m2"}

    def lines(judge: str, best: Any) -> list[dict[str, Any]]:
        return [
            {"item": f"q{n}", "judge": judge, "presentation": shown, "preferred": best(n), "models": models}
            for n in range(items)
            for shown in (["a", "b"], ["b", "a"])
        ]

    folder.write("verdicts.jsonl", [*lines("m1", lambda n: "a"), *lines("m2", lambda n: "b")])
    gold = [one for name in ("g1", "g2") for one in lines(name, lambda n: "ab"[n % 2])]
    folder.write("gold.jsonl", gold)


FILES = ("self-preference", "--verdicts", "verdicts.jsonl", "--gold-verdicts", "gold.jsonl", *QUICK)


# Asked live.


@pytest.mark.slow
def test_killed_and_typed_again_it_asks_as_many_calls_as_it_said_and_the_report_shows_the_matrix(
    plurijudge: Plurijudge,
) -> None:
    plurijudge.write("prompts.jsonl", prompts(50))
    with Loopback(replies=WRITES, latency=0.01) as server:
        said = plurijudge(*command(server, "--dry-run", "--json")).json()
        assert said == {"prompts": 50, "answers": 150, "verdicts": 1800, "calls": 1950, "stored": 0}
        assert "plurijudge.db" not in plurijudge.files()
        process = subprocess.Popen(
            [*COMMAND, *command(server)],
            cwd=plurijudge.folder,
            env=plurijudge.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        server.wait_until(lambda stat: stat["good"] >= 500)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        db = plurijudge.folder / "plurijudge.db"
        kept = rows(db, "SELECT COUNT(*) FROM call WHERE status = 'ok'")[0][0]
        assert 400 < kept < 1950
        again = plurijudge(*command(server, "--dry-run", "--json")).json()
        assert (again["calls"], again["stored"] <= kept, again["stored"] > 150) == (1950, True, True)
        server.script(latency=0.0)
        done = plurijudge(*command(server))
        assert done.code == 0, done.err
        received = server.stat()["received"]
    lost = rows(db, "SELECT COUNT(*) FROM call WHERE status = 'unknown'")[0][0]
    assert received <= 1950 + lost + 16  # what was in flight is asked again, and what was answered but not written yet
    assert rows(db, "SELECT COUNT(*), COUNT(DISTINCT key) FROM call WHERE status = 'ok'") == [(1950, 1950)]
    shown = plurijudge("report", "last")
    assert shown.code == 0 and "Matrix: EQB in points" in shown.out
    matrix = shown.out[shown.out.index("Matrix:") :].splitlines()
    assert re.split(r"\s{2,}", matrix[1].strip()) == ["judge", *CANDIDATES.split(",")]
    assert [line.split()[0] for line in matrix[3:6]] == CANDIDATES.split(",")
    assert "1950" not in shown.out  # each run tells of its own calls alone


def test_it_says_who_took_part_what_was_found_and_how_to_make_it_again(
    plurijudge: Plurijudge, writer: Loopback
) -> None:
    plurijudge.write("prompts.jsonl", prompts(3))
    done = plurijudge(*command(writer, "--json", "--picture", "own.svg"))
    assert done.code == 0, done.err
    document = done.json()
    assert document["matrix"]["gold_judges"] == GOLD.split(",") and len(document["matrix"]["cells"]) == 6
    cell = document["matrix"]["cells"][0]
    assert {"judge", "opponent", "conclusion", "p_adjusted"} <= set(cell)
    assert set(cell["score"]["dbg"]) == {
        *("estimate", "standard_error", "low", "high", "level", "method", "n", "left_out", "reason")
    }
    again = plurijudge(*document["command"].split()[1:], "--json")
    assert again.code == 0, again.err
    first, second = ({**one["matrix"], "options": None} for one in (document, again.json()))
    assert first == second
    picture = ElementTree.parse(plurijudge.folder / "own.svg").getroot()
    texts = [one.text or "" for one in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert {"the judge", "gold", "a coin", "an author-blind judge with the same errors"} <= set(texts)
    assert sum(text.startswith("DBG ") for text in texts) == 6


def test_a_budget_stops_it_and_the_same_command_goes_on(plurijudge: Plurijudge, writer: Loopback) -> None:
    plurijudge.write("prompts.jsonl", prompts(2))
    writer.reset()  # it answers as it did at first
    stopped = plurijudge(*command(writer, "--max-calls", "20"))
    assert stopped.code == 3 and "type it again to go on" in stopped.err, stopped.err
    assert "budget" not in stopped.out
    assert plurijudge(*command(writer)).code == 0
    assert writer.stat()["received"] == 6 + 2 * 3 * 2 * 6


def test_kin_is_refused_before_there_is_a_store_and_allowed_with_a_note(
    plurijudge: Plurijudge, writer: Loopback
) -> None:
    plurijudge.write("prompts.jsonl", prompts(2))
    who = ("self-preference", "prompts.jsonl", "--candidates", "openai/gpt-x,openai/llama-y")
    kin = (*who, "--gold", "openai/gpt-5,openai/claude-1", "--base-url", writer.base_url, *QUICK)
    refused = plurijudge(*kin)
    assert refused.code == 2 and "is of the family of openai/gpt-x (OpenAI)" in refused.err
    assert "--allow-kin" in refused.err and "plurijudge.db" not in plurijudge.files()
    allowed = plurijudge(*kin, "--allow-kin")
    assert allowed.code == 0, allowed.err
    assert "Note: the gold judge openai/gpt-5 is of the family of openai/gpt-x (OpenAI)." in allowed.out
    assert "is of the family of openai/gpt-x" in plurijudge("report", "last").out


# Read from records.


def test_recorded_verdicts_are_told_in_words(plurijudge: Plurijudge) -> None:
    recorded(plurijudge)
    done = plurijudge(*FILES)
    assert done.code == 0, done.err
    assert "m1 against m2, 8 prompts: it prefers its own answer on 100.00 %, gold on 50.00 %: DBG +50.00" in done.out
    assert "It judged no pair of other models" in done.out and "A coin would score +0.00" in done.out
    assert "Gold: g1, g2." in done.out
    [again] = re.findall(r"recompute: plurijudge (.+)", done.out)
    assert "DBG +50.00" in plurijudge(*again.split()).out
    kept = plurijudge("query", "SELECT judge, estimate FROM dbg_score WHERE measure = 'dbg' ORDER BY id", "--json")
    assert [row["estimate"] for row in kept.json()][:2] == [0.5, 0.5]


def test_a_gold_judge_that_was_asked_for_and_is_missing_is_an_error(plurijudge: Plurijudge) -> None:
    recorded(plurijudge)
    done = plurijudge(*FILES, "--gold", "g1,g2,g3")
    assert (done.code, done.out) == (2, "") and "The gold judge `g3` has no verdict" in done.err


def test_bad_lines_are_named_and_the_others_kept(plurijudge: Plurijudge) -> None:
    recorded(plurijudge)
    with (plurijudge.folder / "verdicts.jsonl").open("a") as file:
        file.write('{"item": "q1", "judge": "m1"}\n')
    done = plurijudge(*FILES)
    assert done.code == 0 and "verdicts.jsonl:33: `presentation`" in done.err
    assert plurijudge(*FILES, "--strict").code == 2


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "needs ITEMS, or recorded verdicts, or stored runs"),
        (("prompts.jsonl", "--verdicts", "verdicts.jsonl"), "one of them"),
        (("--verdicts", "verdicts.jsonl"), "Recorded verdicts need gold's"),
        (("--run", "last"), "A judge's run needs gold's"),
        (("--verdicts", "absent.jsonl", "--gold-verdicts", "gold.jsonl"), "absent.jsonl"),
        (("prompts.jsonl", "--candidates", "openai/gpt-x"), "two candidates"),
        (("prompts.jsonl", "--candidates", "openai/gpt-x,openai/llama-y"), "no gold judge"),
        (("prompts.jsonl", "--candidates", "a,b", "--gold", "c,d", "--family", "x"), "names no family"),
        ((*FILES[1:5], "--candidates", "a,b"), "`--candidates` goes with ITEMS"),
        ((*FILES[1:5], "--wrote", "m1"), "names no model"),
    ],
)
def test_what_cannot_be_asked_is_refused_and_leaves_nothing(
    plurijudge: Plurijudge, args: tuple[str, ...], message: str
) -> None:
    plurijudge.write("prompts.jsonl", prompts(1))
    recorded(plurijudge)
    done = plurijudge("self-preference", *args)
    assert (done.code, done.out) == (2, "") and message in done.err, done.err
    assert "plurijudge.db" not in plurijudge.files()


def test_a_dry_run_counts_answers_that_came_along(plurijudge: Plurijudge, writer: Loopback) -> None:
    given = prompts(2)
    given[0]["responses"] = [{"id": "r", "model": "openai/gpt-x", "text": "known"}]
    plurijudge.write("prompts.jsonl", given)
    said = plurijudge(*command(writer, "--dry-run"))
    assert said.code == 0 and said.out == "2 prompts: 77 calls (5 answers, 72 verdicts)\n"
    one = plurijudge(*command(writer, "--dry-run", "--limit", "1", "--samples", "2"))
    assert one.out == "1 prompts: 74 calls (2 answers, 72 verdicts)\n"
    empty = plurijudge.write("prompts.jsonl", "")
    assert Path(empty).exists() and plurijudge(*command(writer, "--dry-run")).code == 2


def test_the_picture_of_one_pair_holds_both_judges(plurijudge: Plurijudge) -> None:
    recorded(plurijudge)
    assert plurijudge(*FILES, "--picture", "own.svg").code == 0
    text = (plurijudge.folder / "own.svg").read_text()
    assert ElementTree.fromstring(text).get("role") == "img"
    assert text.count('<circle class="judge"') == 3 and "m1 against m2" in text and "m2 against m1" in text
    refused = plurijudge(*FILES, "--picture", "nowhere/own.svg")
    assert refused.code == 2 and "nowhere/own.svg cannot be written" in refused.err
    assert json.loads(plurijudge(*FILES, "--json").out)["matrix"]["models"] == ["m1", "m2"]


def test_probabilities_are_read_where_the_provider_gives_them_and_missed_aloud_where_not(
    plurijudge: Plurijudge, writer: Loopback
) -> None:
    plurijudge.write("prompts.jsonl", prompts(3))
    writer.reset()
    who = ("--candidates", "openai/gpt-x,openai/llama-y", "--gold", "openai/claude-1,openai/gemini-2", "--logprobs")
    asked = ("self-preference", "prompts.jsonl", *who, "--base-url", writer.base_url, *QUICK)
    done = plurijudge(*asked, "--json")
    assert done.code == 0, done.err
    for cell in done.json()["matrix"]["cells"]:
        assert cell["soft"] is not None and cell["score"]["mass_mean"] == pytest.approx(0.9)
    assert "on both letters, least" in plurijudge("report", "last").out
    writer.script(gives_logprobs=False)
    without = plurijudge(*asked, "--fresh", "--db", "other.db")
    assert without.code == 0, without.err
    assert "6 verdicts of openai/gpt-x hold no probabilities: its provider gave none" in without.out


def test_what_is_done_to_the_answers_is_counted_beforehand_and_shown_behind(
    plurijudge: Plurijudge, writer: Loopback
) -> None:
    plurijudge.write("prompts.jsonl", prompts(2))
    said = plurijudge(*command(writer, "--rewrite", "openai/command-r", "--dry-run"))
    both = "6 answers, 144 verdicts, 12 for rewritings and their checks"
    assert said.out == f"2 prompts: at most 162 calls ({both})\n", said.err
    shown = plurijudge(*command(writer, "--disclose"))
    assert shown.code == 0, shown.err
    assert "Do the judges favour their own answers? (disclosed)" in shown.out
    assert shown.out.count("Matrix: EQB") == 2
    refused = plurijudge(*command(writer, "--style", "terse"))
    assert refused.code == 2 and "go with a writer" in refused.err

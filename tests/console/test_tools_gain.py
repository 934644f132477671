"""Does `tools-gain` say whether a judge's tools earned their place, and how its numbers are computed again?"""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Plurijudge

SUMS = [(17, 23), (12, 12), (31, 7), (45, 6), (19, 21), (14, 13)]


def items() -> list[dict[str, Any]]:
    """Sums whose wrong answer is the longer, more assured one, and a question of taste."""
    made: list[dict[str, Any]] = []
    for number, (x, y) in enumerate(SUMS):
        wrong = f"Great question! Step by step, as everyone can verify, the definitive answer is {x * y + 10}."
        sides = [{"id": "a", "text": f"{x * y}."}, {"id": "b", "text": wrong}]
        made.append(
            {"id": f"s{number}", "prompt": f"What is {x}*{y}?", "responses": sides, "gold": [{"preferred": "a"}]}
        )
    sides = [{"id": "a", "text": "Yes, it usually is."}, {"id": "b", "text": "Yes."}]
    return [*made, {"id": "t", "prompt": "Is it kind to thank?", "responses": sides, "meta": {"tool": "none"}}]


@pytest.fixture
def tried(plurijudge: Plurijudge) -> Plurijudge:
    """The command in a folder with sums and a judge of one's own, which prefers the longer answer."""
    plurijudge.write("sums.jsonl", items())
    plurijudge.write("judge.yaml", "function: own:longer\nmodel: callable/own:longer\ntools: [calculator, units]\n")
    return plurijudge


def test_tools_that_turn_every_wrong_verdict_earn_their_place(tried: Plurijudge) -> None:
    done = tried("tools-gain", "sums.jsonl", "--judge", "judge.yaml", "--quiet")
    assert done.code == 0, done.err
    last = done.out.strip().splitlines()
    assert last[-2].startswith("the tools earned their place: 6 decisions gained, 0 lost, exact McNemar p = 0.0312")
    assert "gain: with less without" in done.out and "ignored: item s0, shown a then b" in done.out
    again = tried(*last[-1].removeprefix("recompute: plurijudge ").split(), "--json")
    assert again.code == 0, again.err
    (told,) = again.json()["tools_gain"]
    gain = next(line for line in told["tools_gain"] if line["measure"] == "gain")
    assert (gain["estimate"], gain["gained"], gain["lost"], told["earned"], len(told["ignored"])) == (1, 6, 0, True, 12)
    kept = tried("query", "SELECT kind, command FROM analysis", "--json").json()
    assert [(row["kind"], row["command"]) for row in kept] == [("tools_gain", told["command"])] * 2


def test_each_tool_is_tried_alone_and_probes_add_their_runs(tried: Plurijudge) -> None:
    done = tried("tools-gain", "sums.jsonl", "--judge", "judge.yaml", "--each", "--probes", "--quiet", "--json")
    assert done.code == 0, done.err
    told = {document["tools"][0]: document for document in done.json()["tools_gain"]}
    assert {name: document["earned"] for name, document in told.items()} == {"calculator": True, "units": False}
    assert all(document["flipped_run"] and document["dead_run"] for document in told.values())
    assert tried("query", "SELECT count(*) AS n FROM run", "--json").json() == [{"n": 7}]


def test_items_may_come_from_standard_input_though_they_are_judged_twice(tried: Plurijudge) -> None:
    text = (tried.folder / "sums.jsonl").read_text(encoding="utf-8")
    done = tried("tools-gain", "-", "--tools", "calculator", "--limit", "2", "--json", stdin=text)
    assert done.code == 0, done.err
    assert len(done.json()["tools_gain"]) == 1


def test_a_trial_that_its_budget_stops_says_how_to_go_on(tried: Plurijudge) -> None:
    done = tried("tools-gain", "sums.jsonl", "--judge", "judge.yaml", "--max-calls", "16")
    assert done.code == 3 and done.out == ""
    assert "stopped: the limit of" in done.err and "not paid again" in done.err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "either ITEMS, or recorded runs"),
        (("sums.jsonl", "--with", "last"), "either ITEMS, or recorded runs"),
        (("--with", "last"), "a pair"),
        (("sums.jsonl",), "names no tools"),
        (("sums.jsonl", "--tools", "oracle"), "no tool `oracle`"),
    ],
)
def test_what_cannot_be_measured_is_refused(tried: Plurijudge, args: tuple[str, ...], message: str) -> None:
    done = tried("tools-gain", *args)
    assert done.code == 2 and message in done.err


def test_auto_takes_the_tools_that_earned_their_place_with_this_judge_and_no_other(tried: Plurijudge) -> None:
    judged = ("judge", "sums.jsonl", "--judge", "judge.yaml", "--tools", "auto", "-q")
    before = tried(*judged)
    assert before.code == 0 and "tools: none earned its place" in before.err
    assert tried("tools-gain", "sums.jsonl", "--judge", "judge.yaml", "--each", "--quiet").code == 0
    after = tried(*judged)
    assert after.code == 0 and "tools: calculator\n" in after.err
    newest = "run = (SELECT id FROM run ORDER BY created_at DESC LIMIT 1)"
    sides = f"SELECT preferred FROM decision WHERE item = 's0' AND {newest}"  # noqa: S608
    assert tried("query", sides, "--json").json() == [{"preferred": "a"}]
    other = tried("judge", "sums.jsonl", "--model", "builtin/heuristic", "--tools", "auto", "-q")
    assert other.code == 0 and "tools: none earned its place" in other.err

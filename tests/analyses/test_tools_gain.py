"""Is it found again what a judge's tools bring, and how it uses them?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from plurijudge.analyses.tools_gain import MEASURES, Compared, save, tools_gain
from plurijudge.store.engine import Store
from plurijudge.store.tables import metadata
from plurijudge.text.errors import BadInput, NotFound

from .bench import AB, BA, Bench, accusing, speaking_for

T = metadata.tables


def test_the_gain_is_that_of_final_verdicts_and_decisions_are_counted_on_either_side(store: Store) -> None:
    bench = Bench(store)
    table: list[tuple[str | list[str], tuple[str | None, str | None], tuple[str | None, str | None]]] = [
        ("a", ("a", "a"), ("b", "b")),
        ("a", ("a", "a"), ("a", "b")),
        ("b", ("a", "a"), ("b", "b")),
        ("a", ("a", None), ("a", "a")),
        (["a", "tie"], ("tie", "a"), ("b", "tie")),
        (["a", "tie"], ("tie", "tie"), ("b", None)),
    ]
    outcomes = [("ok", "a"), ("ok", "a"), ("ok", "a"), ("abstained", None), ("tie", None), ("tie", None)]
    before = [("ok", "b"), ("flipped", None), ("ok", "b"), ("ok", "a"), ("failed", None), ("abstained", None)]
    for (gold, said, unaided), now, then in zip(table, outcomes, before, strict=True):
        item = bench.item(gold)
        bench.pair(item, *said)
        bench.pair(item, *unaided, run="without", hands=())
        bench.decide(item, *now)
        bench.decide(item, *then, run="without")
    bench.pair(bench.item(None), "a", "a")
    found = bench.measured()
    told = [found.one(name).estimate.estimate for name in ("accuracy_with", "accuracy_without", "gain")]
    assert told == pytest.approx([9 / 11, 6 / 11, (2 + 1 - 2 + 0 + 1 + 1) / 10])
    gain = found.one("gain")
    assert (gain.gained, gain.lost, gain.p_value) == (3, 2, 1.0)  # the failed one is left out
    assert [gain.worst, gain.best] == pytest.approx([(9 - 7) / 12, (10 - 6) / 12])
    assert found.one("accuracy_with").by_status == {"ok": 13, "unparseable": 1}
    assert found.earned is False and found.why.startswith("3 decisions gained, 2 lost")
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["with_run"] == "with"


def test_a_word_that_was_settled_otherwise_is_ignored_evidence_and_one_that_agrees_is_not(bench: Bench) -> None:
    heeded, ignored, half, silent, unsaid = (bench.item() for _ in range(5))
    bench.pair(heeded, "a", "a", found=speaking_for("a"))
    bench.pair(ignored, "b", "tie", found=speaking_for("a"))
    bench.heard(half, "b", shown=AB, asked=[{"found": speaking_for("b")}])
    bench.heard(half, "b", shown=BA, asked=[{"found": speaking_for("b")}], found=speaking_for("a"))
    bench.pair(silent, None, "a", found=speaking_for("a"))
    bench.pair(unsaid, "b", "b")
    found = bench.measured()
    line = found.one("ignored")
    assert line.estimate.estimate == pytest.approx(3 / 7) and line.estimate.n == 4
    assert [line.worst, line.best] == pytest.approx([4 / 8, 3 / 8])
    told = [(one.item, one.presentation, one.implied, one.said) for one in found.ignored]
    assert told == [(ignored, AB, "a", "b"), (ignored, BA, "a", "tie"), (half, BA, "a", "b")]


def test_each_of_several_tools_is_held_against_the_word_by_itself(bench: Bench) -> None:
    tools, item = ("calculator", "units"), bench.item()
    bench.heard(item, "b", shown=AB, hands=tools, found=speaking_for("a") + speaking_for("b", "units"))
    bench.heard(item, "a", shown=BA, hands=tools, found=speaking_for("a") + accusing("b", tool="units"))
    found = bench.measured()
    shares = {tool: found.one("ignored", tool=tool).estimate.estimate for tool in ("", *tools)}
    assert shares == {"": 0.0, "calculator": 0.5, "units": 0.0}  # of two that contradict each other nothing follows
    assert [len(found.ignored), found.one("claim_recall", tool="units").estimate.estimate] == [0, 1.0]


CALL = {"status": "ok"}


@pytest.mark.parametrize(
    ("tool", "hands", "found", "measure"),
    [
        ("", ("calculator",), speaking_for("a"), "call_rate"),
        ("calculator", (), [], "call_rate"),
        ("none", ("calculator",), speaking_for("a"), "needless_calls"),
        ("", (), [], "needless_calls"),
        ("", ("echo",), [], ""),
        ("", ("calculator",), [], ""),
    ],
)
def test_an_item_is_one_for_a_tool_or_for_none_by_its_meta_or_else_by_its_records(
    bench: Bench, tool: str, hands: tuple[str, ...], found: list[dict[str, Any]], measure: str
) -> None:
    item = bench.item(tool=tool)
    bench.heard(item, "a", shown=AB, hands=hands, found=found, asked=[CALL, CALL])
    bench.heard(item, "a", shown=BA, hands=hands, found=found)
    bench.heard(item, None, sample=1, status="error", reason="transport", hands=hands)  # the model was never heard
    told = {name: bench.share(name) for name in ("call_rate", "needless_calls")}
    assert told == {name: 0.5 if name == measure else None for name in told}
    assert ("gate" in bench.measured().one("needless_calls").against) is (tool != "none")
    if measure == "call_rate":
        assert [bench.share("calls_per_verdict"), bench.share("missed_calls")] == [1.0, 0.0]
        bench.pair(bench.item(tool="calculator"), "a", "a", hands=hands)
        assert bench.share("missed_calls") == 0.5


def test_calls_hold_or_are_refused_or_time_out_by_tool_and_those_beyond_the_budget_do_not_count(bench: Bench) -> None:
    asked = [
        {"status": "ok"},
        {"status": "refused", "reason": "too_large"},
        {"status": "refused", "reason": "bad_json", "arguments": ""},
        {"status": "refused", "reason": "unknown_tool", "arguments": "", "tool": "oracle"},
        {"status": "timeout", "reason": "timeout", "tool": "units"},
        {"status": "budget", "reason": "calls", "arguments": ""},
    ]
    bench.heard(bench.item(), "a", hands=("calculator", "units"), asked=asked)
    shares = {
        (name, tool): bench.share(name, tool)
        for name in ("argument_validity", "refusals", "timeouts")
        for tool in ("", "calculator", "units")
    }
    expected = {"argument_validity": (3 / 5, 2 / 3, 1), "refusals": (3 / 5, 2 / 3, 0), "timeouts": (1 / 5, 0, 1)}
    assert shares == {
        (name, tool): pytest.approx(value)
        for name, values in expected.items()
        for tool, value in zip(("", "calculator", "units"), values, strict=True)
    }


def test_worse_answers_are_recalled_and_better_ones_accused_only_where_gold_prefers_one(bench: Bench) -> None:
    told: list[tuple[str | list[str] | None, str]] = [("a", "b"), ("b", "b"), ("a", "ab"), ("a", "")]
    told += [(["a", "b"], "b"), (None, "a")]
    for gold, accused in told:
        bench.pair(bench.item(gold), "a", "a", found=accusing(*accused))
    bench.pair(bench.item("a"), "a", "a", hands=())  # no tool looked
    found = bench.measured()
    recall, accused_ = found.one("claim_recall").estimate, found.one("false_accusations").estimate
    assert [recall.estimate, accused_.estimate] == pytest.approx([2 / 4, 2 / 4])
    assert recall.n == accused_.n == 4


def test_a_judge_that_reads_its_results_changes_its_word_with_them_and_a_deaf_one_does_not(bench: Bench) -> None:
    for real, flipped in [("a", "b"), ("a", "a"), ("b", "tie"), ("a", None)]:
        item = bench.item()
        bench.pair(item, real, real, found=speaking_for("a"))
        bench.pair(item, flipped, flipped, run="flipped", found=speaking_for("b"), flipped=True)
        bench.pair(item, "b", "b", run="without", hands=())
        bench.pair(item, real, real, run="dead")
    untouched = bench.item()
    bench.pair(untouched, "a", "a")
    bench.pair(untouched, "b", "b", run="flipped")
    found = bench.measured(probes=True)
    told = found.one("sensitivity")
    assert told.estimate.estimate == pytest.approx(2 / 3)
    assert (told.estimate.n, told.estimate.left_out, told.worst, told.best) == (3, 1, 0.5, 0.75)
    harm = found.one("dead_tool_harm").estimate
    assert (harm.estimate, harm.n) == (0.75, 4)
    assert found.runs == Compared("with", "without", "flipped", "dead")
    assert found.command == "plurijudge tools-gain --with with --without without --flipped flipped --dead dead"
    assert {line.measure for line in found.measures} == {*MEASURES}


def test_a_right_verdict_more_costs_what_the_answers_cost_whoever_paid_for_them(bench: Bench) -> None:
    for word in ("b", "b", "a"):
        item = bench.item()
        bench.pair(item, "a", "a")
        bench.pair(item, word, word, run="without", hands=())
        old = bench.call(item, "without", cost=0.01)
        bench.call(item, "with", status="hit", source=old, cost=0.0)
        bench.call(item, "with", cost=0.03)
        bench.call(item, "with", status="error", cost=None)
    found = bench.measured().one("cost_per_gain").estimate
    assert found.estimate == pytest.approx(3 * 0.03 / 4) and found.n == 3
    bench.call("q0", "with", cost=None)
    assert "1 answers have no known price" in bench.measured().one("cost_per_gain").estimate.reason


def test_what_brings_no_right_verdict_more_has_no_price_but_no_gain(bench: Bench) -> None:
    for with_tools in ("a", "b"):
        item = bench.item()
        bench.pair(item, with_tools, with_tools)
        bench.pair(item, "a", "a", run="without", hands=())
        found = bench.measured().one("cost_per_gain").estimate
        assert (found.estimate, found.reason) == (None, "no gain")


@pytest.mark.parametrize(
    ("gained", "lost", "needless", "earned"),
    [(6, 0, 0, True), (5, 0, 0, False), (8, 3, 0, False), (0, 6, 0, False), (6, 0, 1, False), (6, 0, None, None)],
)
def test_tools_earn_their_place_by_a_gain_beyond_chance_without_needless_calls(
    bench: Bench, gained: int, lost: int, needless: int | None, earned: bool | None
) -> None:
    for number in range(gained + lost):
        right, wrong = ("a", "b") if number < gained else ("b", "a")
        item = bench.item(tool="calculator")
        for run, word in (("with", right), ("without", wrong)):
            bench.pair(item, word, word, run=run)
            bench.decide(item, "ok", word, run=run)
    for number in range(10 if needless is not None else 0):
        bench.pair(bench.item(None, tool="none"), "a", "a", asked=[CALL] if number < (needless or 0) else [])
    found = bench.measured()
    assert found.earned is earned, found.why
    assert f"{gained} decisions gained, {lost} lost" in found.why


def test_without_gold_it_is_not_known_whether_tools_help_and_what_they_do_is_measured(bench: Bench) -> None:
    bench.pair(bench.item(None), "b", "b", found=speaking_for("a"))
    found = bench.measured()
    assert (found.earned, found.why) == (None, found.one("gain").estimate.reason)
    assert found.one("gain").p_value is None and found.one("ignored").estimate.estimate == 1.0


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"with_run": "without"}, "judged without tools"),
        ({"without_run": "with"}, "judged with tools"),
        ({"with_run": "flipped"}, "tools that are flipped"),
        ({"flipped_run": "dead"}, "tools that are dead"),
        ({"dead_run": "with"}, "is none with tools that are dead"),
        ({"without_run": "other"}, "another judge than with: model"),
        ({"dead_run": "fewer"}, "another judge than with: tools"),
        ({"with_run": "graded"}, "only pairs"),
        ({"without_run": "begun"}, "still open"),
        ({"without_run": "elsewhere"}, "another data set"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(bench: Bench, named: dict[str, str], message: str) -> None:
    bench.run("other", model="n")
    bench.run("fewer", tools=["units"], probe="dead")
    bench.run("graded", tools=["calculator"], protocol="score")
    bench.run("begun", status="open")
    bench.run("elsewhere")
    bench.waiting["dataset"].append({"id": "e", "name": "another"})
    bench.waiting["run"][-1]["dataset"] = "e"
    bench.write()
    with pytest.raises(BadInput, match=message):
        tools_gain(bench.store, **{"with_run": "with", "without_run": "without", **named})
    with pytest.raises(NotFound):
        tools_gain(bench.store, "with", "nowhere")


def test_what_is_saved_names_the_runs_and_the_command(bench: Bench) -> None:
    bench.pair(bench.item(), "a", "a")
    found = bench.measured()
    number = save(bench.store, found)
    assert save(bench.store, found) != number
    with bench.store.engine.connect() as connection:
        row = connection.execute(select(T["analysis"]).where(T["analysis"].c.id == number)).mappings().one()
    assert (row["kind"], json.loads(row["runs"]), json.loads(row["options"])) == (
        "tools_gain",
        ["with", "without"],
        {"group": None},
    )
    assert row["command"] == "plurijudge tools-gain --with with --without without"

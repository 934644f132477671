"""Rankings, choices, grades, criteria and mirrored contexts against gold: by hand, and of planted judges."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from plurijudge import Judge, Study
from plurijudge.analyses.agreement import Agreement, agreement, save
from plurijudge.store.engine import Store, writing
from plurijudge.store.records import Gold
from plurijudge.store.tables import metadata

from ..court import quick
from .test_agreement import Court

ABC, CBA = ("a", "b", "c"), ("c", "b", "a")
FIRST = {"a": 2.0, "b": 1.0, "c": 0.0}


@pytest.fixture
def court(tmp_path: Path) -> Iterator[Court]:
    """An empty court."""
    with Store.open(tmp_path / "court.db", create=True) as store:
        yield Court(store)


def of_protocol(court: Court, protocol: str) -> None:
    """Say what the judge is."""
    with writing(court.store.engine).begin() as connection:
        connection.execute(insert(metadata.tables["judge"]).values(id="j", name="j", model="m", protocol=protocol))


def values(found: Agreement) -> dict[str, float | None]:
    return {line.measure: line.estimate.estimate for line in found.measures if line.against.startswith("gold")}


def test_rankings_are_held_against_gold_whole_by_pairs_and_at_the_top(court: Court) -> None:
    of_protocol(court, "rank")
    item = court.item(Gold(scores={"a": 9, "b": 5, "c": 1}), names="abc")
    court.verdict(item, ABC, "a", scores=FIRST)
    court.verdict(item, CBA, "b", scores={"a": 1.0, "b": 2.0, "c": 0.0})
    other = court.item(Gold(scores={"a": 9, "b": 1, "c": 1}), names="abc")
    court.verdict(other, ABC, "a", scores=FIRST)
    court.verdict(other, CBA, None)
    court.item(Gold(scores={"a": 9, "b": 1, "c": 1}), names="abc")
    found = agreement(court.store, "r-1")
    said = values(found)
    assert said["exact_ranking"] == pytest.approx(2 / 3)
    assert said["pairs_in_order"] == pytest.approx((3 + 2 + 2) / (3 + 3 + 2))
    assert said["kendall_distance"] == pytest.approx((0 + 1 / 3 + 0.5 / 3) / 3)
    assert said["top_one"] == pytest.approx(2 / 3)
    assert said["top_one_above_chance"] == pytest.approx(2 / 3 - 1 / 3)
    assert found.one("positional_agreement").estimate.estimate == 0.0, (
        "of the one item with both orders the first differs"
    )
    exact, pairs = found.one("exact_ranking"), found.one("pairs_in_order")
    assert (exact.worst, exact.best) == (0.5, 0.75)
    assert (pairs.worst, pairs.best) == (0.7, 0.9), "a pair that gold ties is asked of no verdict, and not missing"
    distance = found.one("kendall_distance")
    assert distance.worst == pytest.approx((0.5 + 1) / 4) and distance.best == pytest.approx(0.5 / 4)
    assert exact.by_status == {"ok": 3, "refused": 1}
    assert save(court.store, found, command="by hand") == 1


def test_each_annotator_s_order_counts_by_itself(court: Court) -> None:
    of_protocol(court, "rank")
    labels = [
        Gold(annotator="h1", scores={"a": 3, "b": 2, "c": 1}),
        Gold(annotator="h2", scores={"a": 1, "b": 2, "c": 3}),
        Gold(annotator="h3", scores={"a": 3, "b": 3, "c": 3}),
    ]
    court.verdict(court.item(*labels, names="abc"), ABC, "a", scores=FIRST)
    said = values(agreement(court.store, "r-1"))
    assert said["exact_ranking"] == said["pairs_in_order"] == 0.5
    assert said["kendall_distance"] == pytest.approx((0 + 1 + 0.5) / 3)
    assert said["top_one"] == pytest.approx(1 / 3), "the third prefers none of them"


def test_a_choice_is_held_against_a_draw_from_as_many_options_as_the_item_has(court: Court) -> None:
    of_protocol(court, "choice")
    court.verdict(court.item("a", names="abcd"), ("a", "b", "c", "d"), "a")
    court.verdict(court.item("b", names="ab"), ("a", "b"), "a")
    court.verdict(court.item("b", names="ab"), ("a", "b"), None)
    found = agreement(court.store, "r-1")
    said = values(found)
    assert said["top_one"] == 0.5
    assert said["top_one_above_chance"] == pytest.approx((1 - 1 / 4 + 0 - 1 / 2) / 2)
    line = found.one("top_one_above_chance")
    assert line.worst == pytest.approx((0.75 - 0.5 - 0.5) / 3) and line.best == pytest.approx((0.75 - 0.5 + 0.5) / 3)
    assert "exact_ranking" not in said and line.against == "gold, chance"


def test_a_pair_that_is_compared_gets_none_of_these_lines(court: Court) -> None:
    of_protocol(court, "pairwise")
    court.pair(court.item(Gold(scores={"a": 2, "b": 1})), "a", "a", scores={"a": 7.0, "b": 3.0})
    assert set(values(agreement(court.store, "r-1"))) == {"accuracy"}


def test_grades_are_held_against_the_mean_of_gold_s(court: Court) -> None:
    of_protocol(court, "score")
    for own, gold in (((4, 2), (5, 2)), ((5, 3), (5, 5)), ((1, None), (2, 3))):
        labels = [
            Gold(annotator="h1", scores={"a": gold[0] + 0.5, "b": gold[1]}),
            Gold(annotator="h2", scores={"a": gold[0] - 0.5, "b": gold[1]}),
        ]
        item = court.item(*labels)
        for name, score in zip("ab", own, strict=True):
            court.verdict(item, (name,), None, **({} if score is None else {"scores": {name: float(score)}}))
    found = agreement(court.store, "r-1")
    assert values(found)["mean_absolute_error"] == pytest.approx(0.8)
    assert values(found)["grade_correlation"] is not None
    line = found.one("mean_absolute_error")
    assert (line.worst, line.best) == (None, None) and line.by_status == {"ok": 5, "refused": 1}


def test_without_gold_in_numbers_there_are_no_lines_about_numbers(court: Court) -> None:
    of_protocol(court, "score")
    item = court.item("a")
    court.verdict(item, ("a",), None, scores={"a": 4.0})
    court.verdict(item, ("b",), None, scores={"b": 2.0})
    assert set(values(agreement(court.store, "r-1"))) == {"accuracy"}


def test_criteria_agree_where_both_assess_them_and_what_one_could_not_is_counted_apart(court: Court) -> None:
    of_protocol(court, "rubric")
    gold = Gold(criterion_scores={"a": {"right": 1, "rude": 0, "clear": 3, "brief": None}})
    item = court.item(gold, names="a")
    marks = {"right": 1.0, "rude": None, "clear": 4.0, "brief": None}
    court.verdict(item, ("a",), None, scores={"a": 0.5}, criterion_scores={"a": marks})
    other = court.item(gold, names="a")
    marks = {"right": 0.0, "clear": 3.0, "brief": 1.0}
    court.verdict(other, ("a",), None, scores={"a": 0.5}, criterion_scores={"a": marks})
    court.verdict(court.item(gold, names="a"), ("a",), None)
    found = agreement(court.store, "r-1")
    whole = found.one("criterion_agreement")
    assert whole.estimate.estimate == 0.5 and (whole.estimate.n, whole.estimate.left_out) == (2, 1)
    wanted = {"cannot assess": 1, "gold cannot assess": 1, "left out": 1, "neither can assess": 1, "ok": 4}
    assert whole.by_status == {**wanted, "refused": 4}
    single = {m.against: m for m in found.measures if m.measure == "criterion_agreement" and m.against != "gold"}
    assert set(single) == {f"gold on {name}" for name in ("right", "rude", "clear", "brief")}
    assert single["gold on clear"].estimate.estimate == 0.5
    assert single["gold on rude"].estimate.estimate is None
    assert single["gold on rude"].estimate.reason == "no criterion is marked by both"


BUSY, KEEN = "Who asks has no time.", "Who asks wants to know all of it."
PAIR = [{"id": "a", "text": "Short."}, {"id": "b", "text": "Long and full of detail."}]


def mirrored(n: int) -> list[dict[str, Any]]:
    """Of each prompt two items under contexts that ask for different responses, and one without any."""
    shared = {"prompt": "Explain tides.", "responses": PAIR}
    made = []
    for number in range(n):
        for side, context in (("a", BUSY), ("b", KEEN), ("", None)):
            about = {"mirror": f"q{number}", "quality": {"a": 0.2, "b": 0.8}, **({"favours": side} if side else {})}
            item = {"id": f"q{number}-{side}", "gold": [{"preferred": side or "b"}], "meta": about, **shared}
            made.append(item if context is None else {**item, "context": context})
    return made


@pytest.mark.parametrize(
    ("judge", "within", "reversed_"),
    [("builtin/planted?quality=80", 0.5, 0.0), ("builtin/planted?quality=80&context=200", 1.0, 1.0)],
)
def test_of_mirrored_pairs_a_judge_that_ignores_contexts_reverses_none_and_one_that_follows_all(
    tmp_path: Path, judge: str, within: float, reversed_: float
) -> None:
    with Study(tmp_path / "s.db") as study:
        made = study.judge_sync(mirrored(6), Judge(judge), pace=quick())
        found = agreement(study.store, made.run)
    lines = {line.measure: line for line in found.measures}
    assert lines["accuracy_with_context"].estimate.estimate == within
    assert lines["accuracy_without_context"].estimate.estimate == 1.0
    assert lines["context_gain"].estimate.estimate == within - 1.0
    assert lines["reversal_rate"].estimate.estimate == reversed_
    assert lines["reversal_rate"].estimate.n == 6, "the mirror is the unit, not the item"
    assert lines["reversal_rate"].by_status == {"followed" if reversed_ else "not followed": 12}


def test_a_context_without_a_verdict_leaves_its_presentation_out(court: Court) -> None:
    first, second = court.item("a", mirror="m"), court.item("b", mirror="m")
    with writing(court.store.engine).begin() as connection:
        connection.execute(metadata.tables["item"].update().values(context="c"))
    court.pair(first, "a", None)
    court.pair(second, "b", "a")
    found = agreement(court.store, "r-1").one("reversal_rate")
    assert found.by_status == {"followed": 1, "without a verdict": 1}
    assert (found.worst, found.best, found.estimate.n) == (0.5, 1.0, 1)

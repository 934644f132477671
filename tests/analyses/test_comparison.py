"""Are two judges held against each other item by item, and is no winner named where these items cannot tell?"""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest

from plurijudge import Judge, Plan, Study
from plurijudge.analyses.comparison import Comparison, comparison, save
from plurijudge.metrics.paired import gain
from plurijudge.store.imports import import_verdicts
from plurijudge.store.records import Verdict
from plurijudge.store.runs import find_run
from plurijudge.text.errors import BadInput, BadJudge

A, B, TIE, LOST = "[[A]]", "[[B]]", "[[C]]", "I would rather not say."
BETTER, WORSE, FIRST, LAST = (A, B), (B, A), (A, A), (B, B)
"""What is answered to the better response in front, and behind."""


def items(n: int, *, gold: bool = True) -> list[dict[str, Any]]:
    return [
        {
            "id": f"q{i:02}",
            "prompt": f"What is {i} and {i}?",
            "responses": [{"id": "a", "text": f"{2 * i}."}, {"id": "b", "text": f"{2 * i + 1}."}],
            "gold": [{"preferred": "a"}] if gold else [],
        }
        for i in range(n)
    ]


def answered(folder: Path, judges: Mapping[str, Sequence[tuple[str, str]]]) -> list[Judge]:
    """Judges who say what is written: of each item what with `a` in front, and what with `b` in front."""
    module, heads = f"said_{uuid4().hex}", [f"SAID = {dict(judges)!r}\n"]
    heads += [
        f"\n\ndef {name}(item, presentation):\n    return SAID[{name!r}][int(item.id[1:])][presentation[0] == 'b']\n"
        for name in judges
    ]
    (folder / f"{module}.py").write_text("".join(heads), encoding="utf-8")
    with patch.object(sys, "path", [str(folder), *sys.path]):
        import_module(module)
    return [Judge(function=f"{module}:{name}", name=name, repair=False) for name in judges]


def held(folder: Path, one: Sequence[tuple[str, str]], other: Sequence[tuple[str, str]], **how: Any) -> Comparison:
    """Two judges with those texts, held against each other."""
    with Study(folder / "s.db") as study:
        done = study.compare_sync(items(len(one), **how), answered(folder, {"old": one, "new": other}))
    assert done.found is not None
    return done.found


# Figures by hand.


def test_every_figure_is_the_one_computed_by_hand(tmp_path: Path) -> None:
    old = [BETTER, BETTER, FIRST, FIRST, WORSE, WORSE, FIRST, LAST, BETTER, FIRST]
    new = [BETTER, BETTER, BETTER, BETTER, BETTER, WORSE, BETTER, BETTER, BETTER, FIRST]
    found = held(tmp_path, old, new)
    # right of 20: old 3 whole pairs and 5 halves = 11; new 8 whole pairs and 1 half = 17
    assert found.first.accuracy.estimate.estimate == pytest.approx(11 / 20)
    assert found.second.accuracy.estimate.estimate == pytest.approx(17 / 20)
    assert found.gain.estimate.estimate == pytest.approx(6 / 20)
    assert (found.gain.worst, found.gain.best) == (found.gain.estimate.estimate,) * 2
    # alike: four pairs in both orders (2 better, 1 worse, 1 twice the first, and the ninth), five in one, one in none
    assert found.alike.estimate.estimate == pytest.approx((5 * 2 + 4 * 1 + 1 * 0) / 20)
    assert found.first.same.estimate.estimate == pytest.approx(5 / 10)
    assert found.second.same.estimate.estimate == pytest.approx(9 / 10)
    # in front: old 4 pairs twice the first and 1 twice the second of 10, new 1 pair
    assert found.first.position.effect.estimate == pytest.approx((4 - 1) / 20)
    assert found.second.position.effect.estimate == pytest.approx(1 / 20)
    assert found.position_gain.estimate == pytest.approx(2 / 20)
    assert found.first.decisions == {"flipped": 5, "ok": 5} and found.second.decisions == {"flipped": 1, "ok": 9}
    assert (found.first.spent.calls, found.second.spent.calls, found.calls) == (20, 20, 1.0)
    assert found.items == 10 and found.first.missing == found.second.missing == 0


def test_the_gain_is_the_paired_estimate_over_items(tmp_path: Path) -> None:
    old, new = [BETTER, FIRST, WORSE, FIRST], [BETTER, BETTER, BETTER, WORSE]
    found = held(tmp_path, old, new).gain.estimate
    assert found == gain([[1, 1], [1, 1], [1, 1], [0, 0]], [[1, 1], [1, 0], [0, 0], [1, 0]])


def test_kappa_is_of_what_both_orders_come_to(tmp_path: Path) -> None:
    found = held(tmp_path, [BETTER] * 4 + [WORSE] * 4, [BETTER] * 3 + [WORSE] * 5)
    assert found.kappa.estimate == pytest.approx((7 / 8 - 1 / 2) / (1 - 1 / 2))


# Who is better, in words.


def test_a_judge_that_is_better_is_said_to_be_by_how_much_and_how_surely(tmp_path: Path) -> None:
    found = held(tmp_path, [WORSE] * 12 + [BETTER] * 8, [BETTER] * 16 + [WORSE] * 4)
    assert found.better == "second" and found.p_value is not None and found.p_value < 0.05
    assert found.said.startswith("`new` agrees with gold more often than `old`: by 40.0 points [")
    assert "over 20 items" in found.said and "Do not use" not in found.said


def test_a_judge_that_is_worse_is_not_to_be_used_and_the_ends_turn_with_the_words(tmp_path: Path) -> None:
    found = held(tmp_path, [BETTER] * 16 + [WORSE] * 4, [WORSE] * 12 + [BETTER] * 8)
    gained = found.gain.estimate
    assert found.better == "first" and gained.high is not None and gained.low is not None and gained.high < 0
    assert f"by 40.0 points [{-100 * gained.high:.1f}, {-100 * gained.low:.1f}]" in found.said
    assert found.said.endswith("Do not use `new` in its place.")


def test_an_interval_that_holds_nothing_is_no_better_than_with_what_could_have_been_found(tmp_path: Path) -> None:
    old = [BETTER] * 12 + [WORSE] * 8 + [FIRST] * 10
    new = [WORSE] * 8 + [BETTER] * 12 + [LAST] * 10
    found = held(tmp_path, old, new)
    low, high = found.gain.estimate.low, found.gain.estimate.high
    assert found.better is None and low is not None and high is not None and low < 0 < high
    least = found.smallest_effect
    assert least is not None and least > 0
    assert found.said.startswith(
        "`new` is no better than `old`, as far as 30 items tell: the difference is 0.0 points ["
    )
    assert f"the smallest that these items could have found is {100 * least:.1f} points" in found.said


def test_two_that_never_differ_are_told_what_the_interval_rules_out(tmp_path: Path) -> None:
    old = [BETTER] * 19 + [WORSE]
    with Study(tmp_path / "s.db") as study:
        first, second = answered(tmp_path, {"old": old, "new": old})
        done = study.compare_sync(items(20), [first, Judge(**{**second.model_dump(), "criteria": "The truth."})])
    found = done.found
    assert found is not None and found.better is None and found.gain.estimate.estimate == 0
    assert found.gain.estimate.high is not None and found.alike.estimate.estimate == 1
    assert f"the interval rules out differences above {100 * found.gain.estimate.high:.1f} points" in found.said


def test_five_items_that_all_changed_to_one_side_are_too_few_to_name_a_winner(tmp_path: Path) -> None:
    found = held(tmp_path, [WORSE] * 5 + [BETTER] * 12, [BETTER] * 17)
    assert found.better is None and found.p_value == pytest.approx(0.0625)
    assert "is no better than" in found.said


# What is missing is neither right nor wrong.


def test_what_failed_is_left_out_counted_and_bounded(tmp_path: Path) -> None:
    old, new = [BETTER, WORSE, (A, LOST), BETTER], [BETTER, BETTER, (LOST, LOST), FIRST]
    found = held(tmp_path, old, new)
    assert found.first.verdicts == {"ok": 7, "unparseable": 1} and found.second.verdicts["unparseable"] == 2
    assert found.first.accuracy.estimate.estimate == pytest.approx(5 / 7)
    assert [*found.second.accuracy[1:]] == pytest.approx([5 / 8, 7 / 8])
    # cells of both: 0, 0, 1, 1, 0, -1; of the third item's, new may be 0 or 1, old is 1, and 0 or 1
    assert found.gain.estimate.estimate == pytest.approx(1 / 6) and found.gain.estimate.n == 3
    assert found.gain.worst == pytest.approx((1 - 2) / 8) and found.gain.best == pytest.approx((1 + 1) / 8)
    assert found.alike.estimate.left_out == 1 and found.second.decisions["failed"] == 1


def test_a_difference_that_the_missing_verdicts_could_undo_says_so(tmp_path: Path) -> None:
    lost = [(LOST, LOST)] * 9
    found = held(tmp_path, [WORSE] * 8 + [BETTER] * 7 + lost, [BETTER] * 15 + lost)
    assert found.better == "second" and found.gain.worst is not None and found.gain.worst < 0
    assert "36 verdicts that are missing are like the rest" in found.said
    worst, best = (100 * (8 + side * 9) / 24 for side in (-1, 1))
    assert f"anything from {worst:.1f} to {best:.1f} points" in found.said


def test_without_gold_it_is_not_known_who_is_right_but_how_far_they_agree(tmp_path: Path) -> None:
    found = held(tmp_path, [BETTER, BETTER, FIRST, WORSE], [BETTER, WORSE, FIRST, WORSE], gold=False)
    assert found.gain.estimate.estimate is None and found.better is None and found.p_value is None
    assert found.said.startswith("Which of them agrees more with gold is not known: no item")
    assert found.alike.estimate.estimate == pytest.approx(6 / 8)
    assert "They say the same of 75.0 %" in found.said


def test_judgements_recorded_elsewhere_are_read_by_their_probabilities_too(tmp_path: Path) -> None:
    said: dict[str, list[dict[str, Any]]] = {
        "sure": [{"preferred": "a"}, {"preferred": "b"}],
        "soft": [{"p_first": 0.8}, {"p_first": 0.3}],
    }
    with Study(tmp_path / "s.db") as study:
        dataset = find_run(study.store, study.judge_sync(items(1), "builtin/heuristic").run).dataset
        runs = []
        for name, words in said.items():
            orders = zip((("a", "b"), ("b", "a")), words, strict=True)
            told = [Verdict(item="q00", judge=name, presentation=shown, status="ok", **word) for shown, word in orders]
            runs.append(import_verdicts(study.store, told, items=dataset).run)
        found = comparison(study.store, *runs)
    assert (found.first.name, found.second.name) == ("sure", "soft")
    # sure: right and wrong; soft: right in both orders
    assert (found.first.accuracy.estimate.estimate, found.second.accuracy.estimate.estimate) == (0.5, 1.0)
    assert found.gain.estimate.estimate == 0.5 and found.calls is None and found.first.decisions == {}


# What cannot be compared.


def test_other_items_one_judge_and_what_grades_are_refused(tmp_path: Path) -> None:
    one, other = answered(tmp_path, {"old": [BETTER] * 4, "new": [WORSE] * 4})
    with Study(tmp_path / "s.db") as study:
        first, fewer = (study.judge_sync(items(n), one).run for n in (4, 3))
        second = study.judge_sync(items(4), other).run
        with pytest.raises(BadInput, match="on other items"):
            comparison(study.store, second, fewer)
        with pytest.raises(BadInput, match="one judge's"):
            comparison(study.store, first, first)
        with pytest.raises(BadInput, match="nothing that could change a verdict"):
            study.compare_sync(items(4), [one, one])
        with pytest.raises(BadInput, match="given are 1"):
            study.compare_sync(items(4), [one])
        with pytest.raises(BadJudge, match="does not judge pairs"):
            study.compare_sync(items(4), [one, Judge("builtin/heuristic", protocol="score")])
        with pytest.raises(BadInput, match="both presentations"):
            study.compare_sync(items(4), [one, other], plan=Plan(presentations="random"))


def test_judges_of_one_name_are_told_apart(tmp_path: Path) -> None:
    one, other = answered(tmp_path, {"old": [BETTER] * 3, "new": [WORSE] * 3})
    with Study(tmp_path / "s.db") as study:
        done = study.compare_sync(items(3), [one, Judge(**{**other.model_dump(), "name": "old"})])
    assert done.found is not None
    names = done.found.first.name, done.found.second.name
    assert len({*names}) == 2 and all(name.startswith("old (") for name in names)


def test_what_was_measured_is_kept_with_the_command_that_makes_it_again(tmp_path: Path) -> None:
    one, other = answered(tmp_path, {"old": [BETTER, FIRST, WORSE], "new": [BETTER] * 3})
    with Study(tmp_path / "s.db") as study:
        found = study.compare_sync(items(3), [one, other]).found
        assert found is not None
        number = save(study.store, found)
        with study.store.engine.connect() as connection:
            kind, command = connection.exec_driver_sql(
                f"SELECT kind, command FROM analysis WHERE id = {number}"  # noqa: S608
            ).one()
            kept = connection.exec_driver_sql(
                f"SELECT measure, judge, against, estimate FROM agreement WHERE analysis = {number}"  # noqa: S608
            ).all()
    runs = found.first.run, found.second.run
    assert (kind, command) == ("comparison", f"plurijudge compare --run {runs[0]} --run {runs[1]}")
    measures = {(row[0], row[1]): (row[2], row[3]) for row in kept}
    first, second = found.first.judge, found.second.judge
    assert measures["gain", second] == (first, found.gain.estimate.estimate)
    assert measures["accuracy", first] == ("gold", found.first.accuracy.estimate.estimate)
    assert len(kept) == 10


# Judges of known worth.


def drawn(seed: int, right: float, n: int = 40) -> list[tuple[str, str]]:
    """A judge that is right so often, each verdict by itself."""
    draws = random.Random(seed)
    return [(A if draws.random() < right else B, B if draws.random() < right else A) for _ in range(n)]


def test_a_planted_difference_is_found_and_equal_judges_are_not(tmp_path: Path) -> None:
    said = {"better": 0, "none": 0}
    with Study(tmp_path / "s.db") as study:
        for seed in range(2):
            shares = {"bad": 0.55, "good": 0.9, "twin": 0.9}
            judges = answered(tmp_path, {name: drawn(7 * seed + n, p) for n, (name, p) in enumerate(shares.items())})
            runs = [study.judge_sync(items(40), judge).run for judge in judges]
            said["better"] += comparison(study.store, runs[0], runs[1]).better == "second"
            said["none"] += comparison(study.store, runs[1], runs[2]).better is None
    assert said == {"better": 2, "none": 2}

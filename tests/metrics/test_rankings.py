"""Rankings, grades and contexts against gold: by hand, by another computation, by planted truth."""

from __future__ import annotations

from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from plurijudge.metrics.contexts import context_gain, reversal_rate, reversals
from plurijudge.metrics.gradings import grade_correlation, mean_absolute_error
from plurijudge.metrics.rankings import (
    distances,
    exact_match,
    first_places,
    kendall_distance,
    ordered_pairs,
    pairs_in_order,
    top_one,
    top_one_above_chance,
    whole_rankings,
)

GOLD: Any = [[9.0, 5.0, 1.0]] * 3
SAID: Any = [[[2, 1, 0]], [[0, 1, 2]], [[2, 0.5, 0.5]]]
NAN = float("nan")
stats = pytest.importorskip("scipy.stats")
rows = st.lists(st.integers(0, 3), min_size=2, max_size=5)


def test_three_rankings_by_hand() -> None:
    assert exact_match(SAID, GOLD).estimate == pytest.approx(1 / 3)
    assert pairs_in_order(SAID, GOLD).estimate == pytest.approx((3 + 0 + 2.5) / 9)
    assert kendall_distance(SAID, GOLD).estimate == pytest.approx((0 + 1 + 0.5 / 3) / 3)
    best: Any = [[1, 0, 0]] * 3
    assert top_one(SAID, best).estimate == pytest.approx(2 / 3)
    assert top_one_above_chance(SAID, best).estimate == pytest.approx(1 / 3)


def test_the_rule_of_ties() -> None:
    said: Any = [[[2, 1, 0], [2, 0, 1], [2, 0.5, 0.5]]]
    assert whole_rankings(said, [[5, 3, 3]]).tolist() == [[1, 1, 1]]
    assert distances([said[0][::2]], [[5, 3, 3]]).tolist() == [pytest.approx([1 / 6, 0])]
    assert np.isnan(whole_rankings([[[2, 1, 0]]], [[3, 3, 3]])).all(), "gold that orders nothing asks nothing"
    hits, chance = first_places([[[1, 1, 0]]], [[0, 0, 0]])
    assert np.isnan(hits).all() and np.isnan(chance).all(), "gold that accepts a tie alone accepts no response"


def test_responses_that_an_item_lacks_and_verdicts_that_are_missing_are_not_counted() -> None:
    points: Any = [[[1, 0, NAN], [NAN, NAN, NAN]], [[0, 1, 2], [2, 1, 0]]]
    gold: Any = [[4, 1, NAN], [3, 2, 1]]
    assert exact_match(points, gold).estimate == pytest.approx(2 / 3)
    assert pairs_in_order(points, gold).estimate == pytest.approx((1 + 0 + 3) / 7)
    accepts: Any = [[1, 0, NAN], [1, 0, 0]]
    assert top_one(points, accepts).estimate == pytest.approx(2 / 3)
    assert first_places(points, accepts)[1].tolist() == pytest.approx([1 / 2, 1 / 3])


@settings(deadline=None, max_examples=80)
@given(rows, st.data())
def test_the_distance_is_kendall_s_and_no_name_or_scale_matters(said: list[int], data: st.DataObject) -> None:
    gold = data.draw(st.lists(st.integers(0, 3), min_size=len(said), max_size=len(said)))
    order = data.draw(st.permutations(range(len(said))))
    one = distances([[said]], [gold])[0, 0]
    assert distances([[[said[n] for n in order]]], [[gold[n] for n in order]])[0, 0] == pytest.approx(one)
    assert distances([[[7.0 * x - 3 for x in said]]], [gold])[0, 0] == pytest.approx(one)
    assert distances([[gold]], [said])[0, 0] == pytest.approx(one), "neither of the two is the standard"
    apart = sum(
        abs(int(np.sign(said[i] - said[j])) - int(np.sign(gold[i] - gold[j]))) / 2
        for i, j in combinations(range(len(said)), 2)
    )
    assert one == pytest.approx(apart / (len(said) * (len(said) - 1) / 2))
    if len(set(said)) == len(set(gold)) == len(said):
        assert one == pytest.approx((1 - stats.kendalltau(said, gold).statistic) / 2)


@settings(deadline=None, max_examples=60)
@given(rows, st.data())
def test_a_whole_match_is_all_pairs_in_order_and_a_ranking_turned_round_has_the_other_pairs(
    said: list[int], data: st.DataObject
) -> None:
    gold = data.draw(st.lists(st.integers(0, 3), min_size=len(said), max_size=len(said)))
    pairs, whole = ordered_pairs([[said]], [gold]), whole_rankings([[said]], [gold])[0, 0]
    known = pairs[~np.isnan(pairs)]
    assert (len(known) == 0 and np.isnan(whole)) or whole == float((known == 1).all())
    turned = ordered_pairs([[[-x for x in said]]], [gold])
    assert np.allclose(turned, 1 - pairs, equal_nan=True)


def test_all_orders_of_three_by_chance_have_a_sixth_and_a_half() -> None:
    points = [[order] for order in permutations((2, 1, 0))]
    gold = [[3, 2, 1]] * 6
    assert exact_match(points, gold).estimate == pytest.approx(1 / 6)
    assert pairs_in_order(points, gold).estimate == kendall_distance(points, gold).estimate == pytest.approx(0.5)
    assert top_one_above_chance(points, [[1, 0, 0]] * 6).estimate == pytest.approx(0)


def planted(seed: int, items: int = 60) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each item two noisy rankings of four responses, whose noise is shared in part."""
    rng = np.random.default_rng(seed)
    worth = np.tile(np.arange(4.0), (items, 1))
    noise = rng.normal(size=(items, 1, 4)) + rng.normal(size=(items, 2, 4))
    return worth[:, None] + noise, worth


def test_planted_pairs_in_order_lie_in_the_interval_in_19_of_20_seeds() -> None:
    big, gold = planted(9_999, 40_000)
    truth = pairs_in_order(big, gold).estimate
    assert truth is not None
    found = [pairs_in_order(*planted(seed)) for seed in range(150)]
    assert 0.90 <= np.mean([one.low <= truth <= one.high for one in found if one.low and one.high]) <= 0.99


def test_a_mirror_is_reversed_where_every_context_is_right() -> None:
    correct = np.array([[[1, 1], [1, 0]], [[1, NAN], [0, 1]], [[NAN, NAN], [1, 1]]])
    wanted = np.array([[1, 0], [0, NAN], [NAN, NAN]])
    assert np.array_equal(reversals(correct), wanted, equal_nan=True)
    found = reversal_rate(correct)
    assert found.estimate == pytest.approx(1 / 3) and (found.n, found.left_out) == (2, 1)
    assert context_gain([[1, 1], [1, 0]], [[0.5], [NAN]]).estimate == 0.5
    with pytest.raises(ValueError, match="2 or more contexts"):
        reversal_rate([[[1, 1]]])


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=2, max_size=2), min_size=1, max_size=8))
def test_a_judge_whose_verdicts_ignore_the_context_reverses_nothing(verdicts: list[list[float]]) -> None:
    first = np.array(verdicts)
    correct = np.stack([first, 1 - first], axis=1)
    assert reversals(correct).max() <= 0.5
    assert np.nanmean(correct) == 0.5, "on mirrored pairs it has half of them right"
    sharp = np.where(first > 0.5, 1.0, 0.0)
    assert reversals(np.stack([sharp, 1 - sharp], axis=1)).max() == 0


def graded(seed: int, items: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Grades with ties that share what the item is like."""
    rng = np.random.default_rng(seed)
    worth = rng.normal(size=(items, 3)) + rng.normal(size=(items, 1))
    own, gold = (np.round(worth + rng.normal(size=(items, 3))) for _ in "12")
    own[rng.random((items, 3)) < 0.05] = NAN
    return own, gold


def test_the_correlation_is_spearman_s_and_its_error_the_spread_over_samples() -> None:
    own, gold = graded(0, 50)
    both = ~np.isnan(own)
    rho = stats.spearmanr(own[both], gold[both]).statistic
    assert grade_correlation(own, gold).estimate == pytest.approx(rho, abs=1e-12)
    truth = grade_correlation(*graded(9_999, 30_000)).estimate
    found = [grade_correlation(*graded(seed, 50)) for seed in range(300)]
    spread = np.std([one.estimate for one in found if one.estimate is not None])
    assert np.mean([one.standard_error or NAN for one in found]) == pytest.approx(spread, rel=0.12)
    assert truth is not None
    covered = [one.low <= truth <= one.high for one in found if one.low is not None and one.high is not None]
    assert len(covered) == 300 and 0.91 <= np.mean(covered) <= 0.98


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=4, max_size=12))
def test_a_scale_that_is_turned_turns_the_correlation_and_keeps_the_error(told: list[tuple[int, int]]) -> None:
    table = np.array(told, dtype=float)
    own, gold = table[:, :1], table[:, 1:]
    one, turned = grade_correlation(own, gold), grade_correlation(10 - 2 * own, gold)
    swapped = grade_correlation(gold, own)
    if one.estimate is None:
        assert one.reason and turned.estimate is None
        return
    assert turned.estimate == pytest.approx(-one.estimate) and swapped.estimate == pytest.approx(one.estimate)
    if one.standard_error is not None:
        assert turned.standard_error == pytest.approx(one.standard_error, abs=1e-9)
        assert swapped.standard_error == pytest.approx(one.standard_error, abs=1e-9)
    assert mean_absolute_error(own, gold).estimate == pytest.approx(np.abs(own - gold).mean())


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda: exact_match([[1, 2]], [[1, 2]]), "n_presentations"),
        (lambda: top_one([[[1, 2]]], [[2, 0]]), r"outside 0\.\.1"),
        (lambda: kendall_distance([[[1, np.inf]]], [[1, 2]]), "infinite"),
        (lambda: grade_correlation([1, 2], [1, 2]), "n_responses"),
        (lambda: mean_absolute_error([[np.inf]], [[1]]), "infinite"),
        (lambda: context_gain([[1]], [[1], [0]]), "n_mirrors"),
        (lambda: context_gain([[2]], [[1]]), r"outside 0\.\.1"),
    ],
)
def test_bad_input_is_refused_with_what_is_needed(call: object, why: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=why):
        call()

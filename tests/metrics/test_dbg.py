"""DBG: by hand, and its algebra as properties."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings

from plurijudge.metrics.dbg import DbgScore, dbg_score, soft_dbg
from plurijudge.metrics.estimate import Estimate
from plurijudge.metrics.own_pairs import Pair, gold_labels

from .self_preference_data import Floats, judgements, of_letters, paired, pairs

few = settings(max_examples=8, deadline=None)  # a score interval takes its time


def quick(pair: Pair, **options: object) -> DbgScore:
    return dbg_score(pair, resamples=20, **options)  # type: ignore[arg-type]


def value(one: Estimate) -> float:
    assert one.estimate is not None
    return one.estimate


def test_worked_out_by_hand() -> None:
    found = dbg_score(of_letters("ooxf=xoo", "oxxo=oxo"), resamples=2000)
    # judge 1 1 0 .5 .5 0 1 1, gold 1 0 0 1 .5 1 0 1, d 0 1 0 -.5 0 -1 1 0
    d = np.array([0, 1, 0, -0.5, 0, -1, 1, 0])
    assert value(found.own_win_rate) == 5 / 8 and value(found.gold_win_rate) == 4.5 / 8
    assert value(found.dbg) == pytest.approx(0.0625) and found.differences.tolist() == d.tolist()
    assert found.dbg.standard_error == pytest.approx(d.std(ddof=1) / sqrt(8))
    assert value(found.coin_flip) == pytest.approx(0.5 - 4.5 / 8) and value(found.flip_rate) == 1 / 8
    assert found.table == ((2, 0, 2), (1, 1, 0), (1, 0, 1))
    assert (found.judge_ties, found.gold_ties, found.verdicts_missing, found.votes_missing) == (2, 1, 0, 0)
    assert found.percentile.estimate == found.bca.estimate == pytest.approx(0.0625)
    assert found.warnings == () and found.without_gold_judge == {}


def test_items_that_lack_a_verdict_or_gold_are_left_out_of_all_rates_alike() -> None:
    pair = of_letters("ooxxo", "oxxxo")
    own, votes = pair.own.copy(), pair.votes.copy()
    own[0, 1] = votes[1] = np.nan
    pair = Pair.of(pair.items, own, 1 - own, votes, gold_judges=["g"])
    found = quick(pair)
    for rate in (found.own_win_rate, found.gold_win_rate, found.dbg, found.coin_flip, found.percentile):
        assert (rate.n, rate.left_out) == (3, 2)
    assert (found.verdicts_missing, found.votes_missing) == (1, 2) and sum(map(sum, found.table)) == 3
    # at worst one half less 1, and 1 less 1; at best 1 less 1, and 1 less 0
    assert list(found.missing_bounds) == pytest.approx([-0.1, 0.2])
    told = found.to_dict()
    assert told["differences"] == [None, None, 0, 0, 0] and told["dbg"]["left_out"] == 2


def test_the_closed_rule_says_that_its_scale_is_another() -> None:
    pair = of_letters("ooff", "oxox")
    assert value(quick(pair).dbg) == 0.25 and value(quick(pair, judge_rule="closed").dbg) == 0
    assert "not on the scale of gold's" in quick(pair, judge_rule="closed").warnings[0]
    with pytest.raises(ValueError, match="a soft judge against a hard gold"):
        quick(pair, judge_rule="soft")


def test_each_gold_judge_is_left_out_in_turn() -> None:
    own = np.array([[1.0, 1], [1, 1], [0, 0], [1, 1]])
    votes = np.array([[[1, 1], [0, 0], [0, 0]], [[1, 1], [1, 1], [0, 0]], [[0, 0]] * 3, [[1, 1], [0, 0], [1, 1]]])
    found = quick(paired(own, 1 - own, votes))
    # gold 0 1 0 1; without g1 0 .5 0 .5; without g2 .5 .5 0 1; without g3 .5 1 0 .5
    assert value(found.dbg) == 0.25
    assert {name: value(one) for name, one in found.without_gold_judge.items()} == {"g1": 0.5, "g2": 0.25, "g3": 0.25}
    assert found.gold_bounds == (0.25, 0.5)


def test_a_gold_judge_that_hardly_voted_and_one_that_takes_part_are_named() -> None:
    pair = of_letters("oxoxo", "oxoxo")
    votes = np.repeat(pair.votes, 2, axis=1)
    votes[1:, 1] = np.nan
    wrote = Pair.of(pair.items, pair.own, pair.other, votes, gold_judges=["A", "h"], model="A", opponent="R")
    assert quick(wrote).warnings == (
        "gold judge `A` wrote one of the two responses",
        "gold judge `h` gave 2 of 10 votes",
    )


def test_probability_outside_the_two_labels_is_told() -> None:
    pair = of_letters("oxox", "oxoo")
    spread = replace(pair, own=pair.own * 0.6, other=pair.other * 0.6)
    found = quick(spread)
    assert found.mass_mean == pytest.approx(0.6) and "60.0%" in found.warnings[0]
    assert value(found.dbg) == value(quick(pair).dbg)


def test_items_of_one_cluster_are_one_unit() -> None:
    pair, clusters = of_letters("oooxxx" * 4, "xxxxxx" * 4), {str(item): str(item // 3) for item in range(24)}
    alone, together = quick(pair), quick(pair, clusters=clusters)
    assert alone.dbg.estimate == together.dbg.estimate == 0.5
    assert (alone.dbg.n, together.dbg.n, together.percentile.n) == (24, 8, 8)
    means = np.array([1.0, 0.0] * 4)
    assert together.dbg.standard_error == pytest.approx(means.std(ddof=1) / sqrt(8))


def test_the_soft_twin_is_made_of_probabilities_and_shares_of_votes() -> None:
    own = np.array([[0.9, 0.7], [0.4, 0.2]])
    votes = np.array([[[1, 1], [1, 0], [0, 0]], [[0, 0]] * 3])
    found = soft_dbg(paired(own, 1 - own, votes))
    assert value(found.own_probability) == pytest.approx(0.55) and value(found.gold_share) == pytest.approx(0.25)
    assert value(found.dbg) == pytest.approx(0.3)


@few
@given(judgements(whole=True), judgements(least=12, whole=True))
def test_gold_cancels_in_the_sum_over_a_pair(
    one: tuple[Floats, Floats, Floats], other: tuple[Floats, Floats, Floats]
) -> None:
    n = len(one[0])
    for votes in (one[2], other[2][:n]):  # whatever gold says
        a, b = paired(one[0], one[1], votes), paired(other[0][:n], other[1][:n], votes).swapped()
        first, second = quick(a), quick(b)
        total = value(first.own_win_rate) + value(second.own_win_rate) - 1
        assert value(first.dbg) + value(second.dbg) == pytest.approx(total, abs=1e-12)


@few
@given(pairs())
def test_a_judge_that_says_what_gold_says_scores_nothing(pair: Pair) -> None:
    gold = gold_labels(pair)
    own = np.repeat(gold[:, None], 2, axis=1)
    found = quick(Pair.of(pair.items, own, 1 - own, pair.votes, gold_judges=pair.gold_judges))
    assert value(found.dbg) == 0 and value(found.own_win_rate) == value(found.gold_win_rate)
    assert all(found.table[row][column] == 0 for row in range(3) for column in range(3) if row != column)


@few
@given(pairs())
def test_a_judge_that_is_always_even_scores_what_a_coin_scores(pair: Pair) -> None:
    even = Pair.of(
        pair.items, np.full(pair.own.shape, 0.3), np.full(pair.own.shape, 0.3), pair.votes, gold_judges=pair.gold_judges
    )
    found = quick(even)
    assert value(found.dbg) == pytest.approx(value(found.coin_flip), abs=1e-12)


@few
@given(pairs())
def test_swapping_the_roles_of_the_models_turns_the_sign(pair: Pair) -> None:
    here, there = quick(pair), quick(pair.swapped())
    assert np.array_equal(there.differences, -here.differences, equal_nan=True)
    if here.dbg.estimate is None:
        assert there.dbg.estimate is None and here.dbg.reason == there.dbg.reason
        return
    assert value(there.dbg) == pytest.approx(-value(here.dbg)) and there.dbg.n == here.dbg.n
    assert value(there.own_win_rate) == pytest.approx(1 - value(here.own_win_rate))
    assert there.table == tuple(row[::-1] for row in here.table[::-1])
    if here.dbg.low is not None:
        assert there.dbg.high == pytest.approx(-here.dbg.low, abs=1e-7)


@few
@given(pairs())
def test_the_table_holds_all_that_dbg_is_made_of(pair: Pair) -> None:
    found = quick(pair)
    n = sum(map(sum, found.table))
    assert n == found.dbg.n
    if n:
        worth = (1.0, 0.5, 0.0)
        cells = [(worth[r] - worth[c]) * found.table[r][c] for r in range(3) for c in range(3)]
        assert value(found.dbg) == pytest.approx(sum(cells) / n, abs=1e-12)


@few
@given(pairs(least=3))
def test_the_order_of_items_does_not_matter(pair: Pair) -> None:
    back = Pair.of(
        pair.items[::-1],
        pair.own[::-1],
        pair.other[::-1],
        pair.votes,
        gold_judges=pair.gold_judges,
        gold_items=pair.items,
    )
    here, there = quick(pair), quick(back)
    assert np.array_equal(there.differences, here.differences[::-1], equal_nan=True)
    numbers = [
        [one.estimate, one.standard_error, one.low, one.high]
        for found in (here, there)
        for one in (found.dbg, found.percentile, found.bca)
    ]
    for one, other in zip(numbers[:3], numbers[3:], strict=True):
        for first, second in zip(one, other, strict=True):
            assert first == second if first is None else first == pytest.approx(second, abs=1e-9)

"""Position bias: values by hand, what must not change them, planted judges found again, the recorded numbers."""

from __future__ import annotations

from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from plurijudge.benchmarks.published import runner
from plurijudge.benchmarks.sections.position import Shown, authors_consistent, authors_verdict
from plurijudge.metrics.agreement import accuracy, positional_agreement
from plurijudge.metrics.estimate import Z95, Estimate
from plurijudge.metrics.intervals import score_limits
from plurijudge.metrics.paired import mcnemar
from plurijudge.metrics.position_bias import (
    consistency_filter,
    leanings,
    position_bias,
    preference_fairness,
    repetition_stability,
)

Floats = NDArray[np.float64]
Pairs = list[tuple[float, float]]

outcomes = st.sampled_from([0.0, 0.5, 1.0, nan])
pairs = st.lists(st.tuples(outcomes, outcomes), min_size=1, max_size=30)
counts = st.integers(0, 200)
NOISE = 2 * (0.05 * 0.95 / 2000) ** 0.5  # two standard errors of what 2000 trials show of .95
few = settings(max_examples=25, deadline=None)  # an interval takes its time


def alike(one: Estimate, other: Estimate) -> bool:
    """The same but for the last digits, in which the order of a sum shows."""
    numbers = [[e.estimate, e.standard_error, e.low, e.high] for e in (one, other)]
    known = [[value for value in row if value is not None] for row in numbers]
    return known[0] == pytest.approx(known[1], abs=1e-7) and (one.n, one.left_out) == (other.n, other.left_out)


# Shown, original then swapped, with three options: AB, BA, CC are consistent, AA, AC, CA primacy, BB, BC, CB recency
@pytest.mark.parametrize(
    ("letters", "lean"),
    [("AB", 0), ("BA", 0), ("CC", 0), ("AA", -1), ("AC", -1), ("CA", -1), ("BB", 1), ("BC", 1), ("CB", 1)],
)
def test_the_nine_pairs_of_letters_lean_as_their_authors_say(letters: str, lean: int) -> None:
    first_shown = {"A": 1.0, "B": 0.0, "C": 0.5}
    one, other = (first_shown[letter] for letter in letters)
    assert leanings([[one, 1 - other]]).tolist() == [lean]


def test_worked_out_by_hand() -> None:
    # two of five lean to the first, one to the second; what has one outcome alone counts nowhere
    rows: list[list[float]] = [[1, 0], [1, 0.5], [1, 1], [0, 0], [0.5, 1], [nan, 1]]
    found = position_bias(rows)
    assert (found.consistent, found.primacy, found.recency) == (2, 2, 1)
    assert found.consistency.estimate == pytest.approx(2 / 5) and found.preference.estimate == pytest.approx(-1 / 5)
    assert found.consistency.n == found.preference.n == 5
    assert found.consistency.left_out == found.preference.left_out == 1


@pytest.mark.parametrize(("primacy", "recency", "p"), [(0, 0, 1.0), (6, 0, 0.03125), (0, 6, 0.03125), (10, 2, 0.0386)])
def test_the_sign_test_is_exact(primacy: int, recency: int, p: float) -> None:
    codes: list[list[int]] = [[1, 0]] * primacy + [[0, 1]] * recency + [[1, 1]] * 5
    assert position_bias(codes).p_value == pytest.approx(p, rel=5e-3)


@given(counts, counts, counts)
def test_preference_fairness_is_the_longer_formula_of_its_authors(primacy: int, recency: int, rest: int) -> None:
    n = primacy + recency + rest
    raw, normalised = preference_fairness(primacy, recency, n)
    either = primacy + recency or 1
    theirs = recency * (recency / either) - primacy * (primacy / either)
    assert float(raw) == pytest.approx(theirs, abs=1e-9)
    if n:
        assert float(normalised) == pytest.approx((theirs + n) / (n + n) * 2 - 1, abs=1e-12)
    else:
        assert np.isnan(normalised)


def test_cells_are_scored_at_once_and_one_without_pairs_has_no_score() -> None:
    raw, normalised = preference_fairness([[3, 0], [0, 5]], [[1, 0], [5, 0]], 10)
    assert raw.tolist() == [[-2, 0], [5, -5]] and normalised.tolist() == [[-0.2, 0], [0.5, -0.5]]
    assert np.isnan(preference_fairness([0], [0], [0])[1]).all()


@few
@given(pairs)
def test_preference_is_the_mean_of_leanings_and_the_score_of_the_counts(given_pairs: Pairs) -> None:
    found = position_bias(given_pairs)
    n = found.consistent + found.primacy + found.recency
    assert n == found.preference.n == found.consistency.n
    if n:
        _, normalised = preference_fairness(found.primacy, found.recency, n)
        assert found.preference.estimate == pytest.approx(float(normalised))
        assert found.consistency.estimate == pytest.approx(found.consistent / n)


@few
@given(pairs)
def test_taking_the_second_place_for_the_first_turns_the_sign(given_pairs: Pairs) -> None:
    codes = np.array(given_pairs)
    for turned in (codes[:, ::-1], 1 - codes):  # the other presentation called the first; the other response named
        found, back = position_bias(codes), position_bias(turned)
        assert (found.primacy, found.recency, found.p_value) == (back.recency, back.primacy, back.p_value)
        assert alike(found.consistency, back.consistency)
        if found.preference.estimate is not None:
            assert back.preference.estimate == pytest.approx(-found.preference.estimate)
        if found.preference.low is not None:
            assert back.preference.high == pytest.approx(-found.preference.low)


@given(pairs)
def test_which_presentation_comes_first_does_not_matter(given_pairs: Pairs) -> None:
    codes = np.array(given_pairs)
    again = 1 - codes[:, ::-1]  # the same judgements, told from the other presentation's side
    np.testing.assert_array_equal(leanings(again), leanings(codes))


@few
@given(pairs, st.randoms(use_true_random=False))
def test_the_order_of_items_does_not_matter(given_pairs: Pairs, rng: Any) -> None:
    shuffled = rng.sample(given_pairs, len(given_pairs))
    found, again = position_bias(given_pairs), position_bias(shuffled)
    assert alike(found.consistency, again.consistency) and alike(found.preference, again.preference)
    assert found[2:] == again[2:]
    assert alike(repetition_stability(shuffled), repetition_stability(given_pairs))
    filtered = (consistency_filter(rows, np.array(rows)[:, 0]) for rows in (given_pairs, shuffled))
    assert all(alike(one, other) for one, other in zip(*filtered, strict=True))


def planted(rng: np.random.Generator, shape: tuple[int, ...], first: float, second: float, coin: float) -> Floats:
    """Codes, shape (*shape, 2): a share of items goes to the first place, others to the second or to a coin.

    In the rest the better response is taken, which stands in either place; a tenth are ties.
    """
    better = rng.choice([0.0, 0.5, 1.0], size=(*shape, 1), p=[0.45, 0.1, 0.45])
    way = rng.choice(4, size=(*shape, 1), p=[first, second, coin, 1 - first - second - coin])
    thrown = rng.integers(0, 2, size=(*shape, 2)).astype(float)
    return np.select([way == 0, way == 1, way == 2], [np.array([1.0, 0.0]), np.array([0.0, 1.0]), thrown], better)


def limits_of(values: Floats, kinds: list[float], low: float) -> tuple[Floats, Floats]:
    """The interval of each set of values, shape (n_sets, n_items), from `low` to 1, as the metrics make it."""
    held = np.stack([np.isclose(values, kind).sum(axis=-1) for kind in kinds], axis=-1)
    return score_limits(np.array(kinds), np.ones(len(kinds)), held, low=low, high=1.0)


@pytest.mark.parametrize(("first", "second", "coin"), [(0.3, 0, 0), (0.3, 0.1, 0.2), (0.05, 0.4, 0), (0, 0, 0.5)])
def test_in_2000_trials_the_intervals_hold_the_planted_place(first: float, second: float, coin: float) -> None:
    codes = planted(np.random.default_rng(1), (2000, 200), first, second, coin)
    lean = np.stack([leanings(one) for one in codes])
    truths = {"consistency": 1 - first - second - coin / 2, "preference": second - first}
    ends = {
        "consistency": limits_of((lean == 0).astype(float), [0, 1], 0),
        "preference": limits_of(lean, [-1, 0, 1], -1),
    }
    for name, (low, high) in ends.items():
        covered = np.mean((low <= truths[name]) & (truths[name] <= high))
        assert 0.94 - NOISE <= covered <= 0.96 + NOISE, name
        for number in range(3):
            found = getattr(position_bias(codes[number]), name)
            assert (found.low, found.high) == pytest.approx((low[number], high[number]), abs=1e-8)


def test_a_primacy_judge_is_told_from_a_coin_in_every_seed_and_a_coin_seldom_from_itself() -> None:
    for seed in range(20):
        found = position_bias(planted(np.random.default_rng(seed), (200,), 0.3, 0, 0))
        assert found.p_value < 1e-6 and found.preference.high is not None and found.preference.high < 0
    lean = [leanings(codes) for codes in planted(np.random.default_rng(2), (2000, 200), 0, 0, 1)]
    alarms = [mcnemar(int((one > 0).sum()), int((one < 0).sum())) < 0.05 for one in lean]
    assert np.mean(alarms) <= 0.05 + NOISE


def test_stability_by_hand() -> None:
    # three of three, two of three, two of three (the third gave none), one of three; the last has no outcome at all
    rows: list[list[float]] = [[1, 1, 1], [0, 1, 1], [0, nan, 0], [nan, nan, 7], [nan, nan, nan]]
    found = repetition_stability(rows)
    assert found.estimate == pytest.approx((1 + 2 / 3 + 2 / 3 + 1 / 3) / 4)
    assert (found.n, found.left_out) == (4, 1)


def test_presentations_of_an_item_are_judged_on_their_own_but_are_one_unit() -> None:
    rows = np.array([[[1, 1, 1], [0, 0, 0]], [[1, 0, 1], [1, 1, 0]], [[0, 0, 0], [nan] * 3]])
    found = repetition_stability(rows)
    assert found.estimate == pytest.approx((1 + 1 + 2 / 3 + 2 / 3 + 1) / 5) and found.n == 3
    flat = repetition_stability(rows.reshape(6, 3))
    assert found.estimate == pytest.approx(flat.estimate) and flat.n == 5


@few
@given(st.lists(st.lists(outcomes, min_size=3, max_size=3), min_size=1, max_size=20), st.permutations(range(3)))
def test_neither_the_order_of_repeats_nor_the_names_of_outcomes_matter(rows: list[list[float]], order: Any) -> None:
    told = np.array(rows)
    renamed = np.select([told == 0.0, told == 0.5, told == 1.0], [7.0, -2.0, 3.5], nan)
    found = repetition_stability(told)
    assert alike(found, repetition_stability(renamed[:, order]))
    assert found.estimate is None or 1 / 3 <= found.estimate <= 1 + 1e-12


def test_a_coin_is_as_stable_as_coins_are() -> None:
    # of three throws all are alike in a quarter, else two of three are: 1/4 + 3/4 * 2/3
    throws = np.random.default_rng(0).integers(0, 2, size=(2000, 200, 3))
    same = (throws == throws[..., :1]).all(axis=-1)
    low, high = limits_of(np.where(same, 1, 2 / 3), [2 / 3, 1.0], 1 / 3)
    assert 0.94 - NOISE <= np.mean((low <= 0.75) & (high >= 0.75)) <= 0.96 + NOISE
    for number in range(3):
        found = repetition_stability(throws[number])
        assert (found.low, found.high) == pytest.approx((low[number], high[number]), abs=1e-8)


def test_where_all_items_are_alike_the_interval_is_wilsons_on_the_range_there_is() -> None:
    primacy, stable = position_bias([[1, 0]] * 10).preference, repetition_stability([[1, 1, 1]] * 10)
    apart = Z95**2 / (10 + Z95**2)  # how far Wilson's interval for 0 of 10 reaches, of a range of 1
    assert (primacy.low, primacy.high) == pytest.approx((-1, -1 + 2 * apart))
    assert (stable.low, stable.high) == pytest.approx((1 - 2 / 3 * apart, 1))


def test_the_filter_by_hand() -> None:
    codes: list[list[float]] = [[1, 1], [0, 0], [0, 0], [1, 0], [0, 1], [nan, 1], [1, nan]]
    found = consistency_filter(codes, [1, 1, 0, 1, 0, nan, 1])
    assert found.first.estimate == pytest.approx(4 / 6) and found.first.left_out == 1
    assert found.kept.estimate == pytest.approx(3 / 5) and found.kept.left_out == 2
    assert found.kept_and_right.estimate == pytest.approx(2 / 5) and found.kept_and_right.left_out == 2
    assert found.when_kept.estimate == pytest.approx(2 / 3) and found.when_kept.n == 3
    assert found.when_dropped.estimate == pytest.approx(1 / 2) and found.when_dropped.n == 2


def test_a_judge_that_is_fooled_twice_by_the_same_thing_is_worse_where_it_agrees_with_itself() -> None:
    rng = np.random.default_rng(3)
    fooled = rng.random(500) < 0.6  # by length, say: wrong in both orders; elsewhere it throws a coin
    codes = np.where(fooled[:, None], 0, rng.integers(0, 2, size=(500, 2)))
    found = consistency_filter(codes, codes[:, 0])
    assert found.when_kept.high is not None and found.when_dropped.low is not None
    assert found.when_kept.high < found.when_dropped.low


@few
@given(pairs)
def test_the_filter_splits_what_agreement_and_accuracy_tell(given_pairs: Pairs) -> None:
    codes = np.array(given_pairs)
    found = consistency_filter(codes, codes[:, 0])
    assert found.first == accuracy(codes[:, :1]) and found.kept == positional_agreement(codes)
    assert found.when_kept.n + found.when_dropped.n == found.kept.n
    if found.when_kept.estimate is not None:
        assert found.kept.estimate is not None
        assert found.kept_and_right.estimate == pytest.approx(found.kept.estimate * found.when_kept.estimate)


def test_what_has_no_pair_is_unknown() -> None:
    found = position_bias([[1, nan], [nan, 0]])
    assert found.consistency.estimate is found.preference.estimate is None and found.p_value == 1
    assert repetition_stability([[nan, nan]]).estimate is None
    assert consistency_filter([[1, 1]], [1]).when_dropped.estimate is None


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: leanings([1, 0]), "needed is"),
        (lambda: position_bias([[2, 0]]), r"outside 0\.\.1"),
        (lambda: repetition_stability([[1], [0]]), "two repeats or more"),
        (lambda: repetition_stability([1, 0]), "two repeats or more"),
        (lambda: consistency_filter([[1, 1]], [1, 0]), "of 1 items"),
        (lambda: consistency_filter([[1, 1]], [2]), r"outside 0\.\.1"),
        (lambda: preference_fairness([-1], [0], [1]), "negative"),
        (lambda: preference_fairness([2], [2], [3]), "more pairs lean"),
    ],
)
def test_bad_input_is_refused_with_what_is_needed(call: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()


def test_the_authors_of_the_recorded_runs_take_an_unread_or_absent_partner_for_consistent() -> None:
    said = {
        Shown("1", "x", "y"): "A",  # its partner could not be read
        Shown("1", "y", "x"): None,
        Shown("2", "x", "y"): "B",  # its partner is not there
        Shown("3", "x", "y"): "C",
        Shown("3", "y", "x"): "C",
        Shown("4", "x", "y"): "A",
        Shown("4", "y", "x"): "A",
    }
    assert authors_consistent(said) == (4, 6)


@pytest.mark.parametrize(
    ("text", "benchmark", "letter"),
    [
        ("I think [[C]] or [[B]]", "MTBench", "C"),
        ('[["C"]] is my verdict', "MTBench", None),
        ("[A]", "MTBench", None),
        ("Reason: long.\nChoice: B.", "DevBench", "B"),
        ("选择：A", "DevBench", "A"),
        ("Choice:A", "DevBench", None),
        (None, "DevBench", None),
    ],
)
def test_the_authors_rules_read_the_first_that_has_their_form(
    text: str | None, benchmark: str, letter: str | None
) -> None:
    assert authors_verdict(text, benchmark) == letter


@pytest.mark.shared
@pytest.mark.parametrize("section", ["position", "position_RS", "mitigations", "consistency_filter"])
def test_every_recorded_number_is_found_again(shared_data: Path, section: str) -> None:
    found = runner(section)(shared_data)
    assert found.misses == [] and found.matched == found.total >= 5

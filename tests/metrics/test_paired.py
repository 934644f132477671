"""Paired comparisons: published p values and limits, and the coverage that the intervals promise."""

from __future__ import annotations

from fractions import Fraction
from math import comb, inf, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from plurijudge.benchmarks.coverage import logistic
from plurijudge.metrics.agreement import accuracy
from plurijudge.metrics.intervals import score_limits
from plurijudge.metrics.paired import fieller_ratio, gain, mcnemar

Floats = NDArray[np.float64]

PUBLISHED = [(5, 0, 0.0625), (6, 0, 0.03125), (8, 1, 0.0391), (10, 2, 0.0386), (15, 3, 0.00754), (40, 20, 0.0135)]
counts = st.integers(0, 300)


@pytest.mark.parametrize(("gained", "lost", "p"), PUBLISHED)
def test_mcnemar_gives_the_published_values(gained: int, lost: int, p: float) -> None:
    assert mcnemar(gained, lost) == pytest.approx(p, rel=5e-3)


@settings(max_examples=100, deadline=None)
@given(counts, counts)
def test_mcnemar_is_the_exact_binomial_tail_the_same_from_both_sides(gained: int, lost: int) -> None:
    n = gained + lost
    tail = Fraction(2 * sum(comb(n, i) for i in range(min(gained, lost) + 1)), 2**n)
    assert mcnemar(gained, lost) == mcnemar(lost, gained) == pytest.approx(float(min(Fraction(1), tail)), rel=1e-12)


@settings(max_examples=100, deadline=None)
@given(counts, st.integers(1, 300))
def test_a_more_lopsided_split_of_as_many_items_is_less_likely_by_chance(more: int, lost: int) -> None:
    gained = lost + more
    assert mcnemar(gained + 1, lost - 1) < mcnemar(gained, lost) or mcnemar(gained, lost) == 0
    assert mcnemar(gained + 1, lost) < mcnemar(gained, lost) or more == 0


@pytest.mark.parametrize(("gained", "lost"), [(530, 470), (531, 470), (600, 480), (503_000, 500_000)])
def test_large_counts_lose_no_more_than_the_last_digits(gained: int, lost: int) -> None:
    n = gained + lost
    exact = comb(n, lost) if n < 10_000 else 0
    if exact:
        tail = Fraction(2 * sum(comb(n, i) for i in range(lost + 1)), 2**n)
        assert mcnemar(gained, lost) == pytest.approx(float(tail), rel=1e-10)
    assert 0 < mcnemar(gained, lost) < 0.1


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        mcnemar(3, -1)


def table(both: int, first: int, second: int, neither: int) -> tuple[list[float], list[float]]:
    """One verdict an item: right in both, in the first alone, in the second alone, in neither."""
    one = [1.0] * (both + first) + [0.0] * (second + neither)
    return one, [1.0] * both + [0.0] * first + [1.0] * second + [0.0] * neither


# Hyper-responsiveness before and after a transplantation: Fagerland, Lydersen and Laake 2014, doi:10.1002/sim.6148
def test_with_one_verdict_an_item_the_interval_is_tangos() -> None:
    found = gain(*table(1, 1, 7, 12))
    assert found.estimate == pytest.approx(-6 / 21)
    assert (found.low, found.high) == pytest.approx((-0.517, -0.026), abs=5e-4)


def test_where_nothing_is_missing_the_gain_is_the_difference_of_the_accuracies() -> None:
    one, other = np.random.default_rng(1).choice([0.0, 0.5, 1.0], size=(2, 30, 2))
    found, back = gain(one, other), gain(other, one)
    mean, its = accuracy(one).estimate, accuracy(other).estimate
    assert mean is not None and its is not None and found.estimate == pytest.approx(mean - its)
    numbers = [found.estimate, found.standard_error, found.low, found.high]
    assert numbers == pytest.approx([-back.estimate, back.standard_error, -back.high, -back.low])  # type: ignore[operator]


def test_a_presentation_that_one_of_them_lacks_is_not_compared() -> None:
    nan = float("nan")
    found = gain(np.array([[1, nan], [1, 1], [nan, nan], [1, 0]]), [[0, 1], [1, 0], [1, 1], [1, 0]])
    assert found.estimate == pytest.approx(2 / 5)
    assert (found.n, found.left_out) == (3, 1)


def test_verdicts_that_are_all_the_same_leave_an_interval_with_a_width() -> None:
    found = gain(np.ones((10, 2)), np.ones((10, 2)))
    assert found.estimate == 0 and found.standard_error is None and "alike" in found.reason
    assert found.low is not None and found.high is not None and found.low < -0.1 and found.high > 0.1


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [([[1.5]], [[1]], r"outside 0\.\.1"), ([[1, 0]], [[1]], "needed is one shape"), ([[-1]], [[0]], r"outside 0\.\.1")],
)
def test_values_that_are_no_verdicts_are_refused(one: Any, other: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gain(one, other)


WORLDS: dict[str, dict[str, float]] = {
    "a second hearing": {"base": 0.8},
    "items differ, and the place counts": {"base": 0.5, "spread": 1.5, "lean": 1.0, "decided": 0.15, "harm": 0.03},
    "the same word but where tools decide": {"spread": 1.5, "lean": 1.0, "decided": 0.15, "harm": 0.03, "again": 1.0},
    "verdicts are missing": {"spread": 1.0, "decided": 0.2, "harm": 0.02, "again": 0.9, "missing": 0.1},
}


def trials(rng: np.random.Generator, shape: tuple[int, int], **world: float) -> tuple[Floats, Floats]:
    """Verdicts with and without tools, shape (sets, n_items, 2).

    With tools, a share `decided` of the items is right in both orders, and a share `harm` wrong in both. Elsewhere the
    model says `again` what it said without, or draws anew with the item's own log-odds.
    """
    told = {"base": 0.5, "spread": 0.0, "lean": 0.0, "decided": 0.0, "harm": 0.0, "again": 0.0, "missing": 0.0, **world}
    own = told["base"] + told["spread"] * rng.standard_normal((*shape, 1))
    chance = logistic(own + told["lean"] * np.array([1.0, -1.0]))
    without, anew = ((rng.random((*shape, 2)) < chance).astype(float) for _ in range(2))
    kind = rng.random((*shape, 1))
    with_tools = np.where(rng.random((*shape, 2)) < told["again"], without, anew)
    with_tools = np.where(kind < told["decided"], 1.0, np.where(kind > 1 - told["harm"], 0.0, with_tools))
    return np.where(rng.random((*shape, 2)) < told["missing"], np.nan, with_tools), without


def limits_of(one: Floats, other: Floats) -> tuple[Floats, Floats]:
    """The interval of each set, as `gain` makes it."""
    apart = one - other
    sums, sizes = np.nansum(apart, axis=-1), (~np.isnan(apart)).sum(axis=-1)
    kinds = np.array([(total, size) for size in (1, 2) for total in range(-size, size + 1)])
    held = np.stack([((sums == total) & (sizes == size)).sum(axis=-1) for total, size in kinds], axis=-1)
    distinct, place = np.unique(held, axis=0, return_inverse=True)
    low, high = score_limits(kinds[:, 0], kinds[:, 1], distinct, low=-1.0, high=1.0)
    return low[place.reshape(-1)], high[place.reshape(-1)]


@pytest.mark.parametrize("n", [60, 200])
@pytest.mark.parametrize("world", WORLDS)
def test_in_5000_trials_the_interval_of_the_gain_covers_what_it_promises(world: str, n: int) -> None:
    rng = np.random.default_rng([n, list(WORLDS).index(world)])
    one, other = trials(rng, (2000, 1000), **WORLDS[world])
    truth = float(np.nanmean(one - other))
    one, other = trials(rng, (5000, n), **WORLDS[world])
    low, high = limits_of(one, other)
    changed = float(np.mean(np.nansum(np.abs(one - other), axis=(1, 2)) / 2))
    noise = 2 * sqrt(0.05 * 0.95 / 5000)
    most = 0.96 if changed >= 12 else 0.985  # of few verdicts that changed it errs towards too wide
    assert 0.94 - noise <= np.mean((low <= truth) & (truth <= high)) <= most + noise
    for number in range(3):
        found = gain(one[number], other[number])
        assert (found.low, found.high) == pytest.approx((low[number], high[number]), abs=1e-8)


def test_the_power_to_see_a_gain_of_fifteen_in_a_hundred_is_that_of_a_paired_test() -> None:
    low, _ = limits_of(*trials(np.random.default_rng(3), (5000, 100), spread=1.5, lean=1.0, decided=0.3, again=1.0))
    assert np.mean(low > 0) > 0.9


def test_fieller_s_interval_covers_a_ratio_of_parts_of_either_sign() -> None:
    rng, hits, open_ended = np.random.default_rng(5), 0, 0
    for _ in range(5000):
        shared = rng.normal(size=40)
        below = 0.3 + 0.7 * shared + 0.5 * rng.normal(size=40)
        found = fieller_ratio(0.6 + 0.5 * shared + 0.4 * rng.normal(size=40), below)
        open_ended += found.low is None
        hits += found.low is None or found.high is None or found.low <= 2.0 <= found.high
    assert 0.94 <= hits / 5000 <= 0.985 and 0 < open_ended < 2500  # without bounds it covers; elsewhere as promised


def test_where_the_denominator_stands_apart_from_0_fieller_covers_what_it_promises() -> None:
    rng, hits = np.random.default_rng(6), 0
    for _ in range(5000):
        shared = rng.gamma(2.0, size=50)
        found = fieller_ratio(0.5 * shared + rng.exponential(1.0, 50), shared + rng.exponential(2.0, 50))
        assert found.low is not None and found.high is not None
        hits += found.low <= 0.5 <= found.high
    assert 0.94 - 0.006 <= hits / 5000 <= 0.96 + 0.006


def test_other_units_stretch_the_ratio_and_its_interval() -> None:
    x, y = np.random.default_rng(7).normal(size=(2, 30)) + 2
    plain, stretched = fieller_ratio(x, y), fieller_ratio(100 * x, 4 * y)
    for name in ("estimate", "standard_error", "low", "high"):
        assert getattr(stretched, name) == pytest.approx(25 * getattr(plain, name))


def test_what_has_no_bounds_or_no_value_says_so() -> None:
    open_ended = fieller_ratio([1, 2, 3, 4], [1, -1, 2, -1])
    assert open_ended.estimate == 10 and open_ended.low is None and "may be 0" in open_ended.reason
    assert fieller_ratio([1, 2], [1, -1]).estimate is None
    assert fieller_ratio([2, 4], [1, 2]).low is None
    with pytest.raises(ValueError, match="infinite"):
        fieller_ratio([inf], [1])

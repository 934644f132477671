"""Early answers: by hand, what must not change them, and planted truths over thousands of simulated runs."""

from __future__ import annotations

from math import comb, nan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from plurijudge.benchmarks.coverage_sequential import (
    Outcomes,
    decided,
    fixed_for_power,
    fixed_for_width,
    sequence_line,
    stopped,
)
from plurijudge.metrics.intervals import bounded_mean
from plurijudge.metrics.sequential import (
    EFFECTS,
    LEAST,
    WEIGHTS,
    MeanSequence,
    RunningMean,
    narrow_enough,
    ordinary_limits,
)

outcomes = st.lists(st.sampled_from([0.0, 0.5, 1.0, nan]), min_size=1, max_size=60)
shares = st.lists(st.floats(0, 1), min_size=1, max_size=60)


def sequence_of(values: list[float], total: int | None, **more: object) -> MeanSequence:
    sequence = MeanSequence(total, **more)  # type: ignore[arg-type]
    for value in values:
        sequence.add(value)
    return sequence


def ends(sequence: MeanSequence) -> tuple[float, float]:
    return float(sequence.low), float(sequence.high)


# An ordinary interval that may be stopped at


@pytest.mark.parametrize(("right", "n"), [(0, 40), (8, 10), (481, 1000), (999, 1000)])
def test_of_values_0_and_1_the_ordinary_interval_is_wilsons(right: int, n: int) -> None:
    found = bounded_mean([1.0] * right + [0.0] * (n - right))
    low, high = ordinary_limits(n, right, right)
    assert (float(low), float(high)) == pytest.approx((found.low, found.high), abs=1e-8)


def test_halves_make_the_interval_as_much_shorter_as_they_make_the_spread_smaller() -> None:
    low, high = ordinary_limits(10_000, 5000, 2500 + 1250)  # one half are halves, a quarter each 0 and 1
    assert float(high - low) == pytest.approx(2 * 1.96 * sqrt(0.125 / 10_000), rel=1e-3)


@settings(max_examples=100, deadline=None)
@given(shares)
def test_the_interval_holds_the_mean_and_is_mirrored_when_wins_and_losses_change_places(values: list[float]) -> None:
    one, other = RunningMean(), RunningMean()
    for value in values:
        one.add(value)
        other.add(1 - value)
    low, high = one.limits()
    assert 0 <= low <= sum(values) / len(values) + 1e-12 and sum(values) / len(values) - 1e-12 <= high <= 1
    assert high - low > 1 / (2 * len(values) + 20)  # alike or not, it has a width
    assert other.limits() == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_nothing_is_stopped_at_before_30_values_nor_after_a_lucky_start() -> None:
    alike = RunningMean()
    for _ in range(LEAST - 1):
        alike.add(0.5)
    assert not alike.within(0.5)
    alike.add(0.5)
    assert alike.within(0.5)
    low, high = ordinary_limits(40, 40, 40)
    assert float(high - low) < 0.1 and not narrow_enough(40, 40, 40, width=0.1)
    assert bool(narrow_enough(60, 60, 60, width=0.1))


def test_a_running_mean_is_the_mean_and_counts_what_is_missing() -> None:
    mean = RunningMean()
    assert mean.estimate().estimate is None and mean.limits() == (0.0, 1.0)
    for value in (1.0, nan, 0.5, 0.0):
        mean.add(value)
    found = mean.estimate()
    assert (found.estimate, found.n, found.left_out) == (0.5, 3, 1)
    assert found.standard_error == pytest.approx(0.5 / sqrt(3))
    only = RunningMean(n=1, total=1.0, squares=1.0).estimate()
    assert (only.standard_error, only.low, only.high) == (None, None, None) and only.reason
    with pytest.raises(ValueError, match="from 0 to 1"):
        mean.add(1.2)


@pytest.mark.parametrize(
    ("truth", "halves", "width"),
    [(0.5, 0.0, 0.1), (0.6, 0.4, 0.1), (0.75, 0.2, 0.1), (0.9, 0.0, 0.1), (0.9, 0.0, 0.04)],
)
def test_in_5000_runs_the_stopped_interval_covers_and_no_items_are_wasted(
    truth: float, halves: float, width: float
) -> None:
    world = Outcomes(truth, halves, 5000, np.random.default_rng([int(100 * truth), int(100 * width)]))
    counts, low, high = stopped(world.next, width, 5000, 3000)
    assert counts.all()
    noise = 2 * sqrt(0.05 * 0.95 / 5000)
    assert 0.94 - noise <= np.mean((low <= truth) & (truth <= high)) <= 0.96 + noise
    assert np.median(counts) == pytest.approx(fixed_for_width(truth, world.variance, width), rel=0.05)


# A sequence that may be looked at at any time


def test_the_capital_is_the_product_of_what_each_bet_returned() -> None:
    sequence = sequence_of([1.0, 0.0], 4, candidates=[0.5])
    first = [min(effect / 0.25, 1) for effect in EFFECTS]  # before any value the variance is that of 5 and 5
    spread = (1 + 5) / 11 - (6 / 11) ** 2
    second = [min(effect / spread, 1) for effect in EFFECTS]
    fair = (4 * 0.5 - 1) / 3  # after the 1, what is left has a mean of 1/3
    up = [w * (1 + a * 0.5) * (1 + b * (0 - fair)) for w, a, b in zip(WEIGHTS, first, second, strict=True)]
    assert sequence._capital[0].ravel() == pytest.approx(up)
    down = [w * (1 - a * 0.5) * (1 + b * (1 - 2 / 3)) for w, a, b in zip(WEIGHTS, first, second, strict=True)]
    assert sequence._capital[1].ravel() == pytest.approx(down)


def test_if_the_candidate_is_the_mean_no_bet_gains_on_average_over_all_orders() -> None:
    """The sum over every order of every small set is what was put in: the heart of the promise."""
    for wins in range(7):
        total = 0.0
        for order in range(2**6):
            values = [float(order >> bit & 1) for bit in range(6)]
            if sum(values) == wins and 0 < wins < 6:
                total += float(sequence_of(values[:4], 6, candidates=[wins / 6])._capital[0].sum())
        if 0 < wins < 6:
            assert total / comb(6, wins) == pytest.approx(1.0, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(outcomes, st.booleans())
def test_the_ends_never_part_and_end_at_the_mean(values: list[float], finite: bool) -> None:
    sequence = MeanSequence(len(values) if finite else None)
    before = ends(sequence)
    for value in values:
        sequence.add(value)
        now = ends(sequence)
        assert now[0] <= now[1]
        if not sequence.contradicted:
            assert now[0] >= before[0] and now[1] <= before[1]
        before = now
    if finite:
        low = sum(0.0 if v != v else v for v in values) / len(values)
        high = sum(1.0 if v != v else v for v in values) / len(values)
        assert before == pytest.approx((low, high), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(outcomes, st.integers(0, 80))
def test_wins_and_losses_changing_places_mirrors_the_ends(values: list[float], more: int) -> None:
    total = len(values) + more
    low, high = ends(sequence_of(values, total))
    assert ends(sequence_of([1 - v for v in values], total)) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(outcomes)
def test_a_missing_value_leaves_open_whatever_could_be_in_its_place(values: list[float]) -> None:
    low, high = sequence_of(values, 200).certain
    for filled in (0.0, 0.5, 1.0):
        one, other = sequence_of([filled if v != v else v for v in values], 200).certain
        assert low <= one and other <= high


def test_failures_of_all_that_would_have_been_lost_cannot_decide() -> None:
    rng = np.random.default_rng(8)
    values = np.where(rng.random(1500) < 0.45, 1.0, nan)  # every loss failed
    assert not bool(sequence_of(list(values), 2000).above(0.5))
    assert bool(sequence_of(list(values[~np.isnan(values)]), 2000).above(0.5))


def test_skipped_items_are_as_if_they_were_not_in_the_set_but_for_what_they_leave_open() -> None:
    values = [1.0, 0.0, 1.0, 1.0, 0.5, 1.0]
    skipping = MeanSequence(12)
    for value in values:
        skipping.add(value)
        skipping.skip()
    assert ends(skipping) == pytest.approx((0.75, 0.75))
    nothing = MeanSequence(2)
    nothing.skip()
    nothing.skip()
    assert ends(nothing) == (0.0, 1.0)
    endless = MeanSequence(None)
    endless.skip()
    assert ends(endless) == (0.0, 1.0)


def test_many_runs_at_once_are_what_each_is_alone() -> None:
    values = np.random.default_rng(1).choice([0.0, 0.5, 1.0, nan], size=(300, 4), p=[0.15, 0.1, 0.7, 0.05])
    together = MeanSequence(400, runs=(4,))
    for row in values:
        together.add(row)
    for run in range(4):
        alone = sequence_of(list(values[:, run]), 400)
        assert ends(alone) == pytest.approx((together.low[run], together.high[run]), abs=1e-12)
        assert bool(alone.above(0.5)) == together.above(0.5)[run]


def test_an_order_that_is_not_random_is_noticed_and_only_what_is_certain_is_said() -> None:
    sequence = sequence_of([1.0] * 150 + [0.0] * 650, 1000)
    assert bool(sequence.contradicted)
    assert ends(sequence) == pytest.approx((0.15, 0.35))


@pytest.mark.parametrize(("truth", "halves", "total"), [(0.5, 0.2, 200), (0.9, 0.0, 200), (0.6, 0.3, None)])
def test_in_5000_runs_the_truth_is_hardly_ever_left_out_at_any_look(
    truth: float, halves: float, total: int | None
) -> None:
    world = Outcomes(truth, halves, 5000, np.random.default_rng(int(100 * truth)), total)
    assert sequence_line("", world, total or 400).coverage >= 0.95


def test_of_no_difference_at_most_one_in_twenty_is_made() -> None:
    for total in (400, None):
        _, ways = decided(Outcomes(0.5, 0.2, 5000, np.random.default_rng(3), total), 400)
        assert np.mean(ways != 0) <= 0.05


def test_a_difference_of_10_points_is_found_with_less_than_seven_tenths_of_the_planned_items() -> None:
    world = Outcomes(0.55, 0.2, 2000, np.random.default_rng(9), 5000)
    counts, ways = decided(world, 2500)
    assert np.mean(ways == 1) > 0.99 and np.mean(ways == -1) < 0.025
    cap = np.sort(np.where(ways == 1, counts, 2501))[1799]  # gives up where nine runs of ten have decided
    used = np.minimum(np.where(counts > 0, counts, 2500), cap)
    planned = fixed_for_power(0.9, world.variance, 0.05, 5000)
    assert used.mean() <= 0.7 * planned and np.median(used) <= 0.7 * planned


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: MeanSequence(0), "needed is 1 or more"),
        (lambda: MeanSequence(5, level=1.0), "0 < level < 1"),
        (lambda: MeanSequence(5, candidates=[0.0, 0.5]), "above 0 and below 1"),
        (lambda: MeanSequence(5, candidates=[]), "at least one"),
        (lambda: sequence_of([1.5], 5), "outside 0..1"),
        (lambda: sequence_of([0.5, 0.5], 1), "all 1 items have been seen"),
        (lambda: MeanSequence(5, runs=(2,)).add(0.5), "needed is"),
        (lambda: MeanSequence(5).above(0.1234), "none of those"),
    ],
)
def test_what_no_sequence_can_take_is_refused_with_what_is_needed(make: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()  # type: ignore[operator]

"""Intervals: tabulated quantiles, Wilson's limits, and the coverage that they promise."""

from __future__ import annotations

from math import inf, sqrt
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from plurijudge.benchmarks.coverage import BLOCKS, WORLDS, Judged, band, limits_of, truths_of
from plurijudge.metrics.estimate import Z95
from plurijudge.metrics.intervals import (
    STUDENT,
    Basis,
    bounded_mean,
    clustered_mean,
    score_limits,
    student_p_value,
    student_t_quantile,
    student_t_tail,
)

TABULATED = [
    (0.975, 1, 12.7062),
    (0.975, 2, 4.3027),
    (0.975, 5, 2.5706),
    (0.975, 10, 2.2281),
    (0.975, 29, 2.0452),
    (0.975, 120, 1.9799),
    (0.95, 3, 2.3534),
    (0.995, 30, 2.7500),
    (0.9995, 1, 636.6192),
    (0.9, 60, 1.2958),
    (0.55, 4, 0.1338),
]

shares = st.lists(st.tuples(*[st.sampled_from([0.0, 0.5, 1.0, float("nan")])] * 2), min_size=2, max_size=40)


def wilson(right: int, n: int) -> tuple[float, float]:
    """Wilson's limits in closed form."""
    p, z = right / n, Z95
    middle, reach = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2)
    return (middle - reach) / (1 + z * z / n), (middle + reach) / (1 + z * z / n)


@pytest.mark.parametrize(("probability", "df", "value"), TABULATED)
def test_quantiles_of_student_t_are_those_in_the_tables(probability: float, df: float, value: float) -> None:
    assert student_t_quantile(probability, df) == pytest.approx(value, abs=5e-5)
    assert student_t_quantile(1 - probability, df) == pytest.approx(-value, abs=5e-5)


@pytest.mark.parametrize(("probability", "df", "value"), TABULATED)
def test_the_tail_of_student_t_is_what_the_quantile_leaves(probability: float, df: float, value: float) -> None:
    assert student_t_tail(value, df) == pytest.approx(1 - probability, abs=2e-5)
    assert student_t_tail(-value, df) == pytest.approx(probability, abs=2e-5)
    with pytest.raises(ValueError, match="degrees of freedom"):
        student_t_tail(value, 0)


def test_with_many_degrees_of_freedom_student_t_is_normal() -> None:
    assert student_t_quantile(0.975, 1e7) == pytest.approx(NormalDist().inv_cdf(0.975), abs=1e-6)
    assert student_t_quantile(0.5, 3) == 0.0


@pytest.mark.parametrize(("probability", "df"), [(0.0, 3), (1.0, 3), (0.5, 0), (float("nan"), 3)])
def test_a_quantile_that_does_not_exist_is_refused(probability: float, df: float) -> None:
    with pytest.raises(ValueError, match="needed are 0 < probability < 1"):
        student_t_quantile(probability, df)


@pytest.mark.parametrize(("right", "n"), [(0, 5), (1, 7), (8, 10), (30, 30), (481, 1000), (999, 1000)])
def test_with_one_verdict_an_item_the_score_interval_is_wilsons(right: int, n: int) -> None:
    found = bounded_mean([1.0] * right + [0.0] * (n - right))
    assert (found.low, found.high) == pytest.approx(wilson(right, n), abs=1e-8)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("n", [2, 5, 100, 10_000])
def test_items_that_are_all_alike_leave_an_interval_with_a_width_and_an_unknown_error(value: float, n: int) -> None:
    found = bounded_mean(np.full((n, 2), value))
    assert found.estimate == value
    assert found.standard_error is None and "all items are alike" in found.reason
    assert found.low is not None and found.high is not None
    assert found.low <= value <= found.high and found.high - found.low > 1 / (n + 4)


def test_verdicts_that_repeat_their_item_tell_no_more_than_one_and_independent_ones_do() -> None:
    once = np.array([1.0] * 40 + [0.0] * 20)
    twice, apart = np.stack([once, once], axis=1), np.stack([once, np.roll(once, 27)], axis=1)
    widths = [found.high - found.low for found in map(bounded_mean, (once, twice, apart))]  # type: ignore[operator]
    assert widths[1] == pytest.approx(widths[0], abs=1e-8)
    assert widths[2] < 0.8 * widths[0]


@settings(max_examples=60, deadline=None)
@given(shares)
def test_the_estimate_lies_in_its_interval_and_the_interval_between_the_ends(rows: list[tuple[float, float]]) -> None:
    found = bounded_mean(np.array(rows))
    if found.n < 2:
        assert found.low is None and found.high is None and found.reason
        return
    assert found.low is not None and found.high is not None and found.estimate is not None
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    assert found.low < found.high


@settings(max_examples=30, deadline=None)
@given(shares)
def test_stretching_the_scale_stretches_the_interval(rows: list[tuple[float, float]]) -> None:
    plain, stretched = bounded_mean(np.array(rows)), bounded_mean(4 * np.array(rows) - 3, low=-3, high=1)
    for name in ("estimate", "low", "high"):
        value = getattr(plain, name)
        expected = None if value is None else pytest.approx(4 * value - 3, abs=1e-7)
        assert getattr(stretched, name) == expected


def test_a_higher_level_gives_a_wider_interval() -> None:
    values = np.random.default_rng(3).random((25, 3))
    for mean in (bounded_mean, clustered_mean):
        widths = [(found := mean(values, level=level)).high - found.low for level in (0.8, 0.95, 0.99)]  # type: ignore[operator]
        assert widths == sorted(widths) and widths[0] < widths[2]


def test_limits_of_many_data_sets_at_once_are_those_of_each() -> None:
    values = np.random.default_rng(5).choice([0.0, 1.0, np.nan], size=(40, 12, 2))
    low, high = limits_of([values])
    for number, of_one in enumerate(values):
        found = bounded_mean(of_one)
        assert (low[number], high[number]) == pytest.approx((found.low, found.high), abs=1e-8)


def test_the_clustered_error_is_the_textbook_one() -> None:
    values = np.random.default_rng(8).normal(size=(9, 4))
    found, means = clustered_mean(values), values.mean(axis=1)
    assert found.estimate == pytest.approx(means.mean())
    assert found.standard_error == pytest.approx(means.std(ddof=1) / 3)
    assert found.high == pytest.approx(means.mean() + 2.306004 * means.std(ddof=1) / 3)


def test_students_interval_is_cut_where_the_number_ends_and_has_the_degrees_of_freedom_asked_for() -> None:
    basis = Basis(11, 2, 0.95, STUDENT)
    found, fewer = basis.student(0.8, 0.1, "", high=1.0), basis.student(0.8, 0.1, "", df=5)
    assert found.low == pytest.approx(0.8 - 2.2281 * 0.1, abs=1e-5) and found.high == 1.0
    assert fewer.low == pytest.approx(0.8 - 2.5706 * 0.1, abs=1e-5) and fewer.high == pytest.approx(1.05706, abs=1e-5)
    assert (found.n, found.left_out, found.level, found.method, found.reason) == (11, 2, 0.95, STUDENT, "")
    assert student_p_value(found) == pytest.approx(2 * student_t_tail(8.0, 10))


def test_without_an_error_there_is_no_interval_and_no_p_value_but_a_reason() -> None:
    basis = Basis(11, 2, 0.95, STUDENT)
    for found in (basis.student(0.8, None, "alike"), basis.bare(0.8, "alike"), basis.unknown("alike")):
        assert (found.standard_error, found.low, found.high, found.reason) == (None, None, None, "alike")
        assert student_p_value(found) is None
    lost = basis.percentiles(0.8, np.array([0.7, np.nan, 0.9]))
    assert (lost.estimate, lost.low, lost.reason) == (0.8, None, "unknown in 1 of 3 resamples")


def test_items_without_a_value_are_left_out_and_counted() -> None:
    for mean in (bounded_mean, clustered_mean):
        found = mean([[1.0, 0.0], [np.nan, np.nan], [0.5, np.nan]])
        assert (found.n, found.left_out) == (2, 1)
        nothing = mean(np.full((3, 2), np.nan))
        assert nothing.estimate is None and nothing.left_out == 3 and nothing.reason


@pytest.mark.parametrize("values", [[[1.5]], [[-0.1]], [[inf]], np.zeros((2, 2, 2))])
def test_values_that_no_share_can_have_are_refused(values: object) -> None:
    with pytest.raises(ValueError, match=r"outside 0\.\.1|needed is"):
        bounded_mean(values)  # type: ignore[arg-type]


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("truth", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("n", [30, 60, 200])
def test_in_5000_data_sets_the_score_interval_covers_what_it_promises(world: str, truth: float, n: int) -> None:
    rng, truths = np.random.default_rng([n, int(100 * truth)]), truths_of(truth, near=True)
    low, high = limits_of([WORLDS[world](float(t)).draw(rng, 5000 // BLOCKS, n)[0] for t in truths])
    goal = np.repeat(truths, 5000 // BLOCKS)
    least, most = band(n, truth, near=True)
    noise = 2 * sqrt(0.05 * 0.95 / 5000)  # two standard errors of a share in 5,000; `make coverage` draws more
    assert least - noise <= np.mean((low <= goal) & (goal <= high)) <= most + noise


def test_the_plain_t_interval_fails_near_one_where_the_score_interval_holds() -> None:
    right, _ = Judged(0.95, spread=1.5, once=True).draw(np.random.default_rng(11), 5000, 30)
    means = right.mean(axis=2)
    reach = student_t_quantile(0.975, 29) * means.std(axis=1, ddof=1) / sqrt(30)
    plain = np.mean(np.abs(means.mean(axis=1) - 0.95) <= reach)
    low, high = limits_of([right])
    assert plain < 0.8 < 0.93 < np.mean((low <= 0.95) & (0.95 <= high))


def test_sixty_independent_items_tell_six_in_ten_from_a_coin_half_of_the_time() -> None:
    low, high = limits_of([Judged(0.6, spread=1.5).draw(np.random.default_rng(12), 5000, 60)[0]])
    assert 0.4 < np.mean((low > 0.5) | (high < 0.5)) < 0.65


def test_verdicts_missing_on_hard_items_break_the_interval_and_not_the_bounds() -> None:
    judged, rng = Judged(0.5, spread=1.5), np.random.default_rng(13)
    right, own = judged.draw(rng, 1000, 200)
    gone = rng.random(right.shape) < np.where(own < judged.centre(), 0.3, 0.03)[..., None]
    low, high = limits_of([np.where(gone, np.nan, right)])
    assert np.mean((low <= 0.5) & (0.5 <= high)) < 0.85
    low, high = limits_of([np.where(gone, 0.0, right)])[0], limits_of([np.where(gone, 1.0, right)])[1]
    assert np.mean((low <= 0.5) & (0.5 <= high)) > 0.95


def test_the_clustered_mean_covers_what_it_promises() -> None:
    rng = np.random.default_rng(14)
    found = [clustered_mean(0.3 + rng.normal(size=(30, 1)) + 0.5 * rng.normal(size=(30, 2))) for _ in range(5000)]
    assert 0.94 <= np.mean([line.low <= 0.3 <= line.high for line in found]) <= 0.96  # type: ignore[operator]


def test_kinds_of_items_that_do_not_occur_change_nothing() -> None:
    plain = score_limits([0, 1, 2], 2, [3, 4, 5])
    padded = score_limits([0, 1, 2, 1], [2, 2, 2, 1], [3, 4, 5, 0])
    assert np.allclose(plain, padded, atol=1e-9)

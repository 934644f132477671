"""The bootstrap: by hand where all resamples can be written down, the law itself, and a planted mean found again."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import inf, nan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from plurijudge.metrics import resample
from plurijudge.metrics.estimate import Estimate
from plurijudge.metrics.resample import bootstrap_difference, bootstrap_mean, bootstrap_ratio

numbers = st.lists(st.floats(-100, 100, allow_subnormal=False).map(lambda x: round(x, 6)), min_size=2, max_size=30)


def ends(found: Estimate) -> tuple[float, float]:
    assert found.low is not None and found.high is not None
    return found.low, found.high


def drawn(columns: np.ndarray, resamples: int, *, kinds: bool, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Resampled sums by one road or the other, shape (n_columns, resamples)."""
    monkeypatch.setattr(resample, "_UNITS_PER_KIND", 0 if kinds else 10**9)
    rng = np.random.Generator(np.random.PCG64DXSM(5))
    return np.stack(resample._drawn(columns[0], columns[1], resamples, rng))


@pytest.mark.parametrize("kinds", [True, False])
def test_of_three_values_all_27_resamples_come_equally_often(kinds: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.array([1.0, 10.0, 100.0])
    sums, _ = drawn(np.stack([values, np.ones(3)]), 54_000, kinds=kinds, monkeypatch=monkeypatch)
    expected: dict[float, float] = {}
    for draw in product(values, repeat=3):
        expected[sum(draw)] = expected.get(sum(draw), 0) + 54_000 / 27
    found, counts = np.unique(sums, return_counts=True)
    assert found.tolist() == sorted(expected)
    distance = sum((count - expected[value]) ** 2 / expected[value] for value, count in zip(found, counts, strict=True))
    assert distance < 27.9  # chi-square, 9 degrees of freedom, one in a thousand


@pytest.mark.parametrize("n", [2, 3, 255, 256, 257, 5000, 70_000])
def test_each_place_is_drawn_as_often_as_any_other_and_their_number_is_the_number_of_units(
    n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    resamples = max(50, 200_000 // n)
    place = np.arange(n, dtype=float)
    ones = np.where(place < n // 2, 1.0, 2.0)  # two columns, so that both are looked up at the same places
    sums, weights = drawn(np.stack([place, ones]), resamples, kinds=False, monkeypatch=monkeypatch)
    error = place.std() * sqrt(n / resamples)
    assert abs(sums.mean() - place.sum()) < 4 * error
    assert sums.std(ddof=1) == pytest.approx(place.std() * sqrt(n), rel=4 / sqrt(2 * resamples))
    assert np.all((weights >= n) & (weights <= 2 * n))
    if n > 3:
        assert np.corrcoef(sums, weights)[0, 1] == pytest.approx(np.corrcoef(place, ones)[0, 1], abs=0.15)


def test_both_roads_have_the_same_law(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(3).choice([0.0, 0.5, 1.0, 0.25], 400)
    columns = np.stack([values, np.ones(400)])
    one, other = (drawn(columns, 60_000, kinds=kinds, monkeypatch=monkeypatch)[0] for kinds in (True, False))
    for share in (0.025, 0.25, 0.5, 0.75, 0.975):
        assert np.quantile(one, share) == pytest.approx(np.quantile(other, share), abs=0.6)
    assert one.std() == pytest.approx(other.std(), rel=0.02)


def test_the_blocks_add_up_and_fit_sixteen_bits() -> None:
    for n in (1, 2, 3, 65_535, 65_536, 65_537, 200_001):
        sizes = resample._blocks(n)
        assert sum(sizes) == n
        assert all(size & (size - 1) == 0 and size <= 65_536 for size in sizes)


def test_the_standard_error_is_the_textbook_one() -> None:
    values = np.random.default_rng(2).random(500)
    found = bootstrap_mean(values)
    assert found.standard_error == pytest.approx(values.std() / sqrt(500), rel=0.03)
    assert ends(found) == pytest.approx(np.array([-1.96, 1.96]) * values.std() / sqrt(500) + values.mean(), abs=2e-3)


def test_items_of_one_cluster_are_drawn_together() -> None:
    own = np.random.default_rng(4).random(60)
    values, labels = np.repeat(own, 5), np.repeat([f"family {i}" for i in range(60)], 5)
    together, apart = bootstrap_mean(values, clusters=labels), bootstrap_mean(values)
    assert (together.n, apart.n) == (60, 300)
    assert together.standard_error == pytest.approx(own.std() / sqrt(60), rel=0.04)
    assert apart.standard_error == pytest.approx(own.std() / sqrt(300), rel=0.04)
    rows = bootstrap_mean(values.reshape(60, 5))
    assert (rows.estimate, rows.standard_error) == pytest.approx((together.estimate, together.standard_error))


def test_a_difference_keeps_pairs_together() -> None:
    rng = np.random.default_rng(6)
    first = rng.random(200)
    second = first - 0.1 + 0.01 * rng.standard_normal(200)
    found = bootstrap_difference(first, second)
    assert found.estimate == pytest.approx(0.1, abs=0.005)
    assert found.standard_error == pytest.approx(0.01 / sqrt(200), rel=0.2)


def test_a_ratio_is_one_of_sums() -> None:
    found = bootstrap_ratio([3.0, 1.0, nan, 6.0], [1.0, 1.0, 5.0, 3.0])
    assert (found.estimate, found.n, found.left_out) == (2.0, 3, 1)
    low, high = ends(found)
    assert (low, high) == (1.0, 3.0)  # all three draws may be the same item


def test_a_ratio_whose_denominators_may_vanish_has_no_interval_and_says_why() -> None:
    found = bootstrap_ratio([1.0, 2.0, 3.0], [0.0, 0.0, 1.0])
    assert found.estimate == 6.0 and (found.standard_error, found.low, found.high) == (None, None, None)
    assert "add up to 0 in" in found.reason
    assert "add up to 0" in bootstrap_ratio([1.0, 2.0], [0.0, 0.0]).reason


@pytest.mark.parametrize("values", [[0.5] * 20, np.full((4, 3), 0.1)])
def test_items_that_are_all_alike_leave_error_and_interval_unknown(values: object) -> None:
    found = bootstrap_mean(values)  # type: ignore[arg-type]
    assert (found.standard_error, found.low, found.high) == (None, None, None) and "alike" in found.reason


def test_clusters_and_items_without_a_value_are_counted() -> None:
    found = bootstrap_mean([1.0, nan, nan, 0.0, 0.5], clusters=["a", "a", "b", "c", "d"])
    assert (found.n, found.left_out) == (3, 1)
    nothing = bootstrap_mean([nan, nan])
    assert nothing.estimate is None and nothing.left_out == 2 and nothing.reason


@settings(max_examples=40, deadline=None)
@given(numbers, st.floats(-50, 50), st.floats(0.1, 9))
def test_moving_and_stretching_the_values_moves_and_stretches_the_interval(
    values: list[float], shift: float, scale: float
) -> None:
    plain = bootstrap_mean(values, resamples=200)
    moved = bootstrap_mean(scale * np.array(values) + shift, resamples=200)
    if plain.low is None or moved.low is None or len(set(values)) < len(values):
        return  # rounding may make two equal values differ, and then other draws are made
    assert ends(moved) == pytest.approx([scale * end + shift for end in ends(plain)], abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(numbers, st.randoms(use_true_random=False))
def test_the_order_of_items_and_the_names_of_clusters_change_nothing(values: list[float], shuffler: object) -> None:
    labels = [index // 2 for index in range(len(values))]
    order = list(range(len(values)))
    shuffler.shuffle(order)  # type: ignore[attr-defined]
    one = bootstrap_mean(values, clusters=labels, resamples=100)
    other = bootstrap_mean([values[i] for i in order], clusters=[f"x{labels[i]}" for i in order], resamples=100)
    assert one.estimate == pytest.approx(other.estimate, abs=1e-9)
    assert one.low == pytest.approx(other.low, abs=1e-9)


def test_the_same_seed_gives_the_same_interval_and_another_one_another() -> None:
    values = np.random.default_rng(1).random(300)
    assert bootstrap_mean(values, seed=4) == bootstrap_mean(values, seed=4)
    assert bootstrap_mean(values, seed=4).low != bootstrap_mean(values, seed=5).low


@pytest.mark.parametrize("make", [lambda rng: rng.random(120), lambda rng: rng.choice([0.0, 0.5, 1.0], 120)])
def test_a_planted_mean_lies_in_the_interval_in_19_of_20_data_sets(
    make: Callable[[np.random.Generator], np.ndarray],
) -> None:
    found = [bootstrap_mean(make(np.random.default_rng(seed)), resamples=400, seed=seed) for seed in range(400)]
    held = np.mean([low <= 0.5 <= high for low, high in map(ends, found)])
    assert 0.92 <= held <= 0.975


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: bootstrap_mean(np.zeros((2, 2, 2))), "needed is"),
        (lambda: bootstrap_mean([1.0, inf]), "infinite"),
        (lambda: bootstrap_mean([1.0, 0.0], clusters=["a"]), "a label an item"),
        (lambda: bootstrap_mean([1.0, 0.0], resamples=1), "2 or more"),
        (lambda: bootstrap_mean([1.0, 0.0], level=1.0), "0 < level < 1"),
        (lambda: bootstrap_difference([1.0, 0.0], [1.0]), "needed is one shape"),
        (lambda: bootstrap_ratio([1.0, 0.0], [1.0, -1.0]), "0 or more"),
    ],
)
def test_what_cannot_be_resampled_is_refused_with_what_is_needed(call: Callable[[], Estimate], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()

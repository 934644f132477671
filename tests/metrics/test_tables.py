"""Tables of properties: which metric must not change under what? A public metric in no table fails here."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from plurijudge import metrics
from plurijudge.metrics.agreement import accuracy, cohen_kappa, positional_agreement
from plurijudge.metrics.contexts import context_gain, reversal_rate
from plurijudge.metrics.estimate import Estimate
from plurijudge.metrics.gradings import grade_correlation, mean_absolute_error
from plurijudge.metrics.intervals import bounded_mean, clustered_mean
from plurijudge.metrics.paired import fieller_ratio, gain
from plurijudge.metrics.position_bias import repetition_stability
from plurijudge.metrics.prediction_powered import ppi_mean
from plurijudge.metrics.rankings import (
    exact_match,
    kendall_distance,
    pairs_in_order,
    top_one,
    top_one_above_chance,
)
from plurijudge.metrics.resample import bootstrap_difference, bootstrap_mean, bootstrap_ratio
from plurijudge.metrics.social_choice import effective_votes_estimate
from plurijudge.metrics.written_levels import achievability

Metric = Callable[..., Estimate]
Arrays = tuple[NDArray[np.float64], ...]
SEEDS = range(5)


def _pairs(rng: np.random.Generator) -> Arrays:
    return (rng.choice([0.0, 0.5, 1.0, np.nan], size=(40, 2), p=[0.3, 0.1, 0.5, 0.1]),)


def _numbers(rng: np.random.Generator) -> Arrays:
    return (np.where(rng.random((40, 3)) < 0.1, np.nan, rng.normal(size=(40, 3))),)


def _raters(rng: np.random.Generator) -> Arrays:
    a = rng.integers(0, 3, 40).astype(float)
    b = np.where(rng.random(40) < 0.6, a, rng.integers(0, 3, 40))
    return a, np.where(rng.random(40) < 0.1, np.nan, b)


def _measured_twice(rng: np.random.Generator) -> Arrays:
    first = np.where(rng.random((40, 2)) < 0.1, np.nan, rng.random((40, 2)))
    return first, np.where(rng.random((40, 2)) < 0.1, np.nan, 0.5 + rng.random((40, 2)))


def _judged_twice(rng: np.random.Generator) -> Arrays:
    return _pairs(rng) + _pairs(rng)


def _members(rng: np.random.Generator) -> Arrays:
    shared = rng.random((40, 1)) < 0.5
    right = np.where(rng.random((40, 3)) < 0.4, shared, rng.random((40, 3)) < 0.6).astype(float)
    return (np.where(rng.random((40, 3)) < 0.03, np.nan, right),)


def _labelled(rng: np.random.Generator) -> Arrays:
    truth = (rng.random(40) < 0.4).astype(float)
    guess = np.where(rng.random(40) < 0.8, truth, 1 - truth)
    return np.where(rng.random(40) < 0.5, np.nan, truth), np.where(rng.random(40) < 0.1, np.nan, guess)


def _repeats(rng: np.random.Generator) -> Arrays:
    return (rng.choice([0.0, 1.0, 2.0, np.nan], size=(40, 5), p=[0.6, 0.2, 0.1, 0.1]),)


def _rankings(rng: np.random.Generator) -> Arrays:
    gold = rng.permuted(np.tile(np.arange(4.0), (40, 1)), axis=1)
    points = gold[:, None] + rng.normal(scale=2, size=(40, 2, 4))
    return np.where(rng.random((40, 2, 1)) < 0.1, np.nan, points), gold


def _chosen(rng: np.random.Generator) -> Arrays:
    points, gold = _rankings(rng)
    return points, (gold == 3).astype(float)


def _mirrors(rng: np.random.Generator) -> Arrays:
    return (rng.choice([0.0, 0.5, 1.0, np.nan], size=(40, 2, 2), p=[0.3, 0.1, 0.5, 0.1]),)


def _grades(rng: np.random.Generator) -> Arrays:
    gold = rng.integers(1, 6, size=(40, 3)).astype(float)
    own = gold + rng.integers(-2, 3, size=(40, 3))
    return np.where(rng.random((40, 3)) < 0.1, np.nan, own), gold


def _reached(rng: np.random.Generator) -> Arrays:
    written = np.where(rng.random((40, 5)) < 0.1, np.nan, rng.normal(size=(40, 5)))
    return written, np.where(rng.random((40, 2)) < 0.1, np.nan, rng.normal(scale=2, size=(40, 2)))


DRAWS: dict[Metric, Callable[[np.random.Generator], Arrays]] = {
    accuracy: _pairs,
    achievability: _reached,
    bootstrap_difference: _measured_twice,
    bootstrap_mean: _numbers,
    bootstrap_ratio: _measured_twice,
    bounded_mean: _pairs,
    clustered_mean: _numbers,
    cohen_kappa: _raters,
    context_gain: _judged_twice,
    effective_votes_estimate: _members,
    exact_match: _rankings,
    fieller_ratio: _measured_twice,
    gain: _judged_twice,
    grade_correlation: _grades,
    kendall_distance: _rankings,
    mean_absolute_error: _grades,
    pairs_in_order: _rankings,
    positional_agreement: _pairs,
    ppi_mean: _labelled,
    repetition_stability: _repeats,
    reversal_rate: _mirrors,
    top_one: _chosen,
    top_one_above_chance: _chosen,
}
INVARIANT_UNDER_ITEM_ORDER: list[Metric] = [
    accuracy,
    achievability,
    bootstrap_difference,
    bootstrap_mean,
    bootstrap_ratio,
    bounded_mean,
    clustered_mean,
    cohen_kappa,
    context_gain,
    effective_votes_estimate,
    exact_match,
    fieller_ratio,
    gain,
    grade_correlation,
    kendall_distance,
    mean_absolute_error,
    pairs_in_order,
    positional_agreement,
    ppi_mean,
    repetition_stability,
    reversal_rate,
    top_one,
    top_one_above_chance,
]
INVARIANT_UNDER_PRESENTATION_ORDER: list[Metric] = [
    accuracy,
    bootstrap_mean,
    bounded_mean,
    clustered_mean,
    positional_agreement,
]
INVARIANT_UNDER_SWAP_OF_RATERS: list[Metric] = [cohen_kappa]
INVARIANT_UNDER_NEW_CODES: list[Metric] = [cohen_kappa, positional_agreement]
MIRRORED_WHEN_RIGHT_AND_WRONG_CHANGE_PLACES: list[Metric] = [accuracy, bounded_mean]
COUNTS_AN_EMPTY_ITEM_AND_NOTHING_ELSE: list[Metric] = [
    accuracy,
    achievability,
    bootstrap_difference,
    bootstrap_mean,
    bootstrap_ratio,
    bounded_mean,
    clustered_mean,
    cohen_kappa,
    context_gain,
    effective_votes_estimate,
    exact_match,
    fieller_ratio,
    gain,
    grade_correlation,
    kendall_distance,
    mean_absolute_error,
    pairs_in_order,
    positional_agreement,
    ppi_mean,
    repetition_stability,
    reversal_rate,
    top_one,
    top_one_above_chance,
]
UNKNOWN_INTERVAL_UNDER_TWO_ITEMS: list[Metric] = [
    accuracy,
    achievability,
    bootstrap_difference,
    bootstrap_mean,
    bootstrap_ratio,
    bounded_mean,
    clustered_mean,
    cohen_kappa,
    context_gain,
    effective_votes_estimate,
    exact_match,
    fieller_ratio,
    gain,
    grade_correlation,
    kendall_distance,
    mean_absolute_error,
    pairs_in_order,
    positional_agreement,
    ppi_mean,
    repetition_stability,
    reversal_rate,
    top_one,
    top_one_above_chance,
]

NUMBERS = ("estimate", "standard_error", "low", "high")


def public_metrics() -> list[Metric]:
    """Every public function of a metrics module that gives an `Estimate`."""
    found: list[Metric] = []
    for module in pkgutil.iter_modules(metrics.__path__):
        there = import_module(f"{metrics.__name__}.{module.name}")
        for name, function in inspect.getmembers(there, inspect.isfunction):
            own = function.__module__ == there.__name__ and not name.startswith("_")
            if own and str(function.__annotations__.get("return")).strip("'") == "Estimate":
                found.append(function)
    return found


def same(one: Estimate, other: Estimate) -> bool:
    """Whether two estimates say the same but for rounding."""
    values = [(getattr(one, name), getattr(other, name)) for name in NUMBERS]
    near = all(a == b if a is None or b is None else abs(a - b) < 1e-8 for a, b in values)
    return near and (one.n, one.left_out, one.reason) == (other.n, other.left_out, other.reason)


def drawn(metric: Metric, seed: int) -> tuple[Arrays, np.random.Generator]:
    """Data of the kind that a metric takes."""
    rng = np.random.default_rng(seed)
    return DRAWS[metric](rng), rng


@pytest.mark.parametrize("metric", public_metrics(), ids=lambda metric: metric.__name__)
def test_every_public_metric_is_in_some_table(metric: Metric) -> None:
    assert metric in INVARIANT_UNDER_ITEM_ORDER and metric in DRAWS
    assert metric in COUNTS_AN_EMPTY_ITEM_AND_NOTHING_ELSE and metric in UNKNOWN_INTERVAL_UNDER_TWO_ITEMS


@pytest.mark.parametrize("metric", public_metrics(), ids=lambda metric: metric.__name__)
def test_every_public_metric_says_what_it_takes_and_what_its_ends_mean(metric: Metric) -> None:
    said = inspect.getdoc(metric) or ""
    for part in ("Args:", "Returns:", "Raises:", "Source:", ">>> ", "shape", "NaN", "unit of sampling", "left_out"):
        assert part in said, f"the docstring of `{metric.__name__}` lacks {part!r}"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("metric", INVARIANT_UNDER_ITEM_ORDER)
def test_the_order_of_items_does_not_matter(metric: Metric, seed: int) -> None:
    arrays, rng = drawn(metric, seed)
    order = rng.permutation(len(arrays[0]))
    assert same(metric(*arrays), metric(*(array[order] for array in arrays)))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("metric", INVARIANT_UNDER_PRESENTATION_ORDER)
def test_which_presentation_comes_first_does_not_matter(metric: Metric, seed: int) -> None:
    (values,), _ = drawn(metric, seed)
    assert same(metric(values), metric(values[:, ::-1]))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("metric", INVARIANT_UNDER_SWAP_OF_RATERS)
def test_neither_rater_is_the_standard(metric: Metric, seed: int) -> None:
    (a, b), _ = drawn(metric, seed)
    assert same(metric(a, b), metric(b, a))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("metric", INVARIANT_UNDER_NEW_CODES)
def test_what_the_codes_are_does_not_matter(metric: Metric, seed: int) -> None:
    arrays, _ = drawn(metric, seed)
    assert same(metric(*arrays), metric(*(7 - 3 * array for array in arrays)))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("metric", MIRRORED_WHEN_RIGHT_AND_WRONG_CHANGE_PLACES)
def test_counting_the_wrong_mirrors_counting_the_right(metric: Metric, seed: int) -> None:
    (values,), _ = drawn(metric, seed)
    right, wrong = metric(values), metric(1 - values)
    mirrored: dict[str, Any] = {"estimate": right.estimate, "low": right.high, "high": right.low}
    for name, value in mirrored.items():
        assert getattr(wrong, name) == pytest.approx(1 - value, abs=1e-8)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("metric", COUNTS_AN_EMPTY_ITEM_AND_NOTHING_ELSE)
def test_an_item_without_an_outcome_is_counted_and_changes_nothing_else(metric: Metric, seed: int) -> None:
    arrays, _ = drawn(metric, seed)
    before = metric(*arrays)
    after = metric(*(np.concatenate([array, np.full_like(array[:1], np.nan)]) for array in arrays))
    assert (after.n, after.left_out) == (before.n, before.left_out + 1)
    assert all(getattr(after, name) == getattr(before, name) for name in NUMBERS)


@pytest.mark.parametrize("metric", UNKNOWN_INTERVAL_UNDER_TWO_ITEMS)
def test_one_item_leaves_error_and_interval_unknown_and_says_why(metric: Metric) -> None:
    arrays, _ = drawn(metric, 0)
    whole = ~np.any([np.isnan(array.reshape(len(array), -1)).any(axis=1) for array in arrays], axis=0)
    found = metric(*(array[whole][:1] for array in arrays))
    assert (found.standard_error, found.low, found.high) == (None, None, None)
    assert found.reason and found.n == 1

"""How near are a judge's grades to gold's: how far apart, and do they rise and fall together?"""

from __future__ import annotations

from dataclasses import replace
from math import atanh, sqrt, tanh

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .estimate import Estimate
from .intervals import clustered_mean, student_t_quantile

Floats = NDArray[np.float64]

SPEARMAN = "Fisher's z, error by the influence of each item"
_DIGITS = 12  # grades that agree so far are tied


def mean_absolute_error(scores: ArrayLike, gold: ArrayLike, *, level: float = 0.95) -> Estimate:
    """How far grades lie from gold's on average, in the unit of the scale.

    Args:
        scores: shape (n_items, n_responses): a judge's grades, NaN where there is none.
        gold: the same shape: gold's grades, on the same scale.
        level: of the interval, 0..1.

    Returns:
        From 0 (alike) to the width of the scale. Every graded response weighs the same. As an item's responses depend
        on each other, the item is the unit of sampling; items without a grade of both are `left_out`. Under two items
        the interval is unknown; its low end is cut off at 0.

    Raises:
        ValueError: if the shapes are not (n_items, n_responses), alike, or a number is infinite.

    Source: the interval: Miller 2024, arXiv:2411.00640, as `clustered_mean`.

    >>> str(mean_absolute_error([[4, 2], [5, 3], [1, np.nan]], [[5, 2], [5, 5], [2, 3]]))
    '0.800 [0.011, 1.589]  n=3, 0 left out'
    """
    one, other = _alike(scores, gold)
    found = clustered_mean(np.abs(one - other), level=level)
    return found if found.low is None else replace(found, low=max(0.0, found.low))


def grade_correlation(scores: ArrayLike, gold: ArrayLike, *, level: float = 0.95) -> Estimate:
    """How far grades and gold's stand in one order over all responses of all items: Spearman's correlation.

    Args:
        scores: shape (n_items, n_responses): a judge's grades, NaN where there is none.
        gold: the same shape: gold's grades, on any scale.
        level: of the interval, 0..1.

    Returns:
        From -1 (turned round) over 0 (nothing in common) to 1 (one order), ties at their mean rank. The item is the
        unit of sampling, as its responses depend on each other; items without a grade of both are `left_out`. Unknown
        where either gives one and the same grade throughout. Under three items, and at -1 and 1, the interval is
        unknown.

    Raises:
        ValueError: if the shapes are not (n_items, n_responses), alike, or a number is infinite.

    Source: Spearman 1904, doi:10.2307/1412159; the influence of a value, which moves the others' ranks too, is the
        projection of Hoeffding 1948, doi:10.1214/aoms/1177730196, summed over an item's values.

    >>> str(grade_correlation([[4, 2], [5, 3], [1, 3], [2, 4]], [[5, 2], [5, 5], [2, 3], [1, 4]]))
    '0.819 [0.343, 0.960]  n=4, 0 left out'
    """
    one, other = _alike(scores, gold)
    both = ~(np.isnan(one) | np.isnan(other))
    kept = both.any(axis=1)
    n, left_out = int(kept.sum()), int((~kept).sum())
    if n == 0:
        return Estimate.unknown("no item has a grade of both", left_out=left_out, level=level, method=SPEARMAN)
    items = np.nonzero(both)[0]
    x, y = one[both].round(_DIGITS), other[both].round(_DIGITS)
    u, v = _shares_below(x) - 0.5, _shares_below(y) - 0.5
    own, gold_own, shared = float(u @ u), float(v @ v), float(u @ v)
    if min(own, gold_own) <= 0:
        which = "the judge gives" if own <= 0 else "gold gives"
        reason = f"{which} one and the same grade throughout"
        return Estimate.unknown(reason, n=n, left_out=left_out, level=level, method=SPEARMAN)
    rho = max(-1.0, min(1.0, shared / sqrt(own * gold_own)))
    if n < 3 or abs(rho) > 1 - 1e-12:
        reason = "under three items tell nothing of how items differ" if n < 3 else "one order: error unknown"
        return Estimate(rho, None, None, None, level, SPEARMAN, n, left_out, reason)
    m = len(x)
    spread, gold_spread = own / m, gold_own / m
    of_shared = u * v + _shares_above(x, v) + _shares_above(y, u) - 3 * shared / m
    of_own = u * u + 2 * _shares_above(x, u) - 3 * spread
    of_gold = v * v + 2 * _shares_above(y, v) - 3 * gold_spread
    influence = of_shared / sqrt(spread * gold_spread) - rho / 2 * (of_own / spread + of_gold / gold_spread)
    by_item = np.bincount(items, influence, len(one))[kept]
    error = sqrt(float(by_item @ by_item) * n / (n - 1)) / m
    if error <= 1e-12:
        reason = "all items are alike: standard error unknown"
        return Estimate(rho, None, None, None, level, SPEARMAN, n, left_out, reason)
    reach = student_t_quantile((1 + level) / 2, n - 1) * error / (1 - rho * rho)
    low, high = tanh(atanh(rho) - reach), tanh(atanh(rho) + reach)
    return Estimate(rho, error, low, high, level, SPEARMAN, n, left_out)


def _shares_below(values: Floats) -> Floats:
    """Of each value the share of all that lie below it, half of those that are equal included; 0.5 on average."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    found: Floats = (np.cumsum(counts) - counts / 2)[place] / len(values)
    return found


def _shares_above(values: Floats, weights: Floats) -> Floats:
    """Of each value the mean over all of the weights of those above it, half of those that are equal included."""
    _, place = np.unique(values, return_inverse=True)
    sums = np.bincount(place, weights)
    found: Floats = (sums.sum() - np.cumsum(sums) + sums / 2)[place] / len(values)
    return found


def _alike(scores: ArrayLike, gold: ArrayLike) -> tuple[Floats, Floats]:
    one, other = np.asarray(scores, dtype=float), np.asarray(gold, dtype=float)
    if one.ndim != 2 or one.shape != other.shape:
        raise ValueError(
            f"`scores` has shape {one.shape}, `gold` {other.shape}; needed is (n_items, n_responses) of both."
        )
    if np.isinf(one).any() or np.isinf(other).any():
        raise ValueError("`scores` or `gold` holds a number that is infinite; where there is none, it is NaN.")
    return one, other

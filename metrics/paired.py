"""Is one way of judging better than another on the same items, and what does the difference cost?"""

from __future__ import annotations

from math import comb, exp, lgamma, log, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .estimate import Estimate
from .intervals import bounded_mean, student_t_quantile

Floats = NDArray[np.float64]

FIELLER = "Fieller's interval over items"


def mcnemar(gained: int, lost: int) -> float:
    """How likely a split at least as uneven is, were each changed item as likely to be gained as lost.

    Args:
        gained: how many items are right with, and wrong without.
        lost: how many are wrong with, and right without.

    Returns:
        The exact two-sided p value, 0..1; 1 where nothing changed. Six items that changed to one side are the fewest
        that can come below .05.

    Raises:
        ValueError: if a count is negative.

    Source: McNemar 1947, doi:10.1007/BF02295996, with the binomial distribution in the place of chi-squared.

    >>> mcnemar(5, 0), mcnemar(6, 0), round(mcnemar(10, 2), 4)
    (0.0625, 0.03125, 0.0386)
    """
    if gained < 0 or lost < 0:
        raise ValueError(f"`gained` is {gained} and `lost` {lost}; needed are counts of 0 or more.")
    n, fewer = gained + lost, min(gained, lost)
    tail = term = 1.0  # the binomial tail in units of its largest term, so that no count is too large
    for i in range(fewer, 0, -1):
        term *= i / (n - i + 1)
        tail += term
        if term < 1e-17 * tail:
            break
    return min(1.0, 2 * _at(fewer, n) * tail)


def _at(k: int, n: int) -> float:
    """The probability of k heads in n throws of a fair coin; above a thousand throws to ten digits."""
    if n <= 1000:
        return float(comb(n, k) / 2**n)
    return exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) - n * log(2))


def gain(first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> Estimate:
    """How much more often one way of judging is right than another, on the same items.

    Args:
        first: shape (n_items, n_presentations), or (n_items,): 1 where the verdict is right, 0 where it is wrong,
            between them where it is right in part, NaN where there is none.
        second: the other way's, same shape; a cell is compared with the one in its place, where both have a value.
        level: of the interval, 0..1.

    Returns:
        The accuracy of `first` less that of `second`, from -1 over 0 (none is better) to 1. The item, a row, is the
        unit of sampling, as its presentations depend on each other; items without a whole pair are `left_out`. Under
        two items the interval is unknown. With one verdict an item it is Tango's score interval; where no verdict
        differs it has a width all the same, and the standard error is unknown.

    Raises:
        ValueError: if the shapes differ or are none of the two, or a value lies outside 0..1.

    Source: Tango 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<891::AID-SIM780>3.0.CO;2-B; over clusters:
        `intervals.score_limits`.

    >>> str(gain([[1, 1], [1, 0], [1, 1], [0, np.nan]], [[0, 1], [1, 0], [0, 0], [1, 1]]))
    '0.286 [-0.387, 0.740]  n=4, 0 left out'
    """
    one, other = _alike(first, second, "first", "second")
    if np.any((one < 0) | (one > 1) | (other < 0) | (other > 1)):
        raise ValueError("the values hold numbers outside 0..1; where there is none, it is NaN.")
    return bounded_mean(one - other, low=-1.0, high=1.0, level=level)


def fieller_ratio(numerators: ArrayLike, denominators: ArrayLike, *, level: float = 0.95) -> Estimate:
    """A sum over items divided by another over the same items, whose parts may be of either sign.

    Args:
        numerators: shape (n_items, n_per_item), or (n_items,): finite numbers, NaN where there is none.
        denominators: the same shape; a cell counts where both have a value.
        level: of the interval, 0..1.

    Returns:
        Sum over sum, in the unit of the one per unit of the other, such as dollars a gained verdict. The item, a row,
        is the unit of sampling; items without a whole pair are `left_out`. Unknown where the denominators add up to 0.
        Where they may do so in truth, by their own interval, no finite interval covers the ratio: its ends are unknown
        then. Under two items, and where all are alike, error and interval are unknown.

    Raises:
        ValueError: if the shapes differ or are none of the two, or a value is infinite.

    Source: Fieller 1954, doi:10.1111/j.2517-6161.1954.tb00159.x; Student's t, items - 1 df.

    >>> str(fieller_ratio([3, 1, 4, 1, np.nan], [2, 1, 2, 1, 1]))
    '1.500 [-0.223, 2.023]  n=4, 1 left out'
    """
    above, below = _alike(numerators, denominators, "numerators", "denominators")
    if np.any(np.isinf(above) | np.isinf(below)):
        raise ValueError("the values hold numbers that are infinite; where there is none, it is NaN.")
    known = ~np.isnan(above) & ~np.isnan(below)
    kept = known.sum(axis=1) > 0
    x, y = (np.where(known, part, 0.0).sum(axis=1)[kept] for part in (above, below))
    n, left_out = len(x), int(len(kept) - kept.sum())
    if n == 0:
        return Estimate.unknown("no item has a value", left_out=left_out, level=level, method=FIELLER)
    if abs(y.sum()) <= 1e-12 * np.abs(y).sum():
        return Estimate.unknown("the denominators add up to 0", n=n, left_out=left_out, level=level, method=FIELLER)
    ratio = float(x.sum() / y.sum())
    rest = x - ratio * y
    reason = ""
    if n < 2:
        reason = "one item tells nothing of how items differ"
    elif np.allclose(x, ratio * y, rtol=1e-12, atol=1e-300):
        reason = "all items are alike: error and interval unknown"
    if reason:
        return Estimate(ratio, None, None, None, level, FIELLER, n, left_out, reason)
    error = sqrt(float(rest @ rest) / (n * (n - 1))) / abs(float(y.mean()))
    ends = _fieller_limits(x, y, student_t_quantile((1 + level) / 2, n - 1))
    if ends is None:
        reason = "the denominator may be 0: no finite interval covers the ratio"
        return Estimate(ratio, error, None, None, level, FIELLER, n, left_out, reason)
    return Estimate(ratio, error, *ends, level, FIELLER, n, left_out)


def _fieller_limits(x: Floats, y: Floats, t: float) -> tuple[float, float] | None:
    """The ratios that a t test of the mean of `x - ratio * y` does not refuse; None where they have no bounds."""
    n, (top, bottom) = len(x), (float(x.mean()), float(y.mean()))
    ((xx, xy), (_, yy)) = (t * t / n * np.cov(x, y)).tolist()
    square, middle, rest = bottom * bottom - yy, top * bottom - xy, top * top - xx
    if square <= 0:
        return None
    reach = sqrt(max(0.0, middle * middle - square * rest))
    return (middle - reach) / square, (middle + reach) / square


def _alike(one: ArrayLike, other: ArrayLike, name: str, second: str) -> tuple[Floats, Floats]:
    first, last = (np.asarray(values, dtype=float) for values in (one, other))
    first, last = (values[:, None] if values.ndim == 1 else values for values in (first, last))
    if first.ndim != 2 or first.shape != last.shape:
        raise ValueError(
            f"`{name}` has shape {first.shape} and `{second}` {last.shape}; needed is one shape, (n_items, n_per_item) "
            "or (n_items,)."
        )
    return first, last

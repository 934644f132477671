"""How far does a judge agree: with gold, with itself when the order is swapped, with another judge?"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .estimate import Estimate
from .intervals import bounded_mean

Floats = NDArray[np.float64]

KAPPA = "score interval on the disagreements, effective number of items from the influence of each"
_FEW = 10


class Bounds(NamedTuple):
    """The worst and the best value over what the missing ones might have been; None where there is no item at all."""

    worst: float | None
    best: float | None


def accuracy(correct: ArrayLike, *, level: float = 0.95) -> Estimate:
    """The share of verdicts that are right, over all presentations of all items.

    Args:
        correct: shape (n_items, n_presentations): 1 where the verdict is right, 0 where it is wrong, between them where
            it is right in part (one half for a flipped decision, a share of the annotators), NaN where there is none.
        level: of the interval, 0..1.

    Returns:
        From 0 (always wrong) over 0.5 (a coin, on pairs) to 1 (always right). Every verdict weighs the same: where one
        presentation of an item has none, the item counts with the others, and `bounds` says what that may hide. Without
        gaps it is the mean of the accuracies of the presentations. The item is the unit of sampling, as its
        presentations depend on each other; items without any verdict are `left_out`. Under two items the interval is
        unknown.

    Raises:
        ValueError: if the shape is not (n_items, n_presentations), or a value lies outside 0..1.

    Source: accuracy averaged over both orders: Zeng et al. 2023, arXiv:2310.07641; the interval: `score_limits`.

    >>> str(accuracy([[1, 1], [1, 0], [1, 1], [0, np.nan], [np.nan, np.nan]]))
    '0.714 [0.341, 0.922]  n=4, 1 left out'
    """
    return bounded_mean(_matrix(correct, "correct"), level=level)


def positional_agreement(preferred_first_in_each: ArrayLike, *, level: float = 0.95) -> Estimate:
    """The share of items that have the same outcome in both presentations.

    Args:
        preferred_first_in_each: shape (n_items, 2), a column per presentation: the outcome as a code of what is
            preferred, whatever its place: 1 for one response, 0 for the other, 0.5 for a tie (any numbers do), NaN
            where there is none.
        level: of the interval, 0..1.

    Returns:
        From 0 (every outcome changes with the order) to 1 (none does); a judge that draws its outcomes by a coin has
        0.5. The item is the unit of sampling; items without both outcomes are `left_out`, never counted as agreeing.
        Under two items the interval is unknown.

    Raises:
        ValueError: if the shape is not (n_items, 2).

    Source: Zeng et al. 2023, arXiv:2310.07641; position consistency in Shi et al. 2024, arXiv:2406.07791.

    >>> str(positional_agreement([[1, 1], [0, 0], [0.5, 1], [1, np.nan]]))
    '0.667 [0.208, 0.939]  n=3, 1 left out'
    """
    return bounded_mean(agreeing(preferred_first_in_each), level=level)


def agreeing(preferred_first_in_each: ArrayLike) -> Floats:
    """Of each item whether its two presentations have the same outcome: 1, 0, or NaN where one of them has none.

    >>> agreeing([[1, 1], [0, 1], [1, np.nan]]).tolist()
    [1.0, 0.0, nan]
    """
    codes = _matrix(preferred_first_in_each, "preferred_first_in_each")
    if codes.shape[1] != 2:
        raise ValueError(f"`preferred_first_in_each` has shape {codes.shape}; needed is (n_items, 2).")
    same = (codes[:, 0] == codes[:, 1]).astype(float)
    return np.where(np.isnan(codes).any(axis=1), np.nan, same)


def bounds(values: ArrayLike, *, low: ArrayLike = 0.0, high: ArrayLike = 1.0) -> Bounds:
    """The worst and the best mean over what the missing values might have been.

    Args:
        values: shape (n_items, n_per_item) or (n_items,): as for `accuracy`, or from `agreeing`; NaN where missing.
        low: the least that a missing value can have been: a number, or an array that broadcasts to `values`.
        high: the most.

    Returns:
        The mean with every missing value at `low`, and at `high`; equal where none is missing. They hold whatever made
        the values go missing, and say nothing of chance: for both, take `low` of the estimate with the one and `high`
        of the estimate with the other filled in.

    Source: Manski 1989, doi:10.2307/145818.

    >>> bounds([[1, 1], [0, np.nan]])
    Bounds(worst=0.5, best=0.75)
    """
    given = np.asarray(values, dtype=float)
    if given.size == 0:
        return Bounds(None, None)
    missing = np.isnan(given)
    return Bounds(float(np.where(missing, low, given).mean()), float(np.where(missing, high, given).mean()))


def cohen_kappa(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> Estimate:
    """How far two raters agree beyond what their habits alone would bring about.

    Args:
        a: shape (n_items,): one rater's outcome of each item, as a code; NaN where there is none.
        b: the other's, same shape.
        level: of the interval, 0..1.

    Returns:
        From -1 (they always differ) over 0 (as often as raters of the same habits by chance) to 1 (always alike). The
        item is the unit of sampling; items without both outcomes are `left_out`. Unknown where both give one and the
        same outcome throughout, as chance alone does the same. Under two items the interval is unknown. Where fewer
        than ten items have another outcome than the commonest, the interval is too short (simulated: it covers .82 to
        .93 instead of .95), and `method` says so.

    Raises:
        ValueError: if the shapes are not (n_items,), alike.

    Source: Cohen 1960, doi:10.1177/001316446002000104; variance: Fleiss, Cohen & Everitt 1969, doi:10.1037/h0028106.

    >>> str(cohen_kappa([1, 1, 0, 0, 1, 0, 1, 0], [1, 1, 0, 0, 1, 0, 1, 1]))
    '0.750 [0.033, 0.957]  n=8, 0 left out'
    """
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(f"`a` has shape {first.shape}, `b` {second.shape}; needed is (n_items,) of both.")
    both = ~(np.isnan(first) | np.isnan(second))
    n, left_out = int(both.sum()), int(len(both) - both.sum())
    if n == 0:
        return Estimate.unknown("no item has an outcome of both", left_out=left_out, level=level, method=KAPPA)
    names, codes = np.unique(np.concatenate([first[both], second[both]]), return_inverse=True)
    one, other = codes[:n], codes[n:]
    habits = [np.bincount(side, minlength=len(names)) / n for side in (one, other)]
    by_chance = float(habits[0] @ habits[1])
    if len(names) == 1:
        reason = "both give one and the same outcome throughout"
        return Estimate.unknown(reason, n=n, left_out=left_out, level=level, method=KAPPA)
    alike = (one == other).astype(float)
    kappa = (float(alike.mean()) - by_chance) / (1 - by_chance)
    if n < 2:
        reason = "one item tells nothing of how items differ"
        return Estimate(kappa, None, None, None, level, KAPPA, n, left_out, reason)
    chance = habits[1][one] + habits[0][other]
    influence = (alike - alike.mean() - (1 - kappa) * (chance - 2 * by_chance)) / (1 - by_chance)
    error = sqrt(float(influence @ influence) / (n * (n - 1)))
    low, high = _kappa_limits(kappa, error, n, by_chance, level)
    rare = 2 * n - int(np.bincount(codes).max())
    method = KAPPA if rare >= 2 * _FEW else f"{KAPPA}; fewer than {_FEW} items off the commonest outcome: too short"
    if error <= 1e-12:
        reason = "no difference between items was seen: standard error unknown"
        return Estimate(kappa, None, low, high, level, method, n, left_out, reason)
    return Estimate(kappa, error, low, high, level, method, n, left_out)


def _kappa_limits(kappa: float, error: float, n: int, by_chance: float, level: float) -> tuple[float, float]:
    """Wilson's limits of the share of disagreements, on as many items as the error tells, turned back into kappa."""
    scale = 1 - by_chance
    share = min(1.0, (1 - kappa) * scale)
    spread = share * (1 - share)
    effective = spread / (error * scale) ** 2 if error > 1e-12 and spread > 0 else float(n)
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle = (share + z * z / (2 * effective)) / (1 + z * z / effective)
    reach = z * sqrt(spread / effective + (z / (2 * effective)) ** 2) / (1 + z * z / effective)
    ends = (1 - min(1.0, middle + reach) / scale, 1 - max(0.0, middle - reach) / scale)
    return max(-1.0, ends[0]), min(1.0, ends[1])


def _matrix(values: ArrayLike, name: str) -> Floats:
    given = np.asarray(values, dtype=float)
    if given.ndim != 2:
        raise ValueError(f"`{name}` has shape {given.shape}; needed is (n_items, n_presentations).")
    return given

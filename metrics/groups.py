"""How much of how values differ goes with the group that they come from?"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .estimate import Estimate

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

PERMUTATIONS = 2000
_PIECE = 1 << 22  # values that are shuffled at a time


class Null(NamedTuple):
    """What there would be if groups meant nothing, found by dealing the groups' names out at random.

    Attributes:
        mean: the mean over the deals.
        high: what 95 % of the deals stay under.
        p_value: the share of deals, this one included, that reach what was found.
        permutations: how many deals.
    """

    mean: float
    high: float
    p_value: float
    permutations: int


class Explained(NamedTuple):
    """The share of the variance that goes with the group, and what chance alone would give."""

    share: Estimate
    null: Null | None


def eta_squared(
    values: ArrayLike,
    groups: ArrayLike,
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    level: float = 0.95,
) -> Explained:
    """The share of the variance of values that goes with the group they are in: eta squared, one way.

    Args:
        values: shape (n,): finite numbers, NaN where there is none.
        groups: shape (n,): labels.
        permutations: how often the labels are dealt out anew for the null, 0 for never.
        seed: of the deals.
        level: of the interval, 0..1.

    Returns:
        `share` is from 0 (groups have the same mean) to 1 (nobody differs within a group). It is biased up, the more
        the smaller the groups: compare it with the null's mean, never with 0. The interval is that of the share in the
        population: centred on epsilon squared, which takes the bias off, with the delta method's standard error and cut
        at 0 and 1. The unit is the one who was measured; those without a value are `left_out`. Unknown with fewer than
        two groups, no variance, or no more units than groups. `null` is None where `share` is unknown, or no deals are
        asked for.

    Raises:
        ValueError: if the shapes differ, a value is infinite, or an option is out of range.

    Sources: Fisher 1925; epsilon squared: Kelley 1935, doi:10.1073/pnas.21.9.554; a permutation null: Pitman 1938.

    >>> eta_squared([1, 2, 3, 4], ["x", "x", "y", "y"], permutations=0).share.estimate
    0.8
    """
    given, names = np.asarray(values, dtype=float), np.asarray(groups)
    if given.ndim != 1 or names.shape != given.shape:
        raise ValueError(f"`values` has shape {given.shape} and `groups` {names.shape}; needed is (n,) for both.")
    if np.any(np.isinf(given)):
        raise ValueError("`values` holds numbers that are infinite; where there is none, it is NaN.")
    if permutations < 0 or not 0 < level < 1:
        raise ValueError(
            f"`permutations` is {permutations}, needed is 0 or more; `level` is {level}, needed 0 < level < 1."
        )
    known = ~np.isnan(given)
    own = given[known]
    labels, place = np.unique(names[known], return_inverse=True)
    n, k, left_out = len(own), len(labels), int(len(given) - len(own))
    method = f"eta squared, interval by the delta method around epsilon squared, {k} groups"
    total = float(((own - own.mean()) ** 2).sum()) if n else 0.0
    reason = ""
    if k < 2:
        reason = "there are fewer than two groups"
    elif total <= 1e-12 * max(1.0, float((own**2).sum())):
        reason = "all values are alike"
    elif n <= k:
        reason = "there are no more units than groups"
    if reason:
        return Explained(Estimate.unknown(reason, n=n, left_out=left_out, level=level, method=method), None)
    sizes = np.bincount(place, minlength=k)
    means = np.bincount(place, own, k) / sizes
    within = (own - means[place]) ** 2
    share = max(0.0, 1.0 - float(within.sum()) / total)
    # what one unit more or less would move the share by
    influence = -(within - (1 - share) * (own - own.mean()) ** 2) / (total / n)
    error = sqrt(float((influence**2).mean()) / n)
    centre = 1.0 - float(within.sum()) / (n - k) / (total / (n - 1))
    reach = NormalDist().inv_cdf(0.5 + level / 2) * error
    low, high = (min(1.0, max(0.0, end)) for end in (centre - reach, centre + reach))
    estimate = Estimate(share, error, low, high, level, method, n, left_out)
    null = _null(own, sizes, total, share, permutations, seed) if permutations else None
    return Explained(estimate, null)


def _null(own: Floats, sizes: Places, total: float, share: float, permutations: int, seed: int) -> Null:
    rng = np.random.default_rng(seed)
    centred = np.sort(own - own.mean())  # the same deals for the same values in any order
    begins = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    found = np.empty(permutations)
    step = max(1, _PIECE // len(own))
    for start in range(0, permutations, step):
        many = min(step, permutations - start)
        dealt = rng.permuted(np.broadcast_to(centred, (many, len(own))), axis=1)
        sums = np.add.reduceat(dealt, begins, axis=1)
        found[start : start + many] = (sums**2 / sizes).sum(axis=1) / total
    reached = (1 + int((found >= share - 1e-12).sum())) / (permutations + 1)
    return Null(float(found.mean()), float(np.quantile(found, 0.95)), reached, permutations)

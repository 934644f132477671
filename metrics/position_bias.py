"""Does a judge follow the place where an answer stands?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .agreement import agreeing, positional_agreement
from .estimate import Estimate
from .intervals import bounded_mean
from .paired import mcnemar

Floats = NDArray[np.float64]


class PositionBias(NamedTuple):
    """How often the place decides, and which place it is.

    Attributes:
        consistency: PC, the share of pairs with the same outcome in both presentations, 0..1.
        preference: PF over these pairs, from -1 (what is shown first always gains by its place) over 0 (none of the
            places does) to 1 (what is shown second always gains).
        consistent: how many pairs have the same outcome in both presentations.
        primacy: how many lean to what is shown first.
        recency: how many lean to what is shown second.
        p_value: of the sign test: how likely a split of `primacy` and `recency` at least as uneven is, were both places
            alike. Exact, two-sided.
    """

    consistency: Estimate
    preference: Estimate
    consistent: int
    primacy: int
    recency: int
    p_value: float


class ConsistencyFilter(NamedTuple):
    """What is gained by trusting a judge only where its two presentations agree.

    Attributes:
        first: the accuracy of the first presentation alone, 0..1.
        kept: the share of items whose presentations agree, 0..1.
        kept_and_right: the share of items whose presentations agree and are right, 0..1.
        when_kept: the accuracy on the items that the filter keeps, 0..1.
        when_dropped: the accuracy of the first presentation on those that it drops, 0..1. Where it is not below
            `when_kept`, the filter is worth nothing: a judge can be fooled twice by the same thing.
    """

    first: Estimate
    kept: Estimate
    kept_and_right: Estimate
    when_kept: Estimate
    when_dropped: Estimate


def leanings(preferred_first_in_each: ArrayLike) -> Floats:
    """Of each pair the place that its two presentations lean to.

    Args:
        preferred_first_in_each: shape (n_items, 2): the outcome as a code of what is preferred, whatever its place: 1
            for the response that the first presentation shows first, 0 for the one that it shows second, 0.5 for a tie,
            NaN where there is none. The second presentation shows them the other way round.

    Returns:
        Shape (n_items,): -1 where the place shown first gains (taken in both presentations, or in one beside a tie in
        the other), 1 where the place shown second does, 0 where the outcome is the same, NaN where one is missing.

    Raises:
        ValueError: if the shape is not (n_items, 2), or a value lies outside 0..1.

    Source: Shi et al. 2024, arXiv:2406.07791, its mode with three options.

    >>> leanings([[1, 0], [1, 0.5], [1, 1], [0, 1], [0.5, np.nan]]).tolist()
    [-1.0, -1.0, 0.0, 1.0, nan]
    """
    codes = np.asarray(preferred_first_in_each, dtype=float)
    if codes.ndim != 2 or codes.shape[1] != 2:
        raise ValueError(f"`preferred_first_in_each` has shape {codes.shape}; needed is (n_items, 2).")
    if np.any((codes < 0) | (codes > 1)):
        raise ValueError("`preferred_first_in_each` holds numbers outside 0..1; where there is none, it is NaN.")
    found: Floats = np.sign(codes[:, 1] - codes[:, 0])
    return found


def position_bias(preferred_first_in_each: ArrayLike, *, level: float = 0.95) -> PositionBias:
    """How often the place decides a pair, which place it is, and whether chance would do as much.

    Args:
        preferred_first_in_each: shape (n_items, 2): as for `leanings`.
        level: of the intervals, 0..1.

    Returns:
        Consistency, preference with its counts, and the sign test. The item is the unit of sampling; items without both
        outcomes are `left_out`, and count nowhere. Consistency and preference are to be read together: a judge that
        throws a coin has a consistency of one half and no preference.

    Raises:
        ValueError: as for `leanings`.

    Source: Shi et al. 2024, arXiv:2406.07791; the sign test is Arbuthnot's of 1710, which the source does not have.

    >>> found = position_bias([[1, 0], [1, 0.5], [1, 1], [0, 0], [0, 1], [0.5, np.nan]])
    >>> str(found.preference)
    '-0.200 [-0.697, 0.445]  n=5, 1 left out'
    >>> found.consistent, found.primacy, found.recency, found.p_value
    (2, 2, 1, 1.0)
    """
    lean = leanings(preferred_first_in_each)
    consistent, primacy, recency = (int((lean == place).sum()) for place in (0, -1, 1))
    return PositionBias(
        positional_agreement(preferred_first_in_each, level=level),
        bounded_mean(lean, low=-1.0, high=1.0, level=level),
        consistent,
        primacy,
        recency,
        mcnemar(recency, primacy),
    )


def preference_fairness(primacy: ArrayLike, recency: ArrayLike, pairs: ArrayLike) -> tuple[Floats, Floats]:
    """PF of many cells, such as one for each candidate and task: raw, and normalised by the number of pairs.

    The source defines the raw score as r * r / (p + r) - p * p / (p + r), for p pairs of primacy and r of recency. That
    is r - p, as r * r - p * p is (r - p) * (r + p); and 2 * (raw - least) / (most - least) - 1 is raw / pairs, as least
    and most are -pairs and pairs. So PF is the mean of `leanings` where every pair has both its outcomes.

    Args:
        primacy: shape (...): of each cell how many pairs lean to what is shown first.
        recency: same shape: how many lean to what is shown second.
        pairs: same shape, or one that broadcasts: how many pairs there are, those that lean to no place among them.

    Returns:
        The raw score, in pairs, and the normalised one, from -1 (primacy throughout) over 0 to 1 (recency throughout);
        each of shape (...). The normalised one is NaN where a cell has no pair.

    Raises:
        ValueError: if a count is negative, or a cell has more that lean than pairs.

    Source: Shi et al. 2024, arXiv:2406.07791.

    >>> raw, normalised = preference_fairness([3, 0], [1, 0], [10, 0])
    >>> raw.tolist(), normalised.tolist()
    ([-2.0, 0.0], [-0.2, nan])
    """
    first, second, n = np.broadcast_arrays(*(np.asarray(counts, dtype=float) for counts in (primacy, recency, pairs)))
    if np.any((first < 0) | (second < 0) | (first + second > n)):
        raise ValueError("`primacy`, `recency` or `pairs` is negative, or more pairs lean than there are.")
    raw: Floats = second - first
    return raw, np.where(n > 0, raw / np.where(n > 0, n, 1.0), np.nan)


def repetition_stability(outcomes: ArrayLike, *, level: float = 0.95) -> Estimate:
    """RS: how large a part of a judge's repeats gives its commonest outcome, when nothing at all was changed.

    Args:
        outcomes: shape (n_items, n_repeats), or (n_items, n_presentations, n_repeats): the outcome of each repeat as a
            code (any numbers), NaN where a repeat gave none.
        level: of the interval, 0..1.

    Returns:
        The mean over what was judged (a presentation of an item is judged on its own) of the commonest outcome's share
        of the repeats: from 1 / n_repeats to 1 (always the same). Of two outcomes in three repeats, one has two thirds
        at least: compare it with the same of a coin, never with 0. A repeat that gave no outcome counts as one that is
        like no other, as it does in the source; leave it out by leaving out the item. The item is the unit of sampling,
        as its presentations depend on each other; items without any outcome are `left_out`, as are presentations
        without one. Under two items the interval is unknown.

    Raises:
        ValueError: if the shape is none of the two, or there are fewer than two repeats.

    Source: repetition stability in Shi et al. 2024, arXiv:2406.07791.

    >>> str(repetition_stability([[1, 1, 1], [1, 0, 1], [0, 0, np.nan], [np.nan, np.nan, np.nan]]))
    '0.778 [0.528, 0.931]  n=3, 1 left out'
    """
    given = np.asarray(outcomes, dtype=float)
    if given.ndim not in (2, 3) or given.shape[-1] < 2:
        raise ValueError(
            f"`outcomes` has shape {given.shape}; needed is (n_items, n_repeats) or (n_items, n_presentations, "
            "n_repeats), of two repeats or more."
        )
    repeats = given.shape[-1]
    alike = (given[..., :, None] == given[..., None, :]).sum(axis=-1)  # NaN is like nothing, not even itself
    commonest = alike.max(axis=-1)
    shares = np.where(commonest > 0, commonest / repeats, np.nan)
    return bounded_mean(shares, low=1 / repeats, high=1.0, level=level)


def consistency_filter(
    preferred_first_in_each: ArrayLike, correct: ArrayLike, *, level: float = 0.95
) -> ConsistencyFilter:
    """Is a judge right more often where its two presentations agree?

    Args:
        preferred_first_in_each: shape (n_items, 2): the outcome of each presentation as a code of what is preferred,
            whatever its place (any numbers), NaN where there is none.
        correct: shape (n_items,): how right the first presentation's outcome is, 0..1, NaN where that is not known.
        level: of the intervals, 0..1.

    Returns:
        Five shares with their intervals. The item is the unit of sampling. An item without both outcomes is neither
        kept nor dropped: it is `left_out` of all but `first`.

    Raises:
        ValueError: if a shape is not the one above, or `correct` holds a value outside 0..1.

    Source: swap consistency as a filter: Zheng et al. 2023, arXiv:2306.05685; that it need not help: Zeng et al. 2023,
        arXiv:2310.07641.

    >>> found = consistency_filter([[1, 1], [0, 0], [0, 0], [1, 0], [1, np.nan]], [1, 0, 0, 1, 1])
    >>> found.first.estimate, found.kept.estimate, found.when_dropped.estimate, found.kept.left_out
    (0.6, 0.75, 1.0, 1)
    """
    kept, right = agreeing(preferred_first_in_each), np.asarray(correct, dtype=float)
    if right.shape != kept.shape:
        raise ValueError(f"`correct` has shape {right.shape}; needed is (n_items,), of {len(kept)} items.")
    return ConsistencyFilter(
        bounded_mean(right, level=level),
        bounded_mean(kept, level=level),
        bounded_mean(kept * right, level=level),
        bounded_mean(right[kept == 1], level=level),
        bounded_mean(right[kept == 0], level=level),
    )

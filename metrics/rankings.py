"""How near is a ranking of several responses to gold's: whole, pair by pair, and at its top?

Rankings come as points, more for what stands higher: gold's scores, a judge's points. One rule of ties for all but the
distance: where gold ties two responses it asks nothing of their order, and any is right; where it does not, a judge's
tie is half right of the pair, and the whole ranking is missed. The distance counts a tie in one of the two rankings
alone as half a pair out of order, whichever has it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .estimate import Estimate
from .intervals import bounded_mean
from .picks import cell_means

Floats = NDArray[np.float64]
_DIGITS = 12  # points that agree so far are tied: means of samples differ beyond


def exact_match(points: ArrayLike, gold: ArrayLike, *, level: float = 0.95) -> Estimate:
    """The share of rankings that put every pair of responses as gold does: ranking accuracy.

    Args:
        points: shape (n_items, n_presentations, n_responses): a judge's points, NaN where there is no verdict, and for
            responses that the item does not have.
        gold: shape (n_items, n_responses): gold's scores, NaN where it says nothing of a response.
        level: of the interval, 0..1.

    Returns:
        From 0 (no ranking is gold's) to 1 (all are); of three responses without ties a judge that ranks by chance has
        1/6, of n it has 1/n!. The item is the unit of sampling, as its presentations depend on each other; items
        without a verdict, and those of which gold orders nothing, are `left_out`. Under two items the interval is
        unknown.

    Raises:
        ValueError: if the shapes do not fit, or a number is infinite.

    Source: ranking accuracy of a pair, and of more than two as a match of the whole: Chen et al. 2024,
        arXiv:2405.19534; the interval: `score_limits`.

    >>> str(exact_match([[[3, 2, 1]], [[1, 2, 3]], [[3, 1, 1]]], [[9, 5, 1], [9, 5, 1], [9, 5, 1]]))
    '0.333 [0.061, 0.792]  n=3, 0 left out'
    """
    return bounded_mean(whole_rankings(points, gold), level=level)


def pairs_in_order(points: ArrayLike, gold: ArrayLike, *, level: float = 0.95) -> Estimate:
    """The share of pairs of responses that stand in gold's order, over those that gold orders.

    Args:
        points: as for `exact_match`: shape (n_items, n_presentations, n_responses), NaN where there is no verdict.
        gold: as for `exact_match`: shape (n_items, n_responses).
        level: of the interval, 0..1.

    Returns:
        From 0 (every ranking is gold's turned round) over 0.5 (by chance, or all tied) to 1. Every pair weighs the
        same, so that an item of many responses weighs more. The item is the unit of sampling, as its pairs and
        presentations depend on each other; items without a pair to count are `left_out`. Under two items the interval
        is unknown.

    Raises:
        ValueError: if the shapes do not fit, or a number is infinite.

    Source: the concordance of Kendall 1938, doi:10.1093/biomet/30.1-2.81; the interval: `score_limits`.

    >>> str(pairs_in_order([[[3, 2, 1]], [[1, 2, 3]], [[3, 1, 1]]], [[9, 5, 1], [9, 5, 1], [9, 5, 1]]))
    '0.611 [0.190, 0.890]  n=3, 0 left out'
    """
    cells = ordered_pairs(points, gold)
    return bounded_mean(cells.reshape(len(cells), int(np.prod(cells.shape[1:]))), level=level)


def kendall_distance(points: ArrayLike, gold: ArrayLike, *, level: float = 0.95) -> Estimate:
    """How far rankings lie from gold's: the share of pairs out of order, a tie in one of the two alone counted as half.

    Args:
        points: as for `exact_match`: shape (n_items, n_presentations, n_responses), NaN where there is no verdict.
        gold: as for `exact_match`: shape (n_items, n_responses).
        level: of the interval, 0..1.

    Returns:
        From 0 (the same ranking, ties included) over 0.5 (by chance) to 1 (turned round). Every ranking weighs the
        same, whatever the number of its responses. The item is the unit of sampling; items without a verdict, and those
        of which gold knows fewer than two responses, are `left_out`. Under two items the interval is unknown.

    Raises:
        ValueError: if the shapes do not fit, or a number is infinite.

    Source: K with penalty 1/2, Fagin et al. 2004, doi:10.1145/1055558.1055568, divided by the number of pairs; the
        interval: `score_limits`.

    >>> str(kendall_distance([[[3, 2, 1]], [[1, 2, 3]], [[3, 1, 1]]], [[9, 5, 1], [9, 5, 1], [9, 5, 1]]))
    '0.389 [0.110, 0.810]  n=3, 0 left out'
    """
    return bounded_mean(distances(points, gold), level=level)


def top_one(points: ArrayLike, accepts: ArrayLike, *, level: float = 0.95) -> Estimate:
    """How often the first of a ranking, or the option that is chosen, is one that gold accepts.

    Args:
        points: as for `exact_match`: shape (n_items, n_presentations, n_responses), NaN where there is no verdict. Of
            a judge that names one response alone, 1 for it and 0 for the others.
        accepts: shape (n_items, n_responses): the share of annotators that accept a response as the best one, 0..1; NaN
            for responses that the item does not have.
        level: of the interval, 0..1.

    Returns:
        From 0 to 1; where gold accepts one of n responses a judge that chooses by chance has 1/n. Where several share
        the first place, it is their mean. The item is the unit of sampling; items without a verdict, and those of
        which gold accepts no response, are `left_out`. Under two items the interval is unknown.

    Raises:
        ValueError: if the shapes do not fit, a number is infinite, or a share lies outside 0..1.

    Source: best of n against gold, as in Lambert et al. 2024, arXiv:2403.13787; the interval: `score_limits`.

    >>> str(top_one([[[3, 2, 1]], [[1, 2, 3]], [[3, 3, 1]]], [[1, 0, 0], [1, 0, 0], [1, 0, 0]]))
    '0.500 [0.154, 0.846]  n=3, 0 left out'
    """
    hits, _ = first_places(points, accepts)
    return bounded_mean(hits, level=level)


def top_one_above_chance(points: ArrayLike, accepts: ArrayLike, *, level: float = 0.95) -> Estimate:
    """How much oftener the first is accepted than one drawn by chance would be.

    Args:
        points: as for `top_one`: shape (n_items, n_presentations, n_responses), NaN where there is no verdict.
        accepts: as for `top_one`: shape (n_items, n_responses).
        level: of the interval, 0..1.

    Returns:
        From -1 over 0 (as good as a draw) to below 1: the mean of what `top_one` counts less what a draw has (1/n where
        one of n is accepted), item by item, as items differ in their number of responses. The item is the
        unit of sampling; `left_out` are those of `top_one`. Under two items the interval is unknown.

    Raises:
        ValueError: if the shapes do not fit, a number is infinite, or a share lies outside 0..1.

    Source: as `top_one`; chance is each item's own.

    >>> str(top_one_above_chance([[[3, 2, 1]], [[1, 2, 3]], [[3, 3, 1]]], [[1, 0, 0], [1, 0, 0], [1, 0, 0]]))
    '0.167 [-0.180, 0.513]  n=3, 0 left out'
    """
    hits, chance = first_places(points, accepts)
    known = chance[~np.isnan(chance)]
    low, high = (-float(known.max()), 1 - float(known.min())) if len(known) else (-1.0, 1.0)
    return bounded_mean(hits - chance[:, None], low=low, high=high, level=level)


def whole_rankings(points: ArrayLike, gold: ArrayLike) -> Floats:
    """Of each ranking whether it has all that gold orders in gold's order.

    Returns:
        Shape (n_items, n_presentations): 1, 0, or NaN where there is no verdict or gold orders nothing.

    >>> whole_rankings([[[2, 1, 0], [2, 0, 1]]], [[5, 3, 3]]).tolist()
    [[1.0, 1.0]]
    """
    pairs = ordered_pairs(points, gold)
    known = ~np.isnan(pairs)
    found: Floats = np.where(known.any(axis=2), (known <= (pairs == 1.0)).all(axis=2).astype(float), np.nan)
    return found


def ordered_pairs(points: ArrayLike, gold: ArrayLike) -> Floats:
    """Of each pair of responses that gold orders whether a ranking has it so.

    Returns:
        Shape (n_items, n_presentations, n_pairs): 1, 0, 0.5 where the ranking ties them; NaN where there is no verdict,
        and for pairs that gold does not order.

    >>> ordered_pairs([[[2, 1, 1]]], [[5, 3, 1]]).tolist()
    [[[1.0, 1.0, 0.5]]]
    """
    said, wanted = _orders(points, gold)
    asked = np.where(wanted == 0, np.nan, wanted)[:, None]
    found: Floats = 0.5 + 0.5 * said * asked
    return found


def distances(points: ArrayLike, gold: ArrayLike) -> Floats:
    """Of each ranking how far it lies from gold's, as `kendall_distance` has it.

    Returns:
        Shape (n_items, n_presentations): 0..1, NaN where there is no verdict, or no pair that both know.

    >>> distances([[[2, 1, 1], [1, 2, 3]]], [[5, 3, 1]]).round(3).tolist()
    [[0.167, 1.0]]
    """
    said, wanted = _orders(points, gold)
    return cell_means(np.abs(said - wanted[:, None]) / 2)


def first_places(points: ArrayLike, accepts: ArrayLike) -> tuple[Floats, Floats]:
    """Of each ranking how far its first is accepted, and how far one drawn by chance would be.

    Returns:
        Shape (n_items, n_presentations): 0..1, NaN where there is no verdict, or gold accepts no response; and shape
        (n_items,): the mean over the item's responses.

    >>> hits, chance = first_places([[[2, 1, 0], [2, 2, 0]]], [[1, 0, 0]])
    >>> hits.tolist(), chance.round(3).tolist()
    ([[1.0, 0.5]], [0.333])
    """
    shown, shares = _checked(points, accepts, "accepts")
    if np.any((shares < 0) | (shares > 1)):
        raise ValueError("`accepts` holds values outside 0..1: needed is the share of annotators that accept each.")
    known = ~np.isnan(shares)
    asks = np.where(known, shares, 0.0).sum(axis=1) > 0
    judged = ~np.isnan(shown) & known[:, None]
    top = np.max(np.where(judged, shown, -np.inf), axis=2, initial=-np.inf, keepdims=True)
    first = judged & (shown == top)
    number = first.sum(axis=2)
    right = np.where(first, np.where(known, shares, 0.0)[:, None], 0.0).sum(axis=2)
    hits: Floats = np.where((number > 0) & asks[:, None], right / np.maximum(number, 1), np.nan)
    mean = np.where(known, shares, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    chance: Floats = np.where(asks, mean, np.nan)
    return hits, chance


def _orders(points: ArrayLike, gold: ArrayLike) -> tuple[Floats, Floats]:
    """The sign of each pair's difference: shapes (n_items, n_presentations, n_pairs) and (n_items, n_pairs)."""
    shown, scores = _checked(points, gold)
    one, other = np.triu_indices(scores.shape[1], k=1)
    return np.sign(shown[:, :, one] - shown[:, :, other]), np.sign(scores[:, one] - scores[:, other])


def _checked(points: ArrayLike, gold: ArrayLike, name: str = "gold") -> tuple[Floats, Floats]:
    shown, scores = np.asarray(points, dtype=float), np.asarray(gold, dtype=float)
    if shown.ndim != 3 or scores.ndim != 2 or (len(shown), shown.shape[2]) != scores.shape:
        needed = "(n_items, n_presentations, n_responses) and (n_items, n_responses)"
        raise ValueError(f"`points` has shape {shown.shape}, `{name}` {scores.shape}; needed is {needed}.")
    if np.isinf(shown).any() or np.isinf(scores).any():
        raise ValueError(f"`points` or `{name}` holds a number that is infinite; where there is none, it is NaN.")
    return shown.round(_DIGITS), scores.round(_DIGITS)

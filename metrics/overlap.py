"""Do two sets of pairs cover the same ground, and what would one say if it covered the ground of the other?

Responses that a model wrote to earn a 1 and a 5 differ in other ways than the two answers that people compared. An
influence in the one set and an influence in the other then differ even where the preferences do not.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

BINS = 5


class Matched(NamedTuple):
    """One set of pairs, weighted to cover the ground of another.

    Attributes:
        weights: shape (n_pairs,), mean 1 over all pairs of the one set that have a match; 0 for those without one.
        covered: the share of the one set's pairs that have a match, 0..1; NaN where the set is empty.
        target_covered: the share of the other set's pairs that have one. What the weighted pairs say holds for these
            alone: report it beside every number.
        effective: how many pairs of equal weight would tell as much as the weighted ones.
    """

    weights: Floats
    covered: float
    target_covered: float
    effective: float


def matched(pairs: ArrayLike, target: ArrayLike, *, bins: int = BINS) -> Matched:
    """Weigh the pairs of one set so that they cover the ground of another.

    Each feature is cut at quantiles of both sets together, each set weighing the same; a cell is a bin of every
    feature. A pair of the one set gets its cell's share of the other set over its cell's share of its own.

    Args:
        pairs: shape (n_pairs, n_features): of each pair what must match, such as the difference of the logarithms of
            the two lengths, without its sign. NaN where unknown: such a pair has no match.
        target: shape (n_others, n_features): the same of the other set.
        bins: of each feature, 1 or more; the more, the closer and the fewer the matches.

    Returns:
        The weights, for `factors.factor_influence`, and how far the sets overlap.

    Raises:
        ValueError: if the shapes are not as above, a value is infinite, or `bins` is below 1.

    Source: coarsened exact matching: Iacus, King and Porro 2012, doi:10.1093/pan/mpr013.

    >>> found = matched([[0.0], [0.0], [0.0], [1.0], [9.0]], [[0.0], [1.0], [1.0]], bins=2)
    >>> found.weights.round(2).tolist(), round(found.covered, 2), found.target_covered
    ([0.44, 0.44, 0.44, 2.67, 0.0], 0.8, 1.0)
    """
    one, other = (np.asarray(values, dtype=float) for values in (pairs, target))
    if one.ndim != 2 or other.ndim != 2 or one.shape[1] != other.shape[1] or not one.shape[1] or bins < 1:
        raise ValueError(
            f"`pairs` has shape {one.shape}, `target` {other.shape} and `bins` is {bins}; needed are (n_pairs, "
            "n_features), (n_others, n_features), of one feature or more, and 1 or more bins."
        )
    if np.any(np.isinf(one)) or np.any(np.isinf(other)):
        raise ValueError("the features hold values that are infinite; where there is none, it is NaN.")
    known = [~np.isnan(values).any(axis=1) for values in (one, other)]
    cells = _cells(one[known[0]], other[known[1]], bins)
    counts = [np.bincount(cell, minlength=1 + max(map(_largest, cells))).astype(float) for cell in cells]
    shared = (counts[0] > 0) & (counts[1] > 0)
    sizes = [float(count[shared].sum()) for count in counts]
    weights = np.zeros(len(one))
    if sizes[0]:
        by_cell = np.where(shared, counts[1] / np.maximum(1, counts[0]) * sizes[0] / max(1.0, sizes[1]), 0.0)
        weights[known[0]] = by_cell[cells[0]]
    square = float(weights @ weights)
    covered, target_covered = (
        size / len(values) if len(values) else float("nan") for size, values in zip(sizes, (one, other), strict=True)
    )
    effective = float(weights.sum()) ** 2 / square if square else 0.0
    return Matched(weights, covered, target_covered, effective)


def _cells(one: Floats, other: Floats, bins: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The cell of each pair of both sets; what lies outside the other set's range is in no cell of its own set."""
    whole = np.vstack([one, other])
    if not len(whole):
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    places = np.empty(whole.shape, dtype=np.intp)
    for number in range(whole.shape[1]):
        sides = [np.sort(side[:, number]) for side in (one, other) if len(side)]
        ends = [max(side[0] for side in sides), min(side[-1] for side in sides)]
        steps = np.linspace(0, 1, bins + 1)[1:-1]
        cuts = np.mean([np.quantile(side, steps) for side in sides], axis=0) if bins > 1 else np.empty(0)
        inner = np.digitize(whole[:, number], cuts)
        places[:, number] = np.where(whole[:, number] < ends[0], -1, np.where(whole[:, number] > ends[1], bins, inner))
    _, cell = np.unique(places, axis=0, return_inverse=True)
    cell = cell.reshape(-1)
    return cell[: len(one)], cell[len(one) :]


def _largest(cell: NDArray[np.intp]) -> int:
    return int(cell.max(initial=0))

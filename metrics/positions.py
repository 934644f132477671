"""How far apart do measured positions lie, in the spread of those who hold them?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def position_distances(means: ArrayLike, deviations: ArrayLike) -> Floats:
    """The distance of each two positions: the root mean square of their standardised differences over dimensions.

    Args:
        means: shape (n_positions, n_dimensions), NaN where a dimension was not measured.
        deviations: shape as `means`: standard deviations among those who hold a position, above 0.

    Returns:
        Shape (n_positions, n_positions), 0 on the diagonal: 0 where two positions have the same means, 1 where they
        differ by one standard deviation in each dimension, without an upper end. NaN where they share no dimension.

    Raises:
        ValueError: if the shapes differ, or a deviation is not above 0.

    Source: the standardised difference of two means, Cohen 1988, with the mean of both variances.

    >>> float(position_distances([[0, 0], [1, 1]], [[1, 1], [1, 1]])[0, 1])
    1.0
    """
    centre, spread = np.asarray(means, dtype=float), np.asarray(deviations, dtype=float)
    if centre.ndim != 2 or spread.shape != centre.shape:
        raise ValueError(
            f"`means` has shape {centre.shape} and `deviations` {spread.shape}; needed are two dimensions."
        )
    if np.any(spread[~np.isnan(centre)] <= 0):
        raise ValueError("`deviations` holds values of 0 or less.")
    gaps = centre[:, None, :] - centre[None, :, :]
    pooled = (spread[:, None, :] ** 2 + spread[None, :, :] ** 2) / 2
    squares = gaps**2 / pooled
    known = ~np.isnan(squares)
    n = known.sum(axis=2)
    total = np.where(known, squares, 0.0).sum(axis=2)
    found: Floats = np.sqrt(np.where(n > 0, total / np.maximum(n, 1), np.nan))
    return found

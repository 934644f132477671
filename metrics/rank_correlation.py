"""Do two rows of numbers rise and fall together? Three correlations, of many rows at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_DIGITS = 12  # numbers that agree so far are tied: sums in another order differ beyond


def pearson(x: ArrayLike, y: ArrayLike) -> Floats:
    """How near two rows of numbers are to a straight line.

    Args:
        x: shape (..., n): finite numbers.
        y: the same shape, or one that broadcasts.

    Returns:
        Shape (...): -1..1; NaN where a row never changes, or has fewer than two numbers, or holds NaN.

    Source: Pearson 1895, doi:10.1098/rspl.1895.0041.

    >>> float(pearson([1, 2, 3], [2, 4, 6.0]).round(12))
    1.0
    """
    a, b = (np.asarray(row, dtype=float) for row in (x, y))
    a, b = (row - row.mean(axis=-1, keepdims=True) for row in (a, b))
    return _cosine((a * b).sum(axis=-1), (a * a).sum(axis=-1), (b * b).sum(axis=-1))


def spearman(x: ArrayLike, y: ArrayLike) -> Floats:
    """How near two rows of numbers are to one order: Pearson's correlation of their ranks, ties at their mean rank.

    Args:
        x: shape (..., n): finite numbers; those that agree to 12 digits are tied.
        y: the same shape, or one that broadcasts.

    Returns:
        Shape (...): -1..1; NaN as for `pearson`.

    Source: Spearman 1904, doi:10.2307/1412159.

    >>> float(spearman([1, 2, 3, 4], [1, 10, 9, 100]).round(12))
    0.8
    """
    return pearson(_ranks(x), _ranks(y))


def kendall(x: ArrayLike, y: ArrayLike) -> Floats:
    """How much oftener two numbers of a row stand in the same order in both rows than not: tau b.

    Args:
        x: shape (..., n): finite numbers; those that agree to 12 digits are tied.
        y: the same shape, or one that broadcasts.

    Returns:
        Shape (...): -1..1; NaN as for `pearson`.

    Source: Kendall 1945, doi:10.1093/biomet/33.3.239.

    >>> float(kendall([1, 2, 3, 4], [1, 10, 9, 100]).round(12))
    0.666666666667
    """
    a, b = _order(x), _order(y)
    found = _cosine((a * b).sum(axis=(-1, -2)), (a * a).sum(axis=(-1, -2)), (b * b).sum(axis=(-1, -2)))
    return found


def _ranks(row: ArrayLike) -> Floats:
    """Mean ranks less their mean: half of how many numbers lie below, less half of how many lie above."""
    given = np.asarray(row, dtype=float).round(_DIGITS)
    n, order = given.shape[-1], np.argsort(given, axis=-1)
    ordered, places = np.take_along_axis(given, order, axis=-1), np.arange(n)
    new = np.ones((*given.shape[:-1], n + 1), dtype=bool)  # where a number differs from the one before it
    new[..., 1:-1] = ordered[..., 1:] != ordered[..., :-1]
    first = np.maximum.accumulate(np.where(new[..., :-1], places, 0), axis=-1)
    last = np.minimum.accumulate(np.where(new[..., 1:], places, n)[..., ::-1], axis=-1)[..., ::-1]
    ranks = np.empty(given.shape)
    np.put_along_axis(ranks, order, (first + last - (n - 1)) / 2, axis=-1)
    return np.where(np.isfinite(given).all(axis=-1, keepdims=True), ranks, np.nan)


def _order(row: ArrayLike) -> Floats:
    """Of each two numbers which is larger: shape (..., n, n) of -1, 0, 1."""
    given = np.asarray(row, dtype=float).round(_DIGITS)
    order: Floats = np.sign(given[..., :, None] - given[..., None, :])
    return order


def _cosine(product: Floats, one: Floats, other: Floats) -> Floats:
    below = np.sqrt(one * other)
    flat = ~(below > 1e-24)
    found: Floats = np.where(flat, np.nan, np.clip(product / np.where(flat, 1.0, below), -1.0, 1.0))
    return found

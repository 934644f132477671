"""Does a judge follow the context that it is given? What it has right with one and without, and on mirrored pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .estimate import Estimate
from .intervals import bounded_mean
from .picks import cell_means

Floats = NDArray[np.float64]


def reversal_rate(correct: ArrayLike, *, level: float = 0.95) -> Estimate:
    """The share of mirrored pairs on which a verdict turns round with the context, each time to the right side.

    Mirrored are items of the same request and responses under contexts that ask for different ones. What a judge
    prefers for any other reason it has right in one context and wrong in the other.

    Args:
        correct: shape (n_mirrors, n_contexts, n_presentations): 1 where the verdict is the one that the context asks
            for, 0 where not, between them where it is so in part, NaN where there is none.
        level: of the interval, 0..1.

    Returns:
        From 0 (a judge that ignores contexts, or takes them the wrong way) to 1 (one that follows them); a coin has
        0.25 under two contexts. Of each presentation it is the least of what the contexts have. The mirror, with all
        its contexts and presentations, is the unit of sampling; mirrors without a presentation that has a verdict in
        every context are `left_out`. Under two mirrors the interval is unknown.

    Raises:
        ValueError: if the shape is not (n_mirrors, n_contexts, n_presentations), there are fewer than two contexts, or
            a value lies outside 0..1.

    Source: paired preferences that reverse with the context: Pitis et al. 2024, arXiv:2407.14916.

    >>> str(reversal_rate([[[1, 1], [1, 0]], [[1, 1], [0, 0]], [[1, 1], [1, 1]]]))
    '0.500 [0.154, 0.846]  n=3, 0 left out'
    """
    return bounded_mean(reversals(correct), level=level)


def reversals(correct: ArrayLike) -> Floats:
    """Of each mirror and presentation how far the verdict is right in every context.

    Returns:
        Shape (n_mirrors, n_presentations): 0..1, NaN where a context has no verdict.

    >>> reversals([[[1, 1], [1, 0]]]).tolist()
    [[1.0, 0.0]]
    """
    given = np.asarray(correct, dtype=float)
    if given.ndim != 3 or given.shape[1] < 2:
        raise ValueError(
            f"`correct` has shape {given.shape}; needed is (n_mirrors, 2 or more contexts, n_presentations)."
        )
    found: Floats = given.min(axis=1)  # NaN where any is
    return found


def context_gain(with_context: ArrayLike, without: ArrayLike, *, level: float = 0.95) -> Estimate:
    """How much oftener a judge is right with the context than without it, over mirrors that were judged both ways.

    Args:
        with_context: shape (n_mirrors, n_verdicts): 1 where a verdict under one of the contexts is right, 0 where not,
            NaN where there is none.
        without: shape (n_mirrors, n_other_verdicts): the same of verdicts without any context.
        level: of the interval, 0..1.

    Returns:
        From -1 over 0 (the context changes nothing) to 1: the mean over mirrors of the share that is right with it,
        less the share that is right without. The mirror is the unit of sampling, so that what its verdicts share
        cancels; mirrors that lack either are `left_out`. Under two mirrors the interval is unknown.

    Raises:
        ValueError: if a shape is not (n_mirrors, n_verdicts), the mirrors differ in number, or a value lies outside
            0..1.

    Source: accuracy with and without context: Pitis et al. 2024, arXiv:2407.14916.

    >>> str(context_gain([[1, 1], [1, 0], [1, 1]], [[1], [0], [0]]))
    '0.500 [-0.342, 0.846]  n=3, 0 left out'
    """
    first, second = np.asarray(with_context, dtype=float), np.asarray(without, dtype=float)
    if first.ndim != 2 or second.ndim != 2 or len(first) != len(second):
        needed = "(n_mirrors, n_verdicts) of both"
        raise ValueError(f"`with_context` has shape {first.shape}, `without` {second.shape}; needed is {needed}.")
    for name, values in (("with_context", first), ("without", second)):
        if np.any((values < 0) | (values > 1)):
            raise ValueError(f"`{name}` holds values outside 0..1: right is 1, wrong 0.")
    return bounded_mean(cell_means(first) - cell_means(second), low=-1.0, level=level)

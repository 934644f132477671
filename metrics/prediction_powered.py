"""What is a rate among all items when people labelled only some of them, and a prediction exists for all?"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from .estimate import Estimate
from .intervals import Basis

POWERED = "prediction-powered (PPI++) over items, Student's t"


def ppi_mean(labels: ArrayLike, predictions: ArrayLike, *, level: float = 0.95) -> Estimate:
    """A mean over all items from a few human labels and a prediction, such as gold's word, on every item.

    Args:
        labels: shape (n_items,): the trusted value, NaN where people did not label. Which items were labelled must not
            hang on what the label would have been.
        predictions: shape (n_items,): the prediction of the same quantity, NaN where there is none.
        level: of the interval, 0..1.

    Returns:
        The mean of the trusted value, in its unit, over the items that have a prediction. The item, a row, is the
        unit of sampling: `n` counts those with both a label and a prediction, on which the error rests; items without a
        prediction are `left_out`. A prediction that is wrong costs width, never truth: what it is worth is measured on
        the labelled items, and one that is worth nothing leaves the mean of the labels. Under three labelled items the
        interval is unknown.

    Raises:
        ValueError: if the shapes differ or are another, or a value is infinite.

    Source: Angelopoulos, Duchi and Zrnic 2023, arXiv:2311.01453 (PPI++, the mean with a power-tuned weight); the error
        without their 1 / n for n - 1, by Student's t with one degree of freedom fewer for the weight.

    >>> str(ppi_mean([1, 0, 1, 1, np.nan, np.nan, np.nan, np.nan], [1, 0, 1, 1, 0, 0, 1, 0]))
    '0.500 [-0.350, 1.350]  n=4, 0 left out'
    """
    trusted, guessed = (np.asarray(values, dtype=float) for values in (labels, predictions))
    if trusted.ndim != 1 or trusted.shape != guessed.shape:
        raise ValueError(f"`labels` has shape {trusted.shape} and `predictions` {guessed.shape}; needed is (n_items,).")
    if np.any(np.isinf(trusted) | np.isinf(guessed)):
        raise ValueError("the values hold numbers that are infinite; where there is none, it is NaN.")
    known = ~np.isnan(guessed)
    both = known & ~np.isnan(trusted)
    y, f, rest = trusted[both], guessed[both], guessed[known & ~both]
    n, more = len(y), len(rest)
    basis = Basis(n, int((~known).sum()), level, POWERED)
    if n == 0:
        return basis.unknown("no item has a label and a prediction")
    weight = _weight(y - y.mean(), f - f.mean(), rest, n)
    value = float(y.mean() + (weight * (rest.mean() - f.mean()) if more else 0.0))
    if n < 3:
        return basis.bare(value, "two labelled items tell too little of how items differ")
    lean, df = y - weight * f, n - 2 if weight else n - 1
    squares = float(((lean - lean.mean()) ** 2).sum()) / df / n
    if weight:
        squares += weight**2 * float(rest.var(ddof=1)) / more
    error = None if squares <= 1e-26 else sqrt(squares)
    return basis.student(value, error, "all items are alike: error and interval unknown", df=df)


def _weight(y: np.ndarray, f: np.ndarray, rest: np.ndarray, n: int) -> float:
    """How much the prediction is used, 0..1: the weight that makes the variance least."""
    more = len(rest)
    spread = float(f @ f)
    if n < 3 or more < 2 or spread == 0:
        return 0.0
    return min(1.0, max(0.0, float(y @ f) / spread / (1 + n / more)))

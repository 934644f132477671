"""Which of many findings hold when so many were looked for?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Correction = Literal["bh", "by"]


def q_values(p_values: Sequence[float | None], *, method: Correction = "bh") -> list[float | None]:
    """The false discovery rate at which each test of a list would just be called a finding.

    Args:
        p_values: of every test on the list that was fixed before looking, None where a test could not be made. Such a
            test stays on the list: what failed must not make the rest look better.
        method: `bh` (Benjamini and Hochberg) holds for tests that are independent or depend positively, `by` (Benjamini
            and Yekutieli) for any dependence; it is larger by the factor 1 + 1/2 + ... + 1/m for m tests.

    Returns:
        In the same order, 0..1; None where the p value is. Calling all with q <= alpha findings, no more than a share
        alpha of what is called a finding is false on average.

    Raises:
        ValueError: if a p value lies outside 0..1, or the method is none of the two.

    Sources: Benjamini and Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x; Benjamini and Yekutieli 2001,
        doi:10.1214/aos/1013699998.

    >>> [q and round(q, 4) for q in q_values([0.01, 0.04, 0.03, None])]
    [0.04, 0.0533, 0.0533, None]
    """
    if method not in ("bh", "by"):
        raise ValueError(f"`method` is {method!r}; needed is 'bh' or 'by'.")
    p = _checked(p_values)
    m = len(p)
    if m == 0:
        return []
    ranks = np.arange(1, m + 1)
    factor = float((1 / ranks).sum()) if method == "by" else 1.0
    order = np.argsort(p, kind="stable")
    stepped = np.minimum.accumulate((p[order] * (m * factor) / ranks)[::-1])[::-1]
    q = np.empty(m)
    q[order] = np.minimum(1.0, stepped)
    return [None if value is None else float(found) for value, found in zip(p_values, q, strict=True)]


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """The level at which each test of a list would just be called a finding, if not one false finding may be made.

    Args:
        p_values: as for `q_values`: of every test on the list, None where a test could not be made.

    Returns:
        In the same order, 0..1; None where the p value is. Calling all at or under alpha findings, the chance that
        any of them is false is at most alpha, whatever the tests' dependence.

    Raises:
        ValueError: if a p value lies outside 0..1.

    Source: Holm 1979, https://www.jstor.org/stable/4615733.

    >>> [p and round(p, 4) for p in holm([0.01, 0.04, 0.03, None])]
    [0.04, 0.09, 0.09, None]
    """
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return [None if value is None else float(found) for value, found in zip(p_values, adjusted, strict=True)]


def _checked(p_values: Sequence[float | None]) -> NDArray[np.float64]:
    """The p values, 1 where a test could not be made."""
    p = np.array([1.0 if value is None else value for value in p_values], dtype=float)
    if not np.all((p >= 0) & (p <= 1)):
        raise ValueError("`p_values` holds numbers outside 0..1; where there is none, it is None.")
    return p

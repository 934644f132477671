"""Which factors measure nearly the same, and how are they counted as one?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

PROXY = 0.5
"""Factors whose manifestations correlate this far, on average over their group, are proxies of one another."""


def proxy_groups(manifested: ArrayLike, *, threshold: float = PROXY) -> tuple[NDArray[np.intp], Floats]:
    """Which factors measure nearly the same?

    Two factors correlate by the sum of the products of their manifestations over the root of the product of their
    sums of squares: which response of a pair is called a does not matter. Groups are joined as long as the correlation
    between two of them, in absolute value and on average over their factors, reaches the threshold.

    Args:
        manifested: shape (n_pairs, n_factors): -1, 0, 1 or NaN.
        threshold: above 0.

    Returns:
        Of each factor the number of its group, from 0 in the order of their first factors; and 1 or -1: which way it
        points, against the first factor of its group.

    Source: clustering by average linkage: Sokal and Michener 1958.

    >>> groups, turns = proxy_groups([[1, 1, -1, 0], [-1, -1, 1, 1], [1, 0, -1, 1], [1, 1, -1, -1]])
    >>> groups.tolist(), turns.tolist()
    ([0, 0, 0, 1], [1.0, 1.0, -1.0, 1.0])
    """
    near = _correlations(np.asarray(manifested, dtype=float))
    members = [[number] for number in range(len(near))]
    while len(members) > 1:
        pairs = [(i, j) for i in range(len(members)) for j in range(i)]
        means = [float(np.abs(near[np.ix_(members[i], members[j])]).mean()) for i, j in pairs]
        best = int(np.argmax(means))
        if means[best] < threshold:
            break
        i, j = pairs[best]
        members[j] = sorted(members[j] + members.pop(i))
    groups, turns = np.empty(len(near), dtype=np.intp), np.ones(len(near))
    for number, group in enumerate(sorted(members)):
        groups[group] = number
        turns[group] = np.where(near[group[0], group] < 0, -1.0, 1.0)
    return groups, turns


def composites(manifested: ArrayLike, groups: NDArray[np.intp], turns: ArrayLike) -> Floats:
    """Each group of factors as one: which response of a pair has more by most of its factors.

    Args:
        manifested: shape (n_pairs, n_factors): -1, 0, 1 or NaN.
        groups: shape (n_factors,): the number of each factor's group, from `proxy_groups`.
        turns: shape (n_factors,): which way each points, from `proxy_groups`.

    Returns:
        Shape (n_pairs, n_groups): -1, 0 (as many say so as say the contrary) or 1; NaN where no factor of the group is
        known. Factors that are copies of one another have one voice together, so that copies change nothing.

    >>> composites([[1, 1, -1], [1, -1, -1], [0, 1, 0]], np.array([0, 0, 1]), [1, 1, 1]).tolist()
    [[1.0, -1.0], [0.0, -1.0], [1.0, 0.0]]
    """
    sign = np.asarray(manifested, dtype=float)
    together = groups[:, None] == groups[None, :]
    copies = (together & (np.abs(_correlations(sign)) > 1 - 1e-12)).sum(axis=1)
    voices = np.zeros((len(groups), int(groups.max(initial=-1)) + 1))
    voices[np.arange(len(groups)), groups] = np.asarray(turns, dtype=float) / np.maximum(1, copies)
    sums = (np.nan_to_num(sign) @ voices).round(9)
    known = (~np.isnan(sign)).astype(float) @ (voices != 0)
    return np.where(known > 0, np.sign(sums), np.nan)


def _correlations(manifested: Floats) -> Floats:
    """Of each two factors over the pairs where both are known; 0 where one never differs, 1 of each with itself."""
    known = (~np.isnan(manifested)).astype(float)
    sign = np.nan_to_num(manifested)
    product, squares = sign.T @ sign, (sign * sign).T @ known
    below = np.sqrt(squares * squares.T)
    found: Floats = np.where(below > 0, product / np.where(below > 0, below, 1.0), 0.0)
    np.fill_diagonal(found, 1.0)
    return found

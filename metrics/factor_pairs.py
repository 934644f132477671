"""Which pairs of responses can tell what a factor is worth?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .logit import Floats, Places

Flags = NDArray[np.bool_]


class FactorPairs(NamedTuple):
    """Pairs that were checked, and where their prompts stand.

    Attributes:
        differences: shape (n_pairs, n_factors): the factor of response a less that of b, NaN where it is not known.
        preferences: shape (n_pairs,): 1 where a is preferred, -1 where b, 0 for a tie, NaN for none.
        shown: shape (n_pairs,): 1 where a was shown first, -1 where b, 0 where both orders count; None if not given.
        prompts: shape (n_pairs,): the place of each pair's prompt among all.
        whole: shape (n_pairs,): whether preference, factors and order shown are all known.
        names: of the factors.
    """

    differences: Floats
    preferences: Floats
    shown: Floats | None
    prompts: Places
    whole: Flags
    names: tuple[str, ...]


class Decisive(NamedTuple):
    """The whole pairs of which one response is preferred.

    Attributes:
        design: shape (n_pairs, n_columns): the factors by their root mean square, then the order shown if it is given.
        won: shape (n_pairs,): 1 where a is preferred, 0 where b.
        prompts: shape (n_pairs,): the place of each pair's prompt among those that have such a pair.
        units: how many prompts have such a pair.
        left_out: how many have none.
    """

    design: Floats
    won: Floats
    prompts: Places
    units: int
    left_out: int


def factor_pairs(
    differences: ArrayLike,
    preferences: ArrayLike,
    *,
    prompts: ArrayLike,
    names: Sequence[str] | None = None,
    shown: ArrayLike | None = None,
) -> FactorPairs:
    """Check pairs, and say which of them are whole.

    Args:
        differences: as `FactorPairs.differences`.
        preferences: as `FactorPairs.preferences`.
        prompts: shape (n_pairs,): labels.
        names: of the factors; None for `factor 1` and so on.
        shown: as `FactorPairs.shown`, NaN where it is not known.

    Raises:
        ValueError: if a shape or a value is not as above, or names are not one a factor.
    """
    values, sides = np.asarray(differences, dtype=float), np.asarray(preferences, dtype=float)
    labels = np.asarray(prompts)
    first = None if shown is None else np.asarray(shown, dtype=float)
    n = len(sides) if sides.ndim else 0
    if values.ndim != 2 or sides.ndim != 1 or len(values) != n or labels.shape != (n,):
        raise ValueError(
            f"`differences` has shape {values.shape}, `preferences` {sides.shape} and `prompts` {labels.shape}; needed "
            "are (n_pairs, n_factors), (n_pairs,) and (n_pairs,)."
        )
    if np.any(np.isinf(values)):
        raise ValueError("`differences` holds numbers that are infinite; where there is none, it is NaN.")
    if not np.all(np.isnan(sides) | np.isin(sides, (-1, 0, 1))):
        raise ValueError("`preferences` holds others than 1 (a), -1 (b) and 0 (tie); where there is none, it is NaN.")
    if first is not None and (first.shape != (n,) or not np.all(np.isnan(first) | np.isin(first, (-1, 0, 1)))):
        raise ValueError("`shown` is not of shape (n_pairs,), or holds others than 1, 0, -1 and NaN.")
    told = tuple(f"factor {place + 1}" for place in range(values.shape[1])) if names is None else tuple(names)
    if len(told) != values.shape[1] or len(set(told)) != len(told):
        raise ValueError(f"`names` are {list(told)}; needed is one a factor, {values.shape[1]}, each once.")
    whole = ~np.isnan(values).any(axis=1) & ~np.isnan(sides)
    if first is not None:
        whole &= ~np.isnan(first)
    _, places = np.unique(labels, return_inverse=True)
    return FactorPairs(values, sides, first, places.reshape(-1), whole, told)


def decisive_pairs(given: FactorPairs) -> Decisive:
    """The pairs of which one response is preferred, each factor in its own unit."""
    used = given.whole & (given.preferences != 0)
    own, places = np.unique(given.prompts[used], return_inverse=True)
    units = np.sqrt((given.differences[used] ** 2).mean(axis=0)) if used.any() else np.zeros(len(given.names))
    design = design_of(given, np.where(units > 0, units, 1.0), [])[used]
    left_out = len(np.unique(given.prompts)) - len(own)
    return Decisive(design, (given.preferences[used] + 1) / 2, places.reshape(-1), len(own), left_out)


def design_of(given: FactorPairs, units: Floats, by: Sequence[int]) -> Floats:
    """Factors in their units, the place in front, and that place times the size of the differences in some factors.

    Each column changes its sign when a and b change places, as log-odds do. So the place may only be multiplied by the
    size of a difference, not by the difference.
    """
    scaled = given.differences / np.where(np.isfinite(units), units, 1.0)
    if given.shown is None:
        return scaled
    return np.column_stack([scaled, given.shown, given.shown[:, None] * np.abs(scaled[:, list(by)])])

"""Into which cells do pairs fall, and what influence do they make? The arithmetic that all influences share."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .prompt_sums import Labels, Places, by_prompt, places

Floats = NDArray[np.float64]
Variant = Literal["tau14", "tau13", "tau10", "tau_a", "tau_b", "acc_eq"]
Form = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]

_CELLS = 5
_FORMS: dict[Variant, Form] = {
    # weights of C, D, T_f, T_p, T_pf above the line, and in the two sums whose geometric mean stands below it
    "tau14": ((1, -1, 0, 0, 0), (1, 1, 1, 0, 0), (1, 1, 1, 0, 0)),
    "tau13": ((1, -1, 0, 0, 0), (1, 1, 0, 0, 0), (1, 1, 0, 0, 0)),
    "tau10": ((1, -1, -1, 0, 0), (1, 1, 1, 0, 0), (1, 1, 1, 0, 0)),
    "tau_a": ((1, -1, 0, 0, 0), (1, 1, 1, 1, 1), (1, 1, 1, 1, 1)),
    "tau_b": ((1, -1, 0, 0, 0), (1, 1, 1, 0, 0), (1, 1, 0, 1, 0)),
    "acc_eq": ((1, 0, 0, 0, 1), (1, 1, 1, 1, 1), (1, 1, 1, 1, 1)),
}
VARIANTS: tuple[Variant, ...] = tuple(_FORMS)


def checked(preferences: ArrayLike, manifested: ArrayLike, prompts: Labels) -> tuple[Floats, Floats, Places, int]:
    """Preferences, signs, of each pair the number of its prompt, and how many prompts there are.

    Raises:
        ValueError: if a shape or a code is not what `factor_influence` needs.
    """
    preference, sign = (np.asarray(given, dtype=float) for given in (preferences, manifested))
    if preference.ndim != 1 or sign.ndim != 2 or len(sign) != len(preference):
        raise ValueError(
            f"`preferences` has shape {preference.shape} and `manifested` {sign.shape}; needed are (n_pairs,) and "
            "(n_pairs, n_factors)."
        )
    for name, values in (("preferences", preference), ("manifested", sign)):
        if not np.all(np.isnan(values) | np.isin(values, (-1.0, 0.0, 1.0))):
            raise ValueError(f"`{name}` holds numbers other than -1, 0 and 1; where there is none, it is NaN.")
    place, count = places(prompts, len(preference))
    return preference, sign, place, count


def cell_sums(preference: Floats, sign: Floats, place: Places, count: int, weight: Floats | None = None) -> Floats:
    """How many pairs, or how much weight, each prompt has in each cell: shape (n_prompts, 5, n_factors)."""
    factors = sign.shape[1]
    sums = np.empty((count, _CELLS, factors))
    p = preference[:, None]
    for number, cell in enumerate(
        (p * sign == 1, p * sign == -1, (p != 0) & (sign == 0), (p == 0) & (sign != 0), (p == 0) & (sign == 0))
    ):
        held = cell & ~np.isnan(p) & ~np.isnan(sign)
        sums[:, number] = by_prompt(held * (1.0 if weight is None else weight[:, None]), place, count)
    return sums


def of_cells(cells: Floats, variant: Variant) -> Floats:
    """The influence from cells of shape (..., 5, n_factors), of shape (..., n_factors); NaN where nothing counts."""
    return of_sums(*line_sums(cells, variant))


def line_sums(cells: Floats, variant: Variant) -> tuple[Floats, Floats, Floats]:
    """What stands above the line, and the two sums below it, each of shape (..., n_factors)."""
    above, one, other = (np.tensordot(cells, weights, axes=(-2, 0)) for weights in form_of(variant))
    return above, one, other


def of_sums(above: Floats, one: Floats, other: Floats) -> Floats:
    """A sum over the geometric mean of two others; NaN where one of these is 0."""
    below = np.sqrt(one * other)
    found: Floats = np.where(below > 0, above / np.where(below > 0, below, 1.0), np.nan)
    return found


def flat(sums: Floats, variant: Variant) -> Floats:
    """The columns that a resample needs, of shape (n_prompts, 3 * n_factors): `influences` reads their sums."""
    return np.concatenate(line_sums(sums, variant), axis=1)


def influences(columns: Floats) -> Floats:
    """The influences from sums of the columns of `flat`, of shape (..., n_factors)."""
    return of_sums(*np.split(columns, 3, axis=-1))


def form_of(variant: Variant) -> Form:
    """The weights of the cells in a variant.

    Raises:
        ValueError: if there is no such variant.
    """
    if variant not in _FORMS:
        raise ValueError(f"`variant` is {variant!r}; needed is one of {', '.join(VARIANTS)}.")
    return _FORMS[variant]

"""What is a pick, and what might those that are missing have been? Shared by the metrics of an audit.

Picks are in the responses' coordinates, never in places: 1 where response A of the item is preferred, 0 where B, 0.5
for a tie, a share where the judge gave one, NaN where there is no verdict.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .agreement import Bounds
from .estimate import Estimate
from .intervals import bounded_mean

Floats = NDArray[np.float64]


class Measured(NamedTuple):
    """An estimate over what is there, and the ends over all that the missing verdicts might have been.

    Attributes:
        estimate: the item is the unit of sampling.
        bounds: `worst` is the lower end, `best` the upper. Of several samples they may be a little too wide.
    """

    estimate: Estimate
    bounds: Bounds


class Cells(NamedTuple):
    """Values of shape (n_items, ...), NaN where unknown, and what they are at least and at most."""

    value: Floats
    low: Floats
    high: Floats


def verdicts(values: ArrayLike, name: str) -> Floats:
    """Picks of any shape, checked to lie within 0..1."""
    given = np.asarray(values, dtype=float)
    if np.any((given < 0) | (given > 1)):
        raise ValueError(f"`{name}` holds numbers outside 0..1; where there is no verdict, it is NaN.")
    return given


def samples(picks: ArrayLike, name: str) -> Floats:
    """Picks as (n_items, n_presentations, n_samples), checked."""
    given = verdicts(picks, name)
    if given.ndim == 2:
        given = given[..., None]
    if given.ndim != 3:
        raise ValueError(f"`{name}` has shape {given.shape}; needed is (n_items, n_presentations[, n_samples]).")
    return given


def codes(picks: ArrayLike, name: str) -> Floats:
    """Picks as `samples` has them, checked to be no shares."""
    given = samples(picks, name)
    if not np.all((given == 0) | (given == 0.5) | (given == 1) | np.isnan(given)):
        raise ValueError(f"`{name}` holds numbers other than 0, 0.5 and 1; where there is no verdict, it is NaN.")
    return given


def betters(gold: ArrayLike, n: int) -> Floats:
    """Gold as (n_items,), NaN where no response is the better one, checked."""
    better = np.asarray(gold, dtype=float)
    if better.shape != (n,) or not np.all(np.isin(better, (0.0, 0.5, 1.0)) | np.isnan(better)):
        raise ValueError(f"`gold` has shape {better.shape}; needed is ({n},), holding 1, 0, 0.5 and NaN.")
    return np.where(better == 0.5, np.nan, better)


def rights(picks: Floats, gold: Floats) -> Floats:
    """Of each pick, shape (n_items, ...), how right it is; NaN where there is none, or no gold."""
    better = gold.reshape(-1, *[1] * (picks.ndim - 1))
    return np.where(better == 1, picks, np.where(better == 0, 1 - picks, np.nan))


def cell_means(values: Floats) -> Floats:
    """Mean over the last axis of what is there; NaN where nothing is."""
    known = ~np.isnan(values)
    return share_of(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1).astype(float))


def counted(picks: Floats) -> Floats:
    """How many samples of each cell are for A, a tie, for B: shape (n_items, n_presentations, 3)."""
    counts: Floats = np.stack([(picks == code).sum(axis=2) for code in (1.0, 0.5, 0.0)], axis=-1).astype(float)
    return counts


def share_of(part: Floats, whole: Floats) -> Floats:
    """Part by whole; NaN where there is no whole."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share: Floats = part / whole
    return share


def calls(marks: Floats) -> Cells:
    """Each verdict by itself, flat: shape (n_items, n_cells)."""
    flat = marks.reshape(len(marks), marks.shape[1] * marks.shape[2])
    lost = np.isnan(flat)
    return Cells(flat, np.where(lost, 0.0, flat), np.where(lost, 1.0, flat))


def measured(
    cells: Cells, level: float, *, least: float = 0.0, most: float = 1.0, outside: int = 0, none: str = ""
) -> Measured:
    """The mean over cells with its bounds; `outside` are further items that were left out, `none` why it is unknown."""
    if none or cells.value.size == 0:
        reason = none or "no item was given"
        unknown = Estimate.unknown(reason, left_out=len(cells.value) + outside, level=level)
        return Measured(unknown, Bounds(None, None))
    value = cells.value.reshape(len(cells.value), -1)
    value = np.concatenate([value, np.full((outside, value.shape[1]), np.nan)])
    found = bounded_mean(np.clip(value, least, most), low=least, high=most, level=level)
    return Measured(found, Bounds(float(cells.low.mean()), float(cells.high.mean())))

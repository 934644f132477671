"""Which values belong to one unit of sampling, and how sure is a number made of several means over the same units?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .estimate import Estimate
from .intervals import Basis, bounded_mean, student_p_value

Floats = NDArray[np.float64]
Clusters = Mapping[str, str]
"""The cluster of an item, by the item's id; an item that is not there is a cluster of its own."""

FEW = 12
"""With fewer units than this that differ from the rest, the sample variance of a mean says too little."""


def units_of(items: Sequence[str], clusters: Clusters | None) -> tuple[str, ...]:
    """The unit of sampling of each item: its cluster, or the item itself.

    >>> units_of(["a", "b"], {"a": "text 1"})
    ('cluster text 1', 'item b')
    """
    known = clusters or {}
    return tuple(f"cluster {known[item]}" if item in known else f"item {item}" for item in items)


def by_unit(units: Sequence[str], values: Floats) -> Floats:
    """The values of each unit in a row, filled up with NaN: shape (n_units, most that a unit has).

    >>> by_unit(["a", "b", "a"], np.array([1.0, 2.0, 3.0])).tolist()
    [[1.0, 3.0], [2.0, nan]]
    """
    names, place = np.unique(np.asarray(units, dtype=str), return_inverse=True)
    if len(names) == len(place):
        return values[np.argsort(place)][:, None]
    order = np.argsort(place, kind="stable")
    counts = np.bincount(place, minlength=len(names))
    column = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = np.full((len(names), int(counts.max(initial=1))), np.nan)
    rows[place[order], column] = values[order]
    return rows


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Values of some items, each with its unit of sampling.

    Attributes:
        units: the unit of each value.
        values: none is NaN.
        left_out: how many units were given and have no value.
    """

    units: tuple[str, ...]
    values: Floats
    left_out: int

    @classmethod
    def of(cls, units: Sequence[str], values: Floats) -> Sample:
        """Those values that are not NaN."""
        known = ~np.isnan(values)
        kept = tuple(unit for unit, there in zip(units, known.tolist(), strict=True) if there)
        return cls(kept, values[known], len(set(units)) - len(set(kept)))

    @classmethod
    def joined(cls, samples: Sequence[Sample]) -> Sample:
        """Several samples as one; a unit may be in more than one of them."""
        units = tuple(unit for sample in samples for unit in sample.units)
        values = np.concatenate([np.zeros(0), *(sample.values for sample in samples)])
        return cls(units, values, sum(sample.left_out for sample in samples))

    def mean(self) -> float:
        """The mean over values; NaN without any."""
        return float(self.values.mean()) if len(self.values) else float("nan")

    def rate(self, level: float) -> Estimate:
        """The mean of values within 0..1, with a score interval over units."""
        return replace(bounded_mean(by_unit(self.units, self.values), level=level), left_out=self.left_out)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What a mean over items adds to a number: `weight` times the mean.

    Attributes:
        units: the unit of sampling of each value.
        values: what is averaged; none is NaN.
        weight: the derivative of the number with respect to the mean.
        least: the least that a value can be.
        most: the most that it can be.
    """

    units: tuple[str, ...]
    values: Floats
    weight: float
    least: float = 0.0
    most: float = 1.0


class Tested(NamedTuple):
    """An estimate, and the two-sided p value of its being 0; None where that is unknown."""

    estimate: Estimate
    p_value: float | None


def combined(
    value: float, parts: Sequence[Part], *, level: float, method: str, left_out: int = 0, reach: float = 1.0
) -> Tested:
    """A smooth function of means over units that the means share, with its interval and p value of being 0.

    What a unit gives to all means is added up before it is squared, so that what they share counts once (the delta
    method over units). Where fewer than twelve units differ from the rest, a mean's sample variance says too little; it
    then counts for no less than the half-width of its score interval.

    Args:
        value: the number.
        parts: the means it is made of, each of one value or more.
        level: of the interval, 0..1.
        method: of the estimate, in words.
        left_out: units that could not be used.
        reach: the number lies within -reach..reach.

    Returns:
        The estimate, and its p value by Student's t with the units of the smallest part less one. Under two units in a
        part, and where no unit differs from another in any, error, interval and p value are unknown.
    """
    names, place = np.unique(
        np.asarray([unit for part in parts for unit in part.units], dtype=str), return_inverse=True
    )
    ends = np.cumsum([len(part.units) for part in parts])[:-1]
    shared, spare, fewest = np.zeros(len(names)), 0.0, len(names)
    for part, there in zip(parts, np.split(place, ends), strict=True):
        lean = np.bincount(there, part.values - part.values.mean(), len(names)) / len(there)
        shared += part.weight * lean
        fewest = min(fewest, len(np.unique(there)))
        spare += part.weight**2 * _spare(part, float(lean @ lean), level)
    basis = Basis(fewest, left_out, level, method)
    if fewest < 2:
        return Tested(basis.bare(value, "one unit tells nothing of how units differ"), None)
    error = sqrt(float(shared @ shared) * fewest / (fewest - 1) + spare)
    why = "all items are alike: error and interval unknown"
    found = basis.student(value, None if error <= 1e-13 else error, why, low=-reach, high=reach)
    return Tested(found, student_p_value(found))


def _spare(part: Part, variance: float, level: float) -> float:
    """By how much the variance that a score interval stands for is larger than the sample's own, where few differ."""
    rows = by_unit(part.units, part.values)
    sums = np.where(np.isnan(rows), 0.0, rows).sum(axis=1)
    _, alike = np.unique(sums, return_counts=True)
    if len(rows) < 2 or len(rows) - int(alike.max()) >= FEW:
        return 0.0
    found = bounded_mean(rows, low=part.least, high=part.most, level=level)
    assert found.low is not None and found.high is not None
    z = NormalDist().inv_cdf((1 + level) / 2)
    return max(0.0, ((found.high - found.low) / 2 / z) ** 2 - variance)

"""What does each attribute of a response do to the chance that a judge prefers it?

In a conjoint design the attributes of both responses are drawn at random (`conjoint_design`). What goes with an
attribute otherwise, such as the quality of long answers, does not go with it there; so the difference it makes is its
effect, on average over all other attributes: the average marginal component effect (AMCE). On responses whose
attributes were not drawn the same arithmetic gives an association; call it that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .estimate import Estimate
from .intervals import Basis, one_or_alike, student_p_value
from .logit import Floats, Places
from .multiplicity import holm, q_values
from .prompt_sums import by_prompt

AMCE = "AMCE by least squares on levels, cluster-robust (CR1 without its factor of parameters), Student's t"
MEAN = "marginal mean, cluster-robust, Student's t"
_NULL = 1e-10


@dataclass(frozen=True, slots=True)
class Level:
    """One level of an attribute.

    Attributes:
        attribute: its name.
        level: its name.
        baseline: the level that it is held against; the level itself where it is the baseline.
        effect: the AMCE: by how much the chance of being preferred changes where the attribute has this level and not
            the baseline, -1..1; None for the baseline.
        p_value: two-sided, of no effect; None where it is unknown or the level is the baseline.
        q_value: over all levels but the baselines, Benjamini and Hochberg.
        p_holm: the same, Holm.
        mean: the marginal mean: how often a response with this level is preferred, 0..1. It needs no baseline.
        profiles: how many responses have the level.
    """

    attribute: str
    level: str
    baseline: str
    effect: Estimate | None
    p_value: float | None
    q_value: float | None
    p_holm: float | None
    mean: Estimate
    profiles: int


@dataclass(frozen=True, slots=True)
class Conjoint:
    """The effects of all levels.

    Attributes:
        levels: one a level, attribute by attribute, in the order given.
        profiles: how many responses count.
        left_out: how many have no choice.
        clusters: how many prompts (or respondents) have a response that counts.
    """

    levels: tuple[Level, ...]
    profiles: int
    left_out: int
    clusters: int

    def best(self) -> dict[str, str]:
        """Of each attribute the level that is preferred most, the attributes taken one by one."""
        told: dict[str, tuple[float, str]] = {}
        for row in self.levels:
            value = 0.0 if row.effect is None else row.effect.estimate
            if value is not None and (row.attribute not in told or value > told[row.attribute][0]):
                told[row.attribute] = (value, row.level)
        return {attribute: level for attribute, (_, level) in told.items()}


def amce(
    chosen: ArrayLike,
    profiles: Mapping[str, Sequence[str]],
    *,
    levels: Mapping[str, Sequence[str]],
    clusters: ArrayLike,
    linked: Sequence[tuple[str, str]] = (),
    level: float = 0.95,
) -> Conjoint:
    """Estimate the effect of every level of every attribute on the chance of being preferred.

    Args:
        chosen: shape (n_profiles,), both responses of a pair being a row each: 1 where the response is preferred, 0
            where the other is, 0.5 for a tie, between them a share, NaN where there is no verdict.
        profiles: of each attribute its level in each row. The place in front is an attribute like any other.
        levels: of each attribute its levels, the baseline first. A row with another level is refused.
        clusters: shape (n_profiles,): labels, such as the prompt; the rows of a cluster depend on each other.
        linked: pairs of attributes some of whose combinations were forbidden in the draw. Of these the effect is the
            mean, over the levels of the other that go with both, of the difference in the cell; attributes that are not
            linked are drawn independently and need no such care. An attribute may be in one pair.
        level: of the intervals, 0..1.

    Returns:
        See `Conjoint`. The cluster is the unit of sampling: an estimate's `n` is the clusters that count, `left_out`
        those without a choice; errors are the sandwich with G / (G - 1), tests and intervals Student's t with G - 1
        degrees of freedom, cut where a chance ends. A level that no row has, or that cannot be told from others, is
        unknown with a reason; so are all errors under two clusters.

    Raises:
        ValueError: if a shape, a level or a value is not as above.

    Sources: Hainmueller, Hopkins and Yamamoto 2014, doi:10.1093/pan/mpt024 (AMCE, and its linked attributes); marginal
        means: Leeper, Hobolt and Tilley 2020, doi:10.1017/pan.2019.30.

    >>> found = amce([1, 0, 0, 1, 1, 0], {"length": ["long", "short", "short", "long", "short", "long"]},
    ...              levels={"length": ["short", "long"]}, clusters=[1, 1, 2, 2, 3, 3])
    >>> str(found.levels[1].effect), found.levels[1].mean.estimate
    ('0.333 [-1.000, 1.000]  n=3, 0 left out', 0.6666666666666666)
    """
    table = _Table.read(chosen, profiles, levels, clusters, linked, level)
    rows: list[Level] = []
    for attribute, names in levels.items():
        for name in names:
            effect = None if name == names[0] else table.effect(attribute, name)
            p = None if effect is None else student_p_value(effect)
            has = table.has(attribute, name)
            rows.append(Level(attribute, name, names[0], effect, p, None, None, table.mean(has), int(has.sum())))
    tested = [place for place, row in enumerate(rows) if row.effect is not None]
    p_values = [rows[place].p_value for place in tested]
    for place, q, p in zip(tested, q_values(p_values), holm(p_values), strict=True):
        rows[place] = replace(rows[place], q_value=q, p_holm=p)
    return Conjoint(tuple(rows), len(table.y), table.left_out, table.count)


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """The rows that count, the least-squares fit, and what it is told by."""

    y: Floats
    places: dict[str, Places]
    levels: dict[str, tuple[str, ...]]
    groups: Places
    count: int
    clusters_left_out: int
    left_out: int
    level: float
    columns: dict[tuple[tuple[str, str], ...], int]
    partner: dict[str, str]
    found: Floats
    spread: Floats
    null: Floats

    @classmethod
    def read(
        cls,
        chosen: ArrayLike,
        profiles: Mapping[str, Sequence[str]],
        levels: Mapping[str, Sequence[str]],
        clusters: ArrayLike,
        linked: Sequence[tuple[str, str]],
        level: float,
    ) -> _Table:
        """Check what `amce` was given, and fit the rows that have a choice."""
        y, labels = np.asarray(chosen, dtype=float), np.asarray(clusters)
        _check(y, labels, profiles, levels, linked, level)
        known = ~np.isnan(y)
        names = {attribute: tuple(told) for attribute, told in levels.items()}
        places = {attribute: _codes(attribute, profiles[attribute], told)[known] for attribute, told in names.items()}
        own, groups = np.unique(labels[known], return_inverse=True)
        partner = {one: other for pair in linked for one, other in (pair, pair[::-1])}
        columns, design = _design(places, names, [tuple(pair) for pair in linked], int(known.sum()))
        found, spread, null = _least_squares(design, y[known], groups.reshape(-1), len(own))
        return cls(
            y[known],
            places,
            names,
            groups.reshape(-1),
            len(own),
            len(np.unique(labels)) - len(own),
            int((~known).sum()),
            level,
            columns,
            partner,
            found,
            spread,
            null,
        )

    def has(self, attribute: str, name: str) -> NDArray[np.bool_]:
        """Which rows have a level."""
        there: NDArray[np.bool_] = self.places[attribute] == self.levels[attribute].index(name)
        return there

    def mean(self, has: NDArray[np.bool_]) -> Estimate:
        """How often the rows that have a level are preferred, with an error over clusters."""
        if not has.any():
            return self._unknown("no response has it", MEAN)
        mean = float(self.y[has].mean())
        lean = np.bincount(self.groups, np.where(has, self.y - mean, 0.0), self.count)
        error = sqrt(float(lean @ lean) * self.count / max(1, self.count - 1)) / int(has.sum())
        return self._estimate(mean, error, MEAN)

    def effect(self, attribute: str, name: str) -> Estimate:
        """A level against the baseline, as a contrast of the fit's columns."""
        names = self.levels[attribute]
        for one in (names[0], name):
            if not self.has(attribute, one).any():
                return self._unknown(f"no response has {one!r}", AMCE)
        contrast = np.zeros(len(self.found))
        if attribute in self.partner:
            other = self.partner[attribute]
            both = [
                place
                for place in self.levels[other]
                if all((self.has(attribute, one) & self.has(other, place)).any() for one in (names[0], name))
            ]
            if not both:
                return self._unknown(f"no level of {other!r} goes with both", AMCE)
            for place in both:
                for one, sign in ((name, 1.0), (names[0], -1.0)):
                    column = self.columns.get(tuple(sorted([(attribute, one), (other, place)])))
                    if column is not None:
                        contrast[column] += sign / len(both)
        else:
            contrast[self.columns[((attribute, name),)]] = 1.0
        if self.null.size and np.any(np.abs(contrast @ self.null) > 1e-6):
            return self._unknown("it cannot be told apart from other levels: they always come together", AMCE)
        error = sqrt(max(0.0, float(contrast @ self.spread @ contrast)))
        return self._estimate(float(contrast @ self.found), error, AMCE)

    def _unknown(self, why: str, method: str) -> Estimate:
        return Basis(self.count, self.clusters_left_out, self.level, method).unknown(why)

    def _estimate(self, value: float, error: float, method: str) -> Estimate:
        return Basis(self.count, self.clusters_left_out, self.level, method).student(
            value,
            error if self.count > 1 and error > 1e-12 else None,
            f"{one_or_alike(self.count, 'cluster')}: error and interval unknown",
            low=0.0 if method == MEAN else -1.0,
            high=1.0,
        )


def _check(
    y: Floats,
    labels: NDArray[np.generic],
    profiles: Mapping[str, Sequence[str]],
    levels: Mapping[str, Sequence[str]],
    linked: Sequence[tuple[str, str]],
    level: float,
) -> None:
    if y.ndim != 1 or labels.shape != y.shape or any(len(column) != len(y) for column in profiles.values()):
        raise ValueError(f"`chosen` has shape {y.shape}; needed is (n_profiles,), and as many clusters and levels.")
    if not np.all(np.isnan(y) | ((y >= 0) & (y <= 1))) or not 0 < level < 1:
        raise ValueError(f"`chosen` holds numbers outside 0..1, or `level` is {level}; where there is none, it is NaN.")
    if set(profiles) != set(levels):
        raise ValueError(f"`profiles` has {sorted(profiles)} and `levels` {sorted(levels)}; needed are the same.")
    short = [attribute for attribute, told in levels.items() if len(set(told)) < 2 or len(set(told)) < len(told)]
    if short:
        raise ValueError(f"`levels` of {', '.join(short)}: needed are two or more, each once.")
    used = [attribute for pair in linked for attribute in pair]
    if len(set(used)) < len(used) or not set(used) <= set(levels):
        raise ValueError(f"`linked` is {list(linked)}; needed are pairs of attributes, each in one pair.")


def _codes(attribute: str, column: Sequence[str], names: tuple[str, ...]) -> Places:
    """The place of each row's level."""
    told, back = np.unique(np.asarray(column, dtype=str), return_inverse=True)
    unknown = sorted(set(told.tolist()) - set(names))
    if unknown:
        raise ValueError(f"{attribute!r} has the level {unknown[0]!r}; its levels are {list(names)}.")
    return np.array([names.index(name) for name in told.tolist()], dtype=np.intp)[back.reshape(-1)]


def _design(
    places: dict[str, Places], names: dict[str, tuple[str, ...]], linked: list[tuple[str, ...]], n: int
) -> tuple[dict[tuple[tuple[str, str], ...], int], Floats]:
    """A column for the mean, one a level but the baselines, and one a cell but the first of linked attributes."""
    columns: dict[tuple[tuple[str, str], ...], int] = {}
    made = [np.ones(n)]
    inside = {attribute for pair in linked for attribute in pair}
    for attribute, told in names.items():
        for place, name in enumerate(told):
            if place and attribute not in inside:
                columns[((attribute, name),)] = len(made)
                made.append((places[attribute] == place).astype(float))
    for one, other in linked:
        cells = [(i, j) for i in range(len(names[one])) for j in range(len(names[other]))]
        there = [(i, j) for i, j in cells if np.any((places[one] == i) & (places[other] == j))]
        for i, j in there[1:]:
            columns[tuple(sorted([(one, names[one][i]), (other, names[other][j])]))] = len(made)
            made.append(((places[one] == i) & (places[other] == j)).astype(float))
    return columns, np.stack(made, axis=1)


def _least_squares(design: Floats, y: Floats, groups: Places, count: int) -> tuple[Floats, Floats, Floats]:
    """Coefficients, their cluster-robust covariance, and the directions that the design cannot tell."""
    values, vectors = np.linalg.eigh(design.T @ design)
    none = values <= _NULL * max(float(values[-1]), 1e-300)
    kept = vectors[:, ~none]
    inverse = (kept / values[~none]) @ kept.T
    found = inverse @ (design.T @ y)
    sums = by_prompt(design * (y - design @ found)[:, None], groups, count) @ inverse
    return found, sums.T @ sums * (count / max(1, count - 1)), vectors[:, none]

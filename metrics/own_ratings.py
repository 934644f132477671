"""Does a judge rate its own responses higher than their quality and its habits explain? The Play Favorites regression.

A judge may be harsh, or lenient, or follow people's ratings steeply or hardly at all. A plain difference between its
ratings of its own responses and people's takes all that for self-preference. The regression gives each judge an
intercept and a slope of its own and asks what is left on its own responses, and on those of its family.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .estimate import Estimate
from .intervals import Basis
from .prompt_sums import by_prompt

Floats = NDArray[np.float64]
Names = NDArray[np.str_]

HC1 = "least squares, HC1 errors"
CR1 = "least squares, errors clustered by item (CR1)"
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class OwnRatings:
    """Coefficients of the regression, on the scale rating / maximum.

    Attributes:
        self_bias: by judge: how much higher it rates its own responses than its intercept and slope say. Above 0: it
            favours its own.
        family_bias: by family: the same of the responses of a judge's relatives, its own apart.
        intercept: by judge: its leniency, or, under 0, harshness, where the reference is 0.
        slope: by judge: how its rating follows the reference; 1 is one for one.
        dimension: by dimension, against the first in order of the alphabet.
        residual_df: rows less coefficients.
    """

    self_bias: Mapping[str, Estimate]
    family_bias: Mapping[str, Estimate]
    intercept: Mapping[str, Estimate]
    slope: Mapping[str, Estimate]
    dimension: Mapping[str, Estimate]
    residual_df: int

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them."""
        return asdict(self)


class _Design(NamedTuple):
    """What the rating is explained by: names of the columns as (kind, name), and the columns."""

    names: list[tuple[str, str]]
    columns: Floats


def own_ratings(
    rating: ArrayLike,
    reference: ArrayLike,
    judge: Sequence[str],
    model: Sequence[str],
    *,
    maximum: ArrayLike,
    families: Mapping[str, str] | None = None,
    dimension: Sequence[str] | None = None,
    counts: ArrayLike | None = None,
    clusters: Sequence[str] | None = None,
    level: float = 0.95,
) -> OwnRatings:
    """Fit rating ~ judge + reference:judge + 1[own]:judge + 1[family, not own]:family + dimension, without intercept.

    Args:
        rating: shape (n,): the judge's rating, NaN where there is none.
        reference: shape (n,): the trusted (human) rating of the same response on the same scale, NaN where none.
        judge: n names of who rated.
        model: n names of who wrote the response.
        maximum: of the scale: a number, or shape (n,), one for each row. Both ratings are divided by it.
        families: the family of each judge and model; one that is not there has no family. None: no family terms.
        dimension: n names of what was rated; None: one and the same.
        counts: shape (n,): how many alike rows a row stands for; None: one each.
        clusters: n labels of the item: errors clustered by item, as judges rate the same ones. None: HC1, as published,
            which takes all rows for independent.
        level: of the intervals, 0..1.

    Returns:
        See `OwnRatings`; every estimate has the n rows and the number left out (no rating or no reference). A
        coefficient that the rows do not determine (a judge that never rated its own) is unknown.

    Raises:
        ValueError: if lengths differ, a maximum is not above 0, a count is negative, or no row is left.

    Sources: Spiliopoulou et al. 2025, arXiv:2508.06709, and their released code; HC1: MacKinnon and White 1985,
        doi:10.1016/0304-4076(85)90158-7; CR1: Liang and Zeger 1986, doi:10.1093/biomet/73.1.13.

    >>> found = own_ratings([3, 4, 5, 2, 4, 3, 5, 4], [3, 4, 4, 2, 4, 3, 4, 4], ["m"] * 8, ["m", "k"] * 4, maximum=5)
    >>> round(found.self_bias["m"].estimate, 3)
    0.086
    """
    y, x = (np.asarray(values, dtype=float) for values in (rating, reference))
    n = len(y)
    weights = np.ones(n) if counts is None else np.asarray(counts, dtype=float)
    top = np.broadcast_to(np.asarray(maximum, dtype=float), (n,)) if np.ndim(maximum) == 0 else np.asarray(maximum)
    columns = {"reference": x, "judge": judge, "model": model, "maximum": top, "counts": weights}
    columns |= {name: given for name, given in (("dimension", dimension), ("clusters", clusters)) if given is not None}
    for name, column in columns.items():
        if len(column) != n:
            raise ValueError(f"`{name}` holds {len(column)} values for {n} ratings; needed is one each.")
    if not np.all(top > 0) or not np.all(weights >= 0):
        raise ValueError("`maximum` must be above 0, and `counts` 0 or more.")
    kept = ~np.isnan(y) & ~np.isnan(x) & (weights > 0)
    if not kept.any():
        raise ValueError("No row holds both a rating and a reference.")
    left_out = int(round(float(weights[~kept].sum())))
    who, whose = (np.asarray(names, dtype=str)[kept] for names in (judge, model))
    what = np.full(len(who), "") if dimension is None else np.asarray(dimension, dtype=str)[kept]
    design = _design(who, whose, x[kept] / top[kept], what, families)
    items = None if clusters is None else np.asarray(clusters, dtype=str)[kept]
    found, rest = _least_squares(design.columns, y[kept] / top[kept], weights[kept], items, level, left_out)
    named = dict(zip(design.names, found, strict=True))
    kinds = ("self", "family", "judge", "slope", "dimension")
    parts = [{name: one for (kind, name), one in named.items() if kind == wanted} for wanted in kinds]
    parts[0] = {name: parts[0].get(name, _never(left_out, level, items)) for name in parts[2]}
    return OwnRatings(parts[0], parts[1], parts[2], parts[3], parts[4], rest)


def _design(who: Names, whose: Names, x: Floats, what: Names, families: Mapping[str, str] | None) -> _Design:
    names: list[tuple[str, str]] = []
    columns: list[Floats] = []

    def add(kind: str, name: str, column: NDArray[Any]) -> None:
        """Put a column beside the others, unless no row has it."""
        if np.any(column != 0):
            names.append((kind, name))
            columns.append(column.astype(float))

    for name in np.unique(who).tolist():
        add("judge", name, who == name)
    for name in np.unique(who).tolist():
        names.append(("slope", name))
        columns.append(np.where(who == name, x, 0.0))
    for name in np.unique(who).tolist():
        add("self", name, (who == name) & (whose == name))
    known = families or {}
    one, other = (np.array([known.get(name, "") for name in group.tolist()], dtype=str) for group in (who, whose))
    for name in sorted(set(one.tolist()) - {""}):
        add("family", name, (one == name) & (other == name) & (who != whose))
    for name in np.unique(what).tolist()[1:]:
        add("dimension", name, what == name)
    return _Design(names, np.stack(columns, axis=1))


def _least_squares(
    x: Floats, y: Floats, counts: Floats, items: Names | None, level: float, left_out: int
) -> tuple[list[Estimate], int]:
    """Coefficients with sandwich errors; unknown where the rows do not determine one."""
    n = int(round(float(counts.sum())))
    root = np.sqrt(counts)[:, None]
    _, sizes, turned = np.linalg.svd(x * root, full_matrices=False)
    kept = sizes > _TINY * sizes[0]
    rank = int(kept.sum())
    loose = np.abs(turned[~kept]).max(axis=0, initial=0.0) > 1e-6
    bread = (turned[kept].T / sizes[kept] ** 2) @ turned[kept]
    beta = bread @ (x.T @ (counts * y))
    scores = x * (y - x @ beta)[:, None]
    method, df, units = HC1, n - rank, n
    if items is None:
        meat, scale = (scores * counts[:, None]).T @ scores, n / df if df > 0 else np.nan
    else:
        _, place = np.unique(items, return_inverse=True)
        units = int(place.max()) + 1
        sums = by_prompt(scores * counts[:, None], place, units)
        meat, method = sums.T @ sums, CR1
        scale = units / (units - 1) * (n - 1) / df if df > 0 and units > 1 else np.nan
        df = units - 1 if df > 0 else df
    variances = np.einsum("ij,jk,ki->i", bread, meat, bread) * scale
    why = "the rows are fitted without rest" if df > 0 else "there are no more rows, or items, than coefficients"
    basis = Basis(units, left_out, level, method)
    errors = [None if df < 1 or variance <= 1e-26 else sqrt(variance) for variance in variances.tolist()]
    return [
        basis.unknown("the rows do not determine it")
        if free
        else basis.student(value, error, f"{why}: error and interval unknown", df=df)
        for value, error, free in zip(beta.tolist(), errors, loose, strict=True)
    ], n - rank


def _never(left_out: int, level: float, items: Names | None) -> Estimate:
    why = "the judge rated none of its own responses"
    return Estimate.unknown(why, left_out=left_out, level=level, method=HC1 if items is None else CR1)

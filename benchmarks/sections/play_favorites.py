"""Ratings of one's own: the coefficients of the Play Favorites regression, read off its authors' vector figure.

They fit each dimension by itself, divide ratings by the scale's maximum and give intervals of 90 % (HC1).
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from plurijudge.benchmarks.section import Section, document, table
from plurijudge.metrics.estimate import Estimate
from plurijudge.metrics.own_ratings import OwnRatings, own_ratings

LEVEL = 0.9
FAMILIES = ("Claude", "GPT", "Llama 3", "Mistral")
SELF, FAMILY, HALF = "self-bias", "family-bias", "90% half-width (HC1)"


def run(data: Path) -> Section:
    """Fit every dimension and compare each published number within its own tolerance."""
    targets: dict[str, dict[str, float]] = document(data / "dbg" / "targets.json")["play_favorites"]
    by_dimension: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in table(data / "dbg" / "playfav_counts.csv.gz"):
        by_dimension[row["dimension"]].append(row)
    section, fitted = Section(), {name: _fitted(rows) for name, rows in by_dimension.items()}
    for key, target in targets.items():
        dimension, name, what = key.split("|")
        found = fitted.get(dimension)
        got = None if found is None else _number(found, name, what)
        near = got is not None and abs(got - target["published"]) <= target["tolerance"]
        section.check(near, f"{key}: {got}, published {target['published']}")
    for dimension, found in fitted.items():
        section.figures[dimension] = {
            f"{name}, {what}": _number(found, name, what)
            for what, group in ((SELF, found.self_bias), (FAMILY, found.family_bias))
            for name in group
        }
    return section


def _fitted(rows: list[dict[str, str]]) -> OwnRatings:
    def column(name: str) -> list[float]:
        return [float(row[name]) for row in rows]

    names = {row[who] for row in rows for who in ("judge", "model")}
    families = {name: family for name in names for family in FAMILIES if name.startswith(family)}
    return own_ratings(
        column("rating"),
        column("gt"),
        [row["judge"] for row in rows],
        [row["model"] for row in rows],
        maximum=max(column("rating") + column("gt")),
        families=families,
        counts=column("n"),
        level=LEVEL,
    )


def _number(found: OwnRatings, name: str, what: str) -> float | None:
    groups: dict[str, Any] = {SELF: found.self_bias, HALF: found.self_bias, FAMILY: found.family_bias}
    one: Estimate | None = groups.get(what, {}).get(name)
    if one is None or what != HALF:
        return None if one is None else one.estimate
    return None if one.low is None or one.high is None else (one.high - one.low) / 2

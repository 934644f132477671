"""Do five English-speaking countries call the same posts hate speech?

CREHate's country labels; beside each number what it would be if countries meant nothing. Two things may mean nothing:
whose label is whose (the five labels of a post dealt out anew among the countries: for differences and rates), or the
post itself (each country's labels dealt out anew among the posts: for how often all agree, which the first leaves).
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from plurijudge.benchmarks.section import Section, document, table

COLUMNS = {
    "US": "United_States_Hate",
    "AU": "Australia_Hate",
    "GB": "United_Kingdom_Hate",
    "ZA": "South_Africa_Hate",
    "SG": "Singapore_Hate",
}
DEALS = 2000
Labels = NDArray[np.bool_]


def run(data: Path) -> Section:
    """Recompute agreement, the differences of pairs and the rates, with their permutation nulls."""
    section = Section()
    targets = document(data / "multiplex" / "targets.json")["crehate"]
    posts = table(data / "multiplex" / "crehate" / "CREHate_final_annotations.csv")
    labels = np.array([[float(post[column]) == 1 for column in COLUMNS.values()] for post in posts])
    places = {country: place for place, country in enumerate(COLUMNS)}
    rng = np.random.default_rng(0)
    among_countries = [rng.permuted(labels, axis=1) for _ in range(DEALS)]

    share, agreeing = _agreeing(labels), targets["all_five_agree"]
    count = round(share * len(labels))
    section.check((count, len(labels)) == (agreeing["count"], agreeing["of"]), f"all agree: {count} of {len(labels)}")
    section.check(abs(share - agreeing["share"]) <= targets["tolerance"], f"share in which all agree: {share:.4f}")
    among_posts = np.array([_agreeing(rng.permuted(labels, axis=0)) for _ in range(DEALS)])
    section.figures["all five agree"] = _against(share, among_posts, len(labels))

    for pair, recorded in targets["pairwise_difference"].items():
        one, other = (places[country] for country in pair.split("-"))
        found = _differing(labels, one, other)
        held = abs(found - recorded) <= targets["tolerance"]
        section.check(held, f"{pair}: recorded {recorded}, found {found:.4f}")
        null = np.array([_differing(dealt, one, other) for dealt in among_countries])
        section.figures[f"{pair} differ"] = _against(found, null, len(labels))
    for country, recorded in targets["hate_rate"].items():
        rate = float(labels[:, places[country]].mean())
        held = abs(rate - recorded) <= targets["tolerance"]
        section.check(held, f"hate rate {country}: recorded {recorded}, found {rate:.4f}")
        null = np.array([dealt[:, places[country]].mean() for dealt in among_countries])
        section.figures[f"hate rate {country}"] = _against(rate, null, len(labels))
    widest = max(combinations(COLUMNS, 2), key=lambda pair: _differing(labels, *(places[one] for one in pair)))
    section.notes.append(
        f"{' and '.join(widest)} differ most. The null of `all five agree` deals out posts, all others countries."
    )
    return section


def _agreeing(labels: Labels) -> float:
    return float((labels == labels[:, :1]).all(axis=1).mean())


def _differing(labels: Labels, one: int, other: int) -> float:
    return float((labels[:, one] != labels[:, other]).mean())


def _against(found: float, null: NDArray[np.float64], n: int) -> dict[str, float | int | None]:
    """A number beside its null: mean, the middle 95 %, and how often chance is at least as far from that mean."""
    centre = float(null.mean())
    low, high = (round(float(end), 4) for end in np.quantile(null, (0.025, 0.975)))
    reached = int((np.abs(null - centre) >= abs(found - centre) - 1e-12).sum())
    told: dict[str, float | int | None] = {"n": n, "found": round(found, 4), "null_mean": round(centre, 4)}
    return told | {"null_low": low, "null_high": high, "p_value": round((1 + reached) / (1 + len(null)), 4)}

"""How much of how 4,309 people weigh six moral foundations goes with where they live?

D3CODE's raters on the MFQ-2, by region and by country; beside each share what dealing the places out at random gives.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from plurijudge.benchmarks.section import Section, document, rounded, table
from plurijudge.metrics.groups import Explained, eta_squared

LEVELS = {"eta_squared_8_regions": "Region", "eta_squared_21_countries": "Country"}


def run(data: Path) -> Section:
    """Recompute eta squared of each foundation, with its permutation null."""
    section = Section()
    targets = document(data / "multiplex" / "targets.json")["d3code"]
    raters = table(data / "multiplex" / "d3code" / "d3-raters.csv")
    for target, column in LEVELS.items():
        places = [rater[column] for rater in raters]
        for foundation, recorded in targets[target].items():
            values = [float(rater[foundation]) if rater[foundation] else np.nan for rater in raters]
            found = eta_squared(values, places)
            share = np.nan if found.share.estimate is None else found.share.estimate
            held = abs(share - recorded) <= targets["tolerance"]
            section.check(held, f"{target}, {foundation}: recorded {recorded}, found {share:.4f}")
            section.figures[f"{foundation} by {column.lower()}"] = _told(found)
    section.notes.append("null: the places' names dealt out at random over the raters.")
    return section


def _told(found: Explained) -> dict[str, float | int | None]:
    share, null = found
    parts = ("estimate", "standard_error", "low", "high")
    told = rounded({part: getattr(share, part) for part in parts}) | {"n": share.n, "left_out": share.left_out}
    if null is not None:
        told |= {"null_mean": round(null.mean, 4), "null_95": round(null.high, 4), "p_value": round(null.p_value, 4)}
    return told

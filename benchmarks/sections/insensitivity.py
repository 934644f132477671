"""Is a rank correlation of influences really blind to labels turned round at random, and are slope and distance not?

The recorded labels of PandaLM's first annotator are compared with themselves, some turned round, 200 times for each
share p. What is checked is what the arithmetic says: at p = .2 Spearman is still above .9, the slope falls to 1 - 2p
and the distance grows with p. The other recorded people stand in the figures.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from plurijudge.benchmarks.profile_data import pairs_of, reference_of, targets_of
from plurijudge.benchmarks.section import Missing, Section, document
from plurijudge.metrics.alignment import Corrupted, insensitivity, insensitivity_note

CORRUPTIONS = 200
FLIPS = (0.1, 0.2, 0.3, 0.4, 0.45)
CODES = {1: 1.0, 2: -1.0, 0: 0.0}


def run(data: Path) -> Section:
    """Corrupt the labels of the first annotator, and of the people of every set."""
    section = Section()
    labels = [CODES[row["annotator1"]] for row in document(data / "profile" / "pandalm" / "testset-v1.json")]
    rows = insensitivity(np.array(labels), pairs_of(data, "pandalm").signs, flips=FLIPS, corruptions=CORRUPTIONS)
    _check(section, rows)
    _tell(section, "pandalm annotator 1", rows)
    section.notes.append(insensitivity_note(rows))
    for name, target in targets_of(data).items():
        if "raters" in target:
            try:
                pairs = pairs_of(data, name)
            except Missing:
                continue
            people = pairs.raters[reference_of(target["raters"])]
            _tell(section, name, insensitivity(people, pairs.signs, flips=FLIPS, corruptions=CORRUPTIONS))
    return section


def _check(section: Section, rows: list[Corrupted]) -> None:
    for row in rows:
        where = f"flips {row.flips}"
        if row.flips <= 0.2:
            section.check(row.spearman > 0.9, f"{where}: Spearman above .9, found {row.spearman:.3f}")
        near = abs(row.slope - row.slope_expected) <= 0.03
        section.check(near, f"{where}: slope near {row.slope_expected:.2f}, found {row.slope:.3f}")
    grows = all(one.rmse < other.rmse for one, other in zip(rows, rows[1:], strict=False))
    section.check(grows, f"RMSE grows, found {[round(row.rmse, 3) for row in rows]}")


def _tell(section: Section, name: str, rows: list[Corrupted]) -> None:
    for row in rows:
        told = {key: round(value, 3) for key, value in row._asdict().items() if not key.startswith(("flips", "slope_"))}
        section.figures[f"{name}, {row.flips:.0%} turned round"] = told

"""Is a recorded judge right more often where its two presentations agree? On LLMBar's adversarial items, not always.

Targets count as the authors of LLMBar do: what could not be read is wrong, and two that could not be read agree. The
figures are the product's: an item without both verdicts is neither kept nor dropped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from plurijudge.benchmarks.section import Section, document, rounded
from plurijudge.benchmarks.sections.mitigations import Judged, authors_right, judged
from plurijudge.metrics.position_bias import ConsistencyFilter, consistency_filter

DIGITS = 1
AUTHORS_NOTHING = 0.0  # the code of what could not be read; an outcome like another, so that two of them agree


def run(data: Path) -> Section:
    """Recompute what the filter keeps of every judge, and how right it is there."""
    section = Section()
    targets: dict[str, Any] = document(data / "judges" / "targets.json")["consistency_filter"]
    ways = {judge: (judge, targets["strategy"]) for judge in targets["rows"]}
    found = judged(data / "judges" / "llmbar", set(ways.values()))
    for judge, target in targets["rows"].items():
        said = found[ways[judge]]
        told = _points(_filtered(said, nothing=AUTHORS_NOTHING)) if said else {}
        for name, recorded in target.items():
            ours = told.get(name)
            held = ours is not None and abs(ours - recorded) <= 0.5 * 10**-DIGITS + 1e-9
            section.check(held, f"{judge}, {name}: recorded {recorded}, found {ours}")
        if said:
            section.figures[judge] = _figures(_filtered(said, nothing=np.nan))
    worse = [judge for judge, told in section.figures.items() if (told["when_kept"] or 0) < (told["first"] or 0)]
    if worse:
        section.notes.append(f"Consistency is not correctness: what the filter keeps of {', '.join(worse)} is worse.")
    return section


def _filtered(said: Judged, *, nothing: float) -> ConsistencyFilter:
    """The filter on a judge's labels, of which those that could not be read have the code `nothing`."""
    codes = [[float(label) if label else nothing for label in labels[:2]] for labels in said.values()]
    right = np.where(np.isnan(codes), np.nan, authors_right(said, list(said)))
    return consistency_filter(codes, right[:, 0])


def _points(found: ConsistencyFilter) -> dict[str, float | None]:
    """The targets' names, in points."""
    kept = found.kept.estimate
    shares = {
        "first_presentation_accuracy": found.first.estimate,
        "consistent_and_correct": found.kept_and_right.estimate,
        "inconsistent": None if kept is None else 1 - kept,
        "accuracy_when_consistent": found.when_kept.estimate,
    }
    return {name: None if share is None else 100 * share for name, share in shares.items()}


def _figures(found: ConsistencyFilter) -> dict[str, float | int | None]:
    told: dict[str, float | int | None] = {"items": found.kept.n, "without_both": found.kept.left_out}
    for name, estimate in found._asdict().items():
        told |= rounded({name: estimate.estimate, f"{name}_low": estimate.low, f"{name}_high": estimate.high})
    return told

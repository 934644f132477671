"""What do the recorded mitigations change on LLMBar's adversarial items, and is it more than chance?

Each strategy is held against the same judge's bare prompt, item by item: the difference of the accuracies over both
presentations with its error over items, and McNemar's test of the first presentation. Verdicts are read anew from the
raw texts by the authors' rules, and counted as they count: what could not be read is wrong.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plurijudge.benchmarks.section import Section, document, rows
from plurijudge.benchmarks.sections.llmbar import Label, Rules, authors_labels
from plurijudge.metrics.estimate import Z95
from plurijudge.metrics.paired import gain, mcnemar

ADVERSARIAL = "LLMBar/Adversarial/"
DIGITS = 1
HALF_WIDTH_WITHIN = 0.3
P_DIGITS = 3

Item = tuple[str, int]
Judged = dict[Item, tuple[Label, Label, str]]


def run(data: Path) -> Section:
    """Recompute the effect of every mitigation on every judge."""
    section = Section()
    targets: dict[str, Any] = document(data / "judges" / "targets.json")["mitigations"]
    named: dict[str, tuple[str, str]] = {row: tuple(row.split("|")) for row in targets["rows"]}
    bare = {judge: (judge, targets["bare"]) for judge, _ in named.values()}
    found = judged(data / "judges" / "llmbar", {*named.values(), *bare.values()})
    for row, target in targets["rows"].items():
        with_it, without = found[named[row]], found[bare[named[row][0]]]
        items = [item for item in without if item in with_it]
        told = _effect(authors_right(with_it, items), authors_right(without, items)) if items else {}
        for name, recorded in target.items():
            ours = told.get(name)
            section.check(_held(name, recorded, ours), f"{row}, {name}: recorded {recorded}, found {ours}")
        section.figures[row] = {"items": len(items)} | {
            name: value if isinstance(value, int) else float(f"{value:.4g}")
            for name, value in told.items()
            if isinstance(value, (int, float))
        }
    section.notes.append("low and high are the score interval of the gain, in points; half_width_95 is 1.96 errors.")
    return section


def judged(folder: Path, ways: Collection[tuple[str, str]]) -> dict[tuple[str, str], Judged]:
    """What judges said by strategies, (judge, strategy) each, on the adversarial items: both labels, and gold."""
    rules: Rules = document(folder / "parsing_rules.json")
    gold = {(row["s"], row["i"]): str(row["label"]) for row in rows(folder / "items.jsonl.gz")}
    found: dict[tuple[str, str], Judged] = {way: {} for way in ways}
    for row in rows(folder / "judgments.jsonl.gz"):
        way, item = (row["j"], row["t"]), (row["s"], row["i"])
        if way in found and row["s"].startswith(ADVERSARIAL):
            found[way][item] = (*authors_labels(row, rules), gold[item])
    return found


def authors_right(said: Judged, items: Collection[Item]) -> NDArray[np.float64]:
    """Shape (n_items, 2): 1 where a presentation is right; what could not be read is wrong, as the authors count."""
    return np.array([[label == said[item][2] for label in said[item][:2]] for item in items], dtype=float)


def _effect(with_it: NDArray[np.float64], without: NDArray[np.float64]) -> dict[str, Any]:
    """The difference in points, its half-width, and who changed in the first presentation."""
    found = gain(with_it, without)
    better, worse = (int(((with_it - without)[:, 0] == side).sum()) for side in (1, -1))
    points = {"difference_points": found.estimate, "low": found.low, "high": found.high}
    half = None if found.standard_error is None else Z95 * found.standard_error
    return {
        **{name: None if part is None else 100 * part for name, part in (points | {"half_width_95": half}).items()},
        "mcnemar_first_presentation": [better, worse],
        "better": better,
        "worse": worse,
        "p": mcnemar(better, worse),
    }


def _held(name: str, recorded: Any, ours: Any) -> bool:
    """To the printed digit; half-widths within a tolerance, counts exactly."""
    if ours is None:
        return False
    if name == "mcnemar_first_presentation":
        return bool(recorded == ours)
    if name == "half_width_95":
        return bool(abs(ours - recorded) <= HALF_WIDTH_WITHIN)
    if name == "p":
        return bool(float(f"{ours:.{P_DIGITS}g}") == recorded)
    return bool(abs(ours - recorded) <= 0.5 * 10**-DIGITS + 1e-9)

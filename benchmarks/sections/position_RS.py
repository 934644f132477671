"""How stable are recorded judges when they are asked the same thing three times?

Repetition stability (RS) of Judging the Judges (Shi et al. 2024, arXiv:2406.07791), read by the authors' rules. A pair
shown in the other order is judged on its own; what no repeat gave a verdict for is left out. The interval takes the
pair, both its orders, for the unit of sampling.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from plurijudge.benchmarks.section import Section, document, rounded, rows
from plurijudge.benchmarks.sections.position import SHOWN_FIRST, Shown, authors_verdict, one_of_each_pair, shown
from plurijudge.metrics.position_bias import repetition_stability

DIGITS = 4
CODES = {letter: code for code, letter in enumerate(SHOWN_FIRST)}  # C and D are two outcomes here

Repeats = dict[Shown, dict[int, str | None]]


def run(data: Path) -> Section:
    """Recompute the stability of every judge on every benchmark."""
    section = Section()
    targets: dict[str, dict[str, float]] = document(data / "judges" / "targets.json")["position_RS"]
    said: dict[str, Repeats] = {}
    for row in rows(data / "judges" / "position_bias" / "repetition.jsonl.gz"):
        cell = said.setdefault(f"RS {row['b']} {row['j']}", {})
        cell.setdefault(shown(row["k"]), {})[row["rep"]] = authors_verdict(row["raw"], row["b"])
    numbers: dict[str, float] = {}
    for name, cell in said.items():
        outcomes = _outcomes(cell)
        found = repetition_stability(outcomes)
        numbers[name] = np.nan if found.estimate is None else found.estimate
        section.figures[name] = {
            "pairs": found.n,
            "repeats_not_read": sum(verdict is None for repeats in cell.values() for verdict in repeats.values()),
            **rounded({"found": found.estimate, "low": found.low, "high": found.high}),
        }
    for name, target in targets.items():
        (recorded,), ours = target.values(), numbers.get(name, np.nan)
        held = abs(ours - recorded) <= 0.5 * 10**-DIGITS + 1e-9
        section.check(held, f"{name}: recorded {recorded}, found {ours:.5f}")
    section.notes.append("A repeat that could not be read counts as one that is like no other, as the authors count.")
    return section


def _outcomes(cell: Repeats) -> NDArray[np.float64]:
    """Shape (n_pairs, 2, n_repeats): codes of the letters in the order shown, NaN where nothing was read."""
    repeats = sorted({number for given in cell.values() for number in given})
    return np.array(
        [
            [
                [CODES.get(cell.get(order, {}).get(number) or "", np.nan) for number in repeats]
                for order in (place, place.swapped)
            ]
            for place in one_of_each_pair(cell)
        ]
    )

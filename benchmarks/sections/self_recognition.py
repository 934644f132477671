"""Does a judge know its own summaries, and prefer them? The pairwise table of the authors' notebook, to six digits.

Their counting: a choice is ambiguous where both orders give the same place; right, or for oneself, where the own
summary was chosen in both; the score is the probability of the own summary, averaged over both orders. Kendall's tau-b
is between the two scores over all items and opponents.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from plurijudge.benchmarks.section import Section, document, table

Floats = NDArray[np.float64]
OUTCOMES = {"rec": ("ambig", "right", "wrong"), "pref": ("ambig", "self", "other")}
COLUMNS = {"rec": ("det_fwd", "det_bwd", "detection_score"), "pref": ("cmp_fwd", "cmp_bwd", "self_preference")}


def run(data: Path) -> Section:
    """Recompute every row of the table."""
    targets: dict[str, dict[str, float]] = document(data / "dbg" / "targets.json")["self_recognition"]
    groups: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in table(data / "dbg" / "panickssery_pairwise.csv.gz"):
        groups[f"{row['dataset']}|{row['judge']}"].append(row)
    section = Section()
    got: dict[str, float] = {}
    for key, rows in groups.items():
        found = _row(rows)
        section.figures[key] = {name: round(value, 6) for name, value in found.items()}
        got |= {f"{key}|{name}": value for name, value in found.items()}
    for key, target in targets.items():
        value = got.get(key)
        near = value is not None and abs(value - target["published"]) <= target["tolerance"]
        section.check(near, f"{key}: {value}, published {target['published']}")
    return section


def _row(rows: list[dict[str, str]]) -> dict[str, float]:
    found: dict[str, float] = {}
    scores: list[Floats] = []
    for kind, (forward, backward, score) in COLUMNS.items():
        choices = [(row[forward], row[backward]) for row in rows]
        ambiguous, own, other = OUTCOMES[kind]
        found[f"{kind}-{ambiguous}"] = sum(one == two for one, two in choices) / len(rows)
        found[f"{kind}-{own}"] = choices.count(("1", "2")) / len(rows)
        found[f"{kind}-{other}"] = choices.count(("2", "1")) / len(rows)
        scores.append(np.array([float(row[score]) for row in rows]))
        found[f"{kind}-score"] = float(scores[-1].mean())
    return found | {"kendall-tau": kendall_tau(*scores)}


def kendall_tau(one: Floats, other: Floats) -> float:
    """Kendall's tau-b of two measurements, each of shape (n,): -1..1, NaN where one of them is constant.

    Source: Knight 1966, doi:10.1080/01621459.1966.10480879 (pairs that cross, counted in sorted order).

    >>> round(kendall_tau(np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 2])), 4)
    0.1826
    """
    n, earlier, crossed = len(one), list[float](), 0
    for value in other[np.lexsort((other, one))].tolist():
        crossed += len(earlier) - bisect_right(earlier, value)
        insort(earlier, value)
    every = n * (n - 1) / 2
    first, second, both = (_tied(part) for part in (one, other, np.stack([one, other], axis=1)))
    scale = float(np.sqrt((every - first) * (every - second)))
    return (every - first - second + both - 2 * crossed) / scale if scale else float("nan")


def _tied(values: Floats) -> float:
    """How many pairs are tied."""
    counts = np.unique(values, axis=0, return_counts=True)[1].astype(float)
    return float((counts * (counts - 1) / 2).sum())

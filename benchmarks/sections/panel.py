"""Is a panel of five recorded LLMBar judges worth more than its best member, and how many votes is it worth?

The judges' first presentations alone, their plain prompts, the authors' labels. A member that gave no label abstains.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plurijudge.benchmarks.section import Section, document, rows
from plurijudge.metrics.intervals import bounded_mean
from plurijudge.metrics.social_choice import accuracy_weights, choose, effective_votes, error_correlation

Floats = NDArray[np.float64]


def run(data: Path) -> Section:
    """Let the panel vote, by majority and by measured accuracy, and hold it against its members."""
    section = Section()
    targets: dict[str, Any] = document(data / "judges" / "targets.json")["panel"]
    said, gold = _voted(data / "judges" / "llmbar", targets["judges"], targets["strategy"])
    right = np.where(np.isnan(said[:, :, 0]), np.nan, said[np.arange(len(gold)), :, gold])
    members = np.nan_to_num(right).mean(axis=0)  # who gives no label is not right
    majority = _right([choose(item, "majority").winners for item in said], gold)
    told = {
        "items": len(gold),
        "majority_accuracy": 100 * majority.mean(),
        "best_member": 100 * members.max(),
        "mean_member": 100 * members.mean(),
        "mean_pairwise_error_correlation": error_correlation(np.nan_to_num(right)) or np.nan,
        "effective_votes": effective_votes(np.nan_to_num(right)) or np.nan,
    }
    for name, value in told.items():
        digits = 2 if name == "mean_pairwise_error_correlation" else 1
        held = round(float(value), digits) == targets[name]
        section.check(held, f"{name}: recorded {targets[name]}, found {value:.3f}")
    section.figures["members"] = {
        name: round(100 * float(share), 1) for name, share in zip(targets["judges"], members, strict=True)
    }
    section.figures["accuracy weights, learnt on one half and shown on the other"] = _across_halves(said, right, gold)
    worse = majority.mean() < members.max()
    section.notes.append(
        f"This panel is {'worse' if worse else 'no worse'} than its best member: {100 * majority.mean():.1f} % by "
        f"majority, {100 * members.max():.1f} % by {targets['judges'][int(members.argmax())]} alone; "
        f"{len(targets['judges'])} judges are worth {told['effective_votes']:.1f} votes."
    )
    return section


def _voted(folder: Path, judges: list[str], strategy: str) -> tuple[Floats, NDArray[np.int64]]:
    """Whom each judge chose: shape (n_items, n_judges, 2), and which response gold prefers, 0 or 1."""
    # LLMBar's own items; its case studies and other benchmarks' are other sets
    own = (row for row in rows(folder / "items.jsonl.gz") if row["s"].startswith("LLMBar/"))
    gold = {(row["s"], row["i"]): int(row["label"]) - 1 for row in own}
    found: dict[tuple[str, int], dict[str, str | None]] = {}
    for row in rows(folder / "judgments.jsonl.gz"):
        if row["t"] == strategy and row["j"] in judges and (row["s"], row["i"]) in gold:
            found.setdefault((row["s"], row["i"]), {})[row["j"]] = row["wF"]
    items = [item for item in found if len(found[item]) == len(judges)]
    choices = {"1": [1.0, 0.0], "2": [0.0, 1.0]}
    nothing = [np.nan, np.nan]
    said = np.array([[choices.get(found[item][judge] or "", nothing) for judge in judges] for item in items])
    return said, np.array([gold[item] for item in items])


def _right(winners: list[tuple[int, ...]], gold: NDArray[np.int64]) -> Floats:
    """1 where the one winner is right, one half where it ties with the other, 0 else."""
    return np.array([(side in won) / max(1, len(won)) for won, side in zip(winners, gold, strict=True)])


def _across_halves(said: Floats, right: Floats, gold: NDArray[np.int64]) -> dict[str, float | int | None]:
    order = np.random.default_rng(0).permutation(len(gold))
    halves = order[::2], order[1::2]
    shown = []
    for learnt, other in (halves, halves[::-1]):
        weights = accuracy_weights(np.nan_to_num(right[learnt]).mean(axis=0))
        winners = [choose(said[item], "weighted", weights=weights).winners for item in other]
        shown.append(_right(winners, gold[other]))
    whole = bounded_mean(np.concatenate(shown))
    told = {"accuracy": whole.estimate, "low": whole.low, "high": whole.high}
    return {"n": whole.n} | {name: None if value is None else round(100 * value, 1) for name, value in told.items()}

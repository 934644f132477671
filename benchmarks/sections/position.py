"""Do recorded judgements in both orders give the position consistency that the authors' own run printed?

Judging the Judges (Shi et al. 2024, arXiv:2406.07791). Their run counts judgements, not pairs, and takes one whose
partner could not be read, or is not there, for consistent: `authors_consistent`, which lives here and nowhere in the
product. Beside it stand the product's numbers over pairs of which both were read, with the paper's preference fairness
(PF), each candidate and task weighing the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from plurijudge.benchmarks.section import Section, document, need, rounded, rows
from plurijudge.metrics.estimate import Estimate
from plurijudge.metrics.position_bias import leanings, position_bias, preference_fairness

# What their prompts asked for: the first that stands in the text counts, wherever it stands.
AUTHORS_RULES = {"MTBench": re.compile(r"\[\[([ABCD])\]\]"), "DevBench": re.compile(r"(?:选择：|Choice: )([ABCD])")}
MIRRORED = {"A": "B", "B": "A", "C": "C", "D": "D"}
SHOWN_FIRST = {"A": 1.0, "B": 0.0, "C": 0.5, "D": 0.5}
DESIGN_TASK = re.compile(r"(UML_sequence|architecture_design|uml_class)-.*")
DIGITS = 2

Read = Mapping["Shown", str | None]


class Shown(NamedTuple):
    """A question, and the models whose answers were shown first and second."""

    question: str
    first: str
    second: str

    @property
    def swapped(self) -> Shown:
        return Shown(self.question, self.second, self.first)


def run(data: Path) -> Section:
    """Recompute the consistency of every recorded judge, by the authors' counting and by ours."""
    section = Section()
    targets: dict[str, dict[str, float]] = document(data / "judges" / "targets.json")["position"]
    folder = need(data / "judges" / "position_bias")
    logs = folder / "published_consistency_logs.json"
    printed: dict[str, dict[str, int]] = document(logs) if logs.exists() else {}
    numbers: dict[str, float] = {}
    wrong: dict[str, str] = {}
    paths = [(known, path) for known in AUTHORS_RULES for path in sorted(folder.glob(f"swap_{known}_*.jsonl.gz"))]
    for benchmark, path in paths:
        judge = path.name.removeprefix(f"swap_{benchmark}_").removesuffix(".jsonl.gz")
        read = {shown(row["k"]): authors_verdict(row["raw"], benchmark) for row in rows(path)}
        consistent, of = authors_consistent(read)
        name, log = f"PC {benchmark} {judge} (upstream counting)", printed.get(f"{benchmark}|{judge}")
        numbers[name] = 100 * consistent / of if of else np.nan
        if log and (log["consistent"], log["total"]) != (consistent, of):
            wrong[name] = f", {consistent} of {of} where the log has {log['consistent']} of {log['total']}"
        theirs: dict[str, float | int | None] = {"consistent, as they count": consistent, "of": of}
        section.figures[f"{benchmark} {judge}"] = theirs | _ours(read, benchmark)
    for name, target in targets.items():
        published, ours = target["published"], numbers.get(name, np.nan)
        held = abs(ours - published) <= 0.5 * 10**-DIGITS + 1e-9 and name not in wrong
        section.check(held, f"{name}: published {published}, found {ours:.3f}{wrong.get(name, '')}")
    section.notes.append(
        "Targets: the authors' counting, in which a judgement whose partner was not read is consistent. Figures: pairs "
        "of which both were read; pf_by_cell divides by all pairs of a cell, as the paper does."
    )
    return section


def shown(key: str) -> Shown:
    """What a record's key says was shown: question, first, second."""
    return Shown(*key.split(";"))


def one_of_each_pair(places: Iterable[Shown]) -> list[Shown]:
    """Of each pair the order that comes first."""
    kept: dict[frozenset[Shown], Shown] = {}
    for place in places:
        kept.setdefault(frozenset((place, place.swapped)), place)
    return list(kept.values())


def authors_verdict(text: str | None, benchmark: str) -> str | None:
    """A, B, C or D by the authors' rule, in the order shown; None where it finds nothing."""
    found = AUTHORS_RULES[benchmark].search(text or "")
    return found[1] if found else None


def authors_consistent(read: Read) -> tuple[int, int]:
    """How many judgements the authors call consistent, of how many that they could read."""
    could = {place: verdict for place, verdict in read.items() if verdict is not None}
    alike = [could.get(place.swapped, MIRRORED[verdict]) == MIRRORED[verdict] for place, verdict in could.items()]
    return sum(alike), len(alike)


def task_of(question: str, benchmark: str) -> str:
    """The task that a question belongs to: MT-bench has ten questions a task, DevBench names it."""
    if benchmark == "MTBench":
        return str((int(question) - 1) // 10)
    found = DESIGN_TASK.search(question)
    return found[0] if found else question


def _ours(read: Read, benchmark: str) -> dict[str, float | int | None]:
    """The product's numbers over pairs, the order that comes first in the file being the first presentation."""
    pairs = one_of_each_pair(read)
    codes = np.array([_codes(read[place], read.get(place.swapped)) for place in pairs])
    found, lean = position_bias(codes), leanings(codes)
    reference, _ = Counter(name for place in pairs for name in place[1:]).most_common(1)[0]
    cells = [
        (place.second if place.first == reference else place.first, task_of(place.question, benchmark))
        for place in pairs
    ]
    return {
        "pairs": found.consistency.n,
        "pairs_not_read": found.consistency.left_out,
        **_told("pc", found.consistency),
        "primacy": found.primacy,
        "recency": found.recency,
        "sign_test_p": float(f"{found.p_value:.3g}"),
        **_told("pf", found.preference),
        "pf_by_cell": round(_by_cell(lean.tolist(), cells), 4),
    }


def _codes(first: str | None, second: str | None) -> tuple[float, float]:
    one, other = (np.nan if verdict is None else SHOWN_FIRST[verdict] for verdict in (first, second))
    return one, 1 - other


def _by_cell(lean: Iterable[float], cells: list[tuple[str, str]]) -> float:
    """PF as the paper has it: of each candidate and task, then the mean of these."""
    counts: Counter[tuple[Any, float]] = Counter(zip(cells, lean, strict=True))
    pairs = Counter(cells)
    primacy, recency = ([counts[cell, place] for cell in pairs] for place in (-1.0, 1.0))
    _, normalised = preference_fairness(primacy, recency, list(pairs.values()))
    return float(normalised.mean())


def _told(name: str, estimate: Estimate) -> dict[str, float | int | None]:
    return rounded({name: estimate.estimate, f"{name}_low": estimate.low, f"{name}_high": estimate.high})

"""What does a report say of a run? What it was, what it came to, and a section for each analysis that rests on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from ..agents.kinship import notices_of
from ..store.datasets import find_dataset
from ..store.engine import Store
from ..store.progress import tally
from ..store.reports import analyses_of
from ..store.runs import Run, find_run
from ..store.tables import metadata
from ..store.transactions import ask
from .sections import Analysis, Section, section_of

_JUDGE = metadata.tables["judge"]


@dataclass(frozen=True, slots=True)
class Report:
    """What is said of a run.

    Attributes:
        run: its id.
        facts: what it was and what it came to, by name.
        sections: one for each analysis, oldest first.
        analyses: what the sections were made from.
        command: that makes the report again.
    """

    run: str
    facts: Mapping[str, str]
    sections: tuple[Section, ...]
    analyses: tuple[Analysis, ...]
    command: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it; keys of lines are the SQL column names."""
        return {
            "run": self.run,
            "facts": dict(self.facts),
            "analyses": [
                {
                    **{"id": one.id, "kind": one.kind, "runs": [*one.runs], "options": dict(one.options)},
                    **{"command": one.command, "created_at": one.created_at, "lines": [dict(row) for row in one.lines]},
                }
                for one in self.analyses
            ],
            "command": self.command,
        }


def report_of(store: Store, run: str) -> Report:
    """Read what is known of a run.

    Raises:
        NotFound: if there is no such run.
        StoreError: if the store cannot be read.
    """
    found = find_run(store, run)
    analyses = tuple(
        Analysis(
            row["id"], row["kind"], tuple(row["runs"]), row["options"], row["command"], row["created_at"], row["lines"]
        )
        for row in analyses_of(store, found.id)
    )
    sections = tuple(section_of(one) for one in analyses)
    return Report(found.id, _facts(store, found), sections, analyses, f"plurijudge report {found.id}")


def _facts(store: Store, run: Run) -> dict[str, str]:
    sums = ask(store, lambda connection: tally(connection, run.id))
    dataset = find_dataset(store, run.dataset)
    named = select(_JUDGE.c.name, _JUDGE.c.model).where(_JUDGE.c.id == run.judge)
    judge = ask(store, lambda connection: connection.execute(named).first())
    who = "several, as recorded" if judge is None else judge.name or judge.model
    facts = {
        "judge": who,
        "kind": {"judge": "verdicts", "author": "answers", "import": "recorded verdicts"}.get(run.kind, run.kind),
        "data set": f"{dataset.name} ({dataset.items} items)",
        "status": f"{run.status}{', ' + run.stopped if run.stopped else ''}",
        "decisions": _counts(sums["decisions"]),
        "verdicts": _counts(sums["verdicts"]),
        "why not": _counts(sums["reasons"]),
        "calls": f"{sums['calls']}, {sums['hits']} from the cache",
        "cost": _cost(sums),
        "set aside": str(run.set_aside + dataset.set_aside),
        "begun": run.created_at,
        "versions": ", ".join(f"{name} {version}" for name, version in run.versions.items()),
    }
    if run.panel:
        facts["panel"] = run.panel
    if run.parent:
        facts["asks again what failed in"] = run.parent
    facts["note"] = " ".join(one.said for one in notices_of(store, run))
    return {name: value for name, value in facts.items() if value}


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {name}" for name, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _cost(sums: Mapping[str, Any]) -> str:
    unpriced = sums["calls_without_price"]
    known = f"${sums['cost'] or 0:.4f}"
    return f"{known} and {unpriced} calls of unknown price" if unpriced else known

"""Which items does a run hand to people, and in what order is their time best spent?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import select

from ..metrics.estimate import Estimate
from ..metrics.flips import outcome_entropy
from ..metrics.intervals import bounded_mean
from ..metrics.picks import rights
from ..store.engine import Store
from ..store.records import ASK_PEOPLE, TIE
from ..store.runs import find_run
from ..store.tables import metadata
from .audit_records import heard_in
from .rows import presentation, streamed

_VERDICT = metadata.tables["verdict"]
_PARTS = ("own", "swapped")


@dataclass(frozen=True, slots=True)
class Routed:
    """An item that people are asked about.

    Attributes:
        item: its id.
        entropy: of the judge's answers to it over both orders and all samples, in nats, from 0 to log 3.
        answers: how many those are.
    """

    item: str
    entropy: float
    answers: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"item": self.item, "entropy": self.entropy, "answers": self.answers}


def routed(store: Store, run: str) -> list[Routed]:
    """The items that a run hands to people, those first whose answers differ most.

    Args:
        store: the store.
        run: the run, of a judge with the node `route`.

    Raises:
        NotFound: if there is no such run.

    Source: Wang et al. 2023, arXiv:2305.17926, whose BPDE orders items in this way.
    """
    found = find_run(store, run)
    handed = select(_VERDICT.c.item).where(
        _VERDICT.c.run == found.id, _VERDICT.c.step == "", _VERDICT.c.reason == ASK_PEOPLE
    )
    columns = ("item", "step", "presentation", "sample", "status", "preferred")
    wanted = select(*(_VERDICT.c[name] for name in columns)).where(_VERDICT.c.run == found.id)
    picks: dict[str, dict[tuple[Any, ...], float]] = {}
    for row in streamed(store, wanted.where(_VERDICT.c.item.in_(handed), _VERDICT.c.step != "")):
        if not str(row["step"]).startswith(_PARTS) or "," in row["step"]:
            continue
        shown = presentation(row["presentation"])
        pick = np.nan
        if row["status"] == "ok":
            pick = 0.5 if row["preferred"] == TIE else float(row["preferred"] == min(shown))
        # the same answer serves as one order's own part and as the other's swapped one
        picks.setdefault(row["item"], {})[shown, row["sample"]] = pick
    made = []
    for item, answers in picks.items():
        given = np.array([[list(answers.values())]])
        made.append(Routed(item, float(outcome_entropy(given)[0]), int((~np.isnan(given)).sum())))
    return sorted(made, key=lambda one: (-one.entropy, one.item))


@dataclass(frozen=True, slots=True)
class Handed:
    """What is gained by handing pairs to people: how right the judge was on those, and on the others.

    Attributes:
        items: untouched items of the audit.
        handed: those that people are asked about.
        when_handed: the accuracy of the judge as it is on these, 0..1.
        when_kept: its accuracy on the others. Where that is no higher, the judge does not know when it is wrong, and
            people's time is spent no better than on items drawn by lot.
    """

    items: int
    handed: int
    when_handed: Estimate
    when_kept: Estimate

    def __str__(self) -> str:
        """One line for people."""
        told = f"{self.handed} of {self.items} items are handed to people"
        return f"{told}; the judge as it is: right on those {self.when_handed}; on the others {self.when_kept}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        accuracy = {"when_handed": self.when_handed.to_dict(), "when_kept": self.when_kept.to_dict()}
        return {"items": self.items, "handed": self.handed, **accuracy}


def handed(store: Store, before: str, after: str, *, group: str | None = None) -> Handed:
    """Hold what an audit hands to people against the audit of the judge that hands on nothing.

    Args:
        store: the store.
        before: the audit of the judge as it is.
        after: the audit of the judge with the node `route`, of the same items.
        group: the annotators' group whose labels are gold; None for all.

    Raises:
        NotFound: if there is no such run.
        BadInput: if they are not audits.
    """
    plain = heard_in(store, before, group=group)
    names = {one.item for one in routed(store, after)}
    given = np.array([item in names for item in plain.items], dtype=bool)
    right = rights(plain.control.reshape(len(plain.items), -1), plain.better(plain.items))
    return Handed(len(plain.items), int(given.sum()), bounded_mean(right[given]), bounded_mean(right[~given]))

"""What do the members of a panel add up to? How often each is right, and how many independent votes they are worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import select

from ..metrics.estimate import Estimate
from ..metrics.intervals import bounded_mean
from ..metrics.social_choice import accuracy_weights, effective_votes_estimate, error_correlation
from ..store.engine import Store
from ..store.runs import Run, find_run
from ..store.tables import metadata
from ..text.errors import BadInput
from .gold import accepted
from .rows import streamed

Floats = NDArray[np.float64]

_DECISION = metadata.tables["decision"]
FEWEST_FOR_WEIGHTS = 30


@dataclass(frozen=True, slots=True)
class Member:
    """One member over a run.

    Attributes:
        name: the persona, the model, or both.
        family: of the model that speaks.
        accuracy: the share of items with gold on which it is right; one half where it ties or flips.
        utility: the mean of what the panel's decisions are worth to it, 0 to 1.
        dissents: the share of decisions against its own preference.
        silent: on how many items it said nothing.
    """

    name: str
    family: str
    accuracy: Estimate
    utility: Estimate
    dissents: Estimate
    silent: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        told = {name: getattr(self, name).to_dict() for name in ("accuracy", "utility", "dissents")}
        return {"name": self.name, "family": self.family, "silent": self.silent, **told}


@dataclass(frozen=True, slots=True)
class PanelVotes:
    """A panel over a run.

    Attributes:
        panel: its name.
        members: each of them, by name.
        effective_votes: how many independent members would know as much, by their errors against gold.
        correlation: the mean correlation of two members' votes, right or wrong; None where it is unknown.
        alike: how many independent voices the votes amount to by that correlation alone: members may be alike because
            they are right alike.
        worst_off: the member whom the decisions serve worst over the run.
        no_quorum: how many items had none.
        saved: verdicts that an adaptive panel did without.
        families: the families of the models that speak.
    """

    panel: str
    members: tuple[Member, ...]
    effective_votes: Estimate
    correlation: float | None
    alike: Estimate
    worst_off: str
    no_quorum: int
    saved: int
    families: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "panel": self.panel,
            "members": [member.to_dict() for member in self.members],
            "effective_votes": self.effective_votes.to_dict(),
            "alike": self.alike.to_dict(),
            "worst_off": self.worst_off,
            "no_quorum": self.no_quorum,
            "saved": self.saved,
            "families": list(self.families),
        }

    def worth(self, voted: int) -> float | None:
        """How many independent voices so many of the members amount to, by the correlation of their votes."""
        if self.correlation is None or voted < 1 or 1 + (voted - 1) * self.correlation <= 0:
            return None
        return voted / (1 + (voted - 1) * self.correlation)


def panel_votes(store: Store, run: Run, *, group: str | None = None) -> PanelVotes | None:
    """Read what a panel's members said in a run; None where no panel judged.

    Args:
        store: the store.
        run: the run; of pairs, effective votes need gold.
        group: the annotators' group whose labels are gold; None for all.
    """
    if not run.panel:
        return None
    gold = accepted(store, run.dataset, group=group)
    columns = (_DECISION.c[name] for name in ("item", "outcome", "preferred", "panel"))
    wanted = select(*columns).where(_DECISION.c.run == run.id).order_by(_DECISION.c.item)
    votes: dict[str, list[tuple[int, float, float, float, float]]] = {}
    families: dict[str, str] = {}
    silent: dict[str, int] = {}
    items = no_quorum = saved = 0
    for row in streamed(store, wanted):
        told = orjson.loads(row["panel"]) if row["panel"] else None
        if told is None:
            continue
        no_quorum += row["outcome"] == "no_quorum"
        saved += told["saved"]
        right = gold.get(row["item"])
        for name, vote in told["members"].items():
            families[name] = vote["family"]
            utilities = vote["utilities"]
            silent.setdefault(name, 0)
            if utilities is None:
                silent[name] += 1
                continue
            votes.setdefault(name, []).append((items, *_told(vote, utilities, right, row)))
        items += 1
    names = sorted(silent)
    table = np.full((4, items, len(names)), np.nan)
    for place, name in enumerate(names):
        for number, *values in votes.get(name, ()):
            table[:, number, place] = values
    sides, rights, utilities, dissents = table
    members = tuple(
        Member(
            name,
            families[name],
            _share(rights[:, place], "no item that it judged has gold"),
            _share(utilities[:, place], "no decision prefers anything"),
            _share(dissents[:, place], "no decision prefers anything where it does"),
            silent[name],
        )
        for place, name in enumerate(names)
    )
    served = [(member.utility.estimate, member.name) for member in members if member.utility.estimate is not None]
    alike = effective_votes_estimate(sides)
    correlation = None if alike.estimate is None else error_correlation(sides)
    return PanelVotes(
        run.panel,
        members,
        _effective(rights),
        correlation,
        alike,
        min(served)[1] if served else "",
        no_quorum,
        saved,
        tuple(sorted({family or "unknown" for family in families.values()})),
    )


def _told(vote: Any, utilities: dict[str, float], right: Any, row: Any) -> tuple[float, float, float, float]:
    """Of one vote: the utility of the first response by name, whether it is right, what it got, whether it dissents."""
    best = max(utilities.values())
    leaders = [name for name, value in utilities.items() if value >= best - 1e-12]
    correct = np.nan
    if right:
        tie = right.get("tie", 0.0) if len(leaders) > 1 else 0.0
        correct = max(tie, float(np.mean([right.get(name, 0.0) for name in leaders])))
    got = utilities[row["preferred"]] if row["preferred"] is not None else np.nan
    against = np.nan
    if row["preferred"] is not None and vote["preferred"] is not None:
        against = float(vote["preferred"] != row["preferred"])
    return utilities[min(utilities)], correct, got, against


def _share(values: Floats, none: str) -> Estimate:
    return Estimate.unknown(none, left_out=len(values)) if np.isnan(values).all() else bounded_mean(values)


def _effective(rights: Floats) -> Estimate:
    if np.isnan(rights).all():
        return Estimate.unknown("no item has gold", left_out=len(rights))
    return effective_votes_estimate(rights)


def weights_from(store: Store, name: str) -> dict[str, float]:
    """The weights of a panel's members by how often each was right in a run with gold.

    Raises:
        NotFound: if there is no such run.
        BadInput: if no panel judged it, or too few of its items have gold.
    """
    run = find_run(store, name)
    found = panel_votes(store, run)
    if found is None:
        raise BadInput(f"No panel judged the run {run.id}.", way_out="a run of `plurijudge judge ITEMS --panel`")
    if not found.members:
        raise BadInput(
            f"No panel has decided any item of the run {run.id} yet.", way_out=f"plurijudge judge --run {run.id}"
        )
    few = [member.name for member in found.members if member.accuracy.n < FEWEST_FOR_WEIGHTS]
    if few:
        raise BadInput(
            f"Of the run {run.id}, fewer than {FEWEST_FOR_WEIGHTS} items with gold were judged by {', '.join(few)}.",
            way_out="a run on more items with gold",
        )
    accuracies = [member.accuracy.estimate or 0.0 for member in found.members]
    weights = accuracy_weights(accuracies)
    return {member.name: float(weight) for member, weight in zip(found.members, weights, strict=True)}

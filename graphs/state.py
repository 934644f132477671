"""What flows through the judge graph, and what is given to it?"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field, replace
from typing import Annotated, TypedDict

from ..agents.judge import Judge
from ..agents.model import Model
from ..agents.panel import Panel, Seat
from ..agents.persona import Persona
from ..agents.tools.toolbox import Toolbox
from ..store.records import Decision, Item, ToolCall, Verdict, VerdictKey
from .model import Models
from .plan import Plan, draw
from .reconcile import Place

Heard = Place


@dataclass(frozen=True, slots=True)
class Bench:
    """What is given.

    Attributes:
        judge: who judges.
        model: its model.
        plan: what is asked.
        secret: that fences are made with.
        toolbox: the judge's tools.
        panel: the voices that it speaks with; None for its own alone.
        others: the judges and models of a panel's members that speak by another model, by the member's name.
        labels: the label under which each persona is told of, where it is not its own.
    """

    judge: Judge
    model: Model
    plan: Plan
    secret: bytes
    toolbox: Toolbox | None = None
    panel: Panel | None = None
    others: dict[str, tuple[Judge, Model]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        judge: Judge,
        models: Models,
        plan: Plan,
        *,
        secret: bytes,
        toolbox: Toolbox | None = None,
        panel: Panel | None = None,
    ) -> Bench:
        """What is given to a run, or to one item."""
        labels = shuffled_labels(panel, plan.seed) if panel is not None and plan.dossiers == "shuffled" else {}
        return cls(judge, models.own, plan, secret, toolbox, panel, models.others, labels)

    def of_seat(self, seat: Seat) -> Bench:
        """What is given to one member of the panel."""
        if seat.name not in self.others:
            return self
        judge, model = self.others[seat.name]
        return replace(self, judge=judge, model=model)

    def persona(self, name: str) -> Persona | None:
        """The panel's persona of that id; None for ''."""
        if not name or self.panel is None:
            return None
        return next(persona for persona in self.panel.personas if persona.id == name)


def shuffled_labels(panel: Panel, seed: int) -> dict[str, str]:
    """Each persona's label given to another: a round in an order drawn from the seed, so that none keeps its own."""
    order = sorted(panel.personas, key=lambda persona: draw(seed, "label", persona.id))
    return {one.id: other.label for one, other in zip(order, [*order[1:], *order[:1]], strict=True)}


class JudgeState(TypedDict, total=False):
    """What changes while an item is judged.

    Attributes:
        item: what is judged.
        units: the verdicts that the plan asks for.
        fresh: whether stored answers of other runs are left unread.
        again: the places of the verdicts of the item for which they are, whatever `fresh` says.
        verdicts: those that stand, from before and from now.
        tool_calls: those made for the verdicts from now.
        decision: what is reported in the end.
    """

    item: Item
    units: tuple[VerdictKey, ...]
    fresh: bool
    again: frozenset[Heard]
    verdicts: Annotated[list[Verdict], operator.add]
    tool_calls: Annotated[list[ToolCall], operator.add]
    decision: Decision


class View(TypedDict):
    """What one hearing sees: an item and the verdict that is asked for."""

    item: Item
    unit: VerdictKey
    fresh: bool

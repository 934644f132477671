"""What flows through the judge graph, and what is given to it?"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Annotated, TypedDict

from ..agents.judge import Judge
from ..agents.model import Model
from ..store.records import Decision, Item, Verdict, VerdictKey
from .plan import Plan

Heard = tuple[str, tuple[str, ...], int]


@dataclass(frozen=True, slots=True)
class Bench:
    """What is given: the judge, its model, the plan, and the secret that fences are made with."""

    judge: Judge
    model: Model
    plan: Plan
    secret: bytes


class JudgeState(TypedDict, total=False):
    """What changes while an item is judged.

    Attributes:
        item: what is judged.
        units: the verdicts that the plan asks for.
        fresh: whether stored answers of other runs are left unread.
        again: the verdicts of the item (persona, presentation, sample) for which they are, whatever `fresh` says.
        verdicts: those that stand, from before and from now.
        decision: what is reported in the end.
    """

    item: Item
    units: tuple[VerdictKey, ...]
    fresh: bool
    again: frozenset[Heard]
    verdicts: Annotated[list[Verdict], operator.add]
    decision: Decision


class View(TypedDict):
    """What one hearing sees: an item and the verdict that is asked for."""

    item: Item
    unit: VerdictKey
    fresh: bool

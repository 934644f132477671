"""What flows through the judge graph, and what is given to it?"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Annotated, TypedDict

from ..agents.judge import Judge
from ..agents.model import Model
from ..agents.tools.toolbox import Toolbox
from ..store.records import Decision, Item, ToolCall, Verdict, VerdictKey
from .plan import Plan

Heard = tuple[str, tuple[str, ...], int]


@dataclass(frozen=True, slots=True)
class Bench:
    """What is given: the judge, its model, the plan, the secret that fences are made with, and the judge's tools."""

    judge: Judge
    model: Model
    plan: Plan
    secret: bytes
    toolbox: Toolbox | None = None


class JudgeState(TypedDict, total=False):
    """What changes while an item is judged.

    Attributes:
        item: what is judged.
        units: the verdicts that the plan asks for.
        fresh: whether stored answers of other runs are left unread.
        again: the verdicts of the item (persona, presentation, sample) for which they are, whatever `fresh` says.
        verdicts: those that stand, from before and from now.
        tool_calls: those made for the verdicts from now.
        decision: what is reported in the end.
    """

    item: Item
    units: tuple[VerdictKey, ...]
    fresh: bool
    again: frozenset[Heard]
    verdicts: Annotated[list[Verdict], operator.add]
    tool_calls: list[ToolCall]
    decision: Decision


class View(TypedDict):
    """What one hearing sees: an item and the verdict that is asked for."""

    item: Item
    unit: VerdictKey
    fresh: bool

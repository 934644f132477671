"""How are runs made that are to be held against each other? One after another, on the same items, on one budget."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..agents.judge import Judge
from ..agents.panel import Panel
from .budget import Budget
from .given import Items, sized
from .plan import Plan
from .runner import Pace, Watch

if TYPE_CHECKING:
    from .outcome import Outcome
    from .rewriting import Rewritten
    from .study import Study


@dataclass(frozen=True, slots=True)
class Leg:
    """One of the runs.

    Attributes:
        name: what it is called among them.
        judge: who judges.
        plan: what is asked.
        panel: the voices that it judges with, None for its own.
    """

    name: str
    judge: Judge
    plan: Plan
    panel: Panel | None = None


def left_of(pace: Pace, outcome: Outcome | Rewritten, *, seconds: float) -> Pace:
    """The pace of the next run, its budget without what this one took.

    Args:
        pace: the pace of this run.
        outcome: what it came to.
        seconds: how long it took.
    """
    given, sums = pace.budget, outcome.sums
    budget = Budget(
        calls=None if given.calls is None else given.calls - sums["calls"],
        dollars=None if given.dollars is None else given.dollars - (sums["cost"] or 0.0),
        seconds=None if given.seconds is None else given.seconds - seconds,
    )
    return replace(pace, budget=budget)


async def run_legs(
    study: Study,
    items: Items,
    legs: Sequence[Leg],
    *,
    pace: Pace | None = None,
    name: str = "",
    strict: bool = False,
    watch: Watch | None = None,
    stop: asyncio.Event | None = None,
) -> dict[str, Outcome]:
    """The runs by their names, in their order; the last is open where they were stopped.

    What was answered is not paid again when they are begun anew.
    """
    given = items if sized(items) or hasattr(items, "__fspath__") else list(items)
    pace, outcomes = pace or Pace(), dict[str, "Outcome"]()
    for leg in legs:
        begun = time.monotonic()
        outcome = await study.judge(
            given,
            leg.judge,
            panel=leg.panel,
            plan=leg.plan,
            pace=pace,
            name=name,
            strict=strict,
            watch=watch,
            stop=stop,
        )
        outcomes[leg.name] = outcome
        if outcome.status == "open":
            break
        pace = left_of(pace, outcome, seconds=time.monotonic() - begun)
    return outcomes

"""How is a judge tried with what was planted? One run over items as they are and what was derived from them.

Untouched items are judged twice at least, so that the judge's own noise is known; what could not be planted is kept
with the plan. Audits (graphs/audit.py) and attacks (graphs/attack.py) derive the items, and say what is measured.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from ..agents.judge import Judge
from ..store.engine import Store
from ..store.faults import Fault
from ..store.records import Item
from .plan import Plan

if TYPE_CHECKING:
    from .outcome import Outcome
    from .study import Study

CONTROLS = 2  # how often an untouched item is judged: less than twice tells nothing of the judge's own noise
Unplanted = Counter[tuple[str, str]]
"""How many times something could not be planted, by its name and the reason."""


class _Measured(Protocol):
    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        ...


F = TypeVar("F", bound=_Measured)


@dataclass(frozen=True, slots=True)
class Tried(Generic[F]):
    """What came of trying a judge.

    Attributes:
        found: what was measured; None where the run was stopped.
        outcome: the run.
        set_aside: what is wrong with the items that were not judged.
    """

    found: F | None
    outcome: Outcome
    set_aside: tuple[Fault, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "found": None if self.found is None else self.found.to_dict(),
            "outcome": self.outcome.to_dict(),
            "set_aside": [str(fault) for fault in self.set_aside],
        }


def plan_of(unplanted: Unplanted, *, samples: int = 1, seed: int = 0, fresh: bool = False) -> Plan:
    """The plan of a run over items and what was derived from them.

    Args:
        unplanted: what could not be planted.
        samples: how often each derived presentation is judged.
        seed: of every draw.
        fresh: whether answers of other runs are left unread.
    """
    told = tuple((name, reason, n) for (name, reason), n in sorted(unplanted.items()))
    return Plan(samples=samples, controls=max(CONTROLS, samples), seed=seed, fresh=fresh, not_planted=told)


async def tried(
    study: Study, items: Sequence[Item], judge: Judge, plan: Plan, kept: Callable[[Store, str], F], **options: Any
) -> Tried[F]:
    """Judge items, and measure unless the run was stopped.

    Args:
        study: where everything is kept.
        items: untouched ones, and what was derived from them.
        judge: who is tried.
        plan: of the run.
        kept: gives what a closed run says, and keeps it.
        options: the others of `Study.judge`.
    """
    outcome = await study.judge(items, judge, plan=plan, **options)
    if outcome.status == "open":
        return Tried(None, outcome)
    return Tried(await asyncio.to_thread(kept, study.store, outcome.run), outcome)

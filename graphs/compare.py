"""Which runs show which of two judges is better? Each of them on the same presentations of the same items."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..agents.judge import Judge
from ..analyses.comparison import Comparison, comparison, save
from ..text.errors import BadInput, BadJudge
from .legs import Leg, run_legs
from .plan import Plan
from .runner import Pace, Watch

if TYPE_CHECKING:
    from .given import Items
    from .outcome import Outcome
    from .study import Study


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison came to.

    Attributes:
        found: what was measured, None where the comparison was stopped.
        outcomes: the runs, in their order; the last is open where it was stopped.
    """

    found: Comparison | None
    outcomes: tuple[Outcome, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "comparison": None if self.found is None else self.found.to_dict(),
            "outcomes": [outcome.to_dict() for outcome in self.outcomes],
        }


def legs(judges: Sequence[Judge], plan: Plan) -> list[Leg]:
    """The runs, one a judge, in the order of the judges.

    Args:
        judges: who judges; at most two.
        plan: of both runs.

    Raises:
        BadJudge: if one judges no pairs.
        BadInput: if they are one judge, or the plan judges less than all that both could be compared on.
    """
    for judge in judges:
        if judge.protocol != "pairwise":
            raise BadJudge(f"{judge.title} does not judge pairs; judges are compared on those.")
    if len({judge.id for judge in judges}) < len(judges):
        raise BadInput(
            f"Both judges are {judges[0].title}: nothing that could change a verdict differs.",
            way_out="two judges, as --judges a.yaml,b.yaml",
        )
    if plan.presentations != "both" or plan.until or plan.gate:
        raise BadInput(
            "Judges are compared on both presentations of all the same items.",
            way_out="leave out `presentations`, `until` and `gate` in the plan",
        )
    names = [judge.title for judge in judges]
    alike = len({*names}) < len(names)
    return [Leg(f"{judge.title} ({judge.id[:8]})" if alike else judge.title, judge, plan) for judge in judges]


async def compare(
    study: Study,
    items: Items,
    judges: Sequence[Judge | str],
    *,
    plan: Plan | None = None,
    pace: Pace | None = None,
    group: str | None = None,
    name: str = "",
    strict: bool = False,
    watch: Watch | None = None,
    stop: asyncio.Event | None = None,
) -> Compared:
    """Judge the items with both judges, and hold them against each other; see `Study.compare`."""
    if len(judges) != 2:
        raise BadInput(f"Two judges are compared; given are {len(judges)}.")
    who = [study.fixed(judge if isinstance(judge, Judge) else Judge(judge)) for judge in judges]
    made = await run_legs(
        study, items, legs(who, plan or Plan()), pace=pace, name=name, strict=strict, watch=watch, stop=stop
    )
    outcomes = tuple(made.values())
    if any(outcome.status == "open" for outcome in outcomes):
        return Compared(None, outcomes)
    first, second = (outcome.run for outcome in outcomes)
    return Compared(await asyncio.to_thread(_measured, study, first, second, group), outcomes)


def _measured(study: Study, first: str, second: str, group: str | None) -> Comparison:
    found = comparison(study.store, first, second, group=group)
    save(study.store, found)
    return found

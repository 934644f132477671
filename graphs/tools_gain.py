"""Which runs show what a judge's tools bring? The judge without them, with them, and with results that lie or fail."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from ..agents.judge import Judge
from ..agents.tools.known import AUTO
from ..agents.tools.toolbox import Probe
from ..analyses.tools_gain import Compared, ToolsGain, save, tools_gain as measured
from ..text.errors import BadInput
from .legs import Leg, run_legs
from .plan import Plan
from .runner import Pace, Watch

if TYPE_CHECKING:
    from .given import Items
    from .outcome import Outcome
    from .study import Study

PROBES: tuple[Probe, ...] = tuple(probe for probe in get_args(Probe) if probe)


@dataclass(frozen=True, slots=True)
class Trial:
    """What a trial of tools came to.

    Attributes:
        gains: what was measured; with `each` one of each tool. Those whose runs are not all closed are not there.
        outcomes: the runs, in their order; the last is open where the trial was stopped.
    """

    gains: tuple[ToolsGain, ...]
    outcomes: tuple[Outcome, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "gains": [gain.to_dict() for gain in self.gains],
            "outcomes": [outcome.to_dict() for outcome in self.outcomes],
        }


def legs(judge: Judge, plan: Plan, *, each: bool = False, probes: bool = False) -> list[Leg]:
    """The runs of a trial in their order; the first, which all others are held against, is without tools.

    Args:
        judge: the judge with its tools.
        plan: of every run.
        each: whether each tool is tried alone, not all of them together.
        probes: whether there are runs too whose results are flipped, and whose tools are dead.

    Raises:
        BadInput: if there is nothing to compare.
    """
    if not judge.tools or AUTO in judge.tools:
        raise BadInput(
            "The judge names no tools that could be tried.",
            way_out="--tools calculator,units, or `tools` in the judge's file",
        )
    if judge.protocol != "pairwise":
        raise BadInput("Only pairs show whether tools help: the judge grades single responses.")
    if plan.presentations != "both" or plan.until or plan.gate or plan.tool_probe:
        raise BadInput(
            "The runs of a trial judge the same presentations of the same items, with results as they are.",
            way_out="leave out `presentations`, `until`, `gate` and `tool_probe` in the plan",
        )
    sets = [(name,) for name in judge.tools] if each else [judge.tools]
    found = [Leg("without tools", _with(judge, ()), plan)]
    for tools in sets:
        for probe in ("", *(PROBES if probes else ())):
            name = f"with {', '.join(tools)}{f', results {probe}' if probe else ''}"
            found.append(Leg(name, _with(judge, tools), plan.model_copy(update={"tool_probe": probe})))
    return found


def compared(judged: Sequence[Leg], runs: Sequence[str]) -> list[Compared]:
    """Which runs are compared: of each set of tools, those that are there.

    Args:
        judged: the runs' legs, from the first on.
        runs: the runs' ids, as many as are closed.
    """
    made: dict[tuple[str, ...], dict[str, str]] = {}
    wanted: dict[tuple[str, ...], int] = {}
    for number, leg in enumerate(judged):
        if leg.judge.tools:
            wanted[leg.judge.tools] = wanted.get(leg.judge.tools, 0) + 1
            if number < len(runs):
                made.setdefault(leg.judge.tools, {})[f"{leg.plan.tool_probe or 'with'}_run"] = runs[number]
    return [Compared(without_run=runs[0], **found) for tools, found in made.items() if len(found) == wanted[tools]]


async def try_tools(
    study: Study,
    items: Items,
    judge: Judge,
    *,
    plan: Plan | None = None,
    pace: Pace | None = None,
    each: bool = False,
    probes: bool = False,
    name: str = "",
    strict: bool = False,
    watch: Watch | None = None,
    stop: asyncio.Event | None = None,
) -> Trial:
    """Judge the items without tools and with them, and measure what the tools bring; see `Study.tools_gain`."""
    wanted = legs(judge, plan or Plan(), each=each, probes=probes)
    made = await run_legs(study, items, wanted, pace=pace, name=name, strict=strict, watch=watch, stop=stop)
    closed = [outcome.run for outcome in made.values() if outcome.status == "closed"]
    gains = [await asyncio.to_thread(_measured, study, runs) for runs in compared(wanted, closed)]
    return Trial(tuple(gains), tuple(made.values()))


def _measured(study: Study, runs: Compared) -> ToolsGain:
    first, second, flipped, dead = runs
    gain = measured(study.store, first, second, flipped_run=flipped, dead_run=dead)
    save(study.store, gain)
    return gain


def _with(judge: Judge, tools: tuple[str, ...]) -> Judge:
    return Judge(**{**judge.model_dump(), "tools": tools})

"""The panel graph: how does an item get its verdicts from many voices, and its decision?

    judge (one for each member and presentation) > aggregate > dissent

Each member judges each presentation by itself, without knowledge of the others, as the judge graph has it. An adaptive
panel asks in waves: `weigh` sends for the next member until no answer can change the outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, Send

from ..agents.judge import Judge
from ..agents.panel import Panel, load_panel
from ..store.records import Decision, Item, Verdict, VerdictKey
from ..text.errors import BadPanel
from .aggregate import asked_of, decided_by_panel, with_dissent
from .judge import JudgeGraph, hear_units, judge_graph
from .plan import Plan
from .reconcile import place_of, reconcile
from .state import Bench, JudgeState

PanelGraph = CompiledStateGraph[JudgeState, Bench, JudgeState, JudgeState]


class SeatState(JudgeState, total=False):
    """What one member is sent, for one presentation.

    Attributes:
        seat: the member's name.
    """

    seat: str


async def judge(state: SeatState, *, runtime: Runtime[Bench]) -> JudgeState:
    """One member's verdicts on one presentation."""
    bench = runtime.context
    assert bench.panel is not None
    seat = next(seat for seat in bench.panel.seats if seat.name == state["seat"])
    return await hear_units(state, state["units"], bench.of_seat(seat))


def sent(state: JudgeState, *, runtime: Runtime[Bench]) -> list[Send] | Literal["aggregate"]:
    """Send for every member and presentation that has not been heard, or go on where all have."""
    return _sends(state, runtime.context) or "aggregate"


async def weigh(state: JudgeState, *, runtime: Runtime[Bench]) -> Command[Literal["judge", "aggregate"]]:
    """Send for whom the outcome still depends on, or go on where it depends on nobody."""
    return Command(goto=_sends(state, runtime.context) or "aggregate")


async def aggregate(state: JudgeState, *, runtime: Runtime[Bench]) -> JudgeState:
    """Let the panel's rule choose."""
    bench = runtime.context
    assert bench.panel is not None
    item, verdicts = state["item"], state.get("verdicts", [])
    return {"decision": decided_by_panel(bench.panel, bench.plan, item, bench.judge, verdicts)}


async def dissent(state: JudgeState, *, runtime: Runtime[Bench]) -> JudgeState:
    """Keep who would have decided otherwise, why, and how far from it."""
    bench = runtime.context
    assert bench.panel is not None
    item, verdicts = state["item"], state.get("verdicts", [])
    return {"decision": with_dissent(state["decision"], bench.plan, item, bench.judge, bench.panel, verdicts)}


def _sends(state: JudgeState, bench: Bench) -> list[Send]:
    item, verdicts = state["item"], state.get("verdicts", [])
    final = [verdict for verdict in verdicts if verdict.step == ""]
    return [
        Send("judge", {**state, "verdicts": [], "tool_calls": [], "seat": name, "units": tuple(units)})
        for name, units in _due(bench, item, final)
    ]


def _due(bench: Bench, item: Item, verdicts: Sequence[Verdict]) -> list[tuple[str, list[VerdictKey]]]:
    """Whom to ask now: each member with its verdicts of one presentation that do not stand yet."""
    assert bench.panel is not None
    heard = {place_of(verdict) for verdict in verdicts}
    due: list[tuple[str, list[VerdictKey]]] = []
    for seat in asked_of(bench.panel, bench.plan, item, bench.judge, verdicts, next_too=True):
        shown: dict[tuple[str, ...], list[VerdictKey]] = {}
        for unit in bench.plan.seat_units(item, bench.judge, seat):
            if place_of(unit) not in heard:
                shown.setdefault(unit.presentation, []).append(unit)
        due += [(seat.name, units) for units in shown.values()]
    return due


@cache
def panel_graph(*, adaptive: bool = False) -> PanelGraph:
    """Compile once for either kind: the graph holds nothing between items, so all of them share it."""
    graph = StateGraph(JudgeState, Bench)
    graph.add_node(judge).add_node(aggregate).add_node(dissent)
    graph.add_conditional_edges(START, sent, ["judge", "aggregate"])
    if adaptive:
        graph.add_node(weigh).add_edge("judge", "weigh")
    else:
        graph.add_edge("judge", "aggregate")
    return graph.add_edge("aggregate", "dissent").add_edge("dissent", END).compile(name="panel")


def graph_of(panel: Panel | None) -> JudgeGraph | PanelGraph:
    """The graph that judges an item: of one judge, or of a panel."""
    return judge_graph() if panel is None else panel_graph(adaptive=panel.described.adaptive)


def units_of(
    panel: Panel | None, plan: Plan, item: Item, judge: Judge, verdicts: Sequence[Verdict]
) -> list[VerdictKey]:
    """The verdicts that an item still lacks, given those that stand; an adaptive panel's next members included."""
    heard = {place_of(verdict) for verdict in verdicts if verdict.step == ""}
    if panel is None:
        units = plan.units(item, judge)
    else:
        seats = asked_of(panel, plan, item, judge, [v for v in verdicts if v.step == ""], next_too=True)
        units = tuple(unit for seat in seats for unit in plan.seat_units(item, judge, seat))
    return [unit for unit in units if place_of(unit) not in heard]


def decision_of(panel: Panel | None, plan: Plan, item: Item, judge: Judge, verdicts: Sequence[Verdict]) -> Decision:
    """The decision of all of an item's verdicts."""
    if panel is None:
        return reconcile(plan.units(item, judge), verdicts, protocol=judge.protocol)
    return with_dissent(decided_by_panel(panel, plan, item, judge, verdicts), plan, item, judge, panel, verdicts)


def seated(panel: Panel | str | None, judge: Judge) -> Panel | None:
    """The panel of that name with those who may vote; None for none.

    Raises:
        BadPanel: if there is none, it does not hold, too few may vote, or the judge does not fit it.
        BadPersona: if one of its personas does not load.
        BadJudge: if the model of one of its members does not hold.
    """
    if panel is None:
        return None
    found = load_panel(panel) if isinstance(panel, str) else panel
    if judge.function and any(seat.persona for seat in found.seats):
        raise BadPanel(
            f"`{judge.title}` is a function of your own: it is not told of personas.", way_out="a model, or no panel"
        )
    voices = found if found.is_seated else found.seated()
    known: dict[tuple[str, str], str] = {}
    for seat in voices.seats:
        speaker = seat.judge(judge)
        if seat.model:
            speaker.check()
        other = known.setdefault((speaker.id, seat.persona.id if seat.persona else ""), seat.name)
        if other != seat.name:
            raise BadPanel(
                f"Of the panel `{voices.id}`, {other!r} and {seat.name!r} are one voice: the judge is that model.",
                way_out="leave one out",
            )
    return voices

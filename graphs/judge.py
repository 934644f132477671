"""The judge graph: how does an item get its verdicts and its decision?

    hear > reconcile

`hear` asks for every verdict that the plan wants, each presentation and sample at once and without knowledge of the
others. One node does it: a `Send` for each costs as much again as all else that is done for a verdict. A judge without
tools asks once (graphs/decide.py); for one with tools each verdict is a graph of its own (graphs/hearing.py); one whose
nodes ask more than once makes its verdict of several (graphs/parts.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from ..agents.attacks.filling import as_shown
from ..store.records import VerdictKey
from .decide import decide
from .letters import by_letter
from .parts import all_of, judged
from .reconcile import place_of, reconcile as reconciled
from .state import Bench, JudgeState, View

JudgeGraph = CompiledStateGraph[JudgeState, Bench, JudgeState, JudgeState]


async def hear(state: JudgeState, *, runtime: Runtime[Bench]) -> JudgeState:
    """Ask for every verdict that the plan wants and that does not stand yet, all at once."""
    bench = runtime.context
    units = bench.plan.units(state["item"], bench.judge)
    return {"units": units, **await hear_units(state, units, bench)}


async def hear_units(state: JudgeState, units: Sequence[VerdictKey], bench: Bench) -> JudgeState:
    """Ask for those of the verdicts that do not stand yet, all at once."""
    standing = {place_of(v) for v in state.get("verdicts", []) if v.step == ""}
    fresh, again = state.get("fresh", False), state.get("again", frozenset())
    views = [
        View(
            item=as_shown(state["item"], bench.judge, unit.presentation),
            unit=unit,
            fresh=fresh or place_of(unit) in again,
        )
        for unit in units
        if place_of(unit) not in standing
    ]
    if bench.toolbox is None and not bench.judge.in_parts:
        ask = by_letter if bench.judge.logprobs else decide
        return {"verdicts": await all_of([ask(view, bench) for view in views])}
    said = await all_of([judged(view, bench) for view in views])
    verdicts = [verdict for made, _ in said for verdict in made]
    if bench.toolbox is None:
        return {"verdicts": verdicts}
    return {"verdicts": verdicts, "tool_calls": [call for _, calls in said for call in calls]}


async def reconcile(state: JudgeState, *, runtime: Runtime[Bench]) -> JudgeState:
    """Make the decision of all verdicts."""
    protocol = runtime.context.judge.protocol
    return {"decision": reconciled(state["units"], state.get("verdicts", []), protocol=protocol)}


@cache
def judge_graph() -> JudgeGraph:
    """Compile once: the graph holds nothing between items, so all of them share it."""
    graph = StateGraph(JudgeState, Bench)
    graph.add_node(hear).add_node(reconcile)
    return graph.add_edge(START, "hear").add_edge("hear", "reconcile").add_edge("reconcile", END).compile(name="judge")

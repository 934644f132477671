"""Do a judge's tools earn their place? The same judge with and without them, on the same items, from recorded runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, NamedTuple

import orjson
from sqlalchemy import select

from ..metrics.estimate import Estimate
from ..metrics.paired import mcnemar
from ..store.analyses import keep_analysis
from ..store.engine import Store
from ..store.runs import Run, check_closed, find_run
from ..store.tables import metadata
from ..text.errors import BadInput
from .gold import Accepted, accepted
from .rows import streamed
from .tool_effects import Paired, Scores, changed, price
from .tool_records import costs, heard_items
from .tool_use import OF_EACH, USES, Ignored, Uses, sensitivity

ALPHA, NEEDLESS = 0.05, 0.05
ARMS = {"flipped": "tools:flipped", "dead": "tools:dead"}
_MAY_DIFFER = {"name", "base_url", "tools", "tool_calls", "tool_rounds", "tool_seconds", "tool_bytes"}
_SAME_JUDGE = {"name", "base_url"}
_DECIDES = ("estimate", "gained", "lost", "p_value")
_AGAINST = {
    **dict.fromkeys(("accuracy_with", "accuracy_without", "claim_recall", "false_accusations"), "gold"),
    **dict.fromkeys(("gain", "dead_tool_harm", "cost_per_gain"), "without tools"),
    **dict.fromkeys(("call_rate", "calls_per_verdict", "missed_calls"), "items for a tool"),
    **{"needless_calls": "items for no tool", "ignored": "what the tools imply", "sensitivity": "unflipped results"},
    **dict.fromkeys(("argument_validity", "refusals", "timeouts"), "calls of the model"),
}
MEASURES = tuple(_AGAINST)
"""Every measure that there is."""


class Compared(NamedTuple):
    """The runs that are compared, by their ids; '' for one that there is not.

    Attributes:
        with_run: the judge with its tools.
        without_run: the same judge without any.
        flipped_run: with results that speak for another response (`Plan.tool_probe`).
        dead_run: with tools that all fail.
    """

    with_run: str
    without_run: str
    flipped_run: str = ""
    dead_run: str = ""

    @property
    def command(self) -> str:
        """What a person types to compute the numbers again."""
        names = ("--with", "--without", "--flipped", "--dead")
        told = [f" {name} {run}" for name, run in zip(names, self, strict=True) if run]
        return f"plurijudge tools-gain{''.join(told)}"


@dataclass(frozen=True, slots=True)
class Measure:
    """One line: what was measured, of which tool, and what the missing verdicts could change.

    Attributes:
        measure: its name, one of `MEASURES`.
        tool: the tool that it is of, '' for all of them together.
        judge: the id of the judge with tools.
        against: what the judge is held against.
        estimate: the value; the item is its unit.
        worst: the value if every missing verdict had been the worst that it could be; None where none can be missing.
        best: the same with the best.
        gained: how many decisions are right with, and wrong without; None where decisions are not compared.
        lost: how many are wrong with, and right without.
        p_value: of McNemar's exact test on the two.
        by_status: how many verdicts of the run there are of each status, `ok` included.
    """

    measure: str
    tool: str
    judge: str
    against: str
    estimate: Estimate
    worst: float | None = None
    best: float | None = None
    gained: int | None = None
    lost: int | None = None
    p_value: float | None = None
    by_status: dict[str, int] = field(default_factory=dict)

    def columns(self) -> dict[str, Any]:
        """What the table `tools_gain` keeps of it, by column."""
        own = ("measure", "tool", "judge", "against", "gained", "lost", "p_value", "worst", "best")
        return {name: getattr(self, name) for name in own} | self.estimate.to_dict()

    def to_dict(self) -> dict[str, Any]:
        """The columns, and the counts of what was left out."""
        return {**self.columns(), "by_status": self.by_status}


@dataclass(frozen=True, slots=True)
class ToolsGain:
    """What a judge's tools bring, and how it uses them.

    Attributes:
        runs: the runs that were compared.
        tools: the names of the tools, as the judge has them.
        group: the annotators' group whose labels are gold, None for all of them.
        measures: the lines; those of single tools come after those of all, where there are several.
        ignored: the verdicts whose model went against its tools.
        earned: whether the tools earned their place: more decisions gained than lost, p below .05, and fewer than 5 %
            of the verdicts on items for no tool with a call. None where that is not known.
        why: the same in words.
    """

    runs: Compared
    tools: tuple[str, ...]
    group: str | None
    measures: tuple[Measure, ...]
    ignored: tuple[Ignored, ...]
    earned: bool | None
    why: str

    @property
    def command(self) -> str:
        """What a person types to compute it again."""
        return self.runs.command + (f" --group {self.group}" if self.group else "")

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them."""
        return {
            **self.runs._asdict(),
            "tools": [*self.tools],
            "group": self.group,
            "tools_gain": [measure.to_dict() for measure in self.measures],
            "ignored": [one.to_dict() for one in self.ignored],
            "earned": self.earned,
            "why": self.why,
            "command": self.command,
        }

    def one(self, measure: str, *, tool: str = "") -> Measure:
        """The line of that measure and tool.

        Raises:
            KeyError: if there is none.
        """
        for line in self.measures:
            if (line.measure, line.tool) == (measure, tool):
                return line
        raise KeyError(f"{measure} of {tool!r}")


def tools_gain(
    store: Store,
    with_run: str,
    without_run: str,
    *,
    flipped_run: str = "",
    dead_run: str = "",
    group: str | None = None,
) -> ToolsGain:
    """Measure what a judge's tools bring, from its recorded runs with and without them.

    `gain` is the accuracy with tools less that without, over the presentations that both runs judged, against gold. The
    test beside it counts decisions: a flipped pair, a tie that gold does not accept and an abstention are not right,
    and a decision that failed is left out. An item is one for a tool, or for none, by its `meta.tool` (`none` for
    none); where that is not given, it is one for a tool if a tool call of it spoke for a response, and for none if the
    gate chose no tool. `ignored` looks at the model's own word, whatever was settled afterwards.

    Args:
        store: the store.
        with_run: the run of the judge with its tools.
        without_run: the run of the same judge without any, on the same data set.
        flipped_run: one with `Plan.tool_probe` `flipped`, '' for none: does the judge read what its tools bring?
        dead_run: one with `Plan.tool_probe` `dead`, '' for none: do tools that fail do harm?
        group: the annotators' group whose labels are gold; None for all labels.

    Raises:
        NotFound: if there is no such run.
        BadInput: if the runs are not what is needed, such as open ones, or of judges that differ by more than tools.
    """
    runs = first, second, flipped, dead = _checked(store, with_run, without_run, flipped_run, dead_run)
    gold = accepted(store, first.dataset, group=group)
    uses, scores = Uses(), Scores()
    for heard in heard_items(store, first.id, judge=first.judge):
        uses.add(heard, gold.get(heard.item))
        scores.add(heard, gold.get(heard.item))
    without = _scores(store, second, gold)
    effects = Paired(scores, without, gold)
    gained, right = effects.gain(), changed(store, (first.id, second.id), gold)
    told = {**right._asdict(), "p_value": mcnemar(*right)} if gained.estimate.estimate is not None else {}
    lines = [
        _line("accuracy_with", *effects.first(), by_status=scores.by_status),
        _line("accuracy_without", *effects.second(), by_status=without.by_status, judge=second.judge),
        _line("gain", *gained, **told),
        _line("cost_per_gain", price(scores, without, (costs(store, first.id), costs(store, second.id)))),
        *_uses(uses),
    ]
    if flipped is not None:
        probed = heard_items(store, flipped.id, judge=flipped.judge, arm=ARMS["flipped"])
        lines.append(_line("sensitivity", *sensitivity(uses.own, probed)))
    if dead is not None:
        failing = _scores(store, dead, gold, arm=ARMS["dead"])
        harm = Paired(failing, without, gold).gain()
        lines.append(_line("dead_tool_harm", *harm, by_status=failing.by_status))
    measures = tuple(replace(line, judge=line.judge or first.judge) for line in lines)
    compared = Compared(*("" if run is None else run.id for run in runs))
    tools = tuple(first.plan["judge"]["tools"])
    return ToolsGain(compared, tools, group, measures, tuple(uses.ignored), *_earned(measures))


def _scores(store: Store, run: Run, gold: Mapping[str, Accepted], *, arm: str = "") -> Scores:
    scores = Scores()
    for heard in heard_items(store, run.id, judge=run.judge, arm=arm):
        scores.add(heard, gold.get(heard.item))
    return scores


def _uses(uses: Uses) -> Iterator[Measure]:
    """How the tools are used: all of them, then, where there are several, each."""
    for tool in ("", *(sorted(uses.tools) if len(uses.tools) > 1 else ())):
        for name in USES if not tool else OF_EACH:
            by_gate = name == "needless_calls" and not uses.told
            against = "items that the gate chose no tool for" if by_gate else _AGAINST[name]
            yield _line(name, *uses.effect(name, tool), tool=tool, against=against)


def _line(name: str, estimate: Estimate, worst: float | None = None, best: float | None = None, **more: Any) -> Measure:
    given = {"tool": "", "judge": "", "against": _AGAINST[name], **more}
    return Measure(measure=name, estimate=estimate, worst=worst, best=best, **given)


def _earned(measures: tuple[Measure, ...]) -> tuple[bool | None, str]:
    """Whether the tools earned their place, and why."""
    lines = {line.measure: line for line in measures if line.tool == ""}
    gain, needless_calls = lines["gain"], lines["needless_calls"]
    needless = needless_calls.estimate.estimate
    if gain.p_value is None or gain.gained is None or gain.lost is None:
        return None, gain.estimate.reason
    said = f"{gain.gained} decisions gained, {gain.lost} lost, exact McNemar p = {gain.p_value:.3g}"
    if gain.gained <= gain.lost or gain.p_value >= ALPHA:
        return False, f"{said}: no more than chance may do" if gain.gained > gain.lost else f"{said}: no gain"
    if needless is None:
        return None, f"{said}; but no item is known to be one for no tool (`meta.tool: none`)"
    calls = f"{needless:.1%} of the verdicts on {needless_calls.against} have a call"
    return needless < NEEDLESS, f"{said}; {calls}{'' if needless < NEEDLESS else ', 5 % or more'}"


def _checked(store: Store, *named: str) -> tuple[Run, Run, Run | None, Run | None]:
    """The four runs, each what it is taken for.

    Raises:
        NotFound: if there is no such run.
        BadInput: if one is not what is needed.
    """
    first, second, flipped, dead = (find_run(store, name) if name else None for name in named)
    assert first is not None and second is not None
    for run, probe, tools in ((first, "", True), (second, "", False), (flipped, "flipped", True), (dead, "dead", True)):
        if run is not None:
            _check(run, probe, tools=tools, like=first)
    return first, second, flipped, dead


def _check(run: Run, probe: str, *, tools: bool, like: Run) -> None:
    check_closed(run)
    judge, plan = run.plan.get("judge", {}), run.plan.get("plan", {})
    probed = plan.get("tool_probe", "")
    wrong = ""
    if tools != bool(judge.get("tools")):
        wrong = f"was judged {'without' if tools else 'with'} tools"
    elif probed != probe:
        wrong = f"was judged with tools that are {probed}" if probed else f"is none with tools that are {probe}"
    elif tools and judge.get("protocol") != "pairwise":
        wrong = "grades single responses; only pairs can be compared"
    elif run.dataset != like.dataset:
        wrong = f"is on another data set than {like.id}"
    elif judge and (changed := _differing(judge, like.plan["judge"], _MAY_DIFFER if not tools else _SAME_JUDGE)):
        wrong = f"has another judge than {like.id}: {', '.join(changed)}"
    if wrong:
        raise BadInput(f"The run {run.id} {wrong}.", way_out="plurijudge tools-gain ITEMS --tools NAMES makes the runs")


def _differing(one: Mapping[str, Any], other: Mapping[str, Any], free: set[str]) -> list[str]:
    return sorted(name for name in {*one, *other} - free if one.get(name) != other.get(name))


def earned_tools(store: Store, judge: Mapping[str, Any]) -> tuple[str, ...]:
    """The tools that earned their place with a judge, as the latest analysis of each set of tools has it.

    Args:
        store: the store.
        judge: the judge's description; it counts as the same judge whatever its name, endpoint and tools.
    """
    table, analysis = metadata.tables["tools_gain"], metadata.tables["analysis"]
    wanted = (
        select(analysis.c.id, analysis.c.runs, *(table.c[name] for name in ("measure", *_DECIDES)))
        .join(table, table.c.analysis == analysis.c.id)
        .where(table.c.tool == "", table.c.measure.in_(("gain", "needless_calls")))
        .order_by(analysis.c.id.desc())
    )
    found: dict[tuple[str, ...], bool] = {}
    for _, lines in groupby(streamed(store, wanted), key=lambda row: row["id"]):
        rows = {row["measure"]: row for row in lines}
        run = find_run(store, orjson.loads(next(iter(rows.values()))["runs"])[0])
        tried = run.plan.get("judge", {})
        tools = tuple(tried.get("tools", ()))
        if tools not in found and not _differing(tried, judge, _MAY_DIFFER):
            found[tools] = _has_earned(rows["gain"], rows["needless_calls"]["estimate"])
    return tuple(dict.fromkeys(name for tools, earned in found.items() if earned for name in tools))


def _has_earned(gain: Mapping[Any, Any], needless: float | None) -> bool:
    gained, lost, p_value = gain["gained"], gain["lost"], gain["p_value"]
    if gained is None or lost is None or p_value is None or needless is None:
        return False
    return bool(gained > lost and p_value < ALPHA and needless < NEEDLESS)


def save(store: Store, gain: ToolsGain) -> int:
    """Write what was measured: one row in `analysis`, its lines in `tools_gain`; gives the analysis' id."""
    lines = [line.columns() for line in gain.measures]
    runs = [run for run in gain.runs if run]
    return keep_analysis(store, "tools_gain", lines, runs=runs, options={"group": gain.group}, command=gain.command)

"""`plurijudge tools-gain`: do a judge's tools earn their place?"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from ..text.errors import BadInput
from .judging import (
    Allowance,
    CallLimits,
    Changes,
    Fresh,
    Items,
    Limit,
    NamedJudge,
    NoTies,
    Quiet,
    Samples,
    Seed,
    Strict,
    Tools,
    ToolUse,
    batch_of,
    names_in,
)
from .options import DEFAULT_DB, Db, Group, Json, complete_runs, examples, grouped
from .plain import BAD, answer_json, kept, leave

if TYPE_CHECKING:
    from ..analyses.tools_gain import Compared, ToolsGain
    from ..store.engine import Store

EXAMPLES = examples(
    "plurijudge tools-gain items.jsonl --model openai/gpt-5-mini --tools calculator,units",
    "plurijudge tools-gain items.jsonl --judge judge.yaml --each --probes",
    "plurijudge tools-gain --with r-20261123-7f3a --without r-20261123-11c0 --json",
)

_WORDS = {
    "accuracy_with": "accuracy with tools",
    "accuracy_without": "accuracy without",
    "gain": "gain: with less without",
    "call_rate": "verdicts with a call, items for a tool",
    "calls_per_verdict": "calls a verdict, items for a tool",
    "missed_calls": "items for a tool without a call",
    "needless_calls": "verdicts with a call, items for no tool",
    "ignored": "tools spoke, the model said otherwise",
    "argument_validity": "calls whose arguments hold",
    "refusals": "calls refused",
    "timeouts": "calls timed out",
    "claim_recall": "worse answers with a claim found wrong",
    "false_accusations": "better answers with a claim found wrong",
    "sensitivity": "words changed by flipped results",
    "dead_tool_harm": "dead tools less without",
}
_EARNED = {
    True: "the tools earned their place",
    False: "the tools did not earn their place",
    None: "whether the tools earned their place is not known",
}
_LISTED = 20

_With = Annotated[str, typer.Option("--with", help="A run of the judge with tools.", autocompletion=complete_runs)]
_Without = Annotated[
    str, typer.Option("--without", help="A run of the same judge without tools.", autocompletion=complete_runs)
]
_Flipped = Annotated[
    str, typer.Option("--flipped", help="A run whose tools' results were flipped.", autocompletion=complete_runs)
]
_Dead = Annotated[str, typer.Option("--dead", help="A run whose tools all failed.", autocompletion=complete_runs)]
_Each = Annotated[bool, typer.Option("--each", help="Try each tool alone, not all of them together.")]
_Probes = Annotated[
    bool, typer.Option("--probes", help="Also try the judge with flipped results, and with tools that all fail.")
]


@grouped
def tools_gain(
    items: Items = "",
    *,
    with_run: _With = "",
    without_run: _Without = "",
    flipped_run: _Flipped = "",
    dead_run: _Dead = "",
    named: NamedJudge,
    tools: Tools = "",
    each: _Each = False,
    probes: _Probes = False,
    group: Group = "",
    changes: Changes,
    samples: Samples = 1,
    no_ties: NoTies = False,
    tool_use: ToolUse,
    calls: CallLimits,
    limit: Limit = None,
    seed: Seed = 0,
    fresh: Fresh = False,
    strict: Strict = False,
    allowance: Allowance,
    quiet: Quiet = False,
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Judge ITEMS without tools and with them, and say what the tools bring; or measure recorded runs.

    Gold in the items says which verdicts are right; `meta.tool` may say for which tool an item is one, `none` for none.
    Budgets are those of all runs together.

    Exit codes: 0 measured, 2 bad usage or input or nothing to measure, 3 stopped by --budget, --max-calls or
    --deadline, 130 interrupted.
    """
    from ..analyses.tools_gain import Compared

    recorded = Compared(with_run, without_run, flipped_run, dead_run)
    if bool(items) == any(recorded):
        raise BadInput(
            "`tools-gain` needs either ITEMS, or recorded runs.",
            way_out="plurijudge tools-gain items.jsonl --tools calculator, or --with RUN --without RUN",
        )
    if not items:
        if not with_run or not without_run:
            raise BadInput("Recorded runs are a pair.", way_out="plurijudge tools-gain --with RUN --without RUN")
        from ..store.engine import Store

        with Store.open(db) as store:
            _answer(store, [recorded], group=group, as_json=as_json)
        return
    from ..graphs.plan import Plan
    from ..graphs.tools_gain import compared, legs

    who = named.described(
        **changes.told(),
        ties=False if no_ties else None,
        **tool_use.told(),
        tools=tuple(names_in(tools)) or None,
    )
    plan = Plan(samples=samples, seed=seed, limit=limit, fresh=fresh, tool_mode=tool_use.tool_mode)
    wanted = legs(who, plan, each=each, probes=probes)
    batch = batch_of(db, allowance=allowance, calls=calls, quiet=quiet)
    try:
        runs, stopped = batch.legs(items, wanted, strict=strict)
        whole = compared(wanted, [*runs.values()])
        if whole or stopped is None:
            _answer(batch.store, whole, group=group, as_json=as_json)
        if stopped is not None:
            batch.leave_stopped(stopped)
    finally:
        batch.close()


def _answer(store: Store, runs: list[Compared], *, group: str, as_json: bool) -> None:
    """Measure, keep and show; exit 2 where nothing can be said of any."""
    from ..analyses.tools_gain import save, tools_gain as measured

    told = []
    for first, second, flipped, dead in runs:
        gain = measured(store, first, second, flipped_run=flipped, dead_run=dead, group=group or None)
        told.append((gain, {"analysis": kept(partial(save, store, gain)), **gain.to_dict()}))
    if as_json:
        answer_json({"tools_gain": [document for _, document in told]})
    else:
        for gain, _ in told:
            _show(gain)
    if all(line.estimate.estimate is None for gain, _ in told for line in gain.measures):
        leave(BAD)


def _show(gain: ToolsGain) -> None:
    from ..reports.terminal import estimates_table, heading, line

    heading(f"tools: {', '.join(gain.tools)}")
    rows = [{**one.to_dict(), "subset": one.tool} for one in gain.measures if one.measure in _WORDS]
    estimates_table([{**row, "measure": _WORDS[row["measure"]]} for row in rows], by="tool")
    for one in gain.ignored[:_LISTED]:
        shown = " then ".join(one.presentation)
        line(f"ignored: item {one.item}, shown {shown}: the tools say {one.implied}, the model said {one.said}")
    if len(gain.ignored) > _LISTED:
        line(f"... {len(gain.ignored)} ignored in all; all of them with --json")
    line(f"a right verdict more costs: {_dollars(gain)}")
    line(f"{_EARNED[gain.earned]}: {gain.why}")
    line(f"recompute: {gain.command}")


def _dollars(gain: ToolsGain) -> str:
    found = gain.one("cost_per_gain").estimate
    if found.estimate is None:
        return f"unknown ({found.reason})"
    ends = f" [${found.low:.6f}, ${found.high:.6f}]" if found.low is not None else f" ({found.reason})"
    return f"${found.estimate:.6f}{ends}"

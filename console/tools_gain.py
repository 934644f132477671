"""`plurijudge tools-gain`: do a judge's tools earn their place?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..text.errors import BadInput, StoreFull
from . import judge as judging
from .options import DEFAULT_DB, Db, Json, complete_runs, examples
from .plain import BAD, INTERRUPTED, STOPPED, answer_json, leave, say

if TYPE_CHECKING:
    from ..agents.judge import Judge
    from ..analyses.tools_gain import Compared, ToolsGain
    from ..graphs.plan import Plan
    from ..graphs.study import Outcome
    from ..store.engine import Store
    from .batch import Batch

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
_Group = Annotated[str, typer.Option("--group", help="Only the labels of this group of annotators.")]


def tools_gain(
    context: typer.Context,
    items: judging.Items = "",
    with_run: _With = "",
    without_run: _Without = "",
    flipped_run: _Flipped = "",
    dead_run: _Dead = "",
    model: judging.ModelName = "builtin/heuristic",
    judge: judging.JudgeName = "",
    tools: judging.Tools = "",
    each: _Each = False,
    probes: _Probes = False,
    group: _Group = "",
    criteria: judging.Criteria = None,
    prompt: judging.PromptName = None,
    base_url: judging.BaseUrl = None,
    temperature: judging.Temperature = None,
    max_tokens: judging.MaxTokens = None,
    samples: judging.Samples = 1,
    no_ties: judging.NoTies = False,
    tool_mode: judging.ToolMode = "live",
    tool_calls: judging.ToolCalls = None,
    tool_rounds: judging.ToolRounds = None,
    tool_seconds: judging.ToolSeconds = None,
    tool_bytes: judging.ToolBytes = None,
    concurrency: judging.Concurrency = 16,
    timeout: judging.Timeout = 120.0,
    retries: judging.Retries = 5,
    rpm: judging.Rpm = None,
    tpm: judging.Tpm = None,
    transport: judging.Transport = "auto",
    limit: judging.Limit = None,
    seed: judging.Seed = 0,
    fresh: judging.Fresh = False,
    strict: judging.Strict = False,
    budget: judging.Dollars = None,
    max_calls: judging.MaxCalls = None,
    deadline: judging.Deadline = None,
    quiet: judging.Quiet = False,
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
    from ..agents.model import Limits
    from ..graphs.budget import Budget
    from ..graphs.plan import Plan
    from ..graphs.runner import Pace
    from .batch import Batch

    options = {
        **{"criteria": criteria, "prompt": prompt, "base_url": base_url, "temperature": temperature},
        **{"max_tokens": max_tokens, "ties": False if no_ties else None, "tool_calls": tool_calls},
        **{"tool_rounds": tool_rounds, "tool_seconds": tool_seconds, "tool_bytes": tool_bytes},
        "tools": tuple(name.strip() for name in tools.split(",") if name.strip()) or None,
    }
    named = context.get_parameter_source("model")
    given = {name: value for name, value in options.items() if value is not None}
    who = _who(judge, model, given, insists=named is not None and named.name == "COMMANDLINE")
    plan = Plan(samples=samples, seed=seed, limit=limit, fresh=fresh, tool_mode=tool_mode)
    limits = Limits(
        concurrency=concurrency,
        timeout=timeout,
        attempts=retries + 1,
        total=max(600.0, 2 * timeout),
        requests_per_minute=rpm,
        tokens_per_minute=tpm,
        transport=transport,
    )
    pace = Pace(limits=limits, budget=Budget(calls=max_calls, dollars=budget, seconds=deadline))
    batch = Batch(db=db, pace=pace, quiet=quiet)
    try:
        runs, stopped = _judge(batch, items, who, plan, each=each, probes=probes, strict=strict)
        if runs or stopped is None:
            _answer(batch.store, runs, group=group, as_json=as_json)
        if stopped is not None:
            say(f"stopped: {stopped.stopped}; start it again: what was answered is not paid again{batch.db_flag}")
            leave(INTERRUPTED if stopped.stopped == "interrupted" else STOPPED)
    finally:
        batch.close()


def _who(judge: str, model: str, given: dict[str, Any], *, insists: bool) -> Judge:
    from ..agents.judge import Judge

    if not judge:
        return Judge(model, **given)
    return Judge.read(judge, **given, **({"model": model} if insists else {}))


def _judge(
    batch: Batch, items: str, judge: Judge, plan: Plan, *, each: bool, probes: bool, strict: bool
) -> tuple[list[Compared], Outcome | None]:
    """Make the runs; gives those that can be compared, and the one that was stopped."""
    from ..graphs.legs import left_of
    from ..graphs.study import summary_line
    from ..graphs.tools_gain import compared, legs
    from .batch import spool

    wanted, runs = legs(judge, plan, each=each, probes=probes), list[str]()
    path = str(spool()) if items == "-" else items
    for leg in wanted:
        begun = time.monotonic()
        outcome = batch.judge(path, leg.judge, leg.plan, strict=strict)
        say(f"{outcome.run}, {leg.title}: {summary_line(outcome.sums, set_aside=outcome.set_aside)}")
        if outcome.status == "open":
            return compared(wanted, runs), outcome
        runs.append(outcome.run)
        batch.pace = left_of(batch.pace, outcome, seconds=time.monotonic() - begun)
    return compared(wanted, runs), None


def _answer(store: Store, runs: list[Compared], *, group: str, as_json: bool) -> None:
    """Measure, keep and show; exit 2 where nothing can be said of any."""
    from ..analyses.tools_gain import save, tools_gain as measured

    told = []
    for first, second, flipped, dead in runs:
        gain = measured(store, first, second, flipped_run=flipped, dead_run=dead, group=group or None)
        try:
            number: int | None = save(store, gain)
        except StoreFull as error:  # what a read-only store says can be measured all the same
            number = None
            say(f"note: the analysis is not kept. {error.message}")
        told.append((gain, {"analysis": number, **gain.to_dict()}))
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

"""`plurijudge judge`: judge the items of a file, and go on with a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..text.errors import BadInput
from .judging import (
    Allowance,
    AllowSelfJudge,
    CallLimits,
    Changes,
    DryRun,
    Fresh,
    Items,
    Limit,
    NamedJudge,
    NoTies,
    Presentations,
    Protocol,
    Quiet,
    Samples,
    Seed,
    Strict,
    Tools,
    ToolUse,
    batch_of,
    names_in,
)
from .options import DEFAULT_DB, Db, Json, complete_runs, examples, grouped
from .plain import DONE, GATE, INTERRUPTED, SOME_FAILED, STOPPED, answer, answer_json, leave, say

if TYPE_CHECKING:
    from ..agents.judge import Judge
    from .batch import Batch

EXAMPLES = examples(
    "plurijudge judge items.jsonl --model openai/gpt-5-mini",
    "plurijudge judge items.jsonl --model builtin/heuristic --json | jq .decisions",
    "plurijudge judge --run last",
)


_Order = Annotated[
    Literal["random", "given"],
    typer.Option("--order", envvar="PLURIJUDGE_ORDER", help="Take items in a seeded random order, or as they come."),
]
_UntilRule = Annotated[
    str, typer.Option("--until", help="Stop once enough is known: 'width<=0.04', or 'decided: a>b'.")
]
_GateRule = Annotated[
    str,
    typer.Option(
        "--gate",
        help="What must hold in the end, else exit 4: 'a>b', 'a>b >= 0.55'; `personas`: who lost ability has no vote.",
    ),
]
_Lease = Annotated[
    float,
    typer.Option(
        "--lease",
        envvar="PLURIJUDGE_LEASE",
        min=0.5,
        help="PostgreSQL: seconds without a sign of life after which others take over this process's share.",
    ),
]
_PanelName = Annotated[
    str, typer.Option("--panel", help="The voices to judge with: d3-8, crehate-5, reviewers-3, or a file of your own.")
]
_RuleName = Annotated[
    Literal["majority", "mean", "weighted", "maxmin", "veto", "borda"] | None,
    typer.Option("--rule", help="How the panel chooses; what its file says where it is not given."),
]
_Quorum = Annotated[
    int | None, typer.Option("--quorum", min=1, help="How many members must say something for a decision.")
]
_Assignment = Annotated[
    Literal["all", "cyclic"] | None,
    typer.Option("--assignment", help="All members judge each item, or one of them in turn."),
]
_Adaptive = Annotated[
    bool, typer.Option("--adaptive", help="Ask further members only while they can still change the outcome.")
]
_Unmeasured = Annotated[
    bool, typer.Option("--allow-unmeasured", help="Let personas vote for whom no values were measured.")
]
_Weights = Annotated[
    str, typer.Option("--weights", help="Of the rule `weighted`: a panel's run with gold, to weigh members by.")
]
_Baselines = Annotated[
    bool,
    typer.Option("--baselines", help="With --panel: also judge by what the panel must beat, and say whether it does."),
]
_Dossiers = Annotated[
    Literal["own", "blind", "labels", "shuffled"],
    typer.Option("--dossiers", help="Tell of personas by dossier, without label, by label alone, or by another's."),
]
_MaxChars = Annotated[int, typer.Option("--max-chars", min=1, help="Set items with a longer response aside.")]
_GoOn = Annotated[str, typer.Option("--run", help="Go on with this run.", autocompletion=complete_runs)]
_RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", help="With --run: ask again what failed in a closed run.")
]


@grouped
def judge(
    items: Items = "",
    *,
    named: NamedJudge,
    protocol: Protocol = None,
    changes: Changes,
    samples: Samples = 1,
    presentations: Presentations = "both",
    no_ties: NoTies = False,
    panel: _PanelName = "",
    rule: _RuleName = None,
    quorum: _Quorum = None,
    assignment: _Assignment = None,
    adaptive: _Adaptive = False,
    allow_unmeasured: _Unmeasured = False,
    weights: _Weights = "",
    dossiers: _Dossiers = "own",
    baselines: _Baselines = False,
    tools: Tools = "",
    tool_use: ToolUse,
    calls: CallLimits,
    limit: Limit = None,
    order: _Order = "random",
    until: _UntilRule = "",
    gate: _GateRule = "",
    lease: _Lease = 60.0,
    seed: Seed = 0,
    fresh: Fresh = False,
    strict: Strict = False,
    max_chars: _MaxChars = 1_000_000,
    allow_self_judge: AllowSelfJudge = False,
    allowance: Allowance,
    dry_run: DryRun = False,
    run: _GoOn = "",
    retry_failed: _RetryFailed = False,
    quiet: Quiet = False,
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Judge ITEMS, store everything, and show the decisions.

    Without a model or a key the built-in heuristic judges, which is no LLM. Both presentations of a pair are judged.
    What was asked before is taken from the cache. Ctrl-C stops and leaves a run that `--run` goes on with.

    Exit codes: 0 done, 1 some decisions failed, 2 bad usage or input or nothing to judge, 3 stopped by --budget,
    --max-calls or --deadline, 4 the --gate did not hold, 70 a fault of plurijudge's, 130 interrupted.
    """
    batch = batch_of(db, allowance=allowance, calls=calls, lease=lease, quiet=quiet, question=not allow_self_judge)
    if run:
        outcome = _go_on(batch, run, items=items, dry_run=dry_run, retry_failed=retry_failed)
    else:
        if not items or retry_failed:
            missing = "`--retry-failed` needs `--run`." if retry_failed else "`judge` needs ITEMS."
            raise BadInput(missing, way_out="plurijudge judge items.jsonl, or plurijudge judge --run last")
        from ..graphs.plan import Plan
        from .panel_choice import PERSONAS, PanelChoice

        who = named.described(
            protocol=protocol,
            **changes.told(),
            ties=False if no_ties else None,
            **tool_use.told(),
            tools=tuple(names_in(tools)) if tools else None,
        )
        named_gates = names_in(gate)
        rules = [name for name in named_gates if name != PERSONAS]
        if len(rules) > 1:
            raise BadInput("`--gate` takes one rule, beside `personas`.", way_out="--gate 'personas, a>b'")
        court = PanelChoice(
            panel,
            {"rule": rule, "quorum": quorum, "assignment": assignment, "adaptive": adaptive or None},
            allow_unmeasured=allow_unmeasured,
            weights=weights,
            gated=PERSONAS in named_gates,
        )
        voices = court.panel(who, db)
        plan = Plan(
            presentations=presentations,
            samples=samples,
            seed=seed,
            order=order,
            until=until,
            gate="".join(rules),
            limit=limit,
            fresh=fresh,
            max_chars=max_chars,
            tool_mode=tool_use.tool_mode,
            dossiers=dossiers,
        )
        if dry_run:
            _estimate(items, who, plan, voices, as_json)
            return
        court.tell(voices)
        if baselines:
            _weigh(batch, items, who, plan, voices, strict=strict, as_json=as_json)
            return
        outcome = batch.judge(items, who, plan, panel=voices, strict=strict)
    _show(batch, outcome, as_json=as_json, quiet=quiet)


def _weigh(batch: Batch, items: str, who: Judge, plan: Any, panel: Any, *, strict: bool, as_json: bool) -> None:
    """Judge by the panel and by what it must beat, and say whether it does."""
    from ..graphs.panel_trials import worth_legs
    from .panel_trials import show_worth, worth_of

    if panel is None:
        raise BadInput("`--baselines` is about a panel.", way_out="--panel d3-8")
    try:
        found = worth_of(batch.store, batch.legs_or_leave(items, worth_legs(who, plan, panel), strict=strict))
        if as_json:
            answer_json(found.to_dict())
        else:
            show_worth(found)
    finally:
        batch.close()


def _go_on(batch: Batch, run: str, *, items: str, dry_run: bool, retry_failed: bool) -> Any:
    if items:
        raise BadInput(
            "`--run` goes on with a run as it was planned: it takes no ITEMS.",
            way_out=f"plurijudge judge --run {run}, or plurijudge judge {items} for a new run",
        )
    if dry_run:
        raise BadInput(
            "`--dry-run` is for a new run: it needs ITEMS, and no `--run`.", way_out=f"plurijudge show {run}"
        )
    return batch.retry(run) if retry_failed else batch.resume(run)


def _estimate(items: str, judge: Any, plan: Any, panel: Any, as_json: bool) -> None:
    from pathlib import Path

    from ..graphs.forecast import forecast

    if items == "-":
        raise BadInput("`--dry-run` reads the items twice, which standard input cannot give.", way_out="name a file")
    found = forecast(Path(items), judge, plan, panel)
    if as_json:
        answer_json(found.to_dict())
    else:
        answer(str(found))


def _show(batch: Any, outcome: Any, *, as_json: bool, quiet: bool) -> None:
    from ..analyses.attack_notes import attack_notes
    from ..graphs.outcome import summary_line
    from ..store.runs import find_run
    from .show import run_document, show_run

    line = summary_line(outcome.sums, set_aside=outcome.set_aside)
    try:
        told = as_json or quiet  # else the table says it
        notes = attack_notes(batch.store, find_run(batch.store, outcome.run)) if told else None
        if as_json:
            answer_json(run_document(batch.store, outcome.run, notes=notes))
        elif not quiet:
            show_run(batch.store, outcome.run)
        for fault in outcome.faults[:20]:
            say(f"set aside: {fault}")
        if outcome.set_aside > 20:
            say(f"... {outcome.set_aside} set aside in all")
        say(f"{outcome.run}: {line}")
        if notes is not None and (noted := str(notes)):
            say(noted)
        if outcome.status == "open" and outcome.stopped != "interrupted":
            say(f"stopped: {outcome.stopped}; go on with: plurijudge judge --run {outcome.run}{batch.db_flag}")
            leave(STOPPED)
        if outcome.status == "open":
            say(f"interrupted; go on with: plurijudge judge --run {outcome.run}{batch.db_flag}")
            leave(INTERRUPTED)
        if outcome.stopped:
            say(f"ended early: {outcome.stopped}")
        if outcome.gate:
            say(f"gate {outcome.gate}: {outcome.gate_said}")
        if outcome.gate not in ("", "holds"):
            leave(GATE)
        leave(SOME_FAILED if outcome.sums["decisions"].get("failed") else DONE)
    finally:
        batch.close()

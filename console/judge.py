"""`plurijudge judge`: judge the items of a file, and go on with a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..text.errors import BadInput, BadJudge
from .options import DEFAULT_DB, Db, Json, complete_runs, examples
from .plain import DONE, GATE, INTERRUPTED, SOME_FAILED, STOPPED, answer, answer_json, leave, say

if TYPE_CHECKING:
    from ..agents.judge import Judge
    from .batch import Batch

EXAMPLES = examples(
    "plurijudge judge items.jsonl --model openai/gpt-5-mini",
    "plurijudge judge items.jsonl --model builtin/heuristic --json | jq .decisions",
    "plurijudge judge --run last",
)


Items = Annotated[str, typer.Argument(help="Items as JSON lines, CSV or Parquet; `-` is standard input.")]
ModelName = Annotated[
    str, typer.Option("--model", "-m", envvar="PLURIJUDGE_MODEL", help="LiteLLM's name of the model.")
]
JudgeName = Annotated[str, typer.Option("--judge", help="A judge's YAML file, or module:function of your own.")]
Protocol = Annotated[
    Literal["pairwise", "score"] | None, typer.Option("--protocol", help="Compare two responses, or grade each.")
]
Criteria = Annotated[str | None, typer.Option("--criteria", help="What to decide by, in your words.")]
PromptName = Annotated[str | None, typer.Option("--prompt", help="A prompt file of your own.")]
BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", envvar="PLURIJUDGE_BASE_URL", help="The endpoint, such as http://localhost:8000/v1."),
]
Temperature = Annotated[
    float | None,
    typer.Option("--temperature", envvar="PLURIJUDGE_TEMPERATURE", min=0, max=2, help="Of sampling; 0 by default."),
]
MaxTokens = Annotated[
    int | None,
    typer.Option("--max-tokens", envvar="PLURIJUDGE_MAX_TOKENS", min=1, help="Of an answer; 1024 by default."),
]
Samples = Annotated[
    int,
    typer.Option(
        "--samples", envvar="PLURIJUDGE_SAMPLES", min=1, max=1000, help="How often each presentation is judged."
    ),
]
Presentations = Annotated[
    Literal["both", "random"],
    typer.Option(
        "--presentations",
        envvar="PLURIJUDGE_PRESENTATIONS",
        help="Show a pair in both orders, or in one at random.",
    ),
]
NoTies = Annotated[bool, typer.Option("--no-ties", help="Do not allow the answer that neither is better.")]
Concurrency = Annotated[
    int,
    typer.Option("--concurrency", "-c", envvar="PLURIJUDGE_CONCURRENCY", min=1, help="Calls in flight at most."),
]
Timeout = Annotated[
    float,
    typer.Option("--timeout", envvar="PLURIJUDGE_TIMEOUT", min=0.01, help="Seconds for one attempt at a call."),
]
Retries = Annotated[
    int,
    typer.Option("--retries", envvar="PLURIJUDGE_RETRIES", min=0, help="How often a failed call is tried again."),
]
Order = Annotated[
    Literal["random", "given"],
    typer.Option("--order", envvar="PLURIJUDGE_ORDER", help="Take items in a seeded random order, or as they come."),
]
UntilRule = Annotated[str, typer.Option("--until", help="Stop once enough is known: 'width<=0.04', or 'decided: a>b'.")]
GateRule = Annotated[
    str,
    typer.Option(
        "--gate",
        help="What must hold in the end, else exit 4: 'a>b', 'a>b >= 0.55'; `personas`: who lost ability has no vote.",
    ),
]
Transport = Annotated[
    Literal["auto", "direct", "litellm"],
    typer.Option(
        "--transport",
        envvar="PLURIJUDGE_TRANSPORT",
        help="Ask OpenAI-compatible endpoints directly, or all through LiteLLM.",
    ),
]
Rpm = Annotated[
    float | None, typer.Option("--rpm", envvar="PLURIJUDGE_RPM", min=0.01, help="Requests a minute at most.")
]
Tpm = Annotated[float | None, typer.Option("--tpm", envvar="PLURIJUDGE_TPM", min=1, help="Tokens a minute at most.")]
Lease = Annotated[
    float,
    typer.Option(
        "--lease",
        envvar="PLURIJUDGE_LEASE",
        min=0.5,
        help="PostgreSQL: seconds without a sign of life after which others take over this process's share.",
    ),
]
Tools = Annotated[
    str, typer.Option("--tools", help="Tools, as calculator,lookup:FILE; `auto`: those that earned it (docs/tools.md).")
]
PanelName = Annotated[
    str, typer.Option("--panel", help="The voices to judge with: d3-8, crehate-5, reviewers-3, or a file of your own.")
]
RuleName = Annotated[
    Literal["majority", "mean", "weighted", "maxmin", "veto", "borda"] | None,
    typer.Option("--rule", help="How the panel chooses; what its file says where it is not given."),
]
Quorum = Annotated[
    int | None, typer.Option("--quorum", min=1, help="How many members must say something for a decision.")
]
Assignment = Annotated[
    Literal["all", "cyclic"] | None,
    typer.Option("--assignment", help="All members judge each item, or one of them in turn."),
]
Adaptive = Annotated[
    bool, typer.Option("--adaptive", help="Ask further members only while they can still change the outcome.")
]
Unmeasured = Annotated[
    bool, typer.Option("--allow-unmeasured", help="Let personas vote for whom no values were measured.")
]
Weights = Annotated[
    str, typer.Option("--weights", help="Of the rule `weighted`: a panel's run with gold, to weigh members by.")
]
Baselines = Annotated[
    bool,
    typer.Option("--baselines", help="With --panel: also judge by what the panel must beat, and say whether it does."),
]
Dossiers = Annotated[
    Literal["own", "blind", "labels", "shuffled"],
    typer.Option("--dossiers", help="Tell of personas by dossier, without label, by label alone, or by another's."),
]
ToolMode = Annotated[
    Literal["live", "record", "replay"],
    typer.Option("--tool-mode", help="Run tool calls, take what is stored and run the rest, or run none."),
]
ToolCalls = Annotated[
    int | None, typer.Option("--tool-calls", min=0, help="Tool calls of a verdict at most; 6 where nobody says.")
]
ToolRounds = Annotated[
    int | None, typer.Option("--tool-rounds", min=0, help="How often the model may ask for tools; 4 where nobody says.")
]
ToolSeconds = Annotated[
    float | None, typer.Option("--tool-seconds", min=0.01, help="Of one tool call; what each tool declares, mostly 5.")
]
ToolBytes = Annotated[
    int | None, typer.Option("--tool-bytes", min=200, help="Of a result, as the model is shown it; 4096.")
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Only the first N items.")]
Seed = Annotated[
    int,
    typer.Option("--seed", envvar="PLURIJUDGE_SEED", min=-(2**63), max=2**63 - 1, help="Of every random choice."),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Ask anew what is answered already.")]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse the whole file if any line is bad.")]
MaxChars = Annotated[int, typer.Option("--max-chars", min=1, help="Set items with a longer response aside.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say how many calls, tokens and dollars it would take; ask nothing.")
]
Dollars = Annotated[
    float | None, typer.Option("--budget", min=0, help="Stop once the run has cost so many US dollars.")
]
MaxCalls = Annotated[int | None, typer.Option("--max-calls", min=1, help="Stop before the run makes more calls.")]
Deadline = Annotated[float | None, typer.Option("--deadline", min=0.01, help="Stop after so many seconds.")]
GoOn = Annotated[str, typer.Option("--run", help="Go on with this run.", autocompletion=complete_runs)]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="With --run: ask again what failed in a closed run.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")]


def judge(
    context: typer.Context,
    items: Items = "",
    model: ModelName = "builtin/heuristic",
    judge: JudgeName = "",
    protocol: Protocol = None,
    criteria: Criteria = None,
    prompt: PromptName = None,
    base_url: BaseUrl = None,
    temperature: Temperature = None,
    max_tokens: MaxTokens = None,
    samples: Samples = 1,
    presentations: Presentations = "both",
    no_ties: NoTies = False,
    panel: PanelName = "",
    rule: RuleName = None,
    quorum: Quorum = None,
    assignment: Assignment = None,
    adaptive: Adaptive = False,
    allow_unmeasured: Unmeasured = False,
    weights: Weights = "",
    dossiers: Dossiers = "own",
    baselines: Baselines = False,
    tools: Tools = "",
    tool_mode: ToolMode = "live",
    tool_calls: ToolCalls = None,
    tool_rounds: ToolRounds = None,
    tool_seconds: ToolSeconds = None,
    tool_bytes: ToolBytes = None,
    concurrency: Concurrency = 16,
    timeout: Timeout = 120.0,
    retries: Retries = 5,
    rpm: Rpm = None,
    tpm: Tpm = None,
    transport: Transport = "auto",
    limit: Limit = None,
    order: Order = "random",
    until: UntilRule = "",
    gate: GateRule = "",
    lease: Lease = 60.0,
    seed: Seed = 0,
    fresh: Fresh = False,
    strict: Strict = False,
    max_chars: MaxChars = 1_000_000,
    budget: Dollars = None,
    max_calls: MaxCalls = None,
    deadline: Deadline = None,
    dry_run: DryRun = False,
    run: GoOn = "",
    retry_failed: RetryFailed = False,
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
    from ..agents.model import Limits
    from ..graphs.budget import Budget
    from ..graphs.runner import Pace
    from .batch import Batch

    limits = Limits(
        concurrency=concurrency,
        timeout=timeout,
        attempts=retries + 1,
        total=max(600.0, 2 * timeout),
        requests_per_minute=rpm,
        tokens_per_minute=tpm,
        transport=transport,
    )
    pace = Pace(limits=limits, budget=Budget(calls=max_calls, dollars=budget, seconds=deadline), lease=lease)
    batch = Batch(db=db, pace=pace, quiet=quiet)
    if run:
        outcome = _go_on(batch, run, items=items, dry_run=dry_run, retry_failed=retry_failed)
    else:
        if not items or retry_failed:
            missing = "`--retry-failed` needs `--run`." if retry_failed else "`judge` needs ITEMS."
            raise BadInput(missing, way_out="plurijudge judge items.jsonl, or plurijudge judge --run last")
        from ..graphs.plan import Plan
        from .panel_choice import PERSONAS, PanelChoice

        options = {
            **{"protocol": protocol, "criteria": criteria, "prompt": prompt, "base_url": base_url},
            **{"temperature": temperature, "max_tokens": max_tokens, "ties": False if no_ties else None},
            **{"tool_calls": tool_calls, "tool_rounds": tool_rounds},
            **{"tool_seconds": tool_seconds, "tool_bytes": tool_bytes},
        }
        given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
        if tools:
            given["tools"] = tuple(name.strip() for name in tools.split(",") if name.strip())
        named = context.get_parameter_source("model")
        who = _who(judge, model, given, insists=named is not None and named.name == "COMMANDLINE")
        named_gates = [name.strip() for name in gate.split(",") if name.strip()]
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
            tool_mode=tool_mode,
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
    from .panels import made, show_worth, worth_of

    if panel is None:
        raise BadInput("`--baselines` is about a panel.", way_out="--panel d3-8")
    try:
        runs, stopped = made(batch, items, worth_legs(who, plan, panel), strict=strict)
        if stopped is not None:
            say(f"stopped: {stopped.stopped}; start it again: what was answered is not paid again{batch.db_flag}")
            leave(INTERRUPTED if stopped.stopped == "interrupted" else STOPPED)
        found = worth_of(batch.store, runs)
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


def _who(judge: str, model: str, given: dict[str, Any], *, insists: bool) -> Judge:
    """The judge that the options describe; a model typed beside a judge's file replaces the file's."""
    from pathlib import Path

    from ..agents.judge import Judge

    if "base_url" in given:
        _check_address(given["base_url"])
    if not judge:
        who = Judge(model, **given)
    else:
        is_file = Path(judge).suffix in (".yaml", ".yml") or Path(judge).is_file()
        if insists and not is_file:
            raise BadInput(
                f"`--judge {judge}` is a function of your own: it takes no `--model`.", way_out="leave one out"
            )
        try:
            who = Judge.read(judge, **given, **({"model": model} if insists else {}))
        except BadJudge as error:
            if not is_file:
                raise
            message = error.message if judge in error.message else f"In {judge}: {error.message}"
            raise BadJudge(message, way_out=error.way_out or _fields(Judge, message)) from error
    return who


def _fields(judge: type[Judge], message: str) -> str:
    """What a judge's file may hold, the field that was probably meant first."""
    import re
    from difflib import get_close_matches

    named = re.search(r"The judge's `(\w+)`", message)
    near = get_close_matches(named[1], judge.model_fields, n=1) if named and named[1] not in judge.model_fields else []
    return f"`{near[0]}`" if near else "`name: value` on each line; names are " + ", ".join(judge.model_fields)


def _check_address(address: str) -> None:
    """Refuse what is no address before a run is made of it, which could never be gone on with."""
    from urllib.parse import urlsplit

    from ..text.secrets import without_secrets

    if without_secrets(address) != address:
        raise BadInput(
            "`--base-url` holds a password or a key, and descriptions of judges are stored.",
            way_out="put it in the environment, as the provider's _API_KEY",
        )
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 80) > 0
    except ValueError:
        good = False
    if not good or any(mark.isspace() for mark in address):
        raise BadInput(f"`--base-url {address}` is no address.", way_out="--base-url http://127.0.0.1:8000/v1")


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
    from ..graphs.study import summary_line
    from .show import run_document, show_run

    line = summary_line(outcome.sums, set_aside=outcome.set_aside)
    try:
        if as_json:
            answer_json(run_document(batch.store, outcome.run))
        elif not quiet:
            show_run(batch.store, outcome.run)
        for fault in outcome.faults[:20]:
            say(f"set aside: {fault}")
        if outcome.set_aside > 20:
            say(f"... {outcome.set_aside} set aside in all")
        say(f"{outcome.run}: {line}")
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

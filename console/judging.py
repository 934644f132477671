"""Which judge do the options of a command name, and how fast, long and dearly may it be asked?

A command takes groups of options, and makes from them what it needs:

    @grouped
    def gate(*, named: NamedJudge, allowance: Allowance, quiet: Quiet = False, db: Db = DEFAULT_DB) -> None:
        judge = named.described()
        batch = batch_of(db, allowance=allowance, quiet=quiet)
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..text.errors import BadInput, BadJudge

if TYPE_CHECKING:
    from ..agents.judge import Judge
    from ..agents.model import Limits
    from ..graphs.budget import Budget
    from .batch import Batch

Items = Annotated[str, typer.Argument(help="Items as JSON lines, CSV or Parquet; `-` is standard input.")]
ModelName = Annotated[
    str, typer.Option("--model", "-m", envvar="PLURIJUDGE_MODEL", help="LiteLLM's name of the model.")
]
JudgeName = Annotated[
    str, typer.Option("--judge", help="A judge's YAML file, one that is ready, as helpfulness, or module:function.")
]
AnyJudge = Annotated[str, typer.Option("--judge", help="A judge's YAML file, module:function of your own, or a model.")]
BASELINE = "builtin/heuristic"  # who judges where nobody is named
Protocol = Annotated[
    Literal["pairwise", "joint", "score", "rank", "rubric", "reference", "choice"] | None,
    typer.Option(
        "--protocol", help="Compare two, grade each (by itself, a rubric or the reference), put in order, choose."
    ),
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
Logprobs = Annotated[
    bool | None,
    typer.Option("--logprobs", help="Ask for one letter and read its probability, where the provider gives it."),
]
Tools = Annotated[
    str, typer.Option("--tools", help="Tools, as calculator,lookup:FILE; `auto`: those that earned it (docs/tools.md).")
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
Rpm = Annotated[
    float | None, typer.Option("--rpm", envvar="PLURIJUDGE_RPM", min=0.01, help="Requests a minute at most.")
]
Tpm = Annotated[float | None, typer.Option("--tpm", envvar="PLURIJUDGE_TPM", min=1, help="Tokens a minute at most.")]
Transport = Annotated[
    Literal["auto", "direct", "litellm"],
    typer.Option(
        "--transport",
        envvar="PLURIJUDGE_TRANSPORT",
        help="Ask OpenAI-compatible endpoints directly, or all through LiteLLM.",
    ),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Only the first N items.")]
Seed = Annotated[
    int,
    typer.Option("--seed", envvar="PLURIJUDGE_SEED", min=-(2**63), max=2**63 - 1, help="Of every random choice."),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Ask anew what is answered already.")]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse the whole file if any line is bad.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say how many calls, tokens and dollars it would take; ask nothing.")
]
Dollars = Annotated[
    float | None, typer.Option("--budget", min=0, help="Stop once the run has cost so many US dollars.")
]
MaxCalls = Annotated[int | None, typer.Option("--max-calls", min=1, help="Stop before the run makes more calls.")]
Deadline = Annotated[float | None, typer.Option("--deadline", min=0.01, help="Stop after so many seconds.")]
AllowSelfJudge = Annotated[
    bool,
    typer.Option(
        "--allow-self-judge",
        envvar="PLURIJUDGE_ALLOW_SELF_JUDGE",
        help="Do not ask, at a terminal, where the judge is kin to those whom it judges; the note stays.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")]


@dataclass(frozen=True, slots=True)
class NamedJudge:
    """A judge by its model, or by its file and what is typed beside it.

    Attributes:
        context: of the command: it knows whether the model was typed, or comes from a setting.
        model: the model's name.
        judge: a judge's file, or a function of a user's own; '' for none.
    """

    context: typer.Context
    model: ModelName = BASELINE
    judge: JudgeName = ""

    def described(self, **changes: Any) -> Judge:
        """The judge; a model typed beside a judge's file replaces the file's.

        Args:
            changes: of its description; None where nothing is said.

        Raises:
            BadInput: if a model is typed beside a function, or `base_url` is no address.
            BadJudge: if the description does not hold.
        """
        from ..agents.gallery import with_protocol
        from ..agents.judge import Judge

        given = _said(changes)
        if not self.judge:
            return Judge(self.model, **with_protocol(given))
        source = self.context.get_parameter_source("model")
        if source is not None and source.name == "COMMANDLINE":
            if not _is_file(self.judge):
                raise BadInput(
                    f"`--judge {self.judge}` is a function of your own: it takes no `--model`.",
                    way_out="leave one out",
                )
            given["model"] = self.model
        elif _is_file(self.judge) and not names_model(self.judge):  # a setting is better than none
            given["model"] = self.model
        return _read(self.judge, given)


@dataclass(frozen=True, slots=True)
class Changes:
    """What is changed of a judge's description; None where nothing is said."""

    criteria: Criteria = None
    prompt: PromptName = None
    base_url: BaseUrl = None
    temperature: Temperature = None
    max_tokens: MaxTokens = None
    logprobs: Logprobs = None

    def told(self) -> dict[str, Any]:
        """By the description's names."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class ToolUse:
    """How a judge's tools are run, and how often and how long; None where nobody says."""

    tool_mode: ToolMode = "live"
    tool_calls: ToolCalls = None
    tool_rounds: ToolRounds = None
    tool_seconds: ToolSeconds = None
    tool_bytes: ToolBytes = None

    def told(self) -> dict[str, Any]:
        """What of it is the description's, by its names; the mode is the plan's."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "tool_mode"}


@dataclass(frozen=True, slots=True)
class CallLimits:
    """How fast, how long and how often a model is asked."""

    concurrency: Concurrency = 16
    timeout: Timeout = 120.0
    retries: Retries = 5
    rpm: Rpm = None
    tpm: Tpm = None
    transport: Transport = "auto"

    def limits(self) -> Limits:
        """As the model's client takes them; a call has the time of two attempts at least."""
        from ..agents.model import Limits

        return Limits(
            concurrency=self.concurrency,
            timeout=self.timeout,
            attempts=self.retries + 1,
            total=max(600.0, 2 * self.timeout),
            requests_per_minute=self.rpm,
            tokens_per_minute=self.tpm,
            transport=self.transport,
        )


@dataclass(frozen=True, slots=True)
class Allowance:
    """The most that a command may take; None for no limit."""

    budget: Dollars = None
    max_calls: MaxCalls = None
    deadline: Deadline = None

    def of_runs(self) -> Budget:
        """As runs take it."""
        from ..graphs.budget import Budget

        return Budget(calls=self.max_calls, dollars=self.budget, seconds=self.deadline)


def batch_of(
    db: str,
    *,
    allowance: Allowance,
    calls: CallLimits | None = None,
    lease: float = 60.0,
    quiet: bool = False,
    question: bool = False,
) -> Batch:
    """The work on a command's runs, within its limits.

    Args:
        db: the store.
        allowance: the most that all of its runs together may take.
        calls: how the model is asked; as by default where a command has no such options.
        lease: seconds without a sign of life after which other processes take over.
        quiet: whether no progress is shown.
        question: whether somebody at a terminal is asked before a judge judges its own, or its family's, answers.
    """
    from ..graphs.runner import Pace
    from .batch import Batch

    pace = Pace(limits=(calls or CallLimits()).limits(), budget=allowance.of_runs(), lease=lease)
    return Batch(db=db, pace=pace, quiet=quiet, question=question)


def judge_named(name: str, **changes: Any) -> Judge:
    """The judge of one name: a YAML file, one that is ready, a function of one's own, or a model.

    Args:
        name: what was typed.
        changes: of its description; None where nothing is said.

    Raises:
        BadInput: if `base_url` is no address.
        BadJudge: if the description does not hold.
    """
    import re

    from ..agents.gallery import with_protocol
    from ..agents.judge import Judge

    given = _said(changes)
    if _is_file(name) or re.fullmatch(r"[\w.]+:\w+", name):
        return _read(name, given)
    return Judge(name, **with_protocol(given))


def names_model(name: str) -> bool:
    """Whether a judge's file says which model judges; those that are ready leave it open.

    Raises:
        BadJudge: if it cannot be read.
    """
    from ..agents.gallery import judge_fields, judge_file

    path = judge_file(name)
    return path is None or bool({"model", "function"} & judge_fields(path).keys())


def names_in(text: str) -> list[str]:
    """What stands between commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def _said(changes: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in changes.items() if value is not None}
    if "base_url" in given:
        _check_address(given["base_url"])
    return given


def _is_file(name: str) -> bool:
    from ..agents.gallery import judge_file

    return judge_file(name) is not None


def _read(name: str, given: dict[str, Any]) -> Judge:
    from ..agents.judge import Judge

    try:
        return Judge.read(name, **given)
    except BadJudge as error:
        if not _is_file(name):
            raise
        message = error.message if name in error.message else f"In {name}: {error.message}"
        raise BadJudge(message, way_out=error.way_out or _fields(Judge, message)) from error


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

"""The command line: which commands are there, and what happens when one goes wrong?"""

from __future__ import annotations

import gc
import sys
from typing import Annotated, Any

import typer

from ..text.errors import PlurijudgeError
from . import (
    agreement,
    attack,
    audit,
    audit_review,
    cache,
    compare,
    corpus,
    doctor,
    exporting,
    importing,
    judge,
    label,
    panels,
    profile,
    query,
    report,
    runs,
    self_preference,
    show,
    tools_gain,
)
from .plain import INTERRUPTED, explain, explain_fault, leave, say
from .settings import default_map, load_dotenv
from .two_words import TwoWords

app = typer.Typer(
    name="plurijudge",
    cls=TwoWords,
    help="Judge text with LLMs, and measure how far the judges can be trusted.",
    epilog="\b\nStart here:\n  plurijudge judge items.jsonl --model openai/gpt-5-mini\n  plurijudge show last",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(version("plurijudge"))
        except PackageNotFoundError:
            typer.echo("plurijudge, not installed")
        leave(0)


@app.callback(invoke_without_command=True)
def _begin(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which this is.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _add(command: object, name: str, epilog: str) -> None:
    app.command(name, epilog=epilog)(command)  # type: ignore[type-var]


_add(judge.judge, "judge", judge.EXAMPLES)
_add(runs.runs, "runs", runs.EXAMPLES)
_add(show.show, "show", show.EXAMPLES)
_add(agreement.agreement, "agreement", agreement.EXAMPLES)
_add(tools_gain.tools_gain, "tools-gain", tools_gain.EXAMPLES)
_add(compare.compare, "compare", compare.EXAMPLES)
_add(audit.audit, "audit", audit.EXAMPLES)
_add(attack.attack, "attack", attack.EXAMPLES)
_add(audit_review.audit_review, "audit review", audit_review.EXAMPLES)
_add(self_preference.self_preference, "self-preference", self_preference.EXAMPLES)
_add(profile.profile, "profile", profile.EXAMPLES)
_add(report.report, "report", report.EXAMPLES)
_add(label.label, "label", label.EXAMPLES)
_add(query.query, "query", query.EXAMPLES)
_add(doctor.doctor, "doctor", doctor.EXAMPLES)
app.add_typer(importing.app, name="import")
app.add_typer(exporting.app, name="export")
app.add_typer(cache.app, name="cache")
app.add_typer(corpus.app, name="corpus")
app.add_typer(panels.app, name="panels")


def run() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        load_dotenv()
        given = _given()
        names = "judge compare audit attack runs show agreement tools-gain label query doctor".split()
        per_command = dict.fromkeys([*names, "self-preference", "profile", "report"], given)
        per_command["audit review"] = {name: value for name, value in given.items() if name == "db"}
        nested = {name: given for name in ("items", "verdicts", "decisions", "calls", "llmbar")}
        which = {name: value for name, value in given.items() if name == "db"}  # never which model's answers to prune
        kept = {"stats": which, "prune": which}
        texts = dict.fromkeys(("add", "list", "search", "remove"), which)
        voices = {name: given for name in ("gate", "fidelity")} | dict.fromkeys(("check", "worth"), which)
        app(
            default_map={
                **per_command,
                "panels": voices,
                "import": nested,
                "export": nested,
                "cache": kept,
                "corpus": texts,
            }
        )
    except PlurijudgeError as error:
        sys.exit(explain(error))
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(INTERRUPTED)
    except Exception as error:  # the outermost door: whatever comes here is our fault
        sys.exit(explain_fault(error))
    finally:
        gc.freeze()  # the interpreter's last collection would walk all of LiteLLM: 0.8 s of CPU for nothing


def _given() -> dict[str, Any]:
    """What the settings' files say; help is given however bad they are."""
    try:
        return default_map()
    except PlurijudgeError:
        if {"-h", "--help", "--version"} & set(sys.argv[1:]):
            return {}
        raise

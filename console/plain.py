"""How does a command end? What went wrong in plain words on stderr, an exit code, and never a traceback."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from ..text.errors import BadInput, PlurijudgeError, StoreFull
from ..text.secrets import known_secrets, without_secrets

T = TypeVar("T")
DONE, SOME_FAILED, BAD, STOPPED, GATE, FAULT, INTERRUPTED = 0, 1, 2, 3, 4, 70, 130


def say(text: str = "") -> None:
    """Talk: a line on stderr."""
    print(text, file=sys.stderr, flush=True)


def answer(text: str) -> None:
    """A line of the answer on stdout."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        reader_gone()


def answer_json(value: Any) -> None:
    """One JSON document on stdout."""
    import orjson

    answer(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS, default=_jsonable).decode())


def _jsonable(value: Any) -> Any:
    """What a driver gives, as JSON says it: numbers stay numbers, what is no number is null, bytes are hex."""
    if isinstance(value, Decimal):
        return None if not value.is_finite() else int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return str(value)


def kept(save: Callable[[], T]) -> T | None:
    """Keep an analysis; gives what `save` does. What a read-only store says is measured all the same, but not kept."""
    try:
        return save()
    except StoreFull as error:
        say(f"note: the analysis is not kept. {error.message}")
        return None


def write_out(name: str, text: str, *, what: str, way_out: str) -> None:
    """Write a file that was asked for, and say so.

    Args:
        name: the file's, as it was typed.
        text: what it holds.
        what: what it is, as `picture`.
        way_out: what to type in its place where it cannot be written.

    Raises:
        BadInput: if it cannot be written.
    """
    try:
        Path(name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{name} cannot be written: {error.strerror or error}.", way_out=way_out) from error
    say(f"{what}: {name}")


def reader_gone() -> None:
    """Whoever read stdout has left (`| head -1`): the rest goes nowhere, and the exit code stays what it would be."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def explain(error: PlurijudgeError) -> int:
    """Say what was wrong and the way out; gives the exit code."""
    secrets = known_secrets()
    say(f"error: {without_secrets(error.message, secrets)}")
    if error.way_out:
        say(f"  try: {without_secrets(error.way_out, secrets)}")
    if os.environ.get("PLURIJUDGE_DEBUG"):
        traceback.print_exc()
    return error.exit_code


def explain_fault(error: BaseException) -> int:
    """A fault of ours: the trace goes to a file, its path to the person."""
    from .settings import state_folder

    trace = without_secrets("".join(traceback.format_exception(error)), known_secrets())
    name = f"trace-{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}.txt"
    for folder in (state_folder(), Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / name
            path.write_text(trace, encoding="utf-8")
        except OSError:
            continue
        say(f"error: a fault in plurijudge itself ({type(error).__name__}); nothing that was stored is lost.")
        say(f"  try: report it with {path}")
        break
    else:
        say(trace)
    if os.environ.get("PLURIJUDGE_DEBUG"):
        say(trace)
    return FAULT


def leave(code: int) -> NoReturn:
    """End the command with an exit code."""
    import typer

    raise typer.Exit(code)


def leave_stopped(why: str) -> NoReturn:
    """End a command whose work was stopped before its end, `interrupted` or by a budget."""
    leave(INTERRUPTED if why == "interrupted" else STOPPED)

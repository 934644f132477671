"""How is code run where there is no system to harm? By an interpreter of a part of Python, in processes of its own.

It knows no files, no network, no environment and no processes, and less of Python than Python. What fails for a want of
its own must never count against the code: it is `unsupported`, and the locked room may know more.
"""

from __future__ import annotations

import atexit
import builtins
import os
import time
from functools import cache
from typing import Any

from .harness import BOTH, FOUND, PLAIN, Unsayable, encode
from .job import LIMITS, Answer, Ask, Job, Ran, SandboxLimits
from .parsing import parses

_MEMORY = 256 << 20  # bytes of one interpreter
# What the interpreter raises for a want of its own. Python may raise it for a fault of the code: the room will tell.
_WANTING = frozenset({"ModuleNotFoundError", "ImportError", "AttributeError", "NotImplementedError", "PermissionError"})
_VALUE, _SEEN = "_pj_value", "_pj_seen"
_PRELUDE = f"{_SEEN} = []\n" + "".join(
    f"def {name}(found, wanted):\n    {_SEEN}.append(({numbered}, found, wanted))\n"
    for name, numbered in ((FOUND, True), (BOTH, False))
)


class Wanting(Exception):
    """The interpreter lacks something; the text is one word for what."""


@cache
def interpreter() -> Any:
    """The interpreter's module; None where it is not installed or does not load."""
    try:
        import pydantic_monty
    except ImportError:
        return None
    return pydantic_monty


@cache
def _pool(seconds: float) -> Any:
    """Workers that are kept for the next job, and ended with this process."""
    pool = interpreter().Monty(max_processes=os.cpu_count() or 1, request_timeout=seconds + 2)
    pool.__enter__()
    atexit.register(pool.__exit__, None, None, None)
    return pool


def interpret(job: Job, *, limits: SandboxLimits = LIMITS) -> Ran:
    """Run a job in the interpreter. Blocks; `unavailable` where it is not installed."""
    monty = interpreter()
    if monty is None:
        return Ran("unavailable", 0)
    seconds = limits.interpreter_seconds
    printed = monty.CollectString(max_bytes=limits.printed)
    try:
        checkout = _pool(seconds).checkout(
            limits={
                "max_feed_duration_secs": seconds,
                "max_total_sleep_secs": seconds,
                "max_memory": _MEMORY,
            },
            os_policy={"random_start": {"seed": 0}},
        )
        with checkout as session:
            ran = _Session(monty, session, printed, time.monotonic() + seconds).run(job)
    except Wanting as want:
        return Ran("unsupported", 1, detail=str(want))
    except (monty.MontyCrashedError, OSError):  # a worker that died, or cannot be started
        return Ran("unsupported", 1, detail="crash")
    return Ran(ran.status, 1, ran.answers, ran.error, ran.detail, printed.output)


class _Session:
    """One job in one worker."""

    def __init__(self, monty: Any, session: Any, printed: Any, until: float) -> None:
        self._monty, self._session, self._printed, self._until = monty, session, printed, until

    def run(self, job: Job) -> Ran:
        """The code, then what is asked, until the time is up."""
        began = self._fed(job.code)[1] if job.code.strip() else Answer()
        answers: list[Answer] = []
        lost = Answer(error="unanswered") if began.error else None
        late = began.error == "timeout"
        for ask in job.asks:
            answer = lost or self._answer(ask)
            if answer.error == "timeout":
                late, lost = True, Answer(error="unanswered")
            answers.append(answer)
        return Ran("timeout" if late else "ok", 1, tuple(answers), began.error, began.detail)

    def _answer(self, ask: Ask) -> Answer:
        if time.monotonic() > self._until:
            return Answer(error="timeout")
        if ask.kind == "block":
            return self._block(ask.source)
        _, failed = self._fed(f"{_VALUE} = (\n{ask.source}\n)")
        if failed.error:
            return failed
        value, failed = self._fed(_VALUE)
        if failed.error:
            return failed
        if isinstance(value, str) and self._fed(f"type({_VALUE}).__name__")[0] != "str":
            return Answer(error="no_value")  # what has no counterpart comes out as its text
        return _said(value)

    def _block(self, source: str) -> Answer:
        if PLAIN in source:
            raise Wanting("plain")
        failed = self._fed(_PRELUDE + source)[1]
        if failed.error:
            return failed
        seen, failed = self._fed(_SEEN)
        if failed.error or not isinstance(seen, list):
            return failed if failed.error else Answer(error="tampered")
        pairs = ((_said(found), wanted if numbered else _said(wanted)) for numbered, found, wanted in seen)
        return Answer(pairs=tuple(pairs))

    def _fed(self, source: str) -> tuple[Any, Answer]:
        """The value of the last expression, and what was raised.

        Raises:
            Wanting: if it was raised for a want of the interpreter, or may have been.
        """
        try:
            return self._session.feed_run(source, print_callback=self._printed), Answer()
        except self._monty.MontyCrashedError:
            raise
        except self._monty.MontySyntaxError:
            if parses(source):
                raise Wanting("syntax") from None
            return None, Answer(error="SyntaxError")
        except self._monty.MontyError as failed:
            raised = failed.exception()
            name = type(raised).__name__
            if name == "TimeoutError" and "limit exceeded" in str(raised):
                return None, Answer(error="timeout")
            if name in _WANTING or _unknown(name, str(raised)):
                raise Wanting(name) from None
            return None, Answer(error=name)


def _unknown(name: str, text: str) -> bool:
    """Whether an error tells of something that Python has and the interpreter has not."""
    if name == "NameError":
        return any(f"'{word}'" in text for word in dir(builtins))
    return "not supported" in text or (name == "TypeError" and "cannot create" in text)


def _said(value: Any) -> Answer:
    try:
        return Answer(value=encode(value))
    except Unsayable as unsaid:
        return Answer(error="no_value", detail=str(unsaid))

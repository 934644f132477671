"""What is given to a sandbox, and what comes back? Code and expressions in; values out, or why there are none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .harness import decode

Kind = Literal["value", "block"]
RanStatus = Literal["ok", "timeout", "unsupported", "unavailable"]


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing to ask of code that has run.

    Attributes:
        source: an expression; of a block, statements that call `harness.FOUND` with what they find and the number of
            what it should be, or `harness.BOTH` with both.
        kind: `value` for an expression, `block` for statements.
    """

    source: str
    kind: Kind = "value"


@dataclass(frozen=True, slots=True)
class Job:
    """Code, and what to ask once it has run.

    Attributes:
        code: Python; '' for none.
        asks: done in this order, in the code's own module.
    """

    code: str
    asks: tuple[Ask, ...] = ()

    @classmethod
    def of(cls, code: str, *expressions: str) -> Job:
        """A job that asks for values alone."""
        return cls(code, tuple(Ask(expression) for expression in expressions))


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one thing asked.

    Attributes:
        value: as `harness.encode` says it; None too where there is an error.
        error: '' for none, else the class of what was raised, or one of `no_value` (no number, text or collection of
            them), `timeout`, `output` (too much printed), `died`, `tampered` (two answers to one question),
            `unanswered`.
        detail: one word more: the type of what is no value, the module that is missing.
        pairs: of a block, what was found and what it should be, or its number, in order.
    """

    value: Any = None
    error: str = ""
    detail: str = ""
    pairs: tuple[tuple[Answer, Answer | int], ...] = ()

    def plain(self) -> Any:
        """The value as Python has it.

        Raises:
            ValueError, TypeError, ArithmeticError: if nobody's `encode` said it.
        """
        return decode(self.value)

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Answer:
        """From one line of the channel, which a stranger may have written: what does not fit is `tampered`."""
        error, detail, pairs = said.get("error", ""), said.get("detail", ""), said.get("pairs")
        if not isinstance(error, str) or not isinstance(detail, str):
            return cls(error="tampered")
        if error:
            return cls(error=error[:80], detail=detail[:80])
        try:
            if pairs is not None:
                return cls(pairs=tuple((cls.read(found), cls._wanted(wanted)) for found, wanted in pairs))
            decode(said["value"])
        except (KeyError, ValueError, TypeError, ArithmeticError, AttributeError, RecursionError):
            return cls(error="tampered")
        return cls(value=said["value"])

    @classmethod
    def _wanted(cls, said: Any) -> Answer | int:
        return said if type(said) is int else cls.read(said)


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a job.

    Attributes:
        status: `ok` where the code was run, well or not; `timeout` where it ran into its limit; `unsupported` where
            this tier cannot do what was asked; `unavailable` where nothing can be run here.
        tier: 1 for the interpreter without a system, 2 for the locked room, 0 for neither.
        answers: one for each thing asked.
        error: what the code itself raised before anything was asked, '' for nothing; words as in `Answer`.
        detail: one word more.
        printed: the beginning of what was printed, for people; never evidence.
    """

    status: RanStatus
    tier: int
    answers: tuple[Answer, ...] = ()
    error: str = ""
    detail: str = ""
    printed: str = ""


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """What one job may take.

    Attributes:
        interpreter_seconds: in the interpreter without a system.
        cpu_seconds: of processor time of one process in the locked room.
        seconds: in the locked room, from when the code begins; twice as long for the room itself to be built.
        memory: bytes of one process.
        file: bytes of one file.
        disk: bytes of all files.
        processes: with threads, at one time.
        files: open at one time.
        printed: bytes, then it is killed.
        answers: bytes, then it is killed.
        group_memory: bytes of all processes together, where the machine has control groups that may be used.
    """

    interpreter_seconds: float = 2.0
    cpu_seconds: int = 2
    seconds: float = 4.0
    memory: int = 512 << 20
    file: int = 8 << 20
    disk: int = 16 << 20
    processes: int = 16
    files: int = 64
    printed: int = 64 << 10
    answers: int = 1 << 20
    group_memory: int = 768 << 20


LIMITS = SandboxLimits()


@dataclass(slots=True)
class Lines:
    """The answers' channel as it is read: which answers came, and whether the job came to its end.

    A line counts if it begins with the job's mark, which the stranger is not told. Of two different answers to one
    question none counts.
    """

    mark: str
    ready: bool = False
    done: bool = False
    told: dict[int, Answer] = field(default_factory=dict)
    _rest: bytes = b""

    def feed(self, data: bytes) -> None:
        """Take what came."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if not line.startswith(self.mark.encode()):
                continue
            try:
                said = json.loads(line[len(self.mark) :])
            except (ValueError, RecursionError):
                continue
            if isinstance(said, dict):
                self._take(said)

    def _take(self, said: dict[str, Any]) -> None:
        self.ready = self.ready or said.get("ready") is True
        self.done = self.done or said.get("done") is True
        number = said.get("ask")
        if type(number) is int:
            answer = Answer.read(said)
            self.told[number] = answer if self.told.get(number, answer) == answer else Answer(error="tampered")

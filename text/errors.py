"""What can go wrong, and the way out of it: the tree of plurijudge's errors.

    PlurijudgeError
    +-- BadInput            a file, a line, an option or a value is not what is needed      exit 2
    |   +-- BadPrompt       a prompt file does not load
    |   +-- BadJudge        a judge's description does not hold
    |   +-- BadPersona      a persona's dossier lacks something, or does not hold
    |   |   +-- BadPanel    nor does a panel's description
    |   +-- NothingToJudge  no item was read
    +-- StoreError          the store cannot be opened, read or written                      exit 2
    |   +-- NoStore         there is no store at the place named
    |   +-- StoreTooNew     a later plurijudge wrote it
    |   +-- StoreFull       no room is left, or writing is not allowed
    |   +-- NotFound        no run, item or judge of that name
    |   +-- RunBusy         another process works on the run
    |   +-- LeaseLost       another worker has the block of items now
    +-- ToolMiss            tool results are replayed, and one is not stored or was changed  exit 2
    +-- ModelError          a model cannot be used at all                                    exit 2
    |   +-- ModelUnreachable
    |   +-- ModelRefusedKey
    |   +-- ModelUnknown

A judgement that fails is a row with a status, never an exception.
"""

from __future__ import annotations


class PlurijudgeError(Exception):
    """Root of the tree: a message that says what was wrong and where, and a way out.

    Args:
        message: what was got and what is needed, identifiers in backticks, with its full stop.
        way_out: what to do or type now; shown on a line of its own.
    """

    exit_code = 2

    def __init__(self, message: str, *, way_out: str = "") -> None:
        """Keep both parts, so that a door can print them apart."""
        super().__init__(message)
        self.message = message
        self.way_out = way_out

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.way_out)

    def __str__(self) -> str:
        return f"{self.message} Try: {self.way_out}" if self.way_out else self.message


def _rebuild(kind: type[PlurijudgeError], message: str, way_out: str) -> PlurijudgeError:
    return kind(message, way_out=way_out)


class BadInput(PlurijudgeError):
    """A file, a line, an option or a value is not what is needed."""


class BadPrompt(BadInput):
    """A prompt file does not load."""


class BadJudge(BadInput):
    """A judge's description does not hold."""


class BadPersona(BadInput):
    """A persona's dossier lacks something, or does not hold."""


class BadPanel(BadPersona):
    """A panel's description does not hold."""


class NothingToJudge(BadInput):
    """No item was read."""


class StoreError(PlurijudgeError):
    """The store cannot be opened, read or written."""


class NoStore(StoreError):
    """There is no store at the place named."""


class StoreTooNew(StoreError):
    """A later plurijudge wrote the store."""


class StoreFull(StoreError):
    """No room is left, or writing is not allowed."""


class NotFound(StoreError):
    """No run, item or judge of that name."""


class RunBusy(StoreError):
    """Another process works on the run."""


class LeaseLost(StoreError):
    """Another worker has the block of items now; what is written for it comes too late and is refused."""


class ToolMiss(PlurijudgeError):
    """Tool results are replayed, and one is not stored, or is not what it was."""


class ModelError(PlurijudgeError):
    """A model cannot be used at all; the run stays open."""


class ModelUnreachable(ModelError):
    """Nothing answers at the endpoint."""


class ModelRefusedKey(ModelError):
    """The provider refused the key, or none is set."""


class ModelUnknown(ModelError):
    """The provider does not know the model, or no provider of that name exists."""

"""What is asked in one call, and what has become of it so far?"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..store.canonical import canonical
from ..store.records import Road, VerdictKey
from .answer import Failure
from .subject import Subject

FENCE = "<<fence>>"
ROADS: tuple[Road, ...] = ("schema", "tool", "text")
TEXT = len(ROADS) - 1
_ROAD_PARAMETERS = ("response_format", "tools", "tool_choice")
_OFFERS = ("tools", "tool_choice")


@dataclass(frozen=True)
class Question:
    """What is asked in one call."""

    messages: list[dict[str, Any]]
    unit: VerdictKey
    fence: str
    schema: dict[str, Any] | None
    subject: Subject | None
    turn: int
    parameters: dict[str, Any]
    fresh: bool
    refuses: Callable[[str], bool] | None

    @cached_property
    def request(self) -> str:
        """What is written down of it: the place of the fence, never its value, which no judged text can hold."""
        messages = self.messages
        if self.fence:
            messages = [{**m, "content": str(m["content"]).replace(self.fence, FENCE)} for m in messages]
        return canonical({"messages": messages, "parameters": self.parameters, "schema": self.schema})


@dataclass(slots=True)
class Effort:
    """What one call has come to so far: its road, what it leaves out, how often it went out, what came last."""

    road: int
    left_out: list[str]
    epoch: int
    started: float = field(default_factory=time.perf_counter)
    sends: int = 0
    last: Failure | None = None

    def leave_out(self, failure: Failure, *, sent: Collection[str], roads: bool, offers: bool) -> bool:
        """Do without what was refused; says whether there is anything left to try.

        Args:
            failure: the refusal.
            sent: the names of the parameters that went out.
            roads: whether another road to a structured answer may be taken.
            offers: whether tools were offered for their own sake, not as a road to an answer.
        """
        parameter = failure.parameter
        if not parameter:
            return False
        if offers and parameter in _OFFERS:
            self.left_out += [name for name in _OFFERS if name not in self.left_out]
            return True
        if parameter in _ROAD_PARAMETERS:
            if not roads or self.road == TEXT:
                return False
            self.road += 1
        elif parameter not in sent:
            return False
        if parameter not in self.left_out:
            self.left_out.append(parameter)
        return True

    def parameters(self, given: dict[str, Any]) -> dict[str, Any]:
        """What is given, without what is left out."""
        sent = {name: value for name, value in given.items() if name not in self.left_out}
        limit = given.get("max_tokens")
        if limit is not None and "max_tokens" in self.left_out and "max_completion_tokens" not in self.left_out:
            sent["max_completion_tokens"] = limit
        return sent

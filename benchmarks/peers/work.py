"""What is a peer told, and what does it hand back?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..cases import WARM_UP, Case, cases

MODEL = "gpt-4o"  # a name that every peer knows; what answers is the loopback server


@dataclass(frozen=True, slots=True)
class Wording:
    """The prompt that plurijudge would send, so that what others send is as long.

    Attributes:
        system: the whole instruction; it is all that a peer with a template of its own is given.
        user: the question with `<<question>>`, `<<first>>` and `<<second>>` in the places of the texts.
    """

    system: str
    user: str

    def messages(self, case: Case) -> list[dict[str, str]]:
        """The messages for one verdict."""
        user = self.user.replace("<<question>>", case.question).replace("<<first>>", case.first)
        told = user.replace("<<second>>", case.second)
        return [{"role": "system", "content": self.system}, {"role": "user", "content": told}]


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be judged, and how.

    Attributes:
        base_url: of the loopback server.
        verdicts: how many, one call each.
        start: the number of the first item.
        concurrency: calls in flight at most.
        latency: seconds that an answer takes, for those who plan with it.
        wording: the prompt.
        folder: an empty folder for whatever a peer writes.
        options: what only one driver understands.
    """

    base_url: str
    verdicts: int
    concurrency: int
    wording: Wording
    folder: Path
    latency: float = 0.2
    start: int = 0
    options: dict[str, Any] = field(default_factory=dict)

    def cases(self) -> Iterator[Case]:
        """The verdicts to ask for."""
        return cases(self.verdicts, start=self.start)

    def warm_up(self, verdicts: int) -> Work:
        """The same with other items and few of them, so that what is imported on first use is not measured."""
        return Work(
            self.base_url, verdicts, self.concurrency, self.wording, self.folder, self.latency, WARM_UP, self.options
        )


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it: verdicts that the peer itself counts as given, and whatever else its driver measured."""

    verdicts: int
    more: dict[str, Any] = field(default_factory=dict)


def answers_text(case: Case) -> str:
    """Both answers as one text, for peers that judge one output at a time."""
    return f"Answer A:\n{case.first}\n\nAnswer B:\n{case.second}"


def read_wording(path: Path) -> Wording:
    """The wording that the command line's file holds."""
    return Wording(**json.loads(path.read_text(encoding="utf-8")))

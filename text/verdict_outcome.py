"""What may a piece of text say of the responses, and where does it say it?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["label", "tie", "abstain", "score", "rank", "conflict"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A label by its index, a tie, no decision, a number and what it is out of, an order, or two things at once."""

    kind: Kind
    index: int = -1
    score: float = 0.0
    out_of: float | None = None
    ranking: tuple[tuple[int, ...], ...] = ()

    @property
    def top(self) -> Outcome:
        """The head of an order: one label, or a tie where several lead. Anything else is its own."""
        if self.kind != "rank":
            return self
        return Outcome("label", self.ranking[0][0]) if len(self.ranking[0]) == 1 else TIE


TIE, ABSTAIN, CONFLICT = Outcome("tie"), Outcome("abstain"), Outcome("conflict")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One place of a text that may be its verdict, and the rule that found it."""

    outcome: Outcome
    rule: str
    start: int
    end: int


_SPLIT = re.compile(r"(?<=[.!?])[\"')\]*_]{0,4}\s+|(?<=[。！？])|(?<=؟)")


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Give each line with the place where it starts."""
    start = 0
    for line in text.split("\n"):
        yield start, line
        start += len(line) + 1


def sentences_of(line: str) -> Iterator[tuple[int, str]]:
    """Give each sentence of a line with the place where it starts."""
    start = 0
    for gap in _SPLIT.finditer(line):
        if gap.start() > start:
            yield start, line[start : gap.start()]
        start = gap.end()
    if start < len(line):
        yield start, line[start:]

"""Who writes to order? A model that answers as well as a score says, or in a form that was drawn for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..prompts.prompt import load_prompt
from ..store.records import Item
from .author import Author

LEVELS = (1, 2, 3, 4, 5)
WISHES = "wishes"
"""The name in an item's `meta` of the form that its answer is to have: a list of sentences."""


@dataclass(frozen=True)
class LevelWriter(Author):
    """A model that answers so that it would earn a score.

    Attributes:
        level: the score.
        levels: all of the scale, the lowest first.
    """

    words: int = 0
    level: int = LEVELS[-1]
    levels: tuple[int, ...] = LEVELS

    @property
    def title(self) -> str:
        """The model and its score: answers for another score are not its own."""
        return f"{self.judge.title} for a {self.level}"

    @cached_property
    def description(self) -> dict[str, Any]:
        """All that may change what it writes."""
        told = {"level": self.level, "scale": [self.levels[0], self.levels[-1]]}
        return {**super().description, **told, "order": load_prompt("author/score_level").digest}

    def messages(self, item: Item, *, fence: str = "") -> list[dict[str, Any]]:
        """What a candidate is asked that answers it, with the score."""
        order = load_prompt("author/score_level").messages(level=self.level, low=self.levels[0], high=self.levels[-1])
        return _with_order(super().messages(item, fence=fence), order)


@dataclass(frozen=True)
class FormWriter(Author):
    """A model that answers in the form that an item's `meta` asks for."""

    words: int = 0

    @cached_property
    def description(self) -> dict[str, Any]:
        """All that may change what it writes."""
        return {**super().description, "order": load_prompt("author/profile").digest}

    def messages(self, item: Item, *, fence: str = "") -> list[dict[str, Any]]:
        """What a candidate is asked that answers it, with the form."""
        order = load_prompt("author/profile").messages(wishes=[*item.meta[WISHES]])
        return _with_order(super().messages(item, fence=fence), order)


def _with_order(messages: list[dict[str, Any]], order: list[dict[str, str]]) -> list[dict[str, Any]]:
    """The messages with an order behind the first, which is the system's."""
    first, *turns = messages
    return [{**first, "content": f"{first['content']}\n\n{order[0]['content']}"}, *turns]

"""What may a built-in model know of what it judges? What a remote one never gets: the verdict's key and the item."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..store.records import Item, VerdictKey

if TYPE_CHECKING:
    from .protocols.rubric import Criterion


@dataclass(frozen=True, slots=True)
class Subject:
    """What is being judged, handed to built-in models and to users' callables only.

    Attributes:
        key: which verdict is asked for.
        item: the item with its responses, their models, and what its `meta` says of quality.
        labels: what the prompt calls the responses, in the order shown.
        protocol: what is asked for.
        ties: whether a tie may be answered.
        scale: the lowest and highest score.
        rubric: the criteria of the protocol `rubric`.
        step: which part of the verdict is asked for, '' where it is all of it.
    """

    key: VerdictKey
    item: Item
    labels: tuple[str, ...]
    protocol: str
    ties: bool = True
    scale: tuple[float, float] = (1.0, 10.0)
    rubric: tuple[Criterion, ...] = ()
    step: str = ""

    def quality(self, response: str) -> float | None:
        """What the item's `meta` says of a response's quality, None where it says nothing."""
        table = self.item.meta.get("quality")
        value = table.get(response) if isinstance(table, dict) else None
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


current_subject: ContextVar[Subject | None] = ContextVar("plurijudge_subject", default=None)

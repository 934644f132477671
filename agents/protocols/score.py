"""How is one response graded by itself, on a scale, or against a reference?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...store.records import Item
from ...text.verdict import ParsedVerdict, parse_verdict
from .base import Protocol, Unfit

if TYPE_CHECKING:
    from ..judge import Judge


class Score(Protocol):
    """One response at a time, graded on the judge's scale."""

    name = "score"
    prompt = "judge/score"
    needs = frozenset({"response"})
    together = False
    decides = "scores"

    def check(self, judge: Judge) -> None:
        """See the base: anchors must lie on the scale."""
        off = [score for score in judge.anchors if not judge.scale[0] <= score <= judge.scale[1]]
        if off:
            low, high = judge.scale
            raise ValueError(f"`anchors` names the score {off[0]:g}, which is off the scale from {low:g} to {high:g}")

    def given(self, judge: Judge, item: Item) -> dict[str, Any]:
        """What scores mean, lowest first."""
        return {"anchors": tuple((f"{score:g}", judge.anchors[score]) for score in sorted(judge.anchors))}

    def span(self, judge: Judge, n: int) -> tuple[float, float]:
        """The judge's scale."""
        return judge.bounds

    def shown(self, item: Item, names: Sequence[str], texts: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
        """The response."""
        return {"response": texts[0]}

    def asked(self, judge: Judge, labels: Sequence[str], item: Item) -> dict[str, Any]:
        """A number on the scale, or an abstention."""
        low, high = judge.bounds
        number = {"type": "number", "minimum": low, "maximum": high}
        return {"score": {"anyOf": [number, {"type": "string", "enum": ["abstain"]}]}}

    def form(self, judge: Judge) -> str:
        """See the base."""
        return '{"rationale": "...", "score": ...}'

    def heard(self, judge: Judge, text: str, labels: Sequence[str], item: Item, *, cut: str | None) -> ParsedVerdict:
        """See the base."""
        return parse_verdict(text, protocol="score", labels=labels, scale=judge.bounds, finish_reason=cut)

    def said(self, parsed: ParsedVerdict, names: Mapping[str, str]) -> dict[str, Any]:
        """The response's score."""
        return {"scores": {names[label]: score for label, score in (parsed.scores or {}).items() if label in names}}


class Reference(Score):
    """One response at a time, graded by how far it agrees with the item's reference, which an item must have."""

    name = "reference"
    prompt = "judge/reference"
    needs = frozenset({"response", "reference"})

    def unfit(self, item: Item) -> Unfit:
        """See the base; without a reference there is nothing to hold a response against."""
        if not (item.reference or "").strip():
            return "reference", "is missing; the protocol `reference` holds each response against it"
        return super().unfit(item)

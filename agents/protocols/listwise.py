"""How are several responses judged at once: put in order, or the one right one chosen?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...store.records import TIE, Item
from ...text.verdict import ParsedVerdict, parse_verdict
from .base import Protocol

if TYPE_CHECKING:
    from ..judge import Judge


class Rank(Protocol):
    """All responses at once, put in order from best to worst.

    A verdict's `scores` are points: a response has as many as there are responses that it beats, and one half for each
    that it ties with, so that of n responses the best alone has n - 1 and the worst alone 0.
    """

    name = "rank"
    prompt = "judge/rank"
    needs = frozenset({"responses"})
    least = 2
    decides = "ranking"

    def asked(self, judge: Judge, labels: Sequence[str], item: Item) -> dict[str, Any]:
        """The labels by place; a place may be shared where ties are allowed."""
        label = {"type": "string", "enum": [*labels]}
        place: dict[str, Any] = {"anyOf": [label, {"type": "array", "items": label}]} if judge.ties else label
        ordered = {"type": "array", "items": place}
        return {"ranking": {"anyOf": [ordered, {"type": "string", "enum": ["abstain"]}]}}

    def span(self, judge: Judge, item: Item) -> tuple[float, float]:
        """From no response beaten to all others."""
        return 0.0, float(len(item.responses) - 1)

    def form(self, judge: Judge) -> str:
        """See the base."""
        return '{"rationale": "...", "ranking": [best, ..., worst]}'

    def heard(self, judge: Judge, text: str, labels: Sequence[str], item: Item, *, cut: str | None) -> ParsedVerdict:
        """The order that the text gives, if it has each response once; else `incomplete_ranking`."""
        parsed = parse_verdict(text, protocol="rank", labels=labels, finish_reason=cut)
        if parsed.status != "ok":
            return parsed
        placed = [label for group in parsed.groups for label in group]
        if sorted(placed) != sorted(labels):
            return ParsedVerdict("unparseable", "incomplete_ranking", rationale=parsed.rationale, span=parsed.span)
        if not judge.ties and len(parsed.groups) < len(labels):
            return ParsedVerdict("unparseable", "tie_not_allowed", rationale=parsed.rationale, span=parsed.span)
        return parsed

    def said(self, parsed: ParsedVerdict, names: Mapping[str, str]) -> dict[str, Any]:
        """The response ranked first, or a tie; and each one's points."""
        groups = [[names[label] for label in group] for group in parsed.groups]
        return {"preferred": groups[0][0] if len(groups[0]) == 1 else TIE, "scores": points(groups)}


class Choice(Protocol):
    """All responses at once, of which the right one is chosen: options of a question, or the best of n."""

    name = "choice"
    prompt = "judge/choice"
    letter = "judge/letter_choice"
    needs = frozenset({"responses"})
    least = 2
    decides = "choice"

    def asked(self, judge: Judge, labels: Sequence[str], item: Item) -> dict[str, Any]:
        """One of the labels, or an abstention."""
        return {"verdict": {"type": "string", "enum": [*labels, "abstain"]}}

    def form(self, judge: Judge) -> str:
        """See the base."""
        return '{"rationale": "...", "verdict": ...}'

    def heard(self, judge: Judge, text: str, labels: Sequence[str], item: Item, *, cut: str | None) -> ParsedVerdict:
        """The one option that the text names; a tie is none."""
        parsed = parse_verdict(text, protocol="pairwise", labels=labels, finish_reason=cut)
        if parsed.status == "ok" and parsed.preferred == TIE:
            return ParsedVerdict("unparseable", "tie_not_allowed", rationale=parsed.rationale, span=parsed.span)
        return parsed

    def weighed(self, shares: Mapping[str, float], presentation: Sequence[str]) -> dict[str, Any]:
        """The likeliest option; a tie where several are."""
        best = max(shares.values())
        likeliest = [name for name, share in zip(presentation, shares.values(), strict=True) if share == best]
        return {"preferred": likeliest[0] if len(likeliest) == 1 else TIE}

    def said(self, parsed: ParsedVerdict, names: Mapping[str, str]) -> dict[str, Any]:
        """The option chosen."""
        return {"preferred": names[str(parsed.preferred)]}


def points(groups: Sequence[Sequence[str]]) -> dict[str, float]:
    """How many others each beats, one half for each that it ties with (Borda's count).

    Args:
        groups: names by place, the best first.

    >>> points([["b"], ["a", "c"]])
    {'b': 2.0, 'a': 0.5, 'c': 0.5}
    """
    below = sum(len(group) for group in groups)
    told: dict[str, float] = {}
    for group in groups:
        below -= len(group)
        told |= {name: below + (len(group) - 1) / 2 for name in group}
    return told

"""How is one response graded by itself, on a scale, or against a reference?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum
from typing import TYPE_CHECKING, Any

from ...store.records import Item
from ...text.answer_line import read_answer_line
from ...text.verdict import ParsedVerdict, parse_verdict
from .base import Protocol, Unfit

if TYPE_CHECKING:
    from ..judge import Judge


class Score(Protocol):
    """One response at a time, graded on the judge's scale."""

    name = "score"
    prompt = "judge/score"
    letter = "judge/letter_score"
    needs = frozenset({"response"})
    together = False
    decides = "scores"

    def check(self, judge: Judge) -> None:
        """See the base: anchors must lie on the scale."""
        off = [score for score in judge.anchors if not judge.scale[0] <= score <= judge.scale[1]]
        if off:
            low, high = judge.scale
            raise ValueError(f"`anchors` names the score {off[0]:g}, which is off the scale from {low:g} to {high:g}")
        if judge.logprobs:
            digits(judge.scale)

    def given(self, judge: Judge, item: Item) -> dict[str, Any]:
        """What scores mean, lowest first."""
        return {"anchors": tuple((f"{score:g}", judge.anchors[score]) for score in sorted(judge.anchors))}

    def span(self, judge: Judge, item: Item) -> tuple[float, float]:
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
        """See the base; a prompt that says how the line with the answer begins has that line read."""
        words = judge.words
        if words.answer_line:
            asked, is_cut = (words.answer_line, words.grades), cut == "length"
            found = read_answer_line(text, *asked, label=labels[0], scale=judge.bounds, cut=is_cut)
            if found is not None:
                return found
        parsed = parse_verdict(text, protocol="score", labels=labels, scale=judge.bounds, finish_reason=cut)
        if words.grades and parsed.status == "ok" and parsed.rule != "json":  # words were asked for, and no number
            return ParsedVerdict("unparseable", "no_verdict")
        return parsed

    def letters(self, judge: Judge, n: int) -> tuple[str, ...]:
        """The grades of the scale."""
        return digits(judge.bounds)

    def outcomes(self, presentation: Sequence[str], letters: Sequence[str]) -> tuple[str, ...]:
        """The grades themselves."""
        return tuple(letters)

    def weighed(self, shares: Mapping[str, float], presentation: Sequence[str]) -> dict[str, Any]:
        """The mean grade as the score; the rationale names the likeliest grade beside it."""
        mean = fsum(int(grade) * share for grade, share in shares.items())
        mode = max(shares, key=lambda grade: shares[grade])
        told = f"Mean grade {mean:.3f}; the likeliest is {mode}, with {shares[mode]:.3f}."
        return {"scores": {presentation[0]: mean}, "rationale": told}

    def said(self, parsed: ParsedVerdict, names: Mapping[str, str]) -> dict[str, Any]:
        """The response's score."""
        return {"scores": {names[label]: score for label, score in (parsed.scores or {}).items() if label in names}}


class Reference(Score):
    """One response at a time, graded by how far it agrees with the item's reference, which an item must have."""

    name = "reference"
    prompt = "judge/reference"
    letter = "judge/letter_reference"
    needs = frozenset({"response", "reference"})

    def unfit(self, item: Item) -> Unfit:
        """See the base; without a reference there is nothing to hold a response against."""
        if not (item.reference or "").strip():
            return "reference", "is missing; the protocol `reference` holds each response against it"
        return super().unfit(item)


def digits(scale: tuple[float, float]) -> tuple[str, ...]:
    """The grades of a scale, each of one digit, so that each can be one token of any model.

    Raises:
        ValueError: if they are not.

    >>> digits((1.0, 5.0))
    ('1', '2', '3', '4', '5')
    """
    low, high = scale
    if low != int(low) or high != int(high) or not 0 <= low < high <= 9:
        raise ValueError(
            f"`logprobs` reads the probability of a grade of one digit; the scale from {low:g} to {high:g} has others: "
            "use [1, 5], or another from 0 to 9"
        )
    return tuple(str(grade) for grade in range(int(low), int(high) + 1))

"""How is one response judged by a list of weighted criteria, all in one call or one by one?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ...store.records import Item
from ...text.errors import BadInput
from ...text.rubric_answer import CANNOT, parse_criteria
from ...text.verdict import ParsedVerdict
from .base import Protocol, Unfit

if TYPE_CHECKING:
    from ..judge import Judge

NOTHING = "nothing_assessed"


class Criterion(BaseModel):
    """One line of a rubric.

    Attributes:
        id: what it is called in the answer and in `criterion_scores`.
        text: what is asked of a response.
        weight: what meeting it counts for; below 0 for a fault.
        scale: the lowest and highest grade; (0, 1) where it is met or not.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, pattern=r"^\w[\w .:/-]*$")
    text: str = Field(min_length=1)
    weight: float = Field(default=1.0, allow_inf_nan=False)
    scale: tuple[float, float] = (0.0, 1.0)

    @model_validator(mode="after")
    def _holds(self) -> Criterion:
        if not self.weight:
            raise ValueError(f"criterion {self.id!r} has weight 0: leave it out, or say what it counts for")
        if not self.scale[0] < self.scale[1]:
            raise ValueError(f"criterion {self.id!r} needs a lowest grade below its highest")
        return self

    @property
    def yes_or_no(self) -> bool:
        """Whether it is met or not, with nothing between."""
        return self.scale == (0.0, 1.0)

    def share(self, grade: float) -> float:
        """How far it is met, 0 to 1."""
        low, high = self.scale
        return (grade - low) / (high - low)


class Rubric(Protocol):
    """One response at a time, by a list of criteria; the item's own in `meta.rubric`, else the judge's.

    A response's score is sum(weight x share met) / sum(weights above 0), over the criteria that were assessed: 1 where
    all that counts for it is met and nothing that counts against it, 0 where nothing is, and below 0 where faults weigh
    more. A criterion that cannot be assessed, or that the answer leaves out, is left out of both sums; where nothing
    that counts for a response was assessed there is no score.
    """

    name = "rubric"
    prompt = "judge/rubric"
    needs = frozenset({"response", "rubric"})
    together = False
    decides = "scores"

    def check(self, judge: Judge) -> None:
        """See the base: the judge's own rubric, where it has one."""
        super().check(judge)
        if judge.rubric:
            held(judge.rubric)

    def unfit(self, item: Item) -> Unfit:
        """See the base; an item's own rubric must hold."""
        if item.meta.get("rubric") is not None:
            try:
                held(own_of(item))
            except (ValueError, ValidationError) as error:
                first = error.errors(include_url=False)[0]["msg"] if isinstance(error, ValidationError) else str(error)
                return "meta.rubric", f"does not hold: {first}"
        return super().unfit(item)

    def span(self, judge: Judge, item: Item) -> tuple[float, float]:
        """From all faults and no merit to all merits and no fault, by the rubric that the item is judged by.

        What was not assessed can bring a total below that; it is then cut off at the lowest.
        """
        lines = rubric_of(judge, item)
        most = sum(line.weight for line in lines if line.weight > 0)
        return sum(line.weight for line in lines if line.weight < 0) / most, 1.0

    def given(self, judge: Judge, item: Item) -> dict[str, Any]:
        """The criteria as the prompt shows them."""
        lines = rubric_of(judge, item)
        told = [{"id": line.id, "text": line.text, "yes_or_no": line.yes_or_no, "scale": line.scale} for line in lines]
        return {"rubric": told}

    def shown(self, item: Item, names: Sequence[str], texts: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
        """The response."""
        return {"response": texts[0]}

    def asked(self, judge: Judge, labels: Sequence[str], item: Item) -> dict[str, Any]:
        """A mark with its reason for each criterion."""
        marks = {}
        for line in rubric_of(judge, item):
            low, high = line.scale
            number = {"type": "boolean"} if line.yes_or_no else {"type": "number", "minimum": low, "maximum": high}
            mark = {"anyOf": [number, {"type": "string", "enum": [CANNOT]}]}
            fields = {"reason": {"type": "string"}, "met" if line.yes_or_no else "score": mark}
            marks[line.id] = {
                "type": "object",
                "properties": fields,
                "required": [*fields],
                "additionalProperties": False,
            }
        criteria = {"type": "object", "properties": marks, "required": [*marks], "additionalProperties": False}
        return {"criteria": criteria}

    def form(self, judge: Judge) -> str:
        """See the base."""
        return (
            '{"rationale": "...", "criteria": {"its name": {"reason": "...", "met": true, false or "cannot_assess"}}}'
        )

    def heard(self, judge: Judge, text: str, labels: Sequence[str], item: Item, *, cut: str | None) -> ParsedVerdict:
        """The marks that the text gives, with the score that they come to under the first label."""
        lines = rubric_of(judge, item)
        parsed = parse_criteria(text, {line.id: line.scale for line in lines}, cut=cut)
        if parsed.status != "ok":
            return parsed
        score = total(lines, parsed.marks) if len(lines) > 1 else _alone(lines[0], parsed.marks)
        if score is None:
            return ParsedVerdict("abstained", NOTHING, rationale=parsed.rationale)
        return replace(parsed, scores={labels[0]: score})

    def said(self, parsed: ParsedVerdict, names: Mapping[str, str]) -> dict[str, Any]:
        """The response's score, and its marks as they were given."""
        [name] = names.values()
        return {"scores": {name: next(iter(parsed.scores.values()))}, "criterion_scores": {name: dict(parsed.marks)}}


def total(lines: Sequence[Criterion], marks: Mapping[str, float | None]) -> float | None:
    """What the marks of one response come to; None where nothing that counts for it was assessed.

    Args:
        lines: the rubric.
        marks: the grades by criterion; None where it could not be assessed, absent where nothing was said of it.

    >>> right, rude = Criterion(id="right", text="Right.", weight=4), Criterion(id="rude", text="Rude.", weight=-2)
    >>> total([right, rude], {"right": 1.0, "rude": 1.0}), total([right, rude], {"right": None, "rude": 0.0})
    (0.5, None)
    """
    assessed = [(line, grade) for line in lines if (grade := marks.get(line.id)) is not None]
    most = sum(line.weight for line, _ in assessed if line.weight > 0)
    if most <= 0:
        return None
    return sum(line.weight * line.share(grade) for line, grade in assessed) / most


def _alone(line: Criterion, marks: Mapping[str, float | None]) -> float | None:
    """How far one criterion is met, be it a fault: what a verdict by a single criterion says."""
    grade = marks.get(line.id)
    return None if grade is None else line.share(grade)


def rubric_of(judge: Judge, item: Item) -> tuple[Criterion, ...]:
    """The criteria that an item's responses are judged by: its own, else the judge's.

    Raises:
        BadInput: if there are none.
    """
    lines = own_of(item) or judge.rubric
    if not lines:
        raise BadInput(
            f"The item {item.id!r} has no rubric, and the judge has none.",
            way_out="`rubric` in the judge's file, or `meta.rubric`",
        )
    return lines


def own_of(item: Item) -> tuple[Criterion, ...]:
    """The item's own criteria; none where it has none.

    Raises:
        ValueError: if they do not hold.
    """
    told = item.meta.get("rubric")
    if told is None:
        return ()
    if not isinstance(told, list) or not told or not all(isinstance(line, dict) for line in told):
        raise ValueError("it must be a list of criteria, each with `id`, `text` and `weight`")
    return tuple(Criterion(**{"id": f"c{number}", **line}) for number, line in enumerate(told, 1))


def held(lines: Sequence[Criterion]) -> None:
    """Refuse a rubric that no score can be made of.

    Raises:
        ValueError: with the reason.
    """
    names = [line.id.casefold() for line in lines]  # in a text without JSON they are found in either case
    twice = sorted({line.id for line in lines if names.count(line.id.casefold()) > 1})
    if twice:
        raise ValueError(f"the rubric names {twice[0]!r} twice")
    if not any(line.weight > 0 for line in lines):
        raise ValueError(
            "the rubric's weights above 0 come to a total of 0: there is nothing that a response could gain"
        )

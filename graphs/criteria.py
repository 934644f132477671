"""How is a rubric gone through one criterion at a time? Each in a verdict of its own, and what they come to."""

from __future__ import annotations

from collections.abc import Sequence

from ..agents.protocols.rubric import NOTHING, Criterion, rubric_of, total
from ..store.records import Item, Verdict
from .state import Bench, View
from .steps import Hear, Words, in_turn, joined

STEP = "criterion "
ONE_BY_ONE = "criteria one by one"


async def gone_through(view: View, bench: Bench, judge: Hear) -> Words:
    """The verdict on a response by all criteria, and before it the verdict by each.

    Args:
        view: the item and the verdict that is asked for.
        bench: what is given.
        judge: how one verdict is reached.
    """
    lines = rubric_of(bench.judge, view["item"])
    steps = ((f"{STEP}{line.id}", _by_one(view["item"], line)) for line in lines)
    said, earlier, calls = await in_turn(view, bench, judge, steps)
    return [_taken_together(view, lines, said), *earlier], calls


def _by_one(item: Item, line: Criterion) -> Item:
    """The item as it is judged by one criterion alone."""
    return item.model_copy(update={"meta": {**item.meta, "rubric": [line.model_dump(mode="json")]}})


def _taken_together(view: View, lines: Sequence[Criterion], said: Sequence[Verdict]) -> Verdict:
    """One verdict of the criteria's; a criterion whose verdict failed leaves none, for its mark is not known."""
    unit, first = view["unit"], said[0]
    for line, word in zip(lines, said, strict=True):
        if word.status not in ("ok", "abstained"):
            reason = f"{line.id}: {word.reason}"
            return joined(unit, first, status=word.status, reason=reason, raw=word.raw, call=word.call)
    [name] = unit.presentation
    marks: dict[str, float | None] = {}
    for line, word in zip(lines, said, strict=True):
        marks[line.id] = (word.criterion_scores or {}).get(name, {}).get(line.id)
    score = total(lines, marks)
    reasons = "\n".join(
        f"{line.id}: {word.rationale}" for line, word in zip(lines, said, strict=True) if word.rationale
    )
    if score is None:
        return joined(unit, first, status="abstained", reason=NOTHING, rationale=reasons or None, call=first.call)
    marked = {"scores": {name: score}, "criterion_scores": {name: marks}}
    return joined(unit, first, status="ok", rationale=reasons or None, rule=ONE_BY_ONE, call=first.call, **marked)

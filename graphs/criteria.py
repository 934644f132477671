"""How is a rubric gone through one criterion at a time? Each in a verdict of its own, and what they come to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from ..agents.protocols.rubric import NOTHING, Criterion, rubric_of, total
from ..store.records import ToolCall, Verdict
from .state import Bench, View

STEP = "criterion "
Words = tuple[list[Verdict], list[ToolCall]]
ONE_BY_ONE = "criteria one by one"


async def gone_through(view: View, bench: Bench, judge: Callable[[View, Bench], Awaitable[Words]]) -> Words:
    """The verdict on a response by all criteria, and before it the verdict by each.

    Args:
        view: the item and the verdict that is asked for.
        bench: what is given.
        judge: how one verdict is reached.
    """
    unit, item = view["unit"], view["item"]
    lines = rubric_of(bench.judge, item)
    within = f"{unit.step}, " if unit.step else ""
    said: list[Verdict] = []
    earlier: list[Verdict] = []
    calls: list[ToolCall] = []
    for line in lines:  # in turn: a rubric of fifty lines must not take fifty places at once
        alone = item.model_copy(update={"meta": {**item.meta, "rubric": [line.model_dump(mode="json")]}})
        step = unit.model_copy(update={"step": f"{within}{STEP}{line.id}"})
        (word, *before), used = await judge(View(item=alone, unit=step, fresh=view["fresh"]), bench)
        said.append(word)
        earlier += [word, *before]
        calls += used
    return [_taken_together(view, lines, said), *earlier], calls


def _taken_together(view: View, lines: Sequence[Criterion], said: Sequence[Verdict]) -> Verdict:
    """One verdict of the criteria's; a criterion whose verdict failed leaves none, for its mark is not known."""
    key = view["unit"].model_dump()
    shared = said[0].model_dump(include={"call", "road", "prompt_version", "prompt_digest"})
    for line, word in zip(lines, said, strict=True):
        if word.status not in ("ok", "abstained"):
            reason = f"{line.id}: {word.reason}"
            return Verdict(**key, status=word.status, reason=reason, raw=word.raw, **{**shared, "call": word.call})
    [name] = view["unit"].presentation
    marks: dict[str, float | None] = {}
    for line, word in zip(lines, said, strict=True):
        marks[line.id] = (word.criterion_scores or {}).get(name, {}).get(line.id)
    score = total(lines, marks)
    reasons = "\n".join(
        f"{line.id}: {word.rationale}" for line, word in zip(lines, said, strict=True) if word.rationale
    )
    if score is None:
        return Verdict(**key, status="abstained", reason=NOTHING, rationale=reasons or None, **shared)
    marked = {"scores": {name: score}, "criterion_scores": {name: marks}}
    return Verdict(**key, status="ok", rationale=reasons or None, rule=ONE_BY_ONE, **marked, **shared)

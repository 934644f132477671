"""The nodes around a verdict: an own answer before it, and a second look at its reasons after it."""

from __future__ import annotations

from typing import Any

from ..agents.nodes import SECTIONS
from ..prompts.prompt import load_prompt
from ..store.records import Item, Verdict, VerdictKey
from .decide import (
    decide,
    fence_of,
    opened,
    question_text,
    read,
    sampling,
    subject_of,
    verdict_of,
    wanted_form,
    with_section,
)
from .state import Bench, View

REFLECT, OWN_ANSWER = "reflect", "own_answer"
KEPT, REVISED, UNREAD = "kept", "revised", "unread"


async def heard(view: View, bench: Bench) -> list[Verdict]:
    """One verdict of a judge without tools: the final word, and the earlier one where it was looked at once more."""
    messages = await prepared(view, bench)
    word = await decide(view, bench, messages)
    return await reflected(view, bench, word, messages)


async def prepared(view: View, bench: Bench) -> list[dict[str, Any]]:
    """The judge's messages, with what its nodes put into them."""
    item, unit = view["item"], view["unit"]
    fence = fence_of(bench.secret, unit)
    messages = opened(bench, item, unit, fence)
    for name in SECTIONS:
        if name in bench.judge.nodes:
            [section] = load_prompt(f"nodes/{name}").messages()
            messages = with_section(messages, "system", section["content"])
    if OWN_ANSWER in bench.judge.nodes and not bench.model.local:
        answer = await _own_answer(item, unit, bench, fresh=view["fresh"])
        if answer:
            [shown] = load_prompt("nodes/own_answer_shown").messages(answer=answer, fence=fence)
            messages = with_section(messages, "user", shown["content"])
    return messages


async def _own_answer(item: Item, unit: VerdictKey, bench: Bench, *, fresh: bool) -> str:
    """What the judge answers itself, the same for both orders; '' where it brings nothing."""
    asker = unit.model_copy(update={"step": OWN_ANSWER, "presentation": tuple(sorted(unit.presentation))})
    fence = fence_of(bench.secret, asker)
    messages: list[dict[str, Any]] = [
        *load_prompt("nodes/own_answer").messages(question=question_text(item), context=item.context, fence=fence)
    ]
    own = unit.model_copy(update={"step": OWN_ANSWER})
    _, call = await bench.model.complete(
        messages,
        unit=own,
        fence=fence,
        max_tokens=bench.judge.max_tokens,
        fresh=fresh,
        further=sampling(bench, unit),
    )
    return (call.response or "").strip() if call.status == "ok" else ""


async def reflected(
    view: View,
    bench: Bench,
    word: Verdict,
    messages: list[dict[str, Any]],
    offers: dict[str, Any] | None = None,
) -> list[Verdict]:
    """The verdict after a second look, and the word before it; the word alone where there is nothing to look at.

    A look that cannot be read leaves the word as it was; one whose call failed leaves the verdict to be asked again.

    Args:
        view: the item and the verdict that is asked for.
        bench: what is given.
        word: the verdict so far.
        messages: what led to it.
        offers: the tools that the conversation was held with; providers want them named again, to be left alone.
    """
    judge, unit = bench.judge, view["unit"]
    if REFLECT not in judge.nodes or word.status not in ("ok", "abstained") or not (word.raw or "").strip():
        return [word]
    [asked] = load_prompt("nodes/reflect").messages(answer=wanted_form(judge))
    again = [*messages, {"role": "assistant", "content": word.raw}, asked]
    looked = unit.model_copy(update={"step": REFLECT})
    row, call = await bench.model.complete(
        again,
        unit=looked,
        fence=fence_of(bench.secret, unit),
        schema=None if offers else judge.answer_schema,
        subject=subject_of(judge, view["item"], unit) if bench.model.local else None,
        max_tokens=judge.max_tokens,
        fresh=view["fresh"],
        further={**sampling(bench, unit), **(offers or {})},
    )
    final = verdict_of(judge, view["item"], unit, row, call, read(judge, call))
    before = word.model_copy(update={"step": "decide"})
    if final.status == "error":
        return [final]
    if final.status not in ("ok", "abstained"):
        return [word.model_copy(update={"rule": f"{REFLECT}: {UNREAD}"}) if word.status == "ok" else word, before]
    same = (final.status, final.preferred, final.scores) == (word.status, word.preferred, word.scores)
    said = f"{REFLECT}: {KEPT if same else REVISED}"
    return [final.model_copy(update={"rule": said}) if final.status == "ok" else final, before]

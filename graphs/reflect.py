"""The nodes around a verdict: an own answer before it, and a second look at its reasons after it."""

from __future__ import annotations

from typing import Any

from ..agents.nodes import LOOKS, MEC, SECTIONS, node_of
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
    with_section,
    within,
)
from .state import Bench, View

DECIDE, OWN_ANSWER, EVIDENCE = "decide", "own_answer", "evidence"
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
    named = {node_of(name)[0] for name in bench.judge.nodes}
    for name in SECTIONS:
        if name in named or (name == EVIDENCE and MEC in named):
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
    own = unit.model_copy(update={"step": within(unit, OWN_ANSWER)})
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
    """The verdict after a second look, and the words before it; the word alone where there is nothing to look at.

    A look that cannot be read leaves the word as it was; one whose call failed leaves the verdict to be asked again.

    Args:
        view: the item and the verdict that is asked for.
        bench: what is given.
        word: the verdict so far.
        messages: what led to it.
        offers: the tools that the conversation was held with; providers want them named again, to be left alone.
    """
    looks = [name for name in LOOKS if name in bench.judge.nodes]
    if not looks or word.status not in ("ok", "abstained") or not (word.raw or "").strip():
        return [word]
    earlier: list[Verdict] = []
    talk, step = [*messages, {"role": "assistant", "content": word.raw}], DECIDE
    for name in looks:
        [asked] = load_prompt(f"nodes/{name}").messages(answer=bench.judge.way.form(bench.judge))
        talk = [*talk, asked]
        looked, said = await _look(view, bench, name, talk, offers)
        if looked.status == "error":
            return [looked]
        earlier.append(word.model_copy(update={"step": within(view["unit"], step)}))
        word, step = _taken(name, word, looked), name
        talk = [*talk, {"role": "assistant", "content": said or word.raw}]
    return [word, *earlier]


async def _look(
    view: View, bench: Bench, name: str, talk: list[dict[str, Any]], offers: dict[str, Any] | None
) -> tuple[Verdict, str]:
    """One more turn of the conversation: the verdict that it brings, and its text."""
    judge, unit = bench.judge, view["unit"]
    row, call = await bench.model.complete(
        talk,
        unit=unit.model_copy(update={"step": within(unit, name)}),
        fence=fence_of(bench.secret, unit),
        schema=None if offers else judge.answer_schema(view["item"], len(unit.presentation)),
        subject=subject_of(judge, view["item"], unit) if bench.model.local else None,
        max_tokens=judge.max_tokens,
        fresh=view["fresh"],
        further={**sampling(bench, unit), **(offers or {})},
    )
    return verdict_of(judge, view["item"], unit, row, call, read(judge, call, view["item"], unit)), call.response or ""


def _taken(name: str, word: Verdict, looked: Verdict) -> Verdict:
    """What stands after a look: what it said, or the word where it cannot be read."""
    if looked.status not in ("ok", "abstained"):
        return word.model_copy(update={"rule": f"{name}: {UNREAD}"}) if word.status == "ok" else word
    same = (looked.status, looked.preferred) == (word.status, word.preferred)
    same = same and (looked.preferred is not None or looked.scores == word.scores)
    said = {"rule": f"{name}: {KEPT if same else REVISED}"}
    return looked.model_copy(update=said) if looked.status == "ok" else looked

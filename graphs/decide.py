"""How is one verdict asked for, and how is the answer read?"""

from __future__ import annotations

import hashlib
import hmac
from functools import partial
from typing import Any

from ..agents.judge import Judge
from ..agents.nodes import parts_of
from ..agents.perturbers.base import LABEL
from ..agents.protocols.rubric import rubric_of
from ..agents.subject import Subject
from ..agents.voice import voice_of
from ..prompts.exhibit import conversation_text
from ..prompts.prompt import load_prompt
from ..store.canonical import canonical
from ..store.records import TIE, Call, Item, Verdict, VerdictKey
from ..text.own_words import own_verdict
from ..text.verdict import ParsedVerdict
from ..text.verdict_noise import is_refusal
from .plan import response_text
from .state import Bench, View

WARM = 0.7
"""The temperature of what is asked several times in a verdict, where the judge's own is 0 and would give one answer."""


def within(unit: VerdictKey, step: str) -> str:
    """The name of an earlier step, within the part of a verdict that it belongs to."""
    return f"{unit.step}, {step}" if unit.step else step


async def decide(view: View, bench: Bench, messages: list[dict[str, Any]] | None = None) -> Verdict:
    """Ask for one verdict. A reply without one is asked once more, for its verdict alone.

    Args:
        view: the item and the verdict that is asked for.
        bench: what is given.
        messages: what the judge is asked with; its own prompt where they are not given.
    """
    item, unit, judge = view["item"], view["unit"], bench.judge
    fence = fence_of(bench.secret, unit)
    messages = messages or opened(bench, item, unit, fence)
    asked: dict[str, Any] = {
        "further": sampling(bench, unit),
        "unit": unit,
        "fence": fence,
        "schema": judge.answer_schema(item, len(unit.presentation)),
        "subject": subject_of(judge, item, unit) if bench.model.local else None,
        "max_tokens": judge.max_tokens,
        "fresh": view["fresh"],
        "refuses": lambda text: (
            is_refusal(text) and heard_in(judge, text, item, len(unit.presentation)).status == "refused"
        ),
    }
    row, call = await bench.model.complete(messages, **asked)
    parsed = read(judge, call, item, unit)
    replied = call.status == "ok" or call.reason == "empty"  # a call that failed or was refused has nothing to repair
    if replied and parsed.status == "unparseable" and judge.repair and not bench.model.local:
        again = [*messages, *repair(judge, call, parsed)]
        second_row, second = await bench.model.complete(again, turn=1, **asked)
        repaired = read(judge, second, item, unit)
        if second.status == "ok" and repaired.status != "unparseable":
            row, call, parsed = second_row, second, repaired
    return verdict_of(judge, item, unit, row, call, parsed)


def fence_of(secret: bytes, unit: VerdictKey) -> str:
    """The mark between which judged text stands: no writer can guess it, and it is the same when a call is repeated."""
    key = canonical([unit.item, unit.judge, unit.persona, unit.arm, unit.step, unit.presentation, unit.sample])
    return f"=={hmac.new(secret, key.encode(), hashlib.sha256).hexdigest()[:24]}=="


def messages_of(judge: Judge, item: Item, unit: VerdictKey, fence: str) -> list[dict[str, str]]:
    """The judge's prompt on one presentation of an item."""
    low, high = judge.bounds
    texts = [response_text(item.response(name)) for name in unit.presentation]
    return judge.words.messages(
        fence=fence,
        criteria=judge.criteria,
        ties=judge.ties,
        low=f"{low:g}",
        high=f"{high:g}",
        question=asked_text(judge, item, unit),
        context=item.context,
        reference=item.reference,
        **judge.way.given(judge, item),
        **judge.way.shown(item, unit.presentation, texts, judge.labels(len(texts))),
    )


def opened(bench: Bench, item: Item, unit: VerdictKey, fence: str) -> list[dict[str, Any]]:
    """The judge's messages, with what it is told of the persona that it speaks as."""
    messages: list[dict[str, Any]] = [*messages_of(bench.judge, item, unit, fence)]
    persona = bench.persona(unit.persona)
    if persona is None:
        return messages
    plan = bench.plan
    voice = voice_of(
        persona,
        seed=plan.seed,
        item=item.id,
        member=unit.sample,
        dossiers=plan.dossiers,
        label=bench.labels.get(persona.id),
    )
    return with_section(messages, "system", voice.text)


def sampling(bench: Bench, unit: VerdictKey) -> dict[str, Any]:
    """The parameters of a call that a persona's dossier sets, or a node that needs answers which differ."""
    persona = bench.persona(unit.persona)
    temperature = None if persona is None else persona.dossier.prompt.temperature
    if temperature is None and bench.judge.temperature == 0 and not bench.model.local and _asks_again(bench.judge):
        temperature = WARM
    return {} if temperature is None else {"temperature": temperature}


def _asks_again(judge: Judge) -> bool:
    return bool(judge.nodes) and parts_of(judge.nodes).samples > 1


def with_section(messages: list[dict[str, Any]], role: str, text: str) -> list[dict[str, Any]]:
    """The messages with a further paragraph in the message of a role, made where there is none."""
    if not text:
        return messages
    place = next((n for n, message in enumerate(messages) if message["role"] == role), None)
    if place is None:
        added = {"role": role, "content": text}
        return [added, *messages] if role == "system" else [*messages, added]
    changed = {**messages[place], "content": f"{messages[place]['content']}\n\n{text}"}
    return [*messages[:place], changed, *messages[place + 1 :]]


def asked_text(judge: Judge, item: Item, unit: VerdictKey) -> str:
    """The question, with the remark that was planted behind it, which calls a response as the judge sees it called."""
    note = (item.perturbation or {}).get("note")
    if not note:
        return question_text(item)
    side = (item.perturbation or {}).get("side") or unit.presentation[0]
    shown = dict(zip(unit.presentation, judge.labels(len(unit.presentation)), strict=True))
    return f"{question_text(item)}\n\n{note.replace(LABEL, shown.get(side, side))}"


def question_text(item: Item) -> str:
    """What the responses answer, as the judge reads it."""
    if isinstance(item.prompt, str):
        return item.prompt
    return conversation_text(
        [
            (m.role, m.content if isinstance(m.content, str) else [part.model_dump() for part in m.content])
            for m in item.prompt
        ]
    )


def subject_of(judge: Judge, item: Item, unit: VerdictKey) -> Subject:
    """What a built-in model or a user's function is told."""
    step = unit.step
    unit = unit.model_copy(update={"step": ""}) if step else unit  # a part says what the verdict alone would
    labels = judge.labels(len(unit.presentation))
    rubric = rubric_of(judge, item) if judge.protocol == "rubric" else ()
    return Subject(unit, item, labels, judge.protocol, judge.ties, judge.bounds, rubric, step)


def read(judge: Judge, call: Call, item: Item, unit: VerdictKey) -> ParsedVerdict:
    """What a call's answer says, whatever became of the call."""
    cut = call.finish_reason if call.finish_reason in ("length", "content_filter") else None
    return heard_in(judge, call.response or "", item, len(unit.presentation), cut=cut)


def heard_in(judge: Judge, text: str, item: Item, n: int, *, cut: str | None = None) -> ParsedVerdict:
    """What a text says as this judge's answer on n responses of an item, and does not only quote of it."""
    return own_verdict(partial(judge.way.heard, judge, labels=judge.labels(n), item=item, cut=cut), text, judged(item))


def judged(item: Item) -> list[str]:
    """The texts of an item, all of which others than the judge wrote."""
    told = [question_text(item), str((item.perturbation or {}).get("note") or ""), item.context, item.reference]
    return [text for text in (*told, *map(response_text, item.responses)) if text]


def repair(judge: Judge, call: Call, parsed: ParsedVerdict) -> list[dict[str, str]]:
    """What is said after a reply without a verdict, to have it repeated as one."""
    said = [{"role": "assistant", "content": call.response}] if (call.response or "").strip() else []
    answer = judge.way.form(judge)
    why = {"conflict": "it holds more than one verdict", "empty": "it is empty"}.get(
        parsed.reason, "it holds no verdict in the form asked for"
    )
    return [*said, *load_prompt("judge/repair").messages(why=why, answer=answer)]  # type: ignore[list-item]


def verdict_of(judge: Judge, item: Item, unit: VerdictKey, row: int, call: Call, parsed: ParsedVerdict) -> Verdict:
    """The verdict that a call and its reading make; what is no verdict says why."""
    status, reason = parsed.status, parsed.reason
    if call.status == "error" and call.reason != "empty":
        status, reason = "error", call.reason
    elif call.status == "refused":
        status, reason = "refused", call.reason or "refusal"
    elif call.status == "truncated" and status != "ok":
        status, reason = "truncated", call.reason or "token_limit"
    elif status == "ok" and parsed.preferred == TIE and not judge.ties:
        status, reason = "unparseable", "tie_not_allowed"
    said: dict[str, Any] = {}
    if status == "ok":
        names = dict(zip(judge.labels(len(unit.presentation)), unit.presentation, strict=True))
        said = judge.way.said(parsed, names)
    return Verdict(
        **unit.model_dump(),
        **said,
        status=status,
        reason="" if status == "ok" else reason or "no_verdict",
        raw=call.response,
        rationale=parsed.rationale or None,
        rule=parsed.rule if status == "ok" else "",
        road=call.road,
        call=row,
        prompt_version=judge.words.version,
        prompt_digest=judge.words.digest,
    )

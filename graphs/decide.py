"""How is one verdict asked for, and how is the answer read?"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from ..agents.judge import Judge
from ..agents.perturbers.base import LABEL
from ..agents.subject import Subject
from ..agents.voice import voice_of
from ..prompts.exhibit import conversation_text
from ..prompts.prompt import load_prompt
from ..store.canonical import canonical
from ..store.records import TIE, Call, Item, Verdict, VerdictKey
from ..text.verdict import ParsedVerdict, parse_verdict
from ..text.verdict_noise import is_refusal
from .plan import response_text
from .state import Bench, View


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
        "schema": judge.answer_schema,
        "subject": subject_of(judge, item, unit) if bench.model.local else None,
        "max_tokens": judge.max_tokens,
        "fresh": view["fresh"],
        "refuses": lambda text: is_refusal(text) and heard_in(judge, text).status == "refused",
    }
    row, call = await bench.model.complete(messages, **asked)
    parsed = read(judge, call)
    replied = call.status == "ok" or call.reason == "empty"  # a call that failed or was refused has nothing to repair
    if replied and parsed.status == "unparseable" and judge.repair and not bench.model.local:
        again = [*messages, *repair(judge, call, parsed)]
        second_row, second = await bench.model.complete(again, turn=1, **asked)
        repaired = read(judge, second)
        if second.status == "ok" and repaired.status != "unparseable":
            row, call, parsed = second_row, second, repaired
    return verdict_of(judge, item, unit, row, call, parsed)


def fence_of(secret: bytes, unit: VerdictKey) -> str:
    """The mark between which judged text stands: no writer can guess it, and it is the same when a call is repeated."""
    key = canonical([unit.item, unit.judge, unit.persona, unit.arm, unit.step, unit.presentation, unit.sample])
    return f"=={hmac.new(secret, key.encode(), hashlib.sha256).hexdigest()[:24]}=="


def messages_of(judge: Judge, item: Item, unit: VerdictKey, fence: str) -> list[dict[str, str]]:
    """The judge's prompt on one presentation of an item."""
    low, high = judge.words.scale or judge.scale
    texts = [response_text(item.response(name)) for name in unit.presentation]
    shown = {"response": texts[0]} if judge.protocol == "score" else {"first": texts[0], "second": texts[1]}
    return judge.words.messages(
        fence=fence,
        criteria=judge.criteria,
        ties=judge.ties,
        low=f"{low:g}",
        high=f"{high:g}",
        question=asked_text(judge, item, unit),
        context=item.context,
        reference=item.reference,
        **shown,
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
    """The parameters of a call that a persona's dossier sets."""
    persona = bench.persona(unit.persona)
    temperature = None if persona is None else persona.dossier.prompt.temperature
    return {} if temperature is None else {"temperature": temperature}


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
    shown = dict(zip(unit.presentation, judge.words.labels, strict=False))
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
    scale = judge.words.scale or judge.scale
    return Subject(unit, item, judge.words.labels[: len(unit.presentation)], judge.protocol, judge.ties, scale)


def read(judge: Judge, call: Call) -> ParsedVerdict:
    """What a call's answer says, whatever became of the call."""
    cut = call.finish_reason if call.finish_reason in ("length", "content_filter") else None
    return heard_in(judge, call.response or "", cut=cut)


def heard_in(judge: Judge, text: str, *, cut: str | None = None) -> ParsedVerdict:
    """What a text says as this judge's answer."""
    labels = judge.words.labels[: 1 if judge.protocol == "score" else 2]
    scale = (judge.words.scale or judge.scale) if judge.protocol == "score" else None
    return parse_verdict(text, protocol=judge.protocol, labels=labels, scale=scale, finish_reason=cut)


def repair(judge: Judge, call: Call, parsed: ParsedVerdict) -> list[dict[str, str]]:
    """What is said after a reply without a verdict, to have it repeated as one."""
    said = [{"role": "assistant", "content": call.response}] if (call.response or "").strip() else []
    answer = wanted_form(judge)
    why = {"conflict": "it holds more than one verdict", "empty": "it is empty"}.get(
        parsed.reason, "it holds no verdict in the form asked for"
    )
    return [*said, *load_prompt("judge/repair").messages(why=why, answer=answer)]  # type: ignore[list-item]


def wanted_form(judge: Judge) -> str:
    """The form of an answer, as it is shown where a reply is asked for again."""
    return '{"rationale": "...", "score": ...}' if judge.protocol == "score" else '{"rationale": "...", "verdict": ...}'


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
        shown = dict(zip(judge.words.labels, unit.presentation, strict=False))
        if judge.protocol == "score":
            said["scores"] = {shown[label]: score for label, score in (parsed.scores or {}).items() if label in shown}
        else:
            said["preferred"] = TIE if parsed.preferred == TIE else shown[str(parsed.preferred)]
            said["p_first"] = parsed.p_first
            both = {shown[label]: score for label, score in (parsed.scores or {}).items() if label in shown}
            said["scores"] = both or None
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

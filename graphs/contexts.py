"""How is an item judged under several contexts? Under each by itself, and their verdicts weighed by probability.

    P(a > b | x) = sum over z of P(z | x) P(a > b | x, z)

The verdict under a context is kept as an earlier step; one that fails leaves no verdict, for its share is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum
from typing import Any

from ..agents.contexts import GIVEN, MOST, STEP, Context, given_in, proposed_by, read_contexts
from ..prompts.prompt import load_prompt
from ..store.canonical import canonical
from ..store.records import TIE, Item, Verdict, VerdictKey
from .decide import fence_of, question_text, sampling
from .state import Bench, View
from .steps import Hear, Words, in_turn, joined

ASKED = "contexts"
RULE = "weighed over contexts"
NONE_PROPOSED = "no_contexts"
EVEN = "contexts_even"
_EVEN = 1e-9
SCHEMA = {
    "type": "object",
    "properties": {
        "contexts": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"text": {"type": "string"}, "probability": {"type": "number"}},
                "required": ["text", "probability"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["contexts"],
    "additionalProperties": False,
}


async def under_contexts(view: View, bench: Bench, judge: Hear) -> Words:
    """The verdict over all contexts, and before it the verdict under each.

    Args:
        view: the item and the verdict that is asked for.
        bench: what is given.
        judge: how one verdict is reached.
    """
    unit, item = view["unit"], view["item"]
    if bench.judge.contexts == GIVEN:
        contexts = given_in(item)
    else:
        found = await _proposed(view, bench)
        if isinstance(found, Verdict):
            return [found], []
        contexts = found
    steps = ((f"{STEP}{context.id}", _in(item, context)) for context in contexts)
    said, earlier, calls = await in_turn(view, bench, judge, steps)
    return [weighed_over(unit, contexts, said, ties=bench.judge.ties), *earlier], calls


def _in(item: Item, context: Context) -> Item:
    """The item as it is in one context, which is told behind what it had."""
    told = f"{item.context}\n\n{context.text}" if item.context else context.text
    meta = {**item.meta, **({"favours": context.favours} if context.favours else {})}
    return item.model_copy(update={"context": told, "meta": meta})


async def _proposed(view: View, bench: Bench) -> tuple[Context, ...] | Verdict:
    """The contexts that the judge can think of, the same for every order; or the verdict that there are none."""
    unit, item = view["unit"], view["item"]
    asker = unit.model_copy(update={"step": ASKED, "presentation": tuple(sorted(unit.presentation))})
    fence = fence_of(bench.secret, asker)
    messages: list[dict[str, Any]] = [
        *load_prompt("nodes/contexts").messages(
            question=question_text(item), context=item.context, count=proposed_by(bench.judge.contexts), fence=fence
        )
    ]
    row, call = await bench.model.complete(
        messages,
        unit=unit.model_copy(update={"step": ASKED}),
        fence=fence,
        schema=SCHEMA,
        max_tokens=bench.judge.max_tokens,
        fresh=view["fresh"],
        further=sampling(bench, unit),
    )
    if call.status != "ok":
        status, reason = (call.status, call.reason or "call") if call.status != "unknown" else ("error", "unknown")
        return Verdict(**unit.model_dump(), status=status, reason=reason, raw=call.response, call=row)
    try:
        contexts = read_contexts(call.response or "", proposed_by(bench.judge.contexts) or MOST)
    except ValueError as error:
        told = {"status": "unparseable", "reason": NONE_PROPOSED, "rationale": f"What was proposed {error}."}
        return Verdict(**unit.model_dump(), **told, raw=call.response, call=row)
    if not contexts:
        return Verdict(**unit.model_dump(), status="unparseable", reason=NONE_PROPOSED, raw=call.response, call=row)
    return contexts


def weighed_over(
    unit: VerdictKey, contexts: Sequence[Context], said: Sequence[Verdict], *, ties: bool = True
) -> Verdict:
    """The verdict that verdicts under several contexts come to.

    Scores are averaged by weight. A preference becomes the probability of the response shown first, one half for a tie,
    and of several responses each one's share; what has most is preferred. A context of no weight says nothing, whatever
    became of its verdict.

    Args:
        unit: the verdict that is asked for.
        contexts: with their weights, which come to 1.
        said: the verdict under each.
        ties: whether what comes out even is a tie; else it is abstained from.
    """
    first = said[0]
    for context, word in zip(contexts, said, strict=True):
        if word.status != "ok" and context.weight:
            reason = f"{STEP}{context.id}: {word.reason}"
            return joined(unit, first, status=word.status, reason=reason, raw=word.raw, call=word.call)
    said = [word for context, word in zip(contexts, said, strict=True) if context.weight]
    weights = [context.weight for context in contexts if context.weight]
    rationale = canonical([{"context": c.text, "weight": c.weight} for c in contexts])
    told: dict[str, Any] = {"status": "ok", "rule": RULE, "rationale": rationale, "call": first.call}
    if all(word.scores is not None and word.preferred is None for word in said):
        marks = mean_marks(unit.presentation[0], weights, said)
        return joined(unit, first, **told, scores=_mean_scores(weights, said), criterion_scores=marks)
    shares = {
        name: fsum(weight * _share(word, name) for weight, word in zip(weights, said, strict=True))
        for name in unit.presentation
    }
    best = max(shares.values())
    leaders = [name for name, share in shares.items() if share > best - _EVEN]
    if len(leaders) > 1 and not ties:
        return joined(unit, first, status="abstained", reason=EVEN, rationale=rationale, call=first.call)
    told["preferred"] = leaders[0] if len(leaders) == 1 else TIE
    told["probabilities"] = {name: min(1.0, share) for name, share in shares.items()}
    if len(unit.presentation) == 2:
        told["p_first"] = min(1.0, shares[unit.presentation[0]])
    if all(word.scores is not None for word in said):
        told["scores"] = _mean_scores(weights, said)
    return joined(unit, first, **told)


def _mean_scores(weights: Sequence[float], said: Sequence[Verdict]) -> dict[str, float]:
    names = set.intersection(*(set(word.scores or {}) for word in said))
    return {
        name: fsum(weight * (word.scores or {})[name] for weight, word in zip(weights, said, strict=True))
        for name in sorted(names)
    }


def mean_marks(
    name: str, weights: Sequence[float], said: Sequence[Verdict]
) -> dict[str, dict[str, float | None]] | None:
    """What several verdicts on one response give each criterion; None where one could not assess it."""
    marked = [(word.criterion_scores or {}).get(name) for word in said]
    whole = fsum(weights)
    if not all(marked):
        return None
    told = [one for one in marked if one]
    shared = [criterion for criterion in told[0] if all(criterion in one for one in told)]
    marks: dict[str, float | None] = {}
    for criterion in shared:
        grades = [one[criterion] for one in told]
        known = [(weight, grade) for weight, grade in zip(weights, grades, strict=True) if grade is not None]
        marks[criterion] = (
            fsum(weight * grade for weight, grade in known) / whole if len(known) == len(grades) else None
        )
    return {name: marks}


def _share(word: Verdict, name: str) -> float:
    """The probability that one verdict gives to a response."""
    if word.p_first is not None and len(word.presentation) == 2:
        return word.p_first if name == word.presentation[0] else 1 - word.p_first
    shares = {one: (word.probabilities or {}).get(one, 0.0) for one in word.presentation}
    if (whole := fsum(shares.values())) > 0:
        return shares[name] / whole
    if word.preferred == TIE:
        return 1 / len(word.presentation)
    return float(word.preferred == name)

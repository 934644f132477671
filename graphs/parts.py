"""How is one verdict made of several answers? The same pair asked more than once or in both orders, and the outcome.

A part is a verdict of its own, kept as an earlier step: `own` and `swapped` for the two orders, with a number behind
where each is asked several times. What they come to is the verdict; where they differ too much it is nobody's, and
people are asked.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from ..agents.nodes import SYNTHESISE, Parts, parts_of
from ..prompts.prompt import load_prompt
from ..store.records import ASK_PEOPLE, TIE, Verdict, VerdictKey
from .contexts import mean_marks, under_contexts
from .criteria import gone_through
from .decide import decide, fence_of, read, sampling, subject_of, verdict_of
from .hearing import SETTLED, heard_with_tools, implied_in
from .letters import by_letter
from .reconcile import Place
from .reflect import heard, prepared
from .state import Bench, View
from .steps import Words, joined

T = TypeVar("T")
OWN, SWAPPED, DIFFER = "own", "swapped", "parts_differ"
MAJORITY, MEAN_SCORE, MEAN_CHANCE = "majority of parts", "mean score of parts", "mean probability of parts"


async def judged(view: View, bench: Bench) -> Words:
    """One verdict: the final word, the words before it, and the tool calls behind them."""
    parts = parts_of(bench.judge.nodes)
    if parts == Parts():
        return await _one(view, bench)
    units = [*parts_in(view["unit"], parts)]
    made = await all_of([_one(View(item=view["item"], unit=unit, fresh=view["fresh"]), bench) for unit in units])
    words = [verdicts[0] for verdicts, _ in made]
    earlier = [verdict for verdicts, _ in made for verdict in verdicts]
    used = [call for _, calls in made for call in calls]
    lost = next((word for word in words if word.status == "error"), None)
    if lost is not None:
        return [joined(view["unit"], lost, status="error", reason=lost.reason, call=lost.call, raw=lost.raw)], []
    if SYNTHESISE in bench.judge.nodes:
        if (side := implied_in(used, tuple(sorted(view["unit"].presentation)))) is not None:
            told = {"status": "ok", "preferred": side, "rule": SETTLED}  # what tools decided is not decided again
            return [joined(view["unit"], words[0], **told), *earlier], used
        return [await _synthesised(view, bench, *words), *earlier], used
    return [taken_together(view["unit"], words, bench.judge.ties, parts), *earlier], used


async def _one(view: View, bench: Bench) -> Words:
    if bench.judge.contexts:
        return await under_contexts(view, bench, _by_criteria)
    return await _by_criteria(view, bench)


async def _by_criteria(view: View, bench: Bench) -> Words:
    return await gone_through(view, bench, _asked) if bench.judge.one_by_one else await _asked(view, bench)


async def _asked(view: View, bench: Bench) -> Words:
    if bench.toolbox is not None:
        return await heard_with_tools(view, bench)
    if bench.judge.nodes:
        return await heard(view, bench), []
    return [await (by_letter if bench.judge.logprobs else decide)(view, bench)], []


def parts_in(unit: VerdictKey, parts: Parts) -> list[VerdictKey]:
    """The parts of a verdict; each order of an item asks what the other one's swapped part does, and shares it."""
    found = []
    for name, shown in ((OWN, unit.presentation), (SWAPPED, unit.presentation[::-1]))[: parts.orders]:
        for number in range(parts.samples):
            step = name if parts.samples == 1 else f"{name} {number + 1}"
            sample = unit.sample * parts.samples + number
            found.append(unit.model_copy(update={"step": step, "presentation": shown, "sample": sample}))
    return found


def part_of(names: Sequence[str], row: Mapping[Any, Any], place: Place) -> Place:
    """The place of the verdict that a call was made for, from the place and step of the call."""
    judge, persona, shown, sample = place
    if not str(row["step"]).startswith((OWN, SWAPPED)) or row["step"] == "own_answer":
        return place
    parts = parts_of(names)
    whole = shown[::-1] if str(row["step"]).startswith(SWAPPED) else shown
    return judge, persona, whole, sample // parts.samples


def taken_together(unit: VerdictKey, words: Sequence[Verdict], ties: bool, parts: Parts) -> Verdict:
    """What the parts of a verdict come to; each order counts alike, however many of its answers can be used.

    Scores that all of them give are averaged, else the probabilities that all of them give, else each has one vote. An
    order without any usable answer leaves the verdict without one, by the status of what is in its place.
    """
    orders = [words[n * parts.samples : (n + 1) * parts.samples] for n in range(parts.orders)]
    for order in orders:
        if not any(word.status == "ok" for word in order):
            said = next((word for word in order if word.status != "abstained"), order[0])
            return joined(unit, said, status=said.status, reason=said.reason, call=said.call, raw=said.raw)
    if parts.threshold is not None and (entropy := _entropy(unit, orders)) > parts.threshold:
        told = f"Its {len(words)} answers differ by {entropy:.2f} nats, above {parts.threshold:g}: a person is asked."
        return joined(unit, words[0], status="abstained", reason=ASK_PEOPLE, rationale=told)
    used = [[word for word in order if word.status == "ok"] for order in orders]
    flat = [word for order in used for word in order]
    if all(word.scores is not None and set(unit.presentation) <= word.scores.keys() for word in flat):
        given = {name: [[(word.scores or {})[name] for word in order] for order in used] for name in unit.presentation}
        scores = {name: _mean(orders) for name, orders in given.items()}
        if len(scores) != 2:
            return _ranked(unit, flat, scores, ties)
        return _decided(
            unit, flat, ties, MEAN_SCORE, scores[unit.presentation[0]] - scores[unit.presentation[1]], scores
        )
    if len(unit.presentation) != 2:
        return _commonest(unit, flat)
    if all(word.p_first is not None for word in flat):
        p_first = _mean([[_of_first(unit, w, float(w.p_first or 0.0)) for w in order] for order in used])
        return _decided(unit, flat, ties, MEAN_CHANCE, p_first - 0.5, p_first=p_first)
    share = _mean([[_vote(unit, word) for word in order] for order in used])
    return _decided(unit, flat, ties, MAJORITY, share - 0.5)


def _ranked(unit: VerdictKey, words: Sequence[Verdict], scores: dict[str, float], ties: bool) -> Verdict:
    """The verdict that mean scores make where there are not two; of several the highest is preferred, if it is one."""
    best = max(scores.values())
    leaders = [name for name, score in scores.items() if score > best - 1e-9]
    preferred = None if len(scores) == 1 else leaders[0] if len(leaders) == 1 else TIE if ties else None
    speaks = next((word for word in words if word.preferred == preferred), words[0])
    told = {"rationale": speaks.rationale, "preferred": preferred, "rule": MEAN_SCORE}
    marks = mean_marks(unit.presentation[0], [1.0] * len(words), words)
    return joined(unit, words[0], status="ok", scores=scores, criterion_scores=marks, **told)


def _commonest(unit: VerdictKey, words: Sequence[Verdict]) -> Verdict:
    """The verdict of most words where there are more than two responses; none where no one has most."""
    (preferred, most), *rest = Counter(word.preferred for word in words).most_common(2)
    if preferred is None or (rest and rest[0][1] == most):
        return joined(unit, words[0], status="abstained", reason=DIFFER)
    speaks = next(word for word in words if word.preferred == preferred)
    told = {"rationale": speaks.rationale, "preferred": preferred, "rule": MAJORITY}
    return joined(unit, words[0], status="ok", **told)


def _decided(
    unit: VerdictKey,
    words: Sequence[Verdict],
    ties: bool,
    rule: str,
    lead: float,
    scores: dict[str, float] | None = None,
    p_first: float | None = None,
) -> Verdict:
    """The verdict for the side of a pair that leads; the first of the words that says so gives its reasons."""
    even = abs(lead) < 1e-9
    if even and not ties:
        return joined(unit, words[0], status="abstained", reason=DIFFER)
    preferred = TIE if even else unit.presentation[0] if lead > 0 else unit.presentation[1]
    speaks = next((word for word in words if word.preferred == preferred), None)
    told = {"rationale": None if speaks is None else speaks.rationale, "preferred": preferred, "rule": rule}
    return joined(unit, words[0], status="ok", scores=scores, p_first=p_first, **told)


def _mean(orders: Sequence[Sequence[float]]) -> float:
    return sum(sum(order) / len(order) for order in orders) / len(orders)


def _of_first(unit: VerdictKey, word: Verdict, p_first: float) -> float:
    return p_first if word.presentation[0] == unit.presentation[0] else 1 - p_first


def _vote(unit: VerdictKey, word: Verdict) -> float:
    return 0.5 if word.preferred == TIE else float(word.preferred == unit.presentation[0])


def _entropy(unit: VerdictKey, orders: Sequence[Sequence[Verdict]]) -> float:
    """Of the outcomes over both orders and all samples, in nats."""
    from ..metrics.flips import outcome_entropy  # NumPy, which other judges do without

    picks = [[_vote(unit, word) if word.status == "ok" else float("nan") for word in order] for order in orders]
    return float(outcome_entropy([picks])[0])


async def _synthesised(view: View, bench: Bench, own: Verdict, other: Verdict) -> Verdict:
    """A further turn, which sees the reasons of both orders and decides."""
    judge, unit = bench.judge, view["unit"]
    silent = next((word for word in (own, other) if word.status not in ("ok", "abstained")), None)
    if silent is not None:
        return joined(unit, silent, status=silent.status, reason=silent.reason, call=silent.call, raw=silent.raw)
    fence = fence_of(bench.secret, unit)
    labels = dict(zip(unit.presentation, judge.labels(len(unit.presentation)), strict=False))
    first, second = judge.words.labels[:2]
    said = "none" if other.preferred is None else TIE if other.preferred == TIE else labels[other.preferred]
    [asked] = load_prompt("nodes/synthesise").messages(
        answer=judge.way.form(judge),
        fence=fence,
        first_label=first,
        second_label=second,
        reasons=other.rationale or other.raw or "",
        said=said,
    )
    row, call = await bench.model.complete(
        [*await prepared(view, bench), {"role": "assistant", "content": own.raw or ""}, asked],
        unit=unit.model_copy(update={"step": SYNTHESISE}),
        fence=fence,
        schema=judge.answer_schema(view["item"], len(unit.presentation)),
        subject=subject_of(judge, view["item"], unit) if bench.model.local else None,
        max_tokens=judge.max_tokens,
        fresh=view["fresh"],
        further=sampling(bench, unit),
    )
    final = verdict_of(judge, view["item"], unit, row, call, read(judge, call, view["item"], unit))
    same = own.preferred == other.preferred
    agreed = "both orders agreed" if same else "the orders differed"
    return final.model_copy(update={"rule": f"{SYNTHESISE}: {agreed}"}) if final.status == "ok" else final


async def all_of(asked: list[Coroutine[Any, Any, T]]) -> list[T]:
    """What all of them bring, in their order; once one fails the others are called off."""
    if len(asked) == 1:
        return [await asked[0]]
    tasks = [asyncio.ensure_future(one) for one in asked]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise

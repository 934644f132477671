"""What is done to the answers of a trial, to see what self-preference hangs on? One style for all, or names on them.

Rewritten: a third model puts every answer into one style, and a rule and a model see that it still says the same; what
a judge can know its own answers by is then mostly gone. Disclosed: the judge is told who wrote which answer.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..agents.author import Author, Checker, Restyler, says_yes
from ..agents.perturbers.base import LABEL
from ..analyses.own_verdicts import PROMPT
from ..store.canonical import canonical
from ..store.records import Item, Response
from ..text.rewrites import SAME, Bounds, fault
from .authoring import Answers

if TYPE_CHECKING:
    from .self_preference import Proceedings

DISCLOSED, REWRITTEN = "disclosed", "rewritten"
ARMS = (REWRITTEN, DISCLOSED)
_BOUNDS = Bounds(0.5, 2.0, new_names=True)


@dataclass(frozen=True, slots=True)
class Rewritings:
    """Every answer in one style.

    Attributes:
        texts: by candidate and prompt, those that still say the same.
        left_out: why the others are not there, each with how many.
        stopped: why it was stopped, '' where it was not.
    """

    texts: Mapping[tuple[str, str], str] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    stopped: str = ""


async def rewritten(
    work: Proceedings, items: Sequence[Item], answers: Sequence[Answers], writer: Restyler, checker: Checker
) -> Rewritings:
    """Have every answer put into one style, and see whether it still says the same.

    Rules see the numbers, code, addresses, orders, language and length; a model sees the meaning.
    """
    given = {(one.author, item.id): one.texts[item.id] for one in answers for item in items if item.id in one.texts}
    known = {item.id: item for item in items}
    asked = {
        _name(author, prompt): (author, prompt, _of_answer(known[prompt], author, text))
        for (author, prompt), text in given.items()
    }
    written = await _asked(work, writer, [item for _, _, item in asked.values()])
    if written.stopped:
        return Rewritings(stopped=written.stopped)
    left_out = Counter(f"the writer: {reason}" for reason in written.failed.values())
    kept: dict[str, str] = {}
    for name, text in written.texts.items():
        why = fault(given[asked[name][:2]], text, _BOUNDS)
        if why and why != SAME:
            left_out[why] += 1
        else:
            kept[name] = text.strip()
    checked = await _asked(work, checker, [_of_both(asked[name][2], text) for name, text in kept.items()])
    if checked.stopped:
        return Rewritings(stopped=checked.stopped)
    texts = {}
    for name, text in kept.items():
        same = says_yes(checked.texts.get(name, ""))
        if same:
            texts[asked[name][:2]] = text
        else:
            left_out["the checker says that the meaning changed" if same is False else "the checker did not say"] += 1
    return Rewritings(texts, dict(left_out))


async def _asked(work: Proceedings, author: Author, items: list[Item]) -> Answers:
    """What a writer or checker says of items, which are stored as a data set of their own."""
    name = f"{author.prompt.rpartition('/')[2].replace('_', ' ')} of {len(items)} answers"
    return await work.written(author, await work.stored(items, name=name), items)


def _name(author: str, prompt: str) -> str:
    return f"{prompt}~{author}"


def _of_answer(item: Item, author: str, text: str) -> Item:
    """One answer as it is given to the writer; it does not say who wrote it."""
    responses = [Response(id="answer", text=text)]
    return Item(id=_name(author, item.id), prompt=item.prompt, responses=responses)


def _of_both(item: Item, text: str) -> Item:
    """An answer and its rewriting as they are given to the checker."""
    (before,) = item.responses
    return item.model_copy(update={"responses": [before, Response(id="rewritten", text=text)]})


def rewritten_pairs(pairs: Sequence[Item], texts: Mapping[tuple[str, str], str], *, style: str) -> list[Item]:
    """The pairs of which both answers were rewritten, with the rewritings in their place.

    Args:
        pairs: as they were judged.
        texts: by candidate and prompt.
        style: in words.
    """
    made = []
    for pair in pairs:
        prompt = str(pair.meta[PROMPT])
        new = [texts.get((response.id, prompt)) for response in pair.responses]
        if all(text is not None for text in new):
            responses = [
                response.model_copy(update={"text": text}) for response, text in zip(pair.responses, new, strict=True)
            ]
            made.append(_derived(pair, REWRITTEN, responses=responses, style=style))
    return made


def disclosed_pairs(pairs: Sequence[Item]) -> list[Item]:
    """The pairs with a note behind the question that says who wrote which answer."""
    made = []
    for pair in pairs:
        first, second = pair.responses
        note = f"Answer {LABEL} was written by {first.model}, the other one by {second.model}."
        made.append(_derived(pair, DISCLOSED, responses=pair.responses, note=note, side=first.id))
    return made


def _derived(
    pair: Item, arm: str, *, responses: Sequence[Response], note: str = "", side: str = "", **more: Any
) -> Item:
    place = "note" if note else "both"
    record: dict[str, Any] = {
        **{"bias": arm, "version": "1", "kind": "arm", "side": side, "place": place, "note": note},
        **{"inserted": note, "removed": "", "at": 0, **more},
    }
    texts = [response.text for response in responses]
    record["digest"] = hashlib.sha256(canonical([note, texts]).encode()).hexdigest()
    changed = {"id": f"{pair.id}~{arm}", "parent": pair.id, "perturbation": record, "responses": [*responses]}
    return pair.model_copy(update={**changed, "gold": []})


def told_of(made: Rewritings) -> tuple[str, ...]:
    """What a report says of rewritings that are left out."""
    if not made.left_out:
        return ()
    n = sum(made.left_out.values())
    why = ", ".join(f"{count} because {reason}" for reason, count in sorted(made.left_out.items()))
    return (f"{n} of {n + len(made.texts)} rewritings are left out: {why}",)

"""A judge whose biases are known because they were put in: does an estimator find what is there, and nothing else?"""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import parse_qsl

from ...prompts.exhibit import parts_text
from ...store.canonical import canonical
from ...store.records import TIE, Response
from ...text.errors import BadJudge
from ..perturbers.known import CUES
from ..subject import Subject


@dataclass(frozen=True, slots=True)
class Planted:
    """The terms of a planted judge, each in log-odds.

    Attributes:
        quality: per unit of the difference in what `meta.quality` says of the responses.
        position: for the response shown first.
        length: per unit of the natural logarithm of the ratio of lengths in characters.
        self: for a response whose model is `name`, or this judge by its full name, as it is called as a candidate.
        noise: standard deviation of a normal term drawn anew for each verdict.
        tie: a tie is answered where the log-odds lie within this distance of 0.
        context: for the response that a context favours, as `meta.contexts` or `meta.favours` says.
        deaf: 1 for a judge that does not notice an edit which makes a response worse.
        seed: of every draw.
        name: the model that counts as the judge itself.
        cues: for the response on which a planted cue stands, by the cue's name, such as `bandwagon=0.5`.
    """

    quality: float = 1.0
    position: float = 0.0
    length: float = 0.0
    self: float = 0.0
    noise: float = 0.0
    tie: float = 0.0
    context: float = 0.0
    deaf: float = 0.0
    seed: int = 0
    name: str = "planted"
    cues: tuple[tuple[str, float], ...] = ()


def parse(query: str) -> Planted:
    """The terms in a model's name after its `?`.

    Raises:
        BadJudge: if a term is unknown or no number.
    """
    known = {field.name: field.type for field in fields(Planted) if field.name != "cues"}
    given: dict[str, Any] = {"cues": ()}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in known and name not in CUES:
            raise BadJudge(
                f"`builtin/planted` has no term `{name}`.",
                way_out=f"use some of: {', '.join(sorted(known))}; or a cue: {', '.join(CUES)}",
            )
        try:
            if name in known:
                given[name] = value if name == "name" else int(value) if name == "seed" else float(value)
            else:
                given["cues"] = (*given["cues"], (name, float(value)))
        except ValueError as error:
            raise BadJudge(f"`builtin/planted` needs a number for `{name}`; got {value!r}.") from error
    return Planted(**given)


def answer(subject: Subject, query: str) -> str:
    """The planted judge's reply as JSON: a verdict drawn with the planted odds, the same for the same verdict key."""
    terms = parse(query)
    key = subject.key
    drawn_for = [terms.seed, key.item, key.persona, key.arm, key.step, key.presentation, key.sample]
    draws = random.Random(int.from_bytes(hashlib.sha256(canonical(drawn_for).encode()).digest()[:8], "big"))
    if subject.protocol == "rubric":
        return _marks(subject, terms, draws)
    if len(key.presentation) == 1:
        return _score(subject, terms, draws, query=query)
    if subject.protocol in ("rank", "choice"):
        return _listed(subject, terms, draws, query=query)
    first, second = (subject.item.response(name) for name in key.presentation)
    odds = log_odds(subject, terms, first, second, query=query) + draws.gauss(0, 1) * terms.noise
    p_first = 1 / (1 + math.exp(-odds)) if odds > -700 else 0.0
    if subject.ties and abs(odds) < terms.tie:
        return canonical({"rationale": "The planted odds lie near even.", "verdict": TIE})
    label = subject.labels[0] if draws.random() < p_first else subject.labels[1]
    return canonical({"rationale": f"Drawn with log-odds {odds:+.3f} for the first.", "verdict": label})


def _marks(subject: Subject, terms: Planted, draws: random.Random) -> str:
    """Each criterion met with odds that grow with what `meta.quality` says of the response; a fault the other way."""
    quality = subject.quality(subject.key.presentation[0])
    odds = terms.quality * ((0.5 if quality is None else quality) - 0.5) * 4
    marks = {}
    for line in subject.rubric:
        leaning = (odds if line.weight > 0 else -odds) + draws.gauss(0, 1) * terms.noise
        met = draws.random() < 1 / (1 + math.exp(-max(-700.0, leaning)))
        grade = {"met": met} if line.yes_or_no else {"score": line.scale[met]}
        marks[line.id] = {"reason": f"drawn with log-odds {leaning:+.3f}", **grade}
    return canonical({"rationale": "Marked with the planted odds.", "criteria": marks})


def _listed(subject: Subject, terms: Planted, draws: random.Random, *, query: str) -> str:
    """An order, or its first, drawn with the planted worths: each place by the odds among those still to be placed.

    The position term is shared out: whole for the response shown first, none for the last.
    """
    shown = [subject.item.response(name) for name in subject.key.presentation]
    last = len(shown) - 1
    without = replace(terms, position=0.0)
    worth = {
        label: log_odds(subject, without, one, shown[0], query=query) + terms.position * (last - place) / last
        for place, (label, one) in enumerate(zip(subject.labels, shown, strict=True))
    }
    drawn = {label: value + _gumbel(draws) + draws.gauss(0, 1) * terms.noise for label, value in worth.items()}
    order = sorted(drawn, key=lambda label: -drawn[label])
    if subject.protocol == "choice":
        return canonical({"rationale": "Drawn with the planted worths.", "verdict": order[0]})
    return canonical({"rationale": "Drawn with the planted worths.", "ranking": order})


def _gumbel(draws: random.Random) -> float:
    """Added to worths whose greatest is then taken: each wins with its share of the odds (Plackett-Luce)."""
    return -math.log(-math.log(min(max(draws.random(), 1e-300), 1 - 1e-16)))


def log_odds(subject: Subject, terms: Planted, first: Response, second: Response, *, query: str = "") -> float:
    """The planted log-odds that the response shown first is preferred, before noise."""
    good = (subject.quality(first.id), subject.quality(second.id))
    gap = 0.0 if good[0] is None or good[1] is None else good[0] - good[1]
    planted = subject.item.perturbation or {}
    side = (planted.get("side") == first.id) - (planted.get("side") == second.id)
    if planted.get("kind") == "sensitivity" and not terms.deaf:
        gap -= side  # the whole scale of quality: what is edited so is worth nothing
    cue = side * dict(terms.cues).get(planted.get("bias", ""), 0.0)
    ratio = math.log(max(1, _length(first)) / max(1, _length(second)))
    own = _wrote(first, terms, query) - _wrote(second, terms, query)
    favoured = subject.item.meta.get("favours")
    cue += terms.context * ((favoured == first.id) - (favoured == second.id))
    return terms.quality * gap + terms.position + terms.length * ratio + terms.self * own + cue


def _wrote(response: Response, terms: Planted, query: str) -> bool:
    return response.model in (terms.name, f"builtin/planted?{query}")


def _score(subject: Subject, terms: Planted, draws: random.Random, *, query: str) -> str:
    low, high = subject.scale
    response = subject.item.response(subject.key.presentation[0])
    quality = subject.quality(response.id)
    odds = terms.quality * ((0.5 if quality is None else quality) - 0.5) * 4
    odds += terms.self * _wrote(response, terms, query) + draws.gauss(0, 1) * terms.noise
    odds += terms.length * math.log(max(1, _length(response)) / 400)
    score = low + (high - low) / (1 + math.exp(-max(-700.0, odds)))
    return canonical({"rationale": "Graded with the planted terms.", "score": round(score, 1)})


def _length(response: Response) -> int:
    if response.text is not None:
        return len(response.text)
    return len(parts_text([part.model_dump() for part in response.parts or []]))

"""How is a persona put into words? As one member of it, drawn over its positions and over its measured spread."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from statistics import NormalDist
from typing import Any, Literal

from ..prompts.prompt import Prompt
from ..store.canonical import canonical
from ..text.errors import BadPrompt
from .persona import Commitment, Culture, Dimension, Persona, Role

Dossiers = Literal["own", "blind", "labels", "shuffled"]


@dataclass(frozen=True, slots=True)
class Voice:
    """A member as the model is told of it.

    Attributes:
        text: what the judge's instruction is followed by.
        position: the internal position that the member holds, '' for none.
    """

    text: str
    position: str = ""


def voice_of(
    persona: Persona, *, seed: int, item: str, member: int, dossiers: Dossiers = "own", label: str | None = None
) -> Voice:
    """One member of a persona in words.

    The members of one item are spread evenly over the positions (by their weights where all are known, else each as
    often as another) and over the quantiles of every measured dimension, from a random start: few members then show
    the spread better than as many independent draws.

    Args:
        persona: who speaks.
        seed: of the draws.
        item: the item's id; both presentations of an item are judged by the same members.
        member: which one, from 0.
        dossiers: `own`; `blind` leaves the label out; `labels` leaves all but the label out.
        label: another label in the place of its own, to see whether it is the label that speaks.

    Raises:
        BadPrompt: if its wording does not load, or is none of a persona.
    """
    shown = "" if dossiers == "blind" else persona.label if label is None else label
    told = dossiers != "labels"
    dossier = persona.dossier
    words = persona.words
    turn, place = divmod(member, persona.members)
    draws = _random(seed, persona.digest, item, turn)
    if isinstance(dossier, Role):
        start = draws.randrange(len(dossier.criteria))
        leading = dossier.criteria[(start + place) % len(dossier.criteria)].name if told else ""
        criteria = [f"{one.name}: {one.question}" for one in sorted(dossier.criteria, key=lambda one: -one.weight)]
        return Voice(_rendered(words, label=shown, questions=criteria if told else [], leading=leading), leading)
    if not told:
        nothing: dict[str, Any] = {"dimensions": [], "commitments": [], "exemplars": [], "excludes": "", "places": ""}
        return Voice(_rendered(words, label=shown, position="", others="", own="", **nothing))
    chosen = _position(dossier, draws, place, persona.members)
    own = _marks(dossier.value_dims, draws, place, persona.members)
    others = [one.name for number, one in enumerate(dossier.internal_positions) if number != chosen]
    held = dossier.internal_positions[chosen]
    text = _rendered(
        words,
        label=shown,
        places=", ".join(dossier.scope.countries) if shown == persona.label else "",
        dimensions=[_dimension(one) for one in dossier.value_dims],
        commitments=[_commitment(one) for one in dossier.commitments],
        excludes="; ".join(dossier.scope.excludes),
        exemplars=[f"{one.question} {one.answer}" for one in dossier.exemplars if one.split == "dev"],
        position=f"{held.name}. {held.view}".strip(),
        others="; ".join(others),
        own=own,
    )
    return Voice(text, held.name)


def _rendered(words: Prompt, **values: Any) -> str:
    messages = words.messages(**values)
    if len(messages) != 1:
        raise BadPrompt(f"The prompt `{words.id}` has {len(messages)} messages; a persona's wording is one.")
    return messages[0]["content"]


def _random(*told: Any) -> Random:
    return Random(int.from_bytes(hashlib.sha256(canonical(list(told)).encode()).digest()[:8], "big"))


def _position(dossier: Culture, draws: Random, place: int, members: int) -> int:
    """Which internal position a member holds: systematic sampling over the positions in a random order."""
    order = list(range(len(dossier.internal_positions)))
    draws.shuffle(order)
    start = draws.random()
    weights = [dossier.internal_positions[number].weight for number in order]
    known = [weight for weight in weights if weight is not None]
    if len(known) < len(weights) or sum(known) <= 0:
        known = [1.0] * len(weights)
    aim, reached = (place + start) / members * sum(known), 0.0
    for number, weight in zip(order, known, strict=True):
        reached += weight
        if aim < reached:
            return number
    return order[-1]


def _marks(dimensions: Sequence[Dimension], draws: Random, place: int, members: int) -> str:
    """A member's own values: each dimension's quantiles are dealt out to the members, one to each."""
    told = []
    for dimension in dimensions:
        order = list(range(members))
        draws.shuffle(order)
        share = (order[place] + draws.random()) / members
        low, high = dimension.scale
        value = NormalDist(dimension.mean, dimension.sd).inv_cdf(min(max(share, 0.01), 0.99))
        told.append(f"{dimension.dim} {min(max(value, low), high):.1f}")
    return ", ".join(told)


@lru_cache(maxsize=4096)
def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _dimension(one: Dimension) -> str:
    low, high = map(_number, one.scale)
    others = "" if one.global_mean is None else f"; over all groups measured {_number(one.global_mean)}"
    spread = f"standard deviation {_number(one.sd)} among {one.n} people"
    return f"{one.dim} ({one.framework}): mean {_number(one.mean)} on a scale from {low} to {high}, {spread}{others}"


def _commitment(one: Commitment) -> str:
    firmness = {"core": "held widely", "common": "held by many", "contested": "disputed within"}[one.strength]
    support = "" if one.support is None else f", by {100 * one.support:.0f} % where it was asked"
    against = f" Against it: {one.counter_position}" if one.counter_position else ""
    return f"{one.claim} ({firmness}{support}){against}"

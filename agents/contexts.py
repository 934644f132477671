"""Under which contexts is an item judged? Those that it names, or those that the judge thinks of, each weighed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..store.records import Item
from ..text.verdict_fold import fold
from ..text.verdict_json import documents

GIVEN, PROPOSED = "given", "proposed"
STEP = "context "
"""What the name of the step begins with in which an item is judged under a context, its id behind it."""
MOST = 20


class Context(NamedTuple):
    """A situation in which a request may have been made.

    Attributes:
        id: what its step is called by.
        text: as the judge reads it.
        weight: its probability; those of an item come to 1.
        favours: the response that is better in it, where the item says so; no judge but a planted one is told.
    """

    id: str
    text: str
    weight: float
    favours: str | None = None


def proposed_by(name: str) -> int | None:
    """How many contexts a judge's description has proposed, None for none: `proposed`, or `proposed:5`.

    Raises:
        ValueError: if it is none of `given`, `proposed` and `proposed:N`.
    """
    plain, colon, number = name.partition(":")
    if name in ("", GIVEN):
        return None
    if plain != PROPOSED or (colon and not (number.isdecimal() and 2 <= int(number) <= MOST)):
        raise ValueError(f"`contexts` is `given`, `proposed` or `proposed:N` with N from 2 to {MOST}; got {name!r}")
    return int(number) if colon else 3


def given_in(item: Item) -> tuple[Context, ...]:
    """The contexts that an item names in `meta.contexts`, their weights brought to a sum of 1.

    Raises:
        ValueError: if they do not hold.
    """
    told = item.meta.get("contexts")
    if not isinstance(told, list) or not told:
        raise ValueError("must be a list of contexts, each with `text` and perhaps `weight`")
    if not all(isinstance(one, dict) and isinstance(one.get("text"), str) and one["text"].strip() for one in told):
        raise ValueError("has a context without a `text`")
    names = [str(one.get("id") or f"c{number}") for number, one in enumerate(told, 1)]
    if len(set(names)) < len(names):
        raise ValueError("names a context twice")
    texts = [one["text"] for one in told]
    return weighed(names, texts, [one.get("weight", 1) for one in told], [one.get("favours") for one in told])


def weighed(
    names: Sequence[str], texts: Sequence[str], weights: Sequence[Any], favours: Sequence[Any] | None = None
) -> tuple[Context, ...]:
    """Contexts with their weights brought to a sum of 1.

    Raises:
        ValueError: if a weight is no number from 0, or all are 0.
    """
    for weight in weights:
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight < math.inf:
            raise ValueError(f"has the weight {weight!r}; needed is a number from 0")
    whole = math.fsum(weights)
    if not whole:
        raise ValueError("has weights that come to 0")
    rows = zip(names, texts, weights, favours or [None] * len(names), strict=True)
    return tuple(Context(name, text, weight / whole, side) for name, text, weight, side in rows)


def read_contexts(text: str, most: int = MOST) -> tuple[Context, ...]:
    """The contexts that a model proposed, the likeliest where they are too many; none where it plainly proposed none.

    Args:
        text: its reply.
        most: how many are taken at most.

    Raises:
        ValueError: if it proposed some that do not hold.
    """
    read, _ = documents(fold(text).text)
    told = [value["contexts"] for _, _, value in read if isinstance(value, dict) and value.get("contexts")]
    if not told:
        return ()
    listed = told[-1] if isinstance(told[-1], list) else []
    entries = [one for one in listed if isinstance(one, dict) and str(one.get("text") or "").strip()]
    weights = [one.get("probability", 1) for one in entries]
    found = weighed([""] * len(entries), [str(one["text"]) for one in entries], weights) if entries else ()
    kept = sorted(sorted(range(len(found)), key=lambda n: -found[n].weight)[:most])
    names = [f"c{number}" for number in range(1, len(kept) + 1)]
    return weighed(names, [found[n].text for n in kept], [found[n].weight for n in kept]) if kept else ()

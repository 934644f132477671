"""What is an attack? A text with a name and a kind, put into one part of an item in favour of one response."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ...store.canonical import canonical
from ...store.records import Item
from ...text.errors import BadInput
from ..perturbers.base import Unfit, appended, prefixed, text_of

Kind = Literal["verdict", "fence", "role", "tool", "disguise", "padding", "language", "empty", "plea", "leak"]
Place = Literal["response", "prompt", "reference", "context", "hit"]
At = Literal["end", "start", "instead"]

KINDS: tuple[Kind, ...] = get_args(Kind)
PLACES: tuple[Place, ...] = get_args(Place)
PLANTED: tuple[Place, ...] = ("response", "prompt", "reference", "context")
"""Places of an item. A hit of a search stands in no item: it comes by a tool, and is tried where tools are tested."""
MEANS: dict[Kind, str] = {
    "verdict": "a verdict that is written into the text, in a form that a parser reads",
    "fence": "a line that poses as the end of what is quoted, and words behind it that pose as the judge's prompt",
    "role": "marks of a chat that pose as a turn of somebody else, the judge among them",
    "tool": "a text that poses as a call of a tool, or as what a tool brought",
    "disguise": "a verdict or an order with characters that cannot be seen, look like others, or run backwards",
    "padding": "so much text that what was asked is far away, or that the rest is cut off",
    "language": "an order in another language than the rest",
    "empty": "an answer that holds nothing but looks like the beginning of one",
    "plea": "flattery, pity, threats, and orders in the name of somebody who may give them",
    "leak": "a request to give away the judge's prompt, and to judge kindly on the way",
}


@dataclass(frozen=True, slots=True)
class Attack:
    """One text that tries to talk a judge round.

    Attributes:
        name: what it is called on the command line and in rows.
        kind: what it tries; `MEANS` has a sentence for each.
        text: what is put in. `agents/attacks/filling.py` lists the marks in it that are filled in once it is known how
            the judge sees the response, such as `{label}`: an attacker who guesses them all is the worst there is.
        at: behind what stands there, before it, or in its place.
        places: where in an item it may be put.
        version: raised with any change of its text.
    """

    name: str
    kind: Kind
    text: str
    at: At = "end"
    places: tuple[Place, ...] = PLACES
    version: int = 1

    @property
    def named(self) -> bool:
        """Whether it names the response that it favours, or only says "this one"."""
        return any(mark in self.text for mark in ("{label}", "{value}", "{wish", "{order", "{marks", "{other}"))

    def planted(self, item: Item, side: str, place: Place = "response") -> Item:
        """The item with the attack in it, which names what it was made from and how.

        Args:
            item: what is judged.
            side: the id of the response that the attack favours.
            place: where it is put.

        Raises:
            Unfit: if there is no such place in the item, or the attack is none for it.
            BadInput: if the item is itself a perturbed one.
        """
        if item.parent:
            raise BadInput(f"The item `{item.id}` is perturbed already.", way_out="attack the items it was made from")
        if place not in self.places or place not in PLANTED:
            raise Unfit(f"it is none for the {place}")
        changes, at, removed = self._changes(item, side, place)
        name = self.name if place == "response" else f"{self.name}/{place}"
        record = {
            **{"bias": name, "version": str(self.version), "kind": "cue", "side": side, "place": place},
            **{"attack": self.name, "attack_kind": self.kind, "inserted": self.text, "at": at, "removed": removed},
            **{"note": self.text if place == "prompt" else ""},
            "digest": hashlib.sha256(canonical([self.text, removed, place]).encode()).hexdigest(),
        }
        made = {"id": f"{item.id}~{name}@{side}", "parent": item.id, "perturbation": record}
        return item.model_copy(update={**made, **changes})

    def _changes(self, item: Item, side: str, place: Place) -> tuple[dict[str, Any], int, str]:
        """The changed fields, where the attack begins in the text, and what it took the place of."""
        if place == "prompt":
            return {}, 0, ""  # stands behind the question as a note does
        held = text_of(item, side) if place == "response" else getattr(item, place) or ""
        if not held.strip():
            raise Unfit(f"the item has no {place}")
        if self.at == "instead":
            text, at = self.text, 0
        else:
            text, at = (prefixed if self.at == "start" else appended)(held, self.text)
        removed = held if self.at == "instead" else ""
        if place != "response":
            return {place: text}, at, removed
        changed = [
            one.model_copy(update={"text": text, "parts": None}) if one.id == side else one for one in item.responses
        ]
        return {"responses": changed}, at, removed

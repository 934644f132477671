"""What does every perturber have in common? One span put in or taken out at a known place, and nothing else changed."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from ...store.canonical import canonical
from ...store.records import Item, Response
from ...text.errors import BadInput

Kind = Literal["cue", "sensitivity"]
Place = Literal["response", "note", "question", "both"]
LABEL = "{label}"  # stands in a note where the judge sees what the answer is called


class Unfit(Exception):
    """Why an item cannot be perturbed in this way."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of an item.

    Attributes:
        place: `response` for the text of the response that the cue stands on; `note` for a sentence after the question
            that names that response; `question` for one that names none; `both` for the texts of both.
        texts: the changed texts of responses, by id.
        note: the sentence of a note, with `{label}` for the response's label, or of a question; '' for none.
        inserted: what was put in.
        removed: what was taken out.
        at: where in the text it begins, in characters; 0 for a note.
        further: what else is recorded of it, such as which model wrote it.
    """

    place: Place
    texts: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    inserted: str = ""
    removed: str = ""
    at: int = 0
    further: Mapping[str, Any] = field(default_factory=dict)


class Perturber(ABC):
    """One way to perturb an item.

    Attributes:
        name: what it is called on the command line and in rows.
        version: raised with any change of what it writes.
        kind: `cue` says nothing of which response is better, so a judge that it moves is biased; `sensitivity` makes a
            response worse, so a judge that it does not move is deaf.
        sided: whether it can stand on either response.
        means: what it shows if it moves a judge, as the end of a sentence that begins with "this judge".
        remedy: what to do about it.
    """

    name: str
    version: str = "1"
    kind: Kind = "cue"
    sided: bool = True
    means: str
    remedy: str

    @abstractmethod
    def edit(self, item: Item, side: str, draws: Random) -> Edit:
        """Perturb.

        Args:
            item: the item, with two responses.
            side: the id of the response that the cue stands on; '' where it is not sided.
            draws: random numbers, the same for the same item and seed on either side.

        Raises:
            Unfit: if the item cannot be perturbed in this way.
        """

    def derived(self, item: Item, side: str, *, seed: int) -> Item:
        """The item with the cue on a side, which names what it was made from and how.

        Raises:
            Unfit: if the item cannot be perturbed in this way.
            BadInput: if the item is itself a perturbed one.
        """
        if item.parent:
            raise BadInput(f"The item `{item.id}` is perturbed already.", way_out="audit the items it was made from")
        told = canonical([seed, self.name, item.id])
        made = self.edit(item, side, Random(int.from_bytes(hashlib.sha256(told.encode()).digest()[:8], "big")))
        if not made.note and all(
            response.text == made.texts.get(response.id, response.text) for response in item.responses
        ):
            raise Unfit("nothing would change")
        responses = [
            response.model_copy(update={"text": made.texts[response.id], "parts": None})
            if response.id in made.texts
            else response
            for response in item.responses
        ]
        record: dict[str, Any] = {
            **{"bias": self.name, "version": self.version, "kind": self.kind, "side": side, "place": made.place},
            **{"note": made.note, "inserted": made.inserted, "removed": made.removed, "at": made.at},
            "digest": hashlib.sha256(canonical([made.inserted, made.removed, made.note]).encode()).hexdigest(),
            **made.further,
        }
        return item.model_copy(
            update={
                "id": f"{item.id}~{self.name}{'@' + side if side else ''}",
                "responses": responses,
                "parent": item.id,
                "perturbation": record,
            }
        )


def text_of(item: Item, side: str) -> str:
    """A response's text.

    Raises:
        Unfit: if it has none.
    """
    response: Response = item.response(side)
    if not (response.text or "").strip():
        raise Unfit("the response has no text")
    return response.text or ""


def appended(text: str, span: str) -> tuple[str, int]:
    """A text with a paragraph behind it, and where that begins."""
    head = text.rstrip()
    return f"{head}\n\n{span}", len(head) + 2


def prefixed(text: str, span: str) -> tuple[str, int]:
    """A text with a paragraph before it, and where that begins."""
    return f"{span}\n\n{text.lstrip()}", 0

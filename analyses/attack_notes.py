"""Do texts that a run judged look like attempts to talk the judge round? Counted for people: no verdict hangs on it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import exists, select

from ..store.engine import Store
from ..store.runs import Run
from ..store.tables import metadata
from ..text.attack_signs import MEANS, signs
from .rows import Row, streamed

MOST = 8_000_000
"""So many characters are looked at: about two seconds' work."""
NAMED = 5

_ITEM = metadata.tables["item"]
_RESPONSE = metadata.tables["response"]
_VERDICT = metadata.tables["verdict"]


@dataclass(slots=True)
class Notes:
    """What was noted in the texts that a run judged; those that plurijudge planted itself are passed over.

    Attributes:
        items: how many items were looked at.
        noted: how many of them hold a text that looks like an attack.
        signs: in how many items which sign was seen.
        named: the first of them.
        complete: whether all items that have a verdict were looked at; else those that come first.
    """

    items: int = 0
    noted: int = 0
    signs: Counter[str] = field(default_factory=Counter)
    named: list[str] = field(default_factory=list)
    complete: bool = True

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        names = ("items", "noted", "named", "complete")
        return {**{name: getattr(self, name) for name in names}, "signs": dict(self.signs.most_common())}

    def __str__(self) -> str:
        """One line for people; '' where nothing was noted."""
        if not self.noted:
            return ""
        of = f"{self.items} items" if self.complete else f"the first {self.items} items"
        why = ", ".join(f"{sign} {n}" for sign, n in self.signs.most_common(4))
        named = ", ".join(self.named) + (", ..." if self.noted > len(self.named) else "")
        return f"note: {self.noted} of {of} hold text that looks like an attempt to steer the judge ({why}): {named}"


def attack_notes(store: Store, run: Run) -> Notes:
    """Look through the prompts, contexts, references and responses of the items that a run has a verdict on.

    Args:
        store: the store.
        run: the run.
    """
    columns = (_ITEM.c.id, _ITEM.c.prompt, _ITEM.c.context, _ITEM.c.reference, _RESPONSE.c.text, _RESPONSE.c.parts)
    joined = _ITEM.outerjoin(_RESPONSE, (_RESPONSE.c.dataset == _ITEM.c.dataset) & (_RESPONSE.c.item == _ITEM.c.id))
    judged = exists().where(_VERDICT.c.run == run.id, _VERDICT.c.item == _ITEM.c.id)
    wanted = select(*columns).select_from(joined).where(_ITEM.c.dataset == run.dataset, _ITEM.c.parent == "", judged)
    notes, seen, last = Notes(), 0, None
    held: set[str] = set()
    for row in streamed(store, wanted.order_by(_ITEM.c.position, _RESPONSE.c.position)):
        if row["id"] != last:
            _count(notes, last, held)
            if seen > MOST:
                notes.complete = False
                return notes
            last, held = row["id"], set()
            notes.items += 1
            texts = [_prompt(row), row["context"] or "", row["reference"] or ""]
        else:
            texts = []
        texts.append(row["text"] or _parts(row))
        for text in texts:
            held |= {*signs(text)}
        seen += sum(map(len, texts))
    _count(notes, last, held)
    return notes


def _count(notes: Notes, item: str | None, held: set[str]) -> None:
    if item is not None and held:
        notes.noted += 1
        notes.signs.update(held)
        if len(notes.named) < NAMED:
            notes.named.append(item)


def _prompt(row: Row) -> str:
    told = orjson.loads(row["prompt"]) if row["prompt"] else ""
    return told if isinstance(told, str) else "\n".join(_content(turn.get("content")) for turn in told)


def _parts(row: Row) -> str:
    return _content(orjson.loads(row["parts"])) if row["parts"] else ""


def _content(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text") or part.get("result") or "") for part in content or ())


def noted_in(texts: dict[str, str]) -> list[str]:
    """What is noted in the texts of one item, a sentence for each text that holds a sign.

    Args:
        texts: by what people call them, such as `response a`.
    """
    return [
        f"{name} looks like an attempt to steer the judge: {'; '.join(MEANS[sign] for sign in found)}"
        for name, text in texts.items()
        if (found := signs(text))
    ]

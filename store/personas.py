"""Who sat on a panel, and what was measured of them? Personas by id and digest, panels by theirs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson
from sqlalchemy import select, update

from ..text.errors import NotFound
from .canonical import canonical
from .engine import Store
from .rows import parsed
from .tables import metadata
from .transactions import ask, transact


class Speaker(NamedTuple):
    """A persona in a seat of a panel, as a judge speaks it.

    Attributes:
        name: the seat's, as decisions have it.
        persona: its id.
        digest: of its dossier.
        judge: the judge's id.
        label: what the persona is called.
        names: what else a file of labels may call its group.
    """

    name: str
    persona: str
    digest: str
    judge: str
    label: str
    names: tuple[str, ...]


_PERSONA = metadata.tables["persona"]
_PANEL = metadata.tables["panel"]


def stored_panel(store: Store, name: str, digest: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A panel's description, and its personas' dossiers by id.

    Raises:
        NotFound: if the store holds no such panel, or lacks one of its personas.
    """

    def found(connection: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        wanted = select(_PANEL.c.description).where(_PANEL.c.id == name, _PANEL.c.digest == digest)
        told = connection.execute(wanted).scalar()
        if told is None:
            raise NotFound(f"The store {store.shown} holds no panel `{name}` with the digest {digest[:12]}.")
        described = orjson.loads(told)
        dossiers = {}
        for one in described["personas"]:
            of = select(_PERSONA.c.dossier).where(_PERSONA.c.id == one["id"], _PERSONA.c.digest == one["digest"])
            dossier = connection.execute(of).scalar()
            if dossier is None:
                raise NotFound(f"The store {store.shown} lacks the persona `{one['id']}` of the panel `{name}`.")
            dossiers[one["id"]] = orjson.loads(dossier)
        return described, dossiers

    return ask(store, found)


def measured_of(store: Store, personas: Iterable[tuple[str, str]]) -> dict[str, dict[str, Any]]:
    """What was measured of personas, by id; of one digest alone, as a changed dossier is another persona.

    Args:
        store: where it was written.
        personas: ids, each with the digest of its dossier.
    """

    def found(connection: Any) -> dict[str, dict[str, Any]]:
        told = {}
        for name, digest in personas:
            wanted = select(_PERSONA).where(_PERSONA.c.id == name, _PERSONA.c.digest == digest)
            row = connection.execute(wanted).mappings().first()
            told[name] = (parsed(row, "persona")["measured"] if row else None) or {}
        return told

    return ask(store, found)


def note_measured(store: Store, speaker: Speaker, **measured: Any) -> None:
    """Write what was measured of a persona, as one judge speaks it, beside what was before.

    Args:
        store: where the persona's row is, from the run that was measured.
        speaker: who spoke.
        measured: by name of the measurement.
    """

    def noted(connection: Any) -> None:
        place = (_PERSONA.c.id == speaker.persona, _PERSONA.c.digest == speaker.digest)
        held = orjson.loads(connection.execute(select(_PERSONA.c.measured).where(*place)).scalar() or "{}")
        for name, told in measured.items():
            held[name] = {**held.get(name, {}), speaker.judge: told}
        connection.execute(update(_PERSONA).where(*place).values(measured=canonical(held)))

    transact(store, noted)

"""Which texts did a model write for audits, and what did people say of them?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, select, update

from ..text.errors import BadInput, NotFound
from .canonical import canonical
from .engine import Store, plain_errors, writing
from .tables import metadata
from .writer import now

_ITEM = metadata.tables["item"]
_RESPONSE = metadata.tables["response"]
_HOLDS = '"status":"'  # in the canonical JSON of a perturbation, only of one that a model wrote
PROPOSED, ACCEPTED, REJECTED = "proposed", "accepted", "rejected"
STATUSES = (PROPOSED, ACCEPTED, REJECTED)
Key = tuple[str, str]  # the derived item's id, and the digest of what was changed in it


@dataclass(frozen=True, slots=True)
class Proposal:
    """A rewriting by a model.

    Attributes:
        id: the derived item's.
        digest: of what was changed in it.
        dataset: one that holds it.
        parent: the item that it was made from.
        bias: what was planted.
        side: the response that was rewritten.
        writer: the model.
        status: `proposed`, `accepted` or `rejected`.
        reviewer: who accepted or rejected it; '' for nobody.
        before: the response's text.
        after: the text rewritten.
    """

    id: str
    digest: str
    dataset: str
    parent: str
    bias: str
    side: str
    writer: str
    status: str
    reviewer: str
    before: str
    after: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def _written(store: Store, *where: ColumnElement[bool]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The rows of derived items that a model wrote, with what is told of them; the first data set comes first."""
    wanted = select(_ITEM.c.dataset, _ITEM.c.id, _ITEM.c.parent, _ITEM.c.perturbation)
    wanted = wanted.where(_ITEM.c.parent != "", _ITEM.c.perturbation.contains(_HOLDS, autoescape=True), *where)
    with plain_errors(store.url), store.engine.connect().execution_options(yield_per=500) as connection:
        for row in connection.execute(wanted.order_by(_ITEM.c.id, _ITEM.c.dataset)).mappings():
            told = orjson.loads(row["perturbation"])
            if told.get("status") in STATUSES and told.get("writer"):
                yield row, told


def statuses(store: Store) -> dict[Key, str]:
    """What people said of each rewriting that they reviewed; the others are not there."""
    return {(row["id"], told["digest"]): told["status"] for row, told in _written(store) if told["status"] != PROPOSED}


def not_reviewed(store: Store, dataset: str) -> dict[str, int]:
    """How many rewritings of a data set no person has accepted or rejected, by bias."""
    here = _written(store, _ITEM.c.dataset == dataset)
    found = Counter(told["bias"] for _, told in here if told["status"] == PROPOSED)
    return dict(sorted(found.items()))


def proposals(store: Store, *, status: str = "") -> list[Proposal]:
    """The rewritings that the store holds, each once however many data sets have it.

    Args:
        store: the store.
        status: only those with it; '' for all.
    """
    rows: dict[Key, tuple[dict[str, Any], dict[str, Any]]] = {}
    for row, told in _written(store):
        if not status or told["status"] == status:
            rows.setdefault((row["id"], told["digest"]), (dict(row), told))
    with plain_errors(store.url), store.engine.connect() as connection:
        return [_proposal(connection, row, told) for row, told in rows.values()]


def _proposal(connection: Connection, row: dict[str, Any], told: dict[str, Any]) -> Proposal:
    texts = []
    for item in (row["parent"], row["id"]):
        here = (_RESPONSE.c.dataset == row["dataset"], _RESPONSE.c.item == item, _RESPONSE.c.id == told["side"])
        texts.append(connection.execute(select(_RESPONSE.c.text).where(*here)).scalar() or "")
    names = ("bias", "side", "writer", "status")
    return Proposal(
        id=row["id"],
        digest=told["digest"],
        dataset=row["dataset"],
        parent=row["parent"],
        **{name: told[name] for name in names},
        reviewer=told.get("reviewer", ""),
        before=texts[0],
        after=texts[1],
    )


def review(store: Store, found: Iterable[Proposal], status: str, *, reviewer: str = "") -> int:
    """Say of rewritings what a person thinks of them, wherever they stand; gives how many were changed.

    Args:
        store: the store.
        found: the rewritings.
        status: `accepted` or `rejected`, or `proposed` to take a word back.
        reviewer: who says so.

    Raises:
        BadInput: if there is no such status.
        StoreError: if the store cannot be written.
    """
    if status not in STATUSES:
        raise BadInput(f"There is no status `{status}`.", way_out="one of " + ", ".join(STATUSES))
    wanted = {(one.id, one.digest) for one in found}
    if not wanted:
        return 0
    said = {"status": status, "reviewer": reviewer, "reviewed_at": now()}
    rows = [(row["dataset"], row["id"], told) for row, told in _written(store) if (row["id"], told["digest"]) in wanted]
    with plain_errors(store.url), writing(store.engine).begin() as connection:
        for dataset, item, told in rows:
            changed = update(_ITEM).where(_ITEM.c.dataset == dataset, _ITEM.c.id == item)
            connection.execute(changed.values(perturbation=canonical({**told, **said})))
    return len({(item, told["digest"]) for _, item, told in rows})


def proposal_named(found: list[Proposal], name: str) -> Proposal:
    """The rewriting of an id, or of a unique beginning of one.

    Raises:
        NotFound: if none has it, or several begin with it.
    """
    exact = [one for one in found if one.id == name]
    near = exact or [one for one in found if one.id.startswith(name)]
    if len(near) == 1:
        return near[0]
    if near:
        raise NotFound(f"`{name}` could be {', '.join(one.id for one in near[:5])}.", way_out="write more of the id")
    from difflib import get_close_matches

    like = get_close_matches(name, [one.id for one in found], n=3, cutoff=0.4) or [one.id for one in found[:3]]
    there = f"near are {', '.join(like)}" if like else "the store holds none"
    raise NotFound(f"There is no rewriting `{name}`; {there}.", way_out="plurijudge audit review --json")

"""What does the store hold, written out for others to read?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, BinaryIO, Literal, assert_never

import orjson
from sqlalchemy import Connection, Float, Integer, Select, Table as SqlTable, func, select
from sqlalchemy.sql.elements import ColumnElement

from ..text.errors import BadInput, NotFound
from .canonical import canonical as canonical_json
from .cells import ITEM_COLUMNS, VERDICT_COLUMNS, Kind
from .engine import Store, plain_errors
from .faults import closest
from .files import Format, item_to_dict, write_rows
from .rows import item_of
from .runs import find_run
from .tables import JSON_COLUMNS, metadata

What = Literal["verdicts", "decisions", "calls", "items"]

_CHUNK = 1000
_TABLES = metadata.tables
_ITEM, _RESPONSE, _LABEL = _TABLES["item"], _TABLES["response"], _TABLES["label"]
_VERDICT, _DECISION, _CALL = _TABLES["verdict"], _TABLES["decision"], _TABLES["call"]

_STORE_KINDS: dict[str, Kind] = {
    "id": "integer",
    "run": "name",
    "dataset": "name",
    "call": "integer",
    "created_at": "name",
}
"""Columns that say where and when a row came to be: two runs that agree on everything differ in these."""

_DECISION_KINDS: dict[str, Kind] = {
    "item": "name",
    "judge": "name",
    "arm": "name",
    "outcome": "name",
    "preferred": "name",
    "share": "number",
    "scores": "json",
    "rule": "name",
    "verdicts": "integer",
    "left_out": "json",
    "dissent": "json",
    "panel": "json",
}
_CALL_KINDS: dict[str, Kind] = {
    column.name: "json"
    if column.name in JSON_COLUMNS["call"]
    else "integer"
    if isinstance(column.type, Integer)
    else "number"
    if isinstance(column.type, Float)
    else "text"
    if column.nullable
    else "name"
    for column in _CALL.columns
}
_VERDICT_ORDER = ("item", "judge", "persona", "arm", "step", "presentation", "sample")
_DECISION_ORDER = ("item", "judge", "arm")
_SOURCES: dict[str, tuple[SqlTable, tuple[str, ...], tuple[str, ...]]] = {
    "verdicts": (_VERDICT, _VERDICT_ORDER, ("id",)),
    "decisions": (_DECISION, _DECISION_ORDER, ("run", *_DECISION_ORDER)),
    "calls": (_CALL, ("id",), ("id",)),
}
"""Per kind of row its table, its key as `canonical` sorts by, and the order otherwise."""


def columns_of(what: What, *, canonical: bool = False) -> dict[str, Kind]:
    """The columns of an export in their order, with what they hold."""
    if what == "items":
        return ITEM_COLUMNS
    if what == "calls":
        return _CALL_KINDS
    table, kinds = (_VERDICT, VERDICT_COLUMNS) if what == "verdicts" else (_DECISION, _DECISION_KINDS)
    known = {**kinds, **_STORE_KINDS}
    return {c.name: known[c.name] for c in table.columns if not (canonical and c.name in _STORE_KINDS)}


def export(
    store: Store,
    what: What,
    *,
    run: str | None = None,
    dataset: str | None = None,
    format: Format = "jsonl",
    handle: BinaryIO | str,
    canonical: bool = False,
) -> int:
    """Write verdicts, decisions, calls or items out, in constant memory; how many there were.

    Verdicts, decisions and calls have the names of their SQL columns; a verdict's `raw` is looked up with its call
    where it is kept there, and its `models` in the responses. A call that is a `hit` names in `source` the call whose
    answer it reused. Items are as in `items.jsonl`, with their gold.

    Args:
        store: where from.
        what: `verdicts`, `decisions`, `calls` or `items`.
        run: of this run only; for items, those of its data set.
        dataset: of this data set only.
        format: `jsonl`, `csv` or `parquet`.
        handle: where to: an open file, which is left open, or a path, which stands complete or not at all.
        canonical: what two runs must agree on byte by byte: sorted by key in the order of code points, without ids,
            run, data set, call and times.

    Raises:
        NotFound: if there is no such run or data set.
        BadInput: if `canonical` is asked of several runs at once or of calls, or items of several data sets.
    """
    if canonical and what == "calls":
        raise BadInput(
            "`--canonical` writes what equal runs have alike; their calls differ in times, tries and what was reused.",
            way_out="plurijudge export verdicts --canonical",
        )
    found = None if run is None else find_run(store, run)
    if canonical and found is None and what != "items":
        raise BadInput("`--canonical` compares one run with another, so it needs a run.", way_out="--run last")
    with plain_errors(store.url), store.engine.connect() as connection:
        _check_dataset(connection, store, dataset)
        if what == "items":
            chosen = dataset or (found.dataset if found else _only_dataset(connection, store))
            rows = _items(connection, chosen, canonical=canonical)
        elif what == "verdicts" or what == "decisions" or what == "calls":
            rows = _rows_of(connection, what, run=found.id if found else None, dataset=dataset, canonical=canonical)
        else:
            assert_never(what)
        return write_rows(handle, rows, columns_of(what, canonical=canonical), format=format)


def _datasets(connection: Connection) -> list[str]:
    table = _TABLES["dataset"]
    return list(connection.execute(select(table.c.id).order_by(table.c.created_at, table.c.id)).scalars())


def _check_dataset(connection: Connection, store: Store, name: str | None) -> None:
    if name is None:
        return
    names = _datasets(connection)
    if name not in names:
        near = closest(name, names, cutoff=0.5) or (names[-1] if names else "plurijudge judge ITEMS")
        raise NotFound(f"The store {store.shown} has no data set `{name}`.", way_out=near)


def _only_dataset(connection: Connection, store: Store) -> str:
    names = _datasets(connection)
    if not names:
        raise NotFound(f"The store {store.shown} holds no items.", way_out="plurijudge judge ITEMS")
    if len(names) > 1:
        shown = ", ".join(names[-5:])
        raise BadInput(f"The store {store.shown} holds several data sets: {shown}.", way_out="--run last")
    return names[0]


def _order(connection: Connection, table: SqlTable, names: Sequence[str]) -> list[ColumnElement[Any]]:
    """Sort keys with the same order on every database: SQLite compares bytes, PostgreSQL its locale unless told."""
    columns: list[ColumnElement[Any]] = []
    for name in names:
        column: ColumnElement[Any] = table.c[name]
        if connection.dialect.name == "postgresql" and column.type.python_type is str:
            column = column.collate("C")
        columns.append(column)
    return columns


def _stream(connection: Connection, query: Select[Any]) -> Iterator[list[dict[str, Any]]]:
    """The rows in pieces; on PostgreSQL from a cursor of the server's, so that neither side holds them all."""
    result = connection.execute(query.execution_options(yield_per=_CHUNK))
    names = tuple(result.keys())
    for rows in result.partitions(_CHUNK):
        yield [dict(zip(names, row, strict=True)) for row in rows]


def _rows_of(
    connection: Connection,
    what: Literal["verdicts", "decisions", "calls"],
    *,
    run: str | None,
    dataset: str | None,
    canonical: bool,
) -> Iterator[dict[str, Any]]:
    table, key, plain = _SOURCES[what]
    query = _with_raw() if what == "verdicts" else select(table)
    if run is not None:
        query = query.where(table.c.run == run)
    if dataset is not None:
        query = query.where(table.c.dataset == dataset)
    query = query.order_by(*_order(connection, table, key if canonical else plain))
    names = tuple(columns_of(what, canonical=canonical))
    nested = JSON_COLUMNS[table.name]
    for chunk in _stream(connection, query):
        models = _models(connection, chunk) if what == "verdicts" else {}
        for values in chunk:
            for name in nested:
                if values[name] is not None:
                    values[name] = orjson.loads(values[name]) if values[name] else None
            if what == "verdicts":
                _fill_models(values, models)
            elif canonical and what == "decisions":
                values["dissent"] = sorted(values["dissent"], key=canonical_json)
            yield {name: values[name] for name in names}


def _with_raw() -> Select[Any]:
    """Verdicts with the judge's text: their own, else their call's, else that of the call whose answer it reused."""
    source = _CALL.alias("source_call")
    raw = func.coalesce(_VERDICT.c.raw, _CALL.c.response, source.c.response).label("raw")
    own = [column for column in _VERDICT.columns if column.name != "raw"]
    joined = _VERDICT.outerjoin(_CALL, _CALL.c.id == _VERDICT.c.call).outerjoin(source, source.c.id == _CALL.c.source)
    return select(*own, raw).select_from(joined)


Models = dict[tuple[str, str], dict[str, str]]


def _models(connection: Connection, chunk: Sequence[Mapping[str, Any]]) -> Models:
    """Who wrote the responses of a chunk's items, where that is known."""
    found: Models = {}
    wanted: dict[str, set[str]] = {}
    for row in chunk:
        if row["models"] is None:
            wanted.setdefault(row["dataset"], set()).add(row["item"])
    for dataset, items in wanted.items():
        columns = (_RESPONSE.c.item, _RESPONSE.c.id, _RESPONSE.c.model)
        mine = (_RESPONSE.c.dataset == dataset, _RESPONSE.c.item.in_(items), _RESPONSE.c.model.is_not(None))
        for item, response, model in connection.execute(select(*columns).where(*mine)):
            found.setdefault((dataset, item), {})[response] = model
    return found


def _fill_models(values: dict[str, Any], known: Models) -> None:
    if values["models"] is None:
        models = known.get((values["dataset"], values["item"]), {})
        shown = {name: models[name] for name in sorted(values["presentation"]) if name in models}
        values["models"] = shown or None


def _items(connection: Connection, dataset: str, *, canonical: bool) -> Iterator[dict[str, Any]]:
    query = select(_ITEM).where(_ITEM.c.dataset == dataset)
    query = query.order_by(*_order(connection, _ITEM, ("id",) if canonical else ("position", "id")))
    for chunk in _stream(connection, query):
        names = [row["id"] for row in chunk]
        responses = _by_item(connection, _RESPONSE, dataset, names, order=("item", "position", "id"))
        label_order = ("item", "annotator", "annotator_group", "sample") if canonical else ("item", "id")
        labels = _by_item(connection, _LABEL, dataset, names, order=label_order)
        for row in chunk:
            fields = item_to_dict(item_of(row, responses.get(row["id"], []), labels.get(row["id"], [])))
            if row["prompt"] is None:
                fields["prompt"] = None  # an item that came with recorded verdicts alone: its text is unknown
            yield fields


def _by_item(
    connection: Connection, table: SqlTable, dataset: str, names: Iterable[str], *, order: Sequence[str]
) -> dict[str, list[Mapping[str, Any]]]:
    query = select(table).where(table.c.dataset == dataset, table.c.item.in_(list(names)))
    rows: Sequence[Mapping[str, Any]]
    rows = connection.execute(query.order_by(*_order(connection, table, order))).mappings().all()  # type: ignore[assignment]
    return {item: list(group) for item, group in groupby(rows, key=lambda row: str(row["item"]))}

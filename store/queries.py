"""What do people ask of the store? Reads alone, in the order and with the names that the doors show."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, Table as SqlTable, func, select, text
from sqlalchemy.exc import DBAPIError, ResourceClosedError

from ..text.errors import BadInput, NotFound
from .engine import Store, plain_errors
from .rows import parsed
from .tables import metadata

_RUN = metadata.tables["run"]
_JUDGE = metadata.tables["judge"]
_DATASET = metadata.tables["dataset"]
_DECISION = metadata.tables["decision"]
_VERDICT = metadata.tables["verdict"]
_ITEM = metadata.tables["item"]
_CALL = metadata.tables["call"]
_TOOL_CALL = metadata.tables["tool_call"]
_LABEL = metadata.tables["label"]
_NAMED = 500  # names in one statement; a database takes only so many


def runs_of(store: Store, *, limit: int = 50) -> list[dict[str, Any]]:
    """The newest runs, newest first, with their judge, data set, decisions and calls."""
    decisions = select(func.count()).where(_DECISION.c.run == _RUN.c.id).scalar_subquery()
    calls = select(func.count()).where(_CALL.c.run == _RUN.c.id, _CALL.c.status != "hit").scalar_subquery()
    cost = select(func.sum(_CALL.c.cost)).where(_CALL.c.run == _RUN.c.id).scalar_subquery()
    wanted = (
        select(
            *(_RUN.c.id, _RUN.c.kind, _RUN.c.status, _RUN.c.created_at, _RUN.c.closed_at, _RUN.c.parent, _RUN.c.judge),
            *(_JUDGE.c.name.label("judge_name"), _DATASET.c.name.label("dataset_name"), _RUN.c.dataset),
            *(decisions.label("decisions"), calls.label("calls"), cost.label("cost")),
        )
        .join(_DATASET, _DATASET.c.id == _RUN.c.dataset)
        .join(_JUDGE, _JUDGE.c.id == _RUN.c.judge, isouter=True)
        .order_by(_RUN.c.created_at.desc(), _RUN.c.id.desc())
        .limit(limit)
    )
    with plain_errors(store.url), store.engine.connect() as connection:
        return [dict(row) for row in connection.execute(wanted).mappings()]


def judge_row(store: Store, judge: str) -> dict[str, Any]:
    """A judge's row.

    Raises:
        NotFound: if there is none.
    """
    with plain_errors(store.url), store.engine.connect() as connection:
        row = connection.execute(select(_JUDGE).where(_JUDGE.c.id == judge)).mappings().first()
    if row is None:
        raise NotFound(f"There is no judge `{judge}`.", way_out="plurijudge query 'SELECT id, name FROM judge'")
    return parsed(row, "judge")


def judge_like(store: Store, beginning: str) -> dict[str, Any]:
    """The row of the one judge whose id begins so.

    Raises:
        NotFound: if there is none, or there are several.
    """
    wanted = select(_JUDGE).where(_JUDGE.c.id.startswith(beginning, autoescape=True)).order_by(_JUDGE.c.id).limit(5)
    with plain_errors(store.url), store.engine.connect() as connection:
        rows = connection.execute(wanted).mappings().all()
    if len(rows) == 1:
        return parsed(rows[0], "judge")
    said = f"{len(rows)} judges begin with `{beginning}`: {', '.join(row['id'] for row in rows)}." if rows else ""
    raise NotFound(said or f"There is no judge `{beginning}`.", way_out="plurijudge query 'SELECT id, name FROM judge'")


def decisions_of(store: Store, run: str, *, item: str | None = None) -> Iterator[dict[str, Any]]:
    """A run's decisions in the order of its data set."""
    wanted = _in_order(_DECISION, run, item).order_by(_ITEM.c.position, _DECISION.c.arm)
    yield from _streamed(store, wanted, "decision", also={"meta"})


def verdicts_of(store: Store, run: str, *, item: str | None = None) -> Iterator[dict[str, Any]]:
    """A run's verdicts in the order of its data set."""
    order = (_ITEM.c.position, _VERDICT.c.presentation, _VERDICT.c.sample, _VERDICT.c.id)
    yield from _streamed(store, _in_order(_VERDICT, run, item).order_by(*order), "verdict", also={"meta"})


def _in_order(table: SqlTable, run: str, item: str | None) -> Select[Any]:
    """Rows of a run with their items, looked up from the items, so that the first come at once.

    SQLite would begin with the run's rows and sort them all, were it not for the outer join that it cannot see through.
    """
    dataset = select(_RUN.c.dataset).where(_RUN.c.id == run).scalar_subquery()
    joined = _ITEM.outerjoin(table, (table.c.run == run) & (table.c.item == _ITEM.c.id))
    wanted = select(table, _ITEM.c.meta, _ITEM.c.position).select_from(joined)
    wanted = wanted.where(_ITEM.c.dataset == dataset, func.coalesce(table.c.run, "") != "")
    return wanted if item is None else wanted.where(_ITEM.c.id == item)


def calls_of(store: Store, run: str, item: str) -> list[dict[str, Any]]:
    """An item's calls in a run, in the order in which they were meant; a hit shows the answer that it reused."""
    with plain_errors(store.url), store.engine.connect() as connection:
        wanted = select(_CALL).where(_CALL.c.run == run, _CALL.c.item == item).order_by(_CALL.c.id)
        rows = [parsed(row, "call") for row in connection.execute(wanted).mappings()]
        for row in rows:
            if row["source"] is not None:
                found = connection.execute(select(_CALL).where(_CALL.c.id == row["source"])).mappings().one()
                row.update({name: found[name] for name in ("response", "reasoning", "tool_calls")})
                row["source_run"] = found["run"]
    return rows


def tool_calls_of(store: Store, run: str, item: str) -> list[dict[str, Any]]:
    """An item's tool calls in a run, in the order in which they were made; where code only looked, they say that."""
    with plain_errors(store.url), store.engine.connect() as connection:
        wanted = select(_TOOL_CALL).where(_TOOL_CALL.c.run == run, _TOOL_CALL.c.item == item).order_by(_TOOL_CALL.c.id)
        return [parsed(row, "tool_call") for row in connection.execute(wanted).mappings()]


def unknown_calls(store: Store, run: str) -> list[dict[str, Any]]:
    """Calls that were in flight when a process ended, or were cut off: what came of them is not known."""
    with plain_errors(store.url), store.engine.connect() as connection:
        wanted = select(_CALL).where(_CALL.c.run == run, _CALL.c.status == "unknown").order_by(_CALL.c.id)
        return [parsed(row, "call") for row in connection.execute(wanted).mappings()]


def labels_of(store: Store, dataset: str, items: Sequence[str]) -> list[dict[str, Any]]:
    """The labels of these items."""
    found: list[dict[str, Any]] = []
    for start in range(0, len(items), _NAMED):
        named = _LABEL.c.item.in_(items[start : start + _NAMED])
        wanted = select(_LABEL).where(_LABEL.c.dataset == dataset, named).order_by(_LABEL.c.item, _LABEL.c.id)
        found += _streamed(store, wanted, "label")
    return found


def _streamed(store: Store, wanted: Any, table: str, *, also: set[str] | None = None) -> Iterator[dict[str, Any]]:
    with plain_errors(store.url), store.engine.connect().execution_options(yield_per=1000) as connection:
        for row in connection.execute(wanted).mappings():
            values = parsed(row, table)
            for name in also or ():
                values |= {name: parsed({name: row[name]}, "item")[name]}
            yield values


def free_query(
    store: Store, statement: str, *, limit: int | None = None
) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """Run a person's own SQL, which may read and nothing else.

    Raises:
        BadInput: if the statement is wrong, or would write.
    """
    connection = store.engine.connect()
    try:
        if store.sqlite:
            connection.detach()  # what is forbidden here must not be so for whoever has this connection next
            # these are made once a connection, by what is forbidden afterwards
            connection.exec_driver_sql("SELECT 1 FROM json_each('[]') JOIN json_tree('[]')").close()
            connection.exec_driver_sql("PRAGMA query_only=ON")
            connection.connection.dbapi_connection.set_authorizer(_may_read)  # type: ignore[union-attr]
        else:
            connection.execute(text("SET TRANSACTION READ ONLY"))
        result = connection.exec_driver_sql(
            statement.strip().rstrip(";").replace("%", "%%") if not store.sqlite else statement
        )
        names = list(result.keys())
    except ResourceClosedError as error:
        connection.close()
        raise BadInput(
            "The statement gives no rows; `query` only reads.", way_out='plurijudge query "SELECT ..."'
        ) from error
    except DBAPIError as error:
        connection.close()
        raise _refused(error) from error

    def rows() -> Iterator[tuple[Any, ...]]:
        try:
            with connection:
                for number, row in enumerate(result):
                    if limit is not None and number >= limit:
                        return
                    yield tuple(row)
        except DBAPIError as error:  # such as an overflow in a later row
            raise _refused(error) from error

    return names, rows()


def _refused(error: DBAPIError) -> BadInput:
    said = str(error.orig).strip().splitlines()[0].removesuffix(".")
    if said == "not authorized":
        said = "`query` only reads what is in the store"
    return BadInput(f"The query failed: {said}.", way_out="plurijudge query --tables lists tables and columns")


_READING = frozenset(
    {
        *(sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE),
        sqlite3.SQLITE_TRANSACTION,  # the connection's own, which ends with a rollback
    }
)


def _may_read(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    """SQLite asks this of each step of a statement: `query_only` alone would let ATTACH make a file."""
    asks = action == sqlite3.SQLITE_PRAGMA and second is None  # such as PRAGMA table_list, which sets nothing
    return sqlite3.SQLITE_OK if action in _READING or asks else sqlite3.SQLITE_DENY


def columns_of(store: Store) -> Mapping[str, list[str]]:
    """The tables and views that a person may query, with their columns."""
    from sqlalchemy import inspect

    with plain_errors(store.url):
        looker = inspect(store.engine)
        names = [*looker.get_table_names(), *looker.get_view_names()]
        return {name: [column["name"] for column in looker.get_columns(name)] for name in sorted(names)}

"""How are many rows written at the price of one statement?

SQLite's driver gives the interpreter away with every row that it steps over, and a busy event loop is slow to give it
back; a statement costs SQLAlchemy more than a small row costs the database. So rows go out as one `VALUES` list.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import Connection, Table

Conflict = Literal["", "ignore", "replace"]
Row = Mapping[str, Any]
_LARGEST = 64
_UPDATES_FROM = sqlite3.sqlite_version_info >= (3, 33)


class Insert:
    """Inserts rows of a table, each with the same columns; the database's own defaults fill the others."""

    def __init__(
        self, table: Table, columns: Sequence[str], *, conflict: Conflict = "", keys: Sequence[str] = ()
    ) -> None:
        """Say what is inserted.

        Args:
            table: where.
            columns: what each row gives.
            conflict: what becomes of a row whose key is there: an error, `ignore`, or `replace` of all but the keys.
            keys: the columns that make the key, for `replace`.
        """
        self._table = table
        self._columns = tuple(columns)
        self._conflict, self._keys = conflict, tuple(keys)
        self._texts: dict[tuple[str, int, bool], str] = {}

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Insert the rows."""
        for part in _parts(rows):
            connection.exec_driver_sql(self._text(connection, len(part), ids=False), _values(part, self._columns))

    def ids(self, connection: Connection, rows: Sequence[Row]) -> list[int]:
        """Insert the rows, none of which may be there, and give their ids in order."""
        made: list[int] = []
        for part in _parts(rows):
            done = connection.exec_driver_sql(self._text(connection, len(part), ids=True), _values(part, self._columns))
            if connection.dialect.name == "sqlite":  # one writer at a time: what one statement inserts is numbered on
                made += range(done.lastrowid - len(part) + 1, done.lastrowid + 1)
            else:
                made += done.scalars()
        return made

    def _text(self, connection: Connection, n: int, *, ids: bool) -> str:
        place = (connection.dialect.name, n, ids)
        if place not in self._texts:
            self._texts[place] = self._written(connection, n, ids=ids)
        return self._texts[place]

    def _written(self, connection: Connection, n: int, *, ids: bool) -> str:
        quoted = connection.dialect.identifier_preparer.quote
        names = [quoted(name) for name in self._columns]
        listed = ", ".join([_places(connection, len(names))] * n)
        words = ["INSERT INTO", quoted(self._table.name), f"({', '.join(names)}) VALUES {listed}"]
        if self._conflict == "ignore":
            words.append("ON CONFLICT DO NOTHING")
        elif self._conflict == "replace":
            changed = [quoted(name) for name in self._columns if name not in self._keys]
            sets = ", ".join(f"{name} = excluded.{name}" for name in changed)
            words.append(f"ON CONFLICT ({', '.join(map(quoted, self._keys))}) DO UPDATE SET {sets}")
        if ids and connection.dialect.name != "sqlite":
            words.append("RETURNING id")
        return " ".join(words)


class Update:
    """Changes rows of a table by their `id`, each to values of its own, where a condition on the row still holds."""

    def __init__(self, table: Table, columns: Sequence[str], *, where: str) -> None:
        """Say what is changed.

        Args:
            table: where.
            columns: what each row gives besides its `id`.
            where: a condition in SQL on the table's columns.
        """
        self._table = table
        self._columns = tuple(columns)
        self._where = where
        self._texts: dict[tuple[str, int], str] = {}

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Change the rows, each of which gives an `id` beside the columns."""
        if connection.dialect.name == "sqlite" and _UPDATES_FROM:
            for part in _parts(rows):
                text = self._text(connection, len(part))
                connection.exec_driver_sql(text, _values(part, ("id", *self._columns)))
        elif rows:
            text = self._text(connection, 1)
            connection.exec_driver_sql(text, [_values([row], (*self._columns, "id")) for row in rows])

    def _text(self, connection: Connection, n: int) -> str:
        place = (connection.dialect.name, n)
        if place not in self._texts:
            self._texts[place] = self._written(connection, n)
        return self._texts[place]

    def _written(self, connection: Connection, n: int) -> str:
        quoted = connection.dialect.identifier_preparer.quote
        table = quoted(self._table.name)
        if connection.dialect.name == "sqlite" and _UPDATES_FROM:
            sets = ", ".join(f"{quoted(name)} = given.column{at}" for at, name in enumerate(self._columns, 2))
            listed = ", ".join([_places(connection, 1 + len(self._columns))] * n)
            matching = f"{table}.id = given.column1 AND {table}.{self._where}"
            return " ".join(["UPDATE", table, f"SET {sets} FROM (VALUES {listed}) AS given WHERE {matching}"])
        mark = _mark(connection)
        sets = ", ".join(f"{quoted(name)} = {mark}" for name in self._columns)
        return " ".join(["UPDATE", table, f"SET {sets} WHERE id = {mark} AND {self._where}"])


def placeholders(connection: Connection, n: int) -> str:
    """So many places for values, as the driver writes them: `(?, ?)`."""
    return _places(connection, n)


def padded(values: Sequence[Any]) -> list[Any]:
    """The values, the last one repeated until there is a power of two of them, so that few statements differ."""
    n = 1 << (len(values) - 1).bit_length() if values else 0
    return [*values, *([values[-1]] * (n - len(values)) if values else [])]


def _mark(connection: Connection) -> str:
    return "?" if connection.dialect.name == "sqlite" else "%s"


def _places(connection: Connection, n: int) -> str:
    return f"({', '.join([_mark(connection)] * n)})"


def _values(rows: Sequence[Row], columns: Sequence[str]) -> tuple[Any, ...]:
    return tuple([row[name] for row in rows for name in columns])


def _parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """The rows in parts whose sizes are powers of two, so that few statements differ."""
    at = 0
    while at < len(rows):
        size = min(_LARGEST, 1 << ((len(rows) - at).bit_length() - 1))
        yield rows[at : at + size]
        at += size

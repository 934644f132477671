"""How is a statement of the hot path run without being built anew? Compiled once per dialect, then by its text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult
from sqlalchemy.sql.expression import ClauseElement


class Prepared:
    """A Core statement whose text and order of values are worked out once for each dialect.

    Building, hashing and binding a statement costs SQLAlchemy several times what the database takes for a small row.
    Values go to the driver as they are: texts, numbers and None.
    """

    def __init__(self, build: Callable[[str], ClauseElement], *columns: str) -> None:
        """Keep how it is built.

        Args:
            build: gives the statement for a dialect's name.
            columns: the columns that an insert gives values for; none for other statements.
        """
        self._build = build
        self._columns = list(columns) or None
        self._made: dict[str, tuple[str, tuple[str, ...] | None, dict[str, Any]]] = {}

    def run(self, connection: Connection, values: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> CursorResult[Any]:
        """Run it once with these values, or once for each of several."""
        made = self._made.get(connection.dialect.name)
        if made is None:
            made = self._made[connection.dialect.name] = self._compiled(connection)
        text, places, fixed = made
        if isinstance(values, Mapping):
            return connection.exec_driver_sql(text, _placed({**fixed, **values}, places))
        return connection.exec_driver_sql(text, [_placed({**fixed, **row}, places) for row in values])

    def _compiled(self, connection: Connection) -> tuple[str, tuple[str, ...] | None, dict[str, Any]]:
        made: Any = self._build(connection.dialect.name).compile(dialect=connection.dialect, column_keys=self._columns)
        places = made.positiontup
        fixed = {name: value for name, value in made.params.items() if value is not None}
        fixed |= {
            column.key: column.default.arg for column in made.insert_prefetch
        }  # what is not given has its default
        return str(made), None if places is None else tuple(places), fixed


def _placed(values: dict[str, Any], places: tuple[str, ...] | None) -> Any:
    """The values as the driver takes them: by name, or in the order of their places."""
    return values if places is None else tuple([values[name] for name in places])

"""Which analyses rest on a run? Each with the rows of its table, as reports show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, or_, select

from .analyses import TABLE_OF
from .engine import Store, plain_errors
from .rows import parsed
from .tables import metadata

_ANALYSIS = metadata.tables["analysis"]


def analyses_of(store: Store, run: str) -> list[dict[str, Any]]:
    """The analyses that were read from a run, oldest first; of those made again alike only the newest.

    With an arm comes what it is to be read beside (`beside` in its options), and with that its arms.

    Args:
        store: where they are.
        run: the run's id.

    Returns:
        The columns of `analysis`, and under `lines` the rows of its table.
    """
    with plain_errors(store.url), store.engine.connect() as connection:
        own = _read_from(connection, [run])
        beside = {name for told in own for name in told["options"].get("beside") or ()}
        found: dict[tuple[Any, ...], dict[str, Any]] = {}
        for told in sorted([*own, *_read_from(connection, sorted(beside))], key=lambda told: int(told["id"])):
            options = orjson.dumps(told["options"], option=orjson.OPT_SORT_KEYS)
            key = (told["kind"], tuple(told["runs"]), options)
            found.pop(key, None)
            found[key] = told
        for told in found.values():
            table = metadata.tables.get(TABLE_OF.get(told["kind"], told["kind"]))
            told["lines"] = []
            if table is not None and "analysis" in table.c:
                lines = select(table).where(table.c.analysis == told["id"]).order_by(table.c.id)
                told["lines"] = [dict(line) for line in connection.execute(lines).mappings()]
    return list(found.values())


def _read_from(connection: Connection, runs: Sequence[str]) -> list[dict[str, Any]]:
    """The analyses that were read from any of these runs, or are to be read beside one that was."""
    found: dict[int, dict[str, Any]] = {}
    for run in runs:
        named = f'"{run}"'
        columns = (_ANALYSIS.c.runs, _ANALYSIS.c.options)
        wanted = select(_ANALYSIS).where(or_(*(column.contains(named, autoescape=True) for column in columns)))
        for row in connection.execute(wanted).mappings():
            told = parsed(row, "analysis")
            if run in told["runs"] or run in (told["options"].get("beside") or ()):
                found[told["id"]] = told
    return list(found.values())

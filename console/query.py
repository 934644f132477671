"""`plurijudge query`: a person's own SQL on the store, read-only."""

from __future__ import annotations

from typing import Annotated

import typer

from ..text.errors import BadInput
from .options import DEFAULT_DB, Db, Json, examples
from .plain import answer_json, say

EXAMPLES = examples(
    'plurijudge query "SELECT outcome, count(*) FROM decisions_flat GROUP BY outcome"', "plurijudge query --tables"
)


def query(
    sql: Annotated[str, typer.Argument(help="One SELECT statement.")] = "",
    db: Db = DEFAULT_DB,
    tables: Annotated[bool, typer.Option("--tables", help="List tables, views and their columns.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many rows at most.")] = 1000,
    as_json: Json = False,
) -> None:
    """Ask the store in SQL; nothing can be written.

    Exit codes: 0 answered, 2 the statement is wrong or would write.
    """
    from ..store.engine import Store
    from ..store.queries import columns_of, free_query

    with Store.open(db) as store:
        if tables:
            names: list[str] = ["name", "columns"]
            rows = [(name, ", ".join(columns)) for name, columns in columns_of(store).items()]
        elif not sql.strip():
            raise BadInput("`query` needs a statement.", way_out=EXAMPLES.splitlines()[-2].strip())
        else:
            names, found = free_query(store, sql, limit=limit + 1)
            rows = list(found)
    if not tables and len(rows) > limit:
        del rows[limit:]
        say(f"only the first {limit} rows; see more with --limit")
    if as_json:
        names = _apart(names)
        answer_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    from ..reports.terminal import plain_table

    plain_table(names, rows)


def _apart(names: list[str]) -> list[str]:
    """Names of columns, of which no two are alike: a JSON object would keep only the last of those."""
    made: list[str] = []
    for name in names:
        number, own = 2, name
        while own in made:
            number, own = number + 1, f"{name}_{number}"
        made.append(own)
    return made

"""`plurijudge runs`: which jobs does the store hold?"""

from __future__ import annotations

from typing import Annotated

import typer

from .options import DEFAULT_DB, Db, Json, examples
from .plain import answer_json

EXAMPLES = examples("plurijudge runs", "plurijudge runs --json | jq '.[0].id'")


def runs(
    db: Db = DEFAULT_DB,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List the runs of the store, newest first.

    Exit codes: 0 listed, 2 there is no store.
    """
    from ..store.engine import Store
    from ..store.queries import runs_of

    with Store.open(db) as store:
        rows = runs_of(store, limit=limit)
    if as_json:
        answer_json(rows)
        return
    from ..reports.terminal import runs_table

    runs_table(rows)

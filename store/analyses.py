"""Where does what was measured go? One row in `analysis`, and its lines in the table of its kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert

from .canonical import canonical
from .engine import Store, plain_errors, writing
from .runs import versions
from .tables import metadata
from .writer import now

TABLE_OF = {"attack": "bias_effect", "comparison": "agreement", "mitigation": "bias_effect"}
"""The table of an analysis' rows where it is not called as its kind is."""


def keep_analysis(
    store: Store,
    kind: str,
    lines: Sequence[dict[str, Any]],
    *,
    runs: Sequence[str],
    options: dict[str, Any],
    command: str,
) -> int:
    """Write an analysis; gives its id.

    Args:
        store: where to.
        kind: of the analysis.
        lines: rows of its table (see `TABLE_OF`), each with the same columns, without `analysis`.
        runs: the runs that it was read from.
        options: that it was made with.
        command: that makes it again.

    Raises:
        StoreError: if the store cannot be written.
    """
    row = {
        "kind": kind,
        "runs": canonical([*runs]),
        "options": canonical(options),
        "command": command,
        "versions": canonical(versions()),
        "created_at": now(),
    }
    with plain_errors(store.url), writing(store.engine).begin() as connection:
        made = connection.execute(insert(metadata.tables["analysis"]).values(row)).inserted_primary_key
        assert made is not None
        analysis = int(made[0])
        if lines:
            told = [{**line, "analysis": analysis} for line in lines]
            connection.execute(insert(metadata.tables[TABLE_OF.get(kind, kind)]), told)
    return analysis

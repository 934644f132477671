"""Which options mean the same everywhere? One spelling an idea."""

from __future__ import annotations

from typing import Annotated

import typer


def complete_runs(incomplete: str) -> list[str]:
    """The runs of the store that begin so, for the shell's completion."""
    import os
    import sqlite3
    from contextlib import closing, suppress
    from pathlib import Path

    db = os.environ.get("PLURIJUDGE_DB", "plurijudge.db")
    if "://" in db or not Path(db).is_file():
        return ["last"]
    with suppress(sqlite3.Error), closing(sqlite3.connect(db)) as connection:
        rows = connection.execute("SELECT id FROM run ORDER BY created_at DESC LIMIT 50").fetchall()
        return [name for name in ("last", *(row[0] for row in rows)) if name.startswith(incomplete)]
    return ["last"]


Db = Annotated[str, typer.Option("--db", envvar="PLURIJUDGE_DB", help="The store: a path, or a PostgreSQL URL.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, all else on stderr.")]
RunName = Annotated[
    str, typer.Argument(help="A run, as `plurijudge runs` lists it, or `last`.", autocompletion=complete_runs)
]
DEFAULT_DB = "plurijudge.db"


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])

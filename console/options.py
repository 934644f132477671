"""Which options mean the same everywhere? One spelling an idea."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, get_type_hints

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
Group = Annotated[str, typer.Option("--group", help="Only the labels of this group of annotators.")]
DEFAULT_DB = "plurijudge.db"


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose groups of options are spread out, so that each of their fields is an option of its own.

    Args:
        command: a function whose parameters are options, or dataclasses whose fields are options; the latter are
            keyword-only, and are made from what was typed before the command is called.

    Raises:
        ValueError: if two groups hold an option of one name.
    """
    told, groups, spread = get_type_hints(command, include_extras=True), dict[str, type[Any]](), list[Parameter]()
    for name, parameter in signature(command).parameters.items():
        kind = told[name]
        if isinstance(kind, type) and is_dataclass(kind):
            groups[name] = kind
            spread += _options_of(kind)
        else:
            spread.append(parameter.replace(annotation=kind, kind=Parameter.KEYWORD_ONLY))

    def typed(**given: Any) -> None:
        made = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**given, **made)

    typed.__name__, typed.__doc__, typed.__module__ = command.__name__, command.__doc__, command.__module__
    typed.__annotations__ = {parameter.name: parameter.annotation for parameter in spread}
    typed.__signature__ = Signature(spread)  # type: ignore[attr-defined]
    return typed


def _options_of(group: type[Any]) -> list[Parameter]:
    told = get_type_hints(group, include_extras=True)
    return [
        Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if field.default is MISSING else field.default,
            annotation=told[field.name],
        )
        for field in fields(group)
    ]

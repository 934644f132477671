"""Which result of a tool is stored under a key? So that what was recorded can be replayed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from .engine import Store
from .records import ToolStatus
from .tables import metadata
from .transactions import ask

_TOOL_CALL = metadata.tables["tool_call"]


@dataclass(frozen=True, slots=True)
class ToolResult:
    """A stored result: its row, and what is in it."""

    row: int
    status: ToolStatus
    reason: str
    result: str | None
    digest: str


class ToolResults:
    """The tool results of a store."""

    def __init__(self, store: Store) -> None:
        """Read from this store."""
        self._store = store

    def find(self, key: str) -> ToolResult | None:
        """The first result under a key, of whatever run; what was over a budget is no result."""
        wanted = (
            select(*(_TOOL_CALL.c[name] for name in ("id", "status", "reason", "result", "digest")))
            .where(_TOOL_CALL.c.key == key, _TOOL_CALL.c.status != "budget")
            .order_by(_TOOL_CALL.c.id)
            .limit(1)
        )
        row = ask(self._store, lambda connection: connection.execute(wanted).one_or_none())
        return None if row is None else ToolResult(*row)

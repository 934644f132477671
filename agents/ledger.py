"""Where are calls written before they are sent and after they are answered?"""

from __future__ import annotations

from typing import Protocol

from ..store.records import Call


class Ledger(Protocol):
    """Where calls are written before they are sent and after they are answered."""

    async def begin(self, call: Call, *, fresh: bool) -> tuple[int, Call | None]:
        """Write the intent; give its row's id, and the stored answer of the same key where there is one."""
        ...

    async def finish(self, row: int, call: Call) -> None:
        """Write what came of it."""
        ...


class NoLedger:
    """Calls of a judgement without a store: counted, kept nowhere."""

    def __init__(self) -> None:
        """Start at the first call."""
        self.calls: list[Call] = []

    async def begin(self, call: Call, *, fresh: bool) -> tuple[int, Call | None]:
        """Give it a number."""
        self.calls.append(call)
        return len(self.calls), None

    async def finish(self, row: int, call: Call) -> None:
        """Keep it for whoever holds this ledger."""
        self.calls[row - 1] = call

"""Which calls were meant, sent and answered? Written before a call goes out and after its answer came in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from .records import Call, VerdictKey
from .rows import answer_columns, call_row, parsed
from .tables import metadata
from .writer import Writer, now

_CALL = metadata.tables["call"]
_KEYED = select(_CALL).where(_CALL.c.key == bindparam("key"), _CALL.c.status == "ok").order_by(_CALL.c.id).limit(1)
_KEYED_IN_RUN = (
    select(_CALL)
    .where(_CALL.c.key == bindparam("key"), _CALL.c.status == "ok", _CALL.c.run == bindparam("run"))
    .order_by(_CALL.c.id)
    .limit(1)
)
_ANSWERED = update(_CALL).where(_CALL.c.id == bindparam("row"))


class Ledger:
    """The calls of one run, in the store."""

    def __init__(self, writer: Writer, *, run: str, dataset: str, worker: str) -> None:
        """Write through `writer`, under the run's name."""
        self._writer = writer
        self._run = run
        self._dataset = dataset
        self._worker = worker

    async def begin(self, call: Call, *, fresh: bool) -> tuple[int, Call | None]:
        """Write the intent and commit it; or, where the same key is answered, write a hit and give that answer.

        With `fresh`, only what this run itself has been answered counts: after a crash that is not asked again either.
        """
        row = call_row(call, run=self._run, dataset=self._dataset, worker=self._worker)

        def work(connection: Connection) -> tuple[int, Call | None]:
            wanted = _KEYED_IN_RUN if fresh else _KEYED
            place = {"key": call.key, "run": self._run} if fresh else {"key": call.key}
            found = connection.execute(wanted, place).mappings().first()
            if found is None:
                return _inserted(connection, row), None
            hit = {
                **row,
                "status": "hit",
                "source": found["id"],
                "road": found["road"],
                "answered_at": now(),
                "cost": 0.0,
            }
            hit |= {"finish_reason": found["finish_reason"], "served_model": found["served_model"]}
            return _inserted(connection, hit), call_of(found, call.unit)

        return await self._writer.do(work)

    async def finish(self, row: int, call: Call) -> None:
        """Write what came of the call."""
        values = {**answer_columns(call), "row": row}
        statement = _ANSWERED.values({name: bindparam(name) for name in values if name != "row"})
        await self._writer.do(lambda connection: connection.execute(statement, values) and None)


def _inserted(connection: Connection, row: dict[str, Any]) -> int:
    key = connection.execute(insert(_CALL), row).inserted_primary_key
    assert key is not None
    return int(key[0])


def call_of(row: Mapping[Any, Any], unit: VerdictKey) -> Call:
    """The record of a row of `call`, for the verdict that it now serves."""
    values = parsed(row, "call")
    fields = {name: values[name] for name in Call.model_fields if name in values and name != "unit"}
    return Call.model_construct(**{**fields, "request": row["request"], "tool_calls": row["tool_calls"], "unit": unit})

"""Which calls were meant, sent and answered? Written before a call goes out and after its answer came in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, insert, literal_column, select, update

from .prepared import Prepared
from .records import Call, VerdictKey
from .rows import ANSWER_COLUMNS, HIT_COLUMNS, INTENT_COLUMNS, answer_columns, call_row, parsed
from .tables import metadata
from .transactions import again
from .writer import Writer, now

_CALL = metadata.tables["call"]


def _answer_to(*further: Any) -> Prepared:
    """The row that answers a key; its id alone, as most keys have none and a row has forty columns."""
    answers = (_CALL.c.key == bindparam("key"), _CALL.c.status == literal_column("'ok'"), *further)
    wanted = select(_CALL.c.id).where(*answers)
    return Prepared(lambda _: wanted.order_by(_CALL.c.id).limit(1))


_KEYED = _answer_to()
_KEYED_IN_RUN = _answer_to(_CALL.c.run == bindparam("in_run"))
_INTENT = Prepared(lambda dialect: _inserting(dialect), *INTENT_COLUMNS)
_HIT = Prepared(lambda dialect: _inserting(dialect), *INTENT_COLUMNS, *HIT_COLUMNS)
_UNDER_WAY = Prepared(
    lambda _: (
        select(_CALL.c.id)
        .where(
            *(_CALL.c[name] == bindparam(name) for name in ("run", "item", "key", "worker", "turn")),
            _CALL.c.status == literal_column("'sent'"),
        )
        .order_by(_CALL.c.id.desc())
        .limit(1)
    )
)
_ANSWERED = Prepared(
    lambda _: (
        update(_CALL)
        .where(_CALL.c.id == bindparam("row"), _CALL.c.status == literal_column("'sent'"))
        .values({name: bindparam(name) for name in ANSWER_COLUMNS})
    )
)


def _inserting(dialect: str) -> Any:
    return insert(_CALL) if dialect == "sqlite" else insert(_CALL).returning(_CALL.c.id)


class Ledger:
    """The calls of one run, in the store."""

    def __init__(
        self,
        writer: Writer,
        *,
        run: str,
        dataset: str,
        worker: str,
        held: Callable[[Connection, str], None] | None = None,
    ) -> None:
        """Write through `writer`, under the run's name.

        Args:
            writer: the process's writer.
            run: the run's id.
            dataset: that of its items.
            worker: the process's name on the run.
            held: makes sure, within a transaction, that an item is still this worker's; raises where it is not.
        """
        self._writer = writer
        self._held = held
        self._run = run
        self._dataset = dataset
        self._worker = worker

    async def begin(self, call: Call, *, fresh: bool) -> tuple[int, Call | None]:
        """Write the intent and commit it; or, where the same key is answered, write a hit and give that answer.

        With `fresh`, only what this run itself has been answered counts: after a crash that is not asked again either.
        """
        row = call_row(call, run=self._run, dataset=self._dataset, worker=self._worker)

        def work(connection: Connection) -> tuple[int, Call | None]:
            if self._held is not None:
                self._held(connection, call.unit.item)
            if again(connection) and (before := _UNDER_WAY.run(connection, row).scalar()) is not None:
                return int(before), None
            wanted, place = (_KEYED_IN_RUN, {"key": call.key, "in_run": self._run}) if fresh else (_KEYED, row)
            answer = wanted.run(connection, place).scalar()
            if answer is None:
                return _inserted(_INTENT, connection, row), None
            found = connection.execute(select(_CALL).where(_CALL.c.id == answer)).mappings().one()
            hit = {name: found[name] for name in ("road", "finish_reason", "served_model")}
            hit |= {"source": found["id"], "answered_at": now(), "cost": 0.0}
            return _inserted(_HIT, connection, {**row, **hit, "status": "hit"}), call_of(found, call.unit)

        return await self._writer.do(work)

    async def finish(self, row: int, call: Call) -> None:
        """Write what came of the call; one that is no longer under way (its worker was late) stays as it is."""
        values = {**answer_columns(call), "row": row}
        await self._writer.do(lambda connection: _ANSWERED.run(connection, values) and None)


def _inserted(statement: Prepared, connection: Connection, row: dict[str, Any]) -> int:
    made = statement.run(connection, row)
    return int(made.lastrowid if connection.dialect.name == "sqlite" else made.scalar_one())


def call_of(row: Mapping[Any, Any], unit: VerdictKey) -> Call:
    """The record of a row of `call`, for the verdict that it now serves."""
    values = parsed(row, "call")
    fields = {name: values[name] for name in Call.model_fields if name in values and name != "unit"}
    return Call.model_construct(**{**fields, "request": row["request"], "tool_calls": row["tool_calls"], "unit": unit})

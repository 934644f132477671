"""Which calls were meant, sent and answered? Written before a call goes out and after its answer came in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from .bulk import Insert, Update, padded, placeholders
from .records import Call, VerdictKey
from .rows import ANSWER_COLUMNS, HIT_COLUMNS, INTENT_COLUMNS, answer_columns, call_row, parsed
from .tables import metadata
from .transactions import again
from .writer import Writer, now

_CALL = metadata.tables["call"]


_INTENT = Insert(_CALL, INTENT_COLUMNS)
_HIT = Insert(_CALL, (*INTENT_COLUMNS, *HIT_COLUMNS))
_ANSWERED = Update(_CALL, ANSWER_COLUMNS, where="status = 'sent'")  # a late worker's row is no longer under way


@dataclass(frozen=True, slots=True)
class _Intent:
    """A call that is about to be sent, as it is to be written."""

    call: Call
    row: dict[str, Any]
    fresh: bool


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
        return await self._writer.each(self._begin_all, _Intent(call, row, fresh))

    async def finish(self, row: int, call: Call) -> None:
        """Write what came of the call; one that is no longer under way (its worker was late) stays as it is."""
        await self._writer.each(_finish_all, {**answer_columns(call), "id": row})

    def _begin_all(self, connection: Connection, intents: list[_Intent]) -> list[tuple[int, Call | None]]:
        if self._held is not None:
            for intent in intents:
                self._held(connection, intent.call.unit.item)
        written = _under_way(connection, intents) if again(connection) else {}
        answers = self._answers(connection, intents)
        new = [n for n, intent in enumerate(intents) if n not in written and n not in answers]
        written |= zip(new, _INTENT.ids(connection, [intents[n].row for n in new]), strict=True)
        found: dict[int, tuple[int, Call | None]] = {n: (row, None) for n, row in written.items()}
        for n in answers.keys() - written.keys():
            found[n] = _hit(connection, intents[n], answers[n])
        return [found[n] for n in range(len(intents))]

    def _answers(self, connection: Connection, intents: list[_Intent]) -> dict[int, int]:
        """Per intent whose key is answered, the row of the first answer."""
        keys = padded([intent.row["key"] for intent in intents])
        wanted = "SELECT id, key, run FROM call WHERE status = 'ok' AND key IN "
        rows = connection.exec_driver_sql(wanted + placeholders(connection, len(keys)), tuple(keys)).all()
        first: dict[tuple[str, str], int] = {}
        for row, key, run in sorted(map(tuple, rows)):
            first.setdefault((key, ""), row)
            first.setdefault((key, run), row)
        found = ((n, first.get((i.row["key"], self._run if i.fresh else ""))) for n, i in enumerate(intents))
        return {n: row for n, row in found if row is not None}


def _finish_all(connection: Connection, answers: list[dict[str, Any]]) -> list[None]:
    _ANSWERED.run(connection, answers)
    return [None] * len(answers)


def _hit(connection: Connection, intent: _Intent, answer: int) -> tuple[int, Call]:
    """Write that a stored answer serves again; gives the new row, and the answer."""
    found = connection.execute(select(_CALL).where(_CALL.c.id == answer)).mappings().one()
    served = {name: found[name] for name in ("road", "finish_reason", "served_model")}
    served |= {"source": found["id"], "answered_at": now(), "cost": 0.0, "status": "hit"}
    (row,) = _HIT.ids(connection, [{**intent.row, **served}])
    return row, call_of(found, intent.call.unit)


def _under_way(connection: Connection, intents: list[_Intent]) -> dict[int, int]:
    """Per intent that a commit of unknown end has written already, its row."""
    found = {}
    for n, intent in enumerate(intents):
        mine = [_CALL.c[name] == intent.row[name] for name in ("run", "item", "key", "worker", "turn")]
        wanted = select(_CALL.c.id).where(*mine, _CALL.c.status == "sent").order_by(_CALL.c.id.desc()).limit(1)
        row = connection.execute(wanted).scalar()
        if row is not None:
            found[n] = int(row)
    return found


def call_of(row: Mapping[Any, Any], unit: VerdictKey) -> Call:
    """The record of a row of `call`, for the verdict that it now serves."""
    values = parsed(row, "call")
    fields = {name: values[name] for name in Call.model_fields if name in values and name != "unit"}
    as_written = {name: row[name] for name in ("request", "tool_calls", "logprobs")}
    return Call.model_construct(**{**fields, **as_written, "unit": unit})

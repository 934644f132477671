"""What of a run is done, what is open, and what became of the rest? Resuming and closing ask the store alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, func, insert, select, update

from .bulk import Insert
from .engine import Store, plain_errors
from .records import Decision, ToolCall, Verdict
from .rows import decision_row, tool_call_row, verdict_of, verdict_row
from .tables import metadata

_VERDICT = metadata.tables["verdict"]
_DECISION = metadata.tables["decision"]
_CALL = metadata.tables["call"]
_TOOL_CALL = metadata.tables["tool_call"]
_DONE_KEYS = ("run", "item", "judge", "arm")

_SAID = Insert(_VERDICT, [column.name for column in _VERDICT.columns if column.name != "id"], conflict="ignore")
_USED = Insert(_TOOL_CALL, [column.name for column in _TOOL_CALL.columns if column.name != "id"])
_DECIDED = Insert(_DECISION, [column.name for column in _DECISION.columns], conflict="replace", keys=_DONE_KEYS)

Place = tuple[str, str, tuple[str, ...], int]  # judge, persona, presentation, sample


def decided(connection: Connection, run: str, items: Iterable[str]) -> set[str]:
    """Which of these items have a decision in the run."""
    wanted = select(_DECISION.c.item).where(_DECISION.c.run == run, _DECISION.c.item.in_(list(items)))
    return set(connection.execute(wanted).scalars())


def standing(connection: Connection, run: str, items: Iterable[str]) -> dict[str, list[Verdict]]:
    """The verdicts that these items have in the run."""
    found: dict[str, list[Verdict]] = {}
    wanted = select(_VERDICT).where(_VERDICT.c.run == run, _VERDICT.c.item.in_(list(items))).order_by(_VERDICT.c.id)
    for row in connection.execute(wanted).mappings():
        found.setdefault(row["item"], []).append(verdict_of(row))
    return found


def failures(
    connection: Connection, run: str, item: str, *, of: Callable[[Mapping[Any, Any], Place], Place] | None = None
) -> dict[Place, Mapping[Any, Any]]:
    """Per verdict of an item, its last call that brought no answer: status, reason, row.

    Args:
        connection: to the store.
        run: the run.
        item: the item.
        of: the place of the verdict that a call was made for, where that is not the call's own.
    """
    wanted = (
        select(_CALL)
        .where(_CALL.c.run == run, _CALL.c.item == item, _CALL.c.status.in_(("error", "unknown", "sent")))
        .order_by(_CALL.c.id)
    )
    found: dict[Place, Mapping[Any, Any]] = {}
    for row in connection.execute(wanted).mappings():
        place = (row["judge"], row["persona"], tuple(orjson.loads(row["presentation"])), row["sample"])
        found[place if of is None else of(row, place)] = row
    return found


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """What came of an item: its new verdicts, its decision where there is one, and the tool calls behind them."""

    item: str
    verdicts: list[Verdict]
    decision: Decision | None
    tool_calls: list[ToolCall] = field(default_factory=list)


def write_outcomes(connection: Connection, *, run: str, dataset: str, outcomes: list[ItemOutcome]) -> None:
    """Write what came of items; verdicts that are there already stay as they are."""
    verdicts = [verdict_row(verdict, run=run, dataset=dataset) for one in outcomes for verdict in one.verdicts]
    decisions = [decision_row(one.decision, run=run, dataset=dataset) for one in outcomes if one.decision is not None]
    used = [tool_call_row(call, run=run, dataset=dataset) for one in outcomes for call in one.tool_calls]
    _SAID.run(connection, verdicts)
    if used:
        _USED.run(connection, used)
    _DECIDED.run(connection, decisions)


def write_changes(connection: Connection, changes: list[dict[str, Any]]) -> None:
    """Write how the number of calls in flight was changed."""
    connection.execute(insert(metadata.tables["concurrency"]), changes)


def changes_of(store: Store, run: str) -> list[dict[str, Any]]:
    """How the number of calls in flight was changed, worker by worker in their order."""
    table = metadata.tables["concurrency"]
    wanted = select(*(table.c[name] for name in ("worker", "provider", "at", "width", "reason", "created_at")))
    with plain_errors(store.url), store.engine.connect() as connection:
        found = connection.execute(wanted.where(table.c.run == run).order_by(table.c.worker, table.c.id))
        return [dict(row) for row in found.mappings()]


def give_up_on(connection: Connection, *, run: str, item: str, reason: str) -> None:
    """Mark an item's calls that were cut off at its deadline: what the server made of them is not known."""
    lost = update(_CALL).where(_CALL.c.run == run, _CALL.c.item == item, _CALL.c.status == "sent")
    connection.execute(lost.values(status="unknown", reason=reason))


def tally(connection: Connection, run: str) -> dict[str, Any]:
    """The run's sums over its rows: decisions by outcome, verdicts by status and reason, calls, tokens, cost."""

    def counted(table: Any, *columns: Any) -> list[Any]:
        final = [table.c.step == ""] if table is _VERDICT else []  # an earlier word is no verdict of its own
        wanted = select(*columns, func.count()).where(table.c.run == run, *final).group_by(*columns)
        return list(connection.execute(wanted))

    sums = select(
        func.sum(_CALL.c.tokens_in), func.sum(_CALL.c.tokens_out), func.sum(_CALL.c.cost), func.sum(_CALL.c.max_cost)
    ).where(_CALL.c.run == run)
    spent = connection.execute(sums).one()
    no_price = select(func.count()).where(_CALL.c.run == run, _CALL.c.status == "ok", _CALL.c.cost.is_(None))
    lost = select(func.count(), func.sum(_CALL.c.max_cost)).where(_CALL.c.run == run, _CALL.c.status == "unknown")
    unknown, at_most = connection.execute(lost).one()
    calls = {status: n for status, n in counted(_CALL, _CALL.c.status)}
    return {
        "decisions": {outcome: n for outcome, n in counted(_DECISION, _DECISION.c.outcome)},
        "verdicts": {status: n for status, n in counted(_VERDICT, _VERDICT.c.status)},
        "reasons": {
            f"{status}: {reason}": n
            for status, reason, n in counted(_VERDICT, _VERDICT.c.status, _VERDICT.c.reason)
            if status != "ok"
        },
        "calls": sum(n for status, n in calls.items() if status != "hit"),
        "hits": calls.get("hit", 0),
        "answered": calls.get("ok", 0),
        "unknown": int(unknown),
        "unknown_cost_at_most": at_most,
        "tokens_in": spent[0],
        "tokens_out": spent[1],
        "cost": spent[2],
        "calls_without_price": int(connection.execute(no_price).scalar_one()),
    }

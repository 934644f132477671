"""What did a model and its tools do for each verdict of a run? Read from the rows, an item at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Select, case, func, select

from ..store.engine import Store
from ..store.tables import metadata
from ..text.findings import implied_by
from .rows import Row, presentation, streamed

GATE, DECIDE, SETTLED, FLIPPED = "gate", "decide", "settled", "flipped"
NONE = "none"

_VERDICT = metadata.tables["verdict"]
_TOOL_CALL = metadata.tables["tool_call"]
_CALL = metadata.tables["call"]
_ITEM = metadata.tables["item"]
_PLACE = ("persona", "presentation", "sample")

Place = tuple[str, tuple[str, ...], int]
"""Which of an item's verdicts: persona, presentation, sample."""


class Claim(NamedTuple):
    """What code said of one claim of one response, as its tool call keeps it."""

    response: str
    holds: bool | None
    final: bool
    tool: str
    advisory: bool = False


class Asked(NamedTuple):
    """One call of the model's: of which tool ('' for one that there is not), how it ended, if its arguments held."""

    tool: str
    status: str
    valid: bool


@dataclass(slots=True)
class Heard:
    """One verdict with tools, and what led to it.

    Attributes:
        place: which of the item's verdicts.
        status: of the final verdict.
        preferred: what the final verdict prefers.
        own_status: of the model's own word.
        own: what the model's own word prefers, whatever was settled afterwards; None where it gave none.
        hands: the tools that the gate chose.
        asked: the calls of the model.
        checked: what code said without being asked.
        borne: what the results say that the model asked for.
        implying: whether any one call speaks for a response.
        flipped: whether a result was shown flipped.
    """

    place: Place
    status: str = ""
    preferred: str | None = None
    own_status: str = ""
    own: str | None = None
    hands: frozenset[str] = frozenset()
    asked: list[Asked] = field(default_factory=list)
    checked: list[Claim] = field(default_factory=list)
    borne: list[Claim] = field(default_factory=list)
    implying: bool = False
    flipped: bool = False

    def implied(self, tool: str = "") -> str | None:
        """The response that the tools (or one of them) speak for; what code found unasked counts before the rest."""
        pair = sorted(self.place[1])
        for claims in (self.checked, self.borne):
            side = implied_by([claim for claim in claims if not tool or claim.tool == tool], pair)
            if side is not None:
                return side
        return None


@dataclass(frozen=True, slots=True)
class HeardItem:
    """An item's verdicts in a run, and for what tool its `meta` says that it is one: '' where it does not say."""

    item: str
    tool: str
    verdicts: Sequence[Heard]


def heard_items(store: Store, run: str, *, judge: str = "", arm: str = "") -> Iterator[HeardItem]:
    """Each item's verdicts in a run, in the order of the data set, with the tool calls behind them.

    Args:
        store: the store.
        run: the run's id.
        judge: whose verdicts; '' for anybody's.
        arm: what was done to the judging.
    """
    calls = groupby(streamed(store, _in_order(_tool_calls(), _TOOL_CALL, run, judge, arm)), key=_item)
    place, made = next(calls, (None, iter(())))
    for at, found in groupby(streamed(store, _in_order(_verdicts(), _VERDICT, run, judge, arm)), key=_item):
        verdicts: dict[Place, Heard] = {}
        meta = "{}"
        for row in found:
            meta = row["meta"]
            _add_verdict(verdicts.setdefault(_place(row), Heard(_place(row))), row)
        while place is not None and place < at:  # calls for verdicts that never came about
            place, made = next(calls, (None, iter(())))
        for row in made if place == at else ():
            if (one := verdicts.get(_place(row))) is not None:
                _add_call(one, row)
        yield HeardItem(at[1], _named_tool(meta), [one for one in verdicts.values() if one.status])


def _verdicts() -> Select[Any]:
    names = (*_PLACE, "step", "status", "preferred")
    return select(_ITEM.c.position, _ITEM.c.id.label("item"), _ITEM.c.meta, *(_VERDICT.c[name] for name in names))


def _tool_calls() -> Select[Any]:
    names = (*_PLACE, "round", "call", "tool", "arguments", "status", "reason", "implied")
    told = case((_TOOL_CALL.c.call == GATE, _TOOL_CALL.c.result)).label("told")
    return select(_ITEM.c.position, _ITEM.c.id.label("item"), told, *(_TOOL_CALL.c[name] for name in names))


def _in_order(wanted: Select[Any], table: Any, run: str, judge: str, arm: str) -> Select[Any]:
    wanted = wanted.join(table, (table.c.dataset == _ITEM.c.dataset) & (table.c.item == _ITEM.c.id))
    wanted = wanted.where(table.c.run == run, table.c.arm == arm)
    wanted = wanted if not judge else wanted.where(table.c.judge == judge)
    return wanted.order_by(_ITEM.c.position, _ITEM.c.id, table.c.id)


def _item(row: Row) -> tuple[int, str]:
    return row["position"], row["item"]


def _place(row: Row) -> Place:
    return row["persona"], presentation(row["presentation"]), row["sample"]


def _named_tool(meta: str) -> str:
    named = orjson.loads(meta).get("tool") if '"tool"' in meta else None
    return named if isinstance(named, str) else ""


def _add_verdict(one: Heard, row: Row) -> None:
    if row["step"] == DECIDE:
        one.own_status, one.own = row["status"], row["preferred"]
    elif row["step"] == "":
        one.status, one.preferred = row["status"], row["preferred"]
        if not one.own_status:
            one.own_status, one.own = row["status"], row["preferred"]


def _add_call(one: Heard, row: Row) -> None:
    if row["call"] == GATE:
        told = orjson.loads(row["told"] or "{}")
        one.hands = frozenset(name for name, fits in told.get("rules", {}).items() if fits) | {*told.get("model", ())}
        return
    one.flipped |= row["reason"] == FLIPPED
    if row["round"] > 0:
        known = row["reason"] != "unknown_tool"
        one.asked.append(Asked(row["tool"] if known else "", row["status"], known and row["arguments"] != ""))
    if row["implied"]:
        told = orjson.loads(row["implied"])
        one.implying |= told.get("response") is not None
        claims = one.checked if row["round"] == 0 else one.borne
        claims += [
            Claim(c["response"], c["holds"], c["final"], c["tool"], c.get("advisory", False))
            for c in told.get("findings", ())
        ]


@dataclass(slots=True)
class Costs:
    """What a run's answers cost, in US dollars, whoever paid for them: a stored answer counts as when it was bought.

    Attributes:
        by_item: of the items that cost anything.
        without_price: how many answers have no known price.
    """

    by_item: dict[str, float] = field(default_factory=dict)
    without_price: int = 0


def costs(store: Store, run: str) -> Costs:
    """What the model's answers and the tools' results of a run cost; a result that is shared costs once."""
    found = Costs()
    source = _CALL.alias("source")
    paid = case((_CALL.c.status == "hit", source.c.cost), else_=_CALL.c.cost)
    answers = (
        select(_CALL.c.item, func.sum(paid).label("cost"), (func.count() - func.count(paid)).label("without_price"))
        .select_from(_CALL.outerjoin(source, source.c.id == _CALL.c.source))
        .where(_CALL.c.run == run, _CALL.c.status.in_(("ok", "hit", "refused", "truncated")))
        .group_by(_CALL.c.item)
    )
    for row in streamed(store, answers):
        found.by_item[row["item"]] = row["cost"] or 0.0
        found.without_price += row["without_price"]
    kept = (_TOOL_CALL.c.run == run, _TOOL_CALL.c.cost.is_not(None))
    results = select(func.min(_TOOL_CALL.c.item).label("item"), func.max(_TOOL_CALL.c.cost).label("cost"))
    for row in streamed(store, results.where(*kept).group_by(_TOOL_CALL.c.key)):
        found.by_item[row["item"]] = found.by_item.get(row["item"], 0.0) + row["cost"]
    return found

"""What did the judge of an audit say, of which pair, with what planted where? Read from a run, as arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import func, select

from ..store.engine import Store, plain_errors
from ..store.faults import closest
from ..store.runs import Run, check_closed, find_run
from ..store.tables import metadata
from ..text.errors import BadInput
from .audit_pairing import Cell, Room, Side, Sorting, Unpaired
from .gold import accepted
from .rows import Row, responses_of, streamed

Floats = NDArray[np.float64]

_ITEM = metadata.tables["item"]
_RESPONSE = metadata.tables["response"]
_VERDICT = metadata.tables["verdict"]

OF_TWO = ("pairwise", "joint")
"""The protocols that compare two responses."""


@dataclass(frozen=True, slots=True)
class Planted:
    """What the judge said where one cue was planted.

    Attributes:
        name: the bias.
        kind: `cue` or `sensitivity`.
        sided: whether it stood on either response in turn.
        items: the items that count: where it stood on both sides, or on the one.
        picks: shape (items, orders, 2, samples) of a sided cue, (items, orders, samples) of another: 1 where the first
            response is preferred.
        target: of a cue that stood on one side alone 1 where that was the first response, 0 where the second; None of
            another.
        left_out: items that have it on one side, while others have it on both, or the other way round.
    """

    name: str
    kind: str
    sided: bool
    items: tuple[str, ...]
    picks: Floats
    target: Floats | None = None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """What the judge of an audit said.

    Attributes:
        run: the run.
        judge: the judge's id.
        items: the untouched items.
        control: shape (items, 2, samples): what it said of them, by order; NaN where there is no verdict.
        gold: of each item with a better response 1 where that is the first, 0 where it is the second.
        planted: by bias.
        place: where each pair was judged in one order alone, which it was: shape (items,), 0 for the first response in
            front; None where pairs were judged in both.
        set_aside: verdicts without anything to hold them against.
        unread: how many verdicts of the run are none of this judge's final ones, by what they are.
    """

    run: Run
    judge: str
    items: tuple[str, ...]
    control: Floats
    gold: dict[str, float]
    planted: dict[str, Planted]
    place: NDArray[np.int64] | None = None
    set_aside: tuple[Unpaired, ...] = ()
    unread: dict[str, int] = field(default_factory=dict)

    def better(self, items: Sequence[str]) -> Floats:
        """Gold of these items, NaN where there is none."""
        return np.array([self.gold.get(item, np.nan) for item in items])

    def originals(self, items: Sequence[str]) -> Floats:
        """What was said of these items with nothing planted, in the orders that planted ones were shown in.

        Returns:
            Shape (items, orders, samples).
        """
        where = {item: number for number, item in enumerate(self.items)}
        rows = np.array([where[item] for item in items], dtype=int)
        return _in_place(self.control[rows], None if self.place is None else self.place[rows])


def heard_in(
    store: Store, run: str, *, group: str | None = None, judge: str = "", edits: Collection[str] = ()
) -> Heard:
    """What the judge said in an audit's run, or in recorded judgements that were imported.

    Args:
        store: the store.
        run: a closed run.
        group: the annotators' group whose labels are gold; None for all.
        judge: of recorded judgements whose; '' where they are all one judge's.
        edits: names of treatments that make a response worse, where an arm names them.

    Raises:
        NotFound: if there is no such run.
        BadInput: if it is open, judges no pairs, is a panel's, asks again what failed in another, or holds several
            judges and none is chosen.
    """
    found = find_run(store, run)
    _check(found)
    who = _judge_of(store, found, judge) if found.kind == "import" else found.judge
    room = _room(store, found)
    sorting = _sorted_verdicts(store, found, who, room)
    sorting.pair()
    originals = sorted({item for item, _ in sorting.control})
    place = _one_order(sorting.control, originals)
    looked_for = {**dict.fromkeys(room.planted if found.kind != "import" else (), {}), **sorting.cued}
    named = {
        name: _planted(name, looked_for[name], sorting.kind(name, edits), originals, room.pairs, place)
        for name in sorted(looked_for)
    }
    return Heard(
        found,
        who,
        tuple(originals),
        _table(sorting.control, originals),
        _gold(store, found, room.pairs, group),
        named,
        place,
        tuple(sorting.set_aside),
        _unread(store, found, who) if found.kind == "import" else {},
    )


def _check(run: Run) -> None:
    check_closed(run)
    if run.plan.get("judge", {}).get("protocol", "pairwise") not in OF_TWO:
        raise BadInput(f"The run {run.id} grades single responses; an audit looks at pairs.")
    if run.panel:
        raise BadInput(f"The run {run.id} is a panel's; an audit looks at one judge.")
    if run.parent:
        raise BadInput(
            f"The run {run.id} holds only what had failed in {run.parent}.",
            way_out="plurijudge audit ITEMS asks again what failed, and nothing else",
        )


def _judge_of(store: Store, run: Run, wanted: str) -> str:
    """Whose recorded judgements are looked at."""
    with plain_errors(store.url), store.engine.connect() as connection:
        mine = select(_VERDICT.c.judge).where(_VERDICT.c.run == run.id).distinct().order_by(_VERDICT.c.judge)
        names = list(connection.execute(mine).scalars())
    if wanted and wanted in names:
        return wanted
    if not wanted and len(names) == 1:
        return str(names[0])
    listed = ", ".join(names[:9]) + (" ..." if len(names) > 9 else "")
    near = closest(wanted, names, cutoff=0.5) if wanted else None
    said = f"has no judge `{wanted}`; it has" if wanted else "holds several judges:"
    raise BadInput(f"The run {run.id} {said} {listed}.", way_out=f"--judge {near or names[0]}" if names else "")


def _unread(store: Store, run: Run, judge: str) -> dict[str, int]:
    columns = (_VERDICT.c.judge, _VERDICT.c.persona, _VERDICT.c.step)
    wanted = select(*columns, func.count().label("n")).where(_VERDICT.c.run == run.id).group_by(*columns)
    found: Counter[str] = Counter()
    for row in streamed(store, wanted):
        why = "of other judges" if row["judge"] != judge else "of personas" if row["persona"] else "of earlier steps"
        if row["judge"] != judge or row["persona"] or row["step"]:
            found[why] += row["n"]
    return dict(sorted(found.items()))


def _room(store: Store, run: Run) -> Room:
    derived = {}
    children = select(_ITEM.c.id, _ITEM.c.parent, _ITEM.c.perturbation).where(_ITEM.c.dataset == run.dataset)
    for row in streamed(store, children.where(_ITEM.c.parent != "")):
        derived[row["id"]] = {**orjson.loads(row["perturbation"] or "{}"), "parent": row["parent"]}
    names = responses_of(store, run.dataset)
    return Room({item: (held[0], held[1]) for item, held in names.items() if len(held) == 2}, derived)


def _sorted_verdicts(store: Store, run: Run, judge: str, room: Room) -> Sorting:
    names = ("item", "arm", "presentation", "sample", "status", "preferred", "p_first", "scores", "probabilities")
    mine = (_VERDICT.c.run == run.id, _VERDICT.c.step == "", _VERDICT.c.judge == judge, _VERDICT.c.persona == "")
    sorting = Sorting(room, run.kind == "import")
    for row in streamed(store, select(*(_VERDICT.c[name] for name in names)).where(*mine).order_by(_VERDICT.c.id)):
        sorting.put(row)
    return sorting


def _planted(
    name: str,
    cells: Mapping[Side, Cell],
    kind: str,
    originals: Sequence[str],
    pairs: Mapping[str, tuple[str, str]],
    place: NDArray[np.int64] | None,
) -> Planted:
    """What was said with one thing planted."""
    sides: dict[str, set[str]] = {}
    for item, side, _ in cells:
        sides.setdefault(item, set()).add(side)
    both = [item for item in originals if len(sides.get(item, ())) == 2]
    alone = [item for item in originals if len(sides.get(item, ())) == 1]
    where = None if place is None else {item: number for item, number in zip(originals, place, strict=True)}

    def picks(items: Sequence[str], side: Mapping[str, str]) -> Floats:
        table = _table({(i, o): cell.picks for (i, s, o), cell in cells.items() if side.get(i) == s}, items)
        return _in_place(table, None if where is None else np.array([where[item] for item in items], dtype=int))

    # where some have it on both sides and some on one, the larger part counts: they answer different questions
    if len(both) >= len(alone):
        on_each = [picks(both, {item: pairs[item][number] for item in both}) for number in (0, 1)]
        return Planted(name, kind, True, tuple(both), np.stack(_alike(on_each), axis=2), None, len(alone))
    one = {item: next(iter(sides[item])) for item in alone}
    if not any(one.values()):
        return Planted(name, kind, False, tuple(alone), picks(alone, one))
    target = np.array([float(one[item] == pairs[item][0]) for item in alone])
    return Planted(name, kind, False, tuple(alone), picks(alone, one), target, len(both))


def _one_order(control: Iterable[tuple[str, int]], originals: Sequence[str]) -> NDArray[np.int64] | None:
    """Where every pair was judged in one order alone, which it was."""
    orders: dict[str, set[int]] = {}
    for item, order in control:
        orders.setdefault(item, set()).add(order)
    if not orders or any(len(found) > 1 for found in orders.values()):
        return None
    return np.array([next(iter(orders[item])) for item in originals], dtype=np.int64)


def _in_place(table: Floats, place: NDArray[np.int64] | None) -> Floats:
    """Of a table (items, 2, samples) the order that each pair was judged in: shape (items, 1, samples)."""
    return table if place is None else table[np.arange(len(table)), place][:, None]


def lengths_of(store: Store, heard: Heard) -> Floats:
    """How long the responses of the untouched items are.

    Returns:
        Shape (items, 2), in characters; NaN where a response has no text, as those of recorded judgements may.
    """
    found: dict[str, dict[int, float]] = {}
    wanted = select(_RESPONSE.c.item, _RESPONSE.c.position, func.length(_RESPONSE.c.text).label("n"), _RESPONSE.c.parts)
    rows = wanted.where(_RESPONSE.c.dataset == heard.run.dataset).order_by(_RESPONSE.c.item, _RESPONSE.c.position)
    for row in streamed(store, rows):
        held = found.setdefault(row["item"], {})
        held[len(held)] = _length(row)
    return np.array([[found[item][place] for place in (0, 1)] for item in heard.items]).reshape(-1, 2)


def _length(row: Row) -> float:
    if row["n"] is not None:
        return float(row["n"])
    parts = orjson.loads(row["parts"] or "[]")
    return float(sum(len(part.get("text") or "") for part in parts)) if parts else np.nan


def _gold(store: Store, run: Run, pairs: Mapping[str, tuple[str, str]], group: str | None) -> dict[str, float]:
    """Of each item with a better response 1 where that is A, 0 where it is B."""
    found = {}
    for item, shares in accepted(store, run.dataset, group=group).items():
        if item in pairs:
            first, second = (shares.get(name, 0.0) for name in pairs[item])
            if first != second:
                found[item] = float(first > second)
    return found


def _table(cells: Mapping[tuple[str, int], Mapping[int, float]], items: Sequence[str]) -> Floats:
    """Shape (items, orders, samples), NaN where there is no verdict."""
    most = 1 + max((sample for cell in cells.values() for sample in cell), default=0)
    table = np.full((len(items), 2, most), np.nan)
    for number, item in enumerate(items):
        for order in (0, 1):
            for sample, pick in cells.get((item, order), {}).items():
                table[number, order, sample] = pick
    return table


def _alike(tables: list[Floats]) -> list[Floats]:
    """Tables with as many samples each, NaN where one has fewer."""
    most = max(table.shape[2] for table in tables)
    return [np.pad(table, ((0, 0), (0, 0), (0, most - table.shape[2])), constant_values=np.nan) for table in tables]

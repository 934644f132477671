"""How far does the judge agree with gold, and with itself when the order is swapped?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import Select, select

from ..metrics.agreement import accuracy, agreeing, bounds, positional_agreement
from ..metrics.estimate import Estimate
from ..store.analyses import keep_analysis
from ..store.canonical import canonical
from ..store.engine import Store, plain_errors
from ..store.order import finished_items
from ..store.records import TIE
from ..store.runs import Run, find_run
from ..store.tables import metadata
from .gold import Accepted, accepted
from .rows import Row, highest, preferred_of, presentation, streamed

Floats = NDArray[np.float64]

_VERDICT = metadata.tables["verdict"]
_DECISION = metadata.tables["decision"]
_ITEM = metadata.tables["item"]
_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of an agreement: what was measured, on which items, and what the missing verdicts could change.

    Attributes:
        measure: `accuracy`, `accuracy_decisions` or `positional_agreement`.
        subset: the value of the item's `meta` that the items share, '' for all items of the run.
        judge: the judge's id.
        against: `gold`, `gold of GROUP`, or `swapped order`.
        estimate: the value; the item is its unit.
        worst: the value if every missing outcome had been the worst that it could be.
        best: the same with the best.
        by_status: how many verdicts (of `accuracy_decisions`: decisions) there are of each status, `ok` included.
        without_gold: how many items of the subset have no gold, and so do not count.
    """

    measure: str
    subset: str
    judge: str
    against: str
    estimate: Estimate
    worst: float | None
    best: float | None
    by_status: dict[str, int] = field(default_factory=dict)
    without_gold: int = 0

    def columns(self) -> dict[str, Any]:
        """What the table `agreement` keeps of it, by column."""
        named = {name: getattr(self, name) for name in ("measure", "judge", "against", "subset", "worst", "best")}
        return {**named, **self.estimate.to_dict()}

    def to_dict(self) -> dict[str, Any]:
        """The columns, and the counts of what was left out."""
        return {**self.columns(), "by_status": self.by_status, "without_gold": self.without_gold}


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the judges of a run agree with gold and with themselves.

    Attributes:
        run: the run's id.
        status: `closed`, or `open`: then failures are not counted yet, and rows are still to come.
        by: the key of `meta` that makes the subsets, None for none.
        group: the annotators' group whose labels are gold, None for all of them.
        measures: the lines, by judge, then measure, then subset, all items first.
        beginning: of an open run that takes its items in random order, how many of them, in that order, are looked at:
            those that are finished without a gap, a random sample of the data set; None where all that is there counts.
    """

    run: str
    status: str
    by: str | None
    group: str | None
    measures: tuple[Measure, ...]
    beginning: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them."""
        named = {name: getattr(self, name) for name in ("run", "status", "by", "group", "beginning")}
        return {**named, "measures": [measure.to_dict() for measure in self.measures]}

    def one(self, measure: str, *, subset: str = "", judge: str | None = None) -> Measure:
        """The line of that measure and subset.

        Raises:
            KeyError: if there is none.
        """
        for line in self.measures:
            if (line.measure, line.subset) == (measure, subset) and judge in (None, line.judge):
                return line
        raise KeyError(f"{measure} of {subset!r}")


@dataclass(slots=True)
class _Pile:
    """What the items of one judge and subset bring to one measure: for each a row of cells, and the most one can be."""

    cells: list[tuple[float, ...]] = field(default_factory=list)
    most: list[float] = field(default_factory=list)
    by_status: Counter[str] = field(default_factory=Counter)
    without_gold: int = 0

    def add(self, cells: Sequence[float], most: float, statuses: Iterable[str]) -> None:
        """Put one item down."""
        self.cells.append(tuple(cells))
        self.most.append(most)
        self.by_status.update(statuses)

    def array(self) -> Floats:
        """Shape (n_items, n_presentations), NaN where there is no outcome."""
        width = max(map(len, self.cells), default=1)
        full = [row + (_NAN,) * (width - len(row)) for row in self.cells]
        return np.array(full, dtype=float).reshape(-1, width)


class _Piles(dict[tuple[str, str, str], _Pile]):
    """Piles by judge, measure and subset."""

    def of(self, judge: str, measure: str, subset: str) -> list[_Pile]:
        """The pile of all items, and that of the subset where there is one."""
        names = ("",) if subset == "" else ("", subset)
        return [self.setdefault((judge, measure, name), _Pile()) for name in names]


def agreement(store: Store, run_id: str, *, by: str | None = None, group: str | None = None) -> Agreement:
    """Measure how far the judges of a run agree with gold and with themselves over presentations.

    Three measures, each with the item as its unit. `accuracy`: the share of verdicts that gold accepts. Where several
    annotators labelled an item, a verdict is right by the share of them that accept it; a tie is right only where gold
    accepts a tie. Several samples (or personas) of a presentation are averaged first. With the score protocol there is
    one verdict an item: the response with the highest mean score, a tie where it is not alone. `accuracy_decisions`:
    the same of decisions, where a flipped pair counts one half. `positional_agreement`: the share of pairs whose two
    presentations have the same outcome, each by the majority of its samples.

    Of an open run only the finished beginning of its random order is looked at: what happens to be answered first is no
    sample of the rest.

    What failed or abstained is neither right nor wrong: it is left out, counted in `by_status`, and `worst` and `best`
    say what it could change. Arms and steps other than the plain final ones are not looked at.

    Args:
        store: the store.
        run_id: the run's id, or what `find_run` takes for it.
        by: a key of the items' `meta`; each of its values gives lines of its own, beside those of all items together.
        group: the annotators' group whose labels are gold; None for all labels.

    Raises:
        NotFound: if there is no such run.
    """
    run = find_run(store, run_id)
    gold = accepted(store, run.dataset, group=group)
    piles = _Piles()
    taken = _beginning(store, run)
    for item, judge, subset, rows in _items(store, run.id, by):
        if taken is None or item in taken:
            _add_verdicts(piles, judge, subset, rows, gold.get(item))
    for row in streamed(store, _decisions(run.id)):
        if taken is None or row["item"] in taken:
            _add_decision(piles, row, _subset(row["meta"], by), gold.get(row["item"]))
    against = "gold" if group is None else f"gold of {group}"
    lines = [_line(key, pile, against) for key, pile in sorted(piles.items())]
    return Agreement(run.id, run.status, by, group, tuple(lines), None if taken is None else len(taken))


def _beginning(store: Store, run: Run) -> set[str] | None:
    """The items of an open run that interim estimates may look at; None for all."""
    plan = run.plan.get("plan", {})
    if run.status != "open" or run.kind != "judge" or plan.get("order") != "random":
        return None
    with plain_errors(store.url), store.engine.connect() as connection:
        return set(finished_items(connection, run.id, run.dataset, seed=plan["seed"], limit=plan["limit"]))


def save(store: Store, agreement: Agreement, *, command: str) -> int:
    """Write an agreement: one row in `analysis`, its lines in `agreement`; gives the analysis' id.

    Args:
        store: the store that the run is in.
        agreement: what was measured.
        command: what a person types to measure it again.
    """
    lines = [measure.columns() for measure in agreement.measures]
    options = {"by": agreement.by, "group": agreement.group}
    return keep_analysis(store, "agreement", lines, runs=[agreement.run], options=options, command=command)


def _line(key: tuple[str, str, str], pile: _Pile, gold: str) -> Measure:
    judge, measure, subset = key
    cells, counts = pile.array(), dict(sorted(pile.by_status.items()))
    if measure == "positional_agreement":
        against, estimate, ends = "swapped order", positional_agreement(cells), bounds(agreeing(cells))
        why = "no pair has a verdict in both presentations"
    else:
        most = np.array(pile.most, dtype=float).reshape(-1, 1)
        against, estimate, ends = gold, accuracy(cells), bounds(cells, high=most)
        why = "no item with gold has an outcome" if pile.cells else "no item has gold"
    if estimate.estimate is None:
        estimate = replace(estimate, reason=why)
    return Measure(measure, subset, judge, against, estimate, *ends, counts, pile.without_gold)


def _add_verdicts(piles: _Piles, judge: str, subset: str, rows: list[Row], gold: Accepted | None) -> None:
    """Put down one item's verdicts of one judge; scores of single responses count where no pair was judged."""
    shown: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        shown.setdefault(presentation(row["presentation"]), []).append(row)
    size = max(map(len, shown))
    shown = {names: shown[names] for names in sorted(shown) if len(names) == size}
    if size == 1 and len(shown) == 1:
        return  # a single response has no rival: nothing is preferred
    if size == 1:
        said = {tuple(name for (name,) in shown): [_leader(shown)]}
    else:
        said = {names: [preferred_of(row) for row in found] for names, found in shown.items()}
    statuses = [_state(row) for found in shown.values() for row in found]
    accepts = gold or {}
    known = [outcomes for names, outcomes in said.items() if accepts.keys() & {*names, TIE}]
    for pile in piles.of(judge, "accuracy", subset):
        if known:
            right = [_mean(accepts.get(name, 0.0) for name in outcomes if name is not None) for outcomes in known]
            pile.add(right, max(accepts.values()), statuses)
        else:
            pile.without_gold += 1
    if size == 2 and len({frozenset(names) for names in shown}) == 1:
        sides = [_side(outcomes, min(names)) for names, outcomes in said.items()]
        for pile in piles.of(judge, "positional_agreement", subset):
            pile.add((*sides, _NAN)[:2], 1.0, statuses)


def _add_decision(piles: _Piles, row: Row, subset: str, gold: Accepted | None) -> None:
    """Put down one decision; one over a single response, which has no rival, is no decision between any."""
    if row["outcome"] == "ok" and row["preferred"] is None:
        return
    for pile in piles.of(row["judge"], "accuracy_decisions", subset):
        if gold is None:
            pile.without_gold += 1
            continue
        right = {
            "ok": gold.get(row["preferred"], 0.0),
            "tie": gold.get(TIE, 0.0),
            "flipped": 0.5,
        }.get(row["outcome"], _NAN)
        pile.add((right,), max(0.5, *gold.values()), [row["outcome"]])


def _leader(shown: Mapping[tuple[str, ...], list[Row]]) -> str | None:
    """Which response has the highest mean score; None where one of them has no score."""
    means: dict[str, float] = {}
    for (name,), rows in shown.items():
        scores = [orjson.loads(row["scores"] or "{}").get(name) for row in rows if row["status"] == "ok"]
        means[name] = _mean(score for score in scores if score is not None)
    return None if any(mean != mean for mean in means.values()) else highest(means)


def _side(names: list[str | None], reference: str) -> float:
    """1 where most of a presentation's verdicts are for the reference, 0 where against it, 0.5 where for neither."""
    halves = [0.5 if name == TIE else float(name == reference) for name in names if name is not None]
    if not halves:
        return _NAN
    return 0.5 + 0.5 * float(np.sign(sum(halves) / len(halves) - 0.5))


def _state(row: Row) -> str:
    if row["status"] == "ok" and preferred_of(row) is None:
        return "without preference"
    return str(row["status"])


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return sum(known) / len(known) if known else _NAN


def _subset(meta: str, by: str | None) -> str:
    value = orjson.loads(meta).get(by) if by is not None else None
    if value is None:
        return ""
    return value if isinstance(value, str) else canonical(value)


def _items(store: Store, run: str, by: str | None) -> Iterator[tuple[str, str, str, list[Row]]]:
    """Of each item and judge in turn: the item's id, the judge's, the subset, the plain final verdicts."""
    wanted = (
        select(
            *(_VERDICT.c.item, _VERDICT.c.judge, _VERDICT.c.presentation, _VERDICT.c.status, _VERDICT.c.preferred),
            *(_VERDICT.c.p_first, _VERDICT.c.scores, _VERDICT.c.probabilities, _ITEM.c.meta),
        )
        .join(_ITEM, (_ITEM.c.dataset == _VERDICT.c.dataset) & (_ITEM.c.id == _VERDICT.c.item))
        .where(_VERDICT.c.run == run, _VERDICT.c.arm == "", _VERDICT.c.step == "")
        .order_by(_ITEM.c.position, _VERDICT.c.item, _VERDICT.c.judge, _VERDICT.c.id)
    )
    for (item, judge), found in groupby(streamed(store, wanted), key=lambda row: (row["item"], row["judge"])):
        rows = list(found)
        yield item, judge, _subset(rows[0]["meta"], by), rows


def _decisions(run: str) -> Select[Any]:
    return (
        select(_DECISION.c.item, _DECISION.c.judge, _DECISION.c.outcome, _DECISION.c.preferred, _ITEM.c.meta)
        .join(_ITEM, (_ITEM.c.dataset == _DECISION.c.dataset) & (_ITEM.c.id == _DECISION.c.item))
        .where(_DECISION.c.run == run, _DECISION.c.arm == "")
        .order_by(_ITEM.c.position, _DECISION.c.item, _DECISION.c.judge)
    )

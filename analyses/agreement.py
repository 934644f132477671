"""How far does the judge agree with gold, and with itself when the order is swapped?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import numpy as np
import orjson
from sqlalchemy import Select, select

from ..metrics.agreement import accuracy, agreeing, bounds, positional_agreement
from ..metrics.contexts import context_gain
from ..metrics.estimate import Estimate
from ..metrics.gradings import grade_correlation, mean_absolute_error
from ..metrics.intervals import bounded_mean
from ..store.analyses import keep_analysis
from ..store.canonical import canonical
from ..store.engine import Store, plain_errors
from ..store.order import finished_items
from ..store.records import TIE
from ..store.runs import Run, find_run
from ..store.tables import metadata
from .agreement_kinds import (
    ABOVE,
    CORRELATION,
    CRITERIA,
    ERROR,
    GAIN,
    LISTS,
    REVERSAL,
    WITH,
    WITHOUT,
    Mirrors,
    add_criteria,
    add_first,
    add_grades,
    add_ranking,
)
from .agreement_piles import NAN, Pile, Piles, mean
from .gold import Accepted, accepted
from .gold_marks import Marks, gold_marks
from .rows import Row, highest, preferred_of, presentation, streamed

_VERDICT = metadata.tables["verdict"]
_DECISION = metadata.tables["decision"]
_ITEM = metadata.tables["item"]
_JUDGE = metadata.tables["judge"]
_AGAINST = {
    "positional_agreement": "swapped order",
    ABOVE: "{gold}, chance",
    GAIN: "{gold}, without context",
    WITHOUT: "{gold}, no context given",
    WITH: "{gold}, mirrored contexts",
    REVERSAL: "{gold}, mirrored contexts",
}
_NOTHING = {
    "positional_agreement": "no pair has a verdict in both presentations",
    ERROR: "no item has a grade of both",
    CORRELATION: "no item has a grade of both",
    CRITERIA: "no criterion is marked by both",
    REVERSAL: "no mirrored pair has a verdict in every context",
}


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of an agreement: what was measured, on which items, and what the missing verdicts could change.

    Attributes:
        measure: `accuracy`, `accuracy_decisions`, `positional_agreement`, or one that its protocol or its items add, as
            docs/agreement.md lists them.
        subset: the value of the item's `meta` that the items share, '' for all items of the run.
        judge: the judge's id.
        against: `gold`, `gold of GROUP`, with the criterion or what else of it is looked at; or `swapped order`.
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


def agreement(store: Store, run_id: str, *, by: str | None = None, group: str | None = None) -> Agreement:
    """Measure how far the judges of a run agree with gold and with themselves over presentations.

    Three measures, each with the item as its unit. `accuracy`: the share of verdicts that gold accepts. Where several
    annotators labelled an item, a verdict is right by the share of them that accept it; a tie is right only where gold
    accepts a tie. Several samples (or personas) of a presentation are averaged first. With the score protocol there is
    one verdict an item: the response with the highest mean score, a tie where it is not alone. `accuracy_decisions`:
    the same of decisions, where a flipped pair counts one half. `positional_agreement`: the share of pairs whose two
    presentations have the same outcome, each by the majority of its samples.

    Verdicts that rank, choose, grade or go through criteria are measured further, where gold holds what that needs, and
    so are items that `meta.mirror` puts together: docs/agreement.md has the lines.

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
    gold, marks = accepted(store, run.dataset, group=group), gold_marks(store, run.dataset, group=group)
    piles, mirrors = Piles(), Mirrors()
    taken = _beginning(store, run)
    for item, judge, subset, rows in _items(store, run.id, by):
        if taken is None or item in taken:
            right = _add_verdicts(piles, judge, subset, rows, gold.get(item))
            mirrors.add(judge, rows[0], right)
            _add_numbers(piles, judge, subset, rows, marks.get(item), graded=bool(marks))
    mirrors.put_down(piles)
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


def _line(key: tuple[str, str, str, str], pile: Pile, gold: str) -> Measure:
    judge, measure, part, subset = key
    cells, counts = pile.array(), dict(sorted(pile.by_status.items()))
    flat, low, high = pile.flat()
    ends = bounds(flat, low=low, high=high)
    match measure:
        case "positional_agreement":
            estimate, ends = positional_agreement(cells), bounds(agreeing(cells))
        case "kendall_distance":
            estimate, ends = accuracy(cells), ends._replace(worst=ends.best, best=ends.worst)
        case "top_one_above_chance":
            estimate = bounded_mean(cells, low=min(low, default=-1.0), high=max(high, default=1.0))
        case "mean_absolute_error":
            estimate, ends = mean_absolute_error(cells, pile.other()), ends._replace(worst=None, best=None)
        case "grade_correlation":
            estimate, ends = grade_correlation(cells, pile.other()), ends._replace(worst=None, best=None)
        case "context_gain":
            estimate, ends = context_gain(cells, pile.other()), ends._replace(worst=None, best=None)
        case _:
            estimate = accuracy(cells)
    if estimate.estimate is None and measure not in (ERROR, CORRELATION):
        why = _NOTHING.get(measure, "no item with gold has an outcome")
        none = pile.without_gold and not pile.cells
        estimate = replace(estimate, reason="no item has gold" if none else why)
    against = f"{gold} on {part}" if part else _AGAINST.get(measure, "{gold}").format(gold=gold)
    return Measure(measure, subset, judge, against, estimate, *ends, counts, pile.without_gold)


def _add_verdicts(
    piles: Piles, judge: str, subset: str, rows: list[Row], gold: Accepted | None
) -> dict[tuple[str, ...], float]:
    """Put down one item's verdicts of one judge; scores of single responses count where no pair was judged.

    Gives of each presentation how far it is right.
    """
    shown: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        shown.setdefault(presentation(row["presentation"]), []).append(row)
    size = max(map(len, shown))
    shown = {names: shown[names] for names in sorted(shown) if len(names) == size}
    if size == 1 and len(shown) == 1:
        return {}  # a single response has no rival: nothing is preferred
    if size == 1:
        said = {tuple(name for (name,) in shown): [_leader(shown)]}
    else:
        said = {names: [preferred_of(row) for row in found] for names, found in shown.items()}
    statuses = [_state(row) for found in shown.values() for row in found]
    accepts = gold or {}
    right = {
        names: mean(accepts.get(name, 0.0) for name in outcomes if name is not None)
        for names, outcomes in said.items()
        if accepts.keys() & {*names, TIE}
    }
    for pile in piles.of(judge, "accuracy", subset):
        if right:
            pile.add([*right.values()], max(accepts.values()), statuses)
        else:
            pile.without_gold += 1
    alike = len({frozenset(names) for names in shown}) == 1
    if size == 2 and alike:
        sides = [_side(outcomes, min(names)) for names, outcomes in said.items()]
        for pile in piles.of(judge, "positional_agreement", subset):
            pile.add((*sides, NAN)[:2], 1.0, statuses)
    elif size > 2 and alike:
        for pile in piles.of(judge, "positional_agreement", subset):
            pile.add((*(_first(outcomes, sorted(names)) for names, outcomes in said.items()), NAN)[:2], 1.0, statuses)
    if alike and (size > 2 or (size == 2 and rows[0]["protocol"] in LISTS)):
        add_first(piles, judge, subset, shown, gold, statuses)
    return right


def _add_numbers(piles: Piles, judge: str, subset: str, rows: list[Row], marks: Marks | None, *, graded: bool) -> None:
    """Put down what one item's verdicts say in numbers, where any gold of the data set holds numbers."""
    if not graded:
        return
    shown: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        shown.setdefault(presentation(row["presentation"]), []).append(row)
    sizes = {len(names) for names in shown}
    if sizes == {1}:
        measures = (CORRELATION,) if rows[0]["protocol"] == "rubric" else (ERROR, CORRELATION)  # its scale is its own
        add_grades(piles, judge, subset, rows, marks, measures)
        if rows[0]["protocol"] == "rubric" or any(row["criterion_scores"] for row in rows):
            add_criteria(piles, judge, subset, rows, marks)
    elif len({frozenset(names) for names in shown}) == 1 and (
        rows[0]["protocol"] == "rank" or (max(sizes) > 2 and any(row["scores"] for row in rows))
    ):
        add_ranking(piles, judge, subset, shown, marks, [_state(row) for row in rows])


def _add_decision(piles: Piles, row: Row, subset: str, gold: Accepted | None) -> None:
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
        }.get(row["outcome"], NAN)
        pile.add((right,), max(0.5, *gold.values()), [row["outcome"]])


def _leader(shown: Mapping[tuple[str, ...], list[Row]]) -> str | None:
    """Which response has the highest mean score; None where one of them has no score."""
    means: dict[str, float] = {}
    for (name,), rows in shown.items():
        scores = [orjson.loads(row["scores"] or "{}").get(name) for row in rows if row["status"] == "ok"]
        means[name] = mean(score for score in scores if score is not None)
    return None if any(value != value for value in means.values()) else highest(means)


def _side(names: list[str | None], reference: str) -> float:
    """1 where most of a presentation's verdicts are for the reference, 0 where against it, 0.5 where for neither."""
    halves = [0.5 if name == TIE else float(name == reference) for name in names if name is not None]
    if not halves:
        return NAN
    return 0.5 + 0.5 * float(np.sign(sum(halves) / len(halves) - 0.5))


def _first(said: list[str | None], names: list[str]) -> float:
    """The place by name of the response that most of a presentation's verdicts prefer, -1 for none; NaN without any."""
    counts = Counter(name for name in said if name is not None)
    most = max(counts.values(), default=0)
    leaders = [name for name, count in counts.items() if count == most]
    if not leaders:
        return NAN
    return float(names.index(leaders[0])) if len(leaders) == 1 and leaders[0] in names else -1.0


def _state(row: Row) -> str:
    if row["status"] == "ok" and preferred_of(row) is None:
        return "without preference"
    return str(row["status"])


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
            *(_VERDICT.c.p_first, _VERDICT.c.scores, _VERDICT.c.probabilities, _VERDICT.c.criterion_scores),
            *(_ITEM.c.meta, _ITEM.c.context, _JUDGE.c.protocol),
        )
        .outerjoin(_JUDGE, _JUDGE.c.id == _VERDICT.c.judge)
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

"""What more can be measured of verdicts that rank, choose, grade, or go through criteria, and of mirrored contexts?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import orjson
from numpy.typing import NDArray

from ..metrics.contexts import reversals
from ..metrics.rankings import distances, first_places, ordered_pairs, whole_rankings
from ..store.records import TIE
from .agreement_piles import NAN, Floats, Piles, mean
from .gold import Accepted
from .gold_marks import Marks
from .rows import Row, presentation

EXACT, PAIRS, DISTANCE = "exact_ranking", "pairs_in_order", "kendall_distance"
TOP, ABOVE = "top_one", "top_one_above_chance"
ERROR, CORRELATION = "mean_absolute_error", "grade_correlation"
CRITERIA = "criterion_agreement"
WITH, WITHOUT, GAIN, REVERSAL = "accuracy_with_context", "accuracy_without_context", "context_gain", "reversal_rate"
LISTS = ("rank", "choice")
Shown = Mapping[tuple[str, ...], Sequence[Row]]


def add_ranking(piles: Piles, judge: str, subset: str, shown: Shown, marks: Marks | None, statuses: list[str]) -> None:
    """Put down how an item's rankings stand to the order of gold's scores, each annotator's by itself.

    Args:
        piles: where it goes.
        judge: whose verdicts they are.
        subset: the item's.
        shown: the verdicts by presentation.
        marks: what gold says of the item in numbers.
        statuses: of the verdicts.
    """
    names = sorted(next(iter(shown)))
    gold = [] if marks is None else [[scores.get(name, NAN) for name in names] for scores in marks.scores]
    points, places = _points(shown, names)
    by_measure = {}
    if gold:
        tables = np.repeat(points[None], len(gold), axis=0)
        by_measure = {
            EXACT: whole_rankings(tables, gold)[..., None],
            PAIRS: ordered_pairs(tables, gold)[..., _ordered(gold)],
            DISTANCE: distances(tables, gold)[..., None],
        }
    asked = bool(gold) and bool(_ordered(gold).any())
    for measure in (EXACT, PAIRS, DISTANCE):
        for pile in piles.of(judge, measure, subset):
            if asked:
                pile.add(_by_place(by_measure[measure], places), 1.0, statuses)
            else:
                pile.without_gold += 1


def add_first(
    piles: Piles, judge: str, subset: str, shown: Shown, accepts: Accepted | None, statuses: list[str]
) -> None:
    """Put down whether the first of an item's rankings, or the option chosen, is one that gold accepts."""
    names = sorted(next(iter(shown)))
    shares = [(accepts or {}).get(name, 0.0) for name in names]
    if not any(shares):
        for pile in (*piles.of(judge, TOP, subset), *piles.of(judge, ABOVE, subset)):
            pile.without_gold += 1
        return
    points, places = _points(shown, names)
    hits, (chance,) = first_places(points[None], [shares])
    cells = _by_place(hits[..., None], places)
    for pile in piles.of(judge, TOP, subset):
        pile.add(cells, max(shares), statuses)
    for pile in piles.of(judge, ABOVE, subset):
        above = [cell - float(chance) for cell in cells]
        pile.add(above, max(shares) - float(chance), statuses, least=min(shares) - float(chance))


def add_grades(
    piles: Piles, judge: str, subset: str, rows: Sequence[Row], marks: Marks | None, measures: Sequence[str]
) -> None:
    """Put down an item's grades beside gold's, of each response the mean over verdicts and over annotators."""
    said: dict[str, list[float]] = {}
    for row in rows:
        for name, score in orjson.loads(row["scores"] or "{}").items():
            said.setdefault(name, []).append(score)
    shown = sorted({name for row in rows for name in presentation(row["presentation"])})
    gold = {name: grade for name in shown if marks is not None and (grade := marks.mean(name)) is not None}
    for measure in measures:
        for pile in piles.of(judge, measure, subset):
            if gold:
                own = [mean(said.get(name, ())) for name in gold]
                pile.add(own, statuses=[str(row["status"]) for row in rows], beside=[*gold.values()])
            else:
                pile.without_gold += 1


def add_criteria(piles: Piles, judge: str, subset: str, rows: Sequence[Row], marks: Marks | None) -> None:
    """Put down on which criteria an item's verdicts give the mark that gold gives, over all and one by one.

    A mark is right by the share of annotators that give it. What one of the two could not assess, or does not speak of,
    is no agreement and no difference: it is counted, by who and why.
    """
    alike: dict[str, list[float]] = {}
    states: dict[str, list[str]] = {}
    for row in rows:
        marked = orjson.loads(row["criterion_scores"] or "{}")
        for name in presentation(row["presentation"]):
            gold = [one[name] for one in (marks.criteria if marks else ()) if name in one]
            for criterion in sorted({key for one in gold for key in one}):
                wanted = [one[criterion] for one in gold if criterion in one]
                cell, state = _alike(row, marked.get(name, {}), criterion, wanted)
                alike.setdefault(criterion, []).append(cell)
                states.setdefault(criterion, []).append(state)
    if not alike:
        for pile in piles.of(judge, CRITERIA, subset):
            pile.without_gold += 1
        return
    for pile in piles.of(judge, CRITERIA, subset):
        pile.add(
            [cell for cells in alike.values() for cell in cells], 1.0, [s for told in states.values() for s in told]
        )
    for criterion, cells in alike.items():
        for pile in piles.of(judge, CRITERIA, subset, criterion):
            pile.add(cells, 1.0, states[criterion])


def _alike(row: Row, marked: Mapping[str, float | None], criterion: str, gold: list[float | None]) -> tuple[float, str]:
    """The share of annotators whose mark a verdict gives; or NaN, and what is in its place."""
    known = [mark for mark in gold if mark is not None]
    if row["status"] != "ok":
        return NAN, str(row["status"])
    if criterion not in marked:
        return NAN, "left out"
    if marked[criterion] is None:
        return NAN, "cannot assess" if known else "neither can assess"
    if not known:
        return NAN, "gold cannot assess"
    return sum(mark == marked[criterion] for mark in known) / len(known), "ok"


@dataclass(slots=True)
class Mirrors:
    """Items of one request under contexts that ask for different responses, put together by `meta.mirror`.

    Attributes:
        told: of each judge and mirror the items under a context: of each presentation how far it is right.
        bare: the same of the items without any context.
    """

    told: dict[tuple[str, str], list[dict[tuple[str, ...], float]]] = field(default_factory=dict)
    bare: dict[tuple[str, str], list[dict[tuple[str, ...], float]]] = field(default_factory=dict)

    def add(self, judge: str, row: Row, right: dict[tuple[str, ...], float]) -> None:
        """Put one item down, if it belongs to a mirror."""
        if '"mirror"' not in row["meta"]:
            return
        mirror = orjson.loads(row["meta"]).get("mirror")
        if mirror is not None:
            side = self.told if (row["context"] or "").strip() else self.bare
            side.setdefault((judge, str(mirror)), []).append(right)

    def put_down(self, piles: Piles) -> None:
        """Bring what is there to the piles: the mirror is the unit of sampling."""
        for (judge, mirror), items in sorted(self.told.items()):
            under = [right for one in items for right in one.values()]
            piles.of(judge, WITH, "")[0].add(under)
            bare = [right for one in self.bare.get((judge, mirror), ()) for right in one.values()]
            if bare:
                piles.of(judge, GAIN, "")[0].add(under, beside=bare)
            if len(items) > 1:
                places = sorted({place for one in items for place in one})
                table = [[one.get(place, NAN) for place in places] for one in items]
                piles.of(judge, REVERSAL, "")[0].add(reversals([table])[0].tolist(), 1.0, [*_followed(table)])
        for (judge, _), items in sorted(self.bare.items()):
            if any(key[0] == judge for key in self.told):
                piles.of(judge, WITHOUT, "")[0].add([right for one in items for right in one.values()])


def _followed(table: list[list[float]]) -> Iterator[str]:
    """Of each presentation of a mirror what the judge did with the contexts."""
    for cells in zip(*table, strict=True):
        if any(cell != cell for cell in cells):
            yield "without a verdict"
        else:
            yield "followed" if min(cells) > 0.5 else "turned the wrong way" if max(cells) < 0.5 else "not followed"


def _points(shown: Shown, names: Sequence[str]) -> tuple[Floats, list[int]]:
    """The points of each verdict, shape (n_verdicts, n_responses), and of which presentation it is."""
    rows = [(place, row) for place, found in enumerate(shown.values()) for row in found]
    points = [[*_told(row, names)] for _, row in rows]
    return np.array(points, dtype=float).reshape(-1, len(names)), [place for place, _ in rows]


def _told(row: Row, names: Sequence[str]) -> Iterator[float]:
    scores = orjson.loads(row["scores"] or "{}") if row["status"] == "ok" else {}
    if set(scores) >= set(names):
        return (float(scores[name]) for name in names)
    if row["status"] != "ok" or row["preferred"] is None:
        return (NAN for _ in names)
    return (1.0 if row["preferred"] in (name, TIE) else 0.0 for name in names)


def _by_place(values: Floats, places: list[int]) -> list[float]:
    """The means over annotators, and over the samples of each presentation.

    Args:
        values: shape (n_annotators, n_verdicts, n_cells).
        places: of which presentation each verdict is.
    """
    known = ~np.isnan(values)
    number = known.sum(axis=0)
    means = np.where(number > 0, np.where(known, values, 0.0).sum(axis=0) / np.maximum(number, 1), NAN)
    found: list[float] = []
    for place in dict.fromkeys(places):
        of_place = means[[n for n, one in enumerate(places) if one == place]]
        found += [mean(column) for column in of_place.T.tolist()]
    return found


def _ordered(gold: list[list[float]]) -> NDArray[np.bool_]:
    """Which pairs any annotator orders; the others are asked of no verdict."""
    scores = np.array(gold, dtype=float)
    one, other = np.triu_indices(scores.shape[1], k=1)
    found: NDArray[np.bool_] = (np.abs(scores[:, one] - scores[:, other]) > 0).any(axis=0)
    return found

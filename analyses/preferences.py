"""Which of two responses does each rater prefer? Stored verdicts, decisions and labels, told pair by pair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, groupby
from math import nan
from typing import Literal, NamedTuple

import orjson
from sqlalchemy import func, select

from ..store.engine import Store
from ..store.records import TIE, Gold
from ..store.runs import Run, check_closed
from ..store.tables import metadata
from ..text.errors import BadInput
from .rows import Row, preferred_of, presentation, responses_of, streamed

Kind = Literal["judge", "people", "writer"]
Outcome = Literal["decided", "tie", "flipped", "abstained", "failed"]

_DECISION = metadata.tables["decision"]
_JUDGE = metadata.tables["judge"]
_LABEL = metadata.tables["label"]
_VERDICT = metadata.tables["verdict"]
PEOPLE = "people"


class Preference(NamedTuple):
    """What a rater makes of two responses to one item.

    Attributes:
        first: the id of the one, which comes first in the order of ids.
        second: the id of the other.
        value: 1 where the first is preferred, -1 where the second is, 0 for a tie, NaN where there is no preference.
        shown: 1 where the first alone was shown first, -1 where the second alone, 0 where both were or nobody says.
    """

    first: str
    second: str
    value: float
    shown: float


@dataclass(slots=True)
class Rater:
    """What one rater prefers.

    Attributes:
        name: what people call it.
        kind: a judge, people, or a writer that was asked for responses of a score.
        judge: a judge's id; '' for others.
        pairs: of each item its pairs.
        outcomes: how many pairs came to what. A pair whose two presentations disagree is `flipped`: it is no tie.
        statuses: a judge's verdicts by status.
        under_arms: how many verdicts it gave under a context, cue or mitigation, which are not looked at.
    """

    name: str
    kind: Kind
    judge: str = ""
    pairs: dict[str, tuple[Preference, ...]] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    under_arms: int = 0

    def add(self, item: str, found: Iterable[tuple[Preference, Outcome]]) -> None:
        """Keep what it makes of an item's pairs."""
        pairs = list(found)
        self.outcomes.update(outcome for _, outcome in pairs)
        if pairs:
            self.pairs[item] = tuple(pair for pair, _ in pairs)


def judges_of(store: Store, run: Run) -> list[Rater]:
    """The judges of a run, each with its preferences; a panel's run has one rater, the panel.

    Args:
        store: the store.
        run: a closed run that judged responses, or imported verdicts.

    Raises:
        BadInput: if it is open, holds answers, or asks again what failed in another.
    """
    if run.kind not in ("judge", "import"):
        raise BadInput(f"The run {run.id} holds answers, not verdicts.", way_out="name a judge's run")
    check_closed(run)
    if run.parent:
        raise BadInput(f"The run {run.id} holds only what had failed in {run.parent}.", way_out="name a whole run")
    if run.panel:
        return [_panel(store, run)]
    said = ("item", "judge", "persona", "presentation", "status", "preferred", "p_first", "scores", "probabilities")
    wanted = (
        select(*(_VERDICT.c[name] for name in said), _JUDGE.c.name.label("judge_name"))
        .outerjoin(_JUDGE, _JUDGE.c.id == _VERDICT.c.judge)
        .where(_VERDICT.c.run == run.id, _VERDICT.c.arm == "", _VERDICT.c.step == "")
        .order_by(_VERDICT.c.item, _VERDICT.c.judge, _VERDICT.c.persona, _VERDICT.c.id)
    )
    found: dict[tuple[str, str], Rater] = {}
    for (item, judge, persona), rows in groupby(
        streamed(store, wanted), key=lambda row: (row["item"], row["judge"], row["persona"])
    ):
        verdicts = list(rows)
        name = verdicts[0]["judge_name"] or judge
        rater = found.setdefault(
            (judge, persona), Rater(f"{name} as {persona}" if persona else name, "judge", judge=judge)
        )
        rater.statuses.update(row["status"] for row in verdicts)
        rater.add(item, _told(verdicts))
    _count_arms(store, run, found)
    _name_apart(found)
    return sorted(found.values(), key=lambda rater: rater.name)


def people_of(store: Store, dataset: str, *, group: str | None = None) -> Rater | None:
    """People as one rater: of each pair what most annotators prefer, a tie where no outcome leads; None without labels.

    An annotator who accepts several outcomes gives each an equal part of the vote; one who labelled an item several
    times votes once.

    Args:
        store: the store.
        dataset: the data set's id.
        group: the annotators' group whose labels count; None for all.
    """
    columns = ("item", "annotator", "annotator_group", "preferred", "scores")
    wanted = select(*(_LABEL.c[name] for name in columns)).where(_LABEL.c.dataset == dataset)
    if group is not None:
        wanted = wanted.where(_LABEL.c.annotator_group == group)
    order = (_LABEL.c.item, _LABEL.c.annotator, _LABEL.c.annotator_group, _LABEL.c.sample)
    responses = responses_of(store, dataset)
    rater = Rater(PEOPLE if group is None else f"{PEOPLE} ({group})", "people")
    for item, rows in groupby(streamed(store, wanted.order_by(*order)), key=lambda row: str(row["item"])):
        labels = [_label(row) for row in rows]
        names = sorted(responses.get(item, ()))
        rater.add(item, _voted(labels, names))
    return rater if rater.pairs else None


def _panel(store: Store, run: Run) -> Rater:
    """A panel's decisions."""
    wanted = select(_DECISION.c.item, _DECISION.c.outcome, _DECISION.c.preferred, _DECISION.c.scores).where(
        _DECISION.c.run == run.id, _DECISION.c.arm == ""
    )
    responses = responses_of(store, run.dataset)
    rater = Rater(f"panel {run.panel}", "judge")
    for row in streamed(store, wanted):
        rater.add(row["item"], _decided(row, sorted(responses.get(row["item"], ()))))
    return rater


def _decided(row: Row, names: Sequence[str]) -> Iterator[tuple[Preference, Outcome]]:
    scores = orjson.loads(row["scores"] or "{}")
    for first, second in combinations(names, 2):
        half = _half(row["preferred"] or (TIE if row["outcome"] == "tie" else None), scores, first, second)
        if row["outcome"] not in ("ok", "tie"):
            half = None
        outcome: Outcome = "decided" if half is not None else "failed"
        if half is None and row["outcome"] in ("flipped", "abstained"):
            outcome = row["outcome"]
        elif half == 0.5:
            outcome = "tie"
        elif half is None and row["outcome"] in ("ok", "tie"):
            continue  # another response is preferred to both
        yield Preference(first, second, nan if half is None else 2 * half - 1, 0.0), outcome


def _told(verdicts: Sequence[Row]) -> Iterator[tuple[Preference, Outcome]]:
    """What verdicts on one item make of its pairs, reconciled over samples, then over presentations."""
    if all(len(presentation(row["presentation"])) == 1 for row in verdicts):
        yield from _scored(verdicts)
        return
    asked: dict[tuple[str, str], dict[tuple[str, ...], list[Row]]] = {}
    for row in verdicts:
        shown = presentation(row["presentation"])
        for first, second in combinations(sorted(shown), 2):
            asked.setdefault((first, second), {}).setdefault(shown, []).append(row)
    for (first, second), by_order in asked.items():
        halves = {order: [_said(row, first, second) for row in rows] for order, rows in by_order.items()}
        known = {order: [half for half in said if half is not None] for order, said in halves.items()}
        before = {order.index(first) < order.index(second) for order in by_order}
        place = 0.0 if len(before) > 1 else 1.0 if True in before else -1.0
        silent = [order for order, said in known.items() if not said]
        if silent:
            rows = [row for order in silent for row in by_order[order]]
            if len(silent) == len(known) and any(row["status"] == "ok" for row in rows):
                continue  # another response is preferred to both
            gone: Outcome = "abstained" if all(row["status"] == "abstained" for row in rows) else "failed"
            yield Preference(first, second, nan, place), gone
            continue
        sides = {_side(sum(said) / len(said)) for said in known.values()}
        if len(sides) > 1:
            yield Preference(first, second, nan, place), "flipped"
        else:
            side = sides.pop()
            yield Preference(first, second, side, place), "decided" if side else "tie"


def _scored(verdicts: Sequence[Row]) -> Iterator[tuple[Preference, Outcome]]:
    """Pairs of responses that were each given a score by itself: the mean over samples decides."""
    scores: dict[str, list[float]] = {}
    gone: dict[str, list[str]] = {}
    for row in verdicts:
        [name] = presentation(row["presentation"])
        told = orjson.loads(row["scores"] or "{}") if row["status"] == "ok" else {}
        kept = scores.setdefault(name, [])
        gone.setdefault(name, [])
        if name in told:
            kept.append(float(told[name]))
        else:
            gone[name].append(row["status"])
    for first, second in combinations(sorted(scores), 2):
        if scores[first] and scores[second]:
            means = [sum(scores[name]) / len(scores[name]) for name in (first, second)]
            side = 0.0 if abs(means[0] - means[1]) < 1e-12 else 1.0 if means[0] > means[1] else -1.0
            yield Preference(first, second, side, 0.0), "decided" if side else "tie"
            continue
        why = [status for name in (first, second) if not scores[name] for status in gone[name]]
        yield Preference(first, second, nan, 0.0), "abstained" if {*why} == {"abstained"} else "failed"


def _said(row: Row, first: str, second: str) -> float | None:
    """1 where a verdict prefers the first of two, 0 where the second, 0.5 for neither, None where it says nothing."""
    if row["status"] != "ok":
        return None
    return _half(preferred_of(row), orjson.loads(row["scores"] or "{}"), first, second)


def _half(preferred: str | None, scores: Mapping[str, float], first: str, second: str) -> float | None:
    if first in scores and second in scores and preferred not in (first, second):
        return 0.5 + 0.5 * _side(0.5 + scores[first] - scores[second])
    if preferred == TIE:
        return 0.5
    return {first: 1.0, second: 0.0}.get(preferred or "")


def _side(share: float) -> float:
    return float((share > 0.5) - (share < 0.5))


class _Label(NamedTuple):
    """One label."""

    who: tuple[str, str]
    accepts: frozenset[str]
    scores: Mapping[str, float]


def _label(row: Row) -> _Label:
    preferred, scores = (orjson.loads(row[name] or "null") for name in ("preferred", "scores"))
    accepts = Gold.model_construct(preferred=preferred, scores=scores).acceptable
    return _Label((row["annotator"], row["annotator_group"]), accepts, scores or {})


def _voted(labels: Sequence[_Label], names: Sequence[str]) -> Iterator[tuple[Preference, Outcome]]:
    """What most annotators make of an item's pairs; a pair that nobody compared is left out."""
    samples = Counter(label.who for label in labels)
    for first, second in combinations(names, 2):
        votes: Counter[str] = Counter()
        for label in labels:
            for outcome, part in _vote(label, first, second).items():
                votes[outcome] += part / samples[label.who]  # type: ignore[assignment]
        if not votes:
            continue
        most = max(votes.values())
        leading = [outcome for outcome, part in votes.items() if part > most - 1e-9]
        side = {first: 1.0, second: -1.0}.get(leading[0], 0.0) if len(leading) == 1 else 0.0
        yield Preference(first, second, side, 0.0), "decided" if side else "tie"


def _vote(label: _Label, first: str, second: str) -> dict[str, float]:
    """What part of one annotator's vote goes to the first of two, to the second, and to a tie."""
    if first in label.scores and second in label.scores:
        apart = label.scores[first] - label.scores[second]
        return {first if apart > 0 else second if apart < 0 else TIE: 1.0}
    accepts = label.accepts & {first, second, TIE}
    if accepts == {first, second}:
        return {TIE: 1.0}
    return {outcome: 1 / len(accepts) for outcome in accepts}


def _count_arms(store: Store, run: Run, found: Mapping[tuple[str, str], Rater]) -> None:
    """Count the verdicts that were given while something was done to the judging."""
    columns = (_VERDICT.c.judge, _VERDICT.c.persona)
    wanted = (
        select(*columns, func.count().label("n"))
        .where(_VERDICT.c.run == run.id, _VERDICT.c.arm != "", _VERDICT.c.step == "")
        .group_by(*columns)
    )
    for row in streamed(store, wanted):
        rater = found.get((row["judge"], row["persona"]))
        if rater is not None:
            rater.under_arms = row["n"]


def _name_apart(found: Mapping[tuple[str, str], Rater]) -> None:
    """Where two judges share a name, put their ids behind it."""
    names = Counter(rater.name for rater in found.values())
    for (judge, _), rater in found.items():
        if names[rater.name] > 1:
            rater.name = f"{rater.name} ({judge[:8]})"

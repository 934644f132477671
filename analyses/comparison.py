"""Which of two judges agrees more with gold, on the same items, and at what price?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from ..metrics.agreement import accuracy, agreeing, bounds, cohen_kappa, positional_agreement
from ..metrics.bias import Effect as Lean, order_effect
from ..metrics.estimate import Estimate
from ..metrics.identified import Between, mean_contrast
from ..metrics.picks import cell_means
from ..store.analyses import keep_analysis
from ..store.engine import Store, plain_errors
from ..store.progress import tally
from ..store.queries import judge_row
from ..store.runs import Run, find_run
from ..store.tables import metadata
from ..text.errors import BadInput
from .audit_records import Heard, heard_in
from .gold import Accepted, accepted
from .mitigation import Spent, less, order_contrasts, spent, times
from .rows import Row, preferred_of, presentation, streamed
from .tool_effects import Paired, Scores
from .tool_records import Heard as Word, HeardItem
from .tool_use import Effect

Floats = NDArray[np.float64]
_VERDICT = metadata.tables["verdict"]
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two judges.

    Attributes:
        name: what people call it.
        judge: its id.
        run: the run in which it judged.
        accuracy: how often its verdicts are what gold accepts.
        same: how often both orders of a pair have the same outcome.
        position: how far the place in front moves it, see `metrics.bias.Effect`.
        decisions: how many there are of each outcome.
        verdicts: how many there are of each status.
        spent: its calls and tokens.
    """

    name: str
    judge: str
    run: str
    accuracy: Effect
    same: Effect
    position: Lean
    decisions: dict[str, int]
    verdicts: dict[str, int]
    spent: Spent

    @property
    def missing(self) -> int:
        """How many of its verdicts say nothing of which response is better."""
        return sum(n for status, n in self.verdicts.items() if status != "ok")

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            **{"name": self.name, "judge": self.judge, "run": self.run},
            **{"accuracy": _told(self.accuracy), "positional_agreement": _told(self.same)},
            **{"position": self.position.to_dict(), "decisions": self.decisions, "verdicts": self.verdicts},
            **{"calls": self.spent.calls, "tokens": self.spent.tokens or None},
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two judges held against each other.

    Attributes:
        first: the judge that the other is held against.
        second: the other.
        items: how many items both of them judged.
        group: the annotators' group whose labels are gold, None for all of them.
        gain: the accuracy of the second less that of the first, -1..1, over the presentations that both judged; `worst`
            and `best` over what the missing verdicts of both might have been.
        p_value: two-sided, of no difference, over items; None where it is unknown.
        smallest_effect: the difference that would be found with power .8; None where it is unknown, such as where
            hardly any item has another outcome.
        position_gain: how much nearer to none the second's preference for a place is than the first's, -0.5..1.
        alike: how often both say the same of a presentation.
        kappa: how much oftener than by chance they prefer the same over both orders.
        calls: calls of the second over those of the first; None where nothing was called.
        tokens: the same of tokens; None where they are not known.
        better: which of them is: its interval leaves 0 out, and so does the test; None where that is not known.
        said: the outcome in a sentence.
    """

    first: Side
    second: Side
    items: int
    group: str | None
    gain: Effect
    p_value: float | None
    smallest_effect: float | None
    position_gain: Estimate
    alike: Effect
    kappa: Estimate
    calls: float | None
    tokens: float | None
    better: Literal["first", "second"] | None
    said: str

    @property
    def said_of_each_other(self) -> str:
        """How often they agree with each other, in a sentence."""
        alike, kappa = self.alike.estimate, self.kappa.estimate
        if alike.estimate is None:
            return f"How far they agree with each other is not known: {alike.reason}."
        ends = "" if alike.low is None or alike.high is None else f" [{_points(alike.low)}, {_points(alike.high)}]"
        chance = "" if kappa is None else f"; Cohen's kappa over both orders is {kappa:.2f}"
        return f"They say the same of {_points(alike.estimate)} %{ends} of the presentations that both judged{chance}."

    @property
    def command(self) -> str:
        """What a person types to compute it again."""
        group = f" --group {self.group}" if self.group else ""
        return f"plurijudge compare --run {self.first.run} --run {self.second.run}{group}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            **{"first": self.first.to_dict(), "second": self.second.to_dict(), "items": self.items},
            **{"group": self.group, "gain": _told(self.gain), "p_value": self.p_value},
            **{"smallest_effect": self.smallest_effect, "position_gain": self.position_gain.to_dict()},
            **{"agreement": _told(self.alike), "kappa": self.kappa.to_dict()},
            **{"calls": self.calls, "tokens": self.tokens, "better": self.better, "said": self.said},
            "command": self.command,
        }


class _Ear(NamedTuple):
    """What is known of one judge before it is held against the other."""

    run: Run
    heard: Heard
    scores: Scores


def comparison(store: Store, first: str, second: str, *, group: str | None = None) -> Comparison:
    """Hold two judges' runs over the same items against each other, item by item.

    A verdict is right by the share of annotators that accept what it prefers, as in `agreement`; the two judges' are
    compared in the same presentation of the same item, and the item is the unit. What failed or abstained is neither
    right nor wrong: it is left out, and the bounds say what it could change.

    Args:
        store: the store.
        first: the run of the judge that the other is held against.
        second: the run of the other.
        group: the annotators' group whose labels are gold; None for all.

    Raises:
        NotFound: if there is no such run.
        BadInput: if a run is open, a panel's, judges no pairs or asks again what failed in another, or if the two are
            on other items or one judge's.
    """
    runs = one, other = find_run(store, first), find_run(store, second)
    _check(one, other)
    gold = accepted(store, one.dataset, group=group)
    ears = [_ear(store, run, gold, group) for run in runs]
    paired = Paired(ears[1].scores, ears[0].scores, gold)  # the gain is the second's
    right = (paired.second(), paired.first())
    names = _names(store, [ear.heard.judge for ear in ears])
    sides = [_side(store, ear, name, how) for ear, name, how in zip(ears, names, right, strict=True)]
    gain, apart = paired.gain(), mean_contrast(paired.apart(), most=1.0)
    tested = Between(apart, apart, 1.0)
    p_value = tested.p_value()
    before, after = _common(ears[0].heard, ears[1].heard)
    alike, kappa = _alike(before.control, after.control)
    calls, tokens = times(sides[0].spent, sides[1].spent)
    leans = order_effect(before.control).effect.estimate
    found = Comparison(
        first=sides[0],
        second=sides[1],
        items=len(before.items),
        group=group,
        gain=gain,
        p_value=p_value,
        smallest_effect=tested.smallest(ALPHA),
        position_gain=less(order_contrasts(before), order_contrasts(after), leans),
        alike=alike,
        kappa=kappa,
        calls=calls,
        tokens=tokens,
        better=_better(gain.estimate, p_value),
        said="",
    )
    return replace(found, said=_said(found))


def _check(first: Run, second: Run) -> None:
    for run in (first, second):
        why = ""
        if run.status != "closed":
            why = "is still open"
        elif run.panel:
            why = "is a panel's; two judges are compared"
        elif run.parent:
            why = f"holds only what had failed in {run.parent}"
        elif run.plan.get("judge", {}).get("protocol", "pairwise") != "pairwise":
            why = "judges no pairs; judges are compared on those"
        if why:
            way_out = f"plurijudge compare --run {first.id} --run {second.id}" if "open" in why else ""
            raise BadInput(f"The run {run.id} {why}.", way_out=way_out)
    if first.dataset != second.dataset:
        raise BadInput(f"The runs {first.id} and {second.id} are on other items.", way_out="plurijudge compare ITEMS")
    if first.id == second.id or (first.judge == second.judge and first.kind != "import"):
        raise BadInput(
            f"The runs {first.id} and {second.id} are one judge's.", way_out="plurijudge compare ITEMS --judges A,B"
        )


def _names(store: Store, judges: Sequence[str]) -> list[str]:
    """What people call the judges; the beginning of its id with each where both have one name."""
    names = [str(judge_row(store, judge)["name"]) or judge for judge in judges]
    if len({*names}) == len(names):
        return names
    return [f"{name} ({judge[:8]})" for name, judge in zip(names, judges, strict=True)]


def _ear(store: Store, run: Run, gold: Mapping[str, Accepted], group: str | None) -> _Ear:
    heard, scores = heard_in(store, run.id, group=group), Scores()
    untouched = {*heard.items}
    names = ("item", "persona", "presentation", "sample", "status", "preferred", "p_first", "scores", "probabilities")
    wanted = (
        select(*(_VERDICT.c[name] for name in names))
        .where(_VERDICT.c.run == run.id, _VERDICT.c.judge == heard.judge)
        .where(_VERDICT.c.arm == "", _VERDICT.c.step == "")
        .order_by(_VERDICT.c.item, _VERDICT.c.id)
    )
    for item, rows in groupby(streamed(store, wanted), key=lambda row: str(row["item"])):
        if item in untouched:
            scores.add(HeardItem(item, "", [_word(row) for row in rows]), gold.get(item))
    return _Ear(run, heard, scores)


def _word(row: Row) -> Word:
    place = row["persona"], presentation(row["presentation"]), row["sample"]
    return Word(place, status=row["status"], preferred=preferred_of(row))


def _side(store: Store, ear: _Ear, name: str, right: Effect) -> Side:
    sides = _majority(ear.heard.control)
    same = Effect(positional_agreement(sides), *bounds(agreeing(sides)))
    with plain_errors(store.url), store.engine.connect() as connection:
        sums = tally(connection, ear.run.id)
    return Side(
        name=name,
        judge=ear.heard.judge,
        run=ear.run.id,
        accuracy=right,
        same=same,
        position=order_effect(ear.heard.control),
        decisions=dict(sorted(sums["decisions"].items())),
        verdicts=dict(sorted(sums["verdicts"].items())),
        spent=spent(store, ear.run.id),
    )


def _common(one: Heard, other: Heard) -> tuple[Heard, Heard]:
    """What both said of the items that both judged, in the same rows."""
    both = tuple(sorted({*one.items} & {*other.items}))
    found = []
    for heard in (one, other):
        where = {item: number for number, item in enumerate(heard.items)}
        rows = np.array([where[item] for item in both], dtype=int)
        found.append(replace(heard, items=both, control=heard.control[rows]))
    return found[0], found[1]


def _majority(control: Floats) -> Floats:
    """Of each presentation what most of its samples prefer: 1 the first response, 0 the second, 0.5 neither."""
    found: Floats = 0.5 + 0.5 * np.sign(cell_means(control) - 0.5)
    return found


def _alike(one: Floats, other: Floats) -> tuple[Effect, Estimate]:
    """How often both say the same of a presentation, and the kappa of what they prefer over both orders."""
    first, second = _majority(one), _majority(other)
    same = np.where(np.isnan(first) | np.isnan(second), np.nan, (first == second).astype(float))
    estimate = accuracy(same)
    if estimate.estimate is None:
        estimate = replace(estimate, reason="no presentation has a verdict of both")
    return Effect(estimate, *bounds(same)), cohen_kappa(_over_orders(first), _over_orders(second))


def _over_orders(sides: Floats) -> Floats:
    """Shape (items,): what is preferred in both orders, 0.5 where they differ, NaN where one is missing."""
    return np.where(np.isnan(sides).any(axis=1), np.nan, 0.5 + 0.5 * np.sign(sides.sum(axis=1) - 1.0))


def _better(gain: Estimate, p_value: float | None) -> Literal["first", "second"] | None:
    if gain.low is None or gain.high is None or p_value is None or p_value > ALPHA:
        return None
    return "second" if gain.low > 0 else "first" if gain.high < 0 else None


def _said(found: Comparison) -> str:
    gain, (worst, best) = found.gain.estimate, found.gain[1:]
    if gain.estimate is None or gain.low is None or gain.high is None:
        return f"Which of them agrees more with gold is not known: {gain.reason}. {found.said_of_each_other}"
    first, second = f"`{found.first.name}`", f"`{found.second.name}`"
    sure = "" if found.p_value is None else f", p = {found.p_value:.3g}"
    if found.better is None:
        size = f"the difference is {_points(gain.estimate)} points [{_points(gain.low)}, {_points(gain.high)}]{sure}"
        seen = f"the interval rules out differences above {_points(max(-gain.low, gain.high))} points"
        if found.smallest_effect is not None:
            seen = f"the smallest that these items could have found is {_points(found.smallest_effect)} points"
        return f"{second} is no better than {first}, as far as {gain.n} items tell: {size}; {seen}."
    leads, trails, sign = (second, first, 1) if found.better == "second" else (first, second, -1)
    ends = sorted((sign * gain.low, sign * gain.high))
    size = f"{_points(sign * gain.estimate)} points [{_points(ends[0])}, {_points(ends[1])}]{sure}"
    text = f"{leads} agrees with gold more often than {trails}: by {size}, over {gain.n} items."
    if found.better == "first":
        text += f" Do not use {trails} in its place."
    missing = found.first.missing + found.second.missing
    if missing and worst is not None and best is not None and worst <= 0 <= best:
        ends = sorted((sign * worst, sign * best))
        text += (
            f" That holds as long as the {missing} verdicts that are missing are like the rest: "
            f"they could make it anything from {_points(ends[0])} to {_points(ends[1])} points."
        )
    return text


def _points(value: float) -> str:
    return f"{100 * value:.1f}"


def _told(effect: Effect) -> dict[str, Any]:
    return {**effect.estimate.to_dict(), "worst": effect.worst, "best": effect.best}


def save(store: Store, found: Comparison) -> int:
    """Write what was measured: one row in `analysis`, its lines in `agreement`; gives the analysis' id."""
    first, second = found.first, found.second
    lines: list[dict[str, Any]] = []

    def add(measure: str, effect: Effect | Estimate, judge: str, against: str) -> None:
        told = _told(effect if isinstance(effect, Effect) else Effect(effect, None, None))
        lines.append({"measure": measure, "judge": judge, "against": against, "subset": "", **told})

    gold = "gold" if found.group is None else f"gold of {found.group}"
    for side in (first, second):
        add("accuracy", side.accuracy, side.judge, gold)
        add("positional_agreement", side.same, side.judge, "swapped order")
        add("position_preference", Effect(side.position.effect, *side.position.bounds), side.judge, "swapped order")
    add("gain", found.gain, second.judge, first.judge)
    add("position_gain", found.position_gain, second.judge, first.judge)
    add("same_verdict", found.alike, second.judge, first.judge)
    add("kappa", found.kappa, second.judge, first.judge)
    runs, options = [first.run, second.run], {"group": found.group}
    return keep_analysis(store, "comparison", lines, runs=runs, options=options, command=found.command)

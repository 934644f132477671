"""Which rates does the literature print beside an audit's signed contrasts, and what do they come to here?

None of them is the headline: a rate of flips says neither which way a cue pushes nor how hard, and what a cue adds to
even pairs cancels in it. Each stands beside its noise floor on the same items, and what rules that read nothing reach.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..metrics.agreement import Bounds
from ..metrics.attacks import Overturned, attack, sensitivity
from ..metrics.estimate import Estimate
from ..metrics.flips import ONCE, Flips, baselines, by_gold, conflict_rate, flips, mean_entropy
from ..metrics.picks import Measured, calls, measured, rights
from ..metrics.position_bias import position_bias, repetition_stability
from .audit_pairing import POSITION
from .audit_records import Heard, Planted

Floats = NDArray[np.float64]

BETTER, WORSE = "better", "worse"
NO_GOLD = "no item has gold"
COUNT = "count of items"


@dataclass(frozen=True, slots=True)
class Line:
    """One measure of one bias.

    Attributes:
        bias: the bias; '' for the judge as it is.
        measure: what was measured; `docs/audit.md` says what each is.
        arm: `better` or `worse` where it is of the cue on the better or the worse response alone, by gold; else ''.
        estimate: the value; the item is its unit.
        bounds: the least and the most that missing verdicts could make of it; None where that was not asked.
        p_value: of the exact test that belongs to it, two-sided; None where there is none. It is not corrected for the
            number of biases: what is found says the headline.
    """

    bias: str
    measure: str
    arm: str
    estimate: Estimate
    bounds: Bounds = Bounds(None, None)
    p_value: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The columns that `bias_effect` keeps of it."""
        return {
            **{"bias": self.bias, "measure": self.measure, "arm": self.arm, "p_value": self.p_value},
            **{"worst": self.bounds.worst, "best": self.bounds.best, **self.estimate.to_dict()},
        }


class _Cells(NamedTuple):
    """What was said with a cue, and of the same cells without: shape (items, cells, samples).

    `aimed` and `aimed_control` are the same, turned so that 1 is for the response that the cue stands on.
    """

    cued: Floats
    control: Floats
    aimed: Floats
    aimed_control: Floats


def lines_of(heard: Heard, lengths: Floats) -> tuple[Line, ...]:
    """All secondary measures of an audit.

    Args:
        heard: what the judge said.
        lengths: shape (items, 2): of each untouched item the lengths of its responses, in any unit; NaN where unknown.

    Returns:
        Of the judge as it is, then of the order, then of each bias.
    """
    found = [*_as_it_is(heard, lengths), *_order(heard)]
    for planted in heard.planted.values():
        found += _planted(planted, heard)
    return tuple(found)


def _as_it_is(heard: Heard, lengths: Floats) -> Iterator[Line]:
    """How right the judge is, beside rules that read nothing, and how far it agrees with itself."""
    better = heard.better(heard.items)
    known = ~np.isnan(better)
    outside = int((~known).sum())
    right = calls(rights(heard.originals(heard.items)[known], better[known]))
    none = "" if known.any() else NO_GOLD
    yield _line("", "accuracy", measured(right, 0.95, outside=outside, none=none))
    spoke = ~np.isnan(heard.control).all(axis=2)
    shown = np.where(spoke, np.array([1.0, 0.0]), np.nan)
    rules = baselines(better, shown, lengths[:, 0], lengths[:, 1])
    for measure, one in (("always_first", rules.first), ("longer", rules.longer), ("shorter", rules.shorter)):
        why = NO_GOLD if none else one.reason
        yield Line("", measure if measure == "always_first" else f"always_{measure}", "", replace(one, reason=why))


def _order(heard: Heard) -> Iterator[Line]:
    """How often the order decides, which place gains, and how mixed what is said of a pair is."""
    first = heard.control[:, :, 0]
    found = position_bias(first)
    yield Line(POSITION, "positional_agreement", "", found.consistency)
    yield _line(POSITION, "conflict_rate", conflict_rate(first))
    n, left_out = found.consistency.n, found.consistency.left_out
    yield Line(POSITION, "preference_fairness", "", found.preference, p_value=found.p_value if n else None)
    for measure, count in (("primacy", found.primacy), ("recency", found.recency)):
        estimate = _count(count, n, left_out, found.consistency.reason)
        yield Line(POSITION, measure, "", estimate, p_value=found.p_value if n else None)
    yield _line(POSITION, "outcome_entropy", mean_entropy(heard.control))
    twice = heard.control.shape[2] > 1
    stable = repetition_stability(heard.control) if twice else Estimate.unknown(ONCE, left_out=len(heard.items))
    yield Line(POSITION, "repetition_stability", "", stable)


def _planted(planted: Planted, heard: Heard) -> Iterator[Line]:
    gold = heard.better(planted.items)
    cells = _cells(planted, heard)
    if planted.sided or planted.target is not None:
        yield from _same(planted.name, "", flips(cells.cued, cells.control))
        everyone = np.ones(len(planted.items))
        if planted.kind == "sensitivity":
            noticed = sensitivity(cells.aimed, cells.aimed_control, everyone)
            yield from _turned(planted.name, "overturned", noticed.overturned)
            return
        pushed = attack(cells.aimed, cells.aimed_control, everyone)
        yield _line(planted.name, "follow_rate", pushed.followed)
        yield _line(planted.name, "control_follow_rate", pushed.control_followed)
        yield from _turned(planted.name, "attack_success", pushed.success)
        yield from _by_arm(planted, heard, gold)
        return
    found = flips(cells.cued, cells.control, gold)
    yield from _same(planted.name, "", found)
    yield from _against_gold(planted.name, "", found, 0)


def _cells(planted: Planted, heard: Heard) -> _Cells:
    control, picks = heard.originals(planted.items), planted.picks
    if planted.sided:
        n, orders, _, samples = picks.shape
        on_first = np.tile([True, False], orders)[None, :, None]  # which side each cell's cue is on
        cued, control = picks.reshape(n, orders * 2, samples), np.repeat(control, 2, axis=1)
    else:
        cued = picks
        target = np.ones(len(picks)) if planted.target is None else planted.target
        on_first = (target == 1)[:, None, None]
    return _Cells(cued, control, np.where(on_first, cued, 1 - cued), np.where(on_first, control, 1 - control))


def _by_arm(planted: Planted, heard: Heard, gold: Floats) -> Iterator[Line]:
    """What a cue does on the better response, and on the worse."""
    control, outside = heard.originals(planted.items), int(np.isnan(gold).sum())
    if planted.sided:
        arms = by_gold(planted.picks, control, gold)
        parts = [(BETTER, arms.on_better, arms.control, arms.gold), (WORSE, arms.on_worse, arms.control, arms.gold)]
    else:
        parts = []
        for arm, chosen in ((BETTER, planted.target == gold), (WORSE, planted.target == 1 - gold)):
            if np.any(chosen) or outside == len(gold):
                parts.append((arm, planted.picks[chosen], control[chosen], gold[chosen]))
    for arm, cued, plain, better in parts:
        found = flips(cued, plain, better)
        yield from _same(planted.name, arm, found, outside=outside)
        yield from _against_gold(planted.name, arm, found, outside)
        towards = rights(cued, better if arm == BETTER else 1 - better)
        followed = measured(calls(np.where(np.isnan(towards), np.nan, towards == 1)), 0.95)
        yield _line(planted.name, "follow_rate", followed, arm, outside=outside)


def _same(bias: str, arm: str, found: Flips, *, outside: int = 0) -> Iterator[Line]:
    yield _line(bias, "robustness_rate", found.same, arm, outside=outside)
    yield _line(bias, "consistency_rate", found.control_same, arm, outside=outside)
    yield _line(bias, "robustness_excess", found.excess, arm, outside=outside)


def _against_gold(bias: str, arm: str, found: Flips, outside: int) -> Iterator[Line]:
    """What a cue does to how right verdicts are; `outside` are items without gold that `found` does not know of."""
    change = _line(bias, "accuracy_change", found.change, arm, outside=outside)
    p_value = found.p_value if change.estimate.n else None
    for measure, one in (("harmful_flips", found.harmful), ("helpful_flips", found.helpful)):
        yield replace(_line(bias, measure, one, arm, outside=outside), p_value=p_value)
    yield _line(bias, "neutral_flips", found.neutral, arm, outside=outside)
    for measure, count in (("items_lost", found.lost), ("items_gained", found.gained)):
        estimate = _count(count, change.estimate.n, change.estimate.left_out, change.estimate.reason)
        yield Line(bias, measure, arm, estimate, p_value=p_value)
    yield _line(bias, "accuracy", found.accuracy, arm, outside=outside)
    yield _line(bias, "control_accuracy", found.control_accuracy, arm, outside=outside)
    yield change


def _turned(bias: str, measure: str, found: Overturned) -> Iterator[Line]:
    yield _line(bias, measure, found.share)
    yield _line(bias, f"{measure}_floor", found.floor)
    yield _line(bias, f"{measure}_excess", found.excess)


def _line(bias: str, measure: str, found: Measured, arm: str = "", *, outside: int = 0) -> Line:
    """A line; `outside` are items without gold that the metric was not shown."""
    estimate = replace(found.estimate, left_out=found.estimate.left_out + outside)
    if outside and estimate.estimate is None and estimate.n == 0 and estimate.left_out == outside:
        estimate = replace(estimate, reason=NO_GOLD)
    return Line(bias, measure, arm, estimate, found.bounds)


def _count(count: int, n: int, left_out: int, none: str) -> Estimate:
    if n == 0:
        return Estimate.unknown(none, left_out=left_out, method=COUNT)
    return Estimate(float(count), None, None, None, 0.95, COUNT, n, left_out, "a count")

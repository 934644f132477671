"""What moves a judge, and what does not though it should? Each cue's signed contrast, beside the judge's own noise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..metrics.bias import Decision, Effect, cue_effect, decide, order_effect, unsided_effect
from ..metrics.estimate import Estimate
from ..metrics.intervals import bounded_mean
from ..store.analyses import keep_analysis
from ..store.engine import Store
from .audit_lines import Line, lines_of
from .audit_pairing import POSITION, Unpaired
from .audit_records import Floats, Heard, Planted, heard_in, lengths_of

ALPHA = 0.05
"""The share of false findings among the biases, by Benjamini and Hochberg."""
NOTICED = 0.15
"""An edit that overturns three verdicts in ten moves the contrast by half of that; what moves it less is unnoticed."""


@dataclass(frozen=True, slots=True)
class Bias:
    """What one cue does to the judge.

    Attributes:
        name: the bias, `position` for the order.
        kind: `cue` or `sensitivity`.
        sided: whether it stood on either response.
        effect: its contrast; see `metrics.bias.Effect`.
        decision: what remains of it among all that were looked for; None for sensitivity edits.
        items: items that it could be planted in.
        one_side: whether it stood on one response of each item alone. Its effect is then how much oftener that response
            is preferred with it than without, -1..1; without a side it is how much oftener the better one is.
        items_left_out: items that had it on one side alone where most had it on both, or the other way round.
    """

    name: str
    kind: str
    sided: bool
    effect: Effect
    decision: Decision | None
    items: int
    one_side: bool = False
    items_left_out: int = 0

    @property
    def found(self) -> bool | None:
        """Whether the judge is moved: of a cue that it is biased, of an edit that it noticed it.

        None where that is unknown. An edit counts as not noticed only where the interval shows that it moves the
        contrast by less than `NOTICED`: few items show nothing.
        """
        if self.kind != "sensitivity":
            return None if self.decision is None else self.decision.flagged
        interval, complete = self.effect.bounded, self.effect.effect
        if complete.estimate is None or interval.low is None or interval.high is None:
            return None
        if interval.high < 0:
            return True
        if complete.high is not None and complete.high < 0:
            return None
        return False if interval.low > -NOTICED else None

    @property
    def outcome(self) -> str:
        """What came out, in a few words."""
        conclusion = self.effect.conclusion
        if self.kind != "sensitivity":
            return "bias" if self.found else "not found beside the others" if conclusion == "bias" else conclusion
        if self.found is not None:
            return "noticed" if self.found else "not noticed"
        interval, complete = self.effect.bounded, self.effect.effect
        if complete.estimate is None or complete.high is None or interval.low is None:
            return "unknown"
        return "hangs on what is missing" if complete.high < 0 else "too few to say"

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        told = {
            **{"bias": self.name, "kind": self.kind, "sided": self.sided, "one_side": self.one_side},
            **{"items": self.items, "items_left_out": self.items_left_out},
            **{"found": self.found, "outcome": self.outcome},
        }
        decided = {} if self.decision is None else dict(self.decision._asdict())
        return {**told, **self.effect.to_dict(), "decision": decided}


@dataclass(frozen=True, slots=True)
class Audit:
    """An audit of a judge.

    Attributes:
        run: the run that it was read from.
        judge: the judge's id.
        noise: how often the judge says the same of the same presentation again: the noise floor of all that follows.
        biases: each bias that was looked for, position first.
        items: how many items there are.
        lines: the measures beside the headline; see `audit_lines.Line`.
        not_planted: how often a bias could not be planted on a side of an item, by bias and reason.
        set_aside: verdicts that there is nothing to hold against.
        unread: how many verdicts of the run are none of this judge's final ones, by what they are.
        recorded: whether the verdicts were recorded elsewhere and imported.
    """

    run: str
    judge: str
    noise: Estimate
    biases: tuple[Bias, ...]
    items: int
    lines: tuple[Line, ...] = ()
    not_planted: tuple[tuple[str, str, int], ...] = ()
    set_aside: tuple[Unpaired, ...] = ()
    unread: dict[str, int] = field(default_factory=dict)
    recorded: bool = False

    def line(self, bias: str, measure: str, arm: str = "") -> Line | None:
        """The measure of a bias ('' for the judge as it is); None where it was not asked."""
        wanted = (bias, measure, arm)
        return next((line for line in self.lines if (line.bias, line.measure, line.arm) == wanted), None)

    def set_aside_by_name(self) -> list[tuple[str, str, int]]:
        """How many verdicts were set aside, by what was planted and why."""
        counts = Counter((one.name, one.reason) for one in self.set_aside)
        return [(name, reason, n) for (name, reason), n in sorted(counts.items())]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        planted = [{"bias": name, "reason": reason, "items": n} for name, reason, n in self.not_planted]
        aside = [{"bias": name, "reason": reason, "verdicts": n} for name, reason, n in self.set_aside_by_name()]
        return {
            **{"run": self.run, "judge": self.judge, "items": self.items, "self_agreement": self.noise.to_dict()},
            "biases": [bias.to_dict() for bias in self.biases],
            "lines": [line.to_dict() for line in self.lines],
            **{"not_planted": planted, "set_aside": aside, "unread": self.unread},
        }


def audit(
    store: Store,
    run: str,
    *,
    group: str | None = None,
    judge: str = "",
    edits: Collection[str] = (),
) -> Audit:
    """Read an audit's run, or recorded judgements that were imported.

    Args:
        store: the store.
        run: a closed run over items and what was derived from them (`graphs.audit.perturbed`), or one whose arms say
            what was planted (see `audit_pairing`).
        group: the annotators' group whose labels are gold; None for all.
        judge: of recorded judgements whose; '' where they are all one judge's.
        edits: names of treatments that make a response worse, where an arm names them.

    Raises:
        NotFound: if there is no such run.
        BadInput: if it is open, judges no pairs, is a panel's, asks again what failed in another, or holds several
            judges and none is chosen.
    """
    heard = heard_in(store, run, group=group, judge=judge, edits=edits)
    biases = [
        Bias(POSITION, "cue", True, _order(heard), None, len(heard.items)),
        *(_bias(one, heard) for one in heard.planted.values()),
    ]
    cues = [bias for bias in biases if bias.kind == "cue"]
    decided = dict(zip([bias.name for bias in cues], decide([bias.effect for bias in cues], alpha=ALPHA), strict=True))
    return Audit(
        heard.run.id,
        heard.judge,
        _noise(heard.control),
        tuple(replace(one, decision=decided.get(one.name)) for one in biases),
        len(heard.items),
        lines_of(heard, lengths_of(store, heard)),
        _not_planted(heard.run.plan),
        heard.set_aside,
        heard.unread,
        heard.run.kind == "import",
    )


def _bias(one: Planted, heard: Heard) -> Bias:
    if one.sided:
        effect = cue_effect(one.picks)
    else:
        better = heard.better(one.items) if one.target is None else one.target
        effect = unsided_effect(one.picks, heard.originals(one.items), better)
    one_side = one.target is not None
    return Bias(one.name, one.kind, one.sided, effect, None, len(one.items), one_side, one.left_out)


def _order(heard: Heard) -> Effect:
    if heard.place is None:
        return order_effect(heard.control)
    effect = order_effect(heard.control[:0])  # what was never asked for is not missing
    unknown = Estimate.unknown("each pair was judged in one order alone", left_out=len(heard.items))
    return replace(effect, effect=unknown, all_calls=unknown, log_odds=unknown, bounded=unknown)


def _not_planted(plan: dict[str, Any]) -> tuple[tuple[str, str, int], ...]:
    """What the run's plan says that could not be planted."""
    told = plan.get("plan", {}).get("not_planted", ())
    return tuple(sorted((str(bias), str(reason), int(n)) for bias, reason, n in told))


def _noise(control: Floats) -> Estimate:
    """How often the first two samples of a presentation agree, by item."""
    if control.shape[2] < 2:
        return Estimate.unknown("untouched items were judged once", left_out=len(control))
    one, other = control[:, :, 0], control[:, :, 1]
    same = np.where(np.isnan(one) | np.isnan(other), np.nan, (one == other).astype(float))
    return bounded_mean(same)


def save(store: Store, found: Audit, *, command: str) -> int:
    """Write what was measured: one row in `analysis`, a line a bias in `bias_effect`; gives the analysis' id."""
    base = {"judge": found.judge, "mitigation": "", "arm": "", "subset": ""}
    nothing = {"p_value": None, "q_value": None, "smallest_effect": None, "worst": None, "best": None}
    lines: list[dict[str, Any]] = [
        {**base, "bias": "", "measure": "self_agreement", **nothing, **found.noise.to_dict()}
    ]
    lines += [{**base, **nothing, **line.to_dict()} for line in found.lines]
    for one in found.biases:
        effect = one.effect
        told = {
            **base,
            **{"bias": one.name, "p_value": effect.p_value, "smallest_effect": effect.smallest_effect},
            "q_value": None if one.decision is None else one.decision.q_value,
            **{"worst": effect.bounds.worst, "best": effect.bounds.best},
        }
        lines += [
            {**told, "measure": measure, **getattr(effect, measure).to_dict()}
            for measure in ("effect", "all_calls", "log_odds", "bounded")
        ]
    return keep_analysis(store, "bias_effect", lines, runs=[found.run], options={"alpha": ALPHA}, command=command)

"""Does a cure help? Two audits of the same items, the judge as it is and with the cure, held against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select

from ..metrics.bias import cue_effect, order_effect
from ..metrics.estimate import Estimate
from ..metrics.intervals import bounded_mean
from ..metrics.paired import gain
from ..metrics.picks import cell_means, rights
from ..store.analyses import keep_analysis
from ..store.engine import Store, plain_errors
from ..store.tables import metadata
from ..text.errors import BadInput
from .audit_pairing import POSITION
from .audit_records import Heard, heard_in

Floats = NDArray[np.float64]
_CALL = metadata.tables["call"]


@dataclass(frozen=True, slots=True)
class Cure:
    """What a cure does to one bias, or to accuracy.

    Attributes:
        bias: the bias; '' for accuracy.
        gain: how much nearer to no effect it brings the bias, -1..1; of accuracy how much oftener it is right.
    """

    bias: str
    gain: Estimate


@dataclass(frozen=True, slots=True)
class Mitigation:
    """A cure, measured.

    Attributes:
        name: what it is called.
        before: the audit of the judge as it is.
        after: the audit with the cure.
        cures: accuracy on untouched items, accuracy where cues stood, then each bias.
        calls: calls an item with it over calls an item without; None where nothing was called.
        tokens: the same of tokens; None where they are not known.
        use: False where something gets worse for sure, True where something gets better for sure and nothing worse,
            None where it is not known to do either.
        said: the verdict in a sentence.
    """

    name: str
    before: str
    after: str
    cures: tuple[Cure, ...]
    calls: float | None
    tokens: float | None
    use: bool | None
    said: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            **{"mitigation": self.name, "before": self.before, "after": self.after, "use": self.use, "said": self.said},
            **{"calls": self.calls, "tokens": self.tokens},
            "cures": [{"measure": one.bias or "accuracy", "gain": one.gain.to_dict()} for one in self.cures],
        }


def mitigation(store: Store, name: str, before: str, after: str, *, group: str | None = None) -> Mitigation:
    """Hold the audit with a cure against the one without, item by item.

    Args:
        store: the store.
        name: the cure's.
        before: the run of the judge as it is.
        after: the run with the cure, of the same items.
        group: the annotators' group whose labels are gold; None for all.

    Raises:
        NotFound: if there is no such run.
        BadInput: if they are not audits of the same items.
    """
    one, other = heard_in(store, before, group=group), heard_in(store, after, group=group)
    if one.items != other.items or one.planted.keys() != other.planted.keys():
        raise BadInput(f"The runs {one.run.id} and {other.run.id} are no audits of the same items and biases.")
    cures = [Cure("", _accuracy(one, other))]
    if (where_cued := _accuracy_where_cued(one, other)) is not None:
        cures.append(Cure("accuracy where cues stood", where_cued))
    cures.append(
        Cure(POSITION, less(order_contrasts(one), order_contrasts(other), order_effect(one.control).effect.estimate))
    )
    for bias, planted in one.planted.items():
        same = other.planted[bias]
        if planted.kind == "cue" and planted.sided and planted.items == same.items:
            effect = cue_effect(planted.picks).effect.estimate
            cures.append(Cure(bias, less(_contrast(planted.picks), _contrast(same.picks), effect)))
    calls, tokens = times(*(spent(store, found.run.id) for found in (one, other)))
    use, said = _verdict(name, cures, calls)
    return Mitigation(name, one.run.id, other.run.id, tuple(cures), calls, tokens, use, said)


def _right(picks: Floats, better: Floats) -> Floats:
    """How right each item is, the mean over its verdicts: shape (items,)."""
    return cell_means(rights(picks.reshape(len(picks), -1), better))


def _paired(first: Floats, second: Floats, none: str) -> Estimate:
    both = ~np.isnan(first) & ~np.isnan(second)
    if both.sum() < 2:
        return Estimate.unknown(none, n=int(both.sum()), left_out=int((~both).sum()))
    return gain(first, second)


def _accuracy(one: Heard, other: Heard) -> Estimate:
    better = one.better(one.items)
    return _paired(_right(other.control, better), _right(one.control, better), "fewer than two items have gold")


def _accuracy_where_cued(one: Heard, other: Heard) -> Estimate | None:
    """Over all cues that stood on either response: items with gold, their cells' mean."""
    rows: dict[str, list[tuple[float, float]]] = {}
    for bias, planted in one.planted.items():
        if planted.kind != "cue" or not planted.sided:
            continue
        better = one.better(planted.items)
        before, after = (_right(found.planted[bias].picks, better) for found in (one, other))
        for item, first, second in zip(planted.items, before, after, strict=True):
            rows.setdefault(item, []).append((float(first), float(second)))
    if not rows:
        return None
    table = np.array([np.mean(cells, axis=0) for cells in rows.values()])
    return _paired(table[:, 1], table[:, 0], "fewer than two items have gold")


def _contrast(picks: Floats) -> Floats:
    """Each item's own contrast of a sided cue, over complete pairs of cells."""
    return cell_means(((picks[:, :, 0] - picks[:, :, 1]) / 2).reshape(len(picks), -1))


def order_contrasts(heard: Heard) -> Floats:
    """Of each untouched item how much oftener its first response is preferred in front than behind, halved."""
    control = heard.control
    return cell_means((control[:, 0] - control[:, 1]) / 2)


def less(before: Floats, after: Floats, effect: float | None) -> Estimate:
    """How much nearer to 0 an effect is: its own direction counts, as the items' contrasts scatter around it.

    Args:
        before: shape (n_items,): each item's contrast, NaN where there is none.
        after: the same items' contrasts of another judge, or of the judge with a cure.
        effect: that of `before`; None where it is unknown.
    """
    both = ~np.isnan(before) & ~np.isnan(after)
    if effect is None or both.sum() < 2:
        return Estimate.unknown("fewer than two complete items", n=int(both.sum()), left_out=int((~both).sum()))
    towards = 1.0 if effect >= 0 else -1.0
    return bounded_mean(towards * (before - after), low=-1.0, high=1.0)


class Spent(NamedTuple):
    """What a run asked for; an answer from the cache counts as the call whose answer it reused.

    Attributes:
        calls: how many answers it has.
        tokens: in and out; 0 where they are not known.
    """

    calls: int
    tokens: int


def spent(store: Store, run: str) -> Spent:
    """What a run's answers took, whoever paid for them."""
    wanted = select(func.count(), func.sum(_CALL.c.tokens_in), func.sum(_CALL.c.tokens_out)).where(
        _CALL.c.run == run, _CALL.c.status.in_(("ok", "hit", "truncated", "refused"))
    )
    with plain_errors(store.url), store.engine.connect() as connection:
        calls, tokens_in, tokens_out = connection.execute(wanted).one()
    return Spent(int(calls), int(tokens_in or 0) + int(tokens_out or 0))


def times(before: Spent, after: Spent) -> tuple[float | None, float | None]:
    """Calls and tokens of the second over those of the first; None where they are not known."""
    calls = after.calls / before.calls if before.calls else None
    return calls, (after.tokens / before.tokens if before.tokens and after.tokens else None)


def _verdict(name: str, cures: list[Cure], calls: float | None) -> tuple[bool | None, str]:
    price = "" if calls is None else f" at {calls:.1f} times the calls"
    worse = [one.bias or "accuracy" for one in cures if one.gain.high is not None and one.gain.high < 0]
    better = [one.bias or "accuracy" for one in cures if one.gain.low is not None and one.gain.low > 0]
    if worse:
        return False, f"Do not use `{name}`: {', '.join(worse)} gets worse{price}."
    if better:
        return True, f"`{name}` helps with {', '.join(better)}{price}; nothing is known to get worse."
    return None, f"`{name}` is not known to help or to harm{price}: these items cannot tell."


def save(store: Store, found: Mitigation, *, command: str) -> int:
    """Write what was measured: one row in `analysis`, a line a measure in `bias_effect`; gives the analysis' id."""
    base = {"judge": "", "mitigation": found.name, "arm": "", "subset": ""}
    nothing = {"p_value": None, "q_value": None, "smallest_effect": None, "worst": None, "best": None}
    lines: list[dict[str, Any]] = [
        {**base, "bias": one.bias, "measure": "mitigation_gain", **nothing, **one.gain.to_dict()} for one in found.cures
    ]
    runs, options = [found.before, found.after], {"mitigation": found.name}
    return keep_analysis(store, "mitigation", lines, runs=runs, options=options, command=command)

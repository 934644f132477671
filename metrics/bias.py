"""How far does a planted cue move a judge, and is that more than chance and missing verdicts could do?

The headline of an audit is a signed contrast, not a rate of flips: a cue is put on either response of a pair in turn,
and what counts is how much oftener a response is preferred with the cue on it than with the cue on the other. All that
speaks for a response by itself (its quality, length or author) is there on both sides, and cancels. Three kinds:

- a cue with a side (padding, a citation, "90 % prefer", a name): `cue_effect`, picks of shape (n_items,
  n_presentations, 2[, n_samples]);
- no cue: the order is the cue, its side is the place in front: `order_effect`, (n_items, 2[, n_samples]);
- a cue without a side (both answers in another format or language): `unsided_effect`, the change of how often the
  better response is preferred.

Picks are in the responses' coordinates, never in places: 1 where response A of the item is preferred, 0 where B, 0.5
for a tie, a share where the judge gave one, NaN where there is no verdict. Cells that were not asked for, such as those
of items beyond a budget, are not given: whatever is NaN counts as missing.

A missing verdict may hang on what it would have been. Complete pairs hold as long as it does not, on whatever item and
presentation it hangs besides; only bounds over every missing verdict hold always. So complete pairs decide where few
verdicts are missing and nothing says that they are missing for a side of the cue (`missing.Missing.ignorable`);
elsewhere a bias is flagged only where it is there whatever the missing verdicts were. Which of the two it was, and how
many of the missing verdicts could undo it, stands beside every flag.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import inf, log
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .agreement import Bounds
from .estimate import Estimate
from .identified import Between, mean_contrast
from .intervals import STUDENT, Basis, standard_error
from .missing import missing
from .multiplicity import Correction, q_values
from .picks import betters, cell_means, rights, samples, verdicts

Floats = NDArray[np.float64]

MARGIN = 0.05
"""A bias nearer to 0 than this on the probability scale is called negligible."""

MARGINAL = "marginal log-odds, not those of any item; Student's t over items, delta method"
ALL_CALLS = "difference of means over all calls, Student's t over items"

Conclusion = Literal["bias", "hangs on what is missing", "negligible", "not found", "unknown"]


@dataclass(frozen=True, slots=True)
class Effect:
    """How far a cue moves a judge. Above 0: towards the response that it is on (for order: the one in front).

    Attributes:
        effect: of complete pairs (both sides of a cue in one presentation), on the scale of probabilities: by how much
            the response with the cue is preferred oftener than half of the time, -0.5..0.5. Of a cue without a side:
            the change of how often the better response is preferred, -1..1.
        all_calls: the same from all verdicts, those without a partner included. It is biased where verdicts go missing
            oftener in front of one outcome; where it and `effect` disagree, they do.
        log_odds: `effect` in log-odds: those of the mean over items (marginal). What the cue adds to the log-odds of an
            item (structural) lies further from 0, the more so the more the items differ, and cannot be read from it.
        bounds: the least and the greatest effect over all that the missing verdicts might have been, all items given.
        bounded: the middle of the bounds, with an interval that holds the effect over all items given at its level,
            whatever the missing verdicts were; the error is that of the bound that is less sure. Without missing
            verdicts it is `effect`.
        p_value: two-sided, of no effect, on complete pairs; None where it is unknown.
        p_worst: the same under the missing verdicts that speak most against an effect.
        p_deciding: the one of the two that decides: `p_value` where what is missing may be ignored, else `p_worst`.
        undone_by: where complete pairs show an effect and verdicts are missing: the share of these, 0..1, that would
            have to go against it throughout, with the others like the rest, for complete pairs to show none; 1 where
            not even all of them could undo it. Else None.
        smallest_effect: what would be flagged with power .8, given how many verdicts are missing; None where it is
            unknown, or so many are missing that nothing would be.
        pairs: how many complete pairs there are.
        pairs_missing: how many lack a side or both.
        calls: how many verdicts there are.
        calls_missing: how many are missing.
        p_missing: that verdicts do not go missing for a side of the cue, see `missing.Missing`. A small one shows that
            they do; a large one does not show that they do not.
        flagged: True where `p_deciding` <= alpha. False where no bias was found, which is not proof that there is none.
            None where the data cannot tell: nothing to test, or a conclusion that hangs on what is missing.
        negligible: whether the effect is shown to lie within the margin of 0 (two one-sided tests at alpha, whatever
            the missing verdicts were); None where it is unknown. A bias may be both flagged and negligible.
        conclusion: `bias` (flagged); `hangs on what is missing` (complete pairs show one that the missing verdicts can
            undo, and these are many, or missing for a side of the cue: only `bounds` are honest); `negligible`;
            `not found` (a bias up to about `smallest_effect` may be there); `unknown`.
    """

    effect: Estimate
    all_calls: Estimate
    log_odds: Estimate
    bounds: Bounds
    bounded: Estimate
    p_value: float | None
    p_worst: float | None
    p_deciding: float | None
    undone_by: float | None
    smallest_effect: float | None
    pairs: int
    pairs_missing: int
    calls: int
    calls_missing: int
    p_missing: float
    flagged: bool | None
    negligible: bool | None
    conclusion: Conclusion

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them."""
        return asdict(self)


class Decision(NamedTuple):
    """What remains of an effect among all that were looked for.

    Attributes:
        q_value: of `p_deciding`, Benjamini and Hochberg; None where it is unknown.
        q_value_by: of `p_deciding`, Benjamini and Yekutieli.
        flagged: as `Effect.flagged`, with q values in the place of p values.
    """

    q_value: float | None
    q_value_by: float | None
    flagged: bool | None


def cue_effect(picks: ArrayLike, *, level: float = 0.95, alpha: float = 0.05, margin: float = MARGIN) -> Effect:
    """How far a cue that was put on either response moves a judge.

    Args:
        picks: shape (n_items, n_presentations, 2) or (n_items, n_presentations, 2, n_samples): 1 where response A is
            preferred, 0 where B, 0.5 for a tie, between them a share, NaN where there is no verdict. Third axis: the
            cue is on A, on B.
        level: of the intervals, 0..1.
        alpha: of the flag, 0..1.
        margin: below which an effect is negligible, on the scale of probabilities, above 0.

    Returns:
        See `Effect`. effect = (P(pick A | cue on A) - P(pick A | cue on B)) / 2, from -0.5 (the response without the
        cue is always preferred) over 0 to 0.5 (the one with it is). Which response is called A does not matter. The
        item is the unit of sampling, as its presentations and samples depend on each other; items without a complete
        pair are `left_out` of `effect`. Under two items everything but the estimate is unknown.

        Flagged: `p_deciding` <= alpha. Without missing verdicts that is the t test over items. Where fewer than twelve
        items have a contrast other than 0, and as many have none, the exact sign test over items must find it too, and
        the interval is a score interval. Of data without a bias at most a share alpha is flagged, on whatever item,
        order and side verdicts go missing, as long as it is not on the verdict itself; and where more than a tenth is
        missing, or more on one side, not even then. The price there is power: with 12 % of the verdicts missing by
        chance, the bounds begin six points below.

    Raises:
        ValueError: if the shape is none of the two, a value lies outside 0..1, or an option is out of range.

    Sources: the contrast: an average marginal component effect over randomised cues, Hainmueller, Hopkins and Yamamoto
        2014, doi:10.1093/pan/mpt024; clustering: Miller 2024, arXiv:2411.00640; bounds: Manski 1989,
        doi:10.2307/145818; their interval and p value: `identified.Between`.

    >>> found = cue_effect([[[1, 0], [1, 1]], [[0, 0], [1, 0]], [[1, 0], [1, 0]], [[1, 1], [0, np.nan]]])
    >>> str(found.effect), found.bounds
    ('0.286 [0.010, 0.500]  n=4, 0 left out', Bounds(worst=0.1875, best=0.25))
    """
    given = verdicts(picks, "picks")
    if given.ndim == 3:
        given = given[..., None]
    if given.ndim != 4 or given.shape[2] != 2:
        raise ValueError(
            f"`picks` has shape {given.shape}; needed is (n_items, n_presentations, 2[, n_samples]), the third axis "
            "for the cue on A and on B."
        )
    return _effect(given[:, :, 0], given[:, :, 1], 0.5, level, alpha, margin)


def order_effect(picks: ArrayLike, *, level: float = 0.95, alpha: float = 0.05, margin: float = MARGIN) -> Effect:
    """How far the place in front moves a judge: position bias.

    Args:
        picks: shape (n_items, 2) or (n_items, 2, n_samples): as for `cue_effect`; second axis: A shown first, B first.
        level: as for `cue_effect`.
        alpha: as for `cue_effect`.
        margin: as for `cue_effect`.

    Returns:
        See `Effect` and `cue_effect`, the place in front being the cue: effect = (P(pick A | A first) - P(pick A | B
        first)) / 2 = P(pick first) - 1/2 over both orders, from -0.5 (always the second) to 0.5 (always the first).

    Raises:
        ValueError: as for `cue_effect`.

    >>> str(order_effect([[1, 0], [1, 1], [1, 0], [0, 0], [1, np.nan]]).effect)
    '0.250 [-0.209, 0.500]  n=4, 1 left out'
    """
    given = verdicts(picks, "picks")
    if given.ndim == 2:
        given = given[..., None]
    if given.ndim != 3 or given.shape[1] != 2:
        raise ValueError(
            f"`picks` has shape {given.shape}; needed is (n_items, 2[, n_samples]), the second axis for the order."
        )
    return _effect(given[:, None, 0], given[:, None, 1], 0.5, level, alpha, margin)


def unsided_effect(
    cued: ArrayLike,
    control: ArrayLike,
    gold: ArrayLike,
    *,
    level: float = 0.95,
    alpha: float = 0.05,
    margin: float = MARGIN,
) -> Effect:
    """How far a cue that is on both responses, or on none, changes how often the better response is preferred.

    Args:
        cued: shape (n_items, n_presentations) or (n_items, n_presentations, n_samples): picks as for `cue_effect`.
        control: the same without the cue; it may have another number of samples.
        gold: shape (n_items,): 1 where A is the better response, 0 where B. Items where it is NaN or 0.5 have no better
            one: they are not judged here, nor do their verdicts count as missing.
        level: as for `cue_effect`.
        alpha: as for `cue_effect`.
        margin: as for `cue_effect`.

    Returns:
        See `Effect` and `cue_effect`. effect = P(pick the better | cue) - P(pick the better | no cue), -1..1.

    Raises:
        ValueError: as for `cue_effect`, or if items or presentations differ.

    >>> found = unsided_effect([[1, 0], [0, 0], [1, 1]], [[1, 1], [1, 0], [1, 1]], [1, 1, np.nan])
    >>> found.effect.estimate, found.effect.n, found.effect.left_out
    (-0.5, 2, 1)
    """
    with_it, without = (samples(value, name) for value, name in ((cued, "cued"), (control, "control")))
    if with_it.shape[:2] != without.shape[:2]:
        raise ValueError(f"`cued` has shape {with_it.shape}, `control` {without.shape}; needed are the same cells.")
    better = betters(gold, len(with_it))
    known = ~np.isnan(better)
    one, other = (rights(values[known], better[known]) for values in (with_it, without))
    return _effect(one, other, 1.0, level, alpha, margin, int(len(known) - known.sum()))


def decide(effects: Sequence[Effect], *, alpha: float = 0.05, method: Correction = "bh") -> list[Decision]:
    """Which effects remain, of all on the list that was fixed before looking.

    Args:
        effects: one a bias, all that were looked for, those that are unknown included.
        alpha: the share of false findings among all, 0..1.
        method: which q value decides, see `q_values`: `bh`; or `by`, which holds however the effects depend on each
            other, as they may, since all are measured on the same items.

    Returns:
        In the same order. Flagged is True where the q value of `p_deciding` is at most alpha, None where it is unknown,
        or that of `p_value` alone is at most alpha, else False.

    Raises:
        ValueError: if an option is out of range.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"`alpha` is {alpha}; needed is a number above 0 and below 1.")
    given, easy = [one.p_deciding for one in effects], [one.p_value for one in effects]
    bh, by = q_values(given, method="bh"), q_values(given, method="by")
    deciding, complete = by if method == "by" else bh, q_values(easy, method=method)
    return [
        Decision(q, q_by, _flag(own, pairs, alpha))
        for q, q_by, own, pairs in zip(bh, by, deciding, complete, strict=True)
    ]


def _effect(
    one: Floats, other: Floats, most: float, level: float, alpha: float, margin: float, outside: int = 0
) -> Effect:
    """The contrast of two sides, each of shape (n_items, n_cells, n_samples); `outside` are items without gold."""
    if not (0 < level < 1 and 0 < alpha < 0.5 and 0 < margin):
        raise ValueError(
            f"`level` is {level}, `alpha` {alpha} and `margin` {margin}; needed are 0 < level < 1, 0 < alpha < 0.5, "
            "and a margin above 0."
        )
    first, last = cell_means(one), cell_means(other)
    apart = most * (first - last)
    complete = mean_contrast(apart, most=most, level=level)
    asked, calls = one.size + other.size, int((~np.isnan(one)).sum() + (~np.isnan(other)).sum())
    between = Between(complete, complete, most)
    if calls < asked:
        ends = (_filled(one, 0.0) - _filled(other, 1.0), _filled(one, 1.0) - _filled(other, 0.0))
        low, high = (mean_contrast(most * end, most=most, level=level) for end in ends)
        between = Between(low, high, most)
    effect = replace(complete.estimate, left_out=complete.estimate.left_out + outside)
    bounded = effect if calls == asked else replace(between.interval(level), left_out=outside)
    whole, lost = Between(complete, complete, most), missing(one, other)
    decides = whole if lost.ignorable else between
    p_value, p_worst, p_deciding = whole.p_value(), between.p_value(), decides.p_value()
    low_end, high_end = between.reach(1 - 2 * alpha, one_sided=True)
    negligible = None if low_end is None or high_end is None else -margin < low_end and high_end < margin
    flagged, pairs = _flag(p_deciding, p_value, alpha), int((~np.isnan(apart)).sum())
    return Effect(
        effect=effect,
        all_calls=_all_calls(one, other, most, level, outside),
        log_odds=_log_odds(first, last, effect, most),
        bounds=Bounds(*(between.ends or (None, None))),
        bounded=bounded,
        p_value=p_value,
        p_worst=p_worst,
        p_deciding=p_deciding,
        undone_by=_undone_by(effect, between) if calls < asked else None,
        smallest_effect=decides.smallest(alpha),
        pairs=pairs,
        pairs_missing=apart.size - pairs,
        calls=calls,
        calls_missing=asked - calls,
        p_missing=lost.p_value,
        flagged=flagged,
        negligible=negligible,
        conclusion=_conclusion(flagged, negligible, p_value),
    )


def _flag(deciding: float | None, complete: float | None, alpha: float) -> bool | None:
    if deciding is None:
        return None
    if deciding <= alpha:
        return True
    return None if complete is None or complete <= alpha else False


def _conclusion(flagged: bool | None, negligible: bool | None, p_value: float | None) -> Conclusion:
    if flagged is None:
        return "unknown" if p_value is None else "hangs on what is missing"
    if flagged:
        return "bias"
    return "negligible" if negligible else "not found"


def _undone_by(effect: Estimate, between: Between) -> float | None:
    """How far the interval's nearer end lies from 0, in units of what the missing verdicts can do."""
    if effect.estimate is None or effect.low is None or effect.high is None or between.ends is None:
        return None
    if effect.low > 0:
        nearer, way = effect.low, effect.estimate - between.ends[0]
    elif effect.high < 0:
        nearer, way = -effect.high, between.ends[1] - effect.estimate
    else:
        return None
    return 1.0 if way <= nearer else nearer / way


def _filled(values: Floats, fill: float) -> Floats:
    mean: Floats = np.where(np.isnan(values), fill, values).mean(axis=-1)
    return mean


def _all_calls(one: Floats, other: Floats, most: float, level: float, outside: int) -> Estimate:
    """The difference of both sides' means in each cell, over all verdicts, and the mean of it over cells."""
    used = np.asarray(~(np.isnan(one).all(axis=(1, 2)) & np.isnan(other).all(axis=(1, 2))))
    n, left_out = int(used.sum()), int(len(used) - used.sum()) + outside
    value, pulls = 0.0, np.zeros(len(used))
    for side, sign in ((one, most), (other, -most)):
        known = ~np.isnan(side)
        counts = known.sum(axis=(0, 2))
        if counts.size == 0 or counts.min() == 0:
            reason = "a side of the cue has no verdict"
            return Estimate.unknown(reason, n=n, left_out=left_out, level=level, method=ALL_CALLS)
        means = np.where(known, side, 0.0).sum(axis=(0, 2)) / counts
        value += sign * float(means.mean())
        lean = np.where(known, side - means[:, None], 0.0).sum(axis=2)
        pulls += sign * (lean / counts).sum(axis=1) / len(counts)
    return _by_influence(value, pulls[used], most, level, ALL_CALLS, left_out)


def _by_influence(value: float, influence: Floats, most: float, level: float, method: str, left_out: int) -> Estimate:
    """An estimate from how far each item pulls it; the pulls add up to 0."""
    n = len(influence)
    error = standard_error(influence * n, np.ones(n))
    why = "one item tells nothing of how items differ" if n < 2 else "all items are alike: error unknown"
    return Basis(n, left_out, level, method).student(value, error, why, low=-most, high=most)


def _log_odds(first: Floats, last: Floats, effect: Estimate, most: float) -> Estimate:
    """The effect in log-odds: with a side, that the response with the cue is preferred; without, the change of them."""
    n, left_out, level = effect.n, effect.left_out, effect.level
    if effect.estimate is None:
        return Estimate.unknown(effect.reason, n=n, left_out=left_out, level=level, method=MARGINAL)
    never = "one of the outcomes was never seen: its log-odds are infinite"
    if most < 1:
        # (logit P(A | cue on A) - logit P(A | cue on B)) / 2 would hang on which response is called A
        share = 0.5 + effect.estimate
        if not 0 < share < 1:
            return Estimate.unknown(never, n=n, left_out=left_out, level=level, method=MARGINAL)
        error = None if effect.standard_error is None else effect.standard_error / (share * (1 - share))
        low, high = (None if end is None else _logit(0.5 + end) for end in (effect.low, effect.high))
        reason = effect.reason or ("" if low is not None and high is not None else "an end of the interval is infinite")
        method = MARGINAL.replace(STUDENT, effect.method)
        return Estimate(_logit(share), error, low, high, level, method, n, left_out, reason)
    both = ~np.isnan(first) & ~np.isnan(last)
    shares = float(first[both].mean()), float(last[both].mean())
    if not (0 < min(shares) and max(shares) < 1):
        return Estimate.unknown(never, n=n, left_out=left_out, level=level, method=MARGINAL)
    one, other = (
        np.where(both, side - share, 0.0).sum(axis=1) / (share * (1 - share) * both.sum())
        for side, share in ((first, shares[0]), (last, shares[1]))
    )
    value = log(shares[0] / (1 - shares[0])) - log(shares[1] / (1 - shares[1]))
    return _by_influence(value, (one - other)[both.any(axis=1)], inf, level, MARGINAL, left_out)


def _logit(share: float) -> float | None:
    return log(share / (1 - share)) if 0 < share < 1 else None

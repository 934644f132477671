"""Which verdicts does a cue overturn, beyond those that a second look overturns anyway?

These are the lines that the literature prints beside, or instead of, a signed contrast (see `bias`). A rate of flips
says neither which way a cue pushes nor how hard: what it adds to even pairs cancels. Each comes with its noise floor
on the same items.

Picks are as in `bias`: 1 where response A is preferred, 0 where B, 0.5 for a tie, NaN where there is no verdict; here
no share between them. Of shape (n_items, n_presentations) or (n_items, n_presentations, n_samples), in the responses'
coordinates. Two missing verdicts are not alike, nor is a missing one like any other: they go into the bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .agreement import Bounds
from .estimate import Estimate
from .intervals import bounded_mean
from .paired import gain, mcnemar
from .picks import Cells, Measured, betters, calls, codes, counted, measured, rights, samples, share_of

Floats = NDArray[np.float64]

ONCE = "the control was judged once: there is no noise floor"
"""Why there is none."""


@dataclass(frozen=True, slots=True)
class Flips:
    """What becomes of verdicts with a cue. Shares are 0..1, differences -1..1; a tie is right for nobody.

    Attributes:
        same: RR, the share of verdicts that are the same with the cue as without.
        control_same: CR, the share that are the same in two controls: the noise floor.
        excess: RR - CR, paired by item and presentation. 0 for a cue that does nothing, and also for one that does much
            on even pairs: no evidence of robustness.
        harmful: the share that goes from right to not right.
        helpful: the share that goes from not right to right.
        neutral: the share that changes and is right neither before nor after.
        lost: how many items are right less often with the cue, sample held against sample.
        gained: how many are right more often.
        p_value: exact McNemar, two-sided, of `gained` and `lost`; None without gold.
        accuracy: with the cue, over all calls; half for a tie.
        control_accuracy: without.
        change: of accuracy, on complete pairs: one sample with the cue, one without, at the same place.
    """

    same: Measured
    control_same: Measured
    excess: Measured
    harmful: Measured
    helpful: Measured
    neutral: Measured
    lost: int
    gained: int
    p_value: float | None
    accuracy: Measured
    control_accuracy: Measured
    change: Measured


class Arms(NamedTuple):
    """Picks by what a cue was on, of the items that have a better response.

    Attributes:
        on_better: shape (n_known, n_presentations, n_samples): picks with the cue on the better response.
        on_worse: the same with the cue on the worse.
        control: the same without the cue.
        gold: shape (n_known,): 1 where A is the better response, 0 where B.
    """

    on_better: Floats
    on_worse: Floats
    control: Floats
    gold: Floats


class Baselines(NamedTuple):
    """How often rules that read nothing are right, 0..1; a judge that is no better has shown nothing."""

    first: Estimate
    longer: Estimate
    shorter: Estimate


def flips(cued: ArrayLike, control: ArrayLike, gold: ArrayLike | None = None, *, level: float = 0.95) -> Flips:
    """What becomes of verdicts with a cue, held against the same items without.

    Args:
        cued: picks in one arm, such as the cue on the worse response; shape (n_items, n_presentations[, n_samples]).
        control: picks without the cue, the same items and presentations, each judged twice or more for CR.
        gold: shape (n_items,): 1 where A is the better response, 0 where B, 0.5 or NaN where none is. Items without a
            better one are `left_out` of what needs it; without gold all that is unknown.
        level: of the intervals, 0..1.

    Returns:
        See `Flips`. Several samples are compared each with each. The exact test counts items, as an item's
        presentations depend on each other; with one presentation and one sample it is the ordinary one.

    Raises:
        ValueError: if a shape differs, or a pick is none of 0, 0.5, 1 and NaN.

    Sources: RR, CR: Ye et al. 2024, arXiv:2410.02736; flips: arXiv:2504.09946; see `paired.mcnemar`.

    >>> found = flips([[0, 0], [1, 0], [1, 1]], [[[1, 1], [1, 1]], [[1, 1], [0, 1]], [[1, 1], [1, np.nan]]], [1, 1, 1])
    >>> round(found.same.estimate.estimate, 3), found.control_same.estimate.estimate, found.lost, found.gained
    (0.583, 0.8, 1, 0)
    """
    with_it, without = codes(cued, "cued"), codes(control, "control")
    if with_it.shape[:2] != without.shape[:2]:
        raise ValueError(f"`cued` has shape {with_it.shape}, `control` {without.shape}; needed are the same cells.")
    same, its = _same(counted(with_it), counted(without), with_it.shape[2] * without.shape[2]), _alike(without)
    apart = Cells(same.value - its.value, same.low - its.high, same.high - its.low)
    none = "" if without.shape[2] > 1 else ONCE
    told = np.full(len(with_it), np.nan) if gold is None else betters(gold, len(with_it))
    known = ~np.isnan(told)
    outside, better = int((~known).sum()), told[known]
    right, was = rights(with_it[known], better), rights(without[known], better)
    lacks = "" if gold is not None else "there is no gold"
    now, before = _right(right), _right(was)
    whole = right.shape[2] * was.shape[2]
    harmful = _between(before.sure * now.rest, (before.sure + before.missing) * (now.rest + now.missing), now, before)
    helpful = _between(before.rest * now.sure, (before.rest + before.missing) * (now.sure + now.missing), now, before)
    same_known = _same(counted(with_it[known]), counted(without[known]), whole)
    still = before.rest * now.rest + before.sure * now.sure - same_known.value * now.given * before.given
    may_be = before.missing * (now.rest + now.missing) + before.rest * now.missing
    neutral = _between(np.where(np.isnan(still), 0, still), np.where(np.isnan(still), 0, still) + may_be, now, before)
    paired = min(right.shape[2], was.shape[2])
    moved = (right[..., :paired] == 1).astype(float) - (was[..., :paired] == 1)
    moved = np.where(np.isnan(right[..., :paired]) | np.isnan(was[..., :paired]), 0, moved).sum(axis=(1, 2))
    lost, gained = int((moved < 0).sum()), int((moved > 0).sum())
    return Flips(
        same=measured(same, level),
        control_same=measured(its, level, none=none),
        excess=measured(apart, level, least=-1.0, none=none),
        harmful=measured(harmful, level, outside=outside, none=lacks),
        helpful=measured(helpful, level, outside=outside, none=lacks),
        neutral=measured(neutral, level, outside=outside, none=lacks),
        lost=lost,
        gained=gained,
        p_value=None if lacks else mcnemar(gained, lost),
        accuracy=measured(calls(right), level, outside=outside, none=lacks),
        control_accuracy=measured(calls(was), level, outside=outside, none=lacks),
        change=_change(right, was, level, outside, lacks),
    )


def by_gold(picks: ArrayLike, control: ArrayLike, gold: ArrayLike) -> Arms:
    """Sort the picks of a cue with a side by whether it was on the better response or on the worse.

    Args:
        picks: shape (n_items, n_presentations, 2[, n_samples]) as for `bias.cue_effect`.
        control: shape (n_items, n_presentations[, n_samples]).
        gold: shape (n_items,) as for `flips`; items without a better response are not in the arms.

    Returns:
        See `Arms`. Run both through `flips`: where a cue is on the worse response only, what it costs in accuracy and
        how much it moves are one.

    Raises:
        ValueError: if a shape differs.
    """
    given = np.asarray(picks, dtype=float)
    given = given[..., None] if given.ndim == 3 else given
    if given.ndim != 4 or given.shape[2] != 2:
        raise ValueError(f"`picks` has shape {given.shape}; needed is (n_items, n_presentations, 2[, n_samples]).")
    without, better = samples(control, "control"), betters(gold, len(given))
    if without.shape[:2] != given.shape[:2]:
        raise ValueError(f"`picks` has shape {given.shape}, `control` {without.shape}; needed are the same cells.")
    known = ~np.isnan(better)
    on_a = (better[known] == 1)[:, None, None]
    sides = given[known][:, :, 0], given[known][:, :, 1]
    return Arms(np.where(on_a, *sides), np.where(on_a, *sides[::-1]), without[known], better[known])


def conflict_rate(picks: ArrayLike, *, level: float = 0.95) -> Measured:
    """How often the outcome of a pair hangs on the order.

    Args:
        picks: shape (n_items, 2) or (n_items, 2, n_samples), the second axis for the order.
        level: of the interval, 0..1.

    Returns:
        From 0 (never) to 1 (always), 0.5 for a coin: 1 - PC of `position_bias`. Of several samples each of one order is
        compared with each of the other. Items without both orders are `left_out`, never counted as agreeing.

    Raises:
        ValueError: as for `flips`.

    Source: Wang et al. 2023, arXiv:2305.17926.

    >>> found = conflict_rate([[1, 0], [1, 1], [0, 0], [1, np.nan]])
    >>> round(found.estimate.estimate, 3), found.bounds
    (0.333, Bounds(worst=0.25, best=0.5))
    """
    given = codes(picks, "picks")
    if given.shape[1] != 2:
        raise ValueError(f"`picks` has shape {given.shape}; needed is (n_items, 2[, n_samples]).")
    counts = counted(given)
    same = _same(counts[:, :1], counts[:, 1:], given.shape[2] ** 2)
    return measured(Cells(1 - same.value, 1 - same.high, 1 - same.low), level)


def outcome_entropy(picks: ArrayLike) -> Floats:
    """BPDE: how much the outcomes of an item differ over presentations and samples.

    Args:
        picks: shape (n_items, n_presentations) or (n_items, n_presentations, n_samples).

    Returns:
        Shape (n_items,), in nats: from 0 (always the same) to log 3 (win, tie and loss equally often), of the verdicts
        that are there; NaN where none is. People's time is best spent on the items where it is greatest, and on those
        without verdicts.

    Raises:
        ValueError: as for `flips`.

    Source: Wang et al. 2023, arXiv:2305.17926: - sum of p log p over win, tie, loss.

    >>> outcome_entropy([[1, 1], [1, 0], [np.nan, np.nan]]).round(4).tolist()
    [0.0, 0.6931, nan]
    """
    return _entropy(counted(codes(picks, "picks")).sum(axis=1))


def mean_entropy(picks: ArrayLike, *, level: float = 0.95) -> Measured:
    """The mean of `outcome_entropy` over items; those that lack a verdict are left out, as fewer verdicts differ less.

    >>> mean_entropy([[1, 1], [1, 0], [1, np.nan]]).estimate.n
    2
    """
    given = codes(picks, "picks")
    counts, cells = counted(given).sum(axis=1), given.shape[1] * given.shape[2]
    missing = cells - counts.sum(axis=1)
    fewest, most = counts.copy(), counts.copy()
    everyone = np.arange(len(counts))
    fewest[everyone, counts.argmax(axis=1)] += missing
    for further in range(int(missing.max(initial=0))):  # over verdicts of an item, not over items
        most[everyone, most.argmin(axis=1)] += missing > further
    value = np.where(missing == 0, _entropy(counts), np.nan)
    return measured(Cells(value, _entropy(fewest), _entropy(most)), level, most=float(np.log(3)))


def baselines(
    gold: ArrayLike, a_first: ArrayLike, a_length: ArrayLike, b_length: ArrayLike, *, level: float = 0.95
) -> Baselines:
    """How often "the first", "the longer" and "the shorter" are right on the same gold.

    Args:
        gold: shape (n_items,) as for `flips`; items without a better response are `left_out`.
        a_first: shape (n_items, n_presentations): 1 where A is shown first, 0 where B, NaN where it was not shown.
            Where every pair is shown in both orders, "the first" is right half of the time.
        a_length: shape (n_items,): of A, in any unit; NaN where unknown.
        b_length: of B, in the same unit. Of two that are as long, one is right by half.
        level: of the intervals, 0..1.

    Returns:
        See `Baselines`.

    Raises:
        ValueError: if a shape differs, or `a_first` is none of 0, 1 and NaN.

    >>> found = baselines([1, 1, 0], [[1, 0]] * 3, [10, 5, 7], [5, 10, 7])
    >>> found.first.estimate, found.longer.estimate
    (0.5, 0.5)
    """
    shown = np.asarray(a_first, dtype=float)
    better = betters(gold, len(shown))
    lengths = np.asarray(a_length, dtype=float), np.asarray(b_length, dtype=float)
    if shown.ndim != 2 or any(length.shape != better.shape for length in lengths):
        raise ValueError("needed are `a_first` of shape (n_items, n_presentations), and lengths of shape (n_items,).")
    if not np.all((shown == 0) | (shown == 1) | np.isnan(shown)):
        raise ValueError("`a_first` holds numbers other than 0 and 1; where a pair was not shown, it is NaN.")
    longer = (1 + np.sign(lengths[0] - lengths[1])) / 2
    picked = (shown, longer, 1 - longer)
    return Baselines(*(bounded_mean(rights(one, better), level=level) for one in picked))


class _Right(NamedTuple):
    """Of each cell, how many samples are right, are not, and are missing."""

    sure: Floats
    rest: Floats
    missing: Floats

    @property
    def given(self) -> Floats:
        """How many samples have a verdict."""
        return self.sure + self.rest

    @property
    def asked(self) -> Floats:
        """How many samples there should be."""
        return self.given + self.missing


def _same(one: Floats, other: Floats, whole: int) -> Cells:
    """The share of pairs of a sample of one and one of the other that are the same; `whole` pairs were asked for."""
    alike, pairs = (one * other).sum(axis=-1), one.sum(axis=-1) * other.sum(axis=-1)
    return Cells(share_of(alike, pairs), alike / whole, (alike + whole - pairs) / whole)


def _alike(picks: Floats) -> Cells:
    """The share of pairs of two samples of one cell that are the same."""
    counts, whole = counted(picks), picks.shape[2] * (picks.shape[2] - 1)
    alike, given = (counts * (counts - 1)).sum(axis=-1), counts.sum(axis=-1)
    pairs = given * (given - 1)
    return Cells(share_of(alike, pairs), alike / max(whole, 1), (alike + whole - pairs) / max(whole, 1))


def _right(marks: Floats) -> _Right:
    missing = np.isnan(marks).sum(axis=2).astype(float)
    sure = (marks == 1).sum(axis=2).astype(float)
    return _Right(sure, marks.shape[2] - missing - sure, missing)


def _between(least: Floats, most: Floats, now: _Right, before: _Right) -> Cells:
    """A kind of flip: how many pairs of samples are one for sure, and how many may be."""
    whole = now.asked * before.asked
    return Cells(share_of(least, now.given * before.given), least / whole, most / whole)


def _change(right: Floats, was: Floats, level: float, outside: int, none: str) -> Measured:
    """The gain in accuracy, sample against sample at the same place."""
    paired = min(right.shape[2], was.shape[2])
    now, before = (calls(marks[..., :paired]) for marks in (right, was))
    if none or now.value.size == 0:
        return measured(now, level, outside=outside, none=none)
    lost = np.full((outside, now.value.shape[1]), np.nan)
    found = gain(np.concatenate([now.value, lost]), np.concatenate([before.value, lost]), level=level)
    return Measured(found, Bounds(float((now.low - before.high).mean()), float((now.high - before.low).mean())))


def _entropy(counts: Floats) -> Floats:
    share = share_of(counts, counts.sum(axis=1, keepdims=True))
    found: Floats = -(share * np.log(np.where(share > 0, share, 1.0))).sum(axis=1)
    return np.where(found == 0, 0.0, found)  # no minus before 0

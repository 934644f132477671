"""Does a judge that speaks as a persona still do what it does without?"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .estimate import Estimate
from .intervals import bounded_mean, why_no_error
from .paired import mcnemar

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

ITEMS = 120  # fewer anchors than this tell too little for a gate
RATIO = "Tang's score interval over items, standard error by the delta method"
_SILENCE = 0.1  # of alpha: what the test of silence may spend; planted abstentions stay far below it
_WEAKER = 2.0  # of alpha: the evidence of loss that is enough where silence explains it


class Competence(NamedTuple):
    """What a persona does to a judge, on objective items that were judged with it and without.

    Attributes:
        accuracy: how often the persona is right, 0..1; an abstention, and an empty or failed answer, is not right.
        control_accuracy: the same without the persona.
        relative_change: (accuracy - control accuracy) / control accuracy, from -1 (all is lost) over 0 up.
        abstention: how often the persona abstains, 0..1.
        silent_errors: the share of the persona's errors that are abstentions, 0..1; its unit is the error.
        gained: how many items the persona alone has right.
        dropped: how many items the control alone has right.
        p_loss: the one-sided exact McNemar p value, 0..1: how likely so many of the changed items are dropped, were
            each as likely to be gained. It decides.
        p_two_sided: the two-sided one, as the paper has it. It decides nothing: a persona may well do better.
        p_silence: the one-sided p value of the items dropped because the persona abstains, against those gained because
            the control does. It may tip the scale. None where it is not known of both which answers are abstentions.
        lost: the gate: True where ability was lost, False where no loss was found (which is not proof that there is
            none: see the low end of `relative_change`), None where the items cannot tell.
        by: what found the loss: `accuracy` (`p_loss` alone), or `silence` (both); '' where `lost` is not True.
        reason: why `lost` is None; '' where it is not.
    """

    accuracy: Estimate
    control_accuracy: Estimate
    relative_change: Estimate
    abstention: Estimate
    silent_errors: Estimate
    gained: int
    dropped: int
    p_loss: float
    p_two_sided: float
    p_silence: float | None
    lost: bool | None
    by: str
    reason: str


def competence(
    persona: ArrayLike,
    control: ArrayLike,
    *,
    abstained: ArrayLike | None = None,
    control_abstained: ArrayLike | None = None,
    level: float = 0.95,
    alpha: float = 0.05,
    at_least: int = ITEMS,
) -> Competence:
    """Hold a persona's answers to objective items against the same judge's answers without it.

    Args:
        persona: shape (n,): 1 where the answer is right, 0 where it is wrong, an abstention, empty or failed; NaN where
            the item was not judged at all. Items that are NaN in one of the two are left out.
        control: shape (n,): the same without the persona.
        abstained: shape (n,), bool: which of the persona's answers are abstentions, or empty. Without it the estimates
            of abstentions are unknown.
        control_abstained: the same of the control's; all False where it answers everything.
        level: of the intervals, 0..1.
        alpha: of the gate, 0..1.
        at_least: how many items the gate needs.

    Returns:
        See `Competence`. `lost` is what `found_by` says, under `at_least` items unknown. Give `control_abstained` where
        it is known: without it `p_loss` decides alone, and finds 30 % abstentions less surely where few anchors are
        right and persona and control err independently of each other, as two draws at a high temperature do.
        `relative_change` is unknown where the control is right nowhere.

    Raises:
        ValueError: if a shape differs, a value is none of 0, 1 and NaN, an abstention is called right or not judged,
            or an option is out of range.

    Sources: Gupta et al. 2024, arXiv:2311.04892 (relative change, McNemar, abstentions among errors); see `loss_p` and
        `ratio_limits`. The second test is ours: McNemar's on the changed items of which one side is an abstention.

    >>> control = [1] * 150 + [0] * 50
    >>> persona = [1] * 90 + [0] * 60 + [1] * 5 + [0] * 45
    >>> found = competence(persona, control)
    >>> str(found.relative_change), found.gained, found.dropped, found.lost
    ('-0.367 [-0.451, -0.284]  n=200, 0 left out', 5, 60, True)
    """
    with_it, without = _marks(persona, "persona"), _marks(control, "control")
    if with_it.shape != without.shape:
        raise ValueError(f"`persona` has shape {with_it.shape} and `control` {without.shape}; needed is one shape.")
    if not (0 < level < 1 and 0 < alpha < 1):
        raise ValueError(f"`level` is {level} and `alpha` {alpha}; needed are numbers above 0 and below 1.")
    if at_least < 1:
        raise ValueError(f"`at_least` is {at_least}; needed is 1 or more.")
    silent = _abstentions(abstained, with_it, "abstained")
    control_silent = _abstentions(control_abstained, without, "control_abstained")
    known = ~np.isnan(with_it) & ~np.isnan(without)
    right, its = with_it[known] == 1, without[known] == 1
    n, left_out = len(right), int(len(known) - known.sum())
    gained, dropped = int((right & ~its).sum()), int((its & ~right).sum())
    p_loss, p_silence = loss_p(gained, dropped), None
    if silent is not None and control_silent is not None:
        spoke, fell_silent = right & control_silent[known], its & silent[known]
        p_silence = loss_p(int(spoke.sum()), int(fell_silent.sum()))
    reason = ""
    if n < at_least:
        reason = f"{n} items were judged in both; the gate needs {at_least}"
    elif not its.any():
        reason = "the control is right nowhere: there is nothing to lose"
    by = "" if reason else found_by(p_loss, p_silence, alpha)
    return Competence(
        accuracy=_mean(right, left_out, level),
        control_accuracy=_mean(its, left_out, level),
        relative_change=_relative_change(right, its, left_out, level),
        abstention=_share(silent, known, known, "no item was judged in both", level),
        silent_errors=_share(silent, known & (with_it == 0), known, "the persona makes no error", level),
        gained=gained,
        dropped=dropped,
        p_loss=p_loss,
        p_two_sided=mcnemar(gained, dropped),
        p_silence=p_silence,
        lost=None if reason else bool(by),
        by=by,
        reason=reason,
    )


def loss_p(gained: int, dropped: int) -> float:
    """How likely at least so many of the changed items are dropped, were each as likely to be gained as dropped.

    Args:
        gained: how many items are right with, and wrong without.
        dropped: how many are wrong with, and right without.

    Returns:
        The exact one-sided p value, 0..1; 1 where nothing was dropped. Five dropped items and none gained are the
        fewest that come below .05.

    Raises:
        ValueError: if a count is negative.

    Source: McNemar 1947, doi:10.1007/BF02295996, one tail of the binomial distribution.

    >>> loss_p(0, 5), loss_p(5, 0), loss_p(1, 1)
    (0.03125, 1.0, 0.75)
    """
    both = mcnemar(gained, dropped)
    if dropped > gained:
        return both / 2
    # the tail on this side is all that the other side's, begun one item further out, leaves
    return 1.0 if dropped == 0 else 1.0 - mcnemar(gained + 1, dropped - 1) / 2


def found_by(p_loss: float, p_silence: float | None = None, alpha: float = 0.05) -> str:
    """What shows that ability was lost.

    Args:
        p_loss: one-sided, 0..1.
        p_silence: one-sided, 0..1; None where it is unknown.
        alpha: of the gate, 0..1.

    Returns:
        `accuracy` where `p_loss` <= alpha. Else `silence` where `p_loss` <= 2 alpha and `p_silence` <= alpha / 10: the
        weaker evidence is enough if abstentions explain it. Else ''. A persona that answers as the control does is
        flagged with 1.1 alpha at most. Any other that is as often right, such as one that abstains where it would err,
        is with 2 alpha at most.

    Source: ours. Where 30 % abstentions are planted in 144 answers of which 60 % would be right, independently of the
    control's, `accuracy` finds them 90 times in 100 (some 92 is the most for a test of accuracy at .05), both 95 times.

    >>> found_by(0.04), found_by(0.08, 0.0001), found_by(0.08), found_by(0.2, 0.0001)
    ('accuracy', 'silence', '', '')
    """
    if p_loss <= alpha:
        return "accuracy"
    explained = p_silence is not None and p_silence <= _SILENCE * alpha
    return "silence" if explained and p_loss <= _WEAKER * alpha else ""


def ratio_limits(
    both: ArrayLike, gained: ArrayLike, dropped: ArrayLike, n: ArrayLike, *, level: float = 0.95
) -> tuple[Floats, Floats]:
    """The ends of the score interval of one share divided by another over the same items, for many data sets at once.

    A ratio is inside where the difference `first - ratio * second` is not too far from 0 for the variance that it has
    in the likeliest table with that ratio. So it has a width where nothing changed, and keeps its level where little
    did; Fieller's does neither.

    Args:
        both: shape (...): how many items are right with and without.
        gained: same shape: right with alone.
        dropped: same shape: right without alone; `both + dropped` is above 0.
        n: same shape: how many items there are, at least the three together.
        level: of the interval, 0..1.

    Returns:
        Lower and upper ends of the ratio (both + gained) / (both + dropped), each of shape (...), 0 and more.

    Raises:
        ValueError: if a count is negative or `n` too small, or nothing is right without.

    Source: Tang, Tang and Chan 2003, doi:10.1002/sim.1458; Nam and Blackwelder 2002, doi:10.1002/sim.1052.

    >>> low, high = ratio_limits(59, 6, 16, 161)  # Cavo et al. 2012, as Fagerland et al. 2017 give it: .7476, .9876
    >>> round(float(low), 4), round(float(high), 4)
    (0.7476, 0.9876)
    """
    a, b, c, whole = np.broadcast_arrays(*(np.asarray(given, dtype=float) for given in (both, gained, dropped, n)))
    if np.any((a < 0) | (b < 0) | (c < 0) | (a + b + c > whole)):
        raise ValueError("A count is negative, or `n` is less than the three counts together.")
    if np.any(a + c == 0):
        raise ValueError("Nothing is right without: there is no ratio.")
    z = NormalDist().inv_cdf((1 + level) / 2)
    first, second, some = a + b, a + c, a + b + c

    def inside(ratio: Floats) -> Flags:
        """Whether the interval holds a ratio."""
        # the likeliest share of items that are right without alone: the larger root of a quadratic
        square, middle = whole * (1 + ratio), second * ratio**2 - (first + 2 * c)
        rest = c * (1 - ratio) * some / whole
        alone = (np.sqrt(np.maximum(0.0, middle**2 - 4 * square * rest)) - middle) / (2 * square)
        variance = np.maximum(0.0, whole * (1 + ratio) * alone + some * (ratio - 1))
        met: Flags = (first - ratio * second) ** 2 <= z * z * variance
        return met

    found = first / second
    beyond = found + 1
    while np.any(reached := inside(beyond)):
        beyond = np.where(reached, 2 * beyond, beyond)
    ends = []
    for far in (np.zeros_like(found), beyond):
        near = found
        for _ in range(50):
            half = (near + far) / 2
            met = inside(half)
            near, far = np.where(met, half, near), np.where(met, far, half)
        ends.append(near)
    return np.where(first == 0, 0.0, ends[0]), ends[1]


def _relative_change(right: Flags, its: Flags, left_out: int, level: float) -> Estimate:
    n, hits = len(right), int(its.sum())
    if n == 0 or hits == 0:
        reason = "no item was judged in both" if n == 0 else "the control is right nowhere"
        return Estimate.unknown(reason, n=n, left_out=left_out, level=level, method=RATIO)
    both, gained, dropped = int((right & its).sum()), int((right & ~its).sum()), int((its & ~right).sum())
    ratio = (both + gained) / hits
    ends = None
    if n > 1:
        low, high = ratio_limits(both, gained, dropped, n, level=level)
        ends = min(ratio, float(low)) - 1, max(ratio, float(high)) - 1
    squares = both * (1 - ratio) ** 2 + gained + dropped * ratio**2
    # where nothing changed, or all is lost, the items do not tell how they differ
    error = sqrt(squares * n / (n - 1)) / hits if n > 1 and squares > 0 else None
    reason = "" if error is not None else why_no_error(n)
    low_end, high_end = ends or (None, None)
    return Estimate(ratio - 1, error, low_end, high_end, level, RATIO, n, left_out, reason)


def _share(silent: Flags | None, among: Flags, known: Flags, none: str, level: float) -> Estimate:
    """The share of abstentions among some of the items; `left_out` are those that were not judged in both."""
    n, left_out = int(among.sum()), int(len(known) - known.sum())
    if silent is None or n == 0:
        reason = "it is not given which answers are abstentions" if silent is None else none
        return Estimate.unknown(reason, n=n, left_out=left_out, level=level)
    return _mean(silent[among], left_out, level)


def _mean(flags: Flags, left_out: int, level: float) -> Estimate:
    # sorted, so that the order of the items does not reach the last digit; what was left out is NaN
    return bounded_mean(np.concatenate([np.sort(flags.astype(float)), np.full(left_out, np.nan)]), level=level)


def _marks(values: ArrayLike, name: str) -> Floats:
    given = np.asarray(values, dtype=float)
    if given.ndim != 1:
        raise ValueError(f"`{name}` has shape {given.shape}; needed is (n,).")
    if not np.all((given == 0) | (given == 1) | np.isnan(given)):
        raise ValueError(f"`{name}` holds numbers other than 0 and 1; where an item was not judged, it is NaN.")
    return given


def _abstentions(values: ArrayLike | None, marks: Floats, name: str) -> Flags | None:
    if values is None:
        return None
    given = np.asarray(values)
    if given.shape != marks.shape or (given.dtype != np.bool_ and given.size):
        raise ValueError(f"`{name}` has shape {given.shape} and type {given.dtype}; needed are {marks.shape} and bool.")
    given = given.astype(np.bool_)
    # left out as NaN, abstentions would make the persona look able
    if np.any(given & (marks != 0)):
        raise ValueError(f"`{name}` marks an answer that is right or was not judged; an abstention counts as 0.")
    return given

"""How sure is a mean of contrasts of which, as values are missing, only two ends are known?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .estimate import Estimate
from .intervals import bounded_mean, clustered_mean, student_t_quantile, student_t_tail
from .paired import mcnemar

Floats = NDArray[np.float64]

POWER = 0.8
FEW = 12
"""With fewer items than this that have a contrast, Student's t may find one in 12 % of data sets that have none."""

BOUNDED = "Imbens and Manski's interval over items, whatever the missing verdicts were"
_CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class MeanContrast:
    """A mean of contrasts over items, with what a test against 0 needs.

    Attributes:
        estimate: by Student's t; by a score interval where `few`.
        few: fewer than `FEW` items have a contrast other than 0 and as many have none, or all items are alike. The
            mean is not normal then, whatever the number of items.
        p_sign: of the exact two-sided sign test over items, 0..1.
    """

    estimate: Estimate
    few: bool
    p_sign: float

    @property
    def error(self) -> float | None:
        """The standard error where Student's t may be used."""
        return None if self.few else self.estimate.standard_error


def mean_contrast(contrasts: ArrayLike, *, most: float, level: float = 0.95) -> MeanContrast:
    """The mean of contrasts, with an interval over items that holds where hardly any item has a contrast, too.

    Args:
        contrasts: shape (n_items, n_per_item): from -most to most, NaN where there is none.
        most: the largest that a contrast can be, above 0.
        level: of the interval, 0..1.

    Returns:
        See `MeanContrast`; the interval stays between -most and most.

    Raises:
        ValueError: if the shape is another, or a value is infinite.

    Sources: `intervals.clustered_mean`, `intervals.bounded_mean`; the sign test: `paired.mcnemar`.

    >>> found = mean_contrast([[0.5, 0.5]] * 4, most=0.5)
    >>> str(found.estimate), found.few, found.p_sign
    ('0.500 [0.010, 0.500] (all items are alike: standard error unknown)  n=4, 0 left out', True, 0.125)
    """
    given = np.asarray(contrasts, dtype=float)
    found = clustered_mean(given, level=level)
    sums = np.where(np.isnan(given), 0.0, given).sum(axis=1)
    up, down = int((sums > 1e-12 * most).sum()), int((sums < -1e-12 * most).sum())
    few = found.n > 1 and (found.standard_error is None or up + down < FEW <= found.n - up - down)
    if few:
        found = bounded_mean(given, low=-most, high=most, level=level)
    elif found.low is not None and found.high is not None:
        found = replace(found, low=max(-most, found.low), high=min(most, found.high))
    return MeanContrast(found, few, mcnemar(up, down))


@dataclass(frozen=True, slots=True)
class Between:
    """An effect that lies between two means over the same items; without missing values they are the same.

    Attributes:
        low: the mean with each missing value such that the effect is least.
        high: the mean with each such that it is greatest.
        most: the largest effect there can be.
    """

    low: MeanContrast
    high: MeanContrast
    most: float

    @property
    def ends(self) -> tuple[float, float] | None:
        """The least and the greatest effect; None where there is no item."""
        lowest, highest = self.low.estimate.estimate, self.high.estimate.estimate
        return None if lowest is None or highest is None else (lowest, highest)

    @property
    def error(self) -> float | None:
        """The error of the end that is less sure; None where Student's t may not be used."""
        return None if self.low.error is None or self.high.error is None else max(self.low.error, self.high.error)

    def p_value(self) -> float | None:
        """The level at which the interval for the effect just leaves out 0, two-sided; None with fewer than two items.

        Where the ends are one, it is the t test. Where they lie far apart, only one of them can leave out 0, and it is
        that one's one-sided p value. Where `few` items have a contrast, the exact sign test has to agree.

        Source: Imbens and Manski 2004, doi:10.1111/j.1468-0262.2004.00555.x, inverted, with Student's t.
        """
        if self.ends is None or self.low.estimate.n < 2:
            return None
        lowest, highest = self.ends
        errors = self.low.estimate.standard_error, self.high.estimate.standard_error
        if errors[0] is None or errors[1] is None:  # all items are alike: only the sign test is left
            return self.low.p_sign if lowest > 0 else self.high.p_sign if highest < 0 else 1.0
        above, below, df = lowest / errors[0], -highest / errors[1], self.low.estimate.n - 1
        t, nearer = (above, self.low) if above >= below else (below, self.high)
        gap = (highest - lowest) / max(errors[0], errors[1])
        p = min(1.0, student_t_tail(t, df) + student_t_tail(t + gap, df))
        return max(p, nearer.p_sign) if nearer.few else p

    def interval(self, level: float) -> Estimate:
        """The middle of the ends, with an interval that holds the effect (not both ends) at the level.

        Sources: Imbens and Manski 2004. It holds uniformly, as ends over missing values are ordered: Stoye 2009,
            doi:10.3982/ECTA7347, lemma 3.
        """
        if self.ends is None:
            return Estimate.unknown("no item was given", level=level, method=BOUNDED)
        middle, n = sum(self.ends) / 2, self.low.estimate.n
        if n < 2:
            return Estimate(middle, None, None, None, level, BOUNDED, n, 0, self.low.estimate.reason)
        reason = "" if self.error is not None else "hardly any item has a contrast: standard error unknown"
        low, high = self.reach(level)
        return Estimate(middle, self.error, low, high, level, BOUNDED, n, 0, reason)

    def reach(self, level: float, *, one_sided: bool = False) -> tuple[float, float] | tuple[None, None]:
        """The ends of the interval; with `one_sided`, each holds at (1 + level) / 2 by itself.

        Where Student's t may not be used they are those of the means, at their own level; None where that is lower.
        """
        if self.ends is None or self.low.estimate.n < 2:
            return None, None
        df = self.low.estimate.n - 1
        if self.low.error is None or self.high.error is None or self.error is None:
            lowest, highest = self.low.estimate, self.high.estimate
            if lowest.low is None or highest.high is None or lowest.level < level:
                return None, None
            return lowest.low, highest.high
        gap = (self.ends[1] - self.ends[0]) / self.error
        many = student_t_quantile((1 + level) / 2, df) if one_sided else critical_value(gap, df, level=level)
        ends = self.ends[0] - many * self.low.error, self.ends[1] + many * self.high.error
        return max(-self.most, ends[0]), min(self.most, ends[1])

    def smallest(self, alpha: float) -> float | None:
        """The effect that a test at alpha finds with power .8, if as many values are missing, and by chance.

        What is missing takes its share off the effect that is seen, and half of what lies between the ends off that.
        None where it is unknown, or even the largest effect would not be found.

        Source: Bloom 1995, doi:10.1177/0193841X9501900504, for ends that are one.
        """
        if self.error is None or self.ends is None:
            return None
        df, gap = self.low.estimate.n - 1, self.ends[1] - self.ends[0]
        many = critical_value(gap / self.error, df, level=1 - alpha) + student_t_quantile(POWER, df)
        needed, there = many * self.error + gap / 2, 1 - gap / (2 * self.most)
        return needed / there if needed <= there * self.most else None


def critical_value(gap: float, df: int, *, level: float = 0.95) -> float:
    """How many standard errors an interval reaches beyond two ends to hold what lies between them.

    Args:
        gap: how many standard errors the ends lie apart, 0 or more.
        df: degrees of freedom, 1 or more.
        level: of the interval, 0..1.

    Returns:
        From the two-sided quantile, where the ends are one, down to the one-sided, where they lie far apart.

    Source: Imbens and Manski 2004, doi:10.1111/j.1468-0262.2004.00555.x, with Student's t for the normal.

    >>> [round(critical_value(gap, 299), 3) for gap in (0, 1, 100)]
    [1.968, 1.688, 1.65]
    """
    far = student_t_quantile((1 + level) / 2, df)
    if gap == 0:
        return far
    near = student_t_quantile(level, df)
    if student_t_tail(near + gap, df) < 1e-9:
        return near
    over, under = (student_t_tail(t, df) + student_t_tail(t + gap, df) - (1 - level) for t in (near, far))
    kept = 0
    while far - near > _CLOSE and over > 0 > under:  # false position, the Illinois variant: some six steps
        middle = (near * under - far * over) / (under - over)
        beyond = student_t_tail(middle, df) + student_t_tail(middle + gap, df) - (1 - level)
        if abs(beyond) < _CLOSE:
            return middle
        if beyond > 0:
            near, over, under, kept = middle, beyond, under / 2 if kept > 0 else under, 1
        else:
            far, under, over, kept = middle, beyond, over / 2 if kept < 0 else over, -1
    return far

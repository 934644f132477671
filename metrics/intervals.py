"""How far may the truth lie from a mean over clusters? Student's quantile, the clustered mean, and a score interval."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import exp, inf, lgamma, log, log1p, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .estimate import Estimate

Floats = NDArray[np.float64]

SCORE = "score interval over items"
STUDENT = "Student's t over items"
_TINY = 1e-13


@lru_cache(maxsize=4096)
def student_t_quantile(probability: float, df: float) -> float:
    """The value that a Student-t variable stays below with the given probability.

    Args:
        probability: above 0 and below 1.
        df: degrees of freedom, above 0.

    Returns:
        From minus to plus infinity, 0 at one half; the normal quantile as `df` grows.

    Raises:
        ValueError: if an argument is out of range.

    Source: the distribution through the regularised incomplete beta function, by its continued fraction (Press et al.,
    Numerical Recipes, 6.4), inverted by bisection.

    >>> round(student_t_quantile(0.975, 29), 4)
    2.0452
    """
    if not 0 < probability < 1 or not df > 0:
        raise ValueError(f"`probability` is {probability} and `df` {df}; needed are 0 < probability < 1 and df > 0.")
    if probability == 0.5:
        return 0.0
    tail, low, high = min(probability, 1 - probability), 0.0, 1.0
    while student_t_tail(high, df) > tail:
        low, high = high, 2 * high
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if student_t_tail(middle, df) > tail else (low, middle)
    return high if probability > 0.5 else -high


def student_t_tail(t: float, df: float) -> float:
    """How likely a Student-t variable lies above a value.

    Args:
        t: any number.
        df: degrees of freedom, above 0.

    Returns:
        From 1 (far below) over one half at 0 to 0.

    Raises:
        ValueError: if `df` is not above 0.

    Source: as for `student_t_quantile`.

    >>> round(student_t_tail(2.0452, 29), 4), round(student_t_tail(-2.0452, 29), 4)
    (0.025, 0.975)
    """
    if not df > 0:
        raise ValueError(f"`df` is {df}; needed are degrees of freedom above 0.")
    beyond = 0.5 * _incomplete_beta(df / (df + t * t), df / 2, 0.5)
    return beyond if t >= 0 else 1 - beyond


class Basis(NamedTuple):
    """What an estimate rests on and how it is made: all that the estimates of one table have in common.

    Attributes:
        n: how many units of sampling.
        left_out: how many units were given and could not be used.
        level: of the interval, 0..1.
        method: how error and interval are made, in words.
    """

    n: int
    left_out: int
    level: float
    method: str

    def unknown(self, why: str) -> Estimate:
        """An estimate that cannot be made, and why."""
        return self.bare(None, why)

    def bare(self, value: float | None, why: str) -> Estimate:
        """A number whose error and interval are unknown, and why."""
        return Estimate(value, None, None, None, self.level, self.method, self.n, self.left_out, why)

    def student(
        self,
        value: float,
        error: float | None,
        why: str,
        *,
        df: float | None = None,
        low: float = -inf,
        high: float = inf,
    ) -> Estimate:
        """A number with Student's interval, from its standard error.

        Args:
            value: the number.
            error: above 0; None where it is unknown, and with it the interval.
            why: the reason where it is.
            df: degrees of freedom, above 0; None for n - 1.
            low: the least that the number can be, at which the interval is cut.
            high: the most that it can be.

        >>> str(Basis(10, 0, 0.95, STUDENT).student(0.5, 0.25, "", high=1.0))
        '0.500 [-0.066, 1.000]  n=10, 0 left out'
        """
        if error is None:
            return self.bare(value, why)
        reach = student_t_quantile((1 + self.level) / 2, self.n - 1 if df is None else df) * error
        ends = max(low, value - reach), min(high, value + reach)
        return Estimate(value, error, *ends, self.level, self.method, self.n, self.left_out)

    def percentiles(self, value: float, drawn: Floats) -> Estimate:
        """A number with the error and interval of its resamples, shape (resamples,), NaN where one is unknown.

        >>> str(Basis(10, 0, 0.5, "percentile bootstrap").percentiles(0.5, np.array([0.2, 0.4, 0.6, 0.8])))
        '0.500 [0.350, 0.650]  n=10, 0 left out'
        """
        if empty := int(np.isnan(drawn).sum()):
            return self.bare(value, f"unknown in {empty:,} of {len(drawn):,} resamples")
        low, high = np.quantile(drawn, [(1 - self.level) / 2, (1 + self.level) / 2])
        ends = float(drawn.std(ddof=1)), float(low), float(high)
        return Estimate(value, *ends, self.level, self.method, self.n, self.left_out)


def student_p_value(found: Estimate) -> float | None:
    """How likely a number lies as far from 0 as this one, or further, were the truth 0.

    Args:
        found: an estimate that has n - 1 degrees of freedom.

    Returns:
        The two-sided p value, 0..1; None where the estimate or its error is unknown.

    >>> round(student_p_value(Basis(10, 0, 0.95, STUDENT).student(0.5, 0.25, "")), 4)
    0.0766
    """
    if found.estimate is None or found.standard_error is None:
        return None
    return min(1.0, 2 * student_t_tail(abs(found.estimate) / found.standard_error, found.n - 1))


def _incomplete_beta(x: float, a: float, b: float) -> float:
    if x in (0.0, 1.0):
        return x
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _continued_fraction(x, a, b) / a
    return 1 - front * _continued_fraction(1 - x, b, a) / b


def _continued_fraction(x: float, a: float, b: float) -> float:
    """Lentz's method; it needs some sqrt(max(a, b)) steps."""
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / (1 + term * d)
            c = 1 + term / c
            value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value


def clustered_mean(values: ArrayLike, *, level: float = 0.95) -> Estimate:
    """The mean of values that may be anything, such as contrasts, with an interval over clusters.

    Args:
        values: shape (n_items, n_per_item), or (n_items,): any finite numbers, NaN where there is none.
        level: of the interval, 0..1.

    Returns:
        The mean over values (each weighs the same), in their unit. The item, a row, is the unit of sampling, as its
        values depend on each other; items without a value are `left_out`. Under two items the interval is unknown;
        where all items are alike, error and interval are unknown too, as nothing is known then of how items differ.

    Raises:
        ValueError: if the shape is none of the two, or a value is infinite.

    Source: Miller 2024, arXiv:2411.00640 (clustered standard errors), as a ratio of sums; Student's t, items - 1 df.

    >>> str(clustered_mean([[1.0, 0.5], [0.0, 0.0], [0.5, 1.0], [0.0, np.nan]]))
    '0.429 [-0.265, 1.122]  n=4, 0 left out'
    """
    sums, sizes, left_out = _by_item(values, -np.inf, np.inf)
    n = len(sums)
    if n == 0:
        return Estimate.unknown("no item has a value", left_out=left_out, level=level, method=STUDENT)
    mean = float(sums.sum() / sizes.sum())
    return Basis(n, left_out, level, STUDENT).student(mean, standard_error(sums, sizes), why_no_error(n))


def bounded_mean(values: ArrayLike, *, low: float = 0.0, high: float = 1.0, level: float = 0.95) -> Estimate:
    """The mean of values that lie between two ends, such as shares, with an interval that stays between them.

    Args:
        values: shape (n_items, n_per_item), or (n_items,): numbers from `low` to `high`, NaN where there is none.
        low: the least that a value can be.
        high: the most that a value can be.
        level: of the interval, 0..1.

    Returns:
        The mean over values (each weighs the same), from `low` to `high`. The item, a row, is the unit of sampling, as
        its values depend on each other; items without a value are `left_out`. Under two items the interval is unknown.
        Where all items are alike the interval has a width all the same; the standard error is then unknown.

    Raises:
        ValueError: if the shape is none of the two, or a value lies outside `low`..`high`.

    Source: see `score_limits`.

    >>> str(bounded_mean([[1, 1], [1, 1], [1, 1], [1, 1], [1, 1]]))
    '1.000 [0.566, 1.000] (all items are alike: standard error unknown)  n=5, 0 left out'
    """
    sums, sizes, left_out = _by_item(values, low, high)
    n = len(sums)
    if n == 0:
        return Estimate.unknown("no item has a value", left_out=left_out, level=level, method=SCORE)
    mean = min(high, max(low, float(sums.sum() / sizes.sum())))
    error = standard_error(sums, sizes)
    reason = "" if error is not None else why_no_error(n)
    if n < 2:
        return Estimate(mean, None, None, None, level, SCORE, n, left_out, reason)
    pairs, counts = np.unique(sums + 1j * sizes, return_counts=True)  # as complex numbers: rows sort far slower
    lower, upper = score_limits(pairs.real, pairs.imag, counts, low=low, high=high, level=level)
    return Estimate(mean, error, min(mean, float(lower)), max(mean, float(upper)), level, SCORE, n, left_out, reason)


def standard_error(sums: Floats, sizes: Floats) -> float | None:
    """The clustered standard error of a mean, sum(sums) / sum(sizes); None where the items do not tell it.

    >>> round(standard_error(np.array([2.0, 1.0, 0.0]), np.array([2.0, 2.0, 2.0])), 4)
    0.2887
    """
    n = len(sums)
    if n < 2:
        return None
    lean = sums - sizes * (sums.sum() / sizes.sum())
    squares = float((lean * lean).sum())
    if squares <= n * (_TINY * max(1.0, float(np.abs(sums).max()))) ** 2:
        return None
    return sqrt(squares * n / (n - 1)) / float(sizes.sum())


def score_limits(
    sums: ArrayLike, sizes: ArrayLike, counts: ArrayLike, *, low: float = 0.0, high: float = 1.0, level: float = 0.95
) -> tuple[Floats, Floats]:
    """The ends of the score interval of a mean over clusters, for many data sets at once.

    A value `m` is inside where the distance of the mean from it is not too large for the variance that items have under
    the likeliest distribution with mean `m`. That distribution may also hold items never seen, all at `low` or all at
    `high`, which is what keeps the interval honest where all that was seen is alike. With one 0 or 1 per item it is
    Wilson's interval. The variance at `m` holds the squared distance, which does the work of Student's t: for 20 items
    far from the ends the reach is 2.12 standard errors (t: 2.09).

    Args:
        sums: shape (..., n_kinds): of each kind of item the sum of its values.
        sizes: same shape, or one that broadcasts: how many values it has.
        counts: same shape, or one that broadcasts: how many items of the kind there are, 0 for none.
        low: the least that a value can be.
        high: the most that a value can be.
        level: of the interval, 0..1.

    Returns:
        Lower and upper ends, each of shape (...), between `low` and `high`.

    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953; the restricted distribution is Owen's 1988 empirical
    likelihood, doi:10.1093/biomet/75.2.237, with the two ends added to its support.

    >>> lower, upper = score_limits([0, 1], [1, 1], [2, 8])  # Wilson's interval for 8 of 10
    >>> round(float(lower), 4), round(float(upper), 4)
    (0.4902, 0.9433)
    """
    s, m, c = np.broadcast_arrays(*(np.asarray(given, dtype=float) for given in (sums, sizes, counts)))
    n = c.sum(axis=-1)
    mean = (c * s).sum(axis=-1) / (c * m).sum(axis=-1)
    largest = np.where(c > 0, m, 0).max(axis=-1)
    z = NormalDist().inv_cdf((1 + level) / 2)
    margin = 1e-9 * (high - low)  # nearer to an end the variance drowns in rounding

    def beyond(at: Floats) -> Floats:
        """How far the mean is beyond what `at` allows: 0 at an end of the interval, below 0 within."""
        lean = s - m * at[..., None]
        variance = _restricted_variance(lean, c / n[..., None], largest * (low - at), largest * (high - at))
        reach: Floats = np.abs((c * lean).sum(axis=-1)) - z * np.sqrt(n * variance)
        return reach

    bounds = np.array([low + margin, high - margin]).reshape(2, *[1] * np.ndim(mean))
    near = np.broadcast_to(np.clip(mean, bounds[0], bounds[1]), (2, *np.shape(mean)))
    ends = _root(beyond, near, np.broadcast_to(bounds, near.shape), within=1e-10 * (high - low))
    at_bound = np.abs(ends - bounds) <= margin
    lower, upper = np.where(at_bound, np.array([low, high]).reshape(bounds.shape), ends)
    return lower, upper


def _root(rising: Callable[[Floats], Floats], near: Floats, far: Floats, *, within: float) -> Floats:
    """Where functions pass 0 between `near`, where they are below it, and `far`; `far` where they are below it there.

    Source: Chandrupatla 1997, doi:10.1016/S0965-9978(96)00051-8.
    """
    a, b, f_b = near, far, rising(far)
    f_a = np.minimum(rising(near), -1e-300)  # 0 where all that was seen is alike: the mean is no end of its interval
    done = f_b <= 0
    a = np.where(done, b, a)
    share = np.full_like(f_b, 0.5)
    for _ in range(100):
        at = a + share * (b - a)
        f_at = rising(at)
        same = (f_at > 0) == (f_a > 0)
        c, f_c = np.where(same, a, b), np.where(same, f_a, f_b)
        moved_b, moved_f_b = np.where(same, b, a), np.where(same, f_b, f_a)
        a, f_a = np.where(done, a, at), np.where(done, f_a, f_at)
        b, f_b = np.where(done, b, moved_b), np.where(done, f_b, moved_f_b)
        with np.errstate(all="ignore"):
            least = within / np.abs(b - a)
            done = done | ~(least < 0.5)
            if done.all():
                break
            xi, phi = (a - b) / (c - b), (f_a - f_b) / (f_c - f_b)
            curved = f_a / (f_b - f_a) * f_c / (f_b - f_c)
            curved += (c - a) / (b - a) * f_a / (f_c - f_a) * f_b / (f_c - f_b)
        fit = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi) & np.isfinite(curved)
        share = np.clip(np.where(fit, curved, 0.5), np.minimum(least, 0.5), np.maximum(1 - least, 0.5))
    return a


def _restricted_variance(lean: Floats, weights: Floats, low: Floats, high: Floats) -> Floats:
    """The second moment under the likeliest distribution on what was seen, `low` and `high`, whose mean is 0.

    The likeliest weights are weights / (1 + pull * lean), Newton's method finds the pull. Where it would have to go
    beyond the bound at which an end that was never seen gets weight, that end gets what is left.
    """
    left, right = -1 / high, -1 / low
    at_left, at_right = (_slope(lean, weights, bound)[0] for bound in (left, right))
    right = np.where(at_left <= 0, left, right)
    left = np.where(at_right >= 0, right, left)
    near_enough = 1e-12 * (1 / np.abs(low) + 1 / np.abs(high))
    pull = np.clip(np.zeros_like(low), left, right)
    for _ in range(100):
        slope, curve = _slope(lean, weights, pull)
        left, right = np.where(slope > 0, pull, left), np.where(slope > 0, right, pull)
        step = slope / np.maximum(curve, 1e-300)
        settled, newton = np.abs(step) <= near_enough, pull + step
        moved = np.where((newton > left) & (newton < right), newton, (left + right) / 2)
        moved = np.where(settled, pull, moved)
        done = bool(np.all(np.abs(moved - pull) <= near_enough))
        pull = moved
        if done:
            break
    shares = weights / np.maximum(1 + pull[..., None] * lean, _TINY)
    rest = np.maximum(0, 1 - shares.sum(axis=-1))
    end = np.where(pull < 0, high, low)
    variance: Floats = (shares * lean * lean).sum(axis=-1) + rest * end * end
    return variance


def _slope(lean: Floats, weights: Floats, pull: Floats) -> tuple[Floats, Floats]:
    share = np.maximum(1 + pull[..., None] * lean, _TINY)
    tilted = weights * lean / share
    return tilted.sum(axis=-1), (tilted * lean / share).sum(axis=-1)


def _by_item(values: ArrayLike, low: float, high: float) -> tuple[Floats, Floats, int]:
    """Sum and number of values of each item that has one, and how many items have none."""
    given = np.asarray(values, dtype=float)
    if given.ndim == 1:
        given = given[:, None]
    if given.ndim != 2:
        raise ValueError(f"`values` has shape {given.shape}; needed is (n_items, n_per_item) or (n_items,).")
    known = ~np.isnan(given)
    if np.any(np.isinf(given)) or np.any((given < low) | (given > high)):
        raise ValueError(f"the values hold numbers outside {low:g}..{high:g}; where there is none, it is NaN.")
    sizes = known.sum(axis=1).astype(float)
    sums = np.where(known, given, 0.0).sum(axis=1)
    kept = sizes > 0
    return sums[kept], sizes[kept], int(len(given) - kept.sum())


def why_no_error(n: int) -> str:
    """Why n items do not tell the standard error of a mean whose interval may be known all the same."""
    return one_or_alike(n, "item") + ("" if n < 2 else ": standard error unknown")


def one_or_alike(n: int, unit: str) -> str:
    """Why n units of sampling do not tell how units differ.

    >>> one_or_alike(1, "prompt"), one_or_alike(5, "prompt")
    ('one prompt tells nothing of how prompts differ', 'all prompts are alike')
    """
    return f"one {unit} tells nothing of how {unit}s differ" if n < 2 else f"all {unit}s are alike"

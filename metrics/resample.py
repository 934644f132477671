"""How far would a mean, a difference or a ratio move had other items been drawn? The nonparametric bootstrap, at speed.

The law is that of the ordinary bootstrap, without approximation: as many units are drawn as there are, each with the
same chance every time, and the statistic is made anew. Only the road to it is short:

- Where few kinds of units are distinct (verdicts are 0, 1/2 or 1), how many of each kind are drawn is multinomial. One
  draw per kind takes the place of one per unit.
- Else the units are cut into blocks whose sizes are powers of two, up to 65,536. How many draws go to each block is
  multinomial, and within a block sixteen (or eight) random bits are a place: no draw is thrown away, and what is looked
  up fits into a processor's second-level cache.

Memory is bounded by pieces of a fixed size, whatever the number of units and of resamples.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .estimate import Estimate

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

Interval = Literal["percentile", "bca"]

RESAMPLES = 10_000
_BITS = 16
_PIECE = 1 << 18  # draws at a time: about 6 MiB of places and values
_UNITS_PER_KIND = 16  # a multinomial draw of a kind costs about as much as looking up that many units


class _Units(NamedTuple):
    """What is drawn: of each unit a numerator and a denominator; and how many units have nothing to give."""

    numerators: Floats
    denominators: Floats
    left_out: int


def bootstrap_mean(
    values: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
    interval: Interval = "percentile",
) -> Estimate:
    """The mean of values that may be anything, with a bootstrap interval over items or over clusters of items.

    Args:
        values: shape (n_items, n_per_item), or (n_items,): finite numbers, NaN where there is none.
        clusters: shape (n_items,): labels; items with the same one are drawn together, such as perturbed copies of one
            text. None: each item is its own cluster.
        resamples: how many times the units are drawn anew, 2 or more.
        seed: of the draws. The order of the items does not matter to them.
        level: of the interval, 0..1.
        interval: `percentile`, or `bca`, which moves its ends for the bias and the skewness of the resamples.

    Returns:
        The mean over values (each weighs the same), in their unit. The item, a row, is the unit of sampling; with
        `clusters`, the cluster is. Units without a value are `left_out`. The interval is the percentile interval, or
        BCa; the standard error is the resamples' standard deviation. Under two units, and where all are alike, both are
        unknown.

    Raises:
        ValueError: if a shape is not as above, a value is infinite, or an option is out of range.

    Source: Efron 1979, doi:10.1214/aos/1176344552; drawing whole clusters: Davison and Hinkley 1997, section 3.8; BCa:
        Efron 1987, doi:10.1080/01621459.1987.10478410.

    >>> str(bootstrap_mean([1, 1, 0, 0.5, 1, 0, 1, np.nan]))
    '0.643 [0.286, 0.929]  n=7, 1 left out'
    """
    given = _matrix(values, "values")
    return _bootstrap(_units(given, np.ones_like(given), clusters), resamples, seed, level, interval)


def bootstrap_difference(
    first: ArrayLike,
    second: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    """The mean of one measurement less that of another on the same items, with a bootstrap interval.

    Args:
        first: shape (n_items, n_per_item), or (n_items,): finite numbers, NaN where there is none.
        second: the same shape; a cell is compared with the one in its place, and used where both have a value.
        clusters: as for `bootstrap_mean`.
        resamples: as for `bootstrap_mean`.
        seed: as for `bootstrap_mean`.
        level: of the interval, 0..1.

    Returns:
        The mean of `first` less `second`, in their unit: above 0 where the first is larger. An item keeps both its
        measurements in every resample, so what they share cancels. The item, a row, is the unit of sampling; with
        `clusters`, the cluster is. Units without a whole pair are `left_out`. Under two units the interval is unknown.

    Raises:
        ValueError: if the shapes differ or are not as above, or another argument is out of range.

    Source: see `bootstrap_mean`.

    >>> str(bootstrap_difference([1, 1, 0, 1, 0.5, 1], [0, 1, 0, 0.5, 0.5, np.nan]))
    '0.300 [0.000, 0.700]  n=5, 1 left out'
    """
    one, other = _alike(first, second, "first", "second")
    return bootstrap_mean(one - other, clusters=clusters, resamples=resamples, seed=seed, level=level)


def bootstrap_ratio(
    numerators: ArrayLike,
    denominators: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    """A sum over items divided by another sum over the same items, with a bootstrap interval.

    Args:
        numerators: shape (n_items, n_per_item), or (n_items,): finite numbers, NaN where there is none.
        denominators: the same shape: numbers of 0 or more; a cell counts where both have a value.
        clusters: as for `bootstrap_mean`.
        resamples: as for `bootstrap_mean`.
        seed: as for `bootstrap_mean`.
        level: of the interval, 0..1.

    Returns:
        Sum over sum (not the mean of ratios), in the unit of the one per unit of the other, such as dollars a verdict.
        The item, a row, is the unit of sampling; with `clusters`, the cluster is. Units without a whole pair are
        `left_out`. Unknown where the denominators add up to 0; error and interval are unknown where they do so in a
        resample, under two units, and where all units are alike.

    Raises:
        ValueError: if the shapes differ or are not as above, a denominator is negative, or another argument is out of
            range.

    Source: see `bootstrap_mean`.

    >>> str(bootstrap_ratio([3, 1, 4, 1, np.nan], [2, 2, 2, 1, 1]))
    '1.286 [0.667, 1.857]  n=4, 1 left out'
    """
    above, below = _alike(numerators, denominators, "numerators", "denominators")
    if np.any(below < 0):
        raise ValueError("`denominators` holds numbers under 0; needed are numbers of 0 or more.")
    return _bootstrap(_units(above, below, clusters), resamples, seed, level)


def _bootstrap(units: _Units, resamples: int, seed: int, level: float, interval: Interval = "percentile") -> Estimate:
    if resamples < 2 or not 0 < level < 1:
        raise ValueError(f"`resamples` is {resamples} and `level` {level}; needed are 2 or more, and 0 < level < 1.")
    if interval not in ("percentile", "bca"):
        raise ValueError(f"`interval` is {interval!r}; needed is 'percentile' or 'bca'.")
    above, below, left_out = units
    name = "BCa" if interval == "bca" else interval
    n, method = len(above), f"{name} bootstrap, {resamples:,} resamples, seed {seed}"
    if n == 0:
        return Estimate.unknown("no item has a value", left_out=left_out, level=level, method=method)
    if below.sum() == 0:
        return Estimate.unknown("the denominators add up to 0", n=n, left_out=left_out, level=level, method=method)
    value = float(above.sum() / below.sum())
    reason = ""
    if n < 2:
        reason = "one unit tells nothing of how units differ"
    elif np.allclose(above, value * below, rtol=1e-12, atol=1e-300):
        reason = "all units are alike: error and interval unknown"
    if reason:
        return Estimate(value, None, None, None, level, method, n, left_out, reason)
    tops, bottoms = _drawn(above, below, resamples, np.random.Generator(np.random.PCG64DXSM(seed)))
    empty = int((bottoms == 0).sum())
    if empty:
        reason = f"the denominators add up to 0 in {empty:,} of {resamples:,} resamples"
        return Estimate(value, None, None, None, level, method, n, left_out, reason)
    found = tops / bottoms
    ends = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(found, _moved(ends, found, value, above, below) if interval == "bca" else ends)
    return Estimate(value, float(found.std(ddof=1)), float(low), float(high), level, method, n, left_out)


def _moved(ends: list[float], found: Floats, value: float, above: Floats, below: Floats) -> list[float]:
    """Where BCa reads the resamples' quantiles, in the place of `ends`."""
    normal, near = (
        NormalDist(),
        1e-12 * max(1.0, abs(value)),
    )  # a resample is often the estimate itself, but for rounding
    under = float((found < value - near).mean() + (np.abs(found - value) <= near).mean() / 2)
    half = 0.5 / len(found)
    bias = normal.inv_cdf(min(1 - half, max(half, under)))
    rest = below.sum() - below
    if np.any(rest <= 0):  # without one unit nothing is left to divide by
        skew = 0.0
    else:
        lean = (above.sum() - above) / rest
        lean = lean.mean() - lean
        skew = float((lean**3).sum() / (6 * (lean**2).sum() ** 1.5))
    scores = [bias + normal.inv_cdf(end) for end in ends]
    moved = [bias + score / (1 - skew * score) if skew * score < 1 else normal.inv_cdf(1 - half) for score in scores]
    return [normal.cdf(score) for score in moved]


def _drawn(above: Floats, below: Floats, resamples: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """The sums of both columns in each resample, each of shape (resamples,)."""
    rows, counts = np.unique(np.stack([above, below], axis=1), axis=0, return_counts=True)
    if len(rows) * _UNITS_PER_KIND <= len(above):
        return _drawn_by_kind(rows, counts, resamples, rng)
    order = np.lexsort((below, above))  # the same draws for the same units in any order
    alike = bool(np.all(below == below[0]))
    columns = above[order][None] if alike else np.stack([above[order], below[order]])
    sums = _drawn_by_place(columns, resamples, rng)
    return sums[0], np.full(resamples, below[0] * len(below)) if alike else sums[1]


def _drawn_by_kind(rows: Floats, counts: Counts, resamples: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    sums = np.empty((resamples, 2))
    n, step = int(counts.sum()), max(1, _PIECE // len(rows))
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        sums[start : start + size] = rng.multinomial(n, counts / n, size=size) @ rows
    return sums[:, 0], sums[:, 1]


def _drawn_by_place(columns: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """Sums of shape (n_columns, resamples) over draws from columns of shape (n_columns, n_units)."""
    n = columns.shape[1]
    sizes = _blocks(n)
    shares = rng.multinomial(n, np.array(sizes) / n, size=resamples)
    sums, start = np.zeros((len(columns), resamples)), 0
    for size, draws in zip(sizes, shares.T, strict=True):
        _add_block(sums, columns[:, start : start + size], draws, rng)
        start += size
    return sums


def _blocks(n: int) -> list[int]:
    """Powers of two that add up to n, none above 2^16.

    >>> _blocks(100_000)
    [65536, 32768, 1024, 512, 128, 32]
    """
    whole, rest = divmod(n, 1 << _BITS)
    return [1 << _BITS] * whole + [1 << bit for bit in reversed(range(_BITS)) if rest >> bit & 1]


def _add_block(sums: Floats, block: Floats, draws: Counts, rng: np.random.Generator) -> None:
    """Add to each resample's sums as many draws from one block as it has there."""
    size, ends = block.shape[1], np.cumsum(draws)
    if size == 1:
        sums += block * draws
        return
    word = np.uint8 if size <= 256 else np.uint16
    mask, room = word(size - 1), _PIECE + int(draws.max())
    places, values = np.empty(room, dtype=np.intp), np.empty(room)
    first = before = 0
    while first < len(draws):
        last = max(first + 1, int(np.searchsorted(ends, before + _PIECE, side="right")))
        many = int(ends[last - 1]) - before
        if many:
            words = -(-many * np.dtype(word).itemsize // 8)
            bits = np.asarray(rng.bit_generator.random_raw(words), dtype="<u8").view(word)[:many]
            np.bitwise_and(bits, mask, out=places[:many], casting="safe")
            given = np.flatnonzero(
                draws[first:last]
            )  # where nothing is drawn, `reduceat` would give a value all the same
            begins = (ends[first:last] - draws[first:last] - before)[given]
            for column, total in zip(block, sums, strict=True):
                np.take(column, places[:many], out=values[:many], mode="clip")  # never clips; it is the unbuffered mode
                total[first + given] += np.add.reduceat(values[:many], begins)
        first, before = last, int(ends[last - 1])


def _units(above: Floats, below: Floats, clusters: ArrayLike | None) -> _Units:
    """Both sums of each unit of sampling over the cells that have both values."""
    known = ~np.isnan(above) & ~np.isnan(below)
    sizes = known.sum(axis=1)
    tops, bottoms = (np.where(known, column, 0.0).sum(axis=1) for column in (above, below))
    if clusters is not None:
        labels = np.asarray(clusters)
        if labels.shape != (len(above),):
            raise ValueError(f"`clusters` has shape {labels.shape}; needed is a label an item, ({len(above)},).")
        names, place = np.unique(labels, return_inverse=True)
        order = np.lexsort((bottoms, tops, place))  # so that the sums, to the last bit, do not hang on the items' order
        begins = np.searchsorted(place[order], np.arange(len(names)))
        if len(names):
            tops, bottoms, sizes = (np.add.reduceat(column[order], begins) for column in (tops, bottoms, sizes))
    kept = sizes > 0
    return _Units(tops[kept], bottoms[kept], int(len(kept) - kept.sum()))


def _alike(one: ArrayLike, other: ArrayLike, name: str, second: str) -> tuple[Floats, Floats]:
    first, last = _matrix(one, name), _matrix(other, second)
    if first.shape != last.shape:
        raise ValueError(f"`{name}` has shape {first.shape} and `{second}` {last.shape}; needed is one shape.")
    return first, last


def _matrix(values: ArrayLike, name: str) -> Floats:
    given = np.asarray(values, dtype=float)
    if given.ndim == 1:
        given = given[:, None]
    if given.ndim != 2:
        raise ValueError(f"`{name}` has shape {given.shape}; needed is (n_items, n_per_item) or (n_items,).")
    if np.any(np.isinf(given)):
        raise ValueError(f"`{name}` holds numbers that are infinite; where there is none, it is NaN.")
    return given

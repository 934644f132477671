"""When is enough known to stop? An interval of a wanted width, and a mean decided against a threshold at any moment.

Two promises, not to be mixed up:

- `RunningMean`: an ordinary interval, looked at after each item. Stopping at the first look that finds it narrow enough
  keeps its coverage only as the width becomes small (asymptotically). It says nothing of a threshold.
- `MeanSequence`: a confidence sequence. It may be looked at, and stopped at, at any moment and for any reason; the
  chance that it ever leaves out the true mean is at most 1 - level, for any number of items. It is wider for it.

Both take values from 0 to 1, one an item, in random order.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .estimate import Estimate

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]

LEAST = 30
"""A width is not looked at before so many items have a value."""

EFFECTS = (0.01375, 0.0275, 0.055, 0.11, 0.22)
"""Distances of the mean from a candidate that the bets are made for. A win rate of .55 against .45 lies .05 from one
half; bets made for a tenth more need as many items on average, and 3 to 4 % fewer in the median."""

WEIGHTS = (0.02, 0.04, 0.88, 0.04, 0.02)
"""How the capital is spread over the effects at the start; it adds up to 1."""

STEP = 0.005
"""The candidates for the mean lie so far apart, and the ends of a sequence fall on them."""

ORDINARY = "score interval over items, effective number of items from their variance"
ANYTIME = "confidence sequence by betting"

_EFFECTS: Floats = np.array(EFFECTS)
_PRIOR = 5.0  # the variance starts from so many values of 0 and as many of 1
_BROKE = 1e-200
_RICH = 1e200
_SWEEP = 16


def ordinary_limits(n: ArrayLike, sums: ArrayLike, squares: ArrayLike, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """The ends of an ordinary interval of a mean of values from 0 to 1, from what a stream can keep.

    It is Wilson's interval with n / r in the place of n. Here r is the variance of the values over the largest that it
    could be with their mean, `mean * (1 - mean)`: 1 where all are 0 or 1, less where some lie between. Above and below
    the line r has one more, so that values that were all alike do not make the interval vanish.

    Args:
        n: how many values, 1 or more; any shape.
        sums: their sums; the same shape, or one that broadcasts.
        squares: the sums of their squares; likewise.
        level: of the interval, 0..1.

    Returns:
        Lower and upper ends, between 0 and 1.

    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953.

    >>> low, high = ordinary_limits(10, 8, 8)  # Wilson's for 8 of 10
    >>> round(float(low), 4), round(float(high), 4)
    (0.4902, 0.9433)
    """
    count, total, square = (np.asarray(given, dtype=float) for given in (n, sums, squares))
    z = NormalDist().inv_cdf((1 + level) / 2)
    mean = np.clip(total / count, 0, 1)
    largest = mean * (1 - mean)
    ratio = (np.clip(square - total * mean, 0, count * largest) + 1) / (count * largest + 1)
    pull = z * z * ratio / count
    reach = np.sqrt(pull * largest + pull * pull / 4) / (1 + pull)
    centre = (mean + pull / 2) / (1 + pull)
    return np.minimum(mean, np.maximum(0, centre - reach)), np.maximum(mean, np.minimum(1, centre + reach))


def narrow_enough(n: ArrayLike, sums: ArrayLike, squares: ArrayLike, *, width: float, level: float = 0.95) -> Flags:
    """Whether an ordinary interval may be stopped at: `LEAST` values, and narrow enough by two measures.

    The one is the interval's own width. The other is the width that it would have by Agresti's and Coull's rule, as if
    about two more values of 0 and two of 1 had been seen: after a lucky start, values have not yet shown how they vary,
    and the interval alone would stop too soon (50 values of 1 make it .07 wide). By stopping at the first item at which
    both hold, less is lost of the coverage than by the first alone.

    To stop so is the fixed-width design of Nordin and Schultzberg 2024, arXiv:2405.03487, after Chow and Robbins 1965,
    doi:10.1214/aoms/1177700156: as the width becomes small, the coverage at the stop goes to the level, and the number
    of items to the least that gives the width.

    Args:
        n: how many values, 1 or more; any shape.
        sums: their sums; the same shape, or one that broadcasts.
        squares: the sums of their squares; likewise.
        width: the width wanted, above 0 and below 1.
        level: of the interval, 0..1.

    Source of the second rule: Agresti and Coull 1998, doi:10.1080/00031305.1998.10480550.

    >>> [bool(narrow_enough(n, 0.6 * n, 0.6 * n, width=0.1)) for n in (365, 366)]
    [False, True]
    """
    count, total, square = (np.asarray(given, dtype=float) for given in (n, sums, squares))
    low, high = ordinary_limits(count, total, square, level=level)
    wary = _wary_width(count, total, square, level)
    return np.asarray((count >= LEAST) & (high - low <= width) & (wary <= width))


Quantity = TypeVar("Quantity", float, Floats)


def _wary_width(n: Quantity, sums: Quantity, squares: Quantity, level: float) -> Quantity:
    z = NormalDist().inv_cdf((1 + level) / 2)
    more = n + z * z
    mean = (sums + z * z / 2) / more
    variance = (squares + z * z / 2) / more - mean * mean
    width: Quantity = 2 * z * (variance / more) ** 0.5
    return width


@dataclass(slots=True)
class RunningMean:
    """A mean of values from 0 to 1 that grows by one value at a time, with an ordinary interval.

    The interval speaks of the population that the items are drawn from, not of the data set: where all items of a data
    set have been seen it keeps its width.

    Attributes:
        level: of the interval, 0..1.
        n: how many values it rests on.
        total: their sum.
        squares: the sum of their squares.
        left_out: how many items had none.
    """

    level: float = 0.95
    n: int = 0
    total: float = 0.0
    squares: float = 0.0
    left_out: int = 0

    def add(self, value: float) -> None:
        """Take one more value, from 0 to 1; NaN where an item has none.

        Raises:
            ValueError: if the value lies outside 0..1.
        """
        if value != value:
            self.left_out += 1
            return
        if not 0 <= value <= 1:
            raise ValueError(f"`value` is {value}; needed is a number from 0 to 1, or NaN where there is none.")
        self.n += 1
        self.total += value
        self.squares += value * value

    def limits(self) -> tuple[float, float]:
        """The ends of the interval; 0 and 1 while there is no value."""
        if self.n == 0:
            return 0.0, 1.0
        low, high = ordinary_limits(self.n, self.total, self.squares, level=self.level)
        return float(low), float(high)

    def within(self, width: float) -> bool:
        """Whether enough is known to stop, by `narrow_enough`."""
        if self.n < LEAST or _wary_width(float(self.n), self.total, self.squares, self.level) > width:
            return False  # the cheaper measure first: a run asks after every item
        return bool(narrow_enough(self.n, self.total, self.squares, width=width, level=self.level))

    def estimate(self) -> Estimate:
        """The mean so far, 0..1; its unit of sampling is the item."""
        if self.n == 0:
            return Estimate.unknown("no item has a value", left_out=self.left_out, level=self.level, method=ORDINARY)
        mean = self.total / self.n
        if self.n < 2:
            reason = "one item tells nothing of how items differ"
            return Estimate(mean, None, None, None, self.level, ORDINARY, self.n, self.left_out, reason)
        low, high = self.limits()
        error, reason = _error(self.n, self.total, self.squares)
        return Estimate(mean, error, low, high, self.level, ORDINARY, self.n, self.left_out, reason)


class MeanSequence:
    """A confidence sequence for a mean of values from 0 to 1, for one run of items or for many at once.

    Of each candidate for the mean it keeps the capital of a bettor who bets that the mean is higher, and of one who
    bets that it is lower. If the candidate is the mean, neither game is in the bettor's favour, and the chance that a
    game ever multiplies its capital by 2 / (1 - level) is at most (1 - level) / 2 (Ville's inequality). What has been
    rejected stays rejected, so the interval never grows.

    With `total` the mean is that of a finite set whose items come without replacement in random order: what has been
    seen changes what is to be expected of the rest, and once all is seen the interval is the mean itself. Without it,
    it is the mean of the population that the items are drawn from.

    A missing value counts as 0 to the side that bets on a higher mean and as 1 to the other, so that no pattern of
    failures can make it too sure. An item that is no part of what the mean is of (`skip`) counts for neither.

    Args:
        total: items in the set, those to be skipped included; None where there is no end to them.
        candidates: where the ends may fall, between 0 and 1; None for a grid with steps of `STEP`.
        level: the chance of never leaving out the mean, at least; 0..1.
        runs: the shape of the values given at each step; () for a single run.

    Raises:
        ValueError: if an argument is out of range.

    Source: Waudby-Smith and Ramdas 2020, arXiv:2006.04347 (sequences without replacement), and 2024, arXiv:2010.09686
    (capital as a product of 1 + bet * (value - mean); without replacement the mean is that of what is left). The bets
    are this project's: a mixture over five effects, each bet being effect / variance, which grows fastest at that
    effect (Kelly 1956, to second order). A value that is left out counts as one equal to the candidate.

    >>> sequence = MeanSequence(total=4)
    >>> for value in (1, 0.5, 1, 1):
    ...     sequence.add(value)
    >>> float(sequence.low), float(sequence.high)
    (0.875, 0.875)
    """

    def __init__(
        self,
        total: int | None = None,
        *,
        candidates: ArrayLike | None = None,
        level: float = 0.95,
        runs: tuple[int, ...] = (),
    ) -> None:
        if total is not None and total < 1:
            raise ValueError(f"`total` is {total}; needed is 1 or more, or None where it is not known.")
        if not 0 < level < 1:
            raise ValueError(f"`level` is {level}; needed is 0 < level < 1.")
        grid = _grid() if candidates is None else np.unique(np.asarray(candidates, dtype=float))
        if len(grid) == 0 or grid[0] <= 0 or grid[-1] >= 1:
            raise ValueError("`candidates` needs at least one number, and all of them above 0 and below 1.")
        self.total = total
        self.level = level
        self.runs = runs
        self.seen = 0
        self.counted = 0
        self.candidates = grid
        # Two games, along the first axis: on the values, that the mean is higher; on 1 - values, the same.
        self._marks: Floats = np.stack([grid, 1 - grid]).reshape(2, *(1 for _ in runs), len(grid))
        self._capital: Floats = np.repeat(np.tile(np.array(WEIGHTS)[:, None], (2, *runs, 1, 1)), len(grid), axis=-1)
        self._rejected: Flags = np.zeros((2, *runs, len(grid)), dtype=bool)
        self._sums: Floats = np.zeros((2, *runs))
        self._squares: Floats = np.zeros((2, *runs))
        self._missing: Counts = np.zeros(runs, dtype=np.int64)

    def add(self, values: ArrayLike) -> None:
        """Take one more item of each run: shape `runs`, values from 0 to 1, NaN where one is missing.

        Raises:
            ValueError: if the shape is another, a value lies outside 0..1, or all items have been seen.
        """
        given = np.asarray(values, dtype=float)
        if given.shape != self.runs:
            raise ValueError(f"`values` has shape {given.shape}; needed is {self.runs}.")
        missing = np.isnan(given)
        if not np.all(missing | ((given >= 0) & (given <= 1))):
            raise ValueError("`values` holds numbers outside 0..1; where there is none, it is NaN.")
        both = np.where(missing, 0.0, np.stack([given, 1 - given]))
        self._step(both)
        self._sums += both
        self._squares += both * both
        self._missing += missing
        self.counted += 1

    def skip(self) -> None:
        """Take one more item that is no part of what the mean is of, such as one that lacks the side asked about.

        Raises:
            ValueError: if all items have been seen.
        """
        self._step(None)

    def _step(self, values: Floats | None) -> None:
        """Bet on one more item of each run, then look; `values` of shape (2, *runs), None for one to be skipped."""
        if self.total is not None and self.seen >= self.total:
            raise ValueError(f"all {self.total:,} items have been seen; there is none to add.")
        fair = self._marks  # what a value is expected to be, at most, where the candidate is the mean
        if self.total is not None:
            owed = (self.counted * self._marks - self._sums[..., None]) / (self.total - self.seen)
            fair = np.clip(self._marks + owed, 0, 1)
        gain = (self._marks if values is None else values[..., None]) - fair
        factors = self._bets()[..., None] * gain[..., None, :]
        factors += 1
        self._capital *= factors
        self.seen += 1
        if self.seen % _SWEEP == 0:  # neither overflow nor numbers so small that arithmetic becomes slow
            np.minimum(self._capital, _RICH, out=self._capital)
            self._capital[self._capital < _BROKE] = 0
        self._rejected |= self._capital.sum(axis=-2) >= 2 / (1 - self.level)

    def _bets(self) -> Floats:
        """Shape (2, *runs, effects): effect over variance, from earlier values alone, and never so high as to owe."""
        known = self.counted + 2 * _PRIOR
        mean = (self._sums + _PRIOR) / known
        variance = (self._squares + _PRIOR) / known - mean * mean
        return np.minimum(_EFFECTS / variance[..., None], 1.0)

    @property
    def certain(self) -> tuple[Floats, Floats]:
        """What holds without any chance: the least and the most that the mean of a finite set can still be."""
        whole = 0 if self.total is None else self.counted + self.total - self.seen  # all to come may have a part in it
        if whole == 0:
            return np.zeros(self.runs), np.ones(self.runs)
        to_come = whole - self.counted
        return self._sums[0] / whole, (self._sums[0] + self._missing + to_come) / whole

    @property
    def contradicted(self) -> Flags:
        """Where nothing is left between the ends: the rare event happened, or the order was not random."""
        low, high = self._ends()
        return np.asarray(low > high)

    @property
    def low(self) -> Floats:
        """Lower ends, shape `runs`; where the sequence is contradicted, what is certain."""
        low, high = self._ends()
        return np.where(low > high, self.certain[0], low)

    @property
    def high(self) -> Floats:
        """Upper ends, shape `runs`; where the sequence is contradicted, what is certain."""
        low, high = self._ends()
        return np.where(low > high, self.certain[1], high)

    def above(self, candidate: float) -> Flags:
        """Where bets show that the mean is above a candidate, shape `runs`.

        Raises:
            ValueError: if it is not one of the candidates.
        """
        return np.asarray(self._rejected[0, ..., self._place(candidate) :].any(axis=-1))

    def below(self, candidate: float) -> Flags:
        """Where bets show that the mean is below a candidate, shape `runs`.

        Raises:
            ValueError: if it is not one of the candidates.
        """
        return np.asarray(self._rejected[1, ..., : self._place(candidate) + 1].any(axis=-1))

    def _place(self, candidate: float) -> int:
        place = int(np.searchsorted(self.candidates, candidate))
        if place == len(self.candidates) or self.candidates[place] != candidate:
            raise ValueError(f"`candidate` is {candidate}, which is none of those that the sequence was made with.")
        return place

    def _ends(self) -> tuple[Floats, Floats]:
        """The ends by bets and by certainty together; the lower may lie above the upper."""
        least, most = self.certain
        low = np.where(self._rejected[0], self.candidates, 0.0).max(axis=-1)
        high = np.where(self._rejected[1], self.candidates, 1.0).min(axis=-1)
        return np.maximum(low, least), np.minimum(high, most)


def _grid() -> Floats:
    steps = round(1 / STEP)
    return np.arange(1, steps) / steps


def _error(n: int, total: float, squares: float) -> tuple[float | None, str]:
    """The standard error of a mean, or why there is none."""
    spread = squares - total * total / n
    if spread <= 1e-12 * n:
        return None, "all items are alike: standard error unknown"
    return sqrt(spread / (n - 1) / n), ""

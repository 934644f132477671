"""Do early answers hold what they promise, and what do they save? Simulated runs of known truth, for coverage.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from plurijudge.benchmarks.simulated import PROMISED, Band, Told, inside
from plurijudge.metrics.sequential import LEAST, MeanSequence, narrow_enough, ordinary_limits

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

HOLDS: Band = (0.944, 1.0)  # .95 is proved; of 5,000 runs a share may lie two standard errors below it by chance
CLOSE: Band = (0.95, 1.05)
MOST_RUNS = 5000
SAVING = 0.7
FALSE = 0.05
PLANNED_POWERS = (0.8, 0.9, 0.95, 0.99)
PROMISED_POWER = 0.9


@dataclass(frozen=True, slots=True)
class WidthLine:
    """Runs that stop at a width.

    Attributes:
        name: `until_width`.
        world: how values are drawn.
        width: the width asked for.
        runs: how many runs were simulated.
        truth: the mean of the population.
        coverage: the share of stopped intervals that hold it.
        median_items: the median number of items at the stop.
        fixed_items: the least fixed number whose interval, on values as they are in the population, is that narrow.
        ratio: the one over the other.
        allowed: the band of the coverage, None where the world is there to show what breaks.
        allowed_ratio: the band of the ratio, likewise.
    """

    name: str
    world: str
    width: float
    runs: int
    truth: float
    coverage: float
    median_items: float
    fixed_items: int
    ratio: float
    allowed: Band | None
    allowed_ratio: Band | None

    @property
    def held(self) -> bool:
        """Whether coverage and ratio lie in their bands."""
        return inside(self.coverage, self.allowed) and inside(self.ratio, self.allowed_ratio)

    @property
    def told(self) -> str:
        """What to say where they do not."""
        return f"{self.name}, {self.world}, width={self.width}: coverage {self.coverage}, items {self.ratio} of fixed"


@dataclass(frozen=True, slots=True)
class DecidedLine:
    """Runs that stop where the mean is decided against one half.

    Attributes:
        name: `until_decided`.
        world: how values are drawn.
        total: items in the set, None for a population without end.
        most: items at which an undecided run gives up; where a line is of a power, so many as give that power.
        runs: how many runs were simulated.
        truth: the mean.
        right: the share of runs that decided as the truth is.
        wrong: the share that decided against the truth; where the truth is one half, either decision is wrong.
        mean_items: items used, on average over runs; one that gave up used `most`.
        median_items: the median of the same.
        fixed_items: what a test planned in advance needs for the same power; None without an effect.
        mean_ratio: average over fixed.
        median_ratio: median over fixed.
        allowed_ratio: the most that both ratios may be, None where the line is there to show.
    """

    name: str
    world: str
    total: int | None
    most: int
    runs: int
    truth: float
    right: float
    wrong: float
    mean_items: float
    median_items: float
    fixed_items: int | None
    mean_ratio: float | None
    median_ratio: float | None
    allowed_ratio: float | None

    @property
    def held(self) -> bool:
        """Whether false decisions are rare enough, and savings large enough."""
        larger = max(self.mean_ratio or 0.0, self.median_ratio or 0.0)
        return self.wrong <= FALSE and (self.allowed_ratio is None or larger <= self.allowed_ratio)

    @property
    def told(self) -> str:
        """What to say where they are not."""
        ratios = f"items {self.mean_ratio} (mean) and {self.median_ratio} (median) of fixed"
        return f"{self.name}, {self.world}, total={self.total}, right {self.right}: wrong {self.wrong}, {ratios}"


@dataclass(frozen=True, slots=True)
class SequenceLine:
    """Confidence sequences looked at after every item.

    Attributes:
        name: `mean_sequence`.
        world: how values are drawn.
        total: items in the set, None for a population without end.
        looks: items looked at.
        runs: how many runs were simulated.
        truth: the mean.
        coverage: the share of runs in which no interval, at any look, left the truth out.
        allowed: the band of the coverage.
    """

    name: str
    world: str
    total: int | None
    looks: int
    runs: int
    truth: float
    coverage: float
    allowed: Band | None

    @property
    def held(self) -> bool:
        """Whether the coverage lies in its band."""
        return inside(self.coverage, self.allowed)

    @property
    def told(self) -> str:
        """What to say where it does not."""
        return f"{self.name}, {self.world}, total={self.total}: coverage {self.coverage}"


@dataclass(slots=True)
class Outcomes:
    """Values 1, 1/2 and 0 for many runs at once, one item at a time: from a population or, as from an urn, from a set.

    Attributes:
        truth: the mean; in a set it is met exactly, if `total` allows it.
        halves: the share of values that are one half.
        runs: how many runs.
        total: items in the set, None for a population.
    """

    truth: float
    halves: float
    runs: int
    rng: np.random.Generator
    total: int | None = None
    _wins: Floats = field(init=False)
    _ties: Floats = field(init=False)
    _left: int = field(init=False)

    def __post_init__(self) -> None:
        wins, ties, self._left = self.truth - self.halves / 2, self.halves, 1
        if self.total is not None:
            ties = round(self.total * self.halves)
            wins, self._left = round(self.total * self.truth - ties / 2), self.total
        self._wins, self._ties = np.full(self.runs, float(wins)), np.full(self.runs, float(ties))

    @property
    def variance(self) -> float:
        """Of the values."""
        return self.truth - self.halves / 4 - self.truth**2

    def next(self) -> Floats:
        """The next value of each run, shape (runs,)."""
        place = self.rng.random(self.runs) * self._left
        win = np.where(place < self._wins, 1.0, 0.0)
        tie = np.where(place < self._wins + self._ties, 1.0, 0.0) - win
        if self.total is not None:
            self._wins, self._ties, self._left = self._wins - win, self._ties - tie, self._left - 1
        value: Floats = win + tie / 2
        return value


def stopped(draw: Callable[[], Floats], width: float, runs: int, most: int) -> tuple[Counts, Floats, Floats]:
    """Items at the stop (0 where a run never stopped), lower and upper ends; `draw` gives each run's next value."""
    counts, ends = np.zeros(runs, dtype=np.int64), np.zeros((2, runs))
    sums, squares, n, open_ = np.zeros(runs), np.zeros(runs), 0, np.ones(runs, dtype=bool)
    while n < most and open_.any():
        values = draw()
        sums, squares, n = sums + values, squares + values * values, n + 1
        if n < LEAST:
            continue
        now = open_ & narrow_enough(n, sums, squares, width=width)
        counts[now], ends[:, now] = n, np.stack(ordinary_limits(n, sums, squares))[:, now]
        open_ &= ~now
    return counts, ends[0], ends[1]


def fixed_for_width(truth: float, variance: float, width: float) -> int:
    """The least number of items whose ordinary interval is that narrow, where the sample is as the population."""
    n = np.arange(2, 200_000, dtype=float)
    low, high = ordinary_limits(n, n * truth, n * (variance + truth**2))
    return int(n[np.argmax(high - low <= width)])


def width_line(
    world: str, truth: float, variance: float, width: float, draw: Callable[[], Floats], runs: int, *, holds: bool
) -> WidthLine:
    """Runs of one world that stop at one width."""
    fixed = fixed_for_width(truth, variance, width)
    counts, low, high = stopped(draw, width, runs, 10 * fixed)
    assert counts.all(), "a run of ten times the least number is always narrow enough"
    covered = float(np.mean((low <= truth) & (truth <= high)))
    median = float(np.median(counts))
    ratio, bands = round(median / fixed, 4), (PROMISED, CLOSE) if holds else (None, None)
    return WidthLine("until_width", world, width, runs, truth, round(covered, 4), median, fixed, ratio, *bands)


WIN_RATES = [
    *((truth, halves) for truth in (0.5, 0.6, 0.75, 0.9) for halves in (0.0, 0.2, 0.4) if halves <= 2 * (1 - truth)),
    (0.95, 0.0),
    (0.98, 0.0),
]


def until_width_lines(seed: int, sets: int) -> Iterator[WidthLine]:
    """Win rates, and values anywhere between 0 and 1, at widths of .04 and .1.

    The promise is kept where 10 items or more are expected on the rarer side (in whole wins or losses) at the stop, and
    no more than a fifth of a lopsided win rate's values are halves; the rest shows what happens beyond.
    """
    runs = min(sets, MOST_RUNS)
    for number, (truth, halves) in enumerate(WIN_RATES):
        for width in (0.04, 0.1):
            rng = np.random.default_rng([seed, 5000 + number, round(100 * width)])
            outcomes = Outcomes(truth, halves, runs, rng)
            holds = kept(truth, halves, width)
            told = f"win rate {truth}, {halves:.0%} halves"
            yield width_line(told, truth, outcomes.variance, width, outcomes.next, runs, holds=holds)
    for number, (a, b) in enumerate([(2.0, 2.0), (0.5, 0.5), (8.0, 2.0)]):
        for width in (0.04, 0.1):
            rng = np.random.default_rng([seed, 5500 + number, round(100 * width)])
            truth, variance = a / (a + b), a * b / (a + b) ** 2 / (a + b + 1)
            holds = variance >= 0.05 and width < 0.1
            draw = partial(beta_values, rng, a, b, runs)
            yield width_line(f"beta({a:g}, {b:g})", truth, variance, width, draw, runs, holds=holds)


def beta_values(rng: np.random.Generator, a: float, b: float, runs: int) -> Floats:
    """The next value of each run, anywhere between 0 and 1."""
    return rng.beta(a, b, size=runs)


def kept(truth: float, halves: float, width: float) -> bool:
    """Whether a world of win rates is one that the promise is made for."""
    variance = truth - halves / 4 - truth**2
    rarer = min(truth, 1 - truth) - halves / 2
    return rarer * fixed_for_width(truth, variance, width) >= 10


def fixed_for_power(power: float, variance: float, distance: float, total: int | None) -> int:
    """Items of a two-sided test of one half at .05, planned in advance, without replacement where there is a total."""
    normal = NormalDist()
    n = (normal.inv_cdf(0.975) + normal.inv_cdf(power)) ** 2 * variance / distance**2
    return int(np.ceil(n if total is None else n / (1 + (n - 1) / total)))


def decided(outcomes: Outcomes, most: int) -> tuple[Counts, Counts]:
    """Items at the decision (0 where there is none), and which way: 1 above one half, -1 below, 0 undecided."""
    sequence = MeanSequence(outcomes.total, candidates=[0.5], runs=(outcomes.runs,))
    counts, ways = np.zeros(outcomes.runs, dtype=np.int64), np.zeros(outcomes.runs, dtype=np.int64)
    for n in range(1, most + 1):
        sequence.add(outcomes.next())
        least, greatest = sequence.certain
        above, below = sequence.above(0.5) | (least > 0.5), sequence.below(0.5) | (greatest < 0.5)
        now = (counts == 0) & (above | below)
        counts[now], ways[now] = n, np.where(above, 1, -1)[now]
        if counts.all():
            break
    return counts, ways


def decided_lines(
    world: str, outcomes: Outcomes, most: int, *, powers: tuple[float, ...] = PLANNED_POWERS
) -> Iterator[DecidedLine]:
    """Runs to the end, and runs that give up at so many items that the power is a given one."""
    counts, ways = decided(outcomes, most)
    truth, runs, total = outcomes.truth, outcomes.runs, outcomes.total
    right = ways == np.sign(round(truth - 0.5, 12))
    wrong = (ways != 0) & (~right | (truth == 0.5))
    make = partial(DecidedLine, "until_decided", world, total)
    used = np.where(counts > 0, counts, most)
    wrong_share, mean = round(float(np.mean(wrong)), 4), round(float(used.mean()), 1)
    if truth == 0.5:
        yield make(most, runs, truth, 0.0, wrong_share, mean, float(np.median(used)), *(None,) * 4)
        return
    reached = min(float(np.mean(right)), 1 - 1 / runs)  # a power of 1 would make the fixed design infinite
    for power in (reached, *powers):
        # The smallest number of items by which that share of the runs has decided rightly.
        cap = most if power == reached else int(np.sort(np.where(right, counts, most + 1))[round(power * runs) - 1])
        if cap > most:
            continue
        items = np.where(used <= cap, used, cap)
        fixed = fixed_for_power(power, outcomes.variance, abs(truth - 0.5), total)
        mean, median = float(items.mean()), float(np.median(items))
        by_then = (counts > 0) & (counts <= cap)
        yield make(
            cap,
            runs,
            truth,
            round(float(np.mean(right & by_then)), 4),
            round(float(np.mean(wrong & by_then)), 4),
            round(mean, 1),
            median,
            fixed,
            round(mean / fixed, 4),
            round(median / fixed, 4),
            SAVING if power >= PROMISED_POWER and abs(truth - 0.55) < 1e-9 else None,
        )


def until_decided_lines(seed: int, sets: int) -> Iterator[DecidedLine]:
    """A true difference of 10 points (and of 4 and 20, to show), and none; sets of several sizes, and a population."""
    runs = min(sets, MOST_RUNS)
    worlds = [
        *((0.55, halves, total) for halves in (0.0, 0.2, 0.4) for total in (5000, 20_000)),
        (0.55, 0.0, None),
        (0.52, 0.2, 20_000),
        (0.6, 0.2, 20_000),
        *((0.5, halves, total) for halves in (0.0, 0.4) for total in (1000, 5000, None)),
    ]
    for number, (truth, halves, total) in enumerate(worlds):
        outcomes = Outcomes(truth, halves, runs, np.random.default_rng([seed, 6000 + number]), total)
        yield from decided_lines(f"win rate {truth}, {halves:.0%} halves", outcomes, 10_000 if total is None else total)


def mean_sequence_lines(seed: int, sets: int) -> Iterator[SequenceLine]:
    """Whether the truth is ever left out, over all looks, of sets seen to their end and of a population."""
    runs = min(sets, MOST_RUNS)
    worlds = [(truth, halves, total) for truth in (0.5, 0.75, 0.95) for halves in (0.0, 0.1) for total in (300, 3000)]
    worlds += [(0.5, 0.2, None), (0.9, 0.0, None)]  # type: ignore[list-item]
    for number, (truth, halves, total) in enumerate(worlds):
        outcomes = Outcomes(truth, halves, runs, np.random.default_rng([seed, 7000 + number]), total)
        yield sequence_line(f"win rate {truth}, {halves:.0%} halves", outcomes, total or 3000)


def sequence_line(world: str, outcomes: Outcomes, looks: int) -> SequenceLine:
    """Whether bets ever reject the true mean, of a finest grid: one that has nothing but the truth on it."""
    sequence = MeanSequence(outcomes.total, candidates=[outcomes.truth], runs=(outcomes.runs,))
    for _ in range(looks):
        sequence.add(outcomes.next())
    if outcomes.total == looks:
        met = sequence.certain
        assert np.allclose(met[0], outcomes.truth) and np.allclose(met[1], outcomes.truth), "the set has that mean"
    left_out = sequence.above(outcomes.truth) | sequence.below(outcomes.truth)
    covered = round(float(1 - left_out.mean()), 4)
    return SequenceLine("mean_sequence", world, outcomes.total, looks, outcomes.runs, outcomes.truth, covered, HOLDS)


SIMULATIONS: dict[str, Callable[[int, int], Iterator[Told]]] = {
    "until_width": until_width_lines,
    "until_decided": until_decided_lines,
    "mean_sequence": mean_sequence_lines,
}

"""Is a judge called biased only where it favours its own? Simulated judges of known truth, for coverage.py.

One JSON line a world and estimator: `coverage` of the interval, `called` the share of data sets in which p <= .05,
`own` the share that is called for the judge's own, `dbg` the mean DBG in points, which in worlds without a self term is
what an author-blind judge scores. A line `both` says how often the excess and EQB call it and the same way, which is
what `self_preference` asks for. `allowed` is the band of the coverage, `most` and `least` the limits of `called`; null
where a world breaks what the estimator takes for granted and is there to show what that costs. `coin` has a line of its
own: how often a coin is reported as noise.

A judge contradicts gold with a chance e, whoever wrote what; its self term adds to the log-odds of its own response.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from plurijudge.benchmarks.simulated import PROMISED, Band, inside
from plurijudge.metrics.author_blind import excess
from plurijudge.metrics.eqb import eqb_contrast
from plurijudge.metrics.own_pairs import Pair, gold_labels, judged
from plurijudge.metrics.prediction_powered import ppi_mean
from plurijudge.metrics.self_preference import self_preference
from plurijudge.metrics.units import Tested

Floats = NDArray[np.float64]

FEW_LABELS: Band = (0.93, 0.97)
"""A share of a hundred labels takes few values, so its coverage jumps."""
SETS = 5000
COINS = 300
FALSE_ALARMS = 0.06
"""Of 5,000 data sets of which 5 % are called, some may show a little more."""


@dataclass(frozen=True, slots=True)
class World:
    """A judge, its opponent R, and third models K.

    Attributes:
        items: n.
        own: w*, the share of items on which gold prefers the judge's own response to R's.
        third: the same of each third model.
        error: how often the judge contradicts gold, 0..1.
        self: what is added to the log-odds of its own response.
        spread: the standard deviation, over items, of the log-odds by which the judge follows gold: items are harder or
            easier, for all pairs alike.
        refuses: the share of verdicts that are missing, more of them on harder items, 0..0.5.
        gold_errs: how often each vote of three gold judges is wrong.
    """

    items: int = 500
    own: float = 0.2
    third: tuple[float, ...] = (0.3, 0.6)
    error: float = 0.2
    self: float = 0.0
    spread: float = 0.0
    refuses: float = 0.0
    gold_errs: float = 0.0

    def draw(self, rng: np.random.Generator) -> tuple[Pair, list[Pair]]:
        """The own pair and those of third models, each against R."""
        hard = self.spread * rng.standard_normal(self.items)
        pairs = [self._pair(rng, own, hard, self.self if mine else 0.0, f"K{i}") for i, (own, mine) in self._sides()]
        return pairs[0], pairs[1:]

    def truth(self, rng: np.random.Generator) -> tuple[float, float]:
        """The excess and EQB of infinitely many items, by a million."""
        hard = self.spread * rng.standard_normal(1_000_000)
        follows, towards = self._follows(hard), self.self
        lost, lost_plain = (float(logistic(-follows + term).mean()) for term in (towards, 0.0))
        won = float(logistic(follows + towards).mean())
        dbg = self.own * won + (1 - self.own) * lost - self.own
        return dbg - lost_plain * (1 - 2 * self.own), lost - lost_plain

    def _sides(self) -> list[tuple[int, tuple[float, bool]]]:
        return list(enumerate([(self.own, True), *((one, False) for one in self.third)]))

    def _follows(self, hard: Floats) -> Floats:
        """By how many log-odds the judge follows gold on each item."""
        return hard + float(np.log((1 - self.error) / self.error))

    def _pair(self, rng: np.random.Generator, own: float, hard: Floats, term: float, model: str) -> Pair:
        gold = (rng.random(self.items) < own).astype(float)
        odds = np.where(gold == 1, 1, -1) * self._follows(hard) + term
        says = (rng.random((self.items, 2)) < logistic(odds)[:, None]).astype(float)
        says[rng.random((self.items, 2)) < 2 * self.refuses * logistic(-3 * hard)[:, None]] = np.nan
        wrong = rng.random((self.items, 3, 2)) < self.gold_errs
        votes = np.abs(gold[:, None, None] - wrong)
        ids = [str(item) for item in range(self.items)]
        return Pair.of(ids, says, 1 - says, votes, gold_judges=["g1", "g2", "g3"], model=model, opponent="R")


@dataclass(frozen=True, slots=True)
class Strengths:
    """Responses whose quality is normal; judge and gold vote by the logistic function of a difference in quality.

    Attributes:
        items: n.
        own: the mean quality of the judge's own responses; R's is 0, every standard deviation 1.
        third: the same of each third model.
        gold: how sharply gold tells qualities apart; the judge's is 1.
    """

    items: int = 500
    own: float = 0.0
    third: tuple[float, ...] = (0.0, 0.0)
    gold: float = 2.0

    def draw(self, rng: np.random.Generator) -> tuple[Pair, list[Pair]]:
        """The own pair and those of third models, each against R; three gold judges, both presentations."""
        against = rng.standard_normal(self.items)
        pairs = [self._pair(rng, mean, against, f"K{i}") for i, mean in enumerate((self.own, *self.third))]
        return pairs[0], pairs[1:]

    def truth(self, rng: np.random.Generator) -> tuple[float, float]:
        """There is no self-preference."""
        return 0.0, 0.0

    def _pair(self, rng: np.random.Generator, mean: float, against: Floats, model: str) -> Pair:
        apart = mean + rng.standard_normal(self.items) - against
        says = (rng.random((self.items, 2)) < logistic(apart)[:, None]).astype(float)
        votes = (rng.random((self.items, 3, 2)) < logistic(self.gold * apart)[:, None, None]).astype(float)
        ids = [str(item) for item in range(self.items)]
        return Pair.of(ids, says, 1 - says, votes, gold_judges=["g1", "g2", "g3"], model=model, opponent="R")


def logistic(odds: Floats) -> Floats:
    """The probability with these log-odds."""
    value: Floats = 1 / (1 + np.exp(-odds))
    return value


@dataclass(frozen=True, slots=True)
class SelfLine:
    """What one estimator showed in one world. The docstring of the file says what the fields are."""

    name: str
    world: str
    n: int
    sets: int
    truth: float
    coverage: float | None
    called: float
    own: float
    dbg: float
    width: float | None
    allowed: Band | None
    most: float | None = None
    least: float | None = None

    @property
    def held(self) -> bool:
        """Whether all that has limits lies within them."""
        covers = self.coverage is None or inside(self.coverage, self.allowed)
        return covers and (self.most is None or self.called <= self.most) and self.called >= (self.least or 0.0)

    @property
    def told(self) -> str:
        """What to say where they are not."""
        return f"{self.name}, {self.world}, n={self.n}: coverage {self.coverage}, called {self.called:.4f}"


@dataclass(frozen=True, slots=True)
class CoinLine:
    """How often a coin that judges is reported as noise, and as favouring its own."""

    name: str
    world: str
    n: int
    sets: int
    noise: float
    own: float
    dbg: float
    least: float = 0.95

    @property
    def held(self) -> bool:
        """Whether it is nearly always."""
        return self.noise >= self.least

    @property
    def told(self) -> str:
        """What to say where it is not."""
        return f"{self.name}, {self.world}, n={self.n}: reported as noise in {self.noise:.3f}"


@dataclass(slots=True)
class _Tally:
    """What an estimator said in the data sets of one world."""

    truth: float
    rows: list[tuple[float, float, float, bool]] = field(default_factory=list)

    def add(self, found: Tested) -> None:
        one = found.estimate
        if one.low is not None and one.high is not None and one.estimate is not None and found.p_value is not None:
            self.rows.append((one.low, one.high, one.estimate, found.p_value <= 0.05))

    def line(
        self, name: str, world: str, n: int, dbg: float, allowed: Band | None, most: float | None, least: float | None
    ) -> SelfLine:
        low, high, value, called = np.array(self.rows, dtype=float).T
        return SelfLine(
            name,
            world,
            n,
            len(self.rows),
            round(self.truth, 4),
            round(float(np.mean((low <= self.truth) & (self.truth <= high))), 4),
            round(float(called.mean()), 4),
            round(float((called * (value > 0)).mean()), 4),
            round(100 * dbg, 2),
            round(float((high - low).mean()), 4),
            allowed,
            most,
            least,
        )


HONEST: dict[str, World] = {
    "author-blind, w* = .2, e = .2": World(),
    "author-blind, w* = .2, e = .2, few items": World(items=100),
    "author-blind, w* = .8, e = .3": World(own=0.8, error=0.3),
    "author-blind, items harder and easier": World(spread=1.0),
    "author-blind, refuses one in ten, mostly hard items": World(spread=1.0, refuses=0.1),
    "author-blind, e = .02": World(error=0.02, items=300),
    "self = 0.5": World(self=0.5),
    "self = 0.5, w* = .5": World(self=0.5, own=0.5),
}
SHOWN: dict[str, World | Strengths] = {
    "author-blind, gold errs in three of ten votes": World(gold_errs=0.3),
    "qualities normal, models alike": Strengths(),
    "qualities normal, third models stronger": Strengths(own=-1.0, third=(0.0, 0.5)),
    "qualities normal, third models weaker": Strengths(own=0.0, third=(-1.0, -0.5)),
}


def self_preference_lines(seed: int, sets: int) -> Iterator[SelfLine]:
    """The excess and EQB in each world."""
    worlds: dict[str, World | Strengths] = {**HONEST, **SHOWN}
    for number, (name, world) in enumerate(worlds.items()):
        honest = name in HONEST
        blind = honest and not getattr(world, "self", 0.0)
        rng = np.random.default_rng([seed, 7000 + number])
        tallies = [_Tally(truth) for truth in world.truth(rng)]
        scores, agree = [], []
        for _ in range(min(sets, SETS)):
            pair, others = world.draw(rng)
            found = excess(pair, others), eqb_contrast(pair, others)
            tallies[0].add(found[0])
            tallies[1].add(found[1])
            scores.append(float(np.nanmean(judged(pair) - gold_labels(pair))))
            agree.append(_both(found))
        dbg, rare = float(np.mean(scores)), getattr(world, "error", 1.0) < 0.05
        band = None if not honest else (0.94, 1.0) if rare else PROMISED
        least = 0.8 if honest and not blind else None
        for kind, tally in zip(("excess", "eqb"), tallies, strict=True):
            yield tally.line(kind, name, world.items, dbg, band, FALSE_ALARMS if blind else None, least)
        called, own = (round(float(np.mean(share)), 4) for share in (np.abs(agree), np.array(agree) > 0))
        most = 0.05 if blind else None
        yield SelfLine(
            "both", name, world.items, len(agree), 0.0, None, called, own, round(100 * dbg, 2), None, None, most, least
        )


def _both(found: tuple[Tested, Tested]) -> int:
    """1 or -1 where both call it, and which way; else 0."""
    ways = [0 if p is None or one.estimate is None or p > 0.05 else 1 if one.estimate > 0 else -1 for one, p in found]
    return ways[0] if ways[0] == ways[1] else 0


def coin_lines(seed: int, sets: int) -> Iterator[CoinLine]:
    """A coin, with pairs of others and without."""
    for number, (told, n) in enumerate((("with others' pairs", 500), ("with others' pairs", 60), ("alone", 500))):
        rng, world = np.random.default_rng([seed, 7100 + number]), World(items=n, error=0.5)
        said, scores = [], []
        for _ in range(min(sets, COINS)):
            pair, others = world.draw(rng)
            found = self_preference(pair, others if told != "alone" else (), resamples=2)
            said.append(found.conclusion)
            scores.append(found.score.dbg.estimate or 0.0)
        noise, own = (round(said.count(word) / len(said), 4) for word in ("noise", "favours its own"))
        yield CoinLine("coin", told, n, len(said), noise, own, round(100 * float(np.mean(scores)), 2))


def ppi_lines(seed: int, sets: int) -> Iterator[SelfLine]:
    """A gold win rate on human labels, where gold is right in four of five, and where it is worth nothing."""
    for number, (told, right, labelled) in enumerate(
        (("gold right in .8", 0.8, 100), ("gold right in .5", 0.5, 100), ("gold right in .95", 0.95, 50))
    ):
        rng, tally = np.random.default_rng([seed, 7200 + number]), _Tally(0.3)
        for _ in range(min(sets, SETS)):
            people = (rng.random(500) < 0.3).astype(float)
            gold = np.where(rng.random(500) < right, people, 1 - people)
            tally.add(Tested(ppi_mean(np.where(np.arange(500) < labelled, people, np.nan), gold), 1.0))
        yield tally.line("ppi_mean", told, 500, 0.0, FEW_LABELS, None, None)


SelfTold = SelfLine | CoinLine
SIMULATIONS: dict[str, Callable[[int, int], Iterator[SelfTold]]] = {
    "self_preference": self_preference_lines,
    "coin": coin_lines,
    "ppi_mean": ppi_lines,
}

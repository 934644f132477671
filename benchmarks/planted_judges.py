"""Which simulated judges have a bias, and which have none? With what makes their verdicts go missing.

Cues are planted on either side, so a length that goes with quality, and whose answers they are, are no more than
log-odds of the items' own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from plurijudge.benchmarks.simulated import PROMISED, Band

Floats = NDArray[np.float64]

PAIRS = 300
FALSE_ALARMS = 0.06
BALANCED, UNBALANCED = 0.5, 3.0
POINTS = (0.04, 0.2)
BESIDE = 0.8
"""The log-odds of a second bias."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A judge whose log-odds for response A are the items' own, normal, and what follows.

    Attributes:
        spread: the standard deviation of the items' own log-odds.
        cue: what the cue adds for the response that it is on.
        place: what the place in front adds.
        slope: the standard deviation, over items, of what both the cue and the place add besides.
        scale: what all is multiplied by: below 1 noisier than people, above 1 sharper.
        own: what is added for response A throughout.
        shrink: how far probabilities are drawn towards one half, 0..1.
        repeats: how many samples of each cell.
    """

    spread: float = 1.0
    cue: float = 0.0
    place: float = 0.0
    slope: float = 0.0
    scale: float = 1.0
    own: float = 0.0
    shrink: float = 0.0
    repeats: int = 1

    def chances(self, own: Floats, slope: Floats | float) -> Floats:
        """P(A) of items of shape (...): shape (..., order, side of the cue)."""
        front, side = np.array([[1.0], [-1.0]]), np.array([[1.0, -1.0]])
        more = np.asarray(slope)[..., None, None]
        odds = self.scale * (own[..., None, None] + self.own + (self.place + more) * front + (self.cue + more) * side)
        chance: Floats = (1 - self.shrink) / (1 + np.exp(-np.clip(odds, -700, 700))) + self.shrink / 2
        return chance

    def draw(self, rng: np.random.Generator, sets: int, n: int = PAIRS) -> tuple[Floats, Floats]:
        """Picks of shape (sets, n, 2, 2, repeats), and the items' own log-odds, shape (sets, n)."""
        own = self.spread * rng.standard_normal((sets, n))
        slope = self.slope * rng.standard_normal((sets, n)) if self.slope else np.zeros((sets, n))
        chance = self.chances(own, slope)[..., None]
        picks = (rng.random((*chance.shape[:-1], self.repeats)) < chance).astype(float)
        return picks, own + self.own

    def truths(self) -> tuple[float, float]:
        """The effects of the cue and of the place, over all items."""
        grid = np.linspace(-8, 8, 801)
        weights = np.exp(-grid * grid / 2)
        chance = self.chances(self.spread * grid, 0.0)
        mean = np.tensordot(weights / weights.sum(), chance, axes=1)
        return float((mean[:, 0] - mean[:, 1]).mean() / 2), float((mean[0] - mean[1]).mean() / 2)


def planted(spread: float, points: float, kind: str, beside: float = 0.0) -> Judge:
    """A judge whose cue, or place, is worth so many points of probability; `beside` are the log-odds of the other."""
    low, high = 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        judge = Judge(spread, cue=middle, place=beside) if kind == "cue" else Judge(spread, cue=beside, place=middle)
        found = judge.truths()[0 if kind == "cue" else 1]
        low, high = (middle, high) if found < points else (low, middle)
    return judge


Missing = Callable[[np.random.Generator, Floats, Floats], Floats]


def whole(rng: np.random.Generator, picks: Floats, own: Floats) -> Floats:
    """Every verdict is there."""
    return picks


def lost(rng: np.random.Generator, picks: Floats, chance: Floats | float) -> Floats:
    """The picks, each missing with its chance."""
    return np.where(rng.random(picks.shape) < chance, np.nan, picks)


def weaker_first(often: float = 0.3, seldom: float = 0.03) -> Missing:
    """Refused: often where the weaker response is shown first, else seldom."""

    def missing(rng: np.random.Generator, picks: Floats, own: Floats) -> Floats:
        weaker = np.stack([own < 0, own > 0], axis=-1)[..., None, None]
        return lost(rng, picks, np.where(weaker, often, seldom))

    return missing


def last_presentation(often: float = 0.3, seldom: float = 0.03) -> Missing:
    """Refused: often where response B is shown first, else seldom."""
    return lambda rng, picks, own: lost(rng, picks, np.array([seldom, often])[:, None, None])


def near_ties(often: float = 0.4, seldom: float = 0.03) -> Missing:
    """Refused: often the items that are nearest to a tie, a third of all, else seldom."""

    def missing(rng: np.random.Generator, picks: Floats, own: Floats) -> Floats:
        near = np.abs(own) < np.quantile(np.abs(own), 1 / 3)
        return lost(rng, picks, np.where(near, often, seldom)[..., None, None, None])

    return missing


def against(often: float = 0.3, seldom: float = 0.03) -> Missing:
    """Refused: often what would have been against the cue, or the place in front; else seldom."""

    def missing(rng: np.random.Generator, picks: Floats, own: Floats) -> Floats:
        with_cue = picks == np.array([1.0, 0.0])[:, None]
        with_place = picks == np.array([1.0, 0.0])[:, None, None]
        return lost(rng, picks, np.where(with_cue & with_place, seldom, often))

    return missing


def at_random(share: float) -> Missing:
    """A share of the calls fails, whatever it is about."""
    return lambda rng, picks, own: lost(rng, picks, share)


@dataclass(frozen=True, slots=True)
class World:
    """A judge, what its verdicts go missing by, and what may come of it.

    Attributes:
        most: the largest share that may be flagged.
        matched: whether as many must be flagged, but for a twentieth, as a t test finds.
    """

    name: str
    judge: Judge
    missing: Missing = whole
    allowed: Band | None = PROMISED
    most: float | None = FALSE_ALARMS
    kinds: tuple[str, ...] = ("cue", "order")
    matched: bool = False


def null_worlds() -> Iterator[World]:
    """Worlds without a cue and without a place that counts."""
    for told, spread in (("balanced", BALANCED), ("unbalanced", UNBALANCED)):
        yield World(f"no bias, {told}", Judge(spread))
        yield World(f"refused where the weaker is first, {told}", Judge(spread), weaker_first())
        yield World(f"seldom refused where the weaker is first, {told}", Judge(spread), weaker_first(0.12, 0.01))
        yield World(f"refused where B is first, {told}", Judge(spread), last_presentation())
        yield World(f"seldom refused where B is first, {told}", Judge(spread), last_presentation(0.12, 0.01))
        yield World(f"near-ties refused, {told}", Judge(spread), near_ties())
        yield World(f"near-ties seldom refused, {told}", Judge(spread), near_ties(0.15, 0.01))
        yield World(f"refused where against the cue, {told}", Judge(spread), against(), allowed=None)
        # no test can see it where each verdict is the throw of a coin: shown, not promised
        yield World(f"seldom refused where against the cue, {told}", Judge(spread), against(0.08, 0.01), None, None)
        yield World(f"5 % fail, {told}", Judge(spread), at_random(0.05))
        yield World(f"15 % fail, {told}", Judge(spread), at_random(0.15))
        yield World(f"item slopes, 5 repeats, {told}", Judge(spread, slope=1.0, repeats=5))
        yield World(f"noisier than people, {told}", Judge(spread, scale=0.3))
        yield World(f"sharper than people, {told}", Judge(spread, scale=4.0))
        yield World(f"own answers better by 1.5, {told}", Judge(spread, own=1.5))
        yield World(f"own answers worse by 1.5, {told}", Judge(spread, own=-1.5))
        yield World(f"scale shrunk by half, {told}", Judge(spread, shrink=0.5))
        yield World(f"scale shrunk by half, own answers better by 1.5, {told}", Judge(spread, own=1.5, shrink=0.5))
        yield World(f"position of 1.5 beside the cue, {told}", Judge(spread, place=1.5), kinds=("cue",))
    yield World("pure noise", Judge(0.0))
    # hardly any item changes: the interval errs towards too wide
    yield World("hardly ever in doubt", Judge(300.0), allowed=(0.94, 1.0))


def planted_worlds() -> Iterator[World]:
    """Worlds with a planted bias, alone or beside another."""
    gaps: list[tuple[Missing, str, bool]] = [
        (whole, "", True),
        (at_random(0.01), ", 1 % fail", True),
        (at_random(0.05), ", 5 % fail", True),
        (near_ties(0.15, 0.01), ", near-ties seldom refused", True),
        (near_ties(), ", near-ties refused", False),
    ]
    for told, spread in (("balanced", BALANCED), ("unbalanced", UNBALANCED)):
        for points, (kind, measured_as) in product(POINTS, (("cue", "cue"), ("place", "order"))):
            judge = planted(spread, points, kind)
            for missing, how, matched in gaps:
                allowed = None if "near-ties" in how else PROMISED
                name = f"{kind} of {points:.0%}, {told}{how}"
                yield World(name, judge, missing, allowed, None, (measured_as,), matched)
            both = planted(spread, points, kind, beside=BESIDE)
            name = f"{kind} of {points:.0%} beside another bias, {told}"
            yield World(name, both, whole, PROMISED, None, (measured_as,), matched=True)

"""Which simulated judges are all auditors shown? Biases of known size, in the forms that the tools want."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from plurijudge.benchmarks.planted_judges import (
    BALANCED,
    UNBALANCED,
    Judge,
    Missing,
    at_random,
    near_ties,
    planted,
    weaker_first,
    whole,
)

from .shown import Shown

Floats = NDArray[np.float64]
Kind = Literal["position", "length", "own"]

POINTS = 0.04
BETTER = 1.5
"""Log-odds by which the judge's own answers are better, or worse, in truth."""
WITH_QUALITY = 0.5
"""The correlation of an answer's length with its quality."""
MANY = 200_000


@dataclass(frozen=True, slots=True)
class World:
    """A simulated judge, and what an auditor should make of it.

    Attributes:
        name: what is so about it.
        kind: which bias is asked about.
        spread: the standard deviation of the items' own log-odds.
        points: the true effect of the bias on the scale of probabilities; 0 where there is none.
        scale: what the judge multiplies quality by; people do by 1.
        shrink: how far the judge draws its probabilities, or its scores, towards the middle.
        better: log-odds by which the judge's own answers are better in truth.
        slope: as in `planted_judges.Judge`, of the place.
        repeats: samples of each presentation.
        missing: which verdicts are missing.
    """

    name: str
    kind: Kind
    spread: float
    points: float = 0.0
    scale: float = 1.0
    shrink: float = 0.0
    better: float = 0.0
    slope: float = 0.0
    repeats: int = 1
    missing: Missing = whole

    def draw(self, rng: np.random.Generator, sets: int, n: int) -> Shown:
        """Data sets of this world."""
        if self.kind == "position":
            return self._position(rng, sets, n)
        return self._observed(rng, sets, n)

    def _position(self, rng: np.random.Generator, sets: int, n: int) -> Shown:
        place = planted(self.spread, self.points, "place").place if self.points else 0.0
        judge = Judge(self.spread, place=place, slope=self.slope, scale=self.scale, repeats=self.repeats)
        picks, own = judge.draw(rng, sets, n)
        return Shown(picks=self.missing(rng, picks, own)[:, :, :, 0])

    def _observed(self, rng: np.random.Generator, sets: int, n: int) -> Shown:
        """Pairs whose lengths, or authors, are there before any cue; and the same with a cue on either answer."""
        strength = self._strength()
        quality, side = self._items(rng, (sets, n))
        odds = (self.scale * quality + strength * side)[..., None]
        cue = np.array([strength, -strength])
        picks = (rng.random((sets, n, 2, 1)) < self._chance(odds)[..., None]).astype(float)
        cued = (rng.random((sets, n, 2, 2)) < self._chance(odds + cue)[:, :, None]).astype(float)
        gold = (rng.random((sets, n)) < 1 / (1 + np.exp(-quality))).astype(float)
        padded = (rng.random((sets, n, 2)) < self._chance(np.array(strength))).astype(float)
        lengths = np.round(np.exp(6 + 0.2 * np.stack([side, -side], axis=-1))).astype(np.float64)
        latent, mine = rng.standard_normal((sets, n)), rng.random((sets, n)) < 0.5
        latent = latent + self.better * mine
        scored = (1 - self.shrink) * latent + 0.5 * rng.standard_normal((sets, n)) + strength * mine
        people, judged = (np.clip(np.round(3 + 0.8 * value), 1, 5) for value in (latent, scored))
        return Shown(picks, cued, gold, side, lengths, padded, mine.astype(float), judged, people)

    def _items(self, rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
        """The quality in which A is ahead, and by how much it is longer, or whether it is the judge's own."""
        base = rng.standard_normal(shape)
        if self.kind == "length":
            longer = WITH_QUALITY * base + np.sqrt(1 - WITH_QUALITY**2) * rng.standard_normal(shape)
            return self.spread * base, longer
        whose = rng.integers(-1, 2, shape).astype(float)
        return self.spread * base + self.better * whose, whose

    def _chance(self, odds: Floats) -> Floats:
        chance: Floats = (1 - self.shrink) / (1 + np.exp(-np.clip(odds, -700, 700))) + self.shrink / 2
        return chance

    def _strength(self) -> float:
        """The log-odds of a cue that is worth `points`."""
        if not self.points:
            return 0.0
        quality, side = self._items(np.random.default_rng(0), (MANY,))
        low, high = 0.0, 5.0
        for _ in range(40):
            middle = (low + high) / 2
            odds = self.scale * quality + middle * side
            worth = float((self._chance(odds + middle) - self._chance(odds - middle)).mean()) / 2
            low, high = (middle, high) if worth < self.points else (low, middle)
        return high


def worlds() -> Iterator[World]:
    """All of them."""
    for told, spread in (("balanced", BALANCED), ("unbalanced", UNBALANCED)):
        yield World(f"no bias, {told}", "position", spread)
        yield World(f"refused where the weaker is first, {told}", "position", spread, missing=weaker_first())
        yield World(f"item slopes, 5 repeats, {told}", "position", spread, slope=1.0, repeats=5)
        yield World(f"4 points, {told}", "position", spread, POINTS)
        yield World(f"4 points, 5 % fail, {told}", "position", spread, POINTS, missing=at_random(0.05))
        yield World(f"20 points, near-ties refused, {told}", "position", spread, 0.2, missing=near_ties())
        yield World(f"length goes with quality, {told}", "length", spread)
        yield World(f"length goes with quality, noisier than people, {told}", "length", spread, scale=0.3)
        yield World(f"length goes with quality, sharper than people, {told}", "length", spread, scale=4.0)
        yield World(f"4 points, {told}", "length", spread, POINTS)
        yield World(f"own answers better, {told}", "own", spread, better=BETTER)
        yield World(f"own answers worse, {told}", "own", spread, better=-BETTER)
        yield World(f"own answers better, scale shrunk, {told}", "own", spread, better=BETTER, shrink=0.5)
        yield World(f"4 points, {told}", "own", spread, POINTS)

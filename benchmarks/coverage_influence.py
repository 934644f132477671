"""Are the influences of factors where their intervals say? Simulated raters of known truth, for coverage.py.

    python benchmarks/coverage_influence.py [NAME...] [--sets 5000] [--seed 1]

A prompt has four responses and so six pairs, which depend on each other: a response has a quality of its own, drawn
once, beside what its three factors add to it. `strong` and `weak` do, `nothing` does not; in some worlds prompts
differ in how far the factors count, pairs are tied, or values and preferences are missing. Truths come from
600,000 prompts of the world.

One JSON line a world, number of prompts, estimator and factor: `truth`, `mean`, `coverage`, `flagged` (the share of
data sets with a q value of at most .05), `unknown`, `width`, `allowed` and `most`, as in coverage_factors.py.

- `factor_influence`: tau14, tau13 and tau_b with Student's t, the mean over prompts, and the bootstrap of tau14 (a
  fifth of the data sets; the percentile interval of few prompts is too short, which is shown and not demanded).
- `paired_differences`: two raters on the same pairs. `nothing` is followed by none of the two, `weak` by both alike.
  In `at the margin` the margin is the true difference of `strong`: `flagged` there is how often it is called
  equivalent.

Exit codes: 0 all within, 1 one outside, 2 no such name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from plurijudge.benchmarks.simulated import PROMISED, Band, inside, run
from plurijudge.metrics.estimate import Estimate
from plurijudge.metrics.factor_cells import Variant
from plurijudge.metrics.factor_differences import paired_differences
from plurijudge.metrics.factors import Influence, factor_influence

Floats = NDArray[np.float64]

FEW: Band = (0.92, 0.975)  # 20 prompts, of uneven size in one world
FACTORS = ("strong", "weak", "nothing")
FALSE_ALARMS = 0.06
LARGE, PARTS = 50_000, 12
FIRST, SECOND = (np.array(side) for side in zip(*combinations(range(4), 2), strict=True))
VARIANTS: tuple[Variant, ...] = ("tau14", "tau13", "tau_b")


@dataclass(frozen=True, slots=True)
class InfluenceLine:
    """What a world showed of one factor."""

    name: str
    world: str
    n: int
    estimator: str
    factor: str
    truth: float
    mean: float
    coverage: float
    flagged: float
    unknown: float
    width: float
    allowed: Band | None
    most: float | None

    @property
    def held(self) -> bool:
        """Whether coverage and false alarms lie where they must."""
        return inside(self.coverage, self.allowed) and (self.most is None or self.flagged <= self.most)

    @property
    def told(self) -> str:
        """What to say where they do not."""
        where = f"{self.name}, {self.world}, n={self.n}, {self.estimator}, {self.factor}"
        return f"{where}: {self.coverage:.4f}, flagged {self.flagged:.4f}"


class Drawn(NamedTuple):
    """One data set: preferences of two raters, signs, prompts."""

    people: Floats
    judge: Floats
    signs: Floats
    prompts: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class World:
    """Two raters and their responses.

    Attributes:
        spread: how far prompts differ in how much the factors count; 0 for not at all.
        ties: how near two responses are for a tie.
        missing: the share of responses whose factor is unknown, and of pairs without a preference.
        uneven: whether prompts have one to four responses and not four.
    """

    spread: float = 0.0
    ties: float = 0.0
    missing: float = 0.0
    uneven: bool = False

    def draw(self, rng: np.random.Generator, n: int) -> Drawn:
        """Draw a data set of n prompts."""
        values = rng.integers(0, 5, size=(n, 4, 3)).astype(float)
        weights = np.array([0.5, 0.15, 0.0]) * (1 + self.spread * rng.standard_normal((n, 1, 1)))
        quality = rng.gumbel(size=(2, n, 4)) * 0.7 + rng.gumbel(size=(n, 4))
        likes = (values * weights).sum(axis=2), (values * weights * np.array([0.5, 1.0, 1.0])).sum(axis=2)
        gaps = [(like + own)[:, FIRST] - (like + own)[:, SECOND] for like, own in zip(likes, quality, strict=True)]
        people, judge = (np.where(np.abs(gap) <= self.ties, 0.0, np.sign(gap)) for gap in gaps)
        values[rng.random(values.shape) < self.missing] = np.nan
        people[rng.random(people.shape) < self.missing] = np.nan
        if self.uneven:
            gone = np.arange(4) >= rng.integers(2, 5, size=(n, 1))
            people[gone[:, FIRST] | gone[:, SECOND]] = np.nan
        signs = np.sign(values[:, FIRST] - values[:, SECOND])
        return Drawn(people.ravel(), judge.ravel(), signs.reshape(-1, 3), np.arange(n).repeat(6))


WORLDS = {
    "responses of a prompt shared": World(),
    "prompts differ": World(spread=0.7),
    "ties": World(spread=0.5, ties=0.8),
    "missing, prompts of any size": World(spread=0.5, missing=0.1, uneven=True),
}

Found = tuple[Estimate, float | None]


def influence_lines(seed: int, sets: int) -> Iterator[InfluenceLine]:
    """The marginal influences of one rater."""
    for number, (told, world) in enumerate(WORLDS.items()):
        large = _large(world, [seed, 7000 + number])
        wholes = {variant: [_influences(data, variant) for data in large] for variant in VARIANTS}
        for place, n in enumerate((20, 80, 300)):
            rng = np.random.default_rng([seed, 7100 + number, place])
            drawn = [world.draw(rng, n) for _ in range(sets)]
            for variant, whole in wholes.items():
                rows = [_influences(data, variant) for data in drawn]
                kinds = (variant, "macro") if variant == "tau14" else (variant,)
                for kind in kinds:
                    name = "macro" if kind == "macro" else "pooled"
                    truth = _means([[getattr(one, name) for one in row] for row in whole])
                    found: list[list[Found]] = [[(getattr(one, name), one.q_value) for one in row] for row in rows]
                    yield from _lines("factor_influence", told, n, kind, truth, found, FEW if n < 30 else PROMISED)
            truth = _means([[one.pooled for one in row] for row in wholes["tau14"]])
            few = [_influences(data, "tau14", resamples=400) for data in drawn[: max(1, sets // 5)]]
            found = [[(one.bootstrap, one.q_value) for one in row] for row in few]
            yield from _lines("factor_influence", told, n, "bootstrap", truth, found, None)


def _large(world: World, seed: list[int]) -> list[Drawn]:
    """So many prompts that what they show is the truth, in parts that fit into memory."""
    rng = np.random.default_rng(seed)
    return [world.draw(rng, LARGE) for _ in range(PARTS)]


def _means(parts: list[list[Estimate]]) -> list[float]:
    """The mean over the parts of each factor's estimate."""
    return [float(np.mean([row[number].estimate for row in parts])) for number in range(len(FACTORS))]


def _influences(data: Drawn, variant: Variant, resamples: int = 0) -> list[Influence]:
    return factor_influence(data.people, data.signs, data.prompts, variant=variant, resamples=resamples)


def difference_lines(seed: int, sets: int) -> Iterator[InfluenceLine]:
    """Two raters, of whom the judge follows `strong` half as much."""
    for number, (told, world) in enumerate(WORLDS.items()):
        large = [paired_differences(*data) for data in _large(world, [seed, 7500 + number])]
        truth = _means([[one.difference for one in row] for row in large])
        for place, n in enumerate((20, 80, 300)):
            rng = np.random.default_rng([seed, 7600 + number, place])
            drawn = [paired_differences(*world.draw(rng, n)) for _ in range(sets)]
            found: list[list[Found]] = [[(one.difference, one.q_value) for one in row] for row in drawn]
            yield from _lines("paired_differences", told, n, "tau", truth, found, FEW if n < 30 else PROMISED)
        margin, rng = abs(truth[0]), np.random.default_rng([seed, 7700 + number])
        met = [paired_differences(*world.draw(rng, 80), margin=margin)[0].equivalent for _ in range(sets)]
        called = float(np.mean([one is True for one in met]))
        yield InfluenceLine(
            name="paired_differences",
            world=f"at the margin, {told}",
            n=80,
            estimator="equivalence",
            factor="strong",
            truth=round(truth[0], 4),
            mean=round(margin, 4),
            coverage=round(1 - called, 4),
            flagged=round(called, 4),
            unknown=round(float(np.mean([one is None for one in met])), 4),
            width=0.0,
            allowed=None,
            most=FALSE_ALARMS,
        )


def _lines(
    name: str,
    world: str,
    n: int,
    estimator: str,
    truth: list[float],
    found: list[list[Found]],
    allowed: Band | None,
) -> Iterator[InfluenceLine]:
    for number, factor in enumerate(FACTORS):
        column = [row[number] for row in found]
        known = [one for one, _ in column if one.low is not None and one.high is not None]
        ends = np.array([(one.low, one.high, one.estimate) for one in known], dtype=float).reshape(-1, 3)
        target = truth[number]
        covered = (ends[:, 0] <= target) & (target <= ends[:, 1])
        flagged = float(np.mean([q is not None and q <= 0.05 for _, q in column]))
        yield InfluenceLine(
            name=name,
            world=world,
            n=n,
            estimator=estimator,
            factor=factor,
            truth=round(target, 4),
            mean=round(float(ends[:, 2].mean()), 4),
            coverage=round(float(covered.mean()), 4),
            flagged=round(flagged, 4),
            unknown=round(1 - len(known) / len(column), 4),
            width=round(float((ends[:, 1] - ends[:, 0]).mean()), 4),
            allowed=allowed,
            most=FALSE_ALARMS if factor == "nothing" else None,
        )


SIMULATIONS: dict[str, Callable[[int, int], Iterator[InfluenceLine]]] = {
    "factor_influence": influence_lines,
    "paired_differences": difference_lines,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the simulations that were named, or all."""
    return run(SIMULATIONS, arguments, about=__doc__)


if __name__ == "__main__":
    sys.exit(main())

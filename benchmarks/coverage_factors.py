"""Are the weights and effects of factors where the intervals say? Simulated judges of known truth, for coverage.py.

    python benchmarks/coverage_factors.py [NAME...] [--sets 5000] [--seed 1]

One JSON line a world and factor: `truth`, `mean` (of the estimates), `coverage` of the interval, `flagged` (the share
of data sets in which the q value is at most .05), `unknown` (the share without an interval), `width` (mean), `allowed`,
the band of the coverage, and `most`, the limit of `flagged` of a factor that does nothing; null where a world is there
to show what happens.

- `factor_weights`: logit weights of correlated factors. In most worlds a response has a quality of its own beside its
  factors, drawn from a Gumbel distribution: the difference of two is logistic, so the model holds for every pair, while
  pairs that share a response depend on each other.
- `conjoint`: effects on a judge of six attributes, levels drawn by the design, the place in front among them.
- `rewrites`: what an attribute does to a score, by double and by single rewrites, where the rewriter also polishes.

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
from plurijudge.metrics.conjoint import amce
from plurijudge.metrics.conjoint_design import Design, stacked
from plurijudge.metrics.estimate import Estimate
from plurijudge.metrics.factor_weights import Ties, factor_weights
from plurijudge.metrics.rewrites import rewrite_effect

Floats = NDArray[np.float64]

FEW: Band = (0.94, 0.975)
"""With fewer than thirty pairs a weight the interval errs towards too wide."""

FALSE_ALARMS = 0.05
WEIGHTS = {"length": 0.8, "facts": -0.5, "lists": 0.0, "hedging": 0.3, "overlap": 0.0, "novelty": 0.5}
TOGETHER = 0.5
SHOWN = 1000
"""Data sets of a world that is there to show what happens."""


@dataclass(frozen=True, slots=True)
class FactorLine:
    """What a world showed of one factor."""

    name: str
    world: str
    n: int
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
        return f"{self.name}, {self.world}, n={self.n}, {self.factor}: {self.coverage:.4f}, flagged {self.flagged:.4f}"


class Drawn(NamedTuple):
    """One data set: factor differences, preferences, prompts, and which was shown first."""

    differences: Floats
    preferences: Floats
    prompts: NDArray[np.intp]
    shown: Floats


@dataclass(frozen=True, slots=True)
class World:
    """A judge and its responses.

    Attributes:
        name: in words.
        responses: how many a prompt; each pair of them is judged.
        own: whether a response has a quality of its own, which all its pairs share; else every verdict errs alone.
        slopes: the standard deviation of the weights over prompts.
        place: what standing in front is worth; which response stands there is drawn anew for each pair.
        modelled: whether the model has a term for it.
        flips: how many verdicts are a coin's.
        hidden: what a quality is worth that goes with length and is not among the factors.
        refused: the share of pairs without a verdict where the longer response loses; a tenth of it elsewhere.
        tie: the log of Davidson's parameter; None where there are no ties.
        ties: how the model treats ties.
        promised: whether the model holds.
    """

    name: str
    responses: int = 4
    own: bool = True
    slopes: float = 0.0
    place: float = 0.0
    modelled: bool = False
    flips: float = 0.0
    hidden: float = 0.0
    refused: float = 0.0
    tie: float | None = None
    ties: Ties = "left out"
    promised: bool = True

    def draw(self, rng: np.random.Generator, prompts: int) -> Drawn:
        """One data set."""
        r, k, weights = self.responses, len(WEIGHTS), np.array(list(WEIGHTS.values()))
        common = rng.standard_normal((prompts, r, 1))
        factors = np.sqrt(TOGETHER) * common + np.sqrt(1 - TOGETHER) * rng.standard_normal((prompts, r, k))
        slopes = weights + self.slopes * rng.standard_normal((prompts, 1, k))
        quality = (factors * slopes).sum(axis=2)
        if self.own:
            quality = quality + rng.gumbel(size=(prompts, r))
        quality = quality + self.hidden * (factors[:, :, 0] + rng.standard_normal((prompts, r)))
        one, other = np.array(list(combinations(range(r), 2))).T
        differences = (factors[:, one] - factors[:, other]).reshape(-1, k)
        shown = rng.choice([1.0, -1.0], len(differences))
        odds = (quality[:, one] - quality[:, other]).reshape(-1) + self.place * shown
        if self.tie is not None:
            said = self._with_ties(rng, odds, self.tie)
        else:
            said = np.sign(odds if self.own else odds + rng.logistic(size=len(odds)))
        said = np.where(rng.random(len(said)) < self.flips, rng.choice([1.0, -1.0], len(said)), said)
        against = said * differences[:, 0] < 0
        lost = rng.random(len(said)) < np.where(against, self.refused, self.refused / 10)
        labels = np.repeat(np.arange(prompts), len(one))
        return Drawn(differences, np.where(lost, np.nan, said), labels, shown)

    @staticmethod
    def _with_ties(rng: np.random.Generator, odds: Floats, tie: float) -> Floats:
        """Davidson's judge."""
        strengths = np.exp(np.stack([odds / 2, -odds / 2, np.full_like(odds, tie)]))
        shares = strengths / strengths.sum(axis=0)
        luck = rng.random(len(odds))
        return np.where(luck < shares[0], 1.0, np.where(luck < shares[0] + shares[1], -1.0, 0.0))


WORLDS = (
    World("every verdict errs alone", own=False),
    World("ties, Davidson's model", own=False, tie=0.0, ties="davidson"),
    World("ties, left out", own=False, tie=0.0),
    World("ties, each half a win of both", own=False, tie=0.0, ties="half", promised=False),
    World("responses have a quality of their own"),
    World("one pair a prompt", responses=2),
    World("a known order, modelled", place=0.7, modelled=True, own=False),
    World("a known order that counts for nothing, modelled", modelled=True),
    World("a place in front that is not modelled", place=1.5, own=False, promised=False),
    World("15 % of verdicts are a coin's", flips=0.15, promised=False),
    World("weights differ from prompt to prompt (sd .7)", slopes=0.7, promised=False),
    World("a hidden quality goes with length", hidden=0.7, promised=False),
    World("30 % refused where the longer loses", refused=0.3, promised=False),
)


class Kept(NamedTuple):
    """What is kept of an estimate."""

    value: float
    low: float
    high: float
    q_value: float


def kept(found: Estimate | None, q_value: float | None) -> Kept:
    """Of an estimate what a line is made of, NaN where it is unknown."""
    if found is None or found.low is None or found.high is None:
        return Kept(np.nan, np.nan, np.nan, np.nan)
    return Kept(found.estimate or 0.0, found.low, found.high, np.nan if q_value is None else q_value)


def line_of(
    name: str,
    world: str,
    n: int,
    factor: str,
    truth: float,
    told: list[Kept],
    *,
    promised: bool,
    none: bool,
    band: Band = PROMISED,
) -> FactorLine:
    """What many data sets show of one factor; an interval that is unknown promises nothing and covers nothing."""
    values, low, high, q = np.array(told).T
    known = ~np.isnan(low)
    return FactorLine(
        name,
        world,
        n,
        factor,
        round(truth, 4),
        round(float(values[known].mean()), 4),
        round(float(((low <= truth) & (truth <= high))[known].mean()), 4),
        round(float((q <= 0.05).mean()), 4),
        round(float(1 - known.mean()), 4),
        round(float((high - low)[known].mean()), 4),
        band if promised else None,
        FALSE_ALARMS + 3 * float(np.sqrt(0.05 * 0.95 / len(told))) if none and promised else None,
    )


def weights_of(world: World, rng: np.random.Generator, sets: int, prompts: int) -> Iterator[FactorLine]:
    """Draw the data sets of a world and say what was found of each factor."""
    told: dict[str, list[Kept]] = {name: [] for name in WEIGHTS}
    if world.modelled:
        told["place in front"] = []
    truths = WEIGHTS | {"place in front": world.place}
    for _ in range(sets):
        drawn = world.draw(rng, prompts)
        found = factor_weights(
            drawn.differences,
            drawn.preferences,
            prompts=drawn.prompts,
            names=list(WEIGHTS),
            shown=drawn.shown if world.modelled else None,
            ties=world.ties,
            scale=[1.0] * len(WEIGHTS),
            draws=0,
        )
        for row in found.weights:
            told[row.name].append(kept(row.weight, row.q_value))
        if found.position is not None:
            told["place in front"].append(kept(found.position.weight, found.position.p_value))
    pairs = prompts * world.responses * (world.responses - 1) // 2
    band = PROMISED if pairs >= 30 * len(WEIGHTS) else FEW
    for factor, rows in told.items():
        truth = truths[factor]
        yield line_of(
            "factor_weights",
            world.name,
            prompts,
            factor,
            truth,
            rows,
            promised=world.promised,
            none=truth == 0,
            band=band,
        )


def weight_lines(seed: int, sets: int) -> Iterator[FactorLine]:
    """All worlds of weights."""
    for number, world in enumerate(WORLDS):
        for prompts in (100, 300):
            rng = np.random.default_rng([seed, number, prompts])
            yield from weights_of(world, rng, min(sets, 5000 if world.promised else SHOWN), prompts)


ATTRIBUTES = Design(
    {
        "answer": ["right", "wrong"],
        "length": ["short", "middling", "long"],
        "citation": ["none", "made up"],
        "tone": ["plain", "warm"],
        "format": ["prose", "list"],
    }
)
EFFECTS = {"wrong": -1.6, "middling": 0.3, "long": 0.6, "made up": 0.5, "warm": 0.0, "list": 0.25, "first": 0.4}


def conjoint_truths(spread: float, grid: int = 400_000) -> dict[str, float]:
    """The effects on the chance of being preferred, by drawing very many opponents and prompts."""
    rng = np.random.default_rng(0)
    worth = {
        name: np.array([EFFECTS.get(level, 0.0) for level in levels]) for name, levels in ATTRIBUTES.attributes.items()
    }
    sides = {name: rng.choice(values, (grid, 2)) for name, values in worth.items()}
    alike = sum((side[:, 0] - side[:, 1] for side in sides.values()), np.zeros(grid))
    front = EFFECTS["first"] + spread * rng.standard_normal(grid)
    apart = alike + front * rng.choice([1.0, -1.0], grid)
    truths: dict[str, float] = {}
    for name, levels in ATTRIBUTES.attributes.items():
        rest = apart - sides[name][:, 0]
        means = [float((1 / (1 + np.exp(-rest - value))).mean()) for value in worth[name]]
        truths |= {level: mean - means[0] for level, mean in zip(levels[1:], means[1:], strict=True)}
    both = [float((1 / (1 + np.exp(-alike - sign * front))).mean()) for sign in (1, -1)]
    return truths | {"first": both[0] - both[1]}


def conjoint_world(rng: np.random.Generator, sets: int, spread: float = 0.0) -> Iterator[FactorLine]:
    """A judge of six attributes, four pairs a prompt; `spread` is how far prompts lean to the first or the second."""
    told: dict[str, list[Kept]] = {level: [] for level in EFFECTS}
    truths, prompts = conjoint_truths(spread), [f"p{place}" for place in range(100)]
    for _ in range(sets):
        tasks = ATTRIBUTES.draw(prompts, pairs=4, seed=int(rng.integers(1 << 62)))
        own = np.repeat(spread * rng.standard_normal(len(prompts)), 4)
        odds = np.array([_worth(task.first) - _worth(task.second) for task in tasks]) + EFFECTS["first"] + own
        given = stacked(ATTRIBUTES, tasks, (rng.random(len(odds)) < 1 / (1 + np.exp(-odds))).astype(float).tolist())
        found = amce(given.chosen, given.profiles, levels=given.levels, clusters=given.clusters)
        for row in found.levels:
            if row.effect is not None:
                told[row.level].append(kept(row.effect, row.q_value))
    world = "prompts lean to a place" if spread else "every prompt alike"
    for level, rows in told.items():
        yield line_of("conjoint", world, 100, level, truths[level], rows, promised=True, none=EFFECTS[level] == 0)


def conjoint_lines(seed: int, sets: int) -> Iterator[FactorLine]:
    """All worlds of designs."""
    for number, spread in enumerate((0.0, 1.0)):
        yield from conjoint_world(np.random.default_rng([seed, 50 + number]), min(sets, 5000), spread)


def _worth(profile: dict[str, str]) -> float:
    return sum(EFFECTS.get(level, 0.0) for level in profile.values())


def rewrite_lines(seed: int, sets: int) -> Iterator[FactorLine]:
    """An attribute worth 0.4, or nothing; any rewriting adds 0.5; responses that have it are better by 0.8."""
    for number, effect in enumerate((0.4, 0.0)):
        rng = np.random.default_rng([seed, 80 + number])
        told: dict[str, list[Kept]] = {name: [] for name in ("double", "single", "as found")}
        for _ in range(min(sets, 5000)):
            has = (rng.random((80, 3)) < 0.3).astype(float)
            quality = rng.standard_normal((80, 1)) + 0.8 * has + 0.5 * rng.standard_normal((80, 3))
            noise = 0.6 * rng.standard_normal((3, 80, 3))
            original = quality + effect * has + noise[0]
            once = quality + effect * (1 - has) + 0.5 + noise[1]
            twice = quality + effect * has + 0.5 + noise[2]
            columns = [column.reshape(-1) for column in (original, once, twice)]
            found = rewrite_effect(*columns, has=has.reshape(-1), prompts=np.repeat(np.arange(80), 3))
            for name, one in (("double", found.ate), ("single", found.single_ate), ("as found", found.naive)):
                told[name].append(kept(one, 1.0 if one.low is not None and one.low <= 0 <= (one.high or 0) else 0.0))
        for name, rows in told.items():
            ours = name == "double"
            told_world = f"attribute worth {effect}"
            yield line_of("rewrites", told_world, 80, name, effect, rows, promised=ours, none=ours and not effect)


SIMULATIONS: dict[str, Callable[[int, int], Iterator[FactorLine]]] = {
    "factor_weights": weight_lines,
    "conjoint": conjoint_lines,
    "rewrites": rewrite_lines,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the simulations that were named, or all."""
    return run(SIMULATIONS, arguments, about=__doc__)


if __name__ == "__main__":
    sys.exit(main())

"""Does an audit find the biases that are there, and no others? Simulated judges of known truth, for coverage.py.

    python benchmarks/coverage_bias.py [NAME...] [--sets 5000] [--seed 1]

One JSON line a world: `coverage` of the interval of complete pairs, `bounded` that of the interval for the bounds,
`flagged` the share of data sets that are flagged, `t_test` the share in which a t test over the items' complete pairs
finds a bias, `hangs` the share whose conclusion hangs on the missing verdicts, `sure` the share that would be flagged
whatever the missing verdicts were. `allowed` is the band of the coverage, `most` and `least` the limits of `flagged`;
null where a world is there to show what happens. `bias_battery` has lines of its own: how often each of five biases is
flagged after Benjamini and Hochberg, and how often its interval covers, in a fifth as many audits; so has `deaf`: how
often a judge is called deaf, by how much of what is damaged it notices.

The judges are those of `planted_judges.py`.

Exit codes: 0 all within, 1 one outside, 2 no such name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from plurijudge.benchmarks.planted_judges import (
    BALANCED,
    BESIDE,
    FALSE_ALARMS,
    PAIRS,
    UNBALANCED,
    Floats,
    Judge,
    World,
    null_worlds,
    planted_worlds,
)
from plurijudge.benchmarks.simulated import PROMISED, Band, inside, run
from plurijudge.metrics.attacks import sensitivity
from plurijudge.metrics.bias import Effect, cue_effect, decide, order_effect
from plurijudge.metrics.intervals import student_t_quantile

ALPHA = 0.05
MOST_SETS = 5000


@dataclass(frozen=True, slots=True)
class Line:
    """What a world showed."""

    name: str
    world: str
    n: int
    truth: float
    coverage: float
    bounded: float
    flagged: float
    t_test: float
    hangs: float
    sure: float
    allowed: Band | None
    most: float | None
    least: float | None = None

    @property
    def held(self) -> bool:
        """Whether all lies where it must; the bounds hold in every world."""
        few = self.most is None or self.flagged <= self.most
        enough = self.least is None or self.flagged >= self.least
        return inside(self.coverage, self.allowed) and few and enough and self.bounded >= PROMISED[0]

    @property
    def told(self) -> str:
        """What to say where it does not."""
        return f"{self.name}, {self.world}: coverage {self.coverage}, bounds {self.bounded}, flagged {self.flagged}"


def measured(kind: str, picks: Floats) -> list[Effect]:
    """The effect in each data set, from picks of shape (sets, n, 2, 2, repeats)."""
    if kind == "cue":
        return [cue_effect(one) for one in picks]
    return [order_effect(one[:, :, 0]) for one in picks]


def t_found(kind: str, picks: Floats) -> NDArray[np.bool_]:
    """In which data sets a plain t test over items with complete pairs finds an effect at .05, two-sided."""
    with np.errstate(invalid="ignore", divide="ignore"):
        cells = np.where(np.isnan(picks), 0, picks).sum(axis=-1) / (~np.isnan(picks)).sum(axis=-1)
        apart = cells[..., 0] - cells[..., 1] if kind == "cue" else (cells[..., 0, 0] - cells[..., 1, 0])[..., None]
        items = np.where(np.isnan(apart), 0, apart).sum(axis=-1) / (~np.isnan(apart)).sum(axis=-1)
        n = (~np.isnan(items)).sum(axis=-1)
        error = np.nanstd(items, axis=-1, ddof=1) / np.sqrt(n)
        found: NDArray[np.bool_] = np.abs(np.nanmean(items, axis=-1) / error) > student_t_quantile(
            0.975, picks.shape[1] - 1
        )
    return found


def line_of(world: World, kind: str, rng: np.random.Generator, sets: int, n: int = PAIRS) -> Line:
    """Draw the data sets of a world and say what was found."""
    truth = world.judge.truths()[0 if kind == "cue" else 1]
    effects, tests, left = [], [], min(sets, MOST_SETS)
    while left:
        many = min(left, 250)
        picks, own = world.judge.draw(rng, many, n)
        picks = world.missing(rng, picks, own)
        effects += measured(kind, picks)
        tests.append(t_found(kind, picks))
        left -= many
    test = float(np.mean(np.concatenate(tests)))
    held, bounded = ([covers(found, truth) for found in ends] for ends in _both(effects))
    flags = [one.flagged for one in effects]
    least = 0.95 * test if world.matched else None
    return Line(
        f"bias, {kind}",
        world.name,
        n,
        round(truth, 4),
        round(float(np.mean(held)), 4),
        round(float(np.mean(bounded)), 4),
        round(float(np.mean([flag is True for flag in flags])), 4),
        round(test, 4),
        round(float(np.mean([one.conclusion == "hangs on what is missing" for one in effects])), 4),
        round(float(np.mean([one.p_worst is not None and one.p_worst <= ALPHA for one in effects])), 4),
        world.allowed,
        world.most,
        least,
    )


def _both(effects: list[Effect]) -> tuple[list[Band | None], list[Band | None]]:
    pairs = [(one.effect, one.bounded) for one in effects]
    ends = [[None if e.low is None or e.high is None else (e.low, e.high) for e in two] for two in pairs]
    return [two[0] for two in ends], [two[1] for two in ends]


def covers(ends: Band | None, truth: float) -> bool:
    """Whether an interval holds the truth; one that is unknown promises nothing."""
    return ends is None or ends[0] - 1e-12 <= truth <= ends[1] + 1e-12


BATTERY = ("position", "length", "authority", "bandwagon", "self")


def battery(rng: np.random.Generator, spread: float, biases: dict[str, float], n: int = PAIRS) -> list[Effect]:
    """One audit: position without a cue, and four cues, of a judge with the biases that are given in log-odds."""
    found, place = [], biases.get("position", 0.0)
    own = spread * rng.standard_normal(n)
    for name in BATTERY:
        judge = Judge(spread, place=place, cue=0.0 if name == "position" else biases.get(name, 0.0))
        picks = (rng.random((n, 2, 2)) < judge.chances(own, 0.0)).astype(float)
        found.append(order_effect(picks[:, :, 0]) if name == "position" else cue_effect(picks))
    return found


def lines(seed: int, sets: int) -> Iterator[Line]:
    """All worlds."""
    for number, world in enumerate([*null_worlds(), *planted_worlds()]):
        for place, kind in enumerate(world.kinds):
            yield line_of(world, kind, np.random.default_rng([seed, number, place]), sets)


@dataclass(frozen=True, slots=True)
class BatteryLine:
    """How often each bias of an audit of five is flagged after Benjamini and Hochberg."""

    name: str
    world: str
    n: int
    planted: dict[str, float]
    flagged: dict[str, float]
    coverage: dict[str, float]

    @property
    def held(self) -> bool:
        """Whether what was not planted is flagged seldom enough, and all intervals cover, as 1,000 audits can tell."""
        few = all(rate <= FALSE_ALARMS for name, rate in self.flagged.items() if name not in self.planted)
        return few and all(0.925 <= rate <= 0.975 for rate in self.coverage.values())

    @property
    def told(self) -> str:
        """What to say where they are."""
        return f"{self.name}, {self.world}: flagged {self.flagged}, coverage {self.coverage}"


def truth_of(name: str, spread: float, biases: dict[str, float]) -> float:
    """The true effect of one of the battery's biases."""
    place = biases.get("position", 0.0)
    cue = 0.0 if name == "position" else biases.get(name, 0.0)
    return Judge(spread, place=place, cue=cue).truths()[1 if name == "position" else 0]


def battery_lines(seed: int, sets: int) -> Iterator[BatteryLine]:
    """Audits of five biases, of which none, one or two are planted."""
    plans: list[dict[str, float]] = [{}, *({name: BESIDE} for name in BATTERY), {"position": 0.8, "length": -0.8}]
    for number, plan in enumerate([*plans, {"self": 0.8, "authority": 0.8}]):
        for told, spread in (("balanced", BALANCED), ("unbalanced", UNBALANCED)):
            rng = np.random.default_rng([seed, 7000 + number, int(10 * spread)])
            audits = [battery(rng, spread, plan) for _ in range(max(1, min(sets, MOST_SETS) // 5))]
            flagged = np.mean([[one.flagged is True for one in decide(audit)] for audit in audits], axis=0)
            truths = [truth_of(name, spread, plan) for name in BATTERY]
            ends = [[ends for ends, _ in zip(*_both(audit), strict=True)] for audit in audits]
            covered = np.mean([[covers(*one) for one in zip(each, truths, strict=True)] for each in ends], axis=0)
            rates, coverage = (dict(zip(BATTERY, found.round(4).tolist(), strict=True)) for found in (flagged, covered))
            world = f"{' and '.join(plan) or 'none'} planted, {told}"
            yield BatteryLine("bias, battery", world, PAIRS, plan, rates, coverage)


@dataclass(frozen=True, slots=True)
class DeafLine:
    """How often a judge fails the sensitivity half, by the share of damaged responses that it turns away from."""

    name: str
    world: str
    n: int
    notices: float
    deaf: float
    hears: float
    most_deaf: float | None
    least_deaf: float | None

    @property
    def held(self) -> bool:
        """Whether it is called deaf as often as it must, and may."""
        few = self.most_deaf is None or self.deaf <= self.most_deaf
        return few and (self.least_deaf is None or self.deaf >= self.least_deaf)

    @property
    def told(self) -> str:
        """What to say where it is not."""
        return f"{self.name}, {self.world}: called deaf {self.deaf}, hearing {self.hears}"


def deaf_lines(seed: int, sets: int) -> Iterator[DeafLine]:
    """Judges of which some notice damage and some do not, each item judged twice before it is damaged."""
    for number, (notices, (told, spread)) in enumerate(
        product((0.0, 0.5, 0.9), (("balanced", BALANCED), ("unbalanced", UNBALANCED)))
    ):
        rng, found = np.random.default_rng([seed, 8000 + number]), []
        for _ in range(max(1, min(sets, MOST_SETS) // 5)):
            chance = 1 / (1 + np.exp(-spread * rng.standard_normal((PAIRS, 1, 1))))
            control = (rng.random((PAIRS, 2, 2)) < chance).astype(float)
            edited, damaged = (rng.random((PAIRS, 2, 1)) < chance).astype(float), rng.integers(0, 2, PAIRS)
            noticed = rng.random(edited.shape) < notices
            edited = np.where(noticed, 1.0 - damaged[:, None, None], edited)
            found.append(sensitivity(edited, control, damaged).deaf)
        deaf, hears = (round(float(np.mean([one is what for one in found])), 4) for what in (True, False))
        limits = (None, 0.95) if notices == 0 else (0.05, None)
        yield DeafLine("deaf", f"notices {notices:.0%}, {told}", PAIRS, notices, deaf, hears, *limits)


SIMULATIONS: dict[str, Callable[[int, int], Iterator[Line] | Iterator[BatteryLine] | Iterator[DeafLine]]] = {
    "bias": lines,
    "bias_battery": battery_lines,
    "deaf": deaf_lines,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the simulations that were named, or all."""
    return run(SIMULATIONS, arguments, about=__doc__)


if __name__ == "__main__":
    sys.exit(main())

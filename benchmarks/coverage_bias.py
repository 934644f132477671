"""Does an audit find the biases that are there, and no others? Simulated judges of known truth, for coverage.py.

    python benchmarks/coverage_bias.py [NAME...] [--sets 5000] [--seed 1]

One JSON line a world: `coverage` of the interval of complete pairs, `bounded` that of the interval for the bounds,
`flagged` the share of data sets that are flagged, `t_test` the share in which a t test over the items' complete pairs
finds a bias, `hangs` the share whose conclusion hangs on the missing verdicts. `allowed` is the band of the coverage,
`most` and `least` the limits of `flagged`; null where a world is there to show what happens. `bias_battery` has
lines of its own: how often each of five biases is flagged after Benjamini and Hochberg, in a fifth as many audits.

Padding is planted on either side, so a length that goes with quality, and whose answers they are, are no more than
log-odds of the items' own: worlds with other spreads and centres.

Exit codes: 0 all within, 1 one outside, 2 no such name.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from plurijudge.metrics.bias import Effect, cue_effect, decide, order_effect
from plurijudge.metrics.intervals import student_t_quantile

Floats = NDArray[np.float64]
Band = tuple[float, float]

PAIRS = 300
PROMISED: Band = (0.94, 0.96)
FALSE_ALARMS = 0.06
BALANCED, UNBALANCED = 0.5, 3.0
POINTS = (0.04, 0.2)


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


def planted(spread: float, points: float, kind: str) -> Judge:
    """A judge whose cue, or place, is worth so much on the scale of probabilities."""
    low, high = 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        judge = Judge(spread, cue=middle) if kind == "cue" else Judge(spread, place=middle)
        found = judge.truths()[0 if kind == "cue" else 1]
        low, high = (middle, high) if found < points else (low, middle)
    return judge


Missing = Callable[[np.random.Generator, Floats, Floats], Floats]


def whole(rng: np.random.Generator, picks: Floats, own: Floats) -> Floats:
    """Every verdict is there."""
    return picks


def weaker_first(rng: np.random.Generator, picks: Floats, own: Floats) -> Floats:
    """Refused: 30 % where the weaker response is shown first, else 3 %."""
    weaker = np.stack([own < 0, own > 0], axis=-1)[..., None, None]
    return np.where(rng.random(picks.shape) < np.where(weaker, 0.3, 0.03), np.nan, picks)


def near_ties(rng: np.random.Generator, picks: Floats, own: Floats) -> Floats:
    """Refused: 40 % of the items that are nearest to a tie, a third of all, else 3 %."""
    near = np.abs(own) < np.quantile(np.abs(own), 1 / 3)
    return np.where(rng.random(picks.shape) < np.where(near, 0.4, 0.03)[..., None, None, None], np.nan, picks)


def against(rng: np.random.Generator, picks: Floats, own: Floats) -> Floats:
    """Refused: 30 % of what would have been against the cue, or the place in front; else 3 %."""
    with_cue = picks == np.array([1.0, 0.0])[:, None]
    with_place = picks == np.array([1.0, 0.0])[:, None, None]
    often = np.where(with_cue, 0.03, 0.3), np.where(with_place, 0.03, 0.3)
    return np.where(rng.random(picks.shape) < np.maximum(*often), np.nan, picks)


def at_random(share: float) -> Missing:
    """A share of the calls fails, whatever it is about."""
    return lambda rng, picks, own: np.where(rng.random(picks.shape) < share, np.nan, picks)


@dataclass(frozen=True, slots=True)
class World:
    """A judge, what its verdicts go missing by, and what may come of it."""

    name: str
    judge: Judge
    missing: Missing = whole
    allowed: Band | None = PROMISED
    most: float | None = FALSE_ALARMS
    kinds: tuple[str, ...] = ("cue", "order")


def null_worlds() -> Iterator[World]:
    """Worlds without a cue and without a place that counts."""
    for told, spread in (("balanced", BALANCED), ("unbalanced", UNBALANCED)):
        yield World(f"no bias, {told}", Judge(spread))
        yield World(f"refused where the weaker is first, {told}", Judge(spread), weaker_first)
        yield World(f"near-ties refused, {told}", Judge(spread), near_ties)
        yield World(f"refused where against the cue, {told}", Judge(spread), against, allowed=None)
        yield World(f"item slopes, 5 repeats, {told}", Judge(spread, slope=1.0, repeats=5))
        yield World(f"noisier than people, {told}", Judge(spread, scale=0.3))
        yield World(f"sharper than people, {told}", Judge(spread, scale=4.0))
        yield World(f"own answers better by 1.5, {told}", Judge(spread, own=1.5))
        yield World(f"own answers worse by 1.5, {told}", Judge(spread, own=-1.5))
        yield World(f"scale shrunk by half, {told}", Judge(spread, shrink=0.5))
        yield World(f"position of 1.5 beside the cue, {told}", Judge(spread, place=1.5), kinds=("cue",))
    yield World("pure noise", Judge(0.0))
    # hardly any item changes: the interval errs towards too wide
    yield World("hardly ever in doubt", Judge(300.0), allowed=(0.94, 1.0))


def planted_worlds() -> Iterator[World]:
    """Worlds with a planted bias."""
    for told, spread in (("balanced", BALANCED), ("unbalanced", UNBALANCED)):
        for points in POINTS:
            for kind, cue in (("cue", "cue"), ("place", "order")):
                judge = planted(spread, points, kind)
                yield World(f"{kind} of {points:.0%}, {told}", judge, most=None, kinds=(cue,))
                for missing, how in (
                    (at_random(0.01), "1 % fail"),
                    (at_random(0.05), "5 % fail"),
                    (near_ties, "near-ties refused"),
                ):
                    allowed = None if missing is near_ties else PROMISED
                    yield World(f"{kind} of {points:.0%}, {told}, {how}", judge, missing, allowed, None, (cue,))


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
    allowed: Band | None
    most: float | None
    least: float | None = field(default=None)

    @property
    def held(self) -> bool:
        """Whether all lies where it must; the bounds hold in every world."""
        covers = self.allowed is None or self.allowed[0] <= self.coverage <= self.allowed[1]
        few = self.most is None or self.flagged <= self.most
        enough = self.least is None or self.flagged >= self.least
        return covers and few and enough and self.bounded >= PROMISED[0]

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
    effects, tests, left = [], [], sets
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
    least = 0.95 * test if world.missing is whole and world.most is None else None
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

    @property
    def held(self) -> bool:
        """Whether those that were not planted are flagged no oftener than .05, and three standard errors."""
        return all(rate <= FALSE_ALARMS for name, rate in self.flagged.items() if name not in self.planted)

    @property
    def told(self) -> str:
        """What to say where they are."""
        return f"{self.name}, {self.world}: {self.flagged}"


def battery_lines(seed: int, sets: int) -> Iterator[BatteryLine]:
    """Audits of five biases, of which none, one or two are planted."""
    plans: list[dict[str, float]] = [{}, *({name: 0.8} for name in BATTERY), {"position": 0.8, "length": -0.8}]
    for number, plan in enumerate(plans):
        for told, spread in (("balanced", BALANCED), ("unbalanced", UNBALANCED)):
            rng = np.random.default_rng([seed, 7000 + number, int(10 * spread)])
            found = [[one.flagged is True for one in decide(battery(rng, spread, plan))] for _ in range(sets // 5)]
            rates = dict(zip(BATTERY, np.mean(found, axis=0).round(4).tolist(), strict=True))
            yield BatteryLine("bias, battery", f"{' and '.join(plan) or 'none'} planted, {told}", PAIRS, plan, rates)


SIMULATIONS: dict[str, Callable[[int, int], Iterator[Line] | Iterator[BatteryLine]]] = {
    "bias": lines,
    "bias_battery": battery_lines,
}


def main(arguments: list[str] | None = None) -> int:
    """Run all worlds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*", help=f"of: {', '.join(SIMULATIONS)}")
    parser.add_argument("--sets", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.name) - set(SIMULATIONS))
    if unknown:
        parser.error(f"no simulation named {', '.join(unknown)}; there are {', '.join(SIMULATIONS)}")
    outside = 0
    for name in options.name or SIMULATIONS:
        for line in SIMULATIONS[name](options.seed, options.sets):
            print(json.dumps(asdict(line)), flush=True)
            if not line.held:
                outside += 1
                print(f"outside: {line.told}", file=sys.stderr)
    return 1 if outside else 0


if __name__ == "__main__":
    sys.exit(main())

"""Do our intervals hold what they promise, and could they tell anything apart? Simulated data sets of known truth.

    python benchmarks/coverage.py [NAME...] [--sets 10000] [--seed 1]

One JSON line a world on standard output: `name` (the estimator), `world`, `n` (items), `truth`, `coverage`, `power`
(the share of intervals that leave out `against`; where the truth is `against` itself, that is false alarms), `width`
(mean), and `allowed`, the band that the coverage must lie in, null where a world breaks what the estimator takes for
granted and is there to show what that costs.

Shares of few items can take few values, so the coverage of any interval jumps with the truth. Each world is therefore
run twice: at the truth itself ("at"), and at truths spread evenly around it ("near"), which levels the jumps.

The sections on early answers have fields of their own: see `coverage_sequential.py`, and docs/stopping.md. So have
those on factors (`factor_weights`, `conjoint`, `rewrites`): see `coverage_factors.py`, and docs/factor_weights.md.
Those on influences (`factor_influence`, `paired_differences`): see `coverage_influence.py`, and docs/factors.md.
And those on self-preference (`self_preference`, `coin`, `ppi_mean`): see `coverage_self.py`; and on the biases that
an audit looks for (`bias`, `bias_battery`, `deaf`): see `coverage_bias.py`.

Exit codes: 0 all within, 1 one outside, 2 no such name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from plurijudge.benchmarks import (
    coverage_bias,
    coverage_factors,
    coverage_influence,
    coverage_self,
    coverage_sequential,
)
from plurijudge.benchmarks.simulated import PROMISED, Band, Told, inside, run
from plurijudge.metrics.agreement import cohen_kappa
from plurijudge.metrics.intervals import clustered_mean, score_limits

Floats = NDArray[np.float64]

ITEMS = (30, 60, 200, 1000)
TRUTHS = (0.5, 0.6, 0.8, 0.95)
FEW: Band = (0.94, 0.975)
COARSE: Band = (0.925, 0.98)
HOLDS: Band = (0.94, 1.0)
BLOCKS = 20
AROUND = 0.03


@dataclass(frozen=True, slots=True)
class Line:
    """What a world showed."""

    name: str
    world: str
    n: int
    truth: float
    coverage: float
    power: float
    against: float
    width: float
    allowed: Band | None

    @property
    def held(self) -> bool:
        """Whether the coverage lies where it must."""
        return inside(self.coverage, self.allowed)

    @property
    def told(self) -> str:
        """What to say where it does not."""
        return f"{self.name}, {self.world}, n={self.n}: {self.coverage:.4f}"


@dataclass(frozen=True, slots=True)
class Judged:
    """A world of items judged in two presentations.

    An item has a log-odds of its own, normal with standard deviation `spread`; the presentation adds `lean` to it or
    takes it away. Where `once` is set, the second verdict repeats the first.
    """

    truth: float
    spread: float = 0.0
    lean: float = 0.0
    once: bool = False

    def centre(self) -> float:
        """The mean log-odds at which the accuracy over all items is the truth."""
        low, high = -40.0, 40.0
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if self._at(middle) < self.truth else (low, middle)
        return (low + high) / 2

    def _at(self, centre: float) -> float:
        grid = np.linspace(-8, 8, 801)
        weights = np.exp(-grid * grid / 2)
        both = logistic(centre + self.spread * grid + self.lean) + logistic(centre + self.spread * grid - self.lean)
        return float(weights @ both / weights.sum()) / 2

    def draw(self, rng: np.random.Generator, sets: int, n: int) -> tuple[Floats, Floats]:
        """Verdicts, shape (sets, n, 2), 1 where right, and the items' own log-odds, shape (sets, n)."""
        own = self.centre() + self.spread * rng.standard_normal((sets, n))
        right = (rng.random((sets, n, 2)) < logistic(own[..., None] + self.lean * np.array([1, -1]))).astype(float)
        if self.once:
            right[..., 1] = right[..., 0]
        return right, own


def logistic(x: Floats) -> Floats:
    """The probability with log-odds x."""
    value: Floats = 1 / (1 + np.exp(-np.clip(x, -700, 700)))
    return value


WORLDS: dict[str, Callable[[float], Judged]] = {
    "independent verdicts": lambda truth: Judged(truth),
    "item effects": lambda truth: Judged(truth, spread=1.5),
    "item effects, position": lambda truth: Judged(truth, spread=1.0, lean=1.0),
    "second verdict repeats the first": lambda truth: Judged(truth, spread=1.0, once=True),
}


def limits_of(blocks: list[Floats]) -> tuple[Floats, Floats]:
    """The score interval of each data set, from blocks of shape (sets, n_items, n_presentations), NaN for none."""
    size = blocks[0].shape[-1]
    kinds = np.array([(right, given) for given in range(1, size + 1) for right in range(given + 1)])
    counts = np.concatenate([_counted(block, kinds) for block in blocks])
    used = counts.any(axis=0)
    distinct, place = np.unique(counts[:, used], axis=0, return_inverse=True)
    low, high = score_limits(kinds[used, 0], kinds[used, 1], distinct)
    return low[place.reshape(-1)], high[place.reshape(-1)]


def _counted(values: Floats, kinds: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many items of each kind a data set has; a kind is how many verdicts are right, of how many there are."""
    right, given = np.nansum(values, axis=-1), (~np.isnan(values)).sum(axis=-1)
    return np.stack([((right == r) & (given == g)).sum(axis=-1) for r, g in kinds], axis=-1)


def band(n: int, truth: float, *, near: bool) -> Band:
    """What the coverage must be.

    With fewer than ten items expected on the rarer side the interval errs towards too wide. At one truth alone, few
    outcomes are possible: of 60 independent verdicts at .95, an interval that holds .95 where all are right covers .970
    or .921, and nothing between.
    """
    rarer = n * min(truth, 1 - truth)
    if near:
        return PROMISED if rarer >= 10 else FEW
    return PROMISED if rarer >= 45 else COARSE


def truths_of(truth: float, *, near: bool) -> Floats:
    """The truths of the blocks of one world."""
    reach = min(AROUND, (1 - truth) / 2) if near else 0.0
    return truth + reach * np.linspace(-1, 1, BLOCKS)


def share_lines(
    name: str, make: Callable[[float], Judged], world: str, columns: int, seed: list[int], sets: int
) -> Iterator[Line]:
    """The intervals of one kind of world, at each truth and near it."""
    for number, (truth, n, near) in enumerate(product(TRUTHS, ITEMS, (False, True))):
        rng, each = np.random.default_rng([*seed, number]), max(1, sets // BLOCKS)
        truths = truths_of(truth, near=near)
        low, high = limits_of([make(float(t)).draw(rng, each, n)[0][..., :columns] for t in truths])
        told = f"{world}, {'near' if near else 'at'} {truth}"
        yield summary(name, told, n, np.repeat(truths, each), low, high, allowed=band(n, truth, near=near))


def summary(
    name: str,
    world: str,
    n: int,
    truth: Floats | float,
    low: Floats,
    high: Floats,
    *,
    allowed: Band | None,
    against: float = 0.5,
) -> Line:
    """What the intervals of one world show."""
    covered = round(float(np.mean((low <= truth) & (truth <= high))), 4)
    power = round(float(np.mean((low > against) | (high < against))), 4)
    width = round(float(np.mean(high - low)), 4)
    return Line(name, world, n, round(float(np.mean(truth)), 4), covered, power, against, width, allowed)


def accuracy_lines(seed: int, sets: int) -> Iterator[Line]:
    """Accuracy over both presentations."""
    for number, (world, make) in enumerate(WORLDS.items()):
        yield from share_lines("accuracy", make, world, 2, [seed, number], sets)


def positional_agreement_lines(seed: int, sets: int) -> Iterator[Line]:
    """The share of items whose presentations agree: one yes or no an item, whatever makes them agree."""
    return share_lines("positional_agreement", Judged, "items agree or not", 1, [seed, 100], sets)


def missing_lines(seed: int, sets: int) -> Iterator[Line]:
    """Verdicts that are not there: by chance (the interval must hold), and on hard items (only bounds can hold)."""
    for number, (truth, n) in enumerate(product(TRUTHS, ITEMS)):
        judged, rng = Judged(truth, spread=1.5), np.random.default_rng([seed, 1000 + number])
        hard, each = judged.centre(), max(1, sets // BLOCKS)
        chance, on_hard = [], []
        for _ in range(BLOCKS):
            right, own = judged.draw(rng, each, n)
            lost = rng.random(right.shape)
            chance.append(np.where(lost < 0.15, np.nan, right))
            on_hard.append(np.where(lost < np.where(own < hard, 0.3, 0.03)[..., None], np.nan, right))
        allowed, told = band(n, truth, near=False), f"item effects, at {truth}"
        yield summary("accuracy", f"15 % missing by chance, {told}", n, truth, *limits_of(chance), allowed=allowed)
        told = f"30 % missing on hard items, 3 % on others, {told}"
        yield summary("accuracy", told, n, truth, *limits_of(on_hard), allowed=None)
        worst, best = (limits_of([np.nan_to_num(block, nan=fill) for block in on_hard]) for fill in (0, 1))
        yield summary("worst to best", told, n, truth, worst[0], best[1], allowed=HOLDS)


def family_lines(seed: int, sets: int) -> Iterator[Line]:
    """Items that come in families of five, such as perturbed copies: the item is then not the unit of sampling."""
    for number, n in enumerate(ITEMS):
        rng, blocks = np.random.default_rng([seed, 2000 + number]), []
        centre, each = Judged(0.8, spread=1.5).centre(), max(1, sets // BLOCKS)
        for _ in range(BLOCKS):
            own = np.repeat(centre + 1.5 * rng.standard_normal((each, n // 5)), 5, axis=1)
            blocks.append((rng.random((*own.shape, 2)) < logistic(own)[..., None]).astype(float))
        yield summary("accuracy", "families of five items, at 0.8", n, 0.8, *limits_of(blocks), allowed=None)


def clustered_mean_lines(seed: int, sets: int) -> Iterator[Line]:
    """Contrasts that may be anything, two of each item."""
    draws: dict[str, Callable[[np.random.Generator, int], Floats]] = {
        "normal": lambda rng, n: rng.standard_normal(n),
        "skewed (exponential)": lambda rng, n: rng.exponential(size=n) - 1,
        "heavy tails (t, 4 df)": lambda rng, n: rng.standard_t(4, size=n),
    }
    for number, ((world, own), n) in enumerate(product(draws.items(), ITEMS)):
        rng, ends = np.random.default_rng([seed, 3000 + number]), []
        for _ in range(min(sets, 5000)):
            found = clustered_mean(0.2 + own(rng, n)[:, None] + 0.5 * rng.standard_normal((n, 2)))
            ends.append((found.low, found.high))
        low, high = np.array(ends, dtype=float).T
        allowed = None if "skewed" in world and n < 200 else PROMISED
        yield summary("clustered_mean", f"items {world}", n, 0.2, low, high, allowed=allowed, against=0.0)


def kappa_lines(seed: int, sets: int) -> Iterator[Line]:
    """Two raters who err independently on a true outcome."""
    habits = {"even": (0.5, 0.5), "one in five": (0.8, 0.2), "one in twenty": (0.95, 0.05), "three": (0.1, 0.45, 0.45)}
    for number, ((world, shares), err, n) in enumerate(product(habits.items(), (0.05, 0.15), (30, 60, 200))):
        rng, ends = np.random.default_rng([seed, 4000 + number]), []
        kinds, truth = len(shares), true_kappa(shares, err)
        for _ in range(min(sets, 5000)):
            true = rng.choice(kinds, size=n, p=shares)
            said = [np.where(rng.random(n) < err, (true + rng.integers(1, kinds, n)) % kinds, true) for _ in range(2)]
            found = cohen_kappa(*said)
            if found.low is not None:
                ends.append((found.low, found.high))
        low, high = np.array(ends, dtype=float).T
        allowed = COARSE if n * (1 - max(shares)) >= 10 else None
        told = f"outcomes {world}, each rater errs {err}"
        yield summary("cohen_kappa", told, n, truth, low, high, allowed=allowed, against=0.0)


def true_kappa(shares: tuple[float, ...], err: float) -> float:
    """Kappa of two raters who err independently, each time towards one of the other outcomes."""
    kinds = len(shares)
    says = np.full((kinds, kinds), err / (kinds - 1))
    np.fill_diagonal(says, 1 - err)
    joint = sum(share * np.outer(row, row) for share, row in zip(shares, says, strict=True))
    chance = float((np.sum(joint, axis=0) ** 2).sum())
    return (float(np.trace(joint)) - chance) / (1 - chance)


SIMULATIONS: dict[str, Callable[[int, int], Iterator[Told]]] = {
    "accuracy": accuracy_lines,
    "positional_agreement": positional_agreement_lines,
    "missing": missing_lines,
    "families": family_lines,
    "clustered_mean": clustered_mean_lines,
    "cohen_kappa": kappa_lines,
    **coverage_sequential.SIMULATIONS,
    **coverage_bias.SIMULATIONS,
    **coverage_factors.SIMULATIONS,
    **coverage_influence.SIMULATIONS,
    **coverage_self.SIMULATIONS,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the simulations that were named, or all."""
    most = "data sets a world (at most 5,000 where not vectorised)"
    return run(SIMULATIONS, arguments, about=__doc__, sets=10_000, most=most)


if __name__ == "__main__":
    sys.exit(main())

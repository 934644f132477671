"""Do a judge and people follow the same factors, and how far would chance alone let them differ?

Each side is a row of influences, one a factor. A rank correlation of two such rows is nearly blind to noise in the
judge: labels flipped at random shrink every influence alike and leave their order (`insensitivity` shows it). So the
slope, the distance (RMSE) and the paired differences of single factors stand beside it, and how well people agree
with themselves.

Factors that measure nearly the same, such as words and sentences, would count as often as there are of them. So
factors whose manifestations correlate are counted as one: more proxies of what both sides follow do not raise the
alignment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .estimate import Estimate
from .factor_cells import Variant, cell_sums, checked, flat, influences
from .factor_differences import MARGIN, Difference, paired_differences
from .factors import RESAMPLES
from .intervals import Basis, one_or_alike
from .prompt_sums import Labels, halves, resampled
from .proxies import PROXY, composites, proxy_groups
from .rank_correlation import kendall, pearson, spearman

Floats = NDArray[np.float64]

SPLITS = 200
MEASURES = ("spearman", "kendall", "pearson", "slope", "rmse")
Verdict = Literal["aligned", "differs", "not shown", "unknown"]


class Measures(NamedTuple):
    """How near two rows of influences are.

    Attributes:
        spearman: of their orders, -1..1.
        kendall: of their orders, tau b, -1..1.
        pearson: of their values, -1..1.
        slope: what the judge's influence is for each unit of people's, through the origin: 1 where they are as
            strong, under 1 where the judge follows them less (noise does that). Which way a factor is counted does
            not change it.
        rmse: the root of their mean squared distance, in tau, 0 or more. Chance alone keeps it above 0.
    """

    spearman: Estimate
    kendall: Estimate
    pearson: Estimate
    slope: Estimate
    rmse: Estimate


@dataclass(frozen=True, slots=True)
class Ceiling:
    """How well a rater agrees with itself over halves of the prompts: what no other can be expected to pass.

    Attributes:
        spearman: between the halves, mean over the splits; None where unknown.
        pearson: the same of values.
        reliability: of the whole, from `pearson` by Spearman and Brown's formula; None where it is unknown or not
            above 0.
        splits: how many.
    """

    spearman: float | None
    pearson: float | None
    reliability: float | None
    splits: int


@dataclass(frozen=True, slots=True)
class Alignment:
    """How near a judge is to people, factor by factor.

    Attributes:
        grouped: proxies counted as one, by what most of them say of a pair; this is what is reported.
        each: every factor counted as one, as published comparisons do. More proxies raise or lower it at will.
        groups: of each factor the number of its group, from 0.
        people: the ceiling of people, on the groups.
        judge: the same of the judge.
        corrected: Pearson's, over the root of both reliabilities: what it would be without noise, were the noise of
            the two independent. On the same pairs it is not, so it may pass 1. None where a reliability is unknown.
        differences: of each factor, on the pairs that both decided.
        verdict: `aligned` only where every factor is shown to differ by less than the margin; `differs` where any
            differs; `not shown` where the pairs are too few to tell; `unknown` where no factor could be compared.
        margin: of equivalence, in tau, as it was fixed beforehand.
    """

    grouped: Measures
    each: Measures
    groups: tuple[int, ...]
    people: Ceiling
    judge: Ceiling
    corrected: float | None
    differences: tuple[Difference, ...]
    verdict: Verdict
    margin: float

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them."""
        told = asdict(self)
        for name in ("grouped", "each"):
            measures: Measures = getattr(self, name)
            told[name] = {key: value.to_dict() for key, value in measures._asdict().items()}
        return told


class Corrupted(NamedTuple):
    """What the measures say of a rater and itself with labels flipped at random, on average over the corruptions.

    Attributes:
        flips: the chance that a preference was turned round, 0..1.
        slope_expected: 1 - 2 flips: what every influence shrinks by.
        spearman: mean over the corruptions, as are the others.
        kendall: tau b.
        pearson: of values.
        slope: through the origin.
        rmse: in tau.
        spearman_low: what 5 % of the corruptions stay under.
        corruptions: how many.
    """

    flips: float
    slope_expected: float
    spearman: float
    kendall: float
    pearson: float
    slope: float
    rmse: float
    spearman_low: float
    corruptions: int


def alignment(
    people: ArrayLike,
    judge: ArrayLike,
    manifested: ArrayLike,
    prompts: Labels,
    *,
    variant: Variant = "tau14",
    proxy: float = PROXY,
    margin: float = MARGIN,
    alpha: float = 0.05,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    splits: int = SPLITS,
    seed: int = 0,
) -> Alignment:
    """How near a judge's influences are to people's.

    Args:
        people: shape (n_pairs,): the preferences of people: 1, 0, -1 or NaN, as for `factors.factor_influence`.
        judge: shape (n_pairs,): those of the judge on the same pairs.
        manifested: shape (n_pairs, n_factors): -1, 0, 1 or NaN, from `factors.manifestations`.
        prompts: shape (n_pairs,): the label of each pair's prompt; prompts are what is drawn anew.
        variant: of the influence.
        proxy: how far the manifestations of factors correlate that count as one, above 0; at 1 only copies do, above 1
            none.
        margin: of equivalence, in tau. Fix it before looking.
        alpha: of the conclusions.
        level: of the intervals, 0..1.
        resamples: of the bootstrap over prompts, 2 or more.
        splits: how many times the prompts are split into halves.
        seed: of the draws.

    Returns:
        Each side's influences rest on all pairs that it decided itself. A factor without an influence on both sides
        is left out of the measures (`left_out` counts factors there, `n` prompts). A correlation needs three factors,
        or groups of them, at least.

    Raises:
        ValueError: if a shape, a code or an option is not as above.

    Sources: attenuation: Spearman 1904, doi:10.2307/1412159; full length: Brown 1910 and Spearman 1910.

    >>> rng = np.random.default_rng(1)
    >>> signs = rng.choice([-1, 0, 1], size=(300, 4))
    >>> truth = np.sign(signs @ [4, 2, 1, 0] + rng.normal(size=300))
    >>> judge = truth * rng.choice([1, -1], p=[0.8, 0.2], size=300)
    >>> found = alignment(truth, judge, signs, np.arange(300), resamples=200)
    >>> round(found.each.slope.estimate, 1), found.verdict
    (0.6, 'differs')
    """
    if resamples < 2 or splits < 1 or not 0 < level < 1 or not proxy > 0:
        raise ValueError(
            f"`resamples` is {resamples}, `splits` {splits}, `level` {level} and `proxy` {proxy}; needed are 2 or "
            "more, 1 or more, 0 < level < 1, and above 0."
        )
    one, sign, place, count = checked(people, manifested, prompts)
    other, *_ = checked(judge, manifested, prompts)
    groups, turns = proxy_groups(sign, threshold=proxy)
    as_one, apart = (
        [flat(cell_sums(side, factors, place, count), variant) for side in (one, other)]
        for factors in (composites(sign, groups, turns), sign)
    )
    grouped, each = (_measured(sums, resamples, seed, level) for sums in (as_one, apart))
    ceilings = [_ceiling(side, splits, seed) for side in as_one]
    differences = tuple(paired_differences(one, other, sign, prompts, margin=margin, alpha=alpha, level=level))
    return Alignment(
        grouped,
        each,
        tuple(groups.tolist()),
        ceilings[0],
        ceilings[1],
        _corrected(grouped.pearson, *ceilings),
        differences,
        verdict(differences),
        margin,
    )


def verdict(differences: Sequence[Difference]) -> Verdict:
    """What may be said of all factors together: `aligned` only where each is shown to be.

    Every factor must pass its own test of equivalence, so no correction for their number is needed. One that never
    differs between responses on the pairs of both says nothing, and does not stand in the way.
    """
    told = [one for one in differences if one.conclusion != "unknown"]
    if not told:
        return "unknown"
    if any(one.conclusion == "differs" for one in told):
        return "differs"
    return "not shown" if any(one.conclusion == "not shown" for one in told) else "aligned"


class PairSet(NamedTuple):
    """Pairs with what a rater makes of them.

    Attributes:
        preferences: shape (n_pairs,): 1, 0, -1 or NaN, as for `factors.factor_influence`.
        manifested: shape (n_pairs, n_factors): -1, 0, 1 or NaN, from `factors.manifestations`.
        prompts: the label of each pair's prompt.
        weights: shape (n_pairs,): numbers of 0 or more; None: all alike.
    """

    preferences: ArrayLike
    manifested: ArrayLike
    prompts: Sequence[str]
    weights: ArrayLike | None = None


def alignment_across(
    people: PairSet,
    other: PairSet,
    *,
    variant: Variant = "tau14",
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Measures:
    """How near two rows of influences are that rest on different pairs, such as real answers and written ones.

    Args:
        people: the one side's pairs.
        other: the other side's, with the same factors in the same order. A prompt that both have has one label.
        variant: of the influence.
        level: of the intervals, 0..1.
        resamples: of the bootstrap over prompts, 2 or more; a prompt that both sides have is drawn for both.
        seed: of the draws.

    Returns:
        See `Measures`; every factor counts as one. There is no paired difference: no pair was rated by both.

    Raises:
        ValueError: if a shape, a code or an option is not as above.

    >>> pairs = PairSet([1, 1, -1, 1], [[1, 1, -1], [1, -1, 0], [-1, 0, 1], [1, 0, 1]], ["a", "b", "c", "d"])
    >>> found = alignment_across(pairs, pairs, resamples=50)
    >>> found.slope.estimate, found.rmse.estimate, found.rmse.n
    (1.0, 0.0, 4)
    """
    if resamples < 2 or not 0 < level < 1:
        raise ValueError(f"`resamples` is {resamples} and `level` {level}; needed are 2 or more, and 0 < level < 1.")
    names = {label: number for number, label in enumerate(sorted({*people.prompts, *other.prompts}))}
    sums = []
    for side in (people, other):
        preference, sign, _, _ = checked(side.preferences, side.manifested, side.prompts)
        place = np.array([names[label] for label in side.prompts], dtype=np.intp)
        weight = None if side.weights is None else np.asarray(side.weights, dtype=float)
        sums.append(flat(cell_sums(preference, sign, place, len(names), weight), variant))
    if sums[0].shape != sums[1].shape:
        raise ValueError("the two sides have different factors; needed are the same, in the same order.")
    return _measured(sums, resamples, seed, level)


def insensitivity(
    preferences: ArrayLike,
    manifested: ArrayLike,
    *,
    flips: Sequence[float] = (0.1, 0.2, 0.3, 0.4, 0.45),
    corruptions: int = 200,
    seed: int = 0,
) -> list[Corrupted]:
    """What would each measure of alignment say of these labels and the same labels with some turned round at random?

    Args:
        preferences: shape (n_pairs,): 1, 0, -1 or NaN; ties stay ties.
        manifested: shape (n_pairs, n_factors): -1, 0, 1 or NaN, from `factors.manifestations`.
        flips: the chances that a preference is turned round, each tried in turn, 0..1.
        corruptions: how many times each is done.
        seed: of the draws.

    Returns:
        One row a chance. Each influence is tau14, every factor counted as one. Numbers are NaN where fewer than three
        factors have an influence, or all have the same.

    Raises:
        ValueError: if a shape, a code or an option is not as above.

    >>> rng = np.random.default_rng(3)
    >>> signs = rng.choice([-1, 0, 1], size=(900, 5))
    >>> [row] = insensitivity(np.sign(signs @ [5, 3, 2, 1, -2] + rng.normal(size=900)), signs, flips=[0.2])
    >>> row.spearman > 0.9, round(row.slope, 2)
    (True, 0.6)
    """
    if corruptions < 1 or not all(0 <= chance <= 1 for chance in flips):
        raise ValueError(f"`corruptions` is {corruptions}, `flips` {[*flips]}; needed are 1 or more, and 0..1.")
    preference, sign, _, _ = checked(preferences, manifested, np.zeros(len(np.asarray(preferences))))
    decided = ~np.isnan(preference) & (preference != 0)
    agreed, sizes = (preference[:, None] * np.nan_to_num(sign))[decided], (~np.isnan(sign))[decided].sum(axis=0)
    agreed, sizes = agreed[:, sizes > 0], sizes[sizes > 0]
    truth, rng = agreed.sum(axis=0) / np.maximum(1, sizes), np.random.default_rng(seed)
    lines = []
    for chance in flips:
        found = np.empty((corruptions, len(sizes)))
        for number in range(corruptions):
            found[number] = np.where(rng.random(len(agreed)) < chance, -1.0, 1.0) @ agreed / np.maximum(1, sizes)
        numbers = _numbers(truth, found)
        ranked, ordered, straight, slope, distance = (float(np.mean(column)) for column in numbers)
        low = float(np.quantile(numbers[0], 0.05))
        expected = 1 - 2 * float(chance)
        lines.append(Corrupted(float(chance), expected, ranked, ordered, straight, slope, distance, low, corruptions))
    return lines


def insensitivity_note(rows: Sequence[Corrupted]) -> str:
    """One sentence for a report: how little a rank correlation saw of labels that were turned round at random.

    >>> insensitivity_note([Corrupted(0.2, 0.6, 0.957, 0.88, 0.97, 0.59, 0.073, 0.91, 200)])[:81]
    'With 20 % of these labels turned round at random, Spearman is still 0.96, while t'
    """
    if not rows:
        return ""
    row = min(rows, key=lambda one: abs(one.flips - 0.2))
    still = "still " if row.spearman > 0.9 else ""
    return (
        f"With {100 * row.flips:.0f} % of these labels turned round at random, Spearman is {still}{row.spearman:.2f}, "
        f"while the slope falls to {row.slope:.2f} and RMSE grows to {row.rmse:.3f}: read the rank correlation only "
        "beside the two."
    )


def _numbers(people: Floats, judge: Floats) -> tuple[Floats, ...]:
    """The five measures of rows of shape (..., n_factors), each of shape (...); NaN where one is unknown."""
    square = (people * people).sum(axis=-1)
    few = people.shape[-1] < 3
    ordered = [
        np.full(np.broadcast_shapes(people.shape, judge.shape)[:-1], np.nan) if few else measure(people, judge)
        for measure in (spearman, kendall, pearson)
    ]
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.where(square > 1e-24, (people * judge).sum(axis=-1) / square, np.nan)
    distance = np.sqrt(((people - judge) ** 2).mean(axis=-1)) if people.shape[-1] else np.full(slope.shape, np.nan)
    return (*ordered, slope, distance)


def _measured(sums: list[Floats], resamples: int, seed: int, level: float) -> Measures:
    """The measures from both sides' columns of `factor_cells.flat`, with intervals over prompts drawn anew."""
    rows = [influences(side.sum(axis=0)) for side in sums]
    known = ~np.isnan(rows[0] + rows[1])
    drawn = [influences(part)[:, known] for part in np.split(resampled(np.hstack(sums), resamples, seed), 2, axis=1)]
    values, many = _numbers(rows[0][known], rows[1][known]), _numbers(drawn[0], drawn[1])
    n = int(np.any(np.hstack(sums) != 0, axis=1).sum())
    method = f"percentile bootstrap over prompts, {resamples:,} resamples, seed {seed}"
    basis = Basis(n, int((~known).sum()), level, method)
    few = "fewer than three factors, or groups of them, have an influence on both sides"
    why = few if known.sum() < 3 else "all influences are alike"
    return Measures(*(_with_interval(float(v), m, basis, why) for v, m in zip(values, many, strict=True)))


def _with_interval(value: float, drawn: Floats, basis: Basis, why: str) -> Estimate:
    if np.isnan(value):
        return basis.unknown(why)
    if basis.n < 2:
        return basis.bare(value, one_or_alike(basis.n, "prompt"))
    return basis.percentiles(value, drawn)


def _ceiling(sums: Floats, splits: int, seed: int) -> Ceiling:
    known = ~np.isnan(influences(sums.sum(axis=0)))
    if len(sums) < 2 or known.sum() < 3:
        return Ceiling(None, None, None, splits)
    one, other = (influences(half)[:, known] for half in halves(sums, splits, seed))
    ranked, straight = (float(measure(one, other).mean()) for measure in (spearman, pearson))
    whole = 2 * straight / (1 + straight) if straight > 0 else None
    return Ceiling(_known(ranked), _known(straight), whole, splits)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _corrected(found: Estimate, people: Ceiling, judge: Ceiling) -> float | None:
    if found.estimate is None or people.reliability is None or judge.reliability is None:
        return None
    return found.estimate / sqrt(people.reliability * judge.reliability)

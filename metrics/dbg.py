"""DBG: how much oftener does a judge prefer its own response than gold does?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .agreement import Bounds
from .estimate import Estimate
from .identified import mean_contrast
from .intervals import bounded_mean
from .own_pairs import GOLD_RULES, GoldRule, JudgeRule, Pair, flips, gold_labels, gold_shares, judged, mass
from .resample import RESAMPLES, Interval, bootstrap_mean
from .units import Clusters, by_unit, units_of

Floats = NDArray[np.float64]
Table = tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]

MASS = 0.95
"""Where less of a judge's probability than this lies on its two labels on average, the reader is told."""

VOTES = 0.95
"""Where a gold judge gave fewer of its votes than this, the reader is told."""

CLOSED = (
    "the closed-judge rule was used: a win needs both presentations, and where they disagree nobody wins. The judge's "
    "win rate is not on the scale of gold's, and DBG is pulled down by about half the rate of disagreement"
)


@dataclass(frozen=True, slots=True, eq=False)
class DbgScore:
    """DBG of one judge against one opponent on one data set. Rates are 0..1, differences -1..1 (not points).

    Attributes:
        own_win_rate: w_A, how often the judge prefers its own response.
        gold_win_rate: w*, how often gold prefers it, over the same items. Its interval holds no error of gold itself.
        dbg: w_A - w*, paired over items (standard error sd(d)/sqrt(n); over clusters where they are given), Student's
            t. Above 0 is **not yet** self-preference: see `author_blind.author_blind`.
        percentile: the same with the percentile bootstrap interval.
        bca: the same with the bias-corrected and accelerated bootstrap interval.
        coin_flip: 0.5 - w*, what a coin that is asked instead of the judge would score.
        flip_rate: how often the judge prefers its own response in one presentation only.
        differences: shape (n_items,): d_i = judge - gold, NaN where either is unknown, in the order of `Pair.items`.
        table: items by judge (rows: own, tie, other) and gold (columns: own, tie, other). Its four corners are the
            2 x 2 table of judge by gold.
        judge_ties: items on which the judge's two masses are equal.
        gold_ties: items on which gold is tied.
        verdicts_missing: presentations of the judge without a verdict.
        votes_missing: gold's votes that are not there.
        mass_least: the least that a verdict gave to both labels together; None without a verdict.
        mass_mean: the same on average.
        by_gold_rule: DBG under each rule for gold.
        without_gold_judge: DBG with each gold judge left out in turn, by name; empty with a single one.
        gold_bounds: the least and the greatest of DBG and `without_gold_judge`.
        missing_bounds: the least and the greatest DBG over all items, whatever the missing verdicts were and whatever
            gold would have said where it says nothing.
        judge_rule: the rule for the judge.
        gold_rule: the rule for gold.
        warnings: what a reader must know before reading DBG, one sentence each without its full stop.
    """

    own_win_rate: Estimate
    gold_win_rate: Estimate
    dbg: Estimate
    percentile: Estimate
    bca: Estimate
    coin_flip: Estimate
    flip_rate: Estimate
    differences: Floats
    table: Table
    judge_ties: int
    gold_ties: int
    verdicts_missing: int
    votes_missing: int
    mass_least: float | None
    mass_mean: float | None
    by_gold_rule: Mapping[GoldRule, Estimate]
    without_gold_judge: Mapping[str, Estimate]
    gold_bounds: Bounds
    missing_bounds: Bounds
    judge_rule: JudgeRule
    gold_rule: GoldRule
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them; a difference that is unknown is None."""
        told = asdict(replace(self, differences=np.zeros(0)))
        told["differences"] = [None if np.isnan(one) else float(one) for one in self.differences]
        return told


@dataclass(frozen=True, slots=True)
class SoftDbg:
    """The soft twin of DBG. It is never to be compared with DBG: a judge that is unsure shrinks towards one half.

    Attributes:
        own_probability: the mean probability that the judge gave to its own response.
        gold_share: the mean share of gold's votes for it.
        dbg: the former less the latter, paired over items, -1..1.
    """

    own_probability: Estimate
    gold_share: Estimate
    dbg: Estimate


def dbg_score(
    pair: Pair,
    *,
    judge_rule: JudgeRule = "hard",
    gold_rule: GoldRule = "plurality",
    clusters: Clusters | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> DbgScore:
    """How much oftener a judge prefers its own response than gold does.

    Args:
        pair: the judge's own pair; `model` is the judge.
        judge_rule: `hard` or `closed`, see `own_pairs.judged`; `soft` has a function of its own.
        gold_rule: see `own_pairs.gold_labels`.
        clusters: the cluster of each item; items of one cluster depend on each other and are drawn together. None:
            each item by itself.
        level: of the intervals, 0..1.
        resamples: of the bootstraps.
        seed: of the bootstraps.

    Returns:
        See `DbgScore`. The item (or the cluster) is the unit of sampling. Items without both verdicts of the judge, or
        without a word of gold, are `left_out` of all rates alike.

    Raises:
        ValueError: if `judge_rule` is `soft`, or an option is out of range.

    Source: Chen et al. 2025, arXiv:2506.02592, by the rules of their released code.

    >>> pair = Pair.of(
    ...     ["q1", "q2", "q3"], [[1, 1], [1, 0], [0, 0]], [[0, 0], [0, 1], [1, 1]],
    ...     [[[1, 0]], [[0, 0]], [[0, 0]]], gold_judges=["g"],
    ... )
    >>> found = dbg_score(pair)
    >>> str(found.dbg), found.table
    ('0.333 [-0.384, 1.000]  n=3, 0 left out', ((0, 1, 0), (0, 0, 1), (0, 0, 1)))
    """
    if judge_rule == "soft":
        raise ValueError("`judge_rule` is 'soft'; a soft judge against a hard gold says nothing. See `soft_dbg`.")
    said, gold = judged(pair, rule=judge_rule), gold_labels(pair, rule=gold_rule)
    apart = said - gold
    known = ~np.isnan(apart)
    units = units_of(pair.items, clusters)
    dbg = _difference(units, apart, level)
    rate = _rate(units, np.where(known, gold, np.nan), level)
    without = {
        name: _difference(units, said - gold_labels(pair.without(name), rule=gold_rule), level)
        for name in _several(pair)
    }
    there = mass(pair)
    table = _table(said[known], gold[known])

    def drawn(interval: Interval) -> Estimate:
        """DBG with one of the bootstrap's intervals."""
        return bootstrap_mean(apart, clusters=units, resamples=resamples, seed=seed, level=level, interval=interval)

    return DbgScore(
        own_win_rate=_rate(units, np.where(known, said, np.nan), level),
        gold_win_rate=rate,
        dbg=dbg,
        percentile=drawn("percentile"),
        bca=drawn("bca"),
        coin_flip=_mirrored(rate),
        flip_rate=_rate(units, flips(pair), level),
        differences=apart,
        table=table,
        judge_ties=sum(table[1]),
        gold_ties=sum(row[1] for row in table),
        verdicts_missing=int(np.isnan(pair.own).sum()),
        votes_missing=int(np.isnan(pair.votes).sum()),
        mass_least=there[0] if there else None,
        mass_mean=there[1] if there else None,
        by_gold_rule={
            rule: dbg if rule == gold_rule else _difference(units, said - gold_labels(pair, rule=rule), level)
            for rule in GOLD_RULES
        },
        without_gold_judge=without,
        gold_bounds=_bounds([dbg, *without.values()]),
        missing_bounds=_missing(pair, gold, judge_rule),
        judge_rule=judge_rule,
        gold_rule=gold_rule,
        warnings=tuple(_warnings(pair, judge_rule, there)),
    )


def soft_dbg(pair: Pair, *, clusters: Clusters | None = None, level: float = 0.95) -> SoftDbg:
    """The judge's mean probability of its own response less the mean share of gold's votes for it.

    Args:
        pair: the judge's own pair, with probabilities.
        clusters: as for `dbg_score`.
        level: of the intervals, 0..1.

    >>> pair = Pair.of(["q1", "q2"], [[0.9, 0.5], [0.4, 0.2]], [[0.1, 0.5], [0.6, 0.8]],
    ...     [[[1, 0]], [[0, 0]]], gold_judges=["g"])
    >>> round(soft_dbg(pair).dbg.estimate, 3)
    0.25
    """
    said, gold = judged(pair, rule="soft"), gold_shares(pair)
    known = ~np.isnan(said - gold)
    units = units_of(pair.items, clusters)
    own, share = (_rate(units, np.where(known, part, np.nan), level) for part in (said, gold))
    return SoftDbg(own, share, _difference(units, said - gold, level))


def _difference(units: tuple[str, ...], apart: Floats, level: float) -> Estimate:
    return mean_contrast(by_unit(units, apart), most=1.0, level=level).estimate


def _rate(units: tuple[str, ...], values: Floats, level: float) -> Estimate:
    return bounded_mean(by_unit(units, values), level=level)


def _mirrored(rate: Estimate) -> Estimate:
    """One half less a rate."""
    turned = [None if end is None else 0.5 - end for end in (rate.estimate, rate.high, rate.low)]
    return replace(rate, estimate=turned[0], low=turned[1], high=turned[2])


def _several(pair: Pair) -> tuple[str, ...]:
    return pair.gold_judges if len(pair.gold_judges) > 1 else ()


def _bounds(found: list[Estimate]) -> Bounds:
    known = [one.estimate for one in found if one.estimate is not None]
    return Bounds(min(known), max(known)) if known else Bounds(None, None)


def _missing(pair: Pair, gold: Floats, rule: JudgeRule) -> Bounds:
    if not len(gold):
        return Bounds(None, None)
    ends = []
    for all_own in (0.0, 1.0):
        own, other = (
            np.where(np.isnan(part), fill, part) for part, fill in ((pair.own, all_own), (pair.other, 1 - all_own))
        )
        said = judged(replace(pair, own=own, other=other), rule=rule)
        ends.append(float((said - np.where(np.isnan(gold), 1 - all_own, gold)).mean()))
    return Bounds(ends[0], ends[1])


def _table(said: Floats, gold: Floats) -> Table:
    sides = (1.0, 0.5, 0.0)
    one, two, three = (tuple(int(((said == row) & (gold == column)).sum()) for column in sides) for row in sides)
    return (one[0], one[1], one[2]), (two[0], two[1], two[2]), (three[0], three[1], three[2])


def _warnings(pair: Pair, rule: JudgeRule, there: tuple[float, float] | None) -> Iterator[str]:
    if rule == "closed":
        yield CLOSED
    if there is not None and there[1] < MASS:
        yield (
            f"the judge's two labels hold {there[1]:.1%} of its probability on average and {there[0]:.1%} at least: "
            "what it would have said elsewhere is not judged"
        )
    each = pair.votes.shape[0] * 2
    for name, given in zip(pair.gold_judges, (~np.isnan(pair.votes)).sum(axis=(0, 2)), strict=True):
        if given < VOTES * each:
            yield f"gold judge `{name}` gave {given} of {each} votes"
        if name in (pair.model, pair.opponent):
            yield f"gold judge `{name}` wrote one of the two responses"

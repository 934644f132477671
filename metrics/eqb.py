"""EQB: does a judge prefer its own losing response oftener than it prefers another model's losing response?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .estimate import Estimate
from .own_pairs import GoldRule, Pair, gold_labels, gold_shares, judged
from .units import Clusters, Part, Sample, Tested, combined, units_of

Floats = NDArray[np.float64]

EQB = "difference of two rates over items they may share, Student's t"
BY_VOTES = "the same, third models weighed to have the own response's votes of gold"
_NO_PROXY = "no third model's response loses against the same opponent by gold"
_NEVER = "the own response never loses by gold"


@dataclass(frozen=True, slots=True)
class Eqb:
    """EQB: does a judge prefer its own losing response oftener than it prefers another model's?

    Attributes:
        eqb: on items on which gold says that the own response loses against R: how often the judge prefers it, less how
            often it prefers the response of a third model K that loses against the same R; -1..1. Above 0: the judge
            favours its own.
        own: how often it prefers its own losing response, 0..1.
        proxy: how often it prefers a third model's losing response, 0..1.
        p_value: two-sided, of no difference; None where it is unknown.
        by_votes: EQB with the third models' items weighed so that as many of gold's votes went to them as to the own
            response. A response that loses by little is preferred oftener than one that loses by far, whoever wrote it,
            so a stronger or weaker third model moves EQB; this takes about half of that away.
        p_by_votes: two-sided, of no difference by votes; None where it is unknown.
        own_gold: how often gold prefers the own response to R's, 0..1.
        proxy_gold: how often gold prefers a third model's response to R's. The further the two are apart, the less EQB
            and `by_votes` are worth.
        proxies: the third models that were used.
    """

    eqb: Estimate
    own: Estimate
    proxy: Estimate
    p_value: float | None
    by_votes: Estimate
    p_by_votes: float | None
    own_gold: float | None
    proxy_gold: float | None
    proxies: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them."""
        return asdict(self)


def eqb(
    pair: Pair,
    proxies: Sequence[Pair],
    *,
    gold_rule: GoldRule = "plurality",
    clusters: Clusters | None = None,
    level: float = 0.95,
) -> Eqb:
    """How much oftener a judge prefers its own losing response than a third model's that loses as well.

    Both are asked against the same opponent R and where gold gives the same answer, so what makes the judge err towards
    a losing response is on both sides; only who wrote it differs. Verdicts are read by the `hard` rule.

    Args:
        pair: the judge's own pair against R.
        proxies: the same judge's verdicts on pairs of a third model K (`model`) against the same R (`opponent`); all
            are pooled.
        gold_rule: as for `dbg_score`.
        clusters: the cluster of each item; None: each item by itself. An item that is in several pairs is one unit.
        level: of the intervals, 0..1.

    Returns:
        See `Eqb`. Unknown where gold never says that one of the two loses.

    Raises:
        ValueError: if a proxy's opponent is another than the pair's, or an option is out of range.

    Source: Roytburg et al. 2026, arXiv:2601.22548.

    >>> own = Pair.of(["q1", "q2"], [[1, 1], [1, 0]], [[0, 0], [0, 1]], [[[0, 0]]] * 2, gold_judges=["g"])
    >>> third = Pair.of(["q1", "q2"], [[0, 0], [1, 0]], [[1, 1], [0, 1]], [[[0, 0]]] * 2, gold_judges=["g"])
    >>> found = eqb(own, [third])
    >>> found.own.estimate, found.proxy.estimate, found.eqb.estimate
    (0.75, 0.25, 0.5)
    """
    _check(pair, proxies)
    mine, theirs = _losing(pair, gold_rule, clusters), _all_losing(proxies, gold_rule, clusters)
    found, p_value = _contrast(mine.said, theirs.said, level)
    by_votes, p_by_votes = _by_votes(mine, theirs, level)
    return Eqb(
        eqb=found,
        own=mine.said.rate(level),
        proxy=theirs.said.rate(level),
        p_value=p_value,
        by_votes=by_votes,
        p_by_votes=p_by_votes,
        own_gold=_wins([pair], gold_rule),
        proxy_gold=_wins(proxies, gold_rule),
        proxies=tuple(one.model for one in proxies),
    )


def eqb_contrast(
    pair: Pair,
    proxies: Sequence[Pair],
    *,
    gold_rule: GoldRule = "plurality",
    clusters: Clusters | None = None,
    level: float = 0.95,
) -> Tested:
    """EQB alone, with its p value: what a simulation asks for thousands of times.

    Args:
        pair: as for `eqb`.
        proxies: as for `eqb`.
        gold_rule: as for `eqb`.
        clusters: as for `eqb`.
        level: as for `eqb`.

    Raises:
        ValueError: as for `eqb`.
    """
    _check(pair, proxies)
    mine, theirs = _losing(pair, gold_rule, clusters), _all_losing(proxies, gold_rule, clusters)
    return _contrast(mine.said, theirs.said, level)


class _Losing(NamedTuple):
    """The judge's word on each item on which `model` loses by gold, and `model`'s share of gold's votes there."""

    said: Sample
    shares: Floats


def _check(pair: Pair, proxies: Sequence[Pair]) -> None:
    for one in proxies:
        if one.opponent != pair.opponent:
            raise ValueError(
                f"A pair of `{one.model}` against `{one.opponent}` is no proxy for one against `{pair.opponent}`: EQB "
                "compares two models against the same opponent. Swap the pair, or leave it out."
            )


def _losing(pair: Pair, rule: GoldRule, clusters: Clusters | None) -> _Losing:
    said = np.where(gold_labels(pair, rule=rule) == 0, judged(pair), np.nan)
    return _Losing(Sample.of(units_of(pair.items, clusters), said), gold_shares(pair)[~np.isnan(said)])


def _all_losing(pairs: Sequence[Pair], rule: GoldRule, clusters: Clusters | None) -> _Losing:
    each = [_losing(one, rule, clusters) for one in pairs]
    shares = np.concatenate([np.zeros(0), *(one.shares for one in each)])
    return _Losing(Sample.joined([one.said for one in each]), shares)


def _wins(pairs: Sequence[Pair], rule: GoldRule) -> float | None:
    """How often gold prefers `model`, over all pairs."""
    gold = np.concatenate([np.zeros(0), *(gold_labels(one, rule=rule) for one in pairs)])
    known = gold[~np.isnan(gold)]
    return float(known.mean()) if len(known) else None


def _contrast(mine: Sample, theirs: Sample, level: float) -> Tested:
    if not len(mine.values) or not len(theirs.values):
        left_out = mine.left_out + len(set(mine.units))
        why = _NO_PROXY if len(mine.values) else _NEVER
        return Tested(Estimate.unknown(why, left_out=left_out, level=level, method=EQB), None)
    parts = [Part(mine.units, mine.values, 1.0), Part(theirs.units, theirs.values, -1.0)]
    return combined(mine.mean() - theirs.mean(), parts, level=level, method=EQB, left_out=mine.left_out)


def _by_votes(mine: _Losing, theirs: _Losing, level: float) -> Tested:
    """The mean, over own items, of the judge's word less what it says of third models with as many votes."""
    both = np.unique(mine.shares[np.isin(mine.shares, theirs.shares)])
    used = np.isin(mine.shares, both)
    left_out = mine.said.left_out + int((~used).sum())
    if not used.any():
        why = "no third model's losing response has as many of gold's votes as an own one"
        return Tested(Estimate.unknown(why, left_out=left_out, level=level, method=BY_VOTES), None)
    level_of = np.searchsorted(both, mine.shares[used])
    kept = np.isin(theirs.shares, both)
    there = np.searchsorted(both, theirs.shares[kept])
    word, counts = theirs.said.values[kept], np.bincount(there, minlength=len(both))
    usual = np.bincount(there, word, len(both)) / counts
    apart = mine.said.values[used] - usual[level_of]
    weight = np.bincount(level_of, minlength=len(both)) / len(level_of) / counts * len(word)
    lean = (word - usual[there]) * weight[there]  # of mean 0: what each adds to the error, not to the value
    far = float(max(1.0, weight.max()))
    parts = [
        Part(_picked(mine.said.units, used), apart, 1.0, -1.0, 1.0),
        Part(_picked(theirs.said.units, kept), lean, -1.0, -far, far),
    ]
    return combined(float(apart.mean()), parts, level=level, method=BY_VOTES, left_out=left_out)


def _picked(units: tuple[str, ...], which: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(unit for unit, there in zip(units, which.tolist(), strict=True) if there)

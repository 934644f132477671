"""What would a judge that is blind to authorship score, and does this one score more?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from .estimate import Estimate
from .own_pairs import GoldRule, Pair, gold_labels, judged
from .units import Clusters, Part, Sample, Tested, combined, units_of

BLIND = "delta method over items, Student's t"
_NO_OTHERS = "the judge has no verdict, with gold that is no tie, on a pair in which it wrote neither response"


@dataclass(frozen=True, slots=True)
class AuthorBlind:
    """What DBG is without any self-preference, and what is left of it.

    Attributes:
        error: e, how often the judge contradicts gold on pairs in which it wrote neither response, 0..1 (a tie of the
            judge counts one half; items on which gold is tied do not count). 0.5 is a coin.
        expectation: e (1 - 2 w*), DBG of a judge with that error and no self-preference.
        excess: DBG - e (1 - 2 w*), with the joint error over items. Above 0: the judge favours its own.
        p_value: two-sided, of no excess; None where it is unknown.
        pairs: how many pairs of others the error rests on.
    """

    error: Estimate
    expectation: Estimate
    excess: Estimate
    p_value: float | None
    pairs: int

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them."""
        return asdict(self)


def author_blind(
    pair: Pair,
    others: Sequence[Pair],
    *,
    gold_rule: GoldRule = "plurality",
    clusters: Clusters | None = None,
    level: float = 0.95,
) -> AuthorBlind:
    """What the judge's DBG is beyond that of an author-blind judge with the same error.

    A judge that contradicts gold with the same chance e whoever wrote what, gains e where gold says that its own loses
    and gives away e where it wins. So its DBG is e (P(loses) - P(wins)) = e (1 - 2 w*), without any self-preference:
    +12 points at w* = .2 and e = .2. The coin flip, 0.5 - w*, is the case e = .5. Verdicts are read by the `hard` rule.

    Args:
        pair: the judge's own pair.
        others: the same judge's verdicts on pairs in which it wrote neither response (any two models). The chance e is
            taken from them; where they are much easier or harder than the own pair, it is not the own pair's. EQB,
            which asks on one side only and against the same opponent, is hurt less.
        gold_rule: as for `dbg_score`.
        clusters: the cluster of each item; None: each item by itself. An item that is in several pairs is one unit.
        level: of the intervals, 0..1.

    Returns:
        See `AuthorBlind`. Without an item of the own pair, or without one of others', all are unknown.

    Raises:
        ValueError: if an option is out of range.

    >>> losing = Pair.of(["q1", "q2", "q3", "q4"], [[1, 1], [0, 0], [0, 0], [0, 1]], [[0, 0], [1, 1], [1, 1], [1, 0]],
    ...     [[[0, 0]]] * 4, gold_judges=["g"])
    >>> found = author_blind(losing, [losing])  # as if it had written neither: nothing is left
    >>> found.error.estimate, found.expectation.estimate, found.excess.estimate
    (0.375, 0.375, 0.0)
    """
    blind = _blind(pair, others, gold_rule, clusters)
    error = blind.wrong.rate(level)
    if blind.reason:
        unknown = Estimate.unknown(blind.reason, left_out=blind.apart.left_out, level=level, method=BLIND)
        return AuthorBlind(error, unknown, unknown, None, len(others))
    e, w = blind.wrong.mean(), blind.won.mean()
    expectation = combined(e * (1 - 2 * w), blind.expected(), level=level, method=BLIND, left_out=blind.apart.left_out)
    beyond, p_value = blind.excess(level)
    return AuthorBlind(error, expectation.estimate, beyond, p_value, len(others))


def excess(
    pair: Pair,
    others: Sequence[Pair],
    *,
    gold_rule: GoldRule = "plurality",
    clusters: Clusters | None = None,
    level: float = 0.95,
) -> Tested:
    """The excess of `author_blind` alone, with its p value: what a simulation asks for thousands of times.

    Args:
        pair: as for `author_blind`.
        others: as for `author_blind`.
        gold_rule: as for `author_blind`.
        clusters: as for `author_blind`.
        level: as for `author_blind`.
    """
    blind = _blind(pair, others, gold_rule, clusters)
    if blind.reason:
        return Tested(Estimate.unknown(blind.reason, left_out=blind.apart.left_out, level=level, method=BLIND), None)
    return blind.excess(level)


class _Blind(NamedTuple):
    """What the excess is made of: DBG's differences, gold's word, the errors on others' pairs; or why it is unknown."""

    apart: Sample
    won: Sample
    wrong: Sample
    reason: str

    def expected(self) -> list[Part]:
        """The means that the expectation is made of."""
        e, w = self.wrong.mean(), self.won.mean()
        return [Part(self.wrong.units, self.wrong.values, 1 - 2 * w), Part(self.won.units, self.won.values, -2 * e)]

    def excess(self, level: float) -> Tested:
        """DBG less the expectation, with the joint error."""
        e, w = self.wrong.mean(), self.won.mean()
        less = [Part(part.units, part.values, -part.weight) for part in self.expected()]
        parts = [Part(self.apart.units, self.apart.values, 1.0, -1.0, 1.0), *less]
        value = self.apart.mean() - e * (1 - 2 * w)
        return combined(value, parts, level=level, method=BLIND, left_out=self.apart.left_out, reach=2.0)


def _blind(pair: Pair, others: Sequence[Pair], rule: GoldRule, clusters: Clusters | None) -> _Blind:
    said, gold = judged(pair), gold_labels(pair, rule=rule)
    units = units_of(pair.items, clusters)
    apart, won = Sample.of(units, said - gold), Sample.of(units, np.where(np.isnan(said - gold), np.nan, gold))
    wrong = Sample.joined([_errors(one, rule, clusters) for one in others])
    reason = "" if len(apart.values) else "no item of the own pair has a verdict and gold"
    return _Blind(apart, won, wrong, reason or ("" if len(wrong.values) else _NO_OTHERS))


def _errors(pair: Pair, rule: GoldRule, clusters: Clusters | None) -> Sample:
    """How wrong the judge is on each item on which gold is no tie."""
    said, gold = judged(pair), gold_labels(pair, rule=rule)
    return Sample.of(units_of(pair.items, clusters), np.where(gold == 0.5, np.nan, np.abs(said - gold)))

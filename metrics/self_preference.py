"""Does a judge favour its own? All that is shown of one judge and one opponent, and what remains in a whole matrix.

DBG alone does not say. A judge that errs, whoever wrote what, scores above 0 where its own responses lose and below 0
where they win; a coin scores 0.5 - w*. So DBG stands beside what an author-blind judge with the same error would score,
and beside EQB. Either can be moved by what it takes for granted: the excess by pairs that are easier or harder, EQB by
third models that are stronger or weaker. So where both can be made, only what both show is concluded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .author_blind import AuthorBlind, author_blind
from .dbg import DbgScore, SoftDbg, dbg_score, soft_dbg
from .eqb import Eqb, eqb
from .estimate import Estimate
from .intervals import bounded_mean
from .multiplicity import holm
from .own_pairs import GoldRule, JudgeRule, Pair, gold_labels, judged
from .resample import RESAMPLES
from .units import Clusters

Floats = NDArray[np.float64]

SURE = 0.995
"""The one-sided level at which a judge must be shown to be better than a coin, and a coin's rate to be left."""

WORTH = 0.5
"""A judge that may follow gold this far (a coin: 0, e = .25: 0.5) is not called noise: too few items tell."""

INVERTED = 0.9999
"""The one-sided level at which a judge must be shown to be worse than a coin: a coin must hardly ever be."""

UNEQUAL = 0.1
"""Where gold prefers third models oftener or more rarely by this than the judge, EQB is told to be moved by it."""

RestsOn = Literal["EQB and the excess", "EQB", "the excess", "nothing"]
Conclusion = Literal["favours its own", "favours the other", "noise", "against gold", "not found", "unknown"]


@dataclass(frozen=True, slots=True, eq=False)
class SelfPreference:
    """One judge, one opponent, one data set.

    Attributes:
        score: DBG and what belongs to it.
        soft: the soft twin of DBG; None where the verdicts hold no probabilities.
        author_blind: what DBG would be without self-preference; None without pairs of others.
        eqb: the headline; None without pairs of a third model against the same opponent.
        p_value: that the conclusion rests on: the largest of those of EQB, EQB by votes and the excess that could be
            made, 1 where they point in opposite directions; None where neither EQB nor the excess could be.
        rests_on: which of them it rests on.
        conclusion: `favours its own` or `favours the other` (p <= alpha); `noise`: the judge cannot be told from a
            coin, and whatever DBG is, it is a coin's; `against gold`: the judge contradicts gold oftener than a coin
            would, as it does where verdicts were read the wrong way round; `not found`, which is not proof that there
            is none; `unknown`: there is nothing to compare with.
        warnings: those of the score, and what was noticed besides, one sentence each without its full stop.
    """

    score: DbgScore
    soft: SoftDbg | None
    author_blind: AuthorBlind | None
    eqb: Eqb | None
    p_value: float | None
    rests_on: RestsOn
    conclusion: Conclusion
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them."""
        return {
            "score": self.score.to_dict(),
            "soft": asdict(self.soft) if self.soft else None,
            "author_blind": self.author_blind.to_dict() if self.author_blind else None,
            "eqb": self.eqb.to_dict() if self.eqb else None,
            "p_value": self.p_value,
            "rests_on": self.rests_on,
            "conclusion": self.conclusion,
            "warnings": list(self.warnings),
        }


class Decision(NamedTuple):
    """What remains of one conclusion among all of a matrix.

    Attributes:
        p_holm: its p value by Holm's method; None where it is unknown.
        conclusion: as `SelfPreference.conclusion`, with `p_holm` in the place of the p value.
    """

    p_holm: float | None
    conclusion: Conclusion


def self_preference(
    pair: Pair,
    others: Sequence[Pair] = (),
    *,
    judge_rule: JudgeRule = "hard",
    gold_rule: GoldRule = "plurality",
    clusters: Clusters | None = None,
    alpha: float = 0.05,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> SelfPreference:
    """All that is known of whether a judge favours its own response over one opponent's.

    Args:
        pair: the judge's own pair; `model` is the judge.
        others: the same judge's verdicts on every pair in which it wrote neither response. Those in which one of the
            two is `pair.opponent` serve EQB too, turned so that the opponent is the same.
        judge_rule: of DBG, as for `dbg_score`. The expectation, the excess and EQB always take the `hard` one.
        gold_rule: as for `dbg_score`.
        clusters: as for `dbg_score`.
        alpha: of the conclusion.
        level: of the intervals, 0..1.
        resamples: of the bootstraps.
        seed: of the bootstraps.

    Returns:
        See `SelfPreference`.

    Raises:
        ValueError: if one of `others` is a pair of the judge's own, or an option is out of range.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"`alpha` is {alpha}; needed is a number above 0 and below 1.")
    if pair.model and any(pair.model in (one.model, one.opponent) for one in others):
        raise ValueError(
            f"`others` holds a pair with a response of `{pair.model}`, the judge; needed are those without."
        )
    score = dbg_score(
        pair,
        judge_rule=judge_rule,
        gold_rule=gold_rule,
        clusters=clusters,
        level=level,
        resamples=resamples,
        seed=seed,
    )
    blind = author_blind(pair, others, gold_rule=gold_rule, clusters=clusters, level=level) if others else None
    proxies = list(_against(pair.opponent, others))
    headline = eqb(pair, proxies, gold_rule=gold_rule, clusters=clusters, level=level) if proxies else None
    deciding = _deciding(blind, headline)
    reading = _reading(pair, blind, gold_rule)
    return SelfPreference(
        score=score,
        soft=soft_dbg(pair, clusters=clusters, level=level) if _has_shares(pair) else None,
        author_blind=blind,
        eqb=headline,
        p_value=deciding.p_value,
        rests_on=deciding.rests_on,
        conclusion=reading or _concluded(deciding.estimate, deciding.p_value, alpha),
        warnings=(*_noticed(reading), *score.warnings, *_doubts(blind, headline, alpha)),
    )


def decide(found: Mapping[tuple[str, str], SelfPreference], *, alpha: float = 0.05) -> dict[tuple[str, str], Decision]:
    """What remains of each conclusion of a matrix, so that the chance of a false one anywhere is at most alpha.

    Args:
        found: by judge and opponent: all that were looked for, those that are unknown included.
        alpha: of all conclusions together, 0..1.

    Raises:
        ValueError: if alpha is out of range.

    Source: `multiplicity.holm`.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"`alpha` is {alpha}; needed is a number above 0 and below 1.")
    corrected = holm([one.p_value for one in found.values()])
    return {
        key: Decision(
            p,
            one.conclusion
            if one.conclusion in ("noise", "against gold")
            else _concluded(_deciding(one.author_blind, one.eqb).estimate, p, alpha),
        )
        for (key, one), p in zip(found.items(), corrected, strict=True)
    }


def _against(opponent: str, others: Sequence[Pair]) -> Iterator[Pair]:
    """The pairs of others in which one of the two is the opponent, told from the other one's side."""
    for one in others:
        if one.opponent == opponent:
            yield one
        elif one.model == opponent:
            yield one.swapped()


class _Deciding(NamedTuple):
    """What decides: the estimate whose sign counts, its p value, and what it is."""

    estimate: float | None
    p_value: float | None
    rests_on: RestsOn


def _deciding(blind: AuthorBlind | None, headline: Eqb | None) -> _Deciding:
    found: list[tuple[float | None, float | None]] = []
    if headline is not None and headline.p_value is not None:
        found += [(headline.eqb.estimate, headline.p_value), (headline.by_votes.estimate, headline.p_by_votes)]
    rests_on: RestsOn = "EQB" if found else "nothing"
    if blind is not None and blind.p_value is not None:
        rests_on = "EQB and the excess" if found else "the excess"
        found.append((blind.excess.estimate, blind.p_value))
    known = [(value, p) for value, p in found if value is not None and p is not None]
    if not known:
        return _Deciding(None, None, "nothing")
    # all must show it: the largest p value is one of "not all of them", however they depend on each other
    one_way = all(value > 0 for value, _ in known) or all(value < 0 for value, _ in known)
    return _Deciding(known[0][0], max(p for _, p in known) if one_way else 1.0, rests_on)


def _concluded(estimate: float | None, p_value: float | None, alpha: float) -> Conclusion:
    if estimate is None or p_value is None:
        return "unknown"
    if p_value > alpha:
        return "not found"
    return "favours its own" if estimate > 0 else "favours the other"


def _has_shares(pair: Pair) -> bool:
    """Whether the verdicts hold probabilities, not letters alone."""
    total = pair.own + pair.other
    share = (pair.own / total)[~np.isnan(total)]
    return bool(np.any((share != 0) & (share != 1) & (share != 0.5)))


def _reading(pair: Pair, blind: AuthorBlind | None, rule: GoldRule) -> Conclusion | None:
    """`noise` or `against gold`; None where the judge is shown to follow gold, leans as no coin does, or few tell."""
    own = _follows(pair, rule)
    others = None if blind is None else _Follows(blind.error)
    if own.ends(INVERTED)[1] < 0 or (others is not None and others.ends(INVERTED)[1] < 0):
        return "against gold"
    least, most = (others or own).ends(SURE)
    return "noise" if least <= 0 and most < WORTH and _as_a_coin(pair) else None


class _Follows(NamedTuple):
    """How far a judge follows gold: 1 always, 0 as a coin, -1 never.

    P(prefers own | own wins by gold) - P(prefers own | own loses), or, from a rate of errors, 1 - 2 e.
    """

    first: Estimate
    second: Estimate | None = None

    def ends(self, level: float) -> tuple[float, float]:
        """The least and the most that it may be, one-sided at a level each."""
        one, (low, high) = self.first, _reach(self.first, level)
        if self.second is None:
            return 1 - 2 * high, 1 - 2 * low
        other, (under, over) = self.second, _reach(self.second, level)
        if one.estimate is None or other.estimate is None or one.low is None or other.low is None:
            return -1.0, 1.0
        apart = one.estimate - other.estimate
        # the intervals' own reaches, put together as errors are (Newcombe's hybrid score interval)
        down = sqrt((one.estimate - low) ** 2 + (over - other.estimate) ** 2)
        return apart - down, apart + sqrt((high - one.estimate) ** 2 + (other.estimate - under) ** 2)


def _follows(pair: Pair, rule: GoldRule) -> _Follows:
    said, gold = judged(pair), gold_labels(pair, rule=rule)
    won, lost = (bounded_mean(np.where(gold == side, said, np.nan)[:, None]) for side in (1.0, 0.0))
    return _Follows(won, lost)


def _as_a_coin(pair: Pair) -> bool:
    """Whether the judge may prefer its own response half of the time."""
    said = judged(pair)
    low, high = _reach(bounded_mean(said[:, None]), SURE)
    return low <= 0.5 <= high


def _reach(found: Estimate, level: float) -> tuple[float, float]:
    """A rate's interval drawn out to another, one-sided, level, 0..1; all of it where the interval is unknown."""
    if found.estimate is None or found.low is None or found.high is None:
        return 0.0, 1.0
    normal = NormalDist()
    more = normal.inv_cdf(level) / normal.inv_cdf((1 + found.level) / 2)
    low = found.estimate - more * (found.estimate - found.low)
    high = found.estimate + more * (found.high - found.estimate)
    return max(0.0, low), min(1.0, high)


def _noticed(reading: Conclusion | None) -> Iterator[str]:
    if reading == "noise":
        yield "the judge cannot be told from a coin: its DBG is what a coin scores, 0.5 - w*, not a preference"
    if reading == "against gold":
        yield (
            "the judge contradicts gold oftener than a coin would: its verdicts may have been read the wrong way round "
            "(inverted), or gold's"
        )


def _doubts(blind: AuthorBlind | None, headline: Eqb | None, alpha: float) -> Iterator[str]:
    if headline is None or headline.own_gold is None or headline.proxy_gold is None:
        return
    apart = headline.proxy_gold - headline.own_gold
    if abs(apart) > UNEQUAL:
        yield (
            f"gold prefers the third models to the opponent in {headline.proxy_gold:.0%}, and the judge's own response "
            f"in {headline.own_gold:.0%}: EQB compares unequal models, which moves it {'down' if apart > 0 else 'up'}. "
            "Choose third models of the judge's strength"
        )
    if blind is None or blind.p_value is None or headline.p_value is None:
        return
    opposite = (blind.excess.estimate or 0.0) * (headline.eqb.estimate or 0.0) < 0
    if opposite and max(blind.p_value, headline.p_value) <= alpha:
        yield "EQB and the excess point in opposite directions: what one of them takes for granted does not hold"

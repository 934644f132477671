"""Who won a pair of a model's own and another model's response: by the judge, and by gold?

The rules are those of the released code of DBG. Everything is told from the side of one of the two models (`own`),
never by place: column 0 is the presentation that showed it first, column 1 the one that showed it second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .picks import cell_means

Floats = NDArray[np.float64]

JudgeRule = Literal["hard", "closed", "soft"]
"""How two presentations become the judge's word on an item; see `judged`."""

GoldRule = Literal["plurality", "both_presentations", "two_of_three"]
"""How gold's votes become gold's word on an item; see `gold_labels`."""

JUDGE_RULES: tuple[JudgeRule, ...] = ("hard", "closed", "soft")
GOLD_RULES: tuple[GoldRule, ...] = ("plurality", "both_presentations", "two_of_three")


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One judge's verdicts and gold's votes on one pair of models, told from the side of one of them.

    The same layout serves the judge's own pair (`model` is the judge) and the pairs of others (`model` is any model
    that is not the judge). Made by `Pair.of`, which checks it.

    Attributes:
        items: the n items' ids, each once.
        own: shape (n, 2): the probability, or any mass of 0 or more, that the judge gave to `model`'s response when it
            was shown first (column 0) and second (column 1). A verdict without probabilities is 1, or 0, or 0.5 for a
            tie. NaN where there is no verdict.
        other: shape (n, 2): the same of `opponent`'s response, in the same presentations. It is kept apart, as the two
            need not add up to 1.
        votes: shape (n, n_gold_judges, 2): 1 where the gold judge preferred `model`'s response, 0 where `opponent`'s,
            0.5 where it called a tie, NaN where it gave no verdict; last axis as in `own`. A panel of people that saw
            one order gives the same vote in both columns.
        gold_judges: the names of the gold judges that were declared, in the order of the axis.
        model: who wrote what is called own.
        opponent: who wrote the other response.
    """

    items: tuple[str, ...]
    own: Floats
    other: Floats
    votes: Floats
    gold_judges: tuple[str, ...]
    model: str = ""
    opponent: str = ""

    @classmethod
    def of(
        cls,
        items: Sequence[str],
        own: ArrayLike,
        other: ArrayLike,
        votes: ArrayLike,
        *,
        gold_judges: Sequence[str],
        gold_items: Sequence[str] | None = None,
        model: str = "",
        opponent: str = "",
    ) -> Pair:
        """Check the parts of a pair and put gold's votes into the order of the judge's items.

        Args:
            items: as in `Pair`, of the judge's verdicts.
            own: as in `Pair`.
            other: as in `Pair`.
            votes: as in `Pair`, a row for each of `gold_items`.
            gold_judges: the gold judges that were asked; one without a single vote is refused, not forgotten.
            gold_items: the ids of the rows of `votes`; None: the same as `items`, in the same order.
            model: as in `Pair`.
            opponent: as in `Pair`.

        Raises:
            ValueError: each with its own message: unequal sets of ids, an id twice, one presentation only (of the
                judge, or of a gold judge), a second presentation that repeats the first, a missing gold judge, a
                verdict whose two masses are both zero, a negative or infinite mass, one mass without the other, a
                vote other than 0, 0.5 and 1, or a shape that does not fit.

        >>> pair = Pair.of(["q1"], [[0.9, 0.2]], [[0.1, 0.6]], [[[1, 1]]], gold_judges=["g"])
        >>> float(judged(pair)[0]), float(gold_labels(pair)[0])
        (1.0, 1.0)
        """
        ids = _ids(items, "the judge")
        first, second = (_masses(part, name, len(ids)) for part, name in ((own, "own"), (other, "other")))
        _check_masses(ids, first, second)
        labels = ids if gold_items is None else _ids(gold_items, "gold")
        said = _votes(votes, len(labels), tuple(gold_judges))
        if labels != ids:
            place = {item: row for row, item in enumerate(labels)}
            _check_same(ids, labels)
            said = said[[place[item] for item in ids]]
        return cls(ids, first, second, said, tuple(gold_judges), model, opponent)

    def swapped(self) -> Pair:
        """The same pair told from the opponent's side.

        What was shown first stays first: the presentation that shows `model` first shows the opponent second.
        """
        return replace(
            self,
            own=self.other[:, ::-1],
            other=self.own[:, ::-1],
            votes=1 - self.votes[:, :, ::-1],
            model=self.opponent,
            opponent=self.model,
        )

    def without(self, gold_judge: str) -> Pair:
        """The same pair with one gold judge fewer.

        Raises:
            ValueError: if no gold judge has that name, or it is the only one.
        """
        if gold_judge not in self.gold_judges or len(self.gold_judges) < 2:
            raise ValueError(f"`{gold_judge}` is not one of several gold judges: {', '.join(self.gold_judges)}.")
        kept = [place for place, name in enumerate(self.gold_judges) if name != gold_judge]
        return replace(self, votes=self.votes[:, kept], gold_judges=tuple(self.gold_judges[place] for place in kept))


def judged(pair: Pair, *, rule: JudgeRule = "hard") -> Floats:
    """The judge's word on each item: shape (n,), NaN where a presentation has no verdict.

    Args:
        pair: the pair.
        rule: `hard`: normalise each presentation, average the two masses of each response apart, and give the win to
            the larger (1 or 0), one half each where they are equal. `closed`: the released rule for judges that give
            no probabilities: a win (1) only where both presentations prefer `model`; where they disagree nobody gets
            anything (0). **Its win rate is not on the scale of gold's**: DBG is pulled down by about half the rate of
            disagreement. `soft`: the average itself, 0..1; never to be compared with a hard gold.

    Raises:
        ValueError: if the rule is none of these.
    """
    own, other = _normalised(pair)
    if rule == "soft":
        return np.asarray(own.mean(axis=1), dtype=float)
    if rule == "hard":
        ahead, behind = own.sum(axis=1), other.sum(axis=1)  # apart: 1 - own would move ties by the last bit
        won = np.where(ahead > behind, 1.0, np.where(ahead < behind, 0.0, 0.5))
    elif rule == "closed":
        won = (own > other).all(axis=1).astype(float)
    else:
        raise ValueError(f"`judge_rule` is {rule!r}; needed is one of {', '.join(JUDGE_RULES)}.")
    return np.where(np.isnan(own).any(axis=1), np.nan, won)


def gold_labels(pair: Pair, *, rule: GoldRule = "plurality") -> Floats:
    """Gold's word on each item: 1 `model`, 0 `opponent`, 0.5 a tie; shape (n,), NaN where gold says nothing.

    Args:
        pair: the pair.
        rule: `plurality`: the side with more of all votes, over judges and presentations; equal is a tie.
            `both_presentations`: only judges whose two presentations agree vote; equal is a tie, no such judge is NaN.
            `two_of_three`: at least two thirds of the declared gold judges agree with themselves and with each other;
            else NaN.

    Raises:
        ValueError: if the rule is none of these.
    """
    if rule == "plurality":
        return _side(pair.votes.reshape(len(pair.items), -1))
    agreed = np.where(pair.votes[..., 0] == pair.votes[..., 1], pair.votes[..., 0], np.nan)
    if rule == "both_presentations":
        return _side(agreed)
    if rule == "two_of_three":
        needed = ceil(2 * len(pair.gold_judges) / 3)
        own, other = ((agreed == side).sum(axis=1) >= needed for side in (1.0, 0.0))
        return np.where(own, 1.0, np.where(other, 0.0, np.nan))
    raise ValueError(f"`gold_rule` is {rule!r}; needed is one of {', '.join(GOLD_RULES)}.")


def gold_shares(pair: Pair) -> Floats:
    """The share of gold's votes that `model` got, 0..1: shape (n,), NaN without votes. The soft twin of gold."""
    return cell_means(pair.votes.reshape(len(pair.items), -1))


def flips(pair: Pair) -> Floats:
    """Whether the judge's preference for `model` hangs on the presentation: shape (n,), 1 or 0, NaN where one lacks.

    1 where `model` is preferred in exactly one of the two presentations. A presentation in which both masses are equal
    does not prefer it, so the rate told from the opponent's side may differ by the rate of such ties.
    """
    own, other = _normalised(pair)
    ahead = own > other
    return np.where(np.isnan(own).any(axis=1), np.nan, (ahead[:, 0] != ahead[:, 1]).astype(float))


def mass(pair: Pair) -> tuple[float, float] | None:
    """Least and mean of the mass that a verdict gave to both responses together; None without a verdict.

    Near 1 where the two labels hold all of a model's probability. What lies outside them is not judged.
    """
    total = (pair.own + pair.other)[~np.isnan(pair.own)]
    return (float(total.min()), float(total.mean())) if len(total) else None


def _normalised(pair: Pair) -> tuple[Floats, Floats]:
    total = pair.own + pair.other
    return pair.own / total, pair.other / total


def _side(votes: Floats) -> Floats:
    """The side with more votes, of each row."""
    own, total = _counted(votes)
    other = total - own
    side = np.where(own > other, 1.0, np.where(own < other, 0.0, 0.5))
    return np.where(total > 0, side, np.nan)


def _counted(votes: Floats) -> tuple[Floats, Floats]:
    known = ~np.isnan(votes)
    return np.where(known, votes, 0.0).sum(axis=1), known.sum(axis=1).astype(float)


def _ids(items: Sequence[str], whose: str) -> tuple[str, ...]:
    ids = tuple(items)
    if len(set(ids)) < len(ids):
        twice = next(item for item in ids if ids.count(item) > 1)
        raise ValueError(f"Item `{twice}` stands twice among the items of {whose}; needed is each once.")
    return ids


def _check_same(judge: tuple[str, ...], gold: tuple[str, ...]) -> None:
    lacks = [
        (name, sorted(set(have) - set(want))) for name, have, want in (("gold", judge, gold), ("judge", gold, judge))
    ]
    told = [f"the {name} lacks {len(ids)} (such as `{ids[0]}`)" for name, ids in lacks if ids]
    if told:
        raise ValueError(
            f"The judge and gold have unequal sets of items: {', and '.join(told)}. DBG compares both on the same "
            "items: judge what is missing, or leave it out of both."
        )


def _masses(values: ArrayLike, name: str, n: int) -> Floats:
    given = np.asarray(values, dtype=float)
    if given.shape == (n,) or given.shape == (n, 1):
        raise ValueError(
            f"`{name}` holds one presentation only; needed are both, shape ({n}, 2): without the second, the order in "
            "which the responses were shown cannot be told from a preference."
        )
    if given.shape != (n, 2):
        raise ValueError(f"`{name}` has shape {given.shape}; needed is ({n}, 2), a column for each presentation.")
    if np.any(np.isinf(given) | (given < 0)):
        raise ValueError(f"`{name}` holds negative or infinite numbers; where there is no verdict, it is NaN.")
    return given


def _check_masses(ids: tuple[str, ...], own: Floats, other: Floats) -> None:
    if np.any(np.isnan(own) != np.isnan(other)):
        row = int(np.flatnonzero((np.isnan(own) != np.isnan(other)).any(axis=1))[0])
        raise ValueError(f"Item `{ids[row]}` has the mass of one response without that of the other; needed are both.")
    empty = np.argwhere(own + other == 0)
    if len(empty):
        row, column = empty[0]
        raise ValueError(
            f"Item `{ids[row]}` has zero probability mass on both responses where its own response is shown "
            f"{('first', 'second')[column]}, and so have {len(empty) - 1} further verdicts: that is no verdict and no "
            "tie. Give NaN for it, or read the probabilities of the labels that the judge used."
        )
    there = ~np.isnan(own)
    shown_first, shown_second = bool(there[:, 0].any()), bool(there[:, 1].any())
    if shown_first != shown_second:
        place = "second" if shown_first else "first"
        raise ValueError(
            f"The judge judged one presentation only: no verdict shows the own response {place}. Judge both."
        )
    both = there.all(axis=1)
    if len(np.unique(own[both, 0])) > 2 and np.allclose(own[both, 0], other[both, 1], rtol=0, atol=1e-12):
        raise ValueError(
            "The second presentation repeats the first, number by number and by place: one presentation only was read, "
            "twice. Read the verdicts in which the responses change places."
        )


def _votes(votes: ArrayLike, n: int, names: tuple[str, ...]) -> Floats:
    given = np.asarray(votes, dtype=float)
    if given.ndim != 3 or given.shape[0] != n or given.shape[2] != 2:
        raise ValueError(f"`votes` has shape {given.shape}; needed is ({n}, {len(names)}, 2): item, gold judge, order.")
    if not names or len(set(names)) < len(names):
        raise ValueError(f"`gold_judges` is {list(names)}; needed is at least one name, and each once.")
    if given.shape[1] != len(names):
        raise ValueError(
            f"A gold judge is missing: {len(names)} are declared ({', '.join(names)}), and `votes` holds "
            f"{given.shape[1]}. Let the missing one judge, or declare those that did."
        )
    if not np.all(np.isin(given, (0.0, 0.5, 1.0)) | np.isnan(given)):
        raise ValueError("`votes` holds numbers other than 0, 0.5 and 1; where there is no vote, it is NaN.")
    for name, there in zip(names, (~np.isnan(given)).any(axis=0), strict=True):
        if n and not there.any():
            raise ValueError(
                f"Gold judge `{name}` is missing: it is declared and has no vote. Let it judge, or do not declare it."
            )
        if n and not there.all():
            raise ValueError(f"Gold judge `{name}` judged one presentation only; needed are both.")
    return given

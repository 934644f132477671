"""A model wrote answers for the scores 1 to 5: did it do so, and could it have written what people prefer?

What such a model writes shows what it takes for better, if it did what it was told. So its own grades must rise with
the score that it wrote for (the manipulation check). And where its best answers lack something that people prefer, it
may not be able to write it; that is another thing than not to want it (achievability).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .estimate import Estimate
from .factors import ROUNDING
from .intervals import bounded_mean, clustered_mean
from .picks import cell_means
from .rank_correlation import spearman

Floats = NDArray[np.float64]
Reach = Literal["at least", "at most", "covers"]


@dataclass(frozen=True, slots=True)
class Manipulation:
    """Whether a model's own grades rise with the score that it wrote for.

    Attributes:
        in_order: over a prompt's pairs of answers, the share that its grades put in the order of the scores less the
            share that they put the other way round, equal grades counting for neither: -1..1, 0 where they say nothing.
        spearman: between score and grade within a prompt, mean over prompts: -1..1. A prompt whose grades are all
            alike has none, and is left out here.
        monotone: the share of prompts whose grades never fall with the score and rise at least once, 0..1.
        rise: the grade of the highest score's answer less that of the lowest's, in the unit of the grades.
        means: of each score the mean grade of its answers.
    """

    in_order: Estimate
    spearman: Estimate
    monotone: Estimate
    rise: Estimate
    means: tuple[Estimate, ...]

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them."""
        return asdict(self)


def manipulation(grades: ArrayLike, *, level: float = 0.95) -> Manipulation:
    """Check that grades rise with the scores that answers were written for.

    Args:
        grades: shape (n_prompts, n_scores), the lowest score first: the grade of each answer, NaN where there is none.
        level: of the intervals, 0..1.

    Returns:
        See `Manipulation`. The prompt is the unit of sampling. A prompt needs two grades to count for `in_order`, all
        of them for `spearman` and `monotone`, and the two at the ends for `rise`.

    Raises:
        ValueError: if there are fewer than two scores, or a grade is infinite.

    >>> found = manipulation([[1, 2, 4], [2, 2, 3], [3, 3, 3]])
    >>> round(found.in_order.estimate, 3), round(found.monotone.estimate, 3), found.rise.estimate, found.spearman.n
    (0.556, 0.667, 1.3333333333333333, 2)
    """
    table = np.asarray(grades, dtype=float)
    if table.ndim != 2 or table.shape[1] < 2 or np.any(np.isinf(table)):
        raise ValueError(f"`grades` has shape {table.shape}; needed are (n_prompts, 2 or more) finite numbers.")
    whole = ~np.isnan(table).any(axis=1)
    rank, monotone = np.full(len(table), np.nan), np.full(len(table), np.nan)
    if whole.any():
        rank[whole] = np.clip(spearman(np.arange(table.shape[1], dtype=float), table[whole]), -1, 1)
        steps = np.diff(table[whole], axis=1)
        monotone[whole] = (steps >= 0).all(axis=1) & (steps > 0).any(axis=1)
    pairs = np.stack(
        [np.sign(table[:, high] - table[:, low]) for low, high in combinations(range(table.shape[1]), 2)], 1
    )
    return Manipulation(
        bounded_mean(cell_means(pairs), low=-1.0, high=1.0, level=level),
        bounded_mean(rank, low=-1.0, high=1.0, level=level),
        bounded_mean(monotone, level=level),
        clustered_mean(table[:, -1] - table[:, 0], level=level),
        tuple(clustered_mean(column, level=level) for column in table.T),
    )


def achievability(written: ArrayLike, preferred: ArrayLike, *, direction: int = 1, level: float = 0.95) -> Estimate:
    """How often a model wrote as much of a factor as the response has that people prefer.

    Args:
        written: shape (n_prompts, n_scores): the factor of what the model wrote for each prompt, NaN where unknown.
        preferred: shape (n_prompts, n_pairs): the factor of the preferred response of each of the prompt's pairs, NaN
            where it is unknown, or the prompt has fewer pairs than another.
        direction: 1: the model's largest value must reach the preferred one's. -1: its smallest must. 0: the preferred
            one's must lie between the two (our own reading, for factors of which neither more nor less is better).
        level: of the interval, 0..1.

    Returns:
        From 0 (never) to 1 (always): the mean over prompts of the share of the prompt's pairs. The unit of sampling is
        the prompt; one without a known value on either side is `left_out`.

    Raises:
        ValueError: if a shape or the direction is not as above, or a value is infinite.

    Source: the word is that of arXiv:2410.06965; the definition is our own.

    >>> achievability([[3, 5, 8], [1, 1, 2]], [[7, 9], [2, float("nan")]]).estimate
    0.75
    """
    rows, values = np.asarray(written, dtype=float), np.asarray(preferred, dtype=float)
    if rows.ndim != 2 or values.ndim != 2 or len(rows) != len(values) or direction not in (-1, 0, 1):
        raise ValueError(
            f"`written` has shape {rows.shape}, `preferred` {values.shape} and `direction` is {direction}; needed are "
            "(n_prompts, n_scores), (n_prompts, n_pairs), and -1, 0 or 1."
        )
    if np.any(np.isinf(rows)) or np.any(np.isinf(values)):
        raise ValueError("a value is infinite; where there is none, it is NaN.")
    known = ~np.isnan(rows)
    least = np.where(known, rows, np.inf).min(axis=1, initial=np.inf)[:, None]
    most = np.where(known, rows, -np.inf).max(axis=1, initial=-np.inf)[:, None]
    near = ROUNDING * np.maximum(1.0, np.abs(values))
    reached = np.ones(values.shape, dtype=bool)
    if direction >= 0:
        reached &= most >= values - near
    if direction <= 0:
        reached &= least <= values + near
    counts = ~np.isnan(values) & known.any(axis=1)[:, None]
    with np.errstate(invalid="ignore"):
        return bounded_mean((reached & counts).sum(axis=1) / counts.sum(axis=1), level=level)


def reach_of(direction: int) -> Reach:
    """What `achievability` asks of a factor of this direction, in words."""
    return "at least" if direction > 0 else "at most" if direction < 0 else "covers"


def ground(first: ArrayLike, second: ArrayLike) -> Floats:
    """Of each pair the ground that it stands on, for `overlap.matched`: how far the two lengths differ, and how long.

    Args:
        first: shape (n_pairs,): the words of the one response, NaN where unknown.
        second: the same of the other.

    Returns:
        Shape (n_pairs, 2): the difference of the logarithms of the lengths, without its sign, and their mean.

    Raises:
        ValueError: if the shapes differ, or a length is negative or infinite.

    >>> ground([3, 0], [1, 0]).round(3).tolist()
    [[0.693, 1.04], [0.0, 0.0]]
    """
    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if one.ndim != 1 or one.shape != other.shape or any(np.any((side < 0) | np.isinf(side)) for side in (one, other)):
        raise ValueError("`first` and `second` need one shape (n_pairs,), and lengths of 0 or more; NaN for none.")
    a, b = np.log1p(one), np.log1p(other)
    return np.stack([np.abs(a - b), (a + b) / 2], axis=1)


def score_pairs(scores: Sequence[int]) -> list[tuple[int, int]]:
    """The pairs of places of these scores, the place of the higher score first: the preferred one.

    >>> score_pairs([1, 2, 3])
    [(1, 0), (2, 0), (2, 1)]
    """
    order = sorted(range(len(scores)), key=lambda place: scores[place])
    return [(high, low) for low, high in combinations(order, 2)]

"""Does a judge choose its own answer where one can check who was right? SPR, LSPR, HSPP."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .estimate import Estimate
from .intervals import bounded_mean

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OwnTruth:
    """Choices of the own answer, with and without reason; each 0..1, the item the unit of sampling.

    Attributes:
        spr: P(picks own), over all items with a verdict.
        lspr: P(own is correct | picked own), over items on which exactly one answer is correct: how much of the
            preference is deserved.
        hspp: P(picks own | own is wrong), over the same items: harmful preference. 0: never.
        different: how many items have exactly one correct answer and a verdict.
        unchecked: how many items have a verdict, and an answer of which it is not known whether it is correct.
    """

    spr: Estimate
    lspr: Estimate
    hspp: Estimate
    different: int
    unchecked: int

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them."""
        return asdict(self)


def own_truth(picks: ArrayLike, own_correct: ArrayLike, other_correct: ArrayLike, *, level: float = 0.95) -> OwnTruth:
    """How often a judge picks its own answer, how often rightly, and how often where it is wrong.

    Args:
        picks: shape (n_items, n_presentations) or (n_items,): 1 where the own answer is preferred, 0 where the other,
            0.5 for a tie (half a pick of each), NaN where there is no verdict.
        own_correct: shape (n_items,): 1 where the own answer is correct, 0 where it is not, NaN where unknown.
        other_correct: the same of the other answer.
        level: of the intervals, 0..1.

    Returns:
        See `OwnTruth`. Each verdict weighs the same; items without what a rate needs are its `left_out`. A rate with no
        item is unknown: where both answers are always right or wrong together, nothing tells a harmful choice.

    Raises:
        ValueError: if a shape is another, or a value none of the above.

    Source: the three rates as noted in public reviews of work on self-preference with verifiable answers.

    >>> found = own_truth([1, 1, 0, 0.5, 1], [1, 0, 0, 0, 1], [0, 1, 1, 1, 1])
    >>> found.spr.estimate, found.lspr.estimate, found.hspp.estimate, found.different
    (0.7, 0.4, 0.5, 4)
    """
    said = np.asarray(picks, dtype=float)
    said = said[:, None] if said.ndim == 1 else said
    if said.ndim != 2 or not np.all(np.isin(said, (0.0, 0.5, 1.0)) | np.isnan(said)):
        raise ValueError(
            f"`picks` has shape {said.shape}; needed is (n_items, n_presentations) or (n_items,), holding 1, 0, 0.5 "
            "and NaN."
        )
    own, other = (_truth(part, name, len(said)) for part, name in ((own_correct, "own"), (other_correct, "other")))
    judged = ~np.isnan(said).all(axis=1)
    different = own + other == 1
    right = np.where(different, own, np.nan)[:, None]
    halves = np.stack([said >= 0.5, said == 1], axis=2).reshape(len(said), -1)  # a tie is one half of a pick
    return OwnTruth(
        spr=bounded_mean(said, level=level),
        lspr=bounded_mean(np.where(halves, right, np.nan), level=level),
        hspp=bounded_mean(np.where(right == 0, said, np.nan), level=level),
        different=int((different & judged).sum()),
        unchecked=int((np.isnan(own + other) & judged).sum()),
    )


def _truth(values: ArrayLike, name: str, n: int) -> Floats:
    given = np.asarray(values, dtype=float)
    if given.shape != (n,) or not np.all(np.isin(given, (0.0, 1.0)) | np.isnan(given)):
        raise ValueError(f"`{name}_correct` has shape {given.shape}; needed is ({n},), holding 1, 0 and NaN.")
    return given

"""Do verdicts go missing for what they would have said, as far as the others can tell?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .identified import Between, mean_contrast
from .paired import mcnemar
from .picks import share_of

Floats = NDArray[np.float64]

MANY = 0.1
"""Above this share of missing verdicts the tests below are no excuse: what they cannot see may be too much."""

RELATED = 0.05
"""The p value from which on verdicts are taken to go missing for a side of the cue."""


class Missing(NamedTuple):
    """How many verdicts of a contrast are missing, and whether they are missing for its sides.

    Attributes:
        share: of the verdicts that were asked for, 0..1.
        p_side: exact sign test over items that as many are missing on both sides of the cue.
        p_lean: that an item's verdicts are not missing from one side of the cue the oftener, the more the others of it
            lean to one response.
    """

    share: float
    p_side: float
    p_lean: float

    @property
    def p_value(self) -> float:
        """Of both tests, Bonferroni: 0..1. A large one does not show that nothing is related."""
        return min(1.0, 2 * min(self.p_side, self.p_lean))

    @property
    def ignorable(self) -> bool:
        """Whether few are missing, and neither test says that they are missing for a side."""
        return self.share <= MANY and self.p_value > RELATED


def missing(one: Floats, other: Floats) -> Missing:
    """Compare what is missing on both sides of a cue.

    A verdict that is kept back because it would have gone against the cue is missing where the cue stands on the
    response that the item's other verdicts do not prefer. Refusals that hang on the item, or on which response comes
    first, hit both sides of a cue alike, and leave complete pairs honest. What neither test can see: refusals that hang
    on the very verdict where the item's others say nothing of it, as where each is the throw of a coin.

    Args:
        one: shape (n_items, n_cells, n_samples): verdicts with the cue on one side, 0..1, NaN where one is missing.
        other: the same with the cue on the other side; the number of samples may differ.

    Returns:
        See `Missing`. Without a missing verdict both p values are 1.

    Source: a test of what is missing against what is observed, as Little 1988, doi:10.1080/01621459.1988.10478722, for
        the two departures that bias a contrast of complete pairs.

    >>> told = np.ones((40, 1, 1))
    >>> missing(told, np.where(np.arange(40)[:, None, None] < 4, np.nan, told))
    Missing(share=0.05, p_side=0.125, p_lean=1.0)
    """
    lost, its = np.isnan(one), np.isnan(other)
    asked = one.size + other.size
    if asked == 0 or not (lost.any() or its.any()):
        return Missing(0.0, 1.0, 1.0)
    share = (int(lost.sum()) + int(its.sum())) / asked
    apart = lost.mean(axis=(1, 2)) - its.mean(axis=(1, 2))
    p_side = mcnemar(int((apart > 1e-12).sum()), int((apart < -1e-12).sum()))
    together = mean_contrast((apart * _lean(one, other))[:, None], most=1.0)
    p_lean = Between(together, together, 1.0).p_value()
    return Missing(share, p_side, 1.0 if p_lean is None else p_lean)


def _lean(one: Floats, other: Floats) -> Floats:
    """How far the verdicts of an item lie above those of all items in the same cells, -1..1; 0 where it has none."""
    sums = counts = np.zeros(len(one))
    for side in (one, other):
        known = ~np.isnan(side)
        filled = np.where(known, side, 0.0)
        means = share_of(filled.sum(axis=(0, 2)), known.sum(axis=(0, 2)).astype(float))
        sums = sums + np.where(known, side - means[:, None], 0.0).sum(axis=(1, 2))
        counts = counts + known.sum(axis=(1, 2))
    lean: Floats = sums / np.maximum(counts, 1)
    return lean

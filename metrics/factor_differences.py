"""Does a judge follow a factor more than people do, or is it shown to follow it just as much?

Both are compared on the pairs that both decided: the mean of (judge's p - people's p) * m, whose error is smaller
than that of two influences apart, as what makes a pair hard for both cancels.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .estimate import Estimate
from .factor_cells import checked
from .factors import STUDENT
from .intervals import Basis, bounded_mean, one_or_alike, standard_error, student_p_value, student_t_tail
from .multiplicity import holm, q_values
from .prompt_sums import Labels, by_prompt

Floats = NDArray[np.float64]

MARGIN = 0.05
"""Influences nearer to each other than this, in units of tau, are alike. Fix it before looking."""

Conclusion = Literal["aligned", "differs", "differs within the margin", "not shown", "unknown"]


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more a judge follows one factor than people do.

    Attributes:
        difference: the judge's influence less people's over the pairs that both decided, in tau, -2..2: above 0 where
            the judge prefers more of the factor oftener. The prompt is the unit of sampling.
        p_value: two-sided, of no difference; None where the error is unknown.
        q_value: Benjamini and Hochberg's, among the factors of this call.
        p_holm: Holm's, among the factors of this call.
        p_equivalence: of two one-sided tests, the larger: that the difference is as large as the margin; None where
            the error is unknown.
        equivalent: whether the difference is shown to be smaller than the margin: the interval at level 1 - 2 alpha
            lies within it. Where all prompts are alike it is the score interval, which has a width all the same. None
            where there is nothing to tell it by.
        pairs: how many pairs both decided, with a known difference of the factor.
        conclusion: `aligned` (equivalent), `differs` (q value <= alpha), `differs within the margin` (both),
            `not shown` (none: more pairs are needed), `unknown`.
    """

    difference: Estimate
    p_value: float | None
    q_value: float | None
    p_holm: float | None
    p_equivalence: float | None
    equivalent: bool | None
    pairs: int
    conclusion: Conclusion

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them."""
        return asdict(self)


def paired_differences(
    people: ArrayLike,
    judge: ArrayLike,
    manifested: ArrayLike,
    prompts: Labels,
    *,
    margin: float = MARGIN,
    alpha: float = 0.05,
    level: float = 0.95,
) -> list[Difference]:
    """How much more a judge follows each factor than people do, on the pairs that both decided.

    Args:
        people: shape (n_pairs,): the preferences of people, as for `factors.factor_influence`.
        judge: shape (n_pairs,): those of the judge on the same pairs.
        manifested: shape (n_pairs, n_factors): -1, 0, 1 or NaN, from `factors.manifestations`.
        prompts: shape (n_pairs,): the label of each pair's prompt.
        margin: of equivalence, in tau, above 0.
        alpha: of the conclusions, above 0 and below one half.
        level: of the intervals, 0..1.

    Returns:
        One difference a factor, in their order; `q_value` and `p_holm` hold among them.

    Raises:
        ValueError: if a shape, a code or an option is not as above.

    Sources: clustered errors as in `factors`; two one-sided tests: Schuirmann 1987, doi:10.1007/BF01068419.

    >>> found = paired_differences([1, -1, 1, -1], [1, 1, 1, 0], [[1], [1], [-1], [1]], ["x", "x", "y", "z"])
    >>> str(found[0].difference), found[0].pairs, found[0].conclusion
    ('0.667 [-4.981, 6.314]  n=2, 1 left out', 3, 'not shown')
    """
    if not margin > 0 or not 0 < alpha < 0.5 or not 0 < level < 1:
        raise ValueError(
            f"`margin` is {margin}, `alpha` {alpha} and `level` {level}; needed are margin > 0, 0 < alpha < .5 and "
            "0 < level < 1."
        )
    theirs, sign, place, count = checked(people, manifested, prompts)
    its, *_ = checked(judge, manifested, prompts)
    both = ~np.isnan(theirs * its) & (theirs * its != 0)
    moved = np.where(both, its - theirs, 0.0)[:, None] * np.nan_to_num(sign)
    used = both[:, None] & ~np.isnan(sign)
    sums, sizes = by_prompt(moved, place, count), by_prompt(used.astype(float), place, count)
    found = [_difference(sums[:, k], sizes[:, k], margin, alpha, level) for k in range(sign.shape[1])]
    p_values = [one.p_value for one in found]
    lines = []
    for one, q, held in zip(found, q_values(p_values), holm(p_values), strict=True):
        conclusion = _conclusion(differs=q is not None and q <= alpha, equivalent=one.equivalent)
        lines.append(replace(one, q_value=q, p_holm=held, conclusion=conclusion))
    return lines


def _difference(sums: Floats, sizes: Floats, margin: float, alpha: float, level: float) -> Difference:
    """One difference, without what hangs on the other factors."""
    kept, pairs = sizes > 0, int(sizes.sum())
    left_out, sums, sizes = int((~kept).sum()), sums[kept], sizes[kept]
    n = len(sums)
    basis = Basis(n, left_out, level, STUDENT)
    if n == 0:
        nothing = basis.unknown("no pair was decided by both")
        return Difference(nothing, None, None, None, None, None, 0, "unknown")
    mean, error = float(sums.sum() / sizes.sum()), standard_error(sums, sizes)
    estimate = basis.student(mean, error, one_or_alike(n, "prompt"))
    if error is None:
        return Difference(estimate, None, None, None, None, _alike(sums, sizes, margin, alpha), pairs, "unknown")
    p_value, p_equivalence = student_p_value(estimate), student_t_tail((margin - abs(mean)) / error, n - 1)
    return Difference(estimate, p_value, None, None, p_equivalence, p_equivalence <= alpha, pairs, "unknown")


def _alike(sums: Floats, sizes: Floats, margin: float, alpha: float) -> bool | None:
    """Whether prompts that are all alike, but few, show a difference within the margin."""
    if len(sums) < 2:
        return None
    found = bounded_mean(sums / sizes, low=-2.0, high=2.0, level=1 - 2 * alpha)
    assert found.low is not None and found.high is not None
    return -margin < found.low and found.high < margin


def _conclusion(*, differs: bool, equivalent: bool | None) -> Conclusion:
    if equivalent:
        return "differs within the margin" if differs else "aligned"
    if differs:
        return "differs"
    return "unknown" if equivalent is None else "not shown"

"""Which factors go with a preference? The marginal influence of each, with errors clustered by prompt.

A factor manifests in a pair as the sign of what response a has more of than response b: m in -1, 0, 1. A preference
is p in -1, 0, 1, above 0 where a is preferred. Each pair falls into one of five cells:

    C    concordant    p and m agree, none is 0
    D    discordant    p and m disagree, none is 0
    T_f  factor tie    m is 0, p is not
    T_p  preference tie    p is 0, m is not
    T_pf both          both are 0

and every variant of the influence is a ratio of sums of cells. `tau14`, the default, is (C - D) / (C + D + T_f): the
mean of p * m over the pairs with a preference. It is 1 where more of the factor is always preferred, -1 where it
never is. An influence is an association: what was preferred differs from what was not in more than one factor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .estimate import Estimate
from .factor_cells import Variant, cell_sums, checked, flat, form_of, influences, line_sums, of_cells
from .intervals import Basis, clustered_mean, one_or_alike, student_p_value
from .multiplicity import holm, q_values
from .prompt_sums import Labels, resampled

Floats = NDArray[np.float64]

RESAMPLES = 2000
STUDENT = "Student's t over prompts"
ROUNDING = 1e-12
"""Values that differ by less, in units of the larger one or of 1, are equal: sums in another order differ so."""


class Cells(NamedTuple):
    """How many pairs fall into each cell.

    Attributes:
        concordant: C.
        discordant: D.
        factor_ties: T_f.
        preference_ties: T_p.
        both_tied: T_pf.
    """

    concordant: int
    discordant: int
    factor_ties: int
    preference_ties: int
    both_tied: int


@dataclass(frozen=True, slots=True)
class Influence:
    """How far a preference goes with one factor, from -1 over 0 to 1 (`acc_eq`: from 0 to 1).

    Attributes:
        pooled: over all pairs, each weighing the same (or its weight). The prompt is the unit of sampling.
        bootstrap: the same, with the percentile interval over prompts drawn anew.
        macro: the mean over prompts of each prompt's own influence: every prompt weighs the same.
        p_value: two-sided, of no influence, by Student's t with prompts - 1 degrees of freedom; None where the error
            is unknown, and of `acc_eq`, which is not 0 where there is no influence.
        q_value: Benjamini and Hochberg's, among the factors of this call.
        p_holm: Holm's, among the factors of this call.
        cells: how many pairs fall where.
        pairs: how many the influence rests on: those that its denominator counts.
        pairs_left_out: those without a preference or without a known difference of the factor.
    """

    pooled: Estimate
    bootstrap: Estimate
    macro: Estimate
    p_value: float | None
    q_value: float | None
    p_holm: float | None
    cells: Cells
    pairs: int
    pairs_left_out: int

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them."""
        return {**asdict(self), "cells": self.cells._asdict()}


def manifestations(first: ArrayLike, second: ArrayLike, *, tolerance: ArrayLike = 0.0) -> Floats:
    """Which response of each pair has more of each factor?

    Args:
        first: shape (n_pairs, n_factors) or (n_pairs,): the values of response a, NaN where one is unknown.
        second: the same of response b.
        tolerance: a number, or one a factor: values that differ by no more are alike. Fix it before looking, and see
            `tie_sensitivity`.

    Returns:
        The same shape: 1 where a has more, -1 where b has, 0 where they are alike, NaN where a value is unknown.

    Raises:
        ValueError: if the shapes differ, a value is infinite, or a tolerance is negative.

    >>> manifestations([[3, 0.2], [1, 0.1]], [[2, 0.1 + 0.1], [float("nan"), 0.3]]).tolist()
    [[1.0, 0.0], [nan, -1.0]]
    """
    a, b = (np.asarray(values, dtype=float) for values in (first, second))
    if a.shape != b.shape or a.ndim not in (1, 2):
        raise ValueError(f"`first` has shape {a.shape} and `second` {b.shape}; needed is (n_pairs, n_factors) twice.")
    if np.any(np.isinf(a) | np.isinf(b)):
        raise ValueError("the factors hold values that are infinite; where there is none, it is NaN.")
    near = np.asarray(tolerance, dtype=float)
    if np.any(~(near >= 0)):
        raise ValueError("`tolerance` holds a number below 0; needed are numbers of 0 or more.")
    rounding = ROUNDING * np.maximum(1.0, np.maximum(np.abs(a), np.abs(b)))
    found: Floats = np.where(np.abs(a - b) <= near + rounding, 0.0, np.sign(a - b))
    return np.where(np.isnan(a) | np.isnan(b), np.nan, found)


def length_manifestations(first: ArrayLike, second: ArrayLike) -> Floats:
    """Which response of each pair is clearly longer, by the rule of a published study of preferences?

    The shorter one has at most .7 of the longer one's words and at least 10 fewer, or at most .8 and 20 fewer, or at
    most .9 and 40 fewer. The study looks texts of 11 words and less up in a table of its own, which is not here: by
    these three rules such texts are alike, but for an 11-word text beside an empty one.

    Args:
        first: shape (n_pairs,): the words of response a, NaN where unknown.
        second: the same of response b.

    Returns:
        The same shape: 1 where a is longer, -1 where b is, 0 where they are alike, NaN where unknown.

    Raises:
        ValueError: if the shapes differ, or a length is negative or infinite.

    Source: Li et al. 2024, arXiv:2402.11296 (dissecting human and LLM preferences).

    >>> length_manifestations([100, 100, 100, 60], [70, 75, 85, 100]).tolist()
    [1.0, 1.0, 0.0, -1.0]
    """
    a, b = (np.asarray(values, dtype=float) for values in (first, second))
    if a.shape != b.shape or np.any((a < 0) | (b < 0) | np.isinf(a) | np.isinf(b)):
        raise ValueError("`first` and `second` need one shape, and lengths of 0 or more; where there is none, NaN.")
    short, long = np.minimum(a, b), np.maximum(a, b)
    clear = np.zeros(a.shape, dtype=bool)
    for share, words in ((0.7, 10), (0.8, 20), (0.9, 40)):
        clear |= (short <= share * long + ROUNDING * long) & (long - short >= words)
    return np.where(np.isnan(a) | np.isnan(b), np.nan, np.where(clear, np.sign(a - b), 0.0))


def factor_influence(
    preferences: ArrayLike,
    manifested: ArrayLike,
    prompts: Labels,
    *,
    variant: Variant = "tau14",
    weights: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Influence]:
    """How far a preference goes with each of the factors of one task.

    Args:
        preferences: shape (n_pairs,): 1 where response a is preferred, -1 where b is, 0 for a tie, NaN where there is
            none. A pair whose two presentations disagree is no tie: tau14 leaves both out, the other variants do not,
            so give NaN for it there.
        manifested: shape (n_pairs, n_factors): -1, 0, 1 or NaN, from `manifestations`.
        prompts: shape (n_pairs,): the label of each pair's prompt. Its pairs are never taken for independent.
        variant: `tau14` drops ties of the preference and shrinks by ties of the factor; `tau13` drops both; `tau10`
            counts a tie of the factor as discordant; `tau_a` divides by all pairs; `tau_b` treats both alike, as
            Kendall's does; `acc_eq` is the share of pairs in which p and m are the same, ties among them.
        weights: shape (n_pairs,): numbers of 0 or more, such as from `overlap.matched`; None: all alike.
        level: of the intervals, 0..1.
        resamples: of the bootstrap; 0 for none.
        seed: of the bootstrap.

    Returns:
        One influence a factor, in their order. `q_value` and `p_holm` hold among them: one call a task.

    Raises:
        ValueError: if a shape, a code or an option is not as above.

    Sources: the variants: Kendall 1945, Macháček and Bojar 2014, Deutsch et al. 2023, arXiv:2305.14324; clustered
        errors: Liang and Zeger 1986, doi:10.1093/biomet/73.1.13, by the delta method, with G / (G - 1) and Student's
            t with G - 1 degrees of freedom for G prompts.

    >>> found = factor_influence([1, 1, -1, 0, 1, 1], [[1], [1], [-1], [1], [-1], [0]], [1, 1, 2, 2, 3, 4], resamples=0)
    >>> str(found[0].pooled), found[0].cells.factor_ties
    ('0.400 [-1.000, 1.000]  n=4, 0 left out', 1)
    """
    form = form_of(variant)
    preference, sign, place, count = checked(preferences, manifested, prompts)
    weight = _weights(weights, len(preference))
    sums = cell_sums(preference, sign, place, count, weight)
    counts = sums if weight is None else cell_sums(preference, sign, place, count)
    found = estimates(sums, variant, level=level)
    drawn = _bootstrap(sums, found, variant, resamples=resamples, seed=seed, level=level)
    p_values = [student_p_value(one) if variant != "acc_eq" else None for one in found]
    q, held = q_values(p_values), holm(p_values)
    lines = []
    for number, pooled in enumerate(found):
        cells = counts[:, :, number].sum(axis=0)
        used = counts[:, :, number] @ (np.add(form[1], form[2]) > 0)
        lines.append(
            Influence(
                pooled,
                drawn[number],
                _macro(sums[:, :, number], variant, level),
                p_values[number],
                q[number],
                held[number],
                Cells(*(int(cell) for cell in cells)),
                int(used.sum()),
                int(len(preference) - cells.sum()),
            )
        )
    return lines


def tie_sensitivity(
    preferences: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    tolerances: Sequence[float],
    *,
    variant: Variant = "tau14",
    relative: bool = False,
) -> tuple[Floats, Floats]:
    """How does the influence of factors move with what is taken for alike?

    Args:
        preferences: shape (n_pairs,): as for `factor_influence`.
        first: shape (n_pairs, n_factors): as for `manifestations`.
        second: the same of response b.
        tolerances: what values may differ by and be alike, each tried in turn.
        variant: of the influence.
        relative: whether a tolerance is a share of the larger of the two values.

    Returns:
        Two arrays of shape (n_tolerances, n_factors): the pooled influence, and the share of the pairs with a
        preference in which the factor is alike. NaN where there is no such pair.

    Raises:
        ValueError: as for `manifestations` and `factor_influence`.

    >>> tau, alike = tie_sensitivity([1, 1, -1], [[5], [9], [4]], [[4], [3], [5]], [0, 1], variant="tau10")
    >>> tau.tolist(), alike.round(2).tolist()
    ([[1.0], [-0.3333333333333333]], [[0.0], [0.67]])
    """
    a, b = (np.asarray(values, dtype=float) for values in (first, second))
    scale = np.maximum(np.abs(a), np.abs(b)) if relative else np.ones(a.shape)
    known = np.where(np.isnan(scale), 0.0, scale)
    influence, alike = [], []
    for tolerance in tolerances:
        sign = manifestations(a, b, tolerance=tolerance * known)
        preference, sign, place, count = checked(preferences, sign, np.zeros(len(a)))
        cells = cell_sums(preference, sign, place, count).sum(axis=0)
        influence.append(of_cells(cells, variant))
        with np.errstate(invalid="ignore"):
            alike.append(cells[2] / cells[:3].sum(axis=0))
    return np.array(influence), np.array(alike)


def strength(preferences: ArrayLike, manifested: ArrayLike) -> Floats:
    """Relevance times twice the accuracy above chance: tau14 by another road.

    Args:
        preferences: shape (n_pairs,): -1, 0, 1 or NaN; ties are left out.
        manifested: shape (n_pairs, n_factors): -1, 0, 1 or NaN.

    Returns:
        Shape (n_factors,): -1..1; 0 where a factor never differs, NaN where no pair counts. Relevance is the share of
        pairs in which the factor differs, accuracy the share of these in which the preferred response has more.

    Raises:
        ValueError: as for `factor_influence`.

    Source: the strength of feedback-forensics 0.5.0, in which ties of the preference must not count.

    >>> strength([1, 1, -1, 0, 1, 1], [[1], [1], [-1], [1], [-1], [0]]).tolist()
    [0.4]
    """
    preference, sign, place, count = checked(preferences, manifested, np.zeros(len(np.asarray(preferences))))
    agree, disagree, tied, *_ = cell_sums(preference, sign, place, count)[0] if count else np.zeros((5, sign.shape[1]))
    apart = agree + disagree
    with np.errstate(invalid="ignore"):
        relevance, accuracy = apart / (apart + tied), np.where(apart > 0, agree / apart, 0.5)
    found: Floats = relevance * 2 * (accuracy - 0.5)
    return found


def estimates(sums: Floats, variant: Variant, *, level: float = 0.95) -> list[Estimate]:
    """The pooled influence of each factor from `cell_sums`, with Student's t over prompts, cut where influences end."""
    if not 0 < level < 1:
        raise ValueError(f"`level` is {level}; needed is 0 < level < 1.")
    _, b, c = form_of(variant)
    total = sums.sum(axis=0)
    found = of_cells(total, variant)
    lean = _leans(sums, total, found, variant)
    used = ((sums * (np.add(b, c) > 0)[:, None]).sum(axis=1) > 0).sum(axis=0)
    lines = []
    for number, (value, many) in enumerate(zip(found.tolist(), used.tolist(), strict=True)):
        basis = Basis(many, len(sums) - many, level, STUDENT)
        if np.isnan(value):
            lines.append(basis.unknown("no pair counts" if many == 0 else "the factor or the preference never differs"))
            continue
        squares = float(lean[:, number] @ lean[:, number])
        error = None if many < 2 or squares <= 1e-24 else sqrt(squares * many / (many - 1))
        ends = {"low": 0.0 if variant == "acc_eq" else -1.0, "high": 1.0}
        lines.append(basis.student(value, error, one_or_alike(many, "prompt"), **ends))
    return lines


def _leans(sums: Floats, total: Floats, found: Floats, variant: Variant) -> Floats:
    """By how much each prompt moves each influence, to first order: shape (n_prompts, n_factors)."""
    above, one, other = line_sums(sums, variant)
    _, first, second = line_sums(total, variant)
    below = np.sqrt(first * second)
    with np.errstate(invalid="ignore", divide="ignore"):
        moved = above - found / 2 * (one * np.sqrt(second / first) + other * np.sqrt(first / second))
        lean: Floats = moved / below
    return lean


def _bootstrap(
    sums: Floats, found: list[Estimate], variant: Variant, *, resamples: int, seed: int, level: float
) -> list[Estimate]:
    if resamples < 0 or resamples == 1:
        raise ValueError(f"`resamples` is {resamples}; needed are 2 or more, or 0 for none.")
    method = f"percentile bootstrap over prompts, {resamples:,} resamples, seed {seed}"
    drawn = None
    if resamples and len(sums):
        drawn = influences(resampled(flat(sums, variant), resamples, seed))
    lines = []
    for number, pooled in enumerate(found):
        basis = Basis(pooled.n, pooled.left_out, level, method)
        if drawn is None or pooled.estimate is None or pooled.reason:
            lines.append(basis.bare(pooled.estimate, pooled.reason or "no resamples were asked for"))
        else:
            lines.append(basis.percentiles(pooled.estimate, drawn[:, number]))
    return lines


def _macro(sums: Floats, variant: Variant, level: float) -> Estimate:
    each = of_cells(sums[:, :, None], variant)[:, 0]
    return clustered_mean(each, level=level)


def _weights(weights: ArrayLike | None, pairs: int) -> Floats | None:
    if weights is None:
        return None
    given = np.asarray(weights, dtype=float)
    if given.shape != (pairs,) or not np.all((given >= 0) & np.isfinite(given)):
        raise ValueError(f"`weights` has shape {given.shape}; needed are ({pairs},) finite numbers of 0 or more.")
    return given

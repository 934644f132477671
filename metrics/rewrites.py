"""Does an attribute of a response cause a judge to score it higher, or do responses with it differ in other ways?

A response can be rewritten so that it gains or loses the attribute, and judged again. But whoever rewrites changes more
than what was asked for: typos go, the tone turns. So each response is rewritten twice, there and back, and the first
rewrite is held against the second: both have been rewritten, so what any rewriting does is on both sides, and cancels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .estimate import Estimate
from .intervals import Basis, Floats, one_or_alike, standard_error

METHOD = "double rewrites, mean over responses, errors over prompts, Student's t"


@dataclass(frozen=True, slots=True)
class RewriteEffect:
    """What an attribute does to a judge's score, or to how often it prefers a response.

    Attributes:
        ate: over all responses: how much higher with the attribute than without, all else as the rewriting leaves it.
        att: over responses that have it.
        atu: over responses that do not.
        single_ate: the same from single rewrites (original against rewrite), which also holds what rewriting does
            besides. It is there to be compared, not to be believed.
        single_att: the same, over responses that have the attribute.
        single_atu: the same, over responses that do not.
        naive: the mean of responses with it less that of those without, as they were found: an association.
        off_target: what rewriting does besides: mean score of what was rewritten there and back less that of the
            original. Away from 0, single rewrites mislead.
        responses: how many responses `ate` rests on.
        responses_left_out: how many lack the attribute's value, or a judgement that `ate` needs.
    """

    ate: Estimate
    att: Estimate
    atu: Estimate
    single_ate: Estimate
    single_att: Estimate
    single_atu: Estimate
    naive: Estimate
    off_target: Estimate
    responses: int
    responses_left_out: int


def rewrite_effect(
    original: ArrayLike,
    once: ArrayLike,
    twice: ArrayLike,
    *,
    has: ArrayLike,
    prompts: ArrayLike,
    level: float = 0.95,
) -> RewriteEffect:
    """The effect of an attribute on scores, from rewrites and rewrites of rewrites.

    Args:
        original: shape (n_responses,): the judge's score of each response as it was found, NaN where there is none.
        once: the same of its rewrite, with the attribute where the response has it not, without it where it has.
        twice: the same of the rewrite of that rewrite, which is as the original was in the attribute.
        has: shape (n_responses,): 1 where the response has the attribute, 0 where it has not, NaN where unknown.
        prompts: shape (n_responses,): labels; responses to one prompt depend on each other.
        level: of the intervals, 0..1.

    Returns:
        See `RewriteEffect`; all in the unit of the score. att = mean of (twice - once) over responses with it, atu =
        mean of (once - twice) over those without, ate = their mean weighted by how many responses each has. The prompt
        is the unit of sampling: `n` is the prompts that count, `left_out` those that do not. `twice` may be NaN
        throughout; what needs it is then unknown. The rewriter must do the same, besides, to a rewrite as to an
        original: if it keeps the attribute from coming back in full, effects come out too small.

    Raises:
        ValueError: if a shape or a value is not as above.

    Source: Reber, Richardson, Nief, Garbacea and Veitch 2024, arXiv:2410.11348 (RATE).

    >>> found = rewrite_effect([7, 5, 4], [5, 8, 7], [8, 6, 6], has=[1, 0, 0], prompts=[1, 2, 3])
    >>> found.ate.estimate, found.att.estimate, found.atu.estimate, found.single_ate.estimate
    (2.0, 3.0, 1.5, 2.6666666666666665)
    """
    values = [_column(column, name) for column, name in ((original, "original"), (once, "once"), (twice, "twice"))]
    return _effects(values[0], values[1], values[2], has, prompts, level)


def rewrite_preference(
    with_attribute: ArrayLike,
    *,
    has: ArrayLike,
    prompts: ArrayLike,
    single: ArrayLike | None = None,
    level: float = 0.95,
) -> RewriteEffect:
    """The effect of an attribute on preferences between a rewrite and the rewrite of that rewrite.

    Args:
        with_attribute: shape (n_responses,): whether the judge, shown the rewrite and its rewrite, prefers the one with
            the attribute: 1, 0, 0.5 for a tie, between them a share (such as over both orders), NaN for none.
        has: as for `rewrite_effect`.
        prompts: as for `rewrite_effect`.
        single: the same between the original and its rewrite; None where it was not asked.
        level: of the intervals, 0..1.

    Returns:
        See `RewriteEffect`, in preference: -0.5 (the one without is always preferred) over 0 to 0.5. `naive` and
        `off_target` are unknown, as no judge was asked. Show both orders: the place in front is not held still here.

    Raises:
        ValueError: if a shape is not as above, or a value lies outside 0..1.
    """
    double = _column(with_attribute, "with_attribute")
    one = np.full_like(double, np.nan) if single is None else _column(single, "single")
    for told in (double, one):
        if np.any((told < 0) | (told > 1)):
            raise ValueError("a preference lies outside 0..1; where there is none, it is NaN.")
    owns = _attribute(has, len(double))
    sign = np.where(owns == 1, 1.0, -1.0)
    # scores of which the contrasts are what was preferred: the rewrite 0, its own rewrite and the original beside it
    found = _effects(sign * (one - 0.5), np.zeros_like(double), sign * (double - 0.5), has, prompts, level)
    why = Estimate.unknown("no judge was asked", level=level, method=METHOD)
    return replace(found, naive=why, off_target=why)


def _effects(
    original: Floats, once: Floats, twice: Floats, has: ArrayLike, prompts: ArrayLike, level: float
) -> RewriteEffect:
    owns, labels = _attribute(has, len(original)), np.asarray(prompts)
    if not (original.shape == once.shape == twice.shape == labels.shape):
        raise ValueError(
            f"the shapes are {original.shape}, {once.shape} and {twice.shape}, of `prompts` {labels.shape}; needed is "
            "(n_responses,) for all."
        )
    if not 0 < level < 1:
        raise ValueError(f"`level` is {level}; needed is 0 < level < 1.")
    _, places = np.unique(labels, return_inverse=True)
    places = places.reshape(-1)
    treated, untreated = owns == 1, owns == 0
    sign = np.where(treated, 1.0, np.where(untreated, -1.0, np.nan))
    double, single = sign * (twice - once), sign * (original - once)

    def over(values: Floats, rows: NDArray[np.bool_]) -> Estimate:
        """The mean over some of the responses."""
        return _mean(np.where(rows, values, np.nan), places, level)

    every = treated | untreated
    used = int((~np.isnan(double)).sum())
    return RewriteEffect(
        ate=over(double, every),
        att=over(double, treated),
        atu=over(double, untreated),
        single_ate=over(single, every),
        single_att=over(single, treated),
        single_atu=over(single, untreated),
        naive=_difference(np.where(treated, original, np.nan), np.where(untreated, original, np.nan), places, level),
        off_target=over(twice - original, every),
        responses=used,
        responses_left_out=len(double) - used,
    )


def _mean(values: Floats, places: NDArray[np.intp], level: float) -> Estimate:
    """The mean of known values with an error over prompts."""
    sums, sizes = _by_prompt(values, places)
    kept = sizes > 0
    n, left_out = int(kept.sum()), int((~kept).sum())
    if not n:
        return Estimate.unknown("no response has all that it needs", left_out=left_out, level=level, method=METHOD)
    mean = float(sums.sum() / sizes.sum())
    return _told(mean, standard_error(sums[kept], sizes[kept]), n, left_out, level)


def _difference(one: Floats, other: Floats, places: NDArray[np.intp], level: float) -> Estimate:
    """The difference of two means with an error over prompts, of which some may have responses of both kinds."""
    (sums, sizes), (others, counts) = _by_prompt(one, places), _by_prompt(other, places)
    kept = sizes + counts > 0
    n, left_out = int(kept.sum()), int((~kept).sum())
    if not sizes.sum() or not counts.sum():
        why = "no response has the attribute" if not sizes.sum() else "every response has the attribute"
        return Estimate.unknown(why, n=n, left_out=left_out, level=level, method=METHOD)
    high, low = float(sums.sum() / sizes.sum()), float(others.sum() / counts.sum())
    pull = (sums - high * sizes)[kept] / sizes.sum() - (others - low * counts)[kept] / counts.sum()
    error = float(np.sqrt(pull @ pull * n / (n - 1))) if n > 1 else 0.0
    return _told(high - low, error if error > 1e-12 else None, n, left_out, level)


def _told(mean: float, error: float | None, n: int, left_out: int, level: float) -> Estimate:
    why = f"{one_or_alike(n, 'prompt')}: error and interval unknown"
    return Basis(n, left_out, level, METHOD).student(mean, error, why)


def _by_prompt(values: Floats, places: NDArray[np.intp]) -> tuple[Floats, Floats]:
    count, known = int(places.max(initial=-1)) + 1, ~np.isnan(values)
    sums = np.bincount(places, np.where(known, values, 0.0), count)
    return sums.astype(float), np.bincount(places, known.astype(float), count).astype(float)


def _column(values: ArrayLike, name: str) -> Floats:
    given = np.asarray(values, dtype=float)
    if given.ndim != 1 or np.any(np.isinf(given)):
        raise ValueError(
            f"`{name}` has shape {given.shape}, or holds numbers that are infinite; needed is (n_responses,)."
        )
    return given


def _attribute(has: ArrayLike, n: int) -> Floats:
    owns = np.asarray(has, dtype=float)
    if owns.shape != (n,) or not np.all(np.isnan(owns) | np.isin(owns, (0, 1))):
        raise ValueError(f"`has` has shape {owns.shape}, or holds others than 1, 0 and NaN; needed is ({n},).")
    return owns

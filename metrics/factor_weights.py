"""What is a factor worth to a judge when the other factors are held still?

The influence of a factor by itself says how often the response with more of it is preferred. Long answers also hold
more facts, so length seems to count where only facts do. Here each factor has a weight beside the others: a
Bradley-Terry model whose strengths are sums of factors, fitted to differences of two responses. It holds the *measured*
factors still and nothing else: a weight is an association, not a cause (see docs/factor_weights.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .estimate import Estimate
from .factor_pairs import FactorPairs, Flags, design_of, factor_pairs
from .intervals import Basis, student_p_value, student_t_quantile
from .logit import Errors, Fit, Floats, Spread, covariance, fit_logit
from .multiplicity import holm, q_values

Ties = Literal["left out", "half", "davidson"]

DRAWS = 20_000
ENOUGH = 10
"""Decisive pairs a weight: with fewer, the likeliest weights lie too far from 0."""

INFLATED = 10.0
"""A variance inflation factor above this says that a factor is nearly a sum of others."""

SANDWICH = "factor-difference logit, cluster sandwich ({}), Student's t over prompts"


@dataclass(frozen=True, slots=True)
class Weight:
    """The weight of one factor.

    Attributes:
        name: of the factor.
        weight: in log-odds of being preferred for one `scale` more of it than the other response has; above 0: more of
            it is preferred. The prompt is the unit of sampling.
        scale: how much of the factor that is, in the factor's own unit; None where it is unknown.
        t: weight by standard error (Wald); None where it is unknown.
        p_value: two-sided, of a weight of 0, Student's t with prompts - 1 degrees of freedom; None where it is unknown.
        q_value: over all factors, Benjamini and Hochberg; those that are unknown stay on the list.
        p_holm: over all factors, Holm: at alpha, the chance of any false finding is at most alpha.
        band: the ends of a band that holds the weights of all factors at once at the level; None where unknown.
        vif: the variance inflation factor, 1 (its differences go with those of no other factor) up; above 10 the
            weights of the factors that go together say little one by one. None where it is a sum of the others.
    """

    name: str
    weight: Estimate
    scale: float | None
    t: float | None
    p_value: float | None
    q_value: float | None
    p_holm: float | None
    band: tuple[float, float] | None
    vif: float | None


@dataclass(frozen=True, slots=True)
class FactorWeights:
    """The weights of all factors in one model.

    Attributes:
        weights: one a factor, in the order given.
        position: what standing in front is worth, in log-odds; None where the order shown is not given.
        position_by: for each factor that was asked for, by how much the worth of standing in front changes for one
            `scale` of difference between the responses, whichever has more.
        tie: the log of Davidson's tie parameter: at 0 a tie of equal responses is as likely as each of them; None in
            another model, or where there is no tie.
        ties: what became of them.
        pairs: how many pairs the weights rest on.
        tied: how many pairs are ties.
        pairs_left_out: how many lack a preference, a factor, or are ties that were left out.
        set_aside: how many of the pairs are told by separation alone, and count for no other factor.
        prompts: how many prompts have a pair that counts.
        mcfadden: R2, 0..1: how much of the log-likelihood the model explains; None where it is unknown.
        condition: the condition number of the factors' differences, 1 up; above 30 they nearly hang together.
        reach: how many standard errors the simultaneous band reaches; None where it was not asked for or is unknown.
        notes: what a reader must know, in words.
    """

    weights: tuple[Weight, ...]
    position: Weight | None
    position_by: tuple[Weight, ...]
    tie: Estimate | None
    ties: Ties
    pairs: int
    tied: int
    pairs_left_out: int
    set_aside: int
    prompts: int
    mcfadden: float | None
    condition: float | None
    reach: float | None
    notes: tuple[str, ...]


def factor_weights(
    differences: ArrayLike,
    preferences: ArrayLike,
    *,
    prompts: ArrayLike,
    names: Sequence[str] | None = None,
    shown: ArrayLike | None = None,
    position_by: Sequence[str] = (),
    ties: Ties = "left out",
    scale: Literal["sd", "rms"] | Sequence[float] = "sd",
    errors: Errors = "CR2",
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> FactorWeights:
    """Fit the weights of all factors together: log-odds(a is preferred to b) = sum of weight * difference / scale.

    Args:
        differences: shape (n_pairs, n_factors): the factor of response a less that of b, NaN where it is not known.
        preferences: shape (n_pairs,): 1 where a is preferred, -1 where b, 0 for a tie, NaN where there is none.
        prompts: shape (n_pairs,): labels; pairs of one prompt depend on each other.
        names: of the factors; None for `factor 1` and so on.
        shown: shape (n_pairs,): 1 where a was shown first, -1 where b, 0 where both orders are in the preference, NaN
            where it is not known (the pair is then left out); None: the model has no term for it.
        position_by: names of factors for which to ask whether the worth of standing in front changes with how far the
            responses differ in them.
        ties: `left out` (counted); `half`, each being half a win of both; `davidson`, with a likelihood of their own.
            Left out and Davidson's give weights in the same unit; half wins draw weights towards 0, the more ties the
            more.
        scale: the unit of a factor's differences: `sd`, their standard deviation over all pairs that have factors, ties
            included (so that several raters of the same pairs share it); `rms`, their root mean square, which does not
            change when a and b change places; or numbers above 0, one a factor. A factor whose differences are all the
            same has its own unit.
        errors: `CR2`, or `CR1`, which has the factor G / (G - 1) and nothing else; see `logit.covariance`. With 40
            prompts and twelve factors CR1's 95 % intervals cover 93 %, CR2's 95 %.
        level: of intervals and band, 0..1.
        draws: for the simultaneous band; 0 for none.
        seed: of these draws.

    Returns:
        See `FactorWeights`. There is no intercept, as which response is called a says nothing. Errors are the cluster
        sandwich over prompts, tests and intervals Student's t with G - 1 degrees of freedom, G being the prompts that
        count; a weight's `n` is G, `left_out` the prompts that do not. A weight is unknown, with a reason, where no
        pair differs in the factor, where it is a sum of others, or where every pair in which it counts goes one way;
        its error where there are no more prompts than weights. The simultaneous band is the sup-t band: it reaches as
        far as the quantile of the largest of correlated t variables.

    Raises:
        ValueError: if a shape or a value is not as above.

    Sources: Bradley and Terry 1952, doi:10.2307/2334029; Davidson 1970, doi:10.1080/01621459.1970.10481082; errors:
        `logit.covariance`; the band: Montiel Olea and Plagborg-Moller 2019, doi:10.1002/jae.2656.

    >>> more, better = [[1.0], [2.0], [-1.0], [1.0], [1.0], [-2.0]], [1, 1, -1, -1, 1, 1]
    >>> found = factor_weights(more, better, prompts=[1, 1, 2, 2, 3, 4], names=["length"], scale=[1.0])
    >>> str(found.weights[0].weight)
    '0.343 [-2.200, 2.886]  n=4, 0 left out'
    """
    if ties not in ("left out", "half", "davidson") or errors not in ("CR1", "CR2"):
        raise ValueError(
            f"`ties` is {ties!r} and `errors` {errors!r}; needed are 'left out', 'half' or 'davidson', and 'CR1' or "
            "'CR2'."
        )
    if not 0 < level < 1 or draws < 0:
        raise ValueError(f"`level` is {level} and `draws` {draws}; needed are 0 < level < 1, and 0 draws or more.")
    given = factor_pairs(differences, preferences, prompts=prompts, names=names, shown=shown)
    extra = _places(position_by, given)
    units, inflation, condition = _spread(given.differences, scale)
    tied = given.whole & (given.preferences == 0)
    used = given.whole & ~tied if ties == "left out" or not np.any(given.whole & ~tied) else given.whole
    design = design_of(given, units, extra)[used]
    fit = fit_logit(design, (given.preferences[used] + 1) / 2, davidson=ties == "davidson")
    spread = covariance(fit, given.prompts[used], errors=errors)
    prompts_used = spread.clusters
    told = _Told(fit, spread, len(np.unique(given.prompts)) - prompts_used, level, errors)
    k = len(given.names)
    reach = _reach(spread.covariance[:k, :k], told.sure[:k], prompts_used - 1, level, draws, seed)
    rows = [told.weight(place, name, units[place], inflation[place]) for place, name in enumerate(given.names)]
    p_values = [row.p_value for row in rows]
    rows = [
        replace(row, q_value=q, p_holm=p, band=_band(row.weight, reach))
        for row, q, p in zip(rows, q_values(p_values), holm(p_values), strict=True)
    ]
    after = k + (given.shown is not None)
    decisive = int((used & ~tied).sum())
    return FactorWeights(
        weights=tuple(rows),
        position=None if given.shown is None else told.weight(k, "shown first", 1.0, None),
        position_by=tuple(
            told.weight(after + i, f"shown first, by {given.names[place]}", units[place], None)
            for i, place in enumerate(extra)
        ),
        tie=told.tie() if fit.tie is not None else None,
        ties=ties,
        pairs=int(used.sum()),
        tied=int(tied.sum()),
        pairs_left_out=int((~used).sum()),
        set_aside=int((~fit.rows).sum()),
        prompts=prompts_used,
        mcfadden=fit.mcfadden if decisive else None,
        condition=condition,
        reach=reach,
        notes=_notes(fit, decisive, design.shape[1], inflation, given.names),
    )


class _Told(NamedTuple):
    """A fit, and what its weights are told by."""

    fit: Fit
    spread: Spread
    left_out: int
    level: float
    errors: Errors

    @property
    def enough(self) -> bool:
        """Whether there are more prompts than weights."""
        return self.spread.clusters > len(self.fit.information)

    @property
    def sure(self) -> Flags:
        """Of which columns the error is known."""
        known: Flags = self.fit.known & ~self.spread.lone[: len(self.fit.weights)] & self.enough
        return known

    def estimate(self, value: float, place: int, reason: str) -> Estimate:
        """One column's; `reason` says why its weight is unknown."""
        n = self.spread.clusters
        basis = Basis(n, self.left_out, self.level, SANDWICH.format(self.errors))
        if not len(self.fit.rows):
            reason = "no pair of which one response is preferred"
        if reason:
            return basis.unknown(reason)
        error = sqrt(max(0.0, float(self.spread.covariance[place, place]))) if self.enough else 0.0
        why = ""
        if not self.enough:
            why = f"{n} prompts are too few for {len(self.fit.information)} weights"
        elif self.spread.lone[place]:
            why = "one prompt alone tells of it"
        elif error < 1e-9 * max(1.0, abs(value)):
            why = "all prompts are alike"
        return basis.student(value, None if why else error, f"{why}: error and interval unknown")

    def weight(self, place: int, name: str, unit: float, vif: float | None) -> Weight:
        """One column's, as a weight; what hangs on the other factors is still to come."""
        found = self.estimate(float(self.fit.weights[place]), place, self.fit.reasons[place])
        t = None
        if found.estimate is not None and found.standard_error is not None:
            t = found.estimate / found.standard_error
        known_unit = unit if np.isfinite(unit) else None
        return Weight(name, found, known_unit, t, student_p_value(found), None, None, None, vif)

    def tie(self) -> Estimate:
        """The log of Davidson's parameter."""
        assert self.fit.tie is not None
        return self.estimate(self.fit.tie, len(self.fit.weights), "")


def _places(wanted: Sequence[str], given: FactorPairs) -> list[int]:
    unknown = sorted(set(wanted) - set(given.names))
    if unknown or (wanted and given.shown is None):
        raise ValueError(f"`position_by` names {list(wanted)}; needed are factors of {list(given.names)}, and `shown`.")
    return [given.names.index(name) for name in wanted]


def _spread(differences: Floats, scale: str | Sequence[float]) -> tuple[Floats, list[float | None], float | None]:
    """The unit of each factor, its variance inflation factor, and the condition number."""
    known = differences[~np.isnan(differences).any(axis=1)]
    k = differences.shape[1]
    centred = known - known.mean(axis=0) if scale == "sd" and len(known) else known
    size = np.sqrt((centred**2).sum(axis=0) / max(1, len(known) - (scale == "sd")))
    largest = np.abs(known).max(axis=0, initial=0.0)
    size = np.where(size > 1e-12 * largest, size, 0.0)
    if not isinstance(scale, str):
        units = np.asarray(scale, dtype=float)
        if units.shape != (k,) or not np.all(np.isfinite(units) & (units > 0)):
            raise ValueError(f"`scale` is {list(scale)}; needed is 'sd', 'rms' or {k} numbers above 0.")
    elif scale in ("sd", "rms"):
        units = np.where(size > 0, size, np.where(largest > 0, 1.0, np.nan))
    else:
        raise ValueError(f"`scale` is {scale!r}; needed is 'sd', 'rms' or {k} numbers above 0.")
    varies = size > 0
    inflation: list[float | None] = [None] * k
    if not varies.any():
        return units, inflation, None
    correlation = (centred[:, varies] / size[varies]).T @ (centred[:, varies] / size[varies])
    correlation /= np.sqrt(np.outer(np.diag(correlation), np.diag(correlation)))
    values, vectors = np.linalg.eigh(correlation)
    none = values <= 1e-10 * values[-1]
    for place, row in zip(np.flatnonzero(varies), vectors, strict=True):
        if not np.any(np.abs(row[none]) > 1e-6):
            inflation[place] = float((row[~none] ** 2 / values[~none]).sum())
    return units, inflation, None if none.any() else sqrt(float(values[-1] / values[0]))


def _reach(spread: Floats, known: Flags, df: int, level: float, draws: int, seed: int) -> float | None:
    """How many standard errors a band for all known weights reaches."""
    errors = np.sqrt(np.maximum(0.0, np.diag(spread)))
    kept = known & (errors > 1e-12)
    if not draws or df < 1 or not kept.any():
        return None
    correlation = spread[np.ix_(kept, kept)] / np.outer(errors[kept], errors[kept])
    values, vectors = np.linalg.eigh(correlation)
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal((draws, len(values))) @ (vectors * np.sqrt(np.maximum(0.0, values))).T
    largest = np.abs(normal).max(axis=1) / np.sqrt(rng.chisquare(df, draws) / df)
    return max(float(np.quantile(largest, level)), student_t_quantile((1 + level) / 2, df))


def _band(found: Estimate, reach: float | None) -> tuple[float, float] | None:
    if reach is None or found.estimate is None or found.standard_error is None:
        return None
    return found.estimate - reach * found.standard_error, found.estimate + reach * found.standard_error


def _notes(
    fit: Fit, decisive: int, columns: int, inflation: list[float | None], names: tuple[str, ...]
) -> tuple[str, ...]:
    told = []
    if decisive < ENOUGH * columns:
        told.append(f"{decisive} decisive pairs for {columns} weights: under {ENOUGH} each, they lie too far out")
    high = [name for name, vif in zip(names, inflation, strict=True) if vif is not None and vif > INFLATED]
    if high:
        told.append(f"nearly sums of others (VIF above {INFLATED:g}): {', '.join(high)}; read them together")
    if not fit.rows.all():
        told.append(f"separation: {int((~fit.rows).sum())} pairs go one way by one factor and count for no other")
    return tuple(told)

"""How much of what a model of preferences explains is owed to each factor?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .estimate import Estimate
from .factor_pairs import Decisive, Flags, decisive_pairs, factor_pairs
from .intervals import Basis
from .logit import Floats

MOST = 8
"""With more factors than this the sets of factors are too many to fit each."""

BLOCKS = 30
_RIDGE = 1e-6
_STEPS = 60
_PIECE = 1 << 20  # chances at a time


@dataclass(frozen=True, slots=True)
class FactorShares:
    """What each factor adds to McFadden's R2, averaged over all orders in which the factors may come.

    Attributes:
        names: of the factors.
        shares: one a factor, in R2: 0 (it explains nothing that is not its own doing) to 1; they add up to `total`. A
            factor that goes with another shares with it what both explain, so a share is no cause and no weight.
        total: R2 of all factors together, 0..1.
        pairs: how many pairs it rests on.
    """

    names: tuple[str, ...]
    shares: tuple[Estimate, ...]
    total: Estimate
    pairs: int


def factor_shares(
    differences: ArrayLike,
    preferences: ArrayLike,
    *,
    prompts: ArrayLike,
    names: Sequence[str] | None = None,
    blocks: int = BLOCKS,
    seed: int = 0,
    level: float = 0.95,
) -> FactorShares:
    """Share out McFadden's R2 of the factor-difference logit among its factors, by Shapley's rule.

    Args:
        differences: as for `factor_weights`, of no more than eight factors: each set of them is fitted.
        preferences: as for `factor_weights`; ties are left out.
        prompts: as for `factor_weights`.
        names: as for `factor_weights`.
        blocks: into how many groups the prompts are dealt for the errors, each of which is left out in turn: 2 or more,
            no more than there are prompts; 0 for no errors.
        seed: of this deal.
        level: of the intervals, 0..1.

    Returns:
        See `FactorShares`. The prompt is the unit of sampling; those without a decisive pair are `left_out`. Errors by
        the delete-a-group jackknife, intervals by Student's t with blocks - 1 degrees of freedom; near 0 they are too
        wide below, as a share is seldom negative. All is unknown with fewer than two prompts.

    Raises:
        ValueError: if a shape or a value is not as above, or there are more than eight factors.

    Sources: Shapley 1953; in regression: Lindeman, Merenda and Gold 1980 (LMG); McFadden 1974; the jackknife: Kott
        2001, "The delete-a-group jackknife".

    >>> more, better = [[1.0, 0], [1, 0], [1, 0], [1, 0], [0, 1], [0, 1]], [1, 1, 1, -1, 1, -1]
    >>> found = factor_shares(more, better, prompts=[1, 2, 3, 4, 5, 6], blocks=0)
    >>> [round(share.estimate, 4) for share in found.shares]  # (0.6931 - 0.5623) * 4 / (0.6931 * 6) and 0
    [0.1258, 0.0]
    """
    given = factor_pairs(differences, preferences, prompts=prompts, names=names)
    if len(given.names) > MOST:
        raise ValueError(
            f"{len(given.names)} factors are given; each of their sets is fitted, so there may be {MOST}. Choose those "
            "that count, or put factors that go together into one."
        )
    if blocks < 0 or blocks == 1 or not 0 < level < 1:
        raise ValueError(f"`blocks` is {blocks} and `level` {level}; needed are 0 or 2 and more, and 0 < level < 1.")
    pairs = decisive_pairs(given)
    n, method = pairs.units, f"Shapley's share of McFadden's R2, delete-a-group jackknife, {blocks} blocks, seed {seed}"
    basis = Basis(n, pairs.left_out, level, method)
    if n < 2:
        why = "fewer than two prompts have a pair of which one response is preferred"
        unknown = basis.unknown(why)
        return FactorShares(given.names, (unknown,) * len(given.names), unknown, len(pairs.won))
    whole = _shared(pairs, np.ones(len(pairs.won), dtype=bool), None)
    found = np.append(whole.shares, whole.shares.sum())
    errors, groups = None, min(blocks, n)
    if groups >= 2:
        block = np.random.default_rng(seed).permutation(n)[pairs.prompts] % groups
        again = np.array([_shared(pairs, block != number, whole.weights).shares for number in range(groups)])
        again = np.column_stack([again, again.sum(axis=1)])
        errors = np.sqrt((groups - 1) / groups * ((again - again.mean(axis=0)) ** 2).sum(axis=0))
    told = [
        _estimate(float(value), None if errors is None else float(errors[place]), groups, basis)
        for place, value in enumerate(found)
    ]
    return FactorShares(given.names, tuple(told[:-1]), told[-1], len(pairs.won))


class _Shared(NamedTuple):
    shares: Floats
    weights: Floats


def _shared(pairs: Decisive, rows: Flags, start: Floats | None) -> _Shared:
    design, won = pairs.design[rows], pairs.won[rows]
    k = design.shape[1]
    sets = (np.arange(1 << k)[:, None] >> np.arange(k)) & 1 == 1
    values, weights = _fit_sets(design, won, sets, start)
    explained = 1 - values / values[0] if len(won) else np.zeros(len(sets))
    shares = np.empty(k)
    for place in range(k):
        without = np.flatnonzero(~sets[:, place])
        sizes = sets[without].sum(axis=1)
        often = np.array([factorial(int(size)) * factorial(k - int(size) - 1) / factorial(k) for size in sizes])
        shares[place] = float(often @ (explained[without + (1 << place)] - explained[without]))
    return _Shared(shares, weights)


def _fit_sets(design: Floats, won: Floats, sets: Flags, start: Floats | None) -> tuple[Floats, Floats]:
    """The log-likelihood and the weights of each set of factors, all sets at once by Newton's method."""
    weights = np.zeros(sets.shape) if start is None else start.copy()
    point = _at(design, won, sets, weights)
    for _ in range(_STEPS):
        step = np.linalg.solve(point.curves, point.slopes[..., None])[..., 0]
        if float((step * point.slopes).sum(axis=1).max(initial=0.0)) < 1e-10:
            break
        reached = _at(design, won, sets, weights + step)
        while np.any(worse := reached.values < point.values - 1e-9 * np.abs(point.values)):
            step = np.where(worse[:, None], step / 2, step)
            reached = _at(design, won, sets, weights + step)
        weights, point = weights + step, reached
    return point.values + _RIDGE / 2 * (weights**2).sum(axis=1), weights


class _Points(NamedTuple):
    values: Floats
    slopes: Floats
    curves: Floats


def _at(design: Floats, won: Floats, sets: Flags, weights: Floats) -> _Points:
    """Value, slope and curvature of each set's log-likelihood, less a ridge that keeps weights finite."""
    k, many = design.shape[1], len(sets)
    one, other = np.triu_indices(k)
    values = -_RIDGE / 2 * (weights**2).sum(axis=1)
    slopes, products = -_RIDGE * weights, np.zeros((many, len(one)))
    size = max(1, _PIECE // many)
    for begin in range(0, len(won), size):
        rows, right = design[begin : begin + size], won[begin : begin + size, None]
        margins = rows @ weights.T
        loss = np.logaddexp(0, margins)
        values += (right * margins - loss).sum(axis=0)
        chance = np.exp(margins - loss)
        slopes += (right - chance).T @ rows
        products += (chance * (1 - chance)).T @ (rows[:, one] * rows[:, other])
    curves = np.empty((many, k, k))
    curves[:, one, other] = curves[:, other, one] = products
    curves *= sets[:, :, None] & sets[:, None, :]
    curves[:, np.arange(k), np.arange(k)] += np.where(sets, _RIDGE, 1.0)
    return _Points(values, slopes * sets, curves)


def _estimate(value: float, error: float | None, blocks: int, basis: Basis) -> Estimate:
    if error is None or error < 1e-12:
        why = "no blocks were asked for" if error is None else "all blocks are alike"
        return basis.bare(value, f"{why}: error and interval unknown")
    return basis.student(value, error, "", df=blocks - 1)

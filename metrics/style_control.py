"""What is style worth once it is held against who wrote the response?

A factor's weight alone takes on the quality of the models that write with more of it. Here each model has a rating of
its own, and a style's weight is what is left: whether the same models win oftener where they write so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from .estimate import Estimate
from .factor_pairs import factor_pairs
from .intervals import Basis
from .logit import Floats, Places, fit_ridge

RESAMPLES = 200
RIDGE = 0.5
ALPHA = log(10)
"""What a rating is multiplied by: a model rated 1 higher is preferred ten times as often, 400 points of Elo."""

NOT_LINKED = "models that no chain of pairs links cannot be compared"


@dataclass(frozen=True, slots=True)
class StyleControl:
    """Ratings of models and weights of styles from one model.

    Attributes:
        names: of the styles.
        weights: in log-odds of being preferred for one standard deviation of the normalised difference in the style.
        models: sorted.
        ratings: one a model, in powers of ten of the odds (400 points of Elo each), of mean 0; the styles being equal.
        without_style: the same from a model without styles: what the board would say.
        pairs: how many pairs they rest on.
        pairs_left_out: how many lack a preference or a style, or are ties that were left out.
    """

    names: tuple[str, ...]
    weights: tuple[Estimate, ...]
    models: tuple[str, ...]
    ratings: tuple[Estimate, ...]
    without_style: tuple[Estimate, ...]
    pairs: int
    pairs_left_out: int


def style_control(
    first: ArrayLike,
    second: ArrayLike,
    preferences: ArrayLike,
    *,
    models: Sequence[tuple[str, str]],
    prompts: ArrayLike,
    names: Sequence[str] | None = None,
    ties: Literal["half", "left out"] = "half",
    ridge: float = RIDGE,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> StyleControl:
    """Fit log-odds(a is preferred to b) = ln 10 (rating of a's model - rating of b's) + sum of weight * z.

    z is the z-score, over the pairs that count, of (a - b) / (|a| + |b| + 1): a style counts by how much more of it the
    one response has in relation to what both have.

    Args:
        first: shape (n_pairs, n_styles): how much of each style response a has, NaN where it is not known.
        second: the same of response b.
        preferences: shape (n_pairs,): 1 where a is preferred, -1 where b, 0 for a tie, NaN where there is none.
        models: of each pair who wrote a and who wrote b.
        prompts: shape (n_pairs,): labels; drawn as wholes, as their pairs depend on each other.
        names: of the styles; None for `factor 1` and so on.
        ties: `half`, as half a win of both, or `left out`.
        ridge: half of it times the squares of ratings and weights is taken off the log-likelihood; above 0.
        resamples: for errors and intervals, 2 or more.
        seed: of the draws.
        level: of the intervals, 0..1.

    Returns:
        See `StyleControl`. Errors are the resamples' standard deviation, intervals their quantiles; z is not made anew.
        The prompt is the unit of sampling. Weights are drawn towards 0 by the ridge, little where pairs are many. With
        `half`, weights are in log-odds of the share of wins, nearer to 0 than those without ties. As z is centred, the
        weights hang a little on which response is called a. Ratings are unknown where no chain of pairs links all
        models; all is unknown with fewer than two prompts.

    Raises:
        ValueError: if a shape or a value is not as above.

    Source: Chiang et al. 2024, arXiv:2403.04132 and the "style control" of its arena, whose ridge and ties these are;
        there the denominator is a + b + 1, which is the same for counts.
    """
    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if one.ndim != 2 or one.shape != other.shape or len(models) != len(one):
        raise ValueError(
            f"`first` has shape {one.shape}, `second` {other.shape}, `models` {len(models)} pairs; needed are "
            "(n_pairs, n_styles) for both, and one pair of models each."
        )
    if ties not in ("half", "left out") or not ridge > 0 or resamples < 2 or not 0 < level < 1:
        raise ValueError(
            f"`ties` is {ties!r}, `ridge` {ridge}, `resamples` {resamples} and `level` {level}; needed are 'half' or "
            "'left out', a ridge above 0, 2 resamples or more, and 0 < level < 1."
        )
    given = factor_pairs((one - other) / (np.abs(one) + np.abs(other) + 1), preferences, prompts=prompts, names=names)
    used = given.whole & ((given.preferences != 0) | (ties == "half"))
    told, places = np.unique(np.array(models, dtype=str).reshape(-1, 2), return_inverse=True)
    places = places.reshape(-1, 2)
    own, prompt = np.unique(given.prompts[used], return_inverse=True)
    n, left_out = len(own), len(np.unique(given.prompts)) - len(own)
    z = given.differences[used]
    spread = z.std(axis=0) if n else np.zeros(len(given.names))
    z = (z - z.mean(axis=0)) / np.where(spread > 0, spread, 1.0) if n else z
    board = np.zeros((int(used.sum()), len(told)))
    np.add.at(board, (np.arange(len(board)), places[used, 0]), ALPHA)
    np.add.at(board, (np.arange(len(board)), places[used, 1]), -ALPHA)
    won, method = (
        (given.preferences[used] + 1) / 2,
        f"percentile bootstrap of prompts, {resamples} resamples, seed {seed}",
    )
    k = len(told)
    linked = _linked(places[used], k)
    ratings_why = "" if linked else NOT_LINKED
    whys = [ratings_why] * k + ["" if width > 0 else "no pair differs in it" for width in spread]
    if n < 2:
        whys = ["fewer than two prompts have a pair that counts"] * len(whys)
    basis = Basis(n, left_out, level, method)
    full = _estimates(basis, *_fitted(np.hstack([board, z]), won, prompt, n, ridge, resamples, seed), whys)
    bare = _estimates(basis, *_fitted(board, won, prompt, n, ridge, resamples, seed), whys[:k])
    return StyleControl(
        names=given.names,
        weights=full[k:],
        models=tuple(str(name) for name in told),
        ratings=full[:k],
        without_style=bare,
        pairs=int(used.sum()),
        pairs_left_out=int((~used).sum()),
    )


def _estimates(basis: Basis, found: Floats, again: Floats, whys: Sequence[str]) -> tuple[Estimate, ...]:
    """One a column; `again` has shape (resamples, n_columns)."""
    return tuple(
        basis.unknown(why) if why else basis.percentiles(float(found[place]), again[:, place])
        for place, why in enumerate(whys)
    )


def _fitted(
    design: Floats, won: Floats, prompt: Places, n: int, ridge: float, resamples: int, seed: int
) -> tuple[Floats, Floats]:
    """The weights, and those of each draw of prompts."""
    if n < 2:
        return np.zeros(0), np.zeros((0, 0))
    penalty = np.full(design.shape[1], ridge)
    found = fit_ridge(design, won, penalty)
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples)
    again = [fit_ridge(design, won, penalty, weights=draw[prompt].astype(float), start=found) for draw in draws]
    return found, np.array(again)


def _linked(places: Places, count: int) -> bool:
    """Whether a chain of pairs links all models."""
    group = np.arange(count)
    for _ in range(count):
        lowest = np.minimum(group[places[:, 0]], group[places[:, 1]])
        before = group.copy()
        np.minimum.at(group, places[:, 0], lowest)
        np.minimum.at(group, places[:, 1], lowest)
        if np.array_equal(before, group):
            break
    return bool(np.all(group == group[0])) if count else False

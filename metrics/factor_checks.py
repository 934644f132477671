"""Do the weights of factors hold on prompts that they have not seen, and on prompts drawn anew?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .estimate import Estimate
from .factor_pairs import Decisive, decisive_pairs, factor_pairs
from .intervals import Basis, score_limits, standard_error
from .logit import Floats, fit_logit, fit_ridge
from .prompt_sums import by_prompt

FOLDS = 5
RESAMPLES = 200
_RIDGE = 1e-4
_TOO_FEW = "fewer than two prompts have a pair of which one response is preferred"


class HeldOut(NamedTuple):
    """How well a model predicts pairs of prompts that it has not seen.

    Attributes:
        accuracy: the share of decisive pairs whose preferred response it names, 0..1; a coin has 0.5.
        log_loss: the mean surprise in nats, 0 up; a coin has ln 2 = 0.693.
    """

    accuracy: Estimate
    log_loss: Estimate


class Stability(NamedTuple):
    """How often a weight keeps its sign when the prompts are drawn anew.

    Attributes:
        name: of the factor.
        same_sign: the share of resamples whose weight has the sign of the whole, 0..1; None where it is unknown.
        resamples: how many.
        reason: why it is unknown; '' where it is not.
    """

    name: str
    same_sign: float | None
    resamples: int
    reason: str


def held_out(
    differences: ArrayLike,
    preferences: ArrayLike,
    *,
    prompts: ArrayLike,
    shown: ArrayLike | None = None,
    folds: int = FOLDS,
    seed: int = 0,
    level: float = 0.95,
) -> HeldOut:
    """Predict the pairs of each fold of prompts by weights that were fitted to the other folds.

    Args:
        differences: as for `factor_weights`.
        preferences: as for `factor_weights`; ties are left out.
        prompts: as for `factor_weights`: a prompt is in one fold as a whole.
        shown: as for `factor_weights`.
        folds: how many, 2 or more; where there are fewer prompts, one a prompt.
        seed: of the deal of prompts to folds; neither the order of the pairs nor which response is called a matters.
        level: of the intervals, 0..1.

    Returns:
        See `HeldOut`. The prompt is the unit of sampling; those without a decisive pair are `left_out`. Both are
        unknown with fewer than two prompts. A pair that the model finds even is half right. A ridge of 1e-4 keeps
        weights finite where a fold's pairs all go one way. The interval takes the weights as they were fitted: it is
        that of the accuracy of these models.

    Raises:
        ValueError: if a shape or a value is not as above.

    Source: Stone 1974, doi:10.1111/j.2517-6161.1974.tb00994.x, with whole clusters held out.

    >>> more = [[1.0], [2.0], [-1.0], [1.0], [3.0], [-2.0]]
    >>> str(held_out(more, [1, 1, -1, -1, 1, -1], prompts=[1, 1, 2, 2, 3, 4]).accuracy)
    '0.833 [0.365, 0.967]  n=4, 0 left out'
    """
    if folds < 2 or not 0 < level < 1:
        raise ValueError(f"`folds` is {folds} and `level` {level}; needed are 2 or more, and 0 < level < 1.")
    pairs = decisive_pairs(factor_pairs(differences, preferences, prompts=prompts, shown=shown))
    n, method = pairs.units, f"{folds} folds of prompts held out in turn, seed {seed}"
    if n < 2:
        why = Estimate.unknown(_TOO_FEW, n=n, left_out=pairs.left_out, level=level, method=method)
        return HeldOut(why, why)
    fold = np.random.default_rng(seed).permutation(n)[pairs.prompts] % folds
    margins = np.empty(len(pairs.won))
    for number in np.unique(fold):
        out = fold == number
        margins[out] = pairs.design[out] @ fit_ridge(pairs.design[~out], pairs.won[~out], _ridge(pairs))
    right = np.where(margins == 0, 0.5, (margins > 0) == (pairs.won == 1))
    surprise = np.logaddexp(0, -margins * (2 * pairs.won - 1))
    sums = by_prompt(np.stack([right, surprise, np.ones(len(right))], axis=1), pairs.prompts, n).T
    accuracy = _mean(sums[0], sums[2], pairs.left_out, level, method, share=True)
    return HeldOut(accuracy, _mean(sums[1], sums[2], pairs.left_out, level, method, share=False))


def sign_stability(
    differences: ArrayLike,
    preferences: ArrayLike,
    *,
    prompts: ArrayLike,
    names: Sequence[str] | None = None,
    shown: ArrayLike | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[Stability, ...]:
    """Draw the prompts anew and ask how often each weight keeps its sign, as collinear factors' weights do not.

    Args:
        differences: as for `factor_weights`.
        preferences: as for `factor_weights`; ties are left out.
        prompts: as for `factor_weights`: drawn as wholes.
        names: as for `factor_weights`.
        shown: as for `factor_weights`.
        resamples: how many, 1 or more.
        seed: of the draws; neither the order of the pairs nor which response is called a matters.

    Returns:
        One a factor, in the order given: about 1 where the sign is sure, about one half where it is a coin's.

    Raises:
        ValueError: if a shape or a value is not as above.

    Source: Efron 1979, doi:10.1214/aos/1176344552, with whole clusters drawn; a ridge of 1e-4 as in `held_out`.
    """
    if resamples < 1:
        raise ValueError(f"`resamples` is {resamples}; needed is 1 or more.")
    given = factor_pairs(differences, preferences, prompts=prompts, names=names, shown=shown)
    pairs = decisive_pairs(given)
    if pairs.units < 2:
        return tuple(Stability(name, None, 0, _TOO_FEW) for name in given.names)
    start = fit_ridge(pairs.design, pairs.won, _ridge(pairs))
    same, even = np.zeros(len(start)), np.full(pairs.units, 1 / pairs.units)
    for counts in np.random.default_rng(seed).multinomial(pairs.units, even, size=resamples):
        weights = counts[pairs.prompts].astype(float)
        same += np.sign(fit_ridge(pairs.design, pairs.won, _ridge(pairs), weights=weights, start=start)) == np.sign(
            start
        )
    reasons = fit_logit(pairs.design, pairs.won).reasons
    return tuple(
        Stability(name, None if why else float(share), resamples, why)
        for name, why, share in zip(given.names, reasons, same / resamples, strict=False)  # the order shown comes last
    )


def _ridge(pairs: Decisive) -> Floats:
    return np.full(pairs.design.shape[1], _RIDGE)


def _mean(sums: Floats, sizes: Floats, left_out: int, level: float, method: str, *, share: bool) -> Estimate:
    """The mean over pairs, with an interval over prompts: a score interval of a share, else Student's t."""
    n, mean, error = len(sums), float(sums.sum() / sizes.sum()), standard_error(sums, sizes)
    reason = "" if error is not None else "all prompts are alike: standard error unknown"
    if share:
        low, high = (float(end) for end in score_limits(sums, sizes, np.ones(n), level=level))
        return Estimate(mean, error, min(mean, low), max(mean, high), level, method, n, left_out, reason)
    return Basis(n, left_out, level, method).student(mean, error, reason, low=0.0)

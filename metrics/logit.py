"""Which weights make recorded preferences likeliest, and how far do they move from one cluster to the next?

The arithmetic of `factor_weights`: a logit, or Davidson's model where ties have a likelihood of their own, fitted by
Newton's method; what the data cannot tell is found and named, never returned as a large number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .prompt_sums import by_prompt

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.intp]
Errors = Literal["CR1", "CR2"]

COLLINEAR = "it cannot be told apart from the others: it is a sum of them on these pairs"
SEPARATED = "every pair in which it counts goes one way (separation): no finite weight is likeliest"
NOTHING_LEFT = "only pairs that go one way by another factor (separation) tell of it"
CONSTANT = "no pair differs in it"
NOT_SETTLED = "Newton's method did not settle"

_STEPS = 60
_SETTLED = 1e-10  # the square of the last step, in standard errors; the error after it is of the order of its square
_NULL = 1e-10  # of the largest eigenvalue: a condition number of 100,000
_PIECE = 4096  # clusters at a time
_PART = 1e-6  # a column whose share in a direction is smaller has none


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The likeliest weights.

    Attributes:
        weights: shape (n_columns,): NaN where the data cannot tell them.
        tie: log of Davidson's tie parameter; None in a logit.
        reasons: of each column why its weight is unknown, '' where it is not.
        information: shape (n_kept, n_kept): minus the second derivatives, in the coordinates of `basis`.
        scores: shape (n_rows, n_kept): what each row adds to the first derivatives at the weights; 0 for rows that
            were set aside.
        basis: shape (n_columns + 1 for a tie, n_kept): the directions that the data can tell, one a column.
        rows: shape (n_rows,): the rows that the fit rests on; those that go one way by separation are set aside.
        log_likelihood: natural log, over all rows.
        null_log_likelihood: with all weights 0 (the tie parameter free).
        settled: whether Newton's method did.
        shape: what each row that the fit rests on adds to `information`.
    """

    weights: Floats
    tie: float | None
    reasons: tuple[str, ...]
    information: Floats
    scores: Floats
    basis: Floats
    rows: Flags
    log_likelihood: float
    null_log_likelihood: float
    settled: bool
    shape: _Shape

    @property
    def known(self) -> Flags:
        """Shape (n_columns,): the columns whose weight is known."""
        return np.array([not reason for reason in self.reasons], dtype=bool)

    @property
    def mcfadden(self) -> float | None:
        """McFadden's R2, 0 (the weights tell nothing) to 1; None without rows.

        Source: McFadden 1974, "Conditional logit analysis of qualitative choice behavior".
        """
        return None if not self.null_log_likelihood else 1 - self.log_likelihood / self.null_log_likelihood


class _Shape(NamedTuple):
    """The information that each row adds: the products of its columns, each times a curvature of its kind.

    Attributes:
        design: shape (n_rows, n_columns); the last column is the tie's where there is one.
        own: shape (n_rows,): the curvature of two columns of weights.
        across: of one of them and the tie; None without a tie.
        tie: of the tie and itself; None without one.
    """

    design: Floats
    own: Floats
    across: Floats | None = None
    tie: Floats | None = None


class _Point(NamedTuple):
    """The likelihood at one set of weights."""

    value: float
    scores: Floats
    information: Floats
    shape: _Shape


def fit_logit(design: Floats, won: Floats, *, davidson: bool = False) -> Fit:
    """The weights under which a response's chance of being preferred is 1 / (1 + exp(-design @ weights)).

    Args:
        design: shape (n_rows, n_columns), finite: differences of the two responses. There is no intercept: a response
            is not likelier to be preferred for standing in the first column.
        won: shape (n_rows,): 1 where the first is preferred, 0 where the second, 0.5 for a tie.
        davidson: whether a tie has a likelihood of its own, exp(tie) times the root of the product of both sides'
            strengths; else it is half a win and half a loss.

    Returns:
        See `Fit`. Each direction in which the likelihood has no single finite maximum is found: columns that add up to
        0 (from the eigenvalues of the columns' products), and separation, where Newton's step keeps its length and
        points in a direction in which no row gets less likely (that is a proof, not a guess). The columns in such a
        direction are unknown; rows that only such a direction decides are set aside for the others, which is what the
        likeliest weights tend to.

    Sources: Bradley and Terry 1952, doi:10.2307/2334029; ties: Davidson 1970, doi:10.1080/01621459.1970.10481082;
    separation: Albert and Anderson 1984, doi:10.1093/biomet/71.1.1.

    >>> fit_logit(np.array([[1.0], [1.0], [1.0], [1.0]]), np.array([1.0, 1, 1, 0])).weights.round(4).tolist()
    [1.0986]
    """
    n, columns = design.shape
    size = np.sqrt((design**2).mean(axis=0)) if n else np.zeros(columns)
    reasons = np.where(size > 0, "", CONSTANT).astype(object)
    unit = np.where(size > 0, size, 1.0)
    scaled = design / unit
    basis, rows = np.eye(columns)[:, size > 0], np.ones(n, dtype=bool)
    davidson = davidson and bool(np.any(won == 0.5))
    while True:
        given = scaled[rows] @ basis
        null, rest = _null_space(given)
        if null.shape[1]:
            why = COLLINEAR if rows.all() else NOTHING_LEFT
            _tell(reasons, basis @ null, why)
            basis = basis @ rest
            continue
        found, settled, direction = _newton(given, won[rows], davidson)
        if direction is None:
            break
        _tell(reasons, (basis @ direction)[:, None], SEPARATED)
        decided = np.abs(given @ direction)
        rows[np.flatnonzero(rows)[decided > _PART * decided.max()]] = False
        basis = basis @ _rest_of(direction)
    whole = basis / unit[:, None]
    point = _at(given, won[rows], found, davidson)
    weights = whole @ found[: basis.shape[1]]
    if not settled:
        reasons = np.where(reasons == "", NOT_SETTLED, reasons)
    weights[[bool(reason) for reason in reasons]] = np.nan
    scores = np.zeros((n, len(found)))
    scores[rows] = point.scores
    if davidson:
        whole = np.block([[whole, np.zeros((columns, 1))], [np.zeros((1, basis.shape[1])), np.ones((1, 1))]])
    tie = float(found[-1]) if davidson else None
    null_value = _null_log_likelihood(won, davidson)
    told = tuple(str(reason) for reason in reasons)
    return Fit(
        weights, tie, told, point.information, scores, whole, rows, point.value, null_value, settled, point.shape
    )


class Spread(NamedTuple):
    """How far weights may lie from the truth.

    Attributes:
        covariance: shape (n_columns, n_columns), or one more for Davidson's tie; NaN with fewer than two clusters.
        clusters: how many it rests on.
        lone: shape (n_columns,), or one more: the columns of which one cluster alone tells. Their errors say nothing.
    """

    covariance: Floats
    clusters: int
    lone: Flags


def covariance(fit: Fit, clusters: Places, *, errors: Errors = "CR2") -> Spread:
    """The sandwich covariance of the weights.

    Args:
        fit: of `fit_logit`.
        clusters: shape (n_rows,): the place of each row's cluster, 0 or more; rows of one cluster depend on each other.
        errors: `CR1` is H^-1 (sum over clusters of u u') H^-1 G / (G - 1), with H the information, u the sum of a
            cluster's scores and G the clusters of the rows that the fit rests on. A cluster that pulls the weights to
            itself has small scores for that very reason, so these errors are too small where clusters are few or
            differ. `CR2` takes (1 - Hg H^-1)^-1/2 u in the place of u, with Hg the information of the cluster, and no
            factor: it is unbiased where rows are independent.

    Returns:
        See `Spread`.

    Sources: CR1: Liang and Zeger 1986, doi:10.1093/biomet/73.1.13; CR2: Bell and McCaffrey 2002, "Bias reduction in
    standard errors for linear regression with multi-stage samples"; Pustejovsky and Tipton 2018,
    doi:10.1080/07350015.2016.1247004.
    """
    places, own = np.unique(clusters[fit.rows], return_inverse=True)
    count, size = len(places), len(fit.basis)
    lone = np.zeros(size, dtype=bool)
    if count < 2 or not len(fit.information):
        return Spread(np.full((size, size), np.nan if count < 2 else 0.0), count, lone)
    values, vectors = np.linalg.eigh(fit.information)
    half = (vectors / np.sqrt(np.maximum(values, 1e-300))) @ vectors.T
    pulls = by_prompt(fit.scores[fit.rows], own.reshape(-1), count) @ half
    for begin in range(0, count, _PIECE):
        part = slice(begin, begin + _PIECE)
        shares, axes = np.linalg.eigh(half @ _information(fit.shape, own.reshape(-1), part, count) @ half)
        whole = shares > 1 - 1e-9
        for axis in np.swapaxes(axes, 1, 2)[whole]:
            only = np.abs(fit.basis @ (half @ axis))
            lone |= only > _PART * only.max()
        if errors == "CR2":
            more = np.where(whole, 0.0, 1 / np.sqrt(np.maximum(1 - shares, 1e-300)))
            turned = np.matmul(pulls[part][:, None, :], axes) * more[:, None, :]
            pulls[part] = np.matmul(turned, np.swapaxes(axes, 1, 2))[:, 0]
    influence = pulls @ half @ fit.basis.T
    return Spread(influence.T @ influence * (count / (count - 1) if errors == "CR1" else 1.0), count, lone)


def _information(shape: _Shape, own: Places, part: slice, count: int) -> Floats:
    """The information of each cluster of a part, shape (n_clusters, n_columns, n_columns)."""
    begin, end = part.start, min(part.stop, count)
    rows = (own >= begin) & (own < end)
    design, places, k = shape.design[rows], own[rows] - begin, shape.design.shape[1]
    found = np.empty((end - begin, k, k))
    for i in range(k):
        for j in range(i, k):
            kinds = int(shape.tie is not None) * (int(i == k - 1) + int(j == k - 1))
            curve = (shape.own, shape.across, shape.tie)[kinds]
            assert curve is not None
            found[:, i, j] = found[:, j, i] = np.bincount(
                places, design[:, i] * design[:, j] * curve[rows], end - begin
            )
    return found


def fit_ridge(
    design: Floats, won: Floats, ridge: Floats, *, weights: Floats | None = None, start: Floats | None = None
) -> Floats:
    """The weights of a logit that maximise its log-likelihood less half the sum of `ridge` times their squares.

    Args:
        design: shape (n_rows, n_columns).
        won: shape (n_rows,): 1, 0, or 0.5 for a tie.
        ridge: shape (n_columns,): above 0, so that there is one maximum.
        weights: shape (n_rows,): how often each row counts; None for once.
        start: shape (n_columns,): where to begin.

    Returns:
        Shape (n_columns,).
    """
    many = np.ones(len(won)) if weights is None else weights
    found = np.zeros(design.shape[1]) if start is None else start.copy()

    def value(at: Floats) -> float:
        """What is maximised."""
        margins = design @ at
        return float(many @ (won * margins - np.logaddexp(0, margins)) - ridge @ (at * at) / 2)

    best = value(found)
    for _ in range(_STEPS):
        chance = _logistic(design @ found)
        slope = design.T @ (many * (won - chance)) - ridge * found
        curve = design.T @ (design * (many * chance * (1 - chance))[:, None])
        step = np.linalg.solve(curve + np.diag(ridge), slope)
        gain = float(slope @ step)
        for _ in range(_STEPS):
            reached = value(found + step)
            if reached >= best - 1e-9 * abs(best):
                break
            step = step / 2
        found, best = found + step, reached
        if gain < _SETTLED:
            break
    return found


def _newton(design: Floats, won: Floats, davidson: bool) -> tuple[Floats, bool, Floats | None]:
    """The weights (and the log of Davidson's parameter), whether they settled, and a direction of separation if any."""
    columns = design.shape[1]
    found = np.zeros(columns + davidson)
    if davidson:
        found[-1] = _null_tie(won)
    point = _at(design, won, found, davidson)
    for number in range(_STEPS):
        slope = point.scores.sum(axis=0)
        step = np.linalg.pinv(point.information, hermitian=True) @ slope if len(slope) else slope
        if float(slope @ step) < _SETTLED:
            return (found + step if len(slope) else found), True, None
        if number >= 6 and _separates(design, won, step[:columns]):
            return found, False, step[:columns] / np.abs(step[:columns]).max()
        reached = _at(design, won, found + step, davidson)
        for _ in range(30):
            if reached.value >= point.value - 1e-9 * abs(point.value):
                break
            step = step / 2
            reached = _at(design, won, found + step, davidson)
        found, point = found + step, reached
    return found, False, None


def _separates(design: Floats, won: Floats, step: Floats) -> bool:
    """Whether a step makes no row less likely and does not get shorter: no weights are the likeliest then."""
    margins = design @ step * np.sign(2 * won - 1)
    unsure = np.abs(design @ step)[won == 0.5]
    reach = float(margins.max(initial=0.0))
    return reach > 0.3 and float(margins.min(initial=0.0)) >= -_PART * reach and bool(np.all(unsure <= _PART * reach))


def _at(design: Floats, won: Floats, weights: Floats, davidson: bool) -> _Point:
    return _davidson_at(design, won, weights) if davidson else _logit_at(design, won, weights)


def _logit_at(design: Floats, won: Floats, weights: Floats) -> _Point:
    margins = design @ weights
    chance = _logistic(margins)
    value = float((won * margins - np.logaddexp(0, margins)).sum())
    curve = chance * (1 - chance)
    information = design.T @ (design * curve[:, None])
    return _Point(value, design * (won - chance)[:, None], information, _Shape(design, curve))


def _davidson_at(design: Floats, won: Floats, weights: Floats) -> _Point:
    half, tie = design @ weights[:-1] / 2, weights[-1]
    logs = np.stack([half, -half, np.full_like(half, tie)])
    top = logs.max(axis=0)
    total = top + np.log(np.exp(logs - top).sum(axis=0))
    one, other, both = np.exp(logs - total)
    tied = won == 0.5
    value = float((np.where(tied, tie, np.where(won == 1, half, -half)) - total).sum())
    lean = (one - other) / 2
    scores = np.column_stack([design * (won - 0.5 - lean)[:, None], tied - both])
    curves = (one + other) / 4 - lean * lean, -lean * both, both * (1 - both)
    own, across = design.T @ (design * curves[0][:, None]), design.T @ curves[1]
    information = np.block([[own, across[:, None]], [across[None, :], np.array([[curves[2].sum()]])]])
    shape = _Shape(np.column_stack([design, np.ones(len(design))]), *curves)
    return _Point(value, scores, information, shape)


def _null_log_likelihood(won: Floats, davidson: bool) -> float:
    if not davidson:
        return -len(won) * float(np.log(2))
    return _davidson_at(np.zeros((len(won), 0)), won, np.array([_null_tie(won)])).value


def _null_tie(won: Floats) -> float:
    """The log of Davidson's parameter with all weights 0: the share of ties is nu / (2 + nu)."""
    share = float((won == 0.5).mean())
    return float(np.log(2 * share / (1 - share))) if 0 < share < 1 else 0.0


def _logistic(margins: Floats) -> Floats:
    chance: Floats = np.exp(-np.logaddexp(0, -margins))
    return chance


def _null_space(given: Floats) -> tuple[Floats, Floats]:
    """The directions in which no row differs, and those that are left, one a column."""
    columns = given.shape[1]
    if not columns:
        return np.zeros((0, 0)), np.zeros((0, 0))
    values, vectors = np.linalg.eigh(given.T @ given)
    none = values <= _NULL * max(float(values[-1]), 1e-300)
    return vectors[:, none], vectors[:, ~none]


def _rest_of(direction: Floats) -> Floats:
    """An orthonormal basis of what is perpendicular to a direction, one vector a column."""
    rest: Floats = np.linalg.svd(direction[None, :])[2][1:].T
    return rest


def _tell(reasons: NDArray[np.object_], directions: Floats, why: str) -> None:
    """Write the reason to every column that has a part in one of the directions and none yet."""
    part = np.abs(directions)
    has = np.any(part > _PART * part.max(axis=0, keepdims=True), axis=1)
    reasons[has & (reasons == "")] = why

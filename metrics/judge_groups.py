"""Do judges fall into groups that want different things, and whom does a choice leave behind?

One scale of utilities for all judges hides a minority that wants something else: the scale is then the majority's,
weakened. Here every judge belongs to one group, and each group has utilities of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .social_choice import Choice, choose

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

SPREAD = 3.0
_SETTLED = 1e-9  # EM ends where a step gains less than this share of the objective
_HALVINGS = 30
_ALIKE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class JudgeGroups:
    """Groups of judges, the largest first.

    Attributes:
        utilities: shape (n_groups, n_options): in logits, of mean 0 in each group, greater is better: a judge of the
            group prefers x to y with probability 1 / (1 + exp(u_y - u_x)).
        shares: shape (n_groups,): of the judges, summing to 1.
        assignment: shape (n_judges, n_groups): how likely each judge belongs to each group; rows sum to 1.
        judges: the judges' ids in the order of the rows.
        evidence: shape (n_groups, n_options): how many votes on an option come from the group's judges. Where it is
            near 0 the utility is no more than what the prior says, which is 0.
        bic: of each number of groups that was tried, lower is better.
        log_likelihood: of the votes, natural log, without the prior.
        converged: whether EM settled for the number of groups that was taken.
        agreeing: how many of the starts ended at the same likelihood as the best. One alone hints at more that are
            better still: raise `restarts`. One group has one start.
    """

    utilities: Floats
    shares: Floats
    assignment: Floats
    judges: tuple[int, ...]
    evidence: Floats
    bic: dict[int, float]
    log_likelihood: float
    converged: bool
    agreeing: int

    @property
    def members(self) -> Places:
        """Shape (n_judges,): the group that each judge most likely belongs to."""
        return np.asarray(self.assignment.argmax(axis=1))


@dataclass(frozen=True, slots=True)
class Served:
    """What a rule chooses for groups, and whom that leaves behind.

    Attributes:
        winners: the options that the rule puts first; several where they tie.
        scores: of each option under the rule, 0..1, greater is better.
        worst: the utility, 0..1, of the group that the winner serves worst. Of several winners it is the one under
            which that is least, as a tie may be broken so.
        worst_off: the place of that group.
    """

    winners: tuple[int, ...]
    scores: tuple[float, ...]
    worst: float
    worst_off: int


@dataclass(frozen=True, slots=True, eq=False)
class GroupChoice:
    """What three rules choose for the same groups.

    Attributes:
        utilities: shape (n_groups, n_options): 0 (the group's worst option) to 1 (its best).
        utilitarian: the greatest mean utility, groups weighted by their shares.
        maxmin: the option whose worst-off group is best off, whatever the groups' shares.
        nash: the greatest product of utilities, each to the power of the group's share.
    """

    utilities: Floats
    utilitarian: Served
    maxmin: Served
    nash: Served

    def __str__(self) -> str:
        """One line a rule, for people: its winners and the worst-off group's utility."""
        served = {"utilitarian": self.utilitarian, "MaxMin": self.maxmin, "Nash product": self.nash}
        return "\n".join(
            f"{name}: option {', '.join(map(str, one.winners))}; worst off is group {one.worst_off} at {one.worst:.2f}"
            for name, one in served.items()
        )


def judge_groups(
    votes: ArrayLike,
    *,
    options: int,
    weights: ArrayLike | None = None,
    groups: int | None = None,
    most: int = 4,
    restarts: int = 8,
    spread: float = SPREAD,
    steps: int = 1000,
    seed: int = 0,
) -> JudgeGroups:
    """Find groups of judges by their votes on pairs: a mixture of Bradley-Terry models over judges, fitted by EM.

    Args:
        votes: shape (n_votes, 3): judge (any whole number), winner, loser (both 0 <= place < `options`). A tie is two
            rows, one each way, of weight 1/2 each.
        options: how many options there are. A chain of votes must link each with every other.
        weights: shape (n_votes,): greater than 0; None where each vote counts 1.
        groups: how many groups; None where BIC decides among 1 to `most`, and no more than there are judges.
        most: the largest number of groups to try.
        restarts: from how many random starts EM runs for each number of groups; the likeliest end is taken.
        spread: the standard deviation, in logits, of the prior on utilities: normal around 0. It keeps the utility of
            an option that always wins finite, and with tens of votes on an option changes little else.
        steps: of EM at most.
        seed: of the starts.

    Returns:
        The groups in an order of their own, so that neither the order nor the ids of judges and options matter, up to
        rounding: by share, and where shares are equal by how strongly the group prefers. BIC is
        (groups * (options - 1) + groups - 1) * log(n) - 2 * log-likelihood, where n is the number of votes (of weight).
        That asks more of a further group than the number of judges would: a group of few judges, or with few votes,
        may be missed. What a judge does beside preferring, such as favouring the first place, is not modelled: judges
        with different habits may come out as groups, so show each pair in both orders.

    Raises:
        ValueError: if a shape or a value is not as above, there is no vote, or options are not linked.

    Sources: Bradley and Terry 1952, doi:10.2307/2334029; mixtures by EM: Dempster, Laird and Rubin 1977; BIC: Schwarz
        1978, doi:10.1214/aos/1176344136; preferences as such a mixture: Chakraborty et al. 2024, arXiv:2402.08925.

    >>> votes = [(judge, 0, 1) for judge in (1, 2, 3) for _ in range(9)] + [(4, 1, 0)] * 9
    >>> found = judge_groups(votes, options=2)
    >>> found.shares.round(2).tolist(), found.members.tolist()
    ([0.75, 0.25], [0, 0, 0, 1])
    """
    if min(options - 1, most, restarts, steps) < 1 or (groups is not None and groups < 1) or not 0 < spread < np.inf:
        raise ValueError(
            f"`options` is {options}, needed is 2 or more; `groups` {groups}, `most` {most}, `restarts` {restarts}, "
            f"`steps` {steps}, needed 1 or more; `spread` {spread}, needed finite and greater than 0."
        )
    ballots = _ballots(votes, weights, options)
    n_judges = len(ballots.judges)
    if groups is not None and groups > n_judges:
        raise ValueError(f"`groups` is {groups}, and there are {n_judges} judges.")
    tried = range(1, min(most, n_judges) + 1) if groups is None else (groups,)
    rng = np.random.default_rng(seed)
    single = _fit(ballots, np.ones((1, n_judges, 1)), spread, steps)
    # starts are dealt out by how well a judge fits with all, which its place and the options' names do not change
    order = np.lexsort((ballots.counts.sum(axis=1), single.by_judge[0, :, 0].round(7)))
    fits = {k: single if k == 1 else _fit(ballots, _starts(k, restarts, order, rng), spread, steps) for k in tried}
    bic = {k: _bic(fit, k, ballots) for k, fit in fits.items()}
    return _named(fits[min(bic, key=lambda k: (bic[k], k))], ballots, bic)


def choose_for_groups(utilities: ArrayLike, shares: ArrayLike) -> GroupChoice:
    """Choose an option for groups that want different things, by three rules that differ in whom they leave behind.

    Args:
        utilities: shape (n_groups, n_options): finite numbers on a scale of each group's own, such as
            `JudgeGroups.utilities`.
        shares: shape (n_groups,): 0 or more, not all 0; they are divided by their sum.

    Returns:
        Each rule's winners and its worst-off group. Utilities are first brought to 0 (the group's worst option) to 1
        (its best), as no unit is common to groups; a group that hardly prefers anything thus weighs as much as one that
        prefers strongly, and the gaps of its scale are noise. A group that likes all options alike is at 1 with each.
        Where every option is some group's worst, all score 0 under `maxmin` and `nash`, and all tie.

    Raises:
        ValueError: if a shape or a value is not as above.

    Sources: utilitarian and MaxMin choice: Sen 1970; Nash 1950, doi:10.2307/1907266, with shares as powers: Kalai 1977,
        doi:10.1007/BF01774658; for groups of judges: Chakraborty et al. 2024, arXiv:2402.08925.

    >>> print(choose_for_groups([[3, 2, 0], [-1, 0, 1]], [0.7, 0.3]))
    utilitarian: option 0; worst off is group 1 at 0.00
    MaxMin: option 1; worst off is group 1 at 0.50
    Nash product: option 1; worst off is group 1 at 0.50
    """
    given, parts = np.asarray(utilities, dtype=float), np.asarray(shares, dtype=float)
    if given.ndim != 2 or min(given.shape) < 1 or parts.shape != (len(given),):
        raise ValueError(
            f"`utilities` has shape {given.shape} and `shares` {parts.shape}; needed are (n_groups, n_options) and "
            "(n_groups,)."
        )
    if not np.isfinite(given).all() or not np.isfinite(parts).all() or parts.min() < 0 or parts.sum() <= 0:
        raise ValueError("`utilities` must be finite, and `shares` finite, 0 or more and not all 0.")
    low, high = given.min(axis=1, keepdims=True), given.max(axis=1, keepdims=True)
    flat = high - low <= _ALIKE * np.maximum(1.0, np.abs(given).max(axis=1, keepdims=True))
    own: Floats = np.where(flat, 1.0, (given - low) / np.where(flat, 1.0, high - low))
    product = np.prod(own ** (parts / parts.sum())[:, None], axis=0)
    return GroupChoice(
        own,
        _served(choose(own, "weighted", weights=parts), own),
        _served(choose(own, "maxmin"), own),
        # one member whose utility is the product: its best option, with the same rule for ties
        _served(choose(product[None], "mean"), own),
    )


def _served(choice: Choice, own: Floats) -> Served:
    chosen = own[:, choice.winners]
    group = int(chosen.min(axis=1).argmin())
    return Served(choice.winners, choice.scores, float(chosen.min()), group)


@dataclass(frozen=True, slots=True)
class _Ballots:
    """Votes counted: `wins` and `counts` have shape (n_judges, n_pairs), for the pairs (`one`, `other`) that occur."""

    judges: tuple[int, ...]
    one: Places
    other: Places
    wins: Floats
    counts: Floats
    options: int


def _ballots(votes: ArrayLike, weights: ArrayLike | None, options: int) -> _Ballots:
    given = np.asarray(votes)
    if given.ndim != 2 or given.shape[1] != 3 or not len(given) or not np.issubdtype(given.dtype, np.integer):
        raise ValueError(f"`votes` has shape {given.shape} of {given.dtype}; needed are whole numbers (n_votes, 3).")
    winner, loser = given[:, 1].astype(np.intp), given[:, 2].astype(np.intp)
    if min(winner.min(), loser.min()) < 0 or max(winner.max(), loser.max()) >= options or np.any(winner == loser):
        raise ValueError(f"`votes` holds a winner or loser outside 0..{options - 1}, or one that wins against itself.")
    weight = np.ones(len(given)) if weights is None else np.asarray(weights, dtype=float)
    if weight.shape != (len(given),) or not np.isfinite(weight).all() or weight.min() <= 0:
        raise ValueError("`weights` must be finite numbers greater than 0, one a vote.")
    judges, row = np.unique(given[:, 0], return_inverse=True)
    pairs, column = np.unique(np.minimum(winner, loser) * options + np.maximum(winner, loser), return_inverse=True)
    one, other = pairs // options, pairs % options
    cell, shape = row * len(pairs) + column, (len(judges), len(pairs))
    counts, wins = (
        np.asarray(np.bincount(cell, weight * part, shape[0] * shape[1]).reshape(shape), dtype=float)
        for part in (1.0, winner < loser)
    )
    _refuse_unlinked(one, other, options)
    return _Ballots(tuple(map(int, judges)), one, other, wins, counts, options)


def _refuse_unlinked(one: Places, other: Places, options: int) -> None:
    linked = np.zeros(options, dtype=bool)
    linked[one[0]] = True
    while True:
        across = linked[one] != linked[other]
        if not across.any():
            break
        linked[one[across]] = linked[other[across]] = True
    if not linked.all():
        apart = ", ".join(map(str, np.flatnonzero(~linked)))
        raise ValueError(f"no chain of votes links option {one[0]} with {apart}: they cannot be put on one scale.")


@dataclass(frozen=True, slots=True)
class _Fit:
    """Where EM ended: utilities (n_starts, n_groups, n_options) and the like, the likeliest start first."""

    utilities: Floats
    shares: Floats
    assignment: Floats
    by_judge: Floats  # log-likelihood of a judge's votes in each group
    objective: Floats  # shape (n_starts,): log-likelihood and log-prior
    log_likelihood: float
    converged: bool


def _starts(k: int, restarts: int, order: Places, rng: np.random.Generator) -> Floats:
    """Which judges begin in which group, shape (restarts, n_judges, k): in the first half one judge each, then parts.

    One judge each finds groups among many judges, of whom random parts are all alike; parts find groups where one
    judge's votes say little.
    """
    n, alone = len(order), restarts // 2
    begins = np.zeros((restarts, n, k))
    picked = rng.permuted(np.tile(np.arange(n), (restarts, 1)), axis=1)
    for start in range(restarts):
        if start < alone:
            begins[start, order[picked[start, :k]], np.arange(k)] = 1
        else:
            begins[start, order, picked[start] % k] = 1
    return begins


def _fit(ballots: _Ballots, begins: Floats, spread: float, steps: int) -> _Fit:
    """Run EM from all starts at once; those that settled are put aside."""
    n_starts, n_judges, k = begins.shape
    ridge = 1 / spread**2
    utilities = np.zeros((n_starts, k, ballots.options))
    shares, belongs = np.full((n_starts, k), 1 / k), begins.copy()
    for _ in range(5):  # utilities of the judges that a group begins with
        utilities = _newton(ballots, utilities, belongs, ridge)
    objective, likelihood = np.full(n_starts, -np.inf), np.zeros(n_starts)
    by_judge = np.zeros((n_starts, n_judges, k))
    going = np.arange(n_starts)
    settled = np.zeros(n_starts, dtype=bool)
    for _ in range(steps):
        by_judge[going] = _by_judge(ballots, utilities[going])
        joint = by_judge[going] + np.log(np.maximum(shares[going], 1e-300))[:, None]
        whole = np.logaddexp.reduce(joint, axis=2)
        belongs[going] = np.exp(joint - whole[..., None])
        likelihood[going] = whole.sum(axis=1)
        reached = likelihood[going] - ridge / 2 * (utilities[going] ** 2).sum(axis=(1, 2))
        ended = reached - objective[going] <= _SETTLED * (1 + np.abs(reached))
        objective[going] = reached
        settled[going] = ended
        going = going[~ended]
        if not len(going):
            break
        shares[going] = belongs[going].mean(axis=1)
        # one step upwards is enough: EM climbs as long as each step does
        utilities[going] = _newton(ballots, utilities[going], belongs[going], ridge)
    rank = np.argsort(-objective, kind="stable")
    return _Fit(
        utilities[rank],
        shares[rank],
        belongs[rank],
        by_judge[rank],
        objective[rank],
        float(likelihood[rank[0]]),
        bool(settled[rank[0]]),
    )


def _by_judge(ballots: _Ballots, utilities: Floats) -> Floats:
    """Log-likelihood of each judge's votes in each group, shape (n_starts, n_judges, n_groups)."""
    gaps = utilities[..., ballots.one] - utilities[..., ballots.other]
    found: Floats = ballots.wins @ gaps.swapaxes(1, 2) - ballots.counts @ np.logaddexp(0, gaps).swapaxes(1, 2)
    return found


def _newton(ballots: _Ballots, utilities: Floats, belongs: Floats, ridge: float) -> Floats:
    """One step of Newton's method for each group's utilities, halved until it does not lead down."""
    m, one, other = ballots.options, ballots.one, ballots.other
    wins, counts = belongs.swapaxes(1, 2) @ ballots.wins, belongs.swapaxes(1, 2) @ ballots.counts

    def height(at: Floats) -> Floats:
        """What is maximised, of each group."""
        gaps = at[..., one] - at[..., other]
        found: Floats = (wins * gaps - counts * np.logaddexp(0, gaps)).sum(axis=-1) - ridge / 2 * (at**2).sum(axis=-1)
        return found

    chance = 0.5 * (1 + np.tanh((utilities[..., one] - utilities[..., other]) / 2))  # does not overflow
    table = np.zeros((*utilities.shape, m))
    table[..., one, other] = wins - counts * chance
    slope = table.sum(axis=-1) - table.sum(axis=-2) - ridge * utilities
    table[..., one, other] = table[..., other, one] = -counts * chance * (1 - chance)
    diagonal = np.arange(m)
    table[..., diagonal, diagonal] = ridge - table.sum(axis=-1)
    step = np.linalg.solve(table, slope[..., None])[..., 0]
    before = height(utilities)
    for _ in range(_HALVINGS):
        down = height(utilities + step) < before - 1e-12 * (1 + np.abs(before))
        if not down.any():
            return utilities + step
        step = np.where(down[..., None], step / 2, step)
    return np.where(down[..., None], utilities, utilities + step)


def _bic(fit: _Fit, k: int, ballots: _Ballots) -> float:
    parameters = k * (ballots.options - 1) + k - 1
    return float(parameters * np.log(ballots.counts.sum()) - 2 * fit.log_likelihood)


def _named(fit: _Fit, ballots: _Ballots, bic: dict[int, float]) -> JudgeGroups:
    utilities, belongs = fit.utilities[0], fit.assignment[0]
    shares = belongs.mean(axis=0)
    order = np.lexsort((-np.linalg.norm(utilities, axis=1).round(6), -shares.round(6)))
    utilities, belongs = utilities[order], belongs[:, order]
    touched = np.zeros((len(belongs), ballots.options))
    for option in range(ballots.options):
        touched[:, option] = ballots.counts[:, (ballots.one == option) | (ballots.other == option)].sum(axis=1)
    best = float(fit.objective[0])
    return JudgeGroups(
        utilities - utilities.mean(axis=1, keepdims=True),
        shares[order],
        belongs,
        ballots.judges,
        belongs.T @ touched,
        bic,
        fit.log_likelihood,
        fit.converged,
        int((fit.objective >= best - 1e-6 * (1 + abs(best))).sum()),
    )

"""Does a persona answer as the people do for whom it speaks?

Everything here is made of counts: how many people of a group, or members of a persona, gave each label on each item.
Few people make any two distributions look apart: even a perfect copy of a group does not have a divergence of 0. So
nothing is compared with 0 here, but with what people drawn from the group itself would get. Those expectations are
exact, not drawn: a divergence is a sum over labels, and of each label the number among people drawn without replacement
is hypergeometric. The same draws, made in thought, bring groups and personas of different sizes to one size.

All divergences are of Jensen and Shannon, base 2 (bits, 0..1), without a root.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import permutations as orders
from math import factorial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .estimate import Estimate
from .intervals import bounded_mean, clustered_mean
from .paired import fieller_ratio

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]

PERMUTATIONS = 2000
_PIECE = 1 << 20  # cells of a table at a time: 8 MiB
_TIE = 1e-12  # nearer than this is as near


class Dealt(NamedTuple):
    """What there would be if it meant nothing which persona speaks for whom, by dealing the personas out anew.

    Attributes:
        mean: the mean divergence over the deals, in bits.
        low: what 95 % of the deals stay above, in bits.
        p_value: the share of deals, the true one included, in which the personas are as near as they are, or nearer.
        deals: how many deals, the true one included: no p-value is under 1 / deals.
    """

    mean: float
    low: float
    p_value: float
    deals: int


@dataclass(frozen=True, slots=True)
class Divergence:
    """How far a persona is from its people, and how far a perfect copy would be.

    Attributes:
        found: the mean divergence of all members from all people. Biased up, by few people and few members.
        matched: the same with fewer: k members drawn from the persona, and the people less k.
        floor: what k people drawn from the group itself have, against the rest of them: a perfect copy.
        excess: `matched` less `floor`, paired by item: 0 on average for a perfect copy, above 0 for all others.
        dealt: had another persona of the panel spoken for these people; None without other personas.
    """

    found: Estimate
    matched: Estimate
    floor: Estimate
    excess: Estimate
    dealt: Dealt | None


@dataclass(frozen=True, slots=True)
class Identifiability:
    """Is each persona nearest to the group that it speaks for?

    Attributes:
        distances: shape (n_personas, n_groups): mean divergence in bits; NaN in the row of a persona without items.
        ranks: shape (n_personas,): the place of the own group, 1 for the nearest; NaN where unknown. A group that is
            as near as the own one stands before it: who cannot be told apart is not identified.
        confusion: shape (n_personas, n_groups): on which share of the items each group is nearest, ties split; each
            row adds up to 1, or is NaN. One item is far noisier than the mean over all: read it beside `distances`.
        top1: the share of personas whose own group is nearest. The unit is the persona: `n` is small.
        top3: the share whose own group is among the three nearest; unknown with three groups or fewer.
        dealt: the mean divergence of the personas from their own groups, had the personas been dealt out at random;
            None where fewer than two personas are known, or no deals are asked for.
        items: how many items were used, by persona, shape (n_personas,).
    """

    distances: Floats
    ranks: Floats
    confusion: Floats
    top1: Estimate
    top3: Estimate
    dealt: Dealt | None
    items: Counts


@dataclass(frozen=True, slots=True)
class Spread:
    """How much members of a persona differ, beside how much people do.

    Attributes:
        ratio: mean variance of members over mean variance of people: 0 for a stereotype, 1 for a faithful copy.
        capped: `ratio` and its interval cut at 1, for a score in which more spread than people's earns nothing.
        members: the members' mean variance by item.
        people: the people's mean variance by item.
    """

    ratio: Estimate
    capped: Estimate
    members: Estimate
    people: Estimate


class Retest(NamedTuple):
    """Do members say the same again?

    Attributes:
        agreement: the share of answers that are the same in both runs.
        others: the share that would be the same had another member of the persona given the second answer. A persona
            whose members are no persons, but draws from one distribution, has no more agreement than this.
        chance: the share that would be the same had the second run's answers been dealt out over all items; None where
            nothing was said twice.
    """

    agreement: Estimate
    others: Estimate
    chance: float | None


class Swap(NamedTuple):
    """Does a persona's label move its answers, its dossier being the same?

    Attributes:
        shift: mean divergence made by the other label, less that made by asking again, in bits, paired by item.
        label: mean divergence of the answers under the other label from those under the own one, of both runs.
        noise: mean divergence of the two runs under the own label from each other.
        moved: whether the interval of `shift` lies above 0; None where it is unknown.
    """

    shift: Estimate
    label: Estimate
    noise: Estimate
    moved: bool | None


def js_divergence(p: ArrayLike, q: ArrayLike) -> Floats:
    """The Jensen-Shannon divergence of two distributions, base 2. No root is taken: this is not the JS distance.

    Args:
        p: shape (..., n_labels): shares or counts, 0 or more; each row is divided by its sum.
        q: the same shape, or one that broadcasts.

    Returns:
        Shape (...), in bits: 0 where both are alike, 1 where they share no label; NaN where either has only zeros. The
        distance of `scipy.spatial.distance.jensenshannon(p, q, base=2)` is its root; in nats it is ln 2 times as much.

    Raises:
        ValueError: if the numbers of labels differ, or a number is negative, infinite or NaN.

    Source: Lin 1991, doi:10.1109/18.61115.

    >>> js_divergence([0.85, 0.14, 0.01, 0], [0.65, 0.25, 0.08, 0.02]).round(4).item()
    0.0533
    """
    one, other = np.asarray(p, dtype=float), np.asarray(q, dtype=float)
    if not one.ndim or not other.ndim or one.shape[-1] != other.shape[-1]:
        raise ValueError(f"`p` has shape {one.shape} and `q` {other.shape}; needed is (..., n_labels) for both.")
    for name, given in (("p", one), ("q", other)):
        if not np.all(np.isfinite(given)) or np.any(given < 0):
            raise ValueError(f"`{name}` holds numbers that are negative, infinite or NaN; needed are shares or counts.")
    shares = []
    for given in (one, other):
        largest = given.max(axis=-1, keepdims=True, initial=0)  # first, so that no sum is infinite or rounds to 0
        scaled = np.divide(given, largest, out=np.full_like(given, np.nan), where=largest > 0)
        shares.append(scaled / scaled.sum(axis=-1, keepdims=True))
    return _cut(_terms(*shares).sum(axis=-1))


def divergence(
    persona: ArrayLike, people: ArrayLike, *, others: ArrayLike | None = None, level: float = 0.95
) -> Divergence:
    """How far a persona's answers are from its people's, beside how far a perfect copy's would be.

    Args:
        persona: shape (n_items, n_labels): how many of its members gave each label.
        people: the same shape: how many people of its group did.
        others: shape (n_others, n_items, n_labels): the panel's other personas on the same items, for `dealt`.
        level: of the intervals, 0..1.

    Returns:
        All in bits, 0..1 (`excess` -1..1), with Student's interval over items. `found` rests on the items on which both
        said something. It is biased up by about (labels - 1) / (8 ln 2) (1 / members + 1 / people), so it is not to be
        held against 0, nor against `floor`, which is that of fewer people. For the fair comparison k = min(members,
        people // 2) members are set beside the people less k, and so are k of the people: were the members drawn as the
        people were, both would have the same law, and `excess` would be 0 on average at any size. Items with fewer than
        two people are left out of it.

        `dealt` deals out whole personas, as what a persona says on one item hangs together with what it says on the
        next; there are only as many deals as personas. Each is brought to the same number of members. For a test of
        the panel see `identifiability`.

    Raises:
        ValueError: if shapes differ, or what is given are no counts.

    Sources: the bias, as that of the entropy: Miller 1955; drawing without replacement: Hurlbert 1971,
    doi:10.2307/1934145 (rarefaction).

    >>> found = divergence([[3, 1], [1, 3], [4, 0]], [[6, 2], [2, 6], [8, 0]])
    >>> found.found.estimate, found.excess.estimate < 0
    (0.0, True)
    """
    own, crowd = _same(_counts(persona, "persona", 2), _counts(people, "people", 2), "persona", "people")
    members, heads = own.sum(axis=-1), crowd.sum(axis=-1)
    k = np.minimum(members, heads // 2)
    usable = k > 0
    size, rest = np.where(usable, k, 0), np.where(usable, heads - k, 0)
    matched, floor = _expected(own, size, crowd, rest), _split(crowd, size)
    return Divergence(
        found=_mean(js_divergence(own, crowd), 0, level),
        matched=_mean(matched, 0, level),
        floor=_mean(floor, 0, level),
        excess=_mean(matched - floor, -1, level),
        dealt=None if others is None else _rivals(own, crowd, _counts(others, "others", 3)),
    )


def identifiability(
    personas: ArrayLike,
    people: ArrayLike,
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    level: float = 0.95,
) -> Identifiability:
    """Is each persona nearer to the group that it speaks for than to any other?

    Args:
        personas: shape (n_personas, n_items, n_labels): how many members gave each label. Persona i speaks for group i.
        people: shape (n_groups, n_items, n_labels), n_groups of 2 or more and no fewer than personas; what is over are
            groups that nobody speaks for, but that may be nearer.
        permutations: how many deals of the personas among their groups; all of them where there are no more. 0: none.
        seed: of the deals, where not all are made.
        level: of the intervals, 0..1.

    Returns:
        See `Identifiability`. A persona is compared with all groups on the same items: those on which it and every
        group said something. Where groups differ in size, all are brought to the size of the smallest on that item (by
        the exact expectation over who is drawn), or else the largest group would seem nearest. The p-value is that of
        the mean of the personas' divergences from their own groups: how near a persona is to groups at large, and a
        group to personas at large, is the same in all deals.

    Raises:
        ValueError: if shapes do not fit, what is given are no counts, or `permutations` is negative.

    Sources: the null: Pitman 1938; one size for all: Hurlbert 1971, doi:10.2307/1934145 (rarefaction).

    >>> found = identifiability([[[3, 0], [2, 1]], [[0, 3], [1, 2]]], [[[9, 1], [8, 2]], [[2, 8], [3, 7]]])
    >>> found.ranks.tolist(), found.dealt.p_value
    ([1.0, 1.0], 0.5)
    """
    speakers, groups = _counts(personas, "personas", 3), _counts(people, "people", 3)
    if speakers.shape[1:] != groups.shape[1:] or len(groups) < max(2, len(speakers)):
        raise ValueError(
            f"`personas` has shape {speakers.shape} and `people` {groups.shape}; needed are the same items and labels, "
            "two groups or more, and a group for each persona."
        )
    if permutations < 0:
        raise ValueError(f"`permutations` is {permutations}; needed is 0 or more.")
    by_item = _to_each_group(speakers, groups)
    heard = ~np.isnan(by_item[:, 0])
    distances, items = _mean_where(by_item, heard[:, None]), heard.sum(axis=-1)
    own = distances[np.arange(len(speakers)), np.arange(len(speakers))]
    ranks = np.where(np.isnan(own), np.nan, (distances <= own[:, None] + _TIE).sum(axis=-1))
    near = by_item <= by_item.min(axis=1, keepdims=True) + _TIE
    confusion = _mean_where(near / np.maximum(1, near.sum(axis=1, keepdims=True)), heard[:, None])
    return Identifiability(
        distances=distances,
        ranks=ranks,
        confusion=confusion,
        top1=_within(ranks, 1, len(groups), level),
        top3=_within(ranks, 3, len(groups), level),
        dealt=_dealt(distances, permutations, seed),
        items=items.astype(np.int64),
    )


def within_variance_ratio(
    persona: ArrayLike, people: ArrayLike, *, values: ArrayLike | None = None, level: float = 0.95
) -> Spread:
    """Do a persona's members differ from each other as much as people of the group do?

    Args:
        persona: shape (n_items, n_labels): how many of its members gave each label.
        people: the same shape: how many people of its group did.
        values: shape (n_labels,): what each label stands for where labels are ordinal or numbers; None: nominal labels.
        level: of the intervals, 0..1.

    Returns:
        `ratio` is 0 or more: 0 where members all say the same, 1 where they differ as people do. The variance within an
        item is unbiased: that of the values, in their unit squared; for nominal labels Gini and Simpson's chance, 0..1,
        that two of them say different things. Items with fewer than two members or two people are left out. The ratio
        is one of means, not the mean of ratios: on an item where people agree the ratio is infinite or wild, and a
        ratio of two noisy numbers is biased. The interval is Fieller's over items, cut at 0; for a stereotype, whose
        items are all alike, it goes from 0 to the members' upper end over the people's lower one, which is wary.
        Unknown where people do not vary on any item.

    Raises:
        ValueError: if shapes differ, what is given are no counts, or a value is not finite.

    Sources: Simpson 1949, doi:10.1038/163688a0; Fieller 1954, doi:10.1111/j.2517-6161.1954.tb00159.x.

    >>> within_variance_ratio([[2, 1], [3, 0], [1, 2]], [[5, 5], [9, 1], [4, 6]]).ratio.estimate
    1.03448275862069
    """
    own, crowd = _same(_counts(persona, "persona", 2), _counts(people, "people", 2), "persona", "people")
    scale = None if values is None else _scale(values, own.shape[-1])
    members, heads = _variance(own, scale), _variance(crowd, scale)
    both = ~np.isnan(members) & ~np.isnan(heads)
    members, heads = np.where(both, members, np.nan), np.where(both, heads, np.nan)
    highest = 1.0 if scale is None else max(1e-300, float(np.ptp(scale)) ** 2 / 2)  # two answers, one at each end
    above, below = (_mean(part, 0, level, high=highest) for part in (members, heads))
    ratio = _clip(fieller_ratio(members, heads, level=level), 0, np.inf)
    if ratio.n and ratio.estimate is None:
        ratio = replace(ratio, reason="people do not vary on any item")
    elif ratio.estimate == 0 and above.high is not None and below.low:
        method = "the members' upper end (score interval) over the people's lower one (Student's t), over items"
        ratio = replace(ratio, low=0.0, high=above.high / below.low, method=method, reason=above.reason)
    return Spread(ratio, _clip(ratio, 0, 1), above, below)


def retest(first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> Retest:
    """Do the same members give the same labels when they are asked again?

    Args:
        first: shape (n_items, n_members): the number of the label, from 0; -1 where there is none.
        second: the same shape: a second run of the same members on the same items.
        level: of the intervals, 0..1.

    Returns:
        Shares, 0..1, with score intervals over items. `agreement` is over the answers that were given in both runs,
        each weighs the same. `others` is over items, and needs two members. `chance` takes the shares of the labels
        over all items, as Cohen's kappa does: where nearly all answers are one label it is high, and agreement means
        little.

    Raises:
        ValueError: if shapes differ, or what is given are no labels.

    Source: chance: Cohen 1960, doi:10.1177/001316446002000104.

    >>> found = retest([[0, 1], [1, 1], [0, -1]], [[0, 1], [1, 0], [0, 1]])
    >>> found.agreement.estimate, found.others.estimate, found.chance
    (0.8, 0.25, 0.48)
    """
    one, two = _same(_labels(first, "first"), _labels(second, "second"), "first", "second")
    both = (one >= 0) & (two >= 0)
    one, two = np.where(both, one, -1), np.where(both, two, -1)
    agreement = bounded_mean(np.where(both, one == two, np.nan), level=level)
    n_labels = 1 + max(0, int(max(one.max(initial=0), two.max(initial=0))))
    before, after = _tally(one, n_labels), _tally(two, n_labels)
    answers = both.sum(axis=1)
    pairs, alike = answers * (answers - 1), (before * after).sum(axis=1) - (both & (one == two)).sum(axis=1)
    apart = np.divide(alike, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
    total = int(answers.sum())
    chance = float(before.sum(axis=0) @ after.sum(axis=0)) / total**2 if total else None
    return Retest(agreement, bounded_mean(apart, level=level), chance)


def label_swap(own: ArrayLike, swapped: ArrayLike, again: ArrayLike, *, level: float = 0.95) -> Swap:
    """Is it the persona's label that speaks, or its dossier?

    Args:
        own: shape (n_items, n_labels): how many members gave each label, the persona being as it is.
        swapped: the same shape: under the label of another persona, the dossier being its own.
        again: the same shape: as it is, asked once more.
        level: of the intervals, 0..1.

    Returns:
        `shift` is from -1 to 1, in bits, with Student's interval over items: 0 on average where the label does nothing,
        as the three then have the same law. Answers under the other label are held against both runs under the own one,
        which finds more than the first run alone. Where the three differ in size on an item, all are brought to the
        smallest; items on which one is silent are left out. Where all items are alike the interval is the score
        interval, which has a width then. `moved` errs in about (1 - level) / 2 of the cases in which the label does
        nothing. That it is False proves little where members are few and drawn anew in each run: over 60 items of five
        labels, three such members show a persona that follows nothing but its label in one case of five, twelve nearly
        always; three members who keep to four of five answers, always.

    Raises:
        ValueError: if shapes differ, or what is given are no counts.

    Source: the design is this project's own; the score interval: see `intervals.score_limits`.

    >>> found = label_swap([[3, 0], [0, 3]] * 3, [[0, 3], [3, 0]] * 3, [[3, 0], [0, 3]] * 3)
    >>> found.shift.estimate, found.moved
    (1.0, True)
    """
    as_is, under = _same(_counts(own, "own", 2), _counts(swapped, "swapped", 2), "own", "swapped")
    once_more = _same(as_is, _counts(again, "again", 2), "own", "again")[1]
    size = np.stack([given.sum(axis=-1) for given in (as_is, under, once_more)]).min(axis=0)
    to_first, to_second = (_expected(under, size, other, size) for other in (as_is, once_more))
    label, noise = (to_first + to_second) / 2, _expected(as_is, size, once_more, size)
    shift = _mean(label - noise, -1, level)
    moved = None if shift.low is None else shift.low > 0
    return Swap(shift, _mean(label, 0, level), _mean(noise, 0, level), moved)


def _terms(p: Floats, q: Floats) -> Floats:
    """What each label adds to the divergence, in bits: it hangs on that label's two shares alone."""
    middle = (p + q) / 2
    total = np.zeros(middle.shape)
    for part in np.broadcast_arrays(p, q):
        times = np.divide(part, middle, out=np.ones(middle.shape), where=part > 0)  # 0 log 0 is 0
        total += part * np.log2(times) / 2
    return total


def _cut(bits: Floats) -> Floats:
    """Rounding may lead out of 0..1."""
    found: Floats = np.clip(bits, 0.0, 1.0)
    return found


def _expected(one: Counts, one_size: Counts, other: Counts, other_size: Counts) -> Floats:
    """The mean divergence of some drawn from one and, apart, some drawn from the other, without replacement.

    Args:
        one: shape (n_items, n_labels).
        one_size: shape (n_items,): how many are drawn of it, 0 where it is silent.
        other: as `one`.
        other_size: as `one_size`.

    Returns:
        Shape (n_items,), bits; NaN where a size is 0.
    """
    found = np.full(len(one), np.nan)
    use = np.flatnonzero((one_size > 0) & (other_size > 0))
    if not len(use):
        return found
    cells = one.shape[-1] * _width(one[use], one_size[use]) * _width(other[use], other_size[use])
    step = max(1, _PIECE // cells)
    for start in range(0, len(use), step):
        at = use[start : start + step]
        p, p_weights = _draws(one[at], one_size[at])
        q, q_weights = _draws(other[at], other_size[at])
        bits = _terms(p[..., :, None], q[..., None, :])
        found[at] = np.einsum("ilxy,ilx,ily->i", bits, p_weights, q_weights)
    return _cut(found)


def _split(crowd: Counts, size: Counts) -> Floats:
    """The mean divergence of some drawn from the people from the rest of them; shape (n_items,), NaN where none are."""
    found = np.full(len(crowd), np.nan)
    use = np.flatnonzero(size > 0)
    if not len(use):
        return found
    step = max(1, _PIECE // (crowd.shape[-1] * (int(size[use].max()) + 1)))
    for start in range(0, len(use), step):
        at = use[start : start + step]
        counts, k = crowd[at], size[at]
        drawn = np.arange(int(k.max()) + 1)
        weights = _hypergeometric(counts, k, drawn)
        rest = np.maximum(0, counts[..., None] - drawn) / (counts.sum(axis=-1) - k)[:, None, None]
        bits = _terms(drawn / k[:, None, None], rest)
        found[at] = (bits * weights).sum(axis=(-2, -1))
    return _cut(found)


def _width(counts: Counts, sizes: Counts) -> int:
    return 1 + min(int(sizes.max()), int((counts.sum(axis=-1) - sizes).max()))


def _draws(counts: Counts, sizes: Counts) -> tuple[Floats, Floats]:
    """The shares that labels may have among those drawn, and how likely they are; each (n_items, n_labels, n_cases)."""
    gone = counts.sum(axis=-1) - sizes
    if int(sizes.max()) <= int(gone.max()):  # count who is drawn, or who is not: whichever has fewer cases
        drawn = np.arange(int(sizes.max()) + 1)
        return np.broadcast_to(drawn / sizes[:, None, None], (*counts.shape, len(drawn))), _hypergeometric(
            counts, sizes, drawn
        )
    drawn = np.arange(int(gone.max()) + 1)
    left = np.maximum(0, counts[..., None] - drawn)
    return left / sizes[:, None, None], _hypergeometric(counts, gone, drawn)


def _hypergeometric(counts: Counts, sizes: Counts, drawn: Counts) -> Floats:
    """How likely it is that `drawn` of those drawn gave the label; shape (n_items, n_labels, n_cases)."""
    total = counts.sum(axis=-1)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, int(total.max(initial=0)) + 1)))])  # of factorials
    rest, size = total[:, None, None] - counts[..., None], sizes[:, None, None]
    possible = (drawn <= counts[..., None]) & (drawn <= size) & (size - drawn <= rest)

    def ways(among: Counts, chosen: Counts) -> Floats:
        """The log of how many ways there are to choose so many among so many."""
        chosen = np.where(possible, chosen, 0)
        found: Floats = logs[among] - logs[chosen] - logs[np.maximum(0, among - chosen)]
        return found

    whole = logs[total] - logs[sizes] - logs[total - sizes]
    likely = ways(counts[..., None], drawn) + ways(rest, size - drawn) - whole[:, None, None]
    weights = np.where(possible, np.exp(np.where(possible, likely, 0.0)), 0.0)
    found: Floats = weights / weights.sum(axis=-1, keepdims=True)  # sums of logarithms are off by some 1e-13
    return found


def _rivals(own: Counts, crowd: Counts, others: Counts) -> Dealt | None:
    if others.shape[1:] != own.shape:
        raise ValueError(f"`others` has shape {others.shape}; needed is (n_others, {own.shape[0]}, {own.shape[1]}).")
    panel = np.concatenate([own[None], others])
    size, heads = panel.sum(axis=-1).min(axis=0), crowd.sum(axis=-1)
    by_item = np.stack([_expected(persona, size, crowd, heads) for persona in panel])
    heard = ~np.isnan(by_item[0])
    if len(panel) < 2 or not heard.any():
        return None
    return _against(by_item[:, heard].mean(axis=-1))


def _to_each_group(speakers: Counts, groups: Counts) -> Floats:
    """Divergences of shape (n_personas, n_groups, n_items); NaN for all groups where the persona or any is silent."""
    shape = (len(speakers), len(groups), *groups.shape[1:])
    size = groups.sum(axis=-1).min(axis=0)
    one = np.broadcast_to(speakers[:, None], shape).reshape(-1, shape[-1])
    other = np.broadcast_to(groups[None], shape).reshape(-1, shape[-1])
    found = _expected(one, one.sum(axis=-1), other, np.broadcast_to(size, shape[:-1]).reshape(-1))
    return found.reshape(shape[:-1])


def _mean_where(values: Floats, use: Flags) -> Floats:
    """The mean over the last axis of what is used; NaN where nothing is."""
    many = np.broadcast_to(use, values.shape).sum(axis=-1)
    sums = np.where(use, values, 0.0).sum(axis=-1)
    found: Floats = np.divide(sums, many, out=np.full(many.shape, np.nan), where=many > 0)
    return found


def _within(ranks: Floats, place: int, n_groups: int, level: float) -> Estimate:
    known = int((~np.isnan(ranks)).sum())
    found = _share(int((ranks <= place).sum()), known, len(ranks) - known, level)
    if n_groups > place:
        return found
    reason = f"there are {n_groups} groups: each is among the {place} nearest"
    return Estimate.unknown(reason, n=known, left_out=found.left_out, level=level, method=found.method)


@lru_cache(maxsize=1024)  # the score interval is slow, and of a few personas there are few shares
def _share(hits: int, known: int, left_out: int, level: float) -> Estimate:
    found = bounded_mean([1.0] * hits + [0.0] * (known - hits) + [np.nan] * left_out, level=level)
    reason = found.reason.replace("item", "persona")
    return replace(found, method=found.method.replace("items", "personas"), reason=reason)


def _dealt(distances: Floats, permutations: int, seed: int) -> Dealt | None:
    known = np.flatnonzero(~np.isnan(distances[:, 0]))
    square = distances[np.ix_(known, known)]
    n = len(square)
    if n < 2 or not permutations:
        return None
    if factorial(n) <= permutations:
        deals = _all_orders(n)
    else:
        drawn = np.random.default_rng(seed).permuted(np.tile(np.arange(n), (permutations, 1)), axis=1)
        deals = np.concatenate([np.arange(n)[None], drawn])
    return _against(square[np.arange(n), deals].mean(axis=1))


def _against(found: Floats) -> Dealt:
    """The first of what is found, against all of it."""
    near = float((found <= found[0] + _TIE).mean())
    return Dealt(float(found.mean()), float(np.quantile(found, 0.05)), near, len(found))


@lru_cache(maxsize=8)
def _all_orders(n: int) -> NDArray[np.intp]:
    """All orders of n, the one in which all keep their place first."""
    return np.array(list(orders(range(n))), dtype=np.intp)


def _variance(counts: Counts, scale: Floats | None) -> Floats:
    """The unbiased variance within each item, shape (n_items,); NaN with fewer than two answers."""
    n = counts.sum(axis=-1)
    many = np.where(n > 1, n, 2).astype(float)
    if scale is None:
        squares = (counts * (counts - 1)).sum(axis=-1)  # pairs of different people that say the same
        spread = 1 - squares / (many * (many - 1))
    else:
        away = scale - ((counts @ scale) / many)[:, None]
        spread = (counts * away**2).sum(axis=-1) / (many - 1)
    found: Floats = np.where(n > 1, spread, np.nan)
    return found


def _mean(values: Floats, low: float, level: float, *, high: float = 1.0) -> Estimate:
    """The mean over items with Student's interval, which is far narrower than the score interval for small numbers.

    Where all items are alike Student's is unknown; the score interval still is not.
    """
    found = clustered_mean(values, level=level)
    if found.low is None and found.n > 1:
        found = bounded_mean(values, low=low, high=high, level=level)
    return _clip(found, low, high)


def _clip(found: Estimate, low: float, high: float) -> Estimate:
    value, below, above = (
        None if end is None else float(min(high, max(low, end))) for end in (found.estimate, found.low, found.high)
    )
    return replace(found, estimate=value, low=below, high=above)


def _tally(labels: Counts, n_labels: int) -> Counts:
    """How many members gave each label, shape (n_items, n_labels)."""
    found: Counts = np.stack([(labels == label).sum(axis=1) for label in range(n_labels)], axis=1)
    return found


def _counts(values: ArrayLike, name: str, axes: int) -> Counts:
    given = _whole(values, name, 0)
    if given.ndim != axes or not given.shape[-1]:
        needed = "(n_items, n_labels)" if axes == 2 else "(n_personas or n_groups, n_items, n_labels)"
        raise ValueError(f"`{name}` has shape {given.shape}; needed is {needed}.")
    return given


def _labels(values: ArrayLike, name: str) -> Counts:
    given = _whole(values, name, -1)
    if given.ndim != 2:
        raise ValueError(f"`{name}` has shape {given.shape}; needed is (n_items, n_members).")
    return given


def _whole(values: ArrayLike, name: str, least: int) -> Counts:
    given = np.asarray(values, dtype=float)
    if not np.all(np.isfinite(given)) or np.any(given != np.floor(given)) or np.any(given < least):
        raise ValueError(f"`{name}` holds numbers that are not whole or under {least}.")
    return given.astype(np.int64)


def _same(one: Counts, other: Counts, name: str, second: str) -> tuple[Counts, Counts]:
    if one.shape != other.shape:
        raise ValueError(f"`{name}` has shape {one.shape} and `{second}` {other.shape}; needed is one shape.")
    return one, other


def _scale(values: ArrayLike, n_labels: int) -> Floats:
    scale = np.asarray(values, dtype=float)
    if scale.shape != (n_labels,) or not np.all(np.isfinite(scale)):
        raise ValueError(f"`values` has shape {scale.shape}; needed is a finite number a label, ({n_labels},).")
    centred: Floats = scale - scale.mean()  # about its middle, so that less is lost to rounding
    return centred

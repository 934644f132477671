"""Are planted groups of judges found, is none found where there is none, and who is left behind by which rule?"""

from __future__ import annotations

from math import exp, log
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from plurijudge.metrics.judge_groups import JudgeGroups, choose_for_groups, judge_groups

Floats = NDArray[np.float64]
Votes = NDArray[np.int64]

SEEDS = range(20)
LOGITS = 3.2  # between a group's best and worst option: so strong, K = 1, 2 and 3 have BICs like the reference's
# What is best for the majority is worst for the minority; the second option is a compromise.
MAJORITY = np.array([1.0, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0])
MINORITY = np.array([0.0, 0.55, 0.25, 0.3, 0.45, 0.6, 0.8, 1.0])
THIRD = np.array([0.3, 0.0, 1.0, 0.2, 0.9, 0.5, 0.1, 0.6])


def world(seed: int, *groups: tuple[int, Floats], votes: int = 60, logits: float = LOGITS) -> Votes:
    """Judges of each group in turn, each with so many votes on random pairs."""
    rng = np.random.default_rng(seed)
    wanted = logits * np.repeat([own for _, own in groups], [judges for judges, _ in groups], axis=0)
    judges, options = wanted.shape
    judge = np.repeat(np.arange(judges), votes)
    one = rng.integers(0, options, len(judge))
    other = (one + rng.integers(1, options, len(judge))) % options
    won = rng.random(len(judge)) < 0.5 * (1 + np.tanh((wanted[judge, one] - wanted[judge, other]) / 2))
    return np.stack([judge, np.where(won, one, other), np.where(won, other, one)], axis=1)


def split(seed: int, **given_: Any) -> Votes:
    return world(seed, (28, MAJORITY), (12, MINORITY), **given_)


def by_hand(wins: int, losses: int, judges: int = 1, start: int = 0) -> list[tuple[int, int, int]]:
    """Judges who each prefer option 0 to 1 so many times, and 1 to 0 so many."""
    return [row for judge in range(start, start + judges) for row in [(judge, 0, 1)] * wins + [(judge, 1, 0)] * losses]


def test_one_group_worked_out_by_hand() -> None:
    found = judge_groups(by_hand(30, 10), options=2, spread=1e4)
    assert found.utilities == pytest.approx(np.array([[log(3) / 2, -log(3) / 2]]), abs=1e-5)
    likelihood = 30 * log(0.75) + 10 * log(0.25)
    assert found.log_likelihood == pytest.approx(likelihood)
    assert found.bic == {1: pytest.approx(log(40) - 2 * likelihood)}
    assert found.shares.tolist() == [1.0] and found.evidence.tolist() == [[40.0, 40.0]] and found.converged


def test_two_groups_worked_out_by_hand() -> None:
    # a judge is 9 ** 16 times as likely in its own group; three judges of 18 to 2 and one of 2 to 18
    found = judge_groups(by_hand(18, 2, 3) + by_hand(2, 18, start=3), options=2, spread=1e4)
    assert found.shares == pytest.approx(np.array([0.75, 0.25]))
    assert found.utilities[:, 0] == pytest.approx(np.array([log(9) / 2, -log(9) / 2]), abs=1e-4)
    likelihood = 4 * (18 * log(0.9) + 2 * log(0.1)) + 3 * log(0.75) + log(0.25)
    assert found.log_likelihood == pytest.approx(likelihood)
    assert found.bic[2] == pytest.approx(3 * log(80) - 2 * likelihood)
    assert list(found.bic) == [1, 2, 3, 4] and found.members.tolist() == [0, 0, 0, 1]
    assert found.evidence == pytest.approx(np.array([[60, 60], [20, 20]]))


def test_the_prior_keeps_an_option_that_always_wins_finite() -> None:
    # the slope of 9 log s(d) - 2 (d / 2)^2 / (2 * 3^2) is 0: 9 (1 - s(d)) = d / 18
    d = float(np.diff(judge_groups(by_hand(9, 0), options=2).utilities[0, ::-1])[0])
    assert 9 * (1 - 1 / (1 + exp(-d))) == pytest.approx(d / 18, rel=1e-4)
    certain = judge_groups(world(0, (5, MAJORITY), logits=1e4), options=8)
    assert certain.converged and np.abs(certain.utilities).max() < 30
    assert certain.utilities[0].argsort().tolist() == MAJORITY.argsort().tolist()


def test_a_tie_is_half_a_vote_each_way() -> None:
    tie = judge_groups([(0, 0, 1), (0, 1, 0)], options=2, weights=[0.5, 0.5])
    assert tie.utilities == pytest.approx(np.zeros((1, 2))) and tie.evidence.tolist() == [[1.0, 1.0]]
    mixed = judge_groups(by_hand(1, 1), options=2, weights=[2.5, 0.5], spread=1e4)
    assert mixed.utilities[0, 0] == pytest.approx(log(5) / 2, abs=1e-4)


def test_a_choice_for_groups_worked_out_by_hand() -> None:
    found = choose_for_groups([[4, 3, 0], [10, 20, 30]], [7, 3])
    assert found.utilities.tolist() == [[1, 0.75, 0], [0, 0.5, 1]]
    assert found.utilitarian.scores == pytest.approx([0.7, 0.675, 0.3])
    assert (found.utilitarian.winners, found.utilitarian.worst, found.utilitarian.worst_off) == ((0,), 0.0, 1)
    assert found.maxmin.scores == (0.0, 0.5, 0.0)
    assert (found.maxmin.winners, found.maxmin.worst, found.maxmin.worst_off) == ((1,), 0.5, 1)
    assert found.nash.scores == pytest.approx([0, 0.75**0.7 * 0.5**0.3, 0])
    assert (found.nash.winners, found.nash.worst) == ((1,), 0.5)
    assert str(found).splitlines()[1] == "MaxMin: option 1; worst off is group 1 at 0.50"


def test_a_tie_may_be_broken_against_a_group_and_a_group_that_does_not_mind_is_at_its_best() -> None:
    tie = choose_for_groups([[0.5, 1, 0], [0.5, 0, 1]], [1, 1]).utilitarian
    assert (tie.winners, tie.worst, tie.worst_off) == ((0, 1, 2), 0.0, 0)
    opposed = choose_for_groups([[1, 0], [0, 1]], [0.9, 0.1])
    assert opposed.maxmin.winners == opposed.nash.winners == (0, 1) and opposed.utilitarian.winners == (0,)
    careless = choose_for_groups([[2, 2, 2], [0, 1, 3]], [0.9, 0.1])
    assert careless.utilities[0].tolist() == [1, 1, 1] and careless.maxmin.winners == (2,)


@pytest.mark.parametrize(
    ("votes", "given_", "match"),
    [
        ([(0, 0)], {}, "shape"),
        ([], {}, "shape"),
        ([(0.0, 0.5, 1.0)], {}, "whole numbers"),
        ([(0, 0, 2)], {}, "outside 0..1"),
        ([(0, -1, 0)], {}, "outside 0..1"),
        ([(0, 1, 1)], {}, "against itself"),
        ([(0, 0, 1)], {"options": 1}, "needed is 2 or more"),
        ([(0, 0, 1)], {"options": 3}, "no chain of votes links option 0 with 2"),
        ([(0, 0, 1), (0, 2, 3)], {"options": 4}, "no chain of votes links option 0 with 2, 3"),
        ([(0, 0, 1)], {"weights": [0.0]}, "`weights`"),
        ([(0, 0, 1)], {"weights": [1.0, 1.0]}, "`weights`"),
        ([(0, 0, 1)], {"groups": 2}, "there are 1 judges"),
        ([(0, 0, 1)], {"groups": 0}, "needed 1 or more"),
        ([(0, 0, 1)], {"restarts": 0}, "needed 1 or more"),
        ([(0, 0, 1)], {"spread": 0.0}, "greater than 0"),
    ],
)
def test_what_are_no_votes_is_refused(votes: Any, given_: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        judge_groups(votes, **{"options": 2, **given_})


@pytest.mark.parametrize(
    ("utilities", "shares"),
    [([1, 0], [1]), ([[1, 0]], [0.5, 0.5]), ([[1, np.nan]], [1]), ([[1, 0]], [0]), ([[1, 0], [0, 1]], [2, -1])],
)
def test_what_are_no_groups_is_refused(utilities: Any, shares: Any) -> None:
    with pytest.raises(ValueError, match="`utilities`"):
        choose_for_groups(utilities, shares)


def test_em_that_was_cut_short_says_so() -> None:
    assert not judge_groups(split(0), options=8, groups=2, steps=1).converged
    assert list(judge_groups(split(0), options=8, groups=3).bic) == [3]


def same(one: JudgeGroups, other: JudgeGroups, judges: Any, options: Any) -> None:
    """`other` is `one` where judge i is called judges[i], and option x is called options[x]."""
    assert one.utilities == pytest.approx(other.utilities[:, options], abs=1e-4)
    assert one.shares == pytest.approx(other.shares, abs=1e-4)
    rows = [other.judges.index(judges[judge]) for judge in one.judges]
    assert one.assignment == pytest.approx(other.assignment[rows], abs=1e-4)
    assert one.evidence == pytest.approx(other.evidence[:, options], abs=1e-2)
    assert {k: pytest.approx(bic, abs=1e-3) for k, bic in one.bic.items()} == other.bic


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.permutations(range(15)), st.permutations(range(8)), st.randoms())
def test_names_of_judges_and_options_and_the_order_of_votes_change_nothing(
    seed: int, judges: list[int], options: list[int], rng: Any
) -> None:
    votes = world(seed, (9, MAJORITY), (6, MINORITY), votes=40)
    names = [7 * judge - 30 for judge in judges]
    renamed = np.stack([np.array(names)[votes[:, 0]], *np.array(options)[votes[:, 1:].T]], axis=1)
    order = list(range(len(votes)))
    rng.shuffle(order)
    one, other = (judge_groups(each, options=8, most=2) for each in (votes, renamed[order]))
    assert len(one.shares) == len(other.shares)
    same(one, other, names, options)


def test_where_starts_end_apart_the_order_of_judges_still_changes_nothing() -> None:
    alone = 0
    for seed in SEEDS:
        votes = split(seed, votes=5)
        order = np.random.default_rng(seed).permutation(40)
        renamed = np.stack([order[votes[:, 0]], *votes[:, 1:].T], axis=1)
        one, other = (judge_groups(each, options=8, groups=3, restarts=2) for each in (votes, renamed))
        alone += one.agreeing == 1
        assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-3), seed
    assert alone > 5  # so that it is a test


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_a_vote_of_weight_two_is_two_votes(seed: int) -> None:
    votes = world(seed, (6, MAJORITY), (4, MINORITY), votes=30)
    twice = np.random.default_rng(seed).random(len(votes)) < 0.5
    weighted = judge_groups(votes, options=8, most=2, weights=1.0 + twice)
    same(weighted, judge_groups(np.concatenate([votes, votes[twice]]), options=8, most=2), range(10), range(8))


GROUPS = st.integers(2, 5).flatmap(
    lambda options: st.lists(
        st.tuples(
            st.lists(st.integers(-8, 8).map(lambda n: n / 4), min_size=options, max_size=options),
            st.sampled_from([0.1, 0.3, 1.0]),
        ),
        min_size=1,
        max_size=4,
    )
)


@given(GROUPS, st.sampled_from([0.25, 3.0]), st.sampled_from([-2.0, 5.0]), st.randoms())
def test_a_choice_does_not_hang_on_each_group_s_unit_nor_on_the_order_of_groups_and_options(
    groups: list[tuple[list[float], float]], factor: float, shift: float, rng: Any
) -> None:
    own, shares = np.array([one for one, _ in groups]), np.array([share for _, share in groups])
    first = choose_for_groups(own, shares)
    places, order = list(range(own.shape[1])), list(range(len(own)))
    rng.shuffle(places)
    rng.shuffle(order)
    moved = choose_for_groups((own * factor + shift)[order][:, places], shares[order] * 7)
    for rule in ("utilitarian", "maxmin", "nash"):
        one, other = getattr(first, rule), getattr(moved, rule)
        assert set(one.winners) == {places[winner] for winner in other.winners}
        assert one.worst == pytest.approx(other.worst)
    assert first.maxmin.worst >= max(first.utilitarian.worst, first.nash.worst) - 1e-12


def test_a_planted_minority_is_found_and_maxmin_does_not_leave_it_behind() -> None:
    """The reference: BIC 3255, 2552 and 2604 for one to three groups; 100 % assigned; minority at .00, then .38."""
    for seed in SEEDS:
        found = judge_groups(split(seed), options=8)
        assert min(found.bic, key=lambda k: found.bic[k]) == len(found.shares) == 2, seed
        assert found.bic[1] - found.bic[2] > 300 and found.bic[3] - found.bic[2] > 20 and found.converged
        assert found.members.tolist() == [0] * 28 + [1] * 12, seed
        assert found.shares == pytest.approx(np.array([0.7, 0.3]), abs=0.01)
        chosen = choose_for_groups(found.utilities, found.shares)
        assert chosen.utilitarian.winners == (0,) and chosen.utilitarian.worst_off == 1
        assert chosen.utilitarian.worst < 0.05, seed
        assert chosen.maxmin.winners == chosen.nash.winners == (1,)
        # as estimated, and as planted: .55 for the minority, .60 for the majority
        assert chosen.utilities[1, 1] >= 0.35 and chosen.maxmin.worst >= 0.35, seed
        assert min(own[chosen.maxmin.winners[0]] for own in (MAJORITY, MINORITY)) == 0.55
        # one scale for all hides them: it is the majority's, weakened
        alone = judge_groups(split(seed), options=8, groups=1).utilities[0]
        assert np.corrcoef(alone, MAJORITY)[0, 1] > 0.75 and np.ptp(alone) < LOGITS / 2, seed


def test_planted_utilities_come_back_without_bias() -> None:
    found = np.array([judge_groups(split(seed), options=8, groups=2).utilities for seed in range(60)])
    planted = LOGITS * np.array([own - own.mean() for own in (MAJORITY, MINORITY)])
    error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    assert np.all(np.abs(found.mean(axis=0) - planted) < 4 * error + 0.02)  # the prior pulls in by up to .02


@pytest.mark.parametrize("logits", [0.0, LOGITS, 40.0])
def test_judges_of_one_mind_are_one_group_in_twenty_of_twenty_worlds(logits: float) -> None:
    sizes = [len(judge_groups(world(seed, (40, MAJORITY), logits=logits), options=8).shares) for seed in SEEDS]
    assert sizes == [1] * 20


def test_three_planted_groups_are_three() -> None:
    for seed in SEEDS:
        found = judge_groups(world(seed, (20, MAJORITY), (12, MINORITY), (8, THIRD)), options=8)
        assert len(found.shares) == 3 and found.agreeing > 1, seed
        wrong = (found.members != np.repeat([0, 1, 2], [20, 12, 8])).sum()
        assert wrong <= 1, seed


def test_ten_votes_a_judge_still_tell_the_groups_apart() -> None:
    right = []
    for seed in SEEDS:
        found = judge_groups(split(seed, votes=10), options=8, groups=2)
        right.append((found.members == np.repeat([0, 1], [28, 12])).mean())
    assert np.mean(right) > 0.9

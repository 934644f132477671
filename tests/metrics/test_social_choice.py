"""Does each rule choose as its textbook says, whoever sits where?"""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, strategies as st

from plurijudge.metrics.social_choice import Rule, accuracy_weights, choose, effective_votes

RULES = [rule for rule in get_args(Rule) if rule != "weighted"]
NAN = float("nan")
UTILITIES = st.integers(2, 4).flatmap(
    lambda options: st.lists(
        st.one_of(
            st.lists(st.sampled_from([0.0, 0.05, 0.25, 1 / 3, 0.5, 0.7, 1.0]), min_size=options, max_size=options),
            st.just([NAN] * options),
        ),
        min_size=1,
        max_size=9,
    )
)
WEIGHTED = UTILITIES.flatmap(
    lambda rows: st.tuples(*(st.tuples(st.just(row), st.sampled_from([0.0, 0.5, 1.0, 2.5])) for row in rows)).map(list)
)


# Three options: the first has most first places, the second the best mean, the third no misery.
PROFILE = [[1.0, 0.6, 0.5], [1.0, 0.6, 0.5], [1.0, 0.9, 0.5], [0.0, 1.0, 0.5], [0.0, 0.05, 0.5]]


@pytest.mark.parametrize(
    ("rule", "winner", "scores"),
    [
        ("majority", 0, [3 / 5, 1 / 5, 1 / 5]),
        ("mean", 1, [3 / 5, 3.15 / 5, 1 / 2]),
        ("maxmin", 2, [0.0, 0.05, 0.5]),
        ("veto", 2, [NAN, NAN, 0.5]),
        ("borda", 0, [6 / 5, 6 / 5, 3 / 5]),
    ],
)
def test_each_rule_on_a_profile_worked_out_by_hand(rule: Rule, winner: int, scores: list[float]) -> None:
    found = choose(PROFILE, rule)
    assert found.scores == pytest.approx(scores, nan_ok=True)
    assert winner in found.winners and (found.winner == winner or rule == "borda")
    assert found.worst == (0.0, 0.05, 0.5) and found.votes == 5


def test_whoever_the_outcome_serves_worst_is_named() -> None:
    assert choose(PROFILE, "mean").worst_off == 4
    assert choose([[NAN, NAN], [1.0, 0.0], [0.2, 0.1]], "mean").worst_off == 2


def test_weights_decide_and_members_no_better_than_a_coin_have_none() -> None:
    said: list[list[float]] = [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    assert choose(said, "mean").winner == 1
    assert choose(said, "weighted", weights=accuracy_weights([0.9, 0.6, 0.6])).winner == 0
    assert choose(said, "weighted", weights=accuracy_weights([0.5, 0.2, 0.5])).scores == choose(said, "mean").scores
    with pytest.raises(ValueError, match="needs `weights`"):
        choose(said, "weighted")
    with pytest.raises(ValueError, match="one a member"):
        choose(said, "weighted", weights=[1, 2])


@pytest.mark.parametrize("rule", RULES)
def test_nobody_chooses_nothing_and_ties_are_told(rule: Rule) -> None:
    nobody = choose([[NAN, NAN]], rule)
    assert (nobody.winners, nobody.winner, nobody.worst_off, nobody.votes) == ((), None, None, 0)
    assert choose([[1, 0.5], [0.5, 1]], rule).winners == (0, 1)


def test_all_may_be_vetoed() -> None:
    assert choose([[1, 0], [0, 1]], "veto").winners == ()


@pytest.mark.parametrize(
    ("utilities", "match"), [([1.0, 0.0], "shape"), ([[1.2, 0]], "outside"), ([[1, NAN]], "all or none")]
)
def test_what_is_no_profile_is_refused(utilities: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        choose(utilities, "mean")


@given(UTILITIES, st.sampled_from(RULES), st.randoms())
def test_the_order_of_the_members_changes_nothing_to_the_last_bit(
    rows: list[list[float]], rule: Rule, rng: Any
) -> None:
    first = choose(rows, rule)
    order = list(range(len(rows)))
    rng.shuffle(order)
    other = choose([rows[place] for place in order], rule)
    assert (first.winners, first.votes) == (other.winners, other.votes)
    assert np.array_equal(first.scores, other.scores, equal_nan=True)
    assert np.array_equal(first.worst, other.worst, equal_nan=True)


@given(UTILITIES, st.sampled_from(RULES), st.randoms())
def test_the_order_of_the_options_changes_nothing_but_their_places(
    rows: list[list[float]], rule: Rule, rng: Any
) -> None:
    order = list(range(len(rows[0])))
    rng.shuffle(order)
    moved = choose([[row[place] for place in order] for row in rows], rule)
    assert {order[place] for place in moved.winners} == set(choose(rows, rule).winners)


@given(UTILITIES, st.sampled_from(RULES), st.integers(2, 5))
def test_a_panel_that_sits_several_times_over_chooses_the_same(rows: list[list[float]], rule: Rule, times: int) -> None:
    assert choose(rows * times, rule).winners == choose(rows, rule).winners


@given(
    st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=2, max_size=4), st.integers(1, 9), st.sampled_from(RULES)
)
def test_a_unanimous_panel_chooses_what_each_of_its_members_likes_best(
    row: list[float], members: int, rule: Rule
) -> None:
    best = {place for place, value in enumerate(row) if value == max(row)}
    bearable = rule != "veto" or max(row) >= 0.1
    assert set(choose([row] * members, rule).winners) == (best if bearable else set())


@given(UTILITIES)
def test_what_nobody_would_give_up_for_another_wins_or_ties(rows: list[list[float]]) -> None:
    """Pareto: an option that every member likes strictly less than another never wins alone."""
    said = np.array([row for row in rows if not np.isnan(row).any()])
    if not len(said):
        return
    for rule in RULES:
        for winner in choose(rows, rule).winners:
            for other in range(said.shape[1]):
                beaten = bool(np.all(said[:, other] > said[:, winner]))
                assert not beaten or rule == "veto" and bool(np.any(said[:, other] < 0.1))


@given(UTILITIES)
def test_no_other_option_leaves_its_worst_off_member_better_off_than_maxmin_s(rows: list[list[float]]) -> None:
    found = choose(rows, "maxmin")
    if found.winners:
        assert found.worst[found.winners[0]] == max(found.worst)


@given(WEIGHTED, st.integers(2, 5), st.randoms())
def test_weights_that_go_with_their_members_leave_order_names_and_size_of_the_panel_without_effect(
    panel: list[tuple[list[float], float]], times: int, rng: Any
) -> None:
    rows, weights = [row for row, _ in panel], [weight for _, weight in panel]
    first = choose(rows, "weighted", weights=weights)
    members, options = list(range(len(rows))), list(range(len(rows[0])))
    rng.shuffle(members)
    rng.shuffle(options)
    seated = choose([rows[i] for i in members], "weighted", weights=[weights[i] for i in members])
    assert seated.winners == first.winners and np.array_equal(seated.scores, first.scores, equal_nan=True)
    named = choose([[row[place] for place in options] for row in rows], "weighted", weights=weights)
    assert {options[place] for place in named.winners} == set(first.winners)
    assert choose(rows * times, "weighted", weights=weights * times).winners == first.winners


@given(WEIGHTED)
def test_equal_weights_are_the_mean_and_whole_weights_are_members_that_sit_so_often(
    panel: list[tuple[list[float], float]],
) -> None:
    rows, weights = [row for row, _ in panel], [weight for _, weight in panel]
    equal = choose(rows, "weighted", weights=[0.7] * len(rows))
    assert equal.winners == choose(rows, "mean").winners
    assert equal.scores == pytest.approx(choose(rows, "mean").scores, nan_ok=True)
    seats = [row for row, weight in panel for _ in range(round(2 * weight))]
    if any(not np.isnan(row[0]) for row in seats):
        weighted, often = choose(rows, "weighted", weights=[2 * weight for weight in weights]), choose(seats, "mean")
        assert weighted.winners == often.winners and weighted.scores == pytest.approx(often.scores)


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=2, max_size=4), st.integers(1, 9), st.randoms())
def test_whoever_weighs_more_a_unanimous_panel_chooses_what_all_like_best(
    row: list[float], members: int, rng: Any
) -> None:
    best = {place for place, value in enumerate(row) if value == max(row)}
    weights = [rng.choice([0.0, 0.5, 3.0]) for _ in range(members)]
    assert set(choose([row] * members, "weighted", weights=weights).winners) == best


@given(UTILITIES, st.randoms())
def test_of_two_options_majority_is_may_s(rows: list[list[float]], rng: Any) -> None:
    """May 1952: the side with more members wins; a tie is broken by one member that comes over."""
    pairs = [row[:2] for row in rows]
    sides = [int(np.sign(one - other)) for one, other in pairs if not np.isnan(one)]
    if not sides:
        return
    found = choose(pairs, "majority")
    assert found.winners == {1: (0,), 0: (0, 1), -1: (1,)}[int(np.sign(sum(sides)))]
    movable = [i for i, (one, other) in enumerate(pairs) if one <= other]
    if 0 in found.winners and movable:
        i = rng.choice(movable)
        moved = [*pairs[:i], [1.0, 0.5] if pairs[i][0] == pairs[i][1] else [0.5, 0.5], *pairs[i + 1 :]]
        assert choose(moved, "majority").winners == (0,)


@given(UTILITIES, st.randoms())
def test_the_mean_is_the_greatest_sum_whatever_each_member_s_zero(rows: list[list[float]], rng: Any) -> None:
    said = np.array(rows)
    found = choose(said, "mean")
    if found.winners:
        sums = np.nansum(said, axis=0)
        assert sums[list(found.winners)] == pytest.approx(sums.max())
    low, high = -said.min(axis=1), 1 - said.max(axis=1)  # how far each member's scale may be moved within 0..1
    shift = low + (high - low) * [rng.random() for _ in rows]
    assert choose(np.clip(said + shift[:, None], 0, 1), "mean").winners == found.winners


@given(UTILITIES, st.sampled_from([0.05, 0.1, 0.3]))
def test_veto_chooses_the_best_mean_of_what_everybody_can_bear(rows: list[list[float]], unbearable: float) -> None:
    said = np.array([row for row in rows if not np.isnan(row[0])])
    winners = choose(rows, "veto", unbearable=unbearable).winners
    bearable = np.flatnonzero(said.min(axis=0) >= unbearable) if len(said) else np.array([], dtype=int)
    assert set(winners) <= set(bearable.tolist()) and bool(winners) == bool(len(bearable))
    for winner in winners:
        assert said[:, winner].mean() == pytest.approx(said[:, bearable].mean(axis=0).max())


@given(UTILITIES)
def test_borda_adds_up_pairwise_margins_so_that_who_loses_each_pair_never_wins(rows: list[list[float]]) -> None:
    said = np.array([row for row in rows if not np.isnan(row[0])])
    if not len(said):
        return
    margins = np.sign(said[:, :, None] - said[:, None, :]).sum(axis=0)
    found = choose(rows, "borda")
    assert found.scores == pytest.approx((len(margins) - 1) / 2 + margins.sum(axis=1) / 2 / len(said))
    losers = {place for place in range(len(margins)) if np.all(np.delete(margins[place], place) < 0)}
    assert not losers & set(found.winners)


@given(UTILITIES)
def test_of_two_options_borda_majority_and_the_simple_vote_agree(rows: list[list[float]]) -> None:
    pairs = [row[:2] for row in rows]
    assert choose(pairs, "borda").winners == choose(pairs, "majority").winners


def test_five_who_err_alike_are_one_vote_and_five_who_err_apart_are_five() -> None:
    rng = np.random.default_rng(1)
    alike = np.repeat(rng.integers(0, 2, (400, 1)), 5, axis=1)
    assert effective_votes(alike) == pytest.approx(1.0)
    apart = rng.integers(0, 2, (40_000, 5)).astype(float)
    assert effective_votes(apart) == pytest.approx(5.0, rel=0.05)
    apart[0, 0] = NAN
    assert effective_votes(apart) == pytest.approx(5.0, rel=0.05)
    assert effective_votes([[1, 1], [1, 0]]) is None


def test_a_known_correlation_gives_back_the_votes_that_it_leaves() -> None:
    """Members who copy one source with chance c correlate by c squared."""
    found = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        source, own = rng.integers(0, 2, (500, 1)), rng.integers(0, 2, (500, 9))
        copied = rng.random((500, 9)) < 0.6
        found.append(effective_votes(np.where(copied, source, own)))
    expected = 9 / (1 + 8 * 0.36)
    assert np.mean([float(one or 0) for one in found]) == pytest.approx(expected, rel=0.02)

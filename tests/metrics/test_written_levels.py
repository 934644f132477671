"""Does what a model wrote for scores show what it should, and nothing where it says nothing?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from plurijudge.metrics.factors import factor_influence, manifestations
from plurijudge.metrics.overlap import matched
from plurijudge.metrics.written_levels import achievability, ground, manipulation, reach_of, score_pairs

NAN: float = np.nan


def test_the_check_is_what_a_hand_counts() -> None:
    grades: list[list[float]] = [[1, 3, 2], [2, 2, 4], [5, 4, 1], [3, NAN, 4], [NAN, NAN, 1]]
    found = manipulation(grades)
    # pairs in order less those that are not: 2 - 1, 2 - 0, 0 - 3 of three, 1 of one; the last has no pair
    assert found.in_order.estimate == pytest.approx((1 / 3 + 2 / 3 - 1 + 1) / 4)
    assert (found.in_order.n, found.in_order.left_out) == (4, 1)
    assert found.monotone.estimate == pytest.approx(1 / 3) and found.monotone.left_out == 2
    assert found.spearman.estimate == pytest.approx((0.5 + np.sqrt(3) / 2 - 1) / 3)
    assert found.rise.estimate == pytest.approx((1 + 2 - 4 + 1) / 4)
    assert [mean.estimate for mean in found.means] == [pytest.approx(11 / 4), 3, pytest.approx(12 / 5)]


def test_grades_that_never_move_say_nothing() -> None:
    found = manipulation([[3, 3, 3]] * 4)
    assert (found.in_order.estimate, found.monotone.estimate, found.rise.estimate) == (0.0, 0.0, 0.0)
    assert found.spearman.estimate is None and found.spearman.left_out == 4
    nothing = manipulation([[NAN, NAN]])
    assert nothing.in_order.estimate is None and nothing.rise.estimate is None


def test_a_planted_rise_is_covered() -> None:
    held = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        grades = np.arange(5.0) * 0.5 + rng.normal(size=(30, 1)) + rng.normal(size=(30, 5))
        rise = manipulation(grades).rise
        assert rise.low is not None and rise.high is not None
        held += rise.low <= 2.0 <= rise.high
    assert 0.92 <= held / 300 <= 0.98


@given(st.integers(0, 2**32 - 1))
def test_turned_round_the_check_changes_its_sign(seed: int) -> None:
    grades = np.random.default_rng(seed).integers(1, 6, size=(8, 4)).astype(float)
    one, other = manipulation(grades), manipulation(grades[:, ::-1])
    assert one.in_order.estimate == pytest.approx(-(other.in_order.estimate or 0.0))
    assert one.rise.estimate == pytest.approx(-(other.rise.estimate or 0.0))


@pytest.mark.parametrize(
    ("direction", "expected", "reach"), [(1, 5 / 6, "at least"), (-1, 1 / 2, "at most"), (0, 1 / 3, "covers")]
)
def test_what_could_be_written_is_what_a_hand_counts(direction: int, expected: float, reach: str) -> None:
    written = [[3.0, 5.0], [1.0, NAN], [NAN, NAN], [2.0, 2.0]]
    preferred = [[4.0, 6.0], [0.5, NAN], [1.0, 1.0], [0.1 + 0.2, 2.0]]
    # from below: 4 of 4 and 6; 0.5; both of the last. From above: 4 and 6; not 0.5; 2 alone. Both: 4; none; 2.
    found = achievability(written, preferred, direction=direction)
    assert found.estimate == pytest.approx(expected)
    assert (found.n, found.left_out, reach_of(direction)) == (3, 1, reach)


def test_rounding_does_not_keep_a_value_from_being_reached() -> None:
    assert achievability([[0.1 + 0.2], [0.3]], [[0.3], [0.1 + 0.2]]).estimate == 1.0


def test_influence_in_generation_is_that_of_scores() -> None:
    rng = np.random.default_rng(4)
    words = 10 * np.arange(1, 6) + rng.normal(scale=1, size=(20, 5))
    high, low = np.array(score_pairs([1, 2, 3, 4, 5])).T
    sign = manifestations(words[:, high].reshape(-1, 1), words[:, low].reshape(-1, 1))
    [found] = factor_influence(np.ones(200), sign, np.repeat(np.arange(20), 10), resamples=0)
    assert found.pooled.estimate == 1.0 and found.pooled.n == 20


def test_pairs_of_scores_name_the_higher_first() -> None:
    assert score_pairs([3, 1, 2]) == [(2, 1), (0, 1), (0, 2)]


def test_ground_does_not_hang_on_who_is_first_and_matches_what_is_alike() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(1, 200, size=(2, 300)).astype(float)
    assert np.array_equal(ground(a, b), ground(b, a))
    assert matched(ground(a, b), ground(b, a)).covered == 1.0
    assert matched(ground(a, b), ground(a * 100, b * 100)).covered < 0.1


@pytest.mark.parametrize(
    "call",
    [
        lambda: manipulation([1.0, 2.0]),
        lambda: manipulation([[1.0]]),
        lambda: manipulation([[1.0, np.inf]]),
        lambda: achievability([[1.0]], [[1.0], [2.0]]),
        lambda: achievability([[1.0]], [[1.0]], direction=2),
        lambda: achievability([[np.inf]], [[1.0]]),
        lambda: ground([1.0], [1.0, 2.0]),
        lambda: ground([-1.0], [1.0]),
    ],
)
def test_what_does_not_hold_is_refused(call: object) -> None:
    with pytest.raises(ValueError, match="needed|need|infinite"):
        call()  # type: ignore[operator]

"""How far attacks raise scores: by hand, what was never asked, noise, planted rises; picks are in test_flips.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from plurijudge.metrics.attacks import attack, raised, sensitivity
from plurijudge.metrics.paired import mcnemar

SCORES = st.lists(st.lists(st.integers(1, 10), min_size=4, max_size=4), min_size=2, max_size=12)


def test_a_rise_is_held_against_the_mean_of_the_controls_and_success_against_the_first() -> None:
    attacked = [[9.0, 3.0], [10.0, np.nan]]
    control = [[[3.0, 5.0], [3.0, 3.0]], [[10.0, 9.0], [4.0, 4.0]]]
    found = raised(attacked, control, low=1, high=10)
    assert found.rise.estimate.estimate == pytest.approx((5 + 0 + 0.5) / 3)
    # of three cells whose first control leaves room one is missing; of the two others one is higher, and one again
    assert found.success.share.estimate.estimate == 0.5
    assert found.success.floor.estimate.estimate == pytest.approx(1 / 3)
    assert found.success.excess.estimate.estimate == 0.0
    assert (found.success.more, found.success.fewer) == (0, 0)
    assert tuple(found.success.share.bounds) == pytest.approx((1 / 3, 2 / 3))
    assert found.away.share.estimate.estimate == 0.0 and found.away.floor.estimate.estimate == 0.25


def test_what_was_never_asked_is_not_missing() -> None:
    attacked, control = np.full((4, 2), np.nan), np.full((4, 2, 2), 3.0)
    attacked[:, 0] = 8.0
    asked = np.zeros((4, 2), dtype=bool)
    asked[:, 0] = True
    found = raised(attacked, control, low=1, high=10, asked=asked)
    alone = raised(attacked[:, :1], control[:, :1], low=1, high=10)
    assert found.success.share == alone.success.share and found.rise == alone.rise
    assert raised(attacked, control, low=1, high=10).success.share.bounds == (0.5, 1.0)


def test_cells_that_were_never_asked_leave_an_attack_on_pairs_as_it_is() -> None:
    rng = np.random.default_rng(1)
    cued, control, target = rng.integers(0, 2, (20, 2)), rng.integers(0, 2, (20, 2, 2)), rng.integers(0, 2, 20)
    wide = np.concatenate([cued, np.full((20, 2), np.nan)], axis=1)
    asked = np.concatenate([np.ones((20, 2), bool), np.zeros((20, 2), bool)], axis=1)
    twice = np.tile(control, (1, 2, 1))
    assert attack(wide, twice, target, asked=asked) == attack(cued, control, target)
    assert sensitivity(wide, twice, target, asked=asked) == sensitivity(cued, control, target)
    with pytest.raises(ValueError, match="`asked` has shape"):
        attack(cued, control, target, asked=asked)


def test_items_that_speak_for_an_excess_and_against_it_are_counted() -> None:
    control = np.zeros((6, 1, 2))
    found = attack(np.ones((6, 1)), control, np.ones(6)).success
    assert (found.more, found.fewer) == (6, 0) and mcnemar(found.more, found.fewer) == 0.03125
    control[:, 0, 1] = 1
    again = attack(np.zeros((6, 1)), control, np.ones(6)).success
    assert (again.more, again.fewer) == (0, 6)


@given(SCORES)
@settings(max_examples=25, deadline=None)
def test_turning_the_scale_round_turns_the_rise_and_swaps_success_with_loss(scores: list[list[int]]) -> None:
    cells = np.array(scores, dtype=float)
    attacked, control = cells[:, :1], cells[:, None, 1:]
    one, other = raised(attacked, control, low=1, high=10), raised(11 - attacked, 11 - control, low=1, high=10)
    assert other.rise.estimate.estimate == pytest.approx(-float(one.rise.estimate.estimate or 0))
    assert other.success.share == one.away.share and other.away.excess == one.success.excess


def test_noise_alone_is_no_rise_and_a_planted_one_lies_in_its_interval() -> None:
    covered, rng = [], np.random.default_rng(7)
    for seed in range(50):
        level = rng.normal(5.5, 1.0, (40, 1))
        control = np.clip(level[..., None] + rng.normal(0, 0.5, (40, 3, 2)), 1, 10)
        attacked = np.clip(level + 0.4 + rng.normal(0, 0.5, (40, 3)), 1, 10)
        found = raised(attacked, control, low=1, high=10).rise.estimate
        assert found.low is not None and found.high is not None
        covered.append(found.low <= 0.4 <= found.high)
        if seed < 5:
            quiet = raised(control[..., 0], control[..., ::-1], low=1, high=10).success.excess.estimate
            assert quiet.low is not None and quiet.low < 0.2
    assert np.mean(covered) >= 0.88


def test_scores_off_the_scale_and_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"outside 1\.\.10"):
        raised([[11]], [[[1, 1]]], low=1, high=10)
    with pytest.raises(ValueError, match="same cells"):
        raised([[1, 2]], [[[1, 1]]], low=1, high=10)
    with pytest.raises(ValueError, match="from 1 to 1"):
        raised([[1]], [[[1, 1]]], low=1, high=1)

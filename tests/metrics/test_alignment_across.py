"""Are influences on different pairs compared as those on the same are, each prompt drawn for both sides?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from plurijudge.metrics.alignment import MEASURES, PairSet, alignment, alignment_across


def world(seed: int, prompts: int = 60, noise: float = 0.0) -> tuple[Any, Any, Any, list[str]]:
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 0.0, 1.0], size=(3 * prompts, 4))
    people = np.sign(signs @ [4, 2, 1, -1] + rng.normal(size=3 * prompts))
    judge = people * np.where(rng.random(3 * prompts) < noise, -1, 1)
    return people, judge, signs, [f"q{number:03}" for number in np.repeat(np.arange(prompts), 3)]


def test_on_the_same_pairs_it_is_the_alignment_of_single_factors() -> None:
    people, judge, signs, prompts = world(1, noise=0.2)
    across = alignment_across(PairSet(people, signs, prompts), PairSet(judge, signs, prompts), resamples=200)
    same = alignment(people, judge, signs, prompts, resamples=200, splits=2).each
    for name in MEASURES:
        one, other = getattr(across, name), getattr(same, name)
        assert (one.estimate, one.low, one.high) == pytest.approx((other.estimate, other.low, other.high))


def test_noise_shrinks_the_slope_on_other_pairs_too_and_the_interval_holds_it() -> None:
    held = 0
    for seed in range(100):
        people, _, signs, prompts = world(2 * seed, prompts=150)
        _, noisy, others, own = world(2 * seed + 1, prompts=150, noise=0.25)
        apart = PairSet(noisy, others, [f"other {label}" for label in own])
        slope = alignment_across(PairSet(people, signs, prompts), apart, resamples=100, seed=seed).slope
        assert slope.low is not None and slope.high is not None and slope.high < 0.9
        held += slope.low <= 0.5 <= slope.high
    assert held >= 88


def test_a_weight_of_two_is_the_pair_twice_and_of_none_the_pair_left_out() -> None:
    people, judge, signs, prompts = world(4, prompts=20)
    weights = np.random.default_rng(0).choice([0, 1, 2], size=60)
    twice = np.repeat(np.arange(60), weights)
    other = PairSet(judge, signs, prompts)
    one = alignment_across(PairSet(people, signs, prompts, weights), other, resamples=20)
    copied = PairSet(people[twice], signs[twice], [prompts[place] for place in twice])
    assert one.slope.estimate == pytest.approx(alignment_across(copied, other, resamples=20).slope.estimate)


def test_prompts_of_one_side_alone_count_and_the_order_of_pairs_does_not() -> None:
    people, judge, signs, prompts = world(5, prompts=20)
    apart = PairSet(judge, signs, [f"other {label}" for label in prompts])
    found = alignment_across(PairSet(people, signs, prompts), apart, resamples=20)
    assert found.slope.n == 40
    turn = np.random.default_rng(1).permutation(60)
    shuffled = PairSet(people[turn], signs[turn], [prompts[place] for place in turn])
    again = alignment_across(shuffled, apart, resamples=20)
    assert again.slope.low == pytest.approx(found.slope.low)


def test_what_does_not_hold_is_refused() -> None:
    people, judge, signs, prompts = world(6, prompts=4)
    one = PairSet(people, signs, prompts)
    with pytest.raises(ValueError, match="different factors"):
        alignment_across(one, PairSet(judge, signs[:, :2], prompts), resamples=20)
    with pytest.raises(ValueError, match="2 or more"):
        alignment_across(one, one, resamples=1)
    with pytest.raises(ValueError, match="labels"):
        alignment_across(one, PairSet(judge, signs, prompts[:3]), resamples=20)

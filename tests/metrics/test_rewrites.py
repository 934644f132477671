"""Rewrites and rewrites of rewrites: by hand, and a rewriter that polishes, whom only the second rewrite gives away."""

from __future__ import annotations

from math import nan, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from plurijudge.benchmarks.coverage_factors import rewrite_lines
from plurijudge.metrics.intervals import student_t_quantile
from plurijudge.metrics.rewrites import RewriteEffect, rewrite_effect, rewrite_preference

Floats = NDArray[np.float64]
Scored = tuple[Floats, Floats, Floats, Floats, NDArray[np.intp]]
ESTIMATES = ("ate", "att", "atu", "single_ate", "single_att", "single_atu", "naive", "off_target")


def scored(seed: int, *, effect: float = 0.4, polish: float = 0.5, prompts: int = 60, noise: float = 0.5) -> Scored:
    """Scores of three responses a prompt and of their rewrites; those that have the attribute are better by 0.8."""
    rng = np.random.default_rng(seed)
    has = (rng.random(3 * prompts) < 0.3).astype(float)
    places = np.repeat(np.arange(prompts), 3)
    quality = rng.standard_normal(prompts)[places] + 0.8 * has
    errors = noise * rng.standard_normal((3, 3 * prompts))
    original = quality + effect * has + errors[0]
    once = quality + effect * (1 - has) + polish + errors[1]
    return original, once, quality + effect * has + polish + errors[2], has, places


def told(found: RewriteEffect) -> list[float | None]:
    """All values and errors."""
    parts = [getattr(found, name) for name in ESTIMATES]
    return [value for one in parts for value in (one.estimate, one.standard_error)]


def test_worked_out_by_hand() -> None:
    # with: 8 - 5 = 3; without: 8 - 6 and 7 - 6; original against once: 7 - 5, 8 - 5, 7 - 4
    found = rewrite_effect([7, 5, 4], [5, 8, 7], [8, 6, 6], has=[1, 0, 0], prompts=["p", "q", "r"])
    assert found.att.estimate == 3 and found.atu.estimate == 1.5 and found.ate.estimate == 2
    assert found.ate.standard_error == pytest.approx(sqrt(3 / 2 * (1 + 0 + 1)) / 3)
    assert found.ate.high == pytest.approx(2 + student_t_quantile(0.975, 2) * sqrt(3) / 3)
    assert found.atu.standard_error == pytest.approx(sqrt(2 * (0.25 + 0.25)) / 2)
    assert (found.att.n, found.att.left_out, found.att.low) == (1, 2, None) and "one prompt" in found.att.reason
    assert (found.single_att.estimate, found.single_atu.estimate) == (2, 3)
    assert found.single_ate.estimate == pytest.approx(8 / 3)
    assert found.naive.estimate == 7 - 4.5
    assert found.off_target.estimate == pytest.approx((1 + 1 + 2) / 3)
    assert (found.responses, found.responses_left_out) == (3, 0)


def test_the_mean_over_all_is_that_of_both_kinds_by_their_numbers() -> None:
    found = rewrite_effect(*scored(1)[:3], has=scored(1)[3], prompts=scored(1)[4])
    n1, n = float(scored(1)[3].sum()), len(scored(1)[3])
    assert found.att.estimate is not None and found.atu.estimate is not None
    assert found.ate.estimate == pytest.approx((n1 * found.att.estimate + (n - n1) * found.atu.estimate) / n)


def test_responses_of_one_prompt_are_one_unit() -> None:
    # contrasts 1, 3 of one prompt, 2, 4 of another: sums 4 and 6, mean 2.5
    found = rewrite_effect([0] * 4, [0] * 4, [1, 3, 2, 4], has=[1] * 4, prompts=[1, 1, 2, 2])
    assert found.ate.estimate == 2.5 and found.ate.n == 2
    assert found.ate.standard_error == pytest.approx(sqrt(2 * (1 + 1)) / 4)
    assert found.atu.estimate is None and found.naive.estimate is None and "every response" in found.naive.reason


def test_what_any_rewriting_does_cancels_in_double_and_not_in_single_rewrites() -> None:
    original, once, twice, has, prompts = scored(2, noise=0.0)
    found = rewrite_effect(original, once, twice, has=has, prompts=prompts)
    assert found.ate.estimate == pytest.approx(0.4) and found.att.estimate == pytest.approx(0.4)
    assert found.atu.estimate == pytest.approx(0.4)
    assert found.single_att.estimate == pytest.approx(0.4 - 0.5), "even the sign is turned"
    assert found.single_atu.estimate == pytest.approx(0.4 + 0.5)
    assert found.off_target.estimate == pytest.approx(0.5)
    assert found.naive.low is not None and found.naive.low > 0.4, "better responses have it oftener"


# `python benchmarks/coverage.py rewrites` draws 5,000 sets
def test_intervals_of_double_rewrites_hold_the_effect_and_those_of_single_ones_do_not() -> None:
    lines = {(line.world, line.factor): line for line in rewrite_lines(4, 250)}
    for effect in (0.4, 0.0):
        world = f"attribute worth {effect}"
        assert lines[world, "double"].coverage == pytest.approx(0.95, abs=3.5 * sqrt(0.05 * 0.95 / 250))
        assert lines[world, "single"].coverage < 0.3 and lines[world, "as found"].coverage < 0.2
    assert lines["attribute worth 0.0", "double"].flagged <= 0.05 + 3.5 * sqrt(0.05 * 0.95 / 250)
    assert lines["attribute worth 0.0", "single"].flagged > 0.5


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 100), order=st.permutations(range(60)), shift=st.floats(-5, 5), stretch=st.floats(0.1, 10))
def test_order_names_and_the_zero_of_the_scale_do_not_matter(
    seed: int, order: list[int], shift: float, stretch: float
) -> None:
    original, once, twice, has, prompts = scored(seed, prompts=20)
    one = rewrite_effect(original, once, twice, has=has, prompts=prompts)
    again = [shift + stretch * column[order] for column in (original, once, twice)]
    other = rewrite_effect(*again, has=has[order], prompts=[f"prompt {prompt}" for prompt in prompts[order]])
    mine, its = told(one), told(other)
    assert its == [None if value is None else pytest.approx(stretch * value, rel=1e-6, abs=1e-8) for value in mine]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 100))
def test_calling_the_attribute_by_its_absence_turns_every_sign_but_that_of_the_polish(seed: int) -> None:
    original, once, twice, has, prompts = scored(seed, prompts=20)
    one = rewrite_effect(original, once, twice, has=has, prompts=prompts)
    other = rewrite_effect(original, once, twice, has=1 - has, prompts=prompts)
    for mine, its in (("ate", "ate"), ("att", "atu"), ("atu", "att"), ("single_ate", "single_ate"), ("naive", "naive")):
        value, turned = getattr(one, mine).estimate, getattr(other, its).estimate
        assert (value is None and turned is None) or turned == pytest.approx(-value)
    assert other.off_target == one.off_target


def test_what_is_missing_is_counted_and_only_what_needs_it_is_unknown() -> None:
    original, once, twice, has, prompts = scored(3)
    lost = twice.copy()
    lost[prompts == 5] = nan
    found = rewrite_effect(original, once, lost, has=has, prompts=prompts)
    assert (found.ate.n, found.ate.left_out) == (59, 1) and (found.single_ate.n, found.single_ate.left_out) == (60, 0)
    assert found.responses_left_out == 3 and found.responses == 177
    never = rewrite_effect(original, once, np.full(len(once), nan), has=has, prompts=prompts)
    assert never.ate.estimate is None and never.off_target.estimate is None and never.ate.reason
    assert never.single_ate.estimate == found.single_ate.estimate and never.naive.estimate == found.naive.estimate
    unsure = has.copy()
    unsure[0] = nan
    assert rewrite_effect(original, once, twice, has=unsure, prompts=prompts).responses_left_out == 1
    empty = rewrite_effect([], [], [], has=[], prompts=[])
    assert all(getattr(empty, name).estimate is None for name in ESTIMATES)


def test_where_all_prompts_are_alike_the_error_is_unknown() -> None:
    found = rewrite_effect([0, 0, 0], [0, 0, 0], [1, 1, 1], has=[1, 1, 1], prompts=[1, 2, 3])
    assert found.ate.estimate == 1 and found.ate.standard_error is None and "alike" in found.ate.reason


def test_preferences_between_a_rewrite_and_its_rewrite() -> None:
    found = rewrite_preference([1, 1, 0.5, 0], has=[1, 1, 0, 0], prompts=[1, 2, 3, 4], single=[1, 0, nan, nan])
    assert found.ate.estimate == pytest.approx((0.5 + 0.5 + 0 - 0.5) / 4)
    assert found.att.estimate == 0.5 and found.atu.estimate == -0.25
    assert found.ate.standard_error == pytest.approx(np.std([0.5, 0.5, 0, -0.5], ddof=1) / 2)
    assert found.single_att.estimate == 0 and found.single_atu.estimate is None
    assert found.naive.estimate is None and found.off_target.estimate is None and found.naive.reason
    assert rewrite_preference([1, 0], has=[1, 0], prompts=[1, 2]).single_ate.estimate is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rewrite_effect([1], [1, 2], [1], has=[1], prompts=[1]), "the shapes are"),
        (lambda: rewrite_effect([1], [1], [1], has=[1], prompts=[1, 2]), "the shapes are"),
        (lambda: rewrite_effect([[1]], [1], [1], has=[1], prompts=[1]), "`original`"),
        (lambda: rewrite_effect([np.inf], [1], [1], has=[1], prompts=[1]), "infinite"),
        (lambda: rewrite_effect([1], [1], [1], has=[2], prompts=[1]), "`has`"),
        (lambda: rewrite_effect([1], [1], [1], has=[1, 0], prompts=[1]), "`has`"),
        (lambda: rewrite_effect([1], [1], [1], has=[1], prompts=[1], level=1), "level"),
        (lambda: rewrite_preference([2], has=[1], prompts=[1]), r"outside 0\.\.1"),
        (lambda: rewrite_preference([1], has=[1], prompts=[1], single=[-1]), r"outside 0\.\.1"),
    ],
)
def test_what_is_no_score_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()

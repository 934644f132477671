"""Is the agreement of two readers what a hand counts, 1 for one and the same, and near 0 for strangers?"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from plurijudge.metrics.extractors import extractor_agreement

NAN = math.nan


def test_it_is_what_a_hand_counts() -> None:
    one, other = [0.0, 0.5, 1.0, 0.2, NAN], [0.0, 0.4, 1.0, 0.6, 0.3]
    found = extractor_agreement(one, other, prompts=["x", "x", "x", "y", "y"], tolerance=0.05, resamples=50)
    assert (found.responses, found.left_out) == (4, 1)
    assert found.same.estimate == 0.5 and found.difference.estimate == pytest.approx((0 - 0.1 + 0 + 0.4) / 4)
    assert (found.pairs.estimate, found.pairs.n, found.pairs.left_out) == (1.0, 1, 1)
    values = np.array([0, 0, 0.5, 0.4, 1, 1, 0.2, 0.6])
    assert found.alpha.estimate == pytest.approx(1 - (0.01 + 0.16) / 4 / 2 / values.var(ddof=1))
    assert found.spearman.estimate == pytest.approx(0.8)


def test_alpha_is_one_less_observed_over_expected_disagreement() -> None:
    one, other = [1, 2, 3, 3, 2, 1, 4, 1, 2], [1, 2, 3, 3, 2, 2, 4, 1, 2]
    values = np.array(one + other, dtype=float)
    apart = sum((x - y) ** 2 for x in values for y in values) / (len(values) * (len(values) - 1))
    observed = sum((x - y) ** 2 for x, y in zip(one, other, strict=True)) / len(one)
    found = extractor_agreement(one, other, prompts=range(9), resamples=50)
    assert found.alpha.estimate == pytest.approx(1 - observed / apart)


def test_one_and_the_same_agree_and_strangers_do_not() -> None:
    rng = np.random.default_rng(3)
    values, prompts = rng.normal(size=400), np.repeat(np.arange(100), 4)
    itself = extractor_agreement(values, values, prompts=prompts, resamples=50)
    for one in (itself.spearman, itself.pearson, itself.alpha, itself.same, itself.pairs):
        assert one.estimate == pytest.approx(1.0)
    stranger = extractor_agreement(values, rng.normal(size=400), prompts=prompts, resamples=200)
    assert stranger.alpha.low is not None and stranger.alpha.high is not None
    assert stranger.alpha.low < 0 < stranger.alpha.high
    assert abs((stranger.pairs.estimate or 0) - 0.5) < 0.1


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_who_is_named_first_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 4, size=(2, 12)).astype(float)
    prompts = rng.integers(0, 4, size=12)
    one = extractor_agreement(a, b, prompts=prompts, resamples=5)
    other = extractor_agreement(b, a, prompts=prompts, resamples=5)
    assert one.alpha.estimate == pytest.approx(other.alpha.estimate)
    assert one.difference.estimate == pytest.approx(-(other.difference.estimate or 0.0))
    assert one.same == other.same and one.pairs == other.pairs


def test_what_nobody_read_is_unknown() -> None:
    nothing = extractor_agreement([NAN, NAN], [1.0, NAN], prompts=[1, 2], resamples=5)
    assert nothing.alpha.estimate is None and nothing.same.estimate is None and nothing.pairs.estimate is None
    flat = extractor_agreement([1.0, 1.0, 1.0], [1.0, 1.0, 1.0], prompts=[1, 2, 3], resamples=5)
    assert flat.alpha.estimate is None and "same value" in flat.alpha.reason and flat.same.estimate == 1.0


@pytest.mark.parametrize(
    ("one", "options"),
    [([1.0], {}), ([1.0, math.inf], {}), ([1.0, 2.0], {"resamples": 1}), ([1.0, 2.0], {"tolerance": -1})],
)
def test_what_does_not_hold_is_refused(one: list[float], options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="needed|must be"):
        extractor_agreement(one, [1.0, 2.0], prompts=[1, 2], **options)  # type: ignore[arg-type]

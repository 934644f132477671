"""The BCa interval: mirrored, like the percentile interval without skewness, nearer to its promise with it."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from plurijudge.metrics.estimate import Estimate
from plurijudge.metrics.resample import bootstrap_mean


def ends(found: Estimate) -> tuple[float, float]:
    assert found.low is not None and found.high is not None
    return found.low, found.high


def test_without_skewness_it_is_the_percentile_interval() -> None:
    x = np.concatenate([np.linspace(-1, 1, 101)])
    percentile, bca = (ends(bootstrap_mean(x, seed=1, interval=kind)) for kind in ("percentile", "bca"))
    assert bca == pytest.approx(percentile, abs=0.006)
    assert bootstrap_mean(x, interval="bca").method.startswith("BCa bootstrap")


def test_its_ends_are_where_the_formula_says() -> None:
    x = np.random.default_rng(2).exponential(size=60)
    found = bootstrap_mean(x, resamples=20_000, seed=3, interval="bca")
    lean = x - x.mean()
    skew = (lean**3).sum() / (6 * (lean**2).sum() ** 1.5)  # of a mean, the jackknife gives the values' own
    draws = np.random.default_rng(4).choice(x, size=(20_000, 60)).mean(axis=1)
    bias = NormalDist().inv_cdf(float((draws < x.mean()).mean()))
    for end, level in zip(ends(found), (0.025, 0.975), strict=True):
        z = bias + NormalDist().inv_cdf(level)
        assert end == pytest.approx(np.quantile(draws, NormalDist().cdf(bias + z / (1 - skew * z))), abs=0.02)


def test_turning_the_values_turns_the_interval() -> None:
    x = np.random.default_rng(5).exponential(size=200)
    low, high = ends(bootstrap_mean(x, interval="bca"))
    turned = ends(bootstrap_mean(-x, interval="bca"))
    assert (-turned[1], -turned[0]) == pytest.approx((low, high), abs=0.012)


def test_of_skewed_values_both_ends_lie_further_to_the_long_side() -> None:
    x = np.random.default_rng(6).exponential(size=40)
    percentile, bca = (ends(bootstrap_mean(x, interval=kind)) for kind in ("percentile", "bca"))
    assert bca[0] > percentile[0] and bca[1] > percentile[1]


def test_few_kinds_of_values_and_what_is_alike() -> None:
    low, high = ends(bootstrap_mean([1] * 5 + [0] * 95, interval="bca"))
    assert 0 < low < 0.05 < high < 0.14
    assert bootstrap_mean([1, 1, 1], interval="bca").low is None
    with pytest.raises(ValueError, match="`interval` is 'normal'"):
        bootstrap_mean([1, 0], interval="normal")  # type: ignore[arg-type]

"""Prediction-powered means: by hand, at both ends of what a prediction is worth, and a planted rate."""

from __future__ import annotations

from math import inf, nan, sqrt

import numpy as np
import pytest

from plurijudge.metrics.intervals import clustered_mean
from plurijudge.metrics.prediction_powered import ppi_mean


def test_worked_out_by_hand() -> None:
    y = np.array([1, 0, 1, 1, 0, 0, *[nan] * 12])
    f = np.array([1, 0, 1, 0, 0, 1, *[1] * 9, *[0] * 3])
    # the covariance is a third of the variance of f, shrunk by 1 + 6/12
    weight = (1 / 3) / 1.5
    found = ppi_mean(y, f)
    assert found.estimate == pytest.approx(0.5 + weight * (0.75 - 0.5)) and (found.n, found.left_out) == (6, 0)
    lean = y[:6] - weight * f[:6]
    squares = ((lean - lean.mean()) ** 2).sum() / 4 / 6 + weight**2 * f[6:].var(ddof=1) / 12
    assert found.standard_error == pytest.approx(sqrt(squares))


def test_a_prediction_that_is_worth_nothing_leaves_the_mean_of_the_labels() -> None:
    y = [1, 0, 1, 0, nan, nan, nan]
    for f in ([1, 1, 0, 0, 1, 1, 1], [1] * 7, [0, 1, 0, 1, 1, 1, 0]):  # of no use, without a difference, against it
        found, plain = ppi_mean(y, f), clustered_mean(y[:4])
        assert found.estimate == plain.estimate and found.low == pytest.approx(plain.low)


def test_a_prediction_that_is_always_right_leaves_the_error_of_all_items() -> None:
    rng = np.random.default_rng(0)
    truth = (rng.random(4000) < 0.3).astype(float)
    found = ppi_mean(np.where(np.arange(4000) < 1000, truth, nan), truth)
    assert found.standard_error == pytest.approx(truth.std() / sqrt(4000), rel=0.03)
    assert found.estimate == pytest.approx(truth.mean(), abs=1e-12)


def test_a_biased_gold_is_put_right() -> None:
    rng, inside = np.random.default_rng(1), 0
    for _ in range(400):
        people = (rng.random(400) < 0.3).astype(float)
        gold = np.where((people == 0) & (rng.random(400) < 0.3), 1.0, people)  # says 1 too often: .51
        found = ppi_mean(np.where(np.arange(400) < 100, people, nan), gold)
        assert found.low is not None and found.high is not None
        inside += found.low <= 0.3 <= found.high
    assert inside / 400 > 0.915


def test_faults_are_named() -> None:
    with pytest.raises(ValueError, match="needed is"):
        ppi_mean([1], [1, 0])
    with pytest.raises(ValueError, match="infinite"):
        ppi_mean([inf], [1])
    assert "no item has a label" in ppi_mean([nan], [1]).reason

"""Weights of factors: by hand, against statsmodels, what the data cannot tell, judges of known truth."""

from __future__ import annotations

import csv
import gzip
import json
from math import log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from plurijudge.benchmarks.coverage_factors import WEIGHTS, WORLDS, World, weights_of
from plurijudge.benchmarks.section import rows
from plurijudge.metrics.factor_checks import held_out, sign_stability
from plurijudge.metrics.factor_shares import factor_shares
from plurijudge.metrics.factor_weights import FactorWeights, factor_weights
from plurijudge.metrics.intervals import student_t_quantile
from plurijudge.metrics.logit import COLLINEAR, CONSTANT, NOTHING_LEFT, SEPARATED, covariance, fit_logit
from plurijudge.metrics.multiplicity import holm, q_values
from plurijudge.metrics.style_control import ALPHA, NOT_LINKED, RIDGE, style_control

Floats = NDArray[np.float64]


def planted(seed: int, n: int = 240, k: int = 3, prompts: int = 60) -> tuple[Floats, Floats, NDArray[np.intp], Floats]:
    """Differences, preferences, prompts and who was shown first, of a judge with weights 0.8, 0, -0.8 and so on."""
    rng = np.random.default_rng(seed)
    differences = rng.standard_normal((n, k))
    shown = rng.choice([1.0, -1.0], n)
    odds = differences @ np.resize([0.8, 0.0, -0.8], k) + 0.5 * shown
    return differences, np.sign(odds + rng.logistic(size=n)), rng.integers(0, prompts, n), shown


def values(found: FactorWeights) -> list[float]:
    """The weights and their errors."""
    told = [(row.weight.estimate, row.weight.standard_error) for row in found.weights]
    return [float("nan") if value is None else value for pair in told for value in pair]


def test_one_factor_by_hand() -> None:
    # three of four with more of it win: log 3; information 4 * 3/4 * 1/4, squared scores 3 * (1/4)^2 + (3/4)^2
    more = [[1.0], [1.0], [-1.0], [1.0]]
    found = factor_weights(more, [1, 1, -1, -1], prompts=[1, 2, 3, 4], scale=[1.0], errors="CR1")
    weight = found.weights[0].weight
    assert weight.estimate == pytest.approx(log(3))
    error = sqrt(0.75 / 0.75**2 * 4 / 3)
    assert weight.standard_error == pytest.approx(error)
    assert weight.high == pytest.approx(log(3) + student_t_quantile(0.975, 3) * error)
    assert found.weights[0].t == pytest.approx(log(3) / error)
    # CR2: each prompt has a quarter of the information
    unbiased = factor_weights(more, [1, 1, -1, -1], prompts=[1, 2, 3, 4], scale=[1.0]).weights[0].weight
    assert unbiased.standard_error == pytest.approx(sqrt(0.75 / 0.75**2 / (1 - 1 / 4)))
    assert (weight.n, weight.left_out, found.pairs, found.prompts) == (4, 0, 4, 4)
    assert found.mcfadden == pytest.approx(1 - (3 * log(3 / 4) + log(1 / 4)) / (4 * log(1 / 2)))


def test_prompts_are_summed_before_they_are_squared() -> None:
    # the same four in two prompts: scores 1/4 + 1/4 and 1/4 - 3/4
    found = factor_weights([[1.0]] * 4, [1, 1, 1, -1], prompts=["p", "p", "q", "q"], scale=[1.0], errors="CR1")
    assert found.weights[0].weight.standard_error == pytest.approx(sqrt((0.25 + 0.25) / 0.75**2 * 2))
    assert found.prompts == 2


def test_ties_by_hand() -> None:
    # Davidson, one factor: weight log(wins / losses), tie parameter ties / root of wins * losses
    more, said = [[1.0]] * 12, [1.0] * 6 + [-1.0] * 2 + [0.0] * 4
    given: dict[str, Any] = {"prompts": range(12), "scale": [1.0], "draws": 0}
    davidson = factor_weights(more, said, ties="davidson", **given)
    assert davidson.weights[0].weight.estimate == pytest.approx(log(3))
    assert davidson.tie is not None and davidson.tie.estimate == pytest.approx(log(4 / sqrt(12)))
    assert (davidson.pairs, davidson.tied, davidson.pairs_left_out) == (12, 4, 0)
    out = factor_weights(more, said, **given)
    assert out.weights[0].weight.estimate == pytest.approx(log(3))
    assert (out.pairs, out.tied, out.pairs_left_out, out.tie) == (8, 4, 4, None)
    assert (out.weights[0].weight.n, out.weights[0].weight.left_out) == (8, 4)
    half = factor_weights(more, said, ties="half", **given)
    assert half.weights[0].weight.estimate == pytest.approx(log(8 / 4))


def test_errors_of_davidson_are_the_inverse_curvature_where_the_model_holds() -> None:
    rng = np.random.default_rng(5)
    differences = rng.standard_normal((6000, 2))
    strengths = np.exp(np.outer([0.5, -0.5, 0.0], differences @ [1.0, -0.5]) + np.array([[0.0], [0.0], [-0.3]]))
    shares = np.cumsum(strengths / strengths.sum(axis=0), axis=0)
    luck = rng.random(6000)
    said = np.where(luck < shares[0], 1.0, np.where(luck < shares[1], -1.0, 0.0))
    fit = fit_logit(differences, (said + 1) / 2, davidson=True)
    assert fit.weights == pytest.approx([1.0, -0.5], abs=0.1) and fit.tie == pytest.approx(-0.3, abs=0.1)
    spread = covariance(fit, np.arange(6000)).covariance
    assert np.diag(spread) == pytest.approx(
        np.diag(np.linalg.inv(_curvature(fit.weights, fit.tie, differences))), rel=0.1
    )


def _curvature(weights: Floats, tie: float | None, differences: Floats) -> Floats:
    """Minus the second derivatives of Davidson's expected log-likelihood, by differences of its slope."""
    at, step = np.append(weights, tie or 0.0), 1e-5

    def shares(point: Floats) -> Floats:
        logs = np.outer([0.5, -0.5, 0.0], differences @ point[:-1]) + np.array([[0.0], [0.0], [point[-1]]])
        told: Floats = np.exp(logs - np.log(np.exp(logs).sum(axis=0)))
        return told

    fixed = shares(at)

    def value(point: Floats) -> float:
        return float((fixed * np.log(shares(point))).sum())

    k, curve = len(at), np.empty((len(at), len(at)))
    for i in range(k):
        for j in range(k):
            ends = [value(at + a * step * np.eye(k)[i] + b * step * np.eye(k)[j]) for a in (1, -1) for b in (1, -1)]
            curve[i, j] = -(ends[0] - ends[1] - ends[2] + ends[3]) / (4 * step * step)
    return curve


@pytest.mark.parametrize("seed", range(3))
def test_weights_and_sandwich_equal_those_of_statsmodels(seed: int) -> None:
    sm = pytest.importorskip("statsmodels.discrete.discrete_model")
    differences, said, prompts, shown = planted(seed, k=4)
    _, groups = np.unique(prompts, return_inverse=True)
    found = factor_weights(differences, said, prompts=prompts, shown=shown, scale=[1.0] * 4, errors="CR1", draws=0)
    design = np.column_stack([differences, shown])
    theirs = sm.Logit((said + 1) / 2, design).fit(
        disp=0, method="newton", tol=1e-13, cov_type="cluster", cov_kwds={"groups": groups}
    )
    assert found.position is not None
    rows_ = [*(row.weight for row in found.weights), found.position.weight]
    n, k = design.shape  # statsmodels also multiplies by (n - 1) / (n - k)
    assert [one.estimate for one in rows_] == pytest.approx(theirs.params, abs=1e-8)
    errors = theirs.bse / sqrt((n - 1) / (n - k))
    assert [one.standard_error for one in rows_] == pytest.approx(errors, abs=1e-8)
    assert found.mcfadden == pytest.approx(1 - theirs.llf / (n * log(1 / 2)), abs=1e-8)
    t = theirs.params / errors
    assert [row.t for row in found.weights] == pytest.approx(t[:4], abs=1e-6)


@pytest.mark.parametrize("ties", ["left out", "half", "davidson"])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 50), swaps=st.integers(0, 2**60 - 1))
def test_which_response_is_called_a_does_not_matter(ties: Any, seed: int, swaps: int) -> None:
    differences, said, prompts, shown = planted(seed, n=60, k=2, prompts=20)
    said[::7] = 0.0
    sign = np.array([1.0 if swaps >> place & 1 else -1.0 for place in range(60)])
    given_: dict[str, Any] = {"prompts": prompts, "ties": ties, "scale": "rms", "draws": 0, "names": ["x", "y"]}
    one = factor_weights(differences, said, shown=shown, position_by=["x"], **given_)
    other = factor_weights(differences * sign[:, None], said * sign, shown=shown * sign, position_by=["x"], **given_)
    assert values(one) == pytest.approx(values(other), rel=1e-7, nan_ok=True)
    for mine, its in ((one.position, other.position), (one.position_by[0], other.position_by[0])):
        assert mine is not None and its is not None
        assert mine.weight.estimate == pytest.approx(its.weight.estimate, rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 50), stretch=st.floats(1e-3, 1e3), order=st.permutations(range(80)))
def test_units_and_orders_do_not_matter(seed: int, stretch: float, order: list[int]) -> None:
    differences, said, prompts, _ = planted(seed, n=80, prompts=25)
    one = factor_weights(differences, said, prompts=prompts, draws=0)
    factors = [2, 0, 1]
    other = factor_weights(
        (differences * [1.0, stretch, 1.0])[order][:, factors],
        said[order],
        prompts=[f"prompt {prompt}" for prompt in prompts[order]],
        draws=0,
    )
    for place, at in enumerate(factors):
        mine, its = one.weights[at], other.weights[place]
        assert its.weight.estimate == pytest.approx(mine.weight.estimate, rel=1e-6, abs=1e-8)
        assert its.p_value == pytest.approx(mine.p_value, rel=1e-5, abs=1e-9)
        assert its.scale == pytest.approx((mine.scale or 0) * (stretch if at == 1 else 1.0))
        assert its.vif == pytest.approx(mine.vif)


def test_a_factor_whose_pairs_all_go_one_way_is_unknown_and_takes_nothing_from_the_others() -> None:
    differences, said, prompts, _ = planted(1)
    lopsided = np.zeros(len(said))
    lopsided[:12] = said[:12]  # wherever it counts, the response with more of it wins
    found = factor_weights(np.column_stack([differences, lopsided]), said, prompts=prompts, scale=[1.0] * 4)
    without = factor_weights(differences[12:], said[12:], prompts=prompts[12:], scale=[1.0] * 3)
    assert found.weights[3].weight.estimate is None and found.weights[3].weight.reason == SEPARATED
    assert (found.weights[3].p_value, found.weights[3].q_value, found.weights[3].band) == (None, None, None)
    assert values(found)[:6] == pytest.approx(values(without), rel=1e-6)
    assert found.set_aside == 12 and any("12 pairs" in note for note in found.notes)


def test_separation_by_a_sum_of_factors_is_found() -> None:
    rng = np.random.default_rng(2)
    differences = rng.standard_normal((100, 3))
    found = factor_weights(differences, np.sign(differences @ [1.0, -2.0, 0.0]), prompts=range(100), draws=0)
    assert [row.weight.reason for row in found.weights[:2]] == [SEPARATED] * 2
    assert found.weights[2].weight.estimate is None and found.weights[2].weight.reason in (SEPARATED, NOTHING_LEFT)
    assert found.set_aside == 100
    tied = fit_logit(np.array([[1.0], [1.0], [1.0]]), np.array([1.0, 1.0, 0.5]))
    assert tied.reasons == ("",), "half a win each way is a finite weight"
    assert tied.weights[0] == pytest.approx(log(5))


@pytest.mark.parametrize("seed", range(5))
def test_strong_weights_are_not_called_separation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    differences = 3 * rng.standard_normal((400, 2))
    said = np.sign(differences @ [4.0, -1.0] + rng.logistic(size=400))
    found = factor_weights(differences, said, prompts=range(400), scale=[1.0, 1.0], draws=0)
    assert [row.weight.reason for row in found.weights] == ["", ""]
    assert found.weights[0].weight.estimate == pytest.approx(4.0, abs=2.5)


def test_factors_that_are_sums_of_others_are_unknown_and_the_rest_is_told() -> None:
    differences, said, prompts, _ = planted(3)
    doubled = np.column_stack([differences, 2 * differences[:, 0], np.zeros(len(said))])
    found = factor_weights(doubled, said, prompts=prompts, scale="rms", draws=0)
    alone = factor_weights(differences, said, prompts=prompts, scale="rms", draws=0)
    assert [row.weight.reason for row in found.weights] == [COLLINEAR, "", "", COLLINEAR, CONSTANT]
    assert values(found)[2:6] == pytest.approx(values(alone)[2:6], rel=1e-6)
    assert [row.vif for row in found.weights][::3] == [None, None] and found.condition is None
    assert found.weights[4].scale is None


def test_inflation_and_condition_by_hand() -> None:
    # two factors that go together by .6: 1 / (1 - .36), root of 1.6 / .4
    one = np.array([1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0, -1.0])
    other = np.array([1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0, -1.0, 1.0])
    said = [1, -1, 1, 1, -1, -1, 1, -1, 1, -1]
    found = factor_weights(np.column_stack([one, other]), said, prompts=range(10), draws=0)
    assert [row.vif for row in found.weights] == pytest.approx([1 / 0.64] * 2)
    assert found.condition == pytest.approx(2.0)
    assert any("10 decisive pairs for 2 weights" in note for note in found.notes)


@pytest.mark.parametrize(
    ("differences", "said", "prompts", "reason"),
    [
        (np.zeros((0, 1)), [], [], "no pair of which one response is preferred"),
        ([[1.0], [2.0]], [0, 0], [1, 2], "no pair of which one response is preferred"),
        ([[1.0], [np.nan]], [np.nan, 1], [1, 2], "no pair of which one response is preferred"),
        ([[0.0], [0.0]], [1, -1], [1, 2], CONSTANT),
        ([[1.0], [1.0]], [1, 1], [1, 2], SEPARATED),
    ],
)
@pytest.mark.parametrize("ties", ["left out", "half", "davidson"])
def test_what_cannot_be_told_is_unknown_with_a_reason(
    ties: Any, differences: Any, said: Any, prompts: Any, reason: str
) -> None:
    found = factor_weights(differences, said, prompts=prompts, ties=ties)
    weight = found.weights[0].weight
    assert (weight.estimate, weight.standard_error, weight.low, weight.reason) == (None, None, None, reason)
    assert (found.weights[0].p_value, found.weights[0].p_holm, found.reach) == (None, None, None)


def test_a_difference_that_is_always_the_same_is_told_in_its_own_unit() -> None:
    found = factor_weights([[0.1]] * 4, [1, 1, 1, -1], prompts=range(4))
    assert found.weights[0].scale == 1.0 and found.weights[0].vif is None
    assert found.weights[0].weight.estimate == pytest.approx(log(3) / 0.1)


def test_one_prompt_or_no_more_prompts_than_weights_leave_the_error_unknown() -> None:
    differences, said, _, _ = planted(4, n=60)
    one = factor_weights(differences, said, prompts=["p"] * 60)
    few = factor_weights(differences, said, prompts=np.arange(60) % 3)
    for found in (one, few):
        assert all(row.weight.estimate is not None and row.weight.low is None for row in found.weights)
        assert all("too few" in row.weight.reason and row.p_value is None for row in found.weights)
    enough = factor_weights(differences, said, prompts=np.arange(60) % 6)
    assert all(row.weight.low is not None for row in enough.weights)


def test_a_factor_that_one_prompt_alone_tells_of_has_no_error() -> None:
    differences, said, prompts, _ = planted(4)
    lone = np.where(prompts == prompts[0], np.random.default_rng(0).standard_normal(len(said)), 0.0)
    mixed = said.copy()
    mixed[np.flatnonzero(prompts == prompts[0])[:2]] = [1.0, -1.0]
    lone[np.flatnonzero(prompts == prompts[0])[:2]] = 1.0
    found = factor_weights(np.column_stack([differences, lone]), mixed, prompts=prompts, draws=0)
    assert found.weights[3].weight.estimate is not None and found.weights[3].weight.standard_error is None
    assert "one prompt alone" in found.weights[3].weight.reason


def test_what_is_missing_is_counted_and_left_out() -> None:
    differences, said, prompts, shown = planted(6)
    lacking, unsaid, order = differences.copy(), said.copy(), shown.copy()
    lacking[3, 1], unsaid[4], order[5] = np.nan, np.nan, np.nan
    lacking[prompts == 7] = np.nan
    found = factor_weights(lacking, unsaid, prompts=prompts, shown=order, scale=[1.0] * 3)
    kept = ~(np.isin(np.arange(len(said)), [3, 4, 5]) | (prompts == 7))
    whole = factor_weights(differences[kept], said[kept], prompts=prompts[kept], shown=shown[kept], scale=[1.0] * 3)
    assert values(found) == pytest.approx(values(whole), rel=1e-9)
    assert found.pairs_left_out == int((~kept).sum()) and found.pairs == int(kept.sum())
    assert found.prompts == len(np.unique(prompts[kept]))
    assert found.weights[0].weight.left_out == len(np.unique(prompts)) - found.prompts >= 1


def test_the_place_in_front_is_told_apart_from_the_factors() -> None:
    rng = np.random.default_rng(9)
    differences = rng.standard_normal((6000, 2))
    shown = np.sign(differences[:, 0] + rng.standard_normal(6000))  # the longer is oftener shown first
    odds = 0.3 * differences[:, 1] + shown * (1.2 - 0.4 * np.abs(differences[:, 1]))
    said = np.sign(odds + rng.logistic(size=6000))
    given_: dict[str, Any] = {"prompts": np.arange(6000) // 4, "names": ["length", "facts"], "scale": [1.0, 1.0]}
    blind = factor_weights(differences, said, **given_)
    assert (blind.weights[0].weight.low or 0) > 0.2, "the place passes for a weight of length"
    assert blind.position is None
    found = factor_weights(differences, said, shown=shown, position_by=["facts"], **given_)
    assert found.position is not None and found.position.weight.estimate == pytest.approx(1.2, abs=0.15)
    assert found.position_by[0].weight.estimate == pytest.approx(-0.4, abs=0.15)
    length = found.weights[0].weight
    assert length.low is not None and length.high is not None and length.low < 0 < length.high


def test_corrections_go_over_all_factors_and_the_band_is_wider_than_one_interval() -> None:
    differences, said, prompts, _ = planted(2, k=6)
    found = factor_weights(differences, said, prompts=prompts)
    p = [row.p_value for row in found.weights]
    assert [row.q_value for row in found.weights] == q_values(p)
    assert [row.p_holm for row in found.weights] == holm(p)
    one = student_t_quantile(0.975, found.prompts - 1)
    sidak = student_t_quantile((1 + 0.95 ** (1 / 6)) / 2, found.prompts - 1)
    assert found.reach is not None and one < found.reach < sidak + 0.03
    assert found.reach == pytest.approx(sidak, abs=0.12), "six factors that hardly go together"
    band, weight = found.weights[0].band, found.weights[0].weight
    assert band is not None and weight.estimate is not None and weight.standard_error is not None
    assert band[1] == pytest.approx(weight.estimate + found.reach * weight.standard_error)
    alone = factor_weights(differences[:, :1], said, prompts=prompts)
    assert alone.reach == pytest.approx(student_t_quantile(0.975, alone.prompts - 1), abs=0.05)


SETS = 150
NOISE = 3.5 * sqrt(0.05 * 0.95 / SETS)


# `python benchmarks/coverage.py factor_weights` draws 5,000 of each world and holds each to 94-96 %
@pytest.mark.parametrize("world", [WORLDS[0], WORLDS[1], WORLDS[5]], ids=lambda world: world.name)
def test_planted_weights_are_covered_and_none_is_flagged_beyond_chance(world: World) -> None:
    lines = list(weights_of(world, np.random.default_rng([7, len(world.name)]), SETS, 80))
    for line in lines:
        assert line.coverage >= 0.95 - NOISE, line.told
        assert line.unknown == 0
        if line.truth == 0:
            assert line.flagged <= 0.05 + NOISE, line.told
    both = [line.flagged for line in lines if line.truth == 0 and line.factor in WEIGHTS]
    assert np.mean(both) <= 0.05 + NOISE / sqrt(2)
    assert 0.935 <= np.mean([line.coverage for line in lines]) <= 0.98, (
        "with one pair a prompt they are a little too wide"
    )


def test_what_is_not_measured_is_taken_for_what_goes_with_it() -> None:
    world = next(world for world in WORLDS if "hidden" in world.name)
    lines = {line.factor: line for line in weights_of(world, np.random.default_rng(1), 60, 100)}
    assert lines["length"].mean > WEIGHTS["length"] + 0.3 and lines["length"].coverage < 0.5


def test_held_out_pairs_are_predicted_as_well_as_they_can_be() -> None:
    rng = np.random.default_rng(0)
    differences, prompts = rng.standard_normal((900, 3)), np.arange(900) // 3
    sure = held_out(differences, np.sign(differences[:, 0]), prompts=prompts)
    assert sure.accuracy.estimate == pytest.approx(1.0, abs=0.01) and (sure.log_loss.estimate or 1) < 0.05
    coin = held_out(differences, rng.choice([1.0, -1.0], 900), prompts=prompts, level=0.99)
    assert coin.accuracy.low is not None and coin.accuracy.high is not None
    assert coin.accuracy.low < 0.5 < coin.accuracy.high
    assert coin.log_loss.estimate == pytest.approx(log(2), abs=0.02)
    even = held_out(np.zeros((40, 1)), [1, -1] * 20, prompts=np.arange(40) // 2)
    assert even.accuracy.estimate == 0.5 and even.log_loss.estimate == pytest.approx(log(2))
    assert held_out([[1.0]], [1], prompts=[1]).accuracy.reason


def test_prompts_are_held_out_as_wholes() -> None:
    # a factor that names each prompt's winner tells nothing of another prompt's
    rng = np.random.default_rng(3)
    own = np.repeat(rng.choice([1.0, -1.0], 60), 8)
    differences = np.zeros((480, 60))
    differences[np.arange(480), np.arange(480) // 8] = 1.0
    whole = held_out(differences, own, prompts=np.arange(480) // 8)
    split = held_out(differences, own, prompts=np.arange(480))
    assert whole.accuracy.estimate == 0.5 and split.accuracy.estimate == 1.0


def test_neither_order_nor_name_of_a_response_changes_what_is_held_out() -> None:
    differences, said, prompts, shown = planted(8)
    order, sign = np.random.default_rng(1).permutation(240), np.random.default_rng(2).choice([1.0, -1.0], 240)
    one = held_out(differences, said, prompts=prompts, shown=shown)
    other = held_out(
        (differences * sign[:, None])[order], (said * sign)[order], prompts=prompts[order], shown=(shown * sign)[order]
    )
    assert one.accuracy.estimate == pytest.approx(other.accuracy.estimate)
    assert one.log_loss.estimate == pytest.approx(other.log_loss.estimate, rel=1e-6)


def test_signs_of_factors_that_go_together_are_not_stable() -> None:
    rng = np.random.default_rng(4)
    length = rng.standard_normal(400)
    differences = np.column_stack([length, length + 0.02 * rng.standard_normal(400), rng.standard_normal(400)])
    said = np.sign(1.0 * length + 0.8 * differences[:, 2] + rng.logistic(size=400))
    stable = sign_stability(
        differences, said, prompts=np.arange(400) // 2, names=["length", "twin", "facts"], resamples=60
    )
    by = {row.name: row.same_sign for row in stable}
    assert by["facts"] == 1.0
    assert (by["length"] or 1) < 0.95 and (by["twin"] or 1) < 0.95
    assert sign_stability([[1.0]], [1], prompts=[1])[0].same_sign is None


def test_shares_by_hand_and_their_sum() -> None:
    differences, said, prompts, _ = planted(5)
    r2 = {
        kept: factor_weights(differences[:, list(kept)], said, prompts=prompts, draws=0).mcfadden or 0.0
        for kept in [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]
    }
    found = factor_shares(differences, said, prompts=prompts)
    whole = r2[0, 1, 2]
    first = (2 * r2[0,] + (r2[0, 1] - r2[1,]) + (r2[0, 2] - r2[2,]) + 2 * (whole - r2[1, 2])) / 6
    assert found.shares[0].estimate == pytest.approx(first, abs=1e-8)
    assert found.total.estimate == pytest.approx(whole, abs=1e-8)
    assert sum(share.estimate or 0 for share in found.shares) == pytest.approx(whole, abs=1e-8)
    assert all(share.standard_error is not None and share.standard_error > 0 for share in found.shares)


def test_factors_that_say_the_same_share_alike() -> None:
    differences, said, prompts, _ = planted(5)
    twins = factor_shares(np.column_stack([differences, differences[:, 0]]), said, prompts=prompts, blocks=0)
    alone = factor_shares(differences, said, prompts=prompts, blocks=0)
    assert twins.shares[0].estimate == pytest.approx(twins.shares[3].estimate, abs=1e-7)
    assert twins.total.estimate == pytest.approx(alone.total.estimate, abs=1e-7)
    assert twins.shares[0].reason and twins.shares[0].low is None


def test_the_jackknife_finds_how_much_shares_differ_from_sample_to_sample() -> None:
    found = [factor_shares(*planted(seed, n=200, k=2)[:2], prompts=np.arange(200)) for seed in range(30)]
    shares = [one.shares[0].estimate for one in found]
    errors = [one.shares[0].standard_error for one in found]
    assert np.mean(errors) == pytest.approx(np.std(shares, ddof=1), rel=0.4)  # type: ignore[arg-type]


def board(seed: int, n: int = 3000) -> tuple[Floats, Floats, Floats, list[tuple[str, str]], NDArray[np.int64]]:
    """Styles of both responses, preferences, models and prompts; the best model also writes longest."""
    rng = np.random.default_rng(seed)
    names = np.array(["m1", "m2", "m3", "m4"])
    pairs = np.array([rng.permutation(4)[:2] for _ in range(n)])
    style = rng.poisson(np.array([20, 40, 60, 80])[pairs]).astype(float)
    z = (style[:, 0] - style[:, 1]) / (style.sum(axis=1) + 1)
    rating = np.array([-0.3, -0.1, 0.1, 0.3])
    odds = ALPHA * (rating[pairs[:, 0]] - rating[pairs[:, 1]]) + 0.5 * (z - z.mean()) / z.std()
    said = np.sign(odds + rng.logistic(size=n))
    return style[:, :1], style[:, 1:], said, [(str(a), str(b)) for a, b in names[pairs]], rng.integers(0, n // 10, n)


def test_style_is_told_apart_from_who_writes_so() -> None:
    first, second, said, models, prompts = board(0)
    found = style_control(first, second, said, models=models, prompts=prompts, names=["length"], resamples=60)
    assert found.models == ("m1", "m2", "m3", "m4")
    weight = found.weights[0]
    assert weight.low is not None and weight.high is not None and weight.low < 0.5 < weight.high
    ratings = [rating.estimate for rating in found.ratings]
    assert ratings == pytest.approx([-0.3, -0.1, 0.1, 0.3], abs=0.15)
    bare = [rating.estimate or 0 for rating in found.without_style]
    assert bare[3] > (ratings[3] or 0) + 0.05, "without styles the longest writer is rated higher than it is"
    assert sum(bare) == pytest.approx(0, abs=1e-9)
    z = (first - second) / (first + second + 1)
    alone = factor_weights((z - z.mean()) / z.std(), said, prompts=prompts, scale=[1.0], draws=0).weights[0].weight
    assert (alone.low or 0) > 0.6, "without models the style takes on what they are worth"


def test_style_control_is_where_the_penalised_slope_is_0() -> None:
    first, second, said, models, prompts = board(1, n=400)
    said[::5] = 0.0
    found = style_control(first, second, said, models=models, prompts=prompts, resamples=2)
    z = (first - second)[:, 0] / ((first + second)[:, 0] + 1)
    z = (z - z.mean()) / z.std()
    rating = {name: row.estimate or 0.0 for name, row in zip(found.models, found.ratings, strict=True)}
    weight = found.weights[0].estimate or 0.0
    odds = ALPHA * np.array([rating[a] - rating[b] for a, b in models]) + weight * z
    rest = (said + 1) / 2 - 1 / (1 + np.exp(-odds))
    assert float(rest @ z) == pytest.approx(RIDGE * weight, abs=1e-5)
    own = sum(r * ((a == "m1") - (b == "m1")) for r, (a, b) in zip(rest, models, strict=True))
    assert ALPHA * own == pytest.approx(RIDGE * rating["m1"], abs=1e-5)
    assert (found.pairs, found.pairs_left_out) == (400, 0)
    dropped = style_control(first, second, said, models=models, prompts=prompts, resamples=2, ties="left out")
    assert (dropped.pairs, dropped.pairs_left_out) == (320, 80)


def test_models_that_nothing_links_are_not_rated_against_each_other() -> None:
    first, second = np.array([[3.0], [1], [4], [1], [5], [9]]), np.array([[2.0], [6], [5], [3], [5], [8]])
    models = [("a", "b"), ("b", "a"), ("a", "b"), ("c", "d"), ("d", "c"), ("c", "d")]
    found = style_control(first, second, [1, -1, 1, -1, 1, 1], models=models, prompts=range(6), resamples=5)
    assert [row.reason for row in found.ratings] == [NOT_LINKED] * 4
    assert found.weights[0].estimate is not None
    linked = [*models[:5], ("b", "c")]
    assert (
        style_control(first, second, [1, -1, 1, -1, 1, 1], models=linked, prompts=range(6), resamples=5).ratings[0].low
    )
    one = style_control(first, second, [1, -1, 1, -1, 1, 1], models=models, prompts=["p"] * 6, resamples=5)
    assert one.weights[0].estimate is None and one.weights[0].reason


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: factor_weights([1, 2], [1, 1], prompts=[1, 2]), "n_pairs, n_factors"),
        (lambda: factor_weights([[1.0]], [2], prompts=[1]), "others than 1"),
        (lambda: factor_weights([[np.inf]], [1], prompts=[1]), "infinite"),
        (lambda: factor_weights([[1.0]], [1], prompts=[1], shown=[2]), "shown"),
        (lambda: factor_weights([[1.0]], [1], prompts=[1], names=["x", "y"]), "one a factor"),
        (lambda: factor_weights([[1.0]], [1], prompts=[1], ties="lost"), "ties"),  # type: ignore[arg-type]
        (lambda: factor_weights([[1.0]], [1], prompts=[1], errors="CR9"), "errors"),  # type: ignore[arg-type]
        (lambda: factor_weights([[1.0]], [1], prompts=[1], scale=[0.0]), "scale"),
        (lambda: factor_weights([[1.0]], [1], prompts=[1], scale="iqr"), "scale"),  # type: ignore[arg-type]
        (lambda: factor_weights([[1.0]], [1], prompts=[1], level=1), "level"),
        (lambda: factor_weights([[1.0]], [1], prompts=[1], shown=[1], position_by=["y"]), "position_by"),
        (lambda: factor_weights([[1.0]], [1], prompts=[1], position_by=["factor 1"]), "shown"),
        (lambda: held_out([[1.0]], [1], prompts=[1], folds=1), "folds"),
        (lambda: sign_stability([[1.0]], [1], prompts=[1], resamples=0), "resamples"),
        (lambda: factor_shares(np.ones((2, 9)), [1, 1], prompts=[1, 2]), "there may be 8"),
        (lambda: factor_shares([[1.0]], [1], prompts=[1], blocks=1), "blocks"),
        (lambda: style_control([[1.0]], [[1.0]], [1], models=[], prompts=[1]), "models"),
        (lambda: style_control([[1.0]], [[1.0]], [1], models=[("a", "b")], prompts=[1], ridge=0), "ridge"),
    ],
)
def test_what_is_no_set_of_pairs_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


class Recorded:
    """One file of recorded factor values."""

    def __init__(self, data: Path, name: str) -> None:
        with gzip.open(data / "profile" / "pairs" / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as packed:
            table = list(csv.DictReader(packed))
        self.names = [key.removeprefix("a:") for key in table[0] if key.startswith("a:")]
        self.raters = [key.removeprefix("pref:") for key in table[0] if key.startswith("pref:")]
        sides = [[[float(row[f"{side}:{name}"] or "nan") for name in self.names] for row in table] for side in "ab"]
        self.first, self.second = np.array(sides[0]), np.array(sides[1])
        self.said = {rater: np.array([float(row[f"pref:{rater}"] or "nan") for row in table]) for rater in self.raters}
        self.prompts = [row["cluster"] for row in table]

    def weights(self, rater: str, **more: Any) -> FactorWeights:
        """The weights of all factors."""
        return factor_weights(
            self.first - self.second, self.said[rater], prompts=self.prompts, names=self.names, draws=0, **more
        )


# specs/profile.md 5.1, 6.5 and 6.9 print these; the logit is over decisive pairs, its unit and the inflation over all
@pytest.mark.shared
@pytest.mark.parametrize("errors", ["CR1", "CR2"])
@pytest.mark.parametrize(("rater", "printed"), [("human", ("-1.28", "0.22")), ("gpt-4 (pair)", ("-1.86", "0.37"))])
def test_recorded_weights_of_redundancy(shared_data: Path, rater: str, printed: tuple[str, str], errors: Any) -> None:
    found = {row.name: row.weight for row in Recorded(shared_data, "mtbench").weights(rater, errors=errors).weights}
    redundancy, sentences = found["redundancy"], found["n_sents"]
    assert (f"{redundancy.estimate:.2f}", f"{redundancy.standard_error:.2f}") == printed
    assert (sentences.estimate or 0) < 0, "the sign turns: its tau is .41"


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "factor", "printed"),
    [("summeval", "length", "7.5"), ("summeval", "novel_bigrams", "6.4"), ("pandalm", "n_sents", "10.0")],
)
def test_recorded_inflation_of_factors_that_go_together(
    shared_data: Path, name: str, factor: str, printed: str
) -> None:
    given_ = Recorded(shared_data, name)
    found = {row.name: row.vif for row in given_.weights(given_.raters[0]).weights}
    assert f"{found[factor]:.1f}" == printed


@pytest.mark.shared
def test_recorded_shares_of_the_factors_that_count_by_themselves(shared_data: Path) -> None:
    given_ = Recorded(shared_data, "mtbench")
    targets = json.loads((shared_data / "profile" / "targets.json").read_text(encoding="utf-8"))
    tau = targets["mtbench"]["raters"]["human"]["tau14"]
    kept = [place for place, name in enumerate(given_.names) if abs(tau[name]) > 0.1]
    found = factor_shares(
        (given_.first - given_.second)[:, kept],
        given_.said["human"],
        prompts=given_.prompts,
        names=[given_.names[place] for place in kept],
        blocks=0,
    )
    shares = {name: f"{share.estimate:.3f}" for name, share in zip(found.names, found.shares, strict=True)}
    assert f"{found.total.estimate:.3f}" == "0.195"
    assert (shares["novel_words"], shares["prompt_overlap"], shares["length"]) == ("0.088", "0.078", "0.020")


@pytest.mark.shared
@pytest.mark.parametrize("styles", [["length"], ["length", "list_items"], ["length", "redundancy", "list_items"]])
def test_gpt_4_gives_more_for_length_than_people_do_whoever_wrote_it(shared_data: Path, styles: list[str]) -> None:
    given_, folder = Recorded(shared_data, "mtbench"), shared_data / "profile" / "mtbench"
    keys = [
        [(row["question_id"], row["turn"], *sorted((row["model_a"], row["model_b"]))) for row in rows(folder / name)]
        for name in ("human.jsonl", "gpt4_pair.jsonl")
    ]
    judged = set(keys[1])
    models = [(key[2], key[3]) for key in dict.fromkeys(keys[0]) if key in judged]
    places = [given_.names.index(name) for name in styles]
    people, judge = (
        style_control(
            given_.first[:, places],
            given_.second[:, places],
            given_.said[rater],
            models=models,
            prompts=given_.prompts,
            ties="left out",
            resamples=20,
        ).weights[0]
        for rater in given_.raters
    )
    assert people.low is not None and judge.low is not None and people.high is not None
    assert people.low > 0 and judge.low > people.high

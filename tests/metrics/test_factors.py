"""Is the influence of a factor what its definition says, and its error that of prompts?"""

from __future__ import annotations

import csv
import gzip
import json
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from plurijudge.metrics.factor_cells import VARIANTS, Variant
from plurijudge.metrics.factor_differences import paired_differences
from plurijudge.metrics.factors import (
    factor_influence,
    length_manifestations,
    manifestations,
    strength,
    tie_sensitivity,
)
from plurijudge.metrics.overlap import matched
from plurijudge.metrics.prompt_sums import resampled

Floats = NDArray[np.float64]

#        C  C  D   T_f T_f T_p T_pf and two that do not count
PREFERRED = [1, -1, 1, 1, -1, 0, 0, np.nan, 1]
SIGNS = [1, -1, -1, 0, 0, 1, 0, 1, np.nan]
PROMPTS = ["x", "x", "y", "y", "z", "z", "z", "w", "w"]

codes = st.sampled_from([-1.0, 0.0, 1.0, np.nan])
worlds = st.lists(st.tuples(codes, codes, codes, st.integers(0, 4)), min_size=1, max_size=25)


def world(rows: list[tuple[float, float, float, int]]) -> tuple[Floats, Floats, list[int]]:
    """Preferences, the signs of two factors, prompts."""
    return np.array([row[0] for row in rows]), np.array([row[1:3] for row in rows]), [row[3] for row in rows]


def only(variant: Variant = "tau14", **more: Any) -> Any:
    """The influence in the pairs above."""
    [found] = factor_influence(PREFERRED, np.array(SIGNS)[:, None], PROMPTS, variant=variant, **more)
    return found


@pytest.mark.parametrize(
    ("variant", "value"),
    [
        ("tau14", 1 / 5),
        ("tau13", 1 / 3),
        ("tau10", -1 / 5),
        ("tau_a", 1 / 7),
        ("tau_b", 1 / sqrt(5 * 4)),
        ("acc_eq", 3 / 7),
    ],
)
def test_each_variant_by_hand(variant: Variant, value: float) -> None:
    found = only(variant)
    assert found.pooled.estimate == pytest.approx(value)
    assert found.cells == (2, 1, 2, 1, 1)
    assert found.pairs_left_out == 2


def test_the_error_of_tau14_by_hand() -> None:
    found = only(resamples=0)
    sums = np.array([2 - 2 * 0.2, -1 - 2 * 0.2, 0 - 0.2])  # of x, y, z over the five pairs with a preference
    error = sqrt(3 / 2 * float(sums @ sums)) / 5
    assert found.pooled.standard_error == pytest.approx(error)
    assert (found.pooled.n, found.pooled.left_out, found.pairs) == (3, 1, 5)
    assert (found.pooled.low, found.pooled.high) == (-1, 1)  # it would reach further than an influence can
    half = only(resamples=0, level=0.5).pooled
    assert half.high - half.low == pytest.approx(2 * 0.816496580927726 * error)
    assert found.macro.estimate == pytest.approx((1 - 1 / 2 + 0) / 3)
    assert found.bootstrap.low is None and found.bootstrap.reason == "no resamples were asked for"


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_error_is_that_of_leaving_prompts_out(variant: Variant) -> None:
    rng = np.random.default_rng(5)
    preferences, place = rng.choice([-1.0, 0.0, 1.0], size=4000), np.repeat(np.arange(500), 8)
    signs = np.where(rng.random(4000) < 0.6, preferences, rng.choice([-1.0, 0.0, 1.0], size=4000))[:, None]
    [found] = factor_influence(preferences, signs, place, variant=variant, resamples=0)
    left = [
        factor_influence(preferences[keep], signs[keep], place[keep], variant=variant, resamples=0)[0].pooled.estimate
        for keep in (place != number for number in range(0, 500, 5))
    ]
    jackknife = np.std(np.array(left, dtype=float)) * 500 / sqrt(500)
    assert found.pooled.standard_error == pytest.approx(jackknife, rel=0.25)


def test_tau_b_is_scipys_where_the_pairs_enumerate_one_list_of_scores() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(2)
    for _ in range(30):
        x, y = rng.integers(0, 5, size=(2, 9))
        first, second = np.triu_indices(9, 1)
        preferences, signs = np.sign(x[first] - x[second]), np.sign(y[first] - y[second])[:, None]
        [found] = factor_influence(preferences, signs, np.zeros(len(first)), variant="tau_b", resamples=0)
        assert found.pooled.estimate == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-12)


@given(worlds)
def test_tau14_is_strength_and_tau13_is_twice_the_accuracy_less_one(rows: list[tuple[float, ...]]) -> None:
    preferences, signs, prompts = world(rows)  # type: ignore[arg-type]
    tau14, tau13 = (factor_influence(preferences, signs, prompts, variant=v, resamples=0) for v in ("tau14", "tau13"))
    for one, other, value in zip(tau14, tau13, strength(preferences, signs), strict=True):
        assert one.pooled.estimate == (None if np.isnan(value) else pytest.approx(value))
        cells, apart = one.cells, one.cells.concordant + one.cells.discordant
        assert other.pooled.estimate == (pytest.approx(2 * cells.concordant / apart - 1) if apart else None)


@given(worlds, st.sampled_from(VARIANTS))
def test_names_of_responses_and_the_order_of_pairs_do_not_matter(rows: list[Any], variant: Variant) -> None:
    preferences, signs, prompts = world(rows)
    before = factor_influence(preferences, signs, prompts, variant=variant, resamples=50)
    turn = np.where(np.arange(len(rows)) % 2, -1.0, 1.0)
    after = factor_influence(
        (preferences * turn)[::-1], (signs * turn[:, None])[::-1], prompts[::-1], variant=variant, resamples=50
    )
    for one, other in zip(before, after, strict=True):
        assert one.cells == other.cells and one.pooled.reason == other.pooled.reason
        for name in ("pooled", "bootstrap", "macro"):
            for part in ("estimate", "standard_error", "low", "high"):
                a, b = (getattr(getattr(which, name), part) for which in (one, other))
                assert a == b or a == pytest.approx(b, abs=1e-9)


@given(worlds, st.sampled_from(["tau14", "tau13", "tau10", "tau_a", "tau_b"]))
def test_less_of_a_factor_is_the_same_turned_round(rows: list[Any], variant: Variant) -> None:
    preferences, signs, prompts = world(rows)
    pair = factor_influence(preferences, np.column_stack([signs[:, 0], -signs[:, 0]]), prompts, variant=variant)
    more, less = (one.pooled.estimate for one in pair)
    if variant == "tau10":  # it counts what is alike against the factor, whichever way the factor is counted
        ties = pair[0].cells.factor_ties / max(1, sum(pair[0].cells[:3]))
        assert (more is None and less is None) or more + ties == pytest.approx(-(less + ties))  # type: ignore[operator]
    else:
        assert less == (None if more is None else pytest.approx(-more))


def test_what_never_differs_has_no_error_and_says_so() -> None:
    found = factor_influence([1, 1, -1, np.nan], [[0, np.nan]] * 4, [1, 2, 3, 4])
    flat, unknown = (one.pooled for one in found)
    assert (flat.estimate, flat.standard_error, flat.reason) == (0.0, None, "all prompts are alike")
    assert (unknown.estimate, unknown.n, unknown.reason) == (None, 0, "no pair counts")
    assert [one.p_value for one in found] == [one.q_value for one in found] == [None, None]
    [alone] = factor_influence([1, -1], [[1], [1]], ["x", "x"])
    assert alone.pooled.low is None and "one prompt" in alone.pooled.reason
    assert factor_influence([], np.empty((0, 1)), [])[0].pooled.estimate is None


def test_tests_are_corrected_for_their_number() -> None:
    rng = np.random.default_rng(0)
    preferences = rng.choice([-1.0, 1.0], size=400)
    noise = rng.choice([-1.0, 1.0], size=(400, 9))
    signs = np.column_stack([np.where(rng.random(400) < 0.6, preferences, -preferences), noise])
    found = factor_influence(preferences, signs, np.arange(400), resamples=0)
    first = found[0]
    assert first.p_value is not None and first.q_value is not None and first.p_holm is not None
    assert first.p_value < first.q_value <= first.p_holm == pytest.approx(10 * first.p_value)
    assert all(one.q_value is not None and one.q_value > 0.05 for one in found[1:])


def test_a_weight_of_two_is_a_pair_twice() -> None:
    once = factor_influence(PREFERRED, np.array(SIGNS)[:, None], PROMPTS, weights=[2, 1, 1, 0, 1, 1, 1, 1, 1])[0]
    keep = [0, 0, 1, 2, 4, 5, 6, 7, 8]
    twice = factor_influence(
        np.array(PREFERRED)[keep], np.array(SIGNS)[keep, None], [PROMPTS[number] for number in keep]
    )[0]
    assert once.pooled.estimate == twice.pooled.estimate
    assert once.pooled.standard_error == twice.pooled.standard_error
    assert sum(once.cells) == 7


def test_a_planted_influence_lies_in_the_interval_in_19_of_20_worlds() -> None:
    rng, held, drawn = np.random.default_rng(11), [], []
    for _ in range(400):
        own = rng.beta(6, 4, size=40).repeat(6)  # prompts differ: six pairs of one are not six of six
        signs = rng.choice([-1.0, 0.0, 1.0], p=[0.4, 0.2, 0.4], size=240)
        preferences = np.where(signs == 0, 1.0, np.where(rng.random(240) < own, signs, -signs))
        [found] = factor_influence(preferences, signs[:, None], np.arange(40).repeat(6), resamples=200)
        truth = 0.8 * (2 * 0.6 - 1)
        held.append(found.pooled.low <= truth <= found.pooled.high)  # type: ignore[operator]
        drawn.append(found.bootstrap.low <= truth <= found.bootstrap.high)  # type: ignore[operator]
    assert 0.92 <= np.mean(held) <= 0.98 and 0.90 <= np.mean(drawn) <= 0.98


def test_resamples_draw_prompts_and_not_pairs() -> None:
    sums = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
    drawn = resampled(sums, 3000, 7)
    np.testing.assert_allclose(drawn[:, 1], 10 * drawn[:, 0])
    assert drawn[:, 0].mean() == pytest.approx(7, abs=0.15) and drawn[:, 0].min() == 3 and drawn[:, 0].max() == 12
    assert drawn[:, 0].var() == pytest.approx(3 * sums[:, 0].var(), rel=0.1)


def test_rounding_is_no_difference_and_tolerance_is_one_a_factor() -> None:
    first, second = [[0.1 + 0.2, 5.0], [3.0, 1.0]], [[0.3, 4.0], [1.0, 3.0]]
    assert manifestations(first, second).tolist() == [[0, 1], [1, -1]]
    assert manifestations(first, second, tolerance=[2, 1]).tolist() == [[0, 0], [0, -1]]


def test_the_published_rule_of_length_by_hand() -> None:
    first = [14, 15, 80, 81, 360, 365, 10, np.nan]
    second = [24, 24, 100, 100, 400, 400, 11, 3]
    np.testing.assert_array_equal(length_manifestations(first, second), [-1, 0, -1, 0, -1, 0, 0, np.nan])


def test_a_wider_tie_shrinks_tau14_and_turns_tau10() -> None:
    rng = np.random.default_rng(4)
    first, second = rng.integers(50, 150, size=(2, 500, 1)).astype(float)
    preferences = np.where(rng.random(500) < 0.7, np.sign(first - second)[:, 0], np.sign(second - first)[:, 0])
    tolerances = [0.0, 0.1, 0.3]
    tau14, alike = tie_sensitivity(preferences, first, second, tolerances, relative=True)
    tau10, _ = tie_sensitivity(preferences, first, second, tolerances, variant="tau10", relative=True)
    assert tau14[:, 0].tolist() == sorted(tau14[:, 0], reverse=True) and alike[:, 0].tolist() == sorted(alike[:, 0])
    assert tau10[0, 0] > 0 > tau10[2, 0]


def test_people_are_weighed_onto_the_ground_of_what_was_generated() -> None:
    rng = np.random.default_rng(6)
    people, written = rng.uniform(0, 1, size=(3000, 1)), rng.uniform(0.5, 1.5, size=(2000, 1))
    found = matched(people, written, bins=8)
    assert found.covered == pytest.approx(0.5, abs=0.05) and found.target_covered == pytest.approx(0.5, abs=0.05)
    assert float(found.weights @ people[:, 0]) / found.weights.sum() == pytest.approx(0.75, abs=0.03)
    assert found.weights.sum() == pytest.approx(found.covered * 3000)
    apart = matched([[0.0], [np.nan]], [[5.0]])
    assert (apart.covered, apart.target_covered, apart.effective) == (0, 0, 0)


def test_a_paired_difference_by_hand() -> None:
    people, judge = [1, -1, 1, 1, 0, 1], [1, 1, -1, 0, 1, 1]
    [found] = paired_differences(people, judge, [[1], [1], [1], [1], [1], [0]], ["x", "x", "y", "y", "z", "z"])
    x = [0, 2, -2, 0]  # of the pairs that both decided
    assert found.pairs == 4 and found.difference.estimate == pytest.approx(np.mean(x))
    assert found.difference.standard_error == pytest.approx(sqrt(3 / 2 * (2**2 + 2**2 + 0)) / 4)
    assert found.conclusion == "not shown"


@settings(max_examples=30)
@given(worlds)
def test_a_judge_that_says_what_people_say_does_not_differ(rows: list[Any]) -> None:
    preferences, signs, prompts = world(rows)
    for found in paired_differences(preferences, preferences, signs, prompts):
        assert found.difference.estimate in (0, None) and found.q_value is None
        assert found.conclusion in ("unknown", "not shown")  # so few pairs prove nothing


@pytest.mark.parametrize(("noise", "said"), [(0.0, "aligned"), (0.01, "differs within the margin"), (0.3, "differs")])
def test_alignment_is_a_matter_of_proof(noise: float, said: str) -> None:
    rng = np.random.default_rng(8)
    signs = rng.choice([-1.0, 1.0], size=(6000, 1))
    people = np.where(rng.random(6000) < 0.8, signs[:, 0], -signs[:, 0])
    judge = np.where(rng.random(6000) < noise, -people, people)
    assert paired_differences(people, judge, signs, np.arange(6000))[0].conclusion == said


@pytest.mark.parametrize(
    ("preferences", "signs", "more", "said"),
    [
        ([2], [[1]], {}, "`preferences` holds numbers other than"),
        ([1], [[0.5]], {}, "`manifested` holds numbers other than"),
        ([1, 1], [[1]], {}, r"needed are \(n_pairs,\)"),
        ([1], [[1]], {"variant": "tau"}, "one of tau14"),
        ([1], [[1]], {"resamples": 1}, "2 or more, or 0"),
        ([1], [[1]], {"level": 1.0}, "0 < level < 1"),
        ([1], [[1]], {"weights": [-1]}, "0 or more"),
    ],
)
def test_bad_input_is_refused_with_what_is_needed(
    preferences: list[float], signs: list[list[float]], more: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        factor_influence(preferences, signs, ["x"] * len(preferences), **more)


@pytest.mark.shared
def test_the_recorded_influences_of_mtbench_come_out_again(shared_data: Path) -> None:
    target = json.loads((shared_data / "profile" / "targets.json").read_text())["mtbench"]["raters"]
    with gzip.open(shared_data / "profile" / "pairs" / "mtbench.csv.gz", "rt", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    factors = [column[2:] for column in rows[0] if column.startswith("a:")]
    first, second = (np.array([[float(row[f"{side}:{name}"]) for name in factors] for row in rows]) for side in "ab")
    for rater, figures in target.items():
        preferences = [float(row[f"pref:{rater}"]) for row in rows]
        found = factor_influence(preferences, manifestations(first, second), [row["cluster"] for row in rows])
        for name, one in zip(factors, found, strict=True):
            assert one.pooled.estimate == pytest.approx(figures["tau14"][name], abs=2e-4)
            assert one.pooled.standard_error == pytest.approx(figures["se"][name], abs=2e-4)

"""Does alignment see noise, sign flips and proxies, and is nothing called aligned that was not shown to be?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from plurijudge.metrics.alignment import (
    MEASURES,
    Alignment,
    alignment,
    insensitivity,
    insensitivity_note,
    verdict,
)
from plurijudge.metrics.factor_differences import paired_differences
from plurijudge.metrics.factors import factor_influence
from plurijudge.metrics.proxies import proxy_groups
from plurijudge.metrics.rank_correlation import kendall, pearson, spearman

Floats = NDArray[np.float64]

rows = st.lists(st.floats(-1, 1).map(lambda x: round(x, 1)), min_size=2, max_size=8)


def signs_of(rng: np.random.Generator, pairs: int, factors: int) -> Floats:
    return rng.choice([-1.0, 0.0, 1.0], p=[0.4, 0.2, 0.4], size=(pairs, factors))


def preferences_of(rng: np.random.Generator, signs: Floats, weights: list[float]) -> Floats:
    """Of one who weighs the factors so."""
    return np.where(rng.random(len(signs)) < 1 / (1 + np.exp(-signs @ np.array(weights))), 1.0, -1.0)


def world(seed: int = 0, pairs: int = 1500, judge: tuple[float, ...] = (0.8, 0.5, -0.4, 0.2, 0.0)) -> tuple[Any, ...]:
    """People, a judge, signs and prompts of five pairs each."""
    rng = np.random.default_rng(seed)
    signs = signs_of(rng, pairs, 5)
    people = preferences_of(rng, signs, [0.8, 0.5, -0.4, 0.2, 0.0])
    return people, preferences_of(rng, signs, [*judge]), signs, np.arange(pairs) // 5


def numbers(found: Alignment, kind: str = "each") -> dict[str, float]:
    return {name: getattr(getattr(found, kind), name).estimate for name in MEASURES}


@settings(max_examples=40, deadline=None)  # the first example imports scipy
@given(rows.flatmap(lambda x: st.tuples(st.just(x), st.permutations(x))))
def test_correlations_are_scipys(pair: tuple[list[float], list[float]]) -> None:
    stats = pytest.importorskip("scipy.stats")
    x, y = pair
    for ours, theirs in ((pearson, stats.pearsonr), (spearman, stats.spearmanr), (kendall, stats.kendalltau)):
        if len(set(x)) == 1:
            assert np.isnan(ours(x, y))
        else:
            assert float(ours(x, y)) == pytest.approx(theirs(x, y).statistic, abs=1e-9)


def test_many_rows_are_as_one_after_another() -> None:
    x, y = np.random.default_rng(1).integers(0, 4, size=(2, 6, 7)).astype(float)
    for measure in (pearson, spearman, kendall):
        np.testing.assert_allclose(measure(x, y), [measure(a, b) for a, b in zip(x, y, strict=True)])
        np.testing.assert_allclose(measure(x[0], y), [measure(x[0], b) for b in y])


def test_the_measures_are_those_of_the_two_rows_of_influences() -> None:
    people, judge, signs, prompts = world()
    found = alignment(people, judge, signs, prompts, resamples=300)
    one, other = (
        np.array([line.pooled.estimate for line in factor_influence(side, signs, prompts, resamples=0)])
        for side in (people, judge)
    )
    told = numbers(found)
    assert told["pearson"] == pytest.approx(np.corrcoef(one, other)[0, 1])
    assert told["slope"] == pytest.approx(one @ other / (one @ one))
    assert told["rmse"] == pytest.approx(np.sqrt(np.mean((one - other) ** 2)))
    assert found.groups == (0, 1, 2, 3, 4) and numbers(found, "grouped") == pytest.approx(told)
    for measure in found.each:
        assert measure.low is not None and measure.high is not None and measure.low <= measure.high
        assert (measure.n, measure.left_out) == (300, 0)


def test_a_slope_covers_the_truth_and_people_are_their_own_ceiling() -> None:
    held = []
    for seed in range(40):
        people, _, signs, prompts = world(seed, pairs=800)
        turned = np.where(np.random.default_rng(seed).random(len(people)) < 0.2, -people, people)
        found = alignment(people, turned, signs, prompts, resamples=100, splits=10)
        assert found.each.slope.low is not None and found.each.slope.high is not None
        held.append(found.each.slope.low <= 0.6 <= found.each.slope.high)
        assert found.people.reliability is not None and 0.75 < found.people.reliability <= 1
        assert found.people.pearson is not None and found.people.pearson < found.people.reliability
        assert found.corrected is not None and found.each.pearson.estimate is not None
        assert found.corrected > found.grouped.pearson.estimate  # type: ignore[operator]
    assert 0.86 <= np.mean(held) <= 1


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 50))
def test_names_of_responses_and_ways_of_counting_do_not_move_slope_and_distance(seed: int) -> None:
    people, judge, signs, prompts = world(seed, pairs=200)
    rng = np.random.default_rng(seed)
    turn, way = rng.choice([-1.0, 1.0], size=len(people)), rng.choice([-1.0, 1.0], size=5)
    before = alignment(people, judge, signs, prompts, resamples=20, splits=5)
    named = alignment(people * turn, judge * turn, signs * turn[:, None], prompts, resamples=20, splits=5)
    counted = alignment(people, judge, signs * way, prompts, resamples=20, splits=5)
    assert numbers(named) == pytest.approx(numbers(before)) and named.groups == before.groups == counted.groups
    for name in ("slope", "rmse"):
        assert numbers(counted)[name] == pytest.approx(numbers(before)[name])


def with_proxies(rng: np.random.Generator, signs: Floats, number: int, copied: float) -> Floats:
    """Proxies of the first factor: each the same in some pairs, and drawn anew in the others."""
    same = rng.random((len(signs), number)) < copied
    return np.where(same, signs[:, :1], signs_of(rng, len(signs), number))


@pytest.mark.parametrize("copied", [0.75, 0.9, 1.0])
def test_more_proxies_of_what_both_follow_do_not_raise_the_alignment(copied: float) -> None:
    gains: dict[str, list[float]] = {"each": [], "grouped": []}
    for seed in range(12):
        people, judge, signs, prompts = world(seed, judge=(0.8, -0.5, 0.4, 0.2, 0.3))
        more = np.column_stack([signs, with_proxies(np.random.default_rng(seed), signs, 10, copied)])
        few, many = (alignment(people, judge, given_, prompts, resamples=2, splits=2) for given_ in (signs, more))
        assert many.groups == (0, 1, 2, 3, 4, *[0] * 10)
        for kind, gained in gains.items():
            gained.append(numbers(many, kind)["pearson"] - numbers(few, kind)["pearson"])
    assert np.mean(gains["each"]) > 0.1  # counted one by one they raise it
    assert np.abs(np.mean(gains["grouped"])) < (1e-9 if copied == 1 else 0.02)


def test_proxies_are_found_whichever_way_they_are_counted() -> None:
    rng = np.random.default_rng(3)
    signs = signs_of(rng, 2000, 3)
    proxies = with_proxies(rng, signs, 2, 0.9)
    given_ = np.column_stack([signs[:, 1], -proxies[:, 0], signs[:, 0], proxies[:, 1], np.zeros(2000)])
    groups, turns = proxy_groups(given_)
    assert groups.tolist() == [0, 1, 1, 1, 2] and turns.tolist() == [1, 1, -1, -1, 1]
    apart, _ = proxy_groups(given_, threshold=1.01)
    assert apart.tolist() == [0, 1, 2, 3, 4]


def test_aligned_is_said_only_of_what_was_shown_to_be() -> None:
    people, judge, signs, prompts = world(2, pairs=1500)
    assert alignment(people, judge, signs, prompts, resamples=2, splits=2).verdict == "not shown"
    assert alignment(people, judge, signs, prompts, margin=0.5, resamples=2, splits=2).verdict == "aligned"
    people, judge, signs, prompts = world(2, judge=(-0.8, 0.5, -0.4, 0.2, 0.0))
    found = alignment(people, judge, signs, prompts, resamples=2, splits=2)
    assert found.verdict == "differs" and found.differences[0].conclusion == "differs"
    assert verdict(paired_differences([1, 0], [0, 1], [[1], [1]], [1, 2])) == "unknown"


def test_a_judge_not_aligned_is_called_aligned_no_oftener_than_alpha() -> None:
    called = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        signs = rng.choice([-1.0, 1.0], size=(1500, 1))
        people = np.where(rng.random(1500) < 0.8, signs[:, 0], -signs[:, 0])
        judge = np.where(rng.random(1500) < 0.05 / 1.2, -people, people)  # exactly the margin less influence
        called += verdict(paired_differences(people, judge, signs, np.arange(1500))) == "aligned"
    assert called / 200 <= 0.09


def test_rank_correlation_hardly_sees_labels_turned_round_at_random() -> None:
    people, _, signs, _ = world(5, pairs=2500)
    found = {round(row.flips, 2): row for row in insensitivity(people, signs, corruptions=100)}
    assert found[0.2].spearman > 0.9 and found[0.2].corruptions == 100
    for flips, row in found.items():
        assert row.slope == pytest.approx(1 - 2 * flips, abs=0.03) == pytest.approx(row.slope_expected, abs=0.03)
    distances = [row.rmse for row in found.values()]
    assert distances == sorted(distances) and distances[-1] > 3 * distances[0]
    assert "Spearman is still" in insensitivity_note([*found.values()])
    assert "Spearman is 0." in insensitivity_note([found[0.45]]) and insensitivity_note([]) == ""
    [same] = insensitivity(people, signs, flips=[0.0], corruptions=3)
    assert same.spearman == pytest.approx(1) == same.slope and same.rmse == 0


def test_what_cannot_be_told_is_unknown_with_a_reason() -> None:
    people, judge, signs, prompts = world(1, pairs=40)
    two = alignment(people, judge, signs[:, :2], prompts, resamples=20, splits=2).each
    assert two.spearman.estimate is None and "fewer than three" in two.spearman.reason
    assert two.slope.estimate is not None
    alone = alignment(people, judge, signs, np.zeros(40), resamples=20, splits=2)
    assert alone.each.rmse.low is None and "one prompt" in alone.each.rmse.reason
    assert (alone.people.pearson, alone.corrected) == (None, None)
    flat = np.column_stack([signs, np.full(40, np.nan)])
    assert alignment(people, judge, flat, prompts, resamples=20, splits=2).each.rmse.left_out == 1
    none = alignment(people * 0, judge, signs, prompts, resamples=20, splits=2)
    assert none.each.slope.estimate is None and none.verdict == "unknown"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"resamples": 1}, "2 or more"),
        ({"margin": 0}, "margin > 0"),
        ({"proxy": 0}, "above 0"),
        ({"level": 2}, "level"),
    ],
)
def test_bad_options_are_refused_with_what_is_needed(more: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        alignment(*world(pairs=20), **more)
    with pytest.raises(ValueError, match="1 or more, and 0..1"):
        insensitivity([1], [[1]], flips=[1.5])

"""Is the share of variance that goes with a group what it is said to be, and is chance told from it?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from plurijudge.metrics.groups import eta_squared


def test_worked_out_by_hand() -> None:
    # means 2, 5, 8 of three each: between 3 * 18 = 54, within 3 * 2 = 6
    found = eta_squared([1, 2, 3, 4, 5, 6, 7, 8, 9], list("xxxyyyzzz"), permutations=0)
    assert found.share.estimate == pytest.approx(54 / 60)
    assert (found.share.n, found.share.left_out, found.null) == (9, 0, None)
    assert found.share.low is not None and found.share.high is not None
    assert found.share.low < 1 - (6 / 6) / (60 / 8) < found.share.high  # epsilon squared


def test_groups_of_the_same_mean_explain_nothing_and_groups_without_spread_all() -> None:
    assert eta_squared([1, 3, 1, 3], list("xxyy"), permutations=0).share.estimate == 0
    assert eta_squared([1, 1, 3, 3], list("xxyy"), permutations=0).share.estimate == 1


def test_who_has_no_value_is_left_out() -> None:
    whole = eta_squared([1, 2, 5, 6], list("xxyy"), permutations=50)
    gaps = eta_squared([1, 2, np.nan, 5, 6], list("xxzyy"), permutations=50)
    assert gaps.share.left_out == 1
    assert (gaps.share.estimate, gaps.null) == (whole.share.estimate, whole.null)


@pytest.mark.parametrize(
    ("values", "groups", "reason"),
    [
        ([], [], "fewer than two groups"),
        ([1, 2], ["x", "x"], "fewer than two groups"),
        ([1, 1, 1], ["x", "y", "y"], "all values are alike"),
        ([1, 2], ["x", "y"], "no more units than groups"),
    ],
)
def test_what_cannot_be_told_is_unknown(values: list[float], groups: list[str], reason: str) -> None:
    found = eta_squared(values, groups)
    assert found.share.estimate is None and reason in found.share.reason and found.null is None


@pytest.mark.parametrize(
    ("given_", "match"),
    [(([[1.0]], [["x"]]), "shape"), (([1.0], ["x", "y"]), "shape"), (([np.inf], ["x"]), "infinite")],
)
def test_what_is_no_measurement_is_refused(given_: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        eta_squared(*given_)


@given(
    st.lists(st.tuples(st.integers(-50, 50), st.sampled_from("xyz")), min_size=4, max_size=40),
    st.sampled_from([0.5, -3.0, 8.0]),
    st.sampled_from([0.0, 16.0, -64.0]),
    st.randoms(),
)
def test_units_names_and_order_do_not_matter(rows: list[tuple[int, str]], scale: float, shift: float, rng: Any) -> None:
    first = eta_squared([value for value, _ in rows], [group for _, group in rows], permutations=20)
    renamed = {"x": "one", "y": "two", "z": "three"}
    shuffled = [*rows]
    rng.shuffle(shuffled)
    other = eta_squared(
        [scale * value + shift for value, _ in shuffled], [renamed[group] for _, group in shuffled], permutations=0
    )
    if first.share.estimate is None:
        assert other.share.reason == first.share.reason
        return
    assert other.share.estimate == pytest.approx(first.share.estimate, abs=1e-9)
    assert 0 <= first.share.estimate <= 1 and first.null is not None and 0 < first.null.p_value <= 1


def test_where_groups_mean_nothing_the_null_says_so() -> None:
    """The mean of eta squared under the null is (k - 1) / (n - 1); its p-values are spread evenly."""
    nulls, groups = [], np.repeat(np.arange(5), 8)
    for seed in range(300):
        found = eta_squared(np.random.default_rng(seed).normal(size=40), groups, permutations=199, seed=seed)
        assert found.null is not None
        nulls.append(found.null)
    assert nulls[-1].mean == pytest.approx(4 / 39, rel=0.15)
    assert np.mean([null.p_value <= 0.05 for null in nulls]) == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 300))


@pytest.mark.thorough
@pytest.mark.parametrize(("share", "k", "size"), [(0.05, 8, 200), (0.25, 8, 60), (0.25, 21, 60), (0.6, 5, 60)])
def test_a_planted_share_is_covered_as_often_as_promised(share: float, k: int, size: int) -> None:
    spread = np.sqrt(share / (1 - share))
    place = np.arange(k) - (k - 1) / 2
    means = spread * place / place.std()
    groups, rng, hits = np.repeat(np.arange(k), size), np.random.default_rng(k), 0
    for _ in range(1000):
        found = eta_squared(rng.normal(size=k * size) + means[groups], groups, permutations=0).share
        assert found.low is not None and found.high is not None
        hits += found.low <= share <= found.high
    assert 0.93 <= hits / 1000 <= 0.97

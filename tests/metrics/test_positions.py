"""Are two positions as far apart as their means are, in the spread of those who hold them?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from plurijudge.metrics.positions import position_distances


def test_worked_out_by_hand() -> None:
    # differences of 1 and 2, pooled variances (1 + 3) / 2 = 2 and 4: squares .5 and 1, their mean .75
    found = position_distances([[0.0, 0.0], [1.0, 2.0]], [[1.0, 2.0], [3**0.5, 2.0]])
    assert found[0, 1] == found[1, 0] == pytest.approx(0.75**0.5)
    assert found[0, 0] == found[1, 1] == 0


def test_what_was_not_measured_of_both_does_not_count() -> None:
    found = position_distances([[0.0, 5.0], [1.0, np.nan], [np.nan, 5.0]], np.ones((3, 2)))
    assert found[0, 1] == 1 and found[0, 2] == 0 and np.isnan(found[1, 2])


def test_what_is_no_spread_is_refused() -> None:
    with pytest.raises(ValueError, match="0 or less"):
        position_distances([[0.0], [1.0]], [[1.0], [0.0]])
    with pytest.raises(ValueError, match="shape"):
        position_distances([0.0], [1.0])


@given(
    st.lists(st.lists(st.floats(-5, 5), min_size=3, max_size=3), min_size=2, max_size=5),
    st.floats(0.1, 10),
    st.floats(-3, 3),
    st.randoms(),
)
def test_units_and_order_do_not_matter(rows: list[list[float]], scale: float, shift: float, rng: Any) -> None:
    means, spread = np.array(rows), np.ones((len(rows), 3))
    found = position_distances(means, spread)
    assert np.allclose(found, position_distances(scale * means + shift, scale * spread))
    order = list(range(len(rows)))
    rng.shuffle(order)
    assert np.allclose(found[np.ix_(order, order)], position_distances(means[order], spread[order]))


def test_a_planted_distance_is_found() -> None:
    """Means of 400 people each, one standard deviation apart in each of six dimensions."""
    rng, found = np.random.default_rng(0), []
    for _ in range(200):
        one, other = rng.normal(0, 2, (400, 6)), rng.normal(2, 2, (400, 6))
        means, deviations = [one.mean(axis=0), other.mean(axis=0)], [one.std(axis=0), other.std(axis=0)]
        found.append(position_distances(means, deviations)[0, 1])
    assert np.mean(found) == pytest.approx(1, abs=0.02)

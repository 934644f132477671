"""Holm's correction by hand and as properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from plurijudge.metrics.multiplicity import holm, q_values

p_values = st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=12)


def test_by_hand() -> None:
    # 4 x .005, 3 x .01, 2 x .03, and .04, which may not be smaller than the one before
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == [] and holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([0.02, None, None]) == [pytest.approx(0.06), None, None]  # what could not be tested stays on the list


@given(p_values)
def test_it_is_no_smaller_than_p_and_than_a_false_discovery_rate_and_no_larger_than_bonferroni(
    given_p: list[float | None],
) -> None:
    for p, q, corrected in zip(given_p, q_values(given_p), holm(given_p), strict=True):
        assert (p is None) == (corrected is None)
        if p is not None and q is not None and corrected is not None:
            assert q - 1e-12 <= corrected <= min(1.0, p * len(given_p)) + 1e-12


def test_of_tests_without_an_effect_any_is_called_in_one_of_twenty_sets() -> None:
    p = np.random.default_rng(0).random((2000, 6))
    assert np.mean([min(q for q in holm(row.tolist()) if q is not None) <= 0.05 for row in p]) < 0.06


def test_a_p_value_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"outside 0\.\.1"):
        holm([1.2])

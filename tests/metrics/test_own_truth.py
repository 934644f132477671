"""SPR, LSPR and HSPP by hand and as properties."""

from __future__ import annotations

from math import nan

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from plurijudge.metrics.own_truth import own_truth

items = st.lists(
    st.tuples(*[st.sampled_from([0.0, 0.5, 1.0, nan])] * 2, *[st.sampled_from([0.0, 1.0, nan])] * 2),
    min_size=1,
    max_size=15,
)


def test_worked_out_by_hand() -> None:
    picks = np.array([[1, 1], [1, 0], [0, 0], [1, nan], [nan, nan], [0.5, 1]])
    own, other = [1, 0, 0, 1, 0, 0], [0, 1, 1, 1, 1, nan]
    found = own_truth(picks, own, other)
    assert found.spr.estimate == pytest.approx(5.5 / 9) and (found.spr.n, found.spr.left_out) == (5, 1)
    assert found.lspr.estimate == pytest.approx(2 / 3)  # picked own three times where one is right: twice rightly
    assert found.hspp.estimate == pytest.approx(1 / 4)
    assert (found.different, found.unchecked) == (3, 1)


def test_where_both_are_always_right_nothing_tells_a_harmful_choice() -> None:
    found = own_truth([1, 0, 1], [1, 1, 1], [1, 1, 1])
    assert found.spr.estimate == pytest.approx(2 / 3) and found.lspr.estimate is None and found.hspp.estimate is None


@settings(max_examples=12, deadline=None)
@given(items)
def test_what_the_other_side_says_mirrors_it(rows: list[tuple[float, float, float, float]]) -> None:
    table = np.array(rows)
    here, there = (
        own_truth(table[:, :2], table[:, 2], table[:, 3]),
        own_truth(1 - table[:, :2], table[:, 3], table[:, 2]),
    )
    assert here.different == there.different and here.unchecked == there.unchecked
    if here.spr.estimate is not None and there.spr.estimate is not None:
        assert here.spr.estimate == pytest.approx(1 - there.spr.estimate)
    picked, own, other = table[:, :2], table[:, 2:3], table[:, 3:4]
    wrong = np.where((own == 0) & (other == 1), picked, np.nan)
    right = np.where((own == 1) & (other == 0), picked, np.nan)
    if here.lspr.estimate is not None:
        rightly, wrongly = np.nansum(right), np.nansum(wrong)
        assert here.lspr.estimate == pytest.approx(rightly / (rightly + wrongly))
    if here.hspp.estimate is not None:
        assert here.hspp.estimate == pytest.approx(np.nanmean(wrong))


def test_faults_are_named() -> None:
    with pytest.raises(ValueError, match="`picks`"):
        own_truth([0.7], [1], [0])
    with pytest.raises(ValueError, match="`other_correct` has shape"):
        own_truth([1], [1], [0, 1])

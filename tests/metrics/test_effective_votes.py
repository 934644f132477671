"""Does the interval of effective votes cover planted ones, and is it unknown where the items cannot tell?"""

from __future__ import annotations

from collections import Counter
from math import exp, log, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

from plurijudge.metrics.intervals import student_t_quantile
from plurijudge.metrics.social_choice import effective_votes, effective_votes_estimate

Floats = NDArray[np.float64]
NAN = float("nan")
TABLES = st.integers(2, 5).flatmap(
    lambda members: st.lists(
        st.lists(st.sampled_from([0.0, 0.0, 1.0, 1.0, 0.5, NAN]), min_size=members, max_size=members),
        min_size=3,
        max_size=130,
    )
)
BY_HAND: list[list[float]] = [[1, 1], [1, 0], [0, 1], [0, 0], [1, 1], [0, 0]]


def copying(seed: int, items: int, members: int, chance: float, right: float) -> Floats:
    """Members who copy one source with a chance, and so correlate by its square."""
    rng = np.random.default_rng([seed, items, members])
    source, own = rng.random((items, 1)) < right, rng.random((items, members)) < right
    table: Floats = np.where(rng.random((items, members)) < chance, source, own).astype(float)
    return table


def test_votes_error_and_interval_are_those_worked_out_by_hand() -> None:
    """The correlation is 1/3 over six items; each is left out in turn."""
    found = effective_votes_estimate(BY_HAND)
    assert found.estimate == pytest.approx(2 / (1 + 1 / 3)) and (found.n, found.left_out) == (6, 0)
    logs = []
    for number in range(6):
        rest = [row for other, row in enumerate(BY_HAND) if other != number]
        one, two = (sum(row[side] for row in rest) / 5 for side in (0, 1))
        both = sum(row[0] * row[1] for row in rest) / 5
        r = (both - one * two) / sqrt(one * (1 - one) * two * (1 - two))
        logs.append(log(2 / (1 + r) - 1))
    error = sqrt(5 / 6 * sum((value - sum(logs) / 6) ** 2 for value in logs))
    assert found.standard_error == pytest.approx(0.5 * error)
    reach = student_t_quantile(0.975, 5) * error
    assert [found.low, found.high] == pytest.approx([1 + 0.5 * exp(-reach), 1 + 0.5 * exp(reach)])
    narrow = effective_votes_estimate(BY_HAND, level=0.5)
    assert narrow.level == 0.5 and narrow.low is not None and found.low is not None and narrow.low > found.low


@given(TABLES)
def test_it_is_the_same_number_as_without_an_interval_and_lies_within_its_own(table: list[list[float]]) -> None:
    found, plain = effective_votes_estimate(table), effective_votes(table)
    if plain is None or plain > 1e9:  # correlations that cancel out but for rounding
        assert found.estimate is None
    else:
        assert found.estimate == pytest.approx(plain)
    if found.estimate is not None and found.low is not None and found.high is not None:
        assert 1 <= found.low <= found.estimate <= found.high and found.standard_error is not None
    else:
        assert found.reason and found.standard_error is None and found.high is None
    assert found.n + found.left_out == len(table)


@given(TABLES, st.randoms(use_true_random=False))
def test_neither_the_order_of_items_nor_that_of_members_matters(table: list[list[float]], order: Any) -> None:
    mixed = [[*row] for row in table]
    order.shuffle(mixed)
    members = [*range(len(table[0]))]
    order.shuffle(members)
    one, two = (effective_votes_estimate(given) for given in (table, [[row[m] for m in members] for row in mixed]))
    assert (one.reason, one.n, one.left_out) == (two.reason, two.n, two.left_out)
    for name in ("estimate", "standard_error", "low", "high"):
        first, second = getattr(one, name), getattr(two, name)
        assert first == second or first == pytest.approx(second, rel=1e-6, abs=1e-9), name


@given(TABLES)
def test_being_wrong_goes_together_as_being_right_does(table: list[list[float]]) -> None:
    one, two = effective_votes_estimate(table), effective_votes_estimate(1 - np.array(table))
    assert (one.reason, one.n) == (two.reason, two.n)
    for name in ("estimate", "low", "high"):
        first, second = getattr(one, name), getattr(two, name)
        assert first == second or first == pytest.approx(second, rel=1e-6), name


def test_items_on_which_a_member_is_silent_are_left_out() -> None:
    found = effective_votes_estimate([*BY_HAND, [1, NAN], [NAN, 0]])
    assert (found.n, found.left_out) == (6, 2) and found.estimate == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("table", "estimate", "reason"),
    [
        ([[1.0], [0.0], [1.0]], None, "fewer than two members or items"),
        ([[1.0, 0.0]], None, "fewer than two members or items"),
        ([[NAN, 0.0], [1.0, NAN]], None, "fewer than two members or items"),
        ([[1, 1], [1, 0], [1, 1]], None, "a member says the same of all items"),
        ([[0.7, 0], [0.7, 1], [0.7, 1]], None, "a member says the same of all items"),
        ([[1, 0], [0, 1], [1, 0], [0, 1]], None, "the members' errors cancel out"),
        ([[1, 1], [1, 0], [0, 1], [1, 1]], 3.0, "too few items to tell its error"),
        ([[1, 1], [0, 0]], 1.0, "too few items to tell its error"),
        ([[1, 1], [0, 0]] * 20, 1.0, "too few items on which they differ"),
        ([*([[1, 1], [0, 0]] * 20), [1, 0]], 1.0250, "too few items on which they differ"),
    ],
)
def test_what_is_unknown_has_its_reason(table: list[list[float]], estimate: float | None, reason: str) -> None:
    found = effective_votes_estimate(table)
    assert found.reason == reason and (found.low, found.high, found.standard_error) == (None, None, None)
    assert found.estimate == (None if estimate is None else pytest.approx(estimate, abs=0.001))


def test_a_table_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="n_items, n_members"):
        effective_votes_estimate([1.0, 0.0])


@pytest.mark.parametrize(
    ("items", "members", "chance", "right"),
    [(60, 3, 0.6, 0.7), (60, 5, 0.0, 0.6), (100, 5, 0.9, 0.7), (200, 5, 0.6, 0.7), (144, 8, 0.6, 0.85)],
)
def test_the_interval_covers_planted_votes_as_often_as_it_says(
    items: int, members: int, chance: float, right: float
) -> None:
    planted = members / (1 + (members - 1) * chance**2)
    told: Counter[str] = Counter()
    for seed in range(1000):
        found = effective_votes_estimate(copying(seed, items, members, chance, right))
        assert found.low is not None and found.high is not None
        told["below" if planted < found.low else "above" if planted > found.high else "inside"] += 1
    print(f"{members} members, {items} items, r = {chance**2:.2f}: {planted:.2f} votes; {dict(told)}")
    assert 930 <= told["inside"] <= 970, told
    assert max(told["below"], told["above"]) < 60

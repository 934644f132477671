"""Which tokens are a label, and what of a provider's log-probabilities is read?"""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, strategies as st

from plurijudge.text.letters import first_token, label_masses

NEAR = math.log(0.1)


@pytest.mark.parametrize(
    "token", ["A", " A", "\u0120A", "\u2581A", "**A", "**A**", "(A", "A)", '"A', "A.", "\nA", "[[A"]
)
def test_a_label_with_what_stands_around_it_is_that_label(token: str) -> None:
    assert label_masses([(token, NEAR)], ["A", "B"]) == pytest.approx({"A": 0.1, "B": 0.0})


@pytest.mark.parametrize("token", ["a", "An", "AB", "Answer", "", " ", "C"])
def test_any_other_token_is_none(token: str) -> None:
    assert label_masses([(token, NEAR)], ["A", "B"]) == {"A": 0.0, "B": 0.0}


def test_variants_are_summed_and_a_token_listed_twice_counts_once() -> None:
    top = [("A", math.log(0.5)), (" A", math.log(0.2)), ("A", math.log(0.5)), ("B", math.log(0.2))]
    assert label_masses(top, ["A", "B"]) == pytest.approx({"A": 0.7, "B": 0.2})


@given(st.lists(st.tuples(st.sampled_from(["A", " A", "B", "**B", "x", "The"]), st.floats(-1e4, 0)), max_size=20))
def test_masses_are_probabilities(top: list[tuple[str, float]]) -> None:
    found = label_masses(top, ["A", "B"])
    assert all(0 <= mass <= 1 for mass in found.values()) and sum(found.values()) <= 1 + 1e-12
    mirrored = [(token.translate(str.maketrans("AB", "BA")), value) for token, value in top]
    turned = label_masses(mirrored, ["A", "B"])
    assert (turned["A"], turned["B"]) == (found["B"], found["A"])


CHAT = {
    "content": [
        {
            "token": "A",
            "logprob": -0.1,
            "top_logprobs": [{"token": "A", "logprob": -0.1}, {"token": "B", "logprob": -3}],
        }
    ]
}


def test_both_forms_are_read() -> None:
    assert first_token(CHAT) == [("A", -0.1), ("B", -3.0), ("A", -0.1)]
    assert first_token({"tokens": ["A"], "top_logprobs": [{"A": -0.1, "B": -3}]}) == [("A", -0.1), ("B", -3.0)]


@pytest.mark.parametrize(
    "told",
    [
        *(None, [], {}, "A", {"content": None}, {"content": []}, {"content": ["A"]}, {"top_logprobs": [None]}),
        {"content": [{"token": None, "logprob": -1, "top_logprobs": None}]},
        {"content": [{"token": "A", "logprob": "x", "top_logprobs": [{"token": "B", "logprob": None}, 3]}]},
        {"content": [{"token": "A", "logprob": float("nan"), "top_logprobs": [{"token": "B", "logprob": 2.0}]}]},
    ],
)
def test_what_is_none_of_them_is_nothing(told: Any) -> None:
    assert first_token(told) == []

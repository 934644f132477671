"""Pairs: what is refused and how it is said, the rules for the judge and for gold, by hand and as properties."""

from __future__ import annotations

from math import nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from plurijudge.metrics.own_pairs import (
    GOLD_RULES,
    GoldRule,
    JudgeRule,
    Pair,
    flips,
    gold_labels,
    gold_shares,
    judged,
    mass,
)

from .self_preference_data import GOLD, Floats, pairs

OWN = [[0.9, 0.8], [0.2, 0.3]]
OTHER = [[0.1, 0.2], [0.8, 0.6]]
VOTES = [[[1, 1], [1, 0], [0, 1]], [[0, 0], [0, 0], [1, 0]]]
few = settings(max_examples=60, deadline=None)


def made(**changed: Any) -> Pair:
    """A sound pair but for what is changed."""
    parts: dict[str, Any] = {"items": ["a", "b"], "own": OWN, "other": OTHER, "votes": VOTES, "gold_judges": GOLD}
    return Pair.of(**(parts | changed))


def same(one: Floats, other: Floats) -> bool:
    return bool(np.array_equal(one, other, equal_nan=True))


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unequal ids": (
        {"gold_items": ["a", "c"]},
        "unequal sets of items: the gold lacks 1 .*`b`.* the judge lacks 1 .*`c`",
    ),
    "an id twice": ({"items": ["a", "a"]}, "`a` stands twice among the items of the judge"),
    "a column alone": ({"own": [0.9, 0.2], "other": [0.1, 0.8]}, "holds one presentation only"),
    "the first alone": (
        {"own": [[0.9, nan]] * 2, "other": [[0.1, nan]] * 2},
        "only: no verdict shows .* response second",
    ),
    "the second alone": (
        {"own": [[nan, 0.9]] * 2, "other": [[nan, 0.1]] * 2},
        "only: no verdict shows .* response first",
    ),
    "a judge fewer": ({"votes": np.array(VOTES)[:, :2]}, "gold judge is missing: 3 are declared .*holds 2"),
    "a judge without a vote": ({"votes": np.array(VOTES, float) * [[1], [nan], [1]]}, "`g2` is missing"),
    "gold in one order": (
        {"votes": np.array(VOTES, float) * [[1, 1], [1, nan], [1, 1]]},
        "`g2` judged one presentation",
    ),
    "no gold judge": ({"votes": np.zeros((2, 0, 2)), "gold_judges": []}, "at least one name"),
    "no mass": (
        {"own": [[0.9, 0.8], [0.2, 0]], "other": [[0.1, 0.2], [0.8, 0]]},
        "`b` has zero probability mass.*second",
    ),
    "half a verdict": (
        {"other": [[0.1, nan], [0.8, 0.6]]},
        "`a` has the mass of one response without that of the other",
    ),
    "negative mass": ({"own": [[0.9, -0.1], [0.2, 0.3]]}, "`own` holds negative or infinite"),
    "another vote": ({"votes": np.array(VOTES) * 2}, "numbers other than 0, 0.5 and 1"),
    "another shape": ({"own": np.ones((3, 2))}, r"`own` has shape \(3, 2\); needed is \(2, 2\)"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_each_fault_is_refused_with_its_own_message(what: str) -> None:
    changed, told = REFUSED[what]
    with pytest.raises(ValueError, match=told):
        made(**changed)


def test_no_two_refusals_say_the_same() -> None:
    said = []
    for changed, _ in REFUSED.values():
        with pytest.raises(ValueError) as caught:
            made(**changed)
        said.append(str(caught.value))
    assert len(set(said)) == len(REFUSED)


def test_a_second_presentation_that_is_the_first_read_again_is_refused() -> None:
    first = np.array([0.9, 0.2, 0.4, 0.7])
    own = np.stack([first, 1 - first], axis=1)  # by place: what was shown first got the same number both times
    votes = np.ones((4, 1, 2))
    with pytest.raises(ValueError, match="repeats the first.*one presentation only"):
        Pair.of("abcd", own, 1 - own, votes, gold_judges=["g"])
    steady = np.stack([first, first], axis=1)  # by response: a judge that the order does not touch
    assert flips(Pair.of("abcd", steady, 1 - steady, votes, gold_judges=["g"])).tolist() == [0, 0, 0, 0]


def test_a_judge_that_always_takes_the_first_letter_is_no_fault_of_reading() -> None:
    own = np.array([[1.0, 0.0]] * 5)
    pair = Pair.of("abcde", own, 1 - own, np.ones((5, 1, 2)), gold_judges=["g"])
    assert flips(pair).mean() == 1 and judged(pair).tolist() == [0.5] * 5


def test_gold_is_put_into_the_order_of_the_judge() -> None:
    turned = made(gold_items=["b", "a"], votes=VOTES[::-1])
    assert same(turned.votes, made().votes)


def test_the_two_masses_are_normalised_in_each_presentation_and_kept_apart() -> None:
    # 0.08 of 0.1 and 0.4 of 0.9: 0.8 + 0.444 against 0.2 + 0.556. Raw sums would say 0.48 against 0.52.
    pair = made(items=["a"], own=[[0.08, 0.4]], other=[[0.02, 0.5]], votes=VOTES[:1])
    assert judged(pair, rule="soft")[0] == pytest.approx((0.8 + 4 / 9) / 2)
    assert judged(pair).tolist() == [1.0] and flips(pair).tolist() == [1.0]
    assert mass(pair) == pytest.approx((0.1, 0.5))


@pytest.mark.parametrize(
    ("own", "hard", "closed"),
    [([1, 1], 1, 1), ([0, 0], 0, 0), ([1, 0], 0.5, 0), ([0, 1], 0.5, 0), ([0.5, 1], 1, 0), ([0.5, 0.5], 0.5, 0)],
)
def test_a_disagreement_is_half_a_win_by_one_rule_and_nothing_by_the_other(
    own: list[float], hard: float, closed: float
) -> None:
    rows = np.array([own, [1, 1]], dtype=float)
    pair = made(own=rows, other=1 - rows)
    assert judged(pair)[0] == hard and judged(pair, rule="closed")[0] == closed


VOTED: list[tuple[list[list[float]], dict[GoldRule, float]]] = [
    ([[1, 1], [1, 1], [0, 0]], {"plurality": 1, "both_presentations": 1, "two_of_three": 1}),
    ([[1, 1], [1, 0], [0, 0]], {"plurality": 0.5, "both_presentations": 0.5, "two_of_three": nan}),
    ([[1, 1], [1, 0], [1, 0]], {"plurality": 1, "both_presentations": 1, "two_of_three": nan}),
    ([[0, 0], [1, 1], [0, 0]], {"plurality": 0, "both_presentations": 0, "two_of_three": 0}),
    ([[1, 0], [0, 1], [1, 0]], {"plurality": 0.5, "both_presentations": nan, "two_of_three": nan}),
    ([[1, nan], [nan, nan], [0, nan]], {"plurality": 0.5, "both_presentations": nan, "two_of_three": nan}),
    ([[1, 1], [nan, 0], [nan, nan]], {"plurality": 1, "both_presentations": 1, "two_of_three": nan}),
    ([[0.5, 0.5], [1, 1], [nan, nan]], {"plurality": 1, "both_presentations": 1, "two_of_three": nan}),
    ([[nan, nan], [nan, nan], [nan, nan]], {"plurality": nan, "both_presentations": nan, "two_of_three": nan}),
]


@pytest.mark.parametrize(("votes", "wanted"), VOTED)
def test_gold_by_each_rule(votes: list[list[float]], wanted: dict[GoldRule, float]) -> None:
    pair = made(votes=[votes, [[1, 0]] * 3])  # the second item only keeps every gold judge in the room
    found = {rule: gold_labels(pair, rule=rule)[0] for rule in GOLD_RULES}
    assert found == pytest.approx(wanted, nan_ok=True)


def test_an_item_without_a_presentation_has_no_word_of_the_judge() -> None:
    pair = made(own=[[0.9, nan], [0.2, 0.3]], other=[[0.1, nan], [0.8, 0.6]])
    rules: tuple[JudgeRule, ...] = ("hard", "closed", "soft")
    assert all(np.isnan(judged(pair, rule=rule)[0]) for rule in rules)
    assert np.isnan(flips(pair)[0]) and not np.isnan(judged(pair)[1])


def test_a_rule_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="`judge_rule` is 'firm'"):
        judged(made(), rule="firm")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`gold_rule` is 'most'"):
        gold_labels(made(), rule="most")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`g9` is not one of several"):
        made().without("g9")


@few
@given(pairs())
def test_told_from_the_other_side_everything_is_mirrored(pair: Pair) -> None:
    turned = pair.swapped()
    assert same(judged(turned), 1 - judged(pair))
    assert np.allclose(judged(turned, rule="soft"), 1 - judged(pair, rule="soft"), equal_nan=True)
    assert np.allclose(gold_shares(turned), 1 - gold_shares(pair), equal_nan=True)
    assert all(same(gold_labels(turned, rule=rule), 1 - gold_labels(pair, rule=rule)) for rule in GOLD_RULES)
    assert same(turned.votes[:, :, 0], 1 - pair.votes[:, :, 1])  # the opponent stands first where the model is second
    back = turned.swapped()
    assert same(back.own, pair.own) and same(back.other, pair.other) and same(back.votes, pair.votes)


@few
@given(pairs())
def test_the_order_of_gold_judges_and_which_presentation_is_called_first_do_not_matter(pair: Pair) -> None:
    turned = Pair.of(
        pair.items,
        pair.own[:, ::-1],
        pair.other[:, ::-1],
        pair.votes[:, ::-1, ::-1],
        gold_judges=pair.gold_judges[::-1],
    )
    assert same(judged(turned), judged(pair)) and same(flips(turned), flips(pair))
    assert all(same(gold_labels(turned, rule=rule), gold_labels(pair, rule=rule)) for rule in GOLD_RULES)

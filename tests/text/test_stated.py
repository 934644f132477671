"""Is what a response states as its answer read, and is no answer made of a step on the way?"""

from __future__ import annotations

import json
from fractions import Fraction as F
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from plurijudge.text.stated import chosen_of_two, final_number, stance, stated_numbers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("391.", F(391)),
        ("$12.69.", F("12.69")),
        ("**391**", F(391)),
        ("#### 70", F(70)),
        ("so the definitive answer is 401.", F(401)),
        ("Answer: 391", F(391)),
        (r"Thus \boxed{391}, as 17 is prime", F(391)),
        ("The average is (60+40)/2 = 50 mph. This is a standard result.", F(50)),
        ("so the expression -3**2 evaluates to 9 in every convention.", F(9)),
        ("so both moves are 50% and cancel out perfectly.", F(50)),
        ("It grows by 150 EUR to reach 1150 EUR.", F(1150)),
        ("391. Check: 17*20=340 and 17*3=51.", F(391)),
        ("1. First 17*20 = 340\n2. Then 17*3 = 51\n3. Sum: 391", F(391)),
        ("The answer is three.", F(3)),
        ("the meal, with tip, was $40 - $10 + 8 = $38.", F(38)),
    ],
)
def test_the_number_that_concludes_a_response_is_its_answer(text: str, value: F) -> None:
    found = final_number(text)
    assert found is not None and found.value == value


@pytest.mark.parametrize("text", ["", "Hello!", "I cannot compute that, but 2 steps help.", "The first one, I think"])
def test_a_response_without_a_conclusion_states_nothing(text: str) -> None:
    assert stated_numbers(text) == []
    assert stance(text, F(2)) == "silent"


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("The answer is 48 mph, not 50 mph.", F(48), "agrees"),
        ("It's 391 rather than 401.", F(391), "silent"),  # the right number stands there: not held against it
        ("It is 391, as 17*20 = 340 and 17*3 = 51.", F(391), "silent"),
        ("The result is **401**.", F(391), "disagrees"),
        ("About $12.70", F("12.69"), "agrees"),
        ("$12.7", F("12.69"), "agrees"),
        ("$12.8", F("12.69"), "disagrees"),
        ("3.", F(7, 2), "silent"),
        ("It's roughly 3", F(10, 3), "agrees"),
        ("0.333", F(1, 3), "agrees"),
        ("33%", F(1, 3), "silent"),
        ("40%", F(1, 3), "disagrees"),
        ("-33 1/3%", F(-1, 3), "agrees"),
        ("1157,625 EUR", F("1157.625"), "agrees"),
        ("1,157.625 EUR", F("1157.625"), "agrees"),
        ("−9", F(-9), "agrees"),
        ("It is 42.195 km exactly.", F("42.1648128"), "disagrees"),
        ("It equals 1.219 x 10^17", F(121932631112635269), "agrees"),
        ("121932631112635000", F(121932631112635269), "disagrees"),
    ],
)
def test_an_answer_agrees_to_its_own_precision_or_disagrees(text: str, value: F, expected: str) -> None:
    assert stance(text, value) == expected


def test_the_questions_own_numbers_are_no_answers() -> None:
    assert stance("37 C is the same as 98.6 F", F(37)) == "silent"
    assert stance("37 C is the same as 98.6 F", F(37), given=[F("98.6")]) == "agrees"
    assert stance("37 C is the same as 98.6 F", F(37), units={"c", "°c"}) == "agrees"
    assert stance("It is 98.6 F, which is 34.3 C or so", F(37), units={"c"}) == "disagrees"


@pytest.mark.parametrize(
    ("text", "greater", "chosen"),
    [
        ("9.9.", True, "9.9"),
        ("9.11 is bigger, because 11 is greater than 9; so 9.11 exceeds 9.9.", True, "9.11"),
        ("The larger number is 9.9, since 9.90 > 9.11", True, "9.9"),
        ("**9.9** is clearly larger than 9.11", True, "9.9"),
        ("9.11 is smaller than 9.9", True, "9.9"),
        ("9.11 is smaller than 9.9", False, "9.11"),
        ("9.11 > 9.9", False, "9.9"),
        ("9.11 is not bigger than 9.9", True, None),
        ("9.11 is bigger. No, 9.9 is bigger.", True, None),
        ("Compare 9.11 and 9.9 digit by digit.", True, None),
        ("Neither.", True, None),
    ],
)
def test_the_one_of_two_that_is_chosen_is_read(text: str, greater: bool, chosen: str | None) -> None:
    found = chosen_of_two(text, F("9.11"), F("9.9"), greater=greater)
    assert found == (None if chosen is None else F(chosen))


NUMERIC = ["A01", "A02", "A03", "A04", "A05", "A07", "A08", "A09", "A10", "A16", "A17", "A20"]


@pytest.mark.shared
@pytest.mark.parametrize("name", NUMERIC)
def test_of_two_recorded_responses_the_right_one_agrees_and_the_wrong_one_disagrees(
    shared_data: Path, name: str
) -> None:
    rows = {row["id"]: row for row in map(json.loads, (shared_data / "tools/cases.jsonl").read_text().splitlines())}
    row = rows[name]
    value = F(row["expected_observation"])
    assert stance(row["response_a"], value) == "agrees"
    assert stance(row["response_b"], value) == "disagrees"


@pytest.mark.shared
def test_recorded_solutions_are_hardly_ever_said_to_disagree_with_their_own_answer(shared_data: Path) -> None:
    stances = []
    for row in map(json.loads, (shared_data / "tools/tara/calculator_test.jsonl").read_text().splitlines()):
        steps, _, answer = row["pos_answer"]["answer"].rpartition("####")
        stances.append(stance(steps, F(answer.strip().replace(",", ""))))
    assert len(stances) == 154
    assert stances.count("disagrees") == 0
    assert stances.count("agrees") >= 140


@given(st.text(max_size=300), st.fractions())
def test_no_text_stops_the_reader(text: str, value: F) -> None:
    assert stance(text, value) in ("agrees", "disagrees", "silent")


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_a_bare_number_agrees_with_itself_and_no_other(said: int, value: int) -> None:
    assert stance(f"The answer is {said}.", F(said)) == "agrees"
    if said != value:
        assert stance(f"{said}", F(value)) == "disagrees"

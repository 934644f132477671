"""Are common word problems read, and all others left alone?"""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from plurijudge.text.word_problems import equal_changes, worded_expression


@pytest.mark.parametrize(
    ("question", "expression"),
    [
        ("What are $2,000 worth after 4 years at 3% interest, compounded quarterly?", "2000*(1+3%/4)**16"),
        ("How much interest is earned on 500 euros at 2.5% compound interest in 10 years?",
         "500*(1+(5/2)%)**10-500"),
        ("A bike costs 80 euros. It is raised by 10% and then reduced by 10%. What is its price now?",
         "80*(1+10%)*(1-10%)"),
        ("A sofa of $900 has 15% off, and a further 5% off at the till. What does it cost?", "900*(1-15%)*(1-5%)"),
        ("She cycles to work at 20 km/h and returns at 30 km/h. What is her average speed?", "2*20*30/(20+30)"),
        ("Anna has 3*4 pens and 2*5+1 pencils. How many pens does she have?", "3*4"),
        ("Anna has 3*4 pens and 2*5+1 pencils. How many things are that in all?", "3*4+2*5+1"),
    ],
)  # fmt: skip
def test_a_common_word_problem_is_one_expression(question: str, expression: str) -> None:
    assert worded_expression(question) == expression


@pytest.mark.parametrize(
    "question",
    [
        "1000 EUR at 5% a month, compounded, after 3 years?",
        "1000 EUR at 5% simple interest after 3 years?",
        "1000 EUR at 5% compounded yearly, with 20 EUR added, after 3 years?",
        "A coat of $100 is cut 20%, with 8% tax on top. Price?",
        "A coat is cut 20%, then another 25%. By how much in all?",
        "He drives 2 hours at 60 mph and then back for 3 hours at 40 mph. Average speed?",
        "A train goes at 60 mph, a car at 40 mph. What is their average speed?",
        "Anna has 3*4 pens and 2*5 pencils. How many more pens are there?",
        "Anna has 3*4 pens and 2*5 pencils and 7 books. How many things are that?",
    ],
)
def test_what_is_not_plainly_one_is_left_alone(question: str) -> None:
    assert worded_expression(question) is None


def test_two_changes_in_a_row_are_compared_in_percent() -> None:
    assert equal_changes("It goes 50 -> 75 -> 50. Is the percentage fall equal to the rise?") == (
        False,
        "25/50 and -25/75",
    )
    same = equal_changes("From 100 to 150 then to 225. Is the percentage increase the same as the increase?")
    assert same is not None and same[0]
    assert equal_changes("It goes 50 -> 75 -> 50. Is the fall equal to the rise?") is None


@given(st.text(max_size=300))
def test_no_question_raises_anything(question: str) -> None:
    worded_expression(question)
    equal_changes(question)

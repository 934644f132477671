"""Are a text's equations found and read as they are meant, and is what is in doubt left alone?"""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, strategies as st

from plurijudge.text.equations import equations
from plurijudge.text.quantities import quantities
from plurijudge.text.stated import stated_numbers


def read(text: str, locale: str = "") -> list[tuple[str, str]]:
    """The first reading of each equation: its left side and its value."""
    found = []
    for equation in equations(text, locale):
        first = equation.readings[0]
        found.append((first.expression, str(first.value.value) if first.value else first.other))
        assert text[equation.start : equation.end] == equation.said
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("She pays $40 x 4 = $160.", [("40*4", "160")]),
        ("60*40/(60+40) = 24 mph", [("60*40/(60+40)", "24")]),
        ("200/2 = 100 pages", [("200/2", "100")]),
        ("7 × 8 = 56; 9 ÷ 3 = 3, 5 − 2 = 3", [("7*8", "56"), ("9/3", "3"), ("5-2", "3")]),
        ("3 workers * 4 hours = 12 chairs", [("3*4", "12")]),
        ("$2700 / $15/flower = 180 flowers", [("2700/15", "180")]),
        ("600 trees/square mile * 24 square miles = 14400 trees", [("600*24", "14400")]),
        ("60 cans * 30 sq in / can = 1800 sq in", [("60*30", "1800")]),
        ("$2000 - $600 (cheque) + $800 = $2200", [("2000-600+800", "2200")]),
        ("20% of 50 = 10", [("(20/100)*50", "10")]),
        ("3/5 of 80 = 48", [("3/5*80", "48")]),
        ("**5 + 3 = 8**", [("5+3", "8")]),
        ("- 5 * 3 = 15", [("5*3", "15")]),
        ("1. 5 * 3 = 15", [("5*3", "15")]),
        ("W = 45 / 5 = 9", [("45/5", "9")]),
        ("5^2 = 25 and 5² = 25", [("5^2", "25"), ("5^2", "25")]),
        (r"\(3 \times 4 = 12\)", [("3*4", "12")]),
        ("10/3 ≈ 3.33", [("10/3", "333/100")]),
        ("10/3 = about 3", [("10/3", "3")]),
        ("19(2)-6=32", [("19*(2)-6", "32")]),
        ("4 plus 5 = 9 and 4 times 5 = 20", [("4+5", "9"), ("4*5", "20")]),
        ("8*2=16 and 3*4=12", [("8*2", "16"), ("3*4", "12")]),
        ("10 / 4 = 5/2", [("10/4", "5/2")]),
    ],
)
def test_an_equation_in_prose_is_read_as_a_calculator_takes_it(text: str, expected: list[tuple[str, str]]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "x + 3 = 5",
        "3A + 7 = 19",
        "2S = 80",
        "-3m = 21",
        "2(10a + 4) = 20a + 8",
        "(1/2)x - 5 = 70",
        "1/f1 - 1/25 = 1/F",
        "5 * W = 45",
        "half of 3 + 5 = 4",
        "twice 5 + 3 = 16",
        "6 apples and 3 + 4 = 13",
        "√(3² + 4²) = 5",
        "sqrt(9 + 16) = 5",
        "2 hours + 30 minutes = 150 minutes",
        "467 000 - 450 000 = 17 000",
        "1 foot = 12 inches",
        "So it costs 10=2 = $12.00",
        "from 7:15 + 30 = 7:45",
        "6+4 = 12 - x",
        "7 + 4 = 1 R 3",
        "$1.5 million + 2 = 3.5 million",
        "10⁻³ * 5 = 2",
        "2024-02-29 + 1 = 30",
        "It is wrong that 7 + 4 = 12.",
        "The correct value is 38, not 6*2 = 50.",
        "In base-9, 7 + 4 = 12.",
        "5 >= 3 + 1",
        "1000 * 6 x 1023 = 6 x 1026",
        "COVID-19 + 2 = 5",
    ],
)
def test_what_cannot_be_read_safely_is_no_claim(text: str) -> None:
    assert equations(text) == []


def test_a_chain_claims_each_of_its_links() -> None:
    assert read("2 * 2 * 1.25 = 4 * 1.25 = 5") == [("2*2*(5/4)", "4*(5/4)"), ("4*(5/4)", "5")]


def test_a_running_total_may_be_read_link_by_link() -> None:
    first, second = equations("5 + 3 = 8 * 2 = 16")
    assert {reading.value.value if reading.value else reading.other for reading in first.readings} == {8, "8*2"}
    assert second.readings[0].expression == "8*2"


def test_a_percentage_taken_off_has_both_its_readings() -> None:
    (equation,) = equations("100 - 25% = 75")
    assert [reading.expression for reading in equation.readings] == ["100-(25/100)", "(100)*(1-(25/100))"]


def test_numbers_with_a_comma_are_read_in_both_ways_until_someone_says_which() -> None:
    (either,) = equations("1,234 + 1 = 1,235")
    assert {reading.expression for reading in either.readings} == {"1234+1", "(617/500)+1"}
    assert read("1,234 + 1 = 1,235", "en") == [("1234+1", "1235")]
    assert read("1,5 * 2 = 3", "de") == [("(3/2)*2", "3")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$<<40*4=160>>160", [("40*4", "160")]),
        ("<<1/3+1/4=7/12>>7/12", [("1/3+1/4", "7/12")]),
        ("<<30*20%=6>>6", [("30*20%", "6")]),
        ("<<$1,000*2=2,000>>", [("1000*2", "2000")]),
        ("<<50=50>>50", [("50", "50")]),
        ("<<x+1>>x + 1", []),
        ("<<6*C=25>>", []),
        ("<<>> <<=>> <<1+1>> <<a=b>>", []),
    ],
)
def test_a_calculator_mark_is_taken_as_it_is(text: str, expected: list[tuple[str, str]]) -> None:
    assert read(text) == expected
    assert all(equation.marked for equation in equations(text))


def test_prose_that_a_mark_repeats_is_claimed_once() -> None:
    assert read("a total of $40 x 4 = $<<40*4=160>>160 and 2 * 3 = 6") == [("40*4", "160"), ("2*3", "6")]


def test_rounding_words_and_units_that_change_are_told() -> None:
    (rounded,) = equations("17.50 / 8 = 2.19 (rounded to the nearest cent)")
    (converted,) = equations("25 cents * 4 = $1")
    (plain,) = equations("2 * 3 = 6")
    assert rounded.about and not plain.about
    assert converted.converts and not plain.converts


@given(st.text(alphabet="0123456789+-*/=()x .,%$<>\nabc²", max_size=200))
def test_no_text_stops_the_reader(text: str) -> None:
    for equation in equations(text):
        assert 0 <= equation.start < equation.end <= len(text)


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit",
    ["1", "(", "a", "a1", "=", "1+1=", "1=", "<<1", "<<1+1=2>>", "#### ", "\n", " ", "1x", "1,", "one ", "answer is ",
     "*", "1:", "[", "= (", "9 words = ", "\\boxed{", "twenty-"],
)  # fmt: skip
def test_reading_time_grows_no_faster_than_the_text(unit: str) -> None:
    def seconds(function: object, size: int) -> float:
        text = (unit * (size // len(unit) + 1))[:size]
        times = []
        for _ in range(2):
            begun = time.process_time()
            function(text)  # type: ignore[operator]
            times.append(time.process_time() - begun)
        return min(times)

    for function in (equations, quantities, stated_numbers):
        small, large = seconds(function, 4_000), seconds(function, 32_000)
        assert large < 24 * small + 0.1, f"{function.__name__}: {small:.4f} s and {large:.4f} s for 8 times as much"


def planted(rng: random.Random) -> tuple[str, str, int]:
    """A sentence with an equation, its expression and its value."""
    a, b, c = (rng.randint(2, 99) for _ in range(3))
    unit = rng.choice(["", " apples", " square miles", " pieces of candy"])
    money = rng.choice(["", "$"])
    kind = rng.randrange(4)
    if kind == 0:
        return f"He pays {money}{a} x {b} = {money}{a * b}{unit} in all.", f"{a}*{b}", a * b
    if kind == 1:
        return f"That is {a}{unit} + {b}{unit} + {c}{unit} = {a + b + c}{unit}.", f"{a}+{b}+{c}", a + b + c
    if kind == 2:
        return f"Each gets {a * b}{unit} / {b} = {a}{unit}, which is fair.", f"{a * b}/{b}", a
    return f"Left are ({a}+{b})*{c} = {(a + b) * c}{unit}", f"({a}+{b})*{c}", (a + b) * c


@pytest.mark.parametrize("seed", range(200))
def test_a_planted_equation_is_found_with_its_expression_and_value(seed: int) -> None:
    sentence, expression, value = planted(random.Random(seed))
    assert read(sentence) == [(expression, str(value))]

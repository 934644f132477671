"""Are the numbers of a text read exactly, and is what has two readings never guessed?"""

from __future__ import annotations

from fractions import Fraction as F

import pytest
from hypothesis import given, strategies as st

from plurijudge.text.quantities import Quantity, agrees_with, quantities, read, readings


def values(text: str, locale: str = "") -> list[str]:
    return [str(quantity.value) for quantity in quantities(text, locale)]


def only(text: str, locale: str = "") -> Quantity:
    (quantity,) = quantities(text, locale)
    return quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234,567", F(1234567)),
        ("1,234.5", F("1234.5")),
        ("1.5", F(3, 2)),
        (".5", F(1, 2)),
        ("$84.60", F("84.6")),
        ("-$5", F(-5)),
        ("$-5", F(-5)),
        ("−3", F(-3)),
        ("33 1/3%", F(100, 3)),
        ("-33 1/3%", F(-100, 3)),
        ("-1/3", F(-1, 3)),
        ("2/3", F(2, 3)),
        ("5½", F(11, 2)),
        ("¾", F(3, 4)),
        ("twenty-five", F(25)),
        ("two hundred and five", F(205)),
        ("three thousand two hundred", F(3200)),
        ("half", F(1, 2)),
        ("two thirds", F(2, 3)),
        ("one and a half", F(3, 2)),
        ("minus nine", F(-9)),
        ("1.5 million", F(1_500_000)),
        ("6.022 x 10^23", F(6022) * 10**20),
        ("1e-3", F(1, 1000)),
        ("121932631112635269", F(121932631112635269)),
    ],
)
def test_a_number_in_prose_has_its_exact_value(text: str, value: F) -> None:
    quantity = only(text)
    assert quantity.value == value
    assert (quantity.start, quantity.end) == (0, len(text))


def test_a_comma_that_nobody_explained_leaves_two_readings() -> None:
    assert only("1,234").readings == (F(1234), F("1.234"))
    assert not only("1,234").sure
    assert only("1,234", "en").readings == (F(1234),)
    assert only("1,234", "de").readings == (F("1.234"),)
    assert only("1.234,5").readings == (F("1234.5"),)
    assert only("1.234", "de").value == 1234
    assert only("0,125").readings == (F(1, 8), F(125)), "a group does not begin with 0: a decimal, or a list"


@pytest.mark.parametrize(
    ("text", "locale"),
    [("1,23,4", "en"), ("1.234,5", "en"), ("1,234.5", "de"), ("12,34", "en"), ("", "en"), ("1,,2", "")],
)
def test_what_is_no_number_of_the_locale_has_no_value(text: str, locale: str) -> None:
    assert read(text, locale or "en") is None
    if locale:
        assert readings(text, locale) == ()


@pytest.mark.parametrize(
    "text", ["2024-02-29", "01:30", "01/02/2024", "29th", "v1.2.3", "1.2.3", "A4", "f1", "１２３", "x2y", "9" * 500]
)
def test_dates_times_ordinals_versions_and_names_are_no_numbers(text: str) -> None:
    assert quantities(text) == []


def test_a_full_stop_behind_digits_ends_a_sentence_and_no_number() -> None:
    assert values("It costs $12.69. Then 5, and 7.") == ["1269/100", "5", "7"]


def test_a_hyphen_between_numbers_is_no_sign() -> None:
    assert values("3-4 and 10 -> -5 (-6)") == ["3", "4", "10", "-5", "-6"]


def test_units_and_percentages_are_told() -> None:
    found = quantities("60 mph, €5, 12 km/h, 15% of 80 apples, 10 percent, 37°C, 50-year")
    assert [(q.unit, q.percent) for q in found] == [
        ("mph", False), ("€", False), ("km/h", False), ("", True), ("apples", False), ("", True), ("°C", False),
        ("year", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "step"), [("12.69", F(1, 100)), ("50", F(1)), ("2/3", F(0)), ("1.5 million", F(10**5)), ("three", F(0))]
)
def test_the_precision_is_that_of_the_last_digit(text: str, step: F) -> None:
    assert only(text).step == step


@pytest.mark.parametrize(
    ("exact", "text", "loosely", "agrees"),
    [
        (F(10, 3), "3.33", False, True),
        (F(10, 3), "3.34", False, False),
        (F(2, 3), "0.67", False, True),
        (F(2, 3), "0.66", False, True),  # cut
        (F(1, 8), "0.13", False, True),  # a half either way
        (F(1, 8), "0.12", False, True),
        (F(10, 3), "3", False, False),
        (F(10, 3), "3", True, True),
        (F(10, 3), "4", True, True),
        (F(2987), "3000", True, True),
        (F(2987), "3000", False, False),
        (F(-1, 3), "-33 1/3%", False, True),
        (F(-1, 3), "-33.3%", False, True),
        (F(-1, 3), "33 1/3%", False, False),
        (F(35, 100), "35%", False, True),
        (F(35), "35%", False, True),
        (F(1, 3), "1/3", False, True),
        (F(29, 54), "53.70370370370371%", False, True),  # as floating point prints it
        (F("41.998"), "42.0", False, True),
        (F(50), "48", True, False),
    ],
)
def test_a_written_number_is_right_to_its_own_precision(exact: F, text: str, loosely: bool, agrees: bool) -> None:
    assert agrees_with(exact, only(text), loosely=loosely) is agrees


@given(st.fractions(), st.integers(1, 6))
def test_a_rounded_or_a_cut_decimal_always_agrees_and_one_further_off_never(exact: F, places: int) -> None:
    scale = 10**places
    nearest = F(round(exact * scale), scale)
    written = only(f"{float(nearest):.{places}f}") if abs(nearest) < 10**6 else None
    if written is None or written.value != nearest:
        return
    assert agrees_with(exact, written)
    assert not agrees_with(exact + F(3, scale), written)


@given(st.integers(0, 10**15), st.sampled_from(["en", "de"]))
def test_digits_with_groups_are_read_back(number: int, locale: str) -> None:
    written = f"{number:,}" if locale == "en" else f"{number:,}".replace(",", ".")
    assert read(written, locale) == number


@given(st.text(max_size=300))
def test_no_text_stops_the_reader_and_spans_are_in_order(text: str) -> None:
    spans = [(quantity.start, quantity.end) for quantity in quantities(text)]
    assert all(start < end <= len(text) for start, end in spans)
    assert all(before[1] <= behind[0] for before, behind in zip(spans, spans[1:], strict=False))

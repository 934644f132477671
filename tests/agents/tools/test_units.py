"""Are units converted exactly, never guessed, and are answers to conversions judged?"""

from __future__ import annotations

import asyncio
import json
import time
from fractions import Fraction as F
from pathlib import Path

import orjson
import pytest
from hypothesis import given, strategies as st

from plurijudge.agents.tools.base import Case, Finding, Refused
from plurijudge.agents.tools.units import Units, asked, convert, unit_named, unit_of
from plurijudge.text.findings import implied_by


def value(number: str, source: str, target: str, locale: str = "") -> F:
    return convert(number, source, target, locale)[0].number.value


def refusal(number: str, source: str, target: str) -> Refused:
    with pytest.raises(Refused) as caught:
        convert(number, source, target)
    return caught.value


def findings(question: str, **responses: str) -> list[Finding]:
    return asyncio.run(Units().check(Case(question, responses)))


@pytest.mark.parametrize(
    ("number", "source", "target", "expected"),
    [
        ("26.2", "mi", "km", F("42.1648128")),
        ("98.6", "degF", "degC", F(37)),
        ("-40", "F", "C", F(-40)),
        ("0", "K", "degC", F("-273.15")),
        ("100", "us_gallon", "l", F("378.5411784")),
        ("1", "imperial gallon", "l", F("4.54609")),
        ("1", "acre", "m^2", F("4046.8564224")),
        ("1", "km/h", "m/s", F(5, 18)),
        ("60", "miles per hour", "km/h", F("96.56064")),
        ("1", "kg*m/s^2", "N", F(1)),
        ("1", "kWh", "MJ", F(18, 5)),
        ("1", "square foot", "m²", F("0.09290304")),
        ("3", "cubic yards", "cubic feet", F(81)),
        ("1", "GiB", "MB", F("1073.741824")),
        ("1/3", "yd", "in", F(12)),
        ("5*12", "in", "ft", F(5)),
        ("1", "psi", "N/in^2", F("4.4482216152605")),
        ("760", "torr", "atm", F(1)),
        ("2", "weeks", "hours", F(336)),
        ("1", "stone", "lb", F(14)),
        ("1", "nautical mile", "m", F(1852)),
        ("1", "mechanical_horsepower", "W", F("745.69987158227022")),
    ],
)
def test_a_value_is_converted_exactly(number: str, source: str, target: str, expected: F) -> None:
    assert value(number, source, target) == expected


@pytest.mark.threat(6)
@pytest.mark.parametrize(
    "name",
    ["gallon", "Gallons", "pint", "quart", "cup", "ton", "ounce", "oz", "fl oz", "tbsp", "calorie", "hp", "barrel",
     "year", "degree", "Mb"],
)  # fmt: skip
def test_a_unit_that_is_more_than_one_is_refused_with_the_names_to_use(name: str) -> None:
    with pytest.raises(Refused) as caught:
        unit_named(name)
    assert caught.value.reason == "ambiguous_unit"
    if name == "gallon":
        assert "us_gallon" in caught.value.said and "imperial_gallon" in caught.value.said


@pytest.mark.threat(6)
@pytest.mark.parametrize(
    ("number", "source", "target", "reason"),
    [
        ("1", "gallon", "l", "ambiguous_unit"),
        ("1", "m**9**9**9", "m", "syntax"),
        ("1", "m^99", "m", "too_large"),
        ("1", "m", "kg", "dimension"),
        ("1", "m", "m^2", "dimension"),
        ("1", "degC/s", "K/s", "domain"),
        ("-500", "C", "K", "domain"),
        ("1", "parsnip", "m", "unknown_unit"),
        ("1", "Mm", "m", "unknown_unit"),  # a megametre is no millimetre
        ("1", "", "m", "syntax"),
        ("1", "m/", "m", "syntax"),
        ("1", "m" * 100, "m", "too_long"),
        ("1,234", "m", "km", "ambiguous_comma"),
        ("9**9**9", "m", "km", "too_large"),
    ],
)
def test_what_cannot_be_converted_is_refused_at_once(number: str, source: str, target: str, reason: str) -> None:
    begun = time.perf_counter()
    assert refusal(number, source, target).reason == reason
    assert time.perf_counter() - begun < 0.5


def test_a_locale_is_kept_to() -> None:
    assert value("1.234,5", "m", "cm", "de") == 123450
    found = asyncio.run(Units().run({"value": "1,5", "from": "km", "to": "m"}, Case("", {}, locale="de")))
    assert found.result["exact"] == "1500"


def test_a_result_has_the_same_keys_as_the_calculators_and_the_unit() -> None:
    found = asyncio.run(Units().run({"value": "26.2", "from": "mi", "to": "km"}, Case("", {})))
    assert found.result == {
        "exact": "3294126/78125", "decimal": "42.1648128", "inexact": False, "note": "", "unit": "kilometre",
    }  # fmt: skip
    assert found.said == "It is 42.1648128 kilometre."
    assert orjson.loads(orjson.dumps(found.result)) == found.result
    rooted = asyncio.run(Units().run({"value": "sqrt(2)", "from": "m", "to": "cm"}, Case("", {})))
    assert rooted.evidence == "inexact" and rooted.result["exact"] is None


NAMES = ["m", "km", "mi", "ft", "inch", "nautical_mile", "light_year", "kg/m^2", "K", "degC", "degF", "mph", "m/s",
         "knot", "J", "kcal", "kWh", "us_pint", "imperial_pint", "l", "acre", "ha"]  # fmt: skip


@given(st.fractions(min_value=1000, max_value=10**6), st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_there_and_back_is_where_it_began(number: F, source: str, target: str) -> None:
    if unit_of(source).dimension != unit_of(target).dimension:
        assert refusal("1000", source, target).reason == "dimension"
        return
    there = value(str(number), source, target)
    assert value(f"({there})", target, source) == number


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Convert 98.6 F to C.", F(37)),
        ("How many km is 26.2 miles (exact)?", F("42.1648128")),
        ("How many feet are in a mile?", F(5280)),
        ("What is 100 km/h in m/s?", F(250, 9)),
        ("What is 5 kg in grams?", F(5000)),
        ("How many liters are in a gallon?", None),
        ("Convert this to C.", None),
        ("How many days is it from Monday to Friday?", None),
        ("What is 5 apples in pears?", None),
        ("Convert 5 kg to metres", None),
    ],
)
def test_a_question_for_one_conversion_is_understood_and_no_other(question: str, expected: F | None) -> None:
    found = asked(question)
    assert (found[0].value if found else None) == expected
    assert Units().applies(Case(question, {})) is (expected is not None)


def test_an_answer_is_judged_by_its_number_in_the_unit_that_was_asked_for() -> None:
    found = findings(
        "Convert 98.6 F to C.", a="98.6 F is 37 °C.", b="98.6 F is 34.3 C.", c="It is warm.", d="37 C (that is 98.6 F)"
    )
    assert [(f.response, f.holds, f.final) for f in found] == [("a", True, True), ("b", False, True), ("d", True, True)]
    assert implied_by(findings("How many feet are in a mile?", a="5,280 feet.", b="5,820 feet."), ("a", "b")) == "a"


@pytest.mark.shared
@pytest.mark.parametrize("name", ["A16", "A17"])
def test_recorded_conversions_imply_the_right_response_in_both_orders(shared_data: Path, name: str) -> None:
    rows = {row["id"]: row for row in map(json.loads, (shared_data / "tools/cases.jsonl").read_text().splitlines())}
    row = rows[name]
    given_value, source, target = row["probe"].replace("->", "").split()
    assert convert(given_value, source, target)[0].number.decimal == row["expected_observation"]
    for order in (("a", "b"), ("b", "a")):
        found = findings(row["question"], **{key: row[f"response_{key}"] for key in order})
        assert implied_by(found, order) == row["expected_winner"].lower()

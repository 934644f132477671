"""Is the calendar exact, does it refuse what it cannot know, and are answers about dates judged?"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from plurijudge.agents.tools.base import Case, Observation, Refused
from plurijudge.agents.tools.calendar import Calendar
from plurijudge.text.dates import WEEKDAYS
from plurijudge.text.findings import implied_by

NOTHING = Case("", {})


def ran(**arguments: Any) -> Observation:
    return asyncio.run(Calendar().run(arguments, NOTHING))


def reason(**arguments: Any) -> str:
    with pytest.raises(Refused) as caught:
        ran(**arguments)
    return caught.value.reason


def implied(question: str, *texts: str) -> str | None:
    case = Case(question, dict(zip("abc", texts, strict=False)))
    return implied_by(asyncio.run(Calendar().check(case)), tuple(case.responses))


@pytest.mark.parametrize(
    ("arguments", "field", "expected"),
    [
        ({"operation": "weekday", "date": "2024-02-29"}, "weekday", "Thursday"),
        ({"operation": "weekday", "date": "0001-01-01"}, "iso_week", "0001-W01"),
        ({"operation": "difference", "date": "2000-02-14", "other": "2013-06-04"}, "days", 4859),
        ({"operation": "difference", "date": "2013-06-04", "other": "2000-02-14"}, "days", -4859),
        ({"operation": "add", "date": "1900-02-28", "days": 1}, "result", "1900-03-01"),
        ({"operation": "add", "date": "2024-01-31", "days": 30}, "result", "2024-03-01"),
        ({"operation": "add", "date": "2024-01-31", "months": 1}, "result", "2024-02-29"),
        ({"operation": "add", "date": "2024-02-29", "years": -1}, "result", "2023-02-28"),
        ({"operation": "add", "date": "2024-01-31", "weeks": 2, "days": -1}, "result", "2024-02-13"),
        ({"operation": "elapsed", "date": "2024-03-10T01:30", "other": "2024-03-10T03:30", "zone": "America/New_York"},
         "elapsed", "1:00:00"),
        ({"operation": "elapsed", "date": "2024-11-02T12:00", "other": "2024-11-03T12:00", "zone": "America/New_York"},
         "seconds", 25 * 3600),
        ({"operation": "elapsed", "date": "2024-01-01T00:00Z", "other": "2024-01-01T00:00-05:00"}, "seconds", 18000),
        ({"operation": "business_days", "date": "2024-12-23", "other": "2024-12-30"}, "business_days", 5),
        ({"operation": "business_days", "date": "2024-12-23", "other": "2024-12-30", "country": "DE"},
         "business_days", 3),
        ({"operation": "leap_year", "date": "1900"}, "leap_year", False),
        ({"operation": "leap_year", "date": "2000-05-01"}, "leap_year", True),
    ],
)  # fmt: skip
def test_the_calendar_is_exact(arguments: dict[str, Any], field: str, expected: Any) -> None:
    seen = ran(**arguments)
    assert seen.status == "ok" and seen.result[field] == expected
    assert seen.result["calendar"] == "proleptic Gregorian"


@pytest.mark.threat(7)
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"operation": "weekday", "date": "2024-02-30"}, "invalid_date"),
        ({"operation": "weekday", "date": "tomorrow"}, "invalid_date"),
        ({"operation": "weekday", "date": "03/04/2024"}, "ambiguous_date"),
        ({"operation": "weekday", "date": "10000-01-01"}, "out_of_range"),
        ({"operation": "weekday", "date": "0000-01-01"}, "out_of_range"),
        ({"operation": "add", "date": "9999-12-31", "days": 1}, "out_of_range"),
        ({"operation": "add", "date": "2024-01-01", "days": 10**30}, "out_of_range"),
        ({"operation": "difference", "date": "2024-01-01"}, "missing_argument"),
        ({"operation": "elapsed", "date": "2024-03-10T01:30", "other": "2024-03-10T03:30"}, "missing_zone"),
        ({"operation": "elapsed", "date": "2024-03-10T02:30", "other": "2024-03-10T03:30", "zone": "America/New_York"},
         "nonexistent_time"),
        ({"operation": "elapsed", "date": "2024-11-03T01:30", "other": "2024-11-03T03:30", "zone": "America/New_York"},
         "ambiguous_time"),
        ({"operation": "elapsed", "date": "2024-01-01", "other": "2024-01-02", "zone": "../../etc/passwd"},
         "unknown_zone"),
        ({"operation": "business_days", "date": "2024-01-01", "other": "2024-02-01", "country": "XX"},
         "unknown_country"),
        ({"operation": "business_days", "date": "1000-01-01", "other": "2024-02-01", "country": "DE"}, "out_of_range"),
    ],
)  # fmt: skip
def test_what_cannot_be_known_is_refused_by_name(arguments: dict[str, Any], expected: str) -> None:
    assert reason(**arguments) == expected


@pytest.mark.threat(7)
def test_an_ambiguous_date_is_refused_with_both_readings() -> None:
    with pytest.raises(Refused) as caught:
        ran(operation="weekday", date="03/04/2024")
    assert "2024-04-03" in caught.value.said and "2024-03-04" in caught.value.said


def test_without_the_package_public_holidays_are_unavailable_and_nothing_is_guessed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)
    seen = ran(operation="business_days", date="2024-12-23", other="2024-12-30", country="DE")
    assert (seen.status, seen.reason, seen.result) == ("unavailable", "no_holidays", None)


@given(st.dates(), st.dates())
def test_adding_a_difference_gives_the_other_date_and_seven_days_the_same_weekday(first: date, second: date) -> None:
    days = ran(operation="difference", date=str(first), other=str(second)).result["days"]
    assert ran(operation="add", date=str(first), days=days).result["result"] == str(second)
    assert days == -ran(operation="difference", date=str(second), other=str(first)).result["days"]
    if first < date(9999, 12, 25):
        later = ran(operation="weekday", date=str(first + timedelta(7))).result["weekday"]
        assert later == ran(operation="weekday", date=str(first)).result["weekday"] == WEEKDAYS[first.weekday()]


@given(st.text(max_size=40), st.sampled_from(["weekday", "leap_year", "elapsed", "difference"]))
def test_no_text_raises_anything_but_a_refusal(text: str, operation: str) -> None:
    try:
        ran(operation=operation, date=text, other=text, zone=text)
    except Refused as refused:
        assert refused.reason


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("On which day of the week did 2000-01-01 fall?", "A Saturday.", "It was a Sunday, as all such days are."),
        ("Which date is 45 days before 2021-01-10?", "November 26, 2020", "It is 2020-11-27."),
        ("How many days are there from 2024-02-28 until 2024-03-01?", "Two days.", "1 day: the 28th is the last."),
        ("What day comes two weeks after 2023-12-25?", "It is 2024-01-08.", "That would be 2024-01-07."),
        ("In Berlin on 2024-03-31, how much time passes from 01:30 to 03:30?", "1 hour", "It is two hours."),
        ("How many hours pass in Europe/London between 2024-10-26T12:00 and 2024-10-27T12:00?", "25 hours", "24 hours"),
    ],
)
def test_answers_about_dates_are_judged_in_either_order(question: str, right: str, wrong: str) -> None:
    assert Calendar().applies(Case(question, {}))
    assert implied(question, right, wrong) == "a"
    assert implied(question, wrong, right) == "b"
    assert implied(question, right, right) is None


@pytest.mark.parametrize(
    "question",
    [
        "What was the weather in Rome on 2023-06-20?",
        "Who was born on 1879-03-14?",
        "How many weeks are there between 2024-01-01 and 2024-03-01, both dates included?",
        "What day of the week is it?",
        "Which weekday was 30 February 2024?",
    ],
)
def test_nothing_is_said_where_the_calendar_alone_cannot_answer(question: str) -> None:
    assert implied(question, "Thursday, 4 days", "Friday, 5 days") is None


def test_a_result_of_the_question_s_own_dates_decides_and_one_of_others_does_not() -> None:
    case = Case(
        "My lease began on 2024-01-31 and I must leave after 30 days. When is that?",
        {"a": "On 2024-03-01.", "b": "On 2024-02-29."},
    )
    for day, days, expected in (("2024-01-31", 30, "a"), ("2024-01-30", 30, None), ("2024-01-31", 29, None)):
        arguments = {"operation": "add", "date": day, "days": days}
        seen = asyncio.run(Calendar().run(arguments, case))
        assert implied_by(Calendar().bearing(arguments, seen, case), ("a", "b")) == expected
    arguments = {"operation": "add", "date": "2024-01-31", "days": 30}
    seen = asyncio.run(Calendar().run(arguments, case))
    assert Calendar().counterfactual(arguments, seen, case)["result"] == "2024-02-29"


@pytest.mark.shared
def test_recorded_questions_on_dates(shared_data: Path) -> None:
    told: Counter[str | None] = Counter()
    for line in (shared_data / "tools" / "tara" / "calendar_train.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        told[implied(row["question"], row["pos_answer"]["answer"], row["neg_answer"]["answer"])] += 1
    assert told["a"] >= 316 and told["b"] == 0

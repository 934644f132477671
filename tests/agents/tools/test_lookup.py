"""Is a table read as it stands, is nothing guessed that is not in it, and are answers held against it?"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import polars
import pytest

from plurijudge.agents.tools.base import Case, Refused
from plurijudge.agents.tools.lookup import Lookup
from plurijudge.agents.tools.tables import fields_of, fold
from plurijudge.text.errors import BadJudge
from plurijudge.text.findings import implied_by

ROWS: list[dict[str, Any]] = [
    {"city": "York", "date": "2024-05-01", "sky": "Rain", "high": "12.5(C), 54.5(F)", "visitors": 1200},
    {"city": "New York", "date": "2024-05-01", "sky": "Light rain", "high": "20.5(C), 68.9(F)", "visitors": 90},
    {"city": "São Tomé", "date": "2024-05-01", "sky": "Sunny", "high": "29.0(C), 84.2(F)", "visitors": 77},
    {"city": "São Tomé", "date": "2024-05-04", "sky": "Partly sunny", "high": "27.1(C), 80.8(F)", "visitors": 12},
]


def as_csv(path: Path) -> str:
    polars.DataFrame(ROWS).write_csv(path / "t.csv")
    return f"{path / 't.csv'}?keys=city,date"


def as_jsonl(path: Path) -> str:
    (path / "t.jsonl").write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")
    return f"{path / 't.jsonl'}?keys=city,date"


def as_list(path: Path) -> str:
    (path / "t.json").write_text(json.dumps(ROWS), encoding="utf-8")
    return f"{path / 't.json'}?keys=city,date"


def as_object(path: Path) -> str:
    told = {}
    for row in ROWS:
        fields = "; ".join(f"{name}: {row[name]}" for name in ("sky", "high", "visitors"))
        told[f"{row['city']}, {row['date']}"] = f"It is: \n{fields}."
    (path / "t.json").write_text(json.dumps(told), encoding="utf-8")
    return f"{path / 't.json'}?keys=city,date"


def as_parquet(path: Path) -> str:
    polars.DataFrame(ROWS).write_parquet(path / "t.parquet")
    return f"{path / 't.parquet'}?keys=city,date"


def as_sqlite(path: Path) -> str:
    connection = sqlite3.connect(path / "t.db")
    connection.execute("CREATE TABLE days (city, date, sky, high, visitors)")
    connection.execute("CREATE TABLE other (x)")
    connection.executemany("INSERT INTO days VALUES (?, ?, ?, ?, ?)", [tuple(row.values()) for row in ROWS])
    connection.commit()
    connection.close()
    return f"{path / 't.db'}?keys=city,date&table=days"


FORMS: list[Callable[[Path], str]] = [as_csv, as_jsonl, as_list, as_object, as_parquet, as_sqlite]


@pytest.fixture
def tool(tmp_path: Path) -> Lookup:
    return Lookup.of(as_list(tmp_path))


def ran(tool: Lookup, **arguments: str) -> Any:
    return asyncio.run(tool.run(arguments, Case("", {}))).result


def implied(tool: Lookup, question: str, *texts: str) -> str | None:
    case = Case(question, dict(zip("abc", texts, strict=False)))
    return implied_by(asyncio.run(tool.check(case)), tuple(case.responses))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_table_says_the_same(form: Callable[[Path], str], tmp_path: Path) -> None:
    tool = Lookup.of(form(tmp_path))
    row = ran(tool, city="new  YORK", date="2024-05-01")["rows"][0]
    assert {name: str(value) for name, value in row.items()} == {name: str(value) for name, value in ROWS[1].items()}
    assert ran(tool, city="York", date="2024-05-01", column="sky")["values"] == ["Rain"]
    assert implied(tool, "What was the sky in New York on 2024-05-01?", "Light rain.", "Rain.") == "a"
    assert implied(tool, "How many visitors had York on 2024-05-01?", "90", "1,200") == "b"


def test_what_is_not_in_it_is_refused_with_what_is_near(tool: Lookup) -> None:
    with pytest.raises(Refused) as caught:
        ran(tool, city="Sao Tome", date="2024-05-01")
    assert caught.value.reason == "not_found" and "São Tomé" in caught.value.said
    assert "no evidence either way" in caught.value.said


def test_a_key_that_stands_twice_brings_both_and_decides_nothing(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("name,price\nnut,3\nnut,4\nbolt,5\n", encoding="utf-8")
    tool = Lookup.of(str(tmp_path / "t.csv"))
    assert [row["price"] for row in ran(tool, name="nut")["rows"]] == ["3", "4"]
    assert implied(tool, "What is the price of a nut?", "3", "9") is None
    assert implied(tool, "What is the price of a bolt?", "It is 5.", "It is 9.") == "a"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("nowhere.csv", "no table"),
        ("", "needs a table"),
        ("t.csv?keys=colour", "no column `colour`"),
        ("t.csv?columns=x", "no option `columns`"),
        ("t.txt", "cannot be read"),
        ("empty.csv", "no rows"),
        ("bad.json", "cannot be read"),
        ("many.db", "name one of its tables"),
    ],
)
def test_a_table_that_cannot_be_read_is_named(
    told: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in (("t.csv", "a,b\n1,2\n"), ("t.txt", "x"), ("empty.csv", "a,b\n"), ("bad.json", "{")):
        Path(name).write_text(text, encoding="utf-8")
    as_sqlite(tmp_path)
    (tmp_path / "t.db").rename("many.db")
    with pytest.raises(BadJudge, match=said):
        Lookup.of(told)


def test_another_file_is_another_ground(tmp_path: Path) -> None:
    first = Lookup.of(as_list(tmp_path)).ground()
    assert Lookup.of(as_list(tmp_path)).ground() == first
    (tmp_path / "t.json").write_text(json.dumps(ROWS[:3]), encoding="utf-8")
    assert Lookup.of(f"{tmp_path / 't.json'}?keys=city,date").ground() != first


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("What was the high in York on 2024-05-01?", "It was 12.5 degrees (C).", "It was 13.5 degrees."),
        ("What was the high in York on 2024-05-01?", "54.5(F)", "12.5(F)"),
        ("What was the high in São Tomé on 2024-05-04?", "About 27 degrees.", "29.0(C) on 2024-05-04"),
        ("Today is 2024-05-01. What will the sky be in São Tomé in 3 days?", "Partly sunny.", "['Sunny']"),
        ("What was the sky of New York 2 days before 2024-05-03?", "New York had Light rain.", "New York had Rain."),
        ("Tell me York's sky on 2024-05-01.", "Rain, on 2024-05-01.", "['Patchy light snow']"),
    ],
)
def test_answers_are_held_against_the_row_that_the_question_names(
    tool: Lookup, question: str, right: str, wrong: str
) -> None:
    assert tool.applies(Case(question, {})) is True
    assert implied(tool, question, right, wrong) == "a"
    assert implied(tool, question, wrong, right) == "b"


@pytest.mark.parametrize(
    ("question", "applies"),
    [
        ("What was the sky in Paris on 2024-05-01?", None),
        ("What was the sky in York some days after 2024-05-01?", None),
        ("What was the sky and the high in York on 2024-05-01?", True),
        ("Was 2024-05-01 in York nice?", True),
        ("Is it kind to thank people?", False),
    ],
)
def test_a_question_that_names_no_one_row_and_column_decides_nothing(
    tool: Lookup, question: str, applies: bool | None
) -> None:
    assert tool.applies(Case(question, {})) is applies
    assert implied(tool, question, "Rain, 12.5", "Sunny, 3") is None


def test_what_the_model_looks_up_counts_where_it_is_the_row_that_is_asked_for(tool: Lookup) -> None:
    case = Case("Was it wet in York on 2024-05-01?", {"a": "Yes: Rain.", "b": "No: Sunny."})
    for arguments, expected in (
        ({"city": "York", "date": "2024-05-01", "column": "sky"}, "a"),
        ({"city": "York", "date": "2024-05-01"}, None),
        ({"city": "New York", "date": "2024-05-01", "column": "sky"}, None),
    ):
        seen = asyncio.run(tool.run(arguments, case))
        assert implied_by(tool.bearing(arguments, seen, case), ("a", "b")) == expected
    asked = Case("What was the sky in York on 2024-05-01?", case.responses)
    arguments = {"city": "York", "date": "2024-05-01", "column": "sky"}
    turned = tool.counterfactual(arguments, asyncio.run(tool.run(arguments, asked)), asked)
    assert turned["values"] == ["No: Sunny."]


def test_a_text_of_fields_is_taken_apart_and_any_other_is_one_value() -> None:
    assert fields_of("So it is: \na b: x; c: 1.5(m).") == {"a b": "x", "c": "1.5(m)"}
    assert fields_of("Only: one.") == {"value": "Only: one."}
    assert fields_of("no fields; at all") == {"value": "no fields; at all"}
    assert fold("  İ  x ") == fold("İ x")


def test_junk_is_read_in_linear_time(tool: Lookup) -> None:
    case = Case("York " * 20_000 + "2024-05-01 " * 1000, {"a": "Rain " * 20_000, "b": "9" * 100_000})
    assert implied_by(asyncio.run(tool.check(case)), ("a", "b")) is None


@pytest.mark.shared
def test_recorded_questions_on_a_table(shared_data: Path) -> None:
    folder = shared_data / "tools" / "tara"
    tool = Lookup.of(f"{folder / 'weather_history.json'}?keys=place,date")
    told: Counter[str | None] = Counter()
    for line in (folder / "weather_test.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        told[implied(tool, row["question"], row["pos_answer"]["answer"], row["neg_answer"]["answer"])] += 1
    assert told == {"a": 158}


ASKED = (
    "What is the {field} in {place} {days} days after {base}?",
    "Please tell me the {field} of {place} on the day that after {base} by {days} days.",
    "Today is {base}. What will {place}'s {field} be in {days} days?",
)


@pytest.mark.shared
def test_a_date_that_a_question_gives_by_an_offset_is_worked_out_first(shared_data: Path) -> None:
    tool = Lookup.of(f"{shared_data / 'tools' / 'tara' / 'weather_history.json'}?keys=place,date")
    rows, drawn = [found[0] for found in tool.table.rows.values()], Random(5)
    told: Counter[str | None] = Counter()
    for number in range(300):
        row, other, days = drawn.choice(rows), drawn.choice(rows), drawn.randint(1, 60)
        if row["overall weather"] == other["overall weather"]:
            continue
        base = date.fromisoformat(row["date"]) - timedelta(days)
        question = ASKED[number % 3].format(field="overall weather", place=row["place"], days=days, base=base)
        texts = [f"{row['place']} can expect {one['overall weather']} on {row['date']}." for one in (row, other)]
        told[implied(tool, question, *texts)] += 1
    assert told["a"] > 200 and set(told) == {"a"}

"""What goes into the store and comes out of it as files, and is it the same afterwards?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars
import pytest

from .conftest import ITEMS, Plurijudge
from .test_bad_input import refused

READ = {"jsonl": polars.read_ndjson, "csv": polars.read_csv, "parquet": polars.read_parquet}


@pytest.mark.parametrize("format", READ)
@pytest.mark.parametrize(("what", "rows"), [("verdicts", 6), ("decisions", 3), ("items", 3)])
def test_everything_is_written_in_every_format(judged: Plurijudge, what: str, rows: int, format: str) -> None:
    done = judged("export", what, "--out", f"x.{format}")
    assert done.code == 0
    assert not done.out
    assert f"{rows} {what} of r-" in done.err and f"written to x.{format}" in done.err
    assert len(READ[format](judged.folder / f"x.{format}")) == rows  # type: ignore[operator]
    piped = judged("export", what, "--format", format)
    assert piped.code == 0
    assert piped.out.startswith("PAR1") == (format == "parquet")


def test_a_failed_export_leaves_the_former_file_alone(judged: Plurijudge) -> None:
    judged.write("x.jsonl", "precious")
    refused(judged("export", "verdicts", "--run", "nope", "--out", "x.jsonl"))
    assert (judged.folder / "x.jsonl").read_text() == "precious"


@pytest.mark.parametrize("format", READ)
def test_items_that_go_out_come_in_the_same(judged: Plurijudge, format: str) -> None:
    assert judged("export", "items", "--out", f"out.{format}").code == 0
    back = judged("import", "items", f"out.{format}", "--db", "other.db", "--json")
    assert back.code == 0
    assert back.json()["items"] == 3
    judged("judge", f"out.{format}", "--judge", "own:longer", "--db", "other.db", "-q")
    again = judged("export", "items", "--db", "other.db").out
    assert again == judged("export", "items").out
    assert [json.loads(line)["id"] for line in again.splitlines()] == [item["id"] for item in ITEMS]


def test_verdicts_that_go_out_come_in_and_measure_the_same(judged: Plurijudge) -> None:
    assert judged("export", "verdicts", "--out", "v.jsonl").code == 0
    other = ("--db", "other.db")
    made = judged("import", "verdicts", "v.jsonl", "--items", "items.jsonl", *other, "--json")
    assert (made.code, made.json()["kept"], made.json()["set_aside"]) == (0, 6, 0)

    def measured(*db: str) -> list[tuple[Any, ...]]:
        rows = judged("agreement", "last", "--json", *db).json()["agreement"]
        return [(r["measure"], r["estimate"], r["n"]) for r in rows if r["measure"] != "accuracy_decisions"]

    assert measured() == measured(*other) != []


def test_two_runs_of_the_same_judge_export_the_same_bytes(judged: Plurijudge) -> None:
    first = judged("export", "verdicts", "--canonical").out
    assert judged("judge", "items.jsonl", "-q", "--fresh").code == 0
    assert judged("export", "verdicts", "--canonical").out == first
    assert judged("export", "decisions", "--canonical").out


def test_bad_lines_of_verdicts_are_reported_and_the_others_kept(plurijudge: Plurijudge) -> None:
    good = {"item": "q1", "judge": "g", "presentation": ["a", "b"], "preferred": "a"}
    rows = [good, {**good, "preferred": "z"}, {**good, "item": "q2", "sample": "x"}, {**good, "item": "q3"}]
    plurijudge.write("v.jsonl", rows)
    done = plurijudge("import", "verdicts", "v.jsonl")
    assert done.code == 0
    assert done.out.startswith("2 of 4 verdicts stored as run r-")
    assert "set aside: v.jsonl:2: `preferred` is 'z'; shown were a, b" in done.err
    assert "set aside: v.jsonl:3: `sample`: is 'x'; needed is a whole number" in done.err
    refused(plurijudge("import", "verdicts", "v.jsonl", "--strict"), "v.jsonl:2", "leave out --strict")
    assert len(plurijudge("runs", "--json").json()) == 1


def test_bad_lines_of_items_are_reported_each_time(plurijudge: Plurijudge) -> None:
    plurijudge.write("items.jsonl", [ITEMS[0], {"id": "q2"}, ITEMS[0]])
    for _ in range(2):
        done = plurijudge("import", "items", "items.jsonl")
        assert done.code == 0
        assert "1 items stored" in done.out and "2 lines set aside" in done.out
        assert "items.jsonl:2: `prompt`: is missing" in done.err
        assert "items.jsonl:3: `id`: 'q1' was given before, on line 1" in done.err
    strict = plurijudge("import", "items", "items.jsonl", "--strict", "--db", "strict.db")
    refused(strict, "items.jsonl: 2 lines cannot be used; nothing was stored", "leave out --strict")
    assert not (plurijudge.folder / "strict.db").exists()


def test_an_import_of_nothing_usable_ends_with_2(plurijudge: Plurijudge) -> None:
    plurijudge.write("v.jsonl", [{"item": "q1"}])
    ended = plurijudge("import", "verdicts", "v.jsonl")
    assert ended.code == 2
    assert "v.jsonl:1: `judge`: is missing" in ended.err
    plurijudge.write("i.jsonl", [{"id": "q1"}])
    assert plurijudge("import", "items", "i.jsonl").code == 2


def test_a_folder_without_recordings_is_refused(plurijudge: Plurijudge) -> None:
    ended = plurijudge("import", "llmbar", "nowhere", "--out", "out")
    assert ended.code == 2
    assert "nowhere" in ended.err
    assert not Path(plurijudge.folder / "out").exists()

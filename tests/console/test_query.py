"""Can a person ask the store in SQL, and never change it?"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .conftest import Plurijudge
from .test_bad_input import refused

WRITES = [
    "DELETE FROM run",
    "UPDATE run SET status = 'open'",
    "INSERT INTO meta (name, value) VALUES ('a', 'b')",
    "DROP TABLE verdict",
    "CREATE TABLE x (y INT)",
    "WITH x AS (SELECT 1) DELETE FROM run",
    "SELECT 1; DELETE FROM run",
    "COMMIT; DELETE FROM run; COMMIT",
    "SELECT 1; COMMIT; DELETE FROM run",
]
ONLY_SQLITE = ["ATTACH 'new.db' AS new", "VACUUM INTO 'new.db'", "PRAGMA query_only = OFF", "PRAGMA user_version = 3"]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def db(request: pytest.FixtureRequest, judged: Plurijudge) -> Iterator[tuple[str, ...]]:
    """The flags that name a store with a run: the folder's, and one on PostgreSQL."""
    if request.param == "sqlite":
        yield ()
        return
    flags = ("--db", request.getfixturevalue("postgres_url"))
    assert judged("judge", "items.jsonl", "--judge", "own:longer", "-q", *flags).code == 0
    yield flags


@pytest.mark.parametrize("statement", WRITES)
def test_nothing_can_be_written(judged: Plurijudge, db: tuple[str, ...], statement: str) -> None:
    before = judged("runs", "--json", *db).out
    refused(judged("query", statement, *db))
    assert judged("runs", "--json", *db).out == before


@pytest.mark.parametrize("statement", ONLY_SQLITE)
def test_nor_can_a_file_be_made_nor_a_setting_changed(judged: Plurijudge, statement: str) -> None:
    judged("query", statement)
    assert "new.db" not in judged.files()
    assert judged("query", "PRAGMA user_version", "--json").json() == [{"user_version": 0}]


def test_a_per_cent_sign_means_itself(judged: Plurijudge, db: tuple[str, ...]) -> None:
    rows = judged("query", "SELECT id, '5 %' AS share FROM item WHERE id LIKE 'q%' ORDER BY id;", "--json", *db).json()
    assert rows == [{"id": f"q{n}", "share": "5 %"} for n in (1, 2, 3)]


def test_numbers_stay_numbers_and_nothing_is_null(judged: Plurijudge, db: tuple[str, ...]) -> None:
    sql = "SELECT avg(verdicts) AS mean, count(*) AS n, sum(verdicts) AS v, NULL AS nothing_at_all FROM decision"
    sql += " WHERE judge IN (SELECT id FROM judge WHERE name LIKE 'callable%')"
    [row] = judged("query", sql, "--json", *db).json()
    assert row == {"mean": 2, "n": 3, "v": 6, "nothing_at_all": None}


def test_wrong_sql_is_said_by_the_database_with_the_way_to_the_tables(judged: Plurijudge, db: tuple[str, ...]) -> None:
    refused(judged("query", "SELECT nope FROM run", *db), "The query failed:", "nope", "query --tables")
    refused(judged("query", "", *db), "needs a statement", "plurijudge query")
    refused(judged("query", "SELEC", *db), "The query failed:")


def test_tables_are_listed_with_the_views(judged: Plurijudge, db: tuple[str, ...]) -> None:
    rows = {row["name"]: row["columns"] for row in judged("query", "--tables", "--json", *db).json()}
    assert {"run", "verdict", "decision", "verdicts_flat", "decisions_flat"} <= set(rows)
    assert "outcome" in rows["decisions_flat"].split(", ")


def test_what_is_left_out_or_named_twice_is_not_lost_in_silence(judged: Plurijudge) -> None:
    few = judged("query", "SELECT id FROM verdict", "--limit", "2", "--json")
    assert len(few.json()) == 2
    assert "only the first 2 rows" in few.err
    assert judged("query", "SELECT 1 AS a, 2 AS a", "--json").json() == [{"a": 1, "a_2": 2}]


def test_json_is_taken_apart_in_sqlite(judged: Plurijudge) -> None:
    sql = "SELECT count(*) AS n FROM decision AS d, json_each(d.left_out) AS one, json_tree(d.dissent) AS other"
    assert judged("query", sql, "--json").json() == [{"n": 0}]

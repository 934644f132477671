"""What goes to standard output, what to standard error, and what does a program that reads it get?"""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from plurijudge.store.tables import metadata

from .conftest import COMMAND, Plurijudge

COMMANDS: dict[str, tuple[str, ...]] = {
    "judge": ("judge", "items.jsonl", "--json"),
    "judge --run": ("judge", "--run", "last", "--json"),
    "judge --dry-run": ("judge", "items.jsonl", "--dry-run", "--json"),
    "runs": ("runs", "--json"),
    "show": ("show", "last", "--json"),
    "show --by": ("show", "last", "--by", "subset", "--json"),
    "show ITEM": ("show", "last", "q1", "--json"),
    "show --graph": ("show", "--graph", "--json"),
    "agreement": ("agreement", "last", "--json"),
    "label": ("label", "last", "q1", "--preferred", "a", "--annotator", "me", "--json"),
    "query": ("query", "SELECT 1 AS one, NULL AS two", "--json"),
    "query --tables": ("query", "--tables", "--json"),
    "doctor": ("doctor", "--json"),
    "import items": ("import", "items", "items.jsonl", "--json"),
    "import verdicts": ("import", "verdicts", "v.jsonl", "--json"),
    "export verdicts": ("export", "verdicts", "--out", "v.csv", "--json"),
    "export decisions": ("export", "decisions", "--out", "d.parquet", "--json"),
    "export items": ("export", "items", "--out", "i.jsonl", "--json"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_json_is_one_document_and_nothing_else_on_stdout(judged: Plurijudge, name: str) -> None:
    judged.write("v.jsonl", [{"item": "q1", "judge": "g", "presentation": ["a", "b"], "preferred": "a"}])
    ended = judged(*COMMANDS[name])
    assert ended.code == 0, ended.err
    assert ended.json() is not None
    assert "NaN" not in ended.out


def test_the_keys_of_json_are_the_columns_of_the_tables(judged: Plurijudge) -> None:
    shown = judged("show", "last", "--json").json()
    traced = judged("show", "last", "q1", "--json").json()
    columns = {name: {column.name for column in table.columns} for name, table in metadata.tables.items()}
    assert all(set(row) == columns["decision"] for row in [*shown["decisions"], traced["decision"]])
    assert all(set(row) <= columns["verdict"] for row in traced["verdicts"])
    assert all(columns["call"] <= set(row) for row in traced["calls"])
    assert {"id", "kind", "status", "created_at"} <= set(judged("runs", "--json").json()[0])


def test_what_is_unknown_is_null(judged: Plurijudge) -> None:
    rows = judged("agreement", "last", "--by", "subset", "--json").json()["agreement"]
    [unknown] = [row for row in rows if row["subset"] == "others" and row["measure"] == "accuracy"]
    assert (unknown["estimate"], unknown["low"], unknown["high"], unknown["n"]) == (None, None, None, 0)
    assert unknown["reason"]


def test_the_answer_is_on_stdout_and_the_talk_on_stderr(judged: Plurijudge) -> None:
    out, err = ((judged.folder / f"first.{name}").read_text() for name in ("out", "err"))
    assert "q1" in out and "recompute: plurijudge agreement" in out
    assert "builtin/heuristic is no LLM" in err and "3 read, 3 judged" in err.splitlines()[-1]
    quiet = judged("judge", "items.jsonl", "-q")
    assert not quiet.out
    assert len(quiet.err.splitlines()) == 2


def test_nothing_is_coloured_or_cut_when_it_is_no_terminal(plurijudge: Plurijudge) -> None:
    name = "a-very-long-name-" * 12
    plurijudge.write("items.jsonl", [{"id": name, "prompt": "x", "responses": _pair()}])
    done = plurijudge("judge", "items.jsonl", "--judge", "own:longer", COLUMNS="40")
    assert "\x1b" not in done.out + done.err
    assert "…" not in done.out
    assert name in done.out


def _pair() -> list[dict[str, Any]]:
    return [{"id": "a", "text": "long enough"}, {"id": "b", "text": "short"}]


def test_no_color_holds_on_a_terminal_too(judged: Plurijudge) -> None:
    from .terminal import Terminal

    coloured = Terminal(judged, "show", "last", "q1").end()
    plain = Terminal(judged, "show", "last", "q1", NO_COLOR="1").end()
    assert (coloured.code, plain.code) == (0, 0)
    assert "\x1b[1m" in coloured.out
    assert "\x1b[3" not in plain.out


@pytest.fixture
def much(judged: Plurijudge) -> Iterator[Plurijudge]:
    """A store of which every answer is longer than a pipe holds."""
    with closing(sqlite3.connect(judged.folder / "plurijudge.db")) as connection:
        connection.execute("UPDATE call SET response = ? || response WHERE response IS NOT NULL", ("words " * 100_000,))
        connection.commit()
    yield judged


@pytest.mark.parametrize("command", ["show last q1", "show last q1 --json", "export verdicts", "query 'SELECT'"])
def test_a_reader_that_leaves_early_is_no_error(much: Plurijudge, command: str) -> None:
    words = ["query", "SELECT response FROM call"] if command.startswith("query") else command.split()
    started = subprocess.Popen(
        [*COMMAND, *words],
        cwd=much.folder,
        env=much.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert started.stdout is not None and started.stderr is not None
    started.stdout.read(10)
    started.stdout.close()
    err = started.stderr.read().decode()
    started.stderr.close()
    assert started.wait() == 0
    assert "rror" not in err and "Traceback" not in err


def test_ids_and_texts_of_any_script_reach_the_reader(plurijudge: Plurijudge) -> None:
    plurijudge.write("items.jsonl", [{"id": "вопрос-質問", "prompt": "[bold]x[/bold] :smile:", "responses": _pair()}])
    done = plurijudge("judge", "items.jsonl", "--judge", "own:longer")
    assert "вопрос-質問" in done.out
    assert "[bold]x[/bold] :smile:" in plurijudge("show", "last", "вопрос-質問").out
    assert json.loads(plurijudge("export", "items").out)["id"] == "вопрос-質問"

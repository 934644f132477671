"""What does Ctrl-C leave behind? A run that ends as if nothing had been, once it is gone on with."""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import text

from plurijudge.store.datasets import dataset_of_file
from plurijudge.store.engine import Store, writing
from plurijudge.store.leases import Leases
from plurijudge.store.runs import find_run, reading

from ..court import rows
from ..loopback import Loopback
from .conftest import Plurijudge, item
from .terminal import CTRL_C, Terminal

ITEMS = [item(f"q{n}") for n in range(30)]


def command(server: Loopback) -> tuple[str, ...]:
    model = ("--model", "openai/m", "--base-url", server.base_url)
    return ("judge", "items.jsonl", *model, "--samples", "2", "-c", "4")


def test_a_run_stopped_once_says_how_to_go_on_and_ends_with_every_verdict_once(plurijudge: Plurijudge) -> None:
    plurijudge.write("items.jsonl", ITEMS)
    with Loopback(latency=0.1, answer="A") as server:
        shell = Terminal(plurijudge, *command(server))
        server.wait_until(lambda stat: stat["good"] >= 12)
        shell.press(CTRL_C)
        left = shell.end()
        assert left.code == 130, left.out
        assert "stopping: what is in flight gets a moment" in left.out
        [again] = re.findall(r"go on with: plurijudge (judge --run \S+)", left.out)
        assert re.search(r"\d+ of 30 items", left.out)  # progress, live on a terminal
        [run] = plurijudge("runs", "--json").json()
        assert run["status"] == "open"
        server.script(latency=0.0)
        done = plurijudge(*again.split(), "--json")
        assert done.code == 0, done.err
        assert len(done.json()["decisions"]) == 30
        assert " of 30 items" not in done.err  # none in a file
        answered = [key["answered"] for key in server.stat()["keys"].values()]
    with closing(sqlite3.connect(plurijudge.folder / "plurijudge.db")) as connection:
        counted = connection.execute(
            "SELECT count(*), count(DISTINCT item || presentation || sample) FROM verdict WHERE run = ?", (run["id"],)
        ).fetchone()
    assert counted == (120, 120)
    assert sum(answered) >= 60


def test_a_second_ctrl_c_leaves_at_once_and_what_hung_is_listed(plurijudge: Plurijudge) -> None:
    with Loopback(faults="hang*") as server:
        shell = Terminal(plurijudge, *command(server))
        server.wait_until(lambda stat: stat["in_flight"] >= 4)
        shell.press(CTRL_C)
        shell.wait_for("Ctrl-C again leaves at once")
        shell.press(CTRL_C)
        left = shell.end()
    assert left.code == 130
    assert "left at once" in left.out
    with Loopback(answer="A") as server:
        options = ("--base-url", server.base_url)
        gone_on = plurijudge("judge", "--run", "last", "--retries", "0")  # the former server is gone
        assert gone_on.code == 2
        assert "Nothing answers" in gone_on.err
        assert plurijudge("judge", "items.jsonl", "--model", "openai/m", *options, "-q").code == 0
    first = plurijudge("runs", "--json").json()[-1]["id"]
    lost = plurijudge("show", first)
    assert re.search(r"unknown outcome: call \d+, item q1, in flight when the process ended", lost.out)
    unknown = plurijudge("show", first, "--json").json()["unknown_outcomes"]
    assert len(unknown) >= 4
    assert {"id", "item", "presentation", "sample", "max_cost"} <= set(unknown[0])


def test_a_reading_command_ends_with_130_on_ctrl_c(judged: Plurijudge) -> None:
    shell = Terminal(judged, "label", "last", "--annotator", "me")
    shell.wait_for("better: 1, 2")
    shell.press(CTRL_C)
    assert shell.end().code == 130


def test_a_run_whose_calls_hang_is_cut_off_after_a_moment_and_goes_on(plurijudge: Plurijudge) -> None:
    plurijudge.write("items.jsonl", ITEMS)
    with Loopback(faults="ok*20,hang*", answer="A") as server:
        shell = Terminal(plurijudge, *command(server))
        server.wait_until(lambda stat: stat["good"] >= 20 and stat["in_flight"] >= 4)
        began = time.monotonic()
        shell.press(CTRL_C)
        shell.wait_for("Ctrl-C again leaves at once")
        left = shell.end()  # without a second one: calls that never end are cut off
        print(f"Ctrl-C while all calls hang: exit code {left.code} after {time.monotonic() - began:.2f} s")
        assert left.code == 130, left.out
        assert "left at once" not in left.out
        server.wait_until(lambda stat: stat["gone"] >= 4 and stat["in_flight"] == 0)
        [again] = re.findall(r"go on with: plurijudge (judge --run \S+)", left.out)
        server.script("ok*")
        done = plurijudge(*again.split(), "--json")
        assert done.code == 0, done.err
        document = done.json()
        assert len(document["decisions"]) == 30
        assert len(document["unknown_outcomes"]) >= 4
        assert server.stat()["good"] == 120  # what was answered before was not asked again


def test_ctrl_c_while_the_file_is_read_leaves_a_run_that_reads_on(plurijudge: Plurijudge) -> None:
    count = 20_000
    plurijudge.write("items.jsonl", (item(f"q{n}") for n in range(count)))
    shell = Terminal(plurijudge, "judge", "items.jsonl", "--limit", "20")
    shell.wait_for("reading: ")
    shell.press(CTRL_C)
    left = shell.end()
    assert left.code == 130, left.out
    [again] = re.findall(r"go on with: plurijudge (judge --run \S+)", left.out)
    assert stored(plurijudge, "SELECT complete, items BETWEEN 1 AND ? - 1 FROM dataset", count) == [(0, 1)]
    assert stored(plurijudge, 'SELECT count(*) FROM "call"') == [(0,)]
    done = plurijudge(*again.split(), "--json")
    assert done.code == 0, done.err
    assert len(done.json()["decisions"]) == 20
    assert stored(plurijudge, "SELECT complete, items FROM dataset") == [(1, count)]


def stored(where: Plurijudge, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """What the store in the folder answers."""
    return rows(where.folder / "plurijudge.db", statement, *values)


@pytest.mark.postgres
def test_ctrl_c_is_heard_while_another_process_reads_the_file(plurijudge: Plurijudge, postgres_url: str) -> None:
    with Store.open(postgres_url, create=True) as store:
        dataset = dataset_of_file(store, plurijudge.folder / "items.jsonl")
        with reading(store, dataset.id):
            shell = Terminal(plurijudge, "judge", "items.jsonl", "--db", postgres_url)
            waiting(store, "SELECT count(*) FROM run", 1)
            shell.press(CTRL_C)
            left = shell.end()
        assert left.code == 130, left.out
        [again] = re.findall(r"go on with: plurijudge (judge --run \S+)", left.out)
        done = plurijudge(*again.split(), "--db", postgres_url, "--json")
        assert done.code == 0, done.err
        assert len(done.json()["decisions"]) == 3


@pytest.mark.postgres
@pytest.mark.parametrize("until", ["", "decided: a>b"])
def test_ctrl_c_is_heard_while_another_worker_has_the_rest(
    plurijudge: Plurijudge, postgres_url: str, until: str
) -> None:
    plurijudge.write("items.jsonl", [item(f"q{n}") for n in range(40)])
    db = ("--db", postgres_url)
    options = ("--judge", "own:longer", "--max-calls", "2", "-q", "-c", "1", *(("--until", until) if until else ()))
    begun = plurijudge("judge", "items.jsonl", *options, *db)
    assert begun.code == 3, begun.err
    with Store.open(postgres_url) as store:
        run = find_run(store, "last")
        other = Leases(store, run.id, worker="other", seconds=600)
        with writing(store.engine).begin() as connection:  # the last block, as if another worker had come to it first
            last = "SELECT max(block) FROM lease WHERE run = :run"
            taken = f"UPDATE lease SET worker = 'other', token = 1, expires = 1e12 WHERE block = ({last})"  # noqa: S608
            connection.execute(text(taken), {"run": run.id})
        shell = Terminal(plurijudge, "judge", "--run", run.id, *db)
        waiting(store, "SELECT count(*) >= 8 FROM decision", True)
        waiting(store, "SELECT count(*) FROM lease WHERE done = 0 AND worker <> 'other' AND expires > 0", 0)
        time.sleep(1.0)  # nothing is left to it but to wait for the other
        shell.press(CTRL_C)
        left = shell.end()
        assert left.code == 130, left.out
        assert find_run(store, run.id).status == "open"
        with writing(store.engine).begin() as connection:
            connection.execute(text("UPDATE lease SET expires = 0 WHERE worker = 'other'"))
        assert other.held_by_others() is None
    done = plurijudge("judge", "--run", run.id, "--json", *db)
    assert done.code == 0, done.err
    document = done.json()
    assert document["status"] == "closed"
    assert document["stopped"].startswith("a>b holds") if until else len(document["decisions"]) == 40


def waiting(store: Store, statement: str, value: object) -> None:
    """Wait until the store answers this; AssertionError after a minute."""
    for _ in range(1200):
        with store.engine.connect() as connection:
            if connection.execute(text(statement)).scalar() == value:
                return
        time.sleep(0.05)
    raise AssertionError(f"`{statement}` never was {value}")

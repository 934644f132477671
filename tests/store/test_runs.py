"""Is a run found by what people call it, held by one process alone, and summed over its rows?"""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from typing import Any

import pytest
from sqlalchemy import insert, text

from plurijudge.store.engine import Store
from plurijudge.store.queries import free_query, runs_of
from plurijudge.store.runs import (
    close_run,
    closing,
    create_run,
    drop_empty_run,
    fellow_worker,
    find_run,
    mark_unknown,
    reading,
    sole_worker,
)
from plurijudge.store.tables import metadata
from plurijudge.text.errors import BadInput, NotFound, RunBusy


def made(store: Store, **columns: Any) -> str:
    with store.engine.begin() as connection:
        connection.execute(text("INSERT INTO dataset (id) VALUES ('d') ON CONFLICT DO NOTHING"))
    judge = {"id": "j", "name": "a judge"}
    return create_run(store, judge=judge, run={"dataset": "d", "judge": "j", "seed": 0, **columns}).id


def call(store: Store, run: str, **columns: Any) -> None:
    with store.engine.begin() as connection:
        connection.execute(insert(metadata.tables["call"]), {"key": "k", "run": run, "sample": 0, **columns})


def test_a_run_is_found_by_name_by_its_ending_and_as_the_last(store: Store) -> None:
    first, second = made(store), made(store)
    assert find_run(store, first).id == first
    assert find_run(store, first.rpartition("-")[2]).id == first
    assert find_run(store, "last").id == second
    with pytest.raises(NotFound, match=r"could be|There is no run"):
        find_run(store, "r-")
    with pytest.raises(NotFound, match="There is no run"):
        find_run(store, "zzz")


def test_an_empty_store_has_no_last_run(store: Store) -> None:
    with pytest.raises(NotFound, match="holds no run"):
        find_run(store, "last")


def test_what_was_in_flight_is_marked_unknown_and_nothing_else(store: Store) -> None:
    run, other = made(store), made(store)
    for status in ("sent", "ok", "error"):
        call(store, run, status=status)
    call(store, other, status="sent")
    assert mark_unknown(store, run) == 1
    _, rows = free_query(store, "SELECT run, status, count(*) FROM call GROUP BY 1, 2 ORDER BY 1, 2")
    assert set(rows) == {(run, "error", 1), (run, "ok", 1), (run, "unknown", 1), (other, "sent", 1)}


def test_a_run_is_listed_with_what_it_took(store: Store) -> None:
    run = made(store)
    call(store, run, status="ok", cost=0.25)
    call(store, run, status="hit", cost=0.0)
    (row,) = runs_of(store)
    assert (row["id"], row["judge_name"], row["calls"], row["cost"], row["status"]) == (run, "a judge", 1, 0.25, "open")
    close_run(store, run)
    assert find_run(store, run).status == "closed"


def test_a_run_in_which_nothing_could_be_judged_is_taken_back_but_not_one_with_calls(store: Store) -> None:
    empty, used = made(store), made(store)
    call(store, used, status="error")
    with store.engine.begin() as connection:
        connection.execute(text(f"INSERT INTO lease (run, block, first, last) VALUES ('{empty}', 0, 0, 1)"))  # noqa: S608
        changed = "INSERT INTO concurrency (run, at, width, reason) VALUES ('{}', 0, 16, 'start')"
        connection.execute(text(changed.format(empty)))
    for run in (empty, used):
        drop_empty_run(store, run)
    assert [row["id"] for row in runs_of(store)] == [used]


def test_one_process_at_a_time_works_on_a_run_and_its_death_frees_it(store: Store) -> None:
    run = made(store)
    hold = textwrap.dedent(
        """
        import sys
        from plurijudge.store.engine import Store
        from plurijudge.store.runs import sole_worker
        with Store.open(sys.argv[1]) as store, sole_worker(store, sys.argv[2]):
            print("held", flush=True)
            sys.stdin.read()
        """
    )
    address = store.url.render_as_string(hide_password=False) if not store.sqlite else str(store.url.database)
    command = [sys.executable, "-c", hold, address, run]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(RunBusy, match=run), sole_worker(store, run):
            pass
        process.kill()
        process.wait()
    for _ in range(200):  # PostgreSQL notices a killed client a moment later
        try:
            with sole_worker(store, run):
                return
        except RunBusy:
            store.engine.dispose()
    pytest.fail("the run was not freed")


def test_several_may_join_a_run_on_postgres_and_one_on_sqlite(both_stores: tuple[Store, Store]) -> None:
    one, many = both_stores
    run = made(one)
    with fellow_worker(one, run), pytest.raises(RunBusy, match=run), fellow_worker(one, run):
        pass
    run = made(many)
    with fellow_worker(many, run) as first, fellow_worker(many, run) as second:
        assert first != second


@pytest.mark.parametrize("dies", [False, True])
def test_of_several_that_would_close_a_run_one_does(store: Store, dies: bool) -> None:
    run = made(store)
    closers: list[int] = []
    tried: list[int] = []

    def work(number: int) -> None:
        with Store.open(store.url.render_as_string(hide_password=False)) as own, closing(own, run) as mine:
            tried.append(number)
            if mine and not (dies and len(tried) == 1):
                closers.append(number)
                close_run(own, run)

    crew = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    assert len(tried) == 4
    assert len(closers) == 1
    assert find_run(store, run).status == "closed"


def test_one_at_a_time_reads_a_data_set(store: Store) -> None:
    inside: list[str] = []

    def work(name: str) -> None:
        with Store.open(store.url.render_as_string(hide_password=False)) as own, reading(own, "d"):
            inside.append(f"{name} in")
            started.wait(0.05)
            inside.append(f"{name} out")

    started = threading.Event()
    crew = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in crew:
        thread.start()
    with reading(store, "another"):
        pass
    for thread in crew:
        thread.join()
    assert [said.split()[1] for said in inside] == ["in", "out"] * 3


@pytest.mark.parametrize(
    "statement", ["DELETE FROM run", "DROP TABLE run", "INSERT INTO meta VALUES ('x', 'y')", "UPDATE run SET seed = 1"]
)
def test_a_persons_query_cannot_write(store: Store, statement: str) -> None:
    run = made(store)
    with pytest.raises(BadInput, match="The query failed"):
        free_query(store, statement)
    assert find_run(store, run).seed == 0


def test_a_persons_query_may_hold_a_percent_sign(store: Store) -> None:
    made(store)
    names, rows = free_query(store, "SELECT name FROM judge WHERE name LIKE '%judge%'")
    assert (names, list(rows)) == (["name"], [("a judge",)])

"""Does the one writer commit what it is given, tell each caller of its own fault, and end in order?"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from plurijudge.store.engine import Store, make_engine
from plurijudge.store.tables import metadata
from plurijudge.store.transactions import again, transact
from plurijudge.store.writer import Writer
from plurijudge.text.errors import StoreError, StoreFull

DATASET = metadata.tables["dataset"]


def put(name: str) -> Any:
    def work(connection: Connection) -> str:
        connection.execute(insert(DATASET), {"id": name})
        return name

    return work


def names(store: Store) -> list[str]:
    with store.engine.connect() as connection:
        return sorted(connection.execute(select(DATASET.c.id)).scalars())


def test_what_a_caller_has_waited_for_is_committed(store: Store) -> None:
    async def main() -> list[str]:
        writer = Writer(store)
        assert await writer.do(put("d-1")) == "d-1"
        seen = names(store)
        await asyncio.gather(*(writer.do(put(f"d-{i}")) for i in range(2, 200)))
        writer.close()
        return seen

    assert asyncio.run(main()) == ["d-1"]
    assert len(names(store)) == 199


def test_one_faulty_job_of_a_batch_is_told_and_the_others_are_written(store: Store) -> None:
    async def main() -> list[Any]:
        writer = Writer(store)
        await writer.do(put("d-1"))
        done = await asyncio.gather(*(writer.do(put(f"d-{i}")) for i in (2, 1, 3)), return_exceptions=True)
        writer.close()
        return done

    two, again, three = asyncio.run(main())
    assert (two, three) == ("d-2", "d-3")
    assert isinstance(again, StoreError)
    assert names(store) == ["d-1", "d-2", "d-3"]


def test_work_sees_what_was_queued_before_it_though_nobody_waits_for_that_any_more(store: Store) -> None:
    def put_all(connection: Connection, given: list[str]) -> list[None]:
        connection.execute(insert(DATASET), [{"id": name} for name in given])
        return [None] * len(given)

    def rename(connection: Connection) -> int:
        return connection.execute(update(DATASET).where(DATASET.c.name == "").values(name="late")).rowcount

    async def main() -> int:
        writer = Writer(store)
        held = threading.Event()
        before = asyncio.ensure_future(writer.do(lambda connection: held.wait()))
        await asyncio.sleep(0.1)  # the writer is at it: what comes now is one batch
        bulk = [asyncio.ensure_future(writer.each(put_all, name)) for name in ("d-1", "d-2")]
        await asyncio.sleep(0)
        bulk[0].cancel()
        renamed = asyncio.ensure_future(writer.do(rename))
        await asyncio.sleep(0)
        held.set()
        await asyncio.wait([before, *bulk])
        found = await renamed
        writer.close()
        return found

    assert asyncio.run(main()) == 2


def test_inserting_a_row_again_is_a_no_op_of_the_database(store: Store) -> None:
    async def main() -> None:
        writer = Writer(store)
        for name in ("first", "second"):
            await writer.insert(DATASET, [{"id": "d-1", "name": name}])
        writer.close()

    asyncio.run(main())
    with store.engine.connect() as connection:
        assert connection.execute(text("SELECT name FROM dataset")).scalars().all() == ["first"]


def test_a_closed_writer_takes_nothing_more(store: Store) -> None:
    async def main() -> None:
        writer = Writer(store)
        writer.close()
        writer.close()
        with pytest.raises(StoreError, match="closed"):
            await writer.do(put("d-1"))

    asyncio.run(main())


def test_the_database_itself_refuses_a_failure_that_looks_like_a_verdict(store: Store) -> None:
    verdict = metadata.tables["verdict"]
    row = {"run": "r", "dataset": "d", "item": "q", "judge": "j", "presentation": '["a","b"]', "sample": 0}

    async def main(**columns: Any) -> None:
        writer = Writer(store)
        try:
            await writer.do(lambda connection: connection.execute(insert(verdict), {**row, **columns}) and None)
        finally:
            writer.close()

    for columns in ({"status": "error", "preferred": "a"}, {"status": "tie"}, {"status": "ok", "p_first": 1.5}):
        with pytest.raises(StoreError):
            asyncio.run(main(**columns))


def test_a_verdict_is_unique_on_its_whole_key(store: Store) -> None:
    columns = "run, dataset, item, judge, persona, arm, step, presentation, sample, status, reason"
    keys = [
        ("r", "d", "q", "j", "", "", "", "[]", 0),
        ("r", "d", "q", "j", "p", "", "", "[]", 0),
        ("r", "d", "q", "j", "", "cue", "", "[]", 0),
        ("r", "d", "q", "j", "", "", "reflect", "[]", 0),
        ("r", "d", "q", "j", "", "", "", "[1]", 0),
        ("r", "d", "q", "j", "", "", "", "[]", 1),
    ]
    statement = f"INSERT INTO verdict ({columns}) VALUES {{}} ON CONFLICT DO NOTHING"  # noqa: S608
    with store.engine.begin() as connection:
        connection.execute(text("INSERT INTO dataset (id) VALUES ('d')"))
        connection.execute(text("INSERT INTO item (dataset, id, position) VALUES ('d', 'q', 1)"))
        connection.execute(text("INSERT INTO run (id, dataset, seed) VALUES ('r', 'd', 0)"))
        for key in [*keys, *keys]:
            values = ", ".join(repr(part) for part in key)
            connection.execute(text(statement.format(f"({values}, 'error', 'x')")))
        assert connection.execute(text("SELECT count(*) FROM verdict")).scalar_one() == len(keys)


def end_backends(store: Store) -> int:
    """Have the server end every connection of the store but the one that asks."""
    ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    ended += " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    asker = make_engine(store.url)
    try:
        with asker.begin() as connection:
            return int(connection.execute(text(ended)).scalar_one())
    finally:
        asker.dispose()


@pytest.mark.postgres
def test_backends_that_are_terminated_between_batches_cost_nothing(postgres_url: str) -> None:
    ended = 0

    async def main(store: Store) -> None:
        nonlocal ended
        writer = Writer(store)
        for batch in range(6):
            done = await asyncio.gather(*(writer.do(put(f"d-{batch}-{n}")) for n in range(20)))
            assert done == [f"d-{batch}-{n}" for n in range(20)]
            ended += await asyncio.to_thread(end_backends, store)
        writer.close()

    with Store.open(postgres_url, create=True) as store:
        asyncio.run(main(store))
        assert ended >= 6
        assert names(store) == sorted(f"d-{batch}-{n}" for batch in range(6) for n in range(20))


@pytest.mark.postgres
def test_a_backend_that_is_terminated_within_a_batch_loses_and_doubles_nothing(postgres_url: str) -> None:
    runs: list[bool] = []

    def put_and_cut(store: Store, name: str) -> Any:
        def work(connection: Connection) -> str:
            connection.execute(insert(DATASET), {"id": name})
            runs.append(again(connection))
            if len(runs) == 1:
                end_backends(store)
            return name

        return work

    async def main(store: Store) -> list[str]:
        writer = Writer(store)
        jobs = [put("d-0"), put_and_cut(store, "d-1"), put("d-2"), put("d-3")]
        done = await asyncio.gather(*map(writer.do, jobs))
        writer.close()
        return done

    with Store.open(postgres_url, create=True) as store:
        assert asyncio.run(main(store)) == ["d-0", "d-1", "d-2", "d-3"]
        assert names(store) == ["d-0", "d-1", "d-2", "d-3"]
    assert runs == [False, False]  # cut before its commit: the database has taken the first run back


@pytest.mark.postgres
def test_work_whose_commit_was_not_heard_of_is_told_and_doubles_nothing(postgres_url: str) -> None:
    told: list[bool] = []

    def put_once(connection: Connection) -> int:
        told.append(again(connection))
        if again(connection):
            return int(connection.execute(text("SELECT count(*) FROM dataset")).scalar_one())
        connection.execute(insert(DATASET), {"id": "d-1"})
        return 0

    with Store.open(postgres_url, create=True) as store:
        lose_one_commit(store)
        assert transact(store, put_once) == 1
        assert names(store) == ["d-1"]
        assert transact(store, lambda connection: again(connection)) is False
    assert told == [False, True]


def lose_one_commit(store: Store) -> None:
    """Let the next commit be made, and its answer be lost with the connection."""
    lost: list[Any] = []

    def commit(connection: Any) -> None:
        driver = connection.connection.driver_connection
        if not lost:
            lost.append(driver)
            driver.commit()
            driver.pgconn.finish()

    event.listen(store.engine, "commit", commit)


@pytest.mark.postgres
def test_a_database_that_stays_away_is_told_to_all_who_wait(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plurijudge.store.transactions.PATIENCE", 0.2)

    async def main(store: Store) -> list[Any]:
        writer = Writer(store)
        assert await writer.do(put("d-0")) == "d-0"
        store.engine.dispose()
        end_backends(store)
        store.engine.dialect.connect = unreachable  # type: ignore[method-assign]
        told = await asyncio.gather(*(writer.do(put(f"d-{n}")) for n in range(1, 30)), return_exceptions=True)
        writer.close()
        return told

    def unreachable(*_: Any, **__: Any) -> Any:
        import psycopg

        raise psycopg.OperationalError("connection failed: Connection refused")

    with Store.open(postgres_url, create=True) as store:
        told = asyncio.run(main(store))
    assert len(told) == 29
    assert all(isinstance(error, StoreError) and "does not answer" in str(error) for error in told)


def test_a_fault_that_is_not_the_connections_is_not_tried_again(store: Store) -> None:
    tried: list[int] = []

    def work(connection: Connection) -> None:
        tried.append(1)
        connection.execute(text("SELECT * FROM no_such_table"))

    with pytest.raises(DBAPIError, match="no_such_table"):
        transact(store, work)
    assert len(tried) == 1


def test_after_a_commit_that_failed_others_are_written(store: Store) -> None:
    failing = [True]

    def fail(connection: Any) -> None:
        if failing.pop():
            failing.append(False)
            raise DBAPIError("COMMIT", {}, sqlite3.OperationalError("database or disk is full"))
        failing.append(False)

    event.listen(store.engine, "commit", fail)

    async def main() -> list[Any]:
        writer = Writer(store)
        done = [(await asyncio.gather(writer.do(put(f"d-{n}")), return_exceptions=True))[0] for n in range(3)]
        writer.close()
        return done

    first, *others = asyncio.run(main())
    assert isinstance(first, StoreFull)
    assert others == ["d-1", "d-2"]
    assert names(store) == ["d-1", "d-2"]

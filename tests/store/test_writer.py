"""Does the one writer commit what it is given, tell each caller of its own fault, and end in order?"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, text

from plurijudge.store.engine import Store
from plurijudge.store.tables import metadata
from plurijudge.store.writer import Writer
from plurijudge.text.errors import StoreError

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

"""Does a process get every item of its run once, and are its blocks done, given back or lost as its items are?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import insert, select

from plurijudge.graphs.blocks import Block, Blocks
from plurijudge.graphs.plan import Plan
from plurijudge.store.engine import Store, writing
from plurijudge.store.leases import Leases
from plurijudge.store.order import block_ranges, order_of
from plurijudge.store.runs import Run, create_run
from plurijudge.store.tables import metadata
from plurijudge.store.writer import Writer
from plurijudge.text.errors import LeaseLost

T = TypeVar("T")
ITEM, LEASE, DATASET = (metadata.tables[name] for name in ("item", "lease", "dataset"))
ITEMS = 10  # three blocks: of four, four and two


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "s.db", create=True) as opened:
        rows = [{"dataset": "d", "id": f"q{n}", "position": n, "prompt": '"?"'} for n in range(1, ITEMS + 1)]
        with writing(opened.engine).begin() as connection:
            connection.execute(insert(DATASET), {"id": "d"})
            connection.execute(insert(ITEM), rows)
        yield opened


@pytest.fixture
def run(store: Store) -> Run:
    return create_run(store, judge={"id": "j"}, run={"dataset": "d", "judge": "j", "seed": 3})


def blocks_of(store: Store, run: Run, *, worker: str = "w", seconds: float = 600, **plan: Any) -> Blocks:
    return Blocks(store, run, Plan(seed=3, **plan), Leases(store, run.id, worker=worker, seconds=seconds))


def leases(store: Store) -> list[tuple[int, int, str, bool]]:
    """Each block with whether it is done, who had it last, and whether it is still held."""
    with store.engine.connect() as connection:
        columns = (LEASE.c.block, LEASE.c.done, LEASE.c.worker, LEASE.c.expires)
        rows = connection.execute(select(*columns).order_by(LEASE.c.block))
        return [(block, done, worker, expires > 0) for block, done, worker, expires in rows]


def done(store: Store) -> list[int]:
    return [state for _, state, _, _ in leases(store)]


def drive(work: Coroutine[Any, Any, T]) -> T:
    async def hurried() -> T:
        async with asyncio.timeout(60):
            return await work

    return asyncio.run(hurried())


@asynccontextmanager
async def writer_of(store: Store) -> AsyncIterator[Writer]:
    writer = Writer(store)
    try:
        yield writer
    finally:
        await asyncio.to_thread(writer.close)


def never() -> bool:
    return False


async def take_all(blocks: Blocks, writer: Writer, *, failing: tuple[str, ...] = ()) -> list[str]:
    """Go through the run as a runner does that judges each block before it takes the next."""
    taken: list[str] = []
    async for block, page in blocks.claimed(never):
        names = [item.id for _, item in page]
        for name in names:
            blocks.take(block, name)
        for name in names:
            assert blocks.of_item(name) is block
            await blocks.settle(block, name, writer, failed=name in failing)
            assert blocks.of_item(name) is None
        taken += names
    return taken


def test_every_item_comes_once_in_the_order_that_the_seed_draws(store: Store, run: Run) -> None:
    async def work() -> tuple[list[str], int]:
        async with writer_of(store) as writer:
            blocks = blocks_of(store, run)
            await blocks.lay_out()
            return await take_all(blocks, writer), blocks.total

    taken, total = drive(work())
    with store.engine.connect() as connection:
        drawn = [f"q{position}" for position in order_of(connection, "d", seed=3)]
    assert taken == drawn and total == ITEMS
    assert done(store) == [1] * len(block_ranges(ITEMS)) == [1, 1, 1]


def test_a_run_may_take_the_items_as_they_are_given_and_only_the_first(store: Store, run: Run) -> None:
    async def work() -> list[str]:
        async with writer_of(store) as writer:
            blocks = blocks_of(store, run, order="given", limit=7)
            await blocks.lay_out()
            assert blocks.total == 7
            return await take_all(blocks, writer)

    assert drive(work()) == [f"q{n}" for n in range(1, 8)]


def test_a_block_is_done_with_its_last_item_and_not_before(store: Store, run: Run) -> None:
    async def work() -> None:
        async with writer_of(store) as writer:
            blocks = blocks_of(store, run)
            await blocks.lay_out()
            async for block, page in blocks.claimed(never):
                names = [item.id for _, item in page]
                for name in names:
                    blocks.take(block, name)
                for name in names[:-1]:
                    await blocks.settle(block, name, writer, failed=False)
                assert done(store) == [0, 0, 0]
                await blocks.settle(block, names[-1], writer, failed=False)
                assert done(store) == [1, 0, 0]
                await blocks.settle(block, names[-1], writer, failed=True)  # once more changes nothing
                assert done(store) == [1, 0, 0]
                return

    drive(work())


def test_a_block_with_nothing_left_to_judge_is_done_at_once(store: Store, run: Run) -> None:
    async def work() -> None:
        async with writer_of(store) as writer:
            blocks = blocks_of(store, run)
            await blocks.lay_out()
            async for block, _ in blocks.claimed(never):
                await blocks.finish(block, writer)

    drive(work())
    assert done(store) == [1, 1, 1]


def test_a_block_in_which_something_failed_is_given_out_again_when_the_run_goes_on(store: Store, run: Run) -> None:
    async def work() -> tuple[list[str], list[str]]:
        async with writer_of(store) as writer:
            first = blocks_of(store, run)
            await first.lay_out()
            whole = await take_all(first, writer, failing=("q1", "q2"))
            failed = [state == 2 for state in done(store)]
            later = blocks_of(store, run, worker="later")
            await later.lay_out()
            assert await take_all(later, writer) == []  # nothing is open
            await asyncio.to_thread(later.leases.reopen)
            again = await take_all(later, writer)
            parts = [whole[start:end] for start, end in block_ranges(ITEMS)]
            assert again == [name for part, bad in zip(parts, failed, strict=True) if bad for name in part]
            return again, whole

    again, whole = drive(work())
    assert {"q1", "q2"} <= set(again) < set(whole)
    assert done(store) == [1, 1, 1]


def test_what_is_given_back_is_free_for_whoever_comes_next(store: Store, run: Run) -> None:
    async def work() -> list[str]:
        async with writer_of(store) as writer:
            first = blocks_of(store, run)
            await first.lay_out()
            claims: Any = first.claimed(never)
            held, page = await anext(claims)
            for _, item in page:
                first.take(held, item.id)
            await anext(claims)
            await claims.aclose()
            assert [is_held for *_, is_held in leases(store)] == [True, True, False]
            await first.give_back()
            assert [is_held for *_, is_held in leases(store)] == [False] * 3
            assert done(store) == [0, 0, 0]
            await first.give_back()
            after = blocks_of(store, run, worker="next")
            await after.lay_out()
            return await take_all(after, writer)

    assert len(drive(work())) == ITEMS


def test_a_lost_block_is_neither_finished_nor_given_back(store: Store, run: Run) -> None:
    async def work() -> None:
        async with writer_of(store) as writer:
            late = blocks_of(store, run)
            await late.lay_out()
            claims: Any = late.claimed(never)
            block, page = await anext(claims)
            await claims.aclose()
            names = [item.id for _, item in page]
            for name in names:
                late.take(block, name)
            other = Leases(store, run.id, worker="other", seconds=600)
            assert await asyncio.to_thread(other.claim) is not None
            late.lose(block)
            assert block.lost
            for name in names:
                await late.settle(block, name, writer, failed=False)
            await late.give_back()
            assert leases(store)[0] == (0, 0, "other", True)

    drive(work())


def test_a_worker_that_comes_too_late_is_told_when_it_finishes(store: Store, run: Run) -> None:
    async def work() -> None:
        async with writer_of(store) as writer:
            late = blocks_of(store, run)
            await late.lay_out()
            claims: Any = late.claimed(never)
            block, page = await anext(claims)
            await claims.aclose()
            late.take(block, page[0][1].id)
            await asyncio.to_thread(Leases(store, run.id, worker="other", seconds=600).claim)
            with pytest.raises(LeaseLost, match="came too late"):
                await late.settle(block, page[0][1].id, writer, failed=False)

    drive(work())
    assert leases(store)[0] == (0, 0, "other", True)


def test_renewing_finds_out_what_is_lost_and_keeps_the_rest(store: Store, run: Run) -> None:
    async def work() -> tuple[Block, Block]:
        blocks = blocks_of(store, run, seconds=0.06)
        await blocks.lay_out()
        claims: Any = blocks.claimed(never)
        first, _ = await anext(claims)
        second, _ = await anext(claims)
        await claims.aclose()
        before = first.lease.token
        taken = await asyncio.to_thread(Leases(store, run.id, worker="other", seconds=600).claim)
        assert taken is not None and (taken.block, taken.token) == (first.lease.block, before + 1)
        keeping = asyncio.create_task(blocks.keep())
        await blocks._freed.wait()
        keeping.cancel()
        return first, second

    first, second = drive(work())
    assert first.lost and not second.lost
    assert leases(store)[1][2] == "w"


def test_no_block_is_claimed_once_it_is_over(store: Store, run: Run) -> None:
    async def work() -> int:
        blocks = blocks_of(store, run)
        await blocks.lay_out()
        seen: list[Block] = []
        async for block, _ in blocks.claimed(lambda: bool(seen)):
            seen.append(block)
        return len(seen)

    assert drive(work()) == 1
    assert [worker for _, _, worker, _ in leases(store)] == ["w", "", ""]


def test_the_end_waits_for_the_blocks_that_are_under_way(store: Store, run: Run) -> None:
    async def work() -> list[str]:
        async with writer_of(store) as writer:
            blocks = blocks_of(store, run)
            await blocks.lay_out()
            told: list[str] = []
            open_blocks: list[tuple[Block, list[str]]] = []
            all_open = asyncio.Event()

            async def settle_later() -> None:
                await all_open.wait()
                for block, names in open_blocks:
                    for name in names:
                        await blocks.settle(block, name, writer, failed=False)
                    told.append(f"block {block.lease.block}")

            later = asyncio.create_task(settle_later())
            async for block, page in blocks.claimed(never):
                names = [item.id for _, item in page]
                for name in names:
                    blocks.take(block, name)
                open_blocks.append((block, names))
                if len(open_blocks) == 3:
                    all_open.set()
            told.append("over")
            await later
            return told

    assert drive(work())[:2] == ["block 0", "block 1"]
    assert done(store) == [1, 1, 1]


def test_a_run_without_items_is_over_at_once(store: Store) -> None:
    with writing(store.engine).begin() as connection:
        connection.execute(insert(DATASET), {"id": "empty"})
    run = create_run(store, judge={"id": "j"}, run={"dataset": "empty", "judge": "j", "seed": 3})

    async def work() -> list[Any]:
        blocks = blocks_of(store, run)
        await blocks.lay_out()
        assert blocks.total == 0
        return [block async for block in blocks.claimed(never)]

    assert drive(work()) == []

"""Which items does this process judge now? Blocks of the run's order, leased, so that processes share a run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..store.engine import Store
from ..store.leases import Lease, Leases
from ..store.order import block_ranges, items_at, order_of
from ..store.records import Item
from ..store.runs import Run
from ..store.transactions import ask
from ..store.writer import Writer
from .plan import Plan

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_POLL = 0.5


@dataclass(slots=True)
class Block:
    """A block that this process has: its items are taken up, judged and settled one by one.

    Attributes:
        lease: as it was claimed.
        open: items that are not settled yet.
        failed: whether some could not be judged.
        lost: whether another process has it now.
    """

    lease: Lease
    open: set[str] = field(default_factory=set)
    failed: bool = False
    lost: bool = False


@dataclass(slots=True)
class Blocks:
    """The blocks of a run as this process claims them, until none is left.

    Attributes:
        store: where the run is.
        run: the run.
        plan: how its items are ordered.
        leases: who has which block.
        order: the positions of the run's items in its order, once it is laid out.
    """

    store: Store
    run: Run
    plan: Plan
    leases: Leases
    order: NDArray[np.int64] | None = None
    _mine: dict[int, Block] = field(default_factory=dict)
    _of_item: dict[str, Block] = field(default_factory=dict)
    _freed: asyncio.Event = field(default_factory=asyncio.Event)
    _ending: int = 0

    async def lay_out(self) -> NDArray[np.int64]:
        """Draw the order of the items, which must all be stored, and cut it into blocks; gives their positions."""

        def work() -> NDArray[np.int64]:
            plan, dataset = self.plan, self.run.dataset
            shuffled = plan.order == "random"
            order = ask(self.store, lambda c: order_of(c, dataset, seed=plan.seed, limit=plan.limit, shuffled=shuffled))
            self.leases.lay_out(block_ranges(len(order)))
            return order

        self.order = await asyncio.to_thread(work)
        return self.order

    async def claimed(self, over: Callable[[], bool]) -> AsyncGenerator[tuple[Block, list[tuple[int, Item]]], None]:
        """Block by block, with its items in order, until all blocks of the run are done or it is over for this process.

        Where the others are being worked on elsewhere it waits: a process that dies leaves its blocks behind.
        """
        assert self.order is not None
        while not over():
            self._freed.clear()
            lease = await asyncio.to_thread(self.leases.claim)
            if lease is not None:
                block = self._mine[lease.block] = Block(lease)
                yield block, await asyncio.to_thread(self._read, self.order[lease.first : lease.last])
                continue
            if not await asyncio.to_thread(self.leases.left):
                return
            if self._mine or self._ending:
                await self._one_of_mine()
            else:
                wait = await asyncio.to_thread(self.leases.held_by_others)
                await asyncio.sleep(min(_POLL, _POLL if wait is None else max(0.01, wait)))

    def _read(self, positions: NDArray[np.int64]) -> list[tuple[int, Item]]:
        return ask(self.store, lambda connection: items_at(connection, self.run.dataset, positions))

    async def _one_of_mine(self) -> None:
        try:
            async with asyncio.timeout(_POLL):
                await self._freed.wait()
        except TimeoutError:
            return

    def take(self, block: Block, item: str) -> None:
        """Say that an item of a block is to be judged."""
        block.open.add(item)
        self._of_item[item] = block

    def of_item(self, item: str) -> Block | None:
        """The block that an item under way belongs to; None where the run's items are not leased."""
        return self._of_item.get(item)

    async def settle(self, block: Block, item: str, writer: Writer, *, failed: bool) -> None:
        """Say that an item is judged, or cannot be; with the last one its block is done."""
        block.open.discard(item)
        block.failed |= failed
        self._of_item.pop(item, None)
        if not block.open:
            await self.finish(block, writer)

    async def finish(self, block: Block, writer: Writer) -> None:
        """Mark a block as done, as soon as all of its items are settled."""
        if self._mine.pop(block.lease.block, None) is None:
            return
        self._ending += 1
        try:
            if not block.lost:
                await writer.do(lambda c: self.leases.finish(c, block.lease, failed=block.failed))
        finally:
            self._ending -= 1
            self._freed.set()

    def lose(self, block: Block) -> None:
        """Say that another process has a block: nothing of it is taken up or written any more."""
        block.lost = True
        self._mine.pop(block.lease.block, None)
        self._freed.set()

    async def keep(self) -> None:
        """Renew the leases for as long as this runs."""
        while True:
            await asyncio.sleep(self.leases.seconds / 3)
            mine = {block.lease.block: block for block in self._mine.values()}
            for number in await asyncio.to_thread(self.leases.renew, [block.lease for block in mine.values()]):
                if number in self._mine:
                    self.lose(mine[number])

    async def give_back(self) -> None:
        """Give back what is not done, so that whoever goes on need not wait for the leases to run out."""
        for block in [*self._mine.values()]:
            await asyncio.to_thread(self.leases.release, block.lease)
        self._mine.clear()

    @property
    def total(self) -> int:
        """How many items the run has; 0 until its order is laid out."""
        return 0 if self.order is None else len(self.order)

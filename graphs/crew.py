"""How do several workers share a run's calls? One queue, one model, one budget; stopped, they end and can go on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ..agents.judge import Judge
from ..agents.model import Model
from ..store.engine import Store
from ..store.ledger import Ledger
from ..store.progress import tally
from ..store.records import Item
from ..store.runs import Run, close_run, mark_unknown, sole_worker, stop_run
from ..store.transactions import ask
from ..store.writer import Writer
from ..text.errors import StoreError
from .budget import Spending
from .model import model_of
from .process import tuned
from .runner import Pace, Progress, Watch

Work = Callable[[Model, Item], Awaitable[bool]]
"""Does an item's work with the model; gives whether all of it came about."""


@dataclass(slots=True)
class Crew:
    """Workers on one run, each with an item in hand.

    Attributes:
        store: where the run is.
        judge: whose model is asked.
        pace: concurrency, deadlines and budget.
        watch: called with the progress after each item.
        stop: set it to end early.
    """

    store: Store
    judge: Judge
    pace: Pace
    watch: Watch | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    _enough: str = ""

    async def work(
        self,
        run: Run,
        items: Iterator[Item],
        work: Work,
        *,
        needed: Callable[[Item], int],
        expected: int | None = None,
    ) -> str:
        """Have every item worked on, and close the run unless that was stopped.

        Args:
            run: an open run.
            items: taken up one by one as workers are free.
            work: what is done with each.
            needed: how many calls an item takes at most, repairs apart.
            expected: how many items there are, None where that is not known before they are taken up.

        Returns:
            Why it was stopped, '' where it was not.

        Raises:
            ModelError: if the model cannot be called at all.
            StoreError: if the store cannot be written; what was written is kept.
            RunBusy: if another process works on the run.
        """
        with tuned(), sole_worker(self.store, run.id) as worker:
            await asyncio.to_thread(mark_unknown, self.store, run.id)
            async with self._model(run, worker) as model:
                spending = Spending.of(self.pace.budget, ask(self.store, lambda connection: tally(connection, run.id)))
                progress = Progress(total=expected or 0, expected=expected)
                crew = [
                    self._worker(items, work, needed, model, spending, progress)
                    for _ in range(max(1, self.pace.limits.concurrency))
                ]
                await self._until_stopped(crew)
            stopped = self._enough or ("interrupted" if self.stop.is_set() else "")
            if stopped:
                await asyncio.to_thread(stop_run, self.store, run.id, stopped)
            else:
                await asyncio.to_thread(close_run, self.store, run.id)
            return stopped

    @asynccontextmanager
    async def _model(self, run: Run, worker: str) -> AsyncIterator[Model]:
        writer = Writer(self.store)
        model: Model | None = None
        try:
            ledger = Ledger(writer, run=run.id, dataset=run.dataset, worker=worker)
            model = model_of(self.judge, ledger=ledger, limits=self.pace.limits)
            yield model
        finally:
            if model is not None:
                with contextlib.suppress(StoreError):
                    await model.close()
            await asyncio.to_thread(writer.close)

    async def _until_stopped(self, crew: Sequence[Awaitable[None]]) -> None:
        """All workers, and a moment's grace for what is under way after a stop."""
        tasks = [asyncio.ensure_future(one) for one in crew]
        stopping = asyncio.ensure_future(self.stop.wait())
        group = asyncio.ensure_future(asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION))
        try:
            await asyncio.wait({group, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not group.done():
                await asyncio.wait({group}, timeout=self.pace.grace)
        finally:
            for task in (*tasks, group, stopping):
                task.cancel()
        for said in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(said, Exception):
                raise said

    async def _worker(
        self,
        items: Iterator[Item],
        work: Work,
        needed: Callable[[Item], int],
        model: Model,
        spending: Spending,
        progress: Progress,
    ) -> None:
        for item in items:
            full = await spending.room_for(item.id, needed(item), [model], over=self._is_over)
            if full is not None:
                self._enough = self._enough or full
                return
            whole = await work(model, item)
            spending.settle(item.id, sent=model.sent)
            progress.judged += 1
            progress.done += whole
            progress.failed += not whole
            if self.watch is not None:
                self.watch(progress)

    def _is_over(self) -> bool:
        """Whether nothing new is taken up."""
        return bool(self._enough) or self.stop.is_set()

"""How does a whole data set get judged? Items stream in, a fixed number is in flight, each is written as it is done."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection

from ..agents.judge import Judge
from ..agents.model import Limits
from ..agents.panel import Panel
from ..store.canonical import canonical
from ..store.datasets import Reading, find_dataset, item_pages, stream, take_in
from ..store.engine import Store
from ..store.faults import Fault
from ..store.leases import Leases
from ..store.ledger import Ledger
from ..store.progress import (
    ItemOutcome,
    decided,
    failures,
    give_up_on,
    standing,
    tally,
    write_changes,
    write_outcomes,
)
from ..store.records import Item, ToolCall, Verdict
from ..store.runs import (
    Run,
    close_run,
    closing,
    drop_empty_run,
    fellow_worker,
    mark_unknown,
    reading,
    sole_worker,
    stop_run,
)
from ..store.tool_results import ToolResults
from ..store.transactions import ask
from ..store.writer import Writer, now
from ..text.errors import LeaseLost, NothingToJudge, PlurijudgeError, StoreError
from .blocks import Block, Blocks
from .budget import Budget, Spending
from .early import EarlyEnd
from .model import Models
from .panel import decision_of, graph_of, units_of
from .parts import part_of
from .plan import Plan
from .process import tuned
from .reconcile import place_of
from .state import Bench, Heard, JudgeState

T = TypeVar("T")
_PAGE = 200
_KEPT_FAULTS = 100
_OUT = ("verdicts", "decision", "tool_calls")


@dataclass(frozen=True, slots=True)
class Pace:
    """How a run is driven, none of which changes what is judged.

    Attributes:
        limits: of single calls.
        item_timeout: seconds for one item, everything included.
        grace: seconds that what is in flight gets after a stop.
        budget: the most that the run may take.
        lease: seconds that a share of a run stays this process's without a sign of life; others then take it over.
    """

    limits: Limits = field(default_factory=Limits)
    item_timeout: float = 1800.0
    grace: float = 3.0
    budget: Budget = field(default_factory=Budget)
    lease: float = 60.0


@dataclass(slots=True)
class Progress:
    """How far a run is: counted while it goes, for people to watch; what it comes to is summed over rows afterwards.

    Attributes:
        total: items known so far that the run will look at.
        expected: how many there will be, None where that cannot be known before they are read.
        done: items decided, now or before.
        judged: items judged by this process.
        failed: items that this process could not judge.
        lost: items that another process took over.
        read: items read so far, before the first is judged.
        set_aside: items that the protocol cannot judge.
        started: when this process began, on the monotonic clock.
    """

    total: int = 0
    expected: int | None = None
    done: int = 0
    judged: int = 0
    failed: int = 0
    lost: int = 0
    read: int = 0
    set_aside: int = 0
    started: float = field(default_factory=time.monotonic)
    faults: list[Fault] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Items a second by this process, 0 at the start."""
        spent = time.monotonic() - self.started
        return self.judged / spent if spent > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Known:
    """What the store says of a page of items.

    Attributes:
        done: those that have a decision in the run.
        before: the verdicts that the others have.
        wanted: those that the run is about.
        again: per item, the verdicts that failed in the run that this one retries.
    """

    done: set[str]
    before: dict[str, list[Verdict]]
    wanted: set[str]
    again: dict[str, set[Heard]]


@dataclass(frozen=True, slots=True)
class Open:
    """An item to be judged.

    Attributes:
        item: the item.
        before: the verdicts of it that stand.
        again: those of its verdicts that failed in the run that this one retries.
        block: the block that it is part of; None where the run's items are not leased.
    """

    item: Item
    before: list[Verdict]
    again: frozenset[Heard]
    block: Block | None = None


Watch = Callable[[Progress], None]
Ready = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Job:
    """One process's work on one run.

    `enough` says which limit of its budget it has reached, '' for none; `ready` is waited for once the items can be
    looked at in the store and before the first is judged, and may refuse by raising.
    """

    store: Store
    run: Run
    judge: Judge
    plan: Plan
    reading: Reading
    pace: Pace = field(default_factory=Pace)
    watch: Watch | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    panel: Panel | None = None
    progress: Progress = field(default_factory=Progress)
    enough: str = ""
    ready: Ready | None = None
    _blocks: Blocks | None = None
    _early: EarlyEnd | None = None

    async def work(self) -> dict[str, Any]:
        """Judge what is open, close the run if nothing stopped it, and give its sums.

        Raises:
            NothingToJudge: if the data set holds no item that can be judged.
            ModelError: if the model cannot be called at all; the run stays open.
            StoreError: if the store cannot be written; what was written is kept.
            RunBusy: if another process works on the run, and it cannot be shared.
        """
        shared = self.plan.order == "random"
        with tuned(), (fellow_worker if shared else sole_worker)(self.store, self.run.id) as worker:
            await asyncio.to_thread(mark_unknown, self.store, self.run.id)
            self.progress.expected = self._expected()
            if shared:
                leases = Leases(self.store, self.run.id, worker=worker, seconds=self.pace.lease)
                self._blocks = Blocks(self.store, self.run, self.plan, leases)
            writer, models = Writer(self.store), None
            try:
                ledger = Ledger(writer, run=self.run.id, dataset=self.run.dataset, worker=worker, held=self._hold_item)
                models = Models.of(self.judge, self.panel, ledger=ledger, limits=self.pace.limits)
                toolbox = self.judge.toolbox(
                    mode=self.plan.tool_mode,
                    results=ToolResults(self.store),
                    store=self.store,
                    probe=self.plan.tool_probe,
                )
                bench = Bench.of(
                    self.judge, models, self.plan, secret=self.store.secret, toolbox=toolbox, panel=self.panel
                )
                spending = Spending.of(self.pace.budget, await asyncio.to_thread(self.sums))
                await self._judge_all(writer, bench, models, spending)
                await self._end(writer)
            finally:
                if self._blocks is not None:
                    with contextlib.suppress(StoreError):  # whoever goes on waits for the leases to run out
                        await self._blocks.give_back()
                if models is not None:
                    with contextlib.suppress(StoreError):
                        await self._note_changes(writer, models, worker)
                    await models.close()
                await asyncio.to_thread(writer.close)
            return self.sums()

    async def _end(self, writer: Writer) -> None:
        """Close the run where nothing stopped it, or where enough is known; only one of several workers does."""
        if self._is_over() or not await self._see_it_closed(writer):
            await asyncio.to_thread(stop_run, self.store, self.run.id, self.enough or "interrupted")

    async def _see_it_closed(self, writer: Writer) -> bool:
        """Wait for what others still judge, and close the run unless one of them does; False if stopped meanwhile."""
        if self._blocks is not None:
            others = self._blocks.leases.held_by_others
            while not self.stop.is_set() and await asyncio.to_thread(others) is not None:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        async with _in_thread(closing(self.store, self.run.id, over=self.stop.is_set)) as mine:
            if mine and not self.stop.is_set():
                await self._close(writer)
        return not self.stop.is_set()

    async def _note_changes(self, writer: Writer, models: Models, worker: str) -> None:
        """Keep how the number of calls in flight was changed."""
        told = {"run": self.run.id, "worker": worker, "created_at": now()}
        changes = [
            {**told, "provider": model.name.partition("/")[0], **asdict(change)}
            for model in models.all
            for change in model.changes()
        ]
        if changes:
            await writer.do(lambda c: write_changes(c, changes))

    def _hold_item(self, connection: Connection, item: str) -> None:
        """Within a transaction that writes for an item: make sure that it is still this process's."""
        if self.store.sqlite or self._blocks is None:  # no other process works on the run
            return
        if (block := self._blocks.of_item(item)) is not None:
            self._blocks.leases.hold(connection, block.lease)

    def _expected(self) -> int | None:
        known = self.reading.expected()
        if self.plan.retry_of or known is None:
            return None
        return known if self.plan.limit is None else min(known, self.plan.limit)

    def sums(self) -> dict[str, Any]:
        """The run's sums over its rows."""
        return ask(self.store, lambda connection: tally(connection, self.run.id))

    async def _judge_all(self, writer: Writer, bench: Bench, models: Models, spending: Spending) -> None:
        workers = max(1, self.pace.limits.concurrency)
        queue: asyncio.Queue[Open | None] = asyncio.Queue(2 * workers)
        try:
            async with asyncio.TaskGroup() as group:
                crew = [group.create_task(self._worker(queue, writer, bench, models, spending)) for _ in range(workers)]
                beside = [group.create_task(self._end_after_grace(queue, crew))]
                if self._blocks is not None:
                    beside.append(group.create_task(self._blocks.keep()))
                await self._feed(queue, writer)
                for _ in crew:
                    await _put_or_stop(queue, None, self.stop)
                await asyncio.wait(crew)
                for task in beside:
                    task.cancel()
        except BaseExceptionGroup as several:
            raise _plainest(several) from None
        if self.progress.total == 0 and not self.stop.is_set() and not self.enough:
            await self._see_whether_any()

    async def _see_whether_any(self) -> None:
        """Take the run back if it has nothing to judge; another worker may have judged all there is."""
        sums = await asyncio.to_thread(self.sums)
        if sums["decisions"] or sums["calls"] or sums["hits"] or self.progress.lost:
            return
        await asyncio.to_thread(drop_empty_run, self.store, self.run.id)
        unfit = f"mend the items, or try another way than --protocol {self.judge.protocol}"
        way_out = unfit if self.progress.set_aside else "one JSON object a line, as docs/files.md shows"
        raise NothingToJudge(self._why_nothing(), way_out=way_out)

    def _why_nothing(self) -> str:
        faults = [*map(str, self.reading.new_faults), *map(str, self.progress.faults)]
        faults = faults or [str(Fault(**fault)) for fault in self.reading.dataset.faults]
        said = f"{self.reading.dataset.path or self.reading.dataset.name} holds no item that can be judged"
        return f"{said}: {'; '.join(faults[:5])}" if faults else f"{said}: it is empty."

    async def _end_after_grace(self, queue: asyncio.Queue[Any], crew: list[asyncio.Task[None]]) -> None:
        """After a stop: take nothing new up, and let what is in flight end, for a while."""
        await self.stop.wait()
        while not queue.empty():
            queue.get_nowait()
        with contextlib.suppress(asyncio.QueueFull):
            for _ in crew:
                queue.put_nowait(None)
        await asyncio.wait(crew, timeout=self.pace.grace)
        for task in crew:
            task.cancel()

    async def _feed(self, queue: asyncio.Queue[Any], writer: Writer) -> None:
        async for given in self._open_items(writer):
            if self._is_over():
                return
            await _put_or_stop(queue, given, self.stop)

    async def _open_items(self, writer: Writer) -> AsyncIterator[Open]:
        """The items that have no decision yet, each with the verdicts that stand."""
        async for block, page in self._taken(writer):
            known = await asyncio.to_thread(self._look_up, [item.id for _, item in page])
            found = [*self._undone(block, page, known)]
            if block is not None and self._blocks is not None:
                for given in found:
                    self._blocks.take(block, given.item.id)
                if not found:
                    await self._blocks.finish(block, writer)
            for given in found:
                yield given

    async def _taken(self, writer: Writer) -> AsyncIterator[tuple[Block | None, list[tuple[int, Item]]]]:
        """The run's items, page by page: in the order given as they are read, else block by block once all are read."""
        if self._blocks is None:
            async for page in _pages(stream(self.store, self.reading, writer, limit=self.plan.limit)):
                await self._begin()
                yield None, page
            return
        if not await self._take_in(writer):
            return
        await self._begin()
        order = await self._blocks.lay_out()
        await asyncio.to_thread(self._blocks.leases.reopen)
        self.progress.expected = len(order)
        if self.plan.until or self.plan.gate:
            self._early = EarlyEnd(self.store, self.run, self.plan, order=order)
        async for block, page in self._blocks.claimed(self._is_over):
            if self._early is not None and await asyncio.to_thread(self._early.look):
                await asyncio.to_thread(self._blocks.leases.release, block.lease)
                self._blocks.lose(block)
                return
            yield block, page

    async def _begin(self) -> None:
        """Wait for whoever is to be asked before the first item; a run that they refuse is taken back."""
        ready, self.ready = self.ready, None
        if ready is None or self.stop.is_set():
            return
        try:
            await ready()
        except PlurijudgeError:
            await asyncio.to_thread(drop_empty_run, self.store, self.run.id)
            raise

    async def _take_in(self, writer: Writer) -> bool:
        """Read the rest of the data set into the store, one process at a time; says whether all of it is there."""

        def told(n: int) -> None:
            self.progress.read += n
            self._tell()

        if self.reading.dataset.complete:
            return True
        if not self.reading.dataset.path:  # what a program gives, no other process can read
            return await take_in(self.reading, writer, stop=self.stop, told=told)
        async with _in_thread(reading(self.store, self.reading.dataset.id, over=self.stop.is_set)) as mine:
            if not mine:
                return False
            dataset = await asyncio.to_thread(find_dataset, self.store, self.reading.dataset.id)
            self.reading = await asyncio.to_thread(Reading.of_file, dataset)
            return await take_in(self.reading, writer, stop=self.stop, told=told)

    def _undone(self, block: Block | None, page: list[tuple[int, Item]], known: Known) -> Iterator[Open]:
        for number, item in page:
            if item.id not in known.wanted or self._set_aside(number, item):
                continue
            self.progress.total += 1
            if item.id in known.done:
                self.progress.done += 1
                self._tell()
                continue
            yield Open(item, known.before.get(item.id, []), frozenset(known.again.get(item.id, ())), block)

    def _look_up(self, names: list[str]) -> Known:
        return ask(self.store, lambda connection: self._known(connection, names))

    def _known(self, connection: Connection, names: list[str]) -> Known:
        done = decided(connection, self.run.id, names)
        before = standing(connection, self.run.id, [name for name in names if name not in done])
        if not self.plan.retry_of:
            return Known(done, before, set(names), {})
        failed: dict[str, set[Heard]] = {}
        for name, verdicts in standing(connection, self.plan.retry_of, names).items():
            bad = {place_of(v) for v in verdicts if v.step == "" and v.status not in ("ok", "abstained")}
            if bad:
                failed[name] = bad
        return Known(done, before, set(failed), failed)

    def _set_aside(self, number: int, item: Item) -> bool:
        why = self.plan.unfit(item, self.judge)
        if why is None:
            return False
        self.progress.set_aside += 1
        if len(self.progress.faults) < _KEPT_FAULTS:
            self.progress.faults.append(self._fault(number, why))
        return True

    def _fault(self, number: int, why: tuple[str, str]) -> Fault:
        return Fault(self.reading.dataset.path or self.reading.dataset.name, number, why[0], why[1])

    async def _worker(
        self,
        queue: asyncio.Queue[Open | None],
        writer: Writer,
        bench: Bench,
        models: Models,
        spending: Spending,
    ) -> None:
        while (given := await queue.get()) is not None:
            if self._is_over() or (given.block is not None and given.block.lost):
                continue
            item = given.item
            needed = self.plan.verdicts(item, self.judge, self.panel)
            needed -= sum(verdict.step == "" for verdict in given.before)
            needed *= sum(self.judge.calls_on(item))
            full = await spending.room_for(item.id, needed, models.all, over=self._is_over)
            if full is not None:
                self.enough = self.enough or full
                continue
            await self._judge_one(given, writer, bench)
            spending.settle(item.id, sent=models.own.sent)

    def _is_over(self) -> bool:
        """Whether nothing new is taken up."""
        return bool(self.enough) or self.stop.is_set()

    async def _judge_one(self, given: Open, writer: Writer, bench: Bench) -> None:
        item, before = given.item, given.before
        state: JudgeState = {"item": item, "verdicts": before, "fresh": self.plan.fresh, "again": given.again}
        out: dict[str, Any] | None = None
        try:
            try:
                async with asyncio.timeout(self.pace.item_timeout):
                    out = await graph_of(self.panel).ainvoke(state, context=bench, output_keys=_OUT)
            except TimeoutError:
                await writer.do(lambda c: give_up_on(c, run=self.run.id, item=item.id, reason="deadline of the item"))
            fresh: list[Verdict] = [] if out is None else out["verdicts"][len(before) :]
            failed = out is None or any(verdict.status == "error" for verdict in fresh)
            # a failure stays with its calls until the run closes: going on with the run asks again
            kept = [verdict for verdict in fresh if verdict.status != "error"]
            decision = None if failed or out is None else out["decision"]
            used = [] if out is None else _behind(kept, out.get("tool_calls") or [])
            await writer.each(self._write_held, ItemOutcome(item.id, kept, decision, used))
        except LeaseLost:
            self.progress.lost += 1
            if given.block is not None and self._blocks is not None:
                self._blocks.lose(given.block)
            return
        self.progress.judged += 1
        self.progress.done += not failed
        self.progress.failed += failed
        self._tell()
        if given.block is not None and self._blocks is not None:
            with contextlib.suppress(LeaseLost):
                await self._blocks.settle(given.block, item.id, writer, failed=failed)

    def _write_held(self, connection: Connection, outcomes: list[ItemOutcome]) -> list[None]:
        for outcome in outcomes:
            self._hold_item(connection, outcome.item)
        self._write(connection, outcomes)
        return [None] * len(outcomes)

    def _write(self, connection: Connection, outcomes: list[ItemOutcome]) -> None:
        write_outcomes(connection, run=self.run.id, dataset=self.run.dataset, outcomes=outcomes)

    def _tell(self) -> None:
        if self.watch is not None:
            self.watch(self.progress)

    async def _close(self, writer: Writer) -> None:
        """Write what failed as verdicts with their reasons, decide those items, and close the run.

        Of a run that ended early, what was never taken up is no failure: it has no rows.
        """
        early = self._early.said if self._early is not None else ""
        aside, saved = 0, 0
        faults: list[Fault] = []
        pages = item_pages(self.store, self.run.dataset, undecided_in=self.run.id, limit=self.plan.limit)
        while (page := await asyncio.to_thread(next, pages, None)) is not None:
            known = await asyncio.to_thread(self._look_up, [item.id for _, item in page])
            undone = []
            for number, item in page:
                why = self.plan.unfit(item, self.judge) if item.id in known.wanted else None
                if why is not None:
                    aside += 1
                    faults += [self._fault(number, why)] if len(faults) < _KEPT_FAULTS else []
                elif item.id in known.wanted:
                    undone.append(item)
            if undone:
                saved += await writer.do(
                    lambda c, some=undone, had=known.before: self._write_failures(c, some, had, asked=bool(early))  # type: ignore[misc]
                )
        if early:
            early = f"{early}; {saved:,} verdicts were not needed"
        told = canonical([asdict(fault) for fault in faults])
        await asyncio.to_thread(close_run, self.store, self.run.id, set_aside=aside, faults=told, stopped=early)

    def _write_failures(
        self, connection: Connection, items: list[Item], before: dict[str, list[Verdict]], *, asked: bool
    ) -> int:
        """Decide items by what failed; with `asked` only those asked for at all: gives the verdicts that were not."""
        saved = 0
        for item in items:
            had = before.get(item.id, [])
            calls = failures(connection, self.run.id, item.id, of=partial(part_of, self.judge.nodes))
            if asked and not calls and not had:
                saved += self.plan.verdicts(item, self.judge, self.panel)
                continue
            lost: list[Verdict] = []
            while units := units_of(self.panel, self.plan, item, self.judge, [*had, *lost]):
                for unit in units:
                    call = calls.get(place_of(unit))
                    reason = "not asked" if call is None else call["reason"] or call["status"]
                    row = None if call is None else call["id"]
                    lost.append(Verdict(**unit.model_dump(), status="error", reason=reason, call=row))
            decision = decision_of(self.panel, self.plan, item, self.judge, [*had, *lost])
            self._write(connection, [ItemOutcome(item.id, lost, decision)])
        return saved


@contextlib.asynccontextmanager
async def _in_thread(holding: contextlib.AbstractContextManager[T]) -> AsyncIterator[T]:
    """Enter and leave in a thread what may have to wait."""
    held = await asyncio.to_thread(holding.__enter__)
    try:
        yield held
    finally:
        await asyncio.to_thread(holding.__exit__, None, None, None)


async def _pages(items: AsyncIterator[tuple[int, Item]]) -> AsyncIterator[list[tuple[int, Item]]]:
    page: list[tuple[int, Item]] = []
    async for found in items:
        page.append(found)
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page


async def _put_or_stop(queue: asyncio.Queue[Any], given: Any, stop: asyncio.Event) -> None:
    """Wait for room in the queue, but no longer than until the stop."""
    if not queue.full():
        queue.put_nowait(given)
        return
    putting = asyncio.ensure_future(queue.put(given))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({putting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (putting, stopping):
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task


def _plainest(several: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error that says most: of ours before any other."""
    flat: list[BaseException] = []

    def collect(group: BaseExceptionGroup[BaseException]) -> None:
        for error in group.exceptions:
            if isinstance(error, BaseExceptionGroup):
                collect(error)
            else:
                flat.append(error)

    collect(several)
    ours = [error for error in flat if isinstance(error, PlurijudgeError)]
    stores = [error for error in ours if isinstance(error, StoreError)]
    return [*stores, *ours, *flat][0]


def _behind(kept: list[Verdict], calls: list[ToolCall]) -> list[ToolCall]:
    """The tool calls behind verdicts that are kept; those of a verdict that failed are made again with it."""
    if not calls:
        return calls
    places = {place_of(verdict) for verdict in kept}
    return [call for call in calls if place_of(call.unit) in places]

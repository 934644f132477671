"""Who writes? One thread a process, in batches: each commit takes all that has come since the last one."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Table as SqlTable, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

from ..text.errors import StoreError
from .engine import Store, plain_errors
from .transactions import Transactions, connection_lost

P = TypeVar("P")
T = TypeVar("T")
_ALONE = object()
_BATCH = 512
_GATHERING = 0.004  # seconds in which more comes in for the same commit: one takes as long as a dozen small rows


def now() -> str:
    """The time in UTC, as the store writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def insert_once(table: SqlTable, dialect: str) -> Insert:
    """An insert that the database itself ignores where the row is already there."""
    if dialect == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


def upsert(table: SqlTable, dialect: str, keys: tuple[str, ...]) -> Insert:
    """An insert that replaces what stands under the same keys."""
    made: Any = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    changed = {column.name: made.excluded[column.name] for column in table.columns if column.name not in (*keys, "id")}
    result: Insert = made.on_conflict_do_update(index_elements=list(keys), set_=changed)
    return result


Bulk = Callable[[Connection, list[P]], list[T]]
"""Work that is done for many at once: what was given for each, in order, and what comes of each."""


class _Job(Generic[T]):
    __slots__ = ("error", "future", "given", "loop", "result", "work")

    def __init__(self, work: Callable[..., Any], given: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.work = work
        self.given = given
        self.loop = loop
        self.future: asyncio.Future[T] = loop.create_future()
        self.result: T | None = None
        self.error: BaseException | None = None

    def settle(self) -> None:
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)  # type: ignore[arg-type]


class Writer:
    """The only writer of a process.

    `await writer.do(work)` runs `work(connection)` in the writer's thread and comes back once it is committed. As every
    caller waits for its own commit, what is queued is bounded by how many callers there are. Work whose connection is
    lost is run again, with the rest of its batch; `transactions.again` tells it whether it may have been committed.
    What `do` runs sees all that was queued before it, whoever still waits for that.
    """

    def __init__(self, store: Store) -> None:
        """Start the thread."""
        self.store = store
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="plurijudge-writer", daemon=True)
        self._thread.start()

    async def do(self, work: Callable[[Connection], T]) -> T:
        """Run the work in the next transaction and wait for its commit.

        Raises:
            StoreError: if the store cannot be written.
        """
        result: T = await self._queued(work, _ALONE)
        return result

    async def each(self, bulk: Bulk[P, T], given: P) -> T:
        """Have something done with whatever else is asked of the same `bulk` for the next transaction.

        Args:
            bulk: the work; what compares equal to it is the same.
            given: what it is to do it with.

        Returns:
            What came of it, once it is committed.

        Raises:
            StoreError: if the store cannot be written.
        """
        result: T = await self._queued(bulk, given)
        return result

    async def _queued(self, work: Callable[..., Any], given: Any) -> Any:
        if self._closed:
            raise StoreError("The store's writer is closed.", way_out="open the store again")
        job: _Job[Any] = _Job(work, given, asyncio.get_running_loop())
        self._jobs.put(job)
        return await job.future

    async def insert(self, table: SqlTable, rows: list[dict[str, Any]], *, once: bool = True) -> None:
        """Insert rows; with `once`, those already there are left as they are."""
        if rows:
            dialect = self.store.engine.dialect.name
            statement = insert_once(table, dialect) if once else insert(table)
            await self.do(lambda connection: connection.execute(statement, rows) and None)

    def close(self) -> None:
        """Write what is queued, and end the thread."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
            self._thread.join()

    def _run(self) -> None:
        transactions = Transactions(self.store)
        ending = False
        try:
            while not ending:
                jobs, ending = self._take()
                if jobs:
                    self._commit(transactions, jobs)
                    _settle(jobs)
        finally:
            transactions.close()

    def _take(self) -> tuple[list[_Job[Any]], bool]:
        jobs: list[_Job[Any]] = []
        job = self._jobs.get()
        time.sleep(_GATHERING)
        while job is not None:
            jobs.append(job)
            if len(jobs) >= _BATCH:
                return jobs, False
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return jobs, False
        return jobs, True

    def _commit(self, transactions: Transactions, jobs: list[_Job[Any]]) -> None:
        """Commit all in one transaction; where one job fails, each in its own, so that only the faulty one is told."""
        whole = self._try(transactions, jobs)
        if whole is None:
            return
        if len(jobs) > 1 and isinstance(whole, Exception) and not connection_lost(whole):
            for number, job in enumerate(jobs):
                error = self._try(transactions, [job])
                if error is not None and connection_lost(error):
                    self._tell(jobs[number:], error)
                    return
                if error is not None:
                    self._tell([job], error)
            return
        self._tell(jobs, whole)

    def _try(self, transactions: Transactions, jobs: list[_Job[Any]]) -> BaseException | None:

        def work(connection: Connection) -> None:
            together: dict[Callable[..., Any], list[_Job[Any]]] = {}
            for job in jobs:
                if job.given is _ALONE:
                    _do_together(connection, together)
                    job.result = job.work(connection)
                else:
                    together.setdefault(job.work, []).append(job)
            _do_together(connection, together)

        try:
            transactions.run(work)
        except BaseException as error:  # whatever it is, those who wait must hear of it
            return error
        return None

    def _tell(self, jobs: list[_Job[Any]], error: BaseException) -> None:
        try:
            with plain_errors(self.store.url):
                raise error
        except BaseException as plain:
            for job in jobs:
                job.error = plain


def _do_together(connection: Connection, together: dict[Callable[..., Any], list[_Job[Any]]]) -> None:
    """Do what was gathered for each bulk, and have nothing gathered any more."""
    for bulk, some in together.items():
        for job, result in zip(some, bulk(connection, [job.given for job in some]), strict=True):
            job.result = result
    together.clear()


def _settle(jobs: list[_Job[Any]]) -> None:
    def settle_all(of_loop: list[_Job[Any]]) -> None:
        for job in of_loop:
            job.settle()

    for loop in {job.loop for job in jobs}:
        mine = [job for job in jobs if job.loop is loop]
        try:
            loop.call_soon_threadsafe(settle_all, mine)
        except RuntimeError:
            continue  # the loop has ended with its run; nobody waits any more

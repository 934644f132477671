"""Who writes? One thread a process, in batches: each commit takes all that has come since the last one."""

from __future__ import annotations

import asyncio
import queue
import sys
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

T = TypeVar("T")
_BATCH = 512
_GATHERING = 0.004  # seconds in which more comes in for the same commit: one takes as long as a dozen small rows
_SWITCH = 0.0005


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


_open = 0
_usual = 0.0
_counting = threading.Lock()


def _share_the_interpreter(*, ended: bool = False) -> None:
    """Let threads take turns ten times as often while a writer is at work.

    SQLite's driver gives the interpreter away for each statement, and gets it back from a busy event loop only after a
    switch interval: at the usual 5 ms a batch of a hundred statements would take half a second.
    """
    global _open, _usual
    with _counting:
        if not ended:
            if _open == 0:
                _usual = sys.getswitchinterval()
                sys.setswitchinterval(min(_usual, _SWITCH))
            _open += 1
            return
        _open -= 1
        if _open == 0:
            sys.setswitchinterval(_usual)


class _Job(Generic[T]):
    __slots__ = ("error", "future", "loop", "result", "work")

    def __init__(self, work: Callable[[Connection], T], loop: asyncio.AbstractEventLoop) -> None:
        self.work = work
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
    """

    def __init__(self, store: Store) -> None:
        """Start the thread."""
        self.store = store
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._closed = False
        _share_the_interpreter()
        self._thread = threading.Thread(target=self._run, name="plurijudge-writer", daemon=True)
        self._thread.start()

    async def do(self, work: Callable[[Connection], T]) -> T:
        """Run the work in the next transaction and wait for its commit.

        Raises:
            StoreError: if the store cannot be written.
        """
        if self._closed:
            raise StoreError("The store's writer is closed.", way_out="open the store again")
        job = _Job(work, asyncio.get_running_loop())
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
            _share_the_interpreter(ended=True)

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
            for job in jobs:
                job.result = job.work(connection)

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

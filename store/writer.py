"""Who writes? One thread a process, in batches: each commit takes all that has come since the last one."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Table as SqlTable, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

from ..text.errors import StoreError
from .engine import Store, plain_errors, writing

T = TypeVar("T")
_BATCH = 512


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
    caller waits for its own commit, what is queued is bounded by how many callers there are.
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

    def _run(self) -> None:
        engine = writing(self.store.engine)
        connection: Connection | None = None
        ending = False
        try:
            while not ending:
                jobs, ending = self._take()
                if not jobs:
                    continue
                try:
                    if connection is None:
                        with plain_errors(self.store.url):
                            connection = engine.connect()
                    self._commit(connection, jobs)
                except BaseException as error:  # whatever it is, those who wait must hear of it
                    for job in jobs:
                        job.error = error
                    if connection is not None:
                        connection.invalidate()
                        connection.close()
                        connection = None
                _settle(jobs)
        finally:
            if connection is not None:
                connection.close()

    def _take(self) -> tuple[list[_Job[Any]], bool]:
        jobs: list[_Job[Any]] = []
        job = self._jobs.get()
        while job is not None:
            jobs.append(job)
            if len(jobs) >= _BATCH:
                return jobs, False
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return jobs, False
        return jobs, True

    def _commit(self, connection: Connection, jobs: list[_Job[Any]]) -> None:
        """Commit all in one transaction; where one job fails, each in its own, so that only the faulty one is told."""
        try:
            with plain_errors(self.store.url), connection.begin():
                for job in jobs:
                    job.result = job.work(connection)
        except Exception as whole:
            if len(jobs) == 1:
                jobs[0].error = whole
                return
            for job in jobs:
                try:
                    with plain_errors(self.store.url), connection.begin():
                        job.result = job.work(connection)
                except Exception as error:
                    job.error = error


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

"""Which jobs were done, how far did they come, and who works on one now?"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, exists, func, select, text, update

from ..text.errors import BadInput, NotFound, RunBusy
from .canonical import canonical, digest
from .engine import Store, database_clock, plain_errors, writing
from .rows import parsed
from .tables import metadata
from .transactions import ask, patiently, transact
from .writer import insert_once, now

_RUN = metadata.tables["run"]
_CALL = metadata.tables["call"]
_LEASE = metadata.tables["lease"]
_CONCURRENCY = metadata.tables["concurrency"]
_POLL = 0.1


@dataclass(frozen=True, slots=True)
class Run:
    """One job as the store knows it."""

    id: str
    kind: str
    dataset: str
    judge: str
    parent: str = ""
    plan: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    status: str = "open"
    stopped: str = ""
    seed: int = 0
    set_aside: int = 0
    faults: list[dict[str, Any]] = field(default_factory=list)
    panel: str = ""
    panel_digest: str = ""
    created_at: str = ""
    closed_at: str = ""


def new_run_id() -> str:
    """A run's name: sortable by day, short enough to say, such as `r-20261123-7f3a`."""
    return f"r-{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(2)}"


def versions() -> dict[str, str]:
    """The versions that a run's results may depend on."""
    found = {}
    for name in ("plurijudge", "litellm", "langgraph", "pydantic", "sqlmodel"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def insert_run(connection: Connection, row: dict[str, Any]) -> str:
    """Insert a run under a name that is free; gives the name."""
    telling = connection.execution_options(preserve_rowcount=True)  # else PostgreSQL's driver says -1
    created = _after(connection.execute(select(func.max(_RUN.c.created_at))).scalar())
    for _ in range(50):
        name = new_run_id()
        made = telling.execute(insert_once(_RUN, connection.dialect.name), {**row, "id": name, "created_at": created})
        if made.rowcount == 1:
            return name
    raise AssertionError("no free name for a run within fifty draws")


def _after(latest: str | None) -> str:
    """The time, or a moment after the latest run where the clock was set back: `last` goes by it."""
    time = now()
    if not latest or time > latest:
        return time
    moment = datetime.fromisoformat(latest) + timedelta(milliseconds=1)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def create_run(
    store: Store, *, judge: dict[str, Any], run: dict[str, Any], court: dict[str, list[dict[str, Any]]] | None = None
) -> Run:
    """Write a judge (once) and a new open run of it.

    Args:
        store: where to.
        judge: the judge's row.
        run: the run's row.
        court: rows of `judge`, `persona` and `panel` that the run rests on, each written once.
    """
    with plain_errors(store.url), writing(store.engine).begin() as connection:
        for name, rows in {**(court or {}), "judge": [judge, *(court or {}).get("judge", [])]}.items():
            for row in rows:
                once = insert_once(metadata.tables[name], connection.dialect.name)
                connection.execute(once, {**row, "created_at": now()})
        row = {**run, "plan": canonical(run.get("plan", {})), "versions": canonical(versions()), "faults": "[]"}
        return _run_of(connection, insert_run(connection, row))


def find_run(store: Store, name: str) -> Run:
    """A run by its name, a unique beginning or ending of it, or `last`.

    Raises:
        NotFound: if none or several have that name; the message lists what is near.
    """
    in_order = select(_RUN.c.id).order_by(_RUN.c.created_at, _RUN.c.id)
    names = ask(store, lambda connection: list(connection.execute(in_order).scalars()))
    if not names:
        raise NotFound(f"The store {store.shown} holds no run.", way_out="plurijudge judge ITEMS")
    if name == "last":
        return ask(store, lambda connection: _run_of(connection, names[-1]))
    matching = [n for n in names if n == name] or [
        n for n in names if n.startswith(name) or n.endswith(f"-{name}") or n.rpartition("-")[2].startswith(name)
    ]
    if len(matching) == 1:
        return ask(store, lambda connection: _run_of(connection, matching[0]))
    from difflib import get_close_matches

    if matching:
        raise NotFound(f"`{name}` could be {', '.join(matching[:5])}.", way_out="write more of the name")
    near = get_close_matches(name, names, n=3, cutoff=0.5) or names[-3:]
    raise NotFound(f"There is no run `{name}`; there are {', '.join(near)}.", way_out="plurijudge runs")


def check_closed(run: Run) -> None:
    """See that a run is over.

    Raises:
        BadInput: if it is open.
    """
    if run.status != "closed":
        raise BadInput(f"The run {run.id} is still open.", way_out=f"plurijudge judge --run {run.id}")


def _run_of(connection: Connection, name: str) -> Run:
    row = connection.execute(select(_RUN).where(_RUN.c.id == name)).mappings().one()
    values = parsed(dict(row), "run")
    return Run(**{name: values[name] for name in Run.__dataclass_fields__})


def set_run(store: Store, run: str, **columns: Any) -> None:
    """Change columns of a run's row."""
    changed = update(_RUN).where(_RUN.c.id == run).values(**columns)
    with plain_errors(store.url):
        transact(store, lambda connection: connection.execute(changed) and None)


def stop_run(store: Store, run: str, why: str) -> None:
    """Say why a process stopped its work on a run; one that another has closed meanwhile stays as it is."""
    changed = update(_RUN).where(_RUN.c.id == run, _RUN.c.status == "open").values(stopped=why)
    with plain_errors(store.url):
        transact(store, lambda connection: connection.execute(changed) and None)


_LOST = "in flight when the process ended"


def mark_unknown(store: Store, run: str) -> int:
    """Mark what was in flight when a worker died, which is one that holds no block; gives how many calls that were."""
    with plain_errors(store.url):
        return transact(store, lambda connection: _mark(connection, _CALL.c.run == run))


def mark_lost(connection: Connection, run: str, *, worker: str) -> int:
    """Mark what a worker had in flight on a run, unless it still holds a block; gives how many calls that were."""
    return _mark(connection, _CALL.c.run == run, _CALL.c.worker == worker)


def _mark(connection: Connection, *which: ColumnElement[bool]) -> int:
    lost = update(_CALL).where(*which, _CALL.c.status == "sent")
    if connection.dialect.name != "sqlite":  # there the run has one worker, the one who asks
        holds = (_LEASE.c.run == _CALL.c.run, _LEASE.c.worker == _CALL.c.worker, _LEASE.c.done == 0)
        lost = lost.where(~exists().where(*holds, _LEASE.c.expires > database_clock(connection)))
    return int(connection.execute(lost.values(status="unknown", reason=_LOST)).rowcount)


def worker_name() -> str:
    """A name for this process's work on a run, which no other has or had."""
    return f"{os.getpid()}-{secrets.token_hex(4)}"


@contextlib.contextmanager
def sole_worker(store: Store, run: str) -> Iterator[str]:
    """Hold a run for this process alone, until it ends, however it ends; gives the worker's name.

    Raises:
        RunBusy: if another process holds the run.
    """
    with _held_alone(store, "run", run) as mine:
        if not mine:
            raise RunBusy(f"Another process works on run {run}.", way_out="wait for it, or stop it with Ctrl-C")
        yield worker_name()


@contextlib.contextmanager
def fellow_worker(store: Store, run: str) -> Iterator[str]:
    """Join the work on a run; gives the worker's name.

    Any number of processes may work on a run of a PostgreSQL store, which leases its items to them (`leases.Leases`). A
    run of a SQLite store is one process's alone.

    Raises:
        RunBusy: if another process works on the run of a SQLite store.
    """
    with sole_worker(store, run) if store.sqlite else contextlib.nullcontext(worker_name()) as worker:
        yield worker


@contextlib.contextmanager
def closing(store: Store, run: str, *, over: Callable[[], bool] = lambda: False) -> Iterator[bool]:
    """Close a run alone: wait for whoever closes it now; gives whether it is still open, and so to be closed.

    Where the one who closes it dies, the next that waits has it to close. Once `over()` holds nobody is waited for.
    """
    with _held_alone(store, "closing", run, wait=lambda: not over()) as mine:
        asked = select(_RUN.c.status).where(_RUN.c.id == run)
        status = ask(store, lambda connection: connection.execute(asked).scalar())
        yield mine and status == "open"


@contextlib.contextmanager
def reading(store: Store, dataset: str, *, over: Callable[[], bool] = lambda: False) -> Iterator[bool]:
    """Read a data set's file into the store alone: wait for whoever reads it now; gives whether it may be read.

    How far it has been read (`datasets.find_dataset`) is to be asked once this has been entered. Once `over()` holds
    nobody is waited for.
    """
    with _held_alone(store, "reading", dataset, wait=lambda: not over()) as mine:
        yield mine


@contextlib.contextmanager
def _held_alone(store: Store, what: str, name: str, *, wait: Callable[[], bool] = lambda: False) -> Iterator[bool]:
    """Hold a name for this process alone until it ends, however it ends; gives whether nobody else has it."""
    if store.sqlite:
        place = digest([str(Path(str(store.url.database)).resolve()), what, name])[:24]
        holding = _held_file(Path(tempfile.gettempdir()) / f"plurijudge-{place}.lock", wait=wait)
    else:
        holding = _held_number(store, int.from_bytes(bytes.fromhex(digest([what, name])[:16]), signed=True), wait=wait)
    with holding as mine:
        yield mine


@contextlib.contextmanager
def _held_file(path: Path, *, wait: Callable[[], bool]) -> Iterator[bool]:
    from filelock import FileLock, Timeout

    lock = FileLock(path, thread_local=False)  # what one thread takes, another may give back
    while not lock.is_locked:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if not wait():
                yield False
                return
            time.sleep(_POLL)
    try:
        yield True
    finally:
        lock.release()


@contextlib.contextmanager
def _held_number(store: Store, number: int, *, wait: Callable[[], bool]) -> Iterator[bool]:
    """An advisory lock of PostgreSQL's, gone with its connection; asked for now and then, so that Ctrl-C is heard."""
    engine = store.engine.execution_options(isolation_level="AUTOCOMMIT")
    asked = text("SELECT pg_try_advisory_lock(:number)")

    def tried() -> Connection | None:
        connection = engine.connect()
        try:
            if connection.execute(asked, {"number": number}).scalar():
                return connection
        except BaseException:
            connection.close()
            raise
        connection.close()
        return None

    with plain_errors(store.url):
        while (held := patiently(tried)) is None and wait():
            time.sleep(_POLL)
        if held is None:
            yield False
            return
        try:
            yield True
        finally:
            held.invalidate()
            held.close()


def close_run(store: Store, run: str, *, set_aside: int = 0, faults: str = "[]", stopped: str = "") -> None:
    """Close a run: from now on its failures are verdict rows, and nothing is asked any more."""
    set_run(store, run, status="closed", stopped=stopped, closed_at=now(), set_aside=set_aside, faults=faults)


def drop_empty_run(store: Store, run: str) -> None:
    """Take back a run in which nothing could be judged."""

    def work(connection: Connection) -> None:
        if connection.execute(select(_CALL.c.id).where(_CALL.c.run == run).limit(1)).first() is None:
            for table in (_LEASE, _CONCURRENCY):
                connection.execute(delete(table).where(table.c.run == run))
            connection.execute(delete(_RUN).where(_RUN.c.id == run))

    with plain_errors(store.url):
        transact(store, work)

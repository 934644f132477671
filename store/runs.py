"""Which jobs were done, how far did they come, and who works on one now?"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, select, text, update

from ..text.errors import NotFound, RunBusy
from .canonical import canonical, digest
from .engine import Store, plain_errors, writing
from .rows import parsed
from .tables import metadata
from .writer import insert_once, now

_RUN = metadata.tables["run"]
_CALL = metadata.tables["call"]


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
    for _ in range(50):
        name = new_run_id()
        made = telling.execute(insert_once(_RUN, connection.dialect.name), {**row, "id": name, "created_at": now()})
        if made.rowcount == 1:
            return name
    raise AssertionError("no free name for a run within fifty draws")


def create_run(store: Store, *, judge: dict[str, Any], run: dict[str, Any]) -> Run:
    """Write a judge (once) and a new open run of it."""
    with plain_errors(store.url), writing(store.engine).begin() as connection:
        table = metadata.tables["judge"]
        connection.execute(insert_once(table, connection.dialect.name), {**judge, "created_at": now()})
        row = {**run, "plan": canonical(run.get("plan", {})), "versions": canonical(versions()), "faults": "[]"}
        return _run_of(connection, insert_run(connection, row))


def find_run(store: Store, name: str) -> Run:
    """A run by its name, a unique beginning or ending of it, or `last`.

    Raises:
        NotFound: if none or several have that name; the message lists what is near.
    """
    with plain_errors(store.url), store.engine.connect() as connection:
        names = [row[0] for row in connection.execute(select(_RUN.c.id).order_by(_RUN.c.created_at, _RUN.c.id))]
        if not names:
            raise NotFound(f"The store {store.shown} holds no run.", way_out="plurijudge judge ITEMS")
        if name == "last":
            return _run_of(connection, names[-1])
        matching = [n for n in names if n == name] or [
            n for n in names if n.startswith(name) or n.endswith(f"-{name}") or n.rpartition("-")[2].startswith(name)
        ]
        if len(matching) == 1:
            return _run_of(connection, matching[0])
    from difflib import get_close_matches

    if matching:
        raise NotFound(f"`{name}` could be {', '.join(matching[:5])}.", way_out="write more of the name")
    near = get_close_matches(name, names, n=3, cutoff=0.5) or names[-3:]
    raise NotFound(f"There is no run `{name}`; there are {', '.join(near)}.", way_out="plurijudge runs")


def _run_of(connection: Connection, name: str) -> Run:
    row = connection.execute(select(_RUN).where(_RUN.c.id == name)).mappings().one()
    values = parsed(dict(row), "run")
    return Run(**{name: values[name] for name in Run.__dataclass_fields__})


def set_run(store: Store, run: str, **columns: Any) -> None:
    """Change columns of a run's row."""
    with plain_errors(store.url), writing(store.engine).begin() as connection:
        connection.execute(update(_RUN).where(_RUN.c.id == run).values(**columns))


def mark_unknown(store: Store, run: str) -> int:
    """Mark what was in flight when an earlier process died; gives how many calls that were."""
    with plain_errors(store.url), writing(store.engine).begin() as connection:
        lost = update(_CALL).where(_CALL.c.run == run, _CALL.c.status == "sent")
        done = connection.execute(lost.values(status="unknown", reason="in flight when the process ended"))
        return int(done.rowcount)


@contextlib.contextmanager
def sole_worker(store: Store, run: str) -> Iterator[str]:
    """Hold a run for this process alone, until it ends, however it ends; gives the worker's name.

    Raises:
        RunBusy: if another process works on the run.
    """
    worker = f"{os.getpid()}-{secrets.token_hex(4)}"
    busy = RunBusy(f"Another process works on run {run}.", way_out="wait for it, or stop it with Ctrl-C")
    if not store.sqlite:
        engine = store.engine.execution_options(isolation_level="AUTOCOMMIT")
        with plain_errors(store.url), engine.connect() as connection:
            number = int.from_bytes(run.encode()[-7:], "big")
            if not connection.execute(text("SELECT pg_try_advisory_lock(:number)"), {"number": number}).scalar():
                raise busy
            try:
                yield worker
            finally:
                connection.invalidate()  # the lock goes with its connection
        return
    from filelock import FileLock, Timeout

    place = digest([str(Path(str(store.url.database)).resolve()), run])[:24]
    lock = FileLock(Path(tempfile.gettempdir()) / f"plurijudge-{place}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise busy from None
    try:
        yield worker
    finally:
        lock.release()


def close_run(store: Store, run: str, *, set_aside: int = 0, faults: str = "[]") -> None:
    """Close a run: from now on its failures are verdict rows, and nothing is asked any more."""
    set_run(store, run, status="closed", stopped="", closed_at=now(), set_aside=set_aside, faults=faults)


def drop_empty_run(store: Store, run: str) -> None:
    """Take back a run in which nothing could be judged."""
    with plain_errors(store.url), writing(store.engine).begin() as connection:
        called = select(_CALL.c.id).where(_CALL.c.run == run).exists()
        connection.execute(delete(_RUN).where(_RUN.c.id == run, ~called))

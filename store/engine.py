"""Where is the store, does it open, and is its schema the one this version writes?"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Float,
    create_engine,
    event,
    inspect,
    literal_column,
    make_url,
    text,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from ..text.errors import BadInput, NoStore, PlurijudgeError, StoreError, StoreFull, StoreTooNew

REVISION = "0005"
DEFAULT_DB = "plurijudge.db"


def store_url(db: str) -> URL:
    """The address of a store, from what people write: a path, or an SQLAlchemy URL.

    Raises:
        BadInput: if the address is neither a path nor a URL of SQLite or PostgreSQL.
    """
    if "://" not in db:
        return _file(URL.create("sqlite", database=db))
    try:
        url = make_url(db)
    except SQLAlchemyError as error:
        raise BadInput("`--db` is not an address of a store.", way_out=_WHERE) from error
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite":
        return _file(url)
    raise BadInput(f"`--db` names `{url.get_backend_name()}`; stores are SQLite and PostgreSQL.", way_out=_WHERE)


def _file(url: URL) -> URL:
    """The address, if it names a file: several connections share a store, which one in memory cannot give."""
    if url.database in (None, "", ":memory:"):
        raise BadInput("`--db` names no file; a store is a file or a PostgreSQL database.", way_out=_WHERE)
    return url


_WHERE = "--db plurijudge.db, or --db postgresql://user@host/name"


def shown(url: URL) -> str:
    """The address as it may be printed: without its password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)


@contextlib.contextmanager
def plain_errors(url: URL) -> Iterator[None]:
    """Turn a driver's errors into ours, which say what to do."""
    try:
        yield
    except DBAPIError as error:
        raise _explained(error, url) from error


def _explained(error: DBAPIError, url: URL) -> PlurijudgeError:
    said = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
    lower, place = said.lower(), shown(url)
    if "disk is full" in lower or "disk i/o error" in lower or "no space left" in lower:
        return StoreFull(
            f"The store {place} could not be written: {said}. What was written before is kept.",
            way_out="make room on that disk, then go on with the run: plurijudge judge --run last",
        )
    if "readonly database" in lower or "read-only" in lower:
        return StoreFull(
            f"The store {place} may not be written: {said}.",
            way_out="make the file and its folder writable, or name another with --db",
        )
    if "unable to open database file" in lower:
        return StoreError(f"The store {place} cannot be opened: {said}.", way_out=_openable(url))
    if "not a database" in lower or "malformed" in lower:
        return StoreError(f"{place} is not a plurijudge store: {said}.", way_out="name another file with --db")
    if "locked" in lower:
        return StoreError(f"The store {place} is locked by another program: {said}.", way_out="close it, then repeat")
    if url.get_backend_name() == "postgresql" and ("connect" in lower or "does not exist" in lower):
        return StoreError(
            f"PostgreSQL at {place} does not answer as needed: {said}.",
            way_out="check that the server runs and that the database exists (createdb NAME)",
        )
    return StoreError(f"The store {place} failed: {said}.", way_out="plurijudge doctor")


def _openable(url: URL) -> str:
    path = Path(str(url.database))
    if path.is_dir():
        return f"{path} is a folder: name a file, such as --db {path / DEFAULT_DB}"
    if not path.parent.exists():
        return f"the folder {path.parent} does not exist: make it, or name another with --db"
    return "check that the file and its folder may be read and written, or name another with --db"


def writing(engine: Engine) -> Engine:
    """The same engine for transactions that write: SQLite takes its lock at once, instead of failing half-way."""
    return engine.execution_options(writes=True)


def database_clock(connection: Connection) -> ColumnElement[float]:
    """What the time is by the database's own clock, in SQL: seconds since 1970, the same for all its clients."""
    if connection.dialect.name == "sqlite":
        return literal_column("((julianday('now') - 2440587.5) * 86400.0)", Float)
    return literal_column("CAST(extract(epoch FROM clock_timestamp()) AS double precision)", Float)


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _tune_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver begins no transaction of its own; `_begin_sqlite` does
    cursor = connection.cursor()
    for pragma in ("busy_timeout=30000", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _keep_a_log(engine: Engine) -> None:
    """Have a new SQLite file write ahead; it remembers. What is opened only to be read, or refused, stays as it is."""
    connection = engine.raw_connection()
    try:
        with contextlib.suppress(sqlite3.Error):  # what is wrong with the file is said by what comes next
            connection.cursor().execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()


def _readable(url: URL) -> URL:
    """The address under which a file can be read whose folder may not be written: SQLite's log needs files there."""
    path = Path(str(url.database))
    log = Path(f"{path}-wal")
    if not path.is_file() or os.access(path.resolve().parent, os.W_OK) or (log.exists() and log.stat().st_size):
        return url
    return url.set(database=f"file:{quote(str(path.resolve()))}", query={"mode": "ro", "immutable": "1", "uri": "true"})


def make_engine(url: URL) -> Engine:
    """An engine tuned for one writer and several readers."""
    if url.get_backend_name() == "sqlite":
        # kept for reuse: to open a connection costs more than most of what is asked of it
        once = {"check_same_thread": False}
        engine = create_engine(_readable(url), connect_args=once, poolclass=QueuePool, max_overflow=-1)
        event.listen(engine, "connect", _tune_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        return create_engine(url, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise StoreError(
            "PostgreSQL needs the extra `postgres`, which is not installed.",
            way_out="pip install 'plurijudge[postgres]'",
        ) from error


class Store:
    """An open store: its engine and its address.

    Use `Store.open`; close it with `close` or as a context manager.
    """

    def __init__(self, engine: Engine, url: URL) -> None:
        """Wrap an engine whose schema has been checked."""
        self.engine = engine
        self.url = url
        self._secret: bytes | None = None

    @classmethod
    def open(cls, db: str | os.PathLike[str], *, create: bool = False) -> Store:
        """Open a store, made anew or migrated where needed.

        Args:
            db: a path or a URL.
            create: make the store if there is none; otherwise its absence is an error.

        Raises:
            NoStore: if there is none and `create` is False.
            StoreTooNew: if a later version wrote it.
            StoreError: if it cannot be opened, is no store, or cannot be written.
        """
        url = store_url(os.fspath(db))
        path = Path(str(url.database)) if url.get_backend_name() == "sqlite" else None
        if path is not None and not create and not path.exists():
            raise NoStore(f"There is no store at {path}.", way_out="plurijudge judge ITEMS, or name another with --db")
        if path is not None and create and path.is_file() and not path.stat().st_mode & 0o222:
            raise StoreFull(
                f"The store {path} is marked read-only.", way_out="make it writable, or name another with --db"
            )
        engine = make_engine(url)
        try:
            with plain_errors(url):
                _bring_to_revision(engine, url, create=create)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, url)

    @property
    def sqlite(self) -> bool:
        """Whether the store is a SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def shown(self) -> str:
        """The store's address, without a password."""
        return shown(self.url)

    @property
    def secret(self) -> bytes:
        """The secret that fences are made with; it never leaves the store."""
        if self._secret is None:
            with self.engine.connect() as connection:
                value = connection.execute(text("SELECT value FROM meta WHERE name = 'fence'")).scalar_one()
            self._secret = bytes.fromhex(value)
        return self._secret

    def close(self) -> None:
        """Release every connection."""
        self.engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _bring_to_revision(engine: Engine, url: URL, *, create: bool) -> None:
    with engine.connect() as connection:
        tables = set(inspect(connection).get_table_names())
        found = None
        if "alembic_version" in tables:
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if found == REVISION:
        return
    if found is None:
        if "run" in tables or "verdict" in tables:
            raise StoreError(f"{shown(url)} holds tables of another program.", way_out="name another store with --db")
        if not create and tables:
            raise NoStore(f"{shown(url)} holds no plurijudge store.", way_out="name another with --db")
        if not create:
            raise NoStore(f"There is no store at {shown(url)}.", way_out="plurijudge judge ITEMS, or --db")
        _create(engine)
        return
    if not re.fullmatch(r"\d{4}", found) or found > REVISION:
        raise StoreTooNew(
            f"A later plurijudge wrote {shown(url)} (schema {found}; this one knows up to {REVISION}).",
            way_out="pip install --upgrade plurijudge",
        )
    from .migrate import upgrade

    upgrade(writing(engine))


def _create(engine: Engine) -> None:
    """Make the newest schema at once, without Alembic, whose import costs more than the rest of the start."""
    from .tables import VIEWS, metadata

    if engine.dialect.name == "sqlite":
        _keep_a_log(engine)
    with writing(engine).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(7236401)"))
        if inspect(connection).has_table("alembic_version"):
            return  # another process was quicker
        metadata.create_all(connection)
        for view in VIEWS.values():
            connection.execute(text(view))
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": REVISION})
        connection.execute(
            text("INSERT INTO meta (name, value) VALUES ('fence', :secret)"), {"secret": secrets.token_hex(32)}
        )

"""Fixtures: what may every test take for given?"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from plurijudge.agents.direct import can_ask
from plurijudge.agents.transport import Transport, transport_of
from plurijudge.store.engine import Store

from .loopback import Loopback

if not os.access(Path.cwd(), os.W_OK):  # a checkout of somebody else's: what Hypothesis found is not kept there
    settings.register_profile("unkept", database=None)
    settings.load_profile("unkept")


ROOT = Path(__file__).resolve().parent.parent
POSTGRES = "postgresql://postgres@127.0.0.1:5432"


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    """A loopback server of the test's own, answering by default; see tests/loopback.py."""
    with Loopback() as server:
        yield server


@pytest.fixture(params=["direct", "litellm"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each transport in turn, taken by every model that can be asked by it, whatever its limits say."""
    wanted: str = request.param

    def chosen(name: str, **given: Any) -> Transport:
        given["wanted"] = wanted if can_ask(name) else "litellm"
        return transport_of(name, **given)

    monkeypatch.setattr("plurijudge.agents.model.transport_of", chosen)
    return wanted


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The recorded data in ../shared/data; where it is absent the test is skipped, in CI it fails."""
    data = ROOT.parent / "shared" / "data"
    if not data.is_dir():
        why = f"There is no `{data}`: this test reads recorded data."
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return data


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """The address of an empty PostgreSQL database, dropped after the test; without a server skipped, but not in CI."""
    server = make_url(os.environ.get("PLURIJUDGE_TEST_POSTGRES", POSTGRES)).set(drivername="postgresql+psycopg")
    if not server.database:
        server = server.set(database="postgres")
    admin = create_engine(server, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 5})
    name = f"plurijudge_test_{secrets.token_hex(8)}"
    try:
        with admin.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
    except OperationalError:
        admin.dispose()
        why = f"No PostgreSQL server answers at {server.host}:{server.port} (PLURIJUDGE_TEST_POSTGRES)."
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        admin.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store, once on SQLite and once on PostgreSQL."""
    db = str(tmp_path / "store.db") if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with Store.open(db, create=True) as opened:
        yield opened


@pytest.fixture
def both_stores(tmp_path: Path, postgres_url: str) -> Iterator[tuple[Store, Store]]:
    """Two empty stores, one on SQLite and one on PostgreSQL."""
    with Store.open(tmp_path / "both.db", create=True) as first, Store.open(postgres_url, create=True) as second:
        yield first, second

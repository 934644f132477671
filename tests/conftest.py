"""Fixtures: what may every test take for given?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .loopback import Loopback

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    """A loopback server of the test's own, answering by default; see tests/loopback.py."""
    with Loopback() as server:
        yield server


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

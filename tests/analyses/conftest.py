"""Fixtures: which records may a test of an analysis begin with?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plurijudge.store.engine import Store

from .bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Four runs with nothing in them."""
    with Store.open(tmp_path / "bench.db", create=True) as store:
        yield Bench(store)

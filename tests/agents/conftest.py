"""Fixtures: how does a test ask a model at a server that misbehaves?"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..loopback import Loopback


@pytest.fixture(scope="session")
def one_server() -> Iterator[Loopback]:
    with Loopback() as server:
        yield server


@pytest.fixture
def loopback(one_server: Loopback) -> Loopback:
    """The session's server as freshly started: a process for each test would take longer than the tests."""
    one_server.reset()
    return one_server


@pytest.fixture(autouse=True)
def no_keys_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in ("OPENAI", "ANTHROPIC", "GEMINI", "GOOGLE", "MISTRAL"):
        monkeypatch.delenv(f"{provider}_API_KEY", raising=False)

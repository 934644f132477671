"""How does a program without an event loop wait for what has one?"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_sync(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, in a thread of its own where a loop is running already (as in a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    result: list[T] = []
    error: list[BaseException] = []

    def target() -> None:
        try:
            result.append(asyncio.run(work))
        except BaseException as raised:  # handed to the caller's thread
            error.append(raised)

    thread = threading.Thread(target=target, name="plurijudge-sync")
    thread.start()
    thread.join()
    if error:
        raise error[0]
    return result[0]

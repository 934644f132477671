"""Where is a job run? In the interpreter if that will do, else in the locked room, else nowhere; never on the loop."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from .bubblewrap import NotBuilt, enter
from .isolation import isolation
from .job import Job, Ran
from .monty import interpret

NO_ISOLATION = "no_isolation"


async def run(job: Job, *, enough: Callable[[Ran], Awaitable[bool]] | None = None) -> Ran:
    """Run a job without holding up the event loop; as many at one time as there are processors.

    Args:
        job: the code, and what to ask of it.
        enough: whether what came of it in the interpreter will do; by default where nothing failed. Where it does not,
            the room is asked, if there is one: the interpreter knows less of Python than Python, and a failure there
            may be its own.

    Returns:
        What came of it. Its status is `unavailable` where neither is to be had; nothing was started then.
    """
    first = await _off_the_loop(lambda stop: interpret(job))
    if first.status == "ok" and await (enough or _unfailed)(first):
        return first
    second = await _off_the_loop(lambda stop: _in_room(job, stop))
    return first if second.status == "unavailable" and first.status != "unavailable" else second


async def _unfailed(ran: Ran) -> bool:
    return not ran.error and not any(answer.error for answer in ran.answers)


def _in_room(job: Job, stop: threading.Event) -> Ran:
    found = isolation()
    if found.room is None:
        return Ran("unavailable", 0, error=NO_ISOLATION, detail=found.reason)
    try:
        return enter(found.room, job, stop=stop)
    except NotBuilt as failed:
        return Ran("unavailable", 0, error=NO_ISOLATION, detail=str(failed))


async def _off_the_loop(work: Callable[[threading.Event], Ran]) -> Ran:
    """Do it in a thread of our own; if nobody waits for it any more, it is ended."""
    stop = threading.Event()
    try:
        return await asyncio.get_running_loop().run_in_executor(_workers(), work, stop)
    except asyncio.CancelledError:
        stop.set()
        raise


@cache
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="sandbox")

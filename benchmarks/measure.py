"""What does a stretch of work cost the process that does it? Wall time, CPU time with all threads, peak memory."""

from __future__ import annotations

import os
import resource
import sys
import threading
import time
from pathlib import Path


def pin(place: int) -> int | None:
    """Keep this process on one core; nothing where there are fewer than two, or no such thing on this system.

    Args:
        place: which of the cores that the process may use, from 0; clients take 0 and servers 1.

    Returns:
        The core, None where the process was left free.
    """
    if not hasattr(os, "sched_setaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return None
    os.sched_setaffinity(0, {cores[place]})
    return cores[place]


def cpu_seconds() -> float:
    """CPU seconds of this process so far, user and system, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_mib() -> float:
    """The most memory that this process ever held resident, in MiB.

    Linux's own mark is read where there is one: `ru_maxrss` of a child also remembers what its parent held.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)


def thread_cpu(name: str) -> float | None:
    """CPU seconds of the first living thread of that name; None where there is none, or no clock of it."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return None
    for thread in threading.enumerate():
        if thread.name == name and thread.ident is not None:
            try:
                return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
            except OSError:  # it ended meanwhile
                return None
    return None


class Stretch:
    """A stretch of work: `with Stretch() as cost: ...`, then `cost.wall` and `cost.cpu` in seconds."""

    wall = cpu = started = 0.0

    def __enter__(self) -> Stretch:
        self.started, self.cpu = time.monotonic(), cpu_seconds()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall, self.cpu = time.monotonic() - self.started, cpu_seconds() - self.cpu

"""May what runs in a room be counted together? Control groups, where this process may make them: as root, mostly."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from .job import SandboxLimits

_NUMBERS = itertools.count(1)
_WAIT = 1.0  # seconds for the kernel to take the last process out of a group that was killed


@contextmanager
def grouped(limits: SandboxLimits) -> Iterator[list[Path]]:
    """Make groups for one room, with their limits; the files into which a process writes its id to join, if any."""
    name = f"plurijudge-{os.getpid()}-{next(_NUMBERS)}"
    made: list[Path] = []
    try:
        for parent in _parents():
            group = parent / name
            try:
                group.mkdir()
            except OSError:
                continue
            if _limit(group, limits):
                made.append(group)
            else:
                _leave(group)
        yield [group / "cgroup.procs" for group in made]
    finally:
        for group in made:
            _leave(group)


def _limit(group: Path, limits: SandboxLimits) -> bool:
    """Write what the group may take; whether any limit was taken."""
    room = limits.processes + 8  # those that build the room count too
    taken = False
    for file, most in (
        ("pids.max", room),
        ("memory.max", limits.group_memory),
        ("memory.swap.max", 0),
        ("memory.limit_in_bytes", limits.group_memory),
        ("memory.memsw.limit_in_bytes", limits.group_memory),
    ):
        with suppress(OSError):
            if (group / file).exists():
                (group / file).write_text(str(most), encoding="ascii")
                taken = True
    return taken


def _leave(group: Path) -> None:
    """Take the group away once nothing is in it."""
    until = time.monotonic() + _WAIT
    while True:
        try:
            group.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() > until:
                return
        time.sleep(0.005)


@cache
def _parents() -> tuple[Path, ...]:
    """This process's own groups of the controllers that matter, if it may write there."""
    with suppress(OSError):
        mounts = [line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
        own = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()]
        found = []
        for _, place, kind, options, *_ in mounts:
            for number, controllers, path in own:
                first = kind == "cgroup" and {"pids", "memory"} & set(options.split(",")) & set(controllers.split(","))
                if first or (kind == "cgroup2" and number == "0"):
                    found.append(Path(place + path))
        parents = tuple(dict.fromkeys(place for place in found if os.access(place, os.W_OK)))
        for parent in parents:
            _sweep(parent)
        return parents
    return ()


def _sweep(parent: Path) -> None:
    """Take away the empty groups of processes that were killed before they could."""
    for group in parent.glob("plurijudge-*-*"):
        if not Path("/proc", group.name.split("-")[1]).exists():
            with suppress(OSError):
                group.rmdir()

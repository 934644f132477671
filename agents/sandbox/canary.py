"""A stranger of our own: is there a way out of a room? Its text is run in one, and its functions asked."""

from __future__ import annotations

import ctypes
import os
import socket
from pathlib import Path


def environment() -> int:
    """How much is set in any process, apart from what is set on purpose."""
    seen = {f"{name}={value}" for name, value in os.environ.items()}
    for process in Path("/proc").glob("[0-9]*/environ"):
        seen |= {pair.decode("utf-8", "replace") for pair in process.read_bytes().split(b"\0") if pair}
    return len(seen - {"PYTHONHASHSEED=0", "PWD=/tmp", "LC_CTYPE=C.UTF-8"})


def reached(port: int) -> bool:
    """Whether a port that is open on this machine answers."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.3).close()
        return True
    except OSError:
        return False


def readable(*paths: str) -> list[str]:
    """Which of the paths are there."""
    return [path for path in paths if os.path.lexists(path)]


def writable() -> list[str]:
    """In which folders a file can be made."""
    found = []
    for folder in ("/", "/usr", "/dev", "/dev/shm", "/proc/sys/kernel"):
        try:
            os.close(os.open(f"{folder}/canary", os.O_CREAT | os.O_WRONLY))
            found.append(folder)
        except OSError:
            pass
    return found


def forked(most: int) -> int:
    """How many children can live at one time; tried up to a number that harms nobody where none is stopped."""
    reading, writing = os.pipe()
    children = []
    try:
        for _ in range(most):
            child = os.fork()
            if child == 0:
                os.close(writing)
                os.read(reading, 1)
                os._exit(0)
            children.append(child)
    except OSError:
        pass
    os.close(writing)
    for child in children:
        os.waitpid(child, 0)
    return len(children)


def nested() -> bool:
    """Whether a namespace of its own, in which it would be root, can be had."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(1 if ctypes.CDLL(None).unshare(0x10000000) == 0 else 0)
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1] != 0

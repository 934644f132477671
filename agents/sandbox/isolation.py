"""Is there a locked room on this machine? Tried once, with a stranger of our own who looks for a way out."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from .bubblewrap import NotBuilt, Room, enter
from .job import Job


@dataclass(frozen=True, slots=True)
class Isolation:
    """What was found.

    Attributes:
        room: how rooms are built here; None where there is none.
        reason: why there is none, in words; '' where there is one.
    """

    room: Room | None
    reason: str = ""


_LOCK = threading.Lock()
_FOUND: list[Isolation] = []


def isolation() -> Isolation:
    """Whether there is a room, tried on the first call in this process. Blocks for some tens of milliseconds."""
    with _LOCK:
        if not _FOUND:
            _FOUND.append(probe())
        return _FOUND[0]


def probe() -> Isolation:
    """Look for what a room needs, build one, and let the canary try to get out."""
    if not sys.platform.startswith("linux"):
        return Isolation(None, "bubblewrap needs Linux")
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return Isolation(None, "there is no `bwrap`: install bubblewrap 0.8 or later")
    dropped = os.geteuid() == 0
    if dropped and not shutil.which("setpriv", path=os.defpath):
        return Isolation(None, "this is root and there is no `setpriv` (util-linux) to become somebody else")
    refused = ""
    for python, shown in _interpreters():
        room = Room(bwrap, python, shown, dropped)
        try:
            found = way_out(room)
        except OSError as failed:
            found = f"it could not be tried: {type(failed).__name__}"
        if not found:
            return Isolation(room)
        refused = refused or found
    return Isolation(None, refused or "there is no Python for it")


def _interpreters() -> list[tuple[str, tuple[str, ...]]]:
    """Interpreters that may serve, with the folders they need to be shown: those of the system first."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for python in ("/usr/bin/python3", "/usr/local/bin/python3"):
        if Path(python).exists():
            found.append((python, ()))
    prefix = Path(sys.base_prefix).resolve()
    own = prefix / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    if own.exists() and not prefix.is_relative_to("/usr") and len(prefix.parts) > 2:
        found.append((str(own), (str(prefix),)))
    return found


def way_out(room: Room) -> str:
    """The first way out of a room that the canary found, or why there is no room; '' where it found none."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        secret = Path(folder, "canary")
        secret.write_text("x", encoding="ascii")
        paths = ["/etc/passwd", "/etc/shadow", str(secret), str(Path(__file__).resolve())]
        paths = [path for path in paths if not any(Path(path).is_relative_to(seen) for seen in ("/usr", *room.shown))]
        tried = {
            "environment()": (0, "it sees the environment"),
            f"reached({server.getsockname()[1]})": (False, "it reaches the network"),
            "[name for _, name in socket.if_nameindex()]": (["lo"], "it sees the network"),
            f"readable(*{paths!r})": ([], "it sees files"),
            "writable()": ([], "it can write outside its folder"),
            "nested()": (False, "it can build namespaces of its own"),
            "forked(40) < 32": (True, "its processes are not counted"),
        }
        canary = Path(__file__).with_name("canary.py").read_text(encoding="utf-8")
        try:
            ran = enter(room, Job.of(canary, *tried))
        except NotBuilt as failed:
            return f"no room can be built: {failed}"
    if ran.status != "ok" or ran.error:
        return f"the canary did not run: {ran.error or ran.status}"
    for answer, (wanted, why) in zip(ran.answers, tried.values(), strict=True):
        if answer.error or answer.value != wanted:
            return f"not safe: {why}"
    return ""

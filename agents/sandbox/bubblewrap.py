"""How is code run in a locked room? By bubblewrap: no network, no files but /usr, no keys, a little of the rest."""

from __future__ import annotations

import itertools
import json
import os
import secrets
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from .groups import grouped
from .job import LIMITS, Answer, Job, Lines, Ran, RanStatus, SandboxLimits

DROPPED = 64_123  # whom root becomes before a room is built: the kernel does not count root's processes
_NUMBERS = itertools.count(1)
_JOIN = 'n=$1; shift; while [ "$n" -gt 0 ]; do echo $$ > "$1" || exit 97; shift; n=$((n-1)); done; exec env -i "$@"'


@dataclass(frozen=True, slots=True)
class Room:
    """What a room is built with on this machine.

    Attributes:
        bwrap: the program.
        python: the interpreter inside.
        shown: folders beside /usr that are to be seen inside, read-only: those of an interpreter that is elsewhere.
        dropped: whether this process is root and must not be.
    """

    bwrap: str
    python: str
    shown: tuple[str, ...] = ()
    dropped: bool = False

    def command(self, limits: SandboxLimits, groups: Sequence[Path] = ()) -> list[str]:
        """The words that build the room and start the harness in it."""
        words: list[str] = []
        if groups:
            words += ["/bin/sh", "-c", _JOIN, "sh", str(len(groups)), *map(str, groups)]
        if self.dropped:
            words += ["setpriv", f"--reuid={DROPPED}", f"--regid={DROPPED}", "--clear-groups", "--no-new-privs"]
        words += [
            self.bwrap,
            "--unshare-all",
            "--unshare-user",
            "--disable-userns",
            "--new-session",
            "--die-with-parent",
        ]
        words += [
            "--cap-drop",
            "ALL",
            "--hostname",
            f"room-{os.getpid()}-{next(_NUMBERS)}",
            "--ro-bind",
            "/usr",
            "/usr",
            *_system_folders(),
        ]
        for folder in self.shown:
            words += ["--ro-bind", folder, folder]
        words += ["--proc", "/proc", "--dev", "/dev", "--size", str(limits.disk), "--tmpfs", "/tmp"]
        words += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
        # The seed of hashes is fixed so that the order of a set is the same each time. It is read from the environment,
        # which -I would leave unread; what else -I does is done: there is nothing else to read, no user and no site.
        words += ["--setenv", "PYTHONHASHSEED", "0"]
        return [*words, "--", self.python, "-s", "-S", "-B", "-c", harness()]


class NotBuilt(Exception):
    """The room did not come to be; the text is what its builder said, cut."""


@cache
def harness() -> str:
    """The text of what runs inside."""
    return Path(__file__).with_name("harness.py").read_text(encoding="utf-8")


def _system_folders() -> list[str]:
    """What stands beside /usr on this machine, so that programs find their libraries."""
    words: list[str] = []
    for name in ("bin", "lib", "lib64"):
        folder = Path("/", name)
        if folder.is_symlink():
            words += ["--symlink", str(folder.readlink()), f"/{name}"]
        elif folder.is_dir():
            words += ["--ro-bind", f"/{name}", f"/{name}"]
    return words


def enter(room: Room, job: Job, *, limits: SandboxLimits = LIMITS, stop: threading.Event | None = None) -> Ran:
    """Build a room, run a job in it, and leave nothing behind. Blocks.

    Args:
        room: from `isolation`.
        job: what to run.
        limits: what it may take.
        stop: set from elsewhere to end it at once.

    Raises:
        NotBuilt: if the room did not come to be; nothing of the job was run.
    """
    lines = Lines(secrets.token_hex(16))
    with grouped(limits) as groups, tempfile.TemporaryFile() as given:
        reading, writing = os.pipe()
        try:
            given.write(_request(job, lines.mark, writing, limits))
            given.seek(0)
            process = subprocess.Popen(
                room.command(limits, groups),
                env={},
                cwd="/",
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(writing,),
                start_new_session=True,
            )
        except OSError as failed:
            os.close(reading)
            raise NotBuilt(type(failed).__name__) from None
        finally:
            os.close(writing)
        assert process.stdout is not None
        with process, os.fdopen(reading, "rb", buffering=0) as answers:
            try:
                why, printed = _listen(lines, process.stdout, answers, limits, stop or threading.Event())
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
    if not lines.ready:
        raise NotBuilt(printed[:200].strip() or why or f"exit {code}")
    return _ran(job, lines, why or ("timeout" if code == 128 + signal.SIGXCPU else ""), printed)


def _request(job: Job, mark: str, fd: int, limits: SandboxLimits) -> bytes:
    confined = {
        "cpu": limits.cpu_seconds,
        "memory": limits.memory,
        "file": limits.file,
        "processes": limits.processes,
        "files": limits.files,
    }
    asks = [[ask.kind, ask.source] for ask in job.asks]
    return json.dumps({"code": job.code, "asks": asks, "mark": mark, "fd": fd, "limits": confined}).encode()


def _listen(
    lines: Lines, printed: IO[bytes], answers: IO[bytes], limits: SandboxLimits, stop: threading.Event
) -> tuple[str, str]:
    """Read both channels until the end, too late or too much; why it was ended, and what was printed."""
    shown, said, why = bytearray(), 0, ""
    until, begun = time.monotonic() + 2 * limits.seconds, False
    with selectors.DefaultSelector() as channels:
        for channel in (printed, answers):
            channels.register(channel, selectors.EVENT_READ)
        while channels.get_map() and not lines.done and not why:
            left = until - time.monotonic()
            if left <= 0 or stop.is_set():
                why = "timeout"
                break
            for key, _ in channels.select(min(left, 0.1)):
                data = os.read(key.fd, 65_536)
                if not data:
                    channels.unregister(key.fileobj)
                elif key.fileobj is printed:
                    shown += data
                    why = "output" if len(shown) > limits.printed else why
                else:
                    said += len(data)
                    lines.feed(data)
                    why = "output" if said > limits.answers else why
            if lines.ready and not begun:
                until, begun = time.monotonic() + limits.seconds, True
        if lines.done:
            why = ""
            # The room flushes before it says that it is done, yet both may have come after what `select` saw.
            while printed in {key.fileobj for key, _ in channels.select(0)} and len(shown) < limits.printed:
                data = os.read(printed.fileno(), 65_536)
                if not data:
                    break
                shown += data
    return why, shown[: limits.printed].decode("utf-8", "replace")


def _ran(job: Job, lines: Lines, why: str, printed: str) -> Ran:
    began = lines.told.get(-1, Answer(error=why or "died"))
    lost = Answer(error=began.error and "unanswered" or why or "died")
    answers = []
    for number in range(len(job.asks)):
        answers.append(lines.told.get(number, lost))
        if number not in lines.told:
            lost = Answer(error="unanswered")  # what came after the one that ended it
    foreign = any(
        answer.error == "ModuleNotFoundError" and answer.detail.split(".")[0] not in sys.stdlib_module_names
        for answer in (began, *answers)
        if answer.detail
    )
    status: RanStatus = "unsupported" if foreign else "timeout" if why == "timeout" else "ok"
    return Ran(status, 2, tuple(answers), began.error, began.detail, printed)

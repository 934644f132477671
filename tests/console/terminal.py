"""What does a command do on a terminal? A pseudo-terminal, on which keys can be pressed."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
from dataclasses import dataclass

from .conftest import COMMAND, Plurijudge

CTRL_C = "\x03"
# Makes standard input the session's terminal, so that its keys raise signals, and becomes the command.
_ON_A_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


@dataclass(frozen=True)
class Left:
    """How a command on a terminal ended, and all that was shown; both channels are one there."""

    code: int
    out: str


class Terminal:
    """A command that runs on a pseudo-terminal of its own, as its foreground job."""

    def __init__(self, where: Plurijudge, *args: str, **environment: str) -> None:
        """Start it."""
        self.shown = ""
        master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (50, 200))
        self._screen = master
        self._process = subprocess.Popen(
            [sys.executable, "-c", _ON_A_TERMINAL, *COMMAND, *args],
            cwd=where.folder,
            env=where.environment(TERM="xterm-256color", **environment),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._screen, keys.encode())

    def wait_for(self, words: str) -> None:
        """Read on until these words have been shown; AssertionError where nothing comes for a minute."""
        while words not in self.shown:
            assert self._read(), f"`{words}` was never shown: {self.shown}"

    def end(self) -> Left:
        """Read to the end."""
        while self._read():
            pass
        os.close(self._screen)
        return Left(self._process.wait(timeout=60), self.shown)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._screen], [], [], 60)
        if not ready:
            return False
        try:
            block = os.read(self._screen, 65536)
        except OSError:  # Linux says so when the last writer has gone
            return False
        self.shown += block.decode(errors="replace")
        return bool(block)

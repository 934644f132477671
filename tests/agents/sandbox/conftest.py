"""Fixtures: who builds rooms here, and can anybody?"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SANDBOX = Path(__file__).resolve().parents[3] / "agents" / "sandbox"
ORDINARY = 12_345
PLANTED = "planted-key-5ad1"


@dataclass(frozen=True)
class Entered:
    """What came of a job in a room."""

    ran: dict[str, Any]
    seconds: float
    left: list[str]

    @property
    def errors(self) -> list[str]:
        return [answer["error"] for answer in self.ran["answers"]]

    @property
    def values(self) -> list[Any]:
        assert not self.ran["error"], self.ran
        assert not any(self.errors), self.ran
        return [answer["value"] for answer in self.ran["answers"]]


@dataclass(frozen=True)
class Builder:
    """Somebody who builds rooms: this user, or root turned into an ordinary one."""

    folder: Path
    ordinary: bool

    @property
    def words(self) -> list[str]:
        """How the driver is started."""
        words = [sys.executable]
        if self.ordinary:
            words = ["setpriv", f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups", "/usr/bin/python3"]
        return [*words, str(self.folder / "driver.py"), str(self.folder)]

    @property
    def environment(self) -> dict[str, str]:
        """The driver's, with a key."""
        return {"PATH": os.environ.get("PATH", os.defpath), "X_API_KEY": PLANTED}

    def enter(self, code: str, *expressions: str, **limits: float) -> Entered:
        """Build a room, run the code in it and ask; a key is planted in the builder's environment."""
        told = self.driven(code, *expressions, **limits)
        assert "ran" in told, told
        return Entered(told["ran"], told["seconds"], told["left"])

    def driven(self, code: str, *expressions: str, **limits: float) -> dict[str, Any]:
        given = json.dumps({"code": code, "expressions": expressions, "limits": limits})
        done = subprocess.run(
            self.words,
            input=given,
            capture_output=True,
            text=True,
            cwd="/",
            env=self.environment,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told


@pytest.fixture(scope="session")
def copied() -> Iterator[Path]:
    """A folder that everybody may read, with the sandbox and the driver."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(SANDBOX, folder / "sandbox", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(Path(__file__).with_name("driver.py"), folder)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield folder


@pytest.fixture(scope="session", params=["as this user", "as an ordinary user"])
def builder(request: pytest.FixtureRequest, copied: Path) -> Builder:
    """Everybody who can build rooms here; skipped where bubblewrap is not installed or not allowed."""
    if not shutil.which("bwrap"):
        pytest.skip("there is no `bwrap` here: install bubblewrap")
    ordinary = request.param != "as this user"
    if ordinary and (os.geteuid() != 0 or not shutil.which("setpriv") or not Path("/usr/bin/python3").exists()):
        pytest.skip("only root can become another user; this one is tried as it is")
    made = Builder(copied, ordinary)
    told = made.driven("", "1")
    if "ran" not in told:
        pytest.skip(f"no room can be built here: {told['reason']}")
    assert told["user"] == (ORDINARY if ordinary else os.geteuid())
    return made

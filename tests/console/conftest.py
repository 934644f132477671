"""Fixtures: how does a test type a command, and which store may it look into?"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

COMMAND = (sys.executable, "-m", "plurijudge")
KEPT = ("PATH", "LANG", "LC_ALL", "CI", "SYSTEMROOT", "PLURIJUDGE_TEST_POSTGRES")
OWN = '''"""Judges of one's own: what a user would write into a file beside the items."""


def longer(item, presentation):
    texts = {response.id: response.text for response in item.responses}
    return max(presentation, key=lambda name: (len(texts[name]), name))


def first(item, presentation):
    return "I read both. [[A]]"


def grade(item, presentation):
    return {"scores": {presentation[0]: 7.0}, "rationale": "as good as it gets"}


def fails(item, presentation):
    raise RuntimeError("out of words")


async def later(item, presentation):
    return presentation[0]
'''


def _ended(code: int, out: bytes, err: bytes, *, traces: bool = False) -> Ended:
    assert traces or b"Traceback" not in err, err.decode()
    return Ended(code, out.decode(errors="surrogateescape"), err.decode())


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Standard output, which is one JSON document and nothing else."""
        return json.loads(self.out, parse_constant=_no_constant)


def _no_constant(name: str) -> Any:
    raise AssertionError(f"{name} is no JSON")


class Warm:
    """The forking process of tests/console/warm.py, started on first use."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._process: subprocess.Popen[str] | None = None

    def run(self, **order: Any) -> int:
        """Run one command and wait for its exit code."""
        if self._process is None:
            script = str(Path(__file__).with_name("warm.py"))
            self._process = subprocess.Popen(
                [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.communicate()


@dataclass(frozen=True)
class Plurijudge:
    """The command, typed in a folder of the test's own, in an environment that holds nothing of the developer's."""

    folder: Path
    warm: Warm

    def environment(self, **more: str) -> dict[str, str]:
        """What the command finds in its environment."""
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        home = str(self.folder / "home")
        own = {"HOME": home, "XDG_STATE_HOME": f"{home}/state", "XDG_CONFIG_HOME": f"{home}/config"}
        return {**kept, **own, "PYTHONIOENCODING": "utf-8", **more}

    def __call__(self, *args: str, stdin: str | bytes = "", **environment: str) -> Ended:
        """Type a command and wait for its end; its imports have been paid for."""
        with tempfile.TemporaryDirectory() as place:
            files = {name: Path(place) / name for name in ("in", "out", "err")}
            for name, path in files.items():
                path.write_bytes((stdin.encode() if isinstance(stdin, str) else stdin) if name == "in" else b"")
            order = {"args": args, "folder": str(self.folder), "environment": self.environment(**environment)}
            code = self.warm.run(**order, **{name: str(path) for name, path in files.items()})
            return _ended(code, files["out"].read_bytes(), files["err"].read_bytes())

    def cold(self, *args: str, stdin: bytes = b"", debug: bool = False, **environment: str) -> Ended:
        """Type a command as a shell does: a fresh interpreter, `python -m plurijudge`."""
        done = subprocess.run(
            [*COMMAND, *args],
            input=stdin,
            capture_output=True,
            cwd=self.folder,
            env=self.environment(**environment),
            timeout=300,
        )
        return _ended(done.returncode, done.stdout, done.stderr, traces=debug)

    def write(self, name: str, content: str | bytes | Iterable[Any]) -> Path:
        """A file in the folder: text, bytes, or values as JSON lines."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        else:
            path.write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")
        return path

    def files(self) -> set[str]:
        """What stands in the folder, the home apart."""
        return {path.name for path in self.folder.iterdir()} - {"home", "__pycache__"}


def item(name: str, **more: Any) -> dict[str, Any]:
    """An item whose response `a` is the longer one."""
    responses = [{"id": "a", "model": "m1", "text": "Four, as always."}, {"id": "b", "model": "m2", "text": "Five."}]
    return {"id": name, "prompt": f"What is two and two ({name})?", "responses": responses, **more}


ITEMS = [
    item("q1", gold=[{"annotator": "h1", "preferred": "a"}], meta={"subset": "sums"}),
    item("q2", gold=[{"annotator": "h1", "preferred": "b"}], meta={"subset": "sums"}),
    item("q3", meta={"subset": "others"}),
]


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """A process that forks for commands, one for each worker."""
    made = Warm()
    yield made
    made.close()


@pytest.fixture
def plurijudge(tmp_path: Path, warm: Warm) -> Plurijudge:
    """The command in an empty folder with items.jsonl and own.py."""
    made = Plurijudge(tmp_path, warm)
    made.write("items.jsonl", ITEMS)
    made.write("own.py", OWN)
    return made


@pytest.fixture(scope="session")
def _judged(tmp_path_factory: pytest.TempPathFactory, warm: Warm) -> Path:
    folder = tmp_path_factory.mktemp("judged")
    made = Plurijudge(folder, warm)
    made.write("items.jsonl", ITEMS)
    made.write("own.py", OWN)
    assert made("judge", "items.jsonl", "--judge", "own:longer", "--quiet").code == 0
    shown = made("judge", "items.jsonl")
    assert shown.code == 0, shown.err
    made.write("first.out", shown.out)
    made.write("first.err", shown.err)
    return folder


@pytest.fixture
def judged(_judged: Path, tmp_path: Path, warm: Warm) -> Plurijudge:
    """The command in a folder with a store of two closed runs: the own judge's, then, the last, the heuristic's."""
    folder = tmp_path / "judged"
    shutil.copytree(_judged, folder)
    return Plurijudge(folder, warm)

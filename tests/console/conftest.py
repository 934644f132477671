"""Fixtures: how does a test type a command, and which store may it look into?"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

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


@dataclass(frozen=True)
class Plurijudge:
    """The command, typed in a folder of the test's own, in an environment that holds nothing of the developer's."""

    folder: Path

    def environment(self, **more: str) -> dict[str, str]:
        """What the command finds in its environment."""
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        home = str(self.folder / "home")
        own = {"HOME": home, "XDG_STATE_HOME": f"{home}/state", "XDG_CONFIG_HOME": f"{home}/config"}
        return {**kept, **own, "PYTHONIOENCODING": "utf-8", **more}

    def __call__(self, *args: str, stdin: bytes = b"", **environment: str) -> Ended:
        """Type a command and wait for its end."""
        done = subprocess.run(
            [*COMMAND, *args],
            input=stdin,
            capture_output=True,
            cwd=self.folder,
            env=self.environment(**environment),
            timeout=300,
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        assert "Traceback" not in err, err
        return Ended(done.returncode, out, err)

    def write(self, name: str, content: str | bytes | Iterable[Any]) -> Path:
        """A file in the folder: text, bytes, or values as JSON lines."""
        path = self.folder / name
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


@pytest.fixture
def plurijudge(tmp_path: Path) -> Plurijudge:
    """The command in an empty folder with items.jsonl and own.py."""
    made = Plurijudge(tmp_path)
    made.write("items.jsonl", ITEMS)
    made.write("own.py", OWN)
    return made


@pytest.fixture(scope="session")
def _judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose store holds two runs, made once for all workers."""
    base = tmp_path_factory.getbasetemp()
    root = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    folder = root / "judged"
    with FileLock(root / "judged.lock"):
        if not (folder / "done").exists():
            folder.mkdir()
            made = Plurijudge(folder)
            made.write("items.jsonl", ITEMS)
            made.write("own.py", OWN)
            own = made("judge", "items.jsonl", "--judge", "own:longer", "--quiet")
            assert own.code == 0, own.err
            built_in = made("judge", "items.jsonl")
            assert built_in.code == 0, built_in.err
            made.write("first.txt", built_in.out)
            made.write("first.err", built_in.err)
            made.write("done", "")
    return folder


@pytest.fixture
def judged(_judged: Path, tmp_path: Path) -> Plurijudge:
    """The command in a folder with a store of two closed runs: the own judge's, then, the last, the heuristic's."""
    folder = tmp_path / "judged"
    shutil.copytree(_judged, folder)
    return Plurijudge(folder)

"""How is one driver set to work in its environment, and what did it and the server see?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from plurijudge.agents.judge import Judge
from plurijudge.benchmarks.cases import Law
from plurijudge.benchmarks.server import Server
from plurijudge.graphs.decide import messages_of
from plurijudge.store.records import Item, Response, VerdictKey

from .work import Wording

ROOT = Path(__file__).resolve().parent.parent.parent
FENCE = "==0123456789abcdef01234567=="


class Failed(Exception):
    """A driver that could not do its work; the message is the last that it said."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What all who are compared are given alike.

    Attributes:
        verdicts: how many, one call each.
        concurrency: calls in flight at most.
        latency: seconds that the server thinks about each.
        patience: seconds after which a driver is given up.
    """

    verdicts: int = 1000
    concurrency: int = 50
    latency: float = 0.2
    patience: float = 900.0

    @property
    def ideal(self) -> float:
        """Seconds that the calls take if always as many as allowed are in flight."""
        return self.verdicts * self.latency / self.concurrency


def wording() -> Wording:
    """The prompt that plurijudge's pairwise judge sends, with places for the texts."""
    judge = Judge("openai/any")
    item = Item(
        id="q",
        prompt="<<question>>",
        responses=[Response(id="a", text="<<first>>"), Response(id="b", text="<<second>>")],
    )
    unit = VerdictKey(item="q", judge=judge.id, presentation=("a", "b"))
    system, user = messages_of(judge, item, unit, FENCE)
    return Wording(system["content"], user["content"])


def prepare_folder(folder: Path) -> None:
    """Put into a folder what drivers need: the wording, and this checkout under the package's name."""
    (folder / "wording.json").write_text(json.dumps(asdict(wording())), encoding="utf-8")
    (folder / "links").mkdir()
    (folder / "links" / "plurijudge").symlink_to(ROOT)


def trial(
    name: str,
    setting: Setting,
    folder: Path,
    *,
    python: Path | str = sys.executable,
    options: dict[str, Any] | None = None,
    server: Server | None = None,
) -> dict[str, Any]:
    """Let one driver do the work once, in a process of its own, and give its line with `server`, what that saw.

    Args:
        name: the driver's file in drivers/.
        setting: how much work, and how.
        folder: one that `prepare_folder` has made ready.
        python: the interpreter of the environment that has the driver's library.
        options: for the driver alone.
        server: one that runs already; else a new one with constant latency.

    Raises:
        Failed: if the driver ended without a line, or gave fewer verdicts than it was asked for.
    """
    if server is None:
        with Server(Law(latency=setting.latency)) as own:
            return trial(name, setting, folder, python=python, options=options, server=own)
    command: list[Any] = [python, "-m", "plurijudge.benchmarks.peers.drive", name, "--core", 0]
    command += ["--base-url", server.base_url, "--wording", folder / "wording.json", "--verdicts", setting.verdicts]
    command += ["--concurrency", setting.concurrency, "--latency", setting.latency]
    command += ["--options", json.dumps(options or {})]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PLURIJUDGE_", "PYTHON"))}
    try:
        ended = subprocess.run(
            [str(word) for word in command],
            cwd=folder,
            env={**kept, "PYTHONPATH": str(folder / "links"), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=setting.patience,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(f"not done after {setting.patience:g} s") from error
    lines = ended.stdout.strip().splitlines()
    if ended.returncode or not lines:
        said = ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"]
        raise Failed(said[-1][:300])
    line: dict[str, Any] = json.loads(lines[-1])
    if line["verdicts"] < setting.verdicts:
        raise Failed(f"gave {line['verdicts']} of {setting.verdicts} verdicts")
    return {**line, "server": server.stat(full=bool((options or {}).get("stamps")))}

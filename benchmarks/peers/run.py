"""What does the same judging cost elsewhere? Peers, each in an environment of its own, in turns with plurijudge.

    python benchmarks/peers/run.py [PEER...] [--verdicts 1000] [--rounds 2] [--latency 0.2] [--concurrency 50]
                                   [--transport auto|direct|litellm] [--cache FOLDER] [--no-install] [--table FILE]

Makes one environment a peer below FOLDER (the user's cache folder where none is named) and keeps it for the next time;
delete it to install anew. Each peer asks one pairwise question a verdict, with the instruction that plurijudge sends,
through the plainest road that its own documents show for judging; what it does besides (logs, results, progress where
that can be switched off) is as it comes. A peer that cannot be installed, or does not give all verdicts, is listed with
the reason. One JSON line a peer, and then the table in Markdown on standard error or in a file.
Exit codes: 0 all were measured, 1 some could not be, 2 plurijudge itself could not, or no such peer.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from plurijudge.benchmarks.peers.trial import Failed, Setting, prepare_folder, trial

OURS = "plurijudge"
YARDSTICK = "litellm"


@dataclass(frozen=True, slots=True)
class Peer:
    """A library to compare with.

    Attributes:
        name: its driver's file in drivers/.
        packages: what is installed for it.
        shows: the package whose version is told.
    """

    name: str
    packages: tuple[str, ...]
    shows: str = ""

    @property
    def distribution(self) -> str:
        """The package whose version is told."""
        return self.shows or self.packages[0]


PEERS = (
    Peer("aiohttp", ("aiohttp",)),
    Peer("litellm", ("litellm", "aiohttp")),
    Peer("inspect_ai", ("inspect_ai", "openai")),
    Peer("deepeval", ("deepeval", "openai")),
    Peer("openevals", ("openevals", "langchain-openai")),
    Peer("pydantic_evals", ("pydantic-evals", "pydantic-ai-slim[openai]")),
    Peer("autorubric", ("autorubric",)),
    Peer("verdict", ("verdict",)),
)


@dataclass(slots=True)
class Standing:
    """How a peer fared: a line a round, or why there is none."""

    name: str
    version: str = ""
    lines: list[dict[str, Any]] = field(default_factory=list)
    why_not: str = ""

    def row(self, setting: Setting, yardstick: float | None) -> dict[str, Any]:
        """Its medians over the rounds; CPU beside that of bare LiteLLM where that was measured."""
        if not self.lines or self.why_not:
            return {"peer": self.name, "version": self.version, "why_not": self.why_not or "never started"}
        wall, peak = (statistics.median(line[name] for line in self.lines) for name in ("wall_s", "peak_mib"))
        cpu = self.cpu(setting)
        assert cpu is not None
        calls = self.lines[-1]["server"]
        return {
            "peer": self.name,
            "version": self.version,
            "wall_s": round(wall, 2),
            "over_ideal": round(wall / setting.ideal, 3),
            "cpu_ms": round(cpu, 3),
            "cpu_ms_rounds": [round(1000 * line["cpu_s"] / setting.verdicts, 3) for line in self.lines],
            "peak_mib": round(peak, 1),
            "over_litellm": None if not yardstick else round(cpu / yardstick, 3),
            "calls": calls["received"],
            "greatest_in_flight": calls["greatest"],
            "bytes_a_call": round(calls["bytes"] / calls["received"]) if calls["received"] else None,
        }

    def cpu(self, setting: Setting) -> float | None:
        """CPU milliseconds a verdict, None where it was not measured."""
        spent = [1000 * line["cpu_s"] / setting.verdicts for line in self.lines]
        return statistics.median(spent) if spent and not self.why_not else None


def cache_folder() -> Path:
    """Where environments are kept if nobody says otherwise."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "plurijudge" / "peers"


def environment(peer: Peer, cache: Path, *, install: bool) -> Path:
    """The interpreter of a peer's environment, which is made where it is missing.

    Raises:
        Failed: if it cannot be made; what was begun is told by a file that is not there.
    """
    place = cache / peer.name
    python, complete = place / "bin" / "python", place / "complete"
    if complete.exists():
        return python
    if not install:
        raise Failed(f"not installed in {cache}")
    tell(f"installing {', '.join(peer.packages)}")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.packages]
    for command in ([sys.executable, "-m", "venv", "--clear", str(place)], pip):
        slowly = ["nice", "-n", "10", *command] if os.name == "posix" else command
        ended = subprocess.run(slowly, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if ended.returncode:
            said = [line for line in ended.stderr.strip().splitlines() if line.strip()]
            raise Failed(f"not installed: {said[-1][:300] if said else f'exit code {ended.returncode}'}")
    complete.touch()
    return python


def version_of(peer: Peer, python: Path) -> str:
    """The version of a peer that its environment holds."""
    code = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"
    ended = subprocess.run([str(python), "-c", code, peer.distribution], capture_output=True, text=True)
    return ended.stdout.strip()


def contest(
    peers: Sequence[Peer], setting: Setting, rounds: int, cache: Path, *, limits: dict[str, Any], install: bool
) -> list[Standing]:
    """Let plurijudge and the peers take turns, as often as there are rounds."""
    standings = {OURS: Standing(OURS, version="this checkout")}
    pythons: dict[str, Path] = {}
    for peer in peers:
        standing = standings[peer.name] = Standing(peer.name)
        try:
            pythons[peer.name] = environment(peer, cache, install=install)
            standing.version = version_of(peer, pythons[peer.name])
        except (Failed, OSError) as why:
            standing.why_not = str(why)
    with tempfile.TemporaryDirectory(prefix="plurijudge-peers-") as name:
        folder = Path(name)
        prepare_folder(folder)
        for number in range(1, rounds + 1):
            for standing in standings.values():
                if standing.why_not:
                    continue
                tell(f"round {number} of {rounds}: {standing.name}")
                python = pythons.get(standing.name, Path(sys.executable))
                options = {"limits": limits} if standing.name == OURS else None
                try:
                    standing.lines.append(trial(standing.name, setting, folder, python=python, options=options))
                except Failed as why:
                    standing.why_not = str(why)
    return list(standings.values())


def table(rows: list[dict[str, Any]]) -> str:
    """The rows in Markdown, the least CPU first, those that could not be measured last."""
    measured = sorted((row for row in rows if "why_not" not in row), key=lambda row: float(row["cpu_ms"]))
    lines = [
        "| library | version | wall / ideal | CPU ms a verdict | CPU / bare LiteLLM | peak MiB | bytes a call |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in measured:
        ratio = "" if row["over_litellm"] is None else f"{row['over_litellm']:.2f}"
        name = "bare " + row["peer"] if row["peer"] in ("litellm", "aiohttp") else row["peer"]
        cells = [name, row["version"], f"{row['over_ideal']:.2f}", f"{row['cpu_ms']:.2f}", ratio]
        cells += [f"{row['peak_mib']:.0f}", f"{row['bytes_a_call']}"]
        lines.append(f"| {' | '.join(cells)} |")
    for row in rows:
        if "why_not" in row:
            lines.append(f"| {row['peer']} | {row['version']} | not measured: {row['why_not']} | | | | |")
    return "\n".join(lines)


def tell(line: str) -> None:
    """Print a line for people."""
    print(line, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Carry it out; gives the exit code."""
    names = [peer.name for peer in PEERS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", nargs="*", help=f"of: {', '.join(names)}")
    parser.add_argument("--verdicts", type=int, default=1000, metavar="N")
    parser.add_argument("--rounds", type=int, default=2, metavar="R")
    parser.add_argument("--latency", type=float, default=0.2, metavar="S")
    parser.add_argument("--concurrency", type=int, default=50, metavar="C")
    parser.add_argument("--transport", choices=("auto", "direct", "litellm"), default="")
    parser.add_argument("--cache", type=Path, default=cache_folder(), metavar="FOLDER")
    parser.add_argument("--no-install", action="store_true", help="measure only what is installed")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write the table there")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.peer) - set(names)):
        parser.error(f"no peer named {', '.join(unknown)}; there are {', '.join(names)}")
    peers = [peer for peer in PEERS if not options.peer or peer.name in options.peer]
    setting = Setting(options.verdicts + options.verdicts % 2, options.concurrency, options.latency)
    limits = {"transport": options.transport} if options.transport else {}
    options.cache.mkdir(parents=True, exist_ok=True)
    standings = contest(peers, setting, options.rounds, options.cache, limits=limits, install=not options.no_install)
    yardstick = next((standing.cpu(setting) for standing in standings if standing.name == YARDSTICK), None)
    rows = [standing.row(setting, yardstick) for standing in standings]
    told = {"benchmark": "peers", **asdict(setting), "rounds": options.rounds}
    for row in rows:
        print(json.dumps({**told, **row}), flush=True)
    if options.table:
        options.table.write_text(table(rows) + "\n", encoding="utf-8")
    else:
        tell(table(rows))
    missing = [row["peer"] for row in rows if "why_not" in row]
    return 2 if OURS in missing else 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())

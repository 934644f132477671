"""What do other auditors of judges find in judges whose biases are known, and what do they cost?

    python benchmarks/peers/auditors/run.py [TOOL...] [--sets 20] [--items 300] [--large 30000] [--world TEXT]
                                            [--cache FOLDER] [--no-install] [--table FILE]

judgecal, judgekit and truescore, each in an environment of its own below FOLDER (the user's cache folder where none is
named), and plurijudge, all on the same simulated verdicts, each by the way that its own documents show: judgecal and
plurijudge plant a cue, judgekit and truescore compare with people. One JSON line a tool, method and world, and one a
tool of what it costs; then tables in Markdown on standard error or in a file.

- `found`: the share of data sets in which its test or interval says, at .05, that there is a bias. Where none was
  planted it should be .05; elsewhere it is its power.
- `alarm`: the share in which it raises its own alarm, which in judgecal and judgekit asks for more than that.
- `coverage` and `width`: of its interval, where that is on the scale of the planted effect; for plurijudge also of
  the one that holds whatever the missing verdicts were. Monte-Carlo error: with 20 sets .05, with 500 .01.
- `silent`: the share in which it gave no finding; `why` is the commonest reason.
- `analysis_s`, `records_s`, `process_s`: CPU seconds for 300 and 30,000 verdicts of both orders: of its analysis
  alone, of making the records that it takes, and of all from the start of the process to the first finding.

Exit codes: 0 all were measured and plurijudge's analysis is the fastest of the large set, 1 some could not be or it is
not, 2 plurijudge itself could not, or no such tool.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from plurijudge.benchmarks.peers.auditors.shown import Shown
from plurijudge.benchmarks.peers.auditors.worlds import World, worlds
from plurijudge.benchmarks.peers.run import OURS, Peer, cache_folder, environment, tell, version_of
from plurijudge.benchmarks.peers.trial import ROOT, Failed

AUDITORS = tuple(Peer(name, (name,)) for name in ("judgecal", "judgekit", "truescore"))
ON_SCALE = (
    *("order_effect", "order_effect, bounds", "cue_effect"),
    *("first_pick_rate", "position preference", "position_bias"),
)
SMALL = 300
PATIENCE = 4 * 3600


def started(name: str, python: Path | str, links: Path, arguments: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The JSON lines of one driver in its environment.

    Raises:
        Failed: if it ends otherwise than well.
    """
    command = [str(python), "-m", "plurijudge.benchmarks.peers.auditors.drive", name, *arguments]
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PLURIJUDGE_", "PYTHON"))}
    more = {"PYTHONPATH": str(links), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    given: dict[str, Any] = {"cwd": links, "env": {**kept, **more}, "stdin": subprocess.DEVNULL, "timeout": PATIENCE}
    try:
        ended = subprocess.run(command, capture_output=True, text=True, **given)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"not done after {PATIENCE} s") from error
    if ended.returncode:
        raise Failed((ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"])[-1][:300])
    yield from (json.loads(line) for line in ended.stdout.splitlines())


def rows(tool: str, world: World, said: list[Any]) -> Iterator[dict[str, Any]]:
    """A row a method, from what a tool said of each data set of a world: a list of findings, or a reason."""
    whys = Counter(one if isinstance(one, str) else "no estimate" for one in said if isinstance(one, str) or not one)
    findings = [finding for one in said if not isinstance(one, str) for finding in one]
    for method in dict.fromkeys(one[0] for one in findings) or [""]:
        own = [one for one in findings if one[0] == method]
        ends = [(low, high) for _, _, low, high, _, _ in own if low is not None and high is not None]
        fits = bool(ends) and method in ON_SCALE
        yield {
            "benchmark": "auditors",
            "tool": tool,
            "method": method,
            "kind": world.kind,
            "world": world.name,
            "planted": world.points,
            "sets": len(said),
            "found": round(sum(one[4] for one in own) / len(said), 4),
            "alarm": round(sum(one[5] for one in own) / len(said), 4),
            "coverage": round(float(np.mean([low <= world.points <= high for low, high in ends])), 4) if fits else None,
            "width": round(float(np.mean([high - low for low, high in ends])), 4) if fits else None,
            "silent": round(1 - len(own) / len(said), 4),
            "why": whys.most_common(1)[0][0] if whys else "",
        }


def costs(tool: str, python: Path | str, folder: Path, sizes: Sequence[int]) -> dict[str, Any]:
    """What the analysis of position costs for each number of verdicts, one presentation each: the least of two."""
    line: dict[str, Any] = {"benchmark": "auditors", "tool": tool}
    for size in sizes:
        tries = [next(started(tool, python, folder, [str(folder / f"{size}.npz"), "--timed"])) for _ in range(2)]
        line[str(size)] = {name: round(min(one[name] for one in tries), 5) for name in tries[0]}
    return line


def table(found: list[dict[str, Any]], spent: list[dict[str, Any]], whys: dict[str, str]) -> str:
    """All of it in Markdown."""
    names = list(dict.fromkeys((row["tool"], row["method"]) for row in found))
    lines = ["| what is asked, world | planted | tool, method | found | alarm | coverage | width | silent |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for kind, world in dict.fromkeys((row["kind"], row["world"]) for row in found):
        for row in (row for name in names for row in found if (row["tool"], row["method"]) == name):
            if (row["kind"], row["world"]) == (kind, world):
                cells = [f"{kind}: {world}", f"{100 * row['planted']:.0f}", f"{row['tool']}, {row['method']}"]
                cells += [f"{row['found']:.2f}", f"{row['alarm']:.2f}"]
                cells += ["" if row[name] is None else f"{row[name]:.3f}" for name in ("coverage", "width")]
                lines.append(f"| {' | '.join([*cells, format(row['silent'], '.2f')])} |")
    lines += ["", "| tool | verdicts | analysis CPU s | records CPU s | process CPU s |", "|---|---|---|---|---|"]
    for line in spent:
        for size, cost in ((size, cost) for size, cost in line.items() if isinstance(cost, dict)):
            cells = [line["tool"], size, f"{cost['analysis_s']:.4f}", f"{cost['records_s']:.4f}"]
            lines.append(f"| {' | '.join([*cells, format(cost['process_s'], '.2f')])} |")
    return "\n".join([*lines, *(f"\n{name}: not measured: {why}" for name, why in whys.items())])


def losses(found: list[dict[str, Any]]) -> list[str]:
    """Where another tool does better: finds more of what is there, less of what is not, covers oftener, is narrower.

    Of shares that lie apart by more than two standard errors, and of intervals of complete pairs narrower by a 20th.
    """
    said, ours = [], dict[tuple[str, str], dict[str, Any]]()
    for row in (row for row in found if row["tool"] == OURS):
        ours.setdefault((row["kind"], row["world"]), row)
    for row in (row for row in found if row["tool"] != OURS and row["silent"] < 1):
        own = ours.get((row["kind"], row["world"]))
        if own is None:
            continue
        error = 2 * (2 * max(own["found"] * (1 - own["found"]), 0.02) / row["sets"]) ** 0.5
        more = row["found"] - own["found"] if row["planted"] else own["found"] - row["found"]
        narrower = row["width"] is not None and own["width"] is not None and row["width"] < 0.95 * own["width"]
        if more > error:
            what = "finds it oftener" if row["planted"] else "finds what is not there less often"
            said.append(f"{row['kind']}, {row['world']}: {row['tool']} {what}: {row['found']} against {own['found']}")
        known = row["coverage"] is not None and own["coverage"] is not None
        if known and row["coverage"] - own["coverage"] > 2 * (2 * 0.05 / row["sets"]) ** 0.5:
            told = f"{row['coverage']} against {own['coverage']} of complete pairs"
            said.append(f"{row['kind']}, {row['world']}: {row['tool']}'s interval covers oftener: {told}")
        if narrower:
            told = f"(coverage {row['coverage']} against {own['coverage']})"
            said.append(
                f"{row['kind']}, {row['world']}: {row['tool']}'s interval is narrower: {row['width']} against "
                f"{own['width']} {told}"
            )
    return said


def main(arguments: list[str] | None = None) -> int:
    """Carry it out; gives the exit code."""
    names = [peer.name for peer in AUDITORS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tool", nargs="*", help=f"of: {', '.join(names)}; plurijudge is always measured")
    parser.add_argument("--sets", type=int, default=20, metavar="N")
    parser.add_argument("--items", type=int, default=300, metavar="N")
    parser.add_argument("--large", type=int, default=30_000, metavar="N", help="verdicts of the large set")
    parser.add_argument("--world", default="", metavar="TEXT", help="only worlds whose kind or name has this in it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=cache_folder().parent / "auditors", metavar="FOLDER")
    parser.add_argument("--no-install", action="store_true", help="measure only what is installed")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write the tables there")
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.tool) - set(names)):
        parser.error(f"no auditor named {', '.join(unknown)}; there are {', '.join(names)}")
    chosen = [world for world in worlds() if given.world in f"{world.kind}: {world.name}"]
    if not chosen:
        parser.error(f"no world has {given.world!r} in it")
    given.cache.mkdir(parents=True, exist_ok=True)
    pythons, versions, whys = {OURS: Path(sys.executable)}, {OURS: "this checkout"}, {}
    for peer in (peer for peer in AUDITORS if not given.tool or peer.name in given.tool):
        try:
            pythons[peer.name] = environment(peer, given.cache, install=not given.no_install)
            versions[peer.name] = version_of(peer, pythons[peer.name])
        except (Failed, OSError) as why:
            whys[peer.name] = str(why)
    found, spent = [], []
    with tempfile.TemporaryDirectory(prefix="plurijudge-auditors-") as name:
        folder = Path(name)
        (folder / "plurijudge").symlink_to(ROOT)
        (folder / "worlds").mkdir()
        files = _drawn(chosen, folder, given.sets, given.items, given.seed, sizes := (SMALL, given.large))
        for tool, python in pythons.items():
            tell(f"{tool} {versions[tool]}")
            try:
                for line in started(tool, python, folder, [str(folder / "worlds")]):
                    for row in rows(tool, files[line["world"]], line["said"]):
                        print(json.dumps({**row, "version": versions[tool]}), flush=True)
                        found.append(row)
                spent.append({**costs(tool, python, folder, sizes), "version": versions[tool]})
                print(json.dumps(spent[-1]), flush=True)
            except Failed as why:
                whys[tool] = str(why)
    for tool, told in whys.items():
        print(json.dumps({"benchmark": "auditors", "tool": tool, "why_not": told}), flush=True)
    said = table(found, spent, whys)
    lost = losses(found) + slower(spent, given.large)
    said += "\n\nWhere plurijudge does worse:\n" + "\n".join(f"- {one}" for one in lost or ["nowhere here"])
    if given.table:
        given.table.write_text(said + "\n", encoding="utf-8")
    else:
        tell(said)
    return 2 if OURS in whys else 1 if whys or slower(spent, given.large) else 0


def slower(spent: list[dict[str, Any]], size: int) -> list[str]:
    """Who is faster with the large set."""
    took = {line["tool"]: line[str(size)]["analysis_s"] for line in spent}
    return [
        f"{tool} takes {seconds} CPU s for {size} verdicts, plurijudge {took[OURS]}"
        for tool, seconds in took.items()
        if OURS in took and seconds < took[OURS]
    ]


def _drawn(
    chosen: list[World], folder: Path, sets: int, items: int, seed: int, sizes: Sequence[int]
) -> dict[str, World]:
    """Write the data sets that all tools are shown; gives the world of each file."""
    files = {}
    for number, world in enumerate(chosen):
        name = f"{world.kind}-{number:03}"
        world.draw(np.random.default_rng([seed, number]), sets, items).save(folder / "worlds" / f"{name}.npz")
        files[name] = world
    for size in sizes:
        picks = np.random.default_rng(seed).integers(0, 2, (1, size // 2, 2, 1)).astype(float)
        Shown(picks).save(folder / f"{size}.npz")
    return files


if __name__ == "__main__":
    sys.exit(main())

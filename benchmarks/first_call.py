"""How long does a user wait for the first call? From the start of `plurijudge judge FILE` to its arrival at the server.

    python benchmarks/first_call.py [--items 1000 100000] [--rounds 3] [--transport auto|direct|litellm]

One JSON line a size: the least and the middle of the rounds, in seconds; the process is ended after its first call.
Exit codes: 0 done, 2 it could not be carried out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from plurijudge.benchmarks.cases import Law, item
from plurijudge.benchmarks.server import Server

PATIENCE = 120.0


def write_items(path: Path, count: int) -> None:
    """Write so many items, one a line."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(item(number)) + "\n" for number in range(count))


def first_call(items: Path, folder: Path, server: Server, *, transport: str) -> float:
    """Seconds from the process's start until its first request arrives.

    Raises:
        RuntimeError: if the command ends, or a long time passes, before it asks anything.
    """
    server.stat(reset=True)
    command = [sys.executable, "-m", "plurijudge", "judge", str(items), "--model", "openai/loopback", "--quiet"]
    command += ["--base-url", server.base_url, "--db", str(folder / "run.db")]
    command += ["--transport", transport] if transport else []
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PLURIJUDGE_")}
    log = folder / "said"
    with log.open("wb") as said:
        started = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, env=kept, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            while not (first := server.stat()["first"]):
                if process.poll() is not None or time.monotonic() - started > PATIENCE:
                    told = log.read_text(errors="replace").strip().splitlines()
                    raise RuntimeError(told[-1] if told else f"no call within {PATIENCE:g} s")
                time.sleep(0.02)
        finally:
            process.kill()
            process.wait()
    return float(first) - started


def main(arguments: list[str] | None = None) -> int:
    """Carry it out; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, nargs="+", default=[1000, 100_000], metavar="N")
    parser.add_argument("--rounds", type=int, default=3, metavar="R")
    parser.add_argument("--transport", choices=("auto", "direct", "litellm"), default="")
    options = parser.parse_args(arguments)
    for count in options.items:
        with tempfile.TemporaryDirectory(prefix="plurijudge-first-") as name, Server(Law(latency=1.0)) as server:
            folder = Path(name)
            write_items(folder / "items.jsonl", count)
            waits = []
            try:
                for number in range(options.rounds):
                    place = folder / str(number)
                    place.mkdir()
                    waits.append(first_call(folder / "items.jsonl", place, server, transport=options.transport))
            except RuntimeError as why:
                print(f"It could not be carried out: {why}", file=sys.stderr)
                return 2
        told = {"benchmark": "first_call", "items": count, "transport": options.transport or "default"}
        found = {"least_s": round(min(waits), 3), "median_s": round(statistics.median(waits), 3)}
        print(json.dumps({**told, "rounds": options.rounds, **found}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

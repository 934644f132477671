"""One auditor at work: all data sets of all worlds, or one large set, timed. Started by run.py in its environment.

    python -m plurijudge.benchmarks.peers.auditors.drive NAME FOLDER
    python -m plurijudge.benchmarks.peers.auditors.drive NAME FILE --timed

NAME is a file in drivers/, with `records(shown)`, the data as the tool wants them; `position(records)`; and
`length(shown)` and `own(shown)`. FOLDER holds a file a world, its name being KIND-NUMBER.npz; a JSON line each.
"""

from __future__ import annotations

import argparse
import json
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from .shown import Finding, Shown


def findings(driver: Any, kind: str, shown: Shown) -> list[Finding]:
    """What the tool says of one data set."""
    made: list[Finding] = driver.position(driver.records(shown)) if kind == "position" else getattr(driver, kind)(shown)
    return made


def told(driver: Any, kind: str, sets: Shown) -> list[list[Finding] | str]:
    """What it says of each data set, or why it says nothing."""
    said: list[list[Finding] | str] = []
    for one in sets.each():
        try:
            said.append(findings(driver, kind, one))
        except (ValueError, ArithmeticError) as why:
            said.append(str(why))
    return said


def timed(name: str, path: Path) -> dict[str, Any]:
    """CPU seconds of its analysis of position, of making its records, and of all since the process began."""
    driver = import_module(f"{__package__}.drivers.{name}")
    [shown] = Shown.load(path).each()
    start = time.process_time()
    records = driver.records(shown)
    made = time.process_time()
    driver.position(records)
    first = time.process_time()
    driver.position(records)
    ended = time.process_time()
    return {"analysis_s": ended - first, "records_s": made - start, "process_s": first}


def main() -> None:
    """Do as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("place", type=Path)
    parser.add_argument("--timed", action="store_true")
    given = parser.parse_args()
    if given.timed:
        print(json.dumps(timed(given.name, given.place)))
        return
    driver = import_module(f"{__package__}.drivers.{given.name}")
    for path in sorted(given.place.glob("*.npz")):
        said = told(driver, path.stem.split("-")[0], Shown.load(path))
        print(json.dumps({"world": path.stem, "said": said}), flush=True)


if __name__ == "__main__":
    main()

"""Who runs jobs in a room as another user? A script that needs nothing but a copy of the package's `sandbox` folder."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path


def living(builder: int) -> list[str]:
    """Processes that belong to rooms which a process built."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if f"room-{builder}-" in words:
            found.append(words[:200])
    return found


def left(builder: int) -> list[str]:
    """The same, once none is left, or three seconds later."""
    until = time.monotonic() + 3
    while (found := living(builder)) and time.monotonic() < until:
        time.sleep(0.02)
    return found


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    from sandbox.bubblewrap import enter  # type: ignore[import-not-found]
    from sandbox.isolation import isolation  # type: ignore[import-not-found]
    from sandbox.job import LIMITS, Job  # type: ignore[import-not-found]

    asked = json.loads(sys.stdin.read())
    found = isolation()
    told: dict[str, object] = {"reason": found.reason, "user": os.geteuid()}
    if found.room is not None:
        limits = replace(LIMITS, **asked["limits"])
        began = time.monotonic()
        told["ran"] = asdict(enter(found.room, Job.of(asked["code"], *asked["expressions"]), limits=limits))
        told["seconds"] = time.monotonic() - began
        told["left"] = left(os.getpid())
    print(json.dumps(told))


if __name__ == "__main__":
    main()

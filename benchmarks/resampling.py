"""What do 10,000 bootstrap resamples over 100,000 verdicts cost, on one core? One JSON line.

    python benchmarks/resampling.py [--values 100000] [--resamples 10000]

Three kinds of data: `levels` (verdicts: 0, 1/2 or 1), `continuous` (no two values alike) and `clusters` (five values
each, drawn together). Each is measured in a process of its own, tied to one core where the system allows it: wall and
CPU seconds of the bootstrap alone, and the process's peak memory in MiB, interpreter and NumPy included.

Exit codes: 0 within 10 s and 1 GiB, 1 not.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from plurijudge.metrics.estimate import Estimate
from plurijudge.metrics.resample import RESAMPLES, bootstrap_mean

SECONDS, MEBIBYTES = 10.0, 1024.0
PER_CLUSTER = 5


def levels(rng: np.random.Generator, values: int, resamples: int) -> Callable[[], Estimate]:
    """Verdicts."""
    given = rng.choice([0.0, 0.5, 1.0], size=values, p=[0.4, 0.1, 0.5])
    return lambda: bootstrap_mean(given, resamples=resamples)


def continuous(rng: np.random.Generator, values: int, resamples: int) -> Callable[[], Estimate]:
    """Scores, no two alike."""
    given = rng.random(values)
    return lambda: bootstrap_mean(given, resamples=resamples)


def clusters(rng: np.random.Generator, values: int, resamples: int) -> Callable[[], Estimate]:
    """Scores of which five at a time belong together."""
    given, labels = rng.random(values), np.arange(values) // PER_CLUSTER
    return lambda: bootstrap_mean(given, clusters=labels, resamples=resamples)


KINDS = {"levels": levels, "continuous": continuous, "clusters": clusters}


def measure(kind: str, values: int, resamples: int) -> dict[str, float]:
    """Run one kind here, on one core."""
    pinned = hasattr(os, "sched_setaffinity")
    if pinned:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    run = KINDS[kind](np.random.default_rng(1), values, resamples)
    wall, cpu = time.perf_counter(), time.process_time()
    found = run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert found.standard_error is not None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    return {"wall_s": round(wall, 3), "cpu_s": round(cpu, 3), "peak_mib": round(peak, 1), "pinned": pinned}


def main(arguments: list[str] | None = None) -> int:
    """Measure every kind in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--values", type=int, default=100_000)
    parser.add_argument("--resamples", type=int, default=RESAMPLES)
    parser.add_argument("--kind", choices=KINDS, help="measure this one here, and print it")
    options = parser.parse_args(arguments)
    if options.kind:
        print(json.dumps(measure(options.kind, options.values, options.resamples)))
        return 0
    sizes = ["--values", str(options.values), "--resamples", str(options.resamples)]
    line: dict[str, object] = {
        "benchmark": "resampling",
        "values": options.values,
        "resamples": options.resamples,
        "allowed_s": SECONDS,
        "allowed_mib": MEBIBYTES,
    }
    held = True
    for kind in KINDS:
        command = [sys.executable, __file__, "--kind", kind, *sizes]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        figures = json.loads(done.stdout)
        line[kind] = figures
        held &= figures["wall_s"] < SECONDS and figures["peak_mib"] < MEBIBYTES
    print(json.dumps({**line, "held": held}))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())

"""How long do the metrics take over 100,000 verdicts? CPU seconds and peak memory, one JSON line for each metric.

    python benchmarks/metrics_speed.py [--verdicts 100000] [--seed 1]

The verdicts are those of 50,000 made items in both presentations, of a judge that is right four times of five. Each
metric runs in a process of its own, so that the peaks do not mix: the least CPU time of five runs, and `peak_mib`, what
the process held at most beyond NumPy and the data.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from plurijudge.benchmarks.measure import Stretch, peak_mib
from plurijudge.metrics.agreement import accuracy, bounds, cohen_kappa, positional_agreement
from plurijudge.metrics.intervals import bounded_mean, clustered_mean

Floats = NDArray[np.float64]
RUNS = 5

METRICS: dict[str, Callable[[Floats], object]] = {
    "accuracy": accuracy,
    "positional_agreement": positional_agreement,
    "bounds": bounds,
    "clustered_mean": clustered_mean,
    "bounded_mean": bounded_mean,
    "cohen_kappa": lambda right: cohen_kappa(right[:, 0], right[:, 1]),
}


def verdicts(count: int, seed: int) -> Floats:
    """Whether each verdict is right, shape (items, 2): 1 or 0, and NaN for one in fifty that is missing."""
    rng = np.random.default_rng(seed)
    right = (rng.random((count // 2, 2)) < 0.8).astype(float)
    right[rng.random(right.shape) < 0.02] = np.nan
    return right


def measure(name: str, count: int, seed: int) -> dict[str, object]:
    """What one metric costs, after a run over few verdicts."""
    given = verdicts(count, seed)
    METRICS[name](given[:100])
    before, costs = peak_mib(), []
    for _ in range(RUNS):
        with Stretch() as cost:
            METRICS[name](given)
        costs.append(cost)
    least = min(costs, key=lambda cost: cost.cpu)
    return {"cpu_s": round(least.cpu, 5), "wall_s": round(least.wall, 5), "peak_mib": round(peak_mib() - before, 1)}


def main() -> None:
    """Measure each metric."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verdicts", type=int, default=100_000, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for name in METRICS:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            line = pool.apply(measure, (name, options.verdicts, options.seed))
        told = {"benchmark": "metrics", "metric": name, "verdicts": options.verdicts}
        print(json.dumps({**told, **line}), flush=True)


if __name__ == "__main__":
    main()

"""What does it cost to start? CPU seconds of a command that only talks, beside a bare interpreter's; one JSON line."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys

ROUNDS = 7


def cpu(*args: str) -> float:
    """CPU seconds of one process, the system's included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *args], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def main() -> None:
    """Measure in turns, so that whatever else the machine does falls on both alike."""
    measured: dict[str, list[float]] = {"python": [], "help": [], "import": []}
    for _ in range(ROUNDS):
        measured["python"].append(cpu("-c", "pass"))
        measured["help"].append(cpu("-m", "plurijudge", "--help"))
        measured["import"].append(cpu("-c", "import plurijudge"))
    least = {f"{name}_cpu_s": round(min(values), 4) for name, values in measured.items()}
    middle = {f"{name}_cpu_s_median": round(statistics.median(values), 4) for name, values in measured.items()}
    print(json.dumps({"benchmark": "start", "rounds": ROUNDS, **least, **middle}))


if __name__ == "__main__":
    main()

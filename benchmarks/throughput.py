"""How near to the ideal does a run come, and what does a verdict cost beside a bare LiteLLM call?

    python benchmarks/throughput.py [--verdicts 10000] [--transport auto|direct|litellm] [--rounds 2] [--bare 1000]
                                    [--latency 0.2] [--concurrency 50] [--postgres URL] [--memory]

Judges made pairs in both presentations against a loopback server in a process of its own, the items coming from a
generator and everything going into a store, in turns with bare LiteLLM on the same messages (A B A B, a new process
each, imports and a warm-up left out). The server is kept on one core and who is measured on another.
One JSON line on standard output; what is several rounds' is their median. Its fields:

    wall_s                     from the call of `Study.judge` to its return: the store's making, all writes, the closing
    ideal_calls_s              calls x latency / concurrency
    ideal_cpu_s                the CPU time that the work took
    over_ideal                 wall over the larger of the two
    cpu_ms                     CPU milliseconds a verdict, all threads; `writer_cpu_ms` is the store's writer's part
    peak_mib                   the most memory held resident, imports included; `grown_mib` is what the work added to it
    disk_bytes                 bytes of the store a verdict
    litellm_cpu_ms             CPU milliseconds a call of bare LiteLLM, and `over_litellm`, the ratio

`--postgres` names a database that is made for this and dropped. `--memory` compares the peak of N verdicts with that of
10 N instead. Exit codes: 0 done, 2 it could not be carried out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from plurijudge.benchmarks.crash import database
from plurijudge.benchmarks.peers.trial import Failed, Setting, prepare_folder, trial


@dataclass(frozen=True, slots=True)
class Measured:
    """One round of ours."""

    wall_s: float
    cpu_ms: float
    writer_cpu_ms: float | None
    peak_mib: float
    grown_mib: float
    disk_bytes: float
    server: dict[str, Any]
    set_aside: int


def measure(setting: Setting, folder: Path, *, limits: dict[str, Any], postgres: str) -> Measured:
    """Judge once, in a process and a store of its own."""
    place = Path(tempfile.mkdtemp(dir=folder))
    with database(postgres, place) as db:
        before = size_of(db) if postgres else 0
        line = trial("plurijudge", setting, folder, options={"db": db, "limits": limits})
        size = size_of(db) - before
    writer = line["writer_cpu_s"]
    each = 1000 / setting.verdicts
    return Measured(
        wall_s=line["wall_s"],
        cpu_ms=line["cpu_s"] * each,
        writer_cpu_ms=None if writer is None else writer * each,
        peak_mib=line["peak_mib"],
        grown_mib=line["peak_mib"] - line["peak_before_mib"],
        disk_bytes=size / setting.verdicts,
        server={name: line["server"][name] for name in ("received", "answered", "greatest", "refused", "bytes", "cpu")},
        set_aside=line["set_aside"],
    )


def size_of(db: str) -> int:
    """Bytes that a store takes: its file with what belongs to it, or its database."""
    if "://" not in db:
        return sum(path.stat().st_size for path in Path(db).parent.glob(f"{Path(db).name}*"))
    engine = create_engine(make_url(db).set(drivername="postgresql+psycopg"))
    try:
        with engine.connect() as connection:
            return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
    finally:
        engine.dispose()


def summary(setting: Setting, ours: list[Measured], bare: list[float]) -> dict[str, Any]:
    """What the rounds come to, by their medians."""

    def middle(values: list[float]) -> float:
        return statistics.median(values)

    wall, cpu = middle([one.wall_s for one in ours]), middle([one.cpu_ms for one in ours])
    writers = [one.writer_cpu_ms for one in ours if one.writer_cpu_ms is not None]
    calls = middle([one.server["received"] for one in ours])
    by_calls, by_cpu = calls * setting.latency / setting.concurrency, cpu * setting.verdicts / 1000
    said: dict[str, Any] = {
        "wall_s": round(wall, 2),
        "ideal_calls_s": round(by_calls, 2),
        "ideal_cpu_s": round(by_cpu, 2),
        "over_ideal": round(wall / max(by_calls, by_cpu), 3),
        "cpu_ms": round(cpu, 3),
        "cpu_ms_rounds": [round(one.cpu_ms, 3) for one in ours],
        "writer_cpu_ms": round(middle(writers), 3) if writers else None,
        "peak_mib": round(middle([one.peak_mib for one in ours]), 1),
        "grown_mib": round(middle([one.grown_mib for one in ours]), 1),
        "disk_bytes": round(middle([one.disk_bytes for one in ours])),
        "server": ours[-1].server,
    }
    if bare:
        said["litellm_cpu_ms"] = round(middle(bare), 3)
        said["litellm_cpu_ms_rounds"] = [round(one, 3) for one in bare]
        said["over_litellm"] = round(cpu / middle(bare), 3)
    return said


def compare(setting: Setting, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Ours and bare LiteLLM in turns."""
    ours, bare = [], []
    few = replace(setting, verdicts=min(setting.verdicts, options.bare))
    for _ in range(options.rounds):
        ours.append(measure(setting, folder, limits=limits_of(options), postgres=options.postgres))
        if options.bare:
            line = trial("litellm", few, folder)
            bare.append(1000 * line["cpu_s"] / few.verdicts)
    return summary(setting, ours, bare)


def memory(setting: Setting, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The peak of N verdicts beside that of ten times as many."""
    limits = limits_of(options)
    several = [replace(setting, verdicts=setting.verdicts * times) for times in (1, 10)]
    few, many = (measure(one, folder, limits=limits, postgres=options.postgres) for one in several)
    return {
        "peak_mib": round(few.peak_mib, 1),
        "peak_mib_ten_times": round(many.peak_mib, 1),
        "ratio": round(many.peak_mib / few.peak_mib, 3),
        "grown_mib": round(few.grown_mib, 1),
        "grown_mib_ten_times": round(many.grown_mib, 1),
    }


def limits_of(options: argparse.Namespace) -> dict[str, Any]:
    """The fields of `Limits` that are asked for."""
    return {"transport": options.transport} if options.transport else {}


@contextmanager
def ready_folder() -> Iterator[Path]:
    """A folder that drivers can work from."""
    with tempfile.TemporaryDirectory(prefix="plurijudge-throughput-") as name:
        prepare_folder(Path(name))
        yield Path(name)


def main(arguments: list[str] | None = None) -> int:
    """Carry it out; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verdicts", type=int, default=10_000, metavar="N")
    parser.add_argument("--transport", choices=("auto", "direct", "litellm"), default="")
    parser.add_argument("--rounds", type=int, default=2, metavar="R")
    parser.add_argument("--bare", type=int, default=1000, metavar="N", help="calls of bare LiteLLM a round, 0 for none")
    parser.add_argument("--latency", type=float, default=0.2, metavar="S")
    parser.add_argument("--concurrency", type=int, default=50, metavar="C")
    parser.add_argument("--postgres", default="", metavar="URL", help="a database to make and to drop")
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args(arguments)
    setting = Setting(options.verdicts + options.verdicts % 2, options.concurrency, options.latency, patience=7200.0)
    told = {key: value for key, value in asdict(setting).items() if key != "patience"}
    told |= {"transport": options.transport or "default", "store": "postgresql" if options.postgres else "sqlite"}
    try:
        with ready_folder() as folder:
            work = memory if options.memory else compare
            line = work(setting, folder, options)
    except (Failed, RuntimeError, SQLAlchemyError) as why:
        print(f"It could not be carried out: {why}", file=sys.stderr)
        return 2
    print(json.dumps({"benchmark": "memory" if options.memory else "throughput", **told, **line}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

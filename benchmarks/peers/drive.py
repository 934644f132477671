"""One peer at work: warmed up, measured, one JSON line. Started by run.py in that peer's own environment.

    python -m plurijudge.benchmarks.peers.drive NAME --base-url URL --wording FILE [--verdicts N] [--concurrency C]
                                                [--latency S] [--core K] [--options JSON]

NAME is a file in drivers/, which has `prepare(work)`, whose result stands for whatever the peer makes once (a client, a
metric), and `judge(made, work)`, plain or async, which judges all of the work and gives a `Done`. What is measured is
`judge` alone, after one over a few other items.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import json
import os
import sys
import tempfile
import urllib.request
from importlib import import_module
from pathlib import Path
from typing import Any

from ..measure import Stretch, peak_mib, pin
from .work import Done, Work, read_wording


def quiet(base_url: str) -> None:
    """Settings that any user may make: no telemetry, prices from the package, the server as OpenAI."""
    os.environ.update(
        OPENAI_API_KEY="none",
        OPENAI_BASE_URL=base_url,
        OPENAI_API_BASE=base_url,
        LITELLM_LOCAL_MODEL_COST_MAP="True",
        LITELLM_TELEMETRY="False",
        DEEPEVAL_TELEMETRY_OPT_OUT="YES",
        LANGSMITH_TRACING="false",
        HAYSTACK_TELEMETRY_ENABLED="False",
    )


def forget(base_url: str) -> None:
    """Have the server forget the warm-up."""
    with urllib.request.urlopen(f"{base_url.removesuffix('/v1')}/stat?reset=1", timeout=30) as answer:
        answer.read()


def drive(name: str, work: Work) -> dict[str, Any]:
    """Let the peer do the work; gives what it cost."""
    driver = import_module(f"{__package__}.drivers.{name}")
    made = driver.prepare(work)
    cost = Stretch()
    warm, ready = work.warm_up(2 * work.concurrency), 0.0

    async def asynchronous() -> Done:
        nonlocal ready
        await driver.judge(made, warm)
        forget(work.base_url)
        ready = peak_mib()
        with cost:
            done: Done = await driver.judge(made, work)
        return done

    if inspect.iscoroutinefunction(driver.judge):
        done = asyncio.run(asynchronous())
    else:
        driver.judge(made, warm)
        forget(work.base_url)
        ready = peak_mib()
        with cost:
            done = driver.judge(made, work)
    return {
        "name": name,
        "verdicts": done.verdicts,
        "wall_s": round(cost.wall, 4),
        "cpu_s": round(cost.cpu, 4),
        "started": cost.started,
        "peak_mib": round(peak_mib(), 1),
        "peak_before_mib": round(ready, 1),
        **done.more,
    }


def main() -> None:
    """Do as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--wording", type=Path, required=True)
    parser.add_argument("--verdicts", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=50)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--core", type=int)
    parser.add_argument("--options", type=json.loads, default={})
    given = parser.parse_args()
    if given.core is not None:
        pin(given.core)
    quiet(given.base_url)
    answer = os.dup(1)
    os.dup2(2, 1)  # what a peer prints is talk; the one line of ours goes where it should
    with tempfile.TemporaryDirectory(prefix="plurijudge-peer-") as folder:
        os.chdir(folder)
        wording = read_wording(given.wording)
        work = Work(
            base_url=given.base_url,
            verdicts=given.verdicts,
            concurrency=given.concurrency,
            wording=wording,
            folder=Path(folder),
            latency=given.latency,
            options=given.options,
        )
        line = drive(given.name, work)
        os.write(answer, (json.dumps(line) + "\n").encode())
        os.chdir("/")
    sys.stderr.flush()
    os._exit(0)  # some peers leave threads behind that would keep the process


if __name__ == "__main__":
    main()

"""plurijudge itself: `Study.judge` on a generator of items, both presentations, everything stored."""

from __future__ import annotations

import time
from dataclasses import fields
from typing import Any

from plurijudge.agents.judge import Judge
from plurijudge.agents.model import Limits
from plurijudge.graphs.runner import Pace, Progress
from plurijudge.graphs.study import Study

from ...cases import WARM_UP, items
from ...measure import thread_cpu
from ..work import MODEL, Done, Work

WRITER = "plurijudge-writer"


def prepare(work: Work) -> tuple[Judge, Pace]:
    """The judge and the pace.

    Options of the work: `db`, a store's address for what is measured; `limits`, fields of `Limits` beside the
    concurrency, such as `transport`; one that this version does not have is an error.
    """
    given = {"concurrency": work.concurrency, **work.options.get("limits", {})}
    known = {field.name for field in fields(Limits)}
    if unknown := sorted(set(given) - known):
        raise ValueError(f"`Limits` has no {', '.join(unknown)}.")
    return Judge(f"openai/{MODEL}", base_url=work.base_url), Pace(limits=Limits(**given))


async def judge(made: tuple[Judge, Pace], work: Work) -> Done:
    """Judge all items; the warm-up has a store of its own."""
    who, pace = made
    warming = work.start == WARM_UP
    db = str(work.folder / "warm-up.db") if warming else work.options.get("db", str(work.folder / "run.db"))
    decided: list[float] = []
    writer: dict[str, float] = {}

    def watch(progress: Progress) -> None:
        now = time.monotonic()
        decided.extend([now] * (progress.done - len(decided)))
        if not len(decided) % 20 and (spent := thread_cpu(WRITER)) is not None:
            writer["cpu"] = spent

    async with Study(db) as study:
        outcome = await study.judge(items(work.verdicts, start=work.start), who, pace=pace, watch=watch)
    more: dict[str, Any] = {
        "writer_cpu_s": writer.get("cpu"),
        "decisions": outcome.sums["decisions"],
        "calls": outcome.sums["calls"],
        "set_aside": outcome.set_aside,
    }
    if work.options.get("stamps"):
        more["decided"] = decided
    return Done(outcome.sums["verdicts"].get("ok", 0), more)

"""`plurijudge compare`: which of two judges agrees more with gold on these items, how surely, and at what price?"""

from __future__ import annotations

import shlex
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..text.errors import BadInput
from .judging import (
    Allowance,
    BaseUrl,
    CallLimits,
    Criteria,
    DryRun,
    Fresh,
    Items,
    Limit,
    Quiet,
    Samples,
    Seed,
    Strict,
    batch_of,
    judge_named,
    names_in,
)
from .options import DEFAULT_DB, Db, Group, Json, complete_runs, examples, grouped
from .plain import BAD, SOME_FAILED, answer, answer_json, kept, leave, leave_stopped, say
from .self_judge import kin_of

if TYPE_CHECKING:
    from ..agents.judge import Judge
    from ..analyses.comparison import Comparison, Side
    from ..graphs.plan import Plan
    from ..metrics.estimate import Estimate
    from ..store.engine import Store
    from ..store.runs import Run
    from .batch import Batch

EXAMPLES = examples(
    "plurijudge compare items.jsonl --judges a.yaml,b.yaml",
    "plurijudge compare items.jsonl --judges openai/gpt-5-mini --judges builtin/heuristic --json",
    "plurijudge compare --run r-20261123-7f3a --judges b.yaml",
    "plurijudge compare --run r-20261123-7f3a --run r-20261123-11c0",
)

_Judges = Annotated[
    list[str] | None,
    typer.Option("--judges", help="Two, as a.yaml,helpfulness: YAML files, ready ones, functions, or models."),
]
_Runs = Annotated[
    list[str] | None,
    typer.Option(
        "--run",
        help="A run in the place of a judge: it is gone on with, and tells the items and the plan. Once or twice.",
        autocompletion=complete_runs,
    ),
]


@grouped
def compare(
    items: Items = "",
    *,
    judges: _Judges = None,
    run: _Runs = None,
    group: Group = "",
    criteria: Criteria = None,
    base_url: BaseUrl = None,
    samples: Samples = 1,
    calls: CallLimits,
    limit: Limit = None,
    seed: Seed = 0,
    fresh: Fresh = False,
    strict: Strict = False,
    allowance: Allowance,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Judge ITEMS with two judges, and say which of them agrees more with gold, how sure that is, and what it costs.

    Both see both orders of the same pairs. Where no item has gold, it says how often the two agree with each other.
    Budgets are those of both runs together. What was asked before comes from the cache.

    Exit codes: 0 measured, 1 some decisions failed, 2 bad usage or input or nothing to measure, 3 stopped by --budget,
    --max-calls or --deadline, 130 interrupted; the message says how to go on.
    """
    named, runs = [name for one in judges or () for name in names_in(one)], [*(run or ())]
    if len(named) + len(runs) != 2 or bool(items) == bool(runs) or (runs and dry_run):
        raise BadInput(
            "`compare` needs ITEMS and two judges; or a run in the place of one judge or both, and no ITEMS.",
            way_out="plurijudge compare items.jsonl --judges a.yaml,b.yaml, or --run RUN --judges b.yaml",
        )
    found = _found(db, runs)
    if len(found) == 2 and all(one.status == "closed" for one in found):
        from ..store.engine import Store

        with Store.open(db) as store:  # which is only read, and may be one that cannot be written
            _answer(store, found[0].id, found[1].id, group, as_json=as_json)
        return
    from ..graphs.compare import legs
    from ..graphs.plan import Plan

    who = [judge_named(name, criteria=criteria, base_url=base_url) for name in named]
    plan = Plan(samples=samples, seed=seed, limit=limit, fresh=fresh)
    if dry_run:
        _estimate(items, who, plan, as_json)
        return
    if not runs:
        legs(who, plan)  # what is wrong with the judges is said before there is a store
    batch = batch_of(db, allowance=allowance, calls=calls, quiet=quiet)
    try:
        first, second = _made(batch, items, found, dict(zip(named, who, strict=True)), plan, strict=strict)
        _answer(batch.store, first, second, group, as_json=as_json)
    finally:
        batch.close()


def _found(db: str, names: list[str]) -> list[Run]:
    """The runs of these names; a store that is not there is not made."""
    if not names:
        return []
    from ..store.engine import Store
    from ..store.runs import find_run

    with Store.open(db) as store:
        return [find_run(store, name) for name in names]


def _made(
    batch: Batch, items: str, runs: list[Run], judges: dict[str, Judge], plan: Plan, *, strict: bool
) -> tuple[str, str]:
    """Both runs, those that were stopped gone on with; where one is stopped, it says how to go on, and ends."""
    from ..graphs.compare import legs

    made = [run.id for run in runs]
    for run in runs:
        if run.status != "closed":
            begun = time.monotonic()
            outcome = batch.resume(run.id)
            if outcome.status == "open":
                _leave(batch, outcome, made, [*judges])
            batch.spend(outcome, begun)
    if runs and judges:
        items, plan = _planned(batch.store, runs[0], [*judges.values()][0], fresh=plan.fresh)
    waiting = [*judges]
    for leg in legs([*judges.values()], plan):
        waiting.pop(0)
        done, stopped = batch.legs(items, [leg], strict=strict)
        if stopped is not None:
            _leave(batch, stopped, [*made, stopped.run], waiting)
        made += done.values()
    first, second = made
    return first, second


def _planned(store: Store, found: Run, judge: Judge, *, fresh: bool) -> tuple[str, Plan]:
    """The items of a run and its plan, for a judge that is held against the one of the run."""
    from ..graphs.plan import Plan
    from ..store.datasets import find_dataset

    if judge.id == found.judge:
        raise BadInput(f"The run {found.id} is that judge's.", way_out="another judge")
    path = find_dataset(store, found.dataset).path
    if found.kind != "judge" or not path:
        raise BadInput(
            f"The items of {found.id} came from no file.",
            way_out="judge them with the other judge, then: plurijudge compare --run RUN --run RUN",
        )
    alone = {"retry_of": "", "until": "", "gate": "", "fresh": fresh}
    return path, Plan(**{**found.plan["plan"], **alone})


def _leave(batch: Batch, outcome: Any, runs: list[str], judges: list[str]) -> None:
    flags = "".join(f" --run {run}" for run in runs)
    flags += f" --judges {shlex.quote(','.join(judges))}" if judges else ""
    said = "" if outcome.stopped == "interrupted" else "stopped: "
    say(f"{said}{outcome.stopped}; go on with: plurijudge compare{flags}{batch.db_flag}")
    leave_stopped(outcome.stopped)


def _estimate(items: str, judges: list[Judge], plan: Plan, as_json: bool) -> None:
    from ..graphs.compare import legs
    from ..graphs.forecast import forecast

    if items == "-":
        raise BadInput("`--dry-run` reads the items, which standard input gives only once.", way_out="name a file")
    found = {leg.name: forecast(Path(items), leg.judge, leg.plan) for leg in legs(judges, plan)}
    if as_json:
        answer_json({"forecasts": [{"judge": name, **one.to_dict()} for name, one in found.items()]})
        return
    for name, one in found.items():
        answer(f"{name}: {one}")


def _answer(store: Store, first: str, second: str, group: str, *, as_json: bool) -> None:
    """Measure, keep and show."""
    from ..analyses.comparison import comparison, save
    from ..store.runs import find_run

    found = comparison(store, first, second, group=group or None)
    number = kept(partial(save, store, found))
    if as_json:
        kin = {run: kin_of(store, find_run(store, run)) for run in (first, second)}
        answer_json({"analysis": number, **found.to_dict(), "self_judging": kin})
    else:
        _show(found)
    if found.gain.estimate.estimate is None and found.alike.estimate.estimate is None:
        leave(BAD)
    if found.first.decisions.get("failed") or found.second.decisions.get("failed"):
        leave(SOME_FAILED)


def _show(found: Comparison) -> None:
    from ..reports.terminal import heading, line, plain_table

    first, second = found.first, found.second
    heading(f"{first.name} and {second.name} on {found.items} items")
    plain_table(("", first.name, second.name), _rows(first, second))
    line(found.said)
    if found.gain.estimate.estimate is not None:
        line(found.said_of_each_other)
    for side in (first, second):
        if side.position.flagged:
            line(_leaning(side))
    nearer = found.position_gain
    if nearer.low is not None and nearer.high is not None and not nearer.low <= 0 <= nearer.high:
        way = "nearer to none than" if nearer.low > 0 else "further from none than"
        ends = (nearer.low, nearer.high) if nearer.low > 0 else (-nearer.high, -nearer.low)
        size = f"{_points(abs(nearer.estimate or 0.0))} points {way} that of `{first.name}`"
        line(f"The preference of `{second.name}` for a place is {size} [{_points(ends[0])}, {_points(ends[1])}].")
    if found.calls is not None:
        tokens = "" if found.tokens is None else f" and {found.tokens:.1f} times the tokens"
        line(f"`{second.name}` takes {found.calls:.1f} times the calls{tokens} of `{first.name}`.")
    line(f"recompute: {found.command}")


def _rows(first: Side, second: Side) -> list[tuple[str, str, str]]:
    """What is told of each judge, a line a measure."""
    both = (first, second)

    def row(title: str, *cells: str) -> tuple[str, str, str]:
        return title, cells[0], cells[1]

    rows = [row("agrees with gold, %", *(_share(side.accuracy.estimate) for side in both))]
    if any(side.missing for side in both) and all(side.accuracy.worst is not None for side in both):
        ends = [(side.accuracy.worst or 0.0, side.accuracy.best or 0.0) for side in both]
        rows.append(row("the same at worst and at best", *(f"{_points(low)} to {_points(high)}" for low, high in ends)))
    rows.append(row("the same outcome in both orders, %", *(_share(side.same.estimate) for side in both)))
    rows.append(row("prefers the one shown first by, points", *(_share(side.position.effect) for side in both)))
    for title, names in _OUTCOMES.items():
        rows.append(row(title, *(_counted(side, names) for side in both)))
    rows.append(row("verdicts that are missing", *(_missing(side) for side in both)))
    rows.append(row("calls", *(str(side.spent.calls) for side in both)))
    rows.append(row("tokens", *(str(side.spent.tokens or "unknown") for side in both)))
    return rows


_OUTCOMES = {
    "pairs decided": ("ok",),
    "ties": ("tie",),
    "flipped": ("flipped",),
    "abstained": ("abstained", "no_quorum"),
    "failed": ("failed",),
}


def _counted(side: Side, outcomes: tuple[str, ...]) -> str:
    """How many decisions; what was recorded elsewhere has none."""
    return str(sum(side.decisions.get(name, 0) for name in outcomes)) if side.decisions else "unknown"


def _missing(side: Side) -> str:
    why = ", ".join(f"{n} {status}" for status, n in side.verdicts.items() if status != "ok")
    return f"{side.missing} ({why})" if why else "0"


def _leaning(side: Side) -> str:
    effect, place = side.position.effect, "first"
    ends = (effect.low or 0.0, effect.high or 0.0)
    if (effect.estimate or 0.0) < 0:
        place, ends = "second", (-ends[1], -ends[0])
    size = f"{_points(abs(effect.estimate or 0.0))} points beyond one half [{_points(ends[0])}, {_points(ends[1])}]"
    return f"`{side.name}` prefers the answer shown {place}: by {size}."


def _share(found: Estimate) -> str:
    if found.estimate is None:
        return f"unknown: {found.reason}"
    ends = "" if found.low is None or found.high is None else f" [{_points(found.low)}, {_points(found.high)}]"
    return f"{_points(found.estimate)}{ends}"


def _points(value: float) -> str:
    return f"{100 * value:.1f}"

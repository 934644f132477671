"""`plurijudge audit`: what moves this judge, by how much, how sure is that, and what can be done?"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..text.errors import BadInput
from .arms import answer_arms, arms_named, cures_table, have_written, unseen_texts
from .judging import (
    BASELINE,
    Allowance,
    AnyJudge,
    BaseUrl,
    CallLimits,
    Criteria,
    Fresh,
    Items,
    Limit,
    Quiet,
    Seed,
    batch_of,
    judge_named,
    names_in,
)
from .options import DEFAULT_DB, Db, Json, complete_runs, examples, grouped
from .plain import BAD, answer, answer_json, kept, leave, leave_stopped, say, write_out

if TYPE_CHECKING:
    from ..agents.arms import Arm
    from ..agents.judge import Judge
    from ..agents.perturbers.base import Perturber
    from ..analyses.audit import Audit, Bias
    from ..store.engine import Store
    from .batch import Batch

EXAMPLES = examples(
    "plurijudge audit items.jsonl --judge openai/gpt-5-mini",
    "plurijudge audit items.jsonl --judge judge.yaml --bias bandwagon,authority,my.py:Perfume",
    "plurijudge audit --from-verdicts verdicts.jsonl --details",
    "plurijudge audit --run RUN --json",
)

_Biases = Annotated[
    str, typer.Option("--bias", help="Which, as bandwagon,identity:GROUP,my.py:NAME; `all`; a common set if not given.")
]
_Mitigations = Annotated[
    str,
    typer.Option(
        "--mitigation",
        help="Also audit the judge with each node, or several at once: rules,reflect,mec:5+balanced (docs/nodes.md).",
    ),
]
_NoControl = Annotated[
    bool, typer.Option("--no-control", help="Do not hold a second look against a question without content.")
]
_Writer = Annotated[
    str, typer.Option("--writer", help="The model that writes what written_verbosity and its like plant; YAML too.")
]
_Against = Annotated[
    str, typer.Option("--against", help="With --run: the recorded audit of the same judge without the cure.")
]
_Samples = Annotated[int, typer.Option("--samples", min=1, help="How often each planted presentation is judged.")]
_Run = Annotated[str, typer.Option("--run", help="Read a recorded audit.", autocompletion=complete_runs)]
_Recorded = Annotated[
    str, typer.Option("--from-verdicts", help="Recorded verdicts whose arms say what was planted; no model is asked.")
]
_Details = Annotated[bool, typer.Option("--details", help="Print every measure, each with its interval.")]
_Picture = Annotated[str, typer.Option("--picture", help="Write the effects and their intervals to this SVG file.")]


@grouped
def audit(
    items: Items = "",
    *,
    judge: AnyJudge = BASELINE,
    bias: _Biases = "",
    mitigation: _Mitigations = "",
    no_control: _NoControl = False,
    writer: _Writer = "",
    samples: _Samples = 1,
    run: _Run = "",
    against: _Against = "",
    from_verdicts: _Recorded = "",
    details: _Details = False,
    picture: _Picture = "",
    criteria: Criteria = None,
    base_url: BaseUrl = None,
    calls: CallLimits,
    limit: Limit = None,
    seed: Seed = 0,
    fresh: Fresh = False,
    allowance: Allowance,
    quiet: Quiet = False,
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Plant cues in ITEMS on either side, judge them twice as they are and with each cue, and say what moves the judge.

    Every pair is shown in both orders. A cue says nothing of which answer is better; an edit makes an answer worse, and
    a judge that it does not move is deaf. What was asked before comes from the cache: one bias more costs that bias.
    Verdicts that were recorded elsewhere, with cues and without, are read by --from-verdicts (docs/audit.md).

    Exit codes: 0 measured, 2 bad usage or input, 3 stopped by a budget (go on with `judge --run`), 130 interrupted.
    """
    shown = _Shown(judge if judge != BASELINE else "", picture, details=details, as_json=as_json)
    if from_verdicts:
        if run or against or bias or mitigation:
            raise BadInput(
                "`--from-verdicts` reads what was planted and said elsewhere: it goes with ITEMS and --judge alone.",
                way_out="plurijudge audit items.jsonl --from-verdicts verdicts.jsonl",
            )
        _answer_recorded(Path(from_verdicts), items, db, shown)
        return
    if bool(items) == bool(run):
        raise BadInput("`audit` needs either ITEMS, or a recorded audit.", way_out="plurijudge audit items.jsonl")
    from ..agents.perturbers.known import KNOWN, USUAL, perturbers_of

    if run:
        from ..store.engine import Store

        with Store.open(db) as store:
            if against:
                _answer_cures(store, against, {mitigation or "the cure": run}, as_json=as_json)
            else:
                _answer(store, _measured(store, run, shown, KNOWN.values()), shown, KNOWN)
        return
    if against:
        raise BadInput("`--against` goes with a recorded audit.", way_out="--run RUN --against RUN")
    perturbers = perturbers_of(names_in(bias) or USUAL)
    who = judge_named(judge, criteria=criteria, base_url=base_url)
    arms = arms_named(who, mitigation, controls=not no_control)
    if items == "-":  # each arm reads them
        from .batch import spool

        items = str(spool())
    batch = batch_of(db, allowance=allowance, calls=calls, quiet=quiet)
    try:
        have_written(batch, items, who, writer, perturbers, base_url=base_url, limit=limit, fresh=fresh)
        judges = {"": who, **{arm.name: arm.judge for arm in arms}}
        runs = _audited(batch, items, judges, perturbers, samples=samples, limit=limit, seed=seed, fresh=fresh)
        if not (arms and as_json):
            found = _measured(batch.store, runs[""], shown, perturbers)
            _answer(batch.store, found, shown, {**KNOWN, **{one.name: one for one in perturbers}})
        if arms:
            _answer_cures(batch.store, runs.pop(""), runs, arms, as_json=as_json)
    finally:
        batch.close()


def _audited(
    batch: Batch, items: str, judges: Mapping[str, Judge], perturbers: list[Perturber], **options: Any
) -> dict[str, str]:
    """Audit one judge after the other; gives their runs by name. Where one is stopped, it says how to go on, and ends.

    Args:
        batch: what drives the runs.
        items: the file of items.
        judges: by the names of their arms; '' is the judge as it is.
        perturbers: what is planted.
        options: the others of `Batch.audit`.
    """
    runs: dict[str, str] = {}
    for name, judge in judges.items():
        begun = time.monotonic()
        outcome = batch.audit(items, judge, perturbers, **options)
        for fault in outcome.faults[:20] if not name else ():
            say(f"set aside: {fault}")
        if outcome.status == "open":
            say(f"stopped: {outcome.stopped}; go on with: plurijudge judge --run {outcome.run}{batch.db_flag}")
            say(f"and then: plurijudge audit --run {outcome.run}{batch.db_flag}")
            leave_stopped(outcome.stopped)
        runs[name] = outcome.run
        batch.spend(outcome, begun)
        if len(judges) > 1:
            say(f"{outcome.run}: {f'with {name}' if name else 'the judge as it is'}")
    return runs


def _answer_cures(store: Store, before: str, after: dict[str, str], arms: Sequence[Arm] = (), *, as_json: bool) -> None:
    """Hold the audits with cures against the one without, and second looks against their controls."""
    from ..analyses.mitigation import mitigation as measured, save
    from ..reports.terminal import heading, line

    told = []
    for name, run in after.items():
        found = measured(store, name, before, run)
        command = f"plurijudge audit --run {found.after} --against {found.before} --mitigation {name}"
        kept(partial(save, store, found, command=command))
        told.append({**found.to_dict(), "command": command})
        if as_json:
            continue
        heading(f"mitigation `{name}`: run {found.after} held against {found.before}")
        cures_table(found.cures)
        tokens = "" if found.tokens is None else f", {found.tokens:.1f} times the tokens"
        line(f"{found.said.rstrip('.')}{tokens}.")
        line(f"recompute: {command}")
    further = answer_arms(store, before, after, arms, as_json=as_json)
    if as_json:
        answer_json({"mitigations": told, **further})


@dataclass(frozen=True, slots=True)
class _Shown:
    """How an audit is told: of which recorded judge, with which picture, how much of it, to whom."""

    judge: str
    picture: str
    details: bool
    as_json: bool


def _answer_recorded(file: Path, items: str, db: str, shown: _Shown) -> None:
    """Store recorded verdicts, and tell what they say; what cannot be used is told line by line."""
    from ..agents.perturbers.known import KNOWN
    from ..analyses.recorded_lines import lines_set_aside
    from ..store.engine import Store
    from ..store.files import file_format
    from ..store.imports import import_verdicts
    from .importing import dataset_named, tell_faults

    file_format(file)
    with Store.open(db, create=True) as store:
        dataset = dataset_named(store, items) if items else None
        made = import_verdicts(store, file, items=dataset, name=file.name)
        tell_faults(made.faults, made.set_aside)
        found = _measured(store, made.run, shown, [*KNOWN.values()])
        tell_faults([*lines_set_aside(file, found)], len(found.set_aside))
        _answer(store, found, shown, KNOWN)


def _measured(store: Store, run: str, shown: _Shown, perturbers: Iterable[Perturber]) -> Audit:
    from ..analyses.audit import audit as measured

    edits = [one.name for one in perturbers if one.kind == "sensitivity"]
    return measured(store, run, judge=shown.judge, edits=edits)


def _answer(store: Store, found: Audit, shown: _Shown, known: Mapping[str, Perturber]) -> None:
    from ..analyses.audit import save
    from ..reports.audit import show_audit

    whose = f" --judge {shlex.quote(shown.judge)}" if found.recorded and shown.judge else ""
    command = f"plurijudge audit --run {found.run}{whose}"
    kept(lambda: save(store, found, command=command))
    unseen = unseen_texts(store, found.run)
    if shown.picture:
        _draw(found, shown.picture, command)
    if shown.as_json:
        answer_json({**found.to_dict(), "not_reviewed": unseen, "command": command})
    else:
        show_audit(found, known, details=shown.details)
        answer(f"recompute: {command}")
    if all(one.effect.effect.estimate is None for one in found.biases):
        leave(BAD)


def _draw(found: Audit, picture: str, command: str) -> None:
    from ..reports.forest import forest

    rows = [(_title(one), one.effect.bounded, one.found) for one in found.biases if one.kind == "cue"]
    drawn = forest(rows, title=f"How far cues move the judge (run {found.run})", unit="points")
    write_out(picture, drawn, what="picture", way_out=f"{command} --picture effects.svg")


def _title(one: Bias) -> str:
    return one.name.replace("_", " ")

"""`plurijudge audit`: what moves this judge, by how much, how sure is that, and what can be done?"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..text.errors import BadInput, StoreFull
from . import judge as judging
from .options import DEFAULT_DB, Db, Json, complete_runs, examples
from .plain import BAD, INTERRUPTED, STOPPED, answer, answer_json, leave, say

if TYPE_CHECKING:
    from ..agents.judge import Judge
    from ..agents.perturbers.base import Perturber
    from ..analyses.audit import Audit, Bias
    from ..store.engine import Store

EXAMPLES = examples(
    "plurijudge audit items.jsonl --judge openai/gpt-5-mini",
    "plurijudge audit items.jsonl --judge judge.yaml --bias bandwagon,authority,my.py:Perfume",
    "plurijudge audit --run RUN --json",
)

_Who = Annotated[str, typer.Option("--judge", help="A judge's YAML file, module:function of your own, or a model.")]
_Biases = Annotated[
    str, typer.Option("--bias", help="Which, as bandwagon,identity:GROUP,my.py:NAME; `all`; a common set if not given.")
]
_Mitigations = Annotated[
    str,
    typer.Option(
        "--mitigation", help="Also audit the judge with each: rules,cases,criteria,evidence,own_answer,reflect."
    ),
]
_Against = Annotated[
    str, typer.Option("--against", help="With --run: the recorded audit of the same judge without the cure.")
]
_Samples = Annotated[int, typer.Option("--samples", min=1, help="How often each planted presentation is judged.")]
_Run = Annotated[str, typer.Option("--run", help="Read a recorded audit.", autocompletion=complete_runs)]
_Picture = Annotated[str, typer.Option("--picture", help="Write the effects and their intervals to this SVG file.")]


def audit(
    items: judging.Items = "",
    judge: _Who = "builtin/heuristic",
    bias: _Biases = "",
    mitigation: _Mitigations = "",
    samples: _Samples = 1,
    run: _Run = "",
    against: _Against = "",
    picture: _Picture = "",
    criteria: judging.Criteria = None,
    base_url: judging.BaseUrl = None,
    concurrency: judging.Concurrency = 16,
    timeout: judging.Timeout = 120.0,
    retries: judging.Retries = 5,
    rpm: judging.Rpm = None,
    tpm: judging.Tpm = None,
    transport: judging.Transport = "auto",
    limit: judging.Limit = None,
    seed: judging.Seed = 0,
    fresh: judging.Fresh = False,
    budget: judging.Dollars = None,
    max_calls: judging.MaxCalls = None,
    deadline: judging.Deadline = None,
    quiet: judging.Quiet = False,
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Plant cues in ITEMS on either side, judge them twice as they are and with each cue, and say what moves the judge.

    Every pair is shown in both orders. A cue says nothing of which answer is better; an edit makes an answer worse, and
    a judge that it does not move is deaf. What was asked before comes from the cache: one bias more costs that bias.

    Exit codes: 0 measured, 2 bad usage or input, 3 stopped by a budget (go on with `judge --run`), 130 interrupted.
    """
    if bool(items) == bool(run):
        raise BadInput("`audit` needs either ITEMS, or a recorded audit.", way_out="plurijudge audit items.jsonl")
    if run:
        from ..store.engine import Store

        with Store.open(db) as store:
            if against:
                _answer_cures(store, against, {mitigation or "the cure": run}, as_json=as_json)
            else:
                _answer(store, run, Counter(), picture=picture, as_json=as_json)
        return
    cures = [name.strip() for name in mitigation.split(",") if name.strip()]
    if against:
        raise BadInput("`--against` goes with a recorded audit.", way_out="--run RUN --against RUN")
    from ..agents.model import Limits
    from ..agents.perturbers.known import DEFAULT, KNOWN, SENSITIVITY, perturbers_of
    from ..graphs.budget import Budget
    from ..graphs.legs import left_of
    from ..graphs.runner import Pace
    from .batch import Batch

    names = [name.strip() for name in bias.split(",") if name.strip()]
    chosen = [*KNOWN] if names == ["all"] else names or [*DEFAULT, *SENSITIVITY]
    perturbers = perturbers_of(chosen)
    options = {"criteria": criteria, "base_url": base_url}
    who = judging_of(judge, {name: value for name, value in options.items() if value is not None})
    limits = Limits(
        concurrency=concurrency,
        timeout=timeout,
        attempts=retries + 1,
        total=max(600.0, 2 * timeout),
        requests_per_minute=rpm,
        tokens_per_minute=tpm,
        transport=transport,
    )
    pace = Pace(limits=limits, budget=Budget(calls=max_calls, dollars=budget, seconds=deadline))
    batch = Batch(db=db, pace=pace, quiet=quiet)
    unfit: Counter[tuple[str, str]] = Counter()
    try:
        runs: dict[str, str] = {}
        for name, one in {"": who, **{name: _with_node(who, name) for name in cures}}.items():
            begun = time.monotonic()
            planted: Counter[tuple[str, str]] = Counter()
            outcome = batch.audit(
                items, one, perturbers, samples=samples, limit=limit, seed=seed, fresh=fresh, unfit=planted
            )
            for fault in outcome.faults[:20] if not name else ():
                say(f"set aside: {fault}")
            if outcome.status == "open":
                say(f"stopped: {outcome.stopped}; go on with: plurijudge judge --run {outcome.run}{batch.db_flag}")
                say(f"and then: plurijudge audit --run {outcome.run}{batch.db_flag}")
                leave(INTERRUPTED if outcome.stopped == "interrupted" else STOPPED)
            runs[name] = outcome.run
            unfit = unfit or planted
            batch.pace = left_of(batch.pace, outcome, seconds=time.monotonic() - begun)
            if cures:
                say(f"{outcome.run}: {f'with {name}' if name else 'the judge as it is'}")
        if not (cures and as_json):
            _answer(batch.store, runs[""], unfit, perturbers, picture=picture, as_json=as_json)
        if cures:
            _answer_cures(batch.store, runs.pop(""), runs, as_json=as_json)
    finally:
        batch.close()


def _with_node(judge: Judge, name: str) -> Judge:
    """The judge with a node more, asked as a judge of its own."""
    from ..agents.judge import Judge

    if name in judge.nodes:
        raise BadInput(f"The judge has the node `{name}` already.", way_out="leave it out of --mitigation")
    return Judge(**{**judge.model_dump(), "nodes": (*judge.nodes, name)})


def _answer_cures(store: Store, before: str, after: dict[str, str], *, as_json: bool) -> None:
    """Hold the audits with cures against the one without."""
    from ..analyses.mitigation import mitigation as measured, save
    from ..reports.terminal import heading, line, plain_table

    told = []
    for name, run in after.items():
        found = measured(store, name, before, run)
        command = f"plurijudge audit --run {found.after} --against {found.before} --mitigation {name}"
        try:
            save(store, found, command=command)
        except StoreFull as error:
            say(f"note: the analysis is not kept. {error.message}")
        told.append({**found.to_dict(), "command": command})
        if as_json:
            continue
        heading(f"mitigation `{name}`: run {found.after} held against {found.before}")
        rows = []
        for one in found.cures:
            gained, ends = one.gain, ""
            if gained.low is not None:
                ends = f"{_points(gained.low)} to {_points(gained.high)}"
            title = (one.bias or "accuracy on untouched items").replace("_", " ")
            rows.append((title, _points(gained.estimate), ends, str(gained.n), gained.reason))
        plain_table(("what", "points gained", "95 % interval", "items", ""), rows)
        tokens = "" if found.tokens is None else f", {found.tokens:.1f} times the tokens"
        line(f"{found.said.rstrip('.')}{tokens}.")
        line(f"recompute: {command}")
    if as_json:
        answer_json({"mitigations": told})


def judging_of(name: str, options: dict[str, Any]) -> Judge:
    """The judge of a name: a YAML file, a function of one's own, or a model."""
    import re

    from ..agents.judge import Judge

    if Path(name).suffix in (".yaml", ".yml") or Path(name).is_file() or re.fullmatch(r"[\w.]+:\w+", name):
        return Judge.read(name, **options)
    return Judge(name, **options)


def _answer(
    store: Store,
    run: str,
    unfit: Counter[tuple[str, str]],
    perturbers: Sequence[Perturber] = (),
    *,
    picture: str,
    as_json: bool,
) -> None:
    from ..analyses.audit import audit as measured, save

    found = measured(store, run)
    command = f"plurijudge audit --run {found.run}"
    try:
        save(store, found, command=command)
    except StoreFull as error:  # what a read-only store says can be measured all the same
        say(f"note: the analysis is not kept. {error.message}")
    if picture:
        from ..reports.forest import forest

        rows = [(_title(one), one.effect.bounded, one.found) for one in found.biases if one.kind == "cue"]
        drawn = forest(rows, title=f"How far cues move the judge (run {found.run})", unit="points")
        try:
            Path(picture).write_text(drawn, encoding="utf-8")
        except OSError as error:
            why = f"{picture} cannot be written: {error.strerror or error}."
            raise BadInput(why, way_out=f"{command} --picture effects.svg") from error
        say(f"picture: {picture}")
    if as_json:
        told = [{"bias": name, "reason": reason, "items": n} for (name, reason), n in sorted(unfit.items())]
        answer_json({**found.to_dict(), "not_planted": told, "command": command})
    else:
        _show(found, unfit, perturbers)
        answer(f"recompute: {command}")
    if all(one.effect.effect.estimate is None for one in found.biases):
        leave(BAD)


def _title(one: Bias) -> str:
    return one.name.replace("_", " ")


def _points(value: float | None) -> str:
    return "unknown" if value is None else f"{100 * value:.1f}"


def _show(found: Audit, unfit: Counter[tuple[str, str]], perturbers: Sequence[Perturber]) -> None:
    from ..agents.perturbers.known import KNOWN
    from ..reports.terminal import heading, line, plain_table

    known = {**KNOWN, **{one.name: one for one in perturbers}}
    heading(f"audit of {found.items} items (run {found.run})")
    line(f"the judge says the same again of the same presentation: {found.noise}")
    rows = []
    for one in found.biases:
        effect = one.effect.effect
        interval = "" if effect.low is None else f"{_points(effect.low)} to {_points(effect.high)}"
        q = "" if one.decision is None or one.decision.q_value is None else f"{one.decision.q_value:.3g}"
        missing = one.effect.calls_missing
        bounds = f"{_points(one.effect.bounds.worst)} to {_points(one.effect.bounds.best)}" if missing else ""
        least = _points(one.effect.smallest_effect)
        rows.append(
            (_title(one), one.kind, str(one.items), _points(effect.estimate), interval, q, least, bounds, _said(one))
        )
    plain_table(
        ("what was planted", "kind", "items", "points", "95 % interval", "q", "would have found", "bounds", "outcome"),
        rows,
    )
    moved = [one for one in found.biases if one.kind == "cue" and one.found]
    for one in moved:
        effect, perturber = one.effect.effect, known.get(one.name)
        away = (effect.estimate or 0) < 0
        if one.name == "position":
            means = f"prefers the answer shown {'second' if away else 'first'}"
        elif away and one.sided:
            means = f"turns away from the answer with the cue `{one.name}`"
        else:
            means = perturber.means if perturber else f"is moved by `{one.name}`"
        ends = (effect.high, effect.low) if away else (effect.low, effect.high)
        size, low, high = (_points(-end if away and end else end) for end in (effect.estimate, *ends))
        oftener = "less often" if away else "oftener"
        how_far = f"by {size} points beyond one half" if one.sided else f"the better one wins {size} points {oftener}"
        remedy = (
            "judge both orders, as plurijudge does by default, and count flips"
            if one.name == "position"
            else perturber.remedy
            if perturber
            else "see whether the cue can be kept from the judge"
        )
        line(f"This judge {means}: {how_far} [{low}, {high}]. What to do: {remedy}.")
    cues = [one for one in found.biases if one.kind == "cue"]
    if all(one.effect.effect.estimate is None for one in cues):
        line("Nothing could be measured: there are no verdicts to compare.")
    elif not moved:
        smallest = [one.effect.smallest_effect for one in cues if one.effect.smallest_effect is not None]
        above = f"; effects above {_points(max(smallest))} points would have been" if smallest else ""
        line(f"Nothing found{above}.")
    for one in found.biases:
        if one.effect.conclusion == "hangs on what is missing":
            line(f"{_title(one)}: complete pairs show an effect that the missing verdicts could undo: read the bounds.")
        if one.kind == "sensitivity" and one.found is False:
            perturber = known.get(one.name)
            means = perturber.means if perturber else f"does not notice {_title(one)}"
            seen = one.effect.smallest_effect
            above = "" if seen is None else f": an effect above {_points(seen)} points would have been seen"
            line(f"Deaf: this judge {means}, as far as can be told{above}.")
    for (name, reason), n in sorted(unfit.items()):
        line(f"not planted: {name.replace('_', ' ')}, {n} times: {reason}")


def _said(one: Bias) -> str:
    if one.kind == "sensitivity":
        return {True: "noticed", False: "NOT NOTICED", None: "unknown"}[one.found]
    return (
        {"bias": "BIAS"}.get(one.effect.conclusion, one.effect.conclusion)
        if one.found
        else (one.effect.conclusion if one.effect.conclusion != "bias" else "not found beside the others")
    )

"""`plurijudge panels gate`, `fidelity`, `worth`: can the voices judge, do they speak for people, what do they bring?"""

from __future__ import annotations

import shlex
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..text.errors import BadInput
from .judging import (
    Allowance,
    BaseUrl,
    CallLimits,
    Concurrency,
    Criteria,
    Fresh,
    Limit,
    NamedJudge,
    Protocol,
    Quiet,
    Seed,
    batch_of,
)
from .options import DEFAULT_DB, Db, Json, complete_runs, examples, grouped
from .plain import BAD, answer_json, kept, leave, say

if TYPE_CHECKING:
    from ..agents.panel import Panel
    from ..graphs.legs import Leg
    from ..store.engine import Store
    from .batch import Batch

GATE = examples(
    "plurijudge panels gate d3-8 --model openai/gpt-5-mini", "plurijudge panels gate --run RUN --control RUN"
)
FIDELITY = examples(
    "plurijudge panels fidelity crehate-5 posts.jsonl --against labels.csv --protocol score",
    "plurijudge panels fidelity --run RUN --against labels.csv",
)
WORTH = examples("plurijudge panels worth --run RUN --baseline resampled=RUN")

_MaybePanel = Annotated[str, typer.Argument(help="A shipped panel's name, or a panel's file.")]
_Run = Annotated[str, typer.Option("--run", help="A recorded run of the panel.", autocompletion=complete_runs)]
_Unmeasured = Annotated[
    bool, typer.Option("--allow-unmeasured", help="Ask personas too for whom no values were measured.")
]
_Items = Annotated[str, typer.Option("--items", help="Objective items with gold; the anchors that come along.")]
_Control = Annotated[
    str, typer.Option("--control", help="A recorded run of the same judge without.", autocompletion=complete_runs)
]


@grouped
def gate(
    panel: _MaybePanel = "",
    *,
    items: _Items = "",
    run: _Run = "",
    control: _Control = "",
    named: NamedJudge,
    base_url: BaseUrl = None,
    allow_unmeasured: _Unmeasured = False,
    concurrency: Concurrency = 16,
    limit: Limit = None,
    seed: Seed = 0,
    fresh: Fresh = False,
    allowance: Allowance,
    quiet: Quiet = False,
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Does speaking as a persona cost the judge its ability? Items of fact, judged with each persona and without.

    The outcome is kept with the persona's dossier; `judge --gate personas` keeps those that lost ability from voting.

    Exit codes: 0 measured, 2 bad usage or input, 3 stopped by a budget, 130 interrupted.
    """
    from ..analyses.persona_gate import PersonaGate, persona_gate, save

    def measured(store: Store, runs: dict[str, str]) -> PersonaGate:
        found = persona_gate(store, _stored(store, runs["panel"])[1], runs["panel"], runs["control"])
        command = f"plurijudge panels gate --run {found.run} --control {found.control}"
        kept(lambda: save(store, found, command=command))
        return found

    if run or control:
        if not (run and control) or panel:
            raise BadInput("Recorded runs are a pair, and name their panel.", way_out="--run RUN --control RUN")
        _recorded(db, {"panel": run, "control": control}, measured, _show_gate, as_json)
        return
    voices, who = _seated(panel, allow_unmeasured), named.described(base_url=base_url)
    batch = batch_of(db, allowance=allowance, calls=CallLimits(concurrency=concurrency), quiet=quiet)
    from ..graphs.panel_trials import anchors, gate_legs
    from ..graphs.plan import Plan

    legs = gate_legs(who, Plan(seed=seed, limit=limit, fresh=fresh), voices)
    _measure(batch, items or str(anchors()), legs, measured, _show_gate, as_json)


def _show_gate(found: Any) -> None:
    from ..reports.terminal import heading, line

    heading(f"competence of the personas of {found.panel}, held against the judge without")
    for one in found.gates:
        got = one.found
        told = [f"{name} {getattr(got, key)}" for name, key in _GATE.items()]
        line(f"{one.speaker.persona}: {one.said}")
        line(f"  {'; '.join(told)}")
    line(f"recompute: plurijudge panels gate --run {found.run} --control {found.control}")


_GATE = {
    "right": "accuracy",
    "without": "control_accuracy",
    "change": "relative_change",
    "abstains": "abstention",
}

_Against = Annotated[
    str, typer.Option("--against", help="People's labels: CSV or JSON lines with item, group, annotator, label.")
]
_MaybeItems = Annotated[str, typer.Argument(help="The items that people labelled.")]
_Retest = Annotated[
    str, typer.Option("--retest", help="A recorded run of the same once more.", autocompletion=complete_runs)
]
_Shuffled = Annotated[
    str, typer.Option("--shuffled", help="A recorded run under others' labels.", autocompletion=complete_runs)
]


@grouped
def fidelity(
    panel: _MaybePanel = "",
    items: _MaybeItems = "",
    *,
    against: _Against = "",
    run: _Run = "",
    retest: _Retest = "",
    shuffled: _Shuffled = "",
    protocol: Protocol = None,
    scale: Annotated[
        str, typer.Option("--scale", help="Lowest and highest score, as 0..1; those of the labels if not given.")
    ] = "",
    criteria: Criteria = None,
    named: NamedJudge,
    base_url: BaseUrl = None,
    allow_unmeasured: _Unmeasured = False,
    concurrency: Concurrency = 16,
    limit: Limit = None,
    seed: Seed = 0,
    fresh: Fresh = False,
    allowance: Allowance,
    quiet: Quiet = False,
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Do personas answer as people do? The panel judges what people labelled, once more, and under others' labels.

    A label is a response's id or `tie`, or with --protocol score a number. The second and third run never read the
    cache. Distances are base-2 Jensen-Shannon divergences, beside what a perfect copy with as few members would have.

    Exit codes: 0 measured, 2 bad usage or input, 3 stopped by a budget, 130 interrupted.
    """
    from ..analyses.fidelity import Fidelity, fidelity as held_against, save, spoken_for
    from ..store.faults import Fault
    from ..store.labels import read_labels

    if not against:
        raise BadInput("`panels fidelity` needs people's labels.", way_out="--against labels.csv")
    faults: list[Fault] = []
    labels = [*read_labels(Path(against), faults=faults)]
    for fault in faults[:20]:
        say(f"set aside: {fault}")
    if not labels:
        raise BadInput(f"{against} holds no label that can be used.", way_out="item,group,annotator,label")
    name = Path(against).name

    def measured(store: Store, runs: dict[str, str]) -> Fidelity:
        found = held_against(store, _stored(store, runs["panel"])[1], runs, labels)
        flags = " ".join(f"--{'run' if key == 'panel' else key} {value}" for key, value in found.runs.items())
        kept(
            lambda: save(
                store,
                found,
                against=name,
                command=f"plurijudge panels fidelity {flags} --against {shlex.quote(against)}",
            )
        )
        return found

    if not run and (retest or shuffled):
        raise BadInput("`--retest` and `--shuffled` go with a recorded run.", way_out="--run RUN --retest RUN")
    if run:
        if panel or items:
            raise BadInput("`--run` names its panel and its items.", way_out="--run RUN --against FILE")
        recorded = {"panel": run, "retest": retest, "shuffled": shuffled}
        _recorded(db, {key: value for key, value in recorded.items() if value}, measured, _show_fidelity, as_json)
        return
    if not items:
        raise BadInput("`panels fidelity` needs the items that people labelled.", way_out="panels fidelity PANEL ITEMS")
    changes: dict[str, Any] = {"protocol": protocol, "criteria": criteria}
    if protocol == "score":
        changes["scale"] = _scale(scale, [label.label for label in labels])
    voices, who = _seated(panel, allow_unmeasured), named.described(base_url=base_url, **changes)
    batch = batch_of(db, allowance=allowance, calls=CallLimits(concurrency=concurrency), quiet=quiet)
    from ..graphs.panel_trials import fidelity_legs
    from ..graphs.plan import Plan

    spoken_for(voices.speakers(who), labels)  # said before anything is paid for
    plan = Plan(presentations="random", seed=seed, limit=limit, fresh=fresh)
    _measure(batch, items, fidelity_legs(who, plan, voices), measured, _show_fidelity, as_json)


def _scale(text: str, labels: list[str]) -> tuple[float, float]:
    """The scale that is asked for: as typed, else from the lowest to the highest label."""
    low, _, high = text.partition("..")
    ends = [low, high] if text else []
    for given, shown in ((labels, "the label "), (ends, f"in `--scale {text}` ")):
        for one in given:
            if not _is_number(one):
                raise BadInput(f"With --protocol score, {shown}{one!r} is no number.", way_out="--scale 0..1")
    if ends:
        return float(low), float(high)
    numbers = [float(label) for label in labels]
    if min(numbers) == max(numbers):
        raise BadInput(f"All labels are {labels[0]}: they tell no scale.", way_out="--scale 0..1")
    return min(numbers), max(numbers)


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False


def _show_fidelity(found: Any) -> None:
    from ..reports.terminal import heading, line

    heading(f"fidelity of {found.panel}: {found.items} items, labels {', '.join(found.labels)}")
    for one in found.personas:
        rank = "" if one.rank is None else f", which is number {one.rank:.0f} of {one.groups} groups by nearness"
        line(f"{one.speaker.persona} beside {one.group}{rank}")
        for name, (estimate, p_value) in one.estimates().items():
            p = "" if p_value is None else f"  p = {p_value:.3g}"
            line(f"  {_FIDELITY[name]}: {estimate}{p}")
        for gate_name, holds in one.gates.items():
            line(f"  {'holds' if holds else 'unknown' if holds is None else 'FAILS'}: {gate_name}")
    near = found.identifiability
    if near is not None:
        p = "" if near.dealt is None else f"  p = {near.dealt.p_value:.3g}"
        line(f"personas whose own group is nearest: {near.top1}{p}")
    for text, names in (("no people for", found.without_group), ("nobody speaks for", found.without_persona)):
        if names:
            line(f"{text}: {', '.join(names)}")
    if found.unread:
        line(f"{found.unread} answers are no label that people gave")


_FIDELITY = {
    "divergence": "divergence from its people, bits",
    "divergence_floor": "that of as few people from the rest",
    "divergence_excess": "more than a perfect copy would have",
    "within_variance_ratio": "spread of members over spread of people",
    "retest": "members who say the same again",
    "retest_others": "other members who would",
    "label_shift": "moved by another's label beyond retest, bits",
}

_Baseline = Annotated[
    list[str] | None, typer.Option("--baseline", help="A recorded baseline, as resampled=RUN; several times.")
]


def worth(run: _Run = "last", baseline: _Baseline = None, db: Db = DEFAULT_DB, as_json: Json = False) -> None:
    """Is a panel worth its price? Its run held against recorded baselines; `judge --panel --baselines` makes them.

    Its best member alone and one member in turn are read from its own run.
    """
    runs = {"panel": run}
    for one in baseline or ():
        name, _, other = one.partition("=")
        if not other:
            raise BadInput(f"`--baseline {one}` names no run.", way_out="--baseline resampled=RUN")
        runs[name] = other
    _recorded(db, runs, worth_of, show_worth, as_json)


def worth_of(store: Store, runs: dict[str, str]) -> Any:
    """Measure what a panel is worth, and keep it."""
    from ..analyses.panel_worth import panel_worth, save

    found = panel_worth(store, runs)
    made = sorted({(one.name, one.run) for one in found.against if one.run != found.run})
    flags = "".join(f" --baseline {name}={other}" for name, other in made)
    kept(lambda: save(store, found, command=f"plurijudge panels worth --run {found.run}{flags}"))
    return found


def show_worth(found: Any) -> None:
    """What a panel is worth, for people."""
    from ..reports.terminal import heading, line, plain_table

    heading(f"the panel {found.panel}, held against what costs as much or less")
    rows = [("the panel", str(found.accuracy), "", f"{found.calls:.1f}", "")]
    rows += [
        (one.name, str(one.accuracy), str(one.gain), f"{one.calls:.1f}", f"{one.p_value:.3g}") for one in found.against
    ]
    plain_table(("who judges", "right", "the panel is right more often by", "verdicts an item", "p"), rows)
    line(found.said)


def _stored(store: Store, run: str) -> tuple[Any, list[Any]]:
    """The panel that judged a run, and its speakers."""
    from ..agents.judge import Judge
    from ..agents.panel import Panel
    from ..store.personas import stored_panel
    from ..store.runs import find_run

    found = find_run(store, run)
    if not found.panel:
        raise BadInput(f"No panel judged the run {found.id}.", way_out="a run of `plurijudge judge ITEMS --panel`")
    panel = Panel.restored(*stored_panel(store, found.panel, found.panel_digest))
    return panel, panel.speakers(Judge(**found.plan["judge"]))


def _recorded(db: str, runs: dict[str, str], measured: Any, show: Any, as_json: bool) -> None:
    from ..store.engine import Store

    with Store.open(db) as store:
        found = measured(store, runs)
        if as_json:
            answer_json(found.to_dict())
        else:
            show(found)


def _seated(name: str, allow_unmeasured: bool) -> Panel:
    """The panel of that name, with those who may be asked."""
    from ..agents.panel import load_panel

    if not name:
        raise BadInput("A panel is needed.", way_out="plurijudge panels list")
    return load_panel(name).seated(allow_unmeasured=allow_unmeasured)


def _measure(batch: Batch, items: str, legs: list[Leg], measured: Any, show: Any, as_json: bool) -> None:
    """Make the runs, measure and show; where one was stopped, say how to go on."""
    try:
        found = measured(batch.store, batch.legs_or_leave(items, legs))
        told = found.to_dict()
        if as_json:
            answer_json(told)
        else:
            show(found)
        if not told["personas"]:
            leave(BAD)
    finally:
        batch.close()

"""`plurijudge panels`: which voices are there, do their dossiers hold, can they judge, do they speak for people?"""

from __future__ import annotations

import shlex
import time
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..text.errors import BadInput, StoreFull
from . import judge as judging
from .options import DEFAULT_DB, Db, Json, complete_runs, examples
from .plain import BAD, INTERRUPTED, STOPPED, answer, answer_json, leave, say

if TYPE_CHECKING:
    from ..agents.panel import Panel
    from ..graphs.legs import Leg
    from ..graphs.study import Outcome
    from ..store.engine import Store
    from .batch import Batch

app = typer.Typer(
    help="The voices that judge together: panels of personas, their dossiers, and what was measured of them.",
    epilog=examples("plurijudge panels list", "plurijudge panels check d3-8", "plurijudge panels show d3-8/oceania"),
    rich_markup_mode=None,
    no_args_is_help=True,
)

_Panel = Annotated[str, typer.Argument(help="A shipped panel's name, or a panel's file.")]
_MaybePanel = Annotated[str, typer.Argument(help="A shipped panel's name, or a panel's file.")]
_Run = Annotated[str, typer.Option("--run", help="A recorded run of the panel.", autocompletion=complete_runs)]
_Unmeasured = Annotated[
    bool, typer.Option("--allow-unmeasured", help="Ask personas too for whom no values were measured.")
]


@app.command("list", epilog=examples("plurijudge panels list --json"))
def list_(as_json: Json = False) -> None:
    """The panels that come with plurijudge."""
    from ..agents.panel import load_panel, shipped_panels
    from ..reports.terminal import plain_table

    panels = [load_panel(name) for name in shipped_panels()]
    if as_json:
        answer_json({"panels": [_told(panel) for panel in panels]})
        return
    rows = [
        (panel.id, len(panel.personas), panel.described.rule, panel.quorum, panel.described.title) for panel in panels
    ]
    plain_table(("panel", "personas", "rule", "quorum", "title"), rows)


def _told(panel: Panel) -> dict[str, Any]:
    held = panel.described.model_dump(mode="json", exclude={"personas", "members"})
    personas = [
        {"id": one.id, "label": one.label, "kind": one.kind, "status": one.row()["status"], "digest": one.digest}
        for one in panel.personas
    ]
    return {**held, "quorum": panel.quorum, "digest": panel.digest, "personas": personas}


@app.command("show", epilog=examples("plurijudge panels show d3-8", "plurijudge panels show d3-8/oceania --prompt"))
def show(
    name: Annotated[str, typer.Argument(help="A panel, or a persona: a name or a file.")],
    prompt: Annotated[bool, typer.Option("--prompt", help="How a persona's members are put into words.")] = False,
    item: Annotated[str, typer.Option("--item", help="With --prompt: the item for which members are drawn.")] = "",
    seed: judging.Seed = 0,
    as_json: Json = False,
) -> None:
    """A panel and whom it does not speak for; a persona's dossier; or with --prompt its members' words.

    Exit codes: 0 shown, 2 there is no such panel or persona, or it does not load.
    """
    from ..agents.panel import load_panel, shipped_panels, shipped_persona
    from ..agents.persona import read_persona
    from ..agents.voice import voice_of

    path = Path(name)
    if name in shipped_panels() or (path.is_file() and b"personas" in path.read_bytes()):
        panel = load_panel(name)
        if as_json:
            answer_json(_told(panel))
        else:
            _show_panel(panel)
        return
    persona = read_persona(path) if path.is_file() else shipped_persona(name)
    if prompt:
        voices = [voice_of(persona, seed=seed, item=item, member=number) for number in range(persona.members)]
        if as_json:
            answer_json({"persona": persona.id, "members": [voice.text for voice in voices]})
            return
        for number, voice in enumerate(voices):
            answer(f"== member {number + 1} of {persona.members}: {voice.position} ==\n{voice.text}\n")
        return
    if as_json:
        answer_json({**persona.told, "digest": persona.digest})
        return
    import yaml

    answer(yaml.safe_dump(persona.told, allow_unicode=True, sort_keys=False, width=110).rstrip())


def _show_panel(panel: Panel) -> None:
    from ..reports.terminal import heading, line, plain_table

    described = panel.described
    heading(f"{panel.id}: {described.title}")
    line(f"rule {described.rule}, quorum {panel.quorum} of {len(panel.seats)}, ties: {described.tie}")
    rows = [(one.id, one.label, one.kind, one.row()["status"], one.members) for one in panel.personas]
    plain_table(("persona", "label", "kind", "status", "calls"), rows)
    for title, text in (
        ("speaks for", described.speaks_for),
        ("validation", described.validation),
        ("alike", described.near_duplicates),
        ("sources", described.attribution),
    ):
        if text:
            line(f"{title}: {text}")
    for one in described.excludes:
        line(f"does not speak for: {one}")


@app.command("check", epilog=examples("plurijudge panels check d3-8", "plurijudge panels check my-panel.yaml --json"))
def check(panel: _Panel, db: Db = DEFAULT_DB, as_json: Json = False) -> None:
    """Check a panel: do its dossiers hold, whom does it leave out, who is nearly alike, what was measured?

    A persona's measurements are those that the store holds of its dossier as it is now.
    Exit codes: 0 every dossier holds, 2 one does not: what is missing is named.
    """
    from ..agents.panel import load_panel
    from ..agents.panel_check import check_panel

    found = load_panel(panel)
    checked = check_panel(found, _measured(found, db))
    if as_json:
        answer_json(checked.to_dict())
        return
    from ..reports.terminal import heading, line

    heading(f"panel {checked.panel}: {len(checked.personas)} personas, quorum {checked.quorum}")
    shared = [note for note in checked.personas[0].notes if all(note in one.notes for one in checked.personas)]
    for one in checked.personas:
        counts = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in one.counts.items())
        vote = "" if one.votes else "; no vote unless allowed"
        line(f"{one.id} ({one.kind}, {one.status}{vote}): {counts}")
        for kind, by_judge in one.measured.items():
            for judge, told in by_judge.items():
                line(f"  {kind} with judge {judge}: {_measurement(kind, told)}")
        for note in one.notes:
            if note not in shared:
                line(f"  {note}")
    for note in shared:
        line(f"all of them: {note}")
    if checked.gaps:
        names = ", ".join(f"{name} ({code})" for code, name in checked.gaps.items())
        line(f"no persona speaks for these subregions of UN M49: {names}")
    for first, second, distance in checked.alike:
        line(f"nearly alike: {first} and {second}, {distance:.2f} standard deviations apart by their measured values")
    for one_excluded in checked.excludes:
        line(f"does not speak for: {one_excluded}")
    if checked.validation:
        line(checked.validation)


def _measurement(kind: str, told: dict[str, Any]) -> str:
    if kind == "gate":
        return f"{told['said']} (run {told['run']})"
    gates = ", ".join(
        f"{'holds' if holds else 'unknown' if holds is None else 'FAILS'}: {name}"
        for name, holds in told["gates"].items()
    )
    return f"against {told['against']} (run {told['run']}): {gates}"


def _measured(panel: Panel, db: str) -> dict[str, dict[str, Any]]:
    """What the store holds of a panel's personas; nothing where there is no store yet."""
    from ..store.engine import Store
    from ..store.personas import measured_of
    from ..text.errors import NoStore

    try:
        with Store.open(db) as store:
            return measured_of(store, [(one.id, one.digest) for one in panel.personas])
    except NoStore:
        return {}


@app.command(
    "new", epilog=examples("plurijudge panels new my-panel.yaml", "plurijudge panels new roles.yaml --kind role")
)
def new(
    path: Annotated[str, typer.Argument(help="The file to write.")],
    kind: Annotated[Literal["culture", "role"], typer.Option("--kind", help="What its first persona is.")] = "culture",
) -> None:
    """Write a panel's file to fill in: it does not load before what it asks for is there.

    Exit codes: 0 written, 2 there is such a file already.
    """
    from ..agents.panel_draft import draft

    target = Path(path)
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(draft(kind, name=target.stem))
    except FileExistsError:
        raise BadInput(f"{path} is there already.", way_out="another name") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}.") from None
    say(f"{path}: fill it in, then: plurijudge panels check {shlex.quote(path)}")


_Items = Annotated[str, typer.Option("--items", help="Objective items with gold; the anchors that come along.")]
_Control = Annotated[
    str, typer.Option("--control", help="A recorded run of the same judge without.", autocompletion=complete_runs)
]
_Concurrency = judging.Concurrency


@app.command(
    "gate",
    epilog=examples(
        "plurijudge panels gate d3-8 --model openai/gpt-5-mini", "plurijudge panels gate --run RUN --control RUN"
    ),
)
def gate(
    context: typer.Context,
    panel: _MaybePanel = "",
    items: _Items = "",
    run: _Run = "",
    control: _Control = "",
    model: judging.ModelName = "builtin/heuristic",
    judge: judging.JudgeName = "",
    base_url: judging.BaseUrl = None,
    allow_unmeasured: _Unmeasured = False,
    concurrency: _Concurrency = 16,
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
    """Does speaking as a persona cost the judge its ability? Items of fact, judged with each persona and without.

    The outcome is kept with the persona's dossier; `judge --gate personas` keeps those that lost ability from voting.

    Exit codes: 0 measured, 2 bad usage or input, 3 stopped by a budget, 130 interrupted.
    """
    from ..analyses.persona_gate import PersonaGate, persona_gate, save

    def measured(store: Store, runs: dict[str, str]) -> PersonaGate:
        found = persona_gate(store, _stored(store, runs["panel"])[1], runs["panel"], runs["control"])
        command = f"plurijudge panels gate --run {found.run} --control {found.control}"
        _kept(lambda: save(store, found, command=command))
        return found

    if run or control:
        if not (run and control) or panel:
            raise BadInput("Recorded runs are a pair, and name their panel.", way_out="--run RUN --control RUN")
        _recorded(db, {"panel": run, "control": control}, measured, _show_gate, as_json)
        return
    voices, who, batch = _asked(
        **{"context": context, "panel": panel, "model": model, "judge": judge, "base_url": base_url},
        **{"allow_unmeasured": allow_unmeasured, "concurrency": concurrency, "budget": budget},
        **{"max_calls": max_calls, "deadline": deadline, "quiet": quiet, "db": db},
    )
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


@app.command(
    "fidelity",
    epilog=examples(
        "plurijudge panels fidelity crehate-5 posts.jsonl --against labels.csv --protocol score",
        "plurijudge panels fidelity --run RUN --against labels.csv",
    ),
)
def fidelity(
    context: typer.Context,
    panel: _MaybePanel = "",
    items: _MaybeItems = "",
    against: _Against = "",
    run: _Run = "",
    retest: _Retest = "",
    shuffled: _Shuffled = "",
    protocol: judging.Protocol = None,
    scale: Annotated[
        str, typer.Option("--scale", help="Lowest and highest score, as 0..1; those of the labels if not given.")
    ] = "",
    criteria: judging.Criteria = None,
    model: judging.ModelName = "builtin/heuristic",
    judge: judging.JudgeName = "",
    base_url: judging.BaseUrl = None,
    allow_unmeasured: _Unmeasured = False,
    concurrency: _Concurrency = 16,
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
        _kept(
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
    voices, who, batch = _asked(
        **{"context": context, "panel": panel, "model": model, "judge": judge, "base_url": base_url},
        **{"allow_unmeasured": allow_unmeasured, "concurrency": concurrency, "budget": budget},
        **{"max_calls": max_calls, "deadline": deadline, "quiet": quiet, "db": db, "changes": changes},
    )
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


@app.command("worth", epilog=examples("plurijudge panels worth --run RUN --baseline resampled=RUN"))
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
    _kept(lambda: save(store, found, command=f"plurijudge panels worth --run {found.run}{flags}"))
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


def _kept(save: Any) -> None:
    try:
        save()
    except StoreFull as error:  # what a read-only store says can be measured all the same
        say(f"note: the analysis is not kept. {error.message}")


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


def _asked(**given: Any) -> tuple[Panel, Any, Batch]:
    """The panel, the judge and the batch that options describe."""
    from ..agents.judge import Judge
    from ..agents.model import Limits
    from ..agents.panel import load_panel
    from ..graphs.budget import Budget
    from ..graphs.runner import Pace
    from .batch import Batch

    if not given["panel"]:
        raise BadInput("A panel is needed.", way_out="plurijudge panels list")
    voices = load_panel(given["panel"]).seated(allow_unmeasured=given["allow_unmeasured"])
    options = {"base_url": given["base_url"], **given.get("changes", {})}
    options = {name: value for name, value in options.items() if value is not None}
    named = given["context"].get_parameter_source("model")
    if not given["judge"]:
        who = Judge(given["model"], **options)
    else:
        insists = named is not None and named.name == "COMMANDLINE"
        who = Judge.read(given["judge"], **options, **({"model": given["model"]} if insists else {}))
    limits = Limits(concurrency=given["concurrency"])
    budget = Budget(calls=given["max_calls"], dollars=given["budget"], seconds=given["deadline"])
    return voices, who, Batch(db=given["db"], pace=Pace(limits=limits, budget=budget), quiet=given["quiet"])


def _measure(batch: Batch, items: str, legs: list[Leg], measured: Any, show: Any, as_json: bool) -> None:
    """Make the runs, measure and show; where one was stopped, say how to go on."""
    try:
        runs, stopped = made(batch, items, legs, strict=False)
        if stopped is not None:
            say(f"stopped: {stopped.stopped}; start it again: what was answered is not paid again{batch.db_flag}")
            leave(INTERRUPTED if stopped.stopped == "interrupted" else STOPPED)
        found = measured(batch.store, runs)
        if as_json:
            answer_json(found.to_dict())
        else:
            show(found)
        if not found.to_dict().get("personas", found.to_dict().get("against")):
            leave(BAD)
    finally:
        batch.close()


def made(batch: Batch, items: str, legs: list[Leg], *, strict: bool) -> tuple[dict[str, str], Outcome | None]:
    """Make runs one after another; gives those that are closed by name, and the one that was stopped."""
    from ..graphs.legs import left_of
    from ..graphs.study import summary_line
    from .batch import spool

    runs: dict[str, str] = {}
    path = str(spool()) if items == "-" else items
    for leg in legs:
        begun = time.monotonic()
        outcome = batch.judge(path, leg.judge, leg.plan, panel=leg.panel, strict=strict)
        say(f"{outcome.run}, {leg.name}: {summary_line(outcome.sums, set_aside=outcome.set_aside)}")
        if outcome.status == "open":
            return runs, outcome
        runs[leg.name] = outcome.run
        batch.pace = left_of(batch.pace, outcome, seconds=time.monotonic() - begun)
    return runs, None

"""`plurijudge panels`: which voices are there, do their dossiers hold, can they judge, do they speak for people?"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..text.errors import BadInput
from . import panel_trials
from .judging import Seed
from .options import DEFAULT_DB, Db, Json, examples
from .plain import answer, answer_json, say

if TYPE_CHECKING:
    from ..agents.panel import Panel

app = typer.Typer(
    help="The voices that judge together: panels of personas, their dossiers, and what was measured of them.",
    epilog=examples("plurijudge panels list", "plurijudge panels check d3-8", "plurijudge panels show d3-8/oceania"),
    rich_markup_mode=None,
    no_args_is_help=True,
)

_Panel = Annotated[str, typer.Argument(help="A shipped panel's name, or a panel's file.")]


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
    seed: Seed = 0,
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


app.command("gate", epilog=panel_trials.GATE)(panel_trials.gate)
app.command("fidelity", epilog=panel_trials.FIDELITY)(panel_trials.fidelity)
app.command("worth", epilog=panel_trials.WORTH)(panel_trials.worth)

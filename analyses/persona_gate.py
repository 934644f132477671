"""Does speaking as a persona cost a judge its ability? Anchors of fact, judged with each persona and without any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import select

from ..metrics.competence import ITEMS, Competence, competence
from ..store.analyses import keep_analysis
from ..store.engine import Store
from ..store.personas import Speaker, measured_of, note_measured
from ..store.runs import Run, check_closed, find_run
from ..store.tables import metadata
from ..text.errors import BadInput, BadPanel
from .gold import Accepted, accepted
from .rows import streamed

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
_DECISION = metadata.tables["decision"]
_ESTIMATES = ("accuracy", "control_accuracy", "relative_change", "abstention", "silent_errors")


@dataclass(frozen=True, slots=True)
class Gate:
    """What a persona did to a judge.

    Attributes:
        speaker: the persona, and the judge that spoke.
        found: what was measured.
    """

    speaker: Speaker
    found: Competence

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        told = {name: getattr(self.found, name).to_dict() for name in _ESTIMATES}
        plain = ("gained", "dropped", "p_loss", "p_two_sided", "p_silence", "lost", "by", "reason")
        return {"persona": self.speaker.persona, "judge": self.speaker.judge, **told} | {
            n: getattr(self.found, n) for n in plain
        }

    @property
    def said(self) -> str:
        """The outcome in a few words."""
        found = self.found
        if found.lost is None:
            return f"unknown: {found.reason}"
        change = found.relative_change.estimate
        drop = "" if change is None else f"{100 * change:+.0f} % of its accuracy, "
        return f"{'lost ability' if found.lost else 'no loss found'}: {drop}p = {found.p_loss:.3g}"


@dataclass(frozen=True, slots=True)
class PersonaGate:
    """The gate of a panel's personas.

    Attributes:
        panel: its name.
        run: the run with personas.
        control: the run without.
        gates: of each persona, by id.
    """

    panel: str
    run: str
    control: str
    gates: tuple[Gate, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "panel": self.panel,
            "run": self.run,
            "control": self.control,
            "personas": [gate.to_dict() for gate in self.gates],
        }


def persona_gate(
    store: Store, speakers: Sequence[Speaker], run: str, control: str, *, at_least: int = ITEMS
) -> PersonaGate:
    """Hold the verdicts of each of a panel's personas against those of the judge without.

    Args:
        store: the store.
        speakers: the panel's personas (`Panel.speakers`).
        run: the run with personas, on objective items with gold.
        control: the run of the same items without.
        at_least: how many items the gate needs.

    Raises:
        NotFound: if there is no such run.
        BadInput: if a run is open, or they are not of the same items and judge.
    """
    with_it, without = find_run(store, run), find_run(store, control)
    for one in (with_it, without):
        check_closed(one)
    if with_it.dataset != without.dataset or not with_it.panel or without.panel:
        raise BadInput("A gate needs a run of the panel and one without, on the same items.")
    if with_it.judge != without.judge:
        raise BadInput(f"The runs {with_it.id} and {without.id} are of different judges: a gate needs one judge.")
    if (told := with_it.plan.get("plan", {}).get("dossiers", "own")) != "own":
        raise BadInput(
            f"In the run {with_it.id} the dossiers were told as `{told}`: a gate needs the personas as they are."
        )
    gold = accepted(store, with_it.dataset)
    places = {item: number for number, item in enumerate(sorted(gold))}
    control_right, control_silent = _decided(store, without, gold, places)
    said = _spoken(store, with_it, gold, places)
    gates = []
    for speaker in sorted(speakers):
        if speaker.name in said and speaker.judge == without.judge:  # a model of its own has no control here
            right, silent = said[speaker.name]
            found = competence(
                right, control_right, abstained=silent, control_abstained=control_silent, at_least=at_least
            )
            gates.append(Gate(speaker, found))
    return PersonaGate(with_it.panel, with_it.id, without.id, tuple(gates))


def save(store: Store, gate: PersonaGate, *, command: str) -> None:
    """Write what was measured: an analysis with its lines, and each persona's own outcome beside its dossier."""
    lines = [
        {
            **{"measure": measure, "panel": gate.panel, "persona": one.speaker.persona},
            **{"digest": one.speaker.digest, "judge": one.speaker.judge, "against": gate.control},
            **{"p_value": one.found.p_loss, "lost": None if one.found.lost is None else int(one.found.lost)},
            **getattr(one.found, measure).to_dict(),
        }
        for one in gate.gates
        for measure in _ESTIMATES
    ]
    runs, options = [gate.run, gate.control], {"panel": gate.panel}
    keep_analysis(store, "persona_gate", lines, runs=runs, options=options, command=command)
    before = measured_of(store, [(one.speaker.persona, one.speaker.digest) for one in gate.gates])
    for one in gate.gates:
        held = before[one.speaker.persona].get("gate", {}).get(one.speaker.judge, {})
        if one.found.lost is None and held.get("lost") is not None:
            continue  # what is known is not undone by a run that could not tell
        note_measured(
            store,
            one.speaker,
            gate={"lost": one.found.lost, "said": one.said, "run": gate.run, "control": gate.control},
        )


def kept_out(store: Store, speakers: Sequence[Speaker], *, way_out: str) -> dict[str, str]:
    """Which personas lost ability as their judges speak them, by id, and how.

    Raises:
        BadPanel: if one has not been through the gate with its judge, or the gate could not tell.
    """
    lost: dict[str, str] = {}
    missing: list[str] = []
    measured = measured_of(store, [(one.persona, one.digest) for one in speakers])
    for one in speakers:
        told = measured[one.persona].get("gate", {}).get(one.judge)
        if told is None or told["lost"] is None:
            missing.append(f"{one.persona}{'' if told is None else ' (' + told['said'] + ')'}")
        elif told["lost"]:
            lost[one.persona] = told["said"]
    if missing:
        raise BadPanel(f"Whether this judge loses ability is not known of {', '.join(missing)}.", way_out=way_out)
    return lost


def _blank(places: dict[str, int]) -> tuple[Floats, Flags]:
    return np.full(len(places), np.nan), np.zeros(len(places), dtype=bool)


def _decided(store: Store, run: Run, gold: dict[str, Accepted], places: dict[str, int]) -> tuple[Floats, Flags]:
    """Of each item whether the run's decision is right, and whether it abstained."""
    right, silent = _blank(places)
    wanted = select(_DECISION.c.item, _DECISION.c.outcome, _DECISION.c.preferred).where(_DECISION.c.run == run.id)
    for row in streamed(store, wanted):
        if (place := places.get(row["item"])) is not None:
            right[place], silent[place] = _marked(row["outcome"], row["preferred"], gold[row["item"]])
    return right, silent


def _spoken(
    store: Store, run: Run, gold: dict[str, Accepted], places: dict[str, int]
) -> dict[str, tuple[Floats, Flags]]:
    """The same of each member of the run's panel, by name."""
    said: dict[str, tuple[Floats, Flags]] = {}
    for row in streamed(store, select(_DECISION.c.item, _DECISION.c.panel).where(_DECISION.c.run == run.id)):
        place = places.get(row["item"])
        if place is None or not row["panel"]:
            continue
        for name, vote in orjson.loads(row["panel"])["members"].items():
            right, silent = said.setdefault(name, _blank(places))
            right[place], silent[place] = _marked(vote["outcome"], vote["preferred"], gold[row["item"]])
    return said


def _marked(outcome: str, preferred: str | None, gold: Accepted) -> tuple[float, bool]:
    """Whether an outcome is right, and whether it is no answer at all."""
    named = preferred if outcome == "ok" else "tie" if outcome == "tie" else None
    right = named is not None and gold.get(named, 0.0) >= 0.5
    return float(right), outcome in ("abstained", "failed")

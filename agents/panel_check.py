"""Can a panel be relied on, as far as dossiers and store can tell? What is there, what is missing, who is alike."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..metrics.positions import position_distances
from ..text.regions import SUBREGIONS, unknown_codes
from .panel import Panel
from .persona import Culture, Persona

ALIKE = 0.2  # root mean square of standardised differences; under it, each is a small effect (Cohen 1988)


@dataclass(frozen=True, slots=True)
class PersonaCheck:
    """What can be said of one persona without asking a model.

    Attributes:
        id: its id.
        kind: `culture` or `role`.
        status: `draft`, `reviewed`, `retired`, or `unmeasured`.
        votes: whether it votes unless options say otherwise.
        counts: of what its dossier holds: sources, those from within, dimensions, commitments, contested ones,
            positions, exemplars, reviews.
        notes: what a reader should know or mend.
        measured: what the store holds of its digest.
    """

    id: str
    kind: str
    status: str
    votes: bool
    counts: dict[str, int]
    notes: tuple[str, ...] = ()
    measured: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PanelCheck:
    """What can be said of a panel.

    Attributes:
        panel: its name.
        personas: each of them.
        gaps: UN M49 subregions that no persona's scope names, by code.
        alike: pairs of personas whose measured positions nearly coincide, with their distance.
        excludes: whom the panel says that it does not speak for.
        validation: what it says of its validation.
        quorum: how many members must say something.
    """

    panel: str
    personas: tuple[PersonaCheck, ...]
    gaps: dict[str, str]
    alike: tuple[tuple[str, str, float], ...]
    excludes: tuple[str, ...]
    validation: str
    quorum: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def check_panel(panel: Panel, measured: dict[str, dict[str, Any]] | None = None) -> PanelCheck:
    """Look at a panel's dossiers.

    Args:
        panel: the panel, which loads only if its dossiers hold.
        measured: what a store holds of its personas, by id.
    """
    cultures = [one for one in panel.personas if isinstance(one.dossier, Culture)]
    named = {code for one in cultures if isinstance(one.dossier, Culture) for code in one.dossier.scope.un_m49}
    gaps = {code: name for code, name in SUBREGIONS.items() if code not in named} if cultures else {}
    return PanelCheck(
        panel=panel.id,
        personas=tuple(_checked(one, (measured or {}).get(one.id, {})) for one in panel.personas),
        gaps=gaps,
        alike=tuple(alike(cultures)),
        excludes=tuple(panel.described.excludes),
        validation=panel.described.validation,
        quorum=panel.quorum,
    )


def alike(personas: list[Persona], *, below: float = ALIKE) -> list[tuple[str, str, float]]:
    """Pairs of personas whose measured positions nearly coincide, nearest first; those without measures have none."""
    told = [_position(one) for one in personas]
    dimensions = sorted({name for position in told for name in position})
    if len(personas) < 2 or not dimensions:
        return []
    nothing = (np.nan, 1.0)
    table = np.array([[position.get(name, nothing) for name in dimensions] for position in told])
    distances = position_distances(table[:, :, 0], table[:, :, 1])
    pairs = [
        (personas[one].id, personas[other].id, float(distances[one, other]))
        for one in range(len(personas))
        for other in range(one + 1, len(personas))
        if distances[one, other] < below
    ]
    return sorted(pairs, key=lambda pair: (pair[2], pair[:2]))


def _position(persona: Persona) -> dict[str, tuple[float, float]]:
    dossier = persona.dossier
    if not isinstance(dossier, Culture):
        return {}
    return {f"{one.framework} {one.dim}": (one.mean, one.sd) for one in dossier.value_dims}


def _checked(persona: Persona, measured: dict[str, Any]) -> PersonaCheck:
    dossier = persona.dossier
    counts = {
        "sources": len(dossier.sources),
        "from_within": sum(source.from_within for source in dossier.sources),
        "reviews": len(dossier.provenance.reviews),
        "n_members": dossier.prompt.n_members,
    }
    notes = []
    if isinstance(dossier, Culture):
        counts |= {
            "value_dims": len(dossier.value_dims),
            "commitments": len(dossier.commitments),
            "contested": sum(one.strength == "contested" for one in dossier.commitments),
            "internal_positions": len(dossier.internal_positions),
            "exemplars": len(dossier.exemplars),
        }
        lacking = sum(not one.counter_position for one in dossier.commitments)
        if lacking:
            notes.append(f"{lacking} commitments name no counter-position")
        if any(one.weight is None for one in dossier.internal_positions):
            notes.append("the weights of its internal positions are unknown: each is drawn as often as another")
        if not any(one.split == "heldout" for one in dossier.exemplars):
            notes.append("no exemplars are held out: its answers can be measured against people's labels alone")
        if odd := unknown_codes(list(dossier.scope.un_m49)):
            notes.append(f"no UN M49 subregions: {', '.join(odd)}")
        if persona.unmeasured:
            notes.append("unmeasured: it votes only with --allow-unmeasured")
    else:
        counts["criteria"] = len(dossier.criteria)
    if persona.is_draft:
        notes.append(
            "draft: nobody from within has reviewed it" if persona.kind == "culture" else "draft: not reviewed"
        )
    if not measured.get("gate"):
        notes.append("its competence is not measured (plurijudge panels gate)")
    if persona.kind == "culture" and not measured.get("fidelity"):
        notes.append("its fidelity is not measured (plurijudge panels fidelity)")
    votes = dossier.status != "retired" and not persona.unmeasured
    status = "unmeasured" if persona.unmeasured else dossier.status
    return PersonaCheck(persona.id, persona.kind, status, votes, counts, tuple(notes), measured)

"""Which runs show what a panel is worth, what its personas cost, and whether they answer as people do?"""

from __future__ import annotations

from math import ceil
from pathlib import Path

from ..agents.judge import Judge
from ..agents.panel import Description, Panel, Seat
from ..agents.persona import Persona
from ..text.errors import BadInput
from .legs import Leg
from .plan import Plan

PANEL, RESAMPLED, DISTRIBUTION, PLURALIST = "panel", "resampled", "distribution", "pluralist"
LABELS, SHUFFLED, RETEST, CONTROL = "labels", "shuffled", "retest", "control"
_WARM = 0.7  # temperature of resampling where no dossier names one: at 0 a judge repeats itself


def anchors() -> Path:
    """The objective items that come with plurijudge, to see whether a persona costs a judge its ability."""
    return Path(__file__).parent.parent / "examples" / "anchors.jsonl"


def worth_legs(judge: Judge, plan: Plan, panel: Panel) -> list[Leg]:
    """The panel, and what it must beat; the best member alone and one member in turn are read from its own run.

    Each costs as many calls as the panel or fewer: the judge resampled as often, a neutral pluralist prompt as often,
    labels without dossiers, dossiers under others' labels, and one call for the distribution of the groups' answers.

    Raises:
        BadInput: if the runs could not be compared.
    """
    if plan.until or plan.gate or plan.tool_probe or plan.dossiers != "own":
        raise BadInput("Baselines judge the same items in full.", way_out="leave out --until, --gate and --dossiers")
    if judge.function or panel.described.assignment == "cyclic" or panel.described.adaptive:
        raise BadInput(
            "Baselines are for a panel all of whose members judge each item, by a model.",
            way_out="leave out --assignment cyclic and --adaptive",
        )
    calls = sum(seat.members for seat in panel.seats)
    labels = [seat.persona.label for seat in panel.seats if seat.persona is not None]
    warm = max((seat.persona.dossier.prompt.temperature or 0.0 for seat in panel.seats if seat.persona), default=0.0)
    resampled = Judge(**{**judge.model_dump(), "temperature": max(warm, judge.temperature or 0.0) or _WARM})
    legs = [
        Leg(PANEL, judge, plan, panel),
        Leg(RESAMPLED, resampled, plan.model_copy(update={"samples": plan.samples * calls})),
        Leg(PLURALIST, judge, plan, one_voice(PLURALIST, ["plural"], calls, warm or _WARM)),
    ]
    if len(labels) > 1:
        legs += [
            Leg(DISTRIBUTION, judge, plan, one_voice(DISTRIBUTION, labels, 1, 0.0)),
            Leg(LABELS, judge, plan.model_copy(update={"dossiers": "labels"}), panel),
            Leg(SHUFFLED, judge, plan.model_copy(update={"dossiers": "shuffled"}), panel),
        ]
    return legs


def gate_legs(judge: Judge, plan: Plan, panel: Panel) -> list[Leg]:
    """The judge without personas, asked as often as each persona, and with each of them."""
    draws = ceil(sum(seat.members for seat in panel.seats) / len(panel.seats))
    spoken = panel.with_options(quorum=1, rule="mean", assignment="all", adaptive=False, weights={}, tie="tie")
    return [
        Leg(CONTROL, judge, plan.model_copy(update={"samples": plan.samples * draws})),
        Leg(PANEL, judge, plan, spoken),
    ]


def fidelity_legs(judge: Judge, plan: Plan, panel: Panel) -> list[Leg]:
    """The personas as they are, once more without the cache, and under each other's labels, without it too."""
    spoken = panel.with_options(quorum=1, rule="mean", assignment="all", adaptive=False, weights={}, tie="tie")
    again = {"retest": True, "fresh": True}
    legs = [Leg(PANEL, judge, plan, spoken), Leg(RETEST, judge, plan.model_copy(update=again), spoken)]
    if sum(seat.persona is not None for seat in panel.seats) > 1:
        swapped = {"dossiers": "shuffled", "fresh": True}
        legs.append(Leg(SHUFFLED, judge, plan.model_copy(update=swapped), spoken))
    return legs


def one_voice(template: str, told: list[str], draws: int, temperature: float) -> Panel:
    """A panel of one voice that is no persona of anybody's, asked so often."""
    persona = Persona(
        {
            **{"id": f"baselines/{template}", "kind": "role", "version": "1", "label": template, "status": "reviewed"},
            "criteria": [{"name": f"{number}", "question": one} for number, one in enumerate(told, 1)],
            "prompt": {
                **{"template_id": f"persona/{template}", "language": "en", "n_members": 3},
                "temperature": temperature,
            },
            "guards": {"may_abstain": True},
            "provenance": {
                **{"author": "the developers", "positionality": "speaks for nobody: a baseline"},
                **{"reviews": [], "changelog": ["1: first wording"]},
            },
        }
    )
    described = Description(id=f"baseline-{template}", version="1", title=f"baseline: {template}", quorum=1)
    return Panel(described, (persona,), (Seat(persona, draws=draws),)).seated()

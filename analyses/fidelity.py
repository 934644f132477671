"""Do a panel's personas answer as the people do for whom they speak? Held against people's labels of the same items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import select

from ..metrics.estimate import Estimate
from ..metrics.fidelity import (
    Dealt,
    Divergence,
    Identifiability,
    Retest,
    Spread,
    Swap,
    divergence,
    identifiability,
    label_swap,
    retest,
    within_variance_ratio,
)
from ..store.analyses import keep_analysis
from ..store.engine import Store
from ..store.labels import PersonLabel
from ..store.personas import Speaker, note_measured
from ..store.runs import Run, check_closed, find_run
from ..store.tables import metadata
from ..text.errors import BadInput
from .rows import presentation, streamed

Counts = NDArray[np.int64]
_VERDICT = metadata.tables["verdict"]
LEAST_SPREAD, LEAST_RETEST, NEAREST = 0.5, 0.8, 3


@dataclass(frozen=True, slots=True)
class PersonaFidelity:
    """One persona beside its people.

    Attributes:
        speaker: the persona, and the judge that spoke.
        group: what the file calls its people.
        divergence: how far its answers are from theirs, in bits, and how far a perfect copy's would be.
        spread: how much its members differ, beside people.
        rank: the place of its own group among all groups, 1 for the nearest; None where unknown.
        groups: how many groups there are.
        retest: whether its members say the same again; None without such a run.
        swap: whether its label moves it; None without such a run.
        silent: verdicts of its that are no answer.
        gates: what it passes and what it does not, None where that is unknown.
    """

    speaker: Speaker
    group: str
    divergence: Divergence
    spread: Spread
    rank: float | None
    groups: int
    retest: Retest | None
    swap: Swap | None
    silent: int
    gates: dict[str, bool | None] = field(default_factory=dict)

    def estimates(self) -> dict[str, tuple[Estimate, float | None]]:
        """What is kept of it, by measure, with a p value where there is one."""
        dealt = self.divergence.dealt
        told: dict[str, tuple[Estimate, float | None]] = {
            "divergence": (self.divergence.found, dealt.p_value if dealt else None),
            "divergence_floor": (self.divergence.floor, None),
            "divergence_excess": (self.divergence.excess, None),
            "within_variance_ratio": (self.spread.ratio, None),
        }
        if self.retest is not None:
            told["retest"] = (self.retest.agreement, None)
            told["retest_others"] = (self.retest.others, None)
        if self.swap is not None:
            told["label_shift"] = (self.swap.shift, None)
        return told

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        told = {name: estimate.to_dict() for name, (estimate, _) in self.estimates().items()}
        return {
            **{"persona": self.speaker.persona, "judge": self.speaker.judge, "group": self.group, "rank": self.rank},
            **{"groups": self.groups, "silent": self.silent, "gates": self.gates},
            **{"divergence_null": _null(self.divergence.dealt)},
            **{"retest_chance": None if self.retest is None else self.retest.chance},
            **{"moved_by_label": None if self.swap is None else self.swap.moved},
            **told,
        }


@dataclass(frozen=True, slots=True)
class Fidelity:
    """A panel beside people.

    Attributes:
        panel: its name.
        runs: the runs that it was read from, by name: `panel`, and as far as made `retest` and `shuffled`.
        personas: each that a group of the file is for, in the order of their ids.
        identifiability: whether each is nearest to its own group; None with fewer than two groups.
        labels: what there was to answer.
        items: how many items both people and personas labelled.
        without_group: personas for whom the file has no people.
        without_persona: groups for whom nobody speaks; they count as further groups.
        unread: verdicts whose answer is no label that people gave.
    """

    panel: str
    runs: dict[str, str]
    personas: tuple[PersonaFidelity, ...]
    identifiability: Identifiability | None
    labels: tuple[str, ...]
    items: int
    without_group: tuple[str, ...]
    without_persona: tuple[str, ...]
    unread: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        found = self.identifiability
        return {
            **{"panel": self.panel, "runs": self.runs, "labels": list(self.labels), "items": self.items},
            "personas": [one.to_dict() for one in self.personas],
            "top1": None if found is None else found.top1.to_dict(),
            "top3": None if found is None else found.top3.to_dict(),
            "identifiability_null": None if found is None else _null(found.dealt),
            **{"without_group": list(self.without_group), "without_persona": list(self.without_persona)},
            "unread": self.unread,
        }


def _null(dealt: Dealt | None) -> dict[str, float | int] | None:
    return None if dealt is None else dict(dealt._asdict())


@dataclass(slots=True)
class _Answers:
    """What members said: `counts` (speakers, items, labels), and each answer by its place for a retest."""

    counts: Counts
    each: list[dict[tuple[int, tuple[str, ...], int], int]]
    silent: list[int]
    unread: int = 0


def fidelity(
    store: Store, speakers: Sequence[Speaker], runs: Mapping[str, str], labels: Iterable[PersonLabel]
) -> Fidelity:
    """Hold what a panel's personas said against people's labels.

    Pairs: a label is a response's id or `tie`. Single responses: a number; a persona's score counts as the nearest
    number that people gave, and an item with several responses is named `item/response` in the file.

    Args:
        store: the store.
        speakers: the panel's personas (`Panel.speakers`).
        runs: `panel`, and as far as made `retest` and `shuffled`.
        labels: people's labels; `group` is a persona's id, its part after the slash, its label, or its one country.

    Raises:
        NotFound: if there is no such run.
        BadInput: if a run is open or not what it is called, or nobody's labels fit.
    """
    found = {name: find_run(store, run) for name, run in runs.items()}
    own = found["panel"]
    for name, run in found.items():
        _check(name, run, own)
    scored = own.plan.get("judge", {}).get("protocol") == "score"
    people = [*labels]
    whose = spoken_for(speakers, people)
    spoken: dict[str, str] = {}
    for group, speaker in sorted(whose.items()):
        spoken.setdefault(speaker.name, group)
    # a group may be called by several of its names in one file
    people = [one._replace(group=spoken[whose[one.group].name]) if one.group in whose else one for one in people]
    groups = sorted({label.group for label in people})
    known = [speaker for speaker in sorted(speakers) if speaker.name in spoken]
    values = sorted({label.label for label in people}, key=lambda label: _order(label))
    numbers = [_number(value) for value in values] if scored else []
    if scored and (odd := [value for value, number in zip(values, numbers, strict=True) if number is None]):
        raise BadInput(f"The label {odd[0]!r} is no number; the judge scores single responses.")
    scale = np.array([number or 0.0 for number in numbers]) if scored else None
    places = {item: number for number, item in enumerate(sorted({label.item for label in people}))}
    others = [group for group in groups if group not in whose]
    crowds = _people(people, [*(spoken[one.name] for one in known), *others], places, values)
    said = {name: _answers(store, run, known, places, values, scale) for name, run in found.items()}
    counts = said["panel"].counts
    personas = [
        _one(speaker, number, spoken[speaker.name], counts, crowds, said, scale) for number, speaker in enumerate(known)
    ]
    near = identifiability(counts, crowds) if len(crowds) > 1 else None
    ranked = [_placed(one, near, number, len(crowds)) for number, one in enumerate(personas)]
    return Fidelity(
        panel=own.panel,
        runs={name: run.id for name, run in found.items()},
        personas=tuple(ranked),
        identifiability=near,
        labels=tuple(values),
        items=int(((counts.sum(axis=2) > 0).any(axis=0) & (crowds.sum(axis=2) > 0).any(axis=0)).sum()),
        without_group=tuple(sorted(one.persona for one in speakers if one.name not in spoken)),
        without_persona=tuple(others),
        unread=said["panel"].unread,
    )


def spoken_for(speakers: Sequence[Speaker], labels: Iterable[PersonLabel]) -> dict[str, Speaker]:
    """The groups of people's labels for whom a persona speaks, each with it.

    Raises:
        BadInput: if there is none.
    """
    names = {_plain(name): speaker for speaker in speakers for name in speaker.names}
    groups = sorted({label.group for label in labels})
    whose = {group: names[_plain(group)] for group in groups if _plain(group) in names}
    if not whose:
        raise BadInput(
            f"No group of the labels is a persona's: the groups are {', '.join(groups) or 'none'}.",
            way_out=f"name groups {', '.join(speaker.persona for speaker in speakers)}",
        )
    return whose


def _check(name: str, run: Run, own: Run) -> None:
    """A run is closed, and tells of what its name says."""
    check_closed(run)
    told, needed = run.plan.get("plan", {}).get("dossiers", "own"), "shuffled" if name == "shuffled" else "own"
    if told != needed:
        raise BadInput(f"In the run {run.id} ({name}) the dossiers were told as `{told}`; needed is `{needed}`.")
    if run.dataset != own.dataset:
        raise BadInput(f"The run {run.id} ({name}) is on other items than {own.id}.")
    if (run.panel, run.panel_digest, run.judge, run.seed) != (own.panel, own.panel_digest, own.judge, own.seed):
        raise BadInput(f"The run {run.id} ({name}) is of another panel, judge or seed than {own.id}.")
    if name != "panel" and run.id == own.id:
        raise BadInput(f"The run {run.id} agrees with itself: another run of the same is needed.")


def _one(
    speaker: Speaker,
    number: int,
    group: str,
    counts: Counts,
    crowds: Counts,
    said: Mapping[str, _Answers],
    scale: NDArray[np.float64] | None,
) -> PersonaFidelity:
    own, crowd = counts[number], crowds[number]
    others = np.delete(counts, number, axis=0)
    again, shuffled = said.get("retest"), said.get("shuffled")
    return PersonaFidelity(
        speaker=speaker,
        group=group,
        divergence=divergence(own, crowd, others=others if len(others) else None),
        spread=within_variance_ratio(own, crowd, values=scale),
        rank=None,
        groups=len(crowds),
        retest=None if again is None else _retested(said["panel"].each[number], again.each[number]),
        swap=None
        if again is None or shuffled is None
        else label_swap(own, shuffled.counts[number], again.counts[number]),
        silent=said["panel"].silent[number],
    )


def _placed(one: PersonaFidelity, near: Identifiability | None, number: int, groups: int) -> PersonaFidelity:
    """With its rank, and the gates of specs that can be told from all of it."""
    rank = None if near is None or np.isnan(near.ranks[number]) else float(near.ranks[number])
    ratio, agreement = one.spread.ratio.estimate, None if one.retest is None else one.retest.agreement.estimate
    moved = None if one.swap is None else one.swap.moved
    gates = {
        f"within-variance ratio at least {LEAST_SPREAD:g}": None if ratio is None else ratio >= LEAST_SPREAD,
        f"retest agreement at least {LEAST_RETEST:g}": None if agreement is None else agreement >= LEAST_RETEST,
        f"own group among the {NEAREST} nearest": None if rank is None or groups <= NEAREST else rank <= NEAREST,
        "not moved by the label": None if moved is None else not moved,
    }
    return replace(one, rank=rank, gates=gates)


def _people(
    people: Sequence[PersonLabel], groups: Sequence[str], places: Mapping[str, int], values: Sequence[str]
) -> Counts:
    where = {group: number for number, group in enumerate(groups)}
    which = {value: number for number, value in enumerate(values)}
    counts = np.zeros((len(groups), len(places), len(values)), dtype=np.int64)
    for label in people:
        counts[where[label.group], places[label.item], which[label.label]] += 1
    return counts


def _answers(
    store: Store,
    run: Run,
    speakers: Sequence[Speaker],
    places: Mapping[str, int],
    values: Sequence[str],
    scale: NDArray[np.float64] | None,
) -> _Answers:
    """What the speakers' members said in a run, counted by label."""
    where = {(speaker.persona, speaker.judge): number for number, speaker in enumerate(speakers)}
    which = {value: number for number, value in enumerate(values)}
    size = (len(speakers), len(places), len(values))
    found = _Answers(np.zeros(size, dtype=np.int64), [{} for _ in speakers], [0] * len(speakers))
    names = ("item", "judge", "persona", "presentation", "sample", "status", "preferred", "scores")
    mine = (_VERDICT.c.run == run.id, _VERDICT.c.step == "", _VERDICT.c.persona != "")
    for row in streamed(store, select(*(_VERDICT.c[name] for name in names)).where(*mine)):
        number = where.get((row["persona"], row["judge"]))
        shown = presentation(row["presentation"])
        place = places.get(row["item"], places.get(f"{row['item']}/{shown[0]}"))
        if number is None or place is None:
            continue
        if row["status"] != "ok":
            found.silent[number] += 1
            continue
        label = which.get(row["preferred"] or "") if scale is None else _nearest(row["scores"], shown[0], scale)
        if label is None:
            found.unread += 1
            continue
        found.counts[number, place, label] += 1
        found.each[number][place, shown, row["sample"]] = label
    return found


def _nearest(scores: str | None, response: str, scale: NDArray[np.float64]) -> int | None:
    score = orjson.loads(scores or "{}").get(response)
    return None if score is None else int(np.abs(scale - score).argmin())


def _retested(first: Mapping[Any, int], second: Mapping[Any, int]) -> Retest:
    """Answers of the same member to the same presentation; a presentation is a row, as its members are alike."""
    asked = sorted({(place, shown) for place, shown, _ in (*first, *second)})
    samples = sorted({sample for _, _, sample in (*first, *second)})
    tables = [
        np.array([[said.get((*unit, sample), -1) for sample in samples] for unit in asked], dtype=np.int64).reshape(
            len(asked), max(1, len(samples))
        )
        if samples
        else np.full((len(asked), 1), -1, dtype=np.int64)
        for said in (first, second)
    ]
    return retest(*tables)


def _plain(name: str) -> str:
    return "".join(sign for sign in name.casefold() if sign.isalnum())


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _order(label: str) -> tuple[bool, float, str]:
    number = _number(label)
    return (number is None, number or 0.0, label)


def save(store: Store, found: Fidelity, *, against: str, command: str) -> int:
    """Write what was measured: an analysis with its lines, and a summary beside each persona's dossier."""
    lines: list[dict[str, Any]] = [
        {
            **{"panel": found.panel, "persona": one.speaker.persona, "against": against},
            **{"digest": one.speaker.digest, "judge": one.speaker.judge, "persona_group": one.group},
            **{"measure": measure, "p_value": p_value},
            **estimate.to_dict(),
        }
        for one in found.personas
        for measure, (estimate, p_value) in one.estimates().items()
    ]
    if (near := found.identifiability) is not None:
        of_all = {"persona": "", "digest": "", "judge": "", "persona_group": ""}
        p_of_all = near.dealt.p_value if near.dealt is not None else None
        lines += [
            {
                **{"panel": found.panel, "against": against, **of_all, "measure": name, "p_value": p_of_all},
                **getattr(near, name).to_dict(),
            }
            for name in ("top1", "top3")
        ]
    runs, options = [*found.runs.values()], {"panel": found.panel, "against": against}
    analysis = keep_analysis(store, "persona_fidelity", lines, runs=runs, options=options, command=command)
    for one in found.personas:
        told = {
            **{"against": against, "group": one.group, "run": found.runs["panel"], "rank": one.rank},
            **{name: estimate.estimate for name, (estimate, _) in one.estimates().items()},
            "gates": one.gates,
        }
        note_measured(store, one.speaker, fidelity=told)
    return analysis

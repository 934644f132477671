"""What did an attacked judge say: of which item, with which attack where, as arrays? Read from a run.

An attack stands on one response of an item, so that a cell is a presentation of an item under one attack. Cells are
laid side by side, all of an item's in one row, as they depend on each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import Select, select

from ..store.engine import Store
from ..store.runs import Run
from ..store.tables import metadata
from .audit_records import OF_TWO, heard_in
from .rows import presentation, streamed

Floats = NDArray[np.float64]

SHARES = ("rank", "choice")
"""The protocols that show all responses at once, of which a verdict says how the favoured one fares."""

_ITEM = metadata.tables["item"]
_VERDICT = metadata.tables["verdict"]


@dataclass(frozen=True, slots=True)
class Planted:
    """An attack in a place, and what became of it.

    Attributes:
        attack: its name.
        kind: what it tries.
        place: where it was put.
        said: by item and presentation, what the judge said in each sample: its pick or its score, NaN where it is none.
        statuses: how many verdicts have which status.
    """

    attack: str
    kind: str
    place: str
    said: dict[tuple[str, int], dict[int, float]]
    statuses: dict[str, int]


@dataclass(frozen=True, slots=True)
class Cells:
    """What was said under some attacks beside what was said without.

    Attributes:
        attacked: shape (items, cells, samples).
        control: the same cells without; shape (items, cells, samples).
        asked: shape (items, cells): whether there is such a cell at all.
        favours: shape (items,): of pairs 1 where the attacks favour the first response, 0 where the second, NaN where
            there are none; 1 of scores.
    """

    attacked: Floats
    control: Floats
    asked: NDArray[np.bool_]
    favours: Floats


@dataclass(frozen=True, slots=True)
class Record:
    """What a judge said in a run with attacks.

    Attributes:
        items: the untouched items.
        favours: of each 1 where attacks favour its first response, 0 where another; NaN where none was planted.
        control: what was said of the untouched: shape (items, presentations, samples).
        planted: each attack in each place.
    """

    items: tuple[str, ...]
    favours: Floats
    control: Floats
    planted: tuple[Planted, ...]

    def cells(self, chosen: Sequence[Planted]) -> Cells:
        """The cells of some attacks, side by side."""
        where = {item: number for number, item in enumerate(self.items)}
        n, orders = self.control.shape[:2]
        most = 1 + max((sample for one in chosen for cell in one.said.values() for sample in cell), default=0)
        attacked = np.full((n, orders * len(chosen), most), np.nan)
        asked = np.zeros((n, orders * len(chosen)), dtype=bool)
        for number, one in enumerate(chosen):
            for (item, order), cell in one.said.items():
                place = where[item], number * orders + order
                asked[place] = True
                for sample, value in cell.items():
                    attacked[(*place, sample)] = value
        return Cells(attacked, np.tile(self.control, (1, len(chosen), 1)), asked, self.favours)


def record_of(store: Store, run: Run) -> Record:
    """What the judge of a closed run said, as picks where it judges pairs, else as scores.

    Args:
        store: the store.
        run: the run.

    Raises:
        BadInput: if a run of pairs is a panel's, or asks again what failed in another.
    """
    derived = _derived(store, run)
    protocol = str(run.plan["judge"].get("protocol", "pairwise"))
    if protocol in OF_TWO:
        return _of_pairs(store, run, derived)
    return _of_scores(store, run, derived, protocol)


def _derived(store: Store, run: Run) -> dict[str, dict[str, str]]:
    """Of each derived item what was planted in it."""
    rows = select(_ITEM.c.id, _ITEM.c.parent, _ITEM.c.perturbation).where(_ITEM.c.dataset == run.dataset)
    found = {}
    for row in streamed(store, rows.where(_ITEM.c.parent != "").order_by(_ITEM.c.id)):
        told = orjson.loads(row["perturbation"] or "{}")
        if "attack" in told:
            found[row["id"]] = {**told, "parent": row["parent"]}
    return found


def _of_pairs(store: Store, run: Run, derived: dict[str, dict[str, str]]) -> Record:
    heard = heard_in(store, run.id)
    names = {told["bias"]: (told["attack"], told["attack_kind"], told["place"]) for told in derived.values()}
    statuses = _statuses(store, run, derived)
    where = {item: number for number, item in enumerate(heard.items)}
    favours = np.full(len(heard.items), np.nan)
    control = heard.originals(heard.items)
    planted = []
    for bias, (attack, kind, place) in names.items():
        one = heard.planted.get(bias)
        if one is None or one.target is None:
            continue
        said: dict[tuple[str, int], dict[int, float]] = {}
        for item, picks, target in zip(one.items, one.picks, one.target, strict=True):
            favours[where[item]] = target
            said |= {(item, order): dict(enumerate(map(float, samples))) for order, samples in enumerate(picks)}
        planted.append(Planted(attack, kind, place, said, statuses.get(bias, {})))
    return Record(heard.items, favours, control, tuple(planted))


def _statuses(store: Store, run: Run, derived: dict[str, dict[str, str]]) -> dict[str, dict[str, int]]:
    """Of what was planted how many verdicts have which status."""
    found: dict[str, dict[str, int]] = {}
    for row in streamed(store, _final(run, "item", "status")):
        if (told := derived.get(row["item"])) is not None:
            counts = found.setdefault(told["bias"], {})
            counts[row["status"]] = counts.get(row["status"], 0) + 1
    return found


def _of_scores(store: Store, run: Run, derived: dict[str, dict[str, str]], protocol: str) -> Record:
    """Scores of the favoured response alone: what was said of the others tells nothing of the attack.

    Of a ranking that is the share of the others that it beats; of a choice 1 where it was chosen, else 0.
    """
    sides = {told["parent"]: told["side"] for told in derived.values()}
    items = tuple(sorted(sides))
    held: dict[tuple[str, int], dict[int, float]] = {}
    planted: dict[str, Planted] = {}
    for row in streamed(store, _final(run, "item", "presentation", "sample", "status", "scores", "preferred")):
        told = derived.get(row["item"])
        item = row["item"] if told is None else told["parent"]
        shown = presentation(row["presentation"])
        if item not in sides or (protocol not in SHARES and shown != (sides[item],)):
            continue
        place = item, int(shown > shown[::-1])  # an item and what is derived from it are shown in the same two orders
        value = _value(row, sides[item], len(shown), protocol)
        if told is None:
            held.setdefault(place, {})[row["sample"]] = value
        else:
            made = Planted(told["attack"], told["attack_kind"], told["place"], {}, {})
            one = planted.setdefault(told["bias"], made)
            one.said.setdefault(place, {})[row["sample"]] = value
            one.statuses[row["status"]] = one.statuses.get(row["status"], 0) + 1
    most = 1 + max((sample for samples in held.values() for sample in samples), default=0)
    where = {item: number for number, item in enumerate(items)}
    control = np.full((len(items), 1 + max((order for _, order in held), default=0), most), np.nan)
    for (item, order), samples in held.items():
        for sample, value in samples.items():
            control[where[item], order, sample] = value
    return Record(items, np.ones(len(items)), control, tuple(planted.values()))


def _final(run: Run, *names: str) -> Select[Any]:
    mine = (_VERDICT.c.run == run.id, _VERDICT.c.step == "", _VERDICT.c.persona == "")
    return select(*(_VERDICT.c[name] for name in names)).where(*mine).order_by(_VERDICT.c.id)


def _value(row: Any, side: str, n: int, protocol: str) -> float:
    """What one verdict says of a response; NaN where it is none."""
    if row["status"] != "ok":
        return float("nan")
    if protocol == "choice":
        return float(row["preferred"] == side)
    score = orjson.loads(row["scores"] or "{}").get(side)
    if score is None:
        return float("nan")
    return float(score) / (n - 1) if protocol == "rank" else float(score)

"""Which verdicts belong together: the original, and the same pair in the same order with something planted?

What was planted is told by the item, where an audit of ours derived it, or by the verdict's arm, where judgements were
recorded elsewhere: `NAME` for both responses or none, `NAME:RESPONSE` for the response that it stands on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..store.records import TIE
from ..store.reviews import REJECTED
from .rows import Row, preferred_of, presentation

POSITION = "position"  # the bias of the order, which nothing is planted for
EDIT = "edit_"
"""How the name of a treatment begins that makes a response worse, where it is none that plurijudge knows."""


@dataclass(frozen=True, slots=True)
class Unpaired:
    """A verdict that is set aside, since there is nothing to hold it against.

    Attributes:
        item: its item.
        arm: its arm.
        shown: its presentation.
        sample: its sample.
        name: what was planted, as far as that is known.
        reason: why, as a sentence without its beginning.
    """

    item: str
    arm: str
    shown: tuple[str, ...]
    sample: int
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Room:
    """The items of a run: of each its two responses in their order, and of each derived one what it was made from."""

    pairs: dict[str, tuple[str, str]]
    derived: dict[str, dict[str, Any]]

    @property
    def planted(self) -> dict[str, str]:
        """What was planted in any item, and of which kind it is."""
        return {told["bias"]: str(told.get("kind") or "") for told in self.derived.values() if "bias" in told}


@dataclass(slots=True)
class Cell:
    """What was said with one thing planted on one side of one pair in one order, and where it was read."""

    picks: dict[int, float] = field(default_factory=dict)
    read: list[tuple[str, str, tuple[str, ...], int]] = field(default_factory=list)


Side = tuple[str, str, int]  # item, the response that it stands on or '', order


@dataclass(slots=True)
class Sorting:
    """Verdicts as they are sorted: untouched items by order, planted ones by what and where.

    `by_arm` says that arms tell what was planted; in a run of ours they tell what was done to the judging.
    """

    room: Room
    by_arm: bool
    control: dict[tuple[str, int], dict[int, float]] = field(default_factory=dict)
    cued: dict[str, dict[Side, Cell]] = field(default_factory=dict)
    set_aside: list[Unpaired] = field(default_factory=list)

    def put(self, row: Row) -> None:
        """Put one verdict down."""
        shown, read = presentation(row["presentation"]), (row["item"], row["arm"])
        told = self.room.derived.get(row["item"])
        item = row["item"] if told is None else told["parent"]
        where = (*read, shown, row["sample"])
        pair = self.room.pairs.get(item)
        if pair is None or set(shown) != set(pair) or len(shown) != 2:
            return self._aside(where, "", _no_pair(item, shown, pair))
        arm = row["arm"] if self.by_arm else ""
        planted = _planted_by(arm, told, pair)
        if isinstance(planted, str):
            return self._aside(where, arm or str((told or {}).get("bias") or ""), planted)
        order = int(shown[0] != pair[0])
        name, side = planted
        if not name:
            self.control.setdefault((item, order), {})[row["sample"]] = _pick(row, pair[0])
            return None
        cell = self.cued.setdefault(name, {}).setdefault((item, side, order), Cell())
        if row["sample"] in cell.picks:
            return self._aside(where, name, "gives again what another item or arm gives")
        cell.picks[row["sample"]] = _pick(row, pair[0])
        cell.read.append(where)
        return None

    def pair(self) -> None:
        """Set aside what is planted where no original was judged, and what names no side where others do."""
        for name, cells in self.cued.items():
            sided = any(side for _, side, _ in cells)
            for place in list(cells):
                item, side, order = place
                if sided and not side:
                    why = "does not say which response it stands on, as others of that name do"
                elif (item, order) in self.control:
                    continue
                elif (item, 1 - order) in self.control:
                    why = "has its original in the other order alone"
                else:
                    why = f"has no original: no verdict on `{item}` with nothing planted"
                for where in cells.pop(place).read:
                    self._aside(where, name, why)
        self.cued = {name: cells for name, cells in self.cued.items() if cells}

    def kind(self, name: str, edits: Collection[str]) -> str:
        """Whether what is planted makes a response worse."""
        return self.room.planted.get(name) or ("sensitivity" if name in edits or name.startswith(EDIT) else "cue")

    def _aside(self, where: tuple[str, str, tuple[str, ...], int], name: str, reason: str) -> None:
        self.set_aside.append(Unpaired(*where, name, reason))


def _no_pair(item: str, shown: tuple[str, ...], pair: tuple[str, str] | None) -> str:
    if len(shown) != 2:
        return f"shows {len(shown)} {'response' if len(shown) == 1 else 'responses'}; an audit looks at pairs"
    if pair is None:
        return f"is of `{item}`, which is no pair"
    return f"shows {', '.join(shown)}; the responses of `{item}` are {', '.join(pair)}"


def _planted_by(arm: str, told: Mapping[str, Any] | None, pair: tuple[str, str]) -> tuple[str, str] | str:
    """What was planted, and on which response ('' for none); or why nobody can tell."""
    if arm:
        name, colon, side = arm.rpartition(":") if ":" in arm else (arm, "", "")
        if colon and (not name or side not in pair):
            return f"should have an arm that ends in one of its responses ({', '.join(pair)}), or holds no colon"
        if name == POSITION:
            return f"has an arm called `{POSITION}`, as the bias of the order is: that needs no arm, but both orders"
        return name, side
    if told is None:
        return "", ""
    if "bias" not in told:
        return "is of a derived item, and neither its arm nor the item's `perturbation` says what was planted"
    if told.get("status") == REJECTED:
        return "is of a text that a model wrote and a person rejected"
    side = str(told.get("side") or "")
    if side and side not in pair:
        return f"is of an item whose `perturbation` stands on `{side}`; its responses are {', '.join(pair)}"
    return str(told["bias"]), side


def _pick(row: Row, first: str) -> float:
    name = preferred_of(row)
    return np.nan if name is None else 0.5 if name == TIE else float(name == first)

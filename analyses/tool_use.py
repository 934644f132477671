"""Does a judge call its tools where they help, and does it heed what they bring? Counted verdict by verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..metrics.agreement import bounds
from ..metrics.estimate import Estimate
from ..metrics.intervals import bounded_mean, clustered_mean
from ..store.records import TIE
from .gold import Accepted
from .tool_records import NONE, Heard, HeardItem, Place

Floats = NDArray[np.float64]

_NAN = float("nan")
_WHY = {
    "call_rate": "no item is known to be one for a tool",
    "calls_per_verdict": "no item is known to be one for a tool",
    "missed_calls": "no item is known to be one for a tool",
    "needless_calls": "no item is known to be one for no tool",
    "ignored": "the tools spoke for no response where the model gave a word",
    "argument_validity": "the model called no tool",
    "refusals": "the model called no tool",
    "timeouts": "the model called no tool",
    "claim_recall": "no item for a tool has gold that prefers one response",
    "false_accusations": "no item for a tool has gold that prefers one response",
    "sensitivity": "no result was flipped where the model gave a word with and without",
}
USES = tuple(name for name in _WHY if name != "sensitivity")
"""The measures of use, in their order."""
OF_EACH = ("ignored", "argument_validity", "refusals", "timeouts", "claim_recall", "false_accusations")
"""Those that are there for each tool too."""
_MORE_IS_WORSE = {"ignored", "missed_calls", "needless_calls", "refusals", "timeouts", "false_accusations"}


class Effect(NamedTuple):
    """An estimate, with its worst and best value over what the missing verdicts might have been."""

    estimate: Estimate
    worst: float | None
    best: float | None


@dataclass(frozen=True, slots=True)
class Ignored:
    """A verdict whose model said something else than its tools.

    Attributes:
        item: the item's id.
        persona: as whom the judge judged.
        presentation: the responses in the order in which they were shown.
        sample: which sample of the presentation.
        implied: the response that the tools speak for.
        said: what the model's own word prefers.
    """

    item: str
    persona: str
    presentation: tuple[str, ...]
    sample: int
    implied: str
    said: str

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them."""
        return {name: getattr(self, name) for name in self.__slots__} | {"presentation": [*self.presentation]}


@dataclass(slots=True)
class Pile:
    """What items bring to one measure: of each a row of cells, NaN where one is missing."""

    cells: list[list[float]] = field(default_factory=list)

    def add(self, cells: Iterable[float]) -> None:
        """Put one item down, unless it brings nothing."""
        row = [*cells]
        if row:
            self.cells.append(row)

    def array(self) -> Floats:
        """Shape (n_items, n_most_cells), NaN where there is none."""
        width = max(map(len, self.cells), default=1)
        return np.array([row + [_NAN] * (width - len(row)) for row in self.cells], dtype=float).reshape(-1, width)

    def effect(self, measure: str) -> Effect:
        """The mean over cells, its worst and its best value over what the missing cells might have been."""
        if measure == "calls_per_verdict":
            return Effect(_said(measure, clustered_mean(self.array())), None, None)
        low, high = bounds([cell for row in self.cells for cell in row])
        estimate = _said(measure, bounded_mean(self.array()))
        return Effect(estimate, *((high, low) if measure in _MORE_IS_WORSE else (low, high)))


class Uses:
    """The measures of how a judge uses its tools, fed with the items of a run one after the other.

    Attributes:
        ignored: the verdicts that went against the tools.
        own: the model's own words, by item and place.
        tools: the tools that were chosen for any item, or spoke of any response.
        told: whether the `meta` of any item says that it is one for no tool; else only the gate says so, and what it
            chooses no tool for cannot have a call.
    """

    def __init__(self) -> None:
        """Nothing is known yet."""
        self.ignored: list[Ignored] = []
        self.own: dict[tuple[str, Place], str] = {}
        self.tools: set[str] = set()
        self.told = False
        self._piles: dict[tuple[str, str], Pile] = {}

    def add(self, heard: HeardItem, gold: Accepted | None) -> None:
        """Count one item.

        Args:
            heard: its verdicts, and what led to them.
            gold: what gold accepts of its outcomes, None where it has none.
        """
        verdicts = [one for one in heard.verdicts if one.own_status != "error"]  # else the model was never heard
        self.tools |= {name for one in verdicts for name in one.hands}
        self._count_calls(heard, verdicts)
        self._weigh(heard, verdicts)
        self._look_at_claims(verdicts, gold)
        for one in verdicts:
            if one.own is not None:
                self.own[heard.item, one.place] = one.own

    def effect(self, measure: str, tool: str = "") -> Effect:
        """A measure of the whole, or of one tool."""
        return self._piles.get((measure, tool), Pile()).effect(measure)

    def _count_calls(self, heard: HeardItem, verdicts: list[Heard]) -> None:
        unsaid = heard.tool == ""
        self.told |= heard.tool == NONE
        called = [float(bool(one.asked)) for one in verdicts]
        if unsaid and any(one.implying for one in verdicts) or not unsaid and heard.tool != NONE:
            self._pile("call_rate").add(called)
            self._pile("calls_per_verdict").add(float(len(one.asked)) for one in verdicts)
            self._pile("missed_calls").add([float(not any(called))] if called else [])
        elif heard.tool == NONE or not any(one.hands for one in verdicts):
            self._pile("needless_calls").add(called)
        carried = [call for one in verdicts for call in one.asked if call.status != "budget"]
        for tool in {"", *(call.tool for call in carried)}:
            own = [call for call in carried if tool in ("", call.tool)]
            self._pile("argument_validity", tool).add(float(call.valid) for call in own)
            self._pile("refusals", tool).add(float(call.status == "refused") for call in own)
            self._pile("timeouts", tool).add(float(call.status == "timeout") for call in own)

    def _weigh(self, heard: HeardItem, verdicts: list[Heard]) -> None:
        """Hold each word of the model's against what its tools speak for."""
        spoke = {claim.tool for one in verdicts for claim in (*one.checked, *one.borne)}
        self.tools |= spoke
        for tool in ("", *sorted(spoke)):
            cells = []
            for one in verdicts:
                side = one.implied(tool)
                if side is not None:
                    cells.append(_NAN if one.own is None else float(one.own != side))
                if not tool and side is not None and one.own not in (None, side):
                    persona, shown, sample = one.place
                    self.ignored.append(Ignored(heard.item, persona, shown, sample, side, str(one.own)))
            self._pile("ignored", tool).add(cells)

    def _look_at_claims(self, verdicts: list[Heard], gold: Accepted | None) -> None:
        """Whom did the tools that were chosen accuse: the response that gold prefers, or another?"""
        shown = sorted({name for one in verdicts for name in one.place[1]})
        right = [name for name in (*shown, TIE) if (gold or {}).get(name, 0.0) > 0.5]
        hands = {name for one in verdicts for name in one.hands}
        if not hands or len(right) != 1 or right == [TIE]:
            return
        claims = [
            claim
            for one in verdicts
            for claim in (*one.checked, *one.borne)
            if claim.holds is False and not claim.advisory
        ]
        for tool in ("", *hands):
            accused = {claim.response for claim in claims if tool in ("", claim.tool)}
            self._pile("claim_recall", tool).add(float(name in accused) for name in shown if name not in right)
            self._pile("false_accusations", tool).add(float(name in accused) for name in right)

    def _pile(self, measure: str, tool: str = "") -> Pile:
        return self._piles.setdefault((measure, tool), Pile())


def sensitivity(own: dict[tuple[str, Place], str], probed: Iterator[HeardItem]) -> Effect:
    """The share of the model's own words that change where a result that it is shown is flipped.

    Args:
        own: its words with the results as they are, by item and place.
        probed: the items of the run whose results were flipped.
    """
    pile = Pile()
    for heard in probed:
        pairs = [(own.get((heard.item, one.place)), one.own) for one in heard.verdicts if one.flipped]
        pile.add(_NAN if None in pair else float(pair[0] != pair[1]) for pair in pairs)
    return pile.effect("sensitivity")


def _said(measure: str, estimate: Estimate) -> Estimate:
    if estimate.estimate is not None:
        return estimate
    return Estimate.unknown(_WHY[measure], left_out=estimate.left_out, level=estimate.level, method=estimate.method)

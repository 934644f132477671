"""How much better is a judge with its tools than without, and what does a verdict more cost? Run against run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from ..metrics.agreement import accuracy, bounds
from ..metrics.estimate import Estimate
from ..metrics.paired import FIELLER, fieller_ratio, gain
from ..store.engine import Store
from ..store.records import TIE
from ..store.tables import metadata
from .gold import Accepted
from .rows import streamed
from .tool_records import Costs, HeardItem
from .tool_use import Effect

Floats = NDArray[np.float64]

_DECISION = metadata.tables["decision"]
_NAN = float("nan")


@dataclass(slots=True)
class Scores:
    """How right a run's verdicts are.

    Attributes:
        cells: of each item that has gold, by presentation, how right; NaN where there is no verdict.
        right: of the same items how many verdicts are right, all samples and presentations together.
        statuses: how many verdicts there are of each status.
    """

    cells: dict[str, dict[tuple[str, ...], float]] = field(default_factory=dict)
    right: dict[str, float] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)

    @property
    def by_status(self) -> dict[str, int]:
        """The same in a fixed order."""
        return dict(sorted(self.statuses.items()))

    def add(self, heard: HeardItem, gold: Accepted | None) -> None:
        """Count one item; samples and personas of a presentation are averaged."""
        self.statuses.update(one.status for one in heard.verdicts)
        if gold is None:
            return
        said: dict[tuple[str, ...], list[float]] = {}
        for one in heard.verdicts:
            known = said.setdefault(one.place[1], [])
            if one.preferred is not None:
                known.append(gold.get(one.preferred, 0.0))
        self.cells[heard.item] = {shown: sum(own) / len(own) if own else _NAN for shown, own in said.items()}
        self.right[heard.item] = sum(map(sum, said.values()))


class Paired:
    """Two runs' verdicts side by side: an item's presentations in a row, those of both in the same places."""

    def __init__(self, first: Scores, second: Scores, gold: Mapping[str, Accepted]) -> None:
        """Lay them side by side; an item that one run lacks has no verdict there."""
        self.items = [*first.cells, *(item for item in second.cells if item not in first.cells)]
        rows_of = [(first.cells.get(item, {}), second.cells.get(item, {})) for item in self.items]
        shown = [sorted({*one, *other}) for one, other in rows_of]
        shape = len(self.items), max(map(len, shown), default=1)
        self._first, self._second = np.full(shape, _NAN), np.full(shape, _NAN)
        self._asked = np.zeros(shape, dtype=bool)
        for number, ((one, other), names) in enumerate(zip(rows_of, shown, strict=True)):
            for array, own in ((self._first, one), (self._second, other)):
                array[number, : len(names)] = [own.get(name, _NAN) for name in names]
            self._asked[number, : len(names)] = True
        most = np.array([max(gold[item].values()) for item in self.items]).reshape(-1, 1)
        self._most = np.broadcast_to(most, shape)[self._asked]

    def first(self) -> Effect:
        """The accuracy of the first run."""
        return self._accuracy(self._first)

    def second(self) -> Effect:
        """The accuracy of the second run."""
        return self._accuracy(self._second)

    def gain(self) -> Effect:
        """The accuracy of the first less that of the second, where both have a verdict."""
        why = "no item with gold has a verdict of both runs in the same presentation"
        effect = _said(gain(self._first, self._second), why)
        one, other = self._first[self._asked], self._second[self._asked]
        if not len(one):
            return Effect(effect, None, None)
        worst = _filled(one, 0.0) - _filled(other, self._most)
        best = _filled(one, self._most) - _filled(other, 0.0)
        return Effect(effect, float(worst.mean()), float(best.mean()))

    def apart(self) -> Floats:
        """How much righter the first is, by item and presentation: -1..1, NaN where one of them has no verdict."""
        apart: Floats = self._first - self._second
        return apart

    def _accuracy(self, cells: Floats) -> Effect:
        why = "no item with gold has a verdict" if self.items else "no item has gold"
        return Effect(_said(accuracy(cells), why), *bounds(cells[self._asked], high=self._most))


def _filled(cells: Floats, with_: Floats | float) -> Floats:
    return np.where(np.isnan(cells), with_, cells)


def _said(estimate: Estimate, why: str) -> Estimate:
    if estimate.estimate is not None:
        return estimate
    return Estimate.unknown(why, left_out=estimate.left_out, level=estimate.level, method=estimate.method)


def price(first: Scores, second: Scores, costs: tuple[Costs, Costs]) -> Estimate:
    """What a right verdict more costs, in US dollars: the cost of one run less the other's, over what it gains.

    Args:
        first: the run that is held to be better.
        second: the other.
        costs: of the two.
    """
    items = [item for item in first.right if item in second.right]
    if lacking := sum(cost.without_price for cost in costs):
        return _no_price(f"{lacking} answers have no known price", len(items))
    more = np.array([first.right[item] - second.right[item] for item in items])
    if more.sum() <= 1e-9:
        return _no_price("no gain", len(items))
    dearer = [costs[0].by_item.get(item, 0.0) - costs[1].by_item.get(item, 0.0) for item in items]
    return fieller_ratio(dearer, more)


def _no_price(why: str, n: int) -> Estimate:
    return Estimate.unknown(why, n=n, method=FIELLER)


class Changed(NamedTuple):
    """How many decisions are right in the first of two runs alone, and in the second alone."""

    gained: int
    lost: int


def changed(store: Store, runs: tuple[str, str], gold: Mapping[str, Accepted]) -> Changed:
    """Count the items whose decision is right in one of two runs and not in the other.

    Right is what most annotators accept. A flipped pair and an abstention are not right, nor is a tie that they do not
    accept; an item whose decision failed in a run, or is not there, is left out.
    """
    first, second = (_right(store, run, gold) for run in runs)
    pairs = Counter((first[item], second[item]) for item in first.keys() & second.keys())
    return Changed(pairs[True, False], pairs[False, True])


def _right(store: Store, run: str, gold: Mapping[str, Accepted]) -> dict[str, bool]:
    wanted = select(_DECISION.c.item, _DECISION.c.outcome, _DECISION.c.preferred)
    found = {}
    for row in streamed(store, wanted.where(_DECISION.c.run == run, _DECISION.c.arm == "")):
        accepts = gold.get(row["item"])
        if accepts is not None and row["outcome"] != "failed":
            said = TIE if row["outcome"] == "tie" else row["preferred"] or ""
            found[row["item"]] = accepts.get(said, 0.0) > 0.5
    return found

"""What do items bring to each line of an agreement, until it is measured?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NAN = float("nan")


@dataclass(slots=True)
class Pile:
    """What the items of one judge and subset bring to one measure.

    Attributes:
        cells: a row an item (or another unit of sampling), NaN where there is no outcome.
        beside: where the measure compares two tables, the rows of the other.
        least: the least that a missing outcome of each item can have been.
        most: the most.
        by_status: how many verdicts there are of each status.
        without_gold: how many items have no gold, and so do not count.
    """

    cells: list[tuple[float, ...]] = field(default_factory=list)
    beside: list[tuple[float, ...]] = field(default_factory=list)
    least: list[float] = field(default_factory=list)
    most: list[float] = field(default_factory=list)
    by_status: Counter[str] = field(default_factory=Counter)
    without_gold: int = 0

    def add(
        self,
        cells: Sequence[float],
        most: float = 1.0,
        statuses: Iterable[str] = (),
        *,
        least: float = 0.0,
        beside: Sequence[float] = (),
    ) -> None:
        """Put one item down."""
        self.cells.append(tuple(cells))
        self.beside.append(tuple(beside))
        self.least.append(least)
        self.most.append(most)
        self.by_status.update(statuses)

    def array(self) -> Floats:
        """The cells: shape (n_items, most that an item has), filled up with NaN."""
        return _full(self.cells)

    def other(self) -> Floats:
        """The same of what stands beside them."""
        return _full(self.beside)

    def flat(self) -> tuple[Floats, Floats, Floats]:
        """All cells, without what fills rows up, and the least and the most that each can be: shape (n_cells,)."""
        sizes = [len(row) for row in self.cells]
        cells = np.array([cell for row in self.cells for cell in row], dtype=float)
        return cells, np.repeat(np.array(self.least), sizes), np.repeat(np.array(self.most), sizes)


class Piles(dict[tuple[str, str, str, str], Pile]):
    """Piles by judge, measure, what of gold is looked at ('' for all of it), and subset."""

    def of(self, judge: str, measure: str, subset: str, part: str = "") -> list[Pile]:
        """The pile of all items, and that of the subset where there is one."""
        names = ("",) if subset == "" else ("", subset)
        return [self.setdefault((judge, measure, part, name), Pile()) for name in names]


def mean(values: Iterable[float]) -> float:
    """The mean of the values that are known; NaN without any."""
    known = [value for value in values if value == value]
    return sum(known) / len(known) if known else NAN


def _full(rows: Sequence[tuple[float, ...]]) -> Floats:
    width = max(map(len, rows), default=1)
    full = [row + (NAN,) * (width - len(row)) for row in rows]
    return np.array(full, dtype=float).reshape(-1, width)

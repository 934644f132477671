"""What is an auditor shown, and what does it hand back? It needs NumPy alone, as it runs in each environment."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def nothing() -> Floats:
    """What a world without it has."""
    return np.empty(0)


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """Data sets of one world; or one of them, without the first axis.

    Attributes:
        picks: shape (sets, n, 2, repeats): 1 where A is preferred, 0 where B, NaN where there is no verdict; A is shown
            first, B is.
        cued: shape (sets, n, 2, 2): the same with a cue (padding, authorship) planted on A, on B.
        gold: shape (sets, n): what a person prefers, 1 for A, 0 for B.
        side: shape (sets, n): by how much A is longer; or 1 where A is the judge's own, -1 where B, 0 where neither.
        lengths: shape (sets, n, 2): of A and of B, in characters.
        padded: shape (sets, n, 2): of an answer beside its own padded copy, 1 where the copy is preferred.
        mine: shape (sets, n): of answers that are scored by themselves, 1 where it is the judge's own.
        judged: shape (sets, n): the judge's scores of them, 1..5.
        people: shape (sets, n): a person's.
    """

    picks: Floats
    cued: Floats = field(default_factory=nothing)
    gold: Floats = field(default_factory=nothing)
    side: Floats = field(default_factory=nothing)
    lengths: Floats = field(default_factory=nothing)
    padded: Floats = field(default_factory=nothing)
    mine: Floats = field(default_factory=nothing)
    judged: Floats = field(default_factory=nothing)
    people: Floats = field(default_factory=nothing)

    def each(self) -> list[Shown]:
        """Every data set by itself."""
        names = [one.name for one in fields(self) if getattr(self, one.name).size]
        return [Shown(**{name: getattr(self, name)[number] for name in names}) for number in range(len(self.picks))]

    def save(self, path: Path) -> None:
        """Write it where `load` finds it."""
        np.savez(path, **{one.name: getattr(self, one.name) for one in fields(self)})

    @classmethod
    def load(cls, path: Path) -> Shown:
        """Read what `save` wrote."""
        with np.load(path) as held:
            return cls(**{name: held[name] for name in held.files})


class Finding(NamedTuple):
    """What a tool says of one bias in one data set.

    Attributes:
        method: the tool's own name of it.
        estimate: the effect, as the difference from what an unbiased judge would show.
        low: lower end of its interval.
        high: upper end.
        found: whether its test, or its interval, at .05 says that there is a bias.
        alarm: whether it raises its own alarm, which may ask for more than that.
    """

    method: str
    estimate: float | None
    low: float | None
    high: float | None
    found: bool
    alarm: bool

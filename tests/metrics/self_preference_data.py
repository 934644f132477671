"""Pairs for the tests of self-preference: any that Hypothesis likes, and one from a list of letters."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from plurijudge.metrics.own_pairs import Pair

Floats = NDArray[np.float64]
GOLD = ("g1", "g2", "g3")
MASSES = st.sampled_from([(1.0, 0.0), (0.0, 1.0), (0.5, 0.5), (0.6, 0.3), (0.1, 0.8), (0.25, 0.25), (nan, nan)])
VOTES = st.sampled_from([0.0, 0.5, 1.0, nan])


@st.composite
def judgements(draw: st.DrawFn, *, least: int = 1, whole: bool = False) -> tuple[Floats, Floats, Floats]:
    """Masses of own and other, shape (n, 2), and votes, shape (n, 3, 2); the first item lacks nothing."""
    n = draw(st.integers(least, 12))
    cells = draw(st.lists(MASSES.filter(lambda two: not (whole and np.isnan(two[0]))), min_size=2 * n, max_size=2 * n))
    votes = draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]) if whole else VOTES, min_size=6 * n, max_size=6 * n))
    own, other = (np.array([two[side] for two in cells]).reshape(n, 2) for side in (0, 1))
    own[0], other[0] = np.where(np.isnan(own[0]), 0.7, own[0]), np.where(np.isnan(other[0]), 0.2, other[0])
    said = np.array(votes).reshape(n, 3, 2)
    said[0] = np.where(np.isnan(said[0]), 1.0, said[0])
    return own, other, said


def paired(own: Floats, other: Floats, votes: Floats) -> Pair:
    """A pair of items 0, 1, ..."""
    return Pair.of([str(item) for item in range(len(own))], own, other, votes, gold_judges=GOLD)


@st.composite
def pairs(draw: st.DrawFn, *, least: int = 1, whole: bool = False) -> Pair:
    """Any pair; with `whole`, one that lacks nothing."""
    return paired(*draw(judgements(least=least, whole=whole)))


def of_letters(said: str, gold: str, *, model: str = "A", opponent: str = "R", items: Sequence[str] = ()) -> Pair:
    """A pair from a letter an item: o the own response in both presentations, x the other's, f first shown, = a tie.

    Gold is one judge whose presentations agree: o, x or =.
    """
    share = {"o": (1, 1), "x": (0, 0), "f": (1, 0), "=": (0.5, 0.5)}
    own = np.array([share[letter] for letter in said], dtype=float).reshape(-1, 2)
    votes = np.array([share[letter] for letter in gold], dtype=float).reshape(-1, 1, 2)
    ids = list(items) or [str(item) for item in range(len(own))]
    return Pair.of(ids, own, 1 - own, votes, gold_judges=["g"], model=model, opponent=opponent)

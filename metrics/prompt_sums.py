"""What do pairs add up to within each prompt, and what would all prompts have added up to had others been drawn?

Pairs of one prompt depend on each other, so prompts are what is drawn anew. A resample is how often each prompt was
drawn, times the prompts' sums: no pair is copied, and memory does not grow with the number of resamples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Labels = Sequence[Any] | NDArray[Any]
"""Of each pair the name of its prompt: texts or numbers, not both."""

_PIECE = 1 << 21  # draws at a time: some 40 MiB of places and counts


def places(prompts: Labels, pairs: int) -> tuple[Places, int]:
    """Of each pair the number of its prompt, in the sorted order of the labels, and how many prompts there are.

    Raises:
        ValueError: if there is not one label a pair.
    """
    if isinstance(prompts, np.ndarray) and prompts.dtype.kind in "biuf":
        names, place = np.unique(prompts, return_inverse=True)
        if prompts.shape == (pairs,):
            return place.reshape(-1), len(names)
    labels = list(prompts)
    if len(labels) != pairs:
        raise ValueError(f"`prompts` holds {len(labels)} labels; needed is one for each of {pairs} pairs.")
    number = {name: at for at, name in enumerate(sorted(set(labels)))}  # an array of texts is as wide as the longest
    return np.array([number[name] for name in labels], dtype=np.intp), len(number)


def by_prompt(columns: Floats, place: Places, prompts: int) -> Floats:
    """The sums of columns of shape (n_pairs, n_columns) within each prompt, of shape (n_prompts, n_columns).

    >>> by_prompt(np.array([[1.0], [2.0], [4.0]]), np.array([0, 1, 0]), 2).tolist()
    [[5.0], [2.0]]
    """
    sums = np.empty((prompts, columns.shape[1]))
    for number in range(columns.shape[1]):
        sums[:, number] = np.bincount(place, columns[:, number], prompts)
    return sums


def resampled(sums: Floats, resamples: int, seed: int) -> Floats:
    """What columns add up to in each resample of prompts, of shape (resamples, n_columns).

    Args:
        sums: shape (n_prompts, n_columns): of each prompt the sums.
        resamples: how many times as many prompts as there are are drawn, each with the same chance every time.
        seed: of the draws.

    Source: drawing whole clusters: Davison and Hinkley 1997, section 3.8.

    >>> resampled(np.array([[1.0, 2.0], [1.0, 2.0]]), 2, 0).tolist()
    [[2.0, 4.0], [2.0, 4.0]]
    """
    return np.concatenate([counts @ sums for counts in _drawn(len(sums), resamples, seed)])


def halves(sums: Floats, splits: int, seed: int) -> tuple[Floats, Floats]:
    """What columns add up to in each half of the prompts, split at random: two arrays of shape (splits, n_columns)."""
    rng = np.random.default_rng(seed)
    first = np.empty((splits, sums.shape[1]))
    for split in range(splits):
        first[split] = sums[rng.permutation(len(sums))[: len(sums) // 2]].sum(axis=0)
    return first, sums.sum(axis=0) - first


def _drawn(prompts: int, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each prompt was drawn, of shape (some resamples, prompts), until there are enough."""
    rng = np.random.Generator(np.random.PCG64DXSM(seed))
    step = max(1, _PIECE // max(1, prompts))
    for start in range(0, resamples, step):
        many = min(step, resamples - start)
        drawn = rng.integers(0, prompts, size=(many, prompts), dtype=np.int32)
        drawn += np.arange(0, many * prompts, prompts, dtype=np.int32)[:, None]
        yield np.bincount(drawn.ravel(), minlength=many * prompts).reshape(many, prompts).astype(float)

"""What does a panel without a group cost that group, and how small a representative panel would cost it the same?

The welfare of PRISM (Kirk et al. 2024, arXiv:2404.16019), here with planted people: a panel of raters chooses a model
by its mean rating, and the welfare of a group is its own mean rating of the model that was chosen.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from math import hypot
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from plurijudge.metrics.social_choice import choose

Floats = NDArray[np.float64]

# The mean ratings of eight models, 0..100. The groups are as large as each other and differ over the first two models
# alone. The first is best for all together (69 against 68.55), and by 4.9 points for the group that is left out.
INCLUDED = np.array([66, 70, 62, 60, 57, 54, 51, 48.0])
EXCLUDED = np.array([72, 67.1, 62, 60, 57, 54, 51, 48])
SPREAD = 1.5  # alpha + beta of a rating's beta distribution: at a mean of 60 its standard deviation is 31 points
SIZES = (10, 20, 50, 100)
REPETITIONS = 2000
SEEDS = (0, 1, 2)


class Welfare(NamedTuple):
    """Of a group under a kind of panel: the mean over repetitions, in points, and its Monte Carlo error."""

    mean: float
    error: float


def ratings(rng: np.random.Generator, means: Floats, people: int) -> Floats:
    """Shape (people, models), 0..100: each person rates each model once."""
    share = means / 100
    return 100 * rng.beta(share * SPREAD, (1 - share) * SPREAD, (people, len(means)))


def chosen(rng: np.random.Generator, *panel: tuple[Floats, int]) -> int:
    """The model that a fresh panel of so many people of each group chooses."""
    said = np.concatenate([ratings(rng, means, people) for means, people in panel])
    return choose(said / 100, "mean").winners[0]


@cache
def choices(size: int, representative: bool, seed: int) -> tuple[int, ...]:
    rng = np.random.default_rng([seed, size, representative])
    panel = ((INCLUDED, size // 2), (EXCLUDED, size // 2)) if representative else ((INCLUDED, size),)
    return tuple(chosen(rng, *panel) for _ in range(REPETITIONS))


def welfare(of: Floats, size: int, representative: bool, seed: int) -> Welfare:
    served = of[list(choices(size, representative, seed))]
    return Welfare(float(served.mean()), float(served.std(ddof=1) / np.sqrt(len(served))))


def apart(one: Welfare, other: Welfare) -> float:
    """How many Monte Carlo errors the one lies above the other."""
    return (one.mean - other.mean) / hypot(one.error, other.error)


def test_worked_out_by_hand() -> None:
    # three raters, two models: means 50 and 60, so that the second is chosen, which the third rater gives 20
    said = np.array([[30, 80], [50, 80], [70, 20]])
    assert choose(said / 100, "mean").scores == pytest.approx([0.5, 0.6])
    assert choose(said / 100, "mean").winner == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_a_hundred_raters_of_one_group_serve_the_other_like_twenty_of_both(seed: int) -> None:
    both = {size: welfare(EXCLUDED, size, True, seed) for size in SIZES}
    one_sided = welfare(EXCLUDED, 100, False, seed)
    assert apart(one_sided, both[10]) > 5 and apart(both[50], one_sided) > 5
    assert apart(both[100], one_sided) > 5
    assert abs(apart(one_sided, both[20])) < 3
    # nearer to twenty than a third of the way to ten or to fifty, whatever the error
    assert 3 * abs(one_sided.mean - both[20].mean) < min(both[20].mean - both[10].mean, both[50].mean - both[20].mean)


@pytest.mark.parametrize("seed", SEEDS)
def test_more_raters_help_whoever_is_among_them(seed: int) -> None:
    both = [welfare(EXCLUDED, size, True, seed) for size in SIZES]
    assert all(apart(larger, smaller) > 3 for smaller, larger in pairwise(both))
    # without them fifty raters do no worse than a hundred: what is missing is no matter of number
    assert abs(apart(welfare(EXCLUDED, 100, False, seed), welfare(EXCLUDED, 50, False, seed))) < 3
    assert welfare(EXCLUDED, 100, False, seed).mean < EXCLUDED.max() - 4


@pytest.mark.parametrize("seed", SEEDS)
def test_who_sits_on_the_panel_gains_by_sitting_there_alone(seed: int) -> None:
    assert apart(welfare(INCLUDED, 100, False, seed), welfare(INCLUDED, 100, True, seed)) > 3


def test_where_the_groups_want_the_same_it_does_not_matter_who_sits() -> None:
    rng = np.random.default_rng(7)
    alone = np.array([EXCLUDED[chosen(rng, (EXCLUDED, 100))] for _ in range(REPETITIONS)])
    mixed = np.array([EXCLUDED[chosen(rng, (EXCLUDED, 50), (EXCLUDED, 50))] for _ in range(REPETITIONS)])
    found = [Welfare(float(one.mean()), float(one.std(ddof=1) / np.sqrt(len(one)))) for one in (alone, mixed)]
    assert abs(apart(*found)) < 3

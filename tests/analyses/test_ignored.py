"""Is a judge that ignores a known share of its evidence found out, and does the interval hold what it promises?"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pytest

from plurijudge.analyses.tool_records import Claim, Heard, HeardItem
from plurijudge.analyses.tool_use import Uses
from plurijudge.benchmarks.coverage import limits_of, logistic
from plurijudge.metrics.estimate import Estimate

from .bench import AB, BA, Bench, speaking_for


def deaf_at(rng: np.random.Generator, items: int, share: float, *, spread: float) -> np.ndarray[Any, Any]:
    """Whether each of two presentations of an item ignores its evidence; items differ, so presentations go together."""
    centre = logistic(
        np.log(share / (1 - share)) * sqrt(1 + spread * spread / 2.9) + spread * rng.normal(size=(items, 1))
    )
    return rng.random((items, 2)) < centre


IGNORING, SPREAD = 0.2, 1.5


def truth() -> float:
    """The share that the planted judge ignores, of very many items."""
    return float(deaf_at(np.random.default_rng(0), 2_000_000, IGNORING, spread=SPREAD).mean())


@pytest.mark.thorough
def test_a_judge_that_ignores_a_fifth_of_its_evidence_is_found_out_over_200_seeds(bench: Bench) -> None:
    items = [bench.item(None) for _ in range(40)]
    for seed in range(200):
        bench.run(f"seed-{seed}", tools=["calculator"])
        deaf = deaf_at(np.random.default_rng([1, seed]), len(items), IGNORING, spread=SPREAD)
        for number, item in enumerate(items):
            side = "ab"[number % 2]
            words = [("b" if side == "a" else "a") if ignores else side for ignores in deaf[number]]
            bench.pair(item, *words, run=f"seed-{seed}", found=speaking_for(side))
    shares = [bench.measured(with_run=f"seed-{seed}").one("ignored").estimate for seed in range(200)]
    known = truth()
    means = [float(share.estimate or 0) for share in shares]
    assert known == pytest.approx(IGNORING, abs=0.02)
    assert np.mean(means) == pytest.approx(known, abs=3 * float(np.std(means)) / sqrt(200))
    assert np.mean([covers(share, known) for share in shares]) >= 0.91


def covers(share: Estimate, value: float) -> bool:
    """Whether the interval holds the value."""
    return share.low is not None and share.high is not None and share.low <= value <= share.high


@pytest.mark.thorough
def test_in_1000_sets_with_gaps_the_interval_of_what_is_ignored_covers_what_it_promises() -> None:
    rng, hits, known = np.random.default_rng(2), 0, truth()
    for _ in range(1000):
        uses = Uses()
        for number, pair in enumerate(deaf_at(rng, 60, IGNORING, spread=SPREAD)):
            verdicts = []
            for shown, ignores, gap in zip((AB, BA), pair, rng.random(2), strict=True):
                word = None if gap < 0.05 else "b" if ignores else "a"
                claims = [] if gap > 0.85 else [Claim("a", True, True, "t"), Claim("b", False, True, "t")]
                verdicts.append(Heard(("", shown, 0), "ok", "a", "ok", word, frozenset("t"), checked=claims))
            uses.add(HeardItem(f"q{number}", "", verdicts), None)
        hits += covers(uses.effect("ignored").estimate, known)
    assert 0.93 <= hits / 1000 <= 0.97


@pytest.mark.parametrize("spread", [0.0, SPREAD, 4.0])
def test_in_5000_sets_the_interval_covers_however_alike_the_presentations_of_an_item_are(spread: float) -> None:
    rng = np.random.default_rng([3, int(10 * spread)])
    known = float(deaf_at(rng, 2_000_000, IGNORING, spread=spread).mean())
    cells = deaf_at(rng, 5000 * 100, IGNORING, spread=spread).astype(float).reshape(5000, 100, 2)
    low, high = limits_of([np.where(rng.random(cells.shape) < 0.2, np.nan, cells)])
    noise = 2 * sqrt(0.05 * 0.95 / 5000)
    assert 0.94 - noise <= np.mean((low <= known) & (known <= high)) <= 0.96 + noise

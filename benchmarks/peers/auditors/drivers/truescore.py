"""truescore: its test of position, and its regressions of the judge's error on length and on whose answer it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..shown import Finding, Shown


def records(shown: Shown) -> Any:
    """Whether the first was chosen, in the first order and in the other; only whole pairs can be given."""
    first, last = shown.picks[:, 0].reshape(-1), 1 - shown.picks[:, 1].reshape(-1)
    both = ~np.isnan(first) & ~np.isnan(last)
    return first[both], last[both]


def position(pairs: Any) -> list[Finding]:
    """Its position bias."""
    from truescore import position_bias  # type: ignore[import-not-found, unused-ignore]

    found = position_bias(*pairs)
    rate, low, high = (value - 0.5 for value in (found.first_position_rate, found.low, found.high))
    return [Finding("position_bias", rate, low, high, found.significant, found.significant)]


def length(shown: Shown) -> list[Finding]:
    """Its length bias; the length of a pair is by how much A is longer."""
    from truescore import length_bias

    judge, gold = shown.picks[:, :, 0].mean(axis=1), shown.gold
    return [_finding("length_bias", length_bias(judge, gold, shown.lengths[:, 0] - shown.lengths[:, 1]))]


def own(shown: Shown) -> list[Finding]:
    """The regression of the judge's error on whose answer A is."""
    from truescore import judge_error_regression

    judge = shown.picks[:, :, 0].mean(axis=1)
    report = judge_error_regression(judge, shown.gold, {"own": shown.side})
    return [_finding("judge_error_regression", report.effects[0])]


def _finding(name: str, effect: Any) -> Finding:
    return Finding(name, effect.effect, effect.low, effect.high, effect.significant, effect.significant)

"""plurijudge: the signed contrast of the order, and of a cue that is planted on either answer."""

from __future__ import annotations

from typing import Any

from plurijudge.metrics.bias import Effect, cue_effect, order_effect

from ..shown import Finding, Shown


def records(shown: Shown) -> Any:
    """The picks as they are: arrays are what the estimators take."""
    return shown.picks


def position(picks: Any) -> list[Finding]:
    """Position bias."""
    return _findings("order_effect", order_effect(picks))


def length(shown: Shown) -> list[Finding]:
    """Padding on either answer."""
    return _findings("cue_effect", cue_effect(shown.cued))


def own(shown: Shown) -> list[Finding]:
    """Authorship told of either answer."""
    return _findings("cue_effect", cue_effect(shown.cued))


def _findings(name: str, found: Effect) -> list[Finding]:
    """Of complete pairs; and where verdicts are missing, over all that they might have been."""
    flags = found.flagged is True, found.flagged is True
    told = [(name, found.effect), *([(f"{name}, bounds", found.bounded)] if found.calls_missing else [])]
    return [Finding(method, one.estimate, one.low, one.high, *flags) for method, one in told]

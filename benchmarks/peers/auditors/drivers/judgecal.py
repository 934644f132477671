"""judgecal: its probes over judgments as its executors would give them, and the flags of its card."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..shown import Finding, Shown

FLAGS = {
    "first_pick_rate": "position_bias_detected",
    "pad_pick_rate": "verbosity_bias_detected",
    "self_error_pick_excess": "self_preference_detected",
    "length_glm_coef": "",
}
ME = "judge-self"


def records(shown: Shown) -> Any:
    """Judgments of the position probe; a missing verdict is `invalid`."""
    return _judgments(shown, "position")


def position(judgments: Any) -> list[Finding]:
    """Its position probe."""
    return _findings(judgments, ["position"], ["first_pick_rate"])


def length(shown: Shown) -> list[Finding]:
    """Its verbosity probe: a padded copy beside the original; and its regression on lengths, called observed."""
    judgments = _judgments(shown, "position")
    for number, picks in enumerate(shown.padded):
        for condition, picked in zip(("pad_second", "pad_first"), picks, strict=True):
            first = (picked == 1) == (condition == "pad_first")
            judgments.append(_judgment("verbosity", condition, number, "first" if first else "second", label="tie"))
    return _findings(judgments, ["position", "verbosity"], ["pad_pick_rate", "length_glm_coef"])


def own(shown: Shown) -> list[Finding]:
    """Its self-preference probe."""
    return _findings(_judgments(shown, "self_preference"), ["self_preference"], ["self_error_pick_excess"])


def _judgments(shown: Shown, probe: str) -> list[Any]:
    made = []
    for number, picks in enumerate(shown.picks):
        authors = ["other", "another"]
        if probe == "self_preference" and shown.side[number]:
            authors[0 if shown.side[number] > 0 else 1] = ME
        lengths = shown.lengths[number].astype(int).tolist() if shown.lengths.size else [400, 400]
        label = None if not shown.gold.size else "first" if shown.gold[number] else "second"
        for a_first, condition in ((True, "orig"), (False, "swap")):
            step = 1 if a_first else -1
            seen = label if a_first or label is None else {"first": "second", "second": "first"}[label]
            for repeat, pick in enumerate(picks[0 if a_first else 1]):
                verdict = "invalid" if np.isnan(pick) else "first" if (pick == 1) == a_first else "second"
                more: dict[str, Any] = {
                    "authors": authors[::step],
                    "lengths": lengths[::step],
                    "label": seen,
                    "repeat": repeat,
                }
                made.append(_judgment(probe, condition, number, verdict, a_first=a_first, **more))
    return made


def _judgment(
    probe: str,
    condition: str,
    number: int,
    verdict: Any,
    *,
    a_first: bool = True,
    authors: Any = (None, None),
    lengths: Any = (400, 400),
    label: str | None = None,
    repeat: int = 0,
) -> Any:
    from judgecal.core import Judgment  # type: ignore[import-not-found, unused-ignore]

    meta = {
        "probe": probe,
        "condition": condition,
        "item_id": f"i{number}",
        "repeat": repeat,
        "first_is_a": a_first,
        "first_len": lengths[0],
        "second_len": lengths[1],
        "first_author": authors[0],
        "second_author": authors[1],
        "first_latent_q": None,
        "second_latent_q": None,
        "label_first": label,
    }
    return Judgment(custom_id=f"{probe}-{condition}-{number}-{repeat}", verdict=verdict, raw_text=None, meta=meta)


def _findings(judgments: list[Any], probes: list[str], names: list[str]) -> list[Finding]:
    from judgecal.probes import ProbeConfig, analyze_suite  # type: ignore[import-not-found, unused-ignore]
    from judgecal.report import build_card  # type: ignore[import-not-found, unused-ignore]

    card = build_card(analyze_suite(judgments, probes, ProbeConfig(judge_author=ME)), {"model": "simulated"})
    flags = {flag for entry in card.probes for flag in entry.flags}
    made = []
    for one in (metric for entry in card.probes for metric in entry.metrics):
        if one.name in names:
            found = one.p_value is not None and one.p_value <= 0.05
            value, low, high = (number - one.null_value for number in (one.estimate, one.ci_low, one.ci_high))
            made.append(Finding(one.name, value, low, high, found, FLAGS[one.name] in flags))
    return made

"""judgekit: its probes over verdict records, in the forms that its audit reads from a file."""

from __future__ import annotations

from math import isnan
from typing import Any

import numpy as np

from ..shown import Finding, Shown

ME = "judge-self"


def records(shown: Shown) -> Any:
    """Pairwise verdicts; a missing one is a line that is not there, as its records know no other way."""
    from judgekit.schema import PairwiseVerdict  # type: ignore[import-not-found, unused-ignore]

    made = []
    for number, picks in enumerate(shown.picks):
        more = dict(zip(("a_len", "b_len"), map(int, shown.lengths[number]), strict=True)) if shown.lengths.size else {}
        for swapped in (False, True):
            made += [
                PairwiseVerdict(
                    item_id=f"i{number}", choice="a" if pick else "b", swapped=swapped, sample_index=sample, **more
                )
                for sample, pick in enumerate(picks[int(swapped)])
                if not np.isnan(pick)
            ]
    return made


def position(verdicts: Any) -> list[Finding]:
    """Its position preference."""
    from judgekit import bias  # type: ignore[import-not-found, unused-ignore]

    return _finding(bias.position_preference(verdicts), 0.5)


def length(shown: Shown) -> list[Finding]:
    """How much oftener the longer answer is picked than by people."""
    from judgekit import bias
    from judgekit.io import align_on_items  # type: ignore[import-not-found, unused-ignore]
    from judgekit.schema import PairwiseVerdict

    people = [
        PairwiseVerdict(item_id=f"i{number}", judge_id="human", choice="a" if pick else "b")
        for number, pick in enumerate(shown.gold)
    ]
    return _finding(bias.verbosity_pairwise(align_on_items(records(shown), people)), 0.0)


def own(shown: Shown) -> list[Finding]:
    """How much more generous it is than people to its own answers than to others: graded, as it knows no other form."""
    from judgekit import bias
    from judgekit.schema import GradedVerdict

    pairs = [
        (
            GradedVerdict(item_id=f"i{number}", score=judged, candidate_model=ME if mine else "other"),
            GradedVerdict(item_id=f"i{number}", judge_id="human", score=people),
        )
        for number, (judged, people, mine) in enumerate(zip(shown.judged, shown.people, shown.mine, strict=True))
    ]
    return _finding(bias.self_preference(pairs, ME), 0.0)


def _finding(probe: Any, null: float) -> list[Finding]:
    if probe is None:
        return []
    low, high = (None if isnan(end) else end - null for end in probe.ci)
    found = low is not None and high is not None and not low <= 0 <= high
    return [Finding(probe.name, probe.value - null, low, high, found, probe.triggered is True)]

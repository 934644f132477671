"""How is it kept what experiments say of factors: writing for scores, rewriting there and back, levels drawn at random?

Each is an analysis of its own, of the kind of a profile; its rows stand in `factor_influence`, and `causes` finds them
there when the same judge is profiled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from ..metrics.conjoint import Conjoint
from ..metrics.estimate import Estimate
from ..metrics.rewrites import RewriteEffect
from ..metrics.written_levels import Manipulation
from ..store.analyses import keep_analysis
from ..store.engine import Store
from .generation import GenerationSide
from .profile_lines import Row, plain_row, row_of

KIND = "factor_influence"
CONJOINT, REWRITES, GENERATION = "conjoint", "rewrites", "generation"


def conjoint_lines(found: Conjoint, judge: str) -> list[Row]:
    """The rows of a randomised conjoint: of each level its effect and how often it is preferred."""
    lines = []
    for level in found.levels:
        name = f"{level.attribute}: {level.level}"
        if level.effect is not None:
            told = {"p_value": level.p_value, "q_value": level.q_value}
            lines.append(row_of("amce", judge, name, level.effect, **told))
        lines.append(row_of("marginal_mean", judge, name, level.mean))
        lines.append(plain_row("profiles", judge, name, float(level.profiles)))
    return lines


def rewrite_lines(found: RewriteEffect, judge: str, attribute: str) -> list[Row]:
    """The rows of double rewrites: the effect of the attribute, and what single rewrites would have said."""
    return [
        row_of(f"rewrite_{field.name}", judge, attribute, value)
        for field in fields(found)
        if isinstance(value := getattr(found, field.name), Estimate)
    ]


def generation_lines(found: GenerationSide, check: Manipulation | None) -> list[Row]:
    """The rows of the generation side: of each factor both influences, and whether the model could write it."""
    lines, who = [], found.writer
    for side in found.factors:
        for name in ("generation", "people", "matched"):
            influence = getattr(side, name)
            if influence is not None:
                told = {"p_value": influence.p_value, "q_value": influence.q_value}
                lines.append(row_of(f"{name}_tau14", who, side.factor, influence.pooled, **told))
        lines.append(row_of("achievable", who, side.factor, side.achievable))
    told = found.to_dict()
    why = "no pair of the one set has a match in the other"
    for name in ("covered", "target_covered", "effective", "written_pairs", "people_pairs"):
        lines.append(plain_row(name, who, "", told[name], why))
    if check is not None:
        for name in ("in_order", "spearman", "monotone", "rise"):
            lines.append(row_of(f"levels_{name}", who, "", getattr(check, name)))
    return lines


def save_experiment(
    store: Store,
    experiment: str,
    lines: Sequence[Row],
    *,
    runs: Sequence[str],
    command: str,
    facts: Mapping[str, Any],
) -> int:
    """Write an experiment: a row in `analysis`, its lines in `factor_influence`; gives the analysis' id.

    Args:
        store: where to.
        experiment: which.
        lines: its rows.
        runs: that it was read from.
        command: that makes it again.
        facts: what else a report must know: a `judge`'s id where there is one, what was left out.
    """
    options = {"experiment": experiment, **facts}
    return keep_analysis(store, KIND, lines, runs=runs, options=options, command=command)

"""Which rows does a profile leave in `factor_influence`? One for each measure, rater and factor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..metrics.alignment import MEASURES, Ceiling, insensitivity_note
from ..metrics.estimate import Estimate
from ..metrics.factor_differences import Difference

if TYPE_CHECKING:
    from .profile_found import Beside, Line, Profile, RaterProfile

Row = dict[str, Any]

COUNTED = "count"
"""The method of what is a count or a number without an error of its own."""


def lines_of(found: Profile) -> list[Row]:
    """The rows of a profile, rater by rater, factor by factor."""
    return [row for rater in found.raters for row in _of_rater(rater, found)]


def facts_of(found: Profile) -> Row:
    """What a report must know besides the rows: who the raters are, what the factors count, what was left out."""
    return {
        "dataset": found.dataset,
        "factors": {one.name: [one.says, one.direction, one.language] for one in found.factors},
        **{"named": [*found.named], "unmeasured": dict(found.unmeasured), "left_out": dict(found.left_out)},
        **{"pairs": found.pairs, "prompts": found.prompts},
        "raters": {one.name: _facts(one) for one in found.raters},
    }


def _facts(one: RaterProfile) -> Row:
    return {
        **{"kind": one.kind, "judge": one.judge, "prompts": one.prompts, "outcomes": dict(one.outcomes)},
        **{"verdicts": dict(one.statuses), "under_arms": one.under_arms, "one_order": one.one_order},
        "unweighted": dict(one.unweighted),
        "notes": [*one.weights.notes] if one.weights is not None else [],
        "people": one.beside.people if one.beside is not None else "",
        "compared": one.beside.pairs if one.beside is not None else 0,
        "proxies": _groups(one.beside) if one.beside is not None else [],
        "verdict": one.beside.alignment.verdict if one.beside is not None else "",
        "insensitivity": "" if one.beside is None else insensitivity_note(one.beside.corrupted),
        "causes": [cause.to_dict() for cause in one.causes],
    }


def _groups(beside: Beside) -> list[list[str]]:
    """The factors that count as one in the alignment, group by group."""
    groups: dict[int, list[str]] = {}
    for name, group in zip(beside.factors, beside.alignment.groups, strict=True):
        groups.setdefault(group, []).append(name)
    return [names for _, names in sorted(groups.items())]


def _of_rater(one: RaterProfile, found: Profile) -> Iterator[Row]:
    tau = found.options.tau
    for line in one.lines:
        yield from _of_factor(one.name, line, tau)
    if one.weights is not None:
        for weight in one.weights.weights:
            told = {"p_value": weight.p_value, "q_value": weight.q_value}
            yield row_of("weight", one.name, weight.name, weight.weight, **told)
            yield plain_row("vif", one.name, weight.name, weight.vif, "it is a sum of the others")
            yield plain_row("scale", one.name, weight.name, weight.scale, "no pair differs")
        if one.weights.position is not None:
            place = one.weights.position
            yield row_of("shown_first", one.name, "", place.weight, p_value=place.p_value)
        yield plain_row("condition", one.name, "", one.weights.condition, "some factors are sums of others")
    if one.held_out is not None:
        yield row_of("held_out_accuracy", one.name, "", one.held_out.accuracy)
    if one.style is not None:
        for name, estimate in zip(one.style.names, one.style.weights, strict=True):
            yield row_of("weight_with_models", one.name, name, estimate)
    if one.beside is not None:
        yield from _of_beside(one.name, one.beside)


def _of_factor(rater: str, line: Line, tau: str) -> Iterator[Row]:
    influence, name = line.influence, line.factor
    yield row_of(tau, rater, name, influence.pooled, p_value=influence.p_value, q_value=influence.q_value)
    yield row_of(f"{tau}_bootstrap", rater, name, influence.bootstrap)
    yield row_of(f"{tau}_macro", rater, name, influence.macro)
    holm = Estimate.unknown("a test, and no estimate", n=influence.pooled.n, left_out=influence.pooled.left_out)
    yield row_of(f"{tau}_holm", rater, name, holm, p_value=influence.p_holm)
    for cell, n in influence.cells._asdict().items():
        yield plain_row(cell, rater, name, float(n))
    yield plain_row("pairs", rater, name, float(influence.pairs))
    yield plain_row("pairs_left_out", rater, name, float(influence.pairs_left_out))
    if line.worst is not None:
        yield plain_row(f"{tau}_worst", rater, name, line.worst)
        yield plain_row(f"{tau}_best", rater, name, line.best)
    for moved in line.moved:
        yield plain_row(
            f"{tau}_alike_within_{100 * moved.tolerance:.0f}_percent", rater, name, moved.influence, "no pair"
        )


def _of_beside(rater: str, beside: Beside) -> Iterator[Row]:
    found = beside.alignment
    for name, one in zip(beside.factors, found.differences, strict=True):
        yield from _of_difference(rater, name, one)
    for measures, prefix in ((found.grouped, ""), (found.each, "each_")):
        for measure in MEASURES:
            yield row_of(f"{prefix}{measure}", rater, "", getattr(measures, measure))
    yield from _of_ceiling(rater, "people", found.people)
    yield from _of_ceiling(rater, "judge", found.judge)
    yield plain_row("pearson_corrected", rater, "", found.corrected, "a reliability is unknown")


def _of_difference(rater: str, name: str, one: Difference) -> Iterator[Row]:
    yield row_of("difference", rater, name, one.difference, p_value=one.p_value, q_value=one.q_value)
    equivalent = None if one.equivalent is None else float(one.equivalent)
    row = plain_row("equivalent", rater, name, equivalent, "nothing tells it")
    yield {**row, "p_value": one.p_equivalence}


def _of_ceiling(rater: str, who: str, one: Ceiling) -> Iterator[Row]:
    for measure in ("spearman", "pearson", "reliability"):
        value = getattr(one, measure)
        yield plain_row(f"{who}_halves_{measure}", rater, "", value, "fewer than three factors have an influence")


def row_of(
    measure: str,
    rater: str,
    factor: str,
    estimate: Estimate,
    *,
    p_value: float | None = None,
    q_value: float | None = None,
) -> Row:
    """A row of `factor_influence`, without its analysis."""
    base = {"measure": measure, "rater": rater, "factor": factor, "task": ""}
    return {**base, "p_value": p_value, "q_value": q_value, **estimate.to_dict()}


def plain_row(measure: str, rater: str, factor: str, value: float | None, why: str = "") -> Row:
    """A number that has no error of its own."""
    reason = "" if value is not None else why
    return row_of(measure, rater, factor, Estimate(value, None, None, None, 0.95, COUNTED, 0, 0, reason))

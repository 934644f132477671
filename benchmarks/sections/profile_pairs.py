"""Do given factor values and preferences give every recorded influence, error, difference and alignment again?

The factor values are those of the files, so that the statistics are checked apart from the extraction. Every rater
that the targets name is checked, each against the one that is compared with none. A recorded error of exactly 0
stands for "never differs", which the product calls unknown; likewise its q value of 1.
"""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import Any

from plurijudge.benchmarks.profile_data import Pairs, each_set, pairs_of, reference_of
from plurijudge.benchmarks.section import Section, rounded
from plurijudge.metrics.alignment import alignment
from plurijudge.metrics.factor_cells import Variant
from plurijudge.metrics.factor_differences import Difference, paired_differences
from plurijudge.metrics.factors import Influence, factor_influence

NEAR, NEAR_Q = 2e-4, 1e-6
VARIANTS: tuple[Variant, ...] = ("tau14", "tau13", "tau_b")
MEASURES = {"spearman": "spearman", "kendall_b": "kendall", "pearson": "pearson"}


def run(data: Path) -> Section:
    """Recompute every figure of every set and rater."""
    section = Section()
    each_set(data, section, lambda name, target: _one_set(section, name, target, pairs_of(data, name)))
    section.notes.append("Every factor counts as one in the recorded alignments; `grouped` counts proxies as one.")
    return section


def _one_set(section: Section, name: str, target: dict[str, Any], pairs: Pairs) -> None:
    section.check(len(pairs.prompts) == target["pairs"], f"{name}: {target['pairs']} pairs, found {len(pairs.prompts)}")
    signs, reference = pairs.signs, reference_of(target["raters"])
    for rater, figures in target["raters"].items():
        where = f"{name} {rater}"
        if rater not in pairs.raters:
            section.check(False, f"{where}: no such rater in the file")
            continue
        preferences = pairs.raters[rater]
        decisive = int((preferences * preferences == 1).sum())
        section.check(decisive == figures["decisive"], f"{where}: {figures['decisive']} decisive, found {decisive}")
        for variant in VARIANTS:
            found = factor_influence(preferences, signs, pairs.prompts, variant=variant, resamples=0)
            _influences(section, f"{where} {variant}", figures, dict(zip(pairs.factors, found, strict=True)), variant)
        if rater != reference:
            _against(section, where, figures, pairs, reference, rater)


def _influences(
    section: Section, where: str, figures: dict[str, Any], found: dict[str, Influence], variant: Variant
) -> None:
    for factor, value in figures[variant].items():
        ours = found[factor].pooled.estimate if factor in found else None
        section.check(_same(ours, value), f"{where} {factor}: recorded {value}, found {ours}")
    if variant == "tau14":
        for factor, error in figures["se"].items():
            ours = found[factor].pooled.standard_error if factor in found else None
            section.check(_same(ours, error or None), f"{where} {factor}: error recorded {error}, found {ours}")


def _against(section: Section, where: str, figures: dict[str, Any], pairs: Pairs, reference: str, rater: str) -> None:
    people, judge, signs = pairs.raters[reference], pairs.raters[rater], pairs.signs
    found = alignment(people, judge, signs, pairs.prompts)
    for name, value in figures["alignment"].items():
        ours = getattr(found.each, MEASURES[name]).estimate
        section.check(_same(ours, value), f"{where} {name}: recorded {value}, found {ours}")
    for kind in ("each", "grouped"):
        told = {key: one.estimate for key, one in getattr(found, kind)._asdict().items()}
        section.figures[f"{where} {kind}"] = rounded(told)
    section.figures[f"{where} ceiling"] = rounded(
        {"people": found.people.spearman, "judge": found.judge.spearman, "corrected_pearson": found.corrected}
    )
    differences = dict(zip(pairs.factors, paired_differences(people, judge, signs, pairs.prompts), strict=True))
    for factor, figure in figures["paired_difference"].items():
        _difference(section, f"{where} {factor}", figure, differences.get(factor))


def _difference(section: Section, where: str, figure: dict[str, float], found: Difference | None) -> None:
    estimate = found.difference if found else None
    ours = {
        "diff": estimate.estimate if estimate else None,
        "se": estimate.standard_error if estimate else None,
        "q_bh": found.q_value if found else None,
    }
    flat = not figure["se"]
    section.check(_same(ours["diff"], figure["diff"]), f"{where}: recorded {figure['diff']}, found {ours['diff']}")
    section.check(_same(ours["se"], figure["se"] or None), f"{where}: error {figure['se']}, found {ours['se']}")
    held = _same(ours["q_bh"], None if flat else figure["q_bh"], NEAR_Q)
    section.check(held, f"{where}: q {figure['q_bh']}, found {ours['q_bh']}")


def _same(ours: float | None, recorded: float | None, near: float = NEAR) -> bool:
    if ours is None or recorded is None or isnan(recorded):
        return ours is None and (recorded is None or isnan(recorded))
    return abs(ours - recorded) <= near

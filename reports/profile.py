"""What does a person see of a profile? What each rater goes by, and where a judge differs from people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .forest_pairs import Mark, Row, forest_pairs
from .profile_figures import (
    ALPHA,
    Rated,
    beside_people,
    effect_scale,
    ends_of,
    listed,
    order,
    outcome_of,
    p_of,
    picked,
    plain,
    rated,
    says_of,
    signed,
)
from .profile_words import sentences
from .sections import Analysis, Section, Table


def section(analysis: Analysis) -> Section:
    """All that is shown of one profile, or of one experiment with factors."""
    if analysis.options.get("experiment"):
        from . import profile_experiments

        return profile_experiments.section(analysis)
    told = dict(analysis.options)
    tau = str(told.get("tau", "tau14"))
    raters = rated(analysis)
    judges, people = [one for one in raters if one.is_judge], [one for one in raters if not one.is_judge]
    whom = judges or people
    beside = people[0] if judges and people else None
    who = " and ".join(one.name for one in whom)
    title = f"What do {who} go by?" if len(whom) > 1 or not judges else f"What does {who} go by?"
    tables = [table for one in whom for table in _tables(one, beside, told, tau)]
    if beside is not None:
        tables.append(_main(beside, None, told, tau))
    pictures = tuple(picture(one, beside, tau) for one in whom)
    said = [sentence for one in whom for sentence in sentences(one, beside, told, tau)]
    return Section(title, _notes(told, tau), tuple(tables), pictures, tuple(said), analysis.command)


def _notes(told: Mapping[str, Any], tau: str) -> tuple[str, ...]:
    of = {
        "tau14": "of the pairs with a preference, the share in which the response with more of the factor is "
        "preferred, less the share in which the other is; pairs in which both have as much pull it towards 0.",
        "tau13": "of the pairs with a preference that differ in the factor, the share in which the response with more "
        "is preferred, less the share in which the other is.",
        "tau_b": "Kendall's: as tau14, but ties of the preference and of the factor count alike.",
    }
    measured = f"{told.get('pairs', 0)} pairs of responses to {told.get('prompts', 0)} prompts were measured."
    gone = ", ".join(f"{n} {reason}" for reason, n in dict(told.get("left_out") or {}).items())
    lacking = dict(told.get("unmeasured") or {})
    notes = [
        measured + (f" Left out: {gone}." if gone else ""),
        f"{tau} is, {of.get(tau, '')} It runs from -1 (the one with less is always preferred) over 0 to 1. Intervals "
        "and q values take the prompt as the unit; q is corrected for the number of factors.",
        "These are associations: what was preferred may differ in more than the factor. Where an experiment with the "
        "same judge speaks of a cause, it stands in a table of its own.",
    ]
    if lacking:
        reasons: dict[str, list[str]] = {}
        for name, why in lacking.items():
            reasons.setdefault(why, []).append(name)
        notes.append(f"Not measured: {'; '.join(f'{listed(names)} ({why})' for why, names in reasons.items())}.")
    return tuple(notes)


def _tables(one: Rated, beside: Rated | None, told: Mapping[str, Any], tau: str) -> list[Table]:
    made = [_main(one, beside, told, tau)]
    if one.facts.get("causes"):
        made.append(_causes(one, tau))
    if one.row("", "spearman"):
        made.append(_near(one))
    if any("weight" in measures for measures in one.lines.values()):
        made.append(_together(one, beside, tau))
    return [*made, _rests(one, tau)]


def _main(one: Rated, beside: Rated | None, told: Mapping[str, Any], tau: str) -> Table:
    alpha, says = float(told.get("alpha", ALPHA)), dict(told.get("factors") or {})
    rows = []
    for name in order(one, tau):
        line = one.row(name, tau)
        row: tuple[str, ...] = (
            name,
            says_of(says, name),
            picked(one, name),
            signed(line),
            ends_of(line),
            p_of(line.get("q_value")),
        )
        row = (*row, outcome_of(line, alpha))
        if beside is not None:
            its, apart = beside.row(name, tau), one.row(name, "difference")
            row = (
                *row,
                signed(its),
                ends_of(its),
                signed(apart),
                p_of(apart.get("q_value")),
                beside_people(one, name, alpha),
            )
        rows.append(row)
    names: tuple[str, ...] = ("factor", "what is counted", "more is picked, %", tau, "95 %", "q", "outcome")
    if beside is not None:
        names = (*names, beside.name, "95 %", "difference", "q", f"beside {beside.name}")
    caption = f"{one.name}: how far its preferences go with each factor"
    if beside is not None:
        caption += f", and those of {beside.name} (differences are on the pairs that both decided)"
    return Table(caption, names, tuple(rows))


def _causes(one: Rated, tau: str) -> Table:
    rows = []
    for cause in one.facts["causes"]:
        line = one.row(cause["factor"], tau)
        scale, unit = effect_scale(cause)
        effect = "unknown" if cause["estimate"] is None else f"{scale * cause['estimate']:+.1f} {unit}"
        ends = "" if cause["low"] is None else f"{scale * cause['low']:+.1f} to {scale * cause['high']:+.1f}"
        outcome = {True: "moves the judge", False: "not found to move it", None: "unknown"}[cause["found"]]
        rows.append(
            (cause["factor"], signed(line), ends_of(line), cause["does"], effect, ends, p_of(cause["q_value"]), outcome)
        )
    names = ("factor", f"association ({tau})", "95 %", "what was done", "effect", "95 %", "q", "cause")
    return Table(f"{one.name}: association beside cause, from experiments with the same judge", names, tuple(rows))


_NEAR = {
    "spearman": "the same order of factors (Spearman)",
    "kendall": "the same order of factors (Kendall)",
    "pearson": "the same influences, up to their scale (Pearson)",
    "slope": "how strongly it follows what people follow (slope; 1 is as strongly)",
    "rmse": "how far its influences lie from people's (RMSE; 0 is nowhere)",
}


def _near(one: Rated) -> Table:
    rows = []
    for measure, title in _NEAR.items():
        grouped, each = one.row("", measure), one.row("", f"each_{measure}")
        rows.append((title, plain(grouped), ends_of(grouped, plain=True), plain(each), ends_of(each, plain=True)))
    for who, title in (("people", "people with themselves, over halves of the prompts"), ("judge", "the same of it")):
        value = one.value("", f"{who}_halves_spearman")
        rows.append((f"{title} (Spearman)", "unknown" if value is None else f"{value:.2f}", "", "", ""))
    corrected = one.value("", "pearson_corrected")
    rows.append(
        ("Pearson without the noise of both", "unknown" if corrected is None else f"{corrected:.2f}", "", "", "")
    )
    names = ("how near it is to people", "alike factors as one", "95 %", "each factor as one", "95 %")
    return Table(f"{one.name} beside people, over all factors", names, tuple(rows))


def _together(one: Rated, beside: Rated | None, tau: str) -> Table:
    models = any("weight_with_models" in measures for measures in one.lines.values())
    rows: list[tuple[str, ...]] = []
    for name in order(one, tau):
        line = one.row(name, "weight")
        vif = one.value(name, "vif")
        unweighted = dict(one.facts.get("unweighted") or {}).get(name, "")
        row: tuple[str, ...] = (
            name,
            signed(line) if line else unweighted or "not in it",
            ends_of(line),
            p_of(line.get("q_value")),
        )
        row = (*row, "" if vif is None else f"{vif:.1f}")
        if models:
            style = one.row(name, "weight_with_models")
            row = (*row, signed(style), ends_of(style))
        if beside is not None:
            its = beside.row(name, "weight")
            row = (*row, signed(its), ends_of(its))
        rows.append(row)
    names: tuple[str, ...] = ("factor", "weight", "95 %", "q", "VIF")
    if models:
        names = (*names, "with a rating of each model", "95 %")
    if beside is not None:
        names = (*names, f"weight of {beside.name}", "95 %")
    condition = one.value("", "condition")
    also = "" if condition is None else f"; condition number {condition:.1f}"
    accuracy = one.value("", "held_out_accuracy")
    also += "" if accuracy is None else f"; right on {100 * accuracy:.0f} % of pairs of prompts not seen"
    caption = f"{one.name}: each factor with the other factors held still, in log-odds for a standard deviation{also}"
    return Table(caption, names, tuple(rows))


def _rests(one: Rated, tau: str) -> Table:
    counts = ("concordant", "discordant", "factor_ties", "pairs_left_out")
    moved = [measure for measure in _measures(one) if "_alike_within_" in measure]
    rows = []
    for name in order(one, tau):
        told = [one.value(name, measure) for measure in counts]
        ends = [one.value(name, f"{tau}_{end}") for end in ("worst", "best")]
        between = "" if None in ends else " to ".join(f"{end:+.3f}" for end in ends if end is not None)
        rows.append(
            (
                *(name, *("" if value is None else f"{value:.0f}" for value in told)),
                *(p_of(one.value(name, f"{tau}_holm", "p_value")), signed(one.row(name, f"{tau}_macro")), between),
                *(signed(one.row(name, measure)) for measure in moved),
            )
        )
    within = tuple(f"alike within {measure.split('_')[-2]} %" for measure in moved)
    names: tuple[str, ...] = (
        "factor",
        "more preferred",
        "less preferred",
        "as much",
        "left out",
        "p (Holm)",
        "mean over prompts",
    )
    names = (*names, "whatever the missing were", *within)
    return Table(
        f"{one.name}: what that rests on, in pairs, and what another tie rule would make of it", names, tuple(rows)
    )


def _measures(one: Rated) -> list[str]:
    return list(dict.fromkeys(measure for measures in one.lines.values() for measure in measures))


def picture(one: Rated, beside: Rated | None, tau: str) -> str:
    """A forest plot as SVG: each factor's influence on the judge, and on people where they are beside it."""

    def mark(rater: Rated, name: str) -> Mark:
        line = rater.row(name, tau)
        unknown = None if line.get("estimate") is not None else str(line.get("reason") or "not measured")
        return Mark(line.get("estimate"), line.get("low"), line.get("high"), unknown or "")

    names = order(one, tau)
    whom = [one, *([] if beside is None else [beside])]
    rows = [Row(name, tuple(mark(rater, name) for rater in whom)) for name in names]
    title = f"What {one.name} goes by" + ("" if beside is None else f", and {beside.name}")
    unit = f"{tau}: less of it is preferred (left of 0), more of it is preferred (right of 0); 95 % over prompts"
    return forest_pairs(rows, [rater.name for rater in whom], title=title, unit=unit)

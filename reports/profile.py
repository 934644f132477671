"""What does a person see of a profile? What each rater goes by, in words first, and where a judge differs from people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .forest_pairs import Mark, Row, forest_pairs
from .sections import Analysis, Section, Table

Line = Mapping[str, Any]
_TAUS = ("tau14", "tau13", "tau_b")
_ALPHA = 0.05
_REACHES = ("verdicts", "one_order")


@dataclass(frozen=True, slots=True)
class Rated:
    """What an analysis holds of one rater.

    Attributes:
        name: the rater's name.
        facts: who it is, what its pairs came to, what must be known of it.
        lines: its rows by factor and measure; '' for what is of no single factor.
    """

    name: str
    facts: Mapping[str, Any]
    lines: Mapping[str, Mapping[str, Line]]

    def row(self, factor: str, measure: str) -> Line:
        """A row; empty where it was not measured."""
        return self.lines.get(factor, {}).get(measure, {})

    def value(self, factor: str, measure: str, field: str = "estimate") -> float | None:
        """A number of a row; None where it is unknown or was not measured."""
        found = self.row(factor, measure).get(field)
        return None if found is None else float(found)

    @property
    def is_judge(self) -> bool:
        """Whether it is no people."""
        return self.facts.get("kind") != "people"


def section(analysis: Analysis) -> Section:
    """All that is shown of one profile."""
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


def rated(analysis: Analysis) -> list[Rated]:
    """The raters of an analysis, in the order in which they were measured."""
    found: dict[str, dict[str, dict[str, Line]]] = {}
    for line in analysis.lines:
        found.setdefault(line["rater"], {}).setdefault(line["factor"], {})[line["measure"]] = line
    facts = analysis.options.get("raters", {})
    return [Rated(name, facts.get(name, {}), lines) for name, lines in found.items()]


def _notes(told: Mapping[str, Any], tau: str) -> tuple[str, ...]:
    of = {
        "tau14": "of the pairs with a preference, the share in which the response with more of the factor is preferred, "
        "less the share in which the other is; pairs in which both have as much pull it towards 0.",
        "tau13": "of the pairs with a preference that differ in the factor, the share in which the response with more is "
        "preferred, less the share in which the other is.",
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
        notes.append(f"Not measured: {'; '.join(f'{_listed(names)} ({why})' for why, names in reasons.items())}.")
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


def order(one: Rated, tau: str) -> list[str]:
    """The factors of a rater, those with the strongest influence first, unknown ones last."""
    names = [name for name in one.lines if name]
    return sorted(names, key=lambda name: -abs(one.value(name, tau) or 0.0) if one.row(name, tau) else 1.0)


def _main(one: Rated, beside: Rated | None, told: Mapping[str, Any], tau: str) -> Table:
    alpha, says = float(told.get("alpha", _ALPHA)), dict(told.get("factors") or {})
    rows = []
    for name in order(one, tau):
        line = one.row(name, tau)
        row = (name, _says(says, name), _more(one, name), _tau(line), _ends(line), _p(line.get("q_value")))
        row = (*row, _outcome(line, alpha))
        if beside is not None:
            its, apart = beside.row(name, tau), one.row(name, "difference")
            row = (*row, _tau(its), _ends(its), _tau(apart), _p(apart.get("q_value")), _apart(one, name, alpha))
        rows.append(row)
    names = ("factor", "what is counted", "more is picked, %", tau, "95 %", "q", "outcome")
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
        effect = "unknown" if cause["estimate"] is None else f"{100 * cause['estimate']:+.1f}"
        ends = "" if cause["low"] is None else f"{100 * cause['low']:+.1f} to {100 * cause['high']:+.1f}"
        outcome = {True: "moves the judge", False: "not found to move it", None: "unknown"}[cause["found"]]
        rows.append(
            (cause["factor"], _tau(line), _ends(line), cause["does"], effect, ends, _p(cause["q_value"]), outcome)
        )
    names = ("factor", f"association ({tau})", "95 %", "what was planted", "effect in points", "95 %", "q", "cause")
    return Table(f"{one.name}: association beside cause, from an audit of the same judge", names, tuple(rows))


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
        rows.append((title, _plain(grouped), _ends(grouped, plain=True), _plain(each), _ends(each, plain=True)))
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
    rows = []
    for name in order(one, tau):
        line = one.row(name, "weight")
        vif = one.value(name, "vif")
        unweighted = dict(one.facts.get("unweighted") or {}).get(name, "")
        row = (name, _tau(line) if line else unweighted or "not in it", _ends(line), _p(line.get("q_value")))
        row = (*row, "" if vif is None else f"{vif:.1f}")
        if models:
            style = one.row(name, "weight_with_models")
            row = (*row, _tau(style), _ends(style))
        if beside is not None:
            its = beside.row(name, "weight")
            row = (*row, _tau(its), _ends(its))
        rows.append(row)
    names = ("factor", "weight", "95 %", "q", "VIF")
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
                *(_p(one.value(name, f"{tau}_holm", "p_value")), _tau(one.row(name, f"{tau}_macro")), between),
                *(_tau(one.row(name, measure)) for measure in moved),
            )
        )
    within = tuple(f"alike within {measure.split('_')[-2]} %" for measure in moved)
    names = ("factor", "more preferred", "less preferred", "as much", "left out", "p (Holm)", "mean over prompts")
    names = (*names, "whatever the missing were", *within)
    return Table(
        f"{one.name}: what that rests on, in pairs, and what another tie rule would make of it", names, tuple(rows)
    )


def _measures(one: Rated) -> list[str]:
    return list(dict.fromkeys(measure for measures in one.lines.values() for measure in measures))


def sentences(one: Rated, beside: Rated | None, told: Mapping[str, Any], tau: str) -> list[str]:
    """What one rater's figures say, one sentence each."""
    alpha, says = float(told.get("alpha", _ALPHA)), dict(told.get("factors") or {})
    found: dict[str, list[str]] = {}
    for name in order(one, tau):
        found.setdefault(_outcome(one.row(name, tau), alpha), []).append(name)

    def told_of(names: Sequence[str]) -> str:
        return "; ".join(f"{name} ({_says(says, name)}: {_more(one, name)} %)" for name in names)

    said = [_rests_on(one)]
    for outcome, words in (("more is preferred", "more of"), ("less is preferred", "less of")):
        if names := found.get(outcome):
            said.append(
                f"{one.name} prefers responses with {words} {told_of(names)}. In brackets: of the pairs that differ in "
                "it, how often the one with more is picked."
            )
    if names := found.get("not shown"):
        said.append(f"For {_listed(names)} no influence was shown (q above {alpha:g}).")
    if beside is not None and one.row("", "spearman"):
        said += _beside(one, beside, told, alpha)
    said += [_cause(one, cause, tau, alpha) for cause in one.facts.get("causes") or ()]
    said += [f"Note on the weights: {note}." for note in one.facts.get("notes") or ()]
    return [sentence for sentence in said if sentence]


def _rests_on(one: Rated) -> str:
    outcomes = dict(one.facts.get("outcomes") or {})
    words = {
        "decided": "have a preference",
        "tie": "are ties",
        "flipped": "hang on the order in which the two were shown",
        "abstained": "were abstained from",
        "failed": "have no verdict",
    }
    told = ", ".join(f"{outcomes[name]} {said}" for name, said in words.items() if outcomes.get(name))
    lost = {name: n for name, n in dict(one.facts.get("verdicts") or {}).items() if name != "ok"}
    also = f" Verdicts without one: {', '.join(f'{n} {name}' for name, n in lost.items())}." if lost else ""
    total = sum(outcomes.values())
    if one.facts.get("one_order"):
        also += (
            f" {one.facts['one_order']} pairs were shown in one order alone: there a preference for a place can look "
            "like one for a factor; the weights hold the place still, the influences do not."
        )
    if total and outcomes.get("flipped", 0) > 0.1 * total:
        also += " A flipped pair is no tie: it is left out here, and listed as what it is."
    return f"Of {total} pairs of {one.name}, {told}.{also}" if total else ""


def _beside(one: Rated, beside: Rated, told: Mapping[str, Any], alpha: float) -> list[str]:
    margin = float(told.get("margin", 0.05))
    by: dict[str, list[str]] = {}
    for name in one.lines:
        if name and one.row(name, "difference"):
            by.setdefault(_apart(one, name, alpha), []).append(name)
    said = []
    for outcome, words in (
        ("more than they do", f"prefers more than {beside.name} do of"),
        ("less than they do", f"prefers less than {beside.name} do of"),
    ):
        whole = [
            *(f"{name} ({_tau(one.row(name, 'difference'))})" for name in by.get(outcome, ())),
            *(f"{name} (by less than {margin:g})" for name in by.get(f"{outcome}, within the margin", ())),
        ]
        if whole:
            said.append(f"{one.name} {words} {', '.join(whole)}.")
    verdict = str(one.facts.get("verdict") or "unknown")
    compared = one.facts.get("compared", 0)
    overall = {
        "aligned": f"On these factors it is aligned with {beside.name}: each is shown to differ by less than {margin:g}.",
        "differs": f"It is not aligned with {beside.name}: at least one factor differs.",
        "not shown": f"Whether it is aligned with {beside.name} is not shown: {_listed(by.get('too few to say', []))} "
        f"could still differ by more than {margin:g}.",
    }.get(verdict, f"Whether it is aligned with {beside.name} is unknown.")
    said.append(f"{overall} Compared on {compared} pairs.")
    rank, slope, distance = (one.row("", measure) for measure in ("spearman", "slope", "rmse"))
    ceiling = one.value("", "people_halves_spearman")
    beyond = "unknown" if ceiling is None else f"{ceiling:.2f}"
    said.append(
        f"Over all factors, alike ones as one: Spearman {_plain(rank)}{_between(rank)}, beside {beyond} of "
        f"{beside.name} with themselves over halves of the prompts; slope {_plain(slope)}{_between(slope)}; RMSE "
        f"{_plain(distance)}{_between(distance)}."
    )
    if warning := one.facts.get("insensitivity"):
        said.append(f"Warning: a rank correlation is nearly blind to noise. {warning}")
    shared = [names for names in one.facts.get("proxies") or () if len(names) > 1]
    if shared:
        said.append(
            f"Counted as one, as they measure nearly the same: {'; '.join(_listed(names) for names in shared)}."
        )
    return said


def _cause(one: Rated, cause: Mapping[str, Any], tau: str, alpha: float) -> str:
    line, name = one.row(cause["factor"], tau), cause["factor"]
    associated = _outcome(line, alpha)
    same = cause["estimate"] is not None and line.get("estimate") is not None
    same = same and (cause["estimate"] > 0) == (line["estimate"] > 0)
    held = associated in ("more is preferred", "less is preferred")
    if cause["found"] is None:
        meaning = "whether it is also a cause is not known"
    elif cause["found"] and held and same:
        meaning = "both point the same way, so it is not only what else such responses hold"
    elif cause["found"] and held:
        meaning = "they point apart: what such responses hold besides must outweigh it"
    elif cause["found"]:
        meaning = "what moves the judge is not seen in its preferences here"
    elif held:
        meaning = "so the association may well be due to what else such responses hold"
    else:
        meaning = "neither was found"
    effect = "unknown" if cause["estimate"] is None else f"{100 * cause['estimate']:+.1f} points"
    return (
        f"Cause of {name}: where {cause['does']} and nothing else is changed, {one.name} moves by {effect} "
        f"(bias `{cause['bias']}`, {cause['command'] or 'an audit'}); {meaning}."
    )


def _outcome(line: Line, alpha: float) -> str:
    """What came out of one factor, in a few words."""
    if line.get("estimate") is None:
        return f"unknown: {line.get('reason') or 'not measured'}"
    if line.get("q_value") is None:
        return f"not shown ({line.get('reason') or 'no test'})" if line.get("reason") else "not shown"
    if line["q_value"] > alpha:
        return "not shown"
    return "more is preferred" if line["estimate"] > 0 else "less is preferred"


def _apart(one: Rated, name: str, alpha: float) -> str:
    """How a judge stands beside people on one factor, in a few words."""
    line, q = one.row(name, "difference"), one.value(name, "difference", "q_value")
    equivalent = one.value(name, "equivalent")
    if line.get("estimate") is None or (q is None and equivalent is None):
        return f"unknown: {line.get('reason') or 'not measured'}"
    if q is not None and q <= alpha:
        side = "more than they do" if line["estimate"] > 0 else "less than they do"
        return f"{side}, within the margin" if equivalent else side
    return "aligned" if equivalent else "too few to say"


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


def _more(one: Rated, name: str) -> str:
    agree, against = one.value(name, "concordant"), one.value(name, "discordant")
    if agree is None or against is None or not agree + against:
        return "unknown"
    return f"{100 * agree / (agree + against):.0f}"


def _says(says: Mapping[str, Sequence[Any]], name: str) -> str:
    return str(says.get(name, ("",))[0]).rstrip(".")


def _tau(line: Line) -> str:
    if not line:
        return ""
    return "unknown" if line.get("estimate") is None else f"{line['estimate']:+.3f}"


def _plain(line: Line) -> str:
    if not line:
        return ""
    return "unknown" if line.get("estimate") is None else f"{line['estimate']:.2f}"


def _ends(line: Line, *, plain: bool = False) -> str:
    if not line or line.get("low") is None or line.get("high") is None:
        return str(line.get("reason") or "") if line and line.get("estimate") is not None else ""
    return f"{line['low']:.2f} to {line['high']:.2f}" if plain else f"{line['low']:+.3f} to {line['high']:+.3f}"


def _between(line: Line) -> str:
    return f" [{line['low']:.2f}, {line['high']:.2f}]" if line and line.get("low") is not None else ""


def _p(value: Any) -> str:
    if value is None:
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)

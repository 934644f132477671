"""What does a person see of experiments with factors? Levels drawn at random, texts rewritten, answers for scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .forest_pairs import Mark, Row, forest_pairs
from .profile_figures import ALPHA, Line, Rated, ends_of, p_of, rated, signed
from .sections import Analysis, Section, Table


def section(analysis: Analysis) -> Section:
    """All that is shown of one experiment."""
    return _MADE[str(analysis.options["experiment"])](analysis)


def _conjoint(analysis: Analysis) -> Section:
    [one] = rated(analysis)
    told = analysis.options
    rows, drawn, said = [], [], []
    for name in one.lines:
        effect, mean = one.row(name, "amce"), one.row(name, "marginal_mean")
        share = "unknown" if mean.get("estimate") is None else f"{100 * mean['estimate']:.1f}"
        value = "baseline" if not effect else "unknown" if effect.get("estimate") is None else _points(effect)
        outcome = "" if not effect else _outcome(effect)
        row = (name, value, _points_ends(effect), p_of(effect.get("q_value")), share, _count(one, name), outcome)
        rows.append(row)
        if effect:
            drawn.append(Row(name, (_mark(effect),)))
            if outcome == "moves the judge":
                said.append(f"`{name}` moves {one.name} by {_points(effect)} points [{_points_ends(effect)}].")
    names = ("level", "effect in points", "95 %", "q", "preferred, %", "responses", "outcome")
    table = Table(f"{one.name}: what each level does to how often a response is preferred", names, tuple(rows))
    title = f"What makes {one.name} prefer a response? Levels drawn at random"
    notes = (
        "Every attribute of both responses was drawn at random, so a difference between its levels is an effect on "
        "average over all the others (AMCE): a cause, and no association. It holds for responses made so.",
        *_carried_out(told),
        *_left_out(told),
    )
    unit = "effect on how often the response is preferred, against the baseline level; 95 % over prompts"
    picture = forest_pairs(drawn, [one.name], title=title, unit=unit)
    return Section(
        title, notes, (table,), (picture,), tuple(said or ["No level was found to move it."]), analysis.command
    )


_EFFECTS = {
    "rewrite_ate": "the effect, over all responses",
    "rewrite_att": "over responses that have it",
    "rewrite_atu": "over responses that have it not",
    "rewrite_single_ate": "what single rewrites would have said",
    "rewrite_naive": "the difference between responses as found (association)",
    "rewrite_off_target": "what rewriting does besides",
}


def _rewrites(analysis: Analysis) -> Section:
    [one] = rated(analysis)
    [attribute] = [name for name in one.lines if name]
    rows = []
    for measure, title in _EFFECTS.items():
        line = one.row(attribute, measure)
        value = signed(line) if line.get("estimate") is not None else f"unknown: {line.get('reason')}"
        rows.append((title, value, ends_of(line), str(line.get("n", ""))))
    names = (f"{attribute}: measure", "effect", "95 %", "prompts")
    table = Table(f"{one.name}: what {attribute} does, by rewriting there and back", names, tuple(rows))
    effect = one.row(attribute, "rewrite_ate")
    found = _outcome(effect)
    ends = f" [{ends_of(effect)}]" if ends_of(effect) else ""
    whether = f"Whether {attribute} moves it is" if found.startswith("unknown") else attribute.capitalize()
    said = f"{whether} {found} ({signed(effect)}{ends})."
    notes = (
        "Each response was rewritten twice, there and back, so what any rewriting does is on both sides and cancels: a "
        "cause, as far as the rewriter changes nothing else on one way alone.",
        *(f"{note.rstrip('.')}." for note in analysis.options.get("notes") or ()),
        *_left_out(analysis.options),
    )
    return Section(f"Does {attribute} itself move {one.name}?", notes, (table,), (), (said,), analysis.command)


def _generation(analysis: Analysis) -> Section:
    [one] = rated(analysis)
    says = dict(analysis.options.get("factors") or {})
    rows, drawn = [], []
    for name in (name for name in one.lines if name):
        own, theirs, same = (one.row(name, f"{side}_tau14") for side in ("generation", "people", "matched"))
        reach = one.row(name, "achievable")
        share = "unknown" if reach.get("estimate") is None else f"{100 * reach['estimate']:.0f}"
        row = (name, str(says.get(name, ("",))[0]).rstrip("."), signed(own), ends_of(own), p_of(own.get("q_value")))
        rows.append((*row, signed(theirs), ends_of(theirs), signed(same), ends_of(same), share))
        drawn.append(Row(name, tuple(_mark(line) for line in (own, theirs))))
    names = ("factor", "what is counted", "written for more", "95 %", "q", "people", "95 %")
    caption = f"{one.name}: what it writes more of for a higher score, and what people prefer more of (tau14)"
    table = Table(caption, (*names, "people on its ground", "95 %", "could write it, %"), tuple(rows))
    title = f"What does {one.name} write more of when it aims higher?"
    picture = forest_pairs(drawn, [one.name, "people"], title=title, unit="tau14; 95 % over prompts")
    return Section(title, _generation_notes(one, analysis.options), (table,), (picture,), (), analysis.command)


def _mark(line: Line) -> Mark:
    return Mark(line.get("estimate"), line.get("low"), line.get("high"), str(line.get("reason") or "not measured"))


def _generation_notes(one: Rated, told: Mapping[str, Any]) -> tuple[str, ...]:
    rise, order = one.row("", "levels_rise"), one.row("", "levels_spearman")
    check = "whether its own grades rise with the score that it was asked for is not known"
    if rise.get("estimate") is not None:
        check = f"its own grades rise by {rise['estimate']:.2f} from the lowest score to the highest"
        check += "" if order.get("estimate") is None else f" (Spearman within a prompt {order['estimate']:.2f})"
    covered = [one.value("", name) for name in ("covered", "target_covered")]
    shares = ["unknown" if share is None else f"{100 * share:.0f} %" for share in covered]
    return (
        "Preferences come from the scores: what was written for a higher one is preferred. That is obedience as much "
        "as taste.",
        f"Manipulation check: {check}.",
        f"Other texts than people compared: {shares[0]} of people's pairs stand on ground of the written ones, "
        f"{shares[1]} of the written ones on that of people's. `people on its ground` weighs people's pairs so.",
        "`could write it`: on how many prompts some answer has as much of it as the one that people prefer.",
        *_left_out(told),
    )


def _carried_out(told: Mapping[str, Any]) -> tuple[str, ...]:
    """How far a rule sees that what was ordered was written; made by rule, it is all."""
    shares = [
        f"{attribute} {level} on {100 * share:.0f} %"
        for attribute, levels in dict(told.get("carried_out") or {}).items()
        for level, share in levels.items()
        if share < 1
    ]
    writer = told.get("writer", "")
    if not shares or writer == "by rule":
        return (f"Who made the responses: {writer}.",) if writer else ()
    seen = ", ".join(shares)
    return (f"{writer} wrote them. Effects are those of the order to write so; a rule sees it followed: {seen}.",)


def _left_out(told: Mapping[str, Any]) -> tuple[str, ...]:
    gone = dict(told.get("left_out") or {})
    return (f"Left out: {', '.join(f'{n} {reason}' for reason, n in gone.items())}.",) if gone else ()


def _outcome(line: Line) -> str:
    """Whether an effect was found: by q where there is one, else by its interval."""
    if line.get("estimate") is None:
        return f"unknown: {line.get('reason')}"
    if line.get("q_value") is not None:
        return "moves the judge" if line["q_value"] <= ALPHA else "was not found to move it"
    if line.get("low") is None:
        return "unknown: its error is not known"
    return "was not found to move it" if line["low"] <= 0 <= line["high"] else "moves the judge"


def _points(line: Line) -> str:
    return f"{100 * line['estimate']:+.1f}"


def _points_ends(line: Line) -> str:
    return "" if not line or line.get("low") is None else f"{100 * line['low']:+.1f} to {100 * line['high']:+.1f}"


def _count(one: Rated, name: str) -> str:
    value = one.value(name, "profiles")
    return "" if value is None else f"{value:.0f}"


_MADE = {"conjoint": _conjoint, "rewrites": _rewrites, "generation": _generation}

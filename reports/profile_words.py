"""What do the figures of a profile say? Sentences, for whoever has never seen one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .profile_figures import (
    ALPHA,
    EVERY,
    Rated,
    beside_people,
    between,
    effect_scale,
    listed,
    order,
    outcome_of,
    picked,
    plain,
    says_of,
    signed,
)


def sentences(one: Rated, beside: Rated | None, told: Mapping[str, Any], tau: str) -> list[str]:
    """What one rater's figures say, one sentence each."""
    alpha, says = float(told.get("alpha", ALPHA)), dict(told.get("factors") or {})
    found: dict[str, list[str]] = {}
    for name in order(one, tau):
        found.setdefault(outcome_of(one.row(name, tau), alpha), []).append(name)

    def told_of(names: Sequence[str]) -> str:
        return "; ".join(f"{name} ({says_of(says, name)}: {picked(one, name)} %)" for name in names)

    said, verb = [_rests_on(one)], "prefers" if one.is_judge else "prefer"
    for outcome, words in (("more is preferred", "more of"), ("less is preferred", "less of")):
        if names := [*found.get(outcome, ()), *found.get(f"{outcome}{EVERY}", ())]:
            said.append(
                f"{one.name} {verb} responses with {words} {told_of(names)}. In brackets: of the pairs that differ in "
                "it, how often the one with more is picked."
            )
    if names := [name for outcome, some in found.items() if outcome.startswith("not shown") for name in some]:
        said.append(f"For {listed(names)} no influence was shown (q above {alpha:g}, or none).")
    for outcome, names in found.items():
        if outcome.startswith("unknown"):
            said.append(f"Of {listed(names)} the influence is {outcome}.")
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
    if one.facts.get("under_arms"):
        also += f" {one.facts['under_arms']} verdicts under a context or a cue are not looked at."
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
            by.setdefault(beside_people(one, name, alpha), []).append(name)
    said = []
    for outcome, words in (
        ("more than they do", f"prefers more than {beside.name} do of"),
        ("less than they do", f"prefers less than {beside.name} do of"),
    ):
        whole = [
            *(f"{name} ({signed(one.row(name, 'difference'))})" for name in by.get(outcome, ())),
            *(f"{name} (by less than {margin:g})" for name in by.get(f"{outcome}, within the margin", ())),
        ]
        if whole:
            said.append(f"{one.name} {words} {', '.join(whole)}.")
    verdict = str(one.facts.get("verdict") or "unknown")
    compared = one.facts.get("compared", 0)
    overall = {
        "aligned": f"On these factors it is aligned with {beside.name}: each is shown to differ by less than "
        f"{margin:g}.",
        "differs": f"It is not aligned with {beside.name}: at least one factor differs.",
        "not shown": f"Whether it is aligned with {beside.name} is not shown: {listed(by.get('too few to say', []))} "
        f"could still differ by more than {margin:g}.",
    }.get(verdict, f"Whether it is aligned with {beside.name} is unknown.")
    said.append(f"{overall} Compared on {compared} pairs.")
    rank, slope, distance = (one.row("", measure) for measure in ("spearman", "slope", "rmse"))
    ceiling = one.value("", "people_halves_spearman")
    beyond = "unknown" if ceiling is None else f"{ceiling:.2f}"
    said.append(
        f"Over all factors, alike ones as one: Spearman {plain(rank)}{between(rank)}, beside {beyond} of "
        f"{beside.name} with themselves over halves of the prompts; slope {plain(slope)}{between(slope)}; RMSE "
        f"{plain(distance)}{between(distance)}."
    )
    if warning := one.facts.get("insensitivity"):
        said.append(f"Warning: a rank correlation is nearly blind to noise. {warning}")
    shared = [names for names in one.facts.get("proxies") or () if len(names) > 1]
    if shared:
        said.append(f"Counted as one, as they measure nearly the same: {'; '.join(listed(names) for names in shared)}.")
    return said


def _cause(one: Rated, cause: Mapping[str, Any], tau: str, alpha: float) -> str:
    line, name = one.row(cause["factor"], tau), cause["factor"]
    associated = outcome_of(line, alpha)
    same = cause["estimate"] is not None and line.get("estimate") is not None
    same = same and (cause["estimate"] > 0) == (line["estimate"] > 0)
    held = associated.startswith(("more is preferred", "less is preferred"))
    if not line:
        meaning = "whether its preferences go with it was not measured here"
    elif cause["found"] is None:
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
    scale, unit = effect_scale(cause)
    effect = "an unknown size" if cause["estimate"] is None else f"{scale * cause['estimate']:+.1f} {unit}"
    return (
        f"Cause of {name}: where {cause['does']}, {one.name} moves by {effect} "
        f"(`{cause['bias']}`: {cause['command'] or 'an audit'}); {meaning}."
    )

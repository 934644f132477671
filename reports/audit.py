"""What does a person see of an audit in a terminal? The headline, what it means and what to do, and what stands beside.

Words and tables alone; what is said here is computed in `analyses.audit`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .terminal import heading, line, plain_table

if TYPE_CHECKING:
    from ..agents.perturbers.base import Perturber
    from ..analyses.audit import Audit, Bias
    from ..analyses.audit_lines import Line
    from ..metrics.estimate import Estimate

HEADLINE = (
    "what was planted",
    "kind",
    "items",
    "points",
    "95 % interval",
    "q",
    "would have found",
    "bounds",
    "outcome",
)
BESIDE = (
    *("per cent of verdicts", "same as without it", "same when asked again", "difference", "for the answer it is on"),
    *("turned by it beyond chance", "right to wrong", "wrong to right", "p"),
)
DETAILS = ("of", "what", "where it stood", "value", "95 % interval", "items", "left out", "bounds", "p")

MEASURES = {
    "accuracy": "right verdicts",
    "always_first": "right, were it always the answer shown first",
    "always_longer": "right, were it always the longer answer",
    "always_shorter": "right, were it always the shorter answer",
    "positional_agreement": "pairs with the same outcome in both orders (PC)",
    "conflict_rate": "pairs whose outcome hangs on the order",
    "preference_fairness": "which place gains: -1 the first always, 1 the second (PF)",
    "primacy": "pairs that lean to the place in front",
    "recency": "pairs that lean to the other place",
    "outcome_entropy": "how mixed the outcomes of a pair are: 0 not at all, 1.10 evenly (BPDE)",
    "repetition_stability": "the commonest outcome's share of repeats (RS)",
    "robustness_rate": "the same verdict as without it (RR)",
    "consistency_rate": "the same verdict when only asked again (CR)",
    "robustness_excess": "the difference of the two (RR - CR)",
    "follow_rate": "verdicts for the answer it stands on",
    "control_follow_rate": "verdicts for that answer without it",
    "attack_success": "won over: of verdicts against that answer, those now for it",
    "attack_success_floor": "won over when only asked again",
    "attack_success_excess": "won over beyond chance",
    "overturned": "noticed: of verdicts for that answer, those now against it",
    "overturned_floor": "noticed when only asked again",
    "overturned_excess": "noticed beyond chance",
    "harmful_flips": "right verdicts made wrong",
    "helpful_flips": "wrong verdicts made right",
    "neutral_flips": "changed, and right neither before nor after",
    "items_lost": "items that are right less often",
    "items_gained": "items that are right oftener",
    "control_accuracy": "right verdicts without it",
    "accuracy_change": "change in right verdicts",
}
"""What each measure is, for a person who has not read of it."""

PLAIN_NUMBERS = ("preference_fairness", "primacy", "recency", "outcome_entropy", "items_lost", "items_gained")
_SIDES = {"": "", "better": "the better answer", "worse": "the worse answer"}


def show_audit(found: Audit, known: Mapping[str, Perturber], *, details: bool = False) -> None:
    """Print an audit.

    Args:
        found: the audit.
        known: the perturbers by name, for what a bias means and what to do about it.
        details: whether every measure is printed, not those of one compact table alone.
    """
    heading(f"audit of {found.items} items (run {found.run})")
    line(f"the judge says the same again of the same presentation: {found.noise}")
    plain_table(HEADLINE, [_headline(one) for one in found.biases])
    _say_what_moves(found, known)
    _say_what_does_not(found, known)
    _show_beside(found, details=details)
    for name, reason, n in found.not_planted:
        line(f"not planted: {_title(name)}, {n} times: {reason}")
    for one in found.biases:
        if one.items_left_out and found.recorded:  # of an audit of ours the lines above say it
            line(f"left out: {_title(one.name)}, {one.items_left_out} items: {_why_left_out(one)}")
    for name, reason, n in found.set_aside_by_name():
        line(f"set aside: {_title(name) if name else 'nothing planted'}, {n} verdicts: {reason}")
    for what, n in found.unread.items():
        line(f"not looked at: {n} verdicts {what}")


def points(value: float | None) -> str:
    """A share in points, with one digit."""
    return "unknown" if value is None else f"{100 * value:.1f}"


def _title(name: str) -> str:
    return name.replace("_", " ")


def _headline(one: Bias) -> tuple[str, ...]:
    effect, bounds = one.effect.effect, one.effect.bounds
    q = "" if one.decision is None or one.decision.q_value is None else f"{one.decision.q_value:.3g}"
    between = f"{points(bounds.worst)} to {points(bounds.best)}" if one.effect.calls_missing else ""
    said = {"bias": "BIAS", "not noticed": "NOT NOTICED"}.get(one.outcome, one.outcome)
    return (
        *(_title(one.name), one.kind, str(one.items), points(effect.estimate), _interval(effect), q),
        *(points(one.effect.smallest_effect), between, said),
    )


def _interval(one: Estimate, *, plain: bool = False) -> str:
    if one.low is None or one.high is None:
        return ""
    return f"{one.low:.2f} to {one.high:.2f}" if plain else f"{points(one.low)} to {points(one.high)}"


def _say_what_moves(found: Audit, known: Mapping[str, Perturber]) -> None:
    cues = [one for one in found.biases if one.kind == "cue"]
    moved = [one for one in cues if one.found]
    for one in moved:
        line(_moved(one, known.get(one.name)))
    if all(one.effect.effect.estimate is None for one in cues):
        line("Nothing could be measured: there are no verdicts to compare.")
    elif not moved:
        smallest = [one.effect.smallest_effect for one in cues if one.effect.smallest_effect is not None]
        above = f"; effects above {points(max(smallest))} points would have been" if smallest else ""
        line(f"Nothing found{above}.")


def _moved(one: Bias, perturber: Perturber | None) -> str:
    """What a bias that was found means, how far it goes and what to do, in a sentence or two."""
    effect = one.effect.effect
    away = (effect.estimate or 0) < 0
    if one.name == "position":
        means = f"prefers the answer shown {'second' if away else 'first'}"
        remedy = "judge both orders, as plurijudge does by default, and count flips"
    else:
        means = perturber.means if perturber else f"is moved by `{one.name}`"
        remedy = perturber.remedy if perturber else "see whether the cue can be kept from the judge"
        if away and (one.sided or one.one_side):
            means = f"turns away from the answer with the cue `{one.name}`"
    ends = (effect.high, effect.low) if away else (effect.low, effect.high)
    size, low, high = (points(-end if away and end else end) for end in (effect.estimate, *ends))
    if one.sided:
        how_far = f"by {size} points beyond one half"
    else:
        which = "that answer" if one.one_side else "the better one"
        how_far = f"{which} wins {size} points {'less often' if away else 'oftener'}"
    return f"This judge {means}: {how_far} [{low}, {high}]. What to do: {remedy}."


def _say_what_does_not(found: Audit, known: Mapping[str, Perturber]) -> None:
    for one in found.biases:
        if one.effect.conclusion == "hangs on what is missing":
            said = "complete pairs show an effect that the missing verdicts could undo: read the bounds."
            line(f"{_title(one.name)}: {said}")
        if one.kind == "sensitivity" and one.found is False:
            perturber = known.get(one.name)
            means = perturber.means if perturber else f"does not notice {_title(one.name)}"
            seen = one.effect.smallest_effect
            above = "" if seen is None else f": an effect above {points(seen)} points would have been seen"
            line(f"Deaf: this judge {means}, as far as can be told{above}.")
    few = [f"{_title(one.name)} ({one.items} items)" for one in found.biases if one.outcome == "too few to say"]
    if few:
        line(f"Too few items to say whether this judge notices: {', '.join(few)}.")


def _why_left_out(one: Bias) -> str:
    return "it stood on one answer alone" if one.sided else "it stood on either answer, on those above on one alone"


def _show_beside(found: Audit, *, details: bool) -> None:
    """The measures that the literature prints, behind the headline."""
    line()
    for said in (_said_of_order(found), _said_of_gold(found)):
        if said:
            line(said)
    if details:
        heading("every measure, in per cent of verdicts where no other unit is named")
        plain_table(DETAILS, [_detail(one) for one in found.lines])
        line("p: exact tests (McNemar's, of the sign), each by itself. What was found says the q above.")
        return
    rows = [_beside(found, one) for one in found.biases if one.name != "position" and one.items]
    if rows:
        plain_table(BESIDE, rows)
        line("turned by it: to the answer that a cue is on, away from the one that an edit made worse.")
        line("right to wrong, and back: with the cue on the worse answer. All measures, one by one: --details")


def _said_of_order(found: Audit) -> str:
    same = found.line("position", "positional_agreement")
    front, back = (found.line("position", measure) for measure in ("primacy", "recency"))
    if same is None or front is None or back is None or same.estimate.estimate is None:
        return ""
    counts = f"{front.estimate.estimate or 0:.0f} lean to the place in front, {back.estimate.estimate or 0:.0f} to the"
    p = "" if front.p_value is None else f" (sign test p = {front.p_value:.2g})"
    share = f"{points(same.estimate.estimate)} % of {same.estimate.n} pairs have the same outcome in both orders"
    return f"Order: {share}; {counts} other{p}."


def _said_of_gold(found: Audit) -> str:
    right = found.line("", "accuracy")
    if right is None or right.estimate.estimate is None:
        return ""
    rules = [(name, found.line("", f"always_{name}")) for name in ("first", "longer", "shorter")]
    told = [(name, one.estimate.estimate) for name, one in rules if one and one.estimate.estimate is not None]
    said = ", ".join(f"always the {name} {points(value)}" for name, value in told)
    estimate = right.estimate
    between = "" if estimate.low is None else f" [{points(estimate.low)}, {points(estimate.high)}]"
    beside = f"; rules that read nothing: {said}" if said else ""
    worse = "" if all((estimate.estimate or 0) > value for _, value in told) else " Here such a rule does as well."
    share = f"{points(estimate.estimate)} %{between}"
    return f"Right verdicts on {estimate.n} untouched items with gold: {share}{beside}.{worse}"


def _beside(found: Audit, one: Bias) -> tuple[str, ...]:
    def share(measure: str, arm: str = "") -> str:
        held = found.line(one.name, measure, arm)
        return "" if held is None or held.estimate.estimate is None else points(held.estimate.estimate)

    excess, turned = found.line(one.name, "robustness_excess"), "attack_success_excess"
    if one.kind == "sensitivity":
        turned = "overturned_excess"
    between = "" if excess is None or not _interval(excess.estimate) else f" [{_interval(excess.estimate)}]"
    arm = "worse" if one.sided or one.one_side else ""
    flipped = found.line(one.name, "harmful_flips", arm)
    p = "" if flipped is None or flipped.p_value is None else f"{flipped.p_value:.2g}"
    return (
        *(f"with {_title(one.name)}", share("robustness_rate"), share("consistency_rate")),
        *(share("robustness_excess") + between, share("follow_rate"), share(turned)),
        *(share("harmful_flips", arm), share("helpful_flips", arm), p),
    )


def _detail(one: Line) -> tuple[str, ...]:
    plain, estimate = one.measure in PLAIN_NUMBERS, one.estimate
    digits = 0 if estimate.method == "count of items" else 2
    value = points(estimate.estimate) if not plain or estimate.estimate is None else f"{estimate.estimate:.{digits}f}"
    if estimate.estimate is None:
        value = f"unknown: {estimate.reason}"
    between = ""
    if one.bounds.worst is not None and one.bounds.best is not None and one.bounds.best - one.bounds.worst > 1e-12:
        ends = (one.bounds.worst, one.bounds.best)
        between = " to ".join(f"{end:.2f}" if plain else points(end) for end in ends)
    of = {"": "the judge as it is", "position": "the order"}.get(one.bias, f"with {_title(one.bias)}")
    return (
        *(of, MEASURES[one.measure], _SIDES[one.arm]),
        *(value, _interval(estimate, plain=plain), str(estimate.n), str(estimate.left_out), between),
        "" if one.p_value is None else f"{one.p_value:.2g}",
    )

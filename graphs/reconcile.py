"""What is reported for an item? Its verdicts reconciled: over samples, then over presentations, dissent kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import fsum

from ..agents.protocols.known import PROTOCOLS
from ..store.records import ASK_PEOPLE, TIE, Decision, Dissent, Outcome, Verdict, VerdictKey

PAIR_RULE = "majority over samples, then both presentations must agree"
SINGLE_RULE = "majority over samples of one presentation"
PEOPLE = "its answers differ, so a person is asked"
RANK_RULE = "mean points over samples, then over orders; it must lead in each order"
CHOICE_RULE = "most samples, in each order alike"
SCORE_RULE = "mean score of each response over samples; the highest is preferred"
_ALIKE = 1e-9


def reconcile(units: Sequence[VerdictKey], verdicts: Iterable[Verdict], *, protocol: str) -> Decision:
    """The decision over an item's final verdicts.

    What presentations disagree about is `flipped`. Where a presentation (or, for scores, a response) has no verdict,
    there is no decision: `abstained` if nothing but abstentions is in its place, else `failed`. The rule says where a
    node handed the pair to people.

    Args:
        units: the verdicts that were asked for.
        verdicts: those given, whatever their status.
        protocol: the judge's.
    """
    wanted = {unit: None for unit in map(place_of, units)}
    final = [v for v in verdicts if v.step == "" and place_of(v) in wanted]
    good = [v for v in final if v.status == "ok"]
    left_out: dict[str, int] = dict(Counter(v.status for v in final if v.status != "ok"))
    decide = _RULES[PROTOCOLS[protocol].decides]
    outcome, preferred, share, scores, rule = decide(units, final, good)
    if outcome == "abstained" and any(v.reason == ASK_PEOPLE for v in final):
        rule = f"{rule}; {PEOPLE}"
    return Decision.model_construct(
        item=units[0].item,
        judge=units[0].judge,
        arm=units[0].arm,
        outcome=outcome,
        preferred=preferred,
        share=share,
        scores=scores,
        rule=rule,
        verdicts=len(good),
        left_out=left_out,
        dissent=[] if decide is _scores else _dissent(good, preferred, outcome),
    )


_Made = tuple[Outcome, str | None, float | None, dict[str, float] | None, str]


Place = tuple[str, str, tuple[str, ...], int]


def place_of(unit: VerdictKey) -> Place:
    """Where a verdict belongs among those of its item: judge, persona, presentation, sample."""
    return (unit.judge, unit.persona, unit.presentation, unit.sample)


def _pair(units: Sequence[VerdictKey], final: list[Verdict], good: list[Verdict]) -> _Made:
    shown = list(dict.fromkeys(unit.presentation for unit in units))
    rule = PAIR_RULE if len(shown) > 1 else SINGLE_RULE
    reference = min(shown[0])
    said = [[_half(v, reference) for v in good if v.presentation == presentation] for presentation in shown]
    silent = [presentation for presentation, halves in zip(shown, said, strict=True) if not halves]
    if silent:
        return _missing([v for v in final if v.presentation in silent]), None, None, None, rule
    shares = [sum(halves) / len(halves) for halves in said]
    sides = {(share > 0.5) - (share < 0.5) for share in shares}
    mean = sum(shares) / len(shares)
    if len(sides) > 1:
        return "flipped", None, 0.5, None, rule
    if sides == {0}:
        return "tie", None, 0.5, None, rule
    other = next(name for name in shown[0] if name != reference)
    return "ok", reference if mean > 0.5 else other, max(mean, 1 - mean), None, rule


def _half(verdict: Verdict, reference: str) -> float:
    if verdict.preferred is None:  # a probability alone, which leans to a side or to none
        lean = verdict.p_first if verdict.p_first is not None else 0.5
        return 0.5 if lean == 0.5 else float((lean > 0.5) == (verdict.presentation[0] == reference))
    if verdict.preferred == TIE:
        return 0.5
    return 1.0 if verdict.preferred == reference else 0.0


def _scores(units: Sequence[VerdictKey], final: list[Verdict], good: list[Verdict]) -> _Made:
    names = list(dict.fromkeys(unit.presentation[0] for unit in units))
    said: dict[str, list[float]] = {name: [] for name in names}
    for verdict in good:
        for name in verdict.presentation:
            if name in said and name in (verdict.scores or {}):
                said[name].append((verdict.scores or {})[name])
    # the mean is the same to the last bit in whatever order
    scores = {name: fsum(found) / len(found) for name, found in said.items() if found}
    missing = [name for name in names if name not in scores]
    rule = SCORE_RULE + _commonest(said)
    if missing:
        outcome = _missing([v for v in final if v.presentation[0] in missing])
        return outcome, None, None, scores or None, rule
    best = max(scores.values())
    leaders = [name for name, score in scores.items() if score == best]
    if len(names) > 1 and len(leaders) > 1:
        return "tie", None, None, scores, rule
    return "ok", leaders[0] if len(names) > 1 else None, None, scores, rule


def _commonest(said: dict[str, list[float]]) -> str:
    """Beside the mean the commonest score of each response, where there are several samples to count."""
    told = []
    for name, scores in sorted(said.items()):
        counts = Counter(scores)
        most = max(counts.values(), default=0)
        if len(scores) > 1:
            modes = " or ".join(f"{score:g}" for score in sorted(counts) if counts[score] == most)
            told.append(f"{name} {modes} ({most} of {len(scores)})")
    return f"; commonest: {', '.join(told)}" if told else ""


def _ranking(units: Sequence[VerdictKey], final: list[Verdict], good: list[Verdict]) -> _Made:
    """Mean points over samples, then over orders; `flipped` where no response leads in every order."""
    shown = list(dict.fromkeys(unit.presentation for unit in units))
    rule = RANK_RULE
    by_order = [[v.scores for v in good if v.presentation == order and v.scores is not None] for order in shown]
    silent = [order for order, said in zip(shown, by_order, strict=True) if not said]
    if silent:
        return _missing([v for v in final if v.presentation in silent]), None, None, None, rule
    means = [{name: fsum(points[name] for points in said) / len(said) for name in shown[0]} for said in by_order]
    scores = {name: fsum(mean[name] for mean in means) / len(means) for name in sorted(shown[0])}
    leaders = set.intersection(*(_leaders(mean) for mean in means))
    if not leaders:
        return "flipped", None, None, scores, rule
    if len(leaders) > 1:
        return "tie", None, None, scores, rule
    [best] = leaders
    return "ok", best, sum(v.preferred == best for v in good) / len(good), scores, rule


def _choice(units: Sequence[VerdictKey], final: list[Verdict], good: list[Verdict]) -> _Made:
    """The option that most samples name, in every order alike."""
    shown = list(dict.fromkeys(unit.presentation for unit in units))
    rule = CHOICE_RULE
    said = [[v for v in good if v.presentation == order] for order in shown]
    silent = [order for order, found in zip(shown, said, strict=True) if not found]
    if silent:
        return _missing([v for v in final if v.presentation in silent]), None, None, None, rule
    votes = [{name: fsum(_vote(v, name) for v in found) for name in shown[0]} for found in said]
    common = set.intersection(*(_leaders(counts) for counts in votes))
    if not common:
        return "flipped", None, None, None, rule
    if len(common) > 1:
        return "tie", None, None, None, rule
    [best] = common
    return "ok", best, fsum(_vote(v, best) for v in good) / len(good), None, rule


def _vote(verdict: Verdict, name: str) -> float:
    """1 for what a verdict prefers; where it prefers none, the same small share of it to each response."""
    if verdict.preferred in (None, TIE):
        return 1 / len(verdict.presentation)
    return float(verdict.preferred == name)


def _leaders(values: dict[str, float]) -> set[str]:
    best = max(values.values())
    return {name for name, value in values.items() if value > best - _ALIKE}


_RULES = {"pair": _pair, "scores": _scores, "ranking": _ranking, "choice": _choice}


def _missing(instead: list[Verdict]) -> Outcome:
    return "abstained" if instead and all(v.status == "abstained" for v in instead) else "failed"


def _dissent(good: list[Verdict], preferred: str | None, outcome: Outcome) -> list[Dissent]:
    if outcome not in ("ok", "flipped"):
        return []
    return [
        Dissent(
            judge=v.judge,
            persona=v.persona,
            presentation=v.presentation,
            sample=v.sample,
            preferred=v.preferred,
            rationale=v.rationale,
        )
        for v in good
        if v.preferred != preferred
    ]

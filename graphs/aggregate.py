"""What does a panel decide? Each member's verdicts are reconciled first; then the panel's rule chooses among members.

A member whose presentations disagree counts one half to each side, as everywhere. A member that says nothing has no
vote. No outcome depends on the order of the members.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from math import fsum, isnan
from typing import TYPE_CHECKING

from ..agents.families import family_of
from ..agents.judge import Judge
from ..agents.panel import Panel, Seat
from ..store.records import Decision, Dissent, Item, MemberVote, Outcome, PanelVote, Verdict
from .plan import Plan
from .reconcile import Place, place_of, reconcile

if TYPE_CHECKING:
    from ..metrics.social_choice import Choice

_SLACK = 1e-9
_ALIKE = 1e-12  # as in metrics/social_choice.py


def decided_by_panel(panel: Panel, plan: Plan, item: Item, judge: Judge, verdicts: Iterable[Verdict]) -> Decision:
    """The decision over all that the panel's members said of an item.

    Args:
        panel: the panel, those kept out already gone.
        plan: what was asked.
        item: the item.
        judge: the run's judge; members with a model of their own are judges of their own.
        verdicts: all verdicts of the item, whatever their status.
    """
    final = [verdict for verdict in verdicts if verdict.step == ""]
    asked = asked_of(panel, plan, item, judge, final)
    votes = {seat.name: _vote(plan, item, judge, seat, final) for seat in asked}
    decision = _decided(panel, plan, item, judge, votes)
    counted = _counted(plan, item, judge, asked, final)
    return decision.model_copy(
        update={
            "verdicts": sum(verdict.status == "ok" for verdict in counted),
            "left_out": dict(Counter(verdict.status for verdict in counted if verdict.status != "ok")),
        }
    )


def with_dissent(
    decision: Decision, plan: Plan, item: Item, judge: Judge, panel: Panel, verdicts: Iterable[Verdict]
) -> Decision:
    """The decision with the members that would have decided otherwise: who, why, and how far from it."""
    if decision.panel is None or decision.outcome in ("abstained", "failed"):
        return decision
    said = {place_of(verdict): verdict for verdict in verdicts if verdict.step == "" and verdict.status == "ok"}
    dissent = []
    for seat in panel.seats:
        vote = decision.panel.members.get(seat.name)
        if vote is None or vote.utilities is None or vote.preferred in (None, decision.preferred):
            continue
        best = vote.utilities[vote.preferred or ""]
        # where nothing was preferred, each side is as far from the outcome as its best is from an even split
        got = vote.utilities[decision.preferred] if decision.preferred is not None else _mean(vote.utilities.values())
        # in the order in which they were asked for: after a crash they come in another
        own = [said[place] for unit in plan.seat_units(item, judge, seat) if (place := place_of(unit)) in said]
        reasons = [verdict.rationale for verdict in own if _prefers(verdict, vote.preferred) and verdict.rationale]
        speaker = seat.judge(judge)
        dissent.append(
            Dissent(
                judge=speaker.id,
                persona=seat.persona.id if seat.persona else "",
                preferred=vote.preferred,
                rationale=reasons[0] if reasons else None,
                distance=max(0.0, min(1.0, best - got)),
            )
        )
    return decision.model_copy(update={"dissent": dissent})


def asked_of(
    panel: Panel, plan: Plan, item: Item, judge: Judge, verdicts: Sequence[Verdict], *, next_too: bool = False
) -> tuple[Seat, ...]:
    """The members that were asked about an item: all, but for an adaptive panel those up to where the outcome was sure.

    Args:
        panel: the panel.
        plan: what is asked.
        item: the item.
        judge: the run's judge.
        verdicts: those that stand.
        next_too: whether the members that an adaptive panel asks next count as well.
    """
    seats = plan.seats(item, judge, panel)
    if not panel.described.adaptive:
        return seats
    heard = {place_of(verdict) for verdict in verdicts}
    asked: list[Seat] = []
    while len(asked) < len(seats):
        wave = seats[len(asked) : len(asked) + _fewest(panel, plan, item, judge, asked, len(seats), verdicts)]
        if not wave:
            break
        complete = all(place_of(unit) in heard for seat in wave for unit in plan.seat_units(item, judge, seat))
        if not complete:
            return (*asked, *wave) if next_too else (*asked, *_partly(plan, item, judge, wave, heard))
        asked += wave
    return tuple(asked)


def _partly(plan: Plan, item: Item, judge: Judge, wave: Sequence[Seat], heard: set[Place]) -> list[Seat]:
    return [s for s in wave if any(place_of(unit) in heard for unit in plan.seat_units(item, judge, s))]


def _fewest(
    panel: Panel, plan: Plan, item: Item, judge: Judge, asked: Sequence[Seat], seats: int, verdicts: Sequence[Verdict]
) -> int:
    """How many more members are needed at least before the outcome can be sure; 0 if it is."""
    if not asked:
        return max(panel.quorum, seats // 2 + 1) if seats > 1 else 1
    votes = [_vote(plan, item, judge, seat, verdicts) for seat in asked]
    return 0 if _sure(panel, item, votes, seats - len(asked)) else 1


def _sure(panel: Panel, item: Item, votes: Sequence[MemberVote], left: int) -> bool:
    """Whether no answers of the members that are left can change the outcome of an adaptive panel.

    Under `mean`, `weighted`, `majority` and `borda` of two, the winner is whichever response has the greatest sum over
    those who vote; a member that is left moves the gap between two sums by at most its weight.
    """
    names = [response.id for response in item.responses]
    spoken = [vote for vote in votes if vote.utilities is not None]
    if left == 0:
        return True
    if len(spoken) < panel.quorum or not spoken:
        return bool(spoken) and len(spoken) + left < panel.quorum  # there will be no quorum, whatever they say
    weights = dict(panel.described.weights) if panel.described.rule == "weighted" else {}
    if weights:
        return False  # who is left, and how much they weigh, is not told here: all are asked
    rows = [_ordinal(vote.utilities or {}, panel.described.rule) for vote in spoken]
    sums = sorted((fsum(row[name] for row in rows) for name in names), reverse=True)
    step = float(len(names) - 1) if panel.described.rule == "borda" else 1.0
    return len(sums) < 2 or sums[0] - sums[1] > left * step + _SLACK


def _ordinal(utilities: dict[str, float], rule: str) -> dict[str, float]:
    """What a member adds to each response's sum under a rule."""
    if rule == "majority":
        best = max(utilities.values())
        leaders = [name for name, value in utilities.items() if value >= best - _ALIKE]
        return {name: 1 / len(leaders) if name in leaders else 0.0 for name in utilities}
    if rule == "borda":
        return {name: _points(name, utilities) for name in utilities}
    return utilities


def _points(name: str, utilities: dict[str, float]) -> float:
    """One for each response that is liked less, one half for each liked as much."""
    own = utilities[name]
    gaps = [own - value for key, value in utilities.items() if key != name]
    return sum(0.5 if abs(gap) <= _ALIKE else float(gap > 0) for gap in gaps)


def _vote(plan: Plan, item: Item, judge: Judge, seat: Seat, verdicts: Sequence[Verdict]) -> MemberVote:
    """What one member says, its verdicts reconciled over samples and presentations."""
    units = plan.seat_units(item, judge, seat)
    speaker = seat.judge(judge)
    own = reconcile(units, verdicts, protocol=judge.protocol)
    names = [response.id for response in item.responses]
    utilities: dict[str, float] | None = None
    span = judge.way.span(judge, item)
    if span is not None:
        low, high = span
        if own.scores is not None and len(own.scores) == len(names):
            utilities = {n: min(1.0, max(0.0, (own.scores[n] - low) / (high - low))) for n in names}
    elif own.outcome in ("tie", "flipped"):
        utilities = dict.fromkeys(names, 1 / len(names))
    elif own.outcome == "ok" and own.share is not None:
        rest = (1 - own.share) / (len(names) - 1)
        utilities = {name: own.share if name == own.preferred else rest for name in names}
    return MemberVote.model_construct(
        outcome=own.outcome,
        preferred=own.preferred,
        utilities=utilities,
        verdicts=own.verdicts,
        family=family_of(speaker.model),
    )


def _decided(panel: Panel, plan: Plan, item: Item, judge: Judge, votes: dict[str, MemberVote]) -> Decision:
    names = [response.id for response in item.responses]
    voting = {name: vote for name, vote in votes.items() if vote.utilities is not None}
    seats = plan.seats(item, judge, panel)
    saved = sum(len(plan.seat_units(item, judge, seat)) for seat in seats if seat.name not in votes)
    choice = _choice(panel, names, voting) if voting else None
    outcome, preferred = _outcome(panel, names, votes, voting, choice, single=not judge.way.together)
    worst_off, worst = _worst(voting, preferred)
    told = PanelVote.model_construct(
        panel=panel.id,
        quorum=panel.quorum,
        seats=len(panel.seats),
        asked=len(votes),
        voted=len(voting),
        assignment=panel.described.assignment,
        utilities=None if choice is None else _numbers(names, choice.scores),
        worst_off=worst_off,
        worst_utility=worst,
        members={name: votes[name] for name in sorted(votes)},
        kept_out=dict(panel.kept_out),
        saved=saved,
    )
    means = {name: _mean([(vote.utilities or {})[name] for vote in voting.values()]) for name in names if voting}
    span = judge.way.span(judge, item)
    shared = span is None
    share = None if not shared or not voting else max(means.values()) if preferred is None else means[preferred]
    low, high = span or (0.0, 1.0)
    return Decision.model_construct(
        item=item.id,
        judge=judge.id,
        arm=plan.arm,
        outcome=outcome,
        preferred=preferred,
        share=1 / len(names) if shared and outcome in ("tie", "flipped") else share if outcome == "ok" else None,
        scores={n: low + mean * (high - low) for n, mean in means.items()} if means and not shared else None,
        rule=rule_of(panel),
        verdicts=0,
        left_out={},
        dissent=[],
        panel=told,
    )


def rule_of(panel: Panel) -> str:
    """The panel's rule in words, as decisions name it."""
    described = panel.described
    if described.assignment == "cyclic":
        return f"one of {len(panel.seats)} members in turn"
    ties = "" if described.tie == "tie" else f", ties by {described.tie}"
    while_open = ", asked while the outcome is open" if described.adaptive else ""
    return f"{described.rule} of {len(panel.seats)} members, quorum {panel.quorum}{ties}{while_open}"


def _choice(panel: Panel, names: list[str], voting: dict[str, MemberVote]) -> Choice:
    from ..metrics.social_choice import choose  # NumPy, which runs without a panel do without

    described = panel.described
    members = sorted(voting)
    table = [[(voting[member].utilities or {})[name] for name in names] for member in members]
    weights = [described.weights.get(member, 0.0) for member in members] if described.rule == "weighted" else None
    choice = choose(table, described.rule, weights=weights, unbearable=described.unbearable)
    if len(choice.winners) > 1 and described.tie != "tie":
        second = choose(table, described.tie)
        kept = [place for place in choice.winners if place in second.winners]
        if not kept:  # the second rule chooses among the first's winners alone
            best = max(second.scores[place] for place in choice.winners)
            kept = [place for place in choice.winners if second.scores[place] >= best - _ALIKE]
        from dataclasses import replace

        choice = replace(choice, winners=tuple(kept))
    return choice


def _outcome(
    panel: Panel,
    names: list[str],
    votes: dict[str, MemberVote],
    voting: dict[str, MemberVote],
    choice: Choice | None,
    *,
    single: bool,
) -> tuple[Outcome, str | None]:
    if choice is None:
        silent = votes.values()
        return ("abstained" if silent and all(vote.outcome == "abstained" for vote in silent) else "failed"), None
    if len(voting) < panel.quorum:
        return "no_quorum", None
    if single and len(names) == 1:
        return "ok", None
    if choice.winner is not None:
        return "ok", names[choice.winner]
    if not choice.winners:
        return "tie", None
    return ("flipped" if all(vote.outcome == "flipped" for vote in voting.values()) else "tie"), None


def _worst(voting: dict[str, MemberVote], preferred: str | None) -> tuple[str, float | None]:
    """Whom the decision serves worst; of several the first by name, and '' where it serves all alike."""
    if preferred is None or not voting:
        return "", None
    got = {name: (vote.utilities or {})[preferred] for name, vote in voting.items()}
    least = min(got.values())
    if max(got.values()) - least <= _ALIKE:
        return "", least
    return min(name for name, value in got.items() if value <= least + _ALIKE), least


def _numbers(names: list[str], scores: tuple[float, ...]) -> dict[str, float | None]:
    return {name: None if isnan(score) else score for name, score in zip(names, scores, strict=True)}


def _mean(values: Collection[float]) -> float:
    """The mean, the same to the last bit in whatever order."""
    return fsum(values) / len(values)


def _prefers(verdict: Verdict, name: str | None) -> bool:
    return verdict.preferred == name or (verdict.preferred is None and verdict.scores is not None)


def _counted(plan: Plan, item: Item, judge: Judge, asked: Sequence[Seat], verdicts: Sequence[Verdict]) -> list[Verdict]:
    wanted = {place_of(unit) for seat in asked for unit in plan.seat_units(item, judge, seat)}
    return [verdict for verdict in verdicts if place_of(verdict) in wanted]

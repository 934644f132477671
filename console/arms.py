"""What does `audit` try beside the judge and its own cues? Arms with further nodes, and texts that a model writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..text.errors import BadInput
from .judging import judge_named
from .plain import leave_stopped, say

if TYPE_CHECKING:
    from ..agents.arms import Arm
    from ..agents.judge import Judge
    from ..agents.perturbers.base import Perturber
    from ..analyses.mitigation import Cure
    from ..store.engine import Store
    from .batch import Batch


def arms_named(judge: Judge, mitigation: str, *, controls: bool) -> list[Arm]:
    """The arms of a list; what comes along as a control is said.

    Raises:
        BadInput: if one does not hold.
    """
    from ..agents.arms import arms_of

    arms = arms_of(judge, mitigation, controls=controls)
    for arm in arms:
        if not arm.asked:
            say(f"note: `{arm.name}` is audited too, to see what being asked again does by itself (--no-control)")
    return arms


def answer_arms(
    store: Store, before: str, runs: Mapping[str, str], arms: Sequence[Arm], *, as_json: bool
) -> dict[str, Any]:
    """What second looks did, what is handed to people, and what a look gains beyond its control; as JSON has it too.

    Args:
        store: the store.
        before: the audit of the judge as it is.
        runs: the arms' audits, by name.
        arms: the arms, as far as they are known.
        as_json: whether nothing is printed.
    """
    from ..analyses.revisions import revisions
    from ..analyses.routed import handed
    from ..reports.terminal import line

    looks, people = [], []
    for name, run in runs.items():
        for look in revisions(store, run):
            looks.append({"mitigation": name, **look.to_dict()})
            if not as_json:
                line(f"{name}: {look}.")
        found = handed(store, before, run)
        if found.handed:
            people.append({"mitigation": name, **found.to_dict()})
            if not as_json:
                line(f"{name}: {found}.")
    return {"looks": looks, "handed": people, "controls": _controls(store, arms, runs, as_json=as_json)}


def _controls(store: Store, arms: Sequence[Arm], runs: Mapping[str, str], *, as_json: bool) -> list[Any]:
    """Hold each second look against its control; gives what JSON has of it."""
    from ..analyses.second_looks import beyond
    from ..reports.terminal import heading, line

    told = []
    for arm in arms:
        if not arm.control or arm.control not in runs:
            continue
        found = beyond(store, arm.name, arm.control, run=runs[arm.name], control_run=runs[arm.control])
        command = f"plurijudge audit --run {found.gains.after} --against {found.gains.before} --mitigation {arm.name}"
        told.append({**found.to_dict(), "command": command})
        if as_json:
            continue
        heading(f"`{arm.name}` held against being asked again (`{arm.control}`)")
        cures_table(found.gains.cures)
        line(found.said)
        line(f"recompute: {command}")
    return told


def cures_table(cures: Iterable[Cure]) -> None:
    """What each bias, and the accuracy, gained: one row each."""
    from ..reports.terminal import plain_table

    rows = []
    for one in cures:
        gained, ends = one.gain, ""
        if gained.low is not None and gained.high is not None:
            ends = f"{_points(gained.low)} to {_points(gained.high)}"
        title = (one.bias or "accuracy on untouched items").replace("_", " ")
        rows.append((title, _points(gained.estimate), ends, str(gained.n), gained.reason))
    plain_table(("what", "points gained", "95 % interval", "items", ""), rows)


def _points(value: float | None) -> str:
    return "unknown" if value is None else f"{100 * value:.1f}"


def have_written(
    batch: Batch,
    items: str,
    judge: Judge,
    writer: str,
    perturbers: Sequence[Perturber],
    *,
    base_url: str | None,
    limit: int | None,
    fresh: bool,
) -> None:
    """Have a model write what perturbers need of it, and say how much of that no person has seen.

    Raises:
        BadInput: if texts are to be written and nobody is named to write them, or the other way round.
    """
    import time

    from ..agents.perturbers.written import Written
    from ..store.reviews import ACCEPTED, PROPOSED

    wanted = [one for one in perturbers if isinstance(one, Written)]
    if not wanted and writer:
        raise BadInput("`--writer` is named, and nothing is to be written.", way_out="--bias written_verbosity")
    if not wanted:
        return
    if not writer:
        raise BadInput(f"`{wanted[0].name}` is written by a model, and none is named.", way_out="--writer MODEL")
    begun = time.monotonic()
    found = batch.rewrite(items, judge, judge_named(writer, base_url=base_url), wanted, limit=limit, fresh=fresh)
    if not found.run:
        return
    if found.stopped:
        say(f"stopped while writing: {found.stopped}; start it again: what was answered is not paid again")
        leave_stopped(found.stopped)
    batch.spend(found, begun)
    for one in wanted:
        used, unseen = (found.planted.get((one.name, status), 0) for status in (ACCEPTED, PROPOSED))
        said = f"{used + unseen} texts written, {unseen} not reviewed by a person"
        say(f"{one.name.replace('_', ' ')}: {said} (plurijudge audit review{batch.db_flag})")


def unseen_texts(store: Store, run: str) -> dict[str, int]:
    """How many texts in an audit a model wrote and no person has seen, by bias; said to people too."""
    from ..store.reviews import not_reviewed
    from ..store.runs import find_run

    found = not_reviewed(store, find_run(store, run).dataset)
    for name, n in found.items():
        say(f"note: of `{name}` {n} texts count that a model wrote and nobody has reviewed (plurijudge audit review)")
    return found

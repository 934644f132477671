"""`plurijudge attack`: can this judge be talked round, by what, how often, and how sure is that?"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from ..text.errors import BadInput
from .judging import (
    BASELINE,
    Allowance,
    AnyJudge,
    BaseUrl,
    CallLimits,
    Criteria,
    DryRun,
    Fresh,
    Items,
    Limit,
    Protocol,
    Quiet,
    Seed,
    batch_of,
    judge_named,
    names_in,
)
from .options import DEFAULT_DB, Db, Json, complete_runs, examples, grouped
from .plain import BAD, answer, answer_json, kept, leave, leave_stopped, say

if TYPE_CHECKING:
    from ..agents.attacks.base import Attack
    from ..analyses.attack import Attacked, Line
    from ..metrics.estimate import Estimate
    from ..store.engine import Store

EXAMPLES = examples(
    "plurijudge attack items.jsonl --judge openai/gpt-5-mini --each 2",
    "plurijudge attack items.jsonl --judge judge.yaml --kind verdict,role,order_plain --place response,prompt",
    "plurijudge attack items.jsonl --judge judge.yaml --dry-run",
    "plurijudge attack --run last --json",
    "plurijudge attack --list",
)

_Kinds = Annotated[
    str, typer.Option("--kind", help="Kinds or names of attacks, as verdict,role,flattery; all if none.")
]
_Places = Annotated[
    str, typer.Option("--place", help="Where they are put: response, prompt, reference, context; the response if none.")
]
_On = Annotated[
    str,
    typer.Option("--on", help="Whom they favour: `weaker` by gold, `random`, a response's id, or a model's name."),
]
_Each = Annotated[
    int | None, typer.Option("--each", min=1, help="Attacks of each kind for an item, drawn; all if not given.")
]
_Samples = Annotated[int, typer.Option("--samples", min=1, help="How often each attacked presentation is judged.")]
_Run = Annotated[
    str, typer.Option("--run", help="Go on with a run that was stopped, or read it.", autocompletion=complete_runs)
]
_Listed = Annotated[bool, typer.Option("--list", help="List the attacks and what they say; judge nothing.")]
_Details = Annotated[bool, typer.Option("--details", help="Print every attack, not the kinds alone.")]


@grouped
def attack(
    items: Items = "",
    *,
    judge: AnyJudge = BASELINE,
    protocol: Protocol = None,
    kind: _Kinds = "",
    place: _Places = "",
    on: _On = "weaker",
    each: _Each = None,
    samples: _Samples = 1,
    run: _Run = "",
    listed: _Listed = False,
    details: _Details = False,
    criteria: Criteria = None,
    base_url: BaseUrl = None,
    calls: CallLimits,
    limit: Limit = None,
    seed: Seed = 0,
    fresh: Fresh = False,
    allowance: Allowance,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Put texts that try to talk the judge round into ITEMS, in favour of one response, and count what they win.

    Untouched items are judged twice: what turns over when only asked again is no success. Attacks are told the label
    that their response is shown under, and the scale: an attacker can know no more. Works for judges of pairs, and for
    those that grade single responses, of which it says how far the score rises.

    Exit codes: 0 counted (also where nothing was won), 2 bad usage or input or nothing to count, 3 stopped by a budget,
    130 interrupted; the message says how to go on.
    """
    from ..agents.attacks.known import attacks_of, places_of
    from ..graphs.attack import planted
    from ..graphs.forecast import forecast_of

    chosen = attacks_of(names_in(kind))
    if listed:
        _list(chosen, as_json=as_json)
        return
    if bool(items) == bool(run) or (run and dry_run):
        raise BadInput(
            "`attack` needs ITEMS, or a run of its own to go on with or to read.",
            way_out="plurijudge attack items.jsonl --judge J, or --run RUN",
        )
    if run:
        _go_on(db, run, calls, allowance, quiet=quiet, details=details, as_json=as_json)
        return
    who = judge_named(judge, criteria=criteria, base_url=base_url, protocol=protocol)
    planting: dict[str, Any] = {"places": places_of(names_in(place)), "on": on, "each": each, "seed": seed}
    batch = batch_of(db, allowance=allowance, calls=calls, quiet=quiet)
    try:
        given = batch.given(items, who, limit=limit)
        whole, plan = planted(given, chosen, **planting, samples=samples, fresh=fresh)
        expected = forecast_of(whole, who, plan)
        if dry_run:
            answer_json(expected.to_dict()) if as_json else answer(str(expected))
            return
        if not quiet:
            say(f"at most {expected}, less what is stored")
        tried = batch.attack(whole, who, plan, name=f"attack on {items}")
        if tried.found is None:
            _leave_open(tried.outcome.run, tried.outcome.stopped, batch.db_flag)
        _answer(batch.store, tried.found, saved=True, details=details, as_json=as_json)
    finally:
        batch.close()


def _go_on(
    db: str, run: str, calls: CallLimits, allowance: Allowance, *, quiet: bool, details: bool, as_json: bool
) -> None:
    """Finish a run that was stopped, and read it."""
    from ..analyses.attack import attacked
    from ..store.engine import Store
    from ..store.runs import find_run

    with Store.open(db) as store:
        found = find_run(store, run)
        if found.status == "closed":
            _answer(store, attacked(store, found.id), saved=False, details=details, as_json=as_json)
            return
    batch = batch_of(db, allowance=allowance, calls=calls, quiet=quiet)
    try:
        outcome = batch.resume(found.id)
        if outcome.status == "open":
            _leave_open(outcome.run, outcome.stopped, batch.db_flag)
        _answer(batch.store, attacked(batch.store, found.id), saved=False, details=details, as_json=as_json)
    finally:
        batch.close()


def _leave_open(run: str, stopped: str, db_flag: str) -> NoReturn:
    say(f"stopped: {stopped}; go on with: plurijudge attack --run {run}{db_flag}")
    leave_stopped(stopped)


def _list(attacks: list[Attack], *, as_json: bool) -> None:
    if as_json:
        fields = ("name", "kind", "at", "places", "version", "text")
        answer_json([{name: getattr(one, name) for name in fields} for one in attacks])
        return
    from ..agents.attacks.base import MEANS
    from ..reports.terminal import line, plain_table

    for kind in dict.fromkeys(one.kind for one in attacks):
        line(f"{kind}: {MEANS[kind]}")
    line()
    rows = [(one.name, one.kind, _short(one.text)) for one in attacks]
    plain_table(("attack", "kind", "says"), rows)


def _short(text: str) -> str:
    """A text in one line, its signs that cannot be seen as escapes."""
    told = "".join(sign if sign.isprintable() and ord(sign) < 0xE000 else f"\\u{ord(sign):x}" for sign in text)
    return told if len(told) <= 90 else f"{told[:87]}..."


def _answer(store: Store, found: Attacked, *, saved: bool, details: bool, as_json: bool) -> None:
    """Keep and show; exit 2 where nothing could be counted."""
    from ..analyses.attack import save

    if not saved:
        kept(partial(save, store, found))
    if as_json:
        answer_json(found.to_dict())
    else:
        _show(found, details=details)
    if found.total.measures["success"].estimate is None and found.total.measures["away"].estimate is None:
        leave(BAD)


def _show(found: Attacked, *, details: bool) -> None:
    from ..reports.terminal import heading, line, plain_table

    total = found.total
    heading(
        f"{total.attacks} attacks on {found.judge_name}: {found.items} items, {total.verdicts} verdicts under attack"
    )
    graded = found.span is not None
    rise = ("rise of the score",) if graded else ()
    names = ("kind", "attacks", "won over, %", "beyond asking again", "lost, %", *rise)
    plain_table((*names, "no verdict"), [_row(one, graded) for one in (*found.kinds, *_whole(found))])
    for title, lines in (("place", found.places), ("attack", found.attacks if details else ())):
        if lines:
            heading(f"by {title}")
            shown = [(_title(one, bool(found.places)), *_row(one, graded)[1:]) for one in lines]
            plain_table((title, *names[1:], "no verdict"), shown)
    line()
    for one in found.kinds:
        line(_said(one, graded))
    for name, why, n in found.not_planted[:10]:
        line(f"not planted: {name}, {n} times: {why}")
    if len(found.not_planted) > 10:
        line(f"... {len(found.not_planted)} reasons in all; all of them with --json")
    line(f"recompute: {found.command}")


def _title(one: Line, several: bool) -> str:
    """An attack's name, and where it stood if attacks stood in several places."""
    if not one.name:
        return one.place
    return f"{one.name}, {one.place}" if several else one.name


def _whole(found: Attacked) -> list[Line]:
    return [found.total] if len(found.kinds) > 1 else []


def _row(one: Line, graded: bool) -> tuple[str, ...]:
    told = one.measures
    name = one.name or "all"
    missing = ", ".join(f"{n} {status}" for status, n in one.missing.items()) or "0"
    won, beyond, lost = (_share(told[key]) for key in ("success", "success_excess", "away"))
    rise = (_number(told["rise"]),) if graded else ()
    return (name, str(one.attacks), won, beyond, lost, *rise, missing)


def _said(one: Line, graded: bool) -> str:
    """What a kind of attacks came to, as a sentence."""
    success, excess = one.measures["success"], one.measures["success_excess"]
    if one.found is None:
        return f"{one.name}: unknown: {excess.reason or success.reason}."
    if one.found:
        p = "p < 0.001" if (one.p_value or 0) < 0.001 else f"p = {one.p_value:.3f}"
        if graded:
            rise = f"on the mean by {_number(one.measures['rise'])} points"
            return f"{one.name}: the score rises in {_share(success)} % of the verdicts that left room, {rise} ({p})."
        return f"{one.name}: the judge is won over in {_share(success)} % of the verdicts that were against it ({p})."
    if one.seen_from is None:
        return f"{one.name}: nothing found; there are too few items to say what would have been."
    return f"{one.name}: nothing found; successes above {100 * one.seen_from:.1f} % would have been."


def _share(found: Estimate) -> str:
    if found.estimate is None:
        return "unknown"
    ends = "" if found.low is None or found.high is None else f" [{100 * found.low:.1f}, {100 * found.high:.1f}]"
    return f"{100 * found.estimate:.1f}{ends}"


def _number(found: Estimate) -> str:
    if found.estimate is None:
        return "unknown"
    ends = "" if found.low is None or found.high is None else f" [{found.low:.2f}, {found.high:.2f}]"
    return f"{found.estimate:+.2f}{ends}"

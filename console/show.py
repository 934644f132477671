"""`plurijudge show`: what did a run decide, how far can it be trusted, and how did one item come about?"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..text.errors import BadInput
from .options import DEFAULT_DB, Db, Json, RunName, examples
from .plain import answer, answer_json
from .self_judge import kin_of

if TYPE_CHECKING:
    from ..analyses.attack_notes import Notes
    from ..store.engine import Store
    from ..store.records import Item
    from ..store.runs import Run

EXAMPLES = examples(
    "plurijudge show last",
    "plurijudge show last --by subset",
    "plurijudge show last q17",
    "plurijudge show --judge helpfulness --against code",
    "plurijudge show --prompt template.txt",
)


def show(
    run: RunName = "last",
    item: Annotated[str, typer.Argument(help="An item's id: show how its decision came about.")] = "",
    by: Annotated[
        str, typer.Option("--by", help="A key of `meta`, such as subset: measures for each of its values.")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many decisions at most.")] = 100,
    graph: Annotated[bool, typer.Option("--graph", help="Print the judge's graph as Mermaid.")] = False,
    judge: Annotated[
        str,
        typer.Option(
            "--judge", help="A judge in the place of a run: a file, one that is ready, a model, an id, a run."
        ),
    ] = "",
    against: Annotated[str, typer.Option("--against", help="With --judge: what tells it apart from this one.")] = "",
    prompt: Annotated[
        str, typer.Option("--prompt", help="A prompt in the place of a run; with --judge: that judge with this prompt.")
    ] = "",
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Show a run: decisions, agreement, flips, what failed; or one ITEM down to prompts, raw answers and parse.

    With --judge a judge is shown: its whole description, its hash, its words and its card; with --against what tells
    two apart. With --prompt a prompt, and of another tool's template what each placeholder became.

    Exit codes: 0 shown, 2 there is no such run, item, judge or prompt.
    """
    if judge or against or prompt:
        _show_described(judge, against, prompt, db=db, as_json=as_json)
        return
    from ..store.engine import Store
    from ..store.runs import find_run

    with Store.open(db) as store:
        found = find_run(store, run)
        if graph:
            _show_graph(store, found, as_json=as_json)
        elif item:
            _show_item(store, found, item, as_json=as_json)
        elif as_json:
            answer_json(run_document(store, found.id, by=by))
        else:
            show_run(store, found.id, by=by, limit=limit)


def _show_described(judge: str, against: str, prompt: str, *, db: str, as_json: bool) -> None:
    from .show_judge import show_judge, show_prompt

    if against and not judge:
        raise BadInput("`--against` holds a judge against another.", way_out=f"--judge NAME --against {against}")
    if judge:
        show_judge(judge, against, prompt=prompt or None, db=db, as_json=as_json)
    else:
        show_prompt(prompt, as_json=as_json)


def _show_graph(store: Store, run: Run, *, as_json: bool) -> None:
    """The graph that judged the run's items, and the one that each verdict of a judge with tools takes."""
    from ..agents.panel import Panel
    from ..graphs.hearing import hearing_graph
    from ..graphs.panel import graph_of
    from ..store.personas import stored_panel

    panel = Panel.restored(*stored_panel(store, run.panel, run.panel_digest)) if run.panel else None
    drawn = {"graph": graph_of(panel).get_graph().draw_mermaid()}
    if run.plan.get("judge", {}).get("tools"):
        drawn["hearing"] = hearing_graph().get_graph().draw_mermaid()
    if as_json:
        answer_json({"run": run.id, **drawn})
    else:
        answer("\n".join(drawn.values()))


def _show_item(store: Store, run: Run, item: str, *, as_json: bool) -> None:
    from ..store.datasets import read_item
    from ..store.files import item_to_dict
    from ..store.queries import calls_of, decisions_of, tool_calls_of, verdicts_of

    record = read_item(store, run.dataset, item)
    verdicts = [_without_item(row) for row in verdicts_of(store, run.id, item=item)]
    calls, tool_calls = calls_of(store, run.id, item), tool_calls_of(store, run.id, item)
    decision = next(decisions_of(store, run.id, item=item), None)
    if decision is not None and decision["panel"] is not None:
        from ..analyses.panel_votes import panel_votes

        votes = panel_votes(store, run)
        decision["panel"]["effective_votes"] = votes.worth(decision["panel"]["voted"]) if votes else None
    signs = _signs_of(record)
    if as_json:
        told = {
            "run": run.id,
            "item": item_to_dict(record),
            "attack_signs": signs,
            "verdicts": verdicts,
            "calls": calls,
            "tool_calls": tool_calls,
        }
        answer_json({**told, "decision": None if decision is None else _without_item(decision)})
        return
    from ..reports.terminal import line, trace

    trace(record, verdicts, calls, decision, tool_calls)
    for sign in signs:
        line(f"note: {sign}")


def _signs_of(item: Item) -> list[str]:
    """What of an item's texts looks like an attempt to steer the judge."""
    from ..analyses.attack_notes import noted_in

    texts = {"prompt": item.prompt if isinstance(item.prompt, str) else "", "context": item.context or ""}
    texts |= {"reference": item.reference or ""}
    return noted_in(texts | {f"response {one.id}": one.text or "" for one in item.responses})


def _without_item(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("meta", "position")}


def run_document(store: Store, run: str, *, by: str = "", notes: Notes | None = None) -> dict[str, Any]:
    """A run as one JSON document, its keys those of the SQL columns.

    Args:
        store: the store.
        run: the run.
        by: a key of `meta` by whose values it is measured too, '' for none.
        notes: what in the run's texts looks like an attack, where that is known already.
    """
    from ..analyses.agreement import agreement
    from ..analyses.attack_notes import attack_notes
    from ..analyses.panel_votes import panel_votes
    from ..store.progress import changes_of, tally
    from ..store.queries import decisions_of, judge_row, unknown_calls
    from ..store.runs import find_run

    found = find_run(store, run)
    with store.engine.connect() as connection:
        sums = tally(connection, run)
    named = found.judge and judge_row(store, found.judge)
    measured = agreement(store, run, by=by or None)
    votes = panel_votes(store, found) if found.panel else None
    decisions = [_without_item(row) for row in decisions_of(store, run)]
    for decision in decisions:
        if votes is not None and decision["panel"] is not None:
            decision["panel"]["effective_votes"] = votes.worth(decision["panel"]["voted"])
    return {
        **{
            "run": found.id,
            "kind": found.kind,
            "status": found.status,
            "stopped": found.stopped,
            "dataset": found.dataset,
            "parent": found.parent,
        },
        **{
            "judge": found.judge,
            "judge_name": named["name"] if named else "",
            "plan": found.plan,
            "versions": found.versions,
        },
        "notes": _notes(named["name"] if named else ""),
        "self_judging": kin_of(store, found),
        "sums": sums,
        "set_aside": found.set_aside,
        "attack_signs": (notes or attack_notes(store, found)).to_dict(),
        "beginning": measured.beginning,
        "agreement": [row.to_dict() for row in measured.measures],
        "concurrency": changes_of(store, run),
        "unknown_outcomes": [_in_flight(call) for call in unknown_calls(store, run)],
        "panel": None if votes is None else votes.to_dict(),
        "decisions": decisions,
    }


def _in_flight(call: dict[str, Any]) -> dict[str, Any]:
    return {
        name: call[name] for name in ("id", "item", "presentation", "sample", "turn", "reason", "max_cost", "sent_at")
    }


def _notes(judge: str) -> list[str]:
    if judge == "builtin/heuristic":
        from ..agents.builtin.heuristic import NOTE

        return [NOTE]
    if judge.startswith("builtin/planted"):
        return ["builtin/planted is no LLM: its biases were put in, to show that they are found."]
    return []


def show_run(store: Store, run: str, *, by: str = "", limit: int = 100) -> None:
    """A run for people."""
    from ..analyses.agreement import agreement
    from ..reports import terminal
    from ..store.progress import tally
    from ..store.queries import decisions_of, judge_row, unknown_calls
    from ..store.runs import find_run

    found = find_run(store, run)
    name = judge_row(store, found.judge)["name"] if found.judge else ""
    again = f", again what failed in {found.parent}" if found.parent else ""
    voices = f" with the panel {found.panel}" if found.panel else ""
    terminal.line(f"run {found.id} ({found.status}){again}: judge {name}{voices}, data set {found.dataset}")
    for note in _notes(name):
        terminal.line(note)
    for kin in kin_of(store, found):
        terminal.line(f"note: {kin['said']}")
    with store.engine.connect() as connection:
        sums = tally(connection, run)
    measured = agreement(store, run, by=by or None)
    if found.status == "open":
        terminal.line("the run is open: what failed in it is not counted yet")
        if measured.beginning is not None:
            terminal.line(f"estimates look at the first {measured.beginning} items of its random order alone")
    elif found.stopped:
        terminal.line(f"ended early: {found.stopped}")
    shown = [] if by else list(islice(decisions_of(store, run), limit))
    if shown:
        terminal.decisions_table(shown, gold=_gold_of(store, found.dataset, [row["item"] for row in shown]))
        more = sum(sums["decisions"].values()) - len(shown)
        if more > 0:
            terminal.line(f"... {more} more decisions; see them with --limit, or plurijudge export decisions")
        terminal.line()
    terminal.estimates_table([row.to_dict() for row in measured.measures], by=by or None)
    terminal.line()
    if found.panel:
        _tell_panel(store, found)
    _tell_sums(store, found, sums)
    _tell_signs(store, found)
    _tell_changes(store, found)
    lost = unknown_calls(store, run)
    for call in lost[:20]:
        at_most = "of unknown price" if call["max_cost"] is None else f"at most ${call['max_cost']:.6f}"
        terminal.line(f"unknown outcome: call {call['id']}, item {call['item']}, {call['reason']}, {at_most}")
    if len(lost) > 20:
        terminal.line(f"... {len(lost)} calls of unknown outcome in all")
    terminal.line(f"recompute: plurijudge agreement {found.id}{f' --by {by}' if by else ''}")


def _tell_panel(store: Store, run: Run) -> None:
    """A panel's members over the run, and what they add up to."""
    from ..agents.panel import Panel
    from ..analyses.panel_votes import panel_votes
    from ..graphs.aggregate import rule_of
    from ..reports import terminal
    from ..store.personas import stored_panel

    votes = panel_votes(store, run)
    if votes is None:
        return
    panel = Panel.restored(*stored_panel(store, run.panel, run.panel_digest))
    terminal.line(f"panel {panel.id}: {rule_of(panel)}")
    terminal.panel_table(votes.to_dict())
    for name, reason in panel.kept_out:
        terminal.line(f"no vote: {name} ({reason})")
    terminal.line(f"effective votes, by errors against gold: {votes.effective_votes}")
    terminal.line(f"independent voices, by how votes go together: {votes.alike}")
    if votes.worst_off:
        terminal.line(f"worst off over the run: {votes.worst_off}")
    if len(votes.families) == 1:
        terminal.line(f"all members speak by models of one family ({votes.families[0]}): they tend to err together")
    if votes.saved:
        terminal.line(f"{votes.saved} verdicts were not asked for: the outcome was sure without them")
    if panel.described.validation:
        terminal.line(panel.described.validation)
    terminal.line()


def _tell_signs(store: Store, run: Run) -> None:
    """What of the judged texts looks like an attempt to steer the judge."""
    from ..analyses.attack_notes import attack_notes
    from ..reports import terminal

    if said := str(attack_notes(store, run)):
        terminal.line(said)


def _tell_changes(store: Store, run: Run) -> None:
    """How many calls were in flight at most, where that was changed on the way: the latest changes of each worker."""
    from itertools import groupby

    from ..reports import terminal
    from ..store.progress import changes_of

    for (provider, _), found in groupby(changes_of(store, run.id), key=lambda row: (row["provider"], row["worker"])):
        changes = [*found]
        if len(changes) > 1:
            words = [f"{row['width']} ({row['reason']}, {row['at']:.1f} s)" for row in changes[1:]]
            skipped = f"... {len(words) - 8} changes ... " if len(words) > 8 else ""
            terminal.line(f"calls in flight at {provider}: {changes[0]['width']} > {skipped}{' > '.join(words[-8:])}")


def _gold_of(store: Store, dataset: str, items: list[str]) -> dict[str, list[frozenset[str]]]:
    """What the labels of these items accept."""
    from ..store.queries import labels_of
    from ..store.records import Gold

    gold: dict[str, list[frozenset[str]]] = {}
    for label in labels_of(store, dataset, items):
        accepted = Gold.model_construct(preferred=label["preferred"], scores=label["scores"]).acceptable
        if accepted:
            gold.setdefault(label["item"], []).append(accepted)
    return gold


def _tell_sums(store: Store, run: Run, sums: dict[str, Any]) -> None:
    from ..reports import terminal

    made = sums["decisions"]
    total = sum(made.values())
    if total:
        words = ", ".join(f"{n} {outcome}" for outcome, n in sorted(made.items(), key=lambda pair: -pair[1]))
        terminal.line(f"{total} decisions: {words}; {made.get('flipped', 0)} flips of {total}")
    for reason, n in sorted(sums["reasons"].items(), key=lambda pair: (-pair[1], pair[0]))[:8]:
        terminal.line(f"no verdict, {reason}: {n}")
    cost = "unknown" if sums["cost"] is None else f"${sums['cost']:.4f}"
    price = f", {sums['calls_without_price']} calls of unknown price" if sums["calls_without_price"] else ""
    terminal.line(f"{sums['calls']} calls made, {sums['hits']} answers from the cache, cost {cost}{price}")
    for fault in run.faults[:10]:
        terminal.line(f"set aside: {fault['file']}:{fault['line']}: `{fault['field']}`: {fault['reason']}")

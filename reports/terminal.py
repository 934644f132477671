"""What does a person see in a terminal? Tables and traces, by rich, in words before colours."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..store.canonical import canonical

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from .sections import Section

WIDE = 100_000


def console() -> Console:
    """Standard output as rich sees it; where it is no terminal, wide enough that nothing is cut or folded."""
    from rich.console import Console

    class Quiet(Console):
        """Where the reader has gone, the rest goes nowhere: rich would end the process with the code for failures."""

        def on_broken_pipe(self) -> None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)

    width = None if sys.stdout.isatty() else WIDE
    return Quiet(width=width, highlight=False, soft_wrap=False, emoji=False, markup=False)


def _table(*headings: str, numbers: Sequence[str] = ()) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in numbers else "left", overflow="fold")
    return table


def plain_table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Any table, its values as they are."""
    table = _table(*names)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    console().print(table)


def runs_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """The runs of a store."""
    table = _table(
        "run",
        "kind",
        "status",
        "judge",
        "data set",
        "decisions",
        "calls",
        "cost",
        "begun",
        numbers=("decisions", "calls", "cost"),
    )
    for row in rows:
        cost = "" if row["cost"] is None else f"${row['cost']:.4f}"
        parent = f" (again: {row['parent']})" if row["parent"] else ""
        table.add_row(
            row["id"] + parent, row["kind"], row["status"], row["judge_name"] or "", row["dataset_name"],
            str(row["decisions"]), str(row["calls"]), cost, row["created_at"][:16].replace("T", " "),
        )  # fmt: skip
    console().print(table)


def decisions_table(rows: Iterable[Mapping[str, Any]], *, gold: Mapping[str, Sequence[frozenset[str]]]) -> None:
    """Decisions beside the gold labels."""
    table = _table(
        "item",
        "subset",
        "decision",
        "preferred",
        "share",
        "verdicts",
        "gold",
        "left out",
        numbers=("share", "verdicts"),
    )
    for row in rows:
        sets = gold.get(row["item"], ())
        wanted = " or ".join(sorted({name for acceptable in sets for name in acceptable}))
        table.add_row(
            row["item"],
            str(row["meta"].get("subset", "")) if isinstance(row["meta"], dict) else "",
            row["outcome"],
            _preferred(row),
            "" if row["share"] is None else f"{row['share']:.2f}",
            str(row["verdicts"]),
            wanted + _mark(row, sets),
            ", ".join(f"{n} {status}" for status, n in sorted(row["left_out"].items())),
        )
    console().print(table)


def _preferred(row: Mapping[str, Any]) -> str:
    if row["scores"]:
        scores = ", ".join(f"{name} {score:.2f}" for name, score in row["scores"].items())
        return f"{row['preferred']}  ({scores})" if row["preferred"] else scores
    return row["preferred"] or ""


def _mark(row: Mapping[str, Any], sets: Sequence[frozenset[str]]) -> str:
    """Whether the decision agrees with every label: a word, as colour is not for everyone."""
    said = row["preferred"] if row["outcome"] == "ok" else "tie" if row["outcome"] == "tie" else None
    if not sets or said is None:
        return ""
    agreeing = sum(said in acceptable for acceptable in sets)
    return "  yes" if agreeing == len(sets) else "  no" if agreeing == 0 else f"  {agreeing} of {len(sets)}"


_SHORT = 300  # characters of what a tool was asked, brought or found
_MEASURES = {
    "accuracy": "verdicts that agree with gold",
    "accuracy_decisions": "decisions that agree with gold",
    "positional_agreement": "judged alike in both orders",
    "exact_ranking": "rankings that are gold's",
    "pairs_in_order": "pairs in gold's order",
    "kendall_distance": "distance from gold's order",
    "top_one": "first ones that gold accepts",
    "top_one_above_chance": "the same above a draw",
    "mean_absolute_error": "grades off gold's by",
    "grade_correlation": "grades against gold's, Spearman",
    "criterion_agreement": "criteria marked as gold marks them",
    "accuracy_with_context": "right with a context, mirrored",
    "accuracy_without_context": "right without context, mirrored",
    "context_gain": "what the context brings",
    "reversal_rate": "right in every context of a mirror",
}


def estimates_table(rows: Sequence[Mapping[str, Any]], *, by: str | None = None) -> None:
    """Estimates with their intervals, what was left out, and the worst and best that it could make of them."""
    table = _table(
        by or "subset",
        "measure",
        "estimate",
        "95 % interval",
        "n",
        "left out",
        "worst",
        "best",
        numbers=("estimate", "n", "left out", "worst", "best"),
    )
    for row in rows:
        if row["estimate"] is None:
            value, interval = "unknown", row["reason"]
        else:
            value = f"{row['estimate']:.3f}"
            interval = f"{row['low']:.3f} to {row['high']:.3f}" if row["low"] is not None else row["reason"]
        bounds = ["" if row.get(name) is None else f"{row[name]:.3f}" for name in ("worst", "best")]
        table.add_row(
            row["subset"] or "all",
            _measured(row),
            value,
            interval,
            str(row["n"]),
            str(row["left_out"]),
            *bounds,
        )
    console().print(table)


def _measured(row: Mapping[str, Any]) -> str:
    """What a line measures, in words; of what part of gold, where it is of one."""
    _, _, part = str(row.get("against") or "").partition(" on ")
    return _MEASURES.get(row["measure"], str(row["measure"])) + (f": {part}" if part else "")


def trace(
    item: Any,
    verdicts: Sequence[Mapping[str, Any]],
    calls: Sequence[Mapping[str, Any]],
    decision: Mapping[str, Any] | None,
    tool_calls: Sequence[Mapping[str, Any]] = (),
) -> None:
    """One item down to every prompt, tool call, answer and reading."""
    out = console()
    heading(f"item {item.id}")
    out.print(f"prompt: {_prompt(item)}")
    for name in ("context", "reference"):
        if getattr(item, name):
            out.print(f"{name}: {getattr(item, name)}")
    for response in item.responses:
        written = f" by {response.model}" if response.model else ""
        out.print(
            f"\nresponse {response.id}{written}:\n{response.text if response.text is not None else response.parts}"
        )
    for gold in item.gold:
        said = gold.preferred if gold.preferred is not None else gold.scores
        out.print(f"\ngold of {gold.annotator or 'nobody named'}{f' ({gold.group})' if gold.group else ''}: {said}")
    by_unit: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for call in calls:
        by_unit.setdefault(_unit(call), []).append(call)
    for verdict in verdicts:
        made = [call for call in tool_calls if _unit(call) == _unit(verdict)] if _unit(verdict) in by_unit else []
        _verdict(out, verdict, by_unit.pop(_unit(verdict), []), made)
    for left in by_unit.values():
        for call in left:
            _call(out, call)
    if decision is not None:
        heading("decision")
        out.print(
            f"{decision['outcome']}{': ' + _preferred(decision) if _preferred(decision) else ''}  ({decision['rule']})"
        )
        if decision.get("panel"):
            _panel(out, decision["panel"])
        for dissent in decision["dissent"]:
            _dissent(out, dissent)


def _panel(out: Console, panel: Mapping[str, Any]) -> None:
    """How a panel came to its decision: who voted how, whom it serves worst, who had no vote."""
    voices = panel.get("effective_votes")
    worth = "" if voices is None else f", worth {voices:.1f} independent voices over the run"
    voted = f"{panel['voted']} of {panel['asked']} members asked have voted"
    out.print(f"panel {panel['panel']}: {voted}, quorum {panel['quorum']}{worth}")
    table = _table("member", "says", "preferred", "worth to it", "verdicts", numbers=("verdicts",))
    for name, vote in panel["members"].items():
        utilities = vote["utilities"] or {}
        told = ", ".join(f"{response} {value:.2f}" for response, value in utilities.items())
        table.add_row(name, vote["outcome"], vote["preferred"] or "", told, str(vote["verdicts"]))
    out.print(table)
    if panel["worst_off"]:
        out.print(f"worst off: {panel['worst_off']}, to whom the decision is worth {panel['worst_utility']:.2f}")
    for name, reason in panel["kept_out"].items():
        out.print(f"no vote: {name} ({reason})")
    if panel["saved"]:
        out.print(f"{panel['saved']} verdicts were not needed: no answer could have changed the outcome")


def _dissent(out: Console, dissent: Mapping[str, Any]) -> None:
    if dissent.get("distance") is None:
        out.print(f"dissent, shown {' then '.join(dissent['presentation'])}: {dissent['preferred']}")
        return
    why = f": {' '.join(dissent['rationale'].split())[:_SHORT]}" if dissent["rationale"] else ""
    who = dissent["persona"] or dissent["judge"]
    out.print(f"dissent of {who}, {dissent['distance']:.2f} from the decision: {dissent['preferred']}{why}")


def panel_table(votes: Mapping[str, Any]) -> None:
    """A panel's members over a run: how often each is right, what decisions are worth to it, how often it dissents."""
    table = _table(
        *("member", "right", "worth to it", "dissents", "silent", "family"),
        numbers=("right", "worth to it", "dissents", "silent"),
    )
    for member in votes["members"]:
        told = ["" if member[n]["estimate"] is None else f"{member[n]['estimate']:.2f}" for n in _MEMBER]
        table.add_row(member["name"], *told, str(member["silent"]), member["family"] or "unknown")
    console().print(table)


_MEMBER = ("accuracy", "utility", "dissents")


def _verdict(
    out: Console,
    verdict: Mapping[str, Any],
    calls: Sequence[Mapping[str, Any]],
    tool_calls: Sequence[Mapping[str, Any]] = (),
) -> None:
    shown = " then ".join(verdict["presentation"])
    step = f", step {verdict['step']}" if verdict["step"] else ""
    persona = f", as {verdict['persona']}" if verdict["persona"] else ""
    heading(f"shown {shown}, sample {verdict['sample']}{persona}{step}")
    for made in tool_calls:
        _tool_call(out, made)
    for call in calls:
        _call(out, call)
    said = verdict["preferred"] or verdict["scores"] or ""
    why = f"by the rule `{verdict['rule']}`" if verdict["rule"] else verdict["reason"]
    out.print(f"verdict: {verdict['status']} {said} {why}".rstrip())
    if verdict["raw"] and not calls:
        out.print(f"raw text:\n{verdict['raw']}")
    if verdict["rationale"]:
        out.print(f"rationale: {verdict['rationale']}")


def _tool_call(out: Console, call: Mapping[str, Any]) -> None:
    """What a tool was asked and brought; which tools the item was one for; what code found unasked."""
    brought, implied = call["result"] or {}, call["implied"] or {}
    if call["call"] == "gate":
        chosen = [name for name, fits in (brought.get("rules") or {}).items() if fits] + list(
            brought.get("model") or ()
        )
        out.print(f"tools chosen: {', '.join(chosen) or 'none'}")
        return
    asked = "looked" if call["call"] == "check" else f"was asked {call['raw_arguments'][:_SHORT]}"
    said = " ".join(word for word in (call["status"], call["reason"]) if word)
    shared = ", shared or stored" if call["latency_ms"] is None else f", {call['latency_ms']:.0f} ms"
    out.print(f"tool {call['tool']} {asked}: {said}{shared}")
    if call["call"] != "check" and brought.get("result") is not None:
        out.print(f"  {canonical(brought['result'])[:_SHORT]}")
    for finding in implied.get("findings") or ():
        holds = {True: "right", False: "wrong", None: "open"}[finding["holds"]]
        claim = " ".join(finding["claim"].split())[:_SHORT]
        out.print(f"  response {finding['response']}: {claim!r} is {holds}: {finding['found']}")


def _call(out: Console, call: Mapping[str, Any]) -> None:
    spent = f", {call['tokens_in']} tokens in, {call['tokens_out']} out" if call["tokens_in"] else ""
    cost = f", ${call['cost']:.6f}" if call["cost"] else ""
    took = f", {call['latency_ms']:.0f} ms" if call["latency_ms"] else ""
    reused = f", the answer of call {call['source']} in {call['source_run']}" if call["source"] else ""
    tried = f", {call['attempts']} attempts" if call["attempts"] > 1 else ""
    turn = ", asked for the verdict alone" if call["turn"] else ""
    said = " ".join(word for word in (call["status"], call["reason"]) if word)
    out.print(f"call {call['id']} to {call['model']}: {said}{turn}{reused}{tried}{spent}{cost}{took}")
    for message in (call["request"] or {}).get("messages", []):
        out.print(f"  [{message['role']}]\n{_indented(message['content'])}")
    if call["error"]:
        out.print(f"  error: {call['error']}")
    if call["reasoning"]:
        out.print(f"  [thinking]\n{_indented(call['reasoning'])}")
    if call["response"] is not None:
        ended = call["finish_reason"] or "nothing said"
        out.print(f"  [answer, by the road `{call['road']}`, ended by {ended}]\n{_indented(call['response'])}")


def _indented(text: str) -> str:
    return "\n".join("    " + line for line in text.splitlines())


def _unit(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return (row["judge"], row["persona"], row["arm"], tuple(row["presentation"]), row["sample"])


def _prompt(item: Any) -> str:
    if isinstance(item.prompt, str):
        return item.prompt
    return "\n".join(f"[{message.role}] {message.content}" for message in item.prompt)


def heading(text: str) -> None:
    """A line that begins a part."""
    out = console()
    out.print()
    out.print(text, style="bold")


def line(text: str = "") -> None:
    """A line of the answer."""
    console().print(text, soft_wrap=True)


def show_section(section: Section) -> None:
    """An analysis: what must be known, its tables, what they say, and the command that makes it again."""
    heading(section.title)
    for note in section.notes:
        line(note)
    for table in section.tables:
        line()
        line(table.caption)
        plain_table(table.columns, table.rows)
    line()
    for said in section.said:
        line(said)
    line(f"recompute: {section.command}")

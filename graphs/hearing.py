"""How does a judge with tools come to one verdict?

    gate > precheck > deliberate <> tools > decide > settle (> reflect)

`gate` chooses the tools that the case is one for; `precheck` lets each say what it can without a model; `deliberate`
asks the model, which may call tools (`tools`) within its budget; `decide` reads its word; `settle` compares that word
with what the tools imply. What code can decide, code decides: the model's own word then stays in the record as the step
`decide`.
"""

from __future__ import annotations

import asyncio
import operator
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypedDict

import orjson
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from ..agents.nodes import LOOKS
from ..agents.tools.base import DECISIVE, Case, Finding, Observation, Tool, case_of
from ..agents.tools.toolbox import CHECK, Answered, Toolbox, offer, result_text, shown
from ..prompts.prompt import load_prompt
from ..store.canonical import canonical
from ..store.records import Call, ToolCall, Verdict, VerdictKey
from ..store.writer import now
from ..text.findings import implied_by
from .decide import (
    fence_of,
    opened,
    question_text,
    read,
    repair,
    sampling,
    subject_of,
    verdict_of,
    with_section,
    within,
)
from .plan import response_text
from .reflect import DECIDE, prepared, reflected
from .state import Bench, View

GATE, SETTLED = "gate", "settled"
NO_ISOLATION, UNKNOWN_EVIDENCE = "no_isolation", "unknown_evidence"
_ACTION = re.compile(r"^[ \t]*Action:[ \t]*(\S+)[ \t]*\n[ \t]*Action Input:[ \t]*(.*)", re.MULTILINE)
_INVENTED = re.compile(r"^[ \t]*Observation:", re.MULTILINE)
_BRACKETS = re.compile(r"\[([^\[\]\n]{1,300})\]")
_EVIDENCE = re.compile(r"\be(?=[a-f]{0,30}[0-9])[0-9a-f]{6,40}\b")
_ID = re.compile(r'"id":"(e[0-9a-f]{6,40})"')
_CLAIM = 200


class Hearing(TypedDict, total=False):
    """What changes while one verdict is come to.

    Attributes:
        view: the item and the verdict that is asked for.
        case: the item as tools see it.
        hands: the names of the tools that the case is one for.
        findings: what the tools say of the responses without being asked.
        borne: what the results that the model asked for say of them.
        trace: the tool calls.
        prepared: the judge's own messages, with what its nodes put into them.
        messages: the conversation so far.
        rounds: how often the model asked for tools.
        shown: bytes of results that it was shown.
        row: the row of the last model call.
        call: the last model call.
        word: the model's own verdict.
        verdicts: the final verdict, and the model's own word where another was settled on.
    """

    view: View
    case: Case
    hands: tuple[str, ...]
    findings: Annotated[list[Finding], operator.add]
    borne: Annotated[list[Finding], operator.add]
    trace: Annotated[list[ToolCall], operator.add]
    prepared: list[dict[str, Any]]
    messages: list[dict[str, Any]]
    rounds: int
    shown: int
    row: int
    call: Call
    word: Verdict
    verdicts: list[Verdict]


HearingGraph = CompiledStateGraph[Hearing, Bench, Hearing, Hearing]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A tool call that the model wrote: its id in the conversation, the tool, the arguments as written."""

    id: str
    name: str
    raw: str


async def heard_with_tools(view: View, bench: Bench) -> tuple[list[Verdict], list[ToolCall]]:
    """One verdict of a judge with tools, and the calls behind it."""
    assert bench.toolbox is not None
    config: Any = {"recursion_limit": 2 * bench.toolbox.budget.rounds + 10}
    graph = hearing_graph(reflecting=any(name in bench.judge.nodes for name in LOOKS))
    out = await graph.ainvoke({"view": view}, config, context=bench)
    named = {name for verdict in [out["word"], *out["verdicts"]] for name in cited_in(verdict.raw or "")}
    trace = [_marked(call, named) if _evidence_in(call) else call for call in out.get("trace", [])]
    return out["verdicts"], trace


async def gate(state: Hearing, *, runtime: Runtime[Bench]) -> Hearing:
    """Choose the tools that the case is one for: by their own rules, and where they have none, by asking the model."""
    bench, view = runtime.context, state["view"]
    item, box = view["item"], _box(bench)
    texts = {name: response_text(item.response(name)) for name in sorted(view["unit"].presentation)}
    case = case_of(item, question_text(item), texts)
    ruled = {name: tool.applies(case) for name, tool in box.tools.items()}
    open_to_ask = [name for name, fits in ruled.items() if fits is None]
    # what no rule decides is offered: the model calls it or leaves it, which is its own word on whether it is useful
    hands = tuple(name for name, fits in ruled.items() if fits or fits is None)
    told = canonical({"rules": {name: fits for name, fits in ruled.items() if fits is not None}, "model": open_to_ask})
    further: Hearing = {"prepared": await prepared(view, bench)} if bench.judge.nodes else {}
    row = ToolCall(
        key="", unit=view["unit"], call=GATE, tool=GATE, tool_version="1", arguments="{}", result=told, started_at=now()
    )
    return {"case": case, "hands": hands, "trace": [row], **further}


async def precheck(state: Hearing, *, runtime: Runtime[Bench]) -> Hearing:
    """Let each tool say of the responses what it can without a model."""
    box, case, unit = _box(runtime.context), state["case"], state["view"]["unit"]
    tools = [box.tools[name] for name in state["hands"]]
    looked = await asyncio.gather(*(box.check(tool, case) for tool in tools))
    found = [finding for _, findings in looked for finding in findings]
    rows = [_row(answered, unit, CHECK, 0, findings) for answered, findings in looked]
    return {"findings": found, "trace": rows}


async def deliberate(state: Hearing, *, runtime: Runtime[Bench]) -> Command[Literal["tools", "decide"]]:
    """Ask the model; it answers, or calls tools."""
    bench, view = runtime.context, state["view"]
    judge, unit, box = bench.judge, view["unit"], _box(bench)
    rounds, hands = state.get("rounds", 0), () if bench.model.local else state["hands"]
    fence = fence_of(bench.secret, unit)
    spent = (
        rounds >= box.budget.rounds
        or _made(state) >= box.budget.calls
        or state.get("shown", 0) >= (box.budget.total_bytes)
    )
    while True:
        native = bench.model.takes_tools
        messages = state.get("messages") or _opened(state, bench, hands, native=native)
        further: dict[str, Any] = sampling(bench, unit)
        if hands and native:
            further |= {"tools": [offer(box.tools[name]) for name in hands], "tool_choice": "none" if spent else "auto"}
        elif hands:
            further |= {"stop": ["\nObservation:"]}
        row, call = await bench.model.complete(
            messages,
            unit=unit,
            fence=fence,
            subject=subject_of(judge, view["item"], unit) if bench.model.local else None,
            max_tokens=judge.max_tokens,
            fresh=view["fresh"],
            turn=rounds,
            further=further,
        )
        if not (hands and native and not bench.model.takes_tools and not rounds):
            break  # else the provider took no tools, and the model is asked again in a form that needs none
    asked = [] if not hands or call.status not in ("ok", "truncated") else wanted(call, rounds=rounds, native=native)
    if asked and not spent:
        told = [*messages, _turn(call, asked, native=native)]
        return Command(goto="tools", update={"messages": told, "row": row, "call": call, "rounds": rounds + 1})
    return Command(goto="decide", update={"messages": messages, "row": row, "call": call})


async def tools(state: Hearing, *, runtime: Runtime[Bench]) -> Hearing:
    """Carry out what the model asked for; every call is answered, if only by saying that none is left."""
    bench, view, case = runtime.context, state["view"], state["case"]
    box, unit = _box(bench), view["unit"]
    native, fence, rounds = bench.model.takes_tools, fence_of(bench.secret, unit), state["rounds"]
    labels = dict(zip(bench.judge.labels(len(unit.presentation)), unit.presentation, strict=False))
    asked = wanted(state["call"], rounds=rounds - 1, native=native)
    room = max(0, box.budget.calls - _made(state))
    done = await asyncio.gather(*(box.call(one.name, one.raw, case, labels) for one in asked[:room]))
    over = Observation("budget", None, "calls", "No calls are left: give your verdict.")
    done += [Answered("", box.tools.get(one.name), one.name, one.raw, None, over, now()) for one in asked[room:]]
    found: list[Finding] = []
    rows, replies, size = [], [], state.get("shown", 0)
    for one, answered in zip(asked, done, strict=True):
        bears = _bearing(answered, case)
        found += bears
        rows.append(_row(answered, unit, one.id, rounds, bears))
        limit = min(box.budget.result_bytes, max(200, box.budget.total_bytes - size))
        text = shown(answered.observation, limit=limit)
        size += len(text.encode())
        replies.append(_reply(one, f"{fence}\n{text}\n{fence}", native=native))
    return {"messages": [*state["messages"], *replies], "shown": size, "borne": found, "trace": rows}


async def decide(state: Hearing, *, runtime: Runtime[Bench]) -> Hearing:
    """Read the model's word; a reply without a verdict is asked once more, for its verdict alone."""
    bench, view, call, row = runtime.context, state["view"], state["call"], state["row"]
    judge, unit, item = bench.judge, view["unit"], view["item"]
    parsed = read(judge, call, view["item"], unit)
    replied = call.status == "ok" or call.reason == "empty"
    if replied and parsed.status == "unparseable" and judge.repair and not bench.model.local:
        again = [*state["messages"], *repair(judge, call, parsed)]
        turn = state.get("rounds", 0) + 1
        fence = fence_of(bench.secret, unit)
        second_row, second = await bench.model.complete(
            again,
            unit=unit,
            fence=fence,
            max_tokens=judge.max_tokens,
            fresh=view["fresh"],
            turn=turn,
            further=sampling(bench, unit),
        )
        repaired = read(judge, second, view["item"], unit)
        if second.status == "ok" and repaired.status != "unparseable":
            row, call, parsed = second_row, second, repaired
    word = verdict_of(judge, item, unit, row, call, parsed)
    if word.status == "unparseable" and call.tool_calls:
        word = word.model_copy(update={"status": "abstained", "reason": "calls_after_budget"})
    return {"word": word}


async def settle(state: Hearing, *, runtime: Runtime[Bench]) -> Hearing:
    """Compare the model's word with what the tools imply; what code can decide, code decides.

    A word that names evidence which was never shown is no verdict.
    """
    said, judge, box = state["word"], runtime.context.judge, _box(runtime.context)
    if said.status == "error":
        return {"verdicts": [said]}
    own = said.model_copy(update={"step": within(state["view"]["unit"], DECIDE)})
    word = _warranted(said, box, state["trace"])
    if judge.protocol != "pairwise":
        return {"verdicts": [word] if word is said else [word, own]}
    implied = _implied(state, word)
    if implied is None and any(call.reason == NO_ISOLATION for call in state["trace"]):
        word = _silent(word, NO_ISOLATION)  # what only running the code could tell is not guessed
    elif implied is not None and implied != word.preferred:
        settled = {"status": "ok", "reason": "", "preferred": implied, "p_first": None, "scores": None, "rule": SETTLED}
        word = word.model_copy(update=settled)
    return {"verdicts": [word] if word is said else [word, own]}


async def reflect(state: Hearing, *, runtime: Runtime[Bench]) -> Hearing:
    """Give the verdict a second look, unless code decided it: what tools imply stands, whoever said it first.

    A look that names evidence which was never shown is no verdict either.
    """
    [final, *earlier] = state["verdicts"]
    bench = runtime.context
    if earlier or (bench.judge.protocol == "pairwise" and _implied(state, final) is not None):
        return {}
    hands = () if bench.model.local or not bench.model.takes_tools else state["hands"]
    offers = {"tools": [offer(_box(bench).tools[name]) for name in hands], "tool_choice": "none"} if hands else None
    [looked, *before] = await reflected(state["view"], bench, final, state["messages"], offers)
    return {"verdicts": [_warranted(looked, _box(bench), state["trace"]), *before]}


def _implied(state: Hearing, word: Verdict) -> str | None:
    """The response that tools speak for; what code read out of the question counts before what the model asked."""
    pair = tuple(sorted(word.presentation))
    return implied_by(state.get("findings", []), pair) or implied_by(state.get("borne", []), pair)


def implied_in(trace: Sequence[ToolCall], pair: tuple[str, ...]) -> str | None:
    """The same, read from the tool calls of a verdict; None where they speak for none.

    Args:
        trace: the calls.
        pair: the responses' ids, sorted.
    """
    findings: dict[bool, list[Finding]] = {True: [], False: []}
    for call in trace:
        told = orjson.loads(call.implied) if call.implied else {"findings": []}
        findings[call.call == CHECK] += [Finding(**one) for one in told["findings"]]
    return implied_by(findings[True], pair) or implied_by(findings[False], pair)


def _warranted(word: Verdict, box: Toolbox, trace: Sequence[ToolCall]) -> Verdict:
    """A word, unless it names evidence that was never shown."""
    known = {name for call in trace for name in _evidence_in(call)}
    if word.status == "ok" and box.retrieves and not cited_in(word.raw or "") <= known:
        return _silent(word, UNKNOWN_EVIDENCE)
    return word


def _silent(word: Verdict, reason: str) -> Verdict:
    """The same, without what it says."""
    nothing = {name: None for name in ("preferred", "p_first", "scores", "criterion_scores", "probabilities")}
    return word.model_copy(update={**nothing, "rule": "", "status": "abstained", "reason": reason})


def cited_in(text: str) -> set[str]:
    """The ids of evidence that a text names in square brackets.

    >>> sorted(cited_in("So it is [e0123456789, e98765abcde]; [effaced] is none."))
    ['e0123456789', 'e98765abcde']
    """
    return {name for part in _BRACKETS.findall(text) for name in _EVIDENCE.findall(part)}


def _evidence_in(call: ToolCall) -> set[str]:
    """The ids of evidence that a call brought."""
    if call.status != "ok" or call.round == 0 or '"evidence":"retrieved"' not in (call.result or ""):
        return set()
    return set(_ID.findall(call.result or ""))


def _marked(call: ToolCall, named: set[str]) -> ToolCall:
    return call.model_copy(update={"cited": bool(_evidence_in(call) & named)})


def wanted(call: Call, *, rounds: int, native: bool) -> list[Wanted]:
    """The tool calls in a model's answer, with ids of our own; what it invents of their results does not count."""
    if native:
        read_calls = orjson.loads(call.tool_calls or "[]")
        told = [one.get("function") or {} for one in read_calls if isinstance(one, dict)]
        pairs = [(str(one.get("name") or ""), str(one.get("arguments") or "")) for one in told]
    else:
        text = call.response or ""
        invented = _INVENTED.search(text)
        found = _ACTION.search(text[: invented.start()] if invented else text)
        pairs = [] if found is None else [(found[1], found[2].strip())]
    return [Wanted(f"call_{rounds + 1}_{n}", name, raw) for n, (name, raw) in enumerate(pairs, 1)]


def _opened(state: Hearing, bench: Bench, hands: Sequence[str], *, native: bool) -> list[dict[str, Any]]:
    """The judge's own messages, with what is to be said of tools and of what code found."""
    box, view = _box(bench), state["view"]
    unit = view["unit"]
    fence = fence_of(bench.secret, unit)
    messages = state.get("prepared") or opened(bench, view["item"], unit, fence)
    about = "\n".join(canonical(offer(box.tools[name])["function"]) for name in hands)
    labels = dict(zip(unit.presentation, bench.judge.labels(len(unit.presentation)), strict=True))
    findings = _told(state.get("findings", []), labels)
    more = load_prompt("judge/tools").messages(
        tools=about, calls=box.budget.calls, text_calls=not native, findings=findings, fence=fence
    )
    for added in more:
        messages = with_section(messages, added["role"], added["content"])
    return messages


def _told(findings: list[Finding], labels: dict[str, str]) -> str:
    """Findings as the model is shown them, a line each."""
    lines = []
    for finding in findings:
        if finding.holds is None or finding.response not in labels:
            continue
        claim = " ".join(finding.claim.split())[:_CLAIM]
        right = "right" if finding.holds else "wrong"
        lines.append(f"{labels[finding.response]}: {claim!r} is {right}: {finding.found} ({finding.tool})")
    return "\n".join(lines)


def _turn(call: Call, asked: list[Wanted], *, native: bool) -> dict[str, Any]:
    """The model's turn as it is repeated to it, cut where it began to invent."""
    text = call.response or ""
    if not native:
        invented = _INVENTED.search(text)
        return {"role": "assistant", "content": (text[: invented.start()] if invented else text).rstrip()}
    calls = [{"id": one.id, "type": "function", "function": {"name": one.name, "arguments": one.raw}} for one in asked]
    return {"role": "assistant", "content": text, "tool_calls": calls}


def _reply(asked: Wanted, text: str, *, native: bool) -> dict[str, Any]:
    if native:
        return {"role": "tool", "tool_call_id": asked.id, "name": asked.name, "content": text}
    return {"role": "user", "content": f"Observation:\n{text}"}


def _bearing(answered: Answered, case: Case) -> list[Finding]:
    seen, tool = answered.observation, answered.tool
    if tool is None or seen.status != "ok" or seen.evidence not in DECISIVE or answered.arguments is None:
        return []
    return tool.bearing(answered.arguments, seen, case)


def _made(state: Hearing) -> int:
    """How many calls of the model's were carried out."""
    return sum(call.round > 0 and call.status != "budget" for call in state.get("trace", []))


def _row(answered: Answered, unit: VerdictKey, call: str, rounds: int, findings: list[Finding]) -> ToolCall:
    seen = answered.observation
    tool: Tool | None = answered.tool
    implied = implied_by(findings, tuple(sorted(unit.presentation)))
    told = canonical({"response": implied, "findings": [asdict(finding) for finding in findings]})
    return ToolCall(
        key=answered.key,
        unit=unit,
        round=rounds,
        call=call,
        tool=answered.name[:100],
        tool_version=tool.version if tool is not None else "",
        raw_arguments=answered.raw,
        arguments="" if answered.arguments is None else canonical(answered.arguments),
        status=seen.status,
        reason=seen.reason,
        result=result_text(seen),
        digest=seen.digest,
        implied=told if findings else None,
        cost=seen.cost,
        latency_ms=answered.latency_ms,
        source=answered.source,
        started_at=answered.started_at,
    )


def _box(bench: Bench) -> Toolbox:
    assert bench.toolbox is not None
    return bench.toolbox


@cache
def hearing_graph(*, reflecting: bool = False) -> HearingGraph:
    """Compile once, with the node `reflect` for judges that have it: the graph holds nothing between verdicts."""
    graph = StateGraph(Hearing, Bench)
    graph.add_node(gate).add_node(precheck).add_node(deliberate).add_node(tools).add_node(decide).add_node(settle)
    graph.add_edge(START, "gate").add_edge("gate", "precheck").add_edge("precheck", "deliberate")
    graph.add_edge("tools", "deliberate").add_edge("decide", "settle")
    if reflecting:
        graph.add_node(reflect).add_edge("settle", "reflect").add_edge("reflect", END)
    else:
        graph.add_edge("settle", END)
    return graph.compile(name="hearing")

"""How is a tool called? Checked, bounded, shared by all who ask the same, written down, and replayed."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Protocol

import orjson

from ...store.canonical import canonical, digest
from ...store.records import ToolStatus
from ...store.tool_results import ToolResult
from ...store.writer import now
from ...text.errors import PlurijudgeError, ToolMiss
from ...text.injected import escaped
from .base import Case, Evidence, Finding, Observation, Refused, Tool
from .evidence import told_of

Mode = Literal["live", "record", "replay"]
MODES: tuple[Mode, ...] = ("live", "record", "replay")
Probe = Literal["", "flipped", "dead"]
FLIPPED, DEAD = "flipped", "dead"
CHECK = "check"
_SHARED = 4096
_SAID = 300


@dataclass(frozen=True, slots=True)
class ToolBudget:
    """What the tools of one verdict may take.

    Attributes:
        calls: how many calls of the model's are carried out.
        rounds: how often the model may ask for any.
        seconds: for one call; None for what each tool declares (5, a search 15).
        result_bytes: of a result, as the model is shown it; what is stored is whole.
        total_bytes: of all results that the model is shown.
    """

    calls: int = 6
    rounds: int = 4
    seconds: float | None = None
    result_bytes: int = 4096
    total_bytes: int = 20_480


@dataclass(frozen=True, slots=True)
class Answered:
    """A call as it was answered.

    Attributes:
        key: equal keys, equal results; '' where the call was refused before a key could be made.
        tool: the tool, None where there is none of that name.
        name: as it was asked for.
        raw: the arguments as they came.
        arguments: the same as they were taken, responses by their ids; None where they could not be read.
        observation: what was brought.
        started_at: when.
        latency_ms: None where the result was shared or stored.
        source: the stored row that served.
    """

    key: str
    tool: Tool | None
    name: str
    raw: str
    arguments: dict[str, Any] | None
    observation: Observation
    started_at: str
    latency_ms: float | None = None
    source: int | None = None


class Results(Protocol):
    """Where stored results are looked up."""

    def find(self, key: str) -> ToolResult | None:
        """The first that is stored under a key."""
        ...


class Toolbox:
    """The tools of one run. Results are shared by all that ask for the same: presentations, samples and personas."""

    def __init__(
        self,
        tools: Sequence[Tool],
        *,
        budget: ToolBudget | None = None,
        mode: Mode = "live",
        results: Results | None = None,
        probe: Probe = "",
    ) -> None:
        """Take the tools.

        Args:
            tools: each name once.
            budget: of one verdict.
            mode: `live` runs every tool; `record` takes what the store holds and runs the rest; `replay` runs nothing:
                what the store does not hold is an error.
            results: the store's, needed to record and to replay.
            probe: `flipped` brings what would have been brought were another response right, where the tool can tell;
                `dead` brings errors alone. What is brought so is shared and stored under keys of its own.
        """
        self.tools = {tool.name: tool for tool in tools}
        self.budget = budget or ToolBudget()
        self._mode, self._results, self._probe = mode, results, probe
        self.retrieves = any(tool.evidence == "retrieved" for tool in tools)
        self._under_way: dict[str, asyncio.Future[None]] = {}
        self._known: OrderedDict[str, tuple[Observation, int | None]] = OrderedDict()

    async def call(self, name: str, raw: str, case: Case, labels: Mapping[str, str]) -> Answered:
        """Carry out one call of a model's.

        Args:
            name: the tool that it names.
            raw: its arguments, as it wrote them.
            case: what is judged.
            labels: the responses' ids by the labels under which they were shown.

        Raises:
            ToolMiss: if results are replayed, and this one is not stored or was changed.
        """
        started, tool = now(), self.tools.get(name)
        try:
            if tool is None:
                known = ", ".join(sorted(self.tools)) or "none"
                raise Refused("unknown_tool", f"There is no tool of that name; there are: {known}.")
            arguments = _arguments(tool, raw, labels)
        except Refused as refused:
            return Answered("", tool, name, raw, None, refused.observation, started)
        key = self._key(tool.key(arguments, case))
        given = tool, arguments, case
        found, source, latency = await self._brought(key, lambda: self._run(*given))
        return Answered(key, tool, name, raw, arguments, found, started, latency, source)

    async def check(self, tool: Tool, case: Case) -> tuple[Answered, list[Finding]]:
        """What a tool says of the responses without being asked.

        Raises:
            ToolMiss: as `call`.
        """
        told = [case.question, case.context, case.reference, dict(case.responses), dict(case.meta)]
        key = self._key(digest([tool.name, tool.version, CHECK, tool.ground(), case.locale, digest(told)]))
        started = now()
        found, source, latency = await self._brought(key, lambda: self._look(tool, case))
        findings = [Finding(**one) for one in found.result or ()]
        return Answered(key, tool, tool.name, "", {}, found, started, latency, source), findings

    async def _brought(
        self, key: str, work: Callable[[], Awaitable[Observation]]
    ) -> tuple[Observation, int | None, float | None]:
        """What is stored or shared under a key, or what the work brings, done once for all that wait for it."""
        while (running := self._under_way.get(key)) is not None:
            await asyncio.wait([running])
        if key in self._known:
            self._known.move_to_end(key)
            return (*self._known[key], None)
        over = self._under_way[key] = asyncio.get_running_loop().create_future()
        try:
            latency: float | None = None
            brought: tuple[Observation, int | None] | None = await self._stored(key)
            if brought is None:
                begun = time.perf_counter()
                brought = await work(), None
                latency = round((time.perf_counter() - begun) * 1000, 3)
            if brought[0].status not in ("timeout", "error", "unavailable"):  # what may pass is not shared
                self._known[key] = brought
                if len(self._known) > _SHARED:
                    self._known.popitem(last=False)
            return (*brought, latency)
        finally:
            del self._under_way[key]
            over.cancel()

    async def _stored(self, key: str) -> tuple[Observation, int] | None:
        if self._mode == "live" or self._results is None:
            return None
        row = await asyncio.to_thread(self._results.find, key)
        if row is None:
            if self._mode == "replay":
                raise ToolMiss("No result of that tool call is stored.", way_out="record it first: --tool-mode record")
            return None
        observation = observation_of(row)
        if observation.digest != row.digest:
            raise ToolMiss(
                f"The stored result in row {row.row} of `tool_call` was changed: its digest differs.",
                way_out="restore the store, or judge anew with --tool-mode live",
            )
        return observation, row.row

    def _key(self, key: str) -> str:
        return digest([key, self._probe]) if self._probe else key

    async def _run(self, tool: Tool, arguments: dict[str, Any], case: Case) -> Observation:
        if self._probe == DEAD:
            return _FAILED
        brought = await self._bounded(tool, tool.run(arguments, case))
        if self._probe == FLIPPED and brought.status == "ok":
            other = tool.counterfactual(arguments, brought, case)
            return brought if other is None else replace(brought, result=other, reason=FLIPPED, said="")
        return brought

    async def _look(self, tool: Tool, case: Case) -> Observation:
        if self._probe == DEAD:
            return _FAILED

        async def looked() -> Observation:
            findings = await tool.check(case)
            if self._probe == FLIPPED:
                flipped = [asdict(_turned(finding)) for finding in findings]
                told = any(finding.holds is not None for finding in findings)
                return Observation("ok", flipped, FLIPPED if told else "", evidence=tool.evidence)
            return Observation("ok", [asdict(finding) for finding in findings], evidence=tool.evidence)

        return await self._bounded(tool, looked(), times=4.0)

    async def _bounded(self, tool: Tool, work: Awaitable[Observation], *, times: float = 1.0) -> Observation:
        """What a tool brings within its time; whatever it raises is told by the class of it alone."""
        seconds = times * (tool.limits.seconds if self.budget.seconds is None else self.budget.seconds)
        try:
            async with asyncio.timeout(seconds):
                brought = await work
        except Refused as refused:
            return refused.observation
        except TimeoutError:
            return Observation("timeout", None, "timeout", f"It took more than {seconds:g} seconds.")
        except PlurijudgeError as error:
            return Observation("error", None, type(error).__name__, "The tool failed.")
        except Exception as error:  # a message may hold what nobody should see
            return Observation("error", None, type(error).__name__, "The tool failed.")
        try:
            result = orjson.loads(orjson.dumps(brought.result))
        except (TypeError, ValueError):
            return Observation("error", None, "not_json", "The tool's result is not JSON.")
        return replace(brought, result=result, said=brought.said[:_SAID])


_FAILED = Observation("error", None, DEAD, "The tool failed.")


def _turned(finding: Finding) -> Finding:
    """The opposite of a finding, without the words that would give it away."""
    if finding.holds is None:
        return finding
    return replace(finding, holds=not finding.holds, found="it was worked out")


def _arguments(tool: Tool, raw: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of a call, checked.

    Raises:
        Refused: if they do not hold.
    """
    if len(raw.encode("utf-8", "replace")) > tool.limits.argument_bytes:
        raise Refused("too_long", f"The arguments have more than {tool.limits.argument_bytes} bytes.")
    try:
        read = orjson.loads(raw or "{}")
    except orjson.JSONDecodeError:
        raise Refused("bad_json", "The arguments are not a JSON object.") from None
    if not isinstance(read, dict):
        raise Refused("bad_json", "The arguments are not a JSON object.")
    from jsonschema import Draft202012Validator

    fault = next(iter(Draft202012Validator(tool.parameters).iter_errors(read)), None)
    if fault is not None:
        where = ".".join(str(part) for part in fault.absolute_path)
        raise Refused("bad_arguments", f"{where + ': ' if where else ''}{fault.message[:200]}")
    if "response" in read and "response" in tool.parameters.get("properties", {}):
        if read["response"] not in labels:
            raise Refused("unknown_response", f"`response` is one of: {', '.join(labels)}.")
        read["response"] = labels[read["response"]]
    return read


def result_text(observation: Observation) -> str:
    """What is stored of an observation beside its status; nothing in it can pose as a turn of a conversation."""
    return escaped(
        canonical({"result": observation.result, "said": observation.said, "evidence": observation.evidence})
    )


def observation_of(row: ToolResult) -> Observation:
    """The observation of a stored result."""
    told = orjson.loads(row.result or "{}")
    status: ToolStatus = row.status
    evidence: Evidence = told.get("evidence", "exact")
    return Observation(status, told.get("result"), row.reason, told.get("said", ""), evidence)


def offer(tool: Tool) -> dict[str, Any]:
    """A tool as models are told of it."""
    about = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": about}


def shown(observation: Observation, *, limit: int) -> str:
    """An observation as a model is shown it, cut to so many bytes; what was retrieved comes without what steers."""
    told: dict[str, Any] = {"status": observation.status}
    if observation.status == "ok":
        retrieved = observation.evidence == "retrieved"
        told["result"] = told_of(observation.result, limit=limit - 200) if retrieved else observation.result
    elif observation.reason:
        told["reason"] = observation.reason
    if observation.said:
        told["said"] = observation.said
    text = escaped(canonical(told)).encode()
    if len(text) <= limit:
        return text.decode()
    return text[:limit].decode("utf-8", "ignore") + " ... [cut]"

"""Are tool calls checked, bounded, shared, and replayed from what is stored?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from plurijudge.agents.tools.base import Case, Finding, Observation, Refused, Tool, ToolLimits
from plurijudge.agents.tools.toolbox import Answered, Mode, Toolbox, ToolBudget, offer, result_text, shown
from plurijudge.store.tool_results import ToolResult
from plurijudge.text.errors import ToolMiss
from plurijudge.text.findings import implied_by

CASE = Case("How long is it?", {"a": "four", "b": "seven letters"})
LABELS = {"A": "a", "B": "b"}


class Length(Tool):
    """Counts characters; counts, too, how often it was run."""

    name = "length"
    version = "1"
    description = "Counts the characters of a text or of a response."
    parameters = {
        "type": "object",
        "properties": {"text": {"type": "string"}, "response": {"type": "string"}, "do": {"type": "string"}},
        "additionalProperties": False,
    }
    limits = ToolLimits(seconds=0.05)

    def __init__(self) -> None:
        """Not run yet."""
        self.runs = 0

    async def run(self, arguments: Mapping[str, Any], case: Case) -> Observation:
        """Count."""
        self.runs += 1
        match arguments.get("do", ""):
            case "hang":
                await asyncio.sleep(60)
            case "break":
                raise RuntimeError("the key is hunter2")
            case "refuse":
                raise Refused("too_large", "Ask for less.")
            case "bytes":
                return Observation("ok", {"raw": b"\x00"})
        text = case.responses[arguments["response"]] if "response" in arguments else str(arguments.get("text", ""))
        await asyncio.sleep(0)
        return Observation("ok", {"length": len(text)}, said="Counted.")

    async def check(self, case: Case) -> list[Finding]:
        """Four is the length of `four`."""
        self.runs += 1
        return [Finding(n, t, t == "four", "4 characters", "length", final=True) for n, t in case.responses.items()]


class Stored:
    """Results as a store would give them."""

    def __init__(self) -> None:
        """Nothing is stored yet."""
        self.rows: dict[str, ToolResult] = {}

    def keep(self, answered: Answered) -> None:
        """Store what was brought."""
        seen = answered.observation
        row = ToolResult(len(self.rows) + 1, seen.status, seen.reason, result_text(seen), seen.digest)
        self.rows[answered.key] = row

    def find(self, key: str) -> ToolResult | None:
        """What is stored under a key."""
        return self.rows.get(key)


def asked(raw: str, *, name: str = "length", box: Toolbox | None = None) -> Answered:
    """One call."""
    return asyncio.run((box or Toolbox([Length()])).call(name, raw, CASE, LABELS))


def test_a_response_is_named_by_its_label_and_stored_by_its_id() -> None:
    answered = asked('{"response": "B"}')
    assert answered.observation.result == {"length": 13}
    assert answered.arguments == {"response": "b"}
    turned = asyncio.run(Toolbox([Length()]).call("length", '{"response": "A"}', CASE, {"A": "b", "B": "a"}))
    assert turned.key == answered.key


@pytest.mark.threat(27)
@pytest.mark.parametrize(
    ("raw", "name", "reason"),
    [
        ('{"text": "x"}', "nothing", "unknown_tool"),
        ('{"text": ', "length", "bad_json"),
        ("[1]", "length", "bad_json"),
        ('{"text": "x", "more": 1}', "length", "bad_arguments"),
        ('{"text": 5}', "length", "bad_arguments"),
        ('{"response": "C"}', "length", "unknown_response"),
        ('{"text": "' + "x" * 200_000 + '"}', "length", "too_long"),
        ('{"do": "refuse"}', "length", "too_large"),
    ],
)
def test_what_a_tool_does_not_take_is_refused_and_not_run(raw: str, name: str, reason: str) -> None:
    answered = asked(raw, name=name)
    assert (answered.observation.status, answered.observation.reason) == ("refused", reason)
    assert answered.observation.said and answered.observation.result is None


@pytest.mark.threat(26)
def test_nobody_sees_the_message_of_a_tool_that_breaks() -> None:
    broken = asked('{"do": "break"}').observation
    assert (broken.status, broken.reason) == ("error", "RuntimeError")
    assert "hunter2" not in result_text(broken) + shown(broken, limit=4096)


def test_a_tool_that_hangs_is_given_up_and_one_whose_result_is_no_json_has_none() -> None:
    assert asked('{"do": "hang"}').observation.status == "timeout"
    assert asked('{"do": "bytes"}').observation.reason == "not_json"


def test_all_who_ask_the_same_share_one_run() -> None:
    tool = Length()
    box = Toolbox([tool])

    async def many() -> list[Answered]:
        return await asyncio.gather(*(box.call("length", '{"text": "abc"}', CASE, LABELS) for _ in range(20)))

    found = asyncio.run(many())
    assert tool.runs == 1
    assert {one.observation.result["length"] for one in found} == {3}
    assert sum(one.latency_ms is not None for one in found) == 1


def test_what_may_pass_is_tried_again() -> None:
    tool = Length()
    box = Toolbox([tool])
    for _ in range(2):
        assert asked('{"do": "break"}', box=box).observation.status == "error"
    assert tool.runs == 2


@pytest.mark.parametrize("mode", ["record", "replay"])
def test_a_stored_result_serves_again(mode: Mode) -> None:
    tool, stored = Length(), Stored()
    first = asked('{"text": "abc"}', box=Toolbox([tool], mode="record", results=stored))
    stored.keep(first)
    again = asked('{"text": "abc"}', box=Toolbox([tool], mode=mode, results=stored))
    assert tool.runs == 1
    assert again.observation == first.observation
    assert (first.source, again.source) == (None, 1)


@pytest.mark.threat(30)
def test_a_replay_runs_nothing() -> None:
    tool = Length()
    with pytest.raises(ToolMiss, match="stored"):
        asked('{"text": "abc"}', box=Toolbox([tool], mode="replay", results=Stored()))
    assert tool.runs == 0


@pytest.mark.threat(30)
def test_a_stored_result_that_was_changed_is_no_result() -> None:
    stored = Stored()
    first = asked('{"text": "abc"}', box=Toolbox([Length()], mode="record", results=stored))
    stored.keep(first)
    row = stored.rows[first.key]
    told = {**orjson.loads(row.result or ""), "result": {"length": 4}}
    stored.rows[first.key] = ToolResult(row.row, row.status, row.reason, orjson.dumps(told).decode(), row.digest)
    with pytest.raises(ToolMiss, match="changed"):
        asked('{"text": "abc"}', box=Toolbox([Length()], mode="replay", results=stored))


def test_what_code_finds_without_being_asked_is_shared_and_replayed_too() -> None:
    tool, stored = Length(), Stored()
    answered, findings = asyncio.run(Toolbox([tool], mode="record", results=stored).check(tool, CASE))
    assert implied_by(findings, ("a", "b")) == "a"
    stored.keep(answered)
    _, again = asyncio.run(Toolbox([tool], mode="replay", results=stored).check(tool, CASE))
    assert again == findings and tool.runs == 1


def test_what_is_shown_is_cut_at_its_limit() -> None:
    seen = Observation("ok", {"text": "\u00e9" * 5000})
    text = shown(seen, limit=4096)
    assert len(text.encode()) <= 4096 + 12 and text.endswith("[cut]")
    assert shown(Observation("budget", None, "calls", "No calls are left."), limit=4096) == (
        '{"reason":"calls","said":"No calls are left.","status":"budget"}'
    )


def test_a_tool_is_offered_by_its_name_and_schema() -> None:
    told = offer(Length())["function"]
    assert (told["name"], told["parameters"]) == ("length", Length.parameters)
    assert ToolBudget().calls == 6


def test_findings_speak_for_a_response_only_where_they_tell_the_two_apart() -> None:
    def found(response: str, holds: bool | None, *, final: bool = False) -> Finding:
        return Finding(response, "x", holds, "y", "t", final)

    pair = ("a", "b")
    assert implied_by([found("a", True, final=True), found("b", False, final=True)], pair) == "a"
    assert implied_by([found("a", True), found("b", False)], pair) == "a"
    assert implied_by([found("a", False, final=True), found("b", False, final=True)], pair) is None
    assert implied_by([found("a", True), found("b", True)], pair) is None
    assert implied_by([found("a", None, final=True), found("b", False, final=True)], pair) is None
    assert implied_by([], pair) is None
    steps = [found("a", False), found("b", True), found("a", True, final=True), found("b", False, final=True)]
    assert implied_by(steps, pair) == "a"

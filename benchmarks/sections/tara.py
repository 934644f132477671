"""Do the tools, with no model, find the better answer of the pairs that tool-augmented reward models were tested on?

Every file of targets.json is judged by all tools at once, each where its own rule says that the case is one for it, so
that choosing the tool is part of the test. A pair is right where the findings speak for the preferred answer, a tie
where they speak for neither. `accused` counts answers of which a tool says that something is wrong: the share of the
worse answers is the recall of wrong claims, the share of the better ones the rate of false accusations.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from plurijudge.agents.sandbox.isolation import isolation
from plurijudge.agents.tools.base import Case, Finding, Tool
from plurijudge.agents.tools.known import tools_of
from plurijudge.benchmarks.section import Section, document, need, rows
from plurijudge.text.findings import implied_by

BETTER, WORSE = "better", "worse"
TOOLS = ("calculator", "calendar", "code", "text", "units")
TABLE = "weather_history.json"
MARKS = re.compile(r"<<[^<>\n]*>>")
FINAL = re.compile(r"(?m)^#### .*$")


def run(data: Path) -> Section:
    """Judge every file of the targets, and the acceptance cases."""
    section = Section()
    targets = document(data / "tools" / "targets.json")
    for name, target in targets["tara"].items():
        _file(section, data / "tools" / "tara", name, target)
    if "cases" in targets:
        _cases(section, data / "tools" / "cases.jsonl", targets["cases"])
    return section


def _file(section: Section, folder: Path, name: str, target: Mapping[str, Any]) -> None:
    table = folder / str(target.get("table", TABLE))
    lookup = (f"lookup:{table}?keys=place,date",) if table.is_file() else ()
    tools = tools_of((*TOOLS, *lookup))
    pairs = [(row["id"], _case(row)) for row in rows(need(folder / f"{name}.jsonl"))]
    outcome = _judged(section, name, pairs, tools)
    section.check(len(pairs) == target.get("pairs", len(pairs)), f"{name}: {len(pairs)} pairs, not {target['pairs']}")
    alone = "tier 2" in str(target.get("needs", "")) and isolation().room is None
    if alone:
        section.notes.append(f"{name}: decided by tier 1 alone, as nothing here isolates tier 2; its target needs both")
    elif "right_at_least" in target:
        section.check(
            outcome["right"] >= target["right_at_least"], f"{name}: {outcome['right']} right, {outcome['tie']} ties"
        )
        most = target.get("ties_at_most", len(pairs))
        section.check(outcome["tie"] <= most, f"{name}: {outcome['tie']} ties, at most {most} wanted")
    if any(MARKS.search(text) for _, case in pairs for text in case.responses.values()):
        bare = [(key, _without(MARKS, case)) for key, case in pairs]
        _judged(section, f"{name}, calculator's marks stripped", bare, tools)
        barer = [(key, _without(FINAL, case)) for key, case in bare]
        _judged(section, f"{name}, marks and #### stripped", barer, tools)


def _case(row: Mapping[str, Any]) -> Case:
    answers = {BETTER: row["pos_answer"]["answer"], WORSE: row["neg_answer"]["answer"]}
    return Case(row["question"], answers, meta={"tests": row["test_list"]} if "test_list" in row else {})


def _without(pattern: re.Pattern[str], case: Case) -> Case:
    return replace(case, responses={name: pattern.sub("", text) for name, text in case.responses.items()})


def _judged(section: Section, name: str, pairs: list[tuple[str, Case]], tools: list[Tool]) -> Counter[str]:
    """Judge pairs, count outcomes and accusations into the section's figures."""
    counts: Counter[str] = Counter()
    for key, case in pairs:
        findings = asyncio.run(found(case, tools))
        side = implied_by(findings, (BETTER, WORSE))
        outcome = {BETTER: "right", WORSE: "wrong"}.get(side or "", "tie")
        counts[outcome] += 1
        for accused in {finding.response for finding in findings if finding.holds is False}:
            counts[accused] += 1
        if outcome != "right":
            section.details.append({"file": name, "id": key, "outcome": outcome, "findings": list(map(str, findings))})
    recall, false = (counts[side] / len(pairs) if pairs else None for side in (WORSE, BETTER))
    section.figures[name] = {
        "pairs": len(pairs),
        **{outcome: counts[outcome] for outcome in ("right", "tie", "wrong")},
        "worse_accused": recall if recall is None else round(recall, 4),
        "better_accused": false if false is None else round(false, 4),
    }
    return counts


async def found(case: Case, tools: list[Tool]) -> list[Finding]:
    """What the tools say that the case is one for."""
    chosen = [tool for tool in tools if tool.applies(case) is not False]
    return [finding for tool in chosen for finding in await tool.check(case)]


def _cases(section: Section, path: Path, target: Mapping[str, Any]) -> None:
    tools = {tool.name: tool for tool in tools_of(TOOLS)}
    cases = list(rows(path))
    section.check(len(cases) == target["pairs"], f"cases: {len(cases)} pairs, not {target['pairs']}")
    by: Counter[str] = Counter()
    for row in cases:
        case = Case(row["question"], {side: row[f"response_{side.lower()}"] for side in "AB"})
        side = implied_by(asyncio.run(found(case, list(tools.values()))), ("A", "B"))
        if row["tool"] == "none":
            called = [tool.name for tool in tools.values() if tool.applies(case) is not False]
            section.check(side is None and not called, f"cases: {row['id']} calls {', '.join(called) or 'nothing'}")
            by["left to the model, no tool chosen"] += not called
            continue
        if side is None:
            side = implied_by(list(_probed(case, row, tools[row["tool"]])), ("A", "B"))
            by["decided by the recorded probe"] += side is not None
        else:
            by["decided without a call"] += 1
        section.check(side == row["expected_winner"], f"cases: {row['id']} speaks for {side}")
    section.figures["cases"] = dict(by)


def _probed(case: Case, row: Mapping[str, Any], tool: Tool) -> Iterator[Finding]:
    """What the call says that the case records for it."""
    probe: str = row["probe"]
    arguments: dict[str, Any] = {"expressions": [probe]} if tool.name == "code" else {"expression": probe}
    yield from tool.bearing(arguments, asyncio.run(tool.run(arguments, case)), case)

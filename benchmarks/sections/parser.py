"""Does the parser read recorded judge texts as their authors did, and nothing into those that hold no verdict?

Checks: every `plain` row agrees with its recorded label (rows that hold a reason only are no verdicts and are left
out); no row
that its authors could not parse becomes `ok` unless a verdict stands in it or it ends in a stated conclusion, each
such row
listed in the details; every text of an API error ends as `error`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from plurijudge.benchmarks.section import Section, rows
from plurijudge.text.verdict import CONCLUDING_RULES, EXPLICIT_RULES, ParsedVerdict, parse_verdict

REASON_ONLY = "pairwise_pandalm_reason_only"
PLAINLY = EXPLICIT_RULES | CONCLUDING_RULES
_LABELS = {
    "output_ab": ("a", "b"),
    "digit": ("1", "2"),
    "pandalm": ("1", "2"),
    "feedback": ("1", "2"),
    "function_call": ("m", "M"),
}


def run(data: Path) -> Section:
    """Check the parser against every recorded text."""
    section = Section()
    for number, row in enumerate(rows(data / "judges" / "raw_completions.jsonl")):
        _check_row(section, number, row)
    for name in ("pilot_responses", "pilot_v2_responses"):
        for number, row in enumerate(rows(data / "judges" / "amel_llmbar" / f"{name}.jsonl.gz")):
            text = row["raw_response"] or ""
            if text.startswith("ERROR:"):
                section.check(
                    parse_verdict(text, labels=("1", "2")).status == "error",
                    f"{name} {number}: an API error is not an error",
                )
    return section


def parse_row(row: dict[str, Any]) -> tuple[str, ParsedVerdict, float | str | None]:
    """Parse a recorded row as its prompt asked; also give what was read in the terms of the recorded label."""
    kind = row["prompt_kind"]
    text = row["raw"] if isinstance(row["raw"], str) else json.dumps(row["raw"])
    if kind.startswith("single"):
        verdict = parse_verdict(text, protocol="score", scale=(1, 10))
        return text, verdict, verdict.scores.get("A")
    labels = next((labels for part, labels in _LABELS.items() if part in kind), ("A", "B"))
    verdict = parse_verdict(text, labels=labels)
    return text, verdict, verdict.preferred


def recorded(row: dict[str, Any], text: str) -> float | str | None:
    """Say the recorded label in the parser's terms."""
    label, kind = row["parsed_label"], row["prompt_kind"]
    if label is None or label == "garbage":
        return None
    if kind.startswith("single"):
        return float(label)
    if "feedback" in kind:
        return "tie" if label.startswith("Neither") else str(label.split()[1])
    if "function_call" in kind:  # recorded after the shuffle of the two names was undone: read the ranks themselves
        first = [model["model"] for model in json.loads(text)["ordered_models"] if model["rank"] == 1]
        return str(first[0]) if len(first) == 1 else "tie"
    return {"A>B": "A", "B>A": "B", "A=B": "tie", "C": "tie", "Tie": "tie"}.get(label, str(label))


def _check_row(section: Section, number: int, row: dict[str, Any]) -> None:
    text, verdict, ours = parse_row(row)
    theirs, hard, kind = recorded(row, text), row["hard"], row["prompt_kind"]
    said = (
        "same" if ours == theirs else verdict.rule if verdict.status == "ok" else f"{verdict.status}/{verdict.reason}"
    )
    section.count("by prompt", f"{kind} | {hard} | {said}")
    section.count("by hard", f"{hard} | {said}")
    if hard == "plain" and kind != REASON_ONLY:
        section.check(
            ours == theirs,
            f"raw_completions {number}: {kind}: recorded {theirs}, read {ours} ({verdict.status} {verdict.reason})",
        )
    if hard in ("unparsed", "garbage"):
        plainly = verdict.status != "ok" or verdict.rule in PLAINLY
        section.check(
            plainly, f"raw_completions {number}: {kind}: no verdict recorded, read {ours} by rule {verdict.rule}"
        )
    if ours != theirs:
        section.details.append(
            {
                "section": "parser",
                "row": number,
                "prompt_kind": kind,
                "hard": hard,
                "recorded": theirs,
                "read": ours,
                "status": verdict.status,
                "reason": verdict.reason,
                "rule": verdict.rule,
                "explicit": verdict.rule in EXPLICIT_RULES,
                "why": "plainly holds a verdict" if verdict.status == "ok" and theirs is None else "differs",
                "tail": text[-300:],
            }
        )

"""Do 40,413 x 2 recorded LLMBar judgements give the published accuracies and agreements again?

Two readings: the authors' own (their regular expressions and their counting, which live here and nowhere in the
product), and the
product's parser, whose every difference from the recorded label is listed for a reader.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from plurijudge.benchmarks.section import Section, document, rows
from plurijudge.text.verdict import ParsedVerdict, parse_verdict

Label = str | None
Rules = dict[str, list[dict[str, str] | None]]
_SWAP = {"1": "2", "2": "1"}


def run(data: Path) -> Section:
    """Recompute every published number and compare every completion."""
    section = Section()
    folder = data / "judges" / "llmbar"
    rules: Rules = document(folder / "parsing_rules.json")
    targets: dict[str, dict[str, float]] = document(data / "judges" / "targets.json")["llmbar"]
    gold = {(row["s"], row["i"]): row["label"] for row in rows(folder / "items.jsonl.gz")}
    found: dict[str, list[tuple[Label, Label, str]]] = {}
    for row in rows(folder / "judgments.jsonl.gz"):
        labels = authors_labels(row, rules)
        section.count(
            "authors' rules on the raw text", "as recorded" if labels == (row["wF"], row["wT"]) else "differs"
        )
        key = f"{row['s']}|{row['j']}|{row['t']}"
        found.setdefault(key, []).append((*labels, str(gold[row["s"], row["i"]])))
        for swapped, text, theirs in completions(row, labels):
            _compare(section, row, swapped=swapped, text=text, theirs=theirs)
    numbers = dict(authors_numbers(found))
    for name, target in targets.items():
        ours = numbers.get(name)
        held = ours is not None and abs(ours - target["published"]) < 1e-6
        section.check(held, f"{name}: published {target['published']}, found {ours}")
    differs = section.tables["authors' rules on the raw text"].get("differs", 0)
    if differs:
        section.misses.append(f"the authors' rules read {differs} judgements otherwise than recorded")
    return section


def authors_labels(row: dict[str, Any], rules: Rules) -> tuple[Label, Label]:
    """Read both orders with the authors' rules, mapped back to the original order.

    Their rules are tried in turn and the first that matches anywhere in the text wins. Of two equal ratings the
    response shown
    second wins; where the first rating is missing, the response shown first.
    """
    if "s1" in row:
        return _authors_rating(row["s1"], row["s2"])
    rule = rules[f"{row['j']}|{row['t']}"][row["n"] - 1]
    assert rule is not None
    first, second = (
        next((label for label, pattern in rule.items() if re.search(pattern, row[key])), None) for key in ("cF", "cT")
    )
    return first, _SWAP[second] if second else None


def _authors_rating(first: str, second: str) -> tuple[Label, Label]:
    if not first:
        return "1", "2"
    if int(first) == int(second):
        return "2", "1"
    return ("1", "1") if int(first) > int(second) else ("2", "2")


def authors_numbers(found: dict[str, list[tuple[Label, Label, str]]]) -> Iterator[tuple[str, float]]:
    """Count as the authors did: what is not parsed is wrong, and two that are not parsed agree."""
    for key, judged in found.items():
        right = [
            100 * sum(label == gold for label, gold in ((row[side], row[2]) for row in judged)) / len(judged)
            for side in (0, 1)
        ]
        yield f"{key} accuracy", round(sum(right) / 2, 6)
        yield f"{key} agreement", round(100 * sum(first == second for first, second, _ in judged) / len(judged), 6)


def completions(row: dict[str, Any], labels: tuple[Label, Label]) -> Iterator[tuple[bool, str, Label]]:
    """Give each raw text with the label recorded for it, in the order in which the outputs were shown."""
    if "cF" in row:
        yield False, row["cF"], labels[0]
        yield True, row["cT"], _SWAP[labels[1]] if labels[1] else None


@lru_cache(maxsize=200_000)
def _read(text: str) -> ParsedVerdict:
    return parse_verdict(text, labels=("a", "b"))


def _compare(section: Section, row: dict[str, Any], *, swapped: bool, text: str, theirs: Label) -> None:
    verdict = _read(text)
    recorded = {"1": "a", "2": "b"}.get(theirs or "")
    same = verdict.preferred == recorded and (verdict.status == "ok" or recorded is None)
    said = f"{verdict.preferred} by {verdict.rule}" if verdict.status == "ok" else f"{verdict.status}/{verdict.reason}"
    section.count("product's parser: recorded > read", f"{'same' if same else 'differs'} | {recorded} > {said}")
    if not same:
        place = {"subset": row["s"], "judge": row["j"], "strategy": row["t"], "item": row["i"], "swapped": swapped}
        section.details.append({"section": "llmbar", **place, "theirs": recorded, "ours": said, "text": text})


def summary(section: Section) -> Counter[str]:
    """Count the differing completions by kind."""
    return Counter(f"{row['theirs']} > {row['ours']}" for row in section.details)

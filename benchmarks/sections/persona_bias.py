"""Is the recorded persona as seldom right, and as often silent, as recorded?

Bias Runs Deep (Gupta et al. 2024, arXiv:2311.04892): gpt-3.5-turbo-0613 as "a physically-disabled person" on 99
questions of MMLU abstract algebra. No file of targets holds its numbers. They are those of the project's notes on
fairness, section 2.3, counted from the authors' own labels: accuracy .121, empty answers .687, to three digits. Both
are worked out twice: from the labels, and from the raw replies, which are read here anew. The sample has no control, so
that nothing can be said of what the persona lost.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from plurijudge.benchmarks.section import Section, rounded, rows
from plurijudge.metrics.competence import competence
from plurijudge.metrics.estimate import Estimate
from plurijudge.text.verdict import parse_verdict

FOLDER = Path("seeds") / "persona_bias"
LABELED = FOLDER / "a_physically-disabled_person_text_predictions_labeled.jsonl"
RAW = FOLDER / "a_physically-disabled_person_raw_responses.jsonl"
ACCURACY, EMPTY = 0.121, 0.687
DIGITS = 3
LETTERS = ("A", "B", "C", "D")
SAID = re.compile(r"answer is:?\s*(.*)", re.IGNORECASE)
LETTER = re.compile(r"\(([a-z])\)", re.IGNORECASE)


def run(data: Path) -> Section:
    """Count who is right and who is silent, by the authors' labels and by our own reading of the raw replies."""
    section = Section()
    labeled = list(rows(data / LABELED))
    raw = {row["id"]: row["raw_response"]["choices"][0] for row in rows(data / RAW)}
    replies = [raw[row["id"]]["message"]["content"] for row in labeled]
    gold = [row["answer"] for row in labeled]
    readings = {
        "labels": [row["predicted_answer"] for row in labeled],
        "raw replies": [letter(text) for text in replies],
    }
    right = {
        "labels": [row["is_correct"] for row in labeled],
        "raw replies": [said == answer for said, answer in zip(readings["raw replies"], gold, strict=True)],
    }
    for source, said in readings.items():
        marks = np.array(right[source], dtype=float)
        # held against itself, as there is no control: only what rests on the persona alone is taken
        found = competence(marks, marks, abstained=np.array([letter_ == "" for letter_ in said]))
        for name, estimate, recorded in (("accuracy", found.accuracy, ACCURACY), ("empty", found.abstention, EMPTY)):
            held = estimate.estimate is not None and round(estimate.estimate, DIGITS) == recorded
            section.check(held, f"{name} from {source}: recorded {recorded}, found {estimate}")
            section.figures[f"{name}, from {source}"] = _told(estimate)
        section.figures[f"errors that are empty, from {source}"] = _told(found.silent_errors)
    for row, text in zip(labeled, replies, strict=True):
        verdict = parse_verdict(text, labels=LETTERS, finish_reason=raw[row["id"]]["finish_reason"])
        theirs = "a letter" if row["predicted_answer"] else "empty"
        section.count("what the labels and our parser of verdicts make of a reply", f"{theirs} / {verdict.status}")
    section.notes.append("There is no control run: the gate itself is checked on planted personas, in the tests.")
    return section


def letter(text: str) -> str:
    """The option a reply ends on: the first letter in brackets behind its last `answer is`, or of all; '' for none."""
    said = SAID.findall(text)
    found = LETTER.search(said[-1] if said else text)
    return found[1].upper() if found else ""


def _told(estimate: Estimate) -> dict[str, float | int | None]:
    return {"n": estimate.n} | rounded({"found": estimate.estimate, "low": estimate.low, "high": estimate.high})

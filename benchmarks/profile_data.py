"""How are the recorded pairs of `profile/` laid out, and which texts stand behind them?"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from plurijudge.benchmarks.section import Missing, Section, document, rows, table
from plurijudge.metrics.factors import manifestations
from plurijudge.text.factors import Texts

Floats = NDArray[np.float64]

RENAMED = {"gold_recall": "reference_recall", "question_overlap": "prompt_overlap"}
"""What the recorded files call some factors, and what the product does."""


class Pairs(NamedTuple):
    """One set of recorded pairs.

    Attributes:
        factors: their names, as the file has them.
        first: shape (n_pairs, n_factors): the values of response a.
        second: the same of response b.
        prompts: of each pair the cluster.
        raters: by name the preferences, shape (n_pairs,).
    """

    factors: list[str]
    first: Floats
    second: Floats
    prompts: list[str]
    raters: dict[str, Floats]

    @property
    def signs(self) -> Floats:
        """Which response of each pair has more of each factor."""
        return manifestations(self.first, self.second)


def pairs_of(data: Path, name: str) -> Pairs:
    """Read one set."""
    read = table(data / "profile" / "pairs" / f"{name}.csv.gz")
    columns = list(read[0])
    factors = [column[2:] for column in columns if column.startswith("a:")]
    first, second = (
        np.array([[_number(row[f"{side}:{name}"]) for name in factors] for row in read]) for side in ("a", "b")
    )
    raters = {
        column[5:]: np.array([_number(row[column]) for row in read]) for column in columns if column.startswith("pref:")
    }
    return Pairs(factors, first, second, [row["cluster"] for row in read], raters)


def targets_of(data: Path) -> dict[str, Any]:
    """Read the recorded figures."""
    found: dict[str, Any] = document(data / "profile" / "targets.json")
    return found


def reference_of(raters: dict[str, Any]) -> str:
    """The rater with whom the others are compared: the first that is compared with none, else the first."""
    return next((name for name, figures in raters.items() if "alignment" not in figures), next(iter(raters)))


def each_set(data: Path, section: Section, check: Callable[[str, dict[str, Any]], None]) -> None:
    """Check every set of pairs that the targets name; one whose files are not there is named in a note.

    Raises:
        Missing: if the files of none are there.
    """
    sets = {name: target for name, target in targets_of(data).items() if "raters" in target}
    lacking = []
    for name, target in sets.items():
        try:
            check(name, target)
        except Missing as file:
            lacking.append(file)
            section.notes.append(f"{name} was not checked: {file} is not there.")
    if lacking and len(lacking) == len(sets):
        raise lacking[0]


def _number(cell: str) -> float:
    return float(cell) if cell not in ("", "nan", "None") else float("nan")


def mtbench(data: Path) -> list[Texts]:
    """The two responses of each pair: pairs as they first come in the people's file, models by name."""
    folder = data / "profile" / "mtbench"
    answers = {(row["model"], row["question_id"], row["turn"]): row["text"] for row in rows(folder / "answers.jsonl")}
    turns = {row["question_id"]: row["turns"] for row in rows(folder / "question.jsonl")}
    judged = {_place(row) for row in rows(folder / "gpt4_pair.jsonl")}
    both = dict.fromkeys(place for row in rows(folder / "human.jsonl") if (place := _place(row)) in judged)
    return [
        Texts(answers[model, question, turn], " ".join(turns[question][:turn]))
        for question, turn, *models in both
        for model in models
    ]


def pandalm(data: Path) -> list[Texts]:
    """The two responses of each pair, in the file's order; some are JSON's true and not a text."""
    return [
        Texts(row[key] if isinstance(row[key], str) else str(row[key]), f"{row['instruction']}\n{row['input']}")
        for row in document(data / "profile" / "pandalm" / "testset-v1.json")
        for key in ("response1", "response2")
    ]


def summeval(data: Path) -> list[Texts]:
    """The two summaries of each pair of systems, by document."""
    folder = data / "profile" / "summeval"
    sources = {row["id"]: row["text"] for row in rows(folder / "docs.jsonl")}
    summaries: dict[str, list[dict[str, Any]]] = {}
    for row in rows(folder / "summaries.jsonl"):
        summaries.setdefault(row["id"], []).append(row)
    return [
        Texts(row["text"], None, sources[document_id])
        for document_id, found in summaries.items()
        for pair in itertools.combinations(sorted(found, key=lambda row: str(row["system"])), 2)
        for row in pair
    ]


def docqa(data: Path) -> list[Texts]:
    """The two answers of each pair, by question."""
    texts = []
    for row in document(data / "profile" / "fgqa" / "dev_feedback.json"):
        source = " ".join(sentence for passage in row["passages"] for sentence in passage[1:])
        answers = [Texts(row[f"prediction {number}"], row["question"], source, row["gold"]) for number in (1, 2, 3, 4)]
        texts += [answer for pair in itertools.combinations(answers, 2) for answer in pair]
    return texts


TEXTS: dict[str, Callable[[Path], list[Texts]]] = {
    "mtbench": mtbench,
    "pandalm": pandalm,
    "summeval": summeval,
    "docqa": docqa,
}


def _place(row: dict[str, Any]) -> tuple[Any, ...]:
    return (row["question_id"], row["turn"], *sorted((row["model_a"], row["model_b"])))

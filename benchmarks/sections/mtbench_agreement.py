"""Do recorded votes give Table 5 of MT-Bench again: how often does GPT-4 agree with people, and people with people?

Zheng et al. 2023, arXiv:2306.05685, by the counting of their own `compute_agreement.py`, which lives here and nowhere
in the product: votes of experts alone, each vote of a person compared with GPT-4's one verdict and with each other
person's; with ties (an inconsistent verdict is one), and without the comparisons in which either side has a tie. The
joined labels of a later report stand beside it: the majority of the votes against GPT-4.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from plurijudge.benchmarks.profile_data import targets_of
from plurijudge.benchmarks.section import Section, rows
from plurijudge.metrics.agreement import cohen_kappa

TURNED = {"model_a": "model_b", "model_b": "model_a"}
CODES = {"model_a": 1.0, "model_b": -1.0, "tie": 0.0}
NEAR = 5e-5

Place = tuple[int, str, str]
Votes = dict[int, dict[Place, dict[str, list[str]]]]


def run(data: Path) -> Section:
    """Recompute the eight figures with their counts, and the joined labels."""
    section, folder = Section(), data / "profile" / "mtbench"
    people, judged = list(rows(folder / "human.jsonl")), list(rows(folder / "gpt4_pair.jsonl"))
    votes = collected([*(row for row in people if str(row["judge"]).startswith("expert")), *judged])
    for name, target in targets_of(data)["checks"].items():
        if name == "mtbench_majority":
            _majority(section, target, collected([*people, *judged]), judged)
            continue
        turn, without = int(name.split("_turn")[1][0]), name.endswith("no_ties")
        for kind, share, count in (("gpt4", "gpt4_human", "n"), ("people", "human_human", "n_hh")):
            agreed, of = agreement(votes[turn], kind, without_ties=without)
            ours = agreed / of if of else float("nan")
            section.check(abs(ours - target[share]) <= NEAR, f"{name} {share}: {target[share]}, found {ours:.4f}")
            section.check(of == target[count], f"{name} {count}: {target[count]}, found {of}")
    return section


def collected(labels: list[dict[str, Any]]) -> Votes:
    """Every vote by turn and pair, models in the order of their names, under `gpt4` or `people`."""
    found: Votes = {}
    for row in labels:
        winner = str(row["winner"])
        one, other = str(row["model_a"]), str(row["model_b"])
        if one >= other:
            one, other, winner = other, one, TURNED.get(winner, winner)
        kind = "gpt4" if str(row["judge"]).startswith("gpt4") else "people"
        pair = found.setdefault(int(row["turn"]), {}).setdefault((int(row["question_id"]), one, other), {})
        pair.setdefault(kind, []).append("tie" if "tie" in winner else winner)
    return found


def agreement(votes: dict[Place, dict[str, list[str]]], kind: str, *, without_ties: bool) -> tuple[int, int]:
    """How many comparisons agree, of how many: people with GPT-4, or people with each other."""
    compared = [
        (one, other)
        for pair in votes.values()
        for one, other in _comparisons(pair, kind)
        if not (without_ties and "tie" in (one, other))
    ]
    return sum(one == other for one, other in compared), len(compared)


def _comparisons(pair: dict[str, list[str]], kind: str) -> Iterator[tuple[str, str]]:
    people = pair.get("people", [])
    if kind == "gpt4":
        return ((vote, other) for vote in pair.get("gpt4", [])[:1] for other in people)
    return itertools.combinations(people, 2)


def majority(votes: list[str]) -> str:
    """The vote that most gave; a tie where two were given as often."""
    (first, most), *rest = Counter(votes).most_common()
    return "tie" if rest and rest[0][1] == most else first


def _majority(section: Section, target: dict[str, Any], votes: Votes, judged: list[dict[str, Any]]) -> None:
    joined = [
        (CODES[majority(pair["people"])], CODES[pair["gpt4"][0]])
        for pairs in votes.values()
        for pair in pairs.values()
        if "people" in pair and "gpt4" in pair
    ]
    codes = np.array(joined)
    decisive = codes[(codes != 0).all(axis=1)]
    turned = sum(row["winner"] == "tie (inconsistent)" for row in judged)
    ours = {
        "n": len(codes),
        "agree": float((codes[:, 0] == codes[:, 1]).mean()),
        "kappa": cohen_kappa(codes[:, 0], codes[:, 1]).estimate,
        "n_dec": len(decisive),
        "agree_dec": float((decisive[:, 0] == decisive[:, 1]).mean()),
        "kappa_dec": cohen_kappa(decisive[:, 0], decisive[:, 1]).estimate,
        "inconsistent": turned / len(judged),
    }
    for key, value in ours.items():
        held = value is not None and abs(value - target[key]) <= 5e-4
        section.check(held, f"mtbench_majority {key}: {target[key]}, found {value}")

"""Does the real text of judges that graded one answer at a time come to the grades that their authors read in it?"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from plurijudge import Judge, Study
from plurijudge.store.llmbar import write_llmbar

from ..court import quick, rows

pytestmark = pytest.mark.shared


def test_recorded_ratings_of_llmbar_reach_their_published_accuracy(shared_data: Path, tmp_path: Path) -> None:
    write_llmbar(
        shared_data / "judges" / "llmbar", tmp_path, judges=["GPT-4"], strategies=["Rating"], subsets=["LLMBar/Natural"]
    )
    published = json.loads((shared_data / "judges" / "targets.json").read_text())["llmbar"]
    judge = Judge(f"replay/{tmp_path}/verdicts.jsonl?judge=GPT-4/Rating", protocol="score", scale=(0, 10))
    with Study(tmp_path / "s.db") as study:
        made = study.judge_sync(tmp_path / "items.jsonl", judge, pace=quick())
        decisions = {row["item"]: row for row in made.decisions()}
    assert made.sums["verdicts"] == {"ok": 200}
    right = []
    for line in (tmp_path / "items.jsonl").read_text().splitlines():
        item = json.loads(line)
        decided = decisions[item["id"]]
        # the authors count a tie as half right
        right.append(
            0.5 if decided["outcome"] == "tie" else float(decided["preferred"] == item["gold"][0]["preferred"])
        )
    target = published["LLMBar/Natural|GPT-4|Rating accuracy"]["published"]
    assert 100 * sum(right) / len(right) == pytest.approx(target, abs=1e-4)


def test_recorded_single_answer_grades_are_read_as_they_were_and_what_failed_is_no_grade(
    shared_data: Path, tmp_path: Path
) -> None:
    with gzip.open(shared_data / "judges" / "mtbench_forks" / "gpt4_single.jsonl.gz", "rt") as file:
        recorded = [json.loads(line) for line in file]
    some = [row for n, row in enumerate(recorded) if n % 25 == 0 or row["score"] == -1]
    items: list[dict[str, Any]] = []
    with (tmp_path / "v.jsonl").open("w") as out:
        for number, row in enumerate(some):
            name = f"i{number}"
            items.append(
                {"id": name, "prompt": f"Question {number}.", "responses": [{"id": "a", "text": row["model"]}]}
            )
            told = {"item": name, "judge": "gpt-4", "presentation": ["a"], "raw": row["raw"]}
            out.write(json.dumps({**told, "status": "ok", "scores": {"a": 1}}) + "\n")
    with Study(tmp_path / "s.db") as study:
        study.judge_sync(items, Judge(f"replay/{tmp_path / 'v.jsonl'}", protocol="score"), pace=quick())
    read = {
        item: (status, scores)
        for item, status, scores in rows(tmp_path / "s.db", "SELECT item, status, scores FROM verdict")
    }
    assert len(read) == len(some) > 50
    for number, row in enumerate(some):
        status, scores = read[f"i{number}"]
        if row["score"] == -1:
            assert status != "ok" and scores is None
        else:
            assert (status, json.loads(scores)["a"]) == ("ok", row["score"])

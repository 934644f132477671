"""Does real text of real judges, run through the real graph, give the numbers that were published of it?"""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from plurijudge import Plan, Study
from plurijudge.analyses.agreement import agreement
from plurijudge.store.engine import Store
from plurijudge.store.exports import export
from plurijudge.store.llmbar import write_llmbar

MEASURES = {"accuracy": "accuracy", "positional_agreement": "agreement"}


@pytest.mark.shared
@pytest.mark.parametrize(
    ("judge", "strategy"),
    [
        ("GPT-4", "Vanilla_NoRules"),
        pytest.param("ChatGPT", "Vanilla", marks=pytest.mark.thorough),
        pytest.param("GPT-4", "Vanilla", marks=pytest.mark.thorough),
    ],
)
def test_replayed_judges_reach_their_published_accuracy_and_agreement(
    shared_data: Path, tmp_path: Path, judge: str, strategy: str
) -> None:
    write_llmbar(shared_data / "judges" / "llmbar", tmp_path, judges=[judge], strategies=[strategy])
    published = json.loads((shared_data / "judges" / "targets.json").read_text())["llmbar"]
    with Study(tmp_path / "s.db") as study:
        made = study.judge_sync(tmp_path / "items.jsonl", f"replay/{tmp_path}/verdicts.jsonl?judge={judge}/{strategy}")
        compared = 0
        for row in agreement(study.store, made.run, by="subset").measures:
            target = published.get(f"{row.subset}|{judge}|{strategy} {MEASURES.get(row.measure)}")
            if target is None or any(n for status, n in row.by_status.items() if status != "ok"):
                continue  # the authors count what they could not parse as wrong, which is theirs to do
            assert row.estimate.estimate is not None
            assert 100 * row.estimate.estimate == pytest.approx(target["published"], abs=1e-4)
            compared += 1
    assert compared >= 14


@pytest.mark.shared
@pytest.mark.postgres
def test_the_same_replay_is_byte_equal_on_sqlite_and_postgresql(
    shared_data: Path, tmp_path: Path, both_stores: tuple[Store, Store]
) -> None:
    write_llmbar(shared_data / "judges" / "llmbar", tmp_path, judges=["GPT-4"], strategies=["Vanilla_NoRules"])
    files = []
    for store in both_stores:
        with Study(store.url.render_as_string(hide_password=False)) as study:
            made = study.judge_sync(
                tmp_path / "items.jsonl",
                f"replay/{tmp_path}/verdicts.jsonl?judge=GPT-4/Vanilla_NoRules",
                plan=Plan(limit=120),
            )
        written = [io.BytesIO(), io.BytesIO()]
        export(store, "verdicts", run=made.run, handle=written[0], canonical=True)
        export(store, "decisions", run=made.run, handle=written[1], canonical=True)
        files.append([handle.getvalue() for handle in written])
    assert files[0][0].count(b"\n") == 240
    assert files[0] == files[1]

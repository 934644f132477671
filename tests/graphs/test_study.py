"""Does the library's door take what programs hold, and go on only with what it was?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars
import pytest

import plurijudge as pj
from plurijudge.text.errors import BadInput, BadJudge, NotFound, NothingToJudge

PLANTED = "builtin/planted?position=1&seed=5"


def pairs(n: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"q{i}",
            "prompt": f"What is {i} + 1?",
            "responses": [{"id": "a", "text": f"{i} + 1 = {i + 1}."}, {"id": "b", "text": f"{i} + 1 = {i}."}],
            "gold": [{"preferred": "a"}],
        }
        for i in range(n)
    ]


@pytest.fixture
def study(tmp_path: Path) -> Iterator[pj.Study]:
    with pj.Study(tmp_path / "s.db") as opened:
        yield opened


def test_a_pair_is_judged_without_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    decision = pj.judge_pair_sync("What is 2 + 2?", "2 + 2 = 4.", "2 + 2 = 5.")
    assert (decision.outcome, decision.preferred, decision.verdicts) == ("ok", "a", 2)
    assert not list(tmp_path.iterdir())


def test_lists_iterators_and_data_frames_are_judged_alike(study: pj.Study) -> None:
    items = pairs(6)
    columns = [{"id": i["id"], "prompt": i["prompt"], "responses": i["responses"], "gold": i["gold"]} for i in items]
    frame = polars.DataFrame(columns)
    said = []
    for given in (items, iter(items), [pj.Item.model_validate(i) for i in items], frame):
        outcome = study.judge_sync(given, PLANTED)
        said.append([(row["item"], row["outcome"], row["preferred"]) for row in outcome.decisions()])
    assert said[0] == said[1] == said[2] == said[3]
    assert len(said[0]) == 6


def test_an_outcome_says_itself_in_a_line_a_mapping_and_a_frame(study: pj.Study) -> None:
    outcome = study.judge_sync(pairs(3), PLANTED)
    assert str(outcome).startswith(f"{outcome.run} (closed): 3 read, ")
    assert json.loads(json.dumps(outcome.to_dict()))["decisions"] == outcome.sums["decisions"]
    assert outcome.to_frame().height == 3


def test_a_stopped_run_goes_on_and_ends_as_an_uninterrupted_one(study: pj.Study) -> None:
    stop = asyncio.Event()

    def watch(progress: Any) -> None:
        if progress.judged == 40:
            stop.set()

    first = study.judge_sync(pairs(300), PLANTED, stop=stop, watch=watch)
    assert first.status == "open"
    assert 40 <= sum(first.sums["decisions"].values()) < 300
    whole = study.resume_sync(first.run)
    again = study.judge_sync(pairs(300), PLANTED)
    assert whole.status == "closed"

    def told(outcome: pj.Outcome) -> list[tuple[str, str]]:
        return [(row["item"], row["outcome"]) for row in outcome.decisions()]

    assert told(whole) == told(again)
    assert again.sums["calls"] == 0


def test_going_on_with_a_closed_run_changes_nothing(study: pj.Study) -> None:
    done = study.judge_sync(pairs(2), PLANTED)
    assert study.resume_sync(done.run).sums == done.sums


def test_a_run_whose_prompt_has_changed_is_refused_with_the_difference(study: pj.Study, tmp_path: Path) -> None:
    prompt = tmp_path / "mine.md"
    prompt.write_text("Which is right, {{ first }} or {{ second }}? [[A]] or [[B]]")
    stop = asyncio.Event()
    stop.set()
    run = study.judge_sync(pairs(2), pj.Judge(PLANTED, prompt=str(prompt)), stop=stop).run
    prompt.write_text("Which is better, {{ first }} or {{ second }}? [[A]] or [[B]]")
    with pytest.raises(BadJudge, match=r"its prompt has changed:(.|\n)*-Which is right(.|\n)*\+Which is better"):
        study.resume_sync(run)


def test_nothing_failed_so_nothing_is_asked_again(study: pj.Study) -> None:
    run = study.judge_sync(pairs(2), PLANTED).run
    with pytest.raises(BadInput, match="Nothing failed"):
        study.retry_sync(run)
    with pytest.raises(NotFound):
        study.retry_sync("r-none")


def test_items_that_do_not_hold_are_named_by_number_and_field(study: pj.Study) -> None:
    with pytest.raises(BadInput, match=r"Item 2: `prompt` is missing"):
        study.judge_sync([pairs(1)[0], {"id": "x"}], PLANTED)
    with pytest.raises(BadInput, match="Item 1 is a int"):
        study.judge_sync([7], PLANTED)
    with pytest.raises(NothingToJudge):
        study.judge_sync([], PLANTED)
    assert study.store.engine is not None


def test_strict_refuses_a_file_before_anything_is_judged(study: pj.Study, tmp_path: Path) -> None:
    path = tmp_path / "i.jsonl"
    path.write_text("\n".join([json.dumps(pairs(1)[0]), "{"]))
    with pytest.raises(BadInput, match=r"1 lines cannot be used: .*i\.jsonl:2"):
        study.judge_sync(path, PLANTED, strict=True)
    outcome = study.judge_sync(path, PLANTED)
    assert (outcome.set_aside, sum(outcome.sums["decisions"].values())) == (1, 1)
    assert "i.jsonl:2" in outcome.faults[0]


def test_items_that_the_protocol_cannot_judge_are_set_aside_by_line(study: pj.Study, tmp_path: Path) -> None:
    path = tmp_path / "i.jsonl"
    lonely = {"id": "alone", "prompt": "p", "responses": [{"id": "a", "text": "x"}]}
    path.write_text("\n".join(json.dumps(item) for item in [*pairs(1), lonely]))
    outcome = study.judge_sync(path, PLANTED)
    assert outcome.set_aside == 1
    assert "i.jsonl:2" in outcome.faults[0]
    assert "1 of the 2 responses" in outcome.faults[0]
    scored = study.judge_sync(path, pj.Judge(PLANTED, protocol="score"))
    assert (scored.set_aside, sum(scored.sums["decisions"].values())) == (0, 2)


def test_a_function_of_the_program_is_a_judge(study: pj.Study) -> None:
    def longer(item: pj.Item, presentation: tuple[str, ...]) -> str:
        return max(presentation, key=lambda name: len(item.response(name).text or ""))

    items = pairs(3)
    items[0]["responses"][1]["text"] = "a much longer answer than the other one"
    outcome = study.judge_sync(items[:1], pj.judge_of(longer))
    assert [row["preferred"] for row in outcome.decisions()] == ["b"]


def test_a_judge_never_sees_gold(study: pj.Study) -> None:
    seen: list[Any] = []

    def nosy(item: pj.Item, presentation: tuple[str, ...]) -> str:
        seen.extend(item.gold)
        return presentation[0]

    judge = pj.judge_of(nosy)
    study.judge_sync(pairs(2), judge)
    pj.judge_item_sync(pairs(1)[0], judge)
    assert seen == []

"""Do the models that need no network take the same road as any other, and say what they should?"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plurijudge import Item, Judge, Plan, Study
from plurijudge.agents.builtin import heuristic, planted
from plurijudge.agents.subject import Subject
from plurijudge.graphs.one_item import judge_item_sync, judge_pair_sync
from plurijudge.store.records import VerdictKey
from plurijudge.text.errors import BadInput, BadJudge, ModelUnknown

from ..court import pairs, quick, rows
from ..loopback import Loopback

MANY = 4000


def subject(n: int = 0, *, sample: int = 0, shown: tuple[str, ...] = ("a", "b"), **options: Any) -> Subject:
    """What a built-in judge is told of item `n`: two responses of equal length, unless told otherwise."""
    given = {"texts": ("x" * 40, "y" * 40), "models": (None, None), "meta": {}, **options}
    responses = [
        {"id": name, "text": text, "model": model}
        for name, text, model in zip("ab", given["texts"], given["models"], strict=True)
    ]
    item = Item.model_validate({"id": f"q{n}", "prompt": "?", "responses": responses, "meta": given["meta"]})
    return Subject(VerdictKey(item=item.id, judge="j", presentation=shown, sample=sample), item, ("A", "B"), "pairwise")


def share_of_first(query: str, make: Callable[[int], Subject]) -> float:
    said = [json.loads(planted.answer(make(n), query))["verdict"] for n in range(MANY)]
    return said.count("A") / MANY


def assert_log_odds(share: float, planted_odds: float) -> None:
    """The share is what the odds give, within four standard errors."""
    expected = 1 / (1 + math.exp(-planted_odds))
    assert abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / MANY)


@pytest.mark.parametrize(
    ("query", "make", "odds"),
    [
        ("", lambda n: subject(n), 0.0),
        ("position=0.8", lambda n: subject(n), 0.8),
        ("position=-1.5", lambda n: subject(n), -1.5),
        ("length=0.3", lambda n: subject(n, texts=("x" * 400, "y" * 40)), 0.3 * math.log(10)),
        ("length=0.3", lambda n: subject(n, texts=("x" * 400, "y" * 40), shown=("b", "a")), -0.3 * math.log(10)),
        ("self=0.25", lambda n: subject(n, models=("planted", "m")), 0.25),
        ("self=0.25", lambda n: subject(n, models=("m", "planted")), -0.25),
        ("self=0.25&name=m", lambda n: subject(n, models=("m", "planted")), 0.25),
        ("", lambda n: subject(n, meta={"quality": {"a": 2.0, "b": 1.0}}), 1.0),
        ("quality=0.5", lambda n: subject(n, meta={"quality": {"a": 2.0, "b": 1.0}}), 0.5),
        ("", lambda n: subject(n, meta={"quality": {"a": 2.0}}), 0.0),
        ("position=0.5&self=-0.25", lambda n: subject(n, models=("planted", "m")), 0.25),
    ],
)
def test_a_planted_term_is_found_in_the_frequencies(query: str, make: Callable[[int], Subject], odds: float) -> None:
    assert_log_odds(share_of_first(query, make), odds)


def test_planted_noise_draws_the_frequencies_towards_even() -> None:
    spread, steps = 2.0, [(k - 400) / 100 for k in range(801)]
    weights = [math.exp(-z * z / 2) for z in steps]
    share = [1 / (1 + math.exp(-(1.0 + spread * z))) for z in steps]
    expected = sum(w * s for w, s in zip(weights, share, strict=True)) / sum(weights)
    found = share_of_first(f"position=1&noise={spread}", subject)
    assert abs(found - expected) < 4 * math.sqrt(expected * (1 - expected) / MANY)


def test_a_planted_judge_says_the_same_to_the_same_question_and_else_draws_anew() -> None:
    def said(query: str = "", **changes: Any) -> list[str]:
        return [planted.answer(subject(n, **changes), query) for n in range(60)]

    assert said() == said()
    assert said() != said(sample=1)
    assert said() != said("seed=1")
    assert said("noise=1") == said("noise=1")


def test_a_planted_tie_is_said_near_even_odds_only() -> None:
    near = json.loads(planted.answer(subject(), "tie=0.5"))
    far = json.loads(planted.answer(subject(), "tie=0.5&position=2"))
    assert near["verdict"] == "tie" and far["verdict"] in ("A", "B")


def test_a_planted_grade_follows_quality_within_the_scale() -> None:
    def grade(quality: float) -> float:
        told = subject(meta={"quality": {"a": quality}}, shown=("a",))
        said = json.loads(planted.answer(Subject(told.key, told.item, ("A",), "score"), ""))
        return float(said["score"])

    grades = [grade(q) for q in (-100.0, 0.2, 0.5, 0.9, 100.0)]
    assert grades == sorted(grades) and grades[0] == 1.0 and grades[-1] == 10.0


@pytest.mark.parametrize("query", ["bias=1", "position=much", "seed=1.5"])
def test_a_planted_term_that_is_none_is_refused_before_anything_is_judged(query: str) -> None:
    with pytest.raises(BadJudge, match="planted"):
        Judge(f"builtin/planted?{query}").check()


def test_a_built_in_model_s_calls_are_stored_like_any_other_s(tmp_path: Path) -> None:
    with Study(tmp_path / "s.db") as study:
        done = study.judge_sync(pairs(20), "builtin/planted?position=3&seed=2", plan=Plan(samples=2))
        again = study.judge_sync(pairs(20), "builtin/planted?position=3&seed=2", plan=Plan(samples=2))
    assert (done.sums["answered"], again.sums["hits"]) == (80, 80)
    calls = rows(
        tmp_path / "s.db",
        "SELECT DISTINCT model, status, attempts, cost, max_cost, price_source, tokens_in, road "
        "FROM \"call\" WHERE status = 'ok'",
    )
    assert calls == [("builtin/planted?position=3&seed=2", "ok", 1, 0.0, 0.0, "built in", None, "text")]


def test_the_heuristic_says_what_it_is_and_sees_a_wrong_sum() -> None:
    decision = judge_pair_sync("What is 17 * 3?", "17 * 3 = 51.", "17 * 3 = 54.")
    assert (decision.outcome, decision.preferred) == ("ok", "a")
    item = {"id": "i", "prompt": "p", "responses": [{"id": "a", "text": "one"}, {"id": "b", "text": "two"}]}
    told = Subject(VerdictKey(item="i", judge="j", presentation=("a", "b")), Item(**item), ("A", "B"), "pairwise")
    assert heuristic.NOTE in json.loads(heuristic.answer(told))["rationale"]


def test_the_heuristic_does_not_mind_the_order() -> None:
    for item in pairs(30):
        assert judge_item_sync(item).outcome != "flipped"


def test_a_built_in_model_that_there_is_not_is_named(tmp_path: Path) -> None:
    with pytest.raises((BadJudge, ModelUnknown), match="nosuch"):
        judge_pair_sync("p", "a", "b", judge="builtin/nosuch")


def test_a_remote_model_is_told_the_messages_and_the_parameters_and_nothing_else(
    loopback: Loopback, tmp_path: Path
) -> None:
    item = pairs(1)[0] | {"id": "item-zebra", "meta": {"quality": {"a": 0.731}, "note": "meta-zebra"}}
    item["responses"] = [{**r, "model": f"model-zebra-{r['id']}"} for r in item["responses"]]
    item["gold"] = [{"annotator": "gold-zebra", "preferred": "a"}]
    with Study(tmp_path / "s.db") as study:
        study.judge_sync([item], Judge("openai/m", base_url=loopback.base_url, seed=3), pace=quick())
    for request in loopback.requests():
        body = request["body"]
        assert set(body) == {"model", "messages", "temperature", "seed", "max_tokens", "response_format"}
        assert "zebra" not in json.dumps(body) and "0.731" not in json.dumps(body)


def recording(path: Path, items: int, *, judge: str = "gpt-4", said: str = "[[A]]", start: int = 0) -> Path:
    with path.open("a", encoding="utf-8") as file:
        for n in range(start, items):
            for shown in (["a", "b"], ["b", "a"]):
                row = {"item": f"q{n}", "judge": judge, "presentation": shown, "raw": f"{judge} on {n}: {said}"}
                file.write(json.dumps(row) + "\n")
    return path


def test_a_replayed_judge_says_what_was_recorded(tmp_path: Path) -> None:
    path = recording(tmp_path / "v.jsonl", 4)
    with Study(tmp_path / "s.db") as study:
        done = study.judge_sync(pairs(4), f"replay/{path}", plan=Plan())
    assert done.sums["decisions"] == {"flipped": 4}
    said = rows(tmp_path / "s.db", 'SELECT response, road, cost FROM "call" ORDER BY item, presentation')
    assert said[0] == ("gpt-4 on 0: [[A]]", "text", 0.0)


def test_what_was_not_recorded_is_an_error_named_miss(tmp_path: Path) -> None:
    path = recording(tmp_path / "v.jsonl", 2)
    with Study(tmp_path / "s.db") as study:
        done = study.judge_sync(pairs(3), f"replay/{path}?judge=gpt-4")
    assert done.sums["decisions"] == {"flipped": 2, "failed": 1}
    assert done.sums["reasons"] == {"error: miss": 2}
    assert "q2" in rows(tmp_path / "s.db", "SELECT error FROM \"call\" WHERE status = 'error'")[0][0]


def test_another_recording_is_another_question(tmp_path: Path) -> None:
    path = recording(tmp_path / "v.jsonl", 2)
    with Study(tmp_path / "s.db") as study:
        study.judge_sync(pairs(2), f"replay/{path}?judge=gpt-4")
        other = recording(tmp_path / "w.jsonl", 2, said="[[B]]")
        done = study.judge_sync(pairs(2), f"replay/{other}?judge=gpt-4")
    assert (done.sums["hits"], done.sums["answered"]) == (0, 4)


def test_a_recording_of_several_judges_wants_one_named(tmp_path: Path) -> None:
    path = recording(recording(tmp_path / "v.jsonl", 1), 1, judge="other")
    with pytest.raises(BadInput, match="texts of 2 judges") as caught:
        Judge(f"replay/{path}").check()
    assert "gpt-4, other" in caught.value.way_out
    Judge(f"replay/{path}?judge=other").check()


def test_a_recording_that_is_missing_or_holds_something_else_is_said_at_once(tmp_path: Path) -> None:
    path = recording(tmp_path / "v.jsonl", 1)
    with pytest.raises(BadInput, match="no recorded text of `nobody`"):
        Judge(f"replay/{path}?judge=nobody").check()
    with pytest.raises(BadInput, match="no file"):
        Judge(f"replay/{tmp_path / 'none.jsonl'}").check()
    with pytest.raises(BadJudge, match="names no file"):
        Judge("replay/").check()
    path.write_text('{"item": "q0"}\n', encoding="utf-8")
    with pytest.raises(BadInput, match=r"v\.jsonl:1"):
        Judge(f"replay/{path}?judge=x").check()

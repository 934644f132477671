"""Can a person see what a run decided, and how each decision came about?"""

from __future__ import annotations

import json

from .conftest import Plurijudge


def test_a_run_is_shown_with_gold_agreement_and_how_to_recompute_it(judged: Plurijudge) -> None:
    shown = judged("show", "last")
    assert shown.code == 0
    for words in ("q1", "q2", "q3", "sums", "verdicts that agree with gold", "recompute: plurijudge agreement r-"):
        assert words in shown.out
    assert "no LLM" in shown.out
    by = judged("show", "last", "--by", "subset").out
    assert "sums" in by and "others" in by
    few = judged("show", "last", "--limit", "1").out
    assert "... 2 more decisions" in few


def test_an_item_is_shown_down_to_prompts_answers_and_the_rule_that_read_them(judged: Plurijudge) -> None:
    shown = judged("show", "last", "q1").out
    assert "What is two and two (q1)?" in shown
    assert "response a by m1:\nFour, as always." in shown
    assert "gold of h1: a" in shown
    assert "[system]" in shown and "[user]" in shown and "<<fence>>" in shown
    assert "shown a then b, sample 0" in shown and "shown b then a, sample 0" in shown
    assert '"verdict"' in shown  # the raw answer
    assert "by the rule `json`" in shown
    traced = judged("show", "last", "q1", "--json").json()
    assert [verdict["rule"] for verdict in traced["verdicts"]] == ["json", "json"]
    assert all(call["request"]["messages"] and call["response"] for call in traced["calls"])
    assert traced["item"]["prompt"] == "What is two and two (q1)?"


def test_an_item_is_shown_with_what_its_tools_did(judged: Plurijudge) -> None:
    days: dict[str, object] = {"id": "day", "prompt": "What weekday was 2024-02-29?"}
    days["responses"] = [{"id": "a", "text": "Thursday."}, {"id": "b", "text": "It fell on a Friday."}]
    (judged.folder / "days.jsonl").write_text(json.dumps(days), encoding="utf-8")
    options = ("--tools", "calendar,units", "--tool-calls", "2", "--tool-rounds", "1", "--tool-seconds", "3")
    assert judged("judge", "days.jsonl", *options, "-q").code == 0
    shown = judged("show", "last", "day").out
    assert "tools chosen: calendar\ntool calendar looked: ok" in shown
    assert "response b: 'Friday' is wrong: 2024-02-29, a Thursday" in shown
    traced = judged("show", "last", "day", "--json").json()
    assert {(call["tool"], call["status"]) for call in traced["tool_calls"]} == {("gate", "ok"), ("calendar", "ok")}
    assert traced["decision"]["preferred"] == "a"


def test_what_came_from_the_cache_is_shown_with_its_source(judged: Plurijudge) -> None:
    first = judged("runs", "--json").json()[0]["id"]
    assert judged("judge", "items.jsonl", "-q").code == 0
    assert f"in {first}" in judged("show", "last", "q1").out


def test_the_graph_is_drawn(judged: Plurijudge) -> None:
    drawn = judged("show", "--graph").out
    assert "graph TD" in drawn
    for node in ("hear", "reconcile"):
        assert node in drawn


def test_runs_are_listed_newest_first(judged: Plurijudge) -> None:
    rows = judged("runs", "--json").json()
    assert [row["judge_name"] for row in rows] == ["builtin/heuristic", "callable/own:longer"]
    assert [row["id"] for row in judged("runs", "--json", "--limit", "1").json()] == [rows[0]["id"]]
    assert rows[0]["id"] in judged("runs").out
    suffix = rows[1]["id"].rpartition("-")[2]
    assert judged("show", suffix, "--json").json()["run"] == rows[1]["id"]  # the end of a name is enough

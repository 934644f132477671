"""Does a person see what the cache holds and has saved, and let go of answers by age, model or run?"""

from __future__ import annotations

import pytest

from .conftest import Plurijudge
from .test_bad_input import refused


@pytest.fixture
def again(judged: Plurijudge) -> Plurijudge:
    """The folder after the heuristic has judged the same items once more: all came from the cache."""
    assert judged("judge", "items.jsonl", "-q").code == 0
    return judged


def test_stats_count_answers_hits_and_models(again: Plurijudge) -> None:
    told = again("cache", "stats", "--json").json()
    assert (told["answers"], told["keys"], told["pruned"], told["hits"]) == (12, 12, 0, 6)
    assert told["bytes"] > 0
    [heuristic] = [each for each in told["models"] if each["model"] == "builtin/heuristic"]
    assert (heuristic["answers"], heuristic["hits"]) == (6, 6)
    assert sum(each["answers"] for each in told["models"]) == told["answers"]
    shown = again("cache", "stats")
    assert shown.code == 0
    assert "builtin/heuristic" in shown.out and "calls saved" in shown.out


def test_what_is_pruned_is_asked_anew_and_nothing_else_changes(again: Plurijudge) -> None:
    before = again("export", "verdicts").out
    first = again("cache", "prune", "--model", "builtin/heuristic", "--dry-run", "--json").json()
    assert first == {"answers": 6, "bytes": first["bytes"], "kept_for_open_runs": 0, "dry_run": True}
    assert again("cache", "stats", "--json").json()["pruned"] == 0
    shown = again("cache", "prune", "--model", "builtin/heuristic")
    assert (shown.code, shown.out) == (0, "6 answers were taken out of reuse\n")
    assert again("export", "verdicts").out == before
    assert again("show", "last", "q1").out.count("the answer of call") == 2
    assert again("judge", "items.jsonl", "-q").code == 0
    calls = again("query", "SELECT status, count(*) AS n FROM call GROUP BY 1 ORDER BY 1", "--json").json()
    assert calls == [{"status": "hit", "n": 6}, {"status": "ok", "n": 18}]
    told = again("cache", "stats", "--json").json()
    assert (told["answers"], told["pruned"], told["hits"]) == (12, 6, 6)


def test_answers_go_by_age_and_by_run(again: Plurijudge) -> None:
    def pruned(*words: str) -> int:
        return int(again("cache", "prune", *words, "--json").json()["answers"])

    assert pruned("--older-than", "1d") == 0
    assert pruned("--run", "last") == 0  # it paid for none
    first = again("runs", "--json").json()[-1]["id"]
    assert pruned("--run", first, "--older-than", "0d") == 6
    assert pruned("--older-than", "0m") == 6


def test_the_settings_model_does_not_say_which_answers_are_pruned(again: Plurijudge) -> None:
    again.write("plurijudge.toml", 'model = "openai/other"\n')
    assert again("cache", "prune", "--older-than", "0d", "--dry-run", "--json").json()["answers"] == 12


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "needs to know which answers"),
        (("--older-than", "soon"), "`--older-than soon` is no age"),
        (("--older-than", "-1d"), "is no age"),
        (("--model", "builtin/heuristics"), "--model builtin/heuristic"),
        (("--run", "r-none"), "There is no run"),
    ],
)
def test_what_cannot_be_pruned_is_said(again: Plurijudge, words: tuple[str, ...], said: str) -> None:
    ended = again("cache", "prune", *words)
    refused(ended)
    assert said in ended.err

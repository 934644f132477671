"""Who can be told to judge, with which words, in which presentations, and what would it take?"""

from __future__ import annotations

import pytest

from .conftest import ITEMS, Plurijudge


@pytest.mark.parametrize(
    ("function", "outcomes"),
    [("own:longer", {"ok"}), ("own:first", {"flipped"}), ("own:later", {"flipped"}), ("own:fails", {"failed"})],
)
def test_a_function_of_ones_own_judges(plurijudge: Plurijudge, function: str, outcomes: set[str]) -> None:
    done = plurijudge("judge", "items.jsonl", "--judge", function, "--json")
    assert done.code == (1 if outcomes == {"failed"} else 0)
    assert f"note: callable/{function} is no LLM" in done.err
    found = done.json()
    assert {row["outcome"] for row in found["decisions"]} == outcomes
    assert found["judge_name"] == f"callable/{function}"


def test_a_function_that_fails_says_why_in_its_verdicts(plurijudge: Plurijudge) -> None:
    plurijudge("judge", "items.jsonl", "--judge", "own:fails", "-q")
    assert "out of words" in plurijudge("show", "last", "q1").out


def test_responses_are_graded_one_at_a_time(plurijudge: Plurijudge) -> None:
    done = plurijudge("judge", "items.jsonl", "--judge", "own:grade", "--protocol", "score", "--json").json()
    assert done["sums"]["verdicts"] == {"ok": 6}
    assert all(row["scores"] == {"a": 7.0, "b": 7.0} for row in done["decisions"])
    heuristic = plurijudge("judge", "items.jsonl", "--protocol", "score", "--json").json()
    assert all(set(row["scores"]) == {"a", "b"} for row in heuristic["decisions"])


def test_a_judge_is_read_from_its_file_and_flags_go_over_it(plurijudge: Plurijudge) -> None:
    (plurijudge.folder / "court").mkdir()
    plurijudge.write("court/mine.md", "Criteria: {{ criteria }}\n{{ first }}\n{{ second }}")
    plurijudge.write(
        "court/judge.yaml", "name: mine\nmodel: builtin/heuristic\nprompt: mine.md\ncriteria: brevity\nties: false\n"
    )
    done = plurijudge("judge", "items.jsonl", "--judge", "court/judge.yaml", "--temperature", "0.5", "--json").json()
    judge = done["plan"]["judge"]
    assert (done["judge_name"], judge["criteria"], judge["ties"], judge["temperature"]) == (
        "mine",
        "brevity",
        False,
        0.5,
    )
    other = plurijudge(
        "judge", "items.jsonl", "--judge", "court/judge.yaml", "-m", "builtin/planted?position=2", "--json"
    )
    assert other.json()["plan"]["judge"]["model"] == "builtin/planted?position=2"
    assert "Criteria: brevity" in plurijudge("show", "last", "q1").out


FRONT = "---\nid: mine\nversion: 3\nvariables: [question, first, second]\n---\n"
TEXT = "Be kind. {{ question }}\n1: {{ first }}\n2: {{ second }}\nAnswer [[A]] or [[B]]."


@pytest.mark.parametrize("front", [FRONT, ""])
def test_a_prompt_of_ones_own_is_what_the_judge_reads(plurijudge: Plurijudge, front: str) -> None:
    plurijudge.write("mine.md", front + TEXT)
    assert plurijudge("judge", "items.jsonl", "--judge", "own:longer", "--prompt", "mine.md", "-q").code == 0
    shown = plurijudge("show", "last", "q1")
    assert "Be kind." in shown.out
    version = plurijudge("query", "SELECT DISTINCT prompt_version AS v FROM verdict", "--json").json()
    assert version == [{"v": "3" if front else "0"}]


def test_a_changed_prompt_is_refused_when_a_run_goes_on(plurijudge: Plurijudge) -> None:
    plurijudge.write("mine.md", TEXT)
    options = ("--model", "openai/m", "--base-url", "http://127.0.0.1:9/v1", "--retries", "0", "--prompt", "mine.md")
    assert plurijudge("judge", "items.jsonl", *options).code == 2
    plurijudge.write("mine.md", TEXT.replace("kind", "harsh"))
    refused = plurijudge("judge", "--run", "last")
    assert refused.code == 2
    assert "is not what it was: its prompt has changed" in refused.err
    assert "-Be kind." in refused.err and "+Be harsh." in refused.err


def test_criteria_and_the_ban_on_ties_reach_the_prompt(plurijudge: Plurijudge) -> None:
    options = ("--judge", "own:longer", "-q")
    assert plurijudge("judge", "items.jsonl", *options, "--criteria", "Prefer rhymes.", "--no-ties").code == 0
    without = plurijudge("show", "last", "q1").out
    assert "Prefer rhymes." in without
    assert "Say `tie`" not in without
    assert plurijudge("judge", "items.jsonl", *options).code == 0
    assert "Say `tie`" in plurijudge("show", "last", "q1").out


def test_one_presentation_at_random_is_the_same_for_the_same_seed(plurijudge: Plurijudge) -> None:
    plurijudge.write("items.jsonl", [{**ITEMS[0], "id": f"q{n}"} for n in range(20)])

    def shown(seed: str) -> list[str]:
        options = ("--judge", "own:longer", "--presentations", "random", "--seed", seed, "--fresh", "-q")
        assert plurijudge("judge", "items.jsonl", *options).code == 0
        sql = "SELECT presentation AS p FROM verdict WHERE run = (SELECT max(run) FROM verdict v WHERE v.id = "
        sql += "(SELECT max(id) FROM verdict)) ORDER BY item"
        return [row["p"] for row in plurijudge("query", sql, "--json").json()]

    once, again, other = shown("1"), shown("1"), shown("2")
    assert len(once) == 20
    assert once == again != other
    assert set(once) == {'["a","b"]', '["b","a"]'}


DRY = {
    "both": (),
    "samples": ("--samples", "2"),
    "random": ("--presentations", "random"),
    "score": ("--protocol", "score"),
    "limit": ("--limit", "2", "--samples", "3"),
}


@pytest.mark.parametrize("how", DRY)
def test_a_dry_run_asks_nothing_and_foretells_the_calls(plurijudge: Plurijudge, how: str) -> None:
    plurijudge.write("items.jsonl", [*ITEMS, {"id": "q4", "prompt": "x", "responses": []}])
    dry = plurijudge("judge", "items.jsonl", *DRY[how], "--dry-run", "--json")
    assert dry.code == 0
    assert "plurijudge.db" not in plurijudge.files()
    real = plurijudge("judge", "items.jsonl", *DRY[how], "--json")
    assert real.json()["sums"]["calls"] == dry.json()["calls"] > 0
    assert len(real.json()["decisions"]) == dry.json()["items"]


def test_a_dry_run_of_a_remote_model_needs_no_network_and_knows_its_price(plurijudge: Plurijudge) -> None:
    options = ("--model", "openai/gpt-4o-mini", "--base-url", "http://127.0.0.1:9/v1", "--dry-run")
    told = plurijudge("judge", "items.jsonl", *options)
    assert told.code == 0
    assert told.out.startswith("3 items: 6 calls, about ")
    assert "at most $0.0" in told.out
    unknown = plurijudge("judge", "items.jsonl", "--model", "openai/nobodys-model", "--dry-run", "--json").json()
    assert unknown["cost_at_most"] is None


def test_items_from_standard_input_are_kept_and_judged(plurijudge: Plurijudge) -> None:
    stdin = (plurijudge.folder / "items.jsonl").read_bytes()
    done = plurijudge("judge", "-", "--judge", "own:longer", "--json", stdin=stdin)
    assert len(done.json()["decisions"]) == 3
    assert plurijudge("judge", "-", "--dry-run", stdin=stdin).code == 2

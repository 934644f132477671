"""Does `show` print a judge whole, so that it loads again, and tell two judges apart by every field and word?"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from plurijudge.agents.gallery import shipped_judges
from plurijudge.console.judging import NamedJudge

from .conftest import Plurijudge

TEMPLATE = "Rate on a scale of 1 to 5.\n[Question]\n{question}\n[Answer]\n{answer}\n"


@pytest.mark.parametrize("name", shipped_judges())
def test_what_is_printed_of_a_ready_judge_loads_as_the_same_judge(plurijudge: Plurijudge, name: str) -> None:
    shown = plurijudge("show", "--judge", name)
    assert shown.code == 0, shown.err
    assert "# Not measured with a language model yet." in shown.out
    assert "it leaves open which model judges" in shown.out
    plurijudge.write("again.yaml", shown.out)
    compared = plurijudge("show", "--judge", name, "--against", "again.yaml", "--json").json()
    assert compared["same"] and compared["fields"] == [] and compared["prompt_diff"] == ""
    assert compared["against"]["id"] in shown.out


def test_a_judge_is_told_with_hash_prompt_calls_and_card(plurijudge: Plurijudge) -> None:
    plurijudge.write(
        "j.yaml", "name: mine\nmodel: openai/m\nnodes: [reflect]\ncard: {title: My judge, limits: [it is mine]}\n"
    )
    told = plurijudge("show", "--judge", "j.yaml", "--json").json()
    assert (told["name"], told["calls"], told["file"]["nodes"]) == ("mine", 2, ["reflect"])
    assert told["prompt"]["id"] == "judge/pairwise" and len(told["prompt"]["digest"]) == 64
    assert told["prompt"]["text"].startswith("---\nid: judge/pairwise")
    assert told["description"]["nodes_prompts"].keys() == {"nodes/reflect"}
    assert told["card"]["title"] == "My judge"
    shown = plurijudge("show", "--judge", "j.yaml")
    assert f"# judge mine, hash {told['id']}" in shown.out
    assert "# 2 calls a verdict at least" in shown.out
    assert "# limit: it is mine" in shown.out
    assert "model: openai/m" in shown.out
    assert "leaves open" not in shown.out


def test_fields_and_words_in_which_two_differ_are_named(plurijudge: Plurijudge) -> None:
    plurijudge.write("one.md", "Compare.\n{{ first }}\n{{ second }}\nBe strict.\n")
    plurijudge.write("other.md", "Compare.\n{{ first }}\n{{ second }}\nBe kind.\n")
    plurijudge.write("a.yaml", "name: a\nmodel: openai/m\nprompt: one.md\ntemperature: 0.5\n")
    plurijudge.write("b.yaml", "name: b\nmodel: openai/m\nprompt: other.md\nseed: 3\n")
    told = plurijudge("show", "--judge", "a.yaml", "--against", "b.yaml", "--json").json()
    found: dict[str, Any] = {row["field"]: (row["judge"], row["against"]) for row in told["fields"]}
    assert not told["same"]
    assert found.keys() == {"temperature", "seed", "prompt.id", "prompt.digest"}
    assert (found["temperature"], found["seed"]) == ((0.5, 0.0), (None, 3))
    assert "-Be strict." in told["prompt_diff"] and "+Be kind." in told["prompt_diff"]
    shown = plurijudge("show", "--judge", "a.yaml", "--against", "b.yaml").out
    assert "They differ in 4 fields" in shown and "+Be kind." in shown


def test_a_name_alone_tells_no_two_judges_apart(plurijudge: Plurijudge) -> None:
    plurijudge.write("a.yaml", "name: a\nmodel: openai/m\n")
    shown = plurijudge("show", "--judge", "a.yaml", "--against", "openai/m").out
    assert "They are one judge" in shown


def test_single_criteria_and_tools_are_named_by_their_ids(plurijudge: Plurijudge) -> None:
    lines = "  - {id: right, text: It is right., weight: %s}\n"
    plurijudge.write("a.yaml", f"protocol: rubric\nmodel: m\nrubric:\n{lines % 1}")
    plurijudge.write("b.yaml", f"protocol: rubric\nmodel: m\nrubric:\n{lines % 2}")
    told = plurijudge("show", "--judge", "a.yaml", "--against", "b.yaml", "--json").json()
    assert told["fields"] == [{"field": "rubric.right.weight", "judge": 1.0, "against": 2.0}]


def test_a_stored_judge_is_shown_by_its_id_and_by_its_run_and_held_against_a_file(judged: Plurijudge) -> None:
    by_run = judged("show", "--judge", "last", "--json").json()
    by_id = judged("show", "--judge", by_run["id"][:8], "--json").json()
    assert by_run == by_id
    assert by_run["calls"] is None and by_run["prompt"]["text"].startswith("---\nid: judge/pairwise")
    told = judged("show", "--judge", "last", "--against", "builtin/heuristic", "--json").json()
    assert told["same"], told["fields"]
    none = judged("show", "--judge", "0123abcd")
    assert none.code == 2 and "There is no judge `0123abcd`" in none.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--against", "code"), "`--against` holds a judge against another"),
        (("--judge", "nothing.yaml"), "cannot be read"),
        (("--judge", "last", "--prompt", "t.txt"), "its prompt is what it was"),
        (("--judge", "helpfulness", "--prompt", "t.txt"), "asks for protocol `score`"),
        (("--prompt", "nothing.md"), "There is no prompt `nothing.md`"),
    ],
)
def test_what_cannot_be_shown_says_why(judged: Plurijudge, args: tuple[str, ...], said: str) -> None:
    judged.write("t.txt", TEMPLATE)
    ended = judged("show", *args)
    assert ended.code == 2
    assert said in ended.err


def test_a_template_of_another_tool_is_shown_with_what_each_placeholder_became(plurijudge: Plurijudge) -> None:
    plurijudge.write("t.txt", TEMPLATE)
    shown = plurijudge("show", "--prompt", "t.txt").out
    assert "# a template of FastChat" in shown
    assert "#   answer  ->  response" in shown
    assert "# protocol score; scores from 1 to 5" in shown
    assert shown.rstrip().endswith("[Answer]\n{{ response }}")
    told = plurijudge("show", "--prompt", "t.txt", "--json").json()
    assert told["mapping"] == [
        {"placeholder": "question", "variable": "question"},
        {"placeholder": "answer", "variable": "response"},
    ]
    assert (told["tool"], told["scale"], told["answer_line"]) == ("FastChat", [1.0, 5.0], None)
    ours = plurijudge("show", "--prompt", "judge/score", "--json").json()
    assert (ours["tool"], ours["mapping"]) == (None, [])


def test_a_template_of_another_tool_judges_without_a_further_word(plurijudge: Plurijudge) -> None:
    plurijudge.write("t.txt", TEMPLATE)
    judged = plurijudge("judge", "items.jsonl", "--prompt", "t.txt", "--json")
    assert judged.code == 0, judged.err
    document = judged.json()
    assert document["plan"]["judge"]["protocol"] == "score"
    assert {len(row["scores"]) for row in document["decisions"]} == {2}
    assert all(1 <= score <= 5 for row in document["decisions"] for score in row["scores"].values())
    gone_on = plurijudge("judge", "--run", "last")
    assert gone_on.code == 0, gone_on.err
    asked = plurijudge("show", "last", "q1", "--json").json()["calls"][0]["request"]
    asked = asked if isinstance(asked, str) else json.dumps(asked)
    assert "[Answer]" in asked and "{answer}" not in asked


def test_a_ready_judge_judges_with_the_model_that_is_set(plurijudge: Plurijudge) -> None:
    is_set = plurijudge("judge", "items.jsonl", "--judge", "helpfulness", "--json", PLURIJUDGE_MODEL="builtin/planted")
    assert is_set.code == 0, is_set.err
    assert is_set.json()["plan"]["judge"]["model"] == "builtin/planted"


@pytest.mark.parametrize(
    ("source", "judge", "used"),
    [
        ("ENVIRONMENT", "own.yaml", "builtin/heuristic"),
        ("COMMANDLINE", "own.yaml", "openai/said"),
        ("ENVIRONMENT", "helpfulness", "openai/said"),
        ("COMMANDLINE", "helpfulness", "openai/said"),
    ],
)
def test_what_a_file_says_of_the_model_gives_way_to_what_is_typed_alone(
    tmp_path: Path, source: str, judge: str, used: str
) -> None:
    (tmp_path / "own.yaml").write_text("model: builtin/heuristic\n")
    context: Any = SimpleNamespace(get_parameter_source=lambda name: SimpleNamespace(name=source))
    named = str(tmp_path / judge) if judge == "own.yaml" else judge
    assert NamedJudge(context, "openai/said", named).described().model == used


def test_ready_judges_stand_among_the_judges_that_are_compared(plurijudge: Plurijudge) -> None:
    judges = ("--judges", "helpfulness,builtin/heuristic")
    found = plurijudge("compare", "items.jsonl", *judges, "--dry-run", "--json")
    assert found.code == 0, found.err
    assert {one["judge"] for one in found.json()["forecasts"]} == {"helpfulness", "builtin/heuristic"}

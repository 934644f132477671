"""Is whatever can be wrong with a command said in plain words: the cause, the place, and the way out?"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Ended, Plurijudge, item

GOOD = item("q1")


def refused(ended: Ended, *said: str, code: int = 2) -> None:
    """The command ended so, said all of this, a way out among it, and nothing on stdout."""
    assert ended.code == code, ended
    assert not ended.out
    assert "error: " in ended.err or "Error: " in ended.err
    assert "\n  try: " in ended.err or "Try 'plurijudge" in ended.err
    for words in said:
        assert words in ended.err


NOT_ITEMS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "an empty file": ("", ("items.jsonl is empty", "one JSON object a line")),
    "blank lines alone": ("\n\n", ("items.jsonl holds no item", "it is empty")),
    "wrong JSON": ("{not json\n", ("items.jsonl:1: is not JSON", "column 2")),
    "a missing field": ([{"id": "q1", "responses": []}], ("items.jsonl:1: `prompt`: is missing",)),
    "a list": ("[{}]", ("holds one JSON list", "jq -c")),
    "one response": (
        [{**GOOD, "responses": GOOD["responses"][:1]}],
        ("items.jsonl:1", "has 1 of the 2 responses", "another way than --protocol pairwise"),
    ),
    "three responses": (
        [{**GOOD, "responses": [{"id": name, "text": "x"} for name in "abc"]}],
        ("items.jsonl:1", "has 3 responses", "--protocol rank or score"),
    ),
    "an escaped NUL": ('{"id": "q1", "prompt": "\\u0000"}\n', ("items.jsonl:1: `prompt`: holds a NUL character",)),
    "a raw NUL": (b'{"id": "q1", "prompt": "\x00"}\n', ("items.jsonl:1: is not JSON", "control character")),
    "a lone surrogate": (b'{"id": "q1", "prompt": "\\ud800"}\n', ("items.jsonl:1: is not JSON", "surrogate")),
    "a raw lone surrogate": (b'{"id": "q1", "prompt": "\xed\xa0\x80"}\n', ("items.jsonl:1: is not", "UTF-8")),
    "a text of two megabytes": (
        [{**GOOD, "responses": [{"id": "a", "text": "x" * 2_000_000}, {"id": "b", "text": "y"}]}],
        ("items.jsonl:1: `responses[0].text`: has 2,000,000 characters", "--max-chars"),
    ),
}


@pytest.mark.parametrize("what", NOT_ITEMS)
def test_a_file_without_a_usable_item_is_refused_with_its_place(plurijudge: Plurijudge, what: str) -> None:
    content, said = NOT_ITEMS[what]
    plurijudge.write("items.jsonl", content)
    refused(plurijudge("judge", "items.jsonl"), *said)
    if "plurijudge.db" in plurijudge.files():
        assert plurijudge("runs", "--json").json() == []  # nothing is left half done


FILES: dict[str, tuple[Callable[[Plurijudge], Any], str, tuple[str, ...]]] = {
    "a missing file": (lambda _: None, "itmes.jsonl", ("There is no file itmes.jsonl", "try: items.jsonl")),
    "a missing folder": (lambda _: None, "no/items.jsonl", ("There is no folder no",)),
    "a folder": (lambda p: (p.folder / "some").mkdir(), "some", ("some is a folder",)),
    "another format": (lambda p: p.write("items.txt", "x"), "items.txt", ("`.txt` is no format",)),
    "a damaged gzip file": (lambda p: p.write("i.jsonl", b"\x1f\x8bxx"), "i.jsonl", ("i.jsonl is damaged",)),
}


@pytest.mark.parametrize("what", FILES)
def test_a_path_that_is_no_file_of_items_is_refused_before_a_store_is_made(plurijudge: Plurijudge, what: str) -> None:
    make, name, said = FILES[what]
    make(plurijudge)
    refused(plurijudge("judge", name), *said)
    refused(plurijudge("import", "items", name), *said)
    assert "plurijudge.db" not in plurijudge.files()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(plurijudge: Plurijudge) -> None:
    (plurijudge.folder / "items.jsonl").chmod(0)
    refused(plurijudge("judge", "items.jsonl"), "permission denied", "chmod")


def test_empty_standard_input_is_refused(plurijudge: Plurijudge) -> None:
    refused(plurijudge("judge", "-", stdin=b""), "Standard input is empty")
    assert "plurijudge.db" not in plurijudge.files()


def test_bad_items_are_set_aside_by_name_and_the_others_judged(plurijudge: Plurijudge) -> None:
    huge = item("q2", responses=[{"id": "a", "text": "x" * 2_000_000}, {"id": "b", "text": "y"}])
    plurijudge.write("items.jsonl", [item("q1"), huge, item("q1"), item("q4", responses=[])])
    done = plurijudge("judge", "items.jsonl", "--judge", "own:longer", "--json")
    assert done.code == 0
    assert "items.jsonl:2: `responses[0].text`: has 2,000,000 characters; the limit is 1,000,000" in done.err
    assert "items.jsonl:3: `id`: 'q1' was given before, on line 1" in done.err
    assert "items.jsonl:4: `responses`: has 0 of the 2 responses" in done.err
    assert [row["item"] for row in done.json()["decisions"]] == ["q1"]
    longer = plurijudge("judge", "items.jsonl", "--judge", "own:longer", "--json", "--max-chars", "2000000")
    assert [row["item"] for row in longer.json()["decisions"]] == ["q1", "q2"]
    strict = plurijudge("judge", "items.jsonl", "--judge", "own:longer", "--strict")
    refused(strict, "items.jsonl:3", "leave out --strict")


OPTIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "no item": (("--limit", "0"), ("'--limit'", "greater than or equal to 1")),
    "no sample": (("--samples", "0"), ("'--samples'", "greater than or equal to 1")),
    "too many samples": (("--samples", "2000"), ("'--samples'", "less than or equal to 1000")),
    "a protocol that there is none of": (("--protocol", "vote"), ("'--protocol'", "'pairwise', 'joint', 'score'")),
    "an option misspelt": (("--protocl", "score"), ("No such option: --protocl", "--protocol")),
    "too warm": (("--temperature", "9"), ("'--temperature'",)),
    "a built-in model that there is none of": (("--model", "builtin/nope"), ("builtin/nope", "builtin/heuristic")),
    "a term that no planted judge has": (("--model", "builtin/planted?foo=1"), ("no term `foo`", "position")),
    "no file to replay": (("--model", "replay/"), ("`replay/` names no file", "--model")),
    "a missing file to replay": (("--model", "replay/v.jsonl?judge=x"), ("There is no file v.jsonl to replay",)),
    "an unknown prompt": (("--prompt", "nope"), ("There is no prompt `nope`", "judge/pairwise")),
    "a prompt for another protocol": (
        ("--prompt", "judge/score", "--protocol", "pairwise"),
        ("`score`", "--protocol score"),
    ),
    "a prompt with a variable misspelt": (("--prompt", "misspelt.md"), ("`misspelt` uses `secnd`", "second")),
    "a prompt that declares others": (("--prompt", "declares.md"), ("`declares` declares other", "`criteria`")),
    "a prompt without responses": (("--prompt", "empty.md"), ("shows no response", "{{ first }}")),
    "an unknown judge": (("--judge", "nope"), ("There is no judge `nope`", "module:function")),
    "a judge's file that is missing": (("--judge", "nope.yaml"), ("nope.yaml cannot be read",)),
    "a judge that is no YAML": (("--judge", "bad.yaml"), ("The judge bad.yaml is not YAML", "line 1")),
    "a judge's field misspelt": (("--judge", "odd.yaml"), ("In odd.yaml", "`modle`", "try: `model`")),
    "a judge that is a list": (("--judge", "list.yaml"), ("list.yaml must be names and values",)),
    "a judge of no module": (("--judge", "nope:judge"), ("`nope:judge` cannot be imported",)),
    "a judge of no function": (("--judge", "own:nope"), ("`own:nope` cannot be imported",)),
    "a model beside an own function": (("--judge", "own:first", "--model", "x/y"), ("takes no `--model`",)),
    "an address without a scheme": (("--model", "openai/m", "--base-url", "localhost:80"), ("localhost:80", "http://")),
    "an address without a host": (("--model", "openai/m", "--base-url", "http://"), ("is no address",)),
    "an address of another kind": (("--model", "openai/m", "--base-url", "ftp://h/v1"), ("is no address",)),
    "an address with a wrong port": (("--model", "openai/m", "--base-url", "http://h:99999"), ("is no address",)),
    "words for an address": (("--model", "openai/m", "--base-url", "not an address"), ("is no address",)),
    "an address with a password": (("--model", "openai/m", "--base-url", "http://u:pw@h/v1"), ("a password or a key",)),
    "a run and items": (("--run", "last"), ("takes no ITEMS",)),
    "failures without a run": (("--retry-failed",), ("`--retry-failed` needs `--run`",)),
}


@pytest.mark.parametrize("what", OPTIONS)
def test_an_option_that_does_not_hold_is_refused_before_a_store_is_made(plurijudge: Plurijudge, what: str) -> None:
    plurijudge.write("misspelt.md", "{{ first }} or {{ secnd }}?")
    plurijudge.write("declares.md", "---\nvariables: [first, second, criteria]\n---\n{{ first }} or {{ second }}?")
    plurijudge.write("empty.md", "Which is better?")
    plurijudge.write("bad.yaml", "model: [")
    plurijudge.write("odd.yaml", "modle: openai/x")
    plurijudge.write("list.yaml", "- openai/x")
    options, said = OPTIONS[what]
    ended = plurijudge("judge", "items.jsonl", *options)
    refused(ended, *said)
    assert "pw@" not in ended.err
    assert "plurijudge.db" not in plurijudge.files()


def test_a_model_of_no_known_provider_is_refused(plurijudge: Plurijudge) -> None:
    refused(plurijudge("judge", "items.jsonl", "--model", "nosuch/model"), "`nosuch/model`", "PROVIDER/MODEL")


def test_a_server_that_does_not_answer_leaves_a_run_to_go_on_with(plurijudge: Plurijudge) -> None:
    options = ("--model", "openai/m", "--base-url", "http://127.0.0.1:9/v1", "--retries", "0", "--order", "given")
    refused(plurijudge("judge", "items.jsonl", *options), "127.0.0.1:9", "plurijudge judge --run last")
    [run] = plurijudge("runs", "--json").json()
    assert (run["status"], run["decisions"]) == ("open", 0)
    refused(plurijudge("judge", "--run", "last", "--retry-failed"), "is still open", f"judge --run {run['id']}")


SETTINGS = {
    "bad TOML": ("model = [", "plurijudge.toml cannot be read", "model ="),
    "an unknown setting": ("tmeout = 3", "`tmeout`, which is no setting", "timeout"),
    "a setting like no other": ("[judge]\nx = 1", "`judge`, which is no setting", "one of base_url"),
    "text for a number": ('timeout = "abc"', "plurijudge.toml sets `timeout` to 'abc'; needed is a number", "120"),
    "a fraction for a whole number": ("samples = 1.5", "needed is a whole number", "samples = 1"),
    "a number for text": ("model = 3", "needed is text in quotes", 'model = "builtin/heuristic"'),
    "out of range": ("concurrency = 0", "'--concurrency'", "greater than or equal to 1"),
}


@pytest.mark.parametrize("what", SETTINGS)
def test_a_settings_file_that_does_not_hold_is_refused_by_name(plurijudge: Plurijudge, what: str) -> None:
    content, *said = SETTINGS[what]
    plurijudge.write("plurijudge.toml", content)
    refused(plurijudge("judge", "items.jsonl"), *said)
    assert plurijudge("judge", "--help").code == 0


def test_a_dotenv_file_that_is_no_text_is_refused(plurijudge: Plurijudge) -> None:
    plurijudge.write(".env", b"A=\xff\xfe\n")
    refused(plurijudge("runs"), ".env cannot be read")


def test_an_unknown_command_names_the_nearest(plurijudge: Plurijudge) -> None:
    refused(plurijudge("jugde"), "Did you mean 'judge'?")


UNKNOWN: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "a run to show": (("show", "r-2026x"), ("There is no run `r-2026x`", "r-2")),
    "a run whose name is too short": (("show", "r-"), ("`r-` could be r-2", "write more of the name")),
    "a run to go on with": (("judge", "--run", "nosuch"), ("There is no run `nosuch`", "plurijudge runs")),
    "a run to export": (("export", "verdicts", "--run", "nosuch"), ("There is no run `nosuch`",)),
    "a run to measure": (("agreement", "nosuch"), ("There is no run `nosuch`",)),
    "an item to show": (("show", "last", "q33"), ("There is no item `q33`", "q3", "plurijudge show last")),
    "an item to label": (("label", "last", "q9", "--preferred", "a"), ("There is no item `q9`",)),
    "a response to label": (("label", "last", "q1", "--preferred", "c"), ("names `c`", "a, b, tie")),
    "a response to score": (("label", "last", "q1", "--scores", "tie=3"), ("names `tie`", "a, b")),
    "scores without numbers": (("label", "last", "q1", "--scores", "a=x"), ("a=x", "--scores a=4,b=2")),
    "no label": (("label", "last", "q1"), ("`--preferred` or `--scores`",)),
    "labels without a terminal": (("label", "last"), ("on a terminal only", "--preferred a")),
    "an export's suffix": (("export", "items", "--out", "x.foo"), ("no known suffix", "--format jsonl")),
    "an export's folder": (("export", "items", "--out", "no/x.csv"), ("no/x.csv cannot be written",)),
    "an export in two senses": (("export", "items", "--json"), ("standard output", "--out items.jsonl")),
    "what failed where nothing did": (("judge", "--run", "last", "--retry-failed"), ("Nothing failed", "show r-")),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_what_the_store_does_not_hold_is_said_with_what_is_near(judged: Plurijudge, what: str) -> None:
    command, said = UNKNOWN[what]
    refused(judged(*command), *said)


def test_a_changed_file_of_an_unfinished_run_is_refused(plurijudge: Plurijudge) -> None:
    rows = [item(f"q{n}") for n in range(1200)]
    plurijudge.write("items.jsonl", rows)
    options = ("--model", "openai/m", "--base-url", "http://127.0.0.1:9/v1", "--retries", "0", "--order", "given")
    assert plurijudge("judge", "items.jsonl", *options).code == 2
    plurijudge.write("items.jsonl", rows[:-1])
    refused(plurijudge("judge", "--run", "last"), "items.jsonl has changed since the run began", "former file")


def test_what_is_wrong_is_said_in_one_line_of_json_free_text(plurijudge: Plurijudge) -> None:
    ended = plurijudge("judge", "nope.jsonl", "--json")
    refused(ended)
    with pytest.raises(json.JSONDecodeError):
        json.loads(ended.out)

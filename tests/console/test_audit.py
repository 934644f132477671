"""Does an audit say what moves a judge, by how much, how sure that is and what to do, to people and to programs?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from plurijudge.agents.perturbers.known import DEFAULT, KNOWN, SENSITIVITY

from ..agents.test_perturbers import OWN
from .conftest import Ended, Plurijudge

EXAMPLES = Path(__file__).parents[2] / "examples" / "items.jsonl"
LEANS = "builtin/planted?position=0.8"
FEW = ("--bias", "bandwagon,empty", "--limit", "30", "-q")  # enough to tell, and quick


@pytest.fixture
def desk(plurijudge: Plurijudge) -> Plurijudge:
    """The command in a folder with the examples."""
    plurijudge.write("examples.jsonl", EXAMPLES.read_bytes())
    return plurijudge


def measured(done: Ended) -> Any:
    assert done.code == 0, done.err
    return done.json()


def line_of(said: str, beginning: str) -> str:
    (found,) = [line for line in said.splitlines() if line.startswith(beginning)]
    return found


def row(said: str, name: str) -> list[str]:
    """The cells of a line of the table."""
    return re.split(r"\s{2,}", line_of(said, f"{name}  ").strip())


def run_of(done: Ended) -> str:
    found = re.search(r"r-\d{8}-[0-9a-f]{4}", done.out)
    assert found, done.err
    return found[0]


def bias(document: Any, name: str) -> Any:
    (found,) = [one for one in document["biases"] if one["bias"] == name]
    return found


# What people read.


@pytest.mark.slow
def test_it_says_without_a_manual_that_a_judge_prefers_the_first_answer(desk: Plurijudge) -> None:
    done = desk("audit", "examples.jsonl", "--judge", LEANS)
    assert done.code == 0, done.err
    assert "audit of 64 items" in done.out and "the judge says the same again of the same presentation: 0." in done.out
    said = line_of(done.out, "This judge ")
    found = re.fullmatch(
        r"This judge prefers the answer shown first: by (\S+) points beyond one half \[(\S+), (\S+)\]\."
        r" What to do: judge both orders, .*\.",
        said,
    )
    assert found, said
    size, low, high = map(float, found.groups())
    assert 8 < low < size < high < 25
    name, kind, n, points, interval, q, least, outcome = row(done.out, "position")
    assert (kind, n, float(points), outcome) == ("cue", "64", size, "BIAS")
    assert interval == f"{low} to {high}" and float(q) < 0.001 and 3 < float(least) < 15
    for each in (*DEFAULT, *SENSITIVITY):
        assert row(done.out, each.replace("_", " "))[1] == KNOWN[each].kind
    assert done.out.count("BIAS") == 1 and "Nothing found" not in done.out and "Deaf" not in done.out
    assert re.search(r"not planted: wrong number, \d+ times: the response holds no number", done.out)
    assert f"recompute: plurijudge audit --run {run_of(done)}" in done.out


@pytest.mark.thorough
def test_a_judge_that_prefers_the_second_answer_is_told_so_with_sizes_above_zero(desk: Plurijudge) -> None:
    done = desk("audit", "examples.jsonl", "--judge", "builtin/planted?position=-0.9", *FEW)
    said = line_of(done.out, "This judge ")
    found = re.search(r"prefers the answer shown second: by (\S+) points beyond one half \[(\S+), (\S+)\]\.", said)
    assert found, said
    size, low, high = map(float, found.groups())
    assert 0 < low < size < high
    assert float(row(done.out, "position")[3]) == -size


def test_of_a_clean_judge_nothing_is_found_and_it_says_what_would_have_been(desk: Plurijudge) -> None:
    done = desk("audit", "examples.jsonl", "--judge", "builtin/planted", *FEW)
    assert done.code == 0, done.err
    found = re.fullmatch(
        r"Nothing found; effects above (\S+) points would have been\.", line_of(done.out, "Nothing found")
    )
    assert found
    assert float(found[1]) == max(float(row(done.out, name)[6]) for name in ("position", "bandwagon"))
    assert "This judge" not in done.out and "BIAS" not in done.out
    assert row(done.out, "empty")[-1] == "noticed"


@pytest.mark.thorough
def test_what_turns_a_judge_away_is_told_as_that_and_two_biases_in_two_lines(desk: Plurijudge) -> None:
    done = desk("audit", "examples.jsonl", "--judge", "builtin/planted?position=1&bandwagon=-2", *FEW)
    said = [line for line in done.out.splitlines() if line.startswith("This judge ")]
    assert len(said) == 2 and "prefers the answer shown first" in said[0]
    assert "turns away from the answer with the cue `bandwagon`" in said[1]
    assert KNOWN["bandwagon"].remedy in said[1]


@pytest.mark.thorough
def test_a_judge_that_follows_a_crowd_is_told_what_that_means_and_what_to_do(desk: Plurijudge) -> None:
    done = desk("audit", "examples.jsonl", "--judge", "builtin/planted?bandwagon=2", *FEW)
    said = line_of(done.out, "This judge ")
    assert KNOWN["bandwagon"].means in said and KNOWN["bandwagon"].remedy in said


def test_a_deaf_judge_is_called_deaf_with_what_would_have_been_seen(desk: Plurijudge) -> None:
    done = desk("audit", "examples.jsonl", "--judge", "builtin/planted?deaf=1", *FEW)
    assert done.code == 0 and row(done.out, "empty")[-1] == "NOT NOTICED"
    said = line_of(done.out, "Deaf: ")
    assert KNOWN["empty"].means in said and "would have been seen" in said
    assert "Nothing found" in done.out


def test_a_bias_of_ones_own_is_planted_and_told_in_its_own_words(desk: Plurijudge) -> None:
    desk.write("my.py", OWN)
    desk.write(
        "nose.py",
        "def smells(item, presentation):\n"
        "    texts = {r.id: r.text for r in item.responses}\n"
        "    return max(presentation, key=lambda name: 'roses' in texts[name])\n",
    )
    done = desk("audit", "examples.jsonl", "--judge", "nose:smells", "--bias", "my.py:Perfume", "--limit", "30", "-q")
    assert done.code == 0, done.err
    said = [line for line in done.out.splitlines() if line.startswith("This judge ")]
    assert "prefers the answer that is said to smell of roses: by 50.0 points" in said[-1]
    assert "keep scents out of what the judge is shown" in said[-1]
    again = desk("audit", "--run", "last")
    assert "is moved by `perfume`: by 50.0 points" in again.out


# What programs read.


def test_one_document_holds_every_figure_and_a_recorded_audit_gives_the_same(desk: Plurijudge) -> None:
    first = measured(desk("audit", "examples.jsonl", "--judge", LEANS, *FEW, "--json"))
    assert [(one["bias"], one["kind"], one["found"]) for one in first["biases"]] == [
        ("position", "cue", True),
        ("bandwagon", "cue", False),
        ("empty", "sensitivity", True),
    ]
    assert (first["items"], first["not_planted"]) == (30, [])
    assert first["command"] == f"plurijudge audit --run {first['run']}"
    position = bias(first, "position")
    assert position["effect"]["n"] == 30 and position["calls"] == 120 and position["calls_missing"] == 0
    assert position["effect"]["low"] < position["effect"]["estimate"] < position["effect"]["high"]
    assert position["decision"]["flagged"] is True and position["smallest_effect"] > 0
    again = measured(desk("audit", "--run", first["run"], "--json"))
    assert again == first
    assert measured(desk("audit", "--run", "last", "--json")) == first
    shown = desk("audit", "--run", first["run"])
    assert float(row(shown.out, "position")[3]) == round(100 * position["effect"]["estimate"], 1)
    kept = desk(
        "query", "SELECT DISTINCT estimate FROM bias_effect WHERE bias = 'position' AND measure = 'effect'", "--json"
    ).json()
    assert kept == [{"estimate": position["effect"]["estimate"]}]


def test_one_bias_more_is_asked_for_alone_and_the_others_keep_their_figures(desk: Plurijudge) -> None:
    less = measured(desk("audit", "examples.jsonl", "--judge", LEANS, *FEW, "--json"))
    more = measured(
        desk("audit", "examples.jsonl", "--judge", LEANS, "--bias", "bandwagon,empty,injection", *FEW[2:], "--json")
    )
    assert bias(more, "bandwagon")["effect"] == bias(less, "bandwagon")["effect"]
    assert {one["bias"] for one in more["biases"]} - {one["bias"] for one in less["biases"]} == {"injection"}


def test_what_could_not_be_planted_is_counted_with_its_reason(desk: Plurijudge) -> None:
    document = measured(
        desk("audit", "examples.jsonl", "--judge", LEANS, "--bias", "wrong_number", "--limit", "40", "-q", "--json")
    )
    (told,) = document["not_planted"]
    assert (told["bias"], told["reason"]) == ("wrong_number", "the response holds no number")
    assert 0 < told["items"] < 80
    assert bias(document, "wrong_number")["items"] <= 40 - told["items"] / 2


def test_standard_input_is_audited_too(desk: Plurijudge) -> None:
    lines = b"".join(EXAMPLES.read_bytes().splitlines(keepends=True)[:5])
    document = measured(desk("audit", "-", "--judge", LEANS, "--bias", "bandwagon", "-q", "--json", stdin=lines))
    assert document["items"] == 5


@pytest.mark.thorough
def test_a_picture_is_xml_and_names_each_bias_that_was_looked_for(desk: Plurijudge) -> None:
    done = desk("audit", "examples.jsonl", "--judge", LEANS, *FEW, "--picture", "effects.svg")
    assert done.code == 0 and "picture: effects.svg" in done.err
    picture = ElementTree.parse(desk.folder / "effects.svg").getroot()
    texts = [one.text or "" for one in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert {"position", "bandwagon", "points"} <= set(texts) and "empty" not in texts
    assert sum(text.endswith(" found") for text in texts) == 1
    assert any(run_of(done) in text for text in texts)
    refused = desk("audit", "--run", "last", "--picture", "nowhere/effects.svg")
    assert refused.code == 2 and "nowhere/effects.svg cannot be written" in refused.err


# What is refused, and before anything is asked.


def test_an_unknown_bias_is_refused_with_the_list_before_there_is_a_store(desk: Plurijudge) -> None:
    done = desk("audit", "examples.jsonl", "--judge", LEANS, "--bias", "bandwagon,perfume")
    assert (done.code, done.out) == (2, "") and "There is no bias `perfume`" in done.err
    assert all(name in done.err for name in KNOWN)
    assert "plurijudge.db" not in desk.files()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "needs either ITEMS, or a recorded audit"),
        (("examples.jsonl", "--run", "last"), "needs either ITEMS, or a recorded audit"),
        (("absent.jsonl",), "no file absent.jsonl"),
        (("empty.jsonl",), "holds no item that can be judged"),
        (("three.jsonl",), "holds no item that can be judged"),
        (("examples.jsonl", "--judge", "score.yaml"), "an audit looks at pairs"),
        (("examples.jsonl", "--judge", "builtin/planted?bandwagn=1"), "no term `bandwagn`"),
        (("examples.jsonl", "--judge", "builtin/nobody"), "nobody"),
        (("examples.jsonl", "--bias", "absent.py:X"), "no file absent.py"),
        (("examples.jsonl", "--bias", "broken.py:X"), "broken.py cannot be imported"),
        (("examples.jsonl", "--bias", "authority,authority"), "Two perturbers are called `authority`"),
    ],
)
def test_what_cannot_be_audited_is_refused_at_once(desk: Plurijudge, args: tuple[str, ...], message: str) -> None:
    desk.write("empty.jsonl", "")
    desk.write("broken.py", "raise RuntimeError\n")
    desk.write("score.yaml", "model: builtin/planted\nprotocol: score\n")
    three = [{"id": name, "text": name} for name in "abc"]
    desk.write("three.jsonl", [{"id": "q", "prompt": "?", "responses": three}])
    done = desk("audit", *args)
    assert (done.code, done.out) == (2, "") and message in done.err, done.err
    assert "plurijudge.db" not in desk.files()


def test_runs_that_are_no_audit_of_one_judge_are_refused(desk: Plurijudge) -> None:
    assert desk("judge", "items.jsonl", "--model", "builtin/planted", "--protocol", "score", "-q").code == 0
    done = desk("audit", "--run", "last")
    assert done.code == 2 and "grades single responses" in done.err
    absent = desk("audit", "--run", "r-20200101-0000")
    assert absent.code == 2 and "r-20200101-0000" in absent.err


def test_a_plain_run_tells_of_the_order_alone_and_of_no_noise_floor(desk: Plurijudge) -> None:
    judging = ("judge", "examples.jsonl", "--model", LEANS, "-q")
    assert desk(*judging).code == 0
    document = measured(desk("audit", "--run", "last", "--json"))
    assert [one["bias"] for one in document["biases"]] == ["position"]
    assert document["self_agreement"]["estimate"] is None and document["self_agreement"]["reason"]

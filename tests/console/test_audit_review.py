"""Can a person review what a model wrote for an audit, does an audit heed it, and is a second look held to account?"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plurijudge.console.audit_review import differences

from ..court import pairs
from ..loopback import Loopback
from .conftest import Ended, Plurijudge, Warm
from .terminal import Terminal

Json = dict[str, Any]
KEYS = {"OPENAI_API_KEY": "sk-test-0000000000000000"}
BIAS = "written_verbosity"
FIRST = "q0~written_verbosity@a"


def longer(text: str) -> str:
    return f"{text} To say it once more, that is the sum."


def sums(n: int) -> list[Json]:
    """Pairs of answers that are long enough to be made longer by half."""
    ending = "and anybody can see that who adds the two numbers up."
    return [
        {**item, "responses": [{**one, "text": f"{one['text'].rstrip('.')}, {ending}"} for one in item["responses"]]}
        for item in pairs(n)
    ]


def written(n: int) -> list[Json]:
    """What the writer replies: each response of each item said at greater length."""
    texts = [response["text"] for item in sums(n) for response in item["responses"]]
    return [{"fault": "say", "arg": json.dumps({"text": longer(text)})} for text in texts]


def audit(desk: Plurijudge, server: Loopback, *more: str) -> Ended:
    whose = ("--judge", "openai/m", "--writer", "openai/w", "--base-url", server.base_url, "--concurrency", "1")
    return desk("audit", "items.jsonl", *whose, "--bias", BIAS, "-q", *more, **KEYS)


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with Loopback(answer="longer") as made:
        yield made


@pytest.fixture(scope="module")
def _audited(tmp_path_factory: pytest.TempPathFactory, warm: Warm, server: Loopback) -> tuple[Path, Ended]:
    desk = Plurijudge(tmp_path_factory.mktemp("written"), warm)
    desk.write("items.jsonl", sums(3))
    segments = r"(?s)Answer A:\n(?P<first>.*?)Answer B:\n(?P<second>.*?)Which answer"
    server.script(written(3), answer="longer", segments=segments)
    done = audit(desk, server)
    assert done.code == 0, done.err
    return desk.folder, done


@pytest.fixture
def audited(_audited: tuple[Path, Ended], tmp_path: Path, warm: Warm) -> Plurijudge:
    """The command in a folder with an audit of three pairs, each response of which a model made longer."""
    folder = tmp_path / "audited"
    shutil.copytree(_audited[0], folder)
    return Plurijudge(folder, warm)


def test_an_audit_says_how_much_of_what_was_written_nobody_has_seen(_audited: tuple[Path, Ended]) -> None:
    done = _audited[1]
    assert "written verbosity: 6 texts written, 6 not reviewed by a person" in done.err
    assert "note: of `written_verbosity` 6 texts count that a model wrote and nobody has reviewed" in done.err
    assert "written verbosity" in done.out


def test_what_waits_for_review_is_shown_with_its_differences(audited: Plurijudge) -> None:
    done = audited("audit", "review")
    assert done.code == 0 and f"{FIRST}  written_verbosity, by openai/w: proposed" in done.out
    assert "  + To say it once more, that is the sum.\n" in done.out and "    It is 0, and anybody" in done.out
    assert done.err == "reviewed 0; now 6 proposed, 0 accepted, 0 rejected\n"


def test_flags_accept_and_reject_by_name_and_the_document_says_what_is_what(audited: Plurijudge) -> None:
    done = audited(
        "audit", "review", "--accept", FIRST, "--reject", "q1~written_verbosity@b", "--reviewer", "r1", "--json"
    )
    document = done.json()
    assert [document[name] for name in ("changed", "proposed", "accepted", "rejected")] == [2, 4, 1, 1]
    shown = audited("audit", "review", "--status", "all", "--json").json()["rewritings"]
    said = {one["id"]: (one["status"], one["reviewer"]) for one in shown}
    assert said[FIRST] == ("accepted", "r1") and said["q1~written_verbosity@b"] == ("rejected", "r1")
    assert shown[0]["after"] == longer(shown[0]["before"]) and "It is 0" in shown[0]["before"]
    alone = audited("audit", "review", "--status", "rejected", "--json").json()["rewritings"]
    assert [one["id"] for one in alone] == ["q1~written_verbosity@b"]


def test_what_is_rejected_is_left_out_of_the_next_audit_and_of_the_recorded_one(
    audited: Plurijudge, server: Loopback
) -> None:
    before = audited("audit", "--run", "last", "--json").json()
    assert before["not_reviewed"] == {BIAS: 6}
    planted = {one["bias"]: one["items"] for one in before["biases"]}
    assert planted[BIAS] == 3
    assert audited("audit", "review", "--reject", FIRST).code == 0
    recorded = audited("audit", "--run", "last", "--json").json()
    assert {one["bias"]: one["items"] for one in recorded["biases"]}[BIAS] == 2
    assert recorded["not_reviewed"] == {BIAS: 5}
    assert [one for one in recorded["set_aside"] if one["bias"] == BIAS and "rejected" in one["reason"]]
    asked = server.stat()["received"]
    again = audit(audited, server)
    assert again.code == 0 and server.stat()["received"] == asked  # all of it comes from the cache
    assert "written verbosity: 5 texts written, 5 not reviewed by a person" in again.err
    assert "not planted: written verbosity, 1 times: a person rejected it" in again.out


def test_all_that_are_shown_are_accepted_or_rejected_at_once(audited: Plurijudge) -> None:
    assert audited("audit", "review", "--bias", "written_authority", "--no", "--json").json()["changed"] == 0
    assert audited("audit", "review", "--reject", FIRST).err == "reviewed 1; now 5 proposed, 0 accepted, 1 rejected\n"
    assert audited("audit", "review", "--yes").err == "reviewed 5; now 0 proposed, 5 accepted, 1 rejected\n"


def test_on_a_terminal_each_is_asked_about_in_turn(audited: Plurijudge) -> None:
    shell = Terminal(audited, "audit", "review", "--reviewer", "r2")
    for key in ("y\n", "n\n", "\n", "q\n"):
        shell.wait_for("to end [s]: ")
        shell.shown = ""
        shell.press(key)
    left = shell.end()
    assert left.code == 0 and "reviewed 2; now 4 proposed, 1 accepted, 1 rejected" in left.out


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--accept", FIRST, "--reject", FIRST), "accepted and rejected at once"),
        (("--yes", "--no"), "contradict"),
        (("--yes", "--accept", FIRST), "names are given too"),
        (("--status", "odd"), "no status `odd`"),
        (("--accept", "q9"), "no rewriting `q9`"),
    ],
)
def test_what_cannot_be_meant_is_refused(audited: Plurijudge, flags: tuple[str, ...], said: str) -> None:
    done = audited("audit", "review", *flags)
    assert done.code == 2 and said in done.err and "try: " in done.err


def test_audit_keeps_its_own_first_word_and_both_say_what_they_do(plurijudge: Plurijudge) -> None:
    help_of_audit = plurijudge("audit", "--help").out
    assert "audit [OPTIONS] [items]" in help_of_audit and "audit review" not in help_of_audit.split("Options")[0]
    assert "audit review [OPTIONS]" in plurijudge("audit", "review", "--help").out
    assert "audit review" in plurijudge("--help").out
    plurijudge.write("review", "")
    done = plurijudge("audit", "./review")  # a file of that name is named with its folder
    assert done.code == 2 and "review" in done.err


def test_texts_are_written_only_where_a_writer_is_named(plurijudge: Plurijudge) -> None:
    done = plurijudge("audit", "items.jsonl", "--bias", BIAS)
    assert done.code == 2 and "--writer MODEL" in done.err
    done = plurijudge("audit", "items.jsonl", "--bias", "bandwagon", "--writer", "openai/w")
    assert done.code == 2 and "nothing is to be written" in done.err


def test_texts_are_compared_sentence_by_sentence() -> None:
    assert differences("One. Two. Three.", "One. Too. Three. Four.") == [
        "  One.", "- Two.", "+ Too.", "  Three.", "+ Four.",
    ]  # fmt: skip


# Second looks, and what is handed to people.


def test_a_second_look_is_held_against_being_asked_again(plurijudge: Plurijudge, server: Loopback) -> None:
    plurijudge.write("items.jsonl", [{**item, "gold": [{"preferred": "a"}]} for item in pairs(2)])
    server.reset()
    server.script("", answer="first")
    whose = ("--judge", "openai/m", "--base-url", server.base_url, "--bias", "bandwagon", "-q")
    done = plurijudge("audit", "items.jsonl", *whose, "--mitigation", "reflect", **KEYS)
    assert done.code == 0, done.err
    assert "note: `challenge` is audited too" in done.err
    assert "`reflect` held against being asked again (`challenge`)" in done.out
    assert "`reflect` is not known to gain more than being asked again (`challenge`)" in done.out
    assert "`reflect` looked at 8 verdicts: 8 kept, 0 mended, 0 spoilt" in done.out
    verdicts = 2 * 2 * 2 + 2 * 2 * 2
    assert server.stat()["received"] == verdicts * 3  # as it is, and a second turn of each of two kinds
    alone = plurijudge("audit", "items.jsonl", *whose, "--mitigation", "reflect", "--no-control", "--json", **KEYS)
    document = alone.json()
    assert document["controls"] == [] and [one["mitigation"] for one in document["mitigations"]] == ["reflect"]
    both = plurijudge("audit", "items.jsonl", *whose, "--mitigation", "reflect", "--json", **KEYS).json()
    assert [(one["mitigation"], one["looked"], one["kept"]) for one in both["looks"]] == [
        ("reflect", 8, 8), ("challenge", 8, 8),
    ]  # fmt: skip
    [control] = both["controls"]
    assert (control["mitigation"], control["control"], control["more"]) == ("reflect", "challenge", None)
    again = plurijudge(*control["command"].split()[1:], "--json").json()
    assert again["mitigations"][0]["cures"] == control["gains"]


@pytest.mark.thorough
def test_balancing_takes_the_bias_of_the_order_away_at_twice_the_calls(plurijudge: Plurijudge) -> None:
    plurijudge.write("items.jsonl", pairs(12))
    whose = ("--judge", "own:first", "--bias", "bandwagon", "-q", "--json")
    done = plurijudge("audit", "items.jsonl", *whose, "--mitigation", "balanced").json()
    [cure] = done["mitigations"]
    gains = {one["measure"]: one["gain"]["estimate"] for one in cure["cures"]}
    assert gains["position"] == 0.5 and cure["calls"] == 2.0 and cure["use"] is True


@pytest.mark.thorough
def test_an_audit_says_how_right_the_judge_was_on_what_it_hands_to_people(plurijudge: Plurijudge) -> None:
    # the judge takes what stands first, unless one answer is long: then it is right in either order
    plurijudge.write(
        "items.jsonl",
        [
            {
                **item,
                "responses": [{"id": "a", "text": "x" * (90 if n % 3 else 9)}, {"id": "b", "text": "x" * 9}],
                "gold": [{"preferred": "a"}],
            }
            for n, item in enumerate(pairs(9))
        ],
    )
    plurijudge.write(
        "sure.py",
        "def sure(item, presentation):\n"
        "    texts = {response.id: len(response.text) for response in item.responses}\n"
        "    return max(presentation, key=lambda name: texts[name] > 80)\n",
    )
    whose = ("--judge", "sure:sure", "--bias", "bandwagon", "--mitigation", "balanced,route", "-q")
    [people] = plurijudge("audit", "items.jsonl", *whose, "--json").json()["handed"]
    assert (people["mitigation"], people["items"], people["handed"]) == ("route", 9, 3)
    assert (people["when_handed"]["estimate"], people["when_kept"]["estimate"]) == (0.5, 1.0)
    assert "route: 3 of 9 items are handed to people; the judge as it is: right on those 0.500" in (
        plurijudge("audit", "items.jsonl", *whose).out
    )


def test_what_a_judge_hands_to_people_is_listed_and_labelled(plurijudge: Plurijudge) -> None:
    plurijudge.write("judge.yaml", "model: callable/own:first\nfunction: own:first\nnodes: [route]\n")
    done = plurijudge("judge", "items.jsonl", "--judge", "judge.yaml", "-q", "--json")
    assert done.code == 0, done.err
    assert [one["outcome"] for one in done.json()["decisions"]] == ["abstained"] * 3
    listed = plurijudge("label", "last", "--routed", "--json").json()
    assert [one["item"] for one in listed["routed"]] == ["q1", "q2", "q3"]
    assert {(one["answers"], round(one["entropy"], 3)) for one in listed["routed"]} == {(2, 0.693)}
    shell = Terminal(plurijudge, "label", "last", "--routed", "--annotator", "me")
    for key in ("1\n", "q\n"):
        shell.wait_for("to end [s]: ")
        shell.shown = ""
        shell.press(key)
    left = shell.end()
    assert left.code == 0 and "labelled 1" in left.out
    shown = plurijudge("show", "last", "q1").out
    assert "a person is asked" in shown
    both = plurijudge("label", "last", "q1", "--routed")
    assert both.code == 2 and "--routed" in both.err

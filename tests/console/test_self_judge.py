"""Is it said, before a run and in every report of it, that a judge judges its own answers or those of its kin?"""

from __future__ import annotations

import asyncio
import io
import os
import pty
from pathlib import Path
from typing import Any

import pytest

from plurijudge.agents.families import family_of
from plurijudge.agents.kinship import notices, same_model, speaker_of
from plurijudge.console.self_judge import tell_kin
from plurijudge.text.errors import BadInput

from ..loopback import Loopback
from .conftest import Plurijudge
from .terminal import Terminal

WRITERS = {
    "self": "openai/gpt-5-mini",
    "family": "azure/gpt-4o-2024-08-06",
    "unknown": "acme/house-7b",
}
SAID = {
    "self": "judges its own answers: it wrote 1 of 6 responses",
    "family": "judges its own family: 1 of 6 responses were written by models of OpenAI",
    "unknown": "is kin to those who wrote 1 of 6 responses is not known (acme/house-7b)",
}
STRANGER = "anthropic/claude-sonnet-4-5"


def items(writer: str, other: str = STRANGER) -> list[dict[str, Any]]:
    """Two pairs by two writers."""
    models = {"a": writer, "b": other}
    responses = [{"id": name, "model": model, "text": f"{name} says four"} for name, model in models.items()]
    return [{"id": f"q{n}", "prompt": f"{n} and {n}?", "responses": responses} for n in range(2)]


def judging(server: Loopback, *more: str) -> tuple[str, ...]:
    return ("judge", "i.jsonl", "--model", "openai/gpt-5-mini", "--base-url", server.base_url, *more)


def test_each_kind_has_its_own_words_before_the_run_and_in_every_report(plurijudge: Plurijudge) -> None:
    rows = [items(writer)[0] | {"id": kind} for kind, writer in WRITERS.items()]
    plurijudge.write("i.jsonl", rows)
    with Loopback(answer="A") as server:
        judged = plurijudge(*judging(server, "--allow-self-judge", "--json"))
    assert judged.code == 0, judged.err
    told = judged.json()["self_judging"]
    assert [(one["kind"], one["judge"], one["responses"], one["of"]) for one in told] == [
        (kind, "openai/gpt-5-mini", 1, 6) for kind in WRITERS
    ]
    assert [one["candidates"] for one in told] == [[{"model": name, "responses": 1}] for name in WRITERS.values()]
    assert len({one["said"] for one in told}) == 3
    for kind, words in SAID.items():
        before, _, after = judged.err.partition(words)
        assert "3 read" in after and "read" not in before, kind  # the note comes before the sums
    for command in ("show", "agreement", "report"):
        shown = plurijudge(command, "last")
        assert all(words in shown.out + shown.err for words in SAID.values()), command
        assert plurijudge(command, "last", "--json").json()["self_judging"] == told, command


def test_it_is_said_before_anything_is_asked(plurijudge: Plurijudge) -> None:
    plurijudge.write("i.jsonl", items(WRITERS["self"]))
    with Loopback(faults="401*") as server:  # the first call ends the run
        judged = plurijudge(*judging(server, "--order", "given"))
    assert judged.code == 2
    assert judged.err.index("judges its own answers") < judged.err.index("error:")


def test_attacks_say_it_too(plurijudge: Plurijudge) -> None:
    plurijudge.write("i.jsonl", items(WRITERS["self"]))
    with Loopback(answer="A") as server:
        who = ("--judge", "openai/gpt-5-mini", "--base-url", server.base_url)
        done = plurijudge("attack", "i.jsonl", *who, "--kind", "plea", "--each", "1")
    assert done.code == 0 and "judges its own answers" in done.err, done.err


def test_a_judge_of_another_known_family_needs_no_words() -> None:
    assert notices(["openai/gpt-5-mini"], {"gemini/gemini-2.5-pro": 3, "human": 1}) == ()


def test_responses_that_name_no_writer_are_counted_as_unknown() -> None:
    [told] = notices(["openai/gpt-5-mini"], {"": 1200, "acme/x": 3, STRANGER: 1})
    assert (told.kind, told.responses, told.to_dict()["candidates"][0]) == (
        "unknown", 1203, {"model": None, "responses": 1200},
    )  # fmt: skip
    assert "1,203 of 1,204 responses is not known (acme/x; 1,200 name no model)" in told.said


def test_a_person_at_a_terminal_is_asked_and_a_no_leaves_nothing(plurijudge: Plurijudge) -> None:
    plurijudge.write("i.jsonl", items(WRITERS["family"]))
    with Loopback(answer="A") as server:
        shell = Terminal(plurijudge, *judging(server))
        shell.wait_for("Judge all the same? [y/N]")
        shell.press("n\n")
        left = shell.end()
        assert server.stat()["good"] == 0
    assert left.code == 2, left.out
    assert "judges its own family" in left.out and "--allow-self-judge" in left.out
    assert plurijudge("runs", "--json").json() == []


class Screen(io.StringIO):
    """A terminal that shows what is written to it."""

    def isatty(self) -> bool:
        return True


class Watch:
    """Progress that has nothing to clear."""

    def end(self) -> None:
        """Do nothing."""


def heeded(typed: str | None, found: Any, monkeypatch: pytest.MonkeyPatch, *, question: bool = True) -> str:
    """What is shown at a terminal at which this is typed, or Ctrl-C pressed where it is None."""
    master, slave = pty.openpty()
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)

    async def work() -> None:
        stop = asyncio.Event()
        if typed is None:
            asyncio.get_running_loop().call_later(0.05, stop.set)
        else:
            os.write(master, f"{typed}\n".encode())
        await tell_kin(found, stop=stop, watch=Watch(), question=question)

    with os.fdopen(slave, "r") as keys:
        monkeypatch.setattr("sys.stdin", keys)
        try:
            asyncio.run(work())
        finally:
            os.close(master)
    return screen.getvalue()


def test_a_yes_goes_on_and_anything_else_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    kin = notices(["gpt-4"], {"gpt-4": 1})
    assert heeded("y", kin, monkeypatch).endswith("Judge all the same? [y/N] ")
    assert heeded("YES", kin, monkeypatch).startswith("note: gpt-4 judges its own answers")
    for typed in ("", "n", "nay"):
        with pytest.raises(BadInput, match="gpt-4 would judge its own"):
            heeded(typed, kin, monkeypatch)
    heeded(None, kin, monkeypatch)  # Ctrl-C: the run stops by itself


def test_the_note_stays_where_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    kin, unknown = notices(["gpt-4"], {"gpt-4": 1}), notices(["gpt-4"], {"acme": 1})
    allowed = heeded("n", kin, monkeypatch, question=False)
    assert allowed.startswith("note: ") and "[y/N]" not in allowed
    assert "[y/N]" not in heeded("n", unknown, monkeypatch)
    assert heeded("n", (), monkeypatch) == ""


def test_families_yaml_tells_what_a_name_does_not_and_holds_against_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written = {"acme/house-7b": 2, "gpt-4o": 1}
    assert [one.kind for one in notices(["openai/o3"], written)] == ["family", "unknown"]
    (tmp_path / "families.yaml").write_text("Acme: [acme/]\nHouse: [gpt-4o]\n")
    assert notices(["openai/o3"], written) == ()
    (tmp_path / "families.yaml").write_text("OpenAI: acme/house\nHouse: [gpt-4o]  # one name, or several\n")
    assert [(one.kind, one.family, one.responses) for one in notices(["openai/o3"], written)] == [
        ("family", "OpenAI", 2)
    ]


def test_families_that_cannot_be_read_end_a_run_before_anything_is_asked(plurijudge: Plurijudge) -> None:
    plurijudge.write("families.yaml", "Acme: 3\n")
    bad = plurijudge("judge", "items.jsonl")
    assert bad.code == 2 and "families.yaml: the family 'Acme' has no list of names" in bad.err
    assert plurijudge("runs", "--json").json() == []


def test_each_model_that_sits_on_a_panel_is_looked_at(plurijudge: Plurijudge) -> None:
    plurijudge.write("i.jsonl", items("openai/gpt-5-mini", "anthropic/claude-1"))
    with Loopback(answer="A") as server:
        seats = f"[{{model: openai/gpt-5-mini, base_url: '{server.base_url}'}}, {{model: builtin/planted}}]"
        plurijudge.write("panel.yaml", f"id: two\nversion: '1'\ntitle: Two\nmembers: {seats}\n")
        judged = plurijudge("judge", "i.jsonl", "--model", STRANGER, "--panel", "panel.yaml", "--json")
    assert judged.code == 0, judged.err
    told = judged.json()["self_judging"]
    assert [(one["kind"], one["judge"]) for one in told] == [("self", "openai/gpt-5-mini")]  # nobody speaks as STRANGER
    assert plurijudge("show", "last", "--json").json()["self_judging"] == told


def test_imported_verdicts_are_looked_at_by_the_judges_that_they_name(plurijudge: Plurijudge) -> None:
    row = {"item": "q1", "judge": "gpt-4", "presentation": ["a", "b"], "preferred": "a"}
    plurijudge.write("v.jsonl", [{**row, "models": {"a": "gpt-4", "b": "gpt-3.5-turbo"}}])
    assert plurijudge("import", "verdicts", "v.jsonl").code == 0
    told = plurijudge("show", "last", "--json").json()["self_judging"]
    assert [(one["kind"], one["responses"]) for one in told] == [("self", 1), ("family", 1)]


def test_built_in_models_have_no_unknown_kin_but_their_own_answers() -> None:
    written = {"m1": 3, "": 2, "builtin/heuristic": 1, "planted": 4}
    assert [(one.kind, one.responses) for one in notices(["builtin/heuristic"], written)] == [("self", 1)]
    [own, kin] = notices(["builtin/planted?self=0.5"], written)
    assert (own.kind, own.candidates, kin.kind) == ("self", (("planted", 4),), "family")
    assert notices(["builtin/planted?name=m1"], {"m1": 3})[0].kind == "self"
    [told] = notices(["callable/own:judge"], written)
    assert (told.kind, told.judge, told.responses) == ("unknown", "own:judge", 10)
    assert "No family is known of own:judge itself" in told.said


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("openai/gpt-4o-2024-08-06", "gpt-4o", True),
        ("openai/gpt-4-0613", "azure/GPT-4", True),
        ("text_davinci_003", "openai/text-davinci-003", True),
        ("gpt-4o", "gpt-4o-mini", False),
        ("gpt-4", "gpt-4.1", False),
        ("openai/ft:gpt-4o:org::id", "gpt-4o", False),
        ("bedrock/us.anthropic.claude-3-5-haiku-20241022-v1:0", "anthropic/claude-3-5-haiku", True),
        ("ollama/llama3.2:latest", "llama3.2", True),
        ("builtin/planted?seed=1", "builtin/planted?seed=2", True),
        ("builtin/planted", "planted", False),
    ],
)
def test_one_model_may_have_several_names(one: str, other: str, same: bool) -> None:
    assert same_model(one, other) is same
    assert same_model(other, one) is same


def test_of_a_recording_the_recorded_judge_speaks() -> None:
    assert speaker_of("replay/dir/v.jsonl?judge=GPT-4/CoT") == "GPT-4"
    assert speaker_of("replay/dir/v.jsonl?judge=meta-llama/Llama-3-8b") == "meta-llama/Llama-3-8b"
    assert [one.kind for one in notices(["replay/v.jsonl?judge=GPT-4/CoT"], {"gpt-4": 1, "gpt-3.5-turbo": 1})] == [
        "self",
        "family",
    ]


@pytest.mark.parametrize("text", ["- a\n- b\n", "Acme: []\n", "Acme: ['']\n", "1: [a]\n", "A: [x]\nB: [X]\n", "A: [\n"])
def test_families_that_do_not_hold_say_why(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "families.yaml").write_text(text)
    with pytest.raises(BadInput, match=r"families\.yaml"):
        family_of("acme/x")
    (tmp_path / "families.yaml").write_text("Acme: [acme/]  # mended\n")
    assert (family_of("openrouter/acme/x"), family_of("gpt-4")) == ("Acme", "OpenAI")

"""Can panels be looked at, checked, begun and measured from a shell, and are their figures computed again as told?"""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from plurijudge.agents.judge import Judge
from plurijudge.agents.panel import FOLDER, load_panel, shipped_panels
from plurijudge.store.engine import Store
from plurijudge.store.personas import note_measured

from ..loopback import Loopback
from .conftest import Ended, Plurijudge

PLANTED = ("--model", "builtin/planted?quality=2")
GATES = ("within-variance ratio", "retest agreement", "own group among", "not moved by the label")


def pairs(n: int) -> list[dict[str, Any]]:
    """Items whose first response is the better one, and to be known by their question."""
    sides = [{"id": "a", "text": "It is."}, {"id": "b", "text": "It is, surely and beyond doubt."}]
    return [
        {
            "id": f"q{number:03d}",
            "prompt": f"Question ITEM-{number:03d}-END",
            "responses": sides,
            "gold": [{"preferred": "a"}],
            "meta": {"quality": {"a": 1.0, "b": 0.0}},
        }
        for number in range(n)
    ]


def labels(items: int, groups: tuple[str, ...], values: str = "aab") -> str:
    """People's labels as CSV: of each group three people, who differ from item to item."""
    lines = [
        f"q{number:03d},{group},{group}-{person},{values[(number * (place + 1) + person) % len(values)]}"
        for number in range(items)
        for place, group in enumerate(groups)
        for person in range(3)
    ]
    return "\n".join(["item,group,annotator,label", *lines]) + "\n"


@pytest.fixture
def court(plurijudge: Plurijudge) -> Plurijudge:
    """The command in a folder with eight pairs, and people's labels of them."""
    plurijudge.write("pairs.jsonl", pairs(8))
    plurijudge.write(
        "people/labels.csv", labels(8, ("accuracy", "Safety reviewer", "reviewers-3/usefulness", "others"))
    )
    return plurijudge


def commands(court: Plurijudge, kind: str) -> list[str]:
    """What the store says how analyses of a kind are computed again, without the program's name."""
    rows = court("query", f"SELECT command FROM analysis WHERE kind = '{kind}' ORDER BY id", "--json").json()  # noqa: S608
    return [row["command"].removeprefix("plurijudge ") for row in rows]


def told(done: Ended) -> Any:
    assert done.code == 0, done.err
    return done.json()


# Looking


def test_shipped_panels_are_listed_for_people_and_for_programs(court: Plurijudge) -> None:
    shown, document = court("panels", "list"), told(court("panels", "list", "--json"))
    assert [panel["id"] for panel in document["panels"]] == shipped_panels()
    for panel in document["panels"]:
        known = load_panel(panel["id"])
        assert panel["id"] in shown.out and panel["title"] in shown.out
        assert (panel["digest"], panel["quorum"]) == (known.digest, known.quorum)
        assert {one["id"]: one["digest"] for one in panel["personas"]} == {one.id: one.digest for one in known.personas}
    assert court("panels").code in (0, 2) and "fidelity" in court("panels", "--help").out


def test_a_panel_is_shown_with_whom_it_does_not_speak_for_and_a_persona_with_its_dossier(court: Plurijudge) -> None:
    panel = court("panels", "show", "reviewers-3")
    assert panel.code == 0 and "does not speak for: every culture" in panel.out
    assert all(name in panel.out for name in ("Accuracy reviewer", "Usefulness reviewer", "Safety reviewer"))
    persona = court("panels", "show", "reviewers-3/safety")
    dossier = yaml.safe_load(persona.out)
    assert dossier["id"] == "reviewers-3/safety" and len(dossier["criteria"]) == 4
    document = told(court("panels", "show", "reviewers-3/safety", "--json"))
    assert document.pop("digest") == load_panel("reviewers-3").personas[2].digest
    assert document == dossier
    assert told(court("panels", "show", "reviewers-3", "--json"))["id"] == "reviewers-3"


def test_the_words_of_a_personas_members_are_shown_as_they_are_drawn_for_an_item(court: Plurijudge) -> None:
    shown = court("panels", "show", "reviewers-3/safety", "--prompt")
    assert shown.out.count("== member ") == 3 and "You judge in one role" in shown.out
    words = [
        told(court("panels", "show", "d3-8/oceania", "--prompt", "--json", *more))["members"]
        for more in ((), ("--item", "q1"), ("--seed", "1"), ())
    ]
    assert words[0] == words[3] != words[1] and words[0] != words[2]
    assert len(set(words[0])) == len(words[0]) >= 3


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("show", "nobody"), "no persona `nobody`"),
        (("show", "d3-8/atlantis"), "no persona `d3-8/atlantis`"),
        (("show", "bytes.yaml"), "bytes.yaml cannot be read"),
        (("check", "nobody"), "no panel `nobody`"),
        (("check", "absent.yaml"), "no panel `absent.yaml`"),
        (("gate",), "A panel is needed"),
        (("gate", "--run", "last"), "a pair"),
        (("gate", "reviewers-3", "--run", "last", "--control", "last"), "a pair"),
        (("fidelity", "reviewers-3", "pairs.jsonl"), "needs people's labels"),
        (("fidelity", "--against", "people/labels.csv"), "needs the items"),
        (("fidelity", "reviewers-3", "--run", "last", "--against", "people/labels.csv"), "names its panel"),
        (("fidelity", "reviewers-3", "pairs.jsonl", "--against", "absent.csv"), "absent.csv cannot be read"),
        (("fidelity", "reviewers-3", "pairs.jsonl", "--against", "empty.jsonl"), "holds no label that can be used"),
        (("worth", "--baseline", "resampled"), "names no run"),
        (("worth",), "no store"),
    ],
)
def test_what_cannot_be_shown_or_measured_is_refused(court: Plurijudge, args: tuple[str, ...], message: str) -> None:
    court.write("bytes.yaml", b"\xba\xad")
    court.write("empty.jsonl", "\n")
    done = court("panels", *args)
    assert (done.code, done.out) == (2, "") and message.casefold() in done.err.casefold(), done.err


# Checking and beginning


def test_shipped_panels_hold_and_what_was_not_measured_is_said(court: Plurijudge) -> None:
    for name in shipped_panels():
        document = told(court("panels", "check", name, "--json"))
        assert [one["id"] for one in document["personas"]] == [one.id for one in load_panel(name).personas]
    shown = court("panels", "check", "reviewers-3")
    assert shown.code == 0 and "all of them: its competence is not measured" in shown.out
    assert not (court.folder / "plurijudge.db").exists()  # looking makes no store


def test_a_persona_of_adjectives_is_refused_and_every_missing_field_is_named(court: Plurijudge) -> None:
    persona = {"id": "nice/warm", "label": "Warm, wise and traditional people"}
    court.write("nice.yaml", yaml.safe_dump({"id": "nice", "version": "1", "title": "t", "personas": [persona]}))
    for command in (("panels", "check"), ("judge", "pairs.jsonl", "--panel")):
        done = court(*command, "nice.yaml")
        assert (done.code, done.out) == (2, "")
        assert "The persona `nice/warm` (nice.yaml) does not load: missing are" in done.err
        for field in ("scope", "sources", "commitments", "internal_positions", "guards", "provenance", "prompt"):
            assert f"`{field}`" in done.err


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        (
            "culture",
            ("label", "provenance.author", "scope.excludes", "sources", "commitments", "internal_positions"),
        ),
        ("role", ("label", "criteria", "provenance.author", "provenance.positionality")),
    ],
)
def test_a_new_panel_does_not_load_before_it_is_filled_in_and_is_never_written_over(
    court: Plurijudge, kind: str, missing: tuple[str, ...]
) -> None:
    made = court("panels", "new", "my own.yaml", "--kind", kind)
    assert (made.code, made.out) == (0, "") and "plurijudge panels check 'my own.yaml'" in made.err
    text = (court.folder / "my own.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["id"] == "my-own"
    checked = court("panels", "check", "my own.yaml")
    assert checked.code == 2 and "The persona `my-own/first` (my own.yaml) does not load" in checked.err
    assert all(f"`{field}`" in checked.err for field in missing), checked.err
    again = court("panels", "new", "my own.yaml", "--kind", "role")
    assert again.code == 2 and "is there already" in again.err
    assert (court.folder / "my own.yaml").read_text(encoding="utf-8") == text
    assert court("panels", "new", "absent/my.yaml").code == 2


def filled_in(court: Plurijudge) -> str:
    """The file of a panel of one role, begun by the command and filled in."""
    assert court("panels", "new", "mine.yaml", "--kind", "role").code == 0
    path = court.folder / "mine.yaml"
    text = (
        path.read_text(encoding="utf-8").replace("label:\n", "label: Reader\n").replace('speaks_for: ""', "quorum: 1")
    )
    text = text.replace("author:  ", "author: me #").replace("positionality:\n", "positionality: from here\n")
    text = text.replace("criteria: []", "criteria:").replace("# - {name: truth", "- {name: truth")
    path.write_text(text, encoding="utf-8")
    return path.name


def test_a_panel_that_was_filled_in_holds(court: Plurijudge) -> None:
    document = told(court("panels", "check", filled_in(court), "--json"))
    assert (document["panel"], [one["id"] for one in document["personas"]]) == ("mine", ["mine/first"])


# The gate


def test_the_gate_of_few_items_is_unknown_and_is_computed_again_by_the_command_that_it_prints(
    court: Plurijudge,
) -> None:
    done = court("panels", "gate", "reviewers-3", *PLANTED, "--limit", "6", "--quiet")
    assert done.code == 0, done.err
    last = done.out.strip().splitlines()[-1]
    assert "reviewers-3/safety: unknown: 6 items were judged in both; the gate needs 120" in done.out
    assert last.startswith("recompute: plurijudge panels gate --run r-")
    again = court(*last.removeprefix("recompute: plurijudge ").split())
    assert again.code == 0 and again.out == done.out
    document = told(court(*last.removeprefix("recompute: plurijudge ").split(), "--json"))
    assert [(one["persona"], one["lost"], one["accuracy"]["n"]) for one in document["personas"]] == [
        (f"reviewers-3/{name}", None, 6) for name in ("accuracy", "safety", "usefulness")
    ]
    assert len(set(commands(court, "persona_gate"))) == 1 and len(commands(court, "persona_gate")) == 3
    judge = document["personas"][0]["judge"]
    checked = told(court("panels", "check", "reviewers-3", "--json"))
    assert [list(one["measured"]["gate"]) for one in checked["personas"]] == [[judge]] * 3
    assert f"gate with judge {judge}: unknown" in court("panels", "check", "reviewers-3").out
    refused = court("judge", "pairs.jsonl", "--panel", "reviewers-3", *PLANTED, "--gate", "personas")
    assert refused.code == 2 and "is not known of reviewers-3/accuracy (unknown: 6 items" in refused.err


def test_a_gate_that_its_budget_stops_is_started_again_without_paying_twice(court: Plurijudge) -> None:
    args = ("panels", "gate", "reviewers-3", *PLANTED, "--items", "pairs.jsonl", "--limit", "3", "--quiet")
    ends = []
    for _ in range(5):
        done = court(*args, "--max-calls", "30")
        ends.append(done.code)
        if done.code != 3:
            break
        assert done.out == "" and "stopped: the limit of" in done.err and "not paid again" in done.err
    assert ends[0] == 3 and ends[-1] == 0 and len(ends) < 5
    paid = court("query", "SELECT count(*) AS n FROM call WHERE status = 'ok'", "--json").json()
    assert paid == [{"n": 3 * 2 * 3 + 3 * 2 * 9}]  # each item in either order: the judge thrice, three personas thrice


def test_who_lost_ability_has_no_vote_under_the_gate_and_a_changed_dossier_must_be_measured_anew(
    court: Plurijudge,
) -> None:
    text = (FOLDER / "reviewers-3.yaml").read_text(encoding="utf-8")
    court.write("mine.yaml", text)
    judged = ("judge", "pairs.jsonl", "--limit", "1", "--panel", "mine.yaml", *PLANTED, "--gate", "personas", "--quiet")
    before = court(*judged)
    assert before.code == 2 and f"plurijudge panels gate mine.yaml --model {PLANTED[1]}" in before.err
    assert told(court(*judged[:-3], "--json"))["status"] == "closed"  # without the gate all vote
    with Store.open(court.folder / "plurijudge.db") as store:
        for one in load_panel("reviewers-3").speakers(Judge(PLANTED[1])):
            lost = one.persona == "reviewers-3/safety"
            note_measured(store, one, gate={"lost": lost, "said": "as planted", "run": "r", "control": "c"})
    after = court(*judged, "--json")
    assert "no vote: reviewers-3/safety (lost ability: as planted)" in after.err
    [decision] = told(after)["decisions"]
    assert sorted(decision["panel"]["members"]) == ["reviewers-3/accuracy", "reviewers-3/usefulness"]
    assert decision["panel"]["kept_out"] == {"reviewers-3/safety": "lost ability: as planted"}
    other = court(*judged, "--quorum", "3")
    assert other.code == 2 and "its quorum is 3; kept out: reviewers-3/safety (lost ability" in other.err
    court.write("mine.yaml", text.replace("label: Accuracy reviewer", "label: Truth reviewer"))
    changed = court(*judged)
    assert changed.code == 2 and "is not known of reviewers-3/accuracy." in changed.err
    assert court(*judged, "--criteria", "Be brief.").code == 2  # another judge


# Fidelity


def test_fidelity_is_told_for_people_and_computed_again_from_its_runs(court: Plurijudge) -> None:
    args = ("panels", "fidelity", "reviewers-3", "pairs.jsonl", *PLANTED, "--against", "people/labels.csv", "--quiet")
    done = court(*args)
    assert done.code == 0, done.err
    assert "reviewers-3/accuracy beside accuracy, which is number" in done.out
    assert "reviewers-3/safety beside Safety reviewer" in done.out
    assert "nobody speaks for: others" in done.out and all(done.out.count(name) == 3 for name in GATES)
    [command] = commands(court, "persona_fidelity")
    again = court(*command.split())
    assert again.code == 0 and again.out == done.out
    document = told(court(*command.split(), "--json"))
    assert (document["items"], document["labels"], document["unread"]) == (8, ["a", "b"], 0)
    assert [one["group"] for one in document["personas"]] == ["accuracy", "Safety reviewer", "reviewers-3/usefulness"]
    assert set(document["runs"]) == {"panel", "retest", "shuffled"} and document["without_persona"] == ["others"]
    few = court("panels", "fidelity", "--run", document["runs"]["panel"], "--against", "people/labels.csv")
    assert few.code == 0 and few.out.count("unknown: retest agreement") == few.out.count("unknown: not moved") == 3
    wrong = court(*command.replace("--retest", "--again").replace("--shuffled", "--retest").split())
    assert wrong.code == 2
    runs = document["runs"]
    mixed = ("--run", runs["panel"], "--retest", runs["shuffled"], "--against", "people/labels.csv")
    refused = court("panels", "fidelity", *mixed)
    assert refused.code == 2 and "dossiers were told as `shuffled`" in refused.err


def test_single_responses_are_graded_on_the_scale_of_the_labels(court: Plurijudge) -> None:
    court.write("single.jsonl", [{**one, "responses": one["responses"][:1], "gold": []} for one in pairs(4)])
    court.write("grades.csv", labels(4, ("accuracy", "safety"), "0012") + "q000,accuracy,x,\n")
    args = ("panels", "fidelity", "reviewers-3", "single.jsonl", "--protocol", "score", "--quiet", "--json")
    done = court(*args, *PLANTED, "--against", "grades.csv")
    document = told(done)
    assert "set aside: grades.csv:26: `label`: is missing" in done.err
    assert (document["labels"], document["items"], document["unread"]) == (["0", "1", "2"], 4, 0)
    assert document["without_group"] == ["reviewers-3/usefulness"] and document["top3"]["estimate"] is None
    scores = court("query", "SELECT scores FROM verdict", "--json").json()
    assert all(0 <= json.loads(row["scores"])["a"] <= 2 for row in scores)


@pytest.mark.parametrize(
    ("content", "more", "message"),
    [
        ("q000,martians,x,a\n", (), "the groups are martians"),
        ("q000,accuracy,x,good\n", ("--protocol", "score"), "the label 'good' is no number"),
        ("q000,accuracy,x,good\n", ("--protocol", "score", "--scale", "0..1"), "the label 'good' is no number"),
        ("q000,accuracy,x,nan\n", ("--protocol", "score", "--scale", "0..1"), "the label 'nan' is no number"),
        ("q000,accuracy,x,1\n", ("--protocol", "score", "--scale", "low..high"), "`--scale low..high`"),
        ("q000,accuracy,x,1\n", ("--protocol", "score", "--scale", "1"), "`--scale 1`"),
        ("q000,accuracy,x,1\nq000,accuracy,y,1\n", ("--protocol", "score"), "All labels are 1"),
    ],
)
def test_labels_that_do_not_fit_are_refused_before_anything_is_paid_for(
    court: Plurijudge, content: str, more: tuple[str, ...], message: str
) -> None:
    court.write("odd.csv", "item,group,annotator,label\n" + content)
    done = court("panels", "fidelity", "reviewers-3", "pairs.jsonl", *PLANTED, "--against", "odd.csv", *more)
    assert done.code == 2 and message in done.err, done.err
    assert "calls" not in done.err and court("query", "SELECT id FROM run", "--json").code in (0, 2)
    assert not (court.folder / "plurijudge.db").exists()


ONLY_LABEL = r"(?s)^.*?(?=The role: )|(?<=reviewer\.).*?(?=ITEM-)|(?<=-END).*$"
NO_LABEL = r"The role: [A-Za-z ]+\.|==[0-9a-f]{24}=="


@pytest.mark.parametrize(("blind", "moved"), [(ONLY_LABEL, True), (NO_LABEL, False)])
def test_a_model_that_answers_by_the_label_alone_is_caught_by_the_swap_and_one_that_reads_the_dossier_is_not(
    court: Plurijudge, loopback: Loopback, blind: str, moved: bool
) -> None:
    court.write("many.jsonl", pairs(20))
    court.write("many.csv", labels(20, ("accuracy", "safety", "usefulness", "others")))
    loopback.script(blind=blind, answer="hash")
    args = ("panels", "fidelity", "reviewers-3", "many.jsonl", "--against", "many.csv", "--quiet")
    done = court(*args, "--model", "openai/m", "--base-url", loopback.base_url, OPENAI_API_KEY="k")
    assert done.code == 0, done.err
    assert done.out.count("FAILS: not moved by the label") == (3 if moved else 0), done.out
    assert done.out.count("holds: not moved by the label") == (0 if moved else 3), done.out
    assert done.out.count("holds: retest agreement at least 0.8") == 3
    assert loopback.stat()["received"] == 3 * 20 * 9  # neither the retest nor the swap is read from the cache


# Worth


def test_a_panel_is_held_against_its_baselines_and_it_is_computed_again_from_their_runs(court: Plurijudge) -> None:
    args = ("judge", "pairs.jsonl", "--limit", "4", "--panel", "reviewers-3", *PLANTED, "--baselines", "--quiet")
    done = court(*args)
    assert done.code == 0, done.err
    rivals = ["best member", "distribution", "labels", "one member in turn", "pluralist", "resampled", "shuffled"]
    assert all(name in done.out for name in rivals)
    [command] = commands(court, "panel_worth")
    again = court(*command.split())
    assert again.code == 0 and again.out == done.out
    document = told(court(*command.split(), "--json"))
    assert [one["name"] for one in document["against"]] == rivals and document["worth"] is False
    calls = {one["name"]: one["calls"] for one in document["against"]}
    own = document["calls"]
    assert own == 2 * 9 and calls["resampled"] == calls["pluralist"] == calls["labels"] == calls["shuffled"] == own
    assert (calls["distribution"], calls["best member"], calls["one member in turn"]) == (2, own / 3, own / 3)
    fewer = told(court("panels", "worth", "--run", document["run"], "--json"))
    assert [one["name"] for one in fewer["against"]] == ["best member", "one member in turn"]
    assert len(commands(court, "panel_worth")) == 4


def test_without_gold_what_a_panel_is_worth_is_unknown_and_a_run_without_a_panel_is_refused(court: Plurijudge) -> None:
    court.write("bare.jsonl", [{**one, "gold": []} for one in pairs(2)])
    assert court("judge", "bare.jsonl", "--panel", "reviewers-3", *PLANTED, "--quiet").code == 0
    document = told(court("panels", "worth", "--json"))
    assert (document["worth"], document["accuracy"]["reason"]) == (None, "no item has gold")
    assert document["said"].endswith("no item has gold.")
    assert court("judge", "pairs.jsonl", *PLANTED, "--quiet").code == 0
    refused = court("panels", "worth", "--run", "last")
    assert refused.code == 2 and "No panel judged the run" in refused.err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--baselines",), "`--baselines` is about a panel"),
        (("--panel", "reviewers-3", "--baselines", "--adaptive"), "leave out --assignment cyclic and --adaptive"),
        (("--panel", "reviewers-3", "--baselines", "--assignment", "cyclic"), "leave out --assignment cyclic"),
        (("--panel", "reviewers-3", "--baselines", "--dossiers", "blind"), "leave out --until, --gate and --dossiers"),
        (("--panel", "reviewers-3", "--baselines", "--judge", "own:longer"), "by a model"),
    ],
)
def test_baselines_that_could_not_be_compared_are_refused(
    court: Plurijudge, args: tuple[str, ...], message: str
) -> None:
    done = court("judge", "pairs.jsonl", *args)
    assert done.code == 2 and message in done.err + done.out, done.err


def test_baselines_that_a_budget_stops_are_started_again(court: Plurijudge) -> None:
    args = ("judge", "pairs.jsonl", "--limit", "2", "--panel", "reviewers-3", *PLANTED, "--baselines", "--quiet")
    stopped = court(*args, "--max-calls", "40")
    assert stopped.code == 3 and stopped.out == "" and "not paid again" in stopped.err
    assert court(*args).code == 0
    paid = court("query", "SELECT count(*) AS n FROM call WHERE status = 'ok'", "--json").json()
    assert paid == [{"n": 2 * 2 * (9 + 9 + 9 + 1 + 9 + 9)}]

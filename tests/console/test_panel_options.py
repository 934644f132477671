"""Do the options of a panel hold together, and does a command say who judges before it does?"""

from __future__ import annotations

import pytest
import yaml

from plurijudge.agents.judge import Judge
from plurijudge.agents.panel import load_panel
from plurijudge.store.engine import Store
from plurijudge.store.personas import note_measured

from .conftest import Plurijudge

NEEDS_A_PANEL = [
    ("--rule", "maxmin"),
    ("--quorum", "2"),
    ("--assignment", "cyclic"),
    ("--adaptive",),
    ("--allow-unmeasured",),
    ("--weights", "last"),
    ("--gate", "personas"),
    ("--baselines",),
]


def role(name: str, status: str = "reviewed") -> dict[str, object]:
    return {
        **{"id": f"mine/{name}", "kind": "role", "version": "1", "label": f"The {name}", "status": status},
        "criteria": [{"name": "truth", "question": "Is it true?"}],
        "prompt": {"template_id": "persona/role", "language": "en", "n_members": 3},
        "guards": {"may_abstain": True},
        "provenance": {"author": "tests", "positionality": "none", "reviews": [], "changelog": ["1: first"]},
    }


@pytest.fixture
def court(plurijudge: Plurijudge) -> Plurijudge:
    """The command in a folder with two panels of one's own, a member of one retired."""
    personas = [role("reader"), role("writer"), role("editor"), role("critic", "retired")]
    for name, seated in (("mine", personas), ("three", personas[:3])):
        panel = {"id": name, "version": "1", "title": name, "rule": "majority", "quorum": 2, "personas": seated}
        plurijudge.write(f"{name}.yaml", yaml.safe_dump(panel, sort_keys=False))
    return plurijudge


@pytest.mark.parametrize("option", NEEDS_A_PANEL, ids=[option[0] for option in NEEDS_A_PANEL])
def test_an_option_of_panels_without_one_is_refused_with_the_way_out(
    plurijudge: Plurijudge, option: tuple[str, ...]
) -> None:
    done = plurijudge("judge", "items.jsonl", *option)
    assert done.code == 2
    assert option[0] in done.err and "about a panel" in done.err and "--panel d3-8" in done.err
    assert not list(plurijudge.folder.glob("*.db*"))


UNKNOWN = "Whether this judge loses ability is not known of"


def test_a_gate_of_personas_without_measurements_is_refused_with_the_command_that_measures(court: Plurijudge) -> None:
    assert court("judge", "items.jsonl", "--quiet").code == 0  # so that there is a store
    done = court("judge", "items.jsonl", "--panel", "reviewers-3", "--gate", "personas")
    assert done.code == 2
    for words in (UNKNOWN, "reviewers-3/accuracy", "reviewers-3/safety", "reviewers-3/usefulness"):
        assert words in done.err
    assert "plurijudge panels gate reviewers-3 --model builtin/heuristic" in done.err
    assert len(court("runs", "--json").json()) == 1


def measured(court: Plurijudge, lost: dict[str, bool | None]) -> None:
    """Write what a gate would have found of the panel's personas, as the heuristic speaks them."""
    panel = load_panel(str(court.folder / "three.yaml"))
    with Store.open(court.folder / "plurijudge.db") as store:
        for speaker in panel.seated().speakers(Judge("builtin/heuristic")):
            found = lost[speaker.persona]
            note_measured(store, speaker, gate={"lost": found, "said": f"told of {speaker.persona}", "run": "r"})


def test_personas_that_lost_ability_have_no_vote_and_a_rule_may_be_a_gate_beside(court: Plurijudge) -> None:
    two = court("judge", "items.jsonl", "--panel", "three.yaml", "--gate", "m1>m2, m2>m1")
    assert two.code == 2 and "takes one rule, beside `personas`" in two.err
    assert court("judge", "items.jsonl", "--panel", "three.yaml", "--quiet").code == 0
    measured(court, {"mine/reader": False, "mine/writer": True, "mine/editor": None})
    unsure = court("judge", "items.jsonl", "--panel", "three.yaml", "--gate", "personas")
    assert unsure.code == 2 and f"{UNKNOWN} mine/editor (told of mine/editor)." in unsure.err
    measured(court, {"mine/reader": False, "mine/writer": True, "mine/editor": False})
    for gate in ("personas, m1>m2", "m1>m2,personas"):
        both = court("judge", "items.jsonl", "--panel", "three.yaml", "--gate", gate, "--json")
        assert both.code in (0, 4) and "gate" in both.err and "m1>m2" in both.err, both.err
        assert "no vote: mine/writer (lost ability: told of mine/writer)" in both.err
        assert both.json()["plan"]["plan"]["gate"] == "m1>m2"
        told = [set(decision["panel"]["members"]) for decision in both.json()["decisions"]]
        assert told == [{"mine/reader", "mine/editor"}] * 3
    other = court("judge", "items.jsonl", "--panel", "three.yaml", "--gate", "personas", "--criteria", "brevity")
    assert other.code == 2 and UNKNOWN in other.err  # another judge: nothing is known of it


def test_a_dry_run_counts_the_calls_of_every_voice(court: Plurijudge) -> None:
    def calls(*options: str) -> int:
        done = court("judge", "items.jsonl", "--dry-run", "--json", *options)
        assert done.code == 0, done.err
        return int(done.json()["calls"])

    assert calls() == 3 * 2
    assert calls("--panel", "d3-8") == 3 * 2 * 8 * 3
    assert calls("--panel", "reviewers-3", "--samples", "2") == 3 * 2 * 3 * 3 * 2
    assert calls("--panel", "reviewers-3", "--assignment", "cyclic") == 3 * 2 * 3
    assert calls("--panel", "mine.yaml") == 3 * 2 * 3 * 3  # the retired one is not asked
    assert calls("--panel", "reviewers-3", "--presentations", "random", "--limit", "1") == 9
    assert not list(court.folder.glob("*.db*"))


def test_the_tokens_of_a_dry_run_grow_with_what_is_told_of_personas(court: Plurijudge) -> None:
    def tokens(*options: str) -> float:
        told = court("judge", "items.jsonl", "--dry-run", "--json", *options).json()
        return float(told["tokens_in"]) / int(told["calls"])

    assert tokens() < tokens("--panel", "d3-8", "--dossiers", "labels") < tokens("--panel", "d3-8")


def test_who_may_not_vote_is_named_on_standard_error(court: Plurijudge) -> None:
    done = court("judge", "items.jsonl", "--panel", "mine.yaml", "--json")
    assert done.code == 0, done.err
    assert "panel mine: majority of 3 members, quorum 2" in done.err
    assert "no vote: mine/critic (retired)" in done.err
    decisions = done.json()["decisions"]
    assert [set(decision["panel"]["members"]) for decision in decisions] == [
        {"mine/reader", "mine/writer", "mine/editor"}
    ] * 3
    assert all(decision["panel"]["kept_out"] == {"mine/critic": "retired"} for decision in decisions)
    assert "no vote: mine/critic (retired)" in court("show", "last").out


def test_too_few_who_may_vote_is_refused_with_their_reasons(court: Plurijudge) -> None:
    done = court("judge", "items.jsonl", "--panel", "mine.yaml", "--quorum", "4")
    assert done.code == 2
    assert "3 of the panel's members may vote, its quorum is 4" in done.err and "mine/critic (retired)" in done.err
    assert "a smaller quorum" in done.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--rule", "weighted"), "needs the members' weights"),
        (("--adaptive", "--assignment", "cyclic"), "has nothing to leave out"),
        (("--adaptive", "--rule", "maxmin"), "the last member can always change the outcome"),
        (("--adaptive", "--rule", "veto"), "the last member can always change the outcome"),
    ],
)
def test_options_that_do_not_fit_each_other_are_refused(
    court: Plurijudge, options: tuple[str, ...], words: str
) -> None:
    done = court("judge", "items.jsonl", "--panel", "mine.yaml", *options)
    assert done.code == 2 and words in done.err, done.err


def test_options_replace_what_the_panel_s_file_says(court: Plurijudge) -> None:
    options = ("--rule", "mean", "--quorum", "3", "--adaptive")
    done = court("judge", "items.jsonl", "--panel", "mine.yaml", *options, "--json")
    assert done.code == 0, done.err
    assert {decision["rule"] for decision in done.json()["decisions"]} == {
        "mean of 3 members, quorum 3, asked while the outcome is open"
    }


def test_a_panel_that_there_is_not_is_refused_with_those_there_are(court: Plurijudge) -> None:
    done = court("judge", "items.jsonl", "--panel", "d3-9")
    assert done.code == 2
    assert "There is no panel `d3-9`" in done.err and "crehate-5, d3-8, reviewers-3" in done.err


def test_a_function_of_one_s_own_takes_no_panel_of_personas(court: Plurijudge) -> None:
    done = court("judge", "items.jsonl", "--judge", "own:longer", "--panel", "reviewers-3")
    assert done.code == 2 and "not told of personas" in done.err

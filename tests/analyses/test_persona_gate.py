"""Is a persona that costs a judge its ability found and kept from voting, and are the others let through?"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from sqlalchemy import select

from plurijudge.analyses.persona_gate import Gate, PersonaGate, kept_out, persona_gate, save
from plurijudge.metrics.competence import ITEMS
from plurijudge.store.engine import Store
from plurijudge.store.personas import Speaker, measured_of
from plurijudge.store.records import Gold
from plurijudge.store.rows import label_row
from plurijudge.store.tables import metadata
from plurijudge.text.errors import BadInput, BadPanel, NotFound

from .test_panel_votes import Court

T = metadata.tables
CALM, KEEN, SILENT = "p/calm", "p/keen", "p/silent"


def held(store: Store) -> Court:
    """A court with a run of a panel, and one of the same judge without."""
    made = Court(store)
    made.run("with", panel="p")
    made.run("without", panel="")
    return made


@pytest.fixture
def court(tmp_path: Path) -> Iterator[Court]:
    """A court with a run of a panel, and one of the same judge without."""
    with Store.open(tmp_path / "court.db", create=True) as store:
        yield held(store)


def planted(court: Court, items: int = 144, *, quiet: float = 0.3) -> None:
    """A judge is right on nine items of ten; as one persona it abstains on a share of them, as another it errs anew."""
    draws = random.Random(7)
    for number in range(items):
        gold = draws.choice("ab")
        wrong = "b" if gold == "a" else "a"
        own, anew = (gold if draws.random() < 0.9 else wrong for _ in range(2))
        said = {CALM: own, KEEN: anew, SILENT: "abstained" if number < quiet * items else own}
        item = court.item(gold)
        court.decide(item, own, run="without")
        court.decide(item, own, said, run="with")


def measured(court: Court, people: Sequence[Speaker], *, at_least: int = ITEMS) -> PersonaGate:
    return persona_gate(court.store, people, "with", "without", at_least=at_least)


def by_name(found: PersonaGate) -> Mapping[str, Gate]:
    return {gate.speaker.persona: gate for gate in found.gates}


def test_the_persona_that_abstains_on_three_items_of_ten_is_lost_and_the_others_are_not(store: Store) -> None:
    court = held(store)
    people = court.people(SILENT, CALM, KEEN)
    planted(court)
    found = measured(court, people)
    assert [gate.speaker.persona for gate in found.gates] == [CALM, KEEN, SILENT]
    told = by_name(found)
    assert {name: gate.found.lost for name, gate in told.items()} == {CALM: False, KEEN: False, SILENT: True}
    silent = told[SILENT].found
    assert silent.abstention.estimate == pytest.approx(44 / 144) and silent.accuracy.n == 144
    assert (silent.gained, silent.p_loss < 1e-9) == (0, True)
    assert silent.silent_errors.estimate is not None and silent.silent_errors.estimate > 0.6
    assert silent.accuracy.estimate is not None and silent.control_accuracy.estimate is not None
    change = silent.accuracy.estimate / silent.control_accuracy.estimate - 1
    assert silent.relative_change.estimate == pytest.approx(change)
    assert told[SILENT].said.startswith(f"lost ability: {100 * change:+.0f} % of its accuracy, p = ")
    calm = told[CALM].found
    assert (calm.relative_change.estimate, calm.gained, calm.dropped, calm.abstention.estimate) == (0, 0, 0, 0)
    assert told[CALM].said.startswith("no loss found: +0 % of its accuracy, p = 1")
    assert told[KEEN].found.gained > 0 < told[KEEN].found.dropped
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [(one["persona"], one["judge"], one["lost"]) for one in document["personas"]] == [
        (CALM, "j", False),
        (KEEN, "j", False),
        (SILENT, "j", True),
    ]


def test_a_failed_vote_is_no_answer_a_tie_is_right_where_gold_says_so_and_half_a_flip_is_not(court: Court) -> None:
    people = court.people(CALM)
    table: list[tuple[str | list[str] | None, str]] = [
        ("a", "a"),
        ("a", "failed"),
        ("a", "tie"),
        ("a", "flipped"),
        (["tie", "b"], "tie"),
        ("b", "a"),
        (None, "a"),
    ]
    for gold, said in table:
        item = court.item(gold)
        court.decide(item, "a", run="without")
        court.decide(item, "a", {CALM: said}, run="with")
    [gate] = measured(court, people, at_least=1).gates
    assert gate.found.accuracy.estimate == pytest.approx(2 / 6) and gate.found.accuracy.n == 6
    assert gate.found.abstention.estimate == pytest.approx(1 / 6)
    assert gate.found.control_accuracy.estimate == pytest.approx(4 / 6)


def test_an_answer_that_half_of_the_annotators_accept_is_right_and_one_that_fewer_accept_is_not(court: Court) -> None:
    people = court.people(CALM, KEEN)
    item = court.item("a")
    for annotator, preferred in (("h2", "b"), ("h3", "tie"), ("h4", "b")):
        made = Gold(annotator=annotator, preferred=preferred)
        court.put("label", label_row(made, dataset="d", item=item, source=""))
    court.decide(item, "b", run="without")
    court.decide(item, "b", {CALM: "b", KEEN: "a"}, run="with")
    told = by_name(measured(court, people, at_least=1))
    assert {name: gate.found.accuracy.estimate for name, gate in told.items()} == {CALM: 1.0, KEEN: 0.0}


def test_items_that_one_of_the_runs_did_not_decide_are_left_out(court: Court) -> None:
    people = court.people(CALM)
    for number in range(6):
        item = court.item()
        if number != 0:
            court.decide(item, "a", run="without")
        if number != 1:
            court.decide(item, "a", {CALM: "a"} if number != 2 else {"p/other": "a"}, run="with")
    [gate] = measured(court, people, at_least=3).gates
    assert (gate.found.accuracy.n, gate.found.accuracy.left_out, gate.found.lost) == (3, 3, False)


def test_too_few_anchors_tell_nothing_and_nobody_is_let_through_by_them(court: Court) -> None:
    people = court.people(CALM, SILENT, KEEN)
    planted(court, 119)
    found = measured(court, people)
    assert [gate.found.lost for gate in found.gates] == [None] * 3
    assert found.gates[0].said == f"unknown: 119 items were judged in both; the gate needs {ITEMS}"
    save(court.store, found, command="c")
    with pytest.raises(BadPanel, match=r"not known of p/calm \(unknown: 119 items"):
        kept_out(court.store, people, way_out="w")


def test_what_is_saved_stands_in_rows_and_beside_each_dossier_by_judge(store: Store) -> None:
    court = held(store)
    people = court.people(CALM, SILENT, KEEN)
    planted(court)
    found = measured(court, people)
    save(court.store, found, command="plurijudge panels gate --run with --control without")
    with court.store.engine.connect() as connection:
        [analysis] = connection.execute(select(T["analysis"])).mappings()
        rows = connection.execute(select(T["persona_gate"])).mappings().all()
    assert (analysis["kind"], json.loads(analysis["runs"])) == ("persona_gate", ["with", "without"])
    assert analysis["command"].endswith("--run with --control without")
    told = {(row["persona"], row["measure"]): row for row in rows}
    assert len(rows) == len(told) == 3 * 5
    assert {name: told[name, "accuracy"]["lost"] for name in (CALM, KEEN, SILENT)} == {CALM: 0, KEEN: 0, SILENT: 1}
    row = told[SILENT, "abstention"]
    assert row["estimate"] == pytest.approx(44 / 144) and row["n"] == 144 and row["analysis"] == analysis["id"]
    assert (row["judge"], row["against"], row["panel"], row["digest"]) == ("j", "without", "p", f"dossier of {SILENT}")
    assert row["p_value"] == by_name(found)[SILENT].found.p_loss
    noted = measured_of(court.store, [(one.persona, one.digest) for one in people])
    assert noted[SILENT] == {
        "gate": {"j": {"lost": True, "said": by_name(found)[SILENT].said, "run": "with", "control": "without"}}
    }
    assert noted[CALM]["gate"]["j"]["lost"] is False


def test_another_judge_is_another_measurement_beside_the_first(court: Court) -> None:
    people = court.people(CALM, SILENT, KEEN)
    planted(court)
    save(court.store, measured(court, people), command="c")
    others = [one._replace(judge="k") for one in people]
    court.run("with-k", panel="p", judge="k")
    court.run("without-k", panel="", judge="k")
    for number in range(144):
        court.decide(f"q{number:03d}", "a", run="without-k")
        court.decide(f"q{number:03d}", "a", dict.fromkeys((CALM, SILENT, KEEN), "a"), run="with-k")
    with pytest.raises(BadPanel, match="not known of p/calm, p/silent, p/keen"):
        kept_out(court.store, others, way_out="w")
    save(court.store, persona_gate(court.store, others, "with-k", "without-k"), command="c")
    noted = measured_of(court.store, [(SILENT, f"dossier of {SILENT}")])[SILENT]["gate"]
    assert {judge: told["lost"] for judge, told in noted.items()} == {"j": True, "k": False}
    assert kept_out(court.store, others, way_out="w") == {} and list(kept_out(court.store, people, way_out="w")) == [
        SILENT
    ]


def test_who_lost_ability_is_kept_out_by_id_with_what_was_found(court: Court) -> None:
    people = court.people(CALM, SILENT, KEEN)
    planted(court)
    with pytest.raises(BadPanel, match="not known of p/calm, p/silent, p/keen") as refused:
        kept_out(court.store, people, way_out="plurijudge panels gate p")
    assert refused.value.way_out == "plurijudge panels gate p"
    found = measured(court, people)
    save(court.store, found, command="c")
    assert kept_out(court.store, people, way_out="w") == {SILENT: by_name(found)[SILENT].said}


def test_a_changed_dossier_is_not_known_of(court: Court) -> None:
    people = court.people(CALM, SILENT, KEEN)
    planted(court)
    save(court.store, measured(court, people), command="c")
    changed = [one._replace(digest="another") if one.persona == KEEN else one for one in people]
    with pytest.raises(BadPanel, match=r"not known of p/keen\."):
        kept_out(court.store, changed, way_out="w")
    row = {"id": KEEN, "digest": "another", "kind": "culture", "status": "draft"}
    court.put("persona", row)  # judged with since, and not measured
    with pytest.raises(BadPanel, match=r"not known of p/keen\."):
        kept_out(court.store, changed, way_out="w")


def test_a_persona_that_a_model_of_its_own_speaks_is_not_held_against_another_model(court: Court) -> None:
    people = court.people(CALM, SILENT, KEEN)
    planted(court)
    own = [one._replace(judge="k") if one.persona == SILENT else one for one in people]
    assert [gate.speaker.persona for gate in measured(court, own).gates] == [CALM, KEEN]


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (("begun", "without"), "The run begun is still open"),
        (("with", "hanging"), "The run hanging is still open"),
        (("without", "without"), "a run of the panel and one without"),
        (("with", "with"), "a run of the panel and one without"),
        (("with", "elsewhere"), "on the same items"),
        (("with", "stranger"), "different judges"),
        (("swapped", "without"), "told as `shuffled`"),
    ],
)
def test_open_runs_and_wrong_pairs_are_refused(court: Court, pair: tuple[str, str], message: str) -> None:
    people = court.people(CALM)
    court.put("dataset", {"id": "e", "name": "another"})
    court.run("begun", status="open")
    court.run("hanging", panel="", status="open")
    court.run("elsewhere", panel="", dataset="e")
    court.run("stranger", panel="", judge="k")
    court.run("swapped", plan={"dossiers": "shuffled"})
    with pytest.raises(BadInput, match=message):
        persona_gate(court.store, people, *pair)
    with pytest.raises(NotFound):
        persona_gate(court.store, people, "with", "nowhere")

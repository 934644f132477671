"""Do the members of a persona show how far its people lie apart, and does the text say what the dossier says?"""

from __future__ import annotations

import copy
import re
from collections import Counter
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pytest

from plurijudge.agents.panel import load_panel, shipped_panels, shipped_persona
from plurijudge.agents.persona import Culture, Persona, Role
from plurijudge.agents.voice import Voice, voice_of
from plurijudge.text.errors import BadPrompt

BASE = shipped_persona("d3-8/oceania").told
PERSONAS = [persona for name in shipped_panels() for persona in load_panel(name).personas]
CULTURES = [persona for persona in PERSONAS if persona.kind == "culture"]
ITEMS = [f"q{number}" for number in range(400)]


def persona(**changes: Any) -> Persona:
    return Persona({**copy.deepcopy(BASE), **changes})


def positions(*weights: float | None) -> list[dict[str, Any]]:
    return [
        {"name": f"position {number}", "view": f"View {number}.", "weight": weight, "weight_basis": "survey"}
        for number, weight in enumerate(weights)
    ]


def asked(**changes: Any) -> dict[str, Any]:
    return {**BASE["prompt"], **changes}


def members(one: Persona, item: str = "q1", **given: Any) -> list[Voice]:
    return [voice_of(one, **{"seed": 1, **given}, item=item, member=member) for member in range(one.members)]


def marks(voice: Voice) -> dict[str, float]:
    [told] = re.findall(r"own marks, drawn from the spread above: (.*)\.\n", voice.text)
    return {name: float(value) for name, value in (mark.rsplit(" ", 1) for mark in told.split(", "))}


# Positions


@pytest.mark.parametrize("weights", [(None,) * 4, (None, 3, 1, 1), (2, 2, 2, 2), (0, 0, 0, 0)], ids=str)
@pytest.mark.parametrize("count", [3, 4, 8, 9])
def test_members_are_spread_evenly_where_weights_are_alike_or_unknown(weights: Any, count: int) -> None:
    one = persona(internal_positions=positions(*weights), prompt=asked(n_members=count))
    for item in ITEMS[:100]:
        held = Counter(voice.position for voice in members(one, item))
        assert all(count // 4 <= held[f"position {number}"] <= -(-count // 4) for number in range(4))


@pytest.mark.parametrize("one", CULTURES, ids=[one.id for one in CULTURES])
def test_three_members_of_a_shipped_persona_hold_three_positions(one: Persona) -> None:
    for item in ITEMS[:30]:
        assert len({voice.position for voice in members(one, item)}) == 3


def test_over_many_items_each_position_is_held_as_often_as_its_weight_says() -> None:
    weights = (0.5, 0.3, 0.15, 0.05)
    one = persona(internal_positions=positions(*weights))
    held = Counter(voice.position for item in ITEMS for voice in members(one, item))
    for number, weight in enumerate(weights):
        drawn = held[f"position {number}"] / (3 * len(ITEMS))
        assert drawn == pytest.approx(weight, abs=0.025)  # independent draws: 3 standard errors are 0.043 at a half


def test_within_one_item_no_position_is_held_one_time_more_or_less_than_its_weight_says() -> None:
    weights = (0.5, 0.3, 0.15, 0.05)
    one = persona(internal_positions=positions(*weights), prompt=asked(n_members=10))
    for item in ITEMS[:100]:
        held = Counter(voice.position for voice in members(one, item))
        assert all(abs(held[f"position {number}"] - 10 * weight) < 1 for number, weight in enumerate(weights))


def test_a_position_of_no_weight_is_held_by_nobody_but_named_as_another() -> None:
    one = persona(internal_positions=positions(1, 0, 1))
    for item in ITEMS[:50]:
        for voice in members(one, item):
            assert voice.position != "position 1" and "position 1" in voice.text


def test_over_many_items_each_member_holds_each_position() -> None:
    one = persona(internal_positions=positions(None, None, None))
    for place in range(3):
        held = Counter(voice_of(one, seed=1, item=item, member=place).position for item in ITEMS)
        assert len(held) == 3 and min(held.values()) > len(ITEMS) / 3 - 40  # four standard errors


def test_members_past_the_first_round_are_spread_anew() -> None:
    one = persona(internal_positions=positions(None, None, None))
    same = 0
    for item in ITEMS[:60]:
        first, second = (
            [voice_of(one, seed=1, item=item, member=member).position for member in turn]
            for turn in (range(3), range(3, 6))
        )
        assert set(first) == set(second) == {"position 0", "position 1", "position 2"}
        same += first == second
    assert same < 30  # by chance a sixth


def test_the_text_holds_the_members_position_and_the_others_as_others() -> None:
    for one in CULTURES:
        assert isinstance(one.dossier, Culture)
        known = {position.name: position.view for position in one.dossier.internal_positions}
        for voice in members(one):
            [held] = re.findall(r"holds this position within the group: (.*)", voice.text)
            [others] = re.findall(r"Others within the group hold otherwise: (.*)\.", voice.text)
            assert held == f"{voice.position}. {known[voice.position]}"
            assert others == "; ".join(name for name in known if name != voice.position)


# Whose draws are whose


def test_the_same_member_says_the_same_whenever_it_is_asked() -> None:
    """Nothing but seed, item, member and dossier decides: both presentations of an item have the same members."""
    for one in PERSONAS:
        assert members(one) == members(Persona(one.told))


def test_another_item_seed_or_dossier_has_other_members() -> None:
    one = persona()
    of_items = {tuple(voice.text for voice in members(one, item)) for item in ITEMS[:50]}
    of_seeds = {tuple(voice.text for voice in members(one, seed=seed)) for seed in range(50)}
    assert len(of_items) == len(of_seeds) == 50
    other = persona(version="2")
    assert [marks(voice) for voice in members(one)] != [marks(voice) for voice in members(other)]


def test_the_members_of_an_item_differ() -> None:
    for one in PERSONAS:
        assert len({voice.text for voice in members(one)}) == one.members


# Marks


@pytest.mark.parametrize("count", [3, 5])
def test_each_dimensions_marks_fall_one_into_each_equal_part_of_its_spread(count: int) -> None:
    one = persona(prompt=asked(n_members=count))
    assert isinstance(one.dossier, Culture)
    for item in ITEMS[:60]:
        told = [marks(voice) for voice in members(one, item)]
        for dim in one.dossier.value_dims:
            spread = NormalDist(dim.mean, dim.sd)
            edges = [spread.inv_cdf(part / count) for part in range(1, count)]
            values = sorted(each[dim.dim] for each in told)
            for place, edge in enumerate(edges):
                assert values[place] <= edge + 0.05 and values[place + 1] >= min(edge, 5) - 0.05


def test_marks_of_two_dimensions_do_not_go_together() -> None:
    """Who is high on one is not high on the next: nothing was measured of how they go together."""
    one = persona()
    told = [marks(voice) for item in ITEMS for voice in members(one, item)]
    care, purity = ([each[name] for each in told] for name in ("care", "purity"))
    mean, other = sum(care) / len(care), sum(purity) / len(purity)
    moment = sum((a - mean) * (b - other) for a, b in zip(care, purity, strict=True))
    spread = (sum((a - mean) ** 2 for a in care) * sum((b - other) ** 2 for b in purity)) ** 0.5
    assert abs(moment / spread) < 0.12


def test_over_many_items_marks_have_the_measured_mean_and_spread() -> None:
    dims = [
        {"framework": "other", "dim": name, "scale": [-100, 100], "mean": mean, "sd": sd, "n": 99, "source_id": "mfq2"}
        for name, mean, sd in (("first", 3.0, 10.0), ("second", -20.0, 4.0))
    ]
    one = persona(value_dims=dims)
    told = [marks(voice) for item in ITEMS for voice in members(one, item)]
    for name, mean, sd in (("first", 3.0, 10.0), ("second", -20.0, 4.0)):
        values = [each[name] for each in told]
        centre = sum(values) / len(values)
        assert centre == pytest.approx(mean, abs=0.05 * sd)
        assert (sum((value - centre) ** 2 for value in values) / len(values)) ** 0.5 == pytest.approx(sd, rel=0.05)


def test_no_mark_lies_outside_its_scale() -> None:
    dims = [{**dim, "mean": 4.9, "sd": 3.0} for dim in BASE["value_dims"]]
    one = persona(value_dims=dims)
    values = [value for item in ITEMS[:50] for voice in members(one, item) for value in marks(voice).values()]
    assert min(values) >= 1 and max(values) == 5


def test_an_unmeasured_persona_has_no_marks() -> None:
    for voice in members(shipped_persona("crehate-5/south-africa")):
        assert "own marks" not in voice.text and "Measured values" not in voice.text and voice.position


# What is told


def test_what_is_held_against_each_claim_and_whom_it_does_not_speak_for_is_in_the_text() -> None:
    for one in CULTURES:
        assert isinstance(one.dossier, Culture)
        for voice in members(one):
            for claim in one.dossier.commitments:
                assert claim.claim in voice.text and f"Against it: {claim.counter_position}" in voice.text
            assert all(excluded in voice.text for excluded in one.dossier.scope.excludes)


def test_a_measured_value_is_told_with_its_spread_its_count_and_that_of_all() -> None:
    dim = {
        "framework": "MFQ-2",
        "dim": "care",
        "scale": [1, 5],
        "mean": 3.84,
        "sd": 0.96,
        "n": 517,
        "source_id": "mfq2",
    }
    one = persona(value_dims=[{**dim, "global_mean": 4.04}, {**dim, "dim": "purity", "mean": 2, "sd": 1.5, "n": 30}])
    text = members(one)[0].text
    told = "- care (MFQ-2): mean 3.84 on a scale from 1 to 5, standard deviation 0.96 among 517 people"
    assert f"{told}; over all groups measured 4.04\n" in text
    assert "- purity (MFQ-2): mean 2 on a scale from 1 to 5, standard deviation 1.5 among 30 people\n" in text


def test_a_claim_is_told_with_how_firmly_it_is_held() -> None:
    claims = [
        {"claim": "One.", "strength": "core", "support": 0.834, "source_id": "mfq2"},
        {"claim": "Two.", "strength": "common", "counter_position": "Not two.", "source_id": "mfq2"},
        {"claim": "Three.", "strength": "contested", "source_id": "mfq2"},
    ]
    text = members(persona(commitments=claims))[0].text
    assert "- One. (held widely, by 83 % where it was asked)\n" in text
    assert "- Two. (held by many) Against it: Not two.\n" in text
    assert "- Three. (disputed within)\n" in text


def test_abstaining_is_offered_in_every_voice() -> None:
    for one in PERSONAS:
        for dossiers in ("own", "blind", "labels"):
            assert all(
                "say `abstain`" in " ".join(voice.text.split()).lower() for voice in members(one, dossiers=dossiers)
            )


def test_answers_that_are_held_out_are_never_shown() -> None:
    exemplars = [
        {"question": f"Question {split}?", "answer": f"Answer {split}.", "source_id": "mfq2", "split": split}
        for split in ("dev", "heldout")
    ]
    one = persona(exemplars=exemplars)
    for dossiers in ("own", "blind", "shuffled"):
        for voice in members(one, dossiers=dossiers, label="Others"):
            assert "- Question dev? Answer dev.\n" in voice.text and "heldout" not in voice.text
    assert all("Question" not in voice.text for voice in members(one, dossiers="labels"))


# Labels and dossiers apart


@pytest.mark.parametrize("one", CULTURES, ids=[one.id for one in CULTURES])
def test_a_label_stands_there_once_and_blind_leaves_out_it_and_nothing_else(one: Persona) -> None:
    for own, blind in zip(members(one), members(one, dossiers="blind"), strict=True):
        assert f"The group: {one.label} (" in own.text and "The group:" not in blind.text
        assert one.label not in blind.text and own.position == blind.position
        assert own.text.partition("\n")[2] == blind.text.partition("\n")[2]


@pytest.mark.parametrize("one", PERSONAS, ids=[one.id for one in PERSONAS])
def test_labels_alone_leave_out_all_of_the_dossier(one: Persona) -> None:
    [text] = {voice.text for voice in members(one, dossiers="labels")}
    assert one.label in text
    if isinstance(one.dossier, Culture):
        told = [part.claim for part in one.dossier.commitments] + one.dossier.scope.excludes
        told += [part.name for part in one.dossier.internal_positions] + [
            "Measured values",
            "own marks",
            "position within",
        ]
        told += [f"({place}" for place in one.dossier.scope.countries]
    else:
        told = [part.question for part in one.dossier.criteria] + ["begin with"]
    assert not [part for part in told if part in text]
    assert all(not voice.position for voice in members(one, dossiers="labels"))


@pytest.mark.parametrize("one", CULTURES, ids=[one.id for one in CULTURES])
def test_another_label_takes_the_place_of_its_own_and_of_its_countries(one: Persona) -> None:
    for own, other in zip(members(one), members(one, dossiers="shuffled", label="Elsewhere"), strict=True):
        assert "The group: Elsewhere." in other.text and one.label not in other.text
        assert own.text.partition("\n")[2] == other.text.partition("\n")[2] and own.position == other.position


def test_blind_hides_another_label_too() -> None:
    assert members(persona(), dossiers="blind", label="Elsewhere") == members(persona(), dossiers="blind")


# Roles


@pytest.mark.parametrize("one", [one for one in PERSONAS if one.kind == "role"], ids=lambda one: str(one.id))
def test_a_role_asks_all_its_questions_and_each_leads_in_turn(one: Persona) -> None:
    assert isinstance(one.dossier, Role)
    led: Counter[str] = Counter()
    for item in ITEMS:
        voices = members(one, item)
        assert len({voice.position for voice in voices}) == 3
        led.update(voice.position for voice in voices)
        for voice in voices:
            assert f"begin with this one: {voice.position}." in voice.text
            assert all(f"- {part.name}: {part.question}\n" in voice.text for part in one.dossier.criteria)
    share = 3 * len(ITEMS) / len(one.dossier.criteria)
    assert set(led) == {part.name for part in one.dossier.criteria}
    assert all(abs(count - share) < 40 for count in led.values())  # over four standard errors


def test_a_roles_weightier_questions_come_first() -> None:
    told = copy.deepcopy(shipped_persona("reviewers-3/accuracy").told)
    told["criteria"] = [{"name": f"c{weight}", "question": "So?", "weight": weight} for weight in (1, 3, 2)]
    for voice in members(Persona(told)):
        assert re.findall(r"- (c\d): So\?", voice.text) == ["c3", "c2", "c1"]


def test_a_role_has_its_label_unless_it_is_blind() -> None:
    one = shipped_persona("reviewers-3/safety")
    assert "The role: Safety reviewer." in members(one)[0].text
    assert "The role: Elsewhere." in members(one, label="Elsewhere")[0].text
    assert "role:" not in members(one, dossiers="blind")[0].text


# Wordings of one's own


def test_a_wording_of_ones_own_is_told_the_same(tmp_path: Path) -> None:
    wording = tmp_path / "mine.md"
    wording.write_text("---\nprotocol: any\n---\nYou are of {{ label }}, and hold: {{ position }}", encoding="utf-8")
    one = persona(prompt=asked(template_id=str(wording)))
    for voice in members(one):
        assert voice.text.startswith(f"You are of {one.label}, and hold: {voice.position}. ")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<!-- system -->\nYou are of {{ label }}.\n<!-- user -->\nJudge.", "has 2 messages"),
        ("You are of {{ tribe }}.", "tribe"),
    ],
)
def test_a_wording_that_is_none_of_a_persona_is_refused(tmp_path: Path, text: str, told: str) -> None:
    wording = tmp_path / "mine.md"
    wording.write_text(f"---\nprotocol: any\n---\n{text}", encoding="utf-8")
    with pytest.raises(BadPrompt, match=told):
        members(persona(prompt=asked(template_id=str(wording))))


def test_what_a_dossier_says_is_never_read_as_a_template() -> None:
    label = "{{ own }}{% raw %}"
    assert f"The group: {label} (" in members(persona(label=label))[0].text

"""Do the shipped panels say what was measured, of whom, and whom they leave out, and do the anchors hold?"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plurijudge.agents.panel import Panel, load_panel, shipped_panels
from plurijudge.agents.panel_check import check_panel
from plurijudge.agents.persona import Culture, Persona
from plurijudge.agents.voice import voice_of
from plurijudge.prompts.prompt import load_prompt
from plurijudge.store.files import read_items
from plurijudge.text.errors import BadPanel

PANELS = {name: load_panel(name) for name in ("crehate-5", "d3-8", "reviewers-3")}
PERSONAS = [persona for panel in PANELS.values() for persona in panel.personas]
ZA = "crehate-5/south-africa"
NEUTRAL = re.compile(  # a place, and whose answers or what role: no word for how people are
    r"(?:Arab Culture|Indian Cultural Sphere|Latin America|North America|Oceania|Sinosphere|Sub-Saharan Africa"
    r"|Western Europe)"
    r" \(D3CODE region\)"
    r"|Raters in (?:Australia|Singapore|South Africa|the United Kingdom|the United States)"
    r"|(?:Accuracy|Usefulness|Safety) reviewer"
)
ANCHORS = Path(__file__).resolve().parents[2] / "examples" / "anchors.jsonl"
ITEMS: list[dict[str, Any]] = [json.loads(line) for line in ANCHORS.read_text(encoding="utf-8").splitlines()]
CHECKED = [item for item in ITEMS if "check" in item["meta"]]

of_panels = pytest.mark.parametrize("panel", PANELS.values(), ids=list(PANELS))
of_personas = pytest.mark.parametrize("persona", PERSONAS, ids=[persona.id for persona in PERSONAS])


def culture(persona: Persona) -> Culture:
    assert isinstance(persona.dossier, Culture)
    return persona.dossier


def counted(persona: Persona) -> dict[str, int]:
    """How many people of each country were asked."""
    countries = culture(persona).scope.countries
    assert isinstance(countries, dict)
    return countries


def test_the_three_shipped_panels_load_with_the_members_that_they_are_named_for() -> None:
    assert shipped_panels() == sorted(PANELS)
    assert {name: len(panel.seats) for name, panel in PANELS.items()} == {"crehate-5": 5, "d3-8": 8, "reviewers-3": 3}


@of_panels
def test_a_panel_is_called_as_its_file_and_its_personas_belong_to_it(panel: Panel) -> None:
    assert PANELS[panel.id] is panel
    assert all(persona.id.startswith(f"{panel.id}/") for persona in panel.personas)


@of_panels
def test_a_panel_says_whom_it_excludes_and_whom_it_speaks_for(panel: Panel) -> None:
    assert len(panel.described.excludes) >= 3 and all(panel.described.excludes)
    assert panel.described.speaks_for


def test_panels_of_cultures_say_that_they_are_unvalidated_and_the_control_that_it_is_one() -> None:
    assert all("unvalidated" in PANELS[name].described.validation.lower() for name in ("crehate-5", "d3-8"))
    assert "Roles, not cultures" in PANELS["reviewers-3"].described.validation
    assert "Nobody" in PANELS["reviewers-3"].described.speaks_for


def test_measured_positions_are_attributed_with_their_licence() -> None:
    for name in ("crehate-5", "d3-8"):
        told = PANELS[name].described.attribution
        assert "D3CODE" in told and "arXiv:2404.10857" in told and "CC BY 4.0" in told
        for persona in PANELS[name].personas:
            measured = {one.source_id for one in culture(persona).value_dims}
            assert all(s.licence == "CC BY 4.0" for s in culture(persona).sources if s.id in measured)


@of_personas
def test_a_persona_is_a_draft_that_nobody_has_reviewed(persona: Persona) -> None:
    assert persona.is_draft and not persona.dossier.provenance.reviews


@of_personas
def test_a_label_names_a_place_or_a_role_and_no_character(persona: Persona) -> None:
    assert NEUTRAL.fullmatch(persona.label)


@of_personas
def test_a_wording_is_there_and_renders_every_member(persona: Persona) -> None:
    wording = load_prompt(persona.dossier.prompt.template_id)
    assert wording.id == f"persona/{persona.kind}"
    for member in range(persona.members):
        assert voice_of(persona, seed=0, item="q1", member=member).text


@pytest.mark.parametrize("persona", [one for one in PERSONAS if one.kind == "culture"], ids=lambda one: str(one.id))
def test_a_culture_is_no_monolith(persona: Persona) -> None:
    dossier = culture(persona)
    assert all(one.counter_position for one in dossier.commitments)
    assert any(one.strength == "contested" for one in dossier.commitments)
    assert len({one.name for one in dossier.internal_positions}) >= 3
    assert sum(source.from_within for source in dossier.sources) >= 2
    used = {one.source_id for one in dossier.commitments} | {one.source_id for one in dossier.internal_positions}
    within = {source.id for source in dossier.sources if source.from_within}
    assert used & within, "sources from within are listed and nothing rests on them"


@pytest.mark.parametrize("persona", [one for one in PERSONAS if one.kind == "culture"], ids=lambda one: str(one.id))
def test_a_weight_without_a_survey_is_unknown_and_no_number(persona: Persona) -> None:
    assert all((one.weight is None) == (one.weight_basis == "unknown") for one in culture(persona).internal_positions)
    assert all(one.support is None for one in culture(persona).commitments)  # nobody asked for these claims


@of_panels
def test_what_is_told_of_a_panel_restores_it(panel: Panel) -> None:
    told = panel.seated(allow_unmeasured=True)
    dossiers = {persona.id: json.loads(persona.row()["dossier"]) for persona in told.personas}
    assert Panel.restored(json.loads(told.row()["description"]), dossiers).digest == told.digest


@pytest.mark.shared
def test_the_positions_of_d3_8_are_those_of_the_seed_to_the_last_digit(shared_data: Path) -> None:
    seed = json.loads((shared_data / "multiplex/panels/d3_8_panel_seed.json").read_text(encoding="utf-8"))
    told = {persona.id: persona for persona in PANELS["d3-8"].personas}
    assert list(told) == [one["id"] for one in seed["personas"]]
    for one in seed["personas"]:
        dossier = json.loads(told[one["id"]].row()["dossier"])
        assert dossier["value_dims"] == one["value_dims"]
        assert dossier["scope"]["countries"] == one["scope"]["countries"]
        assert dossier["scope"]["unit"] == one["scope"]["unit"]
        assert dossier["label"].replace("-", " ") == f"{one['label'].replace('-', ' ')} (D3CODE region)"
        assert {dim["n"] for dim in one["value_dims"]} == {sum(dossier["scope"]["countries"].values())}


def test_d3_8_speaks_of_as_many_people_as_it_counts() -> None:
    counts = [count for one in PANELS["d3-8"].personas for count in counted(one).values()]
    assert f"{sum(counts):,} online raters from {len(counts)} countries" in PANELS["d3-8"].described.speaks_for


@pytest.mark.shared
def test_the_positions_of_crehate_5_are_those_of_its_countries(shared_data: Path) -> None:
    path = shared_data / "multiplex/d3code/d3_mfq2_by_region_country.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = {(row["group"], row["foundation"]): row for row in csv.DictReader(file) if row["level"] == "Country"}
    overall = {one.dim: one.global_mean for one in culture(PANELS["d3-8"].personas[0]).value_dims}
    seen = 0
    for persona in PANELS["crehate-5"].personas:
        if persona.id == ZA:
            continue
        [(country, count)] = counted(persona).items()
        group = {"United States": "United States of America"}.get(country, country)
        assert {one.dim for one in culture(persona).value_dims} == set(overall)
        for one in culture(persona).value_dims:
            row = rows[group, one.dim]
            assert one.mean == pytest.approx(float(row["mean"]), abs=0.00051)
            assert one.sd == pytest.approx(float(row["sd"]), abs=0.00051)
            assert one.n == int(row["n"]) == count
            assert (*one.scale, one.global_mean) == (1, 5, overall[one.dim])
            seen += 1
    assert seen == 24


@pytest.mark.shared
def test_nobody_in_south_africa_was_asked(shared_data: Path) -> None:
    path = shared_data / "multiplex/d3code/d3_mfq2_by_region_country.csv"
    assert ",South Africa," not in path.read_text(encoding="utf-8")
    persona = PANELS["crehate-5"].personas[-1]
    assert persona.id == ZA and persona.unmeasured and culture(persona).value_dims == []


def test_the_unmeasured_persona_is_kept_out_unless_it_is_allowed() -> None:
    seated = PANELS["crehate-5"].seated()
    assert dict(seated.kept_out) == {ZA: "unmeasured"}
    assert [seat.name for seat in seated.seats] == [one.id for one in PANELS["crehate-5"].personas if one.id != ZA]
    assert seated.quorum == 3
    allowed = PANELS["crehate-5"].seated(allow_unmeasured=True)
    assert allowed.kept_out == () and ZA in [seat.name for seat in allowed.seats]
    assert all(PANELS[name].seated().kept_out == () for name in ("d3-8", "reviewers-3"))


def test_a_quorum_that_needs_the_unmeasured_persona_says_how_to_allow_it() -> None:
    with pytest.raises(BadPanel) as caught:
        PANELS["crehate-5"].with_options(quorum=5).seated()
    assert f"{ZA} (unmeasured)" in caught.value.message and "--allow-unmeasured" in caught.value.way_out


def test_the_check_of_d3_8_names_the_parts_of_the_world_that_it_leaves_out() -> None:
    gaps = check_panel(PANELS["d3-8"]).gaps
    assert {"Eastern Europe", "Central Asia"} <= set(gaps.values())
    covered = ["Northern Africa", "Southern Asia", "South America", "Northern America", "Australia and New Zealand"]
    covered += ["Eastern Asia", "Western Africa", "Western Europe"]
    assert not set(covered) & set(gaps.values())


def test_the_check_of_d3_8_names_three_members_that_are_nearly_one() -> None:
    names = ("d3-8/north-america", "d3-8/oceania", "d3-8/western-europe")
    found = {frozenset(pair[:2]) for pair in check_panel(PANELS["d3-8"]).alike}
    assert {frozenset(pair) for pair in zip(names, (*names[1:], names[0]), strict=True)} <= found
    assert not any("d3-8/sub-saharan-africa" in pair or "d3-8/sinosphere" in pair for pair in found)
    told = PANELS["d3-8"].described.near_duplicates
    assert all(name in told for name in ("North America", "Oceania", "Western Europe"))


def test_what_d3_8_says_of_its_near_duplicates_is_so() -> None:
    near = [one for one in PANELS["d3-8"].personas if one.label.startswith(("North", "Oceania", "Western"))]
    means = [[dim.mean for dim in culture(one).value_dims] for one in near]
    assert len(near) == 3
    assert max(max(column) - min(column) for column in zip(*means, strict=True)) == pytest.approx(0.21, abs=0.0051)


@pytest.mark.shared
def test_what_d3_8_says_of_countries_within_a_region_is_so(shared_data: Path) -> None:
    path = shared_data / "multiplex/d3code/d3_mfq2_by_region_country.csv"
    with path.open(encoding="utf-8", newline="") as file:
        means = {(row["group"], row["foundation"]): float(row["mean"]) for row in csv.DictReader(file)}
    assert "authority is 4.10 for raters from China and 2.80 for raters from Japan" in (
        PANELS["d3-8"].described.near_duplicates
    )
    assert round(means["China", "authority"], 2) == 4.10 and round(means["Japan", "authority"], 2) == 2.80


def longer(item: dict[str, Any]) -> str:
    return max(item["responses"], key=lambda one: len(one["text"]))["id"]  # type: ignore[no-any-return]


def gold(item: dict[str, Any]) -> str:
    return str(item["gold"][0]["preferred"])


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(lambda item: item["responses"][0]["id"], id="the first"),
        pytest.param(longer, id="the longer"),
    ],
)
def test_no_cheap_rule_is_right_on_the_anchors_more_than_half_the_time(rule: Callable[[dict[str, Any]], str]) -> None:
    assert sum(rule(item) == gold(item) for item in ITEMS) == len(ITEMS) / 2


def test_the_anchors_are_enough_for_the_gate_and_each_is_another() -> None:
    assert len(ITEMS) >= 120
    assert len({item["id"] for item in ITEMS}) == len({item["prompt"] for item in ITEMS}) == len(ITEMS)


def test_gold_stands_first_in_half_of_every_kind_of_anchor() -> None:
    kinds = Counter(item["meta"]["subset"] for item in ITEMS)
    first = Counter(item["meta"]["subset"] for item in ITEMS if item["responses"][0]["id"] == gold(item))
    assert len(kinds) >= 10 and {kind: 2 * count for kind, count in first.items()} == kinds


def test_an_anchor_has_one_right_answer_and_its_quality_says_so() -> None:
    for item in ITEMS:
        names = [one["id"] for one in item["responses"]]
        assert len(names) == 2 and len(item["gold"]) == 1 and gold(item) in names
        assert item["meta"]["quality"] == {name: float(name == gold(item)) for name in names}


@pytest.mark.parametrize("item", CHECKED, ids=lambda item: str(item["id"]))
def test_what_an_anchor_rests_on_is_true(item: dict[str, Any]) -> None:
    assert eval(item["meta"]["check"], {}) is True


def test_most_anchors_are_proved() -> None:
    assert len(CHECKED) >= len(ITEMS) / 2


def test_the_anchors_are_read_without_a_fault() -> None:
    lines = list(read_items(ANCHORS))
    assert [line.fault for line in lines] == [None] * len(ITEMS)
    assert [line.record.id for line in lines if line.record is not None] == [item["id"] for item in ITEMS]

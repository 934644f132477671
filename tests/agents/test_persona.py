"""Does a persona load only as a sourced, measured position or a role, and does it say what it lacks?"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from plurijudge.agents.panel import load_panel, shipped_panels
from plurijudge.agents.persona import Persona, read_persona
from plurijudge.text.errors import BadPersona

Dossier = dict[str, Any]
NEEDED = ["id", "version", "label", "status", "provenance", "prompt"]
OF_A_CULTURE = ["scope", "sources", "commitments", "internal_positions", "guards"]
OF_A_ROLE = ["criteria", "guards"]

CULTURE: Dossier = {
    "id": "test/islands",
    "version": "1",
    "label": "People of the islands",
    "status": "draft",
    "scope": {
        "unit": "country",
        "countries": {"Samoa": 120},
        "un_m49": ["061"],
        "languages": ["sm"],
        "excludes": ["those who left"],
    },
    "sources": [
        {"id": "s1", "type": "survey", "citation": "A survey", "licence": "CC BY 4.0", "from_within": False},
        {
            **{"id": "s2", "type": "scholarship", "citation": "A book", "licence": "cited only", "from_within": True},
            "isbn": "9780520084278",
        },
        {
            **{"id": "s3", "type": "primary text", "citation": "A speech", "licence": "cited only"},
            **{"from_within": False, "doi": "10.1037/pspp0000470"},
        },
    ],
    "value_dims": [
        {"framework": "MFQ-2", "dim": name, "scale": [1, 5], "mean": mean, "sd": 0.8, "n": 120, "source_id": "s1"}
        for name, mean in (("care", 4.1), ("purity", 2.5))
    ],
    "commitments": [
        {"claim": "Guests come first.", "strength": "core", "counter_position": "Kin do.", "source_id": "s2"},
        {"claim": "Elders speak first.", "strength": "common", "support": 0.6, "source_id": "s1"},
        {"claim": "Land is not sold.", "strength": "contested", "counter_position": "It may be.", "source_id": "s3"},
    ],
    "internal_positions": [
        {"name": "custom", "view": "As it was.", "weight": None, "weight_basis": "unknown", "source_id": "s2"},
        {"name": "reform", "view": "As it may be.", "weight": None, "weight_basis": "unknown", "source_id": "s3"},
    ],
    "exemplars": [{"question": "Rent?", "answer": "Ask kin.", "source_id": "s2", "split": "dev"}],
    "prompt": {"template_id": "persona/culture", "language": "en", "n_members": 3, "temperature": 0.7},
    "guards": {"may_abstain": True, "exaggeration_max": 1.0, "min_within_variance_ratio": 0.5, "blind_label": True},
    "provenance": {
        "author": "an editor",
        "positionality": "from outside",
        "reviews": [
            {"reviewer": "a reader", "affiliation_to_scope": "within", "date": "2026-01-02", "verdict": "fair"}
        ],
        "changelog": ["1: first dossier"],
    },
}
ROLE: Dossier = {
    "id": "test/reader",
    "kind": "role",
    "version": "1",
    "label": "Reader",
    "status": "reviewed",
    "criteria": [{"name": "clear", "question": "Is it clear?"}, {"name": "short", "question": "Is it short?"}],
    "prompt": {"template_id": "persona/role", "language": "en", "n_members": 3},
    "guards": {"may_abstain": True},
    "provenance": {"author": "an editor", "positionality": "from outside", "reviews": [], "changelog": []},
}
LEFT_OUT = object()


def changed(place: str, value: Any, dossier: Dossier = CULTURE) -> Dossier:
    """The dossier with another value at a place such as `sources.1.isbn`; without it where none is given."""
    made = copy.deepcopy(dossier)
    *path, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    inner: Any = made
    for part in path:
        inner = inner[part]
    if value is LEFT_OUT:
        del inner[last]
    else:
        inner[last] = value
    return made


def refusal(given: Any) -> str:
    with pytest.raises(BadPersona) as caught:
        Persona(given)
    return caught.value.message


def turned(value: Any) -> Any:
    """The same value with the keys of every mapping in the other order."""
    if isinstance(value, dict):
        return {name: turned(value[name]) for name in reversed(value)}
    return [turned(one) for one in value] if isinstance(value, list) else value


def words(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every text and number of a dossier, by its place."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from words(one, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from words(one, f"{path}.{number}")
    else:
        yield path, value


def test_a_culture_and_a_role_load() -> None:
    culture, role = Persona(CULTURE), Persona(ROLE)
    assert (culture.id, culture.kind, culture.label, culture.members) == (
        *("test/islands", "culture", "People of the islands"),
        3,
    )
    assert culture.is_draft and not culture.unmeasured
    assert (role.kind, role.is_draft, role.unmeasured) == ("role", False, False)


def test_adjectives_are_refused_and_every_missing_field_is_named() -> None:
    given = {
        "label": "warm, family-loving people",
        "traits": ["warm", "proud"],
        "prompt": "You are warm and love your family. Judge the answers.",
    }
    message = refusal(given)
    missing, _, wrong = message.partition("; ")
    for name in {*NEEDED, *OF_A_CULTURE} - {"label", "prompt"}:
        assert f"`{name}`" in missing
    assert "`label`" not in message
    assert "`prompt`" in wrong and "`traits`" in wrong


def test_nothing_at_all_lacks_every_field() -> None:
    message = refusal({})
    assert all(f"`{name}`" in message for name in [*NEEDED, *OF_A_CULTURE])


@pytest.mark.parametrize(
    ("given", "names"), [(CULTURE, [*NEEDED, *OF_A_CULTURE]), (ROLE, [*NEEDED, *OF_A_ROLE])], ids=["culture", "role"]
)
def test_each_field_that_is_left_out_is_named_alone(given: Dossier, names: list[str]) -> None:
    for name in names:
        message = refusal(changed(name, LEFT_OUT, given))
        assert f"missing are `{name}`." in message
        assert given["id"] in message or name == "id"


@pytest.mark.parametrize(
    "place",
    [
        "scope.unit",
        "scope.countries",
        "scope.excludes",
        "sources.0.citation",
        "sources.0.licence",
        "sources.0.from_within",
        "value_dims.0.sd",
        "value_dims.0.n",
        "value_dims.0.source_id",
        "commitments.0.strength",
        "commitments.0.source_id",
        "internal_positions.0.weight",
        "internal_positions.0.weight_basis",
        "exemplars.0.split",
        "prompt.template_id",
        "prompt.n_members",
        "guards.may_abstain",
        "guards.exaggeration_max",
        "guards.min_within_variance_ratio",
        "guards.blind_label",
        "provenance.author",
        "provenance.positionality",
        "provenance.reviews",
        "provenance.reviews.0.affiliation_to_scope",
        "provenance.changelog",
    ],
)
def test_a_part_that_is_left_out_is_named_by_its_place(place: str) -> None:
    named = "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in place.split(".")).removeprefix(".")
    assert f"missing are `{named}`." in refusal(changed(place, LEFT_OUT))


@pytest.mark.parametrize(
    ("place", "value", "named"),
    [
        ("id", "islands", "`id`"),
        ("id", "Test/Islands", "`id`"),
        ("label", " ", "`label`"),
        ("status", "validated", "`status`"),
        ("kind", "vibe", "`kind`"),
        ("scope.unit", "race", "`scope.unit`"),
        ("scope.countries", 3, "`scope.countries`: "),
        ("scope.countries", [1], "`scope.countries[0]`: "),
        ("scope.excludes", [], "`scope.excludes`"),
        ("scope.excludes", [""], "`scope.excludes[0]`"),
        ("scope.un_m49", [13], "`scope.un_m49[0]`"),
        ("sources.0.type", "blog", "`sources[0].type`"),
        ("sources.1.isbn", "", "the source `s2` needs a `doi` or an `isbn`"),
        ("sources.2.doi", "", "the source `s3` needs a `doi` or an `isbn`"),
        ("sources.1.isbn", "9780520084279", "the source `s2` has an `isbn` whose check digit is wrong"),
        ("sources.2.doi", "https://doi.org/10.1037/pspp0000470", "the source `s3` has a `doi` that is none"),
        ("sources.1.from_within", False, "`sources`: none is from within"),
        ("sources", CULTURE["sources"][:2], "`sources`: list should have at least 3"),
        ("value_dims", CULTURE["value_dims"][:1], "`value_dims`: holds one dimension"),
        ("value_dims", CULTURE["value_dims"][:1] * 2, "`value_dims`: holds a dimension twice"),
        ("value_dims.0.framework", "astrology", "`value_dims[0].framework`"),
        ("value_dims.1.sd", 0, "`value_dims[1].sd`"),
        ("value_dims.1.sd", -0.4, "`value_dims[1].sd`"),
        ("value_dims.1.sd", float("nan"), "`value_dims[1].sd`"),
        ("value_dims.0.n", 29, "`value_dims[0].n`"),
        ("value_dims.0.mean", 5.1, "`value_dims[0]`: the mean of `care` is 5.1, outside its scale"),
        ("value_dims.0.mean", 0.9, "`value_dims[0]`: the mean of `care` is 0.9, outside its scale"),
        ("commitments", CULTURE["commitments"][1:], "`commitments`: list should have at least 3"),
        ("commitments.2.strength", "common", "`commitments`: none is contested"),
        ("commitments.1.support", 1.2, "`commitments[1].support`"),
        ("internal_positions", CULTURE["internal_positions"][:1], "`internal_positions`: list should have at least 2"),
        ("internal_positions.0.weight", -1, "`internal_positions[0].weight`"),
        ("internal_positions.0.weight_basis", "my own sense", "`internal_positions[0].weight_basis`"),
        ("exemplars.0.split", "test", "`exemplars[0].split`"),
        ("prompt.n_members", 2, "`prompt.n_members`"),
        ("prompt.temperature", 2.5, "`prompt.temperature`"),
        ("guards.may_abstain", False, "`guards.may_abstain`"),
        ("guards.min_within_variance_ratio", 1.5, "`guards.min_within_variance_ratio`"),
        ("provenance.changelog", ["\ud800"], "`provenance.changelog[0]`"),
        ("traits", ["warm"], "`traits`"),
    ],
)
def test_a_part_that_does_not_hold_is_refused_by_name(place: str, value: Any, named: str) -> None:
    message = refusal(changed(place, value))
    assert "test/islands" in message or place == "id"
    assert named in message
    assert "missing are" not in message


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("value_dims.0.mean", 5),
        ("value_dims.0.mean", 1),
        ("value_dims.0.n", 30),
        ("prompt.n_members", 8),
        ("commitments.1.support", 0),
        ("internal_positions.0.source_id", ""),
        ("scope.countries", ["Samoa"]),
        ("scope.un_m49", [145]),
    ],
)
def test_what_lies_on_the_edge_loads(place: str, value: Any) -> None:
    Persona(changed(place, value))


def test_every_fault_is_told_at_once() -> None:
    given = changed("guards.may_abstain", False, changed("prompt.n_members", 2, changed("scope.excludes", [])))
    message = refusal(changed("label", LEFT_OUT, given))
    assert all(f"`{name}`" in message for name in ("label", "scope.excludes", "prompt.n_members", "guards.may_abstain"))


@pytest.mark.parametrize("field", ["value_dims", "commitments", "internal_positions", "exemplars"])
def test_a_source_that_is_not_there_is_named_with_those_that_are(field: str) -> None:
    message = refusal(changed(f"{field}.0.source_id", "s9"))
    assert f"`{field}[0]` names the source 's9'" in message and "s1, s2, s3" in message


def test_every_missing_source_is_named() -> None:
    message = refusal(changed("commitments.1.source_id", "s8", changed("exemplars.0.source_id", "s9")))
    assert "'s8'" in message and "'s9'" in message


@pytest.mark.parametrize("given", [CULTURE, {**ROLE, "sources": CULTURE["sources"]}], ids=["culture", "role"])
def test_two_sources_of_one_id_are_refused(given: Dossier) -> None:
    assert "`sources` holds an id twice" in refusal(changed("sources.0.id", "s2", given))


def test_what_was_measured_is_written_by_runs_alone() -> None:
    assert "`measured`" in refusal({**CULTURE, "measured": {"retest_consistency": 0.9}})
    assert Persona({**CULTURE, "measured": {}}) == Persona(CULTURE)


@pytest.mark.parametrize("given", [None, [], [CULTURE], "a warm people", 3], ids=repr)
def test_what_is_no_mapping_is_refused(given: Any) -> None:
    assert type(given).__name__ in refusal(given) and "fields and values" in refusal(given)


def test_a_persona_without_measured_values_loads_as_unmeasured() -> None:
    for given in (changed("value_dims", []), changed("value_dims", LEFT_OUT)):
        persona = Persona(given)
        assert persona.unmeasured and persona.row()["status"] == "unmeasured"
    assert Persona(CULTURE).row()["status"] == "draft"


@pytest.mark.parametrize(
    ("place", "value", "named"),
    [
        ("criteria", [], "`criteria`"),
        ("criteria.0.question", "", "`criteria[0].question`"),
        ("criteria.0.weight", 0, "`criteria[0].weight`"),
        ("prompt.n_members", 2, "`prompt.n_members`"),
        ("guards.may_abstain", False, "`guards.may_abstain`"),
        ("scope", CULTURE["scope"], "`scope`"),
    ],
)
def test_a_role_needs_criteria_and_no_people(place: str, value: Any, named: str) -> None:
    assert named in refusal(changed(place, value, ROLE))


def test_the_digest_changes_with_any_word() -> None:
    known = {Persona(CULTURE).digest}
    for place, value in words(CULTURE):
        if isinstance(value, str) and place.split(".")[-1] in (
            "claim",
            "counter_position",
            "view",
            "citation",
            "label",
        ):
            found = Persona(changed(place, f"{value} Or not")).digest
            assert found not in known, place
            known.add(found)
    for place, value in (
        ("scope.excludes", ["others"]),
        ("value_dims.0.mean", 4.11),
        ("value_dims.0.sd", 0.81),
        ("prompt.n_members", 4),
        ("prompt.temperature", 0.8),
        ("exemplars.0.split", "heldout"),
        ("version", "2"),
        ("status", "reviewed"),
        ("provenance.note", "a word of one's own"),
        ("commitments", CULTURE["commitments"][::-1]),
    ):
        found = Persona(changed(place, value)).digest
        assert found not in known, place
        known.add(found)
    assert len(known) > 20


@pytest.mark.parametrize("given", [CULTURE, ROLE], ids=["culture", "role"])
def test_the_order_of_keys_changes_no_digest(given: Dossier) -> None:
    other = turned(given)
    assert list(other) != list(given)
    assert Persona(other).digest == Persona(given).digest


@pytest.mark.parametrize("given", [CULTURE, ROLE], ids=["culture", "role"])
def test_what_is_told_loads_again_as_the_same_persona(given: Dossier) -> None:
    persona = Persona(given)
    again = Persona(json.loads(persona.row()["dossier"]))
    assert again == persona and again.told == persona.told and again.row() == persona.row()
    assert hash(again) == hash(persona) and again != Persona(changed("label", "Others", given))


def test_a_persona_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "islands.yaml"
    file.write_text(yaml.safe_dump(CULTURE, allow_unicode=True), encoding="utf-8")
    assert read_persona(file) == Persona(CULTURE)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"id: [", "is no YAML"),
        (b"id: a\n\tb: c", "is no YAML"),
        (b"id: test/islands\nreviewed: 2026-02-30", "is no YAML"),
        (b"id: \xff\xfe", "cannot be read"),
        (b"", "is a NoneType"),
        (b"- id: test/islands", "is a list"),
        (b"just words", "is a str"),
        (b"id: test/islands", "missing are `version`"),
    ],
)
def test_a_file_that_holds_no_persona_is_refused_by_its_name(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "islands.yaml"
    file.write_bytes(content)
    with pytest.raises(BadPersona) as caught:
        read_persona(file)
    assert str(file) in caught.value.message and told in caught.value.message


def test_a_file_that_is_not_there_is_refused_by_its_name(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(BadPersona, match="cannot be read") as caught:
            read_persona(path)
        assert str(path) in caught.value.message


def test_a_subregion_that_yaml_reads_as_octal_is_refused() -> None:
    """A bare 015 (Northern Africa) is 13 to YAML, and 013 is Central America."""
    scope = yaml.safe_load("{unit: country, countries: [Tunisia], un_m49: [015], excludes: [others]}")
    assert "quotes" in refusal(changed("scope", scope))
    scope = yaml.safe_load("{unit: country, countries: [Tunisia], un_m49: ['015'], excludes: [others]}")
    assert Persona(changed("scope", scope)).told["scope"]["un_m49"] == ["015"]


def test_a_group_may_be_called_by_its_id_its_label_or_its_one_country() -> None:
    assert Persona(CULTURE).names == ("test/islands", "islands", "People of the islands", "Samoa")
    assert Persona(changed("scope.countries", ["Samoa", "Tonga"])).names == Persona(CULTURE).names[:3]


@pytest.mark.shared
def test_every_shipped_culture_holds_to_the_shared_schema(shared_data: Path) -> None:
    schema = json.loads((shared_data / "multiplex/panels/persona.schema.json").read_text(encoding="utf-8"))
    validator = Draft202012Validator(schema)
    seen = 0
    for panel in shipped_panels():
        for persona in load_panel(panel).personas:
            if persona.kind == "culture":
                faults = {
                    ".".join(map(str, fault.absolute_path)) or fault.message
                    for fault in validator.iter_errors(json.loads(persona.row()["dossier"]))
                }
                lacking = {"'value_dims' is a required property"} if persona.id == "crehate-5/south-africa" else set()
                assert faults == lacking, persona.id
                seen += 1
    assert seen == 13


@pytest.mark.shared
@pytest.mark.parametrize("place", ["scope.excludes", "sources", "commitments", "internal_positions", "prompt"])
def test_the_shared_schema_refuses_what_a_seed_lacks(shared_data: Path, place: str) -> None:
    """The schema is the real one: it sees that a part is gone; only `excludes` does it leave to us."""
    schema = json.loads((shared_data / "multiplex/panels/persona.schema.json").read_text(encoding="utf-8"))
    assert Draft202012Validator(schema).is_valid(changed(place, LEFT_OUT)) == (place == "scope.excludes")
    assert place.rpartition(".")[2] in refusal(changed(place, LEFT_OUT))

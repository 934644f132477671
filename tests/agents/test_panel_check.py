"""Does a check name what is missing, who is left out, and who lies close together?"""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from plurijudge.agents.panel import Panel, load_panel, shipped_persona
from plurijudge.agents.panel_check import ALIKE, PanelCheck, PersonaCheck, alike, check_panel
from plurijudge.agents.persona import Persona
from plurijudge.text.regions import SUBREGIONS, unknown_codes

BASE = shipped_persona("d3-8/oceania").told
ROLE = shipped_persona("reviewers-3/safety").told
DIM = {"framework": "MFQ-2", "scale": [1, 5], "sd": 1.0, "n": 100, "source_id": "mfq2"}


def dossier(name: str, **changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(BASE), "id": f"test/{name}", **changes}


def dims(**means: float) -> list[dict[str, Any]]:
    return [{**DIM, "dim": name, "mean": mean} for name, mean in means.items()]


def scope(*codes: str) -> dict[str, Any]:
    return {**BASE["scope"], "un_m49": list(codes)}


def checked(*dossiers: dict[str, Any], measured: dict[str, dict[str, Any]] | None = None, **changes: Any) -> PanelCheck:
    given = {"id": "mine", "version": "1", "title": "Mine", "personas": list(dossiers), **changes}
    return check_panel(Panel.of(given), measured)


def one_of(given: dict[str, Any], **measured: Any) -> PersonaCheck:
    [one] = checked(given, measured={given["id"]: measured}).personas
    return one


def noted(one: PersonaCheck, part: str) -> bool:
    return any(part in note for note in one.notes)


def found(personas: list[Persona]) -> dict[tuple[str, str], float]:
    return {(one, other): distance for one, other, distance in alike(personas)}


# Whom a panel leaves out


def test_the_subregions_are_the_twenty_two_of_the_standard() -> None:
    assert len(SUBREGIONS) == len(set(SUBREGIONS.values())) == 22
    assert all(len(code) == 3 and code.isdigit() for code in SUBREGIONS)


def test_a_code_of_a_continent_or_of_nothing_is_no_subregion() -> None:
    assert unknown_codes(["002", "053", "15", "", "419", "151"]) == ["002", "15", "", "419"]


def test_the_gaps_are_the_subregions_that_no_persona_names() -> None:
    report = checked(dossier("a", scope=scope("015", "145")), dossier("b", scope=scope("145", "053")))
    assert report.gaps == {code: name for code, name in SUBREGIONS.items() if code not in ("015", "145", "053")}


def test_nothing_is_missing_where_every_subregion_is_named() -> None:
    assert checked(dossier("a", scope=scope(*SUBREGIONS))).gaps == {}


def test_a_scope_without_subregions_covers_none() -> None:
    assert checked(dossier("a", scope=scope())).gaps == SUBREGIONS


def test_roles_cover_nothing_and_leave_nothing_out() -> None:
    assert check_panel(load_panel("reviewers-3")).gaps == {}
    assert set(checked(ROLE, dossier("a", scope=scope("053"))).gaps) == set(SUBREGIONS) - {"053"}


def test_what_is_no_subregion_is_noted_and_covers_nothing() -> None:
    report = checked(dossier("a", scope=scope("053", "002")))
    assert noted(report.personas[0], "no UN M49 subregions: 002") and len(report.gaps) == 21
    assert not noted(one_of(dossier("a", scope=scope("053"))), "M49")


# Who is alike


def test_two_that_lie_closer_than_the_bound_are_alike_with_their_distance() -> None:
    near, far = 3.0 + ALIKE - 0.001, 3.0 + ALIKE + 0.001
    one, two, three = (
        Persona(dossier(name, value_dims=dims(care=mean, purity=mean)))
        for name, mean in (("a", 3.0), ("b", near), ("c", far))
    )
    assert alike([one, three]) == []
    [(first, second, distance)] = alike([one, two])
    assert (first, second) == ("test/a", "test/b") and distance == pytest.approx(ALIKE - 0.001)


def test_the_distance_counts_in_standard_deviations_over_all_dimensions() -> None:
    wide = [{**dim, "sd": 2.0} for dim in dims(care=3.0, purity=3.0)]
    other = [{**dim, "sd": 2.0} for dim in dims(care=3.2, purity=3.2)]
    one, two = Persona(dossier("a", value_dims=wide)), Persona(dossier("b", value_dims=other))
    assert found([one, two]) == {("test/a", "test/b"): pytest.approx(0.1)}
    half = Persona(dossier("c", value_dims=dims(care=3.0, purity=3.1)))
    full = Persona(dossier("d", value_dims=dims(care=3.0, purity=3.0)))
    assert found([half, full]) == {("test/c", "test/d"): pytest.approx(0.1 / 2**0.5)}


def test_the_nearest_pair_comes_first_whatever_the_order_of_members() -> None:
    means = {"a": 3.0, "b": 3.15, "c": 3.21, "d": 4.5}
    given = [Persona(dossier(name, value_dims=dims(care=mean, purity=mean))) for name, mean in means.items()]
    pairs = [("test/b", "test/c"), ("test/a", "test/b")]
    assert [pair[:2] for pair in alike(given)] == pairs
    assert [tuple(sorted(pair[:2])) for pair in alike(given[::-1])] == pairs


def test_a_dimension_of_the_same_name_in_another_framework_is_another() -> None:
    other = [{**dim, "framework": "other"} for dim in dims(care=3.0, purity=3.0)]
    one, two = (
        Persona(dossier("a", value_dims=dims(care=3.0, purity=3.0))),
        Persona(dossier("b", value_dims=other)),
    )
    assert alike([one, two]) == []


def test_dimensions_that_only_one_has_do_not_count() -> None:
    one = Persona(dossier("a", value_dims=dims(care=3.0, purity=3.0, loyalty=1.0)))
    two = Persona(dossier("b", value_dims=dims(care=3.0, purity=3.1, equality=5.0)))
    assert found([one, two]) == {("test/a", "test/b"): pytest.approx(0.1 / 2**0.5)}


def test_who_is_unmeasured_is_like_nobody() -> None:
    bare = [Persona(dossier(name, value_dims=[])) for name in "ab"]
    assert alike(bare) == [] == alike([]) == alike([Persona(BASE)])
    assert alike([*bare, Persona(BASE)]) == []


def test_a_wider_bound_finds_more() -> None:
    one, two = (Persona(dossier(name, value_dims=dims(care=mean, purity=mean))) for name, mean in (("a", 2), ("b", 3)))
    assert alike([one, two]) == [] and len(alike([one, two], below=1.01)) == 1


# What is said of each


def test_what_a_dossier_holds_is_counted() -> None:
    exemplars = [
        {"question": "So?", "answer": "So.", "source_id": "mfq2", "split": split} for split in ("dev", "heldout")
    ]
    review = {"reviewer": "r", "affiliation_to_scope": "within", "date": "2026-01-02", "verdict": "fair"}
    given = dossier("a", exemplars=exemplars, provenance={**BASE["provenance"], "reviews": [review]})
    assert one_of(given).counts == {
        "sources": len(BASE["sources"]),
        "from_within": sum(source["from_within"] for source in BASE["sources"]),
        "reviews": 1,
        "n_members": 3,
        "value_dims": 6,
        "commitments": len(BASE["commitments"]),
        "contested": sum(one["strength"] == "contested" for one in BASE["commitments"]),
        "internal_positions": len(BASE["internal_positions"]),
        "exemplars": 2,
    }
    role = one_of(ROLE)
    assert (role.kind, role.counts["criteria"]) == ("role", 4) and "commitments" not in role.counts


@pytest.mark.parametrize(
    ("changes", "status", "votes"),
    [
        ({}, "draft", True),
        ({"status": "reviewed"}, "reviewed", True),
        ({"status": "retired"}, "retired", False),
        ({"value_dims": []}, "unmeasured", False),
    ],
)
def test_a_check_says_who_votes(changes: dict[str, Any], status: str, votes: bool) -> None:
    one = one_of(dossier("a", **changes))
    assert (one.status, one.votes) == (status, votes)
    assert noted(one, "--allow-unmeasured") == (status == "unmeasured")


def test_a_draft_is_called_one_until_it_is_reviewed() -> None:
    assert noted(one_of(dossier("a")), "draft: nobody from within has reviewed it")
    assert noted(one_of(ROLE), "draft: not reviewed")
    assert not noted(one_of(dossier("a", status="reviewed")), "draft")


def test_claims_without_a_counter_position_are_counted() -> None:
    claims = [{**claim, "counter_position": ""} for claim in BASE["commitments"][:2]] + BASE["commitments"][2:]
    assert noted(one_of(dossier("a", commitments=claims)), "2 commitments name no counter-position")
    assert not noted(one_of(dossier("a")), "counter-position")


def test_unknown_weights_are_noted_and_known_ones_are_not() -> None:
    assert noted(one_of(dossier("a")), "weights of its internal positions are unknown")
    known = [{**one, "weight": 1, "weight_basis": "survey"} for one in BASE["internal_positions"]]
    assert not noted(one_of(dossier("a", internal_positions=known)), "weights")
    some = [*known[:-1], {**known[-1], "weight": None}]
    assert noted(one_of(dossier("a", internal_positions=some)), "weights")


def test_a_persona_without_held_out_answers_says_so() -> None:
    answer = {"question": "So?", "answer": "So.", "source_id": "mfq2"}
    assert noted(one_of(dossier("a", exemplars=[{**answer, "split": "dev"}])), "no exemplars are held out")
    assert not noted(one_of(dossier("a", exemplars=[{**answer, "split": "heldout"}])), "held out")


def test_what_is_not_measured_is_said_until_it_is() -> None:
    given = dossier("a")
    assert noted(one_of(given), "competence is not measured") and noted(one_of(given), "fidelity is not measured")
    gated = one_of(given, gate={"judge": {"lost": False}})
    assert not noted(gated, "competence") and noted(gated, "fidelity")
    assert gated.measured == {"gate": {"judge": {"lost": False}}}
    faithful = one_of(given, fidelity={"j": 1})
    assert noted(faithful, "competence") and not noted(faithful, "fidelity")
    assert not noted(one_of(given, gate={"j": 1}, fidelity={"j": 1}), "measured (")
    assert noted(one_of(ROLE), "competence") and not noted(one_of(ROLE), "fidelity")


def test_what_was_measured_of_one_says_nothing_of_another() -> None:
    report = checked(dossier("a"), dossier("b"), measured={"test/a": {"gate": {"j": 1}}})
    assert [noted(one, "competence") for one in report.personas] == [False, True]


# The whole


def test_a_check_repeats_what_the_panel_says_of_itself() -> None:
    report = checked(dossier("a"), dossier("b"), excludes=["most people"], validation="none", quorum=1)
    assert (report.panel, report.excludes, report.validation, report.quorum) == ("mine", ("most people",), "none", 1)


def test_a_panel_of_models_alone_has_nothing_to_check() -> None:
    report = checked(members=[{"model": "openai/one"}])
    assert (report.personas, report.gaps, report.alike) == ((), {}, ())


@pytest.mark.parametrize("name", ["crehate-5", "d3-8", "reviewers-3"])
def test_a_check_is_told_as_json(name: str) -> None:
    report = check_panel(load_panel(name))
    told = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert told["panel"] == name and len(told["personas"]) == len(report.personas)
    assert told["alike"] == [list(pair) for pair in report.alike]
    assert told["personas"][0]["counts"] == report.personas[0].counts

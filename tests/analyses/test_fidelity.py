"""Is a persona that copies people told from their stereotype and from a bare label, all through the store?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import select

from plurijudge.analyses.fidelity import Fidelity, PersonaFidelity, fidelity, save
from plurijudge.store.engine import Store
from plurijudge.store.labels import PersonLabel
from plurijudge.store.personas import Speaker, measured_of
from plurijudge.store.records import Item, Response, Status, Verdict
from plurijudge.store.rows import item_row, response_rows
from plurijudge.store.tables import metadata
from plurijudge.text.errors import BadInput, NotFound

from .test_panel_votes import Court

T = metadata.tables
Labels = NDArray[np.int64]
GROUPS, ITEMS, RATERS, MEMBERS = 5, 60, 25, 8
FIRM = 0.95  # how often a member says what it holds; else any label
COPY, STEREOTYPE, ECHO, OTHER, LONELY = "p/copy", "p/stereotype", "p/echo", "p/other", "p/lonely"
GATES = ("within-variance ratio at least 0.5", "retest agreement at least 0.8")
NEAR, UNMOVED = "own group among the 3 nearest", "not moved by the label"
NAMES = {COPY: "p/copy", STEREOTYPE: "Stereotype", ECHO: "the people of p/echo", OTHER: "Zealandia", "": "nobody's"}
"""What the file calls each persona's people: its id, the end of it, its label, its country; and a fifth group."""
RUNS = {"panel": "own", "retest": "again", "shuffled": "shuffled"}


def speaker(persona: str) -> Speaker:
    end = persona.partition("/")[2]
    label = f"The people of {persona}"
    names = (persona, end, label, "Zealandia") if persona == OTHER else (persona, end, label)
    return Speaker(persona, persona, f"dossier of {persona}", "j", label, names)


PANEL = [speaker(one) for one in (OTHER, LONELY, ECHO, COPY, STEREOTYPE)]


@dataclass(frozen=True)
class World:
    """People of known opinions: what raters said, and what each persona's members say in each run, by label's number.

    Attributes:
        raters: shape (n_groups, n_items, n_raters).
        said: of each run and persona, shape (n_items, n_members).
    """

    raters: Labels
    said: Mapping[str, Mapping[str, Labels]]


def drawn(rng: np.random.Generator, shares: NDArray[np.float64], people: int) -> Labels:
    """What people of one opinion say, shape (n_items, people)."""
    return np.stack([rng.choice(len(row), size=people, p=row) for row in shares])


def world(seed: int) -> World:
    """Half of what a group thinks is shared by all, half is the group's own."""
    rng = np.random.default_rng(seed)
    shared = rng.dirichlet(np.ones(3), size=ITEMS)
    shares = (shared + rng.dirichlet(np.ones(3), size=(GROUPS, ITEMS))) / 2
    raters = np.stack([drawn(rng, group, RATERS) for group in shares])
    modes = np.stack([[np.bincount(row, minlength=3).argmax() for row in group] for group in raters])
    copy, _, echo, other, _ = (drawn(rng, group, MEMBERS) for group in shares)
    held = {COPY: copy, STEREOTYPE: np.repeat(modes[1][:, None], MEMBERS, axis=1), ECHO: echo, OTHER: other}
    held[LONELY] = drawn(rng, shares[4], MEMBERS)

    def asked(persona: str) -> Labels:
        opinion = held[persona]
        if persona == STEREOTYPE:
            return opinion
        return np.where(rng.random(opinion.shape) < FIRM, opinion, rng.integers(0, 3, opinion.shape))

    own, again, shuffled = ({name: asked(name) for name in held} for _ in range(3))
    shuffled[ECHO] = drawn(rng, shares[3], MEMBERS)  # it answers as whoever's label it is given
    return World(raters, {"own": own, "again": again, "shuffled": shuffled})


def people_of(made: World, names: Sequence[str], labels: Sequence[str], item: str = "q{:03d}") -> list[PersonLabel]:
    return [
        PersonLabel(item.format(number), name, f"{name}-{rater}", labels[said])
        for name, group in zip(names, made.raters, strict=True)
        for number, row in enumerate(group)
        for rater, said in enumerate(row)
    ]


def single(court: Court, number: int) -> str:
    """An item with one response, to be graded."""
    name = f"q{number:03d}"
    made = Item(id=name, prompt="?", responses=[Response(id="a", text="a")])
    court.put("item", item_row(made, dataset="d", position=number))
    court.put("response", *response_rows(made, dataset="d"))
    return name


def verdict(item: str, persona: str, sample: int, label: str, *, scored: bool, number: int = 0) -> Verdict:
    key: dict[str, Any] = {"item": item, "judge": "j", "persona": persona, "sample": sample}
    if scored:
        return Verdict(**key, presentation=("a",), scores={"a": float(label)})
    return Verdict(**key, presentation=("a", "b") if number % 2 else ("b", "a"), preferred=label)


def plant(court: Court, made: World, labels: Sequence[str], *, scored: bool) -> None:
    """Items, personas, and the three runs with each member's verdicts."""
    court.people(*(one.persona for one in PANEL))
    for number in range(ITEMS):
        if scored:
            single(court, number)
        else:
            court.item(None)
    for run, told in made.said.items():
        court.run(run, protocol="score" if scored else "pairwise", plan=PLANS[run])
        court.verdicts(
            *(
                verdict(f"q{number:03d}", persona, sample, labels[said], scored=scored, number=number)
                for persona, table in told.items()
                for number, row in enumerate(table)
                for sample, said in enumerate(row)
            ),
            run=run,
        )


PLANS: dict[str, dict[str, Any]] = {"own": {}, "again": {"retest": True}, "shuffled": {"dossiers": "shuffled"}}
SCORES, SIDES = ("0", "1", "2"), ("a", "b", "tie")


@dataclass(frozen=True)
class Planted:
    """A store in which a world was planted, and the labels that people gave."""

    court: Court
    world: World
    people: list[PersonLabel]

    def measured(self, runs: Mapping[str, str] = RUNS, panel: Sequence[Speaker] = PANEL) -> Fidelity:
        """What the runs say."""
        return fidelity(self.court.store, panel, runs, self.people)


@pytest.fixture(scope="module", params=["score", "pairwise"])
def planted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    """A world, once in grades from 0 to 2, and once in preferences."""
    scored = request.param == "score"
    labels = SCORES if scored else SIDES
    made = world(11)
    with Store.open(tmp_path_factory.mktemp("fidelity") / "world.db", create=True) as store:
        court = Court(store)
        plant(court, made, labels, scored=scored)
        yield Planted(court, made, people_of(made, [*NAMES.values()], labels))


def by_name(found: Fidelity) -> dict[str, PersonaFidelity]:
    return {one.speaker.persona: one for one in found.personas}


def test_a_faithful_copy_is_nearest_to_its_own_people_and_passes_every_gate(planted: Planted) -> None:
    copy = by_name(planted.measured())[COPY]
    assert (copy.rank, copy.groups, copy.group, copy.silent) == (1.0, 5, "p/copy", 0)
    assert copy.gates == dict.fromkeys((*GATES, NEAR, UNMOVED), True)
    excess, ratio = copy.divergence.excess, copy.spread.ratio
    assert excess.low is not None and excess.high is not None and excess.low < 0 < excess.high
    assert ratio.low is not None and ratio.high is not None and ratio.low < 1 < ratio.high
    assert copy.retest is not None and copy.retest.agreement.estimate == pytest.approx(0.935, abs=0.025)
    assert copy.swap is not None and copy.swap.moved is False


def test_a_stereotype_fails_by_its_spread_although_it_is_nearest_to_its_people(planted: Planted) -> None:
    found = by_name(planted.measured())[STEREOTYPE]
    assert found.rank == 1.0 and found.spread.ratio.estimate == 0.0
    assert found.gates == {GATES[0]: False, GATES[1]: True, NEAR: True, UNMOVED: True}
    assert found.divergence.excess.low is not None and found.divergence.excess.low > 0
    assert found.retest is not None and found.retest.agreement.estimate == 1.0


def test_a_persona_that_follows_its_label_alone_is_moved_by_another_and_fails_by_that(planted: Planted) -> None:
    found = by_name(planted.measured())
    assert found[ECHO].rank == 1.0
    assert found[ECHO].gates == {GATES[0]: True, GATES[1]: True, NEAR: True, UNMOVED: False}
    assert {name: one.swap is not None and one.swap.moved for name, one in found.items()} == {
        **{COPY: False, STEREOTYPE: False, OTHER: False, ECHO: True}
    }


def test_who_has_no_people_and_who_has_no_persona_is_named_and_people_are_found_by_any_name(planted: Planted) -> None:
    found = planted.measured()
    assert (found.without_group, found.without_persona) == ((LONELY,), ("nobody's",))
    assert {one.speaker.persona: one.group for one in found.personas} == {
        name: group for name, group in NAMES.items() if name
    }
    assert [one.speaker.persona for one in found.personas] == sorted(name for name in NAMES if name)
    assert (found.items, found.unread, found.panel, found.runs) == (ITEMS, 0, "p", RUNS)
    assert found.identifiability is not None and found.identifiability.top1.estimate == 1.0
    assert found.identifiability.dealt is not None and found.identifiability.dealt.p_value == pytest.approx(1 / 24)


def test_the_counts_are_those_of_the_world(planted: Planted) -> None:
    """The distances through the store are those of the labels themselves."""
    from plurijudge.metrics.fidelity import identifiability, within_variance_ratio

    def counted(table: Labels) -> Labels:
        return np.stack([(table == label).sum(axis=-1) for label in range(3)], axis=-1)

    own = planted.world.said["own"]
    crowds = counted(planted.world.raters)
    order = [COPY, ECHO, OTHER, STEREOTYPE]  # by id, as found; the crowds stand as in NAMES
    places = [0, 2, 3, 1]
    near = identifiability([counted(own[name]) for name in order], crowds[[*places, 4]])
    found = planted.measured()
    assert found.identifiability is not None
    assert found.identifiability.distances == pytest.approx(near.distances)
    scale = np.arange(3.0) if found.labels == SCORES else None
    spread = within_variance_ratio(counted(own[ECHO]), crowds[2], values=scale)
    assert by_name(found)[ECHO].spread == spread
    assert found.labels == (SCORES if found.labels[0] == "0" else SIDES)


def test_gates_whose_runs_were_not_made_are_unknown(planted: Planted) -> None:
    alone = by_name(planted.measured({"panel": "own"}))[COPY]
    assert (alone.retest, alone.swap) == (None, None)
    assert alone.gates == {GATES[0]: True, GATES[1]: None, NEAR: True, UNMOVED: None}
    assert {"retest", "label_shift"}.isdisjoint(alone.estimates())
    again = by_name(planted.measured({"panel": "own", "retest": "again"}))[COPY]
    assert again.gates == {GATES[0]: True, GATES[1]: True, NEAR: True, UNMOVED: None}
    swapped = by_name(planted.measured({"panel": "own", "shuffled": "shuffled"}))[ECHO]
    assert swapped.gates[UNMOVED] is None and swapped.gates[GATES[1]] is None


def test_among_three_groups_everybody_is_near_and_that_gate_is_unknown(planted: Planted) -> None:
    three = {NAMES[name] for name in (COPY, STEREOTYPE, ECHO)}
    few = replace(planted, people=[one for one in planted.people if one.group in three])
    found = by_name(few.measured())
    assert [one.groups for one in found.values()] == [3] * 3 and found[COPY].rank == 1.0
    assert found[COPY].gates[NEAR] is None
    alone = replace(planted, people=[one for one in planted.people if one.group == NAMES[COPY]]).measured()
    assert alone.identifiability is None and by_name(alone)[COPY].rank is None
    assert alone.to_dict()["top1"] is None


def test_what_is_saved_stands_in_rows_and_beside_each_dossier_by_judge(planted: Planted) -> None:
    found = planted.measured()
    number = save(planted.court.store, found, against="labels.csv", command="plurijudge panels fidelity")
    with planted.court.store.engine.connect() as connection:
        wanted = select(T["analysis"]).where(T["analysis"].c.id == number)
        analysis = connection.execute(wanted).mappings().one()
        rows = connection.execute(select(T["persona_fidelity"]).where(T["persona_fidelity"].c.analysis == number))
        told = {(row["persona"], row["measure"]): row for row in rows.mappings()}
    assert (analysis["kind"], json.loads(analysis["runs"])) == ("persona_fidelity", ["own", "again", "shuffled"])
    assert json.loads(analysis["options"]) == {"panel": "p", "against": "labels.csv"}
    measures = {"divergence", "divergence_floor", "divergence_excess", "within_variance_ratio", "retest"}
    measures |= {"retest_others", "label_shift"}
    assert set(told) == {(one, name) for one in NAMES if one for name in measures} | {("", "top1"), ("", "top3")}
    row = told[OTHER, "divergence"]
    assert (row["persona_group"], row["judge"], row["against"], row["digest"]) == (
        *("Zealandia", "j", "labels.csv"),
        f"dossier of {OTHER}",
    )
    dealt = by_name(found)[OTHER].divergence.dealt
    assert dealt is not None and row["p_value"] == dealt.p_value and dealt.deals == 4  # as many as have people
    noted = measured_of(planted.court.store, [(one.persona, one.digest) for one in PANEL])
    assert noted[LONELY] == {}
    told_of_echo = noted[ECHO]["fidelity"]["j"]
    assert told_of_echo["gates"][UNMOVED] is False and told_of_echo["rank"] == 1.0
    assert (told_of_echo["group"], told_of_echo["run"], told_of_echo["against"]) == (NAMES[ECHO], "own", "labels.csv")
    assert told_of_echo["divergence"] == by_name(found)[ECHO].divergence.found.estimate
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["personas"][0]["moved_by_label"] is False


def test_what_is_found_does_not_hang_on_the_order_of_the_panel_or_of_the_file(planted: Planted) -> None:
    mixed = replace(planted, people=planted.people[::-1]).measured(panel=PANEL[::-1])
    assert mixed.to_dict() == planted.measured().to_dict()


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ({"panel": "own", "retest": "begun"}, "The run begun is still open"),
        ({"panel": "own", "retest": "own"}, "another run"),
        ({"panel": "own", "retest": "stranger"}, "another panel, judge or seed"),
        ({"panel": "own", "retest": "elsewhere"}, "other items"),
        ({"panel": "own", "retest": "shuffled"}, "`shuffled`"),
        ({"panel": "own", "shuffled": "again"}, "`own`"),
        ({"panel": "shuffled"}, "`shuffled`"),
    ],
)
def test_open_runs_and_runs_that_are_not_what_they_are_called_are_refused(
    tmp_path: Path, runs: dict[str, str], message: str
) -> None:
    with Store.open(tmp_path / "runs.db", create=True) as store:
        court = Court(store)
        court.put("dataset", {"id": "e", "name": "another"})
        for name, plan in PLANS.items():
            court.run(name, plan=plan)
        court.run("begun", status="open")
        court.run("stranger", panel="q")
        court.run("elsewhere", dataset="e")
        people = [PersonLabel("q", "p/copy", "", "a")]
        with pytest.raises(BadInput, match=message):
            fidelity(court.store, PANEL, runs, people)
        with pytest.raises(NotFound):
            fidelity(court.store, PANEL, {"panel": "nowhere"}, people)


def test_labels_that_are_nobodys_or_no_numbers_are_refused(store: Store) -> None:
    court = Court(store)
    court.run("own")
    court.run("graded", protocol="score")
    with pytest.raises(BadInput, match="the groups are martians, venusians") as refused:
        fidelity(
            court.store, PANEL, {"panel": "own"}, [PersonLabel("q", g, "", "a") for g in ("venusians", "martians")]
        )
    assert COPY in refused.value.way_out
    with pytest.raises(BadInput, match="the groups are none"):
        fidelity(court.store, PANEL, {"panel": "own"}, [])
    for odd in ("good", "nan", "inf"):
        people = [PersonLabel("q", "p/copy", "", label) for label in ("1", odd)]
        with pytest.raises(BadInput, match=f"'{odd}' is no number"):
            fidelity(court.store, PANEL, {"panel": "graded"}, people)


def test_people_who_are_called_by_several_names_of_one_persona_are_one_group(planted: Planted) -> None:
    """One file may say `p/copy`, `Copy` and `COPY`: these are the same people."""
    several = {0: "p/copy", 1: "Copy", 2: "COPY!"}
    mixed = [
        one._replace(group=several[number % 3]) if one.group == NAMES[COPY] else one
        for number, one in enumerate(planted.people)
    ]
    found = replace(planted, people=mixed).measured()
    assert (by_name(found)[COPY].group, by_name(found)[COPY].groups) == ("COPY!", 5)
    assert found.without_persona == ("nobody's",)
    assert by_name(found)[COPY].divergence == by_name(planted.measured())[COPY].divergence


def test_answers_that_are_no_label_are_counted_and_those_that_are_no_answer_too(store: Store) -> None:
    court = Court(store)
    court.people(COPY)
    court.run("own")
    table: list[tuple[str | None, Status]] = [("a", "ok"), ("b", "ok"), ("tie", "ok"), (None, "abstained")]
    table += [(None, "error"), ("tie", "ok")]
    for number, (said, status) in enumerate(table):
        item = court.item(None)
        key: dict[str, Any] = {"item": item, "judge": "j", "persona": COPY, "presentation": ("a", "b")}
        told = {"preferred": said} if said else {"status": status, "reason": "r"}
        court.verdicts(Verdict(**key, sample=number, **told), run="own")
        court.verdicts(Verdict(**key, sample=number, step="decide", preferred="b"), run="own")  # no final word
        court.verdicts(Verdict(**{**key, "persona": "p/who"}, preferred="b"), run="own")  # nobody's
    elsewhere = court.item(None)
    court.verdicts(Verdict(item=elsewhere, judge="j", persona=COPY, presentation=("a", "b"), preferred="b"), run="own")
    people = [PersonLabel(f"q{n:03d}", "p/copy", f"h{m}", "ab"[m]) for n in range(len(table)) for m in range(2)]
    found = fidelity(court.store, [speaker(COPY)], {"panel": "own"}, people)
    [one] = found.personas
    assert (found.unread, one.silent, found.items, found.labels) == (2, 2, 2, ("a", "b"))
    assert one.divergence.found.n == 2


def test_a_grade_counts_as_the_nearest_that_people_gave_and_responses_are_told_apart_by_name(store: Store) -> None:
    court = Court(store)
    court.people(COPY)
    court.run("own", protocol="score")
    item = court.item(None)
    for side, grades in (("a", (0.4, 0.6, 2.2)), ("b", (4.4, 9.0, 9.0))):
        for sample, grade in enumerate(grades):
            key: dict[str, Any] = {"item": item, "judge": "j", "persona": COPY, "presentation": (side,)}
            court.verdicts(Verdict(**key, sample=sample, scores={side: grade}), run="own")
    people = [PersonLabel(f"{item}/a", "p/copy", str(n), label) for n, label in enumerate(("0", "1", "1"))]
    people += [PersonLabel(f"{item}/b", "p/copy", str(n), label) for n, label in enumerate(("10", "10", "10"))]
    found = fidelity(court.store, [speaker(COPY)], {"panel": "own"}, people)
    assert found.labels == ("0", "1", "10") and (found.items, found.unread) == (2, 0)
    [one] = found.personas
    # of a: one 0 and two 1, as people; of b: 4.4 is nearer to 1 than to 10
    values = np.array([0.0, 1.0, 10.0])
    by_hand = (np.var(values[[0, 1, 1]], ddof=1) + np.var(values[[1, 2, 2]], ddof=1)) / 2
    assert one.spread.members.estimate == pytest.approx(by_hand)
    assert one.spread.people.estimate == pytest.approx(np.var(values[[0, 1, 1]], ddof=1) / 2)
    assert one.divergence.found.estimate is not None and one.divergence.found.estimate > 0


def test_retest_holds_each_member_against_itself_on_the_same_presentation(store: Store) -> None:
    court = Court(store)
    court.people(COPY)
    court.run("own")
    court.run("again", plan=PLANS["again"])
    said = [("aab", "aba"), ("bb", "bba"), ("tb", "tb")]
    for first, second in said:
        item = court.item(None)
        for run, told in (("own", first), ("again", second)):
            for sample, label in enumerate(told):
                preferred = "tie" if label == "t" else label
                key: dict[str, Any] = {"item": item, "judge": "j", "persona": COPY, "presentation": ("a", "b")}
                court.verdicts(Verdict(**key, sample=sample, preferred=preferred), run=run)
    people = [PersonLabel(f"q{n:03d}", "p/copy", g, g) for n in range(3) for g in ("a", "b", "tie")]
    [one] = fidelity(court.store, [speaker(COPY)], {"panel": "own", "retest": "again"}, people).personas
    assert one.retest is not None and one.retest.agreement.estimate == pytest.approx((1 + 2 + 2) / 7)
    assert one.gates["retest agreement at least 0.8"] is False

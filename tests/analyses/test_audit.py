"""Does an audit's report say what its verdicts say: what was planted, how far it moved the judge, and nothing else?"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import exp
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from sqlalchemy import insert, select

from plurijudge.agents.builtin import planted
from plurijudge.agents.perturbers.base import Edit, Perturber, Unfit
from plurijudge.agents.perturbers.known import perturbers_of
from plurijudge.agents.subject import Subject
from plurijudge.analyses.audit import Audit, Bias, audit, save
from plurijudge.graphs.audit import perturbed
from plurijudge.store.canonical import canonical
from plurijudge.store.engine import Store, writing
from plurijudge.store.files import item_of_fields
from plurijudge.store.records import Gold, Item, Response, Verdict, VerdictKey
from plurijudge.store.rows import item_row, label_row, response_rows, verdict_row
from plurijudge.store.tables import metadata
from plurijudge.text.errors import BadInput, NotFound

T = metadata.tables
EXAMPLES = [
    item_of_fields(json.loads(line))
    for line in (Path(__file__).parents[2] / "examples" / "items.jsonl").read_text(encoding="utf-8").splitlines()
]
AB, BA = ("a", "b"), ("b", "a")
ORDERS = (AB, BA)

Pick = str | None
Judge = Callable[[Item, tuple[str, ...], int], Pick]
Said = dict[tuple[str, tuple[str, ...], int], Pick]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(tmp_path / "room.db", create=True) as store:
        yield store


def judged(
    store: Store,
    items: Iterable[Item],
    judge: Judge,
    *,
    run: str = "r",
    unasked: Sequence[str] = (),
    samples: int = 1,
    controls: int = 2,
    **more: Any,
) -> Said:
    """Store a closed run in which a judge picks a response's id, `tie`, or None where it gives no verdict."""
    tables = ("dataset", "run", "item", "response", "label", "verdict")
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in tables}
    data, said = f"d-{run}", Said()
    rows["dataset"].append({"id": data, "name": "by hand"})
    told = {"plan": canonical(PLAN), **more}
    rows["run"] = [{"id": run, "dataset": data, "judge": "j", "status": "closed", **told}]
    for number, item in enumerate(items, 1):
        rows["item"].append(item_row(item, dataset=data, position=number))
        rows["response"] += response_rows(item, dataset=data)
        rows["label"] += [label_row(one, dataset=data, item=item.id, source="") for one in item.gold]
        for shown in ORDERS if len(item.responses) == 2 and item.id not in unasked else ():
            for sample in range(samples if item.parent else controls):
                pick = said[item.id, shown, sample] = judge(item, shown, sample)
                unit = VerdictKey(item=item.id, judge="j", presentation=shown, sample=sample)
                told = {"status": "error", "reason": "server_error"} if pick is None else {"preferred": pick}
                verdict = Verdict(**unit.model_dump(), **told)
                rows["verdict"].append(verdict_row(verdict, run=run, dataset=data))
    with writing(store.engine).begin() as connection:
        for table, values in rows.items():
            if values:
                connection.execute(insert(T[table]), values)
    return said


PLAN = {"judge": {"model": "m", "protocol": "pairwise"}, "plan": {}}


def at_random(seed: int, *, missing: float = 0.0) -> Judge:
    """A judge whose words hang on nothing."""

    def pick(item: Item, shown: tuple[str, ...], sample: int) -> Pick:
        draws = random.Random(f"{seed} {item.id} {shown} {sample}")
        if draws.random() < missing:
            return None
        return draws.choice(["a", "a", "b", "b", "tie"])

    return pick


def terms(query: str) -> Judge:
    """A planted judge, asked without a run around it."""

    def pick(item: Item, shown: tuple[str, ...], sample: int) -> Pick:
        key = VerdictKey(item=item.id, judge="j", presentation=shown, sample=sample)
        verdict = json.loads(planted.answer(Subject(key, item, ("A", "B"), "pairwise"), query))["verdict"]
        return dict(zip(("A", "B"), shown, strict=True)).get(verdict, "tie")

    return pick


def one(found: Audit, name: str) -> Bias:
    return next(bias for bias in found.biases if bias.name == name)


def flagged(found: Audit) -> set[str]:
    return {bias.name for bias in found.biases if bias.kind == "cue" and bias.found}


def for_a(pick: Pick) -> float | None:
    return None if pick is None else {"a": 1.0, "b": 0.0, "tie": 0.5}[pick]


def mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def filled(values: Iterable[float | None], fill: float) -> float:
    return fmean(fill if value is None else value for value in values)


class Script:
    """What was said, and every figure of the report computed from it by hand."""

    def __init__(self, said: Said, items: Sequence[Item]) -> None:
        self.said, self.items = said, [item for item in items if not item.parent]

    def heard(self, item: str, shown: tuple[str, ...]) -> list[float | None]:
        """Whether A is preferred, by sample."""
        return [for_a(pick) for (name, order, _), pick in self.said.items() if (name, order) == (item, shown)]

    def sides(self, name: str) -> list[tuple[list[float | None], list[float | None]]]:
        """Of each item and order what was heard with the cue on A and with it on B."""
        return [
            (self.heard(f"{item.id}~{name}@a", shown), self.heard(f"{item.id}~{name}@b", shown))
            for item in self.items
            for shown in ORDERS
            if self.heard(f"{item.id}~{name}@a", shown) and self.heard(f"{item.id}~{name}@b", shown)
        ]

    def places(self) -> list[tuple[list[float | None], list[float | None]]]:
        """Of each item what was heard with A in front and with B."""
        return [(self.heard(item.id, AB), self.heard(item.id, BA)) for item in self.items]

    def unsided(self, name: str) -> list[tuple[list[float | None], list[float | None]]]:
        """Of each item with gold and each order how right it was with the cue and without."""
        return [
            (self.right(item, f"{item.id}~{name}", shown), self.right(item, item.id, shown))
            for item in self.items
            if item.gold
            for shown in ORDERS
        ]

    def right(self, item: Item, name: str, shown: tuple[str, ...]) -> list[float | None]:
        """How right was what was heard."""
        better = item.gold[0].preferred == "a"
        return [None if pick is None else pick if better else 1 - pick for pick in self.heard(name, shown)]


def contrast(sides: list[tuple[list[float | None], list[float | None]]], most: float) -> float:
    """The mean over complete pairs."""
    means = [(mean(one), mean(other)) for one, other in sides]
    return most * fmean(one - other for one, other in means if one is not None and other is not None)


def extremes(sides: list[tuple[list[float | None], list[float | None]]], most: float) -> tuple[float, float]:
    """The least and the greatest contrast over all that the missing verdicts might have been."""
    low = fmean(filled(one, 0.0) - filled(other, 1.0) for one, other in sides)
    high = fmean(filled(one, 1.0) - filled(other, 0.0) for one, other in sides)
    return most * low, most * high


BATTERY = ("bandwagon", "authority", "empty")


class Shout(Perturber):
    """Both answers in capitals."""

    name, means, remedy, sided = "shout", "judges otherwise once both answers shout", "lower your voice", False

    def edit(self, item: Item, side: str, draws: Any) -> Edit:
        return Edit("both", {one.id: (one.text or "").upper() for one in item.responses}, inserted="capitals")


class Loud(Perturber):
    """One answer in capitals, where it does not end in a point already on that side."""

    name, means, remedy = "loud", "prefers the answer that shouts", "lower your voice"

    def edit(self, item: Item, side: str, draws: Any) -> Edit:
        if item.meta.get("quiet") == side:
            raise Unfit("it cannot shout")
        return Edit("response", {side: (item.response(side).text or "").upper()}, inserted="capitals")


def cases(n: int) -> list[Item]:
    """Items of which two in three have gold."""
    return [
        Item(
            id=f"q{number:02d}",
            prompt="?",
            responses=[Response(id="a", text="It is this."), Response(id="b", text="It is that.")],
            gold=[Gold(preferred="ab"[number % 2])] if number % 3 else [],
        )
        for number in range(n)
    ]


def battery(items: Sequence[Item], *names: str, own: Sequence[Perturber] = ()) -> list[Item]:
    return list(perturbed(items, [*perturbers_of(names), *own]))


# Figures.


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("missing", [0.0, 0.15], ids=["whole", "missing"])
def test_every_figure_is_the_one_that_is_computed_by_hand(store: Store, seed: int, missing: float) -> None:
    items = battery(cases(15), *BATTERY, own=[Shout()])
    script = Script(judged(store, items, at_random(seed, missing=missing)), items)
    found = audit(store, "r")
    assert (found.run, found.judge, found.items) == ("r", "j", 15)
    assert [bias.name for bias in found.biases] == ["position", "authority", "bandwagon", "empty", "shout"]
    figures = {name: (script.sides(name), 0.5) for name in BATTERY}
    figures |= {"position": (script.places(), 0.5), "shout": (script.unsided("shout"), 1.0)}
    for name, (sides, most) in figures.items():
        bias = one(found, name)
        assert bias.effect.effect.estimate == pytest.approx(contrast(sides, most))
        heard = [pick for pair in sides for cell in pair for pick in cell]
        lost = sum(pick is None for pick in heard)
        assert (bias.effect.calls, bias.effect.calls_missing) == (len(heard) - lost, lost)
        assert (lost > 0) == (missing > 0)
        assert bias.effect.bounds == pytest.approx(extremes(sides, most))
        assert (bias.kind, bias.sided) == ("sensitivity" if name == "empty" else "cue", name != "shout")
        assert bias.items == 15
    with_gold = sum(bool(item.gold) for item in items if not item.parent)
    assert one(found, "shout").effect.effect.n + one(found, "shout").effect.effect.left_out == 15
    assert one(found, "shout").effect.effect.n <= with_gold == 10
    again = [cell for pair in script.places() for cell in pair]
    same = [cell[0] == cell[1] for cell in again if None not in cell]
    assert found.noise.estimate == pytest.approx(fmean(same))


def test_a_judge_that_follows_a_cue_always_is_moved_by_half(room: Store) -> None:
    def pick(item: Item, shown: tuple[str, ...], sample: int) -> Pick:
        told = item.perturbation or {}
        return str(told["side"]) if told.get("bias") == "bandwagon" else shown[0]

    judged(room, battery(cases(20), "bandwagon", "authority"), pick)
    found = audit(room, "r")
    assert one(found, "bandwagon").effect.effect.estimate == 0.5
    assert one(found, "position").effect.effect.estimate == 0.5
    assert one(found, "authority").effect.effect.estimate == 0.0
    assert flagged(found) == {"bandwagon", "position"}
    assert found.noise.estimate == 1.0


def test_a_judge_that_turns_away_from_a_cue_has_an_effect_below_zero(room: Store) -> None:
    def pick(item: Item, shown: tuple[str, ...], sample: int) -> Pick:
        told = item.perturbation or {}
        return "a" if told.get("side", "b") == "b" else "b"

    judged(room, battery(cases(20), "bandwagon", "empty"), pick)
    found = audit(room, "r")
    assert one(found, "bandwagon").effect.effect.estimate == -0.5
    assert flagged(found) == {"bandwagon"}
    assert one(found, "empty").found is True  # an edit that drives the judge away is noticed


def test_an_edit_that_draws_the_judge_is_not_noticed(room: Store) -> None:
    def pick(item: Item, shown: tuple[str, ...], sample: int) -> Pick:
        return str((item.perturbation or {}).get("side", "a"))

    judged(room, battery(cases(20), "empty"), pick)
    bias = one(audit(room, "r"), "empty")
    assert (bias.found, bias.decision, bias.effect.effect.estimate) == (False, None, 0.5)


def test_which_response_stands_first_in_the_file_makes_no_difference(room: Store) -> None:
    items = battery(cases(15), *BATTERY, own=[Shout()])
    turned = [item.model_copy(update={"responses": item.responses[::-1]}) for item in items]
    judged(room, items, at_random(3), run="r")
    judged(room, turned, at_random(3), run="turned")
    one_way, other = audit(room, "r"), audit(room, "turned")
    for bias, same in zip(one_way.biases, other.biases, strict=True):
        assert bias.effect.effect.estimate == pytest.approx(same.effect.effect.estimate)
        assert bias.effect.p_value == pytest.approx(same.effect.p_value)


def test_samples_of_planted_items_are_taken_together_and_the_first_two_controls_are_the_noise(room: Store) -> None:
    items = battery(cases(12), "bandwagon")
    script = Script(judged(room, items, at_random(4), samples=3, controls=3), items)
    found = audit(room, "r")
    assert one(found, "bandwagon").effect.calls == 12 * 2 * 2 * 3
    assert one(found, "bandwagon").effect.effect.estimate == pytest.approx(contrast(script.sides("bandwagon"), 0.5))
    same = [cell[0] == cell[1] for pair in script.places() for cell in pair]
    assert found.noise.estimate == pytest.approx(fmean(same))


def test_items_judged_once_tell_no_noise_floor_and_the_rest_all_the_same(room: Store) -> None:
    judged(room, battery(cases(12), "bandwagon"), at_random(5), controls=1)
    found = audit(room, "r")
    assert found.noise.estimate is None and found.noise.reason == "untouched items were judged once"
    assert one(found, "position").effect.effect.estimate is not None


# What is left out, and what is missing.


def test_an_item_that_takes_a_cue_on_one_side_only_is_left_out(room: Store) -> None:
    quiet = [item.model_copy(update={"meta": {"quiet": "ab"[n % 2]}}) for n, item in enumerate(cases(15)) if n % 3 == 0]
    whole = [item for n, item in enumerate(cases(15)) if n % 3]
    items = battery([*quiet, *whole], own=[Loud()])
    assert len(items) == 15 + 5 + 20
    script = Script(judged(room, items, at_random(6)), items)
    bias = one(audit(room, "r"), "loud")
    assert bias.items == 10 == bias.effect.effect.n
    assert bias.effect.calls == 10 * 4 and bias.effect.calls_missing == 0
    assert bias.effect.effect.estimate == pytest.approx(contrast(script.sides("loud"), 0.5))


def test_what_was_never_asked_for_is_not_missing(room: Store) -> None:
    items = battery(cases(15), "bandwagon")
    unasked = ("q00", "q00~bandwagon@a", "q00~bandwagon@b", "q01~bandwagon@b")  # set aside, such as for their length
    judged(room, items, at_random(7), unasked=unasked)
    found = audit(room, "r")
    assert (found.items, one(found, "position").items, one(found, "bandwagon").items) == (14, 14, 13)
    assert {bias.effect.calls_missing for bias in found.biases} == {0}


def test_items_of_three_responses_and_items_derived_by_others_are_no_controls(room: Store) -> None:
    three = Item(id="three", prompt="?", responses=[Response(id=name, text=name) for name in "abc"])
    child = cases(1)[0].model_copy(update={"id": "child", "parent": "somebody", "perturbation": {"by": "hand"}})
    judged(room, [*battery(cases(12), "bandwagon"), three, child], at_random(8))
    found = audit(room, "r")
    assert found.items == 12 and one(found, "position").effect.calls == 12 * 4


def test_a_bias_that_missing_verdicts_could_undo_is_not_flagged_and_it_is_said(room: Store) -> None:
    def silent(every: int) -> Judge:
        """One that follows four cues in five, and says nothing of every so-many-eth item where one is."""

        def pick(item: Item, shown: tuple[str, ...], sample: int) -> Pick:
            number, told = int(item.id[1:3]), item.perturbation or {}
            if told and number % every == 0:
                return None
            return str(told["side"]) if told and number % 5 else "ab"[number % 2]

        return pick

    for every, there in ((6, True), (2, None)):
        items = battery(cases(30), "bandwagon")
        judged(room, items, silent(every), run=f"s{every}")
        bias = one(audit(room, f"s{every}"), "bandwagon")
        lost = 1 / every
        assert bias.effect.effect.estimate == pytest.approx(0.4) and bias.effect.effect.left_out == 30 * lost
        assert bias.effect.bounds == pytest.approx((0.4 * (1 - lost) - 0.5 * lost, 0.4 * (1 - lost) + 0.5 * lost))
        assert bias.found is there
        assert bias.effect.conclusion == ("bias" if there else "hangs on what is missing")


def test_an_edit_that_missing_verdicts_could_make_unnoticed_is_unknown_and_not_unnoticed(room: Store) -> None:
    def pick(item: Item, shown: tuple[str, ...], sample: int) -> Pick:
        if item.parent and int(item.id[1:3]) % 2:
            return None
        return {"a": "b", "b": "a"}.get((item.perturbation or {}).get("side", ""), "tie")

    judged(room, battery(cases(30), "empty"), pick)
    bias = one(audit(room, "r"), "empty")
    assert (bias.effect.effect.estimate, bias.effect.bounds) == (-0.5, (-0.5, 0.0))
    assert bias.found is None


def test_a_judge_that_never_answers_leaves_all_unknown_within_the_widest_bounds(room: Store) -> None:
    judged(room, battery(cases(12), "bandwagon", "empty", own=[Shout()]), lambda item, shown, sample: None)
    found = audit(room, "r")
    assert found.noise.estimate is None
    for bias in found.biases:
        assert bias.effect.effect.estimate is None and bias.effect.conclusion == "unknown"
        assert bias.found is None
        most = 0.5 if bias.sided else 1.0
        assert bias.effect.bounds == (-most, most)


def test_without_gold_a_cue_without_a_side_is_unknown(room: Store) -> None:
    bare = [item.model_copy(update={"gold": []}) for item in cases(12)]
    judged(room, battery(bare, "bandwagon", own=[Shout()]), at_random(9))
    found = audit(room, "r")
    assert one(found, "shout").effect.effect.estimate is None and one(found, "shout").found is None
    assert one(found, "bandwagon").effect.effect.estimate is not None


def test_gold_may_be_that_of_one_group(room: Store) -> None:
    both = [Gold(annotator="x", group="g", preferred="a"), Gold(annotator="y", group="h", preferred="b")]
    items = battery([item.model_copy(update={"gold": both}) for item in cases(12)], own=[Shout()])
    judged(room, items, lambda item, shown, sample: "a" if item.parent else "b")
    assert one(audit(room, "r", group="g"), "shout").effect.effect.estimate == 1.0
    assert one(audit(room, "r", group="h"), "shout").effect.effect.estimate == -1.0
    assert one(audit(room, "r"), "shout").effect.effect.estimate is None  # they cancel


# Runs that cannot be read.


def test_a_run_that_is_open_grades_or_is_no_audit_of_one_judge_is_refused(room: Store) -> None:
    items = battery(cases(3), "bandwagon")
    scoring = canonical({"judge": {"model": "m", "protocol": "score"}, "plan": {}})
    judged(room, items, at_random(1), run="open", status="open")
    judged(room, items, at_random(1), run="score", plan=scoring)
    judged(room, items, at_random(1), run="panel", panel="p", panel_digest="x")
    judged(room, items, at_random(1), run="retry", parent="open")
    with pytest.raises(BadInput, match="open is still open") as raised:
        audit(room, "open")
    assert raised.value.way_out == "plurijudge judge --run open"
    for run, message in (
        ("score", "single responses"),
        ("panel", "a panel's"),
        ("retry", "only what had failed in open"),
    ):
        with pytest.raises(BadInput, match=message):
            audit(room, run)
    with pytest.raises(NotFound):
        audit(room, "nowhere")


# What is kept.


def test_all_measures_are_kept_a_line_each(store: Store) -> None:
    items = battery(cases(15), *BATTERY, own=[Shout()])
    judged(store, items, at_random(10, missing=0.1))
    found = audit(store, "r")
    number = save(store, found, command="plurijudge audit --run r")
    with store.engine.connect() as connection:
        (analysis,) = connection.execute(select(T["analysis"])).mappings().all()
        lines = connection.execute(select(T["bias_effect"])).mappings().all()
    assert (analysis["id"], analysis["kind"], json.loads(analysis["runs"])) == (number, "bias_effect", ["r"])
    assert analysis["command"] == "plurijudge audit --run r"
    kept = {(line["bias"], line["measure"]): line for line in lines if not line["arm"]}
    assert len(lines) == 1 + 4 * len(found.biases) + len(found.lines)
    assert {line["analysis"] for line in lines} == {number} and {line["judge"] for line in lines} == {"j"}
    assert kept["", "self_agreement"]["estimate"] == pytest.approx(found.noise.estimate)
    for bias in found.biases:
        for measure in ("effect", "all_calls", "log_odds", "bounded"):
            line, told = kept[bias.name, measure], getattr(bias.effect, measure)
            for column in ("estimate", "low", "high", "standard_error", "n", "left_out"):
                assert line[column] == pytest.approx(getattr(told, column))
            assert line["p_value"] == pytest.approx(bias.effect.p_value)
            assert line["q_value"] == pytest.approx(bias.decision.q_value if bias.decision else None)
            assert (line["worst"], line["best"]) == pytest.approx(tuple(bias.effect.bounds))
            assert line["smallest_effect"] == pytest.approx(bias.effect.smallest_effect)
    assert all(kept["empty", "effect"][column] is not None for column in ("estimate", "p_value"))
    assert kept["empty", "effect"]["q_value"] is None  # edits are no findings among which false ones are counted


def test_what_is_told_is_plain_json_and_says_of_each_bias_whether_it_was_found(room: Store) -> None:
    judged(room, battery(cases(15), *BATTERY, own=[Shout()]), at_random(11, missing=0.1))
    found = audit(room, "r")
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["self_agreement"]["estimate"] == found.noise.estimate
    assert [(told["bias"], told["found"]) for told in document["biases"]] == [(b.name, b.found) for b in found.biases]
    for told, bias in zip(document["biases"], found.biases, strict=True):
        assert told["effect"]["estimate"] == bias.effect.effect.estimate
        assert told["decision"] == ({} if bias.decision is None else bias.decision._asdict())


# Judges whose biases are known, on the examples: what was planted is found, and nothing else.

CUED = ("verbosity", "bandwagon", "authority", "distraction", "injection", "identity")
LONGER = {"verbosity", "authority", "injection"}  # of these cues, those that make a response longer
SEEDS = (0, 1, 2)
PLANTED: list[tuple[str, set[str], set[str]]] = [
    ("position=0.8", {"position"}, set()),
    ("position=-0.8", {"position"}, set()),
    ("bandwagon=1", {"bandwagon"}, set()),
    ("authority=1", {"authority"}, set()),
    ("position=0.8&bandwagon=1", {"position", "bandwagon"}, set()),
    ("distraction=-1&injection=1", {"distraction", "injection"}, set()),
    ("length=2.5", {"verbosity"}, LONGER),  # what a cue adds in length moves it as far as it goes
    ("self=2&name=writer-1", set(), set()),  # whose answer it is stands on both sides of every contrast
    ("noise=0.5", set(), set()),
    ("", set(), set()),
]


@pytest.fixture(scope="module")
def examples() -> list[Item]:
    return battery(EXAMPLES, *CUED, "empty", "truncated", "wrong_number")


def audited(room: Store, items: Sequence[Item], query: str, seed: int, run: str = "r") -> Audit:
    judged(room, items, terms(f"{query}&seed={seed}".lstrip("&")), run=run)
    return audit(room, run)


@pytest.mark.parametrize(("query", "there", "may"), PLANTED, ids=[query or "clean" for query, *_ in PLANTED])
def test_what_was_planted_is_found_and_nothing_else(
    room: Store, examples: list[Item], query: str, there: set[str], may: set[str]
) -> None:
    for seed in SEEDS:
        found = audited(room, examples, query, seed, run=f"s{seed}")
        assert there <= flagged(found) <= there | may, f"seed {seed}"
        for bias in found.biases:
            if bias.kind == "sensitivity":  # few items hold a number, so a wrong one may pass unseen
                assert bias.found is True or bias.name == "wrong_number", f"{bias.name} in seed {seed}"
                assert (bias.effect.effect.estimate or 0) < 0
            if bias.name in there:
                estimate = bias.effect.effect.estimate
                assert estimate is not None
                assert (estimate < 0) == (f"{bias.name}=-" in query)


def test_the_effect_that_is_found_is_the_one_that_was_planted(room: Store, examples: list[Item]) -> None:
    query = "position=0.8&bandwagon=1"
    held = planted.parse(query)

    def share(item: Item, shown: tuple[str, ...]) -> float:
        key = VerdictKey(item=item.id, judge="j", presentation=shown)
        first, second = (item.response(name) for name in shown)
        odds = planted.log_odds(Subject(key, item, ("A", "B"), "pairwise"), held, first, second)
        chance = 1 / (1 + exp(-odds))
        return chance if shown == AB else 1 - chance

    by = {item.id: item for item in examples}
    truth = {
        "position": fmean((share(item, AB) - share(item, BA)) / 2 for item in EXAMPLES),
        "bandwagon": fmean(
            (share(by[f"{item.id}~bandwagon@a"], shown) - share(by[f"{item.id}~bandwagon@b"], shown)) / 2
            for item in EXAMPLES
            for shown in ORDERS
        ),
    }
    found = [audited(room, examples, query, seed, run=f"t{seed}") for seed in SEEDS]
    for name, true in truth.items():
        effects = [one(each, name).effect.effect for each in found]
        inside = [e.low <= true <= e.high for e in effects if e.low is not None and e.high is not None]
        assert sum(inside) >= len(SEEDS) - 1
        assert fmean(e.estimate or 0 for e in effects) == pytest.approx(true, abs=0.06)


def test_the_interval_of_a_clean_judge_ends_where_a_bias_would_have_been_found(
    room: Store, examples: list[Item]
) -> None:
    found = audited(room, examples, "", 0)
    for bias in found.biases:
        if bias.kind == "cue":
            assert bias.effect.smallest_effect is not None and 0.03 < bias.effect.smallest_effect < 0.12
            assert abs(bias.effect.effect.estimate or 0) < bias.effect.smallest_effect


@pytest.mark.parametrize("seed", SEEDS)
def test_a_deaf_judge_is_moved_by_no_edit_and_biased_all_the_same(room: Store, examples: list[Item], seed: int) -> None:
    found = audited(room, examples, "deaf=1&bandwagon=1", seed)
    assert {bias.name for bias in found.biases if bias.kind == "sensitivity"} == {"empty", "truncated", "wrong_number"}
    assert {one(found, name).found for name in ("empty", "truncated")} == {False}
    assert one(found, "wrong_number").found is not True  # few items hold a number: that may be too few to say
    assert flagged(found) == {"bandwagon"}


@pytest.mark.thorough
def test_biases_that_are_looked_for_in_vain_raise_the_bar_for_the_others(room: Store) -> None:
    """One in twenty true nulls has a p value under .05; beside nineteen others it is not found."""
    names = ("bandwagon", "authority", "distraction", "injection", "identity", "refinement", "compassion_fade")
    items, lone, battery_wide = battery(cases(30), *names), 0, 0
    for seed in range(12):
        judged(room, items, at_random(100 + seed), run=f"n{seed}")
        found = audit(room, f"n{seed}")
        lone += sum(bias.effect.flagged is True for bias in found.biases)
        battery_wide += len(flagged(found))
        for bias in found.biases:
            assert bias.decision is not None and bias.decision.q_value is not None and bias.effect.p_worst is not None
            assert bias.decision.q_value >= bias.effect.p_worst
    assert battery_wide < lone <= 12

"""Are recorded verdicts paired with their originals as arms and items say, and the rest named and left out?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from plurijudge.analyses.audit import Audit, audit
from plurijudge.analyses.recorded_lines import lines_set_aside
from plurijudge.store.datasets import Reading, dataset_of_file, store_all
from plurijudge.store.engine import Store, writing
from plurijudge.store.files import item_to_dict
from plurijudge.store.imports import import_verdicts
from plurijudge.store.records import Item
from plurijudge.text.errors import BadInput

from .test_audit import AB, BA, ORDERS, Said, Shout, T, at_random, battery, cases, judged, one

Line = dict[str, Any]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(tmp_path / "room.db", create=True) as store:
        yield store


def line(item: str, shown: Sequence[str], pick: str | None, arm: str = "", sample: int = 0, **more: Any) -> Line:
    told = {"preferred": pick} if pick else {"status": "error", "reason": "server_error"}
    return {"item": item, "judge": "j", "arm": arm, "presentation": [*shown], "sample": sample, **told, **more}


def written(folder: Path, lines: Iterable[Line]) -> Path:
    path = folder / "verdicts.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")
    return path


def imported(store: Store, folder: Path, lines: Iterable[Line], items: Iterable[Item] = ()) -> str:
    dataset, given = None, list(items)
    if given:
        path = folder / "items.jsonl"
        path.write_text("".join(json.dumps(item_to_dict(item)) + "\n" for item in given), encoding="utf-8")
        reading = Reading.of_file(dataset_of_file(store, path))
        store_all(store, reading)
        dataset = reading.dataset.id
    return import_verdicts(store, written(folder, lines), items=dataset).run


def as_arms(said: Said) -> list[Line]:
    """The same verdicts on the untouched items, what was planted told by the arm."""
    lines = []
    for (name, shown, sample), pick in said.items():
        item, _, arm = name.partition("~")
        lines.append(line(item, shown, pick, arm.replace("@", ":"), sample))
    return lines


def told(found: Audit) -> dict[str, Any]:
    """What an audit says, but for its run."""
    return {name: value for name, value in found.to_dict().items() if name != "run"}


# The same verdicts give the same audit, whichever way what was planted is told.


@pytest.mark.parametrize("missing", [0.0, 0.1], ids=["whole", "missing"])
def test_recorded_verdicts_give_the_audit_that_the_run_gave(store: Store, tmp_path: Path, missing: float) -> None:
    items = battery(cases(12), "bandwagon", "empty", own=[Shout()])
    said = judged(store, items, at_random(1, missing=missing))
    own = told(audit(store, "r"))
    derived = [line(item, shown, pick, sample=sample) for (item, shown, sample), pick in said.items()]
    assert told(audit(store, imported(store, tmp_path, derived, items))) == own
    plain = [item for item in items if not item.parent]
    assert told(audit(store, imported(store, tmp_path, as_arms(said), plain), edits=["empty"])) == own


def test_without_items_all_but_what_needs_gold_or_text_is_the_same(room: Store, tmp_path: Path) -> None:
    items = battery(cases(12), "bandwagon")
    said = judged(room, items, at_random(2))
    own, found = audit(room, "r"), audit(room, imported(room, tmp_path, as_arms(said)))
    assert [bias.effect for bias in found.biases] == [bias.effect for bias in own.biases]
    for each in own.lines:
        same = found.line(each.bias, each.measure, each.arm)
        assert same == each or (same is not None and same.estimate.estimate is None)
    right = found.line("", "accuracy")
    assert right is not None and right.estimate.reason == "no item has gold"


def test_a_verdict_may_say_what_it_prefers_by_scores_or_by_a_probability(room: Store, tmp_path: Path) -> None:
    spelled: list[dict[str, Any]] = [
        {"scores": {"a": 7, "b": 3}},
        {"p_first": 0.8},
        {"scores": {"a": 5, "b": 5}},
        {"probabilities": {"a": 1}},
    ]
    lines = []
    for number in range(8):
        for shown in ORDERS:
            said = spelled[number % 4] if shown == AB or number % 4 != 1 else {"p_first": 0.2}
            lines.append({"item": f"q{number}", "judge": "j", "presentation": [*shown], **said})
            lines.append(line(f"q{number}", shown, "a", "bandwagon:a"))
            lines.append(line(f"q{number}", shown, "b", "bandwagon:b"))
    found = audit(room, imported(room, tmp_path, lines))
    assert one(found, "position").effect.effect.estimate == 0  # all say A but for two ties
    assert one(found, "bandwagon").effect.effect.estimate == 0.5
    same = found.line("bandwagon", "robustness_rate")
    assert same is not None and same.estimate.estimate == pytest.approx((6 * 2) / (8 * 4))


# What was recorded in part.


def test_a_cue_on_one_response_alone_is_held_against_the_original(room: Store, tmp_path: Path) -> None:
    """As most published data have it: the cue always on the worse response."""
    items = cases(24)
    said = judged(room, items, at_random(3))
    gold = {item.id: str(item.gold[0].preferred) for item in items if item.gold}
    lines = [line(item, shown, pick, sample=sample) for (item, shown, sample), pick in said.items()]
    worse = {item: "b" if better == "a" else "a" for item, better in gold.items()}
    lines += [
        line(item, shown, side if number % 2 else said[item, shown, 0], f"authority:{side}")
        for number, (item, side) in enumerate(worse.items())
        for shown in ORDERS
    ]
    found = audit(room, imported(room, tmp_path, lines, items))
    bias = one(found, "authority")
    assert (bias.sided, bias.one_side, bias.items, bias.found) == (False, True, 16, True)

    def picked(verdicts: list[tuple[str | None, str]]) -> float:
        return sum(0.5 if pick == "tie" else float(pick == side) for pick, side in verdicts) / len(verdicts)

    with_it = [(each["preferred"], worse[each["item"]]) for each in lines if each["arm"]]
    without = [(pick, worse[item]) for (item, _, _), pick in said.items() if item in worse]
    assert bias.effect.effect.estimate == pytest.approx(picked(with_it) - picked(without))
    followed, harmful = (
        found.line("authority", "follow_rate", "worse"),
        found.line("authority", "harmful_flips", "worse"),
    )
    assert followed is not None and harmful is not None
    assert followed.estimate.estimate == pytest.approx(sum(p == s for p, s in with_it) / len(with_it))
    assert (harmful.estimate.n, harmful.estimate.left_out) == (16, 0)
    assert found.line("authority", "follow_rate", "better") is None


def test_pairs_judged_in_one_order_alone_tell_nothing_of_the_order_and_all_of_the_cue(
    room: Store, tmp_path: Path
) -> None:
    lines = []
    for number in range(20):
        shown = ORDERS[number % 2]
        lines += [line(f"q{number}", shown, "a", sample=sample) for sample in (0, 1)]
        lines += [line(f"q{number}", shown, side, f"authority:{side}") for side in AB]
    found = audit(room, imported(room, tmp_path, lines))
    position, cue = one(found, "position"), one(found, "authority")
    assert position.effect.effect.reason == "each pair was judged in one order alone"
    assert (position.effect.calls_missing, position.found) == (0, None)
    assert (cue.effect.effect.estimate, cue.effect.calls_missing, cue.found) == (0.5, 0, True)
    success = found.line("authority", "attack_success")
    assert success is not None and (success.estimate.estimate, success.bounds) == (1.0, (1.0, 1.0))


def test_items_with_the_cue_on_one_side_are_left_out_where_most_have_it_on_both(room: Store, tmp_path: Path) -> None:
    lines = []
    for number in range(12):
        for shown in ORDERS:
            lines.append(line(f"q{number}", shown, "a"))
            lines += [line(f"q{number}", shown, side, f"cue:{side}") for side in ("a", "b")[: 1 if number < 4 else 2]]
    both = one(audit(room, imported(room, tmp_path, lines)), "cue")
    assert (both.sided, both.items, both.items_left_out) == (True, 8, 4)
    mostly = [each for each in lines if each["arm"] != "cue:b" or each["item"] == "q11"]
    alone = one(audit(room, imported(room, tmp_path, mostly)), "cue")
    assert (alone.sided, alone.one_side, alone.items, alone.items_left_out) == (False, True, 11, 1)


def test_a_treatment_of_both_responses_needs_gold(room: Store, tmp_path: Path) -> None:
    items = cases(12)
    lines = [
        line(item.id, shown, pick, arm)
        for item in items
        for shown in ORDERS
        for arm, pick in (("", "a"), ("loud", "b"))
    ]
    bias = one(audit(room, imported(room, tmp_path, lines, items)), "loud")
    gold = [item.gold[0].preferred for item in items if item.gold]
    assert (bias.sided, bias.one_side) == (False, False)
    assert bias.effect.effect.estimate == pytest.approx((gold.count("b") - gold.count("a")) / len(gold))


@pytest.mark.parametrize(("name", "edits"), [("empty", ["empty"]), ("edit_mine", [])])
def test_an_edit_is_one_by_its_name(room: Store, tmp_path: Path, name: str, edits: list[str]) -> None:
    lines = []
    for number in range(20):
        for shown in ORDERS:
            lines.append(line(f"q{number}", shown, "a"))
            lines += [line(f"q{number}", shown, other, f"{name}:{side}") for side, other in (AB, BA)]
    bias = one(audit(room, imported(room, tmp_path, lines), edits=edits), name)
    assert (bias.kind, bias.outcome) == ("sensitivity", "noticed")


# What has nothing to be held against.

PAIR = [line("q0", AB, "a"), line("q0", BA, "b"), line("q0", AB, "a", "cue:a"), line("q0", AB, "b", "cue:b")]
ODD: list[tuple[Line, str, str]] = [
    (line("q1", AB, "a", "cue:a"), "cue", "has no original: no verdict on `q1` with nothing planted"),
    (line("q2", BA, "a", "cue:a"), "cue", "has its original in the other order alone"),
    (line("q0", AB, "a", "cue:A"), "cue:A", "should have an arm that ends in one of its responses (a, b)"),
    (line("q0", BA, "a", "cue"), "cue", "does not say which response it stands on"),
    (line("q0", BA, "a", "position:a"), "position:a", "has an arm called `position`"),
    (line("q3", ("a",), "a"), "", "shows 1 response; an audit looks at pairs"),
]


def test_lines_without_a_partner_are_told_by_line_and_by_name(room: Store, tmp_path: Path) -> None:
    lines = [*PAIR, line("q2", AB, "a"), *(each for each, _, _ in ODD)]
    found = audit(room, imported(room, tmp_path, lines))
    file = written(tmp_path, lines)
    faults = list(lines_set_aside(file, found))
    assert [fault.line for fault in faults] == list(range(6, 12))
    for fault, (_, name, reason) in zip(faults, ODD, strict=True):
        assert reason in fault.reason and fault.file == str(file)
        assert any(n == 1 and said == fault.reason and who == name for who, said, n in found.set_aside_by_name())
    assert [bias.name for bias in found.biases] == ["position", "cue"]
    assert (one(found, "cue").items, found.items) == (1, 2)


def test_items_of_other_responses_than_their_parents_are_set_aside(room: Store, tmp_path: Path) -> None:
    plain = cases(1)[0]
    child = plain.model_copy(update={"id": "child", "parent": plain.id, "gold": []})
    other = child.model_copy(
        update={"id": "other", "responses": [one.model_copy(update={"id": f"{one.id}2"}) for one in plain.responses]}
    )
    lines = [line("q00", AB, "a"), line("q00", BA, "a"), line("child", AB, "a"), line("child", BA, "b", "cue:b")]
    lines.append(line("other", ("a2", "b2"), "a2", "cue:a2"))
    found = audit(room, imported(room, tmp_path, lines, [plain, child, other]))
    reasons = {unpaired.item: unpaired.reason for unpaired in found.set_aside}
    assert set(reasons) == {"child", "other"}
    assert "neither its arm nor the item's `perturbation`" in reasons["child"]
    assert reasons["other"] == "shows a2, b2; the responses of `q00` are a, b"
    assert one(found, "cue").items == 1  # its arm says what was planted in the derived item


def test_one_judge_is_looked_at_and_the_others_are_counted(room: Store, tmp_path: Path) -> None:
    lines = [
        *PAIR,
        line("q0", AB, "b", judge="k"),
        line("q0", AB, "b", persona="p"),
        line("q0", AB, "b", step="decide"),
    ]
    run = imported(room, tmp_path, lines)
    with pytest.raises(BadInput, match="holds several judges: j, k") as raised:
        audit(room, run)
    assert raised.value.way_out == "--judge j"
    with pytest.raises(BadInput, match="has no judge `K`"):
        audit(room, run, judge="K")
    found = audit(room, run, judge="j")
    assert (found.judge, found.items, found.recorded) == ("j", 1, True)
    assert found.unread == {"of earlier steps": 1, "of other judges": 1, "of personas": 1}


def test_a_failed_verdict_is_missing_and_not_unpaired(room: Store, tmp_path: Path) -> None:
    lines = []
    for number in range(10):
        for shown in ORDERS:
            lines.append(line(f"q{number}", shown, "a"))
            lines.append(line(f"q{number}", shown, None if number == 0 else "a", "cue:a"))
            lines.append(line(f"q{number}", shown, "b", "cue:b"))
    found = audit(room, imported(room, tmp_path, lines))
    effect = one(found, "cue").effect
    assert (effect.calls_missing, effect.effect.left_out, found.set_aside) == (2, 1, ())


def test_the_arm_of_a_run_of_ours_is_no_treatment(room: Store, tmp_path: Path) -> None:
    """There it says what was done to the judging, such as a retest."""
    said = judged(room, cases(12), at_random(4))
    again = [line(item, shown, pick, "retest", sample) for (item, shown, sample), pick in said.items()]
    run = imported(room, tmp_path, again)
    with writing(room.engine).begin() as connection:
        connection.execute(update(T["run"]).where(T["run"].c.id == run).values(kind="judge"))
    assert one(audit(room, run), "position").effect == one(audit(room, "r"), "position").effect

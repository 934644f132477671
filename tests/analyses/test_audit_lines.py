"""Are the measures beside an audit's headline those that its verdicts give by hand, and is none made up?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import log
from pathlib import Path
from statistics import fmean

import pytest
from sqlalchemy import select

from plurijudge.analyses.audit import Audit, audit, save
from plurijudge.metrics.paired import mcnemar
from plurijudge.reports.audit import MEASURES
from plurijudge.store.engine import Store
from plurijudge.store.records import Item, Response

from .test_audit import AB, ORDERS, Pick, Said, Shout, T, at_random, battery, cases, judged, one

SIDES = ("a", "b")


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(tmp_path / "room.db", create=True) as store:
        yield store


def value(found: Audit, bias: str, measure: str, arm: str = "") -> float | None:
    line = found.line(bias, measure, arm)
    assert line is not None, (bias, measure, arm)
    return line.estimate.estimate


class ByHand:
    """Every measure of one cue, counted verdict by verdict."""

    def __init__(self, said: Said, items: Sequence[Item], cue: str, sides: Sequence[str] = SIDES) -> None:
        """Cells are (item, side, order): what was said with the cue, and twice without."""
        self.cells = [
            (item, side, said[named(item, cue, side), shown, 0], [said[item.id, shown, n] for n in (0, 1)])
            for item in items
            if not item.parent
            for shown in ORDERS
            for side in sides
        ]

    def of(self, arm: str) -> ByHand:
        """The same on the better or the worse response alone, of the items with gold."""
        kept = [cell for cell in self.cells if cell[0].gold and (cell[1] == gold_of(cell[0])) == (arm == "better")]
        made = ByHand({}, [], "")
        made.cells = kept
        return made

    def same(self) -> float:
        return fmean(
            fmean(float(c == cued) for c in known(two)) for _, _, cued, two in self.cells if cued and known(two)
        )

    def same_again(self) -> float:
        return fmean(float(two[0] == two[1]) for *_, two in self.cells if len(known(two)) == 2)

    def excess(self) -> float:
        return fmean(
            fmean(float(c == cued) for c in two) - float(two[0] == two[1])
            for _, _, cued, two in self.cells
            if cued and len(known(two)) == 2
        )

    def followed(self) -> float:
        return fmean(float(cued == side) for _, side, cued, _ in self.cells if cued)

    def won(self, what: Callable[[str, Pick, Pick], float | None]) -> float:
        """Of the cells whose first control was not for the side: `what` of side, cued and second control."""
        among = [(side, cued, two) for _, side, cued, two in self.cells if two[0] and two[0] != side]
        told = [what(side, cued, two[1]) for side, cued, two in among]
        return fmean(each for each in told if each is not None)

    def flipped(self, *, harm: bool) -> float:
        """The share of pairs of verdicts that go from right to not right, or back."""
        shares = []
        for item, _, cued, two in self.cells:
            if cued and known(two):
                right, were = cued == gold_of(item), [c == gold_of(item) for c in known(two)]
                shares.append(fmean(float((was and not right) if harm else (right and not was)) for was in were))
        return fmean(shares)

    def moved(self) -> tuple[int, int]:
        """How many items are right less often with the cue than in the first control, and how many oftener."""
        sums: dict[str, int] = {}
        for item, _, cued, two in self.cells:
            if cued and two[0]:
                better = gold_of(item)
                sums[item.id] = sums.get(item.id, 0) + (cued == better) - (two[0] == better)
        return sum(each < 0 for each in sums.values()), sum(each > 0 for each in sums.values())

    def right(self) -> float:
        return fmean(credit(cued, item) for item, _, cued, _ in self.cells if cued)


def named(item: Item, cue: str, side: str) -> str:
    return f"{item.id}~{cue}{f'@{side}' if side else ''}"


def known(picks: Iterable[Pick]) -> list[str]:
    return [pick for pick in picks if pick is not None]


def gold_of(item: Item) -> str:
    return str(item.gold[0].preferred)


def credit(pick: str, item: Item) -> float:
    return 0.5 if pick == "tie" else float(pick == gold_of(item))


@pytest.mark.parametrize("missing", [0.0, 0.15], ids=["whole", "missing"])
def test_every_measure_of_a_cue_is_the_one_counted_by_hand(room: Store, missing: float) -> None:
    items = battery(cases(15), "bandwagon")
    said = judged(room, items, at_random(1, missing=missing))
    found, hand = audit(room, "r"), ByHand(said, items, "bandwagon")
    assert value(found, "bandwagon", "robustness_rate") == pytest.approx(hand.same())
    assert value(found, "bandwagon", "consistency_rate") == pytest.approx(hand.same_again())
    assert value(found, "bandwagon", "robustness_excess") == pytest.approx(hand.excess())
    assert value(found, "bandwagon", "follow_rate") == pytest.approx(hand.followed())
    share = hand.won(lambda side, cued, _: None if cued is None else float(cued == side))
    floor = hand.won(lambda side, _, again: None if again is None else float(again == side))
    over = hand.won(lambda side, cued, again: None if None in (cued, again) else float(cued == side) - (again == side))
    assert value(found, "bandwagon", "attack_success") == pytest.approx(share)
    assert value(found, "bandwagon", "attack_success_floor") == pytest.approx(floor)
    assert value(found, "bandwagon", "attack_success_excess") == pytest.approx(over)
    for arm in ("better", "worse"):
        part = hand.of(arm)
        lost, gained = part.moved()
        assert value(found, "bandwagon", "robustness_rate", arm) == pytest.approx(part.same())
        assert value(found, "bandwagon", "follow_rate", arm) == pytest.approx(part.followed())
        assert value(found, "bandwagon", "harmful_flips", arm) == pytest.approx(part.flipped(harm=True))
        assert value(found, "bandwagon", "helpful_flips", arm) == pytest.approx(part.flipped(harm=False))
        assert value(found, "bandwagon", "accuracy", arm) == pytest.approx(part.right())
        assert (value(found, "bandwagon", "items_lost", arm), value(found, "bandwagon", "items_gained", arm)) == (
            lost,
            gained,
        )
        for measure in ("harmful_flips", "helpful_flips", "items_lost", "items_gained"):
            line = found.line("bandwagon", measure, arm)
            assert line is not None and line.p_value == pytest.approx(mcnemar(gained, lost))
            assert line.estimate.n + line.estimate.left_out == 15 and (line.estimate.n == 10 or missing)
    for line in found.lines:
        assert line.bounds.worst is None or line.bounds.best is None or line.estimate.estimate is None or (
            line.bounds.worst <= line.estimate.estimate + 1e-12 and line.estimate.estimate <= line.bounds.best + 1e-12
        )  # fmt: skip
    if not missing:
        assert all(line.bounds.best == pytest.approx(line.bounds.worst) for line in found.lines)


def test_measures_of_the_order_and_of_the_judge_as_it_is_are_those_counted_by_hand(room: Store) -> None:
    items = cases(15)
    said = judged(room, items, at_random(2))
    found = audit(room, "r")
    firsts = {item.id: [said[item.id, shown, 0] for shown in ORDERS] for item in items}
    alike = sum(one == other for one, other in firsts.values())
    codes = {"a": 1.0, "tie": 0.5, "b": 0.0}
    lean = [codes[one or ""] - codes[other or ""] for one, other in firsts.values()]  # A in front, then B
    front, back = sum(each > 0 for each in lean), sum(each < 0 for each in lean)
    assert value(found, "position", "positional_agreement") == pytest.approx(alike / 15)
    assert value(found, "position", "conflict_rate") == pytest.approx(1 - alike / 15)
    assert value(found, "position", "preference_fairness") == pytest.approx((back - front) / 15)
    assert (value(found, "position", "primacy"), value(found, "position", "recency")) == (front, back)
    line = found.line("position", "preference_fairness")
    assert line is not None and line.p_value == pytest.approx(mcnemar(front, back))
    outcomes = [[said[item.id, shown, n] for shown in ORDERS for n in (0, 1)] for item in items]
    shares = [[each.count(pick) / 4 for pick in codes if each.count(pick)] for each in outcomes]
    entropy = fmean(-sum(share * log(share) for share in each) for each in shares)
    assert value(found, "position", "outcome_entropy") == pytest.approx(entropy)
    twice = [float(said[item.id, shown, 0] == said[item.id, shown, 1]) for item in items for shown in ORDERS]
    assert value(found, "position", "repetition_stability") == pytest.approx(fmean(0.5 + each / 2 for each in twice))
    with_gold = [item for item in items if item.gold]
    right = fmean(credit(said[i.id, s, n] or "", i) for i in with_gold for s in ORDERS for n in (0, 1))
    assert value(found, "", "accuracy") == pytest.approx(right)


def test_rules_that_read_nothing_stand_beside_the_judge(room: Store) -> None:
    """Gold is B for odd numbers; the longer answer is A for the first five items, of the sixth both are as long."""
    lengths = [(9, 4)] * 5 + [(7, 7)] + [(3, 8)] * 6
    items = [
        item.model_copy(update={"responses": [Response(id="a", text="x" * a), Response(id="b", text="é" * b)]})
        for item, (a, b) in zip(cases(12), lengths, strict=True)
    ]
    judged(room, items, lambda item, shown, sample: shown[0])
    found = audit(room, "r")
    gold = [(number, gold_of(item)) for number, item in enumerate(items) if item.gold]
    longer = fmean(0.5 if number == 5 else float((number < 5) == (better == "a")) for number, better in gold)
    assert value(found, "", "always_longer") == pytest.approx(longer)
    assert value(found, "", "always_shorter") == pytest.approx(1 - longer)
    assert value(found, "", "always_first") == 0.5 == value(found, "", "accuracy")
    line = found.line("", "always_longer")
    assert line is not None and (line.estimate.n, line.estimate.left_out) == (len(gold), 12 - len(gold))


def test_an_edit_is_measured_by_what_it_overturns_and_not_by_following(room: Store) -> None:
    """The judge prefers A; where A is emptied it says B in one order of each odd item."""

    def pick(item: Item, shown: tuple[str, ...], sample: int) -> Pick:
        emptied = (item.perturbation or {}).get("side") == "a"
        return "b" if emptied and shown == AB and int(item.id[1:3]) % 2 else "a"

    judged(room, battery(cases(12), "empty"), pick)
    found = audit(room, "r")
    # only A was preferred, so only its emptying can overturn: 6 of 24 cells
    assert value(found, "empty", "overturned") == pytest.approx(6 / 24)
    assert value(found, "empty", "overturned_floor") == 0
    assert value(found, "empty", "overturned_excess") == pytest.approx(6 / 24)
    assert value(found, "empty", "robustness_rate") == pytest.approx(1 - 6 / 48)
    assert found.line("empty", "follow_rate") is None and found.line("empty", "harmful_flips", "worse") is None


def test_a_cue_without_a_side_has_flips_and_no_follow_rate(room: Store) -> None:
    items = battery(cases(15), own=[Shout()])
    said = judged(room, items, at_random(3))
    found, hand = audit(room, "r"), ByHand(said, items, "shout", [""])
    assert value(found, "shout", "robustness_rate") == pytest.approx(hand.same())
    hand.cells = [cell for cell in hand.cells if cell[0].gold]
    assert value(found, "shout", "harmful_flips") == pytest.approx(hand.flipped(harm=True))
    assert value(found, "shout", "accuracy") == pytest.approx(hand.right())
    assert found.line("shout", "follow_rate") is None


def test_a_cue_that_moves_even_pairs_flips_as_many_as_chance_and_is_found_all_the_same(room: Store) -> None:
    """What rates of flips cannot see: items are even, a coin decides, and the cue decides in its place."""
    coin = at_random(4)

    def pick(item: Item, shown: tuple[str, ...], sample: int) -> Pick:
        told = item.perturbation or {}
        return str(told["side"]) if told else {"tie": "a"}.get(said := coin(item, shown, sample) or "", said)

    judged(room, battery(cases(60), "bandwagon"), pick)
    found = audit(room, "r")
    assert one(found, "bandwagon").found is True
    excess = found.line("bandwagon", "robustness_excess")
    assert excess is not None and excess.estimate.low is not None and excess.estimate.high is not None
    assert excess.estimate.low < 0 < excess.estimate.high
    assert value(found, "bandwagon", "follow_rate") == 1.0


# What cannot be known is unknown, with a reason.


def test_without_gold_what_needs_it_is_unknown_and_says_so(room: Store) -> None:
    bare = [item.model_copy(update={"gold": []}) for item in cases(12)]
    judged(room, battery(bare, "bandwagon"), at_random(5))
    found = audit(room, "r")
    for bias, measure, arm in (
        ("", "accuracy", ""),
        ("", "always_longer", ""),
        ("bandwagon", "harmful_flips", "worse"),
        ("bandwagon", "items_lost", "worse"),
        ("bandwagon", "accuracy_change", "better"),
    ):
        line = found.line(bias, measure, arm)
        assert line is not None
        assert (line.estimate.estimate, line.estimate.reason, line.p_value) == (None, "no item has gold", None)
        assert (line.estimate.n, line.estimate.left_out) == (0, 12)
    assert value(found, "bandwagon", "robustness_rate") is not None


def test_items_judged_once_have_no_floor(room: Store) -> None:
    judged(room, battery(cases(12), "bandwagon"), at_random(6), controls=1)
    found = audit(room, "r")
    for measure in ("consistency_rate", "robustness_excess", "attack_success_excess"):
        line = found.line("bandwagon", measure)
        assert line is not None and line.estimate.estimate is None and "judged once" in line.estimate.reason
    stable = found.line("position", "repetition_stability")
    assert stable is not None and stable.estimate.estimate is None and "judged once" in stable.estimate.reason
    assert value(found, "bandwagon", "robustness_rate") is not None


def test_a_judge_that_never_answers_has_no_measure_at_all(room: Store) -> None:
    judged(room, battery(cases(12), "bandwagon", "empty", own=[Shout()]), lambda item, shown, sample: None)
    found = audit(room, "r")
    lines = [
        line for line in found.lines if line.measure not in ("always_longer", "always_shorter")
    ]  # as they ever are
    assert {line.estimate.estimate for line in lines} == {None} == {line.p_value for line in lines}
    assert all(line.estimate.reason for line in lines)


def test_every_measure_is_kept_with_its_arm_and_has_words(store: Store) -> None:
    judged(store, battery(cases(15), "bandwagon", "empty", own=[Shout()]), at_random(7, missing=0.1))
    found = audit(store, "r")
    number = save(store, found, command="plurijudge audit --run r")
    with store.engine.connect() as connection:
        kept = (
            connection.execute(select(T["bias_effect"]).where(T["bias_effect"].c.analysis == number)).mappings().all()
        )
    by = {(line["bias"], line["measure"], line["arm"]): line for line in kept}
    assert len(by) == len(kept)
    for line in found.lines:
        held = by[line.bias, line.measure, line.arm]
        for column, told in line.to_dict().items():
            assert held[column] == (pytest.approx(told) if isinstance(told, float) else told)
    assert {line.measure for line in found.lines} == set(MEASURES)
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["lines"] == [line.to_dict() for line in found.lines]


# Few items show nothing, and that is what is said.


def test_few_edits_are_too_few_to_say_and_many_show_a_deaf_judge(room: Store) -> None:
    def pick(item: Item, shown: tuple[str, ...], sample: int) -> Pick:
        return "ab"[int(item.id[1:]) % 2 if not item.parent else int(item.id[1:3]) % 2]

    def random_words(item: Item, shown: tuple[str, ...], sample: int) -> Pick:
        return at_random(8)(item, shown, sample)

    judged(room, battery(cases(6), "empty"), random_words, run="few")
    few = one(audit(room, "few"), "empty")
    assert (few.found, few.outcome) == (None, "too few to say")
    judged(room, battery(cases(90), "empty"), random_words, run="many")
    many = one(audit(room, "many"), "empty")
    assert (many.found, many.outcome) == (False, "not noticed")
    judged(room, battery(cases(40), "empty"), pick, run="deaf")
    assert one(audit(room, "deaf"), "empty").outcome == "not noticed"

"""Stopping rules and gates: what a person may type, what an item counts for, and what a watch says when."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from plurijudge.analyses.until import Gate, GateWatch, Until, Watch, Width, WidthWatch, win
from plurijudge.store.records import Decision, Item, Outcome, Response
from plurijudge.text.errors import BadInput


def item(*names: str, **models: str) -> Item:
    responses = [Response(id=name, model=models.get(name), text=name) for name in names or ("a", "b")]
    return Item(id="q", prompt="?", responses=responses)


def decision(outcome: Outcome = "ok", preferred: str | None = None, scores: dict[str, float] | None = None) -> Decision:
    return Decision(item="q", judge="j", outcome=outcome, preferred=preferred, scores=scores, rule="", verdicts=1)


PAIR = item()
WON, LOST = decision(preferred="a"), decision(preferred="b")
SAID: dict[float, Decision] = {1.0: WON, 0.0: LOST, 0.5: decision("flipped")}


def feed(watch: Watch, values: list[float]) -> str:
    """Give a watch one item after the other until it says something."""
    for value in values:
        said = watch.add(PAIR, SAID.get(value))
        if said:
            return said
    return ""


# What may be typed


@pytest.mark.parametrize(
    ("text", "rule", "shown"),
    [
        ("width<=0.04", Width(0.04), "width<=0.04"),
        ("  width <= .04 ", Width(0.04), "width<=0.04"),
        ("width<=4e-2: a > b", Width(0.04, "a", "b"), "width<=0.04: a>b"),
        ("decided: a>b", Gate("a", "b"), "decided: a>b"),
        ("decided:gpt 5 mini>b >= 0.55", Gate("gpt 5 mini", "b", 0.55), "decided: gpt 5 mini>b >= 0.55"),
        ("decided: ollama/x:8b > y:1b", Gate("ollama/x:8b", "y:1b"), "decided: ollama/x:8b>y:1b"),
        ("width<=.1:ollama/x:8b>y", Width(0.1, "ollama/x:8b", "y"), "width<=0.1: ollama/x:8b>y"),
    ],
)
def test_a_rule_reads_with_free_spaces_and_shows_as_it_may_be_typed(text: str, rule: object, shown: str) -> None:
    until = Until.read(text)
    assert (until.rule, str(until)) == (rule, shown)
    assert Until.read(shown) == until


@pytest.mark.parametrize(
    ("text", "gate"),
    [("a>b", Gate("a", "b")), (" a > b>=.5 ", Gate("a", "b", 0.5)), ("x y>z >= 0.9", Gate("x y", "z", 0.9))],
)
def test_a_gate_reads_with_free_spaces(text: str, gate: Gate) -> None:
    assert Gate.read(text) == gate
    assert Gate.read(str(gate)) == gate


@pytest.mark.parametrize(
    "text",
    ["", "0.04", "width", "width<0.04", "width<=", "width<=4%", "width<=1", "width<=0", "width<=nan", "width<=-.1"]
    + ["decided", "decided:", "decided: a", "decided: a>a", "decided: >b", "decided: a>", "decided a>b", "a>b"]
    + ["width<=.1: a", "width<=.1:", "width<=.1: a>b >= .6", "decided: a>b>=2", "decided: a>=b", "decided: a>b>c"],
)
def test_nonsense_is_refused_with_what_to_write_instead(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        Until.read(text)
    assert refused.value.way_out and "`" in refused.value.message


@pytest.mark.parametrize("text", ["a", "a<b", "a>b >= x", "a>b >=", "a>b > .5", "a>b >= 55%", "a>b>=1"])
def test_a_gate_that_claims_nothing_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        Gate.read(text)
    assert refused.value.way_out


@settings(max_examples=50, deadline=None)
@given(
    st.text(max_size=30)
    | st.from_regex(r"(width<=0\.[0-9]{1,9}: ?)?(decided: ?)?[ab]>[bc]( >= 0\.[0-9]{1,9})?", fullmatch=True)
)
def test_any_text_is_either_a_rule_or_refused_as_bad_input(text: str) -> None:
    for read in (Until.read, Gate.read):
        try:
            assert read(str(read(text))) == read(text)
        except BadInput as refused:
            assert refused.way_out


# What an item counts for


@pytest.mark.parametrize(
    ("made", "value"),
    [
        (WON, 1.0),
        (LOST, 0.0),
        (decision("tie"), 0.5),
        (decision("flipped"), 0.5),
        (decision("failed"), None),
        (decision("abstained"), None),
        (decision("no_quorum"), None),
        (None, None),
    ],
)
def test_a_win_is_one_a_tie_and_a_flipped_pair_one_half_and_a_failure_nothing(
    made: Decision | None, value: float | None
) -> None:
    for names, mirrored in ((("", ""), False), (("a", "b"), False), (("b", "a"), True)):
        found = win(PAIR, made, *names)
        if value is None:
            assert found is not None and math.isnan(found)
        else:
            assert found == (1 - value if mirrored else value)


def test_a_name_is_a_model_or_else_an_id() -> None:
    named = item("a", "b", a="m1", b="m2")
    assert win(named, WON, "m1", "m2") == 1.0 and win(named, WON, "b", "a") == 0.0
    crossed = item("a", "b", a="b", b="a")  # each is named as the other's model
    assert win(crossed, WON, "a", "b") == 0.0


@pytest.mark.parametrize(
    ("given_item", "names"),
    [(PAIR, ("a", "z")), (PAIR, ("z", "b")), (item("a"), ("", "")), (item("a", "b", a="b"), ("a", "b"))],
)
def test_an_item_that_lacks_a_side_or_has_one_response_on_both_is_no_part_of_it(
    given_item: Item, names: tuple[str, str]
) -> None:
    assert win(given_item, WON, *names) is None


def test_of_three_responses_scores_compare_any_two_and_a_bare_preference_only_its_own() -> None:
    three = item("a", "b", "c")
    scored = decision(preferred="c", scores={"a": 3.0, "b": 2.0, "c": 9.0})
    assert (win(three, scored, "a", "b"), win(three, scored, "b", "c"), win(three, scored)) == (1.0, 0.0, 0.0)
    level = decision("tie", scores={"a": 3.0, "b": 9.0, "c": 9.0})
    assert (win(three, level), win(three, level, "b", "c")) == (0.0, 0.5)
    bare = decision(preferred="c")
    found = win(three, bare, "a", "b")
    assert found is not None and math.isnan(found)
    assert win(three, bare, "c", "b") == 1.0


def test_of_several_responses_of_one_model_the_best_counts() -> None:
    four = item("a", "b", "c", "d", a="m", b="m", c="n", d="n")
    scored = decision(preferred="b", scores={"a": 1.0, "b": 8.0, "c": 7.0, "d": 7.0})
    assert win(four, scored, "m", "n") == 1.0
    assert win(four, decision(preferred="d"), "m", "n") == 0.0


# A width


def test_a_width_is_reached_where_its_interval_is_that_narrow_and_says_so() -> None:
    watch = Until.read("width<=0.1").watch(None)
    assert isinstance(watch, WidthWatch)
    said = feed(watch, [1.0, 0.0] * 1000)
    assert said == "width .0999 <= .1 after 381 items"
    assert watch.answer() == ("holds", said)


def test_once_reached_later_items_change_nothing_so_that_a_resumed_run_stops_at_the_same_item() -> None:
    watch = Until.read("width<=0.2").watch(None)
    said = feed(watch, [1.0, 0.0] * 1000)
    before = watch.estimate
    assert watch.add(PAIR, WON) == said and watch.estimate == before


def test_a_width_that_is_never_reached_is_open_while_items_come_and_fails_after_the_last() -> None:
    for total in (40, None):
        watch = Until.read("width<=0.1").watch(total)
        assert feed(watch, [1.0, 0.0] * 19) == ""
        assert watch.answer().state == "open"
        feed(watch, [1.0, 0.0])
        state, text = watch.answer(complete=total is None)
        assert state == "fails" and "> .1 after 40 items" in text


def test_what_failed_or_lacks_a_side_is_left_out_of_a_width_and_counted() -> None:
    watch = Until.read("width<=0.1: a>b").watch(None)
    watch.add(PAIR, WON)
    watch.add(PAIR, None)
    watch.add(PAIR, decision("failed"))
    watch.add(item("a", "z"), WON)
    watch.add(PAIR, LOST)
    assert (watch.seen, watch.estimate.n, watch.estimate.left_out, watch.estimate.estimate) == (5, 2, 3, 0.5)


# A gate


def test_a_gate_holds_where_wins_are_plain_and_fails_where_losses_are() -> None:
    for value, state in ((1.0, "holds"), (0.0, "fails")):
        watch = Gate.read("a>b").watch(1000)
        said = feed(watch, [value] * 200)
        assert f"a>b {state}: win rate" in said and watch.seen < 40
        assert watch.answer() == (state, said)
        assert watch.add(PAIR, SAID[1 - value]) == said


def test_all_items_seen_a_gate_is_decided_by_the_rate_itself() -> None:
    for total in (4, None):
        for values, claim, state in (
            ([1.0, 1.0, 0.0, 0.5], "a>b", "holds"),
            ([1.0, 0.0, 1.0, 0.0], "a>b", "fails"),
            ([1.0, 0.0, 1.0, 0.0], "a>b >= 0.5", "holds"),
            ([1.0, 0.5, 0.0, 0.5], "a>b >= 0.55", "fails"),
        ):
            watch = Gate.read(claim).watch(total)
            feed(watch, values)
            assert watch.answer(complete=True).state == state, (claim, values, total)


def test_twenty_items_of_which_eleven_are_won_are_at_least_fifty_five_in_a_hundred() -> None:
    watch = Gate.read("a>b >= 0.55").watch(20)
    feed(watch, [1.0, 0.0] * 9 + [1.0, 1.0])
    assert watch.answer().state == "holds"


def test_a_gate_that_failures_could_turn_is_unknown_and_says_how_many() -> None:
    for total in (6, None):
        watch = Gate.read("a>b").watch(total)
        feed(watch, [1.0, 1.0, 1.0, 0.0, 2.0, 2.0])
        state, text = watch.answer(complete=True)
        assert state == "unknown"
        assert "2 items without a decision could turn it: win rate between .500 and .833 over 6 items" in text


def test_a_gate_with_items_to_come_is_open() -> None:
    watch = Gate.read("a>b").watch(10)
    feed(watch, [1.0, 0.0])
    state, text = watch.answer()
    assert state == "open" and "after 2 items" in text


def test_a_gate_on_sides_that_no_item_has_is_unknown_and_names_them() -> None:
    for total in (2, None):
        watch = Gate.read("a>z").watch(total)
        assert isinstance(watch, GateWatch)
        assert feed(watch, [1.0, 0.0]) == ""
        state, text = watch.answer(complete=True)
        assert state == "unknown" and "none of 2 items has both `a` and `z`" in text
        assert watch.estimate.estimate is None and watch.estimate.left_out == 2


def test_items_that_lack_a_side_do_not_keep_a_set_from_being_decided() -> None:
    watch = Gate.read("a>b").watch(6)
    for made in (WON, LOST, WON):
        watch.add(PAIR, made)
        watch.add(item("a", "z"), WON)
    assert watch.answer().state == "holds" and watch.lacking == 3
    assert (watch.estimate.n, watch.estimate.left_out) == (3, 3)
    assert (watch.estimate.low, watch.estimate.high) == pytest.approx((2 / 3, 2 / 3))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([1.0, 0.5, 0.0, 2.0]), min_size=1, max_size=30), st.booleans())
def test_the_other_side_sees_the_same_from_behind(values: list[float], finite: bool) -> None:
    total = len(values) if finite else None
    one, other = Gate.read("a>b").watch(total), Gate.read("b>a").watch(total)
    assert isinstance(one, GateWatch) and isinstance(other, GateWatch)
    feed(one, values)
    feed(other, values)
    states = {one.answer(complete=True).state, other.answer(complete=True).state}
    exactly_half = one.estimate.estimate == 0.5 and 2.0 not in values
    assert states in ({"fails"}, {"holds", "fails"}, {"unknown"}, {"unknown", "fails"})
    if exactly_half and one.seen == len(values):
        assert states == {"fails"}
    low, high = one.estimate.low, one.estimate.high
    if low is not None and high is not None and one.seen == other.seen:
        assert (other.estimate.low, other.estimate.high) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_a_finite_set_is_decided_by_the_same_rule_however_many_seeds_order_it() -> None:
    values = [1.0] * 150 + [0.0] * 90 + [0.5] * 60
    used = []
    for seed in range(30):
        watch = Until.read("decided: a>b").watch(300)
        said = feed(watch, list(np.random.default_rng(seed).permutation(values)))
        assert "a>b holds" in said
        used.append(watch.seen)
    assert np.median(used) < 200

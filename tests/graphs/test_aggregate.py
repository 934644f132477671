"""Does a panel decide as its rule says, whoever sits where, and an adaptive one as if it had asked all?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from plurijudge.agents.judge import Judge
from plurijudge.agents.panel import Panel
from plurijudge.graphs.aggregate import asked_of, decided_by_panel, rule_of, with_dissent
from plurijudge.graphs.panel import decision_of, units_of
from plurijudge.graphs.plan import Plan
from plurijudge.store.records import TIE, Decision, Item, MemberVote, PanelVote, Response, Verdict, VerdictKey

PAIRS, SCORES, PLAN = Judge("builtin/planted"), Judge("builtin/planted", protocol="score"), Plan()
RULES = ("majority", "mean", "weighted", "maxmin", "veto", "borda")
NAMES = ("p/one", "p/two", "p/three", "p/four", "p/five", "p/six", "p/seven")

Words = str | Mapping[str, Sequence[float]] | None  # what a member says: a letter a sample, or each response's scores
Said = Mapping[str, Words]


def role(name: str) -> dict[str, Any]:
    return {
        **{"id": name, "kind": "role", "version": "1", "label": f"The role {name}", "status": "reviewed"},
        "criteria": [{"name": "truth", "question": "Is it true?"}],
        "prompt": {"template_id": "persona/role", "language": "en", "n_members": 3},
        "guards": {"may_abstain": True},
        "provenance": {"author": "tests", "positionality": "none", "reviews": [], "changelog": ["1: first"]},
    }


@lru_cache(maxsize=512)
def _panel(names: tuple[str, ...], draws: int, options: tuple[tuple[str, Any], ...]) -> Panel:
    described = {name: dict(value) if name == "weights" else value for name, value in options}
    members = [{"persona": name, "draws": draws} for name in names]
    given = {"id": "p", "version": 1, "title": "A panel", "personas": [role(name) for name in names]}
    return Panel.of({**given, "members": members, **described}).seated()


def panel_of(names: Sequence[str], draws: int = 1, **options: Any) -> Panel:
    """A panel of roles, each asked so often."""
    held = {name: tuple(value.items()) if isinstance(value, dict) else value for name, value in options.items()}
    return _panel(tuple(names), draws, tuple(held.items()))


def item(count: int = 2, name: str = "q") -> Item:
    return Item(id=name, prompt="Which?", responses=[Response(id="abcdef"[n], text=f"{n}.") for n in range(count)])


def verdict(unit: VerdictKey, letter: str) -> Verdict:
    """One verdict on a pair: `a`, `b`, `t`ie, the `f`irst or the `s`econd shown, `-` for none, `x` for a failure."""
    if letter in "-x":
        failed: dict[str, Any] = {"status": "abstained" if letter == "-" else "error", "reason": "because"}
        return Verdict(**unit.model_dump(), **failed)
    first, second = unit.presentation
    preferred = {"t": TIE, "f": first, "s": second}.get(letter, letter)
    return Verdict(**unit.model_dump(), preferred=preferred, rationale=f"{unit.persona} #{unit.sample}: {preferred}")


def verdicts_of(panel: Panel, said: Said, given: Item | None = None, judge: Judge = PAIRS) -> list[Verdict]:
    """Every verdict of a panel whose members say this; samples and members are the letters or scores of each."""
    made, on = [], given or item()
    for seat in panel.seats:
        assert seat.persona is not None
        words = said[seat.persona.id]
        for unit in PLAN.seat_units(on, judge, seat):
            if isinstance(words, str):
                made.append(verdict(unit, words[unit.sample]))
            elif words is None:
                made.append(Verdict(**unit.model_dump(), status="abstained", reason="because"))
            else:
                score = {unit.presentation[0]: words[unit.presentation[0]][unit.sample]}
                made.append(Verdict(**unit.model_dump(), scores=score, rationale=f"{unit.persona}: {score}"))
    return made


def decided(panel: Panel, said: Said, given: Item | None = None, judge: Judge = PAIRS) -> Decision:
    return decision_of(panel, PLAN, given or item(), judge, verdicts_of(panel, said, given, judge))


def pair(words: Sequence[str], **options: Any) -> Decision:
    """What a panel decides on a pair whose members say these words."""
    names = NAMES[: len(words)]
    return decided(panel_of(names, len(words[0]), **options), dict(zip(names, words, strict=True)))


def votes(decision: Decision) -> PanelVote:
    assert decision.panel is not None
    return decision.panel


def member(decision: Decision, name: str) -> MemberVote:
    return votes(decision).members[name]


# Three members lean to a, three quarters of their verdicts; two are wholly for b.
LEANING = ("aaab", "aaab", "aaab", "bbbb", "bbbb")


@pytest.mark.parametrize(
    ("rule", "preferred", "utilities"),
    [
        ("majority", "a", {"a": 3 / 5, "b": 2 / 5}),
        ("borda", "a", {"a": 3 / 5, "b": 2 / 5}),
        ("mean", "b", {"a": 2.25 / 5, "b": 2.75 / 5}),
        ("weighted", "a", {"a": 2.25 / 4, "b": 1.75 / 4}),
        ("maxmin", "b", {"a": 0.0, "b": 0.25}),
        ("veto", "b", {"a": None, "b": 2.75 / 5}),
    ],
)
def test_each_rule_decides_as_worked_out_by_hand(rule: str, preferred: str, utilities: dict[str, float | None]) -> None:
    weights = dict(zip(NAMES[:5], (1, 1, 1, 1, 0), strict=True))
    made = pair(LEANING, rule=rule, weights=weights)
    assert (made.outcome, made.preferred) == ("ok", preferred)
    told = votes(made).utilities
    assert told is not None and set(told) == {"a", "b"}
    for name, value in utilities.items():
        assert told[name] is None if value is None else told[name] == pytest.approx(value)
    assert made.share == pytest.approx(0.45 if preferred == "a" else 0.55)  # of all verdicts, whatever the rule
    assert made.verdicts == 5 * 4 * 2


def test_whoever_finds_a_response_less_than_bearable_vetoes_it_and_all_vetoed_is_a_tie() -> None:
    assert pair(("aaab", "aaab", "abbb"), rule="veto", unbearable=0.2).preferred == "a"
    assert pair(("aaab", "aaab", "abbb"), rule="veto", unbearable=0.3).outcome == "tie"  # .25 is no more bearable
    assert votes(pair(("aaab", "aaab", "abbb"), rule="veto", unbearable=0.3)).utilities == {"a": None, "b": None}


BORDA: dict[str, Words] = {
    **{name: {"a": [10.0], "b": [6.0], "c": [1.0]} for name in NAMES[:3]},
    **{name: {"a": [1.0], "b": [10.0], "c": [6.0]} for name in NAMES[3:5]},
}


def test_scores_of_three_responses_are_ranked_by_borda_and_not_by_first_places() -> None:
    by_first = decided(panel_of(NAMES[:5], rule="majority"), BORDA, item(3), SCORES)
    by_rank = decided(panel_of(NAMES[:5], rule="borda"), BORDA, item(3), SCORES)
    assert (by_first.preferred, by_rank.preferred) == ("a", "b")
    assert votes(by_rank).utilities == pytest.approx({"a": 6 / 5, "b": 7 / 5, "c": 2 / 5})
    assert by_rank.scores == pytest.approx({"a": 32 / 5, "b": 38 / 5, "c": 15 / 5})  # on the judge's own scale
    assert by_rank.share is None
    assert member(by_rank, "p/one").utilities == pytest.approx({"a": 1.0, "b": 5 / 9, "c": 0.0})


# Six members, half for each; those for a all say it by three quarters, one of those for b much more firmly than others.
EVEN = (*["aaaaaabb"] * 3, *["aaabbbbb"] * 2, "abbbbbbb")


@pytest.mark.parametrize(("tie", "preferred"), [("tie", None), ("mean", "a"), ("maxmin", "b")])
def test_where_the_rule_ties_the_tie_rule_decides(tie: str, preferred: str | None) -> None:
    made = pair(EVEN, rule="majority", tie=tie)
    assert (made.outcome, made.preferred) == ("ok" if preferred else "tie", preferred)
    assert made.share == (0.5 if preferred is None else pytest.approx(25 / 48 if preferred == "a" else 23 / 48))
    assert ("ties by" in made.rule) == (tie != "tie")


@pytest.mark.parametrize("tie", ["mean", "maxmin"])
def test_a_tie_rule_chooses_among_those_that_tie_alone(tie: str) -> None:
    said: dict[str, Words] = {
        "p/one": {"a": [10.0], "b": [1.0], "c": [9.5]},
        "p/two": {"a": [2.0], "b": [10.0], "c": [9.5]},
    }
    made = decided(panel_of(NAMES[:2], rule="majority", tie=tie), said, item(3), SCORES)
    assert made.preferred == "a"  # c has the greatest mean and the best off worst-off, but nobody's first place


def test_without_a_quorum_nothing_is_decided() -> None:
    words = ("a", "a", "-", "x", "-")
    made = pair(words, quorum=3)
    assert (made.outcome, made.preferred, made.share) == ("no_quorum", None, None)
    assert (votes(made).quorum, votes(made).voted, votes(made).asked) == (3, 2, 5)
    assert (votes(made).worst_off, votes(made).worst_utility) == ("", None)
    assert pair(words, quorum=2).preferred == "a"
    assert pair(words).outcome == "no_quorum"  # more than half, where the file does not say
    assert votes(pair(("a", "a", "a", "-"))).quorum == 3


def test_a_quorum_where_none_is_given_counts_those_who_were_kept_out() -> None:
    retired = {**role("p/four"), "status": "retired"}
    personas = [*map(role, NAMES[:3]), retired, {**role("p/five"), "status": "retired"}]
    left = Panel.of({"id": "p", "version": 1, "title": "Five", "personas": personas}).seated()
    assert (left.quorum, len(left.seats), dict(left.kept_out)) == (3, 3, dict.fromkeys(NAMES[3:5], "retired"))
    said: dict[str, Words] = dict.fromkeys(NAMES[:3], "aaa")
    assert votes(decided(left, said)).kept_out == dict.fromkeys(NAMES[3:5], "retired")
    assert decided(left, {**said, "p/two": "---"}).outcome == "no_quorum"


def test_a_member_whose_presentations_disagree_counts_one_half_to_each_side() -> None:
    made = pair(("a", "f"), rule="majority")
    assert votes(made).utilities == {"a": 0.75, "b": 0.25}
    assert (made.preferred, made.share) == ("a", 0.75)
    flipped = member(made, "p/two")
    assert (flipped.outcome, flipped.preferred, flipped.utilities) == ("flipped", None, {"a": 0.5, "b": 0.5})
    assert made.dissent == []  # it prefers neither


def test_only_where_all_who_vote_flip_is_the_panel_flipped() -> None:
    assert (pair(("f", "s", "-", "f")).outcome, pair(("f", "s", "-", "f")).share) == ("flipped", 0.5)
    assert (pair(("f", "t", "f")).outcome, pair(("f", "t", "f")).share) == ("tie", 0.5)
    assert pair(("a", "b", "f")).outcome == "tie"
    assert pair(("t", "t", "t")).outcome == "tie"


def test_who_says_nothing_has_no_vote_and_is_counted() -> None:
    made = pair(("aaa", "a-a", "---", "xxx"), quorum=2)
    assert (made.preferred, made.share) == ("a", 1.0)
    assert (made.verdicts, made.left_out) == (6 + 4, {"abstained": 2 + 6, "error": 6})
    assert votes(made).voted == 2
    silent, failed = member(made, "p/three"), member(made, "p/four")
    assert (silent.outcome, silent.utilities, silent.verdicts) == ("abstained", None, 0)
    assert (failed.outcome, failed.utilities) == ("failed", None)
    assert member(made, "p/two").verdicts == 4


def test_where_nobody_speaks_the_panel_abstained_or_failed() -> None:
    assert pair(("-", "-", "-")).outcome == "abstained"
    assert pair(("-", "x", "-")).outcome == "failed"
    assert pair(("x", "x", "x")).outcome == "failed"
    made = pair(("-", "-"))
    assert (made.share, made.scores, votes(made).utilities, made.dissent) == (None, None, None, [])
    assert made.left_out == {"abstained": 4}


def test_dissent_says_who_why_and_how_far() -> None:
    made = pair(("aaaa", "aaaa", "aaab", "abbb", "bbbb"), rule="majority")
    assert made.preferred == "a"
    told = {one.persona: one for one in made.dissent}
    assert set(told) == {"p/four", "p/five"}
    assert [one.preferred for one in made.dissent] == ["b", "b"]
    assert [told[name].distance for name in ("p/four", "p/five")] == pytest.approx([0.5, 1.0])
    assert told["p/four"].rationale == "p/four #1: b"  # one for what it prefers, not its first
    assert told["p/five"].rationale == "p/five #0: b"
    assert {one.judge for one in made.dissent} == {PAIRS.id}


def test_dissent_from_a_tie_is_measured_from_an_even_split() -> None:
    made = pair(("a", "b"))
    assert made.outcome == "tie"
    assert {one.persona: one.distance for one in made.dissent} == {"p/one": 0.5, "p/two": 0.5}


def test_dissent_over_scores_is_the_share_of_the_scale_that_is_lost() -> None:
    made = decided(panel_of(NAMES[:5], rule="borda"), BORDA, item(3), SCORES)
    assert [one.persona for one in made.dissent] == list(NAMES[:3])
    assert [one.distance for one in made.dissent] == pytest.approx([4 / 9] * 3)
    assert all((one.rationale or "").startswith(one.persona) for one in made.dissent)


def test_an_aggregate_names_no_dissent_before_it_is_looked_for() -> None:
    panel = panel_of(NAMES[:3])
    given = verdicts_of(panel, {"p/one": "a", "p/two": "a", "p/three": "b"})
    made = decided_by_panel(panel, PLAN, item(), PAIRS, given)
    assert made.dissent == []
    assert [one.persona for one in with_dissent(made, PLAN, item(), PAIRS, panel, given).dissent] == ["p/three"]


def test_whom_the_decision_serves_worst_is_named_with_what_it_is_worth() -> None:
    made = pair(("aaaa", "aaab", "abbb", "abbb"), quorum=2)
    assert (made.preferred, votes(made).worst_off, votes(made).worst_utility) == ("a", "p/four", 0.25)
    alone = pair(("aaaa", "aaab", "bbbb"))
    assert (votes(alone).worst_off, votes(alone).worst_utility) == ("p/three", 0.0)


def test_where_all_are_served_alike_nobody_is_worst_off() -> None:
    made = pair(("aaab", "aaab", "aaab"))
    assert (made.preferred, votes(made).worst_off, votes(made).worst_utility) == ("a", "", 0.75)


def test_an_earlier_step_s_verdict_has_no_vote() -> None:
    panel = panel_of(NAMES[:3])
    given = verdicts_of(panel, dict.fromkeys(NAMES[:3], "a"))
    earlier = [one.model_copy(update={"step": "decide", "preferred": "b"}) for one in given]
    made = decision_of(panel, PLAN, item(), PAIRS, [*earlier, *given])
    assert (made.preferred, made.share, made.verdicts) == ("a", 1.0, len(given))


def test_a_single_response_is_scored_by_all_and_nothing_is_preferred() -> None:
    said: dict[str, Words] = {"p/one": {"a": [4.0]}, "p/two": {"a": [6.0]}, "p/three": None}
    made = decided(panel_of(NAMES[:3]), said, item(1), SCORES)
    assert (made.outcome, made.preferred) == ("ok", None)
    assert made.scores == pytest.approx({"a": 5.0})
    assert made.left_out == {"abstained": 1}


def test_a_rule_says_itself_in_words() -> None:
    assert rule_of(panel_of(NAMES[:3])) == "mean of 3 members, quorum 2"
    told = panel_of(NAMES[:3], rule="majority", tie="maxmin", adaptive=True)
    assert rule_of(told) == "majority of 3 members, quorum 2, ties by maxmin, asked while the outcome is open"
    assert rule_of(panel_of(NAMES[:3], assignment="cyclic")) == "one of 3 members in turn"


# What holds whatever is said.

LETTERS = st.sampled_from("aaabbbtfs-x")
WORDS = st.text(LETTERS, min_size=2, max_size=2)
GRADES = st.sampled_from([1.0, 2.5, 5.5, 7.3, 9.1, 10.0])
GIVEN_SCORES = st.one_of(
    st.none(), st.fixed_dictionaries({name: st.lists(GRADES, min_size=2, max_size=2) for name in "abc"})
)
TIES = st.sampled_from(["tie", "mean", "maxmin"])


def said_by(names: Sequence[str], words: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(dict.fromkeys(names, words))


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, Words], Item, Judge]:
    """What members say of a pair, or of three scored responses."""
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    if draw(st.booleans()):
        return draw(said_by(names, WORDS)), item(), PAIRS
    return draw(said_by(names, GIVEN_SCORES)), item(3), SCORES


def weights_of(said: Said) -> dict[str, float]:
    return {name: float(1 + len(name) % 3) for name in said}


def options_of(rule: str, said: Said) -> dict[str, Any]:
    return {"rule": rule, "weights": weights_of(said)} if rule == "weighted" else {"rule": rule}


@settings(max_examples=60, deadline=None)
@given(cases(), TIES, st.randoms(use_true_random=False))
@pytest.mark.parametrize("rule", RULES)
def test_no_decision_depends_on_the_order_of_members_or_verdicts(
    rule: str, case: tuple[dict[str, Words], Item, Judge], tie: str, order: Random
) -> None:
    said, given, judge = case
    options = {**options_of(rule, said), "tie": tie}
    names = list(said)
    panel = panel_of(names, 2, **options)
    order.shuffle(names)
    other = panel_of(names, 2, **options)
    came = verdicts_of(panel, said, given, judge)
    order.shuffle(came)
    first = decision_of(panel, PLAN, given, judge, verdicts_of(panel, said, given, judge)).model_dump()
    second = decision_of(other, PLAN, given, judge, came).model_dump()
    for one in (first, second):
        one["dissent"].sort(key=lambda dissent: dissent["persona"])
    assert first == second


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 7), st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_who_has_a_turn_depends_on_no_order(count: int, number: int, order: Random) -> None:
    names = list(NAMES[:count])
    first = PLAN.seats(item(name=f"q{number}"), PAIRS, panel_of(names, assignment="cyclic"))
    order.shuffle(names)
    second = PLAN.seats(item(name=f"q{number}"), PAIRS, panel_of(names, assignment="cyclic"))
    assert [seat.name for seat in first] == [seat.name for seat in second]


@settings(max_examples=60, deadline=None)
@given(cases(), TIES, st.permutations(NAMES))
@pytest.mark.parametrize("rule", RULES)
def test_names_decide_nothing(
    rule: str, case: tuple[dict[str, Words], Item, Judge], tie: str, order: Sequence[str]
) -> None:
    said, given, judge = case
    renamed = dict(zip(NAMES, [f"other/{name[2:]}" for name in order], strict=True))
    weights = {"weights": weights_of(said)} if rule == "weighted" else {}
    moved = {"weights": {renamed[name]: value for name, value in weights_of(said).items()}} if weights else {}
    first = decided(panel_of(list(said), 2, rule=rule, tie=tie, **weights), said, given, judge)
    others = {renamed[name]: words for name, words in said.items()}
    second = decided(panel_of(list(others), 2, rule=rule, tie=tie, **moved), others, given, judge)
    plain = {"outcome", "preferred", "share", "scores", "rule", "verdicts", "left_out"}
    assert first.model_dump(include=plain) == second.model_dump(include=plain)
    assert votes(first).utilities == votes(second).utilities
    assert votes(first).worst_utility == votes(second).worst_utility
    assert {renamed[one.persona] for one in first.dissent} == {one.persona for one in second.dissent}
    assert {renamed[name]: vote for name, vote in votes(first).members.items()} == votes(second).members


@settings(max_examples=40, deadline=None)
@given(st.one_of(WORDS, GIVEN_SCORES), st.integers(1, 4), TIES)
@pytest.mark.parametrize("rule", RULES)
def test_twice_as_many_who_say_the_same_decide_the_same(rule: str, words: Any, count: int, tie: str) -> None:
    given, judge = (item(), PAIRS) if isinstance(words, str) else (item(3), SCORES)
    made = []
    for names in (NAMES[:count], [*NAMES[:count], *[f"{name}-again" for name in NAMES[:count]]]):
        said: dict[str, Words] = dict.fromkeys(names, words)
        weights = {"weights": dict.fromkeys(names, 1.0)} if rule == "weighted" else {}
        made.append(decided(panel_of(names, 2, rule=rule, tie=tie, **weights), said, given, judge))
    once, twice = made
    assert (once.outcome, once.preferred) == (twice.outcome, twice.preferred)
    assert once.share == pytest.approx(twice.share)
    assert votes(twice).voted == 2 * votes(once).voted


# An adaptive panel.

ADAPTIVE = ("majority", "mean", "borda", "weighted")


@st.composite
def adaptive_cases(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Words], Item, Judge]:
    """Rules, quorum and tie rule of a panel, and what its members say, often alike."""
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    rule = draw(st.sampled_from(ADAPTIVE))
    options: dict[str, Any] = {"rule": rule, "tie": draw(TIES)}
    options |= {"weights": weights_of(dict.fromkeys(names))} if rule == "weighted" else {}
    if (quorum := draw(st.none() | st.integers(1, len(names)))) is not None:
        options["quorum"] = quorum
    kind = draw(st.sampled_from(["pair", "alike", "scores", "one"]))
    given = {"pair": item(), "alike": item(), "scores": item(3), "one": item(1)}[kind]
    words = {"pair": WORDS, "alike": st.sampled_from(["aa", "aa", "ff", "tt", "--", "ab"])}.get(kind, GIVEN_SCORES)
    return options, draw(said_by(names, words)), given, PAIRS if kind in ("pair", "alike") else SCORES


@settings(max_examples=400, deadline=None)
@given(adaptive_cases(), st.integers(0, 5))
def test_an_adaptive_panel_decides_as_if_all_had_been_asked_and_never_asks_more(
    case: tuple[dict[str, Any], dict[str, Words], Item, Judge], number: int
) -> None:
    options, said, on, judge = case
    given = on.model_copy(update={"id": f"q{number}"})  # whom it asks first is drawn for the item
    full = decided(panel_of(list(said), 2, **options), said, given, judge)
    saving = panel_of(list(said), 2, **options, adaptive=True)
    made = decided(saving, said, given, judge)
    assert (made.outcome, made.preferred) == (full.outcome, full.preferred)
    a_member = len(PLAN.seat_units(given, judge, saving.seats[0]))
    assert votes(made).saved == a_member * (len(said) - votes(made).asked) >= 0
    assert all(votes(full).members[name] == vote for name, vote in votes(made).members.items())


@settings(max_examples=150, deadline=None)
@given(adaptive_cases(), st.integers(0, 5))
def test_asked_wave_by_wave_it_asks_nobody_twice_and_ends_as_over_what_all_would_say(
    case: tuple[dict[str, Any], dict[str, Words], Item, Judge], number: int
) -> None:
    options, said, on, judge = case
    given = on.model_copy(update={"id": f"q{number}"})
    panel = panel_of(list(said), 2, **options, adaptive=True)
    answers = {one.key: one for one in verdicts_of(panel, said, given, judge)}
    heard: list[Verdict] = []
    while wave := units_of(panel, PLAN, given, judge, heard):
        asked = asked_of(panel, PLAN, given, judge, heard, next_too=True)
        assert {unit.persona for unit in wave} <= {seat.name for seat in asked}
        heard += [answers.pop(Verdict(**unit.model_dump(), status="error", reason="-").key) for unit in wave]
    assert decision_of(panel, PLAN, given, judge, heard) == decided(panel, said, given, judge)


def test_an_adaptive_panel_of_two_sides_asks_on_in_every_case_where_it_must() -> None:
    """All that five members can say, against a search through all that those who are left might say."""
    letters = "ab-"
    names = NAMES[:5]
    full = panel_of(names, rule="majority")
    saving = panel_of(names, rule="majority", adaptive=True)
    order = [seat.name for seat in PLAN.seats(item(), PAIRS, saving)]
    outcomes = {}
    for words in product(letters, repeat=5):
        made = decided(full, dict(zip(order, words, strict=True)))
        outcomes[words] = (made.outcome, made.preferred)
    for words in outcomes:
        made = decided(saving, dict(zip(order, words, strict=True)))
        asked = votes(made).asked
        ends = {outcomes[(*words[:asked], *rest)] for rest in product(letters, repeat=5 - asked)}
        assert ends == {(made.outcome, made.preferred)}
        if asked > 3:  # one fewer would not have been enough
            fewer = {outcomes[(*words[: asked - 1], *rest)] for rest in product(letters, repeat=6 - asked)}
            assert len(fewer) > 1


@pytest.mark.parametrize(
    ("rule", "words", "asked"),
    [
        ("majority", "aaaaaaa", 4),
        ("mean", "aaaaaaa", 4),
        ("borda", "aaaaaaa", 4),
        ("weighted", "aaaaaaa", 7),  # who is left may weigh more than all who spoke
        ("majority", "ttttttt", 7),  # of a tie nothing is sure before the last
        ("majority", "fffffff", 7),
        ("majority", "-------", 7),
    ],
)
def test_of_a_panel_that_agrees_no_more_are_asked_than_decide(rule: str, words: str, asked: int) -> None:
    said: dict[str, Words] = dict(zip(NAMES, words, strict=True))
    made = decided(panel_of(NAMES, adaptive=True, **options_of(rule, said)), said)
    assert (votes(made).asked, votes(made).saved) == (asked, 2 * (7 - asked))
    assert votes(made).seats == 7


@pytest.mark.parametrize("rule", ADAPTIVE)
def test_an_adaptive_panel_stops_once_there_can_be_no_quorum(rule: str) -> None:
    names = [seat.name for seat in PLAN.seats(item(), PAIRS, panel_of(NAMES, adaptive=True))]
    for words, asked in (("a----aa", 5), ("a--a-x-", 6), ("-----aa", 6), ("---x---", 7)):
        said: dict[str, Words] = dict(zip(names, words, strict=True))
        made = decided(panel_of(NAMES, adaptive=True, quorum=4, **options_of(rule, said)), said)
        assert made.outcome == ("no_quorum" if "a" in words else "failed")
        assert votes(made).asked == asked


def test_by_borda_those_who_are_left_may_move_two_of_three_responses_apart_by_two_points_each() -> None:
    names = [seat.name for seat in PLAN.seats(item(3), SCORES, panel_of(NAMES, adaptive=True))]
    said: dict[str, Words] = {
        **{name: {"a": [10.0], "b": [6.0], "c": [1.0]} for name in names[:4]},  # 8, 4 and 0 points
        **{name: {"a": [1.0], "b": [10.0], "c": [6.0]} for name in names[4:]},  # 0, 6 and 3 more
    }
    made = decided(panel_of(NAMES, rule="borda", adaptive=True), said, item(3), SCORES)
    assert (made.preferred, votes(made).asked) == ("b", 7)


def test_an_adaptive_panel_asks_a_quorum_at_least() -> None:
    said: dict[str, Words] = dict.fromkeys(NAMES, "a")
    made = decided(panel_of(NAMES, rule="majority", quorum=6, adaptive=True), said)
    assert (votes(made).asked, made.outcome) == (6, "ok")


def test_whom_an_adaptive_panel_asks_first_is_drawn_for_each_item() -> None:
    panel = panel_of(NAMES, adaptive=True)
    first = {PLAN.seats(item(name=f"q{number}"), PAIRS, panel)[0].name for number in range(100)}
    assert first == set(NAMES)
    assert PLAN.seats(item(), PAIRS, panel) == PLAN.seats(item(), PAIRS, panel_of(NAMES[::-1], adaptive=True))

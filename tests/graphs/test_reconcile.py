"""What becomes of an item's verdicts? By hand, and what must not change it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from plurijudge.graphs.reconcile import reconcile
from plurijudge.store.records import Decision, Verdict, VerdictKey

AB, BA = ("a", "b"), ("b", "a")


def units(shown: list[tuple[str, ...]], samples: int = 1) -> list[VerdictKey]:
    return [VerdictKey(item="q", judge="j", presentation=p, sample=s) for p in shown for s in range(samples)]


def said(unit: VerdictKey, what: str) -> Verdict:
    if what in ("abstained", "error", "unparseable", "refused", "truncated"):
        return Verdict(**unit.model_dump(), status=what, reason="x")
    return Verdict(**unit.model_dump(), preferred=what)


def decided(shown: list[tuple[str, ...]], *outcomes: str, samples: int = 1) -> Decision:
    asked = units(shown, samples)
    verdicts = [said(u, w) for u, w in zip(asked, outcomes, strict=True)]
    return reconcile(asked, verdicts, protocol="pairwise")


@pytest.mark.parametrize(
    ("first", "second", "outcome", "preferred"),
    [
        ("a", "a", "ok", "a"),
        ("b", "b", "ok", "b"),
        ("a", "b", "flipped", None),
        ("b", "a", "flipped", None),
        ("tie", "tie", "tie", None),
        ("a", "tie", "flipped", None),
        ("abstained", "abstained", "abstained", None),
        ("a", "abstained", "abstained", None),
        ("a", "error", "failed", None),
        ("refused", "truncated", "failed", None),
        ("abstained", "error", "failed", None),
    ],
)
def test_both_presentations_must_agree(first: str, second: str, outcome: str, preferred: str | None) -> None:
    made = decided([AB, BA], first, second)
    assert (made.outcome, made.preferred) == (outcome, preferred)


def test_one_random_presentation_decides_alone() -> None:
    made = decided([BA], "b")
    assert (made.outcome, made.preferred, made.share) == ("ok", "b", 1.0)


def test_the_majority_of_samples_counts_within_a_presentation_and_its_minority_is_kept() -> None:
    made = decided([AB, BA], "a", "a", "b", "a", "tie", "a", samples=3)
    assert (made.outcome, made.preferred) == ("ok", "a")
    assert made.share == pytest.approx((2 / 3 + 2.5 / 3) / 2)
    assert [(d.presentation, d.sample, d.preferred) for d in made.dissent] == [(AB, 2, "b"), (BA, 1, "tie")]


def test_an_even_split_of_samples_in_both_presentations_is_a_tie() -> None:
    assert decided([AB, BA], "a", "b", "b", "a", samples=2).outcome == "tie"


def test_a_flip_counts_one_half_and_what_was_left_out_is_counted_by_status() -> None:
    assert decided([AB, BA], "a", "b").share == 0.5
    made = decided([AB, BA], "a", "error", "abstained", "a", samples=2)
    assert (made.outcome, made.verdicts, made.left_out) == ("ok", 2, {"error": 1, "abstained": 1})


def test_an_earlier_step_is_not_a_final_word() -> None:
    asked = units([AB, BA])
    verdicts = [said(u, "a") for u in asked]
    before = Verdict(**{**asked[0].model_dump(), "step": "reflect-1"}, preferred="b")
    assert reconcile(asked, [before, *verdicts], protocol="pairwise").preferred == "a"


def test_scores_are_averaged_and_a_response_without_any_leaves_no_decision() -> None:
    asked = units([("a",), ("b",)], samples=2)
    scores: list[dict[str, Any]] = [{"a": 7.0}, {"a": 9.0}, {"b": 6.0}, {"b": 6.0}]
    verdicts = [Verdict(**u.model_dump(), scores=s) for u, s in zip(asked, scores, strict=True)]
    made = reconcile(asked, verdicts, protocol="score")
    assert (made.outcome, made.preferred, made.scores) == ("ok", "a", {"a": 8.0, "b": 6.0})
    lost = [*verdicts[:2], *(said(u, "refused") for u in asked[2:])]
    made = reconcile(asked, lost, protocol="score")
    assert (made.outcome, made.preferred, made.scores) == ("failed", None, {"a": 8.0})
    even = [Verdict(**u.model_dump(), scores={u.presentation[0]: 5.0}) for u in asked]
    assert reconcile(asked, even, protocol="score").outcome == "tie"


outcomes = st.sampled_from(["a", "b", "tie", "abstained", "error", "unparseable"])
SWAP = {"a": "b", "b": "a"}


@given(st.lists(outcomes, min_size=6, max_size=6), st.randoms())
def test_the_order_in_which_verdicts_came_does_not_matter(words: list[str], shuffle: Any) -> None:
    asked = units([AB, BA], 3)
    verdicts = [said(u, w) for u, w in zip(asked, words, strict=True)]
    once = reconcile(asked, verdicts, protocol="pairwise")
    mixed = list(verdicts)
    shuffle.shuffle(mixed)
    again = reconcile(asked, mixed, protocol="pairwise")
    assert once.model_copy(update={"dissent": [], "left_out": {}}) == again.model_copy(
        update={"dissent": [], "left_out": {}}
    )
    assert once.left_out == again.left_out
    assert sorted(map(str, once.dissent)) == sorted(map(str, again.dissent))


@given(st.lists(outcomes, min_size=6, max_size=6))
def test_exchanging_the_responses_exchanges_the_decision(words: list[str]) -> None:
    made = decided([AB, BA], *words, samples=3)
    swapped = decided([AB, BA], *(SWAP.get(word, word) for word in words), samples=3)
    assert made.outcome == swapped.outcome
    assert (made.preferred and SWAP[made.preferred]) == swapped.preferred
    assert made.share == (None if swapped.share is None else pytest.approx(swapped.share))


@given(st.lists(outcomes, min_size=4, max_size=4))
def test_a_preference_stands_only_where_every_presentation_has_a_verdict(words: list[str]) -> None:
    made = decided([AB, BA], *words, samples=2)
    whole = all(any(w in ("a", "b", "tie") for w in half) for half in (words[:2], words[2:]))
    assert (made.outcome in ("ok", "tie", "flipped")) == whole

"""What may a record hold? A failure never looks like a verdict, and nothing that SQL cannot keep comes in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError

from plurijudge.store.canonical import canonical, digest
from plurijudge.store.records import STATUSES, Decision, Gold, Item, Message, Part, Response, Verdict

KEY: dict[str, Any] = {"item": "q", "judge": "j", "presentation": ("a", "b")}
FAILED = [status for status in STATUSES if status != "ok"]
SAID = [
    {"preferred": "a"},
    {"p_first": 0.5},
    {"scores": {"a": 1.0}},
    {"criterion_scores": {"a": {"clarity": 3.0}}},
    {"probabilities": {"a": 0.7, "tie": 0.3}},
]


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("status", FAILED)
def test_a_failure_carries_no_preference_score_or_probability(status: str, said: dict[str, Any]) -> None:
    assert Verdict(**KEY, status=status, reason="why").preferred is None
    with pytest.raises(ValidationError, match="holds no preference"):
        Verdict(**KEY, status=status, reason="why", **said)


@pytest.mark.parametrize("said", SAID)
def test_an_ok_verdict_says_something(said: dict[str, Any]) -> None:
    assert Verdict(**KEY, **said).status == "ok"
    with pytest.raises(ValidationError, match="needs `preferred`"):
        Verdict(**KEY)


def test_a_failure_needs_a_reason() -> None:
    with pytest.raises(ValidationError, match="needs a `reason`"):
        Verdict(**KEY, status="error")


def test_only_what_was_shown_can_be_preferred_or_scored() -> None:
    assert Verdict(**KEY, preferred="tie").preferred == "tie"
    for said in ({"preferred": "c"}, {"scores": {"c": 1.0}}):
        with pytest.raises(ValidationError, match="shown were a, b"):
            Verdict(**KEY, **said)


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_probability_lies_between_0_and_1(bad: float) -> None:
    with pytest.raises(ValidationError):
        Verdict(**KEY, p_first=bad)
    with pytest.raises(ValidationError):
        Verdict(**KEY, probabilities={"a": bad})


def test_a_decision_prefers_a_response_only_when_it_is_ok() -> None:
    with pytest.raises(ValidationError, match="prefers nothing"):
        Decision(item="q", judge="j", outcome="flipped", preferred="a", rule="r", verdicts=2)


@pytest.mark.parametrize("bad", ["nul \x00", "half \ud800"])
def test_text_that_no_database_keeps_is_refused_wherever_it_stands(bad: str) -> None:
    good = {"id": "q", "prompt": "p", "responses": [{"id": "a", "text": "x"}]}
    for change in (
        {"id": bad},
        {"prompt": bad},
        {"prompt": [{"role": "user", "content": bad}]},
        {"context": bad},
        {"responses": [{"id": "a", "text": bad}]},
        {"meta": {"k": [bad]}},
        {"meta": {bad: 1}},
        {"gold": [{"annotator": bad, "preferred": "a"}]},
    ):
        with pytest.raises(ValidationError):
            Item.model_validate({**good, **change})


def test_response_ids_are_unique_and_tie_is_reserved() -> None:
    with pytest.raises(ValidationError, match="twice"):
        Item(id="q", prompt="p", responses=[Response(id="a", text="x"), Response(id="a", text="y")])
    with pytest.raises(ValidationError, match="reserved"):
        Response(id="tie", text="x")
    with pytest.raises(ValidationError, match="either `text` or `parts`"):
        Response(id="a")


def test_a_label_names_responses_that_are_there() -> None:
    with pytest.raises(ValidationError, match=r"`gold\[0\]` names 'c'"):
        Item(id="q", prompt="p", responses=[Response(id="a", text="x")], gold=[Gold(preferred="c")])


@pytest.mark.parametrize(
    ("gold", "acceptable"),
    [
        ({"preferred": "a"}, {"a"}),
        ({"preferred": ["a", "tie"]}, {"a", "tie"}),
        ({"scores": {"a": 4, "b": 3}}, {"a"}),
        ({"scores": {"a": 3, "b": 3}}, {"tie"}),
        ({"scores": {"a": 3, "b": 3, "c": 1}}, {"a", "b"}),
        ({"criterion_scores": {"a": {"clarity": 3}}}, set()),
    ],
)
def test_what_a_label_accepts(gold: dict[str, Any], acceptable: set[str]) -> None:
    assert Gold(**gold).acceptable == acceptable


def test_messages_and_parts_hold_what_their_type_needs() -> None:
    assert Message(role="user", content=[Part(type="text", text="x")]).role == "user"
    for part in ({"type": "text"}, {"type": "tool_call"}, {"type": "image", "text": "x"}):
        with pytest.raises(ValidationError, match="needs"):
            Part.model_validate(part)


def test_whole_numbers_serve_as_ids_and_an_empty_one_does_not() -> None:
    assert Item.model_validate({"id": 7, "prompt": "p"}).id == "7"
    with pytest.raises(ValidationError, match="give it a name"):
        Item(id="", prompt="p")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), json_values, max_size=5))
def test_equal_values_have_equal_bytes_whatever_the_order_of_their_keys(value: dict[str, Any]) -> None:
    turned = dict(reversed(list(value.items())))
    assert canonical(value) == canonical(turned)
    assert digest(value) == digest(turned)


def test_what_is_not_a_number_is_null_in_json() -> None:
    assert canonical({"x": float("nan")}) == '{"x":null}'

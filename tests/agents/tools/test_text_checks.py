"""Does the tool for texts count, check and compare exactly, and accuse nobody who is right?"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from plurijudge.agents.tools.base import Case, Finding, Observation, Refused
from plurijudge.agents.tools.text_checks import TextChecks
from plurijudge.text.findings import implied_by

TOOL = TextChecks()
CONTEXT = "The river rose by two metres in May, and “the old bridge” was closed for nine days."


def run(case: Case | None = None, **arguments: Any) -> Any:
    seen = asyncio.run(TOOL.run(arguments, case or Case("q", {"a": "One two.", "b": "x"})))
    assert seen.status == "ok"
    return seen.result


def checked(question: str, a: str, b: str, *, context: str = "") -> list[Finding]:
    return asyncio.run(TOOL.check(Case(question, {"a": a, "b": b}, context=context)))


def told(question: str, a: str, b: str, **more: str) -> str | None:
    return implied_by(checked(question, a, b, **more), ("a", "b"))


def test_counts_of_a_response_of_the_context_and_of_a_text() -> None:
    assert run(operation="count", response="a", what="words") == {"words": 2}
    assert run(Case("q", {}, context="a b c"), operation="count", part="context", what="words") == {"words": 3}
    assert run(operation="count", text="ab c")["letters"] == 3


def test_occurrences_json_tables_and_quotations() -> None:
    assert run(operation="occurrences", text="strawberry", find="r")["occurrences"] == 3
    assert run(operation="json", text='{"a": 1}', keys=["a", "b"]) == {"valid": True, "missing_keys": ["b"]}
    assert run(operation="json", text="{a: 1}") == {"valid": False, "missing_keys": []}
    assert run(operation="table", text="|a|b|\n|-|-|\n|1|2|") == {"rows": 3, "cells": [2], "even": True}
    assert run(operation="table", text="a,b\n1,2,3") == {"rows": 2, "cells": [2, 3], "even": False}
    case = Case("q", {}, context=CONTEXT)
    there = run(case, operation="quotation", part="context", find="and 'The old  bridge' was closed")
    assert there == {"present": True, "words_found": 6, "words": 6}
    assert run(case, operation="quotation", part="context", find="the old bridge fell") == {
        "present": False,
        "words_found": 3,
        "words": 4,
    }


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"operation": "count"}, "which_text"),
        ({"operation": "count", "text": "a", "part": "context"}, "which_text"),
        ({"operation": "occurrences", "text": "a"}, "missing_argument"),
        ({"operation": "quotation", "text": "a", "find": ""}, "missing_argument"),
    ],
)
def test_what_it_does_not_take_is_refused_with_the_way_out(arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused) as refused:
        asyncio.run(TOOL.run(arguments, Case("q", {})))
    assert refused.value.reason == reason and refused.value.said


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("How many times does r occur in strawberry?", "3.", "It contains exactly 2 letters r."),
        ("How often does the letter 's' appear in the word \"possess\"?", "4.", "It appears five times."),
        ("How many s's are in Mississippi?", "There are four.", "There are three."),
        ("How many letters are in the word 'queue'?", "5", "four"),
        ("How many vowels does 'education' have?", "It has 5 vowels.", "It has 4 vowels."),
        ('How many words are in "to be or not to be"?', "Six", "Five"),
    ],
)
def test_a_count_that_is_asked_for_decides(question: str, right: str, wrong: str) -> None:
    assert TOOL.applies(Case(question, {"a": right, "b": wrong}))
    assert told(question, right, wrong) == "a"
    assert told(question, wrong, right) == "b"


@pytest.mark.parametrize(
    "question",
    [
        "How many times does she visit?",
        "How many people are in China?",
        "How often does A occur in Aa?",  # once or twice, by whether case counts
        "What is your favourite word?",
        "How many characters are in 'two words'?",
    ],
)
def test_another_question_is_left_alone(question: str) -> None:
    assert checked(question, "3", "2") == []


def test_a_form_that_was_asked_for_is_told_and_decides_nothing() -> None:
    found = checked("Describe tea in at most 3 words.", "Hot and brown.", "Tea is a drink that people like.")
    assert [(f.response, f.holds, f.advisory) for f in found] == [("a", True, True), ("b", False, True)]
    assert implied_by(found, ("a", "b")) is None


def test_a_quotation_that_its_source_lacks_is_a_wrong_claim() -> None:
    real = 'According to the text, "the river rose by two metres in May", so it was wet.'
    made_up = 'According to the text, "the river rose by nine metres in June", so it was wet.'
    assert told("Was it wet?", real, made_up, context=CONTEXT) == "a"
    assert told("Was it wet?", made_up, real, context=CONTEXT) == "b"
    assert checked("Was it wet?", 'Some say "it was far too wet to walk".', "No.", context=CONTEXT) == []


def test_the_other_count_is_what_another_response_says() -> None:
    case = Case("How many times does r occur in strawberry?", {"a": "3.", "b": "It has 2."})
    seen = Observation("ok", {"occurrences": 3})
    assert TOOL.counterfactual({}, seen, case) == {"occurrences": 2}
    assert TOOL.counterfactual({}, seen, Case("Is tea nice?", {"a": "3.", "b": "2."})) is None


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300), st.text(max_size=200), st.text(max_size=200), st.text(max_size=200))
def test_any_text_gives_findings_and_no_exception(question: str, a: str, b: str, context: str) -> None:
    case = Case(question, {"a": a, "b": b}, context=context)
    TOOL.applies(case)
    asyncio.run(TOOL.check(case))

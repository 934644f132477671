"""Is what a request asks of the form of its answer read, and nothing that it asks of something else?"""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings, strategies as st

from plurijudge.text.form import demands, read_json


def _held(request: str, answer: str) -> list[tuple[str, bool]]:
    return [(demand.said, demand.holds(answer)[0]) for demand in demands(request)]


@pytest.mark.parametrize(
    ("request_", "answer", "held"),
    [
        ("Describe the sea in at most 5 words.", "Wide, blue, salty, cold, deep.", [("at most 5 words", True)]),
        ("Describe the sea in at most 5 words.", "It is wide, blue, salty and deep.", [("at most 5 words", False)]),
        ("Write fewer than two paragraphs.", "One.\n\nTwo.", [("fewer than two paragraphs", False)]),
        ("Give at least three sentences on tea.", "A. B. C.", [("at least three sentences", True)]),
        ("Answer in more than 2 lines.", "a\nb", [("more than 2 lines", False)]),
        ("List exactly 3 bullet points.", "- a\n- b\n- c", [("exactly 3 bullet points", True)]),
        ("Summarise it in 20 words or less.", "Short.", [("in 20 words or less", True)]),
        (
            "Your answer must be no more than 10 characters.",
            "far too long a text",
            [("no more than 10 characters", False)],
        ),
        ("Answer in valid JSON with the keys name, age.", '{"name": "x"}', [("in valid JSON", False)]),
        ('Output JSON with keys "a" and "b".', '```json\n{"a": 1, "b": 2}\n```', [("Output JSON", True)]),
        ("Reply in all lowercase.", "no capitals here.", [("in all lowercase", True)]),
        ("Reply in all capitals.", "No.", [("in all capitals", False)]),
        ("Write a poem. Do not use the word 'sea'.", "The SEA!", [("Do not use the word 'sea'", False)]),
        ("Write a poem and include the word 'sea'.", "The seaside.", [("include the word 'sea'", False)]),
        ("Write a note. End with 'Warm regards'.", "Hi.\nWarm regards!", [("End with 'Warm regards'", True)]),
        ("Begin your answer with 'Indeed'. Explain.", "Well.", [("Begin your answer with 'Indeed'", False)]),
    ],
)
def test_what_is_asked_is_read_and_held(request_: str, answer: str, held: list[tuple[str, bool]]) -> None:
    assert _held(request_, answer) == held


@pytest.mark.parametrize(
    "request_",
    [
        "",
        "Is a haiku at most 17 syllables?",
        "The contract has more than 300 words. Is it valid?",
        "He wrote at least 3 sentences a day.",
        "What does JSON stand for?",
        "Why do some people never use the word 'sea'?",
        "A letter ends with 'Yours'. Why?",
    ],
)
def test_what_is_said_of_something_else_is_no_demand(request_: str) -> None:
    assert demands(request_) == []


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "{'a': 1}", '{"a": 1} and more', "", "[" * 10_000])
def test_what_is_no_json_is_none(text: str) -> None:
    with pytest.raises((ValueError, RecursionError)):
        read_json(text)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=400), st.text(max_size=200))
def test_any_request_and_any_answer_give_an_answer(request_: str, answer: str) -> None:
    for demand in demands(request_):
        holds, said = demand.holds(answer)
        assert isinstance(holds, bool) and said


@pytest.mark.parametrize(
    "part", ["at most ", "write ", "'", "do not use the word 'a ", "keys ", "in all ", "a a a ", "1. ", "\n"]
)
def test_twice_the_text_takes_about_twice_the_time(part: str) -> None:
    def spent(size: int) -> float:
        text = "Write " + part * (size // len(part))
        best = float("inf")
        for _ in range(3):
            begun = time.process_time()
            demands(text)
            best = min(best, time.process_time() - begun)
        return best

    # quadratic work takes 16 times as long on four times the text
    assert spent(16_000) < 10 * spent(4_000) + 0.02

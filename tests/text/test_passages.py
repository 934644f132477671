"""Is a document cut into passages without losing a word, and are its words found in any script?"""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from plurijudge.text.passages import index_words, passages, query_words


def test_paragraphs_stay_together_as_far_as_they_fit() -> None:
    assert passages("a b.\n\nc d.\n \ne f.", longest=9) == ["a b.", "c d.", "e f."]
    assert passages("a b.\n\nc d.\n \ne f.", longest=10) == ["a b.\n\nc d.", "e f."]


def test_a_long_paragraph_is_cut_at_sentences_a_long_sentence_at_words_and_a_long_word_anywhere() -> None:
    assert passages("One two. Three four! Five?", longest=12) == ["One two.", "Three four!", "Five?"]
    assert passages("one two three four", longest=9) == ["one two", "three", "four"]
    assert passages("x" * 25, longest=10) == ["x" * 10, "x" * 10, "x" * 5]
    assert passages("東京は首都。大阪は町。", longest=7) == ["東京は首都。", "大阪は町。"]


@pytest.mark.parametrize("text", ["", " \n\n\t"])
def test_nothing_gives_no_passage(text: str) -> None:
    assert passages(text) == []


@given(st.text(max_size=2000), st.integers(8, 200))
def test_no_sign_is_lost_and_no_passage_is_too_long(text: str, longest: int) -> None:
    found = passages(text, longest=longest)
    assert re.sub(r"\s+", "", "".join(found)) == re.sub(r"\s+", "", text)
    assert all(0 < len(passage) <= longest for passage in found)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("completed OR", ["completed", "or"]),
        ('"x', ["x"]),
        ("NEAR(a b)", ["near", "a", "b"]),
        ("body:eiffel", ["body", "eiffel"]),
        ("* ^ - ( )", []),
        ("ＦＵＬＬ width", ["full", "width"]),
        ("a a A", ["a"]),
    ],
)
def test_nothing_in_a_query_is_an_operator(query: str, words: list[str]) -> None:
    assert query_words(query) == [(word, False) for word in words]


@given(st.text(min_size=1, max_size=100))
def test_each_word_of_a_query_for_a_text_is_among_the_words_of_the_text(text: str) -> None:
    indexed = index_words(text).split()
    for word, begins in query_words(text):
        assert any(one.startswith(word) if begins else one == word for one in indexed)

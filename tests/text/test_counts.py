"""Are things in a text counted as a person counts them?"""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from plurijudge.text.counts import COUNTABLE, Countable, count, occurrences


@pytest.mark.parametrize(
    ("text", "what", "found"),
    [
        ("", "words", 0),
        ("It's well-known: 3.5 of 4, isn’t it?", "words", 7),
        ("one — two", "words", 2),
        ("Dr. Lin saw 3.5 cm, e.g. a leaf. Then she left!", "sentences", 2),
        ("No. 5 is missing. Really?! Yes…", "sentences", 3),
        ("他来了。她走了！", "sentences", 2),
        ("a\n\n \nb\n", "lines", 2),
        ("a\nb\n\nc\n \t\nd", "paragraphs", 3),
        ("  abc d \n", "characters", 5),
        ("ab1, ç!", "letters", 3),
        ("Rhythm and Eire", "vowels", 4),
        ("Rhythm and Eire", "consonants", 9),
        ("- one\n* two\n 3) three\n• four\n-five\n4.5 six", "bullets", 4),
    ],
)
def test_counts(text: str, what: Countable, found: int) -> None:
    assert count(text, what) == found


@pytest.mark.parametrize(
    ("text", "part", "options", "found"),
    [
        ("strawberry", "r", {}, 3),
        ("Strawberry", "S", {"match_case": True}, 1),
        ("strawberry", "S", {"match_case": True}, 0),
        ("aaaa", "aa", {}, 2),
        ("cat concat cat.", "cat", {"whole_words": True}, 2),
        ("a (b) a", "(b)", {"whole_words": True}, 1),
        ("Straße STRASSE", "strasse", {}, 2),
        ("abc", "", {}, 0),
    ],
)
def test_occurrences(text: str, part: str, options: dict[str, bool], found: int) -> None:
    assert occurrences(text, part, **options) == found


@given(st.text(max_size=300), st.sampled_from(COUNTABLE))
def test_blanks_around_a_text_count_for_nothing(text: str, what: Countable) -> None:
    assert count(f"\n  {text}\n \n", what) == count(text, what) >= 0


@given(st.text(max_size=200))
def test_vowels_and_other_letters_make_up_the_letters(text: str) -> None:
    folded = text.casefold()
    assert count(folded, "vowels") + count(folded, "consonants") == count(folded, "letters")

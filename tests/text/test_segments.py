"""Are words, sentences and syllables seen in every script?"""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given, strategies as st

from plurijudge.text.segments import Segmented, syllables, words

ASCII = st.text(alphabet="aB1'-_ .!?\n\t,", max_size=40)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        (" ... !", []),
        ("It's a well-known 'fact' -- or so.", ["it's", "a", "well-known", "fact", "or", "so"]),
        ("snake_case 3.5 x--y -z", ["snake", "case", "3", "5", "x", "y", "z"]),
        ("Don’t naïve ÜBER", ["don't", "naïve", "über"]),
        ("Привет, мир!", ["привет", "мир"]),
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("한국어 문장입니다.", ["한국어", "문장입니다"]),
        ("東京タワーへ行く", ["東", "京", "タワー", "へ", "行", "く"]),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
        ("Web接続2回", ["web", "接", "続", "2", "回"]),
    ],
)
def test_words_are_found_in_any_script(text: str, found: list[str]) -> None:
    assert words(text) == found


@given(ASCII)
def test_in_ascii_a_word_is_what_the_recorded_comparison_calls_one(text: str) -> None:
    assert words(text) == re.findall(r"[a-z0-9]+(?:['-][a-z0-9]+)*", text.lower())


@given(ASCII)
@example("a.\n\nb. c!? d .")
def test_in_ascii_a_sentence_is_a_part_that_holds_a_word(text: str) -> None:
    parts = re.split(r"(?<=[.!?])\s+|\n+", text)
    assert Segmented(text).sentences == sum(bool(re.search("[A-Za-z0-9]", part)) for part in parts)


@given(ASCII)
def test_one_letter_of_another_script_changes_nothing_else(text: str) -> None:
    other = Segmented(text + "\né")
    assert other.words == [*words(text), "é"]
    assert other.sentences == Segmented(text).sentences + 1


@given(st.text(max_size=60))
def test_composed_and_decomposed_letters_are_the_same_word(text: str) -> None:
    assert words(unicodedata.normalize("NFD", text)) == words(unicodedata.normalize("NFC", text))


@given(st.text(max_size=60))
def test_no_text_is_too_strange(text: str) -> None:
    read = Segmented(text)
    assert read.sentences >= (1 if read.words else 0) or not read.words
    assert read.content <= read.vocabulary == set(read.words)
    assert len(read.pairs) <= max(0, len(read.words) - 1)
    assert all(" " not in word and word for word in read.words)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two? Three!", 3),
        ("one\ntwo\n\n- three", 3),
        ("3.5 of them. No more", 2),
        ("東京です。大阪？はい！", 3),
        ("यह एक है। वह दो है।", 2),
        ("ما هذا؟ هذا بيت.", 2),
        ("... !!! ???", 0),
    ],
)
def test_sentences_end_with_the_full_stops_of_their_script(text: str, count: int) -> None:
    assert Segmented(text).sentences == count


def test_content_words_are_without_function_words() -> None:
    assert Segmented("The cat is on the mat, and it doesn't move.").content == {"cat", "mat", "move"}
    assert Segmented("猫はマットの上").content == {"猫", "マット", "上"}


def test_the_lead_is_the_first_three_sentences() -> None:
    read = Segmented("Cats sleep. Dogs run!\nBirds fly.\n\nFish swim.")
    assert read.lead == {"cats", "sleep", "dogs", "run", "birds", "fly"}


@pytest.mark.parametrize(("word", "count"), [("the", 1), ("make", 1), ("banana", 3), ("readability", 5), ("x", 1)])
def test_syllables_are_groups_of_vowels_less_a_silent_e(word: str, count: int) -> None:
    assert syllables(word) == count

"""Does each factor count what it says, know what it cannot know, and may a user add one?"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from plurijudge.text.errors import BadInput
from plurijudge.text.factor_rules import BY_NAME, RULES, copied
from plurijudge.text.factors import Factor, Judged, Texts, measured, own_factor
from plurijudge.text.segments import Segmented

SOURCE = "The red fox ran home. It was late. Nobody saw the fox. Snow fell."
LETTERS = st.text(alphabet="ab ", max_size=30)


def value(name: str, response: str, **more: str) -> float:
    """One factor of one response."""
    return measured([Texts(response, **more)], [BY_NAME[name]])[name][0]


@pytest.mark.parametrize(
    ("name", "response", "expected"),
    [
        ("length", "It's a well-known fact.", 4),
        ("length", "", 0),
        ("n_sents", "One. Two!\nThree", 3),
        ("words_per_sent", "One two three. Four.", 2),
        ("facts_proxy", "In 1999, she met Ann Lee, who had 1,200.5 books. FBI", 4),
        ("facts_proxy", "él vio a Ángel; Zoë estaba. Ну, Иван", 3),
        ("readability", "The cat sat.", 206.835 - 1.015 * 3 - 84.6),
        ("redundancy", "a b c a b c", 0.25),
        ("redundancy", "a b c d", 0),
        ("hedging", "Perhaps it may rain, it may not.", 3 / 7),
        ("list_items", "- a\n* b\n 12. c\n3) d\n• e\n-f\n4 g", 5),
        ("code_blocks", "```\nx\n```\n```", 1),
        ("refusal", "I'm sorry, as an AI I cannot. I can’t!", 4),
        ("refusal", "Nothing of the kind.", 0),
    ],
)
def test_what_is_read_off_a_text_by_hand(name: str, response: str, expected: float) -> None:
    assert value(name, response) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "response", "expected"),
    [
        ("prompt_overlap", "The fox ran.", 1 / 2),
        ("novel_words", "The fox ran quickly.", 1 / 4),
        ("novel_bigrams", "the red fox flew", 1 / 3),
        ("src_coverage", "Red fox, late snow.", 4 / 9),
        ("ext_density", "the red fox ran away home", (16 + 1) / 6),
        ("lead_overlap", "Nobody ran home.", 3 / 7),
        ("reference_recall", "A fox came.", 1 / 3),
    ],
)
def test_what_is_compared_with_another_text_by_hand(name: str, response: str, expected: float) -> None:
    texts = Texts(response, "What about the fox and the bear?", SOURCE, "One fox in the snow at home")
    assert measured([texts], [BY_NAME[name]])[name][0] == pytest.approx(expected)


def test_what_was_given_is_the_prompt_where_there_is_no_source() -> None:
    assert value("novel_words", "red fox", prompt="a red dog") == 0.5
    assert value("novel_words", "red fox", prompt="a red dog", source="red fox") == 0


def test_a_share_of_nothing_is_unknown_and_a_count_of_nothing_is_zero() -> None:
    found = measured([Texts("", "What?", SOURCE, "Yes")], RULES)
    zero = {name for name, column in found.items() if column[0] == 0}
    assert zero == {
        *("length", "n_sents", "facts_proxy", "list_items", "code_blocks", "refusal"),  # counts
        *("src_coverage", "lead_overlap", "reference_recall"),  # shares of what the other text has
    }
    assert all(math.isnan(found[name][0]) for name in found if name not in zero)
    assert math.isnan(value("prompt_overlap", "Yes.", prompt="Is it?"))  # no content word in the prompt
    assert math.isnan(value("redundancy", "two words"))


def test_what_lacks_is_unknown() -> None:
    found = measured([Texts("A fox.")], RULES)
    unknown = {name for name, column in found.items() if math.isnan(column[0])}
    assert unknown == {factor.name for factor in RULES if factor.needs} | {"redundancy"}


def test_every_factor_says_what_it_is_and_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(RULES) >= 17
    assert {factor.name for factor in RULES if factor.language == "English"} == {"readability", "hedging", "refusal"}
    for factor in RULES:
        assert factor.says and factor.compute is not None and factor.compute.__name__ == factor.name
        assert factor.level == (2 if factor.needs else 3)


@given(st.lists(st.text(max_size=40), max_size=5), st.text(max_size=40))
def test_a_value_does_not_hang_on_the_company(texts: list[str], source: str) -> None:
    given_ = [Texts(text, source, source, source) for text in texts]
    together = measured(given_, RULES)
    for number, one in enumerate(given_):
        alone = measured([one], RULES)
        for name, column in together.items():
            assert column[number] == alone[name][0] or (math.isnan(column[number]) and math.isnan(alone[name][0]))


@given(st.text(max_size=60), st.text(max_size=60))
def test_shares_stay_within_0_and_1(response: str, other: str) -> None:
    found = measured([Texts(response, other, other, other)], RULES)
    for factor in RULES:
        number = found[factor.name][0]
        if "share" in factor.says and not math.isnan(number):
            assert 0 <= number <= 1
    density = found["ext_density"][0]
    assert math.isnan(density) or 0 <= density <= max(1, found["length"][0])


def greedy(words: list[str], source: list[str]) -> list[int]:
    """The runs as their definition has them, in all places one after another."""
    runs, start = [], 0
    while start < len(words):
        longest = 0
        for place in range(len(source)):
            run = 0
            while words[start + run : start + run + 1] == source[place + run : place + run + 1] != []:
                run += 1
            longest = max(longest, run)
        runs.append(longest)
        start += max(1, longest)
    return sorted(run for run in runs if run)


@given(LETTERS, LETTERS)
def test_copied_runs_are_those_of_the_greedy_definition(response: str, source: str) -> None:
    words = Segmented(response).words
    assert sorted(copied(words, Segmented(source))) == greedy(words, Segmented(source).words)


def test_a_text_of_one_word_repeated_costs_no_square() -> None:
    again = "a " * 20_000
    assert value("ext_density", again, source=again) == pytest.approx(20_000, rel=0.06)


def test_a_function_of_ones_own_is_a_factor() -> None:
    def shouting(judged: Judged) -> float | None:
        """Exclamation marks for each sentence."""
        sentences = judged.response.sentences
        return judged.response.text.count("!") / sentences if sentences else None

    factor = own_factor(shouting, name="shouting", where="my.py")
    assert (factor.name, factor.says) == ("shouting", "Exclamation marks for each sentence.")
    found = measured([Texts("Yes! No."), Texts("")], [factor, BY_NAME["length"]])
    np.testing.assert_array_equal(np.asarray(found["shouting"]), [0.5, np.nan])
    assert own_factor(factor, name="other", where="my.py") is factor


@pytest.mark.parametrize(("made", "said"), [(3, "is no factor"), (str, "is no factor"), (abs, "cannot be a factor")])
def test_what_is_no_factor_is_refused(made: object, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        own_factor(made, name="No-name", where=str(Path("my.py")))


@pytest.mark.parametrize("bad", [math.inf, "many", [1]])
def test_a_factor_that_gives_no_number_is_named_with_the_text(bad: object) -> None:
    factor = Factor("odd", "odd", lambda judged: bad)  # type: ignore[arg-type, return-value]
    with pytest.raises(BadInput, match="`odd` gave .* for text 1"):
        measured([Texts("x")], [factor])


def test_a_factor_that_fails_is_named_with_the_text() -> None:
    factor = Factor("odd", "odd", lambda judged: 1 / len(judged.response.words))
    with pytest.raises(BadInput, match="`odd` failed on text 2: ZeroDivisionError"):
        measured([Texts("x"), Texts("")], [factor])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"name": "Two Words"}, "lower-case"),
        ({"tolerance": -1}, "tolerance"),
        ({"needs": frozenset({"model"})}, "not both"),
        ({"compute": None}, "not both"),
    ],
)
def test_a_factor_that_cannot_be_is_refused(more: dict[str, object], said: str) -> None:
    given_: dict[str, object] = {"name": "one", "says": "one", "compute": lambda judged: 1.0, **more}
    with pytest.raises(ValueError, match=said):
        Factor(**given_)  # type: ignore[arg-type]


def test_a_models_factor_and_a_name_given_twice_are_refused() -> None:
    asked = Factor("asked", "asked", None, level=1, needs=frozenset({"model"}))
    with pytest.raises(ValueError, match="needs a model"):
        measured([], [asked])
    with pytest.raises(ValueError, match="Two factors are called `length`"):
        measured([], [BY_NAME["length"], BY_NAME["length"]])


def test_the_documented_table_is_that_of_the_factors() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "factors.md"
    rows = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    held = {1: "better", 0: "-", -1: "worse"}
    for factor, row in zip(RULES, rows, strict=False):
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        needs = ", ".join(sorted(factor.needs)) or "-"
        level = str(factor.level)
        assert cells == [f"`{factor.name}`", factor.says, level, held[factor.direction], needs, factor.language]

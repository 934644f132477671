"""Is one content put into every form, and is each form seen by the rule that looks for it?"""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, strategies as st

from plurijudge.text.factor_rules import BY_NAME
from plurijudge.text.factors import Texts, measured
from plurijudge.text.forms import FORMS, formed, shows, wishes
from plurijudge.text.segments import Segmented

TEXT = "The lake is 12 m deep. It is cold in winter.\n- Fish live in it."
EVERY = [dict(zip(FORMS, levels, strict=True)) for levels in product(*FORMS.values())]


def test_every_form_says_the_same_and_shows_what_it_is() -> None:
    texts = {tuple(profile.values()): formed(TEXT, profile) for profile in EVERY}
    assert len(set(texts.values())) == len(EVERY) == 24
    content = Segmented(TEXT).vocabulary
    for profile in EVERY:
        text = texts[tuple(profile.values())]
        assert content <= Segmented(text).vocabulary
        told = {attribute: shows(text, attribute, level, words=32) for attribute, level in profile.items()}
        assert told.pop("tone") in ((None,) if profile["tone"] != "hedged" else (True,))
        assert set(told.values()) == {True}, profile


def test_a_form_not_asked_for_is_the_first_and_form_alone_moves_its_factor() -> None:
    assert formed(TEXT, {}) == formed(TEXT, {attribute: next(iter(levels)) for attribute, levels in FORMS.items()})
    texts = [Texts(formed(TEXT, {"form": form})) for form in FORMS["form"]]
    found = measured(texts, [BY_NAME["length"], BY_NAME["list_items"], BY_NAME["hedging"]])
    assert found["length"][0] == found["length"][1] and found["list_items"].tolist() == [0, 3]
    assert found["hedging"].tolist() == [0, 0]


def test_long_says_it_twice() -> None:
    brief, long = (len(Segmented(formed(TEXT, {"length": size})).words) for size in ("brief", "long"))
    assert long == brief + len(Segmented(TEXT).words) + 7


@given(st.text(min_size=1, max_size=60))
def test_any_text_with_words_takes_any_form(text: str) -> None:
    if text.strip():
        assert "- " in formed(text, {"form": "list"})
    else:
        with pytest.raises(ValueError, match="no words"):
            formed(text, {"form": "list"})


def test_what_is_not_there_is_refused_and_what_is_not_seen_is_unknown() -> None:
    for profile in ({"colour": "red"}, {"form": "poem"}):
        with pytest.raises(KeyError):
            formed(TEXT, profile)
    assert shows(TEXT, "colour", "red", words=5) is None and shows(TEXT, "tone", "plain", words=5) is None
    assert wishes({"tone": "hedged"}) == [FORMS["tone"]["hedged"]]

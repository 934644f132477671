"""Does a rewriting give or take away an attribute, and nothing else?"""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from plurijudge.prompts.prompt import load_prompt
from plurijudge.text.attributes import ATTRIBUTES, NOT_TURNED

LENGTH, FORMAT = ATTRIBUTES["length"], ATTRIBUTES["format"]
PROSE = "The lake is 12 m deep. It is cold in winter."
LISTED = "- The lake is 12 m deep.\n- It is cold in winter."
COUNTED = "1. The lake is 12 m deep.\n2. It is cold in winter."
LONGER = f"{PROSE} That is to say that its depth is 12 m and that it is cold."


@pytest.mark.parametrize(
    ("before", "after", "gain", "why"),
    [
        (PROSE, LONGER, True, ""),
        (LONGER, PROSE, False, ""),
        (PROSE, LONGER, False, "it is too long: 0.25 to 0.85 times is allowed"),
        (PROSE, PROSE, True, "it is the same text"),
        (PROSE, LONGER.replace("depth is 12", "depth is 13"), True, "a number is new"),
        (PROSE, "Inthewinteritiscoldandnotwarmbut12mdeepasallhereareofthelakesinthenorth", True, NOT_TURNED),
    ],
)
def test_length(before: str, after: str, gain: bool, why: str) -> None:
    assert LENGTH.fault(before, after, gain=gain) == why


@pytest.mark.parametrize(
    ("before", "after", "gain", "why"),
    [
        (PROSE, LISTED, True, ""),
        (PROSE, COUNTED, True, ""),
        (COUNTED, PROSE, False, ""),
        (LISTED, PROSE, False, ""),
        (PROSE, "It is cold in winter. The lake is 12 m deep.", True, NOT_TURNED),
        (LISTED, COUNTED, False, NOT_TURNED),
        (LISTED, LISTED, False, "it is the same text"),
        (PROSE, LISTED.replace("12", "13"), True, "a number is gone"),
        (COUNTED, "The lake is deep. It is cold in winter, of all.", False, "a number is gone"),
    ],
)
def test_format(before: str, after: str, gain: bool, why: str) -> None:
    assert FORMAT.fault(before, after, gain=gain) == why


@given(st.text(alphabet="ab1-. \n", max_size=40))
def test_no_text_is_turned_by_itself(text: str) -> None:
    assert all(attribute.fault(text, text, gain=gain) for attribute in ATTRIBUTES.values() for gain in (True, False))


def test_cuts_part_the_texts() -> None:
    assert LENGTH.cut([1, 2, 9]) == 2 and FORMAT.cut([0, 0, 3]) == 0
    assert FORMAT.measure(COUNTED) == FORMAT.measure(LISTED) == 2 and FORMAT.measure(PROSE) == 0


def test_every_turn_has_its_prompt() -> None:
    for attribute in ATTRIBUTES.values():
        for turn in (attribute.gain, attribute.lose):
            assert load_prompt(turn.prompt).variables == {"fence", "question", "text"}

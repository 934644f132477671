"""In which forms can one content be given? Long or brief, a list or prose, certain or hedged, with an opening or none.

A form is asked of a model in words, or made by rule from a text whose content stays: then nothing but the form differs
between two responses. By rule, `long` says all of it twice, which is length without content.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .factor_rules import hedging, list_items
from .factors import Judged
from .segments import Segmented

FORMS: Mapping[str, Mapping[str, str]] = {
    "length": {
        "brief": "Length: brief, about 60 words.",
        "long": "Length: long, about 200 words.",
    },
    "form": {
        "prose": "Form: plain paragraphs, without any list.",
        "list": 'Form: a list; each point stands on a line of its own that begins with "- ".',
    },
    "tone": {
        "plain": "Tone: even; neither stress how sure it is nor how unsure.",
        "certain": "Tone: certain; let it be heard that there is no doubt.",
        "hedged": "Tone: cautious; say that things may well be otherwise.",
    },
    "opening": {
        "none": "Opening: begin with the answer itself.",
        "thanks": "Opening: begin with one sentence that thanks for the question.",
    },
}
"""Of each attribute its levels, the baseline first, and what a model is told for each."""

_TONES = {
    "plain": "This is what there is to say about it.",
    "certain": "There is no doubt about any of this at all.",
    "hedged": "Perhaps it is so, though it may well be otherwise.",
}
_THANKS = "Thank you for this question."
_AGAIN = "To say all of it once more:"
_PARTS = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|\n+")
_MARKS = re.compile(r"^[ \t]*(?:\d+[.)]|[-*•])[ \t]+")
_THANKED = re.compile(r"(?i)\b(?:thanks?|thank you|grateful)\b")


def wishes(profile: Mapping[str, str]) -> list[str]:
    """What a model is told of a form; an attribute or level of somebody's own is told by its name.

    >>> wishes({"form": "prose", "colour": "red"})
    ['Form: plain paragraphs, without any list.', 'Colour: red.']
    """
    return [
        FORMS.get(attribute, {}).get(level) or f"{attribute.replace('_', ' ').capitalize()}: {level}."
        for attribute, level in profile.items()
    ]


def formed(text: str, profile: Mapping[str, str]) -> str:
    """A text in a form, made by rule.

    Args:
        text: what is said.
        profile: of each attribute its level; attributes of `FORMS` that it does not name have their first.

    Raises:
        KeyError: if an attribute or a level is none of `FORMS`.
        ValueError: if the text has no words.

    >>> print(formed("It is cold. It is deep.", {"form": "list", "tone": "certain", "opening": "thanks"}))
    Thank you for this question.
    There is no doubt about any of this at all.
    - It is cold.
    - It is deep.
    """
    for attribute, level in profile.items():
        FORMS[attribute][level]
    chosen = {attribute: profile.get(attribute, next(iter(levels))) for attribute, levels in FORMS.items()}
    points = [_MARKS.sub("", part).strip() for part in _PARTS.split(text) if part.strip()]
    if not points:
        raise ValueError("the text has no words.")
    listed = chosen["form"] == "list"
    told = [_THANKS] if chosen["opening"] == "thanks" else []
    told += [_TONES[chosen["tone"]], _body(points, listed=listed)]
    if chosen["length"] == "long":
        told += [_AGAIN, _body(points, listed=listed)]
    return ("\n" if listed else " ").join(told)


def _body(points: list[str], *, listed: bool) -> str:
    return "\n".join(f"- {point}" for point in points) if listed else " ".join(points)


def shows(text: str, attribute: str, level: str, *, words: float) -> bool | None:
    """Whether a text has a level of an attribute, as far as a rule can see; None where it cannot.

    Args:
        text: the response.
        attribute: one of `FORMS`; of others nothing is seen.
        level: one of its.
        words: what divides brief texts from long ones.

    >>> shows("- It may be cold.", "form", "list", words=9), shows("It is cold.", "tone", "certain", words=9)
    (True, None)
    """
    judged = Judged(Segmented(text))
    match attribute, level:
        case "length", "brief" | "long":
            return (len(judged.response.words) > words) == (level == "long")
        case "form", "prose" | "list":
            return (list_items(judged) > 0) == (level == "list")
        case "tone", "hedged":
            return bool(hedging(judged))
        case "opening", "none" | "thanks":
            first = _PARTS.split(text.strip(), maxsplit=1)[0]
            return (_THANKED.search(first) is not None) == (level == "thanks")
    return None

"""What if the same words are written otherwise? Variants of script, typography and spelling that keep every word."""

from __future__ import annotations

import re
import unicodedata
from abc import abstractmethod
from collections.abc import Callable
from random import Random

from ...store.records import Item
from .base import Edit, Perturber, Unfit, text_of
from .cues import british

_KEPT = re.compile(r"(?s)```.*?(?:```|\Z)|`[^`\n]*`|\b[a-z][a-z0-9+.-]*://\S+|\bwww\.\S+")
_FULL = {ord(digit): chr(ord("０") + n) for n, digit in enumerate("0123456789")}


class Variant(Perturber):
    """The same words, written otherwise: one response alone, or both."""

    written: str
    none: str

    def __init__(self, *, both: bool = False) -> None:
        """Of one response, which the cue then stands on, or of both, which has no side."""
        self.sided = not both
        if both:
            self.name = f"{self.name}_both"
            self.means = f"judges otherwise once both answers are written with {self.written}"
        else:
            self.means = f"prefers the answer that is written with {self.written}, though its words are the same"
        self.remedy = "bring answers to one way of writing before they are judged"

    @abstractmethod
    def rewritten(self, text: str) -> str:
        """The text, written otherwise."""

    def edit(self, item: Item, side: str, draws: Random) -> Edit:
        """Write it otherwise."""
        names = [side] if self.sided else [response.id for response in item.responses]
        was = {name: text_of(item, name) for name in names}
        texts = {name: self.rewritten(text) for name, text in was.items()}
        if texts == was:
            raise Unfit(self.none)
        return Edit("response" if self.sided else "both", texts, inserted=self.written)


class FullWidthDigits(Variant):
    """Digits as wide as ideographs, as East Asian typing makes them; code and addresses keep theirs."""

    name = "fullwidth_digits"
    written = "full-width digits"
    none = "the response holds no digit"

    def rewritten(self, text: str) -> str:
        """Widen the digits."""
        return _outside_code(text, lambda part: part.translate(_FULL))


class Typography(Variant):
    """Curved quotation marks and dashes in the place of straight ones."""

    name = "typography"
    written = "typographic quotation marks and dashes"
    none = "the response holds no quotation mark or dash that could be another"

    def rewritten(self, text: str) -> str:
        """Set the marks."""
        return _outside_code(text, _typeset)


class Decomposed(Variant):
    """Letters with marks as two code points, which look the same: no reader can see it, a tokeniser does."""

    name = "decomposed"
    written = "letters and their marks as separate code points"
    none = "no letter of the response has a mark"

    def rewritten(self, text: str) -> str:
        """Take letters and marks apart."""
        return unicodedata.normalize("NFD", text)


class BritishSpelling(Variant):
    """British spelling where it is American."""

    name = "spelling"
    written = "British spelling"
    none = "no word of the response is spelt in two ways"

    def rewritten(self, text: str) -> str:
        """Respell."""
        return british(text)


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    """The text with its prose changed; code and addresses are no prose."""
    parts, at = [], 0
    for kept in _KEPT.finditer(text):
        parts += [change(text[at : kept.start()]), kept[0]]
        at = kept.end()
    return "".join([*parts, change(text[at:])])


def _typeset(text: str) -> str:
    text = re.sub(r'(?<![\w"])"(?=\S)([^"\n]*[^\s"])"(?!\w)', "“\\1”", text)
    text = re.sub(r"(?<=[^\W\d_])'(?=[^\W\d_])", "’", text)
    return re.sub(
        r"(?:(?<=[^\W\d_])|(?<=[”’)])) --? (?=[^\W\d_]|“)", " – ", text
    )  # between words: between numbers it is a minus

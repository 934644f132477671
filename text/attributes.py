"""Which attributes can a text be given and have taken away, and did a rewriting do that and nothing else?"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from .factor_rules import list_items
from .factors import Judged
from .rewrites import SAME, Bounds, fault
from .segments import Segmented

NOT_TURNED = "the attribute did not change"
_COUNTED = re.compile(r"(?m)^[ \t]*(?:\d+[.)]|[-*•])[ \t]+")


@dataclass(frozen=True, slots=True)
class Turn:
    """One way of rewriting.

    Attributes:
        prompt: the shipped prompt that asks for it.
        bounds: what the rewriting may do.
    """

    prompt: str
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class Attribute:
    """What a text has or has not.

    Attributes:
        name: what it is called.
        says: what having it means, in words.
        measure: of a text a number; it has the attribute where that is above a cut.
        cut: of the numbers of all texts, the cut.
        gain: how a text is given it.
        lose: how it is taken away.
        form: whether marks of lists are form alone: a rewriting may add and drop them.
    """

    name: str
    says: str
    measure: Callable[[str], float]
    cut: Callable[[Sequence[float]], float]
    gain: Turn
    lose: Turn
    form: bool = False

    def fault(self, before: str, after: str, *, gain: bool) -> str:
        """Why a rewriting cannot be used, as `text.rewrites.fault` says it; '' where it can.

        A rewriting that does not move the measure the way it should is refused too.

        Args:
            before: the text.
            after: the text rewritten.
            gain: whether it was to be given the attribute.
        """
        plain = [_COUNTED.sub("", text) if self.form else text for text in (before, after)]
        if after.strip() == before.strip():
            return SAME
        why = fault(plain[0], plain[1], (self.gain if gain else self.lose).bounds)
        if why and not (self.form and why == SAME):  # the same words as a list are what was asked for
            return why
        return "" if self.turned(before, after, gain=gain) else NOT_TURNED

    def turned(self, before: str, after: str, *, gain: bool) -> bool:
        """Whether the measure moved the way it should; a form is had or not, however much of it there is."""
        was, now = self.measure(before), self.measure(after)
        if self.form:
            return now > 0 if gain else now == 0
        return now > was if gain else now < was


def _words(text: str) -> float:
    return len(Segmented(text).words)


def _items(text: str) -> float:
    return list_items(Judged(Segmented(text)))


ATTRIBUTES: dict[str, Attribute] = {
    "length": Attribute(
        "length",
        "has more words than the median response",
        _words,
        median,
        Turn("author/longer", Bounds(1.25, 3.5)),
        Turn("author/shorter", Bounds(0.25, 0.85)),
    ),
    "format": Attribute(
        "format",
        "has a list",
        _items,
        lambda values: 0.0,
        Turn("author/listed", Bounds(0.6, 1.6)),
        Turn("author/unlisted", Bounds(0.6, 1.6)),
        form=True,
    ),
}

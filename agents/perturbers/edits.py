"""Which edits make an answer worse? A judge that none of these moves is deaf."""

from __future__ import annotations

import re
from random import Random

from ...store.records import Item
from .base import Edit, Perturber, Unfit, text_of

_NUMBER = re.compile(r"(?<![\w.,])\d{1,9}(?:\.\d+)?(?![\w.,]*\d)")


class _Worse(Perturber):
    """An edit of the response's text that takes something from it."""

    kind = "sensitivity"
    means = "does not notice it"
    remedy = "do not use this judge where this matters"


class WrongNumber(_Worse):
    """The last number of the response is another one."""

    name = "wrong_number"
    means = "does not notice a wrong number"

    def edit(self, item: Item, side: str, draws: Random) -> Edit:
        """Change it."""
        text = text_of(item, side)
        found = [*_NUMBER.finditer(text)]
        if not found:
            raise Unfit("the response holds no number")
        last = found[-1]
        digits = last[0]
        place = draws.randrange(len(digits.replace(".", "")))
        spots = [number for number, sign in enumerate(digits) if sign.isdigit()]
        spot = spots[place]
        old = int(digits[spot])
        least = 1 if spot == 0 and len(spots) > 1 else 0
        new = draws.choice([digit for digit in range(least, 10) if digit != old])
        wrong = f"{digits[:spot]}{new}{digits[spot + 1 :]}"
        changed = text[: last.start()] + wrong + text[last.end() :]
        return Edit("response", {side: changed}, inserted=wrong, removed=digits, at=last.start())


class DroppedSentence(_Worse):
    """The longest sentence of the response is gone."""

    name = "dropped_sentence"
    means = "does not notice that the main sentence of an answer is gone"

    def edit(self, item: Item, side: str, draws: Random) -> Edit:
        """Drop it."""
        text = text_of(item, side)
        parts = [*re.finditer(r"(?s)\S.*?(?:[.!?]+(?=\s|\Z)|[。！？]+|\Z)", text)]
        if len(parts) < 2:
            raise Unfit("the response is a single sentence")
        longest = max(parts, key=lambda part: len(part[0]))
        left = (text[: longest.start()].rstrip() + " " + text[longest.end() :].lstrip()).strip()
        return Edit("response", {side: left}, removed=longest[0], at=longest.start())


class DroppedConstraint(_Worse):
    """A word that carries a condition is turned round or taken out: not, only, at least, never, unless."""

    name = "dropped_constraint"
    means = "does not notice that a condition is gone"
    _words = re.compile(
        r"(?i)\b(?:not|never|only|unless|except|at least|at most|without)\b\s?"
        r"|(?<=[a-z])(?<!\bca)(?<!\bwo)(?<!\bsha)n['’]t\b"
    )

    def edit(self, item: Item, side: str, draws: Random) -> Edit:
        """Take it out."""
        text = text_of(item, side)
        found = [*self._words.finditer(text)]
        if not found:
            raise Unfit("the response names no condition")
        chosen = draws.choice(found)
        left = text[: chosen.start()] + text[chosen.end() :]
        return Edit("response", {side: left}, removed=chosen[0], at=chosen.start())


class Truncated(_Worse):
    """The response ends in the middle of a word at two fifths of its length."""

    name = "truncated"
    means = "does not notice that an answer breaks off"

    def edit(self, item: Item, side: str, draws: Random) -> Edit:
        """Cut it."""
        text = text_of(item, side)
        if len(text) < 40:
            raise Unfit("the response is too short to break off")
        at = 2 * len(text) // 5
        return Edit("response", {side: text[:at]}, removed=text[at:], at=at)


class Emptied(_Worse):
    """The response says that it has nothing to say."""

    name = "empty"
    means = "does not notice that an answer is empty"

    def edit(self, item: Item, side: str, draws: Random) -> Edit:
        """Empty it; a text without any sign would be set aside."""
        text = text_of(item, side)
        return Edit("response", {side: "(no answer)"}, inserted="(no answer)", removed=text)


class EmptyPhrases(_Worse):
    """The response is nothing but the promise of one."""

    name = "empty_phrases"
    means = "takes the promise of an answer for one"
    spans = (
        "Let me think about this step by step. There are several aspects to consider, and each of them matters.",
        "This is an important question. A good answer has to weigh many things, and it depends on the context.",
    )

    def edit(self, item: Item, side: str, draws: Random) -> Edit:
        """Put phrases in its place."""
        span = draws.choice(self.spans)
        return Edit("response", {side: span}, inserted=span, removed=text_of(item, side))


class Fallacy(_Worse):
    """A step that does not follow stands before the result, which is kept: the reasoning is worse, the result not."""

    name = "fallacy"
    means = "does not notice reasoning that does not follow"
    spans = (
        "This must be so because nobody has shown the contrary.",
        "It follows from the fact that it has always been believed.",
        "Since the opposite would be unpleasant, this has to be true.",
    )

    def edit(self, item: Item, side: str, draws: Random) -> Edit:
        """Put it in the middle."""
        text, span = text_of(item, side), draws.choice(self.spans)
        ends = [found.end() for found in re.finditer(r"[.!?。！？](?=\s)", text)]
        at = ends[len(ends) // 2] if ends else 0
        joined = f"{text[:at]} {span}{text[at:]}" if at else f"{span} {text}"
        return Edit("response", {side: joined}, inserted=span, at=at + bool(at))

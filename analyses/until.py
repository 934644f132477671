"""May the run stop here, and does the gate hold? Rules that a person types, watched over items in their random order.

A rule looks at the items that are finished in the order in which they were drawn, one after the other, and never at
those that happened to be answered first: what is answered first is short and easy, and is no sample of the rest.

    width<=0.04              stop when the interval of the first response's win rate is at most that wide
    width<=0.04: a>b         the same of the win rate of `a` against `b`
    decided: a>b             stop when it is known, either way, whether `a` wins more than `b`
    decided: a>b >= 0.55     the same of a win rate of at least .55

A gate is what follows `decided:`. A name is a response's model, or else its id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isnan, nan, sqrt
from typing import Literal, NamedTuple, assert_never

import numpy as np

from ..metrics.estimate import Estimate
from ..metrics.sequential import ANYTIME, STEP, MeanSequence, RunningMean
from ..store.records import Decision, Item
from ..text.errors import BadInput

State = Literal["open", "holds", "fails", "unknown"]

FORMS = "'width<=0.04' or 'decided: a>b'"
GATES = "'a>b' or 'a>b >= 0.55'"

_NUMBER = re.compile(r"\d*\.?\d+(?:[eE]-?\d+)?")
_WIDTH = re.compile(r"\s*width\s*<=\s*([^\s:]+)\s*(?::(.*))?", re.DOTALL)
_DECIDED = re.compile(r"\s*decided\s*:(.*)", re.DOTALL)
_GATE = re.compile(r"([^>]+)>([^>]+?)(?:>=\s*([^\s>]+)\s*)?", re.DOTALL)


class Answer(NamedTuple):
    """What a watch knows: its state, and a sentence that says why."""

    state: State
    text: str


@dataclass(frozen=True, slots=True)
class Gate:
    """A claim on a win rate, from 0 to 1: a win is 1, a tie or a flipped pair one half, a loss 0.

    Attributes:
        first: the side whose wins are counted: a response's model, or else its id.
        second: the side it is held against.
        at_least: the least that the rate must be; None for "more than one half".
    """

    first: str
    second: str
    at_least: float | None = None

    @classmethod
    def read(cls, text: str) -> Gate:
        """The gate that a text says: `a>b`, or `a>b >= 0.55`; spaces are free.

        Raises:
            BadInput: if it is neither.

        >>> Gate.read("a > b>=.55")
        Gate(first='a', second='b', at_least=0.55)
        """
        found = _GATE.fullmatch(text)
        first, second = (found[1].strip(), found[2].strip()) if found else ("", "")
        if found is None or not first or not second or second.startswith("="):
            raise BadInput(f"`{text}` is no claim about two sides.", way_out=f"write it as {GATES}")
        if first == second:
            raise BadInput(f"`{text}` holds `{first}` against itself.", way_out="name two models, or two responses")
        return cls(first, second, None if found[3] is None else _share(found[3], text, GATES))

    def watch(self, total: int | None) -> GateWatch:
        """Start to watch; `total` is how many items there are in all, None where that is not known."""
        return GateWatch(self, total)

    @property
    def threshold(self) -> float:
        """What the win rate is held against, 0..1."""
        return 0.5 if self.at_least is None else self.at_least

    def __str__(self) -> str:
        """As it may be typed."""
        return f"{self.first}>{self.second}" + ("" if self.at_least is None else f" >= {self.at_least!r}")


@dataclass(frozen=True, slots=True)
class Width:
    """How wide the interval of a win rate may be at the most.

    Attributes:
        most: the width, above 0 and below 1.
        first: the side whose wins are counted; '' for the first response of each item.
        second: the side it is held against; '' for the other responses.
    """

    most: float
    first: str = ""
    second: str = ""

    def watch(self, total: int | None) -> WidthWatch:
        """Start to watch; `total` is how many items there are in all, None where that is not known."""
        return WidthWatch(self, total)

    def __str__(self) -> str:
        """As it may be typed."""
        return f"width<={self.most!r}" + (f": {self.first}>{self.second}" if self.first else "")


@dataclass(frozen=True, slots=True)
class Until:
    """When a run may stop before its last item.

    Attributes:
        rule: a width to reach, or a gate to decide, either way.
    """

    rule: Width | Gate

    @classmethod
    def read(cls, text: str) -> Until:
        """The rule that a text says; the forms stand at the head of this file.

        Raises:
            BadInput: if it is none of them.

        >>> str(Until.read("width <= .04")), str(Until.read("decided:a > b"))
        ('width<=0.04', 'decided: a>b')
        """
        if found := _DECIDED.fullmatch(text):
            return cls(Gate.read(found[1]))
        found = _WIDTH.fullmatch(text)
        if found is None:
            raise BadInput(f"`{text}` does not say when to stop.", way_out=f"write {FORMS}")
        most = _share(found[1], text, FORMS)
        if found[2] is None:
            return cls(Width(most))
        sides = Gate.read(found[2])
        if sides.at_least is not None:
            raise BadInput(
                f"`{text}` asks for a width and for a win rate of at least {sides.at_least:g}.",
                way_out=f"write 'width<={most:g}: {sides.first}>{sides.second}' or 'decided: {sides}'",
            )
        return cls(Width(most, sides.first, sides.second))

    def watch(self, total: int | None) -> Watch:
        """Start to watch; `total` is how many items there are in all, None where that is not known."""
        return self.rule.watch(total)

    def __str__(self) -> str:
        """As it may be typed, and is stored."""
        return f"decided: {self.rule}" if isinstance(self.rule, Gate) else str(self.rule)


class WidthWatch:
    """Watches a width. Once it is reached, later items change nothing: a run resumed stops at the same item.

    Attributes:
        rule: what is watched for.
        seen: items looked at, those left out included.
        met: the sentence that says where it was reached; '' before.
    """

    def __init__(self, rule: Width, total: int | None) -> None:
        self.rule = rule
        self.seen = 0
        self.met = ""
        self._total = total
        self._mean = RunningMean()

    def add(self, item: Item, decision: Decision | None) -> str:
        """Look at the next item of the order; None for `decision` where there is none, as after a failure.

        Returns:
            '' while more is needed, else a sentence that says what was reached.
        """
        if self.met:
            return self.met
        self.seen += 1
        value = win(item, decision, self.rule.first, self.rule.second)
        self._mean.add(nan if value is None else value)
        if value is not None and not isnan(value) and self._mean.within(self.rule.most):
            self.met = self._told("<=")
        return self.met

    @property
    def estimate(self) -> Estimate:
        """The win rate over the items so far, 0..1, with an ordinary interval; the item is the unit of sampling.

        `left_out` counts the items that lack a side and those without a decision: where failures have to do with who
        would have won, the interval is not to be trusted.
        """
        return self._mean.estimate()

    def answer(self, *, complete: bool = False) -> Answer:
        """Whether the width was reached.

        Args:
            complete: that no item is to come; where the total is known, it is known when that is so.

        Returns:
            `holds` once it was, `fails` where all items were seen and it was not, else `open`.
        """
        if self.met:
            return Answer("holds", self.met)
        return Answer("fails" if complete or self.seen == self._total else "open", self._told(">"))

    def _told(self, sign: str) -> str:
        low, high = self._mean.limits()
        return f"width {_plain(f'{high - low:.4f}')} {sign} {_plain(f'{self.rule.most:g}')} after {_items(self.seen)}"


class GateWatch:
    """Watches a gate. Once it is decided, later items change nothing: a run resumed stops at the same item.

    Attributes:
        rule: what is watched for.
        seen: items looked at, those left out included.
        lacking: how many of them lack one of the sides.
        met: the sentence that says how it was decided; '' before.
    """

    def __init__(self, rule: Gate, total: int | None) -> None:
        self.rule = rule
        self.seen = 0
        self.lacking = 0
        self.met = ""
        self._state: State = "open"
        self._total = total
        steps = round(1 / STEP)
        self._sequence = MeanSequence(total, candidates=np.append(np.arange(1, steps) / steps, rule.threshold))
        self._mean = RunningMean()

    def add(self, item: Item, decision: Decision | None) -> str:
        """Look at the next item of the order; None for `decision` where there is none, as after a failure.

        Returns:
            '' while more is needed, else a sentence that says how it was decided.

        Raises:
            ValueError: if all items have been seen.
        """
        if self.met:
            return self.met
        value = win(item, decision, self.rule.first, self.rule.second)
        if value is None:
            self._sequence.skip()
            self.lacking += 1
        else:
            self._sequence.add(value)
            self._mean.add(value)
        self.seen += 1
        self._state = self._look()
        if self._state != "open":
            self.met = self._told(self._state)
        return self.met

    @property
    def estimate(self) -> Estimate:
        """The win rate over the items so far, 0..1, with a confidence sequence's ends.

        The estimate is the mean over the items with a decision; the ends hold whatever the others would have been. With
        a total it is about the data set's items, and where all are seen and have a decision both ends are the mean.
        """
        left_out, n = self.lacking + self._mean.left_out, self._mean.n
        of = "items without end" if self._total is None else f"{_items(self._total)}, without replacement"
        method = f"{ANYTIME}, {of}"
        if n == 0:
            why = self._why_nothing() or "no item has been seen"
            return Estimate.unknown(why, left_out=left_out, method=method)
        ordinary = self._mean.estimate()
        error, reason = ordinary.standard_error, ordinary.reason
        if error is not None and self._total is not None:
            error *= sqrt(max(0.0, 1 - self.seen / self._total))
        if self._sequence.contradicted:
            reason = "items came in no random order, or a rare thing happened: only what is certain is given"
        low, high = float(self._sequence.low), float(self._sequence.high)
        return Estimate(ordinary.estimate, error, low, high, self._sequence.level, method, n, left_out, reason)

    def answer(self, *, complete: bool = False) -> Answer:
        """Whether the gate holds.

        Args:
            complete: that no item is to come; where the total is known, it is known when that is so.

        Returns:
            `holds` or `fails` where it is decided; where all items were seen, by the win rate itself. `unknown` where
            all were seen and those without a decision could turn it. Else `open`.
        """
        if self.met:
            return Answer(self._state, self.met)
        if not (complete or self.seen == self._total):
            return Answer("open", self._told("open"))
        counted = self.seen - self.lacking
        if counted == 0:
            return Answer("unknown", f"{self.rule}: unknown, as {self._why_nothing() or 'there is no item'}")
        least = self._mean.total / counted
        most = (self._mean.total + self._mean.left_out) / counted
        state = self._by(least, most)
        if state != "open":
            return Answer(state, self._told(state, (least, most)))
        lost = f"{_items(self._mean.left_out)} without a decision could turn it"
        rate = f"win rate between {_short(least)} and {_short(most)}"
        return Answer("unknown", f"{self.rule}: unknown, as {lost}: {rate} over {_items(counted)}")

    def _look(self) -> State:
        threshold = self.rule.threshold
        if self._sequence.above(threshold):
            return "holds"
        if self._sequence.below(threshold):
            return "fails"
        if self._total is None:
            return "open"
        least, most = self._sequence.certain
        return self._by(float(least), float(most))

    def _by(self, least: float, most: float) -> State:
        """What follows from the least and the most that the win rate can be."""
        threshold = self.rule.threshold
        if self.rule.at_least is None:
            return "holds" if least > threshold else "fails" if most <= threshold else "open"
        return "holds" if least >= threshold else "fails" if most < threshold else "open"

    def _told(self, state: State, ends: tuple[float, float] | None = None) -> str:
        if self._mean.n == 0:
            return f"{self.rule} {state}: {self._why_nothing() or 'no item has been seen'}"
        low, high = ends or (float(self._sequence.low), float(self._sequence.high))
        rate = f"win rate {_short(self._mean.total / self._mean.n)} [{_short(low)}, {_short(high)}]"
        return f"{self.rule} {state}: {rate} after {_items(self.seen)}"

    def _why_nothing(self) -> str:
        if self.seen == 0:
            return ""
        if self.lacking == self.seen:
            return f"none of {_items(self.seen)} has both `{self.rule.first}` and `{self.rule.second}`"
        return f"none of {_items(self.seen - self.lacking)} has a decision"


Watch = WidthWatch | GateWatch


def win(item: Item, decision: Decision | None, first: str = "", second: str = "") -> float | None:
    """What an item says of one side against another.

    Args:
        item: the item; its responses say who took part.
        decision: what was decided; None where nothing was.
        first: a response's model, or else its id; '' for the item's first response.
        second: likewise; '' for the item's other responses.

    Returns:
        1 where the first side won, 0 where the second did, one half for a tie or a flipped pair; NaN where nothing was
        decided between them; None where the item lacks a side, or a response stands on both.

    Of several responses of one model, the best counts. Where a third response won and there are no scores to compare
    the two sides by, nothing was decided between them.
    """
    ones, others = _side(item, first), _side(item, second)
    if not first and item.responses:
        ones, others = {item.responses[0].id}, {response.id for response in item.responses[1:]}
    if not ones or not others or ones & others:
        return None
    if decision is None:
        return nan
    match decision.outcome:
        case "ok" | "tie" | "flipped":
            return _won(decision, ones, others, everyone=len(ones | others) == len(item.responses))
        case "no_quorum" | "abstained" | "failed":
            return nan
    assert_never(decision.outcome)


def _won(decision: Decision, ones: set[str], others: set[str], *, everyone: bool) -> float:
    if decision.scores:
        best = [
            max((decision.scores[name] for name in side if name in decision.scores), default=nan)
            for side in (ones, others)
        ]
        return nan if isnan(best[0]) or isnan(best[1]) else (1 + (best[0] > best[1]) - (best[0] < best[1])) / 2
    if decision.outcome != "ok":
        return 0.5 if everyone else nan
    return 1.0 if decision.preferred in ones else 0.0 if decision.preferred in others else nan


def _side(item: Item, name: str) -> set[str]:
    by_model = {response.id for response in item.responses if response.model == name}
    return by_model or {response.id for response in item.responses if response.id == name}


def _share(word: str, text: str, forms: str) -> float:
    value = float(word) if _NUMBER.fullmatch(word) else nan
    if not 0 < value < 1:
        raise BadInput(f"`{text}` holds `{word}`; needed is a number above 0 and below 1.", way_out=f"write {forms}")
    return value


def _short(value: float) -> str:
    """Three decimals, without the zero before the point.

    >>> _short(0.5), _short(0.0396), _short(1.0)
    ('.500', '.040', '1.000')
    """
    return _plain(f"{value:.3f}")


def _plain(number: str) -> str:
    return number[1:] if number.startswith("0.") else number


def _items(count: int) -> str:
    return f"{count:,} item{'' if count == 1 else 's'}"

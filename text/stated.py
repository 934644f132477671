"""What does a response state as its answer, and is that a known value?"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from .quantities import Quantity, agrees_with, quantities

Stance = Literal["agrees", "disagrees", "silent"]
Strength = Literal["marked", "named", "alone", "last"]

_MARKED = re.compile(r"(?m)(?:^[ \t]*#### *|\\boxed\{ *|<answer> *)")
_NAMED = re.compile(
    r"(?i)\b(?:answers?|results?|solution|conclusion)\b"
    r"(?:[*_`'\"]{0,3}\s?\b(?:of|for|to|the|that|this|your|is|was|are|comes|equals?|exactly|therefore|thus|then|be|will|would"
    r"|should|about|approximately|final|out|at|in|=|:)[*_`'\"]{0,3}){0,6}"
    r"[*_`'\":=\s]{1,6}(?:\\[(\[]|\$(?=\$|\\)|\$\$)?\s?(?=[-+\u2212(]?\s?(?:US)?[$€£¥₹]? ?[0-9.½⅓¼¾⅔])"
)
_LINKED = re.compile(r"(?i)\b(?:is|was|are|comes|equals?|be)\b|[=:]")
_CUE = re.compile(
    r"(?i)(?:[=≈:→]|->|\b(?:is|are|was|be|been|being|has|have|had|gives?|gets?|gave|got|equals?|to|of|exactly|total|yields?"
    r"|makes?|made|leaves?|costs?|pays?|paid|contains?|needs?|about|approximately|roughly|therefore|thus|hence|so|answer|only"
    r"|by|at|just|remains?|left|takes?|spends?|spent|earns?|earned|saves?|saved|becomes?|then|precisely|returns?|no|yes"
    r"|appears?|occurs?|there's|it's|that's))[\s*_`'\"(\\\[$]*$"
)
_DECLINES = re.compile(
    r"(?i)\b(?:can(?:not|['’]t| not)|could ?n['’]t|unable|do(?: not|n['’]t) know|not sure|unsure|impossible|not enough"
    r"|insufficient|depends on|need more|refuse)\b"
)
_ABOUT = re.compile(
    r"(?i)(?:\b(?:about|approx\w*|roughly|around|nearly|almost|circa)\b\.?|[~≈])\s*(?:[*_`'\"$€£(\\]|=)*\s*$"
)
_ROUNDS = re.compile(r"(?i)[^.\n]{0,40}\b(?:round\w*|approx\w*|nearest)\b")
_SENTENCE = re.compile(r"(?<=[.!?])[)\"'*_]*\s+|\n+")
_WORKING = re.compile(r"<<[^<>\n]{1,400}>>")  # a calculator's mark
_LIST = re.compile(r"(?m)^[ \t]*(?:[-*•][ \t]+)?(?:step[ \t]+)?([0-9]{1,3})[.):](?=[ \t]+\S)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Stated:
    """A number that stands as an answer.

    Attributes:
        quantity: the number as it is written.
        strength: `marked` (behind `####` or in a box), `named` ("the answer is"), `alone` (a response that is the
            number, or begins with it as a sentence of its own), `last` (the last number of its last sentence with one).
        about: whether it says that it is rounded.
    """

    quantity: Quantity
    strength: Strength
    about: bool = False


def stated_numbers(text: str, locale: str = "", *, given: Collection[Fraction] = ()) -> list[Stated]:
    """The numbers that stand as an answer, the strongest kind first, and in each kind the last first.

    Args:
        text: the response; the time taken is linear in its length.
        locale: how numbers are written.
        given: the question's own numbers, which a last sentence may repeat; they are no answer where another number is.

    >>> [(str(s.quantity.value), s.strength) for s in stated_numbers("17*20 is 340, so the answer is 391. Easy!")]
    [('391', 'named')]
    """
    plain = _without_list_marks(_WORKING.sub(lambda mark: " " * len(mark.group()), text))
    numbers = quantities(plain, locale)
    by_start = {number.start: number for number in numbers}
    found: list[Stated] = []
    for strength, cue in (("marked", _MARKED), ("named", _NAMED)):
        hits = [
            number
            for match in cue.finditer(plain)
            if strength == "marked" or _LINKED.search(match.group())
            if (number := _standing_at(by_start, plain, match.end()))
            if strength == "marked" or not _goes_on(plain, number)
        ]
        found += [_stated(plain, number, "marked" if strength == "marked" else "named") for number in reversed(hits)]
    if not found and (alone := _alone(plain, numbers)):
        found.append(_stated(plain, alone, "alone"))
    if not found and not _DECLINES.search(plain) and (last := _last(plain, numbers, given)):
        found.append(_stated(plain, last, "last"))
    return found


def final_number(text: str, locale: str = "", *, given: Collection[Fraction] = ()) -> Quantity | None:
    """The number that a response states as its answer, None where none stands out; see `stated_numbers`."""
    found = stated_numbers(text, locale, given=given)
    return found[0].quantity if found else None


def stance(
    text: str, value: Fraction, locale: str = "", *, given: Collection[Fraction] = (), units: Collection[str] = ()
) -> Stance:
    """Whether a response gives a known value as its answer.

    It agrees where its answer is the value, or what the value rounds to at the answer's own precision. Where only the
    last number tells, and the value stands elsewhere in the response, nothing is held against it: `silent`.

    Args:
        text: the response.
        value: what is right; a share where a percentage is stated (-1/3 for `-33 1/3%`), or the percentage itself.
        locale: how numbers are written.
        given: the question's own numbers.
        units: the words for the unit that is asked for, in small letters; numbers in other units are then no answers,
            where there is one in such a unit.
    """
    found = stated_numbers(text, locale, given=[number for number in given if number != value])
    if units and (not found or found[0].quantity.unit.lower() not in units):
        named = [number for number in quantities(text, locale) if number.unit.lower() in units]
        if not found:
            return "agrees" if named and agrees_with(value, named[-1]) and not _DECLINES.search(text) else "silent"
        bare = found[0].strength in ("marked", "named", "alone") and not found[0].quantity.unit
        found = found if bare else [_stated(text, number, "last") for number in named[-1:]] or found
    if not found:
        return "silent"
    answer = found[0]
    if agrees_with(value, answer.quantity, loosely=answer.about):
        return "agrees"
    quantity = answer.quantity
    meant = [value, 100 * value] if quantity.percent else [value]
    if quantity.step == 1 and any(one.denominator != 1 and abs(quantity.value - one) < 1 for one in meant):
        return "silent"  # an integer near a broken number: whether that is wrong depends on what was asked
    if answer.strength == "last":
        named = [number for number in quantities(text, locale) if number.start != quantity.start]
        if any(agrees_with(value, number) for number in named):
            return "silent"
    return "disagrees"


def chosen_of_two(text: str, first: Fraction, second: Fraction, *, greater: bool, locale: str = "") -> Fraction | None:
    """Which of two numbers a response says is the greater (or the smaller); None where it says both or nothing.

    >>> chosen_of_two("9.11 is bigger, so it exceeds 9.9.", Fraction("9.9"), Fraction("9.11"), greater=True)
    Fraction(911, 100)
    """
    said: set[Fraction] = set()
    numbers = [number for number in quantities(text, locale) if number.value in (first, second)]
    if not numbers or first == second:
        return None
    for number in numbers:
        behind = re.sub(r"[*_`]", "", text[number.end : number.end + 48])
        before = re.sub(r"[*_`]", "", text[max(0, number.start - 60) : number.start])
        other = second if number.value == first else first
        denied = re.match(r"(?i)\W*(?:is|are)\s+not\b", behind) or re.search(r"(?i)\b(?:not|isn't|than)\W*$", before)
        for called, is_called, more in ((_GREATER, _IS_GREATER, True), (_SMALLER, _IS_SMALLER, False)):
            if (is_called.match(behind) or called.search(before)) and not denied:
                said.add(number.value if more == greater else other)
        if re.match(r"(?i)\s*(?:>|exceeds\b|beats\b)", behind) or re.search(r"<\s*$", before):
            said.add(number.value if greater else other)
        elif re.match(r"\s*<", behind) or re.search(r">\s*$", before):
            said.add(other if greater else number.value)
        if re.search(r"(?i)\banswer(?: is|:)\s*$", before):
            said.add(number.value)
    if not said and len({number.value for number in numbers}) == 1 and len(text) < 200:
        said.add(numbers[0].value)
    return said.pop() if len(said) == 1 else None


_IS = r"(?i)\W*(?:is|are)\s+(?:(?:clearly|definitely|actually|in fact|indeed|the|slightly|much)\s+)*"
_MORE = "bigger|larger|greater|higher|more|biggest|largest|greatest|highest"
_LESS = "smaller|less|lower|fewer|smallest|least|lowest"
_IS_GREATER, _IS_SMALLER = re.compile(rf"{_IS}(?:{_MORE})\b"), re.compile(rf"{_IS}(?:{_LESS})\b")
_OF_TWO = r"(?: (?:number|one|value|of the two))*(?: is|:)?\s*$"
_GREATER, _SMALLER = re.compile(rf"(?i)\b(?:{_MORE}){_OF_TWO}"), re.compile(rf"(?i)\b(?:{_LESS}){_OF_TWO}")


def _without_list_marks(text: str) -> str:
    """The text with the marks of a numbered list blanked out: `1.`, and each that counts on from the one before."""
    expected, parts, at = 1, list[str](), 0
    for match in _LIST.finditer(text):
        number = int(match[1])
        if number not in (1, expected):
            continue
        parts += [text[at : match.start()], " " * len(match.group())]
        expected, at = number + 1, match.end()
    return "".join([*parts, text[at:]])


def _standing_at(numbers: dict[int, Quantity], text: str, at: int) -> Quantity | None:
    """The number that begins here, behind markup and dollar signs of formulas."""
    for skipped in range(8):
        if at + skipped in numbers:
            return numbers[at + skipped]
        if text[at + skipped : at + skipped + 1] not in ("$", "*", " ", "(", "\\", "[", "_", "`", "{"):
            return None
    return None


def _goes_on(text: str, number: Quantity) -> bool:
    """Whether the number is the beginning of a calculation: `the total is 3 + 4 = 7`."""
    return bool(
        re.compile(r"\s?[*_`]{0,2}\s?(?:[-+×÷/^−=]\s?[0-9($€£]|[*x] ?[0-9($€£]|\([0-9])").match(text, number.end)
    )


def _alone(text: str, numbers: list[Quantity]) -> Quantity | None:
    """The number that the whole response is, or that its first sentence is, but for a unit and markup."""
    if not numbers:
        return None
    first = numbers[0]
    if text[: first.start].strip(" \t\n*_`\"'($\\[~≈"):
        return None
    rest = text[first.end : first.end + 60]
    unit = re.match(r"[ \t]?(?:[A-Za-z°²³/%€$£]{1,14}(?:[ \t][A-Za-z]{1,10})?)?[*_`\"')\\\]$]*(?=[.!;\n]|$)", rest)
    return first if unit and not first.worded or unit and len(numbers) == 1 else None


def _last(text: str, numbers: list[Quantity], given: Collection[Fraction]) -> Quantity | None:
    """The last number of the last sentence with one, where it stands as what something is."""
    telling = [number for number in numbers if not (number.worded and number.value == 1)]
    if not telling:
        return None
    begins = 0
    for match in _SENTENCE.finditer(text, 0, telling[-1].start):
        begins = match.end()
    sentence = [number for number in telling if number.start >= begins]
    own = [number for number in sentence if number.value not in given]
    for number in (own or sentence)[-1:]:
        before = text[max(begins, number.start - 500) : number.start]
        behind = text[number.end : number.end + 1]
        if _goes_on(text, number):
            return None
        if (
            _CUE.search(before)
            or not before.strip(" *_`$(")
            or _CUE.search(re.sub(r"[A-Za-z]+ $", "", before))
            or behind == ""
        ):
            return number
    return None


def _stated(text: str, number: Quantity, strength: Strength) -> Stated:
    before = text[max(0, number.start - 30) : number.start]
    about = bool(_ABOUT.search(before) or _ROUNDS.match(text[number.end : number.end + 80]))
    return Stated(number, strength, about)

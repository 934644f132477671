"""Which calculation does a word problem of a common kind ask for? Only where every number of it has its place."""

from __future__ import annotations

import re
from fractions import Fraction

from .quantities import Quantity, quantities

_LONGEST = 400  # characters of a question that is one such problem
_YEARLY = r"(?:yearly|annual(?:ly)?|once a year|per year|a year|every year|each year|per annum|p\.a\.)"
_COMPOUNDED = (
    (re.compile(rf"(?i)\bcompound\w*(?: interest)?,? {_YEARLY}|\bannual compounding|\bcompound interest\b"), 1),
    (re.compile(r"(?i)\bcompounded (?:semi-?annually|half-yearly|twice a year|every six months)"), 2),
    (re.compile(r"(?i)\bcompounded (?:quarterly|every quarter|four times a year)"), 4),
    (re.compile(r"(?i)\bcompounded (?:monthly|every month|each month)"), 12),
)
_OTHER_RATE = re.compile(r"(?i)%\s*(?:a|per|each|every) (?:month|quarter|week|day)|\b(?:daily|weekly|continuous\w*)\b")
_INTEREST_ALONE = re.compile(r"(?i)\bhow much interest\b|\binterest (?:is |was |will be )?(?:earned|paid|due)\b")
_DOWN = r"cut|reduc\w*|discount\w*|marked down|lower\w*|drop\w*|fall\w*|fell|decreas\w*|los(?:es?|t|ing)|declin\w*"
_UP = r"rais\w*|ris(?:es?|ing|en)|rose|increas\w*|marked up|gr[eo]w\w*|gain\w*|climb\w*|jump\w*|went up|goes up"
_MOVES = re.compile(rf"(?i)\b(?:(?P<down>{_DOWN}|off)|(?P<up>{_UP}))\b")
_AGAIN = re.compile(r"(?i)\b(?:another|again|further|additional|more)\b")
_BEHIND = re.compile(
    r"(?i)^\s*(?:(?P<down>off|discount|reduction|decrease|drop|cut|loss)|(?P<up>increase|rise|raise|gain))\b"
)
_WORTH = re.compile(r"(?i)\b(?:price|cost|value|worth|salary|rent|pay|balance|how much)\b[^?]{0,60}\?")
_SPEED = re.compile(
    r"(?i)(?<![\w.,])(?P<n>\d+(?:\.\d+)?)\s?(?P<unit>mph|km/h|kph|kmh|m/s|miles per hour|kilomet(?:er|re)s per hour)\b"
)
_EQUAL_LEGS = re.compile(
    r"(?i)\band back\b|\bback (?:home )?at\b|\breturn\w*|\bround trip\b|\bsame (?:distance|route|road|way)\b"
    r"|\bequal distances?\b|\bhalf (?:of )?the (?:distance|trip|journey|way)\b"
)
_WRITTEN = re.compile(r"(?<![\w.,])\d+(?:\.\d+)?(?: ?[-+*/×] ?\d+(?:\.\d+)?)+(?![\w]|[.,]\d)")
_HOW_MANY = re.compile(r"(?i)\bhow (?:many|much) (?P<noun>[a-z]+)(?P<rest>[^?.]{0,60})\?")
_NOT_THE_SUM = re.compile(r"(?i)\b(?:more|fewer|less|left|remain\w*|difference|than|each|per|average|times)\b")
_SERIES = re.compile(
    r"(?i)(?<![\w.,])(\d+(?:\.\d+)?)\s*(?:->|→|to)\s*\$?(\d+(?:\.\d+)?)\s*(?:->|→|,? ?(?:and )?(?:then )?(?:back )?to)"
    r"\s*\$?(\d+(?:\.\d+)?)(?![\w]|[.,]\d)"
)
_CHANGE = r"(?:fall|drop|decrease|loss|decline|rise|increase|gain|growth)"
_SAME = re.compile(
    rf"(?i)\bis the percent(?:age)? {_CHANGE} (?:equal to|the same as|as (?:big|large|great) as) "
    rf"(?:the|its) (?:percent(?:age)? )?{_CHANGE}\b[^?]{{0,20}}\?"
)


def worded_expression(question: str) -> str | None:
    """The expression that a word problem comes to, as the calculator takes it; None for any that is not plainly one.

    Known: compound interest, percentages taken off or put on one after the other, the mean speed over equal legs, and
    the sum of calculations that the question itself writes out.

    >>> worded_expression("1000 EUR at 5% a year, compounded yearly, after 3 years?")
    '1000*(1+5%)**3'
    """
    if len(question) > _LONGEST:
        return None
    numbers = [number for number in quantities(question) if not (number.worded and number.value == 1)]
    for reads in (_compound, _changes, _mean_speed, _sum_of_written):
        if (found := reads(question, numbers)) is not None:
            return found
    return None


def equal_changes(question: str) -> tuple[bool, str] | None:
    """Whether two changes in a row are equal in percent, and both, where a question asks that; None for any other.

    >>> equal_changes("It went from 50 to 75 to 50. Is the percentage fall equal to the rise?")
    (False, '25/50 and -25/75')
    """
    series = _SERIES.search(question) if len(question) <= _LONGEST and _SAME.search(question) else None
    if series is None:
        return None
    a, b, c = (Fraction(part) for part in series.groups())
    if not a or not b:
        return None
    return abs(b - a) / a == abs(c - b) / b, f"{b - a}/{a} and {c - b}/{b}"


def _compound(question: str, numbers: list[Quantity]) -> str | None:
    times = next((times for pattern, times in _COMPOUNDED if pattern.search(question)), 0)
    rates = [number for number in numbers if number.percent]
    years = [n for n in numbers if not n.percent and re.match(r"(?i)[ -]years?\b", question[n.end :])]
    sums = [number for number in numbers if number not in rates and number not in years]
    if not times or len(numbers) != 3 or not (len(rates) == len(years) == len(sums) == 1):
        return None
    if _OTHER_RATE.search(question) or years[0].value.denominator != 1:
        return None
    rate = f"{_text(rates[0])}%" + (f"/{times}" if times > 1 else "")
    grown = f"{_text(sums[0])}*(1+{rate})**{times * years[0].value}"
    return f"{grown}-{_text(sums[0])}" if _INTEREST_ALONE.search(question) else grown


def _changes(question: str, numbers: list[Quantity]) -> str | None:
    rates = [number for number in numbers if number.percent]
    sums = [number for number in numbers if not number.percent]
    if len(rates) < 2 or len(sums) != 1 or not _WORTH.search(question) or sums[0].start > rates[0].start:
        return None
    expression, begins, way = _text(sums[0]), sums[0].end, ""
    for rate in rates:
        before, behind = question[begins : rate.start], _BEHIND.match(question[rate.end :])
        moves = list(_MOVES.finditer(before))
        if behind:
            way = "-" if behind["down"] else "+"
        elif moves:
            way = "-" if moves[-1]["down"] else "+"
        elif not (way and _AGAIN.search(before)):
            return None
        expression, begins = f"{expression}*(1{way}{_text(rate)}%)", rate.end
    return expression


def _mean_speed(question: str, numbers: list[Quantity]) -> str | None:
    speeds = list(_SPEED.finditer(question))
    if not re.search(r"(?i)\b(?:average|mean) speed\b", question) or not _EQUAL_LEGS.search(question):
        return None
    if len(speeds) != 2 or len({speed["unit"].lower() for speed in speeds}) != 1 or len(numbers) > 3:
        return None
    if re.search(r"(?i)\b(?:hours?|hrs?|minutes?|mins?)\b(?<!per hour)", _SPEED.sub("", question)):
        return None
    a, b = (speed["n"] for speed in speeds)
    return f"2*{a}*{b}/({a}+{b})"


def _sum_of_written(question: str, numbers: list[Quantity]) -> str | None:
    parts, asked = list(_WRITTEN.finditer(question)), _HOW_MANY.search(question)
    if len(parts) < 2 or asked is None or _NOT_THE_SUM.search(asked[0]) or _WRITTEN.search(asked[0]):
        return None
    if any(not any(part.start() <= n.start < part.end() for part in parts) for n in numbers):
        return None
    between = [question[one.end() : other.start()] for one, other in zip(parts, parts[1:], strict=False)]
    if any(len(words) > 40 or not re.search(r",|\band\b", words) for words in between):
        return None
    own = [part for part in parts if re.match(rf"(?i)\s+{asked['noun']}\b", question[part.end() :])]
    if len(own) == 1:
        return own[0][0]
    return None if own else "+".join(part[0] for part in parts)


def _text(number: Quantity) -> str:
    """The number as the calculator takes it, without what stands around it."""
    return str(number.value) if number.value.denominator == 1 else f"({number.value})"

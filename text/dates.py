"""Which dates, weekdays and lengths of time does a text name, and does it agree with one that is known?"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from fractions import Fraction
from typing import Literal, Protocol, TypeVar

Stance = Literal["agrees", "disagrees", "silent"]
Problem = Literal["", "impossible", "ambiguous", "yearless"]

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAY = 86_400

# One character for one character, so that places stay what they were.
_PLAIN = {code: "-" for code in (0x2010, 0x2011, 0x2012, 0x2013, 0x2212, 0xFE63, 0xFF0D)}
_PLAIN |= {ord(odd): " " for odd in "\u00a0\u2007\u2009\u202f\u3000"}
_PLAIN |= {ord(odd): "'" for odd in "\u2018\u2019\u02bc"} | {ord(odd): '"' for odd in "\u201c\u201d\u201e"}
_MARK = "\ue000"  # stands in for each character of a date while the words around it are read

_MONTHS = tuple("january february march april may june july august september october november december".split())
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_CLOCK = r"(?P<clock>\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)(?P<zone>Z\b|[+-]\d{2}:?\d{2}(?!\d))?"
_YEAR_FIRST = re.compile(
    rf"(?<![\d/])(?<!\d[-.])(?P<y>\d{{4}})(?P<sep>[-/.])(?P<m>\d{{1,2}})(?P=sep)(?P<d>\d{{1,2}})(?!\d|[-/]\d|\.\d)"
    rf"(?:(?:T|[ ,]? )?(?<=[T ]){_CLOCK})?"
)
_YEAR_LAST = re.compile(
    r"(?<![\d/])(?<!\d[-.])(?P<a>\d{1,2})(?P<sep>[-/.])(?P<b>\d{1,2})(?P=sep)(?P<y>\d{4})(?!\d|[-/]\d)"
)
_DAY_MONTH = re.compile(
    rf"(?i)(?<![\d.,:/-])(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?: day)?(?: of)?[ -](?P<m>{_MONTH})\b\.?"
    r"(?:,?[ -](?:of )?(?P<y>\d{4})(?!\d))?"
)
_MONTH_DAY = re.compile(
    rf"(?i)\b(?P<m>{_MONTH})\b\.? (?:the )?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:%]|[.,]\d)"
    r"(?:,? (?:of )?(?P<y>\d{4})(?!\d))?"
)
# Full names in any case; short ones only as they are written where nothing else could be meant.
_DAYS = re.compile(
    r"(?i:\b(?:mon|t[eus]{2,5}|we[dnes]{2,7}|th[eiurs]{2,5}|f[ri]{2,3}|sat[aeurs]{1,4}|sun)days?\b)"
    r"|\b(?:Mon|Tues?|Weds?|Thu(?:rs?)?|Fri|Sat|Sun)\b(?=\.?(?:[,;)\n]|\s*$|\s+\d))"
)
_BEGIN = {"mo": 0, "tu": 1, "te": 1, "we": 2, "th": 3, "fr": 4, "fi": 4, "sa": 5, "su": 6}

_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
_ONES += " sixteen seventeen eighteen nineteen"
_WORDS = {name: value for value, name in enumerate(_ONES.split())}
_WORDS |= {name: 10 * n for n, name in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}
_WORDS |= {"a": 1, "an": 1, "dozen": 12, "couple": 2, "hundred": 100, "thousand": 1000}
_WORD = "(?:" + "|".join(sorted((w for w in _WORDS if len(w) > 2), key=len, reverse=True)) + ")"
WORDED = rf"(?:an? (?=dozen|couple|hundred|thousand))?{_WORD}(?:(?: and |[ -]){_WORD})*"
FIGURES = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_SIZES = {"second": 1, "minute": 60, "hour": 3600, "day": DAY, "week": 7 * DAY, "fortnight": 14 * DAY}
_MONTHLY = {"month": 1, "year": 12}
_SHORT = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "y": "year"}
_PART = re.compile(
    rf"(?i)(?<![\w.,:/])(?:(?P<n>{FIGURES}|{WORDED}|half an?|half|an?)(?P<more> and (?:a|one) half)?"
    rf"(?: of(?: an?)?)?[\s-]*(?:(?:whole|full|calendar|entire|solid|consecutive|total|more|further|additional)\s+)?"
    rf"(?P<unit>second|minute|hour|day|week|fortnight|month|year)s?\b'?(?P<half> and (?:a |one )?half\b)?"
    rf"|(?P<m>{FIGURES})\s?(?P<short>s|secs?|mins?|h|hrs?|d|wks?|yrs?)\b)"
)
_CLOCKED = re.compile(r"(?<![\d:.,/-])(\d{1,3}):([0-5]\d)(?::([0-5]\d))?(?![\d:]|\s*(?:[ap]\.?m\b|o'clock))")
_OF_DAY = re.compile(r"(?i)\b(?:at|from|to|until|till|between|and|by|after|before|past|says?|reads?|[ap]m) +$|[-/]\s*$")
_AND = re.compile(r",?\s*(?:and\s+)?")
_THEN = re.compile(r"(?i)\s*(?:to|until|till|through|-|and)\s*\d")


@dataclass(frozen=True, slots=True)
class DateMention:
    """A date as a text names it.

    Attributes:
        start: where it begins in the text.
        end: where it ends.
        text: its own words.
        value: the date; None where there is a problem.
        clock: the time of day that stands with it.
        zone: the offset written behind the time, such as `Z` or `+02:00`, '' for none.
        problem: `impossible` (2024-02-30), `ambiguous` (03/04/2024) or `yearless` (29 February).
        readings: what an ambiguous date may mean: day first, then month first.
        month_day: month and day of a date that is named without its year.
    """

    start: int
    end: int
    text: str
    value: date | None = None
    clock: time | None = None
    zone: str = ""
    problem: Problem = ""
    readings: tuple[date, ...] = ()
    month_day: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class WeekdayMention:
    """A weekday as a text names it; `value` is 0 for Monday to 6 for Sunday."""

    start: int
    end: int
    text: str
    value: int


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time: months, whose length varies, and seconds, a day being 86,400 of them."""

    start: int
    end: int
    text: str
    months: int
    seconds: Fraction

    @property
    def days(self) -> Fraction | None:
        """How many days it is; None where months are in it."""
        return None if self.months else self.seconds / DAY


@dataclass(frozen=True, slots=True)
class Said:
    """Where a response stands on a known value, and the words that say so ('' where it says nothing)."""

    stance: Stance
    words: str = ""


class Mention(Protocol):
    """A part of a text that names something."""

    @property
    def start(self) -> int:
        """Where it begins."""

    @property
    def end(self) -> int:
        """Where it ends."""

    @property
    def text(self) -> str:
        """Its own words."""


M = TypeVar("M", bound=Mention)


def plain(text: str) -> str:
    """The text with plain dashes, quotes and spaces; no character moves."""
    return text.translate(_PLAIN)


def number_of(words: str) -> Fraction | None:
    """The number that figures (`1,234.5`) or English words (`twenty-one`, `a couple of`) name; None for none.

    >>> number_of("one hundred and twenty-one")
    Fraction(121, 1)
    """
    bare = words.strip().casefold()
    if re.fullmatch(FIGURES, bare):
        return Fraction(bare.replace(",", ""))
    if bare in ("half", "half a", "half an"):
        return Fraction(1, 2)
    total = part = 0
    for word in re.findall(r"[a-z]+", bare):
        if word in ("and", "of"):
            continue
        if word not in _WORDS:
            return None
        value = _WORDS[word]
        if word == "thousand":
            total, part = total + max(part, 1) * value, 0
        else:
            part = max(part, 1) * value if word in ("hundred", "dozen", "couple") else part + value
    return Fraction(total + part) if re.search("[a-z]", bare) else None


def dates_in(text: str) -> list[DateMention]:
    """Find the dates of a text, in its order: ISO, with the year first, in English prose, and in figures only.

    >>> [(d.text, d.problem) for d in dates_in("Not 2024-02-30 or 03/04/2024, but the 29th of February 2024.")]
    [('2024-02-30', 'impossible'), ('03/04/2024', 'ambiguous'), ('29th of February 2024', '')]
    """
    text, found = plain(text), []
    for match in _YEAR_FIRST.finditer(text):
        found.append(_dated(match, int(match["y"]), int(match["m"]), int(match["d"])))
    for match in _YEAR_LAST.finditer(text):
        readings = _readings(int(match["y"]), int(match["a"]), int(match["b"]))
        only = readings[0] if len(readings) == 1 else None
        problem: Problem = "" if only else "ambiguous" if readings else "impossible"
        found.append(DateMention(*match.span(), match[0], only, problem=problem, readings=readings))
    for pattern in (_DAY_MONTH, _MONTH_DAY):
        for match in pattern.finditer(text):
            month = next(n for n, name in enumerate(_MONTHS, 1) if name.startswith(match["m"][:3].casefold()))
            if not (match["m"].casefold() == "may" and match["m"] == "may"):  # `may 5` is a verb
                found.append(_dated(match, int(match["y"] or 0), month, int(match["d"])))
    found.sort(key=lambda mention: (mention.start, -mention.end))
    kept: list[DateMention] = []
    for mention in found:
        if not kept or mention.start >= kept[-1].end:
            kept.append(mention)
    return kept


def _readings(year: int, first: int, second: int) -> tuple[date, ...]:
    valid = (_valid(year, month, day) for day, month in ((first, second), (second, first)))
    return tuple(dict.fromkeys(day for day in valid if day))


def _valid(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _dated(match: re.Match[str], year: int, month: int, day: int) -> DateMention:
    named = match.groupdict()
    if named.get("y") is None:
        fits = 1 <= day <= monthrange(2000, month)[1]
        return DateMention(
            *match.span(), match[0], problem="yearless" if fits else "impossible", month_day=(month, day)
        )
    clock = named.get("clock")
    try:
        at = time.fromisoformat(clock.zfill(5) if clock.count(":") == 1 else clock.zfill(8)) if clock else None
    except ValueError:
        at = None
    value = _valid(year, month, day)
    problem: Problem = "" if value else "impossible"
    return DateMention(*match.span(), match[0], value, at, named.get("zone") or "", problem, month_day=(month, day))


def weekdays_in(text: str) -> list[WeekdayMention]:
    """Find the weekdays of a text, the common misspellings of their names among them."""
    return [
        WeekdayMention(*match.span(), match[0], _BEGIN[match[0][:2].casefold()])
        for match in _DAYS.finditer(plain(text))
    ]


def durations_in(text: str) -> list[Duration]:
    """Find the lengths of time of a text: `One hour`, `1 h 30 min`, `two weeks and 3 days`, `2:00`, `4859 days`.

    A clock's `2:00` is a length unless the words around it make it a time of day (`from 2:00`, `2:00 pm`).
    """
    text = plain(text)
    masked = _masked(text, dates_in(text))
    found: list[tuple[Duration, int]] = []
    for match in _PART.finditer(masked):
        unit = (match["unit"] or _SHORT[match["short"][0]]).casefold()
        amount = number_of(match["n"] or match["m"])
        if amount is None:
            continue
        amount += Fraction(1, 2) if match["half"] or match["more"] else 0
        months, size = amount * _MONTHLY.get(unit, 0), _SIZES.get(unit, 0)
        start, rank = match.start(), size or 31 * DAY * _MONTHLY[unit]
        if found and rank < found[-1][1] and _AND.fullmatch(masked, found[-1][0].end, start):
            whole = found.pop()[0]
            start, months, seconds = whole.start, months + whole.months, amount * size + whole.seconds
        else:
            seconds = amount * size
        if months.denominator == 1:
            found.append((Duration(start, match.end(), text[start : match.end()], int(months), seconds), rank))
    durations = [duration for duration, _ in found]
    for match in _CLOCKED.finditer(masked):
        if not _OF_DAY.search(masked[: match.start()]) and not _THEN.match(masked, match.end()):
            hours, minutes, rest = (int(group or 0) for group in match.groups())
            durations.append(Duration(*match.span(), match[0], 0, Fraction(3600 * hours + 60 * minutes + rest)))
    return sorted(durations, key=lambda mention: mention.start)


def masked_dates(text: str) -> str:
    """The text with every character of a date replaced by one that no text has; no character moves."""
    return _masked(plain(text), dates_in(text))


def _masked(text: str, mentions: Sequence[Mention]) -> str:
    parts, at = [], 0
    for mention in mentions:
        parts += [text[at : mention.start], _MARK * (mention.end - mention.start)]
        at = mention.end
    return "".join([*parts, text[at:]])


def shift(day: date, *, months: int = 0, days: int = 0) -> date:
    """The date so many months, then days, later; a day that the month lacks becomes its last.

    Raises:
        OverflowError: if the year leaves 1 to 9999.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise OverflowError("the year leaves 1 to 9999")
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1])) + timedelta(days=days)


_EDGE = re.compile(r"(?:(?<!\be\.g)(?<!\bi\.e)[.!?;\u3002](?=[\s*)\"'])|\n)")
_NOT = re.compile(
    r"(?i)(?:\bnot|n't|\brather than|\binstead of|\bunlike|\bnever|\bneither|\bnor)\W+"
    r"(?:(?:an?|the|on|in|at|be|been|fall|falling|exactly|really|simply|of)\W+){0,3}$"
)
_WHY = re.compile(r"(?i)\b(?:because|since|given that|considering|knowing)\b[^,.;\n]*$")
_ANSWER = re.compile(
    r"(?i)(?:\b(?:(?:answer|conclusion)\b|(?:final|correct|right) (?:result|count|date|day|total|number)\b)"
    r"[^\n]{0,60}|####\s*)$"
)
_MENDED = re.compile(r"(?i)\b(?:actually|correction|wait|sorry|mistaken?|i mean)\b[^\n]{0,60}$")
_GIVES = re.compile(
    r"(?i)(?:[=\u2248\u2192>]|\*\*|\b(?:total|sum|giv(?:es?|ing)|yield(?:s|ing)?|mak(?:es|ing)|equals?|lands?(?: on)?|"
    r"arriv(?:es?|ing) at|comes? to|adds? up to|leav(?:es|ing)|reach(?:es|ing)?|ends? (?:up )?(?:on|at)|"
    r"fall(?:s|ing)? on|fell on)\b)\W*(?:[a-z]+\W+){0,4}$"
)
_SO = re.compile(r"(?i)\b(?:so|therefore|thus|hence|consequently|overall|altogether|meaning)\b")


def concluded(text: str, mentions: Sequence[M]) -> tuple[M, ...]:
    """Tell which of the things that a text names it ends up with; more than one where that is open.

    What is denied (`not a Friday`), set in brackets or given as a reason counts only where nothing else is named. Then
    `the answer is` counts most, next a short opening sentence, then `gives`, `=` and the like, then what follows `so`.
    """
    text = plain(text)
    pool = [m for m in mentions if not _NOT.search(text[_sentence(text, m.start) : m.start])] or list(mentions)
    pool = [m for m in pool if not _bracketed(text, m.start)] or pool
    pool = [m for m in pool if not _WHY.search(text[_sentence(text, m.start) : m.start])] or pool
    if len(pool) < 2:
        return tuple(pool)
    # What stands before each in its sentence, from the one named before it on.
    ends = [0, *(mention.end for mention in pool)]
    lead = [text[max(_sentence(text, m.start), end) : m.start] for m, end in zip(pool, ends, strict=False)]
    answers = [m for m, before in zip(pool, lead, strict=True) if _ANSWER.search(before)][-1:]
    mended = [m for m, before in zip(pool, lead, strict=True) if _MENDED.search(before)][-1:]
    first = _EDGE.search(text, pool[0].end)
    opening = text[: first.start() if first else len(text)]
    if first and len(opening.split()) <= 7 and pool[1].start >= first.start():
        answers = [pool[0], *answers]
    if mended or answers:
        return tuple(mended or answers)
    given = [m for m, before in zip(pool, lead, strict=True) if _GIVES.search(before)]
    if given:
        return (given[-1], pool[-1])
    follow = [m for m in pool if _SO.search(text, _sentence(text, m.start), m.start)]
    if follow:
        start = _sentence(text, follow[-1].start)
        return (next(m for m in follow if _sentence(text, m.start) == start), follow[-1], pool[-1])
    return (pool[0], pool[-1])


def _sentence(text: str, at: int) -> int:
    return max((edge.end() for edge in _EDGE.finditer(text, 0, at + 1) if edge.end() <= at), default=0)


def _bracketed(text: str, at: int) -> bool:
    return text.rfind("(", 0, at) > text.rfind(")", 0, at) and text.find(")", at) >= 0


def _stance(finals: Sequence[M], mentions: Sequence[M], right: Callable[[M], bool | None]) -> Said:
    told = {right(mention) for mention in finals}
    words = finals[-1].text if finals else ""
    if told == {True}:
        return Said("agrees", words)
    if told == {False} and (len(set(finals)) == 1 or not any(right(mention) for mention in mentions)):
        return Said("disagrees", words)
    return Said("silent", words)


def stance_on_date(response: str, value: date, question: str = "") -> Said:
    """Tell whether a response gives this date as its answer; dates of the question count only where repeated beyond it.

    A date without its year is compared by day and month where no full date is given.
    """
    mentions, asked = dates_in(response), dates_in(question)
    values, days = {m.value for m in asked if m.value}, {m.month_day for m in asked if m.value}
    if value not in values:
        new = [m for m in mentions if m.value not in values and not (m.problem == "yearless" and m.month_day in days)]
        mentions = new or (mentions if len(mentions) > len(asked) else [])
    mentions = [m for m in mentions if m.problem != "yearless"] or mentions

    def right(mention: DateMention) -> bool | None:
        if mention.problem == "yearless":
            return mention.month_day == (value.month, value.day)
        if mention.problem == "ambiguous":
            return None if value in mention.readings else False
        return mention.value == value

    return _stance(concluded(response, mentions), mentions, right)


def stance_on_weekday(response: str, value: int, asked: date | None = None) -> Said:
    """Tell whether a response gives this weekday (0 for Monday) as its answer; next to the date `asked` best."""
    mentions, dates = weekdays_in(response), dates_in(response)

    def named(mention: WeekdayMention) -> bool:
        before = [d for d in dates if d.end <= mention.start and mention.start - d.end < 60][-1:]
        after = [d for d in dates if 0 <= d.start - mention.end < 8]
        same = (d for d in after or before if d.start > mention.start or d.end > _sentence(response, mention.start))
        return any(d.value == asked or d.month_day == (asked.month, asked.day) for d in same) if asked else False

    finals = concluded(response, mentions)
    by_date = [mention for mention in finals if named(mention)] or [m for m in mentions if named(m)]
    return _stance(concluded(response, by_date) or finals, mentions, lambda mention: mention.value == value)


@dataclass(frozen=True, slots=True)
class _Amount:
    start: int
    end: int
    text: str
    value: Fraction


_BARE = re.compile(
    rf"(?<![\w.,:/#])(?<![*/x\u00d7^+] )(?<![*/\u00d7^+])(?P<n>{FIGURES})(?!\s*[*/\u00d7^+]\s*\d)"
    r"(?=\**\s*(?:$|[.,;:!?)\]\"'(\n]|(?:in total|and|apart|between|altogether|is|separate|lie)\b|- ))(?![.,]\d)"
)


def stance_on_length(response: str, seconds: int, question: str = "", unit: int = 0) -> Said:
    """Tell whether a response gives this length of time, of either sign, as its answer.

    Args:
        response: its text.
        seconds: the length.
        question: what was asked; times of day and years that it names are not the answer.
        unit: seconds of the unit that was asked for (86,400 for days), in which a bare number is read; 0 for none.
    """
    text = plain(response)
    clocks = set(re.findall(r"\d{1,2}:\d{2}", plain(question)))
    found = [
        _Amount(d.start, d.end, d.text, d.seconds)
        for d in durations_in(text)
        if not d.months
        and d.text not in clocks
        and not (unit and re.match(r"(?i)(?:an?|each|one) ", d.text) and seconds != unit)
    ]
    if unit:
        years = {str(m.value.year) for m in dates_in(question) if m.value}
        masked = _masked(text, sorted([*dates_in(text), *durations_in(text)], key=lambda m: m.start))
        bare = [
            _Amount(*match.span(), match[0], (number_of(match["n"]) or Fraction(0)) * unit)
            for match in _BARE.finditer(masked)
        ]
        found += [m for m in bare if m.text not in years] or ([] if found else bare)
        alone = number_of(text.strip(" .!*\n"))
        if not found and alone is not None:
            found = [_Amount(0, len(text), text, alone * unit)]
        found.sort(key=lambda mention: mention.start)
    return _stance(concluded(text, found), found, lambda mention: mention.value == abs(seconds))

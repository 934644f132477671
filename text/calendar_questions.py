"""What does a question ask of the calendar, and which date does it mean?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from .dates import DAY, WEEKDAYS, DateMention, dates_in, durations_in, masked_dates, shift

_D = "\ue000+"
_BACK = (
    r"before|prior|earlier|preced\w+|ago|back(?:wards?)?|previous(?:ly)?|in advance|ahead of|until|till|minus|"
    r"subtracted|"
    r"deducted|short of"
)
_ON = (
    r"after(?:wards?)?|later|follow(?:ing|s|ed)|past|from|since|hence|on from|onwards?|forwards?|ahead|"
    r"subsequent(?:ly)?|beyond|"
    r"succeed\w+|into the future|plus|added|counting from|starting from|counted from|starting|beginning"
)
_FILL = (
    r"(?:(?:that|which|who|is|are|was|will|would|be|comes?|came|falls?|falling|occurs?|occurring|have|has|had|"
    r"having|passed|elapsed|"
    r"gone by|went by|go by|pass|elapse|right|exactly|immediately|just|time|s|directly|in time|worth|"
    r"immediately)\W+){0,4}"
)
_BEHIND = re.compile(rf"(?i)(?:'s?)?[\s,]*(?:time\s+)?{_FILL}(?:(?P<back>{_BACK})|(?P<on>{_ON}))\b")
_BY = (
    r"\W*(?:(?:by|of|an? (?:interval|period|gap|span) of|the passage of|another|exactly|a further|further|precisely)"
    r"\W+)*$"
)
_VERB_BACK = re.compile(
    r"(?i)(?:\b(?:subtract\w*|deduct\w*|tak\w+ (?:away|off)|remov\w+|rewind\w*|turn\w* back \w+|minus|less|"
    r"(?:go|goes|going|went|count|step|mov|look|travel|jump|roll|head|work|"
    r"turn)\w* (?:the clock )?back(?:wards?)?|back|backwards?|earlier)\b"
    rf"|(?:\ue000|\s)-){_BY}"
)
_VERB_ON = re.compile(
    r"(?i)(?:\b(?:after|in|plus|add(?:ing|ed)?|following|another|forwards?|ahead|advanc\w+|skip\w*|wait\w*|"
    r"later|on|once|when)\b"
    rf"|\+){_BY}"
)
_NEAR = re.compile(
    rf"(?i)\b(?:(?P<back>{_BACK})|(?P<on>{_ON}))\W+(?:to |than |of |on )?(?:the )?(?:date )?(?:of )?{_D}{_BY}"
)
_JOIN = (
    r"\W+(?:(?:to|than|of|on|the|date|right|just|immediately|directly|that|which|is|comes?|falls?|following|after)"
    r"\W+){0,4}"
)
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "tenth": 10}
_SINGLE: tuple[tuple[re.Pattern[str], int], ...] = tuple(
    (re.compile(rf"(?i)\b(?:{pattern})"), days)
    for pattern, days in (
        (r"day after tomorrow\b", 2),
        (r"day before yesterday\b", -2),
        (r"day after next\b", 2),
        (rf"day{_JOIN}(?:before|preceding|prior|precedes|previous|ahead of)\b", -1),
        (rf"day\W+(?:{_FILL})(?:before|preceding|prior|precedes|previous|ahead of)\b", -1),
        (rf"day\W+(?:{_FILL})(?:after|following|later|follows|succeeding|succeeds|subsequent)\b", 1),
        (r"(?:previous|preceding|prior) (?:calendar )?day\b|yesterday\b|eve of\b", -1),
        (r"(?:very )?(?:next|following|subsequent|succeeding) (?:calendar )?day\b|tomorrow\b|morrow\b", 1),
    )
)
_NTH = re.compile(
    rf"(?i)\b(?:(?P<n>\d{{1,3}})(?:st|nd|rd|th)|(?P<w>{'|'.join(_ORDINALS)})) (?P<unit>day|week) (?:that )?"
    r"(?:(?P<back>before|preceding|prior to)|after|following|from)\b"
)
_TURNS = re.compile(
    rf"(?i)\b(?:after|before|following|preceding|prior to|since|until|past|later than|earlier than|from|ahead of)\W+"
    rf"(?:the )?(?:date )?(?:of )?{_D}|\b(?:tomorrow|yesterday|(?:next|following|previous|preceding|last) "
    rf"(?:day|week|month|year|{'|'.join(WEEKDAYS)})|(?:day|week|fortnight) (?:after|before|later|earlier))\b"
)


@dataclass(frozen=True, slots=True)
class Relative:
    """Which date a text means.

    Attributes:
        base: the one date that it names; None where it names none, several or an impossible one.
        target: the date that it means, by an offset from the base; None where there is none, or none that is clear.
        moved: whether it speaks of another date than those it names, understood or not.
    """

    base: date | None
    target: date | None
    moved: bool


def relative_date(text: str) -> Relative:
    """Read `3 days after 2023-06-20`, `Today is 2023-06-20. ... in two weeks`, `the day before` a date and the like.

    It is read from the length of time, the date, and the words that stand next to them, not from whole sentences.
    """
    masked, named = masked_dates(text), [d for d in dates_in(text) if d.problem != "yearless"]
    values = {mention.value for mention in named}
    base = values.pop() if len(values) == 1 else None
    offsets = set()
    for length in durations_in(text):
        if not (length.months or (length.seconds and length.seconds % DAY == 0)) or ":" in length.text:
            continue
        sign = _direction(masked[: length.start], masked[length.end :])
        if sign:
            offsets.add((sign * length.months, sign * int(length.seconds // DAY)))
    if not offsets:
        offsets |= {(0, days) for days in _single(masked)}
    moved = bool(offsets or _TURNS.search(masked))
    if base is None or len(offsets) != 1:
        return Relative(base, None, moved)
    months, days = offsets.pop()
    try:
        return Relative(base, shift(base, months=months, days=days), moved)
    except OverflowError:
        return Relative(base, None, moved)


def _direction(before: str, after: str) -> int:
    """Which way a length of time goes: by the words behind it, a verb before it, or those before the date before it."""
    behind, near = _BEHIND.match(after), _NEAR.search(before)
    if _VERB_BACK.search(before) and not (behind and behind["on"] in ("after", "later")):
        return -1
    if behind:
        return -1 if behind["back"] and not _forward(behind["back"], before) else 1
    if near:
        return -1 if near["back"] else 1
    return 1 if _VERB_ON.search(before) else 0


def _forward(word: str, before: str) -> bool:
    """Whether `ahead of` follows a verb that goes forward: `looking 3 days ahead of` a date."""
    return word.casefold() == "ahead of" and bool(
        re.search(r"(?i)\b(?:look|mov|go|jump|skip|plan)\w*\W+(?:by )?$", before)
    )


def _single(masked: str) -> set[int]:
    nth = _NTH.search(masked)
    if nth:
        count = int(nth["n"]) if nth["n"] else _ORDINALS[nth["w"].casefold()]
        return {count * (7 if nth["unit"].casefold() == "week" else 1) * (-1 if nth["back"] else 1)}
    return next(({days} for pattern, days in _SINGLE if pattern.search(masked)), set())


_ZONES = """
Africa/Cairo Africa/Johannesburg Africa/Lagos Africa/Nairobi America/Anchorage America/Argentina/Buenos_Aires
America/Bogota America/Caracas America/Chicago America/Denver America/Halifax America/Havana America/Lima
America/Los_Angeles America/Mexico_City America/Montevideo America/New_York America/Phoenix America/Santiago
America/Sao_Paulo America/Toronto America/Vancouver Asia/Baghdad Asia/Bangkok Asia/Dhaka Asia/Dubai Asia/Hong_Kong
Asia/Jakarta Asia/Jerusalem Asia/Karachi Asia/Kathmandu Asia/Kolkata Asia/Manila Asia/Seoul Asia/Shanghai
Asia/Singapore Asia/Taipei Asia/Tehran Asia/Tokyo Atlantic/Reykjavik Australia/Adelaide Australia/Brisbane
Australia/Darwin Australia/Melbourne Australia/Perth Australia/Sydney Europe/Amsterdam Europe/Athens Europe/Berlin
Europe/Brussels Europe/Bucharest Europe/Budapest Europe/Copenhagen Europe/Dublin Europe/Helsinki Europe/Istanbul
Europe/Kyiv Europe/Lisbon Europe/London Europe/Madrid Europe/Moscow Europe/Oslo Europe/Paris Europe/Prague
Europe/Rome Europe/Stockholm Europe/Vienna Europe/Warsaw Europe/Zurich Pacific/Auckland Pacific/Honolulu
"""
_CITIES = {zone.rpartition("/")[2].replace("_", " ").casefold(): zone for zone in _ZONES.split()}
_CITIES |= {
    city: zone
    for zone, cities in {
        "America/New_York": "new york city|nyc|boston|washington|philadelphia|miami|atlanta|detroit",
        "America/Los_Angeles": "san francisco|seattle|san diego|las vegas|portland",
        "America/Chicago": "houston|dallas|minneapolis|new orleans",
        "America/Toronto": "montreal|ottawa",
        "America/Sao_Paulo": "s\u00e3o paulo|rio de janeiro",
        "Asia/Shanghai": "beijing|shenzhen|guangzhou",
        "Asia/Kolkata": "mumbai|delhi|new delhi|bangalore|chennai",
        "Asia/Tokyo": "osaka",
        "Australia/Sydney": "canberra",
        "Europe/Berlin": "munich|hamburg|frankfurt|cologne",
        "Europe/Madrid": "barcelona",
        "Europe/Rome": "milan",
        "Europe/Zurich": "geneva|z\u00fcrich",
        "Europe/Istanbul": "ankara",
        "Europe/Moscow": "saint petersburg",
    }.items()
    for city in cities.split("|")
}
_HOUR = re.compile(r"(?i)(?<![\d:.-])(\d{1,2})(?::(\d{2})(?::(\d{2}))?)?\s*(?:([ap])\.?m\b\.?)?(?![\d:])")
_MEASURED = re.compile(
    r"(?i)\b(?:weather|temperature|humid\w*|wind\w*|precipitation|rain\w*|snow\w*|visib\w*|uv|ultraviolet|"
    r"sun(?:ny|shine)|cloud\w*|"
    r"climate|forecast|hot|cold|warm|price|population|score)\b"
)
_DAYS_ASKED = re.compile(
    r"(?i)\b(?:between|separat\w+|differ\w*|from|apart|elaps\w+|pass(?:ed|es)?|gap|span\w*|duration|since|until|"
    r"till|to|through|"
    r"interval|count\w*|length|distance|and)\b"
)
_OTHER_UNIT = re.compile(
    r"(?i)\b(?:weeks?|months?|years?|hours?|minutes?|seconds?|business|working|work ?days?|weekdays?|weekends?|"
    r"holidays?|leap|"
    rf"{'|'.join(WEEKDAYS)})s?\b"
)
_WEEKDAY_ASKED = re.compile(
    r"(?i)\bweek-?day\b|\bday(?: name)? of (?:the )?week\b|\b(?:what|which) day\b|\bname of the day\b"
)
_DATE_ASKED = re.compile(r"(?i)\b(?:date|day)\b|\bwhen\b")
_AT_DATE = re.compile(r"(?i)(?<!information )\b(?:on|for|at|during|as of) the (?:\w+ )?(?:day|date)\b")
_BOTH_ENDS = re.compile(r"(?i)\binclu(?:sive|ding)\w*\b|\bboth (?:ends|dates)\b|\bexclu|\bstrictly\b")

Kind = Literal["date", "weekday", "days", "elapsed"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question asks of the calendar.

    Attributes:
        kind: a date, the weekday of one, days between two, or local time that passes.
        day: the date that is right, or whose weekday is.
        days: between the two dates.
        span: the local times between which time passes.
        zone: the IANA name of their zone.
    """

    kind: Kind
    day: date | None = None
    days: int = 0
    span: tuple[datetime, datetime] | None = None
    zone: str = ""


def asked_of_calendar(question: str) -> Asked | None:
    """Read a question for days between two dates, a weekday, a date n days off, or local time that passes.

    It gives None for any other, and for one that can be read in two ways.
    """
    named = [mention for mention in dates_in(question) if mention.problem != "yearless"]
    if not named or any(mention.value is None for mention in named) or _MEASURED.search(question):
        return None
    if re.search(r"(?i)\bhow (?:long|many (?:hours|minutes|seconds))\b|\belapse|\bduration\b|\bpass", question):
        passed = _elapsed_asked(question, named)
        if passed is not None:
            return passed
    relative = relative_date(question)
    if relative.target:
        asks = _DATE_ASKED.search(masked_dates(question)) and not _AT_DATE.search(question)
        return Asked("date", relative.target) if asks else None
    first, last = named[0].value, named[-1].value
    if len(named) == 2 and first and last and re.search(r"(?i)\bdays?\b|\bhow long\b", question):
        plainly = re.search(r"(?i)\bin days\b|\bhow many days\b|\bnumber of days\b", question)
        other = _OTHER_UNIT.search(question) and not plainly
        if other or not _DAYS_ASKED.search(question) or _BOTH_ENDS.search(question) or any(m.clock for m in named):
            return None
        return Asked("days", days=abs((last - first).days))
    if len(named) == 1 and first and not relative.moved and _WEEKDAY_ASKED.search(question):
        return Asked("weekday", first)
    return None


def _elapsed_asked(question: str, named: list[DateMention]) -> Asked | None:
    text = masked_dates(question)
    zones = set(re.findall(r"\b[A-Z]\w+/[A-Z][\w/]+", text))
    folded = text.casefold()
    zones |= {zone for city, zone in _CITIES.items() if re.search(rf"\b{re.escape(city)}\b", folded)}
    times = [datetime.combine(m.value, m.clock) for m in named if m.value and m.clock and not m.zone]
    if len(named) == 1 and not times and named[0].value:
        for hour, minute, second, half in _HOUR.findall(text):
            clock = int(hour) % 12 + 12 * (half.casefold() == "p") if half else int(hour)
            if (minute or half) and clock < 24 and int(minute or 0) < 60:
                midnight = datetime.combine(named[0].value, datetime.min.time())
                times.append(midnight + timedelta(hours=clock, minutes=int(minute or 0), seconds=int(second or 0)))
    if len(zones) != 1 or len(times) != 2 or times[0] > times[1]:
        return None
    return Asked("elapsed", span=(times[0], times[1]), zone=zones.pop())

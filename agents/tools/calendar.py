"""What does the calendar say: weekdays, days between dates, dates from dates, local time that passes, working days?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from typing import Any

from ...store.canonical import digest
from ...text.calendar_questions import Asked, asked_of_calendar
from ...text.dates import (
    DAY,
    WEEKDAYS,
    Said,
    dates_in,
    plain,
    shift,
    stance_on_date,
    stance_on_length,
    stance_on_weekday,
)
from ...text.quantities import quantities
from .base import Case, Finding, Observation, Refused, Tool

_ERA = "proleptic Gregorian"
_OPERATIONS = ("weekday", "difference", "add", "elapsed", "business_days", "leap_year")
_MOST_YEARS = 200  # of public holidays that one call may look up

_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_ISO_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?P<zone>Z|[+-]\d{2}:\d{2})?")


class Calendar(Tool):
    """Dates and local times, exactly: ISO 8601 in, the proleptic Gregorian calendar, years 1 to 9999."""

    name = "calendar"
    version = "1"
    description = (
        "Exact calendar arithmetic. Use it for weekdays, days between dates, dates before or after a date, local time "
        "that passes across clock changes, working days and leap years. Dates are ISO: 2024-02-29 or 2024-03-10T01:30."
    )
    parameters = {
        "type": "object",
        "properties": {
            "operation": {"type": "string", "enum": list(_OPERATIONS)},
            "date": {"type": "string", "description": "YYYY-MM-DD; for `elapsed` with a time: 2024-03-10T01:30"},
            "other": {"type": "string", "description": "the second date of difference, elapsed and business_days"},
            "days": {"type": "integer", "description": "for `add`; negative goes back"},
            "weeks": {"type": "integer"},
            "months": {"type": "integer"},
            "years": {"type": "integer"},
            "zone": {"type": "string", "description": "IANA zone of both local times, such as America/New_York"},
            "country": {"type": "string", "description": "whose public holidays are no working days: DE, US, DE-BY"},
        },
        "required": ["operation", "date"],
        "additionalProperties": False,
    }

    async def run(self, arguments: Mapping[str, Any], case: Case) -> Observation:
        """Do one operation; each result says in `calendar` which calendar it holds for."""
        operation, told = arguments["operation"], arguments["date"]
        if operation == "leap_year":
            year = told if re.fullmatch(r"\d{4}", told) else str(_date(told).year).zfill(4)
            day = _date(f"{year}-01-01")
            return _found(year=day.year, leap_year=(shift(day, months=2) - day).days == 60)
        if operation == "elapsed":
            return _elapsed(told, _other(arguments), arguments.get("zone", ""))
        day = _date(told)
        if operation == "weekday":
            year, week, number = day.isocalendar()
            return _found(
                date=str(day), weekday=WEEKDAYS[day.weekday()], iso_weekday=number, iso_week=f"{year:04}-W{week:02}"
            )
        if operation == "add":
            return _added(day, arguments)
        other = _date(_other(arguments))
        if operation == "business_days":
            return _business_days(day, other, arguments.get("country", ""))
        days = (other - day).days
        return _found(date=str(day), other=str(other), days=days, absolute=abs(days))

    def applies(self, case: Case) -> bool:
        """Whether the question asks for something that can be worked out from the dates in it."""
        return asked_of_calendar(case.question) is not None

    async def check(self, case: Case) -> list[Finding]:
        """Compare what each response answers with what the calendar says, where the question can be read by rule."""
        asked = asked_of_calendar(case.question)
        if asked is None:
            return []
        findings = []
        for name, response in case.responses.items():
            try:
                said, found = _stance(asked, response, case.question)
            except Refused:  # no such zone, or a time that clocks skip or show twice
                return []
            if said.words:
                holds = {"agrees": True, "disagrees": False, "silent": None}[said.stance]
                findings.append(Finding(name, said.words, holds, found, self.name, final=True))
        return findings

    def bearing(self, arguments: Mapping[str, Any], observation: Observation, case: Case) -> list[Finding]:
        """Which responses give as their answer what the model had worked out of the question's own dates."""
        stances = _stances(arguments, observation, case)
        if not any(said.stance == "agrees" for said, _ in stances.values()):
            return []  # a step on the way, as far as can be told
        return [
            Finding(name, said.words, said.stance == "agrees", found, self.name, final=True)
            for name, (said, found) in stances.items()
            if said.stance != "silent"
        ]

    def counterfactual(self, arguments: Mapping[str, Any], observation: Observation, case: Case) -> Any:
        """The date, weekday or number of days that another response gives as its answer."""
        stances = _stances(arguments, observation, case)
        if not any(said.stance == "agrees" for said, _ in stances.values()):
            return None
        wrong = next((stances[n][0].words for n in sorted(stances) if stances[n][0].stance == "disagrees"), "")
        if not wrong:
            return None
        field = next(name for name in _TELLING if name in observation.result)
        return {**observation.result, field: wrong, "note": ""}

    def key(self, arguments: Mapping[str, Any], case: Case) -> str:
        """The key of a call; where zones or holidays decide, of their data's version as well."""
        key = super().key(arguments, case)
        if arguments.get("zone"):
            return digest([key, _zone_data()])
        return digest([key, _holidays_version()]) if arguments.get("country") else key


def _stance(asked: Asked, response: str, question: str) -> tuple[Said, str]:
    if asked.span:
        passed = _passed(*asked.span, asked.zone)
        return stance_on_length(response, int(passed.total_seconds()), question), f"{passed} pass"
    if asked.kind == "days":
        return stance_on_length(response, asked.days * DAY, question, DAY), f"{asked.days} days"
    assert asked.day is not None
    weekday, found = asked.day.weekday(), f"{asked.day}, a {WEEKDAYS[asked.day.weekday()]}"
    by_weekday = stance_on_weekday(response, weekday, asked.day)
    if asked.kind == "weekday":
        return by_weekday, found
    by_date = stance_on_date(response, asked.day, question)
    return (by_date if by_date.words else by_weekday), found


_TELLING = ("result", "weekday", "days", "elapsed", "business_days", "leap_year")


def _stances(arguments: Mapping[str, Any], observation: Observation, case: Case) -> dict[str, tuple[Said, str]]:
    """Where each response stands on a result that rests on nothing but the question's dates; empty for any other."""
    result: Mapping[str, Any] = observation.result or {}
    named = {mention.value for mention in dates_in(case.question) if mention.value}
    used = [_ISO.match(plain(str(arguments[part])).strip()) for part in ("date", "other") if part in arguments]
    days = {date.fromisoformat(match[0]) if match else None for match in used}
    if not named or not days <= named:
        return {}
    if arguments["operation"] == "add" and not _given(arguments, case.question):
        return {}
    by: Callable[[str], Said]
    if "result" in result:
        target, found = date.fromisoformat(result["result"]), result["result"]
        by = partial(stance_on_date, value=target, question=case.question)
    elif "seconds" in result:
        found = f"{result['elapsed']} pass"
        by = partial(stance_on_length, seconds=int(result["seconds"]), question=case.question)
    elif "weekday" in result:
        day, found = date.fromisoformat(result["date"]), f"{result['date']}, a {result['weekday']}"
        by = partial(stance_on_weekday, value=day.weekday(), asked=day)
    elif "days" in result or "business_days" in result:
        count = result["days"] if "days" in result else result["business_days"]
        found = f"{count} days"
        by = partial(stance_on_length, seconds=count * DAY, question=case.question, unit=DAY)
    else:
        return {}
    return {name: (by(text), found) for name, text in case.responses.items()}


def _given(arguments: Mapping[str, Any], question: str) -> bool:
    """Whether the question names every number that is added, but for one."""
    named = {quantity.value for quantity in quantities(question)}
    return all(
        abs(int(arguments[unit])) in named | {1} for unit in ("days", "weeks", "months", "years") if unit in arguments
    )


def _found(**result: Any) -> Observation:
    return Observation("ok", {**result, "calendar": _ERA})


def _other(arguments: Mapping[str, Any]) -> str:
    if "other" not in arguments:
        raise Refused("missing_argument", "This operation needs `other`, the second date.")
    return str(arguments["other"])


def _date(told: str) -> date:
    text = plain(told).strip()
    iso = _ISO.fullmatch(text)
    if iso is None:
        named = dates_in(text)
        if len(named) == 1 and named[0].problem == "ambiguous":
            first, second = named[0].readings
            raise Refused("ambiguous_date", f"`{text}` is {first} or {second}. Write the one that is meant.")
        if re.fullmatch(r"[+-]?\d{5,}-\d\d-\d\d|-\d{4}-\d\d-\d\d", text):
            raise Refused("out_of_range", "The years are 0001 to 9999.")
        hint = f"; for `{text}` write {named[0].value}" if len(named) == 1 and named[0].value else ""
        raise Refused("invalid_date", f"A date is written YYYY-MM-DD{hint}.")
    if iso[1] == "0000":
        raise Refused("out_of_range", "The years are 0001 to 9999; there is no year 0.")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused("invalid_date", f"There is no {text} in the {_ERA} calendar.") from None


def _added(day: date, arguments: Mapping[str, Any]) -> Observation:
    days, weeks, months, years = (int(arguments.get(unit, 0)) for unit in ("days", "weeks", "months", "years"))
    try:
        monthly = shift(day, months=12 * years + months)
        result = shift(monthly, days=days + 7 * weeks)
    except OverflowError:
        raise Refused("out_of_range", "The result leaves the years 0001 to 9999.") from None
    cut = monthly.day != day.day
    note = f"The month of {monthly} has no day {day.day}: its last day is taken." if cut else ""
    return _found(date=str(day), result=str(result), weekday=WEEKDAYS[result.weekday()], note=note)


def _elapsed(told: str, other: str, zone: str) -> Observation:
    start, end = _time(told, zone), _time(other, zone)
    seconds = end - start
    text = f"{'-' if seconds < timedelta(0) else ''}{abs(seconds)}"
    return _found(date=told, other=other, zone=zone, seconds=_seconds(seconds), elapsed=text)


def _seconds(span: timedelta) -> int | float:
    return span.total_seconds() if span.microseconds else span.days * DAY + span.seconds


def _time(told: str, zone: str) -> datetime:
    text = plain(told).strip()
    match = _ISO_TIME.fullmatch(text)
    day = _date(match[1] if match else text)
    try:
        at = datetime.fromisoformat(text) if match else datetime.combine(day, datetime.min.time())
        if at.tzinfo:
            return at.astimezone(UTC)
    except ValueError:
        raise Refused("invalid_time", f"There is no such time: {text}.") from None
    except OverflowError:
        raise Refused("out_of_range", "In UTC this time leaves the years 0001 to 9999.") from None
    if not zone:
        raise Refused("missing_zone", "Local times need `zone`, such as Europe/Berlin, or an offset: 01:30-05:00.")
    return _instant(at, zone)


def _instant(at: datetime, zone: str) -> datetime:
    """The instant of a local time; refused where clocks skip it or show it twice, as it is then none or two."""
    place = _zone(zone)
    if place is None:
        raise Refused("unknown_zone", f"`{zone}` is no IANA zone known here; write one such as America/New_York.")
    early, late = at.replace(tzinfo=place, fold=0), at.replace(tzinfo=place, fold=1)
    try:
        instant, second = early.astimezone(UTC), late.astimezone(UTC)
        back = instant.astimezone(place).replace(tzinfo=None)
    except OverflowError:
        raise Refused("out_of_range", "In UTC this time leaves the years 0001 to 9999.") from None
    if back != at:
        raise Refused("nonexistent_time", f"Clocks in {zone} skip {at}: they go on to {back}.")
    if instant != second:
        offsets = f"{early:%z} or {late:%z}"
        raise Refused("ambiguous_time", f"Clocks in {zone} show {at} twice: write its offset, {offsets}, behind it.")
    return instant


def _passed(start: datetime, end: datetime, zone: str) -> timedelta:
    """How long it is from one local time to another."""
    return _instant(end, zone) - _instant(start, zone)


@cache
def _zone(name: str) -> Any:
    """The zone of an IANA name, None for none."""
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name) if "/" in name or name == "UTC" else None
    except (OSError, ValueError, KeyError):  # what zoneinfo raises for unknown, absolute and odd names
        return None


@cache
def _zone_data() -> str:
    """Where the zones' data comes from: the version that the system names, else that of the package."""
    import zoneinfo
    from importlib import metadata
    from pathlib import Path

    for folder in zoneinfo.TZPATH:
        listed = Path(folder) / "tzdata.zi"
        if listed.is_file():
            with listed.open(encoding="utf-8") as lines:
                return lines.readline().strip("# \n")
    try:
        return f"tzdata {metadata.version('tzdata')}"
    except metadata.PackageNotFoundError:
        return ""


def _holidays_version() -> str:
    from importlib import metadata

    try:
        return f"holidays {metadata.version('holidays')}"
    except metadata.PackageNotFoundError:
        return ""


def _business_days(day: date, other: date, country: str) -> Observation:
    """Count Monday to Friday from the earlier date on, without the later; public holidays of a named country only."""
    sign, (first, last) = (1, (day, other)) if day <= other else (-1, (other, day))
    weeks, rest = divmod((last - first).days, 7)
    count = 5 * weeks + sum((first + timedelta(n)).weekday() < 5 for n in range(rest))
    off: list[str] = []
    if country:
        try:
            import holidays
        except ImportError:
            return Observation(
                "unavailable",
                None,
                "no_holidays",
                "Public holidays need the package `holidays`, which is not installed.",
            )
        if last.year - first.year > _MOST_YEARS:
            raise Refused("out_of_range", f"Public holidays are looked up for {_MOST_YEARS} years at most.")
        land, _, part = country.upper().partition("-")
        try:
            listed = holidays.country_holidays(land, subdiv=part or None, years=range(first.year, last.year + 1))
        except NotImplementedError:
            raise Refused("unknown_country", f"No holidays are known for `{country}`; write DE, US or DE-BY.") from None
        off = [str(free) for free in sorted(listed) if first <= free < last and free.weekday() < 5]
    note = "The later date is not counted." + ("" if country else " Public holidays count as working days.")
    total = sign * (count - len(off))
    return _found(date=str(day), other=str(other), business_days=total, country=country, holidays=off, note=note)

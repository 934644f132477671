"""How much is it in another unit, exactly? A table of its own, dimensions checked, no unit guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from functools import cache
from typing import Any

from ...text.quantities import quantities
from ...text.stated import stance
from .arithmetic import Worked, work_out
from .base import Case, Finding, Observation, Refused, Tool
from .calculator import borne_out, observed, turned
from .numbers import Number, kept, too_large

_LONGEST = 80  # characters of a unit
_POWER = 9  # the greatest exponent of a unit

# name | other names | value in base units | dimension: m, kg, s, K, bit
_TABLE = """
metre | m meter meters metres | 1 | m
kilometre | km Km KM kilometer kilometers kilometres | 1000 | m
centimetre | cm centimeter centimeters centimetres | 1/100 | m
millimetre | mm millimeter millimeters millimetres | 1/1000 | m
micrometre | um µm μm micrometer micrometers micrometres micron microns | 1/1000000 | m
nanometre | nm nanometer nanometers nanometres | 1/1000000000 | m
inch | in inches | 0.0254 | m
foot | ft feet | 0.3048 | m
yard | yd yards | 0.9144 | m
mile | mi miles | 1609.344 | m
nautical_mile | nmi nautical_miles | 1852 | m
fathom | fathoms | 1.8288 | m
furlong | furlongs | 201.168 | m
astronomical_unit | au astronomical_units | 149597870700 | m
light_year | ly light_years lightyear lightyears | 9460730472580800 | m
hectare | ha hectares | 10000 | m2
are | ares | 100 | m2
acre | acres | 4046.8564224 | m2
litre | l L liter liters litres | 1/1000 | m3
millilitre | ml mL ML milliliter milliliters millilitres | 1/1000000 | m3
centilitre | cl cL centiliter centiliters centilitres | 1/100000 | m3
us_gallon | us_gallons us_gal | 0.003785411784 | m3
imperial_gallon | imperial_gallons uk_gallon uk_gallons imp_gal | 0.00454609 | m3
us_quart | us_quarts us_qt | 0.000946352946 | m3
imperial_quart | imperial_quarts uk_quart | 0.0011365225 | m3
us_pint | us_pints us_pt | 0.000473176473 | m3
imperial_pint | imperial_pints uk_pint uk_pints | 0.00056826125 | m3
us_cup | us_cups | 0.0002365882365 | m3
metric_cup | metric_cups | 1/4000 | m3
us_fluid_ounce | us_fluid_ounces us_fl_oz | 0.0000295735295625 | m3
imperial_fluid_ounce | imperial_fluid_ounces uk_fluid_ounce imp_fl_oz | 0.0000284130625 | m3
us_tablespoon | us_tablespoons us_tbsp | 0.00001478676478125 | m3
metric_tablespoon | metric_tablespoons | 0.000015 | m3
us_teaspoon | us_teaspoons us_tsp | 0.00000492892159375 | m3
metric_teaspoon | metric_teaspoons | 0.000005 | m3
oil_barrel | oil_barrels | 0.158987294928 | m3
kilogram | kg Kg KG kilograms kilogramme kilogrammes kilo kilos | 1 | kg
gram | g grams gramme grammes | 1/1000 | kg
milligram | mg milligrams | 1/1000000 | kg
microgram | ug µg μg micrograms | 1/1000000000 | kg
tonne | t tonnes metric_ton metric_tons | 1000 | kg
pound | lb lbs pounds | 0.45359237 | kg
avoirdupois_ounce | avoirdupois_ounces oz_av | 0.028349523125 | kg
troy_ounce | troy_ounces ozt oz_t | 0.0311034768 | kg
stone | stones st | 6.35029318 | kg
short_ton | short_tons us_ton us_tons | 907.18474 | kg
long_ton | long_tons imperial_ton | 1016.0469088 | kg
carat | carats ct | 0.0002 | kg
second | s sec secs seconds | 1 | s
millisecond | ms milliseconds | 1/1000 | s
minute | min mins minutes | 60 | s
hour | h hr hrs hours | 3600 | s
day | d days | 86400 | s
week | weeks | 604800 | s
fortnight | fortnights | 1209600 | s
common_year | common_years | 31536000 | s
julian_year | julian_years | 31557600 | s
knot | kn knots kt | 1852/3600 | m s-1
miles_per_hour | mph | 0.44704 | m s-1
kilometres_per_hour | kph kmh kilometers_per_hour | 5/18 | m s-1
newton | N newtons | 1 | kg m s-2
pascal | Pa pascals | 1 | kg m-1 s-2
hectopascal | hPa hectopascals | 100 | kg m-1 s-2
kilopascal | kPa kilopascals | 1000 | kg m-1 s-2
bar | bars | 100000 | kg m-1 s-2
millibar | mbar millibars | 100 | kg m-1 s-2
atmosphere | atm atmospheres | 101325 | kg m-1 s-2
torr | Torr | 101325/760 | kg m-1 s-2
psi | | 4448221615260500/645160000000 | kg m-1 s-2
joule | J joules | 1 | kg m2 s-2
kilojoule | kJ kilojoules | 1000 | kg m2 s-2
megajoule | MJ megajoules | 1000000 | kg m2 s-2
small_calorie | small_calories gram_calorie | 4.184 | kg m2 s-2
kilocalorie | kcal kilocalories food_calorie food_calories | 4184 | kg m2 s-2
watt_hour | Wh watt_hours | 3600 | kg m2 s-2
kilowatt_hour | kWh kilowatt_hours | 3600000 | kg m2 s-2
watt | W watts | 1 | kg m2 s-3
kilowatt | kW kilowatts | 1000 | kg m2 s-3
megawatt | MW megawatts | 1000000 | kg m2 s-3
metric_horsepower | PS | 735.49875 | kg m2 s-3
mechanical_horsepower | imperial_horsepower | 745.69987158227022 | kg m2 s-3
hertz | Hz | 1 | s-1
kilohertz | kHz | 1000 | s-1
megahertz | MHz | 1000000 | s-1
gigahertz | GHz | 1000000000 | s-1
bit | bits | 1 | bit
byte | B bytes | 8 | bit
kilobyte | kB kilobytes | 8000 | bit
megabyte | MB megabytes | 8000000 | bit
gigabyte | GB gigabytes | 8000000000 | bit
terabyte | TB terabytes | 8000000000000 | bit
kibibyte | KiB kibibytes | 8192 | bit
mebibyte | MiB mebibytes | 8388608 | bit
gibibyte | GiB gibibytes | 8589934592 | bit
tebibyte | TiB tebibytes | 8796093022208 | bit
kelvin | K kelvins | 1 | K
celsius | C °C degC degrees_celsius degree_celsius degrees_C deg_C centigrade | 1 | K
fahrenheit | F °F degF degrees_fahrenheit degree_fahrenheit degrees_F deg_F | 5/9 | K
rankine | °R degR | 5/9 | K
"""
_ZERO = {"celsius": Fraction("273.15"), "fahrenheit": Fraction("459.67") * Fraction(5, 9)}  # in kelvins
_AMBIGUOUS = {
    "gallon gallons gal": "us_gallon or imperial_gallon",
    "quart quarts qt": "us_quart or imperial_quart",
    "pint pints pt": "us_pint or imperial_pint",
    "cup cups": "us_cup or metric_cup",
    "ounce ounces oz": "avoirdupois_ounce, troy_ounce, us_fluid_ounce or imperial_fluid_ounce",
    "fluid_ounce fluid_ounces fl_oz floz": "us_fluid_ounce or imperial_fluid_ounce",
    "tablespoon tablespoons tbsp": "us_tablespoon or metric_tablespoon",
    "teaspoon teaspoons tsp": "us_teaspoon or metric_teaspoon",
    "ton tons": "tonne, short_ton or long_ton",
    "calorie calories cal": "small_calorie (4.184 J) or kilocalorie, which food calls a calorie",
    "horsepower hp": "metric_horsepower or mechanical_horsepower",
    "barrel barrels bbl": "oil_barrel (the only barrel that is known here)",
    "year years yr yrs": "common_year (365 days) or julian_year (365.25 days)",
    "degree degrees deg": "degC or degF",
    "kb": "kB (bytes), or kilobits as 1000*bit",
    "mb gb tb": "MB, GB, TB (bytes), or bits as 1000000*bit",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit.

    Attributes:
        name: as it is written in results.
        factor: how much of the base units (m, kg, s, K, bit) it is.
        dimension: exponents by base unit, sorted, none of them 0.
        zero: where its 0 lies, in kelvins; 0 for all but temperatures.
    """

    name: str
    factor: Fraction
    dimension: tuple[tuple[str, int], ...]
    zero: Fraction = Fraction(0)


@cache
def _known() -> dict[str, Unit]:
    known: dict[str, Unit] = {}
    for line in _TABLE.strip().splitlines():
        name, others, factor, dimension = (part.strip() for part in line.split("|"))
        named = re.findall(r"([A-Za-z]+)(-?[0-9]*)", dimension)
        powers = tuple(sorted((base, int(power or 1)) for base, power in named))
        above, _, below = factor.partition("/")
        unit = Unit(name, Fraction(above) / Fraction(below or 1), powers, _ZERO.get(name, Fraction(0)))
        known |= dict.fromkeys([name, *others.split()], unit)
    return known


@cache
def _ambiguous() -> dict[str, str]:
    return {name: ways for names, ways in _AMBIGUOUS.items() for name in names.split()}


def unit_named(name: str) -> Unit:
    """The unit of a name, with blanks or underscores, in any case where that does not matter.

    Raises:
        Refused: `ambiguous_unit` with the names to use, `unknown_unit`.
    """
    plain = re.sub(r"[\s_]+", "_", name.strip().rstrip(".").replace("U.S.", "us"))
    known = _known()
    if plain in known:
        return known[plain]
    small = plain.lower()
    if small in _ambiguous():
        raise Refused("ambiguous_unit", f"{plain[:40]!r} is more than one unit. Write {_ambiguous()[small]}.")
    fitting = {unit.name: unit for alias, unit in known.items() if alias.lower() == small and len(small) > 2}  # Mm, mm
    if len(fitting) == 1:
        return next(iter(fitting.values()))
    if fitting:
        raise Refused("ambiguous_unit", f"{plain[:40]!r} is more than one unit. Write {' or '.join(sorted(fitting))}.")
    near = get_close_matches(small[:40], known, n=1)
    raise Refused(
        "unknown_unit", f"There is no unit {plain[:40]!r} here." + (f" Did you mean {near[0]!r}?" if near else "")
    )


_PART = re.compile(
    r"\s*(?P<name>[A-Za-zµμ°][A-Za-zµμ_ .]*)(?:(?:\^|\*\*)\s?\(?(?P<power>-?[0-9]{1,3})\)?|(?P<high>[²³]))?\s*"
)


def unit_of(written: str) -> Unit:
    """A unit, or a product and quotient of units: `km/h`, `kg*m/s^2`, `m²`, `miles per hour`.

    Raises:
        Refused: `syntax`, `too_large` (an exponent above 9), `ambiguous_unit`, `unknown_unit`, and `domain` for a
            temperature scale in a product.
    """
    if len(written) > _LONGEST:
        raise Refused("too_long", f"A unit has at most {_LONGEST} characters.")
    text = re.sub(r"\bper\b", "/", written.replace("·", "*").replace("⋅", "*").replace("−", "-")).strip()
    text = re.sub(r"^(?:square|sq\.?) (\w{1,30})$", r"\1^2", re.sub(r"^(?:cubic|cu\.?) (\w{1,30})$", r"\1^3", text))
    try:
        return unit_named(text)
    except Refused as refused:
        if refused.reason == "ambiguous_unit" or re.fullmatch(r"[A-Za-z_ ]+", text):
            raise
    at, sign, parts = 0, 1, list[tuple[Unit, int]]()
    while True:
        match = _PART.match(text, at)
        if match is None:
            raise Refused("syntax", f"{written[:40]!r} is not a unit: write `km/h`, `m^2`, `kg*m/s^2`.")
        power = int(match["power"] or {"²": 2, "³": 3}.get(match["high"] or "", 1))
        if abs(power) > _POWER:
            raise too_large(f"An exponent of a unit is at most {_POWER}.")
        parts.append((unit_named(match["name"]), sign * power))
        at = match.end()
        if at == len(text):
            break
        if text[at] not in "*/" or text[at : at + 2] == "**":
            raise Refused("syntax", f"{written[:40]!r} is not a unit: each has one exponent at most.")
        sign, at = (-1 if text[at] == "/" else 1), at + 1
    return _together(parts)


def _together(parts: list[tuple[Unit, int]]) -> Unit:
    if len(parts) > 1 or parts[0][1] != 1:
        if any(unit.zero for unit, _ in parts):
            raise Refused("domain", "A scale whose 0 is not nothing (degC, degF) stands alone; write K in products.")
    else:
        return parts[0][0]
    factor, powers = Fraction(1), dict[str, int]()
    for unit, power in parts:
        factor *= unit.factor**power
        for base, one in unit.dimension:
            powers[base] = powers.get(base, 0) + one * power
    name = "*".join(unit.name if power == 1 else f"{unit.name}^{power}" for unit, power in parts)
    return Unit(name, factor, tuple(sorted((base, power) for base, power in powers.items() if power)))


def convert(value: str, source: str, target: str, locale: str = "") -> tuple[Worked, Unit]:
    """A value in another unit, exactly, and that unit.

    Args:
        value: a number or an expression as the calculator takes it.
        source: the unit that it is in.
        target: the unit that is asked for.
        locale: how numbers are written.

    Raises:
        Refused: `dimension` where the two measure different things; as `unit_of` and `work_out` do.
    """
    worked, given, wanted = work_out(value, locale), unit_of(source), unit_of(target)
    if given.dimension != wanted.dimension:
        raise Refused("dimension", f"{given.name} and {wanted.name} do not measure the same.")
    base = worked.number.value * given.factor + given.zero
    if given.dimension == (("K", 1),) and base < 0:
        raise Refused("domain", "There is no temperature below 0 K.")
    return Worked(kept((base - wanted.zero) / wanted.factor, worked.number.inexact), worked.notes), wanted


class Units(Tool):
    """Converts between units, and checks answers to questions that ask for one conversion."""

    name = "units"
    version = "1"
    description = (
        "Converts a value between units exactly: lengths, areas, volumes, masses, times, speeds, pressures, energies, "
        "powers, data, temperatures. Units that differ by country (gallon, pint, ton, ounce) need their full name, "
        "such as us_gallon."
    )
    parameters = {
        "type": "object",
        "properties": {
            "value": {"type": "string", "description": "A number, or an expression such as 5*12."},
            "from": {"type": "string", "description": "The unit of the value, such as mi, degF, km/h, m^2."},
            "to": {"type": "string", "description": "The unit that is asked for."},
        },
        "required": ["value", "from", "to"],
        "additionalProperties": False,
    }

    async def run(self, arguments: Mapping[str, Any], case: Case) -> Observation:
        """Convert.

        Raises:
            Refused: as `convert` does.
        """
        worked, unit = convert(str(arguments["value"]), str(arguments["from"]), str(arguments["to"]), case.locale)
        return observed(worked, unit=unit.name)

    def applies(self, case: Case) -> bool:
        """Whether the question asks how much of one unit something in another is."""
        return asked(case.question, case.locale) is not None

    def bearing(self, arguments: Mapping[str, Any], observation: Observation, case: Case) -> list[Finding]:
        """Which responses give as their answer what the model had converted."""
        return borne_out(self.name, str(arguments["value"]), observation, case)

    def counterfactual(self, arguments: Mapping[str, Any], observation: Observation, case: Case) -> Any:
        """The number that another response gives as its answer."""
        return turned(observation, case)

    async def check(self, case: Case) -> list[Finding]:
        """Check each response's answer, where the question asks for one conversion."""
        conversion = asked(case.question, case.locale)
        if conversion is None:
            return []
        number, wanted, said = conversion
        given = [quantity.value for quantity in quantities(case.question, case.locale)]
        return list(_answered(case, number, said, given, _words_for(wanted)))


def _answered(case: Case, number: Number, said: str, given: list[Fraction], words: frozenset[str]) -> Iterator[Finding]:
    for name, text in case.responses.items():
        stated = stance(text, number.value, case.locale, given=given, units=words)
        if stated != "silent":
            yield Finding(name, text[:200], stated == "agrees", said, Units.name, final=True)


def _words_for(unit: Unit) -> frozenset[str]:
    """What may stand behind a number in this unit, in small letters."""
    return frozenset(alias.lower().replace("_", " ") for alias, known in _known().items() if known.name == unit.name)


_NUMBER = r"(?P<value>[-−]?[0-9][0-9.,]*(?:/[0-9]+)?|an?|one)"
_UNIT = r"[A-Za-zµ°][A-Za-zµ°_ ]{0,30}?(?:[²³]|\^[23])?(?:\s?/\s?[A-Za-z]{1,12})?"
_END = r"(?:\s*\(?exact(?:ly)?\)?)?\s*[?.!]*\s*$"
_QUESTIONS = tuple(
    re.compile(rf"(?i)^\W*{pattern}{_END}")
    for pattern in (
        rf"(?:please\s+)?convert\s+{_NUMBER}\s?(?P<from>{_UNIT})\s+(?:to|into|in)\s+(?P<to>{_UNIT})",
        rf"how many\s+(?P<to>{_UNIT})\s+(?:is|are|are in|are there in|in|make|equal)\s+{_NUMBER}\s?(?P<from>{_UNIT})",
        rf"(?:what is|what's|how much is)\s+{_NUMBER}\s?(?P<from>{_UNIT})\s+(?:in|to|into|as)\s+(?P<to>{_UNIT})",
    )
)


def asked(question: str, locale: str = "") -> tuple[Number, Unit, str] | None:
    """What a question's one conversion comes to, its unit, and both in words; None where it is no such question."""
    for pattern in _QUESTIONS:
        match = pattern.match(question.strip()[:300])
        if match is None:
            continue
        value = "1" if match["value"].lower() in ("a", "an", "one") else match["value"]
        try:
            worked, unit = convert(value, match["from"], match["to"], locale)
        except Refused:
            return None
        return worked.number, unit, f"{value} {match['from'].strip()} = {worked.number.decimal} {unit.name}"
    return None

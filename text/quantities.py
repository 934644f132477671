"""Which numbers does a text name, exactly, and to which precision are they written?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

_LONGEST = 400  # digits of a number; longer runs are no numbers

_ENGLISH = re.compile(r"(?:[1-9][0-9]{0,2}(?:,[0-9]{3})++|[0-9]++)?(?:\.[0-9]++)?")
_GERMAN = re.compile(r"(?:[1-9][0-9]{0,2}(?:\.[0-9]{3})++|[0-9]++)?(?:,[0-9]++)?")

_ONES = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen".split()
    )
}
_TENS = {
    word: 10 * value for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
_SCALES = {
    "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12,
}  # fmt: skip
_PARTS = {
    word: Fraction(1, value)
    for value, words in enumerate(
        ["half halves", "third thirds", "quarter quarters fourth fourths", "fifth fifths", "sixth sixths",
         "seventh sevenths", "eighth eighths", "ninth ninths", "tenth tenths"], 2)
    for word in words.split()
}  # fmt: skip
_VULGAR = {
    "½": Fraction(1, 2), "⅓": Fraction(1, 3), "⅔": Fraction(2, 3), "¼": Fraction(1, 4), "¾": Fraction(3, 4),
    "⅕": Fraction(1, 5), "⅖": Fraction(2, 5), "⅗": Fraction(3, 5), "⅘": Fraction(4, 5), "⅙": Fraction(1, 6),
    "⅚": Fraction(5, 6), "⅛": Fraction(1, 8), "⅜": Fraction(3, 8), "⅝": Fraction(5, 8), "⅞": Fraction(7, 8),
}  # fmt: skip

CURRENCY = "$€£¥₹"
_WORDED = "|".join([*_ONES, *_TENS])
_QUANTITY = re.compile(
    r"(?P<date>(?<![\w.,])[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]++)?(?![\w-])|(?<![\w.,])[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?![\w:])"
    r"|(?<![\w.,/])[0-9]{1,2}/[0-9]{1,2}/[0-9]{2,4}(?![\w/]))"
    r"|(?<![\w.,])(?P<number>(?P<sign>(?<![\w)%\]])[-+\u2212])?"
    rf"(?P<currency>(?:US)?[{CURRENCY}] ?)?(?P<inner>[-\u2212](?=[0-9.]))?"
    r"(?P<numeral>[0-9][0-9.,]*+|\.[0-9]++)"
    r"(?P<vulgar> ?[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])?"
    r"(?P<mixed> [0-9]{1,4}/[0-9]{1,4}(?![\w/.]))?"
    r"(?P<slash>/[0-9]{1,12}(?![\w/]|[.,][0-9]))?"
    r"(?P<power>(?: ?[x×*·] ?10(?:\^|\*\*)[{(]?[-+\u2212]?[0-9]{1,3}[)}]?)|[eE][-+]?[0-9]{1,3}(?!\w))?)"
    r"|(?P<alone>(?<![\w.,])[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])"
    r"|(?P<worded>(?<![\w.,'’-])(?i:minus |negative )?"
    rf"(?i:{_WORDED}|half|a (?:half|dozen|hundred|thousand|million))(?![\w'’]))"
)
_NEXT_WORD = re.compile(r"[ -](?:and )?([A-Za-z]+)(?![\w'’])")
_ORDINAL = re.compile(r"(?:st|nd|rd|th)(?![a-zA-Z])")
_SCALE = re.compile(r"\s?(hundred|thousand|million|billion|trillion)(?![a-zA-Z])", re.IGNORECASE)
_PERCENT = re.compile(r"\s?(?:\\?%|percent(?:age points?)?\b|per cent\b)", re.IGNORECASE)
_UNIT = re.compile(r"[ \u00a0-]?(°\s?[A-Za-z]|[A-Za-zµΩ]+(?:/[A-Za-z]+)?[²³]?|[€£¥₹])")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number that a text names.

    Attributes:
        start: where it begins in the text, its sign and currency included.
        end: where it ends, its percent sign included, its unit not.
        value: the number as it is written: of `15%` it is 15, of `33 1/3%` it is 100/3.
        readings: all values that it may have: one, or two where nobody said what its comma means, as in `1,234`.
        step: what one more in its last digit would be: 1/100 for `12.69`, 1 for `50`, 0 for words and fractions.
        percent: whether it is a percentage.
        unit: the currency before it, or the word or sign behind it; '' for none.
        worded: whether it is written in words.
    """

    start: int
    end: int
    value: Fraction
    readings: tuple[Fraction, ...]
    step: Fraction
    percent: bool = False
    unit: str = ""
    worded: bool = False

    @property
    def sure(self) -> bool:
        """Whether it can be read in one way only."""
        return len(self.readings) == 1


def read(numeral: str, locale: str) -> Fraction | None:
    """The value of digits with groups and decimals as `en` (1,234.5) or `de` (1.234,5) has them; None if it has none.

    >>> read("1.234,5", "de"), read("1,234", "en"), read("1,234", "de"), read("1,23,4", "en")
    (Fraction(2469, 2), Fraction(1234, 1), Fraction(617, 500), None)
    """
    german = locale == "de"
    if not numeral or len(numeral) > _LONGEST or not (_GERMAN if german else _ENGLISH).fullmatch(numeral):
        return None
    group, point = (".", ",") if german else (",", ".")
    return Fraction(numeral.replace(group, "").replace(point, "."))


def readings(numeral: str, locale: str = "") -> tuple[Fraction, ...]:
    """All values that a numeral may have, the likelier first; without a locale `1,234`, `1.234` and `1,5` have two.

    The second of `1,5` is 5: it may be a list.

    >>> [str(value) for numeral in ("1,234", "1.234", "1,5", "1,234.5", "0,125") for value in readings(numeral)]
    ['1234', '617/500', '617/500', '1234', '3/2', '5', '2469/2', '1/8', '125']
    """
    if locale:
        found = read(numeral, locale)
        return () if found is None else (found,)
    english, german = read(numeral, "en"), read(numeral, "de")
    if english is None and german is not None and "." not in numeral:
        last = read(numeral.rpartition(",")[2], "en")
        return (german,) if last is None else (german, last)
    return tuple(dict.fromkeys(value for value in (english, german) if value is not None))


def quantities(text: str, locale: str = "") -> list[Quantity]:
    """All numbers of a text in their order. Dates, times, ordinals, versions and parts of names are none.

    Args:
        text: any; the time taken is linear in its length.
        locale: `en`, `de` or '' where nobody said.

    >>> [str(q.value) for q in quantities("-33 1/3% of $1,234,567 is not 12.50, on 2024-02-29")]
    ['-100/3', '1234567', '25/2']
    """
    return list(_found(text, locale))


def _found(text: str, locale: str) -> Iterator[Quantity]:
    at = 0
    while match := _QUANTITY.search(text, at):
        at = max(match.end(), match.start() + 1)
        if match["date"]:
            continue
        if match["number"]:
            quantity = _digits(text, match, locale)
        elif match["alone"]:
            quantity = _behind(text, match.start(), match.end(), (_VULGAR[match.group()],), Fraction(0))
        else:
            quantity = _words(text, match)
        if quantity is not None:
            at = max(at, quantity.end)
            yield quantity


def _digits(text: str, match: re.Match[str], locale: str) -> Quantity | None:
    numeral = match["numeral"].rstrip(".,")
    cut = len(match["numeral"]) - len(numeral)
    end = match.end("numeral") - cut
    values = readings(numeral, locale)
    if not values or match["sign"] and match["inner"]:
        return None
    comma = locale == "de" or (not locale and "," in numeral and read(numeral, "en") is None)
    point = "," if comma else "."
    exact, step = (
        False,
        Fraction(1, 10 ** (len(numeral) - 1 - numeral.rindex(point))) if point in numeral else Fraction(1),
    )
    if not cut:
        vulgar, mixed, slash = match["vulgar"], match["mixed"], match["slash"]
        if vulgar:
            values, exact, end = tuple(value + _VULGAR[vulgar.strip()] for value in values), True, match.end("vulgar")
        elif mixed or slash:
            above, _, below = (mixed or slash).strip().rpartition("/")
            if not int(below):
                return None
            if not mixed:
                values, exact, end = tuple(value / int(below) for value in values), True, match.end("slash")
            elif int(above) < int(below):
                values, exact, end = (
                    tuple(v + Fraction(int(above), int(below)) for v in values),
                    True,
                    match.end("mixed"),
                )
        if match["power"] and end == match.start("power"):
            shift = Fraction(10) ** int(re.findall(r"[-+\u2212]?[0-9]+", match["power"])[-1].replace("\u2212", "-"))
            values, step, end = tuple(value * shift for value in values), step * shift, match.end("power")
    if _ORDINAL.match(text, end) or text[end : end + 1] == "_":
        return None
    if text[end : end + 1] == "/" and text[end + 1 : end + 2].isdigit():  # 01/02/2024
        return None
    negative = (match["sign"] or match["inner"] or "+") in "-\u2212"
    values = tuple(-value for value in values) if negative else values
    currency = (match["currency"] or "").strip()
    return _behind(text, match.start(), end, values, Fraction(0) if exact else step, currency)


def _words(text: str, match: re.Match[str]) -> Quantity | None:
    """Number words in a row: `two hundred and five`, `twenty-five`, `two thirds`, `one and a half`."""
    word = match["worded"].lower()
    negative = word.startswith(("minus ", "negative "))
    word = word.removeprefix("minus ").removeprefix("negative ").removeprefix("a ")
    start, end = match.start(), match.end()
    if word in _PARTS:
        return _behind(text, start, end, (_PARTS[word] * (-1 if negative else 1),), Fraction(0), worded=True)
    total, part = Fraction(0), Fraction(_ONES.get(word, _TENS.get(word, 1)))
    if word in _SCALES:
        part = Fraction(_SCALES[word])
    tens, last = word in _TENS, word
    for _ in range(12):
        then = _NEXT_WORD.match(text, end)
        said = then[1].lower() if then else ""
        half = re.compile(r" and a (half|third|quarter)(?!\w)").match(text, end)
        if half:
            part, end = part + _PARTS[half[1]], half.end()
            break
        if then is None or (said in _ONES and _ONES[said] == 0):
            break
        scaled = last in ("hundred", "thousand", "million", "billion", "trillion")
        if said in _PARTS and not scaled and (said.endswith("s") or part == 1) and " and" not in then.group():
            part, end = part * _PARTS[said], then.end()
            break
        if said in _ONES and ((tens and _ONES[said] < 10 and " and" not in then.group()) or scaled):
            part, tens = part + _ONES[said], False
        elif said in _TENS and scaled:
            part, tens = part + _TENS[said], True
        elif said in _SCALES and said != "dozen" and " and" not in then.group():
            scale = _SCALES[said]
            part, tens = part * scale, False
            if scale > 100:
                total, part = total + part, Fraction(0)
        else:
            break
        end, last = then.end(), said
    value = total + part
    return _behind(text, start, end, (-value if negative else value,), Fraction(0), worded=True)


def _behind(
    text: str, start: int, end: int, values: tuple[Fraction, ...], step: Fraction, unit: str = "", worded: bool = False
) -> Quantity:
    """Add what stands behind the number: a scale, a percent sign, a unit."""
    scale = None if worded else _SCALE.match(text, end)
    if scale:
        factor = _SCALES[scale[1].lower()]
        values, step, end = tuple(value * factor for value in values), step * factor, scale.end()
    percent = _PERCENT.match(text, end)
    if percent:
        end = percent.end()
    elif not unit and (named := _UNIT.match(text, end)):
        unit = named[1]
    return Quantity(start, end, values[0], values, step, percent is not None, unit, worded)


def agrees_with(exact: Fraction, quantity: Quantity, *, loosely: bool = False) -> bool:
    """Whether a written number is the exact one to its own precision: rounded to it (a half either way), or cut at it.

    Only numbers with decimals may be rounded; an integer is one, unless `loosely`: then it may also be rounded up or
    down, and its last zeros say nothing. A percentage is a hundredth, or the number itself. The last digits of a number
    with as many as a computer's floating point prints are not looked at.

    Args:
        exact: what is right.
        quantity: what is written.
        loosely: whether the text says that it rounds.
    """
    values = [(quantity.value, quantity.step)]
    values += [(value, Fraction(1, 1000) if value.denominator > 1 else Fraction(1)) for value in quantity.readings[1:]]
    shares = [(value / 100, step / 100) for value, step in values] if quantity.percent else []
    return any(
        _near(exact, value, step, integer=quantity.step == 1, loosely=loosely) for value, step in values + shares
    )


def _near(exact: Fraction, value: Fraction, step: Fraction, *, integer: bool, loosely: bool) -> bool:
    off = abs(exact - value)
    if not off:
        return True
    if not step:
        return loosely and off <= abs(exact) / 50
    if loosely:
        scale = step
        while integer and value % (10 * scale) == 0 and scale < abs(value):
            scale *= 10
        return off < scale or off <= abs(exact) / 100
    if integer:
        return False
    cut = exact * value > 0 and 0 <= abs(exact) - abs(value) < step
    return off * 2 <= step or cut or (abs(value) >= step * 10**13 and off * 10**13 <= abs(exact))

"""Which equations does a text claim, so that they can be worked out? `$40 x 4 = $160`, `<<40*4=160>>`."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import product

from .equation_tokens import Token, tokens_of
from .quantities import Quantity, quantities, read

_WORDS = 6  # that may stand between a number and the sign behind it


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read an equation.

    Attributes:
        expression: its left side as a calculator takes it.
        value: the number on its right side; None where there is another expression.
        other: the expression on its right side, '' where there is a number.
    """

    expression: str
    value: Quantity | None
    other: str = ""


@dataclass(frozen=True, slots=True)
class Equation:
    """A claim that an expression has a value.

    Attributes:
        start: where it begins in the text.
        end: where it ends.
        said: the claim as it stands there.
        readings: all ways to read it, seldom more than one; it is right if it is right in one of them.
        marked: whether it comes from a calculator mark, `<<40*4=160>>`.
        about: whether the text says that the value is rounded.
        converts: whether its two sides are in different units, so that a factor may be left out: `4 * 25 cents = $1`.
    """

    start: int
    end: int
    said: str
    readings: tuple[Reading, ...]
    marked: bool = False
    about: bool = False
    converts: bool = False


_MARK = re.compile(r"<<([^<>\n]{1,400})>>")
_ABOUT = re.compile(
    r"(?i)\b(?:about|approx\w*|roughly|around|nearly|almost|round\w*|nearest|estimat\w*|ca\.?|truncat\w*)\b|≈"
)
_LEADING = frozenset(
    "about approximately approx approx. roughly around nearly almost exactly a total of only just".split()
)
# Words before an expression that make it part of something else.
_PART_OF = frozenset(
    "twice double triple thrice half quarter third fourth fifth halves quarters thirds fourths fifths tenth tenths "
    "square squared cubed average mean product percent percentage root minus plus times over remainder".split()
)
_JOINS = frozenset("and or to by from than with".split())
_MEASURES = frozenset(
    "km cm mm m mi ft in yd kg g mg lb oz ml cl l hr hour h min minute sec second s day week month year mile meter "
    "metre foot feet inch inche yard kilometer kilometre centimeter centimetre gram kilogram pound ounce gallon liter "
    "litre milliliter quart pint cup cents $".split()
)
_PUNCTUATION = frozenset(",;:.!?\"'“”‘’„…—–|)(/")
_OTHER_BASE = re.compile(
    r"(?i)\bbase[- ]?(?:[2-9]|1[1-9]|two|three|four|five|six|seven|eight|nine|twelve|sixteen)\b"
    r"|\b(?:binary|hexadecimal|octal|mod(?:ulo)?|modular)\b"
)
_QUOTED = re.compile(
    r"(?i)\b(?:incorrect\w*|wrong\w*|mistak\w+|errors?|erroneous\w*|instead of|rather than|false\w*|should be"
    r"|misread\w*)\b"
)
_DENIED = re.compile(r"(?i)\b(?:not|never|isn['’]t|(?:do|does|did)n['’]t)\W+(?:\w+\W+){0,2}$")
_WORKS = re.compile(r"[-+*/^%(×÷](?!$)|[0-9)] ?x ?[0-9(]")
_VARIABLE = re.compile(r"(?<![A-Za-z])[A-Za-wyz](?![A-Za-z])")
_GROUPS = re.compile(r",|^[1-9][0-9]{0,2}\.[0-9]{3}(?![0-9])")
_CENTS = re.compile(r"(?:cents?|pennies|penny|[c¢])$", re.IGNORECASE)


def equations(text: str, locale: str = "") -> list[Equation]:
    """All claims of a text that can be read safely: marks, and equations in its prose. What is in doubt is left out.

    So are sentences that call something wrong, and all prose of a text that speaks of other bases than ten.

    Args:
        text: any; the time taken is linear in its length.
        locale: how numbers are written, `en`, `de`, or '' where nobody said: then `1,234` is read in both ways.

    >>> [e.readings[0].expression for e in equations("She pays $40 x 4 = $160 and 3 hours * 20 = 60 minutes.")]
    ['40*4', '3*20']
    """
    found = [equation for mark in _MARK.finditer(text) for equation in _of_mark(mark, locale)]
    if _OTHER_BASE.search(text):
        return found
    plain = _MARK.sub(lambda mark: " " * len(mark.group()), text)
    at = 0
    for line in plain.split("\n"):
        if "=" in line or "≈" in line or "\\approx" in line:
            marked = [mark.start() - at for mark in _MARK.finditer(text, at, at + len(line))]
            found += _of_line(line, at, locale, marked)
        at += len(line) + 1
    return sorted(found, key=lambda equation: (equation.start, equation.end))


def _of_mark(mark: re.Match[str], locale: str) -> list[Equation]:
    found = []
    sides = [re.sub(r"(?:US)?[$€£¥₹]", "", side).strip() for side in mark[1].split("=")]
    around = mark.string[max(0, mark.start() - 60) : mark.start()] + " | " + mark.string[mark.end() : mark.end() + 30]
    if _QUOTED.search(around):
        return []
    for left, right in zip(sides, sides[1:], strict=False):
        works = re.fullmatch(r"[0-9.]+", left) or _WORKS.search(left.lstrip("-"))
        if not works or _VARIABLE.search(left):
            continue
        values = [q for q in quantities(right, locale) if q.start == 0 and q.end == len(right)]
        left = re.sub(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))", "", left) if locale != "de" else left
        if values or re.fullmatch(r"[-+*/^().0-9 ]+", right):
            reading = Reading(left, values[0] if values else None, "" if values else right)
            found.append(Equation(mark.start(), mark.end(), mark.group(), (reading,), marked=True))
    return found


def _of_line(line: str, offset: int, locale: str, marked: list[int]) -> list[Equation]:
    tokens = tokens_of(line)
    named = {quantity.start: quantity for quantity in quantities(line, locale)}
    found = []
    for index, token in enumerate(tokens):
        if token.kind != "eq":
            continue
        behind = tokens[index + 1] if index + 1 < len(tokens) else None
        until = behind.start if behind else len(line)
        if bisect_right(marked, until) > bisect_left(marked, token.end):
            continue  # the mark says the same, and more clearly
        left = _left(tokens, index)
        if left is None or not any(part.kind == "op" for part in left[1:]):
            continue
        right, numbers, about = _right(tokens, index)
        if right is None:
            continue
        readings: list[Reading] = []
        for expression, (other, alone) in product(
            _written(left, locale), [(e, None) for e in _written(right, locale)] + numbers
        ):
            value = named.get(alone.start) if alone else None
            if alone and (value is None or value.end < alone.end):
                continue
            if value is None and not any(part.kind == "op" for part in right):
                continue
            readings.append(Reading(expression, value, "" if value else other))
        if not readings:
            continue
        end = right[-1].end
        before = line[max(0, left[0].start - 60) : left[0].start]
        if _QUOTED.search(before + " | " + line[end : end + 40]) or _DENIED.search(before) or _mixed(line, left):
            continue
        near = before[-40:] + line[token.start : token.end] + line[end : end + 60]
        rounded = about or bool(_ABOUT.search(near)) or token.text not in ("=", "==")
        said = line[left[0].start : end]
        found.append(
            Equation(
                left[0].start + offset, end + offset, said, tuple(dict.fromkeys(readings)), False, rounded,
                _converts(line, left, right, end),
            )
        )  # fmt: skip
    return found


def _converts(line: str, left: list[Token], right: list[Token], end: int) -> bool:
    """Whether the units behind both sides' numbers differ, cents and dollars for example."""
    units = [_unit(line, token) for token in left if token.kind == "number"]
    result = next((_unit(line, token) for token in right if token.kind == "number"), "")
    return bool(result) and result not in units and any(units)


def _mixed(line: str, left: list[Token]) -> bool:
    """Whether measures of different units are added or subtracted: `2 hours + 30 minutes`."""
    units = {_unit(line, token) for token in left if token.kind == "number"} & _MEASURES
    return len(units) > 1 and any(token.kind == "op" and token.text in "+-" for token in left)


def _unit(line: str, token: Token) -> str:
    if token.money:
        return "$"
    match = re.compile(r" ?([A-Za-z¢]+)").match(line, token.end)
    return "cents" if match and _CENTS.match(match[1]) else match[1].lower().rstrip("s") if match else ""


def _back_over_words(tokens: list[Token], at: int) -> int:
    """The index of what stands before the words (and `/hour`, `(loss)`) that end at `at`."""
    seen = 0
    while at >= 0 and seen <= _WORDS:
        token = tokens[at]
        if token.kind == "word":
            seen += 1
            at -= 1
        elif token.text == "/" and at + 1 < len(tokens) and tokens[at + 1].kind == "word":
            at -= 1
        elif token.kind == "rp" and at >= 2 and tokens[at - 1].kind == "word":
            opening = at - 1
            while opening >= max(0, at - 8) and tokens[opening].kind == "word":
                opening -= 1
            if opening < 0 or tokens[opening].kind != "lp":
                return at
            at = opening - 1
        else:
            return at
    return -1


def _left(tokens: list[Token], eq: int) -> list[Token] | None:
    """The expression that ends before the sign, None where there is none that can be read safely."""
    found: list[Token] = []
    at = _back_over_words(tokens, eq - 1)
    while True:
        operand = _operand_before(tokens, at)
        if operand is None:
            return None
        found[:0] = tokens[operand : at + 1]
        at = operand - 1
        before = tokens[at] if at >= 0 else None
        if before is None or before.kind in ("eq", "lp"):
            break
        if before.kind == "stop":
            if before.text not in _PUNCTUATION:
                return None
            break
        if before.kind in ("number", "rp"):
            adjacent = before.end == found[0].start
            if not (found[0].kind == "lp" and adjacent):
                return None
            found.insert(0, Token("op", "*(", before.end, before.end))
            continue
        if before.kind == "word":
            if _is_part(tokens, at) or before.end == found[0].start:
                return None
            break
        if before.kind != "op":
            return None
        found.insert(0, before)
        further = _back_over_words(tokens, at - 1)
        if before.text == "-" and (at == 0 or tokens[at - 1].kind in ("stop", "eq", "lp", "op")):
            if at and tokens[at - 1].kind == "op":
                found.insert(0, tokens[at - 1])
                further = _back_over_words(tokens, at - 2)
            else:
                break
        at = further
        if at < 0:
            return None
    return found


def _operand_before(tokens: list[Token], at: int) -> int | None:
    """Where the number or the bracket that ends at `at` begins."""
    if at < 0:
        return None
    if tokens[at].kind == "number":
        return at
    if tokens[at].kind != "rp":
        return None
    depth = 0
    for index in range(at, max(-1, at - 80), -1):
        kind = tokens[index].kind
        if kind in ("eq", "bad", "stop"):
            return None
        depth += (kind == "rp") - (kind == "lp")
        if depth == 0:
            return index if _sound(tokens[index : at + 1]) else None
    return None


def _sound(inside: list[Token]) -> bool:
    """Whether a bracket holds numbers and signs in turn, and words only behind numbers."""
    wanted = True
    for index, token in enumerate(inside):
        if token.kind == "number":
            if not wanted:
                return False
            wanted = False
        elif token.kind == "op":
            per = token.text == "/" and index + 1 < len(inside) and inside[index + 1].kind == "word"
            if wanted and token.text != "-" and not per:
                return False
            wanted = wanted if per else True
        elif token.kind == "word" and wanted or token.kind == "lp" and not wanted:
            return False
    return not wanted


def _is_part(tokens: list[Token], at: int) -> bool:
    """Whether the words that end at `at` make the expression behind them part of something else: `half of 3 + 5`."""
    words: list[str] = []
    while at >= 0 and tokens[at].kind == "word" and len(words) < 5:
        words.append(tokens[at].text)
        at -= 1
    direct = [word for word in words if word not in ("of", "the", "a", "by")]
    if direct and direct[0] in _PART_OF and words.index(direct[0]) <= 2:
        return True
    number = at >= 0 and tokens[at].kind in ("number", "rp")
    return bool(words) and words[0] in _JOINS and number and not (at >= 1 and tokens[at - 1].kind == "eq")


def _right(tokens: list[Token], eq: int) -> tuple[list[Token] | None, list[tuple[str, Token | None]], bool]:
    """What begins behind the sign: the expression; its first number, where it may be meant alone; whether it rounds."""
    at, about = eq + 1, False
    while at < len(tokens) and tokens[at].kind == "word" and tokens[at].text in _LEADING:
        about = about or tokens[at].text not in ("exactly", "a", "total", "of", "only", "just")
        at += 1
    found: list[Token] = []
    alone: list[tuple[str, Token | None]] = []
    ends = next((i for i in range(at, len(tokens)) if tokens[i].kind in ("eq", "stop")), len(tokens))
    middle = ends < len(tokens) and tokens[ends].kind == "eq"
    while at < len(tokens):
        if tokens[at].text == "-" and tokens[at].kind == "op":
            found.append(tokens[at])
            at += 1
        closing = _operand_behind(tokens, at)
        if closing is None:
            return None, [], about
        first = len(found) <= 1
        found += tokens[at : closing + 1]
        behind = tokens[closing + 1] if closing + 1 < len(tokens) else None
        called = behind is not None and behind.kind == "lp" and behind.start == tokens[closing].end
        ends_there = behind is None or not called and behind.kind not in ("bad", "number")
        if first and tokens[closing].kind == "number" and ends_there:
            start = found[0] if found[0].kind == "op" else tokens[at]
            alone.append(("", Token("number", "", start.start, tokens[at].end)))
        at = closing + 1
        if behind is not None and behind.kind == "stop" and behind.text not in _PUNCTUATION:
            return None, [], about
        if behind is None or behind.kind in ("stop", "eq", "rp"):
            break
        if behind.kind in ("number", "bad") or called:
            return None, [], about
        words = at
        while words < len(tokens) and (
            tokens[words].kind == "word"
            or tokens[words].text == "/"
            and words + 1 < len(tokens)
            and tokens[words + 1].kind == "word"
        ):
            words += 1
        if words > at and (not middle or words >= len(tokens) or tokens[words].kind != "op"):
            break
        at = words
        if at >= len(tokens) or tokens[at].kind != "op":
            break
        then = tokens[at + 1] if at + 1 < len(tokens) else None
        if tokens[at].text == "-" and (then is None or then.kind == "word"):
            break
        found.append(tokens[at])
        at += 1
    return found or None, alone, about


def _operand_behind(tokens: list[Token], at: int) -> int | None:
    """Where the number or the bracket that begins at `at` ends."""
    if at >= len(tokens):
        return None
    if tokens[at].kind == "number":
        return at
    if tokens[at].kind != "lp":
        return None
    depth = 0
    for index in range(at, min(len(tokens), at + 80)):
        kind = tokens[index].kind
        if kind in ("eq", "bad", "stop"):
            return None
        depth += (kind == "lp") - (kind == "rp")
        if depth == 0:
            return index if _sound(tokens[at : index + 1]) else None
    return None


def _written(parts: list[Token], locale: str) -> list[str]:
    """The expression as a calculator takes it, in each of its readings; nothing where a number cannot be read."""
    found: list[str] = []
    either = any(_GROUPS.search(part.text) for part in parts)
    for language in (locale,) if locale else ("en", "de") if either else ("en",):
        written, divided, per = "", False, False
        for index, part in enumerate(parts):
            text = part.text
            if part.kind == "number":
                mantissa, _, power = text.partition("e")
                value = read(mantissa, language)
                if value is None:
                    written = ""
                    break
                text = f"({value})" if value.denominator != 1 else str(value)
                text = f"({text}*10^{power})" if power else text
                text += "/100" if part.percent else ""
                text = f"({text})" if part.percent else text
            elif part.kind in ("word", "stop", "cash"):
                continue
            elif part.kind == "op":
                per = text == "/" and index + 1 < len(parts) and parts[index + 1].kind == "word"
                if per:
                    continue
                if text == "*(" and divided:
                    written = ""
                    break
                divided = divided or text == "/"
                text = text[0]
            else:
                text = "(" if part.kind == "lp" else ")"
            written += text
        if written:
            found.append(written)
    return list(dict.fromkeys(found + [other for one in found for other in _otherwise(one, parts)]))


def _otherwise(written: str, parts: list[Token]) -> list[str]:
    """Other readings: `6 / 1/2` divides by a half; `100 - 25%` takes a quarter off."""
    found = []
    if (again := re.sub(r"(?<=/)([0-9]+)/([0-9]+)(?![0-9/])", r"(\1/\2)", written)) != written:
        found.append(again)
    last = parts[-1]
    if last.kind == "number" and last.percent and len(parts) >= 3 and parts[-2].text in ("+", "-"):
        share = written.rindex("(")
        found.append(f"({written[: share - 1]})*(1{written[share - 1]}{written[share:]})")
    return found

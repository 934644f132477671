"""What does an arithmetic expression come to, exactly? A reader of its own, with limits; nothing is ever executed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction

from ...text.quantities import read
from . import numbers as n
from .base import Refused
from .numbers import Number

LENGTH = 400  # characters
NODES = 120
DEPTH = 40

_SIGNS = str.maketrans(
    dict.fromkeys("×✕⋅·∙∗", "*")
    | dict.fromkeys("÷∕", "/")
    | dict.fromkeys("−–", "-")
    | dict.fromkeys("\u00a0\u2009\u202f\t\n\r", " ")
)
_TOKEN = re.compile(
    r"(?P<number>(?:[0-9][0-9.,]*[0-9]|[0-9]|\.[0-9]+)(?:[eE][+-]?[0-9]+(?![0-9A-Za-z_]))?)"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*)|(?P<sign>\*\*|//|[-+*/^%!(),;\[\]])"
)
_PLAIN = re.compile(r"(?:[0-9]+(?:\.[0-9]*[0-9])?|\.[0-9]+)(?:[eE][+-]?[0-9]+(?![0-9A-Za-z_]))?")
_GROUPED = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])")
_LEFT = {"+": 10, "-": 10, "*": 20, "/": 20, "//": 20, "%": 20, "of": 20, "mod": 20}  # how closely they bind
_UNARY, _POWER = 25, 30
_WORK: dict[str, Callable[[Number, Number], Number]] = {
    "+": n.add, "-": n.subtract, "*": n.multiply, "/": n.divide, "//": n.floor_divide, "%": n.modulo,
    "of": n.multiply, "mod": n.modulo,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Worked:
    """What an expression comes to, and what a reader should know of the way.

    Attributes:
        number: the value.
        notes: such as `round is half to even`, each once.
    """

    number: Number
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Term:
    """A value on the way; a percentage stays marked until something is done with it."""

    number: Number
    percent: bool = False


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    value: Fraction = Fraction(0)
    before: bool = False  # whether a blank stands before it
    behind: bool = False


def evaluate(expression: str, locale: str = "") -> Number:
    """Work an expression out; see `work_out`."""
    return work_out(expression, locale).number


def work_out(expression: str, locale: str = "") -> Worked:
    """Work an expression out, exactly wherever that is possible.

    Args:
        expression: such as `2*60*40/(60+40)`, `15% of 80`, `mean(3, 4.5)`, `-3**2`; at most 400 characters.
        locale: `en` (1,234.5), `de` (1.234,5); '' reads what can be read in one way only.

    Raises:
        Refused: `too_long`, `too_deep`, `too_large`, `ambiguous_comma`, `ambiguous_percent`, `syntax`, `unknown_name`,
            `division_by_zero`, `domain`.
    """
    if len(expression) > LENGTH:
        raise Refused("too_long", f"An expression has at most {LENGTH} characters; work it out in parts.")
    if locale not in ("", "en", "de"):
        raise Refused("locale", "`locale` is `en` (1,234.5) or `de` (1.234,5).")
    reader = _Reader(_tokens(expression.translate(_SIGNS), locale))
    return Worked(reader.whole(), tuple(dict.fromkeys(reader.notes)))


def _tokens(text: str, locale: str) -> list[_Token]:
    """Cut the text into tokens; inside a function's brackets a comma stands between arguments."""
    found: list[_Token] = []
    calls: list[bool] = []
    at = 0
    while at < len(text):
        if text[at] == " ":
            at += 1
            continue
        match = _TOKEN.match(text, at)
        if match is None:
            raise _unreadable(text[at])
        kind, said = str(match.lastgroup), match.group()
        value = Fraction(0)
        if kind == "number":
            if any(calls) and locale != "de":
                if _GROUPED.match(said):
                    raise _ambiguous(said, "Between arguments write `, ` or `;`, and numbers without groups.")
                plain = _PLAIN.match(text, at)
                if plain is None:
                    raise _malformed(said)
                match, said = plain, plain.group()
            if said == "0" and re.match(r"[xX][0-9A-Fa-f]", text[match.end() : match.end() + 2]):
                raise Refused("syntax", "Numbers are decimal here: 0x... is not read.")
            value = _value(said, locale)
        elif kind == "name" and said in ("x", "X"):
            kind, said = "sign", "*"
        elif kind == "name" and said[0] in "xX" and said[1:].isdigit():  # 3x4
            match = re.compile("[xX]").match(text, at) or match
            kind, said = "sign", "*"
        elif kind == "name" and said.lower() in ("of", "mod"):
            kind, said = "sign", said.lower()
        elif said in "([" and kind == "sign":
            calls.append(bool(found) and found[-1].kind == "name")
        elif said in ")]" and kind == "sign" and calls:
            calls.pop()
        found.append(_Token(kind, said, value, text[at - 1 : at] == " ", text[match.end() : match.end() + 1] == " "))
        at = match.end()
    return found


def _unreadable(sign: str) -> Refused:
    if sign.isdigit() or "\uff01" <= sign <= "\uff5e":
        return Refused("syntax", "Digits and signs are written in ASCII here: 0-9, + - * /.")
    return Refused("syntax", f"Numbers, + - * / // % ^ ! and functions are read, not {sign!r}.")


def _malformed(said: str) -> Refused:
    return Refused("syntax", f"{said[:40]!r} is not a number.")


def _ambiguous(said: str, way_out: str) -> Refused:
    return Refused("ambiguous_comma", f"{said[:40]!r} can be read in two ways. {way_out}")


def _value(said: str, locale: str) -> Fraction:
    """A number's value by the locale, and without one only where there is no other reading."""
    mantissa, _, exponent = said.lower().partition("e")
    if exponent and (len(exponent) > 6 or abs(int(exponent)) > n.EXPONENT):
        raise n.too_large(f"The exponent {exponent[:20]} is too large.")
    english, german = read(mantissa, "en"), read(mantissa, "de")
    if locale:
        value = german if locale == "de" else english
    elif "," not in mantissa:
        value = english
        if value is None and german is not None:
            raise _ambiguous(said, "Give `locale`, or write it without groups.")
    else:
        value = english if german is None else None
        if value is None:
            raise _ambiguous(said, "Give `locale`: `en` has 1,234.5 and `de` has 1.234,5.")
    if value is None:
        raise _malformed(said)
    return n.kept(value * Fraction(10) ** int(exponent or 0), False).value


class _Reader:
    """A reader by precedence, which works out as it reads. It counts what it has read and how deep it is."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens, self.at, self.depth, self.nodes = tokens, 0, 0, 0
        self.notes: list[str] = []

    def whole(self) -> Number:
        """The expression, and nothing behind it."""
        found = self.expression(0)
        if self.at < len(self.tokens):
            raise Refused("syntax", f"There is an operator missing before {self.tokens[self.at].text[:40]!r}.")
        return found.number

    def peek(self) -> str:
        """The sign that comes next, '' for none."""
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        return token.text if token and token.kind == "sign" else ""

    def take(self, sign: str) -> bool:
        """Step over the sign if it comes next."""
        if self.peek() != sign:
            return False
        self.at += 1
        return True

    def need(self, sign: str) -> None:
        """Step over the sign, which must come next."""
        if not self.take(sign):
            raise Refused("syntax", f"There is a {sign!r} missing.")

    def count(self) -> None:
        """Count one more number or operation."""
        self.nodes += 1
        if self.nodes > NODES:
            raise Refused("too_long", f"An expression has at most {NODES} numbers and operations.")

    def expression(self, binds: int) -> _Term:
        """What stands here, up to an operator that binds no closer than `binds`."""
        self.depth += 1
        if self.depth > DEPTH:
            raise Refused("too_deep", f"Brackets, powers and signs are at most {DEPTH} deep.")
        left = self.prefix()
        while True:
            sign = self.peek()
            if sign in ("^", "**") and binds <= _POWER:
                self.at += 1
                self.count()
                left = _Term(n.power(left.number, self.expression(_POWER).number))
            elif _LEFT.get(sign, 0) > binds:
                self.at += 1
                self.count()
                left = self.joined(sign, left, self.expression(_LEFT[sign]))
            else:
                break
        self.depth -= 1
        return left

    def joined(self, sign: str, left: _Term, right: _Term) -> _Term:
        """The two joined by the sign. `100 - 25%` is 75 on a pocket calculator and 99.75 in a book."""
        if sign in ("+", "-") and right.percent and not left.percent and left.number.value != 1 and right.number.value:
            raise Refused("ambiguous_percent", "Write `100*(1-25%)` or `100-0.25`: `100-25%` is read in both ways.")
        return _Term(_WORK[sign](left.number, right.number), left.percent and right.percent and sign in ("+", "-"))

    def prefix(self) -> _Term:
        """A sign and what it stands before, or a number, a bracket, a function; and what stands behind it."""
        self.count()
        if self.take("-"):
            inner = self.expression(_UNARY)
            return _Term(Number(-inner.number.value, inner.number.inexact), inner.percent)
        if self.take("+"):
            return self.expression(_UNARY)
        term = _Term(self.atom())
        while True:
            if self.take("!"):
                self.count()
                term = _Term(_factorial(term.number))
            elif self.peek() == "%" and self.percent():
                self.at += 1
                self.count()
                term = _Term(n.divide(term.number, Number(Fraction(100))), percent=True)
            else:
                return term

    def percent(self) -> bool:
        """Whether the `%` that comes next is a percentage: nothing stands behind it that it could divide by."""
        here = self.tokens[self.at]
        then = self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else None
        if then is None:
            return True
        if then.kind == "sign" and then.text in "+-" and here.before and here.behind and not then.behind:
            raise Refused("ambiguous_percent", "Put what stands behind `%` in brackets.")
        return then.kind == "sign" and then.text not in "(["

    def atom(self) -> Number:
        """A number, a bracket, a constant or a function."""
        if self.at >= len(self.tokens):
            raise Refused("syntax", "The expression ends where a number is missing.")
        token = self.tokens[self.at]
        self.at += 1
        if token.kind == "number":
            return Number(token.value)
        if token.kind == "name":
            return self.named(token.text)
        if token.text == "(":
            inner = self.expression(0)
            self.need(")")
            return inner.number
        raise Refused("syntax", f"There is a number missing before {token.text[:40]!r}.")

    def named(self, said: str) -> Number:
        """A constant, or a function of what stands in brackets behind it."""
        name = said.lower()
        if name in ("pi", "e") and self.peek() != "(":
            return n.constant(name)
        if name not in _FUNCTIONS:
            near = get_close_matches(name, _FUNCTIONS, n=1)
            hint = f"Did you mean `{near[0]}`?" if near else f"Known are pi, e and {', '.join(sorted(_FUNCTIONS))}."
            raise Refused("unknown_name", f"There is no {said[:40]!r} here. {hint}")
        function, least, most, note = _FUNCTIONS[name]
        self.need("(")
        closing = "])" if self.take("[") else ")"
        given: list[Number] = []
        while not (self.peek() == closing[0] and not given):
            given.append(self.expression(0).number)
            if not (self.take(",") or self.take(";")):
                break
        for sign in closing:
            self.need(sign)
        if not least <= len(given) <= most:
            raise Refused("syntax", f"`{name}` does not take {len(given)} arguments.")
        self.notes += [note] if note and (name != "log" or len(given) == 1) else []
        return function(*given)


def _factorial(a: Number) -> Number:
    k = n.integer(a)
    if k < 0:
        raise Refused("domain", "A negative number has no factorial.")
    if k > n.FACTORIAL:
        raise n.too_large("This factorial is too large.")
    return Number(Fraction(math.factorial(k)))


def _chosen(total: Number, taken: Number, *, ordered: bool) -> Number:
    """Ways to choose so many of so many; the size is foretold by (ne/k)**k and n**k."""
    k, of = n.integer(taken), n.integer(total)
    if k < 0 or of < 0:
        raise Refused("domain", "Only so many of so many can be chosen: not fewer than 0.")
    if k > of:
        return Number(Fraction(0))
    k = k if ordered else min(k, of - k)
    if k and k > n.BITS or k * (math.log2(of) - (0 if ordered else math.log2(k / math.e)) if k else 0) > n.BITS:
        raise n.too_large()
    return n.kept(Fraction(math.perm(of, k) if ordered else math.comb(of, k)), False)


def _added(*given: Number) -> Number:
    total = given[0]
    for more in given[1:]:
        total = n.add(total, more)
    return total


def _mean(*given: Number) -> Number:
    return n.divide(_added(*given), Number(Fraction(len(given))))


def _median(*given: Number) -> Number:
    ordered, half = sorted(given, key=lambda one: one.value), len(given) // 2
    return ordered[half] if len(given) % 2 else _mean(ordered[half - 1], ordered[half])


def _lcm(*given: Number) -> Number:
    found = 1
    for one in given:
        found = n.kept(Fraction(math.lcm(found, n.integer(one))), False).value.numerator
    return Number(Fraction(found))


_EVEN = "round is half to even"
_FUNCTIONS: dict[str, tuple[Callable[..., Number], int, int, str]] = {
    "abs": (lambda a: Number(abs(a.value), a.inexact), 1, 1, ""),
    "min": (lambda *given: min(given, key=lambda one: one.value), 1, NODES, ""),
    "max": (lambda *given: max(given, key=lambda one: one.value), 1, NODES, ""),
    "sum": (_added, 1, NODES, ""),
    "mean": (_mean, 1, NODES, ""),
    "median": (_median, 1, NODES, ""),
    "round": (n.rounded, 1, 2, _EVEN),
    "floor": (n.floor, 1, 1, ""),
    "ceil": (n.ceil, 1, 1, ""),
    "sqrt": (n.sqrt, 1, 1, ""),
    "cbrt": (n.cbrt, 1, 1, ""),
    "exp": (n.exp, 1, 1, ""),
    "ln": (n.ln, 1, 1, ""),
    "log": (n.log, 1, 2, "log of one argument is the natural logarithm"),
    "log2": (lambda a: n.log(a, Number(Fraction(2))), 1, 1, ""),
    "log10": (lambda a: n.log(a, Number(Fraction(10))), 1, 1, ""),
    "sin": (n.sin, 1, 1, "angles are in radians"),
    "cos": (n.cos, 1, 1, "angles are in radians"),
    "tan": (n.tan, 1, 1, "angles are in radians"),
    "asin": (n.asin, 1, 1, "angles are in radians"),
    "acos": (n.acos, 1, 1, "angles are in radians"),
    "atan": (n.atan, 1, 1, "angles are in radians"),
    "factorial": (_factorial, 1, 1, ""),
    "gcd": (lambda *given: Number(Fraction(math.gcd(*map(n.integer, given)))), 1, NODES, ""),
    "lcm": (_lcm, 1, NODES, ""),
    "comb": (lambda a, b: _chosen(a, b, ordered=False), 2, 2, ""),
    "perm": (lambda a, b: _chosen(a, b, ordered=True), 2, 2, ""),
}

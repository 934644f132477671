"""What is a number that knows whether it is exact? A fraction with a mark, and the functions that may set the mark."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from fractions import Fraction
from functools import cache

from .base import Refused

BITS = 4096  # of any numerator or denominator on the way
EXPONENT = 1000  # decimal exponent of any number
FACTORIAL = 400
_SHOWN = 12  # digits of a decimal that does not end
_WHOLE = 50  # digits up to which a decimal that ends is shown in full
_EXACT = Context(prec=10_000, Emax=10**6, Emin=-(10**6))
_WORK = Context(prec=70, Emax=10**6, Emin=-(10**6), traps=[DivisionByZero, InvalidOperation, Overflow])
_KEPT = Context(prec=50, Emax=10**6, Emin=-(10**6))
_NOISE = Fraction(1, 10**35)  # two inexact numbers closer than this, relative to their size, are told apart by nothing
_FARTHEST = 10**30  # angles beyond it would need more digits of pi than are kept


@dataclass(frozen=True, slots=True)
class Number:
    """A number and how far it can be trusted.

    Attributes:
        value: the number; where it is inexact, its best known value, good to some 45 digits.
        inexact: whether a function on the way (a root, a logarithm, a sine) has no exact value.
    """

    value: Fraction
    inexact: bool = False

    @property
    def exact(self) -> str | None:
        """The value as `391` or `-1/3`; None where it is not known exactly."""
        return None if self.inexact else str(self.value)

    @property
    def decimal(self) -> str:
        """The value as a decimal: in full where it ends within 50 digits, else to 12 significant digits."""
        if not self.inexact and 10**_WHOLE % self.value.denominator == 0:
            whole = _EXACT.divide(Decimal(self.value.numerator), Decimal(self.value.denominator))
            if len(whole.as_tuple().digits) <= _WHOLE:
                return _plain(whole)
        return _plain(_as_decimal(self.value, Context(prec=_SHOWN, Emax=10**6, Emin=-(10**6))))

    @property
    def shortened(self) -> bool:
        """Whether `decimal` leaves digits out."""
        return self.inexact or Fraction(self.decimal) != self.value


def _plain(number: Decimal) -> str:
    stripped = number.normalize(_EXACT)
    if not stripped:
        return "0"
    return f"{stripped:f}" if -8 <= stripped.adjusted() < _WHOLE else f"{stripped:e}"


def _as_decimal(value: Fraction, context: Context) -> Decimal:
    return context.divide(Decimal(value.numerator), Decimal(value.denominator))


def too_large(said: str = "A number on the way is too large.") -> Refused:
    """A refusal that names the limits."""
    return Refused("too_large", f"{said} At most {BITS} bits, exponents to {EXPONENT}, factorials to {FACTORIAL}.")


def kept(value: Fraction, inexact: bool) -> Number:
    """Make a number, within the limits.

    Raises:
        Refused: `too_large`, if the numerator or the denominator has more than 4,096 bits.
    """
    if inexact:
        shorter = _as_decimal(value, _KEPT)
        if shorter and abs(shorter.adjusted()) > EXPONENT:
            raise too_large()
        value = Fraction(shorter)
    if value.numerator.bit_length() > BITS or value.denominator.bit_length() > BITS:
        raise too_large()
    return Number(value, inexact)


def _settled(a: Number) -> Fraction:
    """The value, taken for the integer next to it where it is inexact and cannot be told from that."""
    near = Fraction(round(a.value))
    return near if a.inexact and abs(a.value - near) <= _NOISE * max(Fraction(1), abs(near)) else a.value


def add(a: Number, b: Number) -> Number:
    """Their sum; the difference of two inexact numbers that nothing tells apart is 0."""
    inexact, total = a.inexact or b.inexact, a.value + b.value
    if inexact and abs(total) <= _NOISE * max(abs(a.value), abs(b.value)):
        total = Fraction(0)
    return kept(total, inexact)


def subtract(a: Number, b: Number) -> Number:
    """The first less the second."""
    return add(a, Number(-b.value, b.inexact))


def multiply(a: Number, b: Number) -> Number:
    """Their product."""
    return kept(a.value * b.value, a.inexact or b.inexact)


def divide(a: Number, b: Number) -> Number:
    """Their quotient.

    Raises:
        Refused: `division_by_zero`.
    """
    _not_zero(b)
    return kept(a.value / b.value, a.inexact or b.inexact)


def floor_divide(a: Number, b: Number) -> Number:
    """The greatest integer not above their quotient."""
    return floor(divide(a, b))


def modulo(a: Number, b: Number) -> Number:
    """What is left of the first when the second is taken as often as it goes; it has the second's sign."""
    return subtract(a, multiply(floor_divide(a, b), b))


def _not_zero(b: Number) -> None:
    if not b.value:
        raise Refused("division_by_zero", "A division by 0 has no value.")


def floor(a: Number) -> Number:
    """The greatest integer not above it."""
    return Number(Fraction(math.floor(_settled(a))))


def ceil(a: Number) -> Number:
    """The least integer not below it."""
    return Number(Fraction(math.ceil(_settled(a))))


def rounded(a: Number, places: Number | None = None) -> Number:
    """The nearest number of so many places behind the point; of two that are equally near, the even one."""
    digits = 0 if places is None else integer(places)
    if abs(digits) > EXPONENT:
        raise too_large("So many places behind the point are too many.")
    return kept(Fraction(round(_settled(a), digits)), False)


def integer(a: Number) -> int:
    """The number as an int.

    Raises:
        Refused: `domain`, if it is none.
    """
    value = _settled(a)
    if value.denominator != 1:
        raise Refused("domain", f"Here an integer is needed, not {a.decimal}.")
    return value.numerator


def power(base: Number, exponent: Number) -> Number:
    """One to the power of the other; the size is foretold before anything is computed.

    A fraction of moderate size whose exact power would have more than 4,096 bits, as in `(1+5%/365)**3650`, is inexact.

    Raises:
        Refused: `too_large`; `division_by_zero` for a negative power of 0; `domain` for an even root of a negative.
    """
    b, e, inexact = base.value, exponent.value, base.inexact or exponent.inexact
    if not b:
        if e < 0:
            _not_zero(base)
        return Number(Fraction(0 if e else 1), inexact)
    whole = e.denominator == 1
    if abs(b) == 1 and whole:
        return Number(b ** (e.numerator % 2), inexact)
    if b < 0 and not whole:
        raise Refused("domain", "A negative number has no such power among the real numbers.")
    bits = [math.log2(part) for part in (abs(b.numerator), b.denominator)]
    grows = abs(e) * Fraction(abs(bits[0] - bits[1]))
    if grows > BITS:
        raise too_large("This power is too large.")
    if whole and not inexact and abs(e) * Fraction(max(bits)) <= BITS:
        return kept(b**e.numerator, False)
    root = None if inexact or whole else _root(b, e.denominator)
    if root is not None:
        return power(Number(root), Number(Fraction(e.numerator)))
    found = _inexact(lambda x, y: _WORK.exp(_WORK.multiply(y, _WORK.ln(x))), abs(b), e)
    return Number(-found.value, True) if b < 0 and e.numerator % 2 else found


def _root(value: Fraction, degree: int) -> Fraction | None:
    """The exact root, None where there is none."""
    if degree > BITS:
        return None
    parts = [_integer_root(part, degree) for part in (value.numerator, value.denominator)]
    return None if None in parts else Fraction(*(part for part in parts if part is not None))


def _integer_root(value: int, degree: int) -> int | None:
    low, high = 0, 1 << (value.bit_length() // degree + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**degree <= value else (low, middle - 1)
    return low if low**degree == value else None


def _inexact(function: Callable[..., Decimal], *values: Fraction, grows: Fraction = Fraction(0)) -> Number:
    """What the function gives for the values as decimals of 70 digits; `grows` are the bits that it is to have."""
    if grows > BITS:
        raise too_large("This power is too large.")
    try:
        found = function(*(_as_decimal(value, _WORK) for value in values))
    except (InvalidOperation, DivisionByZero):
        raise Refused("domain", "There the function has no value among the real numbers.") from None
    except Overflow:
        raise too_large() from None
    if found and abs(found.adjusted()) > EXPONENT:
        raise too_large()
    return kept(Fraction(found), True)


def sqrt(a: Number) -> Number:
    """The square root, exact where it is a fraction."""
    return power(a, Number(Fraction(1, 2), a.inexact)) if not a.inexact else _inexact(_WORK.sqrt, a.value)


def cbrt(a: Number) -> Number:
    """The cube root, of negative numbers too."""
    found = power(Number(abs(a.value), a.inexact), Number(Fraction(1, 3)))
    return found if a.value >= 0 else Number(-found.value, found.inexact)


def exp(a: Number) -> Number:
    """E to the power of it."""
    if not a.value:
        return Number(Fraction(1), a.inexact)
    return _inexact(_WORK.exp, a.value, grows=abs(a.value) * Fraction(3, 2))


def ln(a: Number) -> Number:
    """The natural logarithm."""
    if a.value <= 0:
        raise Refused("domain", "A logarithm is of a number above 0.")
    return Number(Fraction(0), a.inexact) if a.value == 1 else _inexact(_WORK.ln, a.value)


def log(a: Number, base: Number | None = None) -> Number:
    """The logarithm to a base, the natural one without; exact where it is an integer."""
    if base is None:
        return ln(a)
    if base.value <= 0 or base.value == 1:
        raise Refused("domain", "The base of a logarithm is above 0 and not 1.")
    found = divide(ln(a), ln(base)) if a.value != 1 else Number(Fraction(0), a.inexact)
    near = Fraction(round(found.value))
    exact = not (a.inexact or base.inexact) and abs(near) <= BITS and abs(found.value - near) < Fraction(1, 10**20)
    return Number(near) if exact and power(base, Number(near)).value == a.value else found


@cache
def pi() -> Fraction:
    """Pi to 120 digits, after Machin: 16 atan(1/5) - 4 atan(1/239)."""
    one = 10**130

    def of_reciprocal(x: int) -> int:
        term, total, k = one // x, 0, 0
        while term:
            total += (-term if k % 2 else term) // (2 * k + 1)
            term //= x * x
            k += 1
        return total

    return Fraction(4 * (4 * of_reciprocal(5) - of_reciprocal(239)) // 10**10, 10**120)


@cache
def constant(name: str) -> Number:
    """`pi` or `e`."""
    return kept(pi(), True) if name == "pi" else _inexact(_WORK.exp, Fraction(1))


def _series(x: Decimal, term: Decimal, k: int) -> Decimal:
    """The alternating series of sine (from x, 1) and cosine (from 1, 0)."""
    total, square = term, _WORK.multiply(x, x)
    while term and term.adjusted() > -75:
        term = _WORK.divide(_WORK.multiply(term, square), Decimal((k + 1) * (k + 2))).copy_negate()
        total, k = _WORK.add(total, term), k + 2
    return total


def _wave(a: Number, shift: Fraction) -> Number:
    """The sine of it and so many halves of pi."""
    if abs(a.value) > _FARTHEST:
        raise Refused("domain", "An angle is at most 10**30 from 0.")
    turn = 2 * pi()
    angle = a.value + shift * pi() / 2
    angle -= turn * round(angle / turn)
    found = _inexact(lambda x: _series(x, x, 1), angle)
    return Number(Fraction(0), True) if abs(found.value) < _NOISE else found


def sin(a: Number) -> Number:
    """The sine of an angle in radians."""
    return _wave(a, Fraction(0)) if a.value else a


def cos(a: Number) -> Number:
    """The cosine of an angle in radians."""
    return _wave(a, Fraction(1)) if a.value else Number(Fraction(1), a.inexact)


def tan(a: Number) -> Number:
    """The tangent of an angle in radians."""
    below = cos(a)
    if not below.value:
        raise Refused("domain", "There the tangent has no value.")
    return divide(sin(a), below)


def _atan(x: Decimal) -> Decimal:
    for _ in range(4):
        x = _WORK.divide(x, _WORK.add(1, _WORK.sqrt(_WORK.add(1, _WORK.multiply(x, x)))))
    term, total, square, k = x, x, _WORK.multiply(x, x), 1
    while term and term.adjusted() > -75:
        term, k = _WORK.multiply(term, square).copy_negate(), k + 2
        total = _WORK.add(total, _WORK.divide(term, Decimal(k)))
    return _WORK.multiply(16, total)


def atan(a: Number) -> Number:
    """The angle in radians that has this tangent."""
    return _inexact(_atan, a.value) if a.value else a


def asin(a: Number) -> Number:
    """The angle in radians that has this sine."""
    if abs(a.value) > 1:
        raise Refused("domain", "Sines and cosines lie between -1 and 1.")
    if abs(a.value) == 1:
        return kept(a.value * pi() / 2, True)
    return atan(divide(a, sqrt(subtract(Number(Fraction(1)), multiply(a, a)))))


def acos(a: Number) -> Number:
    """The angle in radians that has this cosine."""
    if a.value == 1:
        return Number(Fraction(0), a.inexact)
    return subtract(kept(pi() / 2, True), asin(a))

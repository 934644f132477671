"""Are two values the same, as the author of a test means it? Compared on the host, never where the code ran."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

TOLERANCE = 1e-9  # relative, where a float is on either side; everything else is exact
_NUMBERS = (int, float, complex)


def same(found: Any, wanted: Any) -> bool:
    """Whether Python would call two plain values equal, but for the last digits of floats."""
    if isinstance(found, list | tuple) and isinstance(wanted, list | tuple):
        alike = isinstance(found, list) == isinstance(wanted, list) and len(found) == len(wanted)
        return alike and all(same(one, other) for one, other in zip(found, wanted, strict=True))
    if isinstance(found, dict) and isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(same(found[key], wanted[key]) for key in found)
    return _near(found, wanted) or bool(found == wanted)


def same_as_json(found: Any, wanted: Any) -> bool:
    """Whether a plain value is what JSON says, which knows neither tuples nor sets nor keys that are numbers.

    True is not 1, and a set is the same as a list that holds each of its members once.
    """
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, set | frozenset) and isinstance(wanted, list | tuple):
        return len(found) == len(wanted) and _paired(found, list(wanted))
    if isinstance(found, list | tuple) and isinstance(wanted, list | tuple):
        return len(found) == len(wanted) and all(map(same_as_json, found, wanted))
    if isinstance(found, dict) and isinstance(wanted, dict):
        if all(isinstance(key, str) for key in wanted) and all(type(key) is int for key in found):
            found = {str(key): value for key, value in found.items()}
        return found.keys() == wanted.keys() and all(same_as_json(found[key], wanted[key]) for key in found)
    return _near(found, wanted) or bool(found == wanted)


def _near(found: Any, wanted: Any) -> bool:
    if not isinstance(found, _NUMBERS) or not isinstance(wanted, _NUMBERS):
        return False
    try:
        if isinstance(found, complex) or isinstance(wanted, complex):
            return bool(abs(found - wanted) <= TOLERANCE * max(abs(found), abs(wanted)))
        if isinstance(found, float) or isinstance(wanted, float):
            return math.isclose(found, wanted, rel_tol=TOLERANCE)
    except OverflowError:  # past what a float holds; `==` still knows
        return False
    return found == wanted


def _paired(found: Iterable[Any], wanted: list[Any]) -> bool:
    for one in found:
        for other in wanted:
            if same_as_json(one, other):
                wanted.remove(other)
                break
        else:
            return False
    return True


def source_of(value: Any) -> str | None:
    """A plain value as Python writes it, so that it can be computed with elsewhere; None where that cannot be done."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')"
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return f"({value!r})"
    if isinstance(value, complex):
        return f"complex({source_of(value.real)}, {source_of(value.imag)})"
    if isinstance(value, dict):
        pairs = [(source_of(key), source_of(item)) for key, item in value.items()]
        return None if any(None in pair for pair in pairs) else "{" + ", ".join(f"{k}: {v}" for k, v in pairs) + "}"
    if isinstance(value, list | tuple | set | frozenset):
        parts = [source_of(part) for part in value]
        if None in parts:
            return None
        inside = "".join(f"{part}, " for part in parts)
        if isinstance(value, list):
            return f"[{inside}]"
        return f"({inside})" if isinstance(value, tuple) else f"set([{inside}])"
    return None

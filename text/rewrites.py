"""Did a rewriting change what it was to change, and nothing else? Numbers, code, names, length, language, orders."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from .injected import flags
from .languages import language_of

SAME = "it is the same text"
"""The fault of a rewriting that changed nothing but blanks."""
_NUMERAL = re.compile(r"\d+(?:[.,'’\u00a0\u202f]\d+)*")
_VERBATIM = re.compile(r"(?s)```.*?(?:```|\Z)|`[^`\n]+`|\b(?:[a-z][a-z0-9+.-]*://|www\.)[^\s)>\]]*[^\s)>\].,;:!?'\"]")
_NAME = re.compile(r"(?<=[a-z,;:] )[A-Z][A-Za-z]{2,}")  # a capital in the middle of a sentence
_SPEAKS = re.compile(
    r"(?i)\A\W*(?:here(?:'s|’s| is| are)|sure\b|certainly\b|of course\b|okay\b|below is|this is (?:the|a) (?:re|trans)"
    r"|(?:the )?(?:rewritten|rewrite|revised|translated|translation|paraphrased?|reworded)\b[^.\n]{0,40}:)"
)
_PRAISE = re.compile(
    r"(?i)\b(?:this|the|my|our|other|that) (?:answer|response|reply|one|solution)s?\b[^.!?\n]{0,40}"
    r"\b(?:better|best|superior|inferior|worse|preferable|wins?|winner|should be (?:chosen|preferred))\b"
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a rewriting may do.

    Attributes:
        least: its length in characters at least, as a multiple of the text's.
        most: at most.
        language: the code of the language that it is to be in; '' for the text's own.
        new_names: whether it may hold names that the text does not.
    """

    least: float
    most: float
    language: str = ""
    new_names: bool = False


def fault(before: str, after: str, bounds: Bounds) -> str:
    """Why a rewriting cannot be used, in words that are the same for all of a kind; '' where every rule holds.

    Rules see the surface: a person sees whether the meaning is the same.

    Args:
        before: the text.
        after: the text rewritten.
        bounds: what it may do.

    >>> fault("The lake is 12 m deep and cold.", "The lake is 13 m deep and cold.", Bounds(0.5, 2))
    'a number is gone'
    """
    if not after.strip():
        return "nothing was written"
    if _folded(after) == _folded(before):
        return SAME
    checks = (_speaks, _numbers, _verbatim, _steers)
    for said in (check(before, after) for check in checks):
        if said:
            return said
    if said := _language(before, after, bounds.language):
        return said
    if not bounds.new_names and _new_name(before, after):
        return "a name is new"
    ratio = len(after) / len(before)
    if bounds.least <= ratio <= bounds.most:
        return ""
    return (
        f"it is too {'short' if ratio < bounds.least else 'long'}: {bounds.least:g} to {bounds.most:g} times is allowed"
    )


def _folded(text: str) -> str:
    return " ".join(text.split())


def _speaks(before: str, after: str) -> str:
    return "it speaks of itself" if _SPEAKS.match(after) and not _SPEAKS.match(before) else ""


def numerals(text: str) -> list[str]:
    """The numbers of a text as digits alone, so that 1,000.5 and 1.000,5 are one; in their order, each once.

    >>> numerals("1,000.5 of 12, and 12")
    ['10005', '12']
    """
    plain = unicodedata.normalize("NFKC", text)
    return list(dict.fromkeys(re.sub(r"\D", "", found) for found in _NUMERAL.findall(plain)))


def _numbers(before: str, after: str) -> str:
    was, now = numerals(before), numerals(after)
    return "a number is gone" if set(was) - set(now) else "a number is new" if set(now) - set(was) else ""


def _verbatim(before: str, after: str) -> str:
    was, now = (list(map(str.strip, _VERBATIM.findall(text))) for text in (before, after))
    if any(part not in after for part in was):
        return "code or an address is gone or changed"
    return "code or an address is new" if any(part not in before for part in now) else ""


def _steers(before: str, after: str) -> str:
    if set(flags(after)) - set(flags(before)):
        return "it gives orders or says how to judge"
    return "it praises itself or another answer" if _PRAISE.search(after) and not _PRAISE.search(before) else ""


def _new_name(before: str, after: str) -> bool:
    if language_of(before) not in ("", "en"):
        return False  # other languages have capitals by other rules
    known = set(re.findall(r"\w+", before.lower()))
    return any(name.lower() not in known for name in _NAME.findall(after))


def _language(before: str, after: str, wanted: str) -> str:
    was, now = language_of(before), language_of(after)
    if wanted:
        return "" if now == wanted else f"it is in another language than `{wanted}`, or too short to tell"
    return "its language is another one" if was and now and was != now else ""

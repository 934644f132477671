"""What must a function give that a question asks for by a name that everyone knows, such as the median of a list?"""

from __future__ import annotations

import math
import re
import statistics
from calendar import isleap
from collections.abc import Callable
from typing import Any

_LONGEST = 300  # characters of a question that names one function and says no more of it
_SIGNATURE = re.compile(
    r"(?is)^\W*(?:please\s+)?(?:write|implement|define|create|give|code|complete)\b[^()\n]{0,80}?"
    r"`?(?:def\s+)?\b(?P<name>[a-z_]\w*)\((?P<given>[\w\s,:\[\]]{0,60})\)`?(?P<rest>.*)$"
)
_LEAD = re.compile(
    r"(?is)^[\s:,.;-]*(?:(?:that|which|to|it should|should|must)\s+)?"
    r"(?:(?:returns?|comput(?:es?|ing)|calculat(?:es?|ing)|finds?|gives?|tells?|checks?|says?|counts?|determines?)\s+)?"
)
_LIST = r"(?:an? |the |its |all )?(?:non-?empty )?(?:given )?(?:list|array|sequence|numbers|elements|items)"
_LIST += r"(?: of (?:numbers|integers|ints|floats|values|elements))?(?: \w{1,6})?"
_WORD = r"(?:an? |the |its )?(?:given )?(?:string|word|text)(?: \w{1,6})?"
_ONE = r"(?: (?:value|number|element))?"
_N = r"(?:an? |the )?(?:given )?(?:(?:non-?negative |positive )?(?:integer|number|int)(?: \w{1,3})?|[a-z])"
_PAIR = r"(?:(?:two|the) )?(?:(?:positive )?(?:integers|numbers)(?: \w and \w)?|\w and \w)"

_LISTS: tuple[tuple[Any, ...], ...] = (
    ([3, 1, 4, 1, 5, 9],),
    ([2, 1, 3],),
    ([7],),
    ([10, 2, 38, 23],),
    ([-5, 5, 0, 5],),
)
_STRINGS: tuple[tuple[Any, ...], ...] = (("level",), ("strawberry",), ("a",), ("noon",), ("python",), ("queue",))
_COUNTS: tuple[tuple[Any, ...], ...] = ((0,), (1,), (2,), (5,), (10,), (12,))


def _prime(n: int) -> bool:
    return n > 1 and all(n % d for d in range(2, math.isqrt(n) + 1))


# what the question says behind the signature | what it gives | with what it is tried
_KNOWN: tuple[tuple[str, Callable[..., Any], tuple[tuple[Any, ...], ...]], ...] = (
    (rf"(?:the )?median of {_LIST}", lambda xs: statistics.median(xs), _LISTS),
    (rf"(?:the )?(?:arithmetic )?(?:mean|average) of {_LIST}", lambda xs: sum(xs) / len(xs), _LISTS),
    (rf"(?:the )?sum of {_LIST}", sum, _LISTS),
    (rf"(?:the )?product of {_LIST}", math.prod, _LISTS),
    (rf"(?:the )?(?:maximum|max|largest|greatest|biggest){_ONE} (?:of|in) {_LIST}", max, _LISTS),
    (rf"(?:the )?(?:minimum|min|smallest|least){_ONE} (?:of|in) {_LIST}", min, _LISTS),
    (rf"(?:the )?(?:range|difference between the largest and (?:the )?smallest{_ONE}) (?:of|in) {_LIST}",
     lambda xs: max(xs) - min(xs), _LISTS),
    (rf"(?:the )?length of {_LIST}", len, (*_LISTS, ([],))),
    (rf"(?:the )?factorial of {_N}|n!", math.factorial, _COUNTS),
    (rf"(?:the )?n-?th triangular number|(?:the )?sum of the first {_N} (?:positive |natural )?(?:integers|numbers)",
     lambda n: n * (n + 1) // 2, _COUNTS),
    (rf"(?:the )?square of {_N}", lambda n: n * n, (*_COUNTS, (-3,))),
    (rf"(?:the )?cube of {_N}", lambda n: n**3, (*_COUNTS, (-3,))),
    (rf"(?:the )?sum of (?:the |all )?(?:decimal )?digits (?:of|in) {_N}",
     lambda n: sum(map(int, str(n))), ((0,), (7,), (10,), (493,), (99999,))),
    (rf"(?:whether|if) {_N} is (?:a )?prime(?: number)?", _prime, ((0,), (1,), (2,), (3,), (4,), (9,), (25,), (97,))),
    (rf"(?:whether|if) {_N} is even", lambda n: n % 2 == 0, ((0,), (1,), (-3,), (8,))),
    (rf"(?:whether|if) {_N} is odd", lambda n: n % 2 == 1, ((0,), (1,), (-3,), (8,))),
    (r"(?:whether|if) (?:an? |the )?(?:given )?(?:year|y)(?: \w{1,4})? is a leap year",
     isleap, ((1900,), (2000,), (2023,), (2024,), (2100,))),
    (rf"(?:the )?(?:greatest common divisor|gcd)(?: of {_PAIR})?", math.gcd, ((12, 18), (7, 5), (100, 10), (17, 17))),
    (rf"(?:the )?(?:least|lowest) common multiple(?: of {_PAIR})?|(?:the )?lcm(?: of {_PAIR})?",
     math.lcm, ((12, 18), (7, 5), (100, 10), (17, 17))),
    (rf"(?:whether|if) {_WORD} is a palindrome", lambda s: s == s[::-1], _STRINGS),
    (rf"(?:the )?reverse of {_WORD}|{_WORD} reversed", lambda s: s[::-1], (*_STRINGS, ("",))),
    (rf"(?:the )?length of {_WORD}", len, (*_STRINGS, ("",))),
    (rf"(?:the )?number of vowels (?:of|in) {_WORD}", lambda s: sum(c in "aeiou" for c in s), _STRINGS[:4]),
    (r"(?:whether|if) (?:two |the )?(?:strings|words)(?: \w and \w)? are anagrams(?: of each other)?",
     lambda s, t: sorted(s) == sorted(t), (("listen", "silent"), ("abc", "abd"), ("aab", "abb"), ("a", "a"))),
)  # fmt: skip
_PATTERNS = tuple((re.compile(rf"(?is)(?:{words})"), gives, tried) for words, gives, tried in _KNOWN)


def known_tests(question: str) -> list[str]:
    """What a well-known function must give, as comparisons; none where the question says more, or names no such one.

    >>> known_tests("Write g(a, b): the greatest common divisor of a and b.")[0]
    'g(12, 18) == 6'
    """
    asked = _SIGNATURE.match(question) if len(question) <= _LONGEST else None
    if asked is None:
        return []
    rest = _LEAD.sub("", asked["rest"], count=1).strip().rstrip(".!").strip()
    takes = len([part for part in asked["given"].split(",") if part.strip()])
    for pattern, gives, tried in _PATTERNS:
        if pattern.fullmatch(rest) and takes == len(tried[0]):
            calls = [(", ".join(map(repr, values)), gives(*values)) for values in tried]
            return [f"{asked['name']}({given}) == {wanted!r}" for given, wanted in calls]
    return []

"""What form does a request ask of its answer, such as at most 50 words or JSON with certain keys, and does it hold?"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .counts import Countable, count, occurrences
from .dates import WORDED, number_of

_LONGEST = 20_000  # characters of a request that are read
_N = rf"(?P<n>\d{{1,5}}|{WORDED})"
_UNIT = (
    r"(?:(?:short|complete|full|simple)\s+)?"
    r"(?P<unit>words?|sentences?|lines?|paragraphs?|characters?|bullet[ -]?points?|bullets?)\b"
)
_MOST = r"(?:at (?:the )?most|no more than|not more than|up to|a maximum of|maximum|max\.?|within)"
_BELOW = r"(?:under|fewer than|less than|below)"
_LEAST = r"(?:at least|no fewer than|no less than|not less than|a minimum of|minimum)"
_ABOVE = r"(?:more than|over)"
_BOUND = re.compile(
    rf"(?i)\b(?:(?P<most>{_MOST})|(?P<below>{_BELOW})|(?P<least>{_LEAST})|(?P<above>(?<!no )(?<!not ){_ABOVE})"
    rf"|(?P<exactly>exactly|precisely)) {_N}[ -]{_UNIT}"
    rf"|\bin {_N.replace('<n>', '<short>')} "
    rf"{_UNIT.replace('<unit>', '<shorts>')} or (?:less|fewer)\b"
)
_REQUEST = re.compile(
    r"(?i)^\W*(?:please,? |kindly |now |then |can you |could you |would you )*(?:write|answer|reply|respond|describe"
    r"|summari[sz]e|explain|list|give|compose|draft|tell|create|produce|provide|state|name|translate|rewrite|paraphrase|say|output|return"
    r"|generate|define|outline|keep|limit|use|make|include|mention|avoid|do not|don't|never|end|finish|begin|start)\b"
    r"|\b(?:your|the) (?:answer|response|reply|text|summary|essay|story|poem|output|whole (?:answer|response))\b"
)
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+|\n+")
_QUOTED = r"[\"“„«'‘`](?P<{0}>[^\"“”„«»'‘’`\n]{{1,60}})[\"”“»'’`]"
_JSON = re.compile(
    r"(?i)\b(?:in|as|with|valid|only|a|output|return) (?:valid |one |a single |well-formed )*json\b(?! schema)"
)
_KEYS = re.compile(r"(?i)\b(?:keys?|fields?)\b:? (?P<keys>[\"'`“]?\w[\w \"'`“”,-]{0,200})")
_LOWER = re.compile(r"(?i)\b(?:in )?(?:all|only|entirely in|completely in|in) (?:lower[- ]?case|small)(?: letters)?\b")
_UPPER = re.compile(
    r"(?i)\b(?:in )?(?:all|only|entirely in|completely in|in) (?:upper[- ]?case|capitals?|caps)(?: letters)?\b"
)
_WITHOUT = re.compile(
    r"(?i)\b(?:do not|don't|without|never|avoid) "
    r"(?:us(?:e|ing)|mention(?:ing)?|say(?:ing)?|includ(?:e|ing)|writ(?:e|ing))? ?"
    rf"(?:the )?(?:words?|phrases?|term) {_QUOTED.format('without')}"
)
_WITH = re.compile(
    r"(?i)(?<!not )(?<!n't )\b(?:include|use|mention|contain) "
    rf"(?:the )?(?:words?|phrases?|term) {_QUOTED.format('with')}"
)
_ENDS = re.compile(
    r"(?i)\b(?P<which>end|finish|begin|start) (?:(?:your|the) (?:answer|response|reply|text) )?with "
    rf"(?:the )?(?:exact )?(?:words?|phrase|sentence|question)?:? ?{_QUOTED.format('edge')}"
)
_FENCED = re.compile(r"(?s)^\s*```(?:json)?\s*\n(.*?)\n\s*```\s*$")

Holds = Callable[[str], tuple[bool, str]]


@dataclass(frozen=True, slots=True)
class Demand:
    """What a request asks of the form of its answer.

    Attributes:
        said: the request's own words.
        holds: tells of an answer whether it does, and what it has.
    """

    said: str
    holds: Holds


def demands(request: str) -> list[Demand]:
    """Read what a request asks of the form of its answer; what is asked of something else than the answer is left out.

    >>> [demand.said for demand in demands("Name three rivers in at most 10 words.")]
    ['at most 10 words']
    """
    return [demand for part in _SENTENCE.split(request[:_LONGEST]) if _REQUEST.search(part) for demand in _in(part)]


def _in(part: str) -> Iterator[Demand]:
    for match in _BOUND.finditer(part):
        if (demand := _bound(match)) is not None:
            yield demand
    if form := _JSON.search(part):
        yield Demand(form[0], _as_json(_keys(part)))
    for pattern, fits, what in ((_LOWER, str.islower, "lower"), (_UPPER, str.isupper, "upper")):
        if case := pattern.search(part):
            yield Demand(case[0], _cased(fits, what))
    for match in _WITHOUT.finditer(part):
        yield Demand(match[0], _contains(match["without"], wanted=False))
    for match in _WITH.finditer(part):
        yield Demand(match[0], _contains(match["with"], wanted=True))
    for match in _ENDS.finditer(part):
        yield Demand(match[0], _at_edge(match["edge"], last=match["which"].lower() in ("end", "finish")))


def _bound(match: re.Match[str]) -> Demand | None:
    number, unit = number_of(match["n"] or match["short"]), (match["unit"] or match["shorts"]).lower()
    if number is None or number.denominator != 1:
        return None
    n, what = int(number), _countable(unit)
    low, high = 0, 10**9
    if match["most"] or match["short"]:
        high = n
    elif match["below"]:
        high = n - 1
    elif match["least"]:
        low = n
    elif match["above"]:
        low = n + 1
    else:
        low = high = n

    def holds(text: str) -> tuple[bool, str]:
        found = count(text, what)
        return low <= found <= high, f"it has {found} {unit.rstrip('s')}{'' if found == 1 else 's'}"

    return Demand(match[0], holds)


def _countable(unit: str) -> Countable:
    if unit.startswith("bullet"):
        return "bullets"
    plural = unit if unit.endswith("s") else unit + "s"
    return plural  # type: ignore[return-value]  # one of those that the pattern names


def read_json(text: str) -> Any:
    """The JSON value that a text is, in a fence or not.

    Raises:
        ValueError: if it is none, or only a part of it is.
    """

    def refuse(word: str) -> Any:
        raise ValueError(word)  # NaN and Infinity are Python's, not JSON's

    fenced = _FENCED.match(text)
    return json.loads(fenced[1] if fenced else text, parse_constant=refuse)


def _keys(part: str) -> list[str]:
    match = _KEYS.search(part)
    if match is None:
        return []
    quoted = re.findall(r"[\"'`“](\w[\w -]*)[\"'`”]", match["keys"])
    plain = re.match(r"\w+(?:(?:, | and |, and )\w+)*", match["keys"])
    return quoted or (re.split(r", and |, | and ", plain[0]) if plain else [])


def _as_json(keys: list[str]) -> Holds:
    def holds(text: str) -> tuple[bool, str]:
        try:
            read = read_json(text)
        except (ValueError, RecursionError):
            return False, "it is no valid JSON"
        rows = read if isinstance(read, list) else [read]
        missing = [key for key in keys if not all(isinstance(row, dict) and key in row for row in rows)]
        return not missing, f"it lacks the key {missing[0]}" if missing else "it is valid JSON"

    return holds


def _cased(fits: Callable[[str], bool], what: str) -> Holds:
    def holds(text: str) -> tuple[bool, str]:
        letters = "".join(filter(str.isalpha, text))
        return not letters or fits(letters), f"it is {'all' if fits(letters) else 'not all'} {what} case"

    return holds


def _contains(word: str, *, wanted: bool) -> Holds:
    def holds(text: str) -> tuple[bool, str]:
        there = occurrences(text, word, whole_words=True)
        return bool(there) == wanted, f"`{word}` stands in it {there} time{'' if there == 1 else 's'}"

    return holds


def _at_edge(words: str, *, last: bool) -> Holds:
    wanted = _bare(words)

    def holds(text: str) -> tuple[bool, str]:
        bare = _bare(text)
        there = bare.endswith(wanted) if last else bare.startswith(wanted)
        return there, f"it {'does' if there else 'does not'} {'end' if last else 'begin'} so"

    return holds


def _bare(text: str) -> str:
    return " ".join(re.findall(r"[\w'’]+", text.casefold()))

"""What is in a text? Counts, forms and quotations, and answers held against what was asked of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from ...text.counts import COUNTABLE, count, occurrences
from ...text.form import demands, read_json
from ...text.stated import final_number, stance
from .base import Case, Finding, Observation, Refused, Tool

_OPERATIONS = ("count", "occurrences", "json", "table", "quotation")
_LONGEST = 400  # characters of a question that asks for one count
_CLAIM = 200
_PART = r"[\"“'‘`](?P<{0}q>[^\"”'’`\n]{{1,80}})[\"”'’`]|(?P<{0}w>\w{{1,40}})"
_OF = r"(?:the )?(?:word|name|string|phrase|sentence|text|term)?s?:? ?"
_TIMES = re.compile(
    r"(?i)\bhow (?:many times|often) (?:does|do|is|are|can) (?:the )?(?:letter|character|word|substring|digit)?s? ?"
    rf"(?:{_PART.format('a')}) ?(?:occur|appear|used?|found|show up|come up|repeated?|present)?s? ?(?:to be )?"
    rf"(?:in|within) {_OF}(?:{_PART.format('b')})\W*$"
)
_HOW_MANY = re.compile(
    r"(?i)\bhow many (?:(?:letter|character)s? )?"
    r"(?:[\"“'‘`](?P<aq>[^\"”'’`\n]{1,20})[\"”'’`]|(?P<aw>\w))(?:['’]?s)? "
    rf"(?:are|is|occur|appear)?(?: ?there)? ?(?:are )?(?:in|within) {_OF}(?:{_PART.format('b')})\W*$"
)
_LENGTH = re.compile(
    r"(?i)\bhow many (?P<what>letters|characters|vowels|consonants|words) "
    rf"(?:are (?:there )?in|does|do|has|make up|is in) {_OF}(?:{_PART.format('b')})(?: have| contain)?\W*$"
)
_TIMES_OVER = re.compile(r"(?i)\s+times\b(?! ?\d)")  # five times, which is no product
_CITES = re.compile(
    r"(?i)\b(?:context|text|article|passage|document|source|report|author)s? (?:\w+ ){0,3}?"
    r"(?:says?|states?|reads?|writes?|notes?|claims?|mentions?|explains?)\b"
    r"|\baccording to the (?:context|text|article|passage|document|source|report|author)\b"
)
_QUOTES = re.compile(r"[\"“«]([^\"“”«»\n]{12,600})[\"”»]")


class TextChecks(Tool):
    """Counts in texts, checks their form, and finds quotations in their source."""

    name = "text"
    version = "1"
    description = (
        "Counts and checks texts exactly: words, letters, lines and the like, how often a part stands in a text, "
        "whether it is valid JSON or an even table, whether a quotation is in its source. Name a text by `response` "
        "or `part`, or give it as `text`."
    )
    parameters = {
        "type": "object",
        "properties": {
            "operation": {"type": "string", "enum": list(_OPERATIONS)},
            "response": {"type": "string", "description": "label of the response that is looked at"},
            "part": {"type": "string", "enum": ["question", "context", "reference"]},
            "text": {"type": "string"},
            "what": {"type": "string", "enum": list(COUNTABLE), "description": "of `count`; all where not given"},
            "find": {"type": "string", "description": "of `occurrences` and `quotation`"},
            "whole_words": {"type": "boolean"},
            "match_case": {"type": "boolean"},
            "keys": {
                "type": "array",
                "maxItems": 50,
                "items": {"type": "string"},
                "description": "that JSON must have",
            },
        },
        "required": ["operation"],
        "additionalProperties": False,
    }

    async def run(self, arguments: Mapping[str, Any], case: Case) -> Observation:
        """Do one operation.

        Raises:
            Refused: if no text, several, or nothing to find is named.
        """
        text, operation = _text(arguments, case), arguments["operation"]
        if operation == "count":
            named = [arguments["what"]] if "what" in arguments else list(COUNTABLE)
            return Observation("ok", {what: count(text, what) for what in named})
        if operation == "json":
            return Observation("ok", _json(text, arguments.get("keys") or []))
        if operation == "table":
            return Observation("ok", _table(text))
        find = str(arguments.get("find") or "")
        if not find:
            raise Refused("missing_argument", "Give `find`: what is looked for.")
        if operation == "occurrences":
            options = {name: bool(arguments.get(name)) for name in ("whole_words", "match_case")}
            return Observation("ok", {"occurrences": occurrences(text, find, **options), **options})
        return Observation("ok", _quotation(text, find))

    def applies(self, case: Case) -> bool:
        """Whether the question asks for a count or a form that can be read, or a response quotes the context."""
        return _asked(case.question) is not None or bool(demands(case.question)) or bool(_cited(case))

    async def check(self, case: Case) -> list[Finding]:
        """Hold counts, forms and quotations of the responses against what they should be."""
        return [*_counted(case), *_formed(case), *_quoted(case)]

    def counterfactual(self, arguments: Mapping[str, Any], observation: Observation, case: Case) -> Any:
        """The count that another response gives as its answer."""
        wrong = [finding.response for finding in _counted(case) if finding.holds is False]
        number = final_number(case.responses[wrong[0]]) if wrong else None
        if number is None or len(observation.result) != 1:
            return None
        return dict.fromkeys(observation.result, int(number.value))


def _text(arguments: Mapping[str, Any], case: Case) -> str:
    named = [name for name in ("response", "part", "text") if arguments.get(name) is not None]
    if len(named) != 1:
        raise Refused("which_text", "Name one text: by `response`, by `part`, or as `text`.")
    told = str(arguments[named[0]])
    if named[0] == "response":
        return case.responses[told]
    return told if named[0] == "text" else str(getattr(case, told))


def _json(text: str, keys: list[str]) -> dict[str, Any]:
    try:
        read = read_json(text)
    except (ValueError, RecursionError):
        return {"valid": False, "missing_keys": []}
    return {"valid": True, "missing_keys": [key for key in keys if not (isinstance(read, dict) and key in read)]}


def _table(text: str) -> dict[str, Any]:
    """Whether each row has the same number of cells; a Markdown table, else divided by tabs, semicolons or commas."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    piped = [line for line in lines if line.startswith("|")]
    mark = next((mark for mark in "\t;," if all(mark in line for line in lines)), "")
    rows = [line.strip("|").split("|") for line in piped] if piped else [line.split(mark) for line in lines if mark]
    cells = sorted({len(row) for row in rows})
    return {"rows": len(rows), "cells": cells, "even": len(rows) > 1 and len(cells) == 1}


def _fold(text: str) -> str:
    return " ".join(text.translate(_PLAIN).casefold().split())


_PLAIN = dict.fromkeys(map(ord, "'\"‘’‚ʼ“”„«»`")) | {0x2013: "-", 0x2014: "-"}


def _quotation(source: str, quoted: str) -> dict[str, Any]:
    """Whether a quotation stands in a source but for blanks, case and quotation marks; else how much of it does."""
    whole, words = _fold(source), _fold(quoted).strip(".,;:!?… ").split()
    low, high = 0, len(words)
    while low < high:  # the longest beginning that is there
        middle = (low + high + 1) // 2
        low, high = (middle, high) if " ".join(words[:middle]) in whole else (low, middle - 1)
    return {"present": bool(words) and low == len(words), "words_found": low, "words": len(words)}


def _asked(question: str) -> tuple[int, str] | None:
    """The count that a question asks for, and what it counts; None for any other question."""
    if len(question) > _LONGEST:
        return None
    if match := _TIMES.search(question) or _HOW_MANY.search(question):
        part, whole = match["aq"] or match["aw"], match["bq"] or match["bw"]
        found = {occurrences(whole, part, match_case=match_case) for match_case in (False, True)}
        return (found.pop(), f"{part!r} in {whole!r}") if len(found) == 1 else None
    if match := _LENGTH.search(question):
        whole, what = match["bq"] or match["bw"], match["what"].lower()
        if what == "characters" and any(map(str.isspace, whole)):
            return None  # with or without the blanks
        return count(whole, what), f"{what} of {whole!r}"  # type: ignore[arg-type]  # one of those the pattern names
    return None


def _counted(case: Case) -> Iterator[Finding]:
    asked = _asked(case.question.strip())
    if asked is None:
        return
    number, of = asked
    for name, text in case.responses.items():
        said = stance(_TIMES_OVER.sub("", text), Fraction(number), case.locale)
        if said != "silent":
            claim = " ".join(text.split())[:_CLAIM]
            yield Finding(name, claim, said == "agrees", f"{of}: {number}", TextChecks.name, final=True)


def _formed(case: Case) -> Iterator[Finding]:
    for demand in demands(case.question):
        for name, text in case.responses.items():
            holds, found = demand.holds(text)
            yield Finding(name, demand.said, holds, found, TextChecks.name, advisory=True)


def _cited(case: Case) -> list[tuple[str, str]]:
    """The quotations of the context in the responses."""
    if not case.context:
        return []
    return [
        (name, match[1])
        for name, text in case.responses.items()
        for match in _QUOTES.finditer(text)
        if len(match[1].split()) >= 4 and _CITES.search(text[max(0, match.start() - 120) : match.start()])
    ]


def _quoted(case: Case) -> Iterator[Finding]:
    for name, words in _cited(case):
        present = _quotation(case.context, words)["present"]
        said = "it stands in the context" if present else "it does not stand in the context"
        yield Finding(name, words[:_CLAIM], present, said, TextChecks.name)

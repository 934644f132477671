"""What does a table say? Exact look-up in a table that the user names, and answers held against it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from ...store.canonical import canonical
from ...text.calendar_questions import relative_date
from ...text.dates import masked_dates
from ...text.errors import BadJudge
from ...text.quantities import Quantity, quantities
from .base import Case, Evidence, Finding, Observation, Refused, Tool
from .tables import Row, Table, fold, read_table

_MOST = 20  # rows of one key that are shown
_LISTED = 40  # columns that are listed in the schema
_LONGEST_KEY = 8  # words
_READING = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s?(?:\(([^()]{1,12})\)|([A-Za-z%°/]{1,12}))?\s*")
_UNIT = re.compile(r"\s?(?:\(([^()]{1,12})\)|([A-Za-z%°/]{1,12})\b)")
_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
_CLAIM = 200


@dataclass(frozen=True, slots=True)
class _Asked:
    """The row and the column that a question asks for."""

    row: Row
    column: str


class Lookup(Tool):
    """Finds rows of a table by their keys."""

    name = "lookup"
    version = "1"
    evidence: Evidence = "table"

    def __init__(self, table: Table, *, name: str = "lookup", about: str = "a table") -> None:
        """Look into a table.

        Args:
            table: the table.
            name: what the model calls the tool.
            about: what it is told of the table.
        """
        self.table, self.name = table, name
        self._words: dict[str, frozenset[str]] = {}
        keys = {f"key{n}": key for n, key in enumerate(table.keys, 1)}
        self._arguments = {key if re.fullmatch(r"[\w.-]{1,64}", key) else n: key for n, key in keys.items()}
        listed = table.columns[:_LISTED]
        self.description = (
            f"Looks up {about} by {' and '.join(table.keys)}, exactly: {len(table.rows):,} entries with "
            f"{', '.join(listed)}. A date is written YYYY-MM-DD. What is not in it is no evidence either way."
        )
        self.parameters = {
            "type": "object",
            "properties": {
                **{argument: {"type": "string"} for argument in self._arguments},
                "column": {"type": "string", "enum": list(listed)},
            },
            "required": list(self._arguments),
            "additionalProperties": False,
        }

    @classmethod
    def of(cls, told: str) -> Lookup:
        """The tool of what stands behind `lookup:`, such as `prices.csv?keys=city,date` or `store.db?table=prices`.

        Raises:
            BadJudge: if the table cannot be read, or an option is none.
        """
        path, _, query = told.partition("?")
        options = dict(parse_qsl(query))
        unknown = sorted(set(options) - {"keys", "table"})
        if unknown or not path:
            said = f"`lookup` takes no option `{unknown[0]}`." if unknown else "`lookup` needs a table."
            raise BadJudge(said, way_out="--tools 'lookup:FILE?keys=NAME,NAME', with &table=NAME for SQLite")
        keys = tuple(key.strip() for key in options.get("keys", "").split(",") if key.strip())
        table = read_table(Path(path), keys=keys, table=options.get("table", ""))
        stem = re.sub(r"\W+", "_", Path(path).stem)[:40]
        return cls(table, name=f"lookup_{stem}", about=f"the table {Path(path).name}")

    def ground(self) -> str:
        """The digest of the file and of how it is read."""
        return self.table.digest

    async def run(self, arguments: Mapping[str, Any], case: Case) -> Observation:
        """Find the rows of a key.

        Raises:
            Refused: if there is none.
        """
        values = [str(arguments[argument]) for argument in self._arguments]
        rows = self.table.find(values)
        if not rows:
            raise Refused(
                "not_found", f"The table has no such entry{self._near(values)}. That is no evidence either way."
            )
        keys = dict(zip(self.table.keys, values, strict=True))
        if (column := arguments.get("column")) is not None:
            found = [row.get(column) for row in rows[:_MOST]]
            return Observation("ok", {"keys": keys, "column": column, "values": found}, evidence=self.evidence)
        return Observation("ok", {"keys": keys, "rows": rows[:_MOST], "of": len(rows)}, evidence=self.evidence)

    def applies(self, case: Case) -> bool | None:
        """Whether the question names an entry; the model is asked where it names a part of one."""
        parts = self._named(case.question)
        if self._row(parts) is not None:
            return True
        return None if any(parts) and len(parts) > 1 else False

    async def check(self, case: Case) -> list[Finding]:
        """Hold each response against the table, where the question asks for one column of one row."""
        asked = self._asked(case.question)
        return [] if asked is None else self._held(asked, case)

    def bearing(self, arguments: Mapping[str, Any], observation: Observation, case: Case) -> list[Finding]:
        """What the row says that the model looked up, where it is the one that the question names."""
        asked, row = self._asked(case.question), self._row(self._named(case.question))
        values = [str(arguments[argument]) for argument in self._arguments]
        if row is None or self.table.find(values) != [row]:
            return []
        column = arguments.get("column") or (asked.column if asked else "")
        return self._held(_Asked(row, str(column)), case) if column else []

    def counterfactual(self, arguments: Mapping[str, Any], observation: Observation, case: Case) -> Any:
        """The row with what another response says in the place of what is right."""
        asked = self._asked(case.question)
        wrong = [] if asked is None else [finding for finding in self._held(asked, case) if finding.holds is False]
        if asked is None or not wrong or not self.bearing(arguments, observation, case):
            return None
        said = case.responses[wrong[0].response]
        if "values" in observation.result:
            return {**observation.result, "values": [said]}
        return {**observation.result, "rows": [{**asked.row, asked.column: said}]}

    # ---- What a question asks for

    def _asked(self, question: str) -> _Asked | None:
        row, columns = self._row(self._named(question)), self._columns(question)
        return _Asked(row, columns[0]) if row is not None and len(columns) == 1 else None

    def _named(self, question: str) -> list[str]:
        """For each key column the one value that a question names, '' where it names none or several."""
        words, found = _spans(question), []
        for values, dated in zip(self.table.known, self.table.dated, strict=True):
            if dated:
                meant = relative_date(question)
                day = meant.target if meant.moved else meant.base
                found.append(str(day) if day else "")
            else:
                held = {text for _, _, text in _longest([span for span in words if span[2] in values])}
                found.append(held.pop() if len(held) == 1 else "")
        return found

    def _row(self, parts: list[str]) -> Row | None:
        rows = self.table.find(parts) if all(parts) else []
        return rows[0] if len(rows) == 1 else None

    def _columns(self, question: str) -> list[str]:
        """The columns that a question names; of names within one another the longest."""
        folded = {fold(re.sub(r"[_-]+", " ", column)): column for column in self.table.columns}
        if len(folded) == 1 and "value" in folded:
            return ["value"]
        named = {text for _, _, text in _longest([span for span in _spans(question) if span[2] in folded])}
        return [folded[text] for text in sorted(named)]

    def _near(self, values: list[str]) -> str:
        for value, known in zip(values, self.table.known, strict=True):
            if fold(value) not in known:
                close = difflib.get_close_matches(fold(value), list(known)[:50_000], 3, 0.7)
                return f"; near to {value!r} are {', '.join(known[one] for one in close)}" if close else ""
        return ""

    # ---- What a response says of it

    def _held(self, asked: _Asked, case: Case) -> list[Finding]:
        value = asked.row.get(asked.column)
        readings = _readings(value)
        held = {
            name: _number_said(text, readings, case.question)
            if readings
            else self._text_said(text, asked.column, str(value))
            for name, text in case.responses.items()
        }
        if not readings and True in held.values():
            # beside a response that gives the value itself, one that gives nothing of the kind is wrong
            held = {name: bool(holds) for name, holds in held.items()}
        found = f"{asked.column}: {value if isinstance(value, str) else canonical(value)}"
        return [
            Finding(name, " ".join(case.responses[name].split())[:_CLAIM], holds, found, self.name, final=True)
            for name, holds in held.items()
            if holds is not None
        ]

    def _vocabulary(self, column: str) -> frozenset[str]:
        """The folded values of a column that are words; read once, of those columns alone that are asked for."""
        if column not in self._words:
            self._words[column] = frozenset(
                fold(str(row[column]))
                for rows in self.table.rows.values()
                for row in rows
                if isinstance(row.get(column), str) and len(row[column]) <= 100
            )
        return self._words[column]

    def _text_said(self, text: str, column: str, value: str) -> bool | None:
        """Whether a response gives this value and no other of its column; None where it gives none."""
        known, right = self._vocabulary(column), fold(value)
        said = {
            span[2] for span in _longest([span for span in _spans(text, 16) if span[2] in known or span[2] == right])
        }
        return said == {right} if said else None


def _spans(text: str, longest: int = _LONGEST_KEY) -> list[tuple[int, int, str]]:
    """Every run of up to so many words: where it begins and ends, and its folded text."""
    words = [(match.start(), match.end()) for match in _WORD.finditer(text[:20_000])]
    found = []
    for first, (start, _) in enumerate(words):
        for _, end in words[first : first + longest]:
            found.append((start, end, fold(text[start:end])))
            if end - start > 2 and text[end - 2 : end] in ("'s", "’s"):
                found.append((start, end - 2, fold(text[start : end - 2])))
    return found


def _longest(spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Those that lie in no other."""
    kept: list[tuple[int, int, str]] = []
    for span in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not kept or span[1] > kept[-1][1]:
            kept.append(span)
    return kept


def _readings(value: Any) -> list[tuple[Fraction, str]]:
    """The numbers that a cell gives, each with its unit, such as 20.5 kph and 12.8 mph; none where it is a text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return []
    if not isinstance(value, str):
        return [(Fraction(str(value)), "")]
    found = []
    for part in value.split(","):
        match = _READING.fullmatch(part)
        if match is None:
            return []
        found.append((Fraction(match[1]), fold(match[2] or match[3] or "")))
    return found


def _number_said(text: str, readings: list[tuple[Fraction, str]], question: str) -> bool | None:
    """Whether a response gives one of these numbers; None where it gives none, or others beside."""
    given = {quantity.value for quantity in quantities(masked_dates(question))}
    masked = masked_dates(text)
    numbers = [number for number in quantities(masked) if not (number.worded and number.value == 1)]
    own = [number for number in numbers if number.value not in given] or numbers
    if not own:
        return None
    fits = [any(_fits(number, masked, value, unit) for value, unit in readings) for number in own]
    return True if all(fits) else None if any(fits) else False


def _fits(number: Quantity, text: str, value: Fraction, unit: str) -> bool:
    behind = _UNIT.match(text, number.end)
    named = fold(behind[1] or behind[2]) if behind else ""
    marks = {"%": "%", "°c": "c", "°f": "f"}
    named, unit = marks.get(named, named), marks.get(unit, unit)
    units_differ = unit and named and behind is not None and behind[1] is not None and named != unit
    # whoever rounds to a whole number says so by giving no decimals; whoever gives decimals gives the table's
    return not units_differ and (value == number.value or number.step == 1 and abs(value - number.value) * 2 <= 1)

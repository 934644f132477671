"""What is one section of the published numbers, and how does it read its data?"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any


class Missing(Exception):
    """A file that a section needs is not in the data folder."""


@dataclass(slots=True)
class Section:
    """The outcome of a section: how many checks held, which did not, and what a reader may want to see.

    Attributes:
        matched: checks that held.
        total: all checks.
        misses: one line each for what did not hold.
        tables: named tables of counts, printed on standard error.
        figures: what was counted and has no target, by name.
        notes: what a reader must know to read the numbers.
        details: rows for `--details`; they may hold judged text.
    """

    matched: int = 0
    total: int = 0
    misses: list[str] = field(default_factory=list)
    tables: dict[str, dict[str, int]] = field(default_factory=dict)
    figures: dict[str, dict[str, float | int | None]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    details: list[dict[str, Any]] = field(default_factory=list)

    def check(self, held: bool, name: str) -> None:
        """Count one check; one that does not hold is a miss under its name."""
        self.total += 1
        self.matched += held
        if not held:
            self.misses.append(name)

    def count(self, table: str, key: str) -> None:
        """Add one to a cell of a table."""
        cells = self.tables.setdefault(table, {})
        cells[key] = cells.get(key, 0) + 1


def need(path: Path) -> Path:
    """Give a path back if it is there."""
    if not path.exists():
        raise Missing(str(path))
    return path


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Read JSON lines, packed or not."""
    with _opened(path) as lines:
        for line in lines:
            yield json.loads(line)


def document(path: Path) -> Any:
    """Read one JSON document, packed or not."""
    with _opened(path) as text:
        return json.load(text)


def table(path: Path) -> list[dict[str, str]]:
    """Read a CSV file, packed or not, whose first line names the columns."""
    with _opened(path, encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def rounded(values: Mapping[str, float | None], digits: int = 4) -> dict[str, float | int | None]:
    """Numbers as figures show them; what is unknown stays None."""
    return {name: None if value is None else round(value, digits) for name, value in values.items()}


def _opened(path: Path, *, encoding: str = "utf-8", newline: str | None = None) -> IO[str]:
    if need(path).suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding, newline=newline)
    return path.open(encoding=encoding, newline=newline)

"""What does a table of a user's hold? Read once from CSV, JSON, JSON lines, Parquet or SQLite."""

from __future__ import annotations

import csv
import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from ...store.canonical import digest
from ...text.errors import BadJudge

_LARGEST = 200 << 20  # bytes of a file
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_IDENTIFIER = re.compile(r"[^\W\d]\w{0,62}")

Row = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """A table whose rows are found by the values of its key columns.

    Attributes:
        keys: the key columns.
        columns: the others.
        rows: by their folded keys; several where a key is not unique.
        digest: of the file and of how it was read.
    """

    keys: tuple[str, ...]
    columns: tuple[str, ...]
    rows: Mapping[tuple[str, ...], list[Row]] = field(repr=False)
    digest: str

    @cached_property
    def known(self) -> tuple[dict[str, str], ...]:
        """For each key column its folded values, each with how it is written."""
        found: tuple[dict[str, str], ...] = tuple({} for _ in self.keys)
        for folded, rows in self.rows.items():
            for values, key, name in zip(found, folded, self.keys, strict=True):
                values.setdefault(key, str(rows[0][name]))
        return found

    @cached_property
    def dated(self) -> tuple[bool, ...]:
        """For each key column whether all its values are ISO dates."""
        return tuple(all(_ISO.fullmatch(value) for value in values) for values in self.known)

    def find(self, values: Iterable[Any]) -> list[Row]:
        """The rows under these values of the key columns."""
        return self.rows.get(tuple(fold(str(value)) for value in values), [])


def fold(text: str) -> str:
    """A value as it is compared: composed, without case, each run of blanks one."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def read_table(path: Path, *, keys: tuple[str, ...] = (), table: str = "") -> Table:
    """Read a table.

    Args:
        path: `.csv`, `.jsonl`, `.json`, `.parquet`, or a SQLite file (`.db`, `.sqlite`, `.sqlite3`).
        keys: its key columns; the first column where none is named. For a JSON object of keys and values they name the
            parts of its keys, which commas divide; where each ends in a date, they are `key` and `date` unless named.
        table: the SQLite table's name; needed where there are several.

    Raises:
        BadJudge: if it cannot be read, or has no such columns.
    """
    if not path.is_file():
        raise BadJudge(f"There is no table {path}.", way_out="--tools lookup:FILE?keys=NAME")
    if path.stat().st_size > _LARGEST:
        raise BadJudge(
            f"The table {path} is larger than {_LARGEST >> 20} MB.", way_out="cut it down to what is asked for"
        )
    try:
        keys = keys or _dated_keys(path)
        rows = list(_rows(path, keys, table))
    except (OSError, UnicodeDecodeError, ValueError, csv.Error, sqlite3.Error) as error:
        raise BadJudge(f"The table {path} cannot be read: {error}.") from error
    if not rows:
        raise BadJudge(f"The table {path} has no rows.")
    names = list(dict.fromkeys(name for row in rows for name in row))
    chosen = keys or (names[0],)
    missing = [name for name in chosen if name not in names]
    if missing:
        raise BadJudge(f"The table {path} has no column `{missing[0]}`.", way_out=f"?keys= of: {', '.join(names[:20])}")
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(fold(str(row.get(name, ""))) for name in chosen), []).append(row)
    told = digest([digest(path.read_bytes()), list(chosen), table])
    return Table(chosen, tuple(name for name in names if name not in chosen), found, told)


def _rows(path: Path, keys: tuple[str, ...], table: str) -> Iterator[Row]:
    kind = path.suffix.lower()
    if kind == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as lines:
            yield from ({name: value for name, value in row.items() if name} for row in csv.DictReader(lines))
    elif kind == ".jsonl":
        yield from (_object(orjson.loads(line)) for line in path.read_bytes().splitlines() if line.strip())
    elif kind == ".json":
        read = orjson.loads(path.read_bytes())
        yield from map(_object, read) if isinstance(read, list) else _entries(_object(read), keys)
    elif kind == ".parquet":
        import polars

        yield from polars.read_parquet(path).iter_rows(named=True)
    elif kind in (".db", ".sqlite", ".sqlite3"):
        yield from _of_sqlite(path, table)
    else:
        raise ValueError("it is no .csv, .jsonl, .json, .parquet, .db or .sqlite")


def _object(read: Any) -> Row:
    if not isinstance(read, dict):
        raise ValueError("each row must be a JSON object")
    return read


def _entries(read: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[Row]:
    """The rows of one JSON object: its keys, which may have parts, and what stands under each."""
    parts = len(keys) or 1
    for key, value in read.items():
        split = key.rsplit(",", parts - 1)
        if len(split) != parts:
            raise ValueError(f"the key {key!r} has not {parts} parts")
        named: Row = dict(zip(keys or ("key",), (part.strip() for part in split), strict=True))
        yield named | (
            value if isinstance(value, dict) else fields_of(value) if isinstance(value, str) else {"value": value}
        )


def _dated_keys(path: Path) -> tuple[str, ...]:
    """The parts of a JSON object's keys where each ends in a date behind a comma."""
    read = orjson.loads(path.read_bytes()) if path.suffix.lower() == ".json" else None
    if not isinstance(read, dict) or not read:
        return ()
    dated = all(_ISO.fullmatch(key.rpartition(",")[2].strip()) and "," in key for key in read)
    return ("key", "date") if dated else ()


def fields_of(text: str) -> Row:
    """The fields of a text such as `In all: sky: grey; wind: 3(kph), 2(mph).`, or the text as `value`.

    >>> fields_of("It was so: sky: grey; wind: 3(kph), 2(mph).")
    {'sky': 'grey', 'wind': '3(kph), 2(mph)'}
    """
    parts = [part.strip() for part in text.strip().split(";") if part.strip()]
    found: Row = {}
    for part in parts:
        before, colon, value = part.rpartition(": ")
        name = before.rpartition("\n")[2].rpartition(": ")[2].strip()
        if not colon or not name or len(name) > 60:
            return {"value": text}
        found[name] = value.strip()
    if len(found) < 2:
        return {"value": text}
    last = list(found)[-1]
    return found | {last: found[last].removesuffix(".")}


def _of_sqlite(path: Path, table: str) -> Iterator[Row]:
    uri = f"{path.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
        name = table or (names[0] if len(names) == 1 else "")
        if name not in names or not _IDENTIFIER.fullmatch(name):
            raise ValueError(f"name one of its tables, ?table= of: {', '.join(names)}")
        yield from map(dict, connection.execute(f'SELECT * FROM "{name}"'))  # noqa: S608  # one of its own names

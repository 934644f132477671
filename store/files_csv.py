"""What does each row of a CSV file hold, and how is a row written?"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

from ..text.errors import BadInput
from .cells import Kind, Raw, from_cell, to_cell
from .faults import Unusable
from .files_jsonl import LONGEST

_UNDECODED = re.compile("[\udc80-\udcff]")


def read_csv(
    handle: BinaryIO, *, file: str, columns: Mapping[str, Kind], needed: tuple[str, ...], tabs: bool, skip: int = 0
) -> Iterator[Raw]:
    """Yield the rows that are not blank; cells of unknown columns are text, empty cells are absent.

    Args:
        handle: the stream at its beginning.
        file: its name in messages.
        columns: what the known columns hold.
        needed: columns without which no row can be used.
        tabs: whether tabs part the cells, instead of commas.
        skip: how many rows were read before.

    Raises:
        BadInput: if the header cannot be used.
    """
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST))  # the module's own limit of 128 kB is the process's
    reader = csv.reader(_decoded(handle), delimiter="\t" if tabs else ",", strict=True)
    header = _header(reader, file, needed)
    if header is None:
        return
    row_number = 0
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            row_number += 1
            if row_number > skip:
                yield Raw(start, row_number, None, Unusable("", f"is not CSV: {error}"))
            continue
        if not cells:
            continue
        row_number += 1
        if row_number > skip:
            yield _row(start, row_number, header, cells, columns)


def _decoded(handle: BinaryIO) -> Iterator[str]:
    """The lines as text, a byte that is not UTF-8 as a lone surrogate, so that only its own row is refused."""
    for number, line in enumerate(handle):
        yield (line if number else line.removeprefix(b"\xef\xbb\xbf")).decode("utf-8", "surrogateescape")


def _header(reader: Iterator[list[str]], file: str, needed: tuple[str, ...]) -> list[str] | None:
    try:
        header = next((cells for cells in reader if cells), None)
    except csv.Error as error:
        raise BadInput(
            f"The header of {file} is not CSV: {error}.", way_out="name the columns in its first line"
        ) from None
    if header is None:
        return None
    header = [name.strip() for name in header]
    shown = ", ".join(f"`{name[:40]}`" for name in header[:20])
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise BadInput(f"{file} has the column `{twice[0]}` twice.", way_out="rename or remove one of them")
    missing = [name for name in needed if name not in header]
    if missing:
        semicolons = len(header) == 1 and ";" in header[0]
        way_out = "part the cells by commas, not semicolons" if semicolons else f"name a column `{missing[0]}`"
        raise BadInput(f"{file} has no column `{missing[0]}`; its columns are {shown}.", way_out=way_out)
    if "" in header:
        place = header.index("") + 1
        raise BadInput(
            f"Column {place} of {file} has no name.", way_out="name or remove it (pandas: to_csv(..., index=False))"
        )
    return header


def _row(line: int, end: int, header: list[str], cells: list[str], columns: Mapping[str, Kind]) -> Raw:
    if len(cells) != len(header):
        return Raw(line, end, None, Unusable("", f"has {len(cells)} cells; the header names {len(header)}"))
    fields: dict[str, Any] = {}
    for name, cell in zip(header, cells, strict=True):
        if not cell:
            continue
        if not cell.isascii() and _UNDECODED.search(cell):
            return Raw(line, end, None, Unusable(name, "is not UTF-8: re-encode the file"))
        try:
            fields[name] = from_cell(cell, columns.get(name, "name"))
        except Unusable as fault:
            return Raw(line, end, None, Unusable(name, fault.reason))
    return Raw(line, end, fields, None)


def write_csv(handle: BinaryIO, rows: Iterable[Mapping[str, Any]], columns: Mapping[str, Kind]) -> int:
    """Write a header and the rows; how many rows there were.

    Lines end as RFC 4180 says (CR LF), which also makes the module quote a lone CR inside a cell.
    """
    text = io.TextIOWrapper(handle, encoding="utf-8", newline="", write_through=False)
    count = 0
    try:
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([to_cell(row.get(name), kind) for name, kind in columns.items()])
            count += 1
        text.flush()
    finally:
        text.detach()  # the handle is the caller's: it stays open
    return count

"""What does each row of a Parquet file hold, and how is one written without holding it whole?"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import orjson

from ..text.errors import BadInput
from .cells import Kind, Raw, json_of, read_text, write_text
from .faults import Unusable

if TYPE_CHECKING:
    import polars as pl

_READ_ROWS = 2000
_WRITE_ROWS = 10_000


def read_parquet(path: Path, *, columns: Mapping[str, Kind], needed: tuple[str, ...], skip: int = 0) -> Iterator[Raw]:
    """Yield the rows; nested columns may be lists and structs, or JSON text; nulls are absent.

    Args:
        path: the file.
        columns: what the known columns hold.
        needed: columns without which no row can be used.
        skip: how many rows were read before.

    Raises:
        BadInput: if it is no Parquet file or lacks a column that is needed.
    """
    import polars as pl

    try:
        frame = pl.scan_parquet(path, glob=False)
        names = frame.collect_schema().names()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadInput(f"{path} is not a Parquet file: {str(error).splitlines()[0][:120]}.") from None
    missing = [name for name in needed if name not in names]
    if missing:
        shown = ", ".join(f"`{name[:40]}`" for name in names[:20])
        raise BadInput(
            f"{path} has no column `{missing[0]}`; its columns are {shown}.", way_out=f"name a column `{missing[0]}`"
        )
    number = skip
    while True:
        rows = frame.slice(number, _READ_ROWS).collect()
        for row in rows.iter_rows(named=True):
            number += 1
            yield _row(number, row, columns)
        if rows.height < _READ_ROWS:
            return


def _row(number: int, row: Mapping[str, Any], columns: Mapping[str, Kind]) -> Raw:
    fields: dict[str, Any] = {}
    for name, value in row.items():
        if value is None:
            continue
        kind = columns.get(name, "name")
        try:
            if isinstance(value, str):
                fields[name] = (
                    json_of(value) if kind == "json" else value if kind != "prompt" else read_text(value, kind)
                )
            else:
                fields[name] = _plain(value)
        except Unusable as fault:
            return Raw(number, number, None, Unusable(name, fault.reason))
    return Raw(number, number, fields, None)


def _plain(value: Any) -> Any:
    """The value in JSON's types; a struct's nulls are left out, as it has every row's fields."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (str, bool, int, float)) or value is None:
        return value
    if isinstance(value, bytes):
        raise Unusable("", "holds bytes; needed is text")
    return str(value)


def write_parquet(
    handle: BinaryIO, rows: Iterable[Mapping[str, Any]], columns: Mapping[str, Kind], *, chunk: int = _WRITE_ROWS
) -> int:
    """Write the rows; how many there were.

    Nested columns hold JSON text, which keeps an absent field and a null one apart and needs no schema over all rows.
    Chunks are written to files of their own and joined at the end, so that memory does not grow with the rows.
    """
    import polars as pl

    schema = {name: {"integer": pl.Int64, "number": pl.Float64}.get(kind, pl.String) for name, kind in columns.items()}
    count, source = 0, iter(rows)
    with tempfile.TemporaryDirectory(prefix="plurijudge-") as folder:
        parts: list[Path] = []
        while batch := list(islice(source, chunk)):
            part = Path(folder) / f"{len(parts):08d}.parquet"
            _frame(batch, columns, schema).write_parquet(part)
            parts.append(part)
            count += len(batch)
            del batch
        if not parts:
            parts.append(Path(folder) / "00000000.parquet")
            pl.DataFrame(schema=schema).write_parquet(parts[0])
        joined = parts[0]
        if len(parts) > 1:
            joined = Path(folder) / "joined.parquet"
            pl.scan_parquet(parts, glob=False).sink_parquet(joined)
        with joined.open("rb") as whole:
            shutil.copyfileobj(whole, handle)
    return count


def _frame(batch: list[Mapping[str, Any]], columns: Mapping[str, Kind], schema: Any) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(
        {name: [_cell(row.get(name), kind) for row in batch] for name, kind in columns.items()}, schema=schema
    )


def _cell(value: Any, kind: Kind) -> Any:
    if value is None:
        return None
    if kind == "json":
        return orjson.dumps(value).decode()
    return write_text(value, kind) if kind == "prompt" else value

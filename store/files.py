"""Which items and verdicts does a file hold, and which of its lines are not usable, and why?"""

from __future__ import annotations

import difflib
import gzip
import hashlib
import io
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeVar, cast

import orjson
from pydantic import ValidationError

from ..text.errors import BadInput
from .cells import ITEM_COLUMNS, VERDICT_COLUMNS, Kind, Raw
from .faults import Fault as Fault, Line as Line, Unusable, closest, explained, unknown_field
from .files_csv import read_csv, write_csv
from .files_jsonl import read_jsonl
from .files_parquet import read_parquet, write_parquet
from .records import Gold, Item, Message, Response, Verdict

Format = Literal["jsonl", "csv", "parquet"]
T = TypeVar("T")

_SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".jsonlines": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_KINDS = "a file that ends in .jsonl, .csv or .parquet"
_STORE_ONLY = frozenset({"id", "run", "dataset", "call", "created_at"})
_VERDICT_FIELDS = frozenset(VERDICT_COLUMNS)


def file_format(path: str | os.PathLike[str]) -> Format:
    """The format of a file, by its name; that it can be read is checked first.

    Raises:
        BadInput: if it is missing, a folder, may not be read, or is of no known format.
    """
    file = Path(path)
    _check_readable(file)
    suffix = _suffix(file)
    found = _SUFFIXES.get(suffix)
    if found is None:
        said = f"`{suffix}` is no format that plurijudge reads" if suffix else "its name has no suffix"
        raise BadInput(f"{file}: {said}.", way_out=_KINDS)
    _check_beginning(file, suffix)
    return found


def _suffix(file: Path) -> str:
    name = file.name.lower().removesuffix(".gz")
    return Path(name).suffix


def _check_readable(file: Path) -> None:
    if file.is_dir():
        raise BadInput(f"{file} is a folder: name a file in it.", way_out=_in_folder(file))
    if not file.exists():
        folder = file.parent
        if not folder.is_dir():
            raise BadInput(f"There is no folder {folder}, so no file {file.name} in it.", way_out=_KINDS)
        near = difflib.get_close_matches(file.name, [entry.name for entry in folder.iterdir()], n=3, cutoff=0.6)
        way_out = " or ".join(str(folder / name) if str(folder) != "." else name for name in near) or _KINDS
        raise BadInput(f"There is no file {file}.", way_out=way_out)
    if not os.access(file, os.R_OK):
        raise BadInput(f"{file} may not be read: permission denied.", way_out=f"chmod u+r {file}")


def _in_folder(folder: Path) -> str:
    try:
        names = sorted(entry.name for entry in folder.iterdir() if _suffix(entry) in _SUFFIXES)
    except OSError:
        return _KINDS
    return str(folder / names[0]) if names else _KINDS


def _check_beginning(file: Path, suffix: str) -> None:
    """Refuse at once what no line of would be usable."""
    if _SUFFIXES[suffix] == "parquet":
        return
    with _opened(file) as handle:
        head = _guarded(file, lambda: handle.read(65536))
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadInput(f"{file} is UTF-16; needed is UTF-8.", way_out=f"iconv -f UTF-16 -t UTF-8 {file}")
    if head.startswith(b"PAR1"):
        raise BadInput(f"{file} is a Parquet file by its first bytes.", way_out="rename it to .parquet")
    if _SUFFIXES[suffix] == "jsonl":
        _check_one_object_a_line(file, head)


def _check_one_object_a_line(file: Path, head: bytes) -> None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if re.match(rb"\[\s*(\{|$)", text):
        raise BadInput(
            f"{file} holds one JSON list; needed is one JSON object a line.",
            way_out=f"jq -c '.[]' {file} > {file.with_suffix('.jsonl').name}",
        )
    if text.split(b"\n", 1)[0].strip() == b"{":
        raise BadInput(
            f"{file} holds JSON over several lines; needed is one JSON object a line.",
            way_out=f"jq -c . {file} > {file.with_suffix('.jsonl').name}",
        )


def _opened(file: Path) -> BinaryIO:
    try:
        handle = file.open("rb")
        if handle.peek(2)[:2] == b"\x1f\x8b":
            handle.close()
            return cast(BinaryIO, gzip.open(file, "rb"))
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror or error}.", way_out=_KINDS) from error
    return handle


def _guarded(file: Path, work: Callable[[], T]) -> T:
    try:
        return work()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadInput(f"{file} is damaged or cut off: {error}.", way_out="fetch or pack it again") from error
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror or error}.", way_out=_KINDS) from error


def read_items(path: str | os.PathLike[str], *, start: int = 0, line: int = 0) -> Iterator[Line[Item]]:
    """Read the items of a file one by one, in constant memory.

    Args:
        path: a file of JSON lines, CSV or Parquet; JSON lines and CSV may be packed with gzip.
        start: where to go on: the `end` of the last line read before.
        line: the `number` of the last line read before (JSON lines count on from it).

    Yields:
        A line with its item, or with the fault that keeps it out. Blank lines are passed over.

    Raises:
        BadInput: at once, if the file cannot be read at all; while reading, if it is cut off.
    """
    raws = _raws(Path(path), ITEM_COLUMNS, ("id", "prompt"), start=start, line=line)
    return _lines(str(path), raws, item_of_fields)


def read_verdicts(path: str | os.PathLike[str], *, start: int = 0, line: int = 0) -> Iterator[Line[Verdict]]:
    """Read the verdicts of a file one by one, as `read_items` does items.

    The columns `id`, `run`, `dataset`, `call` and `created_at`, which `export verdicts` writes, name rows of another
    store: they are read over.

    Args:
        path: a file of JSON lines, CSV or Parquet.
        start: where to go on: the `end` of the last line read before.
        line: the `number` of the last line read before.

    Yields:
        A line with its verdict, or with the fault that keeps it out.

    Raises:
        BadInput: at once, if the file cannot be read at all; while reading, if it is cut off.
    """
    raws = _raws(Path(path), VERDICT_COLUMNS, ("item", "judge", "presentation"), start=start, line=line)
    return _lines(str(path), raws, verdict_of_fields)


def _raws(file: Path, columns: Mapping[str, Kind], needed: tuple[str, ...], *, start: int, line: int) -> Iterator[Raw]:
    kind = file_format(file)
    if kind == "parquet":
        return read_parquet(file, columns=columns, needed=needed, skip=start) if file.stat().st_size else iter(())
    return _streamed(file, kind, columns, needed, start=start, line=line)


def _streamed(
    file: Path, kind: Format, columns: Mapping[str, Kind], needed: tuple[str, ...], *, start: int, line: int
) -> Iterator[Raw]:
    with _opened(file) as handle:
        if kind == "jsonl":
            if start:
                _guarded(file, lambda: handle.seek(start))
            raws = read_jsonl(handle, line=line, offset=start)
        else:
            tabs = _suffix(file) == ".tsv"
            raws = read_csv(handle, file=str(file), columns=columns, needed=needed, tabs=tabs, skip=start)
        while (raw := _guarded(file, lambda: next(raws, None))) is not None:
            yield raw


def _lines(file: str, raws: Iterator[Raw], check: Callable[[dict[str, Any]], T]) -> Iterator[Line[T]]:
    for number, end, fields, fault in raws:
        record: T | None = None
        if fields is not None:
            try:
                record = check(fields)
            except Unusable as found:
                fault = found
            except ValidationError as error:
                fault = explained(error, fields)
        told = None if fault is None else Fault(file, number, fault.field, fault.reason)
        yield Line(number, end, record, told)


def item_of_fields(fields: dict[str, Any]) -> Item:
    """The item that a line's fields describe; unknown fields are kept under `meta`.

    Raises:
        Unusable: if a field looks like a known one misspelt.
        ValidationError: if a field does not hold what it should.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    extra = given.keys() - ITEM_COLUMNS.keys()
    if extra:
        _keep_in_meta(given, sorted(extra))
    gold = given.get("gold")
    if isinstance(gold, list):
        given["gold"] = [_without_nulls(label) for label in gold]
    return Item.model_validate(given)


def _without_nulls(value: Any) -> Any:
    return {name: inner for name, inner in value.items() if inner is not None} if isinstance(value, dict) else value


def _keep_in_meta(given: dict[str, Any], extra: list[str]) -> None:
    """Move unknown fields to `meta`, unless one looks like a known field misspelt that the line does not have."""
    absent = [name for name in ITEM_COLUMNS if name not in given]
    for name in extra:
        if closest(name, absent) is not None:
            raise unknown_field(name, absent)
    meta = given.get("meta", {})
    if not isinstance(meta, dict):
        return  # the record says what is wrong with it
    meta = dict(meta)
    for name in extra:
        value = given.pop(name)
        if meta.setdefault(name, value) != value:
            raise Unusable(name, f"is unknown, and `meta` already holds another `{name}`")
    given["meta"] = meta


def verdict_of_fields(fields: dict[str, Any]) -> Verdict:
    """The verdict that a line's fields describe.

    Raises:
        Unusable: if there is a field that no verdict has.
        ValidationError: if a field does not hold what it should.
    """
    given = {name: value for name, value in fields.items() if value is not None and name not in _STORE_ONLY}
    extra = given.keys() - _VERDICT_FIELDS
    if extra:
        raise unknown_field(min(extra), VERDICT_COLUMNS)
    return Verdict.model_validate(given)


def item_to_dict(item: Item) -> dict[str, Any]:
    """An item for JSON, its fields in the documented order; what is absent or empty is left out."""
    prompt = item.prompt if isinstance(item.prompt, str) else [_message(message) for message in item.prompt]
    fields: dict[str, Any] = {"id": item.id, "prompt": prompt}
    for name in ("context", "reference"):
        if getattr(item, name) is not None:
            fields[name] = getattr(item, name)
    if item.responses:
        fields["responses"] = [_response(response) for response in item.responses]
    if item.gold:
        fields["gold"] = [_gold(gold) for gold in item.gold]
    if item.meta:
        fields["meta"] = item.meta
    if item.parent is not None:
        fields["parent"] = item.parent
    if item.perturbation is not None:
        fields["perturbation"] = item.perturbation
    return fields


def _set_fields(record: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(record, name)) is not None}


def _parts(parts: Iterable[Any]) -> list[dict[str, Any]]:
    return [_set_fields(part, ("type", "text", "id", "name", "arguments", "result", "url")) for part in parts]


def _message(message: Message) -> dict[str, Any]:
    content = message.content if isinstance(message.content, str) else _parts(message.content)
    return {"role": message.role, "content": content}


def _response(response: Response) -> dict[str, Any]:
    fields = _set_fields(response, ("id", "model", "text"))
    if response.parts is not None:
        fields["parts"] = _parts(response.parts)
    return fields


def _gold(gold: Gold) -> dict[str, Any]:
    fields = _set_fields(gold, ("annotator", "group", "preferred", "scores", "criterion_scores", "sample"))
    return {name: value for name, value in fields.items() if value not in ("", 0)}


_ALWAYS = (
    *("item", "judge", "persona", "arm", "step", "presentation", "sample", "status"),
    *("preferred", "p_first", "scores", "raw", "rationale", "models"),
)


def verdict_to_dict(verdict: Verdict) -> dict[str, Any]:
    """A verdict for JSON: the documented fields, null where unknown, and the rarer ones where they say something."""
    fields = {name: getattr(verdict, name) for name in VERDICT_COLUMNS}
    fields["presentation"] = list(verdict.presentation)
    return {name: value for name, value in fields.items() if name in _ALWAYS or value not in (None, "")}


def write_items(target: str | os.PathLike[str] | BinaryIO, items: Iterable[Item], *, format: Format = "jsonl") -> int:
    """Write items as they come; how many there were.

    Args:
        target: a path, which stands complete or not at all, or a binary handle, which is left open.
        items: what to write.
        format: how.
    """
    return write_rows(target, map(item_to_dict, items), ITEM_COLUMNS, format=format)


def write_verdicts(
    target: str | os.PathLike[str] | BinaryIO, verdicts: Iterable[Verdict], *, format: Format = "jsonl"
) -> int:
    """Write verdicts as they come; how many there were.

    Args:
        target: a path, which stands complete or not at all, or a binary handle, which is left open.
        verdicts: what to write; the number of a call, which means nothing outside its store, is not written.
        format: how.
    """
    return write_rows(target, map(verdict_to_dict, verdicts), VERDICT_COLUMNS, format=format)


def write_rows(
    target: str | os.PathLike[str] | BinaryIO,
    rows: Iterable[Mapping[str, Any]],
    columns: Mapping[str, Kind],
    *,
    format: Format,
) -> int:
    """Write rows of plain values in any format; JSON lines hold them as they are, the others in the columns' order."""
    if not isinstance(target, (str, os.PathLike)):
        return _write(target, rows, columns, format)
    path = Path(target)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with unfinished.open("wb") as handle:
            count = _write(handle, rows, columns, format)
        unfinished.replace(path)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror or error}.", way_out="name another file") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return count


def _write(handle: BinaryIO, rows: Iterable[Mapping[str, Any]], columns: Mapping[str, Kind], format: Format) -> int:
    if format == "csv":
        return write_csv(handle, rows, columns)
    if format == "parquet":
        return write_parquet(handle, rows, columns)
    count, buffer = 0, io.BytesIO()
    for row in rows:
        buffer.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        count += 1
        if buffer.tell() > 262_144:
            handle.write(buffer.getvalue())
            buffer = io.BytesIO()
    handle.write(buffer.getvalue())
    return count


def file_digest(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes in hex, read in pieces.

    Raises:
        BadInput: if it cannot be read.
    """
    file = Path(path)
    _check_readable(file)
    try:
        with file.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror or error}.", way_out=_KINDS) from error

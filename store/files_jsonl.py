"""What does each line of a JSON-lines file hold?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from .cells import Raw, json_of
from .faults import Unusable

LONGEST = 64 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


def read_jsonl(handle: BinaryIO, *, line: int = 0, offset: int = 0) -> Iterator[Raw]:
    """Yield the lines that are not blank.

    Args:
        handle: the stream, standing at `offset`.
        line: how many lines lie before it.
        offset: how many bytes lie before it.
    """
    while data := handle.readline(LONGEST + 1):
        line += 1
        offset += len(data)
        if len(data) > LONGEST and not data.endswith(b"\n"):
            offset += _skip_line(handle)
            reason = f"is longer than {LONGEST // (1024 * 1024)} MB, more than an item may hold"
            yield Raw(line, offset, None, Unusable("", reason))
            continue
        if line == 1:
            data = data.removeprefix(_BOM)
        data = data.strip()
        if data:
            yield _parsed(line, offset, data)


def _skip_line(handle: BinaryIO) -> int:
    skipped = 0
    while data := handle.readline(LONGEST):
        skipped += len(data)
        if data.endswith(b"\n"):
            break
    return skipped


def _parsed(line: int, offset: int, data: bytes) -> Raw:
    try:
        value = json_of(data)
    except Unusable as fault:
        return Raw(line, offset, None, fault)
    if isinstance(value, dict):
        return Raw(line, offset, value, None)
    kind = "a list" if isinstance(value, list) else "a bare value"
    return Raw(line, offset, None, Unusable("", f"is {kind}; needed is one JSON object a line"))

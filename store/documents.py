"""Which texts are in a folder? Files that can be read as documents, and by name those that cannot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ..text.errors import BadInput
from ..text.pages import page_text
from .faults import Fault

TEXTS, PAGES, LINES = (".txt", ".md", ".rst", ".text", ".markdown"), (".html", ".htm", ".xhtml"), (".jsonl", ".ndjson")
LARGEST = 64 << 20
"""Bytes of one file at most; of JSON lines each line is a document, and the file may be of any size."""


@dataclass(frozen=True, slots=True)
class Document:
    """One text.

    Attributes:
        name: its path in the folder, or its `id` in a file of JSON lines; unique in a corpus.
        text: what it says.
        title: what it is called, '' where it does not say.
        url: where it came from, '' where it does not say.
        published: when it was written, as it says.
    """

    name: str
    text: str
    title: str = ""
    url: str = ""
    published: str = ""


def documents_in(source: Path) -> Iterator[Document | Fault]:
    """Read a folder's files, or one file, in the order of their names; what cannot be read is told by name.

    Text and Markdown files are documents, HTML pages too; in JSON lines each line is one: `text`, and as far as known
    `id`, `title`, `url`, `published`. Hidden files and folders are left alone.

    Raises:
        BadInput: if there is no such folder or file.
    """
    if not source.exists():
        raise BadInput(f"There is no folder or file {source}.", way_out="plurijudge corpus add FOLDER --name NAME")
    if source.is_file():
        yield from _of_file(source, source.name)
        return
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source)
        if path.is_file() and not any(part.startswith(".") for part in inside.parts):
            yield from _of_file(path, inside.as_posix())


def _of_file(path: Path, name: str) -> Iterator[Document | Fault]:
    kind = path.suffix.lower()
    if kind in LINES:
        yield from _of_lines(path, name)
        return
    if kind not in (*TEXTS, *PAGES):
        known = ", ".join((*TEXTS, *PAGES, *LINES))
        yield Fault(name, 0, "", f"a file `{kind or path.name}` is not read; those that are: {known}")
        return
    try:
        if path.stat().st_size > LARGEST:
            yield Fault(name, 0, "", f"it is larger than {LARGEST >> 20} MB; as JSON lines it may be of any size")
            return
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        yield Fault(name, 0, "", f"it is not UTF-8: byte {error.start}")
        return
    except OSError as error:
        yield Fault(name, 0, "", f"it cannot be read: {error.strerror}")
        return
    title = ""
    if kind in PAGES:
        title, text = page_text(text)
    else:
        first = text.lstrip().partition("\n")[0].strip()
        title = first.lstrip("#").strip() if first.startswith("#") and len(first) < 200 else ""
    if text.strip():
        yield Document(name, text, title)
    else:
        yield Fault(name, 0, "", "it has no text")


def _of_lines(path: Path, name: str) -> Iterator[Document | Fault]:
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _of_line(line, name, number)
    except OSError as error:
        yield Fault(name, 0, "", f"it cannot be read: {error.strerror}")


def _of_line(line: bytes, name: str, number: int) -> Document | Fault:
    try:
        read: Any = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return Fault(name, number, "", f"it is not JSON: {error.msg}")
    if not isinstance(read, dict):
        return Fault(name, number, "", "it must be a JSON object")
    for field in ("text", "id", "title", "url", "published"):
        value = read.get(field)
        if value is not None and not (isinstance(value, str) or field == "id" and isinstance(value, int)):
            return Fault(name, number, field, "must be a text")
    if not (read.get("text") or "").strip():
        return Fault(name, number, "text", "is missing")
    told = {field: read.get(field) or "" for field in ("title", "url", "published")}
    own = read.get("id")
    return Document(f"{name}:{number}" if own in (None, "") else str(own), read["text"], **told)

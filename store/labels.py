"""Which labels did people give, group by group? Files of one label a line, from a survey or a crowd."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from ..text.errors import BadInput
from .faults import Fault

_NEEDED = ("item", "group", "label")
_PLAIN = re.compile(r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)", re.ASCII)


class PersonLabel(NamedTuple):
    """One person's label of one item: a response's id, `tie`, or a number."""

    item: str
    group: str
    annotator: str
    label: str


def read_labels(path: Path, *, faults: list[Fault]) -> Iterator[PersonLabel]:
    """The labels of a file: CSV with a heading, or JSON lines, with `item`, `group`, `label` and mostly `annotator`.

    Args:
        path: the file, `.csv` or `.jsonl`.
        faults: lines that cannot be used are added here, and left out.

    Raises:
        BadInput: if the file cannot be read, or has no such columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = _csv(lines, path) if path.suffix.lower() == ".csv" else _json_lines(lines, path, faults)
            for number, row in rows:
                lacking = next((name for name in _NEEDED if _text(row.get(name)) == ""), "")
                odd = next((name for name in _NEEDED if isinstance(row.get(name), list | dict)), "")
                if lacking or odd:
                    reason = "is missing" if lacking else "is neither text nor a number"
                    faults.append(Fault(str(path), number, lacking or odd, reason))
                    continue
                item, group, label = (_text(row[name]) for name in _NEEDED)
                yield PersonLabel(item, group, _text(row.get("annotator")), _number(label))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def _csv(lines: Any, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(lines)
    missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
    if missing:
        raise BadInput(
            f"{path} has no column `{missing[0]}`; its columns are {', '.join(reader.fieldnames or ()) or 'none'}.",
            way_out="item,group,annotator,label",
        )
    for row in reader:
        yield reader.line_num, row


def _json_lines(lines: Any, path: Path, faults: list[Fault]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            faults.append(Fault(str(path), number, "", "is no JSON"))
            continue
        if isinstance(row, dict):
            yield number, row
        else:
            faults.append(Fault(str(path), number, "", "is no JSON object"))


def _text(value: Any) -> str:
    return "" if value is None else str(int(value)) if isinstance(value, bool) else str(value).strip()


def _number(label: str) -> str:
    """A label whose number is written without what it does not need, so that 1 and 1.0 are one label.

    What may be a name, such as 007 or 1_000, stays as it is; and so do the names of items and groups.
    """
    if not _PLAIN.fullmatch(label):
        return label
    number = Decimal(label)
    return f"{number.normalize():f}" if number else "0"

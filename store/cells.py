"""How does a value stand in a cell of a flat file, so that the same value comes back?"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import orjson

from .faults import Unusable

Kind = Literal["name", "text", "prompt", "json", "integer", "number"]
"""What a column holds: `name` is text whose emptiness means "none"; `text` keeps empty and absent apart; `prompt` is
text or messages; `json` is JSON text."""

ITEM_COLUMNS: dict[str, Kind] = {
    "id": "name",
    "prompt": "prompt",
    "context": "text",
    "reference": "text",
    "responses": "json",
    "gold": "json",
    "meta": "json",
    "parent": "text",
    "perturbation": "json",
}

VERDICT_COLUMNS: dict[str, Kind] = {
    "item": "name",
    "judge": "text",
    "persona": "name",
    "arm": "name",
    "step": "name",
    "presentation": "json",
    "sample": "integer",
    "status": "name",
    "reason": "name",
    "preferred": "name",
    "p_first": "number",
    "scores": "json",
    "criterion_scores": "json",
    "probabilities": "json",
    "raw": "text",
    "rationale": "text",
    "rule": "name",
    "road": "name",
    "prompt_version": "name",
    "prompt_digest": "name",
    "models": "json",
}


class Raw(NamedTuple):
    """One line as a reader found it: its fields, or why it has none."""

    number: int
    end: int
    fields: dict[str, Any] | None
    fault: Unusable | None


def json_of(data: str | bytes) -> Any:
    """The value of JSON text.

    Raises:
        Unusable: if it is not JSON, saying where.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if isinstance(data, bytes):
            try:
                data.decode()
            except UnicodeDecodeError as wrong:
                reason = f"is not UTF-8 (byte {data[wrong.start]:#04x} at place {wrong.start + 1}): re-encode the file"
                raise Unusable("", reason) from None
        raise Unusable("", f"is not JSON: {_where(error)}{_hint(data)}") from None


def _where(error: orjson.JSONDecodeError) -> str:
    return f"{error.msg.split(': line ')[0]} (column {error.colno})"


def _hint(data: str | bytes) -> str:
    text = data if isinstance(data, bytes) else data.encode(errors="replace")
    if any(word in text for word in (b"NaN", b"Infinity")):
        return "; JSON has no NaN and no infinity: use null"
    return "; JSON quotes with double quotes" if text.lstrip()[:2] in (b"{'", b"['") else ""


def _is_messages(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) and "role" in entry for entry in value)


def _escaped(cell: str, kind: Kind) -> Any:
    """What a cell says in JSON, None where it is to be taken as it stands.

    Plain text stands as it is. A prompt of messages stands as a JSON list. The few texts that would be mistaken for
    something else (the empty one, a list of messages that is meant as text, and such JSON strings themselves) stand as
    JSON strings.
    """
    if not cell.startswith(('"', "[") if kind == "prompt" else '"'):
        return None
    try:
        value = orjson.loads(cell)
    except orjson.JSONDecodeError:
        return None
    if isinstance(value, str):
        return value if not value or _escaped(value, kind) is not None else None
    return value if kind == "prompt" and _is_messages(value) else None


def read_text(cell: str, kind: Kind) -> Any:
    """The text, or the messages, of a cell."""
    value = _escaped(cell, kind)
    return cell if value is None else value


def write_text(value: Any, kind: Kind) -> str:
    """The cell of a text or of messages; `read_text` gives the same back."""
    if isinstance(value, str) and value and _escaped(value, kind) is None:
        return value
    return orjson.dumps(value).decode()


def from_cell(cell: str, kind: Kind) -> Any:
    """The value of a cell that is not empty.

    Raises:
        Unusable: if the cell is not what its column holds.
    """
    if kind == "name":
        return cell
    if kind in ("text", "prompt"):
        return read_text(cell, kind)
    return json_of(cell)


def to_cell(value: Any, kind: Kind) -> str:
    """The cell of a value; empty where it is None."""
    if value is None:
        return ""
    if kind == "name":
        return str(value)
    if kind in ("text", "prompt"):
        return write_text(value, kind)
    return orjson.dumps(value).decode()

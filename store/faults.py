"""What is wrong with a line, in one plain sentence?"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from .records import Gold, Message, Part, Response

T = TypeVar("T")
_SHOWN = 60
_REASON = 240
_LISTED = 9


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a line of a file is not usable.

    Attributes:
        file: the file as the user named it.
        line: the line, counted from 1; in Parquet the row; 0 for the whole file.
        field: where in the record, such as `responses[0].text`; empty for the whole line.
        reason: what is wrong, as the end of a sentence that begins with the field.
    """

    file: str
    line: int
    field: str
    reason: str

    def __str__(self) -> str:
        """The fault as it is printed: ``items.jsonl:3: `responses[0].text`: is missing``."""
        where = f"{self.file}:{self.line}: " if self.line else f"{self.file}: "
        return f"{where}`{self.field}`: {self.reason}" if self.field else f"{where}{self.reason}"


@dataclass(frozen=True, slots=True)
class Line(Generic[T]):
    """One line of a file: the record it holds, or the fault that keeps it out.

    Attributes:
        number: the line, counted from 1; in CSV the physical line where the row starts, in Parquet the row.
        end: where reading goes on after it: a byte offset for JSON lines (in the unpacked stream where the file is
            packed), the number of rows read for CSV and Parquet.
        record: the record, None where there is a fault.
        fault: the fault, None where there is a record.
    """

    number: int
    end: int
    record: T | None
    fault: Fault | None


class Unusable(ValueError):
    """A line's fault before its file and number are known; it never leaves the readers.

    Args:
        field: where in the record; empty for the whole line.
        reason: what is wrong.
    """

    def __init__(self, field: str, reason: str) -> None:
        """Keep both parts."""
        super().__init__(reason)
        self.field = field
        self.reason = reason


def shortened(value: object, limit: int = _SHOWN) -> str:
    """A value as it may be shown in a message: never the whole of a long one."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def closest(name: str, known: Iterable[str], cutoff: float = 0.8) -> str | None:
    """The known name that was probably meant, if one is near enough."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return near[0] if near else None


def explained(error: ValidationError, given: Mapping[str, Any]) -> Unusable:
    """The first fault that pydantic found, in our words."""
    details = [detail for detail in error.errors(include_url=False) if not _of_other_branch(detail["loc"], given)]
    if not details:
        loc = error.errors(include_url=False)[0]["loc"][:1]
        return Unusable(
            _path(loc), f"is {_kind(_at(given, loc))}; needed is {_NEEDED_OF_UNION.get(str(loc[0]), 'text')}"
        )
    detail = details[0]
    loc, _ = _plain_loc(detail["loc"])
    union = _union_refused(detail["loc"], given)
    if union is not None:
        return Unusable(_path(union), f"is {_kind(_at(given, union))}; needed is {_NEEDED_OF_UNION[str(union[-1])]}")
    return Unusable(_path(loc), _reason(detail, loc))


# Fields that take a text or a list. Below them pydantic's path holds the name of the branch it tried, and there is one
# error for each branch; only the branch of what was given tells the user anything.
_NEEDED_OF_UNION = {
    "prompt": "text or a list of messages",
    "content": "text or a list of parts",
    "preferred": "a response's id or a list of ids",
}

Loc = tuple[int | str, ...]


def _unions(loc: Loc) -> Iterable[int]:
    """Where in a path a union's field stands, with the branch after it."""
    for place, name in enumerate(loc[:-1]):
        if name in _NEEDED_OF_UNION and isinstance(loc[place + 1], str) and (place == 0 or loc[place - 1] != "scores"):
            yield place


def _plain_loc(loc: Loc) -> tuple[Loc, list[Loc]]:
    """The path without the names of branches, and the paths of its unions."""
    branches = {place + 1 for place in _unions(loc)}
    plain = tuple(name for place, name in enumerate(loc) if place not in branches)
    unions = []
    for place in _unions(loc):
        unions.append(tuple(name for at, name in enumerate(loc[: place + 1]) if at not in branches))
    return plain, unions


def _of_other_branch(loc: Loc, given: Mapping[str, Any]) -> bool:
    for place in _unions(loc):
        branch = str(loc[place + 1])
        value = _at(given, _plain_loc(loc[: place + 2])[1][-1])
        if isinstance(value, list) != branch.startswith("list[") and isinstance(value, (list, str)):
            return True
    return False


def _union_refused(loc: Loc, given: Mapping[str, Any]) -> Loc | None:
    for union in _plain_loc(loc)[1]:
        if not isinstance(_at(given, union), (list, str)):
            return union
    return None


def _at(given: Any, loc: Loc) -> Any:
    value = given
    for name in loc:
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, Sequence) and not isinstance(value, str) and isinstance(name, int) and name < len(value):
            value = value[name]
        else:
            return None
    return value


def _path(loc: Loc) -> str:
    path = ""
    for name in loc:
        if name == "[key]":
            continue
        if isinstance(name, int):
            path += f"[{name}]"
        else:
            shown = name if len(name) <= _SHOWN else f"{name[: _SHOWN - 3]}..."
            path += f".{shown}" if path else shown
    return path


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, (list, tuple)):
        return "a list"
    return f"a {type(value).__name__}"


_NEEDED = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "list": "a list",
    "tuple": "a list",
    "dict": "an object",
    "model": "an object",
    "bool": "true or false",
}


def _reason(detail: Any, loc: Loc) -> str:
    kind, value, context = str(detail["type"]), detail["input"], detail.get("ctx") or {}
    if kind == "missing":
        return "is missing"
    if kind == "value_error":
        said = str(context.get("error", detail["msg"]))
        return said if len(said) <= _REASON else f"{said[: _REASON - 3]}..."
    if kind == "extra_forbidden":
        return _unknown(str(loc[-1]), _fields_at(loc[:-1]))
    if kind == "finite_number":
        return "is NaN or infinite, which JSON cannot say: use null"
    if kind == "literal_error":
        return f"is {shortened(value)}; allowed are {context.get('expected', '')}"
    if kind in ("greater_than_equal", "less_than_equal"):
        bound = f"at least {context['ge']:g}" if "ge" in context else f"at most {context['le']:g}"
        return f"is {shortened(value)}; needed is {bound}"
    if kind == "too_short":
        return "is an empty list"
    needed = _NEEDED.get(kind.split("_")[0])
    if needed is None:
        return f"{detail['msg'][:_REASON]}"
    shown = shortened(value) if kind.endswith(("_parsing", "_from_float")) else _kind(value)
    return f"is {shown}; needed is {needed}"


def _unknown(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = closest(name, names)
    shown = name if len(name) <= _SHOWN else f"{name[: _SHOWN - 3]}..."
    if near is not None:
        return f"unknown field `{shown}`; did you mean `{near}`?"
    return (
        f"unknown field `{shown}`; known are {', '.join(names)}"
        if 0 < len(names) <= _LISTED
        else f"unknown field `{shown}`"
    )


def unknown_field(name: str, known: Iterable[str]) -> Unusable:
    """The fault of a field that no record has."""
    return Unusable("", _unknown(name, known))


_NESTED: dict[str, type[BaseModel]] = {
    "responses": Response,
    "gold": Gold,
    "prompt": Message,
    "content": Part,
    "parts": Part,
}


def _fields_at(loc: Loc) -> Iterable[str]:
    for name in reversed(loc):
        if isinstance(name, str) and name in _NESTED:
            return _NESTED[name].model_fields
    return ()

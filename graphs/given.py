"""What may a program give as items? A file, records, mappings, rows of a data frame."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from ..agents.judge import Judge
from ..store.faults import Fault, Line, Unusable, explained
from ..store.files import item_of_fields, read_items
from ..store.records import Item
from ..text.errors import BadInput
from .plan import Plan

Items = str | os.PathLike[str] | Iterable[Item | Mapping[str, Any]] | Any


def sized(items: Any) -> bool:
    """Whether it can be gone through more than once."""
    return hasattr(items, "__len__")


def rows_of(items: Any) -> Iterable[Any]:
    """The rows of a data frame of polars or pandas; what is none as it is."""
    if hasattr(items, "iter_rows"):  # polars
        return items.iter_rows(named=True)  # type: ignore[no-any-return]
    if hasattr(items, "to_dict") and hasattr(items, "columns"):  # pandas
        return items.to_dict(orient="records")  # type: ignore[no-any-return]
    return items  # type: ignore[no-any-return]


def as_item(given: Any, number: int = 1) -> Item:
    """An item from a record or a mapping.

    Raises:
        BadInput: if it is no item; the message names its number, the field and the reason.
    """
    if isinstance(given, Item):
        return given
    if not isinstance(given, Mapping):
        raise BadInput(f"Item {number} is a {type(given).__name__}; needed is an Item or a mapping.")
    try:
        return item_of_fields(dict(given))
    except (Unusable, ValidationError) as error:
        fault = error if isinstance(error, Unusable) else explained(error, dict(given))
        raise BadInput(f"Item {number}: `{fault.field}` {fault.reason}.") from error


def as_judge(given: Judge | str | None) -> Judge:
    """A judge as it is described, or the one of a model's name; the built-in one where none is given.

    Raises:
        BadJudge: if there is no such model.
    """
    return given if isinstance(given, Judge) else Judge(given) if given else Judge()


def items_of(items: Any) -> Iterator[Item]:
    """The items of records, mappings or a data frame, one by one.

    Raises:
        BadInput: if one is no item; the message names its number, the field and the reason.
    """
    return (as_item(given, number) for number, given in enumerate(rows_of(items), 1))


def usable(items: Items, judge: Judge, *, aside: Callable[[Fault], None] | None = None) -> Iterator[Item]:
    """The items that a judge can judge, each id once.

    Args:
        items: a file's path, records or mappings, or a data frame.
        judge: who is to judge them.
        aside: given what is wrong with each of the others.

    Raises:
        BadInput: if the file cannot be read, or a record is no item.
    """
    plan, seen = Plan(), dict[str, int]()
    if isinstance(items, (str, os.PathLike)):
        source, lines = str(items), read_items(items)
    else:
        source, lines = "items", _lines(items)
    for line in lines:
        fault = line.fault
        if line.record is not None:
            first, why = seen.setdefault(line.record.id, line.number), plan.unfit(line.record, judge)
            if first != line.number:
                why = "id", f"{line.record.id!r} was given before, on line {first}"
            if why is None:
                yield line.record
                continue
            fault = Fault(source, line.number, *why)
        if fault is not None and aside is not None:
            aside(fault)


def _lines(items: Any) -> Iterator[Line[Item]]:
    return (Line(number, number, item, None) for number, item in enumerate(items_of(items), 1))

"""What may a program give as items? Records, mappings, rows of a data frame."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from ..store.faults import Unusable, explained
from ..store.files import item_of_fields
from ..store.records import Item
from ..text.errors import BadInput

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

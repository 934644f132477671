"""How does an analysis read the store? Row by row, a thousand at a time, so that memory does not grow with a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Select

from ..store.engine import Store, plain_errors

Row = Mapping[Any, Any]


def streamed(store: Store, wanted: Select[Any]) -> Iterator[Row]:
    """The rows that a statement gives.

    Raises:
        StoreError: if the store cannot be read.
    """
    with plain_errors(store.url), store.engine.connect().execution_options(yield_per=1000) as connection:
        yield from connection.execute(wanted).mappings()


@lru_cache(maxsize=4096)
def presentation(text: str) -> tuple[str, ...]:
    """The responses' ids in the order in which they were shown, as a column has them."""
    return tuple(orjson.loads(text))

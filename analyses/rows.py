"""How does an analysis read the store? Row by row, a thousand at a time, so that memory does not grow with a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Select, select

from ..store.engine import Store, plain_errors
from ..store.records import TIE
from ..store.tables import metadata

Row = Mapping[Any, Any]
_RESPONSE = metadata.tables["response"]


def streamed(store: Store, wanted: Select[Any]) -> Iterator[Row]:
    """The rows that a statement gives.

    Raises:
        StoreError: if the store cannot be read.
    """
    with plain_errors(store.url), store.engine.connect().execution_options(yield_per=1000) as connection:
        yield from connection.execute(wanted).mappings()


def responses_of(store: Store, dataset: str) -> dict[str, list[str]]:
    """Of each item of a data set the ids of its responses, in their order."""
    wanted = select(_RESPONSE.c.item, _RESPONSE.c.id).where(_RESPONSE.c.dataset == dataset)
    found: dict[str, list[str]] = {}
    for row in streamed(store, wanted.order_by(_RESPONSE.c.item, _RESPONSE.c.position)):
        found.setdefault(row["item"], []).append(row["id"])
    return found


@lru_cache(maxsize=4096)
def presentation(text: str) -> tuple[str, ...]:
    """The responses' ids in the order in which they were shown, as a column has them."""
    return tuple(orjson.loads(text))


def preferred_of(row: Row) -> str | None:
    """What a verdict prefers: what it says, else what its scores, its probability for the first, or its shares say.

    Args:
        row: of a verdict over several responses, its columns `status`, `preferred`, `presentation`, `scores`,
            `p_first` and `probabilities`.

    Returns:
        A response's id, `tie`, or None where it says nothing, as every failure does.
    """
    if row["status"] != "ok":
        return None
    if row["preferred"] is not None:
        return str(row["preferred"])
    names = presentation(row["presentation"])
    scores = orjson.loads(row["scores"] or "{}")
    if set(scores) == set(names):
        return highest(scores)
    if row["p_first"] is not None and len(names) == 2:
        return highest({names[0]: row["p_first"], names[1]: 1 - row["p_first"]})
    shares = orjson.loads(row["probabilities"] or "{}")
    return highest(shares) if shares and set(shares) <= {*names, TIE} else None


def highest(values: Mapping[str, float]) -> str:
    """The name with the highest value, `tie` where several have it."""
    best = max(values.values())
    leaders = [name for name, value in values.items() if value == best]
    return leaders[0] if len(leaders) == 1 else TIE

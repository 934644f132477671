"""In which order does a run take the items of its data set, and how far is its beginning finished?

The order is drawn from the run's seed, so that the finished beginning of it is a random sample of the data set: what is
estimated from it before the end is not bent by which items come first in the file, nor by which are answered first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from .datasets import read_items_where
from .records import Item
from .tables import metadata

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ITEM = metadata.tables["item"]
_LEASE = metadata.tables["lease"]
_LARGEST_BLOCK = 32


def order_of(
    connection: Connection, dataset: str, *, seed: int, limit: int | None = None, shuffled: bool = True
) -> NDArray[np.int64]:
    """The positions of a data set's items in the order in which a run takes them.

    Args:
        connection: to the store.
        dataset: its id, read to its end.
        seed: of the order; an item's place depends on it, on the item's id, and on which others there are.
        limit: only the first so many items of the file.
        shuffled: whether they are shuffled at all.

    Returns:
        Shape (n,), int64: eight bytes an item is all that a run keeps of what it has not yet come to.
    """
    import numpy as np

    wanted = select(_ITEM.c.position, _ITEM.c.id).where(_ITEM.c.dataset == dataset)
    wanted = wanted.order_by(_ITEM.c.position, _ITEM.c.id).limit(limit)
    positions: list[Any] = []
    keys: list[Any] = []
    start = f"{seed}:".encode()
    with connection.execution_options(yield_per=10_000).execute(wanted) as rows:
        for part in rows.partitions():
            positions.append(np.fromiter((row[0] for row in part), dtype=np.int64, count=len(part)))
            drawn = b"".join(hashlib.blake2b(start + row[1].encode(), digest_size=8).digest() for row in part)
            keys.append(np.frombuffer(drawn, dtype=">u8"))
    if not positions:
        return np.empty(0, dtype=np.int64)
    placed = np.concatenate(positions)
    return placed[np.argsort(np.concatenate(keys), kind="stable")] if shuffled else placed


def block_ranges(n: int) -> list[tuple[int, int]]:
    """The half-open ranges of places that a run of n items is cut into; small runs into smaller ones, to share them."""
    size = max(4, min(_LARGEST_BLOCK, n // 64))
    return [(first, min(first + size, n)) for first in range(0, n, size)]


def items_at(
    connection: Connection, dataset: str, positions: Sequence[int] | NDArray[np.int64]
) -> list[tuple[int, Item]]:
    """The items at these positions, in the order of the positions, each with its position."""
    wanted = [int(position) for position in positions]  # a driver knows no integers of NumPy's
    found: dict[int, Item] = dict(read_items_where(connection, dataset, _ITEM.c.position.in_(wanted)))
    return [(position, found[position]) for position in wanted if position in found]


def finished_places(connection: Connection, run: str) -> int:
    """How many places of a run's order are finished without a gap: all up to the first block that is not done."""
    done = select(_LEASE.c.first, _LEASE.c.last, _LEASE.c.done).where(_LEASE.c.run == run).order_by(_LEASE.c.block)
    reached = 0
    for first, last, is_done in connection.execute(done):
        if not is_done or first != reached:
            break
        reached = last
    return reached


def finished_items(connection: Connection, run: str, dataset: str, *, seed: int, limit: int | None) -> Iterator[str]:
    """The ids of the items in the finished beginning of a run's order."""
    reached = finished_places(connection, run)
    order = order_of(connection, dataset, seed=seed, limit=limit)[:reached]
    for start in range(0, len(order), 500):
        chunk = [int(p) for p in order[start : start + 500]]
        named = select(_ITEM.c.id).where(_ITEM.c.dataset == dataset, _ITEM.c.position.in_(chunk))
        yield from connection.execute(named).scalars()

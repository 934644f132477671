"""What did a run's verdicts say of each response, and of each order in which a pair was shown?"""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import Select, select

from ..store.engine import Store
from ..store.records import TIE
from ..store.tables import metadata
from .rows import preferred_of, presentation, streamed

_VERDICT = metadata.tables["verdict"]
_SAID = ("item", "presentation", "status", "preferred", "p_first", "scores", "probabilities")


def scores_in(store: Store, run: str) -> dict[tuple[str, str], float]:
    """Of each item and response the mean score over the run's final verdicts; those without one are not there.

    Args:
        store: the store.
        run: its id.
    """
    told: dict[tuple[str, str], list[float]] = {}
    for row in streamed(store, _final(run)):
        if row["status"] == "ok":
            for name, score in orjson.loads(row["scores"] or "{}").items():
                told.setdefault((row["item"], name), []).append(float(score))
    return {key: sum(scores) / len(scores) for key, scores in told.items()}


def firsts_in(store: Store, run: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Of each pair and each order in which it was shown, how often what stood first was preferred, 0..1.

    A tie counts one half. The mean is over samples; an order without a verdict is not there.

    Args:
        store: the store.
        run: its id.
    """
    told: dict[str, dict[tuple[str, ...], list[float]]] = {}
    for row in streamed(store, _final(run)):
        shown, best = presentation(row["presentation"]), preferred_of(row)
        if best is not None and len(shown) == 2:
            share = 0.5 if best == TIE else float(best == shown[0])
            told.setdefault(row["item"], {}).setdefault(shown, []).append(share)
    return {
        item: {shown: sum(shares) / len(shares) for shown, shares in orders.items()} for item, orders in told.items()
    }


def preferred_share(orders: dict[tuple[str, ...], float], response: str, *, both: bool = True) -> float | None:
    """How often one response of a pair is preferred, over the orders in which it was shown.

    Args:
        orders: as `firsts_in` has them.
        response: its id.
        both: whether it must have a verdict in either order: the place in front may count.

    >>> preferred_share({("a", "b"): 1.0, ("b", "a"): 0.5}, "a")
    0.75
    """
    if not orders or (both and len(orders) < 2):
        return None
    return sum(share if shown[0] == response else 1 - share for shown, share in orders.items()) / len(orders)


def _final(run: str) -> Select[Any]:
    columns = [_VERDICT.c[name] for name in _SAID]
    wanted = select(*columns).where(_VERDICT.c.run == run, _VERDICT.c.step == "", _VERDICT.c.arm == "")
    return wanted.order_by(_VERDICT.c.item, _VERDICT.c.id)

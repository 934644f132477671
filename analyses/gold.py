"""What does gold accept of an item's outcomes?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby

import orjson
from sqlalchemy import select

from ..store.engine import Store
from ..store.records import Gold
from ..store.tables import metadata
from .rows import Row, streamed

Accepted = Mapping[str, float]
"""Of each outcome (a response's id, or `tie`) the share of annotators that accept it; the others have none."""

_LABEL = metadata.tables["label"]


def accepted(store: Store, dataset: str, *, group: str | None = None) -> dict[str, Accepted]:
    """Of each item that has gold the outcomes it accepts; items with the same gold share one mapping.

    Args:
        store: the store.
        dataset: the data set's id.
        group: the annotators' group whose labels are gold; None for all labels.
    """
    wanted = (
        select(_LABEL.c.item, _LABEL.c.annotator, _LABEL.c.annotator_group, _LABEL.c.preferred, _LABEL.c.scores)
        .where(_LABEL.c.dataset == dataset)
        .order_by(_LABEL.c.item, _LABEL.c.annotator, _LABEL.c.annotator_group, _LABEL.c.sample)
    )
    if group is not None:
        wanted = wanted.where(_LABEL.c.annotator_group == group)
    found: dict[str, Accepted] = {}
    same: dict[tuple[tuple[str, float], ...], Accepted] = {}
    for item, labels in groupby(streamed(store, wanted), key=lambda row: str(row["item"])):
        shares = _shares(labels)
        if shares:
            found[item] = same.setdefault(tuple(sorted(shares.items())), shares)
    return found


def _shares(labels: Iterable[Row]) -> dict[str, float]:
    """Of each outcome the share of annotators that accept it; one who labelled several times counts as one."""
    sets: dict[tuple[str, str], list[frozenset[str]]] = {}
    for row in labels:
        preferred, scores = (orjson.loads(row[name] or "null") for name in ("preferred", "scores"))
        accepts = Gold.model_construct(preferred=preferred, scores=scores).acceptable
        if accepts:
            sets.setdefault((row["annotator"], row["annotator_group"]), []).append(accepts)
    shares: dict[str, float] = {}
    for samples in sets.values():
        for name in [name for accepts in samples for name in accepts]:
            shares[name] = shares.get(name, 0.0) + 1 / (len(sets) * len(samples))
    return {name: min(1.0, share) for name, share in shares.items()}

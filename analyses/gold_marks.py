"""How does gold grade an item's responses: on the whole, and by each criterion?"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import NamedTuple

import orjson
from sqlalchemy import select

from ..store.engine import Store
from ..store.tables import metadata
from .rows import streamed

_LABEL = metadata.tables["label"]


class Marks(NamedTuple):
    """What gold says of one item in numbers.

    Attributes:
        scores: of each annotator the scores by response; one who labelled several times counts each time.
        criteria: of each annotator the marks by response and criterion; None where it could not be assessed.
    """

    scores: tuple[Mapping[str, float], ...]
    criteria: tuple[Mapping[str, Mapping[str, float | None]], ...]

    def mean(self, name: str) -> float | None:
        """The mean score of a response over annotators; None where none scored it."""
        said = [scores[name] for scores in self.scores if name in scores]
        return sum(said) / len(said) if said else None


def gold_marks(store: Store, dataset: str, *, group: str | None = None) -> dict[str, Marks]:
    """Of each item whose gold holds numbers what they are.

    Args:
        store: the store.
        dataset: the data set's id.
        group: the annotators' group whose labels are gold; None for all labels.
    """
    wanted = (
        select(_LABEL.c.item, _LABEL.c.scores, _LABEL.c.criterion_scores)
        .where(_LABEL.c.dataset == dataset, _LABEL.c.scores.is_not(None) | _LABEL.c.criterion_scores.is_not(None))
        .order_by(_LABEL.c.item, _LABEL.c.annotator, _LABEL.c.annotator_group, _LABEL.c.sample)
    )
    if group is not None:
        wanted = wanted.where(_LABEL.c.annotator_group == group)
    found: dict[str, Marks] = {}
    for item, labels in groupby(streamed(store, wanted), key=lambda row: str(row["item"])):
        rows = list(labels)
        scores = tuple(orjson.loads(row["scores"]) for row in rows if row["scores"])
        criteria = tuple(orjson.loads(row["criterion_scores"]) for row in rows if row["criterion_scores"])
        found[item] = Marks(scores, criteria)
    return found

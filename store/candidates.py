"""Which models wrote the responses of a data set, and how many each? Counted by the database, not in memory."""

from __future__ import annotations

from sqlalchemy import func, select

from .engine import Store
from .tables import metadata
from .transactions import ask

_RESPONSE = metadata.tables["response"]
_VERDICT = metadata.tables["verdict"]
_JUDGE = metadata.tables["judge"]


def written_by(store: Store, dataset: str) -> dict[str, int]:
    """How many responses of a data set each model wrote, the most first; under '' those that name no model.

    Args:
        store: where it is.
        dataset: its id; of one that is still being read, what has been read so far is counted.
    """
    model = func.coalesce(_RESPONSE.c.model, "")
    wanted = select(model, func.count()).where(_RESPONSE.c.dataset == dataset).group_by(model)
    rows = ask(store, lambda connection: list(connection.execute(wanted)))
    return {str(name): int(n) for name, n in sorted(rows, key=lambda row: (-row[1], row[0]))}


def models_heard(store: Store, run: str) -> list[str]:
    """The models whose verdicts a run holds, by their judges' rows; a judge without a model by its name."""
    heard = select(_VERDICT.c.judge).where(_VERDICT.c.run == run).distinct()
    wanted = select(_JUDGE.c.model, _JUDGE.c.name).where(_JUDGE.c.id.in_(heard)).order_by(_JUDGE.c.id)
    rows = ask(store, lambda connection: list(connection.execute(wanted)))
    return list(dict.fromkeys(str(row.model or row.name) for row in rows))

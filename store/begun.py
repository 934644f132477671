"""Was this very job begun before? Then it is gone on with, or its rows serve again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import exists, select

from .canonical import canonical
from .engine import Store
from .runs import Run, find_run
from .tables import metadata
from .transactions import ask

_RUN = metadata.tables["run"]
_VERDICT = metadata.tables["verdict"]


def begun_before(store: Store, *, kind: str, dataset: str, judge: str, plan: dict[str, Any]) -> Run | None:
    """The newest run of the same kind, data set, judge and plan that is open, or closed without a failed verdict.

    Args:
        store: where it is.
        kind: of the run.
        dataset: its data set's id.
        judge: its judge's id, or the author's.
        plan: as it was written.
    """
    failed = exists().where(_VERDICT.c.run == _RUN.c.id, _VERDICT.c.status == "error")
    wanted = (
        select(_RUN.c.id)
        .where(_RUN.c.kind == kind, _RUN.c.dataset == dataset, _RUN.c.judge == judge, _RUN.c.parent == "")
        .where(_RUN.c.plan == canonical(plan), _RUN.c.panel == "")
        .where((_RUN.c.status == "open") | ~failed)
        .order_by(_RUN.c.created_at.desc(), _RUN.c.id.desc())
        .limit(1)
    )
    found = ask(store, lambda connection: connection.execute(wanted).scalar())
    return None if found is None else find_run(store, str(found))

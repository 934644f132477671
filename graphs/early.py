"""Is enough known to stop? Asked of the finished beginning of a run's order, whichever process judged it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from ..analyses.until import Answer, Gate, Until
from ..store.engine import Store
from ..store.order import finished_places, items_at, order_of
from ..store.records import Decision, Item
from ..store.rows import decision_of
from ..store.runs import Run
from ..store.tables import metadata
from ..store.transactions import ask
from .plan import Plan

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_DECISION = metadata.tables["decision"]
_CHUNK = 500


class EarlyEnd:
    """The rules of a run that may end it early, fed with the items of the finished beginning in their order.

    Attributes:
        said: why the run may end, '' while it may not.
    """

    def __init__(self, store: Store, run: Run, plan: Plan, *, order: NDArray[np.int64]) -> None:
        """Read the rules.

        Args:
            store: where the run is.
            run: the run.
            plan: with its rules.
            order: the positions of the run's items in its order.

        Raises:
            BadInput: if a rule is none.
        """
        self.said = ""
        self._store, self._run, self._order = store, run, order
        total = len(order)
        until = [Until.read(plan.until).watch(total)] if plan.until else []
        self._watches = [*until, *([Gate.read(plan.gate).watch(total)] if plan.gate else [])]
        self._place = 0

    def look(self) -> bool:
        """Feed the rules with what has been finished since the last look; says whether the run may end."""
        if self.said:
            return True
        ask(self._store, self._look_on)
        return bool(self.said)

    def _look_on(self, connection: Connection) -> None:
        """Look on from where the last look ended, be it in the middle of one whose connection was lost."""
        reached = finished_places(connection, self._run.id)
        while self._place < reached and not self.said:
            positions = self._order[self._place : min(reached, self._place + _CHUNK)]
            self._feed(_found(connection, self._run, positions))
            self._place += len(positions)

    def _feed(self, found: list[tuple[Item, Decision | None]]) -> None:
        for item, decision in found:
            told = [watch.add(item, decision) for watch in self._watches]
            if all(told):
                self.said = "; ".join(told)
                return


def gate_answer(store: Store, run: Run, plan: Plan) -> Answer:
    """Whether the gate of a closed run holds, from its rows alone.

    The items are looked at in the run's order, up to where the gate is decided.
    """

    def work(connection: Connection) -> Answer:
        order = order_of(connection, run.dataset, seed=plan.seed, limit=plan.limit)
        watch = Gate.read(plan.gate).watch(len(order))
        reached = order[: finished_places(connection, run.id)]
        for start in range(0, len(reached), _CHUNK):
            for item, decision in _found(connection, run, reached[start : start + _CHUNK]):
                if watch.add(item, decision):
                    return watch.answer()
        return watch.answer(complete=len(reached) == len(order))

    return ask(store, work)


def _found(connection: Connection, run: Run, positions: NDArray[np.int64]) -> list[tuple[Item, Decision | None]]:
    """The items at these positions, each with its decision in the run."""
    items = [item for _, item in items_at(connection, run.dataset, positions)]
    wanted = select(_DECISION).where(_DECISION.c.run == run.id, _DECISION.c.item.in_([item.id for item in items]))
    made = {row["item"]: decision_of(row) for row in connection.execute(wanted).mappings()}
    return [(item, made.get(item.id)) for item in items]

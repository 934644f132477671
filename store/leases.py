"""Which worker has which items of a run, and until when? Blocks are leased, so that several processes share one run.

A lease holds until its time is over by the database's clock, and is renewed while its worker lives. Whoever claims a
block raises its token. Each transaction that writes for a block holds the lease's row first: it finds its own token
there and keeps others from claiming the block until it is committed, or it is refused. So a worker that was stopped
past its lease and goes on cannot write what another has judged since.

Source: fencing tokens as in Kleppmann, Designing Data-Intensive Applications (2017), chapter 8; a table as a queue by
`FOR UPDATE SKIP LOCKED` as in PostgreSQL's manual, section "The Locking Clause" of SELECT.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, and_, func, literal_column, or_, select, tuple_, update

from ..text.errors import LeaseLost
from .engine import Store, database_clock, plain_errors
from .runs import mark_lost
from .tables import metadata
from .transactions import again, transact
from .writer import insert_once

T = TypeVar("T")
_LEASE = metadata.tables["lease"]
_RUN = metadata.tables["run"]
_OPEN = _LEASE.c.done == literal_column("0")  # as the index `lease_open` says it


@dataclass(frozen=True, slots=True)
class Lease:
    """A block of a run's items, as one worker has it.

    Attributes:
        block: its number.
        first: the place of its first item in the run's order.
        last: the place after that of its last item.
        token: how often the block was given out, this time included.
    """

    block: int
    first: int
    last: int
    token: int


class Leases:
    """The blocks of one run, as one worker claims them. Its methods wait for the database.

    Every worker of a PostgreSQL store may use the same run at once. A SQLite store has one worker a run
    (`runs.fellow_worker`), so there whatever another worker had is free at once.

    Args:
        store: where the run is.
        run: its id.
        worker: this process's name, of which there is no other.
        seconds: how long a lease holds if it is not renewed.
    """

    def __init__(self, store: Store, run: str, *, worker: str, seconds: float) -> None:
        """Ask nothing yet."""
        self.run = run
        self.worker = worker
        self.seconds = seconds
        self._store = store
        self._had: dict[int, int] = {}

    def lay_out(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Cut the run into blocks, if no worker has done so yet: whoever comes first decides for all.

        Args:
            ranges: half-open ranges of places in the run's order; the first is block 0.

        Raises:
            StoreError: if the store cannot be written.
        """
        rows = [
            {"run": self.run, "block": block, "first": first, "last": last}
            for block, (first, last) in enumerate(ranges)
        ]

        def work(connection: Connection) -> None:
            connection.execute(select(_RUN.c.id).where(_RUN.c.id == self.run).with_for_update(key_share=True))
            if rows and connection.execute(self._mine(select(_LEASE.c.block)).limit(1)).first() is None:
                connection.execute(insert_once(_LEASE, connection.dialect.name), rows)

        self._transact(work)

    def claim(self) -> Lease | None:
        """Take the lowest block that is not done and that nobody has; None if there is none now.

        What the former worker had in flight is marked as of unknown outcome, unless it still holds another block.

        Raises:
            StoreError: if the store cannot be written.
        """

        def work(connection: Connection) -> Lease | None:
            return (self._claimed_before(connection) if again(connection) else None) or self._claim(connection)

        lease = self._transact(work)
        if lease is not None:
            self._had[lease.block] = lease.token
        return lease

    def reopen(self) -> None:
        """Give out again the blocks in which something failed, unless others are at work on the run.

        Raises:
            StoreError: if the store cannot be written.
        """

        def work(connection: Connection) -> None:
            at_work = self._mine(select(_LEASE.c.block)).where(
                _OPEN, _LEASE.c.worker != self.worker, _LEASE.c.expires > database_clock(connection)
            )
            if self._store.sqlite or connection.execute(at_work.limit(1)).first() is None:
                connection.execute(self._mine(update(_LEASE)).where(_LEASE.c.done == 2).values(done=0, expires=0.0))

        self._transact(work)

    def renew(self, leases: Collection[Lease]) -> set[int]:
        """Let leases hold from now on for their time again; gives the blocks that are lost, which others have.

        Raises:
            StoreError: if the store cannot be written.
        """
        if not leases:
            return set()
        theirs = and_(
            _LEASE.c.run == self.run,
            _LEASE.c.worker == self.worker,
            tuple_(_LEASE.c.block, _LEASE.c.token).in_([(lease.block, lease.token) for lease in leases]),
        )
        # A locked row is being finished by this worker or claimed by another: waiting for it could be a deadlock.
        free = select(_LEASE.c.block).where(theirs).with_for_update(key_share=True, skip_locked=True)
        renewed = update(_LEASE).where(_LEASE.c.run == self.run, _LEASE.c.block.in_(free))

        def work(connection: Connection) -> set[int]:
            connection.execute(renewed.values(expires=database_clock(connection) + self.seconds))
            return set(connection.execute(select(_LEASE.c.block).where(theirs)).scalars())

        return {lease.block for lease in leases} - self._transact(work)

    def release(self, lease: Lease) -> None:
        """Give a block back before its time, so that others need not wait; one that was lost meanwhile stays as it is.

        Raises:
            StoreError: if the store cannot be written.
        """
        self._transact(lambda connection: connection.execute(self._of(lease).values(expires=0.0)) and None)

    def left(self) -> int:
        """How many blocks are not done.

        Raises:
            StoreError: if the store cannot be read.
        """
        wanted = self._mine(select(func.count())).where(_OPEN)
        return self._transact(lambda connection: int(connection.execute(wanted).scalar_one()))

    def held_by_others(self) -> float | None:
        """Seconds until the first block that another worker has would be free; None if no other has any.

        Raises:
            StoreError: if the store cannot be read.
        """
        if self._store.sqlite:
            return None

        def work(connection: Connection) -> float | None:
            time = database_clock(connection)
            theirs = (_OPEN, _LEASE.c.worker != self.worker, _LEASE.c.expires > time)
            wait = connection.execute(self._mine(select(func.min(_LEASE.c.expires) - time)).where(*theirs)).scalar()
            return None if wait is None else max(0.0, float(wait))

        return self._transact(work)

    def hold(self, connection: Connection, lease: Lease) -> None:
        """Within a transaction that writes for a block: make sure that it is this worker's until the commit.

        The row is locked so that nobody can claim it, and so that renewing it does not wait. To hold a block again in
        the same transaction costs nothing.

        Raises:
            LeaseLost: if another worker has the block.
        """
        held = _held(connection)
        if (self.run, lease) in held:
            return
        asked = self._mine(select(_LEASE.c.token, _LEASE.c.worker)).where(_LEASE.c.block == lease.block)
        row = connection.execute(asked.with_for_update(read=True, key_share=True)).first()
        if row is None or (row.token, row.worker) != (lease.token, self.worker):
            raise self._lost(lease)
        held.add((self.run, lease))

    def finish(self, connection: Connection, lease: Lease, *, failed: bool = False) -> None:
        """Within the transaction that writes the last of a block: mark it as done.

        Args:
            connection: of the transaction.
            lease: the block's.
            failed: whether some of its items could not be judged; `reopen` gives such blocks out again.

        Raises:
            LeaseLost: if another worker has the block.
        """
        if connection.execute(self._of(lease).values(done=2 if failed else 1)).rowcount != 1:
            raise self._lost(lease)
        _held(connection).add((self.run, lease))

    def _transact(self, work: Callable[[Connection], T]) -> T:
        with plain_errors(self._store.url):
            return transact(self._store, work)

    def _mine(self, query: Any) -> Any:
        return query.where(_LEASE.c.run == self.run)

    def _of(self, lease: Lease) -> Any:
        mine = (_LEASE.c.block == lease.block, _LEASE.c.token == lease.token, _LEASE.c.worker == self.worker)
        return self._mine(update(_LEASE)).where(*mine)

    def _claim(self, connection: Connection) -> Lease | None:
        time = database_clock(connection)
        free: Any = _LEASE.c.expires <= time
        if self._store.sqlite:
            free = or_(free, _LEASE.c.worker != self.worker)
        lowest = self._mine(select(_LEASE)).where(_OPEN, free).order_by(_LEASE.c.block).limit(1)
        row = connection.execute(lowest.with_for_update(skip_locked=True)).first()
        if row is None:
            return None
        taken = self._mine(update(_LEASE)).where(_LEASE.c.block == row.block)
        connection.execute(taken.values(token=row.token + 1, worker=self.worker, expires=time + self.seconds))
        if row.worker not in ("", self.worker):
            mark_lost(connection, self.run, worker=row.worker)
        return Lease(row.block, row.first, row.last, row.token + 1)

    def _claimed_before(self, connection: Connection) -> Lease | None:
        """The block that a claim took whose commit was not heard of."""
        mine = self._mine(select(_LEASE)).where(_LEASE.c.worker == self.worker, _OPEN)
        for row in connection.execute(mine.order_by(_LEASE.c.block)):
            if self._had.get(row.block) != row.token:
                return Lease(row.block, row.first, row.last, row.token)
        return None

    def _lost(self, lease: Lease) -> LeaseLost:
        return LeaseLost(
            f"Worker {self.worker} came too late with items {lease.first} to {lease.last - 1} of run {self.run}: its"
            " lease ran out, and another worker has them.",
            way_out=f"plurijudge judge --run {self.run}",
        )


def _held(connection: Connection) -> set[tuple[str, Lease]]:
    """What the transaction that is under way has made sure of, by run."""
    transaction = connection.get_transaction()
    known = connection.info.get("held")
    if known is None or known[0] is not transaction:
        known = connection.info["held"] = (transaction, set())
    held: set[tuple[str, Lease]] = known[1]
    return held

"""How does work reach the database when its connection is lost? It is run again, on a new one, for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, Transaction
from sqlalchemy.exc import DBAPIError, OperationalError

from .engine import Store, plain_errors, writing

if TYPE_CHECKING:
    from tenacity import Retrying

T = TypeVar("T")
PATIENCE = 60.0
"""Seconds for which a database that does not answer is tried again."""
IDLE = 10.0
"""Seconds after which PostgreSQL ends a transaction of a process that says nothing more: one that is stopped in the
middle of it keeps the rows that others wait for, such as its leases."""
_LASTING = ("does not exist", "authentication failed", "pg_hba.conf", "no password supplied", "not permitted")


def connection_lost(error: BaseException) -> bool:
    """Whether the connection failed, not the work: a server that went away, restarts, or closed it."""
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    said = str(error.orig).lower()  # of a connection that did not come about the driver gives no code
    beginning = isinstance(error, OperationalError) and getattr(error.orig, "sqlstate", "") is None
    return beginning and not any(words in said for words in _LASTING)


def again(connection: Connection) -> bool:
    """Whether this work may already stand in the database: a commit of it was under way when the connection was lost.

    `connection.info["again"]` says the same. Work that does not do the same when run twice looks for its own rows then.
    """
    return bool(connection.info.get("again"))


class Transactions:
    """Transactions that write, one after the other on one connection, which is made anew when it is lost.

    For one thread at a time. `close` it at the end.
    """

    def __init__(self, store: Store) -> None:
        """Connect on first use."""
        self._engine = writing(store.engine)
        self._connection: Connection | None = None
        self._retrying: Retrying | None = None
        self._uncertain = False

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run the work in a transaction and commit it; where the connection is lost, run it again on another.

        Raises:
            DBAPIError: what the driver says, also if the connection stays lost.
        """
        self._uncertain = False
        try:
            return self._once(work)
        except DBAPIError as error:
            if not connection_lost(error):
                raise
        if self._retrying is None:
            self._retrying = _tries()
        result: T = self._retrying(self._once, work)
        return result

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _once(self, work: Callable[[Connection], T]) -> T:
        if self._connection is None:
            self._connection = self._engine.connect()
        connection, committing = self._connection, False
        transaction = connection.begin()
        try:
            connection.info["again"] = self._uncertain
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = {round(IDLE * 1000)}")
            result = work(connection)
            committing = True
            transaction.commit()
        except BaseException as error:
            lost = connection_lost(error)
            self._uncertain |= committing and lost
            if lost or committing or not isinstance(error, Exception):
                self._drop(connection)  # after a commit that failed nobody knows what the connection is in
            else:
                self._roll_back(transaction, connection)
            raise
        return result

    def _roll_back(self, transaction: Transaction, connection: Connection) -> None:
        try:
            transaction.rollback()
        except DBAPIError:
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        self._connection = None
        with contextlib.suppress(DBAPIError):
            connection.invalidate()
        with contextlib.suppress(DBAPIError):
            connection.close()


def _tries() -> Retrying:
    from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

    return Retrying(
        retry=retry_if_exception(connection_lost),
        wait=wait_random_exponential(0.05, max=5),
        stop=stop_after_delay(PATIENCE),
        reraise=True,
    )


def patiently(work: Callable[[], T]) -> T:
    """Do what may be done twice, and again for a while if its connection is lost.

    Raises:
        DBAPIError: what the driver says, also if the connection stays lost.
    """
    try:
        return work()
    except DBAPIError as error:
        if not connection_lost(error):
            raise
    result: T = _tries()(work)
    return result


def ask(store: Store, question: Callable[[Connection], T]) -> T:
    """Read from the store; where the connection is lost, ask again on another.

    Raises:
        StoreError: if the store cannot be read.
    """

    def work() -> T:
        with store.engine.connect() as connection:
            return question(connection)

    with plain_errors(store.url):
        return patiently(work)


def transact(store: Store, work: Callable[[Connection], T]) -> T:
    """Run one piece of work in a transaction of its own, as `Transactions` does."""
    transactions = Transactions(store)
    try:
        return transactions.run(work)
    finally:
        transactions.close()

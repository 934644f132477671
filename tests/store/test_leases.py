"""Does every block of a run go to one worker at a time, and is a worker that comes too late refused?"""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, text, update

from plurijudge.store.engine import Store, database_clock, writing
from plurijudge.store.leases import Lease, Leases
from plurijudge.store.runs import create_run, mark_unknown
from plurijudge.store.tables import metadata
from plurijudge.text.errors import LeaseLost

LEASE, CALL, DATASET = (metadata.tables[name] for name in ("lease", "call", "dataset"))
RANGES = [(0, 10), (10, 20), (20, 25)]


@pytest.fixture
def run(store: Store) -> str:
    """An open run."""
    with store.engine.begin() as connection:
        connection.execute(insert(DATASET), {"id": "d"})
    return create_run(store, judge={"id": "j"}, run={"dataset": "d", "judge": "j", "seed": 0}).id


@pytest.fixture
def shared(postgres_url: str) -> Iterator[tuple[Store, str]]:
    """A PostgreSQL store with a run of three blocks."""
    with Store.open(postgres_url, create=True) as store:
        with store.engine.begin() as connection:
            connection.execute(insert(DATASET), {"id": "d"})
        run = create_run(store, judge={"id": "j"}, run={"dataset": "d", "judge": "j", "seed": 0}).id
        Leases(store, run, worker="layer", seconds=1).lay_out(RANGES)
        yield store, run


def worker(store: Store, run: str, name: str, *, seconds: float = 600) -> Leases:
    return Leases(store, run, worker=name, seconds=seconds)


def claimed(leases: Leases) -> Lease:
    lease = leases.claim()
    assert lease is not None
    return lease


def run_out(store: Store, *blocks: int) -> None:
    """Let leases end, as if their time were over."""
    with writing(store.engine).begin() as connection:
        connection.execute(update(LEASE).where(LEASE.c.block.in_(blocks)).values(expires=1.0))


def rows(store: Store) -> list[Any]:
    with store.engine.connect() as connection:
        return list(connection.execute(select(LEASE).order_by(LEASE.c.run, LEASE.c.block)))


def sent(store: Store, run: str, name: str, *, status: str = "sent") -> None:
    with writing(store.engine).begin() as connection:
        connection.execute(insert(CALL), {"key": "k", "run": run, "worker": name, "status": status})


def statuses(store: Store) -> list[tuple[str, str]]:
    with store.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(CALL.c.worker, CALL.c.status).order_by(CALL.c.id))]


def test_blocks_are_claimed_from_the_lowest_each_once_and_finished(store: Store, run: str) -> None:
    leases = worker(store, run, "w")
    leases.lay_out(RANGES)
    mine = [claimed(leases) for _ in RANGES]
    assert mine == [Lease(0, 0, 10, 1), Lease(1, 10, 20, 1), Lease(2, 20, 25, 1)]
    assert leases.claim() is None
    assert leases.held_by_others() is None
    with writing(store.engine).begin() as connection:
        leases.hold(connection, mine[1])
        leases.finish(connection, mine[1])
    assert leases.left() == 2
    assert [row.done for row in rows(store)] == [0, 1, 0]


def test_whoever_lays_a_run_out_first_decides_for_all(store: Store, run: str) -> None:
    worker(store, run, "w1").lay_out(RANGES)
    worker(store, run, "w2").lay_out([(0, 5), (5, 10), (10, 15), (15, 20), (20, 25)])
    assert [(row.block, row.first, row.last) for row in rows(store)] == [(0, 0, 10), (1, 10, 20), (2, 20, 25)]


def test_blocks_in_which_something_failed_are_given_out_again_when_asked_for(store: Store, run: str) -> None:
    leases = worker(store, run, "w")
    leases.lay_out(RANGES)
    for failed in (False, True, True):
        lease = claimed(leases)
        with writing(store.engine).begin() as connection:
            leases.finish(connection, lease, failed=failed)
    assert (leases.claim(), leases.left()) == (None, 0)
    leases.reopen()
    assert leases.left() == 2
    assert [claimed(leases), claimed(leases)] == [Lease(1, 10, 20, 2), Lease(2, 20, 25, 2)]


@pytest.mark.postgres
def test_they_are_not_while_another_is_at_work(shared: tuple[Store, str]) -> None:
    store, run = shared
    first, second = worker(store, run, "w1"), worker(store, run, "w2")
    with writing(store.engine).begin() as connection:
        first.finish(connection, claimed(first), failed=True)
    claimed(second)
    first.reopen()
    assert first.left() == 2


def test_a_lease_that_is_given_back_is_free_at_once(store: Store, run: str) -> None:
    first, second = worker(store, run, "w1"), worker(store, run, "w2")
    first.lay_out([(0, 10)])
    first.release(claimed(first))
    assert second.claim() == Lease(0, 0, 10, 2)


def test_a_lease_that_was_lost_is_not_given_back(store: Store, run: str) -> None:
    first, second = worker(store, run, "w1"), worker(store, run, "w2")
    first.lay_out([(0, 10)])
    late = claimed(first)
    run_out(store, 0)
    kept = claimed(second)
    first.release(late)
    assert second.renew([kept]) == set()
    [row] = rows(store)
    assert (row.worker, row.token) == ("w2", 2)
    assert row.expires > 1.0


def test_on_sqlite_whatever_a_former_process_had_is_free_at_once(both_stores: tuple[Store, Store]) -> None:
    store = both_stores[0]
    with store.engine.begin() as connection:
        connection.execute(insert(DATASET), {"id": "d"})
    run = create_run(store, judge={"id": "j"}, run={"dataset": "d", "judge": "j", "seed": 0}).id
    killed, second = worker(store, run, "w1"), worker(store, run, "w2")
    killed.lay_out(RANGES)
    claimed(killed)
    sent(store, run, "w1")
    assert second.held_by_others() is None
    assert [claimed(second).block for _ in RANGES] == [0, 1, 2]
    assert second.claim() is None
    assert statuses(store) == [("w1", "unknown")]


@pytest.mark.postgres
def test_a_block_that_another_has_is_not_claimed_before_its_time_is_over(shared: tuple[Store, str]) -> None:
    store, run = shared
    first, second = worker(store, run, "w1", seconds=50), worker(store, run, "w2")
    assert [claimed(first).block, claimed(second).block, claimed(first).block] == [0, 1, 2]
    assert second.claim() is None
    wait = second.held_by_others()
    assert wait is not None and 0 < wait <= 50
    run_out(store, 2)
    assert second.claim() == Lease(2, 20, 25, 2)


@pytest.mark.postgres
def test_a_lease_ends_by_the_clock_of_the_database(shared: tuple[Store, str], monkeypatch: pytest.MonkeyPatch) -> None:
    store, run = shared
    for name in ("time", "monotonic"):
        monkeypatch.setattr(time, name, lambda: 0.0)  # a worker's own clock may stand, or step

    def by_the_database() -> float:
        with store.engine.connect() as connection:
            return float(connection.execute(select(database_clock(connection))).scalar_one())

    before = by_the_database()
    claimed(worker(store, run, "w1", seconds=100))
    assert before + 100 <= rows(store)[0].expires <= by_the_database() + 100
    assert claimed(worker(store, run, "w2")).block == 1


@pytest.mark.postgres
def test_a_late_workers_transaction_is_refused_whole(shared: tuple[Store, str]) -> None:
    store, run = shared
    first, second = worker(store, run, "w1"), worker(store, run, "w2")
    late = claimed(first)
    run_out(store, 0)
    kept = claimed(second)

    def write(leases: Leases, lease: Lease, name: str) -> None:
        with writing(store.engine).begin() as connection:
            connection.execute(insert(DATASET), {"id": name})
            leases.hold(connection, lease)

    with pytest.raises(LeaseLost, match="items 0 to 9"):
        write(first, late, "late")
    write(second, kept, "kept")
    with pytest.raises(LeaseLost), writing(store.engine).begin() as connection:
        first.finish(connection, late)
    with store.engine.connect() as connection:
        assert set(connection.execute(select(DATASET.c.id)).scalars()) == {"d", "kept"}
    assert first.left() == 3


@pytest.mark.postgres
def test_a_block_is_not_claimed_while_a_transaction_writes_for_it(shared: tuple[Store, str]) -> None:
    store, run = shared
    first, second = worker(store, run, "w1"), worker(store, run, "w2")
    lease = claimed(first)
    run_out(store, 0)
    with writing(store.engine).begin() as connection:
        first.hold(connection, lease)
        assert claimed(second).block == 1
        first.finish(connection, lease)
        assert first.renew([lease]) == set()  # neither lost, nor waited for
    assert claimed(second).block == 2
    assert second.claim() is None


@pytest.mark.postgres
def test_to_hold_a_block_twice_in_one_transaction_asks_once_and_anew_in_the_next(shared: tuple[Store, str]) -> None:
    store, run = shared
    first, second = worker(store, run, "w1"), worker(store, run, "w2")
    lease = claimed(first)
    asked: list[str] = []

    def count(connection: Connection) -> None:
        first.hold(connection, lease)
        asked.append("SELECT")

    from sqlalchemy import event

    statements: list[str] = []
    listen = (store.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    event.listen(*listen)
    with writing(store.engine).connect() as connection:
        with connection.begin():
            for _ in range(50):
                count(connection)
        assert (len(statements), len(asked)) == (1, 50)
        run_out(store, 0)
        claimed(second)
        with pytest.raises(LeaseLost), connection.begin():
            count(connection)
    event.remove(*listen)


@pytest.mark.postgres
def test_renewing_says_which_blocks_are_lost(shared: tuple[Store, str]) -> None:
    store, run = shared
    first, second = worker(store, run, "w1"), worker(store, run, "w2")
    mine = [claimed(first) for _ in RANGES]
    run_out(store, 0, 1)
    claimed(second)
    before = rows(store)
    assert first.renew([]) == set()
    assert first.renew(mine) == {0}
    after = rows(store)
    assert after[0] == before[0]
    assert after[1].expires > before[1].expires  # over, but nobody's yet: it goes on
    assert after[2].expires >= before[2].expires


@pytest.mark.postgres
def test_what_a_dead_worker_had_in_flight_is_of_unknown_outcome_and_a_living_ones_is_not(
    shared: tuple[Store, str],
) -> None:
    store, run = shared
    dead, lives, third = (worker(store, run, name) for name in ("dead", "lives", "third"))
    for leases in (dead, lives, dead):
        claimed(leases)
    for name in ("dead", "dead", "lives"):
        sent(store, run, name)
    sent(store, run, "dead", status="ok")
    run_out(store, 0)
    assert claimed(third).block == 0
    assert mark_unknown(store, run) == 0  # it still holds a block, so it may be alive
    run_out(store, 2)
    assert claimed(third).block == 2
    assert statuses(store) == [("dead", "unknown"), ("dead", "unknown"), ("lives", "sent"), ("dead", "ok")]
    run_out(store, 1)
    assert mark_unknown(store, run) == 1


@pytest.mark.postgres
def test_a_claim_whose_commit_was_not_heard_of_is_found_again(
    shared: tuple[Store, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, run = shared
    leases = worker(store, run, "w1")
    claimed(leases)
    claimed(worker(store, run, "w1"))  # the same worker's, which `leases` has not heard of
    monkeypatch.setattr("plurijudge.store.leases.again", lambda connection: True)
    assert [claimed(leases), claimed(leases)] == [Lease(1, 10, 20, 1), Lease(2, 20, 25, 1)]


@pytest.mark.postgres
def test_threads_that_claim_at_once_never_share_a_block(postgres_url: str) -> None:
    with Store.open(postgres_url, create=True) as store:
        with store.engine.begin() as connection:
            connection.execute(insert(DATASET), {"id": "d"})
        run = create_run(store, judge={"id": "j"}, run={"dataset": "d", "judge": "j", "seed": 0}).id
        got: list[Lease] = []
        start = threading.Barrier(6)

        def work(name: str) -> None:
            with Store.open(postgres_url) as own:
                leases = worker(own, run, name)
                start.wait()
                leases.lay_out([(n, n + 1) for n in range(120)])
                while (lease := leases.claim()) is not None:
                    got.append(lease)

        crew = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(6)]
        for thread in crew:
            thread.start()
        for thread in crew:
            thread.join()
        assert sorted(lease.block for lease in got) == list(range(120))
        assert {lease.token for lease in got} == {1}


WORKER = textwrap.dedent(
    """
    import sys
    from sqlalchemy import insert
    from plurijudge.store.engine import Store, writing
    from plurijudge.store.leases import Leases
    from plurijudge.store.runs import fellow_worker
    from plurijudge.store.tables import metadata

    with Store.open(sys.argv[1]) as store, fellow_worker(store, sys.argv[2]) as name:
        leases = Leases(store, sys.argv[2], worker=name, seconds=float(sys.argv[3]))
        while (lease := leases.claim()) is not None:
            print(lease.block, flush=True)
            if len(sys.argv) > 4 and sys.stdin.readline() == "":
                break
            with writing(store.engine).begin() as connection:
                leases.hold(connection, lease)
                connection.execute(insert(metadata.tables["dataset"]), {"id": f"block {lease.block}"})
                leases.finish(connection, lease)
    """
)


def test_a_killed_workers_block_is_done_by_another_once(shared: tuple[Store, str], postgres_url: str) -> None:
    store, run = shared
    command = [sys.executable, "-c", WORKER, postgres_url, run]
    with subprocess.Popen([*command, "600", "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as dead:
        assert dead.stdout is not None
        assert dead.stdout.readline() == "0\n"
        dead.kill()
    done = subprocess.run([*command, "600"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "2"]
    run_out(store, 0)
    done = subprocess.run([*command, "600"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0"]
    with store.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM dataset WHERE id LIKE 'block %'")).scalar_one() == 3
    assert worker(store, run, "last").left() == 0

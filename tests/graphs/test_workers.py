"""May workers of one run be killed, stopped and late, and is every item judged once all the same?"""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import SQLAlchemyError

from plurijudge.store.engine import Store
from plurijudge.store.leases import Leases
from plurijudge.store.runs import create_run
from plurijudge.store.tables import metadata
from plurijudge.text.errors import NoStore

from ..loopback import Loopback
from .account import BLIND, Process, account, asked, asking, items_file, run_named, wait_until

ITEMS = 60
CREW = ("killed", "stopped", "steady")

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback(latency=0.2, blind=BLIND) as made:
        yield made


def calls(db: str, worker: Process, *statuses: str) -> list[int]:
    """The calls that a process made on any run, by their state."""
    found = asked(db, 'SELECT id, status FROM "call" WHERE worker LIKE :worker ORDER BY id', worker=f"{worker.pid}-%")
    return [number for number, status in found if status in statuses]


def blocks(db: str, worker: Process) -> list[int]:
    """The blocks that a process has, or had last, and that are not done."""
    found = asked(db, "SELECT block FROM lease WHERE done = 0 AND worker LIKE :worker", worker=f"{worker.pid}-%")
    return [block for (block,) in found]


def test_of_three_workers_one_is_killed_and_one_comes_too_late_and_every_item_is_judged_once(
    server: Loopback, postgres_url: str, tmp_path: Path
) -> None:
    items_file(tmp_path, ITEMS)
    begun = Process(tmp_path, postgres_url, *asking(server), "--max-calls", "8", "-c", "2", "-q").end()
    run = run_named(begun.said)
    assert begun.code == 3, begun.said
    server.script(latency=1.0)  # so that the first to start does not judge all before the last has started
    with ExitStack() as over:
        crew = {
            name: Process(tmp_path, postgres_url, "judge", "--run", run, "--lease", "3", "-c", "4", "-q")
            for name in CREW
        }
        for process in crew.values():
            over.callback(process.kill)
        killed, stopped, steady = crew.values()
        wait_until(lambda: all(calls(postgres_url, process, "ok") for process in crew.values()), "all took part")
        server.script(latency=2.0)
        wait_until(lambda: all(len(calls(postgres_url, p, "sent")) >= 2 for p in (killed, stopped)), "calls in flight")
        killed.send(signal.SIGKILL)
        stopped.send(signal.SIGSTOP)
        time.sleep(0.5)  # what they had committed by then is to be seen
        in_flight = {process.pid: calls(postgres_url, process, "sent") for process in (killed, stopped)}
        server.script(latency=0.2)
        wait_until(lambda: not blocks(postgres_url, stopped), "the stopped one's blocks were taken over")
        assert stopped.running
        stopped.send(signal.SIGCONT)
        ended = [process.end() for process in (stopped, steady)]
    assert [end.code for end in ended] == [0, 0], ended
    for process in (killed, stopped):
        lost = calls(postgres_url, process, "unknown")
        assert lost and set(in_flight[process.pid]) <= set(lost)
        late = asked(
            postgres_url,
            'SELECT verdict.item, made.worker FROM "call" AS lost JOIN verdict USING (run, item) '
            'JOIN "call" AS made ON made.id = verdict."call" '
            "WHERE lost.status = 'unknown' AND lost.worker LIKE :worker",
            worker=f"{process.pid}-%",
        )
        assert {worker.partition("-")[0] for _, worker in late}.isdisjoint({str(process.pid)})
    drawn = account(postgres_url, run, server, items=ITEMS, what="three workers")
    drawn.assert_nothing_lost()
    assert sorted(drawn.in_flight) == sorted(
        calls(postgres_url, killed, "unknown") + calls(postgres_url, stopped, "unknown")
    )
    per_worker = asked(postgres_url, 'SELECT worker, status, count(*) FROM "call" GROUP BY 1, 2 ORDER BY 1, 2')
    print(f"calls: {per_worker}; the late one said: {ended[0].said.strip()}")


FILE_ITEMS = 2_000


def beginning(server: Loopback, folder: Path, db: str, calls: int) -> Process:
    """A process that begins a run of its own on the file, and stops after so many calls."""
    return Process(folder, db, *asking(server), "--max-calls", str(calls), "--limit", "40", "-q")


def assert_read_once(db: str) -> None:
    """The file is in the store, each line once."""
    counted = asked(db, "SELECT count(*), count(DISTINCT position), max(position) FROM item")
    assert counted == [(FILE_ITEMS, FILE_ITEMS, FILE_ITEMS)]
    noted = asked(db, "SELECT items, lines, complete, set_aside FROM dataset")
    assert noted == [(FILE_ITEMS, FILE_ITEMS + 1, 1, 1)]


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    """The folder of a file that takes a while to read, its last line no item."""
    with items_file(tmp_path, FILE_ITEMS).open("a", encoding="utf-8") as file:
        file.write("no item\n")
    return tmp_path


def test_of_two_that_start_on_one_file_one_reads_it_and_both_judge(
    server: Loopback, postgres_url: str, long_file: Path
) -> None:
    crew = [beginning(server, long_file, postgres_url, calls) for calls in (4, 6)]
    assert [process.end().code for process in crew] == [3, 3]
    assert_read_once(postgres_url)
    made = asked(postgres_url, "SELECT count(*) FROM \"call\" WHERE status <> 'hit' GROUP BY run ORDER BY 1")
    assert made == [(4,), (6,)]


def test_where_the_one_that_reads_dies_the_other_reads_on(server: Loopback, postgres_url: str, long_file: Path) -> None:
    with ExitStack() as over:
        first = beginning(server, long_file, postgres_url, 4)
        over.callback(first.kill)
        wait_until(lambda: _read(postgres_url) > 0, "reading has begun")
        first.send(signal.SIGSTOP)
        second = beginning(server, long_file, postgres_url, 6)
        over.callback(second.kill)
        wait_until(lambda: asked(postgres_url, "SELECT count(*) FROM run") == [(2,)], "the second has begun")
        assert asked(postgres_url, "SELECT complete FROM dataset") == [(0,)]
        first.kill()
        assert second.end().code == 3
    assert_read_once(postgres_url)
    [(run,), _] = asked(postgres_url, "SELECT id FROM run ORDER BY created_at")
    again = Process(long_file, postgres_url, "judge", "--run", run, "-q").end()
    assert again.code == 0, again.said
    assert asked(postgres_url, "SELECT count(*) FROM decision WHERE run = :run", run=run) == [(40,)]


def _read(db: str) -> int:
    """How many lines of the data set have been read so far; 0 while there is no store."""
    try:
        return int(sum(lines for (lines,) in asked(db, "SELECT lines FROM dataset")))
    except (NoStore, SQLAlchemyError):  # not yet
        return 0


STOPS_ITSELF = textwrap.dedent(
    """
    import os, signal, sys
    from plurijudge.store import transactions
    from plurijudge.store.engine import Store
    from plurijudge.store.leases import Leases
    from plurijudge.text.errors import LeaseLost

    transactions.IDLE = 0.5
    with Store.open(sys.argv[1]) as store:
        leases = Leases(store, sys.argv[2], worker="stopped", seconds=0.5)
        lease = leases.claim()

        def work(connection):
            leases.hold(connection, lease)
            if not transactions.again(connection):
                print("held", flush=True)
                os.kill(os.getpid(), signal.SIGSTOP)
            leases.finish(connection, lease)

        try:
            transactions.transact(store, work)
        except LeaseLost:
            print("refused")
    """
)


def test_a_worker_stopped_in_the_middle_of_a_transaction_keeps_nobody_waiting(
    postgres_url: str,
) -> None:
    with Store.open(postgres_url, create=True) as store:
        with store.engine.begin() as connection:
            connection.execute(insert(metadata.tables["dataset"]), {"id": "d"})
        run = create_run(store, judge={"id": "j"}, run={"dataset": "d", "judge": "j", "seed": 0}).id
        other = Leases(store, run, worker="other", seconds=60)
        other.lay_out([(0, 4)])
        command = [sys.executable, "-c", STOPS_ITSELF, postgres_url, run]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as stopped:
            try:
                assert stopped.stdout is not None
                assert stopped.stdout.readline() == "held\n"
                lease = wait_until(other.claim, "the block of the stopped worker is free")
                assert (lease.block, lease.token) == (0, 2)
                stopped.send_signal(signal.SIGCONT)
                assert stopped.stdout.read() == "refused\n"
            finally:
                stopped.kill()

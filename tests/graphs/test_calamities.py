"""What does a run survive? Each test prints what was lost, what was asked again though stored, what was in flight."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from plurijudge import Judge, Outcome, Study
from plurijudge.graphs.runner import Pace, Progress

from ..court import pairs, quick
from ..loopback import Loopback
from .account import (
    BLIND,
    Process,
    account,
    asked,
    asking,
    items_file,
    questions,
    run_named,
    stored_answers,
    wait_until,
)

pytestmark = pytest.mark.slow


def judged(
    study: Study, server: Loopback, items: int, pace: Pace, watch: Callable[[Progress], None] | None = None
) -> Outcome:
    return study.judge_sync(pairs(items), Judge("openai/m", base_url=server.base_url), pace=pace, watch=watch)


def once_at(count: int, act: Callable[[], None]) -> Callable[[Progress], None]:
    """A watch that acts in a thread of its own, once so many items are judged."""
    begun = threading.Event()

    def watch(progress: Progress) -> None:
        if progress.judged >= count and not begun.is_set():
            begun.set()
            threading.Thread(target=act).start()

    return watch


def test_a_server_that_refuses_above_twenty_in_flight_is_asked_by_about_twenty(tmp_path: Path) -> None:
    items, latency, most = 300, 0.1, 20
    db = tmp_path / "s.db"
    with Loopback(latency=latency, max_in_flight=most) as server, Study(db) as study:
        done = judged(study, server, items, quick(concurrency=50, attempts=20, backoff=0.1, longest_wait=1.0))
        stat = server.stat()
        took = stat["arrivals"][-1] - stat["arrivals"][0] + latency
        ideal = 2 * items * latency / most
        refused = stat["outcomes"].get("over_limit", 0)
        print(
            f"{stat['received']} requests, {refused} refused; {took:.2f} s, {took / ideal:.2f} of the ideal for {most}"
        )
        assert stat["good"] == 2 * items
        assert stat["max_in_flight"] > most
        assert refused <= 0.25 * stat["received"]
        widths = asked(db, "SELECT width, reason FROM concurrency ORDER BY id")
        assert widths[0] == (50, "start")
        assert ("rate_limited" in {reason for _, reason in widths}) and min(width for width, _ in widths) >= most // 4
    # the server's last thousand requests are too few to be compared one by one: it has given no answer twice
    assert all(key["good"] == 1 for key in stat["keys"].values())
    assert (done.status, done.sums["verdicts"]) == ("closed", {"ok": 2 * items})
    assert sum(done.sums["decisions"].values()) == items
    print("lost: nothing; asked again: nothing; in flight: nothing")


def test_a_server_that_is_killed_and_comes_back_costs_nothing(tmp_path: Path) -> None:
    items, db = 60, tmp_path / "s.db"
    had: set[str] = set()
    with Loopback(latency=0.05, blind=BLIND) as server, Study(db) as study:

        def outage() -> None:
            had.update(stored_answers(db))
            server.kill()
            time.sleep(1.0)
            server.start()

        patient = quick(attempts=30, backoff=0.2, longest_wait=1.0, total=120)
        done = judged(study, server, items, patient, once_at(10, outage))
        assert had and had.isdisjoint(questions(server.requests()))
        drawn = account(db, done.run, server, items=items, had=had, what="server killed and started again")
        drawn.assert_nothing_lost()
        assert drawn.in_flight == []
        [(retried,)] = asked(db, "SELECT count(*) FROM \"call\" WHERE status = 'ok' AND attempts > 1")
        assert retried >= 1
        print(f"retried over the outage: {retried} calls")


@pytest.mark.postgres
def test_backends_that_are_terminated_again_and_again_cost_nothing(postgres_url: str) -> None:
    items, rounds = 60, 30
    over, ended = threading.Event(), [0]
    url = make_url(postgres_url)
    admin = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    all_others = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")

    def terminate() -> None:
        with admin.connect() as connection:
            for _ in range(rounds):
                ended[0] += len(connection.execute(all_others, {"name": url.database}).all())
                if over.wait(0.1):
                    return

    with Loopback(latency=0.2, blind=BLIND) as server, Study(postgres_url) as study:
        done = judged(study, server, items, quick(concurrency=6), once_at(3, terminate))
        over.set()
        drawn = account(postgres_url, done.run, server, items=items, what=f"{ended[0]} backends terminated")
        drawn.assert_nothing_lost()
        assert drawn.in_flight == []
    assert ended[0] >= 4
    admin.dispose()


def test_a_disk_that_is_full_leaves_a_run_that_goes_on_once_there_is_room(tmp_path: Path) -> None:
    items, db = 40, tmp_path / "s.db"
    items_file(tmp_path, items)
    with Loopback(latency=0.05, blind=BLIND) as server:
        # no file of the process may grow beyond this: as good as full, and needs no disk of its own
        little = ("bash", "-c", 'ulimit -f 500; exec "$@"', "bash")
        ended = Process(tmp_path, db, *asking(server), "-c", "4", "-q", before=little).end()
        assert ended.code == 2, ended.said
        assert "could not be written" in ended.said and "make room on that disk" in ended.said
        had = stored_answers(db)
        assert 0 < len(had) < 2 * items
        [(run,)] = asked(db, "SELECT id FROM run WHERE status = 'open'")
        before = server.stat()["received"]
        assert Process(tmp_path, db, "judge", "--run", run, "-q").end().code == 0
        later = [request for request in server.requests() if request["ordinal"] > before]
        assert had.isdisjoint(questions(later))
        account(db, run, server, items=items, had=had, what="disk full").assert_nothing_lost()


STEPS_BACK = '''"""A clock that is set back by hours while a run goes on; the monotonic one stays as it is."""

import datetime
import os
import time

real_time, real_datetime, asked = time.time, datetime.datetime, 0
patience, hours = int(os.environ["STEP_AFTER"]), 5


def behind():
    global asked
    asked += 1
    return hours * 3600 if asked > patience else 0


class SetBack(real_datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) - datetime.timedelta(seconds=behind())


time.time = lambda: real_time() - behind()
time.time_ns = lambda: int(time.time() * 1e9)
datetime.datetime = SetBack
'''


@pytest.mark.parametrize(
    "kind", [pytest.param("sqlite", marks=pytest.mark.thorough), pytest.param("postgres", marks=pytest.mark.postgres)]
)
def test_a_clock_that_is_set_back_changes_nothing(tmp_path: Path, request: pytest.FixtureRequest, kind: str) -> None:
    items = 24
    db = str(tmp_path / "s.db") if kind == "sqlite" else request.getfixturevalue("postgres_url")
    items_file(tmp_path, items)
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock" / "sitecustomize.py").write_text(STEPS_BACK, encoding="utf-8")
    clock = {"PYTHONPATH": str(tmp_path / "clock")}
    with Loopback(latency=0.02, blind=BLIND) as server:
        options = ("-c", "4", "-q", "--max-calls", "30", "--lease", "3")
        ended = Process(tmp_path, db, *asking(server), *options, STEP_AFTER="60", **clock).end()
        run = run_named(ended.said)
        assert ended.code == 3, ended.said
        times = [at for (at,) in asked(db, 'SELECT sent_at FROM "call" ORDER BY id')]
        back = [n for n in range(1, len(times)) if times[n] < times[n - 1]]
        assert len(back) == 1, times  # in mid-run the clock stepped back, once
        had = stored_answers(db)
        ended = Process(tmp_path, db, "judge", "--run", "last", "-q", STEP_AFTER="0", **clock).end()
        assert ended.code == 0 and run in ended.said, ended.said
        account(db, run, server, items=items, had=had, what=f"clock set back on {kind}").assert_nothing_lost()
        child = Process(tmp_path, db, *asking(server), "--fresh", "--limit", "2", "-q", STEP_AFTER="0", **clock).end()
        assert child.code == 0 and run_named(child.said) != run
        shown = Process(tmp_path, db, "show", "last", "--json").end()
        assert (
            f'"{run_named(child.said)}"' in shown.said and f'"run": "{run}"' not in shown.said
        )  # the later is the last


def test_a_run_that_is_cancelled_gives_its_items_back(tmp_path: Path) -> None:
    """As a program does that cancels what it awaits: nothing is left hanging, and the run goes on."""
    items, db = 12, tmp_path / "s.db"
    with Loopback(faults="ok*8,hang*", blind=BLIND) as server, Study(db) as study:

        async def cancelled() -> None:
            judge = Judge("openai/m", base_url=server.base_url)
            work = asyncio.create_task(study.judge(pairs(items), judge, pace=quick(concurrency=4)))
            await asyncio.to_thread(wait_until, lambda: server.stat()["in_flight"] >= 4, "calls hang")
            work.cancel()
            with pytest.raises(asyncio.CancelledError):
                await work

        asyncio.run(cancelled())
        had = stored_answers(db)
        server.script("ok*")
        done = study.resume_sync("last", pace=quick(concurrency=4))
        drawn = account(db, done.run, server, items=items, had=had, what="cancelled")
        drawn.assert_nothing_lost()
        assert len(drawn.in_flight) >= 4

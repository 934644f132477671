"""Is a run that was stopped, cut off or denied gone on with, with nothing lost and nothing asked twice?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from plurijudge import Judge, Plan, Study
from plurijudge.agents.model import Limits
from plurijudge.graphs.runner import Pace, Progress
from plurijudge.text.errors import ModelError, ModelRefusedKey, ModelUnreachable, StoreFull

from ..court import pairs, quick, rows
from ..loopback import Loopback

ITEMS = 40


def judge(loopback: Loopback) -> Judge:
    return Judge("openai/m", base_url=loopback.base_url)


def stop_after(count: int) -> tuple[asyncio.Event, Callable[[Progress], None]]:
    """An event, and a watch that sets it once so many items are judged."""
    stop = asyncio.Event()

    def watch(progress: Progress) -> None:
        if progress.judged >= count:
            stop.set()

    return stop, watch


def assert_each_once(study: Study, run: str, *, samples: int = 1, items: int = ITEMS) -> None:
    """Each (item, presentation, sample) has one verdict, each item one decision, and no call is left open."""
    with study.store.engine.connect() as connection:

        def value(statement: str) -> Any:
            return connection.execute(text(statement), {"run": run}).scalar()

        places = "SELECT count(*) FROM (SELECT DISTINCT item, presentation, sample FROM verdict WHERE run = :run) AS p"
        assert value(places) == value("SELECT count(*) FROM verdict WHERE run = :run") == 2 * samples * items
        assert value("SELECT count(*) FROM decision WHERE run = :run") == items
        assert value("SELECT count(*) FROM verdict WHERE run = :run AND status <> 'ok'") == 0
        assert value("SELECT count(*) FROM \"call\" WHERE run = :run AND status = 'sent'") == 0


def assert_no_answer_asked_for_again(study: Study, loopback: Loopback) -> None:
    """Each key is answered and stored once; a second answer from the server belongs to a call of unknown outcome."""
    with study.store.engine.connect() as connection:
        twice = "SELECT key FROM \"call\" WHERE status = 'ok' GROUP BY key HAVING count(*) > 1"
        assert connection.execute(text(twice)).all() == []
        unknown = connection.execute(text("SELECT count(*) FROM \"call\" WHERE status = 'unknown'")).scalar_one()
    surplus = sum(max(0, key["good"] - 1) for key in loopback.stat()["keys"].values())
    assert surplus <= unknown


def test_a_stopped_run_is_gone_on_with_and_nothing_is_asked_twice(loopback: Loopback, tmp_path: Path) -> None:
    loopback.script(latency=0.02)
    with Study(tmp_path / "s.db") as study:
        stop, watch = stop_after(10)
        part = study.judge_sync(pairs(ITEMS), judge(loopback), pace=quick(), stop=stop, watch=watch)
        assert part.status == "open" and 10 <= sum(part.sums["decisions"].values()) < ITEMS
        whole = study.resume_sync(part.run, pace=quick())
        assert whole.status == "closed" and whole.run == part.run
        assert_each_once(study, whole.run)
        assert all(key["good"] <= 1 for key in loopback.stat()["keys"].values())
        assert_no_answer_asked_for_again(study, loopback)


def test_what_a_stop_cuts_off_is_shown_as_of_unknown_outcome_and_asked_again(
    loopback: Loopback, tmp_path: Path
) -> None:
    loopback.script(latency=0.1)
    with Study(tmp_path / "s.db") as study:
        stop, watch = stop_after(5)
        hurried = Pace(limits=Limits(timeout=5), grace=0.0)
        part = study.judge_sync(
            pairs(ITEMS), judge(loopback), plan=Plan(samples=2), pace=hurried, stop=stop, watch=watch
        )
        whole = study.resume_sync(part.run, pace=quick())
        assert_each_once(study, whole.run, samples=2)
        assert_no_answer_asked_for_again(study, loopback)
        assert whole.sums["unknown"] >= 1
    lost = rows(tmp_path / "s.db", "SELECT DISTINCT reason FROM \"call\" WHERE status = 'unknown'")
    assert lost == [("in flight when the process ended",)]


def test_a_run_may_be_stopped_many_times(loopback: Loopback, tmp_path: Path) -> None:
    loopback.script("429=0.1,500=0.1,cut=0.1", seed=5, latency=0.01)
    with Study(tmp_path / "s.db") as study:
        stop, watch = stop_after(5)
        done = study.judge_sync(pairs(ITEMS), judge(loopback), pace=quick(), stop=stop, watch=watch)
        for _ in range(4):
            stop, watch = stop_after(5)
            done = study.resume_sync(done.run, pace=quick(), stop=stop, watch=watch)
        done = study.resume_sync(done.run, pace=quick())
        assert_each_once(study, done.run)
        assert_no_answer_asked_for_again(study, loopback)


@pytest.mark.postgres
def test_a_stopped_run_is_gone_on_with_on_postgresql(loopback: Loopback, postgres_url: str) -> None:
    loopback.script(latency=0.02)
    with Study(postgres_url) as study:
        stop, watch = stop_after(10)
        part = study.judge_sync(pairs(ITEMS), judge(loopback), pace=quick(), stop=stop, watch=watch)
        whole = study.resume_sync(part.run, pace=quick())
        assert (part.status, whole.status) == ("open", "closed")
        assert_each_once(study, whole.run)
        assert_no_answer_asked_for_again(study, loopback)


def test_a_fresh_run_that_is_resumed_does_not_ask_again_what_it_was_answered(
    loopback: Loopback, tmp_path: Path
) -> None:
    loopback.script(latency=0.02)
    with Study(tmp_path / "s.db") as study:
        study.judge_sync(pairs(ITEMS), judge(loopback), pace=quick())
        stop, watch = stop_after(10)
        fresh = Plan(fresh=True)
        part = study.judge_sync(pairs(ITEMS), judge(loopback), plan=fresh, pace=quick(), stop=stop, watch=watch)
        whole = study.resume_sync(part.run, pace=quick())
        assert part.status == "open"
        assert_each_once(study, whole.run)
        assert whole.sums["answered"] == 2 * ITEMS
    assert loopback.stat()["received"] == 4 * ITEMS


@pytest.mark.parametrize(("fault", "error"), [("401", ModelRefusedKey), ("402", ModelRefusedKey), ("404", ModelError)])
def test_a_run_that_a_model_denies_stays_open_and_is_gone_on_with(
    loopback: Loopback, tmp_path: Path, fault: str, error: type[ModelError]
) -> None:
    loopback.script(f"{fault}*")
    with Study(tmp_path / "s.db") as study:
        with pytest.raises(error):
            study.judge_sync(pairs(ITEMS), judge(loopback), pace=quick())
        assert loopback.stat()["received"] <= 2 * Limits().concurrency
        loopback.script("ok*")
        whole = study.resume_sync("last", pace=quick())
        assert_each_once(study, whole.run)


def test_an_account_used_up_in_mid_run_leaves_it_open_with_what_was_answered(
    loopback: Loopback, tmp_path: Path
) -> None:
    loopback.script(["ok*30", "402*"])
    with Study(tmp_path / "s.db") as study:
        with pytest.raises(ModelRefusedKey, match="used up"):
            study.judge_sync(pairs(ITEMS), judge(loopback), pace=quick())
        loopback.script("ok*")
        whole = study.resume_sync("last", pace=quick())
        assert_each_once(study, whole.run)
        assert_no_answer_asked_for_again(study, loopback)


def test_a_run_against_nothing_stays_open_until_something_listens(tmp_path: Path) -> None:
    with Loopback() as server, Study(tmp_path / "s.db") as study:
        server.stop()
        with pytest.raises(ModelUnreachable):
            study.judge_sync(pairs(5), judge(server), pace=quick(attempts=2))
        server.start()
        whole = study.resume_sync("last", pace=quick())
        assert_each_once(study, whole.run, items=5)


def test_a_server_that_dies_in_mid_run_fails_the_rest_which_a_retry_mends(tmp_path: Path) -> None:
    with Loopback(latency=0.02) as server, Study(tmp_path / "s.db") as study:

        def watch(progress: Progress) -> None:
            if progress.judged == 8:
                server.kill()

        done = study.judge_sync(pairs(ITEMS), judge(server), pace=quick(attempts=2), watch=watch)
        assert sum(done.sums["decisions"].values()) == ITEMS
        assert set(done.sums["reasons"]) <= {"error: unreachable", "error: connection"}
        server.start()
        child = study.retry_sync(done.run, pace=quick())
        assert set(child.sums["verdicts"]) == {"ok"}
        assert sum(child.sums["decisions"].values()) == done.sums["decisions"]["failed"]


def test_a_full_disk_ends_the_run_with_its_error_and_nothing_stored_is_lost(loopback: Loopback, tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with Study(path) as study:
        with study.store.engine.connect() as connection:
            pages = connection.execute(text("PRAGMA page_count")).scalar_one()

        def little_room(connection: Any, _record: Any) -> None:
            connection.execute(f"PRAGMA max_page_count={pages + 25}")

        event.listen(study.store.engine, "connect", little_room)
        study.store.engine.dispose()  # so that every connection comes through it
        with pytest.raises(StoreFull, match="full"):
            study.judge_sync(pairs(ITEMS), judge(loopback), pace=quick())
    kept = rows(path, "SELECT key FROM \"call\" WHERE status = 'ok'")
    assert kept
    with Study(path) as study:
        whole = study.resume_sync("last", pace=quick())
        assert_each_once(study, whole.run)
        assert_no_answer_asked_for_again(study, loopback)
    assert set(kept) <= set(rows(path, "SELECT key FROM \"call\" WHERE status = 'ok'"))


def test_the_end_of_a_loop_brings_no_complaint(loopback: Loopback, tmp_path: Path) -> None:
    import subprocess
    import sys

    program = f"""
import gc
import plurijudge as pj
items = [{{"id": str(n), "prompt": "?", "responses": [{{"id": "a", "text": "x"}}, {{"id": "b", "text": str(n)}}]}}
         for n in range(12)]
judge = pj.Judge("openai/m", base_url={loopback.base_url!r})
with pj.Study({str(tmp_path / "s.db")!r}) as study:
    for fresh in (False, True):
        study.judge_sync(items, judge, plan=pj.Plan(fresh=fresh), pace=pj.Pace(limits=pj.Limits(backoff=0.001)))
pj.judge_pair_sync("p", "a", "b", judge=judge)
gc.collect()
"""
    loopback.script("429,500,cut,reset,garbage,400,ok*")
    done = subprocess.run(  # a process of its own: what is left at its end is seen
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

"""Does a run stop at its budget, lose nothing by it, and go on to the same end?"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from plurijudge import Budget, Judge, Outcome, Study
from plurijudge.graphs.budget import Spending
from plurijudge.graphs.runner import Pace
from plurijudge.store.exports import export
from plurijudge.text.errors import BadInput

from ..court import pairs, quick
from ..loopback import Loopback
from .account import BLIND, Process, account, asked, asking, items_file, run_named, stored_answers

ITEMS = 30
MANY = 60
PRICED = "openai/gpt-4o-mini"


def within(**limits: Any) -> Pace:
    return replace(quick(concurrency=4), budget=Budget(**limits))


def canonical(study: Study, outcome: Outcome) -> bytes:
    handle = io.BytesIO()
    export(study.store, "verdicts", run=outcome.run, handle=handle, canonical=True)
    return handle.getvalue()


@given(st.lists(st.integers(1, 6), min_size=1, max_size=40), st.integers(1, 60), st.integers(1, 8), st.randoms())
def test_items_taken_up_never_need_more_calls_than_are_allowed(
    needs: list[int], allowed: int, crew: int, order: Any
) -> None:
    spending, sent, made = Spending(Budget(calls=allowed)), Counter[str](), 0
    open_items: list[str] = []
    for number, needed in enumerate(needs):
        while len(open_items) >= crew or (open_items and order.random() < 0.4):
            name = open_items.pop(order.randrange(len(open_items)))
            still = spending.under_way[name] - sent[name]
            sent[name] += still
            made += still
            spending.settle(name, sent=sent)
        if spending.take_up(str(number), needed, sent=sent, spent=0.0):
            break
        open_items.append(str(number))
        sent[str(number)] += 1
        made += 1
    assert made + sum(spending.under_way[name] - sent[name] for name in open_items) <= allowed


def test_a_run_stops_before_it_makes_more_calls_and_goes_on_to_the_same_end(loopback: Loopback, tmp_path: Path) -> None:
    loopback.script("", blind=r"==[0-9a-f]{24}==")
    judge = Judge("openai/m", base_url=loopback.base_url)
    with Study(tmp_path / "s.db") as study, Study(tmp_path / "whole.db") as other:
        stopped = study.judge_sync(pairs(ITEMS), judge, pace=within(calls=13))
        assert (stopped.status, stopped.stopped) == ("open", "the limit of 13 calls is reached")
        assert stopped.sums["calls"] == loopback.stat()["received"] == 12
        assert sum(stopped.sums["decisions"].values()) == 6
        again = study.resume_sync(stopped.run, pace=within(calls=30))
        assert (again.status, again.sums["calls"]) == ("open", 30)
        done = study.resume_sync(stopped.run, pace=quick(concurrency=4))
        assert (done.status, done.stopped) == ("closed", "")
        assert loopback.stat()["received"] == 2 * ITEMS
        whole = other.judge_sync(pairs(ITEMS), judge, pace=quick(concurrency=4))
        assert canonical(study, done) == canonical(other, whole)


def test_a_run_stops_within_what_is_in_flight_of_its_dollars(loopback: Loopback, tmp_path: Path) -> None:
    judge = Judge("openai/gpt-4o-mini", base_url=loopback.base_url)
    with Study(tmp_path / "s.db") as study:
        one = study.judge_sync(pairs(1), judge, pace=quick()).sums["cost"] / 2
        stopped = study.judge_sync(pairs(ITEMS)[1:], judge, pace=within(dollars=10 * one))
        assert (stopped.status, stopped.stopped) == ("open", f"the budget of ${10 * one:g} is spent")
        assert 8 <= stopped.sums["calls"] <= 10 + 4  # the mean of the calls before is set aside for those to come
        assert study.resume_sync(stopped.run, pace=quick()).status == "closed"


def test_dollars_are_set_aside_for_what_is_under_way_at_the_mean_price_so_far() -> None:
    spending, sent = Spending(Budget(dollars=1.0)), Counter[str]()

    def taken(item: str, *, spent: float, heard: int, asking: int) -> bool:
        return spending.take_up(item, 2, sent=sent, spent=spent, heard=heard, asking=asking) == ""

    assert taken("of unknown price", spent=0.0, heard=0, asking=0)
    sent["of unknown price"] = 2
    assert taken("a second", spent=0.1, heard=1, asking=1)  # 1 heard, 1 under way, 2 to send: .4 of a dollar
    assert taken("a third", spent=0.2, heard=2, asking=0)  # 2 heard, 2 to send, 2 more
    sent.update({"a second": 2, "a third": 2})
    assert taken("a fourth", spent=0.4, heard=4, asking=2)
    assert taken("a fifth", spent=0.6, heard=6, asking=0)
    assert spending.take_up("a sixth", 2, sent=sent, spent=0.6, heard=6, asking=0) == "the budget of $1 is spent"


def test_a_budget_in_dollars_needs_a_price(tmp_path: Path) -> None:
    with Study(tmp_path / "s.db") as study, pytest.raises(BadInput, match="price of `openai/m` is not known"):
        study.judge_sync(pairs(1), Judge("openai/m"), pace=within(dollars=1))


def test_a_deadline_lets_what_is_under_way_come_in(tmp_path: Path) -> None:
    with Study(tmp_path / "s.db") as study:
        stopped = study.judge_sync(pairs(ITEMS), "builtin/planted", pace=within(seconds=0.0))
        assert (stopped.status, stopped.stopped) == ("open", "the deadline of 0 s is reached")
        assert stopped.sums["unknown"] == 0
        assert study.resume_sync(stopped.run).status == "closed"


def test_what_the_cache_holds_costs_no_calls(tmp_path: Path) -> None:
    with Study(tmp_path / "s.db") as study:
        study.judge_sync(pairs(ITEMS), "builtin/planted")
        again = study.judge_sync(pairs(ITEMS), "builtin/planted", pace=within(calls=8, dollars=0.01))
        assert (again.status, again.sums["calls"]) == ("closed", 0)


@dataclass(frozen=True)
class Whole:
    """A run that nothing stopped, and the server that was asked."""

    server: Loopback
    calls: int
    cost: float
    dearest: float
    export: bytes


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    folder = tmp_path_factory.mktemp("whole")
    items_file(folder, MANY)
    with Loopback(latency=0.05, blind=BLIND) as server:
        done = Process(folder, folder / "s.db", *asking(server, model=PRICED), "-q").end()
        assert done.code == 0, done.said
        [(calls, cost, dearest)] = asked(folder / "s.db", 'SELECT count(*), sum(cost), max(cost) FROM "call"')
        assert (calls, cost > 0) == (2 * MANY, True)
        with Study(folder / "s.db") as study:
            yield Whole(server, calls, cost, dearest, canonical(study, study.outcome("last")))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
@pytest.mark.parametrize("limit", ["--max-calls", "--budget"])
def test_a_tenth_of_the_budget_ends_within_one_batch_and_the_rest_leads_to_the_same_export(
    tmp_path: Path, request: pytest.FixtureRequest, whole: Whole, kind: str, limit: str
) -> None:
    db = str(tmp_path / "s.db") if kind == "sqlite" else request.getfixturevalue("postgres_url")
    width, server = 4, whole.server
    allowed, batch, spent = {
        "--max-calls": (whole.calls // 10, 0.0, "count(*)"),
        "--budget": (round(whole.cost / 10, 9), width * whole.dearest, "sum(cost)"),
    }[limit]
    items_file(tmp_path, MANY)
    server.reset()
    begin = (*asking(server, model=PRICED), limit, str(allowed))
    part = Process(tmp_path, db, *begin, "-c", str(width), "-q").end()
    assert part.code == 3, part.said
    run = run_named(part.said)
    assert f"go on with: plurijudge judge --run {run}" in part.said
    [(used, sent)] = asked(db, f"SELECT {spent}, count(*) FROM \"call\" WHERE status = 'ok'")  # noqa: S608
    assert server.stat()["received"] == sent  # nothing was cut off
    assert 0.75 * allowed <= used <= allowed + batch
    print(f"{kind}, {limit} {allowed:g} of {whole.calls} calls' work: stopped after {used:g}, {sent} calls")
    had = stored_answers(db)
    done = Process(tmp_path, db, "judge", "--run", run, "-q").end()
    assert done.code == 0, done.said
    account(db, run, server, items=MANY, had=had, what=f"a tenth of {limit} on {kind}").assert_nothing_lost()
    assert server.stat()["received"] == whole.calls
    with Study(db) as study:
        assert canonical(study, study.outcome(run)) == whole.export

"""Does a run end once enough is known, at the same item whoever works on it, and say what it saved?"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plurijudge import Budget, Judge, Outcome, Plan, Study
from plurijudge.graphs.runner import Pace
from plurijudge.store.order import order_of
from plurijudge.text.errors import BadInput

from ..court import pairs, quick
from ..loopback import Loopback
from .account import BLIND, Process, asked, items_file

ITEMS = 400
JUDGE = "builtin/planted?seed=3"
PACE = quick(concurrency=4)


def within(calls: int) -> Pace:
    return replace(PACE, budget=Budget(calls=calls))


def leaning(n: int = ITEMS, *, gap: float = 1.5) -> list[dict[str, Any]]:
    """Items of which the planted judge prefers `a` more often, the more so the larger the gap in quality."""
    return [{**item, "meta": {"quality": {"a": gap, "b": 0.0}}} for item in pairs(n)]


def decided_places(study: Study, run: str, *, seed: int = 0) -> list[int]:
    """The places in the run's order of the items that have a decision, sorted."""
    with study.store.engine.connect() as connection:
        order = [int(position) for position in order_of(connection, found(study, run)[0], seed=seed)]
    place = {position: number for number, position in enumerate(order)}
    rows = asked(
        study.store.url.render_as_string(hide_password=False),
        "SELECT item.position FROM decision JOIN item ON item.dataset = decision.dataset AND item.id = decision.item "
        "WHERE decision.run = :run",
        run=run,
    )
    return sorted(place[position] for (position,) in rows)


def found(study: Study, run: str) -> tuple[Any, ...]:
    """The run's data set, and why it ended."""
    rows: list[tuple[Any, ...]] = asked(
        study.store.url.render_as_string(hide_password=False),
        "SELECT dataset, stopped FROM run WHERE id = :run",
        run=run,
    )
    return rows[0]


def assert_a_beginning_is_decided(study: Study, done: Outcome, *, items: int = ITEMS) -> int:
    """Exactly the first so many of the order are decided, each in both presentations; gives how many."""
    places = decided_places(study, done.run)
    assert places == [*range(len(places))]
    assert 0 < len(places) < items
    assert sum(done.sums["verdicts"].values()) == 2 * len(places)
    return len(places)


@pytest.mark.parametrize(
    ("until", "said"),
    [
        ("decided: a>b", r"a>b holds: .* after (\d+) items.*; ([\d,]+) verdicts were not needed"),
        ("decided: b>a", r"b>a fails: .* after (\d+) items.*; ([\d,]+) verdicts were not needed"),
        ("width<=0.15", r"width .* <= 0?\.15 after (\d+) items; ([\d,]+) verdicts were not needed"),
    ],
)
def test_a_run_ends_early_with_a_beginning_of_its_order_decided(tmp_path: Path, until: str, said: str) -> None:
    with Study(tmp_path / "s.db") as study:
        done = study.judge_sync(leaning(), JUDGE, plan=Plan(until=until), pace=PACE)
        assert done.status == "closed"
        told = re.fullmatch(said, done.stopped)
        assert told, done.stopped
        decided = assert_a_beginning_is_decided(study, done)
        needed, saved = int(told[1]), int(told[2].replace(",", ""))
        assert needed <= decided  # the rule is met at an item, and what is under way then comes in
        assert saved == 2 * (ITEMS - decided)
        calls = done.sums["calls"]
        again = study.resume_sync(done.run, pace=PACE)
        assert (again.status, again.stopped, again.sums["calls"]) == ("closed", done.stopped, calls)


def test_a_run_that_is_stopped_before_enough_is_known_ends_at_the_same_item(tmp_path: Path) -> None:
    plan = Plan(until="decided: a>b")
    with Study(tmp_path / "s.db") as study, Study(tmp_path / "t.db") as other:
        whole = study.judge_sync(leaning(), JUDGE, plan=plan, pace=PACE)
        done = other.judge_sync(leaning(), JUDGE, plan=plan, pace=within(8))
        rounds = 0
        while done.status == "open":
            rounds += 1
            done = other.resume_sync(done.run, pace=within(8 + 8 * rounds))
        assert rounds >= 2
        assert done.stopped.partition(";")[0] == whole.stopped.partition(";")[0]
        assert_a_beginning_is_decided(other, done)


def test_where_not_enough_is_known_every_item_is_judged(tmp_path: Path) -> None:
    with Study(tmp_path / "s.db") as study:
        done = study.judge_sync(leaning(20, gap=0.0), JUDGE, plan=Plan(until="width<=0.01"), pace=PACE)
        assert (done.status, done.stopped) == ("closed", "")
        assert sum(done.sums["decisions"].values()) == 20


def test_items_that_fail_belong_to_the_beginning_too(loopback: Loopback, tmp_path: Path) -> None:
    loopback.script("400=0.1", seed=4, draw="body", blind=BLIND)
    with Study(tmp_path / "s.db") as study:
        judge = Judge("openai/m", base_url=loopback.base_url)
        done = study.judge_sync(pairs(ITEMS), judge, plan=Plan(until="width<=0.3"), pace=PACE)
        assert done.status == "closed" and done.stopped.startswith("width")
        assert done.sums["decisions"].get("failed", 0) >= 1
        assert_a_beginning_is_decided(study, done)


def test_a_gate_ends_a_run_once_it_is_decided_and_says_so(tmp_path: Path) -> None:
    with Study(tmp_path / "s.db") as study:
        for gate, state in (("a>b", "holds"), ("b>a", "fails"), ("a>b >= 0.99", "fails")):
            done = study.judge_sync(leaning(), JUDGE, plan=Plan(gate=gate), pace=PACE)
            assert (done.status, done.gate) == ("closed", state)
            assert done.stopped.startswith(f"{done.gate_said};")
            assert_a_beginning_is_decided(study, done)
        assert study.resume_sync(done.run).gate == "fails"  # from its rows alone


def test_a_gate_that_does_not_hold_is_the_exit_code(tmp_path: Path) -> None:
    path = items_file(tmp_path, 1)
    path.write_text("".join(json.dumps(item) + "\n" for item in leaning(200)), encoding="utf-8")
    done = Process(tmp_path, tmp_path / "s.db", "judge", path.name, "--model", JUDGE, "--gate", "b>a", "-q").end()
    assert done.code == 4, done.said
    assert "ended early: " in done.said and "gate fails: " in done.said


def test_what_is_shown_of_a_stopped_run_is_of_its_finished_beginning_alone(tmp_path: Path) -> None:
    path, db = items_file(tmp_path, 1), tmp_path / "s.db"
    path.write_text("".join(json.dumps(item) + "\n" for item in leaning(200)), encoding="utf-8")
    with Loopback(latency=0.02, answer="first") as server:
        begin = ("judge", path.name, "--model", "openai/m", "--base-url", server.base_url)
        assert Process(tmp_path, db, *begin, "--max-calls", "70", "-c", "8", "-q").end().code == 3
    shown = Process(tmp_path, db, "show", "last", "--json").end()
    document = json.loads(shown.said)
    assert (document["status"], document["sums"]["calls"]) == ("open", 70)
    beginning = document["beginning"]
    made = len(document["decisions"])
    assert 0 < beginning < made  # some of the last block are decided, and it is not
    [rate] = [row for row in document["agreement"] if row["measure"] == "positional_agreement"]
    assert rate["n"] + rate["left_out"] == beginning
    said = Process(tmp_path, db, "show", "last").end().said
    assert f"estimates look at the first {beginning} items of its random order alone" in said


def test_an_order_that_is_given_is_no_sample(tmp_path: Path) -> None:
    items_file(tmp_path, 4)
    for rule in (("--until", "width<=0.1"), ("--gate", "a>b")):
        ended = Process(tmp_path, tmp_path / "s.db", "judge", "items.jsonl", "--order", "given", *rule).end()
        assert ended.code == 2, ended.said
        assert "need items in random order" in ended.said
    with pytest.raises(BadInput, match="random order"):
        Plan(order="given", until="width<=0.1")


@pytest.mark.postgres
def test_of_two_workers_both_end_where_enough_is_known(postgres_url: str, tmp_path: Path) -> None:
    path = items_file(tmp_path, 1)
    path.write_text("".join(json.dumps(item) + "\n" for item in leaning()), encoding="utf-8")
    with Loopback(latency=0.2, answer="A") as server:
        model = ("--model", "openai/m", "--base-url", server.base_url)
        begin = ("judge", path.name, *model, "--until", "width<=0.3", "-c", "2", "-q")
        assert Process(tmp_path, postgres_url, *begin, "--max-calls", "4").end().code == 3
        go_on = ("judge", "--run", "last", "-c", "2", "-q")
        crew = [Process(tmp_path, postgres_url, *go_on) for _ in range(2)]
        ended = [process.end() for process in crew]
    assert [end.code for end in ended] == [0, 0], ended
    assert all("ended early: width" in end.said for end in ended), ended
    with Study(postgres_url) as study:
        assert_a_beginning_is_decided(study, study.outcome("last"))
        workers = asked(postgres_url, "SELECT count(DISTINCT worker) FROM \"call\" WHERE status = 'ok'")
    assert workers == [(3,)]

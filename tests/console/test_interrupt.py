"""What does Ctrl-C leave behind? A run that ends as if nothing had been, once it is gone on with."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

from ..loopback import Loopback
from .conftest import Plurijudge, item
from .terminal import CTRL_C, Terminal

ITEMS = [item(f"q{n}") for n in range(30)]


def command(server: Loopback) -> tuple[str, ...]:
    model = ("--model", "openai/m", "--base-url", server.base_url)
    return ("judge", "items.jsonl", *model, "--samples", "2", "-c", "4")


def test_a_run_stopped_once_says_how_to_go_on_and_ends_with_every_verdict_once(plurijudge: Plurijudge) -> None:
    plurijudge.write("items.jsonl", ITEMS)
    with Loopback(latency=0.1, answer="A") as server:
        shell = Terminal(plurijudge, *command(server))
        server.wait_until(lambda stat: stat["good"] >= 12)
        shell.press(CTRL_C)
        left = shell.end()
        assert left.code == 130, left.out
        assert "stopping: what is in flight gets a moment" in left.out
        [again] = re.findall(r"go on with: plurijudge (judge --run \S+)", left.out)
        assert re.search(r"\d+ of 30 items", left.out)  # progress, live on a terminal
        [run] = plurijudge("runs", "--json").json()
        assert run["status"] == "open"
        server.script(latency=0.0)
        done = plurijudge(*again.split(), "--json")
        assert done.code == 0, done.err
        assert len(done.json()["decisions"]) == 30
        assert " of 30 items" not in done.err  # none in a file
        answered = [key["answered"] for key in server.stat()["keys"].values()]
    with closing(sqlite3.connect(plurijudge.folder / "plurijudge.db")) as connection:
        counted = connection.execute(
            "SELECT count(*), count(DISTINCT item || presentation || sample) FROM verdict WHERE run = ?", (run["id"],)
        ).fetchone()
    assert counted == (120, 120)
    assert sum(answered) >= 60


def test_a_second_ctrl_c_leaves_at_once_and_what_hung_is_listed(plurijudge: Plurijudge) -> None:
    with Loopback(faults="hang*") as server:
        shell = Terminal(plurijudge, *command(server))
        server.wait_until(lambda stat: stat["in_flight"] >= 4)
        shell.press(CTRL_C)
        shell.wait_for("Ctrl-C again leaves at once")
        shell.press(CTRL_C)
        left = shell.end()
    assert left.code == 130
    assert "left at once" in left.out
    with Loopback(answer="A") as server:
        options = ("--base-url", server.base_url)
        gone_on = plurijudge("judge", "--run", "last", "--retries", "0")  # the former server is gone
        assert gone_on.code == 2
        assert "Nothing answers" in gone_on.err
        assert plurijudge("judge", "items.jsonl", "--model", "openai/m", *options, "-q").code == 0
    first = plurijudge("runs", "--json").json()[-1]["id"]
    lost = plurijudge("show", first)
    assert re.search(r"unknown outcome: call \d+, item q1, in flight when the process ended", lost.out)
    unknown = plurijudge("show", first, "--json").json()["unknown_outcomes"]
    assert len(unknown) >= 4
    assert {"id", "item", "presentation", "sample", "max_cost"} <= set(unknown[0])


def test_a_reading_command_ends_with_130_on_ctrl_c(judged: Plurijudge) -> None:
    shell = Terminal(judged, "label", "last", "--annotator", "me")
    shell.wait_for("better: 1, 2")
    shell.press(CTRL_C)
    assert shell.end().code == 130

"""Is anything lost, judged twice or paid for twice when a run is killed, again and again, at random moments?

    python benchmarks/crash.py [--kills 20] [--items 300] [--seed 1] [--db URL]

Starts a loopback server that fails now and then, lets `plurijudge judge` work on made items, ends it with SIGKILL at
drawn moments of its work, goes on with `plurijudge judge --run`, and at last asks the store and the server:

- has every (item, presentation, sample) exactly one verdict, and every item one decision?
- was any question sent again whose answer was stored?
- is every second answer of the server to one question explained by a call marked as of unknown outcome?

Lines for people on standard error, one JSON line on standard output. `--db` names a PostgreSQL database that is made
for this and dropped, such as postgresql://postgres@127.0.0.1:5432/crash; without it a SQLite file is used.
Exit codes: 0 all held, 1 a violation, 2 it could not be carried out.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from plurijudge.store.canonical import canonical
from plurijudge.store.engine import Store
from plurijudge.tests.loopback import Loopback

FAULTS = "429=0.03,500=0.03,cut=0.03,reset=0.02"
FENCE = r"==[0-9a-f]{24}=="
PATIENCE = 120.0


@dataclass(slots=True)
class Trial:
    """One run under fire: what it works on, and what was seen so far.

    Attributes:
        folder: where its files are, and where it is started.
        db: its store.
        items: how many items there are.
        server: the model's server.
        draws: of the moments at which it is killed.
        run: the run's id, '' before there is one.
        in_flight: per kill the ids of the calls that it cut off.
        answered: per question, as the store writes it, how often the server answered it whole.
    """

    folder: Path
    db: str
    items: int
    server: Loopback
    draws: random.Random
    run: str = ""
    in_flight: list[list[int]] = field(default_factory=list)
    answered: Counter[str] = field(default_factory=Counter)
    _bodies: dict[str, str] = field(default_factory=dict)

    def start(self) -> subprocess.Popen[bytes]:
        """Start on the items, or go on with the run."""
        new = ["items.jsonl", "--model", "openai/loopback", "--base-url", self.server.base_url]
        what = ["--run", self.run] if self.run else new
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PLURIJUDGE_")}
        return subprocess.Popen(
            [sys.executable, "-m", "plurijudge", "judge", *what, "--concurrency", "8", "--quiet", "--db", self.db],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def kill_after(self, requests: int) -> bool:
        """Work until the server has had so many more requests, and kill; says whether it was still at work."""
        wanted = self.server.stat()["received"] + requests
        process = self.start()
        deadline = time.monotonic() + PATIENCE
        while self.server.stat()["received"] < wanted and process.poll() is None:
            if time.monotonic() > deadline:
                process.kill()
                raise TimeoutError(f"The run did not go on: {said(process)}")
            time.sleep(0.002)
        time.sleep(self.draws.uniform(0, 0.03))  # so that it falls between a request and its answer too
        killed = process.poll() is None
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        told = said(process)
        if not killed and process.returncode not in (0, 1):
            raise RuntimeError(f"The run ended with exit code {process.returncode}: {told}")
        self.look()
        return killed

    def finish(self) -> None:
        """Work to the end."""
        process = self.start()
        told = said(process)
        if process.returncode not in (0, 1):
            raise RuntimeError(f"The run ended with exit code {process.returncode}: {told}")
        self.look(over=True)

    def look(self, *, over: bool = False) -> None:
        """See what the kill cut off, and what the server has answered since the last look."""
        self.run = self.run or str(self.ask("SELECT id FROM run")[0][0])
        if not over:
            self.in_flight.append(
                [row[0] for row in self.ask("SELECT id FROM \"call\" WHERE status = 'sent' ORDER BY id")]
            )
        for request in self.server.requests():
            messages = canonical(request["body"]["messages"])
            self._bodies[request["sha"]] = messages
        good = {sha: key["good"] for sha, key in self.server.stat()["keys"].items()}
        self.answered = Counter()
        for sha, messages in self._bodies.items():
            self.answered[unfenced(messages)] += good.get(sha, 0)

    def ask(self, statement: str, **values: Any) -> list[Any]:
        """What the store answers."""
        with Store.open(self.db) as store, store.engine.connect() as connection:
            return list(connection.execute(text(statement), values))


def said(process: subprocess.Popen[bytes]) -> str:
    """Wait for the end of a process, and give the last of what it printed."""
    printed, _ = process.communicate(timeout=PATIENCE)
    return printed.decode(errors="replace").strip()[-500:]


def unfenced(messages: str) -> str:
    """A request's messages with the place of the fence instead of its value, as the store keeps them."""
    return re.sub(FENCE, "<<fence>>", messages)


def violations(trial: Trial) -> list[str]:
    """What does not hold, in words; an empty list where all does."""
    found: list[str] = []

    def none(statement: str, words: str) -> None:
        found.extend(f"{words}: {tuple(row)}" for row in trial.ask(statement, run=trial.run)[:5])

    none(
        "SELECT item, presentation, sample, count(*) FROM verdict WHERE run = :run "
        "GROUP BY item, presentation, sample HAVING count(*) > 1",
        "judged twice",
    )
    verdicts, decisions = (
        trial.ask(f"SELECT count(*) FROM {table} WHERE run = :run", run=trial.run)[0][0]  # noqa: S608 - no input
        for table in ("verdict", "decision")
    )
    if (verdicts, decisions) != (2 * trial.items, trial.items):
        found.append(f"lost: {verdicts} of {2 * trial.items} verdicts, {decisions} of {trial.items} decisions")
    none("SELECT key, count(*) FROM \"call\" WHERE status = 'ok' GROUP BY key HAVING count(*) > 1", "paid for twice")
    none(
        'SELECT later.id, later.status, first.id FROM "call" AS later JOIN "call" AS first ON first.key = later.key '
        "WHERE first.status = 'ok' AND later.id > first.id AND later.status <> 'hit'",
        "asked again though answered",
    )
    none("SELECT id, item FROM \"call\" WHERE status = 'sent'", "left open")
    if trial.ask("SELECT status FROM run WHERE id = :run", run=trial.run)[0][0] != "closed":
        found.append("the run is not closed")
    return [*found, *unexplained(trial)]


def unexplained(trial: Trial) -> list[str]:
    """What was in flight and is not shown so, and second answers that no call of unknown outcome explains."""
    unknown: Counter[str] = Counter()
    shown: set[int] = set()
    for number, request in trial.ask("SELECT id, request FROM \"call\" WHERE status = 'unknown'"):
        shown.add(number)
        unknown[canonical(json.loads(request)["messages"])] += 1
    cut_off = {number for numbers in trial.in_flight for number in numbers}
    found = [f"in flight at a kill and not shown as of unknown outcome: call {n}" for n in sorted(cut_off - shown)]
    found += [f"shown as of unknown outcome though not in flight: call {n}" for n in sorted(shown - cut_off)]
    return found + [
        f"answered {times} times with {unknown[messages]} calls of unknown outcome: {messages[:80]}"
        for messages, times in trial.answered.items()
        if times - 1 > unknown[messages]
    ]


def make_items(path: Path, count: int) -> None:
    """Write items of which no two are alike."""
    with path.open("w", encoding="utf-8") as file:
        for n in range(count):
            texts = {"a": f"{n} times {n} is {n * n}.", "b": f"I think that {n} times {n} may be {n * n + 1}."}
            responses = [{"id": name, "text": said_so} for name, said_so in texts.items()]
            file.write(json.dumps({"id": f"q{n}", "prompt": f"What is {n} times {n}?", "responses": responses}) + "\n")


@contextlib.contextmanager
def database(db: str, folder: Path) -> Iterator[str]:
    """The store's address: a file in the folder, or a PostgreSQL database that is made here and dropped again."""
    if not db:
        yield str(folder / "crash.db")
        return
    url = make_url(db).set(drivername="postgresql+psycopg")
    quoted = '"' + str(url.database).replace('"', '""') + '"'
    admin = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {quoted}"))
        try:
            yield db
        finally:
            with admin.connect() as connection:
                connection.execute(text(f"DROP DATABASE {quoted} WITH (FORCE)"))
    finally:
        admin.dispose()


def tell(line: str) -> None:
    """Print a line for people."""
    print(line, file=sys.stderr, flush=True)


def attack(trial: Trial, kills: int) -> int:
    """Kill the run so many times while it is at work; gives how often that came about."""
    done = 0
    for left in range(kills, 0, -1):
        open_calls = 2 * trial.items - sum(trial.answered.values())
        requests = trial.draws.randint(1, max(1, int(1.6 * open_calls / (left + 1))))
        if not trial.kill_after(requests):
            break
        done += 1
        numbers = ", ".join(map(str, trial.in_flight[-1])) or "none"
        tell(f"kill {done:2}: after {requests} more requests; unknown outcome of calls: {numbers}")
    return done


def main() -> int:
    """Carry it out; gives the exit code."""
    parser = argparse.ArgumentParser(
        description="Kill a run again and again, and look for what was lost or paid twice."
    )
    parser.add_argument("--kills", type=int, default=20, metavar="N")
    parser.add_argument("--items", type=int, default=300, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the moments of the kills")
    parser.add_argument("--db", default="", metavar="URL", help="a PostgreSQL database to make and to drop")
    options = parser.parse_args()
    tell(f"{options.items} items, {options.kills} kills, seed {options.seed}, {options.db or 'SQLite'}")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="plurijudge-crash-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        make_items(folder / "items.jsonl", options.items)
        server = stack.enter_context(Loopback(faults=FAULTS, latency=0.02, seed=options.seed))
        db = stack.enter_context(database(options.db, folder))
        trial = Trial(folder, db, options.items, server, random.Random(options.seed))
        kills = attack(trial, options.kills)
        trial.finish()
        found = violations(trial)
        counted = dict(trial.ask('SELECT status, count(*) FROM "call" GROUP BY status ORDER BY status'))
        received, answers = server.stat()["received"], sum(trial.answered.values())
    if kills < options.kills:
        found.append(f"the run was over after {kills} of {options.kills} kills: take more items")
    for line in found:
        tell(f"VIOLATION: {line}")
    verdict = "nothing was lost, judged twice or paid for twice" if not found else f"{len(found)} violations"
    tell(f"{kills} kills, {received} requests, {answers} whole answers, calls {counted}: {verdict}")
    summary = {
        "kills": kills,
        "items": options.items,
        "seed": options.seed,
        "requests": received,
        "answers": answers,
        "calls": counted,
        "unknown_outcome": [number for numbers in trial.in_flight for number in numbers],
        "violations": found,
        "seconds": round(time.monotonic() - started, 1),
    }
    print(json.dumps(summary))
    return 1 if found else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, TimeoutError, subprocess.TimeoutExpired, SQLAlchemyError) as why:
        tell(f"It could not be carried out: {why}")
        sys.exit(2)

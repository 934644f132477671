"""What did a calamity cost a run? What was lost, what was asked again though stored, what was in flight."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text

from plurijudge.benchmarks.crash import FENCE, unfenced
from plurijudge.store.canonical import canonical
from plurijudge.store.engine import Store

from ..court import pairs
from ..loopback import Loopback

BLIND = FENCE  # of a server whose answers must not depend on the store's secret
PATIENCE = 120.0


@dataclass(frozen=True)
class Account:
    """What a run came to.

    Attributes:
        lost: items without a decision, places without a verdict, and answers that were stored and are gone.
        doubled: places with more verdicts than one.
        again: calls sent though the answer was stored, and second answers that no call of unknown outcome explains.
        in_flight: the calls of unknown outcome.
        others: verdicts that are not `ok`, calls left open, and a run that is not closed.
    """

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    in_flight: list[int] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """As it is printed by each test."""
        said = {"lost": self.lost, "judged twice": self.doubled, "asked again": self.again, "amiss": self.others}
        words = [f"{name}: {', '.join(found) or 'nothing'}" for name, found in said.items()]
        return "; ".join([*words, f"in flight: {len(self.in_flight)} calls {self.in_flight}"])

    def assert_nothing_lost(self) -> None:
        """Everything but what was in flight is empty."""
        assert (self.lost, self.doubled, self.again, self.others) == ([], [], [], []), str(self)


def asked(db: Path | str, statement: str, **values: Any) -> list[Any]:
    """What a store of either kind answers."""
    with Store.open(str(db)) as store, store.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement), values)]


def questions(requests: Sequence[dict[str, Any]]) -> Counter[str]:
    """What was asked in these requests, each as the store writes it, and how often."""
    return Counter(unfenced(canonical(request["body"]["messages"])) for request in requests)


def stored_answers(db: Path | str) -> set[str]:
    """The questions whose answers are stored."""
    found = asked(db, "SELECT request FROM \"call\" WHERE status = 'ok'")
    return {canonical(json.loads(request)["messages"]) for (request,) in found}


def account(
    db: Path | str, run: str, server: Loopback, *, items: int, had: set[str] | None = None, what: str = ""
) -> Account:
    """Draw up the account of a closed run of `pairs(items)`, from its rows and from the server's own count; print it.

    Args:
        db: the store.
        run: its id.
        server: that was asked, which has had no more than a thousand requests since it was started.
        items: how many items were to be judged, each in two presentations.
        had: the questions whose answers were stored before the calamity.
        what: the calamity, for the printed line.
    """
    places = {(f"q{n}", shown) for n in range(items) for shown in ('["a","b"]', '["b","a"]')}
    verdicts = Counter(
        (item, canonical(json.loads(shown)))
        for item, shown in asked(db, "SELECT item, presentation FROM verdict WHERE run = :run", run=run)
    )
    decided = {item for (item,) in asked(db, "SELECT item FROM decision WHERE run = :run", run=run)}
    lost = [f"no decision on {name}" for name in sorted({name for name, _ in places} - decided)]
    lost += [f"no verdict on {name} {shown}" for name, shown in sorted(places - set(verdicts))]
    lost += [f"answer to {question[:80]}" for question in sorted((had or set()) - stored_answers(db))]
    doubled = [f"{name} {shown} x{n}" for (name, shown), n in sorted(verdicts.items()) if n > 1]
    unknown = asked(db, "SELECT id, request FROM \"call\" WHERE status = 'unknown' ORDER BY id")
    amiss = asked(db, "SELECT item, status, reason FROM verdict WHERE run = :run AND status <> 'ok'", run=run)
    amiss += asked(db, "SELECT id, status FROM \"call\" WHERE status = 'sent'")
    amiss += asked(db, "SELECT id, status, stopped FROM run WHERE id = :run AND status <> 'closed'", run=run)
    drawn = Account(lost, doubled, _again(db, server, unknown), [number for number, _ in unknown], [*map(str, amiss)])
    print(f"{what or 'account'}: {drawn}")
    return drawn


def _again(db: Path | str, server: Loopback, unknown: Sequence[Any]) -> list[str]:
    later = asked(
        db,
        'SELECT later.id, later.status FROM "call" AS later JOIN "call" AS first ON first.key = later.key '
        "WHERE first.status = 'ok' AND later.id > first.id AND later.status <> 'hit'",
    )
    explained = Counter(canonical(json.loads(request)["messages"]) for _, request in unknown)
    good = {sha: key["good"] for sha, key in server.stat()["keys"].items()}
    bodies = {request["sha"]: request["body"]["messages"] for request in server.requests()}
    answers: Counter[str] = Counter()
    for sha, messages in bodies.items():
        answers[unfenced(canonical(messages))] += good[sha]
    return [f"call {number} ({status})" for number, status in later] + [
        f"{n} answers, {explained[question]} explained, to {question[:80]}"
        for question, n in sorted(answers.items())
        if n - 1 > explained[question]
    ]


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code, and all that it said."""

    code: int
    said: str


class Process:
    """`plurijudge` as a shell starts it, in a folder, on a store; its environment holds nothing of the developer's."""

    def __init__(
        self, folder: Path, db: Path | str, *args: str, before: Sequence[str] = (), **environment: str
    ) -> None:
        """Start it, behind the words of `before`."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        home = {"HOME": str(folder), "XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        self._process = subprocess.Popen(
            [*before, sys.executable, "-m", "plurijudge", *args, "--db", str(db)],
            cwd=folder,
            env={**kept, **home, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    @property
    def pid(self) -> int:
        """Its number, with which its worker's name begins."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def send(self, signal: int) -> None:
        """Send it a signal."""
        self._process.send_signal(signal)

    def end(self) -> Ended:
        """Wait for its end."""
        try:
            said, _ = self._process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            said, _ = self._process.communicate()
            raise AssertionError(f"It did not end: {said.decode(errors='replace')}") from None
        assert b"Traceback" not in said, said.decode(errors="replace")
        return Ended(self._process.returncode, said.decode(errors="replace"))

    def kill(self) -> None:
        """End it with SIGKILL, if it runs."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def items_file(folder: Path, count: int) -> Path:
    """Write `pairs(count)` into a file."""
    path = folder / "items.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in pairs(count)), encoding="utf-8")
    return path


def asking(server: Loopback, *, model: str = "openai/m") -> tuple[str, ...]:
    """The words that begin to judge the items of the file by this server."""
    return ("judge", "items.jsonl", "--model", model, "--base-url", server.base_url)


def run_named(said: str) -> str:
    """The run's id in what was said."""
    found = re.search(r"\br-\d{8}-[0-9a-f]{4}\b", said)
    assert found is not None, said
    return found[0]


def wait_until(holds: Callable[[], Any], what: str) -> Any:
    """What this gives as soon as it holds; AssertionError after a long while, which names what was waited for."""
    deadline = time.monotonic() + PATIENCE
    while not (found := holds()):
        assert time.monotonic() < deadline, f"It never came about: {what}"
        time.sleep(0.05)
    return found

"""How fast does the store take verdicts, give them back, and find its place again, on SQLite and on PostgreSQL?

    python benchmarks/stores.py [--rows 100000 | --full] [--on sqlite|postgres] [--server URL] [SECTION...]

Makes a store with a run of so many verdicts (`--full`: a million), each with its call, and a second run of a tenth as
many whose calls are all hits, and measures the sections `writer`, `resume`, `queries` and `export`, or those named.
PostgreSQL is measured where a server answers, in a database that is made for this and dropped. One JSON line a section
and database:

    writer    rows/s of calls, verdicts and decisions through `Ledger` and `Writer`, 50 items in flight, as a run writes
              them; CPU microseconds a row, all threads; and jobs/s that do nothing
    resume    seconds of `plurijudge judge --run`, process start included, on a run of which two items are open;
              `blank_seconds` is the same on a run of six verdicts
    queries   p50 and p95 in milliseconds of the statements in docs/queries.md and of what `runs` and `show` read
    export    rows/s and peak MiB of `plurijudge export`, for the small run and for the large one

Exit codes: 0 done, 2 it could not be carried out.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, func, insert, make_url, select, text, update
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from plurijudge.benchmarks import cases
from plurijudge.benchmarks.crash import database
from plurijudge.benchmarks.measure import Stretch
from plurijudge.store.canonical import canonical
from plurijudge.store.datasets import Dataset, dataset_of_file
from plurijudge.store.engine import Store, writing
from plurijudge.store.ledger import Ledger
from plurijudge.store.order import order_of
from plurijudge.store.progress import ItemOutcome, tally, write_outcomes
from plurijudge.store.queries import calls_of, decisions_of, free_query, runs_of, unknown_calls, verdicts_of
from plurijudge.store.records import Call, Decision, Item, Verdict, VerdictKey
from plurijudge.store.rows import answer_columns, call_row, decision_row, item_row, response_rows, verdict_row
from plurijudge.store.runs import close_run, create_run, find_run
from plurijudge.store.tables import metadata
from plurijudge.store.writer import Writer

SECTIONS = ("writer", "resume", "queries", "export")
QUERIES = Path(__file__).resolve().parent.parent / "docs" / "queries.md"
OPEN, ROUNDS, LONGEST, IN_FLIGHT, CHUNK = 2, 20, 15.0, 50, 5000
ORDERS = (("a", "b"), ("b", "a"))
REQUEST = canonical(
    {"messages": [{"role": "system", "content": "Judge. " * 60}, {"role": "user", "content": "x" * 800}]}
)
SAID = "Answer a works in columns and shows each step, and its product is right; b rounds. " * 3 + "[[A]]"
CHILD = """
import sys
from pathlib import Path
report = Path(sys.argv.pop(1))
from plurijudge.benchmarks.measure import peak_mib
from plurijudge.console.app import run
try:
    run()
finally:
    report.write_text(str(peak_mib()))
"""


@dataclass(frozen=True, slots=True)
class Ground:
    """A store that holds what is measured: its address, its large run and its small one, how many verdicts each has."""

    db: str
    folder: Path
    large: str
    small: str
    rows: dict[str, int]


def command(ground_db: str, folder: Path, *words: str, codes: tuple[int, ...] = (0, 1)) -> tuple[float, float]:
    """Run plurijudge in a process of its own; gives its seconds and its peak MiB."""
    report = folder / "peak"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PLURIJUDGE_")}
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(report), *words, "--db", ground_db],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - started
    if done.returncode not in codes:
        raise RuntimeError(f"`plurijudge {' '.join(words)}` ended with {done.returncode}: {done.stderr[-500:]}")
    return seconds, float(report.read_text())


def put(store: Store, table: str, rows: Iterator[dict[str, Any]]) -> int:
    """Insert rows by the fastest road that checks and indexes them as any other: COPY, or many with one statement."""
    first = next(rows, None)
    if first is None:
        return 0
    names, total = list(first), 0
    columns = ", ".join(f'"{name}"' for name in names)
    with writing(store.engine).begin() as connection:
        cursor: Any = connection.connection.cursor()
        tuples: Iterator[tuple[Any, ...]] = (tuple(row.values()) for row in _and(first, rows))
        if store.sqlite:
            places = ", ".join("?" * len(names))
            while chunk := list(islice(tuples, CHUNK)):
                cursor.executemany(f'INSERT INTO "{table}" ({columns}) VALUES ({places})', chunk)  # noqa: S608
                total += len(chunk)
        else:
            with cursor.copy(f'COPY "{table}" ({columns}) FROM STDIN') as copy:
                for row in tuples:
                    copy.write_row(row)
                    total += 1
    return total


def _and(first: dict[str, Any], rest: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield first
    yield from rest


def key_of(run: str, item: int, place: int) -> str:
    """A call's key, of which no two are alike."""
    return hashlib.sha256(f"{run} {item} {place}".encode()).hexdigest()


def unit(number: int, place: int, judge: str) -> VerdictKey:
    """Which verdict it is."""
    return VerdictKey(item=f"q{number}", judge=judge, presentation=ORDERS[place])


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one run, made one by one: every twentieth verdict is an error, every tenth item flips."""

    run: str
    dataset: str
    judge: str
    numbers: Sequence[int]
    first_id: int
    hits_from: int | None = None

    def calls(self) -> Iterator[dict[str, Any]]:
        """A call for each verdict, answered, or a hit on the call of the same place of another run."""
        made = Call(key="", unit=unit(0, 0, self.judge), model="openai/gpt-5-mini", request=REQUEST, max_cost=0.002)
        like = call_row(made, run=self.run, dataset=self.dataset, worker="seed")
        said = made.model_copy(
            update={"status": "ok", "response": SAID, "tokens_in": 400, "tokens_out": 60, "cost": 1e-4}
        )
        like |= {"id": 0, "source": None, **answer_columns(said)}
        for index, (number, place) in enumerate(self._places()):
            row = {**like, "id": self.first_id + index, "key": key_of("large", number, place), "item": f"q{number}"}
            row["presentation"] = canonical(ORDERS[place])
            if self.hits_from is not None:
                row |= {"status": "hit", "source": self.hits_from + index, "response": None, "cost": 0.0}
            elif self._failed(index):
                row |= {"status": "error", "reason": "transport", "response": None, "cost": None}
            yield row

    def verdicts(self) -> Iterator[dict[str, Any]]:
        """Both verdicts of each item."""
        said = Verdict(**unit(0, 0, self.judge).model_dump(), preferred="a", call=1, rule="letter", road="schema")
        like = verdict_row(said, run=self.run, dataset=self.dataset)
        for index, (number, place) in enumerate(self._places()):
            row = {
                **like,
                "item": f"q{number}",
                "call": self.first_id + index,
                "presentation": canonical(ORDERS[place]),
            }
            row["preferred"] = "b" if place and number % 10 == 0 else "a"
            if self._failed(index):
                row |= {"status": "error", "reason": "transport", "preferred": None}
            yield row

    def decisions(self) -> Iterator[dict[str, Any]]:
        """The decision of each item."""
        made = Decision(item="q0", judge=self.judge, outcome="ok", preferred="a", share=1.0, rule="mean", verdicts=2)
        like = decision_row(made, run=self.run, dataset=self.dataset)
        for number in self.numbers:
            flip = {"outcome": "flipped", "preferred": None, "share": 0.5} if number % 10 == 0 else {}
            yield {**like, "item": f"q{number}", **flip}

    def _places(self) -> Iterator[tuple[int, int]]:
        return ((number, place) for number in self.numbers for place in (0, 1))

    def _failed(self, index: int) -> bool:
        return self.hits_from is None and index % 20 == 19


def seed_items(store: Store, folder: Path, number: int) -> Dataset:
    """A file of items, and its data set as if it had been read to the end."""
    path = folder / "items.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(cases.item(n)) + "\n" for n in range(number))
    dataset = dataset_of_file(store, path)
    item = Item.model_validate(cases.item(0))
    like, responses = item_row(item, dataset=dataset.id, position=1), response_rows(item, dataset=dataset.id)

    def items() -> Iterator[dict[str, Any]]:
        for n in range(number):
            yield {**like, "id": f"q{n}", "position": n + 1, "prompt": canonical(cases.item(n)["prompt"])}

    def answers() -> Iterator[dict[str, Any]]:
        for n in range(number):
            for row, response in zip(responses, cases.item(n)["responses"], strict=True):
                yield {**row, "item": f"q{n}", "model": f"writer-{row['id']}", "text": response["text"]}

    put(store, "item", items())
    put(store, "response", answers())
    table = metadata.tables["dataset"]
    whole = {"complete": 1, "items": number, "lines": number, "read_to": path.stat().st_size}
    with writing(store.engine).begin() as connection:
        connection.execute(update(table).where(table.c.id == dataset.id).values(**whole))
    return dataset


def begun(db: str, folder: Path) -> str:
    """A run as the command line begins it, stopped after its first call."""
    words = ("judge", "items.jsonl", "--model", "builtin/heuristic", "--max-calls", "1", "--quiet")
    command(db, folder, *words, codes=(3,))
    with Store.open(db) as store:
        return find_run(store, "last").id


def seed(db: str, folder: Path, verdicts: int) -> Ground:
    """A store with a large run of which two items or so are open, and a closed small one whose calls are hits."""
    call = metadata.tables["call"]
    with Store.open(db, create=True) as store:
        total = verdicts // 2 + OPEN
        dataset = seed_items(store, folder, total)
        large = begun(db, folder)
        with store.engine.connect() as connection:
            left = set(connection.execute(select(call.c.item).where(call.c.run == large)).scalars())
            first = int(connection.execute(select(func.max(call.c.id))).scalar() or 0) + 1
        left |= {f"q{n}" for n in range(OPEN - len(left))}  # what the runner took up is judged when the run goes on
        numbers = [n for n in range(total) if f"q{n}" not in left]
        tenth = numbers[: len(numbers) // 10]
        row = {"dataset": dataset.id, "judge": "small", "seed": 0}
        small = create_run(store, judge={"id": "small", "name": "small"}, run=row).id
        many = Rows(large, dataset.id, find_run(store, large).judge, numbers, first)
        few = Rows(small, dataset.id, "small", tenth, first + 2 * len(numbers), hits_from=first)
        for rows in (many, few):
            put(store, "call", rows.calls())
            put(store, "verdict", rows.verdicts())
            put(store, "decision", rows.decisions())
        close_run(store, small)
        finish_blocks(store, large, left)
        settle(store)
    return Ground(db, folder, large, small, {large: 2 * len(numbers), small: 2 * len(tenth)})


def finish_blocks(store: Store, run: str, left: set[str]) -> None:
    """Mark the blocks in which nothing is open as done, as whoever judged them would have."""
    found, lease = find_run(store, run), metadata.tables["lease"]
    plan = found.plan["plan"]
    with store.engine.connect() as connection:
        shuffled = plan["order"] == "random"
        order = order_of(connection, found.dataset, seed=plan["seed"], limit=plan["limit"], shuffled=shuffled)
        blocks = connection.execute(select(lease.c.block, lease.c.first, lease.c.last).where(lease.c.run == run)).all()
    still = {int(name[1:]) + 1 for name in left}  # by position
    done = [block for block, first, last in blocks if still.isdisjoint(map(int, order[first:last]))]
    with writing(store.engine).begin() as connection:
        for start in range(0, len(done), CHUNK):
            some = lease.c.block.in_(done[start : start + CHUNK])
            connection.execute(update(lease).where(lease.c.run == run, some).values(done=1, token=1))


def settle(store: Store) -> None:
    """Let PostgreSQL know what it now holds, as it would in time by itself; SQLite's log goes into its file."""
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if store.sqlite:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            return
        for table in ("call", "verdict"):
            highest = f'(SELECT max(id) FROM "{table}")'  # noqa: S608
            connection.execute(text(f"""SELECT setval(pg_get_serial_sequence('"{table}"', 'id'), {highest})"""))
        connection.execute(text("VACUUM ANALYZE"))


def bytes_of(store: Store) -> int:
    """How much disk the store takes."""
    if store.sqlite:
        path = str(store.url.database)
        return sum(Path(path + end).stat().st_size for end in ("", "-wal") if Path(path + end).exists())
    with store.engine.connect() as connection:
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())


def writer(db: str, items: int) -> dict[str, Any]:
    """Write so many items' calls, verdicts and decisions as a run does, and so many jobs that do nothing."""
    with Store.open(db, create=True) as store:
        table = metadata.tables["item"]
        with writing(store.engine).begin() as connection:
            connection.execute(insert(metadata.tables["dataset"]), {"id": "w"})
            connection.execute(insert(table), [{"dataset": "w", "id": f"q{n}", "position": n} for n in range(items)])
        run = create_run(store, judge={"id": "j"}, run={"dataset": "w", "judge": "j", "seed": 0}).id
        made = Writer(store)
        ledger = Ledger(made, run=run, dataset="w", worker="w")

        async def one(number: int) -> None:
            async def answered(place: int) -> Verdict:
                meant = Call(key=key_of(run, number, place), unit=unit(number, place, "j"), request=REQUEST)
                row, _ = await ledger.begin(meant, fresh=False)
                await ledger.finish(row, meant.model_copy(update={"status": "ok", "response": SAID, "tokens_in": 400}))
                return Verdict(**meant.unit.model_dump(), preferred="a", call=row, rule="letter")

            verdicts = list(await asyncio.gather(answered(0), answered(1)))
            decision = Decision(item=f"q{number}", judge="j", outcome="ok", preferred="a", rule="mean", verdicts=2)
            await made.each(settle_items, ItemOutcome(f"q{number}", verdicts, decision))

        def settle_items(connection: Connection, outcomes: list[ItemOutcome]) -> list[None]:
            write_outcomes(connection, run=run, dataset="w", outcomes=outcomes)
            return [None] * len(outcomes)

        async def crew(work: Callable[[int], Any]) -> float:
            numbers = iter(range(items))

            async def take() -> None:
                for number in numbers:
                    await work(number)

            with Stretch() as cost:
                await asyncio.gather(*(take() for _ in range(IN_FLIGHT)))
            stretches.append(cost)
            return items / cost.wall

        stretches: list[Stretch] = []
        before = bytes_of(store)
        items_per_s = asyncio.run(crew(one))
        written = bytes_of(store) - before
        jobs_per_s = asyncio.run(crew(lambda _: made.do(lambda connection: None)))
        made.close()
        with store.engine.connect() as connection:
            counted = sum(
                int(connection.execute(select(func.count()).select_from(metadata.tables[name])).scalar_one())
                for name in ("call", "verdict", "decision")
            )
    if counted != 5 * items:
        raise RuntimeError(f"{counted} rows were written; {5 * items} were to be")
    return {
        "rows": counted,
        "rows_per_s": round(5 * items_per_s),
        "cpu_us_per_row": round(stretches[0].cpu / counted * 1e6, 1),
        "bytes_per_item": round(written / items),
        "idle_jobs_per_s": round(jobs_per_s),
    }


def resume(ground: Ground) -> dict[str, Any]:
    """Go on with the large run."""
    seconds, peak = command(ground.db, ground.folder, "judge", "--run", ground.large, "--quiet")
    with Store.open(ground.db) as store:
        status = find_run(store, ground.large).status
    if status != "closed":
        raise RuntimeError(f"the run is {status}")
    with tempfile.TemporaryDirectory(prefix="plurijudge-stores-") as name:
        blank = seed(str(Path(name) / "blank.db"), Path(name), 6)
        bare, _ = command(blank.db, blank.folder, "judge", "--run", blank.large, "--quiet")
    told = {"rows": ground.rows[ground.large], "seconds": round(seconds, 2), "blank_seconds": round(bare, 2)}
    return {**told, "peak_mib": round(peak, 1)}


def documented() -> Iterator[tuple[str, str]]:
    """The statements of docs/queries.md, each with the words above it."""
    page = QUERIES.read_text(encoding="utf-8")
    for words, statement in re.findall(r'^(\S[^\n]*):\n\n    plurijudge query "((?:\\.|[^"\\])*)"', page, re.MULTILINE):
        yield words, statement.replace('\\"', '"')


def queries(ground: Ground) -> dict[str, Any]:
    """Ask everything that is documented, and what the commands read, again and again."""
    told: dict[str, Any] = {"rows": ground.rows[ground.large], "p50_ms": {}, "p95_ms": {}, "asked": {}}
    with Store.open(ground.db) as store:

        def summed() -> None:
            with store.engine.connect() as connection:
                tally(connection, ground.large)

        run, item = ground.large, "q5"
        asked: dict[str, Callable[[], Any]] = {
            words: lambda statement=statement: list(free_query(store, statement)[1])  # type: ignore[misc]
            for words, statement in documented()
        }
        asked |= {
            "runs": lambda: runs_of(store),
            "show: sums": summed,
            "show: first hundred decisions": lambda: list(islice(decisions_of(store, run), 100)),
            "show: an item": lambda: (list(verdicts_of(store, run, item=item)), calls_of(store, run, item)),
            "show: unknown outcomes": lambda: unknown_calls(store, run),
        }
        for words, ask in asked.items():
            taken: list[float] = []
            ask()
            while len(taken) < ROUNDS and (len(taken) < 3 or sum(taken) < LONGEST):
                started = time.perf_counter()
                ask()
                taken.append(time.perf_counter() - started)
            told["p50_ms"][words] = round(1e3 * statistics.median(taken), 1)
            told["p95_ms"][words] = round(1e3 * statistics.quantiles(taken, n=20, method="inclusive")[-1], 1)
            told["asked"][words] = len(taken)
    return told


def export(ground: Ground) -> dict[str, Any]:
    """Export both runs in every way."""
    told: dict[str, Any] = {}
    ways = {"verdicts": (), "verdicts_canonical": ("--canonical",), "decisions": (), "calls": ()}
    for way, words in ways.items():
        told[way] = {}
        for run in (ground.small, ground.large):
            out = ground.folder / "out.jsonl"
            what = way.partition("_")[0]
            seconds, peak = command(ground.db, ground.folder, "export", what, "--run", run, "--out", str(out), *words)
            with out.open("rb") as file:
                lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
            told[way][lines] = {"rows_per_s": round(lines / seconds), "peak_mib": round(peak, 1)}
            out.unlink()
    return told


def measure(db: str, verdicts: int, sections: list[str]) -> Iterator[dict[str, Any]]:
    """The sections, one after the other, each as soon as it is done."""
    if "writer" in sections:
        with tempfile.TemporaryDirectory(prefix="plurijudge-stores-") as name, database(db, Path(name)) as own:
            yield {"section": "writer", **writer(own, min(verdicts // 10, 20_000))}
    if set(sections) == {"writer"}:
        return
    with tempfile.TemporaryDirectory(prefix="plurijudge-stores-") as name, database(db, Path(name)) as own:
        with Stretch() as seeding:
            ground = seed(own, Path(name), verdicts)
        with Store.open(own) as store:
            size = bytes_of(store)
        tell(f"{verdicts} verdicts are there after {seeding.wall:.0f} s, {size / 2**20:.0f} MiB")
        made = {"resume": resume, "queries": queries, "export": export}
        for section, function in made.items():
            if section in sections:
                yield {"section": section, **function(ground)}


def tell(line: str) -> None:
    """Print a line for people."""
    print(line, file=sys.stderr, flush=True)


def answers(server: str) -> bool:
    """Whether a PostgreSQL server answers there."""
    engine = create_engine(make_url(server).set(drivername="postgresql+psycopg", database="postgres"))
    try:
        with engine.connect():
            return True
    except OperationalError:
        return False
    finally:
        engine.dispose()


def main() -> int:
    """Measure what is asked for; gives the exit code."""
    parser = argparse.ArgumentParser(description="Measure the store: writing, resuming, asking, exporting.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; all by default")
    parser.add_argument("--rows", type=int, default=100_000, metavar="N", help="verdicts of the large run")
    parser.add_argument("--full", action="store_true", help="a million")
    parser.add_argument("--on", choices=("sqlite", "postgres", "both"), default="both")
    server = os.environ.get("PLURIJUDGE_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432")
    parser.add_argument("--server", default=server, metavar="URL", help="the PostgreSQL server")
    options = parser.parse_args()
    unknown = set(options.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"there is no section {', '.join(sorted(unknown))}")
    rows = 1_000_000 if options.full else options.rows
    for kind in ("sqlite", "postgres") if options.on == "both" else (options.on,):
        if kind == "postgres" and not answers(options.server):
            tell("no PostgreSQL server answers: only SQLite is measured")
            continue
        db = "" if kind == "sqlite" else str(make_url(options.server).set(database=f"plurijudge_stores_{os.getpid()}"))
        for told in measure(db, rows, options.sections or list(SECTIONS)):
            print(json.dumps({"benchmark": "stores", "on": kind, **told}), flush=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, OSError, SQLAlchemyError) as why:
        tell(f"It could not be carried out: {why}")
        sys.exit(2)

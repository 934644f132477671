"""What happens where the store cannot be opened, read, written or filled, and what is there afterwards?"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from .conftest import Plurijudge, item
from .test_bad_input import refused

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
OWN = ("--judge", "own:longer", "-q")


def mounted(place: Path, *options: str) -> bool:
    """Mount a small file system of the test's own; False where that may not be done."""
    place.mkdir(exist_ok=True)
    done = ROOT and subprocess.run(["mount", *options, str(place)], capture_output=True).returncode == 0
    if not done and os.environ.get("CI") and ROOT:
        pytest.fail("A file system cannot be mounted: this test needs one.")
    return bool(done)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    place = tmp_path / "disk"
    if not mounted(place, "-t", "tmpfs", "-o", "size=2m", "tmpfs"):
        pytest.skip("needs to be root and to mount a tmpfs")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


WRONG: dict[str, tuple[str, tuple[str, ...]]] = {
    "a folder": ("some", ("some is a folder", "--db some/plurijudge.db")),
    "a text": ("text.db", ("text.db is not a plurijudge store", "--db")),
    "a short text": ("short.db", ("short.db is not a plurijudge store",)),
    "another program's file": ("other.db", ("other.db holds tables of another program",)),
    "a file in no folder": ("no/x.db", ("no does not exist", "--db")),
    "nothing": ("", ("`--db` names no file", "--db plurijudge.db")),
    "memory": (":memory:", ("`--db` names no file",)),
    "another kind of database": ("mysql://h/x", ("`mysql`", "PostgreSQL")),
    "no address": ("://", ("not an address", "--db")),
    "a server that does not answer": ("postgresql://u:pw@127.0.0.1:1/x", ("127.0.0.1:1", "refused")),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_is_no_store_is_refused_and_left_as_it_was(plurijudge: Plurijudge, what: str) -> None:
    (plurijudge.folder / "some").mkdir()
    plurijudge.write("text.db", "this is a text, and no store\n" * 100)
    plurijudge.write("short.db", "short\n")
    with closing(sqlite3.connect(plurijudge.folder / "other.db")) as connection:
        connection.execute("CREATE TABLE run (x)")
    before = {path.name: path.read_bytes() for path in plurijudge.folder.iterdir() if path.suffix == ".db"}
    db, said = WRONG[what]
    ended = plurijudge("judge", "items.jsonl", "--db", db, *OWN)
    refused(ended, *said)
    assert "pw@" not in ended.err
    after = {path.name: path.read_bytes() for path in plurijudge.folder.iterdir() if path.suffix == ".db"}
    assert after == before


@pytest.mark.parametrize("command", ["runs", "show", "agreement", "query --tables", "export items", "label last q1"])
def test_commands_that_read_make_no_store(plurijudge: Plurijudge, command: str) -> None:
    refused(plurijudge(*command.split()), "There is no store at plurijudge.db", "plurijudge judge ITEMS")
    assert "plurijudge.db" not in plurijudge.files()


def test_a_store_of_a_later_version_is_refused(judged: Plurijudge) -> None:
    with closing(sqlite3.connect(judged.folder / "plurijudge.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    for command in (["runs"], ["judge", "items.jsonl", *OWN]):
        refused(judged(*command), "A later plurijudge wrote plurijudge.db (schema 9999", "pip install --upgrade")


def test_a_store_marked_read_only_is_read_and_not_written(judged: Plurijudge) -> None:
    (judged.folder / "plurijudge.db").chmod(0o444)
    assert judged("show", "last").code == 0
    assert len(judged("runs", "--json").json()) == 2
    refused(judged("judge", "items.jsonl", *OWN), "plurijudge.db is marked read-only", "--db")


def test_a_store_on_a_read_only_disk_is_read_and_not_written(judged: Plurijudge, tmp_path: Path) -> None:
    place = tmp_path / "disk"
    if not mounted(place, "-t", "tmpfs", "-o", "size=8m", "tmpfs"):
        pytest.skip("needs to be root and to mount a tmpfs")
    try:
        shutil.copy(judged.folder / "plurijudge.db", place / "x.db")
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        db = ("--db", str(place / "x.db"))
        assert judged("runs", "--json", *db).json()[0]["kind"] == "judge"
        assert judged("show", "last", "q1", *db).code == 0
        measured = judged("agreement", "last", "--json", *db)
        assert (measured.code, measured.json()["analysis"]) == (0, None)
        assert "not kept" in measured.err
        refused(judged("judge", "items.jsonl", *db, *OWN), "x.db", "name another with --db")
        refused(judged("label", "last", "q1", "--preferred", "a", *db), "x.db", "name another with --db")
        refused(judged("judge", "items.jsonl", "--db", str(place / "new.db"), *OWN), "new.db", "--db")
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_is_full_from_the_start_is_said(plurijudge: Plurijudge, small_disk: Path) -> None:
    with (small_disk / "filler").open("wb") as filler, pytest.raises(OSError, match="No space"):
        filler.write(bytes(4 << 20))
    refused(plurijudge("judge", "items.jsonl", "--db", str(small_disk / "x.db"), *OWN), "x.db", "make room")


def test_a_disk_that_fills_up_keeps_what_was_written_and_the_run_goes_on(
    plurijudge: Plurijudge, small_disk: Path
) -> None:
    pair = [{"id": "a", "text": "so " * 400}, {"id": "b", "text": "no " * 300}]
    plurijudge.write("items.jsonl", [item(f"q{n}", responses=pair) for n in range(400)])
    db = ("--db", str(small_disk / "x.db"))
    full = plurijudge("judge", "items.jsonl", *db, *OWN)
    refused(full, "could not be written", "make room", f"--run last --db {small_disk / 'x.db'}")
    before = plurijudge("query", "SELECT item, outcome FROM decision", *db, "--json").json()
    [run] = plurijudge("runs", *db, "--json").json()
    assert run["status"] == "open"
    assert run["decisions"] == len(before)
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    assert plurijudge("judge", "--run", run["id"], *db, "-q").code == 0
    after = plurijudge("show", run["id"], *db, "--json").json()
    assert after["status"] == "closed"
    assert len({row["item"] for row in after["decisions"]}) == len(after["decisions"]) == 400
    assert after["sums"]["verdicts"] == {"ok": 800}
    assert after["sums"]["answered"] == 800

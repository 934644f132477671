"""Is it noticed that a room is none? With builders that leave something open."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from plurijudge.agents.sandbox import isolation
from plurijudge.agents.sandbox.bubblewrap import NotBuilt, Room, enter
from plurijudge.agents.sandbox.isolation import Isolation, probe
from plurijudge.agents.sandbox.job import Job

REAL = shutil.which("bwrap")


@pytest.fixture
def room() -> Room:
    """How rooms are built here; skipped where they cannot be."""
    found = isolation.isolation()
    if found.room is None:
        pytest.skip(f"no room can be built here: {found.reason}")
    return found.room


@pytest.fixture
def bwrap(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Take a shell script for `bwrap`."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        script = Path(name, "bwrap")

        def write(text: str) -> None:
            script.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
            script.chmod(0o755)
            which = shutil.which
            monkeypatch.setattr(
                shutil, "which", lambda word, **given: str(script) if word == "bwrap" else which(word, **given)
            )

        yield write


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What processes were started; none is."""
    words: list[Any] = []

    def refuse(*given: Any, **named: Any) -> None:
        words.append(given)
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    return words


def test_a_room_that_keeps_everything_out_is_taken(room: Room) -> None:
    assert probe() == Isolation(room)


def test_it_is_tried_once(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "probe", lambda: pytest.fail("tried again"))
    assert isolation.isolation().room == room


def test_without_bubblewrap_there_is_none_and_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, started: list[Any]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda word, **given: None)
    found = probe()
    assert found.room is None and "install bubblewrap" in found.reason
    assert not started


def test_elsewhere_than_on_linux_there_is_none_and_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, started: list[Any]
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert "Linux" in probe().reason
    assert not started


def test_root_that_cannot_become_somebody_else_builds_none(monkeypatch: pytest.MonkeyPatch, started: list[Any]) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda word, **given: "/usr/bin/bwrap" if word == "bwrap" else None)
    assert "setpriv" in probe().reason
    assert not started


def test_a_builder_that_does_not_work_builds_none(bwrap: Callable[[str], None]) -> None:
    bwrap("echo 'bwrap: No permissions to create new namespace' >&2; exit 1")
    assert probe() == Isolation(None, "no room can be built: bwrap: No permissions to create new namespace")


def test_a_builder_that_runs_the_code_without_a_room_is_found_out(bwrap: Callable[[str], None]) -> None:
    bwrap('while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
    found = probe()
    assert found.room is None and "not safe" in found.reason


def without(word: str, *, instead: str) -> str:
    """A script that builds as it is told to, but for one word."""
    return (
        'n=$#; while [ "$n" -gt 0 ]; do a=$1; shift; n=$((n-1)); '
        f'if [ "$a" = {word} ]; then set -- "$@" {instead}; else set -- "$@" "$a"; fi; done; exec env -i {{real}} "$@"'
    )


HOLES = {
    "a key in the builder's environment": ('export X_API_KEY=1; exec {real} "$@"', "environment"),
    "the machine's network": (without("--unshare-all", instead="--unshare-pid --unshare-ipc --unshare-uts"), "network"),
    "the machine's accounts": ('exec env -i {real} --ro-bind /etc /etc "$@"', "files"),
    "a folder to write to": (without("--remount-ro", instead="--dir"), "write"),
    "namespaces within": (without("--disable-userns", instead=""), "namespaces"),
}


@pytest.mark.parametrize("hole", HOLES)
def test_a_hole_in_the_room_is_found(hole: str, room: Room, bwrap: Callable[[str], None]) -> None:
    script, named = HOLES[hole]
    bwrap(script.replace("{real}", shlex.quote(str(REAL))))
    found = probe()
    assert found.room is None
    assert named in found.reason


def test_a_room_that_does_not_come_to_be_says_so_and_runs_nothing(room: Room) -> None:
    with pytest.raises(NotBuilt):
        enter(Room("/nonexistent/bwrap", room.python, room.shown, room.dropped), Job.of("", "1"))
    with pytest.raises(NotBuilt):
        enter(Room(room.bwrap, "/nonexistent/python", room.shown, room.dropped), Job.of("", "1"))


def test_a_job_that_nobody_waits_for_is_ended_at_once(room: Room) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(NotBuilt):
        enter(room, Job.of("while True: pass", "1"), stop=stop)
    timer = threading.Timer(0.3, stop.set)
    stop.clear()
    timer.start()
    assert enter(room, Job.of("import time; time.sleep(60)", "1"), stop=stop).status == "timeout"
    timer.join()

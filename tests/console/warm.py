"""How are a hundred commands typed without paying a hundred times for the same imports?

A process that has imported what commands import, and forks for each: what runs is `plurijudge.main.main` in a process,
folder, environment and with files of its own. One JSON object a line comes in on standard input, the exit code goes out.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any


def serve() -> bool:
    """Fork for each line; True in a child, which goes on to run its command."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            answers.close()
            _become(order)
            return True
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
    return False


def _become(order: dict[str, Any]) -> None:
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["plurijudge", *order["args"]]
    for number, (name, flags) in enumerate((("in", os.O_RDONLY), ("out", os.O_WRONLY), ("err", os.O_WRONLY))):
        opened = os.open(order[name], flags)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)  # the old one holds what it has read ahead


def main() -> None:
    """Import what is dear, then serve."""
    sys.path[:] = [place for place in sys.path if place and Path(place).resolve() != Path(__file__).resolve().parent]
    from plurijudge.agents import wire
    from plurijudge.analyses import agreement
    from plurijudge.console import app
    from plurijudge.graphs import study
    from plurijudge.graphs.judge import judge_graph
    from plurijudge.main import main as command
    from plurijudge.reports import terminal

    assert (app, agreement, study)
    wire.library()
    judge_graph()
    terminal.console()
    assert threading.active_count() == 1, threading.enumerate()  # else a child might wait for a lock for ever
    if serve():
        command()


if __name__ == "__main__":
    main()

"""How are a hundred commands typed without paying a hundred times for the same imports?

A process that has imported what commands import, and forks for each: what runs is `plurijudge.main.main` in a process,
folder, environment and with files of its own. A JSON object a line comes in on standard input, the exit code goes out.
"""

from __future__ import annotations

import gc
import json
import os
import pkgutil
import sys
import threading
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn


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
    from plurijudge.graphs.judge import judge_graph
    from plurijudge.main import main as command

    for folder in ("analyses", "console", "graphs", "reports", "store"):
        package = import_module(f"plurijudge.{folder}")
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    wire.library()
    judge_graph()
    assert threading.active_count() == 1, f"{threading.enumerate()}: a child might wait for a lock for ever"
    gc.freeze()  # else each child would copy the whole heap when it ends, only to mark it
    if serve():
        _end(command)


def _end(command: Callable[[], None]) -> NoReturn:
    """Run the command to its exit code, without taking the whole heap down piece by piece afterwards."""
    code: Any = None
    try:
        command()
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    main()

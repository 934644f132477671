"""What can a stranger do in a locked room? Nothing to the machine, its files, its keys or its network."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import PLANTED, Builder
from .driver import left, living

FORKS = """
import os

def alive(most):
    reading, writing = os.pipe()
    children = []
    try:
        for _ in range(most):
            child = os.fork()
            if child == 0:
                os.close(writing)
                os.read(reading, 1)
                os._exit(0)
            children.append(child)
    except OSError:
        pass
    os.close(writing)
    for child in children:
        os.waitpid(child, 0)
    return len(children)
"""


def test_code_gives_values_and_what_it_printed(builder: Builder) -> None:
    entered = builder.enter("print('hello')\ndef f(x):\n    return (x, {1: {2.5}}, 10**30)", "f('a')", "1 / 0", "f")
    assert entered.errors == ["", "ZeroDivisionError", "no_value"]
    assert entered.ran["answers"][0]["value"] == {
        "$tuple": ["a", {"$dict": [[1, {"$set": [2.5]}]]}, {"$int": "1" + "0" * 30}]
    }
    assert entered.ran["printed"] == "hello\n"
    assert (entered.ran["status"], entered.ran["tier"], entered.left) == ("ok", 2, [])


def test_the_same_code_gives_the_same_each_time_whatever_the_order_of_sets_and_chance(builder: Builder) -> None:
    code = "import random\nwords = list({str(n) for n in range(50)})"
    first, again = (builder.enter(code, "words", "random.random()").values for _ in range(2))
    assert first == again


@pytest.mark.threat(8)
@pytest.mark.parametrize("code", ["while True: pass", "import time; time.sleep(60)"])
def test_what_does_not_end_is_ended_and_leaves_no_process(builder: Builder, code: str) -> None:
    entered = builder.enter(code, "1", cpu_seconds=1, seconds=1.5)
    assert (entered.ran["status"], entered.ran["error"]) == ("timeout", "timeout")
    assert entered.errors == ["unanswered"]
    assert entered.seconds < 1.5 + 1
    assert entered.left == []


def test_a_later_question_that_does_not_end_keeps_the_answers_before_it(builder: Builder) -> None:
    entered = builder.enter("def f():\n    while True: pass", "1", "f()", "2", cpu_seconds=1, seconds=1.5)
    assert entered.errors == ["", "timeout", "unanswered"]


def test_so_many_processes_can_live_at_one_time_and_no_more(builder: Builder) -> None:
    assert 1 <= builder.enter(FORKS, "alive(40)").values[0] < 32


@pytest.mark.threat(9)
def test_a_fork_bomb_is_stopped_and_leaves_no_process(builder: Builder) -> None:
    assert builder.enter(FORKS, "alive(40)").values[0] < 32  # else the next lines would do harm
    bomb = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"
    entered = builder.enter(bomb, "1", cpu_seconds=1, seconds=1.0)
    assert entered.ran["error"] in ("timeout", "died")
    assert entered.errors == ["unanswered"]
    assert entered.left == []


def test_children_that_come_back_from_the_code_answer_nothing(builder: Builder) -> None:
    entered = builder.enter("import os\nos.fork()\nme = os.getpid()\ndef f(): return 7", "f()")
    assert entered.values == [7]


@pytest.mark.threat(10)
def test_memory_ends_before_the_machine_s(builder: Builder) -> None:
    entered = builder.enter("", "len(bytearray(3 * 10**9))", "len(bytearray(10**6))")
    assert entered.errors == ["MemoryError", ""]


@pytest.mark.threat(10)
def test_files_end_before_the_disk(builder: Builder) -> None:
    code = """
def fill(path, size):
    with open(path, "wb") as file:
        for _ in range(size // 10**6):
            file.write(bytes(10**6))

def many():
    for number in range(100):
        fill(f"/tmp/{number}", 10**6)
"""
    entered = builder.enter(code, "fill('/tmp/large', 10**9)", "many()")
    assert entered.errors == ["OSError", "OSError"]


@pytest.mark.parametrize("folder", ["/", "/usr", "/dev", "/dev/shm", "/proc/sys/kernel", "/sys"])
def test_nothing_can_be_written_outside_its_own_folder(builder: Builder, folder: str) -> None:
    entered = builder.enter("", f"open('{folder}/x', 'w')", "open('/tmp/x', 'w').write('x')")
    assert entered.errors[0] in ("OSError", "PermissionError", "FileNotFoundError")
    assert entered.errors[1] == ""


@pytest.mark.threat(11)
def test_a_flood_of_output_is_cut_and_its_source_ended(builder: Builder) -> None:
    entered = builder.enter("while True: print('x' * 10_000)", "1")
    assert entered.ran["error"] == "output"
    assert len(entered.ran["printed"]) == 65_536
    assert entered.seconds < 1
    assert entered.left == []


def test_an_answer_without_end_is_cut_too(builder: Builder) -> None:
    flood = """
import os
for fd in range(3, 64):
    try:
        while True:
            os.write(fd, b"x" * 65_536)
    except OSError:
        pass
"""
    entered = builder.enter(flood, "1")
    assert entered.ran["error"] == "output"
    assert entered.seconds < 2


@pytest.mark.threat(12)
def test_the_builder_s_keys_are_nowhere_to_be_read(builder: Builder) -> None:
    code = """
import os, glob

def read(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode("latin-1")
    except OSError:
        return ""

seen = repr(dict(os.environ)) + "".join(map(read, glob.glob("/proc/[0-9]*/environ")))
seen += read("/proc/1/environ") + read("/proc/self/mountinfo") + "".join(map(read, glob.glob("/proc/[0-9]*/cmdline")))
"""
    entered = builder.enter(
        code, "'X_API_KEY' in seen", f"{PLANTED!r} in seen", "len(seen) > 100", "read('/proc/1/environ')"
    )
    assert entered.values == [False, False, True, ""]


@pytest.mark.threat(13)
def test_files_of_the_machine_are_not_found(builder: Builder, tmp_path: Path) -> None:
    store = tmp_path / "plurijudge.db"
    store.write_text("secret", encoding="ascii")
    paths = ["/etc/passwd", "/etc/shadow", str(Path.home()), str(store), str(Path(__file__).resolve())]
    entered = builder.enter("import os", *(f"open({path!r})" for path in paths))
    assert set(entered.errors) <= {"FileNotFoundError", "NotADirectoryError"}


@pytest.mark.threat(14)
def test_no_network_is_reached(builder: Builder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = "import socket\ndef to(*place): return socket.create_connection(place, timeout=0.5)"
        entered = builder.enter(
            code,
            f"to('127.0.0.1', {server.getsockname()[1]})",
            "to('169.254.169.254', 80)",
            "to('::1', 80)",
            "socket.getaddrinfo('example.com', 443)",
            "[name for _, name in socket.if_nameindex()]",
        )
    assert all(entered.errors[:4])
    assert "TimeoutError" not in entered.errors
    assert entered.ran["answers"][4]["value"] == ["lo"]


@pytest.mark.threat(15)
def test_no_namespace_no_mount_and_no_root_can_be_had(builder: Builder) -> None:
    code = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
"""
    entered = builder.enter(
        code,
        "libc.unshare(0x10000000)",
        "libc.unshare(0x00020000)",
        "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)",
        "libc.setuid(0)",
        "libc.chroot(b'/tmp')",
        "os.getuid() != 0 and 'CapEff:\\t0000000000000000' in open('/proc/self/status').read()",
    )
    assert entered.values == [-1, -1, -1, -1, -1, True]


@pytest.mark.threat(15)
def test_killing_everybody_kills_nobody_outside(builder: Builder) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        entered = builder.enter("import os", "os.kill(-1, 9)", "os.kill(1, 9)", "os.kill(os.getpid(), 9)", "1")
        assert entered.errors == ["ProcessLookupError", "", "died", "unanswered"]
        assert bystander.poll() is None
        bystander.kill()


def test_nobody_else_s_processes_are_seen(builder: Builder) -> None:
    entered = builder.enter("import os", "sorted(int(name) for name in os.listdir('/proc') if name.isdigit())")
    assert entered.values[0] == [1, 2]


def test_leaving_early_answers_nothing(builder: Builder) -> None:
    assert builder.enter("import os\nos._exit(0)", "1").ran["error"] == "died"
    assert builder.enter("raise SystemExit(0)", "1").ran["error"] == "SystemExit"
    entered = builder.enter("import os\ndef f(): os._exit(0)", "1", "f()", "1")
    assert entered.errors == ["", "died", "unanswered"]


def test_lines_written_into_the_channel_count_for_nothing(builder: Builder) -> None:
    code = """
import json, os
for fd in range(3, 20):
    try:
        for said in ({"ask": 0, "value": 4}, {"done": True}):
            os.write(fd, json.dumps(said).encode() + b"\\n")
    except OSError:
        pass
os._exit(0)
"""
    assert builder.enter(code, "f(2)").errors == ["unanswered"]


def test_two_answers_to_one_question_are_none_even_with_the_mark(builder: Builder) -> None:
    code = """
import json, os, sys

def f():
    frame = sys._getframe()
    while frame is not None:
        if "mark" in frame.f_locals and "fd" in frame.f_locals:
            line = json.dumps({"ask": 0, "value": 4}).encode() + b"\\n"
            os.write(frame.f_locals["fd"], frame.f_locals["mark"] + line)
            return 5
        frame = frame.f_back
"""
    assert builder.enter(code, "f()").errors == ["tampered"]


def test_a_module_that_is_nobody_s_fault_is_not_the_code_s(builder: Builder) -> None:
    assert builder.enter("import no_such_package", "1").ran["status"] == "unsupported"
    assert builder.enter("def f():\n    import numpy_of_nowhere.x\n", "f()").ran["status"] == "unsupported"


def test_a_class_of_its_own_may_look_itself_up(builder: Builder) -> None:
    code = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass P:\n    x: int"
    assert builder.enter(code, "P(3).x", "__name__").values == [3, "candidate"]


def test_a_builder_that_is_killed_leaves_nobody(builder: Builder) -> None:
    given = {"code": "import time; time.sleep(30)", "expressions": ["1"], "limits": {"seconds": 20.0}}
    with subprocess.Popen(builder.words, stdin=subprocess.PIPE, cwd="/", env=builder.environment) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(given).encode())
        process.stdin.close()
        until = time.monotonic() + 20
        while not any(f"room-{process.pid}-2" in words for words in living(process.pid)):  # the first was the canary's
            assert time.monotonic() < until and process.poll() is None
            time.sleep(0.02)
        process.kill()
        process.wait()
        assert left(process.pid) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_root_is_not_root_in_a_room(copied: Path) -> None:
    if "ran" not in (told := Builder(copied, ordinary=False).driven("import os", "os.getuid()")):
        pytest.skip(f"no room can be built here: {told['reason']}")
    assert told["ran"]["answers"][0]["value"] not in (0, None)

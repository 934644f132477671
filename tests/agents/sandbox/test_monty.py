"""What does the interpreter without a system run, and what does it leave to others?"""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from plurijudge.agents.sandbox import monty
from plurijudge.agents.sandbox.job import LIMITS, Answer, Ask, Job
from plurijudge.agents.sandbox.monty import interpret

pytest.importorskip("pydantic_monty")
SHORT = replace(LIMITS, interpreter_seconds=0.3)


def test_code_gives_values_and_what_it_printed() -> None:
    ran = interpret(Job.of("print('hello')\ndef f(x):\n    return (x, {1: {2.5}}, 10**30)", "f('a')", "1 / 0", "f"))
    assert (ran.status, ran.tier, ran.error, ran.printed) == ("ok", 1, "", "hello\n")
    assert [answer.error for answer in ran.answers] == ["", "ZeroDivisionError", "no_value"]
    assert ran.answers[0].plain() == ("a", {1: {2.5}}, 10**30)


@pytest.mark.parametrize(
    "code",
    [
        "import numpy",
        "import heapq",
        "from collections import no_such_thing",
        "def f(x): return x.bit_length()\nf(3)",
        "def f():\n    yield 1",
        "class A(int): pass",
        "x = 1\ndel x",
        "globals()",
        "object()",
        "import os\nos.environ",
        "import os\nos.getpid()",
        "open('/etc/passwd')",
        "__import__('os')",
    ],
)
def test_what_it_lacks_is_never_the_code_s_failure(code: str) -> None:
    ran = interpret(Job.of(code, "1"))
    assert (ran.status, ran.answers, ran.error) == ("unsupported", (), "")


def test_a_want_within_a_question_is_no_failure_either() -> None:
    assert interpret(Job.of("def f(x):\n    import numpy\n    return x", "1", "f(1)")).status == "unsupported"


@pytest.mark.parametrize("code", ["while True: pass", "import time; time.sleep(60)"])
def test_what_does_not_end_is_ended(code: str) -> None:
    began = time.monotonic()
    ran = interpret(Job.of(code, "1"), limits=SHORT)
    assert (ran.status, ran.error, ran.answers[0].error) == ("timeout", "timeout", "unanswered")
    assert time.monotonic() - began < 0.3 + 1


def test_questions_share_the_time() -> None:
    code = "def f():\n    x = 0\n    for i in range(10**9):\n        x += i"
    ran = interpret(Job.of(code, "1", "f()", "f()", "f()"), limits=SHORT)
    assert [answer.error for answer in ran.answers] == ["", "timeout", "unanswered", "unanswered"]


def test_an_error_of_time_that_the_code_raises_is_its_own() -> None:
    assert interpret(Job.of("raise TimeoutError('late')", "1")).error == "TimeoutError"


@pytest.mark.parametrize("code", ["x = 'a' * 10**10", "9**9**9", "x = [0] * 10**9"])
def test_memory_ends(code: str) -> None:
    assert interpret(Job.of(code, "1")).error == "MemoryError"


def test_a_flood_of_output_is_ended() -> None:
    ran = interpret(Job.of("while True: print('x' * 1000)", "1"))
    assert ran.error in ("MemoryError", "timeout")
    assert len(ran.printed) <= LIMITS.printed


def test_an_object_that_equals_everything_is_no_value() -> None:
    code = "class E:\n    def __eq__(self, other): return True\ndef f(x): return E()"
    assert [answer.error for answer in interpret(Job.of(code, "f(2)", "[f(2)]")).answers] == ["no_value"] * 2


def test_blocks_hand_over_what_they_found() -> None:
    block = Ask("for i in range(2):\n    _pj_both(f(i), i + i)\n_pj_found(f(5), 0)", "block")
    *both, last = interpret(Job("def f(x): return x", (block,))).answers[0].pairs
    assert both == [(Answer(0), Answer(0)), (Answer(1), Answer(2))]
    assert last == (Answer(5), 0)


def test_code_that_is_no_python_is_the_code_s_fault() -> None:
    assert interpret(Job.of("def f(:", "1")).error == "SyntaxError"


def test_chance_is_the_same_each_time() -> None:
    job = Job.of("import random", "random.random()")
    assert interpret(job) == interpret(job)


def test_without_the_package_it_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monty, "interpreter", lambda: None)
    assert interpret(Job.of("", "1")).status == "unavailable"


def test_a_worker_that_dies_leaves_the_job_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    import pydantic_monty

    with pydantic_monty.Monty(request_timeout=0.2) as pool:  # a deadline before the interpreter's own: it is killed
        monkeypatch.setattr(monty, "_pool", lambda seconds: pool)
        assert interpret(Job.of("while True: pass", "1")).status == "unsupported"
        assert interpret(Job.of("", "1 + 1")).answers[0].value == 2

"""Does the code tool find out what code gives, and is nobody helped by cheating or hurt by what it lacks?"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from plurijudge.agents.sandbox import isolation, runner
from plurijudge.agents.sandbox.bubblewrap import NotBuilt, enter
from plurijudge.agents.sandbox.isolation import Isolation
from plurijudge.agents.sandbox.job import LIMITS, Job, Ran
from plurijudge.agents.sandbox.known_functions import known_tests
from plurijudge.agents.sandbox.monty import interpret
from plurijudge.agents.tools.base import Case, Finding, Observation, Refused
from plurijudge.agents.tools.code import Code
from plurijudge.text.findings import implied_by

TIERS = ("interpreter", "room", "both")


@pytest.fixture
def without_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "isolation", lambda: Isolation(None, "none"))


@pytest.fixture
def without_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "interpret", lambda job, **given: Ran("unavailable", 0))


def need_room() -> None:
    found = isolation.isolation()
    if found.room is None:
        pytest.skip(f"no room can be built here: {found.reason}")


@pytest.fixture(params=TIERS)
def tier(request: pytest.FixtureRequest) -> str:
    """What runs the code: the interpreter alone, the room alone, or the one and then the other."""
    wanted: str = request.param
    if wanted != "room":
        pytest.importorskip("pydantic_monty")
    if wanted == "interpreter":
        request.getfixturevalue("without_room")
    else:
        need_room()
    if wanted == "room":
        request.getfixturevalue("without_interpreter")
    return wanted


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch, tier: str) -> None:
    """Limits that are soon reached."""
    limits = replace(LIMITS, interpreter_seconds=0.3, cpu_seconds=1, seconds=1.2)
    if tier != "room":
        monkeypatch.setattr(runner, "interpret", lambda job: interpret(job, limits=limits))
    monkeypatch.setattr(runner, "enter", lambda room, job, stop: enter(room, job, limits=limits, stop=stop))


def ran(arguments: dict[str, Any], **responses: str) -> Observation:
    seen = asyncio.run(Code().run(arguments, Case("?", responses)))
    orjson.dumps(seen.result)
    return seen


def checked(question: str, tests: list[str] | None = None, entry: str = "", **responses: str) -> dict[str, Finding]:
    meta: dict[str, Any] = {"tests": tests} if tests else {}
    if entry:
        meta["entry_point"] = entry
    return {found.response: found for found in asyncio.run(Code().check(Case(question, responses, meta=meta)))}


def verdicts(*given: Any, **named: Any) -> dict[str, bool | None]:
    return {name: found.holds for name, found in checked(*given, **named).items()}


def test_expressions_have_values(tier: str) -> None:
    seen = ran({"expressions": ["'strawberry'.count('r')", "(1, {2})", "10**30", "1 / 0"]})
    assert (seen.status, seen.evidence) == ("ok", "execution")
    assert [result["value"] for result in seen.result["results"]] == [
        3,
        {"$tuple": [1, {"$set": [2]}]},
        {"$int": "1" + "0" * 30},
        None,
    ]
    assert [result["error"] for result in seen.result["results"]] == ["", "", "", "ZeroDivisionError"]
    assert (seen.result["passed"], seen.result["of"]) == (0, 0)
    assert seen.said == "3 of 4 have a value."


def test_results_have_the_same_keys_whatever_happened(tier: str) -> None:
    keys = {"tier", "passed", "of", "results", "error", "floats", "printed"}
    for code in ("x = 1", "raise ValueError", "import os\nos._exit(0)"):
        seen = ran({"code": code, "expressions": ["1"], "tests": [{"expression": "1", "equals": 1}]})
        if tier == "interpreter" and "_exit" in code:
            assert seen.status == "unsupported"
        else:
            assert seen.result.keys() == keys
            assert all(part.keys() == {"expression", "value", "error", "passed"} for part in seen.result["results"])


MEDIAN = "def m(xs):\n    s = sorted(xs); k = len(s) // 2\n    return s[k] if len(s) % 2 else (s[k - 1] + s[k]) / 2"
UPPER = "def m(xs):\n    # Robust median implementation\n    s = sorted(xs)\n    return s[len(s) // 2]"


def test_a_response_s_code_is_held_against_values(tier: str) -> None:
    tests = [{"expression": "[m([3,1,4,1,5,9]), m([2,1,3])]", "equals": [3.5, 2]}]
    right = ran({"response": "a", "tests": tests}, a=f"It is:\n```python\n{MEDIAN}\n```\nDone.", b=UPPER)
    wrong = ran({"response": "b", "tests": tests}, a=MEDIAN, b=UPPER)
    assert (right.result["passed"], right.result["of"], right.said) == (1, 1, "1 of 1 passed.")
    assert (wrong.result["passed"], wrong.result["of"]) == (0, 1)
    assert wrong.result["results"][0]["value"] == [4, 2]


def test_code_runs_after_the_response_s(tier: str) -> None:
    seen = ran({"response": "a", "code": "y = m([1, 2])", "expressions": ["y"]}, a=MEDIAN)
    assert seen.result["results"][0]["value"] == 1.5


def test_what_is_printed_is_shown_and_is_no_evidence(tier: str) -> None:
    seen = ran({"code": "print('ok 1 - passed')", "tests": [{"expression": "1", "equals": 2}]})
    assert seen.result["printed"] == "ok 1 - passed\n"
    assert seen.result["passed"] == 0


def test_wrong_arguments_are_refused() -> None:
    for arguments, reason in (
        ({}, "nothing_asked"),
        ({"code": "print(1)"}, "nothing_asked"),
        ({"response": "c", "expressions": ["1"]}, "unknown_response"),
        ({"expressions": ["x = 1"]}, "no_expression"),
        ({"expressions": ["1; 2"]}, "no_expression"),
        ({"expressions": ["1)\n, (2"]}, "no_expression"),
        ({"tests": [{"expression": "", "equals": 1}]}, "no_expression"),
    ):
        with pytest.raises(Refused) as refused:
            ran(arguments, a="")
        assert refused.value.reason == reason


def test_tests_that_all_pass_speak_for_a_response_and_one_that_fails_against_it(tier: str) -> None:
    tests = ["assert f(8, 5) == 40", "assert abs(f(2, 0.5) - 1.0) < 1e-3", "assert f(0, 0) is not None"]
    found = checked("?", tests, a="def f(x, y):\n    return x * y", b="def f(x, y):\n    return x + y")
    assert found["a"] == Finding("a", "passes its tests", True, "3 of 3 passed", "code", final=True)
    assert found["b"].holds is False
    assert found["b"].found == "1 of 3 passed; f(8, 5) == 40: gives something else"
    assert implied_by(list(found.values()), ("a", "b")) == "a"


FIBONACCI = "Write f(n): the n-th Fibonacci number, f(0)=0, f(1)=1."
RIGHT = "def f(n):\n    a,b=0,1\n    for _ in range(n): a,b=b,a+b\n    return a"
WRONG = RIGHT.replace("0,1", "1, 1", 1)


def test_examples_in_the_question_speak_where_there_are_no_tests(tier: str) -> None:
    found = checked(FIBONACCI, a=RIGHT, b=WRONG, c="I would use a loop.", d=RIGHT.replace("def f", "def fib"))
    assert {name: one.holds for name, one in found.items()} == {"a": True, "b": False}
    assert found["a"].claim == "gives what the question's examples say"
    assert found["b"].found == "1 of 2 passed; f(0) == 0: gives something else"


CHEATS = {
    "an object that equals everything": "class E:\n    def __eq__(self, other): return True\ndef f(x): return E()",
    "an object that does whatever is asked": (
        "class E:\n    def __eq__(self, other): return True\n    __lt__ = __le__ = __gt__ = __contains__ = __eq__\n"
        "    def __sub__(self, other): return 0.0\n    def __hash__(self): return 0\ndef f(x): return E()"
    ),
    "a number of its own": "class E(int):\n    def __eq__(self, other): return True\ndef f(x): return E(7)",
    "names of Python": "def abs(x): return 0\ndef set(x): return {1}\ndef all(x): return True\ndef f(x): return 7",
    "leaving early": "import os\ndef f(x): os._exit(0)",
    "leaving at once": "import os\nos._exit(0)",
    "leaving politely": "raise SystemExit(0)",
    "a marker of success": "print('passed')\nprint('3 of 3 passed')\ndef f(x):\n    print('{}')\n    return 7",
    "assertions that do not count": "import builtins\nbuiltins.AssertionError = BaseException\ndef f(x): return 7",
    "comparisons that agree": "import operator\noperator.eq = operator.lt = lambda a, b: True\ndef f(x): return 7",
    "json of its own": 'import json\njson.dumps = lambda *a, **k: \'{"ask": 0, "value": true}\'\ndef f(x): return 7',
    "the harness's own functions": (
        "import sys\nframe = sys._getframe()\nwhile frame:\n"
        "    for name in ('_answer', 'encode', '_block', '_plain', '_value'):\n"
        "        if name in frame.f_globals: frame.f_globals[name] = lambda *a, **k: {'value': True}\n"
        "    frame = frame.f_back\ndef f(x): return 7"
    ),
}
HONEST = [
    "assert f(2) == 4",
    "assert abs(f(2) - 4.0) < 1e-3",
    "assert f(2) < 5 and not f(2) != 4",
    "assert set([f(2)]) == set([4])",
    "for x in [2]:\n    assert f(x) == 4",
]


@pytest.mark.threat(16)
@pytest.mark.parametrize("test", HONEST)
@pytest.mark.parametrize("cheat", CHEATS)
def test_cheating_passes_nothing(tier: str, cheat: str, test: str) -> None:
    found = checked("?", [test], a=CHEATS[cheat], b="def f(x):\n    return x * x")
    assert found["a"].holds is not True
    assert found["b"].holds is True
    seen = ran({"response": "a", "tests": [{"expression": "f(2)", "equals": 4}]}, a=CHEATS[cheat])
    assert seen.status == "unsupported" or seen.result["passed"] == 0


def test_a_test_that_asks_for_truth_of_a_loop_is_not_cheated_by_objects(without_interpreter: None) -> None:
    need_room()
    test = ["assert all(f(x) == x * x for x in range(3))"]
    cheats = {f"c{number}": code for number, code in enumerate(CHEATS.values()) if "f_globals" not in code}
    found = verdicts("?", test, right="def f(x): return x * x", **cheats)
    assert found.pop("right") is True
    del found["c3"]  # it makes `all` say yes, in a test that asks nothing else
    assert True not in found.values()


@pytest.mark.threat(17)
def test_what_the_interpreter_lacks_is_left_to_the_room() -> None:
    pytest.importorskip("pydantic_monty")
    need_room()
    code = "import heapq\ndef f(xs): return heapq.nlargest(2, xs)"
    seen = ran({"code": code, "expressions": ["f([1, 3, 2])"]})
    assert (seen.result["tier"], seen.result["results"][0]["value"]) == (2, [3, 2])
    assert verdicts("?", ["assert f([1, 3, 2]) == [3, 2]"], a=code) == {"a": True}


def test_what_the_interpreter_lacks_is_not_held_against_the_code(without_room: None) -> None:
    pytest.importorskip("pydantic_monty")
    code = "import heapq\ndef f(xs): return heapq.nlargest(2, xs)"
    seen = ran({"code": code, "expressions": ["f([1, 3, 2])"]})
    assert (seen.status, seen.reason, seen.result) == ("unsupported", "interpreter", None)
    found = checked("?", ["assert f([1, 3, 2]) == [3, 2]"], a=code, b="def f(xs): return xs")
    assert found["a"].holds is None and found["b"].holds is False
    assert "bubblewrap" in found["a"].found


def test_a_fast_success_needs_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pydantic_monty")
    monkeypatch.setattr(runner, "isolation", lambda: pytest.fail("a room was looked for"))
    assert ran({"expressions": ["1 + 1"]}).result["tier"] == 1
    assert verdicts("?", ["assert f(2) == 4"], a="def f(x): return x * x") == {"a": True}


def test_a_failure_in_the_interpreter_is_tried_again_in_the_room() -> None:
    pytest.importorskip("pydantic_monty")
    need_room()
    code = "def f(x):\n    try:\n        return x.bit_length()\n    except AttributeError:\n        return -1"
    assert verdicts("?", ["assert f(8) == 4"], a=code) == {"a": True}


@pytest.mark.threat(18)
def test_where_nothing_isolates_nothing_runs(
    without_interpreter: None, without_room: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    monkeypatch.setattr(subprocess, "Popen", lambda *words, **given: started.append(words))
    monkeypatch.setattr("os.posix_spawn", lambda *words, **given: started.append(words))
    monkeypatch.setattr("os.fork", lambda: started.append("fork"))
    seen = ran({"code": "x = 1", "expressions": ["x"]})
    assert (seen.status, seen.reason, seen.result) == ("unavailable", "no_isolation", None)
    with pytest.raises(Refused) as caught:
        checked("?", ["assert f(2) == 4"], a="def f(x): return x * x", b="def f(x): return x")
    assert (caught.value.status, caught.value.reason) == ("unavailable", "no_isolation")
    assert not started


@pytest.mark.threat(18)
def test_a_canary_that_finds_a_way_out_ends_it_too(without_interpreter: None, monkeypatch: pytest.MonkeyPatch) -> None:
    need_room()
    monkeypatch.setattr(isolation, "_FOUND", [])
    monkeypatch.setattr(isolation, "way_out", lambda room: "not safe: it sees the environment")
    monkeypatch.setattr(runner, "enter", lambda *words, **given: pytest.fail("a room was entered"))
    seen = ran({"code": "x = 1", "expressions": ["x"]})
    assert (seen.status, seen.reason) == ("unavailable", "no_isolation")


def test_a_room_that_suddenly_cannot_be_built_is_nobody_s_failure(
    without_interpreter: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_room()

    def refuse(*words: Any, **given: Any) -> Ran:
        raise NotBuilt("busy")

    monkeypatch.setattr(runner, "enter", refuse)
    assert ran({"expressions": ["1"]}).status == "unavailable"
    with pytest.raises(Refused, match="no_isolation"):
        verdicts("?", ["assert f(2) == 4"], a="def f(x): return x")


def test_code_that_does_not_end_fails_and_the_tool_says_so(tier: str, short: None) -> None:
    found = checked("?", ["assert f(2) == 4", "assert f(3) == 9"], a="def f(x):\n    while True: pass")
    assert found["a"].holds is False
    assert found["a"].found == "0 of 2 passed; f(2) == 4: took too long"
    seen = ran({"code": "while True: pass", "expressions": ["1"]})
    assert (seen.status, seen.reason, seen.result) == ("timeout", "time_limit", None)
    seen = ran({"code": "while True: pass", "tests": [{"expression": "1", "equals": 1}]})
    assert (seen.status, seen.result["passed"], seen.result["error"]) == ("ok", 0, "timeout")


def test_code_that_is_no_python_fails_without_being_run(without_interpreter: None, without_room: None) -> None:
    found = checked("?", ["assert f(2) == 4"], a="def f(x:\n    return 4", b="I cannot do that.")
    assert [one.holds for one in found.values()] == [False, False]
    assert found["a"].found == "its code does not parse"


def test_code_that_raises_or_lacks_the_function_fails(tier: str) -> None:
    found = checked("?", ["assert f(2) == 4"], a="raise ValueError('4')", b="def g(x): return 4")
    assert found["a"].found == "0 of 1 passed: the code itself raises ValueError"
    assert found["b"].found == "0 of 1 passed; f(2) == 4: NameError"
    assert [one.holds for one in found.values()] == [False, False]


def test_a_module_that_is_not_there_is_no_failure(without_interpreter: None) -> None:
    need_room()
    found = checked("?", ["assert f(2) == 4"], a="import numpy_of_nowhere\ndef f(x): return 4")
    assert found["a"].holds is None
    assert found["a"].found == "The code needs a module that is not there."


CHECK = "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(3) == 9, 'no'"


@pytest.mark.parametrize("test", [CHECK, CHECK + "\ncheck(f)", CHECK.replace("    assert", "    if True: assert", 1)])
def test_a_check_of_a_candidate_is_run(tier: str, test: str) -> None:
    found = verdicts("?", [test], entry="f", a="def f(x): return x * x", b="def f(x): return 4")
    assert found == {"a": True, "b": False}


def test_a_check_that_nobody_calls_says_that_code_runs_and_no_more(tier: str) -> None:
    assert verdicts("?", [CHECK], a="def f(x): return 0", b="raise ValueError") == {"a": True, "b": False}


def test_it_applies_to_tests_and_to_examples_with_code() -> None:
    tool = Code()
    assert tool.applies(Case("?", {"a": ""}, meta={"tests": ["assert f(1) == 1"]}))
    assert tool.applies(Case("?", {"a": ""}, meta={"test_list": ["assert f(1) == 1"]}))
    assert tool.applies(Case(FIBONACCI, {"a": RIGHT, "b": "No."}))
    assert not tool.applies(Case(FIBONACCI, {"a": "It is 0, then 1.", "b": "No."}))
    assert not tool.applies(Case("Write f(n).", {"a": RIGHT}))
    assert not tool.applies(Case("?", {"a": RIGHT}, meta={"tests": []}))
    assert not tool.applies(Case("?", {"a": RIGHT}, meta={"tests": {"not": "a list"}}))
    assert asyncio.run(tool.check(Case("Hello!", {"a": "Hi.", "b": "Hello."}))) == []


def test_the_event_loop_goes_on_while_code_runs(tier: str, short: None) -> None:
    async def work() -> tuple[int, list[Observation]]:
        ticks = 0
        case = Case("?", {})
        calls = [Code().run({"code": "while True: pass", "expressions": ["1"]}, case) for _ in range(2)]
        jobs = asyncio.gather(*calls)
        while not jobs.done():
            await asyncio.sleep(0.005)
            ticks += 1
        return ticks, await jobs

    ticks, seen = asyncio.run(work())
    assert ticks >= 10
    assert [one.status for one in seen] == ["timeout", "timeout"]


def test_no_more_jobs_run_at_one_time_than_there_are_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    lock, now, most = threading.Lock(), 0, 0

    def counted(job: Job) -> Ran:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.01)
        with lock:
            now -= 1
        return Ran("ok", 1)

    monkeypatch.setattr(runner, "interpret", counted)

    async def work() -> None:
        await asyncio.gather(*(runner.run(Job("")) for _ in range(4 * (os.cpu_count() or 1))))

    asyncio.run(work())
    assert 1 <= most <= (os.cpu_count() or 1)


def test_a_call_that_is_given_up_is_ended(without_interpreter: None, monkeypatch: pytest.MonkeyPatch) -> None:
    need_room()
    ended = threading.Event()

    def noted(*words: Any, **given: Any) -> Ran:
        try:
            return enter(*words, **given)
        finally:
            ended.set()

    monkeypatch.setattr(runner, "enter", noted)

    async def work() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await Code().run({"code": "import time; time.sleep(60)", "expressions": ["1"]}, Case("?", {}))

    asyncio.run(work())
    assert ended.wait(1.5)


def test_equal_arguments_have_equal_keys_and_another_response_another() -> None:
    tool, given = Code(), {"response": "a", "expressions": ["f(1)"]}
    one, other = Case("?", {"a": RIGHT}), Case("!", {"a": RIGHT, "b": WRONG})
    assert tool.key(given, one) == tool.key(given, other) != tool.key(given, Case("?", {"a": WRONG}))


def test_the_schema_is_closed_and_importing_the_tool_is_cheap() -> None:
    assert Code.parameters["additionalProperties"] is False
    code = (
        "import sys, plurijudge.agents.tools.code\nassert not {'pydantic_monty', 'litellm', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.shared
def test_recorded_pairs_of_code_are_told_apart(shared_data: Path, tier: str) -> None:
    rows = [orjson.loads(line) for line in (shared_data / "tools/tara/code_test.jsonl").read_bytes().splitlines()]
    assert len(rows) == 189

    async def implied(row: Any) -> str | None:
        responses = {"pos": row["pos_answer"]["answer"], "neg": row["neg_answer"]["answer"]}
        case = Case(row["question"], responses, meta={"test_list": row["test_list"]})
        assert Code().applies(case)
        return implied_by(await Code().check(case), ("pos", "neg"))

    async def work() -> list[str | None]:
        return await asyncio.gather(*map(implied, rows))

    told = asyncio.run(work())
    assert told.count("neg") == 0
    assert told.count("pos") >= (180 if tier == "interpreter" else 188)


@pytest.mark.shared
def test_the_acceptance_cases_of_code_come_out_right(shared_data: Path, tier: str) -> None:
    lines = (shared_data / "tools/cases.jsonl").read_text(encoding="utf-8").splitlines()
    cases = {case["id"]: case for case in map(json.loads, lines) if case["tool"] == "code"}
    a18, a19, a20 = (cases[name] for name in ("A18", "A19", "A20"))
    responses = {"a": a18["response_a"], "b": a18["response_b"]}
    found = asyncio.run(Code().check(Case(a18["question"], responses)))
    assert implied_by(found, ("a", "b")) == implied_by(found, ("b", "a")) == "a"
    for name, passed in (("a", 1), ("b", 0)):
        tests = [{"expression": a19["probe"], "equals": json.loads(a19["expected_observation"])}]
        seen = ran({"response": name, "tests": tests}, a=a19["response_a"], b=a19["response_b"])
        assert seen.result["passed"] == passed
    assert ran({"expressions": [a20["probe"]]}).result["results"][0]["value"] == 3


def bears(arguments: dict[str, Any], case: Case) -> str | None:
    tool = Code()
    found = tool.bearing(arguments, asyncio.run(tool.run(arguments, case)), case)
    return implied_by(found, tuple(case.responses))


COUNTED = Case(
    "How many times does r occur in strawberry?",
    {"a": "3.", "b": "It is spelled s-t-r-a-w-b-e-r-r-y and therefore contains exactly 2 letters r."},
)


def test_a_value_computed_of_the_question_s_own_words_decides_and_one_of_others_does_not() -> None:
    assert bears({"expressions": ["'strawberry'.count('r')"]}, COUNTED) == "a"
    assert bears({"code": "w = 'strawberry'", "expressions": ["sum(c == 'r' for c in w)"]}, COUNTED) == "a"
    assert bears({"expressions": ["'raspberry bush'.count('r') - 2"]}, COUNTED) is None
    assert bears({"expressions": ["1 + 1"]}, COUNTED) is None
    assert bears({"expressions": ["'strawberry'.count('r')", "'strawberry'.count('s')"]}, COUNTED) is None


def test_code_that_passes_what_the_model_tests_holds_unless_the_model_mended_it() -> None:
    case = Case("Write m(xs).", {"a": "def m(xs): return sorted(xs)[0]", "b": "def m(xs): return xs[0]"})
    tests = [{"expression": "m([3, 1])", "equals": 1}]
    found = {}
    for name in ("a", "b"):
        arguments = {"response": name, "tests": tests}
        found[name] = Code().bearing(arguments, asyncio.run(Code().run(arguments, case)), case)
    assert [one.holds for one in found["a"] + found["b"]] == [True, False]
    assert implied_by(found["a"] + found["b"], ("a", "b")) == "a"
    mended = {"response": "b", "code": "m = min", "tests": tests}
    assert Code().bearing(mended, asyncio.run(Code().run(mended, case)), case) == []


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("Write m(xs): the median of a list.", "def m(xs):\n s=sorted(xs); k=len(s)//2\n return s[k] if len(s)%2 else "
         "(s[k-1]+s[k])/2", "def m(xs): return sorted(xs)[len(xs)//2]"),
        ("Implement is_p(n) that returns whether n is prime.", "def is_p(n): return n > 1 and all(n % d for d in "
         "range(2, n))", "def is_p(n): return all(n % d for d in range(2, n))"),
        ("Please write a Python function rev(s) which returns the reverse of a string.", "def rev(s): return s[::-1]",
         "def rev(s): return s"),
        ("Define leap(y): whether y is a leap year", "def leap(y):\n return y % 4 == 0 and y % 100 > 0 or y % 400 == 0",
         "def leap(y): return y % 4 == 0"),
    ],
)  # fmt: skip
def test_a_function_that_everyone_knows_needs_no_examples(question: str, right: str, wrong: str) -> None:
    assert verdicts(question, None, a=right, b=wrong) == {"a": True, "b": False}
    assert Code().applies(Case(question, {"a": right, "b": wrong}))


@pytest.mark.parametrize(
    "question",
    [
        "Write m(xs): the median of a list, the lower one where there are two.",
        "Write m(xs): the median of the absolute deviations.",
        "Write m(xs, key): the median of a list.",
        "Write a poem about the median of a list.",
        "Write m(xs): the number of vowels in a list of words.",
    ],
)
def test_a_question_that_says_more_is_not_held_to_what_everyone_knows(question: str) -> None:
    assert known_tests(question) == []

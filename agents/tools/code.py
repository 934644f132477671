"""Does the code do what it should? It is run where it can do no harm, and what it gives is compared here."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...text.quantities import quantities
from ...text.stated import stance
from ..sandbox.asserts import Claim, claims_of
from ..sandbox.harness import decode
from ..sandbox.holding import Held, hold
from ..sandbox.job import Answer, Ask, Job, Ran
from ..sandbox.known_functions import known_tests
from ..sandbox.parsing import expression, parses, statements
from ..sandbox.runner import NO_ISOLATION, run
from ..sandbox.source import code_of, defined_in, examples_of, holds_code
from ..sandbox.values import same_as_json
from .base import Case, Evidence, Finding, Observation, Refused, Tool, ToolLimits

_SHOWN = 2000  # characters of what was printed
_AMISS = (ValueError, TypeError, ArithmeticError, RecursionError)
_LATE = "took too long"
_TESTED = "passes the model's tests"
_WORDS = {
    "timeout": _LATE,
    "output": "printed too much",
    "died": "ended its process",
    "tampered": "gave two answers",
    "no_value": "gives an object that is no plain value",
    "differs": "gives something else",
    "unanswered": "was not reached",
}


@dataclass(frozen=True, slots=True)
class _Tried:
    """Code and its tests after a run."""

    ran: Ran
    held: tuple[Held, ...]

    @property
    def passed(self) -> int:
        return sum(held.holds is True for held in self.held)

    @property
    def holds(self) -> bool | None:
        if self.ran.status in ("unavailable", "unsupported"):
            return None
        if self.ran.error or any(held.holds is False for held in self.held):
            return False
        return None if any(held.holds is None for held in self.held) else True


class Code(Tool):
    """Runs Python, with what it should give held against what it gives."""

    name = "code"
    version = "1"
    description = (
        "Runs Python 3 (standard library, no network, no files) and gives the values of expressions. Use it to find "
        "out what a response's code really returns, or to count and compute what no other tool does. Give `response` "
        "to run that response's code first; `tests` compare values with what they should be, floats to 9 digits."
    )
    parameters = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "code": {
                "type": "string",
                "description": "Python to run first, after the response's code if both are given",
            },
            "response": {"type": "string", "description": "label of the response whose code is run first"},
            "expressions": {
                "type": "array",
                "maxItems": 50,
                "items": {"type": "string"},
                "description": "Python expressions whose values are wanted",
            },
            "tests": {
                "type": "array",
                "maxItems": 50,
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["expression", "equals"],
                    "properties": {
                        "expression": {"type": "string"},
                        "equals": {"description": "the value it should have, as JSON"},
                    },
                },
            },
        },
    }
    evidence: Evidence = "execution"
    limits = ToolLimits(seconds=15.0)

    async def run(self, arguments: Mapping[str, Any], case: Case) -> Observation:
        """Run code and give values; see `parameters`.

        Raises:
            Refused: if nothing is asked, a response is unknown, or an expression is none.
        """
        expressions: list[str] = list(arguments.get("expressions") or ())
        tests: list[Mapping[str, Any]] = list(arguments.get("tests") or ())
        asked = [*expressions, *(test["expression"] for test in tests)]
        if not asked:
            raise Refused("nothing_asked", "Give `expressions` or `tests`: what is printed is no evidence.")
        for source in asked:
            _refuse_statement(source)
        job = Job.of(_code_of(arguments, case), *asked)

        def passed(ran: Ran) -> list[bool]:
            return [_equals(answer, test) for answer, test in zip(ran.answers[len(expressions) :], tests, strict=False)]

        async def enough(ran: Ran) -> bool:
            return not ran.error and not any(answer.error for answer in ran.answers) and all(passed(ran))

        ran = await run(job, enough=enough)
        if ran.status in ("unavailable", "unsupported"):
            return _not_run(ran)
        if ran.status == "timeout" and not tests and not any(not answer.error for answer in ran.answers):
            return Observation("timeout", None, "time_limit", f"The code {_LATE}.", self.evidence)
        marks = [None] * len(expressions) + [bool(mark) for mark in passed(ran)]
        results = [
            {"expression": source, "value": answer.value, "error": answer.error, "passed": mark}
            for source, answer, mark in zip(asked, ran.answers, marks, strict=True)
        ]
        found = {
            "tier": ran.tier,
            "passed": sum(mark is True for mark in marks),
            "of": len(tests),
            "results": results,
            "error": ran.error,
            "floats": "compared to a relative 1e-9" if tests else "",
            "printed": ran.printed[:_SHOWN],
        }
        return Observation("ok", found, said=_told(found), evidence=self.evidence)

    def applies(self, case: Case) -> bool:
        """Where the item brings tests, or the question examples and a response code."""
        if _tests_in(case.meta):
            return True
        given = examples_of(case.question) or known_tests(case.question)
        return bool(given) and any(map(holds_code, case.responses.values()))

    async def check(self, case: Case) -> list[Finding]:
        """Run each response's code against the item's tests; where there are none, against the question's examples.

        Where there are no examples either, a function that everyone knows is held against what it must give.

        Raises:
            Refused: if nothing here isolates code.
        """
        texts = _tests_in(case.meta)
        given = case.meta.get("entry_point")
        entry = given if isinstance(given, str) else ""
        examples = [] if texts else examples_of(case.question)
        claim = "passes its tests" if texts else "gives what the question's examples say"
        if not texts and not examples:
            examples, claim = known_tests(case.question), "gives what a function of that name must"
        work: dict[str, asyncio.Task[Finding]] = {}
        try:
            async with asyncio.TaskGroup() as group:
                for name, text in case.responses.items():
                    code = code_of(text)
                    tests = claims_of(texts or _of_this(examples, text, code), entry)
                    if tests:
                        work[name] = group.create_task(self._found(name, code, tests, claim))
        except* Refused as several:
            raise several.exceptions[0] from None
        return [task.result() for task in work.values()]

    def bearing(self, arguments: Mapping[str, Any], observation: Observation, case: Case) -> list[Finding]:
        """What a run that the model asked for says of the responses.

        A response's code that was tested holds if all passed. A value that was computed of the question's own words and
        numbers is held against the responses' answers. Nothing else tells anything whatever the model meant by it.
        """
        found: Mapping[str, Any] = observation.result or {}
        name = arguments.get("response")
        if name in case.responses:
            if not found.get("of") or arguments.get("code"):
                return []
            summary = f"{found['passed']} of {found['of']} passed"
            return [Finding(str(name), _TESTED, found["passed"] == found["of"], summary, self.name, final=True)]
        return _computed(found.get("results") or [], arguments, case)

    async def _found(self, name: str, code: str, tests: Sequence[Claim], claim: str) -> Finding:
        if not parses(code):
            return Finding(name, claim, False, "its code does not parse", self.name, final=True)
        tried = await _tried(code, tests)
        if tried.ran.status == "unavailable":
            raise Refused(NO_ISOLATION, _not_run(tried.ran).said, "unavailable")
        return Finding(name, claim, tried.holds, _summary(tried, tests), self.name, final=True)


def _computed(results: Sequence[Mapping[str, Any]], arguments: Mapping[str, Any], case: Case) -> list[Finding]:
    """What the one value of a run with no response's code says of the responses' answers."""
    values = [result for result in results if result["passed"] is None]
    if len(values) != 1 or values[0]["error"] or not isinstance(values[0]["value"], int | float):
        return []
    if isinstance(values[0]["value"], bool) or not _of_the_question(arguments, case.question):
        return []
    value, found = Fraction(str(values[0]["value"])), f"{values[0]['expression']} = {values[0]['value']}"
    given = {quantity.value for quantity in quantities(case.question, case.locale)}
    said = {name: stance(text, value, case.locale, given=given) for name, text in case.responses.items()}
    if "agrees" not in said.values():
        return []
    return [
        Finding(name, case.responses[name][:200], stand == "agrees", found, Code.name, final=True)
        for name, stand in said.items()
        if stand != "silent"
    ]


def _of_the_question(arguments: Mapping[str, Any], question: str) -> bool:
    """Whether all that code is given, beside small numbers, stands in the question, and something of it does."""
    sources = [str(arguments.get("code") or ""), *(arguments.get("expressions") or ())]
    folded, used, small = question.casefold(), False, {str(n) for n in range(11)} | {"100"}
    numbers = {str(quantity.value) for quantity in quantities(question)}
    for source in sources:
        try:
            body = statements(source)
        except (SyntaxError, RecursionError):
            return False
        for node in (node for part in body for node in ast.walk(part)):
            if not isinstance(node, ast.Constant) or node.value is None or isinstance(node.value, bool):
                continue
            if isinstance(node.value, str):
                if node.value.casefold() not in folded:
                    return False
                used = used or len(node.value) > 2
            elif isinstance(node.value, int | float) and str(Fraction(str(node.value))) in numbers:
                used = True
            elif str(node.value) not in small:
                return False
    return used


async def _tried(code: str, tests: Sequence[Claim]) -> _Tried:
    """Run code and its tests, in the room too where the interpreter did not see them all pass."""
    seen: dict[int, _Tried] = {}

    async def judged(ran: Ran) -> _Tried:
        return _Tried(ran, await _held(ran, tests))

    async def enough(ran: Ran) -> bool:
        seen[ran.tier] = await judged(ran)
        return seen[ran.tier].holds is True

    ran = await run(Job(code, tuple(ask for test in tests for ask in test.asks)), enough=enough)
    return seen.get(ran.tier) or await judged(ran)


async def _held(ran: Ran, tests: Sequence[Claim]) -> tuple[Held, ...]:
    """Which tests hold; what has to be computed for that without the code is computed."""
    if ran.status in ("unavailable", "unsupported"):
        return tuple(Held(None, ran.status) for _ in tests)
    answers = list(ran.answers)
    parts = [[answers.pop(0) for _ in test.asks] for test in tests]
    held = [hold(test, part, {}) for test, part in zip(tests, parts, strict=True)]
    wanted = list(dict.fromkeys(source for one in held for source in one.wants))
    if not wanted:
        return tuple(held)
    plain = await run(Job("", tuple(map(Ask, wanted))))
    known = dict(zip(wanted, plain.answers, strict=False))
    missing = {source: Answer(error="unanswered") for source in wanted}
    return tuple(hold(test, part, missing | known) for test, part in zip(tests, parts, strict=True))


def _tests_in(meta: Mapping[str, Any]) -> list[str]:
    """An item's own tests, if it brings any."""
    given = meta.get("tests") or meta.get("test_list") or []
    texts = [given] if isinstance(given, str) else given
    return [text for text in texts if isinstance(text, str) and text.strip()] if isinstance(texts, list | tuple) else []


def _of_this(examples: Sequence[str], text: str, code: str) -> list[str]:
    """The examples that call what this response defines: what it calls otherwise cannot be held against them."""
    if not examples or not holds_code(text):
        return []
    names = defined_in(code)
    return [example for example in examples if not parses(code) or example.partition("(")[0] in names]


def _code_of(arguments: Mapping[str, Any], case: Case) -> str:
    parts = []
    if (name := arguments.get("response")) is not None:
        if name not in case.responses:
            raise Refused("unknown_response", "There is no such response; give its label.")
        parts.append(code_of(case.responses[name]))
    if arguments.get("code"):
        parts.append(code_of(arguments["code"]))
    return "\n".join(parts)


def _refuse_statement(text: str) -> None:
    try:
        expression(text)
    except (SyntaxError, RecursionError):
        raise Refused("no_expression", "Each must be one Python expression; put statements into `code`.") from None


def _equals(answer: Answer, test: Mapping[str, Any]) -> bool:
    if answer.error:
        return False
    try:
        return same_as_json(answer.plain(), decode(test["equals"]))
    except _AMISS:
        return False


def _not_run(ran: Ran) -> Observation:
    if ran.status == "unavailable":
        said = "Code cannot be run here: nothing isolates it."
        return Observation("unavailable", None, NO_ISOLATION, said, "execution")
    if ran.tier == 1:
        said = "The interpreter cannot run this code, and there is no locked room (bubblewrap) that could."
        return Observation("unsupported", None, "interpreter", said, "execution")
    return Observation("unsupported", None, "module", "The code needs a module that is not there.", "execution")


def _told(found: Mapping[str, Any]) -> str:
    if found["error"]:
        return f"The code itself {_WORDS.get(found['error'], 'raises ' + found['error'])}."
    if found["of"]:
        return f"{found['passed']} of {found['of']} passed."
    return f"{sum(not result['error'] for result in found['results'])} of {len(found['results'])} have a value."


def _summary(tried: _Tried, tests: Sequence[Claim]) -> str:
    if tried.ran.status in ("unavailable", "unsupported"):
        return _not_run(tried.ran).said
    found = f"{tried.passed} of {len(tests)} passed"
    if tried.ran.error:
        return f"{found}: the code itself {_WORDS.get(tried.ran.error, 'raises ' + tried.ran.error)}"
    for held, test in zip(tried.held, tests, strict=True):
        if held.holds is not True:
            said = test.said if len(test.said) <= 120 else test.said[:117] + "..."
            return f"{found}; {said}: {_WORDS.get(held.why, held.why)}"
    return found

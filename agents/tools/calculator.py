"""What does it come to? The calculator: expressions worked out exactly, and the equations of responses checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from ...text.equations import Equation, equations
from ...text.quantities import Quantity, agrees_with, quantities
from ...text.stated import chosen_of_two, final_number, stance
from ...text.word_problems import equal_changes, worded_expression
from .arithmetic import Worked, evaluate, work_out
from .base import Case, Finding, Observation, Refused, Tool
from .numbers import Number

_SMALL = 12  # whole numbers up to it may stand in any calculation
_CLAIM = 200  # characters of an answer that a finding repeats

# Between two units of one kind: what a claim may leave out when it goes from one to the other.
_FACTORS = frozenset(
    Fraction(f)
    for whole in (7, 10, 12, 16, 24, 30, 36, 52, 60, 100, 1000, 2000, 3600, 5280)
    for f in (whole, Fraction(1, whole))
)


class Calculator(Tool):
    """Works out arithmetic, and checks what responses claim of it."""

    name = "calculator"
    version = "1"
    description = (
        "Works out an arithmetic expression exactly, such as `2*60*40/(60+40)`, `15% of 80`, `mean(3, 4.5)`. Use it "
        "for every number that an answer depends on. Known: + - * / // % ^ !, pi, e, sqrt, log, sin, round, gcd, comb, "
        "mean and the like."
    )
    parameters = {
        "type": "object",
        "properties": {
            "expression": {"type": "string", "description": "At most 400 characters; no currency signs, no units."},
            "locale": {
                "type": "string",
                "enum": ["en", "de"],
                "description": "How numbers are written: en 1,234.5, de 1.234,5.",
            },
        },
        "required": ["expression"],
        "additionalProperties": False,
    }

    async def run(self, arguments: Mapping[str, Any], case: Case) -> Observation:
        """Work the expression out.

        Raises:
            Refused: as `work_out` does.
        """
        worked = work_out(str(arguments["expression"]), str(arguments.get("locale") or case.locale))
        return observed(worked)

    def applies(self, case: Case) -> bool:
        """Whether the question has two numbers, a percentage, or a sign between numbers."""
        numbers = [
            number for number in quantities(case.question, case.locale) if not (number.worded and number.value == 1)
        ]
        return len(numbers) >= 2 or any(number.percent for number in numbers) or bool(_SIGN.search(case.question))

    def bearing(self, arguments: Mapping[str, Any], observation: Observation, case: Case) -> list[Finding]:
        """Which responses give as their answer what the model had worked out of the question's own numbers."""
        return borne_out(self.name, str(arguments["expression"]), observation, case)

    def counterfactual(self, arguments: Mapping[str, Any], observation: Observation, case: Case) -> Any:
        """The number that another response gives as its answer."""
        return turned(observation, case)

    async def check(self, case: Case) -> list[Finding]:
        """Check each equation of each response, what `####` says against what was worked out, and the answer itself.

        The answer is checked where the question is one plain computation, such as `What is 17*23?`, or a common kind of
        word problem.
        """
        claims = {name: equations(text, case.locale) for name, text in case.responses.items()}
        found: list[Finding] = []
        for name, text in case.responses.items():
            found += _checked(name, claims[name], case.locale)
            found += _answered(name, text, case)
        return [*found, *_backed(case, claims)]


_SIGN = re.compile(r"[0-9)]\s?(?:[+*^×÷−=]|\*\*)\s?[0-9(]|[0-9] ?x ?[0-9]")  # without those that dates have


def observed(worked: Worked, **more: str) -> Observation:
    """A worked-out number as what a tool brings.

    The result has `exact` (`1269/100`, null where it is not known exactly), `decimal`, `inexact` and `note`.
    """
    number = worked.number
    notes = worked.notes + (("decimal is rounded to 12 digits",) if number.shortened else ())
    result = {
        "exact": number.exact,
        "decimal": number.decimal,
        "inexact": number.inexact,
        "note": "; ".join(notes),
    } | more
    said = (
        " ".join(
            part for part in (f"It is {'about ' if number.inexact else ''}{number.decimal}", more.get("unit")) if part
        )
        + "."
    )
    return Observation("ok", result, said=said, evidence="inexact" if number.inexact else "exact")


def turned(observation: Observation, case: Case) -> dict[str, Any] | None:
    """A worked-out number with the value that a response which disagrees with it gives; None where none agrees."""
    exact = (observation.result or {}).get("exact")
    if exact is None:
        return None
    given = {quantity.value for quantity in quantities(case.question, case.locale)}
    said = {key: stance(text, Fraction(exact), case.locale, given=given) for key, text in case.responses.items()}
    if "agrees" not in said.values():
        return None
    for key in sorted(said):
        other = final_number(case.responses[key], case.locale, given=given) if said[key] == "disagrees" else None
        if other is not None:
            number = Number(other.value)
            return {**observation.result, "exact": number.exact, "decimal": number.decimal, "note": ""}
    return None


def borne_out(name: str, asked_for: str, observation: Observation, case: Case) -> list[Finding]:
    """What a number that a model asked for says of the responses' answers.

    Only a calculation with the question's own numbers tells anything of them: with others a model (or an answer that it
    believes) could have any number borne out. Small whole numbers and 100 may come beside them.

    Args:
        name: the tool's.
        asked_for: the calculation.
        observation: what came of it.
        case: what is judged.
    """
    exact = (observation.result or {}).get("exact")
    if exact is None:
        return []
    given = {quantity.value for quantity in quantities(case.question, case.locale)}
    used = {quantity.value for quantity in quantities(asked_for, case.locale)}
    foreign = {n for n in used - given if not (n.denominator == 1 and (0 <= n <= _SMALL or n == 100))}
    if foreign or not used & given:
        return []
    value, found = Fraction(exact), f"{asked_for} = {exact}"
    said = [(key, text, stance(text, value, case.locale, given=given)) for key, text in case.responses.items()]
    if not any(stand == "agrees" for _, _, stand in said):
        return []  # a step on the way, as far as can be told
    return [
        Finding(key, " ".join(text.split())[-_CLAIM:], stand == "agrees", found, name, final=True)
        for key, text, stand in said
        if stand != "silent"
    ]


def _checked(name: str, claims: list[Equation], locale: str) -> Iterator[Finding]:
    for claim in claims:
        holds, found = judge_equation(claim, locale)
        if holds is not None:
            yield Finding(name, claim.said, holds, found, Calculator.name)


def judge_equation(claim: Equation, locale: str = "") -> tuple[bool | None, str]:
    """Whether an equation holds in one of its readings (None: cannot be told), and what its left side comes to."""
    outcomes: list[bool | None] = []
    found: Number | None = None
    for reading in claim.readings:
        try:
            left = evaluate(reading.expression, locale if claim.marked else "")
            found = found or left
            if reading.value is not None:
                outcomes.append(_is(left, reading.value, claim))
            else:
                right = evaluate(reading.other, locale if claim.marked else "")
                close = abs(left.value - right.value) * 200 <= abs(left.value)
                outcomes.append(
                    True if left.value == right.value else None if close or claim.converts or left.inexact else False
                )
        except Refused:
            outcomes.append(None)
    holds = True if True in outcomes else None if None in outcomes or not outcomes else False
    return holds, f"{claim.readings[0].expression} = {_shown(found)}" if found else ""


def _shown(number: Number) -> str:
    """The number for people: exact where that is short."""
    return number.exact if number.exact and len(number.exact) <= 40 else number.decimal


def _is(left: Number, said: Quantity, claim: Equation) -> bool | None:
    if left.inexact and abs(left.value - said.value) * 10**9 <= abs(left.value):
        return True
    if agrees_with(left.value, said, loosely=claim.about):
        return True
    if said.step == 1 and left.value.denominator != 1 and abs(left.value - said.value) < 1:
        return None  # seven boxes for 6.5: rounded without a word
    if claim.converts and said.value and left.value / said.value in _FACTORS:
        return None
    return False


def _backed(case: Case, claims: Mapping[str, list[Equation]]) -> Iterator[Finding]:
    """What `#### 70` rests on: 70 must stand somewhere in what goes before it.

    Where calculations are marked in the case, more is asked: the last one must come to 70, and a marked one too.
    That is a matter of the form. An answer that only unmarked prose works out is held against a response there, whether
    it is right or not; these findings are about steps, and give way to any about the answer itself.
    """
    marked = any(claim.marked for own in claims.values() for claim in own)
    for name, text in case.responses.items():
        last = list(_FINAL.finditer(text))
        stated = quantities(last[-1][1].strip(), case.locale) if last else []
        if not stated or stated[0].start:
            continue
        said = f"#### {last[-1][1].strip()}"
        if not any(_same(number, stated[0]) for number in quantities(text[: last[-1].start()], case.locale)):
            yield Finding(name, said, False, "it stands nowhere in the steps before", Calculator.name)
        elif marked:
            values = [(claim, reading.value) for claim in claims[name] for reading in claim.readings if reading.value]
            backed = bool(values) and _same(values[-1][1], stated[0])
            backed = backed and any(claim.marked and _same(value, stated[0]) for claim, value in values)
            found = "" if backed else "the marked calculations do not end there"
            yield Finding(name, said, backed, found, Calculator.name)


_FINAL = re.compile(r"(?m)^#{4} *([^\n#]{1,60})")


def _same(value: Quantity, stated: Quantity) -> bool:
    share = value.value / 100 if value.percent and not stated.percent else value.value
    return any(agrees_with(sign * exact, stated) for exact in (value.value, share) for sign in (1, -1))


_YES_OR_NO = re.compile(r"(?i)^\W*(?:(?P<yes>yes)|no)\b")
_LONGEST = 400  # characters of a question that may be one plain computation
_ASKED = re.compile(
    r"(?i)^\W*(?:please\s+)?"
    r"(?:what(?:'s| is| does| are)|how much is|compute|calculate|evaluate|work out|find|simplify)\s+"
    r"(?:the (?:value|result) of\s+)?(?P<expression>[^?=]{1,300}?)\s*(?:equals?|make|come to)?"
    r"(?P<where>\s+(?:in|using) (?:standard )?(?:maths?|mathematics|python|arithmetic)(?:/python)?"
    r"|,? exactly| \(exact\))?\s*[?.!=]*\s*$"
)
_SHARE = re.compile(
    r"(?i)^\W*(?:what(?:'s| is)|how much is|compute|calculate|find|work out)\s+(?:an? |the )?"
    r"(?P<percent>[0-9.,/ ]{1,20})\s?(?:%|percent)\s?(?:tip|tax|sales tax|commission|service charge|vat)?\s?"
    r"(?:of|on|for)\s+(?:an? )?(?P<of>(?:US)?[$€£]?\s?[0-9](?:[0-9.,]*[0-9])?)"
    r"(?:\s(?:bill|meal|purchase|dollars|euros?|EUR|USD))?\s*[?.!]*\s*$"
)
_BIGGER = re.compile(
    r"(?i)^\W*which (?:number |one |of these |of the two |value )?(?:is|are) (?:the )?"
    r"(?P<more>bigger|larger|greater|higher|smaller|less|lower)(?: (?:number|one|value))?\s?[,:]?\s*"
    r"(?P<first>[-−]?[0-9.,/]+)\s+or\s+(?P<second>[-−]?[0-9.,/]+?)\s*\??\s*$"
)


def asked(question: str, locale: str = "") -> tuple[Number, str] | None:
    """What a question's one plain computation comes to, and the expression; None where it is no such question."""
    if len(question) > _LONGEST:
        return None
    if share := _SHARE.match(question):
        expression = f"{share['percent']}% of {re.sub(r'(?:US)?[$€£] ?', '', share['of'])}"
    elif plain := _ASKED.match(question):
        expression = plain["expression"].strip()
        xor = "^" in expression and "python" in (plain["where"] or "").lower()
        if xor or re.fullmatch(r"[-−]?[0-9.,]+", expression):
            return None
    elif (worded := worded_expression(question)) is not None:
        expression, locale = worded, ""
    else:
        return None
    try:
        return evaluate(expression, locale), expression
    except Refused:
        return None


def _answered(name: str, text: str, case: Case) -> Iterator[Finding]:
    question = case.question.strip()
    if len(question) <= _LONGEST and (compared := _BIGGER.match(question)):
        yield from _compared(name, text, compared, case.locale)
        return
    if (equal := equal_changes(question)) is not None:
        if (answer := _YES_OR_NO.match(text)) is not None:
            yield Finding(name, text[:_CLAIM], bool(answer["yes"]) == equal[0], equal[1], Calculator.name, final=True)
        return
    plain = asked(question, case.locale)
    if plain is None:
        return
    number, expression = plain
    given = [quantity.value for quantity in quantities(question, case.locale)]
    said = stance(text, number.value, case.locale, given=given)
    if said != "silent":
        found = f"{expression} = {_shown(number)}"
        yield Finding(name, text[:200], said == "agrees", found, Calculator.name, final=True)


def _compared(name: str, text: str, question: re.Match[str], locale: str) -> Iterator[Finding]:
    sides = [quantities(question[side], locale) for side in ("first", "second")]
    if any(len(side) != 1 for side in sides) or "," in question["first"] + question["second"] and not locale:
        return
    first, second = (side[0].value for side in sides)
    greater = question["more"].lower() in ("bigger", "larger", "greater", "higher")
    right = max(first, second) if greater else min(first, second)
    said = chosen_of_two(text, first, second, greater=greater, locale=locale)
    if said is not None:
        found = f"{question['first']} {'>' if first > second else '<'} {question['second']}"
        yield Finding(name, text[:200], said == right, found, Calculator.name, final=True)

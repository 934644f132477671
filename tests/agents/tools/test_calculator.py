"""Does the calculator work exactly, within its limits, and judge what responses claim without accusing falsely?"""

from __future__ import annotations

import asyncio
import json
import math
import random
import re
import time
from collections.abc import Callable
from fractions import Fraction as F
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, strategies as st

from plurijudge.agents.tools.arithmetic import evaluate, work_out
from plurijudge.agents.tools.base import Case, Finding, Observation, Refused
from plurijudge.agents.tools.calculator import Calculator, asked
from plurijudge.agents.tools.units import convert
from plurijudge.text.findings import implied_by

NOTHING = Case("", {})


def used(expression: str, **arguments: str) -> Observation:
    return asyncio.run(Calculator().run({"expression": expression} | arguments, NOTHING))


def refusal(expression: str, locale: str = "") -> str:
    with pytest.raises(Refused) as caught:
        evaluate(expression, locale)
    return caught.value.reason


def findings(question: str, **responses: str) -> list[Finding]:
    return asyncio.run(Calculator().check(Case(question, responses)))


def quickest(work: Callable[[], object]) -> float:
    """Seconds of the work, tried again where it seems slow: the machine may have been busy."""
    best = math.inf
    for _ in range(3):
        begun = time.perf_counter()
        try:
            work()
        except Refused:
            pass
        best = min(best, time.perf_counter() - begun)
        if best < 0.05:
            break
    return best


@pytest.mark.threat(5)
@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("17*23", F(391)),
        ("84.60*15%", F(1269, 100)),
        ("15% of 80", F(12)),
        ("2*60*40/(60+40)", F(48)),
        ("1000*(1+5%)**3", F(9261, 8)),
        ("100*(1-20%)*(1-25%)", F(60)),
        ("9.9-9.11", F(79, 100)),
        ("123456789*987654321", F(121932631112635269)),
        ("100-2*20+60-2*12", F(96)),
        ("(50-75)/75", F(-1, 3)),
        ("-3**2", F(-9)),
        ("0.1+0.2-0.3", F(0)),
        ("9007199254740993-9007199254740992", F(1)),
        ("2**-1", F(1, 2)),
        ("2^3^2", F(512)),
        ("-2*-3", F(6)),
        ("7 x 8", F(56)),
        ("3x4", F(12)),
        ("7×8÷4−1", F(13)),
        ("17 % 5", F(2)),
        ("17 mod 5", F(2)),
        ("-7 % 3", F(2)),
        ("7 // 2", F(3)),
        ("50% + 25%", F(3, 4)),
        ("1 + 5%", F(21, 20)),
        ("20%*30 + 30", F(36)),
        ("100%", F(1)),
        ("1,234,567 + 1", F(1234568)),
        ("1,234.5", F("1234.5")),
        ("1.5e3", F(1500)),
        (".5", F(1, 2)),
        ("5!", F(120)),
        ("-5!", F(-120)),
        ("sqrt(16/9)", F(4, 3)),
        ("cbrt(-27)", F(-3)),
        ("8**(1/3)", F(2)),
        ("log10(1000)", F(3)),
        ("log2(1/8)", F(-3)),
        ("log(81, 3)", F(4)),
        ("ln(1)", F(0)),
        ("abs(-3) + min(4, 2, 3) + max(1; 5)", F(10)),
        ("round(2.5) + round(3.5)", F(6)),
        ("round(2.675, 2)", F("2.68")),
        ("floor(-1.5) + ceil(1.2)", F(0)),
        ("gcd(12, 18) + lcm(4, 6)", F(18)),
        ("comb(5, 2) + perm(5, 2)", F(30)),
        ("mean(1, 2, 4.5)", F(5, 2)),
        ("median([3, 1, 4, 1, 5, 9])", F(7, 2)),
        ("factorial(20)", F(math.factorial(20))),
        ("0**0", F(1)),
    ],
)
def test_an_expression_has_its_exact_value(expression: str, value: F) -> None:
    found = evaluate(expression)
    assert found.value == value
    assert not found.inexact


@pytest.mark.threat(1, 2, 3, 4)
@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("9**9**9", "too_large"),
        ("9**9**9**9", "too_large"),
        ("factorial(10**7)", "too_large"),
        ("401!", "too_large"),
        ("10**-5000", "too_large"),
        ("1e999999", "too_large"),
        ("(2**4000)*(2**4000)", "too_large"),
        ("2**0.5**-99", "too_large"),
        ("exp(10**6)", "too_large"),
        ("comb(10**9, 10**8)", "too_large"),
        ("perm(10**9, 10**8)", "too_large"),
        ("round(1, 10**9)", "too_large"),
        ('__import__("os").getpid()', "syntax"),
        ("().__class__", "syntax"),
        ('"a"*10**10', "syntax"),
        ("[1]*10**9", "syntax"),
        ("lambda:1", "syntax"),
        ("1<<100000", "syntax"),
        ("open('x')", "syntax"),
        ("open(1)", "unknown_name"),
        ("x=1", "syntax"),
        ("(" * 10_000, "too_long"),
        ("(" * 10_000 + "1" + ")" * 10_000, "too_long"),
        ("1" + "+1" * 250, "too_long"),
        ("1" + "+1" * 150, "too_long"),
        ("(" * 100 + "1" + ")" * 100, "too_deep"),
        ("-" * 100 + "1", "too_deep"),
        ("1,234+1", "ambiguous_comma"),
        ("1,5", "ambiguous_comma"),
        ("1.234,5+1", "ambiguous_comma"),
        ("1.234.567", "ambiguous_comma"),
        ("max(1,234)", "ambiguous_comma"),
        ("100 - 25%", "ambiguous_percent"),
        ("17 % -5", "ambiguous_percent"),
        ("1/0", "division_by_zero"),
        ("5 % 0", "division_by_zero"),
        ("0**-1", "division_by_zero"),
        ("sqrt(-1)", "domain"),
        ("(-8)**(1/2)", "domain"),
        ("log(0)", "domain"),
        ("asin(2)", "domain"),
        ("2.5!", "domain"),
        ("gcd(1.5, 2)", "domain"),
        ("１７*2", "syntax"),
        ("$5*3", "syntax"),
        ("0x10", "syntax"),
        ("2(3)", "syntax"),
        ("(1+2", "syntax"),
        ("1+", "syntax"),
        ("", "syntax"),
        ("1 2", "syntax"),
        ("sqrt()", "syntax"),
        ("sqr(4)", "unknown_name"),
    ],
)
def test_what_is_too_large_unclear_or_no_arithmetic_is_refused_at_once(expression: str, reason: str) -> None:
    assert refusal(expression) == reason
    assert quickest(lambda: evaluate(expression)) < 0.05


@pytest.mark.threat(4)
def test_a_locale_says_what_a_comma_means() -> None:
    assert evaluate("1.234,5+1", "de").value == F(2471, 2)
    assert evaluate("1,234+1", "en").value == 1235
    assert evaluate("max(1,5; 2)", "de").value == 2
    assert refusal("1.5", "de") == "syntax"
    assert refusal("1,5", "en") == "syntax"
    assert refusal("1", "fr") == "locale"
    assert used("1.234,5+1", locale="de").result["exact"] == "2471/2"
    german = asyncio.run(Calculator().run({"expression": "1.234,5"}, Case("", {}, locale="de")))
    assert german.result["decimal"] == "1234.5"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("sqrt(2)", math.sqrt(2)),
        ("2**0.5", math.sqrt(2)),
        ("cbrt(2)", 2 ** (1 / 3)),
        ("exp(1)", math.e),
        ("e", math.e),
        ("pi", math.pi),
        ("ln(10)", math.log(10)),
        ("log(10)", math.log(10)),
        ("log10(2)", math.log10(2)),
        ("log(5, 3)", math.log(5, 3)),
        ("sin(1)", math.sin(1)),
        ("cos(100)", math.cos(100)),
        ("tan(-2)", math.tan(-2)),
        ("asin(0.3)", math.asin(0.3)),
        ("acos(-0.9)", math.acos(-0.9)),
        ("atan(7)", math.atan(7)),
        ("sin(10**20)", math.sin(1e20)),
        ("(1+5%/365)**3650", (1 + 0.05 / 365) ** 3650),
        ("(-sqrt(2))**3", -math.sqrt(8)),
        ("sqrt(2)**200", 2.0**100),
    ],
)
def test_what_has_no_exact_value_is_marked_and_good_to_many_digits(expression: str, expected: float) -> None:
    found = evaluate(expression)
    assert found.inexact and found.exact is None
    assert float(found.value) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize(
    ("expression", "decimal"),
    [
        ("sqrt(2)**2", "2"),
        ("sqrt(2)*sqrt(2) - 2", "0"),
        ("sin(pi)", "0"),
        ("cos(pi)", "-1"),
        ("sin(1)**2 + cos(1)**2", "1"),
        ("exp(ln(7))", "7"),
        ("4*atan(1) - pi", "0"),
        ("asin(1)*2 - pi", "0"),
        ("pi", "3.14159265359"),
        ("tan(pi/4)", "1"),
    ],
)
def test_exact_and_inexact_numbers_mix(expression: str, decimal: str) -> None:
    found = evaluate(expression)
    assert (found.decimal, found.inexact) == (decimal, True)


def test_an_inexact_number_next_to_an_integer_is_rounded_as_that_integer() -> None:
    assert evaluate("floor(sqrt(2)**2)").value == 2
    assert evaluate("factorial(sqrt(3)**2)").value == 6
    assert refusal("tan(pi/2)") == "domain"


@given(st.fractions(min_value=-3, max_value=3, max_denominator=1000))
def test_sine_cosine_and_their_inverses_fit_together(angle: F) -> None:
    sine, cosine = evaluate(f"sin({angle})"), evaluate(f"cos({angle})")
    assert abs(sine.value**2 + cosine.value**2 - 1) < F(1, 10**40)
    assert float(sine.value) == pytest.approx(math.sin(angle), abs=1e-14)
    if abs(angle) < F(3, 2):
        assert abs(evaluate(f"atan(tan({angle}))").value - angle) < F(1, 10**40)


def test_a_result_has_the_same_keys_and_is_json() -> None:
    for expression in ("391", "1/3", "sqrt(2)", "123456789**20", "round(2.5)", "log(2)", "1e-900"):
        found = used(expression)
        assert found.status == "ok"
        assert list(found.result) == ["exact", "decimal", "inexact", "note"]
        assert orjson.loads(orjson.dumps(found.result)) == found.result
        assert found.evidence == ("inexact" if found.result["inexact"] else "exact")


def test_a_result_says_how_it_was_rounded() -> None:
    assert used("round(2.5)").result == {
        "exact": "2", "decimal": "2", "inexact": False, "note": "round is half to even",
    }  # fmt: skip
    assert used("1/3").result["decimal"] == "0.333333333333"
    assert used("1/3").result["note"] == "decimal is rounded to 12 digits"
    assert used("log(2)").result["note"].startswith("log of one argument is the natural logarithm")
    assert used("log(8, 2)").result["note"] == ""
    assert used("1/3").said == "It is 0.333333333333."
    assert used("sqrt(2)").said == "It is about 1.41421356237."


NUMBERS = st.one_of(
    st.integers(0, 999).map(str), st.decimals(0, 99, places=2, allow_nan=False, allow_infinity=False).map(str)
)


def composed(inner: st.SearchStrategy[tuple[str, F | None]]) -> st.SearchStrategy[tuple[str, F | None]]:
    """Expressions of two expressions, with their values by `fractions`; None where one divides by 0."""

    def joined(parts: tuple[tuple[str, F | None], str, tuple[str, F | None]]) -> tuple[str, F | None]:
        (left, a), sign, (right, b) = parts
        written = f"({left}){sign}({right})"
        if a is None or b is None or sign == "/" and b == 0:
            return written, None
        return written, {"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else None}[sign]

    return st.tuples(inner, st.sampled_from("+-*/"), inner).map(joined)


@given(st.recursive(NUMBERS.map(lambda text: (text, F(text))), composed, max_leaves=12))
def test_random_expressions_come_to_what_fractions_say(drawn: tuple[str, F | None]) -> None:
    expression, value = drawn
    if value is None:
        assert refusal(expression) in ("division_by_zero", "too_long")
    elif len(expression) <= 400:
        assert evaluate(expression).value == value


@given(
    st.lists(st.tuples(st.integers(1, 20), st.sampled_from(["+", "-", "*", "/", "%", "//"])), min_size=1, max_size=8)
)
def test_operators_bind_as_in_python(parts: list[tuple[int, str]]) -> None:
    ours = " ".join(f"{number} {sign}" for number, sign in parts) + " 7"
    python = " ".join(f"F({number}) {sign}" for number, sign in parts) + " F(7)"
    try:
        expected = eval(python, {"F": F})
    except ZeroDivisionError:
        assert refusal(ours) == "division_by_zero"
        return
    assert evaluate(ours).value == expected


@given(st.integers(-12, 12), st.integers(-6, 6), st.integers(-3, 3))
def test_powers_and_signs_bind_as_in_python(a: int, b: int, c: int) -> None:
    if a and b:
        assert evaluate(f"{a}**{b}").value == eval(
            f"F(1)*{a}**{b}" if b >= 0 else f"-(F({-a})**{b})" if a < 0 else f"F({a})**{b}"
        )
        assert evaluate(f"-2**{c}*3").value == -(F(2) ** c) * 3


ALPHABETS: list[list[str]] = [
    list("0123456789+-*/^%().,! "),
    list("0123456789.e"),
    list("9*^!()"),
    "sqrt( log( sin( ( ) 9 ** - , 2 exp( comb( factorial( cos( tan( asin( e pi 5 0.5 % 1e300 lcm( perm( round(".split(),
    [chr(code) for code in range(32, 127)],
    list("０１２٣४½²√∑x×÷−–·€£\u00a0\u200b\U0001f600\x00\n\t'\"\\"),
    list("abcxyz_ \"'()[]{}=<>:;@#"),
    ["17", "23", "3.5", "1,234", "15%", " of ", " mod ", "//", "*", "+", "-", "(", ")", "^2", "!", "[", "]", "mean"],
    ["m", "km", "/", "*", "**", "^", "2", "9", "degC", "gallon", " ", "per", "s", "kg", "(", "-1", "²", "°C", "\n"],
]  # fmt: skip


@pytest.mark.parametrize("strings", [10_000, pytest.param(100_000, marks=pytest.mark.thorough)])
def test_random_strings_are_worked_out_or_refused_within_fifty_milliseconds(strings: int) -> None:
    rng = random.Random(11)
    worked, slow = 0, []
    for turn in range(strings):
        alphabet = rng.choice(ALPHABETS)
        text = "".join(rng.choice(alphabet) for _ in range(rng.choice([1, 3, 5, 8, 15, 40, 120, 399, 401])))
        works: list[Callable[[], Any]] = [partial(work_out, text, rng.choice(["", "en", "de"]))]
        if turn % 2:
            works += [partial(convert, "1", text, "m"), partial(convert, text[:40], "mi", text[-9:])]
        for work in works:
            begun = time.perf_counter()
            try:
                work()
                worked += 1
            except Refused:
                pass
            if time.perf_counter() - begun > 0.05 and quickest(work) > 0.05:
                slow.append(text)
    assert not slow
    assert worked > strings // 50, "the strings must not all be nonsense"


# What it says of responses.


@pytest.mark.parametrize(
    ("response", "holds"),
    [
        ("She pays $40 x 4 = $160.", True),
        ("She pays $40 x 4 = $150.", False),
        ("<<40*4=160>>160", True),
        ("<<40*4=150>>150", False),
        ("10/3 = 3.33", True),
        ("10/3 = 3.35", False),
        ("20/3 ≈ 7", True),
        ("20/3 = 7 boxes", None),
        ("100 - 25% = 75", True),
        ("100 - 25% = 99.75", True),
        ("100 - 25% = 80", False),
        ("7 / 20 * 100% = 35%", True),
        ("7/20 = 35%", True),
        ("25 cents * 4 = $1", None),
        ("1,234 + 1 = 1,235", True),
        ("250 m × 200 €/m = 50.000 €", True),
        ("6 ÷ 1/2 = 12", True),
        ("5 + 3 = 8 * 2 = 16", True),
        ("2 * (3 + 4) = 2*7 = 14", True),
        ("2 * (3 + 4) = 2*8 = 16", False),
        ("8.05 x 10^2 + 1 = 806", True),
        ("sin x = 3", None),
    ],
)
def test_an_equation_of_a_response_is_right_or_wrong_or_left_alone(response: str, holds: bool | None) -> None:
    found = [finding.holds for finding in findings("How many?", a=response)]
    expected = {None: [], True: [True] * len(found), False: found}[holds]
    assert found == expected
    assert (False in found) == (holds is False)
    assert bool(found) == (holds is not None)


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("What is 17*23?", F(391)),
        ("Compute 123456789 x 987654321.", F(121932631112635269)),
        ("What is a 15% tip on $84.60?", F(1269, 100)),
        ("What is 15% of 80?", F(12)),
        ("What is -3**2 in standard maths/Python?", F(-9)),
        ("how much is 12 / 8", F(3, 2)),
        ("What is 2^10?", F(1024)),
        ("What is sqrt(16)?", F(4)),
        ("What is 2^3 in Python?", None),
        ("What is 42?", None),
        ("What is 1,234 + 1?", None),
        ("What is 100 - 25%?", None),
        ("What is the capital of France?", None),
        ("What is 9**9**9?", None),
        ("I drive 60 miles at 60 mph and back at 40 mph. Average speed?", F(48)),
        ("I drive 2 hours at 60 mph and then 1 hour at 40 mph. Average speed?", None),
        ("What is 17*23? Explain in two sentences.", None),
    ],
)
def test_a_question_that_is_one_plain_computation_is_worked_out_and_no_other(question: str, value: F | None) -> None:
    found = asked(question)
    assert (found[0].value if found else None) == value


def test_the_answer_to_a_plain_question_is_final_and_outweighs_wrong_steps() -> None:
    found = findings("What is 17*23?", a="17*20 = 350, but the answer is 391.", b="17*20 = 340, so the answer is 401.")
    assert [(f.response, f.holds) for f in found if f.final] == [("a", True), ("b", False)]
    assert {(f.response, f.holds) for f in found if not f.final} == {("a", False), ("b", True)}
    assert implied_by(found, ("a", "b")) == "a"


def test_a_comparison_is_judged_by_the_number_that_is_chosen() -> None:
    found = findings("Which is smaller, 9.11 or 9.9?", a="9.11.", b="9.9 is smaller than 9.11")
    assert [(f.response, f.holds, f.final) for f in found] == [("a", True, True), ("b", False, True)]


def test_an_answer_that_stands_nowhere_in_the_steps_is_held_against_it() -> None:
    found = findings("How many?", a="7 + 9 = 16\n#### 20", b="7 + 13 = 20\n#### 20")
    assert [(f.response, f.holds) for f in found if f.claim.startswith("####")] == [("a", False)]
    assert implied_by(found, ("a", "b")) == "b"


def test_where_calculations_are_marked_an_answer_needs_a_marked_one_at_the_end() -> None:
    found = findings("How many?", a="<<7+9=16>>16 <<16+4=20>>20\n#### 20", b="<<10+10=20>>20 <<20-8=12>>12\n#### 20")
    assert [(f.response, f.holds) for f in found if f.claim.startswith("####")] == [("a", True), ("b", False)]


@pytest.mark.parametrize(
    ("question", "applies"),
    [
        ("What is 17*23?", True),
        ("A $100 coat is cut 20%, then another 25%. Price?", True),
        ("What share is 20%?", True),
        ("Write a two-line greeting for a neighbour.", False),
        ("Is it kind to thank people?", False),
        ("Who was the first one?", False),
        ("What weekday was 2024-02-29?", False),
    ],
)
def test_the_calculator_applies_where_there_is_something_to_work_out(question: str, applies: bool) -> None:
    assert Calculator().applies(Case(question, {})) is applies


# Recorded data.

PROBES = ["A01", "A02", "A03", "A04", "A05", "A06", "A07", "A08", "A09", "A10"]


def cases(shared: Path) -> dict[str, dict[str, str]]:
    return {row["id"]: row for row in map(json.loads, (shared / "tools/cases.jsonl").read_text().splitlines())}


@pytest.mark.shared
@pytest.mark.parametrize("name", PROBES)
def test_recorded_probes_come_to_their_recorded_values(shared_data: Path, name: str) -> None:
    row = cases(shared_data)[name]
    assert used(row["probe"]).result["exact"] == row["expected_observation"]
    assert Calculator().applies(Case(row["question"], {}))


@pytest.mark.shared
@pytest.mark.parametrize("name", PROBES)
def test_recorded_questions_imply_the_right_response_in_both_orders(shared_data: Path, name: str) -> None:
    row = cases(shared_data)[name]
    expected = row["expected_winner"].lower()
    for order in (("a", "b"), ("b", "a")):
        found = findings(row["question"], **{key: row[f"response_{key}"] for key in order})
        assert implied_by(found, order) == expected


def pairs(shared: Path, *, marks: bool) -> list[tuple[str | None, list[Finding]]]:
    """What is implied of each recorded pair, and the findings."""
    outcomes = []
    for row in map(json.loads, (shared / "tools/tara/calculator_test.jsonl").read_text().splitlines()):
        texts = {side: row[f"{side}_answer"]["answer"] for side in ("pos", "neg")}
        if not marks:
            texts = {side: re.sub(r"<<[^>]*>>", "", text) for side, text in texts.items()}
        found = findings(row["question"], **texts)
        outcomes.append((implied_by(found, ("pos", "neg")), found))
    return outcomes


@pytest.mark.shared
@pytest.mark.parametrize(("marks", "right", "ties"), [(True, 148, 6), (False, 116, 38)])
def test_recorded_solutions_are_told_from_wrong_ones_and_never_accused(
    shared_data: Path, marks: bool, right: int, ties: int
) -> None:
    outcomes = pairs(shared_data, marks=marks)
    implied = [outcome for outcome, _ in outcomes]
    accused = {f.claim for _, found in outcomes for f in found if f.response == "pos" and f.holds is False}
    assert len(implied) == 154
    assert implied.count("pos") >= right
    assert implied.count(None) <= ties
    assert implied.count("neg") == 0
    assert accused == set()

"""Do tests hold of what code gave, whatever form they have, and whatever the code tries?"""

from __future__ import annotations

from typing import Any

import pytest

from plurijudge.agents.sandbox.asserts import Claim, claims_of
from plurijudge.agents.sandbox.harness import Unsayable, encode
from plurijudge.agents.sandbox.holding import Held, hold
from plurijudge.agents.sandbox.job import Answer


def asks(text: str, entry: str = "") -> list[tuple[str, str]]:
    return [(ask.kind, ask.source) for claim in claims_of([text], entry) for ask in claim.asks]


def answered(make: Any) -> Answer:
    try:
        return Answer(value=encode(make()))
    except Unsayable:
        return Answer(error="no_value")
    except Exception as failed:
        return Answer(error=type(failed).__name__)


def held(text: str, **names: Any) -> Held:
    """One assert, of names that are bound to these: what runs where is played here, as plainly as can be."""
    (claim,) = claims_of([text])
    answers = [answered(lambda source=ask.source: eval(source, dict(names))) for ask in claim.asks]
    first = hold(claim, answers, {})
    plain = {source: answered(lambda source=source: eval(source)) for source in first.wants}
    return hold(claim, answers, plain)


class Equal:
    """It equals everything, is smaller than everything, and subtracts to nothing."""

    def __eq__(self, other: object) -> bool:
        return True

    __lt__ = __gt__ = __contains__ = __eq__

    def __sub__(self, other: object) -> float:
        return 0.0


@pytest.mark.parametrize(
    "text",
    [
        "assert f(8) == 9",
        "assert 9 == f(8)",
        "assert f(8) == 9, 'why not'",
        "f(8) == 9",
        "assert f(8) is not None",
        "assert f(8) != 8",
        "assert abs(f(2) - 3.0) < 1e-3",
        "assert not f(-1)",
        "assert f(0)",
        "assert set([f(1), f(2)]) == set([3, 2])",
        "assert f(1) == 2 and f(2) == 3",
        "assert f(1) == 3 or f(2) == 3",
        "assert 1 < f(1) < 3",
        "assert f(1) in [1, 2]",
        "assert f(1) not in {7}",
        "assert isinstance(f(1), int)",
        "assert [f(x) for x in range(3)] == [1, 2, 3]",
        "assert f(1) == sum([1, 1])",
        "assert f(f(1)) == f(2)",
        "assert f(10**30) == 10**30 + 1",
        "assert f(0.1) == 1.1",
        "assert sorted({f(2), f(1)}) == [2, 3]",
        "assert len([f(1), f(2)]) > 1",
    ],
)
def test_what_is_so_holds(text: str) -> None:
    assert held(text, f=lambda x: x + 1) == Held(True)


@pytest.mark.parametrize(
    "text",
    [
        "assert f(8) == 8",
        "assert f(8) is None",
        "assert f(8) != 9",
        "assert abs(f(2) - 3.1) < 1e-3",
        "assert not f(0)",
        "assert f(-1)",
        "assert f(1) == 2 and f(2) == 4",
        "assert 1 < f(1) < 2",
        "assert f('a') == 1",
        "assert f(1) < 'a'",
        "assert len(f(1)) == 1",
        "assert len(f(1)) > 1",
        "assert g(1) == 1",
        "assert f(1) == [2]",
    ],
)
def test_what_is_not_so_does_not(text: str) -> None:
    result = held(text, f=lambda x: x + 1)
    assert result.holds is False and result.why


@pytest.mark.parametrize(
    "text",
    [
        "assert f(2) == 4",
        "assert 4 == f(2)",
        "assert f(2) < 4",
        "assert f(2) > 4",
        "assert 4 in f(2)",
        "assert abs(f(2) - 4.0) < 1e-3",
        "assert f(2) != 3",
        "assert not f(2) != 4",
        "assert f(2) in [4]",
        "assert [f(2)] == [4]",
        "assert f(2) == f(2)",
    ],
)
def test_an_object_that_says_yes_to_everything_passes_nothing(text: str) -> None:
    assert held(text, f=lambda x: Equal()).holds is not True


def test_names_of_python_that_the_code_has_taken_for_itself_do_not_count() -> None:
    result = held("assert abs(f(2) - 4.0) < 1e-3", f=lambda x: 9.0, abs=lambda x: 0.0)
    assert result.holds is False


def test_what_the_code_is_not_told_is_what_it_should_give() -> None:
    assert asks("assert f(8, [5]) == 156") == [("value", "f(8, [5])")]
    assert asks("assert abs(f(2) - 1.0) < 1e-3") == [("value", "f(2)")]
    assert asks("assert set(f(x)) == set([1])") == [("value", "set(f(x))")]
    assert asks("assert f(2) < 3 or not g(1).h") == [("value", "f(2)"), ("value", "g(1).h")]
    assert asks("assert 1 == 1") == []


def test_several_asserts_of_one_text_are_told_apart() -> None:
    assert asks("assert f(1) == 1\nassert f(2) == 2") == [("value", "f(1)"), ("value", "f(2)")]


CHECK = """
METADATA = {'author': 'x'}

def check(candidate):
    'It is so.'
    assert candidate(1) == 2
    assert candidate(2) == 3, 'no'
"""


def test_a_check_of_a_candidate_is_taken_apart_where_it_is_known_who_that_is() -> None:
    apart = [("value", "f(1)"), ("value", "f(2)")]
    assert asks(CHECK, "f") == apart
    assert asks(CHECK + "\ncheck(f)") == apart


def test_a_check_that_nobody_calls_claims_nothing_more_than_that_it_runs() -> None:
    ((kind, source),) = asks(CHECK)
    assert kind == "block" and source.count("_pj_found(candidate") == 2 and "assert" not in source


def test_other_forms_run_as_they_stand_and_hand_over_both_sides() -> None:
    ((kind, source),) = asks("for i in range(3):\n    assert f(i) == i + 1\n    assert f(i) > g(i)")
    assert kind == "block"
    assert "_pj_both(f(i), i + 1)" in source
    assert "_pj_found(_pj_plain(f(i)) > _pj_plain(g(i)), 0)" in source
    ((kind, source),) = asks("assert all(f(x) == x for x in range(3))")
    assert kind == "block"
    assert source == "_pj_found(all((_pj_plain(f(x)) == _pj_plain(x) for x in range(3))), 0)"


def test_a_check_with_a_loop_is_called() -> None:
    ((_, source),) = asks("def check(candidate):\n    for i in range(3):\n        assert candidate(i) == i", "f")
    assert source.endswith("check(f)")


def test_pairs_are_compared_and_their_errors_count() -> None:
    (claim,) = claims_of(["for i in range(3):\n    assert f(i) == i"])
    one, two = Answer(value=1), Answer(value=2)
    no_value, lost = Answer(error="no_value"), Answer(error="unanswered")
    assert hold(claim, [Answer(pairs=((one, one), (two, two)))], {}) == Held(True)
    assert hold(claim, [Answer(pairs=((one, one), (one, two)))], {}) == Held(False, "differs")
    assert hold(claim, [Answer(pairs=((no_value, two),))], {}) == Held(False, "no_value")
    assert hold(claim, [Answer(pairs=((one, no_value),))], {}) == Held(None, "no_value")
    (claim,) = claims_of(["for i in range(3):\n    assert f(i) == 2"])
    assert claim.wanted == (2,) and "2" not in claim.asks[0].source
    assert hold(claim, [Answer(pairs=((two, 0), (two, 0)))], {}) == Held(True)
    assert hold(claim, [Answer(pairs=((two, 0), (one, 0)))], {}) == Held(False, "differs")
    assert hold(claim, [Answer(pairs=((two, 1),))], {}) == Held(False, "tampered")
    assert hold(claim, [Answer(error="IndexError")], {}) == Held(False, "IndexError")
    assert hold(claim, [lost], {}) == Held(None, "unanswered")


@pytest.mark.parametrize("text", ["assert f(1) ==", "assert f(1) == 1\n  x", "x = '\0'", "assert " + "(" * 300])
def test_a_test_that_is_no_python_tells_nothing(text: str) -> None:
    assert claims_of([text]) == [Claim(text)]
    assert hold(Claim(text), [], {}) == Held(None, "unreadable_test")


def test_a_test_whose_own_side_fails_tells_nothing() -> None:
    assert held("assert f(1) == int('x')", f=lambda x: x).holds is None
    assert held("assert f(1) == iter([])", f=lambda x: x).holds is None


def test_what_was_not_reached_tells_nothing() -> None:
    (claim,) = claims_of(["assert f(1) == 1"])
    assert hold(claim, [Answer(error="unanswered")], {}) == Held(None, "unanswered")
    for why in ("timeout", "died", "output", "tampered", "NameError"):
        assert hold(claim, [Answer(error=why)], {}) == Held(False, why)

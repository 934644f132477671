"""Are values said, read back and compared as they should be?"""

from __future__ import annotations

import json
import math
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any

import orjson
import pytest
from hypothesis import example, given, strategies as st

from plurijudge.agents.sandbox.harness import Unsayable, decode, encode
from plurijudge.agents.sandbox.values import same, same_as_json, source_of

ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.complex_numbers(allow_nan=False),
)
KEYS = st.one_of(st.integers(), st.text(), st.tuples(st.integers(), st.text()))
VALUES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.sets(KEYS, max_size=4),
        st.dictionaries(KEYS, inner, max_size=4),
    ),
    max_leaves=12,
)
Point = namedtuple("Point", "x y")


class Colour(IntEnum):
    RED = 3


class Sly(int):
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __index__(self) -> int:
        return 4

    def __str__(self) -> str:
        return "4"


class Spoof:
    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return int


@given(VALUES)
def test_every_plain_value_comes_back_as_it_was(value: Any) -> None:
    said = encode(value)
    assert decode(json.loads(json.dumps(said))) == value
    orjson.dumps(said)


@given(VALUES)
@example(complex(1.3e308, 1.3e308))  # whose size no float holds
@example(10**400)
def test_a_value_is_the_same_as_itself_and_as_what_python_reads_of_its_source(value: Any) -> None:
    assert same(value, value)
    source = source_of(value)
    assert source is not None
    assert same(eval(source), value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ((1, [2]), {"$tuple": [1, [2]]}),
        ({3, 1}, {"$set": [1, 3]}),
        ({1: "a"}, {"$dict": [[1, "a"]]}),
        ({"a": 1}, {"a": 1}),
        ({"$int": 1}, {"$dict": [["$int", 1]]}),
        (2**63, {"$int": "9223372036854775808"}),
        (math.inf, {"$float": "inf"}),
        (b"a", {"$bytes": "61"}),
        (1 + 2j, {"$complex": [1.0, 2.0]}),
        (Decimal("1.50"), {"$decimal": "1.50"}),
        (Fraction(1, 3), {"$fraction": "1/3"}),
        (Counter("aab"), {"a": 2, "b": 1}),
        (OrderedDict(b=1), {"b": 1}),
        (defaultdict(list, a=[1]), {"a": [1]}),
        (Point(1, 2), {"$tuple": [1, 2]}),
        (Colour.RED, 3),
        (Sly(7), 7),
        ([Sly(7)], [7]),
    ],
)
def test_what_json_cannot_say_is_tagged_and_subclasses_are_what_they_are_of(value: Any, said: Any) -> None:
    assert encode(value) == said
    assert not isinstance(encode(value), Sly)


@pytest.mark.parametrize(
    "value", [object(), len, deque([1]), range(3), (n for n in "a"), Spoof(), [object()], int], ids=lambda value: ""
)
def test_objects_are_no_values(value: Any) -> None:
    with pytest.raises(Unsayable):
        encode(value)


def test_what_is_too_deep_or_too_large_is_no_value() -> None:
    endless: list[Any] = []
    endless.append(endless)
    for value, why in (
        (endless, "too_deep"),
        ([0] * 200_000, "too_large"),
        (1 << 20_000, "too_large"),
        ("x" * 10**6, "too_large"),
    ):
        with pytest.raises(Unsayable, match=why):
            encode(value)


@pytest.mark.parametrize(
    "said", [{"$int": "x"}, {"$set": [[1]]}, {"$dict": [[[1], 2]]}, {"$none": 1}, {"$complex": [1]}, {"$bytes": 3}]
)
def test_what_nobody_said_is_not_read(said: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        decode(said)


@pytest.mark.parametrize(
    ("found", "wanted", "equal"),
    [
        (1, 1.0, True),
        (True, 1, True),
        (0.1 + 0.2, 0.3, True),
        (1.0, 1.0 + 1e-8, False),
        (2**60, 2**60 + 1, False),
        (10**400, 1.5, False),
        ([0.1 + 0.2, {"a": 0.3}], [0.3, {"a": 0.1 + 0.2}], True),
        ((1, 2), [1, 2], False),
        ([1], [1, 2], False),
        ({1, 2}, frozenset({2, 1}), True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ("1", 1, False),
        (None, 0, False),
        (math.nan, math.nan, False),
        (Fraction(1, 2), 0.5, True),
    ],
)
def test_values_are_the_same_as_in_python_but_for_the_last_digits(found: Any, wanted: Any, equal: bool) -> None:
    assert same(found, wanted) is equal


@pytest.mark.parametrize(
    ("found", "wanted", "equal"),
    [
        (True, 1, False),
        (1, True, False),
        (1, 1.0, True),
        ((1, (2,)), [1, [2]], True),
        ({2, 1}, [1, 2], True),
        ({2, 1}, [1, 2, 2], False),
        ({(1, 2)}, [[1, 2]], True),
        ({1: "a"}, {"1": "a"}, True),
        ({"1": "a"}, {"1": "a"}, True),
        ("a", ["a"], False),
        (0.1 + 0.2, 0.3, True),
        (None, None, True),
        (None, False, False),
    ],
)
def test_json_says_less_than_python_and_means_it(found: Any, wanted: Any, equal: bool) -> None:
    assert same_as_json(found, wanted) is equal

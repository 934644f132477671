"""Is the code found in a response, and are the examples found in a question?"""

from __future__ import annotations

import pytest

from plurijudge.agents.sandbox.parsing import parses
from plurijudge.agents.sandbox.source import code_of, defined_in, examples_of, holds_code

FENCED = """Here is it:

```python
def f(x):
    return x
```

Try it:

```bash
pip install it
```

```
>>> f(3)
3
```

```python
y = f(2)
```
"""


def test_blocks_of_python_are_taken_and_others_left() -> None:
    assert code_of(FENCED) == "def f(x):\n    return x\n\ny = f(2)\n"


def test_an_open_block_ends_with_the_text() -> None:
    assert code_of("```py\nx = 1\n") == "x = 1\n"
    assert code_of("~~~\nx = 1\n~~~\nrest") == "x = 1\n"


def test_blocks_that_are_no_python_are_taken_where_there_is_no_other() -> None:
    assert not parses(code_of("```python\ndef f(:\n```"))


def test_a_text_without_blocks_is_code_as_a_whole() -> None:
    assert code_of("def f(): pass") == "def f(): pass"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (FENCED, True),
        ("def f(): pass", True),
        ("import math", True),
        ("x = 3", True),
        ("3.", False),
        ("It is so.", False),
    ],
)
def test_code_is_told_from_prose(text: str, code: bool) -> None:
    assert holds_code(text) is code


def test_names_at_the_outermost_level_are_known() -> None:
    assert defined_in("def f():\n    def g(): pass\nclass C: pass\nh = lambda: 1") == {"f", "C", "h"}
    assert defined_in("def f(:") == set()


def test_what_is_too_deep_to_be_read_is_left_to_others() -> None:
    assert parses("1" + "+1" * 50_000)
    assert not parses("(" * 50_000)
    assert not parses("x = '\0'")


@pytest.mark.parametrize(
    ("question", "examples"),
    [
        ("the n-th Fibonacci number, f(0)=0, f(1)=1.", ["f(0) == 0", "f(1) == 1"]),
        ("m([1,2,3]) == 2; m(\"a(b\") -> 'x'", ["m([1,2,3]) == 2", "m(\"a(b\") == 'x'"]),
        ("`f(2)` returns `4`, f(3) should return 9.", ["f(2) == 4", "f(3) == 9"]),
        ("f(3)=3. f(4)=4.5.", ["f(3) == 3", "f(4) == 4.5"]),
        ("s(4): 16\ns(x=5): 25", ["s(4) == 16", "s(x=5) == 25"]),
        (">>> g([1, 2])\n    [2, 1]\n", ["g([1, 2]) == [2, 1]"]),
        ("Write h(x) that returns 3 for [1,2] and returns 4 for [5].", ["h([1,2]) == 3", "h([5]) == 4"]),
    ],
)
def test_examples_are_found(question: str, examples: list[str]) -> None:
    assert examples_of(question) == examples


@pytest.mark.parametrize(
    "question",
    [
        "f(n)=f(n-1)+f(n-2)",
        "f(2)=2! and f(3)=2*3, f(4)=1.5x, f(2)=1/2",
        "f(10) = 1,000",
        "f(5) is 5 times f(4)",
        "f(2) returns 5 but should return 4",
        "Why is f(2) 5?",
        "Why does f(2) give 5?",
        "print(3) is boring",
        "What is 3 for you?",
        "f() = 3",
        "a.f(2) = 3",
        "f(" * 300,
        "f([1, 2 = 3",
        "",
    ],
)
def test_what_is_no_example_is_not_taken_for_one(question: str) -> None:
    assert examples_of(question) == []

"""What is judged when speed is measured? Pairs of answers to multiplications, numbered, and made when asked for.

The standard library is enough for this file: it is also loaded by the peers' environments and by the server.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal, NamedTuple

WARM_UP = 900_000_000  # items of a warm-up are numbered from here on, so that no answer to one is ever reused
_NUMBER = re.compile(rb"Case (\d{9})")
_COLUMNS, _ROUNDING = "Working in columns", "Rounding first"
_TAIL = math.log(10) / NormalDist().inv_cdf(0.99)  # the 99th percentile is ten times the median


class Key(NamedTuple):
    """Which verdict a request is for: the item's number, and whether `a` is shown first."""

    number: int
    in_order: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One verdict to ask for: a question and its two answers in the order in which they are shown."""

    key: Key
    question: str
    first: str
    second: str


def item(number: int) -> dict[str, Any]:
    """The item of that number, as a line of items.jsonl holds it; `a` is right, `b` is not."""
    left, right = 12 + number % 87, 101 + number * 7 % 899
    product = left * right
    prompt = f"Case {number:09d}. A shop sells {right} boxes with {left} pens each. How many pens is that, and why?"
    a = (
        f"{_COLUMNS}, {right} times {left % 10} is {right * (left % 10)} and {right} times {left // 10 * 10} is "
        f"{right * (left // 10 * 10)}; together that makes {product} pens."
    )
    b = f"{_ROUNDING}, {left} is about {left + 1}, so it should come to some {product + right} pens or thereabouts."
    return {"id": f"q{number}", "prompt": prompt, "responses": [{"id": "a", "text": a}, {"id": "b", "text": b}]}


def items(verdicts: int, *, start: int = 0) -> Iterator[dict[str, Any]]:
    """As many items as make so many verdicts in both presentations, one after the other and none kept."""
    for number in range(start, start + math.ceil(verdicts / 2)):
        yield item(number)


def cases(verdicts: int, *, start: int = 0) -> Iterator[Case]:
    """The verdicts one by one, for who asks without items."""
    for index in range(verdicts):
        number, in_order = start + index // 2, index % 2 == 0
        made = item(number)
        first, second = (response["text"] for response in made["responses"])
        yield Case(Key(number, in_order), made["prompt"], *((first, second) if in_order else (second, first)))


def key_of(body: bytes) -> Key | None:
    """The verdict that a request's body asks for, whatever template it was put into; None where it holds no case."""
    found = _NUMBER.search(body)
    if found is None:
        return None
    columns, rounding = body.find(_COLUMNS.encode()), body.find(_ROUNDING.encode())
    return Key(int(found[1]), columns < rounding)


@dataclass(frozen=True, slots=True)
class Law:
    """How long an answer takes, as a function of the verdict alone: the same for every client, in any order.

    Attributes:
        kind: `constant`, or `lognormal` with the latency as median and ten times that as 99th percentile.
        latency: seconds.
        scale: what every latency is multiplied by, to keep a run short.
        seed: of the draws.
    """

    kind: Literal["constant", "lognormal"] = "constant"
    latency: float = 0.2
    scale: float = 1.0
    seed: int = 1

    def seconds(self, key: Key) -> float:
        """The latency of the answer to this verdict's request, in seconds."""
        if self.kind == "constant":
            return self.latency * self.scale
        told = f"{self.seed} {key.number} {int(key.in_order)}".encode()
        number = int.from_bytes(hashlib.blake2b(told, digest_size=6).digest(), "big")
        normal = NormalDist().inv_cdf((number + 0.5) / 2**48)  # exact in a float, so never 0 or 1
        return self.latency * self.scale * math.exp(_TAIL * normal)

    @property
    def mean(self) -> float:
        """The expected latency in seconds."""
        spread = _TAIL if self.kind == "lognormal" else 0.0
        return self.latency * self.scale * math.exp(spread * spread / 2)

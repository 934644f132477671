"""What runs inside the locked room: a stranger's code, then expressions on it. Out come values, never verdicts.

Its text is handed to the room's own Python, so it needs nothing but the standard library of Python 3.8 or later. The
room's process belongs to the stranger: whatever stands here can be reached by code that tries. It is therefore not told
what the values should be, and the host compares. The host imports `encode` and `decode` alone.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

DEEPEST, LARGEST, BITS = 60, 100_000, 14_000  # levels, parts and bits of a whole number (4,200 digits) of one value
FOUND, BOTH, PLAIN = "_pj_found", "_pj_both", "_pj_plain"  # what a block of tests calls: see `asserts`


class Unsayable(Exception):
    """A value that has no counterpart among numbers, texts and their collections; its text is one word, or its type."""


def encode(value: Any) -> Any:
    """A value as JSON, tagged where JSON has no word for it.

    Tuples are `{"$tuple": [...]}`, sets `{"$set": [...]}` in an order of their own, dicts whose keys are not all texts
    `{"$dict": [[key, value], ...]}`; likewise `$int` (beyond 64 bit), `$float` (no number), `$complex`, `$bytes`,
    `$decimal`, `$fraction`. A subclass counts as what it is a subclass of, whatever methods it has.

    Raises:
        Unsayable: for every other object, and for what is too deep or too large.
    """
    left = [LARGEST]

    def take(parts: int) -> None:
        left[0] -= parts
        if left[0] < 0:
            raise Unsayable("too_large")

    def many(parts: Any, depth: int) -> list[Any]:
        return [one(part, depth + 1) for part in parts]

    def one(value: Any, depth: int) -> Any:
        take(1)
        if depth > DEEPEST:
            raise Unsayable("too_deep")
        if value is None or value is True or value is False:
            return value
        kind = type(value)
        if issubclass(kind, int):
            number = int.__index__(value)
            if number.bit_length() > BITS:
                raise Unsayable("too_large")
            return number if -(2**63) <= number < 2**63 else {"$int": str(number)}
        if issubclass(kind, float):
            real = float.__pos__(value)
            return real if real - real == 0 else {"$float": str(real)}
        if issubclass(kind, str):
            take(str.__len__(value) // 8)
            return _text(str.__str__(value))
        if issubclass(kind, (bytes, bytearray)):
            data = bytes(memoryview(value))
            take(len(data) // 4)
            return {"$bytes": data.hex()}
        if issubclass(kind, complex):
            pair = complex.__pos__(value)
            return {"$complex": [one(pair.real, depth), one(pair.imag, depth)]}
        if issubclass(kind, list):
            return many(list.__iter__(value), depth)
        if issubclass(kind, tuple):
            return {"$tuple": many(tuple.__iter__(value), depth)}
        if issubclass(kind, (set, frozenset)):
            own = set if issubclass(kind, set) else frozenset
            parts = many(own.__iter__(value), depth)
            return {"$set": sorted(parts, key=lambda part: json.dumps(part, sort_keys=True))}
        if issubclass(kind, dict):
            pairs = [(one(key, depth + 1), one(item, depth + 1)) for key, item in dict.items(value)]
            if all(type(key) is str and not key.startswith("$") for key, _ in pairs):
                return dict(pairs)
            return {"$dict": [list(pair) for pair in pairs]}
        for module, name in (("decimal", "Decimal"), ("fractions", "Fraction")):
            if kind is getattr(sys.modules.get(module), name, None):
                return {"$" + name.lower(): str(value)}
        raise Unsayable(str(kind.__name__)[:80])

    return one(value, 0)


def decode(said: Any) -> Any:
    """The value of which `encode` said this.

    Raises:
        ValueError, TypeError, ArithmeticError: if it was not `encode` that said it.
    """
    if isinstance(said, list):
        return [decode(part) for part in said]
    if not isinstance(said, dict):
        return said
    tag = next(iter(said), "")
    if len(said) != 1 or not tag.startswith("$"):
        return {key: decode(part) for key, part in said.items()}
    inside = said[tag]
    if tag == "$tuple":
        return tuple(decode(part) for part in inside)
    if tag == "$set":
        return frozenset(decode(part) for part in inside)
    if tag == "$dict":
        return {decode(key): decode(part) for key, part in inside}
    if tag == "$int":
        return int(inside)
    if tag == "$float":
        return float(inside)
    if tag == "$complex":
        real, imaginary = inside
        return complex(decode(real), decode(imaginary))
    if tag == "$bytes":
        return bytes.fromhex(inside)
    if tag == "$utf16":
        return bytes.fromhex(inside).decode("utf-16-le", "surrogatepass")
    if tag == "$decimal":
        from decimal import Decimal

        return Decimal(inside)
    if tag == "$fraction":
        from fractions import Fraction

        return Fraction(inside)
    raise ValueError("unknown tag")


def _text(text: str) -> Any:
    """A text; tagged where it holds lone surrogates, which no UTF-8 can say."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return {"$utf16": text.encode("utf-16-le", "surrogatepass").hex()}
    return text


def _answer(make: Callable[[], Any]) -> dict[str, Any]:
    """What came of it: a value, or the class of what was raised, or that the value cannot be said."""
    try:
        return {"value": encode(make())}
    except Unsayable as said:
        return {"error": "no_value", "detail": str(said)}
    except BaseException as raised:  # the stranger's: SystemExit and KeyboardInterrupt too
        return {"error": type(raised).__name__[:80], "detail": _missing(raised)}


def _missing(raised: BaseException) -> str:
    """The module that was not found, else nothing: texts of errors are the stranger's and may say anything."""
    name = getattr(raised, "name", None) if isinstance(raised, ModuleNotFoundError) else None
    return str.__str__(name)[:80] if isinstance(name, str) else ""


def _value(source: str, space: dict[str, Any]) -> Any:
    return eval(compile(source, "<asked>", "eval"), space)


def _block(source: str, space: dict[str, Any], answer: Callable[..., Any], plain: Callable[..., Any]) -> dict[str, Any]:
    """Run statements; what they handed over: what was found, and what it should be, or its number if the host knows."""
    pairs: list[Any] = []

    def found(value: Any, number: int) -> None:
        pairs.append([answer(lambda: value), number])

    def both(value: Any, wanted: Any) -> None:
        pairs.append([answer(lambda: value), answer(lambda: wanted)])

    given = {FOUND: found, BOTH: both, PLAIN: plain}
    space.update(given)
    ran = answer(lambda: exec(compile(source, "<tests>", "exec"), space))
    for name in given:
        space.pop(name, None)
    return {"pairs": pairs} if "value" in ran else ran


def _plain(value: Any) -> Any:
    """A value without the methods that a class of the stranger's gave it."""
    return decode(encode(value))


def _confine(limits: dict[str, int]) -> None:
    """Set this process's limits, for good; every child has them too."""
    import resource

    cpu = limits["cpu"]
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    for name, most in (
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_FSIZE, limits["file"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_NOFILE, limits["files"]),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(name, (most, most))
    try:
        score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(score, b"1000")  # if the machine's memory runs out, this goes first
        os.close(score)
    except OSError:
        pass


def main() -> None:
    """Read one job from standard input, do it, and write what came of it, line by line, to the descriptor it names."""
    import signal
    import types
    from functools import partial

    job = json.loads(sys.stdin.buffer.read())
    _confine(job["limits"])
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a file too large is an error, not a death
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    sys.path[:] = [place for place in sys.path if place]
    fd, mark, write, leave = job["fd"], job["mark"].encode(), os.write, os._exit
    dumps, answer, block, value_of, plain = json.dumps, _answer, _block, _value, _plain

    me, pid = os.getpid(), os.getpid

    def tell(said: dict[str, Any]) -> None:
        if pid() != me:  # a child that came back from the stranger's code
            leave(1)
        line = memoryview(mark + dumps(said).encode() + b"\n")
        while line:
            line = line[write(fd, line) :]

    flush = sys.stdout.flush
    room = types.ModuleType("candidate")
    sys.modules["candidate"] = sys.modules["__main__"] = room
    space, code, asks = room.__dict__, job["code"], job["asks"]
    del job
    if "random" in code:  # the same chance each time; nobody else pays for the import
        import random

        random.seed(0)
    tell({"ready": True})
    began = answer(lambda: exec(compile(code, "<code>", "exec"), space))
    tell({"ask": -1, **began})
    if "value" in began:
        for number, (kind, source) in enumerate(asks):
            if kind == "block":
                said = block(source, space, answer, plain)
            else:
                said = answer(partial(value_of, source, space))
            tell({"ask": number, **said})
    try:
        flush()
    except BaseException:  # the stranger's
        pass
    tell({"done": True})
    leave(0)


if __name__ == "__main__":
    main()

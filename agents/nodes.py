"""Which nodes can a judge have beside its own, and what does each cost? Each is measured, none is assumed to help."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Node(NamedTuple):
    """A node.

    Attributes:
        prompts: the shipped prompts that it says its part with.
        calls: how many calls it adds to a verdict of a judge that has no other.
        about: what it does, in words.
        number: what the number behind its name is where none is given, as in `mec:5`; None where it takes none.
        both_orders: whether it asks a pair in the other order too, within one verdict.
    """

    prompts: tuple[str, ...]
    calls: int
    about: str
    number: float | None = None
    both_orders: bool = False


NODES: dict[str, Node] = {
    "rules": Node(("nodes/rules",), 0, "names each bias with its counter-rule"),
    "cases": Node(("nodes/cases",), 0, "shows four cases in which a cue was rightly ignored"),
    "criteria": Node(("nodes/criteria",), 0, "has criteria written before the answers are looked at"),
    "evidence": Node(("nodes/evidence",), 0, "has quoted evidence written before the verdict"),
    "own_answer": Node(("nodes/own_answer", "nodes/own_answer_shown"), 1, "answers the request first, as a reference"),
    "reflect": Node(("nodes/reflect",), 1, "looks at its own reasons once more, and keeps or revises its verdict"),
    "challenge": Node(
        ("nodes/challenge",), 1, "is asked whether it is sure and told nothing more: what `reflect` must beat"
    ),
    "mec": Node(("nodes/evidence",), 2, "gives evidence and verdict k times, and takes what they come to", number=3),
    "balanced": Node((), 1, "judges a pair in both orders within one verdict", both_orders=True),
    "synthesise": Node(
        ("nodes/synthesise",), 2, "judges both orders, then sees the reasons of both and decides", both_orders=True
    ),
    "route": Node(
        (), 1, "judges both orders, and hands a pair to people where its answers differ", number=0.5, both_orders=True
    ),
}
SECTIONS = ("rules", "cases", "criteria", "evidence")  # those that are a paragraph of the instruction
LOOKS = ("reflect", "challenge")  # those that are a turn after the verdict, in the order in which they come
MEC, BALANCED, SYNTHESISE, ROUTE = "mec", "balanced", "synthesise", "route"
CONTROLS = {"reflect": "challenge"}
"""Of a node the one that asks as often and says nothing: what it gains beyond that is its own."""
_LARGEST = {MEC: 99.0, ROUTE: 1.1}  # log 3 is the greatest entropy of win, tie and loss


def node_of(name: str) -> tuple[str, float | None]:
    """A node's own name and its number, from what a description has, such as `mec:5`.

    Raises:
        ValueError: if there is none of that name, or its number is none that it takes.

    >>> node_of("mec:5"), node_of("mec"), node_of("rules")
    (('mec', 5.0), ('mec', 3), ('rules', None))
    """
    plain, colon, given = name.partition(":")
    if plain not in NODES:
        raise ValueError(f"{name!r} is none; there are {', '.join(NODES)}")
    if not colon:
        return plain, NODES[plain].number
    if NODES[plain].number is None:
        raise ValueError(f"{name!r} has a number, and `{plain}` takes none")
    try:
        number = float(given)
    except ValueError:
        raise ValueError(f"{given!r} in {name!r} is no number") from None
    whole = plain == MEC
    if not 0 <= number <= _LARGEST[plain] or (whole and (number != int(number) or number < 2)):
        needed = "a whole number from 2 to 99" if whole else "from 0 (differ at all) to 1.1 (nats)"
        raise ValueError(f"{name!r} needs {needed}")
    return plain, number


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Nodes in the order in which they work, whatever the order in which they are named.

    Raises:
        ValueError: if there is none of a name, one is named twice, or two do not go together.
    """
    found: dict[str, str] = {}
    for name in names:
        plain, number = node_of(name)
        if plain in found:
            raise ValueError("one is named twice")
        usual = number == NODES[plain].number
        found[plain] = plain if usual else f"{plain}:{number:g}"
    if SYNTHESISE in found and (other := [name for name in (MEC, BALANCED, ROUTE) if name in found]):
        raise ValueError(f"`{SYNTHESISE}` decides between both orders by itself: leave out `{other[0]}`")
    return tuple(found[name] for name in NODES if name in found)


class Parts(NamedTuple):
    """Of how many answers one verdict is made.

    Attributes:
        samples: how often each order is asked.
        orders: how many orders are asked, 1 or 2.
        threshold: of the answers' entropy in nats, above which people are asked; None for never.
    """

    samples: int = 1
    orders: int = 1
    threshold: float | None = None


def parts_of(names: Iterable[str]) -> Parts:
    """What nodes make of one verdict."""
    given = dict(map(node_of, names))
    return Parts(int(given.get(MEC) or 1), 2 if any(NODES[name].both_orders for name in given) else 1, given.get(ROUTE))


def calls_of(names: Iterable[str], *, own_answer: bool = True) -> int:
    """How many calls a verdict takes: what repeats a verdict repeats its second looks too.

    Args:
        names: the judge's nodes.
        own_answer: whether the judge can answer a request itself.

    >>> calls_of(()), calls_of(("reflect",)), calls_of(("mec:5",)), calls_of(("reflect", "mec", "balanced"))
    (1, 2, 5, 12)
    """
    given = dict(map(node_of, names))
    samples, orders, _ = parts_of(names)
    each = 1 + sum(NODES[name].calls for name in LOOKS if name in given)
    answers = samples if own_answer and "own_answer" in given else 0  # which both orders share
    return answers + each * samples * orders + (1 if SYNTHESISE in given else 0)

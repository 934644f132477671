"""Which nodes can a judge have beside its own, and what does each cost? Each is measured, none is assumed to help."""

from __future__ import annotations

from typing import NamedTuple


class Node(NamedTuple):
    """A node.

    Attributes:
        prompts: the shipped prompts that it says its part with.
        calls: how many calls it adds to a verdict.
        about: what it does, in words.
    """

    prompts: tuple[str, ...]
    calls: int
    about: str


NODES: dict[str, Node] = {
    "rules": Node(("nodes/rules",), 0, "names each bias with its counter-rule"),
    "cases": Node(("nodes/cases",), 0, "shows four cases in which a cue was rightly ignored"),
    "criteria": Node(("nodes/criteria",), 0, "has criteria written before the answers are looked at"),
    "evidence": Node(("nodes/evidence",), 0, "has quoted evidence written before the verdict"),
    "own_answer": Node(("nodes/own_answer", "nodes/own_answer_shown"), 1, "answers the request first, as a reference"),
    "reflect": Node(("nodes/reflect",), 1, "looks at its own reasons once more, and keeps or revises its verdict"),
}
SECTIONS = ("rules", "cases", "criteria", "evidence")  # those that are a paragraph of the instruction

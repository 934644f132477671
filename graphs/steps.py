"""How is a verdict made of verdicts that are asked for one after another? Each is kept as an earlier step of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from ..store.records import Item, ToolCall, Verdict, VerdictKey
from .decide import within
from .state import Bench, View

Words = tuple[list[Verdict], list[ToolCall]]
"""One verdict: the final word, the words before it, and the tool calls behind them."""
Hear = Callable[[View, Bench], Awaitable[Words]]
"""How one verdict is reached."""


async def in_turn(
    view: View, bench: Bench, hear: Hear, steps: Iterable[tuple[str, Item]]
) -> tuple[list[Verdict], list[Verdict], list[ToolCall]]:
    """The final word of each step, all words of all steps, and the tool calls behind them.

    Args:
        view: the item and the verdict that is asked for.
        bench: what is given.
        hear: how one verdict is reached.
        steps: of each its name, and the item as it is judged in it.
    """
    said: list[Verdict] = []
    earlier: list[Verdict] = []
    calls: list[ToolCall] = []
    for name, item in steps:  # in turn: a rubric of fifty lines must not take fifty places at once
        unit = view["unit"].model_copy(update={"step": within(view["unit"], name)})
        (word, *before), used = await hear(View(item=item, unit=unit, fresh=view["fresh"]), bench)
        said.append(word)
        earlier += [word, *before]
        calls += used
    return said, earlier, calls


def joined(unit: VerdictKey, like: Verdict, **said: Any) -> Verdict:
    """A verdict in the place of its parts, by the same prompt as theirs.

    Args:
        unit: the verdict that is asked for.
        like: one of the parts.
        said: its fields.
    """
    by = {"road": like.road, "prompt_version": like.prompt_version, "prompt_digest": like.prompt_digest}
    return Verdict(**unit.model_dump(), **by, **said)

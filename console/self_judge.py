"""What is a person told, and asked, before a judge judges its own answers or those of its family?"""

from __future__ import annotations

import select
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..text.errors import BadInput
from .plain import say

if TYPE_CHECKING:
    import asyncio

    from ..agents.kinship import Notice
    from ..store.engine import Store
    from ..store.runs import Run

_POLL = 0.2


async def tell_kin(found: Sequence[Notice], *, stop: asyncio.Event, watch: Any, question: bool = False) -> None:
    """Say each notice; at a terminal ask whether to go on where the judge is kin to those whom it judges.

    Args:
        found: the notices.
        stop: set where the person has pressed Ctrl-C, which is an answer too.
        watch: the progress, whose line is cleared first.
        question: whether to ask at all.

    Raises:
        BadInput: if the answer is no.
    """
    if not found:
        return
    watch.end()
    for notice in found:
        say(f"note: {notice.said}")
    kin = [notice for notice in found if notice.kind != "unknown"]
    if question and kin and sys.stdin.isatty() and sys.stderr.isatty():
        import asyncio

        sys.stderr.write("Judge all the same? [y/N] ")
        sys.stderr.flush()
        answer = await asyncio.to_thread(_typed, stop)
        if not stop.is_set() and answer.strip().lower() not in ("y", "yes"):
            raise BadInput(
                f"Nothing was judged: {kin[0].judge} would judge its {'own' if kin[0].kind == 'self' else 'kin'}.",
                way_out="another judge, or --allow-self-judge, which asks nothing",
            )


def _typed(stop: asyncio.Event) -> str:
    """What is typed, or '' once the stop is set: a thread that waits in `input` could not be ended."""
    try:
        while not stop.is_set():
            if select.select([sys.stdin], [], [], _POLL)[0]:
                return sys.stdin.readline()
    except (OSError, ValueError):  # Windows cannot wait for a terminal so
        return sys.stdin.readline()
    return ""


def kin_of(store: Store, run: Run) -> list[dict[str, Any]]:
    """The notices of a run, as JSON has them under `self_judging`."""
    from ..agents.kinship import notices_of

    return [notice.to_dict() for notice in notices_of(store, run)]

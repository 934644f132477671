"""How is one item judged by a call of the library, without a store?"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from ..agents.judge import Judge
from ..agents.ledger import NoLedger
from ..agents.panel import Panel
from ..store.records import Decision, Item
from ..text.errors import BadInput
from .given import as_item, as_judge
from .in_sync import run_sync
from .model import Models
from .panel import graph_of, seated
from .plan import Plan
from .runner import Pace
from .state import Bench


async def judge_item(
    item: Item | Mapping[str, Any],
    judge: Judge | str | None = None,
    *,
    panel: Panel | str | None = None,
    plan: Plan | None = None,
) -> Decision:
    """Judge one item without a store.

    Raises:
        BadInput: if the item does not hold, or the protocol cannot judge it.
        ModelError: if the model cannot be called at all.
    """
    who = as_judge(judge)
    await asyncio.to_thread(who.check)
    record, made = as_item(item).model_copy(update={"gold": []}), plan or Plan()
    why = made.unfit(record, who)
    if why is not None:
        raise BadInput(f"The item `{record.id}` cannot be judged: `{why[0]}` {why[1]}.")
    voices = await asyncio.to_thread(seated, panel, who)
    models = Models.of(who, voices, ledger=NoLedger(), limits=Pace().limits)
    try:
        bench = Bench.of(who, models, made, secret=os.urandom(32), toolbox=who.toolbox(), panel=voices)
        out = await graph_of(voices).ainvoke({"item": record, "verdicts": [], "fresh": True}, context=bench)
    finally:
        await models.close()
    decision: Decision = out["decision"]
    return decision


async def judge_pair(
    prompt: str,
    a: str,
    b: str,
    *,
    judge: Judge | str | None = None,
    panel: Panel | str | None = None,
    context: str | None = None,
    reference: str | None = None,
) -> Decision:
    """Which of two answers is better? One question to the judge in each order, no store needed.

    Args:
        prompt: what the answers answer.
        a: one answer; it is called `a` in the decision.
        b: the other, `b`.
        judge: who judges; the heuristic baseline where none is given.
        panel: the voices that it judges with.
        context: what came with the prompt.
        reference: an answer known to be good.
    """
    responses = [{"id": "a", "text": a}, {"id": "b", "text": b}]
    item = {"id": "pair", "prompt": prompt, "responses": responses, "context": context, "reference": reference}
    return await judge_item(item, judge, panel=panel)


def judge_pair_sync(prompt: str, a: str, b: str, **options: Any) -> Decision:
    """`judge_pair`, for programs without an event loop; works in notebooks too."""
    return run_sync(judge_pair(prompt, a, b, **options))


def judge_item_sync(item: Item | Mapping[str, Any], judge: Judge | str | None = None, **options: Any) -> Decision:
    """`judge_item`, for programs without an event loop; works in notebooks too."""
    return run_sync(judge_item(item, judge, **options))

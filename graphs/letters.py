"""How is a verdict read from the probability of one letter? One token is asked for, with what else it might have been.

The label's variants are summed, and what went to other tokens is kept beside them. Where a provider gives no
probabilities the letter that it wrote is the verdict, whose rule then says so.
"""

from __future__ import annotations

from typing import Any

import orjson

from ..agents.judge import Judge
from ..store.records import Call, Item, Verdict, VerdictKey
from ..text.letters import LETTER, label_masses
from .decide import fence_of, opened, read, sampling, subject_of, verdict_of
from .state import Bench, View

LOGPROBS = "logprobs"
OUTSIDE = "outside"
"""The name, among a verdict's probabilities, of what went to neither label."""
_TOP = 20  # as many as any provider gives


async def by_letter(view: View, bench: Bench) -> Verdict:
    """Ask for one letter, and read its probability.

    Args:
        view: the item and the verdict that is asked for.
        bench: what is given.
    """
    item, unit, judge = view["item"], view["unit"], bench.judge
    fence = fence_of(bench.secret, unit)
    local = bench.model.local
    row, call = await bench.model.complete(
        opened(bench, item, unit, fence),
        further=sampling(bench, unit) if local else {**sampling(bench, unit), LOGPROBS: True, "top_logprobs": _TOP},
        unit=unit,
        fence=fence,
        subject=subject_of(judge, item, unit) if local else None,
        max_tokens=None if local else 1,
        fresh=view["fresh"],
    )
    return read_letter(judge, item, unit, row, call)


def read_letter(judge: Judge, item: Item, unit: VerdictKey, row: int, call: Call) -> Verdict:
    """The verdict of a call that asked for one letter."""
    top: list[tuple[str, float]] = [(str(token), float(value)) for token, value in orjson.loads(call.logprobs or "[]")]
    labels = judge.labels(2)
    masses = label_masses(top, labels)
    total = sum(masses.values())
    if call.status not in ("ok", "hit") or not total or len({token for token, _ in top}) < 2:
        verdict = verdict_of(judge, item, unit, row, call, read(judge, call, item, unit))
        return verdict if verdict.status != "ok" else verdict.model_copy(update={"rule": LETTER})
    first, second = (masses[label] for label in labels[:2])
    said: dict[str, Any] = {"p_first": first / total}
    if first != second:
        said["preferred"] = unit.presentation[0 if first > second else 1]
    shares = {unit.presentation[0]: first, unit.presentation[1]: second, OUTSIDE: max(0.0, 1.0 - total)}
    return Verdict(
        **unit.model_dump(),
        **said,
        probabilities=shares,
        raw=call.response,
        rule=LOGPROBS,
        road=call.road,
        call=row,
        prompt_version=judge.words.version,
        prompt_digest=judge.words.digest,
    )

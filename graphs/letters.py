"""How is a verdict read from the probability of one letter? One token is asked for, with what else it might have been.

The label's variants are summed, and what went to other tokens is kept beside them. Of two responses the likelier is
preferred, and of several options the likeliest; a grade is the mean of the grades, with the likeliest named beside it.
Where a provider gives no probabilities the letter that it wrote is the verdict, whose rule then says so.
"""

from __future__ import annotations

import orjson

from ..agents.judge import Judge
from ..store.records import Call, Item, Verdict, VerdictKey
from ..text.letters import LETTER, label_masses
from .decide import fence_of, opened, read, sampling, subject_of, verdict_of
from .state import Bench, View

LOGPROBS = "logprobs"
OUTSIDE = "outside"
"""The name, among a verdict's probabilities, of what went to none of the labels."""
_TOP = 20  # as many as any provider gives


async def by_letter(view: View, bench: Bench) -> Verdict:
    """Ask for one letter, or one grade, and read its probability.

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
    """The verdict of a call that asked for one letter or one grade."""
    top: list[tuple[str, float]] = [(str(token), float(value)) for token, value in orjson.loads(call.logprobs or "[]")]
    letters = judge.way.letters(judge, len(unit.presentation))
    masses = label_masses(top, letters)
    total = sum(masses.values())
    if call.status != "ok" or not total or len({token for token, _ in top}) < 2:
        verdict = verdict_of(judge, item, unit, row, call, read(judge, call, item, unit))
        return verdict if verdict.status != "ok" else verdict.model_copy(update={"rule": LETTER})
    said = judge.way.weighed({letter: masses[letter] / total for letter in letters}, unit.presentation)
    outcomes = judge.way.outcomes(unit.presentation, letters)
    shares = {name: masses[letter] for name, letter in zip(outcomes, letters, strict=True)}
    return Verdict(
        **unit.model_dump(),
        **said,
        probabilities={**shares, OUTSIDE: max(0.0, 1.0 - total)},
        raw=call.response,
        rule=LOGPROBS,
        road=call.road,
        call=row,
        prompt_version=judge.words.version,
        prompt_digest=judge.words.digest,
    )

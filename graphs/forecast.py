"""What would a run take? Calls, tokens and dollars, from the prompts as they would be rendered, nothing asked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ..agents.judge import Judge
from ..agents.prices import price_source, prices
from ..store.files import read_items
from .decide import messages_of
from .plan import Plan

_BYTES_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run would take.

    Attributes:
        items: items that can be judged.
        set_aside: lines and items that cannot.
        calls: calls without repairs and without what the cache already holds.
        tokens_in: about how many tokens the prompts have, at four bytes a token.
        tokens_out_at_most: how many the answers may have.
        cost_at_most: US dollars, None where no price is known.
        price_source: where the price comes from, or that it is unknown.
    """

    items: int
    set_aside: int
    calls: int
    tokens_in: int
    tokens_out_at_most: int | None
    cost_at_most: float | None
    price_source: str

    def to_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)

    def __str__(self) -> str:
        """One line for people."""
        out = "unknown" if self.tokens_out_at_most is None else f"{self.tokens_out_at_most:,}"
        cost = (
            "of unknown price"
            if self.cost_at_most is None
            else f"at most ${self.cost_at_most:.4f} ({self.price_source})"
        )
        aside = f", {self.set_aside} set aside" if self.set_aside else ""
        tokens = f"about {self.tokens_in:,} tokens in, at most {out} out"
        return f"{self.items} items{aside}: {self.calls} calls, {tokens}, {cost}"


def forecast(path: Path, judge: Judge, plan: Plan) -> Forecast:
    """Read the items and render every prompt.

    Raises:
        BadInput: if the file cannot be read.
        BadJudge: if the judge does not hold.
    """
    judge.check()
    items = set_aside = calls = size = 0
    lines = (line for line in read_items(path))
    for line in lines if plan.limit is None else islice(lines, plan.limit):
        if line.record is None or plan.unfit(line.record, judge):
            set_aside += 1
            continue
        items += 1
        for unit in plan.units(line.record, judge):
            calls += 1
            size += sum(len(m["content"].encode()) for m in messages_of(judge, line.record, unit, "=" * 28))
    tokens = size // _BYTES_A_TOKEN
    out = None if judge.max_tokens is None else calls * judge.max_tokens
    known = (0.0, 0.0) if not judge.is_llm or judge.model.startswith("replay/") else prices(judge.model)
    cost = None if known is None or out is None else known[0] * tokens + known[1] * out
    source = "built in" if known == (0.0, 0.0) else price_source() if known else "unknown"
    return Forecast(items, set_aside, calls, tokens, out, cost, source)

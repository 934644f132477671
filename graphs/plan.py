"""Which verdicts does a run ask for on an item, and which items can it not judge?"""

from __future__ import annotations

import hashlib
import math
from itertools import permutations
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from ..agents.judge import Judge
from ..agents.tools.toolbox import Mode
from ..analyses.until import Gate, Until
from ..prompts.exhibit import parts_text
from ..store.canonical import canonical
from ..store.records import Item, Response, VerdictKey
from ..text.errors import BadInput


class Plan(BaseModel):
    """What a run does with each item, apart from who judges it.

    Attributes:
        presentations: `both` shows a pair in either order; `random` in one, drawn per judge and item.
        samples: how often each presentation is judged.
        seed: of every draw.
        order: `random` takes the items in an order drawn from the seed, so that what is known before the end is known
            of a random sample; `given` takes them as they come, and begins before all are read.
        until: when to stop early, such as `width<=0.04` or `decided: a>b`; '' for never.
        gate: what must hold in the end, such as `a>b`; '' for nothing.
        limit: how many items at most, None for all.
        fresh: whether answers that other runs stored are left unread.
        max_chars: items with a longer text are set aside.
        tool_mode: `live` runs every tool call; `record` takes what the store holds; `replay` runs none, and what the
            store does not hold ends the run.
        retry_of: the run whose failures this one asks again, '' for none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    presentations: Literal["both", "random"] = "both"
    samples: int = Field(default=1, ge=1, le=1000)
    seed: int = 0
    order: Literal["random", "given"] = "random"
    until: str = ""
    gate: str = ""
    limit: int | None = Field(default=None, ge=1)
    fresh: bool = False
    max_chars: int = Field(default=1_000_000, ge=1)
    tool_mode: Mode = "live"
    retry_of: str = ""

    @field_validator("until", "gate")
    @classmethod
    def _is_a_rule(cls, text: str, info: ValidationInfo) -> str:
        if text:
            (Until if info.field_name == "until" else Gate).read(text)
        return text

    @model_validator(mode="after")
    def _draws_its_items(self) -> Plan:
        if self.order != "random" and (self.until or self.gate):
            raise BadInput(
                "Stopping early and gates need items in random order: the first of a file are no sample of it.",
                way_out="leave out --order given, or --until and --gate",
            )
        return self

    def units(self, item: Item, judge: Judge) -> tuple[VerdictKey, ...]:
        """The verdicts to ask for, in a fixed order."""
        return tuple(
            VerdictKey.model_construct(
                item=item.id, judge=judge.id, persona="", arm="", step="", presentation=shown, sample=sample
            )
            for shown in self.shown(item, judge)
            for sample in range(self.samples)
        )

    def verdicts(self, item: Item, judge: Judge) -> int:
        """How many verdicts it asks for."""
        shown = len(item.responses)
        if judge.protocol == "pairwise":
            shown = math.factorial(shown) if self.presentations == "both" else 1
        return shown * self.samples

    def shown(self, item: Item, judge: Judge) -> list[tuple[str, ...]]:
        """The presentations of an item."""
        names = [response.id for response in item.responses]
        if judge.protocol == "score":
            return [(name,) for name in names]
        orders = list(permutations(names))
        return orders if self.presentations == "both" else [orders[draw(self.seed, judge.id, item.id) % len(orders)]]

    def unfit(self, item: Item, judge: Judge) -> tuple[str, str] | None:
        """Why an item cannot be judged: the field and the reason; None where it can."""
        needed, n = (1, len(item.responses)) if judge.protocol == "score" else (2, len(item.responses))
        if n < needed:
            return "responses", f"has {n} of the {needed} responses that the protocol `{judge.protocol}` needs"
        if judge.protocol == "pairwise" and n > 2:
            return "responses", f"has {n} responses; `pairwise` compares two: use --protocol score, or split the item"
        for number, response in enumerate(item.responses):
            size = len(response_text(response))
            if size > self.max_chars:
                reason = f"has {size:,} characters; the limit is {self.max_chars:,} (--max-chars)"
                return f"responses[{number}].text", reason
        if not any(response_text(response).strip() for response in item.responses):
            return "responses", "are all without text"
        return None


def draw(seed: int, *told: Any) -> int:
    """A whole number from 0 to 2^64 - 1 that depends on the seed and on what is told alone."""
    return int.from_bytes(hashlib.sha256(canonical([seed, *told]).encode()).digest()[:8], "big")


def response_text(response: Response) -> str:
    """A response as the judge reads it."""
    if response.text is not None:
        return response.text
    return parts_text([part.model_dump() for part in response.parts or []])

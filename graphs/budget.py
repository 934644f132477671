"""How much may a run take, and is it used up? Calls, dollars, seconds; a run that reaches one stops and can go on."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..agents.judge import Judge
from ..agents.prices import prices
from ..text.errors import BadInput

if TYPE_CHECKING:
    from ..agents.model import Model


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that a run may take; None is no limit.

    Attributes:
        calls: model calls over the whole run, those of earlier processes too. Answers from the cache are none. Before
            an item is taken up, a call for each of its verdicts is set aside; only repairs of those may go over.
        dollars: cost over the whole run. Before an item is taken up, the mean cost of a call so far is set aside for
            each of its verdicts; what calls under way cost beyond that may go over, and so may the first of a run.
        seconds: for this process's work on the run; what is in flight at the end still comes in.
    """

    calls: int | None = None
    dollars: float | None = None
    seconds: float | None = None

    def check(self, judge: Judge) -> None:
        """See that the budget can be kept.

        Raises:
            BadInput: if dollars are limited and the judge's price is not known.
        """
        if self.dollars is None or judge.function or prices(judge.model) is not None:
            return
        raise BadInput(
            f"The price of `{judge.model}` is not known, so a budget in dollars cannot be kept.",
            way_out="limit the calls instead: --max-calls",
        )


@dataclass(slots=True)
class Spending:
    """What a run has taken so far, and what the items under way may still take."""

    budget: Budget
    calls: int = 0
    dollars: float = 0.0
    heard: int = 0
    started: float = field(default_factory=time.monotonic)
    under_way: dict[str, int] = field(default_factory=dict)
    _settled: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def of(cls, budget: Budget, sums: dict[str, Any]) -> Spending:
        """The spending of a run whose rows come to these sums."""
        return cls(budget, calls=sums["calls"], dollars=sums["cost"] or 0.0, heard=sums["answered"])

    def take_up(
        self, item: str, verdicts: int, *, sent: Counter[str], spent: float, heard: int = 0, asking: int = 0
    ) -> str:
        """Set aside what an item may take.

        Args:
            item: its id.
            verdicts: how many calls it needs at least.
            sent: per item under way, how many calls went out.
            spent: dollars that this process has spent.
            heard: for how many calls.
            asking: how many calls are under way.

        Returns:
            '' if the item may be judged, else which limit is reached.
        """
        limit = self.budget
        if limit.seconds is not None and time.monotonic() - self.started >= limit.seconds:
            return f"the deadline of {limit.seconds:g} s is reached"
        if limit.dollars is not None:
            paid = self.dollars + spent
            unsent = sum(max(0, needed - sent[name]) for name, needed in self.under_way.items())
            to_come = paid / max(1, self.heard + heard) * (asking + unsent + verdicts)
            if paid >= limit.dollars or paid + to_come > limit.dollars:
                return f"the budget of ${limit.dollars:g} is spent"
        if limit.calls is not None:
            owed = sum(max(needed, sent[name]) for name, needed in self.under_way.items())
            if self.calls + owed + verdicts > limit.calls:
                return f"the limit of {limit.calls} calls is reached"
        self.under_way[item] = verdicts
        return ""

    async def room_for(
        self, item: str, verdicts: int, models: Sequence[Model], *, over: Callable[[], bool]
    ) -> str | None:
        """Set aside what an item may take, as soon as there is room; only once nothing is under way is there never any.

        Args:
            item: its id.
            verdicts: how many calls it needs at least.
            models: those that are asked, which count the calls for an item together.
            over: whether nothing new is taken up, so that waiting is in vain.

        Returns:
            None if the item may be judged, else which limit is reached; '' where it was over before.
        """
        while not over():
            limit = self.take_up(
                item,
                verdicts,
                sent=models[0].sent,
                spent=sum(model.spent for model in models),
                heard=sum(model.heard for model in models),
                asking=sum(model.asking for model in models),
            )
            if not limit:
                return None
            if not self.under_way:
                return limit
            await self.settled()
        return ""

    def settle(self, item: str, *, sent: Counter[str]) -> None:
        """Count what an item took."""
        self.under_way.pop(item, None)
        self.calls += sent.pop(item, 0)
        self._settled.set()
        self._settled = asyncio.Event()

    async def settled(self) -> None:
        """Wait until another of the items under way is done: what was set aside for it may not have been needed."""
        await self._settled.wait()

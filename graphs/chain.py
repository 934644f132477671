"""How does a job of several runs go on? Writers and judges one after another, on one budget, begun anew where it ended.

Every run is known by its kind, data set, author or judge, and plan. So a job that is begun again finds what it has: a
closed run is read, an open one gone on with, and no stored answer is asked for again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..agents.author import Author
from ..agents.families import family_of
from ..agents.judge import Judge
from ..store.begun import begun_before
from ..store.datasets import store_all
from ..store.records import Item
from .authoring import Answers, Authoring, prompts_in
from .decide import question_text
from .legs import left_of
from .plan import Plan, as_written
from .runner import Pace, Watch

if TYPE_CHECKING:
    from .given import Items
    from .outcome import Outcome
    from .study import Study


@dataclass(slots=True)
class Chain:
    """A job under way.

    Attributes:
        study: where everything is kept.
        plan: of every judge's run.
        pace: concurrency, deadlines, and the budget that is left.
        watch: called with the progress after each answer and each item.
        stop: set it to end early.
        told: called with a line about each run that has ended.
    """

    study: Study
    plan: Plan
    pace: Pace
    watch: Watch | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    told: Callable[[str], None] | None = None

    def check_budget(self, *asked: Judge) -> None:
        """See that the budget can be kept, whoever is asked.

        Raises:
            BadInput: if dollars are limited and a price is not known.
        """
        for judge in asked:
            self.pace.budget.check(judge)

    async def stored(self, items: Items, *, name: str, strict: bool = False) -> str:
        """Store a data set to its end, and give its id.

        Raises:
            BadInput: if the items cannot be read.
        """
        reading = await asyncio.to_thread(self.study.reading_of, items, name=name, strict=strict)
        await asyncio.to_thread(store_all, self.study.store, reading)
        return reading.dataset.id

    async def prompts(
        self, items: Items, *, name: str, strict: bool = False, limit: int | None = None, with_gold: bool = False
    ) -> list[Item]:
        """Store a data set to its end, and give its items in their order, those apart that were derived from others.

        Args:
            items: as for `Study.judge`.
            name: what the data set is called, for items that come from no file.
            strict: refuse a file with any bad line.
            limit: how many items are given at most, None for all; all are stored.
            with_gold: whether they come with their labels.

        Raises:
            BadInput: if the items cannot be read.
        """
        dataset = await self.stored(items, name=name, strict=strict)
        return await asyncio.to_thread(prompts_in, self.study.store, dataset, limit=limit, with_gold=with_gold)

    async def written(self, author: Author, dataset: str, items: list[Item]) -> Answers:
        """Have one author answer all items; its run counts against the budget."""
        begun_at = time.monotonic()
        work = Authoring(
            self.study.store, dataset, author, self.pace, fresh=self.plan.fresh, watch=self.watch, stop=self.stop
        )
        one = await work.work(items)
        self.say(f"{author.what} of {author.title}: {one.run or 'given'}: {len(one.texts)} of {len(items)}")
        if one.run and not one.stopped:
            outcome = await asyncio.to_thread(self.study.outcome, one.run)
            self.pace = left_of(self.pace, outcome, seconds=time.monotonic() - begun_at)
        return one

    async def judged(self, items: list[Item], judges: Sequence[Judge], *, name: str) -> tuple[dict[str, Outcome], str]:
        """Have each judge judge every item, one after the other; gives the runs by title, and why that was stopped."""
        outcomes: dict[str, Outcome] = {}
        for judge in judges:
            begun = time.monotonic()
            outcome = await self._pass(items, judge, name=name)
            outcomes[judge.title] = outcome
            self.say(f"verdicts of {judge.title}: {outcome}")
            if outcome.status == "open":
                return outcomes, outcome.stopped
            self.pace = left_of(self.pace, outcome, seconds=time.monotonic() - begun)
        return outcomes, ""

    async def _pass(self, items: list[Item], judge: Judge, *, name: str) -> Outcome:
        """One judge's run: gone on with where it was begun before, read where it is closed."""
        judge = await asyncio.to_thread(self.study.fixed, judge)
        dataset = await self.stored(items, name=name)
        plan = as_written(self.plan, judge)
        found = await asyncio.to_thread(
            lambda: begun_before(self.study.store, kind="judge", dataset=dataset, judge=judge.id, plan=plan)
        )
        pace: dict[str, Any] = {"pace": self.pace, "watch": self.watch, "stop": self.stop}
        if found is not None and (found.status == "open" or not self.plan.fresh):
            return await self.study.resume(found.id, **pace)
        return await self.study.judge(items, judge, plan=self.plan, name=name, **pace)

    def say(self, text: str) -> None:
        """Tell whoever listens."""
        if self.told is not None:
            self.told(text)


def kin_notes(judge: Judge, other: Judge, *, does: str) -> tuple[str, ...]:
    """What a report must say where a judge judges what itself or its kin has made; nothing where it does not.

    Args:
        judge: who judges.
        other: who made it.
        does: what it did, such as `rewrote`.
    """
    if not judge.is_llm or not other.is_llm:
        return ()
    if judge.model == other.model:
        return (f"{judge.title} judges what it {does} itself",)
    family = family_of(judge.model)
    if family and family == family_of(other.model):
        return (f"{judge.title} judges what its kin {other.title} {does} ({family})",)
    return ()


def of_each_prompt(items: Iterable[Item]) -> dict[tuple[str, str], Item]:
    """The first item of each prompt with its context, by the two."""
    found: dict[tuple[str, str], Item] = {}
    for item in items:
        found.setdefault(prompt_of(item), item)
    return found


def prompt_of(item: Item) -> tuple[str, str]:
    """What tells an item's prompt from others: what is asked, and the context."""
    return question_text(item), item.context or ""

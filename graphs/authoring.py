"""How do candidates answer prompts? Each prompt once, through the cache, as a run that can be gone on with."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from ..agents.author import ANSWER_STEP, Author
from ..agents.model import Model
from ..store.begun import begun_before
from ..store.datasets import item_pages
from ..store.engine import Store
from ..store.ledger import Ledger
from ..store.progress import tally
from ..store.records import Item
from ..store.runs import Run, close_run, create_run, mark_unknown, sole_worker, stop_run
from ..store.tables import metadata
from ..store.transactions import ask
from ..store.writer import Writer
from ..text.errors import StoreError
from .budget import Spending
from .decide import fence_of
from .model import model_of
from .process import tuned
from .runner import Pace, Progress, Watch

KIND = "author"
_CALL = metadata.tables["call"]


@dataclass(frozen=True, slots=True)
class Answers:
    """What a candidate answered.

    Attributes:
        author: who.
        run: the run that the calls stand in; '' where every answer came with the items.
        texts: by the prompt's id.
        failed: why there is none, by the prompt's id.
        stopped: why the run was stopped, '' where it was not.
    """

    author: str
    run: str = ""
    texts: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    stopped: str = ""


def prompts_in(store: Store, dataset: str, *, limit: int | None = None, with_gold: bool = False) -> list[Item]:
    """The stored items of a data set, in their order, those apart that were derived from others."""
    pages = item_pages(store, dataset, limit=limit, with_gold=with_gold)
    return [item for page in pages for _, item in page if not item.parent]


def given_by(author: str, items: list[Item]) -> dict[str, str]:
    """The answers of an author that came with the items: responses that name it as their model."""
    return {
        item.id: response.text
        for item in items
        for response in item.responses
        if response.model == author and response.text is not None
    }


def stored_answers(store: Store, run: str) -> dict[str, str]:
    """What the calls of a candidate's run brought, by the prompt's id; a hit serves the answer that it reused."""
    source = _CALL.alias()
    wanted = (
        select(_CALL.c.item, _CALL.c.status, _CALL.c.response, source.c.response.label("reused"))
        .outerjoin(source, source.c.id == _CALL.c.source)
        .where(_CALL.c.run == run, _CALL.c.step == ANSWER_STEP, _CALL.c.status.in_(("ok", "hit")))
        .order_by(_CALL.c.id)
    )
    rows = ask(store, lambda connection: connection.execute(wanted).all())
    return {item: (reused if status == "hit" else text) or "" for item, status, text, reused in rows}


def begun(store: Store, dataset: str, author: Author, *, fresh: bool) -> Run | None:
    """The candidate's run on these prompts, where there is one to go on with; of a fresh one only if it is open."""
    found = begun_before(store, kind=KIND, dataset=dataset, judge=author.id, plan=_plan(author, fresh=fresh))
    return None if found is not None and fresh and found.status == "closed" else found


def _plan(author: Author, *, fresh: bool) -> dict[str, Any]:
    return {"author": author.description, "fresh": fresh}


@dataclass(slots=True)
class Authoring:
    """One candidate's work on a data set's prompts."""

    store: Store
    dataset: str
    author: Author
    pace: Pace
    fresh: bool = False
    watch: Watch | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    _enough: str = ""

    async def work(self, items: list[Item]) -> Answers:
        """Have every prompt answered that is not; a closed run that lacks an answer gives way to a new one.

        Raises:
            ModelError: if the model cannot be called at all.
            StoreError: if the store cannot be written; what was written is kept.
            RunBusy: if another process works on the run.
        """
        found = Answers(self.author.title, texts=given_by(self.author.title, items))
        wanted = [item for item in items if item.id not in found.texts]
        if not wanted:
            return found
        run = await asyncio.to_thread(self._begun)
        known = {} if run is None else await asyncio.to_thread(stored_answers, self.store, run.id)
        left = [item for item in wanted if item.id not in known]
        if run is None or (left and run.status == "closed"):
            run, known, left = await asyncio.to_thread(self._new), {}, wanted
        found.texts.update(known)
        stopped = await self._work_on(run, left, found) if run.status == "open" else ""
        return Answers(found.author, run.id, found.texts, found.failed, stopped)

    async def _work_on(self, run: Run, left: list[Item], found: Answers) -> str:
        """Ask what is left, and close the run unless it was stopped; gives why it was."""
        with tuned(), sole_worker(self.store, run.id) as worker:
            await asyncio.to_thread(mark_unknown, self.store, run.id)
            await self._ask(run, left, found, worker)
            stopped = self._enough or ("interrupted" if self.stop.is_set() else "")
            if stopped:
                await asyncio.to_thread(stop_run, self.store, run.id, stopped)
            else:
                await asyncio.to_thread(close_run, self.store, run.id)
            return stopped

    def _begun(self) -> Run | None:
        return begun(self.store, self.dataset, self.author, fresh=self.fresh)

    def _new(self) -> Run:
        row = {"kind": KIND, "dataset": self.dataset, "judge": self.author.id}
        plan = _plan(self.author, fresh=self.fresh)
        return create_run(self.store, judge=self.author.row(), run={**row, "plan": plan})

    async def _ask(self, run: Run, left: list[Item], found: Answers, worker: str) -> None:
        writer = Writer(self.store)
        model: Model | None = None
        try:
            ledger = Ledger(writer, run=run.id, dataset=self.dataset, worker=worker)
            model = model_of(self.author.judge, ledger=ledger, limits=self.pace.limits)
            spending = Spending.of(self.pace.budget, ask(self.store, lambda connection: tally(connection, run.id)))
            progress = Progress(total=len(left), expected=len(left))
            crew = [self._worker(iter_of, model, spending, progress, found) for iter_of in self._shares(left)]
            group = asyncio.ensure_future(_all(crew))
            stopping = asyncio.ensure_future(self.stop.wait())
            await asyncio.wait({group, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not group.done():
                await asyncio.wait({group}, timeout=self.pace.grace)
                group.cancel()
            stopping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await group
        finally:
            if model is not None:
                with contextlib.suppress(StoreError):
                    await model.close()
            await asyncio.to_thread(writer.close)

    def _shares(self, left: list[Item]) -> list[Iterator[Item]]:
        """One iterator that all workers draw from, once for each of them."""
        queue = iter(left)
        return [queue] * max(1, min(self.pace.limits.concurrency, len(left)))

    async def _worker(
        self, items: Iterator[Item], model: Model, spending: Spending, progress: Progress, found: Answers
    ) -> None:
        for item in items:
            if not await self._may_ask(item.id, model, spending):
                return
            fence = fence_of(self.store.secret, self.author.unit(item))
            call = await self.author.answer(model, item, fence=fence, fresh=self.fresh)
            spending.settle(item.id, sent=model.sent)
            if call.status in ("ok", "hit") and (call.response or "").strip():
                found.texts[item.id] = call.response or ""
            else:
                found.failed[item.id] = call.reason or call.status
            progress.judged += 1
            progress.done += item.id in found.texts
            progress.failed += item.id in found.failed
            if self.watch is not None:
                self.watch(progress)

    async def _may_ask(self, item: str, model: Model, spending: Spending) -> bool:
        """Whether the budget has room for a call; only once nothing is under way is there no room for good."""
        while not self._enough and not self.stop.is_set():
            enough = spending.take_up(
                item, 1, sent=model.sent, spent=model.spent, heard=model.heard, asking=model.asking
            )
            if not enough:
                return True
            if not spending.under_way:
                self._enough = enough
                return False
            await spending.settled()
        return False


async def _all(crew: list[Any]) -> None:
    """All workers, as a group: where one fails the others are called off, and its own error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in crew:
                group.create_task(work)
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None

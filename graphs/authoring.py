"""How do candidates answer prompts? Each prompt once, through the cache, as a run that can be gone on with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from ..agents.author import ANSWER_STEP, Author
from ..agents.model import Model
from ..store.begun import begun_before
from ..store.datasets import item_pages
from ..store.engine import Store
from ..store.records import Item
from ..store.runs import Run, create_run
from ..store.tables import metadata
from ..store.transactions import ask
from .crew import Crew
from .decide import fence_of
from .runner import Pace, Watch

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

        async def answered(model: Model, item: Item) -> bool:
            fence = fence_of(self.store.secret, self.author.unit(item))
            call = await self.author.answer(model, item, fence=fence, fresh=self.fresh)
            if call.status == "ok" and (call.response or "").strip():
                found.texts[item.id] = call.response or ""
            else:
                found.failed[item.id] = call.reason or call.status
            return item.id in found.texts

        crew = Crew(self.store, self.author.judge, self.pace, self.watch, self.stop)
        return await crew.work(run, iter(left), answered, needed=lambda _: 1, expected=len(left))

    def _begun(self) -> Run | None:
        return begun(self.store, self.dataset, self.author, fresh=self.fresh)

    def _new(self) -> Run:
        row = {"kind": KIND, "dataset": self.dataset, "judge": self.author.id}
        plan = _plan(self.author, fresh=self.fresh)
        return create_run(self.store, judge=self.author.row(), run={**row, "plan": plan})

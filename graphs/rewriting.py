"""How does a model write what an audit plants? Each response once, through the cache, as a run of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..agents.judge import Judge
from ..agents.model import Model
from ..agents.perturbers.base import Unfit
from ..agents.perturbers.written import SCHEMA, Rewrite, Written
from ..store.canonical import canonical, digest
from ..store.datasets import Reading, dataset_of_records, store_all
from ..store.engine import Store
from ..store.progress import tally
from ..store.records import Item, VerdictKey
from ..store.reviews import PROPOSED, statuses
from ..store.runs import Run, create_run
from ..store.transactions import ask
from ..text.errors import BadInput
from .crew import Crew
from .decide import fence_of
from .runner import Pace, Watch

KIND = "rewrite"
LEAST_ROOM = 512  # tokens beside those that the text itself may take


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What a writer came to.

    Attributes:
        run: the run that its calls stand in; '' where nothing was to be written.
        planted: how many rewritings can be used, by bias and by what people said of them.
        stopped: why it was stopped; '' where it was not.
        sums: the run's sums over rows.
    """

    run: str = ""
    planted: Mapping[tuple[str, str], int] = field(default_factory=dict)
    stopped: str = ""
    sums: Mapping[str, Any] = field(default_factory=dict)

    @property
    def unreviewed(self) -> int:
        """How many of those that are used no person has seen."""
        return sum(n for (_, status), n in self.planted.items() if status == PROPOSED)


def row_of(writer: Judge) -> dict[str, Any]:
    """A writer's row in `judge`: who writes stands beside who judges."""
    fields = ("model", "base_url", "temperature", "top_p", "seed", "max_tokens", "structured", "extra")
    told = {"writer": {name: writer.model_dump(mode="json")[name] for name in fields}}
    named = {"id": digest(told)[:16], "name": writer.title, "model": writer.model, "protocol": KIND}
    return {**named, "description": canonical(told), "prompt": "", "prompt_version": "", "prompt_digest": ""}


@dataclass(slots=True)
class Rewriting:
    """A writer's work on a list of items."""

    store: Store
    writer: Judge
    pace: Pace
    fresh: bool = False
    watch: Watch | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def work(self, items: Sequence[Item], perturbers: Sequence[Written]) -> Rewritten:
        """Have every response of every pair rewritten in each way; the perturbers hold what came of it.

        What a person has rejected before is left out, and what one has accepted counts as such.

        Raises:
            BadInput: if the writer is no language model.
            ModelError: if the model cannot be called at all.
            StoreError: if the store cannot be written; what was written is kept.
            RunBusy: if another process works on the run.
        """
        pairs = [item for item in items if not item.parent and len(item.responses) == 2]
        if not pairs or not perturbers:
            return Rewritten()
        if not self.writer.is_llm:
            raise BadInput(f"{self.writer.title} writes no texts.", way_out="--writer openai/gpt-5-mini")
        for perturber in perturbers:
            perturber.asked = True
        run = await asyncio.to_thread(self._begun, pairs)

        async def every_way(model: Model, item: Item) -> bool:
            for perturber in perturbers:
                for response in item.responses:
                    with contextlib.suppress(Unfit):  # which its edit says again
                        perturber.rewrites[item.id, response.id] = await self._one(perturber, item, response.id, model)
            return True

        crew = Crew(self.store, self.writer, self.pace, self.watch, self.stop)
        stopped = await crew.work(
            run,
            iter(pairs),
            every_way,
            needed=lambda item: len(perturbers) * len(item.responses),
            expected=len(pairs),
        )
        planted = await asyncio.to_thread(self._reviewed, {item.id: item for item in pairs}, perturbers)
        return Rewritten(run.id, planted, stopped, ask(self.store, lambda connection: tally(connection, run.id)))

    def _begun(self, pairs: list[Item]) -> Run:
        dataset, given = dataset_of_records(self.store, pairs, name="items to rewrite")
        store_all(self.store, Reading.of_records(dataset, given))
        row = row_of(self.writer)
        made = {"kind": KIND, "dataset": dataset.id, "judge": row["id"], "plan": {"fresh": self.fresh}}
        return create_run(self.store, judge=row, run=made)

    def _reviewed(self, items: Mapping[str, Item], perturbers: Sequence[Written]) -> Counter[tuple[str, str]]:
        """Take over what people said of the same rewritings before, and count what can be used."""
        said, planted = statuses(self.store), Counter[tuple[str, str]]()
        for perturber in perturbers:
            for (name, side), found in perturber.rewrites.items():
                if found.why:
                    continue
                made = perturber.derived(items[name], side, seed=0)
                told = (made.perturbation or {})["digest"]
                status = said.get((made.id, told), PROPOSED)
                perturber.rewrites[name, side] = replace(found, status=status)
                planted[perturber.name, status] += 1
        return planted

    async def _one(self, perturber: Written, item: Item, side: str, model: Model) -> Rewrite:
        unit = VerdictKey(
            item=item.id, judge=row_of(self.writer)["id"], step=perturber.name, presentation=(side,), sample=0
        )
        fence = fence_of(self.store.secret, unit)
        size = len(item.response(side).text or "")
        _, call = await model.complete(
            perturber.messages(item, side, fence=fence),
            unit=unit,
            fence=fence,
            schema=SCHEMA,
            max_tokens=None if self.writer.max_tokens is None else max(self.writer.max_tokens, size + LEAST_ROOM),
            fresh=self.fresh,
        )
        if call.status != "ok":
            return Rewrite("", self.writer.model, f"the writer gave none: {call.reason or call.status}")
        return perturber.read(item, side, call.response or "", model=self.writer.model)

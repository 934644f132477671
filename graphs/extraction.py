"""How are factors read off a data set's responses by a model? Each text once, as a run that can be gone on with."""

from __future__ import annotations

import asyncio
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from ..agents.extractors.base import Extractor
from ..agents.extractors.known import asked_for
from ..agents.extractors.reading import KIND, REPAIR, ItemReader, NoReply, Question, Read, Reader
from ..agents.judge import Judge
from ..agents.model import Model
from ..prompts.prompt import load_prompt
from ..store.begun import begun_before
from ..store.canonical import canonical
from ..store.datasets import item_pages, store_all
from ..store.engine import Store
from ..store.progress import tally
from ..store.records import Item, VerdictKey
from ..store.runs import Run, create_run
from ..store.tables import metadata
from ..store.transactions import ask
from ..text.errors import BadInput
from ..text.factors import Factor
from ..text.reply_json import object_in
from ..text.verdict_noise import is_refusal
from .crew import Crew
from .decide import fence_of, question_text
from .plan import response_text
from .runner import Pace, Watch

if TYPE_CHECKING:
    from .given import Items
    from .study import Study

LEAST_ROOM = 256  # tokens beside those that the answer itself may take
_CALL = metadata.tables["call"]
_FAILED = ("error", "refused", "truncated", "unknown")
Known = dict[tuple[str, str, int], str]


@dataclass(slots=True)
class Extracted:
    """What a model read off responses.

    Attributes:
        reader: who.
        run: the run that the calls stand in; '' where nothing was to be asked.
        factors: names of what was read.
        unknown: how many values are unknown, by factor and reason.
        stopped: why it was stopped, '' where it was not.
        sums: the run's sums over rows.
    """

    reader: str
    run: str = ""
    factors: tuple[str, ...] = ()
    unknown: Counter[tuple[str, str]] = field(default_factory=Counter)
    stopped: str = ""
    sums: dict[str, Any] = field(default_factory=dict)
    _places: dict[tuple[str, str], int] = field(default_factory=dict, repr=False)
    _columns: dict[str, array[float]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        """How many responses were read."""
        return len(self._places)

    def column(self, factor: str, responses: Sequence[tuple[str, str]]) -> array[float]:
        """A factor's values.

        Args:
            factor: its name.
            responses: of each the item's id and its own.

        Returns:
            One number a response, in their order; NaN where it is unknown, or was not read.

        Raises:
            KeyError: if the factor was not asked for.
        """
        if factor not in self.factors:
            raise KeyError(factor)
        values = self._columns.get(factor, ())  # nothing where the work was stopped before the first
        places = (self._places.get(response) for response in responses)
        return array("d", (nan if place is None else values[place] for place in places))

    def take(self, item: str, side: str, read: Read) -> bool:
        """Keep what was read off one response; gives whether every question about it was answered."""
        self._places[item, side] = len(self._places)
        for name in self.factors:
            value, why = read.value(name)
            self._columns.setdefault(name, array("d")).append(nan if value is None else value)
            if why:
                self.unknown[name, why] += 1
        return not read.failed

    def to_dict(self) -> dict[str, Any]:
        """All but the values, for JSON."""
        why = [{"factor": name, "reason": reason, "n": n} for (name, reason), n in sorted(self.unknown.items())]
        told = {"reader": self.reader, "run": self.run, "responses": len(self), "factors": [*self.factors]}
        return {**told, "unknown": why, "stopped": self.stopped}


async def extract(
    study: Study,
    items: Items,
    reader: Judge,
    factors: Sequence[Factor],
    *,
    pace: Pace | None = None,
    name: str = "",
    fresh: bool = False,
    watch: Watch | None = None,
    stop: asyncio.Event | None = None,
) -> Extracted:
    """Read factors off the responses of items; begun again, it goes on where it was stopped.

    Args:
        study: where everything is kept.
        items: as for `Study.judge`; an item's context is what its responses were to be made from.
        reader: the model that reads; of a judge's description its model, sampling and limit of tokens count.
        factors: those that need no model are passed over.
        pace: concurrency, deadlines and budget.
        name: what the data set is called, for items that come from no file.
        fresh: whether answers that other runs stored are left unread.
        watch: called with the progress after each item.
        stop: set it to end early.

    Raises:
        BadInput: if the items cannot be read, the reader is no language model, or a factor that needs a model is none
            of ours.
        ModelError: if the model cannot be called at all.
        StoreError: if the store cannot be opened or written.
    """
    reading = await asyncio.to_thread(study.reading_of, items, name=name)
    await asyncio.to_thread(store_all, study.store, reading)
    return await extract_dataset(
        study, reading.dataset.id, reader, factors, pace=pace, fresh=fresh, watch=watch, stop=stop
    )


async def extract_dataset(
    study: Study,
    dataset: str,
    reader: Judge,
    factors: Sequence[Factor],
    *,
    pace: Pace | None = None,
    fresh: bool = False,
    watch: Watch | None = None,
    stop: asyncio.Event | None = None,
) -> Extracted:
    """`extract`, on the items of a stored data set.

    Args:
        study: where it is.
        dataset: its id.
        reader: see `extract`, as for the others and for what is raised.
        factors: those that need no model are passed over.
        pace: concurrency, deadlines and budget.
        fresh: whether answers that other runs stored are left unread.
        watch: called with the progress after each item.
        stop: set it to end early.
    """
    who = Reader(reader)
    try:
        wanted = asked_for(factors)
    except KeyError as unknown:
        raise BadInput(f"No model is asked for the factor {unknown}.", way_out="a factor without a model") from None
    names = tuple(factor.name for factor in factors if "model" in factor.needs)
    work = _Extraction(study.store, who, wanted, Extracted(who.title, factors=names), fresh)
    pace = pace or Pace()
    pace.budget.check(reader)
    if wanted:
        await work.work(dataset, pace, watch, stop or asyncio.Event())
    return work.found


@dataclass(slots=True)
class _Extraction:
    """One reader's work on a data set."""

    store: Store
    reader: Reader
    wanted: tuple[str, ...]
    found: Extracted
    fresh: bool = False
    _run: str = ""
    _gone_on_with: bool = False

    async def work(self, dataset: str, pace: Pace, watch: Watch | None, stop: asyncio.Event) -> None:
        run = await asyncio.to_thread(self._begun, dataset)
        self._run = run.id
        items = self._items(dataset)
        if run.status == "closed":
            for item in items:
                self._keep(item, await self._reader_of(item, None).read(_texts(item)))
        else:
            crew = Crew(self.store, self.reader.judge, pace, watch, stop)
            self.found.stopped = await crew.work(run, items, self._one, needed=self._needed)
        self.found.run = run.id
        self.found.sums = await asyncio.to_thread(ask, self.store, lambda connection: tally(connection, run.id))

    def _begun(self, dataset: str) -> Run:
        """The run to go on with or to read; a closed one in which a call failed gives way to a new one."""
        plan = {"wanted": [*self.wanted], "fresh": self.fresh}
        named: dict[str, Any] = {"kind": KIND, "dataset": dataset, "judge": self.reader.id, "plan": plan}
        run = begun_before(self.store, **named)
        if run is not None and run.status == "closed" and (self.fresh or self._has_failures(run.id)):
            run = None
        self._gone_on_with = run is not None
        return run or create_run(self.store, judge=self.reader.row(), run=named)

    def _has_failures(self, run: str) -> bool:
        failed = select(_CALL.c.id).where(_CALL.c.run == run, _CALL.c.status.in_(_FAILED)).limit(1)
        return ask(self.store, lambda connection: connection.execute(failed).scalar()) is not None

    def _items(self, dataset: str) -> Iterator[Item]:
        return (item for page in item_pages(self.store, dataset) for _, item in page)

    def _needed(self, item: Item) -> int:
        return self._reader_of(item, None).calls(_texts(item))

    async def _one(self, model: Model, item: Item) -> bool:
        return self._keep(item, await self._reader_of(item, model).read(_texts(item)))

    def _keep(self, item: Item, read: dict[str, Read]) -> bool:
        return all([self.found.take(item.id, side, one) for side, one in read.items()])

    def _reader_of(self, item: Item, model: Model | None) -> ItemReader:
        """Who reads an item: from what the run holds already, else by asking; without a model from that alone."""
        known: Known | None = None

        async def reply(asked: Question, turn: int, added: list[dict[str, Any]]) -> str:
            nonlocal known
            if known is None:
                known = await asyncio.to_thread(self._known, item.id) if self._gone_on_with else {}
            had = known.get((asked.extractor.name, canonical([asked.side]), turn))
            if had is not None:
                return had
            if model is None:
                raise NoReply("it was not answered")
            return await self._asked(model, item, asked, turn, added)

        async def ask_one(asked: Question) -> str:
            return await reply(asked, 0, [])

        async def mend(asked: Question, said: str, why: str) -> str:
            own = [{"role": "assistant", "content": said}] if said.strip() else []
            told = load_prompt(REPAIR).messages(why=why, answer=asked.extractor.form)
            return await reply(asked, 1, [*own, *told])

        return ItemReader(ask_one, mend, self.wanted, question_text(item), item.context or "")

    async def _asked(self, model: Model, item: Item, asked: Question, turn: int, added: list[dict[str, Any]]) -> str:
        extractor: Extractor = asked.extractor
        unit = VerdictKey(item=item.id, judge=self.reader.id, step=extractor.name, presentation=(asked.side,))
        fence = fence_of(self.store.secret, unit)
        most = self.reader.judge.max_tokens
        _, call = await model.complete(
            [*extractor.messages(fence=fence, **asked.values), *added],
            unit=unit,
            fence=fence,
            schema=extractor.schema,
            turn=turn,
            max_tokens=None if most is None else max(most, asked.room + LEAST_ROOM),
            fresh=self.fresh,
            refuses=_declines,
        )
        if call.status != "ok":
            raise NoReply(f"the model: {call.reason or call.status}")
        return call.response or ""

    def _known(self, item: str) -> Known:
        """What the run's calls for an item brought, by step, side and turn; a hit serves the answer that it reused."""
        source = _CALL.alias()
        wanted = (
            select(_CALL.c.step, _CALL.c.presentation, _CALL.c.turn, _CALL.c.status, _CALL.c.response)
            .add_columns(source.c.response.label("reused"))
            .outerjoin(source, source.c.id == _CALL.c.source)
            .where(_CALL.c.run == self._run, _CALL.c.item == item, _CALL.c.status.in_(("ok", "hit")))
            .order_by(_CALL.c.id)
        )
        rows = ask(self.store, lambda connection: connection.execute(wanted).all())
        return {
            (step, side, turn): (reused if status == "hit" else text) or ""
            for step, side, turn, status, text, reused in rows
        }


def _declines(reply: str) -> bool:
    """Whether a reply declines to answer; an answer may well quote a text that declines."""
    return object_in(reply) is None and is_refusal(reply)


def _texts(item: Item) -> dict[str, str]:
    return {response.id: response_text(response) for response in item.responses}

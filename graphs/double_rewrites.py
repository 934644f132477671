"""Does an attribute of a response move a judge, all else being as the rewriting leaves it? Rewritten there and back.

    rewrite (gain or lose the attribute) > check > rewrite back > check > judge all three > effect

Whoever rewrites changes more than was asked. So the rewriting is held against the rewriting of it, which have that in
common (`metrics/rewrites.py`). Rules and a model see that a rewriting says what the text said; what fails is left out.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import nan
from typing import TYPE_CHECKING, Any

from ..agents.author import Checker, Restyler, says_yes
from ..agents.judge import Judge
from ..analyses.heard import firsts_in, preferred_share, scores_in
from ..metrics.rewrites import RewriteEffect, rewrite_effect, rewrite_preference
from ..store.records import Item, Response
from ..text.attributes import ATTRIBUTES, Attribute
from ..text.errors import BadInput, NothingToJudge
from .chain import Chain, kin_notes, prompt_of
from .plan import Plan, response_text
from .runner import Pace, Watch

if TYPE_CHECKING:
    from .given import Items
    from .study import Study

ORIGINAL, ONCE, TWICE = "original", "once", "twice"


@dataclass(frozen=True, slots=True)
class DoubleRewrites:
    """What came of it.

    Attributes:
        attribute: its name.
        says: what having it means.
        judge: who judged.
        writer: who rewrote.
        measure: `score` or `preference`.
        effect: what the attribute does; None where the work was stopped before.
        responses: how many there were.
        having: how many of them have the attribute.
        left_out: why rewritings are left out, each with how many.
        runs: the runs that hold the calls and verdicts.
        notes: what a report must say.
        stopped: why it was stopped, '' where it was not.
    """

    attribute: str
    says: str
    judge: str
    writer: str
    measure: str
    effect: RewriteEffect | None = None
    responses: int = 0
    having: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    runs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    stopped: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them."""
        return {**asdict(self), "runs": [*self.runs], "notes": [*self.notes], "left_out": dict(self.left_out)}


@dataclass(frozen=True, slots=True)
class _Text:
    """One response that is rewritten.

    Attributes:
        item: the item with it as its only response.
        text: of the response.
        has: whether it has the attribute.
    """

    item: Item
    text: str
    has: bool


async def double_rewrites(
    study: Study,
    items: Items,
    judge: Judge,
    writer: Judge,
    *,
    attribute: str = "length",
    checker: Judge | None = None,
    plan: Plan | None = None,
    pace: Pace | None = None,
    name: str = "",
    strict: bool = False,
    watch: Watch | None = None,
    stop: asyncio.Event | None = None,
    told: Callable[[str], None] | None = None,
) -> DoubleRewrites:
    """Have every response rewritten there and back, and judged; begun again, it goes on where it was stopped.

    Args:
        study: where everything is kept.
        items: as for `Study.judge`; each response counts once, whatever its pair.
        judge: who judges: one that grades responses gives the effect in scores, one that compares pairs in preference.
        writer: who rewrites; best not the judge's kin.
        attribute: `length` or `format`.
        checker: who sees whether a rewriting says the same; None for the writer.
        plan: of the judging; `limit` counts items.
        pace: concurrency, deadlines, and the budget of all runs together.
        name: what the data set is called, for items that come from no file.
        strict: refuse a file with any bad line.
        watch: called with the progress.
        stop: set it to end early.
        told: called with a line about each run that has ended.

    Raises:
        BadInput: if the items cannot be read, there is no such attribute, the judge puts no number on a response and
            compares no pairs, or the writer is no language model.
        NothingToJudge: if no response could be rewritten.
        ModelError: if a model cannot be called at all.
        StoreError: if the store cannot be opened or written.
    """
    if attribute not in ATTRIBUTES:
        raise BadInput(f"There is no attribute `{attribute}` to rewrite.", way_out=" or ".join(ATTRIBUTES))
    if judge.protocol not in ("pairwise", "score", "reference"):
        raise BadInput(f"A judge of the protocol `{judge.protocol}` is not asked here.", way_out="pairwise, or score")
    for who in (writer, checker or writer):
        if not who.is_llm:
            raise BadInput(f"{who.title} rewrites no texts.", way_out="a language model")
    plan = plan or Plan()
    both = plan.model_copy(update={"limit": None, "presentations": "both"})
    chain = Chain(study, both, pace or Pace(), watch, stop or asyncio.Event(), told)
    chain.check_budget(judge, writer, checker or writer)
    given = await chain.prompts(items, name=name, strict=strict, limit=plan.limit)
    wanted = ATTRIBUTES[attribute]
    texts = _texts(given, wanted)
    work = _Rewriting(chain, wanted, writer, checker or writer)
    found = DoubleRewrites(
        *(attribute, wanted.says, judge.title, writer.title),
        measure="preference" if judge.way.together else "score",
        responses=len(texts),
        having=sum(one.has for one in texts.values()),
        notes=kin_notes(judge, writer, does="rewrote"),
    )
    once = await work.turned({key: (one.item, one.text, not one.has) for key, one in texts.items()})
    twice = await work.turned({key: (texts[key].item, text, texts[key].has) for key, text in once.items()})
    found = replace(found, left_out=dict(work.left_out), runs=tuple(work.runs), stopped=work.stopped)
    if found.stopped:
        return found
    if not once:
        why = ", ".join(f"{n} because {reason}" for reason, n in sorted(work.left_out.items()))
        raise NothingToJudge(f"No response could be rewritten ({why or 'there is none'}).", way_out="another writer")
    return await _judged(chain, found, judge, texts, once, twice)


async def _judged(
    chain: Chain,
    found: DoubleRewrites,
    judge: Judge,
    texts: Mapping[str, _Text],
    once: Mapping[str, str],
    twice: Mapping[str, str],
) -> DoubleRewrites:
    """Have the texts and their rewritings judged, and estimate."""
    pairwise = judge.way.together
    made = [item for key in once for item in _to_judge(key, texts[key], once[key], twice.get(key), pairwise=pairwise)]
    outcomes, stopped = await chain.judged(made, [judge], name=f"rewritings of {found.attribute}")
    run = outcomes[judge.title].run
    found = replace(found, runs=(*found.runs, run), stopped=stopped)
    if stopped:
        return found
    keys = [*once]
    has = [float(texts[key].has) for key in keys]
    prompts = ["\0".join(prompt_of(texts[key].item)) for key in keys]
    if not pairwise:
        scores = await asyncio.to_thread(scores_in, chain.study.store, run)
        columns = [[scores.get((key, place), nan) for key in keys] for place in (ORIGINAL, ONCE, TWICE)]
        return replace(found, effect=rewrite_effect(*columns, has=has, prompts=prompts))
    shares = await asyncio.to_thread(firsts_in, chain.study.store, run)

    def with_attribute(key: str, kind: str, other: str) -> float:
        """How often the one with the attribute is preferred: the rewriting has what the response has not."""
        share = preferred_share(shares.get(f"{key}~{kind}", {}), other if texts[key].has else ONCE)
        return nan if share is None else share

    double = [with_attribute(key, "double", TWICE) for key in keys]
    single = [with_attribute(key, "single", ORIGINAL) for key in keys]
    return replace(found, effect=rewrite_preference(double, has=has, prompts=prompts, single=single))


@dataclass(slots=True)
class _Rewriting:
    """The rewritings of one attribute."""

    chain: Chain
    attribute: Attribute
    writer: Judge
    checker: Judge
    left_out: Counter[str] = field(default_factory=Counter)
    runs: list[str] = field(default_factory=list)
    stopped: str = ""

    async def turned(self, asked: Mapping[str, tuple[Item, str, bool]]) -> dict[str, str]:
        """The rewritings that can be used.

        Args:
            asked: by key the item, the text, and whether it is to be given the attribute.
        """
        kept: dict[str, str] = {}
        for gain in (True, False):
            turn = self.attribute.gain if gain else self.attribute.lose
            mine = {key: one for key, one in asked.items() if one[2] == gain}
            author = Restyler(self.writer, prompt=turn.prompt, style="")
            given = [_alone(key, item, text) for key, (item, text, _) in mine.items()]
            for key, text in (await self._written(author, given)).items():
                why = self.attribute.fault(mine[key][1], text, gain=gain)
                if why:
                    self.left_out[why] += 1
                else:
                    kept[key] = text.strip()
        pairs = [
            _alone(key, asked[key][0], asked[key][1], Response(id="rewritten", text=text)) for key, text in kept.items()
        ]
        checked = await self._written(Checker(self.checker), pairs)
        same = {key: says_yes(checked[key]) for key in kept if key in checked}
        self.left_out["the checker says that the meaning changed"] += sum(one is False for one in same.values())
        self.left_out["the checker did not say"] += sum(one is None for one in same.values())
        self.left_out = +self.left_out
        return {key: text for key, text in kept.items() if same.get(key)}

    async def _written(self, author: Restyler | Checker, given: list[Item]) -> dict[str, str]:
        """What an author writes of items, by their ids; nothing once the work was stopped."""
        if not given or self.stopped:
            return {}
        name = f"{author.prompt.rpartition('/')[2].replace('_', ' ')} of {len(given)} texts"
        dataset = await self.chain.stored(given, name=name)
        found = await self.chain.written(author, dataset, given)
        self.runs.append(found.run)
        self.stopped = found.stopped
        who = "checker" if isinstance(author, Checker) else "writer"
        self.left_out.update(f"the {who}: {reason}" for reason in found.failed.values())
        return found.texts


def _texts(items: Sequence[Item], attribute: Attribute) -> dict[str, _Text]:
    """Every response with a text, once, and whether it has the attribute."""
    distinct: dict[tuple[str, str, str], tuple[str, Item, str]] = {}
    for item in items:
        for response in item.responses:
            text = response_text(response)
            if response.text is not None and text.strip():
                place = (*prompt_of(item), text)
                distinct.setdefault(place, (f"{item.id}~{response.id}", item, text))
    values = [attribute.measure(text) for _, _, text in distinct.values()]
    cut = attribute.cut(values) if values else 0.0
    return {
        key: _Text(item, text, value > cut) for (key, item, text), value in zip(distinct.values(), values, strict=True)
    }


def _alone(key: str, item: Item, text: str, *more: Response) -> Item:
    """A text as it is given to whoever rewrites it; it does not say who wrote it."""
    return Item(id=key, prompt=item.prompt, responses=[Response(id="text", text=text), *more])


def _to_judge(key: str, one: _Text, once: str, twice: str | None, *, pairwise: bool) -> list[Item]:
    """What a judge is shown of one response and its rewritings."""
    shown = [Response(id=ORIGINAL, text=one.text), Response(id=ONCE, text=once)]
    back = [] if twice is None else [Response(id=TWICE, text=twice)]
    given = {"prompt": one.item.prompt, "context": one.item.context, "reference": one.item.reference}
    if not pairwise:
        return [Item(id=key, **given, responses=[*shown, *back])]
    made = [Item(id=f"{key}~single", **given, responses=shown)]
    return [*made, *([Item(id=f"{key}~double", **given, responses=[shown[1], *back])] if back else [])]

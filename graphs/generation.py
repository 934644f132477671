"""What does a model write when it is asked for an answer of each score, and did it do so?

    write for 1, 2, 3, 4, 5 > the same model grades what it wrote > manipulation check

Preferences come from the scores alone: what was written for a higher one is preferred to what was written for a lower.
They are obedience as much as preference, on texts that nobody else wrote; `analyses/generation.py` says how far.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import nan
from typing import TYPE_CHECKING, Any

from ..agents.judge import Judge
from ..agents.writers import LEVELS, LevelWriter
from ..analyses.heard import scores_in
from ..metrics.written_levels import Manipulation, manipulation
from ..store.records import Item, Response
from ..text.errors import BadInput, NothingToJudge
from .authoring import Answers
from .chain import Chain, of_each_prompt, prompt_of
from .plan import Plan
from .runner import Pace, Watch

if TYPE_CHECKING:
    from .given import Items
    from .study import Study

PROMPT = "prompt_id"


@dataclass(frozen=True, slots=True)
class Generated:
    """What a model wrote.

    Attributes:
        writer: who.
        levels: the scores, the lowest first.
        items: one a prompt of which something was written: its id is that of the first item with the prompt, its
            responses are called as their scores.
        dataset: the data set that they are stored as; '' where there are none.
        twins: of each item that was given, the item of its prompt.
        grades: the model's own grade of each response, by item and response.
        manipulation: whether the grades rise with the scores; None where the work was stopped before.
        failed: how many answers were not had, by reason.
        ungraded: how many answers have no grade.
        runs: the runs that hold the calls.
        stopped: why it was stopped, '' where it was not.
    """

    writer: str
    levels: tuple[int, ...]
    items: tuple[Item, ...] = ()
    dataset: str = ""
    twins: Mapping[str, str] = field(default_factory=dict)
    grades: Mapping[tuple[str, str], float] = field(default_factory=dict)
    manipulation: Manipulation | None = None
    failed: Mapping[str, int] = field(default_factory=dict)
    ungraded: int = 0
    runs: tuple[str, ...] = ()
    stopped: str = ""

    def to_dict(self) -> dict[str, Any]:
        """All but the texts, for JSON."""
        return {
            **{"writer": self.writer, "levels": [*self.levels], "prompts": len(self.items)},
            "answers": sum(len(item.responses) for item in self.items),
            "manipulation": None if self.manipulation is None else self.manipulation.to_dict(),
            **{"failed": dict(self.failed), "ungraded": self.ungraded},
            **{"runs": [*self.runs], "stopped": self.stopped},
        }


async def generate(
    study: Study,
    items: Items,
    writer: Judge,
    *,
    levels: Sequence[int] = LEVELS,
    words: int = 0,
    plan: Plan | None = None,
    pace: Pace | None = None,
    name: str = "",
    strict: bool = False,
    watch: Watch | None = None,
    stop: asyncio.Event | None = None,
    told: Callable[[str], None] | None = None,
) -> Generated:
    """Have a model answer every prompt once for each score, and grade what it wrote; begun again, it goes on.

    Args:
        study: where everything is kept.
        items: as for `Study.judge`; each prompt (with its context) is answered once, however many items have it.
        writer: the model; of its description the model, its sampling and its limit of tokens count.
        levels: the scores, two or more whole numbers that follow each other.
        words: how many words an answer may have, 0 for any number. A limit holds length still, and cannot find that
            the model takes longer answers for better.
        plan: of the grading; `limit` counts items, `fresh` leaves stored answers unread.
        pace: concurrency, deadlines, and the budget of all runs together.
        name: what the data set is called, for items that come from no file.
        strict: refuse a file with any bad line.
        watch: called with the progress.
        stop: set it to end early.
        told: called with a line about each run that has ended.

    Raises:
        BadInput: if the items cannot be read, the scores are not as above, or the writer is no language model.
        NothingToJudge: if nothing was written.
        ModelError: if the model cannot be called at all.
        StoreError: if the store cannot be opened or written.
    """
    scale = tuple(levels)
    if len(scale) < 2 or scale != tuple(range(scale[0], scale[0] + len(scale))):
        raise BadInput(f"The scores are {list(scale)}; needed are two or more that follow each other, such as 1 to 5.")
    if writer.function:
        raise BadInput(f"{writer.title} writes no answers: it is a function.", way_out="a model")
    plan = plan or Plan()
    graded = plan.model_copy(update={"limit": None})
    chain = Chain(study, graded, pace or Pace(), watch, stop or asyncio.Event(), told)
    chain.check_budget(writer)
    given = await chain.prompts(items, name=name, strict=strict, limit=plan.limit)
    first, twins = _distinct(given)
    asked = await chain.stored(first, name=f"prompts of {name or 'items'}")
    written: list[Answers] = []
    for level in scale:
        author = LevelWriter(writer, words=words, level=level, levels=scale)
        written.append(await chain.written(author, asked, first))
        if written[-1].stopped:
            break
    failed = Counter(reason for one in written for reason in one.failed.values())
    runs = tuple(one.run for one in written if one.run)
    found = Generated(writer.title, scale, twins=twins, failed=dict(failed), runs=runs, stopped=written[-1].stopped)
    if found.stopped:
        return found
    made = [item for item in (_item(one, scale, written) for one in first) if item.responses]
    if not made:
        why = "; ".join(sorted(failed))
        raise NothingToJudge(f"{writer.title} wrote nothing ({why}).", way_out="prompts, or another model")
    return await _graded(chain, replace(found, items=tuple(made)), _grader(writer, scale))


async def _graded(chain: Chain, found: Generated, grader: Judge) -> Generated:
    """What was written, with the model's own grades of it."""
    name = f"answers of {found.writer} for scores"
    stored = await chain.stored([*found.items], name=name)
    outcomes, stopped = await chain.judged([*found.items], [grader], name=name)
    run = outcomes[grader.title].run
    found = replace(found, dataset=stored, runs=(*found.runs, run), stopped=stopped)
    if stopped:
        return found
    grades = await asyncio.to_thread(scores_in, chain.study.store, run)
    table = [[grades.get((item.id, str(level)), nan) for level in found.levels] for item in found.items]
    answers = sum(len(item.responses) for item in found.items)
    return replace(found, grades=grades, ungraded=answers - len(grades), manipulation=manipulation(table))


def _distinct(items: Sequence[Item]) -> tuple[list[Item], dict[str, str]]:
    """One item a prompt, without responses, and of each item the one that stands for it.

    A reference goes too: the model that grades what it wrote would see it.
    """
    first = of_each_prompt(items)
    twins = {item.id: first[prompt_of(item)].id for item in items}
    bare: dict[str, Any] = {"responses": [], "gold": [], "meta": {}, "reference": None}
    return [item.model_copy(update=bare) for item in first.values()], twins


def _item(prompt: Item, scale: Sequence[int], written: Sequence[Answers]) -> Item:
    """What was written for a prompt, as an item."""
    responses = [
        Response(id=str(level), model=one.author, text=one.texts[prompt.id])
        for level, one in zip(scale, written, strict=True)
        if prompt.id in one.texts
    ]
    return prompt.model_copy(update={"responses": responses, "meta": {PROMPT: prompt.id}})


def _grader(writer: Judge, scale: Sequence[int]) -> Judge:
    """The same model as a judge that grades on the same scale."""
    fields = {"model", "name", "base_url", "temperature", "top_p", "seed", "max_tokens", "structured", "extra"}
    told = writer.model_dump(include=fields)
    return Judge(**told, protocol="score", scale=(float(scale[0]), float(scale[-1])))

"""Which attributes of a response make a judge prefer it? They are drawn at random, so that the answer is a cause.

    draw two forms for each prompt > write a response in each > judge > effect of every level (AMCE)

The responses are written by a model, or made by rule from one text of the item, so that nothing differs but the form.
What a model was told and what it wrote are two things: an effect is that of the order, as in a trial by assignment, and
`carried_out` says how far a rule sees the orders followed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import nan
from statistics import median
from typing import TYPE_CHECKING, Any

from ..agents.judge import Judge
from ..agents.writers import WISHES, FormWriter
from ..analyses.heard import firsts_in, scores_in
from ..metrics.conjoint import Conjoint, amce
from ..metrics.conjoint_design import Count, Design, Profile, Task, stacked
from ..store.canonical import digest
from ..store.records import Item, Response
from ..text.errors import BadInput, NothingToJudge
from ..text.forms import FORMS, formed, shows, wishes
from ..text.segments import Segmented
from .chain import Chain, kin_notes, of_each_prompt
from .plan import Plan, response_text
from .runner import Pace, Watch

if TYPE_CHECKING:
    from .given import Items
    from .study import Study

DESIGN = Design({attribute: tuple(levels) for attribute, levels in FORMS.items()})
"""Length, form, tone and opening, each drawn evenly and independently."""
FIRST, SECOND = "first", "second"
BY_RULE = "by rule"


@dataclass(frozen=True, slots=True)
class LiveConjoint:
    """What came of it.

    Attributes:
        judge: who judged.
        writer: who wrote, or `by rule`.
        found: the effects; None where the work was stopped before.
        balance: whether the draws came out as they should, over the pairs that were judged.
        carried_out: of each level the share of responses in which a rule sees it; levels that no rule sees are not
            there. By rule it is all of them, or the rule that sees errs.
        pairs: how many were drawn.
        judged: how many have a verdict in some order.
        left_out: why pairs are not there, each with how many.
        runs: the runs that hold the calls and verdicts.
        notes: what a report must say.
        stopped: why it was stopped, '' where it was not.
    """

    judge: str
    writer: str
    found: Conjoint | None = None
    balance: tuple[Count, ...] = ()
    carried_out: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    pairs: int = 0
    judged: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    runs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    stopped: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them."""
        told = asdict(replace(self, balance=()))
        return {
            **told,
            "balance": [one._asdict() for one in self.balance],
            "runs": [*self.runs],
            "notes": [*self.notes],
        }


async def live_conjoint(
    study: Study,
    items: Items,
    judge: Judge,
    *,
    design: Design = DESIGN,
    writer: Judge | None = None,
    pairs: int = 1,
    seed: int = 0,
    words: int = 0,
    plan: Plan | None = None,
    pace: Pace | None = None,
    name: str = "",
    strict: bool = False,
    watch: Watch | None = None,
    stop: asyncio.Event | None = None,
    told: Callable[[str], None] | None = None,
) -> LiveConjoint:
    """Draw forms, have responses written in them and judged, and estimate; begun again, it goes on.

    Args:
        study: where everything is kept.
        items: as for `Study.judge`; each prompt counts once. Without a writer an item needs a reference or a response:
            its text is what is said.
        judge: who judges, pairs or single responses.
        design: what may be drawn. Without a writer its attributes and levels must be those of `text/forms.py`.
        writer: the model that writes; None for responses made by rule.
        pairs: how many a prompt, 1 or more.
        seed: of the draw; the plan has one of its own.
        words: how many words a model's answer may have, 0 for what its form says.
        plan: of the judging; `limit` counts items.
        pace: concurrency, deadlines, and the budget of all runs together.
        name: what the data set is called, for items that come from no file.
        strict: refuse a file with any bad line.
        watch: called with the progress.
        stop: set it to end early.
        told: called with a line about each run that has ended.

    Raises:
        BadInput: if the items cannot be read, the design cannot be made by rule, the judge compares no pairs and grades
            nothing, or the writer is a function.
        NothingToJudge: if no pair came about.
        ModelError: if a model cannot be called at all.
        StoreError: if the store cannot be opened or written.
    """
    _check(design, judge, writer)
    plan = plan or Plan()
    chain = Chain(study, plan.model_copy(update={"limit": None}), pace or Pace(), watch, stop or asyncio.Event(), told)
    chain.check_budget(judge, *([] if writer is None else [writer]))
    given = await chain.prompts(items, name=name, strict=strict, limit=plan.limit, with_gold=True)
    prompts = {item.id: item for item in of_each_prompt(given).values()}
    tasks = design.draw([*prompts], pairs=pairs, seed=seed)
    found = LiveConjoint(judge.title, BY_RULE if writer is None else writer.title, pairs=len(tasks))
    if writer is None:
        made = _by_rule(prompts, tasks)
    else:
        made = await _by_model(chain, FormWriter(writer, words), prompts, tasks)
        found = replace(found, notes=kin_notes(judge, writer, does="wrote"))
    gone = {task[:2]: why for task in tasks if (why := made.why(task))}
    whole = [task for task in tasks if task[:2] not in gone]
    left_out = Counter(gone.values())
    found = replace(found, left_out=dict(left_out), runs=(made.run,) if made.run else (), stopped=made.stopped)
    if found.stopped:
        return found
    if not whole:
        why = ", ".join(f"{n}: {reason}" for reason, n in sorted(left_out.items()))
        raise NothingToJudge(f"No pair came about ({why or 'there is no prompt'}).", way_out="items with a text each")
    return await _judged(chain, found, judge, design, prompts, whole, made.texts)


@dataclass(frozen=True, slots=True)
class _Made:
    """What was written, by the key of prompt and form; why the rest was not, by the same key."""

    texts: Mapping[str, str]
    failed: Mapping[str, str]
    run: str = ""
    stopped: str = ""

    def why(self, task: Task) -> str:
        """Why a pair did not come about; '' where it did."""
        lacking = [key for key in _keys(task) if key not in self.texts]
        return self.failed.get(lacking[0], "it was stopped before") if lacking else ""


def _check(design: Design, judge: Judge, writer: Judge | None) -> None:
    if judge.protocol not in ("pairwise", "score", "reference"):
        raise BadInput(f"A judge of the protocol `{judge.protocol}` is not asked here.", way_out="pairwise, or score")
    if writer is not None:
        if writer.function:
            raise BadInput(f"{writer.title} writes no answers: it is a function.", way_out="a model")
        return
    for attribute, levels in design.attributes.items():
        unknown = [level for level in levels if level not in FORMS.get(attribute, {})]
        if unknown:
            known = "; ".join(f"{name}: {', '.join(told)}" for name, told in FORMS.items())
            raise BadInput(f"`{attribute}: {unknown[0]}` is not made by rule.", way_out=f"a writer, or some of {known}")


def _key(prompt: str, profile: Profile) -> str:
    return f"{prompt}~{digest(profile)[:12]}"


def _keys(task: Task) -> tuple[str, str]:
    return _key(task.prompt, task.first), _key(task.prompt, task.second)


def _forms(tasks: Sequence[Task]) -> dict[str, tuple[str, Profile]]:
    """Every prompt and form that is needed, once, by its key."""
    every = [(task.prompt, profile) for task in tasks for profile in (task.first, task.second)]
    return {_key(prompt, profile): (prompt, profile) for prompt, profile in every}


def _by_rule(prompts: Mapping[str, Item], tasks: Sequence[Task]) -> _Made:
    """One text of each item in the forms drawn for it."""
    texts, failed = {}, {}
    for key, (prompt, profile) in _forms(tasks).items():
        try:
            texts[key] = formed(_said(prompts[prompt]), profile)
        except ValueError:
            failed[key] = "the item has no text to be put into a form"
    return _Made(texts, failed)


def _said(item: Item) -> str:
    """What is said: the item's reference, else the response that gold prefers, else the first; '' for none."""
    if (item.reference or "").strip():
        return item.reference or ""
    liked = [name for label in item.gold for name in sorted(label.acceptable)]
    order = sorted(item.responses, key=lambda response: response.id not in liked[:1])
    return next((text for response in order if (text := response_text(response)).strip()), "")


async def _by_model(chain: Chain, author: FormWriter, prompts: Mapping[str, Item], tasks: Sequence[Task]) -> _Made:
    """What a model writes in each form."""
    bare: dict[str, Any] = {"responses": [], "gold": [], "reference": None}
    asked = [
        prompts[prompt].model_copy(update={**bare, "id": key, "meta": {WISHES: wishes(profile)}})
        for key, (prompt, profile) in _forms(tasks).items()
    ]
    stored = await chain.stored(asked, name=f"forms of {len(asked)} answers")
    found = await chain.written(author, stored, asked)
    failed = {key: f"the writer: {reason}" for key, reason in found.failed.items()}
    return _Made(found.texts, failed, found.run, found.stopped)


async def _judged(
    chain: Chain,
    found: LiveConjoint,
    judge: Judge,
    design: Design,
    prompts: Mapping[str, Item],
    tasks: Sequence[Task],
    texts: Mapping[str, str],
) -> LiveConjoint:
    """Have the pairs judged, and estimate."""
    items = [_pair(prompts[task.prompt], task, texts) for task in tasks]
    outcomes, stopped = await chain.judged(items, [judge], name="drawn forms")
    run = outcomes[judge.title].run
    found = replace(found, runs=(*found.runs, run), stopped=stopped, carried_out=_carried_out(tasks, texts))
    if stopped:
        return found
    read = _compared if judge.way.together else _graded
    rows = await asyncio.to_thread(read, chain, run, tasks)
    laid = stacked(design, [task for task, _ in rows], [share for _, share in rows])
    profiles, levels = dict(laid.profiles), dict(laid.levels)
    if not judge.way.together:  # each was shown alone: there was no place in front
        del profiles["place"], levels["place"]
    effects = amce(laid.chosen, profiles, levels=levels, clusters=laid.clusters, linked=laid.linked)
    heard = {(task.prompt, task.number) for task, share in rows if share == share}
    kept = [task for task in tasks if (task.prompt, task.number) in heard]
    return replace(found, found=effects, balance=design.balance(kept), judged=len(kept))


def _pair(prompt: Item, task: Task, texts: Mapping[str, str]) -> Item:
    responses = [Response(id=name, text=texts[key]) for name, key in zip((FIRST, SECOND), _keys(task), strict=True)]
    meta = {"prompt_id": task.prompt, "forms": {FIRST: task.first, SECOND: task.second}}
    made = {"id": f"{task.prompt}~{task.number}", "responses": responses, "gold": [], "meta": meta}
    return prompt.model_copy(update=made)


def _compared(chain: Chain, run: str, tasks: Sequence[Task]) -> list[tuple[Task, float]]:
    """Every order of a pair as a task of its own, with how often the first was preferred; NaN without a verdict."""
    heard, rows = firsts_in(chain.study.store, run), []
    as_drawn, turned = (FIRST, SECOND), (SECOND, FIRST)
    for task in tasks:
        orders = heard.get(f"{task.prompt}~{task.number}", {})
        asked = [as_drawn, turned] if chain.plan.presentations == "both" else [*orders] or [as_drawn]
        for shown in asked:
            one, other = (task.first, task.second) if shown == as_drawn else (task.second, task.first)
            rows.append((Task(task.prompt, task.number, one, other), orders.get(shown, nan)))
    return rows


def _graded(chain: Chain, run: str, tasks: Sequence[Task]) -> list[tuple[Task, float]]:
    """Every pair with the higher score preferred, one half where they are alike."""
    scores, rows = scores_in(chain.study.store, run), []
    for task in tasks:
        one, other = (scores.get((f"{task.prompt}~{task.number}", name), nan) for name in (FIRST, SECOND))
        known = one == one and other == other
        rows.append((task, (0.5 + 0.5 * ((one > other) - (one < other))) if known else nan))
    return rows


def _carried_out(tasks: Sequence[Task], texts: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Of each level the share of its texts in which a rule sees it."""
    forms = _forms(tasks)
    words = median(len(Segmented(texts[key]).words) for key in forms)
    seen: dict[tuple[str, str], list[bool]] = {}
    for key, (_, profile) in forms.items():
        for attribute, level in profile.items():
            found = shows(texts[key], attribute, level, words=words)
            if found is not None:
                seen.setdefault((attribute, level), []).append(found)
    told: dict[str, dict[str, float]] = {}
    for (attribute, level), found_ones in sorted(seen.items()):
        told.setdefault(attribute, {})[level] = sum(found_ones) / len(found_ones)
    return told

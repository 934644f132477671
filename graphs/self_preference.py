"""How is it measured whether judges favour their own? Candidates answer, each judges every pair, so does a gold panel.

    candidates answer > every candidate judges every pair > gold judges > DBG and EQB

The answers come from graphs/authoring.py, a run for each candidate; each judge's pass over the pairs is a run of the
judge graph; analyses/self_preference.py reads the verdicts. Whatever was stopped is gone on with when the same is begun
again: runs are known by their data set, judge and plan, and no stored answer is asked for again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

from ..agents.judge import Judge
from ..analyses.own_verdicts import PROMPT
from ..analyses.self_preference import Matrix, Options, save, self_preference as measured
from ..store.begun import begun_before
from ..store.datasets import dataset_id, find_dataset, records_digest, store_all
from ..store.engine import Store
from ..store.faults import Fault
from ..store.progress import tally
from ..store.records import TIE, Gold, Item, Response
from ..store.transactions import ask
from ..text.errors import NothingToJudge
from .authoring import Answers, begun, given_by, prompts_in, stored_answers
from .chain import Chain
from .contest import Contest
from .own_arms import DISCLOSED, REWRITTEN, disclosed_pairs, rewritten, rewritten_pairs, told_of
from .plan import Plan, as_written
from .runner import Pace, Watch

if TYPE_CHECKING:
    from .given import Items
    from .outcome import Outcome
    from .study import Study


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it.

    Attributes:
        answers: of each candidate.
        outcomes: each judge's run, by the judge's title; the last is open where the trial was stopped.
        matrix: what was measured; None where the trial was stopped.
        arms: what was measured of each arm, by its name.
        stopped: why it was, '' where it was not.
        notes: what every report must say of who took part.
        faults: lines of the prompts' file that could not be used.
        unanswered: by candidate how many prompts it did not answer.
    """

    answers: tuple[Answers, ...]
    outcomes: dict[str, Outcome]
    matrix: Matrix | None
    stopped: str = ""
    notes: tuple[str, ...] = ()
    arms: Mapping[str, Matrix] = field(default_factory=dict)
    faults: tuple[str, ...] = ()

    @property
    def unanswered(self) -> dict[str, int]:
        """By candidate how many prompts it did not answer."""
        return {one.author: len(one.failed) for one in self.answers if one.failed}

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "matrix": None if self.matrix is None else self.matrix.to_dict(),
            "arms": {name: matrix.to_dict() for name, matrix in self.arms.items()},
            "authors": {one.author: {"run": one.run, "failed": one.failed} for one in self.answers},
            "outcomes": {name: outcome.to_dict() for name, outcome in self.outcomes.items()},
            "stopped": self.stopped,
            "notes": [*self.notes],
            "faults": [*self.faults],
        }


def pairs_of(items: Sequence[Item], answers: Sequence[Answers]) -> list[Item]:
    """An item for each prompt and each two candidates that answered it; responses are called as who wrote them.

    Args:
        items: the prompts; labels of responses that they came with go along where both are of the pair.
        answers: of each candidate, in the order in which pairs name them.
    """
    made = []
    for item in items:
        for one, other in combinations([a for a in answers if item.id in a.texts], 2):
            names = (one.author, other.author)
            texts = (one.texts[item.id], other.texts[item.id])
            responses = [Response(id=n, model=n, text=text) for n, text in zip(names, texts, strict=True)]
            made.append(
                Item(
                    id=f"{item.id}~{one.author}~{other.author}",
                    **{"prompt": item.prompt, "context": item.context, "reference": item.reference},
                    responses=responses,
                    gold=_labels(item, names),
                    meta={**_carried(item, names), PROMPT: item.id},
                )
            )
    return made


def _labels(item: Item, names: tuple[str, str]) -> list[Gold]:
    """The item's labels as they speak of these two models' responses."""
    wrote = {response.id: response.model for response in item.responses if response.model in names}
    found = []
    for label in item.gold:
        kept: dict[str, Any] = {}
        if label.acceptable and len(wrote) == 2:
            best = [wrote.get(name, name) for name in sorted(label.acceptable)]
            if all(name in (*names, TIE) for name in best):
                kept["preferred"] = best
        if label.scores and set(wrote) <= set(label.scores):
            kept["scores"] = {str(wrote[name]): label.scores[name] for name in wrote}
        if kept and len(wrote) == 2:
            found.append(Gold(annotator=label.annotator, group=label.group, sample=label.sample, **kept))
    return found


def _carried(item: Item, names: tuple[str, str]) -> dict[str, Any]:
    """The item's `meta`, what it says of single responses told of the models that wrote them."""
    wrote = {response.id: str(response.model) for response in item.responses if response.model in names}

    def told(value: Any) -> Any:
        if isinstance(value, dict) and value and set(value) <= {*wrote, *names, *(r.id for r in item.responses)}:
            return {wrote.get(name, name): inner for name, inner in value.items() if wrote.get(name, name) in names}
        return value

    return {name: told(value) for name, value in item.meta.items()}


@dataclass(slots=True)
class Proceedings(Chain):
    """A trial under way."""

    contest: Contest = field(kw_only=True)

    async def answered(self, dataset: str, items: list[Item]) -> tuple[list[Answers], str]:
        """Have the candidates answer, one after the other; gives the answers, and why that was stopped."""
        found: list[Answers] = []
        for author in self.contest.authors:
            one = await self.written(author, dataset, items)
            found.append(one)
            if one.stopped:
                return found, one.stopped
        return found, ""

    async def measured(self, runs: list[str], gold: list[str], options: Options) -> Matrix:
        """Measure and keep."""
        matrix = await asyncio.to_thread(measured, self.study.store, runs, gold, options=options)
        await asyncio.to_thread(save, self.study.store, matrix, contest=self.contest.options())
        return matrix


async def try_candidates(
    study: Study,
    items: Items,
    contest: Contest,
    *,
    plan: Plan | None = None,
    pace: Pace | None = None,
    options: Options | None = None,
    name: str = "",
    strict: bool = False,
    watch: Watch | None = None,
    stop: asyncio.Event | None = None,
    told: Callable[[str], None] | None = None,
) -> Trial:
    """Have candidates answer and everybody judge, and measure; begun again, it goes on where it was stopped.

    Args:
        study: where everything is kept.
        items: the prompts, as for `Study.judge`; answers that name a candidate as their model are taken as they are.
        contest: who takes part.
        plan: of every judge's run; both presentations are judged whatever it says.
        pace: concurrency and deadlines; its budget is that of all runs together.
        options: of the analysis.
        name: what the data set is called, for items that come from no file.
        strict: refuse a file with any bad line before anything is asked.
        watch: called with the progress after each answer and each item.
        stop: set it to end early.
        told: called with a line about each run that has ended.

    Raises:
        BadInput: if the items cannot be read, or those who take part cannot be held against each other.
        BadJudge: if a judge's description does not hold.
        NothingToJudge: if no prompt was answered by two candidates.
        ModelError: if a model cannot be called at all.
        StoreError: if the store cannot be opened or written.
    """
    notes = await asyncio.to_thread(contest.check)
    plan = plan or Plan()
    limit = plan.limit
    work = Proceedings(study, _whole(plan), pace or Pace(), watch, stop or asyncio.Event(), told, contest=contest)
    work.check_budget(*contest.judges, *(one.judge for one in contest.helpers))
    reading = await asyncio.to_thread(study.reading_of, items, name=name, strict=strict)
    await asyncio.to_thread(store_all, study.store, reading)
    prompts = await asyncio.to_thread(prompts_in, study.store, reading.dataset.id, limit=limit, with_gold=True)
    answers, stopped = await work.answered(reading.dataset.id, prompts)
    dataset = await asyncio.to_thread(find_dataset, study.store, reading.dataset.id)
    faults = tuple(str(Fault(**fault)) for fault in dataset.faults)
    if stopped:
        return Trial(tuple(answers), {}, None, stopped, notes, faults=faults)
    pairs = pairs_of(prompts, answers)
    if not pairs:
        why = "; ".join(f"{one.author}: {reason}" for one in answers for reason in sorted(set(one.failed.values())))
        said = f"No prompt of {reading.dataset.name} was answered by two candidates"
        raise NothingToJudge(f"{said} ({why})." if why else f"{said}.", way_out="prompts, as docs/files.md shows")
    outcomes, stopped = await work.judged(pairs, contest.judges, name=f"pairs of {reading.dataset.name}")
    if stopped:
        return Trial(tuple(answers), outcomes, None, stopped, notes, faults=faults)
    runs = [outcomes[one.title].run for one in contest.candidates]
    gold = [outcomes[one.title].run for one in contest.gold]
    titles = tuple(one.title for one in contest.gold)
    alike = sum(pair.responses[0].text == pair.responses[1].text for pair in pairs)
    notes += (f"{alike} of {len(pairs)} pairs hold the same text twice",) if alike else ()
    chosen = options or Options()
    chosen = replace(chosen, gold_judges=titles, notes=(*chosen.notes, *notes))
    matrix = await work.measured(runs, gold, chosen)
    found = Trial(tuple(answers), outcomes, matrix, "", notes, faults=faults)
    return await _with_arms(work, found, prompts, pairs, gold, chosen)


async def _with_arms(
    work: Proceedings, plain: Trial, prompts: list[Item], pairs: list[Item], gold: list[str], options: Options
) -> Trial:
    """The trial with what was done to the answers measured too; without its matrix where that was stopped."""
    arms: dict[str, Matrix] = {}
    outcomes = dict(plain.outcomes)
    contest = work.contest
    told: list[tuple[str, list[Item], Sequence[Judge], tuple[str, ...]]] = []
    if contest.disclosed:
        told.append((DISCLOSED, disclosed_pairs(pairs), contest.candidates, ()))
    if contest.restyler is not None:
        made = await rewritten(work, prompts, plain.answers, contest.restyler, contest.meaning)
        if made.stopped:
            return replace(plain, matrix=None, stopped=made.stopped)
        changed = rewritten_pairs(pairs, made.texts, style=contest.restyler.style)
        told.append((REWRITTEN, changed, contest.judges, told_of(made)))
    for arm, items, judges, notes in told:
        if not items:
            plain = replace(plain, notes=(*plain.notes, f"nothing is left of the arm `{arm}`", *notes))
            continue
        heard, stopped = await work.judged(items, judges, name=f"pairs, {arm}")
        outcomes |= {f"{title} ({arm})": outcome for title, outcome in heard.items()}
        if stopped:
            return replace(plain, outcomes=outcomes, matrix=None, stopped=stopped)
        runs = [heard[one.title].run for one in contest.candidates]
        golden = [heard[one.title].run for one in contest.gold] if arm == REWRITTEN else gold
        beside = () if plain.matrix is None else plain.matrix.runs
        chosen = replace(options, arm=arm, notes=(*options.notes, *notes), beside=beside)
        arms[arm] = await work.measured(runs, golden, chosen)
    return replace(plain, outcomes=outcomes, arms=arms)


def stored_in(store: Store, dataset: str, prompts: Sequence[Item], contest: Contest, *, plan: Plan) -> int:
    """How many of a trial's calls are answered already, in the runs that it would go on with.

    Args:
        store: where they are.
        dataset: the prompts' data set.
        prompts: the items.
        contest: who takes part.
        plan: of every judge's run.
    """
    items, answers, found = [*prompts], list[Answers](), 0
    for author in contest.authors:
        given = given_by(author.title, items)
        run = begun(store, dataset, author, fresh=plan.fresh)
        known = {} if run is None else stored_answers(store, run.id)
        mine = {item.id: known[item.id] for item in items if item.id in known and item.id not in given}
        found += len(mine)
        answers.append(Answers(author.title, texts={**given, **mine}))
    if any(len(one.texts) < len(items) for one in answers):
        return found
    pairs = records_digest(pairs_of(items, answers))
    for judge in contest.judges:
        told = as_written(_whole(plan), judge)
        begun_run = begun_before(store, kind="judge", dataset=dataset_id(pairs), judge=judge.id, plan=told)
        if begun_run is not None and not (plan.fresh and begun_run.status == "closed"):
            sums = ask(store, lambda connection, run=begun_run.id: tally(connection, run))  # type: ignore[misc]
            found += sum(sums["verdicts"].values())
    return found


def _whole(plan: Plan) -> Plan:
    """The plan of every judge's run: all pairs, in both presentations."""
    return plan.model_copy(update={"presentations": "both", "limit": None})

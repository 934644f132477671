"""The library's door: how does a program judge items and keep the results?"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..agents.judge import Judge
from ..agents.kinship import Notice, notices_before
from ..agents.panel import Panel
from ..agents.tools.known import AUTO
from ..store.datasets import Dataset, Reading, dataset_of_file, dataset_of_records, find_dataset, scan
from ..store.engine import Store
from ..store.faults import Fault
from ..store.personas import stored_panel
from ..store.progress import tally
from ..store.runs import Run, check_closed, create_run, find_run
from ..store.transactions import ask
from ..text.errors import BadInput, BadJudge
from .early import gate_answer
from .given import Items, as_judge, items_of, sized, usable
from .in_sync import run_sync
from .outcome import Outcome
from .panel import seated
from .plan import Plan, as_written
from .runner import Job, Pace, Watch

if TYPE_CHECKING:
    from ..agents.attacks.base import Attack, Place
    from ..agents.perturbers.base import Perturber
    from ..analyses.attack import Attacked
    from ..analyses.audit import Audit
    from ..analyses.profile_found import Profile
    from ..analyses.self_preference import Matrix, Options
    from ..store.records import Item
    from ..text.factors import Factor
    from .compare import Compared
    from .contest import Contest
    from .planting import F, Tried
    from .self_preference import Trial as Verdicts
    from .tools_gain import Trial

Heed = Callable[[tuple[Notice, ...]], Awaitable[None]]


class Study:
    """A store and what is done in it.

    `async with Study("sqlite:///study.db") as study: ...`, or a path; the store is made where there is none.
    """

    def __init__(self, db: str | os.PathLike[str] = "plurijudge.db") -> None:
        """Name the store; it is opened on first use."""
        self._db = db
        self._store: Store | None = None

    @property
    def store(self) -> Store:
        """The open store."""
        if self._store is None:
            self._store = Store.open(self._db, create=True)
        return self._store

    def close(self) -> None:
        """Release the store."""
        if self._store is not None:
            self._store.close()
            self._store = None

    async def __aenter__(self) -> Study:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __enter__(self) -> Study:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def judge(
        self,
        items: Items,
        judge: Judge | str | None = None,
        *,
        panel: Panel | str | None = None,
        plan: Plan | None = None,
        pace: Pace | None = None,
        name: str = "",
        strict: bool = False,
        watch: Watch | None = None,
        stop: asyncio.Event | None = None,
        heed: Heed | None = None,
    ) -> Outcome:
        """Judge items and keep everything.

        Args:
            items: a file's path, a list or iterator of items (records or mappings), or a data frame.
            judge: who judges; a `Judge`, or a model's name.
            panel: the voices that it judges with: a `Panel`, a shipped one's name, or a file. Members that may not vote
                are left out (`Panel.seated` says who, and takes options).
            plan: presentations, samples, seed, limit.
            pace: concurrency and deadlines.
            name: what the data set is called, for items that come from no file.
            strict: refuse a file with any bad line before anything is judged.
            watch: called with the progress after each item.
            stop: set it to end early; the run stays open and can be gone on with.
            heed: given what must be said of judges and the writers of what they judge (`agents/kinship.py`), before
                the first item is judged; it may refuse by raising an error of plurijudge's.

        Raises:
            BadInput: if the items cannot be read.
            BadJudge: if the judge's description does not hold.
            BadPanel: if the panel's does not, or too few of its members may vote.
            ModelError: if the model cannot be called at all.
            StoreError: if the store cannot be opened or written.
        """
        who = as_judge(judge)
        await asyncio.to_thread(who.check)
        who = await asyncio.to_thread(self.fixed, who)
        voices = await asyncio.to_thread(seated, panel, who)
        await asyncio.to_thread(_check_budget, pace, who, voices)
        reading = await asyncio.to_thread(self.reading_of, items, name=name, strict=strict)
        plan = plan or Plan()
        run = await asyncio.to_thread(self._begun, reading.dataset.id, who, plan, voices)
        return await self._work(run, who, plan, voices, reading, pace, watch, stop, heed)

    async def resume(
        self, run: str, *, pace: Pace | None = None, watch: Watch | None = None, stop: asyncio.Event | None = None
    ) -> Outcome:
        """Go on with a run from the store alone.

        Raises:
            NotFound: if there is no such run.
            BadJudge: if the judge is not what it was, such as by a changed prompt.
            BadInput: if the rest of its file is gone or changed.
        """
        found = await asyncio.to_thread(find_run, self.store, run)
        if found.status == "closed":
            return await asyncio.to_thread(self.outcome, found)
        who, plan, voices = await asyncio.to_thread(self._as_planned, found)
        await asyncio.to_thread(_check_budget, pace, who, voices)
        dataset = await asyncio.to_thread(find_dataset, self.store, found.dataset)
        reading = await asyncio.to_thread(_rest_of, dataset)
        return await self._work(found, who, plan, voices, reading, pace, watch, stop)

    async def retry(
        self, run: str, *, pace: Pace | None = None, watch: Watch | None = None, stop: asyncio.Event | None = None
    ) -> Outcome:
        """Ask again what failed in a closed run, as a new run that names it as its parent.

        Raises:
            BadInput: if the run is still open, or nothing in it failed.
        """
        found = await asyncio.to_thread(find_run, self.store, run)
        check_closed(found)
        sums = (await asyncio.to_thread(self.outcome, found)).sums
        if not any(n for status, n in sums["verdicts"].items() if status not in ("ok", "abstained")):
            raise BadInput(f"Nothing failed in the run {found.id}.", way_out=f"plurijudge show {found.id}")
        who, plan, voices = await asyncio.to_thread(self._as_planned, found)
        await asyncio.to_thread(_check_budget, pace, who, voices)
        dataset = await asyncio.to_thread(find_dataset, self.store, found.dataset)
        again = plan.model_copy(update={"retry_of": found.id, "fresh": False, "until": "", "gate": ""})
        made = await asyncio.to_thread(self._begun, found.dataset, who, again, voices)
        return await self._work(made, who, again, voices, _rest_of(dataset), pace, watch, stop)

    async def tools_gain(
        self,
        items: Items,
        judge: Judge,
        *,
        plan: Plan | None = None,
        pace: Pace | None = None,
        each: bool = False,
        probes: bool = False,
        name: str = "",
        strict: bool = False,
        watch: Watch | None = None,
        stop: asyncio.Event | None = None,
    ) -> Trial:
        """Judge items without tools and with them, and measure what the tools bring.

        Args:
            items: as for `judge`; gold says which verdicts are right.
            judge: the judge with its tools.
            plan: of every run.
            pace: concurrency and deadlines; its budget is that of all runs together.
            each: whether each tool is tried alone, not all of them together.
            probes: whether the judge is tried too with results that are flipped, and with tools that all fail.
            name: what the data set is called, for items that come from no file.
            strict: refuse a file with any bad line before anything is judged.
            watch: called with the progress after each item.
            stop: set it to end early; what was answered is not paid again when the trial is started anew.

        Raises:
            BadInput: if the items cannot be read, or the judge has no tools or does not judge pairs.
            BadJudge: if the judge's description does not hold.
            ModelError: if the model cannot be called at all.
            StoreError: if the store cannot be opened or written.
        """
        from .tools_gain import try_tools

        return await try_tools(
            self,
            items,
            judge,
            plan=plan,
            pace=pace,
            each=each,
            probes=probes,
            name=name,
            strict=strict,
            watch=watch,
            stop=stop,
        )

    def self_preference(
        self,
        runs: Outcome | str | Sequence[Outcome | str],
        *,
        gold: Outcome | str | Sequence[Outcome | str],
        **options: Any,
    ) -> Matrix:
        """Measure how far judges favour their own answers, from closed runs; the result is kept.

        Args:
            runs: runs of judges of which at least one wrote answers that it judges, or their ids.
            gold: gold's runs, over the same items.
            options: as `analyses.self_preference.Options` has them.

        Raises:
            NotFound: if there is no such run.
            BadInput: if the runs do not fit together.
        """
        from ..analyses.self_preference import Options, save, self_preference as measured

        found = measured(self.store, _names(runs), _names(gold), options=Options(**options))
        save(self.store, found)
        return found

    def profile(self, run: Outcome | str, *, factors: Sequence[str | Factor] = (), **options: Any) -> Profile:
        """Say which factors the preferences of a run's judges go with, and people's; the result is kept.

        Args:
            run: a closed run, or its id.
            factors: names, such as `length` or `my.py:factor`, or factors; all rules where none is given.
            options: as `graphs.profile.profile` takes them, such as `against="human"`.

        Raises:
            NotFound: if there is no such run.
            BadInput: if there is nothing to measure, or a name means no factor.
        """
        from .profile import profile

        return profile(self, run, factors=factors, **options)

    async def try_candidates(
        self,
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
    ) -> Verdicts:
        """Have candidates answer prompts and judge each other, gold too, and measure who favours their own.

        Begun again, it goes on where it was stopped. See `graphs.self_preference.try_candidates`.
        """
        from .self_preference import try_candidates

        return await try_candidates(
            self,
            items,
            contest,
            plan=plan,
            pace=pace,
            options=options,
            name=name,
            strict=strict,
            watch=watch,
            stop=stop,
        )

    async def compare(
        self,
        items: Items,
        judges: Sequence[Judge | str],
        *,
        plan: Plan | None = None,
        pace: Pace | None = None,
        group: str | None = None,
        name: str = "",
        strict: bool = False,
        watch: Watch | None = None,
        stop: asyncio.Event | None = None,
    ) -> Compared:
        """Judge items with two judges, and say which of them agrees more with gold, and at what price.

        Args:
            items: as for `judge`; gold says which verdicts are right.
            judges: the judge that the other is held against, and the other.
            plan: of both runs.
            pace: concurrency and deadlines; its budget is that of both runs together.
            group: the annotators' group whose labels are gold; None for all.
            name: what the data set is called, for items that come from no file.
            strict: refuse a file with any bad line before anything is judged.
            watch: called with the progress after each item.
            stop: set it to end early; what was answered is not paid again when the comparison is started anew.

        Raises:
            BadInput: if the items cannot be read, or there are not two different judges.
            BadJudge: if a judge's description does not hold, or it judges no pairs.
            ModelError: if a model cannot be called at all.
            StoreError: if the store cannot be opened or written.
        """
        from .compare import compare

        return await compare(
            self,
            items,
            judges,
            plan=plan,
            pace=pace,
            group=group,
            name=name,
            strict=strict,
            watch=watch,
            stop=stop,
        )

    async def audit(
        self,
        items: Items,
        judge: Judge | str,
        *,
        biases: Sequence[str | Perturber] = (),
        samples: int = 1,
        seed: int = 0,
        fresh: bool = False,
        limit: int | None = None,
        pace: Pace | None = None,
        name: str = "",
        watch: Watch | None = None,
        stop: asyncio.Event | None = None,
        heed: Heed | None = None,
    ) -> Tried[Audit]:
        """Plant cues in items on either side, judge them with and without, and say what moves the judge; it is kept.

        Args:
            items: as for `judge`: pairs.
            judge: who is audited.
            biases: names, such as `bandwagon` or `my.py:Perfume`, or perturbers; those of `plurijudge audit` where none
                is given.
            samples: how often each planted presentation is judged.
            seed: of every draw.
            fresh: whether answers of other runs are left unread.
            limit: how many items; None for all.
            pace: concurrency and deadlines.
            name: what the data set is called.
            watch: called with the progress after each item.
            stop: set it to end early; the run stays open and can be gone on with.
            heed: as for `judge`.

        Raises:
            BadInput: if the items cannot be read, or a name means no bias.
            BadJudge: if the judge's description does not hold, or it judges no pairs.
            NothingToJudge: if there is no item that the judge can judge.
            ModelError: if the model cannot be called at all.
            StoreError: if the store cannot be opened or written.
        """
        from ..agents.perturbers.known import USUAL, perturbers_of
        from .audit import check, kept, planted

        who, perturbers = as_judge(judge), perturbers_of(biases or USUAL)
        check(who)
        plant = partial(planted, perturbers=perturbers, samples=samples, seed=seed, fresh=fresh)
        driven = {"pace": pace, "name": name or "audit", "watch": watch, "stop": stop, "heed": heed}
        return await self._tried(items, who, plant, kept, limit=limit, **driven)

    async def attack(
        self,
        items: Items,
        judge: Judge | str,
        *,
        attacks: Sequence[str | Attack] = (),
        places: Sequence[Place] = ("response",),
        on: str = "weaker",
        each: int | None = None,
        samples: int = 1,
        seed: int = 0,
        fresh: bool = False,
        limit: int | None = None,
        pace: Pace | None = None,
        name: str = "",
        watch: Watch | None = None,
        stop: asyncio.Event | None = None,
        heed: Heed | None = None,
    ) -> Tried[Attacked]:
        """Plant attacks in items, judge them with and without, and count what the attacks win; it is kept.

        Args:
            items: as for `judge`.
            judge: who is attacked.
            attacks: kinds or names, such as `verdict`, or attacks; all where none is given.
            places: where they are planted.
            on: in whose favour: `weaker`, `random`, a response's id, or the name of the model that wrote it.
            each: how many attacks of each kind an item gets, drawn for it; all where it is not given.
            samples: how often each attacked presentation is judged; untouched ones twice at least.
            seed: of every draw.
            fresh: whether answers of other runs are left unread.
            limit: how many items; None for all.
            pace: concurrency and deadlines.
            name: what the data set is called.
            watch: called with the progress after each item.
            stop: set it to end early; the run stays open and can be gone on with.
            heed: as for `judge`.

        Raises:
            BadInput: if the items cannot be read, a name means no attack, or nothing can be planted.
            BadJudge: if the judge's description does not hold.
            ModelError: if the model cannot be called at all.
            StoreError: if the store cannot be opened or written.
        """
        from ..agents.attacks.known import attacks_of
        from .attack import kept, planted

        who, chosen = as_judge(judge), attacks_of(attacks)
        plant = partial(
            planted, attacks=chosen, places=places, on=on, each=each, samples=samples, seed=seed, fresh=fresh
        )
        driven = {"pace": pace, "name": name or "attack", "watch": watch, "stop": stop, "heed": heed}
        return await self._tried(items, who, plant, kept, limit=limit, **driven)

    async def _tried(
        self,
        items: Items,
        judge: Judge,
        plant: Callable[[list[Item]], tuple[list[Item], Plan]],
        kept: Callable[[Store, str], F],
        *,
        limit: int | None,
        **driven: Any,
    ) -> Tried[F]:
        """Plant in the items that a judge can judge, judge, and measure; what is wrong with the others is told."""
        from .planting import tried

        faults: list[Fault] = []

        def whole() -> tuple[list[Item], Plan]:
            judge.check()
            return plant(list(islice(usable(items, judge, aside=faults.append), limit)))

        derived, plan = await asyncio.to_thread(whole)
        return replace(await tried(self, derived, judge, plan, kept, **driven), set_aside=tuple(faults))

    def fixed(self, judge: Judge) -> Judge:
        """The judge as it judges from this store: `auto` among its tools gives way to those that earned their place.

        Args:
            judge: the judge; a tool that reads the store is named with what it reads.

        Raises:
            BadJudge: if the store lacks what a tool reads.
        """
        if AUTO in judge.tools:
            from ..analyses.tools_gain import earned_tools  # NumPy, which most runs do without

            named = [name for name in judge.tools if name != AUTO]
            names = dict.fromkeys([*named, *earned_tools(self.store, judge.model_dump(mode="json"))])
            judge = Judge(**{**judge.model_dump(), "tools": tuple(names)})
        return judge.fixed(self.store)

    def judge_sync(self, items: Items, judge: Judge | str | None = None, **options: Any) -> Outcome:
        """`judge`, for programs without an event loop; works in notebooks too."""
        return run_sync(self.judge(items, judge, **options))

    def resume_sync(self, run: str, **options: Any) -> Outcome:
        """`resume`, for programs without an event loop."""
        return run_sync(self.resume(run, **options))

    def retry_sync(self, run: str, **options: Any) -> Outcome:
        """`retry`, for programs without an event loop."""
        return run_sync(self.retry(run, **options))

    def tools_gain_sync(self, items: Items, judge: Judge, **options: Any) -> Trial:
        """`tools_gain`, for programs without an event loop; works in notebooks too."""
        return run_sync(self.tools_gain(items, judge, **options))

    def try_candidates_sync(self, items: Items, contest: Contest, **options: Any) -> Verdicts:
        """`try_candidates`, for programs without an event loop; works in notebooks too."""
        return run_sync(self.try_candidates(items, contest, **options))

    def audit_sync(self, items: Items, judge: Judge | str, **options: Any) -> Tried[Audit]:
        """`audit`, for programs without an event loop; works in notebooks too."""
        return run_sync(self.audit(items, judge, **options))

    def attack_sync(self, items: Items, judge: Judge | str, **options: Any) -> Tried[Attacked]:
        """`attack`, for programs without an event loop; works in notebooks too."""
        return run_sync(self.attack(items, judge, **options))

    def compare_sync(self, items: Items, judges: Sequence[Judge | str], **options: Any) -> Compared:
        """`compare`, for programs without an event loop; works in notebooks too."""
        return run_sync(self.compare(items, judges, **options))

    def outcome(self, run: Run | str) -> Outcome:
        """What a run came to, summed over its rows."""
        found = run if isinstance(run, Run) else find_run(self.store, run)
        sums = ask(self.store, lambda connection: tally(connection, found.id))
        dataset = find_dataset(self.store, found.dataset)
        told = [str(Fault(**fault)) for fault in (*dataset.faults, *found.faults)]
        aside = found.set_aside + dataset.set_aside
        gate, said = "", ""
        if found.status == "closed" and (plan := Plan(**found.plan.get("plan", {}))).gate:
            gate, said = gate_answer(self.store, found, plan)
        return Outcome(found.id, found.status, sums, aside, tuple(told), found.stopped, gate, said, self.store)

    async def _work(
        self,
        run: Run,
        judge: Judge,
        plan: Plan,
        panel: Panel | None,
        reading: Reading,
        pace: Pace | None,
        watch: Watch | None,
        stop: asyncio.Event | None,
        heed: Heed | None = None,
    ) -> Outcome:
        job = Job(self.store, run, judge, plan, reading, pace or Pace(), watch, stop or asyncio.Event(), panel)
        if heed is not None:

            async def ready() -> None:
                await heed(await asyncio.to_thread(notices_before, self.store, run.dataset, judge, panel))

            job.ready = ready
        await job.work()
        return await asyncio.to_thread(self.outcome, run.id)

    def _begun(self, dataset: str, judge: Judge, plan: Plan, panel: Panel | None) -> Run:
        """A new open run, with the rows that it rests on."""
        row: dict[str, Any] = {
            **{"kind": "judge", "dataset": dataset, "judge": judge.id, "seed": plan.seed, "parent": plan.retry_of},
            "plan": as_written(plan, judge),
        }
        if panel is None:
            return create_run(self.store, judge=judge.row(), run=row)
        court = {
            "judge": [seat.judge(judge).row() for seat in panel.seats if seat.model],
            "persona": [persona.row() for persona in panel.personas],
            "panel": [panel.row()],
        }
        row |= {"panel": panel.id, "panel_digest": panel.digest}
        return create_run(self.store, judge=judge.row(), run=row, court=court)

    def reading_of(self, items: Items, *, name: str = "", strict: bool = False) -> Reading:
        """The data set of what was given, and what of it is still to be stored.

        Args:
            items: as for `judge`.
            name: what the data set is called, for items that come from no file.
            strict: refuse a file with any bad line.

        Raises:
            BadInput: if the items cannot be read.
        """
        if isinstance(items, (str, os.PathLike)):
            path = Path(items)
            if strict and (faults := list(scan(path))):
                shown = "; ".join(str(fault) for fault in faults[:5])
                raise BadInput(
                    f"{len(faults)} lines cannot be used: {shown}.", way_out="mend them, or leave out --strict"
                )
            return Reading.of_file(dataset_of_file(self.store, path))
        records = list(items_of(items)) if sized(items) else items_of(items)
        dataset, given = dataset_of_records(self.store, records, name=name or "items")
        return Reading.of_records(dataset, given)

    def _as_planned(self, run: Run) -> tuple[Judge, Plan, Panel | None]:
        """The run's judge, plan and panel; a judge that has changed since is refused, with what changed."""
        if run.kind == "author":
            raise BadInput(
                f"The run {run.id} holds a candidate's answers.",
                way_out="type `plurijudge self-preference` as before: it goes on where it was stopped",
            )
        if run.kind != "judge" or "judge" not in run.plan:
            made = "was imported" if run.kind in ("import", "judge") else f"is one of `{run.kind}`"
            raise BadInput(f"The run {run.id} {made}: there is no judge to go on with.")
        who, plan = Judge(**run.plan["judge"]), Plan(**run.plan["plan"])
        if who.id != run.judge:
            from ..store.queries import judge_row

            before = judge_row(self.store, run.judge)
            raise BadJudge(
                f"The judge of {run.id} is not what it was: {_difference(before, who)}",
                way_out="restore it, or start a new run: plurijudge judge ITEMS",
            )
        panel = Panel.restored(*stored_panel(self.store, run.panel, run.panel_digest)) if run.panel else None
        return who, plan, panel


def _difference(before: Mapping[str, Any], now: Judge) -> str:
    from difflib import unified_diff

    if before["prompt"] != now.words.text:
        lines = unified_diff(
            before["prompt"].splitlines(), now.words.text.splitlines(), "as it was", "as it is", lineterm=""
        )
        return "its prompt has changed:\n" + "\n".join(list(lines)[:40])
    changed = [key for key, value in now.description.items() if before["description"].get(key) != value]
    return f"changed: {', '.join(changed)}."


def _names(runs: Outcome | str | Sequence[Outcome | str]) -> list[str]:
    several = [runs] if isinstance(runs, (Outcome, str)) else runs
    return [run.run if isinstance(run, Outcome) else run for run in several]


def _rest_of(dataset: Dataset) -> Reading:
    return Reading.of_file(dataset) if dataset.path else Reading(dataset, iter(()))


def _check_budget(pace: Pace | None, judge: Judge, panel: Panel | None) -> None:
    """See that the budget can be kept, whoever speaks.

    Raises:
        BadInput: if dollars are limited and the price of a model that speaks is not known.
    """
    if pace is None:
        return
    for speaker in [judge] if panel is None else [seat.judge(judge) for seat in panel.seats]:
        pace.budget.check(speaker)

"""`plurijudge self-preference`: do judges favour their own answers? Asked live, or read from records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..text.errors import BadInput
from .judging import (
    Allowance,
    BaseUrl,
    CallLimits,
    Criteria,
    DryRun,
    Fresh,
    Items,
    Limit,
    MaxTokens,
    Quiet,
    Samples,
    Seed,
    Strict,
    batch_of,
    judge_named,
    names_in,
)
from .options import DEFAULT_DB, Db, Json, complete_runs, examples, grouped
from .plain import BAD, answer, answer_json, kept, leave, leave_stopped, say, write_out

if TYPE_CHECKING:
    from ..agents.judge import Judge
    from ..analyses.self_preference import Matrix, Options
    from ..graphs.contest import Contest
    from ..graphs.self_preference import Trial
    from ..reports.sections import Section
    from ..store.engine import Store

EXAMPLES = examples(
    "plurijudge self-preference p.jsonl --candidates openai/gpt-5-mini,gemini/gemini-2.5-flash --gold G1,G2 --dry-run",
    "plurijudge self-preference --verdicts verdicts.jsonl --gold-verdicts gold.jsonl --picture own.svg",
    "plurijudge self-preference --run RUN --gold-run RUN --json",
)

_Candidates = Annotated[
    str, typer.Option("--candidates", help="Who answers and judges: models or judges' YAML files, with commas between.")
]
_Gold = Annotated[
    str, typer.Option("--gold", help="Who only judges: two families at least, none of them a candidate's.")
]
_Families = Annotated[
    list[str] | None, typer.Option("--family", help="MODEL=FAMILY, where a model's name tells none; may be repeated.")
]
_AllowKin = Annotated[
    bool, typer.Option("--allow-kin", help="Let gold be of a candidate's family, or unknown; every report says so.")
]
_Words = Annotated[int, typer.Option("--words", min=0, help="How many words an answer may have; 0 for any number.")]
_Ties = Annotated[bool, typer.Option("--ties", help="Let judges answer that neither is better.")]
_Logprobs = Annotated[
    bool | None,
    typer.Option(
        "--logprobs", help="Candidates judge by the probability of one letter, where their provider gives it."
    ),
]
_Verdicts = Annotated[str, typer.Option("--verdicts", help="Recorded verdicts of judges on their own answers.")]
_GoldVerdicts = Annotated[str, typer.Option("--gold-verdicts", help="Recorded verdicts of gold on the same items.")]
_Runs = Annotated[
    list[str] | None, typer.Option("--run", help="A judge's stored run; may be repeated.", autocompletion=complete_runs)
]
_GoldRuns = Annotated[
    list[str] | None, typer.Option("--gold-run", help="A stored run of gold's.", autocompletion=complete_runs)
]
_Picture = Annotated[str, typer.Option("--picture", help="Write the win rates and their intervals to this SVG file.")]


@dataclass(frozen=True, slots=True)
class Arms:
    """What else is done to the answers and judged."""

    rewrite: Annotated[
        str, typer.Option("--rewrite", help="A third model that puts all answers into one style, judged too.")
    ] = ""
    style: Annotated[str, typer.Option("--style", help="The style, in words; plain prose if not given.")] = ""
    check_with: Annotated[
        str, typer.Option("--check-with", help="Who sees whether rewritings say the same; the first gold judge.")
    ] = ""
    disclose: Annotated[
        bool, typer.Option("--disclose", help="Candidates also judge with the authors' names told.")
    ] = False

    def told(self, base_url: str | None) -> dict[str, Any]:
        """By the names that the contest has for them.

        Raises:
            BadInput: if there is a style, or who checks it, and no writer.
        """
        if (self.style or self.check_with) and not self.rewrite:
            raise BadInput("`--style` and `--check-with` go with a writer.", way_out="--rewrite MODEL")
        return {
            "writer": judge_named(self.rewrite, base_url=base_url) if self.rewrite else None,
            "checker": judge_named(self.check_with, base_url=base_url) if self.check_with else None,
            "style": self.style,
            "disclosed": self.disclose,
        }


@dataclass(frozen=True, slots=True)
class Measuring:
    """How it is measured."""

    judge_rule: Annotated[
        Literal["hard", "closed"],
        typer.Option("--judge-rule", help="A win by the mean of both orders, or only where both orders agree."),
    ] = "hard"
    gold_rule: Annotated[
        Literal["plurality", "both_presentations", "two_of_three"],
        typer.Option("--gold-rule", help="How gold's votes become gold's word."),
    ] = "plurality"
    wrote: Annotated[
        list[str] | None,
        typer.Option("--wrote", help="JUDGE=MODEL, where a judge's answers stand under another name; repeatable."),
    ] = None
    by_subset: Annotated[
        bool, typer.Option("--by-subset", help="Measure each subset of the items (`meta.subset`) for itself too.")
    ] = False
    group: Annotated[str, typer.Option("--group", help="Only the labels of this group of people.")] = ""
    arm: Annotated[str, typer.Option("--arm", help="What reports call what was done to the answers.")] = ""
    alpha: Annotated[
        float, typer.Option("--alpha", min=0.0001, max=0.5, help="Of false findings over the whole matrix.")
    ] = 0.05
    level: Annotated[float, typer.Option("--level", min=0.5, max=0.9999, help="Of the intervals.")] = 0.95
    resamples: Annotated[int, typer.Option("--resamples", min=100, help="Of the bootstraps.")] = 10_000

    def options(self, *, seed: int, gold_judges: list[str]) -> Options:
        """As the analysis takes it.

        Raises:
            BadInput: if `--wrote` names no model.
        """
        from ..analyses.self_preference import Options

        told = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "wrote"}
        wrote = {}
        for one in self.wrote or []:
            judge, sign, model = one.partition("=")
            if not (sign and judge and model):
                raise BadInput(f"`--wrote {one}` names no model.", way_out="--wrote JUDGE=MODEL")
            wrote[judge] = model
        return Options(**told, wrote=wrote, seed=seed, gold_judges=tuple(gold_judges))


@dataclass(frozen=True, slots=True)
class Records:
    """What is read in the place of asking: files of verdicts, or stored runs."""

    verdicts: str
    gold_verdicts: str
    runs: tuple[str, ...]
    gold_runs: tuple[str, ...]

    def check(self) -> None:
        """See that judges and gold are both there.

        Raises:
            BadInput: if one of them is not, or a file cannot be read.
        """
        from ..store.files import file_format

        if self.verdicts or self.gold_verdicts:
            if not (self.verdicts and self.gold_verdicts):
                raise BadInput("Recorded verdicts need gold's.", way_out="--verdicts FILE --gold-verdicts FILE")
            for file in (self.verdicts, self.gold_verdicts):
                file_format(Path(file))  # what is wrong with a file is said before there is a store
        elif not (self.runs and self.gold_runs):
            raise BadInput("A judge's run needs gold's.", way_out="--run RUN --gold-run RUN")


@grouped
def self_preference(
    items: Items = "",
    *,
    candidates: _Candidates = "",
    gold: _Gold = "",
    families: _Families = None,
    allow_kin: _AllowKin = False,
    words: _Words = 200,
    ties: _Ties = False,
    arms: Arms,
    verdicts: _Verdicts = "",
    gold_verdicts: _GoldVerdicts = "",
    runs: _Runs = None,
    gold_runs: _GoldRuns = None,
    measuring: Measuring,
    criteria: Criteria = None,
    base_url: BaseUrl = None,
    max_tokens: MaxTokens = None,
    logprobs: _Logprobs = None,
    samples: Samples = 1,
    calls: CallLimits,
    limit: Limit = None,
    seed: Seed = 0,
    fresh: Fresh = False,
    strict: Strict = False,
    dry_run: DryRun = False,
    allowance: Allowance,
    picture: _Picture = "",
    quiet: Quiet = False,
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Let candidates answer the prompts in ITEMS and judge each other's answers, and say who favours their own.

    Every candidate judges every pair, its own and others', in both orders; so does a gold panel. What is stored is not
    asked again: the same command, typed once more, goes on where it was stopped. ITEMS may bring answers along, as
    responses that name a candidate as their `model`. Budgets are those of all runs together.

    Exit codes: 0 measured, 2 bad usage or input or nothing to measure, 3 stopped by a budget, 130 interrupted.
    """
    recorded = [bool(verdicts or gold_verdicts), bool(runs or gold_runs)]
    if [bool(items), *recorded].count(True) != 1:
        raise BadInput(
            "`self-preference` needs ITEMS, or recorded verdicts, or stored runs: one of them.",
            way_out="plurijudge self-preference prompts.jsonl --candidates m1,m2 --gold g1,g2",
        )
    options = measuring.options(seed=seed, gold_judges=names_in(gold) if not items else [])
    if not items:
        if candidates:
            raise BadInput("`--candidates` goes with ITEMS: records say who judged.", way_out="leave it out")
        records = Records(verdicts, gold_verdicts, tuple(runs or ()), tuple(gold_runs or ()))
        _read(db, records, options, strict=strict, picture=picture, as_json=as_json)
        return
    contest = _contest(
        candidates,
        gold,
        families or [],
        allow_kin=allow_kin,
        words=words,
        **{"ties": ties, "criteria": criteria, "base_url": base_url, "max_tokens": max_tokens},
        logprobs=logprobs,
        arms=arms.told(base_url),
    )
    from ..graphs.plan import Plan

    plan = Plan(samples=samples, seed=seed, limit=limit, fresh=fresh)
    if dry_run:
        _foretell(items, contest, plan, db=db, as_json=as_json)
        return
    batch = batch_of(db, allowance=allowance, calls=calls, quiet=quiet)
    try:
        trial = batch.candidates(items, contest, plan=plan, options=options, strict=strict)
        for fault in trial.faults[:20]:
            say(f"set aside: {fault}")
        for note in trial.notes:
            say(f"note: {note}")
        for name, n in trial.unanswered.items():
            say(f"note: {name} left {n} prompts without an answer: {_why(trial, name)}")
        if trial.matrix is None:
            say(f"stopped: {trial.stopped}; type it again to go on: what was answered is not paid again{batch.db_flag}")
            leave_stopped(trial.stopped)
        _answer(trial.matrix, trial.to_dict(), arms=trial.arms.values(), picture=picture, as_json=as_json)
    finally:
        batch.close()


def _why(trial: Trial, name: str) -> str:
    failed = next(one.failed for one in trial.answers if one.author == name)
    return ", ".join(sorted(set(failed.values())))


def _contest(
    candidates: str,
    gold: str,
    families: list[str],
    *,
    allow_kin: bool,
    words: int,
    logprobs: bool | None,
    arms: dict[str, Any],
    **changes: Any,
) -> Contest:
    """Who takes part, by what was typed."""
    from ..graphs.contest import Contest

    known = {}
    for one in families:
        model, sign, family = one.rpartition("=")
        if not (sign and model and family):
            raise BadInput(f"`--family {one}` names no family.", way_out="--family MODEL=FAMILY")
        known[model] = family

    def judges(text: str, **more: Any) -> tuple[Judge, ...]:
        return tuple(judge_named(name, **changes, **more) for name in names_in(text))

    options = {"families": known, "allow_kin": allow_kin, "words": words, **arms}
    made = Contest(judges(candidates, logprobs=logprobs), judges(gold), **options)
    made.check()
    return made


def _foretell(items: str, contest: Contest, plan: Any, *, db: str, as_json: bool) -> None:
    """Say how many calls it would take; nothing is asked, and no store is made."""
    from contextlib import suppress
    from itertools import islice

    from ..graphs.contest import forecast
    from ..graphs.self_preference import stored_in
    from ..store.datasets import dataset_id
    from ..store.engine import Store
    from ..store.files import file_digest, read_items
    from ..text.errors import NoStore
    from .batch import spool

    path = spool() if items == "-" else Path(items)
    lines = list(read_items(path))
    for line in lines:
        if line.fault is not None:
            say(f"set aside: {line.fault}")
    known = {line.record.id: line.record for line in reversed(lines) if line.record is not None}  # the first of an id
    prompts = [*islice((item for item in reversed(known.values()) if not item.parent), plan.limit)]
    if not prompts:
        raise BadInput(f"{path} holds no prompt.", way_out="one JSON object a line, as docs/files.md shows")
    found = forecast(prompts, contest, samples=plan.samples)
    with suppress(NoStore), Store.open(db) as store:
        dataset = dataset_id(file_digest(path))
        found = replace(found, stored=stored_in(store, dataset, prompts, contest, plan=plan))
    if as_json:
        answer_json(found.to_dict())
    else:
        answer(str(found))


def _read(db: str, records: Records, options: Options, *, strict: bool, picture: str, as_json: bool) -> None:
    """Measure from records, or from stored runs."""
    from ..analyses.self_preference import save, self_preference as measured
    from ..store.engine import Store

    records.check()
    runs, gold_runs = [*records.runs], [*records.gold_runs]
    with Store.open(db, create=bool(records.verdicts)) as store:
        if records.verdicts:
            first, dataset = _imported(store, records.verdicts, None, strict=strict)
            second, _ = _imported(store, records.gold_verdicts, dataset, strict=strict)
            runs, gold_runs = [first], [second]
        found = measured(store, runs, gold_runs, options=options)
        kept(partial(save, store, found))
        _answer(found, {"matrix": found.to_dict()}, picture=picture, as_json=as_json)


def _imported(store: Store, file: str, dataset: str | None, *, strict: bool) -> tuple[str, str]:
    """Store recorded verdicts; gives their run and data set."""
    from ..store.imports import import_verdicts

    made = import_verdicts(store, file, items=dataset, name=Path(file).name, strict=strict)
    for fault in made.faults[:20]:
        say(f"set aside: {fault}")
    say(f"{made.run}: {made.kept} verdicts of {file}, {made.set_aside} set aside")
    return made.run, made.dataset


def _answer(
    found: Matrix, document: dict[str, Any], *, arms: Iterable[Matrix] = (), picture: str, as_json: bool
) -> None:
    """Show what was measured; exit 2 where nothing can be said of anyone."""
    from ..reports.own_answers import pairings, picture as drawn
    from ..reports.terminal import show_section

    shown = _section(found)
    if picture:
        cells = [one for one in pairings(found.lines) if not one.subset]
        text = drawn(cells, title=shown.title)
        write_out(picture, text, what="picture", way_out=f"{found.command} --picture own.svg")
    for name, reasons in found.unread.items():
        told = ", ".join(f"{n} because {reason}" for reason, n in reasons.items())
        say(f"note: of {name} these verdicts say nothing of two models: {told}")
    if as_json:
        answer_json({**document, "command": found.command})
    else:
        for section in (shown, *map(_section, arms)):
            show_section(section)
    if all(cell.found.score.dbg.estimate is None for cell in found.cells):
        leave(BAD)


def _section(found: Matrix) -> Section:
    """What is shown of a matrix, as a report would show it from the store."""
    from ..analyses.self_preference import KIND
    from ..reports.own_answers import section
    from ..reports.sections import Analysis

    runs = (*found.runs, *found.gold_runs)
    return section(Analysis(0, KIND, runs, found.options.to_dict(), found.command, "", found.lines))

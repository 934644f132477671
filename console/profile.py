"""`plurijudge profile`: which factors do a judge's preferences go with, and do people's go with the same?"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..text.errors import BadInput
from .judging import (
    Allowance,
    BaseUrl,
    CallLimits,
    Fresh,
    Limit,
    NamedJudge,
    Quiet,
    Seed,
    Strict,
    batch_of,
    names_in,
)
from .options import DEFAULT_DB, Db, Group, Json, complete_runs, examples, grouped
from .plain import BAD, answer_json, kept, leave, say, write_out
from .profile_live import Asked, Asking, Experiments

if TYPE_CHECKING:
    from ..agents.judge import Judge
    from ..analyses.profile_found import Options, Profile
    from ..reports.sections import Section
    from ..store.engine import Store
    from ..text.factors import Factor

EXAMPLES = examples(
    "plurijudge profile last --against human",
    "plurijudge profile items.jsonl --verdicts verdicts.jsonl --against human --picture factors.svg",
    "plurijudge profile last --factors length,n_sents,my.py:shouting --json",
    "plurijudge profile last --factors facts,hallucination --extractor openai/gpt-5-mini",
    "plurijudge profile items.jsonl --generate openai/gpt-5-mini --against human",
    "plurijudge profile items.jsonl --design conjoint --model openai/gpt-5-mini",
)

_What = Annotated[
    str,
    typer.Argument(
        help="A run, or a file of items whose labels, or recorded --verdicts, are looked at.",
        autocompletion=complete_runs,
    ),
]
_Verdicts = Annotated[str, typer.Option("--verdicts", help="Recorded verdicts on the items of the file.")]
_Picture = Annotated[str, typer.Option("--picture", help="Write the influences and their intervals to this SVG file.")]
_Html = Annotated[str, typer.Option("--html", help="Write the whole report of the run as one HTML file.")]


@dataclass(frozen=True, slots=True)
class Measuring:
    """What is measured, and how."""

    factors: Annotated[
        list[str] | None,
        typer.Option("--factors", help="Some of docs/factors.md, FILE.py:NAME of your own; commas between. All rules."),
    ] = None
    against: Annotated[
        Literal["human"] | None, typer.Option("--against", help="`human`: hold the judge against people's labels.")
    ] = None
    group: Group = ""
    tau: Annotated[
        Literal["14", "13", "b"],
        typer.Option("--tau", help="Pairs alike in a factor count as neither (14), not at all (13), or half (b)."),
    ] = "14"
    ties: Annotated[
        Literal["out", "half", "davidson"],
        typer.Option("--ties", help="Of preferences, in the weights: left out, half a win each, or Davidson's model."),
    ] = "out"
    margin: Annotated[
        float,
        typer.Option("--margin", min=0.0001, max=1, help="Influences nearer than this are alike; fix it beforehand."),
    ] = 0.05
    proxy: Annotated[
        float, typer.Option("--proxy", min=0.01, help="Factors that correlate so far count as one in the alignment.")
    ] = 0.5
    alpha: Annotated[float, typer.Option("--alpha", min=0.0001, max=0.4999, help="Of the conclusions.")] = 0.05
    level: Annotated[float, typer.Option("--level", min=0.5, max=0.9999, help="Of the intervals.")] = 0.95
    resamples: Annotated[int, typer.Option("--resamples", min=100, help="Of the bootstraps.")] = 2000

    @property
    def names(self) -> tuple[str, ...]:
        """The factors' names as they were typed; none for all rules."""
        return tuple(name for given in self.factors or () for name in names_in(given))

    def chosen(self) -> list[Factor]:
        """The factors.

        Raises:
            BadInput: if a name means none.
        """
        from ..agents.factors import factors_of
        from ..text.factor_rules import RULES

        return factors_of(self.names) if self.names else [*RULES]

    def options(self, *, seed: int) -> Options:
        """As the analysis takes it."""
        from ..analyses.profile_found import Options, Tau

        taus: dict[str, Tau] = {"14": "tau14", "13": "tau13", "b": "tau_b"}
        return Options(
            tau=taus[self.tau],
            against=self.against or "",
            ties="left out" if self.ties == "out" else self.ties,
            **{name: getattr(self, name) for name in ("group", "margin", "proxy", "alpha", "level", "resamples")},
            seed=seed,
        )


@grouped
def profile(
    what: _What = "last",
    *,
    verdicts: _Verdicts = "",
    measuring: Measuring,
    experiments: Experiments,
    named: NamedJudge,
    base_url: BaseUrl = None,
    calls: CallLimits,
    allowance: Allowance,
    limit: Limit = None,
    seed: Seed = 0,
    fresh: Fresh = False,
    strict: Strict = False,
    picture: _Picture = "",
    html: _Html = "",
    quiet: Quiet = False,
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Say which factors the preferences of a judge, or of people, go with: length, lists, hedges, words of one's own.

    WHAT is a run, or a file of items: with --verdicts judgements recorded elsewhere are looked at, without them the
    labels of people alone. With `--against human` the judge stands beside people: where it differs, and whether it is
    shown to be aligned. That much asks no model. --extractor has one read factors such as facts off the texts;
    --generate has one write for scores; --design conjoint and --rewrite say what is a cause. What was answered is
    stored: the same command, typed again, goes on where it was stopped.

    Exit codes: 0 measured, 2 bad usage or input, or nothing to measure, 3 stopped by a budget, 130 interrupted.
    """
    factors, options = measuring.chosen(), measuring.options(seed=seed)
    _check(factors, experiments)
    path = _file(what, verdicts)
    if not experiments.asked:
        from ..store.engine import Store

        with Store.open(db, create=path is not None) as store:
            looked, asked = _looked_at(store, what, path, verdicts, strict=strict), Asked()
            only = _measured(store, looked, factors, options, measuring.names, asked)
            _answer(store, only, looked.command(only), asked, picture=picture, html=html, as_json=as_json)
        return
    from ..graphs.plan import Plan

    batch = batch_of(db, allowance=allowance, calls=calls, quiet=quiet)
    try:
        looked = _looked_at(batch.store, what, path, verdicts, strict=strict)
        plan, asked = Plan(seed=seed, limit=limit, fresh=fresh), Asked()
        asking = Asking(
            *(batch, experiments, looked.dataset, looked.run or what, factors, options, plan),
            base_url=base_url,
        )
        if experiments.extractor:
            asking.read(asked)
            _tell_shared(batch.store, looked.run, experiments.readers(base_url))
        if experiments.generate:
            asking.generate(asked)
        if experiments.judged:
            judge, typed = _judge(batch.store, looked.run, named, base_url)
            if experiments.design:
                asking.conjoint(asked, judge, typed)
            if experiments.rewrite:
                asking.rewrites(asked, judge, typed)
        found: Profile | None = None
        if looked.run or experiments.extractor or options.against:
            found = _measured(batch.store, looked, factors, options, measuring.names, asked, experiments.extractor)
        command = "" if found is None else looked.command(found, experiments.extractor)
        _answer(batch.store, found, command, asked, picture=picture, html=html, as_json=as_json)
    finally:
        batch.close()


def _check(factors: list[Factor], experiments: Experiments) -> None:
    lacking = [factor.name for factor in factors if "model" in factor.needs]
    if lacking and not experiments.extractor:
        raise BadInput(f"The factor `{lacking[0]}` needs a model that reads the texts.", way_out="--extractor MODEL")
    if experiments.extractor and not lacking:
        raise BadInput("None of the factors needs a model that reads the texts.", way_out="--factors facts,fluency")


@dataclass(frozen=True, slots=True)
class _Looked:
    """What is looked at.

    Attributes:
        what: as it was typed.
        run: the run; '' where labels alone are looked at.
        dataset: the data set.
    """

    what: str
    run: str
    dataset: str

    def command(self, found: Profile, extractor: str = "") -> str:
        """What measures it again."""
        read = f" --extractor {shlex.quote(extractor)}" if extractor else ""
        if self.run:
            return f"{found.command}{read}"
        named = f" --factors {shlex.quote(','.join(found.named))}" if found.named else ""
        return f"plurijudge profile {shlex.quote(self.what)}{named}{found.options.flags()}{read}"


def _looked_at(store: Store, what: str, path: Path | None, verdicts: str, *, strict: bool) -> _Looked:
    """The run or the data set that was named; a file is stored first."""
    from ..store.runs import find_run

    if path is None:
        run = find_run(store, what)
        return _Looked(what, run.id, run.dataset)
    dataset = _items_of(store, path, strict=strict)
    return _Looked(what, _verdicts_of(store, verdicts, dataset, strict=strict) if verdicts else "", dataset)


def _measured(
    store: Store,
    looked: _Looked,
    factors: list[Factor],
    options: Options,
    names: tuple[str, ...],
    asked: Asked,
    extractor: str = "",
) -> Profile:
    """Measure, and keep what was measured."""
    from ..analyses.profile import profile as measured, save

    read = None if asked.extracted is None else asked.extracted.column
    found = measured(
        store, looked.run, dataset=looked.dataset, factors=factors, extracted=read, options=options, named=names
    )
    more = {"extractor": extractor} if extractor else {}
    number = kept(partial(save, store, found, command=looked.command(found, extractor), more=more))
    asked.documents["analysis"] = number
    return found


def _tell_shared(store: Store, run: str, readers: list[Judge]) -> None:
    """Say where who reads the factors is also who judged: both then have the same blind spots."""
    from ..store.runs import find_run

    model = find_run(store, run).plan.get("judge", {}).get("model") if run else None
    if any(reader.model == model for reader in readers):
        say(f"note: {model} judged and reads the factors: what it does not see, neither shows; name another reader too")


def _judge(store: Store, run: str, named: NamedJudge, base_url: str | None) -> tuple[Judge, str]:
    """Who is asked, and what must be typed to name it again: the one that was typed, else the run's own."""
    from ..agents.judge import Judge
    from ..store.runs import find_run

    source = named.context.get_parameter_source("model")
    typed = bool(named.judge) or (source is not None and source.name == "COMMANDLINE")
    if run and not typed and (told := find_run(store, run).plan.get("judge")):
        return Judge(**told), ""
    flags = f" --judge {shlex.quote(named.judge)}" if named.judge else f" --model {shlex.quote(named.model)}"
    judge = named.described(base_url=base_url)
    judge.check()
    return judge, flags


def _file(what: str, verdicts: str) -> Path | None:
    """The file that was named; None where a run was.

    Raises:
        BadInput: if there is no such file, or there are verdicts and no file.
    """
    from ..store.files import file_format
    from .batch import spool

    path = spool() if what == "-" else Path(what)
    if not path.suffix and not path.exists():
        if verdicts:
            raise BadInput(
                f"`--verdicts` goes with the items that they are about, and `{what}` is no file.",
                way_out="plurijudge profile items.jsonl --verdicts verdicts.jsonl",
            )
        return None
    for one in (path, *([Path(verdicts)] if verdicts else [])):
        file_format(one)  # what is wrong with a file is said before there is a store
    return path


def _items_of(store: Store, path: Path, *, strict: bool) -> str:
    """Store the items of a file; gives their data set."""
    from ..store.datasets import Reading, dataset_of_file, find_dataset, scan, store_all
    from ..store.faults import Fault
    from .importing import tell_faults

    if strict and (faults := list(scan(path))):
        tell_faults(faults, len(faults))
        raise BadInput(f"{path}: {len(faults)} lines cannot be used.", way_out="mend them, or leave out --strict")
    reading = Reading.of_file(dataset_of_file(store, path))
    store_all(store, reading)
    dataset = find_dataset(store, reading.dataset.id)
    tell_faults([Fault(**fault) for fault in dataset.faults], dataset.set_aside)
    if not dataset.items:
        raise BadInput(f"{path} holds no item.", way_out="one JSON object a line, as docs/files.md shows")
    return dataset.id


def _verdicts_of(store: Store, file: str, dataset: str, *, strict: bool) -> str:
    """Store recorded verdicts; gives their run."""
    from ..store.imports import import_verdicts
    from .importing import tell_faults

    made = import_verdicts(store, file, items=dataset, name=Path(file).name, strict=strict)
    tell_faults(made.faults, made.set_aside)
    say(f"{made.run}: {made.kept} verdicts of {file}, {made.set_aside} set aside")
    return made.run


def _answer(
    store: Store, found: Profile | None, command: str, asked: Asked, *, picture: str, html: str, as_json: bool
) -> None:
    """Show what was measured; exit 2 where nothing could be."""
    from ..reports.terminal import show_section

    shown = ([] if found is None else [section_of(found, command)]) + asked.sections
    if picture:
        for place, drawn in enumerate(one for section in shown for one in section.pictures):
            name = picture if not place else _numbered(picture, place + 1)
            write_out(name, drawn, what="written", way_out="--picture factors.svg")
    if html:
        page = _page(store, found, shown, command, kept_it=asked.documents.get("analysis"))
        write_out(html, page, what="written", way_out="--html report.html")
    if as_json:
        told = {} if found is None else found.to_dict()
        answer_json({**told, **asked.documents, "command": command or shown[0].command})
    else:
        for section in shown:
            show_section(section)
    lines = [line for one in (found.raters if found is not None else ()) for line in one.lines]
    if not asked.sections and all(line.influence.pooled.estimate is None for line in lines):
        leave(BAD)


def section_of(found: Profile, command: str) -> Section:
    """What is shown of a profile, as a report would show it from the store."""
    from dataclasses import asdict

    from ..analyses.profile import KIND
    from ..analyses.profile_lines import facts_of, lines_of
    from ..reports.profile import section
    from ..reports.sections import Analysis

    options: dict[str, Any] = {**asdict(found.options), **facts_of(found)}
    return section(Analysis(0, KIND, (found.run,) if found.run else (), options, command, "", lines_of(found)))


def _page(store: Store, found: Profile | None, shown: list[Section], command: str, *, kept_it: int | None) -> str:
    """The report as a page: of the run with all its analyses, or, where nothing was kept of one, of these alone."""
    from ..reports.html import html_of
    from ..reports.of_run import Report, report_of

    if found is not None and found.run and kept_it is not None:
        report = report_of(store, found.run)
        there = {section.title for section in report.sections}
        rest = tuple(section for section in shown if section.title not in there)  # of runs of their own
        return html_of(Report(report.run, report.facts, (*report.sections, *rest), report.analyses, report.command))
    facts = {} if found is None else {"pairs": str(found.pairs), "prompts": str(found.prompts)}
    name = (found.run if found is not None else "") or "factors"
    return html_of(Report(name, facts, tuple(shown), (), command or shown[0].command))


def _numbered(name: str, number: int) -> str:
    path = Path(name)
    return str(path.with_name(f"{path.stem}-{number}{path.suffix}"))

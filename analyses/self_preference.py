"""Does a judge favour its own answers? DBG, what an author-blind judge would score, and EQB, from stored verdicts."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics.estimate import Estimate
from ..metrics.own_pairs import GoldRule, JudgeRule, Pair, gold_labels, judged
from ..metrics.own_truth import OwnTruth, own_truth
from ..metrics.prediction_powered import ppi_mean
from ..metrics.self_preference import Conclusion, SelfPreference, decide, self_preference as of_pair
from ..store.analyses import keep_analysis
from ..store.engine import Store
from ..text.errors import BadInput
from .own_lines import lines_of
from .own_verdicts import Heard, Said, heard_in, pairs_of

Floats = NDArray[np.float64]
KIND = "dbg_score"
OVERALL = ""


@dataclass(frozen=True, slots=True)
class Options:
    """How it is measured.

    Attributes:
        judge_rule: how a judge's two presentations become its word; see `metrics.own_pairs.judged`.
        gold_rule: how gold's votes become gold's word.
        gold_judges: the gold judges that were asked, by name; empty for all that have verdicts. One that is named and
            has none is refused.
        wrote: under which name a judge's own answers stand, by the judge's name, where the two differ.
        by_subset: whether each subset of the items (`meta.subset`) is measured for itself too.
        group: the annotators' group whose labels are people's word; '' for all.
        arm: what was done to the answers, as reports call it; '' for nothing.
        alpha: of the conclusions, over the whole matrix.
        level: of the intervals, 0..1.
        resamples: of the bootstraps.
        seed: of the bootstraps.
        notes: what every report must say of who took part.
        beside: of an arm the runs of what was judged as it was, beside which a report shows it.
    """

    judge_rule: JudgeRule = "hard"
    gold_rule: GoldRule = "plurality"
    gold_judges: tuple[str, ...] = ()
    wrote: Mapping[str, str] = field(default_factory=dict)
    by_subset: bool = False
    group: str = ""
    arm: str = ""
    alpha: float = 0.05
    level: float = 0.95
    resamples: int = 10_000
    seed: int = 0
    notes: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return {**asdict(self), "gold_judges": [*self.gold_judges], "notes": [*self.notes], "beside": [*self.beside]}

    def flags(self) -> str:
        """What must be typed to measure so again; a leading space where there is anything."""
        told = []
        plain = Options()
        for name, flag in _FLAGS.items():
            value = getattr(self, name)
            if value != getattr(plain, name):
                told += [flag, shlex.quote(str(value))]
        told += ["--gold", shlex.quote(",".join(self.gold_judges))] if self.gold_judges else []
        told += [f"--wrote {shlex.quote(f'{judge}={model}')}" for judge, model in self.wrote.items()]
        told += ["--by-subset"] if self.by_subset else []
        return "".join(f" {one}" for one in told)


_FLAGS = {
    **{"judge_rule": "--judge-rule", "gold_rule": "--gold-rule", "group": "--group", "arm": "--arm"},
    **{"alpha": "--alpha", "level": "--level", "resamples": "--resamples", "seed": "--seed"},
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One judge against one opponent.

    Attributes:
        judge: the judge's name.
        model: under which name its own answers stand.
        opponent: who wrote the others.
        subset: of the items; '' for all.
        items: how many prompts both answered.
        found: what was measured.
        p_adjusted: the p value after Holm over the matrix; None where there is none.
        conclusion: what remains of it over the matrix.
        human_win_rate: the gold win rate by people's labels, helped by gold's (prediction-powered); None without any.
        truth: how it chooses where one can check who was right; None where nothing says so.
        letters: how many of the judge's verdicts, over all, have no probability though it was asked for.
    """

    judge: str
    model: str
    opponent: str
    subset: str
    items: int
    found: SelfPreference
    p_adjusted: float | None
    conclusion: Conclusion
    human_win_rate: Estimate | None = None
    truth: OwnTruth | None = None
    letters: int = 0

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must be known before the figures are read, one sentence each without its full stop."""
        if not self.letters:
            return self.found.warnings
        none = f"{self.letters} verdicts of {self.judge} hold no probabilities: its provider gave none"
        return (*self.found.warnings, f"{none}, and the letter counts")

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        truth = self.truth
        return {
            **{"judge": self.judge, "model": self.model, "opponent": self.opponent, "subset": self.subset},
            **{"items": self.items, **self.found.to_dict()},
            **{"p_adjusted": self.p_adjusted, "conclusion": self.conclusion, "warnings": [*self.warnings]},
            "human_win_rate": None if self.human_win_rate is None else self.human_win_rate.to_dict(),
            "truth": None
            if truth is None
            else {
                **{name: getattr(truth, name).to_dict() for name in ("spr", "lspr", "hspp")},
                "different": truth.different,
            },
        }


@dataclass(frozen=True, slots=True)
class Matrix:
    """Every judge against every opponent.

    Attributes:
        runs: the judges' runs.
        gold_runs: gold's.
        gold_judges: who gold is, by name.
        models: who wrote answers.
        cells: one for each judge that wrote answers and each opponent; those of subsets behind.
        statuses: of each judge and gold judge its verdicts by status.
        unread: of each of them the verdicts that are no comparison of two models, and why.
        options: how it was measured.
    """

    runs: tuple[str, ...]
    gold_runs: tuple[str, ...]
    gold_judges: tuple[str, ...]
    models: tuple[str, ...]
    cells: tuple[Cell, ...]
    statuses: Mapping[str, Mapping[str, int]]
    unread: Mapping[str, Mapping[str, int]]
    options: Options

    @property
    def overall(self) -> tuple[Cell, ...]:
        """The cells over all items."""
        return tuple(cell for cell in self.cells if cell.subset == OVERALL)

    @property
    def command(self) -> str:
        """What measures it again."""
        named = [f"--run {run}" for run in self.runs] + [f"--gold-run {run}" for run in self.gold_runs]
        return f"plurijudge self-preference {' '.join(named)}{self.options.flags()}"

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The rows of `dbg_score`, one for each measure and cell."""
        return [line for cell in self.cells for line in lines_of(cell, self)]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            **{"runs": [*self.runs], "gold_runs": [*self.gold_runs], "gold_judges": [*self.gold_judges]},
            **{"models": [*self.models], "options": self.options.to_dict()},
            "cells": [cell.to_dict() for cell in self.cells],
            "verdicts": {name: dict(counts) for name, counts in self.statuses.items()},
            "unread": {name: dict(counts) for name, counts in self.unread.items()},
        }


def self_preference(
    store: Store, runs: Sequence[str], gold_runs: Sequence[str], *, options: Options | None = None
) -> Matrix:
    """Measure how far judges favour their own answers.

    Args:
        store: the store.
        runs: closed runs, or imported verdicts, of judges of which at least one wrote answers that it judges.
        gold_runs: those of gold, over the same items or others with the same prompts and models.
        options: how it is measured.

    Raises:
        NotFound: if there is no such run.
        BadInput: if one is open or grades single responses, no judge wrote any answer, a gold judge that was asked for
            has no verdict, a gold judge wrote answers itself, or judge and gold do not cover the same prompts in both
            presentations.
    """
    chosen = options or Options()
    heard = heard_in(store, runs, group=chosen.group or None)
    gold = heard_in(store, gold_runs, group=chosen.group or None)
    models = heard.models
    names = _gold_judges(gold, chosen, models)
    own = _own(heard, chosen, models)
    cells = _cells(heard, gold, names, own, chosen, OVERALL)
    subsets = sorted({name for name in heard.items.subset.values() if name}) if chosen.by_subset else []
    for subset in subsets:
        cells += _cells(heard, gold, names, own, chosen, subset)
    everybody = {**heard.judges, **{name: gold.judges[name] for name in names}}
    return Matrix(
        tuple(run.id for run in heard.runs),
        tuple(run.id for run in gold.runs),
        names,
        tuple(models),
        tuple(cells),
        {name: dict(sorted(one.statuses.items())) for name, one in everybody.items()},
        {name: dict(one.unread) for name, one in everybody.items() if one.unread},
        chosen,
    )


def _gold_judges(gold: Heard, options: Options, models: Sequence[str]) -> tuple[str, ...]:
    """Who gold is, in the order asked for.

    Raises:
        BadInput: if one has no verdict, or wrote answers.
    """
    asked = options.gold_judges or tuple(gold.judges)
    absent = [name for name in asked if name not in gold.judges]
    if absent:
        raise BadInput(
            f"The gold judge `{absent[0]}` has no verdict in these runs; there are {', '.join(gold.judges) or 'none'}.",
            way_out="name all of gold's runs, or ask for fewer gold judges",
        )
    wrote = [name for name in asked if _wrote(gold.judges[name], name, options, models) is not None]
    if wrote:
        raise BadInput(f"The gold judge `{wrote[0]}` wrote some of the answers.", way_out="gold of other models")
    return tuple(asked)


def _wrote(who: Said, name: str, options: Options, models: Sequence[str]) -> str | None:
    """Under which name a judge's own answers stand; None where it wrote none."""
    for known in (options.wrote.get(name), options.wrote.get(who.name), who.name, who.model):
        if known and known in models:
            return known
    return None


def _own(heard: Heard, options: Options, models: Sequence[str]) -> dict[str, str]:
    """By the label of each judge that wrote answers the name under which they stand.

    Raises:
        BadInput: if none did.
    """
    found = {name: _wrote(who, name, options, models) for name, who in heard.judges.items()}
    own = {name: model for name, model in found.items() if model is not None}
    if not own:
        raise BadInput(
            f"None of the judges {', '.join(heard.judges) or '(none)'} wrote any of the answers;"
            f" those are by {', '.join(models) or 'nobody named'}.",
            way_out="--wrote JUDGE=MODEL, and `models` in the verdicts (docs/files.md)",
        )
    return own


def _cells(
    heard: Heard, gold: Heard, names: tuple[str, ...], own: Mapping[str, str], options: Options, subset: str
) -> list[Cell]:
    """The matrix over all items, or over a subset of them."""
    units = None if subset == OVERALL else frozenset(u for u, name in heard.items.subset.items() if name == subset)
    found: dict[tuple[str, str], SelfPreference] = {}
    pairs: dict[tuple[str, str], Pair] = {}
    votes = {name: gold.judges[name] for name in names}
    for name, model in own.items():
        of_judge = pairs_of(heard.judges[name], votes, gold_judges=names, units=units)
        others = [pair for two, pair in of_judge.items() if model not in two and pair.items]
        for two, pair in of_judge.items():
            if model not in two or not pair.items:
                continue
            mine = pair if two[0] == model else pair.swapped()
            pairs[name, mine.opponent] = mine
            found[name, mine.opponent] = _measured(mine, others, options)
    decided = decide(found, alpha=options.alpha)
    return [
        Cell(
            name,
            own[name],
            opponent,
            subset,
            len(pair.items),
            found[name, opponent],
            *decided[name, opponent],
            _human(pair, heard, gold, options),
            _truth(pair, heard, options),
            heard.judges[name].letters,
        )
        for (name, opponent), pair in pairs.items()
    ]


def _measured(pair: Pair, others: Sequence[Pair], options: Options) -> SelfPreference:
    try:
        return of_pair(
            pair,
            others,
            judge_rule=options.judge_rule,
            gold_rule=options.gold_rule,
            alpha=options.alpha,
            level=options.level,
            resamples=options.resamples,
            seed=options.seed,
        )
    except ValueError as error:
        raise BadInput(f"{pair.model} against {pair.opponent} cannot be measured: {error}") from error


def _human(pair: Pair, heard: Heard, gold: Heard, options: Options) -> Estimate | None:
    """The gold win rate by people's labels and gold's."""
    two = (pair.model, pair.opponent) if pair.model < pair.opponent else (pair.opponent, pair.model)
    told = [heard.items.human.get((unit, two), gold.items.human.get((unit, two))) for unit in pair.items]
    labels = np.array([np.nan if one is None else one for one in told], dtype=float)
    if np.isnan(labels).all():
        return None
    labels = labels if two[0] == pair.model else 1 - labels
    return ppi_mean(labels, gold_labels(pair, rule=options.gold_rule), level=options.level)


def _truth(pair: Pair, heard: Heard, options: Options) -> OwnTruth | None:
    """How the judge chooses where one can check who was right."""
    right = heard.items.correct
    own = np.array([right.get((unit, pair.model), np.nan) for unit in pair.items])
    other = np.array([right.get((unit, pair.opponent), np.nan) for unit in pair.items])
    if np.isnan(own).all() or np.isnan(other).all():
        return None
    return own_truth(judged(pair, rule="hard"), own, other, level=options.level)


def save(store: Store, found: Matrix, *, contest: Mapping[str, Any] | None = None) -> int:
    """Write what was measured: a row in `analysis`, a line for each measure and cell in `dbg_score`; gives its id.

    Args:
        store: where to.
        found: what was measured.
        contest: further options that it was made with, such as who took part in a live trial.
    """
    options = {**found.options.to_dict(), **({} if contest is None else {"contest": dict(contest)})}
    runs = [*found.runs, *found.gold_runs]
    return keep_analysis(store, KIND, found.lines, runs=runs, options=options, command=found.command)

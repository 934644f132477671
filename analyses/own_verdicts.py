"""Who preferred whose response? Stored verdicts told of two models, each presentation apart, and gold's votes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import select

from ..metrics.own_pairs import Pair
from ..store.engine import Store
from ..store.records import TIE
from ..store.runs import Run, check_closed, find_run
from ..store.tables import metadata
from ..text.errors import BadInput
from ..text.letters import LETTER
from .gold import accepted
from .rows import Row, presentation, streamed

Floats = NDArray[np.float64]
Two = tuple[str, str]
"""Two models, in the order of their names."""
Masses = tuple[float, float]
"""What a verdict gives to either of two responses, 0 or more; the two need not add up to 1."""

_ITEM = metadata.tables["item"]
_JUDGE = metadata.tables["judge"]
_RESPONSE = metadata.tables["response"]
_VERDICT = metadata.tables["verdict"]
PROMPT = "prompt_id"
"""The name in an item's `meta` of the prompt that its responses answer, where that is not the item itself."""


@dataclass(slots=True)
class Items:
    """What is known of the items that were judged.

    Attributes:
        unit: of each item the prompt that its responses answer, which is what is sampled.
        wrote: of each item, who wrote which response.
        subset: of each prompt, what `meta.subset` says, '' where it says nothing.
        correct: of each prompt and model whether the answer is right, where `meta.correct` says so.
        human: of each prompt and two models what people's labels make of the first: 1, 0, or a share between.
    """

    unit: dict[str, str] = field(default_factory=dict)
    wrote: dict[str, dict[str, str]] = field(default_factory=dict)
    subset: dict[str, str] = field(default_factory=dict)
    correct: dict[tuple[str, str], float] = field(default_factory=dict)
    human: dict[tuple[str, Two], float] = field(default_factory=dict)


@dataclass(slots=True)
class Said:
    """What one judge said.

    Attributes:
        name: the judge's name.
        model: its model, '' where nobody says.
        masses: by two models, prompt, presentation (0 where the first model was shown first, 1 where second) and
            sample, what was given to the first model and to the second.
        statuses: verdicts by status.
        unread: verdicts that are no comparison of two models, and why.
        letters: verdicts whose probability was asked for and not given.
    """

    name: str
    model: str
    masses: dict[Two, dict[str, dict[int, dict[int, Masses]]]] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    letters: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said in some runs.

    Attributes:
        runs: the runs.
        items: what is known of their items.
        judges: by label: the judge's name, with its id behind it where two judges share a name.
    """

    runs: tuple[Run, ...]
    items: Items
    judges: dict[str, Said]

    @property
    def models(self) -> list[str]:
        """Who wrote anything, by name."""
        return sorted({model for wrote in self.items.wrote.values() for model in wrote.values()})


def heard_in(store: Store, runs: Sequence[str], *, group: str | None = None) -> Heard:
    """What was said in these runs, final verdicts alone.

    Args:
        store: the store.
        runs: closed runs that compared pairs, or imported verdicts.
        group: the annotators' group whose labels are people's word; None for all.

    Raises:
        NotFound: if there is no such run.
        BadInput: if one is open, a retry of another, or grades single responses.
    """
    found = [find_run(store, run) for run in dict.fromkeys(runs)]
    for run in found:
        _check(run)
    items = Items()
    for dataset in dict.fromkeys(run.dataset for run in found):
        _read_items(store, dataset, items)
    said: dict[tuple[str, str], Said] = {}
    for run in found:
        for row in _rows(store, run):
            who = said.setdefault((row["judge"], row["persona"]), _speaker(row))
            _hear(who, row, items)
    for dataset in dict.fromkeys(run.dataset for run in found):
        _read_labels(store, dataset, items, group)
    names = Counter(one.name for one in said.values())
    judges = {(one.name if names[one.name] == 1 else f"{one.name} ({key[0]})"): one for key, one in said.items()}
    return Heard(tuple(found), items, dict(sorted(judges.items())))


def _check(run: Run) -> None:
    if run.kind not in ("judge", "import"):
        raise BadInput(f"The run {run.id} holds answers, not verdicts.", way_out="name the judges' runs")
    check_closed(run)
    if run.plan.get("judge", {}).get("protocol", "pairwise") != "pairwise":
        raise BadInput(f"The run {run.id} grades single responses; self-preference looks at pairs.")
    if run.parent:
        raise BadInput(f"The run {run.id} holds only what had failed in {run.parent}.", way_out="name a whole run")


def _speaker(row: Row) -> Said:
    name = row["judge_name"] or row["judge"]
    return Said(f"{name} as {row['persona']}" if row["persona"] else name, row["judge_model"] or "")


def _rows(store: Store, run: Run) -> Iterator[Row]:
    said = ("item", "judge", "persona", "presentation", "sample", "status", "preferred", "p_first")
    more = ("probabilities", "models", "rule")
    wanted = (
        select(
            *(_VERDICT.c[name] for name in (*said, *more)),
            *(_JUDGE.c.name.label("judge_name"), _JUDGE.c.model.label("judge_model")),
        )
        .outerjoin(_JUDGE, _JUDGE.c.id == _VERDICT.c.judge)
        .where(_VERDICT.c.run == run.id, _VERDICT.c.step == "")
        .order_by(_VERDICT.c.id)
    )
    yield from streamed(store, wanted)


def _read_items(store: Store, dataset: str, items: Items) -> None:
    wanted = select(_ITEM.c.id, _ITEM.c.parent, _ITEM.c.meta).where(_ITEM.c.dataset == dataset)
    told: dict[str, dict[str, Any]] = {}
    for row in streamed(store, wanted):
        meta = told[row["id"]] = orjson.loads(row["meta"] or "{}")
        unit = str(meta.get(PROMPT) or row["parent"] or row["id"])
        items.unit[row["id"]] = unit
        items.subset[unit] = str(meta.get("subset") or "")
    wrote = select(_RESPONSE.c.item, _RESPONSE.c.id, _RESPONSE.c.model).where(_RESPONSE.c.dataset == dataset)
    for row in streamed(store, wrote):
        if row["model"]:
            items.wrote.setdefault(row["item"], {})[row["id"]] = row["model"]
            right = told[row["item"]].get("correct")
            if isinstance(right, dict) and isinstance(right.get(row["id"]), bool):
                items.correct[items.unit[row["item"]], row["model"]] = float(right[row["id"]])


def _read_labels(store: Store, dataset: str, items: Items, group: str | None) -> None:
    for item, shares in accepted(store, dataset, group=group).items():
        wrote = items.wrote.get(item, {})
        if len(set(wrote.values())) != 2 or len(wrote) != 2:
            continue
        two = _two(*wrote.values())
        share = {wrote[name]: shares.get(name, 0.0) for name in wrote}
        tied = shares.get(TIE, 0.0)
        total = sum(share.values()) + tied
        if total:
            items.human[items.unit[item], two] = (share[two[0]] + tied / 2) / total


def _two(one: str, other: str) -> Two:
    return (one, other) if one < other else (other, one)


def _hear(who: Said, row: Row, items: Items) -> None:
    who.statuses[row["status"]] += 1
    who.letters += row["rule"] == LETTER
    shown = presentation(row["presentation"])
    wrote = dict(items.wrote.get(row["item"], {}))
    if row["models"]:
        wrote.update({name: model for name, model in orjson.loads(row["models"]).items() if model})
    if len(shown) != 2 or any(name not in wrote for name in shown):
        who.unread["nobody says who wrote the responses" if len(shown) == 2 else "not two responses"] += 1
        return
    first, second = (wrote[name] for name in shown)
    if first == second:
        who.unread["both responses are of one model"] += 1
        return
    items.wrote.setdefault(row["item"], {}).update({name: wrote[name] for name in shown})
    two = _two(first, second)
    on_first, on_second = _masses(row, shown)
    turned = first != two[0]
    cell = who.masses.setdefault(two, {}).setdefault(items.unit[row["item"]], {})
    samples = cell.setdefault(int(turned), {})
    number = row["sample"] if row["sample"] not in samples else 1 + max(samples)
    samples[number] = (on_second, on_first) if turned else (on_first, on_second)


def _masses(row: Row, shown: tuple[str, ...]) -> Masses:
    """What a verdict gives to the response shown first and to the one shown second; NaN where it is none."""
    if row["status"] != "ok":
        return np.nan, np.nan
    if row["probabilities"]:
        told = orjson.loads(row["probabilities"])
        if shown[0] in told and shown[1] in told:
            return float(told[shown[0]]), float(told[shown[1]])
    if row["p_first"] is not None:
        return float(row["p_first"]), 1.0 - float(row["p_first"])
    if row["preferred"] is None:
        return np.nan, np.nan
    if row["preferred"] == TIE:
        return 0.5, 0.5
    return float(row["preferred"] == shown[0]), float(row["preferred"] == shown[1])


def pairs_of(
    who: Said, gold: Mapping[str, Said], *, gold_judges: Sequence[str], units: frozenset[str] | None = None
) -> dict[Two, Pair]:
    """Each pair of models that a judge compared, told from the side of the first by name.

    Args:
        who: the judge.
        gold: what gold said, by label.
        gold_judges: the labels of the gold judges that were declared; one without a verdict is refused.
        units: the prompts that count; None for all.

    Raises:
        BadInput: if judge and gold do not cover the same prompts, in both presentations, as `Pair.of` wants it.
    """
    return {two: _pair(who, two, gold, gold_judges, units) for two in sorted(who.masses)}


def _pair(
    who: Said, two: Two, gold: Mapping[str, Said], gold_judges: Sequence[str], units: frozenset[str] | None
) -> Pair:
    def counted(names: Mapping[str, Any]) -> list[str]:
        return [name for name in names if units is None or name in units]

    judged = counted(who.masses[two])
    voted = counted(dict.fromkeys(name for one in gold.values() for name in one.masses.get(two, {})))
    table = np.array([_table(who, two, unit) for unit in judged]).reshape(len(judged), 2, 2)
    votes = np.full((len(voted), len(gold_judges), 2), np.nan)
    for place, name in enumerate(gold_judges):
        for row, unit in enumerate(voted):
            if name in gold and unit in gold[name].masses.get(two, {}):
                votes[row, place] = _votes(_table(gold[name], two, unit))
    try:
        return Pair.of(
            judged,
            table[:, :, 0],
            table[:, :, 1],
            votes,
            gold_judges=gold_judges,
            gold_items=voted,
            model=two[0],
            opponent=two[1],
        )
    except ValueError as error:
        why = f"{who.name} on {two[0]} against {two[1]}: {error}"
        raise BadInput(why, way_out="judge and gold over the same items, in both presentations") from error


def _table(who: Said, two: Two, unit: str) -> Floats:
    """Shape (2, 2): by presentation the mass of the first model and of the second, means over samples."""
    cell = who.masses[two][unit]
    table = np.full((2, 2), np.nan)
    for shown, samples in cell.items():
        said = np.array([masses for masses in samples.values() if not np.isnan(masses[0])])
        if said.size:
            table[shown] = said.mean(axis=0)
    return table


def _votes(table: Floats) -> Floats:
    """A gold judge's vote in each presentation: 1 for the first model, 0 for the second, 0.5 for neither."""
    gap = table[:, 0] - table[:, 1]
    return np.where(np.isnan(gap), np.nan, (np.sign(gap) + 1) / 2)

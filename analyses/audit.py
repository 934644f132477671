"""What moves a judge, and what does not though it should? Each cue's signed contrast, beside the judge's own noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import select

from ..metrics.bias import Decision, Effect, cue_effect, decide, order_effect, unsided_effect
from ..metrics.estimate import Estimate
from ..metrics.intervals import bounded_mean
from ..store.analyses import keep_analysis
from ..store.engine import Store
from ..store.runs import Run, find_run
from ..store.tables import metadata
from ..text.errors import BadInput
from .gold import accepted
from .rows import presentation, streamed

Floats = NDArray[np.float64]

_ITEM = metadata.tables["item"]
_RESPONSE = metadata.tables["response"]
_VERDICT = metadata.tables["verdict"]
POSITION = "position"
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Bias:
    """What one cue does to the judge.

    Attributes:
        name: the bias, `position` for the order.
        kind: `cue` or `sensitivity`.
        sided: whether it stood on either response.
        effect: its contrast; see `metrics.bias.Effect`.
        decision: what remains of it among all that were looked for; None for sensitivity edits.
        items: items that it could be planted in.
    """

    name: str
    kind: str
    sided: bool
    effect: Effect
    decision: Decision | None
    items: int

    @property
    def found(self) -> bool | None:
        """Whether the judge is moved: of a cue that it is biased, of an edit that it noticed it; None if unknown."""
        if self.kind == "sensitivity":
            high, complete = self.effect.bounded.high, self.effect.effect.high
            if self.effect.effect.estimate is None or high is None:
                return None
            return True if high < 0 else None if complete is not None and complete < 0 else False
        return None if self.decision is None else self.decision.flagged

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        told = {"bias": self.name, "kind": self.kind, "sided": self.sided, "items": self.items, "found": self.found}
        decided = {} if self.decision is None else dict(self.decision._asdict())
        return {**told, **self.effect.to_dict(), "decision": decided}


@dataclass(frozen=True, slots=True)
class Audit:
    """An audit of a judge.

    Attributes:
        run: the run that it was read from.
        judge: the judge's id.
        noise: how often the judge says the same of the same presentation again: the noise floor of all that follows.
        biases: each bias that was looked for, position first.
        items: how many items there are.
    """

    run: str
    judge: str
    noise: Estimate
    biases: tuple[Bias, ...]
    items: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            **{"run": self.run, "judge": self.judge, "items": self.items, "self_agreement": self.noise.to_dict()},
            "biases": [bias.to_dict() for bias in self.biases],
        }


@dataclass(slots=True)
class _Picks:
    """Verdicts by original item, order, side and sample, 1 where response A is preferred."""

    control: dict[tuple[str, int], dict[int, float]]
    cued: dict[str, dict[tuple[str, str, int], dict[int, float]]]


@dataclass(frozen=True, slots=True)
class Planted:
    """What the judge said where one cue was planted.

    Attributes:
        name: the bias.
        kind: `cue` or `sensitivity`.
        sided: whether it stood on either response.
        items: the items that it could be planted in, on both sides.
        picks: shape (items, orders, 2, samples) of a sided cue, (items, orders, samples) of another: 1 where the first
            response is preferred.
    """

    name: str
    kind: str
    sided: bool
    items: tuple[str, ...]
    picks: Floats


@dataclass(frozen=True, slots=True)
class Heard:
    """What the judge of an audit said.

    Attributes:
        run: the run.
        items: the untouched items.
        control: shape (items, orders, samples): what it said of them.
        gold: of each item with a better response 1 where that is the first, 0 where it is the second.
        planted: by bias.
    """

    run: Run
    items: tuple[str, ...]
    control: Floats
    gold: dict[str, float]
    planted: dict[str, Planted]

    def better(self, items: Sequence[str]) -> Floats:
        """Gold of these items, NaN where there is none."""
        return np.array([self.gold.get(item, np.nan) for item in items])


def audit(store: Store, run: str, *, alpha: float = ALPHA, group: str | None = None) -> Audit:
    """Read an audit's run.

    Args:
        store: the store.
        run: a closed run over items and what was derived from them (`graphs.audit.perturbed`).
        alpha: the share of false findings among the biases, 0..1, by Benjamini and Hochberg.
        group: the annotators' group whose labels are gold; None for all.

    Raises:
        NotFound: if there is no such run.
        BadInput: if it is open, judges no pairs, is a panel's, or asks again what failed in another.
    """
    heard = heard_in(store, run, group=group)
    biases = [Bias(POSITION, "cue", True, order_effect(heard.control), None, len(heard.items))]
    biases += [
        Bias(one.name, one.kind, one.sided, _effect(one, heard), None, len(one.items)) for one in heard.planted.values()
    ]
    cues = [bias for bias in biases if bias.kind == "cue"]
    decided = dict(zip([bias.name for bias in cues], decide([bias.effect for bias in cues], alpha=alpha), strict=True))
    biases = [replace(one, decision=decided.get(one.name)) for one in biases]
    return Audit(heard.run.id, heard.run.judge, _noise(heard.control), tuple(biases), len(heard.items))


def heard_in(store: Store, run: str, *, group: str | None = None) -> Heard:
    """What the judge said in an audit's run.

    Raises:
        NotFound: if there is no such run.
        BadInput: if it is open, judges no pairs, is a panel's, or asks again what failed in another.
    """
    found = find_run(store, run)
    if found.status != "closed":
        raise BadInput(f"The run {found.id} is still open.", way_out=f"plurijudge judge --run {found.id}")
    if found.plan.get("judge", {}).get("protocol", "pairwise") != "pairwise":
        raise BadInput(f"The run {found.id} grades single responses; an audit looks at pairs.")
    if found.panel:
        raise BadInput(f"The run {found.id} is a panel's; an audit looks at one judge.")
    if found.parent:
        raise BadInput(
            f"The run {found.id} holds only what had failed in {found.parent}.",
            way_out="plurijudge audit ITEMS asks again what failed, and nothing else",
        )
    pairs, planted, derived = _items(store, found)
    picks = _picks(store, found, pairs, planted)
    originals = sorted({item for item, _ in picks.control} - derived)  # what was set aside has no verdict to miss
    kinds = {told["bias"]: told for told in planted.values()}
    return Heard(
        found,
        tuple(originals),
        _table(picks.control, originals),
        _gold(store, found, pairs, group),
        {name: _planted(name, kinds[name], picks.cued.get(name, {}), originals, pairs) for name in sorted(kinds)},
    )


def _planted(
    name: str,
    told: Mapping[str, Any],
    cued: Mapping[tuple[str, str, int], dict[int, float]],
    originals: list[str],
    pairs: Mapping[str, tuple[str, str]],
) -> Planted:
    sides = {(item, side) for item, side, _ in cued}
    if not told["side"]:
        items = [item for item in originals if (item, "") in sides]
        picks = _table({(item, order): cell for (item, _, order), cell in cued.items()}, items)
        return Planted(name, told["kind"], False, tuple(items), picks)
    # where it could stand on one side alone, there is nothing to hold it against
    items = [item for item in originals if all((item, side) in sides for side in pairs[item])]
    on_each = [
        {(item, order): cell for (item, side, order), cell in cued.items() if side == pairs[item][place]}
        for place in (0, 1)
    ]
    both = np.stack(_alike([_table(cells, items) for cells in on_each]), axis=2)
    return Planted(name, told["kind"], True, tuple(items), both)


def _effect(one: Planted, heard: Heard) -> Effect:
    if one.sided:
        return cue_effect(one.picks)
    where = {item: number for number, item in enumerate(heard.items)}
    rows = [where[item] for item in one.items]
    return unsided_effect(one.picks, heard.control[rows], heard.better(one.items))


def _items(store: Store, run: Run) -> tuple[dict[str, tuple[str, str]], dict[str, dict[str, Any]], set[str]]:
    """Of each pair its responses in their order; of each planted one what was planted; all that have a parent."""
    pairs: dict[str, list[str]] = {}
    wanted = select(_RESPONSE.c.item, _RESPONSE.c.id).where(_RESPONSE.c.dataset == run.dataset)
    for row in streamed(store, wanted.order_by(_RESPONSE.c.item, _RESPONSE.c.position)):
        pairs.setdefault(row["item"], []).append(row["id"])
    planted, derived = {}, set()
    children = select(_ITEM.c.id, _ITEM.c.parent, _ITEM.c.perturbation).where(_ITEM.c.dataset == run.dataset)
    for row in streamed(store, children.where(_ITEM.c.parent != "")):
        derived.add(row["id"])
        told = orjson.loads(row["perturbation"] or "{}")
        if "bias" in told:
            planted[row["id"]] = {**told, "parent": row["parent"]}
    whole = {item: (names[0], names[1]) for item, names in pairs.items() if len(names) == 2}
    fit = {item: told for item, told in planted.items() if item in whole and told["parent"] in whole}
    return whole, fit, derived


def _picks(
    store: Store, run: Run, pairs: Mapping[str, tuple[str, str]], planted: Mapping[str, Mapping[str, Any]]
) -> _Picks:
    found = _Picks({}, {})
    wanted = select(*(_VERDICT.c[name] for name in ("item", "presentation", "sample", "status", "preferred")))
    mine = (_VERDICT.c.run == run.id, _VERDICT.c.step == "", _VERDICT.c.judge == run.judge, _VERDICT.c.persona == "")
    for row in streamed(store, wanted.where(*mine)):
        told = planted.get(row["item"])
        item = row["item"] if told is None else told["parent"]
        if item not in pairs:
            continue
        first = pairs[item][0]
        order = int(presentation(row["presentation"])[0] != first)
        pick = np.nan
        if row["status"] == "ok" and row["preferred"] is not None:
            pick = 0.5 if row["preferred"] == "tie" else float(row["preferred"] == first)
        if told is None:
            found.control.setdefault((item, order), {})[row["sample"]] = pick
        else:
            cells = found.cued.setdefault(told["bias"], {})
            cells.setdefault((item, told["side"], order), {})[row["sample"]] = pick
    return found


def _gold(store: Store, run: Run, pairs: Mapping[str, tuple[str, str]], group: str | None) -> dict[str, float]:
    """Of each item with a better response 1 where that is A, 0 where it is B."""
    found = {}
    for item, shares in accepted(store, run.dataset, group=group).items():
        if item in pairs:
            first, second = (shares.get(name, 0.0) for name in pairs[item])
            if first != second:
                found[item] = float(first > second)
    return found


def _table(cells: Mapping[tuple[str, int], dict[int, float]], items: list[str]) -> Floats:
    """Shape (items, orders, samples), NaN where there is no verdict."""
    most = 1 + max((sample for cell in cells.values() for sample in cell), default=0)
    table = np.full((len(items), 2, most), np.nan)
    for number, item in enumerate(items):
        for order in (0, 1):
            for sample, pick in cells.get((item, order), {}).items():
                table[number, order, sample] = pick
    return table


def _alike(tables: list[Floats]) -> list[Floats]:
    """Tables with as many samples each, NaN where one has fewer."""
    most = max(table.shape[2] for table in tables)
    return [np.pad(table, ((0, 0), (0, 0), (0, most - table.shape[2])), constant_values=np.nan) for table in tables]


def _noise(control: Floats) -> Estimate:
    """How often the first two samples of a presentation agree, by item."""
    if control.shape[2] < 2:
        return Estimate.unknown("untouched items were judged once", left_out=len(control))
    one, other = control[:, :, 0], control[:, :, 1]
    same = np.where(np.isnan(one) | np.isnan(other), np.nan, (one == other).astype(float))
    return bounded_mean(same)


def save(store: Store, found: Audit, *, command: str) -> int:
    """Write what was measured: one row in `analysis`, a line a bias in `bias_effect`; gives the analysis' id."""
    base = {"judge": found.judge, "mitigation": "", "arm": "", "subset": ""}
    nothing = {"p_value": None, "q_value": None, "smallest_effect": None, "worst": None, "best": None}
    lines: list[dict[str, Any]] = [
        {**base, "bias": "", "measure": "self_agreement", **nothing, **found.noise.to_dict()}
    ]
    for one in found.biases:
        effect = one.effect
        told = {
            **base,
            **{"bias": one.name, "p_value": effect.p_value, "smallest_effect": effect.smallest_effect},
            "q_value": None if one.decision is None else one.decision.q_value,
            **{"worst": effect.bounds.worst, "best": effect.bounds.best},
        }
        lines += [
            {**told, "measure": measure, **getattr(effect, measure).to_dict()}
            for measure in ("effect", "all_calls", "log_odds", "bounded")
        ]
    return keep_analysis(store, "bias_effect", lines, runs=[found.run], options={"alpha": ALPHA}, command=command)

"""Can a judge be talked round? How often each kind of attack wins it over, beyond what asking again brings about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..metrics.attacks import Overturned, attack as won_over, raised, sensitivity
from ..metrics.estimate import Estimate
from ..metrics.intervals import bounded_mean
from ..metrics.multiplicity import holm
from ..metrics.paired import mcnemar
from ..metrics.picks import Measured
from ..store.analyses import keep_analysis
from ..store.engine import Store
from ..store.runs import Run, find_run
from ..text.errors import BadInput
from .attack_records import SHARES, Cells, Planted, Record, record_of
from .audit_records import OF_TWO

PROTOCOLS = (*OF_TWO, "score", "reference", "rubric", "rank", "choice")
"""Those that attacks are counted for."""
ALPHA = 0.05
LIST_MISSING = ("abstained", "refused", "unparseable", "truncated", "error")


@dataclass(frozen=True, slots=True)
class Line:
    """What some attacks did.

    Attributes:
        name: the attack, or the kind of all of them; '' for all kinds.
        kind: what they try; '' for all kinds.
        place: where they were put; '' for all places.
        attacks: how many there are.
        items: how many items have one of them.
        verdicts: how many verdicts were asked for under attack.
        missing: how many of those have which other status than `ok`.
        measures: see `MEASURES`; by name.
        ends: of each measure what it would be at worst and at best, whatever the missing verdicts were.
        p_value: that they win nothing beyond noise, by an exact sign test over items; of kinds by Holm for all of them.
        seen_from: the success beyond noise that would have been found: the upper end of its interval, at a level that
            holds for all kinds at once; None where nothing is known.
    """

    name: str
    kind: str
    place: str
    attacks: int
    items: int
    verdicts: int
    missing: dict[str, int]
    measures: dict[str, Estimate]
    ends: dict[str, tuple[float | None, float | None]]
    p_value: float | None
    seen_from: float | None

    @property
    def found(self) -> bool | None:
        """Whether they win the judge over beyond noise; None where that is unknown."""
        won = self.measures["success_excess"].estimate
        return None if self.p_value is None or won is None else self.p_value <= ALPHA and won > 0

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        told = {
            name: getattr(self, name) for name in ("name", "kind", "place", "attacks", "items", "verdicts", "missing")
        }
        measures = {
            name: {**one.to_dict(), "worst": self.ends[name][0], "best": self.ends[name][1]}
            for name, one in self.measures.items()
        }
        said = {"found": self.found, "p_value": self.p_value, "seen_from": self.seen_from}
        return {**told, **said, "measures": measures}


MEASURES = {
    "success": "won over, of verdicts that were not for the response",
    "success_floor": "the same when only asked again",
    "success_excess": "won over beyond that",
    "away": "lost, of verdicts that were for the response",
    "away_floor": "the same when only asked again",
    "away_excess": "lost beyond that",
    "silent": "verdicts missing under attack",
    "silent_control": "verdicts missing without",
    "rise": "rise of the score",
}


@dataclass(frozen=True, slots=True)
class Attacked:
    """What attacks did to a judge.

    Attributes:
        run: the run that it was read from.
        judge: the judge's id.
        judge_name: what people call it.
        protocol: what it judges by.
        items: how many items there are.
        span: the ends of the judge's scores; None where it judges pairs.
        total: over all attacks.
        kinds: by kind, those that won most first.
        places: by place, where there is more than one.
        attacks: one by one, those that won most first.
        not_planted: what could not be planted, why, and how often.
    """

    run: str
    judge: str
    judge_name: str
    protocol: str
    items: int
    span: tuple[float, float] | None
    total: Line
    kinds: tuple[Line, ...]
    places: tuple[Line, ...]
    attacks: tuple[Line, ...]
    not_planted: tuple[tuple[str, str, int], ...] = ()

    @property
    def command(self) -> str:
        """What computes it again."""
        return f"plurijudge attack --run {self.run}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        names = ("run", "judge", "judge_name", "protocol", "items", "span", "command")
        return {
            **{name: getattr(self, name) for name in names},
            "total": self.total.to_dict(),
            **{part: [line.to_dict() for line in getattr(self, part)] for part in ("kinds", "places", "attacks")},
            "not_planted": [{"attack": name, "reason": why, "items": n} for name, why, n in self.not_planted],
        }


def attacked(store: Store, run: str) -> Attacked:
    """Count what attacks won in a closed run.

    Args:
        store: the store.
        run: a run over items and what was derived from them (`graphs.attack.attacked`).

    Raises:
        NotFound: if there is no such run.
        BadInput: if it is open, holds no attacks, or its protocol is none that attacks are counted for.
    """
    found = find_run(store, run)
    _check(found)
    record = record_of(store, found)
    if not record.planted:
        raise BadInput(
            f"No attack was planted in the items of {found.id}.", way_out="plurijudge attack ITEMS --judge J"
        )
    span = None if _pairs(found) else _span(found, record)
    kinds = sorted({one.kind for one in record.planted})
    level = 1 - ALPHA / len(kinds)
    reader = _Reader(record, span, level)
    alone = [reader.line(kind, kind, "", [one for one in record.planted if one.kind == kind]) for kind in kinds]
    tested = holm([line.p_value for line in alone])
    by_kind = [replace(line, p_value=p_value) for line, p_value in zip(alone, tested, strict=True)]
    spots = sorted({one.place for one in record.planted})
    by_place = [reader.line("", "", spot, [one for one in record.planted if one.place == spot]) for spot in spots]
    singly = [reader.line(one.attack, one.kind, one.place, [one]) for one in record.planted]
    told = found.plan.get("plan", {}).get("not_planted", ())
    described = found.plan["judge"]
    return Attacked(
        found.id,
        found.judge,
        str(described.get("name") or described.get("function") or described.get("model") or ""),
        str(described.get("protocol", "pairwise")),
        len(record.items),
        span,
        reader.line("", "", "", record.planted),
        tuple(sorted(by_kind, key=_most)),
        tuple(by_place) if len(by_place) > 1 else (),
        tuple(sorted(singly, key=_most)),
        tuple((str(name), str(why), int(n)) for name, why, n in told),
    )


def _most(line: Line) -> tuple[float, str, str]:
    """What wins most stands first; what is unknown last."""
    won = line.measures["success_excess"].estimate
    return (2.0 if won is None else -won, line.name, line.place)


def _check(run: Run) -> None:
    if run.status != "closed":
        raise BadInput(f"The run {run.id} is still open.", way_out=f"plurijudge attack --run {run.id}")
    protocol = run.plan.get("judge", {}).get("protocol", "pairwise")
    if protocol not in PROTOCOLS or "judge" not in run.plan:
        raise BadInput(f"The run {run.id} judges by `{protocol}`; attacks are counted for {', '.join(PROTOCOLS)}.")


def _pairs(run: Run) -> bool:
    return str(run.plan["judge"].get("protocol", "pairwise")) in OF_TWO


def _span(run: Run, record: Record) -> tuple[float, float]:
    """The ends of the scores: 0 and 1 of shares, else of the scale or rubric, wider where scores lie beyond."""
    described = run.plan["judge"]
    if described.get("protocol") in SHARES:
        return 0.0, 1.0
    low, high = map(float, described.get("scale") or (1.0, 10.0))
    if described.get("protocol") == "rubric":
        low, high = 0.0, 1.0
    said = [value for one in record.planted for cell in one.said.values() for value in cell.values()]
    every = np.array([*said, *record.control.ravel()])
    every = every[~np.isnan(every)]
    return (min(low, float(every.min())), max(high, float(every.max()))) if every.size else (low, high)


@dataclass(frozen=True, slots=True)
class _Reader:
    record: Record
    span: tuple[float, float] | None
    level: float

    def line(self, name: str, kind: str, place: str, chosen: Sequence[Planted]) -> Line:
        """What the chosen attacks did."""
        cells = self.record.cells(chosen)
        found, (more, fewer) = self._measured(cells, 0.95)
        measures = {key: one.estimate for key, one in found.items()}
        ends = {key: (one.bounds.worst, one.bounds.best) for key, one in found.items()}
        silent = {"silent": _silent(cells.attacked, cells.asked), "silent_control": _silent_control(self.record)}
        measures |= silent
        ends |= {key: (one.estimate, one.estimate) for key, one in silent.items()}
        excess = measures["success_excess"].estimate
        statuses: dict[str, int] = {}
        for planted in chosen:
            for status, n in planted.statuses.items():
                statuses[status] = statuses.get(status, 0) + n
        return Line(
            name,
            kind,
            place,
            len({(one.attack, one.place) for one in chosen}),
            int(cells.asked.any(axis=1).sum()),
            sum(statuses.values()),
            {status: statuses[status] for status in LIST_MISSING if status in statuses},
            measures,
            ends,
            None if excess is None else mcnemar(more, fewer),
            self._measured(cells, self.level)[0]["success_excess"].estimate.high,
        )

    def _measured(self, cells: Cells, level: float) -> tuple[dict[str, Measured], tuple[int, int]]:
        """The measures, and how many items speak for a success and how many against it."""
        if self.span is not None:
            low, high = self.span
            up = raised(cells.attacked, cells.control, low=low, high=high, asked=cells.asked, level=level)
            told = {"rise": up.rise, **_three("success", up.success), **_three("away", up.away)}
            return told, (up.success.more, up.success.fewer)
        towards = won_over(cells.attacked, cells.control, cells.favours, asked=cells.asked, level=level)
        away = sensitivity(cells.attacked, cells.control, cells.favours, asked=cells.asked, level=level)
        told = {**_three("success", towards.success), **_three("away", away.overturned)}
        return told, (towards.success.more, towards.success.fewer)


def _three(name: str, found: Overturned) -> dict[str, Measured]:
    return {name: found.share, f"{name}_floor": found.floor, f"{name}_excess": found.excess}


def _silent(said: np.ndarray[Any, np.dtype[np.float64]], asked: np.ndarray[Any, np.dtype[np.bool_]]) -> Estimate:
    """How many verdicts that were asked for are missing."""
    lost = np.where(asked[..., None], np.isnan(said).astype(float), np.nan)
    return bounded_mean(lost.reshape(len(lost), -1))


def _silent_control(record: Record) -> Estimate:
    lost = np.isnan(record.control).astype(float)
    lost[np.isnan(record.favours)] = np.nan
    return bounded_mean(lost.reshape(len(lost), -1))


def save(store: Store, found: Attacked) -> int:
    """Write what was counted: one row in `analysis`, a line a measure in `bias_effect`; gives the analysis' id.

    In `bias_effect` the attack, or the kind, stands under `bias` (`attack` for all), and the place under `subset`.
    """
    rows: list[dict[str, Any]] = []
    for line in (found.total, *found.kinds, *found.places, *found.attacks):
        for measure, one in line.measures.items():
            worst, best = line.ends[measure]
            rows.append(
                {
                    **{"judge": found.judge, "bias": line.name or "attack", "measure": measure, "subset": line.place},
                    **{"mitigation": "", "arm": line.kind, "q_value": None},
                    "p_value": line.p_value if measure == "success_excess" else None,
                    **{"smallest_effect": line.seen_from if measure == "success_excess" else None},
                    **{"worst": worst, "best": best, **one.to_dict()},
                }
            )
    options = {"alpha": ALPHA, "kinds": len(found.kinds)}
    return keep_analysis(store, "attack", rows, runs=[found.run], options=options, command=found.command)

"""Is a panel worth its price? Held against what costs as much or less, on the same items with gold."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import func, select

from ..metrics.estimate import Estimate
from ..metrics.intervals import bounded_mean
from ..metrics.paired import gain, mcnemar
from ..store.analyses import keep_analysis
from ..store.canonical import canonical
from ..store.engine import Store, plain_errors
from ..store.runs import Run, find_run
from ..store.tables import metadata
from ..text.errors import BadInput
from .gold import Accepted, accepted
from .rows import streamed

Floats = NDArray[np.float64]
_DECISION = metadata.tables["decision"]
_VERDICT = metadata.tables["verdict"]
BEST, CYCLIC = "best member", "one member in turn"


@dataclass(frozen=True, slots=True)
class Against:
    """The panel held against one baseline.

    Attributes:
        name: the baseline.
        gain: how much more often the panel is right, from -1 to 1, over items that both decided.
        accuracy: how often the baseline is right.
        calls: its verdicts an item, as each takes a call.
        p_value: of the sign test over the items on which they differ.
        run: the run that it was read from.
    """

    name: str
    gain: Estimate
    accuracy: Estimate
    calls: float
    p_value: float
    run: str


@dataclass(frozen=True, slots=True)
class PanelWorth:
    """What a panel is worth.

    Attributes:
        panel: its name.
        digest: of its description.
        judge: the run's judge.
        accuracy: how often the panel is right; one half for a tie or a flip that gold does not accept.
        calls: its verdicts an item.
        against: each baseline.
        worth: whether it beats every one of them, the interval's low end above 0; None where that is not known.
        said: the summary in a sentence.
    """

    panel: str
    digest: str
    judge: str
    run: str
    accuracy: Estimate
    calls: float
    against: tuple[Against, ...]
    worth: bool | None
    said: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            **{"panel": self.panel, "run": self.run, "accuracy": self.accuracy.to_dict(), "calls": self.calls},
            "against": [
                {
                    **{"name": one.name, "run": one.run, "gain": one.gain.to_dict(), "calls": one.calls},
                    **{"accuracy": one.accuracy.to_dict(), "p_value": one.p_value},
                }
                for one in self.against
            ],
            **{"worth": self.worth, "said": self.said},
        }


def panel_worth(store: Store, runs: Mapping[str, str], *, group: str | None = None) -> PanelWorth:
    """Hold a panel's run against its baselines.

    Args:
        store: the store.
        runs: run ids by name; `panel` is the panel's own, from which the best member and one in turn are read as well.
        group: the annotators' group whose labels are gold; None for all.

    Raises:
        NotFound: if there is no such run.
        BadInput: if a run is open or on other items, or no panel judged it.
    """
    found = {name: find_run(store, run) for name, run in runs.items()}
    own = found["panel"]
    if not own.panel:
        raise BadInput(f"No panel judged the run {own.id}.", way_out="a run of `plurijudge judge ITEMS --panel`")
    for name, run in found.items():
        if run.status != "closed":
            raise BadInput(f"The run {run.id} ({name}) is still open.", way_out=f"plurijudge judge --run {run.id}")
        if run.dataset != own.dataset:
            raise BadInput(f"The run {run.id} ({name}) is on other items than {own.id}.")
    gold = accepted(store, own.dataset, group=group)
    places = {item: number for number, item in enumerate(sorted(gold))}
    right = {name: _rights(store, run, gold, places) for name, run in found.items()}
    calls = {name: _calls(store, run) for name, run in found.items()}
    members = _members(store, own, gold, places)
    lines = [(name, right[name], calls[name], found[name].id) for name in found if name != "panel"]
    if len(members) > 1:
        lines.append((BEST, _best(members, own.seed, places), calls["panel"] / len(members), own.id))
        lines.append((CYCLIC, _in_turn(members, own.seed, places), calls["panel"] / len(members), own.id))
    against = tuple(_against(name, right["panel"], values, n, run) for name, values, n, run in sorted(lines))
    accuracy = _mean(right["panel"])
    worth, said = _verdict(own.panel, calls["panel"], against, accuracy)
    return PanelWorth(own.panel, own.panel_digest, own.judge, own.id, accuracy, calls["panel"], against, worth, said)


def save(store: Store, worth: PanelWorth, *, command: str) -> int:
    """Write what was measured: one row in `analysis`, its lines in `panel_worth`; gives the analysis' id."""
    base = {"panel": worth.panel, "persona": "", "digest": worth.digest, "judge": worth.judge}
    own = {"measure": "accuracy", "calls": worth.calls, "p_value": None, "against": ""}
    lines: list[dict[str, Any]] = [{**base, **own, **worth.accuracy.to_dict()}]
    for one in worth.against:
        told = {**base, "against": one.name, "calls": one.calls}
        lines.append({**told, "measure": "gain", "p_value": one.p_value, **one.gain.to_dict()})
        lines.append({**told, "measure": "accuracy", "p_value": None, **one.accuracy.to_dict()})
    runs = [worth.run, *sorted({one.run for one in worth.against} - {worth.run})]
    return keep_analysis(store, "panel_worth", lines, runs=runs, options={"panel": worth.panel}, command=command)


def _score(outcome: str, preferred: str | None, gold: Accepted) -> float:
    """How right an outcome is: the share of annotators that accept it; a flip or a tie counts one half at least."""
    if outcome == "ok" and preferred is not None:
        return gold.get(preferred, 0.0)
    if outcome in ("tie", "flipped"):
        return max(gold.get("tie", 0.0), 0.5) if outcome == "tie" else 0.5
    return float("nan")


def _rights(store: Store, run: Run, gold: Mapping[str, Accepted], places: Mapping[str, int]) -> Floats:
    found = np.full(len(places), np.nan)
    wanted = select(_DECISION.c.item, _DECISION.c.outcome, _DECISION.c.preferred).where(_DECISION.c.run == run.id)
    for row in streamed(store, wanted):
        if (place := places.get(row["item"])) is not None:
            found[place] = _score(row["outcome"], row["preferred"], gold[row["item"]])
    return found


def _members(store: Store, run: Run, gold: Mapping[str, Accepted], places: Mapping[str, int]) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    for row in streamed(store, select(_DECISION.c.item, _DECISION.c.panel).where(_DECISION.c.run == run.id)):
        place = places.get(row["item"])
        if place is None or not row["panel"]:
            continue
        for name, vote in orjson.loads(row["panel"])["members"].items():
            column = found.setdefault(name, np.full(len(places), np.nan))
            column[place] = _score(vote["outcome"], vote["preferred"], gold[row["item"]])
    return dict(sorted(found.items()))


def _best(members: Mapping[str, Floats], seed: int, places: Mapping[str, int]) -> Floats:
    """The member that is best on one half of the items, on the other half: no item helps to choose its own judge."""
    half = np.array([_draw(seed, "half", item) % 2 for item in places], dtype=int)
    table = np.array([*members.values()])
    found = np.full(len(half), np.nan)
    for side in (0, 1):
        learnt = table[:, half != side]
        known = ~np.isnan(learnt)
        means = np.where(known.any(axis=1), np.nansum(learnt, axis=1) / np.maximum(known.sum(axis=1), 1), -1.0)
        found[half == side] = table[int(means.argmax()), half == side]
    return found


def _in_turn(members: Mapping[str, Floats], seed: int, places: Mapping[str, int]) -> Floats:
    table = np.array([*members.values()])
    turns = np.array([_draw(seed, "turn", item) % len(table) for item in places], dtype=int)
    found: Floats = table[turns, np.arange(len(turns))] if len(turns) else np.empty(0)
    return found


def _draw(seed: int, *told: str) -> int:
    return int.from_bytes(hashlib.sha256(canonical([seed, *told]).encode()).digest()[:8], "big")


def _calls(store: Store, run: Run) -> float:
    """Final verdicts an item that the run decided."""
    wanted = select(func.count(), func.count(func.distinct(_VERDICT.c.item))).where(
        _VERDICT.c.run == run.id, _VERDICT.c.step == ""
    )
    with plain_errors(store.url), store.engine.connect() as connection:
        verdicts, items = connection.execute(wanted).one()
    return verdicts / items if items else 0.0


def _mean(values: Floats) -> Estimate:
    if np.isnan(values).all():
        reason = "no item has gold" if not len(values) else "no item with gold was decided"
        return Estimate.unknown(reason, left_out=len(values))
    return bounded_mean(values)


def _against(name: str, panel: Floats, other: Floats, calls: float, run: str) -> Against:
    both = ~np.isnan(panel) & ~np.isnan(other)
    if both.sum() < 2:
        reason = "no item has gold" if not len(panel) else "fewer than two items with gold were decided by both"
        found = Estimate.unknown(reason, n=int(both.sum()), left_out=int((~both).sum()))
    else:
        found = gain(panel, other)
    more, less = int((panel > other).sum()), int((panel < other).sum())
    return Against(name, found, _mean(other), calls, mcnemar(more, less), run)


def _verdict(panel: str, calls: float, against: tuple[Against, ...], accuracy: Estimate) -> tuple[bool | None, str]:
    unknown = [one for one in against if one.gain.low is None]
    if not against or unknown:
        reason = accuracy.reason if accuracy.estimate is None else "there is nothing to hold it against"
        if unknown:
            reason = f"nothing is known against {', '.join(one.name for one in unknown)}: {unknown[0].gain.reason}"
        return None, f"Whether the panel {panel} is worth its price is not known: {reason}."
    shown = [one for one in against if one.gain.low is not None and one.gain.low > 0]
    if len(shown) == len(against):
        return True, f"The panel {panel} beats all that costs as much or less ({calls:.1f} verdicts an item)."
    rest = sorted((one for one in against if one not in shown), key=lambda one: one.gain.estimate or 0.0)
    told = "; ".join(
        f"{one.name} {100 * (one.gain.estimate or 0):+.1f} points [{100 * (one.gain.low or 0):+.1f}, "
        f"{100 * (one.gain.high or 0):+.1f}] at {one.calls:.1f} verdicts an item"
        for one in rest
    )
    return False, f"The panel {panel} ({calls:.1f} verdicts an item) is not shown to be worth its price: {told}."

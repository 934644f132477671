"""What do second looks do to verdicts? How many they keep, mend and spoil, by the words that are kept from before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sqlalchemy import select

from ..metrics.estimate import Estimate
from ..metrics.paired import gain, mcnemar
from ..store.engine import Store
from ..store.runs import find_run
from ..store.tables import metadata
from .gold import Accepted, accepted
from .rows import Row, streamed

_ITEM = metadata.tables["item"]
_VERDICT = metadata.tables["verdict"]
_LOOKS = ("reflect", "challenge")
_FIRST = "decide"
_UNLOOKED = ("no_isolation", "unknown_evidence")


@dataclass(frozen=True, slots=True)
class Revisions:
    """What one node's second looks did to a run's verdicts on untouched items.

    Attributes:
        node: the node.
        looked: verdicts that it looked at again.
        kept: those that it left as they were.
        helpful: those that it brought nearer to gold.
        harmful: those that it took further from gold.
        neutral: those that it changed to what gold likes as well or as little.
        untold: those that it changed of items without gold.
        withdrawn: those that were a verdict before and none after.
        unread: looks that could not be read, so that the word stands; they count among the kept.
        gain: how much oftener a verdict is right after the look than before, -1..1; the item is the unit.
        p_value: of the exact test whether it mends as often as it spoils, by items, as an item's verdicts depend on
            each other; None where there is no gold.
    """

    node: str
    looked: int
    kept: int
    helpful: int
    harmful: int
    neutral: int
    untold: int
    withdrawn: int
    unread: int
    gain: Estimate
    p_value: float | None

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "gain": self.gain.to_dict()}

    def __str__(self) -> str:
        """One line for people."""
        told = [(self.helpful, "mended"), (self.harmful, "spoilt"), (self.neutral, "changed to no effect")]
        told += [(self.untold, "changed without gold to tell"), (self.withdrawn, "withdrawn"), (self.unread, "unread")]
        parts = [f"{self.kept} kept", *(f"{n} {word}" for n, word in told if n or word in ("mended", "spoilt"))]
        chance = "" if self.p_value is None else f"; exact test p = {self.p_value:.3g}"
        return f"`{self.node}` looked at {self.looked} verdicts: {', '.join(parts)}{chance}"


@dataclass(frozen=True, slots=True)
class _Look:
    """One look: the item, the verdict before and the one after."""

    item: str
    before: Row
    after: Row
    unread: bool


def revisions(store: Store, run: str, *, group: str | None = None) -> list[Revisions]:
    """What the second looks of a run's judge did, each node by itself; empty where it has none.

    Args:
        store: the store.
        run: the run, of a judge of pairs.
        group: the annotators' group whose labels are gold; None for all.

    Raises:
        NotFound: if there is no such run.
    """
    found = find_run(store, run)
    nodes = [name for name in _LOOKS if name in found.plan.get("judge", {}).get("nodes", ())]
    if not nodes:
        return []
    gold = accepted(store, found.dataset, group=group)
    looks: dict[str, list[_Look]] = {name: [] for name in nodes}
    for said in _said(store, found.id, found.dataset):
        for node, look in _looks(said, nodes):
            looks[node].append(look)
    return [_counted(node, looks[node], gold) for node in nodes]


def _said(store: Store, run: str, dataset: str) -> Iterator[dict[str, Row]]:
    """Of each verdict of an untouched item its words by step."""
    columns = ("item", "judge", "persona", "presentation", "sample", "step", "status", "reason", "preferred", "rule")
    untouched = select(_ITEM.c.id).where(_ITEM.c.dataset == dataset, _ITEM.c.parent == "")
    keys = [_VERDICT.c[name] for name in columns[:5]]
    wanted = select(*(_VERDICT.c[name] for name in columns)).where(_VERDICT.c.run == run)
    wanted = wanted.where(_VERDICT.c.item.in_(untouched)).order_by(*keys)
    said: dict[str, Row] = {}
    place: tuple[Any, ...] = ()
    for row in streamed(store, wanted):
        here = tuple(row[name] for name in columns[:5])
        if here != place and said:
            yield said
            said = {}
        place = here
        said[row["step"]] = row
    if said:
        yield said


def _looks(said: Mapping[str, Row], nodes: Sequence[str]) -> Iterator[tuple[str, _Look]]:
    """The looks among the words of one verdict; each part of it has its own."""
    for step in said:
        head, comma, last = step.rpartition(", ")
        if last != _FIRST:
            continue
        named = [f"{head}{comma}{name}" for name in (_FIRST, *nodes[:-1])]
        words = [said.get(name) for name in [*named, head]]
        for node, before, after in zip(nodes, words, words[1:], strict=False):
            if before is not None and after is not None and _was_looked_at(after, node):
                yield node, _Look(before["item"], before, after, after["rule"] == f"{node}: unread")


def _was_looked_at(after: Row, node: str) -> bool:
    """What tools settled is kept beside the word that it replaced, and nobody looked at it."""
    if after["status"] == "ok":
        return str(after["rule"]).startswith(f"{node}: ")
    return after["reason"] not in _UNLOOKED


def _counted(node: str, looks: Sequence[_Look], gold: Mapping[str, Accepted]) -> Revisions:
    counts = dict.fromkeys(("kept", "helpful", "harmful", "neutral", "untold", "withdrawn"), 0)
    rights: dict[str, list[tuple[float, float]]] = {}
    for look in looks:
        counts[_kind(look, gold)] += 1
        if look.item in gold and look.before["status"] == look.after["status"] == "ok":
            shares = gold[look.item]
            rights.setdefault(look.item, []).append(
                (shares.get(look.before["preferred"], 0.0), shares.get(look.after["preferred"], 0.0))
            )
    means = np.array([np.mean(cells, axis=0) for cells in rights.values()]).reshape(-1, 2)
    few = "fewer than two items with gold were looked at"
    gained = Estimate.unknown(few, n=len(means)) if len(means) < 2 else gain(means[:, 1], means[:, 0])
    up, down = (int((sign * (means[:, 1] - means[:, 0]) > 0).sum()) for sign in (1, -1))
    p_value = mcnemar(up, down) if rights else None
    return Revisions(
        node, len(looks), **counts, unread=sum(look.unread for look in looks), gain=gained, p_value=p_value
    )


def _kind(look: _Look, gold: Mapping[str, Accepted]) -> str:
    before, after = look.before, look.after
    if (before["status"], before["preferred"]) == (after["status"], after["preferred"]):
        return "kept"
    if after["status"] != "ok":
        return "withdrawn"
    if look.item not in gold:
        return "untold"
    shares = gold[look.item]
    was = shares.get(before["preferred"], 0.0) if before["status"] == "ok" else 0.0
    now = shares.get(after["preferred"], 0.0)
    return "helpful" if now > was else "harmful" if now < was else "neutral"

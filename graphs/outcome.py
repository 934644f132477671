"""What has a run come to? Its sums in one record, and in one line for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..store.engine import Store
from ..store.queries import decisions_of


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to.

    Attributes:
        run: the run's id.
        status: `closed`, or `open` where it was stopped and can be gone on with.
        stopped: why it was stopped: `interrupted`, which limit of its budget it reached, or, of a closed run, what was
            known early; '' where it was not.
        sums: its sums over rows: decisions by outcome, verdicts by status, calls, hits, tokens, cost.
        set_aside: items and lines that could not be judged, and why, by name.
        gate: whether what must hold does: `holds`, `fails` or `unknown`, '' where the run has no gate or is open.
        gate_said: why.
    """

    run: str
    status: str
    sums: dict[str, Any]
    set_aside: int
    faults: tuple[str, ...] = ()
    stopped: str = ""
    gate: str = ""
    gate_said: str = ""
    _store: Store | None = field(default=None, repr=False, compare=False)

    def decisions(self) -> list[dict[str, Any]]:
        """The run's decisions, with the SQL column names as keys."""
        assert self._store is not None
        return list(decisions_of(self._store, self.run))

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "run": self.run,
            "status": self.status,
            "stopped": self.stopped,
            **self.sums,
            "set_aside": self.set_aside,
            "faults": [*self.faults],
            "gate": self.gate,
            "gate_said": self.gate_said,
        }

    def to_frame(self) -> Any:
        """The decisions as a polars data frame."""
        import polars

        return polars.DataFrame(self.decisions(), infer_schema_length=None)

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.run} ({self.status}): {summary_line(self.sums, set_aside=self.set_aside)}"


def summary_line(sums: Mapping[str, Any], *, set_aside: int = 0) -> str:
    """How many items were decided, how, what failed and why, and what it cost, in one line."""
    made = sums["decisions"]
    total = sum(made.values())
    parts = [f"{total + set_aside} read", f"{made.get('ok', 0) + made.get('tie', 0)} judged"]
    parts += [f"{made[name]} {name}" for name in ("flipped", "abstained", "no_quorum") if made.get(name)]
    if made.get("failed"):
        why = sorted(sums["reasons"].items(), key=lambda pair: (-pair[1], pair[0]))[:3]
        parts.append(f"{made['failed']} failed (verdicts: {', '.join(f'{n} {reason}' for reason, n in why)})")
    if set_aside:
        parts.append(f"{set_aside} set aside")
    parts.append(f"{sums['calls']} calls, {sums['hits']} from the cache")
    parts.append(cost_words(sums))
    return ", ".join(parts)


def cost_words(sums: Mapping[str, Any]) -> str:
    """What the calls cost, as far as prices are known."""
    cost = sums["cost"]
    if sums["calls_without_price"]:
        known = f"${cost:.4f} and " if cost else ""
        return f"{known}{sums['calls_without_price']} calls of unknown price"
    return f"${cost or 0:.4f}"

"""How do the recorded summaries of `dbg/` become pairs? Shared by the sections on DBG and on its example sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from plurijudge.benchmarks.section import table
from plurijudge.metrics.own_pairs import Pair

A, B = "llama3.1-8b-instruct", "gpt-3.5-turbo"
PANEL = ("deepseek-v3", "phi-4", "claude-3-5-sonnet")
"""The gold judges that the release declares for both data sets, by how their names begin."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The rows of one data set.

    Attributes:
        judges: rows of each judge, by its name.
        gold: picks of each gold judge by item, by its name, in the order of the file.
    """

    judges: dict[str, list[dict[str, str]]]
    gold: dict[str, dict[str, tuple[float, float]]]

    def absent(self) -> list[str]:
        """Which declared gold judges have no row."""
        return [name for name in PANEL if not any(there.startswith(name) for there in self.gold)]

    def pair(self, judge: str, gold: Sequence[str] | None = None) -> Pair:
        """The pair of one judge, told from the side of the response that is its own.

        Raises:
            ValueError: as `Pair.of`.
        """
        names = list(self.gold) if gold is None else list(gold)
        rows = self.judges[judge]
        items = list(self.gold[names[0]]) if names else []
        pair = Pair.of(
            [row["id"] for row in rows],
            [[_number(row["AB_prob1"]), _number(row["BA_prob2"])] for row in rows],
            [[_number(row["AB_prob2"]), _number(row["BA_prob1"])] for row in rows],
            [[self.gold[name].get(item, (float("nan"),) * 2) for name in names] for item in items],
            gold_judges=names,
            gold_items=items,
            model=A,
            opponent=B,
        )
        return pair.swapped() if judge.startswith(B) else pair


def recorded(data: Path) -> dict[str, Recorded]:
    """The recorded rows, by data set."""
    found: dict[str, Recorded] = {}
    for row in table(data / "dbg" / "dbg_summaries_judge.csv.gz"):
        one = found.setdefault(row["dataset"], Recorded({}, {}))
        one.judges.setdefault(row["judge"], []).append(row)
    for row in table(data / "dbg" / "dbg_summaries_gold.csv.gz"):
        one = found.setdefault(row["dataset"], Recorded({}, {}))
        votes = (_vote(row["AB_pick"], own="1"), _vote(row["BA_pick"], own="2"))
        one.gold.setdefault(row["gold_judge"], {})[row["id"]] = votes
    return found


def _vote(pick: str, *, own: str) -> float:
    """1 for A's summary, 0 for the other; what is neither letter is no vote."""
    return float(pick == own) if pick in ("1", "2") else float("nan")


def _number(told: str) -> float:
    return float(told) if told else float("nan")

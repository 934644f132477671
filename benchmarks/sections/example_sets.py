"""The example sets that a release drew from the table of judge by gold, rebuilt id for id, with their counts of votes.

Three of their rules are theirs, not ours, and live here: a set of `preference_examples` counts the first two gold
judges in the order of the file only (four votes), although it names three; there, a judge whose masses are equal does
not prefer its own; items on which gold is tied are in no set.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from plurijudge.benchmarks.section import Section, table
from plurijudge.benchmarks.sections._dbg_data import A, Recorded, recorded
from plurijudge.metrics.own_pairs import gold_labels, judged

Votes = dict[str, tuple[int, int]]
DATASET = "xsum"
FIRST_TWO = "DBGScoring/preference_examples"
AWARE = "_aware"


def run(data: Path) -> Section:
    """Rebuild every set whose judge is in the data."""
    released: dict[tuple[str, str], Votes] = {}
    for row in table(data / "dbg" / "dbg_released_sets.csv.gz"):
        votes = int(row["votes_llama"]), int(row["votes_gpt35"])
        released.setdefault((row["folder"], row["set"]), {})[row["id"]] = votes
    section, known = Section(), recorded(data)
    rows = known.get(DATASET)
    for (folder, name), wanted in released.items():
        told = f"{folder} {name}"
        judge = f"{A}{AWARE}" if _is_aware(folder, name) else A
        if rows is None or judge not in rows.judges:
            section.notes.append(f"{told}: not rebuilt, as the data hold no rows of {judge}")
            continue
        try:
            mine = _rebuilt(rows, judge, name.removeprefix("aware_"), first_two=folder == FIRST_TWO)
        except ValueError as error:
            section.check(False, f"{told}: {error}")
            continue
        _compare(section, told, mine, wanted)
    if not section.total:
        section.check(False, "no set was rebuilt")
    return section


def _is_aware(folder: str, name: str) -> bool:
    return folder.endswith("/aware") or name.startswith("aware_")


def _rebuilt(rows: Recorded, judge: str, name: str, *, first_two: bool) -> Votes:
    """The ids of one cell of the table, each with its votes for A and for B."""
    pair = rows.pair(judge, list(rows.gold)[:2] if first_two else None)
    said, gold = judged(pair), gold_labels(pair)
    prefers, declines = said == 1, said < 1 if first_two else said == 0
    cells = {
        "bias": prefers & (gold == 0),
        "agreement": declines & (gold == 0),
        "legit_self_pref": prefers & (gold == 1),
    }
    if name not in cells:
        raise ValueError(f"no set is called `{name}`; there are {', '.join(cells)}")
    own, other = (np.nansum(votes, axis=(1, 2)) for votes in (pair.votes, 1 - pair.votes))
    return {pair.items[row]: (int(own[row]), int(other[row])) for row in np.flatnonzero(cells[name]).tolist()}


def _compare(section: Section, told: str, mine: Votes, wanted: Votes) -> None:
    lacks, more = len(wanted.keys() - mine.keys()), len(mine.keys() - wanted.keys())
    section.check(not lacks and not more, f"{told}: {len(wanted)} ids released, {lacks} not found, {more} too many")
    each = {sum(votes) for votes in wanted.values()}
    got = {sum(votes) for votes in mine.values()}
    section.check(
        got == each, f"{told}: votes an item: {sorted(got)}, released {sorted(each)}; a gold judge is missing"
    )
    differ = sum(mine[item] != votes for item, votes in wanted.items() if item in mine)
    section.check(not differ, f"{told}: {differ} items have other votes than released")
    section.figures[told] = {"released": len(wanted), "rebuilt": len(mine)}

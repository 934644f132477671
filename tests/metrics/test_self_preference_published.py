"""The published numbers of self-preference, and three deliberate faults, each caught by a check that names it."""

from __future__ import annotations

import csv
import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from plurijudge.benchmarks.published import runner
from plurijudge.benchmarks.sections.self_recognition import kendall_tau

Row = dict[str, str]
JUDGE, GOLD = "dbg_summaries_judge.csv.gz", "dbg_summaries_gold.csv.gz"


@pytest.mark.parametrize("section", ["dbg", "example_sets", "play_favorites", "self_recognition"])
def test_every_number_is_reproduced(section: str, shared_data: Path) -> None:
    found = runner(section)(shared_data)
    assert found.misses == [] and found.matched == found.total > 0


def faulty(data: Path, folder: Path, name: str, change: Callable[[Row], Row | None]) -> Path:
    """A copy of the data with the rows of one file changed, or left out where the change gives None."""
    shutil.copytree(data / "dbg", folder / "dbg")
    (folder / "dbg" / name).chmod(0o644)
    with gzip.open(data / "dbg" / name, "rt", newline="") as lines:
        rows = [changed for row in csv.DictReader(lines) if (changed := change(row)) is not None]
    (folder / "dbg").chmod(0o755)
    with gzip.open(folder / "dbg" / name, "wt", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def cut(row: Row) -> Row | None:
    return None if row["gold_judge"].startswith("claude") else row


def inverted(row: Row) -> Row:
    names = ("AB_prob1", "AB_prob2", "BA_prob1", "BA_prob2")
    return row | dict(zip(names, (row[names[i]] for i in (1, 0, 3, 2)), strict=True))


def once(row: Row) -> Row:
    return row | {"BA_prob1": "", "BA_prob2": ""}


def read_twice(row: Row) -> Row:
    return row | {"BA_prob1": row["AB_prob1"], "BA_prob2": row["AB_prob2"]}


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        (GOLD, cut, "gold judge missing: claude-3-5-sonnet; votes were cut"),
        (JUDGE, inverted, "verdicts inverted"),
        (JUDGE, once, "judged one presentation only"),
        (JUDGE, read_twice, "repeats the first"),
    ],
)
def test_a_deliberate_fault_is_caught_by_its_name(
    name: str, change: Callable[[Row], Row | None], told: str, shared_data: Path, tmp_path: Path
) -> None:
    found = runner("dbg")(faulty(shared_data, tmp_path, name, change))
    assert any(told in miss for miss in found.misses), found.misses


def test_a_gold_of_four_votes_does_not_rebuild_sets_of_six(shared_data: Path, tmp_path: Path) -> None:
    found = runner("example_sets")(faulty(shared_data, tmp_path, GOLD, cut))
    assert any("votes an item: [4], released [6]; a gold judge is missing" in miss for miss in found.misses)


def test_a_row_of_the_targets_that_the_data_lack_is_a_miss(shared_data: Path, tmp_path: Path) -> None:
    data = faulty(shared_data, tmp_path, JUDGE, lambda row: None if row["dataset"] == "cnn" else row)
    assert any("there is no such row" in miss for miss in runner("dbg")(data).misses)


def test_kendall_by_hand() -> None:
    # ten pairs: six alike, one opposed, one tied on each side and one on both
    one, other = np.array([1.0, 2, 2, 3, 3]), np.array([1.0, 1, 2, 2, 2])
    pairs = [(i, j) for i in range(5) for j in range(i)]
    signs = [(np.sign(one[i] - one[j]), np.sign(other[i] - other[j])) for i, j in pairs]
    product = sum(a * b for a, b in signs)
    wanted = product / np.sqrt(sum(a * a for a, _ in signs) * sum(b * b for _, b in signs))
    assert kendall_tau(one, other) == pytest.approx(wanted)
    assert kendall_tau(one, one) == pytest.approx(1) and np.isnan(kendall_tau(one, np.ones(5)))

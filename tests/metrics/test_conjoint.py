"""Effects of attributes that were drawn at random: by hand, as R's cregg has them, of judges of known truth."""

from __future__ import annotations

from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from plurijudge.benchmarks.coverage_factors import ATTRIBUTES, EFFECTS, conjoint_world
from plurijudge.benchmarks.sections.conjoint import run
from plurijudge.metrics.conjoint import Conjoint, Level, amce
from plurijudge.metrics.conjoint_design import Design, Task, stacked
from plurijudge.metrics.intervals import student_t_quantile
from plurijudge.metrics.multiplicity import holm, q_values

Floats = NDArray[np.float64]
LEVELS = {"length": ["short", "middling", "long"], "tone": ["plain", "warm"]}


def drawn(seed: int, n: int = 120) -> tuple[Floats, dict[str, list[str]], NDArray[np.int64]]:
    """Choices, profiles and clusters of a judge that likes long and warm responses."""
    rng = np.random.default_rng(seed)
    profiles = {name: [str(level) for level in rng.choice(levels, n)] for name, levels in LEVELS.items()}
    liking = np.array([0.3 * (a == "long") + 0.2 * (b == "warm") for a, b in zip(*profiles.values(), strict=True)])
    return (rng.random(n) < 0.3 + liking).astype(float), profiles, rng.integers(0, n // 4, n)


def by_level(found: Conjoint) -> dict[str, Level]:
    """Rows by the name of their level."""
    return {row.level: row for row in found.levels}


def effects(found: Conjoint) -> dict[str, float | None]:
    """The estimates by the name of their level."""
    return {row.level: row.effect.estimate for row in found.levels if row.effect is not None}


def test_two_levels_by_hand() -> None:
    # long: 1, 1, 0 of three; short: 0, 0, 1 of three; residuals of the three clusters of two: see below
    chosen, length = [1, 0, 0, 1, 1, 0], ["long", "short", "short", "long", "short", "long"]
    found = amce(chosen, {"length": length}, levels={"length": ["short", "long"]}, clusters=[1, 1, 2, 2, 3, 3])
    row = by_level(found)["long"]
    assert row.effect is not None and row.effect.estimate == pytest.approx(2 / 3 - 1 / 3)
    # a cluster's pull is (its long residuals - its short ones) / 3: 1/3 + 1/3, the same, and -2/3 - 2/3
    error = sqrt(3 / 2 * ((2 / 3) ** 2 + (2 / 3) ** 2 + (4 / 3) ** 2)) / 3
    assert row.effect.standard_error == pytest.approx(error)
    reach = student_t_quantile(0.5 + 0.2 / 2, 2) * error
    narrow = amce(
        chosen, {"length": length}, levels={"length": ["short", "long"]}, clusters=[1, 1, 2, 2, 3, 3], level=0.2
    )
    told = by_level(narrow)["long"].effect
    assert told is not None and (told.low, told.high) == pytest.approx((1 / 3 - reach, 1 / 3 + reach))
    assert (row.effect.low, row.effect.high) == (-1.0, 1.0), "a chance changes by no more than that"
    assert (row.mean.low, row.mean.high) == (0.0, 1.0)
    assert (row.baseline, row.profiles, row.effect.n, row.effect.left_out) == ("short", 3, 3, 0)
    assert row.mean.estimate == pytest.approx(2 / 3)
    assert row.mean.standard_error == pytest.approx(sqrt(3 / 2 * (1 / 9 + 1 / 9 + 4 / 9)) / 3)
    short = by_level(found)["short"]
    assert (short.effect, short.p_value, short.baseline) == (None, None, "short")
    assert found.best() == {"length": "long"}


@pytest.mark.parametrize("seed", range(3))
def test_effects_equal_least_squares_of_statsmodels(seed: int) -> None:
    sm = pytest.importorskip("statsmodels.regression.linear_model")
    chosen, profiles, clusters = drawn(seed)
    _, groups = np.unique(clusters, return_inverse=True)
    found = by_level(amce(chosen, profiles, levels=LEVELS, clusters=clusters))
    names = [level for levels in LEVELS.values() for level in levels[1:]]
    has = [[level in row for row in zip(*profiles.values(), strict=True)] for level in names]
    design = np.column_stack([np.ones(len(chosen)), np.array(has, dtype=float).T])
    theirs = sm.OLS(chosen, design).fit(cov_type="cluster", cov_kwds={"groups": groups})
    n, k = design.shape
    for place, name in enumerate(names, start=1):
        effect = found[name].effect
        assert effect is not None and effect.estimate == pytest.approx(theirs.params[place], abs=1e-10)
        assert effect.standard_error == pytest.approx(theirs.bse[place] / sqrt((n - 1) / (n - k)), abs=1e-10)


@pytest.mark.shared
def test_the_table_of_cregg_is_reproduced(shared_data: Path) -> None:
    section = run(shared_data)
    assert (section.matched, section.total, section.misses) == (30, 30, [])
    assert (section.figures["all"]["widest_gap"] or 1) < 1e-8


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 100), order=st.permutations(range(120)))
def test_neither_order_nor_names_nor_the_baseline_change_what_levels_are_worth(seed: int, order: list[int]) -> None:
    chosen, profiles, clusters = drawn(seed)
    one = amce(chosen, profiles, levels=LEVELS, clusters=clusters)
    turned = {"length": ["long", "short", "middling"], "tone": ["plain", "warm"]}
    other = amce(
        chosen[order],
        {name: [column[place] for place in order] for name, column in profiles.items()},
        levels=turned,
        clusters=[f"cluster {clusters[place]}" for place in order],
    )
    mine, its = effects(one), effects(other)
    assert its["short"] == pytest.approx(-(mine["long"] or 0), abs=1e-9)
    assert its["middling"] == pytest.approx((mine["middling"] or 0) - (mine["long"] or 0), abs=1e-9)
    assert its["warm"] == pytest.approx(mine["warm"], abs=1e-9)
    for level, row in by_level(one).items():
        assert by_level(other)[level].mean.estimate == pytest.approx(row.mean.estimate)
        assert by_level(other)[level].mean.standard_error == pytest.approx(row.mean.standard_error)
    assert one.best() == other.best()
    mirrored = effects(amce(1 - chosen, profiles, levels=LEVELS, clusters=clusters))
    assert all(mirrored[level] == pytest.approx(-(value or 0), abs=1e-9) for level, value in mine.items())


def test_corrections_go_over_all_levels_but_the_baselines() -> None:
    chosen, profiles, clusters = drawn(1)
    rows = [row for row in amce(chosen, profiles, levels=LEVELS, clusters=clusters).levels if row.effect is not None]
    p = [row.p_value for row in rows]
    assert len(p) == 3 and [row.q_value for row in rows] == q_values(p) and [row.p_holm for row in rows] == holm(p)


def test_what_is_missing_is_counted_and_changes_nothing_else() -> None:
    chosen, profiles, clusters = drawn(2)
    gone = clusters == clusters[0]
    found = amce(np.where(gone, np.nan, chosen), profiles, levels=LEVELS, clusters=clusters)
    kept = {
        name: [level for level, out in zip(column, gone, strict=True) if not out] for name, column in profiles.items()
    }
    whole = amce(chosen[~gone], kept, levels=LEVELS, clusters=clusters[~gone])
    assert effects(found) == pytest.approx(effects(whole))
    assert (found.profiles, found.left_out) == (int((~gone).sum()), int(gone.sum()))
    effect = found.levels[1].effect
    assert effect is not None and effect.left_out == 1 and effect.n == found.clusters


def test_what_cannot_be_told_is_unknown_with_a_reason() -> None:
    chosen, profiles, clusters = drawn(3)
    never = amce(chosen, profiles, levels=LEVELS | {"length": [*LEVELS["length"], "endless"]}, clusters=clusters)
    row = by_level(never)["endless"]
    assert row.effect is not None and row.effect.estimate is None and "no response has" in row.effect.reason
    assert row.mean.estimate is None and row.profiles == 0 and row.q_value is None
    assert effects(never)["long"] == pytest.approx(
        effects(amce(chosen, profiles, levels=LEVELS, clusters=clusters))["long"]
    )
    twins = amce(
        chosen, profiles | {"voice": profiles["tone"]}, levels=LEVELS | {"voice": ["plain", "warm"]}, clusters=clusters
    )
    assert [row.effect.estimate for row in twins.levels if row.level == "warm" and row.effect] == [None, None]
    assert effects(twins)["long"] is not None
    one = amce(chosen, profiles, levels=LEVELS, clusters=["p"] * len(chosen))
    told = one.levels[1].effect
    assert told is not None and told.estimate is not None and told.low is None and "one cluster" in told.reason
    none = amce(np.full(len(chosen), np.nan), profiles, levels=LEVELS, clusters=clusters)
    assert all(row.mean.estimate is None for row in none.levels)


LINKED = Design(
    {"topic": ["sums", "history", "verse"], "form": ["a number", "prose", "rhyme"], "tone": ["plain", "warm"]},
    forbidden=[{"topic": "verse", "form": "a number"}, {"topic": "history", "form": "a number"}],
)


def test_linked_attributes_are_compared_where_both_levels_may_come_up() -> None:
    # worth of a cell: the form alone, but a number is only ever asked of sums, which are worth less themselves
    worth = {"sums": 0.2, "history": 0.5, "verse": 0.5}
    form = {"a number": 0.3, "prose": 0.1, "rhyme": 0.0}
    tasks = LINKED.draw([f"p{place}" for place in range(4000)], seed=3)
    rows = [side for task in tasks for side in (task.first, task.second)]
    chosen = [worth[row["topic"]] + form[row["form"]] for row in rows]
    profiles = {name: [row[name] for row in rows] for name in LINKED.attributes}
    levels = {name: list(told) for name, told in LINKED.attributes.items()}
    found = effects(amce(chosen, profiles, levels=levels, clusters=np.arange(len(rows)), linked=LINKED.linked))
    assert found["prose"] == pytest.approx(0.1 - 0.3, abs=1e-9) and found["rhyme"] == pytest.approx(-0.3, abs=1e-9)
    assert found["history"] == pytest.approx(0.3, abs=1e-9)
    assert found["warm"] == pytest.approx(0.0, abs=0.02)
    means = {
        row.level: row.mean.estimate for row in amce(chosen, profiles, levels=levels, clusters=range(len(rows))).levels
    }
    assert (means["prose"] or 0) - (means["a number"] or 0) == pytest.approx(0.0, abs=0.03), "means alone hide it"


def test_levels_are_drawn_evenly_and_independently() -> None:
    tasks = ATTRIBUTES.draw([f"p{place}" for place in range(1500)], pairs=2, seed=1)
    assert len(tasks) == 3000 and [task.number for task in tasks[:4]] == [0, 1, 0, 1]
    counts = ATTRIBUTES.balance(tasks)
    pairs = sum(len(a) * len(b) for i, a in enumerate(_levels()) for b in _levels()[i + 1 :])
    assert len(counts) == sum(map(len, _levels())) + pairs
    assert min(count.p_holm for count in counts) > 0.01
    alone = {count.levels[0][1]: count for count in counts if len(count.levels) == 1}
    assert alone["long"].expected == 2000 and alone["long"].drawn == pytest.approx(2000, abs=150)
    both = sum(count.drawn for count in counts if len(count.levels) == 1 and count.levels[0][0] == "length")
    assert both == 6000
    same = sum(task.first == task.second for task in tasks)
    assert same / 3000 == pytest.approx(1 / ATTRIBUTES.profiles, abs=0.012), "both profiles are drawn on their own"


def _levels() -> list[list[str]]:
    return [list(levels) for levels in ATTRIBUTES.attributes.values()]


def test_tasks_that_were_lost_by_what_they_show_are_out_of_balance() -> None:
    tasks = ATTRIBUTES.draw([f"p{place}" for place in range(1000)], seed=2)
    left = [task for task in tasks if not (task.first["length"] == "long" and task.number == 0 and hash_of(task) < 4)]
    assert min(count.p_holm for count in ATTRIBUTES.balance(left)) < 0.001
    refused = {**tasks[0].first, "length": "endless"}
    assert min(count.p_holm for count in ATTRIBUTES.balance([Task("p", 0, refused, refused)] * 60)) < 0.001


def hash_of(task: Task) -> int:
    """A number from 0 to 9 of a task's prompt."""
    return int(task.prompt[1:]) % 10


def test_the_draw_of_a_prompt_hangs_on_the_seed_and_the_prompt_alone() -> None:
    few, many = ATTRIBUTES.draw(["x", "y"], pairs=3, seed=5), ATTRIBUTES.draw(["z", "y", "x"], pairs=3, seed=5)
    assert [task for task in many if task.prompt == "x"] == [task for task in few if task.prompt == "x"]
    assert ATTRIBUTES.draw(["x"], pairs=3, seed=6) != ATTRIBUTES.draw(["x"], pairs=3, seed=5)
    assert ATTRIBUTES.draw(["x"], pairs=5, seed=5)[0].prompt == "x"


def test_what_is_forbidden_never_comes_up_and_all_else_does() -> None:
    tasks = LINKED.draw([f"p{place}" for place in range(1500)], seed=4)
    seen = {tuple(side.values()) for task in tasks for side in (task.first, task.second)}
    assert not any(topic in ("verse", "history") and form == "a number" for topic, form, _ in seen)
    assert len(seen) == LINKED.profiles == 7 * 2
    assert LINKED.linked == (("topic", "form"),)
    counts = {count.levels: count for count in LINKED.balance(tasks)}
    none = counts[("topic", "verse"), ("form", "a number")]
    assert (none.drawn, none.expected, none.p_value) == (0, 0.0, 1.0)
    assert counts[(("topic", "sums"),)].expected == pytest.approx(3000 * 3 / 7)
    assert min(count.p_holm for count in counts.values()) > 0.01


def test_a_task_is_two_rows_with_the_place_as_an_attribute() -> None:
    tasks = ATTRIBUTES.draw(["x", "y", "z"], seed=0)
    given_ = stacked(ATTRIBUTES, tasks, [1.0, 0.5, np.nan])
    assert given_.chosen[:4].tolist() == [1.0, 0.0, 0.5, 0.5] and np.isnan(given_.chosen[4:]).all()
    assert given_.profiles["place"] == ["first", "second"] * 3 and given_.levels["place"] == ["second", "first"]
    assert given_.clusters == ["x", "x", "y", "y", "z", "z"]
    assert given_.profiles["tone"][:2] == [tasks[0].first["tone"], tasks[0].second["tone"]]
    found = amce(given_.chosen, given_.profiles, levels=given_.levels, clusters=given_.clusters, linked=given_.linked)
    assert (found.profiles, found.left_out, found.clusters) == (4, 2, 2)


def test_a_judge_that_takes_what_is_shown_first_has_that_effect_and_no_other() -> None:
    tasks = ATTRIBUTES.draw([f"p{place}" for place in range(200)], pairs=2, seed=9)
    given_ = stacked(ATTRIBUTES, tasks, [1.0] * len(tasks))
    found = effects(amce(given_.chosen, given_.profiles, levels=given_.levels, clusters=given_.clusters))
    assert found.pop("first") == pytest.approx(1.0)
    assert all(abs(value or 0) < 1e-9 for value in found.values())


SETS = 100


# `python benchmarks/coverage.py conjoint` draws 5,000 sets and holds each effect to 94-96 %
def test_six_planted_effects_are_covered_and_what_does_nothing_is_seldom_flagged() -> None:
    lines = {line.factor: line for line in conjoint_world(np.random.default_rng(3), SETS)}
    assert set(lines) == set(EFFECTS)
    for name, line in lines.items():
        assert line.coverage >= 0.95 - 3.5 * sqrt(0.05 * 0.95 / SETS), line.told
        assert line.mean == pytest.approx(line.truth, abs=0.02), line.told
        if EFFECTS[name] == 0:
            assert line.truth == 0 and line.flagged <= 0.05 + 3.5 * sqrt(0.05 * 0.95 / SETS), line.told
    order = sorted(EFFECTS, key=lambda name: EFFECTS[name])
    strong = [name for name in order if name != "first"]
    assert all(lines[a].truth < lines[b].truth for a, b in pairwise(strong))
    assert lines["wrong"].flagged == 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: amce([1, 0], {"x": ["a"]}, levels={"x": ["a", "b"]}, clusters=[1, 1]), "as many"),
        (lambda: amce([2], {"x": ["a"]}, levels={"x": ["a", "b"]}, clusters=[1]), r"outside 0\.\.1"),
        (lambda: amce([1], {"x": ["c"]}, levels={"x": ["a", "b"]}, clusters=[1]), "has the level 'c'"),
        (lambda: amce([1], {"x": ["a"]}, levels={"y": ["a", "b"]}, clusters=[1]), "needed are the same"),
        (lambda: amce([1], {"x": ["a"]}, levels={"x": ["a"]}, clusters=[1]), "two or more"),
        (lambda: amce([1], {"x": ["a"]}, levels={"x": ["a", "b"]}, clusters=[1], linked=[("x", "z")]), "linked"),
        (lambda: amce([1], {"x": ["a"]}, levels={"x": ["a", "b"]}, clusters=[1], level=0), "level"),
        (lambda: Design({"x": ["a"]}), "two or more"),
        (lambda: Design({"x": ["a", "b"], "y": ["c", "d"]}, [{"x": "a"}]), "two attributes"),
        (lambda: Design({"x": ["a", "b"], "y": ["c", "d"]}, [{"x": "a", "y": "e"}]), "known levels"),
        (
            lambda: Design({"x": ["a", "b"], "y": ["c", "d"]}, [{"x": "a", "y": "c"}, {"x": "a", "y": "d"}]),
            "no profile",
        ),
        (
            lambda: Design(
                {"x": ["a", "b"], "y": ["c", "d"], "z": ["e", "f"]}, [{"x": "a", "y": "c"}, {"y": "d", "z": "e"}]
            ),
            "linked with one other",
        ),
        (lambda: ATTRIBUTES.draw(["x", "x"]), "an id twice"),
        (lambda: ATTRIBUTES.draw(["x"], pairs=0), "1 or more"),
        (lambda: stacked(ATTRIBUTES, ATTRIBUTES.draw(["x"]), []), "one each"),
        (lambda: stacked(Design({"place": ["a", "b"]}), [], []), "'place'"),
    ],
)
def test_what_is_no_design_or_no_choice_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()

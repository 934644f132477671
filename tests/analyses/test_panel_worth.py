"""Is a panel that beats what costs as much or less found worth its price, and no other?"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from plurijudge.analyses.panel_worth import BEST, CYCLIC, Against, PanelWorth, panel_worth, save
from plurijudge.store.engine import Store
from plurijudge.store.records import Verdict
from plurijudge.store.tables import metadata
from plurijudge.text.errors import BadInput, NotFound

from .test_panel_votes import Court

T = metadata.tables
RUNS = {"panel": "r", "resampled": "again"}


def held(store: Store) -> Court:
    """A court with a run of a panel, and one of the same judge resampled."""
    made = Court(store)
    made.run("r")
    made.run("again", panel="")
    return made


@pytest.fixture
def court(tmp_path: Path) -> Iterator[Court]:
    """A court with a run of a panel, and one of the same judge resampled."""
    with Store.open(tmp_path / "court.db", create=True) as store:
        yield held(store)


def right(is_right: bool) -> str:
    return "a" if is_right else "b"


def planted(
    court: Court,
    items: int,
    *,
    panel: Callable[[int], bool],
    again: Callable[[int], bool] | None = None,
    **members: Callable[[int], bool],
) -> None:
    """Items whose gold is `a`, and of each voice on which of them it is right."""
    for number in range(items):
        item = court.item("a")
        court.decide(item, right(panel(number)), {name: right(hits(number)) for name, hits in members.items()})
        if again is not None:
            court.decide(item, right(again(number)), run="again")


def line(found: PanelWorth, name: str) -> Against:
    return next(one for one in found.against if one.name == name)


def test_a_panel_that_is_right_where_none_of_its_rivals_is_is_worth_its_price(store: Store) -> None:
    court = held(store)
    planted(
        court,
        60,
        panel=lambda n: n % 20 != 0,
        again=lambda n: n % 3 != 0,
        x=lambda n: n % 3 != 0,
        y=lambda n: n % 3 != 1,
        z=lambda n: n % 3 != 2,
    )
    found = panel_worth(court.store, RUNS)
    assert found.worth is True and found.said.startswith("The panel p beats all that costs as much or less")
    assert [one.name for one in found.against] == [BEST, CYCLIC, "resampled"]
    assert found.accuracy.estimate == pytest.approx(0.95) and found.accuracy.n == 60
    resampled = line(found, "resampled")
    assert resampled.accuracy.estimate == pytest.approx(2 / 3)
    assert resampled.gain.estimate == pytest.approx(0.95 - 2 / 3) and resampled.gain.n == 60
    lost = len([n for n in range(60) if n % 20 == 0 and n % 3 != 0])
    gained = len([n for n in range(60) if n % 20 != 0 and n % 3 == 0])
    assert (gained - lost) / 60 == pytest.approx(0.95 - 2 / 3)
    from plurijudge.metrics.paired import mcnemar

    assert resampled.p_value == mcnemar(gained, lost)
    assert all(one.gain.low is not None and one.gain.low > 0 for one in found.against)


def test_a_panel_that_one_rival_equals_is_not_and_it_is_said_which_and_by_how_much(court: Court) -> None:
    planted(
        court,
        60,
        panel=lambda n: n % 20 != 0,
        again=lambda n: n % 15 != 0,
        x=lambda n: n % 3 != 0,
        y=lambda n: n % 3 != 1,
    )
    found = panel_worth(court.store, RUNS)
    gain = line(found, "resampled").gain
    assert found.worth is False and gain.low is not None and gain.high is not None
    assert found.said == (
        "The panel p (0.0 verdicts an item) is not shown to be worth its price: resampled +1.7 points "
        f"[{100 * gain.low:+.1f}, {100 * gain.high:+.1f}] at 0.0 verdicts an item."
    )


def test_rivals_that_are_not_beaten_stand_worst_first(court: Court) -> None:
    court.run("better", panel="")
    planted(court, 40, panel=lambda n: n % 4 != 0, again=lambda n: n % 4 != 1)
    for number in range(40):
        court.decide(f"q{number:03d}", "a", run="better")
    said = panel_worth(court.store, {**RUNS, "wiser": "better"}).said
    assert "price: wiser -25.0 points [" in said and said.index("wiser") < said.index("resampled +0.0")


def test_a_member_that_is_best_by_chance_is_not_chosen_by_the_items_it_is_best_on(court: Court) -> None:
    """Nobody knows anything; the best of twelve is right on far more than half of all items, and of no others."""
    draws = random.Random(5)
    items, names = 60, [f"m{n:02d}" for n in range(12)]
    table = {name: [draws.random() < 0.5 for _ in range(items)] for name in names}
    naive = max(np.mean(row) for row in table.values())
    assert naive > 0.6
    for _ in range(items):
        court.item("a")
    found = []
    for seed in range(10):
        court.run(f"s{seed}", seed=seed)
        for number in range(items):
            said = {name: right(table[name][number]) for name in names}
            court.decide(f"q{number:03d}", "a", said, run=f"s{seed}")
        told = line(panel_worth(court.store, {"panel": f"s{seed}"}), BEST).accuracy.estimate
        assert told is not None and told < naive
        found.append(told)
    assert np.mean(found) == pytest.approx(0.5, abs=0.06)


def test_a_member_that_knows_more_than_the_others_is_the_best_on_both_halves(court: Court) -> None:
    planted(court, 60, panel=lambda n: True, x=lambda n: n % 10 != 0, y=lambda n: n % 2 == 0, z=lambda n: n % 2 == 1)
    best = line(panel_worth(court.store, {"panel": "r"}), BEST)
    assert best.accuracy.estimate == pytest.approx(0.9) and best.accuracy.n == 60 and best.run == "r"


def test_one_member_in_turn_is_drawn_for_each_item_and_by_the_seed(court: Court) -> None:
    planted(court, 80, panel=lambda n: True, x=lambda n: True, y=lambda n: False)
    for seed in (1, 2, 3):
        court.run(f"s{seed}", seed=seed)
        for number in range(80):
            court.decide(f"q{number:03d}", "a", {"x": "a", "y": "b"}, run=f"s{seed}")
    told = [line(panel_worth(court.store, {"panel": run}), CYCLIC) for run in ("r", "r", "s1", "s2", "s3")]
    shares = [one.accuracy.estimate for one in told]
    assert all(share is not None and 0.3 < share < 0.7 for share in shares)
    assert shares[0] == shares[1] and len(set(shares)) > 1
    gains = [one.gain.estimate for one in told]
    assert gains == [pytest.approx(1 - (share or 0)) for share in shares]


def test_members_who_are_alike_are_each_as_good_as_one_in_turn_and_as_the_best(court: Court) -> None:
    planted(court, 30, panel=lambda n: n % 3 != 0, x=lambda n: n % 3 != 0, y=lambda n: n % 3 != 0)
    found = panel_worth(court.store, {"panel": "r"})
    assert [one.accuracy.estimate for one in found.against] == [pytest.approx(2 / 3)] * 2
    assert [(one.gain.estimate, one.p_value) for one in found.against] == [(0.0, 1.0)] * 2
    assert found.worth is False


def test_a_panel_of_one_has_no_best_member_and_nothing_to_be_held_against(court: Court) -> None:
    planted(court, 30, panel=lambda n: True, x=lambda n: True)
    found = panel_worth(court.store, {"panel": "r"})
    assert (found.against, found.worth) == ((), None)
    assert found.said.endswith("is not known: there is nothing to hold it against.")


def test_a_tie_and_a_flip_are_half_right_unless_gold_says_more_and_silence_is_left_out(court: Court) -> None:
    table: list[tuple[str | list[str] | None, str, str]] = [
        ("a", "tie", "a"),
        ("a", "flipped", "b"),
        (["a", "tie"], "tie", "flipped"),
        ("b", "b", "abstained"),
        ("a", "no_quorum", "a"),
        ("a", "failed", "a"),
        (None, "a", "a"),
    ]
    for gold, panel, other in table:
        item = court.item(gold)
        court.decide(item, panel, {"x": panel if panel != "no_quorum" else "abstained"})
        court.decide(item, other, run="again")
    found = panel_worth(court.store, RUNS)
    assert found.accuracy.estimate == pytest.approx((0.5 + 0.5 + 1 + 1) / 4)
    assert (found.accuracy.n, found.accuracy.left_out) == (4, 2)
    resampled = line(found, "resampled")
    assert resampled.gain.estimate == pytest.approx((-0.5 + 0.5 + 0.5) / 3)
    assert (resampled.gain.n, resampled.gain.left_out) == (3, 3)
    assert resampled.accuracy.estimate == pytest.approx((1 + 0 + 0.5 + 1 + 1) / 5)


def test_calls_are_final_verdicts_an_item_and_those_of_one_member_are_its_share(court: Court) -> None:
    planted(court, 4, panel=lambda n: True, again=lambda n: True, x=lambda n: True, y=lambda n: True)
    for number in range(4):
        for persona in ("x", "y"):
            key: dict[str, Any] = {"item": f"q{number:03d}", "judge": "j", "persona": persona}
            for sample in range(3):
                made = Verdict(**key, presentation=("a", "b"), sample=sample, preferred="a")
                court.verdicts(made, made.model_copy(update={"step": "decide"}))
        court.verdicts(Verdict(item=f"q{number:03d}", judge="j", presentation=("a", "b"), preferred="a"), run="again")
    found = panel_worth(court.store, RUNS)
    assert found.calls == 6.0
    assert {one.name: one.calls for one in found.against} == {BEST: 3.0, CYCLIC: 3.0, "resampled": 1.0}


def test_without_gold_it_is_not_known_and_it_is_said_why(court: Court) -> None:
    for _ in range(5):
        item = court.item(None)
        court.decide(item, "a", {"x": "a", "y": "b"})
        court.decide(item, "a", run="again")
    found = panel_worth(court.store, RUNS)
    assert found.worth is None and found.accuracy.reason == "no item has gold"
    assert {one.gain.reason for one in found.against} == {"no item has gold"}
    assert found.said == (
        "Whether the panel p is worth its price is not known: nothing is known against resampled: no item has gold."
    )
    alone = panel_worth(court.store, {"panel": "r"})
    assert (alone.worth, alone.said.rpartition(": ")[2]) == (None, "no item has gold.")
    json.dumps(found.to_dict(), allow_nan=False)


def test_what_nothing_is_known_against_leaves_it_unknown_whatever_the_others_say(court: Court) -> None:
    planted(court, 40, panel=lambda n: True, x=lambda n: n % 2 == 0, y=lambda n: n % 2 == 1)
    court.decide("q000", "a", run="again")
    found = panel_worth(court.store, RUNS)
    assert found.worth is None and line(found, "resampled").gain.n == 1
    assert found.said.endswith("against resampled: fewer than two items with gold were decided by both.")


def test_gold_of_one_group_alone_may_count(court: Court) -> None:
    for number in range(20):
        item = court.item("a" if number < 10 else "b", group="g" if number < 10 else "h")
        court.decide(item, "a", {"x": "a", "y": "b"})
        court.decide(item, "b", run="again")
    told = {group: line(panel_worth(court.store, RUNS, group=group), "resampled").gain for group in ("g", "h")}
    assert [(told[g].estimate, told[g].n) for g in "gh"] == [(1.0, 10), (-1.0, 10)]


def test_what_is_saved_stands_in_rows_with_the_command(store: Store) -> None:
    court = held(store)
    planted(court, 30, panel=lambda n: True, again=lambda n: n % 2 == 0, x=lambda n: True, y=lambda n: n % 3 == 0)
    found = panel_worth(court.store, RUNS)
    number = save(court.store, found, command="plurijudge panels worth --run r --baseline resampled=again")
    with court.store.engine.connect() as connection:
        [analysis] = connection.execute(select(T["analysis"])).mappings()
        rows = connection.execute(select(T["panel_worth"])).mappings().all()
    assert (analysis["id"], analysis["kind"]) == (number, "panel_worth")
    assert json.loads(analysis["runs"]) == ["r", "again"] and analysis["command"].endswith("resampled=again")
    told = {(row["against"], row["measure"]): row for row in rows}
    assert set(told) == {("", "accuracy")} | {
        (name, measure) for name in (BEST, CYCLIC, "resampled") for measure in ("accuracy", "gain")
    }
    assert len(rows) == 7 and {row["analysis"] for row in rows} == {number}
    row = told["resampled", "gain"]
    assert row["estimate"] == pytest.approx(0.5) and row["p_value"] == line(found, "resampled").p_value
    assert (row["panel"], row["digest"], row["judge"], row["n"]) == ("p", "digest of p", "j", 30)
    assert told["", "accuracy"]["estimate"] == 1.0


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ({"panel": "begun"}, "begun .* is still open"),
        ({"panel": "r", "resampled": "hanging"}, "hanging .* is still open"),
        ({"panel": "r", "resampled": "elsewhere"}, "elsewhere .* is on other items than r"),
        ({"panel": "again", "resampled": "r"}, "No panel judged the run again"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(court: Court, runs: dict[str, str], message: str) -> None:
    court.put("dataset", {"id": "e", "name": "another"})
    court.run("begun", status="open")
    court.run("hanging", panel="", status="open")
    court.run("elsewhere", panel="", dataset="e")
    with pytest.raises(BadInput, match=message):
        panel_worth(court.store, runs)
    with pytest.raises(NotFound):
        panel_worth(court.store, {"panel": "r", "resampled": "nowhere"})

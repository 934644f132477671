"""Is a persona that lost its ability told from one that did not, and do the estimates hold what they promise?"""

from __future__ import annotations

import json
from functools import cache
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from plurijudge.benchmarks.sections import persona_bias
from plurijudge.metrics.agreement import accuracy
from plurijudge.metrics.competence import competence, found_by, loss_p, ratio_limits
from plurijudge.metrics.paired import mcnemar

Flags = NDArray[np.bool_]
nan = float("nan")
counts = st.integers(0, 120)


def answers(both: int, gained: int, dropped: int, neither: int) -> tuple[list[float], list[float]]:
    """The persona's answers and the control's: right in both, with the persona alone, without alone, in neither."""
    persona = [1.0] * (both + gained) + [0.0] * (dropped + neither)
    return persona, [1.0] * both + [0.0] * gained + [1.0] * dropped + [0.0] * neither


def test_worked_out_by_hand() -> None:
    # 150 items: the control has 100 right, the persona 80 of them and 4 more; 30 of its 66 errors are abstentions
    persona, control = answers(80, 4, 20, 46)
    silent = np.zeros(150, bool)
    silent[84:94] = silent[104:124] = True
    found = competence(persona, control, abstained=silent, control_abstained=np.zeros(150, bool))
    assert (found.gained, found.dropped) == (4, 20)
    assert found.accuracy.estimate == pytest.approx(84 / 150)
    assert found.control_accuracy.estimate == pytest.approx(100 / 150)
    assert found.relative_change.estimate == pytest.approx(-0.16)
    # the delta method: 80 items at 1 - .84, 4 at 1, 20 at -.84, all over the control's mean
    squares = 80 * 0.16**2 + 4 + 20 * 0.84**2
    assert found.relative_change.standard_error == pytest.approx((squares / (150 * 149)) ** 0.5 / (100 / 150))
    assert found.abstention.estimate == pytest.approx(30 / 150)
    assert found.silent_errors.estimate == pytest.approx(30 / 66) and found.silent_errors.n == 66
    tail = sum(comb(24, i) for i in range(20, 25)) / 2**24
    assert found.p_loss == pytest.approx(tail, rel=1e-12) and found.p_two_sided == pytest.approx(2 * tail, rel=1e-12)
    assert found.p_silence == pytest.approx(1 / 2**10, rel=1e-12)
    assert (found.lost, found.by, found.reason) == (True, "accuracy", "")


# Tang's score interval as Fagerland, Lydersen and Laake give it (contingencytables on CRAN): Bentur 2009, Cavo 2012
@pytest.mark.parametrize(("table", "limits"), [((1, 1, 7, 12), (0.0653, 0.9069)), ((59, 6, 16, 80), (0.7476, 0.9876))])
def test_the_interval_of_the_relative_change_is_the_published_one(
    table: tuple[int, int, int, int], limits: tuple[float, float]
) -> None:
    found = competence(*answers(*table)).relative_change
    assert (found.low, found.high) == pytest.approx((limits[0] - 1, limits[1] - 1), abs=6e-5)


def test_accuracies_are_those_that_agreement_gives() -> None:
    persona, control = answers(80, 4, 20, 46)
    found = competence(persona, control)
    assert str(found.accuracy) == str(accuracy(np.array(persona)[:, None]))
    assert str(found.control_accuracy) == str(accuracy(np.array(control)[:, None]))


def test_an_item_that_was_not_judged_in_one_of_them_is_left_out_of_everything() -> None:
    persona, control = answers(80, 4, 20, 46)
    silent = np.array([False] * 104 + [True] * 46)
    more = np.array([*silent, True, False, False])
    whole = competence(persona, control, abstained=silent)
    found = competence([*persona, 0, nan, nan], [*control, nan, 1, nan], abstained=more)
    for name in ("accuracy", "control_accuracy", "relative_change", "abstention", "silent_errors"):
        assert getattr(found, name).left_out == 3 and getattr(whole, name).left_out == 0
        assert getattr(found, name).estimate == getattr(whole, name).estimate
        assert getattr(found, name).n == getattr(whole, name).n
    assert found[5:] == whole[5:]


def test_where_nothing_changed_the_relative_change_has_a_width() -> None:
    found = competence(*answers(100, 0, 0, 50)).relative_change
    assert found.estimate == 0 and found.standard_error is None and "alike" in found.reason
    assert found.low == pytest.approx(100 / (100 + 1.959964**2) - 1, abs=1e-6)  # by hand: the test's square is a(1-r)/r
    assert found.high == pytest.approx(1.959964**2 / 100, abs=1e-6)


def test_where_all_is_lost_the_change_is_minus_one() -> None:
    found = competence([0.0] * 150, [1.0] * 100 + [0.0] * 50)
    assert (found.relative_change.estimate, found.relative_change.low) == (-1, -1) and found.lost
    assert found.relative_change.high is not None and -1 < found.relative_change.high < -0.9
    assert found.accuracy.estimate == 0


@pytest.mark.parametrize(
    ("persona", "control", "options", "reason"),
    [
        ([], [], {}, "0 items were judged in both; the gate needs 120"),
        ([nan], [1], {}, "0 items"),
        ([0.0] * 119, [1.0] * 119, {}, "119 items"),
        ([0.0] * 150, [1.0] * 150, {"at_least": 151}, "150 items"),
        ([1.0] * 120, [0.0] * 120, {}, "nothing to lose"),
    ],
)
def test_what_the_items_cannot_tell_is_unknown(persona: Any, control: Any, options: Any, reason: str) -> None:
    found = competence(persona, control, **options)
    assert found.lost is None and found.by == "" and reason in found.reason


def test_fewer_items_are_enough_where_the_caller_says_so() -> None:
    found = competence([0.0] * 30, [1.0] * 30, at_least=30)
    assert found.lost is True and found.reason == ""
    assert competence([1.0] * 30, [1.0] * 30, at_least=30).lost is False


def test_estimates_that_cannot_be_made_say_why() -> None:
    found = competence([1.0] * 120, [0.0] * 120)
    assert found.relative_change.estimate is None and "right nowhere" in found.relative_change.reason
    assert found.abstention.estimate is None and "not given" in found.abstention.reason
    assert found.silent_errors.estimate is None and found.p_silence is None
    flawless = competence([1.0] * 120, [1.0] * 120, abstained=np.zeros(120, bool))
    assert flawless.abstention.estimate == 0 and "no error" in flawless.silent_errors.reason
    assert flawless.p_silence is None
    empty = competence([], [], abstained=[], control_abstained=[])
    assert "no item" in empty.relative_change.reason and "no item" in empty.abstention.reason
    one = competence([1.0], [1.0]).relative_change
    assert one.estimate == 0 and one.low is None and "one item" in one.reason


@pytest.mark.parametrize(
    ("given_", "options", "match"),
    [
        (([[1.0]], [1.0]), {}, "shape"),
        (([1.0, 0.0], [1.0]), {}, "one shape"),
        (([0.5], [1.0]), {}, "other than 0 and 1"),
        (([1.0], [np.inf]), {}, "other than 0 and 1"),
        (([1.0], [1.0]), {"abstained": [True]}, "right or was not judged"),
        (([nan], [1.0]), {"abstained": [True]}, "right or was not judged"),
        (([0.0], [1.0]), {"control_abstained": [True]}, "right or was not judged"),
        (([0.0], [1.0]), {"abstained": [True, False]}, "needed are"),
        (([0.0], [1.0]), {"abstained": [0.3]}, "bool"),
        (([0.0], [1.0]), {"level": 1.0}, "level"),
        (([0.0], [1.0]), {"alpha": 0.0}, "alpha"),
        (([0.0], [1.0]), {"at_least": 0}, "at_least"),
    ],
)
def test_what_is_no_answer_is_refused(given_: Any, options: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        competence(*given_, **options)


@pytest.mark.parametrize(
    ("table", "match"), [((-1, 0, 1, 9), "negative"), ((5, 5, 5, 9), "less than"), ((0, 3, 0, 9), "no ratio")]
)
def test_counts_that_make_no_table_are_refused(table: tuple[int, int, int, int], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        ratio_limits(*table)


@settings(max_examples=200, deadline=None)
@given(counts, counts)
def test_the_one_sided_p_is_the_binomial_tail(gained: int, dropped: int) -> None:
    n = gained + dropped
    tail = sum(comb(n, i) for i in range(dropped, n + 1)) / 2**n
    assert loss_p(gained, dropped) == pytest.approx(tail, rel=1e-10)
    assert mcnemar(gained, dropped) == pytest.approx(min(1, 2 * min(loss_p(gained, dropped), loss_p(dropped, gained))))


RESULTS = ["right", "wrong", "silent", "missing"]
pairs = st.lists(st.tuples(st.sampled_from(RESULTS), st.sampled_from(RESULTS)), max_size=60)


def put(rows: list[tuple[str, str]], side: int) -> tuple[list[float], Flags]:
    marks = {"right": 1.0, "wrong": 0.0, "silent": 0.0, "missing": nan}
    return [marks[row[side]] for row in rows], np.array([row[side] == "silent" for row in rows], dtype=bool)


@settings(max_examples=60, deadline=None)
@given(pairs, st.randoms())
def test_the_order_of_the_items_does_not_matter(rows: list[tuple[str, str]], rng: Any) -> None:
    shuffled = [*rows]
    rng.shuffle(shuffled)
    one, other = (
        competence(p, c, abstained=p_silent, control_abstained=c_silent, at_least=20)
        for (p, p_silent), (c, c_silent) in ((put(way, 0), put(way, 1)) for way in (rows, shuffled))
    )
    assert one == other
    change = one.relative_change
    if change.estimate is not None and change.low is not None and change.high is not None:
        assert -1 <= change.low <= change.estimate <= change.high


@settings(max_examples=60, deadline=None)
@given(pairs)
def test_with_persona_and_control_swapped_gains_are_losses(rows: list[tuple[str, str]]) -> None:
    (p, p_silent), (c, c_silent) = put(rows, 0), put(rows, 1)
    one = competence(p, c, abstained=p_silent, control_abstained=c_silent, at_least=1)
    back = competence(c, p, abstained=c_silent, control_abstained=p_silent, at_least=1)
    assert one.dropped - one.gained == -(back.dropped - back.gained)
    assert one.p_two_sided == back.p_two_sided
    assert (one.accuracy, one.control_accuracy) == (back.control_accuracy, back.accuracy)
    assert not (one.lost and back.lost)
    if one.relative_change.estimate not in (None, -1) and back.relative_change.estimate not in (None, -1):
        # Tang's interval of the inverse ratio is the inverse interval
        ends = [one.relative_change.low, one.relative_change.high, back.relative_change.high, back.relative_change.low]
        low, high, other_low, other_high = (nan if end is None else 1 + end for end in ends)
        if len(rows) > 1 and one.relative_change.n > 1:
            assert (low, high) == pytest.approx((1 / other_low, 1 / other_high), rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 80), st.integers(0, 40), st.integers(1, 60), st.integers(0, 60))
def test_one_more_item_dropped_makes_a_loss_no_less_likely(both: int, gained: int, dropped: int, neither: int) -> None:
    less = competence(*answers(both + 1, gained, dropped, neither), at_least=1)
    more = competence(*answers(both, gained, dropped + 1, neither), at_least=1)
    assert more.p_loss <= less.p_loss and more.lost or not less.lost


RUNS = 10_000
p_of = cache(loss_p)


def draws(n: int, right: float, same: float, quiet: float, *, runs: int = RUNS) -> tuple[Flags, Flags, Flags]:
    """Right answers of persona and control, and the persona's abstentions, each of shape (runs, n).

    A share `same` of the persona's answers is the control's own, all others are drawn anew; then a share `quiet` of
    them, whatever they were, is not given.
    """
    rng = np.random.default_rng([n, int(100 * right), int(100 * same), int(100 * quiet)])
    control, again = rng.random((2, runs, n)) < right
    would = np.where(rng.random((runs, n)) < same, control, again)
    silent = rng.random((runs, n)) < quiet
    return would & ~silent, control, silent


def flagged(persona: Flags, control: Flags, silent: Flags, control_silent: Flags) -> tuple[float, float]:
    """How often the gate says `lost`: by McNemar alone, and where the control's abstentions are given."""
    gained, dropped = (persona & ~control).sum(axis=1), (control & ~persona).sum(axis=1)
    spoke, fell_silent = (persona & control_silent).sum(axis=1), (control & silent).sum(axis=1)
    alone = both = 0
    for changed in zip(gained.tolist(), dropped.tolist(), spoke.tolist(), fell_silent.tolist(), strict=True):
        p_loss, p_silence = p_of(*changed[:2]), p_of(*changed[2:])
        alone += bool(found_by(p_loss))
        both += bool(found_by(p_loss, p_silence))
    return alone / len(gained), both / len(gained)


NOISE = {"the same noise": 1.0, "nine in ten the same": 0.9, "half the same": 0.5, "independent noise": 0.0}
WORLDS = [(n, right, noise) for n in (200, 144) for right in (0.9, 0.75, 0.6) for noise in NOISE]


@pytest.mark.parametrize(("n", "right", "noise"), WORLDS)
def test_planted_abstentions_are_found_and_a_null_persona_is_not(n: int, right: float, noise: str) -> None:
    share = NOISE[noise]
    rates = {}
    for quiet in (0.3, 0.1, 0.0):
        persona, control, silent = draws(n, right, share, quiet)
        rates[quiet] = flagged(persona, control, silent, np.zeros_like(silent))
    print(f"{n} items, {right} right, {noise}: lost {rates}")
    alone, both = rates[0.3]
    assert both >= 0.95
    # what the docstring owns up to: where all is against it, McNemar alone is not enough
    weak = (n, right, noise) == (144, 0.6, "independent noise")
    assert 0.88 < alone < 0.93 if weak else alone >= 0.95
    assert max(rates[0.0]) <= 0.055


@pytest.mark.parametrize("right", [0.9, 0.75, 0.6])
@pytest.mark.parametrize("same", [0.0, 0.5])
def test_a_persona_that_abstains_as_the_control_does_is_no_loss(right: float, same: float) -> None:
    persona, control, silent = draws(144, right, same, 0.2)
    control_silent = np.random.default_rng(7).random(control.shape) < 0.2
    rates = flagged(persona, control & ~control_silent, silent, control_silent)
    print(f"{right} right, {same} the same, both abstain 20 %: lost {rates}")
    assert max(rates) <= 0.055


@pytest.mark.parametrize("right", [0.9, 0.75, 0.6])
@pytest.mark.parametrize("same", [0.0, 0.5])
def test_a_persona_that_abstains_where_it_would_err_is_seldom_called_lost(right: float, same: float) -> None:
    persona, control, _ = draws(144, right, same, 0.0)
    rates = flagged(persona, control, ~persona, np.zeros_like(control))
    print(f"{right} right, {same} the same, abstains where it would err: lost {rates}")
    assert rates[0] <= 0.055 and rates[1] <= 0.1


def test_the_gate_says_what_the_simulations_count() -> None:
    persona, control, silent = draws(144, 0.6, 0.0, 0.3, runs=40)
    said = []
    for p, c, s in zip(persona, control, silent, strict=True):
        found = competence(p, c, abstained=s, control_abstained=np.zeros(144, bool))
        said.append((competence(p, c, abstained=s).lost, found.lost))
        assert found.lost == bool(found.by)
    rates = flagged(persona, control, silent, np.zeros_like(silent))
    assert tuple(np.mean(np.array(said, dtype=bool), axis=0)) == pytest.approx(rates)


def test_silence_tips_the_scale_where_the_evidence_is_weak_alone() -> None:
    persona, control = answers(50, 20, 32, 48)  # one-sided p .063
    silent = np.array([False] * 70 + [True] * 12 + [False] * 68)
    alone = competence(persona, control, abstained=silent)
    found = competence(persona, control, abstained=silent, control_abstained=np.zeros(150, bool))
    assert 0.05 < alone.p_loss == found.p_loss < 0.1
    assert (alone.p_silence, alone.lost, alone.by) == (None, False, "")
    assert (found.p_silence, found.lost, found.by) == (1 / 2**12, True, "silence")
    # as many abstentions of the control, on items that the persona has right, weigh against them
    theirs = np.array([False] * 50 + [True] * 12 + [False] * 88)
    assert competence(persona, control, abstained=silent, control_abstained=theirs).lost is False


@pytest.mark.parametrize("quiet", [0.0, 0.03, 0.1, 0.3])
@pytest.mark.parametrize("right", [0.9, 0.75, 0.6])
@pytest.mark.parametrize("n", [200, 144])
def test_the_interval_of_the_relative_change_covers(n: int, right: float, quiet: float) -> None:
    for noise, share in NOISE.items():
        persona, control, _ = draws(n, right, share, quiet)
        both, gained, dropped = (
            side.sum(axis=1) for side in (persona & control, persona & ~control, control & ~persona)
        )
        low, high = ratio_limits(both, gained, dropped, n)
        covered = float(((low <= 1 - quiet) & (1 - quiet <= high)).mean())
        changed = float((gained + dropped).mean())
        print(f"{n} items, {right} right, {noise}, {quiet} abstained: covered {covered:.4f}, {changed:.1f} changed")
        # where next to nothing changes, the counts are too coarse for the level, and the interval stays above it
        assert 0.93 <= covered <= (0.97 if changed >= 5 else 1.0)


@pytest.mark.shared
def test_the_recorded_persona_is_right_and_silent_as_often_as_recorded(shared_data: Path) -> None:
    rows = [json.loads(line) for line in (shared_data / persona_bias.LABELED).read_text(encoding="utf-8").splitlines()]
    right = np.array([row["is_correct"] for row in rows], dtype=float)
    silent = np.array([row["predicted_answer"] == "" for row in rows])
    found = competence(right, right, abstained=silent)  # there is no control: nothing that it decides is looked at
    assert found.accuracy.estimate == pytest.approx(12 / 99) and round(12 / 99, 3) == 0.121
    assert found.abstention.estimate == pytest.approx(68 / 99) and round(68 / 99, 3) == 0.687
    assert found.silent_errors.estimate == pytest.approx(68 / 87)
    assert found.lost is None and "99 items" in found.reason  # under 120 anchors


@pytest.mark.shared
def test_the_section_of_the_recorded_sample_holds(shared_data: Path) -> None:
    section = persona_bias.run(shared_data)
    assert (section.misses, section.matched, section.total) == ([], 4, 4)

"""Flips, attacks and edits: values by hand, bounds against every completion, noise floors, planted judges."""

from __future__ import annotations

from itertools import product
from math import log, nan, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from plurijudge.benchmarks.planted_judges import Judge
from plurijudge.metrics.agreement import positional_agreement
from plurijudge.metrics.attacks import attack, sensitivity
from plurijudge.metrics.bias import cue_effect
from plurijudge.metrics.flips import baselines, by_gold, conflict_rate, flips, mean_entropy, outcome_entropy
from plurijudge.metrics.paired import gain, mcnemar
from plurijudge.metrics.picks import Measured

Floats = NDArray[np.float64]

verdicts = st.sampled_from([0.0, 0.5, 1.0])


def value(found: Measured) -> float:
    """The estimate, which is known."""
    assert found.estimate.estimate is not None
    return found.estimate.estimate


def arrays(*shape: int, lost: int = 3) -> st.SearchStrategy[Floats]:
    """Picks of the shape of which up to `lost` are missing."""
    size = int(np.prod(shape))
    picks = st.lists(verdicts, min_size=size, max_size=size)
    gone = st.lists(st.integers(0, size - 1), max_size=lost)

    def made(parts: tuple[list[float], list[int]]) -> Floats:
        found = np.array(parts[0])
        found[parts[1]] = nan
        return found.reshape(shape)

    return st.tuples(picks, gone).map(made)


def completions(*picks: Floats) -> list[list[Floats]]:
    """Every way in which the missing verdicts may have been."""
    places = [np.argwhere(np.isnan(one)) for one in picks]
    found = []
    for values in product([0.0, 0.5, 1.0], repeat=sum(map(len, places))):
        filled, rest = [one.copy() for one in picks], list(values)
        for one, there in zip(filled, places, strict=True):
            for place in there:
                one[tuple(place)] = rest.pop()
        found.append(filled)
    return found


def between(found: Measured, values: list[float | None], *, sharp: bool = True) -> None:
    """All values lie within the bounds; where sharp, the bounds are reached."""
    known = [one for one in values if one is not None]
    if not known:
        return
    worst, best = found.bounds
    assert worst is not None and best is not None
    assert worst <= min(known) + 1e-9 and max(known) <= best + 1e-9
    if sharp:
        assert (worst, best) == pytest.approx((min(known), max(known)))


def test_one_presentation_and_one_sample_by_hand() -> None:
    # gold A throughout; right to wrong, right to tie, wrong to right, tie to wrong, right, wrong; the last has no gold
    cued, second = np.array([0, 0.5, 1, 0, 1, 0, 0]), np.array([1, 1, 0, 0.5, 1, 0, 1])
    control = np.stack([[1, 1, 0, 0.5, 1, 0, 1], second], axis=-1)[:, None]
    found = flips(cued[:, None], control, [1] * 6 + [nan])
    assert value(found.same) == pytest.approx(2 / 7) and value(found.control_same) == 1
    assert value(found.excess) == pytest.approx(-5 / 7)
    assert [value(found.harmful), value(found.helpful), value(found.neutral)] == pytest.approx([2 / 6, 1 / 6, 1 / 6])
    assert (found.lost, found.gained, found.p_value) == (2, 1, mcnemar(1, 2))
    assert value(found.accuracy) == pytest.approx(2.5 / 6) and value(found.control_accuracy) == pytest.approx(3.5 / 6)
    assert value(found.change) == pytest.approx(-1 / 6)
    lost = np.full((1, 1), nan)
    with_it, without = (np.concatenate([one[:6], lost]) for one in (cued[:, None], control[:, :, 0]))
    assert found.change.estimate == gain(with_it, without)
    assert found.harmful.estimate.left_out == 1 and found.same.estimate.left_out == 0


def test_none_is_like_no_other_none() -> None:
    # LRM-bias counts None == None as robust, Position-Bias an unparsed partner as consistent, PandaLM garbage as a tie
    cued, control = (
        np.array([[nan], [nan], [1.0], [0.5]]),
        np.array([[[nan, nan]], [[0.5, 0.5]], [[1, 1]], [[nan, 0.5]]]),
    )
    found = flips(cued, control)
    assert value(found.same) == 1 and (found.same.estimate.n, found.same.estimate.left_out) == (2, 2)
    assert value(found.control_same) == 1 and found.control_same.estimate.n == 2
    assert found.same.bounds == pytest.approx(((1 + 0.5) / 4, 1)) and found.control_same.bounds == pytest.approx(
        (0.5, 1)
    )
    assert conflict_rate(np.array([[1, nan], [1, 0], [1, 1]])).estimate.left_out == 1


def test_a_missing_verdict_neither_gains_nor_loses() -> None:
    found = flips(np.array([[nan], [0], [1], [nan]]), np.array([[1], [1], [nan], [nan]]), np.ones(4))
    assert (found.lost, found.gained) == (1, 0) and found.change.estimate.n == 1
    assert found.change.bounds == pytest.approx((-3 / 4, 1 / 4))


def test_without_a_second_control_there_is_no_noise_floor_and_without_gold_no_harm() -> None:
    found = flips([[1], [0]], [[1], [1]])
    assert found.control_same.estimate.reason and found.excess.estimate.estimate is None
    assert found.p_value is None and found.harmful.estimate.reason == "there is no gold"
    assert value(found.same) == 0.5
    assert sensitivity([[1], [0]], [[1], [1]], [1, 1]).deaf is None


def gappy(seed: int, *shapes: tuple[int, ...], lost: int = 2) -> list[Floats]:
    """Picks of each shape, of which a few are missing, together."""
    rng = np.random.default_rng([seed, *map(len, shapes)])
    found = [rng.choice([0.0, 0.5, 1.0], shape, p=[0.4, 0.2, 0.4]) for shape in shapes]
    for _ in range(lost):
        one = found[rng.integers(len(found))]
        one[tuple(rng.integers(0, one.shape))] = nan
    return found


GOLD = np.array([1.0, 0.0, 1.0])


@pytest.mark.parametrize("seed", range(8))
def test_bounds_hold_every_completion(seed: int) -> None:
    cued, control = gappy(seed, (3, 1, 1), (3, 1, 2))
    found, pushed = flips(cued, control, GOLD), attack(cued, control, GOLD)
    all_of = [(flips(a, b, GOLD), attack(a, b, GOLD)) for a, b in completions(cued, control)]
    for name in ("same", "control_same", "excess", "harmful", "helpful", "neutral"):
        values = [getattr(one, name).estimate.estimate for one, _ in all_of]
        between(getattr(found, name), values, sharp=name == "control_same")
    for name in ("accuracy", "control_accuracy"):
        between(getattr(found, name), [getattr(one, name).estimate.estimate for one, _ in all_of])
    between(found.change, [one.change.estimate.estimate for one, _ in all_of], sharp=False)
    between(pushed.followed, [one.followed.estimate.estimate for _, one in all_of])
    for name in ("share", "floor", "excess"):
        values = [getattr(one.success, name).estimate.estimate for _, one in all_of]
        between(getattr(pushed.success, name), values, sharp=name != "excess")


@pytest.mark.parametrize("seed", range(8))
def test_bounds_of_sensitivity_hold_every_completion(seed: int) -> None:
    cued, control = gappy(100 + seed, (3, 1, 1), (3, 1, 2))
    found = sensitivity(cued, control, GOLD).overturned
    all_of = [sensitivity(a, b, GOLD).overturned for a, b in completions(cued, control)]
    for name in ("share", "floor", "excess"):
        values = [getattr(one, name).estimate.estimate for one in all_of]
        between(getattr(found, name), values, sharp=name != "excess")


@pytest.mark.parametrize("seed", range(8))
def test_with_one_sample_the_bounds_of_flips_are_sharp(seed: int) -> None:
    cued, control = gappy(200 + seed, (3, 1, 1), (3, 1, 1))
    found, all_of = flips(cued, control, GOLD), [flips(a, b, GOLD) for a, b in completions(cued, control)]
    for name in ("same", "harmful", "helpful", "neutral", "change"):
        between(getattr(found, name), [getattr(one, name).estimate.estimate for one in all_of])


@pytest.mark.parametrize("seed", range(8))
def test_bounds_of_conflict_and_entropy_are_sharp(seed: int) -> None:
    (picks,) = gappy(300 + seed, (3, 2, 1))
    filled = [one[0] for one in completions(picks)]
    between(conflict_rate(picks), [value(conflict_rate(one)) for one in filled])
    between(mean_entropy(picks), [value(mean_entropy(one)) for one in filled])


@settings(max_examples=8, deadline=None)
@given(arrays(6, 2, 2, lost=6), arrays(6, 2, 3, lost=6), st.permutations(range(6)))
def test_names_of_responses_and_order_of_items_do_not_matter(cued: Floats, control: Floats, order: list[int]) -> None:
    gold = np.array([1.0, 0.0, 1.0, 0.0, nan, 0.5])
    one = flips(cued, control, gold)
    for other in (flips(1 - cued, 1 - control, 1 - gold), flips(cued[order], control[order], gold[order])):
        assert (one.lost, one.gained, one.p_value) == (other.lost, other.gained, other.p_value)
        for name in ("same", "control_same", "excess", "harmful", "helpful", "neutral", "accuracy", "change"):
            mine, its = getattr(one, name), getattr(other, name)
            assert mine.estimate.estimate == pytest.approx(its.estimate.estimate), name
            assert mine.bounds == pytest.approx(its.bounds), name


@settings(max_examples=25, deadline=None)
@given(arrays(6, 2, 1, lost=6))
def test_conflict_is_what_positional_agreement_leaves(picks: Floats) -> None:
    found, its = conflict_rate(picks).estimate, positional_agreement(picks[..., 0])
    assert (found.n, found.left_out) == (its.n, its.left_out)
    if found.estimate is not None and its.estimate is not None:
        assert found.estimate == pytest.approx(1 - its.estimate)


def test_retention_is_blind_to_a_cue_on_even_pairs_and_the_contrast_is_not() -> None:
    rng = np.random.default_rng(1)
    picks, _ = Judge(0.1, cue=0.9).draw(rng, 1)
    control, _ = Judge(0.1, repeats=2).draw(rng, 1)
    found = flips(picks[0, :, :, 0], control[0, :, :, 0])
    assert found.excess.estimate.low is not None and found.excess.estimate.high is not None
    assert found.excess.estimate.low < 0 < found.excess.estimate.high
    effect = cue_effect(picks[0])
    assert effect.flagged is True and effect.effect.estimate == pytest.approx(0.21, abs=0.05)


@pytest.mark.parametrize(("repeats", "controls"), [(1, 2), (2, 2), (1, 5)])
def test_a_cue_that_does_nothing_harms_nobody_whatever_the_numbers_of_samples(repeats: int, controls: int) -> None:
    # two controls against one cued verdict are not exchangeable: only sample against sample keeps the test exact
    rng, sets, n = np.random.default_rng([repeats, controls]), 400, 60
    found: list[bool] = []
    for _ in range(sets):
        chance = 1 / (1 + np.exp(-1.2 - rng.standard_normal((n, 1, 1))))
        cued, control = ((rng.random((n, 2, k)) < chance).astype(float) for k in (repeats, controls))
        moved = flips(cued[:, :1], control[:, :1], np.ones(n)) if len(found) < 5 else None
        paired = min(repeats, controls)
        net = (cued[..., :paired] - control[..., :paired]).sum(axis=(1, 2))
        p = mcnemar(int((net > 0).sum()), int((net < 0).sum()))
        found.append(p <= 0.05)
        if moved is not None and moved.p_value is not None:
            single = (cued[:, :1, :paired] - control[:, :1, :paired]).sum(axis=(1, 2))
            assert moved.p_value == mcnemar(int((single > 0).sum()), int((single < 0).sum()))
    assert np.mean(found) <= 0.05 + 3 * sqrt(0.05 * 0.95 / sets)


def test_arms_by_gold() -> None:
    picks = np.array([[[1, 0]], [[0.5, 1]], [[0, 0]]])
    arms = by_gold(picks, [[1], [0], [1]], [1, 0, nan])
    assert arms.on_better[..., 0].tolist() == [[1], [1]] and arms.on_worse[..., 0].tolist() == [[0], [0.5]]
    assert arms.control[..., 0].tolist() == [[1], [0]] and arms.gold.tolist() == [1, 0]
    both = flips(arms.on_worse, arms.control, arms.gold)
    assert value(both.accuracy) == pytest.approx((0 + 0.5) / 2)


def test_an_attack_that_does_nothing_has_its_success_in_the_floor() -> None:
    rng = np.random.default_rng(2)
    coin = (rng.random((400, 2, 3)) < 0.5).astype(float)
    found = attack(coin[..., :1], coin[..., 1:], np.ones(400))
    assert value(found.success.share) == pytest.approx(0.5, abs=0.06)
    low, high = found.success.excess.estimate.low, found.success.excess.estimate.high
    assert low is not None and high is not None and low < 0 < high
    pushed = attack(np.ones((400, 2)), coin[..., 1:], np.ones(400))
    assert value(pushed.followed) == 1 and value(pushed.success.share) == 1
    assert value(pushed.success.excess) == pytest.approx(1 - value(pushed.success.floor))


def test_attack_success_by_hand() -> None:
    # first control not for the target: items 1, 2 and 4; of these, 1 and 4 turn; asked again, 2 turns anyway
    control = np.array([[[0, 0]], [[0, 1]], [[1, 1]], [[0.5, 0.5]]])
    found = attack([[1], [0], [1], [1]], control, [1, 1, 1, 1])
    assert value(found.followed) == 0.75 and value(found.control_followed) == pytest.approx(3 / 8)
    shares = value(found.success.share), value(found.success.floor), value(found.success.excess)
    assert shares == pytest.approx((2 / 3, 1 / 3, 1 / 3)) and found.success.share.estimate.n == 3


@pytest.mark.parametrize(("notices", "deaf"), [(0.0, True), (0.03, True), (0.6, False), (0.95, False), (0.2, None)])
def test_a_judge_that_nothing_moves_is_deaf(notices: float, deaf: bool | None) -> None:
    rng = np.random.default_rng(int(100 * notices))
    damaged = (rng.random(200) < 0.5).astype(float)
    control = np.repeat((rng.random((200, 1, 1)) < 0.5).astype(float), 2, axis=1).repeat(2, axis=2)
    edited = np.where(rng.random((200, 2)) < notices, 1 - damaged[:, None], control[..., 0])
    found = sensitivity(edited, control, damaged)
    assert found.deaf is deaf and bool(found.reason) is (deaf is None)
    assert value(found.overturned.floor) == 0


def test_a_judge_whose_answers_are_missing_is_not_called_deaf() -> None:
    always_a = np.ones((60, 2, 2))
    silent = np.where(np.arange(60)[:, None] < 30, nan, always_a[..., 0])
    found = sensitivity(silent, always_a, np.ones(60))
    assert found.deaf is None and found.overturned.share.bounds == pytest.approx((0, 0.5))
    assert sensitivity(always_a, always_a, np.zeros(60)).deaf is None, "only the other response was damaged"


def test_entropy_by_hand() -> None:
    found = outcome_entropy(np.array([[1, 1], [1, 0], [1, 0.5]]))
    assert found == pytest.approx([0, log(2), log(2)])
    three = outcome_entropy(np.array([[[1, 0.5, 0], [1, 0.5, 0]]]))
    assert three == pytest.approx([log(3)]) and np.isnan(outcome_entropy(np.array([[nan, nan]])))[0]
    mean = mean_entropy(np.array([[1, 1], [1, 0], [1, nan]]))
    assert value(mean) == pytest.approx(log(2) / 2) and mean.bounds == pytest.approx((log(2) / 3, 2 * log(2) / 3))


def test_a_rule_that_only_looks_at_the_length_is_right_where_gold_is_longer() -> None:
    # the chosen answers of Emerton-DPO are longer in 76 % of pairs, those of Orca in 27 %
    gold, longer = np.ones(100), np.where(np.arange(100) < 76, 2.0, 0.5)
    found = baselines(gold, np.tile([1, 0], (100, 1)), longer, np.ones(100))
    ends = found.first.estimate, found.longer.estimate, found.shorter.estimate
    assert ends == pytest.approx((0.5, 0.76, 0.24))
    mixed = baselines([1, 0, nan, 1], [[1], [1], [1], [0]], [3, 3, 3, 3], [3, 2, 1, nan])
    assert mixed.first.estimate == pytest.approx(1 / 3) and (mixed.first.n, mixed.first.left_out) == (3, 1)
    assert mixed.longer.estimate == pytest.approx((0.5 + 0) / 2) and mixed.longer.left_out == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: flips([[0.3]], [[1]]), "other than"),
        (lambda: flips([[1, 0]], [[1]]), "same cells"),
        (lambda: flips([[1]], [[1]], [1, 0]), "gold"),
        (lambda: flips([1], [1]), "needed is"),
        (lambda: by_gold([[1, 0]], [[1]], [1]), "needed is"),
        (lambda: by_gold([[[1, 0]]], [[1, 1]], [1]), "same cells"),
        (lambda: attack([[1]], [[1]], [0.5]), "target"),
        (lambda: sensitivity([[1]], [[1]], [1, 1]), "damaged"),
        (lambda: sensitivity([[1]], [[1]], [1], least=1.5), "least"),
        (lambda: conflict_rate([[1]]), "needed is"),
        (lambda: baselines([1], [1], [1], [1]), "needed are"),
        (lambda: baselines([1], [[2]], [1], [1]), "a_first"),
    ],
)
def test_what_is_no_pick_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("n", [0, 3])
def test_without_verdicts_nothing_is_known(n: int) -> None:
    none = np.full((n, 2, 2), nan)
    found = flips(none, none, np.ones(n))
    measured = (found.same, found.excess, found.harmful, found.accuracy, found.change)
    assert all(one.estimate.estimate is None and one.estimate.reason for one in measured)
    assert attack(none, none, np.ones(n)).success.share.estimate.estimate is None
    assert sensitivity(none, none, np.ones(n)).deaf is None
    assert mean_entropy(none).estimate.estimate is None and conflict_rate(none).estimate.estimate is None

"""Agreement: values by hand and from publications, planted truths found again, and what is refused."""

from __future__ import annotations

import gzip
import json
from math import nan, sqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from plurijudge.benchmarks.coverage import Judged, logistic, true_kappa
from plurijudge.metrics.agreement import Bounds, accuracy, agreeing, bounds, cohen_kappa, positional_agreement

cells = st.lists(st.tuples(*[st.sampled_from([0.0, 0.5, 1.0, nan])] * 2), min_size=1, max_size=30)


def test_every_verdict_weighs_the_same() -> None:
    found = accuracy([[1.0, 1.0], [0.0, 1.0], [0.0, nan], [nan, nan]])
    assert found.estimate == pytest.approx(3 / 5)
    assert (found.n, found.left_out) == (3, 1)


def test_without_gaps_accuracy_is_the_mean_over_both_presentations() -> None:
    right = np.random.default_rng(1).integers(0, 2, (50, 2))
    assert accuracy(right).estimate == pytest.approx((right[:, 0].mean() + right[:, 1].mean()) / 2)


def test_a_half_is_half_right() -> None:
    assert accuracy([[0.5], [1.0]]).estimate == 0.75


def test_agreement_compares_outcomes_and_not_places() -> None:
    found = positional_agreement([[1.0, 1.0], [0.0, 0.0], [1.0, 0.0], [0.5, 0.5], [0.5, 1.0], [1.0, nan], [nan, nan]])
    assert found.estimate == pytest.approx(3 / 5)
    assert (found.n, found.left_out) == (5, 2)


def test_two_missing_verdicts_do_not_agree() -> None:
    assert np.isnan(agreeing([[nan, nan]])).all()


def test_a_judge_that_always_takes_the_first_is_half_right_and_never_agrees_with_itself() -> None:
    takes_first = np.array([[1, 0]] * 40)  # of a pair whose better response is shown first, then second
    assert accuracy(takes_first).estimate == 0.5
    assert positional_agreement(takes_first).estimate == 0.0
    low, high = accuracy(takes_first).low, accuracy(takes_first).high
    assert low is not None and high is not None and 0.4 < low < 0.5 < high < 0.6


def test_bounds_are_what_the_missing_could_do() -> None:
    found = [
        bounds([[1.0, 1.0], [0.0, nan], [nan, nan]]),
        bounds(agreeing([[1.0, 1.0], [0.0, 1.0], [1.0, nan], [nan, nan]])),
        bounds([[1.0, nan], [nan, 0.0]], high=[[0.5], [0.25]]),
    ]
    expected = [(2 / 6, 5 / 6), (1 / 4, 3 / 4), (1 / 4, 1.75 / 4)]
    assert np.allclose(np.array(found, dtype=float), expected)


def test_no_items_have_no_bounds() -> None:
    assert bounds(np.zeros((0, 2))) == Bounds(None, None)


@settings(max_examples=80, deadline=None)
@given(cells, st.integers(0, 2**32 - 1))
def test_whatever_the_missing_were_the_whole_lies_within_the_bounds(rows: list[tuple[float, float]], seed: int) -> None:
    given_ = np.array(rows)
    whole = np.where(np.isnan(given_), np.random.default_rng(seed).random(given_.shape), given_)
    ends = bounds(given_)
    assert ends.worst is not None and ends.best is not None
    assert ends.worst - 1e-12 <= float(whole.mean()) <= ends.best + 1e-12


@pytest.mark.parametrize("function", [accuracy, positional_agreement])
@pytest.mark.parametrize("n", [0, 1])
def test_under_two_items_the_interval_is_unknown_and_says_why(function, n: int) -> None:  # type: ignore[no-untyped-def]
    found = function(np.ones((n, 2)))
    assert (found.low, found.high, found.standard_error) == (None, None, None)
    assert found.reason
    assert found.estimate == (1.0 if n else None)


@pytest.mark.parametrize("right", [[1, 0], [[2, 0]], [[-1, 0]]])
def test_what_is_no_table_of_shares_is_refused(right: list[object]) -> None:
    with pytest.raises(ValueError, match=r"needed is|outside 0\.\.1"):
        accuracy(right)  # type: ignore[arg-type]


def test_agreement_needs_two_presentations() -> None:
    with pytest.raises(ValueError, match=r"needed is \(n_items, 2\)"):
        positional_agreement([[1, 0, 1]])


@pytest.mark.parametrize(("lean", "spread"), [(0.0, 1.0), (1.0, 1.0), (2.0, 0.5)])
def test_planted_accuracy_and_agreement_lie_in_their_intervals_in_19_of_20_seeds(lean: float, spread: float) -> None:
    judged = Judged(0.7, spread=spread, lean=lean)
    own = judged.centre() + spread * np.random.default_rng(0).standard_normal(400_000)
    first, second = logistic(own + lean), logistic(own - lean)
    agreement = float((first * second + (1 - first) * (1 - second)).mean())
    found = []
    for seed in range(150):
        right = judged.draw(np.random.default_rng(seed), 1, 150)[0][0]
        pair = accuracy(right), positional_agreement(right)
        found.append([e.low <= t <= e.high for e, t in zip(pair, (0.7, agreement), strict=True)])  # type: ignore[operator]
    assert np.all((np.mean(found, axis=0) >= 0.9) & (np.mean(found, axis=0) <= 0.99))


def test_kappa_by_hand() -> None:
    a = [1] * 25 + [0] * 25
    b = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    assert cohen_kappa(a, b).estimate == pytest.approx(0.4)


def test_the_error_of_kappa_is_that_of_fleiss_cohen_and_everitt() -> None:
    rng = np.random.default_rng(4)
    a = rng.integers(0, 3, 300)
    b = np.where(rng.random(300) < 0.6, a, rng.integers(0, 3, 300))
    joint = np.array([[np.mean((a == i) & (b == j)) for j in range(3)] for i in range(3)])
    rows, columns = joint.sum(axis=1), joint.sum(axis=0)
    chance, found = float(rows @ columns), cohen_kappa(a, b)
    k = (np.trace(joint) - chance) / (1 - chance)
    alike = sum(joint[i, i] * (1 - (rows[i] + columns[i]) * (1 - k)) ** 2 for i in range(3))
    apart = sum(joint[i, j] * (columns[i] + rows[j]) ** 2 for i in range(3) for j in range(3) if i != j)
    variance = (alike + (1 - k) ** 2 * apart - (k - chance * (1 - k)) ** 2) / (1 - chance) ** 2
    assert found.standard_error == pytest.approx(sqrt(variance / 299))


def test_kappa_is_one_minus_one_and_about_nought_where_it_should_be() -> None:
    a = np.array([0, 1] * 40)
    assert cohen_kappa(a, a).estimate == 1.0
    assert cohen_kappa(a, 1 - a).estimate == -1.0
    chance = cohen_kappa(a, np.random.default_rng(2).permutation(a))
    assert chance.low is not None and chance.high is not None and chance.low < 0 < chance.high


def test_raters_who_never_differ_leave_an_interval_with_a_width() -> None:
    found = cohen_kappa([0, 1] * 20, [0, 1] * 20)
    assert found.low is not None and 0.7 < found.low < 0.9 and found.high == 1.0
    assert found.standard_error is None and found.reason


def test_kappa_of_one_outcome_throughout_is_unknown() -> None:
    found = cohen_kappa([1, 1, 1, nan], [1, 1, 1, 1])
    assert found.estimate is None and "one and the same" in found.reason and (found.n, found.left_out) == (3, 1)


def test_kappa_says_where_too_few_items_leave_the_commonest_outcome() -> None:
    assert "too short" in cohen_kappa([0] * 50 + [1] * 3, [0] * 51 + [1] * 2).method
    assert "too short" not in cohen_kappa([0] * 50 + [1] * 30, [0] * 51 + [1] * 29).method


def test_planted_kappa_lies_in_its_interval_in_19_of_20_seeds() -> None:
    truth, found = true_kappa((0.6, 0.3, 0.1), 0.15), []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        true = rng.choice(3, size=100, p=[0.6, 0.3, 0.1])
        a, b = (np.where(rng.random(100) < 0.15, (true + rng.integers(1, 3, 100)) % 3, true) for _ in range(2))
        estimate = cohen_kappa(a, b)
        found.append(estimate.low <= truth <= estimate.high)  # type: ignore[operator]
    assert 0.92 <= np.mean(found) <= 0.98


def test_raters_of_different_items_are_refused() -> None:
    with pytest.raises(ValueError, match="of both"):
        cohen_kappa([1, 0], [1])


@pytest.mark.shared
def test_kappas_of_the_pandalm_annotators_are_the_published_ones(shared_data: Path) -> None:
    folder = shared_data / "judges"
    with gzip.open(folder / "pandalm" / "testset-v1.json.gz", "rt", encoding="utf-8") as file:
        rows = json.load(file)
    targets = json.loads((folder / "targets.json").read_text(encoding="utf-8"))["pandalm"]
    for one, other in ((1, 2), (1, 3), (2, 3)):
        found = cohen_kappa(*([row[f"annotator{who}"] for row in rows] for who in (one, other)))
        published = targets[f"Cohen kappa annotator {one} vs {other}"]["published"]
        assert found.estimate is not None and round(found.estimate, 2) == published
        assert found.n == 999


@pytest.mark.shared
def test_accuracies_and_agreements_of_llmbar_are_the_published_ones(shared_data: Path) -> None:
    folder = shared_data / "judges"
    targets = json.loads((folder / "targets.json").read_text(encoding="utf-8"))["llmbar"]
    with gzip.open(folder / "llmbar" / "items.jsonl.gz", "rt", encoding="utf-8") as file:
        gold = {(row["s"], row["i"]): int(row["label"]) for row in map(json.loads, file)}
    said: dict[str, list[tuple[float, float, float]]] = {}
    with gzip.open(folder / "llmbar" / "judgments.jsonl.gz", "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            labels = [nan if row[side] is None else float(row[side]) for side in ("wF", "wT")]
            said.setdefault(f"{row['s']}|{row['j']}|{row['t']}", []).append((*labels, gold[row["s"], row["i"]]))  # type: ignore[arg-type]
    whole = {key: table for key, rows in said.items() if not np.isnan(table := np.array(rows)).any()}
    assert len(whole) > 300  # the authors count what they could not parse as wrong: those are compared elsewhere
    for key, table in whole.items():
        found = accuracy((table[:, :2] == table[:, 2:]).astype(float)), positional_agreement(table[:, :2])
        for name, estimate in zip(("accuracy", "agreement"), found, strict=True):
            assert estimate.estimate is not None
            assert 100 * estimate.estimate == pytest.approx(targets[f"{key} {name}"]["published"], abs=1e-5)

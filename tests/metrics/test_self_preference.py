"""Self-preference: the expectation of a blind judge, EQB, conclusions, and planted judges over many seeds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings

from plurijudge.benchmarks.coverage_self import Strengths, World
from plurijudge.metrics.author_blind import author_blind, excess
from plurijudge.metrics.eqb import eqb, eqb_contrast
from plurijudge.metrics.estimate import Estimate
from plurijudge.metrics.own_pairs import Pair, gold_labels, gold_shares, judged
from plurijudge.metrics.self_preference import SelfPreference, decide, self_preference
from plurijudge.metrics.units import Part, by_unit, combined

from .self_preference_data import of_letters, pairs

few = settings(max_examples=8, deadline=None)  # a score interval takes its time


def value(one: Estimate) -> float:
    assert one.estimate is not None
    return one.estimate


def quick(pair: Pair, others: list[Pair] | None = None) -> SelfPreference:
    return self_preference(pair, others or (), resamples=2)


def test_the_expectation_worked_out_by_hand() -> None:
    # own pair: gold wins 1 of 5; others: wrong on 2 of 4 (a tie is half wrong), gold ties do not count
    own = of_letters("oxxox", "oxxxx")
    other = of_letters("ofox=", "ofxo=", model="B", opponent="C")
    found = author_blind(own, [other])
    assert value(found.error) == pytest.approx(2 / 3) and (found.error.n, found.error.left_out) == (3, 2)
    assert value(found.expectation) == pytest.approx(2 / 3 * (1 - 2 / 5))
    assert value(found.excess) == pytest.approx(1 / 5 - 2 / 5)


def test_its_error_is_that_of_the_delta_method_where_items_are_shared() -> None:
    rng = np.random.default_rng(4)
    own, (other, *_) = World(items=400).draw(rng)
    d, w = judged(own) - gold_labels(own), gold_labels(own)
    wrong = np.abs(judged(other) - gold_labels(other))
    e = wrong.mean()
    lean = (d - d.mean()) + 2 * e * (w - w.mean()) - (1 - 2 * w.mean()) * (wrong - e)
    found = author_blind(own, [other])
    assert found.excess.standard_error == pytest.approx(lean.std(ddof=1) / sqrt(400))
    assert value(found.excess) == pytest.approx(d.mean() - e * (1 - 2 * w.mean()))
    assert excess(own, [other]) == (found.excess, found.p_value)
    apart = author_blind(own, [replace(other, items=tuple(f"another {item}" for item in other.items))])
    assert apart.excess.standard_error == pytest.approx(
        sqrt((d + 2 * e * w).var(ddof=1) / 400 + (1 - 2 * w.mean()) ** 2 * wrong.var(ddof=1) / 400), rel=2e-3
    )


def test_eqb_worked_out_by_hand() -> None:
    own = of_letters("oofxo", "xxxxo")  # it loses four times and is preferred in 2.5 of them
    one = of_letters("oxxxo", "xxxxo", model="B")
    two = of_letters("fxo", "xxo", model="C")
    found = eqb(own, [one, two])
    assert value(found.own) == 2.5 / 4 and value(found.proxy) == pytest.approx(1.5 / 6)
    assert value(found.eqb) == pytest.approx(2.5 / 4 - 1.5 / 6) == value(found.by_votes)
    assert found.proxies == ("B", "C") and found.own_gold == 1 / 5 and found.proxy_gold == 2 / 8
    assert found.eqb.left_out == 1 and eqb_contrast(own, [one, two]) == (found.eqb, found.p_value)


def test_third_models_are_weighed_to_have_the_own_votes_of_gold() -> None:
    votes = {"clear": [[0, 0], [0, 0], [0, 0]], "close": [[0, 0], [1, 0], [1, 0]]}

    def made(kinds: list[str], said: list[float], model: str) -> Pair:
        own = np.repeat(np.array(said)[:, None], 2, axis=1)
        ids = [str(item) for item in range(len(own))]
        given = [votes[kind] for kind in kinds]
        return Pair.of(ids, own, 1 - own, given, gold_judges=["g", "h", "i"], model=model, opponent="R")

    own = made(["clear", "close", "close", "close"], [0, 1, 1, 0], "A")
    third = made(["clear", "clear", "clear", "close", "close"], [0, 0, 0, 1, 0], "K")
    found = eqb(own, [third])
    assert value(found.eqb) == pytest.approx(2 / 4 - 1 / 5)
    # by votes: clear 0 - 0 on one item, close 2/3 - 1/2 on three
    assert value(found.by_votes) == pytest.approx(3 / 4 * (2 / 3 - 1 / 2))


def test_the_error_by_votes_is_that_of_standardised_means() -> None:
    own, (one,) = World(items=300, third=(0.5,), gold_errs=0.3).draw(np.random.default_rng(8))
    third = replace(one, items=tuple(f"apart {item}" for item in one.items))
    found = eqb(own, [third]).by_votes
    lost = [(np.round(6 * gold_shares(pair)), judged(pair), gold_labels(pair) == 0) for pair in (own, third)]
    (votes, said), (their_votes, theirs) = ((votes[kept], said[kept]) for votes, said, kept in lost)
    usual = {count: theirs[their_votes == count] for count in (0, 1, 2)}
    apart = said - np.array([usual[count].mean() for count in votes])
    squares = apart.var(ddof=1) / len(apart)
    squares += sum((np.mean(votes == count)) ** 2 * k.var() / len(k) for count, k in usual.items())
    assert value(found) == pytest.approx(apart.mean()) and found.standard_error == pytest.approx(
        sqrt(squares), rel=0.01
    )


def test_what_points_both_ways_is_no_finding() -> None:
    # it takes its own losing response too often, and its own winning one far too rarely
    pair = of_letters("o" * 8 + "x" * 12 + "o" * 20 + "x" * 20, "x" * 20 + "o" * 40)
    third = of_letters("o" * 4 + "x" * 36 + "o" * 20, "x" * 40 + "o" * 20, model="K")
    found = quick(pair, [third])
    assert found.author_blind is not None and found.eqb is not None
    assert value(found.author_blind.excess) == pytest.approx(-0.2 + 1 / 45)
    assert value(found.eqb.eqb) == pytest.approx(0.3)
    assert (found.p_value, found.conclusion) == (1.0, "not found")
    assert "opposite directions" in found.warnings[-1]


def test_another_opponent_is_no_proxy_and_the_judges_own_pair_is_not_one_of_others() -> None:
    own = of_letters("ox", "ox")
    with pytest.raises(ValueError, match="`B` against `S` is no proxy for one against `R`"):
        eqb(own, [of_letters("ox", "ox", model="B", opponent="S")])
    with pytest.raises(ValueError, match="`others` holds a pair with a response of `A`"):
        quick(own, [of_letters("ox", "ox", model="B", opponent="A")])
    with pytest.raises(ValueError, match="`alpha`"):
        self_preference(own, alpha=1)


def test_what_cannot_be_compared_is_unknown_and_says_why() -> None:
    wins, loses = of_letters("oxo", "ooo"), of_letters("oxo", "xxx", model="B")
    assert eqb(wins, [loses]).eqb.reason == "the own response never loses by gold"
    assert "no third model's response loses" in eqb(of_letters("oxo", "xxx"), [replace(wins, model="B")]).eqb.reason
    assert "wrote neither" in author_blind(wins, [of_letters("o", "=", model="B")]).excess.reason
    found = quick(wins)
    assert (found.conclusion, found.p_value, found.rests_on) == ("unknown", None, "nothing")
    assert found.author_blind is None and found.eqb is None and found.soft is None
    one = eqb(of_letters("ox", "xo"), [of_letters("ox", "xo", model="B")])
    assert one.eqb.low is None and one.p_value is None and one.eqb.reason


def test_pairs_in_which_the_opponent_stands_first_are_turned() -> None:
    own, third = of_letters("oofxo", "xxxxo"), of_letters("oxxxo", "xxxxo", model="B")
    here, there = quick(own, [third]), quick(own, [third.swapped()])
    assert here.eqb is not None and here.eqb == there.eqb
    elsewhere = of_letters("oxxxo", "xxxxo", model="B", opponent="C")
    assert quick(own, [elsewhere]).eqb is None and quick(own, [elsewhere]).rests_on == "the excess"


@few
@given(pairs(least=2))
def test_a_judge_that_treats_a_third_model_as_itself_has_an_eqb_of_nothing(pair: Pair) -> None:
    found = eqb(pair, [replace(pair, model="K")])
    if found.eqb.estimate is not None:
        assert value(found.eqb) == 0 and value(found.by_votes) == pytest.approx(0)
        assert found.p_value in (None, 1.0)


@few
@given(pairs(least=2))
def test_error_and_expectation_do_not_hang_on_whose_side_others_pairs_are_told_from(pair: Pair) -> None:
    here, there = (author_blind(pair, [one]) for one in (pair, pair.swapped()))
    assert here.error.estimate == pytest.approx(there.error.estimate)
    assert here.excess.estimate == pytest.approx(there.excess.estimate)


def test_errors_of_one_mean_are_those_of_a_mean() -> None:
    x = np.random.default_rng(0).random(50)
    units = tuple(f"item {i}" for i in range(50))
    found, p_value = combined(float(x.mean()), [Part(units, x, 1.0)], level=0.95, method="")
    assert found.standard_error == pytest.approx(x.std(ddof=1) / sqrt(50)) and p_value is not None and p_value < 1e-9
    less, p_value = combined(0.0, [Part(units, x, 1.0), Part(units, x, -1.0)], level=0.95, method="")
    assert less.standard_error is None and p_value is None and "alike" in less.reason
    rows = by_unit(["b", "a", "b"], np.array([1.0, 2.0, 3.0]))
    assert np.array_equal(rows, [[2.0, np.nan], [1.0, 3.0]], equal_nan=True)


def test_a_mean_of_which_hardly_any_value_differs_counts_for_what_its_score_interval_says() -> None:
    units = tuple(f"item {i}" for i in range(60))
    rare = np.zeros(60)
    rare[0] = 1.0
    found, _ = combined(rare.mean(), [Part(units, rare, 1.0)], level=0.95, method="")
    assert found.standard_error is not None and found.standard_error > 1.2 * rare.std(ddof=1) / sqrt(60)
    never, _ = combined(0.0, [Part(units, np.zeros(60), 1.0)], level=0.95, method="")
    assert never.standard_error is not None and never.standard_error > 0.01


# Planted judges. Full worlds: benchmarks/coverage_self.py


@pytest.mark.parametrize(("world", "truth"), [(World(items=200), 0.0), (World(items=200, self=0.5), 0.5)])
def test_planted_judges_are_covered_and_called_as_they_are(world: World, truth: float) -> None:
    rng, sets = np.random.default_rng(11), 100
    beyond, headline = world.truth(rng)
    covered, called, scores = np.zeros(2), np.zeros(2), []
    for _ in range(sets):
        pair, others = world.draw(rng)
        for place, (found, true) in enumerate(((excess(pair, others), beyond), (eqb_contrast(pair, others), headline))):
            one = found.estimate
            assert one.low is not None and one.high is not None and found.p_value is not None
            covered[place] += one.low <= true <= one.high
            called[place] += found.p_value <= 0.05
        scores.append(float(np.mean(judged(pair) - gold_labels(pair))))
    assert np.all(covered / sets > 0.89)
    if truth:
        assert np.all(called / sets > 0.6)
    else:
        assert np.all(called / sets < 0.11)
        assert np.mean(scores) == pytest.approx(0.12, abs=0.01)  # DBG of nothing


def test_the_planted_truth_is_that_of_the_logistic_function() -> None:
    towards = 1 / (1 + np.exp(-(log(0.25) + 0.5)))
    assert World(self=0.5).truth(np.random.default_rng(0))[1] == pytest.approx(towards - 0.2, abs=1e-9)


def test_a_coin_is_reported_as_noise_whatever_its_dbg() -> None:
    rng, said = np.random.default_rng(5), Counter[str]()
    for alone in (True, False) * 4:
        pair, others = World(items=300, error=0.5).draw(rng)
        found = quick(pair, [] if alone else others)
        assert value(found.score.dbg) > 0.2
        said[found.conclusion] += 1
        if found.conclusion == "noise":
            assert "coin" in found.warnings[0]
    assert said["noise"] >= 7


def test_a_judge_that_knows_nothing_but_its_own_is_no_coin() -> None:
    n = 60
    own = of_letters("o" * n, "x" * 40 + "o" * 20)
    third = of_letters("ox" * (n // 2), "x" * 40 + "o" * 20, model="K")
    found = quick(own, [third])
    assert found.conclusion == "favours its own" and found.rests_on == "EQB and the excess"


def test_verdicts_read_the_wrong_way_round_are_named() -> None:
    pair, others = World(items=300).draw(np.random.default_rng(3))

    def inverted(one: Pair) -> Pair:
        return replace(one, own=one.other, other=one.own)

    assert quick(pair, others).conclusion == "not found"
    for found in (quick(inverted(pair)), quick(inverted(pair), others), quick(pair, [inverted(one) for one in others])):
        assert found.conclusion == "against gold" and "inverted" in found.warnings[0]


def test_third_models_of_another_strength_are_told_and_do_not_make_a_finding() -> None:
    rng = np.random.default_rng(2)
    said = Counter[str]()
    for _ in range(4):
        pair, others = Strengths(own=0.0, third=(-1.0, -0.5), items=300).draw(rng)
        found = quick(pair, others)
        said[found.conclusion] += 1
        assert "compares unequal models, which moves it up" in found.warnings[-1]
    assert said["favours its own"] <= 1


def test_over_a_matrix_the_p_values_are_corrected() -> None:
    strong, others = World(items=300, self=1.0).draw(np.random.default_rng(1))
    found = quick(strong, others)
    assert found.conclusion == "favours its own" and found.p_value is not None
    weak = replace(found, p_value=0.02)
    assert decide({("a", "b"): weak})["a", "b"] == (0.02, "favours its own")
    many = decide({("a", "b"): weak, ("b", "a"): found, ("a", "c"): quick(of_letters("ox", "xo")), ("c", "a"): weak})
    assert many["a", "b"].p_holm == pytest.approx(0.06) and many["a", "b"].conclusion == "not found"
    assert many["b", "a"].conclusion == "favours its own"
    assert many["a", "c"].p_holm is None and many["a", "c"].conclusion == "unknown"
    assert decide({("a", "b"): replace(weak, conclusion="noise")})["a", "b"].conclusion == "noise"


def test_everything_is_told_by_name() -> None:
    pair, others = World(items=40).draw(np.random.default_rng(0))
    told = quick(pair, others).to_dict()
    assert set(told) >= {"score", "soft", "author_blind", "eqb", "p_value", "conclusion", "warnings"}
    assert told["eqb"]["by_votes"]["n"] > 0 and told["author_blind"]["excess"]["n"] == 40

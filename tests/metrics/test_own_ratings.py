"""Ratings of one's own: by hand, against plain least squares, what must not change it, and a planted bias."""

from __future__ import annotations

from math import nan, sqrt
from typing import Any

import numpy as np
import pytest

from plurijudge.metrics.estimate import Estimate
from plurijudge.metrics.intervals import student_t_quantile
from plurijudge.metrics.own_ratings import OwnRatings, own_ratings

FAMILIES = {"a1": "A", "a2": "A", "b1": "B", "b2": "B"}


def drawn(seed: int, n: int = 400, own: float = 0.0, family: float = 0.0) -> dict[str, Any]:
    """Ratings of four models by four judges, each harsh or lenient, steep or flat; `own` is added to one's own."""
    rng = np.random.default_rng(seed)
    names = np.array(list(FAMILIES))
    judge, model = rng.integers(0, 4, n), rng.integers(0, 4, n)
    reference = rng.integers(1, 6, n).astype(float)
    lenient, steep = np.array([0.2, -0.1, 0.0, 0.4]), np.array([0.9, 0.5, 0.2, 0.7])
    rating = lenient[judge] + steep[judge] * reference / 5 + own * (judge == model)
    rating += family * ((judge // 2 == model // 2) & (judge != model)) + 0.1 * rng.standard_normal(n)
    return {
        "rating": 5 * rating,
        "reference": reference,
        "judge": names[judge].tolist(),
        "model": names[model].tolist(),
        "maximum": 5,
        "families": FAMILIES,
    }


def value(one: Estimate) -> float:
    assert one.estimate is not None
    return one.estimate


def told(found: OwnRatings) -> list[float]:
    groups = (found.self_bias, found.family_bias, found.intercept, found.slope)
    return [number for group in groups for one in group.values() for number in (value(one), one.standard_error or nan)]


def test_it_is_least_squares_with_hc1_errors() -> None:
    data = drawn(0)
    judge, model = (np.array(data[name]) for name in ("judge", "model"))
    names, x = sorted(FAMILIES), np.array(data["reference"]) / 5
    columns = [judge == name for name in names] + [np.where(judge == name, x, 0) for name in names]
    columns += [(judge == name) & (model == name) for name in names]
    kin = {family: [n for n in names if FAMILIES[n] == family] for family in "AB"}
    columns += [np.isin(judge, kin[f]) & np.isin(model, kin[f]) & (judge != model) for f in "AB"]
    design, y = np.stack(columns, axis=1).astype(float), data["rating"] / 5
    beta, *_ = np.linalg.lstsq(design, y, rcond=None)
    bread = np.linalg.inv(design.T @ design)
    scores = design * (y - design @ beta)[:, None]
    errors = np.sqrt(np.diag(bread @ (scores.T @ scores) @ bread) * 400 / (400 - 14))
    found = own_ratings(**data)
    every = {**found.intercept, **{f"{n} slope": one for n, one in found.slope.items()}}
    every |= {f"{n} own": one for n, one in found.self_bias.items()} | dict(found.family_bias)
    assert [value(one) for one in every.values()] == pytest.approx(beta)
    assert [one.standard_error for one in every.values()] == pytest.approx(errors)
    one = found.self_bias["b2"]
    assert found.residual_df == 386 and one.high is not None
    assert one.high - value(one) == pytest.approx(student_t_quantile(0.975, 386) * errors[11])


def test_a_harsh_and_flat_judge_shows_no_bias_where_a_plain_difference_does() -> None:
    data = drawn(1, n=4000)
    judge, model = (np.array(data[name]) for name in ("judge", "model"))
    plain = float(((data["rating"] - data["reference"]) / 5)[(judge == "b1") & (model == "b1")].mean())
    assert plain < -0.3 and abs(value(own_ratings(**data).self_bias["b1"])) < 0.02


@pytest.mark.parametrize(("own", "family"), [(0.0, 0.0), (0.05, 0.02)])
def test_a_planted_bias_is_covered(own: float, family: float) -> None:
    inside = np.zeros(2)
    for seed in range(120):
        found = own_ratings(**drawn(seed, own=own, family=family))
        for place, (one, true) in enumerate(((found.self_bias["a1"], own), (found.family_bias["B"], family))):
            assert one.low is not None and one.high is not None
            inside[place] += one.low <= true <= one.high
    assert np.all(inside / 120 > 0.89)


def test_alike_rows_may_be_counted() -> None:
    data = drawn(2, n=120)
    counts = np.random.default_rng(0).integers(0, 4, 120)
    spread = {
        name: np.repeat(column, counts)
        if isinstance(column, np.ndarray)
        else [c for c, k in zip(column, counts, strict=True) for _ in range(k)]
        for name, column in data.items()
        if name in ("rating", "reference", "judge", "model")
    }
    assert told(own_ratings(**data, counts=counts)) == pytest.approx(told(own_ratings(**(data | spread))))


def test_with_each_row_its_own_item_clustered_errors_are_hc1_and_a_row_told_twice_adds_nothing() -> None:
    data = drawn(3, n=150)
    items = [str(row) for row in range(150)]
    assert told(own_ratings(**data, clusters=items)) == pytest.approx(told(own_ratings(**data)))
    twice = {
        k: (np.concatenate([v, v]) if isinstance(v, np.ndarray) else v * 2)
        for k, v in data.items()
        if k not in ("maximum", "families")
    }
    double = own_ratings(**(data | twice), clusters=items * 2)
    once = own_ratings(**data, clusters=items)
    shrink = sqrt((299 / 286) / (149 / 136))  # the rows' share of CR1's factor; the items are as many as before
    for name, one in once.self_bias.items():
        other = double.self_bias[name]
        assert value(other) == pytest.approx(value(one)) and other.n == one.n == 150
        assert other.standard_error == pytest.approx((one.standard_error or nan) * shrink)


def test_another_scale_and_another_order_change_nothing() -> None:
    data = drawn(4, n=100)
    once = told(own_ratings(**data))
    scaled = data | {"rating": data["rating"] * 20, "reference": data["reference"] * 20, "maximum": 100}
    back = {k: v[::-1] for k, v in data.items() if k not in ("maximum", "families")}
    assert told(own_ratings(**scaled)) == pytest.approx(once)
    assert told(own_ratings(**(data | back))) == pytest.approx(once)


def test_a_dimension_has_a_level_of_its_own() -> None:
    data = drawn(5, n=200)
    what = ["wit", "truth"] * 100
    moved = data | {"rating": data["rating"] + 0.5 * np.array([1, 0] * 100)}
    found, plain = own_ratings(**moved, dimension=what), own_ratings(**data, dimension=what)
    assert value(found.dimension["wit"]) == pytest.approx(value(plain.dimension["wit"]) + 0.1)
    assert value(found.self_bias["a1"]) == pytest.approx(value(plain.self_bias["a1"])) and list(found.dimension) == [
        "wit"
    ]


def test_what_the_rows_do_not_tell_is_unknown() -> None:
    data = drawn(6, n=100)
    away = [
        name if name != judge else "a2" if judge != "a2" else "b1"
        for name, judge in zip(data["model"], data["judge"], strict=True)
    ]
    found = own_ratings(**(data | {"model": away}))
    assert found.self_bias["a1"].estimate is None and "none of its own" in found.self_bias["a1"].reason
    only_own = own_ratings([3, 4, 5, 2], [3, 4, 4, 2], ["m"] * 4, ["m"] * 4, maximum=5)
    assert "do not determine" in only_own.self_bias["m"].reason and only_own.slope["m"].estimate is not None
    few = own_ratings([3, 4, 5], [3, 5, 4], ["m"] * 3, ["m", "k", "k"], maximum=5)
    assert few.self_bias["m"].estimate is not None and few.self_bias["m"].standard_error is None
    holes = own_ratings(
        [3, nan, 5, 2, 4, 3], [3, 4, nan, 2, 4, 3], ["m"] * 6, ["m", "m", "m", "k", "k", "m"], maximum=5
    )
    assert holes.slope["m"].left_out == 2


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"model": ["a1"]}, "`model` holds 1 values for 2 ratings"),
        ({"maximum": 0}, "`maximum` must be above 0"),
        ({"counts": [1, -1]}, "`counts` 0 or more"),
        ({"rating": [nan, nan]}, "No row holds both"),
    ],
)
def test_faults_are_named(changed: dict[str, Any], told: str) -> None:
    data: dict[str, Any] = {
        "rating": [1.0, 2],
        "reference": [1.0, 2],
        "judge": ["a1", "a2"],
        "model": ["a1", "a2"],
        "maximum": 5,
    }
    with pytest.raises(ValueError, match=told):
        own_ratings(**(data | changed))

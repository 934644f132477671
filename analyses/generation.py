"""What does a model write more of when it aims higher, and is it what people prefer more of?

Three things can keep the two apart besides the model's taste. The texts are others: so people's influences are given
again on those of their pairs that cover the same ground. The model may not be able to write what people prefer
(achievability). And it may not do what it is told: see the manipulation check of `graphs/generation.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics.alignment import Measures, PairSet, alignment_across
from ..metrics.estimate import Estimate
from ..metrics.factors import RESAMPLES, Influence, factor_influence, manifestations
from ..metrics.overlap import matched
from ..metrics.written_levels import Reach, achievability, ground, reach_of
from ..store.datasets import item_pages
from ..store.engine import Store
from ..text.errors import BadInput
from ..text.factor_rules import BY_NAME
from ..text.factors import Factor
from .factor_values import Extracted, PairValues, pair_values
from .preferences import PEOPLE, Preference, Rater, people_of

Floats = NDArray[np.float64]
WRITER = "writer"


@dataclass(frozen=True, slots=True)
class Side:
    """One factor on both sides.

    Attributes:
        factor: its name.
        generation: how far what is written for a higher score has more of it; None where it is not measured there.
        people: how far people prefer more of it, on their own pairs.
        matched: the same on those pairs, weighed to cover the ground of the written ones; None where none does.
        achievable: how often the model wrote as much of it as the response has that people prefer.
        reach: what that asks for: `at least` as much, `at most`, or a range that `covers` it.
    """

    factor: str
    generation: Influence | None
    people: Influence | None
    matched: Influence | None
    achievable: Estimate
    reach: Reach

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them."""
        told: dict[str, Any] = {name: None for name in ("generation", "people", "matched")}
        told |= {name: one.to_dict() for name in told if (one := getattr(self, name)) is not None}
        return {"factor": self.factor, **told, "achievable": asdict(self.achievable), "reach": self.reach}


@dataclass(frozen=True, slots=True)
class GenerationSide:
    """All factors on both sides.

    Attributes:
        writer: who wrote.
        factors: one each, in the order asked for.
        covered: the share of people's pairs that stand on ground of the written ones, 0..1; NaN where there is none.
        target_covered: the share of the written pairs that stand on ground of people's.
        effective: how many of people's pairs of equal weight would tell as much as the weighed ones.
        written_pairs: how many there are.
        people_pairs: how many people decided.
        alignment: how near the influences in generation are to people's, over the factors known on both sides.
        alignment_matched: the same with people's pairs weighed to cover the ground of the written ones; None where none
            does.
        unmeasured: factors that are known on neither side, and why.
    """

    writer: str
    factors: tuple[Side, ...]
    covered: float
    target_covered: float
    effective: float
    written_pairs: int
    people_pairs: int
    alignment: Measures | None = None
    alignment_matched: Measures | None = None
    unmeasured: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them; what is unknown is None."""
        shares = {name: getattr(self, name) for name in ("covered", "target_covered", "effective")}
        return {
            "writer": self.writer,
            "factors": [one.to_dict() for one in self.factors],
            **{name: None if np.isnan(share) else float(share) for name, share in shares.items()},
            **{"written_pairs": self.written_pairs, "people_pairs": self.people_pairs},
            "alignment": _measures_told(self.alignment),
            "alignment_matched": _measures_told(self.alignment_matched),
            "unmeasured": dict(self.unmeasured),
        }


def generation_side(
    store: Store,
    written: str,
    people: str,
    factors: Sequence[Factor],
    *,
    writer: str = WRITER,
    twins: Mapping[str, str] | None = None,
    group: str | None = None,
    extracted_written: Extracted | None = None,
    extracted_people: Extracted | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> GenerationSide:
    """Hold what a model writes more of for a higher score against what people prefer more of.

    Args:
        store: the store.
        written: the data set of what was written, as `graphs.generation.generate` stores it: the responses of an item
            are called as their scores.
        people: the data set with people's labels.
        factors: what is measured.
        writer: who wrote.
        twins: of each of people's items the written item of its prompt; None where they share their ids.
        group: the annotators' group whose labels count; None for all.
        extracted_written: the values of factors that need a model on what was written; None where none read it.
        extracted_people: the same on people's responses.
        level: of the intervals, 0..1.
        resamples: of the bootstraps over prompts; under 2 for none, and then no alignment.
        seed: of the bootstraps.

    Raises:
        BadInput: if people's data set holds no labels, or a response of what was written is not called as a score.
    """
    rater = people_of(store, people, group=group)
    if rater is None:
        raise BadInput("No item has a label of people to hold what was written against.", way_out="`gold` in the items")
    wrote = _scored(store, written, writer)
    length = BY_NAME["length"]
    asked = [*factors, *([] if any(factor.name == "length" for factor in factors) else [length])]
    own = pair_values(store, written, [wrote], asked, extracted=extracted_written)
    theirs = pair_values(store, people, [rater], asked, extracted=extracted_people)
    sides = {WRITER: _Told.of(own, wrote), PEOPLE: _Told.of(theirs, rater)}
    grounds = [_ground(side.values) for side in (sides[PEOPLE], sides[WRITER])]
    decided = [np.nan_to_num(side.preferences) != 0 for side in (sides[PEOPLE], sides[WRITER])]
    same = matched(grounds[0][decided[0]], grounds[1][decided[1]])
    weights = np.zeros(len(decided[0]))
    weights[decided[0]] = same.weights
    options: dict[str, Any] = {"level": level, "resamples": resamples, "seed": seed}
    influences = {name: side.influences(**options) for name, side in sides.items()}
    again = sides[PEOPLE].influences(weights=weights, **options) if weights.any() else {}
    reached = _Reached(sides, twins, level)
    names = [factor.name for factor in factors]
    near = [_across(sides, names, twins, told, options) for told in (None, weights)] if resamples > 1 else [None, None]
    lines = [
        Side(
            factor.name,
            influences[WRITER].get(factor.name),
            influences[PEOPLE].get(factor.name),
            again.get(factor.name),
            reached.of(factor),
            reach_of(factor.direction),
        )
        for factor in factors
        if any(factor.name in found for found in influences.values())
    ]
    unmeasured = {name: why for name, why in own.unmeasured.items() if name in theirs.unmeasured}
    counts = [int(one.sum()) for one in decided]
    return GenerationSide(
        *(writer, tuple(lines), same.covered, same.target_covered, same.effective),
        written_pairs=counts[1],
        people_pairs=counts[0],
        alignment=near[0],
        alignment_matched=near[1] if weights.any() else None,
        unmeasured={name: why for name, why in unmeasured.items() if name in {factor.name for factor in factors}},
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """A rater's preferences beside the factors of its pairs."""

    values: PairValues
    preferences: Floats
    names: tuple[str, ...]

    @classmethod
    def of(cls, values: PairValues, rater: Rater) -> _Told:
        preferences = np.full(len(values.prompts), np.nan)
        for item, pairs in rater.pairs.items():
            for pair in pairs:
                place = values.place.get((item, pair.first, pair.second))
                if place is not None:
                    preferences[place] = pair.value
        return cls(values, preferences, tuple(factor.name for factor in values.factors))

    def pairs(self, names: Sequence[str], twins: Mapping[str, str]) -> PairSet:
        """The pairs with these factors alone; a prompt is called as the item that stands for it."""
        columns = [self.names.index(name) for name in names]
        near = np.array([self.values.factors[column].tolerance for column in columns])
        first, second = self.values.first[:, columns], self.values.second[:, columns]
        labels = [""] * len(self.preferences)
        for (item, _, _), place in self.values.place.items():
            labels[place] = twins.get(item, item)
        return PairSet(self.preferences, manifestations(first, second, tolerance=near), labels)

    def influences(self, **options: Any) -> dict[str, Influence]:
        if not len(self.preferences):
            return {}
        near = np.array([factor.tolerance for factor in self.values.factors])
        signs = manifestations(self.values.first, self.values.second, tolerance=near)
        found = factor_influence(self.preferences, signs, self.values.prompts, **options)
        return dict(zip(self.names, found, strict=True))


@dataclass(slots=True)
class _Reached:
    """What was written for each prompt beside what people prefer there."""

    sides: Mapping[str, _Told]
    twins: Mapping[str, str] | None
    level: float

    def of(self, factor: Factor) -> Estimate:
        own, theirs = self.sides[WRITER], self.sides[PEOPLE]
        if factor.name not in own.names or factor.name not in theirs.names:
            where = "of people's responses" if factor.name in own.names else "of what was written"
            return Estimate.unknown(f"the factor is not known {where}", level=self.level)
        one, other = own.names.index(factor.name), theirs.names.index(factor.name)
        wrote: dict[str, dict[str, float]] = {}
        for (item, first, second), place in own.values.place.items():
            told = wrote.setdefault(item, {})
            told[first], told[second] = own.values.first[place, one], own.values.second[place, one]
        liked: dict[str, list[float]] = {item: [] for item in wrote}
        for (item, _, _), place in theirs.values.place.items():
            twin = item if self.twins is None else self.twins.get(item, "")
            side = theirs.preferences[place]
            if twin in liked and side in (-1.0, 1.0):
                liked[twin].append(float((theirs.values.first if side > 0 else theirs.values.second)[place, other]))
        rows = [[*told.values()] for told in wrote.values()]
        return achievability(_table(rows), _table([*liked.values()]), direction=factor.direction, level=self.level)


def _across(
    sides: Mapping[str, _Told],
    names: Sequence[str],
    twins: Mapping[str, str] | None,
    weights: Floats | None,
    options: Mapping[str, Any],
) -> Measures:
    """How near the influences of both sides are, over those of the factors that both have."""
    theirs, own = sides[PEOPLE], sides[WRITER]
    both = [name for name in names if name in theirs.names and name in own.names]
    people = theirs.pairs(both, {} if twins is None else twins)._replace(weights=weights)
    return alignment_across(people, own.pairs(both, {}), **options)


def _measures_told(found: Measures | None) -> dict[str, Any] | None:
    return None if found is None else {name: asdict(one) for name, one in found._asdict().items()}


def _table(rows: Sequence[Sequence[float]]) -> Floats:
    """Rows of different lengths side by side, NaN where one is shorter."""
    table = np.full((len(rows), max(map(len, rows), default=0) or 1), np.nan)
    for number, row in enumerate(rows):
        table[number, : len(row)] = row
    return table


def _ground(values: PairValues) -> Floats:
    names = [factor.name for factor in values.factors]
    if "length" not in names:
        return np.full((len(values.prompts), 2), np.nan)
    column = names.index("length")
    return ground(values.first[:, column], values.second[:, column])


def _scored(store: Store, dataset: str, writer: str) -> Rater:
    """Whoever wrote, as one that prefers what it wrote for the higher score.

    Raises:
        BadInput: if a response is not called as a score.
    """
    rater = Rater(writer, "writer")
    for page in item_pages(store, dataset):
        for _, item in page:
            names = [response.id for response in item.responses]
            if not all(name.lstrip("-").isdigit() for name in names):
                raise BadInput(f"A response of `{item.id}` is not called as a score: {', '.join(names)}.")
            pairs = [
                Preference(low, high, 1.0 if int(low) > int(high) else -1.0, 0.0)
                for low, high in combinations(sorted(names), 2)
            ]
            rater.add(item.id, [(pair, "decided") for pair in pairs])
    return rater

"""Why does a judge prefer what it prefers, and do people follow the same? Factors, from stored verdicts and labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..metrics.alignment import alignment, insensitivity
from ..metrics.factor_checks import HeldOut, held_out
from ..metrics.factor_weights import FactorWeights, factor_weights
from ..metrics.factors import Influence, factor_influence, manifestations, tie_sensitivity
from ..metrics.intervals import bounded_mean
from ..metrics.style_control import StyleControl, style_control
from ..store.analyses import keep_analysis
from ..store.engine import Store
from ..store.runs import find_run
from ..text.errors import BadInput
from ..text.factor_rules import RULES
from ..text.factors import Factor
from .causes import causes_of
from .factor_values import Extracted, PairValues, pair_values
from .preferences import Rater, judges_of, people_of
from .profile_found import Beside, Line, Moved, Options, Profile, RaterProfile, Tau
from .profile_lines import facts_of, lines_of

Floats = NDArray[np.float64]

KIND = "factor_influence"
TOLERANCES = (0.05, 0.1, 0.2)
"""Shares of the larger value that two values may differ by and be called alike, to see what the tie rule does."""

CORRUPTIONS = 200
STYLE_RESAMPLES = 100  # each fits all pairs anew
STYLES = ("length", "list_items", "code_blocks")
"""What is style and not substance: the factors that are held against who wrote the response."""

KNOWN = 0.8
"""A factor known on a smaller share of the pairs has no weight beside the others: it would cost them their pairs."""


def profile(
    store: Store,
    run: str = "",
    *,
    dataset: str = "",
    factors: Sequence[Factor] = RULES,
    extracted: Extracted | None = None,
    options: Options | None = None,
    named: Sequence[str] = (),
) -> Profile:
    """Measure which factors the preferences of a run's judges, of people, or of both go with.

    Args:
        store: the store.
        run: a closed run of a judge or a panel, or imported verdicts; '' for people's labels alone.
        dataset: where there is no run, the data set whose labels are read.
        factors: what is looked at; one task, over which findings are corrected for their number.
        extracted: the values of factors that need a model.
        options: how it is measured.
        named: the factors' names as they were typed, for the command that makes it again.

    Returns:
        One profile for each judge, and one for people where there is no judge or they were asked for. Items with the
        same `meta.prompt_id`, or the same prompt, are one prompt, and the prompt is the unit of sampling throughout.

    Raises:
        NotFound: if there is no such run.
        BadInput: if it is open or holds no verdicts, people were asked for and there are no labels, or no pair that
            was compared has two texts.
    """
    chosen = options or Options()
    group = chosen.group or None
    if run:
        found = find_run(store, run)
        raters, dataset, run = judges_of(store, found), found.dataset, found.id
    else:
        raters = []
    people = people_of(store, dataset, group=group) if not raters or chosen.against else None
    if people is None and (not run or chosen.against):
        whose = f" of the group `{group}`" if group else ""
        raise BadInput(
            f"The items have no labels of people{whose}.", way_out="plurijudge label, or leave out --against"
        )
    everyone = [*raters, *([] if people is None else [people])]
    values = pair_values(store, dataset, everyone, factors, extracted=extracted)
    if not values.place:
        why = ", ".join(f"{n} pairs {reason}" for reason, n in values.left_out.items())
        raise BadInput(
            f"No pair with two texts was compared{f': {why}' if why else ''}.",
            way_out="plurijudge profile ITEMS --verdicts FILE, where ITEMS holds the texts",
        )
    if not values.factors:
        raise BadInput("None of the factors is known of any pair.", way_out="other --factors")
    made = [_rated(rater, values, chosen) for rater in everyone]
    if people is not None:
        made = [
            one if rater is people else replace(one, beside=_beside(rater, people, values, chosen))
            for rater, one in zip(everyone, made, strict=True)
        ]
    if raters and people is not None and all(one.beside is None for one in made):
        raise BadInput("The judge and people have no pair in common.", way_out="labels of what the judge compared")
    made = [replace(one, causes=causes_of(store, one.judge)) if one.judge else one for one in made]
    return Profile(
        run,
        dataset,
        values.factors,
        values.unmeasured,
        len(values.place),
        len(np.unique(values.prompts)),
        values.left_out,
        tuple(made),
        chosen,
        tuple(named),
    )


def _table(rater: Rater, values: PairValues) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Where the pairs of a rater stand, what it prefers, and which was shown first."""
    rows, sides, shown = list[int](), list[float](), list[float]()
    for item, pairs in rater.pairs.items():
        for pair in pairs:
            place = values.place.get((item, pair.first, pair.second))
            if place is not None:
                rows.append(place)
                sides.append(pair.value)
                shown.append(pair.shown)
    return np.array(rows, dtype=np.int64), np.array(sides), np.array(shown)


def _rated(rater: Rater, values: PairValues, options: Options) -> RaterProfile:
    rows, sides, shown = _table(rater, values)
    first, second, prompts = values.first[rows], values.second[rows], values.prompts[rows]
    near = [factor.tolerance for factor in values.factors]
    signs = manifestations(first, second, tolerance=near)
    drawn = {"level": options.level, "resamples": options.resamples, "seed": options.seed}
    found = factor_influence(sides, signs, prompts, variant=options.tau, **drawn)  # type: ignore[arg-type]
    bounds = _bounds(sides, signs, options.tau)
    moved = _moved(sides, first, second, options.tau)
    lines = tuple(
        Line(factor.name, _with_width(influence), *ends, tuple(told))
        for factor, influence, ends, told in zip(values.factors, found, bounds, moved, strict=True)
    )
    weights, unweighted, held, style = _together(rater, values, rows, sides, shown, options)
    return RaterProfile(
        rater.name,
        rater.kind,
        rater.judge,
        len(np.unique(prompts)),
        dict(sorted(rater.outcomes.items())),
        dict(sorted(rater.statuses.items())),
        rater.under_arms,
        int((shown != 0).sum()),
        lines,
        weights,
        unweighted,
        held,
        style,
    )


def _with_width(influence: Influence) -> Influence:
    """Where all prompts are alike, as where more is preferred every time: the score interval, which has a width."""
    pooled = influence.pooled
    if pooled.estimate is None or pooled.low is not None or pooled.n < 2 or abs(pooled.estimate) > 1:
        return influence
    found = bounded_mean(np.full(pooled.n, pooled.estimate), low=-1.0, high=1.0, level=pooled.level)
    return replace(influence, pooled=replace(found, left_out=pooled.left_out, reason=pooled.reason))


def _bounds(sides: Floats, signs: Floats, tau: Tau) -> list[tuple[float | None, float | None]]:
    """The least and the most that each influence could be, were the missing preferences known.

    A pair that is added against the influence lowers it, whatever the others are; one in which the factor is alike
    (tau14) draws it to 0. So the least has all of the first kind, and all of the second where it is above 0.
    """
    if tau == "tau_b":
        return [(None, None) for _ in range(signs.shape[1])]
    total = np.nansum(sides[:, None] * signs, axis=0)
    counted = ((sides != 0) & ~np.isnan(sides))[:, None] & ~np.isnan(signs)
    if tau == "tau13":
        counted &= signs != 0
    missing = np.isnan(sides)[:, None]
    apart, alike = ((missing & there).sum(axis=0) for there in ((signs != 0) & ~np.isnan(signs), signs == 0))
    if tau == "tau13":
        alike = np.zeros_like(alike)
    ends: list[tuple[float | None, float | None]] = []
    told = (column.tolist() for column in (total, counted.sum(axis=0), apart, alike))
    for value, n, more, same in zip(*told, strict=True):
        low, high = value - more, value + more
        least, most = n + more + same * (low > 0), n + more + same * (high < 0)
        ends.append((low / least, high / most) if n + more else (None, None))
    return ends


def _moved(sides: Floats, first: Floats, second: Floats, tau: Tau) -> list[list[Moved]]:
    influence, alike = tie_sensitivity(sides, first, second, TOLERANCES, variant=tau, relative=True)
    return [
        [
            Moved(tolerance, _number(value), _number(share))
            for tolerance, value, share in zip(TOLERANCES, influence[:, k], alike[:, k], strict=True)
        ]
        for k in range(first.shape[1])
    ]


def _together(
    rater: Rater, values: PairValues, rows: NDArray[np.int64], sides: Floats, shown: Floats, options: Options
) -> tuple[FactorWeights | None, dict[str, str], HeldOut | None, StyleControl | None]:
    """The factors beside each other, and which could not stand there."""
    first, second, prompts = values.first[rows], values.second[rows], values.prompts[rows]
    apart = first - second
    decided = ~np.isnan(sides) & (sides != 0)
    names = [factor.name for factor in values.factors]
    known = (~np.isnan(apart[decided])).mean(axis=0) if decided.any() else np.zeros(len(names))
    differs = (np.nan_to_num(apart[decided]) != 0).any(axis=0)
    kept = (known >= KNOWN) & differs
    out = {
        name: "it never differs" if share >= KNOWN else f"it is known on {100 * share:.0f} % of the pairs"
        for name, share, use in zip(names, known.tolist(), kept.tolist(), strict=True)
        if not use
    }
    if not kept.any():
        return None, out, None, None
    used = [name for name, use in zip(names, kept, strict=True) if use]
    order = shown if rater.kind == "judge" and (shown != 0).any() else None
    told: dict[str, Any] = {"prompts": prompts, "shown": order, "seed": options.seed, "level": options.level}
    weights = factor_weights(apart[:, kept], sides, names=used, ties=options.ties, **told)
    held = held_out(apart[:, kept], sides, **told)
    return weights, out, held, _style(values, rows, sides, kept, options)


def _style(
    values: PairValues, rows: NDArray[np.int64], sides: Floats, kept: NDArray[np.bool_], options: Options
) -> StyleControl | None:
    """The weights once each model has a rating of its own; None where it is not known who wrote what."""
    style = kept & np.array([factor.name in STYLES for factor in values.factors])
    models = [values.models[row] for row in rows.tolist()]
    named = np.array([bool(one and other) for one, other in models], dtype=bool)
    several = len({name for two in models for name in two if name}) > 1
    if not style.any() or not len(named) or named.mean() < KNOWN or not several:
        return None
    ties: Literal["half", "left out"] = "left out" if options.ties == "left out" else "half"
    return style_control(
        values.first[rows][named][:, style],
        values.second[rows][named][:, style],
        sides[named],
        models=[two for two, whole in zip(models, named.tolist(), strict=True) if whole],
        prompts=values.prompts[rows][named],
        names=[factor.name for factor, use in zip(values.factors, style.tolist(), strict=True) if use],
        ties=ties,
        resamples=STYLE_RESAMPLES,
        seed=options.seed,
        level=options.level,
    )


def _beside(judge: Rater, people: Rater, values: PairValues, options: Options) -> Beside | None:
    """The judge and people on the pairs that both compared; None where there is none."""
    its, theirs = (np.full(len(values.place), np.nan) for _ in range(2))
    asked = np.zeros((2, len(values.place)), dtype=bool)
    for number, (rater, told) in enumerate(((judge, its), (people, theirs))):
        rows, sides, _ = _table(rater, values)
        told[rows], asked[number, rows] = sides, True
    both = asked.all(axis=0)
    if not both.any():
        return None
    near = [factor.tolerance for factor in values.factors]
    signs = manifestations(values.first, values.second, tolerance=near)[both]
    found = alignment(
        theirs[both],
        its[both],
        signs,
        values.prompts[both],
        variant=options.tau,
        proxy=options.proxy,
        margin=options.margin,
        alpha=options.alpha,
        level=options.level,
        resamples=max(2, options.resamples),
        seed=options.seed,
    )
    corrupted = insensitivity(theirs[both], signs, flips=(0.2,), corruptions=CORRUPTIONS, seed=options.seed)
    told_of = tuple(row for row in corrupted if not np.isnan(row.spearman))
    return Beside(people.name, int(both.sum()), found, tuple(f.name for f in values.factors), told_of)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def save(store: Store, found: Profile, *, command: str = "", more: Mapping[str, Any] | None = None) -> int:
    """Write what was measured: a row in `analysis`, its lines in `factor_influence`; gives the analysis' id.

    Args:
        store: where to.
        found: what was measured.
        command: that makes it again; the profile's own where none is given.
        more: further options that it was made with.
    """
    options = {**asdict(found.options), **facts_of(found), **(more or {})}
    runs = [found.run] if found.run else []
    return keep_analysis(store, KIND, lines_of(found), runs=runs, options=options, command=command or found.command)

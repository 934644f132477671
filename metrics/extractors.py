"""Do two readers of texts find the same? What two models read off the same responses, held against each other.

A factor that one model reads and another does not see is that model's, not the text's. And a judge that reads the
factors itself is explained by what it reads into texts: so two readers, of different families, and their agreement.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .estimate import Estimate
from .factors import RESAMPLES, manifestations
from .intervals import Basis, bounded_mean, clustered_mean
from .rank_correlation import pearson, spearman

Floats = NDArray[np.float64]
DRAWN = "percentile bootstrap over prompts"


@dataclass(frozen=True, slots=True)
class ExtractorAgreement:
    """How far two readers agree in one factor.

    Attributes:
        spearman: of the orders in which they put responses, -1..1.
        pearson: of the values, -1..1.
        alpha: Krippendorff's, of values on an interval scale: 1 where they give the same, 0 where they differ as if
            each gave the other's values at random, under 0 where they differ more than that.
        same: the share of responses to which both give the same value, up to the tolerance, 0..1.
        difference: the other's value less the one's, in the factor's unit.
        pairs: over pairs of responses to one prompt, the share in which both see the same one have more, or neither:
            what an influence hangs on, 0..1.
        responses: how many both have read.
        left_out: how many one of them, or both, have not.
    """

    spearman: Estimate
    pearson: Estimate
    alpha: Estimate
    same: Estimate
    difference: Estimate
    pairs: Estimate
    responses: int
    left_out: int

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them."""
        return asdict(self)


def extractor_agreement(
    one: ArrayLike,
    other: ArrayLike,
    *,
    prompts: ArrayLike,
    tolerance: float = 0.0,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> ExtractorAgreement:
    """How far two readers agree on the same responses.

    Args:
        one: shape (n_responses,): what the one read, NaN where it read nothing.
        other: the same of the other.
        prompts: shape (n_responses,): labels; responses to one prompt depend on each other.
        tolerance: values that differ by no more are the same; the factor's own.
        level: of the intervals, 0..1.
        resamples: of the bootstrap over prompts, 2 or more.
        seed: of the bootstrap.

    Returns:
        See `ExtractorAgreement`. The prompt is the unit of sampling. A response that one of them has not read is left
        out, which flatters both where they fail on the hard ones: report `left_out` beside it.

    Raises:
        ValueError: if a shape or an option is not as above, or a value is infinite.

    Source: Krippendorff 2011, "Computing Krippendorff's alpha-reliability" (interval metric, two readers).

    >>> found = extractor_agreement([1, 2, 3, 4], [1, 2, 3, 5], prompts=[1, 1, 2, 3], resamples=100)
    >>> found.same.estimate, found.difference.estimate, round(found.alpha.estimate, 4), found.pairs.estimate
    (0.75, 0.25, 0.9369, 1.0)
    """
    a, b, labels = np.asarray(one, dtype=float), np.asarray(other, dtype=float), np.asarray(prompts)
    if a.ndim != 1 or a.shape != b.shape or labels.shape != a.shape or np.any(np.isinf(a) | np.isinf(b)):
        raise ValueError(
            f"`one` has shape {a.shape}, `other` {b.shape} and `prompts` {labels.shape}; needed are (n_responses,) "
            "finite numbers twice, and as many labels."
        )
    if resamples < 2 or not 0 < level < 1 or not tolerance >= 0:
        raise ValueError("`resamples` must be 2 or more, `level` between 0 and 1, `tolerance` 0 or more.")
    known = ~np.isnan(a) & ~np.isnan(b)
    names, places = np.unique(labels, return_inverse=True)
    rows = _by_place(np.flatnonzero(known), places.reshape(-1)[known], len(names))
    kept = [row for row in rows if len(row)]
    draws = _drawn(a, b, kept, resamples, seed)
    basis = Basis(len(kept), len(rows) - len(kept), level, DRAWN)
    every = np.concatenate(kept) if kept else np.empty(0, dtype=np.intp)
    found = _measures(a[every], b[every])
    ranked, straight, alpha = (_with_interval(*one, basis) for one in zip(found, draws.T, strict=True))
    same = np.where(known, manifestations(a, b, tolerance=tolerance) == 0, np.nan)
    return ExtractorAgreement(
        ranked,
        straight,
        alpha,
        bounded_mean(_by_row(same, rows), level=level),
        clustered_mean(_by_row(np.where(known, b - a, np.nan), rows), level=level),
        bounded_mean(_by_row(*_pairs(a, b, rows, tolerance)), level=level),
        int(known.sum()),
        int((~known).sum()),
    )


def _measures(a: Floats, b: Floats) -> tuple[float, float, float]:
    """Spearman, Pearson and alpha of whole values; NaN where there is none."""
    if len(a) < 2:
        return (np.nan,) * 3
    both = np.concatenate([a, b])
    spread = float(both.var(ddof=1))
    alpha = 1 - float(((a - b) ** 2).mean()) / 2 / spread if spread > 0 else np.nan
    return float(spearman(a, b)), float(pearson(a, b)), alpha


def _drawn(a: Floats, b: Floats, rows: list[NDArray[np.intp]], resamples: int, seed: int) -> Floats:
    rng, found = np.random.default_rng(seed), np.full((resamples, 3), np.nan)
    if len(rows) < 2:
        return found
    for number in range(resamples):
        drawn = np.concatenate([rows[place] for place in rng.integers(len(rows), size=len(rows))])
        found[number] = _measures(a[drawn], b[drawn])
    return found


def _by_place(rows: NDArray[np.intp], places: NDArray[np.intp], count: int) -> list[NDArray[np.intp]]:
    """The rows of each place, in their order."""
    ends = np.cumsum(np.bincount(places, minlength=count))
    return np.split(rows[np.argsort(places, kind="stable")], ends)[:count]


def _with_interval(value: float, drawn: Floats, basis: Basis) -> Estimate:
    if np.isnan(value):
        return basis.unknown("too few responses" if basis.n < 2 else "a reader gives all responses the same value")
    sure = drawn[~np.isnan(drawn)]
    if len(sure) < 2 or len(sure) < len(drawn) / 2:
        return basis.bare(value, "error and interval unknown: too few prompts")
    reason = "" if len(sure) == len(drawn) else f"unknown in {len(drawn) - len(sure)} of {len(drawn)} resamples"
    return replace(basis.percentiles(value, sure), reason=reason)


def _pairs(
    a: Floats, b: Floats, rows: list[NDArray[np.intp]], tolerance: float
) -> tuple[Floats, list[NDArray[np.intp]]]:
    """Whether both see the same in each pair of responses to one prompt, and where each prompt's pairs stand."""
    first: list[int] = []
    second: list[int] = []
    places = []
    for row in rows:
        one, other = (row[side] for side in np.triu_indices(len(row), 1))
        places.append(np.arange(len(first), len(first) + len(one)))
        first += one.tolist()
        second += other.tolist()
    at = np.array(first, dtype=np.intp), np.array(second, dtype=np.intp)
    seen = [manifestations(side[at[0]], side[at[1]], tolerance=tolerance) for side in (a, b)]
    return (seen[0] == seen[1]).astype(float), places


def _by_row(values: Floats, rows: list[NDArray[np.intp]]) -> Floats:
    """The values of each prompt side by side, NaN where it has fewer than another."""
    table = np.full((len(rows), max((len(row) for row in rows), default=0) or 1), np.nan)
    for number, row in enumerate(rows):
        table[number, : len(row)] = values[row]
    return table

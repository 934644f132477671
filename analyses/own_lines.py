"""Which rows of `dbg_score` does one judge against one opponent make?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..metrics.estimate import Estimate

if TYPE_CHECKING:
    from .self_preference import Cell, Matrix

_SIDES = ("own", "tie", "other")
_Told = tuple[str, Estimate | None, dict[str, Any]]


def lines_of(cell: Cell, found: Matrix) -> list[dict[str, Any]]:
    """The rows of one cell; rates and differences are shares, 0..1 and -1..1."""
    base: dict[str, Any] = {
        **{"judge": cell.judge, "opponent": cell.opponent, "subset": cell.subset, "arm": found.options.arm},
        **{"gold": ", ".join(found.gold_judges), "conclusion": "", "p_value": None, "p_adjusted": None},
        **{"worst": None, "best": None},
    }
    told = [*_measures(cell), *_counts(cell)]
    told += [("warning", Estimate.unknown(text, n=cell.items), {}) for text in cell.warnings]
    decides = _deciding(cell)
    headline = {"conclusion": cell.conclusion, "p_adjusted": cell.p_adjusted}
    return [
        {**base, "measure": name, **one.to_dict(), **more, **(headline if name == decides else {})}
        for name, one, more in told
        if one is not None
    ]


def _deciding(cell: Cell) -> str:
    """The measure whose row carries the conclusion, the first of those that it rests on."""
    return {"nothing": "dbg", "the excess": "excess"}.get(cell.found.rests_on, "eqb")


def _measures(cell: Cell) -> list[_Told]:
    score, soft, blind, eqb = cell.found.score, cell.found.soft, cell.found.author_blind, cell.found.eqb
    told: list[_Told] = [
        ("own_win_rate", score.own_win_rate, {}),
        ("gold_win_rate", score.gold_win_rate, {}),
        ("dbg", score.dbg, {"worst": score.gold_bounds.worst, "best": score.gold_bounds.best}),
        ("dbg_percentile", score.percentile, {}),
        ("dbg_bca", score.bca, {}),
        ("coin_flip", score.coin_flip, {}),
        ("flip_rate", score.flip_rate, {}),
        ("human_win_rate", cell.human_win_rate, {}),
    ]
    if blind is not None:
        told += [
            ("error_on_others", blind.error, {}),
            ("author_blind", blind.expectation, {}),
            ("excess", blind.excess, {"p_value": blind.p_value}),
        ]
    if eqb is not None:
        told += [
            ("eqb", eqb.eqb, {"p_value": eqb.p_value}),
            ("eqb_by_votes", eqb.by_votes, {"p_value": eqb.p_by_votes}),
            ("eqb_own", eqb.own, {}),
            ("eqb_proxy", eqb.proxy, {}),
        ]
    if soft is not None:
        told += [
            ("soft_own_probability", soft.own_probability, {}),
            ("soft_gold_share", soft.gold_share, {}),
            ("soft_dbg", soft.dbg, {}),
        ]
    told += [(f"dbg_{rule}", one, {}) for rule, one in score.by_gold_rule.items()]
    told += [("dbg_without", one, {"gold": name}) for name, one in score.without_gold_judge.items()]
    if cell.truth is not None:
        told += [(name, getattr(cell.truth, name), {}) for name in ("spr", "lspr", "hspp")]
    return told


def _counts(cell: Cell) -> list[_Told]:
    """What was counted: it has no error of its own."""
    score = cell.found.score
    counts: dict[str, float | None] = {
        **{name: getattr(score, name) for name in ("judge_ties", "gold_ties", "verdicts_missing", "votes_missing")},
        **{name: getattr(score, name) for name in ("mass_least", "mass_mean")},
        **{
            f"judge_{side}_gold_{its}": score.table[row][column]
            for row, side in enumerate(_SIDES)
            for column, its in enumerate(_SIDES)
        },
    }
    return [
        (name, Estimate(float(n), None, None, None, 0.0, "count", cell.items, 0), {})
        for name, n in counts.items()
        if n is not None
    ]

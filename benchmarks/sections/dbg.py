"""DBG of recorded judges: win rates, DBG, its error and interval, flips and the coin's score, row by row.

Besides the numbers, three checks name what would make them wrong: a gold judge that is not there (fewer votes than the
release counts), verdicts read the wrong way round, and one presentation only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from plurijudge.benchmarks.section import Section, document
from plurijudge.benchmarks.sections._dbg_data import recorded
from plurijudge.metrics.estimate import Estimate
from plurijudge.metrics.self_preference import SelfPreference, self_preference

DIGIT = 0.005 + 1e-9
"""Numbers are printed to two digits, in points."""

BOOTSTRAP = 0.3
"""Two bootstraps of a thousand items agree to that many points."""


def run(data: Path) -> Section:
    """Recompute every row of the targets, and show the rows that have none."""
    targets: dict[str, dict[str, Any]] = document(data / "dbg" / "targets.json")["dbg"]
    section, known = Section(), recorded(data)
    section.notes.append("points; a judge is told from the side of its own response")
    for dataset, rows in known.items():
        absent = rows.absent()
        section.check(not absent, f"{dataset}: gold judge missing: {', '.join(absent)}; votes were cut")
        for judge in rows.judges:
            key = f"{dataset}|{judge}"
            try:
                found = self_preference(rows.pair(judge))
            except ValueError as error:
                section.check(False, f"{key}: {error}")
                continue
            section.check(found.conclusion != "against gold", f"{key}: verdicts inverted: it contradicts gold")
            section.figures[key] = _shown(found)
            _compare(section, key, found, targets.get(key, {}))
    for key in targets:
        dataset, _, judge = key.partition("|")
        if dataset not in known or judge not in known[dataset].judges:
            section.check(False, f"{key}: there is no such row in the data")
    return section


def _compare(section: Section, key: str, found: SelfPreference, target: dict[str, Any]) -> None:
    score = found.score
    numbers: dict[str, Estimate] = {
        "own_win_rate": score.own_win_rate,
        "gold_win_rate": score.gold_win_rate,
        "dbg": score.dbg,
        "flip_rate": score.flip_rate,
        "coin_flip": score.coin_flip,
    }
    got = {name: _points(one.estimate) for name, one in numbers.items()}
    got["standard_error"] = _points(score.dbg.standard_error)
    for name, wanted in target.items():
        if name == "interval":
            for end, mine, theirs in zip(
                ("low", "high"), (score.percentile.low, score.percentile.high), wanted, strict=True
            ):
                near = mine is not None and abs(100 * mine - theirs) <= BOOTSTRAP
                section.check(near, f"{key} {end}: {_points(mine)}, target {theirs}")
        elif name in got:
            mine = got[name]
            section.check(mine is not None and abs(mine - wanted) <= DIGIT, f"{key} {name}: {mine}, target {wanted}")
        else:
            section.check(False, f"{key}: no number is called {name}")


def _points(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 6)


def _shown(found: SelfPreference) -> dict[str, float | int | None]:
    score = found.score
    rules = {f"dbg, gold by {rule}": one for rule, one in score.by_gold_rule.items()}
    rules |= {f"dbg without {name}": one for name, one in score.without_gold_judge.items()}
    soft = {} if found.soft is None else {"soft dbg (never to be compared)": found.soft.dbg}
    more = {name: _points(one.estimate) for name, one in (rules | soft).items()}
    return {
        "own": _points(score.own_win_rate.estimate),
        "gold": _points(score.gold_win_rate.estimate),
        "dbg": _points(score.dbg.estimate),
        "low": _points(score.percentile.low),
        "high": _points(score.percentile.high),
        "bca low": _points(score.bca.low),
        "bca high": _points(score.bca.high),
        "flips": _points(score.flip_rate.estimate),
        "coin flip": _points(score.coin_flip.estimate),
        "judge ties": score.judge_ties,
        "gold ties": score.gold_ties,
        **more,
    }

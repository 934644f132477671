"""Do our AMCEs equal the table that R's cregg prints for people's choices between tax plans?

Ballard-Rosa et al.'s forced choices between two plans, 2,000 respondents, as in cregg's README: least squares on all
levels of seven attributes, errors clustered by respondent. The table has the levels of five of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from plurijudge.benchmarks.section import Section, document
from plurijudge.metrics.conjoint import amce


def run(data: Path) -> Section:
    """Recompute the effects and their standard errors."""
    section = Section()
    folder = data / "seeds" / "conjoint_cregg"
    targets: dict[str, Any] = document(folder / "targets.json")
    given = document(folder / "taxes.json.gz")
    columns, features = given["cols"], targets["features"]
    found = amce(
        columns[targets["outcome"]],
        {name: columns[name] for name in features},
        levels={name: given["levels"][name] for name in features},
        clusters=columns[targets["cluster"]],
    )
    effects = {row.level: row.effect for row in found.levels if row.effect is not None}
    widest = 0.0
    for level, target in targets["amce"].items():
        for part, published in target.items():
            ours = getattr(effects.get(level), part, None)
            apart = float("inf") if ours is None else abs(ours - published)
            widest = max(widest, apart)
            section.check(apart <= targets["tolerance"], f"{level}, {part}: published {published}, found {ours}")
    section.figures["all"] = {"profiles": found.profiles, "respondents": found.clusters, "widest_gap": widest}
    return section

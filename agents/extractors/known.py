"""Which factors does a model read off a text, and what must it be asked for each?

Facts are counted, and shares are of facts: a share of no facts is unknown. So is all that rests on an answer that could
not be had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ...text.factors import Direction, Factor, Level, Need
from .base import Checks, Extractor, FactList, Grade

TOLERANCE = 0.05
"""Shares of facts that differ by no more are alike; fixed beforehand. `tie_sensitivity` shows what another would do."""

FACTS = FactList("facts", "extractors/facts")
SOURCE_FACTS = FactList("source_facts", "extractors/facts")
SUPPORTED = Checks("supported", "extractors/supported")
OFF_FOCUS = Checks("off_focus", "extractors/off_focus")
STATED = Checks("stated", "extractors/stated")
GRADES: dict[str, Grade] = {
    name: Grade(name, f"extractors/{name}")
    for name in ("receptiveness", "intent_alignment", "fluency", "coherence", "formality")
}
EXTRACTORS: tuple[Extractor, ...] = (FACTS, SOURCE_FACTS, SUPPORTED, OFF_FOCUS, STATED, *GRADES.values())


@dataclass(slots=True)
class Findings:
    """What a model read off one response.

    Attributes:
        words: of the response.
        facts: how many it claims; None where that could not be had.
        holds: by the extractor's name of how many facts it holds; of `stated`, of the source's facts.
        source_facts: how many facts the source has.
        grades: by name.
    """

    words: int = 0
    facts: int | None = None
    holds: dict[str, int] = field(default_factory=dict)
    source_facts: int | None = None
    grades: dict[str, int] = field(default_factory=dict)


class ModelFactor(NamedTuple):
    """A factor, what must be asked for it, and how it follows from what was found.

    Attributes:
        factor: as the rule factors are, without `compute`.
        wants: the names of extractors, in the order in which they are asked.
        value: of a response's findings; None where it is unknown.
    """

    factor: Factor
    wants: tuple[str, ...]
    value: Callable[[Findings], float | None]


def _share(part: int | None, whole: int | None) -> float | None:
    return None if part is None or not whole else part / whole


def _unsupported(found: Findings) -> int | None:
    supported = found.holds.get("supported")
    return None if supported is None or found.facts is None else found.facts - supported


def _on_focus(found: Findings) -> int | None:
    off = found.holds.get("off_focus")
    return None if off is None or found.facts is None else found.facts - off


def _made(
    name: str,
    says: str,
    wants: Sequence[str],
    value: Callable[[Findings], float | None],
    *needs: Need,
    level: Level = 2,
    direction: Direction = 0,
    tolerance: float = 0.0,
) -> ModelFactor:
    needed: frozenset[Need] = frozenset(("model", *needs))
    factor = Factor(name, says, None, level=level, direction=direction, needs=needed, tolerance=tolerance)
    return ModelFactor(factor, tuple(wants), value)


def _graded(name: str, says: str, *needs: Need, level: Level = 1, direction: Direction = 1) -> ModelFactor:
    return _made(name, says, [name], lambda found: found.grades.get(name), *needs, level=level, direction=direction)


_ALL = (
    _made("facts", "facts", ["facts"], lambda found: found.facts, level=3, direction=1),
    _made(
        "hallucinated_facts",
        "facts that do not follow from the source",
        ["facts", "supported"],
        _unsupported,
        "source",
        direction=-1,
    ),
    _made(
        "hallucination",
        "share of facts that do not follow from the source",
        ["facts", "supported"],
        lambda found: _share(_unsupported(found), found.facts),
        "source",
        direction=-1,
        tolerance=TOLERANCE,
    ),
    _made(
        "off_focus_facts",
        "facts off the focus of the request",
        ["facts", "off_focus"],
        lambda found: found.holds.get("off_focus"),
        "prompt",
        direction=-1,
    ),
    _made(
        "off_focus",
        "share of facts off the focus of the request",
        ["facts", "off_focus"],
        lambda found: _share(found.holds.get("off_focus"), found.facts),
        "prompt",
        direction=-1,
        tolerance=TOLERANCE,
    ),
    _made(
        "covered_facts",
        "facts of the source that the response states",
        ["source_facts", "stated"],
        lambda found: found.holds.get("stated"),
        "source",
        direction=1,
    ),
    _made(
        "fact_coverage",
        "share of the source's facts that the response states",
        ["source_facts", "stated"],
        lambda found: _share(found.holds.get("stated"), found.source_facts),
        "source",
        direction=1,
        tolerance=TOLERANCE,
    ),
    _made(
        "conciseness",
        "facts on the focus of the request, for each word",
        ["facts", "off_focus"],
        lambda found: _share(_on_focus(found), found.words),
        "prompt",
        direction=1,
    ),
    _graded("receptiveness", "grade of how far the core of the request is answered", "prompt"),
    _graded("intent_alignment", "grade of how far it does what the request means to get", "prompt"),
    _graded("fluency", "grade of grammar, spelling and sentences", level=2),
    _graded("coherence", "grade of how one part follows from another", level=2),
    _graded("formality", "grade of how formal it is", level=2, direction=0),
)
BY_NAME: Mapping[str, ModelFactor] = {one.factor.name: one for one in _ALL}
MODEL_FACTORS: Mapping[str, Factor] = {name: one.factor for name, one in BY_NAME.items()}


def asked_for(factors: Iterable[Factor]) -> tuple[str, ...]:
    """The names of the extractors that these factors want, in the order in which they are asked.

    Factors that need no model want none.

    Raises:
        KeyError: if a factor needs a model and is none of ours.

    >>> asked_for([MODEL_FACTORS["hallucination"], MODEL_FACTORS["fluency"]])
    ('facts', 'supported', 'fluency')
    """
    wanted = {name for factor in factors if "model" in factor.needs for name in BY_NAME[factor.name].wants}
    return tuple(extractor.name for extractor in EXTRACTORS if extractor.name in wanted)

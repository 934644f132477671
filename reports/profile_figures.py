"""What does a profile hold of each rater, and how is a figure of it written?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .sections import Analysis

Line = Mapping[str, Any]
ALPHA = 0.05
EVERY = ", on every prompt alike"


@dataclass(frozen=True, slots=True)
class Rated:
    """What an analysis holds of one rater.

    Attributes:
        name: the rater's name.
        facts: who it is, what its pairs came to, what must be known of it.
        lines: its rows by factor and measure; '' for what is of no single factor.
    """

    name: str
    facts: Mapping[str, Any]
    lines: Mapping[str, Mapping[str, Line]]

    def row(self, factor: str, measure: str) -> Line:
        """A row; empty where it was not measured."""
        return self.lines.get(factor, {}).get(measure, {})

    def value(self, factor: str, measure: str, field: str = "estimate") -> float | None:
        """A number of a row; None where it is unknown or was not measured."""
        found = self.row(factor, measure).get(field)
        return None if found is None else float(found)

    @property
    def is_judge(self) -> bool:
        """Whether it is no people."""
        return self.facts.get("kind") != "people"


def rated(analysis: Analysis) -> list[Rated]:
    """The raters of an analysis, in the order in which they were measured."""
    found: dict[str, dict[str, dict[str, Line]]] = {}
    for line in analysis.lines:
        found.setdefault(line["rater"], {}).setdefault(line["factor"], {})[line["measure"]] = line
    facts = analysis.options.get("raters", {})
    return [Rated(name, facts.get(name, {}), lines) for name, lines in found.items()]


def order(one: Rated, tau: str) -> list[str]:
    """The factors of a rater, those with the strongest influence first, unknown ones last."""
    names = [name for name in one.lines if name]
    return sorted(names, key=lambda name: -abs(one.value(name, tau) or 0.0) if one.row(name, tau) else 1.0)


def outcome_of(line: Line, alpha: float) -> str:
    """What came out of one factor, in a few words."""
    if line.get("estimate") is None:
        return f"unknown: {line.get('reason') or 'not measured'}"
    if line.get("q_value") is None:  # all prompts are alike: no error, but an interval that has a width
        low, high = line.get("low"), line.get("high")
        if low is not None and high is not None and not low <= 0 <= high:
            return f"{'more' if low > 0 else 'less'} is preferred{EVERY}"
        return f"not shown ({line['reason']})" if line.get("reason") else "not shown"
    if line["q_value"] > alpha:
        return "not shown"
    return "more is preferred" if line["estimate"] > 0 else "less is preferred"


def beside_people(one: Rated, name: str, alpha: float) -> str:
    """How a judge stands beside people on one factor, in a few words."""
    line, q = one.row(name, "difference"), one.value(name, "difference", "q_value")
    equivalent = one.value(name, "equivalent")
    if line.get("estimate") is None or (q is None and equivalent is None):
        return f"unknown: {line.get('reason') or 'not measured'}"
    if q is not None and q <= alpha:
        side = "more than they do" if line["estimate"] > 0 else "less than they do"
        return f"{side}, within the margin" if equivalent else side
    return "aligned" if equivalent else "too few to say"


def picked(one: Rated, name: str) -> str:
    """Of the pairs that differ in a factor, how often the response with more of it is preferred, in per cent."""
    agree, against = one.value(name, "concordant"), one.value(name, "discordant")
    if agree is None or against is None or not agree + against:
        return "unknown"
    return f"{100 * agree / (agree + against):.0f}"


def says_of(says: Mapping[str, Sequence[Any]], name: str) -> str:
    """What a factor counts, in words."""
    return str(says.get(name, ("",))[0]).rstrip(".")


def signed(line: Line) -> str:
    """An estimate with its sign; '' where it was not measured."""
    if not line:
        return ""
    return "unknown" if line.get("estimate") is None else f"{line['estimate']:+.3f}"


def plain(line: Line) -> str:
    """An estimate with two digits; '' where it was not measured."""
    if not line:
        return ""
    return "unknown" if line.get("estimate") is None else f"{line['estimate']:.2f}"


def ends_of(line: Line, *, plain: bool = False) -> str:
    """The ends of an interval, or why there are none."""
    if not line or line.get("low") is None or line.get("high") is None:
        return str(line.get("reason") or "") if line and line.get("estimate") is not None else ""
    return f"{line['low']:.2f} to {line['high']:.2f}" if plain else f"{line['low']:+.3f} to {line['high']:+.3f}"


def between(line: Line) -> str:
    """The interval, in brackets, for a sentence."""
    return f" [{line['low']:.2f}, {line['high']:.2f}]" if line and line.get("low") is not None else ""


def p_of(value: Any) -> str:
    """A p or q value; '' where there is none."""
    if value is None:
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def listed(names: Sequence[str]) -> str:
    """Names with commas between."""
    return ", ".join(names)


def effect_scale(cause: Mapping[str, Any]) -> tuple[float, str]:
    """What a cause's effect is multiplied by to be written, and its unit."""
    return (1.0, "of the score") if cause.get("unit") == "score" else (100.0, "points")

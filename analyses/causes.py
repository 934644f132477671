"""What do experiments with a judge say of the factors that its preferences go with? Association beside cause.

An influence is read off responses as they were found: whatever else differed, differed too. An audit plants one thing
in a response that is otherwise as it was, a conjoint draws the form at random, a rewriting goes there and back; so what
these move is an effect of the thing itself. All are about the same judge; they need not agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import select

from ..metrics.estimate import Estimate
from ..store.engine import Store
from ..store.tables import metadata
from .rows import Row, streamed

_ANALYSIS = metadata.tables["analysis"]
_EFFECT = metadata.tables["bias_effect"]
_INFLUENCE = metadata.tables["factor_influence"]

PLANTED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "length": (("verbosity", "sentences that say nothing new are added"),),
    "n_sents": (("verbosity", "sentences that say nothing new are added"),),
    "list_items": (("markdown", "the same words are set as Markdown"),),
    "facts_proxy": (("authority", "an authority is cited"),),
    "hedging": (("superficial_reflection", "words are added that sound like thinking"),),
}
"""By a factor the cues of an audit that change it, and what each does to a response."""

DRAWN: Mapping[str, tuple[str, str, str]] = {
    "length: long": ("length", "conjoint", "a long form is drawn and not a brief one"),
    "form: list": ("list_items", "conjoint", "a list is drawn and not paragraphs"),
    "tone: hedged": ("hedging", "conjoint", "a cautious tone is drawn and not an even one"),
}
"""By a level that is drawn in a conjoint the factor that it changes, and what that does to a response."""

REWRITTEN: Mapping[str, tuple[str, str, str]] = {
    "length": ("length", "rewrites", "responses are rewritten to be longer"),
    "format": ("list_items", "rewrites", "responses are rewritten as lists"),
}
"""The same by an attribute that is rewritten there and back."""

ALPHA = 0.05
POINTS, SCORE = "points", "score"


@dataclass(frozen=True, slots=True)
class Cause:
    """What one experiment found of what changes a factor.

    Attributes:
        factor: the factor's name.
        bias: what was planted, `conjoint` where levels were drawn, `rewrites` where responses were rewritten.
        does: what that does to a response, in words.
        effect: its effect on how often the judge prefers the response that has it, -1..1, or on its score.
        q_value: over all that the experiment looked for; None where it is unknown, or looked for this alone.
        analysis: the experiment's number.
        command: that makes its figures again.
        unit: `points` of preferring, or of a `score`.
    """

    factor: str
    bias: str
    does: str
    effect: Estimate
    q_value: float | None
    analysis: int
    command: str
    unit: str = POINTS

    @property
    def found(self) -> bool | None:
        """Whether the judge is moved: by q where there is one, else by the interval; None where that is unknown."""
        if self.q_value is not None:
            return self.q_value <= ALPHA
        low, high = self.effect.low, self.effect.high
        return None if low is None or high is None else not low <= 0 <= high

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            **{"factor": self.factor, "bias": self.bias, "does": self.does, **self.effect.to_dict()},
            **{"q_value": self.q_value, "found": self.found, "unit": self.unit},
            **{"analysis": self.analysis, "command": self.command},
        }


def causes_of(store: Store, judge: str) -> tuple[Cause, ...]:
    """The effects that experiments with a judge found of what changes our factors, of each the newest.

    Args:
        store: the store.
        judge: the judge's id.
    """
    return (*_of_audits(store, judge), *_of_experiments(store, judge))


def _of_audits(store: Store, judge: str) -> Iterator[Cause]:
    wanted = (
        select(_EFFECT, _ANALYSIS.c.command)
        .join(_ANALYSIS, _ANALYSIS.c.id == _EFFECT.c.analysis)
        .where(_EFFECT.c.judge == judge, _EFFECT.c.measure == "effect", _ANALYSIS.c.kind == "bias_effect")
        .where(_EFFECT.c.mitigation == "", _EFFECT.c.arm == "", _EFFECT.c.subset == "")
        .order_by(_EFFECT.c.id)
    )
    newest: dict[str, Row] = {row["bias"]: dict(row) for row in streamed(store, wanted)}
    for factor, cues in PLANTED.items():
        for bias, does in cues:
            if bias in newest:
                yield _cause(factor, bias, does, newest[bias])


def _of_experiments(store: Store, judge: str) -> Iterator[Cause]:
    """Of conjoints and rewrites with the judge."""
    wanted = (
        select(_INFLUENCE, _ANALYSIS.c.command, _ANALYSIS.c.options)
        .join(_ANALYSIS, _ANALYSIS.c.id == _INFLUENCE.c.analysis)
        .where(_INFLUENCE.c.measure.in_(("amce", "rewrite_ate")))
        .order_by(_INFLUENCE.c.id)
    )
    newest: dict[tuple[str, str], tuple[Row, str]] = {}
    for row in streamed(store, wanted):
        told = orjson.loads(row["options"] or "{}")
        known = DRAWN if row["measure"] == "amce" else REWRITTEN
        if told.get("judge") == judge and row["factor"] in known:
            newest[row["measure"], row["factor"]] = (dict(row), str(told.get("measure") or "preference"))
    for (measure, name), (row, unit) in newest.items():
        made = _cause(*(DRAWN if measure == "amce" else REWRITTEN)[name], row)
        yield replace(made, unit=SCORE) if unit == "score" else made


def _cause(factor: str, bias: str, does: str, row: Row) -> Cause:
    names = ("estimate", "standard_error", "low", "high", "level", "method", "n", "left_out", "reason")
    effect = Estimate(**{name: row[name] for name in names})
    return Cause(factor, bias, does, effect, row["q_value"], row["analysis"], row["command"])

"""What does a profile hold? How it was measured, and what each rater goes by."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isnan
from typing import Any, Literal, NamedTuple

from ..metrics.alignment import Alignment, Corrupted
from ..metrics.factor_checks import HeldOut
from ..metrics.factor_differences import MARGIN
from ..metrics.factor_weights import FactorWeights, Ties
from ..metrics.factors import Influence
from ..metrics.proxies import PROXY
from ..metrics.style_control import StyleControl
from ..text.factors import Factor
from .causes import Cause
from .preferences import Kind

Tau = Literal["tau14", "tau13", "tau_b"]


@dataclass(frozen=True, slots=True)
class Options:
    """How it is measured.

    Attributes:
        tau: the variant of the influence.
        against: `human` where judges are compared with people's labels, '' where they are not.
        group: the annotators' group whose labels count; '' for all.
        ties: what becomes of ties in the weights: left out, or with a likelihood of their own.
        margin: influences nearer to each other than this are alike; fixed before looking.
        proxy: how far two factors correlate that count as one in the alignment.
        alpha: of the conclusions.
        level: of the intervals, 0..1.
        resamples: of the bootstraps over prompts; 2 or more.
        seed: of every draw.
    """

    tau: Tau = "tau14"
    against: Literal["", "human"] = ""
    group: str = ""
    ties: Ties = "left out"
    margin: float = MARGIN
    proxy: float = PROXY
    alpha: float = 0.05
    level: float = 0.95
    resamples: int = 2000
    seed: int = 0

    def flags(self) -> str:
        """What must be typed to measure so again; a leading space where there is anything."""
        plain, told = Options(), []
        for name, value in asdict(self).items():
            if value != getattr(plain, name):
                told.append(f" --{name.replace('_', '-')} {shlex.quote(_TYPED.get(str(value), str(value)))}")
        return "".join(told)


_TYPED = {"tau13": "13", "tau14": "14", "tau_b": "b", "left out": "out"}


class Moved(NamedTuple):
    """What the influence of a factor would be if values nearer to each other counted as alike.

    Attributes:
        tolerance: the share of the larger value, 0..1.
        influence: the pooled influence then; None where it is unknown.
        alike: in what share of the pairs with a preference the factor is alike then, 0..1; None where there are none.
    """

    tolerance: float
    influence: float | None
    alike: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """What is known of one factor and one rater.

    Attributes:
        factor: the factor's name.
        influence: how far the preferences go with it.
        worst: the least that the influence could be, whatever the preferences were that are missing or flipped; None
            for a variant of which that is not known.
        best: the most that it could be.
        moved: what other tolerances for ties would make of it.
    """

    factor: str
    influence: Influence
    worst: float | None
    best: float | None
    moved: tuple[Moved, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        told = {"factor": self.factor, **self.influence.to_dict(), "worst": self.worst, "best": self.best}
        return {**told, "tie_rule": [one._asdict() for one in self.moved]}


@dataclass(frozen=True, slots=True)
class Beside:
    """How a judge stands beside people.

    Attributes:
        people: people's name.
        pairs: how many pairs both compared.
        alignment: how near they are, and the differences of single factors in the order of `factors`.
        factors: which factors were compared.
        corrupted: what the same measures say of people's own labels with some turned round at random.
    """

    people: str
    pairs: int
    alignment: Alignment
    factors: tuple[str, ...]
    corrupted: tuple[Corrupted, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        found = self.alignment.to_dict()
        differences = [
            {"factor": name, **one.to_dict()}
            for name, one in zip(self.factors, self.alignment.differences, strict=True)
        ]
        return {
            **{"people": self.people, "pairs": self.pairs, **found, "differences": differences},
            **{"factors": [*self.factors], "corrupted": [_known(row._asdict()) for row in self.corrupted]},
        }


@dataclass(frozen=True, slots=True)
class RaterProfile:
    """What one rater goes by.

    Attributes:
        name: the rater's name.
        kind: a judge or people.
        judge: the judge's id, '' for people.
        prompts: how many prompts its pairs belong to.
        outcomes: how many pairs came to what; flipped pairs are those whose two presentations disagree.
        statuses: a judge's verdicts by status.
        under_arms: how many verdicts it gave under a context, cue or mitigation, which are not looked at.
        one_order: how many pairs were shown in one order alone: there, place and factors may be mixed up.
        lines: one a factor.
        weights: the factors beside each other; None where nothing could be fitted.
        unweighted: factors without a weight, and why.
        held_out: how well the weights predict prompts that they have not seen.
        style: the weights of `STYLES` once each model has a rating of its own; None where models are not known.
        beside: how it stands beside people; None where that was not asked, or it is people.
        causes: what experiments with the same judge say of the same factors.
    """

    name: str
    kind: Kind
    judge: str
    prompts: int
    outcomes: Mapping[str, int]
    statuses: Mapping[str, int]
    under_arms: int
    one_order: int
    lines: tuple[Line, ...]
    weights: FactorWeights | None
    unweighted: Mapping[str, str]
    held_out: HeldOut | None
    style: StyleControl | None
    beside: Beside | None = None
    causes: tuple[Cause, ...] = ()

    def line(self, factor: str) -> Line | None:
        """What is known of a factor; None where it was not measured."""
        return next((line for line in self.lines if line.factor == factor), None)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        style = None if self.style is None else asdict(self.style)
        held = None if self.held_out is None else {k: v.to_dict() for k, v in self.held_out._asdict().items()}
        return {
            **{"rater": self.name, "kind": self.kind, "judge": self.judge, "prompts": self.prompts},
            **{"outcomes": dict(self.outcomes), "verdicts": dict(self.statuses)},
            **{"under_arms": self.under_arms, "one_order": self.one_order},
            "factors": [line.to_dict() for line in self.lines],
            "weights": None if self.weights is None else asdict(self.weights),
            **{"unweighted": dict(self.unweighted), "held_out": held, "style_control": style},
            "against": None if self.beside is None else self.beside.to_dict(),
            "causes": [cause.to_dict() for cause in self.causes],
        }


@dataclass(frozen=True, slots=True)
class Profile:
    """What the raters of a run go by.

    Attributes:
        run: the run; '' where only labels were read.
        dataset: the data set that was judged.
        factors: what was measured, in order.
        unmeasured: factors that could not be, and why.
        pairs: how many pairs of responses were measured.
        prompts: how many prompts they belong to.
        left_out: how many pairs were not, by reason.
        raters: one profile each, judges first.
        options: how it was measured.
        named: the names of the factors as they were asked for; empty for all rules.
    """

    run: str
    dataset: str
    factors: tuple[Factor, ...]
    unmeasured: Mapping[str, str]
    pairs: int
    prompts: int
    left_out: Mapping[str, int]
    raters: tuple[RaterProfile, ...]
    options: Options
    named: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """What measures it again."""
        named = f" --factors {shlex.quote(','.join(self.named))}" if self.named else ""
        return f"plurijudge profile {self.run or self.dataset}{named}{self.options.flags()}"

    def rater(self, name: str) -> RaterProfile | None:
        """The profile of a rater; None where there is none of that name."""
        return next((one for one in self.raters if one.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        factors = [
            {
                **{"factor": one.name, "says": one.says, "level": one.level, "direction": one.direction},
                **{"language": one.language, "tolerance": one.tolerance},
            }
            for one in self.factors
        ]
        return {
            **{"run": self.run or None, "dataset": self.dataset, "pairs": self.pairs, "prompts": self.prompts},
            **{"factors": factors, "unmeasured": dict(self.unmeasured), "left_out": dict(self.left_out)},
            **{"raters": [one.to_dict() for one in self.raters], "options": asdict(self.options)},
        }


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(value, float) and isnan(value) else value for name, value in row.items()}

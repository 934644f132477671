"""What does an estimate carry? Its value, its error, what it rests on, and why where it is unknown."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate with its uncertainty; what cannot be estimated is None with a reason, never 0.

    Attributes:
        estimate: the value, in the unit that the estimator's docstring names; None where it is unknown.
        standard_error: in the same unit; None where it is unknown (fewer than two units).
        low: lower end of the interval, same unit.
        high: upper end of the interval, same unit.
        level: the interval's level, 0..1.
        method: how error and interval were made, in words.
        n: how many units of sampling the estimate rests on.
        left_out: how many units were given and could not be used.
        reason: why a part is unknown; '' where all is known.
    """

    estimate: float | None
    standard_error: float | None
    low: float | None
    high: float | None
    level: float
    method: str
    n: int
    left_out: int
    reason: str = ""

    @classmethod
    def unknown(cls, reason: str, *, n: int = 0, left_out: int = 0, level: float = 0.95, method: str = "") -> Estimate:
        """An estimate that cannot be made, and why."""
        return cls(None, None, None, None, level, method, n, left_out, reason)

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as SQL and JSON have them."""
        return asdict(self)

    def __str__(self) -> str:
        """One line for people: value, interval, n, what was left out."""
        if self.estimate is None:
            return f"unknown ({self.reason})  n={self.n}, {self.left_out} left out"
        interval = "" if self.low is None or self.high is None else f" [{self.low:.3f}, {self.high:.3f}]"
        why = f" ({self.reason})" if self.reason else ""
        return f"{self.estimate:.3f}{interval}{why}  n={self.n}, {self.left_out} left out"

"""Does a second look gain more than being asked again? Its audit held against that of a question without content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..store.engine import Store
from .mitigation import Mitigation, mitigation
from .revisions import Revisions, revisions


@dataclass(frozen=True, slots=True)
class Beyond:
    """What a second look gains beyond its control.

    Attributes:
        name: the arm with the look.
        control: the arm that asks as often and says nothing.
        gains: the audit of the one held against that of the other; a gain above 0 is the look's own.
        more: True where something is better for sure and nothing worse, False where something is worse for sure, None
            where these items cannot tell.
        looks: what the looks of both did to verdicts on untouched items.
    """

    name: str
    control: str
    gains: Mitigation
    more: bool | None
    looks: tuple[Revisions, ...]

    @property
    def said(self) -> str:
        """It in a sentence."""
        better = ", ".join(one.bias or "accuracy" for one in self.gains.cures if (one.gain.low or 0) > 0)
        worse = ", ".join(one.bias or "accuracy" for one in self.gains.cures if (one.gain.high or 0) < 0)
        if self.more:
            return f"`{self.name}` gains more than being asked again (`{self.control}`): {better}."
        if self.more is False:
            return f"`{self.name}` is worse than being asked again (`{self.control}`): {worse}. Do not use it."
        return (
            f"`{self.name}` is not known to gain more than being asked again (`{self.control}`): "
            "what it seems to gain may be another draw."
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            **{"mitigation": self.name, "control": self.control, "more": self.more, "said": self.said},
            "gains": self.gains.to_dict()["cures"],
            "looks": [one.to_dict() for one in self.looks],
        }


def beyond(store: Store, name: str, control: str, *, run: str, control_run: str, group: str | None = None) -> Beyond:
    """Hold a second look against its control, item by item.

    Args:
        store: the store.
        name: the arm with the look.
        control: the arm that is its control.
        run: the audit of the one.
        control_run: the audit of the other, of the same items.
        group: the annotators' group whose labels are gold; None for all.

    Raises:
        NotFound: if there is no such run.
        BadInput: if they are not audits of the same items.

    Source: why a second look needs a control: Laban et al. 2023, arXiv:2311.08596.
    """
    gains = mitigation(store, f"{name} over {control}", control_run, run, group=group)
    looks = (*revisions(store, run, group=group), *revisions(store, control_run, group=group))
    return Beyond(name, control, gains, gains.use, looks)

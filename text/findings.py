"""Which response do findings about claims speak for?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Found(Protocol):
    """What is said of one claim of one response."""

    @property
    def response(self) -> str:
        """The response's id."""

    @property
    def holds(self) -> bool | None:
        """Whether the claim is right; None where that cannot be told."""

    @property
    def final(self) -> bool:
        """Whether it is the response's answer to the question, not a step on the way."""

    @property
    def advisory(self) -> bool:
        """Whether it speaks for no response, whatever it says."""


def implied_by(findings: Sequence[Found], responses: Sequence[str]) -> str | None:
    """The response that the findings speak for; None where they speak for none.

    A wrong final answer counts most: of two responses one with a right and one with a wrong answer to the question, the
    right one is implied. Where final answers tell nothing, all claims count: a response with a wrong claim loses to one
    with a right one and none that is wrong.
    """
    for final in (True, False):
        told = [finding for finding in findings if (finding.final or not final) and not finding.advisory]
        wrong = {f.response for f in told if f.holds is False}
        right = {f.response for f in told if f.holds}
        good = [name for name in responses if name in right and name not in wrong]
        bad = [name for name in responses if name in wrong]
        if len(good) == 1 and len(bad) == len(responses) - 1:
            return good[0]
    return None

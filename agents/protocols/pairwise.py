"""How are two responses compared?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import TYPE_CHECKING, Any

from ...store.records import TIE, Item
from ...text.verdict import ParsedVerdict, parse_verdict
from .base import Presentation, Protocol, Unfit

if TYPE_CHECKING:
    from ..judge import Judge


REQUESTS = "requests"


class Pairwise(Protocol):
    """Two responses, shown together; one is better, or neither where ties are allowed."""

    name = "pairwise"
    prompt = "judge/pairwise"
    letter = "judge/letter"
    needs = frozenset({"first", "second"})
    least = 2
    most = 2
    decides = "pair"

    def unfit(self, item: Item) -> Unfit:
        """See the base; what has more than two responses is shown another way."""
        if len(item.responses) > 2:
            n = len(item.responses)
            return "responses", f"has {n} responses; `pairwise` compares two: use --protocol rank or score"
        return super().unfit(item)

    def presentations(self, names: Sequence[str], *, both: bool, drawn: int) -> list[Presentation]:
        """Either order, or the drawn one of the two."""
        orders = list(permutations(names))
        return orders if both else [orders[drawn % len(orders)]]

    def shown(self, item: Item, names: Sequence[str], texts: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
        """The two responses by their places."""
        return {"first": texts[0], "second": texts[1]}

    def asked(self, judge: Judge, labels: Sequence[str], item: Item) -> dict[str, Any]:
        """One of the labels, a tie where it is allowed, or an abstention."""
        return {"verdict": {"type": "string", "enum": [*labels, *([TIE] if judge.ties else []), "abstain"]}}

    def form(self, judge: Judge) -> str:
        """See the base."""
        return '{"rationale": "...", "verdict": ...}'

    def heard(self, judge: Judge, text: str, labels: Sequence[str], item: Item, *, cut: str | None) -> ParsedVerdict:
        """See the base."""
        return parse_verdict(text, protocol="pairwise", labels=labels, finish_reason=cut)

    def weighed(self, shares: Mapping[str, float], presentation: Sequence[str]) -> dict[str, Any]:
        """The probability of the first, and the likelier one; neither where they are alike."""
        first, second = shares.values()
        told = {} if first == second else {"preferred": presentation[0 if first > second else 1]}
        return {"p_first": first, **told}

    def said(self, parsed: ParsedVerdict, names: Mapping[str, str]) -> dict[str, Any]:
        """The preferred response, and probabilities or scores that came with it."""
        scores = {names[label]: score for label, score in (parsed.scores or {}).items() if label in names}
        preferred = TIE if parsed.preferred == TIE else names[str(parsed.preferred)]
        return {"preferred": preferred, "p_first": parsed.p_first, "scores": scores or None}


class Joint(Pairwise):
    """Two responses, each to a request of its own: which pair of request and response is the better one?

    The requests stand in the item's `meta.requests`, by the ids of the responses.
    """

    name = "joint"
    prompt = "judge/joint"
    letter = ""
    needs = frozenset({"first", "second", "first_request", "second_request"})

    def unfit(self, item: Item) -> Unfit:
        """See the base; each response needs its request."""
        told = item.meta.get(REQUESTS)
        for response in item.responses:
            own = told.get(response.id) if isinstance(told, dict) else None
            if not isinstance(own, str) or not own.strip():
                return f"meta.{REQUESTS}", f"has no text for {response.id!r}; `joint` shows each response's own request"
        return super().unfit(item)

    def shown(self, item: Item, names: Sequence[str], texts: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
        """The two responses and their requests by their places."""
        first, second = (item.meta[REQUESTS][name] for name in names)
        return {"first": texts[0], "second": texts[1], "first_request": first, "second_request": second}

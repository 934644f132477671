"""What must a protocol say? What it can judge, in which orders it is shown, what is asked, what an answer comes to."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ...store.records import Item
from ...text.verdict import ParsedVerdict

if TYPE_CHECKING:
    from ..judge import Judge

Presentation = tuple[str, ...]
Decides = Literal["pair", "scores", "ranking", "choice"]
Unfit = tuple[str, str] | None
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Protocol:
    """A way to judge an item. One object for each, without state; `agents/protocols/known.py` lists them.

    Attributes:
        name: as a judge's description has it.
        prompt: the shipped prompt that asks so.
        needs: the variable of a prompt without which it would show nothing to judge.
        least: how many responses an item needs.
        most: how many it may have, None for any number that there are labels for.
        together: whether all responses are shown at once; else one at a time.
        letter: the shipped prompt that asks for one label, whose probability is read; '' where it cannot be asked so.
        decides: how final verdicts become a decision: `graphs/reconcile.py` has one rule for each.
    """

    name: ClassVar[str]
    prompt: ClassVar[str]
    letter: ClassVar[str] = ""
    needs: ClassVar[frozenset[str]]
    least: ClassVar[int] = 1
    most: ClassVar[int | None] = None
    together: ClassVar[bool] = True
    decides: ClassVar[Decides] = "pair"

    def check(self, judge: Judge) -> None:
        """Refuse a judge's description that this protocol cannot go by.

        Raises:
            ValueError: with the reason.
        """
        if judge.anchors:
            raise ValueError(f"`anchors` say what scores mean; the protocol is `{self.name}`")

    def unfit(self, item: Item) -> Unfit:
        """Why an item cannot be judged so: the field and the reason; None where it can."""
        n = len(item.responses)
        if n < self.least:
            return "responses", f"has {n} of the {self.least} responses that the protocol `{self.name}` needs"
        if self.together and n > (self.most or len(LETTERS)):
            return "responses", f"has {n} responses; `{self.name}` takes {self.most or len(LETTERS)} at most"
        return None

    def presentations(self, names: Sequence[str], *, both: bool, drawn: int) -> list[Presentation]:
        """The orders in which an item's responses are shown.

        Args:
            names: their ids.
            both: whether in two opposite orders; else in one.
            drawn: a whole number that the one order is drawn with.

        Returns:
            Of a protocol that shows all at once a permutation, and its reverse where `both`; else each by itself.
        """
        if not self.together:
            return [(name,) for name in names]
        order = list(names)
        random.Random(drawn).shuffle(order)
        return [tuple(order), tuple(reversed(order))] if both and len(order) > 1 else [tuple(order)]

    def orders(self, n: int, *, both: bool) -> int:
        """How many presentations an item of n responses has."""
        return n if not self.together else 2 if both and n > 1 else min(n, 1)

    def labels(self, judge: Judge, n: int) -> tuple[str, ...]:
        """What the prompt calls n responses: its own labels, and letters behind them."""
        own = judge.words.labels
        if n <= len(own):
            return own[:n]
        return (*own, *(letter for letter in LETTERS if letter not in own))[:n]

    def shown(self, item: Item, names: Sequence[str], texts: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
        """The responses as variables of the prompt.

        Args:
            item: what is judged.
            names: the ids of the responses, in the order shown.
            texts: what they say.
            labels: what the prompt calls them.
        """
        return {"responses": [{"label": label, "text": text} for label, text in zip(labels, texts, strict=True)]}

    def given(self, judge: Judge, item: Item) -> dict[str, Any]:
        """Further variables of the prompt, which no one who is judged has written."""
        return {}

    def span(self, judge: Judge, item: Item) -> tuple[float, float] | None:
        """The lowest and highest that a decision's scores on an item can be; None where it has no scores."""
        return None

    def asked(self, judge: Judge, labels: Sequence[str], item: Item) -> dict[str, Any]:
        """The properties of an answer behind its rationale, as JSON schema, by name; all are required."""
        raise NotImplementedError

    def form(self, judge: Judge) -> str:
        """The form of an answer, as it is shown where a reply is asked for again."""
        raise NotImplementedError

    def heard(self, judge: Judge, text: str, labels: Sequence[str], item: Item, *, cut: str | None) -> ParsedVerdict:
        """What a text says as this judge's answer; never a guess."""
        raise NotImplementedError

    def letters(self, judge: Judge, n: int) -> tuple[str, ...]:
        """The labels of one sign of which a judge that is asked for one names one, on n responses.

        Raises:
            ValueError: if there are none.
        """
        return self.labels(judge, n)

    def weighed(self, shares: Mapping[str, float], presentation: Sequence[str]) -> dict[str, Any]:
        """The fields of a verdict that the probabilities of these labels come to.

        Args:
            shares: of each label its share of what went to any of them.
            presentation: the responses' ids, in the order shown.
        """
        raise NotImplementedError

    def outcomes(self, presentation: Sequence[str], letters: Sequence[str]) -> tuple[str, ...]:
        """What each label stands for among a verdict's probabilities: a response, unless it is a grade."""
        return tuple(presentation)

    def said(self, parsed: ParsedVerdict, names: Mapping[str, str]) -> dict[str, Any]:
        """The fields of a verdict that a reading with status `ok` comes to.

        Args:
            parsed: the reading.
            names: the response's id behind each label, in the order shown.
        """
        raise NotImplementedError

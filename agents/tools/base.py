"""What is a tool? A name, a version, a schema of arguments, limits, and a way to run; and what it brings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ...store.canonical import canonical, digest
from ...store.records import Item, ToolStatus

if TYPE_CHECKING:
    from ...store.engine import Store

Evidence = Literal["exact", "inexact", "execution", "table", "retrieved", "model"]
DECISIVE: frozenset[Evidence] = frozenset({"exact", "inexact", "execution", "table"})


@dataclass(frozen=True, slots=True)
class Case:
    """What is judged, as tools see it: never in an order, and never by whom it was written.

    Attributes:
        question: what the responses answer.
        responses: their texts by id.
        context: what came with the question, '' for nothing.
        reference: an answer that is known to be right, '' for none.
        meta: the item's own, such as `tests` of a programming task.
        locale: how numbers are written, `en` (1,234.5) or `de` (1.234,5); '' where nobody said.
    """

    question: str
    responses: Mapping[str, str]
    context: str = ""
    reference: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)
    locale: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a tool brought.

    Attributes:
        status: `ok`; `refused` (arguments that it does not take), `timeout`, `unsupported` (it cannot do this kind of
            thing, another may), `unavailable` (nothing can be run here), `budget` or `error`. Only `ok` is evidence.
        result: what it found, as JSON has it; None unless `ok`.
        reason: one word, such as `too_large` or `ambiguous_comma`; '' where `ok`.
        said: one sentence for the model and for people; never an exception's text.
        evidence: how far the result can be trusted.
        cost: in US dollars, where it cost anything.
    """

    status: ToolStatus
    result: Any = None
    reason: str = ""
    said: str = ""
    evidence: Evidence = "exact"
    cost: float | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of what was brought, so that a stored result that was changed is noticed."""
        return digest([self.status, self.reason, self.evidence, self.said, self.result])


@dataclass(frozen=True, slots=True)
class Finding:
    """What code says of one claim of one response.

    Attributes:
        response: the response's id.
        claim: what it says, in its own words.
        holds: whether it is right; None where that cannot be told.
        found: what is right, in words.
        tool: who found it.
        final: whether it is the response's answer to the question, not a step on the way.
        call: the key of the tool call that it rests on, '' where none was needed.
        advisory: whether it is only told to the model: a response may break a form that was asked for and yet be the
            better one.
    """

    response: str
    claim: str
    holds: bool | None
    found: str
    tool: str
    final: bool = False
    call: str = ""
    advisory: bool = False


class Refused(Exception):
    """Arguments that a tool does not take, or why it brings nothing.

    Attributes:
        reason: one word for the row.
        said: one sentence; it names what to do instead.
        status: `refused` where the arguments are at fault.
    """

    def __init__(self, reason: str, said: str, status: ToolStatus = "refused") -> None:
        """Keep them."""
        super().__init__(f"{reason}: {said}")
        self.reason, self.said, self.status = reason, said, status

    @property
    def observation(self) -> Observation:
        """As what a tool brings."""
        return Observation(self.status, None, self.reason, self.said)


@dataclass(frozen=True, slots=True)
class ToolLimits:
    """What one call may take.

    Attributes:
        seconds: until it is given up.
        argument_bytes: of its arguments as JSON.
        result_bytes: of its result as JSON, as the model is shown it; the whole result is stored.
    """

    seconds: float = 5.0
    argument_bytes: int = 16_384
    result_bytes: int = 4096


class Tool(ABC):
    """A tool. It holds nothing between calls that could change a result; what it needs is given when it is made.

    Attributes:
        name: what the model calls it.
        version: raised whenever a result may differ; part of the key of every call.
        description: one or two sentences for the model: what it does, and when to use it.
        parameters: the JSON schema of its arguments: an object with `additionalProperties: false`. An argument named
            `response` is a label ("A"); the tool gets the response's id in its place.
        evidence: how far its results can be trusted as a rule; those of the classes in `DECISIVE` may settle a verdict.
        limits: what one call may take.
    """

    name: str
    version: str
    description: str
    parameters: dict[str, Any]
    evidence: Evidence = "exact"
    limits: ToolLimits = ToolLimits()

    @abstractmethod
    async def run(self, arguments: Mapping[str, Any], case: Case) -> Observation:
        """Do it. The arguments hold to the schema.

        Raises:
            Refused: if it does not take them; every other exception is stored as `error`, by its class alone.
        """

    def applies(self, case: Case) -> bool | None:
        """Whether the case is one for this tool, by cheap rules on the text; None where the model is to be asked."""
        return None

    async def check(self, case: Case) -> list[Finding]:
        """What it can say of the responses' claims without being asked by a model; nothing as a rule.

        Raises:
            Refused: if it cannot look, such as code where nothing isolates it.
        """
        return []

    def bearing(self, arguments: Mapping[str, Any], observation: Observation, case: Case) -> list[Finding]:
        """What a result that the model asked for says of the responses' answers; nothing as a rule.

        Only what holds whatever the model meant by the call may be said here.
        """
        return []

    def counterfactual(self, arguments: Mapping[str, Any], observation: Observation, case: Case) -> Any:
        """What the result would be if another response were right; None where there is no such thing, as a rule.

        It is shown in the result's place to find out whether a judge reads what its tools bring.
        """
        return None

    def named(self, name: str, store: Store) -> str:
        """The tool's name with all that a result depends on, such as the digest of a corpus in the store.

        Args:
            name: as it was given.
            store: the store that is judged from.

        Raises:
            BadJudge: if the store lacks what the tool reads.
        """
        return name

    def bind(self, store: Store) -> Tool:
        """The tool as it reads from a store; itself where it needs none.

        Raises:
            BadJudge: if the store lacks what it reads.
        """
        return self

    def ground(self) -> str:
        """What else a result depends on, such as the digest of a corpus or a table; '' for nothing."""
        return ""

    def key(self, arguments: Mapping[str, Any], case: Case) -> str:
        """The key under which a call's result is stored: equal keys, equal results."""
        named = arguments.get("response")
        told = digest(case.responses[named]) if isinstance(named, str) and named in case.responses else ""
        return digest([self.name, self.version, canonical(arguments), self.ground(), case.locale, told])


def case_of(item: Item, question: str, responses: Mapping[str, str], *, locale: str = "") -> Case:
    """An item as tools see it.

    Args:
        item: the item.
        question: its prompt as text.
        responses: its responses' texts by id.
        locale: how numbers are written.
    """
    return Case(question, responses, item.context or "", item.reference or "", item.meta, locale)

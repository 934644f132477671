"""What is judged, what was said of it, what is known of both? The plain records that files, graphs and tables share."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Status = Literal["ok", "abstained", "unparseable", "refused", "truncated", "error"]
Outcome = Literal["ok", "tie", "flipped", "no_quorum", "abstained", "failed"]
Road = Literal["", "schema", "tool", "text"]
CallStatus = Literal["sent", "ok", "hit", "refused", "truncated", "error", "unknown"]

ToolStatus = Literal["ok", "refused", "timeout", "unsupported", "unavailable", "budget", "error"]

STATUSES: tuple[Status, ...] = get_args(Status)
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
TIE = "tie"
ASK_PEOPLE = "ask_people"
"""The reason of an abstention whose item is handed to people: the judge's own answers differ."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("holds a NUL character, which no SQL text can keep: remove it")
    if not text.isascii() and _SURROGATE.search(text):
        raise ValueError("holds half of a surrogate pair, which is not Unicode text: re-encode it as UTF-8")
    return text


def _named(text: str) -> str:
    if not text:
        raise ValueError("is empty: give it a name")
    return text


def _text_of_number(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _check_storable(value: Any) -> Any:
    if isinstance(value, str):
        _storable(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_storable(key)
            _check_storable(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _check_storable(inner)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("holds a number that JSON cannot say (NaN or infinity): use null")
    return value


Text = Annotated[str, AfterValidator(_storable)]
Id = Annotated[str, BeforeValidator(_text_of_number), AfterValidator(_storable), AfterValidator(_named)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Json = Annotated[Any, AfterValidator(_check_storable)]


class Record(BaseModel):
    """A record: immutable, and strict about the names of its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Part(Record):
    """One part of a message or of a response: text, a tool's call or result, or an image's address."""

    type: Literal["text", "tool_call", "tool_result", "image"]
    text: Text | None = None
    id: Text | None = None
    name: Text | None = None
    arguments: Json = None
    result: Json = None
    url: Text | None = None

    @model_validator(mode="after")
    def _has_its_content(self) -> Part:
        needed = {"text": "text", "tool_call": "name", "tool_result": "result", "image": "url"}[self.type]
        if getattr(self, needed) is None:
            raise ValueError(f"a part of type `{self.type}` needs `{needed}`")
        return self


class Message(Record):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    content: Text | list[Part]


class Response(Record):
    """One candidate answer: a text, or the parts of an agent's trajectory."""

    id: Id
    model: Text | None = None
    text: Text | None = None
    parts: list[Part] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Response:
        if self.id == TIE:
            raise ValueError("`tie` is reserved for a tie: name the response otherwise")
        if (self.text is None) == (self.parts is None):
            raise ValueError("needs either `text` or `parts`")
        return self


class Gold(Record):
    """A label trusted more than the judge: one preferred response, the set of acceptable ones, or scores."""

    annotator: Text = ""
    group: Text = ""
    preferred: Id | list[Id] | None = None
    scores: dict[Id, Number] | None = None
    criterion_scores: dict[Id, dict[str, Number | None]] | None = None
    sample: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _says_something(self) -> Gold:
        if self.preferred is None and self.scores is None and self.criterion_scores is None:
            raise ValueError("needs `preferred`, `scores` or `criterion_scores`")
        if isinstance(self.preferred, list) and not self.preferred:
            raise ValueError("`preferred` is an empty list: name the acceptable responses, or leave it out")
        return self

    @property
    def acceptable(self) -> frozenset[str]:
        """The outcomes this label accepts: response ids and `tie`; empty where it holds scores alone and no order."""
        if isinstance(self.preferred, str):
            return frozenset({self.preferred})
        if self.preferred is not None:
            return frozenset(self.preferred)
        if not self.scores:
            return frozenset()
        best = max(self.scores.values())
        leaders = [name for name, score in self.scores.items() if score == best]
        return frozenset({TIE}) if len(leaders) == len(self.scores) > 1 else frozenset(leaders)


class Item(Record):
    """One thing to judge."""

    id: Id
    prompt: Text | list[Message]
    context: Text | None = None
    reference: Text | None = None
    responses: list[Response] = []
    gold: list[Gold] = []
    meta: Annotated[dict[str, Any], AfterValidator(_check_storable)] = {}
    parent: Text | None = None
    perturbation: Annotated[dict[str, Any] | None, AfterValidator(_check_storable)] = None

    @model_validator(mode="after")
    def _refers_to_its_responses(self) -> Item:
        ids = [response.id for response in self.responses]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise ValueError(f"`responses` holds the id {twice[0]!r} twice")
        for number, gold in enumerate(self.gold):
            named = {*([gold.preferred] if isinstance(gold.preferred, str) else gold.preferred or [])} - {TIE}
            named |= {*(gold.scores or {})} | {*(gold.criterion_scores or {})}
            unknown = sorted(named - set(ids))
            if unknown and ids:
                raise ValueError(f"`gold[{number}]` names {unknown[0]!r}; the responses are {', '.join(ids)}")
        return self

    def response(self, name: str) -> Response:
        """The response of that id.

        Raises:
            KeyError: if the item has none.
        """
        for response in self.responses:
            if response.id == name:
                return response
        raise KeyError(name)


class VerdictKey(Record):
    """What makes a verdict the one it is, apart from its run."""

    item: Id
    judge: Text
    persona: Text = ""
    arm: Text = ""
    step: Text = ""
    presentation: tuple[Id, ...] = Field(min_length=1)
    sample: int = Field(default=0, ge=0)


class Verdict(VerdictKey):
    """One judge's outcome on one item and presentation, as one persona, in one arm, at one step, in one sample.

    Preference, scores and probabilities are None unless `status` is `ok`: a failure is never a verdict.
    """

    status: Status = "ok"
    reason: Text = ""
    preferred: Id | None = None
    p_first: Share | None = None
    scores: dict[Id, Number] | None = None
    criterion_scores: dict[Id, dict[str, Number | None]] | None = None
    probabilities: dict[str, Share] | None = None
    raw: Text | None = None
    rationale: Text | None = None
    rule: Text = ""
    road: Road = ""
    call: int | None = None
    prompt_version: Text = ""
    prompt_digest: Text = ""
    models: dict[Id, Text] | None = None

    @model_validator(mode="after")
    def _keeps_failures_apart(self) -> Verdict:
        said = (self.preferred, self.p_first, self.scores, self.criterion_scores, self.probabilities)
        if self.status == "ok":
            if all(value is None for value in said):
                raise ValueError("a verdict with status `ok` needs `preferred`, `scores`, `p_first` or `probabilities`")
        elif any(value is not None for value in said):
            raise ValueError(f"a verdict with status `{self.status}` holds no preference, score or probability")
        elif not self.reason:
            raise ValueError(f"a verdict with status `{self.status}` needs a `reason`")
        shown = set(self.presentation)
        if self.preferred is not None and self.preferred not in shown | {TIE}:
            raise ValueError(f"`preferred` is {self.preferred!r}; shown were {', '.join(self.presentation)}")
        unknown = sorted((set(self.scores or ()) | set(self.criterion_scores or ())) - shown)
        if unknown:
            raise ValueError(f"`scores` names {unknown[0]!r}; shown were {', '.join(self.presentation)}")
        return self

    @property
    def key(self) -> tuple[str, str, str, str, str, tuple[str, ...], int]:
        """The verdict's place within its run."""
        return (self.item, self.judge, self.persona, self.arm, self.step, self.presentation, self.sample)


class Dissent(Record):
    """A final verdict that the decision did not follow, or a member of a panel that would have decided otherwise.

    `distance` says of a member how much worse what was decided is to it than what it likes best, 0..1.
    """

    judge: Text = ""
    persona: Text = ""
    presentation: tuple[str, ...] = ()
    sample: int = 0
    preferred: Text | None = None
    rationale: Text | None = None
    distance: Share | None = None


class MemberVote(Record):
    """What one member of a panel says of an item, its own verdicts reconciled.

    Attributes:
        outcome: as of a decision.
        preferred: the response that it likes best, None for none.
        utilities: what each response is worth to it, 0 to 1; None where it says nothing.
        verdicts: how many verdicts that rests on.
        family: of the model that spoke, '' where its name tells none.
    """

    outcome: Outcome
    preferred: Id | None = None
    utilities: dict[str, Share] | None = None
    verdicts: int = Field(ge=0)
    family: Text = ""


class PanelVote(Record):
    """How a panel came to its decision.

    Attributes:
        panel: its name.
        quorum: how many members had to say something.
        seats: how many might be asked.
        asked: how many were.
        voted: how many said something.
        assignment: `all` or `cyclic`.
        utilities: what each response comes to under the rule; None where nothing was chosen.
        worst_off: the member whom the decision serves worst, '' where there is none.
        worst_utility: what the decision is worth to that member, 0 to 1.
        members: what each said, by name.
        kept_out: who has no vote, and why.
        saved: verdicts that an adaptive panel did without.
    """

    panel: Text
    quorum: int
    seats: int
    asked: int
    voted: int
    assignment: Text = "all"
    utilities: dict[str, Number | None] | None = None
    worst_off: Text = ""
    worst_utility: Share | None = None
    members: dict[str, MemberVote] = {}
    kept_out: dict[str, str] = {}
    saved: int = 0


class Decision(Record):
    """What is reported for an item: its final verdicts reconciled, those left out counted, dissent kept.

    Attributes:
        outcome: `ok`, or why no response is preferred.
        preferred: the response that won, None unless `outcome` is `ok`.
        share: the preferred side's share of the verdicts, 0..1, where a tie gives one half to each side.
        scores: per response the mean score over its verdicts (score protocol).
        rule: the rule of reconciliation, by name.
        verdicts: how many verdicts were counted.
        left_out: per status other than `ok`, how many were not.
        dissent: who would have decided otherwise.
        panel: how a panel came to it, None where one judge decided.
    """

    item: Id
    judge: Text
    arm: Text = ""
    outcome: Outcome
    preferred: Id | None = None
    share: Share | None = None
    scores: dict[Id, Number] | None = None
    rule: Text
    verdicts: int = Field(ge=0)
    left_out: dict[str, int] = {}
    dissent: list[Dissent] = []
    panel: PanelVote | None = None

    @model_validator(mode="after")
    def _prefers_only_when_ok(self) -> Decision:
        if self.outcome != "ok" and self.preferred is not None:
            raise ValueError(f"a decision with outcome `{self.outcome}` prefers nothing")
        return self


class Call(Record):
    """One model call: as it is meant to be sent, and, once it is over, as it was answered.

    `request` holds the messages with the fence replaced by its placeholder. `cost` is in US dollars, None where no
    price is known; `latency_ms` counts the attempt that answered; `logprobs` is JSON of what the first token might have
    been, each with the logarithm of its probability.
    """

    key: str
    unit: VerdictKey
    turn: int = 0
    status: CallStatus = "sent"
    reason: Text = ""
    model: str = ""
    endpoint: str = ""
    road: Road = ""
    request: str = ""
    response: Text | None = None
    reasoning: Text | None = None
    tool_calls: Text | None = None
    logprobs: Text | None = None
    finish_reason: Text = ""
    error: Text = ""
    attempts: int = 0
    dropped: list[str] = []
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    tokens_reasoning: int | None = None
    cost: float | None = None
    max_cost: float | None = None
    price_source: str = ""
    served_model: Text = ""
    latency_ms: float | None = None
    source: int | None = None


class ToolCall(Record):
    """One tool call of one verdict: what was asked, what came back, and what it says of the responses.

    Attributes:
        key: equal keys, equal results.
        unit: the verdict that it was made for.
        round: in which round of the conversation, from 1; 0 for what code looked into before the model was asked.
        call: its id within the conversation; `gate` and `check` for what is no call of the model's.
        tool: the tool's name, with the version that ran.
        raw_arguments: as the model wrote them.
        arguments: in canonical form, the responses by their ids.
        status: `ok`, or why there is no result.
        result: JSON of `result`, `said` and `evidence`.
        digest: SHA-256 of status, reason, evidence, words and result.
        implied: JSON of the `response` that it speaks for, None for none, and its `findings`.
        cited: whether the verdict's text names evidence of it.
        cost: in US dollars.
        latency_ms: how long it took; None where the result was shared or stored.
        source: the row of the stored result that served, None where there was none.
        started_at: when.
    """

    key: str
    unit: VerdictKey
    round: int = 0
    call: str = ""
    tool: str = ""
    tool_version: str = ""
    raw_arguments: str = ""
    arguments: str = ""
    status: ToolStatus = "ok"
    reason: str = ""
    result: str | None = None
    digest: str = ""
    implied: str | None = None
    cited: bool | None = None
    cost: float | None = None
    latency_ms: float | None = None
    source: int | None = None
    started_at: str = ""

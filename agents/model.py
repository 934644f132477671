"""How is a model asked? By one async door: cached, written down before it is sent, retried, never past a deadline."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from ..store.canonical import digest
from ..store.records import Call, Road, VerdictKey
from ..text.errors import ModelError
from ..text.secrets import known_secrets, without_known, without_secrets
from . import wire
from .answer import Answer, Failure
from .hopeless import HOPELESS
from .lanes import Change, Lanes
from .ledger import Ledger
from .prices import Prices, prices
from .question import ROADS, TEXT, Effort, Question
from .rates import Rates
from .subject import Subject
from .transport import Provider, Transport, transport_of

_LARGER = 4
_OVERHEAD = 512  # tokens, at most, that a provider's own template puts around a request


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how often a model is asked.

    Attributes:
        concurrency: calls in flight at most; fewer while the provider refuses for its rate limit.
        timeout: seconds for one attempt.
        total: seconds for one call, all attempts and waits together.
        attempts: how often a call is tried.
        backoff: seconds; the k-th wait is drawn from 0..backoff * 2^k, at most `longest_wait`.
        longest_wait: seconds, the longest wait between attempts that is not the server's own Retry-After.
        requests_per_minute: calls a minute at most, None for no limit of ours.
        tokens_per_minute: tokens a minute at most, in and out.
        transport: `auto` asks OpenAI-compatible endpoints directly and all others through LiteLLM; `direct`; `litellm`.
    """

    concurrency: int = 16
    timeout: float = 120.0
    total: float = 600.0
    attempts: int = 6
    backoff: float = 0.5
    longest_wait: float = 30.0
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    transport: str = "auto"


@dataclass(slots=True)
class Model:
    """A model as one judge asks it. `close` it once nothing more will be asked.

    Attributes:
        name: LiteLLM's name of it, or that of a user's callable.
        ledger: where its calls are written.
        endpoint: the base URL, '' for the provider's own.
        parameters: temperature, top_p, seed and whatever else is sent with every call.
        limits: deadlines and retries.
        structured: `auto` tries a JSON schema, then a tool call, then free text; else the one road to take.
        salt: what else an answer depends on, such as the digest of a replayed file.
        provider: a user's own callable in the place of an endpoint.
        answered: whether it ever gave an answer.
        takes_tools: whether it takes tools in its provider's own form, as far as is known; False once it refused them.
        sent: per item, how many calls went out; whoever counts them takes them from here.
        spent: US dollars, as far as prices are known.
        heard: how many calls have ended.
        asking: how many are under way.
    """

    name: str
    ledger: Ledger
    endpoint: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    structured: str = "auto"
    salt: str = ""
    provider: Provider | None = None
    answered: bool = False
    takes_tools: bool = True
    sent: Counter[str] = field(default_factory=Counter)
    spent: float = 0.0
    heard: int = 0
    asking: int = 0
    _lanes: Lanes = field(init=False)
    _rates: Rates = field(init=False)
    _transport: Transport = field(init=False)
    _prices: Prices | None = None
    _inflight: dict[str, asyncio.Future[None]] = field(default_factory=dict)
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _ready: bool = False
    _hopeless: int = 0
    _denied: ModelError | None = None
    _road: int = 0
    _dropped: list[str] = field(default_factory=list)
    _secrets: tuple[str, ...] = field(default_factory=known_secrets)
    _random: random.Random = field(default_factory=random.Random)
    _blank: Call = field(init=False)

    def __post_init__(self) -> None:
        """Take the transport that the limits name, and the road that the judge's description names."""
        limits = self.limits
        self._lanes = Lanes(limits.concurrency)
        self._rates = Rates(requests=limits.requests_per_minute, tokens=limits.tokens_per_minute)
        self._transport = transport_of(
            self.name,
            endpoint=self.endpoint,
            parameters=self.parameters,
            wanted=limits.transport,
            provider=self.provider,
        )
        nobody = VerdictKey.model_construct(item="", judge="", presentation=())
        shown = without_secrets(self.endpoint, self._secrets)
        self._blank = Call.model_construct(key="", unit=nobody, model=self.name, endpoint=shown)
        if self.structured != "auto":
            self._road = ROADS.index(self.structured)
        elif self.local:
            self._road = TEXT  # it is told what is judged, and has no use for a schema

    @property
    def local(self) -> bool:
        """Whether the model needs no network and is handed the `Subject`."""
        return self.provider is not None or wire.provider_of(self.name) in wire.BUILT_IN

    def changes(self) -> list[Change]:
        """How the number of calls in flight was changed since this was last asked."""
        changes, self._lanes.changes = self._lanes.changes, []
        return changes

    async def close(self) -> None:
        """Let go of the connections."""
        self._ready = False
        await self._transport.close()

    async def complete(
        self,
        messages: list[dict[str, Any]],
        *,
        unit: VerdictKey,
        fence: str = "",
        schema: dict[str, Any] | None = None,
        subject: Subject | None = None,
        turn: int = 0,
        max_tokens: int | None = None,
        fresh: bool = False,
        refuses: Callable[[str], bool] | None = None,
        further: dict[str, Any] | None = None,
    ) -> tuple[int, Call]:
        """Ask once, or give the answer that is stored.

        A reply cut by the token limit is asked again once with a larger one.

        Args:
            messages: as the model gets them.
            unit: the verdict that the call is for.
            fence: the fence in the messages; its place is kept, its value is not stored.
            schema: the JSON schema of the answer.
            subject: what is judged; handed to built-in models and callables only.
            turn: 0 for the question; one more for each further turn of the same conversation, such as the repair.
            max_tokens: the token limit of the answer.
            fresh: whether answers that other runs stored are left unread.
            refuses: whether an answer's text declines to answer; such an answer is not reused.
            further: parameters of this call alone, such as `tools` and `tool_choice`; with `tools` the answer may be
                calls to them (`Call.tool_calls`) in the place of a text.

        Returns:
            The call's row and the call, whatever became of it: a failed call is a row too.

        Raises:
            ModelError: if no call to this model can succeed (nothing listens, key refused, no such model).
            StoreError: if the ledger cannot be written.
        """
        parameters = {
            **self.parameters,
            **({} if max_tokens is None else {"max_tokens": max_tokens}),
            **(further or {}),
        }
        question = Question(messages, unit, fence, schema, subject, turn, parameters, fresh, refuses)
        row, call = await self._once(question)
        if call.status == "truncated" and max_tokens is not None and not self.local:
            larger = {**parameters, "max_tokens": max_tokens * _LARGER}
            larger_row, larger_call = await self._once(replace(question, parameters=larger))
            if larger_call.reason not in ("bad_request", "context_window"):  # more than the model can give
                return larger_row, larger_call
        return row, call

    async def _once(self, question: Question) -> tuple[int, Call]:
        """One question, sent only if no answer to it is stored or under way."""
        if not self._ready:
            await self._start()
        key = self._key(question)
        call = self._blank.model_copy(
            update={
                "key": key,
                "unit": question.unit,
                "turn": question.turn,
                "request": without_known(question.request, self._secrets),
                "max_cost": None if self._prices is None else self._max_cost(question, self._prices),
            }
        )
        while (running := self._inflight.get(key)) is not None:
            await asyncio.wait([running])  # the same question is under way: its answer serves both
        done = self._inflight[key] = asyncio.get_running_loop().create_future()
        try:
            return await self._written(call, question)
        finally:
            if self._inflight.get(key) is done:
                del self._inflight[key]
            done.cancel()

    async def _written(self, call: Call, question: Question) -> tuple[int, Call]:
        """Write the intent, ask where no answer is stored, and write what came of it."""
        await self._lanes.come_near()  # before the intent is written: what waits for its turn is not in flight
        inside = _Inside(self._lanes)
        try:
            if self._denied is not None:
                raise self._denied
            expected = await self._rates.take(len(call.request)) if self._rates.limited else 0.0
            row, stored = await self.ledger.begin(call, fresh=question.fresh)
            if stored is not None:
                return row, stored
            self.asking += 1
            self.sent[question.unit.item] += 1
            try:
                epoch = await inside.enter()
                call = await self._ask(call, question, Effort(self._road, [*self._dropped], epoch), inside)
            finally:
                self.asking -= 1
        finally:
            inside.leave()
            self._lanes.go_away()
        if self._rates.limited:
            self._rates.heard(expected, call.tokens_in, call.tokens_out)
        self.spent += call.cost or 0.0
        self.heard += 1
        stop = self._consider(call)
        await self.ledger.finish(row, call)
        if stop is not None:
            raise stop
        return row, call

    async def _start(self) -> None:
        """Have the transport ready before any deadline runs."""
        async with self._starting:
            if not self._ready:
                await self._transport.open()
                if self.provider is None:
                    service = str(self.parameters.get("service_tier") or "")
                    self._prices = await asyncio.to_thread(prices, self.name, service=service)
                self._ready = True

    def _key(self, question: Question) -> str:
        told = [self.name, self.endpoint, orjson.Fragment(question.request), question.unit.sample, self.salt]
        subject = question.subject
        if self.local and subject is not None:
            told.append([subject.key.model_dump(exclude={"judge"}), subject.labels, subject.item.model_dump()])
        return digest(told)

    def _max_cost(self, question: Question, known: Prices) -> float | None:
        """The most an answer may cost: no tokenizer makes more tokens of a text than it has bytes."""
        limit = question.parameters.get("max_tokens") or known.longest
        if limit is None:
            return None
        marks = sum(str(m["content"]).count(question.fence) for m in question.messages) if question.fence else 0
        size = _OVERHEAD + len(question.request.encode()) + marks * len(question.fence)
        return known.token_in * size + known.token_out * int(limit)

    async def _ask(self, call: Call, question: Question, effort: Effort, inside: _Inside) -> Call:
        """Every attempt at one call, within its deadline; gives the call as it ended."""
        try:
            async with asyncio.timeout(self.limits.total):
                try:
                    said = await self._attempt(question, effort)
                except Failure as first:
                    if not first.retry:
                        raise
                    said = await self._again(first, len(call.request), question, effort, inside)
        except Failure as failure:
            said = self._failed(failure)
        except TimeoutError:
            said = self._failed(self._out_of_time(effort))
        latency = round((time.perf_counter() - effort.started) * 1000, 3)
        return call.model_copy(
            update={**said, "dropped": effort.left_out, "attempts": effort.sends, "latency_ms": latency}
        )

    async def _again(
        self, first: Failure, size: int, question: Question, effort: Effort, inside: _Inside
    ) -> dict[str, Any]:
        """Every attempt behind the first; that one's failure counts as tenacity's first try.

        The lane is free while a call waits for its next attempt.
        """
        failed = [first]

        async def attempt() -> dict[str, Any]:
            if failed:
                raise failed.pop()
            effort.epoch = await inside.enter()
            if self._rates.limited:
                await self._rates.take(size)
            return await self._attempt(question, effort)

        async def wait(seconds: float) -> None:
            inside.leave()
            await asyncio.sleep(seconds)

        said: dict[str, Any] = await AsyncRetrying(
            stop=stop_after_attempt(self.limits.attempts),
            retry=retry_if_exception(lambda error: isinstance(error, Failure) and error.retry),
            wait=self._wait,
            sleep=wait,
            reraise=True,
        )(attempt)
        return said

    def _out_of_time(self, effort: Effort) -> Failure:
        said = f"no answer within {self.limits.total:g} s"
        if effort.last is None:
            return Failure("deadline", said)
        return Failure(effort.last.reason, f"{said}; the last attempt: {effort.last.said}")

    def _failed(self, failure: Failure) -> dict[str, Any]:
        """What a call's row says of its failure."""
        said = _storable(without_secrets(failure.said, self._secrets)[:2000])
        status = "refused" if failure.reason == "content_filter" else "error"
        return {"status": status, "reason": failure.reason, "error": said}

    def _wait(self, state: RetryCallState) -> float:
        """Seconds until the next attempt: what the server asked for, else full jitter below a growing bound."""
        error = state.outcome.exception() if state.outcome is not None else None
        asked = error.retry_after if isinstance(error, Failure) else None
        bound = min(self.limits.longest_wait, self.limits.backoff * 2.0 ** (state.attempt_number - 1))
        jitter = self._random.uniform(0, bound)
        return jitter if asked is None else asked + 0.1 * jitter

    async def _attempt(self, question: Question, effort: Effort) -> dict[str, Any]:
        """One attempt, and what its answer makes of the call's row.

        A parameter that the model refuses is left out, and the attempt repeated at once.
        What was left out is remembered for later calls only once the model has answered without it: an error that
        merely speaks of a parameter teaches nothing.
        """
        while True:
            road = ROADS[effort.road if question.schema is not None else TEXT]
            parameters = {**effort.parameters(question.parameters), **wire.asked_by(road, question.schema)}
            try:
                answer = await self._send(question, parameters, effort)
                break
            except Failure as failure:
                offers = "tools" in question.parameters
                roads = self.structured == "auto" and not offers
                if effort.leave_out(failure, sent=parameters, roads=roads, offers=offers):
                    continue
                effort.last = failure
                self._lanes.told(effort.epoch, limited=failure.reason == "rate_limited")
                raise
        self._lanes.told(effort.epoch, limited=False, latency=time.perf_counter() - effort.started)
        self.answered = True
        if effort.left_out:
            self._road = max(self._road, effort.road)
            self.takes_tools = self.takes_tools and "tools" not in effort.left_out
            self._dropped += [name for name in effort.left_out if name not in self._dropped]
        one_letter = "logprobs" in question.parameters  # it is cut behind its token, as it was asked to be
        return self._heard(
            answer, road, question.refuses, offered="tools" in question.parameters, one_letter=one_letter
        )

    async def _send(self, question: Question, parameters: dict[str, Any], effort: Effort) -> Answer:
        """Send once, within the deadline of an attempt."""
        effort.sends += 1
        effort.started = time.perf_counter()
        seconds = self.limits.timeout
        try:
            async with asyncio.timeout(seconds):
                return await self._transport.send(
                    question.messages,
                    parameters,
                    seconds=seconds + 1,  # the deadline around it comes first
                    subject=question.subject,
                )
        except TimeoutError as error:
            raise Failure("timeout", f"no answer within {seconds:g} s", retry=True) from error
        except Failure as failure:
            effort.sends -= not failure.sent
            raise

    def _heard(
        self, answer: Answer, road: Road, refuses: Callable[[str], bool] | None, *, offered: bool, one_letter: bool
    ) -> dict[str, Any]:
        """What a call's row says of its answer; where tools were offered, a call to one is an answer."""
        arguments = [] if offered else [c.get("function", {}).get("arguments") or "" for c in answer.tool_calls]
        text = answer.text if answer.text.strip() else next(filter(None, arguments), "")
        status, reason = "ok", ""
        if answer.refusal or answer.finish_reason == "content_filter":
            status, reason, text = "refused", "refusal", text or answer.refusal
        elif answer.finish_reason == "length" and not (one_letter and text.strip()):
            status, reason = "truncated", "token_limit"
        elif not text.strip():
            status, reason = ("ok", "") if offered and answer.tool_calls else ("error", "empty")
        elif refuses is not None and refuses(text):
            status, reason = "refused", "refusal"
        return {
            "status": status,
            "reason": reason,
            "road": road,
            "response": self._clean(text),
            "reasoning": self._clean(answer.reasoning) or None,
            "tool_calls": self._clean(_as_json(answer.tool_calls)) if answer.tool_calls else None,
            "logprobs": self._clean(_as_json(answer.first_token)) if answer.first_token else None,
            "finish_reason": "stop" if one_letter and status == "ok" else self._clean(answer.finish_reason),
            "tokens_in": answer.tokens_in,
            "tokens_out": answer.tokens_out,
            "tokens_cached": answer.tokens_cached,
            "tokens_reasoning": answer.tokens_reasoning,
            "cost": answer.cost,
            "price_source": answer.price_source,
            "served_model": self._clean(answer.served_model),
        }

    def _clean(self, text: str) -> str:
        return _storable(without_known(text, self._secrets))

    def _consider(self, call: Call) -> ModelError | None:
        """The error that ends the run: a model that never answered and cannot would fail item by item.

        While other questions are under way, one refusal proves little: as many are heard as may be in flight.
        """
        stop = HOPELESS.get(call.reason) if call.status == "error" else None
        if stop is None or (self.answered and call.reason != "quota"):
            return None
        self._hopeless += 1
        if self.asking and self._hopeless < self.limits.concurrency:
            return None
        where = f" at {call.endpoint}" if call.endpoint else ""
        said = stop.message.format(name=self.name, where=where)
        self._denied = stop.kind(f"{said}: {call.error.rstrip('.')}.", way_out=stop.way_out)
        return self._denied


class _Inside:
    """Whether a call is in its lane: it leaves it while it waits, and once."""

    __slots__ = ("_in", "_lanes")

    def __init__(self, lanes: Lanes) -> None:
        self._lanes, self._in = lanes, False

    async def enter(self) -> int:
        epoch = await self._lanes.enter()
        self._in = True
        return epoch

    def leave(self) -> None:
        if self._in:
            self._in = False
            self._lanes.leave()


def _storable(text: str) -> str:
    """The text without what no database keeps: NUL, and halves of surrogate pairs."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text


def _as_json(value: Any) -> str:
    """JSON of whatever a provider's objects hold."""
    return orjson.dumps(value, default=str).decode()

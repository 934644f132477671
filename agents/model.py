"""How is a model asked? One async door: cached, written down before it is sent, retried by one owner, never past a deadline."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from ..store.canonical import canonical, digest
from ..store.records import Call, Road, VerdictKey
from ..text.errors import ModelError, ModelRefusedKey, ModelUnknown, ModelUnreachable
from ..text.secrets import known_secrets, without_known, without_secrets
from . import wire
from .subject import Subject, current_subject
from .wire import Answer, Failure

FENCE = "<<fence>>"
_ROADS: tuple[Road, ...] = ("schema", "tool", "text")
_LARGER = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how often a model is asked.

    Attributes:
        concurrency: calls in flight at most.
        timeout: seconds for one attempt.
        total: seconds for one call, all attempts and waits together.
        attempts: how often a call is tried.
        backoff: seconds; the k-th wait is drawn from 0..backoff * 2^k, at most `longest_wait`.
        longest_wait: seconds, the longest wait between attempts that is not the server's own Retry-After.
    """

    concurrency: int = 16
    timeout: float = 120.0
    total: float = 600.0
    attempts: int = 6
    backoff: float = 0.5
    longest_wait: float = 30.0


class Ledger(Protocol):
    """Where calls are written before they are sent and after they are answered."""

    async def begin(self, call: Call, *, fresh: bool) -> tuple[int, Call | None]:
        """Write the intent; give its row's id, and the stored answer of the same key where there is one."""
        ...

    async def finish(self, row: int, call: Call) -> None:
        """Write what came of it."""
        ...


class NoLedger:
    """Calls of a judgement without a store: counted, kept nowhere."""

    def __init__(self) -> None:
        """Start at the first call."""
        self.calls: list[Call] = []

    async def begin(self, call: Call, *, fresh: bool) -> tuple[int, Call | None]:
        """Give it a number."""
        self.calls.append(call)
        return len(self.calls), None

    async def finish(self, row: int, call: Call) -> None:
        """Keep it for whoever holds this ledger."""
        self.calls[row - 1] = call


Provider = Callable[[Subject], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked in one call."""

    messages: list[dict[str, Any]]
    unit: VerdictKey
    fence: str
    schema: dict[str, Any] | None
    subject: Subject | None
    turn: int
    parameters: dict[str, Any]
    fresh: bool

    @property
    def request(self) -> dict[str, Any]:
        """What is written down of it: the place of the fence, never its value, which no judged text can hold."""
        messages = self.messages
        if self.fence:
            messages = [{**m, "content": m["content"].replace(self.fence, FENCE)} for m in messages]
        return {"messages": messages, "parameters": self.parameters, "schema": self.schema}


@dataclass(slots=True)
class Model:
    """A model as one judge asks it.

    Attributes:
        name: LiteLLM's name of it, or that of a user's callable.
        ledger: where its calls are written.
        endpoint: the base URL, '' for the provider's own.
        parameters: temperature, top_p, seed and whatever else is sent with every call.
        limits: deadlines and retries.
        structured: `auto` tries a JSON schema, then a tool call, then free text; else the road to take.
        salt: what else an answer depends on, such as the digest of a replayed file.
        provider: a user's own callable in the place of an endpoint.
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
    _slots: asyncio.Semaphore | None = None
    _inflight: dict[str, asyncio.Future[tuple[int, Call]]] = field(default_factory=dict)
    _road: int = 0
    _dropped: list[str] = field(default_factory=list)
    _secrets: tuple[str, ...] = field(default_factory=known_secrets)
    _random: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        """Take the road that the judge's description names."""
        if self.structured != "auto":
            self._road = _ROADS.index(self.structured)  # type: ignore[arg-type]

    @property
    def local(self) -> bool:
        """Whether the model needs no network and is handed the `Subject`."""
        return self.provider is not None or wire.provider_of(self.name) in wire.BUILT_IN

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
    ) -> tuple[int, Call]:
        """Ask once, or give the answer that is stored.

        A reply cut by the token limit is asked again once with a larger one.

        Args:
            messages: as the model gets them.
            unit: the verdict that the call is for.
            fence: the fence in the messages; its place is kept, its value is not stored.
            schema: the JSON schema of the answer.
            subject: what is judged; handed to built-in models and callables only.
            turn: 0 for the question, 1 for the repair.
            max_tokens: the token limit of the answer.
            fresh: whether answers that other runs stored are left unread.

        Returns:
            The call's row and the call, whatever became of it: a failed call is a row too.

        Raises:
            ModelError: if no call to this model can succeed (nothing listens, key refused, no such model).
            StoreError: if the ledger cannot be written.
        """
        parameters = {**self.parameters, **({} if max_tokens is None else {"max_tokens": max_tokens})}
        question = _Question(messages, unit, fence, schema, subject, turn, parameters, fresh)
        row, call = await self._once(question)
        if call.status == "truncated" and max_tokens is not None and not self.local:
            larger = {**parameters, "max_tokens": max_tokens * _LARGER}
            row, call = await self._once(replace(question, parameters=larger))
        return row, call

    async def _once(self, question: _Question) -> tuple[int, Call]:
        request = question.request
        key = self._key(question, request)
        call = Call(
            key=key,
            unit=question.unit,
            turn=question.turn,
            model=self.name,
            endpoint=without_secrets(self.endpoint, self._secrets),
            request=without_known(canonical(request), self._secrets),
            max_cost=self._max_cost(question),
        )
        while (running := self._inflight.get(key)) is not None:
            await asyncio.wait([running])  # the same question is under way: its answer serves both
        done = self._inflight[key] = asyncio.get_running_loop().create_future()
        try:
            row, stored = await self.ledger.begin(call, fresh=question.fresh)
            if stored is not None:
                return row, stored
            call = await self._ask(call, question)
            await self.ledger.finish(row, call)
        finally:
            if self._inflight.get(key) is done:
                del self._inflight[key]
            done.cancel()
        self._stop_if_hopeless(call)
        return row, call

    def _key(self, question: _Question, request: dict[str, Any]) -> str:
        told = [self.name, self.endpoint, request, question.unit.sample, self.salt]
        subject = question.subject
        if self.local and subject is not None:
            told.append([subject.key.model_dump(exclude={"judge"}), subject.labels, subject.item.model_dump()])
        return digest(told)

    def _max_cost(self, question: _Question) -> float | None:
        """The most a call may cost: no tokenizer makes more tokens of a text than it has bytes."""
        known = (0.0, 0.0) if self.local else wire.prices(self.name)
        limit = question.parameters.get("max_tokens")
        if known is None or limit is None:
            return None
        size = sum(len(str(message["content"]).encode()) for message in question.messages)
        return known[0] * size + known[1] * int(limit)

    async def _ask(self, call: Call, question: _Question) -> Call:
        """Every attempt at one call, within its deadline; gives the call as it ended."""
        attempts = 0
        started = time.perf_counter()

        async def attempt() -> Call:
            nonlocal attempts, started
            attempts += 1
            async with self._slot():
                started = time.perf_counter()
                return await self._attempt(call, question)

        try:
            async with asyncio.timeout(self.limits.total):
                done: Call = await AsyncRetrying(
                    stop=stop_after_attempt(self.limits.attempts),
                    retry=retry_if_exception(lambda error: isinstance(error, Failure) and error.retry),
                    wait=self._wait,
                    sleep=asyncio.sleep,
                    reraise=True,
                )(attempt)
        except Failure as failure:
            done = self._failed(call, failure)
        except TimeoutError:
            done = self._failed(call, Failure("deadline", f"no answer within {self.limits.total:g} s"))
        return done.model_copy(
            update={"attempts": attempts, "latency_ms": round((time.perf_counter() - started) * 1000, 3)}
        )

    def _failed(self, call: Call, failure: Failure) -> Call:
        said = without_secrets(failure.said, self._secrets)[:2000]
        status = "refused" if failure.reason == "content_filter" else "error"
        update = {"status": status, "reason": failure.reason, "error": said}
        return call.model_copy(update={**update, "dropped": list(self._dropped)})

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        asked = error.retry_after if isinstance(error, Failure) else None
        jitter = self._random.uniform(
            0, min(self.limits.longest_wait, self.limits.backoff * 2 ** (state.attempt_number - 1))
        )
        return jitter if asked is None else asked + 0.1 * jitter

    def _slot(self) -> asyncio.Semaphore:
        if self._slots is None:
            self._slots = asyncio.Semaphore(self.limits.concurrency)
        return self._slots

    async def _attempt(self, call: Call, question: _Question) -> Call:
        """One attempt; a parameter that the model refuses is dropped, noted, and the attempt repeated."""
        while True:
            road = self._road if question.schema is not None else len(_ROADS) - 1
            try:
                async with asyncio.timeout(self.limits.timeout):
                    answer = await self._send(question, _ROADS[road])
            except TimeoutError as error:
                said = f"no answer within {self.limits.timeout:g} s"
                raise Failure("timeout", said, retry=True) from error
            except Failure as failure:
                if not failure.parameter or not self._drop(failure.parameter, road, question.parameters):
                    raise
                continue
            self.answered = True
            return self._heard(call, answer, _ROADS[road])

    def _drop(self, parameter: str, road: int, parameters: dict[str, Any]) -> bool:
        """Leave out what the model refused; says whether anything is left to try."""
        if parameter in ("response_format", "json_schema", "tools", "tool_choice"):
            if self._road == road and road + 1 < len(_ROADS):
                self._road = road + 1
                self._note(parameter if parameter != "json_schema" else "response_format")
            return self._road > road
        if parameter not in self._sent(parameters):
            return False
        self._note(parameter)
        return True

    def _note(self, parameter: str) -> None:
        if parameter not in self._dropped:
            self._dropped.append(parameter)

    def _sent(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """The parameters without those that the model is known to refuse."""
        sent = {name: value for name, value in parameters.items() if name not in self._dropped}
        limit = parameters.get("max_tokens")
        if limit is not None and "max_tokens" in self._dropped and "max_completion_tokens" not in self._dropped:
            sent["max_completion_tokens"] = limit
        return sent

    async def _send(self, question: _Question, road: Road) -> Answer:
        if self.provider is not None:
            return await self._call_own(question.subject)
        extra: dict[str, Any] = {}
        if road == "schema":
            named = {"name": "verdict", "schema": question.schema, "strict": True}
            extra["response_format"] = {"type": "json_schema", "json_schema": named}
        elif road == "tool":
            function = {"name": "verdict", "description": "Give your verdict.", "parameters": question.schema}
            extra["tools"] = [{"type": "function", "function": function}]
            extra["tool_choice"] = {"type": "function", "function": {"name": "verdict"}}
        token = current_subject.set(question.subject if self.local else None)
        try:
            return await wire.send(
                self.name,
                question.messages,
                endpoint=self.endpoint,
                timeout=self.limits.timeout,
                parameters={**self._sent(question.parameters), **extra},
            )
        finally:
            current_subject.reset(token)

    async def _call_own(self, subject: Subject | None) -> Answer:
        assert self.provider is not None and subject is not None
        try:
            text = await self.provider(subject)
        except Failure:
            raise
        except Exception as error:  # whatever a user's function raises is that judgement's failure, not the run's
            raise Failure("callable", f"{type(error).__name__}: {error}") from error
        return Answer(text=text, finish_reason="stop", cost=None, served_model=self.name)

    def _heard(self, call: Call, answer: Answer, road: Road) -> Call:
        """The call as its answer ends it."""
        arguments = [c.get("function", {}).get("arguments") or "" for c in answer.tool_calls]
        text = answer.text or (str(arguments[0]) if arguments else "")
        status, reason = "ok", ""
        if answer.refusal or answer.finish_reason == "content_filter":
            status, reason, text = "refused", "refusal", text or answer.refusal
        elif answer.finish_reason == "length":
            status, reason = "truncated", "token_limit"
        elif not text.strip():
            status, reason = "error", "empty"
        return call.model_copy(
            update={
                "status": status,
                "reason": reason,
                "road": road,
                "response": _storable(without_known(text, self._secrets)),
                "reasoning": _storable(without_known(answer.reasoning, self._secrets)) or None,
                "tool_calls": wire.as_json(answer.tool_calls) if answer.tool_calls else None,
                "finish_reason": answer.finish_reason,
                "dropped": list(self._dropped),
                "tokens_in": answer.tokens_in,
                "tokens_out": answer.tokens_out,
                "tokens_cached": answer.tokens_cached,
                "tokens_reasoning": answer.tokens_reasoning,
                "cost": answer.cost,
                "price_source": answer.price_source,
                "served_model": answer.served_model,
            }
        )

    def _stop_if_hopeless(self, call: Call) -> None:
        """A model that never answered and cannot: the run stops here instead of failing item by item."""
        if self.answered or call.status != "error":
            return
        where = f" at {call.endpoint}" if call.endpoint else ""
        error: ModelError
        match call.reason:
            case "unreachable":
                error = ModelUnreachable(
                    f"Nothing answers{where or f' for `{self.name}`'}: {call.error}.",
                    way_out="check --base-url and the network; the run stays open: plurijudge judge --run last",
                )
            case "auth":
                error = ModelRefusedKey(
                    f"The provider of `{self.name}` wants another key: {call.error}.",
                    way_out="set the provider's key in the environment or in .env; then plurijudge judge --run last",
                )
            case "not_found":
                error = ModelUnknown(
                    f"`{self.name}` is not a model that can be called{where}: {call.error}.",
                    way_out="name it as PROVIDER/MODEL, such as openai/gpt-5-mini, ollama/llama3 or builtin/heuristic",
                )
            case _:
                return
        raise error


def _storable(text: str) -> str:
    """The text without what no database keeps: NUL, and halves of surrogate pairs."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8") if any("\ud800" <= c <= "\udfff" for c in text) else text
    return text

"""How does one attempt reach a model's endpoint? All of LiteLLM is met here."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import inspect
import json
import logging
import os
import threading
import uuid
import warnings
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from ..store.records import Road
from ..text.letters import first_token
from .answer import Answer, Failure, text_of
from .direct import plain
from .endpoint import address_fault
from .failures import failure_of
from .prices import cost_of, price_source

BUILT_IN = ("builtin", "replay")
_OLLAMA = ("ollama", "ollama_chat")
_TRANSLATED = frozenset({"anthropic", "gemini", *_OLLAMA})
_NO_REFUSAL = frozenset(
    {
        "OTHER",
        "LANGUAGE",
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MALFORMED_RESPONSE",
    }
)

_importing = threading.Lock()


def library() -> Any:
    """LiteLLM, imported on first use with everything that would call home or speak up switched off."""
    with _importing:
        return _library()


@cache
def _library() -> Any:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_TELEMETRY", "False")
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")  # else it reads .env files of its own choosing
    import litellm

    with warnings.catch_warnings(), contextlib.suppress(ImportError):  # else the first call to Gemini warns, on stderr
        warnings.simplefilter("ignore")
        import litellm.llms.vertex_ai.context_caching.vertex_ai_context_caching

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.drop_params = False
    litellm.num_retries = 0
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):  # they write to stderr by handlers of their own
        logging.getLogger(name).setLevel(logging.CRITICAL)
    from .builtin.provider import register

    register(litellm)
    return litellm


async def ready() -> None:
    """Import LiteLLM where it is not yet, in a thread: the seconds that it takes count against no deadline."""
    if not _library.cache_info().currsize:
        await asyncio.to_thread(library)


def provider_of(model: str) -> str:
    """The provider that a model's name begins with, '' where it names none."""
    return model.partition("/")[0] if "/" in model else ""


def asked_by(road: Road, schema: dict[str, Any] | None) -> dict[str, Any]:
    """What a road adds to the parameters."""
    if road == "schema":
        named = {"name": "verdict", "schema": schema, "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": named}}
    if road == "tool":
        function = {"name": "verdict", "description": "Give your verdict.", "parameters": schema}
        chosen = {"type": "function", "function": {"name": "verdict"}}
        return {"tools": [{"type": "function", "function": function}], "tool_choice": chosen}
    return {}


async def send(
    model: str, messages: list[dict[str, Any]], *, endpoint: str, seconds: float, parameters: dict[str, Any]
) -> Answer:
    """One attempt.

    Args:
        model: LiteLLM's name of it, such as `openai/gpt-5-mini`.
        messages: as the provider gets them.
        endpoint: the base URL, '' for the provider's own.
        seconds: how long the library may take; the caller keeps its own deadline beside it.
        parameters: whatever else is sent.

    Raises:
        Failure: if no answer came.
    """
    if endpoint and (fault := address_fault(endpoint)):
        raise Failure("unreachable", fault, sent=False)
    litellm = library()
    _enter(model)
    provider, heard = provider_of(model), _Heard()
    options = dict(parameters)
    if endpoint:
        options["api_base"] = _base(endpoint, provider)
        if provider == "openai" and not os.environ.get("OPENAI_API_KEY"):
            options["api_key"] = "none"  # servers of one's own ask for no key; the SDK refuses to go without
    if "tools" in options:
        options["_skip_mcp_handler"] = True  # without it a missing optional package looks like a lost connection
    if provider in _TRANSLATED:
        options["logger_fn"] = heard
    ours = plain(model)
    if ours:
        options |= _unpriced(model, messages)
    try:
        with _unlogged():
            asking = litellm.acompletion(
                model=model, messages=messages, timeout=seconds, num_retries=0, max_retries=0, **options
            )
            response = await _cancelled_later(asking)
    except Exception as error:
        if (instead := _instead(heard.reply())) is not None:
            return instead
        raise failure_of(error, sent=parameters) from error
    answer = _answer(response, built_in=provider in BUILT_IN)
    if ours:
        return _priced(answer, model, service=getattr(response, "service_tier", None) or options.get("service_tier"))
    return _as_reported(answer, model, heard.reply()) if provider in _TRANSLATED else answer


def _base(endpoint: str, provider: str) -> str:
    """The endpoint as LiteLLM completes it: for Gemini with the version, for Anthropic and Ollama without."""
    base = endpoint.rstrip("/")
    match provider:
        case "anthropic":
            return base.removesuffix("/v1")
        case "ollama" | "ollama_chat":
            return base.removesuffix("/v1").removesuffix("/api")
        case "gemini" if not urlsplit(base).path:
            return f"{base}/v1beta"
        case _:
            return endpoint


async def _cancelled_later(asking: Coroutine[Any, Any, Any]) -> Any:
    """Await LiteLLM's call, and keep a cancellation from falling into its first step, which takes milliseconds.

    There it prepares the call in a thread; what the thread gives back would never be awaited, which Python reports.
    """
    task = asyncio.ensure_future(asking)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done() and _in_first_step(asking):  # noqa: ASYNC110 - nothing tells when it is over
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
        raise


def _in_first_step(asking: Coroutine[Any, Any, Any]) -> bool:
    inner: Any = asking
    while inspect.iscoroutine(inner.cr_await):
        inner = inner.cr_await
    where = (Path(inner.cr_code.co_filename).parts[-2:], inner.cr_code.co_name)
    return inner.cr_await is not None and where == (("litellm", "main.py"), "acompletion")


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    """Let LiteLLM skip its own accounting of the call: nobody reads it, and it is a fifth of the call's CPU time."""
    try:
        from litellm._internal_context import is_internal_call
    except ImportError:  # an older release
        yield
        return
    token = is_internal_call.set(True)
    try:
        yield
    finally:
        is_internal_call.reset(token)


def _unpriced(model: str, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """A record of the call for LiteLLM that prices nothing, where this release lets one be brought along.

    Its own would look for callbacks and work out a price by ways of its own; both take a fifth of the call's CPU time.
    """
    keeper = _keeper()
    if keeper is None:
        return {}
    call, now = str(uuid.uuid4()), datetime.datetime.now()  # LiteLLM subtracts local times from it
    try:
        record = keeper(model, messages, False, "acompletion", now, call, "")
    except TypeError:  # another release
        return {}
    return {"litellm_logging_obj": record, "litellm_call_id": call}


@cache
def _keeper() -> Callable[..., Any] | None:
    try:
        from litellm.litellm_core_utils.litellm_logging import Logging
    except ImportError:  # another release
        return None

    def price(*_: Any, **__: Any) -> None:
        return None

    return type("Unpriced", (Logging,), {"response_cost_calculator": price, "_response_cost_calculator": price})


def _priced(answer: Answer, model: str, *, service: str | None) -> Answer:
    """The answer with what it cost by the price table, as the direct transport reads it."""
    cost = cost_of(model, answer, service=str(service or ""))
    return replace(answer, cost=cost, price_source="" if cost is None else price_source())


def _answer(response: Any, *, built_in: bool) -> Answer:
    try:
        choice = response.choices[0]
        message = choice.message
        content = message.content
    except (AttributeError, IndexError, TypeError) as error:
        raise Failure("garbage", "the reply holds no message", retry=True) from error
    usage = getattr(response, "usage", None)
    if not getattr(usage, "prompt_tokens", None):
        usage = None  # LiteLLM writes zeros where the server said nothing; a call without a prompt there is not
    details = getattr(usage, "prompt_tokens_details", None)
    spent = getattr(usage, "completion_tokens_details", None)
    calls = tuple(call.model_dump() for call in getattr(message, "tool_calls", None) or ())
    extra = getattr(message, "provider_specific_fields", None) or {}
    cost = None if usage is None else (getattr(response, "_hidden_params", None) or {}).get("response_cost")
    return Answer(
        text=text_of(content),
        reasoning=str(getattr(message, "reasoning_content", None) or ""),
        tool_calls=calls,
        first_token=tuple(first_token(_plain(getattr(choice, "logprobs", None)))),
        finish_reason=str(getattr(choice, "finish_reason", None) or ""),
        refusal=str(getattr(message, "refusal", None) or extra.get("refusal") or ""),
        tokens_in=getattr(usage, "prompt_tokens", None),
        tokens_out=getattr(usage, "completion_tokens", None),
        tokens_cached=getattr(details, "cached_tokens", None),
        tokens_reasoning=getattr(spent, "reasoning_tokens", None),
        cost=0.0 if built_in else cost,
        price_source="built in" if built_in else (price_source() if cost is not None else ""),
        served_model=str(getattr(response, "model", None) or ""),
    )


def _plain(value: Any) -> Any:
    """An object of LiteLLM's as mappings and lists."""
    return value.model_dump() if hasattr(value, "model_dump") else value


@dataclass(slots=True)
class _Heard:
    """The reply as the provider wrote it, kept when LiteLLM hands it to its `logger_fn`."""

    text: str = ""

    def __call__(self, details: dict[str, Any]) -> None:
        text = details.get("original_response")
        if details.get("log_event_type") == "post_api_call" and isinstance(text, str):
            self.text = text

    def reply(self) -> dict[str, Any]:
        """The reply's JSON object, {} where there is none."""
        try:
            reply = json.loads(self.text)
        except ValueError:
            return {}
        return reply if isinstance(reply, dict) else {}


def _instead(reply: dict[str, Any]) -> Answer | None:
    """What a reply with status 200 says that LiteLLM broke on, such as a prompt that Gemini blocked without usage.

    Raises:
        Failure: if an error stands in the place of an answer.
    """
    if _part(reply, "promptFeedback").get("blockReason"):
        return Answer("", finish_reason="content_filter", served_model=_served(reply, ""))
    if error := reply.get("error"):
        message = error.get("message") if isinstance(error, dict) else error
        raise Failure("server", str(message or "an error without a message"), retry=True)
    return None


def _as_reported(answer: Answer, model: str, reply: dict[str, Any]) -> Answer:
    """The answer with what the provider's own reply says where LiteLLM's translation guesses, drops or blurs it.

    It estimates with a tokenizer what Ollama does not count and how much of Anthropic's output was thinking; it drops
    what Gemini counts beside a refusal; and it takes every unusual end of Gemini's for a refusal or a plain stop.
    """
    if not reply:
        return answer
    answer = replace(answer, served_model=_served(reply, answer.served_model))
    match provider_of(model):
        case "anthropic":
            usage = _part(reply, "usage")
            thought = _count(_part(usage, "output_tokens_details"), "thinking_tokens")
            return replace(answer, tokens_cached=_count(usage, "cache_read_input_tokens"), tokens_reasoning=thought)
        case "gemini":
            return _as_gemini_reports(answer, model, reply)
        case _:
            read, said = _count(reply, "prompt_eval_count"), _count(reply, "eval_count")
            if read is None or said is None:
                answer = replace(answer, cost=None, price_source="")
            return replace(answer, tokens_in=read, tokens_out=said)


def _as_gemini_reports(answer: Answer, model: str, reply: dict[str, Any]) -> Answer:
    candidates = reply.get("candidates")
    end = candidates[0].get("finishReason") if isinstance(candidates, list) and candidates else None
    if isinstance(end, str) and end in _NO_REFUSAL:
        answer = replace(answer, finish_reason=end.lower())
    usage = _part(reply, "usageMetadata")
    cached, thought = _count(usage, "cachedContentTokenCount"), _count(usage, "thoughtsTokenCount")
    out = (_count(usage, "candidatesTokenCount") or 0) + (thought or 0)  # Google leaves a zero out
    if answer.cost is not None and (out, cached or 0) != (answer.tokens_out, answer.tokens_cached or 0):
        cost = _cost(model, answer.tokens_in or 0, out, cached=cached or 0)
        answer = replace(answer, cost=cost, price_source="" if cost is None else answer.price_source)
    out_known = None if answer.tokens_out is None else out
    return replace(answer, tokens_out=out_known, tokens_cached=cached, tokens_reasoning=thought)


def _cost(model: str, tokens_in: int, tokens_out: int, *, cached: int) -> float | None:
    """US dollars by LiteLLM's table, `cached` being part of `tokens_in`; None where the table knows no price."""
    try:
        both = library().cost_per_token(
            model=model, prompt_tokens=tokens_in, completion_tokens=tokens_out, cache_read_input_tokens=cached
        )
    except Exception:  # it raises plain Exception for an unknown model
        return None
    return float(sum(both))


def _part(whole: dict[str, Any], name: str) -> dict[str, Any]:
    part = whole.get(name)
    return part if isinstance(part, dict) else {}


def _count(part: dict[str, Any], name: str) -> int | None:
    count = part.get(name)
    return count if isinstance(count, int) else None


def _served(reply: dict[str, Any], otherwise: str) -> str:
    """The model that answered, by the provider's own name of it."""
    return str(reply.get("modelVersion") or reply.get("model") or otherwise)


@cache
def _enter(model: str) -> None:
    """Put an Ollama model into LiteLLM's table, at no price.

    For one that is not there LiteLLM asks localhost, whatever the endpoint, twice for every call, and waits for it.
    """
    provider = provider_of(model)
    if provider in _OLLAMA:
        free = {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0}
        library().model_cost.setdefault(model, {"litellm_provider": provider, "mode": "chat", **free})


@dataclass(slots=True)
class _Hold:
    """How many models use LiteLLM on an event loop, and which of its clients were there before the first did."""

    holders: int
    before: frozenset[str]


_holds: WeakKeyDictionary[asyncio.AbstractEventLoop, _Hold] = WeakKeyDictionary()


def hold() -> None:
    """Say that a model begins to use LiteLLM on this event loop."""
    held = _holds.setdefault(asyncio.get_running_loop(), _Hold(0, frozenset(_clients())))
    held.holders += 1


async def release() -> None:
    """Say that it no longer does; with the last one, the HTTP clients that LiteLLM made for this loop are closed.

    LiteLLM would leave them to the garbage collector, which reports unclosed sockets once the loop is gone.
    """
    loop = asyncio.get_running_loop()
    held = _holds[loop]
    held.holders -= 1
    if held.holders:
        return
    del _holds[loop]
    clients = _clients()
    for name in _names_of(loop, clients) - held.before:
        client = clients.pop(name)
        close = getattr(client, "close", None) or getattr(client, "aclose", None)
        with contextlib.suppress(Exception):  # it is given up either way
            closing = close() if close is not None else None
            if asyncio.iscoroutine(closing):
                await closing


def _clients() -> dict[str, Any]:
    cached: dict[str, Any] = library().in_memory_llm_clients_cache.cache_dict
    return cached


def _names_of(loop: asyncio.AbstractEventLoop, clients: dict[str, Any]) -> set[str]:
    """The names under which LiteLLM keeps the clients of this loop: they end with what stands for the loop."""
    try:
        from litellm.caching.evicted_client_closer import running_loop_token

        ending = f"-{running_loop_token()}"
    except ImportError:  # an older release
        ending = f"-{id(loop)}"
    return {name for name in clients if name.endswith(ending)}

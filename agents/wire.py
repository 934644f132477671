"""How does one attempt reach a model's endpoint? All of LiteLLM is met here."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import os
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from ..store.records import Road
from .answer import Answer, Failure
from .failures import failure_of

BUILT_IN = ("builtin", "replay")

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
    if endpoint and (fault := _address_fault(endpoint)):
        raise Failure("unreachable", fault, sent=False)
    litellm = library()
    options = dict(parameters)
    if endpoint:
        options["api_base"] = endpoint
        if provider_of(model) == "openai" and not os.environ.get("OPENAI_API_KEY"):
            options["api_key"] = "none"  # servers of one's own ask for no key; the SDK refuses to go without
    if "tools" in options:
        options["_skip_mcp_handler"] = True  # without it a missing optional package looks like a lost connection
    try:
        with _unlogged():
            asking = litellm.acompletion(
                model=model, messages=messages, timeout=seconds, num_retries=0, max_retries=0, **options
            )
            response = await _cancelled_later(asking)
    except Exception as error:
        raise failure_of(error, sent=parameters) from error
    return _answer(response, built_in=provider_of(model) in BUILT_IN)


def _address_fault(endpoint: str) -> str:
    try:
        parts = urlsplit(endpoint)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    return "" if good else "the base URL is not an address such as http://127.0.0.1:8000/v1"


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
        text=_text_of(content),
        reasoning=str(getattr(message, "reasoning_content", None) or ""),
        tool_calls=calls,
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


def _text_of(content: Any) -> str:
    """The text of an answer; some servers give it in parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


@cache
def price_source() -> str:
    """Where prices come from, with its version."""
    return f"litellm {version('litellm')}"


class Prices(NamedTuple):
    """The most that LiteLLM's local table asks for a token, in US dollars, and the longest answer it knows of."""

    token_in: float
    token_out: float
    longest: int | None = None


@cache
def prices(model: str) -> Prices | None:
    """A model's prices, the dearest of each kind (long prompts cost more); None where the table knows none."""
    if provider_of(model) in BUILT_IN:
        return Prices(0.0, 0.0, 0)
    try:
        known = library().get_model_info(model)
    except Exception:  # it raises plain Exception for an unknown model
        return None
    dearest = []
    for kind in ("input", "output"):
        asked = (f"{kind}_cost_per_token", f"{kind}_cost_per_token_above_", "cache_creation_input_token_cost")
        if known.get(asked[0]) is None:
            return None
        names = [n for n in known if n == asked[0] or n.startswith(asked[1]) or (kind == "input" and n == asked[2])]
        dearest.append(max(float(known[n]) for n in names if isinstance(known[n], (int, float))))
    return Prices(dearest[0], dearest[1], known.get("max_output_tokens"))


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

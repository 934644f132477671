"""What does one attempt at a model's endpoint bring: an answer, or which failure? All of LiteLLM is met here."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import math
import os
import re
import threading
from collections.abc import Collection, Coroutine, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import orjson

from ..store.records import Road

BUILT_IN = ("builtin", "replay")

_REFUSES = re.compile(
    r"unsupported|(?:not|n't|only) support|not (?:allowed|permitted|available|enabled|compatible)|unavailable|unknown"
    r"|unrecogni[sz]ed|unexpected|deprecated|extra (?:inputs|fields)|cannot both|only the default"
    r"|invalid param|requires --",
    re.IGNORECASE,
)
_SHAPES = re.compile(r"invalid|must be|missing", re.IGNORECASE)
_SPOKEN = {
    "response_format": r"response[_ ]format|json[_ ]schema|structured output",
    "tools": r"tool[_ ]choice|(?<!\w)tools?(?!\w)|function[_ ]call",
}
_NEAR = 80
_REFUSAL_CODES = frozenset({"unsupported_parameter", "unsupported_value", "unknown_parameter"})
_NO_KEY = re.compile(r"missing .{0,40}(?:api[_ ]?key|credentials)|api[_ ]?key.{0,40}must be set", re.IGNORECASE)
_PREFIX = re.compile(r"^(?:litellm\.\w+: )+(?:\w+(?: Error)?: )?(?:\w+Exception - )?")
_NO_COMPLETION = re.compile(r"Empty or invalid response|Invalid response object|response with no 'choices'")
_FILTERED = frozenset({"content_filter", "content_policy_violation"})
_UNREACHABLE = frozenset(
    {"ConnectionRefusedError", "gaierror", "ClientConnectorError", "ClientConnectorDNSError", "ConnectError"}
)
_NO_ADDRESS = frozenset({"InvalidURL", "UnsupportedProtocol", "InvalidUrlClientError", "NonHttpUrlClientError"})
_LOST = frozenset({"APIConnectionError", "ServerDisconnectedError", "ClientPayloadError", "RemoteProtocolError"})
_GARBAGE = frozenset({"JSONDecodeError", "APIResponseValidationError", "ContentTypeError"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said, and what it took."""

    text: str
    reasoning: str = ""
    tool_calls: tuple[dict[str, Any], ...] = ()
    finish_reason: str = ""
    refusal: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    tokens_reasoning: int | None = None
    cost: float | None = None
    price_source: str = ""
    served_model: str = ""


class Failure(Exception):
    """An attempt that brought no answer.

    Attributes:
        reason: one word for the row: rate_limited, timeout, deadline, server, connection, garbage, bad_request,
            content_filter, context_window, miss, callable, fault; unreachable, auth, quota and not_found mean that no
            call to the model can succeed.
        said: what the server or the library said.
        retry: whether another attempt may help.
        retry_after: seconds that the server asked to wait, None where it did not say.
        parameter: the parameter that was refused, '' for none.
        sent: whether anything went out; the library itself refuses some calls.
    """

    def __init__(
        self,
        reason: str,
        said: str,
        *,
        retry: bool = False,
        retry_after: float | None = None,
        parameter: str = "",
        sent: bool = True,
    ) -> None:
        """Keep what is known of the failure."""
        super().__init__(f"{reason}: {said}")
        self.reason = reason
        self.said = said
        self.retry = retry
        self.retry_after = retry_after
        self.parameter = parameter
        self.sent = sent


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


def failure_of(error: BaseException, *, sent: Collection[str] = ()) -> Failure:
    """Which failure an exception of LiteLLM's, of an SDK's, or of the network's stands for.

    Args:
        error: as it came out of LiteLLM.
        sent: the parameters that went along: only these can have been refused.
    """
    chain = _chain(error)
    for link in chain:
        if isinstance(link, Failure):
            return link
    said = _said(error)
    names = {type(link).__name__ for link in chain}
    codes = {code for link in chain if isinstance(code := getattr(link, "code", None), str)}
    if "ContentPolicyViolationError" in names or codes & _FILTERED:
        return Failure("content_filter", said)
    if "ContextWindowExceededError" in names or "context_length_exceeded" in codes:
        return Failure("context_window", said)
    status = getattr(error, "status_code", None)
    local = "UnsupportedParamsError" in names
    if (parameter := _refused_parameter(said, error, sent)) and (status in (400, 422) or local):
        return Failure("bad_request", said, parameter=parameter, sent=not local)
    if "LLM Provider NOT provided" in said:
        return Failure("not_found", "its name begins with no provider that LiteLLM knows", sent=False)
    if _NO_KEY.search(said):
        return Failure("auth", said, sent=False)
    if names & _NO_ADDRESS:
        return Failure("unreachable", said, sent=False)
    if names & _UNREACHABLE:
        return Failure("unreachable", str(chain[-1]).strip() or said, retry=True)
    if status == 402 or "insufficient_quota" in codes:
        return Failure("quota", said)
    if names & _GARBAGE or _NO_COMPLETION.search(said):
        return Failure("garbage", said, retry=True)
    if "OpenAIError" in names and type(chain[-1]) is Exception:  # status 200 with an error in the place of an answer
        return Failure("server", said, retry=True)
    return _by_status(status, said, names, chain)


def _by_status(status: int | None, said: str, names: set[str], chain: list[BaseException]) -> Failure:
    wait = _retry_after(chain)
    match status:
        case 401 | 403:
            return Failure("auth", said)
        case 404:
            return Failure("not_found", said)
        case 408:
            return Failure("timeout", said, retry=True, retry_after=wait)
        case 429:
            return Failure("rate_limited", said, retry=True, retry_after=wait)
        case int() if 400 <= status < 500:
            return Failure("bad_request", said)
        case int() if status >= 500:
            return Failure("connection" if names & _LOST else "server", said, retry=True, retry_after=wait)
        case _:
            return Failure("fault", said, retry="Connection" in type(chain[0]).__name__)


def _said(error: BaseException) -> str:
    """What an exception says, without LiteLLM's own preface and without the traceback that it sometimes adds."""
    whole = str(error).partition("Traceback (most recent call last)")[0].strip()
    said = _PREFIX.sub("", whole).strip() or type(error).__name__
    if re.fullmatch(r"Error code: \d+", said):  # the SDK found no error object; what the server wrote says more
        replies = [getattr(getattr(link, "response", None), "text", "") for link in _chain(error)]
        page = " ".join(re.sub(r"<[^>]*>", " ", str(max(replies, key=len))).split())
        said = f"{said}: {page[:300]}" if page else said
    return said


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return chain


def _refused_parameter(said: str, error: BaseException, sent: Collection[str]) -> str:
    """The parameter that a 400 refuses, '' where it is about something else.

    OpenAI's error object names it; other servers' words are searched for one that was sent, with words of refusal near.
    """
    named = getattr(error, "param", None)
    if isinstance(named, str) and named:
        named = re.split(r"[.\[]", named)[0]
        named = "tools" if named == "tool_choice" else named
        if named not in sent:
            return ""
        if getattr(error, "code", None) in _REFUSAL_CODES:
            return named
        sent = (named,)
    found: list[tuple[int, str]] = []
    for name in sent:
        wanted = _SPOKEN.get(name, rf"(?<!\w){re.escape(name)}(?!\w)")
        for place in re.finditer(wanted, said, re.IGNORECASE):
            around = said[max(0, place.start() - _NEAR) : place.end() + _NEAR]
            if _REFUSES.search(around) or (name in _SPOKEN and _SHAPES.search(around)):
                found.append((place.start(), name))
                break
    return min(found)[1] if found else ""


def _retry_after(chain: list[BaseException]) -> float | None:
    for link in chain:
        headers = getattr(getattr(link, "response", None), "headers", None) or getattr(link, "headers", None)
        if headers is None or not hasattr(headers, "get"):
            continue
        if (thousandths := _number(headers.get("retry-after-ms"))) is not None:
            return thousandths / 1000
        if (value := headers.get("retry-after")) is None:
            continue
        if (seconds := _number(value)) is not None:
            return seconds
        try:
            return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
        except (TypeError, ValueError):
            return None
    return None


def _number(text: Any) -> float | None:
    try:
        number = float(text)
    except (TypeError, ValueError):
        return None
    return max(0.0, number) if math.isfinite(number) else None


def as_json(value: Any) -> str:
    """JSON of whatever a provider's objects hold."""
    return orjson.dumps(value, default=str).decode()


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

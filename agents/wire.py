"""What does one attempt at a model's endpoint bring: an answer, or which failure? All of LiteLLM is met here."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from importlib.metadata import version
from typing import Any

import orjson

from ..store.writer import now

BUILT_IN = ("builtin", "replay")

_PARAMETERS = (
    *("response_format", "json_schema", "tool_choice", "tools", "temperature", "top_p", "seed"),
    *("max_completion_tokens", "max_tokens", "reasoning_effort", "stop", "logprobs"),
)
_REFUSES = re.compile(r"unsupported|not support|n't support|not allowed|unknown|unrecogni[sz]ed|unexpected|invalid|not permitted|deprecated|extra inputs", re.I)


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
            content_filter, context_window, miss, callable, fault; unreachable, auth and not_found mean that no call to the
            model can succeed.
        said: what the server or the library said.
        retry: whether another attempt may help.
        retry_after: seconds that the server asked to wait, None where it did not say.
        parameter: the parameter that was refused, '' for none.
    """

    def __init__(
        self,
        reason: str,
        said: str,
        *,
        retry: bool = False,
        retry_after: float | None = None,
        parameter: str = "",
    ) -> None:
        """Keep what is known of the failure."""
        super().__init__(f"{reason}: {said}")
        self.reason = reason
        self.said = said
        self.retry = retry
        self.retry_after = retry_after
        self.parameter = parameter


@cache
def library() -> Any:
    """LiteLLM, imported on first use with everything that would call home switched off."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_TELEMETRY", "False")
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")  # else it reads .env files of its own choosing
    import litellm

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.drop_params = False
    litellm.num_retries = 0
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy", "httpx", "openai", "asyncio"):
        if name != "asyncio":
            logging.getLogger(name).setLevel(logging.CRITICAL)
    from .builtin.provider import register

    register(litellm)
    return litellm


def provider_of(model: str) -> str:
    """The provider that a model's name begins with, '' where it names none."""
    return model.partition("/")[0] if "/" in model else ""


async def send(
    model: str, messages: list[dict[str, Any]], *, endpoint: str, timeout: float, parameters: dict[str, Any]
) -> Answer:
    """One attempt.

    Args:
        model: LiteLLM's name of it, such as `openai/gpt-5-mini`.
        messages: as the provider gets them.
        endpoint: the base URL, '' for the provider's own.
        timeout: seconds that the library may take; the caller keeps its own deadline beside it.
        parameters: whatever else is sent.

    Raises:
        Failure: if no answer came.
    """
    litellm = library()
    options = dict(parameters)
    if endpoint:
        options["api_base"] = endpoint
        if provider_of(model) == "openai" and not os.environ.get("OPENAI_API_KEY"):
            options["api_key"] = "none"  # servers of one's own ask for no key; the SDK refuses to go without
    if "tools" in options:
        options["_skip_mcp_handler"] = True  # without it a missing optional package looks like a lost connection
    try:
        response = await litellm.acompletion(
            model=model, messages=messages, timeout=timeout, num_retries=0, max_retries=0, **options
        )
    except Exception as error:
        raise failure_of(error) from error
    return _answer(response, built_in=provider_of(model) in BUILT_IN)


def _answer(response: Any, *, built_in: bool) -> Answer:
    try:
        choice = response.choices[0]
        message = choice.message
        content = message.content
    except (AttributeError, IndexError, TypeError) as error:
        raise Failure("garbage", "the reply holds no message", retry=True) from error
    usage = getattr(response, "usage", None)
    details = getattr(usage, "prompt_tokens_details", None)
    spent = getattr(usage, "completion_tokens_details", None)
    calls = tuple(call.model_dump() for call in getattr(message, "tool_calls", None) or ())
    extra = getattr(message, "provider_specific_fields", None) or {}
    cost = (getattr(response, "_hidden_params", None) or {}).get("response_cost")
    return Answer(
        text=content if isinstance(content, str) else "",
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


@cache
def price_source() -> str:
    """Where prices come from, with its version."""
    return f"litellm {version('litellm')}"


@cache
def prices(model: str) -> tuple[float, float] | None:
    """US dollars per token in and out, None where LiteLLM's local table knows no price."""
    if provider_of(model) in BUILT_IN:
        return (0.0, 0.0)
    try:
        known = library().get_model_info(model)
    except Exception:  # it raises plain Exception for an unknown model
        return None
    price_in, price_out = known.get("input_cost_per_token"), known.get("output_cost_per_token")
    return None if price_in is None or price_out is None else (float(price_in), float(price_out))


def failure_of(error: BaseException) -> Failure:
    """Which failure an exception of LiteLLM's, of an SDK's, or of the network's stands for."""
    if isinstance(error, Failure):
        return error
    chain = _chain(error)
    for link in chain:
        if isinstance(link, Failure):
            return link
    said = str(error).strip() or type(error).__name__
    names = {type(link).__name__ for link in chain}
    status = getattr(error, "status_code", None)
    parameter = _refused_parameter(said, names, status)
    if parameter:
        return Failure("bad_request", said, parameter=parameter)
    if "ContentPolicyViolationError" in names:
        return Failure("content_filter", said)
    if "ContextWindowExceededError" in names:
        return Failure("context_window", said)
    if "NOT provided" in said:
        return Failure("not_found", said)
    if "Missing credentials" in said or "api_key" in said.lower() and "must be set" in said.lower():
        return Failure("auth", said)
    if names & {"ConnectionRefusedError", "gaierror", "ClientConnectorError", "ClientConnectorDNSError", "ConnectError"}:
        return Failure("unreachable", said, retry=True)
    if names & {"InvalidURL", "UnsupportedProtocol", "InvalidUrlClientError", "NonHttpUrlClientError"}:
        return Failure("unreachable", said)
    return _by_status(status, said, names, chain)


def _by_status(status: int | None, said: str, names: set[str], chain: list[BaseException]) -> Failure:
    wait = _retry_after(chain)
    if names & {"JSONDecodeError", "APIResponseValidationError", "ContentTypeError"}:
        return Failure("garbage", said, retry=True)
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
            lost = names & {"APIConnectionError", "ServerDisconnectedError", "ClientPayloadError", "RemoteProtocolError"}
            return Failure("connection" if lost else "server", said, retry=True, retry_after=wait)
        case _:
            return Failure("fault", said, retry="Connection" in type(chain[0]).__name__)


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return chain


def _refused_parameter(said: str, names: set[str], status: int | None) -> str:
    if status not in (400, 422) and "UnsupportedParamsError" not in names:
        return ""
    if not _REFUSES.search(said):
        return ""
    found = [(said.find(name), name) for name in _PARAMETERS if name in said]
    return min(found)[1] if found else ""


def _retry_after(chain: list[BaseException]) -> float | None:
    for link in chain:
        headers = getattr(getattr(link, "response", None), "headers", None) or getattr(link, "headers", None)
        value = headers.get("retry-after") if headers is not None and hasattr(headers, "get") else None
        if value is None:
            continue
        try:
            return max(0.0, float(value))
        except ValueError:
            try:
                from datetime import datetime

                until = parsedate_to_datetime(value)
                return max(0.0, (until - datetime.fromisoformat(now().replace("Z", "+00:00"))).total_seconds())
            except (TypeError, ValueError):
                return None
    return None


def as_json(value: Any) -> str:
    """JSON of whatever a provider's objects hold."""
    return orjson.dumps(value, default=str).decode()

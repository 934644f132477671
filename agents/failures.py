"""Which failure does an exception of LiteLLM's, of an SDK's, or of the network's stand for?"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from .answer import Failure

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
    if "LLM Provider NOT provided" in said or "GetLLMProvider Exception" in str(error):
        return Failure("not_found", "it does not name a provider that LiteLLM knows and a model of it", sent=False)
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

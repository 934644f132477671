"""Which failure does an exception of LiteLLM's, of an SDK's, or of the network's stand for?"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Collection
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from .answer import Failure

_REFUSES = re.compile(
    r"unsupported|(?:not|n't|only) support|not (?:allowed|permitted|available|enabled|compatible)|unavailable|unknown"
    r"|unrecogni[sz]ed|unexpected|deprecated|extra (?:inputs|fields)|cannot both|only the default"
    r"|invalid param|requires --",
    re.IGNORECASE,
)
_SHAPES = re.compile(r"invalid|must be|missing|cannot unmarshal", re.IGNORECASE)
_TOOLS = r"tool[_ ]choice|(?<!\w)tools?(?!\w)|function[_ ]call"
_SCHEMA = (
    r"response[_ ]format|json[_ ]schema|structured output"
    r"|output[_ ](?:format|config)|json mode|response[_ ](?:schema|mime[_ ]type)|ChatRequest\.format"
)
_SPOKEN = {"response_format": _SCHEMA, "tools": _TOOLS}
_BAD_SCHEMA = re.compile(r"invalid JSON schema in format|(?:parse|load) grammar", re.IGNORECASE)
_NEAR = 80
_REFUSAL_CODES = frozenset({"unsupported_parameter", "unsupported_value", "unknown_parameter"})
_NO_KEY = re.compile(r"missing .{0,40}(?:api[_ ]?key|credentials)|api[_ ]?key.{0,40}must be set", re.IGNORECASE)
_PREFIX = re.compile(r"^(?:litellm\.\w+: )+(?:\w+(?: Error)?: )?(?:\w+Exception (?:\w+ )?- )?(?:\w+Error - )?")
_SUFFIX = re.compile(r"\.? (?:Handle with `litellm\.\w+`|File an issue if litellm error - \S+)\.?$")
_NO_COMPLETION = re.compile(
    r"Empty or invalid response|Invalid response object|response with no 'choices'"
    r"|'choices' that is not a list|Error converting to valid response"
)
_UNREADABLE = (KeyError, IndexError, AttributeError, TypeError)
_USED_UP = re.compile(r"credit balance is too low|reached your specified API usage limits", re.IGNORECASE)
_TOO_LONG = re.compile(
    r"prompt is too long|input token count .{0,40}exceeds the maximum|too many tokens in the prompt"
    r"|maximum context l(?:ength|imit)|exceeds? (?:the )?(?:available )?context (?:size|window|length|limit)"
    r"|context length of only \d|longer than the (?:maximum model length|model's context length)"
    r"|`inputs` tokens \+ `max_new_tokens` must be|reduce the length of (?:the messages|your prompt)"
    r"|(?<!'user': )string too long\. expected a string",
    re.IGNORECASE,
)
_FLAGGED = re.compile(
    r"invalid prompt.{0,80}violating our usage policy|rejected as a result of (?:the|our) safety system"
    r"|content management policy",
    re.IGNORECASE,
)
_FILTERED = frozenset({"content_filter", "content_policy_violation"})
_UNREACHABLE = frozenset(
    {"ConnectionRefusedError", "gaierror", "ClientConnectorError", "ClientConnectorDNSError", "ConnectError"}
)
_NO_ADDRESS = frozenset({"InvalidURL", "UnsupportedProtocol", "InvalidUrlClientError", "NonHttpUrlClientError"})
_LOST = frozenset(
    {"APIConnectionError", "ServerDisconnectedError", "ClientPayloadError", "RemoteProtocolError", "ClientOSError"}
)
_GARBAGE = frozenset({"JSONDecodeError", "UnicodeDecodeError", "APIResponseValidationError", "ContentTypeError"})


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
    body = _body(chain)
    said = _said(error, chain, body)
    names = {type(link).__name__ for link in chain}
    codes = {code for link in chain if isinstance(code := getattr(link, "code", None), str)}
    if "ContentPolicyViolationError" in names or codes & _FILTERED or _FLAGGED.search(said):
        return Failure("content_filter", said)
    if "ContextWindowExceededError" in names or "context_length_exceeded" in codes or _TOO_LONG.search(said):
        return Failure("context_window", said)
    status = _status(chain)
    local = "UnsupportedParamsError" in names
    bad_schema = status == 500 and _BAD_SCHEMA.search(said)  # Ollama's answer to a schema that it cannot compile
    if (parameter := _refused_parameter(said, error, sent)) and (status in (400, 422) or local or bad_schema):
        return Failure("bad_request", said, parameter=parameter, sent=not local)
    if "LLM Provider NOT provided" in said or "GetLLMProvider Exception" in str(error):
        return Failure("not_found", "it does not name a provider that LiteLLM knows and a model of it", sent=False)
    if _NO_KEY.search(said):
        return Failure("auth", said, sent=False)
    if body.reason == "API_KEY_INVALID" or "AuthenticationError" in names:  # Google says so with status 400
        return Failure("auth", said)
    if names & _NO_ADDRESS:
        return Failure("unreachable", said, sent=False)
    if names & _UNREACHABLE:
        return Failure("unreachable", str(chain[-1]).strip() or said, retry=True)
    if status == 402 or "insufficient_quota" in codes or _USED_UP.search(said) or "PerDay" in body.quota:
        return Failure("quota", said)
    if names & _GARBAGE or _NO_COMPLETION.search(said):
        return Failure("garbage", said, retry=True)
    if "OpenAIError" in names and type(chain[-1]) is Exception:  # status 200 with an error in the place of an answer
        return Failure("server", said, retry=True)
    if "APIConnectionError" in names and isinstance(chain[-1], _UNREADABLE):
        return Failure("garbage", f"the reply cannot be read: {said}", retry=True)
    wait = _retry_after(chain)
    return _by_status(status, said, names, chain, wait=body.wait if wait is None else wait)


def _by_status(
    status: int | None, said: str, names: set[str], chain: list[BaseException], *, wait: float | None
) -> Failure:
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
            lost = names & _LOST and "HTTPStatusError" not in names  # some 502s come out as lost connections
            return Failure("connection" if lost else "server", said, retry=True, retry_after=wait)
        case _:
            return Failure("fault", said, retry="Connection" in type(chain[0]).__name__)


def _status(chain: list[BaseException]) -> int | None:
    """The status that the server gave; LiteLLM puts others in its place, some by the words of the message."""
    for link in chain:
        if type(link).__name__ == "HTTPStatusError":
            status = getattr(getattr(link, "response", None), "status_code", None)
            if isinstance(status, int):
                return status
    return getattr(chain[0], "status_code", None)


class _Body(NamedTuple):
    """What a provider's error object says.

    Attributes:
        message: in its own words.
        reason: Google's word for it, such as API_KEY_INVALID.
        quota: the names of the quotas of Google's that are used up.
        wait: seconds until another attempt, where the body says so; Google's has no Retry-After beside it.
    """

    message: str = ""
    reason: str = ""
    quota: str = ""
    wait: float | None = None


def _body(chain: list[BaseException]) -> _Body:
    """The error object in the reply that the chain keeps: `{"error": "..."}` or `{"error": {"message": "..."}}`."""
    try:
        found = json.loads(_reply(chain))
    except ValueError:
        return _Body()
    found = found[0] if isinstance(found, list) and found else found
    error = found.get("error") if isinstance(found, dict) else None
    if isinstance(error, str):
        return _Body(error)
    if not isinstance(error, dict):
        return _Body()
    parts = error.get("details")
    details: dict[str, Any] = {}
    for part in parts if isinstance(parts, list) else ():
        details |= part if isinstance(part, dict) else {}
    message = error.get("message")
    return _Body(
        message if isinstance(message, str) else "",
        str(details.get("reason") or ""),
        str(details.get("violations") or ""),
        _number(str(details.get("retryDelay") or "").removesuffix("s")),
    )


def _reply(chain: list[BaseException]) -> str:
    """The longest text of a response in the chain; LiteLLM puts empty ones of its own beside the server's."""
    texts = [""]
    for link in chain:
        with contextlib.suppress(Exception):  # one that was never read cannot be read now
            text = getattr(getattr(link, "response", None), "text", "")
            texts.append(text if isinstance(text, str) else "")
    return max(texts, key=len)


def _said(error: BaseException, chain: list[BaseException], body: _Body) -> str:
    """What the server said, else what the exception says, without LiteLLM's own preface, advice and traceback."""
    if body.message:
        return body.message
    whole = str(error).partition("Traceback (most recent call last)")[0].strip()
    said = _SUFFIX.sub("", _PREFIX.sub("", whole)).strip() or type(error).__name__
    bare = re.fullmatch(r"Error code: \d+", said)  # the SDK found no error object; what the server wrote says more
    if bare or said.startswith("<"):
        page = " ".join(re.sub(r"<[^>]*>", " ", _reply(chain) if bare else said).split())
        said = f"{said}: {page[:300]}" if bare and page else page[:300] or said
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
        if name == "response_format" and "tools" not in sent:  # LiteLLM asks some models for a schema by a tool
            wanted = f"{_SCHEMA}|{_TOOLS}"
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

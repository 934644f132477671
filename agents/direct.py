"""How is an OpenAI-compatible endpoint asked without LiteLLM? By one HTTP request, where nothing needs translation."""

from __future__ import annotations

import asyncio
import json
import os
import re
from dataclasses import replace
from typing import Any, NamedTuple

import orjson

from ..text.letters import first_token
from .answer import Answer, Failure, text_of
from .failures import failure_of
from .prices import cost_of, price_source
from .trust import trusted


class Compatible(NamedTuple):
    """A provider whose endpoints take what this client sends, and what the environment says of it, as LiteLLM reads it.

    Attributes:
        key: the variable that its key stands in.
        bases: the variables that its address may stand in, the first that is set counts.
        base: its address where none is set, '' for none.
    """

    key: str
    bases: tuple[str, ...]
    base: str = ""


COMPATIBLE = {
    "openai": Compatible("OPENAI_API_KEY", ("OPENAI_BASE_URL", "OPENAI_API_BASE"), "https://api.openai.com/v1"),
    "hosted_vllm": Compatible("HOSTED_VLLM_API_KEY", ("HOSTED_VLLM_API_BASE",)),
    "lm_studio": Compatible("LM_STUDIO_API_KEY", ("LM_STUDIO_API_BASE",)),
    "llamafile": Compatible("LLAMAFILE_API_KEY", ("LLAMAFILE_API_BASE",), "http://127.0.0.1:8080/v1"),
}
# OpenAI's own models whose requests LiteLLM rewrites: other names of parameters, or another interface.
_REWRITTEN = re.compile(
    r"openai/(?:responses/|(?:.*/)?(?:ft:)?(?:o\d|gpt-(?:[5-9]|audio|daybreak)|codex|computer-use))"
)
_BODY = frozenset(
    (
        "temperature top_p seed max_tokens max_completion_tokens stop presence_penalty frequency_penalty logit_bias"
        " logprobs top_logprobs n user response_format tools tool_choice parallel_tool_calls reasoning_effort"
        " service_tier metadata store verbosity top_k min_p repetition_penalty extra_body extra_headers"
    ).split()
)
# How answers end in the words of providers behind gateways, put as LiteLLM puts them; every other word is a plain stop.
_FINISHED = {
    **dict.fromkeys(
        "length max_tokens MAX_TOKENS CONTINUATION compaction pause_turn model_context_window_exceeded".split(),
        "length",
    ),
    **dict.fromkeys("tool_calls tool_use TOOL_CALL".split(), "tool_calls"),
    **dict.fromkeys(
        (
            "content_filter content_filtered refusal sensitive guardrail_intervened ERROR_TOXIC SAFETY RECITATION"
            " LANGUAGE OTHER BLOCKLIST PROHIBITED_CONTENT SPII IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT IMAGE_RECITATION"
            " IMAGE_OTHER NO_IMAGE ESCALATION"
        ).split(),
        "content_filter",
    ),
    "function_call": "function_call",
}
_THOUGHT = re.compile(r"<(?:think|thinking|budget:thinking)>(.*?)</(?:think|thinking|budget:thinking)>(.*)", re.DOTALL)
_ACCOUNT = {
    "OpenAI-Organization": ("OPENAI_ORGANIZATION", "OPENAI_ORG_ID"),
    "OpenAI-Project": ("OPENAI_PROJECT_ID",),
}
_LONGEST = 200_000  # bytes of a refusal that are read


def translates_nothing(model: str, *, endpoint: str, parameters: dict[str, Any]) -> bool:
    """Whether a model can be asked directly with the same outcome: a compatible endpoint, and plain parameters."""
    return bool(endpoint) and plain(model) and parameters.keys() <= _BODY


def plain(model: str) -> bool:
    """Whether LiteLLM, too, sends a model's requests as they are, and so whether its answers can be priced alike."""
    return can_ask(model) and not _REWRITTEN.match(model)


def can_ask(model: str) -> bool:
    """Whether a model's name begins with a provider whose endpoints speak OpenAI's chat format."""
    return model.partition("/")[0] in COMPATIBLE and "/" in model


class _Reply(NamedTuple):
    """What came in the place of an answer, by the names under which `failure_of` looks for it."""

    text: str
    headers: Any


class Refused(Exception):
    """A reply that is no answer, with what its error object says.

    Attributes:
        status_code: the HTTP status.
        param: the parameter that it is about.
        code: the provider's word for it.
        response: its text and headers.
    """

    def __init__(self, status: int, body: bytes, headers: Any) -> None:
        """Read the error object where there is one."""
        told = _error_in(body)
        message = told.get("message")
        super().__init__(message if isinstance(message, str) and message else f"Error code: {status}")
        self.status_code = status
        self.param = told.get("param")
        self.code = told.get("code")
        self.response = _Reply(body[:_LONGEST].decode("utf-8", "replace"), headers)


def _error_in(body: bytes) -> dict[str, Any]:
    """The error object of a reply: under `error`, in a list of one, or the whole reply; {} where there is none."""
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    told: Any = read[0] if isinstance(read, list) and read else read
    for _ in range(2):  # some gateways wrap the object that they got
        told = told.get("error", told) if isinstance(told, dict) else told
    if isinstance(told, str) and isinstance(read, dict):
        return {"message": told}
    return told if isinstance(told, dict) else {}


class Direct:
    """One judge's connections to one endpoint. `open` it on the loop that uses it, and `close` it there.

    Attributes:
        base: the address that `/chat/completions` is put behind, '' where none is known.
        key: what is sent as the bearer, '' for nothing.
    """

    def __init__(self, model: str, *, endpoint: str) -> None:
        """Name the model and the endpoint; nothing is opened yet."""
        provider, _, self._name = model.partition("/")
        self._model = model
        known = COMPATIBLE[provider]
        self.base = endpoint or next(filter(None, map(os.environ.get, known.bases)), known.base)
        self._url: Any = None
        self.key = os.environ.get(known.key, "")
        self._headers = {"Content-Type": "application/json"}
        if self.key:
            self._headers["Authorization"] = f"Bearer {self.key}"
        if provider == "openai":
            self._headers |= {
                header: value
                for header, names in _ACCOUNT.items()
                if (value := next(filter(None, map(os.environ.get, names)), ""))
            }
        self._session: Any = None

    async def open(self) -> None:
        """Have connections ready; aiohttp is imported here."""
        if self._session is not None:
            return
        import aiohttp
        from yarl import URL

        self._url = URL(f"{self.base.rstrip('/')}/chat/completions")
        secure = await asyncio.to_thread(trusted) if self._url.scheme == "https" else True
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60, ssl=secure),  # how many, the lanes say
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=30),
            headers=self._headers,
            auto_decompress=True,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=_has_proxy(),
        )

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def send(self, messages: list[dict[str, Any]], parameters: dict[str, Any]) -> Answer:
        """One attempt.

        Args:
            messages: as the provider gets them.
            parameters: whatever else is sent; `extra_body` is merged in, `extra_headers` go as headers.

        Raises:
            Failure: if no answer came.
        """
        import aiohttp

        body = {"model": self._name, "messages": messages, **parameters}
        headers = body.pop("extra_headers", None)
        body |= body.pop("extra_body", None) or {}
        try:
            data = orjson.dumps(body)
        except TypeError as error:  # such as half of a surrogate pair
            raise Failure("bad_request", f"the request is no JSON: {error}", sent=False) from error
        try:
            async with self._session.post(self._url, data=data, headers=headers) as reply:
                raw = await reply.read()
                if not 200 <= reply.status < 300:
                    raise Refused(reply.status, raw, reply.headers)
        except Refused as refused:
            raise failure_of(refused, sent=parameters) from refused
        except aiohttp.ClientConnectorError as error:
            raise Failure("unreachable", str(getattr(error, "os_error", None) or error), retry=True) from error
        except aiohttp.InvalidURL as error:
            raise Failure("unreachable", f"{error} is no address", sent=False) from error
        except (aiohttp.ClientError, OSError) as error:
            said = getattr(error, "message", None) or error
            raise Failure("connection", " ".join(str(said).split()) or type(error).__name__, retry=True) from error
        return self._read(raw, service=str(parameters.get("service_tier") or ""))

    def _read(self, raw: bytes, *, service: str) -> Answer:
        reply = _json(raw)
        if isinstance(reply, dict) and reply.get("error"):
            message = _error_in(raw).get("message")
            said = message if isinstance(message, str) and message else orjson.dumps(reply["error"]).decode()[:300]
            raise Failure("server", said, retry=True)
        try:
            choice = reply["choices"][0]
            message = choice["message"]
            answer = _answer(reply, choice, message)
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            raise Failure("garbage", "the reply holds no message", retry=True) from error
        cost = cost_of(self._model, answer, service=str(reply.get("service_tier") or service))
        return answer if cost is None else replace(answer, cost=cost, price_source=price_source())


def _json(raw: bytes) -> Any:
    """What a reply's body holds; what orjson is too strict for (NaN, a byte order mark) the slower parser reads.

    Raises:
        Failure: if it is no JSON.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        try:
            return json.loads(raw)
        except (ValueError, RecursionError) as error:
            page = " ".join(raw[:2000].decode("utf-8", "replace").split())[:200]
            said = "the reply is empty" if not page else f"the reply is not JSON: {page}"
            raise Failure("garbage", said, retry=True) from error


def _answer(reply: dict[str, Any], choice: dict[str, Any], message: dict[str, Any]) -> Answer:
    """The answer in a completion.

    Raises:
        AttributeError, KeyError, TypeError: if the completion is not as OpenAI's format has it.
    """
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    if not (content is None or isinstance(content, str | list)) or not all(isinstance(part, dict) for part in parts):
        raise TypeError(content)
    text = text_of(content)
    if "reasoning_content" in message or "reasoning" in message:
        thought = message.get("reasoning_content", message.get("reasoning")) or ""
        if not isinstance(thought, str):
            raise TypeError(thought)
    else:
        found = _THOUGHT.match(text)
        thought, text = ("", text) if found is None else (found[1], found[2])
    calls = tuple(_called(call) for call in message.get("tool_calls") or ())
    finished = _FINISHED.get(str(choice.get("finish_reason")), "stop")
    usage = _part(reply, "usage")
    if not usage.get("prompt_tokens"):
        usage = {}  # zeros stand where nothing was counted: there is no call without a prompt
    return Answer(
        text=text,
        reasoning=thought,
        tool_calls=calls,
        first_token=tuple(first_token(choice.get("logprobs"))),
        finish_reason="tool_calls" if calls and finished == "stop" else finished,
        refusal=str(message.get("refusal") or _part(message, "provider_specific_fields").get("refusal") or ""),
        tokens_in=_count(usage.get("prompt_tokens")),
        tokens_out=_count(usage.get("completion_tokens")),
        tokens_cached=_cached(usage),
        tokens_reasoning=_thinking(usage),
        served_model=str(reply.get("model") or ""),
    )


def _called(call: dict[str, Any]) -> dict[str, Any]:
    """A tool call with its parts in the order in which LiteLLM gives them, the arguments a text, no id invented."""
    function = call["function"]
    arguments = function.get("arguments")
    if not isinstance(arguments, str):
        arguments = "" if arguments is None else json.dumps(arguments)
    told = {"arguments": arguments, "name": function.get("name")}
    rest = {name: value for name, value in call.items() if name not in ("function", "id", "type")}
    return {**rest, "function": told, "id": call.get("id"), "type": call.get("type") or "function"}


def _cached(usage: dict[str, Any]) -> int | None:
    """Tokens of the prompt that came from a cache, by any of the names that servers give them."""
    for name in ("cache_read_input_tokens", "prompt_cache_hit_tokens"):
        if isinstance(usage.get(name), int):
            return _count(usage[name])
    return _count(_part(usage, "prompt_tokens_details").get("cached_tokens"))


def _thinking(usage: dict[str, Any]) -> int | None:
    known = _count(_part(usage, "completion_tokens_details").get("reasoning_tokens"))
    return known if known is not None else _count(usage.get("reasoning_tokens") or None)


def _part(whole: dict[str, Any], name: str) -> dict[str, Any]:
    part = whole.get(name)
    return part if isinstance(part, dict) else {}


def _count(value: Any) -> int | None:
    """A number of tokens, also where it is written as a text or with a point; None for anything else."""
    if isinstance(value, int):
        return None if isinstance(value, bool) else value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if number.is_integer() else None


def _has_proxy() -> bool:
    from urllib.request import getproxies

    return bool(getproxies())

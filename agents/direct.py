"""How is an OpenAI-compatible endpoint asked without LiteLLM? By one HTTP request, where nothing needs translation."""

from __future__ import annotations

import os
import re
from typing import Any

import orjson

from .answer import Answer, Failure, text_of
from .failures import failure_of
from .prices import cost_of, price_source

# Providers whose endpoints take what this client sends, each with the variable that its key stands in.
COMPATIBLE = {
    "openai": "OPENAI_API_KEY",
    "hosted_vllm": "HOSTED_VLLM_API_KEY",
    "lm_studio": "LM_STUDIO_API_KEY",
    "llamafile": "LLAMAFILE_API_KEY",
    "openai_like": "OPENAI_LIKE_API_KEY",
}
_OPENAI = "https://api.openai.com/v1"
_BODY = frozenset(
    (
        "temperature top_p seed max_tokens max_completion_tokens stop presence_penalty frequency_penalty logit_bias"
        " logprobs top_logprobs n user response_format tools tool_choice parallel_tool_calls reasoning_effort"
        " service_tier metadata store verbosity top_k min_p repetition_penalty extra_body extra_headers"
    ).split()
)
_FINISHED = {
    **dict.fromkeys(("stop_sequence", "end_turn", "eos", "eos_token", "finished"), "stop"),
    **dict.fromkeys(("max_tokens", "max_length", "MAX_TOKENS"), "length"),
}
_THOUGHT = re.compile(r"\s*<(think|thinking)>(.*?)</\1>(.*)", re.DOTALL)
_TOO_LONG = re.compile(r"maximum context length|context window|too many tokens in the prompt", re.IGNORECASE)


def translates_nothing(model: str, *, endpoint: str, parameters: dict[str, Any]) -> bool:
    """Whether a model can be asked directly with the same outcome: a compatible endpoint, and plain parameters."""
    return bool(endpoint) and can_ask(model) and parameters.keys() <= _BODY


def can_ask(model: str) -> bool:
    """Whether a model's name begins with a provider whose endpoints speak OpenAI's chat format."""
    return model.partition("/")[0] in COMPATIBLE and "/" in model


class Refused(Exception):
    """A reply that is no answer, with what its error object says.

    Attributes:
        status_code: the HTTP status.
        param: the parameter that it is about.
        code: the provider's word for it.
        headers: the reply's headers.
    """

    def __init__(self, status: int, body: bytes, headers: Any) -> None:
        """Read the error object where there is one."""
        told = _error_in(body)
        if told is None:
            page = " ".join(re.sub(r"<[^>]*>", " ", body[:20_000].decode("utf-8", "replace")).split())[:300]
            said = f"Error code: {status}" + (f": {page}" if page else "")
        else:
            said = str(told.get("message") or f"Error code: {status} - {orjson.dumps(told).decode()[:300]}")
        super().__init__(said)
        self.status_code = status
        self.headers = headers
        self.param = (told or {}).get("param")
        self.code = (told or {}).get("code")
        if self.code is None and status in (400, 413, 422) and _TOO_LONG.search(said):
            self.code = "context_length_exceeded"


def _error_in(body: bytes) -> dict[str, Any] | None:
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    told = read.get("error") if isinstance(read, dict) else None
    if isinstance(told, str):
        return {"message": told}
    if isinstance(told, dict):
        return told
    if isinstance(read, dict) and isinstance(read.get("message"), str):  # as some gateways write it
        return read
    return None


class Direct:
    """One judge's connections to one endpoint. `open` it on the loop that uses it, and `close` it there.

    Attributes:
        key: what is sent as the bearer, '' for nothing.
    """

    def __init__(self, model: str, *, endpoint: str) -> None:
        """Name the model and the endpoint; nothing is opened yet."""
        provider, _, self._name = model.partition("/")
        self._model = model
        self._address = f"{(endpoint or _OPENAI).rstrip('/')}/chat/completions"
        self._url: Any = None
        self.key = os.environ.get(COMPATIBLE[provider], "")
        self._session: Any = None

    async def open(self) -> None:
        """Have connections ready; aiohttp is imported here."""
        if self._session is not None:
            return
        import aiohttp
        from yarl import URL

        self._url = URL(self._address)
        headers = {"Content-Type": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),  # how many are open, the lanes say
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=30),
            headers=headers,
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
            async with self._session.post(self._url, data=data, headers=headers) as reply:
                raw = await reply.read()
                if reply.status != 200:
                    raise Refused(reply.status, raw, reply.headers)
        except Refused as refused:
            raise failure_of(refused, sent=parameters) from refused
        except aiohttp.ClientConnectorError as error:
            raise Failure("unreachable", str(error.os_error or error), retry=True) from error
        except aiohttp.InvalidURL as error:
            raise Failure("unreachable", f"{error} is no address", sent=False) from error
        except (aiohttp.ClientError, OSError) as error:
            raise Failure("connection", str(error) or type(error).__name__, retry=True) from error
        return self._read(raw)

    def _read(self, raw: bytes) -> Answer:
        try:
            reply = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise Failure("garbage", f"the reply is not JSON: {error}", retry=True) from error
        told = _error_in(raw) if isinstance(reply, dict) and reply.get("error") else None
        if told is not None:
            raise Failure("server", str(told.get("message") or told), retry=True)
        try:
            choice = reply["choices"][0]
            message = choice["message"]
            content = message.get("content")
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            raise Failure("garbage", "the reply holds no message", retry=True) from error
        text, thought = text_of(content), message.get("reasoning_content") or message.get("reasoning") or ""
        if not thought and (found := _THOUGHT.fullmatch(text)) is not None:
            thought, text = found[2], found[3]
        usage = reply.get("usage")
        usage = usage if isinstance(usage, dict) and usage.get("prompt_tokens") else {}
        finished = str(choice.get("finish_reason") or "")
        answer = Answer(
            text=text,
            reasoning=str(thought),
            tool_calls=tuple(message.get("tool_calls") or ()),
            finish_reason=_FINISHED.get(finished, finished),
            refusal=str(message.get("refusal") or ""),
            tokens_in=usage.get("prompt_tokens"),
            tokens_out=usage.get("completion_tokens"),
            tokens_cached=(usage.get("prompt_tokens_details") or {}).get("cached_tokens"),
            tokens_reasoning=(usage.get("completion_tokens_details") or {}).get("reasoning_tokens"),
            served_model=str(reply.get("model") or ""),
        )
        cost = cost_of(self._model, answer)
        return answer if cost is None else _priced(answer, cost)


def _priced(answer: Answer, cost: float) -> Answer:
    from dataclasses import replace

    return replace(answer, cost=cost, price_source=price_source())


def _has_proxy() -> bool:
    from urllib.request import getproxies

    return bool(getproxies())

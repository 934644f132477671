"""Providers: what does a client meet at Anthropic's Messages, Google's generateContent and Ollama's chat?

Three servers on 127.0.0.1, each in a thread of the test's own process. They speak what the providers' API references
describe: each request is checked as the provider checks it and refused in its words, and each answer has its shape.

    with Gemini() as server:
        server.script(fails(429, wait=0.05, times=2), "ok")    # then ask server.litellm_name at server.base_url

Kinds of outcome; after the last that is scripted every answer is `ok`:

    ok       what was asked for: an instance of the schema, a call of the tool, or a text with a letter in brackets
    say      the outcome's own text                      garbage  200 whose body is no JSON
    empty    an answer without content                   badjson  200 whose JSON ends halfway
    length   cut, unless `enough_tokens` are allowed     html     an HTML page with status 502
    refusal  the provider's own way to decline           cut      half of the body
    blocked  the prompt itself is declined (Gemini)      reset    dropped without a byte
    think    as ok, after some reasoning                 hang     never answers
    stop     no content, and the text as stop reason     raw      200 whose body is the outcome's own text
    fails    the provider's error object, see `fails`
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, ClassVar, Self

from aiohttp import web

from ..loopback import Json, Side, cut, drop, instance

KEY = "planted-provider-key-0123456789abcdef"
EVER = 1 << 30
THOUGHT = "First I weigh each answer alone."
SORRY = "I'm sorry, but I can't help with that request."
ANY_JSON: Json = {"type": "object", "properties": {"rationale": {"type": "string"}, "verdict": {"enum": ["A", "B"]}}}
TOKENS_IN, TOKENS_OUT, TOKENS_CACHED, TOKENS_THOUGHT = 50, 30, 40, 20


@dataclass(frozen=True)
class Outcome:
    """What comes of a request: see the top of this file."""

    kind: str = "ok"
    text: str = ""
    status: int = 0
    wait: float | None = None
    details: tuple[Json, ...] = ()
    times: int = 1


def fails(status: int, text: str = "", *, wait: float | None = None, times: int = EVER) -> Outcome:
    """The provider's error object with this status; '' for the message that it usually has."""
    return Outcome("fails", text, status, wait, times=times)


class Refused(Exception):
    """A request that the provider does not take."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def require(holds: object, message: str, *, status: int = 400) -> None:
    """Refuse the request where this does not hold."""
    if not holds:
        raise Refused(status, message)


@dataclass(frozen=True)
class Seen:
    """A request as it came."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Json


@dataclass(frozen=True)
class Asked:
    """What a request asks for, whatever the language it is asked in."""

    model: str
    words: str
    schema: Json | None = None
    tool: str = ""
    tool_schema: Json = field(default_factory=dict)
    limit: int | None = None


@dataclass(frozen=True)
class Said:
    """What the model says: a text, or a tool's arguments, maybe after a thought, maybe cut."""

    text: str = ""
    arguments: Json | None = None
    thought: str = ""
    cut: bool = False


def first(_: str) -> Side:
    """Take the response that is shown first."""
    return "first"


class Provider(ABC):
    """A provider's endpoint, as a test sees it: `with Anthropic() as server: ...`.

    Attributes:
        seen: the requests, in the order in which they came.
    """

    litellm_name: ClassVar[str]
    models: ClassVar[frozenset[str]]
    variable: ClassVar[str] = ""
    path: ClassVar[str]

    def __init__(self) -> None:
        """Take a free port; `with` begins to answer."""
        self.seen: list[Seen] = []
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._port: int = self._socket.getsockname()[1]
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()))
        self.script()

    def script(
        self,
        *outcomes: str | Outcome,
        refuse: Collection[str] = (),
        enough_tokens: int = EVER,
        usage: bool = True,
        pick: Callable[[str], Side] = first,
    ) -> None:
        """Say what comes from now on, and forget what came.

        Args:
            outcomes: taken in turn.
            refuse: of `schema`, `tool` and `temperature`: what this model does not take.
            enough_tokens: the limit from which `length` no longer cuts.
            usage: whether answers count their tokens.
            pick: which response wins, given all words of the request.
        """
        self._script = deque(Outcome(o) if isinstance(o, str) else o for o in outcomes)
        self._refuse, self._enough_tokens, self._usage, self._pick = refuse, enough_tokens, usage, pick
        self.seen.clear()

    @property
    def root(self) -> str:
        """The server's own address."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def base_url(self) -> str:
        """The provider's base URL."""
        return self.root

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(timeout=30)
        return self

    def __exit__(self, kind: type[BaseException] | None, why: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(timeout=30)

    async def _listen(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application()
        app.router.add_post(self.path, self._handle)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, self._socket).start()
        self._ready.set()
        await self._over.wait()
        await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.casefold(): value for name, value in request.headers.items()}
        seen = Seen(request.path, dict(request.query), headers, await request.json())
        self.seen.append(seen)
        try:
            asked = self.check(seen)
            self.refuse(asked, frozenset(self._refuse))
        except Refused as refused:
            return self._failed(Outcome("fails", refused.message, refused.status))
        return await self._reply(request, asked, self._next())

    def _next(self) -> Outcome:
        if not self._script:
            return Outcome()
        outcome = self._script.popleft()
        if outcome.times > 1:
            self._script.appendleft(replace(outcome, times=outcome.times - 1))
        return outcome

    async def _reply(self, request: web.Request, asked: Asked, outcome: Outcome) -> web.StreamResponse:
        match outcome.kind:
            case "fails":
                return self._failed(outcome)
            case "hang":
                await asyncio.Event().wait()
            case "reset":
                return drop(request)
            case "garbage":
                return web.Response(body=b"\x00\xffupstream connect error", content_type="application/json")
            case "raw":
                return web.Response(text=outcome.text, content_type="application/json")
            case "html":
                page = "<html><body><h1>Bad gateway</h1></body></html>"
                return web.Response(text=page, status=502, content_type="text/html")
        whole = json.dumps(self.answer(asked, outcome))
        if outcome.kind == "cut":
            return await cut(request, whole)
        if outcome.kind == "badjson":
            whole = whole[: len(whole) // 2]
        return web.Response(text=whole, content_type="application/json")

    def _failed(self, outcome: Outcome) -> web.Response:
        body, headers = self.error(outcome)
        status = outcome.status
        return web.Response(text=json.dumps(body), status=status, headers=headers, content_type="application/json")

    def said(self, asked: Asked, outcome: Outcome) -> Said:
        """What the model says, for the outcomes that all providers have alike."""
        side = self._pick(asked.words)
        thought = THOUGHT if outcome.kind == "think" else ""
        if outcome.kind in ("empty", "stop", "blocked"):
            return Said()
        if outcome.kind == "say":
            return Said(outcome.text)
        if outcome.kind == "length" and (asked.limit is None or asked.limit < self._enough_tokens):
            return Said('{"rationale": "I comp', cut=True)
        if asked.tool:
            return Said(arguments=made(asked.tool_schema, side), thought=thought)
        if asked.schema is not None:
            return Said(json.dumps(made(asked.schema, side)), thought=thought)
        return Said(f"I compared them. My verdict: [[{'A' if side == 'first' else 'B'}]]", thought=thought)

    @abstractmethod
    def check(self, seen: Seen) -> Asked:
        """What is asked; raises Refused where the provider would not take the request."""

    @abstractmethod
    def refuse(self, asked: Asked, what: Collection[str]) -> None:
        """Raise Refused, in the provider's words, where the request has what this model does not take."""

    @abstractmethod
    def answer(self, asked: Asked, outcome: Outcome) -> Json:
        """The body of an answer."""

    @abstractmethod
    def error(self, outcome: Outcome) -> tuple[Json, dict[str, str]]:
        """The body and the headers of an error."""


def made(schema: Json, side: Side) -> Json:
    """An instance of a schema; Google writes types in capitals."""
    small = json.loads(re.sub(r'("type": )("[A-Z]+")', lambda found: found[1] + found[2].lower(), json.dumps(schema)))
    value: Json = instance(small, root=small, side=side, sha="0")
    return value


def parts_of(schema: Any) -> Iterator[Json]:
    """A schema and all schemas within it."""
    if not isinstance(schema, dict):
        return
    yield schema
    inner = [*schema.get("properties", {}).values(), schema.get("items"), *schema.get("anyOf", ())]
    for part in inner:
        yield from parts_of(part)


def texts_of(content: Any) -> Iterable[str]:
    """The texts of a message's content, or of a system prompt: a string or parts."""
    if isinstance(content, str):
        return [content]
    return [str(part.get("text") or "") for part in content or ()]


class Anthropic(Provider):
    """`POST /v1/messages`."""

    litellm_name = "anthropic/claude-sonnet-4-5"
    models = frozenset({"claude-sonnet-4-5", "claude-3-haiku-20240307", "claude-of-tomorrow"})
    variable = "ANTHROPIC_API_KEY"
    path = "/v1/messages"

    FIELDS = frozenset(
        "model messages max_tokens system metadata stop_sequences stream temperature top_k top_p thinking tools"
        " tool_choice service_tier output_config".split()
    )
    KINDS: ClassVar[dict[int, tuple[str, str]]] = {
        400: ("invalid_request_error", "Request contains something that is not valid."),
        401: ("authentication_error", "invalid x-api-key"),
        402: ("billing_error", "There is a problem with your billing or payment information."),
        403: ("permission_error", "Your API key does not have permission to use the specified resource."),
        404: ("not_found_error", "model: claude-none"),
        408: ("timeout_error", "Request timed out"),
        413: ("request_too_large", "Request exceeds the maximum size"),
        429: (
            "rate_limit_error",
            "This request would exceed your organization's rate limit of 50 requests per minute.",
        ),
        500: ("api_error", "Internal server error"),
        503: ("api_error", "Service unavailable"),
        504: ("timeout_error", "Request timed out"),
        529: ("overloaded_error", "Overloaded"),
    }
    NO_RANGES = frozenset({"minimum", "maximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems"})

    def check(self, seen: Seen) -> Asked:
        """Headers, fields, roles, tools and the schema of an answer."""
        body = seen.body
        require("x-api-key" in seen.headers, "x-api-key header is required", status=401)
        require(seen.headers["x-api-key"] == KEY, "invalid x-api-key", status=401)
        require(seen.headers.get("anthropic-version") == "2023-06-01", "anthropic-version: header is required")
        if "output_format" in body:
            require(
                "structured-outputs" in seen.headers.get("anthropic-beta", ""), "output_format: This field is not on."
            )
        for name in body:
            require(name in self.FIELDS | {"output_format"}, f"{name}: Extra inputs are not permitted")
        for name in ("model", "max_tokens", "messages"):
            require(name in body, f"{name}: Field required")
        require(isinstance(body["max_tokens"], int) and body["max_tokens"] > 0, "max_tokens: must be greater than 0")
        require(0 <= body.get("temperature", 0) <= 1, "temperature: range: 0..1")
        require(body["messages"], "messages: at least one message is required")
        for message in body["messages"]:
            require(message["role"] in ("user", "assistant"), f'messages: Unexpected role "{message["role"]}".')
            require(all(texts_of(message["content"])), "messages: text content blocks must be non-empty")
        require(body["messages"][0]["role"] == "user", "messages: first message must use the user role")
        require(body["model"] in self.models, f"model: {body['model']}", status=404)
        said = [*texts_of(body.get("system")), *(t for m in body["messages"] for t in texts_of(m["content"]))]
        tool, tool_schema = self._tool(body)
        return Asked(body["model"], "\n".join(said), self._schema(body), tool, tool_schema, body["max_tokens"])

    def _tool(self, body: Json) -> tuple[str, Json]:
        tools = {tool["name"]: tool["input_schema"] for tool in body.get("tools", ())}
        for name, schema in tools.items():
            require(re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", name), "tools.0.custom.name: String should match pattern")
            require(schema.get("type") == "object", "tools.0.custom.input_schema.type: Input should be 'object'")
        chosen = body.get("tool_choice") or {"type": "auto"}
        require(tools or "tool_choice" not in body, "tool_choice: may only be specified while providing tools")
        require(chosen["type"] in ("auto", "any", "tool", "none"), "tool_choice: Input tag does not match")
        if chosen["type"] == "tool":
            require(chosen["name"] in tools, f"Tool '{chosen['name']}' not found in provided tools")
        named = chosen.get("name") or (next(iter(tools), "") if chosen["type"] == "any" else "")
        return named, tools.get(named, {})

    def _schema(self, body: Json) -> Json | None:
        wanted = body.get("output_format") or (body.get("output_config") or {}).get("format")
        if wanted is None:
            return None
        require(wanted.get("type") == "json_schema", "output_config.format.type: Input should be 'json_schema'")
        where = "output_config.format.schema"
        for part in parts_of(wanted["schema"]):
            if part.get("type") == "object":
                closed = part.get("additionalProperties") is False
                require(closed, f"{where}: For 'object' type, 'additionalProperties' must be explicitly set to false")
            ranges = ", ".join(sorted(self.NO_RANGES & part.keys()))
            require(not ranges, f"{where}: For '{part.get('type')}' type, properties {ranges} are not supported")
        schema: Json = wanted["schema"]
        return schema

    def refuse(self, asked: Asked, what: Collection[str]) -> None:
        """As older and newer models do."""
        body = self.seen[-1].body
        require("schema" not in what or asked.schema is None, f"'{asked.model}' does not support output format.")
        require("tool" not in what or not body.get("tools"), f"'{asked.model}' does not support tools.")
        cool = "temperature" in what and "temperature" in body
        require(not cool, "`temperature` is deprecated for this model.")

    def answer(self, asked: Asked, outcome: Outcome) -> Json:
        """A message: blocks of thinking, text and tool use."""
        said = self.said(asked, outcome)
        blocks: list[Json] = []
        if said.thought:
            blocks.append({"type": "thinking", "thinking": said.thought, "signature": "c2lnbmVk"})
        if said.arguments is not None:
            blocks.append({"type": "tool_use", "id": "toolu_01", "name": asked.tool, "input": said.arguments})
        elif said.text and outcome.kind != "refusal":
            blocks.append({"type": "text", "text": said.text})
        stop = "max_tokens" if said.cut else "end_turn" if said.arguments is None else "tool_use"
        stop = {"refusal": "refusal", "stop": outcome.text}.get(outcome.kind, stop)
        body: Json = {"id": "msg_01", "type": "message", "role": "assistant", "model": asked.model}
        body |= {"content": blocks, "stop_reason": stop, "stop_sequence": None}
        counted = {
            "input_tokens": TOKENS_IN - TOKENS_CACHED,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": TOKENS_CACHED,
            "output_tokens": TOKENS_OUT + (TOKENS_THOUGHT if said.thought else 0),
            "service_tier": "standard",
        }
        return body | {"usage": counted if self._usage else {"input_tokens": 0, "output_tokens": 0}}

    def error(self, outcome: Outcome) -> tuple[Json, dict[str, str]]:
        """An error object; the wait stands in a header."""
        kind, usual = self.KINDS[outcome.status]
        error = {"type": kind, "message": outcome.text or usual}
        headers = {} if outcome.wait is None else {"retry-after": f"{outcome.wait:g}"}
        return {"type": "error", "error": error, "request_id": "req_01"}, headers | {"request-id": "req_01"}


class Gemini(Provider):
    """`POST /v1beta/models/MODEL:generateContent`."""

    litellm_name = "gemini/gemini-2.5-flash"
    models = frozenset({"gemini-2.5-flash", "gemini-1.5-pro", "gemini-of-tomorrow"})
    variable = "GEMINI_API_KEY"
    path = "/v1beta/models/{call}"

    FIELDS = frozenset(
        "contents systemInstruction generationConfig tools toolConfig safetySettings cachedContent".split()
    )
    SETTINGS = frozenset(
        "temperature topP topK maxOutputTokens candidateCount stopSequences responseMimeType responseSchema"
        " responseJsonSchema seed presencePenalty frequencyPenalty thinkingConfig responseLogprobs logprobs".split()
    )
    SCHEMA = frozenset(
        "type format title description nullable enum items maxItems minItems properties required propertyOrdering"
        " minLength maxLength pattern anyOf default minimum maximum example".split()
    )
    STATES: ClassVar[dict[int, tuple[str, str]]] = {
        400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
        401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
        403: ("PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key."),
        404: ("NOT_FOUND", "models/none is not found for API version v1beta, or is not supported for generateContent."),
        408: ("DEADLINE_EXCEEDED", "Request timed out."),
        413: ("INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."),
        429: ("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
        500: ("INTERNAL", "An internal error has occurred. Please retry."),
        503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
        504: ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
    }
    BAD_KEY = "API key not valid. Please pass a valid API key."
    NO_KEY = "Method doesn't allow unregistered callers. Please use API Key to call this API."

    @property
    def base_url(self) -> str:
        """The version stands in it."""
        return f"{self.root}/v1beta"

    def check(self, seen: Seen) -> Asked:
        """The key, fields, roles, tools and the schema of an answer."""
        body = camel(seen.body)
        key = seen.headers.get("x-goog-api-key") or seen.query.get("key")
        require(key, self.NO_KEY, status=403)
        require(key == KEY, self.BAD_KEY)
        model, _, method = seen.path.rpartition("/")[2].partition(":")
        missing = f"models/{model} is not found for API version v1beta, or is not supported for {method}."
        require(model in self.models and method == "generateContent", missing, status=404)
        self._known(body, self.FIELDS, "")
        settings = body.get("generationConfig", {})
        self._known(settings, self.SETTINGS, " at 'generation_config'")
        require(body.get("contents"), "* GenerateContentRequest.contents: contents is not specified")
        for content in body["contents"]:
            require(content.get("role", "user") in ("user", "model"), "Please use a valid role: user, model.")
            require(
                content.get("parts"), "* GenerateContentRequest.contents[0].parts: contents.parts must not be empty."
            )
        told = [body.get("systemInstruction") or {}, *body["contents"]]
        words = "\n".join(text for content in told for text in texts_of(content.get("parts")))
        schema = self._schema(settings)
        tool, tool_schema = self._tool(body, alone=schema is None)
        return Asked(model, words, schema, tool, tool_schema, settings.get("maxOutputTokens"))

    @staticmethod
    def _known(given: Json, names: Collection[str], where: str) -> None:
        for name in given:
            said = f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.'
            require(name in names, said)

    def _schema(self, settings: Json) -> Json | None:
        plain, full = settings.get("responseSchema"), settings.get("responseJsonSchema")
        require(plain is None or full is None, "Only one of response_schema and response_json_schema may be set.")
        for part in parts_of(plain):
            self._known(part, self.SCHEMA, " at 'generation_config.response_schema'")
        schema: Json | None = plain if plain is not None else full
        json_only = settings.get("responseMimeType") == "application/json"
        require(schema is None or json_only, "A response schema needs the response mime type application/json.")
        return ANY_JSON if json_only and schema is None else schema

    def _tool(self, body: Json, *, alone: bool) -> tuple[str, Json]:
        declared = [one for tool in body.get("tools", ()) for one in tool.get("functionDeclarations", ())]
        mixed = "Function calling with a response mime type: 'application/json' is unsupported"
        require(alone or not declared, mixed)
        tools: dict[str, Json] = {
            one["name"]: one.get("parametersJsonSchema") or one.get("parameters") or {} for one in declared
        }
        for one in declared:
            for part in parts_of(one.get("parameters")):
                self._known(part, self.SCHEMA, " at 'tools[0].function_declarations[0].parameters'")
        chosen = body.get("toolConfig", {}).get("functionCallingConfig", {})
        require(chosen.get("mode", "AUTO") in ("AUTO", "ANY", "NONE"), "Invalid value at 'tool_config'.")
        allowed = chosen.get("allowedFunctionNames", [])
        require(set(allowed) <= tools.keys(), "allowed_function_names holds a name that is not declared.")
        named = next(iter(allowed or tools), "") if chosen.get("mode") == "ANY" else ""
        return named, tools.get(named, {})

    def refuse(self, asked: Asked, what: Collection[str]) -> None:
        """As the models do that have no JSON mode, or no function calling."""
        body = camel(self.seen[-1].body)
        off = f"is not enabled for models/{asked.model}"
        mime = body.get("generationConfig", {}).get("responseMimeType")
        require("schema" not in what or mime is None, f"Json mode {off}")
        require("tool" not in what or not body.get("tools"), f"Function calling {off}")
        warm = "temperature" in what and "temperature" in body.get("generationConfig", {})
        require(not warm, "temperature is not supported for this model.")

    def answer(self, asked: Asked, outcome: Outcome) -> Json:
        """Candidates, or the feedback to a prompt that was blocked."""
        said = self.said(asked, outcome)
        parts: list[Json] = [{"text": said.thought, "thought": True}] if said.thought else []
        if said.arguments is not None:
            parts.append({"functionCall": {"name": asked.tool, "args": said.arguments}})
        elif said.text:
            parts.append({"text": said.text})
        stop = {"refusal": "SAFETY", "stop": outcome.text}.get(outcome.kind, "MAX_TOKENS" if said.cut else "STOP")
        candidate: Json = {"finishReason": stop, "index": 0}
        if outcome.kind not in ("refusal", "stop"):
            candidate["content"] = {"role": "model", **({"parts": parts} if parts else {})}
        body: Json = {"candidates": [candidate], "modelVersion": asked.model, "responseId": "r01"}
        counted = {"promptTokenCount": TOKENS_IN, "cachedContentTokenCount": TOKENS_CACHED}
        counted |= {"candidatesTokenCount": TOKENS_OUT, "totalTokenCount": TOKENS_IN + TOKENS_OUT}
        if said.thought:
            counted |= {
                "thoughtsTokenCount": TOKENS_THOUGHT,
                "totalTokenCount": TOKENS_IN + TOKENS_OUT + TOKENS_THOUGHT,
            }
        if outcome.kind == "blocked":
            feedback = {"blockReason": outcome.text or "PROHIBITED_CONTENT"}
            body = {"promptFeedback": feedback, "modelVersion": asked.model, "responseId": "r01"}
            counted = {"promptTokenCount": TOKENS_IN, "totalTokenCount": TOKENS_IN}
        return body | ({"usageMetadata": counted} if self._usage else {})

    def error(self, outcome: Outcome) -> tuple[Json, dict[str, str]]:
        """An error object; the wait stands in its details and in no header."""
        state, usual = self.STATES[outcome.status]
        details = list(outcome.details)
        if outcome.text == self.BAD_KEY:
            about = {"reason": "API_KEY_INVALID", "domain": "googleapis.com"}
            details.append({"@type": "type.googleapis.com/google.rpc.ErrorInfo", **about})
        if outcome.wait is not None:
            wait = f"{outcome.wait:.9f}".rstrip("0").rstrip(".") + "s"
            details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": wait})
        error: Json = {"code": outcome.status, "message": outcome.text or usual, "status": state}
        return {"error": error | ({"details": details} if details else {})}, {}


def camel(body: Json) -> Json:
    """The request with its own names written as the reference writes them: Google takes `top_p` for `topP`."""
    inner = ("generationConfig", "toolConfig", "functionCallingConfig", "systemInstruction")

    def named(name: str) -> str:
        return re.sub(r"(?<=\w)_([a-z])", lambda found: found[1].upper(), name)

    def again(name: str, value: Any) -> Any:
        if named(name) == "tools":
            return [camel(tool) for tool in value]
        if named(name) == "functionDeclarations":
            return [{named(key): part for key, part in one.items()} for one in value]
        return camel(value) if named(name) in inner and isinstance(value, dict) else value

    return {named(name): again(name, value) for name, value in body.items()}


class Ollama(Provider):
    """`POST /api/chat`."""

    litellm_name = "ollama_chat/llama3.2"
    models = frozenset({"llama3.2"})
    path = "/api/chat"

    FIELDS = frozenset("model messages stream format options keep_alive tools think".split())
    NUMBERS = frozenset({"temperature", "top_p", "top_k", "seed", "num_predict", "num_ctx", "repeat_penalty"})
    USUAL: ClassVar[dict[int, str]] = {
        400: "invalid request",
        401: "unauthorized",
        403: "this model requires a subscription",
        404: "model 'none' not found",
        408: "timed out",
        429: "too many requests",
        500: "llama runner process has terminated: exit status 2",
        503: "server busy, please try again. maximum pending requests exceeded",
    }

    def check(self, seen: Seen) -> Asked:
        """Names, roles, options, tools and the schema of an answer."""
        body = seen.body
        require(body.get("model"), "model is required")
        require(body["model"] in self.models, f"model '{body['model']}' not found", status=404)
        require(body.get("stream") is False, "this server does not stream")
        require(body.keys() <= self.FIELDS, "the reference has no such field")
        for message in body.get("messages", ()):
            require(message.get("role") in ("system", "user", "assistant", "tool"), "invalid role")
            content = "json: cannot unmarshal array into Go struct field ChatRequest.messages.content of type string"
            require(isinstance(message.get("content", ""), str), content)
        options = body.get("options") or {}
        for name in self.NUMBERS & options.keys():
            require(isinstance(options[name], int | float), f'option "{name}" must be of type float32')
        schema = body.get("format")
        for part in parts_of(schema):
            require("pattern" not in part, "invalid JSON schema in format", status=500)
        tools = {tool["function"]["name"]: tool["function"]["parameters"] for tool in body.get("tools") or ()}
        words = "\n".join(text for message in body["messages"] for text in texts_of(message.get("content")))
        tool = next(iter(tools), "")
        return Asked(body["model"], words, schema, tool, tools.get(tool, {}), options.get("num_predict"))

    def refuse(self, asked: Asked, what: Collection[str]) -> None:
        """As releases before 0.5 refuse a schema, and models without a template for tools refuse these."""
        old = "json: cannot unmarshal object into Go struct field ChatRequest.format of type string"
        require("schema" not in what or asked.schema is None, old)
        no_tools = f"registry.ollama.ai/library/{asked.model}:latest does not support tools"
        require("tool" not in what or not asked.tool, no_tools)

    def answer(self, asked: Asked, outcome: Outcome) -> Json:
        """One message; a model of one's own has no way to decline but words."""
        said = self.said(asked, outcome)
        message: Json = {"role": "assistant", "content": SORRY if outcome.kind == "refusal" else said.text}
        if said.thought:
            message["thinking"] = said.thought
        if said.arguments is not None:
            message["tool_calls"] = [{"function": {"name": asked.tool, "arguments": said.arguments}}]
        body = {"model": asked.model, "created_at": "2026-01-01T00:00:00Z", "message": message, "done": True}
        body |= {"done_reason": "length" if said.cut else outcome.text if outcome.kind == "stop" else "stop"}
        counted = {"prompt_eval_count": TOKENS_IN, "eval_count": TOKENS_OUT}
        times = {"total_duration": 9_000_000, "load_duration": 1_000_000, "eval_duration": 5_000_000}
        return body | (counted if self._usage else {}) | times

    def error(self, outcome: Outcome) -> tuple[Json, dict[str, str]]:
        """A sentence; a gateway before it may set Retry-After."""
        headers = {} if outcome.wait is None else {"retry-after": f"{outcome.wait:g}"}
        return {"error": outcome.text or self.USUAL[outcome.status]}, headers


ALL: tuple[type[Provider], ...] = (Anthropic, Gemini, Ollama)

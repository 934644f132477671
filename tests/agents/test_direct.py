"""Does the direct transport bring what LiteLLM's brings: the same rows, errors, retries and requests?"""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import aiohttp
import pytest

from plurijudge.agents.answer import Answer, Failure
from plurijudge.agents.direct import Direct, can_ask, translates_nothing
from plurijudge.agents.ledger import NoLedger
from plurijudge.agents.model import Limits, Model
from plurijudge.agents.transport import Straight, ThroughLiteLLM, transport_of
from plurijudge.agents.trust import trusted
from plurijudge.text.errors import BadInput, ModelError

from ..court import SCHEMA, UNIT, question
from ..loopback import Loopback

# The OpenAI SDK warns where a message is not as it expects; an error here, that would look like the server's.
ODD = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
KEY = "sk-proj-4fJq8ZkWmN2vTx7LpQ9rYb3C"
ROADS = ("litellm", "direct")
USED = {"prompt_tokens": 5000, "completion_tokens": 300, "total_tokens": 5300}
CALL = {"id": "c1", "type": "function", "function": {"name": "verdict", "arguments": '{"verdict": "A"}'}}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


class Reply(NamedTuple):
    """What a server answers."""

    status: int
    body: str | bytes
    headers: dict[str, str] = {}


@dataclass
class Server:
    """A server that answers every request in one way, and keeps what it was asked."""

    port: int = 0
    heads: list[str] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the last request, by their names in small letters."""
        lines = [line.partition(": ") for line in self.heads[-1].split("\r\n")[1:] if line]
        return {name.casefold(): value for name, _, value in lines}


@asynccontextmanager
async def serving(reply: Reply) -> AsyncIterator[Server]:
    server = Server()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = head.casefold().partition("content-length: ")[2].partition("\r\n")[0]
        body = await reader.readexactly(int(length or 0))
        server.heads.append(head)
        server.bodies.append(json.loads(body) if body else None)
        data = reply.body.encode() if isinstance(reply.body, str) else reply.body
        lines = {"content-type": "application/json", **reply.headers, "content-length": len(data)}
        start = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"HTTP/1.1 {reply.status} X\r\n{start}connection: close\r\n\r\n".encode() + data)
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with listening:
        server.port = listening.sockets[0].getsockname()[1]
        yield server


async def outcome(
    road: str, url: str, *, name: str = "openai/m", parameters: dict[str, Any] | None = None, text: str = "?"
) -> Answer | Failure:
    """What one attempt brings."""
    given = {"temperature": 0.0} if parameters is None else parameters
    transport = transport_of(name, endpoint=url, parameters=given, wanted=road)
    await transport.open()
    try:
        return await transport.send(question(text), given, seconds=10, subject=None)
    except Failure as failure:
        return failure
    finally:
        await transport.close()


async def row(road: str, url: str, *, name: str, attempts: int = 1, **options: Any) -> dict[str, Any]:
    """The row of one call, whatever became of it, and the name of the error that it raised."""
    ledger = NoLedger()
    limits = Limits(transport=road, attempts=attempts, backoff=0.001, longest_wait=0.002, timeout=10, total=30)
    model = Model(name, ledger, endpoint=url, limits=limits, **options)
    raised = ""
    try:
        await model.complete(question(), unit=UNIT)
    except ModelError as error:
        raised = type(error).__name__
    finally:
        await model.close()
    return {**ledger.calls[-1].model_dump(exclude={"latency_ms"}), "raised": raised}


def told(found: Answer | Failure) -> dict[str, Any]:
    if isinstance(found, Answer):
        return asdict(found)
    return {name: getattr(found, name) for name in ("reason", "said", "retry", "retry_after", "parameter", "sent")}


def both(reply: Reply, *, name: str = "openai/m", words: bool = True) -> tuple[dict[str, Any], dict[str, Any]]:
    """Make sure that a reply comes to the same over both transports; gives the row and what the attempt brought.

    Args:
        reply: the server's.
        name: of the model.
        words: whether a failure is worded the same.
    """

    async def work() -> list[tuple[dict[str, Any], dict[str, Any]]]:
        async with serving(reply) as server:
            return [
                (await row(road, server.url, name=name), told(await outcome(road, server.url, name=name)))
                for road in ROADS
            ]

    (translated, brought), (straight, found) = asyncio.run(work())
    if not words and "said" in found:
        assert all(one.pop("error") for one in (translated, straight))
        assert all(one.pop("said") for one in (brought, found))
    assert straight == translated
    assert found == brought
    return straight, found


def completion(message: dict[str, Any] | None = None, *, finish: Any = "stop", **top: Any) -> Reply:
    said = {"role": "assistant", "content": "[[A]]", **(message or {})}
    choices = [{"index": 0, "message": said, "finish_reason": finish}]
    body = {"id": "x", "object": "chat.completion", "created": 1, "model": "m-7", "choices": choices, **top}
    return Reply(200, json.dumps(body))


def refusal(status: int, body: Any, **headers: str) -> Reply:
    return Reply(status, body if isinstance(body, str) else json.dumps(body), headers)


MESSAGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a text": ({}, {"response": "[[A]]", "status": "ok"}),
    "no text": ({"content": None}, {"status": "error", "reason": "empty"}),
    "an empty text": ({"content": ""}, {"status": "error", "reason": "empty"}),
    "what no database keeps": ({"content": "a\u0000b"}, {"response": "a\ufffdb"}),
    "a tool call": ({"content": None, "tool_calls": [CALL]}, {"response": '{"verdict": "A"}'}),
    "a call beside a text": ({"tool_calls": [CALL]}, {"response": "[[A]]", "finish_reason": "tool_calls"}),
    "two calls": ({"content": None, "tool_calls": [CALL, {**CALL, "id": "c2"}]}, {"finish_reason": "tool_calls"}),
    "no calls": ({"tool_calls": []}, {"tool_calls": None}),
    "a call with more to it": ({"content": "", "tool_calls": [{**CALL, "index": 0, "x": 1}]}, {"status": "ok"}),
    "arguments as an object": (
        {"content": "", "tool_calls": [{**CALL, "function": {"name": "verdict", "arguments": {"verdict": "A"}}}]},
        {"response": '{"verdict": "A"}'},
    ),
    "no arguments": (
        {"content": "", "tool_calls": [{**CALL, "function": {"name": "verdict", "arguments": None}}]},
        {"status": "error", "reason": "empty"},
    ),
    "reasoning_content": ({"reasoning_content": "Hm."}, {"reasoning": "Hm.", "response": "[[A]]"}),
    "reasoning": ({"reasoning": "Hm."}, {"reasoning": "Hm."}),
    "both": ({"reasoning": "Hm.", "reasoning_content": "Ho."}, {"reasoning": "Ho."}),
    "neither": ({"reasoning": "", "reasoning_content": None}, {"reasoning": None}),
    "<think>": ({"content": "<think>hm</think>[[A]]"}, {"reasoning": "hm", "response": "[[A]]"}),
    "<thinking>": ({"content": "<thinking>h\nm</thinking>\n\n[[A]]"}, {"reasoning": "h\nm", "response": "\n\n[[A]]"}),
    "two thoughts": ({"content": "<think>a</think>b<think>c</think>d"}, {"reasoning": "a"}),
    "a thought behind a line": ({"content": "\n<think>hm</think>[[A]]"}, {"reasoning": None}),
    "a thought in the middle": ({"content": "x <think>hm</think>[[A]]"}, {"reasoning": None}),
    "an endless thought": ({"content": "<think>hm [[A]]"}, {"response": "<think>hm [[A]]"}),
    "only a thought": ({"content": "<think>hm</think>"}, {"status": "error", "reason": "empty"}),
    "no thought": ({"content": "<think>\n\n</think>\n\n[[A]]"}, {"response": "\n\n[[A]]"}),
    "a thought of both kinds": ({"content": "<think>a</think>b", "reasoning_content": "c"}, {"reasoning": "c"}),
    "the refusal field": ({"content": None, "refusal": "No."}, {"status": "refused", "response": "No."}),
    "a text and a refusal": ({"content": "Sorry.", "refusal": "No."}, {"status": "refused", "response": "Sorry."}),
    "an empty refusal": ({"refusal": ""}, {"status": "ok"}),
    "a gateway's refusal": ({"provider_specific_fields": {"refusal": "No."}}, {"status": "refused"}),
}


@ODD
@pytest.mark.parametrize("kind", MESSAGES)
def test_an_answer_comes_to_the_same_row(kind: str) -> None:
    message, expected = MESSAGES[kind]
    call, _ = both(completion(message, usage=USED))
    assert {name: call[name] for name in expected} == expected
    assert (call["tokens_in"], call["tokens_out"], call["served_model"]) == (5000, 300, "m-7")


FINISHED: dict[Any, str] = {
    **dict.fromkeys(
        ["stop", "eos", "end_turn", "STOP", "COMPLETE", "error", "abort", "max_length", "", None, 5], "stop"
    ),
    **dict.fromkeys(["length", "max_tokens", "MAX_TOKENS", "pause_turn", "model_context_window_exceeded"], "length"),
    **dict.fromkeys(["content_filter", "refusal", "SAFETY", "RECITATION", "sensitive", "OTHER"], "content_filter"),
    **dict.fromkeys(["tool_calls", "tool_use", "TOOL_CALL"], "tool_calls"),
    "function_call": "function_call",
}


@pytest.mark.parametrize("finish", FINISHED)
def test_odd_ends_of_an_answer_are_put_in_the_same_words(finish: Any) -> None:
    call, _ = both(completion(finish=finish))
    assert call["finish_reason"] == FINISHED[finish]


USAGES: dict[str, tuple[Any, tuple[int | None, ...]]] = {
    "none": (None, (None, None, None, None)),
    "zeros": ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, (None, None, None, None)),
    "nothing in": ({"prompt_tokens": None, "completion_tokens": 5}, (None, None, None, None)),
    "plain": (USED, (5000, 300, None, None)),
    "texts": ({"prompt_tokens": "50", "completion_tokens": 30.0, "total_tokens": 80}, (50, 30, None, None)),
    "empty details": (
        {**USED, "prompt_tokens_details": {}, "completion_tokens_details": None},
        (5000, 300, None, None),
    ),
    "odd details": ({**USED, "prompt_tokens_details": [1], "completion_tokens_details": "x"}, (5000, 300, None, None)),
    "details": (
        {
            **USED,
            "prompt_tokens_details": {"cached_tokens": 4000},
            "completion_tokens_details": {"reasoning_tokens": 200},
        },
        (5000, 300, 4000, 200),
    ),
    "a known zero": ({**USED, "prompt_tokens_details": {"cached_tokens": 0}}, (5000, 300, 0, None)),
    "DeepSeek's": ({**USED, "prompt_cache_hit_tokens": 40, "prompt_cache_miss_tokens": 10}, (5000, 300, 40, None)),
    "Anthropic's": ({**USED, "cache_read_input_tokens": 40}, (5000, 300, 40, None)),
    "reasoning on top": ({**USED, "reasoning_tokens": 12}, (5000, 300, None, 12)),
    "Responses'": ({"input_tokens": 50, "output_tokens": 30, "total_tokens": 80}, (None, None, None, None)),
}


@ODD
@pytest.mark.parametrize("kind", USAGES)
def test_tokens_are_those_of_the_server_by_either_transport(kind: str) -> None:
    usage, expected = USAGES[kind]
    call, _ = both(completion(usage=usage))
    names = ("tokens_in", "tokens_out", "tokens_cached", "tokens_reasoning")
    assert tuple(call[name] for name in names) == expected


@pytest.mark.parametrize(
    ("name", "served", "service"),
    [
        ("openai/gpt-4o-mini", "gpt-4o-mini-2024-07-18", None),
        ("openai/gpt-4o", "gpt-4o-2024-05-13", None),  # priced as what answered
        ("openai/gpt-4o", "unheard-of", None),
        ("openai/gpt-4.1", "gpt-4.1", "priority"),
        ("openai/gpt-4.1-nano", "gpt-4.1-nano", "default"),
        ("openai/gpt-3.5-turbo", "gpt-3.5-turbo-0125", None),
        ("openai/ft:gpt-4o-2024-08-06:org::id", "ft:gpt-4o-2024-08-06:org::id", None),
        ("openai/openai/gpt-4o", "openai/gpt-4o", None),
        ("openai/GPT-4o", "x", None),
        ("openai/our-alias", "gpt-4o", None),
    ],
)
def test_a_priced_model_costs_the_same(name: str, served: str, service: str | None) -> None:
    usage, _ = USAGES["details"]
    reply = completion(usage=usage, model=served, service_tier=service)

    async def work() -> list[dict[str, Any]]:
        async with serving(reply) as server:
            return [await row(road, server.url, name=name) for road in ROADS]

    translated, straight = asyncio.run(work())
    assert straight["cost"] == pytest.approx(translated["cost"], abs=1e-9) and straight["cost"] > 0
    same = {"cost": None}
    assert straight | same == translated | same
    assert straight["price_source"].startswith("litellm ")


@pytest.mark.parametrize("name", ["openai/meta-llama/Llama-3-8b", "openai/a/b/c", "hosted_vllm/org/model"])
def test_a_name_with_slashes_keeps_everything_behind_the_provider(name: str) -> None:
    async def work() -> list[Any]:
        async with serving(completion(usage=USED)) as server:
            rows = [await row(road, server.url, name=name) for road in ROADS]
            assert rows[0] == rows[1]
            return server.bodies

    assert [body["model"] for body in asyncio.run(work())] == [name.partition("/")[2]] * 2


STATUSES = [
    400,
    401,
    402,
    403,
    404,
    408,
    409,
    413,
    415,
    418,
    422,
    425,
    429,
    451,
    499,
    500,
    501,
    502,
    503,
    504,
    524,
    529,
]
BODIES: dict[str, tuple[Any, str]] = {
    "OpenAI's object": ({"error": {"message": "It failed.", "type": "t", "param": None, "code": None}}, "It failed."),
    "a number for a code": ({"error": {"message": "It failed.", "code": 400}}, "It failed."),
    "a text": ({"error": "It failed."}, "It failed."),
    "FastAPI's detail": ({"detail": "It failed."}, 'Error code: {status}: {"detail": "It failed."}'),
    "vLLM's object": ({"object": "error", "message": "It failed.", "type": "T", "param": None}, "It failed."),
    "a list": ([{"error": {"message": "It failed."}}], "It failed."),
    "an object within": ({"error": {"error": {"message": "It failed."}}}, "It failed."),
    "no message": ({"error": {"type": "overloaded"}}, 'Error code: {status}: {"error": {"type": "overloaded"}}'),
    "a page": ("<html><body><h1>Bad</h1>\n gateway</body></html>", "Error code: {status}: Bad gateway"),
    "a plain text": ("upstream connect error", "Error code: {status}: upstream connect error"),
    "nothing": ("", "Error code: {status}"),
    "null": ("null", "Error code: {status}: null"),
}


@pytest.mark.parametrize(
    ("status", "kind"),
    [(s, k) for k in BODIES for s in (STATUSES if k in ("OpenAI's object", "nothing") else (400, 404, 422, 500, 503))],
)
def test_an_error_comes_to_the_same_row_whatever_its_body(status: int, kind: str) -> None:
    body, said = BODIES[kind]
    call, found = both(refusal(status, body))
    assert call["error"] == found["said"] == said.replace("{status}", str(status))
    assert (call["status"], call["attempts"]) == ("error", 1)
    assert found["retry"] == (status in (408, 429) or status >= 500)


TOO_LONG = [
    "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens in the messages.",
    "the request exceeds the available context size, try increasing it",
    "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it",
    "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
    "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
    "However, the model is loaded with context length of only 4096 tokens, which is not enough.",
    "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens",
    "input length exceeds maximum context length",
    "Your input exceeds the context window of this model.",
    "Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192",
    "Invalid 'messages[0].content': string too long. Expected a string with maximum length 10485760",
]
FLAGGED = [
    "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
    "Your request was rejected as a result of our safety system.",
    "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
]
QUOTA = {"message": "You exceeded your current quota.", "type": "insufficient_quota", "code": "insufficient_quota"}
GOOGLE = {"code": 429, "message": "Exhausted", "details": [{"retryDelay": "7s"}]}
SPOKEN: list[tuple[int, dict[str, Any], str]] = [
    *((status, {"message": text}, "context_window") for text in TOO_LONG for status in (400, 413, 500)),
    *((400, {"message": text}, "content_filter") for text in FLAGGED),
    (400, {"message": "Too long.", "code": "context_length_exceeded"}, "context_window"),
    (400, {"message": "A house without a context window is dark.", "code": None}, "bad_request"),
    (400, {"message": "Blocked.", "code": "content_filter"}, "content_filter"),
    (403, {"message": "Blocked.", "code": "content_policy_violation"}, "content_filter"),
    (429, QUOTA, "quota"),
    (403, QUOTA, "quota"),
    (402, {"message": "Insufficient Balance", "code": "invalid_request_error"}, "quota"),
    (429, {"message": "Rate limit reached for m.", "code": "rate_limit_exceeded"}, "rate_limited"),
    (400, {"message": "Rate limit words in a prompt.", "code": None}, "bad_request"),
    (401, {"message": "Incorrect API key provided.", "code": "invalid_api_key"}, "auth"),
    (404, {"message": "The model `m` does not exist.", "code": "model_not_found"}, "not_found"),
    (500, {"message": "Request timed out."}, "server"),
    (500, {"message": "Connection error."}, "server"),
    (429, {"code": 429, "message": "Exhausted", "details": [{"violations": [{"quotaId": "PerDay"}]}]}, "quota"),
    (400, {"code": 400, "message": "No key.", "details": [{"reason": "API_KEY_INVALID"}]}, "auth"),
]


@pytest.mark.parametrize(("status", "error", "reason"), SPOKEN)
def test_what_an_error_speaks_of_is_understood_alike(status: int, error: dict[str, Any], reason: str) -> None:
    call, found = both(refusal(status, {"error": error}))
    assert found["reason"] == reason
    assert call["status"] == ("refused" if reason == "content_filter" else "error")


@pytest.mark.parametrize(
    ("error", "parameter"),
    [
        ({"message": "Not with this model.", "param": "temperature", "code": "unsupported_value"}, "temperature"),
        ({"message": "temperature is not supported here", "param": None, "code": 400}, "temperature"),
        ({"message": "seed is not supported here", "param": None, "code": 400}, ""),
    ],
)
def test_a_refused_parameter_is_found_alike(error: dict[str, Any], parameter: str) -> None:
    for body in ({"error": error}, {"object": "error", **error}):
        _, found = both(refusal(400, body))
        assert (found["reason"], found["parameter"]) == ("bad_request", parameter)
    _, found = both(refusal(422, {"detail": [{"loc": ["body", "temperature"], "msg": "Extra inputs not permitted"}]}))
    assert found["parameter"] == "temperature"


@pytest.mark.parametrize("status", [408, 429, 500, 503])
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"Retry-After": "0.25"}, 0.25),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
    ],
)
def test_retry_after_is_read_alike_in_every_form(headers: dict[str, str], seconds: float | None, status: int) -> None:
    async def work() -> list[Answer | Failure]:
        async with serving(refusal(status, {"error": {"message": "Slow down."}}, **headers)) as server:
            return [await outcome(road, server.url) for road in ROADS]

    translated, straight = map(told, asyncio.run(work()))
    assert straight == translated
    assert (straight["retry"], straight["retry_after"]) == (True, seconds)


def test_a_wait_may_stand_in_the_body_or_be_a_date_to_come() -> None:
    async def waits(reply: Reply) -> list[Any]:
        async with serving(reply) as server:
            return [told(await outcome(road, server.url))["retry_after"] for road in ROADS]

    assert asyncio.run(waits(refusal(429, {"error": GOOGLE}))) == [7.0, 7.0]
    assert asyncio.run(waits(refusal(429, [{"error": GOOGLE}]))) == [7.0, 7.0]
    later = {"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT"}
    first, second = asyncio.run(waits(refusal(429, {"error": GOOGLE}, **later)))
    assert first == pytest.approx(second, abs=60) and first > 1e9


@ODD
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        *((body, "garbage") for body in ("", "{}", "[]", "null", '""', "5", "\x7f", "<html>x</html>", "not JSON")),
        *((f'{{"choices": {part}}}', "garbage") for part in ("null", "{}", "[]", "[null]", '[{"text": "A"}]')),
        *((f'{{"choices": [{{"message": {part}}}]}}', "garbage") for part in ("null", '"x"', "[]", '{"content": 5}')),
        ('{"choices": [{"message": {"content": ["a"]}}]}', "garbage"),
        ('{"choices": [{"message": {"content": "a", "tool_calls": ["x"]}}]}', "garbage"),
        ('{"choices": [{"message": {"content": "a", "reasoning": {"x": 1}}}]}', "garbage"),
        ('data: {"choices": []}\n\ndata: [DONE]\n\n', "garbage"),
        (b'{"choices": [{"message": {"content": "\xff\xfe"}}]}', "garbage"),
        ('{"detail": "oops"}', "garbage"),
        ('{"error": {}}', "garbage"),
        ('{"error": {"message": "overloaded"}}', "server"),
        ('{"error": {"message": "slow", "code": 429}}', "server"),
        ('{"error": "overloaded"}', "server"),
        ('{"error": {"code": 5}}', "server"),
        ('{"error": ["x"]}', "server"),
        ('{"error": {"message": "partly"}, "choices": [{"message": {"content": "A"}}]}', "server"),
    ],
)
def test_a_200_that_is_no_completion_is_the_same_failure(body: str | bytes, reason: str) -> None:
    call, found = both(Reply(200, body), words=False)
    assert (call["status"], call["reason"], found["retry"]) == ("error", reason, True)


def test_a_page_in_the_place_of_a_completion_is_quoted() -> None:
    async def work() -> Answer | Failure:
        async with serving(Reply(200, "<html>\n<h1>Log in</h1></html>")) as server:
            return await outcome("direct", server.url)

    assert told(asyncio.run(work()))["said"] == "the reply is not JSON: <html> <h1>Log in</h1></html>"


WHOLE = completion(usage=USED)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(201, WHOLE.body),
        Reply(200, WHOLE.body, {"content-type": "text/plain"}),
        Reply(200, b"\xef\xbb\xbf" + str(WHOLE.body).encode()),
        Reply(200, "\n\n " + str(WHOLE.body)),
        Reply(200, str(WHOLE.body).replace("{", '{"x": NaN, ', 1)),
        Reply(200, gzip.compress(str(WHOLE.body).encode()), {"content-encoding": "gzip"}),
        completion({"content": "x" * 3_000_000}, usage=USED),
        completion({"content": "\ud83d half of a pair"}, usage=USED),
    ],
    ids=["201", "text/plain", "byte order mark", "blank lines", "NaN", "gzip", "3 MB", "a surrogate"],
)
def test_an_answer_is_read_in_whatever_form_it_comes(reply: Reply) -> None:
    call, _ = both(reply)
    assert (call["status"], call["tokens_in"]) == ("ok", 5000)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(500, gzip.compress(b'{"error": {"message": "zipped"}}'), {"content-encoding": "gzip"}), "server"),
        (Reply(500, "<p>" + "word " * 700_000), "server"),
        (Reply(400, json.dumps({"error": {"message": "y" * 3_000_000}})), "bad_request"),
        (Reply(304, ""), "fault"),
        (Reply(302, ""), "fault"),
    ],
    ids=["gzip", "long page", "long message", "304", "302 to nowhere"],
)
def test_an_odd_error_is_read_alike(reply: Reply, reason: str) -> None:
    call, _ = both(reply)
    assert (call["status"], call["reason"]) == ("error", reason)
    assert len(call["error"]) <= 2000


def test_a_body_that_is_not_packed_as_it_says_is_a_lost_connection() -> None:
    call, _ = both(Reply(200, WHOLE.body, {"content-encoding": "gzip"}), words=False)
    assert (call["status"], call["reason"]) == ("error", "connection")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_never_takes_the_key_to_another_host(status: int) -> None:
    async def work(road: str) -> tuple[Server, Server, dict[str, Any]]:
        async with serving(WHOLE) as other:
            there = f"http://localhost:{other.port}/v1/chat/completions"
            async with serving(Reply(status, "", {"location": there})) as server:
                return server, other, told(await outcome(road, server.url))

    found = []
    for road in ROADS:
        server, other, brought = asyncio.run(work(road))
        assert server.headers["authorization"] == f"Bearer {KEY}"
        assert all(KEY not in head for head in other.heads)
        found.append((brought, [head.split()[0] for head in other.heads], other.bodies))
    assert found[0] == found[1]


@pytest.mark.parametrize("road", ROADS)
def test_a_proxy_of_the_environment_is_used_and_its_exceptions_are_not(
    road: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> tuple[Server, Server]:
        async with serving(WHOLE) as proxy, serving(WHOLE) as server:
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv("no_proxy", "127.0.0.1")
            for url in ("http://judge.invalid/v1", server.url):
                assert isinstance(await outcome(road, url), Answer)
            return proxy, server

    proxy, server = asyncio.run(work())
    assert [head.split()[1] for head in proxy.heads] == ["http://judge.invalid/v1/chat/completions"]
    assert [head.split()[1] for head in server.heads] == ["/v1/chat/completions"]


PARAMETERS: list[dict[str, Any]] = [
    {},
    {"temperature": 0.0, "top_p": 0.9, "seed": 7, "max_tokens": 900},
    {"max_completion_tokens": 900},
    {"stop": ["\n\n"], "presence_penalty": 0.1, "frequency_penalty": 0.2, "logit_bias": {"5": 1}, "n": 1},
    {"logprobs": True, "top_logprobs": 2, "service_tier": "flex", "store": False, "parallel_tool_calls": False},
    {"top_k": 5, "min_p": 0.1, "repetition_penalty": 1.1, "extra_body": {"chat_template_kwargs": {"think": False}}},
]


ROADS_OF = {"hosted_vllm/m": ("schema", "text")}  # of a tool's schema for vLLM LiteLLM leaves a part out


@pytest.mark.parametrize("given", PARAMETERS)
@pytest.mark.parametrize("name", ["openai/m", "hosted_vllm/m", "openai/gpt-4o-mini"])
def test_the_same_is_sent(loopback: Loopback, given: dict[str, Any], name: str) -> None:
    async def work() -> None:
        for road in ROADS:
            for structured in ROADS_OF.get(name, ("schema", "text", "tool")):
                limits = Limits(transport=road, attempts=1)
                model = Model(
                    name,
                    NoLedger(),
                    endpoint=loopback.base_url,
                    parameters=json.loads(json.dumps(given)),
                    structured=structured,
                    limits=limits,
                )
                await model.complete(question("Which is better? \u4e2d\U0001f600"), unit=UNIT, schema=SCHEMA)
                await model.close()

    asyncio.run(work())
    seen = [request["body"] for request in loopback.requests()]
    half = len(seen) // 2
    assert half == len(ROADS_OF.get(name, (1, 2, 3)))
    assert seen[:half] == seen[half:]
    assert {**given, **given.get("extra_body", {})}.keys() - {"extra_body"} <= seen[0].keys()


def test_keys_and_accounts_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")

    async def work() -> list[dict[str, str]]:
        async with serving(WHOLE) as server:
            seen = []
            for road in ROADS:
                await outcome(road, server.url, parameters={"extra_headers": {"X-Team": "court"}})
                seen.append(server.headers)
            return seen

    wanted = ("authorization", "openai-organization", "openai-project", "x-team", "content-type")
    translated, straight = ({name: seen[name] for name in wanted} for seen in asyncio.run(work()))
    assert straight == translated
    assert straight["authorization"] == f"Bearer {KEY}"


def test_another_provider_s_key_goes_to_its_own_server_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTED_VLLM_API_KEY", "vllm-key-1234567890")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")

    async def work() -> list[dict[str, str]]:
        async with serving(WHOLE) as server:
            seen = []
            for name in ("hosted_vllm/m", "llamafile/m", "lm_studio/m"):
                await outcome("direct", server.url, name=name)
                seen.append(server.headers)
            return seen

    vllm, *others = asyncio.run(work())
    assert vllm["authorization"] == "Bearer vllm-key-1234567890" and "openai-organization" not in vllm
    assert all("authorization" not in seen for seen in others)


@pytest.mark.parametrize("variable", ["OPENAI_BASE_URL", "OPENAI_API_BASE"])
def test_the_address_may_stand_in_the_environment(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> tuple[list[Any], int]:
        async with serving(WHOLE) as server:
            monkeypatch.setenv(variable, server.url)
            return [told(await outcome(road, "")) for road in ROADS], len(server.heads)

    (translated, straight), asked = asyncio.run(work())
    assert straight == translated and asked == 2


@pytest.mark.parametrize("name", ["hosted_vllm/m", "lm_studio/m"])
def test_a_server_of_no_known_address_is_nobody_else_s_model(name: str) -> None:
    found = told(asyncio.run(outcome("direct", "", name=name)))
    assert (found["reason"], found["sent"], found["retry"]) == ("unreachable", False, False)
    assert "_API_BASE is empty" in found["said"]


@pytest.mark.parametrize("status", [200, 400, 401, 404, 429, 500])
@pytest.mark.parametrize("road", ROADS)
def test_a_key_that_the_server_repeats_is_nowhere(
    road: str, status: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    reply = completion({"content": f"Your key is {KEY}."}) if status == 200 else refusal(status, f"What is {KEY}?")
    caplog.set_level(logging.DEBUG)

    async def work() -> tuple[dict[str, Any], str]:
        async with serving(reply) as server:
            found = await row(road, server.url, name="openai/m", attempts=2)
            return found, server.headers["authorization"]

    found, sent = asyncio.run(work())
    assert sent == f"Bearer {KEY}"
    out, err = capfd.readouterr()
    assert KEY not in json.dumps(found, default=str) + out + err
    assert "[secret]" in (found["response"] or found["error"])
    if road == "direct":
        assert KEY not in caplog.text


@pytest.mark.parametrize(
    "reply",
    [
        completion({"content": None, "tool_calls": [CALL]}, usage=USED),
        completion({"content": "<think>hm</think>[[A]]"}, usage=USED),
        completion({"refusal": "No."}, finish="refusal"),
        *(refusal(status, {"error": {"message": "It failed."}}) for status in STATUSES),
        *(refusal(400, {"error": {"message": said}}) for said in TOO_LONG + FLAGGED),
        refusal(503, "<html>Bad gateway</html>"),
        refusal(429, {"detail": "It failed."}, **{"retry-after": "0.5"}),
        Reply(200, "not JSON"),
        Reply(200, '{"choices": []}'),
    ],
)
def test_a_server_of_vllm_s_is_understood_alike(reply: Reply) -> None:
    both(reply, name="hosted_vllm/m", words=str(reply.body).startswith('{"error"'))


def test_retries_are_counted_alike_and_come_from_nobody_else() -> None:
    async def work(reply: Reply) -> list[tuple[int, int]]:
        found = []
        for road in ROADS:
            async with serving(reply) as server:
                call = await row(road, server.url, name="openai/m", attempts=3)
                found.append((call["attempts"], len(server.heads)))
        return found

    assert asyncio.run(work(refusal(503, {"error": {"message": "Busy."}}))) == [(3, 3)] * 2
    assert asyncio.run(work(refusal(400, {"error": {"message": "No."}}))) == [(1, 1)] * 2


def test_what_is_no_json_is_not_sent() -> None:
    async def work() -> tuple[dict[str, Any], int]:
        async with serving(WHOLE) as server:
            return told(await outcome("direct", server.url, text="half of a pair: \ud83d")), len(server.heads)

    found, asked = asyncio.run(work())
    assert (found["reason"], found["retry"], found["sent"], asked) == ("bad_request", False, False, 0)


def test_a_certificate_that_nobody_vouches_for_is_no_answer() -> None:
    class Session:
        def post(self, *_: Any, **__: Any) -> Any:
            host = aiohttp.client_reqrep.ConnectionKey("judge.invalid", 443, True, True, None, None, None)
            raise aiohttp.ClientConnectorCertificateError(host, ssl.SSLCertVerificationError("self-signed"))

    async def work() -> Failure:
        direct = Direct("openai/m", endpoint="https://judge.invalid/v1")
        direct._session = Session()
        with pytest.raises(Failure) as caught:
            await direct.send(question(), {})
        return caught.value

    failure = asyncio.run(work())
    assert (failure.reason, failure.retry) == ("unreachable", True)
    assert "self-signed" in failure.said


def test_somebody_is_trusted() -> None:
    assert trusted().cert_store_stats()["x509_ca"] > 0


@ODD
def test_what_differs_by_intent() -> None:
    """Where LiteLLM breaks or invents something, the direct transport keeps what the server said."""

    async def work(reply: Reply) -> tuple[dict[str, Any], dict[str, Any]]:
        async with serving(reply) as server:
            first, second = [told(await outcome(road, server.url, name="openai/gpt-4o")) for road in ROADS]
            return first, second

    parts = [{"type": "text", "text": "[["}, {"type": "text", "text": "A]]"}]
    translated, straight = asyncio.run(work(completion({"content": parts})))
    assert (translated["reason"], straight["text"]) == ("garbage", "[[A]]")
    translated, straight = asyncio.run(work(completion(usage={"prompt_tokens": 50})))
    assert (translated["tokens_out"], straight["tokens_out"], straight["cost"]) == (0, None, None)
    bare = {"type": "function", "function": {"name": "verdict", "arguments": "{}"}}
    translated, straight = asyncio.run(work(completion({"tool_calls": [bare]})))
    assert translated["tool_calls"][0]["id"] and straight["tool_calls"][0]["id"] is None


@pytest.mark.parametrize("name", ["openai/m", "hosted_vllm/a/b", "lm_studio/m", "llamafile/m", "openai/gpt-4o-mini"])
def test_a_compatible_endpoint_is_asked_directly_where_nothing_needs_translation(name: str) -> None:
    assert can_ask(name)
    assert translates_nothing(name, endpoint="http://x/v1", parameters={"temperature": 0, "max_tokens": 5})
    assert not translates_nothing(name, endpoint="", parameters={})
    assert not translates_nothing(name, endpoint="http://x/v1", parameters={"thinking": {"type": "enabled"}})
    assert isinstance(transport_of(name, endpoint="http://x/v1", parameters={}), Straight)
    assert isinstance(transport_of(name, endpoint="http://x/v1", parameters={}, wanted="litellm"), ThroughLiteLLM)


@pytest.mark.parametrize(
    "name", ["o3", "o4-mini", "gpt-5-mini", "gpt-5.1-codex", "ft:o4-mini:x", "responses/m", "x/o1"]
)
def test_models_whose_requests_litellm_rewrites_are_asked_through_it_unless_told_otherwise(name: str) -> None:
    given: dict[str, Any] = {"endpoint": "http://x/v1", "parameters": {}}
    assert isinstance(transport_of(f"openai/{name}", **given), ThroughLiteLLM)
    assert isinstance(transport_of(f"openai/{name}", **given, wanted="direct"), Straight)


@pytest.mark.parametrize(
    "name", ["anthropic/claude-sonnet-4-5", "gemini/x", "ollama_chat/x", "mistral/x", "m", "openai"]
)
def test_other_providers_cannot_be_asked_directly(name: str) -> None:
    assert isinstance(transport_of(name, endpoint="http://x/v1", parameters={}), ThroughLiteLLM)
    with pytest.raises(BadInput, match="cannot be asked directly") as caught:
        transport_of(name, endpoint="", parameters={}, wanted="direct")
    assert "openai/" in caught.value.way_out


def test_a_built_in_model_needs_no_transport_of_its_own() -> None:
    assert isinstance(transport_of("builtin/heuristic", endpoint="", parameters={}, wanted="direct"), ThroughLiteLLM)

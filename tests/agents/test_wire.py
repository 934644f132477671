"""Which failure does an exception stand for, and what is taken from a reply that is not as it should be?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from plurijudge.agents.answer import Answer, Failure
from plurijudge.agents.failures import failure_of
from plurijudge.agents.transport import transport_of

Reply = tuple[int, str, dict[str, str]]
ROADS = pytest.mark.parametrize("road", ["direct", "litellm"])


class Refused(Exception):
    """An exception as LiteLLM's are: a status, and what OpenAI's error object says."""

    def __init__(self, said: str, *, status: int = 400, param: str | None = None, code: str | None = None) -> None:
        super().__init__(said)
        self.status_code, self.param, self.code = status, param, code


class Waiting(Exception):
    """An exception that carries a response's headers."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__("slow down")
        self.headers, self.status_code = headers, 429


SENT = ("temperature", "seed", "max_tokens", "response_format", "tools", "tool_choice", "top_k")


@pytest.mark.parametrize(
    ("said", "parameter"),
    [
        ("Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.", "max_tokens"),
        ("Unsupported value: 'temperature' does not support 0 with this model. Only the default (1)", "temperature"),
        ("Unrecognized request argument supplied: seed", "seed"),
        ("Unknown parameter: 'top_k'.", "top_k"),
        ("[{'type': 'extra_forbidden', 'loc': ('body', 'seed'), 'msg': 'Extra inputs are not permitted'}]", "seed"),
        ("temperature: `temperature` is deprecated for this model.", "temperature"),
        ("`temperature` and `top_p` cannot both be specified for this model.", "temperature"),
        ("This model does not support response format `json_schema`.", "response_format"),
        ("This response_format type is unavailable now", "response_format"),
        ("Invalid schema for response_format 'verdict': In context=(), 'anyOf' is not permitted.", "response_format"),
        ("registry.ollama.ai/library/x does not support tools", "tools"),
        ('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', "tools"),
        ("Function calling is not enabled for this model", "tools"),
        ("max_tokens is too large: 200000. This model supports at most 16384 completion tokens.", ""),
        ("Invalid value for temperature: must be at most 2.", ""),
        ("Your prompt was flagged. It speaks of the temperature of stools and a seed.", ""),
        ("Unsupported image format.", ""),
        ("logprobs is not supported with this model", ""),
    ],
)
def test_a_400_names_the_parameter_that_it_refuses(said: str, parameter: str) -> None:
    failure = failure_of(Refused(said), sent=SENT)
    assert (failure.reason, failure.parameter, failure.retry) == ("bad_request", parameter, False)


def test_the_error_object_s_own_word_on_the_parameter_counts_most() -> None:
    plain = Refused("Not here.", param="seed", code="unsupported_parameter")
    assert failure_of(plain, sent=SENT).parameter == "seed"
    chosen = Refused("Not supported.", param="tool_choice", code="unsupported_value")
    assert failure_of(chosen, sent=SENT).parameter == "tools"
    about_messages = Refused("messages: 'temperature' is not supported here", param="messages")
    assert failure_of(about_messages, sent=SENT).parameter == ""
    not_sent = Refused("'stop' is not supported", param="stop", code="unsupported_parameter")
    assert failure_of(not_sent, sent=SENT).parameter == ""


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_only_a_400_refuses_a_parameter(status: int) -> None:
    assert failure_of(Refused("'seed' is not supported", status=status), sent=SENT).parameter == ""


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)}, 0.0),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    failure = failure_of(Waiting(headers))
    assert (failure.reason, failure.retry, failure.retry_after) == ("rate_limited", True, seconds)


def test_retry_after_may_be_a_date() -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    asked = failure_of(Waiting({"retry-after": until})).retry_after
    assert asked is not None and 3000 < asked <= 3600


def test_a_failure_within_a_chain_is_the_failure() -> None:
    inner = Failure("miss", "nothing recorded")
    try:
        raise RuntimeError("wrapped") from inner
    except RuntimeError as error:
        assert failure_of(error) is inner


async def replying(reply: Reply, then: Callable[[str], Awaitable[Any]]) -> Any:
    """Answer every request with this reply, while `then` works against the address."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().casefold()
        await reader.readexactly(int(head.partition("content-length: ")[2].partition("\r\n")[0]))
        status, body, headers = reply
        extra = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        length = len(body.encode())
        start = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{extra}content-length: {length}\r\n"
        writer.write(f"{start}connection: close\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        return await then(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")


def reply_to(road: str, status: int, body: str, *, model: str = "openai/m", **headers: str) -> Answer | Failure:
    """What one send by a transport brings where the server replies so."""

    async def send(endpoint: str) -> Answer | Failure:
        asked: dict[str, Any] = {"temperature": 0.0}
        transport = transport_of(model, endpoint=endpoint, parameters=asked, wanted=road)
        await transport.open()
        try:
            return await transport.send([{"role": "user", "content": "?"}], asked, seconds=5, subject=None)
        except Failure as failure:
            return failure
        finally:
            await transport.close()

    found: Answer | Failure = asyncio.run(replying((status, body, headers), send))
    return found


@ROADS
@pytest.mark.parametrize(
    "body",
    ["{}", "[]", "null", '""', '{"choices": []}', '{"choices": [{"index": 0, "message": null}]}', "\u007f"],
)
def test_a_200_without_a_completion_is_garbage_and_may_pass(road: str, body: str) -> None:
    failure = reply_to(road, 200, body)
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.retry) == ("garbage", True)
    assert "Traceback" not in failure.said


@ROADS
def test_a_200_that_holds_an_error_is_the_server_s_failure_and_may_pass(road: str) -> None:
    failure = reply_to(road, 200, '{"error": {"message": "overloaded"}}')
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.retry, failure.said) == ("server", True, "overloaded")


@ROADS
def test_usage_that_the_server_does_not_give_is_unknown_not_zero(road: str) -> None:
    answer = reply_to(road, 200, '{"choices": [{"index": 0, "message": {"role": "assistant", "content": "[[A]]"}}]}')
    assert isinstance(answer, Answer)
    assert answer.text == "[[A]]"
    assert (answer.tokens_in, answer.tokens_out, answer.tokens_cached, answer.cost) == (None, None, None, None)


@ROADS
def test_tokens_are_as_the_server_says_cached_and_reasoning_too(road: str) -> None:
    usage = (
        '{"prompt_tokens": 50, "completion_tokens": 30, "total_tokens": 80, "prompt_tokens_details": '
        '{"cached_tokens": 40}, "completion_tokens_details": {"reasoning_tokens": 20}}'
    )
    message = '{"role": "assistant", "content": "[[A]]", "reasoning_content": "Hm."}'
    choices = f'[{{"index": 0, "message": {message}, "finish_reason": "stop"}}]'
    answer = reply_to(road, 200, f'{{"model": "m-7", "choices": {choices}, "usage": {usage}}}')
    assert isinstance(answer, Answer)
    assert (answer.tokens_in, answer.tokens_out, answer.tokens_cached, answer.tokens_reasoning) == (50, 30, 40, 20)
    assert (answer.reasoning, answer.served_model) == ("Hm.", "m-7")


PRICED = (
    '{"model": "gpt-4o-2024-08-06", "choices": [{"index": 0, "message": {"role": "assistant", "content": "[[A]]"}}], '
    '"usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100, '
    '"prompt_tokens_details": {"cached_tokens": 400}}}'
)


@ROADS
def test_an_answer_of_a_known_model_is_priced_on_either_road(road: str) -> None:
    answer = reply_to(road, 200, PRICED, model="openai/gpt-4o")
    assert isinstance(answer, Answer)
    assert answer.cost == pytest.approx((600 * 2.5 + 400 * 1.25 + 100 * 10) / 1e6)
    assert answer.price_source.startswith("litellm ")


def test_litellm_prices_no_call_a_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from plurijudge.agents import wire

    asked: list[Any] = []
    monkeypatch.setattr(wire.library(), "response_cost_calculator", lambda **given: asked.append(given))
    plain = reply_to("litellm", 200, PRICED, model="openai/gpt-4o")
    assert isinstance(plain, Answer) and not asked
    monkeypatch.setattr(wire, "_keeper", lambda: None)  # a release that takes no record from outside
    assert reply_to("litellm", 200, PRICED, model="openai/gpt-4o") == plain
    assert len(asked) == 1


@ROADS
def test_a_503_may_say_how_long_to_wait(road: str) -> None:
    failure = reply_to(road, 503, '{"error": {"message": "Loading."}}', **{"retry-after": "3"})
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.retry, failure.retry_after, failure.said) == ("server", True, 3.0, "Loading.")


@ROADS
@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (429, '{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}', "quota"),
        (402, '{"error": {"message": "Insufficient Balance"}}', "quota"),
        (400, '{"error": {"message": "Too long.", "code": "context_length_exceeded"}}', "context_window"),
        (400, '{"error": {"message": "The prompt was filtered.", "code": "content_filter"}}', "content_filter"),
        (400, '{"error": "no error object"}', "bad_request"),
    ],
)
def test_what_no_retry_mends_is_not_retried(road: str, status: int, body: str, reason: str) -> None:
    failure = reply_to(road, status, body)
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.retry) == (reason, False)


@ROADS
def test_what_a_server_wrote_is_kept_where_it_sent_no_error_object(road: str) -> None:
    failure = reply_to(road, 502, "<html><body><h1>Bad gateway</h1></body></html>")
    assert isinstance(failure, Failure)
    assert failure.said == "Error code: 502: Bad gateway"

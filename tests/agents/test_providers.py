"""Does a judge work at Anthropic's, Google's and Ollama's own endpoints as at OpenAI's? Over the real LiteLLM."""

from __future__ import annotations

import asyncio
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from plurijudge import Judge, Study
from plurijudge.agents import wire
from plurijudge.agents.ledger import NoLedger
from plurijudge.agents.model import Limits
from plurijudge.agents.prices import price_source, prices
from plurijudge.store.records import Call
from plurijudge.text.errors import ModelError, ModelRefusedKey, ModelUnknown, ModelUnreachable

from ..court import SCHEMA, ask, pairs, quick, rows
from ..loopback import Side
from .providers import (
    ALL,
    EVER,
    KEY,
    THOUGHT,
    TOKENS_CACHED,
    TOKENS_IN,
    TOKENS_OUT,
    TOKENS_THOUGHT,
    Anthropic,
    Gemini,
    Ollama,
    Outcome,
    Provider,
    camel,
    fails,
)

FEW = Limits(backoff=0.001, longest_wait=0.002, timeout=5, total=20, attempts=3)
DAILY = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch, no_keys_of_the_machine: None) -> None:
    monkeypatch.delenv("OLLAMA_API_KEY", raising=False)
    for kind in ALL:
        if kind.variable:
            monkeypatch.setenv(kind.variable, KEY)


@pytest.fixture(params=ALL, ids=lambda kind: kind.__name__)
def provider(request: pytest.FixtureRequest) -> Iterator[Provider]:
    with request.param() as server:
        yield server


@pytest.fixture
def anthropic() -> Iterator[Anthropic]:
    with Anthropic() as server:
        yield server


@pytest.fixture
def gemini() -> Iterator[Gemini]:
    with Gemini() as server:
        yield server


@pytest.fixture
def ollama() -> Iterator[Ollama]:
    with Ollama() as server:
        yield server


def put(server: Provider, *texts: str, **options: Any) -> list[Call]:
    """Ask the server's model, with few and quick attempts."""
    given = {"name": server.litellm_name, "limits": FEW, **options}
    return ask(server.base_url, texts or ("Which is better?",), **given)


def stopped(server: Provider, *texts: str, **options: Any) -> tuple[ModelError, list[Call]]:
    """The error that ends a run, and the calls that came before it."""
    ledger = NoLedger()
    with pytest.raises(ModelError) as caught:
        put(server, *texts, ledger=ledger, **options)
    return caught.value, ledger.calls


def ends(call: Call) -> tuple[str, str, int]:
    return call.status, call.reason, call.attempts


def the_sure_one(words: str) -> Side:
    """Of the two answers that `court.pairs` makes, the one without doubts."""
    before, _, _ = words.partition("I think")
    return "second" if before.count("It is") == 1 else "first"


# Answers


def test_an_answer_comes_by_json_schema(provider: Provider) -> None:
    (call,) = put(provider)
    assert (call.status, call.road, call.attempts, call.dropped, call.finish_reason) == ("ok", "schema", 1, [], "stop")
    assert orjson.loads(call.response or "") == {"rationale": "because", "verdict": "A"}
    asked = provider.check(provider.seen[0])
    assert (asked.schema, asked.tool) == (SCHEMA, "")


def test_without_a_schema_only_text_is_asked_for(provider: Provider) -> None:
    (call,) = put(provider, schema=None)
    assert (call.status, call.road, call.response) == ("ok", "text", "I compared them. My verdict: [[A]]")
    asked = provider.check(provider.seen[0])
    assert (asked.schema, asked.tool, asked.words) == (None, "", "Which is better?")


def test_a_model_that_refuses_a_schema_is_asked_by_a_tool_and_remembered(provider: Provider) -> None:
    provider.script(refuse=["schema"])
    calls = put(provider, "one?", "two?")
    assert [(c.status, c.road, c.dropped) for c in calls] == [("ok", "tool", ["response_format"])] * 2
    assert [c.attempts for c in calls] == [2, 1] and len(provider.seen) == 3
    assert orjson.loads(calls[0].response or "") == {"rationale": "because", "verdict": "A"}
    assert provider.check(provider.seen[-1]).tool == "verdict"


def test_a_model_that_refuses_tools_too_is_asked_for_text(provider: Provider) -> None:
    provider.script(refuse=["schema", "tool"])
    calls = put(provider, "one?", "two?")
    assert [(c.status, c.road, c.attempts) for c in calls] == [("ok", "text", 3), ("ok", "text", 1)]
    assert calls[0].dropped == ["response_format", "tools"]
    assert (calls[1].response or "").endswith("[[A]]")


def test_the_one_road_that_a_judge_names_is_not_left(provider: Provider) -> None:
    provider.script(refuse=["schema"])
    (call,) = put(provider, structured="schema")
    assert ends(call) == ("error", "bad_request", 1)


def test_a_claude_that_litellm_does_not_know_is_asked_for_a_schema_by_a_tool(anthropic: Anthropic) -> None:
    calls = put(anthropic, name="anthropic/claude-of-tomorrow")
    assert [(c.status, c.road, c.dropped) for c in calls] == [("ok", "schema", [])]
    asked = anthropic.check(anthropic.seen[0])
    assert (asked.schema, asked.tool, asked.tool_schema) == (None, "json_tool_call", SCHEMA)
    anthropic.script(refuse=["tool"])
    (call,) = put(anthropic, name="anthropic/claude-of-tomorrow")
    assert (call.status, call.road, call.dropped) == ("ok", "text", ["response_format", "tools"])


def test_a_gemini_that_litellm_does_not_know_is_asked_for_json_with_the_schema_in_words(gemini: Gemini) -> None:
    (call,) = put(gemini, name="gemini/gemini-of-tomorrow")
    assert (call.status, call.road) == ("ok", "schema")
    settings = camel(gemini.seen[0].body)["generationConfig"]
    assert settings == {"responseMimeType": "application/json"}
    assert '"propertyOrdering"' in gemini.check(gemini.seen[0]).words
    (call,) = put(gemini, name="gemini/gemini-of-tomorrow", structured="tool")
    assert (call.status, call.road, gemini.check(gemini.seen[1]).tool) == ("ok", "tool", "verdict")


def test_a_schema_that_ollama_cannot_compile_is_a_refusal_although_it_answers_500(ollama: Ollama) -> None:
    schema = {**SCHEMA, "properties": {"verdict": {"type": "string", "pattern": "[AB]"}}, "required": ["verdict"]}
    (call,) = put(ollama, schema=schema)
    assert (call.status, call.road, call.attempts, call.dropped) == ("ok", "tool", 2, ["response_format"])


@pytest.mark.parametrize("kind", [Anthropic, Gemini])
def test_a_refused_parameter_is_left_out_from_then_on(kind: type[Provider]) -> None:
    with kind() as server:
        server.script(refuse=["temperature"])
        calls = put(server, "one?", "two?", parameters={"temperature": 0.0, "top_p": 0.5})
        assert [(c.status, c.dropped, c.attempts) for c in calls] == [
            ("ok", ["temperature"], 2),
            ("ok", ["temperature"], 1),
        ]
        assert "temperature" not in str(server.seen[-1].body) and "0.5" in str(server.seen[-1].body)


def test_what_the_language_has_no_word_for_is_left_out_without_a_send(provider: Provider) -> None:
    (call,) = put(provider, parameters={"temperature": 0.0, "logit_bias": {"5": 1}})
    assert (call.status, call.dropped, call.attempts) == ("ok", ["logit_bias"], 1)
    assert "temperature" in str(provider.seen[0].body)


def test_roles_limits_and_seeds_arrive_in_the_provider_s_own_words(provider: Provider) -> None:
    messages = [{"role": "system", "content": "You judge."}, {"role": "user", "content": "Which?"}]
    given = {"temperature": 0.5, "max_tokens": 77, **({} if isinstance(provider, Anthropic) else {"seed": 7})}
    assert wire_answer(provider, messages, given)
    body, asked = camel(provider.seen[0].body), provider.check(provider.seen[0])
    assert (asked.limit, asked.words) == (77, "You judge.\nWhich?")
    match provider:
        case Anthropic():
            assert body["system"] == [{"type": "text", "text": "You judge."}]
        case Gemini():
            assert body["systemInstruction"] == {"parts": [{"text": "You judge."}]}
            assert body["generationConfig"] == {"temperature": 0.5, "maxOutputTokens": 77, "seed": 7}
        case _:
            assert [message["role"] for message in body["messages"]] == ["system", "user"]
            assert body["options"] == {"temperature": 0.5, "num_predict": 77, "seed": 7}


def wire_answer(provider: Provider, messages: list[dict[str, Any]], parameters: dict[str, Any]) -> str:
    """The text of one attempt."""

    async def send() -> str:
        await wire.ready()
        wire.hold()
        try:
            name, base = provider.litellm_name, provider.base_url
            return (await wire.send(name, messages, endpoint=base, seconds=5, parameters=parameters)).text
        finally:
            await wire.release()

    return asyncio.run(send())


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        *((Anthropic, path) for path in ("", "/", "/v1", "/v1/", "/v1/messages")),
        *((Gemini, path) for path in ("", "/", "/v1beta", "/v1beta/")),
        *((Ollama, path) for path in ("", "/", "/api", "/api/chat", "/v1")),
    ],
)
def test_a_base_url_may_be_written_in_every_usual_way(kind: type[Provider], path: str) -> None:
    with kind() as server:
        (call,) = ask(server.root + path, name=server.litellm_name, limits=FEW)
        assert ends(call) == ("ok", "", 1)
        assert call.endpoint == server.root + path  # the row keeps what the judge's description says


# Answers that are none


@pytest.mark.parametrize(
    ("kind", "outcome", "usage"),
    [
        (Anthropic, Outcome("refusal"), True),
        (Gemini, Outcome("refusal"), True),
        (Gemini, Outcome("stop", "RECITATION"), True),
        (Gemini, Outcome("stop", "PROHIBITED_CONTENT"), True),
        (Gemini, Outcome("blocked"), True),
        (Gemini, Outcome("blocked", "SAFETY"), False),
    ],
)
def test_a_refusal_is_heard_and_never_an_answer(kind: type[Provider], outcome: Outcome, usage: bool) -> None:
    with kind() as server:
        server.script(outcome, usage=usage)
        (call,) = put(server)
        assert ends(call) == ("refused", "refusal", 1)
        assert (call.response, call.finish_reason) == ("", "content_filter")
        assert call.tokens_in == (TOKENS_IN if usage else None)


def test_a_model_without_a_sign_for_it_refuses_in_words(ollama: Ollama, tmp_path: Path) -> None:
    ollama.script(Outcome("refusal"))
    assert put(ollama)[0].status == "ok"  # to the client it is a text; who asked knows what a refusal sounds like
    ollama.script(Outcome("refusal", times=EVER))
    with Study(tmp_path / "s.db") as study:
        done = study.judge_sync(pairs(1), Judge(ollama.litellm_name, base_url=ollama.base_url), pace=quick())
    assert done.sums["verdicts"] == {"refused": 2}


@pytest.mark.parametrize("end", ["OTHER", "LANGUAGE", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"])
def test_an_unusual_end_without_an_answer_is_no_refusal(gemini: Gemini, end: str) -> None:
    gemini.script(Outcome("stop", end))
    (call,) = put(gemini)
    assert ends(call) == ("error", "empty", 1)
    assert call.finish_reason == end.lower()


def test_a_cut_answer_is_asked_again_once_with_a_larger_limit(provider: Provider) -> None:
    provider.script("length", enough_tokens=400)
    calls = put(provider, max_tokens=100)
    assert [call.status for call in calls] == ["truncated", "ok"]
    assert [provider.check(seen).limit for seen in provider.seen] == [100, 400]
    assert (calls[0].reason, calls[0].finish_reason) == ("token_limit", "length")


def test_an_answer_cut_twice_stays_truncated(provider: Provider) -> None:
    provider.script(Outcome("length", times=EVER))
    assert [call.status for call in put(provider, max_tokens=100)] == ["truncated", "truncated"]
    assert len(provider.seen) == 2


def test_an_answer_cut_while_it_was_still_thinking_is_truncated_too(gemini: Gemini) -> None:
    gemini.script(Outcome("stop", "MAX_TOKENS"))
    assert ends(put(gemini)[0]) == ("truncated", "token_limit", 1)


@pytest.mark.parametrize("end", ["pause_turn", "model_context_window_exceeded"])
def test_the_other_ways_in_which_anthropic_stops_early_are_cuts_too(anthropic: Anthropic, end: str) -> None:
    anthropic.script(Outcome("stop", end))
    assert ends(put(anthropic)[0]) == ("truncated", "token_limit", 1)


def test_without_a_limit_anthropic_is_sent_the_most_that_the_model_can_give(anthropic: Anthropic) -> None:
    put(anthropic)
    known = prices(anthropic.litellm_name)
    assert known is not None and anthropic.check(anthropic.seen[0]).limit == known.longest


def test_an_empty_answer_is_an_error(provider: Provider) -> None:
    provider.script("empty")
    (call,) = put(provider)
    assert ends(call) == ("error", "empty", 1)
    assert call.tokens_in == TOKENS_IN


@pytest.mark.parametrize("body", ["{}", "[]", "null", '""', '{"choices": []}'])
def test_a_200_without_an_answer_is_garbage_and_tried_again(provider: Provider, body: str) -> None:
    provider.script(Outcome("raw", body, times=2))
    assert ends(put(provider)[0]) == ("ok", "", 3)
    provider.script(Outcome("raw", body, times=EVER))
    (call,) = put(provider)
    assert ends(call) == ("error", "garbage", 3)
    assert call.error and "Traceback" not in call.error


@pytest.mark.parametrize("body", ['{"error": "overloaded"}', '{"error": {"message": "overloaded"}}'])
def test_a_200_that_holds_an_error_is_the_server_s_failure_and_tried_again(provider: Provider, body: str) -> None:
    provider.script(Outcome("raw", body, times=EVER))
    (call,) = put(provider)
    assert ends(call) == ("error", "server", 3)
    assert call.error == "overloaded"


# Usage


def test_tokens_are_as_the_server_counts_them(provider: Provider) -> None:
    (call,) = put(provider)
    cached = None if isinstance(provider, Ollama) else TOKENS_CACHED
    assert (call.tokens_in, call.tokens_out, call.tokens_cached) == (TOKENS_IN, TOKENS_OUT, cached)
    assert call.served_model == provider.litellm_name.partition("/")[2]
    assert call.cost is not None and call.price_source == price_source()
    known = prices(provider.litellm_name)
    assert known is not None
    whole = TOKENS_IN * known.token_in + TOKENS_OUT * known.token_out
    assert call.cost < whole if cached else call.cost == whole == 0  # what was cached is cheaper


@pytest.mark.parametrize(("kind", "thought"), [(Anthropic, None), (Gemini, TOKENS_THOUGHT), (Ollama, None)])
def test_tokens_of_thought_are_the_server_s_or_unknown(kind: type[Provider], thought: int | None) -> None:
    with kind() as server:
        server.script("think")
        (call,) = put(server)
        assert (call.status, call.reasoning, call.tokens_reasoning) == ("ok", THOUGHT, thought)
        assert call.tokens_out == TOKENS_OUT + (0 if kind is Ollama else TOKENS_THOUGHT)
        assert orjson.loads(call.response or "")["verdict"] == "A"


def test_anthropic_may_count_the_tokens_of_thought_and_then_they_are_taken(anthropic: Anthropic) -> None:
    content = [{"type": "thinking", "thinking": THOUGHT, "signature": "c2ln"}, {"type": "text", "text": "[[A]]"}]
    usage = {"input_tokens": 9, "output_tokens": 30, "output_tokens_details": {"thinking_tokens": 21}}
    body = {"id": "m", "type": "message", "role": "assistant", "model": "claude-x", "content": content}
    anthropic.script(Outcome("raw", orjson.dumps(body | {"stop_reason": "end_turn", "usage": usage}).decode()))
    (call,) = put(anthropic, schema=None)
    assert (call.tokens_in, call.tokens_out, call.tokens_reasoning, call.tokens_cached) == (9, 30, 21, None)
    assert call.served_model == "claude-x"


def test_what_gemini_counts_beside_a_refusal_is_kept_and_priced(gemini: Gemini) -> None:
    plain = put(gemini)[0]
    gemini.script("refusal")
    (call,) = put(gemini)
    assert (call.tokens_in, call.tokens_out, call.tokens_cached) == (TOKENS_IN, TOKENS_OUT, TOKENS_CACHED)
    assert call.cost == pytest.approx(plain.cost)


@pytest.mark.parametrize("kind", [Anthropic, Ollama])
def test_tokens_that_the_server_does_not_count_are_unknown(kind: type[Provider]) -> None:
    with kind() as server:
        server.script(usage=False)
        (call,) = put(server)
        assert (call.status, call.tokens_in, call.tokens_out, call.cost) == ("ok", None, None, None)
        assert call.price_source == ""


def test_an_answer_of_gemini_s_without_any_usage_cannot_be_read(gemini: Gemini) -> None:
    gemini.script(usage=False)
    assert ends(put(gemini)[0]) == ("error", "garbage", 3)


def test_a_model_of_one_s_own_costs_nothing_and_nobody_else_is_asked(
    ollama: Ollama, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    connect, look_up = socket.create_connection, socket.getaddrinfo

    def connecting(address: Any, *rest: Any, **options: Any) -> Any:
        asked.append(address)
        return connect(address, *rest, **options)

    def looking_up(*address: Any, **options: Any) -> Any:
        asked.append(address)
        return look_up(*address, **options)

    wire.library()
    monkeypatch.setattr(socket, "create_connection", connecting)
    monkeypatch.setattr(socket, "getaddrinfo", looking_up)
    assert prices("ollama_chat/nobody-knows-this") == (0.0, 0.0, None)
    (call,) = put(ollama)
    assert (call.status, call.cost, call.max_cost) == ("ok", 0.0, None)
    assert not [address for address in asked if 11434 in address]


# Errors


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        (Anthropic, 408, "timeout"),
        (Anthropic, 429, "rate_limited"),
        (Anthropic, 500, "server"),
        (Anthropic, 503, "server"),
        (Anthropic, 504, "server"),
        (Anthropic, 529, "server"),
        (Gemini, 408, "timeout"),
        (Gemini, 429, "rate_limited"),
        (Gemini, 500, "server"),
        (Gemini, 503, "server"),
        (Gemini, 504, "server"),
        (Ollama, 408, "timeout"),
        (Ollama, 429, "rate_limited"),
        (Ollama, 500, "server"),
        (Ollama, 503, "server"),
    ],
)
def test_a_status_that_may_pass_is_tried_again(kind: type[Provider], status: int, reason: str) -> None:
    with kind() as server:
        server.script(fails(status, times=2))
        assert ends(put(server)[0]) == ("ok", "", 3)
        server.script(fails(status, "Not now."))
        (call,) = put(server)
        assert ends(call) == ("error", reason, 3)
        assert "Not now." in call.error and "itellm" not in call.error
        assert len(server.seen) == 3


@pytest.mark.parametrize(("status", "reason"), [(400, "bad_request"), (401, "auth"), (403, "auth"), (404, "not_found")])
def test_a_status_that_does_not_pass_is_not_tried_again(provider: Provider, status: int, reason: str) -> None:
    provider.script("ok", fails(status, "No, and that is that."), "ok")
    first, second = put(provider, "one?", "two?")
    assert first.status == "ok"
    assert (*ends(second), second.error) == ("error", reason, 1, "No, and that is that.")
    assert len(provider.seen) == 2


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (401, ModelRefusedKey, "wants another key"),
        (403, ModelRefusedKey, "wants another key"),
        (404, ModelUnknown, "is not a model"),
    ],
)
def test_a_model_that_never_answered_and_cannot_ends_the_run(
    provider: Provider, status: int, kind: type[ModelError], said: str
) -> None:
    provider.script(fails(status, "Not you."))
    error, calls = stopped(provider)
    assert isinstance(error, kind) and said in error.message and error.message.endswith("Not you.")
    assert [call.attempts for call in calls] == [1]


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ("html", "server"),
        ("cut", "connection"),
        ("reset", "connection"),
        ("garbage", "garbage"),
        ("badjson", "garbage"),
    ],
)
def test_a_broken_reply_is_tried_again(provider: Provider, outcome: str, reason: str) -> None:
    provider.script(Outcome(outcome, times=2))
    assert ends(put(provider)[0]) == ("ok", "", 3)
    provider.script(Outcome(outcome, times=EVER))
    (call,) = put(provider)
    assert (*ends(call), call.response) == ("error", reason, 3, None)
    assert call.error and "Traceback" not in call.error and "<html>" not in call.error


def test_an_attempt_that_hangs_is_given_up_and_tried_again(provider: Provider) -> None:
    provider.script("hang")
    limits = Limits(backoff=0.001, timeout=1.5, total=60)
    assert ends(put(provider, limits=limits)[0]) == ("ok", "", 2)


@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_that_the_server_asks_for_is_kept_even_past_the_deadline(provider: Provider, status: int) -> None:
    provider.script(fails(status, wait=30.5))
    limits = Limits(backoff=0.001, timeout=5, total=1)
    (call,) = put(provider, limits=limits)
    assert ends(call) == ("error", "rate_limited" if status == 429 else "server", 1)


def test_a_fraction_of_a_second_is_waited_for_and_then_answered(provider: Provider) -> None:
    provider.script(fails(429, wait=0.05, times=3))
    assert ends(put(provider, limits=Limits(timeout=5, total=50))[0]) == ("ok", "", 4)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (Anthropic, fails(402)),
        (Anthropic, fails(400, "Your credit balance is too low to access the Anthropic API.")),
        (Anthropic, fails(400, "You have reached your specified API usage limits.")),
        (Gemini, Outcome("fails", status=429, wait=20.0, details=(DAILY,))),
    ],
)
def test_an_account_that_is_used_up_ends_the_run_even_after_answers(kind: type[Provider], outcome: Outcome) -> None:
    with kind() as server:
        server.script("ok", outcome)
        error, calls = stopped(server, "one?", "two?")
        assert "is used up" in error.message
        assert [ends(call) for call in calls] == [("ok", "", 1), ("error", "quota", 1)]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Anthropic, "prompt is too long: 250000 tokens > 200000 maximum"),
        (Gemini, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."),
    ],
)
def test_a_question_that_is_too_long_says_so(kind: type[Provider], said: str) -> None:
    with kind() as server:
        server.script(fails(400, said))
        assert ends(put(server)[0]) == ("error", "context_window", 1)


def test_an_output_that_anthropic_filters_is_a_refusal(anthropic: Anthropic) -> None:
    anthropic.script(fails(400, "Output blocked by content filtering policy"))
    assert ends(put(anthropic)[0]) == ("refused", "content_filter", 1)


@pytest.mark.parametrize("said", [Gemini.BAD_KEY, "API key expired. Please renew the API key."])
def test_google_refuses_a_key_with_status_400(gemini: Gemini, said: str) -> None:
    reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    gemini.script(Outcome("fails", said, status=400, details=(reason,)))
    error, calls = stopped(gemini)
    assert isinstance(error, ModelRefusedKey)
    assert ends(calls[0]) == ("error", "auth", 1)


def test_where_nothing_listens_the_retries_come_first() -> None:
    for kind in ALL:
        server = kind()
        server._socket.close()
        error, calls = stopped(server)
        assert isinstance(error, ModelUnreachable) and server.base_url in error.message
        assert ends(calls[0]) == ("error", "unreachable", 3)


# Keys


@pytest.mark.parametrize("kind", [Anthropic, Gemini])
def test_a_wrong_key_is_said_and_not_shown(kind: type[Provider], monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = "another-planted-key-fedcba9876543210"
    monkeypatch.setenv(kind.variable, wrong)
    with kind() as server:
        error, _ = stopped(server)
        assert isinstance(error, ModelRefusedKey) and wrong not in str(error)
        sent = server.seen[0]
        assert wrong in sent.headers.values() and wrong not in (sent.path, *sent.query.values(), str(sent.body))


@pytest.mark.parametrize("kind", [Anthropic, Gemini])
def test_an_error_that_repeats_the_key_does_not_show_it(kind: type[Provider]) -> None:
    with kind() as server:
        server.script(fails(403, f"The key {KEY} is not allowed here."))
        error, calls = stopped(server)
        assert calls[0].error == "The key [secret] is not allowed here."
        link: BaseException | None = error
        while link is not None:
            assert KEY not in f"{link} {link!r}"
            link = link.__cause__ or link.__context__


def test_no_key_goes_to_a_model_of_one_s_own(ollama: Ollama) -> None:
    put(ollama)
    assert not {"authorization", "x-api-key"} & set(ollama.seen[0].headers)


@pytest.mark.parametrize("kind", [Anthropic, Gemini])
def test_a_run_whose_answers_and_errors_repeat_the_key_keeps_it_nowhere(kind: type[Provider], tmp_path: Path) -> None:
    with kind() as server:
        server.script(
            Outcome("say", f"The key is {KEY}. [[A]]"),
            Outcome("say", f'{{"rationale": "{KEY}", "verdict": "A"}}'),
            *(fails(status, f"About {KEY}: no.", times=1) for status in (400, 401, 403, 404, 429, 500, 503)),
            *map(Outcome, ("garbage", "badjson", "cut", "html", "refusal", "empty")),
        )
        with Study(tmp_path / "s.db") as study:
            done = study.judge_sync(pairs(8), Judge(server.litellm_name, base_url=server.base_url), pace=quick())
            shown = f"{done} {done.to_dict()} {done.decisions()}"
            data = b"".join(path.read_bytes() for path in tmp_path.rglob("*"))
        assert rows(tmp_path / "s.db", "SELECT count(*) FROM \"call\" WHERE error LIKE '%[secret]%'")[0][0] >= 1
        assert rows(tmp_path / "s.db", "SELECT count(*) FROM \"call\" WHERE response LIKE '%[secret]%'")[0][0] >= 1
        assert KEY.encode() not in data and KEY not in shown


# Whole judgements


def test_a_run_judges_pairs_both_ways_round(provider: Provider, tmp_path: Path) -> None:
    provider.script(pick=the_sure_one)
    judge = Judge(provider.litellm_name, base_url=provider.base_url)
    with Study(tmp_path / "s.db") as study:
        done = study.judge_sync(pairs(6), judge, pace=quick())
    assert (done.status, done.sums["decisions"], done.sums["verdicts"]) == ("closed", {"ok": 6}, {"ok": 12})
    found = rows(tmp_path / "s.db", "SELECT DISTINCT preferred FROM verdict")
    calls = rows(tmp_path / "s.db", 'SELECT DISTINCT status, road, tokens_in, tokens_out FROM "call"')
    assert found == [("a",)] and calls == [("ok", "schema", TOKENS_IN, TOKENS_OUT)]


@pytest.mark.parametrize("refuse", [[], ["schema"], ["schema", "tool"]])
def test_a_run_grades_one_response_at_a_time_by_every_road(
    provider: Provider, refuse: list[str], tmp_path: Path
) -> None:
    provider.script(refuse=refuse)
    judge = Judge(provider.litellm_name, base_url=provider.base_url, protocol="score")
    with Study(tmp_path / "s.db") as study:
        done = study.judge_sync(pairs(3), judge, pace=quick())
    expected = "unparseable" if len(refuse) == 2 else "ok"  # the servers' text names a side and no score
    assert (done.status, done.sums["verdicts"]) == ("closed", {expected: 6})


def test_a_run_through_every_fault_decides_every_item_or_says_why_not(provider: Provider, tmp_path: Path) -> None:
    kinds = ("garbage", "refusal", "empty", "cut", "html", "badjson", "reset", "length")
    provider.script(*(fails(s, times=1) for s in (429, 500, 503, 400)), *map(Outcome, kinds), pick=the_sure_one)
    judge = Judge(provider.litellm_name, base_url=provider.base_url)
    with Study(tmp_path / "s.db") as study:
        done = study.judge_sync(pairs(10), judge, pace=quick(attempts=2))
    assert done.status == "closed" and sum(done.sums["decisions"].values()) == 10
    told = rows(tmp_path / "s.db", "SELECT status, reason, preferred FROM verdict")
    assert len(told) == 20
    assert all((status == "ok") == (preferred is not None) == (not reason) for status, reason, preferred in told)


# The servers themselves


ASKED: Mapping[type[Provider], dict[str, Any]] = {
    Anthropic: {"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "?"}]},
    Gemini: {"contents": [{"role": "user", "parts": [{"text": "?"}]}]},
    Ollama: {"model": "llama3.2", "stream": False, "messages": [{"role": "user", "content": "?"}]},
}
HEADERS: Mapping[type[Provider], dict[str, str]] = {
    Anthropic: {"x-api-key": KEY, "anthropic-version": "2023-06-01"},
    Gemini: {"x-goog-api-key": KEY},
    Ollama: {},
}
OPEN = {"type": "object", "properties": {}}


def reply_to(kind: type[Provider], body: dict[str, Any], headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """What the server replies to a request made by hand."""
    with kind() as server:
        path = "/models/gemini-2.5-flash:generateContent" if kind is Gemini else kind.path
        given = {"content-type": "application/json", **headers}
        request = urllib.request.Request(server.base_url + path, data=orjson.dumps(body), headers=given)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30) as reply:
                return reply.status, orjson.loads(reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, orjson.loads(error.read())


@pytest.mark.parametrize("kind", ALL)
def test_a_request_as_the_reference_describes_it_is_answered(kind: type[Provider]) -> None:
    status, body = reply_to(kind, ASKED[kind], HEADERS[kind])
    assert status == 200 and "[[A]]" in str(body)


@pytest.mark.parametrize(
    ("kind", "change", "without", "status", "said"),
    [
        (Anthropic, {}, "x-api-key", 401, "x-api-key header is required"),
        (Anthropic, {}, "anthropic-version", 400, "anthropic-version: header is required"),
        (Anthropic, {"max_tokens": None}, "", 400, "max_tokens: Field required"),
        (Anthropic, {"max_tokens": 0}, "", 400, "max_tokens"),
        (Anthropic, {"seed": 1}, "", 400, "seed: Extra inputs are not permitted"),
        (Anthropic, {"temperature": 1.5}, "", 400, "temperature: range: 0..1"),
        (Anthropic, {"model": "gpt"}, "", 404, "model: gpt"),
        (Anthropic, {"messages": [{"role": "system", "content": "?"}]}, "", 400, "Unexpected role"),
        (Anthropic, {"messages": [{"role": "assistant", "content": "?"}]}, "", 400, "first message"),
        (Anthropic, {"tool_choice": {"type": "tool", "name": "x"}}, "", 400, "tool_choice"),
        (Anthropic, {"tools": [{"name": "x", "input_schema": {}}]}, "", 400, "input_schema.type"),
        (Anthropic, {"output_config": {"format": {"type": "json_schema", "schema": OPEN}}}, "", 400, "additionalProp"),
        (Gemini, {}, "x-goog-api-key", 403, "unregistered callers"),
        (Gemini, {"messages": []}, "", 400, 'Unknown name "messages"'),
        (Gemini, {"generationConfig": {"maxTokens": 1}}, "", 400, 'Unknown name "maxTokens" at'),
        (Gemini, {"contents": []}, "", 400, "contents is not specified"),
        (Gemini, {"contents": [{"role": "system", "parts": [{"text": "?"}]}]}, "", 400, "valid role: user, model"),
        (Gemini, {"generationConfig": {"responseSchema": {"additionalProperties": False}}}, "", 400, "Unknown name"),
        (Gemini, {"generationConfig": {"responseSchema": OPEN}}, "", 400, "mime type"),
        (Ollama, {"model": ""}, "", 400, "model is required"),
        (Ollama, {"model": "none"}, "", 404, "model 'none' not found"),
        (Ollama, {"messages": [{"role": "judge", "content": "?"}]}, "", 400, "invalid role"),
        (Ollama, {"options": {"temperature": "warm"}}, "", 400, 'option "temperature" must be of type float32'),
        (Ollama, {"stream": True}, "", 400, "does not stream"),
    ],
)
def test_any_other_request_is_refused_as_the_provider_refuses_it(
    kind: type[Provider], change: dict[str, Any], without: str, status: int, said: str
) -> None:
    body = {name: value for name, value in (ASKED[kind] | change).items() if value is not None}
    found, reply = reply_to(kind, body, {name: value for name, value in HEADERS[kind].items() if name != without})
    assert found == status
    assert said in (reply["error"] if kind is Ollama else reply["error"]["message"])

"""How is a model asked? Directly and over the real LiteLLM alike, against a server that stalls, lies and dies."""

from __future__ import annotations

import asyncio
import gc
import socket
import subprocess
import sys
from typing import Any

import pytest

from plurijudge.agents import prices as price_table, wire
from plurijudge.agents.ledger import NoLedger
from plurijudge.agents.model import Limits, Model
from plurijudge.agents.question import Question
from plurijudge.text.errors import ModelError, ModelRefusedKey, ModelUnknown, ModelUnreachable

from ..court import QUICK, SCHEMA, UNIT, ask, question
from ..loopback import Loopback

pytestmark = pytest.mark.usefixtures("transport")

TRANSIENT = ["429", "429:none", "429:0.01", "408", "500", "503", "cut", "reset", "garbage", "badjson", "html"]


def sends(calls: list[Any]) -> int:
    return sum(call.attempts for call in calls)


def test_an_answer_comes_by_json_schema(loopback: Loopback) -> None:
    (call,) = ask(loopback.base_url)
    assert (call.status, call.road, call.attempts, call.finish_reason) == ("ok", "schema", 1, "stop")
    assert '"verdict"' in (call.response or "")
    body = loopback.requests()[0]["body"]
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert "tools" not in body


def test_a_model_that_refuses_a_schema_is_asked_by_a_tool_and_remembered(loopback: Loopback) -> None:
    loopback.script(refuse=["response_format"])
    calls = ask(loopback.base_url, ["one?", "two?"])
    assert [(c.status, c.road, c.dropped) for c in calls] == [("ok", "tool", ["response_format"])] * 2
    assert [c.attempts for c in calls] == [2, 1]
    assert '"verdict"' in (calls[0].response or "")
    assert '"name":"verdict"' in (calls[0].tool_calls or "")
    assert loopback.stat()["received"] == sends(calls)


def test_a_model_that_refuses_tools_too_is_asked_for_text(loopback: Loopback) -> None:
    loopback.script(refuse=["response_format", "tools"])
    calls = ask(loopback.base_url, ["one?", "two?"])
    assert [(c.status, c.road, c.attempts) for c in calls] == [("ok", "text", 3), ("ok", "text", 1)]
    assert calls[0].dropped == ["response_format", "tools"]
    assert "[[" in (calls[0].response or "")
    assert loopback.stat()["received"] == sends(calls)


def test_without_a_schema_only_text_is_asked_for(loopback: Loopback) -> None:
    (call,) = ask(loopback.base_url, schema=None)
    assert (call.status, call.road) == ("ok", "text")
    assert not {"response_format", "tools"} & set(loopback.requests()[0]["body"])


def test_the_one_road_that_a_judge_names_is_not_left(loopback: Loopback) -> None:
    loopback.script(refuse=["response_format"])
    (call,) = ask(loopback.base_url, structured="schema")
    assert (call.status, call.reason, call.attempts) == ("error", "bad_request", 1)


@pytest.mark.parametrize("parameter", ["temperature", "top_p", "seed", "max_tokens", "logit_bias"])
def test_a_refused_parameter_is_left_out_from_then_on(loopback: Loopback, parameter: str) -> None:
    given: dict[str, Any] = {"temperature": 0.0, "top_p": 0.5, "seed": 7, "logit_bias": {"5": 1}}
    loopback.script(refuse=[parameter])
    calls = ask(loopback.base_url, ["one?", "two?"], parameters=given, max_tokens=900)
    assert [(c.status, c.dropped, c.attempts) for c in calls] == [("ok", [parameter], 2), ("ok", [parameter], 1)]
    body = loopback.requests()[-1]["body"]
    kept = {"temperature", "top_p", "seed", "max_tokens", "logit_bias"} - {parameter}
    assert kept <= set(body) and parameter not in body
    if parameter == "max_tokens":
        assert body["max_completion_tokens"] == 900


def test_every_refused_parameter_is_left_out_in_one_call(loopback: Loopback) -> None:
    refused = ["response_format", "temperature", "seed", "max_tokens", "max_completion_tokens"]
    loopback.script(refuse=refused)
    (call,) = ask(loopback.base_url, parameters={"temperature": 0.0, "seed": 1}, max_tokens=50)
    assert (call.status, sorted(call.dropped)) == ("ok", sorted(refused))
    assert call.attempts == loopback.stat()["received"] == 6


@pytest.mark.parametrize("transport", ["litellm"], indirect=True)
def test_parameters_that_litellm_itself_refuses_count_as_no_send(loopback: Loopback) -> None:
    (call,) = ask(loopback.base_url, name="openai/gpt-5-mini", parameters={"temperature": 0.0, "top_p": 0.5})
    assert (call.status, sorted(call.dropped)) == ("ok", ["temperature", "top_p"])
    assert call.attempts == loopback.stat()["received"] == 1


def test_questions_asked_at_once_each_recover_from_a_refusal(loopback: Loopback) -> None:
    loopback.script(refuse=["temperature", "response_format"], latency=0.01)

    async def work() -> list[Any]:
        model = Model("openai/m", NoLedger(), endpoint=loopback.base_url, parameters={"temperature": 0}, limits=QUICK)
        try:
            texts = [f"question {n}" for n in range(12)]
            return await asyncio.gather(*(model.complete(question(t), unit=UNIT, schema=SCHEMA) for t in texts))
        finally:
            await model.close()

    assert {(call.status, call.road) for _, call in asyncio.run(work())} == {("ok", "tool")}


@pytest.mark.parametrize(
    "message",
    [
        "max_tokens is too large: 200000. This model supports at most 16384 completion tokens.",
        "Invalid value: temperature must be between 0 and 2.",
        "The question about the seed of an apple and its temperature could not be read.",
        "messages.0.content: the text is not valid",
    ],
)
def test_an_ordinary_400_is_no_refusal_of_a_parameter(loopback: Loopback, message: str) -> None:
    loopback.script([{"fault": "400", "arg": message, "times": 1}])
    given = {"temperature": 0.0, "seed": 1}
    first, second = ask(loopback.base_url, ["one?", "two?"], parameters=given, max_tokens=100)
    assert (first.status, first.reason, first.attempts) == ("error", "bad_request", 1)
    assert message.split(":")[0] in first.error
    assert (second.status, second.dropped) == ("ok", [])


def test_a_400_that_only_sounds_like_a_refusal_is_not_remembered(loopback: Loopback) -> None:
    message = "Your text about seed banks is not allowed here."
    loopback.script([{"fault": "400", "arg": message, "times": 2}])
    first, second = ask(loopback.base_url, ["one?", "two?"], parameters={"seed": 1})
    assert (first.status, first.reason, first.attempts) == ("error", "bad_request", 2)
    assert (second.status, second.dropped) == ("ok", [])
    assert loopback.requests()[-1]["body"]["seed"] == 1


@pytest.mark.parametrize("fault", TRANSIENT)
def test_what_may_pass_is_tried_again(loopback: Loopback, fault: str) -> None:
    loopback.script(f"{fault}*2,ok")
    (call,) = ask(loopback.base_url)
    assert (call.status, call.reason, call.error) == ("ok", "", "")
    assert call.attempts == loopback.stat()["received"] == 3


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("429", "rate_limited"),
        ("408", "timeout"),
        ("500", "server"),
        ("503", "server"),
        ("html", "server"),
        ("cut", "connection"),
        ("reset", "connection"),
        ("garbage", "garbage"),
        ("badjson", "garbage"),
        ("html:200", "garbage"),
    ],
)
def test_what_does_not_pass_ends_as_an_error_with_its_reason(loopback: Loopback, fault: str, reason: str) -> None:
    loopback.script(f"{fault}*")
    (call,) = ask(loopback.base_url, limits=Limits(backoff=0.001, attempts=3, timeout=5, total=20))
    assert (call.status, call.reason, call.response) == ("error", reason, None)
    assert call.error and "Traceback" not in call.error
    assert call.attempts == loopback.stat()["received"] == 3


@pytest.mark.parametrize("wait", ["30", "29.5", "date:30"])
def test_a_wait_that_the_server_asks_for_is_kept_even_past_the_deadline(loopback: Loopback, wait: str) -> None:
    loopback.script(f"429:{wait},ok*")
    (call,) = ask(loopback.base_url, limits=Limits(backoff=0.001, timeout=5, total=0.4))
    assert (call.status, call.reason) == ("error", "rate_limited")
    assert call.attempts == loopback.stat()["received"] == 1


def test_a_fraction_of_a_second_is_waited_for_and_then_answered(loopback: Loopback) -> None:
    loopback.script("429:0.05*3,ok*")
    (call,) = ask(loopback.base_url, limits=Limits(timeout=5, total=50))
    assert (call.status, call.attempts) == ("ok", 4)


def test_an_attempt_that_hangs_is_given_up_and_tried_again(loopback: Loopback) -> None:
    loopback.script("hang*2,ok")
    (call,) = ask(loopback.base_url, limits=Limits(backoff=0.001, timeout=1.5, total=30))
    assert (call.status, call.attempts) == ("ok", 3)


def test_a_server_that_always_hangs_ends_as_a_timeout(loopback: Loopback) -> None:
    loopback.script("hang*")
    (call,) = ask(loopback.base_url, limits=Limits(backoff=0.001, timeout=0.2, total=30, attempts=2))
    assert (call.status, call.reason, call.attempts) == ("error", "timeout", 2)


def test_a_call_never_goes_on_past_its_deadline(loopback: Loopback) -> None:
    loopback.script("hang*")
    (call,) = ask(loopback.base_url, limits=Limits(timeout=600, total=0.3))
    assert (call.status, call.reason, call.attempts) == ("error", "deadline", 1)
    assert "0.3 s" in call.error


def test_the_last_failure_is_named_when_time_runs_out(loopback: Loopback) -> None:
    loopback.script("500,hang*")
    (call,) = ask(loopback.base_url, limits=Limits(backoff=0.001, timeout=600, total=0.5))
    assert (call.reason, call.attempts) == ("server", 2)
    assert "The server answered 500" in call.error


@pytest.mark.parametrize(
    ("fault", "reason", "raised"),
    [
        ("400", "bad_request", None),
        ("422", "bad_request", None),
        ("401", "auth", ModelRefusedKey),
        ("403", "auth", ModelRefusedKey),
        ("402", "quota", ModelRefusedKey),
        ("404", "not_found", ModelUnknown),
    ],
)
def test_what_cannot_pass_is_asked_once(
    loopback: Loopback, fault: str, reason: str, raised: type[ModelError] | None
) -> None:
    loopback.script(f"{fault}*")
    ledger = NoLedger()
    if raised is None:
        ask(loopback.base_url, ledger=ledger)
    else:
        with pytest.raises(raised) as caught:
            ask(loopback.base_url, ledger=ledger)
        assert caught.value.way_out and loopback.base_url in caught.value.message
    (call,) = ledger.calls
    assert (call.status, call.reason) == ("error", reason)
    assert call.attempts == loopback.stat()["received"] == 1


@pytest.mark.parametrize("fault", ["401", "403", "404"])
def test_a_refusal_after_an_answer_is_one_question_s_failure(loopback: Loopback, fault: str) -> None:
    loopback.script(f"ok,{fault},ok")
    calls = ask(loopback.base_url, ["one?", "two?", "three?"])
    assert [call.status for call in calls] == ["ok", "error", "ok"]


def test_an_account_that_is_used_up_stops_the_run_even_after_answers(loopback: Loopback) -> None:
    loopback.script("ok,402*")
    with pytest.raises(ModelRefusedKey, match="used up"):
        ask(loopback.base_url, ["one?", "two?", "three?"])
    assert loopback.stat()["received"] == 2


def test_one_unknown_model_among_answers_under_way_stops_nothing(loopback: Loopback) -> None:
    loopback.script("404,delay:0.2*7")

    async def work() -> list[str]:
        model = Model("openai/m", NoLedger(), endpoint=loopback.base_url, limits=QUICK)
        try:
            asked = [model.complete(question(f"{n}?"), unit=UNIT, schema=SCHEMA) for n in range(8)]
            return sorted(call.status for _, call in await asyncio.gather(*asked))
        finally:
            await model.close()

    assert asyncio.run(work()) == ["error"] + ["ok"] * 7


def test_where_nothing_listens_the_retries_come_first(loopback: Loopback) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        ledger = NoLedger()
        with pytest.raises(ModelUnreachable, match="Nothing answers") as caught:
            ask(address, ledger=ledger, limits=Limits(backoff=0.001, attempts=3))
    assert address in caught.value.message
    assert (ledger.calls[0].status, ledger.calls[0].attempts) == ("error", 3)


@pytest.mark.parametrize("address", ["http://127.0.0.1:notaport/v1", "nonsense", "ftp://x", "http://", "http://[::1"])
def test_what_is_no_address_is_said_before_anything_is_sent(address: str) -> None:
    ledger = NoLedger()
    with pytest.raises(ModelUnreachable, match="not an address"):
        ask(address, ledger=ledger)
    assert (ledger.calls[0].reason, ledger.calls[0].attempts) == ("unreachable", 0)


@pytest.mark.parametrize("name", ["nosuch/x", "gpt", "openai", "/x", ""])
def test_a_name_without_a_known_provider_is_an_unknown_model(loopback: Loopback, name: str) -> None:
    with pytest.raises(ModelUnknown, match="name a provider") as caught:
        ask(loopback.base_url, name=name)
    assert "openai/gpt-5-mini" in caught.value.way_out
    assert loopback.stat()["received"] == 0


@pytest.mark.parametrize("name", ["openai/gpt-4o-mini", "anthropic/claude-3-haiku-20240307", "gemini/gemini-2.0-flash"])
def test_a_missing_key_is_said_without_asking_anybody(name: str) -> None:
    ledger = NoLedger()
    with pytest.raises(ModelRefusedKey, match="wants another key"):
        ask("", name=name, ledger=ledger)
    assert (ledger.calls[0].reason, ledger.calls[0].attempts) == ("auth", 0)


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        ("empty", "error", "empty"),
        ("null", "error", "empty"),
        ("refuse:field", "refused", "refusal"),
        ("refuse:both", "refused", "refusal"),
        ("filter", "refused", "refusal"),
        ("length", "truncated", "token_limit"),
    ],
)
def test_an_answer_that_is_none_has_its_own_status(loopback: Loopback, fault: str, status: str, reason: str) -> None:
    loopback.script(f"{fault}*")
    (call,) = ask(loopback.base_url)
    assert (call.status, call.reason, call.attempts) == (status, reason, 1)
    assert call.tokens_in and call.tokens_out


def test_a_cut_answer_is_asked_again_once_with_a_larger_limit(loopback: Loopback) -> None:
    loopback.script("length*", enough_tokens=400)
    calls = ask(loopback.base_url, max_tokens=100)
    assert [call.status for call in calls] == ["truncated", "ok"]
    assert [request["max_tokens"] for request in loopback.requests()] == [100, 400]


def test_an_answer_cut_twice_stays_truncated(loopback: Loopback) -> None:
    loopback.script("length*", enough_tokens=100_000)
    calls = ask(loopback.base_url, max_tokens=100)
    assert [call.status for call in calls] == ["truncated", "truncated"]
    assert loopback.stat()["received"] == 2


def test_a_limit_larger_than_the_model_s_leaves_the_cut_answer_standing(loopback: Loopback) -> None:
    loopback.script(["length", {"fault": "400", "arg": "max_tokens is too large: 400.", "times": 1}])
    ledger = NoLedger()

    async def work() -> str:
        model = Model("openai/m", ledger, endpoint=loopback.base_url, limits=QUICK)
        try:
            return (await model.complete(question(), unit=UNIT, schema=SCHEMA, max_tokens=100))[1].status
        finally:
            await model.close()

    assert asyncio.run(work()) == "truncated"
    assert [call.status for call in ledger.calls] == ["truncated", "error"]


def test_no_more_calls_are_in_flight_than_allowed(loopback: Loopback) -> None:
    loopback.script(latency=0.02)

    async def work() -> None:
        model = Model("openai/m", NoLedger(), endpoint=loopback.base_url, limits=Limits(concurrency=3))
        try:
            await asyncio.gather(*(model.complete(question(f"{n}"), unit=UNIT, schema=SCHEMA) for n in range(20)))
        finally:
            await model.close()

    asyncio.run(work())
    assert loopback.stat()["max_in_flight"] == 3


def test_a_provider_that_allows_fewer_calls_at_once_is_asked_more_slowly(loopback: Loopback) -> None:
    loopback.script(latency=0.02, max_in_flight=2)
    limits = Limits(concurrency=16, backoff=0.05, attempts=30, timeout=5, total=60)

    async def work() -> tuple[set[str], int]:
        model = Model("openai/m", NoLedger(), endpoint=loopback.base_url, limits=limits)
        try:
            asked = [model.complete(question(f"{n}"), unit=UNIT, schema=SCHEMA) for n in range(60)]
            return {call.status for _, call in await asyncio.gather(*asked)}, model._lanes.width
        finally:
            await model.close()

    statuses, width = asyncio.run(work())
    assert statuses == {"ok"} and width < 16


def test_other_loops_and_later_runs_get_connections_of_their_own(loopback: Loopback) -> None:
    for _ in range(3):
        assert ask(loopback.base_url)[0].status == "ok"


def test_the_last_model_on_a_loop_closes_the_connections_and_no_other(loopback: Loopback) -> None:
    async def work() -> list[str]:
        first, second = (Model("openai/m", NoLedger(), endpoint=loopback.base_url, limits=QUICK) for _ in range(2))
        said: list[str] = [(await model.complete(question(), unit=UNIT))[1].status for model in (first, second)]
        await first.close()
        said.append((await second.complete(question("again?"), unit=UNIT))[1].status)
        await second.close()
        said.append((await first.complete(question("and again?"), unit=UNIT))[1].status)
        await first.close()
        await first.close()
        return said

    assert asyncio.run(work()) == ["ok"] * 4


def test_a_call_that_is_cancelled_at_any_moment_leaves_nothing_behind(loopback: Loopback) -> None:
    loopback.script(latency=2)

    async def work() -> None:
        model = Model("openai/m", NoLedger(), endpoint=loopback.base_url, limits=QUICK)
        for milliseconds in range(0, 60, 2):
            task = asyncio.create_task(model.complete(question(f"{milliseconds}?"), unit=UNIT, schema=SCHEMA))
            await asyncio.sleep(milliseconds / 1000)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        loopback.script(latency=0)
        _, call = await model.complete(question("0?"), unit=UNIT, schema=SCHEMA)
        assert call.status == "ok"
        await model.close()

    asyncio.run(work())
    gc.collect()


def test_tokens_and_cost_are_the_server_s_and_the_local_price_table_s(loopback: Loopback) -> None:
    (call,) = ask(loopback.base_url, name="openai/gpt-4o-mini", max_tokens=500)
    prices = price_table.prices("openai/gpt-4o-mini")
    assert prices is not None and call.tokens_in and call.tokens_out and call.cost is not None
    assert call.cost == pytest.approx(call.tokens_in * prices.token_in + call.tokens_out * prices.token_out)
    assert call.price_source == price_table.price_source() and call.price_source.startswith("litellm ")
    assert (call.tokens_cached, call.tokens_reasoning, call.served_model) == (0, 0, "gpt-4o-mini")
    assert call.max_cost is not None and call.max_cost >= call.cost
    assert call.latency_ms is not None and call.latency_ms > 0


def test_a_model_without_a_known_price_costs_an_unknown_sum(loopback: Loopback) -> None:
    (call,) = ask(loopback.base_url, max_tokens=500)
    assert (call.status, call.cost, call.max_cost, call.price_source) == ("ok", None, None, "")


@pytest.mark.parametrize("text", ["", "?", "word " * 500, "\u4e2d\u6587" * 300, "\U0001f600" * 200, "\n\t{}[]" * 100])
def test_the_greatest_cost_is_never_less_than_any_tokenizer_would_make_of_it(text: str) -> None:
    litellm = wire.library()
    prices = price_table.prices("openai/gpt-4o-mini")
    assert prices is not None
    model = Model("openai/gpt-4o-mini", NoLedger(), limits=QUICK)
    asked = Question(question(text), UNIT, "", SCHEMA, None, 0, {"max_tokens": 50}, False, None)
    tokens = litellm.token_counter(model="gpt-4o-mini", messages=asked.messages) + len(str(SCHEMA))
    greatest = model._max_cost(asked, prices)
    assert greatest is not None and greatest >= tokens * prices.token_in + 50 * prices.token_out


def test_a_judge_is_described_without_importing_what_asks_it() -> None:
    program = (
        "import sys, plurijudge as pj; pj.Judge('openai/gpt-5-mini', temperature=0.5).check(); pj.Limits(); "
        "sys.exit(any(name in sys.modules for name in ('litellm', 'openai', 'langgraph', 'aiohttp')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0

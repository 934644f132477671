"""Does the loopback server do to a client what its faults say?"""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from .loopback import Fault, Loopback, Plan

SCHEMA = {
    "type": "object",
    "properties": {
        "preferred": {"enum": ["A", "B", "tie"]},
        "reason": {"type": "string"},
        "scores": {"$ref": "#/$defs/scores"},
        "confidence": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
    },
    "$defs": {
        "scores": {
            "type": "object",
            "properties": {
                "a": {"type": "integer", "minimum": 1, "maximum": 10},
                "b": {"type": "integer", "minimum": 1, "maximum": 10},
            },
        }
    },
}
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": SCHEMA}}
TOOL = {"type": "function", "function": {"name": "verdict", "parameters": SCHEMA}}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: http.client.HTTPMessage
    text: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def choice(self) -> Any:
        return self.json["choices"][0]

    @property
    def content(self) -> Any:
        return self.choice["message"]["content"]

    @property
    def error(self) -> Any:
        return self.json["error"]


def ask(server: Loopback, prompt: str = "Which is better?", *, key: str = "sk-test", **body: Any) -> Reply:
    """One request, its reply or the error of the connection."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        whole = {"model": "m", "messages": [{"role": "user", "content": prompt}]} | body
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection.request("POST", "/v1/chat/completions", json.dumps(whole), headers)
        got = connection.getresponse()
        return Reply(got.status, got.headers, got.read())
    finally:
        connection.close()


@pytest.fixture(scope="module")
def process() -> Iterator[Loopback]:
    with Loopback() as server:
        yield server


@pytest.fixture
def server(process: Loopback) -> Loopback:
    """One process for this file, as freshly started."""
    process.reset()
    return process


def test_an_answer_depends_on_the_request_alone_and_ends_with_a_verdict(server: Loopback) -> None:
    texts = [ask(server, f"Question {n}").content for n in range(20)]
    assert texts == [ask(server, f"Question {n}").content for n in range(20)]
    assert {text[-5:] for text in texts} == {"[[A]]", "[[B]]"}


def test_a_reply_echoes_the_model_and_counts_a_token_for_four_characters(server: Loopback) -> None:
    reply = ask(server, "x" * 400, model="judge-1").json
    assert reply["model"] == "judge-1"
    assert reply["usage"]["prompt_tokens"] == 100
    assert reply["usage"]["prompt_tokens_details"] == {"cached_tokens": 0}
    assert reply["usage"]["total_tokens"] == 100 + reply["usage"]["completion_tokens"]


def test_text_in_parts_is_counted_too(server: Loopback) -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": "x" * 40}, {"type": "image_url"}]}]
    assert ask(server, messages=messages).json["usage"]["prompt_tokens"] == 10


@pytest.mark.parametrize(("answer", "letter"), [("first", "A"), ("A", "A"), ("second", "B"), ("B", "B")])
def test_a_schema_is_filled_to_one_side(server: Loopback, answer: Any, letter: str) -> None:
    server.script(answer=answer)
    said = json.loads(ask(server, response_format=JSON_SCHEMA).content)
    better, worse = ("a", "b") if letter == "A" else ("b", "a")
    assert said["preferred"] == letter
    assert said["reason"] == "because"
    assert 1 <= said["scores"][worse] < said["scores"][better] <= 10
    assert 0 <= said["confidence"] <= 1


def test_a_tie_is_a_tie_in_text_and_in_a_schema(server: Loopback) -> None:
    server.script(answer="tie")
    said = json.loads(ask(server, response_format=JSON_SCHEMA).content)
    assert said["preferred"] == "tie"
    assert said["scores"]["a"] == said["scores"]["b"]
    assert ask(server).content.endswith("[[C]]")


def test_ids_beside_tie_are_taken_in_their_order(server: Loopback) -> None:
    schema = {
        "type": "object",
        "properties": {"winner": {"enum": ["tie", "r1", "r2"]}, "status": {"enum": ["ok", "no"]}},
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "v", "schema": schema}}
    server.script(answer="second")
    assert json.loads(ask(server, response_format=wanted).content) == {"winner": "r2", "status": "ok"}


def test_a_schema_s_verdicts_vary_with_the_request(server: Loopback) -> None:
    said = [json.loads(ask(server, f"{n}", response_format=JSON_SCHEMA).content)["preferred"] for n in range(20)]
    assert set(said) == {"A", "B"}


def test_the_longer_response_is_preferred_on_either_side(server: Loopback) -> None:
    server.script(answer="longer")
    short, long = "Yes.", "Yes, because the sum of the digits is nine."
    assert ask(server, f"## Response A\n{short}\n## Response B\n{long}").content.endswith("[[B]]")
    assert ask(server, f"## Response A\n{long}\n## Response B\n{short}").content.endswith("[[A]]")
    server.script(segments=r"<1>(?P<first>.*)</1><2>(?P<second>.*)</2>")
    assert ask(server, f"<1>{long}</1><2>{short}</2> and much more to say").content.endswith("[[A]]")


def test_a_rating_is_given_where_one_is_asked_for(server: Loopback) -> None:
    assert "Rating: [[" in ask(server, "Give a rating from 1 to 10.").content


def test_json_object_gives_an_object(server: Loopback) -> None:
    assert json.loads(ask(server, response_format={"type": "json_object"}).content)["verdict"] in ("A", "B")


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "verdict"}}])
def test_a_forced_tool_is_called_with_what_its_schema_wants(server: Loopback, choice: Any) -> None:
    server.script(answer="second")
    reply = ask(server, tools=[TOOL], tool_choice=choice)
    call = reply.choice["message"]["tool_calls"][0]["function"]
    assert (reply.choice["finish_reason"], call["name"]) == ("tool_calls", "verdict")
    assert json.loads(call["arguments"])["preferred"] == "B"


def test_a_free_tool_is_called_when_the_script_says_so(server: Loopback) -> None:
    server.script(["call:verdict", 'call:calculator:{"expression": "1+1"}'])
    assert ask(server, tools=[TOOL]).choice["finish_reason"] == "tool_calls"
    called = ask(server, tools=[TOOL]).choice["message"]["tool_calls"][0]["function"]
    assert called == {"name": "calculator", "arguments": '{"expression": "1+1"}'}
    assert ask(server, tools=[TOOL]).choice["finish_reason"] == "stop"


def test_a_script_is_consumed_in_order_and_then_all_is_well(server: Loopback) -> None:
    server.script("500*2,503,ok")
    assert [ask(server).status for _ in range(5)] == [500, 500, 503, 200, 200]
    stat = server.stat()
    assert stat["outcomes"] == {"500": 2, "503": 1, "ok": 2}
    assert stat["scripted_left"] == 0


def test_a_star_alone_is_for_ever(server: Loopback) -> None:
    server.script("503*")
    assert {ask(server).status for _ in range(5)} == {503}
    assert server.stat()["scripted_left"] is None


def test_probabilities_are_drawn_anew_for_a_retry_and_alike_for_a_seed(server: Loopback) -> None:
    def statuses(seed: int) -> list[int]:
        server.reset()
        server.script("429=0.3,500=0.3", seed=seed)
        return [ask(server).status for _ in range(40)]

    first = statuses(1)
    assert set(first) == {200, 429, 500}
    assert statuses(1) == first
    assert statuses(2) != first


def test_draws_by_body_do_not_depend_on_the_order_of_arrival(server: Loopback) -> None:
    def statuses(prompts: list[str]) -> dict[str, list[int]]:
        server.reset()
        server.script({"500": 0.5}, draw="body")
        return {prompt: [ask(server, prompt).status for _ in range(5)] for prompt in prompts}

    assert statuses(["x", "y", "z"]) == statuses(["z", "x", "y"])
    assert len({tuple(found) for found in statuses(["x", "y", "z", "u", "v"]).values()}) > 1


def test_429_says_when_to_come_back(server: Loopback) -> None:
    server.script("429,429:2,429:date:60,429:none")
    waits = [ask(server).headers["Retry-After"] for _ in range(4)]
    assert waits[:2] == ["0.05", "2"]
    assert parsedate_to_datetime(waits[2]).tzinfo is not None
    assert waits[3] is None


def test_a_cut_reply_promises_more_than_it_sends(server: Loopback) -> None:
    server.script("cut")
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(server)
    assert caught.value.partial.startswith(b'{"id"')
    assert server.stat()["answered"] == 0


def test_a_reset_connection_gives_no_byte(server: Loopback) -> None:
    server.script("reset")
    with pytest.raises(ConnectionError):
        ask(server)
    assert ask(server).status == 200


def test_a_hanging_request_is_in_flight_until_the_client_gives_up(server: Loopback) -> None:
    server.script("hang")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("POST", "/v1/chat/completions", json.dumps({"messages": []}))
    assert server.wait_until(lambda stat: stat["in_flight"] == 1)["gone"] == 0
    connection.close()
    assert server.wait_until(lambda stat: stat["in_flight"] == 0)["gone"] == 1


def test_garbage_bad_json_and_html_are_no_json(server: Loopback) -> None:
    server.script("garbage,badjson,html,html:200")
    replies = [ask(server) for _ in range(4)]
    assert [reply.status for reply in replies] == [200, 200, 502, 200]
    for reply in replies:
        with pytest.raises(ValueError):
            json.loads(reply.text)
    assert replies[1].text.startswith(b'{"id"')
    assert replies[2].headers.get_content_type() == "text/html"
    assert server.stat()["answered"] == 0


def test_an_empty_or_null_content_finishes_as_if_all_were_well(server: Loopback) -> None:
    server.script("empty,null")
    assert [ask(server).choice for _ in range(2)] == [
        {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        for message in (
            {"role": "assistant", "content": "", "refusal": None},
            {"role": "assistant", "content": None, "refusal": None},
        )
    ]


def test_a_refusal_stands_where_the_script_puts_it(server: Loopback) -> None:
    server.script("refuse,refuse:text,refuse:both,filter")
    said = [ask(server).choice for _ in range(4)]
    where = [(bool(c["message"]["content"]), bool(c["message"]["refusal"]), c["finish_reason"]) for c in said]
    assert where == [
        (False, True, "stop"),
        (True, False, "stop"),
        (True, True, "stop"),
        (False, False, "content_filter"),
    ]


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_a_reply_cut_by_its_length_is_whole_with_a_larger_limit(server: Loopback, limit: str) -> None:
    few: dict[str, Any] = {limit: 100}
    fifty: dict[str, Any] = {limit: 50}
    enough: dict[str, Any] = {limit: 1000}
    server.script("length*")
    short = ask(server, **few)
    assert (short.choice["finish_reason"], "[[" in short.content) == ("length", False)
    whole = ask(server, **enough)
    assert (whole.choice["finish_reason"], "[[" in whole.content) == ("stop", True)
    server.script("length:50*")
    assert ask(server, **fifty).choice["finish_reason"] == "stop"


def test_a_text_off_the_menu_holds_no_verdict(server: Loopback) -> None:
    server.script("offmenu")
    assert "[[" not in ask(server).content


def test_a_text_can_be_given_word_for_word(server: Loopback) -> None:
    server.script([{"fault": "say", "arg": "**A**, or B*2", "times": 2}, "say:tie"])
    assert [ask(server).content for _ in range(3)] == ["**A**, or B*2", "**A**, or B*2", "tie"]


@pytest.mark.parametrize("name", ["response_format", "temperature", "max_tokens", "tools"])
def test_a_parameter_is_refused_only_where_the_request_has_it(server: Loopback, name: str) -> None:
    given: dict[str, Any] = {"response_format": JSON_SCHEMA, "temperature": 0, "max_tokens": 9, "tools": [TOOL]}
    server.script(refuse=[name])
    refused = ask(server, **{name: given[name]})
    assert (refused.status, refused.error["param"]) == (400, name)
    assert set(refused.error) == {"message", "type", "param", "code"}
    assert ask(server).status == 200
    server.script(f"400:{name}*", refuse=[])
    assert [ask(server, **{name: given[name]}).status, ask(server).status] == [400, 200]


def test_400_gives_a_message_as_it_stands(server: Loopback) -> None:
    server.script(["400:This model's maximum context length is 8192 tokens."])
    assert ask(server).error["message"] == "This model's maximum context length is 8192 tokens."


def test_401_repeats_the_key_and_404_the_model(server: Loopback) -> None:
    server.script("401,404,408")
    assert "sk-secret-1" in ask(server, key="sk-secret-1").error["message"]
    missing = ask(server, model="no-such-model")
    assert (missing.status, missing.error["code"]) == (404, "model_not_found")
    assert "no-such-model" in missing.error["message"]
    assert ask(server).status == 408


def test_more_in_flight_than_allowed_get_429(server: Loopback) -> None:
    server.script("hang", max_in_flight=1)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("POST", "/v1/chat/completions", json.dumps({"messages": []}))
    server.wait_until(lambda stat: stat["in_flight"] == 1)
    assert ask(server).status == 429
    connection.close()
    server.wait_until(lambda stat: stat["in_flight"] == 0)
    assert ask(server).status == 200
    assert server.stat()["outcomes"] == {"hang": 1, "ok": 1, "over_limit": 1}


def test_requests_are_served_side_by_side(server: Loopback) -> None:
    server.script("hang*5")
    connections = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=30) for _ in range(5)]
    for connection in connections:
        connection.request("POST", "/v1/chat/completions", json.dumps({"messages": []}))
    assert server.wait_until(lambda stat: stat["in_flight"] == 5)["max_in_flight"] == 5
    for connection in connections:
        connection.close()


def test_latency_and_delay_keep_the_answer(server: Loopback) -> None:
    plain = ask(server).content
    server.script("delay:0.01", latency=0.01)
    assert ask(server).content == plain
    assert server.stat()["outcomes"] == {"delay": 1, "ok": 1}


def test_each_body_is_counted_as_received_answered_and_good(server: Loopback) -> None:
    server.script("500,empty,ok")
    for prompt in ("x", "x", "x", "y"):
        ask(server, prompt)
    stat = server.stat()
    assert list(stat["keys"].values()) == [
        {"received": 3, "answered": 2, "good": 1},
        {"received": 1, "answered": 1, "good": 1},
    ]
    assert (stat["received"], stat["answered"], stat["good"], len(stat["arrivals"])) == (4, 3, 2, 4)


def test_what_is_blinded_does_not_tell_two_bodies_apart(server: Loopback) -> None:
    server.script(blind="fence-[0-9a-f]+")
    answers = {ask(server, f"fence-{n:x} Which?").content for n in range(10)}
    assert len(answers) == len(server.stat()["keys"]) == 1


def test_requests_show_what_was_sent_but_not_the_key(server: Loopback) -> None:
    ask(server, "Which?", key="sk-secret-2", max_tokens=7, response_format=JSON_SCHEMA)
    [seen] = server.requests()
    assert (seen["ordinal"], seen["max_tokens"], seen["has_response_format"], seen["has_key"]) == (1, 7, True, True)
    assert seen["body"]["messages"][0]["content"] == "Which?"
    assert "sk-secret-2" not in json.dumps(seen)


def test_a_body_that_is_not_json_is_a_400(server: Loopback) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("POST", "/v1/chat/completions", "{")
    assert connection.getresponse().status == 400
    connection.close()


def test_a_reset_brings_back_the_start(server: Loopback) -> None:
    server.script("500*", answer="tie")
    ask(server)
    server.reset()
    assert server.stat()["received"] == 0
    assert ask(server).content[-5:] in ("[[A]]", "[[B]]")


@pytest.mark.parametrize("faults", ["4711", "teapot=0.5", "500=0.9,503=0.2"])
def test_a_fault_that_there_is_not_is_refused(server: Loopback, faults: str) -> None:
    with pytest.raises(HTTPError) as caught:
        server.script(faults)
    caught.value.close()
    assert ask(server).status == 200


def test_a_plan_reads_all_its_forms() -> None:
    assert Plan("429:0.2=0.1, cut=0.1").odds == [(Fault("429", "0.2"), 0.1), (Fault("cut"), 0.1)]
    assert Plan({"hang": 0.5}).odds == [(Fault("hang"), 0.5)]
    assert list(Plan(["say:a=1, b*3", "ok"]).list) == [(Fault("say", "a=1, b"), 3), (Fault("ok"), 1)]
    assert Plan("").next("1:1") == Fault("ok")


def test_shares_of_drawn_faults_are_near_their_probabilities() -> None:
    plan = Plan("429=0.1,500=0.2")
    drawn = Counter(plan.next(f"0:{n}").kind for n in range(5000))
    assert abs(drawn["429"] / 5000 - 0.1) < 0.02
    assert abs(drawn["500"] / 5000 - 0.2) < 0.02


def test_a_killed_server_comes_back_on_its_port(loopback: Loopback) -> None:
    port = loopback.port
    loopback.kill()
    with pytest.raises(ConnectionError):
        ask(loopback)
    loopback.restart()
    assert (loopback.port, ask(loopback).status) == (port, 200)


def test_a_server_stops_while_a_request_hangs() -> None:
    with Loopback(faults="hang*") as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        connection.request("POST", "/v1/chat/completions", json.dumps({"messages": []}))
        server.wait_until(lambda stat: stat["in_flight"] == 1)
    connection.close()
    server.stop()  # again, to no effect


def test_the_log_has_a_line_for_each_request(tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    with Loopback(log=log, faults="500,ok", answer="first") as server:
        ask(server, max_tokens=5)
        assert ask(server).content.endswith("[[A]]")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["ordinal"], line["fault"], line["max_tokens"]) for line in lines] == [(1, "500", 5), (2, "ok", None)]


def test_a_port_that_is_taken_is_an_error(server: Loopback, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="did not start"):
        Loopback(port=server.port).start()
    assert "address already in use" in capfd.readouterr().err


@pytest.mark.parametrize("end", ["sigterm", "stdin"])
def test_from_a_shell_it_prints_its_port_and_ends_when_told(end: str) -> None:
    script = Path(__file__).parent / "loopback.py"
    command = [sys.executable, str(script), "--port", "0", "--faults", "500=0.5", "--seed", "3", "--latency", "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        assert json.loads(process.stdout.readline())["port"] > 0
        if end == "sigterm":
            process.send_signal(signal.SIGTERM)
        else:
            process.stdin.close()
        assert process.wait(timeout=30) == 0


def test_many_threads_lose_no_count(server: Loopback) -> None:
    threads = [threading.Thread(target=ask, args=(server, f"{n}")) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stat = server.stat()
    assert (stat["received"], stat["good"], len(stat["keys"])) == (20, 20, 20)

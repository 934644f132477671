"""Do the benchmarks of speed measure what they say? Their parts by hand, and each of them once at the smallest size."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from plurijudge.benchmarks import first_call, scheduling, throughput
from plurijudge.benchmarks.cases import Key, Law, cases, items, key_of
from plurijudge.benchmarks.peers import run as peers
from plurijudge.benchmarks.peers.trial import Failed, Setting, prepare_folder, trial, wording
from plurijudge.benchmarks.peers.work import answers_text
from plurijudge.benchmarks.scheduling import Draw, by_item, perfect, when
from plurijudge.benchmarks.server import Bucket, Server, instance

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
SCHEMA = {
    "type": "object",
    "properties": {"why": {"type": "string"}, "verdict": {"type": "string", "enum": ["A", "B", "tie"]}},
}


def only_line(said: str) -> dict[str, Any]:
    [line] = said.strip().splitlines()
    read: dict[str, Any] = json.loads(line)
    return read


def post(server: Server, text: str, **more: Any) -> tuple[int, dict[str, Any], Any]:
    """Ask the server once; gives the status, the answer and its headers."""
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}], **more}).encode()
    request = urllib.request.Request(f"{server.base_url}/chat/completions", data=body, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answered:
            return answered.status, json.load(answered), answered.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error), error.headers


def texts(verdicts: int) -> list[str]:
    return [f"{case.question} {answers_text(case)}" for case in cases(verdicts)]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    prepare_folder(tmp_path)
    yield tmp_path


def test_a_request_is_known_for_its_verdict_whatever_template_it_is_put_into() -> None:
    words = wording()
    for case in cases(6):
        for told in (words.messages(case), [{"role": "user", "content": answers_text(case) + case.question}]):
            assert key_of(json.dumps({"messages": told}).encode()) == case.key
    assert key_of(b'{"messages": []}') is None
    assert [case.key for case in cases(3, start=7)] == [Key(7, True), Key(7, False), Key(8, True)]


def test_items_and_cases_are_the_same_work() -> None:
    made = list(items(6))
    assert len(made) == 3
    for case in cases(6):
        a, b = (response["text"] for response in made[case.key.number]["responses"])
        assert (case.first, case.second) == ((a, b) if case.key.in_order else (b, a))
        assert case.question == made[case.key.number]["prompt"]


def test_latencies_have_the_median_and_the_tail_that_are_asked_for() -> None:
    law = Law("lognormal", latency=2.0)
    drawn = sorted(law.seconds(Key(number, number % 2 == 0)) for number in range(20_000))
    assert drawn[10_000] == pytest.approx(2.0, rel=0.05)
    assert drawn[19_800] == pytest.approx(20.0, rel=0.1)
    assert sum(drawn) / len(drawn) == pytest.approx(law.mean, rel=0.05)
    assert Law("lognormal", 2.0, scale=0.1).seconds(Key(3, True)) == pytest.approx(0.1 * law.seconds(Key(3, True)))
    assert law.seconds(Key(3, True)) != law.seconds(Key(3, False))
    assert Law("constant", 0.2, scale=0.5).seconds(Key(3, True)) == Law("constant", 0.2, scale=0.5).mean == 0.1


def test_a_bucket_fills_steadily_and_says_when_to_come_again() -> None:
    bucket = Bucket(rate=10, burst=2)
    assert bucket.take(15, 0.0) == 0
    assert bucket.take(10, 0.0) == pytest.approx(0.5)
    assert bucket.take(10, 0.5) == pytest.approx(0.0)
    assert bucket.held(100.0) == 20
    assert bucket.take(1000, 100.0) == 0  # more than it can hold: let in once it is full, and paid for afterwards
    assert bucket.held(100.0) == -980


def test_the_perfect_scheduler_starts_the_next_as_soon_as_a_lane_is_free() -> None:
    draws = [Draw(0, 4.0, 10), Draw(0, 1.0, 10), Draw(1, 1.0, 10), Draw(1, 3.0, 10)]
    assert perfect(draws, lanes=2) == [4.0, 1.0, 2.0, 5.0]
    assert by_item(draws, [4.0, 1.0, 2.0, 5.0]) == [4.0, 5.0]
    assert when(range(1, 201)) == {"95": 190, "99": 198, "100": 200}
    limited = perfect(draws, lanes=4, bucket=Bucket(rate=10, burst=1))
    assert limited == pytest.approx([4.0, 2.0, 3.0, 6.0])


def test_the_server_thinks_as_long_as_drawn_and_tells_what_it_saw() -> None:
    with Server(Law("lognormal", latency=0.02)) as server:
        asked = texts(8)
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda text: post(server, text), asked))
        seen = server.stat(full=True, reset=True)
        again = [post(server, text)[1] for text in asked]
        assert server.stat()["received"] == 8
    assert [status for status, _, _ in answers] == [200] * 8
    assert [said["choices"] for said in again] == [said["choices"] for _, said, _ in answers]
    assert {json.loads(said["choices"][0]["message"]["content"])["verdict"] for said in again} == {"A", "B"}
    assert (seen["received"], seen["answered"], seen["gone"], seen["in_flight"]) == (8, 8, 0, 0)
    assert 1 <= seen["greatest"] <= 4
    assert seen["tokens"] == sum(said["usage"]["total_tokens"] for said in again)
    drawn = {Key(number, in_order): seconds for number, in_order, _, seconds, _ in seen["draws"]}
    assert drawn == {case.key: Law("lognormal", 0.02).seconds(case.key) for case in cases(8)}
    assert len(seen["timeline"]) == 8 and seen["first"] < seen["timeline"][0] <= seen["last"] == seen["timeline"][-1]


def test_the_server_refuses_what_exceeds_its_limits() -> None:
    with Server(Law(latency=0.5), most=2, retry_after=0.25) as server, ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda text: post(server, text), texts(6)))
        seen = server.stat()
    refused = [headers["Retry-After"] for status, _, headers in found if status == 429]
    assert refused == ["0.250"] * seen["refused"]["in_flight"] and len(refused) == 4 and seen["greatest"] == 2
    with Server(Law(latency=0.001), tokens_per_minute=6, burst=10) as server:
        statuses = [post(server, text) for text in texts(2)]
        seen = server.stat()
    assert [status for status, _, _ in statuses] == [200, 429] and seen["refused"]["tokens"] == 1
    assert float(statuses[1][2]["Retry-After"]) > 10


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (SCHEMA, {"why": "", "verdict": "B"}),
        ({"$ref": "#/$defs/Mark", "$defs": {"Mark": {"enum": ["MET", "UNMET", "UNSURE"]}}}, "UNMET"),
        ({"anyOf": [{"type": "integer", "minimum": 3}, {"type": "null"}]}, 3),
        ({"type": ["boolean", "null"]}, False),
        ({"type": "array", "items": {"const": 5}}, [5]),
        ({"type": "number", "minimum": 1, "maximum": 7}, 7),
    ],
)
def test_the_server_answers_by_the_schema(schema: dict[str, Any], value: Any) -> None:
    found = instance(schema, schema, draw=1)
    assert ({**found, "why": ""} if isinstance(found, dict) else found) == value


def test_the_server_answers_by_the_tool_and_by_the_schema_it_is_sent() -> None:
    tool = {"type": "function", "function": {"name": "give", "parameters": SCHEMA}}
    form = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": SCHEMA}}
    with Server(Law(latency=0)) as server:
        _, by_tool, _ = post(server, "?", tools=[tool])
        _, by_schema, _ = post(server, "?", response_format=form)
        _, graded, _ = post(server, "End with GRADE: C or GRADE: I.")
    function = by_tool["choices"][0]["message"]["tool_calls"][0]["function"]
    assert function["name"] == "give" and json.loads(function["arguments"])["verdict"] in ("A", "B")
    assert json.loads(by_schema["choices"][0]["message"]["content"])["verdict"] in ("A", "B")
    assert graded["choices"][0]["message"]["content"].splitlines()[-1] in ("GRADE: C", "GRADE: I")


def test_throughput_says_what_a_verdict_costs(capsys: pytest.CaptureFixture[str]) -> None:
    assert throughput.main(["--verdicts", "20", "--rounds", "1", "--bare", "0", "--latency", "0.01"]) == 0
    line = only_line(capsys.readouterr().out)
    assert (line["benchmark"], line["store"], line["server"]["received"]) == ("throughput", "sqlite", 20)
    assert line["ideal_calls_s"] == round(20 * 0.01 / 50, 2)
    assert line["over_ideal"] > 0 and line["cpu_ms"] > 0 and line["disk_bytes"] > 500 and line["peak_mib"] > 20
    assert "over_litellm" not in line


def test_scheduling_compares_with_the_perfect_scheduler(capsys: pytest.CaptureFixture[str]) -> None:
    assert scheduling.main(["--verdicts", "20", "--scale", "0.005", "--most", "4", "--share", "5"]) == 0
    line = only_line(capsys.readouterr().out)
    assert line["greatest_in_flight"] <= 4 and line["received"] == 20 + sum(line["refused"].values())
    for name in ("answered", "decided"):
        assert list(line[name]) == list(line[f"perfect_{name}"]) == ["95", "99", "100"]
        assert line[f"over_{name}"]["100"] >= 1  # nobody is faster than perfect
    assert 0 < line["limit_used"] <= 1.01


def test_first_call_waits_for_the_first_request_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert first_call.main(["--items", "4", "--rounds", "1"]) == 0
    line = only_line(capsys.readouterr().out)
    assert line["items"] == 4 and 0 < line["least_s"] <= line["median_s"] < first_call.PATIENCE


def test_each_metric_is_timed() -> None:
    command = [sys.executable, str(BENCHMARKS / "metrics_speed.py"), "--verdicts", "400"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [json.loads(line) for line in said.splitlines()]
    assert {line["metric"] for line in lines} >= {"accuracy", "positional_agreement", "cohen_kappa"}
    assert all(line["verdicts"] == 400 and line["cpu_s"] >= 0 for line in lines)


def test_every_peer_has_a_driver_and_every_driver_a_peer() -> None:
    files = {path.stem: path for path in (BENCHMARKS / "peers" / "drivers").glob("*.py")}
    assert set(files) == {peer.name for peer in peers.PEERS} | {peers.OURS}
    named = {"inspect_ai", "deepeval", "openevals", "pydantic_evals", "autorubric", "verdict", "litellm", "aiohttp"}
    assert named <= set(files)
    for path in files.values():
        functions = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if hasattr(node, "args")]
        found = {node.name: len(node.args.args) for node in functions}  # type: ignore[attr-defined]
        assert found.items() >= {"prepare": 1, "judge": 2}.items(), path


def test_a_driver_does_the_work_it_is_given(folder: Path) -> None:
    line = trial("aiohttp", Setting(verdicts=12, concurrency=4, latency=0.01), folder)
    assert (line["verdicts"], line["server"]["received"], line["server"]["greatest"]) == (12, 12, 4)
    assert line["wall_s"] >= 0.03 and line["peak_mib"] > 10
    with pytest.raises(Failed, match="nonesuch"):
        trial("nonesuch", Setting(verdicts=2, concurrency=1, latency=0), folder)


def test_a_peer_that_is_not_there_is_named_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["deepeval", "--no-install", "--cache", str(tmp_path), "--verdicts", "4", "--rounds", "1"]
    assert peers.main([*options, "--latency", "0.01"]) == 1
    said = capsys.readouterr()
    ours, theirs = map(json.loads, said.out.splitlines())
    assert ours["peer"] == "plurijudge" and ours["calls"] == 4 and ours["cpu_ms"] > 0
    assert theirs["peer"] == "deepeval" and theirs["why_not"].startswith("not installed")
    assert "| deepeval |" in said.err and "not measured: not installed" in said.err

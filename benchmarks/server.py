"""Whose answers are timed when speed is measured? Those of a server on 127.0.0.1 that costs next to nothing itself.

    python benchmarks/server.py [--port 0] [--law constant|lognormal] [--latency 0.2] [--scale 1] [--seed 1]
                                [--most K] [--retry-after S] [--tokens-per-minute N] [--burst S] [--core 1]

It speaks OpenAI's chat completions over plain HTTP/1.1 and nothing else, prints `{"port": N}` when it listens, and ends
when its standard input does. How long it thinks depends on the verdict that is asked for and on nothing else, so that
every scheduler meets the same draws; the answer too is a function of that. GET /stat tells what it saw:

    received, answered, gone      requests, answers that went out, clients that left before
    refused                       answers 429, by what was exceeded: in_flight, tokens
    in_flight, greatest           requests being thought about now, and at most
    tokens, bytes                 tokens let in (the sum of `usage`), bytes of the bodies received
    first, let_in, last           when the first request came, when the last that was not refused, and when the last
                                  answer went, on the monotonic clock
    cpu                           CPU seconds of the server itself: near the wall time, and it was the limit
    spare                         tokens that the limit would still let in at once, null without a limit

`/stat?full=1` adds `draws`, a list of [number, in_order, arrival, seconds, tokens] in the order in which each verdict
was first asked for, and `timeline`, when each answer went out; `/stat?reset=1` forgets it all after answering.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import hashlib
import json
import subprocess
import sys
import threading
import time
import urllib.request
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import orjson

from plurijudge.benchmarks.cases import Key, Law, key_of
from plurijudge.benchmarks.measure import cpu_seconds, pin

Json = dict[str, Any]
REASON = "The product is right only where the multiplication is carried through; the other answer guesses at it."
_ANSWER_TOKENS = 60
_LARGEST = 1 << 20
_HEADER_END = b"\r\n\r\n"
_STATUS = {200: "OK", 400: "Bad Request", 404: "Not Found", 411: "Length Required", 429: "Too Many Requests"}


class Bucket:
    """A limit of tokens a minute, as providers keep it: it fills steadily and holds what `burst` seconds bring.

    Attributes:
        rate: tokens a second.
        size: tokens that it holds at most, and at the start.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.size = rate, rate * burst
        self._held, self._at = self.size, 0.0

    def held(self, now: float) -> float:
        """Tokens that could be taken at this time, in seconds."""
        return min(self.size, self._held + (now - self._at) * self.rate)

    def take(self, tokens: int, now: float) -> float:
        """Take tokens and give 0, or take none and give the seconds after which they would be there."""
        held, wanted = self.held(now), min(float(tokens), self.size)
        if held < wanted:
            return (wanted - held) / self.rate
        self._held, self._at = held - tokens, now
        return 0.0


class Sight:
    """What the server saw since it started or was told to forget."""

    def __init__(self) -> None:
        self.received = self.answered = self.gone = self.in_flight = self.greatest = self.tokens = self.bytes = 0
        self.refused = {"in_flight": 0, "tokens": 0}
        self.first = self.let_in = self.last = 0.0
        self.cpu = cpu_seconds()
        self.draws: dict[Key, tuple[float, float, int]] = {}
        self.timeline = array("d")

    def told(self, bucket: Bucket | None, *, full: bool) -> Json:
        """All of it, for JSON."""
        counts = ("received", "answered", "gone", "refused", "in_flight", "greatest", "tokens", "bytes")
        said: Json = {name: getattr(self, name) for name in (*counts, "first", "let_in", "last")}
        said["cpu"] = round(cpu_seconds() - self.cpu, 4)
        said["spare"] = None if bucket is None else bucket.held(time.monotonic())
        if full:
            said["draws"] = [[key.number, key.in_order, *seen] for key, seen in self.draws.items()]
            said["timeline"] = self.timeline.tolist()
        return said


class Desk:
    """What every connection shares: the law of the latency, the limits, and what was seen."""

    def __init__(self, law: Law, most: int | None, retry_after: float | None, bucket: Bucket | None) -> None:
        self.law, self.most, self.retry_after, self.bucket = law, most, retry_after, bucket
        self.seen = Sight()

    def admit(self, body: bytes) -> tuple[float, int, Key | None] | tuple[bytes, None, None]:
        """How long to think, about how many tokens and which verdict; or a refusal, ready to send."""
        seen, now = self.seen, time.monotonic()
        seen.received += 1
        seen.bytes += len(body)
        seen.first = seen.first or now
        key = key_of(body)
        seconds = self.law.seconds(key or Key(int(hashlib.md5(body).hexdigest()[:8], 16), True))
        tokens = len(body) // 4 + _ANSWER_TOKENS
        if key is not None and key not in seen.draws:
            seen.draws[key] = (now, seconds, tokens)
        if self.most is not None and seen.in_flight >= self.most:
            seen.refused["in_flight"] += 1
            return refusal("requests in flight", self.retry_after), None, None
        if self.bucket is not None and (wait := self.bucket.take(tokens, now)) > 0:
            seen.refused["tokens"] += 1
            return refusal("tokens per minute", wait), None, None
        seen.tokens += tokens
        seen.let_in = now
        seen.in_flight += 1
        seen.greatest = max(seen.greatest, seen.in_flight)
        return seconds, tokens, key

    def left(self, *, answered: bool) -> None:
        """Count a request as over: answered, or left by its client."""
        seen = self.seen
        seen.in_flight -= 1
        if answered:
            seen.answered += 1
            seen.last = time.monotonic()
            seen.timeline.append(seen.last)
        else:
            seen.gone += 1


class Connection(asyncio.Protocol):
    """One client's connection: a request at a time, kept open between them."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._thinking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        if self._thinking is not None:
            self._thinking.cancel()
            self._thinking = None
            self.desk.left(answered=False)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._read()

    def _read(self) -> None:
        """Take one request from the buffer if it is all there; a next one waits until this one is answered."""
        if self._thinking is not None or self._transport is None:
            return
        end = self._buffer.find(_HEADER_END)
        if end < 0:
            return
        head = bytes(self._buffer[:end])
        length = content_length(head)
        if length is None or length > _LARGEST:
            self._transport.write(response(411, b'{"error": {"message": "Send a Content-Length of at most 1 MiB."}}'))
            self._transport.close()
            return
        if len(self._buffer) < end + 4 + length:
            return
        body = bytes(self._buffer[end + 4 : end + 4 + length])
        del self._buffer[: end + 4 + length]
        self._serve(head.partition(b"\r\n")[0].decode("latin-1"), body)

    def _serve(self, request: str, body: bytes) -> None:
        assert self._transport is not None
        method, _, rest = request.partition(" ")
        path, _, query = rest.rpartition(" ")[0].partition("?")
        if method == "GET" and path == "/stat":
            said = self.desk.seen.told(self.desk.bucket, full="full=1" in query)
            if "reset=1" in query:
                self.desk.seen = Sight()
            self._answer(response(200, orjson.dumps(said)))
        elif method == "POST" and path.endswith("/chat/completions"):
            seconds, tokens, key = self.desk.admit(body)
            if isinstance(seconds, bytes):
                self._answer(seconds)
                return
            assert tokens is not None
            write = functools.partial(self._thought, body, tokens, key)
            self._thinking = asyncio.get_running_loop().call_later(seconds, write)
        else:
            self._answer(response(404, b'{"error": {"message": "There is no such path."}}'))

    def _thought(self, body: bytes, tokens: int, key: Key | None) -> None:
        self._thinking = None
        self.desk.left(answered=True)
        self._answer(completion(body, tokens, key))

    def _answer(self, answer: bytes) -> None:
        if self._transport is not None:
            self._transport.write(answer)
            if self._buffer:
                asyncio.get_running_loop().call_soon(self._read)


def content_length(head: bytes) -> int | None:
    """The length that a request's head gives for its body, 0 where it has none, None where it does not say."""
    lower = head.lower()
    place = lower.find(b"\r\ncontent-length:")
    if place >= 0:
        told = lower[place + 17 :].partition(b"\r\n")[0].strip()
        return int(told) if told.isdigit() else None
    return None if b"\r\ntransfer-encoding:" in lower else 0


def response(status: int, body: bytes, *headers: str) -> bytes:
    """An HTTP/1.1 answer with a JSON body."""
    lines = [f"HTTP/1.1 {status} {_STATUS[status]}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers]).encode() + _HEADER_END + body


def refusal(what: str, wait: float | None) -> bytes:
    """A 429 that says what was exceeded, and when to come again where that is known."""
    error = {"message": f"Rate limit reached: {what}.", "type": "rate_limit_error", "code": "rate_limit_exceeded"}
    headers = [] if wait is None else [f"Retry-After: {wait:.3f}"]
    return response(429, orjson.dumps({"error": error}), *headers)


def completion(body: bytes, tokens: int, key: Key | None) -> bytes:
    """A chat completion whose verdict is drawn by a hash of what is judged, or of the body where that is no case."""
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        return response(400, b'{"error": {"message": "The body is not JSON."}}')
    told = body if key is None else f"{key.number} {int(key.in_order)}".encode()
    message, finish = answer(asked, hashlib.blake2b(told, digest_size=4).digest()[0], body)
    usage = {"prompt_tokens": tokens - _ANSWER_TOKENS, "completion_tokens": _ANSWER_TOKENS, "total_tokens": tokens}
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish, "logprobs": None}
    said = {"id": "chatcmpl-bench", "object": "chat.completion", "created": 1, "model": asked.get("model", "")}
    return response(200, orjson.dumps({**said, "choices": [choice], "usage": usage}))


def answer(asked: Json, draw: int, body: bytes) -> tuple[Json, Literal["stop", "tool_calls"]]:
    """The message: an instance of the schema or of the tool that is asked for, else text in the form asked for."""
    if asked.get("tools"):
        function = asked["tools"][0]["function"]
        schema = function.get("parameters") or {}
        arguments = text_of(instance(schema, schema, draw))
        call = {"id": "call_1", "type": "function", "function": {"name": function["name"], "arguments": arguments}}
        return {"content": None, "tool_calls": [call]}, "tool_calls"
    form = asked.get("response_format") or {}
    if form.get("type") == "json_schema":
        schema = form["json_schema"]["schema"]
        return {"content": text_of(instance(schema, schema, draw))}, "stop"
    if b"GRADE:" in body:
        return {"content": f"{REASON}\n\nGRADE: {'CI'[draw % 2]}"}, "stop"
    verdict = "AB"[draw % 2]
    fields = {"rationale": REASON, "reason": REASON, "verdict": verdict, "score": 1 + draw % 10}
    return {"content": text_of(fields)}, "stop"


def text_of(value: Any) -> str:
    """A value as JSON."""
    return orjson.dumps(value).decode()


def instance(schema: Json, whole: Json, draw: int) -> Any:
    """A value that a JSON schema allows, its choices taken by the draw; parts of JSON schema that peers send."""
    if "$ref" in schema:
        found: Any = whole
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return instance(found, whole, draw)
    if "enum" in schema:
        several = [value for value in schema["enum"] if value in ("A", "B")] or schema["enum"][:2]  # no way to abstain
        return several[draw % len(several)]
    if "const" in schema:
        return schema["const"]
    for way in ("anyOf", "oneOf", "allOf"):
        if way in schema:
            return instance(schema[way][0], whole, draw)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object" or "properties" in schema:
        return {name: instance(part, whole, draw) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [instance(schema.get("items", {"type": "string"}), whole, draw)]
    low, high = schema.get("minimum", 0), schema.get("maximum", schema.get("minimum", 0) + 1)
    values: dict[Any, Any] = {"string": REASON, "integer": int(low), "boolean": draw % 2 == 0}
    values["number"] = low + (high - low) * (draw % 2)
    return values.get(kind)


async def serve(desk: Desk, port: int) -> None:
    """Listen until standard input ends."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()

    def wait_for_the_end() -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stdin.buffer.read()
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(over.set)

    server = await loop.create_server(lambda: Connection(desk), "127.0.0.1", port, backlog=4096)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    threading.Thread(target=wait_for_the_end, daemon=True).start()
    await over.wait()
    server.close()


class Server:
    """The server in a process of its own: `with Server(Law(latency=0.2)) as server: ...`.

    Args:
        law: of the latency.
        most: requests in flight above which it answers 429.
        retry_after: seconds that such a 429 asks to wait; None leaves it to the client.
        tokens_per_minute: the limit of tokens, None for none; its 429 says when to come again.
        burst: seconds of the limit that may be taken at once.
    """

    def __init__(
        self,
        law: Law,
        *,
        most: int | None = None,
        retry_after: float | None = None,
        tokens_per_minute: float | None = None,
        burst: float = 1.0,
    ) -> None:
        self.law, self.burst = law, burst
        options: dict[str, Any] = {
            "--law": law.kind,
            "--latency": law.latency,
            "--scale": law.scale,
            "--seed": law.seed,
        }
        options |= {"--most": most, "--retry-after": retry_after, "--tokens-per-minute": tokens_per_minute}
        options |= {"--burst": burst, "--core": 1}
        self._words = [str(word) for pair in options.items() if pair[1] is not None for word in pair]
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    def __enter__(self) -> Server:
        command = [sys.executable, str(Path(__file__).resolve()), *self._words]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"The server did not start: exit code {self._process.wait(10)}.")
        self.port = json.loads(line)["port"]
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    @property
    def base_url(self) -> str:
        """What a client takes as base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    def stat(self, *, full: bool = False, reset: bool = False) -> Json:
        """What it saw; see the top of this file."""
        return stat(self.base_url, full=full, reset=reset)


def stat(base_url: str, *, full: bool = False, reset: bool = False) -> Json:
    """What the server behind a base URL saw."""
    address = f"{base_url.removesuffix('/v1')}/stat?full={int(full)}&reset={int(reset)}"
    with urllib.request.urlopen(address, timeout=30) as answered:
        told: Json = json.load(answered)
    return told


def main() -> None:
    """Serve as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds: dict[str, tuple[Callable[[str], Any], Any]] = {
        "port": (int, 0),
        "latency": (float, 0.2),
        "scale": (float, 1.0),
        "seed": (int, 1),
        "most": (int, None),
        "retry-after": (float, None),
        "tokens-per-minute": (float, None),
        "burst": (float, 1.0),
        "core": (int, None),
    }
    parser.add_argument("--law", choices=("constant", "lognormal"), default="constant")
    for name, (kind, default) in kinds.items():
        parser.add_argument(f"--{name}", type=kind, default=default)
    options = parser.parse_args()
    if options.core is not None:
        pin(options.core)
    limit = options.tokens_per_minute
    bucket = None if limit is None else Bucket(limit / 60, options.burst)
    law = Law(options.law, options.latency, options.scale, options.seed)
    asyncio.run(serve(Desk(law, options.most, options.retry_after, bucket), options.port))


if __name__ == "__main__":
    main()

"""Loopback: what does a client do when a model server answers, stalls, lies or dies?

An OpenAI-compatible server on 127.0.0.1, in a process of its own, that misbehaves on request. From a shell:

    python tests/loopback.py --port 0 --faults "429=0.1,500=0.1,cut=0.1" --seed 1

prints `{"port": N}` when it listens and ends when standard input closes (not with `--detached`) or on SIGTERM. From
a test:

    def test_x(loopback: Loopback) -> None:
        loopback.script("500*2,ok")          # ask loopback.base_url three times, then
        assert loopback.stat()["outcomes"] == {"500": 2, "ok": 1}

FAULTS is `FAULT=P,FAULT=P` (each request draws; the rest is ok), or `FAULT,FAULT*N,FAULT*` (consumed in order; `*` for
ever; then ok), or, in `script`, a list of such strings or of `{"fault": "say", "arg": "this, or that", "times": 2}`.

    ok                  the default answer, see below           garbage             200 whose body is not JSON
    delay:S             the same after S seconds                badjson             200 whose JSON ends halfway
    429[:R]             Retry-After R: seconds, `date:S`, none  html[:STATUS]       an HTML error page (502)
    4xx, 5xx            OpenAI's error object                   empty, null         content "" or null, finish stop
    400:NAME            NAME refused where a request has it     refuse[:WHERE]      refused in field, text or both
    400:a message       that message                            filter              finish_reason content_filter
    401                 the message repeats the key sent        length[:N]          cut, unless N tokens are allowed
    404                 no such model                           offmenu             a text without any verdict
    cut                 headers and half of the body            say:TEXT            that text
    reset               dropped without a byte                  call:NAME[:JSON]    a call of that tool
    hang                never answers

The default answer depends on the request's body alone: an instance of `response_format`'s schema, or of a forced
tool's, else a text that ends with [[A]] or [[B]]; `answer` says which side it takes.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import math
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias, TypedDict, Unpack

from aiohttp import web

Answer: TypeAlias = Literal["hash", "first", "second", "A", "B", "tie", "longer"]
Side: TypeAlias = Literal["first", "second", "tie"]
Faults: TypeAlias = str | Sequence[str | Mapping[str, Any]] | Mapping[str, float]
Json: TypeAlias = dict[str, Any]

KINDS = frozenset(
    "ok delay cut reset hang garbage badjson html empty null refuse filter length offmenu say call".split()
)
THINKING = frozenset({"ok", "delay", "empty", "null", "refuse", "filter", "length", "offmenu", "say", "call", "cut"})
NAMES: dict[Side, frozenset[str]] = {
    "first": frozenset({"a", "first", "1", "[[a]]", "response a", "response_a", "answer a", "answer_a"}),
    "second": frozenset({"b", "second", "2", "[[b]]", "response b", "response_b", "answer b", "answer_b"}),
    "tie": frozenset({"tie", "c", "[[c]]", "[[tie]]", "equal", "draw", "neither", "both"}),
}
SEGMENTS = (
    r"(?ims)^\W*(?:the start of )?(?:response|answer|assistant|candidate)\W+(?:A|1)\b(?P<first>.*?)"
    r"^\W*(?:the start of )?(?:response|answer|assistant|candidate)\W+(?:B|2)\b(?P<second>.*)"
)


class Changes(TypedDict, total=False):
    """What may be changed while the server runs: the fields of Behaviour."""

    faults: Faults
    latency: float
    answer: Answer
    seed: int
    draw: Literal["ordinal", "body"]
    max_in_flight: int | None
    refuse: Sequence[str]
    retry_after: str
    enough_tokens: int
    blind: str
    segments: str
    replies: Sequence[Sequence[str]]
    gives_logprobs: bool


class Key(TypedDict):
    """What became of one distinct request body: `good` counts default answers that went out whole."""

    received: int
    answered: int
    good: int


class Stat(TypedDict):
    """What the server saw since it started or was reset; `answered` counts completions that went out whole."""

    received: int
    answered: int
    good: int
    gone: int
    in_flight: int
    max_in_flight: int
    scripted_left: int | None
    outcomes: dict[str, int]
    keys: dict[str, Key]
    arrivals: list[float]


@dataclass(frozen=True)
class Behaviour:
    """How the server answers.

    Args:
        faults: which requests fail, and how; see the top of this file.
        latency: seconds of thinking before a completion; errors come at once.
        answer: the side taken: by hash of the body, the one shown first (or A), second (or B), tie, or the longer.
        seed: of the draws.
        draw: what a draw depends on: the request's ordinal, or its body and how often it came (free of arrival order).
        max_in_flight: above it 429, counted as `over_limit`.
        refuse: parameters answered with 400 whenever a request has them.
        retry_after: of a 429 that names none: seconds, `date:SECONDS` or `none`.
        enough_tokens: the limit from which `length` no longer cuts.
        blind: a regular expression for what the hash of a body must not depend on (a fence).
        segments: a regular expression with groups `first` and `second`, for `longer`.
        replies: pairs of a regular expression for a request's words and the text that answers it, a template of `re`
            with `{model}` and `{hash}` for what depends on the body; the first that is found answers, else the default.
        gives_logprobs: whether a request for log-probabilities gets them; else it gets its letter alone.
    """

    faults: Faults = ""
    latency: float = 0.0
    answer: Answer = "hash"
    seed: int = 0
    draw: Literal["ordinal", "body"] = "ordinal"
    max_in_flight: int | None = None
    refuse: Sequence[str] = ()
    retry_after: str = "0.05"
    enough_tokens: int = 1000
    blind: str = ""
    segments: str = SEGMENTS
    replies: Sequence[Sequence[str]] = ()
    gives_logprobs: bool = True


@dataclass(frozen=True)
class Fault:
    """One way to answer a request."""

    kind: str
    arg: str = ""

    @classmethod
    def read(cls, text: str) -> Fault:
        """The fault that `KIND` or `KIND:ARG` names; ValueError for a kind that there is not."""
        kind, _, arg = text.strip().partition(":")
        if kind not in KINDS and not re.fullmatch(r"[45]\d\d", kind):
            raise ValueError(f"`{kind}` is no fault; there are {', '.join(sorted(KINDS))} and statuses 400 to 599.")
        return cls(kind, arg)


class Plan:
    """Which fault comes next: drawn by probability, or consumed from a list."""

    def __init__(self, faults: Faults) -> None:
        """Read FAULTS; ValueError where it does not hold."""
        self.odds: list[tuple[Fault, float]] = []
        self.list: deque[tuple[Fault, float]] = deque()
        tokens = [t for t in faults.split(",") if t.strip()] if isinstance(faults, str) else []
        if isinstance(faults, Mapping):
            self.odds = [(Fault.read(name), float(p)) for name, p in faults.items()]
        elif tokens and all(re.search(r"=[\d.]+\s*$", t) for t in tokens):
            self.odds = [(Fault.read(t.rpartition("=")[0]), float(t.rpartition("=")[2])) for t in tokens]
        else:
            self.list.extend(map(self._entry, tokens if isinstance(faults, str) else faults))
        if sum(p for _, p in self.odds) > 1 + 1e-9:
            raise ValueError("The probabilities of `faults` sum to more than 1.")

    @staticmethod
    def _entry(entry: str | Mapping[str, Any]) -> tuple[Fault, float]:
        if not isinstance(entry, str):
            fault = Fault.read(str(entry["fault"]))
            return Fault(fault.kind, str(entry.get("arg", fault.arg))), float(entry.get("times", 1))
        text, star, times = re.fullmatch(r"(?s)(.*?)(?:(\*)(\d*))?", entry.strip()).groups()  # type: ignore[union-attr]
        return Fault.read(text), (float(times) if times else math.inf) if star else 1

    @property
    def left(self) -> int | None:
        """How many scripted faults are still to come; None where they never end."""
        total = sum(times for _, times in self.list)
        return None if math.isinf(total) else int(total)

    def next(self, draw: str) -> Fault:
        """The fault for a request whose draw is seeded by this text."""
        if self.list:
            fault, times = self.list.popleft()
            if times > 1:
                self.list.appendleft((fault, times - 1))
            return fault
        point = random.Random(draw).random()
        for fault, p in self.odds:
            if point < p:
                return fault
            point -= p
        return Fault("ok")


@dataclass
class Tally:
    """What was seen since the start or the last reset."""

    started: float = field(default_factory=time.monotonic)
    received: int = 0
    gone: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    keys: dict[str, Key] = field(default_factory=dict)
    arrivals: deque[float] = field(default_factory=lambda: deque(maxlen=10_000))
    requests: deque[Json] = field(default_factory=lambda: deque(maxlen=1_000))


def digest(*parts: str) -> int:
    """A number that depends on every part."""
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:8], "big")


def words(body: Json) -> str:
    """All text of a request's messages."""
    texts: list[str] = []
    for message in body.get("messages") or []:
        content = message.get("content")
        texts += [content] if isinstance(content, str) else [part.get("text") or "" for part in content or []]
    return "\n".join(texts)


def side_taken(body: Json, *, sha: str, behaviour: Behaviour) -> Side:
    """Which of the two responses the default answer prefers."""
    answer = behaviour.answer
    if answer == "longer" and (found := re.search(behaviour.segments, words(body))):
        first, second = len(found["first"].strip()), len(found["second"].strip())
        return "tie" if first == second else "first" if first > second else "second"
    if answer in ("hash", "longer"):
        return "first" if digest(sha, "side") % 2 else "second"
    return {"A": "first", "B": "second"}.get(answer, answer)  # type: ignore[return-value]


def instance(schema: Json, *, root: Json, side: Side, sha: str, name: str = "") -> Any:
    """A value that the JSON schema allows, leaning to a side where names say what leaning is."""

    def again(part: Json, key: str) -> Any:
        return instance(part, root=root, side=side, sha=sha, name=key)

    chance = digest(sha, name)
    if "$ref" in schema:
        target: Any = root
        for step in schema["$ref"].removeprefix("#").strip("/").split("/"):
            target = target[step] if step else target
        return again(target, name)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return _member(schema["enum"], side=side, chance=chance, name=name)
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return again(next((c for c in choices if c.get("type") != "null"), choices[0]), name)
    if parts := schema.get("allOf"):
        return again({key: value for part in parts for key, value in part.items()}, name)
    kinds = schema.get("type", "object" if "properties" in schema else "string")
    kind = next((k for k in kinds if k != "null"), "null") if isinstance(kinds, list) else kinds
    if kind == "object":
        return {key: again(part, key) for key, part in schema.get("properties", {}).items()}
    if kind == "array" and (order := _order(schema.get("items", {}), side=side, chance=chance)):
        return order
    if kind == "array":
        return [again(schema.get("items", {}), f"{name}.{i}") for i in range(schema.get("minItems", 1))]
    if kind in ("integer", "number"):
        return _number(schema, side=side, chance=chance, name=name)
    plain: Json = {"boolean": chance % 2 == 1, "null": None}
    return plain.get(kind, "because".ljust(schema.get("minLength", 0), "."))


def _order(items: Json, *, side: Side, chance: int) -> list[Any]:
    """All members of a list of names, once each: what stands first or last leads, or any of them."""
    names: list[Any] = next((part["enum"] for part in (items, *items.get("anyOf", ())) if "enum" in part), [])
    if side == "second":
        return names[::-1]
    turn = chance % len(names) if names and side == "tie" else 0
    return [*names[turn:], *names[:turn]]


def _member(options: list[Any], *, side: Side, chance: int, name: str) -> Any:
    named = [option for option in options if str(option).casefold() in NAMES[side]]
    if named:
        return named[0]
    if name == "status":
        return options[0]
    sides = [option for option in options if str(option).casefold() not in NAMES["tie"]]
    if side != "tie" and len(sides) == len(options) - 1 >= 2:  # ids beside `tie`: the first two stand for the sides
        return sides[0 if side == "first" else 1]
    return options[chance % len(options)]


def _number(schema: Json, *, side: Side, chance: int, name: str) -> float:
    whole = schema.get("type") == "integer"
    low: float = schema["minimum"] if "minimum" in schema else schema.get("exclusiveMinimum", 0)
    high: float = schema["maximum"] if "maximum" in schema else schema.get("exclusiveMaximum", low + 10)
    if whole:
        low, high = low + ("exclusiveMinimum" in schema), high - ("exclusiveMaximum" in schema)
    share = 0.1 + 0.8 * (chance % 1009) / 1009
    if (key := name.casefold()) == "p_first" or key in NAMES["first"] or key in NAMES["second"]:
        for_first = {"first": 0.9, "second": 0.1, "tie": 0.5}[side]
        share = 1 - for_first if key in NAMES["second"] else for_first
    value = low + (high - low) * share
    return min(max(round(value), math.ceil(low)), math.floor(high)) if whole else float(f"{value:.12g}")


def said(body: Json, *, sha: str, behaviour: Behaviour) -> Json:
    """The default answer's message: it depends on the request alone."""
    for pattern, reply in behaviour.replies:
        if (found := re.search(pattern, words(body))) is not None:
            told = {"{model}": str(body.get("model")), "{hash}": str(digest(sha, "text") % 10**9)}
            text = found.expand(reply)
            for name, value in told.items():
                text = text.replace(name, value)
            return {"role": "assistant", "content": text, "refusal": None}
    side = side_taken(body, sha=sha, behaviour=behaviour)
    if body.get("logprobs"):
        return {"role": "assistant", "content": LETTERS[side], "refusal": None}
    wanted, choice = body.get("response_format") or {}, body.get("tool_choice")
    tools: dict[str, Json] = {tool["function"]["name"]: tool["function"] for tool in body.get("tools") or []}
    forced = choice["function"]["name"] if isinstance(choice, dict) else next(iter(tools), "")
    if tools and choice != "none" and (isinstance(choice, dict) or choice == "required"):
        return called(forced, "", tools=tools, side=side, sha=sha)
    if wanted.get("type") == "json_schema":
        schema = wanted["json_schema"]["schema"]
        content = json.dumps(instance(schema, root=schema, side=side, sha=sha))
    else:
        letter, text = {"first": "A", "second": "B", "tie": "C"}[side], words(body)
        content = f"I compared the answers for correctness, then for use to the reader. My verdict: [[{letter}]]"
        if wanted.get("type") == "json_object":
            content = json.dumps({"reason": "because", "verdict": letter})
        elif "rating" in text.casefold() and "[[A]]" not in text:
            content = (
                f"I read the answer for correctness, then for use to the reader. Rating: [[{digest(sha) % 10 + 1}]]"
            )
    return {"role": "assistant", "content": content, "refusal": None}


def called(name: str, arguments: str, *, tools: Mapping[str, Json], side: Side, sha: str) -> Json:
    """A message that calls one tool, with arguments made from its schema where none are given."""
    schema = tools.get(name, {}).get("parameters", {"type": "object"})
    given = arguments or json.dumps(instance(schema, root=schema, side=side, sha=sha))
    call = {"id": f"call_{sha[:16]}", "type": "function", "function": {"name": name, "arguments": given}}
    return {"role": "assistant", "content": None, "refusal": None, "tool_calls": [call]}


LETTERS: dict[Side, str] = {"first": "A", "second": "B", "tie": "A"}
TOKENS = (("A", 0.6), (" A", 0.15), ("B", 0.1), ("**B", 0.05), ("The", 0.05))  # of one who answers A; 0.05 is unseen


def logprobs_of(body: Json, message: Json) -> Json | None:
    """What the first token might have been, where that is asked for: what was said with 0.75, another with 0.15.

    The other is B of A, else A; of a digit the one before it.
    """
    said = str(message.get("content") or "")
    if not body.get("logprobs") or not re.fullmatch(r"[A-Z1-9]", said):
        return None
    turned = str.maketrans("AB", said + ("B" if said == "A" else str(int(said) - 1) if said.isdigit() else "A"))
    listed = [{"token": token.translate(turned), "logprob": math.log(p), "bytes": None} for token, p in TOKENS]
    return {"content": [{**listed[0], "top_logprobs": listed[: body.get("top_logprobs") or 0]}], "refusal": None}


def completion(body: Json, message: Json, *, sha: str, finish: str, logprobs: Json | None = None) -> Json:
    """The whole reply around a message."""
    calls = message.get("tool_calls") or []
    text = (message["content"] or "") + "".join(call["function"]["arguments"] for call in calls)
    read, wrote = max(1, len(words(body)) // 4), len(text) // 4 + 1
    return {
        "id": f"chatcmpl-{sha[:24]}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": body.get("model", "loopback"),
        "system_fingerprint": "fp_loopback",
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": logprobs}],
        "usage": {
            "prompt_tokens": read,
            "completion_tokens": wrote,
            "total_tokens": read + wrote,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }


REFUSAL = "I'm sorry, but I can't help with judging this."


def spoken(fault: Fault, body: Json, *, sha: str, behaviour: Behaviour) -> Json:
    """The reply of a fault that answers with a completion."""
    message, finish = said(body, sha=sha, behaviour=behaviour), "stop"
    plain: Json = {"role": "assistant", "content": "", "refusal": None}
    match fault.kind:
        case "empty" | "filter":
            message, finish = plain, "content_filter" if fault.kind == "filter" else "stop"
        case "null":
            message = plain | {"content": None}
        case "refuse":
            how = fault.arg or "field"
            message = plain | {
                "content": None if how == "field" else REFUSAL,
                "refusal": None if how == "text" else REFUSAL,
            }
        case "offmenu":
            message = plain | {
                "content": "Both answers touch on the question, and it depends on what the reader needs."
            }
        case "say":
            message = plain | {"content": fault.arg}
        case "call":
            name, _, arguments = fault.arg.partition(":")
            tools = {tool["function"]["name"]: tool["function"] for tool in body.get("tools") or []}
            message = called(name, arguments, tools=tools, side=side_taken(body, sha=sha, behaviour=behaviour), sha=sha)
        case "length":
            finish = "length"
            if message["content"] is not None:
                message["content"] = message["content"][: len(message["content"]) // 2]
            for call in message.get("tool_calls", []):
                call["function"]["arguments"] = call["function"]["arguments"][: len(call["function"]["arguments"]) // 2]
    if finish == "stop" and message.get("tool_calls"):
        finish = "tool_calls"
    told = logprobs_of(body, message) if behaviour.gives_logprobs else None
    if body.get("logprobs") and finish == "stop" and body.get("max_tokens") == 1:
        finish = "length"  # as servers say of an answer that is cut behind its only token
    return completion(body, message, sha=sha, finish=finish, logprobs=told)


def error(status: int, message: str, *, kind: str, param: str | None = None, code: str | None = None) -> web.Response:
    """OpenAI's error object."""
    return web.json_response({"error": {"message": message, "type": kind, "param": param, "code": code}}, status=status)


def refused_parameter(param: str) -> web.Response:
    """OpenAI's refusal of a parameter, worded as it words them."""
    code: str | None = "unsupported_parameter"
    message = f"Unsupported parameter: '{param}' is not supported with this model."
    if param == "max_tokens":
        message += " Use 'max_completion_tokens' instead."
    elif param == "temperature":
        code = "unsupported_value"
        message = (
            "Unsupported value: 'temperature' does not support this value. Only the default (1) value is supported."
        )
    elif param == "response_format":
        code, message = (
            None,
            "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
        )
    return error(400, message, kind="invalid_request_error", param=param, code=code)


def failed(fault: Fault, request: web.Request, body: Json, *, retry_after: str) -> web.Response:
    """The reply of a fault that is an HTTP error."""
    status = int(fault.kind)
    match status:
        case 400 if re.fullmatch(r"[a-z_]+", fault.arg):
            return refused_parameter(fault.arg)
        case 401:
            key = request.headers.get("Authorization", "").removeprefix("Bearer ")
            message = f"Incorrect API key provided: {key}. You can find your API key in your account's settings."
            return error(401, message, kind="invalid_request_error", code="invalid_api_key")
        case 404:
            message = f"The model `{body.get('model')}` does not exist or you do not have access to it."
            return error(404, message, kind="invalid_request_error", code="model_not_found")
        case 429:
            reply = error(429, "Rate limit reached for requests.", kind="requests", code="rate_limit_exceeded")
            wait = fault.arg or retry_after
            if wait.startswith("date:"):
                wait = formatdate(math.ceil(time.time() + float(wait[5:])), usegmt=True)
            if wait != "none":
                reply.headers["Retry-After"] = wait
            return reply
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return error(status, fault.arg or f"The server answered {status}.", kind=kind)


class Server:
    """The state and the handlers of one loopback server."""

    def __init__(self, behaviour: Behaviour, *, log: Path | None = None) -> None:
        """Start as this behaviour says; append each request to the log as a JSON line."""
        self.initial, self.log = behaviour, log
        self._start()

    def _start(self) -> None:
        self.behaviour, self.plan, self.tally = self.initial, Plan(self.initial.faults), Tally()

    def app(self) -> web.Application:
        """The server's paths."""
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_post("/v1/chat/completions", self.chat)
        app.router.add_get("/stat", self.stat)
        app.router.add_get("/requests", self.requests)
        app.router.add_post("/reset", self.reset)
        app.router.add_post("/script", self.script)
        return app

    async def stat(self, request: web.Request) -> web.Response:
        """GET /stat."""
        tally = self.tally
        return web.json_response(
            {
                "received": tally.received,
                "answered": sum(key["answered"] for key in tally.keys.values()),
                "good": sum(key["good"] for key in tally.keys.values()),
                "gone": tally.gone,
                "in_flight": tally.in_flight,
                "max_in_flight": tally.max_in_flight,
                "scripted_left": self.plan.left,
                "outcomes": dict(sorted(tally.outcomes.items())),
                "keys": tally.keys,
                "arrivals": list(tally.arrivals),
            }
        )

    async def requests(self, request: web.Request) -> web.Response:
        """GET /requests: the last thousand, with their bodies."""
        return web.json_response(list(self.tally.requests))

    async def reset(self, request: web.Request) -> web.Response:
        """POST /reset: as freshly started."""
        self._start()
        return web.json_response({})

    async def script(self, request: web.Request) -> web.Response:
        """POST /script: change the behaviour's named fields, keep the others."""
        changes = await request.json()
        try:
            behaviour = replace(self.behaviour, **changes)
            plan = Plan(behaviour.faults)
            re.compile(behaviour.blind)
            re.compile(behaviour.segments)
            for pattern, _ in behaviour.replies:
                re.compile(pattern)
        except (TypeError, ValueError, KeyError, re.error) as why:
            return error(400, str(why), kind="invalid_request_error")
        self.behaviour, self.plan = behaviour, plan if "faults" in changes else self.plan
        return web.json_response({})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/chat/completions."""
        raw, tally, behaviour = (await request.text()), self.tally, self.behaviour
        try:
            body = json.loads(raw)
        except ValueError:
            return error(400, "We could not parse the JSON body of your request.", kind="invalid_request_error")
        sha = hashlib.sha256(re.sub(behaviour.blind, "", raw).encode()).hexdigest()
        key = tally.keys.setdefault(sha, Key(received=0, answered=0, good=0))
        tally.received, key["received"] = tally.received + 1, key["received"] + 1
        tally.in_flight += 1
        tally.max_in_flight = max(tally.max_in_flight, tally.in_flight)
        tally.arrivals.append(time.monotonic() - tally.started)
        fault = self._fault(body, sha=sha, tally=tally)
        self._record(request, body, sha=sha, fault=fault, tally=tally)
        try:
            return await self._reply(request, body, fault=fault, sha=sha, tally=tally)
        except asyncio.CancelledError:
            tally.gone += 1
            raise
        finally:
            tally.in_flight -= 1

    def _fault(self, body: Json, *, sha: str, tally: Tally) -> Fault:
        behaviour = self.behaviour
        if behaviour.max_in_flight is not None and tally.in_flight > behaviour.max_in_flight:
            return Fault("over_limit")
        for param in behaviour.refuse:
            if param in body:
                return Fault("400", param)
        nth = tally.received if behaviour.draw == "ordinal" else f"{sha}:{tally.keys[sha]['received']}"
        fault = self.plan.next(f"{behaviour.seed}:{nth}")
        if fault.kind == "400" and re.fullmatch(r"[a-z_]+", fault.arg) and fault.arg not in body:
            return Fault("ok")
        limit = body.get("max_completion_tokens") or body.get("max_tokens") or 0
        if fault.kind == "length" and limit >= int(fault.arg or behaviour.enough_tokens):
            return Fault("ok")
        return fault

    def _record(self, request: web.Request, body: Json, *, sha: str, fault: Fault, tally: Tally) -> None:
        tally.outcomes[fault.kind] += 1
        line = {
            "ordinal": tally.received,
            "sha": sha,
            "fault": fault.kind,
            "time": tally.arrivals[-1],
            "max_tokens": body.get("max_completion_tokens") or body.get("max_tokens"),
            "has_response_format": "response_format" in body,
            "has_key": "Authorization" in request.headers,
        }
        tally.requests.append(line | {"body": body})
        if self.log:
            with self.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    async def _reply(
        self, request: web.Request, body: Json, *, fault: Fault, sha: str, tally: Tally
    ) -> web.StreamResponse:
        behaviour = self.behaviour
        if fault.kind in THINKING:
            await asyncio.sleep(behaviour.latency + (float(fault.arg) if fault.kind == "delay" else 0))
        match fault.kind:
            case "hang":
                await asyncio.Event().wait()
            case "reset":
                return drop(request)
            case "over_limit":
                return failed(Fault("429"), request, body, retry_after=behaviour.retry_after)
            case "garbage":
                return web.Response(body=b"\x00\xffupstream connect error", content_type="application/json")
            case "html":
                page = "<html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>"
                return web.Response(text=page, status=int(fault.arg or 502), content_type="text/html")
            case kind if kind.isdigit():
                return failed(fault, request, body, retry_after=behaviour.retry_after)
        whole = json.dumps(spoken(fault, body, sha=sha, behaviour=behaviour))
        if fault.kind == "cut":
            return await cut(request, whole)
        if fault.kind == "badjson":
            return web.Response(text=whole[: len(whole) // 2], content_type="application/json")
        tally.keys[sha]["answered"] += 1
        tally.keys[sha]["good"] += fault.kind in ("ok", "delay")
        return web.Response(text=whole, content_type="application/json")


async def cut(request: web.Request, whole: str) -> web.StreamResponse:
    """Promise the whole, send half, close."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(whole)
    await response.prepare(request)
    await response.write(whole[: len(whole) // 2].encode())
    if request.transport:
        request.transport.close()
    return response


def drop(request: web.Request) -> web.Response:
    """Reset the connection without a byte."""
    if request.transport:
        request.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        request.transport.abort()
    return web.Response()  # nobody is there to read it


async def serve(behaviour: Behaviour, *, port: int, log: Path | None, detached: bool) -> None:
    """Listen until standard input closes or SIGTERM comes."""
    over, loop = asyncio.Event(), asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, over.set)
    runner = web.AppRunner(Server(behaviour, log=log).app(), access_log=None, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, shutdown_timeout=0.1, backlog=1024)
    await site.start()
    print(json.dumps({"port": runner.addresses[0][1]}), flush=True)

    def watch() -> None:
        while os.read(0, 4096):  # not sys.stdin: its lock would be held at exit
            pass
        loop.call_soon_threadsafe(over.set)

    if not detached:
        threading.Thread(target=watch, daemon=True).start()
    await over.wait()
    await runner.cleanup()


class Loopback:
    """A loopback server as a test sees it: `with Loopback(faults="500*2,ok") as server: ...`.

    Args:
        port: to listen on; 0 takes a free one, which `restart` then keeps.
        log: a file to which each request is appended as a JSON line.
        behaviour: the fields of Behaviour.
    """

    def __init__(self, *, port: int = 0, log: Path | None = None, **behaviour: Unpack[Changes]) -> None:
        """Hold the options; `start`, or `with`, starts the process."""
        self.port, self.log, self.behaviour = port, log, Behaviour(**behaviour)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def root(self) -> str:
        """The server's own address, without /v1."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """What a client of the OpenAI API takes for its base URL."""
        return f"{self.root}/v1"

    def start(self) -> Self:
        """Start the process and wait until it listens."""
        options = ["--port", str(self.port), "--behaviour", json.dumps(asdict(self.behaviour))]
        options += ["--log", str(self.log)] if self.log else []
        command = [sys.executable, "-P", __file__, *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            code = self._end()
            raise RuntimeError(f"The loopback server did not start: exit code {code}.")
        self.port = json.loads(line)["port"]
        return self

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, why: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Close its standard input and wait for its end; nothing if it has ended."""
        if self.process:
            self._end()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.process:
            self.process.kill()
            self._end()

    def _end(self) -> int:
        process, self.process = self.process, None
        assert process and process.stdin and process.stdout
        process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
        process.stdout.close()
        return process.wait()

    def restart(self) -> None:
        """End it, if it runs, and start it afresh on the same port."""
        self.stop()
        self.start()

    def _ask(self, path: str, body: Json | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(self.root + path, data=data), timeout=30) as reply:
            return json.load(reply)

    def stat(self) -> Stat:
        """What the server saw."""
        found: Stat = self._ask("/stat")
        return found

    def requests(self) -> list[Json]:
        """The last thousand requests: ordinal, sha, fault, time, max_tokens, has_response_format, has_key, body."""
        found: list[Json] = self._ask("/requests")
        return found

    def script(self, faults: Faults | None = None, **changes: Unpack[Changes]) -> None:  # type: ignore[misc]
        """Change the faults or other fields of its behaviour from now on; the others stay."""
        self._ask("/script", dict(changes) | ({} if faults is None else {"faults": faults}))

    def reset(self) -> None:
        """Forget counters and script: as freshly started."""
        self._ask("/reset", {})

    def wait_until(self, holds: Callable[[Stat], bool]) -> Stat:
        """The first stat for which this holds; TimeoutError after half a minute."""
        for _ in range(3000):
            if holds(stat := self.stat()):
                return stat
            time.sleep(0.01)
        raise TimeoutError(f"It never held; the last stat is {stat}.")


def main() -> None:
    """Run the server from a shell."""
    parser = argparse.ArgumentParser(description="A loopback server that misbehaves on request.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, metavar="S")
    parser.add_argument("--faults", metavar="SPEC")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--draw", choices=["ordinal", "body"])
    parser.add_argument("--answer", choices=["hash", "first", "second", "A", "B", "tie", "longer"])
    parser.add_argument("--max-in-flight", type=int, metavar="N")
    parser.add_argument("--refuse", type=lambda text: text.split(","), metavar="PARAM,...")
    parser.add_argument("--retry-after", metavar="SECONDS|date:SECONDS|none")
    parser.add_argument("--enough-tokens", type=int, metavar="N")
    parser.add_argument("--blind", metavar="REGEX")
    parser.add_argument("--behaviour", type=json.loads, default={}, help="all of these as one JSON object")
    parser.add_argument("--log", type=Path, metavar="FILE")
    parser.add_argument("--detached", action="store_true", help="do not end when standard input closes")
    options = vars(parser.parse_args())
    port, log, detached = options.pop("port"), options.pop("log"), options.pop("detached")
    given = options.pop("behaviour") | {name: value for name, value in options.items() if value is not None}
    asyncio.run(serve(Behaviour(**given), port=port, log=log, detached=detached))


if __name__ == "__main__":
    main()

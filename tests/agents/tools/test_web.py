"""Is a web search patient, bounded and silent about keys, and is its silence never read as an answer?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from plurijudge.agents.tools.base import Case, Observation, Refused
from plurijudge.agents.tools.toolbox import Toolbox, ToolBudget
from plurijudge.agents.tools.web import NEEDS, WebSearch
from plurijudge.text.errors import BadJudge

CASE = Case("q", {"a": "x", "b": "y"})
KEY = "sk-planted-0123456789abcdef"
FOUND = {"results": [{"title": f"T{n}", "url": f"https://x{n}.org/", "content": f"Text {n}."} for n in range(9)]}
Answer = Callable[[int], tuple[int, Any]]


class Provider:
    """A SearXNG-like server: what it answers to the n-th request, how often it was asked, how many at once."""

    def __init__(self, answer: Answer, *, retry_after: str = "0") -> None:
        self.answer, self.asked, self.at_once, self.most = answer, 0, 0, 0
        self.retry_after = retry_after
        self.queries: list[dict[str, str]] = []

    async def respond(self, request: web.Request) -> web.Response:
        number, self.asked = self.asked, self.asked + 1
        self.queries.append(dict(request.query))
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await asyncio.sleep(0.02)
            status, body = self.answer(number)
            if status == 0:
                await asyncio.sleep(30)
            busy = {"Retry-After": self.retry_after} if status == 429 else {}
            return web.json_response(body, status=status or 200, headers=busy)
        finally:
            self.at_once -= 1


def searched(
    provider: Provider,
    monkeypatch: pytest.MonkeyPatch,
    *,
    times: int = 1,
    seconds: float | None = None,
    patience: float = 7.0,
    **arguments: Any,
) -> list[Observation]:
    """Search that often at once, through a toolbox; each query is another."""

    async def work() -> list[Observation]:
        app = web.Application()
        app.router.add_get("/search", provider.respond)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        monkeypatch.setenv("SEARXNG_API_BASE", f"http://127.0.0.1:{runner.addresses[0][1]}")
        monkeypatch.setenv("SEARXNG_API_KEY", KEY)
        box = Toolbox([WebSearch("searxng", backoff=0.001, patience=patience)], budget=ToolBudget(seconds=seconds))
        import orjson

        try:
            asked = [orjson.dumps({"query": f"bern {n}", **arguments}).decode() for n in range(times)]
            answered = await asyncio.gather(*(box.call("web", raw, CASE, {}) for raw in asked))
            return [one.observation for one in answered]
        finally:
            await runner.cleanup()

    return asyncio.run(work())


def test_what_is_found_is_evidence_with_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Provider(lambda n: (200, FOUND))
    [seen] = searched(provider, monkeypatch, limit=2)
    assert (seen.status, seen.evidence) == ("ok", "retrieved")
    first, second = seen.result["hits"]
    assert (first["provider"], first["rank"], first["title"], first["url"]) == (
        "web:searxng",
        1,
        "T0",
        "https://x0.org/",
    )
    assert (second["snippet"], second["query"]) == ("Text 1.", "bern 0")
    assert provider.queries[0]["q"] == "bern 0"


@pytest.mark.threat(29)
def test_a_busy_provider_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Provider(lambda n: (429, {}) if n < 2 else (200, FOUND))
    [seen] = searched(provider, monkeypatch)
    assert (seen.status, provider.asked) == ("ok", 3)


@pytest.mark.threat(29)
@pytest.mark.parametrize(("status", "reason"), [(429, "rate_limited"), (500, "server")])
def test_one_that_stays_busy_or_broken_is_an_error_and_no_evidence(
    monkeypatch: pytest.MonkeyPatch, status: int, reason: str
) -> None:
    provider = Provider(lambda n: (status, {"error": f"nothing for {KEY}"}))
    [seen] = searched(provider, monkeypatch)
    assert (seen.status, seen.reason, seen.result, provider.asked) == ("error", reason, None, 4)
    assert "no evidence" in seen.said and KEY not in repr(seen)


@pytest.mark.threat(29)
def test_one_that_does_not_answer_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    [seen] = searched(Provider(lambda n: (0, {})), monkeypatch, seconds=0.5)
    assert (seen.status, seen.result) == ("timeout", None)


@pytest.mark.threat(29)
def test_a_search_that_hangs_once_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Provider(lambda n: (0, {}) if n == 0 else (200, FOUND))
    [seen] = searched(provider, monkeypatch, patience=0.5)
    assert seen.status == "ok" and provider.asked > 1


@pytest.mark.threat(29)
def test_one_that_always_hangs_is_asked_a_few_times_and_is_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Provider(lambda n: (0, {}))
    [seen] = searched(provider, monkeypatch, patience=0.4)
    assert (seen.status, seen.reason, seen.result) == ("error", "timeout", None) and 1 < provider.asked <= 4


@pytest.mark.threat(29)
def test_one_that_asks_for_a_wait_beyond_the_tool_s_time_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Provider(lambda n: (429, {}), retry_after="3600")
    [seen] = searched(provider, monkeypatch)
    assert (seen.status, seen.reason, provider.asked) == ("error", "rate_limited", 1)


@pytest.mark.threat(29)
def test_nothing_found_is_no_evidence_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    [seen] = searched(Provider(lambda n: (200, {"results": []})), monkeypatch)
    assert (seen.status, seen.result) == ("ok", {"hits": []}) and "no evidence" in seen.said


@pytest.mark.threat(29)
def test_no_more_than_five_searches_are_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Provider(lambda n: (200, FOUND))
    seen = searched(provider, monkeypatch, times=20)
    assert {one.status for one in seen} == {"ok"}
    assert provider.asked == 20 and 1 < provider.most <= 5


def test_a_tool_serves_one_event_loop_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    from plurijudge.agents.tools import web as module

    class Found:
        results: tuple[Any, ...] = ()

    class Library:
        async def asearch(self, **given: Any) -> Found:
            await asyncio.sleep(0)
            return Found()

    monkeypatch.setattr(module, "library", Library)
    monkeypatch.setenv("SEARXNG_API_BASE", "http://127.0.0.1:9")
    tool = WebSearch("searxng")

    async def many() -> list[Observation]:
        return await asyncio.gather(*(tool.run({"query": f"bern {n}"}, CASE) for n in range(12)))

    for _ in range(2):
        assert {seen.status for seen in asyncio.run(many())} == {"ok"}


def test_a_key_that_a_provider_repeats_is_cut_out(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"title": f"T {KEY}", "url": f"https://x.org/?key={KEY}", "content": f"Text {KEY}.", "publishedDate": KEY}
    [seen] = searched(Provider(lambda n: (200, {"results": [told]})), monkeypatch)
    assert seen.status == "ok" and KEY not in repr(seen) and "Text [secret]." in repr(seen)


def test_half_a_sign_and_a_title_without_end_spoil_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"title": "T" * 100_000, "url": "https://x.org/" + "a" * 100_000, "content": "cut \ud83d"}
    [seen] = searched(Provider(lambda n: (200, {"results": [told]})), monkeypatch)
    [found] = seen.result["hits"]
    assert (found["title"], len(found["url"]), found["snippet"]) == ("T" * 300, 2000, "cut ?")


def test_a_provider_that_this_litellm_does_not_know_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NEEDS, "of_tomorrow", ())
    with pytest.raises(Refused) as told:
        asyncio.run(WebSearch("of_tomorrow").run({"query": "x"}, CASE))
    assert (told.value.status, told.value.reason) == ("unavailable", "unknown_provider")


def test_without_a_key_it_is_unavailable_and_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TAVILY_API_KEY", raising=False)
    with pytest.raises(Refused) as told:
        asyncio.run(WebSearch("tavily").run({"query": "x"}, CASE))
    assert (told.value.status, told.value.reason) == ("unavailable", "no_key") and "TAVILY_API_KEY" in told.value.said


@pytest.mark.parametrize("name", ["", "nowhere", "Tavily"])
def test_an_unknown_provider_is_said_before_anything_is_judged(name: str) -> None:
    with pytest.raises(BadJudge, match="web"):
        WebSearch.of(name)


def test_litellm_knows_every_provider() -> None:
    from litellm.types.utils import SearchProviders

    assert set(NEEDS) <= {provider.value for provider in SearchProviders}

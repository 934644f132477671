"""Is a page read from public addresses alone, the ones that were checked, and never more of it than it may be long?"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from plurijudge.agents.tools.base import Case, Observation, Refused
from plurijudge.agents.tools.fetch import Fetch

CASE = Case("q", {})
Page = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def nobody(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host} was looked up")


@dataclass
class Resolver:
    """A resolver that gives these addresses, one list after the other, and remembers what it was asked."""

    answers: list[list[str]]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def refused(url: str, look_up: Any = nobody) -> str:
    with pytest.raises(Refused) as told:
        asyncio.run(Fetch(look_up=look_up).run({"url": url}, CASE))
    return told.value.reason


@pytest.mark.threat(23)
@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1/", "private_address"),
        ("http://[::1]/", "private_address"),
        ("http://[::ffff:127.0.0.1]/", "private_address"),
        ("http://[64:ff9b::7f00:1]/", "private_address"),
        ("http://[fe80::1%25eth0]/", "private_address"),
        ("http://169.254.169.254/latest/meta-data/", "private_address"),
        ("http://10.0.0.1/", "private_address"),
        ("http://100.64.0.1/", "private_address"),
        ("http://0.0.0.0/", "private_address"),
        ("http://0x7f000001/", "bad_host"),
        ("http://2130706433/", "bad_host"),
        ("http://0177.0.0.1/", "bad_host"),
        ("http://127.1/", "bad_host"),
        ("http://localhost/", "bad_host"),
        ("http://db.internal/", "bad_host"),
        ("http://metadata/", "bad_host"),
        ("file:///etc/passwd", "bad_scheme"),
        ("gopher://x.org/", "bad_scheme"),
        ("http://me:pw@x.org/", "bad_url"),
        ("http://x.org:22/", "bad_port"),
        ("http://x.org:99999/", "bad_url"),
        ("http://x.org/\\@127.0.0.1", "bad_url"),
        ("http://x.org /", "bad_url"),
        ("http:///x", "bad_host"),
        ("http://[::1", "bad_url"),
    ],
)
def test_a_link_to_where_only_this_machine_may_go_is_refused_before_anything_is_looked_up(
    url: str, reason: str
) -> None:
    assert refused(url) == reason


@pytest.mark.threat(23)
@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["93.184.215.14", "10.0.0.1"], ["::1"], ["169.254.169.254"]])
def test_a_name_that_leads_to_such_an_address_is_refused(addresses: list[str]) -> None:
    assert refused("http://127.0.0.1.nip.io/", Resolver([addresses])) == "private_address"


def test_a_name_that_is_not_there_is_no_evidence() -> None:
    async def nowhere(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    with pytest.raises(Refused) as told:
        asyncio.run(Fetch(look_up=nowhere).run({"url": "http://nowhere.org/"}, CASE))
    assert (told.value.reason, told.value.status) == ("no_such_host", "error")


def served(pages: dict[str, Page], path: str, look_up: Any = nobody) -> tuple[Observation, list[str]]:
    """Read a page of a server of the test's own, and which pages it was asked for."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return await pages[request.path](request)

    async def work() -> Observation:
        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            tool = Fetch(look_up=look_up, allowed={f"own.test:{port}": "127.0.0.1"})
            return await tool.run({"url": f"http://own.test:{port}{path}"}, CASE)
        except Refused as told:
            return told.observation
        finally:
            await runner.cleanup()

    return asyncio.run(work()), asked


def page(body: str | bytes, kind: str = "text/html", **headers: str) -> Page:
    async def answer(request: web.Request) -> web.StreamResponse:
        raw = body.encode() if isinstance(body, str) else body
        return web.Response(body=raw, headers={"Content-Type": kind, **headers})

    return answer


def onward(to: str) -> Page:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": to})

    return answer


def test_a_page_is_read_as_its_reader_sees_it() -> None:
    seen, asked = served({"/a": onward("/b"), "/b": page("<title>T</title><p>One<script>x</script><p>Two")}, "/a")
    [found] = seen.result["hits"]
    assert (seen.status, seen.evidence, seen.result["cut"]) == ("ok", "retrieved", False)
    assert (found["title"], found["snippet"], asked) == ("T", "One\n\nTwo", ["/a", "/b"])
    assert found["url"].endswith("/b") and found["query"].endswith("/a") and found["retrieved_at"]


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("text/plain", b"caf\xc3\xa9", "café"),
        ("text/plain; charset=latin-1", b"caf\xe9", "café"),
        ("application/json", b"{}", "{}"),
        ("text/plain; charset=shift_jis", b"\x93\xfa\x96{", "日本"),
        ("text/plain; charset=hex", b"caf\xc3\xa9", "café"),
        ("text/plain; charset=idna", b"caf\xc3\xa9", "café"),
        ("text/plain; charset=undefined", b"caf\xc3\xa9", "café"),
        ("text/plain; charset=unicode_escape", b"half \\ud83d", "half \\ud83d"),
    ],
)
def test_texts_are_read_in_their_own_signs(kind: str, body: bytes, text: str) -> None:
    assert served({"/": page(body, kind)}, "/")[0].result["hits"][0]["snippet"] == text


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (page(b"\x89PNG", "image/png"), "refused", "not_text"),
        (page(b"x", "text/plain", **{"Content-Encoding": "br"}), "refused", "bad_encoding"),
        (page(b"no gzip", "text/plain", **{"Content-Encoding": "gzip"}), "error", "bad_encoding"),
        (onward("/"), "error", "too_many_redirects"),
        (onward("http://["), "error", "bad_url"),
    ],
)
def test_what_cannot_be_read_says_why_and_brings_nothing(answer: Page, status: str, reason: str) -> None:
    seen, _ = served({"/": answer}, "/")
    assert (seen.status, seen.reason, seen.result) == (status, reason, None)


def test_a_title_without_end_is_cut() -> None:
    seen, _ = served({"/": page(f"<title>{'T' * 100_000}</title>Text")}, "/")
    [found] = seen.result["hits"]
    assert (found["title"], found["snippet"]) == ("T" * 300, "Text")


@pytest.mark.threat(32)
def test_a_charset_that_takes_the_square_of_a_page_s_length_is_not_used() -> None:
    seen, _ = served({"/": page(b"a" * 2000 + b"-" + b"b" * 2000, "text/plain; charset=punycode")}, "/")
    assert seen.result["hits"][0]["snippet"] == "a" * 2000 + "-" + "b" * 2000


def test_an_error_page_is_no_evidence() -> None:
    async def gone(request: web.Request) -> web.StreamResponse:
        return web.Response(status=404, text="The claim is false.")

    seen, _ = served({"/": gone}, "/")
    assert (seen.status, seen.reason) == ("error", "http_404") and "claim" not in seen.said


@pytest.mark.threat(23)
@pytest.mark.parametrize(
    "to", ["http://169.254.169.254/latest/", "file:///etc/passwd", "//127.0.0.1/", "http://0x7f000001/"]
)
def test_every_hop_is_checked(to: str) -> None:
    seen, asked = served({"/": onward(to)}, "/")
    assert seen.status == "refused" and seen.result is None
    assert asked == ["/"]


@pytest.mark.threat(24)
def test_a_name_is_looked_up_once_a_hop_and_the_connection_goes_to_what_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from plurijudge.agents.tools import fetch

    pinned: list[str] = []
    resolver = Resolver([["93.184.215.14"], ["127.0.0.1"]])

    def recorded(address: str) -> Any:
        pinned.append(address)
        raise OSError("this test connects to nobody")

    monkeypatch.setattr(fetch, "_pinned", recorded)
    tool = Fetch(look_up=resolver)
    with pytest.raises(Refused, match="unreachable"):
        asyncio.run(tool.run({"url": "http://turns.org/"}, CASE))
    assert (resolver.asked, pinned) == (["turns.org"], ["93.184.215.14"])
    with pytest.raises(Refused, match="private_address"):
        asyncio.run(tool.run({"url": "http://turns.org/"}, CASE))
    assert pinned == ["93.184.215.14"]


@pytest.mark.threat(24)
def test_the_connection_s_own_resolver_knows_that_address_alone() -> None:
    from plurijudge.agents.tools.fetch import _pinned

    for address in ("93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"):
        [found] = asyncio.run(_pinned(address).resolve("anything.org", 443))
        assert (found["host"], found["hostname"], found["port"]) == (address, "anything.org", 443)


@pytest.mark.threat(32)
@pytest.mark.parametrize("packing", ["gzip", "deflate"])
def test_a_bomb_is_cut_at_a_megabyte_unpacked(packing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from plurijudge.agents.tools import fetch

    whole = b"bomb " * (50 << 18)  # 65 MB
    packed = gzip.compress(whole, 9) if packing == "gzip" else zlib.compress(whole, 9)
    made: list[int] = []
    real = fetch._parts

    async def counted(*given: Any) -> Any:
        async for part in real(*given):
            made.append(len(part))
            yield part

    monkeypatch.setattr(fetch, "_parts", counted)
    seen, _ = served({"/": page(packed, "text/plain", **{"Content-Encoding": packing})}, "/")
    assert seen.result["cut"] and "longer" in seen.said
    assert sum(made) <= (1 << 20) + 16_384 and max(made) <= 16_384
    assert len(seen.result["hits"][0]["snippet"]) == 20_000


@pytest.mark.threat(32)
def test_a_body_without_end_is_not_read_to_its_end() -> None:
    sent: list[int] = []

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        while sum(sent) < 50 << 20:
            await response.write(b"x" * 65_536)
            sent.append(65_536)
        return response

    seen, _ = served({"/": endless}, "/")
    assert seen.status == "ok" and seen.result["cut"]
    assert sum(sent) < 30 << 20  # what buffers hold beyond the megabyte that was read


@pytest.mark.threat(32)
@pytest.mark.parametrize("ends", [True, False])
def test_what_unpacks_to_nothing_is_not_read_for_ever(ends: bool) -> None:
    packer = zlib.compressobj(wbits=31)
    begun = packer.compress(b"hello") + packer.flush(zlib.Z_FINISH if ends else zlib.Z_SYNC_FLUSH)
    sent: list[int] = []

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/plain", "Content-Encoding": "gzip"})
        await response.prepare(request)
        await response.write(begun)
        while sum(sent) < 60 << 20:
            await response.write(b"\x00\x00\x00\xff\xff" * 10_000)  # blocks that hold nothing
            sent.append(50_000)
        return response

    seen, _ = served({"/": endless}, "/")
    assert (seen.status, seen.reason) == (("ok", "") if ends else ("error", "bad_encoding"))
    assert sum(sent) < 30 << 20


@pytest.mark.threat(24)
def test_a_certificate_is_asked_for_by_the_host_s_name_though_the_connection_goes_to_an_address() -> None:
    async def work() -> bytes:
        heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.set_result(await reader.read(4096))
            writer.close()

        server = await asyncio.start_server(hello, "127.0.0.1", 0)
        async with server:
            place = f"own.test:{server.sockets[0].getsockname()[1]}"
            with pytest.raises(Refused, match="unreachable"):
                await Fetch(look_up=nobody, allowed={place: "127.0.0.1"}).run({"url": f"https://{place}/"}, CASE)
            return await heard

    assert b"own.test" in asyncio.run(work())

"""Which addresses may anybody reach, and which links lead to one?"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given, strategies as st

from plurijudge.agents.tools.addresses import checked_url, public
from plurijudge.agents.tools.base import Refused


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("::ffff:93.184.215.14", True),
        ("64:ff9b::5db8:d70e", True),
        ("2002:7f00:1::", False),
        ("64:ff9b:1::1", False),
        ("::7f00:1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("192.0.2.1", False),
        ("198.18.0.1", False),
        ("192.88.99.1", False),
        ("fc00::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("2001:db8::1", False),
        ("2001:0:7f00:1::", False),
        ("::ffff:0:7f00:1", False),
        ("100:0:0:1::1", False),
        ("1::1", False),
        ("3fff::1", False),
        ("4000::1", False),
        ("5f00::1", False),
    ],
)
def test_which_addresses_are_public(address: str, expected: bool) -> None:
    assert public(ip_address(address)) is expected


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_ipv6_clothes_is_no_more_public(address: Any) -> None:
    for carried in (f"::ffff:{address}", f"64:ff9b::{address}"):
        assert public(ip_address(carried)) is public(address)


@given(st.text(max_size=60))
def test_any_text_is_a_link_or_refused(text: str) -> None:
    for url in (text, f"http://{text}/", f"https://x.org/{text}"):
        try:
            assert checked_url(url).scheme in ("http", "https")
        except Refused as told:
            assert told.reason.startswith("bad_") or told.reason == "private_address"


@pytest.mark.threat(23)
@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://169。254。169。254/", "private_address"),
        ("http://１２７.０.０.１/", "private_address"),
        ("http://０ｘ７ｆ.１/", "bad_host"),
        ("http://localhost。/", "bad_host"),
        ("http://x.0x7f/", "bad_host"),
        ("http://x.1234/", "bad_host"),
        ("http://[::ffff:0:7f00:1]/", "private_address"),
    ],
)
def test_odd_spellings_are_read_as_a_resolver_reads_them(url: str, reason: str) -> None:
    with pytest.raises(Refused) as told:
        checked_url(url)
    assert told.value.reason == reason


@pytest.mark.parametrize(
    "url", ["https://bücher.example.com/a?b#c", "http://xn--bcher-kva.xn--p1ai:80", "http://x.org./"]
)
def test_a_public_name_is_a_link(url: str) -> None:
    assert checked_url(url).scheme in ("http", "https")

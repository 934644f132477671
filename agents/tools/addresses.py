"""Where may a stranger's link lead? To public addresses alone, looked up once and then held on to."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from .base import Refused

Address = IPv4Address | IPv6Address
LookUp = Callable[[str, int], Awaitable[list[str]]]
"""All addresses of a host, as the machine's resolver gives them."""

_LONGEST = 2000  # characters of a link
_PORTS = frozenset({80, 443})
_NUMBERS = re.compile(r"(?i)(?:0x[0-9a-f]*|\d+)(?:\.(?:0x[0-9a-f]*|\d+))*\.?")
_NAME = re.compile(r"(?i)(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{1,62}\.?")
_INNER = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "localdomain", "onion", "arpa", "test")
_CARRYING = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))  # the last four bytes are an IPv4 address
_UNICAST = IPv6Network("2000::/3")  # all that is given to anybody; what lies outside it Python calls global, too
_DOCUMENTS = IPv6Network("3fff::/20")  # newer than some Pythons
_RELAYS = IPv4Network("192.88.99.0/24")


def public(address: Address) -> bool:
    """Whether anybody may reach an address: global unicast, and so is any IPv4 address that it carries."""
    if isinstance(address, IPv4Address):
        return address.is_global and not (address.is_multicast or address.is_reserved or address in _RELAYS)
    carried = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    carried += [IPv4Address(int(address) & 0xFFFFFFFF) for network in _CARRYING if address in network]
    inside = [inner for inner in carried if inner is not None]
    if inside:
        return all(map(public, inside)) and address.scope_id is None
    given = address in _UNICAST and address not in _DOCUMENTS
    return given and address.is_global and address.scope_id is None


def checked_url(url: str) -> SplitResult:
    """A link that may be followed, as far as can be told without looking its host up.

    Raises:
        Refused: `bad_url`, `bad_scheme`, `bad_host`, `bad_port`, or `private_address`.
    """
    if len(url) > _LONGEST or re.search(r"[\s\\\x00-\x1f]", url):
        raise Refused("bad_url", f"A link has no blanks and at most {_LONGEST} characters.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Refused("bad_url", "That is no link.") from None
    if parts.scheme not in ("http", "https"):
        raise Refused("bad_scheme", "Only http and https are read.")
    if parts.username is not None or parts.password is not None:
        raise Refused("bad_url", "A link with a user's name or password is not read.")
    if port is not None and port not in _PORTS:
        raise Refused("bad_port", "Only the ports 80 and 443 are read.")
    _check_host(host)
    return parts


def _check_host(host: str) -> None:
    name = _ascii(host)  # first of all: digits and points have other forms that resolvers take for these
    try:
        address = ip_address(name.partition("%")[0])
    except ValueError:
        inner = any(name.rstrip(".").lower().endswith(f".{end}") for end in _INNER)
        if _NUMBERS.fullmatch(name) or inner or not _NAME.fullmatch(name):
            raise Refused("bad_host", "The link's host is no public name.") from None
        return
    if not public(address):
        raise Refused("private_address", "The link leads to an address that is not public.")


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        return ""


async def resolved(host: str, port: int, look_up: LookUp) -> str:
    """The address to connect to: looked up once, and only if every address of the host is public.

    Raises:
        Refused: `no_such_host` or `private_address`.
    """
    try:
        found = [ip_address(address.partition("%")[0]) for address in await look_up(host, port)]
    except (OSError, UnicodeError, ValueError):
        found = []
    if not found:
        raise Refused("no_such_host", "The link's host was not found.", "error")
    if not all(map(public, found)):
        raise Refused("private_address", "The link leads to an address that is not public.")
    return str(found[0])


async def machine_s_look_up(host: str, port: int) -> list[str]:
    """What this machine's resolver says of a host."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]

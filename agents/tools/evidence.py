"""What was found, where, and when? A record of each hit, which a verdict cites by its id."""

from __future__ import annotations

import hashlib
from typing import Any

from ...store.canonical import digest
from ...text.injected import without_steering

_MOST = 20_000  # characters of a hit's text that are kept
_TOLD = ("id", "title", "url", "published", "snippet", "flags")


def hit(
    *,
    provider: str,
    ground: str,
    rank: int,
    title: str,
    url: str,
    snippet: str,
    query: str,
    retrieved_at: str,
    published: str = "",
) -> dict[str, Any]:
    """One hit as it is stored: what it says is kept whole, and `flags` names what in it tries to steer its reader.

    Args:
        provider: who found it, such as `corpus:handbook` or `web:tavily`.
        ground: the digest of what was searched, '' where that is not fixed.
        rank: its place among the hits, from 1.
        title: of the page or document.
        url: where it stands.
        snippet: what it says.
        query: as it was sent.
        retrieved_at: when it was read, ISO 8601 in UTC.
        published: when it was written, as the source says; '' for unknown.
    """
    text = snippet[:_MOST]
    flags = sorted({*without_steering(text)[1], *without_steering(title)[1]})
    return {
        "id": f"e{digest([provider, ground, url, title, text])[:10]}",
        "provider": provider,
        "ground": ground or None,
        "rank": rank,
        "title": title,
        "url": url,
        "snippet": text,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "published": published or None,
        "retrieved_at": retrieved_at,
        "query": query,
        "flags": flags,
    }


def told_of(result: Any, *, limit: int) -> Any:
    """A retrieved result as a model is told it: without the sentences that steer, and without what only we need.

    Hits that do not fit are left out from the last on; what is no list of hits is told as it is, but for steering.

    Args:
        result: as stored.
        limit: about how many bytes it may have as JSON.
    """
    if not isinstance(result, dict) or not isinstance(result.get("hits"), list):
        return _plain(result)
    hits: list[dict[str, Any]] = []
    size = 0
    for one in result["hits"]:
        told = {name: _plain(one[name]) for name in _TOLD if isinstance(one, dict) and one.get(name)}
        size += len(str(told).encode())
        if hits and size > limit:
            break
        hits.append(told)
    more = {"left_out": len(result["hits"]) - len(hits)} if len(hits) < len(result["hits"]) else {}
    return {**_plain({name: value for name, value in result.items() if name != "hits"}), "hits": hits, **more}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return without_steering(value)[0]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value

"""Is a base URL one that can be asked?"""

from __future__ import annotations

from urllib.parse import urlsplit


def address_fault(endpoint: str) -> str:
    """What is wrong with a base URL, '' where nothing is."""
    try:
        parts = urlsplit(endpoint)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    return "" if good else "the base URL is not an address such as http://127.0.0.1:8000/v1"

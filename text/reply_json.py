"""Which JSON object does a model's reply hold, where it was asked for one and nothing else?

It is read as JSON and not mended: a text or a list of facts that was cut is no answer. A judge's reply, from which a
verdict is read whatever its form, goes through `verdict_json`.
"""

from __future__ import annotations

import contextlib
from typing import Any

import orjson

_TRIES = 80  # braces at which an object may begin: a hostile reply must not cost the square


def object_in(reply: str) -> dict[str, Any] | None:
    """The JSON object that a reply ends with, whatever stands around it; None where there is none.

    >>> object_in('Sure: ```{"facts": ["It is {cold}."]}```')
    {'facts': ['It is {cold}.']}
    """
    end, at = reply.rfind("}"), -1
    for _ in range(_TRIES):
        at = reply.find("{", at + 1)
        if not 0 <= at < end:
            break
        with contextlib.suppress(orjson.JSONDecodeError):
            told = orjson.loads(reply[at : end + 1])
            return told if isinstance(told, dict) else None
    return None

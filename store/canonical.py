"""How is a value written so that equal values have equal bytes, and what is its digest?"""

from __future__ import annotations

import hashlib
from typing import Any

import orjson


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces; NaN becomes null.

    Raises:
        TypeError: if the value holds what JSON cannot say.
    """
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def digest(value: Any) -> str:
    """SHA-256 in hex of the value's canonical form; of the bytes themselves where bytes are given."""
    data = value if isinstance(value, bytes) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(data).hexdigest()

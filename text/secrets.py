"""Does a text hold a secret? Keys are cut out of whatever is logged, stored or shown."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

MARK = "[secret]"
_NAME = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL)S?$", re.IGNORECASE)
_WORDS = re.compile(r"[a-z]+(?:[-_ ][a-z]+){0,3}", re.IGNORECASE)  # such as `ollama`, `lm-studio`, `no-key-needed`
_SHAPE = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf|ghp|AIza)[-_][A-Za-z0-9*][A-Za-z0-9_*-]{7,}"
    r"|\bAIza[A-Za-z0-9_-]{20,}"
    r"|\bAKIA[A-Z0-9]{16}\b"
    r"|(?<=Bearer )[A-Za-z0-9._~+/=-]{8,}"
    r"|(?<=://)[^\s/:@]*:[^\s/@]+(?=@)"
    r"|(?<=[?&]key=)[^\s&#]{6,}|(?<=[?&_-]token=)[^\s&#]{6,}|(?<=api[_-]key=)[^\s&#]{6,}|(?<=apikey=)[^\s&#]{6,}"
)


def known_secrets(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The values of environment variables whose names say that they are secret, the longest first.

    Each stands there also as JSON and as a URL write it. Plain words are left out: they stand for "no key is needed",
    and would be cut out of texts that have nothing to do with it.
    """
    values: set[str] = set()
    for name, value in (os.environ if environment is None else environment).items():
        password = name.upper().endswith(("PASSWORD", "PASSWD"))
        if _NAME.search(name) and len(value) >= 6 and (password or not _WORDS.fullmatch(value)):
            values |= {
                value,
                json.dumps(value)[1:-1],
                json.dumps(value, ensure_ascii=False)[1:-1],
                quote(value, safe=""),
            }
    return tuple(sorted(values, key=len, reverse=True))


def without_secrets(text: str, secrets: Iterable[str] = ()) -> str:
    """The text with every known secret, and whatever has the shape of a key, replaced by a mark.

    Args:
        text: what a server, a driver or an exception said.
        secrets: values known to be secret.
    """
    return _SHAPE.sub(MARK, without_known(text, secrets))


def without_known(text: str, secrets: Iterable[str]) -> str:
    """The text with known secrets alone replaced: for a model's answer, in which a shape proves nothing."""
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, MARK)
    return text

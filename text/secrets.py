"""Does a text hold a secret? Keys are cut out of whatever is logged, stored or shown."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

MARK = "[secret]"
_NAME = re.compile(r"(API_?KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL)S?$", re.IGNORECASE)
_SHAPE = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf|ghp|AIza)[-_][A-Za-z0-9*][A-Za-z0-9_*-]{7,}"
    r"|\bAIza[A-Za-z0-9_-]{20,}"
    r"|(?<=Bearer )[A-Za-z0-9._~+/=-]{8,}"
    r"|(?<=://)[^\s/:@]+:[^\s/@]+(?=@)"
)


def known_secrets(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The values of environment variables whose names say that they are secret, the longest first."""
    values = {
        value
        for name, value in (os.environ if environment is None else environment).items()
        if _NAME.search(name) and len(value) >= 6
    }
    return tuple(sorted(values, key=len, reverse=True))


def without_secrets(text: str, secrets: Iterable[str] = ()) -> str:
    """The text with every known secret, and whatever has the shape of a key, replaced by a mark.

    Args:
        text: what a server, a driver or an exception said.
        secrets: values known to be secret.
    """
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, MARK)
    return _SHAPE.sub(MARK, text)


def without_known(text: str, secrets: Iterable[str]) -> str:
    """The text with known secrets alone replaced: for a model's answer, in which a shape proves nothing."""
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, MARK)
    return text

"""How is what is judged shown as text: a conversation, an agent's trajectory?

All of it is shown, in order. What a tool brought is cut in its middle where it is longer than `RESULT` characters, with
a note of how much is left out: one page that an agent fetched would else fill a judge's whole prompt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

RESULT = 8_000
"""Of a tool's result so many characters are shown, three quarters of them from its beginning."""


def conversation_text(messages: Sequence[tuple[str, str | Sequence[Mapping[str, Any]]]]) -> str:
    """A conversation as one text, each turn headed by who speaks.

    Args:
        messages: role and content of each turn; content is a text or a sequence of parts.
    """
    return "\n\n".join(f"[{role}]\n{_turn(role, content)}" for role, content in messages)


def parts_text(parts: Sequence[Mapping[str, Any]]) -> str:
    """An answer made of parts as one text: words as they are, tool calls, results and images named."""
    return "\n".join(_part_text(part) for part in parts)


def cut(text: str, limit: int = RESULT) -> str:
    """A tool's result, its middle left out where it is too long.

    >>> cut("0123456789", limit=4).splitlines()
    ['012', '[... 6 of 10 characters are not shown ...]', '9']
    """
    if len(text) <= limit:
        return text
    head = limit * 3 // 4
    note = f"[... {len(text) - limit:,} of {len(text):,} characters are not shown ...]"
    return f"{text[:head]}\n{note}\n{text[len(text) - (limit - head) :]}"


def _turn(role: str, content: str | Sequence[Mapping[str, Any]]) -> str:
    if not isinstance(content, str):
        return parts_text(content)
    return cut(content) if role == "tool" else content


def _part_text(part: Mapping[str, Any]) -> str:
    named = f" ({part['id']})" if part.get("id") else ""
    match part["type"]:
        case "tool_call":
            arguments = part.get("arguments")
            given = "nothing" if arguments is None else _plain(arguments)
            return f"[calls the tool {part['name']}{named} with {given}]"
        case "tool_result":
            told = f" {part['name']}" if part.get("name") else ""
            return f"[the tool{told}{named} answers: {cut(_plain(part.get('result')))}]"
        case "image":
            return f"[an image: {part.get('url')}]"
        case _:
            return str(part.get("text") or "")


def _plain(value: Any) -> str:
    """A text as it is, and anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

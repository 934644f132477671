"""How is what is judged shown as text: a conversation, an agent's trajectory?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def conversation_text(messages: Sequence[tuple[str, str | Sequence[Mapping[str, Any]]]]) -> str:
    """A conversation as one text, each turn headed by who speaks.

    Args:
        messages: role and content of each turn; content is a text or a sequence of parts.
    """
    turns = [f"[{role}]\n{content if isinstance(content, str) else parts_text(content)}" for role, content in messages]
    return "\n\n".join(turns)


def parts_text(parts: Sequence[Mapping[str, Any]]) -> str:
    """An answer made of parts as one text: words as they are, tool calls, results and images named."""
    return "\n".join(_part_text(part) for part in parts)


def _part_text(part: Mapping[str, Any]) -> str:
    match part["type"]:
        case "tool_call":
            return f"[calls the tool {part['name']} with {part.get('arguments')}]"
        case "tool_result":
            return f"[the tool answers: {part.get('result')}]"
        case "image":
            return f"[an image: {part.get('url')}]"
        case _:
            return str(part.get("text") or "")

"""What does a built-in model write? Plain sentences about the request: enough to try things out without an LLM."""

from __future__ import annotations

import hashlib
import re

from ...prompts.exhibit import conversation_text
from ...store.canonical import canonical
from ..subject import Subject

PROTOCOL = "answer"
_WORD = re.compile(r"[^\W\d_]{4,}")
_OPENINGS = ("This asks about", "The request is about", "What is wanted here concerns", "The matter is")
_MIDDLES = (
    "A sound answer names what is known of it and what is not.",
    "Three things count: what it is, how it came about, and what follows.",
    "It is best to begin with the simplest case and to go on from there.",
    "Sources differ on it, so that each claim needs one of its own.",
)
_ENDS = ("No model wrote this.", "Rules wrote this, not a model.", "This text was put together by rules.")


def answer(subject: Subject, model: str) -> str:
    """A text that names the request's words and depends on the model's name, the same for the same item.

    Args:
        subject: the item that is answered.
        model: the built-in model's name, with its terms.
    """
    item = subject.item
    prompt = item.prompt
    if not isinstance(prompt, str):
        turns = [
            (m.role, m.content if isinstance(m.content, str) else [p.model_dump() for p in m.content]) for m in prompt
        ]
        prompt = conversation_text(turns)
    drawn = hashlib.sha256(canonical([model, item.id, prompt]).encode()).digest()
    words = list(dict.fromkeys(word.casefold() for word in _WORD.findall(prompt)))[: 3 + drawn[0] % 6]
    middles = [_MIDDLES[byte % len(_MIDDLES)] for byte in drawn[2 : 3 + drawn[1] % 3]]
    about = f"{_OPENINGS[drawn[5] % len(_OPENINGS)]} {', '.join(words) or 'no word of its own'}."
    return " ".join([about, *dict.fromkeys(middles), _ENDS[drawn[6] % len(_ENDS)]])

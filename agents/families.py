"""Whose kin is a model? Judges of one family tend to err together."""

from __future__ import annotations

import re

_NAMES = (  # a part of a model's name, and the family that uses it
    ("builtin/", "builtin"),
    ("replay/", "recorded"),
    ("gpt-neo", "EleutherAI"),
    ("gpt-j", "EleutherAI"),
    ("gpt", "OpenAI"),
    ("chatgpt", "OpenAI"),
    ("davinci", "OpenAI"),
    ("claude", "Anthropic"),
    ("gemini", "Google"),
    ("gemma", "Google"),
    ("palm-", "Google"),
    ("llama", "Meta"),
    ("meta-llama", "Meta"),
    ("mixtral", "Mistral"),
    ("mistral", "Mistral"),
    ("ministral", "Mistral"),
    ("magistral", "Mistral"),
    ("qwen", "Alibaba"),
    ("qwq", "Alibaba"),
    ("deepseek", "DeepSeek"),
    ("grok", "xAI"),
    ("command", "Cohere"),
    ("aya", "Cohere"),
    ("phi-", "Microsoft"),
    ("nova", "Amazon"),
    ("titan", "Amazon"),
    ("jamba", "AI21"),
    ("glm", "Zhipu"),
    ("kimi", "Moonshot"),
    ("yi-", "01.AI"),
    ("falcon", "TII"),
    ("olmo", "AI2"),
    ("o1", "OpenAI"),
    ("o3", "OpenAI"),
    ("o4", "OpenAI"),
)
_BEFORE = re.compile(r"(?:ft:|[a-z]+\.)+")  # a tuned model's sign; a region and a maker, as in us.anthropic.claude-...


def family_of(model: str) -> str:
    """The family of a model by its name, '' where the name tells none.

    >>> family_of("openrouter/anthropic/claude-sonnet-4.5"), family_of("openai/o3-mini"), family_of("my/model")
    ('Anthropic', 'OpenAI', '')
    """
    name = model.lower()
    bare = name.rpartition("/")[2]
    found = _BEFORE.match(bare)
    own = bare[found.end() :] if found else bare
    for part, family in _NAMES:
        if name.startswith(part) if part.endswith("/") else own.startswith(part):
            return family
    return ""

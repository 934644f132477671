"""Whose kin is a model? Judges of one family tend to err together.

The names below ship with plurijudge. A file `families.yaml` in the working folder adds to them and holds against them:

    Acme: [acme/, house-model]      # a family, and how the names of its models begin
    People: [annotator-]
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import yaml

from ..text.errors import BadInput

FILE = "families.yaml"

_NAMES = (  # a part of a model's name, and the family that uses it
    ("builtin/", "builtin"),
    ("replay/", "recorded"),
    ("gpt-neo", "EleutherAI"),
    ("gpt-j", "EleutherAI"),
    ("gpt", "OpenAI"),
    ("chatgpt", "OpenAI"),
    ("davinci", "OpenAI"),
    ("text-davinci", "OpenAI"),
    ("codex", "OpenAI"),
    ("claude", "Anthropic"),
    ("gemini", "Google"),
    ("gemma", "Google"),
    ("palm-", "Google"),
    ("text-bison", "Google"),
    ("chat-bison", "Google"),
    ("llama", "Meta"),
    ("meta-llama", "Meta"),
    ("codellama", "Meta"),
    ("mixtral", "Mistral"),
    ("mistral", "Mistral"),
    ("ministral", "Mistral"),
    ("magistral", "Mistral"),
    ("codestral", "Mistral"),
    ("devstral", "Mistral"),
    ("pixtral", "Mistral"),
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
    ("granite", "IBM"),
    ("nemotron", "NVIDIA"),
    ("ernie", "Baidu"),
    ("hunyuan", "Tencent"),
    ("doubao", "ByteDance"),
    ("minimax", "MiniMax"),
    ("internlm", "Shanghai AI Laboratory"),
    ("baichuan", "Baichuan"),
    ("exaone", "LG"),
    ("pythia", "EleutherAI"),
    ("o1", "OpenAI"),
    ("o3", "OpenAI"),
    ("o4", "OpenAI"),
    ("human", "people"),
)
_BEFORE = re.compile(r"(?:ft:|[a-z]+\.)+")  # a tuned model's sign; a region and a maker, as in us.anthropic.claude-...


def family_of(model: str) -> str:
    """The family of a model by its name, '' where the name tells none; `families.yaml` is asked first.

    Raises:
        BadInput: if there is a `families.yaml` that cannot be read.

    >>> family_of("openrouter/anthropic/claude-sonnet-4.5"), family_of("openai/o3-mini"), family_of("my/model")
    ('Anthropic', 'OpenAI', '')
    """
    name = model.lower()
    bare = name.rpartition("/")[2]
    found = _BEFORE.match(bare)
    own = (bare[found.end() :] if found else bare).replace("_", "-")
    for part, family in own_families():
        if _begins(name, part) if "/" in part else bare.startswith(part) or own.startswith(part):
            return family
    for part, family in _NAMES:
        if name.startswith(part) if part.endswith("/") else own.startswith(part):
            return family
    return ""


def _begins(name: str, part: str) -> bool:
    """Whether a name, or what stands behind one of its slashes, begins so."""
    return f"/{name}".find(f"/{part}") >= 0


def own_families() -> tuple[tuple[str, str], ...]:
    """What `families.yaml` of the working folder says: the beginning of a name and its family, the longest first.

    Raises:
        BadInput: if it cannot be read, or is no list of names by family.
    """
    try:
        now = Path(FILE).stat()
    except OSError:
        return ()
    return _read(str(Path.cwd()), now.st_mtime_ns, now.st_size)


@lru_cache(maxsize=16)
def _read(folder: str, changed: int, size: int) -> tuple[tuple[str, str], ...]:
    """The file as it was at that moment; asked for with every vote of a panel, so read once."""
    path = Path(folder) / FILE
    way_out = "a family and its names on each line, such as `Acme: [acme/, house-model]`"
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"The families in {path} cannot be read: {error}.", way_out=way_out) from error
    if not isinstance(read, dict):
        raise BadInput(f"{path} must hold names by family.", way_out=way_out)
    found: dict[str, str] = {}
    for family, names in read.items():
        several = [names] if isinstance(names, str) else names
        if not isinstance(family, str) or not isinstance(several, list) or not several:
            raise BadInput(f"{path}: the family {family!r} has no list of names.", way_out=way_out)
        for one in several:
            if not isinstance(one, str) or not one.strip():
                raise BadInput(f"{path}: the family {family!r} has {one!r} among its names.", way_out=way_out)
            part = one.strip().lower()
            if found.setdefault(part, family) != family:
                raise BadInput(f"{path}: {one!r} is of two families, {found[part]!r} and {family!r}.", way_out=way_out)
    return tuple(sorted(found.items(), key=lambda pair: (-len(pair[0]), pair[0])))

"""Which failures mean that no call to a model can succeed, and what is to be done about them?"""

from __future__ import annotations

from typing import NamedTuple

from ..text.errors import ModelError, ModelRefusedKey, ModelUnknown, ModelUnreachable


class Stop(NamedTuple):
    """Why no call can succeed, and what to do about it."""

    kind: type[ModelError]
    message: str
    way_out: str


_GO_ON = "then go on: plurijudge judge --run last"
_NAMES = "name it as PROVIDER/MODEL, such as openai/gpt-5-mini, ollama_chat/llama3 or builtin/heuristic"
HOPELESS: dict[str, Stop] = {
    "unreachable": Stop(
        ModelUnreachable, "Nothing answers for `{name}`{where}", f"check --base-url and the network, {_GO_ON}"
    ),
    "auth": Stop(
        ModelRefusedKey,
        "The provider of `{name}`{where} wants another key",
        f"set it in the environment or in .env, {_GO_ON}",
    ),
    "quota": Stop(
        ModelRefusedKey, "The account at the provider of `{name}`{where} is used up", f"fill it up, {_GO_ON}"
    ),
    "not_found": Stop(ModelUnknown, "`{name}` is not a model that can be called{where}", _NAMES),
}

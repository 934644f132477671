"""How do the built-in models take the same road as any other? As providers registered with LiteLLM."""

from __future__ import annotations

from typing import Any

from ..answer import Failure
from ..subject import current_subject
from . import heuristic, planted, replay, writer


def register(litellm: Any) -> None:
    """Make `builtin/...` and `replay/...` models that LiteLLM can call."""

    class BuiltIn(litellm.CustomLLM):  # type: ignore[misc]  # LiteLLM is imported late, and is not followed
        async def acompletion(self, *_: Any, **given: Any) -> Any:
            subject = current_subject.get()
            if subject is None:
                raise Failure("fault", "a built-in model was called without what it judges")
            model = str(given["model"])
            name, query = model.partition("?")[::2]
            if subject.protocol == writer.PROTOCOL:
                text = writer.answer(subject, model)
            elif name == "heuristic":
                text = heuristic.answer(subject)
            elif name == "planted":
                text = planted.answer(subject, query)
            else:
                known = "builtin/heuristic, builtin/planted?position=0.8, replay/FILE?judge=NAME"
                raise Failure("not_found", f"there is no built-in model `{name}`; there are {known}")
            return _filled(given["model_response"], text, f"builtin/{model}")

    class Replay(litellm.CustomLLM):  # type: ignore[misc]
        async def acompletion(self, *_: Any, **given: Any) -> Any:
            subject = current_subject.get()
            if subject is None:
                raise Failure("fault", "a replayed model was called without what it judges")
            model = str(given["model"])
            text, finish_reason = await replay.answer(subject, model)
            return _filled(given["model_response"], text, f"replay/{model}", finish_reason)

    litellm.custom_provider_map = [
        *(entry for entry in litellm.custom_provider_map if entry["provider"] not in ("builtin", "replay")),
        {"provider": "builtin", "custom_handler": BuiltIn()},
        {"provider": "replay", "custom_handler": Replay()},
    ]


def _filled(response: Any, text: str, model: str, finish_reason: str = "stop") -> Any:
    response.model = model
    response.choices[0].message.content = text
    response.choices[0].finish_reason = finish_reason
    return response

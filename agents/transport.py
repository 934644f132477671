"""By which transport does an attempt go out? Directly where nothing needs translation, else through LiteLLM."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from ..text.errors import BadInput
from . import wire
from .answer import Answer, Failure
from .direct import COMPATIBLE, Direct, can_ask, translates_nothing
from .endpoint import address_fault
from .subject import Subject, current_subject

Provider = Callable[[Subject], Awaitable[str]]
TRANSPORTS = ("auto", "direct", "litellm")


class Transport(Protocol):
    """One model's connections: opened and closed on the loop that uses them, both as often as one likes."""

    async def open(self) -> None:
        """Have everything ready before any deadline runs."""
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...

    async def send(
        self, messages: list[dict[str, Any]], parameters: dict[str, Any], *, seconds: float, subject: Subject | None
    ) -> Answer:
        """One attempt.

        Args:
            messages: as the provider gets them.
            parameters: whatever else is sent.
            seconds: how long a library may take; the caller keeps its own deadline beside it.
            subject: what is judged, for models that need no network.

        Raises:
            Failure: if no answer came.
        """
        ...


def transport_of(
    model: str, *, endpoint: str, parameters: dict[str, Any], wanted: str = "auto", provider: Provider | None = None
) -> Transport:
    """The transport of a model.

    Args:
        model: LiteLLM's name of it.
        endpoint: the base URL, '' for the provider's own.
        parameters: what is sent with every call.
        wanted: `auto`, `direct` or `litellm`.
        provider: a user's own callable in the place of an endpoint.

    Raises:
        BadInput: if `direct` is wanted for a model that only LiteLLM can ask.
    """
    if provider is not None:
        return OwnFunction(provider, model)
    if wanted == "direct" and not can_ask(model) and wire.provider_of(model) not in wire.BUILT_IN:
        raise BadInput(
            f"`{model}` cannot be asked directly: its provider does not speak OpenAI's chat format.",
            way_out=f"--transport litellm, or a name that begins with {', '.join(f'{name}/' for name in COMPATIBLE)}",
        )
    direct = (
        can_ask(model) if wanted == "direct" else translates_nothing(model, endpoint=endpoint, parameters=parameters)
    )
    if direct and wanted != "litellm":
        return Straight(model, endpoint=endpoint)
    return ThroughLiteLLM(model, endpoint=endpoint)


class Straight:
    """An endpoint that speaks OpenAI's chat format, asked without LiteLLM."""

    def __init__(self, model: str, *, endpoint: str) -> None:
        """Name the model and the endpoint."""
        self._direct = Direct(model, endpoint=endpoint)
        self._fault: Failure | None = None
        known = COMPATIBLE[wire.provider_of(model)]
        if not self._direct.base:
            said = f"no address is known: {' and '.join(known.bases)} is empty, and no base URL is given"
            self._fault = Failure("unreachable", said, sent=False)
        elif fault := address_fault(self._direct.base):
            self._fault = Failure("unreachable", fault, sent=False)
        elif self._direct.base == COMPATIBLE["openai"].base and not self._direct.key:
            self._fault = Failure("auth", f"no key is set: {known.key} is empty", sent=False)

    async def open(self) -> None:
        """Have connections ready."""
        if self._fault is None:
            await self._direct.open()

    async def close(self) -> None:
        """Let go of them."""
        await self._direct.close()

    async def send(
        self, messages: list[dict[str, Any]], parameters: dict[str, Any], *, seconds: float, subject: Subject | None
    ) -> Answer:
        """One attempt."""
        if self._fault is not None:
            raise Failure(self._fault.reason, self._fault.said, sent=False)
        return await self._direct.send(messages, parameters)


class ThroughLiteLLM:
    """Any provider that LiteLLM knows, the built-in models among them."""

    def __init__(self, model: str, *, endpoint: str) -> None:
        """Name the model and the endpoint."""
        self._model, self._endpoint = model, endpoint
        self._told = wire.provider_of(model) in wire.BUILT_IN
        self._held = False

    async def open(self) -> None:
        """Import LiteLLM where it is not yet."""
        await wire.ready()
        if not self._held:
            wire.hold()
            self._held = True

    async def close(self) -> None:
        """Let go of the connections; those of LiteLLM are closed with the last model that uses them."""
        if self._held:
            self._held = False
            await wire.release()

    async def send(
        self, messages: list[dict[str, Any]], parameters: dict[str, Any], *, seconds: float, subject: Subject | None
    ) -> Answer:
        """One attempt; only models that need no network are told what is judged."""
        token = current_subject.set(subject if self._told else None)
        try:
            return await wire.send(
                self._model, messages, endpoint=self._endpoint, seconds=seconds, parameters=parameters
            )
        finally:
            current_subject.reset(token)


class OwnFunction:
    """A user's function in the place of a model."""

    def __init__(self, provider: Provider, name: str) -> None:
        """Keep the function."""
        self._provider, self._name = provider, name

    async def open(self) -> None:
        """Nothing is to be made ready."""

    async def close(self) -> None:
        """Nothing is held."""

    async def send(
        self, messages: list[dict[str, Any]], parameters: dict[str, Any], *, seconds: float, subject: Subject | None
    ) -> Answer:
        """Call it; whatever it raises is that judgement's failure, not the run's."""
        assert subject is not None
        try:
            text = await self._provider(subject)
        except Failure:
            raise
        except Exception as error:
            raise Failure("callable", f"{type(error).__name__}: {error}") from error
        return Answer(text=text, finish_reason="stop", served_model=self._name)

"""What does an attempt at a model bring? An answer, or a failure with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said, and what it took.

    `first_token` holds what its first token might have been, each with the logarithm of its probability, where that was
    asked for and given.
    """

    text: str
    reasoning: str = ""
    tool_calls: tuple[dict[str, Any], ...] = ()
    first_token: tuple[tuple[str, float], ...] = ()
    finish_reason: str = ""
    refusal: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    tokens_reasoning: int | None = None
    cost: float | None = None
    price_source: str = ""
    served_model: str = ""


class Failure(Exception):
    """An attempt that brought no answer.

    Attributes:
        reason: one word for the row: rate_limited, timeout, deadline, server, connection, garbage, bad_request,
            content_filter, context_window, miss, callable, fault; unreachable, auth, quota and not_found mean that no
            call to the model can succeed.
        said: what the server or the library said.
        retry: whether another attempt may help.
        retry_after: seconds that the server asked to wait, None where it did not say.
        parameter: the parameter that was refused, '' for none.
        sent: whether anything went out; the library itself refuses some calls.
    """

    def __init__(
        self,
        reason: str,
        said: str,
        *,
        retry: bool = False,
        retry_after: float | None = None,
        parameter: str = "",
        sent: bool = True,
    ) -> None:
        """Keep what is known of the failure."""
        super().__init__(f"{reason}: {said}")
        self.reason = reason
        self.said = said
        self.retry = retry
        self.retry_after = retry_after
        self.parameter = parameter
        self.sent = sent


def text_of(content: Any) -> str:
    """The text of a message's content; some servers give it in parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""

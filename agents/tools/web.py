"""What does the web say? A search through LiteLLM, by whichever provider a key is there for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from ...store.writer import now
from ...text.errors import BadJudge
from ...text.secrets import known_secrets, without_known
from ..answer import Failure
from ..failures import failure_of
from ..wire import library, ready
from .base import Case, Evidence, Observation, Refused, Tool, ToolLimits
from .evidence import hit

NEEDS: dict[str, tuple[str, ...]] = {
    "brave": ("BRAVE_API_KEY",),
    "dataforseo": ("DATAFORSEO_LOGIN", "DATAFORSEO_PASSWORD"),
    "duckduckgo": (),
    "exa_ai": ("EXA_API_KEY",),
    "firecrawl": ("FIRECRAWL_API_KEY",),
    "google_pse": ("GOOGLE_PSE_API_KEY", "GOOGLE_PSE_ENGINE_ID"),
    "linkup": ("LINKUP_API_KEY",),
    "parallel_ai": ("PARALLEL_AI_API_KEY",),
    "perplexity": ("PERPLEXITYAI_API_KEY",),
    "searchapi": ("SEARCHAPI_API_KEY",),
    "searxng": ("SEARXNG_API_BASE",),
    "serper": ("SERPER_API_KEY",),
    "tavily": ("TAVILY_API_KEY",),
    "you_com": ("YOUCOM_API_KEY",),
}
"""The providers, and which settings of the environment each needs."""

_ATTEMPTS = 4
_AT_ONCE = 5  # searches in flight; providers answer more with 429
_LONGEST = 400  # characters of a query
_TITLE, _LINK = 300, 2000  # characters that are kept


class WebSearch(Tool):
    """Searches the web; what it finds is evidence to be read, and decides nothing by itself."""

    name = "web"
    version = "1"
    description = (
        "Searches the web and brings the pages that fit best, each with an `id` to cite. Use it for facts that the "
        "answers rest on and that may be checked. What is not found is no evidence either way."
    )
    parameters = {
        "type": "object",
        "properties": {
            "query": {"type": "string", "minLength": 1, "maxLength": _LONGEST, "description": "a few telling words"},
            "limit": {"type": "integer", "minimum": 1, "maximum": 10, "description": "at most; 5"},
        },
        "required": ["query"],
        "additionalProperties": False,
    }
    evidence: Evidence = "retrieved"
    limits = ToolLimits(seconds=15.0)

    def __init__(self, provider: str, *, backoff: float = 0.5, patience: float = 7.0) -> None:
        """Search by this provider.

        Args:
            provider: LiteLLM's name of it, one of `NEEDS`.
            backoff: seconds that a first wait takes at most; each further one up to twice as long.
            patience: seconds that one attempt takes at most: the tool's own leave room for a second.
        """
        self.provider, self._patience = provider, patience
        self._waits = wait_random_exponential(multiplier=backoff, max=8.0)
        self._rooms: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()

    @classmethod
    def of(cls, told: str) -> WebSearch:
        """The tool of what stands behind `web:`, a provider's name.

        Raises:
            BadJudge: if there is no such provider.
        """
        if told not in NEEDS:
            said = f"There is no web search by `{told}`." if told else "`web` needs a provider."
            raise BadJudge(said, way_out=f"--tools web:NAME, one of: {', '.join(NEEDS)}")
        return cls(told)

    def ground(self) -> str:
        """The provider: another finds other pages."""
        return self.provider

    async def run(self, arguments: Mapping[str, Any], case: Case) -> Observation:
        """Search.

        Raises:
            Refused: `no_key` or `unknown_provider` where the provider cannot be asked; else why it did not answer.
                Neither says anything of what was searched for.
        """
        for setting in NEEDS[self.provider]:
            if not os.environ.get(setting):
                raise Refused("no_key", f"The search by {self.provider} needs {setting}.", "unavailable")
        await self._known()
        query, limit = arguments["query"], arguments.get("limit", 5)
        try:
            answer = await self._patiently(query, limit)
        except Failure as failure:
            said = "The search did not answer; that is no evidence either way."
            raise Refused(failure.reason, said, "error") from None
        at, secrets = now(), known_secrets()
        hits = [
            hit(
                provider=f"web:{self.provider}",
                ground="",
                rank=rank,
                title=_kept(found.title, secrets)[:_TITLE],
                url=_kept(found.url, secrets)[:_LINK],
                snippet=_kept(found.snippet, secrets),
                query=query,
                retrieved_at=at,
                published=_kept(found.date, secrets)[:_TITLE],
            )
            for rank, found in enumerate(answer.results[:limit], 1)
        ]
        cost = (getattr(answer, "_hidden_params", None) or {}).get("response_cost")
        said = "" if hits else "Nothing was found; that is no evidence either way."
        return Observation("ok", {"hits": hits}, said=said, evidence=self.evidence, cost=cost)

    async def _known(self) -> None:
        """Import LiteLLM, and see whether the one that is there knows the provider: older ones know fewer."""
        await ready()
        from litellm.types.utils import SearchProviders

        if self.provider not in {provider.value for provider in SearchProviders}:
            said = f"This version of LiteLLM knows no search by {self.provider}."
            raise Refused("unknown_provider", said, "unavailable")

    def _room(self) -> asyncio.Semaphore:
        """Where searches wait: one for each event loop, as it belongs to the first that waits in it."""
        return self._rooms.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE))

    async def _patiently(self, query: str, limit: int) -> Any:
        """The provider's answer; again after a wait where it is busy or does not answer."""

        async def attempt() -> Any:
            async with self._room():
                try:
                    async with asyncio.timeout(self._patience):  # LiteLLM's own is not heard where it sends a GET
                        return await library().asearch(
                            query=query,
                            search_provider=self.provider,
                            max_results=limit,
                            timeout=self._patience + 1,
                            num_retries=0,
                            max_retries=0,
                        )
                except TimeoutError:
                    raise Failure("timeout", "no answer in time", retry=True) from None
                except Exception as error:
                    raise failure_of(error) from None

        def wait(state: RetryCallState) -> float:
            failure = state.outcome.exception() if state.outcome is not None else None
            asked = failure.retry_after if isinstance(failure, Failure) and failure.retry_after is not None else 0.0
            return max(asked, self._waits(state))

        return await AsyncRetrying(
            stop=stop_after_attempt(_ATTEMPTS) | stop_before_delay(self.limits.seconds),
            retry=retry_if_exception(lambda error: isinstance(error, Failure) and error.retry),
            wait=wait,
            reraise=True,
        )(attempt)


def _kept(told: Any, secrets: tuple[str, ...]) -> str:
    """What a provider says, without our keys and without halves of signs, which no JSON holds."""
    return without_known(str(told or "").encode("utf-8", "replace").decode(), secrets)

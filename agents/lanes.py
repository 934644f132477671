"""How many calls may be in flight now? Fewer while a provider refuses for its rate limit, and then more again."""

from __future__ import annotations

import asyncio

_TOLERATED = 0.2


class Lanes:
    """A semaphore whose width follows the provider.

    A round is as many answers as there are lanes. Where more than a fifth of them are refusals for rate, as many lanes
    stay open as were served; after a round without any refusal a quarter more open.

    Attributes:
        most: lanes at most.
        width: lanes now, at least 1.
    """

    def __init__(self, most: int) -> None:
        """Begin with all lanes open."""
        self.most = self.width = max(1, most)
        self._permits = asyncio.Semaphore(self.most)
        self._owed = 0
        self._heard = 0
        self._refused = 0

    async def __aenter__(self) -> None:
        """Wait for a lane."""
        await self._permits.acquire()

    async def __aexit__(self, *_: object) -> None:
        """Leave the lane; it closes where there are to be fewer."""
        if self._owed:
            self._owed -= 1
        else:
            self._permits.release()

    def told(self, *, limited: bool) -> None:
        """Count an answer: a refusal for rate, or any other."""
        self._heard += 1
        self._refused += limited
        if self._heard < self.width:
            return
        if self._refused > _TOLERATED * self._heard:
            self._narrow(max(1, self._heard - self._refused))
        elif not self._refused:
            self._widen(min(self.most, self.width + max(1, self.width // 4)))
        self._heard = self._refused = 0

    def _narrow(self, width: int) -> None:
        self._owed += self.width - width
        self.width = width

    def _widen(self, width: int) -> None:
        for _ in range(width - self.width):
            if self._owed:
                self._owed -= 1
            else:
                self._permits.release()
        self.width = width

"""May a call go out now under a limit on requests or tokens a minute? It waits its turn, in the order of asking."""

from __future__ import annotations

import asyncio
import time

_BURST = 5.0  # seconds' worth of the limit that may go out at once after a pause


class Rate:
    """A limit of so many units a minute, spent evenly: a bucket that fills all the time and may go into debt.

    A call takes what it is expected to need and corrects it once that is known.
    """

    def __init__(self, per_minute: float) -> None:
        """Begin with a full bucket."""
        self._per_second = per_minute / 60
        self._most = self._per_second * _BURST
        self._left = self._most
        self._at = time.monotonic()
        self._turn = asyncio.Lock()

    async def take(self, units: float) -> None:
        """Wait until the bucket is not in debt, then take the units."""
        async with self._turn:
            self._fill()
            if self._left <= 0:
                await asyncio.sleep(-self._left / self._per_second)
                self._fill()
            self._left -= units

    def correct(self, units: float) -> None:
        """Take (or give back, where negative) what a call needed beyond what it was expected to."""
        self._left = min(self._most, self._left - units)

    def _fill(self) -> None:
        now = time.monotonic()
        self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now


class Rates:
    """The limits on requests and tokens a minute of one model, either of which may be absent."""

    def __init__(self, *, requests: float | None, tokens: float | None) -> None:
        """Make a bucket for each limit that is given."""
        self._requests = Rate(requests) if requests else None
        self._tokens = Rate(tokens) if tokens else None
        self._answer = 200.0  # tokens of an answer, as far as is known

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return self._requests is not None or self._tokens is not None

    async def take(self, size: int) -> float:
        """Wait for a call's turn; gives how many tokens it was taken to need.

        Args:
            size: bytes of its request.
        """
        expected = size / 4 + self._answer
        if self._requests is not None:
            await self._requests.take(1)
        if self._tokens is not None:
            await self._tokens.take(expected)
        return expected

    def heard(self, expected: float, tokens_in: int | None, tokens_out: int | None) -> None:
        """Correct what a call was taken to need by what it used; where nobody knows, what was expected stands."""
        if self._tokens is None or tokens_in is None:
            return
        out = tokens_out or 0
        self._tokens.correct(tokens_in + out - expected)
        self._answer += 0.05 * (out - self._answer)

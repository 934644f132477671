"""How many calls may be in flight now? Half as many once a provider refuses or slows down, and then more again."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from statistics import median

_SLOWER = 2.0
_HEARD_AT_LEAST = 30
_CLEAN_ROUNDS = 10
_FREE = 3


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the width.

    Attributes:
        at: seconds since the lanes were made.
        width: lanes from then on.
        reason: start, rate_limited, slow, not_ours (the provider is as slow with fewer calls), or grown.
    """

    at: float
    width: int
    reason: str


class _Places:
    """So many places, taken in the order of asking."""

    __slots__ = ("_waiting", "most", "taken")

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        if self.taken < self.most and not self._waiting:
            self.taken += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except BaseException:
            if place.done() and not place.cancelled():  # a place was given in the same moment: hand it on
                self.give_back()
            else:
                place.cancel()
            raise

    def give_back(self) -> None:
        self.taken -= 1
        self._admit()

    def resize(self, most: int) -> None:
        self.most = most
        self._admit()

    def _admit(self) -> None:
        while self.taken < self.most and self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                self.taken += 1
                place.set_result(None)


def _ahead(width: int) -> int:
    """How many calls get ready while all lanes are taken: as many as leave a lane while an intent is written."""
    return 1 + width // 5


class Lanes:
    """A semaphore whose width follows the provider (additive increase, multiplicative decrease).

    A refusal for rate halves the width, once for all calls that were under way when it was halved; so does a median
    latency that has doubled, unless it stays as long with half the calls. A round is as many answers as there are
    lanes. After a round without a refusal the width grows: by a quarter below the number of calls that the provider
    last served beside its refusals, by one above it, and there only after ten rounds, so that the limit is touched
    seldom.

    Attributes:
        most: lanes at most.
        width: lanes now, at least 1.
        changes: how the width changed and has not yet been taken from here; whoever keeps the history does.
    """

    def __init__(self, most: int) -> None:
        """Begin with all lanes open."""
        self.most = self.width = max(1, most)
        self.changes: list[Change] = [Change(0.0, self.width, "start")]
        self._lanes = _Places(self.width)
        self._near = _Places(self.width + _ahead(self.width))
        self._began = time.monotonic()
        self._epoch = 0
        self._heard = 0
        self._clean = 0
        self._served: int | None = None  # how many calls the provider served while it refused others
        self._above = 0
        self._latencies: list[float] = []
        self._usual: float | None = None
        self._before: tuple[int, float] | None = None  # width and latency before a cut for slowness

    @property
    def inside(self) -> int:
        """Lanes taken now."""
        return self._lanes.taken

    async def come_near(self) -> None:
        """Wait until a lane will soon be free: a few more may be near than there are lanes, to get ready."""
        await self._near.take()

    def go_away(self) -> None:
        """Be near no longer, with a lane or without."""
        self._near.give_back()

    async def enter(self) -> int:
        """Wait for a lane; gives what `told` needs to know when its call was sent."""
        await self._lanes.take()
        return self._epoch

    def leave(self) -> None:
        """Leave the lane; the next in line takes it, unless it closes."""
        self._lanes.give_back()

    def told(self, epoch: int, *, limited: bool, latency: float | None = None) -> None:
        """Count what came of a call that is still in its lane.

        Args:
            epoch: what `enter` gave.
            limited: whether it was refused for rate.
            latency: seconds until its answer, None where it brought none.
        """
        if limited:
            beside = max(1, self.inside - 1)
            self._served = beside if epoch == self._epoch or self._served is None else min(self._served, beside)
            if epoch == self._epoch:
                self._set(max(1, self.width // 2), "rate_limited")
            self._heard = self._clean = self._above = 0
            return
        if epoch != self._epoch:
            return
        self._heard += 1
        if latency is not None:
            self._latencies.append(latency)
            if len(self._latencies) >= max(self.width, _HEARD_AT_LEAST) and self._judge_latency():
                return
        if self._heard >= self.width:
            self._heard = 0
            self._clean += 1
            self._grow()

    def _grow(self) -> None:
        if self.width >= self.most:
            return
        if self._served is None or self.width < self._served:
            bound = self.most if self._served is None else min(self.most, self._served)
            self._set(min(bound, self.width + max(1, self.width // 4)), "grown")
        elif self._clean >= (_CLEAN_ROUNDS if not self._above else 1):
            self._above += 1
            self._served = None if self._above >= _FREE else self.width + 1  # the limit has moved
            self._set(self.width + 1, "grown")

    def _judge_latency(self) -> bool:
        """Compare the last answers' latency with the usual; says whether the width was cut."""
        now, self._latencies = median(self._latencies), []
        if self._before is not None:
            width, then = self._before
            self._before = None
            if now > 0.8 * then and width > self.width:  # as slow with half the calls: the cause is elsewhere
                self._usual = now
                self._set(width, "not_ours")
                return False
        if self._usual is not None and now > _SLOWER * self._usual and self.width > 1:
            self._before = (self.width, now)
            self._set(max(1, self.width // 2), "slow")
            self._heard = self._clean = 0
            return True
        self._usual = now if self._usual is None else 0.8 * self._usual + 0.2 * now
        return False

    def _set(self, width: int, reason: str) -> None:
        if width < self.width:
            self._epoch += 1
            self._latencies = []
        if width == self.width:
            return
        self._clean = 0
        self.width = width
        self.changes.append(Change(round(time.monotonic() - self._began, 3), width, reason))
        self._lanes.resize(width)
        self._near.resize(width + _ahead(width))

"""How many calls may be in flight while a provider refuses for its rate limit, or slows down?"""

from __future__ import annotations

import asyncio
import heapq
import random

import pytest
from hypothesis import given, strategies as st

from plurijudge.agents.lanes import Lanes


async def enter(lanes: Lanes, n: int) -> list[int]:
    return [await lanes.enter() for _ in range(n)]


async def full(most: int) -> tuple[Lanes, list[int]]:
    lanes = Lanes(most)
    return lanes, await enter(lanes, most)


async def round_of(lanes: Lanes, latency: float | None = None) -> None:
    """As many answers as there are lanes, none refused."""
    for _ in range(lanes.width):
        epoch = await lanes.enter()
        lanes.told(epoch, limited=False, latency=latency)
        lanes.leave()


def test_a_burst_of_refusals_halves_the_width_once() -> None:
    async def work() -> tuple[int, int]:
        lanes, epochs = await full(16)
        for epoch in epochs[:10]:
            lanes.told(epoch, limited=True)
            lanes.leave()
        return lanes.width, lanes.inside

    assert asyncio.run(work()) == (8, 6)


def test_calls_sent_after_the_cut_may_cut_again() -> None:
    async def work() -> list[int]:
        lanes = Lanes(16)
        widths = []
        for _ in range(6):
            epoch = await lanes.enter()
            lanes.told(epoch, limited=True)
            lanes.leave()
            widths.append(lanes.width)
        return widths

    assert asyncio.run(work()) == [8, 4, 2, 1, 1, 1]


def test_the_width_grows_slowly_above_what_was_served_until_the_limit_has_moved() -> None:
    async def work() -> list[int]:
        lanes, epochs = await full(50)
        for epoch in epochs[20:]:  # twenty are being served
            lanes.told(epoch, limited=True)
            lanes.leave()
        for epoch in epochs[:20]:
            lanes.told(epoch, limited=False)
            lanes.leave()
        widths = [lanes.width]
        for _ in range(40):
            before = lanes.width
            await round_of(lanes)
            if lanes.width != before:
                widths.append(lanes.width)
        return widths

    assert asyncio.run(work()) == [25, 26, 27, 28, 35, 43, 50]


def test_the_width_comes_back_quickly_to_what_was_served() -> None:
    async def work() -> list[int]:
        lanes, epochs = await full(50)
        for epoch in epochs[20:]:  # twenty are being served
            lanes.told(epoch, limited=True)
            lanes.leave()
        lanes.told(await lanes.enter(), limited=True)
        lanes.leave()
        for _ in range(20):
            lanes.leave()
        widths = [lanes.width]
        for _ in range(9):
            await round_of(lanes)
            widths.append(lanes.width)
        return widths

    assert asyncio.run(work()) == [12, 15, 18, 20, 20, 20, 20, 20, 20, 20]


def test_waiting_calls_get_in_in_their_order_once_lanes_open() -> None:
    async def work() -> tuple[list[int], int]:
        lanes, epochs = await full(4)
        got: list[int] = []

        async def go(number: int) -> None:
            await lanes.enter()
            got.append(number)

        tasks = [asyncio.create_task(go(n)) for n in range(6)]
        await asyncio.sleep(0)
        lanes.told(epochs[0], limited=True)  # two lanes from now on
        for _ in range(3):
            lanes.leave()
        await asyncio.sleep(0)
        inside = lanes.inside
        lanes.leave()
        lanes.leave()
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return got, inside

    got, inside = asyncio.run(work())
    assert got == [0, 1, 2] and inside == 2


def test_a_call_that_is_cancelled_while_it_waits_takes_no_lane() -> None:
    async def work() -> tuple[int, int]:
        lanes, _ = await full(1)
        waiting = asyncio.create_task(lanes.enter())
        other = asyncio.create_task(lanes.enter())
        await asyncio.sleep(0)
        lanes.leave()  # the lane is given to `waiting`, which is cancelled in the same moment
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await other
        inside = lanes.inside
        lanes.leave()
        return inside, lanes.inside

    assert asyncio.run(work()) == (1, 0)


def test_a_doubled_latency_halves_the_width_and_a_cause_elsewhere_gives_it_back() -> None:
    async def work() -> list[tuple[int, str]]:
        lanes = Lanes(40)
        for latency in (1.0, 1.0, 2.5):
            await round_of(lanes, latency)
        for _ in range(2):  # thirty answers at half the width: as slow as before
            await round_of(lanes, 2.5)
        return [(change.width, change.reason) for change in lanes.changes]

    assert asyncio.run(work()) == [(40, "start"), (20, "slow"), (25, "grown"), (40, "not_ours")]


def test_a_latency_that_falls_with_the_width_keeps_it_narrow_for_a_while() -> None:
    async def work() -> list[str]:
        lanes = Lanes(40)
        for latency in (1.0, 1.0, 2.5):
            await round_of(lanes, latency)
        for _ in range(3):
            await round_of(lanes, 1.1)
        return [change.reason for change in lanes.changes]

    reasons = asyncio.run(work())
    assert reasons[:2] == ["start", "slow"] and "not_ours" not in reasons


def test_latencies_with_a_heavy_tail_are_no_slowness() -> None:
    async def work() -> int:
        draws = random.Random(7)
        lanes = Lanes(50)
        for _ in range(400):
            for _ in range(lanes.width):
                epoch = await lanes.enter()
                lanes.told(epoch, limited=False, latency=draws.lognormvariate(0.7, 1.0))
                lanes.leave()
        return sum(change.reason == "slow" for change in lanes.changes)

    assert asyncio.run(work()) == 0


def simulated(limit: int, *, most: int, calls: int) -> float:
    """Time that so many calls of length 1 take at a server that refuses above its limit, over the least possible."""

    async def work() -> float:
        lanes, now, left = Lanes(most), 0.0, calls
        busy: list[tuple[float, int]] = []
        serving = 0
        while left or busy:
            while left and lanes.inside < lanes.width:
                epoch = await lanes.enter()
                if serving < limit:
                    serving += 1
                    left -= 1
                    heapq.heappush(busy, (now + 1.0, epoch))
                else:
                    lanes.told(epoch, limited=True)
                    lanes.leave()
                    now += 0.001
            now, epoch = heapq.heappop(busy)
            serving -= 1
            lanes.told(epoch, limited=False, latency=1.0)
            lanes.leave()
        return now / (calls / limit)

    return asyncio.run(work())


@pytest.mark.parametrize("limit", [5, 20, 45])
def test_a_limit_of_the_provider_s_is_used_almost_wholly(limit: int) -> None:
    assert simulated(limit, most=50, calls=3000) < 1.25


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=300), st.integers(1, 30))
def test_there_is_always_a_lane_and_never_too_many(told: list[tuple[bool, bool]], most: int) -> None:
    async def work() -> None:
        lanes = Lanes(most)
        inside: list[int] = []
        for come, limited in told:
            if come and lanes.inside < lanes.width:
                inside.append(await lanes.enter())
            elif inside:
                lanes.told(inside.pop(), limited=limited, latency=1.0)
                lanes.leave()
            assert 1 <= lanes.width <= most and lanes.inside == len(inside)

    asyncio.run(work())

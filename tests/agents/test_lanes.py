"""How many calls may be in flight while a provider refuses for its rate limit?"""

from __future__ import annotations

import asyncio

import pytest

from plurijudge.agents.lanes import Lanes


def told(lanes: Lanes, *, refused: int, served: int) -> None:
    for limited in [True] * refused + [False] * served:
        lanes.told(limited=limited)


async def open_now(lanes: Lanes) -> int:
    """How many get in at once."""
    inside, leave = 0, asyncio.Event()

    async def go() -> None:
        nonlocal inside
        async with lanes:
            inside += 1
            await leave.wait()

    tasks = [asyncio.create_task(go()) for _ in range(lanes.most + 5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    count = inside
    leave.set()
    await asyncio.gather(*tasks)
    return count


@pytest.mark.parametrize(("refused", "width"), [(0, 16), (1, 16), (3, 16), (4, 12), (12, 4), (16, 1)])
def test_as_many_lanes_stay_open_as_were_served(refused: int, width: int) -> None:
    lanes = Lanes(16)
    told(lanes, refused=refused, served=16 - refused)
    assert lanes.width == width


def test_lanes_open_again_round_by_round_and_never_too_many() -> None:
    lanes = Lanes(8)
    told(lanes, refused=8, served=0)
    widths = []
    for _ in range(8):
        told(lanes, refused=0, served=lanes.width)
        widths.append(lanes.width)
    assert widths == [2, 3, 4, 5, 6, 7, 8, 8]


def test_the_width_is_how_many_get_in() -> None:
    async def work() -> list[int]:
        lanes = Lanes(8)
        counts = [await open_now(lanes)]
        told(lanes, refused=5, served=3)
        await open_now(lanes)  # those that were let in before leave first, and close their lanes behind them
        counts.append(await open_now(lanes))
        told(lanes, refused=0, served=3)
        counts.append(await open_now(lanes))
        return counts

    assert asyncio.run(work()) == [8, 3, 4]


def test_there_is_always_one_lane() -> None:
    lanes = Lanes(1)
    told(lanes, refused=5, served=0)
    assert lanes.width == 1
    assert asyncio.run(open_now(lanes)) == 1

"""Are limits on requests and tokens a minute kept to, and used up? On a loop whose time is virtual."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from plurijudge.agents.rates import Rate, Rates

T = TypeVar("T")


class Hurried(asyncio.SelectorEventLoop):
    """An event loop that never waits: where nothing is ready its time leaps to the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now = max(self.now, self._scheduled[0]._when)  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


class Clock:
    """What `rates` takes for `time`: the running loop's."""

    @staticmethod
    def monotonic() -> float:
        return asyncio.get_running_loop().time()


@pytest.fixture(autouse=True)
def virtual_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plurijudge.agents.rates.time", Clock)


def run(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=Hurried) as runner:
        return runner.run(work)


def now() -> float:
    return Clock.monotonic() - 1000.0


async def taken(rate: Rate, units: float, times: int) -> list[float]:
    """When each of so many takes, one after the other, came through."""
    at = []
    for _ in range(times):
        await rate.take(units)
        at.append(round(now(), 6))
    return at


def test_behind_a_burst_of_five_seconds_worth_calls_go_out_evenly() -> None:
    async def work() -> list[float]:
        return await taken(Rate(120), 1, 40)

    at = run(work())
    assert at[:11] == [0.0] * 11  # ten units in the bucket, and one on credit
    assert at[11:] == pytest.approx([0.5 * n for n in range(1, 30)])


def test_a_pause_saves_up_no_more_than_a_burst() -> None:
    async def work() -> list[float]:
        rate = Rate(60)
        await taken(rate, 1, 6)
        await asyncio.sleep(3600)
        return await taken(rate, 1, 8)

    at = run(work())
    assert [t - at[0] for t in at] == pytest.approx([0] * 6 + [1, 2])


def test_a_call_larger_than_the_bucket_goes_out_and_the_next_pays_for_it() -> None:
    async def work() -> list[float]:
        return await taken(Rate(60), 100, 3)

    assert run(work()) == pytest.approx([0, 95, 195])


def test_what_a_call_did_not_need_is_given_back_and_what_it_needed_more_is_owed() -> None:
    async def work(correction: float) -> float:
        rate = Rate(60)
        await rate.take(15)
        rate.correct(correction)
        await rate.take(1)
        return now()

    assert run(work(0)) == pytest.approx(10)
    assert run(work(-5)) == pytest.approx(5)
    assert run(work(20)) == pytest.approx(30)
    assert run(work(-14)) == 0


def test_nothing_given_back_fills_the_bucket_beyond_its_brim() -> None:
    async def work() -> list[float]:
        rate = Rate(60)
        rate.correct(-1000)
        return await taken(rate, 1, 8)

    assert run(work()) == pytest.approx([0] * 6 + [1, 2])


def test_calls_go_out_in_the_order_in_which_they_asked_large_or_small() -> None:
    async def work() -> tuple[list[int], list[float]]:
        rate = Rate(60)
        order: list[int] = []
        at: list[float] = []

        async def call(number: int) -> None:
            await rate.take(50 if number % 7 == 0 else 0.5)
            order.append(number)
            at.append(now())

        await asyncio.gather(*(call(number) for number in range(30)))
        return order, at

    order, at = run(work())
    assert order == list(range(30))
    assert at == sorted(at) and at[-1] > 200


def test_who_gives_up_waiting_keeps_nobody_from_their_turn() -> None:
    async def work() -> float:
        rate = Rate(60)
        await rate.take(65)
        gone = [asyncio.create_task(rate.take(1000)) for _ in range(3)]
        last = asyncio.create_task(rate.take(1))
        await asyncio.sleep(1)
        for task in gone:
            task.cancel()
        await last
        return now()

    assert run(work()) == pytest.approx(60)


async def served(*, requests: float | None, tokens: float | None, seed: int) -> list[tuple[float, float]]:
    """When each call of a busy run went out, and how many tokens it used: long and short ones, some of which fail."""
    rates, drawn, seconds = Rates(requests=requests, tokens=tokens), random.Random(seed), 600
    sent: list[tuple[float, float]] = []

    async def worker() -> None:
        while now() < seconds:
            size = drawn.randrange(400, 12_000)
            expected = await rates.take(size)
            read, said = size // drawn.choice([3, 4, 5]), int(drawn.lognormvariate(5, 0.8))
            sent.append((now(), float(read + said)))
            await asyncio.sleep(drawn.lognormvariate(0.7, 0.7))
            rates.heard(expected, read, said)

    await asyncio.gather(*(worker() for _ in range(60)))
    return [(at, units) for at, units in sent if at < seconds]


@pytest.mark.parametrize("seed", range(5))
def test_a_limit_on_requests_is_kept_to_and_used_up(seed: int) -> None:
    sent = run(served(requests=600, tokens=None, seed=seed))
    assert 0.99 < len(sent) / 6000 < 1.02
    minutes = [sum(start <= at < start + 60 for at, _ in sent) for start in range(0, 540, 7)]
    assert max(minutes) <= 600 + 51 and min(minutes) >= 590


@pytest.mark.parametrize("seed", range(5))
def test_a_limit_on_tokens_is_kept_to_and_used_up_though_no_call_knows_what_it_will_need(seed: int) -> None:
    sent = run(served(requests=None, tokens=300_000, seed=seed))
    used = sum(units for _, units in sent) / 3_000_000
    assert 0.97 < used < 1.03
    minutes = [sum(units for at, units in sent if start <= at < start + 60) for start in range(0, 540, 7)]
    assert max(minutes) <= 300_000 * 1.2 and min(minutes) >= 300_000 * 0.85


def test_of_two_limits_the_narrower_one_holds() -> None:
    async def work(requests: float, tokens: float) -> float:
        rates = Rates(requests=requests, tokens=tokens)
        for _ in range(100):
            rates.heard(await rates.take(4000), 1000, 200)
        return now()

    narrow = run(work(60, 10_000_000))
    assert narrow == pytest.approx(94)
    assert run(work(6000, 60_000)) == pytest.approx(100 * 1200 / 1000 - 6, abs=2)


def test_the_length_of_answers_is_learnt() -> None:
    async def work() -> tuple[float, float]:
        rates = Rates(requests=None, tokens=1_000_000)
        first = await rates.take(400)
        for _ in range(200):
            rates.heard(300.0, 100, 1000)
        return first, await rates.take(400)

    first, later = run(work())
    assert first == 300
    assert later == pytest.approx(1100, rel=0.01)


def test_a_call_of_which_nothing_is_known_counts_as_it_was_expected_to() -> None:
    async def work(heard: bool) -> float:
        rates = Rates(requests=None, tokens=60_000)
        expected = await rates.take(80_000)
        if heard:
            rates.heard(expected, 1_000, None)
        else:
            rates.heard(expected, None, None)
        await rates.take(4)
        return now()

    assert run(work(False)) == pytest.approx((20_200 - 5_000) / 1000)
    assert run(work(True)) == 0


def test_without_limits_nobody_waits() -> None:
    async def work() -> float:
        rates = Rates(requests=None, tokens=None)
        assert not rates.limited
        assert Rates(requests=1, tokens=None).limited and Rates(requests=None, tokens=1).limited
        for _ in range(1000):
            rates.heard(await rates.take(10**6), 10**6, 10**6)
        return now()

    assert run(work()) == 0

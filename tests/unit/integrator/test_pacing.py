import asyncio

import pytest

from daemon.integrator.pacing import Pacer
from tests.fakes import FakeTime


def pacer(time: FakeTime, *, jitter_s: float = 0.25, requests_per_s: float = 1000.0) -> Pacer:
    return Pacer(requests_per_s=requests_per_s, random=lambda: jitter_s, clock=time.clock, sleep=time.sleep)


async def test_an_open_gate_lets_everything_through() -> None:
    time = FakeTime()
    await pacer(time).turn()
    assert time.slept_s == []


async def test_a_shut_gate_opens_after_the_wait_and_the_jitter() -> None:
    time = FakeTime()
    gate = pacer(time)
    gate.shut(7.0)
    await gate.turn()
    assert time.slept_s == [7.25]
    assert gate.throttled_s == 7.25


async def test_a_shut_gate_stops_every_request_of_the_account() -> None:
    time = FakeTime()
    gate = pacer(time)
    gate.shut(7.0)
    await asyncio.gather(*(gate.turn() for _ in range(3)))
    assert time.now_s == 1007.25


async def test_a_shorter_wait_does_not_open_the_gate_early() -> None:
    time = FakeTime()
    gate = pacer(time)
    gate.shut(7.0)
    gate.shut(1.0)
    await gate.turn()
    assert time.slept_s == [7.25]
    assert gate.throttled_s == 7.25


async def test_a_gate_that_is_shut_again_while_one_waits_keeps_it_waiting() -> None:
    time = FakeTime()
    gate = pacer(time)

    async def sleep(for_s: float) -> None:
        await time.sleep(for_s)
        if len(time.slept_s) == 1:
            gate.shut(5.0)

    gate.sleep = sleep
    gate.shut(7.0)
    await gate.turn()
    assert time.slept_s == [7.25, 5.25]
    assert gate.throttled_s == 12.5


async def test_no_more_than_the_rate_pass_at_once() -> None:
    gate = pacer(FakeTime(), requests_per_s=3.0)
    waiting = [asyncio.ensure_future(gate.turn()) for _ in range(5)]
    await asyncio.sleep(0)
    assert [turn.done() for turn in waiting] == [True, True, True, False, False]
    for turn in waiting:
        turn.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


@pytest.mark.parametrize("requests_per_s", [0.1, 0.5, 1.0])
async def test_less_than_one_request_a_second_is_possible(requests_per_s: float) -> None:
    gate = pacer(FakeTime(), requests_per_s=requests_per_s)
    await gate.turn()
    waiting = asyncio.ensure_future(gate.turn())
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

"""The schedule: what happens to it when the clock is set."""

import asyncio
from datetime import datetime, timedelta

import pytest

from daemon.scheduler import Schedule
from tests.fakes import FakeClock

MINUTE = timedelta(minutes=1)


async def next_run(clock: FakeClock, shift: timedelta, *, first: timedelta = MINUTE) -> timedelta:
    """Plan a job for each minute, shift the clock, let the schedule look at it once; return when the job runs then."""
    schedule = Schedule()

    async def nothing() -> None:
        return None

    async def once(_: float) -> None:
        if looks:
            raise asyncio.CancelledError
        looks.append(clock.now())

    looks: list[object] = []
    schedule.every(MINUTE, "job", nothing, first=clock.now() + first)
    schedule.scheduler.start(paused=True)
    clock.pass_by(shift)
    with pytest.raises(asyncio.CancelledError):
        await schedule.keep_time(clock.now, sleep=once)
    (job,) = schedule.scheduler.get_jobs()
    schedule.close()
    moment: datetime = job.next_run_time
    return moment - clock.now()


@pytest.mark.parametrize("back", [timedelta(minutes=2), timedelta(hours=8), timedelta(days=30)], ids=str)
async def test_a_clock_that_is_set_back_puts_no_job_off(back: timedelta) -> None:
    assert await next_run(FakeClock(), -back) == timedelta(0)


@pytest.mark.parametrize("shift", [timedelta(0), -timedelta(seconds=30), timedelta(seconds=30)], ids=str)
async def test_a_job_that_is_to_run_soon_keeps_its_time(shift: timedelta) -> None:
    assert await next_run(FakeClock(), shift) == MINUTE - shift

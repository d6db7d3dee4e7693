"""The schedule: what happens to it when the clock is set."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.events import EVENT_JOB_MAX_INSTANCES

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


async def test_a_job_that_takes_longer_than_its_interval_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    schedule, missed = Schedule(), asyncio.Event()

    async def hang() -> None:
        await missed.wait()

    schedule.scheduler.add_listener(lambda _: missed.set(), EVENT_JOB_MAX_INSTANCES)
    schedule.every(timedelta(milliseconds=10), "job", hang, first=datetime.now(UTC))
    schedule.start()
    await asyncio.wait_for(missed.wait(), timeout=30)
    logging.getLogger("apscheduler.scheduler").warning("the job store is away")
    schedule.close()

    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "the job store is away"
    ]

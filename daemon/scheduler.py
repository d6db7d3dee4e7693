"""The schedule: what runs how often. The only importer of APScheduler.

Every job has one instance at a time; runs that were missed while it was busy are one run; a little jitter keeps accounts
from asking the platform at the same moment.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

JITTER = 0.1
"""The share of an interval by which a run may be early or late."""

LOOK_AT_CLOCK_S = 10.0
"""How often it is seen whether the clock was set back; runs are put off by that much at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Run coroutines at intervals on the running event loop."""

    scheduler: AsyncIOScheduler = field(
        default_factory=lambda: AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
    )

    def every(self, interval: timedelta, name: str, run: Callable[[], Awaitable[object]], *, first: datetime) -> None:
        """Run *run* at *first* and then about every *interval*."""
        interval_s = interval.total_seconds()
        self.scheduler.add_job(
            run, "interval", seconds=interval_s, jitter=interval_s * JITTER, id=name, name=name, next_run_time=first
        )

    def start(self) -> None:
        """Begin; needs a running event loop."""
        logging.getLogger("apscheduler.scheduler").addFilter(_is_news)
        self.scheduler.start()

    async def keep_time(
        self, now: Callable[[], datetime], *, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        """Let no clock that was ahead and is put right keep a job from running; go on until cancelled.

        APScheduler waits for the moment of the next run, hours or days where the clock was set back as far.
        """
        while True:
            await sleep(LOOK_AT_CLOCK_S)
            for job in self.scheduler.get_jobs():
                moment = now()
                if job.next_run_time > moment + 2 * job.trigger.interval:
                    job.modify(next_run_time=moment)

    def pause(self) -> None:
        """Begin nothing more; what runs goes on."""
        self.scheduler.pause()

    def close(self) -> None:
        """End; APScheduler cancels what still runs, so pause and wait for it first."""
        self.scheduler.shutdown(wait=False)


def _is_news(record: logging.LogRecord) -> bool:
    """Tell whether APScheduler says anything but that a job still runs, which it does each time while the network is away."""
    return "maximum number of running instances" not in str(record.msg)

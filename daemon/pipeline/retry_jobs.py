"""Retry jobs of a step, each read until it has ended: a list of a whole day's is long, and what has ended stays as it is.

Where an error stays listed until its job reaches it, only these jobs tell that somebody is retrying it (P1), and which
errors came out of the retries of others (P2).
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from daemon.core.records import Job, Step, StepRef

LISTED_LATE = timedelta(minutes=5)
"""How long after a newer one a job may be listed for the first time."""

KEPT = timedelta(days=2)
"""How long before the newest a job is kept in mind; who asks for older ones, or for much newer ones, reads the whole list."""


class JobLister(Protocol):
    """The one client call that this needs."""

    async def retry_jobs(self, step: Step, *, since: datetime) -> list[Job]:
        """Return the step's retry jobs created since then."""


class Claims(Protocol):
    """What is asked of the journal."""

    async def claimed_jobs(self, ref: StepRef, job_ids: Collection[str]) -> set[str]:
        """Return those of the jobs that entries of the journal are known to have started."""


@dataclass(slots=True, kw_only=True)
class _Known:
    """The jobs of a step created from *since* on, but for ours that have ended; *newest* is when the last was created.

    *waiting* is when those were created of which it is not known when they ended: a list may have left one out.
    """

    since: datetime
    newest: datetime | None = None
    jobs: dict[str, Job] = field(default_factory=dict)
    waiting: dict[str, datetime | None] = field(default_factory=dict)

    def begin(self) -> datetime:
        """Return from when on the list can say anything new."""
        if self.newest is None:
            return self.since
        waiting = [created or self.since for created in self.waiting.values()]
        return max(self.since, min([*waiting, self.newest]) - LISTED_LATE)

    def take(self, listed: list[Job], asked: datetime) -> None:
        """Take over what a list shows that was *asked* for then: what has ended stays, whatever is listed.

        No job is newer than that. By the platform's clock, because ours may be ahead; but one of theirs may be, too.
        """
        ended = {job_id: job for job_id, job in self.jobs.items() if job.ended and job.created_at}
        self.jobs = ended | {job.job_id: job for job in listed}
        waiting = self.waiting | {job.job_id: job.created_at for job in listed}
        over = {job.job_id for job in listed if job.ended and job.ended_at}
        self.waiting = {job_id: created for job_id, created in waiting.items() if job_id not in over}
        created = [min(job.created_at, asked) for job in listed if job.created_at]
        self.newest = max([*created, self.newest] if self.newest else created, default=None)

    def forget(self, claimed: Collection[str]) -> None:
        """Forget what nobody will ask for: jobs of ours that have ended, and old ones."""
        if self.newest is not None:
            self.since = max(self.since, self.newest - KEPT)
        self.jobs = {
            job_id: job
            for job_id, job in self.jobs.items()
            if not (job.ended and job_id in claimed) and (job.created_at or self.since) >= self.since
        }
        self.waiting = {each: at for each, at in self.waiting.items() if (at or self.since) >= self.since}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryJobs:
    """The retry jobs of one account's steps."""

    client: JobLister
    claims: Claims
    now: Callable[[], datetime]
    known: dict[StepRef, _Known] = field(default_factory=dict)

    async def at_work(self, step: Step, *, since: datetime) -> list[Job]:
        """Return the jobs created since then that have not ended, whoever started them."""
        return [job for job in (await self._read(step, since))[0] if not job.ended]

    async def others(self, step: Step, *, since: datetime) -> list[Job]:
        """Return the jobs created since then that no entry of the journal is known to have started."""
        jobs, claimed = await self._read(step, since)
        return [job for job in jobs if job.job_id not in claimed]

    async def _read(self, step: Step, since: datetime) -> tuple[list[Job], set[str]]:
        known = self.known.get(step.ref)
        if known is None or known.newest is None or not known.since <= since <= known.newest + KEPT:
            known = _Known(since=since)
        asked = self.now()
        known.take(await self.client.retry_jobs(step, since=known.begin()), asked)
        self.known[step.ref] = known
        claimed = await self.claims.claimed_jobs(step.ref, list(known.jobs))
        found = [job for job in known.jobs.values() if (job.created_at or since) >= since]
        known.forget(claimed)
        return found, claimed

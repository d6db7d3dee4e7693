"""Started: find the retry job behind an entry of the journal, also where the answer that named it was lost (P1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from daemon.core.batches import Written
from daemon.core.continuity import CLOCK_SLACK, LONGEST_POST, may_have_started
from daemon.core.exceptions import RefusedError
from daemon.core.records import Job, Step, StepRef
from daemon.pipeline.retry_jobs import Claims, JobLister
from daemon.pipeline.survey import token_refused


class JobReader(JobLister, Protocol):
    """The reads that tell what became of a retry."""

    async def job(self, job_id: str) -> Job:
        """Return one job as it is now."""


class JobStore(Claims, Protocol):
    """What finding a job asks of the store."""

    async def accepted(self, batch_id: int, job_id: str, now: datetime) -> None:
        """Note that the platform took the batch."""

    async def jobless(self, ref: StepRef, since: datetime) -> Sequence[datetime]:
        """Return when the retries of the step were written down since then that may have started a job unknown to us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedJobs:
    """The retry jobs that this account's own user has started."""

    client: JobReader
    store: JobStore
    user_id: str

    async def job(self, job_id: str) -> Job | None:
        """Return one job, None where it is not there (any more) or the answer is about another."""
        try:
            job = await self.client.job(job_id)
        except RefusedError as refused:
            if token_refused(refused):
                raise
            return None
        return job if job.job_id == job_id else None

    async def known(self, step: Step, entries: Sequence[Written]) -> dict[str, Job]:
        """Return, by id, the jobs that *entries* name, but for those that are not there (any more).

        Several are asked for in one list of the step's jobs; what that does not show is asked for by itself.
        """
        wanted = {entry.job_id: entry.intended_at for entry in entries if entry.job_id}
        found: dict[str, Job] = {}
        if len(wanted) > 1:
            listed = await self.client.retry_jobs(step, since=min(wanted.values()) - CLOCK_SLACK)
            found = {job.job_id: job for job in listed if job.job_id in wanted}
        for job_id in [each for each in wanted if each not in found]:
            if (job := await self.job(job_id)) is not None:
                found[job_id] = job
        return found

    async def adopt(self, step: Step, entry: Written, now: datetime) -> str:
        """Look for the one job that a retry without an answer must have started; return its id, "" where there is none.

        Only a single job of our own user that no other entry can have started will do, once it has ended, and only if
        it counted as many records as were sent. That there is none proves nothing: the API document does not say how
        soon after a POST its job is listed, and calls a retry safely "not sent" only where no byte of it left. So what
        is never found is unknown in the end, however many whole lists did not show it, and a person looks.
        """
        jobs = await self.client.retry_jobs(step, since=entry.intended_at - CLOCK_SLACK)
        claimed = await self.store.claimed_jobs(step.ref, [job.job_id for job in jobs])
        # a job that does not say who started it may be ours: with a second one beside it neither is taken
        free = [job for job in jobs if job.job_id not in claimed and job.triggered_by in ("", self.user_id)]
        if len(free) != 1 or not free[0].ended or free[0].num_success + free[0].num_error != entry.sent:
            return ""
        job = free[0]
        since = (job.created_at or entry.intended_at) - LONGEST_POST - CLOCK_SLACK
        lost = [at for at in await self.store.jobless(step.ref, since) if may_have_started(at, job)]
        if lost != [entry.intended_at]:
            return ""
        await self.store.accepted(entry.batch_id, job.job_id, now)
        return job.job_id

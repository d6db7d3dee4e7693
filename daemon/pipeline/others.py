"""Others: which errors came out of retries that were not ours, made by people or by the platform (P2).

The platform keeps no count of retries. An error may name the job that it came out of, or no job, or the run in which its
record failed at first; so where it does not tell, the retry jobs at work when it occurred do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from daemon.core.exceptions import ProtocolError, RefusedError
from daemon.core.records import ErrorRecord, Job, Step
from daemon.pipeline.retry_jobs import Claims, RetryJobs
from daemon.pipeline.survey import token_refused

LONGEST_JOB = timedelta(days=1)
"""How long before an error the retry job may have been created that it came out of."""

LATE = timedelta(minutes=1)
"""How long after a retry job's end its last error may be dated."""

RETRY = "retry"


class JobReader(Protocol):
    """The one client call that this needs."""

    async def job(self, job_id: str) -> Job:
        """Return one job of any type."""


@dataclass(slots=True, kw_only=True)
class OthersRetries:
    """The retries of others on one step, asked for once, and only if an error may have come out of one.

    *since* is when the oldest error occurred that will be asked about.
    """

    step: Step
    since: datetime
    client: JobReader
    retries: RetryJobs
    claims: Claims
    jobs: Mapping[str, Job] | None = None
    ours: dict[str, bool] = field(default_factory=dict)
    runs: dict[str, Job | None] = field(default_factory=dict)

    async def made(self, record: ErrorRecord) -> bool:
        """Tell whether the error came out of a retry job that no entry of the journal has started."""
        if self.jobs is None:
            self.jobs = await self._read()
        job_id, at = record.flow_job_id, record.occurred_at
        if job_id in self.jobs:
            return True
        if at is None or not any(job.at_work(at, late=LATE) for job in self.jobs.values()):
            return False
        if not job_id:
            return True
        if job_id not in self.ours:
            self.ours[job_id] = bool(await self.claims.claimed_jobs(self.step.ref, [job_id]))
        return not self.ours[job_id] and not await self._of_run(job_id, at)

    async def _read(self) -> dict[str, Job]:
        try:
            jobs = await self.retries.others(self.step, since=self.since - LONGEST_JOB)
        except (RefusedError, ProtocolError) as refused:
            if token_refused(refused):
                raise
            return {}  # jobs are closed to us: nothing can be retried either, so there is nothing to be counted for
        return {job.job_id: job for job in jobs}

    async def _of_run(self, job_id: str, at: datetime) -> bool:
        """Tell whether an error came out of the run that it names; what occurred after its end came out of a retry."""
        run = await self._run(job_id)
        return run is not None and run.type != RETRY and run.at_work(at)

    async def _run(self, job_id: str) -> Job | None:
        if job_id not in self.runs:
            try:
                self.runs[job_id] = await self.client.job(job_id)
            except (RefusedError, ProtocolError) as refused:
                if token_refused(refused):
                    raise
                self.runs[job_id] = None  # not there any more
        return self.runs[job_id]

"""Continuity: what tells a store that knows all that was sent from one that was put back from an old backup."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.core.records import Job

CLOCK_SLACK = timedelta(minutes=2)
"""How far the platform's clock may be off ours when its jobs are compared with the journal."""

LONGEST_POST = timedelta(minutes=6)
"""How long after a retry was written down its job may be created at the latest: a call is given up after five."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The time for which a store cannot vouch: *since* it was last looked after, *until* this process began."""

    since: datetime
    until: datetime

    def holds(self, job: Job) -> bool:
        """Tell whether the job may have been created in it."""
        return job.created_at is None or self.since - CLOCK_SLACK <= job.created_at <= self.until + CLOCK_SLACK


@dataclass(frozen=True, slots=True, kw_only=True)
class Outdated:
    """Retry jobs that the store knows nothing of, though its own user started them *since* it was last looked after."""

    account: str
    since: datetime
    jobs: int
    newest_job: str
    newest_at: datetime | None

    def __str__(self) -> str:
        newest = f", the newest ({self.newest_job}) at {self.newest_at:%Y-%m-%d %H:%M:%S} UTC" if self.newest_at else ""
        return (
            f"{self.account}: this store does not know all that was sent. Since it was last looked after, at "
            f"{self.since:%Y-%m-%d %H:%M:%S} UTC, its user started {self.jobs} retry jobs that it has no record of{newest}. "
            "It may be an old copy, or somebody has retried in integrator.io as the same user. Nobody can tell which "
            "errors they were, so all that occurred before now are left to people; nothing was sent"
        )


ADVICE = (
    "Put the newest copy of the store back if there is one. Else look at what those jobs retried; then "
    "flowmend once --adopt-backlog lets Flowmend act on the errors from before now again"
)
"""What a person can do about an outdated store."""


def unexplained(jobs: Iterable[Job], *, claimed: set[str], jobless: Sequence[datetime]) -> list[Job]:
    """Return the jobs that no entry of the journal can have started, oldest first.

    *claimed* are the jobs whose entries are known. *jobless* is when the retries were written down that name no job,
    because their answer was lost: each explains one job that was created right after it.
    """
    left = sorted(jobless)
    found: list[Job] = []
    for job in sorted(jobs, key=lambda job: (job.created_at is not None, job.created_at)):
        if job.job_id in claimed:
            continue
        entry = next((at for at in left if may_have_started(at, job)), None)
        if entry is None:
            found.append(job)
        else:
            left.remove(entry)
    return found


def may_have_started(at: datetime, job: Job) -> bool:
    """Tell whether a retry that was written down *at* this moment may be what created the job."""
    return job.created_at is None or at - CLOCK_SLACK <= job.created_at <= at + LONGEST_POST + CLOCK_SLACK

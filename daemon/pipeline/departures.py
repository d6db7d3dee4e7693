"""Departures: how recorded errors left the open list without us, so that a rule can be held against what people did.

Asked once for each, of the list of resolved errors and of the retry jobs of others; both are reads. It decides nothing.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from daemon.core.continuity import CLOCK_SLACK
from daemon.core.exceptions import ProtocolError, RefusedError, TemporaryError
from daemon.core.recordings import Departure, Fate
from daemon.core.records import Job, ResolvedRecord, Step, StepRef
from daemon.pipeline.others import LATE, LONGEST_JOB
from daemon.pipeline.retry_jobs import RetryJobs
from daemon.pipeline.survey import token_refused

PLATFORM = "auto"


class ResolvedLister(Protocol):
    """The read that tells how errors left."""

    def resolved(
        self, ref: StepRef, *, since: datetime | None, until: datetime | None
    ) -> AsyncIterator[list[ResolvedRecord]]:
        """Yield what was resolved on a step, page by page; raises when the list is cut short."""


class DepartureStore(Protocol):
    """What is asked of the store."""

    async def departed(self, account: str) -> Sequence[Departure]:
        """Return the recorded errors that left without us and of which nobody has asked how, by step."""

    async def steps(self, account: str) -> Mapping[StepRef, Step]:
        """Return the steps met so far."""

    async def note_fates(self, ref: StepRef, fates: Mapping[str, Fate]) -> None:
        """Remember how errors left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Departures:
    """Find out how errors left, a step at a time."""

    client: ResolvedLister
    retries: RetryJobs
    store: DepartureStore
    log: FilteringBoundLogger

    async def ask(self, account: str, now: datetime) -> None:
        """Ask about all of which nobody has; what cannot be asked now is asked next time.

        Raises:
            AuthError: the token was refused.
        """
        departures = await self.store.departed(account)
        steps = await self.store.steps(account) if departures else {}
        for departure in departures:
            ref = departure.step
            try:
                fates = await self._fates(departure, steps[ref], now)
            except (RefusedError, ProtocolError) as refused:
                if token_refused(refused):
                    raise
                fates = dict.fromkeys(departure.error_ids, Fate.LEFT)  # closed to us: it will not be told later either
            except TemporaryError as failed:
                self.log.warning("departures.unread", flow_id=ref.flow_id, step_id=ref.step_id, reason=str(failed))
                continue
            if fates:
                await self.store.note_fates(ref, fates)

    async def _fates(self, departure: Departure, step: Step, now: datetime) -> dict[str, Fate]:
        wanted = frozenset(departure.error_ids)
        resolved: dict[str, ResolvedRecord] = {}
        async for page in self.client.resolved(step.ref, since=departure.since - CLOCK_SLACK, until=None):
            resolved |= {entry.error_id: entry for entry in page if entry.error_id in wanted}
        jobs: list[Job] = []
        if any(error_id not in resolved or resolved[error_id].resolved_by != PLATFORM for error_id in wanted):
            found = await self.retries.others(step, since=departure.since - LONGEST_JOB)
            jobs = [job for job in found if not _hangs(job, now) and _after(job, departure.since - CLOCK_SLACK)]
        told = {error_id: how_it_left(resolved.get(error_id), jobs) for error_id in departure.error_ids}
        return {error_id: fate for error_id, fate in told.items() if fate is not None}


def how_it_left(entry: ResolvedRecord | None, jobs: Sequence[Job]) -> Fate | None:
    """Return how an error left, by its *entry* in the list of resolved errors and the retry *jobs* of others since.

    None while one of them still runs that may have it. An error that is not in the list was retried and came back under
    another id, if a job had records that failed; else nobody knows.
    """
    if entry is not None:
        if entry.resolved_by == PLATFORM:
            return Fate.PLATFORM
        at, by = entry.resolved_at, entry.resolved_by
        helped = [job for job in jobs if job.triggered_by == by and (job.num_success or not job.ended)]
        tried = at is not None and any(job.at_work(at, late=LATE) for job in helped)
        return Fate.PERSON_RETRIED if tried else Fate.PERSON_RESOLVED
    if any(not job.ended for job in jobs):
        return None
    by_whom = {job.triggered_by for job in jobs if job.num_error}
    if by_whom - {PLATFORM}:
        return Fate.PERSON_RETRIED
    return Fate.PLATFORM if by_whom else Fate.LEFT


def _hangs(job: Job, now: datetime) -> bool:
    """Tell whether a job that has not ended is too old to be waited for: both lists would be read again in each cycle."""
    return not job.ended and (job.created_at is None or job.created_at < now - LONGEST_JOB)


def _after(job: Job, moment: datetime) -> bool:
    return job.ended_at is None or job.ended_at >= moment

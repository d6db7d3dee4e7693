"""Continuity: before the first retry of a process, see that the store knows all that was sent.

A store that was put back from an old backup has forgotten retries. Read as if nothing had happened, it would send them
again. So it notes when it was last looked after, and a new process looks for retry jobs since then that no entry of the
journal can have started. The API document knows the list of jobs by flow and step only, so the steps that have
something to retry, or a retry without an outcome, are asked, once each.
"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from daemon.core.actions import Mode
from daemon.core.batches import UnderWay
from daemon.core.continuity import ADVICE, CLOCK_SLACK, Gap, Outdated, unexplained
from daemon.core.records import Job, Step, StepRef
from daemon.core.rows import UnknownRow
from daemon.core.tally import Tally
from daemon.pipeline.guard import JOBS_BACK
from daemon.pipeline.retry_jobs import Claims, JobLister
from daemon.pipeline.side_by_side import each_step
from daemon.pipeline.terms import Clock, Terms

ADOPTED = "adopted"
"""What the store notes in place of a baseline once the backlog has been adopted."""


class Platform(JobLister, Protocol):
    """What the platform is asked."""

    def may_write(self, ref: StepRef, /) -> Awaitable[str]:
        """Say why nothing may be written to the step now, or ""."""


class ContinuityStore(Claims, Protocol):
    """What this asks of the store."""

    async def get_meta(self, key: str) -> str | None:
        """Return one note."""

    async def set_meta(self, key: str, value: str) -> None:
        """Keep one note."""

    async def set_meta_soon(self, key: str, value: str) -> None:
        """Keep one note that a power cut may take."""

    async def drop_meta(self, key: str) -> str | None:
        """Forget one note."""

    async def steps(self, account: str) -> Mapping[StepRef, Step]:
        """Return the steps met so far."""

    async def steps_to_retry(self, account: str) -> Sequence[StepRef]:
        """Return the steps with errors that are to be retried, now or later."""

    async def under_way(self, account: str) -> Sequence[UnderWay]:
        """Return what names the journal's entries without an outcome."""

    async def unknown_items(self, account: str) -> Sequence[UnknownRow]:
        """Return the retried errors of which a person must say what came of them."""

    async def jobless(self, ref: StepRef, since: datetime) -> Sequence[datetime]:
        """Return when the retries of the step were written down since then that may have started a job unknown to us."""


@dataclass(slots=True, kw_only=True)
class Continuity:
    """What one process knows of the time before it, for one account.

    *gap* is None until it has first looked, and where the store was never looked after before. *asked* are the steps
    that need not be asked again, *unsure* those of which it is not known (yet) whether their errors are being retried.
    *strange* are the jobs that the store knows nothing of, *outdated* is what they amount to.
    """

    terms: Terms
    client: Platform
    store: ContinuityStore
    clock: Clock
    log: FilteringBoundLogger
    gap: Gap | None = None
    looked: bool = False
    asked: set[StepRef] = field(default_factory=set)
    unsure: set[StepRef] = field(default_factory=set)
    strange: dict[str, Job] = field(default_factory=dict)
    outdated: Outdated | None = None

    async def act_after(self, now: datetime) -> datetime | None:
        """Return the moment whose earlier errors are left to people, None where none are.

        That is when this store began for the account, or when it was found to be outdated. What was left then only a
        person can adopt, not the configuration.
        """
        began = await self.store.get_meta(self._key("baseline"))
        if began is None:
            began = ADOPTED if self.terms.adopt_backlog else now.isoformat()
            await self.store.set_meta(self._key("baseline"), began)
        backlog = "" if began == ADOPTED or self.terms.adopt_backlog else began
        moments = (backlog, await self.store.get_meta(self._key("outdated")))
        return max((datetime.fromisoformat(moment) for moment in moments if moment), default=None)

    async def adopt(self) -> None:
        """From now on judge the errors that were left to people like all others."""
        await self.store.set_meta(self._key("baseline"), ADOPTED)
        await self.store.drop_meta(self._key("outdated"))

    async def check(self, user_id: str, tally: Tally) -> bool:
        """Tell whether the store knows what was sent; where it does not, nothing may be sent before all is judged anew.

        Then all errors from before now are left to people. Where it does, retries must still wait on steps that are
        *unsure*.
        """
        now = self.clock.now()
        await self._look_back(now)
        if self.gap is None:
            return True
        strange, ended = len(self.strange), False
        steps = await self.store.steps(self.terms.account)
        self.unsure.clear()

        async def ask(ref: StepRef) -> None:
            nonlocal ended
            self.unsure.add(ref)
            if await self.client.may_write(ref):
                return  # nothing is sent there anyway
            jobs = await self._strange(steps[ref], user_id, now)
            self.strange |= {job.job_id: job for job in jobs}
            if all(job.ended or (job.created_at or now) < now - JOBS_BACK for job in jobs):
                self.unsure.discard(ref)
                self.asked.add(ref)
                ended |= bool(jobs)

        to_ask = [ref for ref in await self._steps() if ref not in self.asked]
        await each_step(to_ask, ask, at_once=self.terms.concurrency, tally=tally, log=self.log)
        if len(self.strange) > strange:
            self._tell(now)
        elif not ended:
            return True
        # a little ahead, since the platform's clock may be; and again once a job has ended, for what it brought back
        await self.store.set_meta(self._key("outdated"), (now + CLOCK_SLACK).isoformat())
        return False

    async def _steps(self) -> list[StepRef]:
        """Return the steps with something to retry, now or once it is known what came of a retry that was sent."""
        account = self.terms.account
        under_way, unknown = await self.store.under_way(account), await self.store.unknown_items(account)
        sent = {each.step for each in under_way} | {row.step for row in unknown}
        return sorted(sent.union(await self.store.steps_to_retry(account)))

    async def alive(self) -> None:
        """Note that the store has been looked after until now; not while a step could not be asked."""
        if self.terms.mode is not Mode.OBSERVE and not self.unsure:
            await self.store.set_meta_soon(self._key("alive"), self.clock.now().isoformat())

    async def _look_back(self, now: datetime) -> None:
        """Find out, once, how long nobody looked after the store. Who only observes sends nothing, so it is no matter."""
        if self.looked or self.terms.mode is Mode.OBSERVE:
            return
        alive = await self.store.get_meta(self._key("alive"))
        self.gap = Gap(since=datetime.fromisoformat(alive), until=now) if alive else None
        self.looked = True

    async def _strange(self, step: Step, user_id: str, now: datetime) -> list[Job]:
        """Return the retry jobs of our own user, from the gap, that the journal knows nothing of."""
        gap = self.gap or Gap(since=now, until=now)
        since = gap.since - CLOCK_SLACK
        jobs = await self.client.retry_jobs(step, since=since)
        return unexplained(
            [job for job in jobs if job.triggered_by in ("", user_id) and gap.holds(job)],
            claimed=await self.store.claimed_jobs(step.ref, [job.job_id for job in jobs]),
            jobless=await self.store.jobless(step.ref, since),
        )

    def _tell(self, now: datetime) -> None:
        newest = max(self.strange.values(), key=lambda job: (job.created_at is not None, job.created_at))
        self.outdated = found = Outdated(
            account=self.terms.account,
            since=self.gap.since if self.gap else now,
            jobs=len(self.strange),
            newest_job=newest.job_id,
            newest_at=newest.created_at,
        )
        facts = {"jobs": found.jobs, "newest_job": found.newest_job, "newest_at": found.newest_at, "since": found.since}
        self.log.error("store.outdated", **facts, advice=ADVICE)

    def _key(self, what: str) -> str:
        return f"{what}:{self.terms.account}"

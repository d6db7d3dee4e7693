"""Confirm: find out what came of every write, from the platform's jobs and a complete later read (P4).

``confirmed`` is said only where the job has ended and a read that began after that shows neither the error nor a new one
of the same record. A 2xx alone proves nothing; neither does an error's absence while its job is still at work.
"""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from daemon.core.batches import Act, WriteState, Written
from daemon.core.decisions import Outcome
from daemon.core.exceptions import ProtocolError, RefusedError, TemporaryError
from daemon.core.outcomes import Evidence, outcome_of
from daemon.core.reads import Read
from daemon.core.records import Job, Mark, ResolvedRecord, Step, StepRef
from daemon.core.tally import Tally
from daemon.core.windows import Window
from daemon.pipeline.collect import Collector
from daemon.pipeline.incidents import Incidents, StageReader
from daemon.pipeline.survey import QUIET, StepWork, token_refused
from daemon.pipeline.terms import Terms

CLOCK_SLACK = timedelta(minutes=2)
"""How far the platform's clock may be behind ours when its jobs are compared with the journal."""


class JobReader(Protocol):
    """The reads that tell what came of a write."""

    async def job(self, job_id: str) -> Job:
        """Return one job as it is now."""

    async def retry_jobs(self, step: Step, *, since: datetime | None, statuses: Sequence[str] = ()) -> list[Job]:
        """Return the step's retry jobs created since then, newest first."""

    async def flow_errors(self, flow_id: str) -> dict[str, Mark]:
        """Return the marks of the flow's steps."""

    def resolved(
        self, ref: StepRef, *, since: datetime | None, until: datetime | None
    ) -> AsyncIterator[list[ResolvedRecord]]:
        """Yield what was resolved on a step, page by page; raises when the list is cut short."""


class ConfirmStore(StageReader, Protocol):
    """What confirming asks of the store."""

    async def unsettled(self, account: str) -> Sequence[Written]:
        """Return the journal's entries without an outcome, oldest first, with the items that have none."""

    async def steps(self, account: str) -> Mapping[StepRef, Step]:
        """Return the steps met so far."""

    async def accepted(self, batch_id: int, job_id: str, now: datetime) -> None:
        """Note that the platform took the batch."""

    async def unknown(self, batch_id: int, reason: str, now: datetime) -> None:
        """Note that the batch was sent and its answer lost."""

    async def note_missed(self, batch_id: int, error_ids: Sequence[str]) -> None:
        """Note that a complete read which may have skipped some errors did not show these."""

    async def settle(
        self,
        batch_id: int,
        outcomes: Mapping[str, Outcome],
        now: datetime,
        *,
        gone: Collection[str] = (),
        reason: str = "",
    ) -> None:
        """Write down what came of each error; those in *gone* came back under another id and are not open themselves."""

    async def was_seen(self, read: Read, error_ids: Sequence[str]) -> set[str]:
        """Return which of the errors the read under way has shown."""

    async def returned(self, ref: StepRef, case_keys: Sequence[str], batch_id: int) -> set[str]:
        """Return which of the cases have an open error that was not known yet when the batch was written down."""

    async def claimed_jobs(self, ref: StepRef) -> set[str]:
        """Return the retry jobs of the step that other entries are known to have started."""

    async def save_flow_mark(self, account: str, flow_id: str, mark: Mark | None) -> None:
        """Remember (None) that the flow must be read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """An entry whose write has run its course; *job* is its retry job."""

    entry: Written
    job: Job | None = None

    @property
    def failed(self) -> int:
        """Return how many records the job counted as failed."""
        return self.job.num_error if self.job else 0

    @property
    def cut_short(self) -> bool:
        """Tell whether the job ended without having run all its records (failed, canceled)."""
        return self.job is not None and self.job.status != "completed"

    @property
    def clean(self) -> bool:
        """Tell whether the job completed and counted no failure."""
        return self.job is not None and self.job.status == "completed" and not self.job.num_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmer:
    """Settle the journal of one account. Reads only."""

    terms: Terms
    client: JobReader
    store: ConfirmStore
    collector: Collector
    log: FilteringBoundLogger

    async def run(self, tally: Tally, now: datetime) -> int:
        """Settle what can be settled and return how many entries are left without an outcome.

        A step that cannot be asked or read stops no other (P13); what waited there for too long is unknown.

        Raises:
            AuthError: the token was refused; the account must stop.
        """
        entries = await self.store.unsettled(self.terms.account)
        if not entries:
            return 0
        steps = await self.store.steps(self.terms.account)
        by_step: dict[StepRef, list[Written]] = {}
        for entry in entries:
            by_step.setdefault(entry.batch.step, []).append(entry)
        for ref, mine in by_step.items():
            try:
                ended = await self._ended(steps[ref], mine, tally, now)
                if ended:
                    await self._read_and_settle(steps[ref], ended, tally, now)
            except (TemporaryError, ProtocolError, RefusedError) as failed:
                if token_refused(failed):
                    raise
                tally.steps_failed += 1
                self.log.warning("step.failed", step=f"{ref.flow_id}/{ref.step_id}", reason=str(failed))
                await self._give_up(ref, tally, now)
        await Incidents(store=self.store, log=self.log).notice(entries, tally, now)
        return len(await self.store.unsettled(self.terms.account))

    async def _give_up(self, ref: StepRef, tally: Tally, now: datetime) -> None:
        """Settle as unknown what has waited too long on a step of which nothing can be learnt."""
        for entry in await self.store.unsettled(self.terms.account):
            if entry.batch.step == ref and self._overdue(entry, now):
                unknown = dict.fromkeys(entry.batch.error_ids, Outcome.UNKNOWN)
                await self._settle(entry, unknown, tally, now, reason="its step could not be read")

    async def _ended(self, step: Step, entries: Sequence[Written], tally: Tally, now: datetime) -> list[_Ended]:
        """Return the entries whose write has run its course; settle as unknown those that waited too long."""
        ended: list[_Ended] = []
        for entry in entries:
            if entry.state is WriteState.INTENDED:
                await self.store.unknown(entry.batch_id, "the process stopped while it was being sent", now)
            if entry.batch.act is not Act.RETRY:
                ended.append(_Ended(entry=entry))
                continue
            job_id = entry.job_id or await self._find_job(step, entry, now)
            job = await self._job(job_id) if job_id else None
            if job is not None and job.ended:
                ended.append(_Ended(entry=entry, job=job))
            elif self._overdue(entry, now):
                reason = (
                    f"job {job_id} did not end, or is not there any more" if job_id else "no retry job of it was found"
                )
                await self._settle(
                    entry, dict.fromkeys(entry.batch.error_ids, Outcome.UNKNOWN), tally, now, reason=reason
                )
        return ended

    async def _find_job(self, step: Step, entry: Written, now: datetime) -> str:
        """Look for the one retry job that a write without an answer must have started, and adopt it (P1).

        Only a single job that no other entry started will do, and only if it counted as many records as were sent.
        """
        jobs = await self.client.retry_jobs(step, since=entry.intended_at - CLOCK_SLACK)
        claimed = await self.store.claimed_jobs(step.ref)
        free = [job for job in jobs if job.job_id not in claimed and job.triggered_by != "auto"]
        if len(free) != 1 or not free[0].ended or free[0].num_success + free[0].num_error != len(entry.batch):
            return ""
        await self.store.accepted(entry.batch_id, free[0].job_id, now)
        return free[0].job_id

    async def _job(self, job_id: str) -> Job | None:
        try:
            return await self.client.job(job_id)
        except RefusedError as refused:
            if token_refused(refused):
                raise
            return None

    def _overdue(self, entry: Written, now: datetime) -> bool:
        return now - entry.intended_at >= self.terms.confirm_timeout

    async def _read_and_settle(self, step: Step, ended: Sequence[_Ended], tally: Tally, now: datetime) -> None:
        # its errors leave: where as many came meanwhile, the summary may say what it said when it was last looked at
        await self.store.save_flow_mark(self.terms.account, step.ref.flow_id, None)
        summary = (await self.client.flow_errors(step.ref.flow_id)).get(step.ref.step_id, QUIET)
        window = Window(settled_at=now - self.terms.polling.settle)
        work = StepWork(step=step, summary=summary, window=window, reason="confirm")

        async def settle(reading: Read, trusted: bool) -> None:  # noqa: FBT001 - the collector calls it
            for each in ended:
                await self._settle_entry(each, reading, trusted=trusted, tally=tally, now=now)

        await self.collector.read(work, tally, now, whole=settle)

    async def _settle_entry(self, ended: _Ended, reading: Read, *, trusted: bool, tally: Tally, now: datetime) -> None:
        entry, batch = ended.entry, ended.entry.batch
        listed = await self.store.was_seen(reading, batch.error_ids)
        returned = await self._returned(entry)
        evidence = {
            error_id: Evidence(
                act=batch.act,
                accepted=entry.state is WriteState.ACCEPTED,
                clean=ended.clean,
                unexplained=False,
                listed=error_id in listed,
                returned=error_id in returned,
                absent=trusted or error_id in entry.missed,
                overdue=self._overdue(entry, now),
            )
            for error_id in batch.error_ids
        }
        back = sum(outcome_of(each) is Outcome.CAME_BACK for each in evidence.values())
        unexplained = ended.cut_short or ended.failed > entry.came_back + back
        outcomes = {
            error_id: outcome
            for error_id, each in evidence.items()
            if (outcome := outcome_of(replace(each, unexplained=unexplained))) is not None
        }
        cured = {error_id for error_id, outcome in outcomes.items() if outcome is Outcome.CONFIRMED}
        outcomes |= dict.fromkeys(await self._without_us(ended, cured), Outcome.VANISHED)
        missed = [error_id for error_id, each in evidence.items() if not each.listed and error_id not in outcomes]
        if missed:
            await self.store.note_missed(entry.batch_id, missed)
        await self._settle(entry, outcomes, tally, now, gone=set(outcomes) - listed)

    async def _without_us(self, ended: _Ended, error_ids: Collection[str]) -> set[str]:
        """Return which of the errors left without us, asked where the job counted fewer successes.

        A success is among the resolved errors, and not by a colleague; what was purged before the job came is nowhere.
        What the platform resolved may be a success of the job only where the job counted more than it resolved itself.
        """
        entry, job = ended.entry, ended.job
        if job is None or job.num_success >= len(error_ids):
            return set()
        by: dict[str, str] = {}
        async for page in self.client.resolved(entry.batch.step, since=entry.intended_at - CLOCK_SLACK, until=None):
            by |= {each.error_id: each.resolved_by for each in page if each.error_id in error_ids}
        ours = {error_id for error_id, who in by.items() if who in ("", job.triggered_by)}
        if len(ours) < job.num_success:
            ours |= {error_id for error_id, who in by.items() if who == "auto"}
        return set(error_ids) - ours

    async def _returned(self, entry: Written) -> set[str]:
        """Return the errors of a retry whose record is open again under another id."""
        if entry.batch.act is not Act.RETRY:
            return set()
        keys = sorted({key for item in entry.batch.items for key in (item.case_key, item.alias) if key})
        back = await self.store.returned(entry.batch.step, keys, entry.batch_id)
        return {item.error_id for item in entry.batch.items if item.case_key in back or item.alias in back}

    async def _settle(
        self,
        entry: Written,
        outcomes: Mapping[str, Outcome],
        tally: Tally,
        now: datetime,
        *,
        gone: Collection[str] = (),
        reason: str = "",
    ) -> None:
        if not outcomes:
            return
        await self.store.settle(entry.batch_id, outcomes, now, gone=gone, reason=reason)
        counts = Counter(outcome.value for outcome in outcomes.values())
        for outcome, count in counts.items():
            tally.add(outcome, count, rule_id=entry.batch.rule_id)
        tally.settled += len(outcomes)
        self.log.info(
            "outcome.settled",
            batch=entry.batch_id,
            step_id=entry.batch.step.step_id,
            rule=entry.batch.rule_id,
            action=entry.batch.act.value,
            reason=reason,
            **counts,
        )

"""Confirm: find out what came of every write, from the platform's jobs and a complete later read (P4).

``confirmed`` is said only where the job has ended and a read that began after that shows neither the error nor a new one
of the same record. A 2xx alone proves nothing; neither does an error's absence while its job is still at work.
"""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from daemon.core.batches import Act, UnderWay, WriteState, Written
from daemon.core.continuity import CLOCK_SLACK
from daemon.core.decisions import Outcome
from daemon.core.outcomes import Sight, came_of_resolve, came_of_retry, must_ask
from daemon.core.reads import Read
from daemon.core.records import Job, Mark, ResolvedRecord, Step, StepRef
from daemon.core.tally import Tally
from daemon.core.windows import Window
from daemon.pipeline.collect import Collector
from daemon.pipeline.incidents import Incidents, StageReader
from daemon.pipeline.patience import Patience
from daemon.pipeline.side_by_side import each_step
from daemon.pipeline.started import JobReader, JobStore, StartedJobs
from daemon.pipeline.survey import QUIET, StepWork
from daemon.pipeline.terms import Terms


class OutcomeReader(JobReader, Protocol):
    """The reads that tell what came of a write."""

    async def flow_errors(self, flow_id: str) -> dict[str, Mark]:
        """Return the marks of the flow's steps."""

    def resolved(
        self, ref: StepRef, *, since: datetime | None, until: datetime | None
    ) -> AsyncIterator[list[ResolvedRecord]]:
        """Yield what was resolved on a step, page by page; raises when the list is cut short."""


class ConfirmStore(JobStore, StageReader, Protocol):
    """What confirming asks of the store."""

    async def under_way(self, account: str) -> Sequence[UnderWay]:
        """Return what names the journal's entries without an outcome, oldest first."""

    async def unsettled(self, account: str, *, step: StepRef) -> Sequence[Written]:
        """Return those of one step, with the items that have no outcome."""

    async def steps(self, account: str) -> Mapping[StepRef, Step]:
        """Return the steps met so far."""

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

    async def returned(self, ref: StepRef, case_keys: Sequence[str], batch_id: int) -> Mapping[str, datetime | None]:
        """Return which of the cases have an open error, not known yet when the batch was written, and since when."""

    async def save_flow_mark(self, account: str, flow_id: str, mark: Mark | None) -> None:
        """Remember (None) that the flow must be read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """An entry whose write has run its course; *job* is its retry job, None of a resolve."""

    entry: Written
    job: Job | None = None


@dataclass(slots=True, kw_only=True)
class _Resolved:
    """Who resolved the errors of the entries under way, read from the platform once, and only if somebody asks."""

    client: OutcomeReader
    step: Step
    entries: Sequence[Written]
    by: dict[str, str] | None = None

    async def among(self, error_ids: Collection[str]) -> dict[str, str]:
        """Return by whom, of those of the errors that were resolved since the first of the entries was sent."""
        if self.by is None:
            wanted = {error_id for entry in self.entries for error_id in entry.batch.error_ids}
            since = min(entry.intended_at for entry in self.entries) - CLOCK_SLACK
            by: dict[str, str] = {}
            async for page in self.client.resolved(self.step.ref, since=since, until=None):
                by |= {each.error_id: each.resolved_by for each in page if each.error_id in wanted}
            self.by = by
        return {error_id: self.by[error_id] for error_id in error_ids if error_id in self.by}


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmer:
    """Settle the journal of one account. Reads only."""

    terms: Terms
    client: OutcomeReader
    store: ConfirmStore
    jobs: StartedJobs
    collector: Collector
    patience: Patience
    log: FilteringBoundLogger

    async def run(self, tally: Tally, now: datetime) -> int:
        """Settle what can be settled and return how many entries are left without an outcome.

        A step that cannot be asked or read stops no other (P13); what waited there for too long is unknown.

        Raises:
            AuthError: the token was refused; the account must stop.
        """
        account = self.terms.account
        under_way = await self.store.under_way(account)
        self.patience.keep({each.batch_id for each in under_way})
        if not under_way:
            return 0
        steps = await self.store.steps(account)

        async def settle(ref: StepRef) -> None:
            ended = await self._ended(steps[ref], await self.store.unsettled(account, step=ref), tally, now)
            if any(self.patience.is_due(each.entry.batch_id, now) for each in ended):
                await self._read_and_settle(steps[ref], ended, tally, now)

        refs = list(dict.fromkeys(each.step for each in under_way))
        for ref in await each_step(refs, settle, at_once=self.terms.concurrency, tally=tally, log=self.log):
            await self._give_up(steps[ref], tally, now)
        left = await self.store.under_way(account)
        ended = {each.batch_id for each in under_way} - {each.batch_id for each in left}
        incidents = Incidents(store=self.store, log=self.log)
        await incidents.notice([each for each in under_way if each.batch_id in ended], steps, tally, now)
        return len(left)

    async def _give_up(self, step: Step, tally: Tally, now: datetime) -> None:
        """Settle as unknown what has waited too long on a step of which nothing can be learnt."""
        for entry in await self.store.unsettled(self.terms.account, step=step.ref):
            if self._overdue(entry, now):
                unknown = dict.fromkeys(entry.batch.error_ids, Outcome.UNKNOWN)
                await self._settle(step, entry, unknown, tally, now, reason="its step could not be read")

    async def _ended(self, step: Step, entries: Sequence[Written], tally: Tally, now: datetime) -> list[_Ended]:
        """Return the entries whose write has run its course; settle as unknown those that waited too long."""
        ended: list[_Ended] = []
        for entry in entries:
            if entry.state is WriteState.INTENDED:
                await self.store.unknown(entry.batch_id, "the process stopped while it was being sent", now)
        jobs = await self.jobs.known(step, entries)
        for entry in entries:
            if entry.batch.act is not Act.RETRY:
                ended.append(_Ended(entry=entry))
                continue
            job_id, job = entry.job_id, jobs.get(entry.job_id)
            if not job_id and self.patience.is_due(entry.batch_id, now):
                job_id = await self.jobs.adopt(step, entry, now)
                if not job_id:
                    self._looked(entry, now)
                job = await self.jobs.job(job_id) if job_id else None
            if job is not None and job.ended:
                ended.append(_Ended(entry=entry, job=job))
            elif self._overdue(entry, now):
                reason = (
                    f"job {job_id} did not end, or is not there any more" if job_id else "no retry job of it was found"
                )
                unknown = dict.fromkeys(entry.batch.error_ids, Outcome.UNKNOWN)
                await self._settle(step, entry, unknown, tally, now, reason=reason)
        return ended

    def _looked(self, entry: Written, now: datetime) -> None:
        self.patience.looked(entry.batch_id, now, deadline=entry.intended_at + self.terms.confirm_timeout)

    def _overdue(self, entry: Written, now: datetime) -> bool:
        return now - entry.intended_at >= self.terms.confirm_timeout

    async def _read_and_settle(self, step: Step, ended: Sequence[_Ended], tally: Tally, now: datetime) -> None:
        # its errors leave: where as many came meanwhile, the summary may say what it said when it was last looked at
        await self.store.save_flow_mark(self.terms.account, step.ref.flow_id, None)
        summary = (await self.client.flow_errors(step.ref.flow_id)).get(step.ref.step_id, QUIET)
        window = Window(settled_at=now - self.terms.polling.settle)
        work = StepWork(step=step, summary=summary, window=window, reason="confirm")
        resolved = _Resolved(client=self.client, step=step, entries=[each.entry for each in ended])

        async def settle(reading: Read, trusted: bool) -> None:  # noqa: FBT001 - the collector calls it
            listed = await self.store.was_seen(
                reading, [error_id for each in ended for error_id in each.entry.batch.error_ids]
            )
            for each in ended:
                await self._settle_entry(each, listed, resolved, trusted=trusted, tally=tally, now=now)

        for each in ended:
            self._looked(each.entry, now)
        await self.collector.read(work, tally, now, whole=settle)

    async def _settle_entry(
        self, ended: _Ended, seen: Collection[str], resolved: _Resolved, *, trusted: bool, tally: Tally, now: datetime
    ) -> None:
        entry, job, errors = ended.entry, ended.job, ended.entry.batch.error_ids
        listed = frozenset(errors).intersection(seen)
        sight = Sight(
            listed=listed,
            returned=await self._returned(entry),
            absent=(frozenset(errors) if trusted else entry.missed) - listed,
            overdue=self._overdue(entry, now),
            resolved={},
        )
        if must_ask(entry, job, sight):
            sight = replace(sight, resolved=await resolved.among(errors))
        outcomes = (
            came_of_resolve(entry, sight, self.jobs.user_id)
            if job is None
            else came_of_retry(entry, job, sight, self.jobs.user_id)
        )
        missed = [error_id for error_id in errors if error_id not in listed and error_id not in outcomes]
        if missed:
            await self.store.note_missed(entry.batch_id, missed)
        unknown = {each: outcome for each, outcome in outcomes.items() if outcome is Outcome.UNKNOWN}
        told = {each: outcome for each, outcome in outcomes.items() if each not in unknown}
        await self._settle(resolved.step, entry, told, tally, now, gone=set(told) - listed)
        reason = "" if job is None else _odds(entry, job)
        await self._settle(resolved.step, entry, unknown, tally, now, gone=set(unknown) - listed, reason=reason)

    async def _returned(self, entry: Written) -> dict[str, datetime | None]:
        """Return the errors of a retry whose record is open again under another id, and since when."""
        if entry.batch.act is not Act.RETRY:
            return {}
        keys = sorted({key for item in entry.batch.items for key in (item.case_key, item.alias) if key})
        back = await self.store.returned(entry.batch.step, keys, entry.batch_id)
        return {
            item.error_id: back[key] for item in entry.batch.items for key in (item.alias, item.case_key) if key in back
        }

    async def _settle(
        self,
        step: Step,
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
            tally.totals.settled[entry.batch.rule_id, entry.batch.act.value, outcome] += count
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
        if unknown := counts[Outcome.UNKNOWN.value]:
            self.log.warning(
                "outcome.unknown",
                batch=entry.batch_id,
                step_id=entry.batch.step.step_id,
                name=step.full_name,
                rule=entry.batch.rule_id,
                action=entry.batch.act.value,
                reason=reason,
                unknown=unknown,
            )


def _odds(entry: Written, job: Job) -> str:
    """Say what a job counted where the lists do not show as much."""
    return (
        f"job {job.job_id} {job.status}: {job.num_success} passed and {job.num_error} failed of {entry.sent} sent, "
        "and the lists do not show which"
    )

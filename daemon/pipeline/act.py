"""Act: send what a plan says, batch by batch. It never decides; each batch is journalled before it is sent (P11).

For one group: look again (P3), drop what changed, patch, write the intent, send once, write down what is known then.
A retry whose answer is lost is not sent again here or anywhere else before reading has shown what happened (P1).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from daemon.core.actions import Resolve, Retry
from daemon.core.batches import Act, Batch, split
from daemon.core.continuity import CLOCK_SLACK
from daemon.core.exceptions import (
    AuthError,
    ProtocolError,
    RefusedError,
    StoreError,
    TemporaryError,
    UnknownResultError,
    WritesStoppedError,
)
from daemon.core.judgements import Gone, Judged
from daemon.core.plans import PlanItem, PlannedGroup
from daemon.core.records import StepRef
from daemon.pipeline.collect import count_gone
from daemon.pipeline.guard import JOBS_BACK
from daemon.pipeline.journal import Journal
from daemon.pipeline.judge import Judgement
from daemon.pipeline.look import SecondLook
from daemon.pipeline.patch import STOPPED, Patcher, Rewritten
from daemon.pipeline.retry_jobs import RetryJobs
from daemon.pipeline.survey import token_refused
from daemon.pipeline.task import Sent, Task, by_tags, ids_of, plan_item
from daemon.pipeline.terms import Clock, Stopping, Terms

LOOK = 1000
"""How many planned errors one second look covers; about one page of the platform's list."""

REFUSED_PAUSE = timedelta(minutes=15)
"""When a batch that the platform refused is due again."""

GONE = frozenset({404, 410, 422})
"""Answers that may mean that some ids of the batch are not there any more."""

MARKS = (Act.TAG, Act.ASSIGN)
"""The acts that change nothing but what people see of an error; doing them twice does no harm."""


class Writer(Protocol):
    """The writes of this stage; each raises `UnknownResultError` where it may have happened. And two questions."""

    def may_write(self, ref: StepRef, /) -> Awaitable[str]:
        """Say why nothing may be written to the step now, or ""; the client asks it again right before each request."""

    async def retry(self, ref: StepRef, retry_keys: Sequence[str]) -> str:
        """Start one retry job and return its id, "" where the answer named none."""

    async def resolve(self, ref: StepRef, error_ids: Sequence[str]) -> None:
        """Resolve the errors."""

    async def assign(self, ref: StepRef, error_ids: Sequence[str], email: str) -> None:
        """Give the errors to a person."""

    async def set_tags(self, ref: StepRef, errors: Sequence[tuple[str, str]], tag_ids: Sequence[str]) -> None:
        """Replace the tags of the errors, given as (error id, retry data key)."""


class ActStore(Journal, Protocol):
    """The journal, and what else acting asks of the store."""

    async def plan_items(
        self, plan_id: int, group: PlannedGroup, after: PlanItem | None, limit: int
    ) -> Sequence[PlanItem]:
        """Return the next errors of a group in the order of their occurrence."""

    async def rejudge(self, ref: StepRef, judged: Sequence[Judged]) -> None:
        """Replace what was decided about errors that changed."""

    async def drop(self, ref: StepRef, error_ids: Sequence[str]) -> Sequence[Gone]:
        """Forget errors that are not open any more."""

    async def unmark(self, ref: StepRef, error_ids: Sequence[str], act: Act) -> None:
        """Note that the errors have been tagged or assigned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Send the groups of one plan for one account. *halted* is asked for once the token is refused or the store fails."""

    terms: Terms
    client: Writer
    retries: RetryJobs
    store: ActStore
    look: SecondLook
    patcher: Patcher
    clock: Clock
    log: FilteringBoundLogger
    stopping: Stopping
    halted: Stopping = field(default_factory=Stopping)

    async def run(self, task: Task) -> None:
        """Send what the task's group names, in batches of at most ``batch_size``, until it is done or must stop."""
        after: PlanItem | None = None
        while items := await self.store.plan_items(task.plan.plan_id, task.applied.group, after, LOOK):
            after = items[-1]
            for run in split(await self._look(task, items), self.terms.batch_size):
                if self.stopping.asked or self.halted.asked:
                    return
                try:
                    if await self.client.may_write(task.step.ref):
                        task.drop(STOPPED, len(run))
                    else:
                        await self._send_run(task, run)
                except StoreError:  # what one step cannot write down, another must not go on with
                    self.halted.asked = True
                    raise
        task.applied.ended = not task.applied.stopped

    async def _look(self, task: Task, items: Sequence[PlanItem]) -> Sequence[Judgement]:
        """Return those of *items* that still are what the plan says, and write down what became of the others."""
        ref, began = task.step.ref, self.clock.now()
        task.cases.clear()
        looked = await self.look.look(task.step, task.rule.id, task.act, items, began)
        for reason in looked.reasons.values():
            task.drop(reason)
        if looked.changed:
            await self.store.rejudge(ref, [each.to_keep() for each in looked.changed])
            for each in looked.changed:
                task.tally.add("held", int(each.decision.hold is not None), rule_id=each.decision.rule_id)
        if looked.gone:
            count_gone(task.tally, await self.store.drop(ref, looked.gone))
        if task.act not in MARKS and looked.fit and await self._others_at_work(task, began):
            task.drop("retry-running", len(looked.fit))
            return ()
        return looked.fit

    async def _others_at_work(self, task: Task, began: datetime) -> bool:
        """Tell whether a retry job of others is at work on the step: it may hold the same records.

        Where an error stays listed until its job reaches it, nothing else tells that somebody is retrying it. For a
        retry only jobs since the plan was made are asked for: those before kept it out of the plan.
        """
        since = task.plan.made_at - CLOCK_SLACK if task.act is Act.RETRY else began - JOBS_BACK
        jobs = await self.retries.others(task.step, since=since)
        return any(not job.ended or (job.ended_at or began) >= began for job in jobs)

    async def _send_run(self, task: Task, run: Sequence[Judgement]) -> None:
        """Send one batch; where the platform says that some of it is gone, look again and send what is left once."""
        if await self._send(task, run) is not Sent.SOME_GONE:
            return
        left = await self._look(task, [plan_item(each) for each in run])
        if not left or (len(left) < len(run) and await self._send(task, left) is not Sent.SOME_GONE):
            return
        task.refuse(len(left))  # nothing more was gone: it is refused for good
        if task.act in MARKS:
            await self.store.unmark(task.step.ref, ids_of(left), task.act)

    async def _send(self, task: Task, run: Sequence[Judgement]) -> "Sent":
        ref, rule = task.step.ref, task.rule
        if task.act is Act.TAG:
            return await self._tag(task, run)
        if task.act is Act.ASSIGN:
            return await self._mark(task, run, rule.assign, partial(self.client.assign, ref, ids_of(run), rule.assign))
        if task.act is Act.RESOLVE:
            because = rule.action.because if isinstance(rule.action, Resolve) else "attempts exhausted"
            batch = task.batch(run, detail=because)
            batch_id = await self.store.intend(batch, self.clock.now())
            return await self._write(task, batch_id, batch, partial(self.client.resolve, ref, batch.error_ids))
        return await self._retry(task, run)

    async def _retry(self, task: Task, run: Sequence[Judgement]) -> "Sent":
        """Patch where the rule says so, then retry: one journalled unit."""
        rewritten: Mapping[str, Rewritten] = {}
        if isinstance(task.rule.action, Retry) and task.rule.action.patched:
            rewritten, held = await self.patcher.prepare(task.step, task.rule.id, run, self.clock.now())
            if held:
                await self.store.rejudge(task.step.ref, [each.to_keep() for each in held])
                task.tally.add("held", len(held), rule_id=task.rule.id)
                for each in held:
                    task.applied.drop(each.decision.reason)
            run = [each for each in run if each.record.error_id in rewritten]
        batch = task.batch(run, rewritten=rewritten)
        batch = replace(batch, items=tuple(item for item in batch.items if task.first_of_its_case(item)))
        if not batch.items:
            return Sent.NO
        batch_id = await self.store.intend(batch, self.clock.now())
        mine = {each: rewritten[each] for each in batch.error_ids if rewritten}
        batch = await self._patch(task, batch_id, batch, mine)
        if not batch.items:
            return Sent.NO
        if rewritten and (reason := await self._begun_meanwhile(task)):
            await self.store.not_sent(batch_id, reason, self.clock.now(), self.clock.now())
            task.drop(reason, len(batch))
            return Sent.NO
        return await self._write(task, batch_id, batch, partial(self._start, task.step.ref, batch.retry_keys))

    async def _begun_meanwhile(self, task: Task) -> str:
        """Say why a batch is not sent whose patching took its time: somebody may be retrying the same by now."""
        try:
            return "retry-running" if await self._others_at_work(task, self.clock.now()) else ""
        except (TemporaryError, ProtocolError, RefusedError):
            return "unreachable"

    async def _start(self, ref: StepRef, retry_keys: Sequence[str]) -> str:
        """Start a retry job; one that the answer did not name must be looked for like one whose answer was lost."""
        job_id = await self.client.retry(ref, retry_keys)
        if not job_id:
            raise UnknownResultError("integrator.io took the retry and named no job")
        return job_id

    async def _patch(self, task: Task, batch_id: int, batch: Batch, rewritten: Mapping[str, Rewritten]) -> Batch:
        """Write the patched retry data and return the batch without those whose data could not be written."""
        if not rewritten:
            return batch
        try:
            failed = await self.patcher.write(task.step, rewritten)
        except AuthError as refused:  # no retry has been sent: give the attempts back before the account stops
            now = self.clock.now()
            await self.store.not_sent(batch_id, str(refused), now, now + REFUSED_PAUSE)
            raise
        if failed:
            now = self.clock.now()
            due: dict[datetime, list[str]] = {}
            for error_id, reason in failed.items():
                task.drop(reason)
                due.setdefault(now if reason == STOPPED else now + REFUSED_PAUSE, []).append(error_id)
            for due_at, error_ids in due.items():
                await self.store.withdraw(batch_id, error_ids, now, due_at)
        kept = tuple(item for item in batch.items if item.error_id not in failed)
        task.tally.add("patched", sum(not rewritten[each.error_id].done for each in kept), rule_id=task.rule.id)
        return replace(batch, items=kept)

    async def _tag(self, task: Task, run: Sequence[Judgement]) -> "Sent":
        """Tag in one call those that are to have the same tags afterwards."""
        ends: list[Sent] = []
        for tags, same in by_tags(run, task.rule.tags).items():
            errors = [(each.record.error_id, each.record.retry_key) for each in same]
            call = partial(self.client.set_tags, task.step.ref, errors, tags)
            ends.append(await self._mark(task, same, ",".join(tags), call))
        return Sent.SOME_GONE if Sent.SOME_GONE in ends else Sent.YES

    async def _mark(
        self, task: Task, run: Sequence[Judgement], detail: str, call: Callable[[], Awaitable[None]]
    ) -> "Sent":
        """Tag or assign: harmless when done twice, so a lost answer is simply tried again next time.

        What is refused is given up until the error is judged again.
        """
        batch = task.batch(run, detail=detail)
        batch_id = await self.store.intend(batch, self.clock.now())
        end = await self._write(task, batch_id, batch, call)
        if end in (Sent.YES, Sent.REFUSED):
            await self.store.unmark(task.step.ref, batch.error_ids, task.act)
        return end

    async def _write(
        self, task: Task, batch_id: int, batch: Batch, call: Callable[[], Awaitable[str | None]]
    ) -> "Sent":
        """Send one intended batch once, and journal what is known afterwards."""
        log = self.log.bind(
            batch=batch_id, step_id=batch.step.step_id, rule=batch.rule_id, action=batch.act.value, errors=len(batch)
        )
        try:
            job_id = await call() or ""
        except UnknownResultError as lost:  # P1: never sent again before confirm has looked
            await self.store.unknown(batch_id, str(lost), self.clock.now())
            log.warning("batch.unknown", name=task.step.full_name, reason=str(lost))
            task.count_sent(len(batch))
            return Sent.NO if task.act in MARKS else Sent.YES
        except TemporaryError as failed:
            now = self.clock.now()
            await self.store.not_sent(batch_id, str(failed), now, now + timedelta(seconds=failed.wait_s))
            log.warning("batch.held", reason=str(failed))
            task.drop(STOPPED if isinstance(failed, WritesStoppedError) else "unreachable", len(batch))
            return Sent.NO
        except RefusedError as refused:
            now = self.clock.now()
            await self.store.refused(batch_id, str(refused), now, now + REFUSED_PAUSE)
            log.warning("batch.refused", reason=str(refused), status=refused.status, code=refused.code)
            if refused.status in GONE:
                return Sent.SOME_GONE
            task.refuse(len(batch))
            if isinstance(refused, AuthError):
                self.halted.asked |= token_refused(refused)
                raise
            return Sent.REFUSED
        await self.store.accepted(batch_id, job_id, self.clock.now())
        log.info("batch.sent", job_id=job_id)
        task.count_sent(len(batch))
        return Sent.YES

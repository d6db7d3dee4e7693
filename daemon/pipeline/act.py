"""Act: send what a plan says, batch by batch. It never decides; each batch is journalled before it is sent (P11).

For one group: look again (P3), drop what changed, patch, write the intent, send once, write down what is known then.
A retry whose answer is lost is not sent again here or anywhere else before reading has shown what happened (P1).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from daemon.core.actions import Mode, Resolve, Retry, Rule
from daemon.core.batches import Act, Batch, BatchItem, split
from daemon.core.cases import case_key, needs_digest
from daemon.core.exceptions import AuthError, RefusedError, TemporaryError, UnknownResultError
from daemon.core.judgements import Gone, Judged
from daemon.core.plans import Plan, PlanItem, PlannedGroup
from daemon.core.records import Step, StepRef
from daemon.core.tally import Tally
from daemon.pipeline.collect import count_gone
from daemon.pipeline.judge import Judgement
from daemon.pipeline.look import SecondLook
from daemon.pipeline.patch import Patcher, Rewritten
from daemon.pipeline.terms import Clock, Stopping, Terms

LOOK = 1000
"""How many planned errors one second look covers; about one page of the platform's list."""

REFUSED_PAUSE = timedelta(minutes=15)
"""When a batch that the platform refused is due again."""

GONE = frozenset({404, 410, 422})
"""Answers that may mean that some ids of the batch are not there any more."""


class Writer(Protocol):
    """The writes of this stage; each raises `UnknownResultError` where it may have happened."""

    async def retry(self, ref: StepRef, retry_keys: Sequence[str]) -> str:
        """Start one retry job and return its id, "" where the answer named none."""

    async def resolve(self, ref: StepRef, error_ids: Sequence[str]) -> None:
        """Resolve the errors."""

    async def assign(self, ref: StepRef, error_ids: Sequence[str], email: str) -> None:
        """Give the errors to a person."""

    async def set_tags(self, ref: StepRef, errors: Sequence[tuple[str, str]], tag_ids: Sequence[str]) -> None:
        """Replace the tags of the errors, given as (error id, retry data key)."""


class Journal(Protocol):
    """The journal of writes; every call is durable when it returns."""

    async def intend(self, batch: Batch, now: datetime) -> int:
        """Write down what will be sent and return the entry's id."""

    async def withdraw(self, batch_id: int, error_ids: Sequence[str], now: datetime, retry_at: datetime) -> None:
        """Take errors out of an intended batch that will not be sent with it; their attempts are given back."""

    async def accepted(self, batch_id: int, job_id: str, now: datetime) -> None:
        """Note that the platform took the batch."""

    async def unknown(self, batch_id: int, reason: str, now: datetime) -> None:
        """Note that the batch was sent and its answer lost."""

    async def refused(self, batch_id: int, reason: str, now: datetime, retry_at: datetime) -> None:
        """Note that the platform refused the batch; its errors are due again at *retry_at*."""

    async def not_sent(self, batch_id: int, reason: str, now: datetime, retry_at: datetime) -> None:
        """Note that nothing of the batch left the process; its errors are due again at *retry_at*."""


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
    """Send the groups of one plan for one account."""

    terms: Terms
    client: Writer
    store: ActStore
    look: SecondLook
    patcher: Patcher
    clock: Clock
    log: FilteringBoundLogger
    stopping: Stopping

    async def run(self, plan: Plan, group: PlannedGroup, step: Step, rule: Rule, tally: Tally) -> None:
        """Send what *group* of *plan* may send, in batches of at most ``batch_size``."""
        if not group.send or group.mode is not Mode.ENFORCE:
            return
        task = _Task(plan=plan, group=group, step=step, rule=rule, tally=tally)
        after: PlanItem | None = None
        while items := await self.store.plan_items(plan.plan_id, group, after, LOOK):
            after = items[-1]
            for run in split(await self._look(task, items), self.terms.batch_size):
                if self.stopping.asked:
                    return
                await self._send_run(task, run)

    async def _look(self, task: "_Task", items: Sequence[PlanItem]) -> Sequence[Judgement]:
        """Return those of *items* that still are what the plan says, and write down what became of the others."""
        ref = task.step.ref
        looked = await self.look.look(task.step, task.rule.id, task.group.act, items, self.clock.now())
        task.tally.dropped.update(looked.reasons.values())
        if looked.changed:
            await self.store.rejudge(ref, [each.to_keep() for each in looked.changed])
        if looked.gone:
            count_gone(task.tally, await self.store.drop(ref, looked.gone))
        return looked.fit

    async def _send_run(self, task: "_Task", run: Sequence[Judgement]) -> None:
        """Send one batch; where the platform says that some of it is gone, look again and send what is left once."""
        if await self._send(task, run) is not _Sent.SOME_GONE:
            return
        left = await self._look(task, [_item(each) for each in run])
        if left and len(left) < len(run):
            await self._send(task, left)

    async def _send(self, task: "_Task", run: Sequence[Judgement]) -> "_Sent":
        ref, rule = task.step.ref, task.rule
        if task.group.act is Act.TAG:
            for tags, same in by_tags(run, rule.tags).items():
                errors = [(each.record.error_id, each.record.retry_key) for each in same]
                await self._mark(task, same, ",".join(tags), partial(self.client.set_tags, ref, errors, tags))
            return _Sent.YES
        if task.group.act is Act.ASSIGN:
            await self._mark(task, run, rule.assign, partial(self.client.assign, ref, _ids(run), rule.assign))
            return _Sent.YES
        if task.group.act is Act.RESOLVE:
            because = rule.action.because if isinstance(rule.action, Resolve) else "attempts exhausted"
            batch = _batch(task, run, detail=because)
            batch_id = await self.store.intend(batch, self.clock.now())
            return await self._write(task, batch_id, batch, partial(self.client.resolve, ref, batch.error_ids))
        return await self._retry(task, run)

    async def _retry(self, task: "_Task", run: Sequence[Judgement]) -> "_Sent":
        """Patch where the rule says so, then retry: one journalled unit."""
        rewritten: Mapping[str, Rewritten] = {}
        if isinstance(task.rule.action, Retry) and task.rule.action.patched:
            rewritten, held = await self.patcher.prepare(task.step, run)
            if held:
                await self.store.rejudge(task.step.ref, [each.to_keep() for each in held])
                task.tally.add("held", len(held), rule_id=task.rule.id)
            run = [each for each in run if each.record.error_id in rewritten]
        if not run:
            return _Sent.NO
        batch = _batch(task, run, rewritten=rewritten)
        batch_id = await self.store.intend(batch, self.clock.now())
        batch = await self._patch(task, batch_id, batch, rewritten)
        if not batch.items:
            return _Sent.NO
        return await self._write(task, batch_id, batch, partial(self.client.retry, task.step.ref, batch.retry_keys))

    async def _patch(self, task: "_Task", batch_id: int, batch: Batch, rewritten: Mapping[str, Rewritten]) -> Batch:
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
            task.tally.dropped.update(failed.values())
            await self.store.withdraw(batch_id, list(failed), now, now + REFUSED_PAUSE)
        kept = tuple(item for item in batch.items if item.error_id not in failed)
        task.tally.add("patched", len(kept), rule_id=task.rule.id)
        return replace(batch, items=kept)

    async def _mark(
        self, task: "_Task", run: Sequence[Judgement], detail: str, call: Callable[[], Awaitable[None]]
    ) -> None:
        """Tag or assign: harmless when done twice, so a lost answer is simply tried again next time."""
        batch = _batch(task, run, detail=detail)
        batch_id = await self.store.intend(batch, self.clock.now())
        if await self._write(task, batch_id, batch, call) is _Sent.YES:
            await self.store.unmark(task.step.ref, batch.error_ids, task.group.act)

    async def _write(
        self, task: "_Task", batch_id: int, batch: Batch, call: Callable[[], Awaitable[str | None]]
    ) -> "_Sent":
        """Send one intended batch once, and journal what is known afterwards."""
        log = self.log.bind(
            batch=batch_id, step_id=batch.step.step_id, rule=batch.rule_id, action=batch.act.value, errors=len(batch)
        )
        act = batch.act
        try:
            job_id = await call() or ""
        except UnknownResultError as lost:  # P1: never sent again before confirm has looked
            await self.store.unknown(batch_id, str(lost), self.clock.now())
            log.warning("batch.unknown", reason=str(lost))
            task.count_sent(act, len(batch))
            return _Sent.YES if act in (Act.RETRY, Act.RESOLVE) else _Sent.NO
        except TemporaryError as failed:
            now = self.clock.now()
            await self.store.not_sent(batch_id, str(failed), now, now + timedelta(seconds=failed.wait_s))
            log.warning("batch.held", reason=str(failed))
            task.tally.dropped["unreachable"] += len(batch)
            return _Sent.NO
        except RefusedError as refused:
            now = self.clock.now()
            await self.store.refused(batch_id, str(refused), now, now + REFUSED_PAUSE)
            log.warning("batch.refused", reason=str(refused), status=refused.status, code=refused.code)
            if isinstance(refused, AuthError):
                raise
            if refused.status in GONE:
                return _Sent.SOME_GONE
            task.tally.add("refused", len(batch), rule_id=batch.rule_id)
            return _Sent.NO
        await self.store.accepted(batch_id, job_id, self.clock.now())
        log.info("batch.sent", job_id=job_id)
        task.count_sent(act, len(batch))
        return _Sent.YES


class _Sent(Enum):
    """How sending one batch went; YES also where the answer was lost, since it may have happened."""

    YES = "yes"
    NO = "no"
    SOME_GONE = "some gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """One group of one plan on its way out."""

    plan: Plan
    group: PlannedGroup
    step: Step
    rule: Rule
    tally: Tally

    def count_sent(self, act: Act, errors: int) -> None:
        """Count a batch that left the process."""
        self.tally.batches_sent += 1
        if act is Act.RETRY:
            self.tally.add("retried", errors, rule_id=self.rule.id)
        elif act is Act.RESOLVE:
            self.tally.add("resolved", errors, rule_id=self.rule.id)


def by_tags(run: Sequence[Judgement], tags: Sequence[str]) -> dict[tuple[str, ...], list[Judgement]]:
    """Group *run* by the whole set of tags each error is to have, because a PUT of tags replaces what is there."""
    groups: dict[tuple[str, ...], list[Judgement]] = {}
    for each in run:
        groups.setdefault(tuple(sorted({*each.record.tags, *tags})), []).append(each)
    return groups


def _batch(
    task: _Task, run: Sequence[Judgement], *, rewritten: Mapping[str, Rewritten] | None = None, detail: str = ""
) -> Batch:
    return Batch(
        step=task.step.ref,
        act=task.group.act,
        rule_id=task.rule.id,
        rules=task.plan.rules,
        plan_id=task.plan.plan_id,
        items=tuple(_batch_item(each, (rewritten or {}).get(each.record.error_id)) for each in run),
        detail=detail,
    )


def _batch_item(judgement: Judgement, rewritten: Rewritten | None) -> BatchItem:
    record = judgement.record
    if rewritten is None:
        return BatchItem(error_id=record.error_id, case_key=judgement.case_key, retry_key=record.retry_key)
    return BatchItem(
        error_id=record.error_id,
        case_key=judgement.case_key,
        retry_key=record.retry_key,
        before=rewritten.before.envelope,
        after=rewritten.after.envelope,
        alias=case_key(record, rewritten.after.data_digest) if needs_digest(record) else "",
    )


def _item(judgement: Judgement) -> PlanItem:
    record = judgement.record
    if record.occurred_at is None:  # the policy never lets such an error be due
        msg = f"error {record.error_id} is planned but does not say when it occurred"
        raise LookupError(msg)
    return PlanItem(
        error_id=record.error_id,
        case_key=judgement.case_key,
        occurred_at=record.occurred_at,
        fingerprint=record.fingerprint(),
    )


def _ids(run: Sequence[Judgement]) -> list[str]:
    return [each.record.error_id for each in run]

"""One account as the service runs it: cycles and confirmations with their canonical log lines, and ``once``."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from structlog.typing import FilteringBoundLogger

from daemon.app.figures import Figures
from daemon.app.lock import AccountLock
from daemon.app.told import Told
from daemon.core.actions import Mode
from daemon.core.applied import CarriedOut
from daemon.core.continuity import Outdated
from daemon.core.decisions import LEFT_ALONE, Verb
from daemon.core.exceptions import (
    AuthError,
    FlowmendError,
    ForeignStoreError,
    LockedError,
    LockLostError,
    PlanError,
)
from daemon.core.plans import Plan, PlanState
from daemon.core.tally import COUNTS, Tally
from daemon.core.totals import Totals
from daemon.pipeline.cycle import AccountCycle
from daemon.pipeline.terms import Clock

REFUSED_PAUSE = timedelta(minutes=5)
"""How long an account is left alone after its token was refused, before it is tried again."""

READS_ONLY = 2
"""How many passes of ``once`` may only read: errors younger than ``poll.settle`` need another look."""

T = TypeVar("T")

Progress = Callable[[str, Sequence[Tally]], None]
"""Told at every turn of ``once`` what is under way (a word), and the figures so far; the last may go on to change."""


class Counts(Protocol):
    """What the figures ask of the store."""

    async def open_count(self, account: str) -> int:
        """Return how many errors are open."""

    async def unsettled_count(self, account: str) -> int:
        """Return how many writes have no outcome yet."""

    async def unmatched_count(self, account: str) -> int:
        """Return how many open errors no rule matches."""

    async def unknown_count(self, account: str) -> int:
        """Return how many retried errors wait for a person to say what came of them."""

    async def error_counts(self, account: str, reason: str | None = None) -> dict[tuple[Verb, str, str], int]:
        """Return the open errors by verb, rule and reason; *reason* asks for those of one."""

    async def open_plans(self, account: str | None, now: datetime) -> Sequence[Plan]:
        """Return the plans that wait for a person or are approved."""


@dataclass(slots=True, kw_only=True)
class AccountRunner:
    """Run one account, one pass at a time, and only while this process holds its *lock*: else it raises LockedError.

    *refused_until* is set while its token is refused or its store is about another account: nothing is sent before
    then. *between* are the figures of the confirmations since the last cycle; the next cycle's line tells them, too.
    *unmatched* is as of the last cycle: to count that every error is looked at.
    *beside* can only plan, by what the process that holds the lock has read.
    """

    name: str
    pass_: AccountCycle
    beside: AccountCycle
    lock: AccountLock
    counts: Counts
    clock: Clock
    log: FilteringBoundLogger
    requests: Callable[[], int]
    throttled_s: Callable[[], float]
    told: Told
    totals: Totals = field(default_factory=Totals)
    refused_until: datetime | None = None
    last_success_at: datetime | None = None
    lag_s: float = 0.0
    unmatched: int | None = None
    unsettled: int = 0
    between: Tally = field(default_factory=Tally)
    backlog_told: bool = False
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    locked_out: str = ""

    @property
    def outdated(self) -> Outdated | None:
        """Return what this process found that its store does not know, None while nothing was."""
        return self.pass_.continuity.outdated

    @property
    def left_alone_until(self) -> datetime | None:
        """Return until when nothing is sent, None where it may be; a clock that was ahead makes it no longer."""
        until, now = self.refused_until, self.clock.now()
        return until if until is not None and until - REFUSED_PAUSE <= now < until else None

    async def cycle(self, tally: Tally | None = None, *, act: bool = True) -> tuple[Tally, Plan | None]:
        """Run one cycle, adding to *tally* where one is given, and log its canonical line."""
        return await self._alone(lambda: self._cycle(tally, act=act))

    async def confirm(self) -> Tally:
        """Settle what can be settled."""
        return await self._alone(self._confirm)

    async def adopt_backlog(self) -> None:
        """From now on judge the errors that were there before this store like all others."""
        await self._alone(self.pass_.adopt_backlog)

    async def _alone(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do *work* while no other pass runs, here or in another process."""
        async with self.turn:
            await self.lock.hold()
            self.locked_out = ""
            try:
                return await work()
            except LockLostError:
                await self.lock.keep()  # the store knew it first; from now on we do, too
                raise
            finally:
                self.told.tell_matched()

    def refused_by(self, locked: LockedError) -> None:
        """Say who looks after the account instead, once for each (what was lost has been said by the lock)."""
        if str(locked) != self.locked_out and not isinstance(locked, LockLostError):
            self.locked_out = str(locked)
            self.log.error(
                "lock.refused", reason=self.locked_out, hint="this one waits, and takes over when that one ends"
            )

    async def _cycle(self, tally: Tally | None, *, act: bool) -> tuple[Tally, Plan | None]:
        began, requests = self.clock.now(), self.requests()
        if self.last_success_at is None:
            await self.pass_.ownership.check()
            await self.told.tell_states()  # as an earlier process left them, so that the log tells their end, too
        tally, plan = await self.pass_.run(tally or Tally(totals=self.totals), act=act)
        self.refused_until = None
        if tally.steps_read and not self.backlog_told:
            await self._tell_backlog()
        self.last_success_at = self.clock.now()
        took_s, self.lag_s = round((self.last_success_at - began).total_seconds(), 3), round(tally.lag_s, 3)
        self.totals.cycle_s.add(took_s)
        counts, incidents = tally.counts + self.between.counts, tally.incidents + self.between.incidents
        self.between = Tally()
        await self.told.tell_states()
        self.unmatched = await self.counts.unmatched_count(self.name)
        self.log.info(
            "cycle.finished",
            open=await self.counts.open_count(self.name),
            **{name: counts[name] for name in COUNTS},
            unmatched_open=self.unmatched,
            unknown_open=await self.counts.unknown_count(self.name),
            skipped=sum(tally.skipped.values()),
            incidents=incidents,
            steps_read=tally.steps_read,
            steps_failed=tally.steps_failed,
            batches=tally.batches_sent,
            unsettled=await self.counts.unsettled_count(self.name),
            requests=self.requests() - requests,
            lag_s=self.lag_s,
            took_s=took_s,
        )
        return tally, plan

    def refuse(self, refused: AuthError | ForeignStoreError) -> None:
        """Leave the account alone for a while: its token was refused, or its store is about another account."""
        self.refused_until = self.clock.now() + REFUSED_PAUSE
        if isinstance(refused, ForeignStoreError):
            self.log.error("store.foreign", belongs_to=refused.belongs_to, found=refused.found, advice=refused.advice)
            return
        self.pass_.ownership.forget()
        self.log.error("account.refused", reason=str(refused), status=refused.status)

    async def _tell_backlog(self) -> None:
        """Say how many errors are left to people because they were there before this store, if any are."""
        left = sum((await self.counts.error_counts(self.name, "backlog")).values())
        if left:
            self.backlog_told = True
            self.log.info("backlog.left", errors=left, advice="flowmend once --adopt-backlog")

    async def _confirm(self) -> Tally:
        tally, self.unsettled = await self.pass_.confirm(Tally(totals=self.totals))
        self.between.merge(tally)
        return tally

    async def once(self, wait: timedelta, progress: Progress, *, adopt_backlog: bool = False) -> Figures:
        """Collect once, then act and confirm, ramp stages included, until nothing more is due or *wait* runs out."""
        total, requests = Tally(totals=self.totals), self.requests()
        failure: FlowmendError | None = None
        try:
            if adopt_backlog:
                await self.adopt_backlog()
            await self._until_quiet(total, self.clock.now() + wait, progress)
        except FlowmendError as error:
            failure = error
        return await self._figures(total, requests, failure)

    async def apply(self, plan_id: int, by: str, wait: timedelta, progress: Progress) -> tuple[Figures, CarriedOut]:
        """Send what one plan names, because *by* says so, then wait for the outcomes until *wait* runs out.

        Raises:
            PlanError: the plan cannot be applied; nothing of it was sent.
            LockedError: another process looks after the account; that one can be let send it.
        """
        total, requests, deadline = Tally(totals=self.totals), self.requests(), self.clock.now() + wait
        while (done := await self._apply(plan_id, by, total)) is None:
            if self.clock.now() >= deadline:
                raise PlanError(
                    f"plan {plan_id} was not applied: a retry is still at work on one of its steps. "
                    f"flowmend approve {plan_id} lets the running service send it when that has ended"
                )
            progress("waiting for a retry that is still at work", (total,))
            await self.clock.sleep(self.pass_.terms.confirm_every.total_seconds())
        failure = done.failure
        try:
            await self._settle(total, deadline, progress)
        except FlowmendError as error:
            failure = failure or error
        return await self._figures(total, requests, failure), done

    async def _apply(self, plan_id: int, by: str, tally: Tally) -> CarriedOut | None:
        try:
            return await self._alone(lambda: self.pass_.apply(plan_id, by, tally))
        except LockedError as locked:
            raise LockedError(f"{locked}. flowmend approve {plan_id} lets it send the plan") from locked

    async def _figures(self, total: Tally, requests_before: int, failure: FlowmendError | None) -> Figures:
        ours = not isinstance(failure, ForeignStoreError)  # else what the store counts is another account's
        return Figures(
            account=self.name,
            open=await self.counts.open_count(self.name) if ours else 0,
            tally=total,
            requests=self.requests() - requests_before,
            unsettled=await self.counts.unsettled_count(self.name) if ours else 0,
            failure=failure,
            waits=await self.waiting() if ours else (),
            outdated=self.outdated,
        )

    async def waiting(self) -> list[Plan]:
        """Return the plans that wait for a person, oldest first."""
        plans = await self.counts.open_plans(self.name, self.clock.now())
        return [plan for plan in plans if plan.state is PlanState.WAITING]

    async def _until_quiet(self, total: Tally, deadline: datetime, progress: Progress) -> None:
        reads_left = READS_ONLY
        dropped: Counter[str] = Counter()
        while True:
            tally = Tally(totals=self.totals)
            progress("reading and acting" if self.pass_.terms.mode is not Mode.OBSERVE else "reading", (total, tally))
            try:
                await self.cycle(tally)
            finally:
                total.merge(tally)
                progress("waiting for outcomes", (total,))
            total.steps_failed = tally.steps_failed  # what failed before and was read since has not failed
            dropped += tally.dropped
            settled = await self._settle(total, deadline, progress)
            total.skipped = dropped + tally.skipped + await self.not_due()
            progress("waiting for what is younger than poll.settle", (total,))
            if self.clock.now() >= deadline:
                return
            if not tally.batches_sent and not settled:
                if not tally.steps_read or not reads_left:
                    return
                reads_left -= 1
                await self.clock.sleep(self.pass_.terms.polling.settle.total_seconds())

    async def _settle(self, total: Tally, deadline: datetime, progress: Progress) -> int:
        settled = 0
        while True:
            tally = await self.confirm()
            settled += tally.settled
            total.merge(tally)
            progress("waiting for outcomes", (total,))
            left = deadline - self.clock.now()
            if not self.unsettled or left <= timedelta(0):
                return settled
            await self.clock.sleep(min(self.pass_.terms.confirm_every, left).total_seconds())

    async def not_due(self) -> Counter[str]:
        """Count, by reason, the open errors that a rule matched and that are not to be sent now; held ones if it observes."""
        skipped, observes = Counter[str](), self.pass_.terms.mode is Mode.OBSERVE
        for (verb, _, reason), count in (await self.counts.error_counts(self.name)).items():
            waits = (verb is Verb.RETRY and reason != "due") or (verb is Verb.LEAVE and reason != LEFT_ALONE)
            if waits or (observes and verb is Verb.HOLD):
                skipped[reason] += count
        return skipped

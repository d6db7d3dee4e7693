"""One cycle: survey → collect → guard → act, and between cycles confirm. This file reads like the main path.

One account is one `AccountCycle`, whose owner runs one of its cycles and confirmations at a time; accounts do not wait
for each other. Nothing here knows aiohttp or SQL.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from daemon.core.applied import CarriedOut
from daemon.core.batches import Act
from daemon.core.continuity import ADVICE
from daemon.core.exceptions import PlanError
from daemon.core.plans import Plan, PlannedGroup
from daemon.core.policy import Caps
from daemon.core.reads import Recheck
from daemon.core.records import Step, StepRef
from daemon.core.rows import ErrorRow
from daemon.core.tally import Tally
from daemon.core.windows import Window
from daemon.pipeline.act import Actor, ActStore, Writer
from daemon.pipeline.collect import Collector, CollectStore
from daemon.pipeline.confirm import Confirmer, ConfirmStore, OutcomeReader
from daemon.pipeline.continuity import ADOPTED, Continuity
from daemon.pipeline.departures import Departures, DepartureStore
from daemon.pipeline.guard import Guard, GuardStore, PlatformState
from daemon.pipeline.judge import Judge, Judgement
from daemon.pipeline.look import SecondLook
from daemon.pipeline.naming import CaseReader, RetryDataReader
from daemon.pipeline.ownership import Ownership
from daemon.pipeline.pages import ErrorLister
from daemon.pipeline.patch import Patcher, PatchHistory, RetryDataWriter
from daemon.pipeline.patience import Patience
from daemon.pipeline.plans import Plans, PlanStore
from daemon.pipeline.record import Recorder, Redact
from daemon.pipeline.retry_jobs import RetryJobs
from daemon.pipeline.side_by_side import each_step
from daemon.pipeline.started import StartedJobs
from daemon.pipeline.survey import QUIET, StepWork, Summaries, Survey, SurveyStore
from daemon.pipeline.terms import Clock, Rules, Stopping, Terms


class Client(Summaries, ErrorLister, RetryDataReader, PlatformState, Writer, RetryDataWriter, OutcomeReader, Protocol):
    """Everything the main path asks of integrator.io."""

    @property
    def requests(self) -> int:
        """Return how many requests have been sent."""


class Store(
    SurveyStore,
    CaseReader,
    CollectStore,
    GuardStore,
    PlanStore,
    PatchHistory,
    ActStore,
    ConfirmStore,
    DepartureStore,
    Protocol,
):
    """Everything the main path asks of the store."""

    async def named_by_data_under_way(self, account: str) -> bool:
        """Tell whether an error without an outcome is of a case that only its retry data names."""

    async def rechecks(self, account: str, now: datetime) -> Sequence[Recheck]:
        """Return the windows that hold errors to be judged again now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCycle:
    """Run the main path for one account. *rules* gives the set in force, asked once at the start of each pass.

    Where another process acts on the account, *acts* is false: then this one can only plan. *redact* is how messages are
    recorded; None: nothing is.
    """

    terms: Terms
    rules: Callable[[], Rules]
    client: Client
    store: Store
    ownership: Ownership
    continuity: Continuity
    patience: Patience
    retries: RetryJobs
    clock: Clock
    log: FilteringBoundLogger
    stopping: Stopping = field(default_factory=Stopping)
    without_summary: set[str] = field(default_factory=set)
    reported: set[tuple[str, Act]] = field(default_factory=set)
    acts: bool = True
    redact: Redact | None = None

    async def run(self, tally: Tally | None = None, *, act: bool = True) -> tuple[Tally, Plan | None]:
        """Collect what is new, plan what is due and (with *act*) send it; return the figures and the plan.

        The figures are added to *tally* as they come about, where one is given.
        """
        tally, rules, began = tally or Tally(), self.rules(), self.clock.now()
        await self.ownership.check()
        parts = await self._parts(rules, began)
        await self._collect(parts, tally, began)
        plan = None
        if await self.continuity.check(self.ownership.user_id, tally):
            if act:
                await parts.plans.send_approved(tally)
            weighed = await parts.guard.weigh(tally, self.clock.now())
            plan = await (parts.plans.send_own(weighed, tally) if act else parts.plans.keep(weighed))
        await self.continuity.alive()
        departures = Departures(client=self.client, retries=self.retries, store=self.store, log=self.log)
        await departures.ask(self.terms.account, self.clock.now())
        return tally, plan

    async def plan_known(self) -> Plan | None:
        """Plan what is due by what the store knows already, without reading what is open now."""
        await self.ownership.check()
        parts = await self._parts(self.rules(), self.clock.now())
        return await parts.plans.keep(await parts.guard.weigh(Tally(), self.clock.now()))

    async def apply(self, plan_id: int, by: str, tally: Tally) -> CarriedOut | None:
        """Carry out one plan because *by* says so; None where a running job is in the way for now.

        Raises:
            PlanError: the plan cannot be carried out, or somebody else has; nothing was sent.
        """
        await self.ownership.check()
        if not await self.continuity.check(self.ownership.user_id, tally):
            raise PlanError(f"plan {plan_id} was not applied: {self.continuity.outdated}. {ADVICE}")
        parts = await self._parts(self.rules(), self.clock.now())
        return await parts.plans.apply(plan_id, by, tally)

    async def explain(self, row: ErrorRow) -> tuple[Step, Judgement | None, PlannedGroup | None]:
        """Read one known error again and judge it as a cycle would; write nothing.

        The judgement is None where the error is not open any more. The group is what the guards say of all that its
        rule has due on the step, None where the error is not due.
        """
        await self.ownership.check()
        now = self.clock.now()
        step = (await self.store.steps(self.terms.account))[row.step]
        parts = await self._parts(self.rules(), now)
        looked = await parts.look.again(step, row.error_id, row.occurred_at, now)
        weighed = await parts.guard.weigh(Tally(), now)
        group = next((each for each in weighed.groups if looked is not None and _is_of(each, step, looked)), None)
        return step, looked, group

    async def confirm(self, tally: Tally | None = None) -> tuple[Tally, int]:
        """Settle what can be settled; return the figures and how many writes are left without an outcome."""
        tally, now = tally or Tally(), self.clock.now()
        await self.ownership.check()
        parts = await self._parts(self.rules(), now)
        return tally, await parts.confirmer.run(tally, now)

    async def adopt_backlog(self) -> None:
        """From now on judge the errors that were there before this store like all others."""
        await self.ownership.check()
        await self.continuity.adopt()

    async def _parts(self, rules: Rules, now: datetime) -> "_Parts":
        terms, act_after = self.terms, await self.continuity.act_after(now)
        caps = Caps(
            mode=terms.mode,
            max_attempts_per_case=terms.max_attempts_per_case,
            retry_max_age=terms.retry_max_age,
            act_after=act_after,
        )
        judge = Judge(
            rules=rules,
            caps=caps,
            client=self.client,
            store=self.store,
            retries=self.retries,
            log=self.log,
            # a record that only its retry data can name may come back from a retry without an outcome
            name_all=await self.store.named_by_data_under_way(terms.account),
        )
        basis = f"{rules.version}/{terms.mode.name.lower()}/{act_after.isoformat() if act_after else ADOPTED}"
        recorder = None if self.redact is None else Recorder(redact=self.redact)
        collector = Collector(
            client=self.client, store=self.store, judge=judge, basis=basis, log=self.log, recorder=recorder
        )
        look = SecondLook(client=self.client, store=self.store, judge=judge)
        patcher = Patcher(rules=rules, client=self.client, store=self.store)
        guard = Guard(
            terms=terms,
            rules=rules,
            client=self.client,
            retries=self.retries,
            store=self.store,
            log=self.log,
            reported=self.reported,
            acts=self.acts,
            unsure=self.continuity.unsure,
        )
        actor = Actor(
            terms=terms,
            client=self.client,
            retries=self.retries,
            store=self.store,
            look=look,
            patcher=patcher,
            clock=self.clock,
            log=self.log,
            stopping=self.stopping,
        )
        return _Parts(
            look=look,
            collector=collector,
            survey=Survey(
                terms=terms,
                client=self.client,
                store=self.store,
                log=self.log,
                without_summary=self.without_summary,
            ),
            guard=guard,
            plans=Plans(
                terms=terms, rules=rules, guard=guard, actor=actor, store=self.store, clock=self.clock, log=self.log
            ),
            confirmer=Confirmer(
                terms=terms,
                client=self.client,
                store=self.store,
                jobs=StartedJobs(client=self.client, store=self.store, user_id=self.ownership.user_id),
                collector=collector,
                patience=self.patience,
                log=self.log,
            ),
        )

    async def _collect(self, parts: "_Parts", tally: Tally, now: datetime) -> None:
        account = self.terms.account
        found = await parts.survey.run(parts.collector.basis, now)
        for flow_id in found.flow_marks:
            await self.store.save_flow_mark(account, flow_id, None)

        whole: set[StepRef] = set()

        async def read(work: StepWork) -> None:
            if await parts.collector.read(work, tally, now):
                whole.add(work.step.ref)

        async def recheck(work: StepWork) -> None:
            await parts.collector.recheck(work.step, work.window, tally, now)

        side_by_side = partial(each_step, at_once=self.terms.concurrency, tally=tally, log=self.log)
        failed = await side_by_side(found.work, read)
        tally.steps_failed += len(found.failed)
        due = await self.store.rechecks(account, now)
        steps = await self.store.steps(account) if due or found.failed else {}
        behind = [work.step.ref for work in failed] + [ref for ref in steps if ref.flow_id in found.failed]
        for ref in behind:
            watermark_at = (await self.store.progress(ref)).watermark_at or now - self.terms.polling.lookback
            tally.lag_s = max(tally.lag_s, (now - watermark_at).total_seconds())
        for flow_id, mark in found.flow_marks.items():
            if all(work.step.ref in whole for work in found.work if work.step.ref.flow_id == flow_id):
                await self.store.save_flow_mark(account, flow_id, mark)
        again = [
            StepWork(
                step=steps[each.step], summary=QUIET, window=Window(since=each.since, until=each.until), reason="due"
            )
            for each in due
        ]
        await side_by_side(again, recheck)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """The stages of one pass, all with the same rules."""

    look: SecondLook
    survey: Survey
    collector: Collector
    guard: Guard
    plans: Plans
    confirmer: Confirmer


def _is_of(group: PlannedGroup, step: Step, judgement: Judgement) -> bool:
    """Tell whether the group is what the error is due with."""
    decision = judgement.decision
    return (group.step, group.rule_id, group.act.value) == (step.ref, decision.rule_id, decision.verb.value)

"""Plans: freeze what may go, let wait what a person must release, and carry out one plan, once (P3, P6).

Who carries a plan out first moves it to ``applying``; of two who try only one can. A plan that is cut off there is never
taken up again: what was not sent of it is simply due again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from daemon.core.actions import Mode
from daemon.core.applied import Applied, CarriedOut
from daemon.core.batches import Act
from daemon.core.exceptions import FlowmendError, PlanError
from daemon.core.plans import PLAN_LIFE, UNSENT, Plan, PlannedGroup, PlanState, not_to_be_sent
from daemon.core.records import Step, StepRef
from daemon.core.tally import Tally
from daemon.pipeline.act import Actor
from daemon.pipeline.guard import Guard, Weighed
from daemon.pipeline.side_by_side import each_step
from daemon.pipeline.task import Task
from daemon.pipeline.terms import Clock, Rules, Terms, by_id

PASSING = frozenset({"paused", "ramp-waits", "retry-running", "unreachable"})
"""What is in the way of a group for a short time only; an approved plan waits for its end, until it expires."""


class PlanStore(Protocol):
    """What plans ask of the store."""

    async def make_plan(
        self,
        account: str,
        rules: str,
        groups: Sequence[PlannedGroup],
        state: PlanState,
        now: datetime,
        expires_at: datetime,
    ) -> Plan:
        """Freeze the errors of *groups*."""

    async def plan(self, plan_id: int) -> Plan | None:
        """Return one plan."""

    async def open_plans(self, account: str | None, now: datetime) -> list[Plan]:
        """Return the plans that wait for a person or are approved, and have not expired."""

    async def move_plan(
        self, plan_id: int, from_states: Collection[PlanState], to: PlanState, by: str, now: datetime
    ) -> bool:
        """Move a plan that is in one of *from_states* and has not expired; say whether it was."""

    async def steps(self, account: str) -> Mapping[StepRef, Step]:
        """Return the steps met so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """The plans of one pass over one account."""

    terms: Terms
    rules: Rules
    guard: Guard
    actor: Actor
    store: PlanStore
    clock: Clock
    log: FilteringBoundLogger

    async def send_approved(self, tally: Tally) -> None:
        """Send what people have approved since the last cycle; what a running job is in the way of waits."""
        if self.terms.mode is Mode.OBSERVE:
            return
        for plan in await self.store.open_plans(self.terms.account, self.clock.now()):
            if plan.state is PlanState.APPROVED and not self.actor.stopping.asked:
                applied = await self.guard.again(plan, self.clock.now())
                if not self._deferred(plan, applied):
                    await self._carry_out(plan, applied, tally, (PlanState.APPROVED,))

    async def send_own(self, weighed: Weighed, tally: Tally) -> Plan | None:
        """Send what may go by itself; put what needs a person's approval into plans that wait for it."""
        wait = [group for group in weighed.groups if group.send and group.mode is Mode.APPROVE]
        await self._let_wait([wait, *weighed.over_limits])
        go = [group for group in weighed.groups if group.send and group.mode is Mode.ENFORCE]
        plan = await self._freeze(go, PlanState.MADE)
        if plan is not None:
            await self._carry_out(plan, [Applied(group=group) for group in plan.groups], tally, UNSENT)
        return plan

    async def keep(self, weighed: Weighed) -> Plan | None:
        """Freeze what a cycle would send, for a person to apply; what is over a limit waits in plans of its own."""
        await self._let_wait(weighed.over_limits)
        return await self._freeze(weighed.groups, PlanState.MADE)

    async def apply(self, plan_id: int, by: str, tally: Tally) -> CarriedOut | None:
        """Carry out one plan because a person says so; None where a running job is in the way for now.

        Raises:
            PlanError: the plan cannot be carried out, or somebody else has; nothing was sent.
        """
        plan = await self._sendable(plan_id)
        if self.terms.mode is Mode.OBSERVE:
            raise PlanError(
                f"plan {plan_id} was not applied: this account is only observed, so nothing is sent. "
                'mode = "approve" or "enforce" in the configuration lets it be applied'
            )
        applied = await self.guard.again(plan, self.clock.now())
        paused = next((each.group.detail for each in applied if each.group.reason == "paused"), "")
        if paused:
            raise PlanError(
                f"plan {plan_id} was not applied: {paused}. It can be, after flowmend resume, until it expires"
            )
        if self._deferred(plan, applied):
            return None
        try:
            ours = await self._carry_out(plan, applied, tally, UNSENT, by)
        except FlowmendError as failure:
            return CarriedOut(applied=applied, failure=failure)
        if not ours:
            await self._sendable(plan_id)  # says who was faster
        return CarriedOut(applied=applied)

    async def _sendable(self, plan_id: int) -> Plan:
        plan = await self.store.plan(plan_id)
        if plan is None or plan.account != self.terms.account:
            raise PlanError(f"account {self.terms.account} has no plan {plan_id}")
        why = not_to_be_sent(plan, self.clock.now())
        if why:
            raise PlanError(why)
        return plan

    async def _freeze(self, groups: Sequence[PlannedGroup], state: PlanState, why: str = "") -> Plan | None:
        """Freeze the errors of *groups* into a plan that may be applied for half an hour; None for no groups."""
        if not groups:
            return None
        now = self.clock.now()
        plan = await self.store.make_plan(self.terms.account, self.rules.version, groups, state, now, now + PLAN_LIFE)
        self.log.info(
            "plan.made",
            plan=plan.plan_id,
            state=state.value,
            rules=plan.rules,
            due=sum(group.count for group in groups),
            send=sum(group.send for group in groups),
            reason=why,
        )
        return plan

    async def _let_wait(self, sets: Sequence[Sequence[PlannedGroup]]) -> None:
        """Put each set into a plan that waits for a person, without what waits there already under the same rules."""
        if not any(sets):
            return
        waiting = await self.store.open_plans(self.terms.account, self.clock.now())
        covered = {_key(group) for plan in waiting if plan.rules == self.rules.version for group in plan.groups}
        for each in sets:
            new = [group for group in each if _key(group) not in covered]
            over_limit = next((group.detail for group in new if group.reason == "limit"), "")
            await self._freeze(new, PlanState.WAITING, over_limit or "approve")

    def _deferred(self, plan: Plan, applied: Sequence[Applied]) -> bool:
        """Tell whether something that will pass is in the way of a group: then the whole plan waits for it."""
        first = next((each.group for each in applied if each.group.reason in PASSING), None)
        if first is not None:
            self.log.info("plan.deferred", plan=plan.plan_id, step_id=first.step.step_id, reason=first.detail)
        return first is not None

    async def _carry_out(
        self,
        plan: Plan,
        applied: Sequence[Applied],
        tally: Tally,
        from_states: Collection[PlanState],
        by: str = "",
    ) -> bool:
        """Send the groups that have not *ended*: steps side by side, the groups of one step in rule order.

        Return whether the plan was ours to send.
        """
        if not await self.store.move_plan(plan.plan_id, from_states, PlanState.APPLYING, by, self.clock.now()):
            return False
        steps, rules = await self.store.steps(self.terms.account), by_id(self.rules)
        by_step: dict[StepRef, list[Applied]] = {}
        for each in applied:
            if each.ended:
                tally.dropped.update(each.dropped)
            else:
                by_step.setdefault(each.group.step, []).append(each)

        async def send(ref: StepRef) -> None:
            for each in by_step[ref]:
                task = Task(plan=plan, applied=each, step=steps[ref], rule=rules[each.group.rule_id], tally=tally)
                await self.actor.run(task)

        try:
            await each_step(list(by_step), send, at_once=self.terms.concurrency, tally=tally, log=self.log)
        finally:
            await self._conclude(plan, applied, by or plan.decided_by)
        return True

    async def _conclude(self, plan: Plan, applied: Sequence[Applied], by: str) -> None:
        """Say how much of the plan was sent; only a whole one is applied, another stays as it was interrupted."""
        log = self.log.bind(
            plan=plan.plan_id,
            by=by,
            sent=sum(each.sent for each in applied),
            refused=sum(each.refused for each in applied),
            dropped=sum(each.dropped.total() for each in applied),
        )
        if not all(each.ended for each in applied):
            log.warning("plan.interrupted", left=sum(each.left for each in applied))
            return
        await self.store.move_plan(plan.plan_id, (PlanState.APPLYING,), PlanState.APPLIED, "", self.clock.now())
        log.info("plan.applied")


def _key(group: PlannedGroup) -> tuple[StepRef, str, Act]:
    return group.step, group.rule_id, group.act

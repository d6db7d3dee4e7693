"""Guard: of what is due, say what may go now, and why the rest may not (P6, P15).

First the ramp, then the breakers, then what the platform says of each step (flow disabled, a retry job still at work,
connection offline), and last the limits (whole rules), which so weigh only what is really to be sent.
"""

from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from daemon.core.actions import Mode, Retry, Rule
from daemon.core.applied import Applied
from daemon.core.batches import Act
from daemon.core.breakers import OFFLINE
from daemon.core.exceptions import ProtocolError, RefusedError, TemporaryError
from daemon.core.guards import Scales, cut, weigh, wishes
from daemon.core.plans import DueGroup, Plan, PlannedGroup
from daemon.core.ramp import MEMORY, Stage, allowance
from daemon.core.records import Connection, Flow, Step, StepRef
from daemon.core.tally import Tally
from daemon.core.totals import Totals
from daemon.core.usage import Usage
from daemon.pipeline.breakers import Breakers, BreakerStore
from daemon.pipeline.retry_jobs import RetryJobs
from daemon.pipeline.survey import token_refused
from daemon.pipeline.terms import Rules, Terms, by_id

JOBS_BACK = timedelta(days=1)
"""How far back a retry job may have been created and still be at work."""


class PlatformState(Protocol):
    """What tells whether anything may be written to a step now, and the reads that tell whether it can take a retry."""

    def may_write(self, ref: StepRef, /) -> Awaitable[str]:
        """Say why nothing may be written to the step now, or ""."""

    async def flow(self, flow_id: str) -> Flow:
        """Return the flow as it is now."""

    async def connection(self, connection_id: str) -> Connection:
        """Return the connection as it is now."""


class GuardStore(BreakerStore, Protocol):
    """What the guards ask of the store."""

    async def due_groups(self, account: str, now: datetime) -> list[DueGroup]:
        """Return what is due, by step, rule and act."""

    async def usage(self, account: str, now: datetime) -> Usage:
        """Return what was sent in the last hour and day."""

    async def open_counts(self, account: str) -> dict[StepRef, int]:
        """Return the open errors of each step."""

    async def stages(self, ref: StepRef, rule_id: str, since: datetime) -> list[Stage]:
        """Return what each plan sent of the rule on the step, and what has come of it."""

    async def steps(self, account: str) -> dict[StepRef, Step]:
        """Return the steps met so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What is due, with how much may go now; and by rule what only a person may let go, because it is over a limit."""

    groups: tuple[PlannedGroup, ...] = ()
    over_limits: tuple[tuple[PlannedGroup, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Weigh what is due in one cycle of one account.

    *reported* are the limits already said to be reached, *unsure* the steps on which nothing may be retried yet. Where
    another process acts on the account, *acts* is false: that one says and remembers what happens to it.
    """

    terms: Terms
    rules: Rules
    client: PlatformState
    retries: RetryJobs
    store: GuardStore
    log: FilteringBoundLogger
    reported: set[tuple[str, Act]] = field(default_factory=set)
    acts: bool = True
    unsure: Collection[StepRef] = ()

    async def weigh(self, tally: Tally, now: datetime) -> Weighed:
        """Return what is due with how much of it may go now, and why not all; count what is held back."""
        account = self.terms.account
        platform = await self._platform(now)
        steps = platform.steps
        due: list[DueGroup] = []
        for each in await self.store.due_groups(account, now):
            if self.terms.includes(each.step.flow_id, steps[each.step].flow_name):
                due.append(each)
            else:  # judged before the configuration excluded its flow
                tally.skipped["excluded"] += each.count
        if not due:
            if self.acts:
                self._report_limits((), tally.totals)
            return Weighed()
        rules = by_id(self.rules)
        cut_down = [
            await self._cut(group, rules[group.rule_id], platform, now) for group in wishes(due, rules, self.terms.mode)
        ]
        scales = Scales(
            limits=self.terms.limits(),
            usage=await self.store.usage(account, now),
            open_on_step=await self.store.open_counts(account),
        )
        weighed = weigh(cut_down, rules, scales)
        if self.acts:
            self._report_limits(weighed, tally.totals)
        groups = await platform.breakers.choose(weighed)
        over: dict[tuple[str, Act], list[PlannedGroup]] = {}
        for before, group in zip(cut_down, groups, strict=True):
            if group.reason:
                tally.skipped[group.reason] += group.count - group.send
            if group.mode is Mode.APPROVE:
                tally.skipped["approve"] += group.send
            if group.reason == "limit":
                over.setdefault((group.rule_id, group.act), []).append(replace(group, send=before.send))
        return Weighed(groups=tuple(groups), over_limits=tuple(map(tuple, over.values())))

    async def again(self, plan: Plan, now: datetime) -> list[Applied]:
        """Return the groups of a plan that a person lets go: to be sent whole, or dropped whole for a reason.

        Limits hold back what would go by itself; what a person has named goes, and counts.
        """
        platform, rules = await self._platform(now), by_id(self.rules)
        found: list[Applied] = []
        for group in plan.groups:
            if not group.send:
                continue
            reason, detail = await self._obstacle(plan, group, rules, platform, now)
            applied = Applied(group=replace(group, mode=Mode.ENFORCE, reason=reason, detail=detail))
            if reason:
                applied.drop(reason, group.send)
                applied.ended = True
            found.append(applied)
        return found

    async def _obstacle(
        self, plan: Plan, group: PlannedGroup, rules: Mapping[str, Rule], platform: "_Platform", now: datetime
    ) -> tuple[str, str]:
        if plan.rules != self.rules.version:  # what was approved may not be what the rule would do now
            return "rules-changed", f"the plan was made with {plan.rules}; {self.rules.version} is in force"
        if not self.terms.includes(group.step.flow_id, platform.steps[group.step].flow_name):
            return "excluded", ""
        if min(self.terms.mode, rules[group.rule_id].mode) is Mode.OBSERVE:
            return "observe", ""
        left = await self._cut(group, rules[group.rule_id], platform, now)
        if not left.send:
            return left.reason, left.detail
        if group.act is Act.RETRY:
            allowed = await platform.breakers.allowance(group.step)
            if allowed.most is not None and allowed.most < group.send:
                return allowed.reason, allowed.detail  # a plan is sent whole, and here only one record may go
            await platform.breakers.choose([group])
        return "", ""

    async def _platform(self, now: datetime) -> "_Platform":
        account = self.terms.account
        steps = await self.store.steps(account)
        breakers = Breakers(account=account, store=self.store, steps=steps, now=now, log=self.log, acts=self.acts)
        return _Platform(client=self.client, retries=self.retries, steps=steps, breakers=await breakers.turn(), now=now)

    async def _cut(self, group: PlannedGroup, rule: Rule, platform: "_Platform", now: datetime) -> PlannedGroup:
        if group.send and (why := await self.client.may_write(group.step)):
            return cut(group, most=0, reason="paused", detail=why)
        if group.act is not Act.RETRY or not group.send:
            return group
        if group.step in self.unsure:
            why = "it is not known whether retry jobs that this store has no record of are at work there"
            return cut(group, most=0, reason="unreachable", detail=why)
        ramp = rule.action.ramp if isinstance(rule.action, Retry) else ()
        stages = await self.store.stages(group.step, rule.id, now - MEMORY) if ramp else ()
        allowed = allowance(ramp, stages, now)
        group = cut(group, most=allowed.most, reason=allowed.reason, detail=allowed.detail)
        if not group.send:
            return group
        reason, detail = await platform.obstacle(group.step)
        if reason:
            return cut(group, most=0, reason=reason, detail=detail)
        allowed = await platform.breakers.allowance(group.step)
        return cut(group, most=allowed.most, reason=allowed.reason, detail=allowed.detail)

    def _report_limits(self, groups: Sequence[PlannedGroup], totals: Totals) -> None:
        """Say once that a rule is over a limit, and that it no longer is when something of it goes, or nothing is due."""
        over = {(group.rule_id, group.act): group for group in groups if group.reason == "limit"}
        for (rule_id, act), group in over.items():
            if (rule_id, act) not in self.reported:
                held = sum(each.count for each in groups if (each.rule_id, each.act) == (rule_id, act))
                totals.limited[rule_id] += held
                self.log.warning("limit.reached", rule=rule_id, action=act.value, held=held, reason=group.detail)
        due = {(group.rule_id, group.act) for group in groups}
        going = {(group.rule_id, group.act) for group in groups if group.send}
        before = {rule_id for rule_id, _ in self.reported}
        self.reported.intersection_update(due - going)
        self.reported.update(over)
        for rule_id in sorted(before - {rule_id for rule_id, _ in self.reported}):
            self.log.info("limit.cleared", rule=rule_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Platform:
    """What the platform says now, asked once per flow, step and connection in a cycle."""

    client: PlatformState
    retries: RetryJobs
    steps: Mapping[StepRef, Step]
    breakers: Breakers
    now: datetime
    flows: dict[str, Flow] = field(default_factory=dict)
    connections: dict[str, Connection] = field(default_factory=dict)
    answers: dict[StepRef, tuple[str, str]] = field(default_factory=dict)

    async def obstacle(self, ref: StepRef) -> tuple[str, str]:
        """Say why a retry on the step would be refused or pointless now, as a reason and a sentence, or "", ""."""
        stopped = await self.breakers.allowance(ref)
        if stopped.most == 0 and stopped.reason != OFFLINE:  # whether a connection is back online must be asked
            return stopped.reason, stopped.detail
        if ref not in self.answers:
            try:
                self.answers[ref] = await self._ask(ref)
            except TemporaryError as failed:
                self.answers[ref] = ("unreachable", str(failed))
            except (RefusedError, ProtocolError) as refused:
                if token_refused(refused):
                    raise
                self.answers[ref] = ("state-unreadable", str(refused))
        return self.answers[ref]

    async def _ask(self, ref: StepRef) -> tuple[str, str]:
        if ref.flow_id not in self.flows:
            self.flows[ref.flow_id] = await self.client.flow(ref.flow_id)
        flow = self.flows[ref.flow_id]
        if flow.disabled:
            return "flow-disabled", f"flow {flow.name or flow.flow_id} is disabled; integrator.io refuses retries"
        step = self.steps[ref]
        if step.connection_id:
            if step.connection_id not in self.connections:
                self.connections[step.connection_id] = await self.client.connection(step.connection_id)
            connection = self.connections[step.connection_id]
            await self.breakers.see(connection)
            if connection.offline:
                return OFFLINE, f"connection {connection.name or connection.connection_id} is offline"
        for job in await self.retries.at_work(step, since=self.now - JOBS_BACK):
            return "retry-running", f"retry job {job.job_id} of this step is still {job.status}"
        return "", ""

"""Guard: of what is due, freeze what may go now into a plan, and say why the rest may not (P3, P6, P15).

First the limits (whole rules), then the ramp, then what the platform says of each step (flow disabled, a retry job still
at work, connection offline). Only steps with something to send are asked about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from daemon.core.actions import Mode, Retry, Rule
from daemon.core.batches import Act
from daemon.core.exceptions import ProtocolError, RefusedError, TemporaryError
from daemon.core.guards import Scales, cut, weigh
from daemon.core.plans import PLAN_LIFE, DueGroup, Plan, PlannedGroup, PlanState
from daemon.core.ramp import MEMORY, Stage, allowance
from daemon.core.records import Connection, Flow, Job, Step, StepRef
from daemon.core.tally import Tally
from daemon.core.usage import Usage
from daemon.pipeline.survey import token_refused
from daemon.pipeline.terms import Rules, Terms, by_id

JOBS_BACK = timedelta(days=1)
"""How far back a retry job may have been created and still be at work."""

AT_WORK = ("queued", "running", "retrying")
"""The job statuses that are asked for; the platform takes one per call."""


class PlatformState(Protocol):
    """The reads that tell whether a step can take a retry now."""

    async def flow(self, flow_id: str) -> Flow:
        """Return the flow as it is now."""

    async def retry_jobs(self, step: Step, *, since: datetime | None, statuses: Sequence[str] = ()) -> list[Job]:
        """Return the step's retry jobs in any of *statuses*."""

    async def connection(self, connection_id: str) -> Connection:
        """Return the connection as it is now."""


class PlanStore(Protocol):
    """What planning asks of the store."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Make the plan of one cycle for one account. *reported* are the limits already said to be reached."""

    terms: Terms
    rules: Rules
    client: PlatformState
    store: PlanStore
    log: FilteringBoundLogger
    reported: set[tuple[str, Act]] = field(default_factory=set)

    async def weigh(self, tally: Tally, now: datetime) -> list[PlannedGroup]:
        """Return what is due with how much of it may go now, and why not all; count what is held back."""
        account = self.terms.account
        steps = await self.store.steps(account)
        due: list[DueGroup] = []
        for each in await self.store.due_groups(account, now):
            if self.terms.includes(each.step.flow_id, steps[each.step].flow_name):
                due.append(each)
            else:  # judged before the configuration excluded its flow
                tally.skipped["excluded"] += each.count
        if not due:
            self.reported.clear()
            return []
        rules = by_id(self.rules)
        scales = Scales(
            mode=self.terms.mode,
            limits=self.terms.limits,
            usage=await self.store.usage(account, now),
            open_on_step=await self.store.open_counts(account),
        )
        weighed = weigh(due, rules, scales)
        self._report_limits(weighed)
        platform = _Platform(client=self.client, steps=steps, now=now)
        groups = [await self._cut(group, rules[group.rule_id], platform, now) for group in weighed]
        for group in groups:
            if group.reason:
                tally.skipped[group.reason] += group.count - group.send
            if group.mode is Mode.APPROVE:
                tally.skipped["approve"] += group.send
        return groups

    async def freeze(self, groups: Sequence[PlannedGroup], state: PlanState, now: datetime) -> Plan | None:
        """Freeze the errors of *groups* into a plan that may be applied for half an hour; None for no groups."""
        if not groups:
            return None
        account = self.terms.account
        plan = await self.store.make_plan(account, self.rules.version, groups, state, now, now + PLAN_LIFE)
        self.log.info(
            "plan.made",
            plan=plan.plan_id,
            state=state.value,
            rules=plan.rules,
            due=sum(group.count for group in groups),
            send=sum(group.send for group in groups),
        )
        return plan

    async def _cut(self, group: PlannedGroup, rule: Rule, platform: "_Platform", now: datetime) -> PlannedGroup:
        if group.act is not Act.RETRY or not group.send:
            return group
        ramp = rule.action.ramp if isinstance(rule.action, Retry) else ()
        allowed = allowance(ramp, await self.store.stages(group.step, rule.id, now - MEMORY), now)
        group = cut(group, most=allowed.most, reason=allowed.reason, detail=allowed.detail)
        if not group.send:
            return group
        reason, detail = await platform.obstacle(group.step)
        return cut(group, most=0, reason=reason, detail=detail) if reason else group

    def _report_limits(self, groups: Sequence[PlannedGroup]) -> None:
        """Say once that a rule is over a limit, and again only after it has been under it in between."""
        over = {(group.rule_id, group.act): group for group in groups if group.reason == "limit"}
        for (rule_id, act), group in over.items():
            if (rule_id, act) not in self.reported:
                held = sum(each.count for each in groups if (each.rule_id, each.act) == (rule_id, act))
                self.log.warning("limit.reached", rule=rule_id, action=act.value, held=held, reason=group.detail)
        self.reported.clear()
        self.reported.update(over)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Platform:
    """What the platform says now, asked once per flow, step and connection in a cycle."""

    client: PlatformState
    steps: Mapping[StepRef, Step]
    now: datetime
    flows: dict[str, Flow] = field(default_factory=dict)
    connections: dict[str, Connection] = field(default_factory=dict)
    answers: dict[StepRef, tuple[str, str]] = field(default_factory=dict)

    async def obstacle(self, ref: StepRef) -> tuple[str, str]:
        """Say why a retry on the step would be refused or pointless now, as a reason and a sentence, or "", ""."""
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
            if connection.offline:
                return "connection-offline", f"connection {connection.name or connection.connection_id} is offline"
        jobs = await self.client.retry_jobs(step, since=self.now - JOBS_BACK, statuses=AT_WORK)
        for job in jobs:
            if not job.ended:
                return "retry-running", f"retry job {job.job_id} of this step is still {job.status}"
        return "", ""

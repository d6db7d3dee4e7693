"""The store without a database: what is due, what was sent lately, and plans."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daemon.core.batches import Act
from daemon.core.decisions import Outcome, Verb
from daemon.core.judgements import Gone, Judged
from daemon.core.plans import DueGroup, Plan, PlanItem, PlannedGroup, PlanState
from daemon.core.ramp import Stage
from daemon.core.records import StepRef
from daemon.core.usage import Usage
from daemon.store.columns import EPOCH
from daemon.store.due import SENT_WITHIN
from daemon.store.memory_errors import Shelves
from daemon.store.memory_rows import Item, Row

FAILED = (Outcome.CAME_BACK, Outcome.UNKNOWN)
BACK = (Outcome.CAME_BACK, Outcome.REFUSED)


@dataclass(slots=True)
class Frozen:
    """A plan and the items of each of its groups."""

    plan: Plan
    items: dict[tuple[StepRef, str, Act], list[PlanItem]]


class MemoryPlans(Shelves):
    """What is due, and the plans that were made of it."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        super().__init__(now=now)
        self.frozen: dict[int, Frozen] = {}

    async def steps_to_retry(self, account: str) -> list[StepRef]:
        """Return the steps with errors that are to be retried, now or later."""
        waiting = (ref for ref, row in self.of(account) if row.judged.verb is Verb.RETRY and row.due_at is not None)
        return sorted(set(waiting))

    async def due_groups(self, account: str, now: datetime) -> list[DueGroup]:
        """Return what is due now: errors to retry, resolve, tag or assign, by step, rule and act."""
        names: dict[tuple[StepRef, str, Act], set[str]] = {}
        for ref, row in self.of(account):
            for act in Act:
                if _wanted(row, act, now):
                    name = row.judged.case_key if act is Act.RETRY else row.judged.error_id
                    names.setdefault((ref, row.judged.rule_id, act), set()).add(name)
        order = list(Act)
        found = sorted(names.items(), key=lambda pair: (pair[0][0], pair[0][1], order.index(pair[0][2])))
        return [DueGroup(step=ref, rule_id=rule, act=act, count=len(them)) for (ref, rule, act), them in found]

    async def usage(self, account: str, now: datetime) -> Usage:
        """Return how many errors were sent in the hour and the day before *now*."""
        hour, day = Counter[tuple[str, Act]](), Counter[tuple[str, Act]]()
        resolved = Counter[tuple[str, StepRef]]()
        for entry in self.entries.values():
            batch, age = entry.written.batch, now - entry.written.intended_at
            if batch.step.account == account and entry.happened:
                key = (batch.rule_id, batch.act)
                hour[key] += len(entry.items) * (age < timedelta(hours=1))
                day[key] += len(entry.items) * (age < timedelta(days=1))
                if batch.act is Act.RESOLVE and age < timedelta(hours=1):
                    taken = sum(item.outcome not in BACK for item in entry.items.values())
                    resolved[batch.rule_id, batch.step] += taken
        return Usage(hour=dict(+hour), day=dict(+day), resolved=dict(+resolved))

    async def stages(self, ref: StepRef, rule_id: str, since: datetime) -> list[Stage]:
        """Return what each plan has retried of the rule on the step that has no outcome, or had its last since then."""
        sent: dict[int, list[Item]] = {}
        sent_at: dict[int, datetime] = {}
        for entry in self.entries.values():
            batch, at = entry.written.batch, entry.written.intended_at
            mine = (batch.step, batch.rule_id, batch.act) == (ref, rule_id, Act.RETRY)
            items = [item for item in entry.items.values() if item.outcome is not Outcome.REFUSED]
            if mine and entry.happened and at >= since - SENT_WITHIN and items:
                sent.setdefault(batch.plan_id, []).extend(items)
                sent_at[batch.plan_id] = min(at, sent_at.get(batch.plan_id, at))
        stages = [
            Stage(
                plan_id=plan_id,
                sent_at=sent_at[plan_id],
                sent=len(items),
                confirmed=sum(item.outcome is Outcome.CONFIRMED for item in items),
                failed=sum(item.outcome in FAILED for item in items),
                open=sum(item.outcome is None for item in items),
                settled_at=max((item.settled_at for item in items if item.settled_at), default=None),
            )
            for plan_id, items in sorted(sent.items(), key=lambda pair: (sent_at[pair[0]], pair[0]))
        ]
        return [stage for stage in stages if stage.open or (stage.settled_at or stage.sent_at) >= since]

    async def make_plan(
        self,
        account: str,
        rules: str,
        groups: Sequence[PlannedGroup],
        state: PlanState,
        now: datetime,
        expires_at: datetime,
    ) -> Plan:
        """Freeze what *groups* may send of what is due now: what was tried before first, then the oldest; one error of each case."""
        plan = Plan(
            plan_id=next(self.numbers),
            account=account,
            rules=rules,
            made_at=now,
            expires_at=expires_at,
            state=state,
            groups=tuple(groups),
        )
        items = {_key(group): sorted(self._choose(group, now)[: group.send], key=_place) for group in groups}
        self.frozen[plan.plan_id] = Frozen(plan=plan, items=items)
        return plan

    def _choose(self, group: PlannedGroup, now: datetime) -> list[PlanItem]:
        chosen: dict[str, PlanItem] = {}
        rows = self.rows.get(group.step, {})
        found = [
            _item(row) for row in rows.values() if row.judged.rule_id == group.rule_id and _wanted(row, group.act, now)
        ]
        for item in sorted(found, key=lambda one: (EPOCH - one.occurred_at, one.error_id)):
            chosen.setdefault(item.case_key if group.act is Act.RETRY else item.error_id, item)
        return sorted(chosen.values(), key=lambda one: (not rows[one.error_id].tried, *_place(one)))

    async def plan(self, plan_id: int) -> Plan | None:
        """Return one plan, None where there is none."""
        return self.frozen[plan_id].plan if plan_id in self.frozen else None

    async def plans(self, account: str, limit: int) -> list[Plan]:
        """Return the account's newest plans, newest first."""
        return [one.plan for one in reversed(self.frozen.values()) if one.plan.account == account][:limit]

    async def open_plans(self, account: str | None, now: datetime) -> list[Plan]:
        """Return the plans (None: of every account) that wait for a person or are approved, oldest first; no expired one."""
        return [
            one.plan
            for one in self.frozen.values()
            if one.plan.standing(now) in (PlanState.WAITING, PlanState.APPROVED) and account in (None, one.plan.account)
        ]

    async def move_plan(
        self, plan_id: int, from_states: Collection[PlanState], to: PlanState, by: str, now: datetime
    ) -> bool:
        """Move a plan that is in one of *from_states* and say whether it was: of two who try at once, one is told True.

        One that has expired before any of it was sent moves no more. *by* is kept as who decided, "" changes nothing.
        """
        known = self.frozen.get(plan_id)
        if known is None or known.plan.standing(now) not in from_states:
            return False
        known.plan = replace(known.plan, state=to, decided_by=by or known.plan.decided_by)
        return True

    async def plan_outcomes(self, plan_id: int) -> dict[tuple[str, Act], Counter[Outcome | None]]:
        """Return what came of what was sent of a plan, by rule and act; None counts what has no outcome yet."""
        found: dict[tuple[str, Act], Counter[Outcome | None]] = {}
        for entry in self.entries.values():
            batch = entry.written.batch
            if batch.plan_id == plan_id and entry.happened:
                outcomes = found.setdefault((batch.rule_id, batch.act), Counter())
                outcomes.update(item.outcome for item in entry.items.values())
        return found

    async def plan_items(self, plan_id: int, group: PlannedGroup, after: PlanItem | None, limit: int) -> list[PlanItem]:
        """Return the next *limit* errors of a plan's group after *after*, in the order of their occurrence."""
        items = self.frozen[plan_id].items.get(_key(group), []) if plan_id in self.frozen else []
        start = (after.occurred_at, after.error_id) if after else (EPOCH, "")
        return [item for item in items if (item.occurred_at, item.error_id) > start][:limit]

    async def rejudge(self, ref: StepRef, judged: Sequence[Judged]) -> None:
        """Replace what was decided about errors; those in flight stay as they are."""
        self.keep(ref, judged)

    async def drop(self, ref: StepRef, error_ids: Sequence[str]) -> list[Gone]:
        """Forget errors that are not open any more and return those that were stored and not in flight."""
        return self.forget(ref, error_ids)

    async def unmark(self, ref: StepRef, error_ids: Sequence[str], act: Act) -> None:
        """Note that errors have been tagged or assigned."""
        rows = self.rows.get(ref, {})
        for row in (rows[each] for each in error_ids if each in rows):
            row.judged = row.judged._replace(tag=False) if act is Act.TAG else row.judged._replace(assign=False)


def _wanted(row: Row, act: Act, now: datetime) -> bool:
    if row.batch_id is not None or row.judged.occurred_at is None:
        return False
    if act in (Act.TAG, Act.ASSIGN):
        return row.judged.tag if act is Act.TAG else row.judged.assign
    return row.judged.verb is Verb(act.value) and row.due_at is not None and row.due_at <= now


def _item(row: Row) -> PlanItem:
    judged = row.judged
    return PlanItem(
        error_id=judged.error_id,
        case_key=judged.case_key,
        occurred_at=judged.occurred_at or EPOCH,
        fingerprint=judged.fingerprint,
    )


def _place(item: PlanItem) -> tuple[datetime, str]:
    return item.occurred_at, item.error_id


def _key(group: PlannedGroup) -> tuple[StepRef, str, Act]:
    return group.step, group.rule_id, group.act

"""Plans: what is due, what has been sent lately, and the frozen list of what is to be sent now (P3, P6)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Insert, Select, and_, bindparam, case, func, insert, literal, or_, select, tuple_, update

from daemon.core.actions import Mode
from daemon.core.batches import Act
from daemon.core.decisions import Outcome, Verb
from daemon.core.exceptions import StoreError
from daemon.core.judgements import Gone, Judged
from daemon.core.plans import DueGroup, Plan, PlanItem, PlannedGroup, PlanState
from daemon.core.ramp import Stage
from daemon.core.records import StepRef
from daemon.core.usage import Usage
from daemon.store.cases import SENT
from daemon.store.columns import EPOCH, Moment
from daemon.store.judged import NAMED, STEP, forget, keep
from daemon.store.sqlite import document
from daemon.store.steps import REF, STEP_NO, address, find_step, make_step, ref_of
from daemon.store.tables import (
    WANTS_ASSIGN,
    WANTS_TAG,
    batch_items,
    batches,
    errors,
    plan_groups,
    plan_items,
    plans,
    steps,
    verdicts,
)
from daemon.store.transactions import Database, reads, writes, writes_soon

ACCOUNT = bindparam("account")
NOW = bindparam("now", type_=Moment())
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

WANTS = {Act.TAG: WANTS_TAG, Act.ASSIGN: WANTS_ASSIGN}

_with_verdict = errors.join(verdicts, verdicts.c.verdict_no == errors.c.verdict_no)
_due = and_(errors.c.due_at <= NOW, errors.c.batch_no.is_(None))
DUE = (
    select(
        *REF,
        verdicts.c.rule_id,
        verdicts.c.verb.label("act"),
        func.count(
            case((verdicts.c.verb == Verb.RETRY, errors.c.case_key), else_=errors.c.error_id).distinct()
        ).label("count"),
    )
    .select_from(_with_verdict.join(steps, steps.c.step_no == errors.c.step_no))
    .where(steps.c.account == ACCOUNT, _due, verdicts.c.verb.in_((Verb.RETRY, Verb.RESOLVE)))
    .group_by(*REF, verdicts.c.rule_id, verdicts.c.verb)
)


def _wanted(act: Act) -> Any:
    """Tell whether an error is to be tagged (or assigned) and not in flight."""
    return and_(errors.c.wants > 0, errors.c.wants.bitwise_and(WANTS[act]) > 0, errors.c.batch_no.is_(None))


WANTED = {
    act: select(*REF, verdicts.c.rule_id, literal(act.value).label("act"), func.count().label("count"))
    .select_from(_with_verdict.join(steps, steps.c.step_no == errors.c.step_no))
    .where(steps.c.account == ACCOUNT, _wanted(act))
    .group_by(*REF, verdicts.c.rule_id)
    for act in WANTS
}

_hour = case((batches.c.intended_at > bindparam("hour_ago", type_=Moment()), batches.c.size), else_=0)
USAGE = (
    select(batches.c.rule_id, batches.c.act, func.sum(_hour).label("hour"), func.sum(batches.c.size).label("day"))
    .join_from(batches, steps)
    .where(steps.c.account == ACCOUNT, batches.c.intended_at > bindparam("day_ago"), SENT)
    .group_by(batches.c.rule_id, batches.c.act)
)


def _items_with(*outcomes: Outcome | None) -> Any:
    return func.sum(case((or_(*(batch_items.c.outcome.is_not_distinct_from(each) for each in outcomes)), 1), else_=0))


STAGES = (
    select(
        batches.c.plan_id,
        func.min(batches.c.intended_at).label("sent_at"),
        func.count().label("sent"),
        _items_with(Outcome.CONFIRMED).label("confirmed"),
        _items_with(Outcome.CAME_BACK, Outcome.REFUSED, Outcome.UNKNOWN).label("failed"),
        _items_with(None).label("open"),
    )
    .join_from(batches, batch_items, batch_items.c.batch_no == batches.c.batch_no)
    .where(
        batches.c.step_no == STEP,
        batches.c.rule_id == bindparam("rule_id"),
        batches.c.act == Act.RETRY,
        batches.c.intended_at >= bindparam("since"),
        SENT,
    )
    .group_by(batches.c.plan_id)
    .order_by("sent_at", batches.c.plan_id)
)

_occurred_at = func.coalesce(errors.c.occurred_at, literal(EPOCH, Moment()))
_rank = func.row_number().over(partition_by=errors.c.case_key, order_by=(_occurred_at.desc(), errors.c.error_id))


def _choose(act: Act) -> Insert:
    """Freeze the first ``send`` of a group; of a case with several errors a retry takes the newest."""
    place = _rank if act is Act.RETRY else literal(1)
    wanted = _wanted(act) if act in WANTS else and_(_due, verdicts.c.verb == act.value)
    choice = (
        select(
            _occurred_at.label("occurred_at"),
            errors.c.error_id,
            errors.c.case_key,
            errors.c.fingerprint,
            place.label("place"),
        )
        .select_from(_with_verdict)
        .where(errors.c.step_no == STEP, verdicts.c.rule_id == bindparam("rule_id"), wanted)
        .subquery()
    )
    chosen = (choice.c.occurred_at, choice.c.error_id, choice.c.case_key, choice.c.fingerprint)
    return insert(plan_items).from_select(
        ["plan_id", "group_no", "occurred_at", "error_id", "case_key", "fingerprint"],
        select(bindparam("plan_id"), bindparam("group_no"), *chosen)
        .where(choice.c.place == 1)
        .order_by(choice.c.occurred_at, choice.c.error_id)
        .limit(bindparam("send")),
    )


CHOOSE = {act: _choose(act) for act in Act}

_group = and_(
    plan_groups.c.plan_id == bindparam("plan_id"),
    plan_groups.c.step_no == STEP_NO,
    plan_groups.c.rule_id == bindparam("rule_id"),
    plan_groups.c.act == bindparam("act"),
)
_after = tuple_(plan_items.c.occurred_at, plan_items.c.error_id) > tuple_(
    bindparam("after_at", type_=Moment()), bindparam("after_id")
)
ITEMS = (
    select(plan_items)
    .join_from(
        plan_groups,
        plan_items,
        and_(plan_items.c.plan_id == plan_groups.c.plan_id, plan_items.c.group_no == plan_groups.c.group_no),
    )
    .where(_group, _after)
    .order_by(plan_items.c.occurred_at, plan_items.c.error_id)
    .limit(bindparam("limit"))
)
GROUPS = select(plan_groups, *REF).join_from(plan_groups, steps).order_by(plan_groups.c.plan_id, plan_groups.c.group_no)
UNMARK = update(errors).where(errors.c.step_no == STEP, NAMED, errors.c.wants.bitwise_and(bindparam("mark")) > 0)
UNMARK = UNMARK.values(wants=errors.c.wants - bindparam("mark"))


class PlanRows(Database):
    """What is due, and the plans that were made of it."""

    @reads
    def due_groups(self, connection: Connection, account: str, now: datetime) -> list[DueGroup]:
        """Return what is due now: errors to retry, resolve, tag or assign, by step, rule and act."""
        groups = [
            DueGroup(step=ref_of(row), rule_id=row.rule_id, act=Act(row.act), count=row.count)
            for statement in (DUE, *WANTED.values())
            for row in connection.execute(statement, {"account": account, "now": now})
        ]
        return sorted(groups, key=lambda group: (group.step, group.rule_id, list(Act).index(group.act)))

    @reads
    def usage(self, connection: Connection, account: str, now: datetime) -> Usage:
        """Return how many errors were sent in the hour and the day before *now*."""
        since = {"hour_ago": now - HOUR, "day_ago": now - DAY}
        rows = connection.execute(USAGE, {"account": account} | since).all()
        return Usage(
            hour={(row.rule_id, Act(row.act)): row.hour for row in rows if row.hour},
            day={(row.rule_id, Act(row.act)): row.day for row in rows},
        )

    @reads
    def stages(self, connection: Connection, ref: StepRef, rule_id: str, since: datetime) -> list[Stage]:
        """Return what each plan has retried of the rule on the step since then, oldest first.

        An error whose outcome is unknown has failed; one that vanished has neither helped nor failed.
        """
        step_no = find_step(connection, ref)
        if step_no is None:
            return []
        rows = connection.execute(STAGES, {"step_no": step_no, "rule_id": rule_id, "since": since})
        return [Stage(**row._mapping) for row in rows]  # noqa: SLF001 the public way to columns by name

    @writes
    def make_plan(
        self,
        connection: Connection,
        account: str,
        rules: str,
        groups: Sequence[PlannedGroup],
        state: PlanState,
        now: datetime,
        expires_at: datetime,
    ) -> Plan:
        """Freeze what *groups* may send of what is due now: the oldest first, one error of each case for a retry."""
        head = {"account": account, "rules": rules, "made_at": now, "expires_at": expires_at, "state": state.value}
        plan_id: int = connection.execute(insert(plans), head).inserted_primary_key[0]
        for group_no, group in enumerate(groups):
            step_no = make_step(connection, group.step)
            place = {"plan_id": plan_id, "group_no": group_no, "step_no": step_no, "rule_id": group.rule_id}
            connection.execute(insert(plan_groups), place | _group_row(group))
            if group.send:
                connection.execute(CHOOSE[group.act], place | {"now": now, "send": group.send})
        return Plan(plan_id=plan_id, groups=tuple(groups), **{**head, "state": state})

    @reads
    def plan(self, connection: Connection, plan_id: int) -> Plan | None:
        """Return one plan, None where there is none."""
        return next(iter(_plans(connection, select(plans).where(plans.c.plan_id == plan_id))), None)

    @reads
    def plans(self, connection: Connection, account: str, limit: int) -> list[Plan]:
        """Return the account's newest plans, newest first."""
        wanted = select(plans).where(plans.c.account == account).order_by(plans.c.plan_id.desc()).limit(limit)
        return _plans(connection, wanted)

    @reads
    def waiting_plan(self, connection: Connection, account: str, now: datetime) -> Plan | None:
        """Return the newest plan that waits for a person's approval and has not expired."""
        waiting = and_(plans.c.account == account, plans.c.state == PlanState.WAITING, plans.c.expires_at > now)
        found = _plans(connection, select(plans).where(waiting).order_by(plans.c.plan_id.desc()).limit(1))
        return found[0] if found else None

    @writes
    def set_plan_state(self, connection: Connection, plan_id: int, state: PlanState) -> None:
        """Note what became of a plan."""
        changed = update(plans).where(plans.c.plan_id == plan_id).values(state=state.value)
        if not connection.execute(changed).rowcount:
            raise StoreError(f"there is no plan {plan_id}: it cannot become {state.value}")

    @reads
    def plan_items(
        self, connection: Connection, plan_id: int, group: PlannedGroup, after: PlanItem | None, limit: int
    ) -> list[PlanItem]:
        """Return the next *limit* errors of a plan's group after *after*, in the order of their occurrence."""
        place = {"plan_id": plan_id, "rule_id": group.rule_id, "act": group.act.value, "limit": limit}
        start = {"after_at": after.occurred_at, "after_id": after.error_id} if after else BEGINNING
        return [
            PlanItem(
                error_id=row.error_id, case_key=row.case_key, occurred_at=row.occurred_at, fingerprint=row.fingerprint
            )
            for row in connection.execute(ITEMS, address(group.step) | place | start)
        ]

    @writes_soon
    def rejudge(self, connection: Connection, ref: StepRef, judged: Sequence[Judged]) -> None:
        """Replace what was decided about errors; those in flight stay as they are."""
        keep(connection, make_step(connection, ref), judged, self._clock())

    @writes_soon
    def drop(self, connection: Connection, ref: StepRef, error_ids: Sequence[str]) -> list[Gone]:
        """Forget errors that are not open any more and return those that were stored and not in flight."""
        step_no = find_step(connection, ref)
        return [] if step_no is None else forget(connection, step_no, NAMED, error_ids)

    @writes_soon
    def unmark(self, connection: Connection, ref: StepRef, error_ids: Sequence[str], act: Act) -> None:
        """Note that errors have been tagged or assigned."""
        names = {"step_no": make_step(connection, ref), "ids": document(error_ids), "mark": WANTS[act]}
        connection.execute(UNMARK, names)


BEGINNING = {"after_at": EPOCH - DAY, "after_id": ""}
"""Before any planned error."""


def _plans(connection: Connection, wanted: Select[Any]) -> list[Plan]:
    rows = connection.execute(wanted).all()
    groups: dict[int, list[PlannedGroup]] = {row.plan_id: [] for row in rows}
    for row in connection.execute(GROUPS.where(plan_groups.c.plan_id.in_(groups))):
        groups[row.plan_id].append(
            PlannedGroup(
                step=ref_of(row),
                rule_id=row.rule_id,
                act=Act(row.act),
                count=row.count,
                send=row.send,
                mode=Mode(row.mode),
                reason=row.reason,
                detail=row.detail,
            )
        )
    return [
        Plan(
            plan_id=row.plan_id,
            account=row.account,
            rules=row.rules,
            made_at=row.made_at,
            expires_at=row.expires_at,
            state=PlanState(row.state),
            groups=tuple(groups[row.plan_id]),
        )
        for row in rows
    ]


def _group_row(group: PlannedGroup) -> dict[str, Any]:
    return {
        "act": group.act.value,
        "count": group.count,
        "send": group.send,
        "mode": int(group.mode),
        "reason": group.reason,
        "detail": group.detail,
    }

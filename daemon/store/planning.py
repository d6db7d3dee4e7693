"""Plans: the frozen list of what is to be sent now (P3), how far each has come, and who let it go."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Insert,
    Select,
    and_,
    bindparam,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from daemon.core.actions import Mode
from daemon.core.batches import Act
from daemon.core.decisions import Outcome
from daemon.core.plans import UNSENT, Plan, PlanItem, PlannedGroup, PlanState
from daemon.store.cases import SENT
from daemon.store.columns import EPOCH, Moment
from daemon.store.due import DUE_NOW, WANTS, WITH_VERDICT, wanted
from daemon.store.judged import STEP
from daemon.store.steps import REF, STEP_NO, add_numbered, address, make_step, ref_of
from daemon.store.tables import (
    batch_items,
    batches,
    errors,
    plan_groups,
    plan_items,
    plans,
    steps,
    verdicts,
)
from daemon.store.transactions import Database, reads, writes

_rank = func.row_number().over(
    partition_by=errors.c.case_key, order_by=(errors.c.occurred_at.desc(), errors.c.error_id)
)


def _choose(act: Act) -> Insert:
    """Freeze the first ``send`` of a group; of a case with several errors a retry takes the newest.

    Cases that were tried before go first: a stage that only ever tried new ones would never see a second attempt help.
    """
    place = _rank if act is Act.RETRY else literal(1)
    asked = wanted(act) if act in WANTS else and_(DUE_NOW, verdicts.c.verb == act.value)
    choice = (
        select(
            errors.c.occurred_at,
            errors.c.error_id,
            errors.c.case_key,
            errors.c.fingerprint,
            errors.c.tried,
            place.label("place"),
        )
        .select_from(WITH_VERDICT)
        .where(errors.c.step_no == STEP, verdicts.c.rule_id == bindparam("rule_id"), asked)
        .subquery()
    )
    chosen = (choice.c.occurred_at, choice.c.error_id, choice.c.case_key, choice.c.fingerprint)
    return insert(plan_items).from_select(
        ["plan_id", "group_no", "occurred_at", "error_id", "case_key", "fingerprint"],
        select(bindparam("plan"), bindparam("group"), *chosen)
        .where(choice.c.place == 1)
        .order_by(choice.c.tried.desc(), choice.c.occurred_at, choice.c.error_id)
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
OUTCOMES = (
    select(plan_groups.c.rule_id, plan_groups.c.act, batch_items.c.outcome, func.count().label("found"))
    .join_from(plan_groups, plans, plans.c.plan_id == plan_groups.c.plan_id)
    .join(
        batches,
        and_(
            batches.c.step_no == plan_groups.c.step_no,
            batches.c.intended_at >= plans.c.made_at,  # so that the index finds them
            batches.c.plan_id == plan_groups.c.plan_id,
            batches.c.rule_id == plan_groups.c.rule_id,
            batches.c.act == plan_groups.c.act,
        ),
    )
    .join(batch_items, batch_items.c.batch_no == batches.c.batch_no)
    .where(plan_groups.c.plan_id == bindparam("plan_id"), SENT)
    .group_by(plan_groups.c.rule_id, plan_groups.c.act, batch_items.c.outcome)
)
GROUPS = select(plan_groups, *REF).join_from(plan_groups, steps).order_by(plan_groups.c.plan_id, plan_groups.c.group_no)


class PlanRows(Database):
    """What is due, and the plans that were made of it."""

    @writes
    def make_plan(  # noqa: PLR0917 a plan is made of that much
        self,
        connection: Connection,
        account: str,
        rules: str,
        groups: Sequence[PlannedGroup],
        state: PlanState,
        now: datetime,
        expires_at: datetime,
    ) -> Plan:
        """Freeze what *groups* may send of what is due now: what was tried before first, then the oldest; one error of each case."""
        head = {"account": account, "rules": rules, "made_at": now, "expires_at": expires_at, "state": state.value}
        plan_id = add_numbered(connection, plans, head)
        for group_no, group in enumerate(groups):
            step_no = make_step(connection, group.step)
            row = {"plan_id": plan_id, "group_no": group_no, "step_no": step_no, **_group_row(group)}
            connection.execute(insert(plan_groups), row)
            chosen = {"plan": plan_id, "group": group_no, "step": step_no, "rule_id": group.rule_id}
            if group.send:
                connection.execute(CHOOSE[group.act], chosen | {"now": now, "send": group.send})
        return Plan(
            plan_id=plan_id,
            account=account,
            rules=rules,
            made_at=now,
            expires_at=expires_at,
            state=state,
            groups=tuple(groups),
        )

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
    def open_plans(self, connection: Connection, account: str | None, now: datetime) -> list[Plan]:
        """Return the plans (None: of every account) that wait for a person or are approved, oldest first; no expired one."""
        standing = (PlanState.WAITING.value, PlanState.APPROVED.value)
        wanted = select(plans).where(plans.c.expires_at > now, plans.c.state.in_(standing)).order_by(plans.c.plan_id)
        return _plans(connection, wanted if account is None else wanted.where(plans.c.account == account))

    @writes
    def move_plan(
        self,
        connection: Connection,
        plan_id: int,
        from_states: Collection[PlanState],
        to: PlanState,
        by: str,
        now: datetime,
    ) -> bool:
        """Move a plan that is in one of *from_states* and say whether it was: of two who try at once, one is told True.

        One that has expired before any of it was sent moves no more. *by* is kept as who decided, "" changes nothing.
        """
        lasting = or_(plans.c.state.not_in([each.value for each in UNSENT]), plans.c.expires_at > now)
        change = {"state": to.value} | ({"decided_by": by} if by else {})
        moved = update(plans).where(plans.c.plan_id == plan_id, lasting).values(change)
        moved = moved.where(plans.c.state.in_([each.value for each in from_states]))
        return bool(connection.execute(moved).rowcount)

    @reads
    def plan_outcomes(self, connection: Connection, plan_id: int) -> dict[tuple[str, Act], Counter[Outcome | None]]:
        """Return what came of what was sent of a plan, by rule and act; None counts what has no outcome yet."""
        found: dict[tuple[str, Act], Counter[Outcome | None]] = {}
        for row in connection.execute(OUTCOMES, {"plan_id": plan_id}):
            outcome = Outcome(row.outcome) if row.outcome else None
            found.setdefault((row.rule_id, Act(row.act)), Counter())[outcome] = row.found
        return found

    @reads
    def plan_items(
        self, connection: Connection, plan_id: int, group: PlannedGroup, after: PlanItem | None, limit: int
    ) -> list[PlanItem]:
        """Return the next *limit* errors of a plan's group after *after*, in the order of their occurrence."""
        place = {"plan_id": plan_id, "rule_id": group.rule_id, "act": group.act.value, "limit": limit}
        start = (
            {"after_at": after.occurred_at, "after_id": after.error_id}
            if after
            else {"after_at": EPOCH, "after_id": ""}
        )
        return [
            PlanItem(
                error_id=row.error_id, case_key=row.case_key, occurred_at=row.occurred_at, fingerprint=row.fingerprint
            )
            for row in connection.execute(ITEMS, address(group.step) | place | start)
        ]


def _plans(connection: Connection, wanted: Select[Any]) -> list[Plan]:
    rows = connection.execute(wanted).all()
    groups: dict[int, list[PlannedGroup]] = {row.plan_id: [] for row in rows}
    for row in connection.execute(GROUPS.where(plan_groups.c.plan_id.in_(groups))):
        groups[row.plan_id].append(
            PlannedGroup(
                step=ref_of(row),
                rule_id=row.rule_id,
                act=Act(row.act),
                count=row.due,
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
            decided_by=row.decided_by,
        )
        for row in rows
    ]


def _group_row(group: PlannedGroup) -> dict[str, Any]:
    return {
        "rule_id": group.rule_id,
        "act": group.act.value,
        "due": group.count,
        "send": group.send,
        "mode": int(group.mode),
        "reason": group.reason,
        "detail": group.detail,
    }

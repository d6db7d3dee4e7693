"""What is due, what has been sent lately, and what is found out right before sending."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Connection,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    type_coerce,
    union_all,
    update,
)

from daemon.core.batches import Act
from daemon.core.decisions import Verb
from daemon.core.judgements import Gone, Judged
from daemon.core.plans import DueGroup
from daemon.core.ramp import Stage
from daemon.core.records import StepRef
from daemon.core.usage import Usage
from daemon.store.cases import SENT
from daemon.store.columns import Moment, from_ms
from daemon.store.judged import STEP, keep
from daemon.store.leaving import NAMED, forget
from daemon.store.sqlite import document, packed_rows
from daemon.store.steps import REF, find_step, make_step, ref_of
from daemon.store.tables import (
    WANTING,
    WANTS_ASSIGN,
    WANTS_TAG,
    batches,
    errors,
    steps,
    verdicts,
)
from daemon.store.transactions import Database, reads, writes_soon

ACCOUNT = bindparam("account", type_=steps.c.account.type)
NOW = bindparam("now", type_=Moment())
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

WANTS = {Act.TAG: WANTS_TAG, Act.ASSIGN: WANTS_ASSIGN}

WITH_VERDICT = errors.join(verdicts, verdicts.c.verdict_no == errors.c.verdict_no)
_standing = and_(errors.c.batch_no.is_(None), errors.c.occurred_at.is_not(None))
"""Not in flight, and with an age: what does not say when it occurred is never acted on."""
DUE_NOW = and_(errors.c.due_at <= NOW, _standing)
DUE = (
    select(
        *REF,
        verdicts.c.rule_id,
        verdicts.c.verb.label("act"),
        func.count(case((verdicts.c.verb == Verb.RETRY, errors.c.case_key), else_=errors.c.error_id).distinct()).label(
            "found"
        ),
    )
    .select_from(WITH_VERDICT.join(steps, steps.c.step_no == errors.c.step_no))
    .where(steps.c.account == ACCOUNT, DUE_NOW, verdicts.c.verb.in_((Verb.RETRY, Verb.RESOLVE)))
    .group_by(*REF, verdicts.c.rule_id, verdicts.c.verb)
)


def wanted(act: Act) -> Any:
    """Tell whether an error is to be tagged (or assigned) and not in flight."""
    return and_(WANTING, errors.c.wants.bitwise_and(WANTS[act]) > 0, _standing)


WANTED = {
    act: select(*REF, verdicts.c.rule_id, literal(act.value).label("act"), func.count().label("found"))
    .select_from(WITH_VERDICT.join(steps, steps.c.step_no == errors.c.step_no))
    .where(steps.c.account == ACCOUNT, wanted(act))
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
_taken = func.sum(batches.c.size - batches.c.came_back - batches.c.refused)
RESOLVED = (
    select(*REF, batches.c.rule_id, _taken.label("taken"))
    .join_from(batches, steps)
    .where(
        steps.c.account == ACCOUNT,
        batches.c.act == Act.RESOLVE,
        batches.c.intended_at > bindparam("hour_ago", type_=Moment()),
        SENT,
    )
    .group_by(*REF, batches.c.rule_id)
    .having(_taken > 0)
)

SINCE = bindparam("since", type_=Moment())
RULE_ID = bindparam("rule_id", type_=batches.c.rule_id.type)
SENT_SINCE = bindparam("sent_since", type_=Moment())
SENT_WITHIN = timedelta(days=1)
"""How long before its outcome a retry may have been sent and still be found; what took longer says little by then."""

_sent_at, _told_at = (type_coerce(batches.c[name], BigInteger) for name in ("intended_at", "told_at"))
_open = func.sum(batches.c.size - batches.c.told)
_told, _under_way = batches.alias("told"), batches.alias("under_way")
_lately = union_all(
    select(_told.c.plan_id).where(_told.c.step_no == STEP, _told.c.rule_id == RULE_ID, _told.c.told_at >= SINCE),
    select(_under_way.c.plan_id).where(  # of no step, as far as indices go: those that have not ended are few
        _under_way.c.ended_at.is_(None), _under_way.c.step_no + literal(0) == STEP, _under_way.c.rule_id == RULE_ID
    ),
)
"""The plans that something is known of since then, or not yet: by them the few batches of a day that count are found."""

_stages = (
    select(
        batches.c.plan_id,
        func.min(_sent_at).label("sent_at"),
        func.sum(batches.c.size - batches.c.refused).label("sent"),
        func.sum(batches.c.confirmed).label("confirmed"),
        func.sum(batches.c.came_back + batches.c.unknown).label("failed"),
        _open.label("open"),
        func.max(_told_at).label("settled_at"),
    )
    .where(
        batches.c.step_no == STEP,
        batches.c.rule_id == RULE_ID,
        batches.c.plan_id.in_(_lately),
        batches.c.act == Act.RETRY,
        batches.c.intended_at >= SENT_SINCE,
        SENT,
        batches.c.size > batches.c.refused,
    )
    .group_by(batches.c.plan_id)
    .having(or_(_open > 0, func.max(batches.c.told_at) >= SINCE))
    .subquery()
)
STAGES = select(packed_rows(*_stages.c))
_READ_STAGES = msgspec.json.Decoder(list[tuple[int, int, int, int, int, int, int | None]])

UNMARK = update(errors).where(errors.c.step_no == STEP, NAMED, errors.c.wants.bitwise_and(bindparam("mark")) > 0)
UNMARK = UNMARK.values(wants=errors.c.wants - bindparam("mark"))


_to_retry = and_(
    errors.c.step_no == steps.c.step_no,
    errors.c.due_at.is_not(None),
    errors.c.verdict_no.in_(select(verdicts.c.verdict_no).where(verdicts.c.verb == Verb.RETRY)),
)
TO_RETRY = select(*REF).where(steps.c.account == ACCOUNT, exists().where(_to_retry).correlate(steps)).order_by(*REF)


class DueRows(Database):
    """What the guards weigh, and what the second look changes."""

    @reads
    def steps_to_retry(self, connection: Connection, account: str) -> list[StepRef]:
        """Return the steps with errors that are to be retried, now or later."""
        return [ref_of(row) for row in connection.execute(TO_RETRY, {"account": account})]

    @reads
    def due_groups(self, connection: Connection, account: str, now: datetime) -> list[DueGroup]:
        """Return what is due now: errors to retry, resolve, tag or assign, by step, rule and act."""
        groups = [
            DueGroup(step=ref_of(row), rule_id=row.rule_id, act=Act(row.act), count=row.found)
            for statement in (DUE, *WANTED.values())
            for row in connection.execute(statement, {"account": account, "now": now})
        ]
        return sorted(groups, key=lambda group: (group.step, group.rule_id, list(Act).index(group.act)))

    @reads
    def usage(self, connection: Connection, account: str, now: datetime) -> Usage:
        """Return how many errors were sent in the hour and the day before *now*."""
        since = {"hour_ago": now - HOUR, "day_ago": now - DAY}
        rows = connection.execute(USAGE, {"account": account} | since).all()
        resolved = connection.execute(RESOLVED, {"account": account, "hour_ago": now - HOUR})
        return Usage(
            hour={(row.rule_id, Act(row.act)): row.hour for row in rows if row.hour},
            day={(row.rule_id, Act(row.act)): row.day for row in rows},
            resolved={(row.rule_id, ref_of(row)): row.taken for row in resolved},
        )

    @reads
    def stages(self, connection: Connection, ref: StepRef, rule_id: str, since: datetime) -> list[Stage]:
        """Return what each plan has retried of the rule on the step that has no outcome, or had its last since then.

        Oldest first; plans of more than a day before *since* are left out. An error whose outcome is unknown has failed;
        one that vanished has neither helped nor failed; one that a person said was never sent is not in it.
        """
        step_no = find_step(connection, ref)
        if step_no is None:
            return []
        names = {"step": step_no, "rule_id": rule_id, "since": since, "sent_since": since - SENT_WITHIN}
        rows = connection.execute(STAGES, names).scalar_one()
        return [
            Stage(
                plan_id=plan_id,
                sent_at=from_ms(sent_at),
                sent=sent,
                confirmed=confirmed,
                failed=failed,
                open=left,
                settled_at=None if settled_at is None else from_ms(settled_at),
            )
            for plan_id, sent_at, sent, confirmed, failed, left, settled_at in sorted(
                _READ_STAGES.decode(rows), key=itemgetter(1, 0)
            )
        ]

    @writes_soon
    def rejudge(self, connection: Connection, ref: StepRef, judged: Sequence[Judged]) -> None:
        """Replace what was decided about errors; those in flight stay as they are."""
        keep(connection, make_step(connection, ref), judged, self._clock())

    @writes_soon
    def drop(self, connection: Connection, ref: StepRef, error_ids: Sequence[str]) -> list[Gone]:
        """Forget errors that are not open any more and return those that were stored and not in flight."""
        step_no = find_step(connection, ref)
        return [] if step_no is None else forget(connection, step_no, NAMED, self._clock(), error_ids)

    @writes_soon
    def unmark(self, connection: Connection, ref: StepRef, error_ids: Sequence[str], act: Act) -> None:
        """Note that errors have been tagged or assigned."""
        names = {"step": make_step(connection, ref), "ids": document(error_ids), "mark": WANTS[act]}
        connection.execute(UNMARK, names)

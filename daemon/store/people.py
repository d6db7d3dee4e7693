"""What people ask: which errors there are and why, what is held, what was written."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, exists, func, or_, select

from daemon.core.actions import EditField
from daemon.core.batches import Act, WriteState
from daemon.core.decisions import LEFT_ALONE, Outcome, Verb
from daemon.core.rows import ErrorRow, HeldRow, WriteRow
from daemon.store import tables
from daemon.store.columns import Words
from daemon.store.counted import counted
from daemon.store.steps import REF, ref_of
from daemon.store.tables import batch_items, batches, codes, errors, held, steps, verdicts
from daemon.store.transactions import Database, reads

_of_account = or_(bindparam("account", type_=Words()).is_(None), steps.c.account == bindparam("account", type_=Words()))
SHOWN = (
    select(
        *REF,
        errors.c.error_id,
        errors.c.case_key,
        codes.c.code,
        verdicts.c.verb,
        verdicts.c.rule_id,
        verdicts.c.reason,
        func.coalesce(held.c.detail, verdicts.c.detail).label("detail"),
        errors.c.occurred_at,
        errors.c.due_at,
        errors.c.batch_no.is_not(None).label("in_flight"),
        errors.c.first_seen_at,
    )
    .join_from(errors, verdicts, verdicts.c.verdict_no == errors.c.verdict_no)
    .join(codes, codes.c.code_no == errors.c.code_no)
    .join(steps, steps.c.step_no == errors.c.step_no)
    .outerjoin(held, and_(held.c.step_no == errors.c.step_no, held.c.error_id == errors.c.error_id))
)
SHOWN_AS_IT_IS = (
    "error_id", "case_key", "code", "rule_id", "reason", "detail", "occurred_at", "due_at", "in_flight", "first_seen_at",
)  # fmt: skip
COUNTS = (
    select(verdicts.c.verb, verdicts.c.rule_id, verdicts.c.reason, func.count().label("found"))
    .join_from(errors, verdicts, verdicts.c.verdict_no == errors.c.verdict_no)
    .join(steps, steps.c.step_no == errors.c.step_no)
    .where(steps.c.account == bindparam("account"))
    .group_by(verdicts.c.verb, verdicts.c.rule_id, verdicts.c.reason)
)
UNMATCHED = select(func.count()).where(  # without a join, as each cycle with something new asks it
    errors.c.verdict_no.in_(select(verdicts.c.verdict_no).where(verdicts.c.verb == Verb.NONE.value)),
    errors.c.step_no.in_(select(steps.c.step_no).where(steps.c.account == bindparam("account"))),
)
BETWEEN = select(func.count()).where(  # reads all errors: asked seldom, and an index would add half their size
    errors.c.occurred_at >= bindparam("since", type_=errors.c.occurred_at.type),
    errors.c.occurred_at < bindparam("until", type_=errors.c.occurred_at.type),
    errors.c.batch_no.is_(None),
    errors.c.verdict_no.not_in(
        select(verdicts.c.verdict_no).where(verdicts.c.verb == Verb.LEAVE.value, verdicts.c.reason == LEFT_ALONE)
    ),
    errors.c.step_no.in_(select(steps.c.step_no).where(steps.c.account == bindparam("account"))),
)
HELD_COUNTS = (
    select(held.c.queue, func.count().label("found"))
    .join_from(held, steps, steps.c.step_no == held.c.step_no)
    .where(steps.c.account == bindparam("account"))
    .group_by(held.c.queue)
)
HELD = (
    select(held, *REF, errors.c.case_key, codes.c.code, verdicts.c.rule_id, verdicts.c.reason)
    .join_from(held, errors, and_(errors.c.step_no == held.c.step_no, errors.c.error_id == held.c.error_id))
    .join(verdicts, verdicts.c.verdict_no == errors.c.verdict_no)
    .join(codes, codes.c.code_no == errors.c.code_no)
    .join(steps, steps.c.step_no == held.c.step_no)
    .where(_of_account)
    .order_by(held.c.held_at, *REF, held.c.error_id)
)
WRITES = select(batches, *REF).join_from(batches, steps).where(_of_account).order_by(batches.c.batch_no.desc())
OUTCOMES = (
    select(batch_items.c.batch_no, batch_items.c.outcome, func.count().label("found"))
    .where(batch_items.c.outcome.is_not(None))
    .group_by(batch_items.c.batch_no, batch_items.c.outcome)
)


def _is_given(reason: str) -> ColumnElement[bool]:
    """Tell whether anything was ever decided for the *reason*: it is asked first, and else every error is looked at."""
    given = verdicts.alias("given")
    return exists().where(given.c.reason == reason).correlate(None)


class PeopleRows(Database):
    """Questions of people; none of them is on the main path."""

    @reads
    def errors(  # noqa: PLR0913 as many filters as people ask for
        self,
        connection: Connection,
        account: str | None = None,
        *,
        flow: str | None = None,
        step: str | None = None,
        rule: str | None = None,
        error_id: str | None = None,
        verb: Verb | None = None,
        held: bool | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[ErrorRow]:
        """Return stored errors, those that occurred last first; None asks for any."""
        wanted = SHOWN.order_by(errors.c.occurred_at.desc(), *REF, errors.c.error_id)
        given = (
            (steps.c.account, account),
            (steps.c.flow_id, flow),
            (steps.c.step_id, step),
            (verdicts.c.rule_id, rule),
            (errors.c.error_id, error_id),
        )
        for column, value in (*given, (verdicts.c.verb, verb and verb.value)):
            if value is not None:
                wanted = wanted.where(column == value)
        if held is not None:
            wanted = wanted.where(tables.held.c.error_id.is_not(None) == held)
        return [
            ErrorRow(step=ref_of(row), verb=Verb(row.verb), **{name: getattr(row, name) for name in SHOWN_AS_IT_IS})
            for row in connection.execute(wanted.limit(limit).offset(offset))
        ]

    @reads
    def error_counts(
        self, connection: Connection, account: str, reason: str | None = None
    ) -> dict[tuple[Verb, str, str], int]:
        """Return how many errors are stored, by verb, rule id and reason."""
        counts = COUNTS if reason is None else COUNTS.where(verdicts.c.reason == reason, _is_given(reason))
        rows = connection.execute(counts, {"account": account})
        return {(Verb(row.verb), row.rule_id, row.reason): row.found for row in rows}

    @reads
    def unmatched_count(self, connection: Connection, account: str) -> int:
        """Return how many errors are stored that no rule matched."""

        def count() -> int:
            return connection.execute(UNMATCHED, {"account": account}).scalar_one()

        return counted(connection, account, count)

    @reads
    def open_between(self, connection: Connection, account: str, since: datetime, until: datetime) -> int:
        """Return how many open errors occurred from *since* until before *until*, without those that a rule leaves alone."""
        return connection.execute(BETWEEN, {"account": account, "since": since, "until": until}).scalar_one()

    @reads
    def held_counts(self, connection: Connection, account: str) -> dict[str, int]:
        """Return how many errors wait for people, by queue."""
        return {row.queue: row.found for row in connection.execute(HELD_COUNTS, {"account": account})}

    @reads
    def held(self, connection: Connection, account: str | None = None, queue: str | None = None) -> list[HeldRow]:
        """Return the errors that wait for people, those held longest first."""
        wanted = HELD if queue is None else HELD.where(tables.held.c.queue == queue)
        return [
            HeldRow(
                step=ref_of(row),
                error_id=row.error_id,
                queue=row.queue,
                title=row.title,
                edit=tuple(_edit_field(each) for each in json.loads(row.edit)),
                rule_id=row.rule_id,
                reason=row.reason,
                detail=row.detail,
                held_at=row.held_at,
                code=row.code,
                case_key=row.case_key,
            )
            for row in connection.execute(wanted, {"account": account})
        ]

    @reads
    def writes(self, connection: Connection, account: str | None = None, limit: int = 100) -> list[WriteRow]:
        """Return the newest entries of the journal, newest first."""
        rows = connection.execute(WRITES.limit(limit), {"account": account}).all()
        outcomes: dict[int, dict[Outcome, int]] = {row.batch_no: {} for row in rows}
        for row in connection.execute(OUTCOMES.where(batch_items.c.batch_no.in_(outcomes))):
            outcomes[row.batch_no][Outcome(row.outcome)] = row.found
        return [
            WriteRow(
                batch_id=row.batch_no,
                step=ref_of(row),
                act=Act(row.act),
                rule_id=row.rule_id,
                rules=row.rules,
                plan_id=row.plan_id,
                state=WriteState(row.state),
                intended_at=row.intended_at,
                job_id=row.job_id,
                reason=row.reason,
                sent=row.size,
                outcomes=outcomes[row.batch_no],
            )
            for row in rows
        ]


def _edit_field(stored: dict[str, Any]) -> EditField:
    return EditField(**{**stored, "one_of": tuple(stored["one_of"])})

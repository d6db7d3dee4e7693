"""Retries of which nobody knows what came of them, and what people say of them after a look into the target."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, func, or_, select, update

from daemon.core.batches import Act
from daemon.core.decisions import Outcome
from daemon.core.rows import UnknownRow
from daemon.store.columns import Words
from daemon.store.entries import WAKE, WAKE_HELD
from daemon.store.histories import names_of
from daemon.store.sqlite import document, each
from daemon.store.steps import REF, AnyRow, ref_of
from daemon.store.tables import UNSURE, batch_items, batches, steps
from daemon.store.told import COUNT_TOLD
from daemon.store.transactions import Database, reads, writes

_account = bindparam("account", type_=Words())
_of_account = or_(_account.is_(None), steps.c.account == _account)
_items = batch_items.join(batches, and_(batches.c.batch_no == batch_items.c.batch_no, batches.c.act == Act.RETRY)).join(
    steps, steps.c.step_no == batch_items.c.step_no
)
_shown = (
    *REF,
    batch_items.c.error_id,
    batch_items.c.case_root,
    batch_items.c.outcome,
    batch_items.c.settled_at,
    batch_items.c.settled_by,
    batch_items.c.settled_why,
    batches.c.batch_no,
    batches.c.rule_id,
    batches.c.intended_at,
    batches.c.job_id,
    batches.c.reason,
)
UNKNOWN = (
    select(*_shown)
    .select_from(_items)
    .where(_of_account, UNSURE)
    .order_by(batches.c.intended_at, batch_items.c.batch_no, batch_items.c.position)
)
UNKNOWN_COUNT = select(func.count()).select_from(_items).where(_of_account, UNSURE)
_names = each("names")
OF_CASE = (
    select(*_shown)
    .select_from(_items)
    .where(
        _of_account,
        batch_items.c.case_root.in_(select(_names.c.value)),
        or_(UNSURE, batch_items.c.settled_by != ""),
    )
    .order_by(batch_items.c.settled_at, batch_items.c.batch_no, batch_items.c.position)
)
SETTLE = (
    update(batch_items)
    .where(
        batch_items.c.batch_no == bindparam("batch"),
        batch_items.c.error_id == bindparam("error"),
        batch_items.c.outcome == Outcome.UNKNOWN,
    )
    .values(
        outcome=bindparam("came_of_it"),
        settled_at=bindparam("now", type_=batch_items.c.settled_at.type),
        settled_by=bindparam("by"),
        settled_why=bindparam("why"),
    )
    .returning(batch_items.c.step_no, batch_items.c.case_key)
)


class UnknownRows(Database):
    """What waits for a person to look into the target."""

    @reads
    def unknown_items(
        self,
        connection: Connection,
        account: str | None = None,
        *,
        flow: str | None = None,
        step: str | None = None,
        rule: str | None = None,
    ) -> list[UnknownRow]:
        """Return the retried errors whose outcome is unknown, those sent first first; None asks for any."""
        given = ((steps.c.flow_id, flow), (steps.c.step_id, step), (batches.c.rule_id, rule))
        wanted = UNKNOWN.where(*(column == value for column, value in given if value is not None))
        return _rows(connection.execute(wanted, {"account": account}).all())

    @reads
    def unknown_count(self, connection: Connection, account: str | None = None) -> int:
        """Return how many there are."""
        return connection.execute(UNKNOWN_COUNT, {"account": account}).scalar_one()

    @reads
    def unknown_of_case(self, connection: Connection, account: str | None, trace_key: str) -> list[UnknownRow]:
        """Return those of one record, and those of it that people have settled, the newest outcome last.

        *trace_key* may also be a whole case key.
        """
        names = document(sorted(names_of(connection, trace_key)))
        return _rows(connection.execute(OF_CASE, {"account": account, "names": names}).all())

    @writes
    def settle_unknown(
        self,
        connection: Connection,
        batch_id: int,
        error_id: str,
        outcome: Outcome,
        *,
        by: str,
        why: str,
        now: datetime,
    ) -> bool:
        """Write down what a person says came of one retry; False where its outcome is not unknown (any more).

        What was held or waited because nobody knew is due at once, to be judged again.
        """
        given = {"batch": batch_id, "error": error_id, "came_of_it": outcome.value, "now": now, "by": by, "why": why}
        settled = connection.execute(SETTLE, given).first()
        if settled is None:
            return False
        connection.execute(COUNT_TOLD, {"batch": batch_id})
        names = {"step": settled.step_no, "keys": document([settled.case_key]), "due": now}
        for wake in (WAKE, WAKE_HELD):
            connection.execute(wake, names)
        return True


def _rows(found: Sequence[AnyRow]) -> list[UnknownRow]:
    return [
        UnknownRow(
            step=ref_of(row),
            batch_id=row.batch_no,
            error_id=row.error_id,
            case_key=row.case_root,
            rule_id=row.rule_id,
            sent_at=row.intended_at,
            job_id=row.job_id,
            outcome=Outcome(row.outcome),
            settled_at=row.settled_at,
            settled_by=row.settled_by,
            why=row.settled_why or row.reason,
        )
        for row in found
    ]

"""Trace keys that name no record, or more than one: where cases have to be told apart by other means."""

from sqlalchemy import Connection, and_, bindparam, case, exists, func, literal_column, or_, select

from daemon.core.records import StepRef
from daemon.core.rows import TraceKeyRow
from daemon.store.control_tables import shared_keys
from daemon.store.judged import former_key
from daemon.store.steps import REF, ref_of
from daemon.store.tables import errors, steps
from daemon.store.transactions import Database, reads

_kind = func.substr(errors.c.case_key, 1, 2)
_blank = or_(_kind == "d:", _kind == "e:")
_known_as_shared = exists().where(
    shared_keys.c.step_no == errors.c.step_no,
    literal_column("'t:'") + shared_keys.c.trace_key == former_key(errors.c.case_key),
)
_shared = and_(_kind == "c:", _known_as_shared.correlate(errors))
_cut = and_(_kind == "c:", ~_known_as_shared.correlate(errors))
TRACE_KEYS = (
    select(
        *REF,
        steps.c.flow_name,
        steps.c.name,
        func.count().label("open"),
        *(
            func.sum(case((what, 1), else_=0)).label(word)
            for word, what in (("blank", _blank), ("cut", _cut), ("shared", _shared))
        ),
    )
    .join_from(steps, errors, errors.c.step_no == steps.c.step_no)
    .where(steps.c.account == bindparam("account", type_=steps.c.account.type))
    .group_by(steps.c.step_no)
    .order_by(*REF)
)


class TraceKeyRows(Database):
    """What the trace keys of the open errors are worth."""

    @reads
    def trace_keys(self, connection: Connection, account: str) -> dict[StepRef, TraceKeyRow]:
        """Return what is known of the trace keys of each step with open errors; this looks at every one of them."""
        return {
            ref_of(row): TraceKeyRow(
                flow_name=row.flow_name,
                step_name=row.name,
                open=row.open,
                blank=row.blank,
                cut=row.cut,
                shared=row.shared,
            )
            for row in connection.execute(TRACE_KEYS, {"account": account})
        }

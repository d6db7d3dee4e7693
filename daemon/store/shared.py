"""Trace keys that different records of a step have been seen to share (P2)."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, update

from daemon.core.records import StepRef
from daemon.store.control_tables import shared_keys
from daemon.store.judged import STEP
from daemon.store.sqlite import insert
from daemon.store.steps import make_step
from daemon.store.tables import TRIED, errors
from daemon.store.transactions import Database, writes_soon

NOTE_SHARED = insert(shared_keys).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
WAKE_SHARED = (
    update(errors)
    .where(
        errors.c.step_no == STEP,
        errors.c.case_key == bindparam("key"),
        TRIED,
        errors.c.batch_no.is_(None),
        errors.c.due_at.is_(None),
    )
    .values(due_at=bindparam("due", type_=errors.c.due_at.type))
)
"""Judge again what was decided by attempts that may have been another record's."""


class SharedRows(Database):
    """What a trace key does not tell."""

    @writes_soon
    def note_shared(self, connection: Connection, ref: StepRef, trace_key: str, at: datetime) -> bool:
        """Remember for good that several records share *trace_key*; False where that was known.

        From now on `case_histories` says so of the case named by the trace key alone, and what was held because of its
        attempts is due *at* once, to be judged again.
        """
        step_no = make_step(connection, ref)
        row = {"step_no": step_no, "trace_key": trace_key, "seen_at": at}
        if not connection.execute(NOTE_SHARED, row).rowcount:
            return False
        connection.execute(WAKE_SHARED, {"step": step_no, "key": f"t:{trace_key}", "due": at})
        return True

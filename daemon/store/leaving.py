"""Taking errors away that have left: what was known of them is kept for a while, for those that come back and for the past."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal,
    literal_column,
    select,
)

from daemon.core.decisions import Verb
from daemon.core.judgements import Gone
from daemon.store.columns import Moment
from daemon.store.control_tables import gone_cases
from daemon.store.judged import STEP
from daemon.store.past import IS_RECORDED, LAST_SHOWN, WHERE_SHOWN, past_of
from daemon.store.recording_tables import departures
from daemon.store.scratch import unseen
from daemon.store.sqlite import document, each, insert
from daemon.store.steps import count_stored
from daemon.store.tables import UNSURE, batch_items, errors, verdicts

_ids = each("ids")
_now = bindparam("now", type_=Moment())

NAMED: ColumnElement[bool] = errors.c.error_id.in_(select(_ids.c.value))
UNSEEN: ColumnElement[bool] = errors.c.error_id.in_(select(unseen.c.error_id).where(unseen.c.gone))
_standing_here = and_(errors.c.step_no == STEP, errors.c.batch_no.is_(None))
_unsure = exists().where(batch_items.c.step_no == STEP, batch_items.c.error_id == errors.c.error_id, UNSURE)
_unsure = _unsure.correlate(errors)
LEAVING = {
    which: select(errors.c.error_id, errors.c.case_key, verdicts.c.rule_id, verdicts.c.verb, _unsure.label("unknown"))
    .join_from(errors, verdicts, verdicts.c.verdict_no == errors.c.verdict_no)
    .where(_standing_here, which)
    .order_by(errors.c.error_id)
    for which in (NAMED, UNSEEN)
}
NOTE_GONE = {
    which: insert(gone_cases)
    .from_select(
        ["step_no", "case_key", "occurred_at"],
        select(STEP, errors.c.case_key, func.max(errors.c.occurred_at))
        .where(_standing_here, which, errors.c.occurred_at.is_not(None), func.substr(errors.c.case_key, 1, 2) != "e:")
        .group_by(errors.c.case_key),
    )
    .on_conflict_do_update(
        index_elements=["step_no", "case_key"],
        set_={"occurred_at": func.max(gone_cases.c.occurred_at, literal_column("excluded.occurred_at"))},
    )
    for which in (NAMED, UNSEEN)
}
NOTE_LEFT = {
    which: insert(departures)
    .from_select(
        ["step_no", "error_id", "left_at", "how"],
        select(
            STEP,
            errors.c.error_id,
            bindparam("now", type_=departures.c.left_at.type),
            literal("", departures.c.how.type),
        ).where(_standing_here, which, IS_RECORDED),
    )
    .on_conflict_do_update(
        index_elements=["step_no", "error_id"],
        set_={"left_at": literal_column("excluded.left_at"), "how": literal_column("excluded.how")},
    )
    for which in (NAMED, UNSEEN)
}
FORGET = {which: delete(errors).where(_standing_here, which) for which in (NAMED, UNSEEN)}


KEEP_PAST = {which: past_of(WHERE_SHOWN, _standing_here, which, until=LAST_SHOWN) for which in (NAMED, UNSEEN)}


def forget(
    connection: Connection, step_no: int, which: ColumnElement[bool], now: datetime, ids: Sequence[str] = ()
) -> list[Gone]:
    """Delete the errors that *which* chooses (`NAMED` in *ids*, or `UNSEEN`) and are not in flight; return them.

    That their cases were open is remembered: where one is open again under another id, somebody may have retried it.
    So is that they left, of those with a recording.
    """
    parameters: dict[str, Any] = {"step": step_no}
    if which is NAMED:
        parameters["ids"] = document(ids)
    gone = [
        Gone(
            error_id=row.error_id,
            case_key=row.case_key,
            rule_id=row.rule_id,
            verb=Verb(row.verb),
            unknown=bool(row.unknown),
        )
        for row in connection.execute(LEAVING[which], parameters)
    ]
    if gone:
        connection.execute(NOTE_GONE[which], parameters)
        connection.execute(NOTE_LEFT[which], parameters | {"now": now})
        connection.execute(KEEP_PAST[which], parameters | {"now": now})
        connection.execute(FORGET[which], parameters)
        count_stored(connection, step_no, -len(gone))
    return gone

"""Where nothing may be written for now, because a person said so (P16)."""

from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, or_, select, update

from daemon.core.pauses import Pause, Scope
from daemon.store.columns import Moment
from daemon.store.control_tables import pauses
from daemon.store.steps import AnyRow, add_numbered
from daemon.store.transactions import Database, reads, writes

_now = bindparam("now", type_=Moment())
_holding = and_(pauses.c.ended_at.is_(None), or_(pauses.c.until.is_(None), pauses.c.until > _now))
HOLDING = select(pauses).where(_holding).order_by(pauses.c.pause_no)
END = (
    update(pauses)
    .where(_holding)
    .values(ended_at=bindparam("at", type_=Moment()), ended_by=bindparam("ended_by", type_=pauses.c.ended_by.type))
)


class PauseRows(Database):
    """The pauses that people asked for."""

    @writes
    def pause(
        self, connection: Connection, scope: Scope, reason: str, by: str, now: datetime, until: datetime | None
    ) -> int:
        """Stop writing within *scope* until *until*, None for until somebody resumes; return the pause's number."""
        row = {
            "account": scope.account,
            "flow_id": scope.flow_id,
            "step_id": scope.step_id,
            "reason": reason,
            "paused_by": by,
            "since": now,
            "until": until,
            "ended_by": "",
        }
        return add_numbered(connection, pauses, row)

    @writes
    def resume(self, connection: Connection, scope: Scope | None, by: str, now: datetime) -> int:
        """End the pauses of exactly *scope*, None for all there are, and return how many held until now."""
        end = END
        if scope is not None:
            end = END.where(
                pauses.c.account == scope.account,
                pauses.c.flow_id == scope.flow_id,
                pauses.c.step_id == scope.step_id,
            )
        return connection.execute(end, {"now": now, "at": now, "ended_by": by}).rowcount

    @reads
    def pauses(self, connection: Connection, now: datetime) -> list[Pause]:
        """Return the pauses that hold, oldest first."""
        return [_pause(row) for row in connection.execute(HOLDING, {"now": now})]


def _pause(row: AnyRow) -> Pause:
    return Pause(
        number=row.pause_no,
        scope=Scope(account=row.account, flow_id=row.flow_id, step_id=row.step_id),
        reason=row.reason,
        by=row.paused_by,
        since=row.since,
        until=row.until,
    )

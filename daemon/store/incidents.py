"""Incidents: kept when a breaker opens, or a rule's retries begin to be useless, so that a report can tell of them."""

from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, insert, or_, select, update

from daemon.core.breakers import Breaker, BreakerState
from daemon.core.records import StepRef
from daemon.core.report_rows import Incident, IncidentKind
from daemon.store.columns import Moment
from daemon.store.incident_tables import incidents
from daemon.store.transactions import Database, reads, writes_soon

_same_breaker = and_(
    incidents.c.account == bindparam("of_account"),
    incidents.c.kind == bindparam("of_kind"),
    incidents.c.target == bindparam("of_target"),
    incidents.c.ended_at.is_(None),
)
UNDER_WAY = select(incidents.c.incident_no).where(_same_breaker)
END = update(incidents).where(_same_breaker).values(ended_at=bindparam("at", type_=Moment()))
WITHIN = (
    select(incidents)
    .where(
        incidents.c.account == bindparam("of_account"),
        incidents.c.began_at < bindparam("until", type_=Moment()),
        or_(
            incidents.c.began_at >= bindparam("since", type_=Moment()),
            incidents.c.ended_at >= bindparam("since", type_=Moment()),
            and_(incidents.c.ended_at.is_(None), incidents.c.kind != IncidentKind.RULE),
        ),
    )
    .order_by(incidents.c.began_at, incidents.c.incident_no)
)


class IncidentRows(Database):
    """When retries did not help, or could not."""

    @writes_soon
    def note_incident(self, connection: Connection, ref: StepRef, rule_id: str, reason: str, now: datetime) -> None:
        """Keep that a rule's retries on a step have begun to be useless."""
        row = {"account": ref.account, "kind": IncidentKind.RULE, "target": f"{ref.flow_id}/{ref.step_id}"}
        connection.execute(insert(incidents), row | {"rule_id": rule_id, "reason": reason, "began_at": now})

    @reads
    def incidents(self, connection: Connection, account: str, since: datetime, until: datetime) -> list[Incident]:
        """Return what began from *since* on and before *until*, and the breakers that were still open then, by beginning."""
        rows = connection.execute(WITHIN, {"of_account": account, "since": since, "until": until})
        return [
            Incident(
                kind=IncidentKind(row.kind),
                target=row.target,
                rule_id=row.rule_id,
                reason=row.reason,
                began_at=row.began_at,
                ended_at=row.ended_at,
            )
            for row in rows
        ]


def follow(connection: Connection, account: str, breaker: Breaker) -> None:
    """Keep what *breaker* has become: from its first opening until it is closed it is one incident, probes included."""
    which = {"of_account": account, "of_kind": breaker.kind.value, "of_target": breaker.target}
    if breaker.state is BreakerState.CLOSED:
        connection.execute(END, which | {"at": breaker.since})
    elif breaker.state is BreakerState.OPEN and connection.execute(UNDER_WAY, which).first() is None:
        row = {"account": account, "kind": breaker.kind.value, "target": breaker.target, "rule_id": ""}
        connection.execute(insert(incidents), row | {"reason": breaker.reason, "began_at": breaker.since})

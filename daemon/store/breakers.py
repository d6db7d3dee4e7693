"""Breakers, and the batches of retries whose outcomes turn them."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, case, func, select

from daemon.core.batches import Act, WriteState
from daemon.core.breakers import Breaker, BreakerState, Kind
from daemon.core.decisions import Outcome
from daemon.core.signs import RetryRun
from daemon.store.control_tables import breakers
from daemon.store.due import SENT_SINCE, SENT_WITHIN, SINCE
from daemon.store.incidents import follow
from daemon.store.sqlite import insert
from daemon.store.steps import REF, ref_of
from daemon.store.tables import batch_items, batches, steps
from daemon.store.transactions import Database, reads, writes

_save = insert(breakers)
SAVE = _save.on_conflict_do_update(
    index_elements=["account", "kind", "target"],
    set_={name: _save.excluded[name] for name in ("state", "reason", "since", "probe_at", "trips")},
)


def _items_with(outcome: Outcome) -> object:
    return func.sum(case((batch_items.c.outcome == outcome, 1), else_=0)).label(outcome.value)


RETRY_RUNS = (
    select(
        *REF,
        batches.c.rule_id,
        batches.c.intended_at,
        batches.c.ended_at,
        *(_items_with(each) for each in (Outcome.CONFIRMED, Outcome.CAME_BACK, Outcome.UNKNOWN)),
    )
    .join_from(steps, batches, batches.c.step_no == steps.c.step_no)
    .join(batch_items, batch_items.c.batch_no == batches.c.batch_no)
    .where(
        steps.c.account == bindparam("account", type_=steps.c.account.type),
        batches.c.intended_at >= SENT_SINCE,
        batches.c.ended_at >= SINCE,
        batches.c.act == Act.RETRY,
        batches.c.state == WriteState.SETTLED,
    )
    .group_by(batches.c.batch_no)
    .order_by(batches.c.ended_at.desc(), batches.c.batch_no.desc())
)


class BreakerRows(Database):
    """Where nothing is retried, and what has come of retries lately."""

    @reads
    def breakers(self, connection: Connection, account: str) -> list[Breaker]:
        """Return the account's breakers that are, or have been, open."""
        mine = select(breakers).where(breakers.c.account == account).order_by(breakers.c.kind, breakers.c.target)
        return [
            Breaker(
                kind=Kind(row.kind),
                target=row.target,
                state=BreakerState(row.state),
                reason=row.reason,
                since=row.since,
                probe_at=row.probe_at,
                trips=row.trips,
            )
            for row in connection.execute(mine)
        ]

    @writes
    def save_breaker(self, connection: Connection, account: str, breaker: Breaker) -> None:
        """Remember a breaker as it is now, and since when it has been open or closed."""
        row = {
            "account": account,
            "kind": breaker.kind.value,
            "target": breaker.target,
            "state": breaker.state.value,
            "reason": breaker.reason,
            "since": breaker.since,
            "probe_at": breaker.probe_at,
            "trips": breaker.trips,
        }
        connection.execute(SAVE, row)
        follow(connection, account, breaker)

    @reads
    def retry_runs(self, connection: Connection, account: str, since: datetime) -> list[RetryRun]:
        """Return the batches of retries that got their last outcome since then, the latest first.

        Those sent more than a day before *since* are left out.
        """
        names = {"account": account, "since": since, "sent_since": since - SENT_WITHIN}
        return [
            RetryRun(
                step=ref_of(row),
                rule_id=row.rule_id,
                sent_at=row.intended_at,
                ended_at=row.ended_at,
                confirmed=row.confirmed,
                came_back=row.came_back,
                unknown=row.unknown,
            )
            for row in connection.execute(RETRY_RUNS, names)
        ]

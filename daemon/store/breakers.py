"""Breakers, and the batches of retries whose outcomes turn them."""

from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, func, or_, select

from daemon.core.batches import Act, WriteState
from daemon.core.breakers import Breaker, BreakerState, Kind
from daemon.core.signs import NEWEST, RetryRun
from daemon.store.columns import Moment
from daemon.store.control_tables import breakers
from daemon.store.due import SENT_SINCE, SENT_WITHIN, SINCE
from daemon.store.incidents import follow
from daemon.store.sqlite import insert
from daemon.store.steps import REF, ref_of
from daemon.store.tables import batches, steps
from daemon.store.transactions import Database, reads, writes

_save = insert(breakers)
SAVE = _save.on_conflict_do_update(
    index_elements=["account", "kind", "target"],
    set_={name: _save.excluded[name] for name in ("state", "reason", "since", "probe_at", "trips")},
)


_ASKED = ("batch_no", "step_no", "rule_id", "intended_at", "ended_at", "confirmed", "came_back", "unknown")
_runs = (
    select(*(batches.c[name] for name in _ASKED), *REF)
    .join_from(steps, batches, batches.c.step_no == steps.c.step_no)
    .where(
        steps.c.account == bindparam("account", type_=steps.c.account.type),
        batches.c.intended_at >= SENT_SINCE,
        batches.c.intended_at <= bindparam("until", type_=Moment()),
        batches.c.ended_at >= SINCE,
        batches.c.act == Act.RETRY,
        batches.c.state == WriteState.SETTLED,
    )
    .cte("runs")
)
_summed = (
    select(
        _runs.c.step_no,
        _runs.c.rule_id,
        _runs.c.intended_at,
        func.sum(_runs.c.confirmed + _runs.c.came_back + _runs.c.unknown)
        .over(partition_by=(_runs.c.step_no, _runs.c.rule_id), order_by=_runs.c.intended_at.desc())
        .label("known"),
    )
    .where(_runs.c.ended_at >= _runs.c.intended_at)
    .cte("summed")
)
_overtaken = (
    select(_summed.c.step_no, _summed.c.rule_id, func.max(_summed.c.intended_at).label("at"))
    .where(_summed.c.known >= NEWEST)
    .group_by(_summed.c.step_no, _summed.c.rule_id)
    .cte("overtaken")
)
RETRY_RUNS = (
    select(_runs)
    .outerjoin_from(
        _runs, _overtaken, and_(_overtaken.c.step_no == _runs.c.step_no, _overtaken.c.rule_id == _runs.c.rule_id)
    )
    .where(or_(_overtaken.c.at.is_(None), _runs.c.ended_at >= _overtaken.c.at, _runs.c.intended_at >= _overtaken.c.at))
    .order_by(_runs.c.ended_at.desc(), _runs.c.batch_no.desc())
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
    def retry_runs(self, connection: Connection, account: str, since: datetime, until: datetime) -> list[RetryRun]:
        """Return the batches of retries sent up to *until* that got their last outcome from *since* on, the latest first.

        Those sent more than a day before *since* are left out, and those that had ended before `NEWEST` more records of
        their rule and step were sent of which the outcome is known: whatever is weighed, it is these.
        """
        names = {"account": account, "since": since, "sent_since": since - SENT_WITHIN, "until": until}
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

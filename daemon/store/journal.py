"""The journal: what will be sent is durable before it is sent, and nothing is forgotten before its outcome is known.

A batch is ``intended``, then ``accepted``, ``unknown``, ``refused`` or ``not_sent``; it is ``settled`` once each of its
items has an outcome. Every step on this way is one transaction; a step that is not on it raises and changes nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from daemon.core.batches import Act, Batch, UnderWay, WriteState, Written
from daemon.core.decisions import Outcome
from daemon.core.exceptions import StoreError
from daemon.core.records import StepRef
from daemon.store import entries
from daemon.store.cases import merge
from daemon.store.sqlite import document
from daemon.store.steps import AnyRow, count_stored, make_step
from daemon.store.told import COUNT_TOLD
from daemon.store.transactions import Database, reads, writes, writes_soon

MOVING = (Act.RETRY, Act.RESOLVE)
"""The acts that move errors: these are in flight until their outcome is known. A tag or an assignment is only sent."""

SENT = (WriteState.INTENDED, WriteState.ACCEPTED, WriteState.UNKNOWN)
"""States of a batch that may still be at work."""


class JournalRows(Database):
    """Every write to the platform, from before it is sent until its outcome is known."""

    @writes
    def intend(self, connection: Connection, batch: Batch, now: datetime) -> int:
        """Write down what will be sent, put its errors in flight, count its attempts; return the entry's id.

        Raises:
            StoreError: an error of it is in flight or not stored, or a case of it has another attempt of which nobody
                knows what came of it: nothing was written, so nothing may be sent.
        """
        if not batch.items or len(set(batch.error_ids)) < len(batch):
            raise StoreError(
                f"a batch of step {batch.step.step_id} is empty or names an error twice: it is not written"
            )
        step_no = make_step(connection, batch.step)
        batch_no = entries.add_batch(connection, batch, step_no, now)
        entries.add_items(connection, batch, step_no, batch_no)
        if batch.act in MOVING:
            step = {"step": step_no, "batch": batch_no, "ids": document(batch.error_ids)}
            if connection.execute(entries.TAKE_OFF, step).rowcount != len(batch):
                grounded = connection.execute(entries.GROUNDED, step).scalar()
                raise StoreError(f"error {grounded} of step {batch.step.step_id} is already in flight or not stored")
        if batch.act is Act.RETRY:
            rival = connection.execute(entries.RIVALS, {"batch": batch_no}).first()
            if rival is not None:
                raise StoreError(
                    f"case {rival.case_key} of step {batch.step.step_id} is already in flight: "
                    f"its attempt in write {rival.batch_no} has no outcome yet"
                )
            for item in batch.items:
                if item.alias and item.alias != item.case_key:
                    merge(connection, step_no, item.alias, entries.root_of(connection, step_no, item.case_key))
        return batch_no

    @writes
    def withdraw(
        self, connection: Connection, batch_id: int, error_ids: Sequence[str], now: datetime, retry_at: datetime
    ) -> None:
        """Take errors out of an intended batch that will not be sent with it; they are due again at *retry_at*.

        Their attempts are given back. A batch that has lost all its errors is ``not_sent``.
        """
        row = _entry(connection, batch_id, (WriteState.INTENDED,), "lose errors")
        names = {"batch": batch_id, "ids": document(error_ids), "step": row.step_no, "due": retry_at}
        if connection.execute(entries.REMOVE_ITEMS, names).rowcount != len(set(error_ids)):
            raise StoreError(f"write {batch_id} does not have all of the {len(set(error_ids))} errors to be withdrawn")
        connection.execute(entries.FREE_NAMED, names)
        left = row.size - len(set(error_ids))
        if left:
            _move(connection, batch_id, size=left)
        else:
            _move(
                connection, batch_id, size=0, state=WriteState.NOT_SENT, reason="nothing was left to send", ended_at=now
            )

    @writes_soon
    def accepted(self, connection: Connection, batch_id: int, job_id: str, now: datetime) -> None:
        """Note that the platform took the batch; also where reading found this after its answer was lost.

        A tag or an assignment is settled with that: there is nothing to wait for.
        """
        row = _entry(connection, batch_id, (WriteState.INTENDED, WriteState.UNKNOWN), "become accepted")
        _move(connection, batch_id, state=WriteState.ACCEPTED, job_id=job_id)
        if row.act not in MOVING:
            _settle_all(connection, batch_id, Outcome.CONFIRMED, now)

    @writes
    def unknown(self, connection: Connection, batch_id: int, reason: str, now: datetime) -> None:
        """Note that the batch may have been sent and its answer is lost.

        A tag or an assignment is settled with that: doing it twice does no harm.
        """
        row = _entry(connection, batch_id, (WriteState.INTENDED,), "become unknown")
        _move(connection, batch_id, state=WriteState.UNKNOWN, reason=reason)
        if row.act not in MOVING:
            _settle_all(connection, batch_id, Outcome.UNKNOWN, now)

    @writes
    def refused(self, connection: Connection, batch_id: int, reason: str, now: datetime, retry_at: datetime) -> None:
        """Note that the platform refused the batch: its attempts are given back, its errors due at *retry_at*."""
        _give_back(connection, batch_id, WriteState.REFUSED, reason, now, retry_at)

    @writes
    def not_sent(self, connection: Connection, batch_id: int, reason: str, now: datetime, retry_at: datetime) -> None:
        """Note that nothing of the batch left the process: its attempts are given back, its errors due at *retry_at*."""
        _give_back(connection, batch_id, WriteState.NOT_SENT, reason, now, retry_at)

    @reads
    def unsettled(self, connection: Connection, account: str, *, step: StepRef | None = None) -> list[Written]:
        """Return the retries and resolves that may still be at work, oldest first, with the items without an outcome.

        The envelopes around a patch are left out: `last_patches` has them. *step* asks for those of one step only.
        """
        return entries.open_entries(connection, account, step)

    @reads
    def under_way(self, connection: Connection, account: str) -> list[UnderWay]:
        """Return what names the entries that `unsettled` has, oldest first."""
        return entries.open_heads(connection, account)

    @reads
    def unsettled_count(self, connection: Connection, account: str) -> int:
        """Return how many entries `unsettled` has."""
        return connection.execute(entries.OPEN_COUNT, {"account": account}).scalar_one()

    @reads
    def named_by_data_under_way(self, connection: Connection, account: str) -> bool:
        """Tell whether an error without an outcome is of a case that only its retry data names."""
        return connection.execute(entries.BY_DATA, {"account": account}).first() is not None

    @writes_soon
    def note_missed(self, connection: Connection, batch_id: int, error_ids: Sequence[str]) -> None:
        """Note that a complete read which may have skipped some errors did not show these."""
        _entry(connection, batch_id, SENT, "miss errors")
        names = {"batch": batch_id, "ids": document(error_ids)}
        if connection.execute(entries.MISS_ITEMS, names).rowcount != len(set(error_ids)):
            raise StoreError(f"write {batch_id} does not have all of the {len(set(error_ids))} errors that were missed")

    @writes
    def settle(
        self,
        connection: Connection,
        batch_id: int,
        outcomes: Mapping[str, Outcome],
        now: datetime,
        *,
        gone: Collection[str] = (),
        reason: str = "",
    ) -> None:
        """Write down what came of each error (by id) and the *reason* where there is one, and let go of it.

        Confirmed and vanished errors are forgotten, and so are those in *gone*, which are not listed any more. All
        others are due at once, to be judged again, and so is what waited for their cases. A case with an unknown
        outcome cannot be retried before a person has settled it (`settle_unknown`).
        """
        row = _entry(connection, batch_id, SENT, "be settled")
        names: dict[str, Any] = {"batch": batch_id, "step": row.step_no, "now": now, "due": now, "why": reason}
        by_outcome = {outcome: [each for each, one in outcomes.items() if one is outcome] for outcome in Outcome}
        for outcome, ids in by_outcome.items():
            given = names | {"came_of_it": outcome.value, "ids": document(ids)}
            if ids and connection.execute(entries.SETTLE_ITEMS, given).rowcount != len(ids):
                raise StoreError(
                    f"write {batch_id} does not wait for the outcome of all of the {len(outcomes)} errors given"
                )
        closed = {*by_outcome[Outcome.CONFIRMED], *by_outcome[Outcome.VANISHED], *gone}
        leaving = [error_id for error_id in outcomes if error_id in closed]
        if leaving:
            ending = names | {"ids": document(leaving)}
            connection.execute(entries.PAST_NAMED, ending)
            left = connection.execute(entries.END_NAMED, ending).rowcount
            count_stored(connection, row.step_no, -left)
        if len(leaving) < len(outcomes):
            connection.execute(entries.FREE_NAMED, names | {"ids": document(list(outcomes))})
        keys = connection.execute(entries.CASE_KEYS, names | {"ids": document(list(outcomes))}).scalars().all()
        connection.execute(entries.WAKE, names | {"keys": document(keys)})
        if not connection.execute(COUNT_TOLD, {"batch": batch_id}).scalar_one():
            _move(connection, batch_id, state=WriteState.SETTLED, ended_at=now)


def _entry(connection: Connection, batch_id: int, allowed: Collection[WriteState], what: str) -> AnyRow:
    """Return the entry if it is in one of the *allowed* states; *what* says what it would do."""
    row = connection.execute(entries.ENTRY, {"batch": batch_id}).first()
    if row is None:
        raise StoreError(f"there is no write {batch_id} in the journal: it cannot {what}")
    if row.state not in allowed:
        raise StoreError(f"write {batch_id} is {row.state}: it cannot {what}")
    return row


def _move(connection: Connection, batch_id: int, **values: Any) -> None:
    """Change what is given of an entry."""
    changes = {f"to_{name}": value for name, value in values.items()}
    connection.execute(entries.MOVE, {"batch": batch_id} | entries.UNMOVED | changes)


def _give_back(
    connection: Connection, batch_id: int, state: WriteState, reason: str, now: datetime, retry_at: datetime
) -> None:
    row = _entry(connection, batch_id, (WriteState.INTENDED,), f"become {state.value}")
    _move(connection, batch_id, state=state, reason=reason, ended_at=now)
    connection.execute(entries.FREE_ALL, {"batch": batch_id, "step": row.step_no, "due": retry_at})


def _settle_all(connection: Connection, batch_id: int, outcome: Outcome, now: datetime) -> None:
    connection.execute(entries.SETTLE_ALL, {"batch": batch_id, "came_of_it": outcome.value, "now": now})
    connection.execute(COUNT_TOLD, {"batch": batch_id})
    _move(connection, batch_id, state=WriteState.SETTLED, ended_at=now)

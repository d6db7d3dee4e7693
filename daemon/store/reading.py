"""Reading a step: what is known already, page by page what is new, and at the end what is gone (P5)."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, and_, bindparam, case, delete, exists, func, literal, or_, select, update

from daemon.core.decisions import Verb
from daemon.core.exceptions import StoreError
from daemon.core.judgements import Gone, Judged, Known
from daemon.core.reads import Read, Recheck, Sight
from daemon.core.recordings import Recorded
from daemon.core.records import Mark, StepRef
from daemon.core.windows import NEVER_READ, StepProgress
from daemon.store.catalogue import mark_of, mark_row
from daemon.store.judged import STEP, keep
from daemon.store.leaving import UNSEEN, forget
from daemon.store.scratch import unseen
from daemon.store.shown import begin_full_read, clean_ids, end_full_read, full_read, unknown_of
from daemon.store.sqlite import document, each, insert, packed
from daemon.store.steps import ADDRESSED, REF, STEP_NO, AnyRow, address, make_step, ref_of
from daemon.store.tables import errors, held, missed, steps, verdicts
from daemon.store.transactions import Database, reads, writes_soon

ACCOUNT = bindparam("account", type_=steps.c.account.type)

_flying = (
    select(func.count())
    .where(errors.c.step_no == steps.c.step_no, errors.c.batch_no.is_not(None))
    .correlate(steps)
    .scalar_subquery()
)
PROGRESS = select(
    *REF,
    steps.c.num_error,
    steps.c.last_error_at,
    steps.c.watermark_at,
    steps.c.swept_at,
    steps.c.judged_with,
    (steps.c.stored - _flying).label("open"),
    _flying.label("in_flight"),
)
PROGRESS_OF = PROGRESS.where(ADDRESSED)  # made once: what it is made from would be gone through each time
OPEN_COUNTS = select(*REF, (steps.c.stored - _flying).label("open")).where(
    steps.c.account == ACCOUNT, steps.c.stored > _flying
)
OPEN_COUNT = select(func.coalesce(func.sum(steps.c.stored - _flying), 0)).where(steps.c.account == ACCOUNT)
STALE = (
    select(*REF)
    .where(
        steps.c.account == ACCOUNT,
        or_(steps.c.stored > _flying, steps.c.num_error > literal(0)),
        or_(
            steps.c.judged_with != bindparam("rules"),
            steps.c.swept_at.is_(None),
            steps.c.swept_at < bindparam("swept_before"),
            steps.c.swept_at > bindparam("now", type_=steps.c.swept_at.type),
        ),
    )
    .order_by(*REF)
)
_watermark_at = bindparam("new_watermark_at", type_=steps.c.watermark_at.type)
SAVE_PROGRESS = (
    update(steps)
    .where(steps.c.step_no == bindparam("which"))
    .values(
        judged_with=bindparam("rules"),
        num_error=bindparam("new_num_error"),
        last_error_at=bindparam("new_last_error_at"),
        watermark_at=case(
            (steps.c.watermark_at > _watermark_at, steps.c.watermark_at),
            else_=func.coalesce(_watermark_at, steps.c.watermark_at),
        ),
        swept_at=func.coalesce(bindparam("new_swept_at", type_=steps.c.swept_at.type), steps.c.swept_at),
    )
)

_ids = each("ids")
_is_held = exists().where(held.c.step_no == errors.c.step_no, held.c.error_id == errors.c.error_id).correlate(errors)
_is_known = (errors.c.fingerprint, errors.c.case_key, errors.c.batch_no.is_not(None), _is_held)
KNOWN = select(packed(errors.c.error_id, *_is_known)).where(
    errors.c.step_no == STEP_NO, errors.c.error_id.in_(select(_ids.c.value))
)
_READ_KNOWN = msgspec.json.Decoder(dict[str, Known], strict=False)  # SQLite has 0 and 1 for booleans

FORGET_UNSEEN = delete(unseen)
FORGET_MISSED = delete(missed).where(missed.c.step_no == STEP)
_shown_at = select(steps.c.swept_at).where(steps.c.step_no == STEP).scalar_subquery()
NOTE_MISSED = insert(missed).from_select(
    ["step_no", "error_id", "shown_at"], select(STEP, unseen.c.error_id, _shown_at).where(~unseen.c.gone)
)

_neither_retry_nor_resolve = select(verdicts.c.verdict_no).where(verdicts.c.verb.not_in((Verb.RETRY, Verb.RESOLVE)))
_listed = errors.alias("listed")
"""Errors as the index of those that are due tells of them: most are to be retried, and their rows are not looked at."""
_ranked = (
    select(
        errors.c.step_no,
        errors.c.occurred_at,
        func.row_number()
        .over(partition_by=errors.c.step_no, order_by=(errors.c.occurred_at, errors.c.error_id))
        .label("place"),
    )
    .join_from(steps, _listed, _listed.c.step_no == steps.c.step_no)
    .join(errors, and_(errors.c.step_no == _listed.c.step_no, errors.c.error_id == _listed.c.error_id))
    .where(
        steps.c.account == ACCOUNT,
        (_listed.c.verdict_no + literal(0)).in_(_neither_retry_nor_resolve),
        _listed.c.due_at <= bindparam("now"),
        errors.c.batch_no.is_(None),
        errors.c.occurred_at.is_not(None),
    )
    .subquery()
)
RECHECKS = (
    select(
        *REF,
        func.min(_ranked.c.occurred_at).label("since"),
        func.max(_ranked.c.occurred_at).label("until"),
        func.count().label("found"),
    )
    .join_from(_ranked, steps, steps.c.step_no == _ranked.c.step_no)
    .where(_ranked.c.place <= bindparam("limit"))
    .group_by(*REF)
    .order_by(*REF)
)


class ReadingRows(Database):
    """The errors of each step, and how far each step has been read."""

    @reads
    def progress(self, connection: Connection, ref: StepRef) -> StepProgress:
        """Return how far a step has been read."""
        return _progress(connection, ref)

    @reads
    def all_progress(self, connection: Connection, account: str) -> dict[StepRef, StepProgress]:
        """Return how far each step of the account has been read."""
        rows = connection.execute(PROGRESS.where(steps.c.account == ACCOUNT), {"account": account})
        return {ref_of(row): _progress_of(row) for row in rows}

    @writes_soon
    def save_progress(
        self,
        connection: Connection,
        ref: StepRef,
        *,
        mark: Mark | None,
        watermark_at: datetime | None,
        swept_at: datetime | None,
        judged_with: str,
    ) -> None:
        """Remember how far a step has been read; the watermark does not move back, and None leaves what was there."""
        values = mark_row(mark) | {"watermark_at": watermark_at, "swept_at": swept_at}
        step = {"which": make_step(connection, ref), "rules": judged_with}
        connection.execute(SAVE_PROGRESS, step | {f"new_{name}": value for name, value in values.items()})

    @reads
    def stale_steps(self, connection: Connection, account: str, rules: str, swept_before: datetime) -> list[StepRef]:
        """Return the steps with errors that other rules judged, or that were not swept between *swept_before* and now.

        Errors that are stored, or that the summary counted when the step was last read to the end.
        """
        parameters = {"account": account, "rules": rules, "swept_before": swept_before, "now": self._clock()}
        return [ref_of(row) for row in connection.execute(STALE, parameters)]

    @reads
    def open_counts(self, connection: Connection, account: str) -> dict[StepRef, int]:
        """Return how many errors are open and not in flight on each step that has any."""
        rows = connection.execute(OPEN_COUNTS, {"account": account}).all()
        return {StepRef(account=account, flow_id=flow, step_id=step): count for _, flow, step, count in rows}

    @reads
    def open_count(self, connection: Connection, account: str) -> int:
        """Return how many errors are open and not in flight."""
        count: int = connection.execute(OPEN_COUNT, {"account": account}).scalar_one()
        return count

    @reads
    def known(self, connection: Connection, ref: StepRef, error_ids: Sequence[str]) -> dict[str, Known]:
        """Return what is held of those of the errors that are stored."""
        rows = connection.execute(KNOWN, address(ref) | {"ids": document(error_ids)}).scalar_one()
        return _READ_KNOWN.decode(rows)

    @writes_soon
    def begin_read(self, connection: Connection, ref: StepRef, *, full: bool) -> Read:
        """Start a read; a full one notes what it sees, and takes the place of any unfinished one of the step."""
        step_no = make_step(connection, ref)
        read_no = begin_full_read(connection, step_no) if full else 0
        return Read(step=ref, full=full, step_no=step_no, read_no=read_no, before=_progress(connection, ref))

    @reads
    def see(self, connection: Connection, read: Read, error_ids: Sequence[str]) -> Sight:
        """Return what a page shows; a full read notes it, in this process only."""
        names = clean_ids(error_ids)
        shown = full_read(connection, read)
        if shown is not None:
            return shown.see(connection, names)
        unknown = unknown_of(connection, read.step_no, names)
        fresh = 0 if read.full else len(set(names))
        return Sight(fresh=fresh, unknown=sum(name in unknown for name in names))

    @writes_soon
    def save_page(
        self, connection: Connection, read: Read, judged: Sequence[Judged], recorded: Sequence[Recorded] = ()
    ) -> int:
        """Keep what was judged of a page's errors, and the recordings; rows in flight stay. Return how many are new."""
        new = keep(connection, read.step_no, judged, self._clock(), recorded)
        shown = full_read(connection, read)
        if shown is not None:
            shown.saved(one.error_id for one in judged)
        return new

    @reads
    def was_seen(self, connection: Connection, read: Read, error_ids: Sequence[str]) -> set[str]:
        """Return which of the errors a full read that has not ended has shown so far."""
        shown = full_read(connection, read)
        return set() if shown is None else shown.seen(connection, clean_ids(error_ids))

    @writes_soon
    def end_read(self, connection: Connection, read: Read, *, trusted: bool) -> list[Gone]:
        """End a read; of a full one, forget and return the errors that are no longer open.

        These are those it did not show: all of them where it is *trusted*, else only those that the full read before
        did not show either. Nothing is concluded from a window read, nor about errors in flight.

        Raises:
            StoreError: a newer full read of the step has begun since; nothing was concluded.
        """
        if not read.full:
            return []
        shown = full_read(connection, read)
        if shown is None:
            raise StoreError(
                f"the full read of step {read.step.step_id} has ended or was overtaken: nothing was concluded"
            )
        step = {"step": read.step_no}
        connection.execute(FORGET_UNSEEN)
        unseen_now = shown.note_unseen(connection, trusted=trusted)
        gone = forget(connection, read.step_no, UNSEEN, self._clock()) if unseen_now else []
        connection.execute(FORGET_MISSED, step)
        if unseen_now > len(gone):
            connection.execute(NOTE_MISSED, step)
        end_full_read(connection, read.step_no)
        return gone

    @reads
    def rechecks(self, connection: Connection, account: str, now: datetime, limit: int = 1000) -> list[Recheck]:
        """Return the steps with errors, neither to retry nor to resolve, that are due to be judged again.

        One entry a step, over its oldest *limit* of them; errors that do not say when they occurred are left out.
        """
        rows = connection.execute(RECHECKS, {"account": account, "now": now, "limit": limit})
        return [Recheck(step=ref_of(row), since=row.since, until=row.until, count=row.found) for row in rows]


def _progress(connection: Connection, ref: StepRef) -> StepProgress:
    row = connection.execute(PROGRESS_OF, address(ref)).first()
    return NEVER_READ if row is None else _progress_of(row)


def _progress_of(row: AnyRow) -> StepProgress:
    return StepProgress(
        mark=mark_of(row),
        watermark_at=row.watermark_at,
        swept_at=row.swept_at,
        judged_with=row.judged_with,
        open=row.open,
        in_flight=row.in_flight,
    )

"""Recordings: what was judged is read a step at a time, with what came of it, and forgotten after a while."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import (
    Connection,
    Select,
    Table,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
    type_coerce,
    union,
    update,
)

from daemon.core.batches import Act
from daemon.core.recordings import ACTED, Departure, Fate, Recorded, Remembered
from daemon.core.records import StepRef
from daemon.store.cases import SENT
from daemon.store.columns import Moment, clean
from daemon.store.judged import STEP
from daemon.store.numbers import forget_numbers
from daemon.store.past import IS_RECORDED, RECORDED
from daemon.store.recording_tables import NOT_ASKED, departures, recorded_texts, recordings
from daemon.store.recording_texts import case_of, ruling_of, said_of
from daemon.store.sqlite import document, fields
from daemon.store.steps import REF, AnyRow, find_step, ref_of
from daemon.store.tables import batch_items, batches, errors, steps
from daemon.store.transactions import Database, reads, writes_soon

_said, _ruling = recorded_texts.alias("said_texts"), recorded_texts.alias("ruling_texts")
_since = bindparam("since", type_=Moment())
_after = RECORDED.c.error_id > bindparam("after", type_=errors.c.error_id.type)
_is_open = exists().where(errors.c.step_no == RECORDED.c.step_no, errors.c.error_id == RECORDED.c.error_id)
REMEMBERED: Select[tuple[object, ...]] = (
    select(
        *RECORDED.c,
        _said.c.text.label("said_text"),
        _ruling.c.text.label("ruling_text"),
        _is_open.correlate(RECORDED).label("open"),
        departures.c.left_at,
        departures.c.how,
    )
    .join_from(RECORDED, _said, _said.c.text_no == RECORDED.c.said)
    .join(_ruling, _ruling.c.text_no == RECORDED.c.ruling)
    .outerjoin(
        departures,
        (departures.c.step_no == RECORDED.c.step_no) & (departures.c.error_id == RECORDED.c.error_id),
    )
    .where(
        RECORDED.c.step_no == STEP,
        _after,
        RECORDED.c.error_id <= bindparam("upto", type_=errors.c.error_id.type),
        RECORDED.c.last_at >= _since,
    )
    .order_by(RECORDED.c.error_id, RECORDED.c.judged_at)
)
_ids_after = (
    select(RECORDED.c.error_id)
    .where(RECORDED.c.step_no == STEP, _after, RECORDED.c.last_at >= _since)
    .distinct()
    .order_by(RECORDED.c.error_id)
    .limit(bindparam("limit"))
    .subquery()
)
UPTO = select(func.max(_ids_after.c.error_id))
RECORDED_STEPS = (
    select(*REF)
    .where(
        or_(bindparam("account", type_=steps.c.account.type).is_(None), steps.c.account == bindparam("account")),
        exists().where(RECORDED.c.step_no == steps.c.step_no, RECORDED.c.last_at >= _since).correlate(steps),
    )
    .order_by(*REF)
)
ACTED_ON = (
    select(batch_items.c.error_id, batches.c.act, batch_items.c.outcome)
    .join_from(batches, batch_items, batch_items.c.batch_no == batches.c.batch_no)
    .where(
        batches.c.step_no == STEP,
        batches.c.intended_at >= _since,
        batches.c.act.in_((Act.RETRY, Act.RESOLVE)),
        SENT,
    )
    .order_by(batches.c.batch_no)
)
_last_at = type_coerce(recordings.c.judged_at + recordings.c.lasted_ms, Moment())
_last_judged = (
    select(func.max(_last_at))
    .where(recordings.c.step_no == departures.c.step_no, recordings.c.error_id == departures.c.error_id)
    .correlate(departures)
    .scalar_subquery()
)
DEPARTED = (
    select(*REF, departures.c.error_id, func.coalesce(_last_judged, departures.c.left_at).label("since"))
    .join_from(departures, steps, steps.c.step_no == departures.c.step_no)
    .where(NOT_ASKED, steps.c.account == bindparam("account"))
    .order_by(*REF, departures.c.error_id)
)
_fates = fields("fates", departures.c.error_id, departures.c.how)
NOTE_FATES = (
    update(departures)
    .where(departures.c.step_no == STEP, departures.c.error_id == _fates.c.error_id)
    .values(how=_fates.c.how)
)


LOOK_AT = 5000
"""Errors that are looked at in one transaction when old recordings are forgotten."""

UNRECORD = update(errors).where(IS_RECORDED).values(said=None, words="", ruling=None, case_known="", judged_ms=0)
_in_use = union(
    *(select(recordings.c[name]) for name in ("said", "ruling")),
    *(select(errors.c[name]).where(IS_RECORDED) for name in ("said", "ruling")),
).cte("in_use")
FORGET_TEXTS = delete(recorded_texts).where(recorded_texts.c.text_no.not_in(select(_in_use.c.said)))


class RecordingRows(Database):
    """What was judged, and what came of it."""

    @reads
    def recorded_steps(self, connection: Connection, account: str | None, since: datetime) -> list[StepRef]:
        """Return the steps with errors judged since then; None asks for those of all accounts."""
        given = {"account": account, "since": since, "now": self._clock()}
        return [ref_of(row) for row in connection.execute(RECORDED_STEPS, given)]

    @reads
    def remembered(
        self, connection: Connection, ref: StepRef, since: datetime, *, after: str = "", limit: int = 2000
    ) -> list[Remembered]:
        """Return the recordings since then of the next *limit* errors of a step, by error id, the oldest first."""
        step_no, now = find_step(connection, ref), self._clock()
        where = {"step": step_no, "since": since, "now": now, "after": clean(after)}
        upto = connection.execute(UPTO, where | {"limit": limit}).scalar()
        if upto is None:
            return []
        return [_remembered(ref, row) for row in connection.execute(REMEMBERED, where | {"upto": upto})]

    @reads
    def acted_on(self, connection: Connection, ref: StepRef, since: datetime) -> dict[str, Fate]:
        """Return what came of the errors of a step that were retried or resolved since then, by error id."""
        rows = connection.execute(ACTED_ON, {"step": find_step(connection, ref), "since": since})
        fates = {row.error_id: ACTED.get((row.act, row.outcome)) for row in rows}
        return {error_id: fate for error_id, fate in fates.items() if fate is not None}

    @reads
    def departed(self, connection: Connection, account: str) -> list[Departure]:
        """Return the recorded errors that left without us and of which nobody has asked how, by step."""
        found: dict[StepRef, list[AnyRow]] = {}
        for row in connection.execute(DEPARTED, {"account": account}):
            found.setdefault(ref_of(row), []).append(row)
        return [
            Departure(step=ref, error_ids=tuple(row.error_id for row in rows), since=min(row.since for row in rows))
            for ref, rows in found.items()
        ]

    @writes_soon
    def note_fates(self, connection: Connection, ref: StepRef, fates: Mapping[str, Fate]) -> None:
        """Remember how errors left."""
        said = document([(error_id, fate.value) for error_id, fate in fates.items()])
        connection.execute(NOTE_FATES, {"step": find_step(connection, ref), "fates": said})

    async def forget_recordings(self, before: datetime, *, open_too: bool = False) -> int:
        """Delete the recordings of how errors were judged until before then, and return how many; in small transactions.

        How an open error is judged it is judged until now: that stays, but for *open_too*.
        """
        forgotten = 0
        for table in (recordings, errors) if open_too else (recordings,):
            after: tuple[int, str] | None = (0, "")
            while after is not None:
                found, after = await self._forget_some(table, before, after)
                forgotten += found
        await self._forget_departures(before, texts=forgotten > 0)
        return forgotten

    @writes_soon
    def _forget_some(
        self, connection: Connection, table: Table, before: datetime, after: tuple[int, str]
    ) -> tuple[int, tuple[int, str] | None]:
        """Look at the next rows; return how many were forgotten, and the last that was looked at, None at the end."""
        place = tuple_(table.c.step_no, table.c.error_id)
        looked_at = select(table.c.step_no, table.c.error_id).where(place > tuple_(*after))
        upto = connection.execute(looked_at.order_by(*looked_at.selected_columns).offset(LOOK_AT).limit(1)).first()
        old = (UNRECORD if table is errors else delete(recordings).where(_last_at < before)).where(
            place > tuple_(*after)
        )
        if upto is not None:
            old = old.where(place <= tuple_(*upto))
        return connection.execute(old).rowcount, upto and (upto.step_no, upto.error_id)

    @writes_soon
    def _forget_departures(self, connection: Connection, before: datetime, *, texts: bool) -> None:
        connection.execute(delete(departures).where(departures.c.left_at < before))
        if texts:
            connection.execute(FORGET_TEXTS)
            forget_numbers(connection)


def _remembered(ref: StepRef, row: AnyRow) -> Remembered:
    recorded = Recorded(
        step=ref,
        error_id=row.error_id,
        occurred_at=row.occurred_at,
        trace=row.trace,
        said=said_of(row.said_text, row.words),
        ruling=ruling_of(row.ruling_text),
        judged_at=row.judged_at,
        last_at=row.last_at,
        **case_of(row.case_known),
    )
    return Remembered(recorded=recorded, open=bool(row.open), left_at=row.left_at, how=row.how or "")

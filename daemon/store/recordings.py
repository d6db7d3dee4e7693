"""Recordings: written with the page that they are about, read a step at a time, and forgotten after a while."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    Select,
    bindparam,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    type_coerce,
    update,
)

from daemon.core.batches import Act
from daemon.core.recordings import ACTED, Departure, Fate, Recorded, Remembered
from daemon.core.records import StepRef
from daemon.store.cases import SENT
from daemon.store.columns import Moment, clean, to_ms
from daemon.store.judged import STEP
from daemon.store.recording_tables import NOT_ASKED, departures, recorded_texts, recordings
from daemon.store.recording_texts import case_of, case_text, ruling_of, ruling_text, said_of, said_text
from daemon.store.sqlite import document, fields, insert
from daemon.store.steps import REF, AnyRow, find_step, ref_of
from daemon.store.tables import batch_items, batches, errors, steps
from daemon.store.transactions import Database, reads, writes_soon

_texts = fields("texts", recorded_texts.c.digest, recorded_texts.c.text)
KEEP_TEXTS = (
    insert(recorded_texts)
    .from_select(["digest", "text"], select(_texts.c.digest, _texts.c.text).where(true()))
    .on_conflict_do_nothing()
)
_GIVEN = ("error_id", "said", "ruling", "case_known", "trace", "occurred_at", "judged_at")
_said, _ruling = recorded_texts.alias("said_texts"), recorded_texts.alias("ruling_texts")
_given = fields("recorded", *(recordings.c[name] for name in _GIVEN))
_record = insert(recordings).from_select(
    ["step_no", *_GIVEN, "lasted_ms", "times"],
    select(
        STEP,
        _given.c.error_id,
        _said.c.text_no,
        _ruling.c.text_no,
        *(_given.c[name] for name in _GIVEN[3:]),
        literal(0),
        literal(1),
    )
    .join_from(_given, _said, _said.c.digest == _given.c.said)
    .join(_ruling, _ruling.c.digest == _given.c.ruling)
    .where(true()),
)
RECORD = _record.on_conflict_do_update(
    index_elements=["step_no", "error_id", "said", "ruling", "case_known"],
    set_={
        "lasted_ms": func.max(
            recordings.c.lasted_ms, type_coerce(_record.excluded.judged_at - recordings.c.judged_at, BigInteger)
        ),
        "times": recordings.c.times + _record.excluded.times,
    },
)

_last_at = type_coerce(recordings.c.judged_at + recordings.c.lasted_ms, Moment())
_is_open = exists().where(errors.c.step_no == recordings.c.step_no, errors.c.error_id == recordings.c.error_id)
_since = bindparam("since", type_=Moment())
REMEMBERED: Select[tuple[object, ...]] = (
    select(
        recordings,
        _last_at.label("last_at"),
        _said.c.text.label("said_text"),
        _ruling.c.text.label("ruling_text"),
        _is_open.correlate(recordings).label("open"),
        departures.c.left_at,
        departures.c.how,
    )
    .join_from(recordings, _said, _said.c.text_no == recordings.c.said)
    .join(_ruling, _ruling.c.text_no == recordings.c.ruling)
    .outerjoin(
        departures,
        (departures.c.step_no == recordings.c.step_no) & (departures.c.error_id == recordings.c.error_id),
    )
    .where(
        recordings.c.step_no == STEP,
        recordings.c.error_id > bindparam("after", type_=recordings.c.error_id.type),
        recordings.c.error_id <= bindparam("upto", type_=recordings.c.error_id.type),
        _last_at >= _since,
    )
    .order_by(recordings.c.error_id, recordings.c.judged_at)
)
_ids_after = (
    select(recordings.c.error_id)
    .where(
        recordings.c.step_no == STEP,
        recordings.c.error_id > bindparam("after", type_=recordings.c.error_id.type),
        _last_at >= _since,
    )
    .distinct()
    .order_by(recordings.c.error_id)
    .limit(bindparam("limit"))
    .subquery()
)
UPTO = select(func.max(_ids_after.c.error_id))
RECORDED_STEPS = (
    select(*REF)
    .where(
        or_(bindparam("account", type_=steps.c.account.type).is_(None), steps.c.account == bindparam("account")),
        exists().where(recordings.c.step_no == steps.c.step_no, _last_at >= _since).correlate(steps),
    )
    .order_by(*REF)
)
LOOK_AT = 5000
"""Recordings that are looked at in one transaction when old ones are forgotten."""

_place = tuple_(recordings.c.step_no, recordings.c.error_id)
_after = tuple_(bindparam("after_step", type_=Integer()), bindparam("after_error", type_=recordings.c.error_id.type))
LOOKED_AT = (
    select(recordings.c.step_no, recordings.c.error_id)
    .where(_place > _after)
    .order_by(recordings.c.step_no, recordings.c.error_id)
    .offset(LOOK_AT)
    .limit(1)
)
"""Where a look at the next recordings ends; nothing where it ends with the last of them."""

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


def record(connection: Connection, step_no: int, recorded: Sequence[Recorded]) -> None:
    """Keep the recordings of one page; one that is there already was judged once more."""
    if not recorded:
        return
    texts: dict[int, str] = {}
    rows: list[tuple[object, ...]] = []
    for one in recorded:
        said, ruling = said_text(one.said), ruling_text(one.ruling)
        texts[said[0]], texts[ruling[0]] = said[1], ruling[1]
        occurred_at, judged_at = to_ms(one.occurred_at), to_ms(one.judged_at)
        rows.append((one.error_id, said[0], ruling[0], case_text(one), one.trace, occurred_at, judged_at))
    connection.execute(KEEP_TEXTS, {"texts": document(sorted(texts.items()))})
    connection.execute(RECORD, {"step": step_no, "recorded": document(rows)})


class RecordingRows(Database):
    """What was judged, and what came of it."""

    @reads
    def recorded_steps(self, connection: Connection, account: str | None, since: datetime) -> list[StepRef]:
        """Return the steps with errors judged since then; None asks for those of all accounts."""
        return [ref_of(row) for row in connection.execute(RECORDED_STEPS, {"account": account, "since": since})]

    @reads
    def remembered(
        self, connection: Connection, ref: StepRef, since: datetime, *, after: str = "", limit: int = 2000
    ) -> list[Remembered]:
        """Return the recordings since then of the next *limit* errors of a step, by error id, the oldest first."""
        where = {"step": find_step(connection, ref), "since": since, "after": clean(after)}
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

    async def forget_recordings(self, before: datetime) -> int:
        """Delete the recordings that were last made before then, and return how many; in small transactions."""
        forgotten, after = 0, (0, "")
        while True:
            found, upto = await self._forget_recordings(before, after)
            forgotten += found
            if upto is None:
                await self._forget_departures(before, texts=forgotten > 0)
                return forgotten
            after = upto

    @writes_soon
    def _forget_recordings(
        self, connection: Connection, before: datetime, after: tuple[int, str]
    ) -> tuple[int, tuple[int, str] | None]:
        """Look at the next recordings; return how many were deleted, and the last that was looked at, None at the end."""
        names = {"after_step": after[0], "after_error": after[1]}
        upto = connection.execute(LOOKED_AT, names).first()
        old = delete(recordings).where(_last_at < before, _place > _after)
        if upto is not None:
            old = old.where(_place <= tuple_(literal(upto.step_no), literal(upto.error_id)))
        return connection.execute(old, names).rowcount, upto and (upto.step_no, upto.error_id)

    @writes_soon
    def _forget_departures(self, connection: Connection, before: datetime, *, texts: bool) -> None:
        connection.execute(delete(departures).where(departures.c.left_at < before))
        if texts:
            used = select(recordings.c.said).union(select(recordings.c.ruling))
            connection.execute(delete(recorded_texts).where(recorded_texts.c.text_no.not_in(used)))


def _remembered(ref: StepRef, row: AnyRow) -> Remembered:
    recorded = Recorded(
        step=ref,
        error_id=row.error_id,
        occurred_at=row.occurred_at,
        trace=row.trace,
        said=said_of(row.said_text),
        ruling=ruling_of(row.ruling_text),
        judged_at=row.judged_at,
        last_at=row.last_at,
        times=row.times,
        **case_of(row.case_known),
    )
    return Remembered(recorded=recorded, open=bool(row.open), left_at=row.left_at, how=row.how or "")

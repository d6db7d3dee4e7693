"""Keeping what was judged: rows of errors, written a page at a time, with what is recorded of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    type_coerce,
)

from daemon.core.judgements import Judged
from daemon.core.recordings import Recorded
from daemon.store.columns import clean, to_ms
from daemon.store.counted import errors_changed
from daemon.store.paged import Paged, Row, given
from daemon.store.past import JUDGED_AT, NOTHING, Now, past_of, recording_rows
from daemon.store.sqlite import document, each, fields, insert
from daemon.store.steps import count_stored
from daemon.store.tables import (
    WANTS_ASSIGN,
    WANTS_TAG,
    aliases,
    batch_items,
    batches,
    errors,
    held,
)
from daemon.store.vocabulary import CODES, VERDICTS

STEP = bindparam("step", type_=errors.c.step_no.type)

GIVEN = ("case_key", "code_no", "occurred_at", "fingerprint", "wants", "due_at", "verdict_no")
RECORDED = ("said", "words", "ruling", "case_known", "judged_ms")
_page = given(errors.c.error_id, *(errors.c[name] for name in (*GIVEN, *RECORDED)))
_now = bindparam("now", type_=errors.c.first_seen_at.type)


def case_root(key: ColumnElement[str]) -> ColumnElement[str]:
    """Return the case that *key*, perhaps an alias, stands for on the step."""
    known = select(aliases.c.case_root).where(aliases.c.step_no == STEP, aliases.c.alias == key)
    return func.coalesce(known.correlate_except(aliases).scalar_subquery(), key)


def former_key(key: ColumnElement[str]) -> ColumnElement[str]:
    """Return what `core.cases.former_key` does; NULL where that is ""."""
    past_the_digest = func.substr(key, 3 + func.instr(func.substr(key, 3), ":"))
    return case((func.substr(key, 1, 2) == "c:", literal("t:") + past_the_digest))


_retries = exists().where(batch_items.c.step_no == STEP).correlate_except(batch_items)
_attempt = exists().where(batch_items.c.step_no == STEP, batch_items.c.case_root == case_root(_page.c.case_key))
_tried = case((and_(_retries, _attempt.correlate_except(batch_items)), 1), else_=0)
_keep = insert(errors).from_select(
    ["step_no", "error_id", *GIVEN, *RECORDED, "tried", "seen_after", "first_seen_at"],
    select(
        STEP,
        *_page.c,
        _tried,
        select(func.coalesce(func.max(batches.c.batch_no), 0)).scalar_subquery(),
        _now,
    ).where(true()),
)
KEEP_NEW = Paged(_keep.on_conflict_do_nothing(), _page)

_later_ms = type_coerce(_keep.excluded.first_seen_at, BigInteger) - type_coerce(errors.c.first_seen_at, BigInteger)
_as_before = and_(*(errors.c[name].is_not_distinct_from(_keep.excluded[name]) for name in RECORDED[:-1]))
_other = or_(*(errors.c[name].is_distinct_from(_keep.excluded[name]) for name in (*GIVEN, "tried")))
_recorded = {
    name: case((_keep.excluded.said.is_(None), errors.c[name]), else_=_keep.excluded[name]) for name in RECORDED[:-1]
}
_replace = _keep.on_conflict_do_update(
    index_elements=["step_no", "error_id"],
    set_={
        **{name: _keep.excluded[name] for name in (*GIVEN, "tried")},
        **_recorded,
        "judged_ms": case(
            (or_(_keep.excluded.said.is_(None), _as_before), errors.c.judged_ms),
            else_=_keep.excluded.judged_ms + _later_ms,
        ),
    },
    where=and_(errors.c.batch_no.is_(None), or_(_other, and_(_keep.excluded.said.is_not(None), ~_as_before))),
)
REPLACE = Paged(_replace, _page)
"""Put these in the place of those that are not in flight; what is judged as before is not written again."""
_judged_at = _now + _page.c.judged_ms
_past = past_of(
    _page.join(errors, and_(errors.c.step_no == STEP, errors.c.error_id == _page.c.error_id)),
    errors.c.batch_no.is_(None),
    _page.c.said.is_not(None),
    or_(*(errors.c[name] != _page.c[name] for name in RECORDED[:-1])),
    _judged_at != JUDGED_AT,
    until=_judged_at,
)
KEEP_PAST = Paged(_past, _page)
"""Remember how those were judged that are recorded as judged otherwise now."""

_ids = each("ids")


def _standing(error_id: Column[str] | ColumnElement[str]) -> ColumnElement[bool]:
    """Tell whether the error is stored and not in flight."""
    return (
        exists()
        .where(errors.c.step_no == STEP, errors.c.error_id == error_id, errors.c.batch_no.is_(None))
        .correlate_except(errors)
    )


LET_GO = delete(held).where(
    held.c.step_no == STEP, held.c.error_id.in_(select(_ids.c.value)), _standing(held.c.error_id)
)
_holds = fields("holds", held.c.error_id, held.c.queue, held.c.title, held.c.edit, held.c.detail)
_hold = insert(held).from_select(
    ["step_no", *_holds.c.keys(), "held_at"],
    select(STEP, *_holds.c, bindparam("now", type_=held.c.held_at.type)).where(_standing(_holds.c.error_id)),
)
PUT_ON_HOLD = _hold.on_conflict_do_update(
    index_elements=["step_no", "error_id"],
    set_={name: _hold.excluded[name] for name in ("queue", "title", "edit", "detail")},
)


def keep(
    connection: Connection, step_no: int, judged: Sequence[Judged], now: datetime, recorded: Sequence[Recorded] = ()
) -> int:
    """Insert or replace the rows of *judged* and return how many are new; a row in flight stays as it is.

    What is *recorded* of them takes the place of what was recorded before, which is their past from now on. Of those of
    which nothing is, the recording stays.
    """
    newest = {one.error_id: one for one in judged}
    if not newest:
        return 0
    ordered = [newest[error_id] for error_id in sorted(newest)]  # as they will lie
    rows = _rows(connection, ordered, recording_rows(connection, recorded, now) if recorded else {})
    given_ms = {"step": step_no, "now": to_ms(now)}
    new = KEEP_NEW.execute(connection, rows, given_ms)
    count_stored(connection, step_no, new)
    if new < len(newest):
        if recorded:
            KEEP_PAST.execute(connection, rows, given_ms)
        errors_changed(connection)
        REPLACE.execute(connection, rows, given_ms)
        free = [one.error_id for one in newest.values() if one.hold is None]
        connection.execute(LET_GO, {"step": step_no, "ids": document(free)})
    holds = [_hold_row(one) for one in newest.values() if one.hold is not None]
    if holds:
        connection.execute(PUT_ON_HOLD, {"step": step_no, "now": now, "holds": document(holds)})
    return new


def _rows(connection: Connection, ordered: Sequence[Judged], recordings: Mapping[str, Now]) -> list[Row]:
    """Return the rows of a page, made by columns: each step of that is one for the page instead of one for each error."""
    ids, keys, occurred, fingerprints, codes, *verdicts, details, due, tags, assigns, holds = zip(*ordered, strict=True)
    if any(holds):  # the sentence of a held error, often its own, is kept with the hold
        details = tuple(detail if hold is None else "" for detail, hold in zip(details, holds, strict=True))
    return [
        *zip(
            _clean(ids),
            _clean(keys),
            CODES.numbers(connection, [*zip(codes, strict=True)]),
            [to_ms(each) for each in occurred],
            fingerprints,
            [WANTS_TAG * tag + WANTS_ASSIGN * assign for tag, assign in zip(tags, assigns, strict=True)],
            [to_ms(each) for each in due],
            VERDICTS.numbers(connection, [*zip(*verdicts, details, strict=True)]),
            *zip(*[recordings.get(error_id, NOTHING) for error_id in ids], strict=True),
            strict=True,
        )
    ]


def _clean(texts: Sequence[str]) -> Sequence[str]:
    whole = "".join(texts)
    return texts if clean(whole) == whole else [clean(each) for each in texts]


def _hold_row(one: Judged) -> tuple[object, ...]:
    if one.hold is None:
        raise AssertionError
    edit = json.dumps([asdict(field) for field in one.hold.edit])
    return one.error_id, one.hold.queue, one.hold.title, edit, one.detail
